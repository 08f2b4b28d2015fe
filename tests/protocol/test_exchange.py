from __future__ import annotations

from dataclasses import replace

import pytest

from ecrlan.model import (
    AdditionalDataRequest,
    AdditionalDataResponse,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    HostTime,
    LastResultRequest,
    PaymentResult,
    PreauthorizationRequest,
    PrintingRequest,
    PurchaseRequest,
    ReceiptPart,
    ReprintRequest,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
    VasPart,
    VasRequest,
    VoidRequest,
)
from ecrlan.protocol import states_as_mermaid
from ecrlan.protocol.exchange import LONGEST_RECEIPT, Exchange, Timing
from ecrlan.protocol.step import (
    Accepted,
    Answered,
    BadFrame,
    DataReceived,
    Ended,
    Ending,
    Event,
    PartReceived,
    Progress,
    ReceiptEnded,
    ReceiptReceived,
    Refused,
    Sending,
    Step,
    Stray,
)
from ecrlan.protocol.transitions import EXCHANGE_TRANSITIONS, ExchangeInput, ExchangeState
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import FrameReader, build_ack, build_frame, build_nak, build_progress
from ecrlan.wire.lrc import LrcReading

ACK = build_ack()
NAK = build_nak()
TID = "37105051"
PURCHASE = PurchaseRequest(amount=650)
EXTENDED = ExtendedPurchaseRequest(amount=650)
APPROVED = PaymentResult(
    terminal_id=TID,
    code="E",
    length=71,
    result="00",
    pan="1234",
    entry_mode="CLI",
    authorization_code="123456",
    host_time=HostTime(327, 18, 44),
    card_type=1,
    acquirer_id="00000000034",
    stan="000042",
)
EXTENDED_APPROVED = replace(APPROVED, length=92, amount=650, action_code="000")
DECLINED = PaymentResult(
    terminal_id=TID, code="E", length=71, result="01", reason="NEGATA", card_type=1, acquirer_id="00000000034", stan="000042"
)
END_OF_RECEIPT = b"\x7d" * 6 + b"\x1b"


def wire(response: Response) -> bytes:
    return build_frame(build_response(response))


def receipt(text: bytes) -> bytes:
    return wire(ReceiptPart(terminal_id=TID, receipt_text=text))


class Driver:
    """Feeds an exchange with bytes and collects what it does."""

    def __init__(self, request: Request, timing: Timing | None = None, **options: object) -> None:
        self.exchange = Exchange(request, timing or Timing(), **options)  # type: ignore[arg-type]
        self.reader = FrameReader()
        self.now = 0.0
        self.events: list[Event] = []
        self.sent: list[bytes] = []
        self.wake_at: float | None = None
        self.take(self.exchange.start(self.now))

    def take(self, step: Step) -> list[Event]:
        self.events += step.events
        self.sent += step.send
        self.wake_at = step.wake_at
        if step.send:
            after = self.exchange.written(self.now)
            assert not after.events
            assert not after.send
            self.wake_at = after.wake_at
        return list(step.events)

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for frame in self.reader.feed(data):
            events += self.take(self.exchange.frame(frame, self.now))
        return events

    def ring(self) -> list[Event]:
        """Jump to the deadline."""
        assert self.wake_at is not None
        self.now = self.wake_at
        return self.take(self.exchange.wake(self.now))

    def lose(self) -> list[Event]:
        return self.take(self.exchange.lost(self.now))

    @property
    def requests_sent(self) -> int:
        return sum(isinstance(event, Sending) and event.code == self.exchange.request.code for event in self.events)

    @property
    def ending(self) -> Ending | None:
        return self.exchange.ending


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


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
    assert driver.exchange.reason == "no answer to 3 transmissions"
    assert driver.now == 15.0


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


def test_line_lost_before_the_start_sent_nothing() -> None:
    exchange = Exchange(PURCHASE, Timing())
    exchange.lost(0.0)
    assert exchange.ending is Ending.REFUSED
    assert exchange.wake(1.0) == Step()


def test_nak_after_ack_and_after_silence_prove_nothing() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    assert driver.feed(NAK) == []
    silent = Driver(PURCHASE)
    silent.ring()
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


def test_a_second_ack_changes_nothing() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    assert driver.feed(ACK) == []


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


@pytest.mark.parametrize("sign", [build_progress("INSERIRE CARTA"), wire(EXTENDED_APPROVED)])
def test_a_nak_after_a_sign_of_life_is_no_refusal(sign: bytes) -> None:
    driver = Driver(PURCHASE)
    driver.feed(sign)
    assert driver.feed(NAK) == [Refused("P", 1)]
    driver.ring()
    assert driver.requests_sent == 1
    assert driver.ending is Ending.UNANSWERED


@pytest.mark.parametrize(
    "stray",
    [wire(EXTENDED_APPROVED), build_frame(build_response(APPROVED)[:-1]), wire(replace(APPROVED, terminal_id="99999999"))],
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
        {"accept_stan": lambda stan: stan != APPROVED.stan},
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
        (StatusResponse(terminal_id=TID, terminal_time=None, terminal_status=2, software_release="X"), "s does not answer P"),
        (AdditionalDataResponse(terminal_id=TID, data="X"), "not asked for"),
        (VasPart(terminal_id=TID, more=False, sequence=1, xml="<ecrres/>"), "K does not answer P"),
    ],
)
def test_answers_that_are_not_ours(answer: Response, told: str) -> None:
    driver = Driver(PURCHASE, terminal_id=TID)
    driver.feed(ACK)
    (stray,) = driver.feed(wire(answer))
    assert isinstance(stray, Stray)
    assert told in stray.reason
    assert driver.sent[-1] == ACK
    assert driver.exchange.state is ExchangeState.AWAITING_RESULT


def test_malformed_answers_are_acknowledged_and_not_believed() -> None:
    driver = Driver(PURCHASE)
    driver.feed(ACK)
    (stray,) = driver.feed(build_frame(b"371050510E00"))
    assert isinstance(stray, Stray)
    assert "malformed" in stray.reason
    driver.ring()
    assert driver.ending is Ending.UNANSWERED


def test_amount_of_an_approval_must_be_the_one_asked() -> None:
    driver = Driver(EXTENDED)
    driver.feed(ACK)
    (stray,) = driver.feed(wire(replace(EXTENDED_APPROVED, amount=651)))
    assert isinstance(stray, Stray)
    assert "amount 651 instead of 650" in stray.reason
    driver.feed(wire(EXTENDED_APPROVED))
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


def test_known_stan_is_never_a_new_result() -> None:
    driver = Driver(PURCHASE, accept_stan=lambda stan: stan != "000042")
    driver.feed(ACK)
    (stray,) = driver.feed(wire(APPROVED))
    assert isinstance(stray, Stray)
    driver.feed(wire(replace(APPROVED, stan="000043")))
    assert driver.ending is Ending.ANSWERED


def test_last_result_may_carry_a_known_stan() -> None:
    driver = Driver(LastResultRequest(), accept_stan=lambda stan: False)
    driver.feed(ACK + wire(APPROVED))
    assert driver.ending is Ending.ANSWERED
    other = Driver(LastResultRequest())
    other.feed(ACK + wire(StatusResponse(terminal_id=TID, terminal_time=None, terminal_status=2, software_release="X")))
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
    assert "before anything was written" in exchange.reason


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
    last = replace(DECLINED, stan="000000")
    driver = Driver(PURCHASE, last_message=build_response(last))
    (stray,) = driver.feed(wire(last))
    assert isinstance(stray, Stray)
    driver.feed(ACK + wire(last))
    assert driver.exchange.answer == last, "two refusals may look alike: after the ACK it is ours"
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
    assert kinds(events) == [Answered, ReceiptReceived, Ended]
    assert driver.ending is Ending.ANSWERED


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

ADDITIONAL = AdditionalDataRequest(contents=((5, "0COF"),), iso_field="62")
WITH_DATA = replace(PURCHASE, additional_data=True)


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
    assert events == [DataReceived("TOKEN"), Ended(Ending.ANSWERED, "answered")]


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


# --- the tables ---


def test_every_state_and_input_is_in_the_table() -> None:
    assert {state for state, _ in EXCHANGE_TRANSITIONS} == set(ExchangeState) - {ExchangeState.ENDED}
    assert {happened for _, happened in EXCHANGE_TRANSITIONS} == set(ExchangeInput)


def test_only_ended_has_an_ending() -> None:
    for state, ending in EXCHANGE_TRANSITIONS.values():
        assert (state is ExchangeState.ENDED) == (ending is not None)


def test_mermaid_shows_every_transition() -> None:
    text = states_as_mermaid()
    assert text.count("stateDiagram-v2") == 2
    for state, happened in EXCHANGE_TRANSITIONS:
        assert f"{state.value} --> " in text
        assert happened.value in text
