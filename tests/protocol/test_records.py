"""What happens becomes rows, and rows become operations again: what is kept of each event, and what a restart knows of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ecrlan.model import (
    Approved,
    CloseSessionResponse,
    Code,
    Declined,
    Done,
    Evidence,
    ExtendedPurchaseRequest,
    Kind,
    NotPerformed,
    Outcome,
    PaymentResult,
    PurchaseRequest,
    Request,
    Resolution,
    Response,
    State,
    StatusRequest,
    TotalsResponse,
    Unresolved,
    VasPart,
    VasRequest,
    verbatim,
)
from ecrlan.model.rows import Entry, Event, parameters_hash
from ecrlan.protocol.clock import ClockOffset
from ecrlan.protocol.identity import seen_key, vas_key
from ecrlan.protocol.records import (
    Sent,
    answered_row,
    beginning_rows,
    created_row,
    event_row,
    fact_row,
    finished_row,
    held_row,
    operation_of_entry,
    outcome_of_record,
    outcome_of_saved_answer,
    parse_saved,
    recovering_row,
    sending_row,
    sent_request,
    stray_row,
)
from ecrlan.protocol.step import Stray
from ecrlan.protocol.work import Work
from ecrlan.wire.codec import build_request, build_response
from tests.protocol.driver import STATUS, TID, UNREADABLE
from tests.protocol.shell import PLACE, START, approval, make_work, refusal

CARD = "4111111111111111"
REASON = Evidence(Code.ANOTHER_RESULT)
LOST = Evidence(Code.LINE_LOST)
LATER = START + timedelta(seconds=9)
RESULT = approval(6)
MESSAGE = build_response(RESULT)


def hexed(message: bytes) -> str:
    return message.hex()


# --- what happens becomes rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("identity", "terminal_id"), [(None, ""), (PLACE, ""), (TID, TID)], ids=["not known", "a place", "a TID"])
def test_the_first_row_says_what_was_asked_and_whom(identity: str | None, terminal_id: str) -> None:
    work = make_work(ExtendedPurchaseRequest(amount=650, receipt_text=f"GRAZIE {CARD}"))
    work.identity = identity
    row = created_row(work, PLACE)
    assert (row.terminal_id, row.address, row.reference, row.kind, row.terminal, row.amount, row.created_time) == (
        terminal_id,
        PLACE,
        "sale",
        Kind.PURCHASE,
        "till-1",
        650,
        START,
    )
    assert row.parameters["receipt_text"] == "GRAZIE ************1111"
    assert row.parameters_hash == parameters_hash(work.order.parameters), "of what was asked, not of what is kept"


def test_what_holds_no_card_number_is_kept_as_it_was_asked() -> None:
    row = created_row(make_work(), PLACE)
    assert (row.parameters, row.parameters_hash) == (make_work().order.parameters, None)


def test_whom_its_steps_are_told_to_begins_with_the_operation() -> None:
    url = "https://shop.example/paid"
    (created, callback) = beginning_rows(make_work(callback_url=url), PLACE)
    assert created == created_row(make_work(), PLACE)
    assert callback == Event(name="callback", time=START, reference="sale", terminal="till-1", data={"url": url})
    assert beginning_rows(make_work(), PLACE) == [created]


def test_an_event_names_operation_terminal_and_time() -> None:
    row = event_row(make_work(), "progress", LATER, text="ATTESA CARTA")
    assert row == Event(name="progress", time=LATER, reference="sale", terminal="till-1", data={"text": "ATTESA CARTA"})
    assert recovering_row(make_work(), LOST, LATER).data == {"evidence_code": "line_lost", "evidence_values": {}}
    assert fact_row("till-1", "pinned", PLACE, LATER, terminal_id=TID) == Event(
        name="pinned", time=LATER, reference=None, terminal="till-1", data={"identity": PLACE, "terminal_id": TID}
    )


@pytest.mark.parametrize(("clock", "kept"), [(None, None), (ClockOffset(-60.0, 180.0), [-60.0, 180.0, True])])
def test_sending_keeps_the_message_and_what_was_known(clock: ClockOffset | None, kept: list[object] | None) -> None:
    work = make_work()
    work.identity, work.previous_stan, work.unseen_stans, work.clock = TID, "000005", 2, clock
    request = build_request(ExtendedPurchaseRequest(amount=650, receipt_text=f"GRAZIE {CARD}"))
    row = sending_row(work, "X", request, MESSAGE, 2, LATER)
    assert b"GRAZIE 0000000000001111" in bytes.fromhex(row.data["message"])
    assert row.data | {"message": ""} == {
        "code": "X",
        "transmission": 2,
        "message": "",
        "baseline": hexed(MESSAGE),
        "to": TID,
        "previous_stan": "000005",
        "unseen_stans": 2,
        "clock": kept,
    }
    assert sending_row(work, "X", request, b"", 1, LATER).data["baseline"] == ""


PREAUTHORIZED = PaymentResult(
    terminal_id=TID,
    code="e",
    length=106,
    result="00",
    pan="1234",
    entry_mode="CLI",
    authorization_code="A00006",
    host_time=RESULT.host_time,
    card_type=1,
    acquirer_id="00000000034",
    stan="000006",
    amount=650,
    action_code="000",
    preauthorization_code="700000001",
)
ORDERED = VasPart(terminal_id=TID, more=False, sequence=1, xml='<ecrres><p k="ORDER_ID">A1</p></ecrres>')
UNORDERED = replace(ORDERED, xml="<ecrres></ecrres>")
KNOWN_BY: list[tuple[Response, dict[str, Any]]] = [
    (RESULT, {"stan": "000006", "identity": TID, "seen": seen_key(RESULT, MESSAGE)}),
    (replace(RESULT, terminal_id="00000000"), {"stan": "000006", "identity": PLACE, "seen": seen_key(RESULT, MESSAGE)}),
    (refusal(), {"stan": "000005", "identity": TID, "seen": seen_key(refusal(), build_response(refusal()))}),
    (
        PREAUTHORIZED,
        {"stan": "000006", "identity": TID, "seen": seen_key(PREAUTHORIZED, b""), "preauthorization_code": "700000001"},
    ),
    (ORDERED, {"stan": None, "identity": PLACE, "seen": vas_key(ORDERED.xml)}),
    (UNORDERED, {"stan": None}),
    (STATUS, {"stan": None}),
]


@pytest.mark.parametrize(("response", "known"), KNOWN_BY)
@pytest.mark.parametrize("late", [False, True])
def test_an_answer_is_kept_with_what_a_copy_of_it_is_known_by(response: Response, known: dict[str, Any], *, late: bool) -> None:
    message = build_response(response)
    row = answered_row(make_work(), response, message, PLACE, LATER, late=late)
    assert (row.name, row.reference, row.time) == ("answered", "sale", LATER)
    assert row.data == {"code": response.code, "message": hexed(message), "late": late} | known


def test_a_held_refusal_is_kept() -> None:
    message = build_response(refusal(CARD))
    row = held_row(make_work(), refusal(CARD), message, LATER)
    assert (row.name, row.data["code"]) == ("held", "E")
    assert CARD.encode().hex() not in row.data["message"]
    assert len(row.data["message"]) == 2 * len(message)


STRAYS: list[tuple[Stray, dict[str, Any]]] = [
    (Stray(REASON), {"stan": None}),
    (Stray(REASON, STATUS), {"stan": None}),
    (Stray(REASON, RESULT), {"stan": "000006"}),
    (Stray(REASON, message=UNREADABLE), {"stan": None, "message": hexed(UNREADABLE)}),
    (
        Stray(REASON, RESULT, message=MESSAGE),
        {"stan": "000006", "message": hexed(MESSAGE), "identity": TID, "seen": seen_key(RESULT, MESSAGE)},
    ),
    (
        Stray(REASON, RESULT, message=MESSAGE, doubted=True),
        {"stan": "000006", "message": hexed(MESSAGE), "identity": TID, "seen": seen_key(RESULT, MESSAGE), "doubted": True},
    ),
    (
        Stray(REASON, RESULT, message=MESSAGE, out_of_series=True),
        {"stan": "000006", "message": hexed(MESSAGE), "identity": TID, "seen": seen_key(RESULT, MESSAGE), "out_of_series": True},
    ),
    (Stray(REASON, ORDERED, message=build_response(ORDERED)), {"stan": None, "message": hexed(build_response(ORDERED))}),
]


@pytest.mark.parametrize(("stray", "data"), STRAYS)
@pytest.mark.parametrize("reference", [None, "sale"])
def test_a_stray_is_kept_with_its_reason_and_results_as_they_came(stray: Stray, data: dict[str, Any], reference: str | None) -> None:
    row = stray_row(stray, "till-1", reference, PLACE, LATER)
    assert (row.name, row.reference, row.terminal, row.time) == ("stray", reference, "till-1", LATER)
    assert row.data == {"reason_code": "another_result", "reason_values": {}} | data


def test_of_a_stray_no_card_number_is_kept() -> None:
    message = f"{TID}0Z{CARD}".encode()
    row = stray_row(Stray(REASON, message=message), "till-1", None, PLACE, LATER)
    assert CARD.encode().hex() not in row.data["message"]


def finished(work: Work, outcome: Outcome, evidence: Evidence | None = None) -> dict[str, Any]:
    row = finished_row(work, outcome, LATER, evidence)
    assert (row.name, row.reference, row.time) == ("finished", "sale", LATER)
    return row.data


NOTE = Evidence(Code.UNCHANGED, {"stan": "000005"})
KEPT_NOTE = {"evidence_code": "unchanged", "evidence_values": {"stan": "000005"}}
KEPT_LOST = {"reason_code": "line_lost", "reason_values": {}}


@pytest.mark.parametrize(
    ("outcome", "evidence", "data"),
    [
        (Approved(), None, {"outcome": "approved", "answer": None}),
        (Approved(), NOTE, {"outcome": "approved", "answer": None} | KEPT_NOTE),
        (Approved(answer={"RESPID": "0"}), None, {"outcome": "approved", "answer": {"RESPID": "0"}}),
        (Declined(reason=LOST, answer={"RESPID": "7"}), None, {"outcome": "declined", "answer": {"RESPID": "7"}} | KEPT_LOST),
        (NotPerformed(reason=LOST), NOTE, {"outcome": "not_performed", "answer": None} | KEPT_LOST | KEPT_NOTE),
        (Unresolved(evidence=NOTE), None, {"outcome": "unresolved", "answer": None} | KEPT_NOTE),
        (Unresolved(evidence=NOTE), LOST, {"outcome": "unresolved", "answer": None} | KEPT_NOTE),
        (Done(), None, {"outcome": "done", "answer": None}),
    ],
)
def test_an_end_is_kept_with_its_reason_and_evidence(outcome: Outcome, evidence: Evidence | None, data: dict[str, Any]) -> None:
    assert finished(make_work(), outcome, evidence) == data


# --- rows become operations again ---------------------------------------------------------------------------------------------------------


def entry(*events: Event, state: str = "sending", kind: Kind = Kind.PURCHASE) -> Entry:
    return Entry(
        id=1,
        reference="sale",
        kind=kind,
        terminal="till-1",
        amount=650,
        parameters={},
        created_time=START,
        state=state,
        outcome=None,
        events=events,
    )


def happened(name: str, **data: Any) -> Event:
    return Event(name=name, time=LATER, reference="sale", terminal="till-1", data=data)


def answered(response: Response) -> Event:
    return answered_row(make_work(), response, build_response(response), TID, LATER, late=False)


APPROVED = Approved(stan="000006", authorization_code="A00006", pan="1234", result=RESULT)
DECLINED = Declined(reason=verbatim(Code.TERMINAL_WORDS, "NEGATA"), result=refusal())
CLOSED = CloseSessionResponse(terminal_id=TID, result="01", reason="HOST SPENTO", action_code="116")
TOTALS = TotalsResponse(terminal_id=TID, result="00", terminal_total=650)
ROUND: list[tuple[Outcome, Response | None]] = [
    (APPROVED, RESULT),
    (Approved(answer={"RESPID": "0"}), ORDERED),
    (DECLINED, refusal()),
    (Declined(reason=verbatim(Code.TERMINAL_WORDS, "HOST SPENTO"), result=CLOSED), CLOSED),
    (Declined(reason=Evidence(Code.DECLINED)), replace(TOTALS, result="01")),
    (Declined(reason=verbatim(Code.TERMINAL_WORDS, "KO"), answer={"RESPID": "7"}), UNORDERED),
    (NotPerformed(reason=LOST), None),
    (Unresolved(evidence=NOTE), None),
    (Done(response=STATUS), STATUS),
    (Done(response=TOTALS), TOTALS),
    (Done(), None),
]


@pytest.mark.parametrize(("outcome", "response"), ROUND)
def test_an_outcome_comes_back_as_it_was_told(outcome: Outcome, response: Response | None) -> None:
    events = [answered(response)] if response is not None else []
    operation = operation_of_entry(entry(*events, finished_row(make_work(), outcome, LATER, NOTE), state="finished"))
    assert operation.outcome == outcome
    assert (operation.state, operation.finished_time, operation.evidence) == (State.FINISHED, LATER, NOTE)


RESOLVED = happened("resolved", outcome="approved", by="Anna", note="on the list")
LOST_ROW = recovering_row(make_work(), LOST, LATER)
UNRESOLVED_ROW = finished_row(make_work(), Unresolved(evidence=NOTE), LATER)
APPROVED_ROW = finished_row(make_work(), APPROVED, LATER)
ENTRIES: list[tuple[str, list[Event], str, dict[str, Any]]] = [
    ("under way", [happened("accepted")], "accepted", {"state": State.ACCEPTED, "outcome": None, "finished_time": None}),
    ("lost", [LOST_ROW], "recovering", {"state": State.RECOVERING, "outcome": None, "evidence": LOST}),
    ("left open", [LOST_ROW, UNRESOLVED_ROW], "finished", {"outcome": Unresolved(evidence=NOTE), "evidence": NOTE}),
    ("proved later", [UNRESOLVED_ROW, answered(RESULT), APPROVED_ROW], "finished", {"outcome": APPROVED}),
    (
        "settled by a person",
        [UNRESOLVED_ROW, RESOLVED],
        "finished",
        {"outcome": Approved(), "resolution": Resolution(by="Anna", note="on the list", time=LATER), "evidence": NOTE},
    ),
    ("a person came too late", [answered(RESULT), APPROVED_ROW, RESOLVED], "finished", {"outcome": APPROVED, "resolution": None}),
    (
        "a result after a person's word",
        [UNRESOLVED_ROW, RESOLVED, answered(refusal()), finished_row(make_work(), DECLINED, LATER)],
        "finished",
        {"outcome": Approved()},
    ),
    ("what was known stays where the end tells nothing more", [LOST_ROW, answered(RESULT), APPROVED_ROW], "finished", {"evidence": LOST}),
    ("an answer after the end", [answered(RESULT), APPROVED_ROW, answered(refusal())], "finished", {"outcome": APPROVED}),
    ("the end of an older release has no answer", [APPROVED_ROW], "finished", {"outcome": Approved()}),
    ("a receipt in parts", [happened("receipt", text="7d41"), happened("receipt", text="421b")], "sending", {"receipt": b"}AB\x1b"}),
    ("data of the host", [happened("data", data="TOKEN")], "sending", {"data": "TOKEN"}),
    ("what tells nothing", [happened("progress", text="ATTESA")], "sending", {"outcome": None, "evidence": None, "receipt": b""}),
    (
        "words of an earlier release",
        [happened("finished", outcome="not_performed", reason="refused 3 times (NAK)")],
        "finished",
        {"outcome": NotPerformed(reason=verbatim(Code.PROSE, "refused 3 times (NAK)"))},
    ),
    (
        "an end that tells nothing",
        [happened("finished", outcome="unresolved")],
        "finished",
        {"outcome": Unresolved(evidence=verbatim(Code.PROSE, ""))},
    ),
]


@pytest.mark.parametrize(("name", "events", "state", "told"), ENTRIES, ids=[name for name, *_ in ENTRIES])
def test_an_operation_as_the_journal_tells_it(name: str, events: list[Event], state: str, told: dict[str, Any]) -> None:
    operation = operation_of_entry(entry(*events, state=state))
    assert {name: getattr(operation, name) for name in told} == told
    assert (operation.reference, operation.kind, operation.terminal, operation.amount, operation.created_time) == (
        "sale",
        Kind.PURCHASE,
        "till-1",
        650,
        START,
    )
    assert operation.durable


def test_a_declined_outcome_keeps_only_an_answer_that_says_why() -> None:
    assert outcome_of_record({"outcome": "declined", "reason_code": "declined"}, STATUS) == Declined(reason=Evidence(Code.DECLINED))


@pytest.mark.parametrize(
    ("message", "response"),
    [("", None), ("zz", None), (hexed(UNREADABLE), None), (hexed(MESSAGE), RESULT), (hexed(MESSAGE + b"000"), replace(RESULT, length=95))],
    ids=["none", "no hex", "unreadable", "whole", "longer than its table"],
)
def test_a_message_that_was_kept(message: str, response: Response | None) -> None:
    assert parse_saved(message) == response


# --- what a restart knows of a request that was sent --------------------------------------------------------------------------------------


def sending(request: Request, *, transmission: int = 1, baseline: bytes = b"", **data: Any) -> Event:
    known = {"to": TID, "previous_stan": "000004", "unseen_stans": 1, "clock": [5.0, 180.0, True]}
    message = build_request(request).hex()
    return happened("sending", code=request.code, transmission=transmission, message=message, baseline=baseline.hex(), **(known | data))


ASKED = ExtendedPurchaseRequest(terminal_id=TID, amount=650)
FELL_BACK = PurchaseRequest(terminal_id=TID, amount=650)
NAMELESS = replace(ASKED, terminal_id="00000000")
BASELINE = approval(5, -60)
OLDER = {"to": None, "previous_stan": None, "unseen_stans": 0, "clock": None}


def test_what_was_known_when_it_was_sent_is_known_after_a_restart() -> None:
    first, again, accepted = sending(ASKED, baseline=build_response(BASELINE)), sending(ASKED, transmission=2), happened("accepted")
    assert sent_request(entry(first, again, accepted)) == Sent(
        request=ASKED,
        time=LATER,
        baseline=BASELINE,
        baseline_message=build_response(BASELINE),
        identity=TID,
        previous_stan="000004",
        unseen_stans=1,
        clock=ClockOffset(5.0, 180.0),
        events=(first, again, accepted),
    )


def test_after_a_fallback_the_request_is_the_last_one_and_only_what_follows_is_about_it() -> None:
    refused, fell_back = happened("refused", transmission=1), sending(FELL_BACK)
    sent = sent_request(entry(sending(ASKED), refused, fell_back))
    assert sent is not None
    assert (sent.request, sent.events) == (FELL_BACK, (fell_back,))


def test_what_was_refused_was_sent() -> None:
    events = (sending(ASKED), happened("refused", transmission=1))
    sent = sent_request(entry(*events))
    assert sent is not None
    assert (sent.request, sent.events) == (ASKED, events)


@pytest.mark.parametrize("events", [[], [happened("finished", outcome="not_performed")], [sending(ASKED, transmission=2)]])
def test_what_was_not_sent_has_no_request(events: list[Event]) -> None:
    assert sent_request(entry(*events)) is None


@pytest.mark.parametrize(
    ("request_", "baseline", "data", "identity", "previous_stan"),
    [
        (ASKED, b"", OLDER, TID, None),
        (NAMELESS, build_response(BASELINE), OLDER, TID, "000005"),
        (NAMELESS, build_response(replace(BASELINE, terminal_id="00000000")), OLDER, None, "000005"),
        (NAMELESS, b"", OLDER, None, None),
        (NAMELESS, build_response(replace(BASELINE, stan="000000")), OLDER, TID, None),
        (ASKED, build_response(STATUS), OLDER, TID, None),
        (ASKED, build_response(BASELINE), {"to": PLACE}, PLACE, "000004"),
    ],
    ids=["by its TID", "by its last result", "neither names it", "nothing known", "no STAN", "no result", "as it is written"],
)
def test_whom_an_earlier_release_sent_it_to(
    request_: Request, baseline: bytes, data: dict[str, Any], identity: str | None, previous_stan: str | None
) -> None:
    sent = sent_request(entry(sending(request_, baseline=baseline, **data)))
    assert sent is not None
    assert (sent.identity, sent.previous_stan) == (identity, previous_stan)
    if data is OLDER:
        assert (sent.unseen_stans, sent.clock) == (0, None)


def test_what_an_earlier_release_did_not_write_is_not_known() -> None:
    event = happened("sending", transmission=1, message=build_request(ASKED).hex())
    sent = sent_request(entry(event))
    assert sent is not None
    assert (sent.baseline, sent.baseline_message, sent.previous_stan, sent.unseen_stans, sent.clock) == (None, b"", None, 0, None)


@pytest.mark.parametrize(
    ("kind", "request_", "events", "outcome"),
    [
        (Kind.PURCHASE, ASKED, [], None),
        (Kind.PURCHASE, ASKED, [answered(RESULT)], APPROVED),
        (Kind.PURCHASE, ASKED, [answered(RESULT), happened("receipt", text="")], APPROVED),
        (Kind.PURCHASE, ASKED, [answered(RESULT), answered(refusal())], DECLINED),
        (Kind.PURCHASE, ASKED, [happened("answered", message="")], None),
        (Kind.PURCHASE, ASKED, [happened("answered", message=hexed(UNREADABLE))], None),
        (Kind.STATUS, StatusRequest(), [answered(STATUS)], Done(response=STATUS)),
        (Kind.VAS, VasRequest(xml="<ecrreq/>"), [answered(UNORDERED)], Unresolved(evidence=Evidence(Code.VAS_WITHOUT_RESULT))),
    ],
    ids=["none", "its answer", "more after it", "the last one", "no message", "unreadable", "a look", "VAS"],
)
def test_an_answer_on_disk_is_the_outcome_though_its_end_is_not(
    kind: Kind, request_: Request, events: list[Event], outcome: Outcome | None
) -> None:
    assert outcome_of_saved_answer(entry(*events, kind=kind), request_) == outcome
