"""The register's own address, where terminals that dial in are let in by their static IP address (exchange.md §1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ecrlan.errors import ListenError
from ecrlan.logger import Logger
from ecrlan.net.line import Line

log = Logger(__name__)

MOST_LINES_AN_ADDRESS = 2
"""A line in use and a newer one that waits for it: a terminal that rebooted dials in again before its old line is known to be dead."""


class Listener:
    """Lets configured terminals in and closes everybody else at once.

    `make_line(address)` returns the line for a known address, or None for a stranger.
    """

    def __init__(self, make_line: Callable[[str], Line | None], on_stranger: Callable[[str], None] | None = None) -> None:
        self.port = 0
        self._make_line = make_line
        self._on_stranger = on_stranger
        self._server: asyncio.Server | None = None
        self._lines: dict[str, list[Line]] = {}
        self._arrival: dict[str, asyncio.Event] = {}

    async def start(self, address: str, port: int) -> None:
        """Bind. Raises `ListenError` where the address or the port cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Entrance(self), address or None, port)
        except OSError as error:
            raise ListenError(address, port, error.strerror or str(error), "register.listen") from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and close every line that came in."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for lines in list(self._lines.values()):
            for line in list(lines):
                line.abort()

    def take(self, address: str) -> Line | None:
        """Return the newest living line of the terminal at `address`, or None."""
        living = [line for line in self._lines.get(address, []) if line.alive and not line.busy]
        return living[-1] if living else None

    async def wait(self, address: str, timeout: float) -> Line | None:  # noqa: ASYNC109  # a setting's value
        """Return the terminal's line, waiting up to `timeout` seconds for it to dial in; None where it does not."""
        arrival = self._arrival.setdefault(address, asyncio.Event())
        try:
            async with asyncio.timeout(timeout):
                while (line := self.take(address)) is None:
                    arrival.clear()
                    await arrival.wait()
        except TimeoutError:
            return None
        return line

    def admit(self, address: str) -> Line | None:
        """Return a line for the terminal at `address`, None for a stranger."""
        line = self._make_line(address)
        if line is None:
            log.warning("line.refused", address=address)
            if self._on_stranger is not None:
                self._on_stranger(address)
            return None
        line.on_made, line.on_lost = _both(self._made, line.on_made), _both(self._lost, line.on_lost)
        return line

    def _made(self, line: Line) -> None:
        lines = self._lines.setdefault(line.peer[0], [])
        for older in [older for older in lines if not older.busy]:
            lines.remove(older)
            older.close()
        while len(lines) >= MOST_LINES_AN_ADDRESS:
            lines.pop(0).abort()
        lines.append(line)
        arrival = self._arrival.get(line.peer[0])
        if arrival is not None:
            arrival.set()

    def _lost(self, line: Line) -> None:
        lines = self._lines.get(line.peer[0], [])
        if line in lines:
            lines.remove(line)


class _Entrance(asyncio.Protocol):
    """Looks at the peer's address, then hands the stream to its line."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        address = (transport.get_extra_info("peername") or ("",))[0]
        line = self._listener.admit(address)
        if line is None:
            transport.close()
            return
        transport.set_protocol(line)
        line.connection_made(transport)


def _both(first: Callable[[Line], None], second: Callable[[Line], None] | None) -> Callable[[Line], None]:
    def call(line: Line) -> None:
        first(line)
        if second is not None:
            second(line)

    return call
