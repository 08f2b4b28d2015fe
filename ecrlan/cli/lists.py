"""Many operations: the filters, `ecrlan operations list` and `export`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import click
from rich.table import Table
from rich.text import Text

from ecrlan.cli.exits import Exit, pipe_may_close
from ecrlan.cli.output import console, language_option, outcome_style, outcome_word, print_json
from ecrlan.cli.way import Way, chosen_settings
from ecrlan.errors import EcrlanError, InvalidValueError
from ecrlan.journal import Journal
from ecrlan.journal.queries import Filter
from ecrlan.model import ROME, Kind
from ecrlan.operation_json import operation_as_json
from ecrlan.protocol.records import operation_of_entry
from ecrlan.service import newest
from ecrlan.settings import Settings
from ecrlan.story import moment
from ecrlan.texts import Language, euros, say, words
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from ecrlan.journal import Doubt, Entry, JournalReader
    from ecrlan.model import Operation
    from ecrlan.service import Records

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 100_000
WIDE = 200
"""Columns of the list where nobody's screen limits it: an operation stays one line."""
OUTCOMES = ("approved", "declined", "not-performed", "unresolved", "done", "open")


class Word(click.Choice[str]):
    """One of some words, with `-` or `_` between their parts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's
        """Return the word as it stands in the list."""
        return super().convert(str(value).replace("_", "-"), param, ctx)


def parse_time(place: str, text: str, *, end: bool = False) -> datetime:
    """Return a date or an ISO 8601 time as UTC; Europe/Rome where it names no zone. A date is its first moment, with `end` its last.

    Raises `InvalidValueError`, which names `place`.
    """
    rome = ZoneInfo(ROME)
    try:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            told = datetime.fromisoformat(text)
        else:
            told = datetime.combine(day + timedelta(days=1) if end else day, time(), rome)
        return (told if told.tzinfo is not None else told.replace(tzinfo=rome)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValueError(place, text, ("allowed_date_or_time", {})) from None


def filter_options(function: Callable[..., Exit]) -> Callable[..., Exit]:
    """Options of whatever goes over many operations."""
    kinds = [kind.value.replace("_", "-") for kind in Kind]
    for option in (
        click.option("--config", metavar="FILE", help="The settings file."),
        click.option("--to", "until", metavar="TIME", help="Begun before TIME; a date's whole day is included."),
        click.option("--from", "since", metavar="TIME", help="Begun at TIME or later: 2026-11-23, or 2026-11-23T18:44; Europe/Rome."),
        click.option("--kind", type=Word(kinds), help="Only this kind of operation."),
        click.option("-t", "--terminal", metavar="NAME", help="Only those of this terminal."),
        click.option("--outcome", type=Word(OUTCOMES), help="Only those that ended so; open: not ended yet, or unresolved."),
    ):
        function = option(function)
    return function


def parse_filters(*, outcome: str | None, terminal: str | None, kind: str | None, since: str | None, until: str | None) -> Filter:
    """Return the filter for what was typed."""
    return Filter(
        terminal=terminal,
        outcome=outcome.replace("-", "_") if outcome not in (None, "open") else None,
        kind=kind.replace("-", "_") if kind is not None else None,
        since=parse_time("--from", since) if since is not None else None,
        until=parse_time("--to", until, end=True) if until is not None else None,
        unfinished=outcome == "open",
    )


def place_options(function: Callable[..., Exit]) -> Callable[..., Exit]:
    """`--journal` and `--incomplete`: which journal is read, and what is to come of one that lacks something."""
    for option in (
        click.option("--incomplete", is_flag=True, help="Exit with 0 though the journal may lack something; the warning stays."),
        click.option("--journal", metavar="FILE", help="Read this journal, a backup for instance, and ask no terminal."),
    ):
        function = option(function)
    return function


def load_settings(config: str | None, journal: str | None, *, address: str | None = None, quiet: bool = True) -> Settings:
    """Return the settings, with another journal where one was named; otherwise as `chosen_settings` does."""
    if journal is None:
        return chosen_settings(config, address=address, quiet=quiet)
    settings = Settings.load(config)
    register = settings.register_.model_copy(update={"journal": str(Path(journal).expanduser().absolute())})
    return settings.model_copy(update={"register_": register})


def warn(doubt: Doubt | None, language: Language) -> None:
    """Say on standard error what a journal may lack."""
    if doubt is not None:
        problem = words(doubt.evidence, language)
        console(stderr=True).print(Text(clean_text(say(language, "list.incomplete", problem=problem)), style="bold red"))


def exit_of_reading(doubt: Doubt | None, *, incomplete: bool) -> Exit:
    """Return 3 where the journal may lack something and nobody said that this is known."""
    return Exit.DONE if doubt is None or incomplete else Exit.NOT_PERFORMED


def entry_as_document(entry: Entry) -> dict[str, Any]:
    """Return the operation's JSON (interfaces.md, "JSON") with its history: the document of `show` and of an export's lines."""
    document = operation_as_json(operation_of_entry(entry))
    document["parameters"] = entry.parameters
    document["events"] = [{"time": event.time.isoformat(), "name": event.name, "data": event.data} for event in entry.events]
    return document


@click.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(1, LARGEST_LIMIT), default=DEFAULT_LIMIT, show_default=True, help="The newest so many.")
@place_options
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_operations(
    *, config: str | None, journal: str | None, incomplete: bool, limit: int, language: Language, as_json: bool, **typed: str | None
) -> Exit:
    """List operations, newest first.

    A journal that may lack something is told, and the exit code is 3 then.
    """
    wanted = parse_filters(**typed)
    found, doubt = _listed(Way.find(load_settings(config, journal, quiet=as_json)), wanted, limit + 1)
    warn(doubt, language)
    more, found = len(found) > limit, found[:limit]
    with pipe_may_close():
        if as_json:
            print_json([operation.to_json() for operation in found])
        else:
            _print_table(found, language)
            if more:
                console(stderr=True).print(say(language, "list.more", count=limit))
    return exit_of_reading(doubt, incomplete=incomplete)


def _listed(way: Way, wanted: Filter, limit: int) -> tuple[list[Operation], Doubt | None]:
    """Return the newest `limit` operations, and what the journal may lack: as a daemon knows them, or else as its journal does."""

    async def listed(records: Records) -> tuple[list[Operation], Doubt | None]:
        return await newest(records, wanted, limit), records.incomplete

    if way.daemon is not None:
        with suppress(EcrlanError, click.ClickException):
            return way.look_up(listed)
    return Way(way.settings, None).look_up(listed)


def _print_table(found: list[Operation], language: Language) -> None:
    screen = console()
    if not found:
        screen.print(say(language, "list.none"))
        return
    if not screen.is_terminal:
        screen.width = WIDE
    names = ("time", "outcome", "amount", "kind", "terminal", "reference")
    table = Table(*(say(language, f"column.{name}") for name in names), box=None, header_style="bold", pad_edge=False)
    table.columns[2].justify = "right"
    table.columns[5].overflow = "fold"  # whole, to be copied
    for operation in found:
        word = outcome_word(operation)
        table.add_row(
            moment(operation.created_time, seconds=False),
            Text(say(language, f"outcome.{word}"), style=outcome_style(word)),
            euros(operation.amount, language) if operation.amount is not None else "",
            say(language, f"kind.{operation.kind.value}"),
            Text(clean_text(operation.terminal)),
            Text(clean_text(operation.reference)),
        )
    screen.print(table)


@click.command()
@filter_options
@click.option(
    "--format",
    "layout",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="jsonl: a line each, with parameters and events; csv: the essentials, amounts in cents.",
)
@click.option("--output", metavar="FILE", help="A new file; default: standard output.")
@place_options
@language_option
def export(
    *,
    config: str | None,
    layout: Literal["jsonl", "csv"],
    output: str | None,
    journal: str | None,
    incomplete: bool,
    language: Language,
    **typed: str | None,
) -> Exit:
    """Write operations out, oldest first, in UTF-8.

    A journal that may lack something is told, and the exit code is 3 then.
    """
    filters = parse_filters(**typed)
    way = Way.find(load_settings(config, journal))
    way.have_written()
    with Journal.reader(way.settings.journal) as reader:
        doubt = reader.incomplete if way.daemon is None else None
        warn(doubt, language)
        if output is None:
            stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="" if layout == "csv" else "\n")
            try:
                reader.export_rows(layout, stream, document=entry_as_document, **asdict(filters))
            finally:
                stream.detach()  # flushes; standard output itself stays open
            return exit_of_reading(doubt, incomplete=incomplete)
        count = _export_to_file(reader, layout, output, filters)
    click.echo(f"{count} operations written to {output}", err=True)
    return exit_of_reading(doubt, incomplete=incomplete)


def _export_to_file(reader: JournalReader, layout: Literal["jsonl", "csv"], output: str, filters: Filter) -> int:
    path = Path(output).expanduser()
    try:
        with path.open("x", encoding="utf-8", newline="" if layout == "csv" else "\n") as stream:
            return reader.export_rows(layout, stream, document=entry_as_document, **asdict(filters))
    except FileExistsError:
        raise InvalidValueError("--output", output, ("allowed_new_file", {})) from None
    except OSError as error:
        raise InvalidValueError("--output", output, ("allowed_writable_file", {"problem": error.strerror})) from None
