"""Many terminals on one daemon: what it adds to a purchase, what it costs, where it saturates, and that nothing is lost.

Four processes: the daemon (`ecrlan serve` on a journal on disk), the terminals, the callers, and this one, which takes payments through
`Register` directly for comparison. A purchase's time added is what its caller waited, less what the terminal took by its own clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecrlan.journal import JournalReader
from ecrlan.register import Register, Terminal
from tests.bench import probe
from tests.bench.peers import OPTIONS
from tests.bench.table import Series, number, render
from tests.daemon.process import TREE, DaemonProcess

THINK_SECONDS = 0.06
"""What a payment takes at a terminal of the load; three progress messages come meanwhile."""
RATES = (10, 25, 50, 75, 100, 125, 150, 175, 200, 250, 300, 400, 600, 800)
"""Purchases a second, stepped up until it saturates."""
HALF = 50.0
"""Per cent of one core."""
PROGRESS_MESSAGES = 3
EXTRA = "extra"
"""The terminal of the purchases through `Register`."""
HEADER = ("asked /s", "done /s", "CPU %", "p50 ms", "p99 ms", "events /s", "lost")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `half_seconds` is how long half load lasts, `step_seconds` each step before it."""

    terminals: int = 1000
    half_seconds: float = 60.0
    step_seconds: float = 6.0
    rates: tuple[float, ...] = RATES
    alone: int = 100
    """Purchases of each kind that are taken one after the other."""
    warm: int = 20
    probe_seconds: float = 10.0
    """How long half load lasts once more, while the daemon's loop is probed: that costs CPU of its own."""
    rounds: int = 4
    """In which the ones through HTTP and those through `Register` take turns."""


@dataclass(slots=True)
class Load:
    """What one run of purchases showed. Times in seconds."""

    asked: float
    done: float = 0.0
    cpu: float = 0.0
    """Per cent of one core that the daemon used."""
    cpu_each: float = 0.0
    """Milliseconds of CPU for each purchase."""
    added: list[float] = field(default_factory=list)
    events: int = 0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)

    def percentile(self, hundredths: int) -> float:
        """Milliseconds that so many of a hundred purchases stay below."""
        if len(self.added) < 2:
            return 0.0
        return statistics.quantiles(self.added, n=100, method="inclusive")[hundredths - 1] * 1e3

    @property
    def saturated(self) -> bool:
        return self.cpu > 95 or self.done < 0.9 * self.asked or self.percentile(99) > 1000

    def cells(self) -> tuple[str, ...]:
        figures = (self.asked, self.done, self.cpu, self.percentile(50), self.percentile(99), self.events / max(self.seconds, 1e-9))
        return (*(number(figure) for figure in figures), str(len(self.lost)))


class Peer:
    """A process that answers each line with a line of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, *words: str) -> AsyncIterator[Peer]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *words, cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**27
        )
        try:
            yield cls(process)
        finally:
            await process.communicate(b"")  # which closes its input

    async def read(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(await self.process.stdout.readline())

    async def ask(self, question: object = None) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        return await self.read()


@dataclass(slots=True)
class Shop:
    """A daemon with terminals and callers. `taken` counts its purchases; `lost` says in words what went wrong in any run."""

    daemon: DaemonProcess
    terminals: int
    house: Peer
    callers: Peer
    taken: int = 0
    lost: list[str] = field(default_factory=list)

    async def load(self, rate: float, count: int) -> Load:
        """Take `count` payments at `rate` a second; 0: one after the other."""
        cpu = cpu_seconds(self.daemon.pid)
        told = await self.callers.ask({"first": self.taken, "rate": rate, "count": count, "terminals": self.terminals})
        cpu = cpu_seconds(self.daemon.pid) - cpu
        self.taken += count
        load = Load(rate, count / told["seconds"], 100 * cpu / told["seconds"], 1e3 * cpu / count, seconds=told["seconds"])
        load.events = sum(told["kinds"].values())
        charges = {(terminal_id, cents): (stan, seconds) for terminal_id, cents, stan, seconds in await self.house.ask()}
        for reference, terminal, cents, outcome, stan, seconds in told["purchases"]:
            charged, took = charges.pop((terminal_id(int(terminal.rpartition("-")[2])), cents), ("", 0.0))
            progress, finals = told["events"][reference]
            if outcome != "approved" or stan != charged:
                load.lost.append(f"{reference}: {outcome} with STAN {stan}, charged with {charged or 'none'}")
            elif progress != PROGRESS_MESSAGES or finals < 1:
                load.lost.append(f"{reference}: {progress} progress messages and {finals} outcomes among the events")
            load.added.append(seconds - took)
        load.lost += [f"a charge without a purchase: {charge}" for charge in charges]
        self.lost += load.lost
        return load


@contextlib.asynccontextmanager
async def shop(folder: Path, ports: list[int], house: Peer) -> AsyncIterator[Shop]:
    await asyncio.to_thread(folder.mkdir)
    settings = {f"till-{each}": {"address": "127.0.0.1", "port": port, **options(each)} for each, port in enumerate(ports)}
    first = f"from tests.bench import probe; probe.install({str(folder)!r}); "
    async with await DaemonProcess.start(folder, settings, daemon={"health_interval": 60.0}, first=first) as daemon:
        await daemon.ready()
        async with Peer.start("tests.bench.callers", str(daemon.port), daemon.token) as callers:
            yield Shop(daemon, len(ports), house, callers)
        assert await daemon.stop() == 0, daemon.log[-2000:]


@contextlib.asynccontextmanager
async def terminals_house(think_seconds: float, count: int) -> AsyncIterator[tuple[Peer, list[int]]]:
    async with Peer.start("tests.bench.terminals", str(think_seconds), str(count)) as house:
        yield house, await house.read()


def options(each: int) -> dict[str, Any]:
    return {**OPTIONS, "terminal_id": terminal_id(each), "link": "dial"}


def terminal_id(each: int) -> str:
    return f"{10_000_000 + each:08}"


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far; 0 where the system has no /proc."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    words = stat.read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """KiB of memory that a process has; 0 where the system has no /proc."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((float(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0.0)


# --- what is measured ---------------------------------------------------------------------------------------------------------------


async def memory(folder: Path, purchases: int, house: Peer, port: int) -> tuple[float, float]:
    """KiB of a daemon as it starts, and after as many purchases as the big one has had then."""
    async with shop(folder, [port], house) as small:
        before = resident(small.daemon.pid)
        await small.load(0, purchases)
        assert not small.lost, small.lost[:5]
        return before, resident(small.daemon.pid)


async def direct(terminal: Terminal, house: Peer, count: int) -> list[float]:
    """Seconds that `Register` adds to each of `count` purchases."""
    loop, took = asyncio.get_running_loop(), []
    for _ in range(count):
        started = loop.time()
        operation = await terminal.purchase(650)
        took.append(loop.time() - started)
        assert operation.outcome is not None
        assert operation.outcome.outcome == "approved", operation
    return [seconds - charge[3] for seconds, charge in zip(took, await house.ask(), strict=True)]


async def steps(opened: Shop, plan: Plan) -> list[Load]:
    """Step the rate up until it saturates."""
    loads: list[Load] = []
    for rate in plan.rates:
        loads.append(await opened.load(rate, max(1, round(rate * plan.step_seconds))))
        if loads[-1].saturated:
            break
    return loads


def rate_at_half(loads: list[Load]) -> float:
    """Purchases a second at which the daemon uses half a core, between the steps around it."""
    below = Load(0.0)
    for load in loads:
        if load.cpu >= HALF:
            return below.asked + (load.asked - below.asked) * (HALF - below.cpu) / (load.cpu - below.cpu)
        below = load
    return below.asked


@dataclass(slots=True)
class Measures:
    loads: list[Load] = field(default_factory=list)
    half: Load = field(default_factory=lambda: Load(0.0))
    unused: float = 0.0
    used: float = 0.0
    through_http: list[float] = field(default_factory=list)
    through_register: list[float] = field(default_factory=list)
    longest_stop: float = 0.0
    """Milliseconds that the daemon's loop stood still at most."""
    lost: list[str] = field(default_factory=list)

    def series(self) -> list[Series]:
        register = median_ms(self.through_register)
        http = median_ms(self.through_http)
        best = max(load.done for load in self.loads)
        return [
            Series("time added at half load, p50", "ms", samples=[self.half.percentile(50)]),
            Series("time added at half load, p99", "ms", aim=50, samples=[self.half.percentile(99)]),
            Series("purchases at half load", "/s", samples=[self.half.done]),
            Series("CPU of one core at half load", "%", samples=[self.half.cpu]),
            Series("CPU per purchase at half load", "ms", samples=[self.half.cpu_each]),
            Series("purchases when saturated", "/s", samples=[best]),
            Series("one at a time: Register adds, p50", "ms", samples=[register]),
            Series("one at a time: the daemon adds, p50", "ms", samples=[http]),
            Series("one at a time: HTTP adds to Register", "ms", aim=5, samples=[http - register]),
            Series("memory per terminal, configured only", "KiB", samples=[self.unused]),
            Series("memory per idle terminal, line kept", "KiB", aim=60, samples=[self.used]),
            Series("the loop's longest stop at half load", "ms", aim=20, samples=[self.longest_stop]),
            Series("lost: charges, outcomes, events", "", aim=0, samples=[float(len(self.lost))]),
        ]


def median_ms(seconds: Iterable[float]) -> float:
    return statistics.median(seconds) * 1e3


async def measure(plan: Plan, folder: Path, say: Callable[[str], None]) -> Measures:
    measures = Measures()
    async with AsyncExitStack() as stack:
        quick, (quick_port,) = await stack.enter_async_context(terminals_house(0.0, 1))
        say("memory of a daemon with one terminal")
        small = await memory(folder / "small", plan.terminals, quick, quick_port)
        house, (*ports, extra) = await stack.enter_async_context(terminals_house(THINK_SECONDS, plan.terminals + 1))
        register = await stack.enter_async_context(Register(folder / "direct.db", backups=0))
        terminal = register.dial(EXTRA, "127.0.0.1", extra, **OPTIONS)
        opened = await stack.enter_async_context(shop(folder / "big", ports, house))
        big = resident(opened.daemon.pid)
        await opened.load(plan.warm, plan.terminals)  # each terminal once
        shares = max(1, plan.terminals - 1)
        measures.unused, measures.used = (big - small[0]) / shares, (resident(opened.daemon.pid) - small[1]) / shares
        say("one purchase at a time")
        await direct(terminal, house, 2)
        for _ in range(plan.rounds):
            share = max(1, plan.alone // plan.rounds)
            measures.through_register += await direct(terminal, house, share)
            measures.through_http += (await opened.load(0, share)).added
        say("steps")
        measures.loads = await steps(opened, plan)
        rate = rate_at_half(measures.loads)
        say(f"half load: {rate:.0f} purchases a second for {plan.half_seconds:g} s")
        measures.half = await opened.load(rate, max(2, round(rate * plan.half_seconds)))
        await probe.begin(folder / "big")
        await opened.load(rate, max(2, round(rate * plan.probe_seconds)))
        measures.longest_stop = await probe.longest_stop(folder / "big")
        measures.lost = opened.lost
    with JournalReader(folder / "big" / "till.db") as journal:
        approved = sum(entry.outcome == "approved" for entry in journal.each())
    if approved != opened.taken:
        measures.lost.append(f"{opened.taken} purchases were taken, and the journal has {approved}")
    return measures


def ladder(loads: Iterable[Load]) -> str:
    rows = [HEADER, *(load.cells() for load in loads)]
    return "\n".join("  ".join(cell.rjust(10) for cell in row).rstrip() for row in rows)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop that the daemon takes, too."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def run(plan: Plan, folder: str | None = None, say: Callable[[str], None] = lambda _: None) -> str:
    with tempfile.TemporaryDirectory(dir=folder) as made, asyncio.Runner(loop_factory=loop_factory()) as runner:
        measures = runner.run(measure(plan, Path(made), say))
    loop = "uvloop" if loop_factory() is not None else "asyncio"
    note = f"{plan.rounds} rounds one at a time; {plan.terminals} terminals that take {THINK_SECONDS * 1e3:g} ms; health polls every 60 s; "
    note += f"half load: {len(measures.half.added)} purchases in {measures.half.seconds:.0f} s; Python {sys.version.split()[0]}, {loop}."
    table = render("daemon: purchases over HTTP, each with 3 progress messages", measures.series(), note)
    return "\n".join([table, "", "Added times by rate:", ladder([*measures.loads, measures.half]), *measures.lost[:10]])
