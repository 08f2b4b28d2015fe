"""SIGKILL at random moments (TerminateProcess on Windows), and the comparison that finds what would be wrong."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecrlan.emulator.ledger import Charge, ChargeKind, Ledger
from ecrlan.journal import Entry, Event
from ecrlan.model import Kind, PaymentResult
from ecrlan.wire.codec import build_response
from tests.faults.kills import Asked, Figures, problems, run_lanes, table

KILLS = int(os.environ.get("ECRLAN_KILLS", "12"))
SEED = int(os.environ.get("ECRLAN_KILLS_SEED", "1"))
NOW = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)


@pytest.mark.long
def test_killed_tills_lose_double_and_invent_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asyncio.run(run_lanes(KILLS, SEED, tmp_path))
    with capsys.disabled():
        print(f"\nReal kills, seed {SEED}\n{table(rows)}")
    assert sum(figures.kills for figures in rows.values()) == KILLS
    assert not any(figures.wrong for figures in rows.values())
    assert {"no", "yes"} == set(rows)


# --- the comparison finds what is wrong -----------------------------------------------------------------------------------------------


def ledger(*amounts: int, voids: bool = False) -> Ledger:
    """A terminal that charged these, with STANs from 000001; `voids`: then it reversed the last."""
    made = Ledger()
    last: Charge | None = None
    for number, amount in enumerate(amounts, 1):
        last = made.write(ChargeKind.PURCHASE, amount, effect=amount, stan=f"{number:06}", time=NOW, code="X")
    if voids and last is not None:
        made.write(ChargeKind.VOID, last.amount, effect=-last.amount, stan="000100", time=NOW, code="S", voids=last)
    return made


def entry(outcome: str | None, stan: str = "000001", kind: Kind = Kind.PURCHASE) -> Entry:
    answer = build_response(PaymentResult(terminal_id="37105051", code="E", length=71, result="00", stan=stan))
    rows = [("answered", {"message": answer.hex(), "late": False})] if outcome == "approved" else []
    rows += [("finished", {"outcome": outcome})] if outcome else []
    events = tuple(Event(name=name, time=NOW, reference="a", terminal="till-1", data=data) for name, data in rows)
    state = "finished" if outcome else "sending"
    return Entry(
        id=1,
        reference="a",
        kind=kind,
        terminal="till-1",
        amount=100,
        parameters={},
        created_time=NOW,
        state=state,
        outcome=outcome,
        events=events,
    )


PURCHASE = Asked("purchase", "a", 100)
VOID = Asked("void", "a", 100, target="000001")


@pytest.mark.parametrize(
    ("asked", "written", "charged", "problem"),
    [
        (PURCHASE, entry("approved"), ledger(100), None),
        (PURCHASE, entry("declined"), ledger(), None),
        (PURCHASE, entry("not_performed"), ledger(), None),
        (PURCHASE, entry("unresolved"), ledger(100), None),
        (PURCHASE, entry(None), ledger(), None),
        (PURCHASE, None, ledger(), None),
        (PURCHASE, entry("approved"), ledger(), "approved, and nothing was charged"),
        (PURCHASE, entry("approved", "000002"), ledger(100), "approved with STAN 000002, charged with 000001"),
        (PURCHASE, entry("approved"), ledger(100, 100), "2 charges under one reference"),
        (PURCHASE, entry(None), ledger(100, 100), "2 charges under one reference"),
        (PURCHASE, entry("declined"), ledger(100), "declined, and it was charged"),
        (PURCHASE, entry("not_performed"), ledger(100), "not_performed, and it was charged"),
        (PURCHASE, entry("not_performed"), ledger(500), "a charge without an operation"),
        (PURCHASE, None, ledger(100), "a charge without an operation"),
        (VOID, entry("not_performed", kind=Kind.VOID), ledger(100, voids=True), "not_performed, and it was charged"),
        (VOID, entry("approved", kind=Kind.VOID), ledger(), "approved, and nothing was charged"),
        (Asked("purchase", "a", 100, told="approved"), None, ledger(), "told approved, and the journal has lost it"),
        (Asked("purchase", "a", 100, told="approved"), entry("unresolved"), ledger(100), "told approved, and the journal says unresolved"),
        (Asked("purchase", "a", 100, told="declined"), entry("approved"), ledger(100), "told declined, and the journal says approved"),
        (Asked("purchase", "b", 100), entry("approved"), ledger(), "an operation that nobody asked for: a"),
    ],
)
def test_the_comparison_finds_it(asked: Asked, written: Entry | None, charged: Ledger, problem: str | None) -> None:
    found = problems({asked.reference: asked}, {} if written is None else {"a": written}, charged)
    assert problem in "\n".join(found) if problem else not found


def test_the_table_sums_up() -> None:
    one, other = Figures(kills=3), Figures(kills=4, wrong=1)
    one.outcomes["approved live"] += 2
    other.outcomes["unresolved"] += 1
    lines = table({"no": one, "yes": other}).splitlines()
    assert lines[3].split() == ["all", "7", "3", "2", "0", "0", "0", "1", "1"]
