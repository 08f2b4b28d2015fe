"""Durable purchases at one and at many terminals, beside bare SQLite commits and raw exchanges."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from ecrlan.journal import Journal
from ecrlan.register import Register, Terminal
from tests.bench.exchange import purchases
from tests.bench.peers import OPTIONS, connect, responders
from tests.bench.table import Series, render

LONGEST = 45.0
"""Seconds after which no further round begins."""
SLOW_COMMIT = 0.010


class Shop:
    """Some terminals of one register, on a journal of their own."""

    def __init__(self, terminals: list[Terminal], journal: Journal) -> None:
        self.terminals = terminals
        self.journal = journal
        self.share = 0

    async def work(self, times: int) -> None:
        """Perform about `times` purchases, the terminals side by side; the last ones' unhurried records too."""
        self.share = max(1, times // len(self.terminals))
        await asyncio.gather(*(purchases(terminal, self.share) for terminal in self.terminals))

    @property
    def done(self) -> int:
        return self.share * len(self.terminals)


@contextlib.asynccontextmanager
async def shop(path: Path, ports: list[int], commit_delay: Callable[[], None] | None = None) -> AsyncIterator[Shop]:
    """A register with a terminal, of its own TID, at each port."""
    journal = Journal(path, synchronous="FULL", commit_delay=commit_delay)
    try:
        async with Register(journal) as register:
            terminals = [
                register.dial(f"till-{number}", "127.0.0.1", port, **(OPTIONS | {"terminal_id": f"{10_000_000 + number}"}))
                for number, port in enumerate(ports)
            ]
            opened = Shop(terminals, journal)
            await opened.work(len(ports))  # lines are dialled, baselines asked
            yield opened
    finally:
        journal.close()


def bare_commits(path: Path, count: int) -> float:
    """Commits a second of one row each, as the journal's settings are."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY AUTOINCREMENT, data TEXT)")
        connection.execute("INSERT INTO rows (data) VALUES ('first')")
        started = time.perf_counter()
        for _ in range(count):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO rows (data) VALUES (?)", ("x" * 400,))
            connection.execute("COMMIT")
        return count / (time.perf_counter() - started)


def tills(number: int) -> str:
    return "1 terminal" if number == 1 else f"{number} terminals"


class Measures:
    def __init__(self, many: int) -> None:
        self.bare = Series("bare SQLite FULL commits", "/s")
        self.raw_rate = Series("raw asyncio exchanges, 1 line", "/s")
        self.raw_cpu = Series("raw asyncio exchange, CPU")
        self.rates: dict[int, Series] = {}
        self.commits: dict[int, Series] = {}
        self.cpu: dict[int, Series] = {}
        for terminals, aim in ((1, 2.2), (many, 0.25)):
            self.rates[terminals] = Series(f"durable purchases, {tills(terminals)}", "/s")
            self.commits[terminals] = Series(f"commits per purchase, {tills(terminals)}", "", aim=aim)
            self.cpu[terminals] = Series(f"CPU per durable purchase, {tills(terminals)}", against=self.raw_cpu, aim=8)
        self.rates[many].against = self.rates[1]
        self.slow = Series(f"commits of {SLOW_COMMIT * 1e3:g} ms: purchases, 1 terminal", "/s")
        self.slow_many = Series(
            f"commits of {SLOW_COMMIT * 1e3:g} ms: purchases, {tills(many)}", "/s", against=self.slow, aim=20, at_least=True
        )

    @property
    def all(self) -> list[Series]:
        return [
            self.bare,
            self.raw_rate,
            self.raw_cpu,
            *self.rates.values(),
            *self.commits.values(),
            *self.cpu.values(),
            self.slow,
            self.slow_many,
        ]


async def measure(rounds: int, count: int, ports: list[int], folder: Path) -> Measures:
    many = len(ports)
    measures = Measures(many)
    client = await connect(ports[0])
    end = time.monotonic() + LONGEST
    async with contextlib.AsyncExitStack() as stack:
        shops = {number: await stack.enter_async_context(shop(folder / f"{number}.db", ports[:number])) for number in (1, many)}

        def slowly() -> None:
            time.sleep(SLOW_COMMIT)

        slow = await stack.enter_async_context(shop(folder / "slow.db", ports[:1], slowly))
        slow_many = await stack.enter_async_context(shop(folder / "slow-many.db", ports, slowly))
        for number in range(rounds):
            if number and time.monotonic() > end:
                break
            measures.bare.samples.append(bare_commits(folder / "bare.db", count))
            started, cpu = time.perf_counter(), time.process_time()
            await client.exchange(count)
            measures.raw_rate.samples.append(count / (time.perf_counter() - started))
            measures.raw_cpu.samples.append((time.process_time() - cpu) / count * 1e6)
            for terminals, opened in shops.items():
                opened.journal.flush()
                commits, started, cpu = opened.journal.commits, time.perf_counter(), time.process_time()
                await opened.work(count)
                measures.rates[terminals].samples.append(opened.done / (time.perf_counter() - started))
                opened.journal.flush()  # the commit of what rode along belongs to these purchases
                measures.cpu[terminals].samples.append((time.process_time() - cpu) / opened.done * 1e6)
                measures.commits[terminals].samples.append((opened.journal.commits - commits) / opened.done)
            for series, opened, times in ((measures.slow, slow, max(1, count // 20)), (measures.slow_many, slow_many, count)):
                started = time.perf_counter()
                await opened.work(times)
                series.samples.append(opened.done / (time.perf_counter() - started))
    client.transport.close()
    return measures


def run(rounds: int, count: int, many: int = 64, folder: str | None = None) -> str:
    with tempfile.TemporaryDirectory(dir=folder) as made, responders(many) as ports:
        measures = asyncio.run(measure(rounds, count, ports, Path(made)))
        note = f"{len(measures.bare.samples)} interleaved rounds of {count}; journals in {made}; Python {sys.version.split()[0]}."
    return render("journal: durable purchases, kept lines, instant answers", measures.all, note)
