"""The XML inside a VAS request."""

from __future__ import annotations

from typing import Any

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model.vas_request import READING_FUNCTIONS, VAS_FUNCTIONS, build_vas, function_of, parse_request_name

PLAIN: dict[str, Any] = {"amount": None, "order_id": None, "printer": "POS", "parameters": {}}


def test_the_functions_of_all_services() -> None:
    assert len(VAS_FUNCTIONS) == 11
    assert {name for name in VAS_FUNCTIONS if name.startswith("BPAY")} == {
        "BPAY_QR",
        "BPAY_INQUIRY",
        "BPAY_REFUND",
        "BPAY_TOTAL",
        "BPAY_CHIUSURA",
    }


@pytest.mark.parametrize("name", VAS_FUNCTIONS)
def test_a_document_names_its_function(name: str) -> None:
    xml = build_vas(name, **PLAIN | {"amount": "650", "order_id": "A-1", "parameters": {"LANG": "<it>"}})
    assert parse_request_name(xml) == name
    assert function_of(xml) == name.partition("_")[2]
    assert '<p k="LANG">&lt;it&gt;</p>' in xml
    assert ("INQUIRY" in name or "TOTAL" in name) == (function_of(xml) in READING_FUNCTIONS)


def test_what_is_not_given_is_left_out() -> None:
    xml = build_vas("BPAY_TOTAL", **PLAIN)
    assert xml == '<ecrreq><p k="ECRVASID">BPAY_TOTAL</p><p k="SUBSMPARAMS"><p k="PRINTER">POS</p></p></ecrreq>'


@pytest.mark.parametrize(
    ("name", "given", "place"),
    [
        ("BPAY", {}, "function"),
        ("WECHAT_TOTAL", {}, "function"),
        ("BPAY_QR", {}, "amount"),
        ("BPAY_REFUND", {"amount": "650"}, "order_id"),
        ("BPAY_INQUIRY", {"order_id": "x" * 28}, "order_id"),
        ("BPAY_INQUIRY", {"printer": "LPT1"}, "printer"),
        ("BPAY_INQUIRY", {"parameters": {"Amount": "1"}}, "parameters"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, given: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        build_vas(name, **PLAIN | given)
    assert refused.value.place == place


def test_documents_without_a_function() -> None:
    assert (function_of("<ecrreq/>"), parse_request_name("<ecrreq/>")) == ("", "")
