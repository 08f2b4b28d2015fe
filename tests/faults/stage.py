"""Plays one schedule, and compares what the journal says afterwards with what the terminal did."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ecrlan.emulator import EmulatedTerminal
from ecrlan.emulator.ledger import Charge
from ecrlan.errors import EcrlanError
from ecrlan.journal import Entry, Journal
from ecrlan.model import Approved, Declined, Done, NotPerformed, Operation, Outcome, Unresolved
from ecrlan.register import Register, TerminalSettings
from ecrlan.register.records import operation_of_entry
from ecrlan.wire.mask import mask_message
from tests.faults.network import ADDRESS, PORT
from tests.faults.schedule import MONEY, SAME_AMOUNT, Ask, Disturbance, Past, Schedule, Settings, draw, draw_more
from tests.faults.table import Left, Report
from tests.faults.world import Disk, Life, World, WrongError

NAME = "till-1"
LONGEST_WAIT = 1300.0
"""Seconds after which whatever was asked for must have its outcome: every limit, the longest payment, every question for `G`."""
_OLDER = re.compile("known already|once more")
"""In the reason of a stray that is certainly not the answer."""
LOOKS_AFTER = 700.0
"""Seconds after which a person is sure that nothing more comes of an order."""


@dataclass(slots=True)
class Truth:
    """What the terminal did for one order's requests."""

    entries: list[Charge] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)
    requests: int = 0


class Stage:
    """One world with its plan."""

    def __init__(self, seed: int, settings: Settings, folder: Path) -> None:
        random = Random(seed)
        self.settings = settings
        self.plan: Schedule = draw(random, settings)
        if not isinstance(seed, Past):
            draw_more(Random(f"more of {seed}"), settings, self.plan)
        self.path = folder / "till.db"
        self.disk = Disk()
        self.terminal = EmulatedTerminal(clock=self._terminal_clock, first_stan=self.plan.first_stan, **self.plan.behaviour)
        self.world = World(random, self.terminal)
        self.register: Register | None = None
        self.truth: defaultdict[int, Truth] = defaultdict(Truth)
        self.meant: dict[bytes, int] = {}
        """Whose result a message is."""
        self.told: list[tuple[Ask, Operation]] = []
        self.wrong: list[str] = []
        self.kills = 0
        self.by_hand = 0
        self.clock_error = timedelta()
        self._watch_terminal()

    def _terminal_clock(self) -> Any:
        return self.world.clock() + timedelta(seconds=self.plan.skew)

    def _register_clock(self) -> datetime:
        return self.world.clock() + self.clock_error

    # --- playing ------------------------------------------------------------------------------------------------------------------

    def play(self) -> Report:
        """Play the plan to its end, and check it."""
        world, plan = self.world, self.plan
        world.weather.latency = plan.latency
        for number in range(plan.history):
            self.terminal.charge_by_hand(SAME_AMOUNT + number, 0.0)
        self._start_process()
        if plan.dials is not None:
            world.host.start_dialling(plan.dials)
        for ask in plan.asks:
            if ask.person:
                world.at(ask.at, self._person_looks)
            world.at(ask.at, self._disturb, ask)
            world.at(ask.at, self._ask, ask, True)
            for again in ask.again:
                world.at(ask.at + again, self._ask, ask, False)
        last = max(ask.at + max(ask.again, default=0.0) for ask in plan.asks)
        world.run(last + 500.0)
        self._calm()
        world.run(world.now + LONGEST_WAIT)
        if plan.late_restart and world.life is not None:
            self._kill("the end of the day", 0.0)
            world.run(world.now + LONGEST_WAIT)
        if world.life is not None:
            world.life.on_death = None
            world.life.die("the end")
            world.run(world.now + 1.0)
        return self._check()

    def _calm(self) -> None:
        self.world.weather.clear()
        self.terminal.faults.clear()
        if self.world.life is not None:
            self.world.life.kill_in = None

    def _start_process(self) -> None:
        if self.world.life is not None:
            return
        life = self.world.life = Life(self.world, self.path, self.disk, self.plan.commit_seconds)
        register = self.register = Register(
            life.journal, listen=f"0.0.0.0:{PORT}" if self.plan.dials is not None else None, clock=self._register_clock
        )
        settings = TerminalSettings(name=NAME, address=ADDRESS, port=PORT, **self.plan.options)

        async def begin() -> None:
            await register.open()
            register.add(settings)

        life.spawn(begin())

    def _kill(self, why: str, away: float) -> None:
        life = self.world.life
        if life is not None and life.alive:
            life.on_death = lambda: self._died(away)
            life.die(why)

    def _away(self, seconds: float) -> None:
        self.world.at(self.world.now + seconds, self._start_process_again, seconds)

    def _start_process_again(self, seconds: float) -> None:
        life = self.world.life
        if life is not None and not life.alive:  # not yet buried
            self.world.at(self.world.now, self._start_process_again, seconds)
            return
        self._start_process()

    def _disturb(self, ask: Ask) -> None:
        world = self.world
        for each in ask.disturbances:
            match each.what:
                case "fault":
                    self.terminal.faults.set(each.name, 2 if each.name == "bad_lrc" else 1)
                case "weather":
                    world.at(world.now + each.after, self._weather, each.name)
                case "kill":
                    self._kill_within(each)
                case "reboot":
                    world.at(world.now + each.after, world.host.reboot)
                case "line":
                    world.at(world.now + each.after, world.host.double)
                case "clock":
                    world.at(world.now + each.after, self._turn_clock)
                case "hand":
                    world.at(world.now + each.after, self._pay_by_hand, ask.amount + 1)

    def _turn_clock(self) -> None:
        """Set the register's clock back by an hour; the next time, forward again."""
        self.clock_error = timedelta() if self.clock_error else -timedelta(hours=1)

    def _weather(self, name: str) -> None:
        self.world.weather.armed[name] = 1

    def _kill_within(self, each: Disturbance) -> None:
        life = self.world.life
        if life is not None and life.alive and life.kill_in is None:
            life.kill_in = each.steps
            self.world.at(self.world.now + 600.0, self._spare, life)
            life.on_death = lambda: self._died(each.away)

    def _spare(self, life: Life) -> None:
        life.kill_in = None

    def _died(self, away: float) -> None:
        self.kills += 1
        self._away(away)

    def _pay_by_hand(self, amount: int) -> None:
        if self.terminal.idle:
            self.by_hand += 1
            self.terminal.charge_by_hand(amount, self.world.now)

    # --- callers ------------------------------------------------------------------------------------------------------------------

    def _ask(self, ask: Ask, first: bool) -> None:
        life, register = self.world.life, self.register
        if life is None or not life.alive or register is None or NAME not in register.terminals:
            if life is not None or first:
                self.world.at(self.world.now + 0.5 if life is not None else self.world.now + 5.0, self._ask, ask, first)
            return
        task = life.spawn(self._caller(life, register, ask))
        if first and ask.cancel is not None:
            self.world.at(self.world.now + ask.cancel, life.call, task.cancel)

    async def _caller(self, life: Life, register: Register, ask: Ask) -> None:
        journaled = ask.reference in self.disk.references
        try:
            operation = await self._order(register, ask)
        except asyncio.CancelledError:
            return
        except EcrlanError as error:
            if life.alive and (journaled or ask.reference in self.disk.references):
                self.wrong.append(f"{ask.reference} stands in the journal, and its caller got {error!r}")
            return
        except Exception as error:  # noqa: BLE001  # any other exception is a bug
            if life.alive:
                self.wrong.append(f"{ask.reference}: {error!r}")
            return
        if life.alive:
            self.told.append((ask, operation))

    async def _order(self, register: Register, ask: Ask) -> Operation:
        terminal = register.terminals[NAME]
        number = f"{ask.number:08}"
        register.cash_register_id = number  # some requests take no other; they are built before the first await
        common: dict[str, Any] = {"reference": ask.reference, "queue_timeout": ask.queue_timeout}
        match ask.kind:
            case "purchase" | "preauthorize":
                return await getattr(terminal, ask.kind)(ask.amount, cash_register_id=number, **common)
            case "increment" | "capture":
                code = f"{700_000_001 + ask.number % 2}"
                return await getattr(terminal, ask.kind)(ask.amount, preauthorization_code=code, cash_register_id=number, **common)
            case "void":
                stan = f"{(self.plan.first_stan + self.plan.history + ask.number - 2) % 999_999 + 1:06}"
                return await terminal.void(stan=None if ask.last else stan, last=ask.last, cash_register_id=number, **common)
            case "vas":
                return await terminal.vas(ask.vas, amount=str(ask.amount), cash_register_id=number, **common)
            case "verify_card":
                return await terminal.verify_card(cash_register_id=number, **common)
            case _:
                return await getattr(terminal, ask.kind)(**common)

    def _person_looks(self) -> None:
        """Settle by hand, as the ledger says, what is unresolved for long."""
        life, register = self.world.life, self.register
        if life is None or not life.alive or register is None or NAME not in register.terminals or not self.terminal.idle:
            return
        for work in list(register.terminals[NAME].open_works.values()):
            ask = next(each for each in self.plan.asks if each.reference == work.reference)
            if work.outcome is not None and self.world.now - ask.at > LOOKS_AFTER and not work.recovering:
                done = "approved" if self.truth[ask.number].entries else "not_performed"
                life.spawn(self._resolve(register, work.reference, done))

    async def _resolve(self, register: Register, reference: str, done: Any) -> None:
        try:
            await register.resolve(reference, done, by="M. Rossi", note="read on the terminal")
        except EcrlanError:
            return

    # --- what the terminal did ----------------------------------------------------------------------------------------------------

    def _watch_terminal(self) -> None:
        """Note which order's request led to which entry, and which results were acknowledged."""
        answers, restart = self.terminal._answers, self.terminal._restart
        perform, save = answers.perform, answers.save
        saved: list[bytes | None] = []

        def watched_perform(request: Any, faults: frozenset[str], *more: Any) -> Any:
            before, known = len(self.terminal.ledger), answers.last_result
            answer = perform(request, faults, *more)
            number = int(getattr(request, "cash_register_id", "0"))
            if request.code in "PXSpicCK" and answer.results:
                truth = self.truth[number]
                truth.requests += 1
                truth.faults |= faults
                truth.entries += self.terminal.ledger.entries[before:]
                self.meant.update(dict.fromkeys(answer.results, number))
                if self.plan.forgetful and self.world.host.line is None:
                    answers.last_result = known
            return answer

        def watched_save(result: Any, **hostile: Any) -> None:
            saved.append(answers.last_result)
            save(result, **hostile)

        def watched_restart(now: float) -> None:
            restart(now)
            older = saved.pop() if saved and self.plan.forgetful else None
            if older is not None and mask_message(older).hex() in self.disk.answers:
                answers.last_result = older

        answers.perform = watched_perform  # type: ignore[method-assign]
        answers.save = watched_save  # type: ignore[method-assign]
        self.terminal._restart = watched_restart  # type: ignore[method-assign]
        self.world.on_acknowledged = self._acknowledged

    def _acknowledged(self, message: bytes, asked: bytes) -> None:
        """Check that a result which the register acknowledges is on disk. What answers `G`, to all appearance, the terminal still has."""
        kept = mask_message(message).hex()
        if message in self.meant and asked != b"G" and kept not in self.disk.answers and kept not in self.disk.strays:
            self.wrong.append(f"sale-{self.meant[message]}: its result was acknowledged, and is not on disk")

    # --- the comparison -----------------------------------------------------------------------------------------------------------

    def _check(self) -> Report:
        with Journal.reader(self.path) as journal:
            entries = {entry.reference: entry for entry in journal.each()}
        wrong = self.wrong + self.world.problems
        report = Report(settings=self.settings, storm=self.plan.storm, has_last_result=self.plan.has_last_result, kills=self.kills)
        for ask in self.plan.asks:
            entry = entries.get(ask.reference)
            wrong += self._faults_of(ask, entry)
            if entry is not None and ask.kind in MONEY:
                labels = [each.label for each in ask.disturbances]
                report.operations.append(Left(ask.kind, labels, self._why_unresolved(entry)))
        for ask, told in self.told:
            entry = entries.get(ask.reference)
            wrong += _told_otherwise(ask, told, operation_of_entry(entry) if entry is not None else None)
        known = {ask.number for ask in self.plan.asks}
        wrong += [f"a charge without an operation: {truth.entries}" for number, truth in self.truth.items() if number not in known]
        if wrong:
            raise WrongError("; ".join(wrong))
        return report

    def _faults_of(self, ask: Ask, entry: Entry | None) -> list[str]:
        done = self.truth[ask.number].entries if ask.number in self.truth else []
        if ask.kind not in MONEY:
            return [f"{ask.kind} charged: {done}"] if done else []
        where = f"{ask.reference} ({ask.kind})"
        if entry is None:
            return [f"{where}: a charge without an operation: {done}"] if done else []
        outcome = operation_of_entry(entry).outcome
        lied = ask.number in self.truth and "charge_after_nak" in self.truth[ask.number].faults
        if lied and isinstance(outcome, NotPerformed) and not _signs_of_life(entry, "finished"):
            return []  # the terminal said that it has not taken what it did, and nothing else: nobody could know
        if len(done) > 1:
            if not lied or _signs_of_life(entry, "sending"):
                return [f"{where}: two charges under one reference: {done}"]
            done = [each for each in done if not isinstance(outcome, Approved) or each.stan == outcome.stan]
        problem = self._problem_of(ask, outcome, done)
        return [f"{where}: {problem}"] if problem is not None else []

    def _problem_of(self, ask: Ask, outcome: Outcome | None, done: list[Charge]) -> str | None:
        match outcome:
            case None:
                return "left without an outcome"
            case Approved() if not done:
                return f"wrong Approved, the terminal did nothing: {outcome}"
            case Approved(stan=stan) if stan is not None and stan != done[0].stan:
                return f"wrong Approved, STAN {stan} instead of {done[0].stan}"
            case Approved(result=result) if result is not None and result.terminal_id != self.terminal.terminal_id:
                return f"wrong Approved, by another terminal: {result}"
            case Approved(result=result) if result is not None and ask.kind == "purchase" and result.amount not in (None, ask.amount):
                return f"wrong Approved, for {result.amount} instead of {ask.amount} cents"
            case Declined() | NotPerformed() if done:
                return f"wrong {outcome}, the terminal did {done}"
            case Done() if ask.kind == "close_session" and not done:
                return "wrong Done, the terminal did nothing"
            case _:
                return None

    def _why_unresolved(self, entry: Entry) -> str | None:
        for event in reversed(entry.events):
            if event.name == "finished" and event.data["outcome"] == "unresolved":
                return str(event.data.get("evidence") or "no evidence")
            if event.name == "finished":
                return None
        return None


def _signs_of_life(entry: Entry, until: str) -> bool:
    """Tell whether the journal has progress or a result of unknown origin between the first request and the last event `until`."""
    names = [event.name for event in entry.events]
    if "sending" not in names or until not in names:
        return False
    last = len(names) - names[::-1].index(until) - 1
    told = entry.events[names.index("sending") : last]
    return any(event.name == "progress" or (event.name == "stray" and not _OLDER.search(event.data["reason"])) for event in told)


def _told_otherwise(ask: Ask, told: Operation, final: Operation | None) -> list[str]:
    """Compare what a caller was told with what stands in the journal at the end."""
    if ask.kind not in MONEY:
        return []
    if told.outcome is None:
        return [f"{ask.reference}: its caller got an operation without an outcome: {told}"]
    if isinstance(told.outcome, Unresolved) or not told.durable:
        return []
    if final is None or final.outcome is None or type(final.outcome) is not type(told.outcome):
        return [f"{ask.reference}: lost result: its caller was told {told.outcome}, the journal says {final and final.outcome}"]
    return []
