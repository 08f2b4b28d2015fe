"""Receipt bytes -> lines with styles, and back (messages.md, "Receipts (`S`)").

Standard lines are 24 columns, double-width lines 12, compressed lines 42. A full line wraps by itself.
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One printed line: at most `style.width` printable ASCII characters; what was none is `?`."""

    text: str
    style: ReceiptStyle = STANDARD


def is_complete(text: bytes) -> bool:
    """Return whether the end mark 0x7D 0x1B was seen. A 0x1B alone is none."""
    return END_MARK in text


def parse_receipt(text: bytes) -> list[ReceiptLine]:
    """Return the lines of a receipt whose parts were joined, without the empty ones at its end. Never raises.

    A style holds until the next new line (0x7D). A full line is over at once, so that a new line straight after it is an empty line;
    but where the full line's style would go on (double width, compressed), the new line only ends the style. What stands behind the
    end mark is ignored; a 0x1B elsewhere prints nothing.
    """
    lines: list[ReceiptLine] = []
    characters: list[str] = []
    style = STANDARD
    begun = False  # something of the line was read
    wrapped = False  # the line before was full, and its style goes on

    def end_line() -> None:
        lines.append(ReceiptLine("".join(characters), style))
        characters.clear()

    end = text.find(END_MARK)
    for byte in text if end < 0 else text[: end + 1]:
        if byte == NEW_LINE:
            if not wrapped:
                end_line()
            style, begun, wrapped = STANDARD, False, False
        elif byte in _STYLES:
            if characters:
                end_line()
            style, begun, wrapped = _STYLES[byte], True, False
        elif byte != END:
            characters.append(chr(byte) if 0x20 <= byte <= 0x7E else "?")
            begun, wrapped = True, False
            if len(characters) == style.width:
                end_line()
                begun, wrapped = False, style.width != STANDARD_WIDTH
                style = style if wrapped else STANDARD
    if begun:
        end_line()
    while lines and not lines[-1].text.strip():
        lines.pop()
    return lines


def render_text(lines: Iterable[ReceiptLine]) -> list[str]:
    """Return the lines as plain text without trailing spaces."""
    return [line.text.rstrip() for line in lines]


def build_receipt(lines: Sequence[str | ReceiptLine]) -> bytes:
    """Return a receipt's bytes with its end: six new lines and 0x1B. A full line of 24 columns takes no new line.

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
        if len(data) < STANDARD_WIDTH or shown.style.compressed:
            receipt.append(NEW_LINE)
    return bytes(receipt.rstrip(b"\x7d") + FEED) + bytes((END,))


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
