"""The ledger: which operations there are, which of them run or are open and on which terminal, and what of it stands in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

from ecrlan.errors import (
    AlreadySentError,
    ClosedError,
    EcrlanError,
    JournalDoubtError,
    JournalError,
    OperationsWithoutTerminalError,
    ReferenceConflictError,
    RegisterError,
    UnknownReferenceError,
)
from ecrlan.journal import Entry, Journal, Known, NewOperation, parameters_hash
from ecrlan.journal import Event as Row
from ecrlan.journal.reading import read
from ecrlan.logger import Logger, trace_of
from ecrlan.model import (
    SHARED_FORMS,
    Code,
    Evidence,
    Kind,
    NotPerformed,
    Operation,
    State,
)
from ecrlan.protocol.memory import Memory
from ecrlan.protocol.options import TerminalSettings
from ecrlan.protocol.outcomes import moves_money
from ecrlan.protocol.records import (
    operation_of_entry,
    sent_request,
)
from ecrlan.protocol.resuming import resume
from ecrlan.protocol.work import Order, said
from ecrlan.register.commits import Commits
from ecrlan.register.housekeeping import Housekeeping
from ecrlan.register.publisher import Publisher
from ecrlan.register.queue import Place
from ecrlan.register.recall import Recollection, belongs_to, changes_unsettled, is_outdated, recall_terminal, recollect
from ecrlan.register.running import Running, RunningWork

log = Logger(__name__)

Given = ParamSpec("Given")
Found = TypeVar("Found")

WITHDRAWN = Evidence(Code.WITHDRAWN)
DRAIN_PERIOD = 0.2
"""Seconds between two looks at what has not ended yet."""


@dataclass(slots=True, eq=False)
class Member:
    """A terminal of the register, as the ledger knows it."""

    name: str
    memory: Memory
    """What is known of it; another one once its TID is learned or accepted."""
    open_works: dict[str, RunningWork] = field(default_factory=dict)
    """Operations whose outcome is not proved, by their references: they block the terminal. All that hold one share it."""


class _Carried(NamedTuple):
    """An operation that waits or is under way."""

    work: RunningWork
    task: asyncio.Task[None]
    handle: Running


class Ledger:
    """Knows every operation of a register, and owns its journal once that is open.

    `cash_register_id` is the register's number, `clock` returns timezone-aware wall clock.
    """

    def __init__(self, cash_register_id: str, clock: Callable[[], datetime], publisher: Publisher) -> None:
        self.cash_register_id = cash_register_id
        self.clock = clock
        self.publisher = publisher
        self.members: dict[str, Member] = {}
        """The register's terminals, by their names."""
        self.housekeeping: Housekeeping | None = None
        self.closing = False
        """Whether no new operations are taken."""
        self._journal: Journal | None = None
        self._commits = Commits()
        self._notes: list[list[NewOperation | Row]] = []
        """Rows that are written while somebody reads the journal in a thread, for each of them."""
        self._running: dict[str, _Carried] = {}
        self._left: dict[str, RunningWork] = {}
        """What a crash left open, by its reference, whichever terminal has taken it up."""
        self._claimed: dict[str, asyncio.Future[None]] = {}
        """References that are being looked up in the journal."""
        self._background: set[asyncio.Task[None]] = set()

    # --- opening and closing ----------------------------------------------------------------------------------------------------

    def open(self, journal: Journal) -> None:
        """Take an open journal."""
        self._journal, self._commits = journal, Commits()

    def close(self) -> Journal | None:
        """Give the journal back, if there is one."""
        journal, self._journal = self._journal, None
        return journal

    async def stop(self) -> None:
        """End what runs: operations under way are left to recovery."""
        self.closing = True
        tasks = [carried.task for carried in self._running.values()] + list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self, seconds: float) -> None:
        """Take no new operations, drop those of which nothing was sent, and give the others `seconds` to finish."""
        self.closing = True
        for work, task, _ in self._running.values():
            if not work.sent:
                task.cancel()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while left := [task for work, task, _ in self._running.values() if not task.done() and work.state is not State.RECOVERING]:
            if loop.time() >= until:
                return
            await asyncio.wait(left, timeout=min(DRAIN_PERIOD, until - loop.time()), return_when=asyncio.FIRST_COMPLETED)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have something done in the background, until the register is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    # --- admission --------------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def claim(self, reference: str) -> AsyncIterator[None]:
        """Wait until nobody else looks the reference up or begins an operation under it, and keep others from it meanwhile."""
        while (claimed := self._claimed.get(reference)) is not None:
            await asyncio.wait([claimed])
        self._claimed[reference] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self._claimed.pop(reference).set_result(None)

    async def known(self, order: Order, member: Member) -> Running | None:
        """Return what stands under the order's reference; None where that is new. Raises `ReferenceConflictError`."""
        reference = order.reference
        carried = self._running.get(reference)
        if carried is not None:
            work = carried.work
            if (work.terminal, work.order.parameters) != (member.name, order.parameters):
                raise _conflict(order, member.name, work.terminal, work.order.kept_parameters)
            return carried.handle
        known, entry = await self.read(self._look_up, reference)
        if known is None:
            return None
        if entry is None:
            removed = "an operation that retention has removed"
            raise ReferenceConflictError(reference, removed, _words(member.name, order.kept_parameters))
        if (entry.terminal, known.parameters_hash) != (member.name, parameters_hash(order.parameters)):
            raise _conflict(order, member.name, entry.terminal, entry.parameters)
        held = member.open_works.get(reference)
        if held is not None:  # a crash left it open, and its recovery is under way
            return Running(reference, held.snapshot, self.spawn(_concluded(held)))
        operation = operation_of_entry(entry)
        ended = asyncio.get_running_loop().create_future()
        ended.set_result(None)
        return Running(reference, lambda: operation, ended)

    def _look_up(self, reference: str) -> tuple[Known | None, Entry | None]:
        known = self.journal.known(reference)
        return known, self.journal.find(reference) if known is not None else None

    def check_member(self, member: Member) -> None:
        """Refuse new operations of a register that is being closed, or of a terminal that is not its own (any more)."""
        if self.closing:
            raise ClosedError
        if self.members.get(member.name) is not member:
            raise RegisterError(("terminal_replaced", {"terminal": member.name}))

    def run(self, work: RunningWork, performing: Coroutine[Any, Any, None], place: Place) -> Running:
        """Have an operation performed that has its place in its terminal's queue, in a task of its own."""
        task = asyncio.get_running_loop().create_task(performing)
        handle = Running(work.reference, work.snapshot, task, work)
        self._running[work.reference] = _Carried(work, task, handle)
        task.add_done_callback(lambda _: self._ended(work, place, task))
        return handle

    def _ended(self, work: RunningWork, place: Place, task: asyncio.Task[None]) -> None:
        self._running.pop(work.reference, None)
        place.leave()  # one that was cancelled before its first step never came to that
        if work.order.kind is Kind.CLOSE_SESSION and self.housekeeping is not None:
            self.housekeeping.look_now()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, EcrlanError):  # nobody may wait for it
            log.error("operation.failed", reference=work.reference, trace=trace_of(error))

    # --- looking up -------------------------------------------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """The open journal. Raises `JournalError` before it is opened and after it was closed."""
        if self._journal is None:
            raise JournalError(("register_not_open", {"way": "async with Register(...)"}))
        return self._journal

    async def read(self, look: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
        """Return what `look` finds in the journal: in a thread where the journal is written by one, for a disk may be slow."""
        if self.journal.threaded:
            return await read(look, *given, **named)
        return look(*given, **named)

    async def find(self, reference: str) -> Operation:
        """Return the operation with this reference, running or finished. Raises `UnknownReferenceError`."""
        carried = self._running.get(reference)
        return carried.work.snapshot() if carried is not None else await self.read(self._stored, reference)

    def operation(self, reference: str) -> Operation:
        """As `find`, for who cannot wait: it reads the journal at once."""
        carried = self._running.get(reference)
        return carried.work.snapshot() if carried is not None else self._stored(reference)

    def _stored(self, reference: str) -> Operation:
        entry = self.journal.find(reference)
        if entry is None:
            raise UnknownReferenceError(reference)
        return operation_of_entry(entry)

    def running(self) -> list[Operation]:
        """Return the operations that wait or are under way, in the order in which they came; polls are none."""
        return [work.snapshot() for work, _, _ in self._running.values() if not work.order.background]

    async def withdraw(self, reference: str) -> Operation:
        """See `Register.withdraw`."""
        carried = self._running.get(reference)
        if carried is None:
            known = await self.find(reference)
            if known.outcome == NotPerformed(reason=WITHDRAWN):
                return known
            raise AlreadySentError(reference, known.outcome.outcome if known.outcome is not None else known.state.value)
        work, task, handle = carried
        if work.withdrawn:
            return await handle.ended()
        if work.sent or work.outcome is not None:
            raise AlreadySentError(reference, work.outcome.outcome if work.outcome is not None else work.state.value)
        work.withdrawn = work.promised = True
        task.cancel()
        return await handle.ended()

    @contextmanager
    def recollecting(
        self, wanted: Sequence[TerminalSettings], terminal_id: str | None = None
    ) -> Iterator[Callable[[], Awaitable[Recollection]]]:
        """Give what returns what the journal tells of the terminals: read in a thread, and again where more was written meanwhile.

        What it returns holds until the caller waits for anything; then ask again. `terminal_id` as for `recall.recollect`.
        """
        memories: dict[str, Memory] = {}
        rows: list[NewOperation | Row] = []

        def stale() -> list[TerminalSettings]:
            return [each for each in wanted if each.name not in memories or is_outdated(memories[each.name], each.name, rows)]

        async def latest() -> Recollection:
            while True:
                to_read, now = stale(), asyncio.get_running_loop().time()
                rows.clear()
                found = await self.read(recollect, self.journal, to_read, now, terminal_id)
                memories.update(found.memories)
                if not stale() and not changes_unsettled(found.unsettled, rows):
                    return Recollection(memories, found.unsettled)

        self._notes.append(rows)
        try:
            yield latest
        finally:
            self._notes = [each for each in self._notes if each is not rows]

    def check_operations(self, wanted: Iterable[TerminalSettings] | None, told: Recollection | None = None) -> None:
        """See `Register.check_operations`."""
        at_work = {reference for reference, carried in self._running.items() if carried.work.outcome is None}
        unsettled = told.unsettled if told is not None else self.journal.unsettled()
        left = [entry for entry in unsettled if entry.reference not in at_work and _is_open_money(entry)]
        if wanted is None:
            taken = {reference for member in self.members.values() for reference in member.open_works}
            left = [entry for entry in left if entry.reference not in taken]
        elif left:
            owners = [(settings.name, self._memory_of(settings, told)) for settings in wanted]
            left = [entry for entry in left if not any(belongs_to(entry, name, memory) for name, memory in owners)]
        if left:
            raise OperationsWithoutTerminalError(tuple((entry.reference, entry.terminal) for entry in left))

    def _memory_of(self, settings: TerminalSettings, told: Recollection | None) -> Memory:
        if told is None:
            return recall_terminal(self.journal, settings, asyncio.get_running_loop().time())
        memory = told.memories.get(settings.name)
        return memory if memory is not None else self.members[settings.name].memory

    # --- writing ----------------------------------------------------------------------------------------------------------------

    def check_journal(self, *, money: bool) -> None:
        """Raise `JournalError` where the journal has failed, `JournalDoubtError` where it is doubtful: then no money is moved."""
        if money and self.journal.doubt is not None:
            raise JournalDoubtError(self.journal.doubt.text, self.journal.doubt.evidence.as_json())
        if self.journal.failed:
            raise JournalError(("no_money_without_journal", {"problem": self.journal.failed}))

    async def accept_journal(self, *, by: str, note: str) -> None:
        """See `Register.accept_journal`."""
        by, note = said("by", by), said("note", note)
        if self.journal.doubt is None:
            raise RegisterError(("nothing_in_doubt", {}))
        await asyncio.to_thread(partial(self.journal.accept, by, note, now=self.clock()))

    def write(self, rows: list[NewOperation | Row], *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows; a future where the caller must wait for the commit (it fails with `JournalError`)."""
        for noted in self._notes:
            noted.extend(rows)
        try:
            committing = self.journal.write(rows, durable=durable)
        except JournalError as error:
            if not durable:
                return None
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed
        if committing is None or not durable:
            self.publisher.tell_rows(rows)
            return None
        waiter = self._commits.follow(committing)
        waiter.add_done_callback(lambda done: None if done.cancelled() or done.exception() else self.publisher.tell_rows(rows))
        return waiter

    # --- what a crash left open -------------------------------------------------------------------------------------------------

    def adopt(self, member: Member, told: Recollection | None = None) -> list[RunningWork | Operation]:
        """Give a terminal the operations that are its own and have no known outcome.

        Without what `recollect` has just `told`, the journal is read at once: nothing may come between. Returns those that are to be
        recovered (`RunningWork`), and those whose outcome has been found in the journal (`Operation`).
        """
        found = (
            self.take_up(member, entry)
            for entry in (told.unsettled if told is not None else self.journal.unsettled())
            if entry.reference not in member.open_works and belongs_to(entry, member.name, member.memory)
        )
        return [each for each in found if each is not None]

    def _is_from_before(self, entry: Entry) -> bool:
        """Tell whether an operation is from before a doubt of the journal. While one stands, all are, and nobody needs to read which."""
        return self.journal.doubt is not None or entry.id <= self.journal.doubted_operations

    def shared_work(self, reference: str) -> RunningWork | None:
        """Return the open operation, whichever terminal has it: all that hold it share it."""
        carried = self._running.get(reference)
        held = (member.open_works[reference] for member in self.members.values() if reference in member.open_works)
        return carried.work if carried is not None else next(held, self._left.get(reference))

    def take_up(self, member: Member, entry: Entry) -> RunningWork | Operation | None:
        """Give a terminal an operation that has no known outcome; as `adopt`, None where there is nothing new to be done about it."""
        carried = self._running.get(entry.reference)
        sent = sent_request(entry)
        if sent is None or (carried is not None and not carried.work.recovering):
            return None
        known = self.shared_work(entry.reference)
        if known is not None and known.open:
            member.open_works[entry.reference] = known
            return None
        now = asyncio.get_running_loop().time()
        from_before = self._is_from_before(entry)
        work, rows = resume(RunningWork, entry, sent, member.name, from_before=from_before, now=now, time=self.clock())
        if rows:
            self.write([*rows], durable=False)
        if not work.open:
            return operation_of_entry(replace(entry, events=(*entry.events, *rows)))
        member.memory.unanswered = True
        member.memory.unseen_operations.add(entry.reference)
        if sent.request.answers & SHARED_FORMS:
            member.memory.unseen = entry.reference, now
        member.open_works[entry.reference] = self._left[entry.reference] = work
        return work


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
