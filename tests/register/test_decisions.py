"""What persons decide at the same time as somebody or something else; the rest is in test_register.py and test_recall.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from ecrlan.errors import InvalidValueError, RegisterError, UnknownReferenceError
from ecrlan.journal import Journal
from ecrlan.model import Approved, Code, Evidence, NotPerformed, Operation, Unresolved
from ecrlan.protocol.memory import Memory
from ecrlan.protocol.records import finished_row
from ecrlan.register.decisions import Decisions
from ecrlan.register.ledger import Ledger, Member
from ecrlan.register.publisher import Publisher
from ecrlan.register.running import RunningWork
from tests.register.kept import PLACE, SlowDisk, sent
from tests.scripted import TID
from tests.virtual import START

LOST = Unresolved(evidence=Evidence(Code.RESULT_LOST))
PROVED = Approved()
ANNA = {"by": "Anna", "note": "on the terminal's list"}


class Desk:
    """A ledger with two names for terminals, and the lost operation `lost` on the first."""

    def __init__(self, ledger: Ledger, work: RunningWork) -> None:
        self.ledger = ledger
        self.decisions = Decisions(ledger)
        self.work = work
        self.till, self.bar = ledger.members.values()

    def told(self) -> Operation:
        return self.ledger.operation("lost")

    def rows(self) -> list[str]:
        entry = self.ledger.journal.find("lost")
        assert entry is not None
        return [event.name for event in entry.events]


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    with closing(Journal(tmp_path / "till.db")) as journal:
        ledger = Ledger("00000001", lambda: START, Publisher())
        ledger.open(journal)
        for name, tid in (("till-1", TID), ("bar", "87654321")):
            ledger.members[name] = Member(name, Memory(place=PLACE if name == "till-1" else "127.0.0.2:8081", terminal_id=tid))
        ledger.write(sent("lost"), durable=False)
        (work,) = ledger.adopt(ledger.members["till-1"])
        assert isinstance(work, RunningWork)
        end(ledger, work, LOST)
        yield Desk(ledger, work)


def end(ledger: Ledger, work: RunningWork, outcome: Approved | Unresolved) -> None:
    """Recovery comes to an outcome."""
    ledger.write([finished_row(work, outcome, START)], durable=False)
    work.settle(outcome, START)


async def test_a_persons_word_lifts_the_block(desk: Desk) -> None:
    (blocked,) = await desk.decisions.resolve("lost", "not_performed", **ANNA)
    assert blocked is desk.till
    assert desk.till.open_works == {}
    assert isinstance(desk.told().outcome, NotPerformed)
    assert isinstance(desk.work.outcome, NotPerformed)
    assert not desk.work.being_settled
    assert (desk.till.memory.lost, desk.till.memory.must_ask) == ("lost", True), "its result may still come"
    assert desk.till.memory.last_refusal is not None
    with pytest.raises(RegisterError, match="not unresolved: its outcome is not_performed"):
        await desk.decisions.resolve("lost", "approved", **ANNA)


async def test_two_people_do_not_settle_one_operation_differently(desk: Desk) -> None:
    first, second, third = await asyncio.gather(
        desk.decisions.resolve("lost", "not_performed", **ANNA),
        desk.decisions.resolve("lost", "approved", by="Bruno", note="on the list"),
        desk.decisions.attach("lost", desk.bar, by="Bruno"),
        return_exceptions=True,
    )
    assert first == [desk.till]
    for refused in (second, third):
        assert isinstance(refused, RegisterError)
        assert "by somebody else at this moment" in str(refused)
    assert isinstance(desk.told().outcome, NotPerformed)
    assert desk.rows().count("resolved") == 1
    assert desk.bar.open_works == {}


async def test_a_proof_that_comes_while_the_journal_is_read_counts(desk: Desk) -> None:
    disk = SlowDisk(desk.ledger.journal)
    deciding = asyncio.create_task(desk.decisions.resolve("lost", "not_performed", **ANNA))
    await disk.reached()
    assert not desk.work.being_settled
    end(desk.ledger, desk.work, PROVED)
    desk.till.open_works.clear()
    disk.let_go()
    with pytest.raises(RegisterError, match="its outcome is approved"):
        await deciding
    assert desk.told().outcome == PROVED
    assert "resolved" not in desk.rows()


async def test_an_attached_operation_blocks_the_other_terminal(desk: Desk) -> None:
    assert await desk.decisions.attach("lost", desk.bar, by="Anna") == [], "it is taken up already"
    assert desk.till.open_works == {}
    assert desk.bar.open_works == {"lost": desk.work}
    assert await desk.decisions.resolve("lost", "approved", **ANNA) == [desk.bar]
    with pytest.raises(RegisterError, match="is approved: it blocks no terminal"):
        await desk.decisions.attach("lost", desk.bar, by="Anna")


async def test_what_belongs_to_no_terminal_is_taken_up_by_the_one_that_it_is_attached_to(desk: Desk) -> None:
    desk.ledger.write(sent("orphan", "gone"), durable=False)
    (found,) = await desk.decisions.attach("orphan", desk.bar, by="Anna")
    assert isinstance(found, RunningWork)
    assert desk.bar.open_works == {"orphan": found}


async def test_what_is_proved_while_it_is_attached_blocks_nobody(desk: Desk) -> None:
    disk = SlowDisk(desk.ledger.journal)
    attaching = asyncio.create_task(desk.decisions.attach("lost", desk.bar, by="Anna"))
    await disk.reached()
    end(desk.ledger, desk.work, PROVED)
    desk.till.open_works.clear()
    disk.let_go()
    with pytest.raises(RegisterError, match="is approved"):
        await attaching
    assert desk.bar.open_works == {}
    assert desk.told().outcome == PROVED


async def test_what_cannot_be_decided_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownReferenceError):
        await desk.decisions.resolve("never", "approved", **ANNA)
    with pytest.raises(InvalidValueError):
        await desk.decisions.resolve("lost", "declined", **ANNA)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError):
        await desk.decisions.resolve("lost", "approved", by=" ", note="x")
    assert desk.till.open_works == {"lost": desk.work}
    assert isinstance((await desk.ledger.find("lost")).outcome, Unresolved)
