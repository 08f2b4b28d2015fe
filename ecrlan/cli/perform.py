"""One operation from the command line: live progress, Ctrl-C, outcome; and what is asked or said before anything is sent."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

import click

from ecrlan.cli.exits import Exit, configure_logging, exit_of_operation, pipe_may_close, print_error, reader_left
from ecrlan.cli.output import cleaned, console, parse_amount, print_operation
from ecrlan.cli.way import Way, choose_terminal, chosen_settings
from ecrlan.daemon.card_numbers import refuse_card_number
from ecrlan.errors import EcrlanError, JournalError, RegisterError, UnknownReferenceError, nested
from ecrlan.journal import Journal
from ecrlan.model import MONEY_KINDS, ROME, Kind, State, check_reference, evidence_of, kinds_of
from ecrlan.model.orders import RegisterOrder
from ecrlan.register import Alarm, OperationChanged, ProgressShown
from ecrlan.register.targets import VOIDABLE, preauthorization
from ecrlan.story import what
from ecrlan.texts import Language, euros, say, words
from ecrlan.texts.language import choose_language

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console
    from rich.status import Status

    from ecrlan.journal import Entry
    from ecrlan.model.orders import Order
    from ecrlan.register import TerminalEvent, TerminalSettings
    from ecrlan.settings import Settings

BLOCKED_KINDS = kinds_of(lambda order: order.money or order.blocked)
"""Kinds that an operation without a known outcome blocks."""
LOOKED_AT = 50
"""Approved operations among which the last payment is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What every operation command is told."""

    kind: Kind
    terminal: str | None
    address: str | None
    config: str | None
    reference: str | None
    as_json: bool
    verbose: int

    @property
    def moves_money(self) -> bool:
        """Whether the operation can end unresolved."""
        return self.kind in MONEY_KINDS

    def run(self, order: Order, before: Callable[[Settings, str], None] = lambda _settings, _terminal: None) -> Exit:
        """Have `order` carried out, after `before` was called with settings and terminal; print the operation and return the exit code."""
        configure_logging(self.verbose, shown_to_people=not self.as_json)
        if self.reference is not None:
            check_reference(self.reference)
            refuse_card_number("--reference", self.reference)
        settings = chosen_settings(self.config, address=self.address, quiet=self.as_json)
        way = Way.find(settings)
        chosen = choose_terminal(settings, self.terminal, self.address)
        if way.daemon is not None and self.address is not None:
            values = {"daemon": nested(way.daemon.why), "path": str(settings.journal), "address": self.address}
            raise RegisterError(("daemon_has_its_terminals", values))
        reference = self.reference or (str(uuid.uuid4()) if self.moves_money else None)
        order = replace(order, reference=reference)
        if isinstance(order, RegisterOrder) and order.cash_register_id is None:
            order = replace(order, cash_register_id=settings.register_.cash_register_id)
        try:
            return asyncio.run(self._perform(way, chosen, order, before))
        except KeyboardInterrupt:  # pressed again, before it was found out what the first has stopped
            return self._interrupted(reference, sent=True)
        except OSError as error:
            if not reader_left(error):
                raise
            return Exit.UNRESOLVED if self.moves_money else Exit.NOT_PERFORMED  # whoever asks by its reference learns how it ended

    async def _perform(self, way: Way, terminal: TerminalSettings, order: Order, before: Callable[[Settings, str], None]) -> Exit:
        settings, reference = way.settings, order.reference
        known = None
        if self.address is None and self.kind in BLOCKED_KINDS:
            known = [settings.terminal_settings(name) for name in settings.terminals]
        async with way.service(terminal, known=known, styles=not self.as_json) as service:
            with Progress(self, reference) as progress:
                try:
                    before(settings, terminal.name)
                    operation = await service.carry_out(terminal.name, order, watch=progress.show)
                except asyncio.CancelledError:
                    progress.stop()
                    sent = progress.sent or (reference is not None and await service.was_sent(reference))
                    return self._interrupted(reference, sent=sent)
                except EcrlanError as error:
                    if error.sent == "no":
                        raise
                    progress.stop()
                    return self._doubtful(error, reference)
        with pipe_may_close():
            print_operation(operation, as_json=self.as_json)
        return exit_of_operation(operation)

    def _interrupted(self, reference: str | None, *, sent: bool) -> Exit:
        """Tell what Ctrl-C has not done."""
        if not (sent and self.moves_money):
            message = say(self._language, "interrupted.moves_nothing" if sent else "interrupted.unsent")
            return self._say("interrupted", message, "unknown" if sent else "no", Exit.NOT_PERFORMED)
        kind = say(self._language, f"kind.{self.kind.value}")
        message = say(self._language, "interrupted.goes_on", kind=kind, reference=reference)
        return self._say("interrupted", message, "unknown", Exit.UNRESOLVED)

    def _doubtful(self, error: EcrlanError, reference: str | None) -> Exit:
        """Tell of an error behind which the operation may go on."""
        message = words(evidence_of(error), self._language)
        if not self.moves_money:
            return self._say(error.code, message, error.sent, Exit.NOT_PERFORMED)
        shown = f"ecrlan operations show {reference}"
        if shown not in message:
            kind = say(self._language, f"kind.{self.kind.value}")
            message = say(self._language, "open.perhaps_sent", problem=message, kind=kind, command=shown)
        return self._say(error.code, message, error.sent, Exit.UNRESOLVED)

    @property
    def _language(self) -> Language:
        return "en" if self.as_json else choose_language(os.environ)

    def _say(self, code: str, message: str, sent: str, ending: Exit) -> Exit:
        print_error(code, message, sent, as_json=self.as_json, head="\n")
        return ending


@dataclass(slots=True)
class Progress:
    """Shows what happens: a spinner where a person watches, lines on standard error where not, nothing with `--json`."""

    call: Call
    reference: str | None
    sent: bool = False
    _screen: Console = field(default_factory=lambda: console(stderr=True))
    _status: Status | None = None
    _language: Language = field(default_factory=lambda: choose_language(os.environ))

    def __enter__(self) -> Self:
        if not self.call.as_json and self.reference is not None:
            self._line(self._say("way.reference", reference=self.reference))
        spinner: AbstractContextManager[Status | None] = nullcontext()
        if not self.call.as_json and self._screen.is_terminal and console().is_terminal:
            spinner = self._screen.status(self._say("way.asking"))
        self._status = spinner.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the spinner."""
        if self._status is not None:
            with pipe_may_close():
                self._status.stop()
            self._status = None

    def show(self, event: TerminalEvent) -> None:
        """Show one event."""
        match event:
            case OperationChanged(operation=operation) if self.reference in (None, operation.reference):
                if operation.state is not State.FINISHED:
                    self.sent = self.sent or operation.state is not State.QUEUED
                    self._line(self._say(f"way.{operation.state.value}"))
            case ProgressShown(text=text):
                self._line(cleaned(text))
            case Alarm(what=what, reference=reference):
                of = f"{cleaned(reference)}: " if reference not in (None, self.reference) else ""  # an earlier operation's
                self._line(f"[bold red]{self._say('way.alarm')}[/] {of}{cleaned(words(what, self._language))}", keep=True)

    def _say(self, name: str, **values: object) -> str:
        return say(self._language, name, **values)

    def _line(self, text: str, *, keep: bool = False) -> None:
        if self.call.as_json:
            return
        with pipe_may_close():
            if self._status is None or keep:
                self._screen.print(text)
            else:
                self._status.update(text)


# --- earlier operations ---------------------------------------------------------------------------------------------------------------


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


def warn_above(settings: Settings, terminal: str, target: str, amount: int) -> None:
    """Say on standard error that a capture of `amount` cents is above what pre-authorization `target` has authorized."""
    try:
        with Journal.reader(settings.journal) as reader:
            authorized = preauthorization(reader, terminal, target).total
    except RegisterError:  # known already, or refused: the capture itself says so
        return
    language = choose_language(os.environ)
    if amount > authorized:
        click.secho(
            say(language, "capture.above", amount=euros(amount, language), authorized=euros(authorized, language), reference=target),
            fg="yellow",
            err=True,
        )
