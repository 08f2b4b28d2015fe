"""The LRC and its readings (exchange.md §2).

The right reading: start from 0x7F and XOR every byte of the frame before the LRC, from its first byte (STX, ACK or NAK) through ETX.
The other readings exist in programs of unknown worth; each differs from the right one by a constant.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

LRC_START: Final = 0x7F
ACK: Final = 0x06
NAK: Final = 0x15


class LrcReading(str, Enum):
    """Which bytes "every byte" means; the default everywhere is `STANDARD`."""

    STANDARD = "standard"
    PAYLOAD = "payload"
    PAYLOAD_ETX = "payload-etx"
    STX_PAYLOAD = "stx-payload"
    STX_PAYLOAD_ETX = "stx-payload-etx"


_APPLICATION_DIFFERENCE: Final = {
    LrcReading.STANDARD: 0,
    LrcReading.PAYLOAD: 0x02 ^ 0x03,
    LrcReading.PAYLOAD_ETX: 0x02,
    LrcReading.STX_PAYLOAD: 0x03,
    LrcReading.STX_PAYLOAD_ETX: 0,
}
"""What to XOR to the standard LRC of an application frame."""

_CONTROL_DIFFERENCE: Final = {
    LrcReading.STANDARD: 0,
    LrcReading.PAYLOAD: 0x03,
    LrcReading.PAYLOAD_ETX: 0,
    LrcReading.STX_PAYLOAD: 0x02 ^ 0x03,
    LrcReading.STX_PAYLOAD_ETX: 0x02,
}
"""The same for ACK and NAK: the control byte is their payload, and the readings with STX count an STX that is not there."""

_LOW_BYTES: Final = (1 << 128) - 1


def fold(data: bytes) -> int:
    """XOR of all bytes of `data`; 0 for none. Folds one big number, half upon half: a fifth of the cost of a loop over bytes."""
    if len(data) > 256:
        half = len(data) // 2
        return fold(data[:half]) ^ fold(data[half:])
    number = int.from_bytes(data, "big")
    number ^= number >> 1024
    number ^= number >> 512
    number ^= number >> 256
    number = (number ^ number >> 128) & _LOW_BYTES
    number ^= number >> 64
    number ^= number >> 32
    number ^= number >> 16
    return (number ^ number >> 8) & 0xFF


def lrc(frame_without_lrc: bytes, reading: LrcReading = LrcReading.STANDARD) -> int:
    """Compute the LRC (0-255) of a frame given from its first byte (STX, ACK or NAK) through ETX."""
    return LRC_START ^ fold(frame_without_lrc) ^ lrc_difference(frame_without_lrc, reading)


def lrc_difference(frame: bytes, reading: LrcReading) -> int:
    """Return what `reading` XORs to the standard LRC of this frame, which may or may not end with its LRC."""
    if reading is LrcReading.STANDARD:
        return 0
    return (_CONTROL_DIFFERENCE if frame[:1] in {b"\x06", b"\x15"} else _APPLICATION_DIFFERENCE)[reading]


def readings_that_fit(raw_frame: bytes) -> tuple[LrcReading, ...]:
    """Return every reading under which the last byte of `raw_frame` is its LRC, in the order of `LrcReading`; empty for none."""
    left = LRC_START ^ fold(raw_frame)
    return tuple(reading for reading in LrcReading if lrc_difference(raw_frame, reading) == left) if raw_frame else ()
