"""What an answer, or an exchange that ended without one, means for its operation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecrlan.model import (
    Approved,
    CaptureRequest,
    CloseSessionRequest,
    CloseSessionResponse,
    Code,
    Declined,
    Done,
    Evidence,
    IncrementRequest,
    Kind,
    LastResultRequest,
    NotPerformed,
    Outcome,
    PaymentResult,
    PreauthorizationRequest,
    PurchaseRequest,
    ReprintRequest,
    Request,
    Response,
    StatusRequest,
    TotalsRequest,
    TotalsResponse,
    Unresolved,
    VasPart,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
    verbatim,
)
from ecrlan.protocol.exchange import Exchange, Timing
from ecrlan.protocol.outcomes import moves_money, outcome_of_answer, outcome_of_ending
from ecrlan.protocol.step import Ending
from tests.protocol.driver import APPROVED, DECLINED, EXTENDED, EXTENDED_APPROVED, PURCHASE, STATUS, TID

CAPTURE = CaptureRequest(amount=650, preauthorization_code="123456789")
INCREMENT = IncrementRequest(amount=650, preauthorization_code="123456789")
REASON = Evidence(Code.LINE_LOST)
REFUSED_BY_HOST = verbatim(Code.TERMINAL_WORDS, "NEGATA")


def vas(function: str) -> VasRequest:
    return VasRequest(xml=f'<ecrreq><p k="ECRVASID">{function}</p></ecrreq>')


def part(**values: str) -> VasPart:
    xml = "<ecrres>" + "".join(f'<p k="{key}">{text}</p>' for key, text in values.items()) + "</ecrres>"
    return VasPart(terminal_id=TID, more=False, sequence=1, xml=xml)


def close(result: str, **fields: Any) -> CloseSessionResponse:
    return CloseSessionResponse(terminal_id=TID, result=result, **fields)


def totals(result: str) -> TotalsResponse:
    return TotalsResponse(terminal_id=TID, result=result)


def approved(result: PaymentResult) -> Approved:
    return Approved(stan=result.stan, authorization_code=result.authorization_code, pan=result.pan, result=result)


# --- by an answer -------------------------------------------------------------------------------------------------------------------------

NO_CARD = replace(DECLINED, result="05")
ODD = replace(DECLINED, result="07")
ANSWERS: list[tuple[Kind, Request, Response, Outcome]] = [
    (Kind.PURCHASE, PURCHASE, APPROVED, approved(APPROVED)),
    (Kind.PURCHASE, EXTENDED, EXTENDED_APPROVED, approved(EXTENDED_APPROVED)),
    (
        Kind.PURCHASE,
        EXTENDED,
        replace(EXTENDED_APPROVED, amount=651),
        Unresolved(evidence=Evidence(Code.OTHER_AMOUNT, {"amount": 651, "asked": 650})),
    ),
    (Kind.PURCHASE, PURCHASE, DECLINED, Declined(reason=REFUSED_BY_HOST, result=DECLINED)),
    (Kind.PURCHASE, PURCHASE, replace(DECLINED, reason=""), Declined(reason=Evidence(Code.DECLINED), result=replace(DECLINED, reason=""))),
    (Kind.PURCHASE, PURCHASE, NO_CARD, Declined(reason=Evidence(Code.CARD_NOT_PRESENT), result=NO_CARD)),
    (Kind.PURCHASE, PURCHASE, ODD, Unresolved(evidence=Evidence(Code.ANSWER_SAYS_NEITHER, {"result": "07"}))),
    (Kind.VOID, VoidRequest(), replace(APPROVED, length=84), approved(replace(APPROVED, length=84))),
    (Kind.VERIFY_CARD, VerifyCardRequest(), APPROVED, approved(APPROVED)),
    (Kind.LAST_RESULT, LastResultRequest(), APPROVED, Done(response=APPROVED)),
    (Kind.LAST_RESULT, LastResultRequest(), DECLINED, Done(response=DECLINED)),
    (Kind.STATUS, StatusRequest(), STATUS, Done(response=STATUS)),
    (Kind.CLOSE_SESSION, CloseSessionRequest(), close("00"), Done(response=close("00"))),
    (
        Kind.CLOSE_SESSION,
        CloseSessionRequest(),
        close("01", reason="HOST SPENTO"),
        Declined(reason=verbatim(Code.TERMINAL_WORDS, "HOST SPENTO"), result=close("01", reason="HOST SPENTO")),
    ),
    (Kind.CLOSE_SESSION, CloseSessionRequest(), close("01"), Declined(reason=Evidence(Code.DECLINED), result=close("01"))),
    (Kind.CLOSE_SESSION, CloseSessionRequest(), close("07"), Unresolved(evidence=Evidence(Code.RESULT_UNKNOWN, {"result": "07"}))),
    (Kind.TOTALS, TotalsRequest(), totals("00"), Done(response=totals("00"))),
    (Kind.TOTALS, TotalsRequest(), totals("01"), Declined(reason=Evidence(Code.DECLINED))),
    (Kind.TOTALS, TotalsRequest(), totals("07"), NotPerformed(reason=Evidence(Code.ANSWERED_WITH, {"result": "07"}))),
    (Kind.VAS, vas("BPAY_QR"), part(RESPID="0"), Approved(answer={"RESPID": "0"})),
    (Kind.VAS, vas("BPAY_REFUND"), part(RESPID="0"), Approved(answer={"RESPID": "0"})),
    (Kind.VAS, vas("BPAY_INQUIRY"), part(RESPID="0"), Done(response=part(RESPID="0"))),
    (Kind.VAS, vas("BPAY_TOTAL"), part(RESPID="0"), Done(response=part(RESPID="0"))),
    (
        Kind.VAS,
        vas("BPAY_QR"),
        part(RESPID="7", RESPMSG="ANNULLATO"),
        Declined(reason=verbatim(Code.TERMINAL_WORDS, "ANNULLATO"), answer={"RESPID": "7", "RESPMSG": "ANNULLATO"}),
    ),
    (
        Kind.VAS,
        vas("BPAY_INQUIRY"),
        part(RESPID="7"),
        Declined(reason=Evidence(Code.VAS_RESULT, {"result": "7"}), answer={"RESPID": "7"}),
    ),
    (Kind.VAS, vas("BPAY_QR"), part(RESPMSG="OK"), Unresolved(evidence=Evidence(Code.VAS_WITHOUT_RESULT))),
    (Kind.VAS, vas("BPAY_QR"), part(RESPID=" "), Unresolved(evidence=Evidence(Code.VAS_WITHOUT_RESULT))),
]


@pytest.mark.parametrize(("kind", "request_", "response", "outcome"), ANSWERS)
def test_what_an_answer_says(kind: Kind, request_: Request, response: Response, outcome: Outcome) -> None:
    assert outcome_of_answer(kind, request_, response) == outcome


def test_a_vas_answer_that_is_no_document_says_neither() -> None:
    outcome = outcome_of_answer(Kind.VAS, vas("BPAY_QR"), VasPart(terminal_id=TID, more=False, sequence=1, xml="<ecrres"))
    assert isinstance(outcome, Unresolved)
    assert outcome.evidence.code is Code.UNREADABLE


# --- by an ending -------------------------------------------------------------------------------------------------------------------------


def ended(ending: Ending, answer: Response | None = None) -> Exchange:
    exchange = Exchange(PURCHASE, Timing())
    exchange.ending, exchange.answer = ending, answer
    return exchange


NOT_TAKEN = NotPerformed(reason=Evidence(Code.NOT_TAKEN, {"cause": REASON}))
OPEN = Unresolved(evidence=REASON)
NOTHING = NotPerformed(reason=REASON)
ENDINGS: list[tuple[Kind, Request, Ending, Response | None, Outcome]] = [
    (Kind.PURCHASE, PURCHASE, Ending.ANSWERED, APPROVED, approved(APPROVED)),
    (Kind.PURCHASE, PURCHASE, Ending.ANSWERED, None, OPEN),
    (Kind.PURCHASE, PURCHASE, Ending.REFUSED, None, NOT_TAKEN),
    (Kind.PURCHASE, PURCHASE, Ending.UNANSWERED, None, OPEN),
    (Kind.PURCHASE, PURCHASE, Ending.UNREADABLE, None, OPEN),
    (Kind.CLOSE_SESSION, CloseSessionRequest(), Ending.UNANSWERED, None, OPEN),
    (Kind.VAS, vas("BPAY_QR"), Ending.UNANSWERED, None, OPEN),
    (Kind.VAS, vas("BPAY_INQUIRY"), Ending.UNANSWERED, None, NOTHING),
    (Kind.STATUS, StatusRequest(), Ending.UNANSWERED, None, NOTHING),
    (Kind.STATUS, StatusRequest(), Ending.UNREADABLE, None, NOTHING),
    (Kind.STATUS, StatusRequest(), Ending.REFUSED, None, NOT_TAKEN),
    (Kind.TOTALS, TotalsRequest(), Ending.UNANSWERED, None, NOTHING),
    (Kind.VERIFY_CARD, VerifyCardRequest(), Ending.UNANSWERED, None, NOTHING),
    (Kind.REPRINT, ReprintRequest(), Ending.ACKNOWLEDGED, None, Done()),
]


@pytest.mark.parametrize(("kind", "request_", "ending", "answer", "outcome"), ENDINGS)
def test_what_an_ending_says(kind: Kind, request_: Request, ending: Ending, answer: Response | None, outcome: Outcome) -> None:
    assert outcome_of_ending(kind, request_, ended(ending, answer), REASON) == outcome


# --- what can charge, reverse or close ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "request_", "money"),
    [
        (Kind.PURCHASE, PurchaseRequest(amount=1), True),
        (Kind.PREAUTHORIZE, PreauthorizationRequest(amount=1), True),
        (Kind.INCREMENT, INCREMENT, True),
        (Kind.CAPTURE, CAPTURE, True),
        (Kind.VOID, VoidRequest(), True),
        (Kind.CLOSE_SESSION, CloseSessionRequest(), True),
        (Kind.VAS, vas("BPAY_QR"), True),
        (Kind.VAS, vas("BPAY_REFUND"), True),
        (Kind.VAS, vas("BPAY_CHIUSURA"), True),
        (Kind.VAS, vas("WECHAT_INQUIRY"), False),
        (Kind.VAS, vas("BPAY_TOTAL"), False),
        (Kind.VAS, VasRequest(xml="<ecrreq/>"), True),
        (Kind.VERIFY_CARD, VerifyCardRequest(), False),
        (Kind.TOTALS, TotalsRequest(), False),
        (Kind.LAST_RESULT, LastResultRequest(), False),
        (Kind.STATUS, StatusRequest(), False),
        (Kind.REPRINT, ReprintRequest(), False),
    ],
)
def test_which_operations_silence_leaves_open(kind: Kind, request_: Request, *, money: bool) -> None:
    assert moves_money(kind, request_) is money
