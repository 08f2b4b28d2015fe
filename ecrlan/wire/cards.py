"""Card numbers in texts: how they are recognized, and how they are cut to their last four digits (exchange.md §7 and §8).

A card number is 13 to 19 digits, leading zeros not counted, that begin with 2 to 6 and pass the Luhn check. It may be written in groups,
and its expiry date may follow without a gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHORTEST_CARD: Final = 13
LONGEST_CARD: Final = 19
SHOWN_DIGITS: Final = 4
EXPIRY_DIGITS: Final = 4

_DIGITS = re.compile(r"[0-9]+")
_UNSEEN = r"[?\x00-\x1f\x7f-\U0010ffff]*"
"""Bytes that cannot be printed, and the `?` that stands for them once they were read."""
_JOINT = re.compile(rf"{_UNSEEN}(?:[ ./*^{{|}}~,_:()+-]{_UNSEEN}){{0,3}}")
"""What may stand between two groups of one number."""
_DATE_TIME_OR_AMOUNT = re.compile(
    r"(?<![0-9])(?:[0-3]?[0-9]([./-])[01]?[0-9]\1(?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}([./-])[01]?[0-9]\2[0-3]?[0-9])(?![0-9])"
    r"|(?<![0-9:])[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9])?(?![0-9:])"
    r"|(?<![0-9.,])[0-9]{1,3}(?:\.[0-9]{3})*,[0-9]{2}(?![0-9.,])"
)
_EXPIRY = re.compile(r"(?:0[1-9]|1[0-2])[2-4][0-9]|[2-4][0-9](?:0[1-9]|1[0-2])")
"""MMYY or YYMM."""


@dataclass(frozen=True, slots=True)
class DigitGroup:
    """Digits without a gap, and the place of each in its text.

    `joined`: a number may go on here from the group before. `after_letter`, `before_letter`: no number begins, or ends, with this group.
    """

    digits: str
    places: Sequence[int]
    joined: bool
    after_letter: bool = False
    before_letter: bool = False


def is_card_number(digits: str) -> bool:
    """Return whether digits, without their leading zeros, are a card number."""
    digits = digits.lstrip("0")
    if not SHORTEST_CARD <= len(digits) <= LONGEST_CARD or digits[0] not in "23456":
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_card_with_expiry(digits: str) -> bool:
    return _EXPIRY.fullmatch(digits[-EXPIRY_DIGITS:]) is not None and is_card_number(digits[:-EXPIRY_DIGITS])


def find_cards(text: str, groups: Sequence[DigitGroup]) -> list[list[int]]:
    """Return the places of the digits of each card number in `text`, in the order in which the numbers begin.

    A number is one group or several that are joined; one that holds a date (23/11/2026), a time (18:44) or an amount (6,50) is none.
    """
    found: list[list[int]] = []
    for first, group in enumerate(groups):
        if group.after_letter or not group.digits.strip("0"):
            continue
        digits = group.digits.lstrip("0")
        places = list(group.places[-len(digits) :])
        last = first
        while len(digits) <= LONGEST_CARD + EXPIRY_DIGITS:
            if not groups[last].before_letter and not _DATE_TIME_OR_AMOUNT.search(text[places[0] : places[-1] + 1]):
                if is_card_number(digits):
                    found.append(list(places))
                elif len(groups[last].digits) > EXPIRY_DIGITS and _is_card_with_expiry(digits):
                    found.append(places[:-EXPIRY_DIGITS])
            last += 1
            if last == len(groups) or not groups[last].joined:
                break
            digits += groups[last].digits
            places += groups[last].places
    return found


def hidden_places(cards: Iterable[Sequence[int]]) -> set[int]:
    """Return the places of all digits of card numbers but the last four of each."""
    return {place for card in cards for place in card[:-SHOWN_DIGITS]}


def card_places(text: str) -> set[int]:
    """Return the places of the digits that `mask_cards` covers."""
    return hidden_places(find_cards(text, _groups_of(text))) if len(text) >= SHORTEST_CARD else set()


def mask_cards(text: str, fill: str = "*") -> str:
    """Return a text whose card numbers are cut to their last four digits, in the same length: `fill` stands for the others.

    Numbers in groups (`4012 8888 8888 1881`, also 8 + 8, 4-6-5 and any other) are found where at most three of blank, `/`, `-`, `.`, `,`,
    `:`, `_`, `+`, `(`, `)`, `*` and the format bytes of receipts stand between two groups, and any number of characters that cannot be
    printed.
    """
    hidden = card_places(text)
    if not hidden:
        return text
    masked = "".join(fill if place in hidden else character for place, character in enumerate(text))
    return mask_cards(masked, fill)  # what is left may join what stands beside it


def _groups_of(text: str) -> list[DigitGroup]:
    groups: list[DigitGroup] = []
    end = 0
    for match in _DIGITS.finditer(text):
        joined = bool(groups) and _JOINT.fullmatch(text, end, match.start()) is not None
        groups.append(DigitGroup(match[0], range(*match.span()), joined))
        end = match.end()
    return groups
