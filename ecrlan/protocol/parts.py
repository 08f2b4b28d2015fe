"""What comes in parts: a `K` answer, joined in order of its numbers, and a receipt (messages.md, `K` VAS response, `S`)."""

from __future__ import annotations

from enum import Enum

from ecrlan.model import Code, Evidence, VasPart
from ecrlan.wire.cards import mask_cards
from ecrlan.wire.receipt import is_complete

MOST_PARTS = 64
LONGEST_RECEIPT = 16_384
"""Bytes of one receipt that are kept; a terminal that sends more is not believed."""


class VasParts:
    """Collects the parts of one answer; a part that comes twice counts once."""

    def __init__(self) -> None:
        self._parts: dict[int, VasPart] = {}

    def add(self, part: VasPart) -> Evidence | None:
        """Keep `part`; return what is wrong with it, or None."""
        known = self._parts.get(part.sequence)
        if known is not None:
            return None if known == part else Evidence(Code.PARTS_DIFFER, {"number": part.sequence})
        if not 1 <= part.sequence <= MOST_PARTS:
            return Evidence(Code.PART_NUMBER, {"number": part.sequence, "most": MOST_PARTS})
        self._parts[part.sequence] = part
        return None

    def joined(self) -> VasPart | None:
        """Return the whole answer as one part once the last part and all before it are here, else None."""
        last = next((part for part in self._parts.values() if not part.more), None)
        if last is None or any(number not in self._parts for number in range(1, last.sequence + 1)):
            return None
        xml = mask_cards("".join(self._parts[number].xml for number in range(1, last.sequence + 1)))  # a card number may be split
        return VasPart(terminal_id=last.terminal_id, more=False, sequence=last.sequence, xml=xml)


class Addition(Enum):
    """What a receipt's part did to it."""

    ADDED = "added"
    REPEATED = "repeated"
    """The part before once more: our ACK was lost."""
    TOO_LONG = "too long"


class ReceiptParts:
    """Joins the texts of a receipt's `S` messages."""

    def __init__(self) -> None:
        self.text = b""
        self._last = b""

    @property
    def complete(self) -> bool:
        """Whether its end was seen."""
        return is_complete(self.text)

    def add(self, text: bytes) -> Addition:
        """Add a part's text."""
        if len(self.text) + len(text) > LONGEST_RECEIPT:
            return Addition.TOO_LONG
        if text == self._last:
            return Addition.REPEATED
        self._last = text
        self.text += text
        return Addition.ADDED
