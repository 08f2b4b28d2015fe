"""What a request may hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import REQUEST_TYPES, SHARED_FORMS, AdditionalDataRequest, Request, check_tag_map, codes_of


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
