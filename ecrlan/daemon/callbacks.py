"""Tells tills how their operations go: RECEIVED, STARTED, FINAL, posted to the address that came with the request.

A payment never waits for it: the register's events are noted and posted by tasks of their own. The addresses stand in the journal (event
"callback", committed with the operation) and so does the end of each delivery ("callback_done"), so a FINAL that was not told is found
again after a crash. It may then come twice; a receiver goes by the operation's reference.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import httpx
import structlog

from ecrlan.daemon.posts import AT_ONCE, PAUSES, Answer, host_of, post
from ecrlan.daemon.recipients import Recipients
from ecrlan.errors import InvalidValueError, JournalError
from ecrlan.journal import Event as Row
from ecrlan.journal import NewOperation
from ecrlan.journal.reading import read
from ecrlan.journal.rows import ENDING_NAMES, UNRESOLVED
from ecrlan.model import Approved, Declined, Done, Operation, State
from ecrlan.operation_json import operation_as_json
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import OperationChanged, ProgressShown, Register, TerminalEvent
from ecrlan.register.register import local_clock

log = structlog.get_logger(__name__)

WAITING_POSTS = 10_000
"""Posts that may wait. A FINAL beyond that is left to the journal and taken up when the others are done; other steps are dropped."""
CLOSE_SECONDS = 5.0
"""What is left to posts under way when the daemon stops; what is not delivered then is taken up at the next start."""

Step = Literal["RECEIVED", "STARTED", "FINAL"]


@dataclass(frozen=True, slots=True)
class _Post:
    """A step to be told, with the operation as it was then; None: as it stands in the journal. FINAL tells `outcome`."""

    step: Step
    operation: Operation | None
    outcome: str | None = None


@dataclass(slots=True)
class _Addressee:
    """Somebody who waits to be told of an operation."""

    reference: str
    url: str
    terminal: str
    told: set[Step] = field(default_factory=set)
    final: str | None = None
    """The outcome of the last FINAL that was told, or is on its way."""
    latest: Operation | None = None
    lost: bool = False
    """Whether its result was lost: what comes then is told as the journal has it, so that it is on disk."""
    posts: deque[_Post] = field(default_factory=deque)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a post is added."""
    task: asyncio.Task[None] | None = None

    @property
    def served(self) -> bool:
        """Whether nothing more can happen: outcomes other than `unresolved` stand."""
        return self.final not in (None, UNRESOLVED) and not self.posts


class Callbacks:
    """Follows `register` and posts the steps of operations that somebody wants to be told of.

    `recipients` says where callbacks may go; `client_factory` makes the HTTP client (default: that of `recipients`); `clock` returns
    timezone-aware wall clock.
    Steps of one operation are posted in order, each up to three times; one that fails is given up once a later one waits.
    """

    def __init__(
        self,
        register: Register,
        client_factory: Callable[[], httpx.AsyncClient] | None = None,
        clock: Callable[[], datetime] = local_clock,
        *,
        recipients: Recipients | None = None,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self.register = register
        self.waiting = 0
        """Posts that wait or are under way."""
        self._recipients = recipients or Recipients()
        self._client_factory = client_factory or self._recipients.client
        self._clock = clock
        self._pauses = pauses
        self._addressees: dict[str, _Addressee] = {}
        self._client: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken = 0
        """Posts so far."""
        self._left_over = False
        """Whether a FINAL was left to the journal for want of room."""
        self._taking_up: asyncio.Task[None] | None = None
        self._end_observing: Callable[[], None] | None = None

    async def open(self) -> None:
        """Follow the register, which is open, and take up what a crash left untold. Raises `JournalError`."""
        self._client = self._client_factory()
        self._end_observing = self.register.observe(self._observe)
        self.register.observe_rows(self._observe_row)
        await self._take_up()

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Give posts under way `seconds`, then end them. Before the register is closed, so that what was delivered is written down."""
        if self._end_observing is not None:
            self._end_observing()
        self._left_over = False
        client, self._client = self._client, None  # what comes now is left to the journal
        if self._taking_up is not None:
            self._taking_up.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if client is not None:
            await client.aclose()

    async def _take_up(self) -> None:
        """Take up what stands in the journal and was not told."""
        while True:
            begun = self._taken
            found = await self.register.read(self.register.journal.pending_callbacks)
            if begun == self._taken:  # else some of it may have been told while it was read
                break
        for pending in found:
            addressee = self._addressees.get(pending.reference)
            if addressee is None:
                addressee = _Addressee(pending.reference, pending.url, pending.terminal)
                addressee.lost = True
                addressee.told |= {"RECEIVED", "STARTED"}
                addressee.final = pending.told
                self._addressees[pending.reference] = addressee
            if pending.outcome is not None:
                self._finish(addressee, pending.outcome, None)

    # --- what happens -----------------------------------------------------------------------------------------------------------

    def _observe(self, event: TerminalEvent) -> None:
        match event:
            case ProgressShown(reference=reference):
                addressee = self._addressees.get(reference)
                if addressee is not None and addressee.latest is not None and addressee.final is None:
                    self._reach(addressee, "STARTED", addressee.latest)
            case OperationChanged(operation=operation):
                addressee = self._addressees.get(operation.reference)
                if addressee is not None:
                    self._changed(addressee, operation)

    def _changed(self, addressee: _Addressee, operation: Operation) -> None:
        addressee.latest = operation
        addressee.terminal = operation.terminal
        addressee.lost = addressee.lost or operation.state is State.RECOVERING
        if operation.state is State.ACCEPTED:
            self._reach(addressee, "RECEIVED", operation)
        outcome = operation.outcome
        if outcome is None:
            return
        if isinstance(outcome, Approved | Declined | Done) and addressee.final is None:
            self._reach(addressee, "STARTED", operation)
        self._finish(addressee, outcome.outcome, None if addressee.lost and operation.durable else operation)

    def _observe_row(self, row: NewOperation | Row) -> None:
        """Take who wants to be told, and outcomes that only the journal tells of: a person's word, and what is found after a crash."""
        if not isinstance(row, Row) or row.reference is None:
            return
        if row.name == "callback":
            self._addressees.setdefault(row.reference, _Addressee(row.reference, row.data["url"], row.terminal))
        addressee = self._addressees.get(row.reference)
        if addressee is None or row.name not in ENDING_NAMES:
            return
        if row.name == "resolved" or (addressee.lost and addressee.latest is None):
            self._finish(addressee, row.data["outcome"], None)

    def _reach(self, addressee: _Addressee, step: Literal["RECEIVED", "STARTED"], operation: Operation) -> None:
        """Tell that a step was reached, once; STARTED says that RECEIVED was."""
        if step in addressee.told:
            return
        if step == "STARTED":
            self._reach(addressee, "RECEIVED", operation)
        addressee.told.add(step)
        self._add(addressee, _Post(step, operation))

    def _finish(self, addressee: _Addressee, outcome: str, operation: Operation | None) -> None:
        """Tell an outcome, once; only `unresolved` is ever followed by another."""
        if addressee.final in (None, UNRESOLVED) and addressee.final != outcome:
            before, addressee.final = addressee.final, outcome
            if not self._add(addressee, _Post("FINAL", operation, outcome)):
                addressee.final = before
                self._left_over = True

    def _add(self, addressee: _Addressee, post: _Post) -> bool:
        if self.waiting >= WAITING_POSTS or self._client is None:
            log.error("callback.left", reference=addressee.reference, step=post.step, waiting=self.waiting)
            return False
        self.waiting += 1
        self._taken += 1
        addressee.posts.append(post)
        addressee.stirred.set()
        if addressee.task is None:
            addressee.task = asyncio.get_running_loop().create_task(self._serve(addressee, self._client))
            self._tasks.add(addressee.task)
            addressee.task.add_done_callback(self._served)
        return True

    # --- deliveries -------------------------------------------------------------------------------------------------------------

    async def _serve(self, addressee: _Addressee, client: httpx.AsyncClient) -> None:
        try:
            while addressee.posts:
                told = addressee.posts.popleft()
                try:
                    await self._deliver(addressee, told, client)
                finally:
                    self.waiting -= 1
        finally:
            addressee.task = None
        if addressee.served:
            self._addressees.pop(addressee.reference, None)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._left_over and not self._tasks:
            self._left_over = False
            self._taking_up = asyncio.get_running_loop().create_task(self._take_up_left_over())

    async def _take_up_left_over(self) -> None:
        with suppress(JournalError):
            await self._take_up()

    async def _deliver(self, addressee: _Addressee, told: _Post, client: httpx.AsyncClient) -> None:
        operation = told.operation or await self._from_journal(addressee, told)
        if operation is None:
            return
        document = {"step": told.step, "operation": operation_as_json(operation)}
        tries = 0
        while True:
            tries += 1
            answer = await self._try(addressee.url, document, client)
            if answer.delivered or tries > len(self._pauses) or addressee.posts:
                break
            addressee.stirred.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pauses[tries - 1]):
                    await addressee.stirred.wait()
            if addressee.posts:
                break
        if not answer.delivered:
            host = host_of(addressee.url)
            log.warning("callback.abandoned", reference=addressee.reference, step=told.step, host=host, tries=tries, problem=answer.problem)
        data: dict[str, Any] = {"step": told.step, "tries": tries, "delivered": answer.delivered, "status": answer.status}
        if told.outcome is not None:
            data["outcome"] = told.outcome
        if answer.problem is not None:
            data["problem"] = answer.problem
        row = Row(name="callback_done", time=self._clock(), reference=addressee.reference, terminal=addressee.terminal, data=data)
        self.register.write([row], durable=False)

    async def _try(self, url: str, document: dict[str, Any], client: httpx.AsyncClient) -> Answer:
        try:
            self._recipients.check("callback_url", url)  # the settings may have changed since it was noted
        except InvalidValueError as error:
            return Answer(problem=str(error))
        async with self._slots:
            return await post(client, url, document)

    async def _from_journal(self, addressee: _Addressee, told: _Post) -> Operation | None:
        """Return the operation with the outcome that is to be told, from the disk; None where it did not get there."""
        try:
            entry = await read(self.register.journal.find, addressee.reference)
        except JournalError as error:
            log.warning("callback.left", reference=addressee.reference, step=told.step, problem=str(error))
            entry = None
        if entry is None or entry.outcome != told.outcome:
            addressee.final = entry.outcome if entry is not None else None
            return None
        return operation_of_entry(entry)
