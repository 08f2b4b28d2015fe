"""Orders: what makes two of them the same, and what of them is kept; and an order on its way."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import (
    AdditionalDataRequest,
    Approved,
    Code,
    Declined,
    Done,
    Evidence,
    ExtendedPurchaseRequest,
    Kind,
    NotPerformed,
    Outcome,
    PaymentType,
    Request,
    Resolution,
    State,
    StatusRequest,
    TotalsRequest,
    Unresolved,
    VasRequest,
    VoidRequest,
)
from ecrlan.protocol.work import LONGEST_NAME, Order, Work, said
from tests.protocol.shell import START, make_work

CARD = "4111111111111111"
PURCHASE = ExtendedPurchaseRequest(terminal_id="37105051", amount=650, receipt_text=f"GRAZIE {CARD}", payment_type=PaymentType.DEBIT)
ADDITIONAL = AdditionalDataRequest(contents=((5, f"CARTA {CARD}"), (1, "BTD")), iso_field="62")


def order(request: Request = PURCHASE, kind: Kind = Kind.PURCHASE, **values: Any) -> Order:
    return Order(kind=kind, request=request, reference="sale", **values)


PARAMETERS = {
    "kind": "purchase",
    "cash_register_id": "00000001",
    "amount": 650,
    "card_present": False,
    "payment_type": 1,
    "receipt_text": f"GRAZIE {CARD}",
}


def test_parameters_are_what_reaches_the_wire_as_plain_values() -> None:
    assert order().parameters == PARAMETERS
    assert type(order().parameters["payment_type"]) is int
    assert order().parameters["card_present"] is False
    assert order(VoidRequest(stan="000017"), Kind.VOID, target="sale-1").parameters == {
        "kind": "void",
        "cash_register_id": "00000001",
        "stan": "000017",
        "target": "sale-1",
    }
    assert order(additional=ADDITIONAL).parameters == PARAMETERS | {
        "additional_data": [[5, f"CARTA {CARD}"], [1, "BTD"]],
        "iso_field": "62",
    }


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (order(replace(PURCHASE, terminal_id="11112222")), True),
        (order(replace(PURCHASE, additional_data=True)), True),
        (Order(kind=Kind.PURCHASE, request=PURCHASE, reference="other", queue_timeout=1.0, generated=True), True),
        (order(callback_url="https://shop.example/paid"), True),
        (order(replace(PURCHASE, amount=651)), False),
        (order(replace(PURCHASE, receipt_text=f"GRAZIE {CARD[:-1]}2")), False),
        (order(additional=ADDITIONAL), False),
        (order(target="x"), False),
    ],
    ids=["TID", "announced data", "reference and manner", "whom it is told to", "amount", "text", "data", "target"],
)
def test_what_makes_two_orders_the_same(other: Order, *, same: bool) -> None:
    assert (other.parameters == order().parameters) is same


def test_what_is_kept_holds_no_card_number() -> None:
    masked = "************1111"
    assert order(additional=ADDITIONAL).kept_parameters == PARAMETERS | {
        "receipt_text": f"GRAZIE {masked}",
        "additional_data": [[5, f"CARTA {masked}"], [1, "BTD"]],
        "iso_field": "62",
    }


@pytest.mark.parametrize(
    ("request_", "kind", "amount", "money"),
    [
        (PURCHASE, Kind.PURCHASE, 650, True),
        (VoidRequest(), Kind.VOID, None, True),
        (TotalsRequest(), Kind.TOTALS, None, False),
        (VasRequest(xml='<p k="ECRVASID">BPAY_INQUIRY</p>'), Kind.VAS, None, False),
        (VasRequest(xml='<p k="ECRVASID">BPAY_QR</p>'), Kind.VAS, None, True),
        (StatusRequest(), Kind.STATUS, None, False),
    ],
)
def test_amount_and_money(request_: Request, kind: Kind, amount: int | None, *, money: bool) -> None:
    asked = order(request_, kind)
    assert (asked.amount, asked.money) == (amount, money)


# --- a person's words ---------------------------------------------------------------------------------------------------------------------


def test_what_a_person_says_is_kept_without_card_numbers() -> None:
    assert said("note", f"card {CARD}") == "card 0000000000001111"
    assert said("by", "A" * LONGEST_NAME) == "A" * LONGEST_NAME


@pytest.mark.parametrize("text", ["", "  \n", "A" * (LONGEST_NAME + 1)])
def test_a_name_is_something_and_no_book(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"by: .* allowed: 1 to 200 characters"):
        said("by", text)


# --- on its way ---------------------------------------------------------------------------------------------------------------------------

NOTE = Evidence(Code.NOTE, {"text": "on the list"})
LOST = Evidence(Code.LINE_LOST)
LATER = START + timedelta(seconds=9)
UNRESOLVED = Unresolved(evidence=LOST)
DECLINED = Declined(reason=Evidence(Code.DECLINED))


@pytest.mark.parametrize(
    ("before", "outcome", "stays"),
    [
        (None, Approved(), Approved()),
        (None, UNRESOLVED, UNRESOLVED),
        (UNRESOLVED, Approved(), Approved()),
        (UNRESOLVED, Unresolved(evidence=NOTE), Unresolved(evidence=NOTE)),
        (Approved(), UNRESOLVED, Approved()),
        (Approved(), DECLINED, Approved()),
        (DECLINED, Approved(), DECLINED),
        (NotPerformed(reason=LOST), Approved(), NotPerformed(reason=LOST)),
        (Done(), DECLINED, Done()),
    ],
)
def test_only_unresolved_can_be_replaced(before: Outcome | None, outcome: Outcome, stays: Outcome) -> None:
    work = make_work()
    if before is not None:
        work.settle(before, START)
    assert work.open is (before is None or isinstance(before, Unresolved))
    work.settle(outcome, LATER)
    assert work.outcome == stays
    assert work.state is State.FINISHED
    assert work.finished_time == (LATER if outcome == stays else START)
    assert work.open is isinstance(stays, Unresolved)


@pytest.mark.parametrize(
    ("outcome", "given", "kept"),
    [(Approved(), NOTE, NOTE), (Approved(), None, LOST), (UNRESOLVED, NOTE, NOTE), (Unresolved(evidence=NOTE), None, NOTE)],
    ids=["given", "what was known", "given for unresolved", "that of the outcome"],
)
def test_the_evidence_of_an_outcome(outcome: Outcome, given: Evidence | None, kept: Evidence) -> None:
    work = make_work()
    work.evidence = LOST
    work.settle(outcome, LATER, given)
    assert work.evidence == kept


def test_what_was_not_sent_is_not_performed() -> None:
    work = make_work()
    work.not_performed(LOST, LATER)
    assert (work.outcome, work.finished_time) == (NotPerformed(reason=LOST), LATER)


class Untold(Work):
    """One whose answer is still being written."""

    @property
    def told(self) -> bool:
        return False


@pytest.mark.parametrize("told", [True, False])
def test_callers_see_the_outcome_once_it_may_be_told(*, told: bool) -> None:
    resolution = Resolution(by="Anna", note="on the list", time=LATER)
    work = (Work if told else Untold)(order=order(), terminal="till-1", created_time=START)
    work.receipt, work.data, work.durable, work.resolution = b"}GRAZIE}}\x1b", "TOKEN", False, resolution
    work.settle(Approved(stan="000006"), LATER, NOTE)
    seen = work.snapshot()
    assert (seen.outcome, seen.state, seen.finished_time) == (
        (Approved(stan="000006"), State.FINISHED, LATER) if told else (None, State.ACCEPTED, None)
    )
    assert (seen.reference, seen.kind, seen.terminal, seen.amount, seen.created_time) == ("sale", Kind.PURCHASE, "till-1", 650, START)
    assert (seen.receipt, seen.data, seen.durable, seen.evidence, seen.resolution) == (
        b"}GRAZIE}}\x1b",
        "TOKEN",
        False,
        NOTE,
        resolution,
    )


def test_a_new_one_waits() -> None:
    work = make_work()
    assert (work.reference, work.told, work.open) == ("sale", True, True)
    assert (work.snapshot().state, work.snapshot().outcome) == (State.QUEUED, None)
    assert {item.name: item.default for item in fields(Work) if isinstance(item.default, bool) and item.default} == {"durable": True}
    assert {item.name: item.default for item in fields(Order) if isinstance(item.default, bool) and item.default} == {"journaled": True}
