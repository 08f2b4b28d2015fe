from __future__ import annotations

from dataclasses import replace

import pytest

from ecrlan.model import (
    AdditionalDataRequest,
    AdditionalDataResponse,
    CloseSessionRequest,
    Code,
    Evidence,
    LastResultRequest,
    PaymentResult,
    PreauthorizationRequest,
    PrintingRequest,
    ReprintRequest,
    Request,
    Response,
    StatusRequest,
    VasPart,
    VasRequest,
    VoidRequest,
)
from ecrlan.protocol.exchange import LONGEST_RECEIPT, Exchange, Timing
from ecrlan.protocol.step import (
    Accepted,
    Answered,
    BadFrame,
    DataReceived,
    Ended,
    Ending,
    PartReceived,
    Progress,
    ReceiptEnded,
    ReceiptReceived,
    Refused,
    Sending,
    Step,
    Stray,
)
from ecrlan.protocol.transitions import ExchangeState
from ecrlan.texts import words
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import FrameReader, build_ack, build_frame, build_nak, build_progress
from ecrlan.wire.lrc import LrcReading
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
    receipt,
    seen,
    wire,
)

REFUSED_EXTENDED = replace(DECLINED, length=92, amount=650, action_code="100")
END_OF_RECEIPT = b"\x7d" * 6 + b"\x1b"


def test_purchase_from_request_to_ack() -> None:
    driver = Driver(PURCHASE)
    assert kinds(driver.events) == [Sending]
    assert driver.wake_at == 5.0
    assert kinds(driver.feed(ACK)) == [Accepted]
    assert driver.wake_at == 180.0
    assert driver.feed(build_progress("INSERIRE CARTA      ")) == [Progress("INSERIRE CARTA")]
    events = driver.feed(wire(APPROVED))
    assert kinds(events) == [Answered, Ended]
    assert driver.exchange.answer == APPROVED
    assert driver.ending is Ending.ANSWERED
    assert driver.sent[-1] == ACK
    assert driver.wake_at is None


def test_deadlines_start_when_the_bytes_were_written() -> None:
    exchange = Exchange(PURCHASE, Timing())
    exchange.start(0.0)
    assert exchange.written(2.0).wake_at == 7.0
    assert exchange.written(3.0).wake_at == 7.0


def test_result_in_the_same_read_as_the_ack() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK + build_progress("ATTENDERE PREGO     ") + wire(APPROVED))
    assert driver.ending is Ending.ANSWERED
    assert driver.exchange.acknowledged


def test_result_without_any_ack_is_a_result() -> None:
    driver = Driver(PURCHASE)
    driver.feed(wire(APPROVED))
    assert driver.ending is Ending.ANSWERED
    assert not driver.exchange.acknowledged


def test_result_received_twice_is_acknowledged_twice_and_counted_once() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK + wire(APPROVED))
    sent = len(driver.sent)
    assert driver.feed(wire(APPROVED)) == []
    assert len(driver.sent) == sent + 1
    assert driver.sent[-1] == ACK
    assert kinds(driver.events).count(Answered) == 1


def test_another_result_after_the_result_is_an_alarm() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK + wire(APPROVED))
    (stray,) = driver.feed(wire(replace(APPROVED, stan="000043")))
    assert isinstance(stray, Stray)
    assert stray.alarm
    assert not stray.after_refusal, "the answer was an approval, too"
    assert driver.exchange.answer == APPROVED


@pytest.mark.parametrize("code_request", [PURCHASE, EXTENDED, PreauthorizationRequest(amount=1), VoidRequest(), CloseSessionRequest()])
def test_money_is_sent_once_on_silence(code_request: Request) -> None:
    driver = Driver(code_request)
    while driver.ending is None:
        driver.ring()
    assert driver.requests_sent == 1
    assert driver.ending is Ending.UNANSWERED
    assert driver.now == 180.0


def test_other_requests_are_repeated_on_silence() -> None:
    driver = Driver(StatusRequest(), Timing(result=60.0))
    while driver.ending is None:
        driver.ring()
    assert driver.requests_sent == 3
    assert driver.ending is Ending.UNANSWERED
    assert words(driver.exchange.reason) == "no answer to 3 transmissions"
    assert driver.now == 15.0


def test_line_lost_before_the_start_sent_nothing() -> None:
    exchange = Exchange(PURCHASE, Timing())
    exchange.lost(0.0)
    assert exchange.ending is Ending.REFUSED
    assert exchange.wake(1.0) == Step()


def test_a_second_ack_changes_nothing() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    assert driver.feed(ACK) == []


def test_late_result_belongs_to_its_exchange() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    driver.ring()
    assert driver.ending is Ending.UNANSWERED
    (answered,) = driver.feed(wire(APPROVED))
    assert isinstance(answered, Answered)
    assert answered.late
    assert driver.ending is Ending.ANSWERED
    assert driver.sent[-1] == ACK


def test_progress_extends_the_deadline_up_to_the_total() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    driver.now = 100.0
    driver.feed(build_progress("DIGITARE PIN        "))
    assert driver.wake_at == 280.0
    driver.now = 250.0
    driver.feed(build_progress("DIGITARE PIN        "))
    assert driver.wake_at == 300.0
    fixed = Driver(PURCHASE, extend_on_progress=False)
    fixed.feed(ACK)
    fixed.now = 100.0
    fixed.feed(build_progress("DIGITARE PIN        "))
    assert fixed.wake_at == 180.0
    fixed.ring()
    assert fixed.feed(build_progress("TARDI")) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (replace(APPROVED, length=84, action_code="000"), "E of 84 bytes does not answer P"),
        (replace(APPROVED, terminal_id="11111111"), "TID 11111111"),
        (STATUS, "s does not answer P"),
        (AdditionalDataResponse(terminal_id=TID, data="X"), "not asked for"),
        (VasPart(terminal_id=TID, more=False, sequence=1, xml="<ecrres/>"), "K does not answer P"),
    ],
)
def test_answers_that_are_not_ours(answer: Response, told: str) -> None:
    driver = Driver(PURCHASE, terminal_id=TID)
    driver.feed(ACK)
    (stray,) = driver.feed(wire(answer))
    assert isinstance(stray, Stray)
    assert told in words(stray.reason)
    assert driver.sent[-1] == ACK
    assert driver.exchange.state is ExchangeState.AWAITING_RESULT


def test_an_answer_that_cannot_be_read_ends_the_exchange_at_once() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    stray, ended = driver.feed(build_frame(UNREADABLE))
    assert isinstance(stray, Stray)
    assert "malformed" in words(stray.reason)
    assert stray.response is None
    assert stray.message == UNREADABLE
    assert isinstance(ended, Ended)
    assert ended.ending is driver.ending is Ending.UNREADABLE
    assert words(ended.reason).startswith("E of 12 bytes cannot be read: ")
    assert driver.sent[-1] == ACK
    assert driver.exchange.strays == 0, "it is the answer"
    assert not driver.exchange.clean
    (answered,) = driver.feed(wire(APPROVED))
    assert isinstance(answered, Answered), "one that can be read, after all"
    assert answered.late


@pytest.mark.parametrize(
    ("code_request", "message"),
    [(StatusRequest(), b"371050510s00"), (LastResultRequest(), UNREADABLE), (LastResultRequest(), b"000000000V00")],
)
def test_an_unreadable_answer_to_a_question_is_told_as_that_even_before_the_ack(code_request: Request, message: bytes) -> None:
    driver = Driver(code_request, terminal_id=TID)
    driver.feed(build_frame(message))
    assert driver.ending is Ending.UNREADABLE
    assert "cannot be read" in words(driver.exchange.reason)


@pytest.mark.parametrize(
    ("code_request", "message"),
    [
        (PURCHASE, b"111111110E00"),  # another TID's
        (PURCHASE, b"371050510e00"),  # a pre-authorization's
        (PURCHASE, b"371050510s00"),
        (LastResultRequest(), b"371050510s00"),
        (StatusRequest(), UNREADABLE),
        (ReprintRequest(), UNREADABLE),
    ],
)
def test_what_cannot_be_read_and_is_no_answer_ends_nothing(code_request: Request, message: bytes) -> None:
    driver = Driver(code_request, terminal_id=TID)
    driver.feed(ACK)
    (stray,) = driver.feed(build_frame(message))
    assert isinstance(stray, Stray)
    assert "malformed" in words(stray.reason)
    assert driver.ending is None
    assert driver.sent[-1] == ACK


def test_what_cannot_be_read_before_the_ack_of_a_purchase_is_not_believed_to_be_its_answer() -> None:
    driver = Driver(PURCHASE)
    (stray,) = driver.feed(build_frame(UNREADABLE))
    assert isinstance(stray, Stray)
    assert driver.ending is None
    driver.feed(ACK + wire(APPROVED))
    assert driver.ending is Ending.ANSWERED


def test_what_cannot_be_read_before_the_request_was_written_ends_nothing() -> None:
    exchange = Exchange(LastResultRequest(), Timing())
    exchange.start(0.0)
    (frame,) = FrameReader().feed(build_frame(UNREADABLE))
    assert kinds(list(exchange.frame(frame, 0.5).events)) == [Stray]
    assert exchange.ending is None


def test_what_cannot_be_read_after_the_result_changes_nothing() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(ACK + wire(APPROVED))
    (stray,) = driver.feed(build_frame(UNREADABLE))
    assert isinstance(stray, Stray)
    assert driver.exchange.state is ExchangeState.RECEIVING_RECEIPT
    assert driver.exchange.answer == APPROVED


def test_tid_00000000_names_nobody_and_is_never_another_terminal() -> None:
    for terminal_id in (TID, None):
        driver = Driver(PURCHASE, terminal_id=terminal_id)
        driver.feed(ACK + wire(replace(APPROVED, terminal_id="00000000")))
        assert driver.ending is Ending.ANSWERED


def test_without_a_tid_of_their_own_the_rules_take_the_request_s() -> None:
    driver = Driver(replace(PURCHASE, terminal_id=TID))
    driver.feed(ACK)
    (stray,) = driver.feed(wire(replace(APPROVED, terminal_id="11111111")))
    assert isinstance(stray, Stray)
    assert words(stray.reason) == f"TID 11111111 instead of {TID}"
    pinned = Driver(replace(PURCHASE, terminal_id=TID), terminal_id="11111111")
    pinned.feed(ACK + wire(replace(APPROVED, terminal_id="11111111")))
    assert pinned.ending is Ending.ANSWERED


def test_what_only_the_content_shows_is_asked_of_the_rules() -> None:
    """A VAS answer of another function (B9): judged once its parts are joined."""
    driver = Driver(VasRequest(xml="<ecrreq/>"), belongs=lambda response: None if response.xml == "<mine/>" else Evidence(Code.KNOWN_VAS))
    driver.feed(ACK + part(1, "<other", more=True))
    (stray,) = driver.feed(part(2, "s/>", more=False))
    assert isinstance(stray, Stray)
    assert stray.reason.code is Code.KNOWN_VAS
    assert driver.ending is None
    driver.feed(part(1, "<mi", more=True) + part(2, "ne/>", more=False))
    assert driver.ending is Ending.ANSWERED
    purchase = Driver(PURCHASE, belongs=lambda _: "not ours")
    purchase.feed(ACK)
    (stray,) = purchase.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert purchase.ending is None


def test_an_approval_after_the_refusal_says_that_the_customer_may_have_paid() -> None:
    driver = Driver(EXTENDED)
    driver.feed(ACK + wire(REFUSED_EXTENDED))
    other, paid = driver.feed(
        wire(replace(EXTENDED_APPROVED, stan="000043", amount=1)) + wire(replace(EXTENDED_APPROVED, stan="000043", amount=650))
    )
    assert isinstance(other, Stray)
    assert other.alarm
    assert not other.after_refusal, "another amount"
    assert isinstance(paid, Stray)
    assert paid.alarm
    assert paid.after_refusal
    assert driver.exchange.answer == REFUSED_EXTENDED, "the stored outcome stays"
    (again,) = driver.feed(wire(replace(REFUSED_EXTENDED, reason="ALTRA")))
    assert isinstance(again, Stray)
    assert not again.after_refusal, "another refusal"


# exchange.md §8, as such terminals send them
E_OF_74_BYTES = b"123456780E00000************1234CLE12345 3311200288105100003000002000038000"
STATUS_WITH_A_WORD = b"123456780s00000000002711261200OPERATIVE01.00.14_B0000_0000"


@pytest.mark.parametrize("code_request", [PURCHASE, LastResultRequest()])
def test_a_result_of_74_bytes_answers_a_purchase_without_any_setting(code_request: Request) -> None:
    driver = Driver(code_request, terminal_id="12345678")
    driver.feed(ACK + build_frame(E_OF_74_BYTES))
    assert driver.ending is Ending.ANSWERED
    assert isinstance(driver.exchange.answer, PaymentResult)
    assert driver.exchange.answer.approved
    assert driver.exchange.answer.action_code == "000"


def test_a_status_with_a_word_is_an_answer() -> None:
    driver = Driver(StatusRequest(), terminal_id="12345678")
    driver.feed(ACK + build_frame(STATUS_WITH_A_WORD))
    assert driver.ending is Ending.ANSWERED


def test_a_result_from_before_after_the_result_is_no_alarm() -> None:
    known = replace(APPROVED, stan="000007")
    driver = Driver(PURCHASE, **seen(known))
    driver.feed(ACK + wire(DECLINED))
    known_stray, status = driver.feed(wire(known) + wire(STATUS))
    assert isinstance(known_stray, Stray)
    assert isinstance(status, Stray)
    assert not known_stray.alarm
    assert not known_stray.after_refusal
    assert not status.alarm


def test_amount_of_an_approval_must_be_the_one_asked() -> None:
    driver = Driver(EXTENDED)
    driver.feed(ACK)
    (stray,) = driver.feed(wire(replace(EXTENDED_APPROVED, amount=651)))
    assert isinstance(stray, Stray)
    assert "amount is 6.51 EUR instead of 6.50 EUR" in words(stray.reason)
    assert kinds(driver.feed(wire(EXTENDED_APPROVED))) == [Stray], "the same approval, whatever amount it names now"
    driver.feed(wire(replace(EXTENDED_APPROVED, stan="000043")))
    assert driver.ending is Ending.ANSWERED


def test_plain_answer_to_extended_only_after_the_ack() -> None:
    early = Driver(EXTENDED)
    (stray,) = early.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    acked = Driver(EXTENDED)
    acked.feed(ACK + wire(APPROVED))
    assert acked.ending is Ending.ANSWERED


def test_cut_lengths_only_where_tolerated() -> None:
    cut = replace(APPROVED, length=71)
    strict = Driver(VoidRequest())
    strict.feed(ACK + wire(cut))
    assert strict.ending is None
    tolerant = Driver(VoidRequest(), tolerate_lengths=True)
    tolerant.feed(ACK + wire(cut))
    assert tolerant.ending is Ending.ANSWERED


def test_an_approval_that_was_seen_before_is_never_a_new_result() -> None:
    driver = Driver(PURCHASE, **seen(APPROVED))
    driver.feed(ACK)
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    driver.feed(wire(replace(APPROVED, stan="000043")))
    assert driver.ending is Ending.ANSWERED


def test_the_last_result_may_be_one_that_was_seen_before() -> None:
    driver = Driver(LastResultRequest(), **seen(APPROVED))
    driver.feed(ACK + wire(APPROVED))
    assert driver.ending is Ending.ANSWERED
    other = Driver(LastResultRequest())
    other.feed(ACK + wire(STATUS))
    assert other.ending is None


def test_after_a_lost_result_only_what_follows_the_ack_counts() -> None:
    driver = Driver(PURCHASE, require_ack=True)
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    assert kinds(driver.feed(receipt(b"ALTRUI"))) == [Stray]
    driver.feed(ACK + wire(replace(APPROVED, stan="000043")))
    assert driver.ending is Ending.ANSWERED
    assert driver.exchange.answer == replace(APPROVED, stan="000043")


def test_result_before_the_request_is_no_answer() -> None:
    exchange = Exchange(PURCHASE, Timing())
    (frame,) = FrameReader().feed(wire(APPROVED))
    (event,) = exchange.frame(frame, 0.0).events
    assert isinstance(event, Stray)
    for bytes_ in (ACK, NAK):
        (frame,) = FrameReader().feed(bytes_)
        assert exchange.frame(frame, 0.0) == Step()


def test_what_comes_before_the_request_was_written_is_not_about_it() -> None:
    """The journal's commit takes its time; meanwhile the terminal repeats the answer of the exchange before."""
    exchange = Exchange(PURCHASE, Timing())
    exchange.start(0.0)
    for frame in FrameReader().feed(ACK + NAK + wire(APPROVED)):
        assert not any(isinstance(event, Accepted | Refused | Answered) for event in exchange.frame(frame, 0.5).events)
    exchange.lost(1.0)
    assert exchange.ending is Ending.REFUSED
    assert exchange.naks == 0
    assert "before anything was written" in words(exchange.reason)


def test_early_wakes_do_nothing() -> None:
    driver = Driver(PURCHASE)
    assert driver.exchange.wake(1.0) == Step(wake_at=5.0)
    driver.feed(ACK)
    assert driver.exchange.wake(10.0) == Step(wake_at=180.0)
    adding = Driver(WITH_DATA, additional=ADDITIONAL)
    adding.feed(ACK)
    assert adding.exchange.wake(1.0) == Step(wake_at=5.0)


def test_ack_behind_its_result_starts_nothing() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(wire(APPROVED))
    assert driver.feed(ACK) == [Accepted("P")]
    assert driver.exchange.state is ExchangeState.RECEIVING_RECEIPT


def test_the_last_result_once_more_is_not_ours() -> None:
    """The terminal repeats its answer to `G` because our ACK was slow; the purchase is on its way already."""
    driver = Driver(PURCHASE, last_message=build_response(APPROVED))
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    new = replace(APPROVED, stan="000043", authorization_code="246813")
    driver.feed(ACK + wire(new))
    assert driver.exchange.answer == new
    assert not driver.exchange.clean


def test_clean_is_what_met_without_a_doubt() -> None:
    driver = Driver(PURCHASE)
    assert not driver.exchange.clean
    driver.feed(ACK + wire(APPROVED))
    assert driver.exchange.clean


# --- receipts ---


def test_receipt_after_the_result() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(ACK + wire(APPROVED))
    assert driver.exchange.state is ExchangeState.RECEIVING_RECEIPT
    assert driver.wake_at == 5.0
    driver.now = 3.0
    assert driver.feed(receipt(b"PRIMA ")) == [ReceiptReceived(b"PRIMA ")]
    assert driver.wake_at == 8.0
    events = driver.feed(receipt(b"SECONDA" + END_OF_RECEIPT))
    assert kinds(events) == [ReceiptReceived, ReceiptEnded, Ended]
    assert driver.ending is Ending.ANSWERED
    assert driver.sent[-1] == ACK


def test_receipt_before_the_result() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(ACK + receipt(b"TESTO" + END_OF_RECEIPT))
    events = driver.feed(wire(APPROVED))
    assert kinds(events) == [Answered, ReceiptReceived, ReceiptEnded, Ended]
    assert ReceiptEnded(complete=True) in events
    assert driver.ending is Ending.ANSWERED
    refused = Driver(PURCHASE, expects_receipt=True)
    refused.feed(ACK + receipt(b"TESTO"))
    assert ReceiptEnded(complete=False) in refused.feed(wire(DECLINED)), "no more of it is waited for"
    partly = Driver(PURCHASE, expects_receipt=True)
    partly.feed(ACK + receipt(b"TESTO"))
    assert kinds(partly.feed(wire(APPROVED))) == [Answered, ReceiptReceived]
    assert kinds(partly.feed(receipt(b"FINE" + END_OF_RECEIPT))) == [ReceiptReceived, ReceiptEnded, Ended]


def test_missing_receipt_never_spoils_a_result() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(ACK + wire(APPROVED))
    assert kinds(driver.ring()) == [ReceiptEnded, Ended]
    assert driver.ending is Ending.ANSWERED
    lost = Driver(PURCHASE, expects_receipt=True)
    lost.feed(ACK + wire(APPROVED))
    assert kinds(lost.lose()) == [ReceiptEnded, Ended]
    assert lost.ending is Ending.ANSWERED


def test_no_wait_for_a_receipt_after_a_refusal() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(ACK + wire(DECLINED))
    assert driver.ending is Ending.ANSWERED


def test_receipt_part_sent_twice_counts_once() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(ACK + wire(APPROVED))
    driver.feed(receipt(b"PRIMA "))
    assert driver.feed(receipt(b"PRIMA ")) == []
    assert driver.sent[-1] == ACK


def test_receipt_without_end_is_bounded() -> None:
    driver = Driver(PURCHASE, expects_receipt=True)
    driver.feed(ACK + wire(APPROVED))
    for number in range(LONGEST_RECEIPT // 200):
        driver.feed(receipt(b"%03d" % number + b"x" * 197))
    assert kinds(driver.feed(receipt(b"y" * 200))) == [Stray]


def test_receipt_after_the_end_still_belongs_to_the_operation() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK + wire(APPROVED))
    assert driver.feed(receipt(b"TARDI")) == [ReceiptReceived(b"TARDI")]


def test_reprint_ends_with_its_ack_or_its_receipt() -> None:
    on_terminal = Driver(ReprintRequest(to_ecr=0))
    on_terminal.feed(ACK)
    assert on_terminal.ending is Ending.ACKNOWLEDGED
    here = Driver(ReprintRequest())
    here.feed(ACK)
    assert here.wake_at == 5.0
    here.feed(receipt(b"COPIA" + END_OF_RECEIPT))
    assert here.ending is Ending.ACKNOWLEDGED
    early = Driver(ReprintRequest())
    early.feed(receipt(b"COPIA" + END_OF_RECEIPT))
    assert kinds(early.feed(ACK)) == [Accepted, ReceiptReceived, ReceiptEnded, Ended]
    missing = Driver(ReprintRequest())
    missing.feed(ACK)
    missing.ring()
    assert missing.ending is Ending.ACKNOWLEDGED


def test_printing_ends_with_its_ack() -> None:
    driver = Driver(PrintingRequest())
    assert kinds(driver.feed(ACK)) == [Accepted, Ended]
    assert driver.ending is Ending.ACKNOWLEDGED
    assert driver.lose() == []


# --- additional data ---


def test_additional_data_follow_the_ack_and_the_host_answers() -> None:
    driver = Driver(WITH_DATA, additional=ADDITIONAL)
    events = driver.feed(ACK)
    assert kinds(events) == [Accepted, Sending]
    assert driver.exchange.state is ExchangeState.ADDING
    assert driver.wake_at == 5.0
    assert driver.feed(ACK) == [Accepted("U")]
    driver.feed(wire(APPROVED))
    assert driver.exchange.state is ExchangeState.AWAITING_DATA
    events = driver.feed(wire(AdditionalDataResponse(terminal_id=TID, data="TOKEN")))
    assert events == [DataReceived("TOKEN"), Ended(Ending.ANSWERED, Evidence(Code.ANSWERED))]


def test_host_data_before_and_after_the_receipt() -> None:
    data = wire(AdditionalDataResponse(terminal_id=TID, data="TOKEN"))
    for first, second in ((data, receipt(END_OF_RECEIPT)), (receipt(END_OF_RECEIPT), data)):
        driver = Driver(WITH_DATA, additional=ADDITIONAL, expects_receipt=True)
        driver.feed(ACK + ACK + wire(APPROVED) + first)
        assert driver.ending is None
        driver.feed(second)
        assert driver.ending is Ending.ANSWERED
        assert DataReceived("TOKEN") in driver.events


def test_additional_data_in_vain_do_not_stop_the_purchase() -> None:
    refused = Driver(WITH_DATA, additional=ADDITIONAL)
    refused.feed(ACK)
    for _ in range(3):
        refused.feed(NAK)
        if refused.exchange.state is ExchangeState.ADDING:
            refused.ring()
    assert refused.exchange.state is ExchangeState.AWAITING_RESULT
    assert refused.feed(ACK) == []
    refused.feed(wire(APPROVED))
    assert refused.exchange.answer == APPROVED
    silent = Driver(WITH_DATA, additional=ADDITIONAL)
    silent.feed(ACK)
    silent.ring()
    assert silent.exchange.state is ExchangeState.AWAITING_RESULT
    assert sum(isinstance(event, Sending) and event.code == "U" for event in silent.events) == 1
    answered = Driver(WITH_DATA, additional=AdditionalDataRequest(contents=((5, "0COF"),)))
    answered.feed(ACK + wire(APPROVED))
    assert answered.ending is Ending.ANSWERED


def test_second_nak_for_additional_data_says_nothing_new() -> None:
    driver = Driver(WITH_DATA, additional=ADDITIONAL)
    driver.feed(ACK + NAK)
    assert driver.feed(NAK) == []
    driver.now = 0.5
    driver.take(driver.exchange.wake(driver.now))
    assert driver.exchange.state is ExchangeState.ADDING
    driver.feed(ACK)
    assert driver.feed(ACK) == []


def test_additional_data_are_not_sent_once_the_result_came() -> None:
    driver = Driver(WITH_DATA, additional=ADDITIONAL)
    driver.feed(wire(APPROVED))
    driver.feed(ACK)
    assert not any(isinstance(event, Sending) and event.code == "U" for event in driver.events)
    driver.ring()
    assert driver.ending is Ending.ANSWERED


def test_late_ack_still_brings_the_additional_data() -> None:
    driver = Driver(WITH_DATA, additional=ADDITIONAL)
    driver.ring()
    driver.feed(ACK)
    assert driver.exchange.state is ExchangeState.ADDING


# --- VAS ---


def part(sequence: int, xml: str, *, more: bool) -> bytes:
    return wire(VasPart(terminal_id=TID, more=more, sequence=sequence, xml=xml))


def test_vas_parts_are_joined_in_order_of_their_number() -> None:
    driver = Driver(VasRequest(xml="<ecrreq/>"))
    told = driver.feed(ACK + part(2, "b", more=True) + part(1, "a", more=True) + part(1, "a", more=True))
    assert kinds(told) == [Accepted, PartReceived, PartReceived, PartReceived], "each is on disk before its ACK"
    assert driver.ending is None
    driver.feed(part(3, "c", more=False))
    assert driver.ending is Ending.ANSWERED
    assert driver.exchange.answer == VasPart(terminal_id=TID, more=False, sequence=3, xml="abc")
    assert driver.sent.count(ACK) == 4
    assert driver.feed(part(2, "b", more=True)) == []
    assert driver.feed(part(3, "c", more=False)) == []


def test_vas_parts_that_contradict_are_not_believed() -> None:
    driver = Driver(VasRequest(xml="<ecrreq/>"))
    driver.feed(ACK + part(1, "a", more=True))
    assert kinds(driver.feed(part(1, "x", more=True))) == [Stray]
    assert kinds(driver.feed(part(0, "x", more=True))) == [Stray]
    assert kinds(driver.feed(part(65, "x", more=True))) == [Stray]


# --- bad bytes ---


def test_one_nak_for_a_stretch_of_noise() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    for _ in range(5):
        driver.feed(b"zzzz")
    assert driver.sent.count(NAK) == 1
    driver.feed(wire(APPROVED))
    assert driver.ending is Ending.ANSWERED


def test_a_result_with_a_bad_lrc_is_asked_for_again() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    bad = wire(APPROVED)[:-1] + bytes([wire(APPROVED)[-1] ^ 0x40])
    for _ in range(5):
        assert kinds(driver.feed(bad)) == [BadFrame]
    assert driver.sent.count(NAK) == 3, "as often as a terminal repeats, not for ever"
    driver.feed(wire(APPROVED))
    assert driver.ending is Ending.ANSWERED


def test_acks_and_naks_that_do_not_fit_prove_nothing() -> None:
    driver = Driver(PURCHASE)
    assert kinds(driver.feed(b"\x06\x03\x00" + b"\x15\x03\x00")) == [BadFrame, BadFrame]
    assert driver.sent.count(NAK) == 0
    assert driver.exchange.state is ExchangeState.REQUESTING


def test_another_reading_is_named_and_not_believed() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    (event,) = driver.feed(build_frame(build_response(APPROVED), LrcReading.PAYLOAD_ETX))
    assert event == BadFrame("reading:payload-etx")


def test_a_question_that_another_terminal_answers_ends_at_once() -> None:
    """B1: told as what it is, never as silence."""
    driver = Driver(LastResultRequest(), terminal_id="11111111")
    stray, ended = driver.feed(ACK + wire(APPROVED))[-2:]
    assert isinstance(stray, Stray)
    assert stray.message == build_response(APPROVED)
    assert isinstance(ended, Ended)
    assert driver.ending is Ending.UNREADABLE
    assert words(driver.exchange.reason) == f"the terminal answers as TID {TID}, not as 11111111"
    assert driver.exchange.answer is None
    assert driver.exchange.strays == 1, "nobody knows whose answer it is"
    purchase = Driver(PURCHASE, terminal_id="11111111")
    purchase.feed(ACK + wire(APPROVED))
    assert purchase.ending is None


# --- refused for good, and yet ---


@pytest.mark.parametrize(
    ("after", "at_work"),
    [
        ([], False),
        ([NAK], False),
        ([ACK], True),
        ([build_progress("INSERIRE CARTA      ")], True),
        ([wire(APPROVED)], True),
        ([wire(replace(APPROVED, terminal_id="11112222"))], True),
    ],
    ids=["nothing", "another NAK", "ACK", "progress", "result", "something else"],
)
def test_what_follows_a_refusal_for_good_shows_that_it_may_have_been_performed(after: list[bytes], *, at_work: bool) -> None:
    driver = Driver(PURCHASE)
    for _ in range(3):
        driver.feed(NAK)
        if driver.ending is None:
            driver.ring()
    assert driver.ending is Ending.REFUSED
    for data in after:
        driver.feed(data)
    assert driver.exchange.refused_at_work is at_work
    assert driver.exchange.answer is None


def test_progress_shows_that_a_payment_is_running() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    assert not driver.exchange.progressed
    driver.feed(build_progress("INSERIRE CARTA      "))
    assert driver.exchange.progressed


@pytest.mark.parametrize("reading", [LrcReading.PAYLOAD, LrcReading.STX_PAYLOAD])
def test_a_terminal_with_another_lrc_reading_is_not_told_as_silent(reading: LrcReading) -> None:
    """Faults D2: the reading that fits its frames is named."""
    driver = Driver(StatusRequest())
    while driver.ending is None:
        driver.feed(build_nak(reading))
        driver.ring()
    assert driver.ending is Ending.UNANSWERED
    assert driver.exchange.reason == Evidence(Code.OTHER_LRC, {"reading": reading.value})
    assert f'set lrc = "{reading.value}"' in words(driver.exchange.reason)
    paying = Driver(PURCHASE)
    paying.feed(build_frame(build_response(APPROVED), reading))
    paying.ring_until_over()
    assert paying.exchange.reason.code is Code.OTHER_LRC
    lost = Driver(PURCHASE)
    lost.feed(build_ack(reading))
    lost.lose()
    assert lost.exchange.reason.code is Code.OTHER_LRC


def test_a_broken_frame_or_one_that_was_followed_by_a_good_one_names_no_reading() -> None:
    broken = Driver(StatusRequest())
    broken.feed(build_ack()[:-1] + b"\x01")
    broken.ring_until_over()
    assert broken.exchange.reason.code is Code.NOT_ANSWERED
    good = Driver(PURCHASE)
    good.feed(build_ack(LrcReading.PAYLOAD) + build_ack())
    good.ring_until_over()
    assert good.exchange.reason.code is Code.TIME_OVER
