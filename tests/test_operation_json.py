import json
from datetime import UTC, datetime

import pytest

from ecrlan.model import (
    AdditionalDataResponse,
    Approved,
    CloseSessionResponse,
    CurrencyExchange,
    Declined,
    Done,
    HostTime,
    Kind,
    NotPerformed,
    Operation,
    PaymentResult,
    Resolution,
    State,
    StatusResponse,
    TotalsResponse,
    Unresolved,
    VasPart,
)
from ecrlan.operation_json import operation_as_json, response_as_json
from ecrlan.wire.receipt import build_receipt

NOW = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
RESULT = PaymentResult(
    terminal_id="37105051",
    code="E",
    length=92,
    result="00",
    pan="1234",
    entry_mode="CLI",
    authorization_code="123456",
    host_time=HostTime(327, 18, 44),
    action_code="000",
    card_type=1,
    acquirer_id="00000000034",
    stan="000042",
    online_id="000099",
    amount=650,
)
EXAMPLE = {
    "reference": "sale-4711",
    "kind": "purchase",
    "terminal": "till-1",
    "amount": 650,
    "state": "finished",
    "outcome": "approved",
    "result": {
        "result": "00",
        "pan": "…1234",
        "entry_mode": "CLI",
        "authorization_code": "123456",
        "host_time": "2026-11-23T18:44:00+01:00",
        "card_type": "debit",
        "acquirer_id": "00000000034",
        "stan": "000042",
        "online_id": "000099",
        "action_code": "000",
        "amount": 650,
    },
    "receipt": ["BAR", "", "6,50"],
    "evidence": None,
    "created_time": "2026-11-23T17:44:00+00:00",
    "finished_time": "2026-11-23T17:44:00+00:00",
}


def make(outcome, **values):
    given = {"reference": "sale-4711", "kind": Kind.PURCHASE, "terminal": "till-1", "amount": 650, "state": State.FINISHED} | values
    return operation_as_json(Operation(outcome=outcome, created_time=NOW, **given), NOW)


def test_the_example_of_the_product_page():
    receipt = build_receipt(["BAR", "", "6,50"])
    document = make(Approved(stan="000042", result=RESULT), receipt=receipt, finished_time=NOW)
    assert document == EXAMPLE
    assert list(document) == list(EXAMPLE)
    assert json.loads(json.dumps(document)) == EXAMPLE


def test_what_is_not_known_yet_is_null():
    document = make(None, state=State.QUEUED)
    assert (document["state"], document["outcome"], document["result"], document["finished_time"]) == ("queued", None, None, None)
    assert document["receipt"] == []


def test_reasons_stand_beside_the_outcome():
    document = make(Declined(reason="PIN ERRATO", result=RESULT))
    assert (document["outcome"], document["reason"], document["result"]["stan"]) == ("declined", "PIN ERRATO", "000042")
    assert make(NotPerformed(reason="no line"))["reason"] == "no line"
    assert "reason" not in make(Unresolved(evidence="silence"))


def test_evidence_is_the_operations_or_the_outcomes():
    assert make(Unresolved(evidence="silence"))["evidence"] == "silence"
    assert make(Unresolved(evidence="silence"), evidence="STAN changed")["evidence"] == "STAN changed"


def test_the_rest_appears_only_where_it_says_something():
    plain = make(Approved(result=RESULT))
    assert not {"answer", "data", "durable", "resolution"} & set(plain)
    resolution = Resolution(by="Anna", note="receipt seen", time=NOW)
    full = make(Approved(answer={"RESPID": "0"}), data="62", durable=False, resolution=resolution)
    assert full["answer"] == {"RESPID": "0"}
    assert (full["data"], full["durable"]) == ("62", False)
    assert full["resolution"] == {"by": "Anna", "note": "receipt seen", "time": "2026-11-23T17:44:00+00:00"}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            StatusResponse(terminal_id="1", terminal_time=datetime(2026, 7, 31, 21, 22), terminal_status=2, software_release="R"),  # noqa: DTZ001 - its own clock
            {"terminal_id": "1", "terminal_time": "2026-07-31T21:22:00", "terminal_status": 2, "software_release": "R"},
        ),
        (
            StatusResponse(terminal_id="1", terminal_time=None, terminal_status=9, software_release=""),
            {"terminal_id": "1", "terminal_time": None, "terminal_status": 9, "software_release": ""},
        ),
        (
            CloseSessionResponse(terminal_id="1", result="00", terminal_total=1, host_total=2),
            {"result": "00", "terminal_total": 1, "host_total": 2, "reason": None, "action_code": None},
        ),
        (TotalsResponse(terminal_id="1", result="00", terminal_total=1), {"result": "00", "terminal_total": 1, "extra": ""}),
        (VasPart(terminal_id="1", more=False, sequence=1, xml="<ecrres/>"), {"xml": "<ecrres/>"}),
        (AdditionalDataResponse(terminal_id="1", data="x"), {"terminal_id": "1", "code": "U"}),
    ],
)
def test_other_answers(response, expected):
    assert response_as_json(response, NOW) == expected
    assert make(Done(response=response))["result"] == expected


def test_a_payment_result_tells_what_else_it_has():
    exchange = CurrencyExchange(exchange_rate=10893, currency="USD", currency_amount=708, currency_decimals=2)
    result = PaymentResult(
        terminal_id="1", code="V", length=117, result="01", reason="NO", preauthorization_code="700000001", currency_exchange=exchange
    )
    document = response_as_json(result, NOW)
    assert (document["pan"], document["host_time"], document["card_type"]) == (None, None, None)
    assert (document["reason"], document["preauthorization_code"]) == ("NO", "700000001")
    assert document["currency_exchange"] == {"exchange_rate": 10893, "currency": "USD", "currency_amount": 708, "currency_decimals": 2}
