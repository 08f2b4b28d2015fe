"""The register: its terminals, its own address, its journal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, ParamSpec, Self, TypeVar, Unpack

from ecrlan.errors import EcrlanError, InvalidValueError, ListenError, TerminalBusyError, UnknownTerminalError
from ecrlan.journal import Event as Row
from ecrlan.journal import Journal, NewOperation
from ecrlan.journal.memory import MemoryJournal
from ecrlan.logger import Logger, load
from ecrlan.model import Operation, check_digits
from ecrlan.net.line import Line
from ecrlan.net.listen import Listener
from ecrlan.protocol.options import TerminalOptions, TerminalSettings, check_apart
from ecrlan.register.decisions import Decisions
from ecrlan.register.events import OperationChanged
from ecrlan.register.housekeeping import Housekeeping
from ecrlan.register.ledger import Ledger
from ecrlan.register.publisher import Observer, Publisher, RowObserver
from ecrlan.register.recall import Recollection, recall_terminal
from ecrlan.register.terminal import Terminal

log = Logger(__name__)

Given = ParamSpec("Given")
Found = TypeVar("Found")


def local_clock() -> datetime:
    """Return the wall clock, timezone-aware."""
    return datetime.now(UTC)


class Register:
    """The cash register. Use it as `async with Register(journal="till.db") as register`.

    `journal` is the journal's file; None keeps it in memory, for tests and demonstrations: then nothing survives a crash. `listen` is
    "ADDRESS:PORT" where terminals dial in, None or "" for never; where it cannot be had, the register opens all the same without
    `must_listen`. `backups` is how many daily backups are kept in the folder `backups`
    beside the journal (0: none), `retention_days` after how many days finished operations are removed (0: never; references stay).
    `clock` returns timezone-aware wall clock. `on_commit` is told each commit's seconds, on the journal's thread.
    """

    def __init__(
        self,
        journal: str | os.PathLike[str] | Journal | None = None,
        *,
        listen: str | None = None,
        must_listen: bool = True,
        cash_register_id: str = "00000001",
        backups: int = 7,
        retention_days: int = 0,
        clock: Callable[[], datetime] = local_clock,
        on_commit: Callable[[float], None] | None = None,
    ) -> None:
        check_digits("cash_register_id", cash_register_id, 8)
        for place, value in (("backups", backups), ("retention_days", retention_days)):
            if not 0 <= value <= 36_500:
                raise InvalidValueError(place, value, ("allowed_range", {"least": 0, "most": 36_500}))
        self.clock = clock
        self.listener: Listener | None = None
        self.terminals: dict[str, Terminal] = {}
        self.strangers: dict[str, int] = {}
        """Addresses that dialled in and are no terminal of ours, with how often."""
        self.publisher = Publisher()
        self._ledger = Ledger(cash_register_id, clock, self.publisher)
        self._decisions = Decisions(self._ledger)
        self._given_journal = journal
        self._backups = backups
        self._retention_days = retention_days
        self._on_commit = on_commit
        self._listen = _parse_listen(listen) if listen else None
        self._must_listen = must_listen

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the journal and the register's own address. Raises `JournalError`, `ListenError`."""
        load()  # now, and not in the middle of a payment that has something to log
        given = self._given_journal
        if isinstance(given, Journal):
            self._ledger.open(given)
        elif given is None:
            self._ledger.open(MemoryJournal())
        else:
            self._ledger.open(await asyncio.to_thread(Journal, given, on_commit=self._on_commit))
        if self._listen is not None:
            self.listener = Listener(self._line_for, self._stranger)
            try:
                await self.listener.start(*self._listen)
            except BaseException as error:
                if isinstance(error, ListenError) and not self._must_listen:
                    log.warning("register.not_listening", problem=str(error))
                    self.listener = None
                else:
                    await self._close_journal()
                    raise
        if given is not None and not isinstance(given, Journal):
            folder = Path(given).parent / "backups"
            backups, days = self._backups, self._retention_days
            self._ledger.housekeeping = Housekeeping(self.journal, folder, self.clock, backups=backups, retention_days=days)

    async def close(self) -> None:
        """Close every line and the journal. An operation under way is left to recovery; who waits for it gets it as it stands."""
        self._ledger.closing = True
        if self.listener is not None:
            await self.listener.close()
        await self._ledger.stop()
        for terminal in self.terminals.values():
            terminal.lines.drop()
        if self._ledger.housekeeping is not None:
            await self._ledger.housekeeping.close()
        self.publisher.flush()
        await self._close_journal()

    async def _close_journal(self) -> None:
        journal = self._ledger.close()
        if journal is None or isinstance(self._given_journal, Journal):
            return
        if journal.threaded:  # its last commit may take its time
            await asyncio.to_thread(journal.close)
        else:
            journal.close()

    async def drain(self, seconds: float) -> None:
        """Take no new operations, drop those of which nothing was sent, and give the others `seconds` to finish before `close`."""
        await self._ledger.drain(seconds)

    @property
    def cash_register_id(self) -> str:
        """The register's number, 8 digits; an order takes it as it is then."""
        return self._ledger.cash_register_id

    @cash_register_id.setter
    def cash_register_id(self, number: str) -> None:
        self._ledger.cash_register_id = number

    # --- observers --------------------------------------------------------------------------------------------------------------

    def observe(self, callback: Observer, *, frames: bool = False) -> Callable[[], None]:
        """Have `callback` called with every event of every terminal, on the loop; returns what ends it. See `Publisher.observe`."""
        return self.publisher.observe(callback, frames=frames)

    def observe_rows(self, callback: RowObserver) -> Callable[[], None]:
        """Have `callback` called with every row once it is committed; returns what ends it. See `Publisher.observe_rows`."""
        return self.publisher.observe_rows(callback)

    # --- terminals --------------------------------------------------------------------------------------------------------------

    def dial(self, name: str, address: str, port: int = 8081, **options: Unpack[TerminalOptions]) -> Terminal:
        """Add a terminal that listens at `address`:`port`, and is called there; `options` are those of `TerminalSettings`.

        Raises as `add` does. Nothing is sent yet.
        """
        return self.add(TerminalSettings(name=name, address=address, port=port, link="dial", **options))

    def listen(self, name: str, address: str, *, port: int = 8081, **options: Unpack[TerminalOptions]) -> Terminal:
        """Add a terminal that dials in from its static IP `address`; `options` are those of `TerminalSettings`.

        Raises as `add` does. Nothing is sent yet.
        """
        return self.add(TerminalSettings(name=name, address=address, port=port, link="listen", **options))

    def recollecting(self, wanted: Sequence[TerminalSettings]) -> AbstractContextManager[Callable[[], Awaitable[Recollection]]]:
        """Give what returns what the journal tells of the terminals, for `add`, `change` and `check_operations`; it is read in a thread.

        `with register.recollecting(wanted) as latest: told = await latest()`. That holds until the caller waits for anything; then ask
        again: only what was outdated meanwhile is read again. It raises `JournalError`.
        """
        return self._ledger.recollecting(wanted)

    def add(self, settings: TerminalSettings, told: Recollection | None = None) -> Terminal:
        """Add a terminal. What a crash left open on it is recovered in the background.

        What the journal knows of it is read at once, on the event loop, unless `told` has it: the latest of `recollecting`. Raises
        `InvalidValueError` for a value that is not allowed, and for a second name of a terminal; `JournalError`.
        """
        if settings.name in self.terminals:
            raise InvalidValueError("terminal name", settings.name, ("allowed_unused_name", {}))
        for other in self.terminals.values():
            check_apart(settings, other.settings)
        if told is not None:
            memory = told.memories[settings.name]
        else:
            memory = recall_terminal(self.journal, settings, asyncio.get_running_loop().time())
        terminal = self._take_in(Terminal(self._ledger, settings, memory, self.listener))
        terminal.adopt(told)
        return terminal

    def _take_in(self, terminal: Terminal) -> Terminal:
        self.terminals[terminal.name] = terminal
        self._ledger.members[terminal.name] = terminal.member
        return terminal

    def remove(self, name: str) -> TerminalSettings:
        """Take a terminal out, and drop its line. Raises `UnknownTerminalError`; `TerminalBusyError` while anything is under way on it.

        What is unresolved on it stays in the journal, and blocks the terminal when it is added again.
        """
        terminal = self.terminal(name)
        queue = terminal.queue
        recovering = next((work.reference for work in terminal.open_works.values() if work.recovering), None)
        holder = queue.holder or recovering
        if holder is not None:
            held = asyncio.get_running_loop().time() - queue.held_since if queue.holder else 0.0
            raise TerminalBusyError(name, holder, held, queue.length)
        terminal.lines.drop()
        del self.terminals[name], self._ledger.members[name]
        return terminal.settings

    def change(self, settings: TerminalSettings, told: Recollection | None = None) -> Terminal:
        """Give the terminal of this name other settings, reading the journal as `add` does, unless `told` has it.

        Raises as `remove` and `add` do; then the old settings stand.
        """
        old = self.terminal(settings.name)
        self.remove(settings.name)
        try:
            new = self.add(settings, told)
        except EcrlanError:
            self._take_in(old)
            raise
        new.memory.unanswered = new.memory.unanswered or old.memory.unanswered
        return new

    def terminal(self, name: str) -> Terminal:
        """Return the terminal called `name`. Raises `UnknownTerminalError`."""
        if name not in self.terminals:
            raise UnknownTerminalError(name, tuple(self.terminals))
        return self.terminals[name]

    # --- operations -------------------------------------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """The open journal. Raises `JournalError` before `open` and after `close`."""
        return self._ledger.journal

    async def read(self, look: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """Return what `look` finds in the journal: in a thread where the journal is written by one, for a disk may be slow."""
        return await self._ledger.read(look, *given, **named)

    def write(self, rows: list[NewOperation | Row], *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows; a future where the caller must wait for the commit (it fails with `JournalError`)."""
        return self._ledger.write(rows, durable=durable)

    async def find(self, reference: str) -> Operation:
        """Return the operation with this reference, running or finished. Raises `UnknownReferenceError`, `JournalError`."""
        return await self._ledger.find(reference)

    def operation(self, reference: str) -> Operation:
        """As `find`, but at once: what is not running is read from the journal on the event loop, which stands still meanwhile."""
        return self._ledger.operation(reference)

    def running(self) -> list[Operation]:
        """Return the operations that wait or are under way, in the order in which they came; polls are none."""
        return self._ledger.running()

    async def withdraw(self, reference: str) -> Operation:
        """Take an operation back that still waits for its terminal: it ends as `not_performed`, and its reference stays used.

        Raises `UnknownReferenceError`, and `AlreadySentError` once it was sent, or has ended otherwise. Withdrawn twice is withdrawn.
        """
        return await self._ledger.withdraw(reference)

    async def resolve(self, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
        """Settle an unresolved operation in a person's name.

        Raises `UnknownReferenceError`, `RegisterError` where its outcome is known already or somebody else is deciding about it,
        `InvalidValueError`, `JournalError`.
        """
        for member in await self._decisions.resolve(reference, outcome, by=by, note=note):
            self.terminals[member.name].unblocked()
        operation = await self.find(reference)
        (self.terminals.get(operation.terminal) or self.publisher).tell(OperationChanged(operation.terminal, operation))
        return operation

    async def attach(self, reference: str, terminal: str, *, by: str) -> Operation:
        """Give an operation without a known outcome to a terminal, in a person's name: from now on it blocks that one.

        Raises `UnknownReferenceError`, `UnknownTerminalError`, `RegisterError` where its outcome is known or somebody else is deciding
        about it, `InvalidValueError`, `JournalError`.
        """
        target = self.terminal(terminal)
        target.take_up(await self._decisions.attach(reference, target.member, by=by))
        return await self.find(reference)

    def check_operations(self, wanted: Iterable[TerminalSettings] | None = None, told: Recollection | None = None) -> None:
        """Raise `OperationsWithoutTerminalError` where operations without a known outcome belong to none of the terminals.

        `wanted`: the terminals that the register shall have, in place of those that it has. What is under way now is no concern.
        The journal is read at once, on the event loop, unless `told` has it: the latest of `recollecting`, of those of the wanted terminals
        that are to be added or changed.
        """
        self._ledger.check_operations(wanted, told)

    async def accept_journal(self, *, by: str, note: str) -> None:
        """Say, in a person's name, that a copied, older or cut journal may be used.

        Nothing that a terminal says will prove anything about operations from before. Raises `RegisterError` where nothing is in doubt,
        `JournalError`, `InvalidValueError`.
        """
        await self._ledger.accept_journal(by=by, note=note)

    # --- lines that come in -----------------------------------------------------------------------------------------------------

    def _line_for(self, address: str) -> Line | None:
        for terminal in self.terminals.values():
            if terminal.settings.link != "dial" and terminal.settings.address == address:
                return terminal.admit()
        return None

    def _stranger(self, address: str) -> None:
        if len(self.strangers) < 1000 or address in self.strangers:
            self.strangers[address] = self.strangers.get(address, 0) + 1


def _parse_listen(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise InvalidValueError("listen", listen, ("allowed_listen", {"example": "192.168.1.10:8082"}))
    return host.strip("[]"), int(port)
