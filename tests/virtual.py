"""A world with its own time and its own network: an asyncio loop whose clock jumps to the next deadline, and streams in memory.

Nothing here sleeps, and nothing leaves the process. `run(main())` is `asyncio.run` in that world; `loop.network` is where a test lets lines
go down, delays bytes and refuses connections.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Result = TypeVar("Result")
START = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
LONGEST_RUN = 1_000_000
"""Turns of the loop after which a test is taken to hang."""


class DeadlockError(Exception):
    """Everything waits, and nothing will ever happen."""


class _Selector:
    """Instead of waiting for sockets, moves the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self._loop.turns += 1
        if self._loop.turns > LONGEST_RUN:
            raise DeadlockError(f"more than {LONGEST_RUN} turns")
        if timeout is None:
            raise DeadlockError("everything waits, and no deadline is set")
        if timeout > 0:
            self._loop.now = max(self._loop.now, self._loop.next_deadline() or 0.0)
        return []


class BareLoop(asyncio.BaseEventLoop):
    """An event loop without sockets and threads; whoever derives from it gives it its time and its selector."""

    def next_deadline(self) -> float | None:
        """When the next timer rings."""
        while self._scheduled and self._scheduled[0]._cancelled:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            self._timer_cancelled_count -= 1
        return self._scheduled[0]._when if self._scheduled else None

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # handed on to whoever awaits it
            future.set_exception(error)
        return future


class BareTransport(asyncio.Transport):
    """What an end of a stream in memory has in any world."""

    protocol: Any = None
    _peer: tuple[str, int]

    def begin(self, protocol: Any) -> None:
        self.protocol = protocol
        protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._peer if name == "peername" else default

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def abort(self) -> None:
        self.close()


class VirtualLoop(BareLoop):
    """An event loop with a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.turns = 0
        self.network = Network(self)
        self._selector = _Selector(self)

    def time(self) -> float:
        return self.now

    def clock(self) -> datetime:
        """The wall clock that goes with it."""
        return START + timedelta(seconds=self.now)

    async def create_connection(self, factory: Callable[[], Any], host: str, port: int, **options: Any) -> tuple[Any, Any]:  # type: ignore[override]
        return await self.network.connect(factory, host, port)

    async def create_server(self, factory: Callable[[], Any], host: str, port: int, **options: Any) -> Any:  # type: ignore[override]
        return self.network.listen(factory, host, port)


@dataclass
class Network:
    """Who listens, and what happens to bytes on their way."""

    loop: VirtualLoop
    listeners: dict[int, Callable[[], Any]] = field(default_factory=dict)
    refuse: bool = False
    """Refuse every new connection."""
    unreachable: bool = False
    """Leave new connections without an answer."""
    address: str = "127.0.0.1"
    """Where a dialling peer seems to come from."""
    on_write: Callable[[Stream, bytes], float | None] | None = None
    """Decides about bytes that are written: seconds of delay, or None to lose the line with them."""
    streams: list[Stream] = field(default_factory=list)
    written: list[tuple[float, Stream, bytes]] = field(default_factory=list)
    _ports: int = 40_000

    def listen(self, factory: Callable[[], Any], host: str, port: int) -> _Server:
        if port in self.listeners:
            raise OSError(98, "Address already in use")
        if not port:
            self._ports += 1
            port = self._ports
        self.listeners[port] = factory
        return _Server(self, port)

    async def connect(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Any, Any]:
        if self.unreachable:
            await self.loop.create_future()
        if self.refuse or port not in self.listeners:
            raise ConnectionRefusedError(111, "Connection refused")
        near, far = Stream(self, "dialled", (host, port)), Stream(self, "listened", (self.address, 50_000))
        near.other, far.other = far, near
        self.streams += [near, far]
        far.begin(self.listeners[port]())
        near.begin(factory())
        await asyncio.sleep(0)
        return near, near.protocol

    def cut(self) -> None:
        """Let every stream go down."""
        for stream in list(self.streams):
            stream.lose()


class _Socket:
    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port


class _Server:
    def __init__(self, network: Network, port: int) -> None:
        self._network = network
        self.sockets = [_Socket(port)]

    def close(self) -> None:
        self._network.listeners.pop(self.sockets[0].getsockname()[1], None)

    async def wait_closed(self) -> None:
        pass


class Stream(BareTransport):
    """One end of a stream in memory: in order, never doubled, until it goes down."""

    other: Stream

    def __init__(self, network: Network, side: str, peer: tuple[str, int]) -> None:
        super().__init__()
        self.network = network
        self.side = side
        self._peer = peer
        self._closing = False
        self._lost = False
        self._free_at = 0.0

    def is_closing(self) -> bool:
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not data:
            return
        network = self.network
        network.written.append((network.loop.now, self, bytes(data)))
        delay = network.on_write(self, bytes(data)) if network.on_write is not None else 0.0
        if delay is None:
            self.lose()
            return
        self._later(delay, self.other.arrive, bytes(data))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._later(0.0, self.other.lose)
            self.network.loop.call_soon(self.lose)

    def write_eof(self) -> None:
        """Close this side; the other end closes its own, unless its protocol wants to go on."""
        self._later(0.0, self.other.ends)

    def ends(self) -> None:
        if not self._lost and not self.protocol.eof_received():
            self.close()

    def _later(self, delay: float, call: Callable[..., None], *args: Any) -> None:
        """Keep what is on its way in order."""
        self._free_at = max(self._free_at + 1e-9, self.network.loop.now + delay) if delay or self._free_at > self.network.loop.now else 0.0
        if self._free_at <= self.network.loop.now:
            self.network.loop.call_soon(call, *args)
        else:
            self.network.loop.call_at(self._free_at, call, *args)

    def arrive(self, data: bytes) -> None:
        if self._lost:
            return
        if isinstance(self.protocol, asyncio.BufferedProtocol):
            while data and not self._lost:
                buffer = self.protocol.get_buffer(-1)
                size = min(len(data), len(buffer))
                buffer[:size] = data[:size]
                self.protocol.buffer_updated(size)
                data = data[size:]
        else:
            self.protocol.data_received(data)

    def lose(self) -> None:
        """Go down, both ways, with whatever is on its way."""
        if self._lost:
            return
        self._lost = self._closing = True
        if self in self.network.streams:
            self.network.streams.remove(self)
        self.network.loop.call_soon(self.protocol.connection_lost, None)
        self.network.loop.call_soon(self.other.lose)


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, Result]]) -> Result:
    """Run `main(loop)` to its end in a world of its own."""
    loop = VirtualLoop()
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    try:
        return loop.run_until_complete(_whole(main(loop)))
    finally:
        loop.close()
        if problems:
            raise AssertionError(f"the loop met {problems}")


async def _whole(main: Coroutine[Any, Any, Result]) -> Result:
    """Await `main`, then end whatever it left running."""
    try:
        return await main
    finally:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest)
