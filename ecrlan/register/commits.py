"""Brings the journal's commits from its thread to the loop: one wake-up for all that were committed together."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from concurrent.futures import Future

Waiter = asyncio.Future[None]


class Commits:
    """What `asyncio.wrap_future` does, but with one byte through the loop's socket for a whole group of calls, not one for each."""

    def __init__(self) -> None:
        self._done: deque[tuple[Waiter, Future[None]]] = deque()
        self._waking = False

    def follow(self, committing: Future[None]) -> Waiter:
        """Return a future of the running loop that ends as `committing` does."""
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()

        def done(future: Future[None]) -> None:  # on the journal's thread: first append, then look whether the loop is being woken
            self._done.append((waiter, future))
            if not self._waking:
                self._waking = True
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    loop.call_soon_threadsafe(self._deliver)

        committing.add_done_callback(done)
        return waiter

    def _deliver(self) -> None:
        self._waking = False  # before looking: what is appended from now on wakes the loop again
        while self._done:
            waiter, future = self._done.popleft()
            if waiter.done():
                continue
            error = future.exception()
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
