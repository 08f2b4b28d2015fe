"""Who may use a terminal: one at a time, in order of arrival."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ecrlan.errors import TerminalBusyError

BACKGROUND_SECONDS = 30.0
"""How long even an impatient operation waits for a look of our own, which ends by its own time limits."""


class TerminalQueue:
    """A fair lock that knows its holder and since when; at most `limit` wait for it."""

    def __init__(self, terminal: str, limit: int) -> None:
        self.terminal = terminal
        self.limit = limit
        self.holder: str | None = None
        self.held_since = 0.0
        """Monotonic seconds."""
        self._background = False
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    @property
    def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def place(self, reference: str, timeout: float, *, background: bool = False) -> AsyncIterator[None]:  # noqa: ASYNC109  # a setting
        """Hold the terminal. Raises `TerminalBusyError` after `timeout` seconds of waiting (0: never wait); nothing was sent then.

        `background`: a look of our own that nobody asked for: it waits for nobody, and whoever does not want to wait waits for its end.
        """
        loop = asyncio.get_running_loop()
        if self.holder is None and not self._waiting:
            self.holder = reference
        else:
            await self._wait(reference, BACKGROUND_SECONDS if self._background and timeout <= 0 and not self._waiting else timeout)
        self.held_since = loop.time()
        self._background = background
        try:
            yield
        finally:
            self._background = False
            self._release()

    async def _wait(self, reference: str, timeout: float) -> None:  # noqa: ASYNC109  # a setting's value
        loop = asyncio.get_running_loop()
        if timeout <= 0 or len(self._waiting) >= self.limit:
            raise TerminalBusyError(self.terminal, self.holder, loop.time() - self.held_since, self.length)
        turn = loop.create_future()
        entry = (reference, turn)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await turn
        except BaseException as error:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif turn.done() and not turn.cancelled():
                self._release()  # our turn came in the same moment: pass it on
            if isinstance(error, TimeoutError):
                raise TerminalBusyError(self.terminal, self.holder, loop.time() - self.held_since, self.length) from None
            raise

    def _release(self) -> None:
        self.holder = None
        while self._waiting:
            reference, turn = self._waiting.popleft()
            if not turn.done():
                self.holder = reference
                turn.set_result(None)
                return
