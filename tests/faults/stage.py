"""Plays one schedule, and compares what the journal says afterwards with what the terminal did."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ecrlan.emulator import EmulatedTerminal
from ecrlan.errors import EcrlanError, OperationsWithoutTerminalError, ReferenceConflictError
from ecrlan.journal import Journal
from ecrlan.model import Operation
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import Register, TerminalSettings
from tests.faults.disk import Disk
from tests.faults.incidents import draw_incidents, has_incidents
from tests.faults.network import PORT
from tests.faults.playing import SECOND_NAME, Player
from tests.faults.schedule import MONEY, SAME_AMOUNT, Ask, Disturbance, Past, Schedule, Settings, draw, draw_more
from tests.faults.table import Left, Report
from tests.faults.truth import Witness, told_otherwise, why_unresolved
from tests.faults.world import Life, World, WrongError

NAME = "till-1"
LONGEST_WAIT = 1300.0
"""Seconds after which whatever was asked for must have its outcome: every limit, the longest payment, every question for `G`."""
MEETS = 600.0
"""Seconds after an operation began within which an incident still touches it."""
LOOKS_AFTER = 700.0
"""Seconds after which a person is sure that nothing more comes of an order."""


class Stage:
    """One world with its plan."""

    def __init__(self, seed: int, settings: Settings, folder: Path) -> None:
        random = Random(seed)
        self.settings = settings
        self.plan: Schedule = draw(random, settings)
        if not isinstance(seed, Past):
            draw_more(Random(f"more of {seed}"), settings, self.plan)
        self.incidents = draw_incidents(Random(f"incidents of {seed}"), settings, self.plan) if has_incidents(seed) else None
        self.path = folder / "till.db"
        self.name = NAME
        self.options = dict(self.plan.options)
        self.disk = Disk()
        self.terminal_error = self.register_error = 0.0
        """Seconds by which the clocks are wrong, beyond what every schedule has."""
        self.terminal = EmulatedTerminal(clock=self.terminal_clock, first_stan=self.plan.first_stan, **self.plan.behaviour)
        start = self.incidents.start if self.incidents is not None else None
        self.world = World(random, self.terminal, *([start] if start is not None else []))
        self.register: Register | None = None
        self.ready: Register | None = None
        """The register, once its terminals stand."""
        self.told: list[tuple[Ask, Operation]] = []
        self.wrong: list[str] = []
        self.kills = 0
        self.clock_error = timedelta()
        self.witness = Witness(self.disk, forgetful=self.plan.forgetful)
        self.witness.watch(self.world.host)
        self.world.on_acknowledged = self.witness.acknowledged
        self.player = Player(self)

    def terminal_clock(self) -> datetime:
        """Return what the terminal takes for the time."""
        return self.world.clock() + timedelta(seconds=self.plan.skew + self.terminal_error)

    def _register_clock(self) -> datetime:
        return self.world.clock() + self.clock_error + timedelta(seconds=self.register_error)

    # --- playing ------------------------------------------------------------------------------------------------------------------

    def play(self) -> Report:
        """Play the plan to its end, and check it."""
        with self.player.on_their_machine():
            self._play()
        return self._check()

    def _play(self) -> None:
        world, plan = self.world, self.plan
        world.weather.latency = plan.latency
        for number in range(plan.history):
            self.terminal.charge_by_hand(SAME_AMOUNT + number, 0.0)
        self._start_process()
        if plan.dials is not None:
            world.host.start_dialling(plan.dials)
        self.player.begin()
        for ask in plan.asks:
            if ask.person:
                world.at(ask.at, self.person_looks, LOOKS_AFTER)
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

    def _calm(self) -> None:
        self.world.weather.clear()
        self.terminal.faults.clear()
        if self.world.life is not None:
            self.world.life.kill_in = None

    def _start_process(self) -> None:
        if self.world.life is not None:
            return
        self.ready = None
        self.player.prepare_start()
        life = self.world.life = Life(self.world, self.path, self.disk, self.plan.commit_seconds)
        register = self.register = Register(
            life.journal, listen=f"0.0.0.0:{PORT}" if self.plan.dials is not None else None, clock=self._register_clock
        )
        life.spawn(self._begin(register))

    async def _begin(self, register: Register) -> None:
        await register.open()
        if self.world.now >= self.player.removed_until:
            settings = TerminalSettings(name=self.name, address=self.world.addresses[0], port=PORT, **self.options)
            register.add(settings)
            self.player.add_second_name(register, settings)
            try:
                register.check_operations()
            except OperationsWithoutTerminalError as error:
                self.player.note("name: operations attached to a terminal")
                for reference, _ in error.operations:
                    await register.attach(reference, self.name, by="M. Rossi")
        self.ready = register

    def end_process(self, why: str, away: float) -> None:
        """End the process as a kill does, and start another one `away` seconds later."""
        self._kill(why, away)

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
                    world.at(world.now + each.after, self._reboot)
                case "line":
                    world.at(world.now + each.after, self._double_line)
                case "clock":
                    world.at(world.now + each.after, self._turn_clock)
                case "hand":
                    world.at(world.now + each.after, self._pay_by_hand, ask.amount + 1)

    def _reboot(self) -> None:
        self.world.host.reboot()

    def _double_line(self) -> None:
        self.world.host.double()

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
        terminal = self.world.host.terminal
        if terminal.idle:
            terminal.charge_by_hand(amount, self.world.now)

    # --- callers ------------------------------------------------------------------------------------------------------------------

    def _ask(self, ask: Ask, first: bool) -> None:
        life, register = self.world.life, self.ready
        if life is None or not life.alive or register is None or self._name_for(ask) not in register.terminals:
            if life is not None or first:
                pause = 5.0 if life is None or register is not None else 0.5
                self.world.at(self.world.now + pause, self._ask, ask, first)
            return
        task = life.spawn(self._caller(life, register, ask))
        if first and ask.cancel is not None:
            self.world.at(self.world.now + ask.cancel, life.call, task.cancel)

    def _name_for(self, ask: Ask) -> str:
        """Return the terminal's name for an order: where it has two, each is used for every other one."""
        second = self.ready is not None and ask.number % 2 and SECOND_NAME in self.ready.terminals
        return SECOND_NAME if second else self.name

    async def _caller(self, life: Life, register: Register, ask: Ask) -> None:
        journaled = ask.reference in self.disk.references
        try:
            operation = await self._order(register, ask)
        except asyncio.CancelledError:
            return
        except EcrlanError as error:
            if isinstance(error, ReferenceConflictError) and self.name != NAME:
                return  # it stands for an order on the terminal's old name
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
        terminal = register.terminals[self._name_for(ask)]
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

    def person_looks(self, after: float) -> None:
        """Settle by hand, as the ledger says, what is unresolved though it was asked for more than `after` seconds ago."""
        life, register = self.world.life, self.ready
        if life is None or not life.alive or register is None or not all(host.terminal.idle for host in self.player.units.values()):
            return
        works = {work.reference: work for terminal in register.terminals.values() for work in terminal.open_works.values()}
        for work in works.values():
            ask = next(each for each in self.plan.asks if each.reference == work.reference)
            if work.outcome is not None and self.world.now - ask.at > after and not work.recovering:
                done = "approved" if self.witness.truth[ask.number].entries else "not_performed"
                life.spawn(self._resolve(register, work.reference, done))

    async def _resolve(self, register: Register, reference: str, done: Any) -> None:
        try:
            await register.resolve(reference, done, by="M. Rossi", note="read on the terminal")
        except EcrlanError:
            return

    # --- the comparison -----------------------------------------------------------------------------------------------------------

    def _check(self) -> Report:
        self.player.notes_of_manners()
        happened = self.player.happened
        with Journal.reader(self.path) as journal:
            entries = {entry.reference: entry for entry in journal.each()}
        wrong = self.wrong + self.world.problems + self.disk.problems + self.witness.wrong
        report = Report(
            settings=self.settings,
            storm=self.plan.storm,
            has_last_result=self.plan.has_last_result,
            kills=self.kills,
            has_incidents=self.incidents is not None,
        )
        for ask in self.plan.asks:
            entry = entries.get(ask.reference)
            wrong += self.witness.faults_of(ask, entry)
            if entry is not None and ask.kind in MONEY:
                labels = [each.label for each in ask.disturbances]
                created = (entry.created_time - self.world.start).total_seconds()
                kinds = [label for label, since in happened.items() if since <= max(created, ask.at) + MEETS]
                report.operations.append(Left(ask.kind, labels, why_unresolved(entry), kinds))
        for ask, told in self.told:
            entry = entries.get(ask.reference)
            wrong += told_otherwise(ask, told, operation_of_entry(entry) if entry is not None else None)
        wrong += self.witness.charges_without_operation(self.plan.asks)
        if wrong:
            raise WrongError("; ".join(wrong))
        report.kinds = sorted(happened)
        report.counts = self.witness.counts
        return report
