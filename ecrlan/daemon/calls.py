"""Operations that clients begin and wait for: a client may leave, the operation it was promised goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from ecrlan.errors import ClosedError
from ecrlan.model import Operation, State
from ecrlan.model.orders import Order
from ecrlan.register import OperationChanged, Register, Terminal, TerminalEvent

log = structlog.get_logger(__name__)

Gone = Callable[[], Awaitable[Any]]
"""Returns once the client has left."""


class Calls:
    """Begins operations, each in a task of its own, and waits for them."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.closing = False
        """Set where no new operations are taken."""
        self._released: asyncio.Future[None] | None = None
        self._ends: dict[str, asyncio.Event] = {}
        self._end_observing = register.observe(self._observe)

    def close(self) -> None:
        """Let go of whoever still waits."""
        self.closing = True
        self._end_observing()
        if not self._release.done():
            self._release.set_result(None)

    async def begin(self, terminal: Terminal, order: Order, *, wait: float, gone: Gone) -> Operation | None:
        """Begin the operation that is ordered, or find it again, and return it: finished, or after `wait` seconds as it is by then.

        The order has a reference. What is returned unfinished is promised: it ends with an outcome, be it `not_performed`. None where the
        client has left: then the operation is dropped if it still stands in the queue and nobody was promised anything. Raises as the
        terminal's methods do (nothing was sent then), and `ClosedError`.
        """
        if self.closing:
            raise ClosedError
        running = await terminal.begin(order)
        running.on_end(lambda: self._wake(running.reference))
        if wait > 0 and not running.done:
            ending = asyncio.get_running_loop().create_task(running.ended())
            if not await self._wait(ending, wait, gone):
                return None
            if ending.done():
                return ending.result()
            running.promise()  # else nobody waits for it any more, and it would be dropped
            ending.cancel()
        if running.done:
            return await running.ended()
        running.promise()
        return running.operation()

    async def look(self, call: Coroutine[Any, Any, Operation], gone: Gone) -> Operation | None:
        """Wait for a call that only looks at a terminal, to its end; None where the client has left: it is dropped."""
        if self.closing:
            call.close()
            raise ClosedError
        task = asyncio.get_running_loop().create_task(call)
        if await self._wait(task, None, gone) and task.done():
            return task.result()
        task.cancel()
        if self._release.done():
            raise ClosedError
        return None

    async def ended(self, reference: str, *, wait: float, gone: Gone) -> Operation | None:
        """Return the operation once it has ended, or as it is after `wait` seconds; None where the client has left.

        Raises `UnknownReferenceError`, also where the operation was refused meanwhile.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while (operation := await self.register.find(reference)).state is not State.FINISHED:
            left = until - loop.time()
            if left <= 0 or self._release.done():
                return operation
            end = self._ends.setdefault(reference, asyncio.Event())
            if (await self.register.find(reference)).state is State.FINISHED:  # while it was looked up before, when nobody waited yet
                self._wake(reference)
                continue
            waiting = loop.create_task(end.wait())
            try:
                if not await self._wait(waiting, left, gone):
                    return None
            finally:
                waiting.cancel()
        return operation

    @property
    def _release(self) -> asyncio.Future[None]:
        if self._released is None:
            self._released = asyncio.get_running_loop().create_future()
        return self._released

    async def _wait(self, task: asyncio.Task[Any], seconds: float | None, gone: Gone) -> bool:
        """Wait for the task, for `seconds`, or until all are let go; False where the client left, whose task is cancelled then."""
        leaving = asyncio.ensure_future(gone())
        try:
            await asyncio.wait({task, leaving, self._release}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = leaving.done()
            leaving.cancel()
        if left and not task.done():
            task.cancel()
            return False
        return True

    def _observe(self, event: TerminalEvent) -> None:
        if isinstance(event, OperationChanged) and event.operation.state is State.FINISHED:
            self._wake(event.operation.reference)

    def _wake(self, reference: str) -> None:
        end = self._ends.pop(reference, None)
        if end is not None:
            end.set()
