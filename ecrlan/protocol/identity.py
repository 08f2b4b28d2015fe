"""Who answered, and which result it is (exchange.md §3 and §5).

A result names no request. What can be told is who sent it, and whether it is a copy of one that was seen before.
"""

from __future__ import annotations

import hashlib

from ecrlan.model import ANY_TERMINAL, HostTime, PaymentResult
from ecrlan.wire.mask import mask_message

DIGEST_LENGTH = 32
"""Hexadecimal characters that are kept of a refusal's SHA-256."""


def identity_of(terminal_id: str | None, place: str) -> str:
    """Return who a terminal is: its TID; where that is not known or 00000000, which names nobody, its `place` (ADDRESS:PORT)."""
    return place if terminal_id in (None, "", ANY_TERMINAL) else str(terminal_id)


def seen_key(result: PaymentResult, message: bytes) -> str:
    """Return a text that is equal for two copies of one result.

    An approval is known by STAN, authorization code, host_time and the card's last four, in whatever form it comes (71, 92, in `G`). A
    refusal has none of these for certain: it is known by its whole message, masked as the journal keeps it.
    """
    if result.approved:
        return approval_key(result)
    return hashlib.sha256(mask_message(message, "response")).hexdigest()[:DIGEST_LENGTH]


def approval_key(result: PaymentResult) -> str:
    """Return what an approval is known by, in whatever form it comes."""
    time = result.host_time
    moment = f"{time.day_of_year:03}{time.hour:02}{time.minute:02}" if time is not None else ""
    return f"{result.stan}|{result.authorization_code or ''}|{moment}|{result.pan or ''}"


def vas_key(xml: str) -> str:
    """Return a text that is equal for two copies of one VAS answer."""
    return f"K{hashlib.sha256(xml.encode()).hexdigest()[: DIGEST_LENGTH - 1]}"


def approval_of_key(key: str) -> tuple[str, HostTime | None]:
    """Return authorization code and host_time of the approval that is known by `key`."""
    _, known = key.split("|", 1)
    authorization_code, moment, _ = known.rsplit("|", 2)  # a code may hold any character
    return authorization_code, HostTime(int(moment[:3]), int(moment[3:5]), int(moment[5:7])) if moment else None
