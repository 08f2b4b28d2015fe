"""Capture files: conversations written down as text, read again, and replayed (captures/README.md).

The text is what `text2pcap -D -t ISO` takes, one packet a frame: `O` (left the register) or `I` (came from the terminal) with the wall
clock, then the bytes as a hexadecimal dump. Comments above each packet say the same in words. Nothing is written unmasked.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TextIO

from ecrlan.errors import InvalidValueError
from ecrlan.model import AdditionalDataRequest, PrintingRequest, Request, Response
from ecrlan.net.line import Direction
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.live import LiveRules
from ecrlan.protocol.step import DataReceived, Ending, Event, Progress, ReceiptReceived, Step, Timing
from ecrlan.texts import words
from ecrlan.wire.cards import mask_cards
from ecrlan.wire.codec import parse_request
from ecrlan.wire.dissect import dissect
from ecrlan.wire.frames import ApplicationFrame, Frame, FrameReader, NoiseFrame
from ecrlan.wire.lrc import LrcReading
from ecrlan.wire.mask import clean_text, mask_frames

LARGEST_FILE: Final = 16 * 1024 * 1024
"""Characters of a capture file; a day at a till is a few megabytes."""
LARGEST_PACKET: Final = 65_536
"""Bytes of one packet. A frame has at most 4096; noise may be longer."""
MOST_PACKETS: Final = 200_000
MOST_HELD_FRAMES: Final = 4096
MOST_HELD_BYTES: Final = 262_144
"""What a writer holds back at most. A payment with its receipt is a few kilobytes."""

_WIDTH = 110
_ROW = 16
_LETTERS: Final[dict[Direction, str]] = {">": "O", "<": "I"}
_ARROWS: Final[dict[str, Direction]] = {"O": ">", "I": "<"}
_SIDES: Final[dict[Direction, str]] = {">": "register", "<": "terminal"}
_WAYS: Final[dict[Direction, str]] = {">": "request", "<": "response"}
_PACKET = re.compile(r"([IO]) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2}))\Z")
_DUMP = re.compile(r"([0-9A-Fa-f]{6})((?: {1,2}[0-9A-Fa-f]{2}){1,64})\Z")
_ALLOWED = (
    "a comment (# ...), a packet's head (I or O, a space, a time such as 2026-11-23T17:44:00.000000Z), "
    "or its bytes (a six-digit hexadecimal offset, two spaces, bytes of two hexadecimal digits)"
)
_HEAD = (
    "Capture file of ecrlan, see captures/README.md. O left the register, I came from the terminal. Card numbers are masked.",
    "text2pcap -D -t ISO -T 8081,40000 THIS.txt THAT.pcapng",
)


class Packet(NamedTuple):
    """One frame as it went by: `>` left the register, `<` came from the terminal; `time` is timezone-aware."""

    direction: Direction
    time: datetime
    data: bytes


# --- recording ------------------------------------------------------------------------------------------------------------------------


class CaptureWriter:
    """Writes the frames that it is shown, masked; an `Observer` for `Line.observer` and for the emulator's `on_frames`.

    `stream` is an open text file, which stays the caller's. `clock` returns the timezone-aware wall
    clock; `title` goes into the head as comments. Frames are held until the register's next request, `flush` or the end of the `with`
    block, because a card number may be split over the parts of a receipt. What exceeds the bounds by then is left out, and a comment
    says so. Recording never disturbs a payment: where writing fails, it stops, and `failure` says why (None: all is well).
    """

    def __init__(
        self, stream: TextIO, clock: Callable[[], datetime], *, title: str = "", reading: LrcReading = LrcReading.STANDARD
    ) -> None:
        self.failure: str | None = None
        self._stream = stream
        self._clock = clock
        _to_utc("clock", clock())
        self._reading = LrcReading(reading)
        self._held: list[Packet] = []
        self._held_bytes = 0
        self._left_out = 0
        self._write([f"# {line}".rstrip() for line in (*_HEAD, *title.splitlines())])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()

    def __call__(self, direction: Direction, raw: bytes) -> None:
        """Record one frame, or noise. Never raises because of the stream."""
        if direction == ">" and raw[:1] == b"\x02":
            self.flush()
        if len(self._held) >= MOST_HELD_FRAMES or self._held_bytes + len(raw) > MOST_HELD_BYTES or not 0 < len(raw) <= LARGEST_PACKET:
            self._left_out += 1
            return
        self._held.append(Packet(direction, _to_utc("clock", self._clock()), bytes(raw)))
        self._held_bytes += len(raw)

    def flush(self) -> None:
        """Write what is held, masked as one conversation. Call it only where no receipt is under way."""
        held, left_out = self._held, self._left_out
        self._held, self._held_bytes, self._left_out = [], 0, 0
        lines = format_packets(held, self._reading)
        if left_out:
            lines += ["", f"# {left_out} frames left out: more than {MOST_HELD_FRAMES} frames or {MOST_HELD_BYTES} bytes without a request"]
        self._write(lines)

    def _write(self, lines: list[str]) -> None:
        if self.failure is not None or not lines:
            return
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:  # a full disk; a stream that somebody closed
            self.failure = str(error) or type(error).__name__


def format_packets(packets: Sequence[Packet], reading: LrcReading = LrcReading.STANDARD) -> list[str]:
    """Return the lines of a capture file for `packets`, masked as one conversation, each with its comment and a blank line before it."""
    masked = mask_frames([packet.data for packet in packets], [_WAYS[packet.direction] for packet in packets])
    lines: list[str] = []
    for packet, raw in zip(packets, masked, strict=True):
        time = _to_utc("time", packet.time).isoformat(timespec="microseconds").replace("+00:00", "Z")
        lines += ["", *_describe(packet.direction, raw, reading), f"{_LETTERS[packet.direction]} {time}"]
        lines += [f"{place:06X}  {raw[place : place + _ROW].hex(' ').upper()}" for place in range(0, len(raw), _ROW)]
    return lines


def _to_utc(place: str, time: datetime) -> datetime:
    if time.tzinfo is None:
        raise InvalidValueError(place, time.isoformat(), "a time with its time zone")
    return time.astimezone(UTC)


def _describe(direction: Direction, raw: bytes, reading: LrcReading) -> list[str]:
    """Return the comment lines that say in words what a masked frame is."""
    shown = dissect([_frame_of(raw, reading)], _WAYS[direction])[0]
    side, message = _SIDES[direction], shown["message"]
    lrc = "" if shown["lrc"] in {None, "ok"} else f", LRC {shown['lrc']}"
    if shown["frame"] == "noise":
        return [f"# {side}: noise of {len(raw)} bytes"]
    if shown["frame"] == "progress":
        return [f"# {side}: progress {_ascii(message['fields']['text'])!r}"]
    if shown["frame"] != "application":
        return [f"# {side}: {shown['frame'].upper()}{lrc}"]
    if message is None:
        return [f"# {side}: {_ascii(shown['error'])}{lrc}"]
    return [f"# {side}: {message['code']} {message['name']}{lrc}", *_describe_fields(message["fields"])]


def _describe_fields(fields: dict[str, Any]) -> list[str]:
    words: list[str] = []
    texts: list[str] = []
    for name, value in fields.items():
        if isinstance(value, str) and "\n" in value:
            texts += [name, *(f"| {line}" for line in value.split("\n"))]
        elif value is not None and value != "":
            words.append(f"{name} {_ascii(value)}".replace(" ", "\0"))  # a field stays on one line
    wrapped = textwrap.wrap("; ".join(words), _WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [f"#   {line}".replace("\0", " ") for line in wrapped] + [f"#   {_ascii(mask_cards(line))}".rstrip() for line in texts]


def _ascii(value: object) -> str:
    """Return a value as printable ASCII on one line."""
    return clean_text(str(value)).replace("\u2026", "...").encode("ascii", "replace").decode("ascii")


def _frame_of(raw: bytes, reading: LrcReading) -> Frame:
    reader = FrameReader(reading)
    frames = reader.feed(raw) + reader.finish()
    return frames[0] if len(frames) == 1 else NoiseFrame(raw)


# --- reading --------------------------------------------------------------------------------------------------------------------------


def read_capture(path: str | os.PathLike[str]) -> list[Packet]:
    """Return the packets of the capture file at `path`. Raises `InvalidValueError` as `parse_capture`, `OSError` for the file itself."""
    with Path(path).open(encoding="utf-8", errors="replace") as stream:
        return parse_capture(stream.read(LARGEST_FILE + 1), os.fspath(path))


def parse_capture(text: str, place: str = "capture file") -> list[Packet]:
    """Return the packets of a capture file's text. Raises `InvalidValueError` with the line's number, its value and what is allowed."""
    if len(text) > LARGEST_FILE:
        raise InvalidValueError(place, f"more than {LARGEST_FILE} characters", f"at most {LARGEST_FILE} characters")
    packets: list[Packet] = []
    data = bytearray()
    head: tuple[str, Direction, datetime, str] | None = None

    def end() -> None:
        if head is not None:
            where, direction, time, line = head
            if not data:
                raise InvalidValueError(where, line, "a packet's head with its bytes below")
            packets.append(Packet(direction, time, bytes(data)))
            data.clear()

    for number, written in enumerate(text.split("\n"), 1):
        line, where = written.rstrip(), f"{place} line {number}"
        if not line or line.startswith("#"):
            continue
        if match := _PACKET.match(line):
            end()
            if len(packets) >= MOST_PACKETS:
                raise InvalidValueError(where, f"packet {MOST_PACKETS + 1}", f"at most {MOST_PACKETS} packets")
            head = (where, _ARROWS[match[1]], _parse_time(where, match[2]), line)
        elif match := _DUMP.match(line):
            if head is None:
                raise InvalidValueError(where, line, "a packet's head (I or O and a time) above its bytes")
            if int(match[1], 16) != len(data):
                raise InvalidValueError(where, match[1], f"the offset {len(data):06X}: as many bytes stand above it")
            data += bytes.fromhex(match[2])
            if len(data) > LARGEST_PACKET:
                raise InvalidValueError(where, f"packet of {len(data)} bytes", f"at most {LARGEST_PACKET} bytes")
        else:
            raise InvalidValueError(where, line, _ALLOWED)
    end()
    return packets


def _parse_time(where: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValueError(where, text, "a time that exists, such as 2026-11-23T17:44:00.000000Z") from None


# --- replay ---------------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Replayed:
    """One exchange of a capture file, performed again: `recorded` is what the register sent then, `sent` what it would send now."""

    request: Request
    recorded: list[bytes] = field(default_factory=list, repr=False)
    sent: list[bytes] = field(default_factory=list, repr=False)
    ending: Ending | None = None
    reason: str = ""
    answer: Response | None = None
    events: list[Event] = field(default_factory=list, repr=False)

    @property
    def progress(self) -> list[str]:
        """The texts that the terminal showed."""
        return [event.text for event in self.events if isinstance(event, Progress)]

    @property
    def receipt(self) -> bytes:
        """The receipt's parts, joined."""
        return b"".join(event.text for event in self.events if isinstance(event, ReceiptReceived))

    @property
    def data(self) -> list[str]:
        """Additional data from the host."""
        return [event.data for event in self.events if isinstance(event, DataReceived)]


def replay(
    packets: Iterable[Packet],
    *,
    timing: Timing | None = None,
    reading: LrcReading = LrcReading.STANDARD,
    tolerate_lengths: bool = False,
) -> list[Replayed]:
    """Perform the exchanges of a conversation again: give the terminal's bytes to today's automaton, at their recorded times.

    A request of the register (`U` belongs to the one before it) that the open exchange did not just send begins the next exchange; an
    exchange that is open by then, or at the end, loses its line. A receipt is expected where an `E` before said so. Raises
    `MalformedMessageError` for a request that cannot be read.
    """
    performance = _Performance(list(packets), timing or Timing(), LrcReading(reading), tolerate_lengths=tolerate_lengths)
    for place, packet in enumerate(performance.packets):
        performance.take(place, packet)
    performance.close()
    return performance.exchanges


class _Performance:
    """The state of a replay."""

    def __init__(self, packets: list[Packet], timing: Timing, reading: LrcReading, *, tolerate_lengths: bool) -> None:
        self.packets = packets
        self.exchanges: list[Replayed] = []
        self._timing = timing
        self._reading = reading
        self._tolerate_lengths = tolerate_lengths
        self._exchange: Exchange | None = None
        self._expected: deque[bytes] = deque()
        self._reader = FrameReader(reading)
        self._printing = False
        self._wake_at: float | None = None
        self._now = 0.0

    def take(self, place: int, packet: Packet) -> None:
        """Take the next packet."""
        self._now = (packet.time - self.packets[0].time).total_seconds()
        self._pass_time()
        if packet.direction == "<":
            for frame in self._reader.feed(packet.data):
                if self._exchange is not None:
                    self._carry_out(self._exchange.frame(frame, self._now))
            return
        if self._expected and self._expected[0] == packet.data:
            self._expected.popleft()
        elif (request := self._request_of(packet)) is not None and request.code != "U":
            self._begin(request, place)
        if self.exchanges:
            self.exchanges[-1].recorded.append(packet.data)

    def close(self) -> None:
        """End what is open: the line is lost."""
        if self._exchange is None:
            return
        done, exchange = self.exchanges[-1], self._exchange
        self._carry_out(exchange.lost(self._now))
        done.ending, done.reason, done.answer = exchange.ending, words(exchange.reason), exchange.answer
        if isinstance(done.request, PrintingRequest):
            self._printing = done.request.enabled != 0 and done.ending is Ending.ACKNOWLEDGED
        self._exchange = None

    def _request_of(self, packet: Packet) -> Request | None:
        frame = _frame_of(packet.data, self._reading)
        return parse_request(frame.message) if isinstance(frame, ApplicationFrame) else None

    def _begin(self, request: Request, place: int) -> None:
        self.close()
        self.exchanges.append(Replayed(request))
        self._expected.clear()
        self._reader.finish()
        self._exchange = Exchange(
            request,
            self._timing,
            LiveRules(tolerate_lengths=self._tolerate_lengths),
            reading=self._reading,
            additional=self._additional_after(place),
            expects_receipt=self._printing,
        )
        self._carry_out(self._exchange.start(self._now))
        self._expected.popleft()  # the request itself

    def _additional_after(self, place: int) -> AdditionalDataRequest | None:
        """Return the `U` that follows the request at `place`, before the next request."""
        for packet in self.packets[place + 1 :]:
            if packet.direction == ">" and packet.data != self.packets[place].data:
                request = self._request_of(packet)
                if request is not None:
                    return request if isinstance(request, AdditionalDataRequest) else None
        return None

    def _pass_time(self) -> None:
        """Wake the exchange as often as it wanted to be by now. The recorded clock is cut to microseconds: allow for that."""
        while self._exchange is not None and self._wake_at is not None and self._wake_at <= self._now + 0.001:
            self._carry_out(self._exchange.wake(self._wake_at))

    def _carry_out(self, step: Step) -> None:
        done = self.exchanges[-1]
        done.events += step.events
        done.sent += step.send
        self._expected.extend(step.send)
        self._wake_at = step.wake_at
        if step.send and self._exchange is not None:
            self._wake_at = self._exchange.written(self._now).wake_at
