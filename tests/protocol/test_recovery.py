from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecrlan.model import (
    CaptureRequest,
    CloseSessionRequest,
    Code,
    Evidence,
    ExtendedPurchaseRequest,
    HostTime,
    IncrementRequest,
    PaymentResult,
    PreauthorizationRequest,
    PurchaseRequest,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.protocol.clock import LEARNED_TOLERANCE, STATUS_TOLERANCE, ClockOffset
from ecrlan.protocol.recovery import Attempt, Verdict, judge
from ecrlan.texts import words as said

NOW = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)  # 18:44 in Rome, day 327
PLACE = "10.0.0.5:8081"
BASELINE = PaymentResult(
    terminal_id="37105051",
    code="E",
    length=71,
    result="00",
    pan="1111",
    authorization_code="111111",
    host_time=HostTime(327, 17, 0),
    stan="000041",
)
OURS = PaymentResult(
    terminal_id="37105051",
    code="E",
    length=92,
    result="00",
    pan="2222",
    authorization_code="222222",
    host_time=HostTime(327, 18, 45),
    stan="000042",
    amount=650,
)
ATTEMPT = Attempt(
    request=ExtendedPurchaseRequest(amount=650),
    request_time=NOW,
    identity="37105051",
    place=PLACE,
    baseline=BASELINE,
    unseen_stans=0,
    previous_stan="000041",
    known_stans=frozenset({"000040", "000041"}),
    clock=ClockOffset(0.0, STATUS_TOLERANCE),
    answer_time=480.0,
    acknowledged=True,
    progressed=False,
    refused=False,
    refusals_take_stans=False,
    standalone_use=False,
    trust_unchanged_result=False,
    longest_payment_time=300.0,
    quiet_seconds=10.0,
)
DECLINED = replace(OURS, result="01", pan=None, authorization_code=None, host_time=None, amount=None, reason="NEGATA")
PLAIN = replace(OURS, length=71, amount=None)
P = PurchaseRequest(amount=650)
BY_HAND = {"standalone_use": True}
TRUSTED = {"trust_unchanged_result": True, "acknowledged": False, "quiet_seconds": 300.0}
OF_PLACE = {"identity": PLACE, "baseline": replace(BASELINE, terminal_id="00000000")}
BEHIND = {"clock": ClockOffset(-2 * 86_400.0, LEARNED_TOLERANCE)}
FIRST_DOUBLED = {"request_time": datetime(2026, 10, 25, 0, 30, tzinfo=UTC)}  # 02:30 in Rome, in the hour that comes twice on day 298
SECOND_DOUBLED = {"request_time": datetime(2026, 10, 25, 1, 30, tzinfo=UTC)}
ANEW = {"baseline": replace(BASELINE, stan="000400"), "previous_stan": "000400", "known_stans": frozenset({"000400"})}
FIRST_PAYMENT = {
    "baseline": replace(BASELINE, stan="000000", result="01", authorization_code=None, host_time=None, pan=None),
    "previous_stan": None,
    "known_stans": frozenset(),
}
INCREMENT = IncrementRequest(amount=650, preauthorization_code="000000001")

TABLE: list[tuple[dict[str, object], PaymentResult | None, Verdict, str]] = [
    # (what differs from ATTEMPT, the answer to G, verdict, words that the evidence holds)
    ({}, OURS, Verdict.OURS, "from STAN 000041 to STAN 000042, amount 6.50 EUR as asked"),
    ({}, DECLINED, Verdict.OURS, "STAN 000042"),
    ({"acknowledged": False}, OURS, Verdict.OURS, "STAN 000042"),
    ({"request": P}, PLAIN, Verdict.OURS, "STAN 000042"),
    ({"request": VoidRequest()}, replace(PLAIN, length=84), Verdict.OURS, "STAN 000042"),
    ({"request": PreauthorizationRequest(amount=650)}, replace(OURS, code="e", length=106), Verdict.OURS, "STAN"),
    ({"request": CaptureRequest(amount=650, preauthorization_code="000000001")}, replace(PLAIN, code="c", length=74), Verdict.OURS, ""),
    ({}, None, Verdict.UNPROVED, "the terminal gave no last result"),
    ({"baseline": None}, OURS, Verdict.UNPROVED, "before the request is not known"),
    ({"refused": True}, OURS, Verdict.UNPROVED, "refused (NAK)"),
    ({"request": VasRequest(xml="<ecrreq/>")}, OURS, Verdict.UNPROVED, "never settled by the last result"),
    ({"request": CloseSessionRequest()}, OURS, Verdict.UNPROVED, "never settled by the last result"),
    ({"request": VerifyCardRequest()}, PLAIN, Verdict.UNPROVED, "never settled by the last result"),
    ({}, PLAIN, Verdict.CHANGED, "E of 71 bytes is not the answer to X"),
    ({}, replace(OURS, code="V", length=117), Verdict.CHANGED, "V of 117 bytes is not the answer to X"),
    ({}, replace(OURS, amount=651), Verdict.CHANGED, "amount is 6.51 EUR instead of 6.50 EUR"),
    ({}, replace(OURS, result="09"), Verdict.CHANGED, "result code 09"),
    ({}, replace(OURS, stan="000000"), Verdict.CHANGED, "no STAN"),
    ({}, replace(OURS, stan="000041"), Verdict.CHANGED, "STAN from before"),
    ({}, replace(OURS, stan="000040"), Verdict.CHANGED, "its STAN 000040 belongs to another operation"),
    ({}, replace(OURS, host_time=HostTime(327, 18, 33)), Verdict.CHANGED, "before the request"),
    ({}, replace(OURS, host_time=HostTime(327, 18, 34)), Verdict.OURS, "STAN"),
    (BY_HAND, OURS, Verdict.OURS, "amount 6.50 EUR as asked"),
    (BY_HAND | {"acknowledged": False}, OURS, Verdict.CHANGED, "met no ACK"),
    (BY_HAND, replace(OURS, stan="000043"), Verdict.CHANGED, "not the next one"),
    (BY_HAND | {"request": P}, PLAIN, Verdict.CHANGED, "no amount to compare"),
    (BY_HAND, DECLINED, Verdict.CHANGED, "a refusal may repeat the STAN of a payment before it"),
    (BY_HAND | {"refusals_take_stans": True}, DECLINED, Verdict.CHANGED, "no amount to compare"),
    (
        BY_HAND | {"baseline": replace(BASELINE, stan="999999"), "previous_stan": "999999"},
        replace(OURS, stan="000001"),
        Verdict.OURS,
        "STAN 000001",
    ),
    ({}, BASELINE, Verdict.UNCHANGED, "unchanged (STAN 000041): probably not performed"),
    (
        {"baseline": replace(BASELINE, stan="000000")},
        replace(BASELINE, stan="000000"),
        Verdict.UNCHANGED,
        "unchanged (a result without STAN)",
    ),
    ({"trust_unchanged_result": True}, BASELINE, Verdict.UNCHANGED, "probably"),
    (TRUSTED, BASELINE, Verdict.NOT_PERFORMED, "300 s after the line's end"),
    (TRUSTED | {"acknowledged": True}, BASELINE, Verdict.UNCHANGED, "probably"),
    (TRUSTED | {"progressed": True}, BASELINE, Verdict.UNCHANGED, "probably"),
    (TRUSTED | {"quiet_seconds": 299.0}, BASELINE, Verdict.UNCHANGED, "probably"),
    # who answers: B1, B2
    ({}, replace(OURS, terminal_id="11111111"), Verdict.CHANGED, "TID 11111111 answers, and the request was sent to TID 37105051"),
    ({}, replace(BASELINE, terminal_id="11111111"), Verdict.CHANGED, "TID 11111111 answers"),
    (TRUSTED, replace(BASELINE, terminal_id="11111111"), Verdict.CHANGED, "TID 11111111 answers"),
    ({}, replace(OURS, terminal_id="00000000"), Verdict.CHANGED, "TID 00000000 answers"),
    (
        {"baseline": replace(BASELINE, terminal_id="11111111")},
        OURS,
        Verdict.UNPROVED,
        "the last result before the request is that of TID 11111111",
    ),
    ({"baseline": replace(BASELINE, terminal_id="11111111")}, replace(OURS, terminal_id="11111111"), Verdict.UNPROVED, "TID 11111111"),
    (OF_PLACE, replace(OURS, terminal_id="00000000"), Verdict.OURS, "STAN 000042"),
    (OF_PLACE, OURS, Verdict.CHANGED, "TID 37105051 answers, and the request was sent to the terminal at 10.0.0.5:8081"),
    (OF_PLACE | {"place": "10.0.0.6:8081"}, replace(OURS, terminal_id="00000000"), Verdict.UNPROVED, "that of TID 00000000"),
    ({"identity": None}, OURS, Verdict.OURS, "STAN 000042"),
    ({"identity": None}, replace(OURS, terminal_id="11111111"), Verdict.CHANGED, "TID 11111111 answers"),
    # its host time: B3, A8, C7
    ({}, replace(OURS, host_time=HostTime(327, 19, 2)), Verdict.OURS, "STAN"),
    ({}, replace(OURS, host_time=HostTime(327, 19, 3)), Verdict.CHANGED, "after the time in which the request can have been performed"),
    (BY_HAND, replace(OURS, host_time=HostTime(327, 23, 45)), Verdict.CHANGED, "after the time in which"),
    (BY_HAND, replace(OURS, host_time=HostTime(328, 18, 45)), Verdict.CHANGED, "after the time in which"),
    ({"answer_time": 540.0}, replace(OURS, host_time=HostTime(327, 19, 3)), Verdict.OURS, "STAN"),
    ({}, replace(OURS, host_time=None), Verdict.CHANGED, "it has no host time"),
    (BEHIND, replace(OURS, host_time=HostTime(325, 18, 45)), Verdict.OURS, "STAN"),
    (BEHIND, replace(OURS, host_time=HostTime(325, 18, 55)), Verdict.OURS, "STAN"),
    (BEHIND, replace(OURS, host_time=HostTime(325, 18, 40)), Verdict.CHANGED, "before the request"),
    (BEHIND, replace(OURS, host_time=HostTime(325, 18, 56)), Verdict.CHANGED, "after the time in which"),
    (BEHIND, OURS, Verdict.CHANGED, "after the time in which"),
    ({"clock": None}, OURS, Verdict.CHANGED, "the terminal's clock contradicts what was known of it"),
    ({"clock": None}, DECLINED, Verdict.OURS, "STAN 000042"),
    ({"clock": None}, BASELINE, Verdict.UNCHANGED, "probably"),
    (FIRST_DOUBLED, replace(OURS, host_time=HostTime(298, 2, 31)), Verdict.CHANGED, "after the time in which"),
    (SECOND_DOUBLED, replace(OURS, host_time=HostTime(298, 2, 31)), Verdict.CHANGED, "before the request"),
    (FIRST_DOUBLED | {"answer_time": 3600.0}, replace(OURS, host_time=HostTime(298, 2, 31)), Verdict.OURS, "STAN"),
    # its STAN: A3, B7, B10
    (ANEW, replace(OURS, stan="000002"), Verdict.CHANGED, "its STAN 000002 is not beyond 000400: STANs started anew"),
    (ANEW | BY_HAND, replace(OURS, stan="000002"), Verdict.CHANGED, "STANs started anew"),
    (
        {},
        replace(OURS, stan="000043"),
        Verdict.CHANGED,
        "STANs are missing between 000041 and 000043: somebody else may have used the terminal",
    ),
    ({"previous_stan": "000042"}, replace(OURS, stan="000043"), Verdict.OURS, "from STAN 000041 to STAN 000043"),
    ({"previous_stan": "000042"}, OURS, Verdict.CHANGED, "its STAN 000042 is not beyond 000042"),
    (FIRST_PAYMENT, replace(OURS, stan="004711"), Verdict.OURS, "from a result without STAN to STAN 004711"),
    (FIRST_PAYMENT | BY_HAND, replace(OURS, stan="004711"), Verdict.CHANGED, "not the next one"),
    (FIRST_PAYMENT | BY_HAND, replace(OURS, stan="000001"), Verdict.OURS, "STAN 000001"),
    # refusals without a STAN of their own (exchange.md §5)
    ({}, replace(DECLINED, stan="000000"), Verdict.CHANGED, "it has no STAN"),
    ({}, replace(DECLINED, stan="000041"), Verdict.CHANGED, "it carries the STAN from before"),
    ({"baseline": DECLINED}, DECLINED, Verdict.UNCHANGED, "probably not performed"),
    # its form: A4
    ({"request": P}, replace(PLAIN, length=74, action_code="000"), Verdict.OURS, "STAN 000042"),
    ({"request": P}, OURS, Verdict.CHANGED, "E of 92 bytes is not the answer to P"),
    ({}, replace(PLAIN, length=74, action_code="000"), Verdict.CHANGED, "E of 74 bytes is not the answer to X"),
    ({"request": P}, replace(OURS, code="V", length=117), Verdict.OURS, "amount 6.50 EUR as asked"),
    (BY_HAND | {"request": P}, replace(OURS, code="V", length=117), Verdict.OURS, "amount 6.50 EUR as asked"),
    ({}, replace(OURS, result="05", amount=None), Verdict.OURS, "STAN 000042"),
    (BY_HAND | {"request": INCREMENT}, replace(OURS, code="i", length=75), Verdict.CHANGED, "no amount to compare"),
    # a doubt that nothing that the terminal says can lift
    ({"doubt": Evidence(Code.FROM_BEFORE)}, OURS, Verdict.UNPROVED, "it is from before the journal was restored"),
    (TRUSTED | {"doubt": Evidence(Code.TOO_SOON, {"operation": "A-1"})}, BASELINE, Verdict.UNPROVED, "an approval came too soon"),
]


@pytest.mark.parametrize(("differs", "answer", "verdict", "words"), TABLE)
def test_truth_table(differs: dict[str, object], answer: PaymentResult | None, verdict: Verdict, words: str) -> None:
    judgement = judge(replace(ATTEMPT, **differs), answer)  # type: ignore[arg-type]
    assert judgement.verdict is verdict
    assert words in said(judgement.evidence)


def test_the_problem_is_told_where_there_is_no_answer() -> None:
    assert judge(ATTEMPT, None, Evidence(Code.LINE_LOST)).evidence == Evidence(Code.LINE_LOST)


def test_host_time_takes_the_nearest_year() -> None:
    assert HostTime(1, 0, 5).nearest(datetime(2026, 12, 31, 22, 50, tzinfo=UTC)).isoformat() == "2027-01-01T00:05:00+01:00"
    assert HostTime(365, 23, 55).nearest(datetime(2026, 1, 1, 0, 5, tzinfo=UTC)).isoformat() == "2025-12-31T23:55:00+01:00"
    assert HostTime(366, 12, 0).nearest(datetime(2025, 1, 2, tzinfo=UTC)).isoformat() == "2024-12-31T12:00:00+01:00"
    assert min(LEARNED_TOLERANCE, STATUS_TOLERANCE) >= 60.0, "host_time has no seconds"


def test_requests_of_ours_in_between_explain_missing_stans_where_ack_and_amount_are_there() -> None:
    """A card verification whose result was lost takes a STAN, and is not the last result."""
    late = replace(OURS, stan="000043")
    attempt = replace(ATTEMPT, unseen_stans=1)
    assert judge(attempt, late).verdict is Verdict.OURS
    for differs in ({"unseen_stans": 0}, {"acknowledged": False}, {"standalone_use": True}):
        assert judge(replace(attempt, **differs), late).verdict is Verdict.CHANGED  # type: ignore[arg-type]
    assert judge(attempt, replace(OURS, stan="000044")).verdict is Verdict.CHANGED


def test_only_the_clock_speaks_against_it() -> None:
    early = replace(OURS, host_time=HostTime(327, 12, 0))
    assert judge(ATTEMPT, early).by_clock
    assert not judge(ATTEMPT, replace(early, amount=651)).by_clock
    assert not judge(ATTEMPT, OURS).by_clock
