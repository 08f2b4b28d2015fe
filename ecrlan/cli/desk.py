"""`ecrlan operations`: show what happened to one, and settle it in a person's name; `ecrlan.cli.lists` has those for many."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click
from rich.text import Text

from ecrlan.cli.exits import Exit, configure_logging, pipe_may_close
from ecrlan.cli.lists import Word, entry_as_document, exit_of_reading, export, list_operations, load_settings, place_options, warn
from ecrlan.cli.output import console, language_option, outcome_style, outcome_word, print_json, print_rows, receipt_panel
from ecrlan.cli.way import Way, choose_terminal, chosen_settings, needed_daemon
from ecrlan.errors import EcrlanError, JournalOwnedError, RegisterError, UnknownReferenceError
from ecrlan.journal import Journal
from ecrlan.model import Code, Evidence, Unresolved, evidence_of
from ecrlan.model.evidence import evidence_of_why
from ecrlan.protocol.records import operation_of_entry
from ecrlan.protocol.work import said
from ecrlan.settings import Settings
from ecrlan.story import Advice, advice, answered, facts, moment, steps, terminal_of, what
from ecrlan.texts import Language, say, words
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from rich.console import Console

    from ecrlan.journal import Doubt, Entry, JournalReader
    from ecrlan.model import Operation
    from ecrlan.register import TerminalSettings

DEFAULT_WAIT = 30.0
OWNER_WAIT = 1.0
"""Seconds to wait for another owner of the journal, such as a command that is just ending."""
MARGIN = 30.0
"""Seconds beyond the longest payment time after which recovery has certainly given up."""


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


@click.command()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether the terminal was asked, and where not, why. `longest` is after how many seconds recovery gives up."""

    hindrance: Literal["", "owned", "hindered", "no_terminal"] = ""
    problem: Evidence | None = None
    longest: float = 0.0


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
        self.way = Way.find(settings)
        self.config = config
        self.address = address
        self.elsewhere = elsewhere
        self.doubt: Doubt | None = None
        """What the journal may lack, which was said already."""
        self._terminal_id: str | None = None

    def read(self) -> tuple[Entry, Operation]:
        """Return the operation as the journal has it now. Raises `UnknownReferenceError`, `JournalError`, `RegisterError`."""
        self.way.have_written(self.reference)
        with Journal.reader(self.settings.journal) as reader:
            if self.way.daemon is None and self.doubt is None:
                self.doubt = reader.incomplete
                warn(self.doubt, self.language)
            entry = find_entry(reader, self.reference)
            pinned = reader.latest(terminal_of(entry), "pinned")
        self._terminal_id = str(pinned.data["terminal_id"]) if pinned is not None and pinned.data.get("terminal_id") else None
        return entry, operation_of_entry(entry)

    def recover(self, entry: Entry, seconds: float, *, quiet: bool) -> Finding:
        """Have the operation's terminal asked for `seconds` at most."""
        chosen = self._terminal(terminal_of(entry))
        if chosen is None:
            return Finding(hindrance="no_terminal", problem=Evidence(Code.TERMINAL_NOT_NAMED, {"terminal": terminal_of(entry)}))
        if not quiet:
            screen = console(stderr=True)
            screen.print(Text(say(self.language, "open.asking", terminal=terminal_of(entry), seconds=seconds)))
        return self._find_out(chosen, seconds)

    def _terminal(self, name: str) -> TerminalSettings | None:
        """Return where the terminal called `name` is, by the settings or by its address; None where neither knows it."""
        if self.address is not None:
            chosen = choose_terminal(self.settings, None, self.address)
            return chosen if chosen.name == name else None
        return self.settings.terminal_settings(name) if name in self.settings.terminals else None

    def _find_out(self, chosen: TerminalSettings, seconds: float) -> Finding:
        """Let recovery run: the daemon's, or our own. Ctrl-C ends the waiting, and nothing else."""
        try:
            asked = self.way.ask(lambda service: service.recover(self.reference, seconds), chosen, listen=True, owner_wait=OWNER_WAIT)
        except KeyboardInterrupt:
            asked = True
        except JournalOwnedError as error:
            return Finding(hindrance="owned", problem=evidence_of(error))
        except EcrlanError as error:
            return Finding(hindrance="hindered", problem=evidence_of(error))
        if not asked and self.way.daemon is not None:
            daemon = evidence_of_why(self.way.daemon.why)
            return Finding(hindrance="owned", problem=Evidence(Code.DAEMON_ASKS, {"daemon": daemon}))
        return Finding(longest=chosen.longest_payment_time)

    def document(self, entry: Entry, finding: Finding | None) -> dict[str, Any]:
        """Return everything as JSON."""
        document = entry_as_document(entry)
        if finding is not None:
            problem = words(finding.problem) if finding.problem is not None else None
            document["recovery"] = {"ran": not finding.hindrance, "problem": problem}
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


# --- in a person's name -----------------------------------------------------------------------------------------------------------


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
    way = Way.find(chosen_settings(config, quiet=as_json))
    way.have_written(reference)
    with Journal.reader(way.settings.journal) as reader:  # a journal that is not there must not be made
        entry = find_entry(reader, reference)
    if operation_of_entry(entry).outcome is None:
        raise RegisterError(("may_be_proved", {"reference": reference}))
    outcome: Literal["approved", "not_performed"] = "approved" if answer == "approved" else "not_performed"
    operation = way.ask(lambda service: service.resolve(reference, outcome, by=by, note=note))
    told = say(language, f"outcome.{outcome_word(operation)}")
    return _tell(operation, say(language, "resolved.done", reference=reference, outcome=told, by=by), as_json=as_json)


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
    chosen = settings.terminal_settings(terminal)
    way = Way.find(settings)
    way.have_written(reference)
    with Journal.reader(settings.journal) as reader:  # a journal that is not there must not be made
        find_entry(reader, reference)
    operation = way.ask(lambda service: service.attach(reference, terminal, by=by), chosen)
    return _tell(operation, say(language, "attached.done", reference=reference, terminal=terminal, by=by), as_json=as_json)


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
    operation = daemon.ask(lambda client: client.withdraw(reference))
    return _tell(operation, say(language, "withdrawn.done", reference=reference), as_json=as_json)


def _tell(operation: Operation, text: str, *, as_json: bool) -> Exit:
    with pipe_may_close():
        if as_json:
            print_json(operation.to_json())
        else:
            console().print(Text(clean_text(text)))
    return Exit.DONE


for each in (list_operations, show, export, resolve, attach, withdraw):
    operations.add_command(each)
