"""One order to a terminal: what is asked for, and how far it has come. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from ecrlan.errors import InvalidValueError
from ecrlan.model import (
    AdditionalDataRequest,
    Evidence,
    Kind,
    NotPerformed,
    Operation,
    Outcome,
    PaymentResult,
    Request,
    Resolution,
    State,
    Unresolved,
)
from ecrlan.protocol.clock import ClockOffset
from ecrlan.protocol.outcomes import moves_money
from ecrlan.wire.cards import mask_cards
from ecrlan.wire.mask import mask_text

LONGEST_NAME = 200
"""Characters of a person's name or note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a caller asked for. `request` carries the settings' TID; `parameters` is what makes two orders the same."""

    kind: Kind
    request: Request
    reference: str
    additional: AdditionalDataRequest | None = None
    target: str | None = None
    """The reference of the operation that is voided, raised or captured."""
    generated: bool = False
    """Whether the reference was made here, so that nobody can have asked for it before."""
    journaled: bool = True
    queue_timeout: float = 300.0
    background: bool = False
    """A look of our own: it waits for nobody."""
    callback_url: str | None = None
    """Whom its steps are told to; it stands in the journal beside the operation, and is none of its parameters."""

    @property
    def amount(self) -> int | None:
        """Cents, None where the request has none."""
        return getattr(self.request, "amount", None)

    @property
    def money(self) -> bool:
        """Whether it can end unresolved."""
        return moves_money(self.kind, self.request)

    @property
    def parameters(self) -> dict[str, Any]:
        """What reaches the wire, as plain values: the same parameters are the same operation."""
        values: dict[str, Any] = {"kind": self.kind.value}
        for item in fields(self.request):
            if item.name not in ("terminal_id", "additional_data", "length"):
                value = getattr(self.request, item.name)
                values[item.name] = int(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if self.target is not None:
            values["target"] = self.target
        if self.additional is not None:
            values["additional_data"] = [list(content) for content in self.additional.contents]
            values["iso_field"] = self.additional.iso_field
        return values

    @property
    def kept_parameters(self) -> dict[str, Any]:
        """The same as they are kept and shown: card numbers masked. Whether two orders are the same is told by `parameters`."""
        return {name: _masked(value) for name, value in self.parameters.items()}


def said(place: str, text: str) -> str:
    """Return what a person said in their name (`by`, `note`), card numbers masked. Raises `InvalidValueError`."""
    if not text.strip() or len(text) > LONGEST_NAME:
        raise InvalidValueError(place, text, ("allowed_characters", {"least": 1, "most": LONGEST_NAME}))
    return mask_text(text)


def _masked(value: object) -> object:
    if isinstance(value, str):
        return mask_cards(value)
    return [_masked(each) for each in value] if isinstance(value, list) else value


@dataclass(slots=True, kw_only=True)
class Work:
    """An order on its way: the mutable side of an `Operation`."""

    order: Order
    terminal: str
    created_time: datetime
    state: State = State.QUEUED
    outcome: Outcome | None = None
    finished_time: datetime | None = None
    receipt: bytes = b""
    data: str | None = None
    evidence: Evidence | None = None
    durable: bool = True
    resolution: Resolution | None = None
    withdrawn: bool = False
    """Whether it was taken back before it was sent."""
    promised: bool = False
    """Whether somebody was told that it is under way: then even a refusal is written down, as not performed."""
    recorded: bool = False
    """Whether the operation stands in the journal."""
    sent: bool = False
    """Whether its request may have left."""
    sent_time: datetime | None = None
    sent_at: float | None = None
    """The same in monotonic seconds; None where it was sent before the register was started."""
    request: Request | None = None
    """The request as it was sent: `P` after a fallback from `X`."""
    baseline: PaymentResult | None = None
    baseline_message: bytes = b""
    identity: str | None = None
    """Who it was sent to: a TID, or ADDRESS:PORT where the terminal names nobody; None: not known."""
    previous_stan: str | None = None
    """The STAN after which its own must come."""
    unseen_stans: int = 0
    """How many requests of ours between that one and this may have taken a STAN."""
    clock: ClockOffset | None = None
    """What its host_time may be compared by, as it was known when it was sent."""
    doubt: Evidence | None = None
    """Why nothing that the terminal says can prove it; None: it may."""
    receipt_kept: int = 0
    """How many bytes of the receipt stand in the journal."""
    acknowledged: bool = False
    progressed: bool = False
    progress_kept: int = 0
    """How many progress texts stand in the journal."""
    strays: int = 0
    """How many messages came that were not its answer."""
    refused: bool = False
    answered: bool = False
    """Whether its own answer is here, even one that says neither approved nor declined: nothing more can be asked."""
    ended_at: float = 0.0
    """When its line ended, monotonic seconds."""
    recovering: bool = False
    being_settled: bool = False
    """Whether a person's word about it is being written down: an answer that comes meanwhile changes nothing, and is told."""

    @property
    def reference(self) -> str:
        """The operation's reference."""
        return self.order.reference

    @property
    def told(self) -> bool:
        """Whether callers may be told its outcome."""
        return True

    @property
    def open(self) -> bool:
        """Whether its outcome is still to be proved."""
        return self.outcome is None or isinstance(self.outcome, Unresolved)

    def settle(self, outcome: Outcome, time: datetime, evidence: Evidence | None = None) -> None:
        """Give it its outcome. Only `Unresolved` can be replaced."""
        if not self.open:
            return
        self.outcome = outcome
        self.state = State.FINISHED
        self.finished_time = time
        self.evidence = evidence or (outcome.evidence if isinstance(outcome, Unresolved) else self.evidence)

    def not_performed(self, reason: Evidence, time: datetime) -> None:
        """Nothing was sent, and here is why."""
        self.settle(NotPerformed(reason=reason), time)

    def snapshot(self) -> Operation:
        """Return it as callers see it: with an outcome once that is on disk."""
        return Operation(
            reference=self.order.reference,
            kind=self.order.kind,
            terminal=self.terminal,
            amount=self.order.amount,
            state=self.state if self.told else State.ACCEPTED,
            outcome=self.outcome if self.told else None,
            created_time=self.created_time,
            finished_time=self.finished_time if self.told else None,
            receipt=self.receipt,
            data=self.data,
            evidence=self.evidence,
            durable=self.durable,
            resolution=self.resolution,
        )
