"""The benchmarks run and print their tables. Never a time: that is what they are for, on a quiet machine."""

from __future__ import annotations

import asyncio
import os

import pytest

from ecrlan.model import ExtendedPurchaseRequest, PurchaseRequest
from tests.bench import by_hand, daemon, exchange, journal, responder
from tests.bench.table import HEADER, Series, render


def rows(table: str) -> list[str]:
    title, empty, header, line, *measured, last, note = table.splitlines()
    assert title
    assert empty == last == ""
    assert header.split() == " ".join(HEADER).split()
    assert set(line) == {"-"}
    assert "rounds" in note
    return measured


@pytest.mark.long
def test_exchange():
    measured = rows(exchange.run(rounds=2, count=3))
    assert [row.split("  ")[0] for row in measured] == [
        "raw asyncio Protocol, per purchase",
        "raw BufferedProtocol, per purchase",
        "Register(journal=None), per purchase",
        "slices by hand: build P and its frame",
        "codec alone: build P and its frame",
        "slices by hand: read the frame, parse E",
        "codec alone: read the frame, parse E",
        "python -c pass",
        "import ecrlan",
        "import ecrlan, Register",
        "ecrlan --version",
    ]
    assert sum(row.endswith(("met", "missed")) for row in measured) == 5


@pytest.mark.parametrize("kind", [PurchaseRequest, ExtendedPurchaseRequest])
def test_what_is_written_by_hand_does_the_same_work(kind):
    for request in (
        kind(amount=650),
        kind(terminal_id="37105051", amount=99_999_999, card_present=True, payment_type=2, receipt_text="a b"),
    ):
        assert by_hand.build(request) == exchange.build(request)
    frame = responder.result(b"37105051")
    assert by_hand.parse(frame) == exchange.parse(frame)
    with pytest.raises(ValueError, match="no frame"):
        by_hand.parse(frame[:-1] + b"0")


@pytest.mark.long
def test_journal(tmp_path):
    measured = rows(journal.run(rounds=2, count=4, many=3, folder=str(tmp_path)))
    assert [row.split("  ")[0] for row in measured] == [
        "bare SQLite FULL commits",
        "raw asyncio exchanges, 1 line",
        "raw asyncio exchange, CPU",
        "durable purchases, 1 terminal",
        "durable purchases, 3 terminals",
        "commits per purchase, 1 terminal",
        "commits per purchase, 3 terminals",
        "CPU per durable purchase, 1 terminal",
        "CPU per durable purchase, 3 terminals",
        "commits of 10 ms: purchases, 1 terminal",
        "commits of 10 ms: purchases, 3 terminals",
    ]
    assert sum(row.endswith(("met", "missed")) for row in measured) == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_daemon(tmp_path):
    plan = daemon.Plan(terminals=3, half_seconds=0.4, probe_seconds=0.4, step_seconds=0.4, rates=(15, 30), alone=4, warm=15, rounds=2)
    table, ladder = daemon.run(plan, folder=str(tmp_path)).split("\n\nAdded times by rate:\n")
    measured = rows(table)
    assert [row.split("  ")[0] for row in measured] == [
        "time added at half load, p50",
        "time added at half load, p99",
        "purchases at half load",
        "CPU of one core at half load",
        "CPU per purchase at half load",
        "purchases when saturated",
        "one at a time: Register adds, p50",
        "one at a time: the daemon adds, p50",
        "one at a time: HTTP adds to Register",
        "memory per terminal, configured only",
        "memory per idle terminal, line kept",
        "the loop's longest stop at half load",
        "lost: charges, outcomes, events",
    ]
    assert sum(row.endswith(("met", "missed")) for row in measured) == 5
    assert float(measured[-2].split()[-6]) > 0, measured[-2]
    assert measured[-1].split()[-4:] == ["0", "<=", "0", "met"]
    loads = [line.split() for line in ladder.splitlines()[1:]]
    assert 2 <= len(loads) <= 3
    assert all(load[-1] == "0" for load in loads)
    assert list(tmp_path.iterdir()) == []


def test_half_load_and_saturation():
    """Half load lies between the steps around it; a step is saturated by its rate, its CPU or its slowest purchases."""
    loads = [daemon.Load(10, done=10, cpu=20), daemon.Load(20, done=20, cpu=40), daemon.Load(40, done=40, cpu=80)]
    assert daemon.rate_at_half(loads) == 25
    assert daemon.rate_at_half(loads[:2]) == 20
    assert not loads[1].saturated
    assert daemon.Load(40, done=30, cpu=50).saturated
    assert daemon.Load(40, done=40, cpu=99).saturated
    assert daemon.Load(40, done=40, cpu=50, added=[0.01, 1.5, 1.5]).saturated


class Told(daemon.Peer):
    """A process that answers everything with the same."""

    def __init__(self, answer):
        self.answer = answer

    async def ask(self, question=None):
        return self.answer


class Here:
    pid = os.getpid()


def test_what_is_lost_is_found():
    good = ["bench-0", "till-0", 1, "approved", "000001", 0.1]
    charge = [daemon.terminal_id(0), 1, "000001", 0.06]
    told = {"seconds": 1.0, "purchases": [good], "events": {"bench-0": [3, 1]}, "kinds": {"progress": 3, "operation": 3}}

    def lost(charges, **other):
        shop = daemon.Shop(Here(), 1, house=Told(charges), callers=Told({**told, **other}))
        load = asyncio.run(shop.load(10, 1))
        assert [round(added, 6) for added in load.added] == [round(0.1 - (charges[0][3] if charges else 0), 6)]
        return shop.lost

    assert lost([charge]) == []
    assert lost([]) == ["bench-0: approved with STAN 000001, charged with none"]
    assert "charged with 000002" in lost([[*charge[:2], "000002", 0.06]])[0]
    assert lost([charge, [*charge[:1], 2, "000002", 0.06]]) == ["a charge without a purchase: ('10000000', 2)"]
    assert lost([charge], events={"bench-0": [2, 1]}) == ["bench-0: 2 progress messages and 1 outcomes among the events"]
    assert lost([charge], events={"bench-0": [3, 0]}) == ["bench-0: 3 progress messages and 0 outcomes among the events"]
    assert "unresolved" in lost([charge], purchases=[[*good[:3], "unresolved", None, 0.1]])[0]


def test_a_table_says_what_was_aimed_at():
    base = Series("base", samples=[2.0, 4.0, 3.0])
    table = render("title", [base, Series("twice", against=base, aim=1.4, samples=[4.0, 8.0, 6.0])], "3 rounds")
    assert rows(table)[1].split() == ["twice", "6", "µs", "5", "..", "7", "2.00", "2", "..", "2", "<=", "1.4", "missed"]
    assert Series("fast", aim=20, at_least=True, samples=[21.0]).met
    assert not Series("slow", aim=20, at_least=True, samples=[19.0]).met
