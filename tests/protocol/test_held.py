from __future__ import annotations

from dataclasses import replace

import pytest

from ecrlan.model import PaymentResult, Request, StatusRequest
from ecrlan.protocol.exchange import Exchange, Timing
from ecrlan.protocol.held import ASK_AGAIN_SECONDS, HELD_SECONDS, HeldRefusal
from ecrlan.protocol.memory import Standing
from ecrlan.protocol.step import Accepted, Answered, Ended, Ending, Held, Progress, Step, Stray
from ecrlan.protocol.transitions import ExchangeState
from ecrlan.texts import words
from ecrlan.wire.codec import build_request, build_response
from ecrlan.wire.frames import build_frame, build_progress
from tests.protocol.driver import (
    ACK,
    ADDITIONAL,
    APPROVED,
    DECLINED,
    EXTENDED,
    EXTENDED_APPROVED,
    NAK,
    PURCHASE,
    STATUS,
    TID,
    UNREADABLE,
    WITH_DATA,
    Driver,
    kinds,
    seen,
    wire,
)

REFUSAL = PaymentResult(terminal_id="37105051", code="E", length=71, result="01", reason="ABORTED_MANUALLY")


def make_held() -> HeldRefusal:
    return HeldRefusal(REFUSAL, b"message", 100.0)


def test_it_is_asked_about_after_a_second() -> None:
    held = make_held()
    assert HELD_SECONDS == 1.0
    assert held.ask_at == 101.0
    assert (held.response, held.message) == (REFUSAL, b"message")
    assert not held.ask(100.9)
    assert not held.asking
    assert held.asked == 0
    assert held.ask(101.0)
    assert held.asking
    assert held.asked == 1


def test_silence_is_asked_again_after_a_few_seconds() -> None:
    held = make_held()
    held.ask(101.0)
    assert held.ask_at == 101.0 + ASK_AGAIN_SECONDS
    assert not held.ask(103.9)
    assert held.asking, "an answer to the first question may still come"
    assert held.ask(104.0)
    assert held.asked == 2


def test_a_busy_terminal_answers_no_question_that_was_asked_before() -> None:
    held = make_held()
    held.ask(101.0)
    held.busy(103.0)
    assert not held.asking
    assert held.ask_at == 103.0 + ASK_AGAIN_SECONDS
    assert held.asked == 1


# --- in an exchange ---

REPEATED = seen(DECLINED, standing=Standing.REPEATED)
ASK = build_frame(build_request(StatusRequest()))


def held(request: Request = PURCHASE, **options: object) -> Driver:
    driver = Driver(request, **(REPEATED | options))  # type: ignore[arg-type]  # each test names its own
    driver.feed(ACK)
    driver.now = 10.0
    (event,) = driver.feed(wire(DECLINED))
    assert event == Held(DECLINED, build_response(DECLINED))
    assert driver.exchange.state is ExchangeState.HELD
    assert driver.sent[-1] == ACK
    return driver


def test_a_refusal_like_an_earlier_one_is_taken_once_the_terminal_answers_a_status_request() -> None:
    """A2: two customers press the red key, and the terminal sends the same bytes twice."""
    driver = held()
    assert driver.exchange.answer is None
    assert driver.wake_at == 11.0
    assert driver.ring() == []
    assert driver.sent[-1] == ASK
    assert driver.feed(ACK) == [], "that of the status request"
    answered, ended = driver.feed(wire(STATUS))
    assert answered == Answered(DECLINED, build_response(DECLINED))
    assert isinstance(ended, Ended)
    assert driver.ending is Ending.ANSWERED
    assert driver.sent[-1] == ACK
    assert driver.now == 11.0
    assert driver.exchange.clean


def test_the_status_request_names_the_terminal_as_the_request_does() -> None:
    driver = held(replace(PURCHASE, terminal_id=TID))
    driver.ring()
    assert driver.sent[-1] == build_frame(build_request(StatusRequest(terminal_id=TID)))


def test_a_status_that_cannot_be_read_is_an_answer_too() -> None:
    driver = held()
    driver.ring()
    driver.feed(build_frame(b"371050510s00"))
    assert driver.exchange.answer == DECLINED


def test_a_status_that_was_not_asked_for_proves_nothing() -> None:
    for status in (wire(STATUS), build_frame(b"371050510s00")):
        driver = held()
        (stray,) = driver.feed(status)
        assert isinstance(stray, Stray)
        assert words(stray.reason) == "a status that was not asked for"
        assert driver.exchange.state is ExchangeState.HELD
        other = held(terminal_id=TID)
        other.ring()
        other.feed(status.replace(b"37105051", b"11111111", 1)[:-1] + b"\x00")
        other.feed(wire(replace(STATUS, terminal_id="11111111")) + build_frame(b"111111110s00"))
        assert other.exchange.state is ExchangeState.HELD, "another terminal's"


@pytest.mark.parametrize("sign", [NAK, build_progress("INSERIRE CARTA")])
def test_a_terminal_at_work_is_asked_again_and_its_result_is_the_answer(sign: bytes) -> None:
    driver = held()
    driver.ring()
    driver.now = 12.0
    told = driver.feed(sign)
    assert told in ([], [Progress("INSERIRE CARTA")])
    assert driver.wake_at == 15.0
    driver.ring()
    assert driver.sent.count(ASK) == 2
    driver.feed(wire(replace(APPROVED, stan="000043")))
    assert driver.ending is Ending.ANSWERED
    assert driver.exchange.answer == replace(APPROVED, stan="000043")
    assert not driver.exchange.clean


def test_progress_before_the_question_puts_it_off() -> None:
    driver = held()
    driver.feed(build_progress("INSERIRE CARTA"))
    assert driver.wake_at == 13.0


def test_a_status_after_the_terminal_was_busy_is_none_that_was_asked_for() -> None:
    driver = held()
    driver.ring()
    driver.feed(NAK)
    assert kinds(driver.feed(wire(STATUS))) == [Stray]
    assert driver.exchange.state is ExchangeState.HELD


def test_a_nak_that_answers_no_question_is_unexplained() -> None:
    driver = held()
    assert driver.feed(NAK) == []
    assert driver.exchange.unexplained == 1
    assert driver.wake_at == 11.0
    assert driver.feed(ACK) == []
    assert driver.exchange.unexplained == 2


def test_silence_is_asked_again_until_the_limit_and_then_nothing_is_known() -> None:
    driver = held()
    driver.ring_until_over()
    assert driver.ending is Ending.UNANSWERED
    assert driver.now == 180.0
    assert driver.requests_sent == 1
    assert driver.sent.count(ASK) == 57, "at 11, 14, … 179 s"
    assert "did not say that no payment is running" in words(driver.exchange.reason)
    (stray,) = driver.feed(wire(DECLINED))
    assert isinstance(stray, Stray)
    assert driver.exchange.answer is None


def test_early_wakes_ask_nothing() -> None:
    driver = held()
    assert driver.exchange.wake(10.5) == Step(wake_at=11.0)


def test_a_copy_of_the_held_refusal_is_acknowledged_and_another_one_is_a_stray() -> None:
    second = replace(DECLINED, reason="ALTRA")
    driver = held(**seen(DECLINED, second, standing=Standing.REPEATED))
    sent = len(driver.sent)
    assert driver.feed(wire(DECLINED)) == []
    assert driver.sent[sent:] == [ACK]
    (stray,) = driver.feed(wire(second))
    assert isinstance(stray, Stray)
    assert driver.exchange.held is not None
    assert driver.exchange.held.response == DECLINED


def test_a_new_refusal_after_the_held_one_is_the_answer() -> None:
    driver = held()
    driver.feed(wire(replace(DECLINED, reason="ALTRA")))
    assert driver.exchange.answer == replace(DECLINED, reason="ALTRA")


def test_without_its_ack_a_held_refusal_is_neither_asked_about_nor_taken() -> None:
    driver = Driver(PURCHASE, **REPEATED)
    assert kinds(driver.feed(wire(DECLINED))) == [Held]
    assert driver.wake_at == 180.0
    assert driver.exchange.wake(50.0) == Step(wake_at=180.0)
    assert kinds(driver.feed(wire(STATUS))) == [Stray]
    driver.ring_until_over()
    assert driver.ending is Ending.UNANSWERED
    assert ASK not in driver.sent


def test_an_ack_after_the_held_refusal_lets_it_be_asked_about() -> None:
    driver = Driver(PURCHASE, **REPEATED)
    driver.feed(wire(DECLINED))
    driver.now = 2.0
    assert driver.feed(ACK) == [Accepted("P")]
    assert driver.wake_at == 1.0
    driver.take(driver.exchange.wake(driver.now))
    driver.feed(wire(STATUS))
    assert driver.exchange.answer == DECLINED


def test_a_refusal_is_held_while_additional_data_are_under_way() -> None:
    driver = Driver(WITH_DATA, additional=ADDITIONAL, **REPEATED)
    driver.feed(ACK)
    assert driver.exchange.state is ExchangeState.ADDING
    assert kinds(driver.feed(wire(DECLINED))) == [Held]


def test_a_result_that_cannot_be_read_ends_what_is_held() -> None:
    driver = held()
    driver.feed(build_frame(UNREADABLE))
    assert driver.ending is Ending.UNREADABLE
    assert driver.exchange.answer is None


def test_an_approval_after_a_nak_and_a_held_refusal_leaves_the_outcome_open() -> None:
    driver = Driver(PURCHASE, **REPEATED)
    driver.feed(NAK + wire(DECLINED))
    assert driver.exchange.state is ExchangeState.HELD
    told = driver.feed(wire(APPROVED))
    assert isinstance(told[0], Stray)
    assert told[0].alarm
    assert driver.ending is Ending.UNANSWERED
    driver.feed(ACK)
    driver.now = 20.0
    driver.take(driver.exchange.wake(driver.now))
    driver.feed(wire(STATUS))
    assert driver.exchange.take_held() == Step()
    assert driver.exchange.answer is None, "never declined: an approval came"


def test_a_held_refusal_whose_line_is_lost_is_taken_after_an_answer_on_another() -> None:
    driver = held()
    driver.ring()
    driver.lose()
    assert driver.ending is Ending.UNANSWERED
    assert driver.exchange.take_held() == Step((Answered(DECLINED, build_response(DECLINED)),))
    assert driver.ending is Ending.ANSWERED
    assert driver.exchange.answer == DECLINED
    assert driver.exchange.take_held() == Step(), "once"


def test_nothing_is_taken_where_nothing_is_held() -> None:
    exchange = Exchange(PURCHASE, Timing())
    assert exchange.take_held() == Step()
    assert exchange.answer is None


def test_a_held_refusal_without_the_ack_of_its_request_is_not_taken_on_another_line() -> None:
    driver = Driver(PURCHASE, **REPEATED)
    driver.feed(wire(DECLINED))
    driver.lose()
    assert driver.exchange.take_held() == Step()
    assert driver.ending is Ending.UNANSWERED


@pytest.mark.parametrize(
    ("came", "rules", "ending"),
    [
        (build_frame(UNREADABLE), {}, Ending.UNREADABLE),
        (wire(APPROVED), {"lost_before": "A-1"}, Ending.UNANSWERED),
    ],
)
def test_a_held_refusal_is_not_taken_after_a_result_that_leaves_the_outcome_open(came, rules, ending) -> None:
    driver = Driver(PURCHASE, **(REPEATED | rules))
    driver.feed(ACK + wire(DECLINED))
    driver.feed(came)
    assert driver.ending is ending
    assert driver.exchange.take_held() == Step()
    assert driver.exchange.answer is None
    assert driver.ending is ending


def test_a_held_refusal_is_not_taken_after_its_time_limit() -> None:
    """Progress said that a payment was running, and the terminal never said that it was over."""
    driver = held()
    driver.ring_until_over()
    assert driver.exchange.take_held() == Step()
    assert driver.ending is Ending.UNANSWERED


def test_after_a_result_that_is_not_believed_the_held_refusal_is_not_taken_either() -> None:
    driver = held(EXTENDED)
    driver.ring()
    driver.feed(wire(replace(EXTENDED_APPROVED, amount=651)))
    driver.feed(wire(STATUS))
    assert driver.sent[-1] == ACK
    assert driver.exchange.answer is None
    driver.ring_until_over()
    assert driver.ending is Ending.UNANSWERED
