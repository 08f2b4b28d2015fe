"""The verbs of a running system, and how a register in this process performs them; `ecrlan.client` does the same over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from ecrlan.errors import ClosedError, JournalError, RegisterError, UnknownReferenceError
from ecrlan.journal import Doubt, Journal, JournalReader
from ecrlan.journal.queries import Filter
from ecrlan.journal.reading import read
from ecrlan.model import Operation, Outcome, State, with_outcome
from ecrlan.model.orders import Order
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import OperationChanged, Register, Terminal, TerminalEvent
from ecrlan.register.running import Running, RunningWork
from ecrlan.texts import Language, words

Watch = Callable[[TerminalEvent], None]
"""Told, on the loop, what happens while an operation is carried out."""

UNWRITTEN = (State.QUEUED, State.SENDING)
"""States of operations that may not be in the journal yet."""
LONGEST_PAGE = 200
"""Operations that are asked for at once."""
LOOK_AGAIN = 0.1
"""Seconds between two looks whether recovery has ended without a proof, which nothing signals."""


@dataclass(frozen=True, slots=True)
class Page:
    """Operations, newest first, and what to give as `before` for the page behind it; None: there is none."""

    operations: list[Operation]
    following: str | None


class Records(Protocol):
    """What can be looked up without a register. Nothing is sent. Raises `JournalError`, and what a lost daemon raises."""

    @property
    def incomplete(self) -> Doubt | None:
        """What the journal may lack, where it is read without its owner; else None."""

    async def page(self, wanted: Filter, *, limit: int = 50, before: str | None = None) -> Page:
        """Return at most `limit` operations (1 to 200), newest first; `before` is `Page.following` of the page before.

        The first page begins with those that wait for their terminal and stand in no journal yet, beside the `limit`.
        """

    async def journal(self, language: Language = "en") -> dict[str, Any]:
        """Return the journal as JSON (interfaces.md, "JSON"): its file, its epoch, and why it is in doubt, in `language`."""


class Service(Records, Protocol):
    """What can be asked of a running system. Terminals are named as in the settings.

    An exception whose `sent` is `no` means that nothing was sent; `sent` is `unknown` only where a connection to the daemon was lost, or
    what came back cannot be read: then ask with `show`, by the reference, before anything else is sold.
    """

    async def begin(self, terminal: str, order: Order, *, wait: float = 0.0, callback_url: str | None = None) -> Operation:
        """Begin an order, or find the operation with its reference, and return it: with its outcome, or as it is after `wait` seconds.

        A daemon posts the steps of a new operation to `callback_url`; a register alone only writes the address down.

        The order has a reference. What is returned without an outcome will have one, be it `not_performed`: ask with `show`. A caller that
        is cancelled drops what still waits for the terminal. Raises as `ecrlan.Terminal`'s methods do.
        """

    async def carry_out(self, terminal: str, order: Order, *, watch: Watch | None = None) -> Operation[Outcome]:
        """Begin an order, or find it again, and return the operation once it has its outcome, however long that takes.

        `watch` is told what happens on the terminal meanwhile. A caller that is cancelled drops what still waits for the terminal; what was
        sent goes on. Raises as `ecrlan.Terminal`'s methods do.
        """

    async def was_sent(self, reference: str) -> bool:
        """Tell, once a call of `carry_out` was cancelled, whether the operation may have left for the terminal."""

    async def show(self, reference: str, *, wait: float = 0.0) -> Operation:
        """Return an operation; with `wait` (seconds) once it has ended, or as it is by then. Raises `UnknownReferenceError`."""

    async def withdraw(self, reference: str) -> Operation:
        """Take back an operation that waits for its terminal. Raises `UnknownReferenceError`, `AlreadySentError`."""

    async def resolve(self, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
        """Settle an unresolved operation in a person's name. Raises `UnknownReferenceError`, `InvalidValueError`, `RegisterError`."""

    async def attach(self, reference: str, terminal: str, *, by: str) -> Operation:
        """Give an operation without a known outcome to a terminal, in a person's name. Raises as `resolve`, and `UnknownTerminalError`."""

    async def recover(self, reference: str, seconds: float) -> bool:
        """Wait, `seconds` at most, for the recovery of an operation, which moves no money.

        False where nothing recovers it now: it is unresolved, and the terminal is asked again before its next payment.
        """

    async def accept_journal(self, *, by: str, note: str, language: Language = "en") -> dict[str, Any]:
        """Say, in a person's name, that a journal in doubt may be used; returns it as `journal` does. Raises `RegisterError`."""

    async def terminals(self) -> list[dict[str, Any]]:
        """Return the terminals as JSON, each with at least `name` and `used_by_hand`; a daemon tells all of interfaces.md."""

    async def accept_terminal_id(self, terminal: str, *, by: str) -> dict[str, Any]:
        """Accept the TID that answered in place of the known one, in a person's name; returns the terminal. Raises `RegisterError`."""

    async def reset_hand_use(self, terminal: str, *, by: str) -> dict[str, Any]:
        """Say, in a person's name, that nobody uses the terminal by hand any more; returns the terminal. Raises `RegisterError`."""

    async def reset_line(self, terminal: str) -> dict[str, Any]:
        """Drop the terminal's line; returns the terminal. Raises `RegisterError` while it is in use."""

    def events(self, terminal: str) -> AsyncIterator[TerminalEvent]:
        """Follow what happens on a terminal, from now on. Never ends by itself."""


async def newest(records: Records, wanted: Filter, limit: int) -> list[Operation]:
    """Return the newest `limit` operations, on however many pages they stand. Raises as `Records.page`."""
    found: list[Operation] = []
    before: str | None = None
    while len(found) < limit:
        page = await records.page(wanted, limit=min(limit - len(found), LONGEST_PAGE), before=before)
        found += page.operations
        before = page.following
        if before is None or not page.operations:
            break
    return found[:limit]


class JournalRecords:
    """What a journal tells, whoever owns it."""

    def __init__(self, reader: JournalReader) -> None:
        self.reader = reader

    @property
    def incomplete(self) -> Doubt | None:
        """As `Records.incomplete`."""
        return self.reader.incomplete

    async def page(self, wanted: Filter, *, limit: int = 50, before: str | None = None) -> Page:
        """As `Records.page`."""
        return await read(_page, self.reader, wanted, limit, before)  # a big journal's answer takes its time

    async def journal(self, language: Language = "en") -> dict[str, Any]:
        """As `Records.journal`."""
        return await read(journal_as_json, self.reader, language)


class LocalService:
    """The verbs on a register in this process. `reader` is a second look at its journal, for what takes its time."""

    def __init__(self, register: Register, reader: JournalReader | None = None) -> None:
        self.register = register
        self.reader = reader
        self.closing = False
        """Set where no new operations are taken."""
        self._released: asyncio.Future[None] | None = None
        self._ends: dict[str, asyncio.Event] = {}
        self._end_observing = register.observe(self._observe)

    def close(self) -> None:
        """Let go of whoever still waits; each gets the operation as it stands."""
        self.closing = True
        self._end_observing()
        if not self._release.done():
            self._release.set_result(None)

    # --- operations -------------------------------------------------------------------------------------------------------------

    async def begin(self, terminal: str, order: Order, *, wait: float = 0.0, callback_url: str | None = None) -> Operation:
        """As `Service.begin`; also `ClosedError`."""
        running = await self._begin(self.register.terminal(terminal), order, callback_url)
        if wait > 0 and not running.done:
            ending = asyncio.get_running_loop().create_task(running.ended())
            if await self._wait(ending, wait):
                return ending.result()
            running.promise()  # else nobody waits for it any more, and it would be dropped
            ending.cancel()
        if running.done:
            return await running.ended()
        running.promise()
        return running.operation()

    async def carry_out(self, terminal: str, order: Order, *, watch: Watch | None = None) -> Operation[Outcome]:
        """As `Service.carry_out`; also `ClosedError`."""
        owner = self.register.terminal(terminal)
        async with _watched(owner, watch):
            running = await self._begin(owner, order)
            ending = asyncio.get_running_loop().create_task(running.ended())
            if await self._wait(ending, None):
                return with_outcome(ending.result())
            if not order.journaled and order.reference is None:  # a look, of which nothing is kept
                ending.cancel()
                raise ClosedError
            running.promise()
            ending.cancel()
            return with_outcome(running.operation())

    async def was_sent(self, reference: str) -> bool:
        """As `Service.was_sent`."""
        try:
            return (await self.register.find(reference)).state is not State.QUEUED
        except UnknownReferenceError:
            return False

    async def show(self, reference: str, *, wait: float = 0.0) -> Operation:
        """As `Service.show`; `UnknownReferenceError` also where the operation was refused meanwhile."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while (operation := await self.register.find(reference)).state is not State.FINISHED:
            left = until - loop.time()
            if left <= 0 or self._release.done():
                break
            end = self._ends.setdefault(reference, asyncio.Event())
            if (await self.register.find(reference)).state is State.FINISHED:  # while it was looked up before, when nobody waited yet
                self._wake(reference)
                continue
            waiting = loop.create_task(end.wait())
            try:
                await self._wait(waiting, left)
            finally:
                waiting.cancel()
        return operation

    async def withdraw(self, reference: str) -> Operation:
        """As `Service.withdraw`."""
        return await self.register.withdraw(reference)

    async def resolve(self, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
        """As `Service.resolve`."""
        return await self.register.resolve(reference, outcome, by=by, note=note)

    async def attach(self, reference: str, terminal: str, *, by: str) -> Operation:
        """As `Service.attach`."""
        return await self.register.attach(reference, terminal, by=by)

    async def recover(self, reference: str, seconds: float) -> bool:
        """As `Service.recover`."""
        await asyncio.sleep(0)  # what was just taken up begins to be recovered
        held = (terminal.open_works.get(reference) for terminal in self.register.terminals.values())
        work = next((each for each in held if each is not None), None)
        if work is None:
            return True  # its outcome was found out meanwhile
        if not work.recovering:
            return False
        await _until_recovered(work, seconds)
        return True

    def events(self, terminal: str) -> AsyncIterator[TerminalEvent]:
        """As `Service.events`."""
        return self.register.terminal(terminal).events()

    # --- records ----------------------------------------------------------------------------------------------------------------

    @property
    def incomplete(self) -> Doubt | None:
        """As `Records.incomplete`: its owner knows all that is in it."""
        return None

    async def page(self, wanted: Filter, *, limit: int = 50, before: str | None = None) -> Page:
        """As `Records.page`."""
        journal = self.register.journal
        with suppress(JournalError):  # one that has failed can still be read
            await read(journal.flush)  # an end that nobody waits for is written up to half a second later
        page = await JournalRecords(self.reader or journal).page(wanted, limit=limit, before=before)
        running = {operation.reference: operation for operation in self.register.running()}
        written = {operation.reference for operation in page.operations}
        begun = [each for each in reversed(running.values()) if each.state in UNWRITTEN and each.reference not in written]
        first = [each for each in begun if _matches(each, wanted)] if before is None else []
        return Page(first + [running.get(each.reference, each) for each in page.operations], page.following)

    async def journal(self, language: Language = "en") -> dict[str, Any]:
        """As `Records.journal`; also why it has failed."""
        return await JournalRecords(self.register.journal).journal(language)

    async def accept_journal(self, *, by: str, note: str, language: Language = "en") -> dict[str, Any]:
        """As `Service.accept_journal`."""
        await self.register.accept_journal(by=by, note=note)
        return await self.journal(language)

    # --- terminals --------------------------------------------------------------------------------------------------------------

    async def terminals(self) -> list[dict[str, Any]]:
        """As `Service.terminals`."""
        return [_told(terminal) for terminal in self.register.terminals.values()]

    async def accept_terminal_id(self, terminal: str, *, by: str) -> dict[str, Any]:
        """As `Service.accept_terminal_id`."""
        owner = self.register.terminal(terminal)
        if owner.memory.foreign_terminal_id is None:
            raise RegisterError(("no_other_terminal_id", {"terminal": terminal}))
        await owner.accept_terminal_id_awaited(by)
        await asyncio.to_thread(self.register.journal.flush)  # a person's word is on disk when it is answered
        return _told(owner)

    async def reset_hand_use(self, terminal: str, *, by: str) -> dict[str, Any]:
        """As `Service.reset_hand_use`."""
        owner = self.register.terminal(terminal)
        if not owner.memory.used_by_hand:
            raise RegisterError(("not_used_by_hand", {"terminal": terminal}))
        owner.reset_hand_use(by)
        await asyncio.to_thread(self.register.journal.flush)
        return _told(owner)

    async def reset_line(self, terminal: str) -> dict[str, Any]:
        """As `Service.reset_line`."""
        owner = self.register.terminal(terminal)
        owner.drop_line()
        return _told(owner)

    # --- within -----------------------------------------------------------------------------------------------------------------

    async def _begin(self, terminal: Terminal, order: Order, callback_url: str | None = None) -> Running:
        if self.closing:
            raise ClosedError
        running = await terminal.begin(order, callback_url=callback_url)
        running.on_end(lambda: self._wake(running.reference))
        return running

    @property
    def _release(self) -> asyncio.Future[None]:
        if self._released is None:
            self._released = asyncio.get_running_loop().create_future()
        return self._released

    async def _wait(self, task: asyncio.Task[Any], seconds: float | None) -> bool:
        """Wait for the task, for `seconds`, or until all are let go, and tell whether it is done. Who is cancelled meanwhile has left."""
        try:
            await asyncio.wait({task, self._release}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])  # now it is dropped, or was sent and goes on
            raise
        return task.done()

    def _observe(self, event: TerminalEvent) -> None:
        if isinstance(event, OperationChanged) and event.operation.state is State.FINISHED:
            self._wake(event.operation.reference)

    def _wake(self, reference: str) -> None:
        end = self._ends.pop(reference, None)
        if end is not None:
            end.set()


def journal_as_json(journal: JournalReader, language: Language) -> dict[str, Any]:
    """Return the journal: file, epoch, why it is in doubt (in `language`) or has failed, who accepted it last. Reads the disk."""
    doubt, accepted = journal.doubt, journal.latest("", "journal_accepted")
    return {
        "file": str(journal.path) if journal.path is not None else None,
        "epoch": journal.epoch,
        "failed": journal.failed if isinstance(journal, Journal) else None,
        "doubt": {"code": doubt.code, "text": words(doubt.evidence, language)} if doubt is not None else None,
        "accepted": {"by": accepted.data["by"], "note": accepted.data["note"], "time": accepted.time.isoformat()} if accepted else None,
    }


def find_proof(journal: Path, reference: str) -> tuple[Operation | None, bool]:
    """Return the operation, if the journal of a register that is gone proves its outcome, and whether it proves that it was never sent.

    That is so where nobody owns the journal and it does not know the reference. Reads the disk; never makes a journal.
    """
    unsent = False
    try:
        with Journal.reader(journal) as reader:
            entry = reader.find(reference)
        if entry is None:
            with Journal(journal, owner_wait=0) as owned:  # nobody owns it any more: what is not in it was never sent
                entry = owned.find(reference)
            unsent = entry is None
    except JournalError:
        entry = None
    operation = operation_of_entry(entry) if entry is not None else None
    return (operation if operation is not None and operation.outcome is not None else None), unsent


@asynccontextmanager
async def _watched(terminal: Terminal, watch: Watch | None) -> AsyncIterator[None]:
    """Have `watch` called with the terminal's events for as long as it is entered."""
    if watch is None:
        yield
        return

    async def follow(told: Watch) -> None:
        async for event in terminal.events():
            told(event)

    following = asyncio.create_task(follow(watch))
    await asyncio.sleep(0)  # it must stand before the first event
    try:
        yield
        await asyncio.sleep(0)  # what came together with the outcome is told, too
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)  # whatever it was, the outcome counts


async def _until_recovered(work: RunningWork, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while work.recovering and (left := until - loop.time()) > 0:
        try:
            async with asyncio.timeout(min(LOOK_AGAIN, left)):
                await work.settled.wait()
        except TimeoutError:
            continue
        return


def _page(reader: JournalReader, wanted: Filter, limit: int, before: str | None) -> Page:
    before_id = int(before) if before is not None else None
    entries = reader.entries(**asdict(wanted), limit=limit + 1, before_id=before_id)
    found = [reader.find(entry.reference) for entry in entries[:limit]]
    following = str(entries[limit - 1].id) if len(entries) > limit else None
    return Page([operation_of_entry(entry) for entry in found if entry is not None], following)


def _matches(operation: Operation, wanted: Filter) -> bool:
    """Tell whether an operation that waits or runs is among those wanted; it has no outcome."""
    return (
        wanted.outcome is None
        and wanted.terminal in (None, operation.terminal)
        and wanted.kind in (None, operation.kind)
        and (wanted.since is None or operation.created_time >= wanted.since)
        and (wanted.until is None or operation.created_time < wanted.until)
    )


def _told(terminal: Terminal) -> dict[str, Any]:
    return {"name": terminal.name, "used_by_hand": terminal.memory.used_by_hand}
