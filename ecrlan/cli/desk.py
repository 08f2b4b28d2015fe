"""`ecrlan operations`: look up operations, settle unresolved ones by hand, export them."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from rich.table import Table
from rich.text import Text

from ecrlan.cli import remote_desk
from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.exits import Exit, pipe_may_close
from ecrlan.cli.filters import Filters, filter_options, parse_filters
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.output import console, outcome_style, outcome_word, print_json, print_rows, receipt_panel
from ecrlan.cli.recovering import Finding, find_out, terminal_of_operation
from ecrlan.cli.settling import attach, find_entry, language_option, resolve, withdraw
from ecrlan.errors import InvalidValueError
from ecrlan.journal import Journal
from ecrlan.model import Code, Evidence, Unresolved
from ecrlan.operation_json import operation_as_json
from ecrlan.protocol.records import operation_of_entry
from ecrlan.settings import Settings
from ecrlan.story import Advice, advice, answered, facts, moment, steps, terminal_of, what
from ecrlan.texts import Language, euros, say, words
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ecrlan.journal import Doubt, Entry, JournalReader
    from ecrlan.model import Operation

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 100_000
DEFAULT_WAIT = 30.0
MARGIN = 30.0
"""Seconds beyond the longest payment time after which recovery has certainly given up."""
WIDE = 200
"""Columns of the list where nobody's screen limits it: an operation stays one line."""


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


@click.group(invoke_without_command=True)
@click.pass_context
def operations(ctx: click.Context) -> Exit | None:
    """Look up operations, settle unresolved ones by hand, export them.

    The journal may belong to another process meanwhile: only resolve, and show where it asks the terminal, need it for themselves.
    Without a command: list.
    """
    configure_logging(0)
    if ctx.invoked_subcommand is not None:
        return None
    ending = ctx.invoke(list_operations)
    return ending if isinstance(ending, Exit) else Exit.DONE


@operations.command("list")
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
    filters = parse_filters(**typed)
    settings = load_settings(config, journal, quiet=as_json)
    doubt = None
    found = remote_desk.listed(settings, filters, limit + 1)
    if found is None:
        found, doubt = _read_list(settings, filters, limit + 1)
        warn(doubt, language)
    more, found = len(found) > limit, found[:limit]
    with pipe_may_close():
        if as_json:
            print_json([operation_as_json(operation) for operation in found])
        else:
            _print_table(found, language)
            if more:
                console(stderr=True).print(say(language, "list.more", count=limit))
    return exit_of_reading(doubt, incomplete=incomplete)


def _read_list(settings: Settings, filters: Filters, limit: int) -> tuple[list[Operation], Doubt | None]:
    with Journal.reader(settings.journal) as reader:
        entries = [reader.find(short.reference) for short in reader.entries(**filters, limit=limit)]
        return [operation_of_entry(entry) for entry in entries if entry is not None], reader.incomplete


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


# --- one operation ----------------------------------------------------------------------------------------------------------------


@operations.command()
@click.argument("reference", metavar="REF")
@click.option(
    "--wait",
    type=click.FloatRange(0, 86_400),
    default=DEFAULT_WAIT,
    show_default=True,
    metavar="SECONDS",
    help="How long recovery may look for an outcome that is not known yet; 0: do not ask the terminal.",
)
@click.option("--recover", is_flag=True, help="Have the terminal asked once more for an unresolved operation too.")
@click.option("--address", metavar="HOST[:PORT]", help="Where its terminal is, if no settings file knows it.")
@click.option("--config", metavar="FILE", help="The settings file.")
@place_options
@language_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the operation, its events and, for an unresolved one, the advice.")
def show(
    *,
    reference: str,
    wait: float,
    recover: bool,
    address: str | None,
    config: str | None,
    journal: str | None,
    incomplete: bool,
    language: Language,
    as_json: bool,
) -> Exit:
    """Show what happened to the operation REF, step by step, and what to do where its outcome is not known.

    An operation without an outcome, one that was interrupted for instance, is recovered first: if no other process has the journal, it is
    taken for --wait seconds at most and the terminal is asked for its last result. If the daemon runs, its recovery is waited for; if
    another command has the journal, recovery is that one's and show says who it is. Nothing is charged by this, and Ctrl-C only ends
    the waiting. An unresolved operation comes with what to look at on the terminal, and what each answer of `operations resolve` means.

    The exit code is 0 whenever it could be shown, whatever its outcome; but 3 where the journal may lack something, and then no terminal
    is asked.
    """
    settings = load_settings(config, journal, address=address, quiet=as_json)
    desk = Desk(reference, language, settings, config=config, address=address, elsewhere=journal is not None)
    entry, _ = desk.read()
    finding = None
    outcome = operation_of_entry(entry).outcome
    if wait > 0 and journal is None and desk.doubt is None and (outcome is None or (recover and isinstance(outcome, Unresolved))):
        finding = desk.recover(entry, wait, quiet=as_json)
        entry, _ = desk.read()
    with pipe_may_close():
        if as_json:
            print_json(desk.document(entry, finding))
        else:
            desk.print(entry, finding)
    return exit_of_reading(desk.doubt, incomplete=incomplete)


class Desk:
    """What is to be said about the operation `reference`. `config` and `address` as typed, for the commands that it proposes.

    `elsewhere`: the journal is not the settings' own; then it proposes nothing.
    """

    def __init__(
        self,
        reference: str,
        language: Language,
        settings: Settings,
        *,
        config: str | None,
        address: str | None = None,
        elsewhere: bool = False,
    ) -> None:
        self.reference = reference
        self.language = language
        self.settings = settings
        self.config = config
        self.address = address
        self.elsewhere = elsewhere
        self.doubt: Doubt | None = None
        """What the journal may lack, which was said already."""
        self._terminal_id: str | None = None

    def read(self) -> tuple[Entry, Operation]:
        """Return the operation as the journal has it now. Raises `UnknownReferenceError`, `JournalError`, `RegisterError`."""
        owned = remote_desk.have_written(self.settings, self.reference)
        with Journal.reader(self.settings.journal) as reader:
            if not owned and self.doubt is None:
                self.doubt = reader.incomplete
                warn(self.doubt, self.language)
            entry = find_entry(reader, self.reference)
            pinned = reader.latest(terminal_of(entry), "pinned")
        self._terminal_id = str(pinned.data["terminal_id"]) if pinned is not None and pinned.data.get("terminal_id") else None
        return entry, operation_of_entry(entry)

    def recover(self, entry: Entry, seconds: float, *, quiet: bool) -> Finding:
        """Have the operation's terminal asked for `seconds` at most."""
        chosen = terminal_of_operation(self.settings, terminal_of(entry), self.address)
        if chosen is None:
            return Finding(hindrance="no_terminal", problem=Evidence(Code.TERMINAL_NOT_NAMED, {"terminal": terminal_of(entry)}))
        if not quiet:
            screen = console(stderr=True)
            screen.print(Text(say(self.language, "open.asking", terminal=terminal_of(entry), seconds=seconds)))
        return find_out(self.settings, chosen, self.reference, seconds)

    def document(self, entry: Entry, finding: Finding | None) -> dict[str, Any]:
        """Return everything as JSON."""
        document = entry_as_document(entry)
        if finding is not None:
            document["recovery"] = {
                "ran": not finding.hindrance,
                "problem": words(finding.problem) if finding.problem is not None else None,
            }
        if document["outcome"] == "unresolved" and not self.elsewhere:
            told = self.advice(entry)
            document["advice"] = {"look_at": list(told.look_at), "answers": told.answers}
        return document

    def print(self, entry: Entry, finding: Finding | None) -> None:
        """Print everything for people."""
        operation = operation_of_entry(entry)
        screen = console()
        word = outcome_word(operation)
        head = Text(say(self.language, f"outcome.{word}"), style=outcome_style(word))
        screen.print(Text.assemble(head, f"  {what(operation.kind, operation.amount, self.language)}"))
        print_rows(screen, list(facts(operation, entry, self.language)))
        self._head(screen, "head.steps")
        print_rows(screen, steps(entry, self.language))
        if operation.receipt:
            screen.print(receipt_panel(operation.receipt, say(self.language, "head.receipt")))
        if self.elsewhere:
            return
        if operation.outcome is None:
            self._print_open(screen, entry, finding)
        elif isinstance(operation.outcome, Unresolved):
            if finding is not None and finding.hindrance:
                screen.print()
                self._paragraph(screen, self._hindrance(entry, finding))
            self._print_advice(screen, entry)

    def advice(self, entry: Entry) -> Advice:
        """Return what to look at, and what each answer means."""
        where = f" --address {shlex.quote(self.address)}" if self.address is not None else f" -t {terminal_of(entry)}"
        totals = f"ecrlan totals{where}{self._config}"
        return advice(entry, self.language, terminal_id=self._terminal_id, totals_command=totals)

    def _print_open(self, screen: Console, entry: Entry, finding: Finding | None) -> None:
        screen.print(Text(f"\n{say(self.language, 'open.head')}", style="bold red"))
        if finding is None:
            text = say(self.language, "open.not_asked", command=self._show(entry, f" --wait {DEFAULT_WAIT:.0f}"))
        elif finding.hindrance:
            text = self._hindrance(entry, finding)
        else:
            again = self._show(entry, f" --wait {finding.longest + MARGIN:.0f}")
            text = say(self.language, "open.waiting", longest=finding.longest, command=again)
        self._paragraph(screen, text)

    def _hindrance(self, entry: Entry, finding: Finding) -> str:
        command = f"ecrlan operations show {self.reference} --address HOST:PORT{self._config}"
        problem = clean_text(words(finding.problem, self.language)) if finding.problem is not None else ""
        return say(self.language, f"open.{finding.hindrance}", problem=problem, terminal=terminal_of(entry), command=command)

    def _print_advice(self, screen: Console, entry: Entry) -> None:
        told = self.advice(entry)
        self._head(screen, "head.look", terminal=terminal_of(entry))
        print_rows(screen, [(f"{number}.", text) for number, text in enumerate(told.look_at, 1)])
        if not answered(entry):
            self._paragraph(screen, say(self.language, "again.command", command=self._show(entry, " --recover")))
        self._head(screen, "head.answers")
        print_rows(screen, list(told.answers.items()))
        self._paragraph(screen, say(self.language, "answer.leave"))
        screen.print()
        for answer in told.answers:
            screen.print(
                Text(f"ecrlan operations resolve {self.reference} --as {answer} --by NAME --note TEXT{self._config}"), soft_wrap=True
            )

    def _show(self, entry: Entry, option: str) -> str:
        known = self.address is None or terminal_of(entry) in self.settings.terminals
        where = "" if known else f" --address {shlex.quote(self.address or '')}"
        return f"ecrlan operations show {self.reference}{option}{where}{self._config}"

    @property
    def _config(self) -> str:
        return f" --config {shlex.quote(self.config)}" if self.config is not None else ""

    def _head(self, screen: Console, name: str, **values: object) -> None:
        screen.print(Text(f"\n{say(self.language, name, **values)}", style="bold"))

    def _paragraph(self, screen: Console, text: str) -> None:
        screen.print(Text(text), style=None)


operations.add_command(resolve)
operations.add_command(attach)
operations.add_command(withdraw)


# --- many operations --------------------------------------------------------------------------------------------------------------


@operations.command()
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
    settings = load_settings(config, journal)
    owned = remote_desk.have_written(settings)
    with Journal.reader(settings.journal) as reader:
        doubt = reader.incomplete if not owned else None
        warn(doubt, language)
        if output is None:
            stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="" if layout == "csv" else "\n")
            try:
                reader.export_rows(layout, stream, document=entry_as_document, **filters)
            finally:
                stream.detach()  # flushes; standard output itself stays open
            return exit_of_reading(doubt, incomplete=incomplete)
        count = _export_to_file(reader, layout, output, filters)
    click.echo(f"{count} operations written to {output}", err=True)
    return exit_of_reading(doubt, incomplete=incomplete)


def _export_to_file(reader: JournalReader, layout: Literal["jsonl", "csv"], output: str, filters: Filters) -> int:
    path = Path(output).expanduser()
    try:
        with path.open("x", encoding="utf-8", newline="" if layout == "csv" else "\n") as stream:
            return reader.export_rows(layout, stream, document=entry_as_document, **filters)
    except FileExistsError:
        raise InvalidValueError("--output", output, ("allowed_new_file", {})) from None
    except OSError as error:
        raise InvalidValueError("--output", output, ("allowed_writable_file", {"problem": error.strerror})) from None
