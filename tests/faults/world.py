"""One world for the simulation: injected time, a network with weather, a terminal, and register processes that can be killed.

A register process (`Life`) has an event loop of its own. The world decides which loop turns next and moves the clock. A process that was
killed is never driven again: what it did to its file and to its streams until then is all that is left of it, as after SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import re
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ecrlan.emulator import EmulatedTerminal, Faults
from ecrlan.errors import EcrlanError, JournalError
from ecrlan.journal import Event, Journal, NewOperation
from ecrlan.wire.frames import ApplicationFrame, FrameReader, build_ack

START = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
MOST_TURNS = 200_000
ADDRESS = "192.168.1.50"
PORT = 8081
ACK = build_ack()
UNTIL_TCP_KNOWS = 130.0
"""Seconds after which who writes to a process that died without a word knows it."""


class Killed(BaseException):
    """The process is dead: nothing of what it still does counts."""


class WrongError(AssertionError):
    """The simulation found what must never be."""


class World:
    """The clock, what will happen, the terminal, and the register process that lives now, if one does."""

    def __init__(self, random: Random, terminal: EmulatedTerminal) -> None:
        self.random = random
        self.now = 0.0
        self.turns = 0
        self.agenda: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.order = 0
        self.weather = Weather()
        self.host = TerminalHost(self, terminal)
        self.life: Life | None = None
        self.problems: list[str] = []
        self.on_acknowledged: Callable[[bytes, bytes], None] = lambda message, asked: None

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def at(self, when: float, act: Callable[..., None], *args: Any) -> None:
        self.order += 1
        heapq.heappush(self.agenda, (when, self.order, act, args))

    def run(self, until: float) -> None:
        """Let everything happen until `until`."""
        while True:
            self.turns += 1
            if self.turns > MOST_TURNS:
                raise WrongError(f"the world does not come to rest: {self.turns} turns, {self.now:.3f} s")
            life = self.life
            if life is not None:
                if not life.alive:
                    self.life = None
                    life.bury()
                    continue
                if life.loop._ready:
                    life.loop.turn()
                    continue
            due = self.agenda[0][0] if self.agenda else until
            ringing = life.loop.next_deadline() if life is not None else None
            when = due if ringing is None or due <= ringing else ringing
            if when >= until and (not self.agenda or self.agenda[0][0] >= until):
                self.now = until
                return
            self.now = max(self.now, when)
            if ringing is not None and when == ringing and when < due:
                life.loop.turn()
                continue
            _, _, act, args = heapq.heappop(self.agenda)
            with contextlib.suppress(Killed):
                act(*args)


# --- the register's process -----------------------------------------------------------------------------------------------------------


class RegisterLoop(asyncio.BaseEventLoop):
    """The event loop of one register process, in the world's time and on the world's network."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life
        self._selector = self  # type: ignore[assignment]
        self.set_exception_handler(lambda _, context: life.loop_problem(context))

    def time(self) -> float:
        return self.life.world.now

    def select(self, timeout: float | None) -> list[Any]:
        return []

    def turn(self) -> None:
        events._set_running_loop(self)
        try:
            self._run_once()
        finally:
            events._set_running_loop(None)

    def next_deadline(self) -> float | None:
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

    async def create_connection(self, factory: Callable[[], Any], host: str, port: int, **options: Any) -> tuple[Any, Any]:  # type: ignore[override]
        return await self.life.connect(factory)

    async def create_server(self, factory: Callable[[], Any], host: str, port: int, **options: Any) -> Any:  # type: ignore[override]
        self.life.listening = factory
        return _Server(self.life, port)


class _Server:
    def __init__(self, life: Life, port: int) -> None:
        self._life = life
        self._port = port

    @property
    def sockets(self) -> list[_Server]:
        return [self]

    def getsockname(self) -> tuple[str, int]:
        return "0.0.0.0", self._port  # noqa: S104  # nothing is bound

    def close(self) -> None:
        self._life.listening = None


@dataclass
class Disk:
    """What the simulation knows to be in the journal's file, beside the file itself."""

    references: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    """Messages (hex, masked) that were committed as answers, or parts of them."""
    strays: set[str] = field(default_factory=set)
    """Messages (hex, masked) that were committed as strays."""


class WitnessedJournal(Journal):
    """A real journal whose every write is a moment at which the process can die.

    `commit_seconds` None commits inline; otherwise as the writer's thread does, that much later, all that waits together.
    """

    def __init__(self, life: Life, path: Path, commit_seconds: float | None) -> None:
        self.life = life
        self.ready = False
        self.commit_seconds = commit_seconds
        self.queue: list[tuple[Any, bool, Future[None]]] = []
        super().__init__(path, synchronous="OFF", inline=True, owner_wait=0.0, reserve_bytes=0, commit_delay=self._before_commit)
        self.ready = True

    def _before_commit(self) -> None:
        if self.ready:
            self.life.step("before COMMIT")

    def write(self, rows: Any, *, durable: bool = True) -> Any:
        self.life.step("before journal.write")
        if self.commit_seconds is None or (not durable and not self.queue):
            self._write(rows, durable=durable)
            self.life.step("after journal.write")
            return None
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # as in the writer: a caller that stops waiting cancels nothing
        if not self.queue:
            self.life.world.at(self.life.world.now + self.commit_seconds, self.life.call, self._drain)
        self.queue.append((rows, durable, future))
        return future if durable else None

    def _write(self, rows: Any, *, durable: bool) -> None:
        super().write(rows, durable=durable)
        disk = self.life.disk
        for row in rows:
            if isinstance(row, NewOperation) and durable:
                disk.references.add(row.reference)
            elif isinstance(row, Event) and row.name == "stray" and durable and "message" in row.data:
                disk.strays.add(row.data["message"])
            elif isinstance(row, Event) and row.name in ("answered", "part") and durable:
                disk.answers.add(row.data["message"])

    def _drain(self) -> None:
        waiting, self.queue = self.queue, []
        for rows, durable, future in waiting:
            try:
                self._write(rows, durable=durable)
            except JournalError as error:
                future.set_exception(error)
            else:
                future.set_result(None)
            self.life.step("after COMMIT")

    def flush(self) -> None:
        if not self.life.alive:
            raise Killed
        self._drain()
        super().flush()

    def _settle(self, concerned: Any) -> None:
        if self.queue:
            self._drain()
        super()._settle(concerned)


class Life:
    """One register process, from its start to its end. `kill_in` is after how many more steps it dies, None: not by itself."""

    def __init__(self, world: World, path: Path, disk: Disk, commit_seconds: float | None) -> None:
        self.world = world
        self.disk = disk
        self.alive = True
        self.kill_in: int | None = None
        self.died_at = ""
        self.on_death: Callable[[], None] | None = None
        self.steps = 0
        self.pipes: list[Pipe] = []
        self.listening: Callable[[], Any] | None = None
        self.loop = RegisterLoop(self)
        self.journal = WitnessedJournal(self, path, commit_seconds)

    def step(self, where: str) -> None:
        """Pass a moment at which the process can die."""
        if not self.alive:
            raise Killed
        self.steps += 1
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in <= 0:
                self.die(where)
                raise Killed

    def die(self, where: str) -> None:
        """End at once: no clean-up, no flush; the system closes the streams, or nobody does (power failure)."""
        self.alive = False
        self.died_at = where
        silent = self.world.random.random() < 0.25
        for pipe in list(self.pipes):
            pipe.process_ended(silent=silent)
        if self.on_death is not None:
            self.on_death()

    def bury(self) -> None:
        """Take the dead process's memory apart. Its journal and its streams take nothing more by now."""
        self.listening = None
        self.journal.abandon()
        self.loop.set_exception_handler(lambda *_: None)
        for _ in range(50):
            tasks = asyncio.all_tasks(self.loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            for _ in range(5):
                self.loop._ready and self.loop.turn()
        self.loop.close()

    def loop_problem(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not self.alive or isinstance(error, (Killed, EcrlanError)):
            return
        self.world.problems.append(f"the loop met {context.get('message')}: {error!r}")

    def call(self, act: Callable[..., None], *args: Any) -> None:
        """Run `act` in the process's loop."""
        if self.alive:
            self.loop.call_soon(act, *args)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self.loop.create_task(work)

    async def connect(self, factory: Callable[[], Any]) -> tuple[Any, Any]:
        """Dial the terminal, as the weather allows."""
        self.step("dialling")
        world, weather = self.world, self.world.weather
        if weather.take("hang"):
            await self.loop.create_future()
        delay = weather.delay(world.random)
        if delay:
            await asyncio.sleep(delay)
        if weather.take("refuse") or not world.host.listens:
            raise ConnectionRefusedError(111, "Connection refused")
        pipe = Pipe(world, self, (ADDRESS, PORT))
        pipe.near_begin(factory())
        pipe.far_begin()
        if weather.take("ghost"):
            world.at(world.now + world.random.choice((0.0, 0.2, 3.0)), world.host.ghost)
        await asyncio.sleep(0)
        return pipe, pipe.protocol


# --- the network ----------------------------------------------------------------------------------------------------------------------


class Weather:
    """What the network will do to the lines to come; every name is used up once per count."""

    def __init__(self) -> None:
        self.armed: dict[str, int] = {}
        self.latency = 0.0

    def take(self, name: str) -> bool:
        left = self.armed.get(name, 0)
        if left:
            self.armed[name] = left - 1
        return left > 0

    def delay(self, random: Random) -> float:
        return self.latency * random.random() if self.latency else 0.0

    def clear(self) -> None:
        self.armed.clear()
        self.latency = 0.0


_FINANCIAL = re.compile(rb"\x02[0-9]{8}0[PXSpic]")


class Pipe(asyncio.Transport):
    """A TCP stream between a register process (near) and the terminal (far). Bytes keep their order."""

    def __init__(self, world: World, life: Life, peer: tuple[str, int]) -> None:
        super().__init__()
        self.world = world
        self.life = life
        self.protocol: Any = None
        self.near_open = self.far_open = True
        self.near_told = False
        self.unanswered: deque[bytes] = deque()
        """Messages that the register heard and has not acknowledged: it answers each, in their order."""
        self._reader = FrameReader()
        self.asked = b""
        self.broken = {"up": False, "down": False}
        self._peer = peer
        self._free = {"up": 0.0, "down": 0.0}
        random, weather = world.random, world.weather
        self.latency = weather.latency
        self.slow_accept = random.choice((3.0, 8.0, 30.0)) if weather.take("slow accept") else 0.0
        self.cut_after = {
            side: random.choice((0, 1, 3, 5, 20, 60, 100, 168, 171, 180, 250)) if weather.take(f"cut {side}") else None
            for side in ("up", "down")
        }
        self.deaf = {side: weather.take(f"deaf {side}") for side in ("up", "down")}
        self.crawl = {side: random.choice((2.0, 6.0, 20.0, 60.0)) if weather.take(f"crawl {side}") else 0.0 for side in ("up", "down")}
        self.pieces = weather.take("pieces")
        if weather.take("cut soon"):
            world.at(world.now + random.choice((0.0, 0.01, 0.5, 3.0, 5.5, 30.0)), self.cut)
        life.pipes.append(self)

    # --- the register's end: a transport -----------------------------------------------------------------------------------------

    def near_begin(self, protocol: Any) -> None:
        self.protocol = protocol
        protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._peer if name == "peername" else default

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def is_closing(self) -> bool:
        return not self.near_open

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.life.step("before write")
        if self.near_open and data:
            self._note(bytes(data))
            self._send("up", bytes(data))
        self.life.step("after write")

    def _note(self, data: bytes) -> None:
        """Tell the world which message the register acknowledges, and in which exchange."""
        if data == ACK and self.unanswered:
            self.world.on_acknowledged(self.unanswered.popleft(), self.asked)
        elif data[:1] == b"\x02":
            if not self.asked:
                self.unanswered.clear()  # what came before the first request is not answered
            self.asked = data[10:11]

    def close(self) -> None:
        if self.near_open:
            self.near_open = False
            self._carry("up", self.far_lost)
            self.life.call(self.near_lost)

    def abort(self) -> None:
        self.close()

    def process_ended(self, *, silent: bool) -> None:
        """The process is gone: the system closes the stream behind what was written, or, `silent`, nobody tells the terminal."""
        self.near_open = False
        self.near_told = True
        if not silent:
            self._carry("up", self.far_lost)

    def near_arrives(self, data: bytes) -> None:
        if not self.near_open or not self.life.alive:
            return
        self.life.step("received")
        self.unanswered.extend(f.message for f in self._reader.feed(data) if isinstance(f, ApplicationFrame) and f.ok)
        while data and self.near_open:
            buffer = self.protocol.get_buffer(-1)
            size = min(len(data), len(buffer))
            buffer[:size] = data[:size]
            self.protocol.buffer_updated(size)
            data = data[size:]

    def near_lost(self) -> None:
        if self.near_told or not self.life.alive:
            return
        self.near_told = True
        self.near_open = False
        self.life.pipes.remove(self)
        self.protocol.connection_lost(None)

    # --- the terminal's end ------------------------------------------------------------------------------------------------------

    def far_begin(self) -> None:
        self._carry("up", lambda: self.world.host.opened(self), self.slow_accept)

    def far_write(self, data: bytes) -> None:
        if self.far_open:
            self._send("down", data)
            if not self.life.alive:  # sent again by TCP until the system, up again or not, lets it know
                self.world.at(self.world.now + UNTIL_TCP_KNOWS, self.far_lost)

    def far_close(self) -> None:
        if self.far_open:
            self.far_open = False
            self._carry("down", self.near_ends)
            self.world.host.closed(self)

    def far_arrives(self, data: bytes) -> None:
        if self.far_open:
            self.world.host.data(self, data)

    def far_lost(self) -> None:
        if self.far_open:
            self.far_open = False
            self.world.host.closed(self)

    def near_ends(self) -> None:
        self.near_open = False
        self.life.call(self.near_lost)

    # --- between them ------------------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Break, both ways. Each end learns of it at its own time; what is on its way may still arrive."""
        random = self.world.random
        self.broken = {"up": True, "down": True}
        for learns in (self._near_learns, self.far_lost):
            self.world.at(self.world.now + random.choice((0.0, 0.0, 0.3, 10.0, 60.0, 200.0)), learns)

    def _near_learns(self) -> None:
        self.life.call(self.near_lost)

    def _send(self, side: str, data: bytes) -> None:
        if self.broken[side] or self.deaf[side]:
            return
        left = self.cut_after[side]
        if side == "up" and _FINANCIAL.match(data) and self.world.weather.take("held"):
            self._hold(data)
            return
        if left is not None:
            self.cut_after[side] = left - len(data)
            if left < len(data):
                data = data[:left]
        random = self.world.random
        delay = (self.latency * random.random() if self.latency else 0.0) + self.crawl[side]
        arrives = self.far_arrives if side == "up" else self._near_hears
        while self.pieces and len(data) > 1:
            size = random.randrange(1, len(data))
            self._carry(side, arrives, delay, data[:size])
            data = data[size:]
            delay = random.choice((0.0, 0.001, 0.4))
        if data:
            self._carry(side, arrives, delay, data)
        if left is not None and self.cut_after[side] < 0:
            self.cut()

    def _hold(self, data: bytes) -> None:
        """Let what was sent lie before the terminal reads it, though the line is gone; a payment is over within the longest time."""
        world = self.world
        self.broken = {"up": True, "down": True}
        told = world.random.choice((0.0, 0.3, 10.0, 60.0, None))
        if told is not None:
            world.at(world.now + told, self._near_learns)
        world.host.closed(self)
        self.far_open = False
        world.at(world.now + world.random.choice((8.0, 30.0, 100.0, 180.0)), world.host.read_at_last, data, world.now + 200.0)

    def _near_hears(self, data: bytes) -> None:
        self.life.call(self.near_arrives, data)

    def _carry(self, side: str, act: Callable[..., None], delay: float = 0.0, *args: Any) -> None:
        """Let `act` happen behind everything that is on its way already."""
        self._free[side] = max(self._free[side], self.world.now + delay)
        self.world.at(self._free[side], act, *args)


# --- the terminal ---------------------------------------------------------------------------------------------------------------------


class TerminalHost:
    """Runs the emulated terminal on pipes: one conversation at a time. It listens; with `dials` it opens the line itself."""

    def __init__(self, world: World, terminal: EmulatedTerminal) -> None:
        self.world = world
        self.terminal = terminal
        self.line: Pipe | None = None
        self.older: Pipe | None = None
        """The line before the one that the terminal has gone over to; what comes on it is still read."""
        self.listens = True
        self.dials = False
        self._alarm = 0

    def opened(self, pipe: Pipe) -> None:
        if not self.terminal.line_may_be_replaced:
            pipe.far_close()
            return
        older, self.line = self.line, None
        if older is not None:
            older.far_close()
            self._carry_out(self.terminal.lost(self.world.now))
        self.line = pipe
        self._carry_out(self.terminal.connected(self.world.now))

    def ghost(self) -> None:
        """A doubled connection: opened and closed again without a byte."""
        if self.terminal.line_may_be_replaced:
            older, self.line = self.line, None
            if older is not None:
                older.far_close()
                self._carry_out(self.terminal.lost(self.world.now))

    def data(self, pipe: Pipe, data: bytes) -> None:
        if pipe in (self.line, self.older):
            self._carry_out(self.terminal.received(data, self.world.now))

    def closed(self, pipe: Pipe) -> None:
        if pipe is self.older:
            self.older = None
        elif pipe is self.line:
            self.line = None
            self._carry_out(self.terminal.lost(self.world.now))

    def read_at_last(self, data: bytes, until: float) -> None:
        """Read a request that lay long before the terminal, once it is idle; its line is gone by then."""
        now, terminal = self.world.now, self.terminal
        if now > until:
            return
        if self.line is not None or not terminal.idle:
            self.world.at(now + 1.0, self.read_at_last, data, until)
            return
        faults, terminal.faults = terminal.faults, Faults()
        for actions in (terminal.connected(now), terminal.received(data, now), terminal.lost(now)):
            self._carry_out(actions)
        terminal.faults = faults

    def double(self) -> None:
        """Dial a second time, and use the second line from then on."""
        life = self.world.life
        if self.dials and self.line is not None and self.older is None and life is not None and life.alive:
            life.call(self._double_in, life)

    def _double_in(self, life: Life) -> None:
        if life.listening is None or self.line is None or self.older is not None:
            return
        pipe = Pipe(self.world, life, (ADDRESS, 50_001))
        self.older, self.line = self.line, pipe
        pipe.near_begin(life.listening())
        random = self.world.random
        self.world.at(self.world.now + random.choice((0.0, 1.0, 30.0, 400.0)), self.older.far_close)

    def reboot(self) -> None:
        self._carry_out(self.terminal.reboot(self.world.now))

    def start_dialling(self, seconds: float) -> None:
        """Open a line to whatever register listens whenever there is none."""
        self.dials = True
        self._dial(seconds)

    def _dial(self, seconds: float) -> None:
        life = self.world.life
        if self.line is None and life is not None and life.alive and life.listening is not None:
            life.call(self._dial_in, life)
        self.world.at(self.world.now + seconds, self._dial, seconds)

    def _dial_in(self, life: Life) -> None:
        if life.listening is None or self.line is not None:
            return
        pipe = Pipe(self.world, life, (ADDRESS, 50_000))
        pipe.near_begin(life.listening())
        pipe.far_begin()

    def wake(self, alarm: int) -> None:
        if alarm == self._alarm:
            self._carry_out(self.terminal.wake(self.world.now))

    def _carry_out(self, actions: Any) -> None:
        line = self.line
        if line is not None:
            for piece in actions.send:
                line.far_write(piece)
            if actions.close:
                self.line = None
                line.far_close()
        self._alarm += 1
        if actions.wake_at is not None:
            self.world.at(actions.wake_at, self.wake, self._alarm)
