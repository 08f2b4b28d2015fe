"""The ledger on real files: who reads them, when rows are told, one operation to a reference, and what a crash left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ecrlan.errors import (
    ClosedError,
    JournalError,
    OperationsWithoutTerminalError,
    ReferenceConflictError,
    RegisterError,
    UnknownReferenceError,
)
from ecrlan.journal import Event, Journal, NewOperation
from ecrlan.model import Approved, NotPerformed, State, Unresolved
from ecrlan.protocol.memory import Memory
from ecrlan.protocol.options import TerminalSettings
from ecrlan.protocol.records import created_row
from ecrlan.register.ledger import WITHDRAWN, Ledger, Member
from ecrlan.register.publisher import Publisher
from ecrlan.register.queue import TerminalQueue
from ecrlan.register.running import RunningWork
from tests.register.kept import PLACE, SlowDisk, order, sent
from tests.scripted import TID
from tests.virtual import START


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One whose journal is a file, written by a thread."""
    with closing(Journal(tmp_path / "till.db")) as journal:
        ledger = Ledger("00000001", lambda: START, Publisher())
        ledger.open(journal)
        yield ledger


def member(ledger: Ledger, name: str = "till-1", terminal_id: str = TID) -> Member:
    """A terminal of the register."""
    made = ledger.members[name] = Member(name, Memory(place=PLACE, terminal_id=terminal_id))
    return made


async def keep(ledger: Ledger, rows: list[NewOperation | Event]) -> None:
    committing = ledger.write(rows, durable=True)
    assert committing is not None
    await committing


# --- looking up -------------------------------------------------------------------------------------------------------------------


async def test_a_slow_disk_does_not_hold_up_the_loop(ledger: Ledger) -> None:
    await keep(ledger, sent("sale"))
    disk = SlowDisk(ledger.journal)
    finding = asyncio.create_task(ledger.find("sale"))
    await disk.reached()
    disk.let_go()
    found = await finding
    assert found == ledger.operation("sale")
    assert found.state is State.SENDING


async def test_what_runs_is_told_without_a_look_at_the_disk(ledger: Ledger) -> None:
    SlowDisk(ledger.journal)
    end = asyncio.Event()

    async def performing() -> None:
        await end.wait()

    work = RunningWork(order=order("sale"), terminal="till-1", created_time=START)
    handle = ledger.run(work, performing(), TerminalQueue("till-1", 1).enter("sale", 0))
    assert await ledger.find("sale") == ledger.operation("sale") == handle.operation()
    assert [each.reference for each in ledger.running()] == ["sale"]
    end.set()
    await handle.ended()
    assert ledger.running() == []


async def test_what_nobody_ever_asked_for_is_unknown(ledger: Ledger) -> None:
    for look in (lambda: ledger.find("sale"), lambda: ledger.withdraw("sale")):
        with pytest.raises(UnknownReferenceError):
            await look()
    with pytest.raises(UnknownReferenceError):
        ledger.operation("sale")


def test_without_a_journal_nothing_is_found() -> None:
    ledger = Ledger("00000001", lambda: START, Publisher())
    with pytest.raises(JournalError, match="not open"):
        ledger.operation("sale")
    assert ledger.close() is None


# --- writing ----------------------------------------------------------------------------------------------------------------------


async def test_rows_are_told_once_they_are_on_disk(ledger: Ledger, tmp_path: Path) -> None:
    with closing(Journal.reader(tmp_path / "till.db")) as another:
        told: list[tuple[str, bool]] = []
        ledger.publisher.observe_rows(lambda row: told.append((row.reference or "", another.find("sale") is not None)))
        committing = ledger.write(sent("sale"), durable=True)
        assert told == []
        assert committing is not None
        await committing
        ledger.publisher.flush()
        assert told == [("sale", True)] * 2


async def test_rows_that_cannot_be_written_are_told_to_nobody(ledger: Ledger) -> None:
    told: list[object] = []
    ledger.publisher.observe_rows(told.append)
    ledger.journal.close()
    failed = ledger.write(sent("sale"), durable=True)
    assert failed is not None
    with pytest.raises(JournalError):
        await failed
    assert ledger.write(sent("sale"), durable=False) is None
    ledger.publisher.flush()
    assert told == []


# --- one reference, one operation -------------------------------------------------------------------------------------------------


async def test_a_reference_is_claimed_by_one_after_the_other(ledger: Ledger) -> None:
    steps: list[str] = []

    async def claim(name: str, reference: str) -> None:
        async with ledger.claim(reference):
            steps.append(f"{name} in")
            await asyncio.sleep(0)
            steps.append(f"{name} out")
            if name == "first":
                raise RegisterError("refused")

    first, *others = await asyncio.gather(claim("first", "a"), claim("second", "a"), claim("third", "b"), return_exceptions=True)
    assert isinstance(first, RegisterError)
    assert others == [None, None]
    assert steps.index("first out") < steps.index("second in")
    assert steps.index("third in") < steps.index("first out"), "another reference waits for nobody"


async def test_a_reference_that_stands_for_something_else_is_refused(ledger: Ledger) -> None:
    await keep(ledger, sent("sale"))
    till, bar = member(ledger), member(ledger, "bar", "87654321")
    assert await ledger.known(order("new"), till) is None
    found = await ledger.known(order("sale"), till)
    assert found is not None
    assert (await found.ended()).reference == "sale"
    for asked, at in ((order("sale", 501), till), (order("sale"), bar)):
        with pytest.raises(ReferenceConflictError):
            await ledger.known(asked, at)


def test_only_the_registers_own_terminals_get_operations_and_none_at_the_end(ledger: Ledger) -> None:
    till = member(ledger)
    ledger.check_member(till)
    member(ledger)  # another one of its name
    with pytest.raises(RegisterError, match="removed or reconfigured"):
        ledger.check_member(till)
    ledger.closing = True
    with pytest.raises(ClosedError):
        ledger.check_member(ledger.members["till-1"])


# --- what a crash left open -------------------------------------------------------------------------------------------------------


async def test_what_was_sent_is_taken_up_once_and_shared(ledger: Ledger) -> None:
    await keep(ledger, sent("lost"))
    till = member(ledger)
    (work,) = ledger.adopt(till)
    assert isinstance(work, RunningWork)
    assert (work.state, work.sent, work.identity) == (State.RECOVERING, True, TID)
    assert till.memory.unanswered
    assert ledger.adopt(till) == []
    renamed = member(ledger, "bar")
    assert ledger.adopt(renamed) == [], "it is being recovered already"
    assert renamed.open_works["lost"] is till.open_works["lost"] is ledger.shared_work("lost")
    entry = ledger.journal.find("lost")
    assert entry is not None
    assert [event.name for event in entry.events] == ["sending", "recovering"]


async def test_an_answer_that_was_written_down_is_the_outcome(ledger: Ledger) -> None:
    await keep(ledger, sent("sale", answered=True))
    till = member(ledger)
    (operation,) = ledger.adopt(till)
    assert not isinstance(operation, RunningWork)
    assert isinstance(operation.outcome, Approved)
    assert till.open_works == {}
    assert operation == ledger.operation("sale"), "it is told as the journal keeps it"


async def test_what_runs_is_not_taken_for_what_a_crash_left(ledger: Ledger) -> None:
    await keep(ledger, sent("sale"))
    till = member(ledger)
    end = asyncio.Event()

    async def performing() -> None:
        await end.wait()

    work = RunningWork(order=order("sale"), terminal="till-1", created_time=START)
    handle = ledger.run(work, performing(), TerminalQueue("till-1", 1).enter("sale", 0))
    assert ledger.adopt(till) == []
    assert till.open_works == {}
    end.set()
    await handle.ended()


async def test_money_without_a_terminal_is_told(ledger: Ledger) -> None:
    await keep(ledger, sent("lost"))
    elsewhere = TerminalSettings(name="bar", address="127.0.0.2", terminal_id="87654321")
    here = TerminalSettings(name="till-1", address="127.0.0.1")
    for wanted in (None, [elsewhere]):
        with pytest.raises(OperationsWithoutTerminalError, match="lost"):
            ledger.check_operations(wanted)
    ledger.check_operations([elsewhere, here])
    ledger.adopt(member(ledger))
    ledger.check_operations(None)


SETTINGS = TerminalSettings(name="till-1", address="127.0.0.1")


@pytest.mark.parametrize(
    ("rows", "looks"),
    [
        ([Event(name="finished", time=START, reference="lost", terminal="gone", data={"outcome": "approved"})], 2),
        ([Event(name="attached", time=START, reference="other", terminal="gone", data={"terminal": "till-1", "by": "Anna"})], 2),
        ([Event(name="finished", time=START, reference="other", terminal="bar", data={"outcome": "unresolved"})], 2),
        ([Event(name="clock", time=START, reference=None, terminal="till-1", data={"offset": 0.0, "release": ""})], 2),
        ([Event(name="clock", time=START, reference=None, terminal="bar", data={"identity": PLACE, "offset": 0.0, "release": ""})], 2),
        (sent("sale", "bar"), 2),
        ([Event(name="progress", time=START, reference="other", terminal="bar", data={"text": "WAIT"})], 1),
        ([Event(name="clock", time=START, reference=None, terminal="bar", data={"identity": "87654321"})], 1),
        ([], 1),
    ],
    ids=["settled", "attached", "left open", "same name", "same place", "sent there", "of another", "of another place", "nothing"],
)
async def test_what_the_journal_tells_is_read_again_where_it_was_changed_meanwhile(
    ledger: Ledger, rows: list[NewOperation | Event], looks: int
) -> None:
    elsewhere = RunningWork(order=order("other"), terminal="bar", created_time=START)
    await keep(ledger, [*sent("lost", "gone"), created_row(elsewhere, "127.0.0.2:8081")])
    finished = Event(name="finished", time=START, reference="other", terminal="bar", data={"outcome": "declined"})
    await keep(ledger, [finished] if looks == 1 else [])
    disk = SlowDisk(ledger.journal, "unsettled")
    with ledger.recollecting([SETTINGS]) as latest:
        reading = asyncio.ensure_future(latest())
        await disk.reached()
        if rows:
            ledger.write(rows, durable=False)
        disk.let_go()
        told = await reading
    assert disk.looks == looks
    assert told.unsettled == ledger.journal.unsettled()
    ledger.write(sent("later"), durable=False)
    assert not ledger._notes, "nobody notes rows any more"


async def test_what_was_read_in_a_thread_is_taken_up_as_if_it_were_read_at_once(ledger: Ledger) -> None:
    await keep(ledger, sent("lost"))
    with ledger.recollecting([SETTINGS]) as latest:
        told = await latest()
    ledger.journal.unsettled = lambda *_: pytest.fail("read on the loop")  # type: ignore[method-assign]
    ledger.check_operations([SETTINGS], told)
    with pytest.raises(OperationsWithoutTerminalError, match="lost"):
        ledger.check_operations([], told)
    (work,) = ledger.adopt(member(ledger), told)
    assert isinstance(work, RunningWork)
    ledger.check_operations(None, told)
    unchanged = replace(told, memories={})
    ledger.check_operations([SETTINGS], unchanged)


# --- the end ----------------------------------------------------------------------------------------------------------------------


async def test_the_end_waits_for_what_was_sent_and_drops_what_was_not(ledger: Ledger) -> None:
    queue = TerminalQueue("till-1", 1)
    end = asyncio.Event()

    async def performing() -> None:
        await end.wait()

    works = [RunningWork(order=order(name), terminal="till-1", created_time=START, sent=name == "sent") for name in ("sent", "waiting")]
    first, second = (ledger.run(work, performing(), queue.enter(work.reference, 60)) for work in works)
    draining = asyncio.create_task(ledger.drain(60))
    with pytest.raises(ClosedError):
        await second.ended()
    assert not first.done
    assert not draining.done()
    end.set()
    await draining
    assert first.done
    assert ledger.closing
    assert queue.holder is None


async def test_what_was_withdrawn_is_known_as_such(ledger: Ledger) -> None:
    queue = TerminalQueue("till-1", 1)
    work = RunningWork(order=order("sale"), terminal="till-1", created_time=START)

    async def performing() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            work.settle(NotPerformed(reason=WITHDRAWN), START)

    ledger.run(work, performing(), queue.enter("sale", 0))
    await asyncio.sleep(0)
    assert (await ledger.withdraw("sale")).outcome == NotPerformed(reason=WITHDRAWN)
    assert not isinstance(work.outcome, Unresolved)
    assert queue.holder is None
