"""What follows a lost result, as tables: when the terminal is asked again, what its last result proves, and when nobody asks any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ecrlan.errors import ConnectError, RegisterError, TerminalBusyError
from ecrlan.model import (
    Approved,
    CloseSessionRequest,
    Code,
    Declined,
    Evidence,
    Kind,
    NotPerformed,
    PaymentResult,
    Request,
    State,
    Unresolved,
    VasRequest,
    VoidRequest,
)
from ecrlan.protocol.clock import STATUS_TOLERANCE, ClockOffset
from ecrlan.protocol.memory import Refusal
from ecrlan.protocol.questions import Questions
from ecrlan.protocol.recovery import Judgement, Verdict
from ecrlan.protocol.settling import CLOCK_QUESTIONS, LONGEST_PAUSE, MORE_QUESTIONS, TIMER_MARGIN, Recovery
from ecrlan.protocol.work import Work
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import build_ack, build_frame
from ecrlan.wire.lrc import LrcReading
from tests.protocol.driver import ACK, NAK, STATUS, TID, UNREADABLE, wire
from tests.protocol.shell import PLACE, START, FakeHost, Play, Shell, answers, approval, host_time, make_work, proved_wrong, refusal

OTHER = "11112222"
ALONE: dict[str, Any] = {"standalone_use": False}
BASELINE = approval(5, -60)
NOT_KNOWN = ClockOffset(0.0, STATUS_TOLERANCE, known=False)
NOT_CONNECTED = ConnectError("192.168.1.50", 8081, "nobody listens")
BUSY = TerminalBusyError("till-1", "another", 300.0)
AWAY = Evidence(
    Code.NOT_ASKED, {"cause": Evidence(Code.NOT_CONNECTED, {"address": "192.168.1.50", "port": 8081, "problem": "nobody listens"})}
)
UNCHANGED = Evidence(Code.UNCHANGED, {"stan": "000005"})
LOST_LINE = Evidence(Code.LINE_LOST)
Prepare = Callable[[Shell], object]


def lost(asked: Request | None = None, kind: Kind = Kind.PURCHASE, **fields: Any) -> Work:
    """A purchase that was sent at `START`, and whose line was lost at once."""
    work = make_work(asked, kind=kind)
    known: dict[str, Any] = {
        "state": State.RECOVERING,
        "recorded": True,
        "sent": True,
        "sent_time": START,
        "sent_at": 0.0,
        "request": work.order.request,
        "baseline": BASELINE,
        "baseline_message": build_response(BASELINE),
        "identity": TID,
        "previous_stan": "000005",
        "clock": NOT_KNOWN,
        "acknowledged": True,
        "evidence": LOST_LINE,
    }
    for name, value in (known | fields).items():
        setattr(work, name, value)
    return work


def make_shell(**settings: Any) -> Shell:
    """A terminal whose last result is still the one from before the request."""
    shell = Shell(FakeHost(**(ALONE | settings)))
    shell.host.memory.set_baseline(BASELINE, build_response(BASELINE))
    shell.host.memory.unseen_operations = shell.host.open = {"sale"}
    return shell


def make_recovery(shell: Shell) -> Recovery:
    return Recovery(shell.host, Questions(shell.host))


def settle(work: Work, prepare: Prepare = lambda _: None, **settings: Any) -> Shell:
    shell = make_shell(**settings)
    prepare(shell)
    shell.carry_out(make_recovery(shell).settle(work))
    assert not work.recovering
    return shell


def evidence(work: Work) -> Evidence:
    assert isinstance(work.outcome, Unresolved), work.outcome
    return work.outcome.evidence


def last_result(*plays: Play) -> Prepare:
    return lambda shell: shell.on("G", *plays)


# --- when it is asked -------------------------------------------------------------------------------------------------------------------

FULL = [3.0, 6.0, 12.0, 24.0, *[LONGEST_PAUSE] * 8, 15.05]


def never_connected(shell: Shell) -> None:
    shell.meets.update({("open", number): NOT_CONNECTED for number in range(1, 100)})


def away_until(number: int) -> Prepare:
    return lambda shell: shell.meets.update({("open", each): NOT_CONNECTED for each in range(1, number)})


def busy_from(number: int) -> Prepare:
    return lambda shell: shell.meets.update({("enter queue", each): BUSY for each in range(number, 100)})


GARBLED: Play = [ACK, build_frame(UNREADABLE)]
SCHEDULES: list[tuple[str, Prepare, dict[str, Any], list[float], Evidence]] = [
    ("pauses double up to the longest; the last comes after the longest payment", lambda _: None, {}, FULL, UNCHANGED),
    ("a shorter longest payment", lambda _: None, {"longest_payment_time": 60.0}, [3.0, 6.0, 12.0, 24.0, 15.05], UNCHANGED),
    ("no pause at first", lambda _: None, {"recovery_pause": 0.0}, [0.0, *[LONGEST_PAUSE] * 10, 0.05], UNCHANGED),
    ("a pause longer than that", lambda _: None, {"recovery_pause": 100.0, "longest_payment_time": 60.0}, [60.05], UNCHANGED),
    ("a pause just as long", lambda _: None, {"recovery_pause": 12.05, "longest_payment_time": 12.0}, [12.05], UNCHANGED),
    ("a terminal that is away to the end", never_connected, {}, [*FULL, *[LONGEST_PAUSE] * MORE_QUESTIONS], AWAY),
    ("a terminal that is back at the last question", away_until(len(FULL)), {}, FULL, UNCHANGED),
    ("a terminal that is back after the last", away_until(len(FULL) + 2), {}, [*FULL, *[LONGEST_PAUSE] * 2], UNCHANGED),
    ("a terminal that others use all the time", busy_from(1), {}, [*FULL, *[LONGEST_PAUSE] * MORE_QUESTIONS], LOST_LINE),
    ("what was found before others used it", busy_from(2), {}, [*FULL, *[LONGEST_PAUSE] * MORE_QUESTIONS], UNCHANGED),
    ("an answer that changes everything ends it", last_result(answers(approval(9))), {}, [3.0], Evidence(Code.CHANGED_NOT_OURS)),
    ("an unreadable one to the end", last_result(GARBLED), {}, [*FULL, *[LONGEST_PAUSE] * 4], Evidence(Code.LAST_RESULT_UNREADABLE)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "prepare", "settings", "waits", "found"), SCHEDULES, ids=[name for name, *_ in SCHEDULES])
def test_when_a_terminal_is_asked(name: str, prepare: Prepare, settings: dict[str, Any], waits: list[float], found: Evidence) -> None:
    work = lost()
    shell = settle(work, prepare, **settings)
    assert shell.waits() == waits
    assert evidence(work) == found if found.values else evidence(work).code == found.code
    assert shell.alarms() == ["unresolved"]
    assert shell.host.published == ["unresolved"]
    assert shell.names()[-1] == "finished"


def test_the_last_question_comes_just_after_the_longest_payment() -> None:
    work = lost(ended_at=-100.0)
    shell = settle(work)
    assert shell.host.now == 200.0 + TIMER_MARGIN, "from the moment when its line ended"


def test_an_outcome_by_others_ends_the_wait_at_once() -> None:
    work = lost()
    shell = settle(work, lambda shell: shell.at(5.0, proved_wrong(work)))
    assert isinstance(work.outcome, NotPerformed)
    assert (shell.host.now, shell.requests, shell.waits()) == (5.0, "G", [3.0, 6.0])
    assert shell.names() == []


def test_it_is_told_as_recovering_meanwhile() -> None:
    work = lost()
    seen: list[bool] = []
    settle(work, lambda shell: shell.at(4.0, lambda: seen.append(work.recovering)))
    assert seen == [True]


def test_what_raises_leaves_it_no_longer_recovering() -> None:
    work = lost()
    shell = make_shell()
    shell.meets["wait 3", 1] = RegisterError("the register is closed")
    with pytest.raises(RegisterError):
        shell.carry_out(make_recovery(shell).settle(work))
    assert not work.recovering
    assert work.outcome is None


MEANWHILE: list[tuple[str, Callable[[Shell, Work], object], str]] = [
    ("in the queue", lambda shell, work: shell.meets.update({("enter queue", 1): proved_wrong(work)}), "enter queue; leave queue"),
    (
        "while it is asked",
        lambda shell, work: shell.on("G", [ACK, 1.0, proved_wrong(work), wire(approval(6))]),
        "enter queue; open; run G, keep; leave queue",
    ),
    (
        "while the clock is asked",
        lambda shell, work: (shell.on("G", answers(approval(6))), shell.on("s", [ACK, proved_wrong(work), wire(STATUS)])),
        "enter queue; open; run G, keep; clear; open; run s, end; leave queue",
    ),
    (
        "while it is written down",
        lambda shell, work: (
            shell.on("G", answers(approval(6))),
            shell.meets.update({("commit answered finished", 1): proved_wrong(work)}),
        ),
        "enter queue; open; run G, keep; clear; open; run s, end; commit answered finished; leave queue",
    ),
]


@pytest.mark.parametrize(("name", "happens", "actions"), MEANWHILE, ids=[name for name, *_ in MEANWHILE])
def test_an_outcome_by_others_stays(name: str, happens: Callable[[Shell, Work], object], actions: str) -> None:
    work = lost()
    shell = settle(work, lambda shell: happens(shell, work))
    assert isinstance(work.outcome, NotPerformed)
    assert "; ".join(shell.actions) == f"wait 3; {actions}"
    assert shell.host.published == []
    assert shell.alarms() == []


# --- what cannot be proved at all ---------------------------------------------------------------------------------------------------------

VAS = VasRequest(terminal_id=TID, xml='<ecrreq><p k="ECRVASID">BPAY_QR</p></ecrreq>')
DOUBT = Evidence(Code.TOO_SOON, {"operation": "before"})
TO_ANOTHER = Evidence(Code.SENT_TO_ANOTHER, {"identity": OTHER, "terminal": "till-1", "now": TID})


def never(code: str) -> Evidence:
    return Evidence(Code.NEVER_SETTLED, {"request": code})


HOPELESS: list[tuple[str, Work, dict[str, Any], Evidence]] = [
    ("it was never sent", lost(request=None), {}, LOST_LINE),
    ("nobody knows why it was lost", lost(evidence=None, answered=True), {}, Evidence(Code.RESULT_LOST)),
    ("a closed session is no last result", lost(CloseSessionRequest(), Kind.CLOSE_SESSION), {}, never("C")),
    ("nor is a VAS", lost(VAS, Kind.VAS), {}, never("K")),
    ("a terminal without G", lost(), {"last_result_supported": False}, Evidence(Code.NO_LAST_RESULT)),
    ("nothing is known from before", lost(baseline=None), {}, Evidence(Code.NO_BASELINE)),
    ("it was refused, and then not heard of", lost(refused=True), {}, Evidence(Code.NAK_AND_SILENCE)),
    ("its answer was there, and said neither", lost(answered=True), {}, LOST_LINE),
    ("an earlier operation's approval may have come", lost(doubt=DOUBT), {}, DOUBT),
    ("it was sent to another terminal", lost(identity=OTHER), {}, TO_ANOTHER),
]  # fmt: skip


@pytest.mark.parametrize(("name", "work", "settings", "found"), HOPELESS, ids=[name for name, *_ in HOPELESS])
def test_what_cannot_be_proved_is_not_asked_for(name: str, work: Work, settings: dict[str, Any], found: Evidence) -> None:
    shell = make_shell(**settings)
    recovery = make_recovery(shell)
    assert not recovery.can_prove(work)
    assert shell.carry_out(recovery.ask_now(work)) is None
    assert shell.actions == []
    shell.carry_out(recovery.settle(work))
    assert shell.actions == ["commit finished"]
    assert evidence(work) == found
    assert work.evidence == found


def test_what_is_settled_already_is_left() -> None:
    work = lost()
    proved_wrong(work)()
    shell = settle(work)
    assert shell.actions == []


@pytest.mark.parametrize(
    ("identity", "known", "nameless", "doubt"),
    [
        (TID, TID, False, None),
        (OTHER, TID, False, TO_ANOTHER),
        (None, TID, False, None),
        (OTHER, None, False, None),
        (OTHER, None, True, Evidence(Code.SENT_TO_ANOTHER, {"identity": OTHER, "terminal": "till-1", "now": PLACE})),
        (PLACE, None, True, None),
        (PLACE, TID, False, Evidence(Code.SENT_TO_ANOTHER, {"identity": PLACE, "terminal": "till-1", "now": TID})),
    ],
    ids=[
        "the same",
        "another",
        "to whom is not known",
        "who answers is not known",
        "a name for none",
        "the same place",
        "a place for a name",
    ],
)
def test_whose_word_counts(identity: str | None, known: str | None, doubt: Evidence | None, *, nameless: bool) -> None:
    shell = make_shell()
    shell.host.memory.terminal_id, shell.host.memory.nameless = known, nameless
    assert make_recovery(shell).doubt(lost(identity=identity)) == doubt


def test_a_doubt_of_its_own_comes_first() -> None:
    assert make_recovery(make_shell()).doubt(lost(doubt=DOUBT, identity=OTHER)) == DOUBT


# --- what it proves -----------------------------------------------------------------------------------------------------------------------


def test_a_new_result_that_is_its_own_is_taken() -> None:
    work = lost()
    result = approval(6)
    shell = settle(work, last_result(answers(result)))
    assert work.outcome == Approved(stan="000006", authorization_code="A00006", pan="1234", result=result)
    assert work.evidence is not None
    assert work.evidence.code is Code.CHANGED_TO_OURS_BY_AMOUNT
    assert shell.names() == ["answered", "finished"]
    assert shell.row("answered").data["late"] is True
    assert shell.row("answered").data["message"] == build_response(result).hex()
    assert shell.host.published == ["approved"]
    assert shell.alarms() == []
    memory = shell.host.memory
    assert (memory.baseline, memory.baseline_message, memory.last_stan) == (result, build_response(result), "000006")
    assert shell.host.logged == ["operation.judged"]


def test_its_own_result_is_no_longer_waited_for_on_the_line() -> None:
    work = lost()

    def prepare(shell: Shell) -> None:
        shell.host.memory.unseen = ("sale", 0.0)
        shell.on("G", answers(approval(6)))

    shell = settle(work, prepare)
    assert (shell.host.memory.unseen, shell.host.memory.unseen_operations) == (None, set())


def test_a_refusal_of_its_own_is_taken_and_needs_no_clock() -> None:
    work = lost()
    shell = settle(work, last_result(answers(refusal(stan=6))))
    assert isinstance(work.outcome, Declined)
    assert shell.requests == "G"


@pytest.mark.parametrize(
    ("fields", "trusted", "proved"),
    [
        ({"acknowledged": False}, True, True),
        ({"acknowledged": False}, False, False),
        ({"acknowledged": True}, True, False),
        ({"acknowledged": False, "progressed": True}, True, False),
    ],
    ids=["neither ACK nor progress", "but it is not trusted", "ACK", "progress"],
)
def test_an_unchanged_result_proves_that_nothing_was_performed_where_it_is_trusted(
    fields: dict[str, Any], *, trusted: bool, proved: bool
) -> None:
    work = lost(created_time=START - timedelta(hours=1), **fields)
    shell = settle(work, trust_unchanged_result=trusted)
    assert isinstance(work.outcome, NotPerformed) is proved
    assert shell.waits() == FULL
    assert shell.host.memory.last_refusal == (Refusal("sale", work.order.request, START, "not performed") if proved else None)
    assert shell.alarms() == ([] if proved else ["unresolved"])
    if isinstance(work.outcome, NotPerformed):
        assert work.outcome.reason == work.evidence == Evidence(Code.UNCHANGED_NO_ACK, {"stan": "000005", "seconds": 300})


def test_the_time_of_a_request_that_a_restart_left_without_one_is_when_it_was_ordered() -> None:
    work = lost(acknowledged=False, sent_time=None, sent_at=None)
    shell = settle(work, trust_unchanged_result=True)
    assert shell.host.memory.last_refusal == Refusal("sale", work.order.request, work.created_time, "not performed")


PROBLEMS: list[tuple[str, Play, Evidence]] = [
    ("refused", [NAK], Evidence(Code.NO_LAST_RESULT_FOR, {"cause": Evidence(Code.REFUSED, {"times": 3})})),
    ("only acknowledged", [ACK], Evidence(Code.NO_LAST_RESULT_FOR, {"cause": Evidence(Code.TIME_OVER)})),
    ("silence", [], Evidence(Code.NO_LAST_RESULT_FOR, {"cause": Evidence(Code.NOT_ANSWERED, {"transmissions": 3})})),
    ("unreadable", GARBLED, Evidence(Code.LAST_RESULT_UNREADABLE)),
    ("another's", answers(approval(6, terminal_id=OTHER)), Evidence(Code.OTHER_TERMINAL_ID, {"terminal_id": OTHER, "expected": TID})),
    (
        "by another LRC reading",
        [build_ack(LrcReading.PAYLOAD_ETX), build_frame(build_response(approval(6)), LrcReading.PAYLOAD_ETX)],
        Evidence(Code.OTHER_LRC, {"reading": "payload-etx"}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "play", "found"), PROBLEMS, ids=[name for name, *_ in PROBLEMS])
def test_what_comes_in_place_of_a_last_result_proves_nothing_and_is_told(name: str, play: Play, found: Evidence) -> None:
    shell = make_shell()
    shell.on("G", play)
    work = lost()
    judgement = shell.carry_out(make_recovery(shell).ask_now(work))
    assert judgement is not None
    assert judgement.verdict is Verdict.UNPROVED
    assert judgement.evidence == found if found.values else judgement.evidence.code == found.code
    assert work.outcome is None


def test_a_line_that_stays_silent_is_left_for_a_new_one() -> None:
    """A late result may still come on the line that was kept; but one that is silent may be dead."""
    shell = settle(lost(), last_result(*[[]] * 6, answers(BASELINE)))
    assert [action for action in shell.actions if action.startswith("run G")][:5] == [
        "run G, keep",
        "run G, end",
        "run G, end",
        "run G, keep",
        "run G, keep",
    ], "two met silence, the third was answered"


# --- clocks -------------------------------------------------------------------------------------------------------------------------------

ASKED = "clear; open; run s, end"
LATE = 20.0
"""Minutes: no result of a request can be made so long after it, by a clock that goes right."""


def status(minutes: float) -> Play:
    """The terminal's clock is so many minutes ahead."""
    return answers(replace(STATUS, terminal_time=(START + timedelta(minutes=minutes + 60)).replace(tzinfo=None)))


CLOCKS: list[tuple[str, PaymentResult, Play, float | None, bool, str]] = [
    ("its own time, its clock is right", approval(6), status(0), None, True, ASKED),
    ("its own time, and its clock is hours ahead: made hours before", approval(6), status(300), None, False, ASKED),
    ("hours before, and its clock is as many behind", approval(6, -300), status(-300), None, True, ASKED),
    ("too late, and its clock is as much ahead", approval(6, LATE), status(LATE), None, True, ASKED),
    ("too late, and its clock is right", approval(6, LATE), status(0), None, False, ASKED),
    ("its clock is not told", approval(6), answers(STATUS), None, True, ASKED),
    ("its clock was learned", approval(6), status(300), 0.0, True, ""),
    ("its clock was learned to be behind", approval(6, -300), status(0), -300 * 60.0, True, ""),
    ("another amount: no clock makes it ours", approval(6, amount=700), status(0), None, False, ""),
]


@pytest.mark.parametrize(("name", "result", "clock", "learned", "ours", "asked"), CLOCKS, ids=[name for name, *_ in CLOCKS])
def test_the_terminals_clock_is_asked_for_where_it_decides(
    name: str, result: PaymentResult, clock: Play, learned: float | None, asked: str, *, ours: bool
) -> None:
    shell = make_shell()
    shell.host.memory.clock.learned = learned
    shell.on("G", answers(result))
    shell.on("s", clock)
    work = lost(clock=NOT_KNOWN if learned is None else ClockOffset(learned, 180.0))
    judgement = shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved) is ours
    assert judgement is not None
    assert (judgement.verdict is Verdict.OURS) is ours
    assert "; ".join(action for action in shell.actions[2:] if not action.startswith("commit")) == asked


@pytest.mark.parametrize(
    ("plays", "opens", "approved"),
    [
        ([[NAK]], {}, False),
        ([[]], {}, False),
        ([[NAK]] * 3 + [answers(STATUS)], {}, True),
        ([answers(STATUS)], {("open", 2): NOT_CONNECTED}, True),
        ([answers(STATUS)], {("open", 2): NOT_CONNECTED, ("open", 3): NOT_CONNECTED}, False),
    ],
    ids=["refused", "silence", "the second time", "no line at first", "no line"],
)
def test_without_the_clock_nothing_is_proved(plays: list[Play], opens: dict[tuple[str, int], ConnectError], *, approved: bool) -> None:
    shell = make_shell()
    shell.on("G", answers(approval(6)))
    shell.on("s", *plays)
    shell.meets.update(opens)
    work = lost()
    judgement = shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved) is approved
    if not approved:
        assert judgement == Judgement(Verdict.UNPROVED, Evidence(Code.CLOCK_NOT_ASKED))
        assert shell.actions.count("open") == 1 + CLOCK_QUESTIONS


HOURS = 5 * 3600.0
TOLD = ClockOffset(0.0, STATUS_TOLERANCE)
"""`s` had told, before the request, that both clocks go alike."""
SET: list[tuple[str, float, ClockOffset | None, float, float, bool]] = [
    ("nothing was set", 0.0, TOLD, 0, 0, True),
    ("the register's clock was wrong, and is set right", -660.0, NOT_KNOWN, -11, -11, True),
    ("set, and a payment made by the clock as it goes now", HOURS, TOLD, 300, 300, False),
    ("set, and its own result by the clock of then", HOURS, TOLD, 0, 0, True),
    ("set, and what was known of then had been contradicted", HOURS, None, 0, 0, False),
    ("set, and nothing was known of then", HOURS, NOT_KNOWN, 0, 0, True),
    ("a jump too small to count", 20.0, TOLD, 0, 0, True),
    ("the terminal's clock was set, and it was made by that", 0.0, TOLD, 300, 300, True),
    ("the terminal's clock was set, and it was made before", 0.0, TOLD, 0, 300, False),
]


@pytest.mark.parametrize(("name", "ahead", "then", "made", "shows", "ours"), SET, ids=[name for name, *_ in SET])
def test_a_result_must_fit_the_clocks_of_then_and_of_now(
    name: str, ahead: float, then: ClockOffset | None, made: float, shows: float, *, ours: bool
) -> None:
    """The register's clock jumps by `ahead` seconds. The result was `made`, and the terminal's clock `shows`, minutes after `START`."""
    shell = make_shell()
    shell.host.ahead = ahead
    shell.on("G", answers(approval(6, made)))
    shell.on("s", status(shows))
    work = lost(clock=then)
    shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved) is ours


@pytest.mark.parametrize(("then", "shows", "ours"), [(TOLD, 0, True), (TOLD, 300, False), (NOT_KNOWN, 300, False), (None, 0, False)])
def test_after_a_restart_only_the_wall_clock_tells_when_it_was_sent(then: ClockOffset | None, shows: float, *, ours: bool) -> None:
    shell = make_shell()
    shell.on("G", answers(approval(6)))
    shell.on("s", status(shows))
    work = lost(sent_at=None, clock=then)
    shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved) is ours


@pytest.mark.parametrize(
    ("sent_time", "sent_at", "made", "ours"),
    [(START, 0.0, 0, True), (START, 0.0, -60, False), (START, None, 0, True), (START, None, -60, False), (None, None, -60, True)],
    ids=["sent", "before", "sent, a restart", "before, a restart", "when it was sent is not known"],
)
def test_what_waited_for_an_hour_is_its_own_from_when_it_was_sent(
    sent_time: Any, sent_at: float | None, made: float, *, ours: bool
) -> None:
    shell = make_shell()
    shell.on("G", answers(approval(6, made)))
    work = lost(created_time=START - timedelta(hours=1), sent_time=sent_time, sent_at=sent_at)
    shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved) is ours


def test_the_question_tells_of_the_moment_when_it_was_asked() -> None:
    """Its answer came after the longest payment; asked before, it does not prove that nothing can follow."""
    shell = make_shell(trust_unchanged_result=True, longest_payment_time=60.0)
    shell.host.now = 30.0
    shell.on("G", answers(BASELINE, after=55.0))
    judgement = shell.carry_out(make_recovery(shell).ask_now(lost(acknowledged=False)))
    assert judgement == Judgement(Verdict.UNCHANGED, UNCHANGED)


def test_asking_notices_that_the_registers_clock_was_set() -> None:
    shell = make_shell()
    recovery = make_recovery(shell)
    shell.carry_out(recovery.ask_now(lost()))
    shell.host.ahead = 3600.0
    shell.carry_out(recovery.ask_now(lost()))
    assert "register.clock_set" in shell.host.logged


@pytest.mark.parametrize(
    ("standalone", "by_hand", "ours"), [(False, False, True), (True, False, False), (False, True, False)], ids=["alone", "said", "found"]
)
def test_the_strict_rules_hold_where_others_use_the_terminal(*, standalone: bool, by_hand: bool, ours: bool) -> None:
    shell = make_shell(standalone_use=standalone)
    shell.host.memory.used_by_hand = by_hand
    shell.on("G", answers(approval(6)))
    work = lost(acknowledged=False)
    shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved) is ours


def test_a_void_is_settled_by_its_own_form() -> None:
    shell = make_shell()
    shell.on("G", answers(replace(approval(6), length=84, authorization_code=None, amount=None)))
    work = lost(VoidRequest(terminal_id=TID), Kind.VOID)
    shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved)
    assert work.outcome.stan == "000006"


@pytest.mark.parametrize("host_time_told", [True, False])
def test_an_approval_without_a_time_is_nobodys(*, host_time_told: bool) -> None:
    shell = make_shell()
    shell.on("G", answers(approval(6, host_time=host_time() if host_time_told else None)))
    work = lost()
    shell.carry_out(make_recovery(shell).ask_now(work))
    assert isinstance(work.outcome, Approved) is host_time_told


# --- the outcome is written down ----------------------------------------------------------------------------------------------------------


def conclude(work: Work, found: Evidence, prepare: Prepare = lambda _: None) -> Shell:
    shell = make_shell()
    prepare(shell)
    shell.carry_out(make_recovery(shell).conclude(work, Unresolved(evidence=found), found))
    return shell


def test_an_unresolved_outcome_is_told_once() -> None:
    work = lost()
    assert conclude(work, UNCHANGED).names() == ["finished"]
    again = conclude(work, UNCHANGED)
    assert (again.names(), again.alarms(), again.host.published) == ([], [], [])
    other = conclude(work, AWAY)
    assert (other.names(), other.alarms(), other.host.published) == (["finished"], ["unresolved"], ["unresolved"])
    assert evidence(work) == AWAY


def test_a_proved_outcome_is_told_though_its_evidence_was_told_before() -> None:
    work = lost()
    shell = make_shell()
    conclude(work, UNCHANGED)
    shell.carry_out(make_recovery(shell).conclude(work, NotPerformed(reason=UNCHANGED), UNCHANGED))
    assert work.outcome == NotPerformed(reason=UNCHANGED)
    assert (shell.names(), shell.alarms(), shell.host.published) == (["finished"], [], ["not_performed"])


def test_an_operation_that_is_not_in_the_journal_yet_is_created_there() -> None:
    assert conclude(lost(recorded=False), UNCHANGED).names() == ["created", "finished"]


def test_what_cannot_be_written_is_told_all_the_same() -> None:
    work = lost()
    shell = conclude(work, UNCHANGED, lambda shell: setattr(shell, "refuses", lambda _: True))
    assert shell.alarms() == ["journal_failed", "unresolved"]
    assert not work.durable
    assert evidence(work) == UNCHANGED
