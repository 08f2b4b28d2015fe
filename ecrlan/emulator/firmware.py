"""Bytes as firmware of the field sends them, where they differ from the pages (exchange.md §8). Used by the manners."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ecrlan.emulator.manners import Manners
from ecrlan.emulator.slips import COLUMNS, Slip
from ecrlan.model import PaymentResult
from ecrlan.wire.codec import build_response
from ecrlan.wire.receipt import DOUBLE_HEIGHT, DOUBLE_HEIGHT_BOLD, END, NEW_LINE, ReceiptLine, build_receipt

OPERATIVE = "OPERATIVE"
NOT_READY = "NON OPERATIVO"
LONG_E = 74
"""Length in bytes of an `E` in answer to `P` that has an action code."""
PAN = slice(12, 31)
"""Where an approval has its PAN, counted from 0."""
BLANKS = {"e": slice(71, 94), "i": slice(34, 63)}
"""Where `e` and `i` have acquirer_id, STAN and online_id (and `i` its authorization code, which no refusal has)."""
BLANKS_OF_OTHERS = slice(48, 71)
MANY_PROGRESS = 24
PROGRESS_INTERVAL = 0.04
_WORKING = ("Attesa carta", "Ripresenta la carta", "Rimuovere carta", "OPERAZIONE IN CORSO")
_CANCELLED = "TRANSAZIONE ANNULLAT"
_FEED = 6
"""Blank lines at the foot of a receipt."""


def build_worded_status(terminal_id: str, time: datetime, word: str, release: str) -> bytes:
    """Build a status message (`s`) with a word at position 31, and the release right behind it."""
    return f"{terminal_id}0s{'0' * 10}{time:%d%m%y%H%M}{word}{release}".encode("ascii")


def build_result(result: PaymentResult, *, pan: bytes | None = None, blank: bool = False) -> bytes:
    """Build a result, also an `E` of 74 bytes. `pan` replaces an approval's 19 bytes; `blank` blanks acquirer_id, STAN and online_id."""
    if result.code == "E" and result.length == LONG_E:
        message = build_response(replace(result, length=71, action_code=None)) + (result.action_code or "000").encode("ascii")
    else:
        message = build_response(result)
    if pan is not None and result.approved:
        message = _put(message, PAN, pan)
    if blank and not result.approved:
        place = BLANKS.get(result.code, BLANKS_OF_OTHERS)
        message = _put(message, place, b" " * (place.stop - place.start))
    return message


def _put(message: bytes, place: slice, content: bytes) -> bytes:
    return message[: place.start] + content + message[place.stop :]


def pan_form(card: str, number: int) -> bytes:
    """Return the card's last four digits in form `number` of the four seen (19 bytes); a greater number begins anew."""
    forms = (f"{'0' * 15}{card}", f"000{'*' * 12}{card}", f"000438746{'*' * 6}{card}", f"438746012345678{card}")
    return forms[number % len(forms)].encode("ascii")


def many_progress(*, refused: bool) -> tuple[str, ...]:
    """Return the 24 progress texts of a payment, each 20 characters: right-aligned and filled in turn."""
    texts = [_WORKING[place * len(_WORKING) // MANY_PROGRESS] for place in range(MANY_PROGRESS)]
    if refused:
        texts[-1] = _CANCELLED
    return tuple(text.ljust(20) if place % 2 else text.rjust(20) for place, text in enumerate(texts))


def print_slip(slip: Slip, manners: Manners) -> tuple[bytes, frozenset[str]]:
    """Return a receipt's bytes with its end, and the manner that shows in them."""
    lines = [line if isinstance(line, ReceiptLine) else ReceiptLine(line) for line in slip]
    if "receipt_lines" in manners:
        return _in_lines(lines), frozenset({"receipt_lines"})
    if "receipt_run_on" in manners:
        return _run_on(lines), frozenset({"receipt_run_on"})
    return build_receipt(slip), frozenset()


def _in_lines(lines: list[ReceiptLine]) -> bytes:
    """Form (a): each line, blank ones too, is 0x7D or 0x7E and 24 characters; behind the last one stands 0x1B."""
    feed = [ReceiptLine("")] * _FEED
    text = b"".join(
        bytes((DOUBLE_HEIGHT if line.style.double_height else NEW_LINE,)) + line.text.ljust(COLUMNS).encode("ascii")
        for line in [*lines, *feed]
    )
    return text + bytes((END,))


def _run_on(lines: list[ReceiptLine]) -> bytes:
    """Form (b): lines of 24 characters run on, 0x7F in front of a bold one; the end is 7D 7D 1B."""
    text = b"".join((bytes((DOUBLE_HEIGHT_BOLD,)) if line.style.bold else b"") + line.text.ljust(COLUMNS).encode("ascii") for line in lines)
    return text + bytes((NEW_LINE, NEW_LINE, END))
