"""How the emulated terminal's bytes leave it: pieces of output, and messages that wait for the register's ACK."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ecrlan.emulator.agenda import Agenda, Due
from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.distortion import spoil_lrc
from ecrlan.emulator.faults import Faults
from ecrlan.wire.frames import build_frame
from ecrlan.wire.lrc import LrcReading

TRANSMISSIONS = 3


@dataclass(frozen=True, slots=True)
class Actions:
    """What the shell must do: write each of `send`, in a write of its own; then close the line if `close`; call `wake` at `wake_at`.

    `wake_at` is None where nothing will happen by itself; it stands whether or not a line is open.
    """

    send: tuple[bytes, ...] = ()
    close: bool = False
    wake_at: float | None = None


class Output:
    """Collects the pieces that are to be written. `split` cuts them into single bytes; while `glue` is on they become one piece."""

    def __init__(self) -> None:
        self.split = False
        self._glued: list[bytes] | None = None
        self._pieces: list[bytes] = []

    def glue(self) -> None:
        """Hold back what is written from now on, until `flush`."""
        self._glued = []

    def write(self, data: bytes) -> None:
        """Add a piece."""
        if self._glued is not None:
            self._glued.append(data)
        elif self.split:
            self._pieces.extend(data[place : place + 1] for place in range(len(data)))
        else:
            self._pieces.append(data)

    def flush(self) -> None:
        """Let go of what was held back, as one piece."""
        held, self._glued = self._glued, None
        if held:
            self.write(b"".join(held))

    def forget_glued(self) -> None:
        """Throw away what was held back: its line is gone."""
        self._glued = None

    def take(self) -> tuple[bytes, ...]:
        """Return the pieces, once."""
        pieces = tuple(self._pieces)
        self._pieces.clear()
        return pieces


@dataclass(slots=True, eq=False)
class Outgoing:
    """A message (between STX and ETX) on its way to the register; `code` is its request's, `manners` are those that it shows."""

    message: bytes
    code: str
    is_result: bool
    manners: frozenset[str] = frozenset()
    transmissions: int = 0


class Delivery:
    """Sends messages one after the other, each until its ACK: three transmissions in all, again on NAK and on silence."""

    def __init__(
        self,
        *,
        write: Callable[[bytes], None],
        over: Callable[[float], None],
        agenda: Agenda,
        behaviour: Behaviour,
        faults: Callable[[], Faults],
        reading: LrcReading,
    ) -> None:
        """`write` takes frames; `over(now)` is called when nothing waits any more, delivered or given up."""
        self.late_ack: bytes | None = None
        """The ACK that follows once the first message was acknowledged (fault `ack_after_result_only`)."""
        self.duplicate = False
        """Whether the next result is sent again although it was acknowledged (fault `duplicate_result`)."""
        self._write = write
        self._over = over
        self._agenda = agenda
        self._behaviour = behaviour
        self._faults = faults
        self._reading = reading
        self._waiting: deque[Outgoing] = deque()
        self._ack_due: Due | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits for an ACK."""
        return not self._waiting

    def start(self, messages: list[Outgoing], now: float) -> None:
        """Send messages in order."""
        self._waiting.extend(messages)
        if messages:
            self._transmit(now)

    def acknowledged(self, now: float) -> None:
        """Take a valid ACK; one that nothing waits for is ignored."""
        if not self._waiting:
            return
        if self._waiting[0].is_result and self.duplicate:
            self.duplicate = False
            self._transmit(now)
            return
        self._waiting.popleft()
        self._agenda.cancel(self._ack_due)
        if self.late_ack is not None:
            self._write(self.late_ack)
            self.late_ack = None
        if self._waiting:
            self._transmit(now)
        else:
            self._over(now)

    def refused(self, now: float) -> None:
        """Take a NAK, or silence: send again, or give up all that waits. The ledger keeps its charge."""
        if not self._waiting:
            return
        if self._waiting[0].transmissions < TRANSMISSIONS:
            self._transmit(now)
            return
        self.forget()
        self._over(now)

    def forget(self) -> None:
        """Throw away what waits."""
        self._waiting.clear()
        self.late_ack = None
        self._agenda.cancel(self._ack_due)

    def _transmit(self, now: float) -> None:
        first = self._waiting[0]
        if not first.transmissions:
            self._behaviour.manners.show(first.manners)
        first.transmissions += 1
        frame = build_frame(first.message, self._reading)
        self._write(spoil_lrc(frame) if first.is_result and self._faults().take("bad_lrc", first.code) else frame)
        self._agenda.cancel(self._ack_due)
        self._ack_due = self._agenda.add(now + self._behaviour.ack_timeout, self.refused)
