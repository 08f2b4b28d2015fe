"""The declarations of all operations: their facts, what they take, and the messages that they make."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import MONEY_KINDS, ORDERS, Kind, PaymentType, Request, check_reference, kinds_of, orders
from ecrlan.model.values import fields_of

KNOWN = orders.Known(terminal_id="37105051", cash_register_id="00000007", capture_length=180, printing_mode=2, tag_map="5***")


def test_every_kind_is_declared_once() -> None:
    assert len(ORDERS) == len(Kind)
    assert set(orders.ORDER_OF) == set(Kind)


def test_the_facts_of_all_kinds() -> None:
    paying = {Kind.PURCHASE, Kind.PREAUTHORIZE, Kind.INCREMENT, Kind.CAPTURE}
    assert kinds_of(lambda order: order.money) == MONEY_KINDS == paying | {Kind.VOID, Kind.CLOSE_SESSION, Kind.VAS}
    assert kinds_of(lambda order: order.voidable) == paying == orders.Void.targets
    assert kinds_of(lambda order: order.blocked) == {Kind.VERIFY_CARD, Kind.REPRINT}
    assert kinds_of(lambda order: not order.journaled) == {Kind.STATUS, Kind.LAST_RESULT}
    assert orders.Increment.targets == orders.Capture.targets == {Kind.PREAUTHORIZE}


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind.value)
def test_every_field_says_what_it_takes(order: type[orders.Order]) -> None:
    fields = fields_of(order)
    assert {declared.name for declared in fields} == {each.name for each in dataclass_fields(order)}
    assert all(declared.allowed for declared in fields)
    assert all(declared.required or declared.fits(declared.default) for declared in fields)


CARD: dict[str, Any] = {"payment_type": PaymentType.DEBIT, "additional_data": ((5, "0COF"),), "iso_field": "47"}


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (
            orders.Purchase(amount=650, receipt_text="Grazie", card_present=True, **CARD),
            {"code": "X", "amount": 650, "receipt_text": "Grazie", "card_present": True, "payment_type": 1, "additional_data": True},
        ),
        (orders.Preauthorize(amount=1, cash_register_id="00000009"), {"code": "p", "amount": 1, "cash_register_id": "00000009"}),
        (orders.Increment(amount=2, preauthorization_code="123456789"), {"code": "i", "preauthorization_code": "123456789"}),
        (orders.Increment(amount=2, target="room"), {"code": "i", "amount": 2, "preauthorization_code": "000000042"}),
        (orders.Capture(amount=3, target="room", receipt_text="x"), {"code": "c", "length": 180, "preauthorization_code": "000000042"}),
        (orders.Void(stan="000017"), {"code": "S", "stan": "000017"}),
        (orders.Void(target="sale-1"), {"code": "S", "stan": "000042"}),
        (orders.VerifyCard(**CARD), {"code": "H", "payment_type": 1, "additional_data": True}),
        (orders.Totals(), {"code": "T"}),
        (orders.CloseSession(), {"code": "C"}),
        (orders.LastResult(), {"code": "G"}),
        (orders.Status(), {"code": "s"}),
        (orders.Reprint(ticket_type=1), {"code": "R", "to_ecr": 2, "ticket_type": 1}),
        (orders.Reprint(to_ecr=False), {"code": "R", "to_ecr": 0, "ticket_type": 0}),
        (orders.Vas(function="BPAY_QR", amount="650"), {"code": "K"}),
    ],
    ids=lambda each: each.kind.value if isinstance(each, orders.Order) else "",
)
def test_an_order_makes_its_message(order: orders.Order, told: dict[str, Any]) -> None:
    order.check()
    known = replace(KNOWN, stan="000042", preauthorization_code="000000042")
    request: Request = order.request(known)
    assert request.terminal_id == "37105051"
    assert {name: getattr(request, name) for name in told} == told
    if isinstance(order, orders.RegisterOrder) and order.cash_register_id is None:
        assert getattr(request, "cash_register_id", None) == "00000007"


def test_additional_data_has_a_message_of_its_own() -> None:
    additional = orders.VerifyCard(**CARD).additional_request(KNOWN)
    assert additional is not None
    assert (additional.contents, additional.iso_field, additional.tag_map) == (((5, "0COF"),), "47", "5***")
    assert orders.VerifyCard().additional_request(KNOWN) is None
    assert orders.Status().additional_request(KNOWN) is None


@pytest.mark.parametrize(
    ("order", "place", "allowed"),
    [
        (orders.Purchase(amount=0), "amount", "whole cents from 1 to 99999999"),
        (orders.Purchase(amount=100_000_000), "amount", "whole cents from 1 to 99999999"),
        (orders.Purchase(amount=True), "amount", "whole cents from 1 to 99999999"),
        (orders.Purchase(amount=6.5), "amount", "whole cents from 1 to 99999999"),  # type: ignore[arg-type]
        (orders.Purchase(amount=1, reference="a b"), "reference", "1 to 64 of A-Z a-z 0-9 . _ -"),
        (orders.Purchase(amount=1, reference="a\n"), "reference", "1 to 64 of A-Z a-z 0-9 . _ -"),
        (orders.Purchase(amount=1, receipt_text="x" * 129), "receipt_text", "at most 128 printable ASCII characters"),
        (orders.Purchase(amount=1, receipt_text="città"), "receipt_text", "at most 128 printable ASCII characters"),
        (orders.Purchase(amount=1, payment_type=4), "payment_type", "0 to 3"),  # type: ignore[arg-type]
        (orders.Purchase(amount=1, queue_timeout=-1), "queue_timeout", "seconds from 0 to 3600"),
        (orders.Purchase(amount=1, queue_timeout=float("nan")), "queue_timeout", "seconds from 0 to 3600"),
        (orders.Purchase(amount=1, additional_data=((1, "a"),) * 5), "additional_data", "at most 4 items"),
        (orders.Purchase(amount=1, cash_register_id="7"), "cash_register_id", "exactly 8 digits"),
        (orders.VerifyCard(iso_field="4"), "iso_field", "exactly 2 digits"),
        (orders.Increment(amount=1), "preauthorization_code", "either the operation's reference or its pre-authorization code"),
        (orders.Capture(amount=1, target="a", preauthorization_code="123456789"), "preauthorization_code", "either the operation's"),
        (orders.Capture(amount=1, preauthorization_code="12345678"), "preauthorization_code", "exactly 9 digits"),
        (orders.Void(), "stan", "one of: the operation's reference"),
        (orders.Void(stan="000000"), "stan", "one of: the operation's reference"),
        (orders.Void(stan="000001", last=True), "stan", "one of: the operation's reference"),
        (orders.Void(stan="17"), "stan", "exactly 6 digits"),
        (orders.Reprint(ticket_type=2), "ticket_type", "0 or 1"),
        (orders.Vas(function=""), "function", "SERVICE_FUNCTION of BPAY"),
        (orders.Vas(function="BPAY_QR", order_id="x" * 28), "order_id", "at most 27 characters"),
        (orders.Vas(function="BPAY_QR", printer="X"), "printer", "POS or ECR"),  # type: ignore[arg-type]
        (orders.Vas(function="BPAY_QR", parameters={str(key): "" for key in range(21)}), "parameters", "at most 20 parameters"),
    ],
)
def test_what_does_not_fit_is_refused(order: orders.Order, place: str, allowed: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        order.check()
    assert refused.value.place == place
    assert refused.value.allowed.startswith(allowed)


def test_a_reference_is_checked_by_itself() -> None:
    check_reference("sale-4711")
    for wrong in ("", "a" * 65, "a b", None, 7):
        with pytest.raises(InvalidValueError, match="1 to 64 of"):
            check_reference(wrong)  # type: ignore[arg-type]
