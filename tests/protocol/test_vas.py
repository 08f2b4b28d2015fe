"""The parts of a `K` answer."""

from __future__ import annotations

from ecrlan.model import VasPart
from ecrlan.protocol.vas import VasParts


def test_a_card_number_in_two_parts_is_masked_when_they_are_joined() -> None:
    parts = VasParts()
    assert parts.add(VasPart(terminal_id="37105051", more=True, sequence=1, xml="<p>40128888")) is None
    assert parts.add(VasPart(terminal_id="37105051", more=False, sequence=2, xml="88881881</p>")) is None
    whole = parts.joined()
    assert whole is not None
    assert whole.xml == "<p>************1881</p>"
