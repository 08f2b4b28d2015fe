"""`ecrlan journal`: whether the journal can be believed, and a person's word that it may be used."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from ecrlan.cli.exits import Exit, configure_logging, pipe_may_close
from ecrlan.cli.output import console, language_option, print_json, print_rows
from ecrlan.cli.way import Way, chosen_settings
from ecrlan.errors import RegisterError
from ecrlan.protocol.work import said
from ecrlan.story import moment
from ecrlan.texts import Language, say
from ecrlan.wire.mask import clean_text


@click.group(invoke_without_command=True)
@click.option("--config", metavar="FILE", help="The settings file.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def journal(ctx: click.Context, *, config: str | None, language: Language, as_json: bool) -> Exit | None:
    """Show the journal's file, its epoch (how often it was opened), and whether anything about it is in doubt.

    A journal that is a copy, older than it should be, or cut may not hold all that was done: until a person accepts it, no money is
    moved, and the exit code is 3. A snapshot of a whole machine that was put back cannot be noticed.
    """
    configure_logging(0)
    if ctx.invoked_subcommand is not None:
        return None
    way = Way.find(chosen_settings(config, quiet=as_json))
    document = way.look_up(lambda records: records.journal(language))
    with pipe_may_close():
        if as_json:
            print_json(document)
        else:
            _print(document, language)
    return Exit.NOT_PERFORMED if document.get("doubt") else Exit.DONE


@journal.command()
@click.option("--by", metavar="NAME", required=True, help="Who says so; kept in the journal.")
@click.option("--note", metavar="TEXT", required=True, help="What was looked at; kept in the journal.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--config", metavar="FILE", help="The settings file.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print the journal as JSON; needs --yes.")
def accept(*, by: str, note: str, yes: bool, config: str | None, language: Language, as_json: bool) -> Exit:
    """Say, in a person's name, that a journal in doubt may be used: from then on money is moved again.

    Before that, compare the terminal's own list with `ecrlan operations list`: what happened since the copy was made is not in the
    journal, and asked for again by its reference it would be performed a second time.
    """
    by, note = said("by", by), said("note", note)
    way = Way.find(chosen_settings(config, quiet=as_json))
    document = way.look_up(lambda records: records.journal(language))
    if not document.get("doubt"):
        raise RegisterError(("nothing_in_doubt", {}))
    if not yes:
        _confirm(document, language, as_json=as_json)
    accepted = way.ask(lambda service: service.accept_journal(by=by, note=note, language=language))
    with pipe_may_close():
        if as_json:
            print_json(accepted)
        else:
            console().print(Text(clean_text(say(language, "journal.done", by=by))))
    return Exit.DONE


def _confirm(document: dict[str, Any], language: Language, *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise click.UsageError("accepting a journal in doubt is confirmed by a person: where nobody can be asked, say --yes as well")
    screen = console(stderr=True)
    screen.print(Text(clean_text(str(document["doubt"].get("text"))), style="bold red"))
    screen.print(Text(say(language, "journal.risk")))
    if not click.confirm(say(language, "journal.ask"), err=True):
        raise RegisterError(("not_confirmed_unchanged", {}))


def _print(document: dict[str, Any], language: Language) -> None:
    doubt, accepted = document.get("doubt"), document.get("accepted")
    rows = [
        (say(language, "journal.file"), str(document.get("file"))),
        (say(language, "journal.epoch"), str(document.get("epoch"))),
        (say(language, "journal.doubt"), str(doubt.get("text")) if doubt else say(language, "journal.no_doubt")),
    ]
    if isinstance(accepted, dict):
        time = moment(datetime.fromisoformat(str(accepted.get("time"))))
        text = say(language, "fact.resolution_text", by=accepted.get("by"), time=time, note=accepted.get("note"))
        rows.append((say(language, "journal.accepted"), text))
    screen = console()
    print_rows(screen, rows)
    if doubt:
        screen.print()
        screen.print(Text(say(language, "journal.risk")))
        screen.print(Text(say(language, "journal.command")), soft_wrap=True)
