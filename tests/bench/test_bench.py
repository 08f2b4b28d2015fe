"""The benchmarks run and print their tables. Never a time: that is what they are for, on a quiet machine."""

from __future__ import annotations

from tests.bench import exchange, journal
from tests.bench.table import HEADER, Series, render


def rows(table: str) -> list[str]:
    title, empty, header, line, *measured, last, note = table.splitlines()
    assert title
    assert empty == last == ""
    assert header.split() == " ".join(HEADER).split()
    assert set(line) == {"-"}
    assert "rounds" in note
    return measured


def test_exchange():
    measured = rows(exchange.run(rounds=2, count=3))
    assert [row.split("  ")[0] for row in measured] == [
        "raw asyncio Protocol, per purchase",
        "raw BufferedProtocol, per purchase",
        "Register(journal=None), per purchase",
        "codec alone: build P and its frame",
        "codec alone: read the frame, parse E",
        "python -c pass",
        "import ecrlan",
        "import ecrlan, Register",
        "ecrlan --version",
    ]
    assert sum(row.endswith(("met", "missed")) for row in measured) == 5


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


def test_a_table_says_what_was_aimed_at():
    base = Series("base", samples=[2.0, 4.0, 3.0])
    table = render("title", [base, Series("twice", against=base, aim=1.4, samples=[4.0, 8.0, 6.0])], "3 rounds")
    assert rows(table)[1].split() == ["twice", "6", "µs", "5", "..", "7", "2.00", "2", "..", "2", "<=", "1.4", "missed"]
    assert Series("fast", aim=20, at_least=True, samples=[21.0]).met
    assert not Series("slow", aim=20, at_least=True, samples=[19.0]).met
