"""What a named person says about an operation: how it ended (`ecrlan operations resolve`), and which terminal has it (`attach`)."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Literal, TypeVar

import click
from rich.text import Text

from ecrlan.cli import remote_desk
from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.exits import Exit, pipe_may_close
from ecrlan.cli.filters import Word
from ecrlan.cli.output import console, outcome_word, print_json
from ecrlan.cli.remote import needed_daemon, running_daemon
from ecrlan.cli.session import journal_file
from ecrlan.errors import RegisterError, UnknownReferenceError
from ecrlan.journal import Journal
from ecrlan.operation_json import operation_as_json
from ecrlan.protocol.records import operation_of_entry
from ecrlan.protocol.work import said
from ecrlan.register import Register
from ecrlan.story import moment
from ecrlan.texts import LANGUAGES, Language, say
from ecrlan.texts.language import choose_language
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecrlan.journal import Entry, JournalReader
    from ecrlan.model import Operation
    from ecrlan.settings import Settings


Command = TypeVar("Command", bound="Callable[..., Exit | None]")


def language_option(function: Command) -> Command:
    """`--lang`, by default that of the locale."""
    return click.option(
        "--lang",
        "language",
        type=click.Choice(LANGUAGES),
        default=lambda: choose_language(os.environ),
        help="Language; default: the locale's.",
    )(function)


def find_entry(reader: JournalReader, reference: str) -> Entry:
    """Return the operation with its history. Raises `UnknownReferenceError`, or `RegisterError` where retention has removed it."""
    entry = reader.find(reference)
    if entry is not None:
        return entry
    known = reader.known(reference)
    if known is None:
        raise UnknownReferenceError(reference)
    values = {
        "reference": reference,
        "kind": known.kind.value,
        "amount": known.amount,
        "terminal": known.terminal,
        "time": moment(known.created_time),
        "outcome": known.outcome,
    }
    raise RegisterError(("operation_removed", values))


@click.command()
@click.argument("reference", metavar="REF")
@click.option("--as", "answer", type=Word(["approved", "not-performed"]), required=True, help="What the terminal shows.")
@click.option("--by", metavar="NAME", required=True, help="Who says so; kept in the journal.")
@click.option("--note", metavar="TEXT", required=True, help="How it was found out; kept in the journal.")
@click.option("--config", metavar="FILE", help="The settings file.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print the operation as JSON.")
def resolve(*, reference: str, answer: str, by: str, note: str, config: str | None, language: Language, as_json: bool) -> Exit:
    """Settle the unresolved operation REF in a person's name.

    `operations show REF` tells what to look at first, and what each answer means. What was known before stays in the journal. Refused
    where the outcome is known, or is still being found out.
    """
    by, note = said("by", by), said("note", note)
    settings = chosen_settings(config, quiet=as_json)
    remote_desk.have_written(settings, reference)
    with Journal.reader(settings.journal) as reader:  # a journal that is not there must not be made
        entry = find_entry(reader, reference)
    if operation_of_entry(entry).outcome is None:
        raise RegisterError(("may_be_proved", {"reference": reference}))
    operation = _resolve(settings, reference, "approved" if answer == "approved" else "not_performed", by=by, note=note)
    with pipe_may_close():
        if as_json:
            print_json(operation_as_json(operation))
        else:
            told = say(language, f"outcome.{outcome_word(operation)}")
            console().print(Text(clean_text(say(language, "resolved.done", reference=reference, outcome=told, by=by))))
    return Exit.DONE


def _resolve(settings: Settings, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
    daemon = running_daemon(settings)
    if daemon is not None:
        return remote_desk.resolved(daemon, reference, outcome, by=by, note=note)

    async def resolved() -> Operation:
        async with Register(journal_file(settings), cash_register_id=settings.register_.cash_register_id) as register:
            return await register.resolve(reference, outcome, by=by, note=note)

    return asyncio.run(resolved())


@click.command()
@click.argument("reference", metavar="REF")
@click.option("-t", "--terminal", metavar="NAME", required=True, help="The terminal of the settings that has it from now on.")
@click.option("--by", metavar="NAME", required=True, help="Who says so; kept in the journal.")
@click.option("--config", metavar="FILE", help="The settings file.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print the operation as JSON.")
def attach(*, reference: str, terminal: str, by: str, config: str | None, language: Language, as_json: bool) -> Exit:
    """Give the operation REF, whose outcome is not known, to a terminal of the settings, in a person's name.

    For an operation whose terminal was renamed, moved or taken out of the settings: while it belongs to none, no money is moved. From
    then on it blocks its new terminal, and is recovered or settled there.
    """
    by = said("by", by)
    settings = chosen_settings(config, quiet=as_json)
    settings.terminal_settings(terminal)
    remote_desk.have_written(settings, reference)
    with Journal.reader(settings.journal) as reader:  # a journal that is not there must not be made
        find_entry(reader, reference)
    operation = _attach(settings, reference, terminal, by=by)
    with pipe_may_close():
        if as_json:
            print_json(operation_as_json(operation))
        else:
            console().print(Text(clean_text(say(language, "attached.done", reference=reference, terminal=terminal, by=by))))
    return Exit.DONE


def _attach(settings: Settings, reference: str, terminal: str, *, by: str) -> Operation:
    daemon = running_daemon(settings)
    if daemon is not None:
        return remote_desk.attached(daemon, reference, terminal, by=by)

    async def attached() -> Operation:
        async with Register(journal_file(settings), cash_register_id=settings.register_.cash_register_id) as register:
            register.add(settings.terminal_settings(terminal))
            return await register.attach(reference, terminal, by=by)

    return asyncio.run(attached())


@click.command()
@click.argument("reference", metavar="REF")
@click.option("--config", metavar="FILE", help="The settings file.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print the operation as JSON.")
def withdraw(*, reference: str, config: str | None, language: Language, as_json: bool) -> Exit:
    """Take the operation REF back, which waits for its terminal in the daemon's queue: it is not sent.

    It ends as not performed, and its reference stays used. Refused once it was sent: only the terminal's red key ends a running payment.
    """
    daemon = needed_daemon(chosen_settings(config, quiet=as_json), ("no_queue_without_daemon", {}))
    operation = remote_desk.withdrawn(daemon, reference)
    with pipe_may_close():
        if as_json:
            print_json(operation_as_json(operation))
        else:
            console().print(Text(clean_text(say(language, "withdrawn.done", reference=reference))))
    return Exit.DONE
