"""Frame shapes, and `FrameReader`, which cuts the stream into them (exchange.md §2).

How TCP cuts the bytes never changes the frames. Memory is bounded: the reader keeps at most `limit` bytes of an unfinished frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ecrlan.errors import InvalidValueError
from ecrlan.model import check_text
from ecrlan.wire.cards import mask_cards
from ecrlan.wire.lrc import LRC_START, LrcReading, fold, lrc, lrc_difference, readings_that_fit

SOH: Final = 0x01
STX: Final = 0x02
ETX: Final = 0x03
EOT: Final = 0x04
ACK: Final = 0x06
NAK: Final = 0x15
PROGRESS_LENGTH: Final = 20
LONGEST_PROGRESS: Final = 64
"""The pages say 20 characters; other lengths are tolerated when read."""
FRAME_LIMIT: Final = 4096
"""Longest application frame in bytes, STX through LRC."""

_STARTS: Final = frozenset((SOH, STX, ACK, NAK))
_START = re.compile(rb"[\x01\x02\x06\x15]")
_PROGRESS_END = re.compile(rb"[\x00-\x1f]")
_PRINTABLE = bytes(byte if 0x20 <= byte <= 0x7E else 0x3F for byte in range(256))


@dataclass(frozen=True, slots=True)
class ApplicationFrame:
    """STX · `message` · ETX · LRC. `raw` is all of it; `lrc` is "ok", "bad" or "reading:NAME" (fits another reading: not ok)."""

    raw: bytes
    lrc: str
    message: bytes

    @property
    def ok(self) -> bool:
        """Whether the LRC fits the reading that the reader was made with."""
        return self.lrc == "ok"


@dataclass(frozen=True, slots=True)
class ProgressFrame:
    """SOH · text · EOT, without LRC. `text` is printable ASCII without its fill; other bytes became `?`, card numbers are masked."""

    raw: bytes
    lrc: str
    text: str

    @property
    def ok(self) -> bool:
        """Return True: there is nothing to check."""
        return True


@dataclass(frozen=True, slots=True)
class AckFrame:
    """ACK · ETX · LRC. With a wrong LRC it proves nothing."""

    raw: bytes
    lrc: str

    @property
    def ok(self) -> bool:
        """Whether the LRC fits the reading that the reader was made with."""
        return self.lrc == "ok"


@dataclass(frozen=True, slots=True)
class NakFrame:
    """NAK · ETX · LRC. With a wrong LRC it proves nothing."""

    raw: bytes
    lrc: str

    @property
    def ok(self) -> bool:
        """Whether the LRC fits the reading that the reader was made with."""
        return self.lrc == "ok"


@dataclass(frozen=True, slots=True)
class NoiseFrame:
    """Bytes that belong to no frame. One stretch of noise may come as several of these."""

    raw: bytes
    lrc: str = ""

    @property
    def ok(self) -> bool:
        """Return False: noise is never right."""
        return False


Frame = ApplicationFrame | ProgressFrame | AckFrame | NakFrame | NoiseFrame


def build_frame(message: bytes, reading: LrcReading = LrcReading.STANDARD) -> bytes:
    """Wrap a message into STX · message · ETX · LRC. Raises `InvalidValueError` for STX or ETX inside, or more than the frame limit."""
    if b"\x02" in message or b"\x03" in message or len(message) > FRAME_LIMIT - 3:
        raise InvalidValueError("message", f"{len(message)} bytes", f"at most {FRAME_LIMIT - 3} bytes without STX and ETX")
    return b"\x02%b\x03%c" % (message, LRC_START ^ STX ^ fold(message) ^ ETX ^ lrc_difference(b"\x02", reading))


def build_progress(text: str) -> bytes:
    """Build SOH · text filled with spaces to 20 · EOT. Raises `InvalidValueError` for more than 20 printable ASCII characters."""
    check_text("progress text", text, PROGRESS_LENGTH)
    return b"\x01%b\x04" % text.ljust(PROGRESS_LENGTH).encode("ascii")


def build_ack(reading: LrcReading = LrcReading.STANDARD) -> bytes:
    """Build ACK · ETX · LRC: `06 03 7A` in the standard reading."""
    return bytes((ACK, ETX, lrc(b"\x06\x03", reading)))


def build_nak(reading: LrcReading = LrcReading.STANDARD) -> bytes:
    """Build NAK · ETX · LRC: `15 03 69` in the standard reading."""
    return bytes((NAK, ETX, lrc(b"\x15\x03", reading)))


class FrameReader:
    """Cuts a stream of bytes into frames; never raises on anything that comes from the network.

    `reading` is the LRC reading that counts as right; `limit` (at least 8) is the longest application frame in bytes, LRC included: what
    has no end by then is noise up to the limit, and reading goes on behind it. An STX inside an unfinished application frame means that
    the earlier one was cut short, and that its bytes are noise; the LRC byte is never taken for a start.
    """

    def __init__(self, reading: LrcReading = LrcReading.STANDARD, limit: int = FRAME_LIMIT) -> None:
        """Start with nothing read."""
        if limit < 8:
            raise InvalidValueError("limit", limit, "at least 8 bytes")
        self.reading = LrcReading(reading)
        self.limit = limit
        self._pending = b""
        self._searched = 0

    @property
    def pending(self) -> bytes:
        """The bytes of an unfinished frame: fewer than `limit`, or 66 of progress."""
        return self._pending

    def finish(self) -> list[Frame]:
        """Return what is left of an unfinished frame as noise, and start anew."""
        rest, self._pending, self._searched = self._pending, b"", 0
        return [NoiseFrame(rest)] if rest else []

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes, with the noise between them, in the order of their bytes."""
        buffer = self._pending + data if self._pending else bytes(data)
        frames: list[Frame] = []
        place = noise = 0  # everything before `noise` was returned; noise..place is noise not yet returned
        while place < len(buffer):
            if buffer[place] not in _STARTS:
                start = _START.search(buffer, place)
                place = start.start() if start else len(buffer)
                continue
            end, frame = self._cut(buffer, place)
            if frame is None:
                if end == place:  # unfinished
                    break
            else:
                if noise < place:
                    frames.append(NoiseFrame(buffer[noise:place]))
                frames.append(frame)
                noise = end
            place = end
            self._searched = 0
        if noise < place:
            frames.append(NoiseFrame(buffer[noise:place]))
        self._pending = buffer[place:]
        return frames

    def _cut(self, buffer: bytes, start: int) -> tuple[int, Frame | None]:
        """Return where to go on, and the frame that begins at `start`: None for noise; where to go on is `start` if it is unfinished."""
        first = buffer[start]
        if first == STX:
            return self._cut_application(buffer, start)
        if first == SOH:
            return self._cut_progress(buffer, start)
        if len(buffer) < start + 2:
            return start, None
        if buffer[start + 1] != ETX:
            return start + 1, None
        if len(buffer) < start + 3:
            return start, None
        raw = buffer[start : start + 3]
        return start + 3, AckFrame(raw, self._check(raw)) if first == ACK else NakFrame(raw, self._check(raw))

    def _cut_application(self, buffer: bytes, start: int) -> tuple[int, Frame | None]:
        searched = start + max(1, self._searched)
        etx = buffer.find(b"\x03", searched, start + self.limit - 1)
        stx = buffer.find(b"\x02", searched, start + self.limit if etx < 0 else etx)
        if stx >= 0:
            return stx, None
        if etx < 0:
            if len(buffer) - start >= self.limit:
                return start + self.limit, None
            self._searched = len(buffer) - start
            return start, None
        if len(buffer) < etx + 2:
            self._searched = etx - start
            return start, None
        raw = buffer[start : etx + 2]
        return etx + 2, ApplicationFrame(raw, self._check(raw), raw[1:-2])

    @staticmethod
    def _cut_progress(buffer: bytes, start: int) -> tuple[int, Frame | None]:
        end = _PROGRESS_END.search(buffer, start + 1, start + LONGEST_PROGRESS + 2)
        if end is None:
            return (start + 1 if len(buffer) >= start + LONGEST_PROGRESS + 2 else start), None
        if buffer[end.start()] != EOT or end.start() == start + 1:
            return start + 1, None
        raw = buffer[start : end.end()]
        return end.end(), ProgressFrame(raw, "", mask_cards(raw[1:-1].translate(_PRINTABLE).decode("ascii").strip()))

    def _check(self, raw: bytes) -> str:
        if LRC_START ^ fold(raw) == lrc_difference(raw, self.reading):
            return "ok"
        fitting = readings_that_fit(raw)
        return f"reading:{fitting[0].value}" if fitting else "bad"
