"""What the emulated terminal really did with money: the truth that tests compare with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class ChargeKind(str, Enum):
    """What an entry did. Words that operations have too are the same as in `model.Kind`."""

    PURCHASE = "purchase"
    VOID = "void"
    PREAUTHORIZE = "preauthorize"
    INCREMENT = "increment"
    CAPTURE = "capture"
    CLOSE_SESSION = "close_session"
    VAS_PAYMENT = "vas_payment"
    VAS_REFUND = "vas_refund"
    VAS_CLOSE = "vas_close"


CHARGING_KINDS = frozenset({ChargeKind.PURCHASE, ChargeKind.CAPTURE, ChargeKind.VAS_PAYMENT})
"""Kinds by which a customer paid."""


@dataclass(slots=True, kw_only=True)
class Charge:
    """One thing that was really charged, reversed, authorized or closed; what was refused has no entry.

    `number` grows by one from entry to entry. `amount` is in cents and never negative; for a void it is the voided entry's, for a
    closing the session's total. `effect` is what the entry changed on the customers' accounts in cents: positive = they paid; a
    pre-authorization and an increment move nothing yet. `code` is the request's code letter, `P` for a payment by hand. `time` is the
    terminal's clock. `voided` is True once a later entry reversed this one; that entry's `voids` is this one's `number`.
    """

    number: int
    kind: ChargeKind
    amount: int
    effect: int
    stan: str
    time: datetime
    code: str
    by_hand: bool = False
    preauthorization_code: str | None = None
    order_id: str | None = None
    voids: int | None = None
    voided: bool = False


class Ledger:
    """Entries in the order in which they happened. Only the terminal writes into it."""

    def __init__(self) -> None:
        self.entries: list[Charge] = []

    def __iter__(self) -> Iterator[Charge]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The entries by which a customer paid (purchase, capture, VAS payment), voided ones included."""
        return tuple(entry for entry in self.entries if entry.kind in CHARGING_KINDS)

    @property
    def asked(self) -> tuple[Charge, ...]:
        """Every entry that a request of the register caused: all but those by hand."""
        return tuple(entry for entry in self.entries if not entry.by_hand)

    def charged_total(self) -> int:
        """Cents that were charged, whether reversed later or not."""
        return sum(entry.effect for entry in self.entries if entry.effect > 0)

    def net_total(self) -> int:
        """Cents that customers have really paid: charges less voids and refunds."""
        return sum(entry.effect for entry in self.entries)

    def of_kind(self, kind: ChargeKind) -> tuple[Charge, ...]:
        """Return the entries of one kind."""
        return tuple(entry for entry in self.entries if entry.kind is kind)

    def write(
        self,
        kind: ChargeKind,
        amount: int,
        *,
        effect: int,
        stan: str,
        time: datetime,
        code: str,
        by_hand: bool = False,
        preauthorization_code: str | None = None,
        order_id: str | None = None,
        voids: Charge | None = None,
    ) -> Charge:
        """Append an entry, mark the one that it voids, and return it."""
        entry = Charge(
            number=len(self.entries) + 1,
            kind=kind,
            amount=amount,
            effect=effect,
            stan=stan,
            time=time,
            code=code,
            by_hand=by_hand,
            preauthorization_code=preauthorization_code,
            order_id=order_id,
            voids=voids.number if voids else None,
        )
        if voids is not None:
            voids.voided = True
        self.entries.append(entry)
        return entry
