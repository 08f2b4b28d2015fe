from datetime import UTC, datetime

import pytest

from ecrlan.emulator.faults import EVERY_CODE
from ecrlan.emulator.terminal import EmulatedTerminal
from ecrlan.errors import InvalidValueError
from ecrlan.model import (
    AdditionalDataRequest,
    AdditionalDataResponse,
    CaptureRequest,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    LastResultRequest,
    PaymentResult,
    PreauthorizationRequest,
    PrintingRequest,
    PurchaseRequest,
    ReceiptPart,
    ReprintRequest,
    StatusRequest,
    TotalsRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.wire.codec import build_request, parse_response
from ecrlan.wire.frames import ApplicationFrame, build_frame
from ecrlan.wire.lrc import LrcReading
from ecrlan.wire.receipt import is_complete

PURCHASE = PurchaseRequest(amount=650)
GETS = LastResultRequest()


def messages(frames) -> list[bytes]:
    return [frame.message for frame in frames if isinstance(frame, ApplicationFrame)]


# --- taking requests ----------------------------------------------------------------------------------------------------------------


def test_status_as_published(till):
    """exchange.md §2: the dialogue of a SmartPOS, byte by byte."""
    conversation = till()
    conversation.write(bytes.fromhex("0230303030303030303073033D"))
    assert b"".join(conversation.pieces) == bytes.fromhex(
        "06037A0233373130353035313073303030303030303030303331303732363231323232535953454D5620203230340338"
    )


def test_clock_is_shown_in_rome(till):
    conversation = till()
    conversation.terminal.clock = lambda: datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
    (status,) = conversation.perform(StatusRequest())
    assert (status.terminal_time.hour, status.terminal_time.minute) == (18, 44)


@pytest.mark.parametrize(
    "data",
    [
        b"\x02000000000s\x03\x3c",  # LRC of another reading
        b"\x02000000000z\x03\x34",
        build_frame(b"123456780s"),
        build_frame(b"000000000P" + b"0" * 100),
        build_frame(build_request(PURCHASE)[:23] + b"0" * 8 + build_request(PURCHASE)[31:]),
    ],
    ids=["lrc", "code", "tid", "length", "amount zero"],
)
def test_nak_for_what_it_cannot_take(till, kinds, data):
    conversation = till()
    assert kinds(conversation.write(data)) == "-"
    assert len(conversation.terminal.ledger) == 0


def test_own_tid_is_taken(till, kinds):
    assert kinds(till().send(StatusRequest(terminal_id="37105051"))) == "+M"


def test_noise_and_stray_control_frames_are_ignored(till):
    conversation = till()
    assert conversation.write(b"\x00\xffnoise\x01progress\x04") == []
    assert conversation.ack() == []
    assert conversation.nak() == []
    assert conversation.write(b"\x06\x03\x00") == []


def test_bytes_may_come_one_by_one(till, kinds):
    conversation = till()
    frames = [frame for byte in build_frame(build_request(PURCHASE)) for frame in conversation.write(bytes([byte]))]
    assert kinds(frames) == "+M"


def test_other_lrc_reading(till):
    conversation = till(reading=LrcReading.PAYLOAD_ETX)
    conversation.write(build_frame(build_request(StatusRequest()), LrcReading.PAYLOAD_ETX))
    assert conversation.pieces[0] == b"\x06\x03\x7a"
    assert conversation.pieces[1][-1] == 0x38 ^ 2


def test_unknown_command(till, kinds):
    conversation = till(commands=EVERY_CODE.replace("X", ""))
    assert kinds(conversation.send(ExtendedPurchaseRequest(amount=650))) == "-"
    assert kinds(conversation.send(PURCHASE)) == "+M"


def test_capture_length(till, kinds):
    for length, answer in ((176, "-"), (180, "+M")):
        conversation = till(capture_length=180)
        assert kinds(conversation.send(CaptureRequest(amount=1, preauthorization_code="700000001", length=length))) == answer


def test_printing_modes(till, kinds):
    conversation = till()
    assert kinds(conversation.send(PrintingRequest(enabled=2))) == "-"
    assert kinds(conversation.send(ReprintRequest(to_ecr=3))) == "-"
    conversation.terminal.printing_modes = (0, 1, 2, 3)
    assert kinds(conversation.send(PrintingRequest(enabled=2))) == "+"
    assert conversation.terminal.printing == 2


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"terminal_id": "1234567"}, "terminal_id"),
        ({"card": "42"}, "card"),
        ({"progress": ("x" * 21,)}, "progress"),
        ({"merchant": ("è",)}, "merchant"),
        ({"acquirer_id": "1" * 12}, "acquirer_id"),
        ({"commands": "PZ"}, "commands"),
        ({"capture_length": 177}, "capture_length"),
        ({"capture_result_length": 72}, "capture_result_length"),
        ({"vas_parts": 4}, "vas_parts"),
        ({"receipt_part_size": 201}, "receipt_part_size"),
        ({"first_stan": 1_000_000}, "first_stan"),
        ({"first_online_id": -1}, "first_online_id"),
        ({"first_preauthorization": 999_000_001}, "first_preauthorization"),
        ({"stans_in_series": 0}, "stans_in_series"),
        ({"worded_release": "è"}, "worded_release"),
    ],
)
def test_wrong_options(options, place):
    with pytest.raises(InvalidValueError) as caught:
        EmulatedTerminal(clock=lambda: datetime.now(UTC), **options)
    assert caught.value.place == place


# --- delivery -----------------------------------------------------------------------------------------------------------------------


def test_result_comes_with_the_ack_when_it_does_not_think(till, kinds):
    conversation = till(progress=("ATTENDERE",))
    assert kinds(conversation.send(PURCHASE)) == "+.M"
    assert conversation.ack() == []
    assert conversation.terminal.idle
    assert conversation.wake_at is None


def test_thinking_takes_its_time(till, kinds):
    conversation = till(think_seconds=4.0, progress=("INSERIRE CARTA", "ATTENDERE"))
    assert kinds(conversation.send(PURCHASE)) == "+."
    assert len(conversation.terminal.ledger) == 0
    assert kinds(conversation.pass_time(2.0)) == "."
    assert kinds(conversation.pass_time(2.0)) == "M"
    assert len(conversation.terminal.ledger) == 1


def test_status_needs_no_thinking(till, kinds):
    assert kinds(till(think_seconds=4.0, progress=("ATTENDERE",)).send(StatusRequest())) == "+M"


def test_early_wake_does_nothing(till):
    conversation = till(think_seconds=4.0)
    conversation.send(PURCHASE)
    before = conversation.wake_at
    actions = conversation.terminal.wake(conversation.now + 1)
    assert (actions.send, actions.close, actions.wake_at) == ((), False, before)


def test_busy_terminal_refuses_and_goes_on(till, kinds):
    conversation = till(think_seconds=4.0)
    conversation.send(PURCHASE)
    assert kinds(conversation.send(StatusRequest())) == "-"
    assert kinds(conversation.send(PURCHASE)) == "-"
    assert kinds(conversation.pass_time(4.0)) == "M"
    assert kinds(conversation.send(StatusRequest())) == "-", "its result is not acknowledged"
    conversation.ack()
    assert kinds(conversation.send(StatusRequest())) == "+M"
    assert len(conversation.terminal.ledger) == 1


def test_result_is_sent_three_times_on_silence(till, kinds):
    conversation = till()
    conversation.send(PURCHASE)
    assert kinds(conversation.pass_time(4.9)) == ""
    assert kinds(conversation.pass_time(0.1)) == "M"
    assert kinds(conversation.pass_time(100.0)) == "M"
    assert conversation.terminal.idle
    assert conversation.terminal.ledger.net_total() == 650


def test_result_is_sent_three_times_on_nak(till, kinds):
    conversation = till()
    (first,) = messages(conversation.send(PURCHASE))
    for answer in ("M", "M", ""):
        frames = conversation.nak()
        assert kinds(frames) == answer
        assert set(messages(frames)) <= {first}
    assert conversation.terminal.idle
    assert len(conversation.terminal.ledger) == 1


def test_giving_up_a_result_gives_up_the_receipt(till):
    conversation = till()
    conversation.send(PrintingRequest())
    conversation.send(PURCHASE)
    conversation.pass_time(60.0)
    assert conversation.ack() == []


def test_lost_line_ends_no_payment(till, kinds):
    conversation = till(think_seconds=10.0)
    conversation.send(PURCHASE)
    conversation.lose()
    conversation.connect()
    assert kinds(conversation.send(StatusRequest())) == "-"
    assert conversation.pass_time(10.0) == [], "the result belongs to the lost line"
    assert conversation.terminal.ledger.net_total() == 650
    assert conversation.perform(GETS)[0].stan == "000001"


def test_result_on_any_line_if_told_so(till, kinds):
    conversation = till(think_seconds=10.0, late_on_any_line=True)
    conversation.send(PURCHASE)
    conversation.lose()
    conversation.connect()
    assert kinds(conversation.pass_time(10.0)) == "M"


def test_recovers_after_a_line_was_lost(till, kinds):
    conversation = till(recovery_seconds=2.0)
    conversation.send(PURCHASE)
    conversation.lose()
    conversation.connect()
    assert kinds(conversation.send(StatusRequest())) == "-"
    conversation.pass_time(2.0)
    assert kinds(conversation.send(StatusRequest())) == "+M"


def test_closes_after_the_exchange(till):
    at_once = till(close_after_exchange_seconds=0.0)
    at_once.send(PURCHASE)
    assert not at_once.closed
    at_once.ack()
    assert at_once.closed
    later = till(close_after_exchange_seconds=10.0)
    later.perform(PURCHASE)
    later.pass_time(9.0)
    assert not later.closed
    later.pass_time(1.0)
    assert later.closed


def test_does_not_close_in_the_middle_of_the_next_exchange(till):
    conversation = till(close_after_exchange_seconds=3.0)
    conversation.perform(PURCHASE)
    conversation.pass_time(2.0)
    conversation.send(PURCHASE)
    conversation.pass_time(1.5)
    assert not conversation.closed


def test_nothing_is_said_on_a_closed_line(till):
    conversation = till()
    conversation.lose()
    assert conversation.write(build_frame(build_request(PURCHASE))) == []
    assert len(conversation.terminal.ledger) == 0


# --- last result --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_made",
    [
        PURCHASE,
        ExtendedPurchaseRequest(amount=9020),
        PurchaseRequest(amount=9001),
        PurchaseRequest(amount=9009),
        PreauthorizationRequest(amount=100),
        VoidRequest(),
        CaptureRequest(amount=1, preauthorization_code="123456789"),
    ],
)
def test_last_result_is_replayed_exactly(till, request_made):
    conversation = till()
    (result,) = messages(conversation.send(request_made))
    conversation.ack()
    for other in (StatusRequest(), TotalsRequest(), CloseSessionRequest(), VerifyCardRequest(), PrintingRequest()):
        conversation.perform(other)
    assert messages(conversation.send(GETS)) == [result]
    assert conversation.terminal.last_result == result
    conversation.lose()
    conversation.connect()
    assert messages(conversation.send(GETS)) == [result]


def test_verification_is_saved_if_told_so(till):
    conversation = till(save_verification=True)
    (result,) = messages(conversation.send(VerifyCardRequest()))
    conversation.ack()
    assert messages(conversation.send(GETS)) == [result]


def test_no_last_result(till, kinds):
    result = till().result(GETS)
    assert (result.result, result.stan, result.reason) == ("01", "000000", "NESSUNA OPERAZIONE")
    conversation = till(refuse_empty_last_result=True)
    assert kinds(conversation.send(GETS)) == "-"
    conversation.perform(PURCHASE)
    assert kinds(conversation.send(GETS)) == "+M"


def test_payment_by_hand(till):
    conversation = till()
    conversation.perform(PURCHASE)
    entry = conversation.terminal.charge_by_hand(9001, conversation.now)
    assert (entry.by_hand, entry.amount, entry.stan, entry.number) == (True, 9001, "000002", 2)
    assert conversation.result(GETS).stan == "000002"
    assert [each.amount for each in conversation.terminal.ledger.asked] == [650]
    assert conversation.perform(TotalsRequest())[0].terminal_total == 9651


def test_payment_by_hand_that_is_declined(till):
    conversation = till()
    conversation.perform(PURCHASE)
    assert conversation.terminal.decline_by_hand(conversation.now) is None
    saved = conversation.result(GETS)
    assert (saved.result, saved.reason, saved.stan) == ("01", "TRANSAZIONE NEGATA", "000002")
    assert conversation.terminal.ledger.net_total() == 650


def test_time_of_day_can_be_shifted_while_it_runs(till):
    conversation = till()
    conversation.terminal.clock = lambda: datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    result = conversation.result(PURCHASE)
    assert (result.host_time.day_of_year, result.host_time.hour) == (298, 3)
    assert conversation.perform(StatusRequest())[0].terminal_time.day == 25
    assert b"25/10/26           03:30" in conversation.terminal.paper[-1]
    assert conversation.terminal.ledger.entries[-1].time.day == 25


def test_another_terminal_shares_nothing_with_it(till):
    one = till()
    other = till(terminal_id="12345678", first_stan=500, first_online_id=900, first_preauthorization=800_000_000)
    one.terminal.faults.set("busy")
    one.perform(PURCHASE)
    saved = other.result(PreauthorizationRequest(amount=100))
    assert (saved.terminal_id, saved.stan, saved.online_id, saved.preauthorization_code) == ("12345678", "000501", "000901", "800000001")
    assert one.terminal.last_result is None
    assert (len(one.terminal.ledger), len(other.terminal.ledger)) == (0, 1)
    assert one.terminal.preauthorizations == {}


# --- receipts -----------------------------------------------------------------------------------------------------------------------


def test_receipt_in_parts_to_the_register(till, receipt):
    conversation = till()
    assert conversation.perform(PrintingRequest()) == []
    assert conversation.terminal.printing == 1
    responses = conversation.perform(PURCHASE)
    assert isinstance(responses[0], PaymentResult)
    parts = responses[1:]
    assert len(parts) >= 2
    assert all(isinstance(part, ReceiptPart) and 1 <= len(part.receipt_text) <= 200 for part in parts)
    text = receipt(parts)
    assert is_complete(text)
    assert text.endswith(b"\x7d" * 6 + b"\x1b")
    assert text == conversation.terminal.last_receipt
    assert conversation.terminal.paper == []


def test_falls_back_to_its_own_printer(till):
    conversation = till()
    conversation.perform(PrintingRequest())
    conversation.perform(StatusRequest())
    assert conversation.terminal.printing == 1
    conversation.perform(PURCHASE)
    assert conversation.terminal.printing == 0
    assert len(conversation.perform(PURCHASE)) == 1
    assert len(conversation.terminal.paper) == 1


def test_printing_outlives_its_line(till):
    conversation = till()
    conversation.perform(PrintingRequest())
    conversation.lose()
    conversation.connect()
    assert len(conversation.perform(PURCHASE)) > 1
    conversation.perform(PrintingRequest())
    conversation.perform(PrintingRequest(enabled=0))
    assert len(conversation.perform(PURCHASE)) == 1


def test_every_printing_operation_sends_one(till, receipt):
    conversation = till()
    for operation in (PreauthorizationRequest(amount=1), VoidRequest(), VerifyCardRequest(), TotalsRequest(), CloseSessionRequest()):
        conversation.perform(PrintingRequest())
        assert is_complete(receipt(conversation.perform(operation)))


def test_no_receipt_of_a_refusal(till):
    conversation = till()
    conversation.perform(PrintingRequest())
    assert len(conversation.perform(PurchaseRequest(amount=9001))) == 1


def test_reprint(till, receipt):
    conversation = till()
    assert conversation.perform(ReprintRequest()) == []
    conversation.perform(PURCHASE)
    (paper,) = conversation.terminal.paper
    assert receipt(conversation.perform(ReprintRequest(to_ecr=1))) == paper
    assert conversation.perform(ReprintRequest(to_ecr=0)) == []
    assert conversation.terminal.paper == [paper, paper]


def test_part_size(till):
    conversation = till(receipt_part_size=1)
    conversation.perform(PrintingRequest())
    assert all(len(part.receipt_text) == 1 for part in conversation.perform(PURCHASE)[1:])


# --- additional data ----------------------------------------------------------------------------------------------------------------

ANNOUNCED = PurchaseRequest(amount=650, additional_data=True)
DATA = AdditionalDataRequest(contents=((5, "0COF0TRKABC|0FNZ03"),), iso_field="62")


def test_additional_data_there_and_back(till, kinds, receipt):
    conversation = till()
    conversation.perform(PrintingRequest())
    assert kinds(conversation.send(ANNOUNCED)) == "+"
    assert len(conversation.terminal.ledger) == 0
    responses = conversation.perform(DATA)
    assert conversation.terminal.additional_data == [DATA]
    assert isinstance(responses[0], PaymentResult)
    assert responses[-1] == AdditionalDataResponse(terminal_id="37105051", data="62TOKEN000001")
    assert is_complete(receipt(responses))


def test_host_data_before_the_receipt(till):
    conversation = till(host_data_first=True, host_data="ABC")
    conversation.perform(PrintingRequest())
    conversation.send(ANNOUNCED)
    responses = conversation.perform(DATA)
    assert responses[1].data == "ABC"
    assert isinstance(responses[2], ReceiptPart)


def test_nothing_comes_back_for_iso_field_00_or_a_refusal(till):
    conversation = till()
    conversation.send(ANNOUNCED)
    assert len(conversation.perform(AdditionalDataRequest(contents=((1, "A"),)))) == 1
    conversation.send(PurchaseRequest(amount=9001, additional_data=True))
    assert len(conversation.perform(DATA)) == 1


def test_data_that_never_come_are_given_up(till, kinds):
    conversation = till()
    conversation.send(ANNOUNCED)
    assert kinds(conversation.pass_time(5.0)) == "M"
    assert kinds(conversation.send(DATA)) == "-"
    assert conversation.terminal.ledger.net_total() == 650


def test_data_that_nobody_announced_are_refused(till, kinds):
    conversation = till()
    assert kinds(conversation.send(DATA)) == "-"
    conversation.send(ANNOUNCED)
    conversation.perform(DATA)
    assert conversation.pass_time(100.0) == []
    assert len(conversation.terminal.ledger) == 1


def test_last_result_replays_the_host_s_data(till):
    conversation = till()
    conversation.send(ANNOUNCED)
    (_, data) = conversation.perform(DATA)
    assert conversation.perform(LastResultRequest(additional_data=True))[1] == data
    assert len(conversation.perform(GETS)) == 1
    conversation.perform(PURCHASE)
    assert len(conversation.perform(LastResultRequest(additional_data=True))) == 1


def test_reboot_by_hand(till, kinds):
    conversation = till(think_seconds=5.0)
    conversation.perform(PrintingRequest())
    conversation.send(PURCHASE)
    actions = conversation.terminal.reboot(conversation.now)
    assert (actions.close, actions.wake_at) == (True, None)
    conversation.closed = True
    conversation.connect()
    assert conversation.closed, "it takes no line while it restarts"
    conversation.pass_time(30.0)
    conversation.connect()
    assert not conversation.closed
    assert conversation.terminal.printing == 0
    assert len(conversation.terminal.ledger) == 0
    assert kinds(conversation.send(StatusRequest())) == "+M"
    assert parse_response(messages(conversation.frames)[-1]).code == "s"
