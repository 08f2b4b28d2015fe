"""Each fault: what is seen on the line, and whether the money moved."""

import pytest

from ecrlan.emulator.faults import EVERY_CODE, FAULT_KINDS
from ecrlan.emulator.ledger import ChargeKind
from ecrlan.errors import MalformedMessageError
from ecrlan.model import (
    AdditionalDataRequest,
    CaptureRequest,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    IncrementRequest,
    LastResultRequest,
    PreauthorizationRequest,
    PrintingRequest,
    PurchaseRequest,
    StatusRequest,
    VasRequest,
    VoidRequest,
)
from ecrlan.wire.codec import parse_response
from ecrlan.wire.frames import ApplicationFrame, build_ack
from ecrlan.wire.receipt import is_complete

PURCHASE = PurchaseRequest(amount=650)
EXTENDED = ExtendedPurchaseRequest(amount=650)
STATUS = StatusRequest()
GETS = LastResultRequest()
QR = '<ecrreq><p k="ECRVASID">BPAY_QR</p><p k="SUBSMPARAMS"><p k="AMOUNT">500</p></p></ecrreq>'
PREAUTHORIZATION_CODE = "700000001"
OPERATIONS = {
    "P": (PURCHASE, ChargeKind.PURCHASE),
    "X": (EXTENDED, ChargeKind.PURCHASE),
    "p": (PreauthorizationRequest(amount=650), ChargeKind.PREAUTHORIZE),
    "S": (VoidRequest(), ChargeKind.VOID),
    "i": (IncrementRequest(amount=650, preauthorization_code=PREAUTHORIZATION_CODE), ChargeKind.INCREMENT),
    "c": (CaptureRequest(amount=650, preauthorization_code=PREAUTHORIZATION_CODE), ChargeKind.CAPTURE),
    "C": (CloseSessionRequest(), ChargeKind.CLOSE_SESSION),
    "K": (VasRequest(xml=QR), ChargeKind.VAS_PAYMENT),
}
"""Every request that moves money, and the ledger's entry of it."""


def results(frames):
    return [parse_response(frame.message) for frame in frames if isinstance(frame, ApplicationFrame) and frame.ok]


@pytest.fixture
def faulty(till):
    """Make a till whose terminal has one fault armed for its next operation."""

    def make(name, count=1, codes=None, **options):
        conversation = till(**options)
        conversation.terminal.faults.set(name, count, codes=codes)
        return conversation

    return make


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, kind in FAULT_KINDS.items() for code in OPERATIONS if code in kind.codes]
)
def test_the_money_moves_exactly_where_the_table_says(till, name, code):
    request, kind = OPERATIONS[code]
    conversation = till(think_seconds=1.0, progress=("ATTENDERE",))
    terminal = conversation.terminal
    conversation.send(PreauthorizationRequest(amount=1000))
    conversation.pass_time(1.0)
    conversation.ack()
    before = len(terminal.ledger)
    terminal.faults.set(name)
    conversation.send(request)
    conversation.pass_time(600.0)
    asked = [entry for entry in terminal.ledger.entries[before:] if not entry.by_hand]
    assert [entry.kind for entry in asked] == ([kind] if FAULT_KINDS[name].performed else [])
    assert terminal.faults.count(name) == 0
    assert terminal.idle
    assert conversation.wake_at is None
    if conversation.closed:
        conversation.connect()
    assert results(conversation.send(STATUS)), "it works again"


@pytest.mark.parametrize("code", "sGE")
def test_before_and_after_an_operation_faults_wait(faulty, kinds, code):
    request = {"s": STATUS, "G": GETS, "E": PrintingRequest()}[code]
    conversation = faulty("no_ack")
    assert kinds(conversation.send(request))[0] == "+"
    assert conversation.terminal.faults.count("no_ack") == 1


# --- the request and its ACK --------------------------------------------------------------------------------------------------------


def test_nak(faulty, kinds):
    conversation = faulty("nak", 2)
    assert [kinds(conversation.send(PURCHASE)) for _ in range(3)] == ["-", "-", "+M"]


def test_busy_refuses_whatever_comes(faulty, kinds):
    conversation = faulty("busy", 3)
    assert [kinds(conversation.send(each)) for each in (STATUS, PrintingRequest(), PURCHASE, PURCHASE)] == ["-", "-", "-", "+M"]


def test_silent(faulty, kinds):
    conversation = faulty("silent")
    assert kinds(conversation.send(PURCHASE)) == ""
    assert conversation.wake_at is None


def test_no_ack(faulty, kinds):
    assert kinds(faulty("no_ack").send(PURCHASE)) == "M"


def test_no_ack_on_status(faulty, kinds):
    conversation = faulty("no_ack", codes="s")
    assert kinds(conversation.send(STATUS)) == "M"


def test_bad_ack_lrc(faulty, kinds):
    conversation = faulty("bad_ack_lrc")
    frames = conversation.send(PURCHASE)
    assert kinds(frames) == "aM"
    assert frames[0].lrc == "bad"


def test_result_before_ack(faulty, kinds):
    assert kinds(faulty("result_before_ack").send(PURCHASE)) == "M+"
    conversation = faulty("result_before_ack")
    assert kinds(conversation.send(PurchaseRequest(amount=1, additional_data=True))) == "M+", "no U can come before it"


def test_ack_after_result_only(faulty, kinds):
    conversation = faulty("ack_after_result_only")
    assert kinds(conversation.send(PURCHASE)) == "M"
    assert kinds(conversation.ack()) == "+"


def test_ack_after_result_only_where_there_is_no_result(faulty, kinds):
    assert kinds(faulty("ack_after_result_only", codes="E").send(PrintingRequest())) == "+"


def test_charge_after_nak(faulty, kinds):
    assert kinds(faulty("charge_after_nak").send(PURCHASE)) == "-M"


def test_stale_result(faulty, kinds):
    conversation = faulty("stale_result", codes="X")
    conversation.perform(PURCHASE)
    frames = conversation.send(EXTENDED)
    assert kinds(frames) == "M+M"
    assert [result.stan for result in results(frames)] == ["000001", "000002"]
    assert kinds(faulty("stale_result").send(PURCHASE)) == "+M", "there is none before the first"


def test_late_and_duplicate_faults_leave_the_data_request_alone(faulty, kinds):
    conversation = faulty("no_ack", codes="U")
    conversation.send(PurchaseRequest(amount=1, additional_data=True))
    assert kinds(conversation.send(AdditionalDataRequest(contents=((1, "A"),)))) == "M"


def test_data_request_refused(faulty, kinds):
    conversation = faulty("nak", codes="U")
    conversation.send(PurchaseRequest(amount=1, additional_data=True))
    data = AdditionalDataRequest(contents=((1, "A"),))
    assert kinds(conversation.send(data)) == "-"
    assert kinds(conversation.send(data)) == "+M"
    assert kinds(faulty("bad_ack_lrc", codes="U").send(PurchaseRequest(amount=1, additional_data=True))) == "+"


# --- the line -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "seen"), [("drop_before_ack", ""), ("drop_after_ack", "+"), ("drop_after_charge", "+"), ("close_after_result", "+M")]
)
def test_drops(faulty, kinds, name, seen):
    conversation = faulty(name)
    assert kinds(conversation.send(PURCHASE)) == seen
    assert conversation.closed
    assert conversation.wake_at is None


def test_drop_after_charge_is_found_by_the_last_result(faulty):
    conversation = faulty("drop_after_charge")
    conversation.send(PURCHASE)
    conversation.connect()
    assert conversation.result(GETS).stan == "000001"


def test_drop_after_ack_leaves_no_result(faulty):
    conversation = faulty("drop_after_ack")
    conversation.send(PURCHASE)
    assert conversation.terminal.last_result is None
    assert conversation.terminal.idle


def test_drop_then_charge(faulty, kinds):
    conversation = faulty("drop_then_charge", late_seconds=60.0)
    assert kinds(conversation.send(PURCHASE)) == "+"
    assert conversation.closed
    conversation.connect()
    assert kinds(conversation.send(STATUS)) == "-", "it is still at work"
    assert kinds(conversation.pass_time(60.0)) == ""
    assert conversation.result(GETS).approved
    assert len(conversation.terminal.ledger) == 1


def test_drop_then_charge_does_not_wait_for_data(faulty):
    conversation = faulty("drop_then_charge", late_seconds=60.0)
    conversation.send(PurchaseRequest(amount=650, additional_data=True))
    conversation.pass_time(60.0)
    assert len(conversation.terminal.ledger) == 1


def test_cut_result(faulty, kinds):
    conversation = faulty("cut_result")
    assert kinds(conversation.send(PURCHASE)) == "+"
    assert len(conversation.pieces[-1]) == 37
    assert conversation.closed


def test_close_after_enable(faulty, kinds):
    conversation = faulty("close_after_enable")
    assert kinds(conversation.send(PrintingRequest())) == "+"
    assert conversation.closed
    conversation.connect()
    assert len(conversation.perform(PURCHASE)) > 1


def test_reboot(faulty, kinds):
    conversation = faulty("reboot", reboot_seconds=30.0, think_seconds=5.0)
    conversation.perform(PrintingRequest())
    assert kinds(conversation.send(PURCHASE)) == "+"
    assert conversation.closed
    assert conversation.connect().closed
    conversation.pass_time(30.0)
    assert not conversation.connect().closed
    assert conversation.terminal.printing == 0


# --- the result ---------------------------------------------------------------------------------------------------------------------


def test_hang(faulty, kinds):
    conversation = faulty("hang")
    assert kinds(conversation.send(PURCHASE)) == "+"
    assert kinds(conversation.pass_time(1000.0)) == ""
    assert not conversation.closed


def test_no_result(faulty, kinds):
    conversation = faulty("no_result")
    assert kinds(conversation.send(PURCHASE)) == "+"
    assert kinds(conversation.pass_time(1000.0)) == ""
    assert conversation.result(GETS).stan == "000001"


def test_late_result_on_its_line(faulty, kinds):
    conversation = faulty("late_result", late_seconds=200.0)
    assert kinds(conversation.send(PURCHASE)) == "+"
    assert conversation.terminal.ledger.net_total() == 650
    assert kinds(conversation.pass_time(199.0)) == ""
    frames = conversation.pass_time(1.0)
    assert kinds(frames) == "M"
    assert conversation.ack() == []
    assert conversation.terminal.idle


def test_late_result_in_the_middle_of_the_next_operation(faulty):
    conversation = faulty("late_result", late_seconds=10.0)
    conversation.send(PURCHASE)
    conversation.terminal.think_seconds = 20.0
    conversation.send(EXTENDED)
    assert [result.stan for result in results(conversation.pass_time(20.0))] == ["000001", "000002"]


def test_late_result_is_only_saved_if_its_line_is_gone(faulty):
    conversation = faulty("late_result", late_seconds=10.0)
    conversation.send(PURCHASE)
    conversation.lose()
    conversation.connect()
    assert conversation.pass_time(10.0) == []
    assert conversation.result(GETS).stan == "000001"
    conversation.terminal.late_on_any_line = True
    conversation.terminal.faults.set("late_result")
    conversation.send(PURCHASE)
    conversation.lose()
    conversation.connect()
    assert [result.stan for result in results(conversation.pass_time(10.0))] == ["000002"]


def test_late_charge(faulty, kinds):
    conversation = faulty("late_charge", late_seconds=200.0)
    assert kinds(conversation.send(PURCHASE)) == "+"
    assert kinds(conversation.send(STATUS)) == "-"
    assert len(conversation.terminal.ledger) == 0
    assert kinds(conversation.pass_time(200.0)) == "M"
    assert len(conversation.terminal.ledger) == 1


def test_bad_lrc_counts_transmissions(faulty, kinds):
    conversation = faulty("bad_lrc", 2)
    frames = conversation.send(PURCHASE)
    assert kinds(frames) == "+m"
    assert frames[1].lrc == "bad", "fits no other reading"
    assert kinds(conversation.nak()) == "m"
    assert kinds(conversation.nak()) == "M"
    assert len(conversation.terminal.ledger) == 1


def test_duplicate_result(faulty, kinds):
    conversation = faulty("duplicate_result")
    conversation.perform(PrintingRequest())
    (first,) = results(conversation.send(PURCHASE))
    assert results(conversation.ack()) == [first]
    assert results(conversation.ack())[0].code == "S"
    assert len(conversation.terminal.ledger) == 1


def test_malformed_result(faulty):
    conversation = faulty("malformed_result")
    (_, result) = conversation.send(PURCHASE)
    with pytest.raises(MalformedMessageError):
        parse_response(result.message)
    assert len(conversation.terminal.last_result) == 71


@pytest.mark.parametrize(("amount", "told"), [(650, 651), (99_999_999, 99_999_998)])
def test_wrong_amount(faulty, amount, told):
    conversation = faulty("wrong_amount")
    assert conversation.result(ExtendedPurchaseRequest(amount=amount)).amount == told
    assert conversation.terminal.ledger.net_total() == amount
    assert conversation.result(GETS).amount == amount


def test_wrong_amount_where_there_is_none(faulty):
    assert faulty("wrong_amount").result(PURCHASE).approved


def test_wrong_tid(faulty):
    assert faulty("wrong_tid").result(PURCHASE).terminal_id == "99999999"
    assert faulty("wrong_tid", terminal_id="99999999").result(PURCHASE).terminal_id == "99999998"
    assert faulty("wrong_tid", codes="s").perform(STATUS)[0].terminal_id == "99999999"
    assert faulty("wrong_tid", codes="G").result(GETS).terminal_id == "99999999"


@pytest.mark.parametrize("code", "PXpSi")
def test_wrong_code(till, code):
    conversation = till()
    conversation.result(PreauthorizationRequest(amount=1000))
    conversation.terminal.faults.set("wrong_code")
    assert conversation.result(OPERATIONS[code][0]).code == "c"


def test_wrong_code_of_capture(till):
    conversation = till()
    conversation.result(PreauthorizationRequest(amount=1000))
    conversation.terminal.faults.set("wrong_code")
    result = conversation.result(OPERATIONS["c"][0])
    assert (result.code, result.length) == ("E", 71)
    assert conversation.result(GETS).code == "c"


@pytest.mark.parametrize(("name", "result", "charged"), [("declined", "01", 0), ("unknown_result", "09", 0), ("odd_result", "42", 650)])
def test_result_codes(faulty, name, result, charged):
    conversation = faulty(name)
    assert conversation.result(PURCHASE).result == result
    assert conversation.result(GETS).result == result
    assert conversation.terminal.ledger.net_total() == charged


def test_odd_result_of_a_refusal_stays_a_refusal(faulty):
    assert faulty("odd_result").result(PurchaseRequest(amount=9001)).result == "01"


# --- the receipt --------------------------------------------------------------------------------------------------------------------


def test_receipt_lost(faulty):
    conversation = faulty("receipt_lost")
    conversation.perform(PrintingRequest())
    assert len(conversation.perform(PURCHASE)) == 1
    assert conversation.terminal.last_receipt is not None


def test_receipt_cut(faulty, receipt):
    conversation = faulty("receipt_cut")
    conversation.perform(PrintingRequest())
    text = receipt(conversation.perform(PURCHASE))
    assert text
    assert not is_complete(text)


def test_receipt_first(faulty, receipt):
    conversation = faulty("receipt_first")
    conversation.perform(PrintingRequest())
    responses = conversation.perform(PURCHASE)
    assert responses[-1].code == "E"
    assert is_complete(receipt(responses))


# --- the bytes ----------------------------------------------------------------------------------------------------------------------


def test_split(faulty, kinds):
    conversation = faulty("split", progress=("ATTENDERE",))
    conversation.perform(PrintingRequest())
    conversation.pieces.clear()
    assert kinds(conversation.send(PURCHASE)) == "+.M"
    conversation.ack()
    assert len(conversation.pieces) > 200
    assert {len(piece) for piece in conversation.pieces} == {1}
    conversation.terminal.faults.clear()


def test_split_ends_with_its_exchange(faulty):
    conversation = faulty("split")
    conversation.perform(PURCHASE)
    conversation.pieces.clear()
    conversation.perform(PURCHASE)
    assert [len(piece) for piece in conversation.pieces] == [3, 74]


@pytest.mark.parametrize("think_seconds", [0.0, 5.0])
def test_glued(faulty, kinds, think_seconds):
    conversation = faulty("glued", progress=("ATTENDERE",), think_seconds=think_seconds)
    frames = conversation.send(PURCHASE)
    if think_seconds:
        assert frames == []
        frames = conversation.pass_time(think_seconds)
    assert kinds(frames) == "+.M"
    assert len(conversation.pieces) == 1


def test_glued_with_additional_data(faulty, kinds):
    conversation = faulty("glued")
    assert kinds(conversation.send(PurchaseRequest(amount=1, additional_data=True))) == "+"
    conversation.pieces.clear()
    assert kinds(conversation.send(AdditionalDataRequest(contents=((1, "A"),)))) == "+M"
    assert len(conversation.pieces) == 1


def test_glued_and_split(faulty):
    conversation = faulty("glued")
    conversation.terminal.faults.set("split")
    conversation.send(PURCHASE)
    assert {len(piece) for piece in conversation.pieces} == {1}


def test_glued_is_thrown_away_with_its_line(faulty):
    conversation = faulty("glued", think_seconds=5.0)
    conversation.send(PURCHASE)
    conversation.lose()
    conversation.connect()
    assert conversation.pass_time(5.0) == []
    assert len(conversation.terminal.ledger) == 1


def test_noise(faulty, kinds):
    assert kinds(faulty("noise").send(PURCHASE)) == "?+?M"


# --- other people -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "request_made", "amount"), [
    ({}, PURCHASE, 650),
    ({"foreign_amount": 1200}, PURCHASE, 1200),
    ({}, CloseSessionRequest(), 1000),
])  # fmt: skip
def test_foreign_use(faulty, kinds, options, request_made, amount):
    conversation = faulty("foreign_use", **options)
    assert kinds(conversation.send(request_made)) == ""
    assert conversation.closed
    (entry,) = conversation.terminal.ledger
    assert (entry.by_hand, entry.amount) == (True, amount)
    assert conversation.terminal.ledger.asked == ()
    conversation.connect()
    assert conversation.result(GETS).stan == "000001", "somebody else's"


# --- all of them --------------------------------------------------------------------------------------------------------------------


def test_every_fault_at_once_breaks_nothing(till):
    """Whatever is combined, the terminal neither raises nor charges one request twice."""
    conversation = till(think_seconds=1.0)
    terminal = conversation.terminal
    for name in FAULT_KINDS:
        for other in FAULT_KINDS:
            terminal.faults.clear()
            terminal.faults.set(name, codes=EVERY_CODE)
            terminal.faults.set(other, codes=EVERY_CODE)
            before = len(terminal.ledger.asked)
            conversation.send(PURCHASE)
            conversation.pass_time(1.0)
            conversation.write(build_ack() * 4)
            conversation.pass_time(600.0)
            assert len(terminal.ledger.asked) - before <= 1, (name, other)
            assert terminal.idle, (name, other)
            if conversation.closed:
                conversation.connect()
