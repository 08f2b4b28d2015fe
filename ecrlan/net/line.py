"""One TCP stream and the open exchange on it, with one timer.

The only shell of `protocol.exchange`: it persists a step's events, then writes its bytes (architecture.md, rule 2). What it persists
to, and what an answer means, is its caller's business.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from ecrlan.errors import LineError
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.step import Answered, Ending, Event, Sending, Step
from ecrlan.wire.frames import ApplicationFrame, Frame, FrameReader, NoiseFrame, build_ack
from ecrlan.wire.lrc import LrcReading

BUFFER = 1024
"""Bytes that are read at a time: a flood of three-byte frames must not hold up the other terminals' lines."""
FRAMES_AT_A_TIME = 200
"""Frames that are read in `FRAMES_PERIOD`: eight times what real terminals send when they show progress (exchange.md §8)."""
FRAMES_PERIOD = 1.0
"""Seconds."""
FRAMES_AT_ONCE = 25
"""Frames that are read within `BREATH_SECONDS`; then nothing is read for as long, so that other terminals' payments get on."""
BREATH_SECONDS = 0.04
BAD_BYTES = 65_536
"""Bytes without a good frame after which the peer is not taken for a terminal any more."""
WAITING_FRAMES = 64
"""Frames that may wait for a commit before reading pauses."""

Direction = Literal[">", "<"]
Sink = Callable[[tuple[Event, ...]], "asyncio.Future[None] | None"]
"""Persists and publishes events; returns a future where the bytes must wait for it."""
Unasked = Callable[[ApplicationFrame], "asyncio.Future[None] | None"]
"""Records a message that came while no exchange had been on the line; returns what its acknowledgement waits for, None for none."""
Observer = Callable[[Direction, bytes], None]
"""Is shown each frame as it is sent (`>`) or received (`<`), unmasked."""


class Line(asyncio.BufferedProtocol):
    """One TCP stream to a terminal. `opened_by` is "register" (dialled) or "terminal" (listened)."""

    def __init__(
        self,
        reading: LrcReading = LrcReading.STANDARD,
        *,
        opened_by: str = "register",
        observer: Observer | None = None,
        on_unasked: Unasked = lambda _: None,
        on_made: Callable[[Line], None] | None = None,
        on_lost: Callable[[Line], None] | None = None,
        on_flood: Callable[[], None] = lambda: None,
    ) -> None:
        self.opened_by = opened_by
        self.peer: tuple[str, int] = ("", 0)
        self.observer = observer
        self.reader = FrameReader(reading)
        self.reading = reading
        self.bad_bytes = 0
        self.suspect = False
        """Whether an exchange on it was disturbed, so that something late may still come: no request that moves money goes out on it."""
        self.on_unasked = on_unasked
        self.on_made = on_made
        self.on_lost = on_lost
        self.on_flood = on_flood
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = memoryview(bytearray(BUFFER))
        self._current: tuple[Exchange, Sink] | None = None
        self._previous: tuple[Exchange, Sink] | None = None
        self._answers: set[bytes] = set()
        """Answers to the questions since the previous exchange was lost: sent once more, they are still the questions'."""
        self._inputs: deque[Frame | Literal["wake", "lost"]] = deque()
        self._committing: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._done: asyncio.Future[None] | None = None
        self._over: asyncio.Future[None] | None = None
        self._period_ends = 0.0
        self._frames_in_period = 0
        self._breath_ends = 0.0
        self._frames_in_breath = 0
        self._resuming: asyncio.TimerHandle | None = None
        """Set while nothing is read because too many frames came."""
        self._arrivals = select.poll() if hasattr(select, "poll") else None

    # --- asyncio's side ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the stream."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is a Transport
        self.peer = (transport.get_extra_info("peername") or ("", 0))[:2]
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._arrivals is not None:
                self._arrivals.register(raw.fileno(), select.POLLIN)
        else:
            self._arrivals = None
        if self.on_made is not None:
            self.on_made(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's signature
        """Lend the receive buffer."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Cut what was received into frames and hand them on."""
        frames = self.reader.feed(bytes(self._buffer[:nbytes]))
        self._count(len(frames))
        for frame in frames:
            self._received(frame)
        if self.bad_bytes + len(self.reader.pending) > BAD_BYTES:
            self.close()

    def eof_received(self) -> bool:
        """Let the stream close: a terminal that has closed takes nothing more."""
        return False

    def _count(self, frames: int) -> None:
        """Read nothing for a moment where many frames came, and for the rest of the period where more came than any terminal sends."""
        now = self._loop.time()
        if now >= self._period_ends:
            self._period_ends, self._frames_in_period = now + FRAMES_PERIOD, 0
        if now >= self._breath_ends:
            self._breath_ends, self._frames_in_breath = now + BREATH_SECONDS, 0
        self._frames_in_period += frames
        self._frames_in_breath += frames
        paused_until = self._resuming.when() if self._resuming is not None else now
        if self._frames_in_period > FRAMES_AT_A_TIME and paused_until < self._period_ends:
            self._read_on_at(self._period_ends)
            self.on_flood()
        elif self._frames_in_breath > FRAMES_AT_ONCE and self._resuming is None:
            self._read_on_at(now + BREATH_SECONDS)

    def _read_on_at(self, when: float) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        self._resuming = self._loop.call_at(when, self._read_on)
        self._pause_or_resume()

    def _read_on(self) -> None:
        self._resuming = None
        self._pause_or_resume()

    def _pause_or_resume(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._resuming is not None or len(self._inputs) >= WAITING_FRAMES:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  # whatever the cause, the line is gone
        """Tell the exchange."""
        if self._resuming is not None:
            self._resuming.cancel()
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
        self._put("lost")
        if self.on_lost is not None:
            self.on_lost(self)

    # --- the register's side ----------------------------------------------------------------------------------------------------

    def keep_alive(self) -> None:
        """Have TCP notice a dead peer on a line that stays open."""
        raw = self._transport.get_extra_info("socket") if self._transport else None
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
                if hasattr(socket, name):
                    raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)

    async def is_usable(self) -> bool:
        """Tell whether the stream still stands, by reading what has arrived: never by writing (exchange.md §1)."""
        if self.alive and self._nothing_arrived():
            return True
        for _ in range(2):  # the first turn of the loop polls the socket, the second has run what it found
            if not self.alive:
                return False
            await asyncio.sleep(0)
        return self.alive

    def _nothing_arrived(self) -> bool:
        """Tell that an open stream has nothing to read, not even its end: spares two turns of the loop. False where nobody knows."""
        return self._arrivals is not None and not self._arrivals.poll(0)

    async def run(self, exchange: Exchange, sink: Sink) -> None:
        """Perform `exchange` until it ends; its `ending`, `answer` and events tell how.

        Raises `LineError` where the line is gone already or the first events could not be persisted: nothing was sent then.
        """
        if not self.alive:
            raise LineError("the line is closed", ("line_closed", {}))
        if self._current is not None and self._current[0].ending in (Ending.UNANSWERED, Ending.UNREADABLE):
            self._previous = self._current
            self._answers.clear()
        elif self._current is not None:
            self._answers.add(self._current[0].answer_message)
        self._current = (exchange, sink)
        self._done = self._loop.create_future()
        self._handle(exchange.start(self._loop.time()), sink)
        try:
            await self._done
        finally:
            self._done = None

    @property
    def alive(self) -> bool:
        """Whether the stream stands in both directions: not before it is made, and not once its end was read or it was closed."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def busy(self) -> bool:
        """Whether an exchange is open on it."""
        return self._current is not None and self._current[0].open

    def close(self) -> None:
        """Close the stream; an open exchange learns that its line is lost."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def end_writing(self) -> None:
        """Close our side of the stream: the terminal sees that nothing more comes, and closes its own."""
        if self._transport is not None and not self._transport.is_closing():
            with suppress(OSError):
                self._transport.write_eof()

    async def end(self, seconds: float) -> None:
        """Close our side, and wait up to `seconds` for the terminal to close its own; then close the stream."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._over = self._loop.create_future()
        self.end_writing()
        try:
            async with asyncio.timeout(seconds):
                await self._over
        except TimeoutError:
            self.close()

    def abort(self) -> None:
        """Drop the stream at once, without waiting for what is still to be written."""
        if self._transport is not None:
            self._transport.abort()

    # --- one thing after the other ----------------------------------------------------------------------------------------------

    def _received(self, frame: Frame) -> None:
        if isinstance(frame, NoiseFrame) or not frame.ok:
            self.bad_bytes += len(frame.raw)
        else:
            self.bad_bytes = 0
        if self.observer is not None:
            self.observer("<", frame.raw)
        self._put(frame)

    def _put(self, happened: Frame | Literal["wake", "lost"]) -> None:
        if self._committing is None and not self._inputs:
            self._process(happened)
            return
        self._inputs.append(happened)
        if len(self._inputs) == WAITING_FRAMES:
            self._pause_or_resume()

    def _process(self, happened: Frame | Literal["wake", "lost"]) -> None:
        now = self._loop.time()
        if self._current is None:
            self._take_unasked(happened)
            return
        exchange, sink = self._current
        if happened == "wake":
            self._handle(exchange.wake(now), sink)
        elif happened == "lost":
            self._handle(exchange.lost(now), sink)
        elif not self._is_late(happened, now):
            self._handle(exchange.frame(happened, now), sink)
            self.suspect = self.suspect or (exchange.ending is not None and not exchange.clean)

    def _take_unasked(self, happened: Frame | Literal["wake", "lost"]) -> None:
        """Acknowledge a result that nobody asked for once it is on disk; what its owner does not take is not acknowledged."""
        if isinstance(happened, str) or not happened.ok:
            return
        self.suspect = True
        committing = self.on_unasked(happened) if isinstance(happened, ApplicationFrame) else None
        if committing is not None:
            committing.add_done_callback(self._unasked_committed)

    def _unasked_committed(self, committing: asyncio.Future[None]) -> None:
        if not committing.cancelled() and committing.exception() is None:
            self._write((build_ack(self.reading),))

    def _is_late(self, frame: Frame, now: float) -> bool:
        """Give a result that comes before the ACK of the current request to the exchange before, if it is its own (exchange.md §5)."""
        if self._previous is None or self._current is None:
            return False
        current = self._current[0]
        if current.acknowledged and current.ending is None:
            return False  # its own result is due
        if not isinstance(frame, ApplicationFrame) or not frame.ok or frame.message in {*self._answers, current.answer_message}:
            return False
        exchange, sink = self._previous
        step = exchange.frame(frame, now)
        if not any(isinstance(event, Answered) for event in step.events):
            return False
        self._previous = None
        self._handle(Step(step.events, step.send, self._timer.when() if self._timer else None), sink)
        return True

    def _handle(self, step: Step, sink: Sink) -> None:
        if step.events:
            committing = sink(step.events)
            if committing is not None and not (committing.done() and committing.exception() is None):
                self._committing = committing
                committing.add_done_callback(lambda future: self._committed(future, step))
                return
        self._carry_out(step)

    def _committed(self, future: asyncio.Future[None], step: Step) -> None:
        self._committing = None
        failure = None if future.cancelled() else future.exception()
        if failure is None and not future.cancelled():
            self._carry_out(step)
        elif any(isinstance(event, Sending) for event in step.events):
            if self._done is not None and not self._done.done():
                self._done.set_exception(failure or LineError("cancelled before anything was sent", ("cancelled", {})))
            self._current = None
        else:
            # what could not be written down is not acknowledged; the exchange itself goes on
            self._carry_out(Step(step.events, (), step.wake_at))
        while self._inputs and self._committing is None:
            self._process(self._inputs.popleft())
        self._pause_or_resume()

    def _carry_out(self, step: Step) -> None:
        wake_at = step.wake_at
        if step.send and self._write(step.send) and self._current is not None:
            wake_at = self._current[0].written(self._loop.time()).wake_at
        self._set_timer(wake_at)
        if self._done is not None and not self._done.done() and self._current is not None and self._current[0].ending is not None:
            self._done.set_result(None)

    def _write(self, frames: tuple[bytes, ...]) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        for frame in frames:
            if self.observer is not None:
                self.observer(">", frame)
            self._transport.write(frame)
        return True

    def _set_timer(self, wake_at: float | None) -> None:
        """Arm the one timer; one that stands and rings earlier is left alone, an early `wake` does nothing."""
        if self._timer is not None:
            if wake_at is not None and self._timer.when() <= wake_at:
                return
            self._timer.cancel()
            self._timer = None
        if wake_at is not None:
            self._timer = self._loop.call_at(wake_at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._put("wake")
