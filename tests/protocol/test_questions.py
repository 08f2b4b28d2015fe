"""What is asked before and after operations, what its answers tell, and what is told of messages that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ecrlan.errors import ConnectError, LineError
from ecrlan.model import (
    Code,
    Evidence,
    Kind,
    LastResultRequest,
    PaymentResult,
    PrintingRequest,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
    TotalsRequest,
    TotalsResponse,
    VoidRequest,
)
from ecrlan.protocol.memory import Refusal, Standing
from ecrlan.protocol.questions import MOST_STRAYS, SET_CLOCK_SECONDS, UNSEEN_SECONDS, Questions
from ecrlan.protocol.step import Ending, Stray
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import build_ack, build_frame
from ecrlan.wire.lrc import LrcReading
from tests.protocol.driver import ACK, EXTENDED, NAK, PURCHASE, STATUS, TID, UNREADABLE, wire
from tests.protocol.shell import LOST, START, FakeHost, Play, Shell, answers, approval, host_time, make_work, refusal

ALONE: dict[str, Any] = {"standalone_use": False}
OTHER = "11112222"
NOT_CONNECTED = ConnectError("192.168.1.50", 8081, "nobody listens")
REASON = Evidence(Code.ANOTHER_RESULT)


def make(**settings: Any) -> tuple[Shell, Questions]:
    shell = Shell(FakeHost(**(ALONE | settings)))
    return shell, Questions(shell.host)


def know(shell: Shell, result: PaymentResult) -> None:
    shell.host.memory.set_baseline(result, build_response(result))


# --- the register's clock -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "was_set"), [(0.0, False), (SET_CLOCK_SECONDS, False), (-SET_CLOCK_SECONDS, False), (31.0, True), (-3600.0, True)]
)
def test_a_clock_that_jumps_was_set(ahead: float, *, was_set: bool) -> None:
    shell, questions = make()
    clock = shell.host.memory.clock
    clock.learned, clock.status = 60.0, 60.0
    questions.notice_clock()
    assert shell.host.logged == [], "there is nothing to compare it with at first"
    shell.host.now, shell.host.ahead = 5000.0, ahead
    questions.notice_clock()
    questions.notice_clock()
    assert shell.host.logged == ["register.clock_set"] * was_set, "told once"
    assert (clock.learned, clock.status) == ((None, 60.0 - ahead) if was_set else (60.0, 60.0))


# --- asking -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("linger", "left"), [(False, "end"), (True, "keep")])
def test_a_question_is_one_exchange(*, linger: bool, left: str) -> None:
    shell, questions = make()
    exchange = shell.carry_out(questions.ask(StatusRequest(), linger=linger))
    assert exchange.answer == STATUS
    assert shell.actions == ["open", f"run s, {left}"]
    assert shell.names() == []


@pytest.mark.parametrize(("play", "must_ask"), [(answers(STATUS), False), ([ACK], True), ([NAK], True), ([], True), ([ACK, LOST], True)])
def test_only_an_answer_says_that_no_payment_is_running(play: Play, *, must_ask: bool) -> None:
    shell, questions = make()
    shell.host.memory.must_ask = True
    shell.on("s", play)
    shell.carry_out(questions.ask(StatusRequest()))
    assert shell.host.memory.must_ask is must_ask


@pytest.mark.parametrize(
    ("since", "settings", "forgotten"),
    [
        (UNSEEN_SECONDS, {}, False),
        (UNSEEN_SECONDS + 1, {}, True),
        (UNSEEN_SECONDS + 1, {"longest_payment_time": 1200.0}, False),
        (1201.0, {"longest_payment_time": 1200.0}, True),
    ],
)
def test_a_result_that_did_not_come_for_so_long_comes_no_more(since: float, settings: dict[str, Any], *, forgotten: bool) -> None:
    shell, questions = make(**settings)
    shell.host.memory.unseen = ("before", -since)
    shell.carry_out(questions.ask(StatusRequest()))
    assert (shell.host.memory.unseen is None) is forgotten


def test_a_status_without_a_line_is_none() -> None:
    for error in (NOT_CONNECTED, LineError("the line is closed")):
        shell, questions = make()
        shell.meets["run s", 1] = error
        assert shell.carry_out(questions.ask_status()) is None


def test_questions_name_the_terminal_of_the_settings_and_the_register_of_the_request() -> None:
    shell, questions = make(terminal_id=TID, printing_mode=3)
    status = shell.carry_out(questions.ask_status())
    assert status is not None
    assert status.request == StatusRequest(terminal_id=TID)
    last = shell.carry_out(questions.ask_last_result(TotalsRequest(cash_register_id="00000007")))
    assert last.request == LastResultRequest(terminal_id=TID, cash_register_id="00000007")
    assert shell.carry_out(questions.ask_last_result(StatusRequest())).request == LastResultRequest(terminal_id=TID)
    shell.carry_out(questions.enable_printing())
    assert shell.exchanges[-1].request == PrintingRequest(terminal_id=TID, enabled=3)
    assert shell.actions == ["open", "run s, end", "open", "run G, end", "open", "run G, end", "open for money", "run E, keep"]


NEW = approval(6)


@pytest.mark.parametrize(
    ("play", "baseline"),
    [(answers(NEW), NEW), ([NAK], None), ([ACK], None), ([], approval(5, -60)), ([build_frame(UNREADABLE)], approval(5, -60))],
    ids=["an answer", "refused", "only acknowledged", "silence", "unreadable"],
)
def test_what_the_last_result_becomes(play: Play, baseline: PaymentResult | None) -> None:
    shell, questions = make()
    know(shell, approval(5, -60))
    shell.host.memory.set_stale()
    shell.on("G", play)
    shell.carry_out(questions.ask_last_result(PURCHASE))
    assert shell.host.memory.baseline == baseline
    assert shell.host.memory.fresh is (baseline == NEW)
    assert shell.host.memory.baseline_message == (build_response(baseline) if baseline is not None else b"")


def test_a_last_result_without_a_line_is_raised() -> None:
    shell, questions = make()
    shell.meets["open", 1] = NOT_CONNECTED
    with pytest.raises(ConnectError):
        shell.carry_out(questions.ask_last_result(PURCHASE))


def test_of_operations_that_ended_nothing_is_waited_for_once_the_last_result_is_known() -> None:
    shell, questions = make()
    shell.host.memory.unseen_operations = {"ended", "open"}
    shell.host.open = {"open", "another"}
    questions.take_last_result(NEW, build_response(NEW))
    assert shell.host.memory.unseen_operations == {"open"}


PRINTING: list[tuple[str, Play, bool, str, bool]] = [
    ("taken", [ACK], True, "open for money; run E, keep", False),
    ("taken after a repetition", [6.0, ACK], True, "open for money; run E, keep; drop", False),
    ("taken, a message came with it", [wire(NEW), ACK], True, "open for money; run E, keep; drop", False),
    ("refused", [NAK], False, "open for money; run E, end", False),
    ("silence", [], False, "open for money; run E, end", True),
]


@pytest.mark.parametrize(("name", "play", "taken", "actions", "unanswered"), PRINTING, ids=[name for name, *_ in PRINTING])
def test_receipts_are_asked_for_on_a_line_that_money_may_use(name: str, play: Play, actions: str, *, taken: bool, unanswered: bool) -> None:
    shell, questions = make()
    shell.on("E", play)
    assert shell.carry_out(questions.enable_printing()) is taken
    assert "; ".join(shell.actions) == actions
    assert shell.host.memory.unanswered is unanswered


# --- what must hold of an answer ----------------------------------------------------------------------------------------------------------


def test_the_rules_are_what_is_known_of_the_terminal() -> None:
    shell, questions = make(tolerate_lengths=True)
    know(shell, approval(5, -60))
    shell.host.memory.unanswered = True
    rules = questions.rules(accept_short=False, lost_before="before", belongs=lambda _: REASON)
    assert (rules.terminal_id, rules.last_message) == (TID, build_response(approval(5, -60)))
    assert (rules.require_ack, rules.tolerate_lengths, rules.accept_short, rules.lost_before) == (True, True, False, "before")
    assert rules.belongs(NEW) == REASON
    plain = make()[1].rules()
    assert (plain.require_ack, plain.tolerate_lengths, plain.accept_short, plain.lost_before) == (False, False, True, None)
    assert plain.belongs(NEW) is None
    assert plain.last_message == b""


def test_what_is_seen_after_the_question_does_not_make_its_answer_a_copy() -> None:
    shell, questions = make()
    memory = shell.host.memory
    memory.see(approval(5), build_response(approval(5)))
    rules = questions.rules()
    memory.see(NEW, build_response(NEW))
    assert rules.standing(approval(5), build_response(approval(5))) is Standing.SEEN
    assert rules.standing(NEW, build_response(NEW)) is Standing.NEW
    assert questions.rules().standing(NEW, build_response(NEW)) is Standing.SEEN
    memory.last_stan = "000006"
    assert rules.begins_series("000006")
    assert not rules.begins_series("000007")


BY_OTHER_LRC = [build_ack(LrcReading.PAYLOAD_ETX), build_frame(build_response(STATUS), LrcReading.PAYLOAD_ETX)]


@pytest.mark.parametrize(
    ("play", "before", "unanswered", "logged"),
    [
        (answers(STATUS), True, False, []),
        ([ACK], False, True, []),
        ([], False, True, []),
        ([ACK, LOST], False, True, []),
        ([ACK, build_frame(f"{TID}0s00".encode())], False, True, ["message.stray"]),
        ([NAK], True, True, []),
        ([NAK], False, False, []),
        ([wire(STATUS)], True, True, ["message.stray"] * 2),
        (BY_OTHER_LRC, False, True, ["terminal.other_lrc"]),
    ],
    ids=["answered", "only acked", "silence", "lost", "unreadable", "refused", "refused, nothing before", "no ACK", "another LRC"],
)
def test_whether_an_exchange_leaves_something_that_may_still_come(play: Play, logged: list[str], *, before: bool, unanswered: bool) -> None:
    shell, questions = make(terminal_id=TID)
    shell.host.memory.unanswered = before
    shell.on("s", play)
    shell.carry_out(questions.ask_status())
    assert shell.host.memory.unanswered is unanswered
    assert shell.host.logged == logged


# --- a last result that nobody knows ------------------------------------------------------------------------------------------------------

KNOWN = approval(5, -60)
HAND_USE = ["hand_use"]
COMPARED: list[tuple[str, PaymentResult, Callable[[Shell], object], list[str]]] = [
    ("a newer approval that nobody knows", NEW, lambda _: None, HAND_USE),
    ("a refusal", refusal(), lambda _: None, []),
    ("one that was seen", KNOWN, lambda _: None, []),
    ("an operation is open that it may be", NEW, lambda shell: shell.host.memory.unseen_operations.add("open"), []),
    ("no newer one", approval(4), lambda _: None, []),
    ("nothing is known to compare it with", NEW, lambda shell: shell.host.memory.set_baseline(None), []),
    ("it was found and told before", NEW, lambda shell: setattr(shell.host.memory, "used_by_hand", True), []),
]


@pytest.mark.parametrize("standalone_use", [False, True])
@pytest.mark.parametrize(("name", "result", "prepare", "rows"), COMPARED, ids=[name for name, *_ in COMPARED])
def test_somebody_elses_payment(
    name: str, result: PaymentResult, prepare: Callable[[Shell], object], rows: list[str], *, standalone_use: bool
) -> None:
    shell, questions = make(standalone_use=standalone_use)
    know(shell, KNOWN)
    prepare(shell)
    told_before = shell.host.memory.used_by_hand
    questions.take_last_result(result, build_response(result))
    assert shell.names() == rows
    assert shell.alarms() == ([] if standalone_use else rows), "it is an alarm only where it was said not to happen"
    assert shell.host.memory.used_by_hand is (told_before or (bool(rows) and not standalone_use))
    assert shell.host.logged == (["terminal.hand_use"] if rows and standalone_use else [])
    if rows:
        assert shell.row("hand_use").data == {"identity": TID, "stan": "000006", "amount": 650, "expected": standalone_use}


SOLD = Refusal("sale", EXTENDED, START)
LATEST = (180 + 300) / 60
FOLLOWS: list[tuple[str, Refusal | None, PaymentResult, set[str], bool]] = [
    ("its approval", SOLD, approval(6, 1), set(), True),
    ("its approval, its own result is not seen", SOLD, approval(6, 1), {"sale"}, True),
    ("as late as can be", SOLD, approval(6, LATEST + 9), set(), True),
    ("nothing was refused", None, approval(6, 1), set(), False),
    ("another operation is open that it may be", SOLD, approval(6, 1), {"sale", "other"}, False),
    ("another amount", SOLD, approval(6, 1, amount=651), set(), False),
    ("a form that answers another request", SOLD, replace(approval(6, 1), length=84, authorization_code=None, amount=None), set(), False),
    ("too late", SOLD, approval(6, LATEST + 11), set(), False),
    ("from before", SOLD, approval(6, -11), set(), False),
    ("no time", SOLD, approval(6, host_time=None), set(), False),
    ("a request that no result answers", Refusal("sale", TotalsRequest(), START), approval(6, 1), set(), False),
]


@pytest.mark.parametrize(("name", "refused", "result", "unseen", "follows"), FOLLOWS, ids=[name for name, *_ in FOLLOWS])
def test_an_approval_that_follows_a_refusal(
    name: str, refused: Refusal | None, result: PaymentResult, unseen: set[str], *, follows: bool
) -> None:
    shell, questions = make()
    know(shell, KNOWN)
    shell.host.memory.last_refusal = refused
    shell.host.memory.unseen_operations = set(unseen)
    questions.take_last_result(result, build_response(result))
    assert ("approved_after_refusal" in shell.alarms()) is follows
    assert shell.names() == (["approved_after_refusal"] if follows else [] if unseen else HAND_USE), "either one or the other"
    assert shell.host.memory.last_refusal == (None if follows else refused)
    if follows:
        (alarm,) = shell.host.alarms
        values = {"told": "declined", "amount": 650, "stan": "000006"}
        assert alarm == ("approved_after_refusal", Evidence(Code.APPROVED_AFTER_REFUSAL, values), "sale")
        row = shell.row("approved_after_refusal")
        assert (row.reference, row.data) == ("sale", {"stan": "000006", "amount": 650, "told": "declined"})


def test_a_copy_of_an_approval_follows_no_refusal() -> None:
    shell, questions = make()
    know(shell, approval(6, 1))
    shell.host.memory.last_refusal = SOLD
    questions.take_last_result(approval(6, 1), build_response(approval(6, 1)))
    assert (shell.alarms(), shell.names(), shell.host.memory.last_refusal) == ([], [], SOLD)


@pytest.mark.parametrize(
    ("request_", "result", "told", "values"),
    [
        (PURCHASE, approval(6, form=71), "declined", {"told": "declined", "amount": 650, "stan": "000006"}),
        (PURCHASE, approval(0, form=71), "not performed", {"told": "not_performed", "amount": 650, "stan": None}),
        (VoidRequest(), approval(6, form=71), "declined", {"told": "declined", "amount": None, "stan": "000006"}),
    ],
)
def test_what_is_told_of_an_approval_after_a_refusal(request_: Request, result: PaymentResult, told: Any, values: dict[str, Any]) -> None:
    shell, questions = make()
    questions.alarm_after_refusal(Refusal("sale", request_, START, told), result)
    ((_, what, reference),) = shell.host.alarms
    assert (what, reference) == (Evidence(Code.APPROVED_AFTER_REFUSAL, values), "sale")
    assert shell.row("approved_after_refusal").data["told"] == told


# --- what every answer tells --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "told", "terminal_id", "nameless"),
    [
        (None, TID, TID, False),
        (None, "00000000", None, True),
        (TID, TID, TID, False),
        (TID, "00000000", TID, True),
        (OTHER, TID, OTHER, False),
    ],
    ids=["named at last", "it names nobody", "as known", "no name for once", "another's is not taken"],
)
def test_who_answers(known: str | None, told: str, terminal_id: str | None, *, nameless: bool) -> None:
    shell, questions = make()
    shell.host.memory.terminal_id = known
    before = shell.host.memory
    questions.learn(replace(STATUS, terminal_id=told))
    assert (shell.host.memory.terminal_id, shell.host.memory.nameless) == (terminal_id, nameless)
    assert shell.host.memory.status is not None
    assert (shell.host.memory is not before) is (known is None and terminal_id is not None), "what is known belongs to a TID"


@pytest.mark.parametrize(("told", "back"), [(TID, True), (OTHER, False), ("00000000", False)])
def test_a_terminal_that_is_back_takes_money_again(told: str, *, back: bool) -> None:
    shell, questions = make()
    shell.host.memory.foreign_terminal_id = OTHER
    questions.learn(TotalsResponse(terminal_id=told, result="00"))
    assert shell.host.memory.foreign_terminal_id == (None if back else OTHER)
    assert shell.names() == ["terminal_id_back"] * back
    if back:
        assert shell.row("terminal_id_back").data == {"identity": TID, "terminal_id": TID}


@pytest.mark.parametrize(("before", "known"), [(None, True), ("X", True), ("Y", False)], ids=["none", "the same", "another"])
def test_another_release_may_know_other_messages(before: str | None, *, known: bool) -> None:
    shell, questions = make()
    memory = shell.host.memory
    memory.clock.release, memory.answers_extended, memory.takes_extended = before, True, True
    questions.learn(STATUS)
    assert (memory.answers_extended, memory.takes_extended) == ((True, True) if known else (False, None))
    assert memory.clock.release == "X"
    assert memory.status == STATUS


def test_a_status_tells_the_terminals_clock() -> None:
    shell, questions = make()
    questions.learn(replace(STATUS, terminal_time=(START + timedelta(hours=1, minutes=5)).replace(tzinfo=None)))
    assert shell.host.memory.clock.status == 300.0
    questions.learn(NEW)
    assert shell.host.memory.clock.status == 300.0, "only a status does"


WORDED: StatusResponse = replace(STATUS, terminal_status=None, status_word="SOSPESO", software_release="")


@pytest.mark.parametrize(
    ("before", "status", "word", "rows"),
    [
        (None, WORDED, "SOSPESO", 1),
        ("SOSPESO", WORDED, "SOSPESO", 0),
        ("SOSPESO", STATUS, None, 1),
        (None, STATUS, None, 0),
        ("NOTREADY", WORDED, "SOSPESO", 1),
    ],
)
def test_a_word_that_refuses_is_written_when_it_changes(before: str | None, status: StatusResponse, word: str | None, rows: int) -> None:
    shell, questions = make()
    shell.host.memory.refusing_word = before
    questions.learn(status)
    assert shell.host.memory.refusing_word == word
    assert [row.data["word"] for row in shell.rows("refusing_word")] == [word] * rows


# --- what nobody asked for ----------------------------------------------------------------------------------------------------------------


def test_a_result_in_place_of_a_status_is_written_before_its_ack_and_seen() -> None:
    shell, questions = make()
    know(shell, KNOWN)
    shell.on("s", [wire(NEW), ACK, wire(STATUS)])
    exchange = shell.carry_out(questions.ask_status())
    assert exchange is not None
    assert exchange.ending is Ending.ANSWERED
    assert shell.row("stray").data["message"] == build_response(NEW).hex()
    memory = shell.host.memory
    assert memory.was_seen(NEW, build_response(NEW))
    assert not memory.fresh, "the last result may be another one now"
    refusing, questions = make()
    refusing.refuses = lambda _: True
    refusing.on("s", [wire(NEW), ACK, wire(STATUS)])
    refusing.carry_out(questions.ask_status())
    assert refusing.unacknowledged == 1


def test_a_stray_that_is_no_result_waits_for_nothing() -> None:
    shell, questions = make()
    shell.refuses = lambda _: True
    shell.on("s", [wire(TotalsResponse(terminal_id=TID, result="00", terminal_total=650)), ACK, wire(STATUS)])
    shell.carry_out(questions.ask_status())
    assert (shell.unacknowledged, shell.host.logged) == (0, ["message.stray"])


def test_of_strays_only_so_many_are_kept_but_results_and_who_else_answers_always() -> None:
    shell, questions = make()
    totals = wire(TotalsResponse(terminal_id=TID, result="00", terminal_total=650))
    another = wire(TotalsResponse(terminal_id=OTHER, result="00", terminal_total=650))
    shell.on("s", [*[totals] * (MOST_STRAYS + 3), *[another] * 2, wire(NEW), totals, ACK])
    shell.carry_out(questions.ask_status())
    told = shell.rows("stray")
    assert len(told) == MOST_STRAYS + 2
    assert told[-1].data["message"] == build_response(NEW).hex()
    assert shell.host.memory.foreign_terminal_id == OTHER
    assert len(shell.alarms()) == 1


def test_an_answer_to_a_question_is_learned_from() -> None:
    shell, questions = make()
    shell.host.memory.terminal_id = None
    shell.carry_out(questions.ask_status())
    assert shell.host.memory.terminal_id == TID


FOREIGN = {"terminal_id": OTHER, "expected": TID}
STRAYS: list[tuple[str, Stray, bool, list[tuple[str, Evidence]], bool]] = [
    ("a result", Stray(REASON, NEW, message=build_response(NEW)), True, [], True),
    ("no result", Stray(REASON, STATUS), True, [], False),
    ("unreadable", Stray(REASON, message=UNREADABLE), True, [], False),
    ("a result that is alarming", Stray(REASON, NEW, alarm=True), True, [("result_after_refusal", REASON)], True),
    (
        "another terminal's",
        Stray(REASON, replace(NEW, terminal_id=OTHER), message=build_response(replace(NEW, terminal_id=OTHER))),
        True,
        [("terminal_id_changed", Evidence(Code.MONEY_STOPS, FOREIGN))],
        False,
    ),
    (
        "an approval after its refusal",
        Stray(REASON, NEW, alarm=True, after_refusal=True, message=build_response(NEW)),
        True,
        [("approved_after_refusal", Evidence(Code.APPROVED_AFTER_REFUSAL, {"told": "declined", "amount": 650, "stan": "000006"}))],
        True,
    ),
    (
        "an approval after a refusal of nobody",
        Stray(REASON, NEW, alarm=True, after_refusal=True, message=build_response(NEW)),
        False,
        [("result_after_refusal", REASON)],
        True,
    ),
    (
        "another terminal's, and alarming",
        Stray(REASON, replace(STATUS, terminal_id=OTHER), alarm=True),
        True,
        [("terminal_id_changed", Evidence(Code.MONEY_STOPS, FOREIGN)), ("result_after_refusal", REASON)],
        False,
    ),
]


@pytest.mark.parametrize(("name", "stray", "sent", "alarms", "seen"), STRAYS, ids=[name for name, *_ in STRAYS])
def test_what_is_told_of_a_stray(name: str, stray: Stray, alarms: list[tuple[str, Evidence]], *, sent: bool, seen: bool) -> None:
    shell, questions = make()
    memory = shell.host.memory
    know(shell, KNOWN)
    memory.last_refusal = SOLD
    work = make_work()
    work.request = EXTENDED if sent else None
    row = questions.stray(stray, work)
    assert [(name, what) for name, what, _ in shell.host.alarms] == alarms
    assert {reference for _, _, reference in shell.host.alarms} <= {"sale"}
    assert row.reference == "sale"
    assert memory.was_seen(NEW, build_response(NEW)) is seen
    assert memory.fresh is not seen
    assert memory.foreign_terminal_id == (OTHER if any(name == "terminal_id_changed" for name, _ in alarms) else None)
    assert (memory.last_refusal is None) is any(name == "approved_after_refusal" for name, _ in alarms)
    assert shell.host.logged == ["message.stray"]


@pytest.mark.parametrize(("journaled", "reference"), [(True, "sale"), (False, None), (None, None)], ids=["sale", "look", "nobody's"])
def test_whose_a_stray_is(journaled: bool | None, reference: str | None) -> None:
    questions = make()[1]
    work = None if journaled is None else make_work(StatusRequest(), kind=Kind.STATUS, journaled=journaled)
    after_refusal = Stray(REASON, NEW, after_refusal=True, message=build_response(NEW))
    assert questions.stray(after_refusal, work).reference == reference


def test_an_approval_without_a_time_of_its_own_hour_is_compared_by_the_terminals_clock() -> None:
    """The terminal is a day behind, and `s` has told so: the approval follows the refusal by that clock."""
    shell, questions = make()
    know(shell, KNOWN)
    shell.host.memory.clock.status = -86_400.0
    shell.host.memory.last_refusal = SOLD
    result: Response = approval(6, host_time=host_time(-24 * 60 + 1))
    assert isinstance(result, PaymentResult)
    questions.take_last_result(result, build_response(result))
    assert shell.alarms() == ["approved_after_refusal"]
