"""One operation from the command line: settings, register, live progress, Ctrl-C, outcome."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, Self

import click

from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.exits import Exit, exit_of_operation, pipe_may_close, print_error, reader_left
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.output import cleaned, console, print_operation
from ecrlan.cli.remote import running_daemon
from ecrlan.cli.remote_terminal import RemoteWay
from ecrlan.daemon.card_numbers import refuse_card_number
from ecrlan.errors import EcrlanError, InvalidValueError, JournalError, RegisterError, UnknownReferenceError, nested
from ecrlan.model import MONEY_KINDS, Kind, State, check_reference, evidence_of, kinds_of
from ecrlan.register import Alarm, OperationChanged, ProgressShown, Register, TerminalSettings
from ecrlan.settings import Settings, data_folder, split_address
from ecrlan.texts import Language, say, words
from ecrlan.texts.language import choose_language

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rich.console import Console
    from rich.status import Status

    from ecrlan.cli.remote_terminal import RemoteTerminal
    from ecrlan.model import Operation
    from ecrlan.model.orders import Order
    from ecrlan.register import Terminal, TerminalEvent

    AnyTerminal = Terminal | RemoteTerminal

DEFAULT_PORT = 8081
BLOCKED_KINDS = kinds_of(lambda order: order.money or order.blocked)
"""Kinds that an operation without a known outcome blocks."""


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

    def run(self, order: Order, before: Callable[[AnyTerminal], None] = lambda _: None) -> Exit:
        """Have `order` carried out, after `before` was called with the terminal; print the operation and return the exit code."""
        configure_logging(self.verbose, shown_to_people=not self.as_json)
        if self.reference is not None:
            check_reference(self.reference)
            refuse_card_number("--reference", self.reference)
        settings = chosen_settings(self.config, address=self.address, quiet=self.as_json)
        way = self._way(settings)
        reference = self.reference or (str(uuid.uuid4()) if self.moves_money else None)
        try:
            return asyncio.run(self._perform(way, replace(order, reference=reference), before))
        except KeyboardInterrupt:  # pressed again, before it was found out what the first has stopped
            return self._interrupted(reference, sent=True)
        except OSError as error:
            if not reader_left(error):
                raise
            return Exit.UNRESOLVED if self.moves_money else Exit.NOT_PERFORMED  # whoever asks by its reference learns how it ended

    def _way(self, settings: Settings) -> Way:
        """Decide between the running daemon, which owns the journal then, and owning the journal for as long as the command runs."""
        daemon = running_daemon(settings)
        chosen = choose_terminal(settings, self.terminal, self.address)
        if daemon is None:
            return DirectWay(settings, chosen, blocked=self.address is None and self.kind in BLOCKED_KINDS)
        if self.address is not None:
            values = {"daemon": nested(daemon.why), "path": str(settings.journal), "address": self.address}
            raise RegisterError(("daemon_has_its_terminals", values))
        return RemoteWay(daemon, settings, chosen.name, styles=not self.as_json)

    async def _perform(self, way: Way, order: Order, before: Callable[[AnyTerminal], None]) -> Exit:
        reference = order.reference
        async with way.open() as terminal:
            with Progress(self, reference) as progress:
                watching = asyncio.create_task(progress.follow(terminal))
                await asyncio.sleep(0)  # the watcher must stand before the first event
                try:
                    before(terminal)
                    operation: Operation = await terminal.carry_out(order)
                    await asyncio.sleep(0)  # what came together with the outcome is shown, too
                    if operation.state is not State.FINISHED:  # known from before, and its outcome is just being found out
                        operation = await progress.finished(operation)
                except asyncio.CancelledError:
                    progress.stop()
                    return self._interrupted(reference, sent=progress.sent or await way.was_sent(reference))
                except EcrlanError as error:
                    if error.sent == "no":
                        raise
                    progress.stop()
                    return self._doubtful(error, reference)
                finally:
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)  # whatever it was, the outcome counts
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


class Way(Protocol):
    """How a command comes to its terminal."""

    def open(self) -> AbstractAsyncContextManager[AnyTerminal]:
        """Return what gives the terminal for as long as it is entered. Entering raises `EcrlanError`; nothing was sent then."""

    async def was_sent(self, reference: str | None) -> bool:
        """Tell whether the operation may have left for the terminal, once its call was cancelled."""


class DirectWay:
    """The command owns the journal itself, with a register of its own.

    `blocked`: it is refused while an operation without a known outcome belongs to no terminal of the settings.
    """

    def __init__(self, settings: Settings, chosen: TerminalSettings, *, blocked: bool) -> None:
        self._chosen = chosen
        self._wanted = [settings.terminal_settings(name) for name in settings.terminals] if blocked else None
        self._register = Register(
            journal_file(settings),
            listen=settings.register_.listen if chosen.link == "listen" else None,
            cash_register_id=settings.register_.cash_register_id,
            backups=settings.register_.backups,
            retention_days=settings.register_.retention_days,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Terminal]:
        """Open journal and address for as long as it is entered."""
        async with self._register:
            if self._wanted is not None:
                self._register.check_operations(self._wanted)
            yield self._register.add(self._chosen)

    async def was_sent(self, reference: str | None) -> bool:
        """Tell whether the operation may have left for the terminal."""
        try:
            return reference is not None and (await self._register.find(reference)).state is not State.QUEUED
        except UnknownReferenceError:
            return False


def choose_terminal(settings: Settings, name: str | None, address: str | None) -> TerminalSettings:
    """Return the terminal that is meant: the one at `address`, the one called `name`, or the only one."""
    if address is not None:
        if name is not None:
            raise click.UsageError("--terminal and --address exclude each other")
        host, port = split_address("--address", address, DEFAULT_PORT)
        plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{host}-{port}").strip("-")
        return TerminalSettings(name=plain[-64:].strip("-"), address=host, port=port, link="dial")
    if name is not None:
        return settings.terminal_settings(name)
    if len(settings.terminals) == 1:
        return settings.terminal_settings(next(iter(settings.terminals)))
    if settings.terminals:
        raise InvalidValueError("--terminal", None, ("allowed_one_terminal", {"terminals": list(settings.terminals)}))
    raise click.UsageError("no terminal is set up: say --address HOST[:PORT], or write one into the settings file (`ecrlan` tells where)")


def journal_file(settings: Settings) -> str:
    """Return the journal's file; the user's data folder is made where it is missing, no other folder is."""
    path = settings.journal
    if path.parent == data_folder():
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise JournalError(("journal_folder_unmade", {"path": str(path.parent), "problem": error.strerror})) from None
    return os.fspath(path)


@dataclass(slots=True)
class Progress:
    """Shows what happens: a spinner where a person watches, lines on standard error where not, nothing with `--json`."""

    call: Call
    reference: str | None
    sent: bool = False
    _screen: Console = field(default_factory=lambda: console(stderr=True))
    _status: Status | None = None
    _operation: Operation | None = None
    _finished: asyncio.Event = field(default_factory=asyncio.Event)
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

    async def follow(self, terminal: AnyTerminal) -> None:
        """Show the terminal's events until cancelled."""
        async for event in terminal.events():
            self.show(event)

    async def finished(self, operation: Operation) -> Operation:
        """Wait until an operation that is being recovered has its outcome."""
        self.sent = True
        self._line(self._say(f"way.{operation.state.value}"))
        await self._finished.wait()
        return self._operation or operation

    def show(self, event: TerminalEvent) -> None:
        """Show one event."""
        match event:
            case OperationChanged(operation=operation) if self.reference in (None, operation.reference):
                if operation.state is State.FINISHED:
                    self._operation = operation
                    self._finished.set()
                    return
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
