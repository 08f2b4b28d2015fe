"""Receipt bytes -> lines with styles, and back (messages.md, "Receipts (`S`)").

Standard lines are 24 columns, double-width lines 12, compressed lines 42. A full line wraps by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecrlan.errors import InvalidValueError
from ecrlan.model import check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STANDARD_WIDTH: Final = 24
DOUBLE_WIDTH: Final = 12
COMPRESSED_WIDTH: Final = 42
PART_LENGTH: Final = 200
"""Longest receipt_text of one `S` message, in bytes."""

NEW_LINE: Final = 0x7D
DOUBLE_HEIGHT_BOLD: Final = 0x7F
DOUBLE_HEIGHT: Final = 0x7E
DOUBLE_WIDTH_START: Final = 0x7B
DOUBLE_WIDTH_BOLD: Final = 0x7C
COMPRESSED: Final = 0x5E
END: Final = 0x1B
END_MARK: Final = b"\x7d\x1b"
FEED: Final = b"\x7d" * 6
"""What comes before the end mark's 0x1B in the last message."""


@dataclass(frozen=True, slots=True)
class ReceiptStyle:
    """How a line is printed; the default is standard."""

    bold: bool = False
    double_height: bool = False
    double_width: bool = False
    compressed: bool = False

    @property
    def width(self) -> int:
        """The line's width in columns: 24, 12 or 42."""
        if self.double_width:
            return DOUBLE_WIDTH
        return COMPRESSED_WIDTH if self.compressed else STANDARD_WIDTH


STANDARD: Final = ReceiptStyle()
_STYLES: Final = {
    DOUBLE_HEIGHT_BOLD: ReceiptStyle(bold=True, double_height=True),
    DOUBLE_HEIGHT: ReceiptStyle(double_height=True),
    DOUBLE_WIDTH_START: ReceiptStyle(double_width=True),
    DOUBLE_WIDTH_BOLD: ReceiptStyle(bold=True, double_width=True),
    COMPRESSED: ReceiptStyle(compressed=True),
}
_CONTROLS: Final = {style: control for control, style in _STYLES.items()}
_LINES_BEHIND_NEW_LINES: Final = re.compile(rb"(?:[\x7d\x7e][^\x1b\x5e\x7b-\x7f]{24})+\x7d*\x1b?")


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One printed line: at most `style.width` printable ASCII characters; what was none is `?`."""

    text: str
    style: ReceiptStyle = STANDARD


@dataclass(frozen=True, slots=True)
class CutLine:
    """Where the bytes of one line stand, without those that are not printed, and how it is printed."""

    places: tuple[int, ...]
    style: ReceiptStyle


def is_complete(text: bytes) -> bool:
    """Return whether the parts that were joined so far end the receipt: by 0x7D 0x1B anywhere, or by 0x1B as the last byte."""
    return END_MARK in text or text.endswith(b"\x1b")


def parse_receipt(text: bytes) -> list[ReceiptLine]:
    """Return the lines of a receipt whose parts were joined, without the empty ones at its end. Never raises.

    A style holds until the next new line (0x7D). A full line is over at once; a new line straight after it makes no second one. Where
    every line is 0x7D or 0x7E and exactly 24 characters, 0x7D stands before its line, and the first makes no empty line (exchange.md §8).
    What stands behind the end mark is ignored; a 0x1B elsewhere prints nothing.
    """
    end = text.find(END_MARK)
    text = text if end < 0 else text[: end + 1]
    if text.startswith(b"\x7d") and _LINES_BEHIND_NEW_LINES.fullmatch(text):
        text = text[1:]
    lines = [ReceiptLine(_printed(text, line), line.style) for line in cut_lines(text)]
    while lines and not lines[-1].text.strip():
        lines.pop()
    return lines


def _printed(text: bytes, line: CutLine) -> str:
    return "".join(chr(text[place]) if 0x20 <= text[place] <= 0x7E else "?" for place in line.places)


def cut_lines(text: bytes) -> list[CutLine]:
    """Return the lines of any bytes by the rules of receipts, empty ones too, as `parse_receipt` says but for the end mark."""
    lines: list[CutLine] = []
    places: list[int] = []
    style = STANDARD
    begun = False  # something of the line was read
    wrapped = False  # the line before was full

    def end_line() -> None:
        lines.append(CutLine(tuple(places), style))
        places.clear()

    for place, byte in enumerate(text):
        if byte == NEW_LINE:
            if not wrapped:
                end_line()
            style, begun, wrapped = STANDARD, False, False
        elif byte in _STYLES:
            if places:
                end_line()
            style, begun, wrapped = _STYLES[byte], True, False
        elif byte != END:
            places.append(place)
            begun, wrapped = True, False
            if len(places) == style.width:
                end_line()
                begun, wrapped = False, True
                style = STANDARD if style.width == STANDARD_WIDTH else style
    if begun:
        end_line()
    return lines


def render_text(lines: Iterable[ReceiptLine]) -> list[str]:
    """Return the lines as plain text without trailing spaces."""
    return [line.text.rstrip() for line in lines]


def build_receipt(lines: Sequence[str | ReceiptLine]) -> bytes:
    """Return a receipt's bytes with its end: six new lines and 0x1B. `parse_receipt` gives back the same lines.

    Raises `InvalidValueError` for text that is not printable ASCII, holds a control character (`^ { | } ~`), or is wider than its line.
    """
    receipt = bytearray()
    for line in lines:
        shown = line if isinstance(line, ReceiptLine) else ReceiptLine(line)
        check_text("receipt line", shown.text, shown.style.width)
        data = shown.text.encode("ascii")
        if any(byte in _STYLES or byte == NEW_LINE for byte in data):
            raise InvalidValueError("receipt line", shown.text, "no ^ { | } ~, which are control characters in receipts")
        if shown.style != STANDARD:
            receipt.append(_control(shown.style))
        receipt += data
        receipt.append(NEW_LINE)
    built = bytes(receipt.rstrip(b"\x7d") + FEED) + bytes((END,))
    if built.startswith(b"\x7d") and _LINES_BEHIND_NEW_LINES.fullmatch(built):
        return bytes((END,)) + built  # an empty first line, told from a 0x7D that stands before its line
    return built


def split_receipt(text: bytes, size: int = PART_LENGTH) -> list[bytes]:
    """Cut a receipt into the texts of its `S` messages, each of at most `size` (1-200) bytes."""
    if not 1 <= size <= PART_LENGTH:
        raise InvalidValueError("size", size, f"1 to {PART_LENGTH} bytes")
    return [text[place : place + size] for place in range(0, len(text), size)]


def _control(style: ReceiptStyle) -> int:
    control = _CONTROLS.get(style)
    if control is None:
        raise InvalidValueError("receipt style", style, "one of the styles that have a control character")
    return control
