"""What each kind of body orders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ecrlan.daemon.http.order_bodies import EXAMPLES, ORDER, orders_as_json
from ecrlan.daemon.http.schemas import OrderList
from ecrlan.model import MONEY_KINDS, ORDERS, Kind, PaymentType, orders


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ({"kind": "purchase", "amount": 650, "payment_type": "debit"}, orders.Purchase(amount=650, payment_type=PaymentType.DEBIT)),
        ({"kind": "purchase", "amount": 1, "additional_data": [[5, "A"]]}, orders.Purchase(amount=1, additional_data=[(5, "A")])),
        ({"kind": "purchase", "amount": 1, "queue_timeout": 0}, orders.Purchase(amount=1, queue_timeout=0)),
        ({"kind": "purchase", "amount": 1, "cash_register_id": "00000007"}, orders.Purchase(amount=1, cash_register_id="00000007")),
        ({"kind": "purchase", "amount": 1, "callback_url": "http://127.0.0.1/"}, orders.Purchase(amount=1)),
        ({"kind": "preauthorize", "amount": 2, "card_present": True}, orders.Preauthorize(amount=2, card_present=True)),
        ({"kind": "increment", "amount": 3, "target": "room-12"}, orders.Increment(amount=3, target="room-12")),
        (
            {"kind": "capture", "amount": 4, "preauthorization_code": "123456789"},
            orders.Capture(amount=4, preauthorization_code="123456789"),
        ),
        ({"kind": "void", "stan": "000042"}, orders.Void(stan="000042")),
        ({"kind": "verify_card", "iso_field": "47"}, orders.VerifyCard(iso_field="47")),
        ({"kind": "totals"}, orders.Totals()),
        ({"kind": "close_session"}, orders.CloseSession()),
        ({"kind": "last_result"}, orders.LastResult()),
        ({"kind": "status"}, orders.Status()),
        ({"kind": "reprint", "ticket_type": 1}, orders.Reprint(ticket_type=1)),
        ({"kind": "vas", "function": "BPAY_QR", "amount": "6,50"}, orders.Vas(function="BPAY_QR", amount="6,50")),
    ],
)
def test_every_kind_is_its_order(body: dict[str, Any], order: orders.Order) -> None:
    ordered = ORDER.validate_json(json.dumps({**body, "reference": "x-1"})).order
    assert ordered.reference == "x-1"
    made = {name: getattr(ordered, name) for name in order.__slots__ if name != "reference"}
    expected = {name: getattr(order, name) for name in order.__slots__ if name != "reference"}
    assert (type(ordered), _plain(made)) == (type(order), _plain(expected))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "650"},
        {"amount": 19.99},
        {"amount": 0},
        {"amount": True},
        {"amount": 650, "nonsense": 3},
        {"amount": 650, "payment_type": 1},
        {"amount": 650, "payment_type": "gold"},
        {"amount": 650, "reference": "a b"},
        {"amount": 650, "reference": "4111111111111111"},
        {"amount": 650, "queue_timeout": 3601},
        {"amount": 650, "receipt_text": "città"},
        {"amount": 650, "additional_data": [[6, "A"]]},
        {"amount": 650, "additional_data": [[1, "A"]] * 5},
        {"amount": 650, "cash_register_id": "7"},
        {},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ORDER.validate_json(json.dumps({"kind": "purchase", **wrong}))


def test_there_is_a_body_for_every_kind() -> None:
    assert set(ORDER.json_schema()["discriminator"]["mapping"]) == {kind.value for kind in Kind}


def test_references_are_made_and_are_never_the_same() -> None:
    made = {ORDER.validate_python({"kind": "totals"}).reference for _ in range(10)}
    assert len(made) == 10


def test_the_examples_have_references_of_their_own() -> None:
    assert len({example["reference"] for example in EXAMPLES.values()}) == len(EXAMPLES)


def test_what_is_declared_is_told_for_forms() -> None:
    told = {document["kind"]: document for document in orders_as_json()}
    assert list(told) == [order.kind.value for order in ORDERS]
    assert {kind for kind, document in told.items() if document["moves_money"]} == {kind.value for kind in MONEY_KINDS}
    assert [kind for kind, document in told.items() if document["asks_first"]] == ["close_session"]
    assert told["increment"]["targets"] == ["preauthorize"]
    fields = {field["name"]: field for field in told["purchase"]["fields"]}
    assert fields["amount"] == {
        "name": "amount",
        "type": "integer",
        "required": True,
        "seldom": False,
        "default": None,
        "help": "Whole cents.",
        "unit": "cents",
        "least": 1,
        "most": 99_999_999,
    }
    assert fields["payment_type"]["choices"] == ["automatic", "debit", "credit", "other"]
    assert (fields["additional_data"]["type"], fields["additional_data"]["longest"]) == ("pairs", 4)
    assert "BPAY_QR" in next(field for field in told["vas"]["fields"] if field["name"] == "function")["suggestions"]
    assert OrderList.model_validate({"orders": list(told.values())})
