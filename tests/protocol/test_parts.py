from __future__ import annotations

import pytest

from ecrlan.model import Code, Evidence, VasPart
from ecrlan.protocol.parts import LONGEST_RECEIPT, MOST_PARTS, Addition, ReceiptParts, VasParts


def vas(sequence: int, xml: str, *, more: bool) -> VasPart:
    return VasPart(terminal_id="37105051", more=more, sequence=sequence, xml=xml)


def test_parts_are_joined_by_their_numbers_once_all_are_here() -> None:
    parts = VasParts()
    assert parts.joined() is None
    assert parts.add(vas(3, "c", more=False)) is None
    assert parts.joined() is None
    assert parts.add(vas(1, "a", more=True)) is None
    assert parts.joined() is None
    assert parts.add(vas(2, "b", more=True)) is None
    assert parts.joined() == vas(3, "abc", more=False)


def test_a_part_that_comes_twice_counts_once() -> None:
    parts = VasParts()
    parts.add(vas(1, "a", more=True))
    assert parts.add(vas(1, "a", more=True)) is None
    parts.add(vas(2, "b", more=False))
    assert parts.joined() == vas(2, "ab", more=False)


def test_two_parts_with_one_number_contradict() -> None:
    parts = VasParts()
    parts.add(vas(1, "a", more=True))
    assert parts.add(vas(1, "x", more=True)) == Evidence(Code.PARTS_DIFFER, {"number": 1})
    parts.add(vas(2, "b", more=False))
    assert parts.joined() == vas(2, "ab", more=False)


@pytest.mark.parametrize("number", [0, MOST_PARTS + 1])
def test_a_number_out_of_bounds_is_refused(number: int) -> None:
    parts = VasParts()
    assert parts.add(vas(number, "a", more=False)) == Evidence(Code.PART_NUMBER, {"number": number, "most": 64})
    assert parts.joined() is None
    assert parts.add(vas(MOST_PARTS, "z", more=True)) is None


def test_a_receipt_is_joined_until_its_end() -> None:
    receipt = ReceiptParts()
    assert not receipt.complete
    assert receipt.add(b"PRIMA }") is Addition.ADDED
    assert receipt.add(b"SECONDA") is Addition.ADDED
    assert not receipt.complete
    assert receipt.add(b"}}\x1b") is Addition.ADDED
    assert receipt.complete
    assert receipt.text == b"PRIMA }SECONDA}}\x1b"


def test_an_end_that_is_cut_over_two_parts_is_seen() -> None:
    receipt = ReceiptParts()
    receipt.add(b"TESTO}")
    receipt.add(b"\x1b")
    assert receipt.complete


def test_an_escape_as_the_last_byte_is_the_end_without_a_new_line_before_it() -> None:
    """exchange.md §8, form (a): 24 blanks and 0x1B."""
    receipt = ReceiptParts()
    receipt.add(b"\x7dRIGA UNO                \x7d" + b" " * 24 + b"\x1b")
    assert receipt.complete


def test_an_escape_within_a_part_is_no_end() -> None:
    receipt = ReceiptParts()
    receipt.add(b"TESTO\x1bANCORA")
    assert not receipt.complete


def test_the_part_before_once_more_is_no_new_one() -> None:
    receipt = ReceiptParts()
    receipt.add(b"PRIMA")
    assert receipt.add(b"PRIMA") is Addition.REPEATED
    assert receipt.add(b"SECONDA") is Addition.ADDED
    assert receipt.add(b"PRIMA") is Addition.ADDED, "another line may say the same"
    assert receipt.text == b"PRIMASECONDAPRIMA"


def test_a_receipt_is_bounded() -> None:
    receipt = ReceiptParts()
    assert receipt.add(b"x" * LONGEST_RECEIPT) is Addition.ADDED
    assert receipt.add(b"y") is Addition.TOO_LONG
    assert len(receipt.text) == LONGEST_RECEIPT


def test_a_card_number_in_two_parts_is_masked_when_they_are_joined() -> None:
    parts = VasParts()
    assert parts.add(vas(1, "<p>40128888", more=True)) is None
    assert parts.add(vas(2, "88881881</p>", more=False)) is None
    whole = parts.joined()
    assert whole is not None
    assert whole.xml == "<p>************1881</p>"
