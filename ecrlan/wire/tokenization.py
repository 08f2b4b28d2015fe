"""The two tokenization schemes of `U` (messages.md, "`U` additional data")."""

from __future__ import annotations

import re
from typing import Literal

from ecrlan.errors import InvalidValueError

_CONTRACT = re.compile(r"[A-Za-z0-9-]{1,18}\Z")
SERVICES = {"unscheduled": "0COF", "recurring": "0REC"}


def tokenization_contents(
    service: Literal["unscheduled", "recurring"], contract_code: str, *, bank: Literal["intesa", "other"] = "other"
) -> tuple[tuple[int, str], ...]:
    """Return the contents of a `U` that makes a token: (index, text) pairs, for purchase, card verification and pre-authorization only.

    `contract_code`: at most 18 letters, digits or `-`, unique for the merchant. Raises `InvalidValueError`.
    """
    if service not in SERVICES:
        raise InvalidValueError("service", service, ", ".join(SERVICES))
    if bank not in ("intesa", "other"):
        raise InvalidValueError("bank", bank, "intesa, other")
    if not _CONTRACT.match(contract_code):
        raise InvalidValueError("contract_code", contract_code, "1 to 18 of A-Z a-z 0-9 -")
    if bank == "intesa":
        return ((5, f"{SERVICES[service]}0TRK{contract_code}|0FNZ03"),)
    return ((1, f"BTD{contract_code}"), (5, f"{SERVICES[service]}0FNZ03"))
