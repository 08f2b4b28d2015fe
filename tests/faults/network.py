"""The network of the simulation, with its weather, and the terminal at its other end."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from ecrlan.emulator import EmulatedTerminal, Faults
from ecrlan.wire.frames import ApplicationFrame, FrameReader, build_ack
from tests.virtual import BareTransport

if TYPE_CHECKING:
    from tests.faults.world import Life, World

ADDRESS = "192.168.1.50"
PORT = 8081
ACK = build_ack()
UNTIL_TCP_KNOWS = 130.0
"""Seconds after which who writes to a process that died without a word knows it."""


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


class Pipe(BareTransport):
    """A TCP stream between a register process (near) and the terminal (far). Bytes keep their order."""

    def __init__(self, world: World, life: Life, peer: tuple[str, int]) -> None:
        super().__init__()
        self.world = world
        self.life = life
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

    def is_closing(self) -> bool:
        return not self.near_open

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

    def write_eof(self) -> None:
        """Close our side; the terminal closes its own when it sees that."""
        if self.near_open:
            self._carry("up", self.far_close)

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
        world.at(
            world.now + world.random.choice((8.0, 30.0, 100.0, 180.0)), world.host.read_at_last, data, world.now + 200.0, world.restored
        )

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
        self._line: Pipe | None = None
        self.older: Pipe | None = None
        """The line before the one that the terminal has gone over to; what comes on it is still read."""
        self.listens = True
        self.read_from: int | None = None
        """While a request is read that lay long before the terminal: how many journals had been restored when it was sent."""
        self.plugged = True
        """Whether the terminal stands at the register's network; another unit may have taken its place."""
        self.dials = 0.0
        """Seconds between two attempts to open a line; 0: it never dials."""
        self._dial_at: float | None = None
        """While a line stands: when it would have dialled."""
        self._alarm = 0

    @property
    def line(self) -> Pipe | None:
        """The line that the terminal uses."""
        return self._line

    @line.setter
    def line(self, line: Pipe | None) -> None:
        self._line = line
        if line is None and self._dial_at is not None and self.plugged:
            when, self._dial_at = self._dial_at, None
            while when <= self.world.now:
                when += self.dials
            self.world.at(when, self._dial)

    def opened(self, pipe: Pipe) -> None:
        if not pipe.far_open:
            return
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

    def read_at_last(self, data: bytes, until: float, restored: int) -> None:
        """Read a request that lay long before the terminal, once it is idle; its line is gone by then."""
        now, terminal = self.world.now, self.terminal
        if now > until or not self.plugged:
            return
        if self.line is not None or not terminal.idle:
            self.world.at(now + 1.0, self.read_at_last, data, until, restored)
            return
        self.read_from = restored
        faults, terminal.faults = terminal.faults, Faults()
        for actions in (terminal.connected(now), terminal.received(data, now), terminal.lost(now)):
            self._carry_out(actions)
        terminal.faults = faults
        self.read_from = None

    def double(self) -> None:
        """Dial a second time, and use the second line from then on."""
        life = self.world.life
        if self.dials and self.line is not None and self.older is None and life is not None and life.alive:
            life.call(self._double_in, life)

    def _double_in(self, life: Life) -> None:
        if life.listening is None or self.line is None or self.older is not None:
            return
        pipe = Pipe(self.world, life, (self.world.addresses[0], 50_001))
        self.older, self.line = self.line, pipe
        pipe.begin(life.listening())
        random = self.world.random
        self.world.at(self.world.now + random.choice((0.0, 1.0, 30.0, 400.0)), self.older.far_close)

    def reboot(self) -> None:
        self._carry_out(self.terminal.reboot(self.world.now))

    def start_dialling(self, seconds: float) -> None:
        """Open a line to whatever register listens whenever there is none."""
        self.dials = seconds
        self._dial()

    def unplug(self, *, stays_on: bool) -> None:
        """Take the terminal from the network. One that stays on (a battery) ends its payment; another one is switched off in it."""
        self.plugged = False
        line, self.line = self.line, None
        for each in (line, self.older):
            if each is not None:
                each.far_close()
        self.older = None
        now = self.world.now
        self._carry_out(self.terminal.lost(now) if stays_on else self.terminal.reboot(now))

    def plug_in(self, dials: float) -> None:
        """Bring it to the network, again or for the first time."""
        self.plugged = True
        if dials:
            self.start_dialling(dials)

    def _dial(self) -> None:
        if not self.plugged:
            return
        life = self.world.life
        if self.line is not None:
            self._dial_at = self.world.now + self.dials
            return
        if life is not None and life.alive and life.listening is not None:
            life.call(self._dial_in, life)
        self.world.at(self.world.now + self.dials, self._dial)

    def _dial_in(self, life: Life) -> None:
        if life.listening is None or self.line is not None:
            return
        pipe = Pipe(self.world, life, (self.world.addresses[0], 50_000))
        pipe.begin(life.listening())
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
