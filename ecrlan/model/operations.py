"""Operations, where they stand, and how they end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar, Literal

from ecrlan.errors import InvalidValueError
from ecrlan.model.responses import CloseSessionResponse, PaymentResult, Response

_REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


def check_reference(reference: str) -> None:
    """Refuse anything but 1 to 64 of `A-Za-z0-9._-`."""
    if not isinstance(reference, str) or not _REFERENCE.match(reference):
        raise InvalidValueError("reference", reference, "1 to 64 of A-Z a-z 0-9 . _ -")


class Kind(str, Enum):
    """What an operation does; the same words in Python, JSON, CLI and HTTP."""

    STATUS = "status"
    PURCHASE = "purchase"
    VOID = "void"
    PREAUTHORIZE = "preauthorize"
    INCREMENT = "increment"
    CAPTURE = "capture"
    VERIFY_CARD = "verify_card"
    TOTALS = "totals"
    CLOSE_SESSION = "close_session"
    LAST_RESULT = "last_result"
    REPRINT = "reprint"
    VAS = "vas"


MONEY_KINDS = frozenset({Kind.PURCHASE, Kind.VOID, Kind.PREAUTHORIZE, Kind.INCREMENT, Kind.CAPTURE, Kind.CLOSE_SESSION, Kind.VAS})
"""Operations whose request is never sent again on silence (exchange.md §4) and that can end unresolved."""


class State(str, Enum):
    """Where an operation stands."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    RECOVERING = "recovering"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The terminal approved exactly this operation: code, TID, kind and (where it has one) amount are its own."""

    outcome: ClassVar[Literal["approved"]] = "approved"
    stan: str | None = None
    authorization_code: str | None = None
    pan: str | None = None
    result: PaymentResult | None = None
    answer: dict[str, str] | None = None
    """What a VAS answered, by key; None for everything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The terminal or the host refused: nothing was charged. `reason` in the terminal's words."""

    outcome: ClassVar[Literal["declined"]] = "declined"
    reason: str
    result: PaymentResult | CloseSessionResponse | None = None
    answer: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPerformed:
    """Proved not to have been performed: nothing was sent, or every transmission was refused with a NAK."""

    outcome: ClassVar[Literal["not_performed"]] = "not_performed"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """Nobody can say yet whether it was performed. `evidence` says what is known, in words."""

    outcome: ClassVar[Literal["unresolved"]] = "unresolved"
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A reading operation was answered."""

    outcome: ClassVar[Literal["done"]] = "done"
    response: Response | None = None


Outcome = Approved | Declined | NotPerformed | Unresolved | Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How a person settled an unresolved operation."""

    by: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What has a reference and an outcome. A snapshot; times are timezone-aware wall clock."""

    reference: str
    kind: Kind
    terminal: str
    amount: int | None
    state: State
    outcome: Outcome | None
    created_time: datetime
    finished_time: datetime | None = None
    receipt: bytes = b""
    """The receipt's bytes as the terminal sent them, parts joined, masked."""
    data: str | None = None
    """What the host returned as additional data."""
    evidence: str | None = None
    durable: bool = True
    resolution: Resolution | None = None
