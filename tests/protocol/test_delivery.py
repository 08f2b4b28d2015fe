"""NAKs and sendings of a request that moves money; approvals that may be a lost operation's, or come from before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecrlan.model import AdditionalDataResponse, HostTime, LastResultRequest, Request, StatusRequest, VasPart, VasRequest
from ecrlan.protocol.exchange import Timing
from ecrlan.protocol.memory import Memory
from ecrlan.protocol.step import Accepted, Answered, BadFrame, Ended, Ending, Refused, Stray
from ecrlan.protocol.transitions import ExchangeState
from ecrlan.texts import words
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import build_frame, build_progress
from tests.protocol.driver import (
    ACK,
    APPROVED,
    DECLINED,
    EXTENDED,
    EXTENDED_APPROVED,
    NAK,
    OF_A_VOID,
    PURCHASE,
    STATUS,
    TID,
    Driver,
    kinds,
    receipt,
    seen,
    wire,
)


def test_three_naks_refuse() -> None:
    driver = Driver(PURCHASE)
    for transmission in (1, 2, 3):
        assert Refused("P", transmission) in driver.feed(NAK)
        if transmission < 3:
            driver.ring()
    assert driver.ending is Ending.REFUSED
    assert driver.requests_sent == 3
    assert driver.now == 2.0


def test_line_lost_after_a_nak_is_refused_and_after_anything_else_not() -> None:
    refused = Driver(PURCHASE)
    refused.feed(NAK)
    refused.lose()
    assert refused.ending is Ending.REFUSED
    outstanding = Driver(PURCHASE)
    outstanding.feed(NAK)
    outstanding.ring()
    outstanding.lose()
    assert outstanding.ending is Ending.UNANSWERED
    assert outstanding.lose() == []


def test_nak_after_ack_and_after_silence_prove_nothing() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    assert driver.feed(NAK) == []
    silent = Driver(PURCHASE)
    silent.feed(NAK)
    silent.ring()
    silent.ring()
    assert silent.requests_sent == 2
    assert silent.feed(NAK) == []
    assert silent.exchange.state is ExchangeState.AWAITING_RESULT
    assert kinds(silent.feed(ACK)) == [Accepted]
    silent.feed(wire(APPROVED))
    assert silent.ending is Ending.ANSWERED


def test_nak_of_a_repeated_request_after_silence_is_no_proof() -> None:
    driver = Driver(StatusRequest(), Timing(result=60.0))
    driver.ring()
    driver.feed(NAK)
    driver.ring()
    driver.feed(NAK)
    assert driver.ending is Ending.UNANSWERED


def test_result_after_a_nak_is_no_answer_but_an_alarm() -> None:
    driver = Driver(PURCHASE)
    driver.feed(NAK)
    events = driver.feed(wire(APPROVED))
    assert kinds(events) == [Stray, Ended]
    assert events[0].alarm  # type: ignore[union-attr]
    assert driver.ending is Ending.UNANSWERED
    assert driver.sent[-1] == ACK
    assert driver.requests_sent == 1


def test_result_of_the_second_transmission_carries_the_alarm() -> None:
    driver = Driver(PURCHASE)
    driver.feed(NAK)
    driver.ring()
    (answered, _) = driver.feed(wire(APPROVED))
    assert isinstance(answered, Answered)
    assert answered.after_nak


@pytest.mark.parametrize(
    ("code_request", "sign"),
    [
        (PURCHASE, build_progress("INSERIRE CARTA")),
        (PURCHASE, receipt(b"SCONTRINO")),
        (VasRequest(xml="<ecrreq/>"), wire(VasPart(terminal_id=TID, more=True, sequence=1, xml="<ecr"))),
    ],
)
def test_a_sign_of_life_after_a_nak_stops_retransmission(code_request: Request, sign: bytes) -> None:
    driver = Driver(code_request)
    driver.feed(NAK)
    driver.feed(sign)
    assert driver.exchange.state is ExchangeState.AWAITING_RESULT
    driver.ring()
    assert driver.requests_sent == 1
    assert driver.ending is Ending.UNANSWERED, "it may have been performed"


def test_after_a_nak_and_progress_the_result_counts_behind_an_ack_only() -> None:
    acknowledged = Driver(PURCHASE)
    acknowledged.feed(NAK + build_progress("INSERIRE CARTA") + ACK)
    (answered, _) = acknowledged.feed(wire(APPROVED))
    assert isinstance(answered, Answered)
    assert not answered.after_nak
    unproved = Driver(PURCHASE)
    unproved.feed(NAK + build_progress("INSERIRE CARTA"))
    stray, ended = unproved.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert stray.alarm
    assert stray.message == build_response(APPROVED)
    assert isinstance(ended, Ended)
    assert unproved.ending is Ending.UNANSWERED


def test_a_lost_line_after_nak_and_progress_proves_nothing() -> None:
    driver = Driver(PURCHASE)
    driver.feed(NAK + build_progress("INSERIRE CARTA"))
    driver.lose()
    assert driver.ending is Ending.UNANSWERED


@pytest.mark.parametrize(
    ("sign", "told"), [(build_progress("INSERIRE CARTA"), [Refused("P", 1)]), (wire(OF_A_VOID), []), (receipt(b"SCONTRINO"), [])]
)
def test_a_nak_after_a_sign_of_life_is_no_refusal(sign: bytes, told: list[Refused]) -> None:
    driver = Driver(PURCHASE)
    driver.feed(sign)
    assert driver.feed(NAK) == told, "after an ACK of ours it may answer that one"
    driver.ring_until_over()
    assert driver.requests_sent == 1
    assert driver.ending is Ending.UNANSWERED


@pytest.mark.parametrize(
    "stray",
    [wire(OF_A_VOID), build_frame(build_response(APPROVED)[:-1]), wire(replace(APPROVED, terminal_id="99999999"))],
)
def test_a_strange_result_after_a_nak_ends_the_transmissions_with_an_alarm(stray: bytes) -> None:
    driver = Driver(PURCHASE, terminal_id=TID)
    driver.feed(NAK)
    told, ended = driver.feed(stray)
    assert isinstance(told, Stray)
    assert told.alarm
    assert told.message == stray[1:-2]
    assert isinstance(ended, Ended)
    assert driver.sent[-1] == ACK
    assert driver.ending is Ending.UNANSWERED


@pytest.mark.parametrize(
    "older",
    [
        seen(APPROVED),
        {"last_message": build_response(APPROVED)},
    ],
)
def test_an_older_result_after_a_nak_is_no_sign_of_life(older: dict[str, object]) -> None:
    driver = Driver(PURCHASE, **older)
    driver.feed(NAK)
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert not stray.alarm
    driver.ring()
    assert driver.requests_sent == 2
    driver.feed(NAK)
    driver.feed(wire(AdditionalDataResponse(terminal_id=TID, data="TOKEN")))
    driver.ring()
    assert driver.requests_sent == 3


def test_result_after_the_last_nak_stays_refused_with_an_alarm() -> None:
    driver = Driver(PURCHASE)
    driver.feed(NAK)
    driver.ring()
    driver.feed(NAK)
    driver.ring()
    driver.feed(NAK)
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert stray.alarm
    assert driver.ending is Ending.REFUSED
    (stray,) = driver.feed(wire(replace(APPROVED, length=84, action_code="000")))
    assert isinstance(stray, Stray)
    assert stray.alarm


def test_a_result_on_the_line_of_a_refused_question_is_no_alarm() -> None:
    driver = Driver(LastResultRequest(), require_ack=True)
    for _ in range(2):
        driver.feed(NAK)
        driver.ring()
    driver.feed(NAK)
    assert driver.ending is Ending.REFUSED
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert not stray.alarm


# --- whose NAK it is ---

BAD_RESULT = wire(APPROVED)[:-1] + bytes([wire(APPROVED)[-1] ^ 0x40])


def test_a_late_nak_of_the_only_transmission_refuses_and_nothing_is_sent_again() -> None:
    driver = Driver(PURCHASE)
    driver.ring()
    assert driver.exchange.state is ExchangeState.AWAITING_RESULT
    assert kinds(driver.feed(NAK)) == [Refused, Ended]
    assert driver.ending is Ending.REFUSED
    assert words(driver.exchange.reason) == "refused once (NAK)"
    assert driver.exchange.naks == driver.requests_sent == 1
    assert driver.wake_at is None
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert stray.alarm, "it was performed all the same"
    assert driver.ending is Ending.REFUSED


def test_a_late_nak_after_progress_proves_nothing() -> None:
    driver = Driver(PURCHASE)
    driver.feed(build_progress("INSERIRE CARTA"))
    driver.ring()
    assert driver.feed(NAK) == []
    assert driver.ending is None
    assert driver.exchange.unexplained == 1


@pytest.mark.parametrize(
    ("written", "answered_by_us"),
    [
        (b"zzzz", NAK),
        (BAD_RESULT, NAK),
        (wire(APPROVED), ACK),
        (wire(STATUS), ACK),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_a_nak_may_answer_what_else_we_wrote(written: bytes, answered_by_us: bytes, late: bool) -> None:
    """D0: `X` could be sent twice, or be called not performed."""
    driver = Driver(PURCHASE, **seen(APPROVED))
    driver.feed(written)
    assert driver.sent[-1] == answered_by_us
    if late:
        driver.ring()
    assert driver.feed(NAK) == []
    assert driver.exchange.naks == 0
    assert driver.exchange.unexplained == 1
    driver.ring_until_over()
    assert driver.requests_sent == 1
    assert driver.ending is Ending.UNANSWERED


def test_bytes_that_are_answered_by_nothing_leave_a_nak_its_meaning() -> None:
    driver = Driver(PURCHASE)
    assert kinds(driver.feed(b"\x06\x03\x00")) == [BadFrame]
    assert driver.feed(NAK) == [Refused("P", 1)]


def test_each_transmission_begins_anew_with_what_was_written_since() -> None:
    driver = Driver(PURCHASE, **seen(APPROVED))
    driver.feed(NAK)
    driver.feed(wire(APPROVED))  # from before: acknowledged in the pause
    driver.ring()
    assert driver.feed(NAK) == [Refused("P", 2)]
    driver.ring()
    assert kinds(driver.feed(NAK)) == [Refused, Ended]
    assert driver.ending is Ending.REFUSED


def test_the_nak_of_a_question_counts_whatever_else_we_wrote() -> None:
    driver = Driver(StatusRequest())
    driver.feed(b"zzzz")
    assert driver.feed(NAK) == [Refused("s", 1)]


def test_a_second_nak_in_the_pause_is_unexplained() -> None:
    driver = Driver(PURCHASE)
    driver.feed(NAK)
    assert driver.feed(NAK) == []
    assert driver.exchange.naks == 1
    assert driver.exchange.unexplained == 1


def test_a_limit_that_ends_in_the_pause_between_two_naks_is_refused() -> None:
    """D1."""
    driver = Driver(PURCHASE, Timing(result=2.0, nak_pause=1.5))
    driver.feed(NAK)
    driver.ring()
    driver.feed(NAK)
    assert driver.wake_at == 2.0
    assert kinds(driver.ring()) == [Ended]
    assert driver.ending is Ending.REFUSED
    assert words(driver.exchange.reason) == "refused 2 times (NAK), then its time limit was over"
    outstanding = Driver(PURCHASE, Timing(result=2.0, nak_pause=1.5))
    outstanding.feed(NAK)
    outstanding.ring()
    outstanding.ring()
    assert outstanding.ending is Ending.UNANSWERED, "the second transmission may be at work"


def test_an_ack_or_a_nak_that_answers_nothing_leaves_a_line_that_is_not_clean() -> None:
    for strange in (ACK, NAK):
        driver = Driver(PURCHASE)
        driver.feed(ACK + strange + wire(APPROVED))
        assert driver.ending is Ending.ANSWERED
        assert not driver.exchange.clean


# --- after a lost operation ---


@pytest.mark.parametrize(
    ("acknowledged", "seconds", "believed"), [(False, 60.0, False), (True, 0.0, False), (True, 1.9, False), (True, 2.0, True)]
)
def test_an_approval_that_comes_sooner_than_people_can_may_be_a_lost_operations(acknowledged: bool, seconds: float, believed: bool) -> None:
    """D0: the late approval of an operation that a person settled, of the same amount, is not the next sale's."""
    driver = Driver(EXTENDED, lost_before="A-1")
    driver.now = 1.0
    if acknowledged:
        driver.feed(ACK)
    driver.now += seconds
    told = driver.feed(wire(EXTENDED_APPROVED))
    assert driver.sent[-1] == ACK
    if believed:
        assert driver.ending is Ending.ANSWERED
        assert Stray not in kinds(driver.events)
        return
    stray, ended = told
    assert isinstance(stray, Stray)
    assert stray.doubted
    assert stray.response == EXTENDED_APPROVED
    assert stray.message == build_response(EXTENDED_APPROVED)
    assert "A-1" in words(stray.reason)
    assert isinstance(ended, Ended)
    assert driver.ending is Ending.UNANSWERED
    assert driver.exchange.reason == stray.reason
    assert driver.exchange.answer is None
    assert not driver.exchange.clean


def test_a_refusal_that_comes_soon_after_a_lost_operation_is_the_answer() -> None:
    driver = Driver(PURCHASE, lost_before="A-1")
    driver.feed(ACK + wire(DECLINED))
    assert driver.ending is Ending.ANSWERED


def test_a_doubtful_approval_after_the_end_is_a_stray() -> None:
    driver = Driver(PURCHASE, lost_before="A-1")
    driver.ring_until_over()
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert stray.doubted
    assert "A-1" in words(stray.reason)
    assert driver.ending is Ending.UNANSWERED


def test_a_doubtful_approval_is_not_believed_when_it_is_repeated() -> None:
    """The terminal sends its result again where our ACK was lost; by then 2 s are over."""
    driver = Driver(PURCHASE, lost_before="A-1")
    (_, stray, _) = driver.feed(ACK + wire(APPROVED))
    assert isinstance(stray, Stray)
    assert stray.doubted
    driver.now = 5.0
    assert Answered not in kinds(driver.feed(wire(APPROVED)))
    assert driver.sent[-1] == ACK
    assert driver.ending is Ending.UNANSWERED
    assert driver.exchange.answer is None


def test_an_approval_from_before_the_ack_is_not_believed_when_it_is_repeated_after_it() -> None:
    driver = Driver(PURCHASE, require_ack=True)
    assert kinds(driver.feed(wire(APPROVED))) == [Stray]
    driver.feed(ACK)
    assert Answered not in kinds(driver.feed(wire(APPROVED)))
    assert driver.exchange.answer is None
    driver.feed(wire(replace(APPROVED, stan="000043", authorization_code="654321")))
    assert driver.ending is Ending.ANSWERED, "another one is"


def test_an_approval_from_before_the_request_is_not_believed_when_it_is_repeated_after_it() -> None:
    driver = Driver(PURCHASE, started=False)
    assert kinds(driver.feed(wire(APPROVED))) == [Stray]
    driver.take(driver.exchange.start(driver.now))
    driver.feed(ACK)
    assert Answered not in kinds(driver.feed(wire(APPROVED)))
    assert driver.exchange.answer is None


# --- STANs that start anew ---

NOW = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)  # 18:44 in Rome, day 327
LAST = replace(APPROVED, stan="000400", authorization_code="000400", host_time=HostTime(327, 18, 0))


def rules_of(memory: Memory) -> dict[str, object]:
    judge = memory.judge_of_now()
    return {"standing": lambda result, message: judge(result, message, NOW), "begins_series": memory.begins_series}


def after_stan_400() -> Memory:
    memory = Memory(place="10.0.0.5:8081", terminal_id=TID)
    memory.remember(LAST, build_response(LAST), is_saved=True)
    return memory


def test_an_approval_whose_stan_starts_anew_is_the_answer() -> None:
    """A3: charged, unresolved, blocked, again at each sale until the old highest STAN was passed."""
    driver = Driver(PURCHASE, **rules_of(after_stan_400()))
    driver.feed(ACK + wire(APPROVED))
    assert driver.ending is Ending.ANSWERED


def test_an_approval_whose_stan_starts_anew_counts_only_after_the_ack() -> None:
    driver = Driver(PURCHASE, **rules_of(after_stan_400()))
    assert kinds(driver.feed(wire(APPROVED))) == [Stray]
    assert driver.exchange.answer is None


def test_an_approval_from_before_the_last_one_is_not_believed() -> None:
    driver = Driver(PURCHASE, **rules_of(after_stan_400()))
    driver.feed(ACK)
    (stray,) = driver.feed(wire(replace(APPROVED, host_time=HostTime(327, 17, 59))))
    assert isinstance(stray, Stray)
    assert "nothing shows that STANs started anew" in words(stray.reason)
    driver.ring_until_over()
    assert driver.ending is Ending.UNANSWERED


def test_a_seen_approval_is_not_taken_in_another_form() -> None:
    memory = after_stan_400()
    memory.remember(APPROVED, build_response(APPROVED), is_saved=True)
    driver = Driver(EXTENDED, **rules_of(memory))
    driver.feed(ACK)
    (stray,) = driver.feed(wire(EXTENDED_APPROVED))
    assert isinstance(stray, Stray)
    assert "known already" in words(stray.reason)
    assert driver.exchange.answer is None


def test_a_line_that_met_a_second_nak_carries_the_request_no_more() -> None:
    """exchange.md §3: a line that met an unexplained answer carries no money request."""
    driver = Driver(PURCHASE)
    driver.feed(NAK + NAK)
    driver.ring()
    assert driver.requests_sent == 1
    assert driver.ending is Ending.REFUSED
    status = Driver(StatusRequest())
    status.feed(NAK + NAK)
    status.ring()
    assert status.requests_sent == 2


def test_an_answer_that_cannot_be_read_before_the_ack_is_told_when_the_time_is_over() -> None:
    driver = Driver(PURCHASE)
    driver.feed(build_frame(build_response(APPROVED)[:-1]))
    driver.ring_until_over()
    assert driver.ending is Ending.UNANSWERED
    assert words(driver.exchange.reason).startswith("no result that can be read: E of 70 bytes cannot be read")
