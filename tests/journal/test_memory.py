"""A journal in plain memory answers as the one in SQLite does, whatever is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlan.errors import EcrlanError, InvalidValueError, JournalError, UnknownReferenceError
from ecrlan.journal import Event, Journal, NewOperation, ReferenceTakenError
from ecrlan.journal.memory import MemoryJournal
from ecrlan.model import Kind
from tests.journal.samples import START, event, operation

TERMINALS = ("till-1", "till-2")
REFERENCES = ("a", "b", "c", "d")
IDENTITIES = ("37105051", "37105052", "10.0.0.5:8081")
CODES = ("111111111", "222222222")
TIMES = st.integers(0, 5).map(lambda hours: (START + timedelta(hours=hours)).astimezone(timezone(timedelta(hours=hours % 2))))

NAMES = (
    *("sending", "accepted", "recovering", "finished", "resolved", "answered", "stray"),
    *("callback", "callback_done", "stans_anew", "clock"),
)
WITHOUT_ZONE = Event(name="clock", time=datetime(2026, 11, 23), reference=None, terminal="till-1")  # noqa: DTZ001

new_operations = st.builds(
    NewOperation,
    reference=st.sampled_from(REFERENCES),
    kind=st.sampled_from((Kind.PURCHASE, Kind.PREAUTHORIZE, Kind.CAPTURE, Kind.STATUS)),
    terminal=st.sampled_from(TERMINALS),
    amount=st.sampled_from((None, 0, 650)),
    parameters=st.sampled_from(({}, {"amount": 650}, {"preauthorization_code": CODES[0]})),
    created_time=TIMES,
    address=st.sampled_from(("", "10.0.0.5:8081")),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    name = draw(st.sampled_from(NAMES))
    data: dict[str, Any] = {}
    if name in ("finished", "resolved"):
        data["outcome"] = draw(st.sampled_from(("approved", "declined", "unresolved")))
    elif name in ("answered", "stray"):
        stan = draw(st.sampled_from((None, "000000", "000001", "000002")))
        data = {"stan": stan, "message": draw(st.sampled_from(("", "3731")))}
        if draw(st.booleans()):
            data |= {"identity": draw(st.sampled_from(IDENTITIES)), "seen": draw(st.sampled_from(("x", "y|1", "z|2")))}
            data |= {"preauthorization_code": draw(st.sampled_from(CODES))} if draw(st.booleans()) else {}
    elif name == "callback":
        data["url"] = "http://till"
    elif name == "callback_done":
        data = {"step": draw(st.sampled_from(("RECEIVED", "FINAL"))), "outcome": draw(st.sampled_from(("approved", "unresolved")))}
    elif name in ("stans_anew", "clock"):
        data["identity"] = draw(st.sampled_from(IDENTITIES))
    fact = name in ("stans_anew", "clock")
    reference = None if fact or (name == "stray" and draw(st.booleans())) else draw(st.sampled_from(REFERENCES))
    return Event(name=name, time=draw(TIMES), reference=reference, terminal=draw(st.sampled_from(TERMINALS)), data=data)


def attempt(journal: Journal, rows: list[NewOperation | Event]) -> str | None:
    try:
        journal.write(rows)
    except EcrlanError as error:
        return type(error).__name__
    return None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.one_of(new_operations, events()), min_size=1, max_size=6), min_size=1, max_size=12))
def test_it_answers_as_the_one_in_sqlite_does(calls: list[list[NewOperation | Event]]) -> None:
    with Journal(None, inline=True) as kept, MemoryJournal() as memory:
        for reference in REFERENCES[:2]:
            for journal in (kept, memory):
                journal.write([operation(reference)])
        for rows in calls:
            assert attempt(memory, rows) == attempt(kept, rows)
        for reference in (*REFERENCES, "nothing"):
            assert memory.find(reference) == kept.find(reference)
            assert memory.known(reference) == kept.known(reference)
        wanted: list[dict[str, Any]] = [{}, {"unfinished": True}, {"outcome": "approved"}, {"outcome": "unresolved"}, {"kind": "purchase"}]
        wanted += [{"terminal": "till-1"}, {"since": START + timedelta(hours=2)}, {"until": START + timedelta(hours=2)}]
        for filters in wanted:
            assert memory.entries(**filters) == kept.entries(**filters)
            assert memory.entries(**filters, limit=1, before_id=3) == kept.entries(**filters, limit=1, before_id=3)
            assert list(memory.each(**filters)) == list(kept.each(**filters))
        assert memory.pending_callbacks() == kept.pending_callbacks()
        for terminal in TERMINALS:
            assert memory.unsettled(terminal) == kept.unsettled(terminal)
            assert memory.stans(terminal) == kept.stans(terminal)
            for name in ("answered", "stray", "clock", "nothing"):
                assert memory.latest(terminal, name) == kept.latest(terminal, name)
        for identity in IDENTITIES:
            assert memory.results(identity) == kept.results(identity)
            assert memory.facts(identity) == kept.facts(identity)
        for code in CODES:
            assert memory.of_preauthorization(code) == kept.of_preauthorization(code)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([operation("a"), operation("a")], ReferenceTakenError),
        ([event("gone", "sending")], UnknownReferenceError),
        ([operation("a"), event("a", "finished")], InvalidValueError),
        ([event(None, "sending")], InvalidValueError),
        ([operation("a"), WITHOUT_ZONE], InvalidValueError),
    ],
)
def test_what_is_wrong_is_refused_whole(rows: list[NewOperation | Event], error: type[Exception]) -> None:
    with MemoryJournal() as memory:
        with pytest.raises(error):
            memory.write(rows)
        assert memory.entries() == []
        assert memory.facts("till-1") == {}


def test_it_takes_nothing_once_it_is_closed() -> None:
    memory = MemoryJournal()
    memory.abandon()
    with pytest.raises(JournalError, match="closed"):
        memory.write([operation("a")])


def test_there_is_nothing_that_only_a_file_has(tmp_path) -> None:
    now = datetime.now(UTC)
    with MemoryJournal() as memory:
        memory.write([operation("a")])
        memory.flush()
        assert (memory.path, memory.threaded, memory.failed, memory.doubt, memory.doubted_operations, memory.epoch) == (
            *(None, False, None, None),
            *(0, 0),
        )
        assert memory.commits == 1
        assert (memory.prune(now), memory.backup_daily(tmp_path, now=now)) == (0, None)
        with pytest.raises(JournalError, match="in memory"):
            memory.backup(tmp_path / "copy.db")
        with pytest.raises(JournalError, match="in doubt"):
            memory.accept("Anna", "seen", now=now)
        assert list(tmp_path.iterdir()) == []
