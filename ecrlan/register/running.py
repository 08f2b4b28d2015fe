"""An operation on its way, or found again, as whoever asked for it holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from ecrlan.errors import ClosedError
from ecrlan.model import Code, Evidence, Operation, Outcome, State, Unresolved
from ecrlan.protocol.work import Work

LEFT_OPEN = Evidence(Code.LEFT_OPEN)


@dataclass(slots=True, kw_only=True)
class RunningWork(Work):
    """An operation on its way in this process, with what others wait for."""

    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the outcome is proved."""
    concluded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once there is an outcome, if only `Unresolved`."""
    committing: asyncio.Future[None] | None = None
    """The commit of its answer: until it is done, nobody is told the outcome."""

    @property
    def told(self) -> bool:
        """Whether callers may be told its outcome: not while its answer is being written to the disk."""
        return self.committing is None or self.committing.done()

    def settle(self, outcome: Outcome, time: datetime, evidence: Evidence | None = None) -> None:
        """Give it its outcome, and let those go on who wait for it."""
        Work.settle(self, outcome, time, evidence)  # a class with slots has no `super()` without arguments
        self.concluded.set()
        if not self.open:
            self.settled.set()

    async def committed(self) -> None:
        """Wait until its answer is on disk, or cannot be (`durable` tells)."""
        if self.committing is not None:
            await asyncio.wait([self.committing])


class Running:
    """What `begin` returns. Refusals are raised there, or by `ended` where they come from what the terminal says."""

    def __init__(
        self, reference: str, snapshot: Callable[[], Operation], end: asyncio.Future[None], work: RunningWork | None = None
    ) -> None:
        self.reference = reference
        self._snapshot = snapshot
        self._end = end
        self._work = work
        self._waiting = 0

    @property
    def done(self) -> bool:
        """Whether `ended` would return, or raise, at once."""
        return self._end.done()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once it has ended, however."""
        self._end.add_done_callback(lambda _: callback())

    def operation(self) -> Operation:
        """Return it as it stands."""
        return self._snapshot()

    def promise(self) -> None:
        """Note that somebody was told that it is under way: should it be refused in the end, it is written down as not performed."""
        if self._work is not None:
            self._work.promised = True

    async def ended(self) -> Operation:
        """Wait for its end, and return it.

        Cancelling the wait drops an operation that only waits for its terminal, unless it was promised to somebody, or others wait too.
        Raises `RegisterError` where it was refused, and `ClosedError` where the register was closed before it was sent: nothing was
        journaled then. Where the register was closed later, it is returned `unresolved`: not its last word, and not stored.
        """
        self._waiting += 1
        try:
            await asyncio.shield(self._end)
        except asyncio.CancelledError:
            if self._end.cancelled() and not _is_cancelled(asyncio.current_task()):
                return self._left_open()
            if self._waiting == 1 and self._is_droppable():
                self._end.cancel()
            raise
        finally:
            self._waiting -= 1
        return self._snapshot()

    def _is_droppable(self) -> bool:
        work = self._work
        return work is not None and not (work.promised or work.sent or self._end.done()) and work.state is State.QUEUED

    def _left_open(self) -> Operation:
        operation = self._snapshot()
        if operation.outcome is not None:
            return operation
        if self._work is not None and not self._work.sent:
            raise ClosedError
        return replace(operation, outcome=Unresolved(evidence=LEFT_OPEN))


def _is_cancelled(task: asyncio.Task[object] | None) -> bool:
    return task is not None and task.cancelling() > 0
