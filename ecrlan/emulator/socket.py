"""Sockets for an emulated terminal: it listens, as real ones do, or dials the register."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self

from ecrlan.errors import ListenError
from ecrlan.wire.frames import FrameReader

if TYPE_CHECKING:
    from types import TracebackType

    from ecrlan.emulator.customer import Button
    from ecrlan.emulator.delivery import Actions
    from ecrlan.emulator.terminal import EmulatedTerminal

Direction = Literal[">", "<"]
FrameObserver = Callable[[Direction, bytes], None]
"""Is shown each frame as the register sees it: `>` = request from the register, `<` = from the terminal. Raw bytes, unmasked."""
REDIAL_SECONDS = 0.05
HIGHEST_PORT = 65_535


class EmulatorHost:
    """Runs one terminal on lines: carries out its actions, and wakes it when it wants to be. Base of server and dialler."""

    def __init__(self, terminal: EmulatedTerminal, *, on_frames: FrameObserver | None = None) -> None:
        self.terminal = terminal
        self.on_frames = on_frames
        self.lines_taken = 0
        self.lines_refused = 0
        self._line: _Line | None = None
        self._lines: set[_Line] = set()
        self._timer: asyncio.TimerHandle | None = None

    def reboot(self) -> None:
        """Restart the terminal: its line is closed, what is at work is given up."""
        self._carry_out(self.terminal.reboot(asyncio.get_running_loop().time()))

    def press(self, button: Button) -> None:
        """Press a button of an attended terminal."""
        self._carry_out(self.terminal.press(button, asyncio.get_running_loop().time()))

    def drop_line(self) -> None:
        """Cut the line as if the cable had been pulled; a payment at work goes on."""
        if self._line is not None:
            self._line.abort()

    def wake(self) -> None:
        """Wake the terminal now; needed after its settings were changed by hand."""
        self._carry_out(self.terminal.wake(asyncio.get_running_loop().time()))

    def opened(self, line: _Line, now: float) -> None:
        """Take a new line, or refuse it: one conversation at a time (exchange.md §1)."""
        self._lines.add(line)
        if not self.terminal.line_may_be_replaced:
            self.lines_refused += 1
            line.abort()
            return
        if self._line is not None:
            older, self._line = self._line, None
            older.close()
            self.terminal.lost(now)
        self.lines_taken += 1
        self._line = line
        self._carry_out(self.terminal.connected(now))

    def data(self, line: _Line, data: bytes, now: float) -> None:
        """Hand on what a line received."""
        if line is self._line:
            self._carry_out(self.terminal.received(data, now))

    def closed(self, line: _Line, now: float) -> None:
        """Take note that a line is gone."""
        self._lines.discard(line)
        if line is self._line:
            self._line = None
            self._carry_out(self.terminal.lost(now))

    def _carry_out(self, actions: Actions) -> None:
        line = self._line
        if line is not None:
            line.write(actions.send)
            if actions.close:
                self._line = None
                line.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if actions.wake_at is not None:
            self._timer = asyncio.get_running_loop().call_at(actions.wake_at, self.wake)

    def _shut(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for line in tuple(self._lines):
            line.abort()

    async def _all_closed(self) -> None:
        await asyncio.gather(*(line.gone.wait() for line in tuple(self._lines)))


class _Line(asyncio.Protocol):
    """One TCP stream. Writes its pieces one per turn of the loop, so that pieces stay pieces as far as TCP allows."""

    def __init__(self, host: EmulatorHost) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pieces: deque[bytes] = deque()
        self._pumping: asyncio.Handle | None = None
        self._closing = False
        self._readers: dict[Direction, FrameReader] = {side: FrameReader(host.terminal.reading) for side in (">", "<")}
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is a Transport
        self._host.opened(self, self._loop.time())

    def data_received(self, data: bytes) -> None:
        self._show(">", data)
        self._host.data(self, data, self._loop.time())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # whatever the cause, the line is gone
        self._pieces.clear()
        self._host.closed(self, self._loop.time())
        self.gone.set()

    def write(self, pieces: tuple[bytes, ...]) -> None:
        """Write each piece by itself, in order."""
        self._pieces.extend(pieces)
        if self._pumping is None:
            self._pump()

    def close(self) -> None:
        """Close behind what is still to be written."""
        self._closing = True
        if self._pumping is None:
            self._pump()

    def abort(self) -> None:
        """Drop the line at once."""
        self._pieces.clear()
        if self._transport is not None:
            self._transport.abort()

    def _pump(self) -> None:
        self._pumping = None
        if self._transport is None or self._transport.is_closing():
            return
        if self._pieces:
            piece = self._pieces.popleft()
            self._show("<", piece)
            self._transport.write(piece)
        if self._pieces:
            self._pumping = self._loop.call_soon(self._pump)
        elif self._closing:
            self._transport.close()

    def _show(self, direction: Direction, data: bytes) -> None:
        if self._host.on_frames is not None:
            for frame in self._readers[direction].feed(data):
                self._host.on_frames(direction, frame.raw)


class EmulatorServer(EmulatorHost):
    """A terminal that listens: `async with EmulatorServer(terminal) as server: ... server.port`.

    `port` 0 takes a free one. Raises `ListenError` where the address cannot be bound. A second line closes an idle one before it, and
    is refused while the terminal is in the middle of an operation.
    """

    def __init__(
        self, terminal: EmulatedTerminal, host: str = "127.0.0.1", port: int = 0, *, on_frames: FrameObserver | None = None
    ) -> None:
        super().__init__(terminal, on_frames=on_frames)
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        if not 0 <= self.port <= HIGHEST_PORT:  # uvloop would take the remainder
            raise ListenError(self.host, self.port, f"a port is 0 to {HIGHEST_PORT}")
        try:
            self._server = await asyncio.get_running_loop().create_server(lambda: _Line(self), self.host, self.port)
        except OSError as error:
            raise ListenError(self.host, self.port, str(error)) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.close()
        self._shut()
        await self._all_closed()


class EmulatorDialer(EmulatorHost):
    """A terminal that dials the register's server at `host`:`port`, and again `redial_seconds` after a line was closed or refused."""

    def __init__(
        self,
        terminal: EmulatedTerminal,
        host: str,
        port: int,
        *,
        redial_seconds: float = REDIAL_SECONDS,
        on_frames: FrameObserver | None = None,
    ) -> None:
        super().__init__(terminal, on_frames=on_frames)
        self.host = host
        self.port = port
        self.redial_seconds = redial_seconds
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_dialling(), name=f"emulated terminal {self.terminal.terminal_id} dials")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._shut()
        await self._all_closed()

    async def _keep_dialling(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, line = await loop.create_connection(lambda: _Line(self), self.host, self.port)
            except OSError:
                pass  # nobody listens yet, or not any more
            else:
                await line.gone.wait()
            await asyncio.sleep(self.redial_seconds)
