import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlan.errors import InvalidValueError
from ecrlan.model import (
    AdditionalDataResponse,
    Approved,
    CloseSessionResponse,
    Code,
    CurrencyExchange,
    Declined,
    Done,
    Evidence,
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
    verbatim,
)
from ecrlan.operation_json import in_language, operation_as_json, operation_of_json, receipt_of_lines, response_as_json
from ecrlan.wire.receipt import build_receipt, parse_receipt

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
CHANGED = Evidence(Code.CHANGED_NOT_OURS, {"before": "000041", "after": None, "doubt": Evidence(Code.STAN_OF_ANOTHER, {"stan": "000009"})})
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
    return operation_as_json(Operation(outcome=outcome, created_time=NOW, **given))


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
    document = make(Declined(reason=verbatim(Code.TERMINAL_WORDS, "PIN ERRATO"), result=RESULT))
    assert (document["outcome"], document["reason"], document["result"]["stan"]) == ("declined", "PIN ERRATO", "000042")
    assert (document["reason_code"], document["reason_values"]) == ("terminal_words", {"text": "PIN ERRATO"})
    assert make(NotPerformed(reason=Evidence(Code.LINE_CLOSED)))["reason"] == "the line is closed"
    assert "reason" not in make(Unresolved(evidence=Evidence(Code.TIME_OVER)))


def test_evidence_is_the_operations_or_the_outcomes():
    silence = Unresolved(evidence=Evidence(Code.TIME_OVER))
    assert make(silence)["evidence"] == "no result within its time limit"
    document = make(silence, evidence=CHANGED)
    assert document["evidence"].startswith("the terminal's last result changed (STAN 000041 to a result without STAN), but its STAN 000009")
    assert document["evidence_code"] == "changed_not_ours"
    doubt = {"code": "stan_of_another", "values": {"stan": "000009"}}
    assert document["evidence_values"] == {"before": "000041", "after": None, "doubt": doubt}


def test_reason_and_evidence_are_told_in_the_language_that_was_asked_for():
    operation = Operation(
        outcome=NotPerformed(reason=Evidence(Code.REFUSED, {"times": 3})),
        created_time=NOW,
        evidence=CHANGED,
        reference="sale-4711",
        kind=Kind.PURCHASE,
        terminal="till-1",
        amount=650,
        state=State.FINISHED,
    )
    english, italian = operation_as_json(operation), operation_as_json(operation, "it")
    assert italian["reason"] == "respinta 3 volte (NAK)"
    assert "il suo STAN 000009 è di un'altra operazione" in italian["evidence"]
    assert in_language(english, "it") == italian
    assert in_language(italian, "en") == english
    assert {key for key, value in english.items() if italian[key] != value} == {"reason", "evidence"}


def test_words_without_a_code_are_read_as_they_are():
    """As an earlier release told them."""
    document = make(NotPerformed(reason=Evidence(Code.LINE_CLOSED))) | {"reason": "no line", "evidence": "something"}
    told = {key: value for key, value in document.items() if not key.endswith(("_code", "_values"))}
    operation = operation_of_json(told)
    assert operation.outcome == NotPerformed(reason=verbatim(Code.PROSE, "no line"))
    assert operation.evidence == verbatim(Code.PROSE, "something")


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
            {
                "terminal_id": "1",
                "terminal_time": "2026-07-31T21:22:00",
                "terminal_status": 2,
                "status_word": None,
                "software_release": "R",
            },
        ),
        (
            StatusResponse(terminal_id="1", terminal_time=None, terminal_status=9, software_release=""),
            {"terminal_id": "1", "terminal_time": None, "terminal_status": 9, "status_word": None, "software_release": ""},
        ),
        (
            StatusResponse(terminal_id="1", terminal_time=None, terminal_status=None, status_word="OPERATIVE", software_release="1.0"),
            {"terminal_id": "1", "terminal_time": None, "terminal_status": None, "status_word": "OPERATIVE", "software_release": "1.0"},
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


# --- and back ---------------------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
MAYBE_TEXT = st.none() | TEXTS
CENTS = st.integers(0, 99_999_999)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside them
EXCHANGES = st.builds(CurrencyExchange, exchange_rate=CENTS, currency=TEXTS, currency_amount=CENTS, currency_decimals=st.integers(0, 4))
PAYMENTS = st.builds(
    PaymentResult,
    terminal_id=TEXTS,
    code=TEXTS,
    length=st.integers(0, 200),
    result=TEXTS,
    pan=st.none() | st.from_regex(r"[0-9]{4}", fullmatch=True),
    entry_mode=MAYBE_TEXT,
    authorization_code=MAYBE_TEXT,
    host_time=st.none() | st.builds(HostTime, st.integers(1, 365), st.integers(0, 23), st.integers(0, 59)),
    reason=MAYBE_TEXT,
    action_code=MAYBE_TEXT,
    card_type=st.none() | st.integers(0, 9),
    acquirer_id=MAYBE_TEXT,
    stan=TEXTS,
    online_id=TEXTS,
    amount=st.none() | CENTS,
    preauthorization_code=MAYBE_TEXT,
    currency_exchange=st.none() | EXCHANGES,
)
CLOSINGS = st.builds(
    CloseSessionResponse,
    terminal_id=TEXTS,
    result=TEXTS,
    terminal_total=st.none() | CENTS,
    host_total=st.none() | CENTS,
    reason=MAYBE_TEXT,
    action_code=MAYBE_TEXT,
)
RESPONSES = st.one_of(
    PAYMENTS,
    CLOSINGS,
    st.builds(TotalsResponse, terminal_id=TEXTS, result=TEXTS, terminal_total=st.none() | CENTS, extra=TEXTS),
    st.builds(
        StatusResponse,
        terminal_id=TEXTS,
        terminal_time=st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - the terminal's own clock
        terminal_status=st.none() | st.integers(0, 9),
        status_word=st.none() | TEXTS,
        software_release=TEXTS,
    ),
    st.builds(VasPart, terminal_id=TEXTS, more=st.booleans(), sequence=st.integers(1, 9), xml=TEXTS),
    st.builds(AdditionalDataResponse, terminal_id=TEXTS, data=TEXTS),
)
EVIDENCE = st.recursive(
    st.builds(Evidence, st.sampled_from(Code), st.dictionaries(TEXTS, st.none() | st.integers() | TEXTS, max_size=3)),
    lambda inner: st.builds(Evidence, st.sampled_from(Code), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=3,
)
ANSWERS = st.none() | st.dictionaries(TEXTS, TEXTS, max_size=3)
OUTCOMES = st.one_of(
    st.none(),
    st.builds(Approved, result=st.none() | PAYMENTS, answer=ANSWERS),
    st.builds(Declined, reason=EVIDENCE, result=st.one_of(st.none(), PAYMENTS, CLOSINGS), answer=ANSWERS),
    st.builds(NotPerformed, reason=EVIDENCE),
    st.builds(Unresolved, evidence=EVIDENCE),
    st.builds(Done, response=st.none() | RESPONSES),
)
SHOWN = "AB ?\x7d\x7d\x7f\x7e\x7b\x7c\x5e"
RECEIPTS = st.lists(st.one_of(st.text(SHOWN, max_size=30), st.text("A ", min_size=24, max_size=45)), max_size=6).map(
    lambda parts: "".join(parts).encode() + (b"\x7d\x1b" if len(parts) % 2 else b"")
)
OPERATIONS = st.builds(
    Operation,
    reference=TEXTS,
    kind=st.sampled_from(Kind),
    terminal=TEXTS,
    amount=st.none() | CENTS,
    state=st.sampled_from(State),
    outcome=OUTCOMES,
    created_time=TIMES,
    finished_time=st.none() | TIMES,
    receipt=RECEIPTS,
    data=MAYBE_TEXT,
    evidence=st.none() | EVIDENCE,
    durable=st.booleans(),
    resolution=st.none() | st.builds(Resolution, by=TEXTS, note=TEXTS, time=TIMES),
)


def lines_as_json(receipt):
    return [
        {"text": line.text, "compressed": line.style.compressed, "double_width": line.style.double_width}
        | {"bold": line.style.bold, "double_height": line.style.double_height}
        for line in parse_receipt(receipt)
    ]


@given(OPERATIONS)
@settings(deadline=None)
def test_the_same_document_comes_of_what_was_made_of_it(operation):
    document = operation_as_json(operation)
    back = operation_of_json(json.loads(json.dumps(document)))
    assert operation_as_json(back) == document
    assert type(back.outcome) is type(operation.outcome)
    result = getattr(operation.outcome, "result", None)
    if isinstance(operation.outcome, Approved) and result is not None:
        assert (back.outcome.stan, back.outcome.pan) == (result.stan, result.pan)


@given(RECEIPTS)
@settings(deadline=None)
def test_a_receipt_comes_back_with_its_styles(receipt):
    shown = receipt_of_lines(json.loads(json.dumps(lines_as_json(receipt))))
    assert parse_receipt(shown) == parse_receipt(receipt)
    operation = Operation(
        reference="a", kind=Kind.REPRINT, terminal="t", amount=None, state=State.FINISHED, outcome=None, created_time=NOW, receipt=receipt
    )
    assert operation_of_json(operation_as_json(operation), shown).receipt == shown


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("reference", None, "operation.reference"),
        ("reference", 7, "operation.reference"),
        ("kind", "refund", "operation.kind"),
        ("amount", "650", "operation.amount"),
        ("amount", True, "operation.amount"),
        ("state", "lost", "operation.state"),
        ("outcome", "paid", "operation.outcome"),
        ("outcome", ["approved"], "operation.outcome"),
        ("result", "00", "operation.result"),
        ("result", {"stan": None}, "operation.result.result"),
        ("result", EXAMPLE["result"] | {"host_time": "yesterday"}, "operation.result.host_time"),
        ("result", EXAMPLE["result"] | {"currency_exchange": []}, "operation.result.currency_exchange"),
        ("receipt", "BAR", "operation.receipt"),
        ("receipt", ["BAR", 7], "operation.receipt"),
        ("receipt", ["caffè"], "receipt line"),
        ("receipt", ["x" * 43], "receipt line"),
        ("created_time", "2026-11-23T17:44:00", "operation.created_time"),
        ("answer", {"RESPID": 0}, "operation.answer.RESPID"),
        ("resolution", {"by": "Anna"}, "operation.resolution.note"),
    ],
)
def test_what_fits_no_operation_is_refused_by_its_key(key, value, place):
    with pytest.raises(InvalidValueError) as raised:
        operation_of_json(EXAMPLE | {key: value})
    assert raised.value.place == place


@pytest.mark.parametrize("document", [None, [], "approved", {}])
def test_what_is_no_operation_at_all(document):
    with pytest.raises(InvalidValueError):
        operation_of_json(document)


@pytest.mark.parametrize(
    "document", [None, {}, ["BAR"], [{}], [{"text": "BAR", "bold": 1}], [{"text": "x" * 25}], [{"text": "a", "bold": True}]]
)
def test_what_fits_no_receipt_is_refused(document):
    with pytest.raises(InvalidValueError):
        receipt_of_lines(document)


def test_more_than_is_known_is_no_error():
    assert operation_as_json(operation_of_json(EXAMPLE | {"later": 1})) == EXAMPLE
