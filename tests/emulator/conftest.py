from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from ecrlan.emulator.delivery import Actions
from ecrlan.emulator.terminal import EmulatedTerminal
from ecrlan.model import PaymentResult, ReceiptPart, Request, Response
from ecrlan.wire.codec import build_request, parse_response
from ecrlan.wire.frames import (
    AckFrame,
    ApplicationFrame,
    Frame,
    FrameReader,
    NakFrame,
    NoiseFrame,
    ProgressFrame,
    build_ack,
    build_frame,
    build_nak,
)

CLOCK = datetime(2026, 7, 31, 21, 22)  # noqa: DTZ001  # a terminal's clock has no zone


@dataclass
class Till:
    """The register's side of a conversation, byte by byte, with a terminal and no line in between."""

    terminal: EmulatedTerminal
    now: float = 1000.0
    closed: bool = True
    wake_at: float | None = None
    pieces: list[bytes] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    reader: FrameReader = field(default_factory=FrameReader)

    def connect(self) -> Till:
        self.closed = False
        self.reader = FrameReader()
        self._take(self.terminal.connected(self.now))
        return self

    def lose(self) -> None:
        self.closed = True
        self._take(self.terminal.lost(self.now))

    def write(self, data: bytes) -> list[Frame]:
        """Send bytes and return the frames that come back."""
        return self._take(self.terminal.received(data, self.now))

    def send(self, request: Request) -> list[Frame]:
        return self.write(build_frame(build_request(request)))

    def ack(self) -> list[Frame]:
        return self.write(build_ack())

    def nak(self) -> list[Frame]:
        return self.write(build_nak())

    def until(self, now: float) -> list[Frame]:
        """Let time pass, waking the terminal whenever it wants to be."""
        frames: list[Frame] = []
        while self.wake_at is not None and self.wake_at <= now:
            self.now = self.wake_at
            frames += self._take(self.terminal.wake(self.now))
        self.now = now
        return frames

    def pass_time(self, seconds: float) -> list[Frame]:
        return self.until(self.now + seconds)

    def perform(self, request: Request) -> list[Response]:
        """Send a request, acknowledge whatever comes until nothing does any more, and return the messages."""
        frames = list(self.send(request))
        responses: list[Response] = []
        while frames:
            message = next((frame for frame in frames if isinstance(frame, ApplicationFrame) and frame.ok), None)
            if message is None:
                break
            responses.append(parse_response(message.message))
            frames = self.ack()
        return responses

    def result(self, request: Request) -> PaymentResult:
        """Perform a request and return its payment result."""
        result = self.perform(request)[0]
        assert isinstance(result, PaymentResult)
        return result

    def _take(self, actions: Actions) -> list[Frame]:
        self.wake_at = actions.wake_at
        self.pieces += actions.send
        frames = [frame for piece in actions.send for frame in self.reader.feed(piece)]
        self.frames += frames
        if actions.close:
            self.lose()
        return frames


def kinds(frames: list[Frame]) -> str:
    """A `+` NAK `-` progress `.` message `M` (bad LRC `m`, bad ACK `a`) noise `?`, in order."""
    letters = {AckFrame: "+a", NakFrame: "-n", ProgressFrame: "..", ApplicationFrame: "Mm", NoiseFrame: "??"}
    return "".join(letters[type(frame)][0 if frame.ok else 1] for frame in frames)


@pytest.fixture(name="kinds")
def kinds_fixture() -> Callable[[list[Frame]], str]:
    return kinds


@pytest.fixture
def till() -> Callable[..., Till]:
    """Make a connected till; keywords are the terminal's."""

    def make(**options: object) -> Till:
        return Till(EmulatedTerminal(clock=lambda: CLOCK, **options)).connect()  # type: ignore[arg-type]

    return make


@pytest.fixture
def receipt() -> Callable[[list[Response]], bytes]:
    return lambda responses: b"".join(each.receipt_text for each in responses if isinstance(each, ReceiptPart))
