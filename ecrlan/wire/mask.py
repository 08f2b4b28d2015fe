"""Masking of card data, and texts made fit for a screen (exchange.md §7 and §8).

Frames, logs and captures: every run of 12 or more digits keeps its last four, the others become `0`, unless the run belongs to a field
that is known to be something else. A run may be written as one number, or as cards show it: in groups of four (`4111 1111 1111 1111`, the
last may be shorter; American Express 4-6-5 and Diners 4-6-4) with a space, `-` or `.` between them. Card numbers as `mask_cards` finds
them are masked too, however they are written. The frame's LRC is made to fit again; a bad one stays as wrong as it was.

Receipts: only card numbers are cut, for the card schemes prescribe what else a receipt says (`mask_receipt`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ecrlan.wire import responses
from ecrlan.wire.cards import SHORTEST_CARD, SHOWN_DIGITS, DigitGroup, card_places, find_cards, hidden_places, mask_cards
from ecrlan.wire.codec import HEADER_LENGTH, find_layout
from ecrlan.wire.fields import Counted, Pan, Rest, RightText, Text, Unread
from ecrlan.wire.lrc import fold
from ecrlan.wire.receipt import cut_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecrlan.wire.layout import Layout, TableRow

SHORTEST_RUN: Final = 12
"""Digits in a row that logs and captures never show."""
LONGEST_TEXT: Final = 256

_RUN = re.compile(
    r"[0-9]{12,}"
    r"|(?<![0-9])(?<![0-9]{2}[./-][0-9]{2}[./-])(?:"  # not the year of a date
    r"[0-9]{4}(?:[ .-][0-9]{4}(?![0-9])){2,}(?:[ .-][0-9]{1,3}(?![0-9]))?"
    r"|3[47][0-9]{2}[ .-][0-9]{6}[ .-][0-9]{5}(?![0-9])|3[0689][0-9]{2}[ .-][0-9]{6}[ .-][0-9]{4}(?![0-9]))"
)
_GAP = r"[ ./*^{|}~?\x00-\x1f\x7f-\xff-]"
_EDGE = re.compile(rf"{_GAP}{{0,3}}[0-9]+(?:{_GAP}{{1,3}}[0-9]+)*")
"""At the beginning of a part: what may be the end of a card number. Turned round, at its end: what may be the beginning of one."""
_ANY_RUN = re.compile(rf"[0-9]+(?:{_GAP}{{1,3}}[0-9]+)*")
_DIGIT = re.compile(r"[0-9]")
_DIGITS = re.compile(r"[0-9]+")
_RECEIPT_JOINT = re.compile(r"[\x00-\x1f\x5e\x7b-\x7f]*[ /-]?[\x00-\x1f\x5e\x7b-\x7f]*")
"""What may stand between two groups of one card number on a receipt: format bytes, and a single blank, `/` or `-`."""
_APPLICATION = re.compile(rb"\x02[^\x02\x03]*\x03.\Z", re.DOTALL)
_WHOLE = re.compile(rb"(?:\x02[^\x02\x03]*\x03.|[\x06\x15]\x03.|\x01[^\x00-\x1f]+\x04)\Z", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_ANY_DIGITS = "0" * SHORTEST_RUN
_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)


@dataclass(frozen=True, slots=True)
class MaskedReceipt:
    """A receipt's bytes, as many as there were, and how many card numbers were cut in it."""

    text: bytes
    cuts: int


# --- texts, messages and frames -------------------------------------------------------------------------------------------------------


def mask_text(text: str) -> str:
    """Mask every run of 12 or more digits in a text, also those in groups, and every card number."""
    while True:
        hidden = card_places(text)
        for run in _RUN.finditer(text):
            hidden.update([run.start() + digit.start() for digit in _DIGIT.finditer(run[0])][:-SHOWN_DIGITS])
        if not hidden:
            return text
        masked = "".join("0" if place in hidden else character for place, character in enumerate(text))
        if masked == text:
            return text
        text = masked  # what is left may join what stands beside it


def mask_bytes(data: bytes) -> bytes:
    """Mask as `mask_text` does, in bytes of which nothing is known."""
    if _count_digits(data) < SHORTEST_RUN:  # most fields: spares the search
        return data
    return mask_text(data.decode("latin-1")).encode("latin-1")


def mask_message(message: bytes, direction: str | None = None) -> bytes:
    """Return the message (between STX and ETX) with its card data masked, in the same length.

    Fields known to be something else are those of the table that the message fits; `direction` is "request" or "response" where it is
    known. Of the digits of a result's pan only the last four are kept. VAS documents keep numbers that are no card numbers (ORDER_ID).
    """
    layout = find_layout(message, direction, tolerate_lengths=True)
    if layout is None:
        return _mask_unknown(message)
    if len(message) == layout.total:
        pans, places = _places(layout)
        unknown = [piece for start, end, content in places if (piece := message[start:end]) != content]
        if _count_digits(b"".join(unknown)) < SHORTEST_RUN:  # as in most messages: nothing to mask but the pan
            for start, end in pans:
                message = message[:start] + _cut_pan(message[start:end]) + message[end:]
            return message
    masked = b""
    free = b""  # neighbouring bytes of which nothing is known
    pieces = layout.cut(message)
    for row, start, end in pieces:
        content = message[start:end]
        if _is_free(row, content):
            free += content
            continue
        masked += mask_bytes(free)
        free = b""
        if isinstance(row.field, Pan):
            content = _cut_pan(content)
        masked += _mask_document(message, layout, content) if row.name == "xml" else content
    rest = message[pieces[-1][2] :]  # of a result that is longer than its table; digits there may go on from the table's last field
    behind = rest if free else re.sub(rb"\A[0-9]+", lambda digits: b"0" * len(digits[0]), rest)
    return masked + mask_bytes(free + behind)


def _mask_unknown(message: bytes) -> bytes:
    """Mask a message that fits no table. Where its fields begin is not known: a card number may follow straight on other digits."""

    def masked(run: re.Match[str]) -> str:
        return _zeroed(run[0], SHOWN_DIGITS) if len(_DIGIT.findall(run[0])) >= SHORTEST_CARD else run[0]

    return mask_text(_ANY_RUN.sub(masked, message.decode("latin-1"))).encode("latin-1")


@lru_cache(maxsize=256)
def _places(layout: Layout) -> tuple[list[tuple[int, int]], list[tuple[int, int, bytes | None]]]:
    """Return where a table of one length has pans, and where what may hold anything, each with the content that it should have."""
    pieces = layout.cut(bytes(layout.total or 0))
    pans = [(start, end) for row, start, end in pieces if isinstance(row.field, Pan)]
    free = [(start, end, getattr(row.field, "content", None)) for row, start, end in pieces if _is_free(row, b"")]
    return pans, free


def _cut_pan(content: bytes) -> bytes:
    return content[:-SHOWN_DIGITS].translate(_ZEROS) + content[-SHOWN_DIGITS:]


def _count_digits(data: bytes) -> int:
    return len(data) - len(data.translate(None, b"0123456789"))


def _is_free(row: TableRow, content: bytes) -> bool:
    """Return whether a field may hold anything. Real firmware puts other things into reserved runs and constants."""
    if isinstance(row.field, Unread):
        return content != row.field.content
    if isinstance(row.field, Text | RightText):
        return row.field.length >= SHORTEST_CARD
    return isinstance(row.field, Rest | Counted) and row.name != "xml"


def _mask_document(message: bytes, layout: Layout, content: bytes) -> bytes:
    """Mask the XML of a VAS message; the answer's may be a part of several, and a card number split over two."""
    text = mask_cards(content.decode("latin-1"), "0")
    if layout is responses.VAS:
        text = _mask_edges(text, begins=message[15:18] == b"001", ends=message[14:15] == b"0")
    return text.encode("latin-1")


def mask_frame(raw: bytes, direction: str | None = None) -> bytes:
    """Return a frame of any shape, or noise, with its card data masked and its LRC as right or as wrong as it was."""
    return _replace_message(raw, mask_message(raw[1:-2], direction)) if _APPLICATION.match(raw) else mask_bytes(raw)


def mask_lone_frame(raw: bytes, direction: str | None = None) -> bytes:
    """Return a frame as `mask_frame` does, for a view that sees one frame at a time.

    A card number may be split over two parts of a receipt: digits at a part's edges are taken for a piece of one.
    """
    if not _APPLICATION.match(raw) or raw[10:11] != b"S" or direction == "request":
        return mask_frame(raw, direction)
    text = mask_text(raw[11:-2].decode("latin-1"))
    text = mask_text(_ANY_DIGITS + text + _ANY_DIGITS)[SHORTEST_RUN:-SHORTEST_RUN]
    return _replace_message(raw, raw[1:11] + _mask_edges(text).encode("latin-1"))


def _mask_edges(text: str, *, begins: bool = False, ends: bool = False) -> str:
    """Mask the digits at the edges of a part: all but the last four at its beginning, all at its end.

    `begins`, `ends`: nothing stands before, or behind, the part.
    """
    if not begins and (edge := _EDGE.match(text)):
        text = _zeroed(edge[0], SHOWN_DIGITS) + text[edge.end() :]
    if not ends and (edge := _EDGE.match(text[::-1])):
        text = text[: len(text) - edge.end()] + _zeroed(edge[0][::-1], 0)
    return text


def _zeroed(run: str, shown: int) -> str:
    """Return a run with zeros in place of its digits but for the last `shown`; what stands between groups stays."""
    digits = [digit.start() for digit in _DIGIT.finditer(run)]
    hidden = set(digits[: max(len(digits) - shown, 0)])
    return "".join("0" if place in hidden else character for place, character in enumerate(run))


# --- receipts -------------------------------------------------------------------------------------------------------------------------


def mask_receipt(text: bytes) -> MaskedReceipt:
    """Cut the card numbers of a receipt, whose parts were joined, to their last four digits by `*`; everything else stays as it was sent.

    A number stands alone in its line (no letter or digit beside it), or begins in one and ends in the next. Its groups are joined by
    single blanks, `/`, `-` or format bytes (exchange.md §8).
    """
    cuts = 0
    while found := find_cards(text.decode("latin-1"), _receipt_groups(text)):
        hidden = hidden_places(found)
        text = bytes(0x2A if place in hidden else byte for place, byte in enumerate(text))
        end = -1
        for card in found:
            cuts += card[0] > end  # numbers that overlap are one cut
            end = max(end, card[-1])
    return MaskedReceipt(text, cuts)


def _receipt_groups(text: bytes) -> list[DigitGroup]:
    """Return the digits of a receipt, line by line."""
    groups: list[DigitGroup] = []
    for line in cut_lines(text):
        shown = "".join(chr(text[place]) for place in line.places)
        for match in _DIGITS.finditer(shown):
            places = line.places[match.start() : match.end()]
            between = text[groups[-1].places[-1] + 1 : places[0]].decode("latin-1") if groups else ""
            joined = bool(groups) and _RECEIPT_JOINT.fullmatch(between) is not None
            before, after = shown[match.start() - 1 : match.start()], shown[match.end() : match.end() + 1]
            groups.append(DigitGroup(match[0], places, joined, _is_letter(before), _is_letter(after)))
    return groups


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def mask_receipt_parts(parts: Sequence[bytes]) -> list[bytes]:
    """Mask the texts of a receipt's `S` messages as `mask_receipt` does with one text, and return them in the same lengths."""
    return _split_like(parts, mask_receipt(b"".join(parts)).text)


def _split_like(parts: Sequence[bytes], text: bytes) -> list[bytes]:
    result: list[bytes] = []
    place = 0
    for part in parts:
        result.append(text[place : place + len(part)])
        place += len(part)
    return result


# --- conversations --------------------------------------------------------------------------------------------------------------------


def mask_frames(frames: Sequence[bytes], directions: Sequence[str | None]) -> list[bytes]:
    """Mask the frames of one conversation in their order; `directions` has one entry a frame.

    Receipts that are split over several `S` frames are joined before masking, though our ACKs and progress may stand between; so are
    neighbouring stretches of noise. Receipts are masked as on paper, and card numbers that stand beside letters are cut as well.
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
    pieces = [frames[place] for place in places]
    for place, raw in zip(places, _split_like(pieces, mask_bytes(b"".join(pieces))), strict=True):
        masked[place] = raw
    places.clear()


def _mask_receipt(frames: Sequence[bytes], masked: list[bytes], places: list[int]) -> None:
    """Mask the receipt whose parts stand at `places` as one text, and forget the places.

    Of two equal parts in a row nobody knows whether the second is the first one sent again: what either reading masks is masked.
    """
    parts = [frames[place][1 + HEADER_LENGTH : -2] for place in places]
    first = {index for index, part in enumerate(parts) if not index or parts[index - 1] != part}
    distinct = iter(_mask_parts([parts[index] for index in sorted(first)]))
    other = b""
    for index, (place, part, whole) in enumerate(zip(places, parts, _mask_parts(parts), strict=True)):
        if index in first:
            other = next(distinct)
        text = bytes(one if one != byte else two for byte, one, two in zip(part, whole, other, strict=True))
        masked[place] = _replace_message(frames[place], frames[place][1 : 1 + HEADER_LENGTH] + text)
    places.clear()


def _mask_parts(parts: Sequence[bytes]) -> list[bytes]:
    text = mask_receipt(b"".join(parts)).text
    return _split_like(parts, mask_cards(text.decode("latin-1")).encode("latin-1"))


def _replace_message(raw: bytes, message: bytes) -> bytes:
    return raw[:1] + message + raw[-2:-1] + bytes((raw[-1] ^ fold(raw[1:-2]) ^ fold(message),))
