"""The register: its terminals, its own address, its journal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar, Unpack

from ecrlan.errors import (
    AlreadySentError,
    ClosedError,
    EcrlanError,
    InvalidValueError,
    JournalDoubtError,
    JournalError,
    ListenError,
    OperationsWithoutTerminalError,
    ReferenceConflictError,
    RegisterError,
    TerminalBusyError,
    UnknownReferenceError,
    UnknownTerminalError,
)
from ecrlan.journal import Entry, Journal, Known, NewOperation, parameters_hash
from ecrlan.journal import Event as Row
from ecrlan.journal.memory import MemoryJournal
from ecrlan.journal.reading import read
from ecrlan.logger import Logger, load, trace_of
from ecrlan.model import (
    SHARED_FORMS,
    Approved,
    Code,
    Evidence,
    Kind,
    NotPerformed,
    Operation,
    Resolution,
    State,
    Unresolved,
    check_digits,
    evidence_of,
    verbatim,
)
from ecrlan.net.line import Line
from ecrlan.net.listen import Listener
from ecrlan.protocol.options import TerminalOptions, TerminalSettings, check_apart
from ecrlan.protocol.outcomes import moves_money
from ecrlan.protocol.records import (
    created_row,
    finished_row,
    operation_of_entry,
    outcome_of_saved_answer,
    recovering_row,
    sent_request,
)
from ecrlan.protocol.work import Order, said
from ecrlan.register.commits import Commits
from ecrlan.register.events import OperationChanged
from ecrlan.register.housekeeping import Housekeeping
from ecrlan.register.publisher import Observer, Publisher, guarded
from ecrlan.register.queue import Place
from ecrlan.register.recall import belongs_to, open_work, recall_terminal
from ecrlan.register.running import Running, RunningWork
from ecrlan.register.terminal import Terminal

log = Logger(__name__)

RowObserver = Callable[[NewOperation | Row], None]

Given = ParamSpec("Given")
Found = TypeVar("Found")

WITHDRAWN = Evidence(Code.WITHDRAWN)
DRAIN_PERIOD = 0.2
"""Seconds between two looks at what has not ended yet."""


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
        self.cash_register_id = cash_register_id
        self.clock = clock
        self.listener: Listener | None = None
        self.terminals: dict[str, Terminal] = {}
        self.strangers: dict[str, int] = {}
        """Addresses that dialled in and are no terminal of ours, with how often."""
        self._journal_path = journal
        self._journal: Journal | None = None
        self._backups = backups
        self._retention_days = retention_days
        self._housekeeping: Housekeeping | None = None
        self._on_commit = on_commit
        self._listen = _parse_listen(listen) if listen else None
        self._must_listen = must_listen
        self._open: dict[str, RunningWork] = {}
        """What a crash left open, by its reference, whichever terminal has taken it up."""
        self._running: dict[str, tuple[Terminal, RunningWork, asyncio.Task[None], Running]] = {}
        self._looking: dict[str, asyncio.Future[None]] = {}
        """References that are being looked up in the journal."""
        self._resolving: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._closing = False
        self._commits = Commits()
        self.publisher = Publisher()
        self._row_observers: list[RowObserver] = []
        self.accompany: Callable[[str], list[Row]] | None = None
        """Asked, when an operation (its reference) is first written to the journal, for events to be committed with it."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the journal and the register's own address. Raises `JournalError`, `ListenError`."""
        load()  # now, and not in the middle of a payment that has something to log
        self._commits = Commits()
        if isinstance(self._journal_path, Journal):
            self._journal = self._journal_path
        else:
            path = self._journal_path
            if path is None:
                self._journal = MemoryJournal()
            else:
                self._journal = await asyncio.to_thread(Journal, path, on_commit=self._on_commit)
        if self._listen is not None:
            self.listener = Listener(self._line_for, self._stranger)
            try:
                await self.listener.start(*self._listen)
            except BaseException as error:
                if isinstance(error, ListenError) and not self._must_listen:
                    log.warning("register.not_listening", problem=str(error))
                    self.listener = None
                else:
                    self._close_journal()
                    raise
        if self._journal_path is not None and not isinstance(self._journal_path, Journal):
            folder = Path(self._journal_path).parent / "backups"
            backups, days = self._backups, self._retention_days
            self._housekeeping = Housekeeping(self.journal, folder, self.clock, backups=backups, retention_days=days)

    async def close(self) -> None:
        """Close every line and the journal. An operation under way is left to recovery; who waits for it gets it as it stands."""
        self._closing = True
        if self.listener is not None:
            await self.listener.close()
        tasks = [task for _, _, task, _ in self._running.values()] + list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for terminal in self.terminals.values():
            terminal.lines.drop()
        if self._housekeeping is not None:
            await self._housekeeping.close()
        self.publisher.flush()
        self._close_journal()

    async def drain(self, seconds: float) -> None:
        """Take no new operations, drop those of which nothing was sent, and give the others `seconds` to finish before `close`."""
        self._closing = True
        for _, work, task, _ in self._running.values():
            if not work.sent:
                task.cancel()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while left := [task for _, work, task, _ in self._running.values() if not task.done() and work.state is not State.RECOVERING]:
            if loop.time() >= until:
                return
            await asyncio.wait(left, timeout=min(DRAIN_PERIOD, until - loop.time()), return_when=asyncio.FIRST_COMPLETED)

    # --- observers --------------------------------------------------------------------------------------------------------------

    def observe(self, callback: Observer, *, frames: bool = False) -> Callable[[], None]:
        """Have `callback` called with every event of every terminal, on the loop; returns what ends it. See `Publisher.observe`."""
        return self.publisher.observe(callback, frames=frames)

    def observe_rows(self, callback: RowObserver) -> None:
        """Have `callback` called with every row: one that must be on disk first, once it is. What it raises is logged and hurts nobody."""
        self._row_observers.append(callback)

    # --- terminals --------------------------------------------------------------------------------------------------------------

    def dial(self, name: str, address: str, port: int = 8081, **options: Unpack[TerminalOptions]) -> Terminal:
        """Add a terminal that listens at `address`:`port`, and is called there; `options` are those of `TerminalSettings`.

        Raises `InvalidValueError` for a value that is not allowed, and for a second name of a terminal. Nothing is sent yet.
        """
        return self.add(TerminalSettings(name=name, address=address, port=port, link="dial", **options))

    def listen(self, name: str, address: str, *, port: int = 8081, **options: Unpack[TerminalOptions]) -> Terminal:
        """Add a terminal that dials in from its static IP `address`; `options` are those of `TerminalSettings`.

        Raises as `dial` does. Nothing is sent yet.
        """
        return self.add(TerminalSettings(name=name, address=address, port=port, link="listen", **options))

    def add(self, settings: TerminalSettings) -> Terminal:
        """Add a terminal. What a crash left open on it is recovered in the background."""
        if settings.name in self.terminals:
            raise InvalidValueError("terminal name", settings.name, ("allowed_unused_name", {}))
        for other in self.terminals.values():
            check_apart(settings, other.settings)
        terminal = Terminal(self, settings, recall_terminal(self.journal, settings, asyncio.get_running_loop().time()))
        self.terminals[settings.name] = terminal
        self.adopt(terminal)
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
        return self.terminals.pop(name).settings

    def change(self, settings: TerminalSettings) -> Terminal:
        """Give the terminal of this name other settings. Raises as `remove` and `add` do; then the old ones stand."""
        old = self.terminal(settings.name)
        self.remove(settings.name)
        try:
            new = self.add(settings)
        except InvalidValueError:
            self.terminals[settings.name] = old
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
        if self._journal is None:
            raise JournalError(("register_not_open", {"way": "async with Register(...)"}))
        return self._journal

    def operation(self, reference: str) -> Operation:
        """Return the operation with this reference, running or finished. Raises `UnknownReferenceError`."""
        running = self._running.get(reference)
        if running is not None:
            return running[1].snapshot()
        entry = self.journal.find(reference)
        if entry is None:
            raise UnknownReferenceError(reference)
        return operation_of_entry(entry)

    def running(self) -> list[Operation]:
        """Return the operations that wait or are under way, in the order in which they came; polls are none."""
        return [work.snapshot() for _, work, _, _ in self._running.values() if not work.order.background]

    async def withdraw(self, reference: str) -> Operation:
        """Take an operation back that still waits for its terminal: it ends as `not_performed`, and its reference stays used.

        Raises `UnknownReferenceError`, and `AlreadySentError` once it was sent, or has ended otherwise. Withdrawn twice is withdrawn.
        """
        running = self._running.get(reference)
        if running is None:
            known = await self.read(self.operation, reference)
            if known.outcome == NotPerformed(reason=WITHDRAWN):
                return known
            raise AlreadySentError(reference, known.outcome.outcome if known.outcome is not None else known.state.value)
        _, work, task, handle = running
        if work.withdrawn:
            return await handle.ended()
        if work.sent or work.outcome is not None:
            raise AlreadySentError(reference, work.outcome.outcome if work.outcome is not None else work.state.value)
        work.withdrawn = work.promised = True
        task.cancel()
        return await handle.ended()

    async def begin(self, terminal: Terminal, order: Order) -> Running:
        """Begin an order, or find what stands under its reference. Refusals that need no terminal are raised here.

        Raises `ReferenceConflictError`, `TerminalBusyError`, `TerminalBlockedError`, `ClosedError`, `JournalError`, `RegisterError`:
        nothing was journaled and nothing was sent. What is refused later, by what the terminal says, is raised by `Running.ended`.
        """
        if order.generated:
            return await self._start(terminal, order)
        while (looking := self._looking.get(order.reference)) is not None:
            await asyncio.wait([looking])
        self._looking[order.reference] = asyncio.get_running_loop().create_future()
        try:
            return await self._known(terminal, order) or await self._start(terminal, order)
        finally:
            self._looking.pop(order.reference).set_result(None)

    async def _known(self, terminal: Terminal, order: Order) -> Running | None:
        """Return what stands under the order's reference; None where that is new. Raises `ReferenceConflictError`."""
        reference = order.reference
        running = self._running.get(reference)
        if running is not None:
            owner, work, _, handle = running
            if (owner.name, work.order.parameters) != (terminal.name, order.parameters):
                raise _conflict(order, terminal.name, owner.name, work.order.kept_parameters)
            return handle
        known, entry = await self.read(self._look_up, reference)
        if known is None:
            return None
        if entry is None:
            removed = "an operation that retention has removed"
            raise ReferenceConflictError(reference, removed, _words(terminal.name, order.kept_parameters))
        if (entry.terminal, known.parameters_hash) != (terminal.name, parameters_hash(order.parameters)):
            raise _conflict(order, terminal.name, entry.terminal, entry.parameters)
        open_work = terminal.open_works.get(reference)
        if open_work is not None:  # a crash left it open, and its recovery is under way
            return Running(reference, open_work.snapshot, self._spawn(_concluded(open_work)))
        operation = operation_of_entry(entry)
        ended = asyncio.get_running_loop().create_future()
        ended.set_result(None)
        return Running(reference, lambda: operation, ended)

    def _look_up(self, reference: str) -> tuple[Known | None, Entry | None]:
        known = self.journal.known(reference)
        return known, self.journal.find(reference) if known is not None else None

    async def _start(self, terminal: Terminal, order: Order) -> Running:
        if order.target is not None:
            await self.read(terminal.check_target, order)
        if self._closing:
            raise ClosedError
        if self.terminals.get(terminal.name) is not terminal:
            raise RegisterError(("terminal_replaced", {"terminal": terminal.name}))
        place = terminal.enter(order)
        work = RunningWork(order=order, terminal=terminal.name, created_time=self.clock())
        task = asyncio.get_running_loop().create_task(self._perform(terminal, work, place))
        handle = Running(order.reference, work.snapshot, task, work)
        self._running[order.reference] = (terminal, work, task, handle)
        task.add_done_callback(lambda _: self._ended(order.reference, place, task))
        return handle

    def _ended(self, reference: str, place: Place, task: asyncio.Task[None]) -> None:
        self._running.pop(reference, None)
        place.leave()  # one that was cancelled before its first step never came to that
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, EcrlanError):  # nobody may wait for it
            log.error("operation.failed", reference=reference, trace=trace_of(error))

    async def _perform(self, terminal: Terminal, work: RunningWork, place: Place) -> None:
        try:
            await terminal.perform(work, place)
            if work.order.kind is Kind.CLOSE_SESSION and self._housekeeping is not None:
                self._housekeeping.look_now()
        except JournalError:
            raise
        except (RegisterError, asyncio.CancelledError) as error:
            if not work.promised or work.recorded or not (work.order.journaled or work.withdrawn):
                raise
            reason = (
                WITHDRAWN if work.withdrawn else evidence_of(error) if isinstance(error, RegisterError) else Evidence(Code.REGISTER_CLOSED)
            )
            now = self.clock()
            work.not_performed(reason, now)
            if work.order.journaled:
                refused = finished_row(work, NotPerformed(reason=reason), now)
                if committing := self.write([created_row(work, terminal.memory.place), refused], durable=True):
                    await committing
            terminal.publish(work)

    async def read(self, look: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """Return what `look` finds in the journal: in a thread where the journal is written by one, for a disk may be slow."""
        if self.journal.threaded:
            return await read(look, *given, **named)
        return look(*given, **named)

    async def resolve(self, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
        """Settle an unresolved operation in a person's name. Raises `RegisterError` where its outcome is known already."""
        by, note = said("by", by), said("note", note)
        if outcome not in ("approved", "not_performed"):
            raise InvalidValueError("as", outcome, ("allowed_one_of", {"words": ["approved", "not_performed"]}))
        known = self.operation(reference)
        if reference in self._resolving:
            raise RegisterError(("being_settled", {"reference": reference}))
        if not isinstance(known.outcome, Unresolved):
            told = known.outcome.outcome if known.outcome else "open"
            raise RegisterError(("not_unresolved", {"reference": reference, "outcome": told}))
        now = self.clock()
        data = {"outcome": outcome, "by": by, "note": note, **verbatim(Code.NOTE, note).fields("reason")}
        row = Row(name="resolved", time=now, reference=reference, terminal=known.terminal, data=data)
        self._resolving.add(reference)
        held = self._open_work(reference)
        if held is not None:
            held.being_settled = True
        try:
            committing = self.write([row], durable=True)
            if committing is not None:
                await committing
        finally:
            self._resolving.discard(reference)
            if held is not None:
                held.being_settled = False
        holders = [terminal for terminal in self.terminals.values() if reference in terminal.open_works]
        for terminal in holders:
            work = terminal.open_works[reference]
            terminal.settled_by_person(work, performed=outcome == "approved")
            if outcome == "approved":
                terminal.begin_series(self.journal.find(reference))
            work.resolution = Resolution(by=by, note=note, time=now)
            work.settle(Approved() if outcome == "approved" else NotPerformed(reason=verbatim(Code.NOTE, note)), now)
        operation = self.operation(reference)
        (self.terminals.get(known.terminal) or self.publisher).tell(OperationChanged(known.terminal, operation))
        return operation

    async def attach(self, reference: str, terminal: str, *, by: str) -> Operation:
        """Give an operation without a known outcome to a terminal, in a person's name: from now on it blocks that one.

        Raises `UnknownReferenceError`, `UnknownTerminalError`, `RegisterError` where its outcome is known, `InvalidValueError`.
        """
        by = said("by", by)
        target = self.terminal(terminal)
        known = self.operation(reference)
        if known.outcome is not None and not isinstance(known.outcome, Unresolved):
            raise RegisterError(("blocks_no_terminal", {"reference": reference, "outcome": known.outcome.outcome}))
        data = {"terminal": terminal, "by": by}
        row = Row(name="attached", time=self.clock(), reference=reference, terminal=known.terminal, data=data)
        committing = self.write([row], durable=True)
        if committing is not None:
            await committing
        holders = [other for other in self.terminals.values() if reference in other.open_works]
        self.adopt(target)
        for other in holders:
            if other is not target and reference in target.open_works:
                del other.open_works[reference]
        return self.operation(reference)

    def check_operations(self, wanted: Iterable[TerminalSettings] | None = None) -> None:
        """Raise `OperationsWithoutTerminalError` where operations without a known outcome belong to none of the terminals.

        `wanted`: the terminals that the register shall have, in place of those that it has. What is under way now is no concern.
        """
        at_work = {reference for reference, (_, work, _, _) in self._running.items() if work.outcome is None}
        left = [entry for entry in self.journal.unsettled() if entry.reference not in at_work and _is_open_money(entry)]
        if wanted is None:
            taken = {reference for terminal in self.terminals.values() for reference in terminal.open_works}
            left = [entry for entry in left if entry.reference not in taken]
        elif left:
            now = asyncio.get_running_loop().time()
            owners = [(settings.name, recall_terminal(self.journal, settings, now)) for settings in wanted]
            left = [entry for entry in left if not any(belongs_to(entry, name, memory) for name, memory in owners)]
        if left:
            raise OperationsWithoutTerminalError(tuple((entry.reference, entry.terminal) for entry in left))

    # --- the journal ------------------------------------------------------------------------------------------------------------

    async def accept_journal(self, *, by: str, note: str) -> None:
        """Say, in a person's name, that a copied, older or cut journal may be used.

        Nothing that a terminal says will prove anything about operations from before. Raises `RegisterError` where nothing is in doubt,
        `JournalError`, `InvalidValueError`.
        """
        by, note = said("by", by), said("note", note)
        if self.journal.doubt is None:
            raise RegisterError(("nothing_in_doubt", {}))
        await asyncio.to_thread(partial(self.journal.accept, by, note, now=self.clock()))

    def check_journal(self, *, money: bool = True) -> None:
        """Raise `JournalError` where the journal has failed, `JournalDoubtError` where it is doubtful: then no money is moved."""
        if money and self.journal.doubt is not None:
            raise JournalDoubtError(self.journal.doubt.text, self.journal.doubt.evidence.as_json())
        if self.journal.failed:
            raise JournalError(("no_money_without_journal", {"problem": self.journal.failed}))

    def write(self, rows: list[NewOperation | Row], *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows; a future where the caller must wait for the commit (it fails with `JournalError`)."""
        if self.accompany is not None:
            rows += [more for row in rows if isinstance(row, NewOperation) for more in self.accompany(row.reference)]
        try:
            committing = self.journal.write(rows, durable=durable)
        except JournalError as error:
            if not durable:
                return None
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed
        if committing is None or not durable:
            self._tell_rows(rows)
            return None
        waiter = self._commits.follow(committing)
        waiter.add_done_callback(lambda done: None if done.cancelled() or done.exception() else self._tell_rows(rows))
        return waiter

    def _tell_rows(self, rows: Iterable[NewOperation | Row]) -> None:
        for observer in self._row_observers:
            for row in rows:
                guarded(observer, row)

    def _close_journal(self) -> None:
        if self._journal is not None and not isinstance(self._journal_path, Journal):
            self._journal.close()
        self._journal = None

    def adopt(self, terminal: Terminal) -> None:
        """Have a terminal take up the operations that are its own and have no known outcome, and begin to recover them."""
        for entry in self.journal.unsettled():
            running = self._running.get(entry.reference)
            if entry.reference in terminal.open_works or (running is not None and not running[1].recovering):
                continue
            if belongs_to(entry, terminal.name, terminal.memory):
                self._take_up(terminal, entry)

    def _open_work(self, reference: str) -> RunningWork | None:
        """Return the open operation, whichever terminal has it: all that hold it share it."""
        running = self._running.get(reference)
        held = (terminal.open_works[reference] for terminal in self.terminals.values() if reference in terminal.open_works)
        return running[1] if running is not None else next(held, self._open.get(reference))

    def _take_up(self, terminal: Terminal, entry: Entry) -> None:
        sent = sent_request(entry)
        if sent is None:
            return
        known = self._open_work(entry.reference)
        if known is not None and known.open:
            terminal.open_works[entry.reference] = known
            return
        now = self.clock()
        work = open_work(entry, sent, terminal.name, from_before=entry.id <= self.journal.doubted_operations)
        saved = outcome_of_saved_answer(entry, sent.request)
        if saved is None and not work.order.money:
            saved = NotPerformed(reason=Evidence(Code.REGISTER_STOPPED))
        if saved is not None and not isinstance(saved, Unresolved):
            self.write([finished_row(work, saved, now)], durable=False)
            if self.publisher.observed:
                terminal.tell(OperationChanged(terminal.name, self.operation(entry.reference)))
            return
        work.ended_at = asyncio.get_running_loop().time()
        work.state = State.RECOVERING
        was_unresolved = entry.outcome == "unresolved"
        work.evidence = Evidence(Code.REGISTER_STOPPED)
        if was_unresolved:
            operation = operation_of_entry(entry)
            work.outcome, work.state, work.evidence = operation.outcome, State.FINISHED, operation.evidence
        terminal.memory.unanswered = True
        terminal.memory.unseen_operations.add(entry.reference)
        if sent.request.answers & SHARED_FORMS:
            terminal.memory.unseen = entry.reference, work.ended_at
        terminal.open_works[entry.reference] = self._open[entry.reference] = work
        if not was_unresolved:
            self.write([recovering_row(work, Evidence(Code.REGISTER_STOPPED), now)], durable=False)
        self._spawn(terminal.recover(work))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

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


async def _concluded(work: RunningWork) -> None:
    if work.outcome is None:
        await work.concluded.wait()
    await work.committed()


def _is_open_money(entry: Entry) -> bool:
    """Tell whether an operation without a known outcome was sent, and can have moved money."""
    sent = sent_request(entry)
    return sent is not None and moves_money(entry.kind, sent.request)


def _conflict(order: Order, terminal: str, known_terminal: str, known: dict[str, Any]) -> ReferenceConflictError:
    """Return the error that a reference stands for another operation; both are shown as they are kept, card numbers masked."""
    asked = order.kept_parameters
    same = {"cash_register_id"} if known.get("cash_register_id") == asked.get("cash_register_id") else set()
    return ReferenceConflictError(order.reference, _words(known_terminal, known, leave_out=same), _words(terminal, asked, leave_out=same))


def _words(terminal: str, parameters: dict[str, Any], leave_out: Collection[str] = ("cash_register_id",)) -> str:
    told = {key: value for key, value in parameters.items() if value not in ("", False) and key not in leave_out}
    return ", ".join([f"terminal={terminal}", *(f"{key}={value}" for key, value in told.items())])
