"""What becomes of an operation that was under way when the register stopped, by its rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ecrlan.model import (
    Approved,
    Code,
    Declined,
    Evidence,
    Kind,
    NotPerformed,
    Operation,
    PurchaseRequest,
    State,
    StatusRequest,
    Unresolved,
)
from ecrlan.model.rows import Entry
from ecrlan.model.rows import Event as Row
from ecrlan.protocol.records import answered_row, created_row, event_row, finished_row, recovering_row, sending_row, sent_request
from ecrlan.protocol.resuming import resume
from ecrlan.protocol.work import Order, Work
from ecrlan.wire.codec import build_request, build_response
from tests.protocol.driver import APPROVED, DECLINED, TID

SENT_TIME = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
NOW_TIME = SENT_TIME + timedelta(hours=1)
PURCHASE = PurchaseRequest(terminal_id=TID, cash_register_id="00000001", amount=650)
STATUS = StatusRequest(terminal_id=TID)
LOST = Evidence(Code.TIME_OVER)


def entry_of(*more: str, kind: Kind = Kind.PURCHASE) -> Entry:
    """An operation that was sent, and the rows that these words name."""
    request = STATUS if kind is Kind.STATUS else PURCHASE
    work = Work(order=Order(kind=kind, request=request, reference="a"), terminal="till-1", created_time=SENT_TIME)
    work.request, work.identity, work.previous_stan, work.unseen_stans = request, TID, "000041", 1
    made = created_row(work, "10.0.0.5:8081")
    rows: list[Row] = [sending_row(work, request.code, build_request(request), build_response(APPROVED), 1, SENT_TIME)]
    outcome = None
    for word in more:
        if word in ("approval", "refusal"):
            result = APPROVED if word == "approval" else DECLINED
            rows.append(answered_row(work, result, build_response(result), TID, SENT_TIME, late=False))
        elif word == "unresolved":
            rows.append(finished_row(work, Unresolved(evidence=LOST), SENT_TIME, LOST))
            outcome = word
        elif word == "recovering":
            rows.append(recovering_row(work, LOST, SENT_TIME))
        elif word == "doubted":
            rows.append(event_row(work, "stray", SENT_TIME, doubted=True, **Evidence(Code.OUT_OF_SERIES).fields("reason")))
        elif word == "stray":
            rows.append(event_row(work, "stray", SENT_TIME, **Evidence(Code.OUT_OF_SERIES).fields("reason")))
        else:
            rows.append(event_row(work, word, SENT_TIME))
    return Entry(
        id=7,
        reference=made.reference,
        kind=made.kind,
        terminal=made.terminal,
        amount=made.amount,
        parameters=made.parameters,
        created_time=made.created_time,
        state="finished" if outcome else "sending",
        outcome=outcome,
        events=tuple(rows),
    )


def resumed(entry: Entry, *, from_before: bool = False) -> tuple[Work, list[Row]]:
    sent = sent_request(entry)
    assert sent is not None
    return resume(Work, entry, sent, "till-1", from_before=from_before, now=5.0, time=NOW_TIME)


@pytest.mark.parametrize(
    ("words", "outcome", "rows"),
    [
        ((), None, ["recovering"]),
        (("accepted", "progress"), None, ["recovering"]),
        (("accepted", "recovering"), None, ["recovering"]),
        (("unresolved",), Unresolved, []),
        (("accepted", "approval"), Approved, ["finished"]),
        (("accepted", "refusal"), Declined, ["finished"]),
        (("accepted", "approval", "unresolved"), Approved, ["finished"]),
    ],
)
def test_what_stands_in_the_rows_decides(words: tuple[str, ...], outcome: type | None, rows: list[str]) -> None:
    work, written = resumed(entry_of(*words))
    assert [row.name for row in written] == rows
    assert all(row.time == NOW_TIME for row in written)
    assert type(work.outcome) is (outcome or type(None))
    assert work.open is (outcome in (None, Unresolved))
    assert work.state is (State.FINISHED if outcome else State.RECOVERING)
    assert work.ended_at == 5.0


def test_what_was_known_when_it_was_sent_is_known_again() -> None:
    work, _ = resumed(entry_of("accepted", "progress", "refused"))
    assert (work.request, work.sent_time, work.identity, work.previous_stan, work.unseen_stans) == (PURCHASE, SENT_TIME, TID, "000041", 1)
    assert work.baseline is not None
    assert (work.baseline.stan, work.sent, work.recorded) == (APPROVED.stan, True, True)
    assert (work.acknowledged, work.progressed, work.refused, work.answered, work.doubt) == (True, True, True, False, None)
    assert work.sent_at is None, "no seconds that only go on are known from before"
    assert isinstance(work.snapshot(), Operation)


def test_what_moves_no_money_is_not_performed() -> None:
    work, written = resumed(entry_of(kind=Kind.STATUS))
    assert work.outcome == NotPerformed(reason=Evidence(Code.REGISTER_STOPPED))
    assert [row.name for row in written] == ["finished"]


@pytest.mark.parametrize(
    ("words", "from_before", "doubt"),
    [((), False, None), ((), True, Code.FROM_BEFORE), (("stray",), False, None), (("doubted",), False, Code.OUT_OF_SERIES)],
)
def test_nothing_proves_what_is_doubted(words: tuple[str, ...], doubt: Code | None, *, from_before: bool) -> None:
    work, _ = resumed(entry_of(*words), from_before=from_before)
    assert (work.doubt.code if work.doubt is not None else None) is doubt
