"""Tills that are killed at random moments, and the comparison of their journals with what the terminal did.

Several lanes run side by side in one event loop, each with a terminal, a journal and one till process after the other. `python -m
tests.faults.kills KILLS SEED` is a longer run.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.journal import Entry, Journal
from ecrlan.model import Approved, Code, read_evidence, verbatim
from ecrlan.protocol.records import operation_of_entry
from ecrlan.texts import words

if TYPE_CHECKING:
    from ecrlan.emulator.ledger import Charge

TREE = Path(__file__).parents[2]
LANES = 4
FIRST_AMOUNT = 1_000_00
"""Above the amounts that choose an outcome; every operation has an amount of its own, so that the ledger tells whose a charge is."""
FAULTS = ("silent", "drop_before_ack", "drop_after_ack", "drop_then_charge", "drop_after_charge", "cut_result", "no_result", "hang", "nak")
DECLINED_AMOUNTS = (90_01, 90_06)
PATIENCE = 30.0
"""Seconds that one till may take to tell what it was asked."""
START_SECONDS = 0.6
"""About what a till needs from its start to its first question, on a busy machine."""


class WrongError(AssertionError):
    """The journal says what is not so."""


@dataclass(slots=True)
class Asked:
    """One operation that a till was asked for.

    `target` is the STAN that it voids, `truth` what a person said of it (None: nobody), `problem` why it was refused.
    """

    kind: str
    reference: str
    amount: int = 0
    target: str = ""
    told: str | None = None
    truth: str | None = None
    problem: str = ""

    @property
    def command(self) -> str:
        return f"{self.kind}:{self.reference}:{self.target or self.amount}"


def charges_of(asked: Asked, ledger: Iterable[Charge]) -> list[Charge]:
    """Return what the terminal did for this operation."""
    entries = list(ledger)
    if asked.kind == "void":
        targets = {entry.number for entry in entries if entry.stan == asked.target}
        return [entry for entry in entries if entry.voids in targets]
    return [entry for entry in entries if entry.kind.value == asked.kind and entry.amount == asked.amount]


def problems(asked: Mapping[str, Asked], journal: Mapping[str, Entry], ledger: Iterable[Charge]) -> list[str]:
    """Return in words whatever the journal says that is not so, or does not say."""
    entries = list(ledger)
    found = [problem for one in asked.values() for problem in _problems_of(one, journal.get(one.reference), charges_of(one, entries))]
    explained = {charge.number for one in asked.values() for charge in charges_of(one, entries)}
    found += [f"a charge without an operation: {charge}" for charge in entries if charge.number not in explained]
    return found + [f"an operation that nobody asked for: {reference}" for reference in journal.keys() - asked.keys()]


def _problems_of(asked: Asked, entry: Entry | None, charges: list[Charge]) -> list[str]:
    name = f"{asked.reference} ({asked.kind} of {asked.amount})"
    found = [f"{name}: {len(charges)} charges under one reference"] if len(charges) > 1 else []
    if entry is None:
        if charges:
            found.append(f"{name}: a charge without an operation")
        if asked.told not in (None, "refused"):
            found.append(f"{name}: told {asked.told}, and the journal has lost it")
        return found
    outcome = operation_of_entry(entry).outcome
    said = outcome.outcome if outcome is not None else None
    if asked.told not in (None, "refused", "unresolved", said) and asked.truth is None:
        found.append(f"{name}: told {asked.told}, and the journal says {said}")
    if isinstance(outcome, Approved) and not charges:
        found.append(f"{name}: approved, and nothing was charged")
    if isinstance(outcome, Approved) and charges and outcome.stan not in (None if asked.truth else charges[0].stan, charges[0].stan):
        found.append(f"{name}: approved with STAN {outcome.stan}, charged with {charges[0].stan}")
    if said in ("declined", "not_performed") and charges:
        found.append(f"{name}: {said}, and it was charged")
    return found


# --- figures ------------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Figures:
    """What one lane, or all of them, saw."""

    kills: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    """What the kills have cut off."""
    unproved: Counter[str] = field(default_factory=Counter)
    """Why operations were left unresolved."""
    wrong: int = 0

    def add(self, other: Figures) -> None:
        self.kills += other.kills
        self.outcomes += other.outcomes
        self.found += other.found
        self.unproved += other.unproved
        self.wrong += other.wrong

    def row(self) -> list[str]:
        names = ("approved live", "approved by recovery", "declined", "not performed", "unresolved")
        return [str(cell) for cell in (self.kills, self.outcomes.total(), *(self.outcomes[name] for name in names), self.wrong)]


HEAD = ("trust", "kills", "operations", "approved live", "by recovery", "declined", "not performed", "unresolved", "wrong")


def table(rows: Mapping[str, Figures]) -> str:
    """Return the figures for people."""
    everything = Figures()
    for figures in rows.values():
        everything.add(figures)
    lines = [HEAD, *((name, *figures.row()) for name, figures in rows.items()), ("all", *everything.row())]
    states, reasons = (
        ", ".join(f"{name} {count}" for name, count in some.most_common()) for some in (everything.found, everything.unproved)
    )
    text = "\n".join("  ".join(cell.rjust(len(head)) for cell, head in zip(line, HEAD, strict=True)) for line in lines)
    return f"{text}\nkilled: {states}\nunresolved: {reasons or 'none'}"


def class_of(entry: Entry, asked: Asked) -> str:
    """Return under which head of the table the operation's end falls."""
    if asked.truth is not None or entry.outcome is None or entry.outcome == "unresolved":
        return "unresolved"
    if entry.outcome == "not_performed":
        return "not performed"
    late = any(event.name == "answered" and event.data["late"] for event in entry.events)
    return entry.outcome if entry.outcome != "approved" else ("approved by recovery" if late else "approved live")


# --- a till's process ---------------------------------------------------------------------------------------------------------------


class Conversation:
    """What a lane asks of a till, and is told."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def ended(self) -> str:
        """Why nothing more will be told; empty while something may be."""
        raise NotImplementedError

    def send(self, command: str) -> None:
        """Ask for what `tests.faults.till` calls so."""
        raise NotImplementedError

    async def until_told(self, asked: Iterable[Asked]) -> None:
        """Wait until these are told. Raises `WrongError` where the till does not come to it."""
        waited = list(asked)
        try:
            async with asyncio.timeout(PATIENCE):
                while any(one.told is None for one in waited) and not self.ended:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise WrongError(f"not told within {PATIENCE:g} s: {[one.command for one in waited if one.told is None]}") from None
        if left := [one.command for one in waited if one.told is None]:
            raise WrongError(f"the till {self.ended} and left {left}")


class Process(Conversation):
    """One till process."""

    def __init__(self, process: asyncio.subprocess.Process, told: dict[str, Asked]) -> None:
        super().__init__()
        self._process = process
        self._asked = told
        self._reading = asyncio.create_task(self._read())

    @property
    def ended(self) -> str:
        return f"ended by itself ({self._process.returncode})" if self._reading.done() else ""

    @classmethod
    async def start(cls, path: Path, port: int, asked: dict[str, Asked], *words: str) -> Process:
        arguments = ("-m", "tests.faults.till", str(path), str(port), *words)
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return cls(process, asked)

    def send(self, command: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(f"{command}\n".encode())

    async def kill(self) -> None:
        """Kill it, and take what it had told before."""
        self._process.kill()
        await self._ended()

    async def end(self) -> int:
        """Let it come to its own end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await self._ended()
        return self._process.returncode or 0

    async def _ended(self) -> None:
        await self._process.wait()
        await self._reading
        if self._process.stdin is not None:
            with suppress(ConnectionError, BrokenPipeError):
                self._process.stdin.close()
                await self._process.stdin.wait_closed()

    async def _read(self) -> None:
        stream = self._process.stdout
        while stream is not None and (line := await stream.readline()):
            if not line.endswith(b"\n"):
                break  # killed in the middle of a word: nothing was told
            word, *rest = line.decode().split() or [""]
            if word == "ready":
                self.ready.set()
            elif word not in ("told", "refused") or len(rest) < 2:
                raise WrongError(f"a till said {line!r}")
            elif rest[0] in self._asked:
                self._asked[rest[0]].told = rest[1] if word == "told" else "refused"
                self._asked[rest[0]].problem = rest[1] if word == "refused" else ""
            self._changed.set()
        self.ready.set()
        self._changed.set()


# --- a lane -------------------------------------------------------------------------------------------------------------------------


class Lane:
    """One terminal, one journal, and the tills that die on it."""

    start_seconds = START_SECONDS
    think_seconds = 0.006
    request_seconds = 0.014
    """From a request at the terminal: within them the till is killed."""
    asked_seconds = 0.03
    """The same from when the till was asked."""
    result_share = 0.0
    """How many of the kills near a request wait for its result instead."""
    result_seconds = 0.004
    """From a result at the terminal."""

    def __init__(self, name: str, folder: Path, *, trust: bool, terminal_id: str = "37105051") -> None:
        self.name = name
        self.trust = trust
        self.random = Random(name)
        self.path = folder / "till.db"
        self.terminal = EmulatedTerminal(
            terminal_id,
            clock=lambda: datetime.now(UTC),
            think_seconds=self.think_seconds,
            late_seconds=0.3,
            progress=("INSERIRE CARTA", "ATTENDERE"),
        )
        self.asked: dict[str, Asked] = {}
        self.figures = Figures()
        self._requests = 0
        self._results = 0
        self._shown = asyncio.Event()

    async def run(self, kills: int) -> None:
        """Kill `kills` tills one after the other, then let one finish everything. Raises `WrongError`."""
        async with EmulatorServer(self.terminal, on_frames=self.frame) as server:
            while self.figures.kills < kills:
                await self._round(server.port)
            await self._last_round(server.port)

    def frame(self, direction: str, raw: bytes) -> None:
        """Take note of a frame at the terminal."""
        if direction == ">" and raw[:1] == b"\x02" and raw[10:11] in b"XPSp":
            self._requests += 1
            self._shown.set()
        elif direction == "<" and raw[:1] == b"\x02":
            self._results += 1
            self._shown.set()

    async def _start(self, port: int) -> Process:
        return await Process.start(self.path, port, self.asked, f"trust_unchanged_result={int(self.trust)}")

    async def _round(self, port: int) -> None:
        process = await self._start(port)
        try:
            await self.until_the_moment(process)
        finally:
            await process.kill()
        self.figures.kills += 1
        self.terminal.faults.clear()
        self.check(count=True)

    async def until_the_moment(self, process: Conversation) -> None:
        if self.random.random() < 0.25:  # while it starts and recovers
            for one in self._pending():
                process.send(one.command)
            self._ask_new(process)
            await asyncio.sleep(self.random.uniform(0.3, 1.0) * self.start_seconds)
            return
        await process.ready.wait()
        await self._settle(process)
        before, results = self._requests, self._results
        if self.random.random() < 0.3:
            self.terminal.faults.set(self.random.choice(FAULTS))
        count = self._ask_new(process)
        if self.random.random() < 0.7:  # near a request
            wanted = self.random.randint(1, count)
            if self.result_share and self.random.random() < self.result_share:
                await self._until_shown(lambda: self._results >= results + wanted)
                await asyncio.sleep(self.random.uniform(0.0, self.result_seconds))
                return
            await self._until_shown(lambda: self._requests >= before + wanted)
            await asyncio.sleep(self.random.uniform(0.0, self.request_seconds))
        else:
            await asyncio.sleep(self.random.uniform(0.0, self.asked_seconds))

    async def _until_shown(self, shown: Callable[[], bool]) -> None:
        """Wait, but not for long: a fault may keep the terminal from ever showing it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while not shown():
                    self._shown.clear()
                    await self._shown.wait()

    def _pending(self) -> list[Asked]:
        """Return what nobody knows the outcome of; the same references are asked for again."""
        return [one for one in self.asked.values() if one.told in (None, "refused", "unresolved")]

    async def _settle(self, process: Conversation) -> None:
        """Ask for everything again until it is told; a person settles what stays unresolved, and then others are not refused any more."""
        while pending := self._pending():
            for one in pending:
                await self._settle_one(process, one)
            if len(left := self._pending()) == len(pending):
                raise WrongError(f"refused, although nothing is unresolved: {[f'{one.command} ({one.problem})' for one in left]}")

    async def _settle_one(self, process: Conversation, one: Asked) -> None:
        one.told = None
        process.send(one.command)
        await process.until_told([one])
        if one.told == "unresolved":
            await self._at_rest()
            one.truth = "approved" if charges_of(one, self.terminal.ledger) else "not_performed"
            one.told = None
            process.send(f"resolve:{one.reference}:{one.truth}")
            await process.until_told([one])

    def _ask_new(self, process: Conversation) -> int:
        """Ask for new operations, and return how many."""
        count = self.random.randint(1, 3)
        for _ in range(count):
            number = len(self.asked)
            one = self._void(number) or Asked(
                kind=self.random.choice(("purchase", "purchase", "purchase", "preauthorize")),
                reference=f"{self.name}-{number}",
                amount=self.random.choice(DECLINED_AMOUNTS) if self.random.random() < 0.1 else FIRST_AMOUNT + number,
            )
            self.asked[one.reference] = one
            process.send(one.command)
        return count

    def _void(self, number: int) -> Asked | None:
        """Void the terminal's last payment, now and then; nothing is voided twice."""
        last = self.terminal.payments.last_payment
        taken = {one.target for one in self.asked.values()}
        if last is None or last.stan in taken or self.random.random() > 0.3:
            return None
        return Asked(kind="void", reference=f"{self.name}-{number}", amount=last.amount, target=last.stan)

    async def _at_rest(self) -> None:
        """Let the terminal finish what a till has begun."""
        async with asyncio.timeout(PATIENCE):
            while not self.terminal.idle:  # noqa: ASYNC110  # an emulated terminal tells nobody
                await asyncio.sleep(0.002)

    async def _last_round(self, port: int) -> None:
        process = await self._start(port)
        await self.finish(process)
        if code := await process.end():
            raise WrongError(f"the last till ended with {code}")
        await self.sum_up()

    async def finish(self, process: Conversation) -> None:
        """Ask for everything once more."""
        await process.ready.wait()
        await self._settle(process)
        for one in self.asked.values():
            one.told = None
            process.send(one.command)
        await process.until_told(self.asked.values())

    async def sum_up(self) -> None:
        """Compare journal and ledger for the last time, and count how everything ended."""
        await self._at_rest()
        journal = self.check(count=False)
        for reference, one in self.asked.items():
            self.figures.outcomes[class_of(journal[reference], one)] += 1
            if one.truth is not None:
                self.figures.unproved[self._why(journal[reference])] += 1

    def _why(self, entry: Entry) -> str:
        """Say why there was no proof. Raises `WrongError` where there was."""
        known = (read_evidence(event.data, "evidence") for event in entry.events if event.data.get("outcome") == "unresolved")
        evidence = next(known, None) or verbatim(Code.PROSE, "no evidence")
        names = {event.name for event in entry.events}
        if "refused" in names:
            return "refused (NAK), and killed before the next transmission's end"
        if evidence.code in (Code.NOT_ASKED, Code.NO_LAST_RESULT_FOR):
            return "the terminal could not be asked"  # a busy machine: the longest payment is over within 0.4 s here
        if evidence.code is Code.TOO_SOON:
            return "approved sooner than a person with a card can, after another lost one"
        if evidence.code is not Code.UNCHANGED:
            raise WrongError(f"lane {self.name}: {entry.reference} is left unresolved needlessly: {words(evidence)}")
        heard = bool(names & {"accepted", "progress"})
        if self.trust and not heard:
            raise WrongError(f"lane {self.name}: {entry.reference} is left unresolved needlessly: {words(evidence)}")
        return "the last result is unchanged, and the request met an ACK" if heard else "the last result is unchanged, which is not trusted"

    def check(self, *, count: bool) -> dict[str, Entry]:
        """Compare the journal with the ledger, and return its entries. Raises `WrongError`."""
        journal = self.entries()
        if count:
            self.figures.found[self._moment(journal)] += 1
        found = problems(self.asked, journal, self.terminal.ledger)
        if found:
            self.figures.wrong += len(found)
            raise WrongError(f"lane {self.name}, after {self.figures.kills} kills:\n" + "\n".join(found))
        return journal

    def entries(self) -> dict[str, Entry]:
        """Return what the journal has of this lane."""
        if not self.path.exists() or not self.path.stat().st_size:
            return {}
        with Journal.reader(self.path) as reader:
            return {entry.reference: entry for entry in reader.each()}

    def _moment(self, journal: Mapping[str, Entry]) -> str:
        """Say what the kill has cut off."""
        newest = next(reversed(journal.values()), None)
        asked = self.asked.get(newest.reference) if newest is not None else None
        if newest is None or asked is None or asked.told not in (None, "refused"):
            return "between operations"
        if newest.outcome is not None:
            return "outcome written, not told"
        return "charged, result not written" if charges_of(asked, self.terminal.ledger) else "request written, not charged"


async def run_lanes(kills: int, seed: int, folder: Path) -> dict[str, Figures]:
    """Kill `kills` tills, and return the figures by setting. Raises `WrongError` with the seed in its lanes' names."""
    lanes = [Lane(f"seed{seed}-lane{number}", folder / f"lane{number}", trust=bool(number % 2)) for number in range(LANES)]
    shares = [kills // LANES + (number < kills % LANES) for number in range(LANES)]
    for lane in lanes:
        lane.path.parent.mkdir()
    await asyncio.gather(*(lane.run(share) for lane, share in zip(lanes, shares, strict=True)))
    rows: dict[str, Figures] = {}
    for lane in lanes:
        rows.setdefault("yes" if lane.trust else "no", Figures()).add(lane.figures)
    return rows


if __name__ == "__main__":
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        print(table(asyncio.run(run_lanes(int(sys.argv[1]), int(sys.argv[2]), Path(made)))))
    print(f"{time.monotonic() - began:.0f} s")
