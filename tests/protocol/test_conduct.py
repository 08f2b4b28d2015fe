"""The life of one operation, as tables: what the terminal does, and then what is done, written, told, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ecrlan.errors import ConnectError, JournalError, LineError, RegisterError, TerminalBlockedError
from ecrlan.model import (
    AdditionalDataRequest,
    AdditionalDataResponse,
    Approved,
    CloseSessionRequest,
    CloseSessionResponse,
    Code,
    Declined,
    Done,
    Evidence,
    ExtendedPurchaseRequest,
    Kind,
    LastResultRequest,
    NotPerformed,
    Outcome,
    PaymentResult,
    ReprintRequest,
    Request,
    State,
    StatusRequest,
    StatusResponse,
    TotalsRequest,
    TotalsResponse,
    Unresolved,
    VasPart,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.model.rows import Event
from ecrlan.protocol.conduct import LATE_RECEIPT_SECONDS, LATE_TRUTH_SECONDS, MOST_PROGRESS, TOLD_OFFSET, Conductor
from ecrlan.protocol.memory import Refusal
from ecrlan.protocol.questions import MOST_STRAYS
from ecrlan.protocol.work import Work
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import build_ack, build_frame, build_progress
from ecrlan.wire.lrc import LrcReading
from tests.protocol.driver import ACK, NAK, STATUS, TID, UNREADABLE, receipt, wire
from tests.protocol.shell import LOST, START, FakeHost, Play, Shell, answers, approval, make_work, named, proved_wrong, refusal

ALONE: dict[str, Any] = {"standalone_use": False}
OTHER = "11112222"
Prepare = Callable[[Shell], object]
NOT_CONNECTED = ConnectError("192.168.1.50", 8081, "nobody listens")
CLOSED = LineError("the line is closed", ("line_closed", {}))


def perform(work: Work, prepare: Prepare = lambda _: None, **settings: Any) -> Shell:
    """Perform `work` on a terminal whose last result is an approval with STAN 000005, an hour old."""
    shell = Shell(FakeHost(**settings))
    prepare(shell)
    shell.carry_out(Conductor(shell.host).perform(work))
    return shell


def know_last_result(shell: Shell) -> None:
    """The baseline is known and fresh: `G` need not be asked."""
    known = approval(5, -60)
    shell.host.memory.set_baseline(known, build_response(known))


def plays(code: str, *each: Play) -> Prepare:
    return lambda shell: shell.on(code, *each)


def told(outcome: Outcome | None) -> tuple[str, Code | None]:
    """The outcome's name, and the code of its reason."""
    assert outcome is not None
    reason = getattr(outcome, "reason", None) or getattr(outcome, "evidence", None)
    return outcome.outcome, reason.code if reason is not None else None


STATUS_LOOK = StatusRequest()
BUSY = replace(STATUS, terminal_status=5)
SOLD = "created sending accepted answers_extended answered finished"
SALE = "clear; open; run G, end; recheck; open for money; "


@dataclass(frozen=True)
class Case:
    """What is asked of a terminal that does so; then what happens."""

    name: str
    outcome: tuple[str, Code | None] | None
    """None: recovering."""
    rows: str
    actions: str
    prepare: Prepare = lambda _: None
    work: Callable[[], Work] = make_work
    alarms: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


def look(request: Request = STATUS_LOOK, kind: Kind = Kind.STATUS, *, journaled: bool = False) -> Callable[[], Work]:
    return lambda: make_work(request, kind=kind, journaled=journaled)


def order(request: Request, kind: Kind, **values: Any) -> Callable[[], Work]:
    return lambda: make_work(request, kind=kind, **values)


WAYS = [
    Case(
        "a sale is approved",
        ("approved", None),
        SOLD,
        f"{SALE}run X, {LATE_RECEIPT_SECONDS}",
        plays("X", answers(approval(6))),
    ),
    Case(
        "a sale is declined: an approval may follow",
        ("declined", Code.TERMINAL_WORDS),
        SOLD,
        f"{SALE}run X, {LATE_TRUTH_SECONDS}",
        plays("X", answers(refusal())),
    ),
    Case(
        "the last result is known",
        ("approved", None),
        SOLD,
        "clear; recheck; open for money; run X, 0.5",
        lambda shell: (know_last_result(shell), shell.on("X", answers(approval(6)))),
        settings=ALONE,
    ),
    Case(
        "others use the terminal, too: what is known may be old",
        ("approved", None),
        SOLD,
        f"{SALE}run X, 0.5",
        lambda shell: (know_last_result(shell), shell.on("X", answers(approval(6)))),
    ),
    Case(
        "a terminal without `G` is never asked for it",
        ("approved", None),
        SOLD,
        "clear; recheck; open for money; run X, 0.5",
        plays("X", answers(approval(6))),
        settings={"last_result_supported": False},
    ),
    Case(
        "a look asks nothing before, and leaves no rows",
        ("done", None),
        "",
        "clear what lingers; open for money; run s, end",
        work=look(),
    ),
    Case(
        "a look with a reference is written down",
        ("done", None),
        "created sending accepted answered finished",
        "clear what lingers; open for money; run s, end",
        work=look(journaled=True),
    ),
    Case(
        "a last result that is asked for becomes the baseline",
        ("done", None),
        "",
        "clear what lingers; open for money; run G, end",
        work=look(LastResultRequest(), Kind.LAST_RESULT),
    ),
    Case(
        "a reprint ends with its ACK",
        ("done", None),
        "created sending accepted finished",
        "clear what lingers; open for money; run R, end; commit finished",
        plays("R", [ACK]),
        order(ReprintRequest(to_ecr=0), Kind.REPRINT),
    ),
    Case(
        "totals that were refused are not performed",
        ("not_performed", Code.NOT_TAKEN),
        "created sending refused sending refused sending refused finished",
        "clear what lingers; open for money; run T, end; commit finished",
        plays("T", [NAK]),
        order(TotalsRequest(), Kind.TOTALS),
    ),
    Case(
        "a look that meets silence is not performed",
        ("not_performed", Code.TIME_OVER),
        "",
        "clear what lingers; open for money; run s, end",
        plays("s", []),
        look(),
    ),
    Case(
        "a sale whose line is lost after the ACK is recovering, its line is kept for a late result",
        None,
        "created sending accepted recovering",
        f"{SALE}run X, keep",
        plays("X", [ACK, 4.0, LOST]),
    ),
    Case(
        "a sale that meets silence is recovering",
        None,
        "created sending recovering",
        f"{SALE}run X, keep",
        plays("X", []),
    ),
    Case(
        "a sale whose answer cannot be read is recovering",
        None,
        "created sending accepted stray recovering",
        f"{SALE}run X, keep",
        plays("X", [ACK, build_frame(UNREADABLE)]),
    ),
    Case(
        "a sale that was refused three times is not performed",
        ("not_performed", Code.NOT_TAKEN),
        "created sending refused sending refused sending refused finished",
        f"{SALE}run X, end; commit finished",
        plays("X", [NAK]),
        settings={"purchase_code": "X"},
    ),
    Case(
        "a line that was not made leaves no doubt: it was not performed",
        ("not_performed", Code.NOT_CONNECTED),
        "created finished",
        "clear; open; run G, end; recheck; open for money; commit created finished",
        lambda shell: shell.meets.update({("open for money", 1): NOT_CONNECTED}),
    ),
    Case(
        "a look without a line leaves no rows",
        ("not_performed", Code.NOT_CONNECTED),
        "",
        "clear what lingers; open for money",
        lambda shell: shell.meets.update({("open for money", 1): NOT_CONNECTED}),
        look(),
    ),
    Case(
        "a line that is lost before the request leaves no doubt either",
        ("not_performed", Code.LOST_BEFORE_SENDING),
        "created finished",
        f"{SALE}run X; commit created finished",
        lambda shell: shell.meets.update({("run X", 1): CLOSED}),
    ),
    Case(
        "a line that is lost at the question before it too",
        ("not_performed", Code.LOST_BEFORE_SENDING),
        "created finished",
        "clear; open; run G; commit created finished",
        lambda shell: shell.meets.update({("run G", 1): CLOSED}),
    ),
    Case(
        "a result without an ACK of the request that was refused before is taken, and told",
        ("approved", None),
        "created sending refused sending answers_extended answered finished",
        f"{SALE}run X, 0.5",
        plays("X", [NAK], [wire(approval(6))]),
        alarms=("result_after_refusal",),
    ),
    Case(
        "an ACK after three NAKs says that it may have been performed",
        None,
        "created sending refused sending refused sending refused recovering",
        f"{SALE}run X, end",
        plays("X", [NAK], [NAK], [NAK + ACK]),
    ),
    Case(
        "an ACK of refused totals says nothing that matters",
        ("not_performed", Code.NOT_TAKEN),
        "created sending refused sending refused sending refused finished",
        "clear what lingers; open for money; run T, end; commit finished",
        plays("T", [NAK], [NAK], [NAK + ACK]),
        order(TotalsRequest(), Kind.TOTALS),
    ),
    Case(
        "a void is approved by a result of its own form",
        ("approved", None),
        "created sending accepted answered finished",
        f"{SALE}run S, 0.5",
        plays("S", answers(replace(approval(6), length=84, authorization_code=None, amount=None))),
        order(VoidRequest(), Kind.VOID),
    ),
    Case(
        "a card check saves a result, and moves no money",
        ("approved", None),
        "created sending accepted answered finished",
        "clear what lingers; open for money; run H, 0.5",
        plays("H", answers(approval(6, form=71))),
        order(VerifyCardRequest(), Kind.VERIFY_CARD),
    ),
    Case(
        "a card check that is lost blocks nothing: its line is not kept",
        ("not_performed", Code.LINE_LOST),
        "created sending accepted finished",
        "clear what lingers; open for money; run H, end; commit finished",
        plays("H", [ACK, LOST]),
        order(VerifyCardRequest(), Kind.VERIFY_CARD),
    ),
    Case(
        "a session is closed",
        ("done", None),
        "created sending accepted answered finished",
        f"{SALE}run C, end",
        plays("C", [ACK, wire(CloseSessionResponse(terminal_id=TID, result="00", terminal_total=650, host_total=650))]),
        order(CloseSessionRequest(), Kind.CLOSE_SESSION),
    ),
]


@pytest.mark.parametrize("case", WAYS, ids=lambda case: case.name)
def test_ways_of_an_operation(case: Case) -> None:
    work = case.work()
    shell = perform(work, case.prepare, **case.settings)
    assert (work.state, work.outcome) == (State.RECOVERING, None) if case.outcome is None else told(work.outcome) == case.outcome
    assert " ".join(shell.names()) == case.rows
    assert "; ".join(shell.actions) == case.actions
    assert tuple(shell.alarms()) == case.alarms
    assert work.recorded is case.rows.startswith("created")


@pytest.mark.parametrize(
    ("prepare", "rows"),
    [
        (plays("X", answers(approval(6))), "created callback sending accepted answers_extended answered finished"),
        (lambda shell: shell.meets.update({("open for money", 1): NOT_CONNECTED}), "created callback finished"),
    ],
    ids=["sent", "not sent"],
)
def test_whom_its_steps_are_told_to_stands_beside_the_operation(prepare: Prepare, rows: str) -> None:
    assert " ".join(perform(make_work(callback_url="https://shop.example/paid"), prepare).names()) == rows


def test_an_answer_tells_who_the_terminal_is_and_how_it_stands() -> None:
    shell = perform(look()(), forget_name)
    assert (shell.host.memory.terminal_id, shell.host.memory.status) == (TID, STATUS)


def test_a_clock_that_was_set_between_two_operations_is_noticed() -> None:
    shell = Shell(FakeHost())
    conductor = Conductor(shell.host)
    for ahead, logged in ((0.0, []), (3600.0, ["register.clock_set"])):
        shell.host.ahead = ahead
        shell.carry_out(conductor.perform(look()()))
        assert shell.host.logged == logged


def test_observers_are_told_of_every_state_but_the_outcome_which_its_performer_tells() -> None:
    assert perform(make_work(), plays("X", answers(approval(6)))).host.published == ["sending", "accepted"]
    assert perform(make_work(), plays("X", [NAK], answers(approval(6)))).host.published == ["sending", "accepted"]
    assert perform(make_work(), plays("X", [])).host.published == ["sending", "recovering"]
    assert perform(make_work(), lambda shell: shell.meets.update({("open for money", 1): NOT_CONNECTED})).host.published == []


def test_a_refusal_of_the_second_look_is_raised_and_nothing_is_written() -> None:
    work = make_work()
    shell = Shell(FakeHost())
    shell.meets["recheck", 1] = TerminalBlockedError("till-1", "before")
    with pytest.raises(TerminalBlockedError):
        shell.carry_out(Conductor(shell.host).perform(work))
    assert (shell.names(), shell.requests, work.outcome) == ([], "G", None)


def test_a_line_that_is_lost_in_mid_exchange_is_never_not_performed() -> None:
    def fail() -> None:
        raise CLOSED

    work = make_work()
    shell = perform(work, plays("X", [ACK, 1.0, fail]))
    assert (work.state, work.outcome, work.evidence) == (State.RECOVERING, None, Evidence(Code.LINE_CLOSED))
    assert shell.names() == ["created", "sending", "accepted", "recovering"]
    assert shell.host.logged == ["operation.lost"]


# --- before the request -----------------------------------------------------------------------------------------------------------------


def nothing_sent(cause: Evidence) -> NotPerformed:
    return NotPerformed(reason=Evidence(Code.NOTHING_SENT, {"cause": cause}))


def forget_name(shell: Shell) -> None:
    shell.host.memory.terminal_id = None


OTHERS_LRC = Evidence(Code.OTHER_LRC, {"reading": "payload-etx"})
BY_OTHER_LRC = [build_ack(LrcReading.PAYLOAD_ETX), build_frame(build_response(STATUS), LrcReading.PAYLOAD_ETX)]
ANOTHER = Evidence(Code.OTHER_TERMINAL_ID, {"terminal_id": OTHER, "expected": TID})
FAULTS: list[tuple[str, Play, Code]] = [
    ("s", [NAK], Code.STATUS_REFUSED),
    ("s", [ACK], Code.STATUS_ONLY_ACKED),
    ("s", [build_progress("OCCUPATO")], Code.STATUS_NOT_FOUND),
    ("s", [b"noise"], Code.STATUS_NOT_FOUND),
    ("s", [1.0, NAK, 9.0, b""], Code.STATUS_REFUSED),
    ("s", [], Code.STATUS_SILENT),
    ("s", [ACK, build_frame(f"{TID}0s00".encode())], Code.STATUS_UNREADABLE),
    ("s", BY_OTHER_LRC, Code.OTHER_LRC),
    ("G", [build_progress("OCCUPATO")], Code.LAST_RESULT_NOT_FOUND),
    ("G", [b"noise"], Code.LAST_RESULT_NOT_FOUND),
    ("G", [], Code.LAST_RESULT_SILENT),
    ("G", [ACK, build_frame(UNREADABLE)], Code.LAST_RESULT_UNREADABLE),
    ("G", [build_frame(UNREADABLE)], Code.LAST_RESULT_UNREADABLE),
]


@pytest.mark.parametrize(("code", "play", "why"), FAULTS)
def test_a_question_without_an_answer_lets_no_money_go(code: str, play: Play, why: Code) -> None:
    def prepare(shell: Shell) -> None:
        shell.on(code, play)
        if code == "s":
            forget_name(shell)

    work = make_work()
    shell = perform(work, prepare)
    assert isinstance(work.outcome, NotPerformed)
    cause = work.outcome.reason.values["cause"]
    assert (work.outcome.reason.code, cause.code) == (Code.NOTHING_SENT, why)
    assert "X" not in shell.requests
    assert "recheck" not in shell.actions
    assert [row for row in shell.names() if row != "stray"] == ["created", "finished"]


@pytest.mark.parametrize("play", [[ACK], [NAK]])
def test_a_terminal_that_has_no_last_result_takes_its_first_payment(play: Play) -> None:
    work = make_work()
    shell = perform(work, lambda shell: (shell.on("G", play), shell.on("X", answers(approval(1)))))
    assert isinstance(work.outcome, Approved)
    assert work.baseline is None
    assert shell.host.memory.baseline == approval(1)


@pytest.mark.parametrize("code", ["s", "G"])
def test_another_terminal_that_answers_the_question_stops_the_money(code: str) -> None:
    def prepare(shell: Shell) -> None:
        shell.on("s", answers(replace(STATUS, terminal_id=OTHER)))
        shell.on("G", answers(approval(5, -60, terminal_id=OTHER)))
        shell.host.memory.refusing_word = "NON OPERATIVO" if code == "s" else None

    work = make_work()
    shell = perform(work, prepare)
    assert work.outcome == nothing_sent(ANOTHER)
    assert set(shell.requests) == {code}
    assert shell.alarms() == ["terminal_id_changed"]
    assert shell.host.memory.foreign_terminal_id == OTHER


WORDED = replace(STATUS, terminal_status=None, status_word="NON OPERATIVO", software_release="")


@pytest.mark.parametrize(
    ("word", "status", "outcome", "actions"),
    [
        ("NON OPERATIVO", WORDED, nothing_sent(Evidence(Code.TERMINAL_IS, {"word": "NON OPERATIVO"})), "clear; open; run s, end"),
        ("NON OPERATIVO", STATUS, None, "clear; open; run s, end; open; run G, end; recheck; open for money; run X, 0.5"),
        ("NON OPERATIVO", BUSY, None, "clear; open; run s, end; open; run G, end; recheck; open for money; run X, 0.5"),
        (None, WORDED, None, f"{SALE}run X, 0.5"),
    ],
    ids=["still refused", "operative", "a digit refuses nothing", "never asked without need"],
)
def test_a_word_that_refused_is_asked_for_anew(
    word: str | None, status: StatusResponse, outcome: NotPerformed | None, actions: str
) -> None:
    def prepare(shell: Shell) -> None:
        shell.host.memory.refusing_word = word
        shell.on("s", answers(status))
        shell.on("X", answers(approval(6)))

    work = make_work()
    shell = perform(work, prepare)
    assert work.outcome == outcome if outcome is not None else isinstance(work.outcome, Approved)
    assert "; ".join(action for action in shell.actions if not action.startswith("commit")) == actions


@pytest.mark.parametrize(("nameless", "asked"), [(False, "sGX"), (True, "GX")])
def test_a_terminal_is_asked_who_it_is_unless_it_has_no_name(asked: str, *, nameless: bool) -> None:
    def prepare(shell: Shell) -> None:
        forget_name(shell)
        shell.host.memory.nameless = nameless
        shell.on("X", answers(approval(6)))

    work = make_work()
    assert perform(work, prepare).requests == asked
    assert work.identity == TID, "its last result names it, too"


@pytest.mark.parametrize(
    ("settings", "last_result", "actions", "approved"),
    [
        ({}, answers(approval(5, -60)), "clear; drop; open; run G, end; recheck; open for money; run X, 0.5", True),
        (ALONE, answers(approval(5, -60)), "clear; drop; open; run G, end; recheck; open for money; run X, 0.5", True),
        ({}, [NAK], "clear; drop; open; run G, end; open; run s, end; recheck; open for money; run X, 0.5", True),
        ({"last_result_supported": False}, [], "clear; drop; open; run s, end; recheck; open for money; run X, 0.5", True),
        ({}, [], "clear; drop; open; run G, end; commit created finished", False),
    ],
    ids=["G answers", "known is not enough", "G is refused, s answers", "no G", "silence"],
)
def test_after_a_persons_word_the_terminal_answers_on_a_new_line_before_money_goes(
    settings: dict[str, Any], last_result: Play, actions: str, *, approved: bool
) -> None:
    def prepare(shell: Shell) -> None:
        know_last_result(shell)
        shell.host.memory.must_ask = True
        shell.on("G", last_result)
        shell.on("X", answers(approval(6)))

    work = make_work()
    shell = perform(work, prepare, **settings)
    assert "; ".join(shell.actions) == actions
    assert isinstance(work.outcome, Approved) is approved
    assert shell.host.memory.must_ask is not approved


# --- printing ---------------------------------------------------------------------------------------------------------------------------

PRINTING: list[tuple[str, Play, str, Outcome | None]] = [
    ("taken", [ACK], "open for money; run E, keep; open for money; run X, 0.5", None),
    ("unclean", [6.0, ACK], "open for money; run E, keep; drop; open for money; run X, 0.5", None),
    ("refused", [NAK], "open for money; run E, end; commit created finished", nothing_sent(Evidence(Code.PRINTING_REFUSED))),
    ("silence", [], "open for money; run E, end; commit created finished", nothing_sent(Evidence(Code.PRINTING_REFUSED))),
]


@pytest.mark.parametrize(("name", "play", "actions", "outcome"), PRINTING, ids=[name for name, *_ in PRINTING])
def test_the_register_asks_for_the_receipt_before_the_money(name: str, play: Play, actions: str, outcome: Outcome | None) -> None:
    def prepare(shell: Shell) -> None:
        shell.on("E", play)
        shell.on("X", [ACK, wire(approval(6)), 0.1, receipt(b"}GRAZIE}}\x1b")])

    work = make_work()
    shell = perform(work, prepare, print_on_register=True)
    assert "; ".join(shell.actions) == f"clear; open; run G, end; recheck; {actions}"
    assert work.outcome == outcome if outcome is not None else work.receipt == b"}GRAZIE}}\x1b"
    assert ("receipt" in shell.names()) is (outcome is None)


def test_what_makes_no_receipt_asks_for_none() -> None:
    shell = perform(make_work(STATUS_LOOK, kind=Kind.STATUS), print_on_register=True)
    assert shell.requests == "s"


# --- X, and P in its place --------------------------------------------------------------------------------------------------------------

ALL_REFUSED: Play = [NAK]
FELL_BACK = "created sending refused sending refused sending refused sending accepted answered finished"
REFUSED = "created sending refused sending refused sending refused finished"
WHY_NOT: list[tuple[str, Prepare, str, dict[str, Any]]] = [
    ("the settings say X", lambda shell: None, "GXXX", {"purchase_code": "X"}),
    ("it has taken X before", lambda shell: setattr(shell.host.memory, "takes_extended", True), "GXXX", {}),
    ("refused once, late", plays("X", [60.0, NAK]), "GX", {}),
    ("the status is refused", plays("s", [NAK]), "GXXXsss", {}),
    ("no answer to the status", plays("s", []), "GXXXss", {}),
    ("not operative", plays("s", answers(BUSY)), "GXXXs", {}),
    ("a status that cannot be read", plays("s", [ACK, build_frame(f"{TID}0s00".encode())]), "GXXXs", {}),
    ("no line for the status", lambda shell: shell.meets.update({("open", 2): NOT_CONNECTED}), "GXXX", {}),
    ("no line for P", lambda shell: shell.meets.update({("open for money", 2): NOT_CONNECTED}), "GXXXs", {}),
    ("its line is lost before P", lambda shell: shell.meets.update({("run P", 1): CLOSED}), "GXXXs", {}),
    ("printing is refused", plays("E", [ACK], [NAK]), "GEXXXsEEE", {"print_on_register": True}),
]


@pytest.mark.parametrize(("name", "prepare", "requests", "settings"), WHY_NOT, ids=[name for name, *_ in WHY_NOT])
def test_reasons_to_send_no_p_after_a_refused_x(name: str, prepare: Prepare, requests: str, settings: dict[str, Any]) -> None:
    work = make_work()
    shell = perform(
        work, lambda shell: (shell.on("X", ALL_REFUSED), shell.on("P", answers(approval(6, form=71))), prepare(shell)), **settings
    )
    assert told(work.outcome) == ("not_performed", Code.NOT_TAKEN)
    assert shell.requests == requests
    assert shell.names()[-1] == "finished"
    assert "P" not in shell.requests
    assert shell.host.memory.takes_extended is not False
    assert shell.host.memory.last_refusal == Refusal("sale", work.order.request, work.sent_time or START, "not performed")


def test_a_refused_x_falls_back_to_p_with_the_same_content() -> None:
    asked = replace(make_work().order.request, receipt_text="GRAZIE", card_present=True)
    work = make_work(asked)
    shell = perform(work, lambda shell: (shell.on("X", ALL_REFUSED), shell.on("P", answers(approval(6, form=71)))))
    assert isinstance(work.outcome, Approved)
    assert " ".join(shell.names()) == FELL_BACK
    assert "; ".join(shell.actions) == f"{SALE}run X, end; open; run s, end; open for money; run P, 0.5"
    sent = work.request
    assert sent is not None
    assert {name: getattr(sent, name) for name in ("code", "amount", "receipt_text", "card_present", "terminal_id")} == {
        "code": "P",
        "amount": 650,
        "receipt_text": "GRAZIE",
        "card_present": True,
        "terminal_id": TID,
    }
    assert not work.refused, "the NAKs were those of X"
    assert shell.host.memory.takes_extended is False


@pytest.mark.parametrize(
    ("purchase_code", "takes_extended", "sent"),
    [
        ("auto", None, "X"),
        ("auto", True, "X"),
        ("auto", False, "P"),
        ("X", None, "X"),
        ("X", False, "X"),
        ("P", None, "P"),
        ("P", True, "P"),
    ],
)
def test_which_message_a_purchase_is(purchase_code: str, takes_extended: bool | None, sent: str) -> None:
    def prepare(shell: Shell) -> None:
        shell.host.memory.takes_extended = takes_extended
        shell.on(sent, answers(approval(6, form=92 if sent == "X" else 71)))

    work = make_work()
    assert perform(work, prepare, purchase_code=purchase_code).requests == f"G{sent}"
    assert isinstance(work.outcome, Approved)


def test_p_is_not_sent_where_the_journal_does_not_take_it() -> None:
    def prepare(shell: Shell) -> None:
        shell.on("X", ALL_REFUSED)
        shell.on("P", answers(approval(6, form=71)))
        shell.refuses = lambda row: getattr(row, "data", {}).get("code") == "P"

    work = make_work()
    shell = perform(work, prepare)
    assert told(work.outcome) == ("not_performed", Code.NOT_TAKEN)
    assert (shell.requests, " ".join(shell.names())) == ("GXXXs", REFUSED)
    assert shell.alarms() == ["journal_failed"]
    assert work.sent
    assert not work.durable
    assert shell.host.logged == ["operation.no_fallback"]


MORE_THAN_STATUS: list[tuple[str, Prepare]] = [
    ("a result comes before the status", plays("s", [wire(approval(6)), ACK, wire(STATUS)])),
    ("progress comes with the status", plays("s", [ACK, build_progress("INSERIRE CARTA"), wire(STATUS)])),
    ("the refused request is acknowledged meanwhile", plays("X", ALL_REFUSED, ALL_REFUSED, [NAK, ACK])),
]


@pytest.mark.parametrize(("name", "prepare"), MORE_THAN_STATUS, ids=[name for name, _ in MORE_THAN_STATUS])
def test_no_p_is_sent_while_x_may_be_performed_all_the_same(name: str, prepare: Prepare) -> None:
    work = make_work()
    shell = perform(work, lambda shell: (shell.on("X", ALL_REFUSED), prepare(shell)))
    assert (work.state, work.outcome, work.evidence) == (State.RECOVERING, None, Evidence(Code.MORE_THAN_STATUS))
    assert shell.alarms()[0] == "result_after_refusal"
    assert "P" not in shell.requests


# --- a refusal that equals an earlier one, on a line that is lost -------------------------------------------------------------------------

SEEN = refusal("ABORTED_MANUALLY")
HELD_ROWS = "created sending accepted held answers_extended answered finished"
IDLE = "wait 1; open; run s, end; open; run G, end; take"
BEGINS = "clear; open; run G, end; recheck; open for money; run X, keep; "


@dataclass(frozen=True)
class Held:
    """What the terminal answers after a held refusal whose line is lost."""

    name: str
    declined: bool
    actions: str
    status: Play = field(default_factory=lambda: answers(STATUS))
    last_result: Play = field(default_factory=lambda: answers(SEEN))
    prepare: Prepare = lambda _: None
    settings: dict[str, Any] = field(default_factory=dict)


HELD = [
    Held("no payment is running", declined=True, actions=IDLE),
    Held("an unreadable status is an answer, too", declined=True, actions=IDLE, status=[ACK, build_frame(f"{TID}0s00".encode())]),
    Held("the last result is one that is known", declined=True, actions=IDLE, last_result=answers(approval(5, -60))),
    Held("the terminal has no last result", declined=True, actions=IDLE, last_result=[NAK]),
    Held(
        "a terminal without G",
        declined=True,
        actions="wait 1; open; run s, end; take",
        settings={"last_result_supported": False},
    ),
    Held(
        "a new approval: the refusal is not believed",
        declined=False,
        actions="wait 1; open; run s, end; open; run G, end",
        last_result=answers(approval(6)),
    ),
    Held(
        "no line for G: the refusal is not believed",
        declined=False,
        actions="wait 1; open; run s, end; open",
        prepare=lambda shell: shell.meets.update({("open", 3): NOT_CONNECTED}),
    ),
]


def hold(shell: Shell, case: Held) -> None:
    """A refusal that equals an earlier one comes, and then the line goes down."""
    shell.host.memory.see(SEEN, build_response(SEEN))
    shell.on("X", [ACK, 5.0, wire(SEEN), LOST])
    shell.on("s", case.status)
    shell.on("G", answers(approval(5, -60)), case.last_result)
    case.prepare(shell)


@pytest.mark.parametrize("case", HELD, ids=lambda case: case.name)
def test_a_held_refusal_whose_line_is_lost(case: Held) -> None:
    work = make_work()
    shell = perform(work, lambda shell: hold(shell, case), **case.settings)
    begins = BEGINS if case.settings == {} else "clear; recheck; open for money; run X, keep; "
    assert "; ".join(shell.actions) == begins + case.actions
    if case.declined:
        assert told(work.outcome) == ("declined", Code.TERMINAL_WORDS)
        assert [name for name in shell.names() if name != "stray"] == HELD_ROWS.split()
    else:
        assert (work.state, work.outcome) == (State.RECOVERING, None)
        assert shell.names()[-1] == "recovering"
        assert not shell.host.memory.fresh, "a result of its own may still be made"
    assert shell.alarms() == []


@pytest.mark.parametrize(
    ("name", "status", "prepare"),
    [
        ("refused", [NAK], lambda shell: None),
        ("silence", [], lambda shell: None),
        ("a result comes with it", [wire(approval(6)), ACK, wire(STATUS)], lambda shell: None),
        ("no line", [], lambda shell: shell.meets.update({("open", number): NOT_CONNECTED for number in range(2, 100)})),
    ],
)
def test_a_held_refusal_is_asked_for_until_its_time_is_over(name: str, status: Play, prepare: Prepare) -> None:
    work = make_work()
    shell = perform(work, lambda shell: (hold(shell, Held(name, declined=False, actions="", status=status)), prepare(shell)))
    assert (work.state, work.outcome) == (State.RECOVERING, None)
    assert shell.waits()[0] == 1.0
    assert sum(shell.waits()) <= shell.host.settings.payment_timeout
    assert len(shell.waits()) > 5
    assert "take" not in shell.actions


def test_a_held_refusal_is_not_asked_for_at_its_last_moment() -> None:
    work = make_work()
    shell = perform(work, lambda shell: hold(shell, HELD[0]), payment_timeout=6.0)
    assert (work.state, shell.waits()) == (State.RECOVERING, [])


# --- the journal fails ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"print_on_register": True}])
def test_what_cannot_be_written_is_not_sent(settings: dict[str, Any]) -> None:
    work = make_work()
    shell = Shell(FakeHost(**settings))
    shell.refuses = named("sending")
    with pytest.raises(RegisterError) as raised:
        shell.carry_out(Conductor(shell.host).perform(work))
    assert isinstance(raised.value, JournalError)
    assert "X" not in shell.requests
    assert (work.recorded, work.sent, work.outcome) == (False, False, None)
    memory = shell.host.memory
    assert (memory.unseen_operations, memory.unseen_stans) == (set(), 0), "nothing was sent: no STAN can have been taken"
    assert shell.alarms() == ["journal_failed"]


@pytest.mark.parametrize(
    ("work", "transmission", "requests"),
    [
        (make_work(), 1, "G"),
        (make_work(), 2, "GXX"),
        (make_work(TotalsRequest(), kind=Kind.TOTALS), 1, "TT"),
        (make_work(StatusRequest(), kind=Kind.STATUS), 1, "ss"),
    ],
    ids=["money", "money, sent again", "totals", "status"],
)
def test_only_before_moneys_first_transmission_the_disk_is_waited_for(work: Work, transmission: int, requests: str) -> None:
    shell = Shell(FakeHost())
    shell.refuses = lambda row: isinstance(row, Event) and row.data.get("transmission") == transmission and row.name == "sending"
    shell.on(work.order.request.code, [NAK], [ACK, LOST])
    conduct = Conductor(shell.host).perform(work)
    if work.order.money and transmission == 1:
        with pytest.raises(JournalError):
            shell.carry_out(conduct)
    else:
        shell.carry_out(conduct)
    assert shell.requests == requests
    assert shell.alarms() == (["journal_failed"] if requests == "G" else [])


def test_an_answer_that_cannot_be_written_is_not_acknowledged() -> None:
    def prepare(shell: Shell) -> None:
        shell.on("X", answers(approval(6)))
        shell.refuses = named("answered")

    work = make_work()
    shell = perform(work, prepare)
    assert isinstance(work.outcome, Approved)
    assert not work.durable
    assert shell.unacknowledged == 1
    assert shell.alarms() == ["journal_failed"]


@pytest.mark.parametrize("name", ["accepted", "refused", "progress", "receipt", "data"])
def test_what_only_tells_waits_for_no_disk(name: str) -> None:
    additional = AdditionalDataRequest(terminal_id=TID, contents=((5, "0COF"),), iso_field="62")
    sale = ExtendedPurchaseRequest(terminal_id=TID, amount=650, additional_data=True)
    after = [receipt(b"}GRAZIE}}\x1b"), wire(AdditionalDataResponse(terminal_id=TID, data="TOKEN"))]

    def prepare(shell: Shell) -> None:
        shell.on("U", [ACK])
        shell.on("X", [NAK], [ACK, build_progress("ATTESA CARTA"), 1.0, wire(approval(6)), *after])
        shell.refuses = named(name)

    work = make_work(sale, additional=additional)
    shell = perform(work, prepare, print_on_register=True)
    assert isinstance(work.outcome, Approved)
    assert (shell.alarms(), shell.unacknowledged, work.durable) == ([], 0, True)
    assert {"accepted", "refused", "progress", "receipt", "data"} - set(shell.names()) == {name}


# --- what comes on the line -----------------------------------------------------------------------------------------------------------


def test_a_late_result_after_a_lost_one_is_told_once_it_is_written() -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, 190.0, wire(approval(6, 3))]))
    assert (work.state, work.evidence) == (State.RECOVERING, Evidence(Code.TIME_OVER))
    assert work.ended_at == 180.0
    shell.pass_time(20.0, work)
    assert isinstance(work.outcome, Approved)
    assert shell.host.now == 190.0
    assert shell.row("answered").data["late"] is True
    assert shell.host.published == ["sending", "accepted", "recovering", "approved"]
    assert shell.host.memory.unseen is None
    assert shell.host.memory.clock._samples == [], "a late result tells nothing of the clock"


def test_a_result_while_a_person_settles_changes_nothing_and_is_told() -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, 190.0, wire(approval(6, 3))]))
    work.being_settled = True
    shell.pass_time(20.0)
    assert (work.outcome, work.answered) == (None, True)
    (alarm,) = shell.host.alarms
    assert alarm == ("result_after_refusal", Evidence(Code.RESULT_WHILE_SETTLED, {"outcome": "approved"}), "sale")
    assert shell.names()[-1] == "answered"


NOTHING = NotPerformed(reason=Evidence(Code.NOTE, {"text": "nothing there"}))
REFUSED_BY_HOST = Declined(reason=Evidence(Code.DECLINED))


def otherwise(outcome: str, known: str) -> tuple[str, Evidence]:
    return "result_after_refusal", Evidence(Code.RESULT_AFTER_OUTCOME, {"outcome": outcome, "told": known})


def may_have_paid(known: str) -> tuple[str, Evidence]:
    return "approved_after_refusal", Evidence(Code.APPROVED_AFTER_REFUSAL, {"told": known, "amount": 650, "stan": "000006"})


LATE: list[tuple[Outcome, PaymentResult, tuple[str, Evidence] | None]] = [
    (Approved(), approval(6, 3), None),
    (Approved(), refusal(), otherwise("declined", "approved")),
    (NOTHING, approval(6, 3), may_have_paid("not_performed")),
    (NOTHING, refusal(), None),
    (NOTHING, replace(refusal(), result="07"), otherwise("unresolved", "not_performed")),
    (REFUSED_BY_HOST, approval(6, 3), may_have_paid("declined")),
    (REFUSED_BY_HOST, refusal(), None),
]


@pytest.mark.parametrize(("known", "result", "alarm"), LATE)
def test_a_late_result_that_says_otherwise_than_was_settled_is_told(
    known: Outcome, result: PaymentResult, alarm: tuple[str, Evidence] | None
) -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, 190.0, wire(result)]))
    work.settle(known, START)
    shell.pass_time(20.0)
    assert work.outcome == known, "what was settled stays"
    assert [(name, what) for name, what, _ in shell.host.alarms] == ([alarm] if alarm is not None else [])
    assert shell.row("answered").data["late"] is True


def test_a_late_vas_answer_that_says_otherwise_is_told() -> None:
    work = pay_by_phone()
    shell = perform(work, plays("K", [ACK, 190.0, vas(ECRVASID="BPAY_QR", RESPID="0")]))
    work.settle(NOTHING, START)
    shell.pass_time(20.0)
    assert [(name, what) for name, what, _ in shell.host.alarms] == [otherwise("approved", "not_performed")]


def test_an_approval_after_the_refusal_that_was_the_answer_is_told() -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, 4.0, wire(refusal()), 8.0, wire(approval(6))]))
    assert isinstance(work.outcome, Declined)
    assert shell.host.memory.last_refusal == Refusal("sale", work.order.request, START), "of when it was sent"
    shell.pass_time(10.0)
    assert isinstance(work.outcome, Declined), "what was told stays"
    assert shell.alarms() == ["approved_after_refusal"]
    assert shell.names()[-2:] == ["approved_after_refusal", "stray"]
    assert shell.host.memory.last_refusal is None


def test_after_ten_seconds_nothing_more_is_taken_for_a_late_truth() -> None:
    shell = perform(make_work(), plays("X", [ACK, wire(refusal()), 10.5, wire(approval(6))]))
    shell.pass_time(20.0)
    assert shell.alarms() == []


def test_of_progress_only_so_much_is_kept_and_told() -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, *[build_progress("ATTESA CARTA")] * (MOST_PROGRESS + 3), wire(approval(6))]))
    assert (shell.names().count("progress"), len(shell.host.shown), work.progress_kept) == (MOST_PROGRESS,) * 3
    assert shell.host.shown[0] == "ATTESA CARTA"
    assert work.progressed
    assert isinstance(work.outcome, Approved)


def test_of_strays_that_are_no_results_only_so_many_are_kept_and_results_always() -> None:
    nobodys = wire(replace(STATUS, terminal_id=OTHER))
    theirs = wire(approval(9, terminal_id=OTHER))
    work = make_work()
    shell = perform(work, plays("X", [ACK, *[nobodys] * (MOST_STRAYS + 3), theirs, wire(approval(6))]))
    assert shell.names().count("stray") == MOST_STRAYS + 1
    assert "message" in shell.rows("stray")[-1].data
    assert isinstance(work.outcome, Approved)


def test_a_stray_result_is_on_disk_before_its_ack() -> None:
    def prepare(shell: Shell) -> None:
        shell.on("X", [ACK, wire(approval(9, terminal_id=OTHER)), wire(approval(6))])
        shell.refuses = named("stray")

    assert perform(make_work(), prepare).unacknowledged == 1
    assert (
        perform(make_work(), lambda shell: (prepare(shell), shell.on("X", [ACK, wire(replace(STATUS)), wire(approval(6))]))).unacknowledged
        == 0
    )


@pytest.mark.parametrize("strays", [0, MOST_STRAYS])
def test_an_approval_that_may_be_an_earlier_operations_leaves_a_doubt(strays: int) -> None:
    def prepare(shell: Shell) -> None:
        shell.host.memory.lost, shell.host.memory.lost_at = "before", -30.0
        shell.on("X", [ACK, *[wire(replace(STATUS, terminal_id=OTHER))] * strays, wire(approval(6))])

    work = make_work()
    shell = perform(work, prepare)
    assert (work.state, work.outcome) == (State.RECOVERING, None)
    assert work.doubt == Evidence(Code.TOO_SOON, {"operation": "before"})
    assert shell.host.memory.lost == "before"


@pytest.mark.parametrize(("lost_at", "approved"), [(-30.0, False), (-599.0, False), (-600.0, True)])
def test_a_lost_operations_own_result_is_waited_for_so_long(lost_at: float, *, approved: bool) -> None:
    def prepare(shell: Shell) -> None:
        shell.host.memory.lost, shell.host.memory.lost_at = "before", lost_at
        shell.on("X", [ACK, wire(approval(6))])

    work = make_work()
    shell = perform(work, prepare)
    assert isinstance(work.outcome, Approved) is approved
    assert (shell.host.memory.lost is None) is approved, "an approval of ours ends the doubt"


@pytest.mark.parametrize(
    ("known", "approved"),
    [({}, True), ({"answers_extended": True}, False), ({"unseen": ("before", 0.0)}, False)],
    ids=["it may be", "this release answers in full", "it may be the lost one's"],
)
def test_a_short_answer_to_x(known: dict[str, Any], *, approved: bool) -> None:
    def prepare(shell: Shell) -> None:
        for name, value in known.items():
            setattr(shell.host.memory, name, value)
        shell.on("X", answers(approval(6, form=71)))

    work = make_work()
    shell = perform(work, prepare)
    assert isinstance(work.outcome, Approved) is approved
    assert "answers_extended" not in shell.names()


def test_an_extended_answer_is_a_fact_that_is_written_once() -> None:
    shell = perform(make_work(), plays("X", answers(approval(6))))
    assert shell.row("answers_extended").data == {"identity": TID, "release": None}
    shell.on("X", answers(approval(7)))
    shell.carry_out(Conductor(shell.host).perform(make_work()))
    assert shell.names().count("answers_extended") == 1


@pytest.mark.parametrize(
    ("request_", "kind", "code", "unseen"),
    [
        (make_work().order.request, Kind.PURCHASE, "X", ("sale", 4.0)),
        (VoidRequest(), Kind.VOID, "S", None),
        (VerifyCardRequest(), Kind.VERIFY_CARD, "H", ("sale", 4.0)),
    ],
)
def test_a_lost_result_whose_form_others_share_may_still_come(
    request_: Request, kind: Kind, code: str, unseen: tuple[str, float] | None
) -> None:
    shell = perform(make_work(request_, kind=kind), plays(code, [ACK, 4.0, LOST]))
    assert shell.host.memory.unseen == unseen
    assert shell.host.memory.unanswered
    assert shell.host.memory.unseen_operations == {"sale"}
    assert shell.host.memory.unseen_stans == 1


def test_what_is_known_when_a_request_is_sent_is_kept_with_it() -> None:
    def prepare(shell: Shell) -> None:
        shell.host.memory.unseen_stans = 2
        shell.on("X", [3.0, NAK], [ACK, LOST])

    work = make_work()
    shell = perform(work, prepare)
    assert (work.identity, work.previous_stan, work.unseen_stans) == (TID, "000005", 2)
    assert (work.baseline, work.baseline_message) == (approval(5, -60), build_response(approval(5, -60)))
    assert work.clock == shell.host.memory.clock.offset
    assert (work.sent_time, work.sent_at) == (START, 0.0), "of the first transmission"
    assert shell.host.memory.unseen_stans == 3, "one request, however often it was transmitted"
    assert work.refused, "once: the last result proves nothing then"
    first, again = shell.rows("sending")
    assert (first.data["transmission"], again.data["transmission"]) == (1, 2)
    assert first.data["baseline"] == build_response(approval(5, -60)).hex()


def test_a_refusal_gives_the_stan_back_and_is_not_overwritten() -> None:
    earlier = Refusal("before", make_work().order.request, START)

    def prepare(shell: Shell) -> None:
        shell.host.memory.last_refusal = earlier
        shell.on("X", [NAK])

    shell = perform(make_work(), prepare, purchase_code="X")
    assert shell.host.memory.unseen_stans == 0
    assert shell.host.memory.last_refusal is earlier


def test_an_ack_that_comes_after_the_result_changes_no_state() -> None:
    work = make_work()
    shell = perform(work, plays("X", [wire(approval(6)) + ACK]))
    assert (work.state, work.acknowledged) == (State.FINISHED, True)
    assert isinstance(work.outcome, Approved)
    assert shell.names()[-1] == "accepted"


SESSION = CloseSessionResponse(terminal_id=TID, result="00", terminal_total=650, host_total=650)
TOTALS = TotalsResponse(terminal_id=TID, result="00", terminal_total=650)
SAVES: list[tuple[Work, Play, bool]] = [
    (make_work(), answers(approval(6)), True),
    (make_work(), [NAK], False),
    (make_work(VerifyCardRequest(), kind=Kind.VERIFY_CARD), answers(approval(6, form=71)), False),
    (make_work(CloseSessionRequest(), kind=Kind.CLOSE_SESSION), [ACK, wire(SESSION)], False),
    (make_work(ReprintRequest(to_ecr=0), kind=Kind.REPRINT), [ACK], False),
    (make_work(TotalsRequest(), kind=Kind.TOTALS), [ACK, wire(TOTALS)], True),
    (make_work(STATUS_LOOK, kind=Kind.STATUS), answers(STATUS), True),
]


@pytest.mark.parametrize(
    ("work", "play", "fresh"), SAVES, ids=["its result", "refused", "card check", "closed session", "reprint", "totals", "status"]
)
def test_after_which_operations_the_last_result_is_known(work: Work, play: Play, *, fresh: bool) -> None:
    shell = perform(work, lambda shell: (know_last_result(shell), shell.on(work.order.request.code, play)), **ALONE, purchase_code="X")
    assert shell.host.memory.fresh is fresh


# --- STANs and clocks -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "settings", "rows"),
    [
        (approval(6), ALONE, []),
        (approval(8), ALONE, [("stan_gap", "000008", "000005")]),
        (approval(8), {}, []),
        (approval(5, authorization_code="NEW"), ALONE, []),
        (approval(0, authorization_code="NEW"), ALONE, []),
        (refusal(stan=0), ALONE, []),
        (refusal(stan=8), ALONE, [("stan_gap", "000008", "000005")]),
        (refusal(stan=6), ALONE, []),
    ],
    ids=["next", "gap", "gap of others", "the same", "none", "a refusal without", "a refusal with a gap", "a refusal that takes one"],
)
def test_what_a_results_stan_tells(result: PaymentResult, settings: dict[str, Any], rows: list[tuple[str, str, str]]) -> None:
    shell = perform(make_work(), plays("X", answers(result)), **settings)
    told_of = shell.rows("stan_gap") + shell.rows("stans_anew")
    assert [(row.name, row.data["stan"], row.data["last"]) for row in told_of] == rows


def test_stans_that_start_anew_are_told_and_no_gap() -> None:
    shell = perform(make_work(), plays("X", answers(approval(6))), **ALONE)
    shell.host.now = 60.0
    shell.on("X", answers(approval(1, 1)))
    work = make_work()
    shell.carry_out(Conductor(shell.host).perform(work))
    assert isinstance(work.outcome, Approved)
    assert (shell.row("stans_anew").data["stan"], shell.row("stans_anew").data["last"]) == ("000001", "000006")
    assert "stan_gap" not in shell.names()


def test_the_first_result_of_a_terminal_tells_of_no_gap() -> None:
    shell = perform(make_work(), lambda shell: (shell.on("G", [NAK]), shell.on("X", answers(approval(77)))), **ALONE)
    assert "stan_gap" not in shell.names()


@pytest.mark.parametrize(
    ("minutes", "alarms"), [(0, []), (TOLD_OFFSET / 60, []), (TOLD_OFFSET / 60 + 1, ["host_time_wrong"]), (-48 * 60, ["host_time_wrong"])]
)
def test_three_results_tell_the_clock_and_a_wrong_one_is_told(minutes: float, alarms: list[str]) -> None:
    shell = Shell(FakeHost(**ALONE))
    for number in range(3):
        shell.on("X", answers(approval(6 + number, minutes)))
        shell.carry_out(Conductor(shell.host).perform(make_work()))
    assert shell.row("clock").data == {"identity": TID, "offset": minutes * 60, "release": None}
    assert shell.alarms() == alarms
    shell.on("X", answers(approval(9, minutes + 1)))
    shell.carry_out(Conductor(shell.host).perform(make_work()))
    assert shell.names().count("clock") == 1, "told once"
    shell.on("X", answers(approval(10, minutes + 30)))
    shell.carry_out(Conductor(shell.host).perform(make_work()))
    assert [row.data["offset"] for row in shell.rows("clock")] == [minutes * 60, None]
    assert shell.alarms() == alarms


# --- receipts, data of the host, VAS ------------------------------------------------------------------------------------------------------


def test_a_receipt_in_parts_is_kept_once_it_is_whole() -> None:
    work = make_work()
    parts = [receipt(b"}PRIMA"), 0.1, receipt(b"}SECONDA}}\x1b")]
    shell = perform(work, plays("X", [ACK, wire(approval(6)), 0.1, *parts]), print_on_register=True)
    assert work.receipt == b"}PRIMA}SECONDA}}\x1b"
    assert shell.row("receipt").data == {"text": work.receipt.hex(), "cut": 0}


def test_a_part_after_the_end_mark_is_added() -> None:
    work = make_work()
    parts = [receipt(b"}PRIMA 4111111111111111\x1b"), 0.3, receipt(b"}SECONDA}}\x1b")]
    shell = perform(work, plays("X", [ACK, wire(approval(6)), 0.1, *parts]), print_on_register=True)
    assert work.receipt == b"}PRIMA ************1111\x1b"
    assert shell.row("receipt").data["cut"] == 1
    shell.pass_time(1.0)
    assert work.receipt == b"}PRIMA ************1111\x1b}SECONDA}}\x1b"
    (_, more) = shell.rows("receipt")
    assert bytes.fromhex(more.data["text"]) == b"}SECONDA}}\x1b"


@pytest.mark.parametrize("more", [[], [0.1, receipt(b"}FINE}}\x1b")]], ids=["whole", "in parts"])
@pytest.mark.parametrize("seconds", [0.0, 0.2], ids=["with the result", "after it"])
def test_a_receipt_that_nobody_asked_for_is_kept_and_holds_no_card_number(seconds: float, more: Play) -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, wire(approval(6)), seconds, receipt(b"}PAN 4111111111111111}}\x1b"), *more]))
    shell.pass_time(1.0)
    assert work.snapshot().receipt.startswith(b"}PAN ************1111}}\x1b")
    assert b"".join(bytes.fromhex(row.data["text"]) for row in shell.rows("receipt")) == work.receipt
    assert work.receipt.endswith(b"}FINE}}\x1b") is bool(more)


def test_a_receipt_before_the_result_is_the_results() -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, 1.0, receipt(b"}PAN 4111111111111111}}\x1b"), 1.0, wire(approval(6))]), print_on_register=True)
    assert work.receipt == b"}PAN ************1111}}\x1b"
    assert shell.row("receipt").data == {"text": work.receipt.hex(), "cut": 1}
    lost = make_work()
    shell = perform(lost, plays("X", [ACK, 1.0, receipt(b"}PAN 4111111111111111}}\x1b"), LOST]), print_on_register=True)
    assert (lost.receipt, shell.rows("receipt")) == (b"", []), "nobody can say whose it is"


def test_a_receipt_that_never_ends_is_kept_as_far_as_it_came() -> None:
    work = make_work()
    shell = perform(work, plays("X", [ACK, wire(approval(6)), 0.1, receipt(b"}PRIMA")]), print_on_register=True)
    assert isinstance(work.outcome, Approved)
    assert bytes.fromhex(shell.row("receipt").data["text"]) == work.receipt == b"}PRIMA"


def test_a_reprint_brings_a_receipt() -> None:
    work = make_work(ReprintRequest(to_ecr=1), kind=Kind.REPRINT)
    shell = perform(work, plays("R", [ACK, receipt(b"}COPIA}}\x1b")]))
    assert (work.outcome, work.receipt) == (Done(), b"}COPIA}}\x1b")
    assert shell.names() == ["created", "sending", "accepted", "receipt", "finished"]


@pytest.mark.parametrize(("play", "transmissions"), [([ACK], 1), ([NAK], 3), ([], 1)], ids=["taken", "refused", "unheard"])
def test_additional_data_have_no_rows_of_their_own_but_what_the_host_returns(play: Play, transmissions: int) -> None:
    additional = AdditionalDataRequest(terminal_id=TID, contents=((5, "0COF"),), iso_field="62")
    work = make_work(replace(make_work().order.request, additional_data=True), additional=additional)
    from_host = wire(AdditionalDataResponse(terminal_id=TID, data="TOKEN 4111111111111111 "))
    shell = perform(work, lambda shell: (shell.on("U", play), shell.on("X", [ACK, 20.0, wire(approval(6)), from_host])))
    assert shell.requests == "GX" + "U" * transmissions
    assert work.data is not None
    assert work.data.startswith("TOKEN ************1111")
    assert shell.names() == ["created", "sending", "accepted", "answers_extended", "answered", "finished", "data"]
    assert shell.row("data").data["data"] == work.data
    assert not work.refused


def vas(**values: str) -> bytes:
    xml = "<ecrres>" + "".join(f'<p k="{key}">{text}</p>' for key, text in values.items()) + "</ecrres>"
    return wire(VasPart(terminal_id=TID, more=False, sequence=1, xml=xml))


def pay_by_phone() -> Work:
    return make_work(VasRequest(terminal_id=TID, xml='<ecrreq><p k="ECRVASID">BPAY_QR</p></ecrreq>'), kind=Kind.VAS)


def test_a_vas_answer_in_parts_is_on_disk_part_by_part() -> None:
    xml = '<ecrres><p k="ECRVASID">BPAY_QR</p><p k="RESPID">0</p></ecrres>'
    parts = [
        VasPart(terminal_id=TID, more=more, sequence=number, xml=piece)
        for number, more, piece in ((1, True, xml[:20]), (2, False, xml[20:]))
    ]
    shell = perform(work := pay_by_phone(), plays("K", [ACK, *map(wire, parts)]))
    assert isinstance(work.outcome, Approved)
    assert shell.names() == ["created", "sending", "accepted", "part", "answered", "finished"]
    refusing = perform(
        pay_by_phone(),
        lambda shell: (shell.on("K", [ACK, *map(wire, parts)]), setattr(shell, "refuses", named("part"))),
    )
    assert refusing.unacknowledged == 1


@pytest.mark.parametrize(
    ("known", "answer", "outcome"),
    [
        (False, vas(ECRVASID="BPAY_QR", RESPID="0", ORDER_ID="A1"), ("approved", None)),
        (True, vas(ECRVASID="BPAY_QR", RESPID="0", ORDER_ID="A1"), None),
        (True, vas(ECRVASID="BPAY_QR", RESPID="0"), ("approved", None)),
        (False, vas(ECRVASID="BPAY_INQUIRY", RESPID="0", ORDER_ID="A1"), None),
        (False, vas(ECRVASID="BPAY_QR", RESPID="7", RESPMSG="ANNULLATO"), ("declined", Code.TERMINAL_WORDS)),
        (False, vas(ECRVASID="BPAY_QR"), ("unresolved", Code.VAS_WITHOUT_RESULT)),
    ],
    ids=["its own", "an earlier one's", "nothing to tell copies by", "another function's", "declined", "says neither"],
)
def test_whose_a_vas_answer_is(answer: bytes, outcome: tuple[str, Code | None] | None, *, known: bool) -> None:
    def prepare(shell: Shell) -> None:
        if known:
            shell.host.memory.remember_vas('<ecrres><p k="ECRVASID">BPAY_QR</p><p k="RESPID">0</p><p k="ORDER_ID">A1</p></ecrres>')
            shell.host.memory.remember_vas('<ecrres><p k="ECRVASID">BPAY_QR</p><p k="RESPID">0</p></ecrres>')
        shell.on("K", [ACK, answer])

    work = pay_by_phone()
    shell = perform(work, prepare)
    assert (work.outcome is None) if outcome is None else told(work.outcome) == outcome
    assert shell.names().count("stray") == (outcome is None)
    if outcome == ("approved", None) and not known:
        assert shell.host.memory.knows_vas('<ecrres><p k="ECRVASID">BPAY_QR</p><p k="RESPID">0</p><p k="ORDER_ID">A1</p></ecrres>')


def test_a_vas_answer_that_says_neither_is_not_asked_for_again() -> None:
    work = pay_by_phone()
    shell = perform(work, plays("K", [ACK, vas(ECRVASID="BPAY_QR")]))
    assert (work.state, type(work.outcome), work.answered) == (State.FINISHED, Unresolved, True)
    assert shell.names()[-1] == "finished"


def test_a_look_keeps_only_what_is_not_about_it() -> None:
    shell = perform(make_work(STATUS_LOOK, kind=Kind.STATUS, journaled=False), plays("s", [wire(approval(9)), ACK, wire(STATUS)]))
    assert shell.names() == ["stray"]
    assert shell.row("stray").reference is None


def test_an_operation_that_is_settled_while_its_refusal_is_asked_for_is_left() -> None:
    work = make_work()

    def prepare(shell: Shell) -> None:
        hold(shell, HELD[0])
        shell.meets["wait 1", 1] = proved_wrong(work)

    shell = perform(work, prepare)
    assert "take" in shell.actions
