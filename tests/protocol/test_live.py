from __future__ import annotations

from dataclasses import replace

import pytest

from ecrlan.model import (
    Code,
    Evidence,
    ExtendedPurchaseRequest,
    LastResultRequest,
    PaymentResult,
    PurchaseRequest,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
    VasPart,
    VasRequest,
    VerifyCardRequest,
)
from ecrlan.protocol.live import Finding, LiveRules
from ecrlan.protocol.memory import Standing
from ecrlan.texts import words as said

TID = "37105051"
P = PurchaseRequest(amount=650)
X = ExtendedPurchaseRequest(amount=650)
G = LastResultRequest()
K = VasRequest(xml="<ecrreq/>")
PLAIN = PaymentResult(terminal_id=TID, code="E", length=71, result="00", stan="000042")
EXTENDED = replace(PLAIN, length=92, amount=650)
REFUSED = replace(EXTENDED, result="01", amount=None, reason="NEGATA")
STATUS = StatusResponse(terminal_id=TID, terminal_time=None, terminal_status=2, software_release="X")
PART = VasPart(terminal_id=TID, more=False, sequence=1, xml="<ecrres/>")
MESSAGE = b"the message"
KNOWN = {"standing": lambda *_: Standing.SEEN}
REPEATED = {"standing": lambda *_: Standing.REPEATED}
OUT_OF_SERIES = {"standing": lambda *_: Standing.OUT_OF_SERIES}
FIRST_OF_SERIES = {"begins_series": lambda stan: stan == "000042"}
AFTER_LOSS = {"require_ack": True}
LOST = {"lost_before": "A-1"}
LAST = {"last_message": MESSAGE}
ANOTHERS = Evidence(Code.KNOWN_VAS)
NOT_OURS = {"belongs": lambda _: ANOTHERS}
EARLY = {"acknowledged": False}
SOON = {"soon": True}
UNWRITTEN = {"written": False, "acknowledged": False}

TABLE: list[tuple[Request, Response, dict[str, object], dict[str, bool], Finding, str]] = [
    # (request, response, the rules that differ, the moment that differs: acknowledged a while ago, finding, words of the reason)
    (X, EXTENDED, {}, {}, Finding.ANSWER, ""),
    (X, EXTENDED, {}, EARLY, Finding.ANSWER, ""),
    (X, EXTENDED, {}, SOON, Finding.ANSWER, ""),
    (X, REFUSED, {}, {}, Finding.ANSWER, ""),
    (P, PLAIN, {}, EARLY, Finding.ANSWER, ""),
    (StatusRequest(), STATUS, {}, EARLY, Finding.ANSWER, ""),
    (K, PART, {}, EARLY, Finding.ANSWER, ""),
    (G, PLAIN, {}, EARLY, Finding.ANSWER, ""),
    # code, form and amount
    (X, PLAIN, {}, {}, Finding.ANSWER, ""),
    (X, PLAIN, {}, EARLY, Finding.STRAY, "only after its ACK"),
    (X, PLAIN, {"accept_short": False}, {}, Finding.STRAY, "it may be another request's"),
    (X, replace(EXTENDED, amount=651), {}, {}, Finding.STRAY, "amount is 6.51 EUR instead of 6.50 EUR"),
    (P, replace(PLAIN, length=84), {}, {}, Finding.STRAY, "E of 84 bytes does not answer P"),
    (P, STATUS, {}, {}, Finding.STRAY, "s does not answer P"),
    (P, PART, {}, {}, Finding.STRAY, "K does not answer P"),
    (X, replace(EXTENDED, length=80, amount=None), {}, {}, Finding.STRAY, "does not answer X"),
    (X, replace(EXTENDED, length=80, amount=None), {"tolerate_lengths": True}, {}, Finding.ANSWER, ""),
    # the moment
    (P, PLAIN, {}, UNWRITTEN, Finding.STRAY, "before its request was written"),
    (P, PLAIN, AFTER_LOSS, {}, Finding.ANSWER, ""),
    (P, PLAIN, AFTER_LOSS, EARLY, Finding.STRAY, "before the ACK of the request, after an exchange that ended without a result"),
    (StatusRequest(), STATUS, AFTER_LOSS, EARLY, Finding.STRAY, "before the ACK of the request"),
    (G, PLAIN, AFTER_LOSS, EARLY, Finding.STRAY, "before the ACK of the request"),
    # what was seen before
    (X, EXTENDED, KNOWN, {}, Finding.OLDER, "STAN 000042, a result that is known already"),
    (X, EXTENDED, KNOWN, EARLY, Finding.OLDER, "known already"),
    (X, replace(EXTENDED, amount=651), KNOWN, {}, Finding.OLDER, "known already"),
    (P, replace(PLAIN, length=84), KNOWN, {}, Finding.OLDER, "known already"),
    (G, PLAIN, KNOWN, {}, Finding.ANSWER, ""),
    (X, EXTENDED, OUT_OF_SERIES, {}, Finding.OUT_OF_SERIES, "nothing shows that STANs started anew"),
    (X, EXTENDED, OUT_OF_SERIES | LOST, SOON, Finding.OUT_OF_SERIES, "nothing shows that STANs started anew"),
    (G, PLAIN, OUT_OF_SERIES, {}, Finding.ANSWER, ""),
    (X, EXTENDED, FIRST_OF_SERIES, {}, Finding.ANSWER, ""),
    (X, EXTENDED, FIRST_OF_SERIES, EARLY, Finding.STRAY, "STANs would start anew with it, before the ACK of the request"),
    (X, replace(EXTENDED, stan="000043"), FIRST_OF_SERIES, EARLY, Finding.ANSWER, ""),
    (X, REFUSED, FIRST_OF_SERIES, EARLY, Finding.ANSWER, ""),
    (G, PLAIN, FIRST_OF_SERIES, EARLY, Finding.ANSWER, ""),
    (K, PART, FIRST_OF_SERIES, EARLY, Finding.ANSWER, ""),
    (P, PLAIN, LAST, EARLY, Finding.OLDER, "the last result once more, before the ACK of the request"),
    (P, PLAIN, LAST, {}, Finding.ANSWER, ""),
    (G, PLAIN, LAST, EARLY, Finding.ANSWER, ""),
    # a refusal that equals an earlier one
    (X, REFUSED, REPEATED, {}, Finding.HOLD, "a refusal that equals an earlier one"),
    (X, REFUSED, REPEATED, EARLY, Finding.HOLD, ""),
    (X, REFUSED, REPEATED | LAST, {}, Finding.HOLD, ""),
    (X, REFUSED, REPEATED | LAST, EARLY, Finding.HOLD, "a refusal that equals an earlier one"),
    (X, REFUSED, REPEATED | AFTER_LOSS, EARLY, Finding.STRAY, "before the ACK"),
    (X, REFUSED, REPEATED | LOST, SOON, Finding.HOLD, ""),
    (X, replace(REFUSED, length=84), REPEATED, {}, Finding.STRAY, "E of 84 bytes does not answer X"),
    (X, REFUSED, REPEATED, UNWRITTEN, Finding.STRAY, "before its request was written"),
    (G, REFUSED, REPEATED, {}, Finding.ANSWER, ""),
    # after a lost operation
    (X, EXTENDED, LOST, {}, Finding.ANSWER, ""),
    (X, EXTENDED, LOST, SOON, Finding.DOUBTFUL, "the result of operation A-1 is still unseen: it may be either's"),
    (X, EXTENDED, LOST, EARLY, Finding.DOUBTFUL, "A-1"),
    (VerifyCardRequest(), PLAIN, LOST, SOON, Finding.DOUBTFUL, "A-1"),
    (X, REFUSED, LOST, SOON, Finding.ANSWER, ""),
    (G, PLAIN, LOST, SOON, Finding.ANSWER, ""),
    (StatusRequest(), STATUS, LOST, SOON, Finding.ANSWER, ""),
    (K, PART, LOST, SOON, Finding.DOUBTFUL, "A-1"),
    (K, PART, LOST, {}, Finding.ANSWER, ""),
    # what only the content shows
    (X, EXTENDED, NOT_OURS, {}, Finding.STRAY, "a VAS answer that is known already"),
    (K, PART, NOT_OURS, {}, Finding.ANSWER, ""),  # judged once its parts are joined
]


@pytest.mark.parametrize(("request_", "response", "rules", "moment", "finding", "words"), TABLE)
def test_truth_table(request_, response, rules, moment, finding, words) -> None:
    when = {"acknowledged": True, "written": True, "soon": False} | moment
    found, reason = LiveRules(**rules).judge(request_, response, MESSAGE, **when)
    assert found is finding
    assert words in said(reason)
    assert (reason.code is Code.ANSWERED) is (finding is Finding.ANSWER)


@pytest.mark.parametrize(
    ("own", "answers_as", "fits"),
    [
        (TID, TID, True),
        (TID, "11111111", False),
        (TID, "00000000", True),
        (None, TID, True),
        (None, "00000000", True),
    ],
)
def test_another_tid_never_fits_and_00000000_is_nobodys(own: str | None, answers_as: str, fits: bool) -> None:
    assert LiveRules(terminal_id=own).is_of_terminal(answers_as) is fits


def test_a_standing_is_told_of_the_message_that_came() -> None:
    rules = LiveRules(standing=lambda result, message: Standing.SEEN if (result, message) == (PLAIN, MESSAGE) else Standing.NEW)
    assert rules.was_seen(PLAIN, MESSAGE)
    assert not rules.was_seen(PLAIN, b"another")
    assert not rules.was_seen(REFUSED, MESSAGE)
    assert not LiveRules().was_seen(PLAIN, MESSAGE)


def test_a_short_result_after_a_lost_one_is_not_taken_whatever_lengths_are_tolerated() -> None:
    rules = LiveRules(accept_short=False, tolerate_lengths=True)
    found, _ = rules.judge(X, PLAIN, MESSAGE, acknowledged=True, written=True, soon=False)
    assert found is Finding.STRAY
