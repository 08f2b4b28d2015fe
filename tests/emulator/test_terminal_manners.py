"""Each manner on the line: its bytes, how often it showed, and that the ledger stays the truth."""

from datetime import datetime
from itertools import combinations, product

import pytest

from ecrlan.emulator.faults import EVERY_CODE, FAULT_KINDS
from ecrlan.emulator.manners import DEFAULT_MANNERS, MANNER_KINDS, Manners
from ecrlan.model import (
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    IncrementRequest,
    LastResultRequest,
    PreauthorizationRequest,
    PrintingRequest,
    PurchaseRequest,
    ReprintRequest,
    StatusRequest,
    TotalsRequest,
    VasRequest,
    VoidRequest,
)
from ecrlan.wire.codec import parse_response
from ecrlan.wire.frames import ApplicationFrame, ProgressFrame, build_ack
from ecrlan.wire.receipt import parse_receipt

PURCHASE = PurchaseRequest(amount=650)
EXTENDED = ExtendedPurchaseRequest(amount=650)
REFUSED = PurchaseRequest(amount=9006)
REFUSED_EXTENDED = ExtendedPurchaseRequest(amount=9001)
STATUS = StatusRequest()
GETS = LastResultRequest()
RECEIPTS = {"receipt_lines", "receipt_run_on"}


def messages(frames) -> list[bytes]:
    return [frame.message for frame in frames if isinstance(frame, ApplicationFrame) and frame.ok]


def exchange(conversation, request) -> list[bytes]:
    """Send a request, acknowledge whatever comes, and return the messages' bytes."""
    found, frames = [], conversation.send(request)
    while new := messages(frames):
        found += new
        frames = conversation.ack()
    return found


def shown(conversation) -> dict[str, int]:
    return dict(conversation.terminal.manners.shown)


@pytest.fixture
def mannered(till):
    """Make a till whose terminal has the manners named."""
    return lambda *names, **options: till(manners=Manners(*names), **options)


def test_without_manners_nothing_shows(mannered):
    conversation = mannered()
    for request in (STATUS, PURCHASE, REFUSED, VoidRequest(), CloseSessionRequest(), GETS):
        exchange(conversation, request)
    assert shown(conversation) == {}


# --- status -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manners", "word", "shows"),
    [
        (("worded_status",), b"OPERATIVE", "worded_status"),
        (("not_ready_word",), b"NON OPERATIVO", "not_ready_word"),
        (("worded_status", "not_ready_word"), b"NON OPERATIVO", "not_ready_word"),
    ],
)
def test_status_with_a_word(mannered, manners, word, shows):
    conversation = mannered(*manners, terminal_id="12345678")
    assert exchange(conversation, STATUS) == [b"123456780s00000000003107262122" + word + b"01.00.14_B2827_2827"]
    assert shown(conversation) == {shows: 1}
    assert exchange(conversation, PURCHASE), "it takes money as any other"


def test_status_with_a_word_and_another_tid(mannered):
    conversation = mannered("worded_status")
    conversation.terminal.faults.set("wrong_tid", codes="s")
    (message,) = exchange(conversation, STATUS)
    assert message[:8] == b"99999999"


# --- results ------------------------------------------------------------------------------------------------------------------------


def test_two_refusals_are_the_same_bytes(mannered):
    conversation = mannered("refusal_repeats_stan", terminal_id="12345678")
    first, second = exchange(conversation, REFUSED) + exchange(conversation, REFUSED)
    assert first == second == b"123456780E01OPERAZIONE ANNULLATA    00000000000" + b"0" + b" " * 11 + b"000000" + b"000000"
    exchange(conversation, PURCHASE)
    third, fourth = exchange(conversation, REFUSED) + exchange(conversation, REFUSED)
    assert third == fourth == first[:59] + b"000001" + b"000000"
    assert conversation.terminal.last_result == fourth
    assert (conversation.terminal.stan, conversation.terminal.online_id) == ("000001", "000001")
    assert shown(conversation) == {"refusal_repeats_stan": 4}


@pytest.mark.parametrize("request_made", [REFUSED_EXTENDED, PreauthorizationRequest(amount=9001), VoidRequest(stan="000009")])
def test_refusals_of_other_operations_repeat_too(mannered, request_made):
    conversation = mannered("refusal_repeats_stan", first_stan=41)
    first, second = exchange(conversation, request_made) + exchange(conversation, request_made)
    assert first == second
    assert parse_response(first).stan == "000041"


def test_a_refused_increment_is_the_same_a_day_later(mannered):
    conversation = mannered("refusal_repeats_stan")
    request = IncrementRequest(amount=1, preauthorization_code="123456789")
    first = exchange(conversation, request)
    conversation.terminal.clock = lambda: datetime(2026, 8, 1, 9, 0)  # noqa: DTZ001  # a terminal's clock has no zone
    assert exchange(conversation, request) == first


def test_other_result_codes_take_a_stan(mannered):
    conversation = mannered("refusal_repeats_stan", "blank_refusal")
    (message,) = exchange(conversation, PurchaseRequest(amount=9009))
    assert (parse_response(message).result, parse_response(message).stan) == ("09", "000001")


def test_blank_refusal(mannered):
    conversation = mannered("blank_refusal", "refusal_repeats_stan")
    (message,) = exchange(conversation, REFUSED_EXTENDED)
    assert message[48:71] == b" " * 23
    assert message[71:] == b"100" + b"00009001" + b"0" * 10
    assert exchange(conversation, GETS) == [message]
    assert shown(conversation) == {"blank_refusal": 2}
    assert conversation.terminal.stan == "000000"


def test_stans_start_anew_after_so_many(mannered):
    conversation = mannered("stan_anew", stans_in_series=3, first_stan=0)
    results = [conversation.result(PURCHASE) for _ in range(7)]
    assert [int(result.stan) for result in results] == [1, 2, 3, 1, 2, 3, 1]
    assert len({result.authorization_code for result in results}) == 7
    assert [entry.stan for entry in conversation.terminal.ledger] == [result.stan for result in results]
    assert shown(conversation) == {"stan_anew": 2}


def test_stans_start_anew_after_a_closing(mannered):
    conversation = mannered("stan_anew", first_stan=41)
    assert conversation.result(PURCHASE).stan == "000042"
    exchange(conversation, CloseSessionRequest())
    assert conversation.result(PURCHASE).stan == "000001"
    assert conversation.result(VoidRequest(stan="000001")).approved
    assert shown(conversation) == {"stan_anew": 1}


def test_a_refused_closing_begins_no_series(mannered):
    conversation = mannered("stan_anew")
    exchange(conversation, PURCHASE)
    conversation.terminal.faults.set("declined")
    exchange(conversation, CloseSessionRequest())
    assert conversation.result(PURCHASE).stan == "000002"


def test_purchase_result_of_74_bytes(mannered):
    conversation = mannered("e74")
    (approved,) = exchange(conversation, PURCHASE)
    assert (len(approved), approved[71:]) == (74, b"000")
    assert parse_response(approved[:71]).approved
    assert exchange(conversation, GETS) == [approved]
    (refused,) = exchange(conversation, PurchaseRequest(amount=9002))
    assert (len(refused), refused[71:]) == (74, b"116")
    assert [len(exchange(conversation, other)[0]) for other in (EXTENDED, VoidRequest())] == [92, 84]
    assert shown(conversation) == {"e74": 3}


def test_card_number_authorization_and_entry_mode_of_firmware(mannered):
    conversation = mannered("pan_forms", card="1017", first_online_id=4)
    found = [exchange(conversation, EXTENDED)[0] for _ in range(5)]
    assert [message[12:31] for message in found] == [
        b"0000000000000001017",
        b"000************1017",
        b"000438746******1017",
        b"4387460123456781017",
        b"0000000000000001017",
    ]
    assert {message[31:34] for message in found} == {b"CLE"}
    for message in found:
        assert message[34:39].isdigit()
        assert message[39:40] == b" "
    assert len({message[34:40] for message in found}) == 5
    assert shown(conversation) == {"pan_forms": 5}


def test_host_time_is_behind_and_nothing_else(mannered, till):
    day = datetime(2027, 1, 1, 9, 30)  # noqa: DTZ001  # a terminal's clock has no zone
    conversation = mannered("host_time_behind", "worded_status")
    conversation.terminal.clock = lambda: day
    (message,) = exchange(conversation, PURCHASE)
    assert message[40:47] == b"3640930"
    assert exchange(conversation, STATUS)[0][20:30] == b"0101270930"
    assert b"01/01/27           09:30" in conversation.terminal.paper[0]
    assert conversation.terminal.ledger.entries[0].time == day
    conversation.terminal.host_time_behind_hours = 24.0
    assert exchange(conversation, EXTENDED)[0][40:47] == b"3650930"
    assert shown(conversation) == {"host_time_behind": 2, "worded_status": 1}


def test_answers_without_a_tid(mannered):
    conversation = mannered("identified_by_zero", "receipt_lines")
    exchange(conversation, PrintingRequest())
    requests = (PURCHASE, STATUS, GETS, TotalsRequest(), VasRequest(xml="<ecrreq/>"), CloseSessionRequest(), REFUSED)
    found = [message for request in requests for message in exchange(conversation, request)]
    assert {message[:8] for message in found} == {b"00000000"}
    assert b"TML             37105051" in b"".join(message[10:] for message in found if message[9:10] == b"S")
    assert shown(conversation)["identified_by_zero"] == len(found)
    assert conversation.send(StatusRequest(terminal_id="37105051")), "it still knows its own"


def test_a_stale_result_comes_without_a_tid_and_that_of_another_terminal_stays(mannered):
    conversation = mannered("identified_by_zero")
    exchange(conversation, PURCHASE)
    for fault in ("stale_result", "wrong_tid"):
        conversation.terminal.faults.set(fault)
    assert [message[:8] for message in messages(conversation.send(PURCHASE))] == [b"00000000", b"99999999"]


# --- approval after a refusal -------------------------------------------------------------------------------------------------------


def test_an_approval_follows_the_refusal(mannered, kinds):
    conversation = mannered("approval_after_refusal")
    (refused,) = messages(conversation.send(REFUSED_EXTENDED))
    assert conversation.pass_time(3.0) == [], "it waits for the register's ACK"
    conversation.ack()
    assert conversation.pass_time(1.9) == []
    assert len(conversation.terminal.ledger) == 0
    (approved,) = messages(conversation.pass_time(0.1))
    assert (parse_response(refused).result, parse_response(approved).result) == ("01", "00")
    assert parse_response(approved).amount == 9001
    assert conversation.terminal.ledger.net_total() == 9001
    assert conversation.ack() == []
    assert conversation.terminal.idle
    assert exchange(conversation, GETS) == [approved]
    assert shown(conversation) == {"approval_after_refusal": 2}


def test_an_approval_is_only_saved_where_the_line_has_gone(mannered):
    conversation = mannered("approval_after_refusal")
    exchange(conversation, REFUSED)
    conversation.pass_time(1.0)
    conversation.lose()
    assert conversation.terminal.ledger.net_total() == 9006
    conversation.connect()
    assert conversation.pass_time(10.0) == []
    assert conversation.result(GETS).approved


@pytest.mark.parametrize("fault", ["close_after_result", "drop_after_charge", "cut_result"])
def test_an_approval_after_a_fault_of_the_line(mannered, fault):
    conversation = mannered("approval_after_refusal")
    conversation.terminal.faults.set("declined")
    conversation.terminal.faults.set(fault)
    conversation.send(PURCHASE)
    assert conversation.closed
    assert conversation.terminal.ledger.net_total() == 650
    conversation.connect()
    assert conversation.result(GETS).approved


def test_an_approval_in_the_middle_of_the_next_operation(mannered):
    conversation = mannered("approval_after_refusal", late_approval_seconds=1.0)
    exchange(conversation, REFUSED)
    conversation.terminal.think_seconds = 5.0
    conversation.send(EXTENDED)
    found = messages(conversation.pass_time(5.0))
    assert [(len(message), parse_response(message).result) for message in found] == [(71, "00"), (92, "00")]
    assert [entry.amount for entry in conversation.terminal.ledger] == [9006, 650]


def test_a_restart_takes_back_nothing(mannered):
    conversation = mannered("approval_after_refusal")
    exchange(conversation, REFUSED)
    conversation.terminal.reboot(conversation.now)
    conversation.pass_time(60.0)
    assert len(conversation.terminal.ledger) == 0


def test_only_purchases_are_taken_back(mannered):
    conversation = mannered("approval_after_refusal")
    for request in (PreauthorizationRequest(amount=9001), VoidRequest()):
        exchange(conversation, request)
        conversation.pass_time(10.0)
    assert len(conversation.terminal.ledger) == 0


def test_a_late_refusal_is_taken_back_although_its_line_is_gone(mannered):
    conversation = mannered("approval_after_refusal", late_seconds=10.0)
    conversation.terminal.faults.set("late_result")
    conversation.send(REFUSED)
    conversation.lose()
    conversation.connect()
    conversation.terminal.think_seconds = 20.0
    conversation.send(EXTENDED)
    conversation.pass_time(10.0)
    assert [entry.amount for entry in conversation.terminal.ledger] == [9006]
    conversation.pass_time(10.0)
    assert [entry.amount for entry in conversation.terminal.ledger] == [9006, 650]


def test_a_refusal_that_is_only_saved_is_taken_back_on_its_line(mannered):
    conversation = mannered("approval_after_refusal")
    conversation.terminal.faults.set("no_result")
    conversation.send(REFUSED)
    (message,) = messages(conversation.pass_time(2.0))
    assert parse_response(message).approved


# --- progress and receipts ----------------------------------------------------------------------------------------------------------


def test_24_progress_texts_some_40_ms_apart(mannered, kinds):
    conversation = mannered("many_progress")
    first = conversation.send(PURCHASE)
    assert kinds(first) == "+."
    frames = first[1:] + conversation.pass_time(0.9201)
    assert kinds(frames) == "." * 24
    assert all(isinstance(frame, ProgressFrame) and len(frame.raw) == 22 for frame in frames)
    assert frames[0].raw == b"\x01       Attesa carta\x04".replace(b"\x01", b"\x01 ")
    assert frames[1].raw == b"\x01Attesa carta        \x04"
    assert kinds(conversation.pass_time(0.05)) == "M"
    assert shown(conversation) == {"many_progress": 1}


def test_a_cancelled_payment_says_so(mannered):
    conversation = mannered("many_progress")
    conversation.send(REFUSED)
    texts = [frame.text for frame in conversation.pass_time(1.0) if isinstance(frame, ProgressFrame)]
    assert texts[-1] == "TRANSAZIONE ANNULLAT"


@pytest.mark.parametrize("manner", ["receipt_lines", "receipt_run_on"])
def test_receipt_of_firmware(mannered, manner, receipt):
    conversation = mannered(manner)
    exchange(conversation, PrintingRequest())
    parts = exchange(conversation, PURCHASE)[1:]
    text = b"".join(part[10:] for part in parts)
    if manner == "receipt_lines":
        lines = [text[place : place + 25] for place in range(0, len(text) - 1, 25)]
        assert {len(line) for line in lines} == {25}
        assert {line[:1] for line in lines} == {b"}", b"~"}
        assert text.endswith(b" " * 24 + b"\x1b")
        assert all(len(part) == 210 for part in parts[:-1]), "parts end with a line"
    else:
        assert text.endswith(b"}}\x1b")
        assert b"}" not in text[:-3]
        body = text[:-3].replace(b"\x7f", b"")
        assert len(body) % 24 == 0
        assert text.count(b"\x7f") == 2
    assert b"A.ID      A0000000041010" in text
    assert parse_receipt(text)
    assert shown(conversation) == {manner: 1}
    assert b"".join(part[10:] for part in exchange(conversation, ReprintRequest(to_ecr=1))) == text
    assert shown(conversation) == {manner: 2}


@pytest.mark.parametrize("manner", ["receipt_lines", "receipt_run_on"])
def test_receipt_of_firmware_without_its_end(mannered, manner):
    conversation = mannered(manner)
    conversation.terminal.faults.set("receipt_cut")
    exchange(conversation, PrintingRequest())
    assert b"\x1b" not in b"".join(exchange(conversation, PURCHASE)[1:])


def test_what_it_prints_itself_is_not_counted(mannered):
    conversation = mannered("receipt_lines")
    exchange(conversation, PURCHASE)
    assert conversation.terminal.paper[0].endswith(b" \x1b")
    assert shown(conversation) == {}


# --- the line -----------------------------------------------------------------------------------------------------------------------


def test_no_last_result_is_met_with_silence(mannered, kinds):
    conversation = mannered("silent_last_result")
    assert kinds(conversation.send(GETS)) == "+"
    assert conversation.pass_time(100.0) == []
    assert shown(conversation) == {"silent_last_result": 1}
    exchange(conversation, PURCHASE)
    assert kinds(conversation.send(GETS)) == "+M"
    assert shown(conversation) == {"silent_last_result": 1}


def test_the_line_is_closed_right_after_a_result(mannered, kinds):
    conversation = mannered("closes_on_idle")
    assert kinds(conversation.send(PrintingRequest())) == "+"
    assert not conversation.closed, "printing has no result"
    assert len(exchange(conversation, PURCHASE)) > 1, "the receipt still comes"
    assert conversation.closed
    assert shown(conversation) == {"closes_on_idle": 1}
    conversation.connect()
    exchange(conversation, STATUS)
    assert conversation.closed


def test_a_missing_ack_is_met_with_naks(mannered, kinds):
    conversation = mannered("naks_after_missing_ack")
    conversation.send(PURCHASE)
    assert not conversation.terminal.line_may_be_replaced
    assert kinds(conversation.send(STATUS)) == "-"
    assert kinds(conversation.pass_time(14.9)) == "MM"
    assert kinds(conversation.send(STATUS)) == "-"
    conversation.pass_time(0.1)
    assert kinds(conversation.send(STATUS)) == "+M"
    assert shown(conversation) == {"naks_after_missing_ack": 2}


def test_otherwise_a_request_stands_for_the_missing_ack(mannered, kinds):
    conversation = mannered()
    conversation.send(PURCHASE)
    assert conversation.terminal.line_may_be_replaced
    assert kinds(conversation.send(STATUS)) == "+M"
    assert conversation.ack() == []
    assert conversation.pass_time(100.0) == []
    assert conversation.terminal.ledger.net_total() == 650
    busy = mannered(think_seconds=5.0)
    busy.send(PURCHASE)
    assert kinds(busy.send(STATUS)) == "-", "a payment at work is another thing"


def test_a_request_instead_of_the_ack_lets_the_approval_follow(mannered):
    conversation = mannered("approval_after_refusal")
    conversation.send(REFUSED)
    exchange(conversation, STATUS)
    assert [parse_response(message).result for message in messages(conversation.pass_time(2.0))] == ["00"]


def test_naks_after_a_missing_ack_are_the_default(till):
    assert DEFAULT_MANNERS == ("naks_after_missing_ack",)
    assert till().terminal.manners.names == DEFAULT_MANNERS


# --- all of them --------------------------------------------------------------------------------------------------------------------


def test_every_manner_with_every_other_and_every_fault_breaks_nothing(till):
    """Whatever is combined, the terminal neither raises nor charges one request twice, and comes to rest."""
    conversation = till(think_seconds=1.0, stans_in_series=2)
    terminal = conversation.terminal
    pairs = combinations(MANNER_KINDS, 2)
    for number, ((name, other), fault) in enumerate(product(pairs, FAULT_KINDS)):
        terminal.manners.clear()
        terminal.manners.set(name)
        terminal.manners.set(other)
        terminal.faults.clear()
        terminal.faults.set(fault, codes=EVERY_CODE)
        before = len(terminal.ledger.asked)
        conversation.send(REFUSED if number % 2 else PURCHASE)
        conversation.pass_time(1.0)
        conversation.send(GETS)
        conversation.write(build_ack() * 4)
        conversation.pass_time(600.0)
        assert len(terminal.ledger.asked) - before <= 1, (name, other, fault)
        if conversation.closed:
            conversation.connect()
        conversation.pass_time(600.0)
        assert terminal.idle, (name, other, fault)
    assert set(terminal.manners.shown) == set(MANNER_KINDS) - {"not_ready_word", "worded_status", "silent_last_result"} - RECEIPTS


def test_all_manners_at_once_all_show(till):
    conversation = till(manners=MANNER_KINDS, stans_in_series=2)
    exchange(conversation, GETS)
    for request in (STATUS, PURCHASE, REFUSED, GETS, PURCHASE, PURCHASE):
        if conversation.closed:
            conversation.connect()
        exchange(conversation, PrintingRequest())
        conversation.send(request)
        conversation.pass_time(1.0)
        conversation.send(STATUS)
        for _ in range(9):
            conversation.ack()
        conversation.pass_time(5.0)
    hidden = {"worded_status", "refusal_repeats_stan", "receipt_run_on"}
    assert set(shown(conversation)) == set(MANNER_KINDS) - hidden, "three that give way to another"
