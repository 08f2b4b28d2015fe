"""Commands about an earlier operation: which terminal it was on, and what is asked or said before anything is sent."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from ecrlan.cli.amount import parse_amount
from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.session import choose_terminal
from ecrlan.errors import JournalError, RegisterError, UnknownReferenceError
from ecrlan.journal import Journal
from ecrlan.model import ROME, Kind
from ecrlan.register.targets import VOIDABLE
from ecrlan.story import what
from ecrlan.texts import Language, euros, say
from ecrlan.texts.language import choose_language

if TYPE_CHECKING:
    from pathlib import Path

    from ecrlan.cli.session import AnyTerminal, Call
    from ecrlan.journal import Entry

LOOKED_AT = 50
"""Approved operations among which the last payment is looked for."""


def target_and_amount(words: tuple[str, ...], code: str | None) -> tuple[str | None, int]:
    """Return reference (None: `code` names the pre-authorization) and cents of what was typed as `[REF] AMOUNT`."""
    if not words:
        raise click.UsageError("Missing argument 'AMOUNT'.")
    if len(words) != (2 if code is None else 1):
        raise click.UsageError(
            "say either REF AMOUNT (the reference of the pre-authorization, and euros) or AMOUNT --preauthorization-code CODE"
        )
    return (words[0] if code is None else None), parse_amount(words[-1])


def on_its_terminal(call: Call, reference: str) -> Call:
    """Return `call` on the terminal of operation `reference`, unless it names one. Raises `UnknownReferenceError`, `JournalError`."""
    if call.terminal is not None or call.address is not None:
        return call
    configure_logging(call.verbose, shown_to_people=not call.as_json)
    settings = chosen_settings(call.config, address=call.address)
    with Journal.reader(settings.journal) as reader:
        entry = reader.find(reference)
    if entry is None:
        raise UnknownReferenceError(reference)
    if entry.terminal not in settings.terminals:
        raise click.UsageError(
            f"operation {reference} ran on the terminal {entry.terminal}, which the settings do not name: say --address HOST[:PORT]"
        )
    return replace(call, terminal=entry.terminal)


def confirm_last(call: Call) -> None:
    """Ask whether whichever payment was the terminal's last is to be reversed. Raises `RegisterError` unless the answer is yes."""
    if call.as_json or not sys.stdin.isatty():
        raise click.UsageError("--last reverses whichever payment was the terminal's last: where nobody can be asked, say --yes as well")
    configure_logging(call.verbose)
    settings = chosen_settings(call.config, address=call.address)
    name = choose_terminal(settings, call.terminal, call.address).name
    entry = _last_payment(settings.journal, name)
    language = choose_language(os.environ)
    payment = _words(entry, language) if entry is not None else say(language, "last.none")
    click.echo(say(language, "last.reverses", terminal=name), err=True)
    click.echo(say(language, "last.known", payment=payment), err=True)
    if not click.confirm(say(language, "last.ask"), err=True):
        raise RegisterError(("not_confirmed_unsent", {}))


def _last_payment(journal: Path, terminal: str) -> Entry | None:
    try:
        with Journal.reader(journal) as reader:
            entries = reader.entries(terminal=terminal, outcome="approved", limit=LOOKED_AT)
    except JournalError:  # none yet; a damaged one stops the void itself
        return None
    return next((entry for entry in entries if entry.kind in VOIDABLE or entry.kind is Kind.VOID), None)


def _words(entry: Entry, language: Language) -> str:
    moment = entry.created_time.astimezone(ZoneInfo(ROME))
    return f"{what(entry.kind, entry.amount, language)}, {moment:%d/%m/%Y %H:%M}, {say(language, 'fact.reference')} {entry.reference}"


def warn_above(terminal: AnyTerminal, target: str, amount: int) -> None:
    """Say on standard error that a capture of `amount` cents is above what pre-authorization `target` has authorized."""
    try:
        authorized = terminal.authorized_total(target)
    except RegisterError:  # known already, or refused: the capture itself says so
        return
    language = choose_language(os.environ)
    if amount > authorized:
        click.secho(
            say(language, "capture.above", amount=euros(amount, language), authorized=euros(authorized, language), reference=target),
            fg="yellow",
            err=True,
        )
