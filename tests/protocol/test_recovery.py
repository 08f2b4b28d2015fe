from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ecrlan.model import (
    CaptureRequest,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    HostTime,
    PaymentResult,
    PreauthorizationRequest,
    PurchaseRequest,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.protocol.recovery import CLOCK_TOLERANCE, Attempt, Verdict, judge, same_result

NOW = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)  # 18:44 in Rome, day 327
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
    baseline=BASELINE,
    known_stans=frozenset({"000040", "000041"}),
    acknowledged=True,
    progressed=False,
    refused=False,
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

TABLE: list[tuple[dict[str, object], PaymentResult | None, Verdict, str]] = [
    # (what differs from ATTEMPT, the answer to G, verdict, words that the evidence holds)
    ({}, OURS, Verdict.OURS, "from STAN 000041 to STAN 000042, amount 6.50 as asked"),
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
    ({}, replace(OURS, amount=651), Verdict.CHANGED, "amount 651 instead of 650"),
    ({}, replace(OURS, result="09"), Verdict.CHANGED, "result code 09"),
    ({}, replace(OURS, stan="000000"), Verdict.CHANGED, "no STAN"),
    ({}, replace(OURS, stan="000041"), Verdict.CHANGED, "STAN from before"),
    ({}, replace(OURS, stan="000040"), Verdict.CHANGED, "belongs to another operation"),
    ({}, replace(OURS, host_time=HostTime(327, 18, 33)), Verdict.CHANGED, "before the request"),
    ({}, replace(OURS, host_time=HostTime(327, 18, 34)), Verdict.OURS, "STAN"),
    (BY_HAND, OURS, Verdict.OURS, "amount 6.50 as asked"),
    (BY_HAND | {"acknowledged": False}, OURS, Verdict.CHANGED, "met no ACK"),
    (BY_HAND, replace(OURS, stan="000043"), Verdict.CHANGED, "not the next one"),
    (BY_HAND | {"request": P}, PLAIN, Verdict.CHANGED, "no amount to compare"),
    (BY_HAND, DECLINED, Verdict.CHANGED, "no amount to compare"),
    (BY_HAND | {"baseline": replace(BASELINE, stan="999999")}, replace(OURS, stan="000001"), Verdict.OURS, "STAN 000001"),
    ({}, BASELINE, Verdict.UNCHANGED, "unchanged (STAN 000041): probably not performed"),
    ({"baseline": replace(BASELINE, stan="000000")}, replace(BASELINE, stan="000000"), Verdict.UNCHANGED, "E without STAN"),
    ({"trust_unchanged_result": True}, BASELINE, Verdict.UNCHANGED, "probably"),
    (TRUSTED, BASELINE, Verdict.NOT_PERFORMED, "300 s after the line's end"),
    (TRUSTED | {"acknowledged": True}, BASELINE, Verdict.UNCHANGED, "probably"),
    (TRUSTED | {"progressed": True}, BASELINE, Verdict.UNCHANGED, "probably"),
    (TRUSTED | {"quiet_seconds": 299.0}, BASELINE, Verdict.UNCHANGED, "probably"),
]


@pytest.mark.parametrize(("differs", "answer", "verdict", "words"), TABLE)
def test_truth_table(differs: dict[str, object], answer: PaymentResult | None, verdict: Verdict, words: str) -> None:
    judgement = judge(replace(ATTEMPT, **differs), answer)  # type: ignore[arg-type]
    assert judgement.verdict is verdict
    assert words in judgement.evidence


def test_the_problem_is_told_where_there_is_no_answer() -> None:
    assert judge(ATTEMPT, None, "the terminal is busy (NAK)").evidence == "the terminal is busy (NAK)"


def test_same_result_looks_at_what_identifies_it() -> None:
    assert same_result(OURS, replace(OURS, action_code="999", entry_mode="MAG"))
    assert not same_result(OURS, replace(OURS, stan="000043"))
    assert not same_result(OURS, replace(OURS, host_time=HostTime(327, 18, 46)))


def test_host_time_takes_the_nearest_year() -> None:
    assert HostTime(1, 0, 5).nearest(datetime(2026, 12, 31, 22, 50, tzinfo=UTC)).isoformat() == "2027-01-01T00:05:00+01:00"
    assert HostTime(365, 23, 55).nearest(datetime(2026, 1, 1, 0, 5, tzinfo=UTC)).isoformat() == "2025-12-31T23:55:00+01:00"
    assert HostTime(366, 12, 0).nearest(datetime(2025, 1, 2, tzinfo=UTC)).isoformat() == "2024-12-31T12:00:00+01:00"
    assert timedelta(minutes=1) <= CLOCK_TOLERANCE, "host_time has no seconds"
