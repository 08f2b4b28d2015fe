"""One world for the simulation: injected time, a network with weather, a terminal, and register processes that can be killed.

A register process (`Life`) has an event loop of its own. The world decides which loop turns next and moves the clock. A process that was
killed is never driven again: what it did to its file and to its streams until then is all that is left of it, as after SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ecrlan.emulator import EmulatedTerminal
from ecrlan.errors import EcrlanError, JournalError
from ecrlan.journal import Journal
from tests.faults.disk import Disk, left_behind
from tests.faults.network import ADDRESS, PORT, Pipe, TerminalHost, Weather
from tests.virtual import BareLoop

START = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
MOST_TURNS = 200_000


class Killed(BaseException):
    """The process is dead: nothing of what it still does counts."""


class WrongError(AssertionError):
    """The simulation found what must never be."""


class World:
    """The clock, what will happen, the terminal, and the register process that lives now, if one does."""

    def __init__(self, random: Random, terminal: EmulatedTerminal, start: datetime = START) -> None:
        self.random = random
        self.start = start
        self.now = 0.0
        self.turns = 0
        self.most_turns = MOST_TURNS
        self.addresses = [ADDRESS]
        """Where the terminal is reached: its own address first."""
        self.restored = 0
        """How often the journal was restored or cut."""
        self.keeps_log = False
        """Whether the next process that dies leaves its journal's log (-wal) behind; otherwise SQLite empties it when it is buried."""
        self.agenda: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.order = 0
        self.weather = Weather()
        self.host = TerminalHost(self, terminal)
        self.life: Life | None = None
        self.problems: list[str] = []
        self.on_acknowledged: Callable[[bytes, bytes], None] = lambda message, asked: None

    def clock(self) -> datetime:
        return self.start + timedelta(seconds=self.now)

    def at(self, when: float, act: Callable[..., None], *args: Any) -> None:
        self.order += 1
        heapq.heappush(self.agenda, (when, self.order, act, args))

    def run(self, until: float) -> None:
        """Let everything happen until `until`."""
        while True:
            self.turns += 1
            if self.turns > self.most_turns:
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


class RegisterLoop(BareLoop):
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

    async def create_connection(self, factory: Callable[[], Any], host: str, port: int, **options: Any) -> tuple[Any, Any]:  # type: ignore[override]
        return await self.life.connect(factory, host)

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
        for row in rows:
            self.life.disk.note(row, durable=durable)

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
        with left_behind(self.journal) if self.world.keeps_log else contextlib.nullcontext():
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

    async def connect(self, factory: Callable[[], Any], address: str) -> tuple[Any, Any]:
        """Dial the terminal, as the weather allows."""
        self.step("dialling")
        world, weather = self.world, self.world.weather
        if weather.take("hang"):
            await self.loop.create_future()
        delay = weather.delay(world.random)
        if delay:
            await asyncio.sleep(delay)
        if weather.take("refuse") or not world.host.listens or address not in world.addresses:
            raise ConnectionRefusedError(111, "Connection refused")
        pipe = Pipe(world, self, (address, PORT))
        pipe.begin(factory())
        pipe.far_begin()
        if weather.take("ghost"):
            world.at(world.now + world.random.choice((0.0, 0.2, 3.0)), world.host.ghost)
        await asyncio.sleep(0)
        return pipe, pipe.protocol
