"""Operations, where they stand, and how they end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, cast

from ecrlan.model.codes import Code
from ecrlan.model.evidence import Evidence
from ecrlan.model.orders import Kind
from ecrlan.model.responses import CloseSessionResponse, PaymentResult, Response


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
    """The terminal or the host refused: nothing was charged. `reason` is mostly in the terminal's own words."""

    outcome: ClassVar[Literal["declined"]] = "declined"
    reason: Evidence
    result: PaymentResult | CloseSessionResponse | None = None
    answer: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPerformed:
    """Proved not to have been performed: nothing was sent, or every transmission was refused with a NAK."""

    outcome: ClassVar[Literal["not_performed"]] = "not_performed"
    reason: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """Nobody can say yet whether it was performed. `evidence` says what is known."""

    outcome: ClassVar[Literal["unresolved"]] = "unresolved"
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A reading operation was answered."""

    outcome: ClassVar[Literal["done"]] = "done"
    response: Response | None = None


MoneyOutcome = Approved | Declined | NotPerformed | Unresolved
Outcome = MoneyOutcome | Done

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Known_co = TypeVar("Known_co", bound=Outcome | None, covariant=True, default=Outcome | None)
else:
    from typing import TypeVar

    Known_co = TypeVar("Known_co", covariant=True)  # a default needs Python 3.13, and only type checkers ask for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How a person settled an unresolved operation."""

    by: str
    note: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Known_co]):
    """What has a reference and an outcome. A snapshot; times are timezone-aware wall clock, amounts whole cents.

    `Operation` alone may have any outcome, or none yet. What a call returns has one: `MoneyOperation` one of the four that money can
    have, so that a type checker sees whether a `match` forgets one.
    """

    reference: str
    kind: Kind
    terminal: str
    amount: int | None
    state: State
    outcome: Known_co
    created_time: datetime
    finished_time: datetime | None = None
    receipt: bytes = b""
    """The receipt's bytes as the terminal sent them, parts joined, masked."""
    data: str | None = None
    """What the host returned as additional data."""
    evidence: Evidence | None = None
    durable: bool = True
    resolution: Resolution | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes: the same document that HTTP API, command line and callbacks give."""
        from ecrlan.operation_json import operation_as_json  # noqa: PLC0415 - a convenience: only here the model looks up the house

        return operation_as_json(self)


MoneyOperation = Operation[MoneyOutcome]
"""What a call that moves money, or checks a card, returns."""


def with_outcome(operation: Operation) -> Operation[Outcome]:
    """Return the operation as a call returns it: one without an outcome is unresolved as yet. Its state says that it goes on."""
    if operation.outcome is None:
        operation = replace(operation, outcome=Unresolved(evidence=operation.evidence or Evidence(Code.OUTCOME_UNKNOWN)))
    return cast("Operation[Outcome]", operation)
