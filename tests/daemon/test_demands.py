"""What each kind of body asks of a terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecrlan.daemon.demands import EXAMPLES
from ecrlan.daemon.http.bodies import DEMAND
from ecrlan.model import Kind, PaymentType

COMMON = {"reference": "x-1", "queue_timeout": None}
REGISTER = {**COMMON, "cash_register_id": None}
CARD = {**REGISTER, "payment_type": PaymentType.AUTOMATIC, "additional_data": [], "iso_field": "00"}
PAYMENT = {**CARD, "receipt_text": "", "card_present": False}
FOLLOWING = {**REGISTER, "target": None, "preauthorization_code": None, "receipt_text": ""}


class Asked:
    """Notes what is called on it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **named: (name, given, named)


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ({"kind": "purchase", "amount": 650, "payment_type": "debit"}, ("purchase", (650,), PAYMENT | {"payment_type": PaymentType.DEBIT})),
        ({"kind": "purchase", "amount": 1, "additional_data": [[5, "A"]]}, ("purchase", (1,), PAYMENT | {"additional_data": [(5, "A")]})),
        ({"kind": "purchase", "amount": 1, "queue_timeout": 0}, ("purchase", (1,), PAYMENT | {"queue_timeout": 0})),
        ({"kind": "purchase", "amount": 1, "cash_register_id": "00000007"}, ("purchase", (1,), PAYMENT | {"cash_register_id": "00000007"})),
        ({"kind": "preauthorize", "amount": 2, "card_present": True}, ("preauthorize", (2,), PAYMENT | {"card_present": True})),
        ({"kind": "increment", "amount": 3, "target": "room-12"}, ("increment", (3,), FOLLOWING | {"target": "room-12"})),
        (
            {"kind": "capture", "amount": 4, "preauthorization_code": "123456789"},
            ("capture", (4,), FOLLOWING | {"preauthorization_code": "123456789"}),
        ),
        ({"kind": "void", "stan": "000042"}, ("void", (), REGISTER | {"target": None, "stan": "000042", "last": False})),
        ({"kind": "verify_card"}, ("verify_card", (), CARD)),
        ({"kind": "totals"}, ("totals", (), REGISTER)),
        ({"kind": "close_session"}, ("close_session", (), REGISTER)),
        ({"kind": "last_result"}, ("last_result", (), REGISTER)),
        ({"kind": "status"}, ("status", (), COMMON)),
        ({"kind": "reprint", "ticket_type": 1}, ("reprint", (), COMMON | {"to_ecr": True, "ticket_type": 1})),
        (
            {"kind": "vas", "function": "BPAY_QR", "amount": "6,50"},
            ("vas", ("BPAY_QR",), REGISTER | {"amount": "6,50", "order_id": None, "printer": "POS", "parameters": {}}),
        ),
    ],
)
def test_every_kind_makes_its_call(body: dict[str, Any], call: Any) -> None:
    assert DEMAND.validate_json(json.dumps({**body, "reference": "x-1"})).call(Asked()) == call  # type: ignore[arg-type]


def test_there_is_a_body_for_every_kind() -> None:
    assert set(DEMAND.json_schema()["discriminator"]["mapping"]) == {kind.value for kind in Kind}


def test_references_are_made_and_are_never_the_same() -> None:
    made = {DEMAND.validate_python({"kind": "totals"}).reference for _ in range(10)}
    assert len(made) == 10


def test_the_examples_have_references_of_their_own() -> None:
    assert len({example["reference"] for example in EXAMPLES.values()}) == len(EXAMPLES)
