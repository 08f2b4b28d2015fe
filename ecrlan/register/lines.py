"""A terminal's line: the one it opened, a kept one, or one that is dialled (exchange.md §1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ecrlan.errors import ConnectError
from ecrlan.net.dial import dial
from ecrlan.net.line import Line
from ecrlan.net.listen import Listener
from ecrlan.protocol.options import TerminalSettings

END_SECONDS = 0.5
"""Seconds that a terminal gets to close its side of a line before the next one is dialled."""


class Lines:
    """Hands out one line at a time and takes it back."""

    def __init__(self, settings: TerminalSettings, listener: Callable[[], Listener | None], make_line: Callable[[str], Line]) -> None:
        self.settings = settings
        self._listener = listener
        self._make_line = make_line
        self._kept: Line | None = None
        self._quiet_until = 0.0
        self._lingering: asyncio.TimerHandle | None = None

    @property
    def current(self) -> Line | None:
        """The line that stands, if one does."""
        return self._kept if self._kept is not None and self._kept.alive else None

    async def open(self, *, fit_for_money: bool = False) -> Line:
        """Return a usable line. Raises `ConnectError`; nothing was sent then.

        `fit_for_money`: one on which nothing strange was met: what comes late on another one could be taken for the request's answer.
        """
        await self.end_lingering()
        if self._kept is not None:
            if await self._is_fit(self._kept, fit_for_money=fit_for_money):
                return self._kept
            self._kept = None
        await self._pause()
        line = await self._take(fit_for_money=fit_for_money)
        if self.settings.keep_open:
            line.keep_alive()
        self._kept = line
        return line

    def give_back(self, *, keep: bool) -> None:
        """End the use of the line: it is closed unless the settings or the caller keep it."""
        kept = self._kept
        if kept is not None and not (self._stays(kept) or (keep and kept.alive)):
            kept.close()
            self._kept = None

    def end(self) -> None:
        """End the use of the line: our side is closed now, the terminal gets `END_SECONDS` for its own, and the next use waits for that."""
        if self._kept is not None and not self._stays(self._kept):
            self._kept.end_writing()
        self.linger(END_SECONDS)

    def linger(self, seconds: float) -> None:
        """End the use of the line, but leave it open for `seconds`: something may still come on it. The next use closes it first."""
        kept = self._kept
        if kept is None or not kept.alive or self._stays(kept):
            self.give_back(keep=False)
            return
        self._lingering = asyncio.get_running_loop().call_later(seconds, self.stop_lingering)

    def stop_lingering(self) -> None:
        """Close a line that was left open after its use."""
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
            self.give_back(keep=False)

    async def end_lingering(self) -> None:
        """Close it before its terminal is used, and wait until the terminal, which serves one line at a time, has closed its side."""
        if self._lingering is not None and self._kept is not None:
            await self._kept.end(END_SECONDS)
        self.stop_lingering()

    def _stays(self, line: Line) -> bool:
        return line.alive and self.settings.keep_open and not line.suspect

    def disturbed(self) -> None:
        """Remember that a line went down in mid-exchange: no frame before `recovery_pause` is over."""
        self._quiet_until = asyncio.get_running_loop().time() + self.settings.recovery_pause

    def drop(self) -> None:
        """Close the line at once."""
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._kept is not None:
            self._kept.abort()
            self._kept = None

    async def _pause(self) -> None:
        rest = self._quiet_until - asyncio.get_running_loop().time()
        if rest > 0:
            await asyncio.sleep(rest)

    @staticmethod
    async def _is_fit(line: Line, *, fit_for_money: bool) -> bool:
        """Tell whether a line that stands can be used; one that cannot is closed."""
        if await line.is_usable() and not (fit_for_money and line.suspect):
            return True
        line.close()
        return False

    async def _take(self, *, fit_for_money: bool) -> Line:
        settings = self.settings
        listener = self._listener()
        if settings.link != "dial" and listener is not None:
            while (line := listener.take(settings.address)) is not None:
                if await self._is_fit(line, fit_for_money=fit_for_money):
                    return line
            if settings.link == "listen":
                waited = await listener.wait(settings.address, settings.connect_timeout)
                if waited is not None:
                    return waited
                seconds = settings.connect_timeout
                problem = f"the terminal opened no line within {seconds:g} s; is this register's address set on it?"
                values: dict[str, object] = {"address": settings.address, "port": listener.port, "seconds": seconds}
                raise ConnectError(settings.address, listener.port, problem, ("not_dialled_in", values))
        if settings.link == "listen":
            problem = "the register does not listen (register.listen), and link = listen does not dial"
            raise ConnectError(
                settings.address, settings.port, problem, ("not_listening", {"address": settings.address, "port": settings.port})
            )
        return await dial(settings.address, settings.port, settings.connect_timeout, lambda: self._make_line("register"))
