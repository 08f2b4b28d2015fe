"""Masking of card data, and texts made fit for a screen (exchange.md §7, product.md).

Every run of 12 or more digits keeps its last four, the others become `0`, unless the run belongs to a field that is known to be something
else. A run may be written as one number, or as cards show it: in groups of four (`4111 1111 1111 1111`, the last may be shorter; American
Express 4-6-5 and Diners 4-6-4) with a space, `-` or `.` between them. The frame's LRC is made to fit again; a bad one stays as wrong as
it was.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ecrlan.wire import responses
from ecrlan.wire.codec import HEADER_LENGTH, find_layout
from ecrlan.wire.fields import Pan, Unread
from ecrlan.wire.lrc import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecrlan.wire.layout import Layout

SHORTEST_RUN: Final = 12
SHOWN_DIGITS: Final = 4
LONGEST_TEXT: Final = 256

_GROUPS = (
    r"(?<![0-9])(?<![0-9]{2}[./-][0-9]{2}[./-])(?:"  # not the year of a date
    r"[0-9]{4}(?:[ .-][0-9]{4}(?![0-9])){2,}(?:[ .-][0-9]{1,3}(?![0-9]))?"
    r"|3[47][0-9]{2}[ .-][0-9]{6}[ .-][0-9]{5}(?![0-9])|3[0689][0-9]{2}[ .-][0-9]{6}[ .-][0-9]{4}(?![0-9]))"
)
_TEXT_RUN = re.compile(rf"[0-9]{{12,}}|{_GROUPS}")
_RUN = re.compile(_TEXT_RUN.pattern.encode())
_HEAD = re.compile(rb"[0-9]{0,6}(?:[ .-][0-9]{4,6}(?![0-9])){0,4}(?:[ .-][0-9]{1,3}(?![0-9]))?")
"""At the beginning of a receipt's part: what may be the end of a card number in groups."""
_TAIL = re.compile(rb"(?<![0-9])(?:[0-9]{4,6}[ .-]){0,4}[0-9]{0,6}\Z")
"""At a part's end: what may be the beginning of one."""
_APPLICATION = re.compile(rb"\x02[^\x02\x03]*\x03.\Z", re.DOTALL)
_WHOLE = re.compile(rb"(?:\x02[^\x02\x03]*\x03.|[\x06\x15]\x03.|\x01[^\x00-\x1f]+\x04)\Z", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_FREE_TEXTS: Final = frozenset({"receipt_text", "reason", "software_release", "contents", "xml", "data", "extra", "tag_number"})
"""Fields that may hold anything: what looks like a card number there is masked."""

_ANY_DIGITS = b"0" * 12


def mask_text(text: str) -> str:
    """Mask every run of 12 or more digits in a text, also those in groups."""
    return _TEXT_RUN.sub(lambda run: _zeroed(run[0].encode()).decode(), text)


def mask_bytes(data: bytes) -> bytes:
    """Mask every run of 12 or more digits, also those in groups, in bytes of which nothing is known."""
    return _RUN.sub(lambda run: _zeroed(run[0]), data)


def mask_message(message: bytes, direction: str | None = None) -> bytes:
    """Return the message (between STX and ETX) with its card data masked, in the same length.

    Fields known to be something else are those of the table that the message fits; `direction` is "request" or "response" where it is
    known. The pan of a result is always cut to its last four.
    """
    layout = find_layout(message, direction)
    masked = bytearray(message)
    for run in _RUN.finditer(_hide_known(message, layout) if layout else message):
        masked[run.start() : run.end()] = _zeroed(run[0])
    for row in layout.rows if layout else ():
        if isinstance(row.field, Pan) and row.position is not None:
            end = row.position - 1 + row.field.length
            masked[row.position - 1 : end - SHOWN_DIGITS] = b"0" * (row.field.length - SHOWN_DIGITS)
    return bytes(masked)


def mask_frame(raw: bytes, direction: str | None = None) -> bytes:
    """Return a frame of any shape, or noise, with its card data masked and its LRC as right or as wrong as it was."""
    return _replace_message(raw, mask_message(raw[1:-2], direction)) if _APPLICATION.match(raw) else mask_bytes(raw)


def mask_lone_frame(raw: bytes, direction: str | None = None) -> bytes:
    """Return a frame as `mask_frame` does, for a view that sees one frame at a time.

    A card number may be split over two parts of a receipt: digits at a part's edges are taken for a piece of one.
    """
    if not _APPLICATION.match(raw) or raw[10:11] != b"S" or direction == "request":
        return mask_frame(raw, direction)
    text = raw[11:-2]
    masked = bytearray(mask_bytes(_ANY_DIGITS + text + _ANY_DIGITS)[len(_ANY_DIGITS) : -len(_ANY_DIGITS)])
    for edge, shown in ((_HEAD.match(text), SHOWN_DIGITS), (_TAIL.search(text), 0)):
        if edge is not None:
            masked[edge.start() : edge.end()] = _zeroed(bytes(masked[edge.start() : edge.end()]), shown)
    return _replace_message(raw, raw[1:11] + bytes(masked))


def mask_receipt_parts(parts: Sequence[bytes]) -> list[bytes]:
    """Mask the texts of a receipt's `S` messages as one text, and return them in the same lengths."""
    masked = mask_bytes(b"".join(parts))
    result: list[bytes] = []
    place = 0
    for part in parts:
        result.append(masked[place : place + len(part)])
        place += len(part)
    return result


def mask_frames(frames: Sequence[bytes], directions: Sequence[str | None]) -> list[bytes]:
    """Mask the frames of one conversation in their order; `directions` has one entry a frame.

    Receipts that are split over several `S` frames are joined before masking, though our ACKs and progress may stand between; so are
    neighbouring stretches of noise.
    """
    masked = [mask_frame(raw, direction) for raw, direction in zip(frames, directions, strict=True)]
    receipt: list[int] = []
    noise: dict[str | None, list[int]] = {direction: [] for direction in directions}
    for place, (raw, direction) in enumerate(zip(frames, directions, strict=True)):
        if not _WHOLE.match(raw):
            noise[direction].append(place)
            continue
        _mask_noise(frames, masked, noise[direction])
        if not _APPLICATION.match(raw):
            continue
        if find_layout(raw[1:-2], direction) is not responses.RECEIPT:
            _mask_receipt(frames, masked, receipt)
        else:
            receipt.append(place)
    for places in noise.values():
        _mask_noise(frames, masked, places)
    _mask_receipt(frames, masked, receipt)
    return masked


def clean_text(text: str) -> str:
    """Return a text fit for a screen: without control characters (C0, DEL, C1, line and direction controls), at most 256 characters."""
    return _CONTROL.sub("", text[: LONGEST_TEXT * 4])[:LONGEST_TEXT]


def _mask_noise(frames: Sequence[bytes], masked: list[bytes], places: list[int]) -> None:
    """Mask the noise at `places` as one stretch, and forget the places."""
    for place, raw in zip(places, mask_receipt_parts([frames[place] for place in places]), strict=True):
        masked[place] = raw
    places.clear()


def _mask_receipt(frames: Sequence[bytes], masked: list[bytes], places: list[int]) -> None:
    """Mask the receipt whose parts stand at `places` as one text, and forget the places.

    Of two equal parts in a row nobody knows whether the second is the first one sent again: what either reading masks is masked.
    """
    parts = [frames[place][1 + HEADER_LENGTH : -2] for place in places]
    first = {index for index, part in enumerate(parts) if not index or parts[index - 1] != part}
    distinct = iter(mask_receipt_parts([parts[index] for index in sorted(first)]))
    other = b""
    for index, (place, part, whole) in enumerate(zip(places, parts, mask_receipt_parts(parts), strict=True)):
        if index in first:
            other = next(distinct)
        text = bytes(one if one != byte else two for byte, one, two in zip(part, whole, other, strict=True))
        masked[place] = _replace_message(frames[place], frames[place][1 : 1 + HEADER_LENGTH] + text)
    places.clear()


def _replace_message(raw: bytes, message: bytes) -> bytes:
    return raw[:1] + message + raw[-2:-1] + bytes((raw[-1] ^ fold(raw[1:-2]) ^ fold(message),))


def _zeroed(run: bytes, shown: int = SHOWN_DIGITS) -> bytes:
    """Return a run with zeros in place of its digits but for the last `shown`; what stands between groups stays."""
    masked = bytearray(run)
    for place in reversed(range(len(run))):
        if run[place] in b" .-":
            continue
        if shown:
            shown -= 1
        else:
            masked[place] = 0x30
    return bytes(masked)


def _hide_known(message: bytes, layout: Layout) -> bytes:
    """Return the message with letters in place of the fields that are known to be no card number."""
    hidden = bytearray(message)
    for row in layout.rows:
        if row.position is None or row.length is None or row.name in _FREE_TEXTS or isinstance(row.field, Pan):
            continue
        start, end = row.position - 1, row.position - 1 + row.length
        # Real firmware puts other things into reserved runs and constants: known are only those that are what the table says.
        if not isinstance(row.field, Unread) or message[start:end] == row.field.content:
            hidden[start:end] = b"X" * row.length
    return bytes(hidden)
