"""Full card numbers in what a caller hands over: refused where the value must be kept as it is, masked where a person wrote it.

A reference or an address stands in the journal for ever and cannot be masked without becoming another one. Tills make references of dates,
counters and random digits, and one in ten of such numbers passes the Luhn check: so the beginnings and lengths that the card schemes
really use must fit, too. A date (2026…) never does.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from ecrlan.errors import InvalidValueError

_JOINT = "[ ._/+-]"
_WRITTEN = re.compile(
    rf"(?<![0-9A-Za-z])(?:[0-9]{{13,19}}|[0-9]{{4}}(?:{_JOINT}[0-9]{{4}}){{3}}(?:{_JOINT}[0-9]{{1,3}})?"
    rf"|[0-9]{{4}}{_JOINT}[0-9]{{6}}{_JOINT}[0-9]{{4,5}}|[0-9]{{8}}{_JOINT}[0-9]{{8}})(?![0-9A-Za-z])"
)
"""Digits that stand alone, in one piece or in groups as on cards."""
_SCHEMES = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12,15}"  # American Express, Diners, JCB
    r"|5[0678]\d{11,17}|6\d{12,18}"  # Maestro, Discover, UnionPay
)


def holds_card_number(text: str) -> bool:
    """Tell whether a reference or an address holds a full card number, also with blanks written as %20."""
    return any(_is_card_number(re.sub(_JOINT, "", found)) for found in _WRITTEN.findall(unquote(text)))


def refuse_card_number(place: str, text: str) -> str:
    """Return `text`. Raises `InvalidValueError`, which does not show the number, where it holds one."""
    if holds_card_number(text):
        raise InvalidValueError(place, "a card number", ("allowed_no_card_number", {}))
    return text


def _is_card_number(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return _SCHEMES.fullmatch(digits) is not None and sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
