"""Who may use a terminal: one at a time, in order of arrival."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

from ecrlan.errors import TerminalBusyError

BACKGROUND_SECONDS = 30.0
"""Seconds that `queue_timeout = 0` still waits for a background status poll, which ends by its own time limits."""


class TerminalQueue:
    """A fair lock that knows its holder and since when; at most `limit` wait for it."""

    def __init__(self, terminal: str, limit: int) -> None:
        self.terminal = terminal
        self.limit = limit
        self.holder: str | None = None
        self.held_since = 0.0
        """Monotonic seconds."""
        self._background = False
        self._waiting: deque[Place] = deque()

    @property
    def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def enter(self, reference: str, timeout: float, *, background: bool = False) -> Place:
        """Take a place: the terminal at once, or after those that came before. Raises `TerminalBusyError` where nothing may wait.

        `timeout`: seconds of waiting, 0: not at all. `background`: a poll that nobody asked for; whoever does not want to wait waits for
        its end all the same. The place is to be left, also when its turn never came.
        """
        now = asyncio.get_running_loop().time()
        if self.holder is None and not self._waiting:
            return self._give(Place(self, reference, now, background=background))
        if self._background and timeout <= 0 and not self._waiting:
            timeout = BACKGROUND_SECONDS
        if timeout <= 0 or len(self._waiting) >= self.limit:
            raise self.busy()
        place = Place(self, reference, now + timeout, background=background)
        self._waiting.append(place)
        return place

    def busy(self) -> TerminalBusyError:
        """Return the error that says who holds the terminal, and for how long."""
        return TerminalBusyError(self.terminal, self.holder, asyncio.get_running_loop().time() - self.held_since, self.length)

    def leave(self, place: Place) -> None:
        """Give the terminal to who comes next, or leave the queue."""
        if not place.turn.done():
            self._waiting.remove(place)
            place.turn.cancel()
            return
        self._background = False
        self.holder = None
        if self._waiting:
            self._give(self._waiting.popleft())

    def _give(self, place: Place) -> Place:
        self.holder = place.reference
        self.held_since = asyncio.get_running_loop().time()
        self._background = place.background
        place.turn.set_result(None)
        return place


class Place:
    """A place in a terminal's queue: `async with` waits for its turn (`TerminalBusyError` where its time runs out), and leaves it."""

    def __init__(self, queue: TerminalQueue, reference: str, until: float, *, background: bool) -> None:
        self.reference = reference
        self.background = background
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue = queue
        self._until = until
        self._left = False

    @property
    def has_turn(self) -> bool:
        """Whether the terminal is held by it."""
        return self.turn.done() and not self._left

    async def __aenter__(self) -> Self:
        try:
            if not self.turn.done():
                async with asyncio.timeout_at(self._until):
                    await asyncio.shield(self.turn)
        except TimeoutError:
            if not self.turn.done():
                error = self._queue.busy()
                self.leave()
                raise error from None
        except BaseException:
            self.leave()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the place up; twice does no harm."""
        if not self._left:
            self._left = True
            self._queue.leave(self)
