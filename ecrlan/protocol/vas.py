"""The parts of a `K` answer, joined in order of their number (messages.md, `K` VAS response)."""

from __future__ import annotations

from ecrlan.model import VasPart
from ecrlan.wire.cards import mask_cards

MOST_PARTS = 64


class VasParts:
    """Collects the parts of one answer; a part that comes twice counts once."""

    def __init__(self) -> None:
        self._parts: dict[int, VasPart] = {}

    def add(self, part: VasPart) -> str | None:
        """Keep `part`; return what is wrong with it, or None."""
        known = self._parts.get(part.sequence)
        if known is not None:
            return None if known == part else f"two different parts with number {part.sequence}"
        if not 1 <= part.sequence <= MOST_PARTS:
            return f"part number {part.sequence}; allowed: 1 to {MOST_PARTS}"
        self._parts[part.sequence] = part
        return None

    def joined(self) -> VasPart | None:
        """Return the whole answer as one part once the last part and all before it are here, else None."""
        last = next((part for part in self._parts.values() if not part.more), None)
        if last is None or any(number not in self._parts for number in range(1, last.sequence + 1)):
            return None
        xml = mask_cards("".join(self._parts[number].xml for number in range(1, last.sequence + 1)))  # a card number may be split
        return VasPart(terminal_id=last.terminal_id, more=False, sequence=last.sequence, xml=xml)
