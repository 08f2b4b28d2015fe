"""What a request may hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import (
    REQUEST_TYPES,
    SHARED_FORMS,
    AdditionalDataRequest,
    CaptureRequest,
    IncrementRequest,
    PaymentType,
    PrintingRequest,
    PurchaseRequest,
    ReprintRequest,
    Request,
    StatusRequest,
    TotalsRequest,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
    check_tag_map,
    codes_of,
)
from ecrlan.model.requests import MAXIMUM_AMOUNT, MINIMUM_AMOUNT


@pytest.mark.parametrize("tag_map", ["5000", "5***", "5*00", "****"])
def test_a_tag_map_of_digits_and_stars(tag_map: str) -> None:
    check_tag_map("tag_map", tag_map)
    assert AdditionalDataRequest(contents=((5, "0COF"),), tag_map=tag_map).tag_map == tag_map


@pytest.mark.parametrize("tag_map", ["500", "50000", "5 00", "5a00", "5000\n", "", 5000])
def test_other_tag_maps_are_refused(tag_map: object) -> None:
    with pytest.raises(InvalidValueError, match=r"terminals\.till-1\.tag_map: .* allowed: exactly 4 digits or \*"):
        check_tag_map("terminals.till-1.tag_map", tag_map)  # type: ignore[arg-type]


def test_a_tag_map_that_is_not_given_lists_the_indexes() -> None:
    assert AdditionalDataRequest(contents=((1, "BTD"), (5, "0COF"))).tag_map == "1500"


FACTS: dict[str, tuple[Callable[[type[Request]], object], str]] = {
    "never repeated on silence": (lambda request: request.silent, "PXSpicCUK"),
    "answered by a payment result": (lambda request: request.answers, "PXSpicH"),
    "answered by its own code": (lambda request: request.answered_by_own_code, "sCTK"),
    "the last result proves what became of it": (lambda request: request.recoverable, "PXSpic"),
    "its result may come late": (lambda request: request.late_result, "PXSpicHK"),
    "may change the last result": (lambda request: request.may_save_result, "PXSpicHCRK"),
    "its receipt comes to the register": (lambda request: request.receipt_on_register, "PXSpicH"),
    "makes a slip": (lambda request: request.prints, "PXSpicHCTK"),
    "takes a card": (lambda request: request.takes_card, "PXSpH"),
    "its result may be another kind's": (lambda request: request.answers & SHARED_FORMS, "PXH"),
    "has a payment's time limit": (lambda request: request.limit == "payment", "PXSpicHK"),
    "has the time limit of closing": (lambda request: request.limit == "close", "C"),
    "has a status's time limit": (lambda request: request.limit == "status", "s"),
}


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_is_true_of_these_codes(name: str) -> None:
    fact, codes = FACTS[name]
    assert codes_of(fact) == codes


def test_what_is_taken_only_after_the_ack_is_an_answer() -> None:
    assert all(request.only_after_ack <= request.answers for request in REQUEST_TYPES)


def test_every_request_with_a_code_is_listed_once() -> None:
    assert len({request.code for request in REQUEST_TYPES}) == len(REQUEST_TYPES) == 15


CONTENTS = ((5, "0COF"),)
REFUSED: list[tuple[type[Request], dict[str, object], str]] = [
    (StatusRequest, {"terminal_id": "1234567"}, "terminal_id"),
    (StatusRequest, {"terminal_id": "1234567a"}, "terminal_id"),
    (StatusRequest, {"terminal_id": "\u0661" * 8}, "terminal_id"),
    (StatusRequest, {"terminal_id": 12345678}, "terminal_id"),
    (TotalsRequest, {"cash_register_id": "1"}, "cash_register_id"),
    (PurchaseRequest, {"amount": 0}, "amount"),
    (PurchaseRequest, {"amount": 100_000_000}, "amount"),
    (PurchaseRequest, {"amount": True}, "amount"),
    (PurchaseRequest, {"amount": 6.5}, "amount"),
    (PurchaseRequest, {"amount": 1, "payment_type": 4}, "payment_type"),
    (PurchaseRequest, {"amount": 1, "payment_type": True}, "payment_type"),
    (PurchaseRequest, {"amount": 1, "receipt_text": "x" * 129}, "receipt_text"),
    (PurchaseRequest, {"amount": 1, "receipt_text": "città"}, "receipt_text"),
    (PurchaseRequest, {"amount": 1, "receipt_text": "a\n"}, "receipt_text"),
    (PurchaseRequest, {"amount": 1, "receipt_text": None}, "receipt_text"),
    (VoidRequest, {"stan": "42"}, "stan"),
    (IncrementRequest, {"amount": 0, "preauthorization_code": "123456789"}, "amount"),
    (IncrementRequest, {"amount": 1, "preauthorization_code": "12345678"}, "preauthorization_code"),
    (CaptureRequest, {"amount": 1, "preauthorization_code": "123456789", "length": 177}, "capture_length"),
    (VerifyCardRequest, {"payment_type": -1}, "payment_type"),
    (PrintingRequest, {"enabled": 4}, "enabled"),
    (ReprintRequest, {"to_ecr": 4}, "to_ecr"),
    (ReprintRequest, {"ticket_type": 2}, "ticket_type"),
    (AdditionalDataRequest, {"contents": CONTENTS, "payment_type": "0"}, "payment_type"),
    (AdditionalDataRequest, {"contents": CONTENTS, "iso_field": "4"}, "iso_field"),
    (AdditionalDataRequest, {"contents": CONTENTS, "tag_number": "DF8D01DF8"}, "tag_number"),
    (AdditionalDataRequest, {"contents": ()}, "contents"),
    (AdditionalDataRequest, {"contents": tuple((number, "x") for number in range(1, 6))}, "contents"),
    (AdditionalDataRequest, {"contents": ((6, "x"),)}, "contents index"),
    (AdditionalDataRequest, {"contents": ((1, "x" * 31),)}, "content 1"),
    (AdditionalDataRequest, {"contents": ((5, "x" * 101),)}, "content 5"),
    (AdditionalDataRequest, {"contents": ((5, ""),)}, "content 5"),
    (AdditionalDataRequest, {"contents": ((5, "x"), (5, "y"))}, "contents"),
    (AdditionalDataRequest, {"contents": ((5, "x" * 90), (1, "x" * 11))}, "contents"),
    (VasRequest, {"xml": "x" * 1025}, "xml"),
    (VasRequest, {"xml": "<ecrreq/>", "cash_register_id": "1"}, "cash_register_id"),
]


@pytest.mark.parametrize(("request_", "values", "place"), REFUSED)
def test_a_request_that_is_made_fits(request_: Callable[..., Request], values: dict[str, object], place: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        request_(**values)
    assert refused.value.place == place


@pytest.mark.parametrize(
    ("request_", "values"),
    [
        (StatusRequest, {}),
        (PurchaseRequest, {"amount": MINIMUM_AMOUNT}),
        (PurchaseRequest, {"amount": MAXIMUM_AMOUNT, "payment_type": PaymentType.OTHER, "receipt_text": "x" * 128}),
        (CaptureRequest, {"amount": 1, "preauthorization_code": "123456789", "length": 180}),
        (AdditionalDataRequest, {"contents": ((5, "x" * 100),)}),
        (AdditionalDataRequest, {"contents": ((1, "x" * 30), (2, "x" * 30), (3, "x" * 30), (4, "x" * 10))}),
        (VasRequest, {"xml": "x" * 1024}),
    ],
)
def test_the_most_that_fits(request_: Callable[..., Request], values: dict[str, object]) -> None:
    made = request_(**values)
    assert {name: getattr(made, name) for name in values} == values
