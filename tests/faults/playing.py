"""Carries out the incidents of a schedule, and the people who notice them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ecrlan.journal.epoch
from ecrlan.emulator import EmulatedTerminal
from ecrlan.emulator.scenarios import APPROVED
from ecrlan.errors import EcrlanError
from ecrlan.model import ExtendedPurchaseRequest, PurchaseRequest
from ecrlan.wire.frames import build_frame, build_nak
from ecrlan.wire.mask import mask_message
from tests.faults.disk import copy_journal, cut_log, read_disk, restore_journal
from tests.faults.incidents import HOUR, Incident
from tests.faults.network import TerminalHost

if TYPE_CHECKING:
    from ecrlan.register import Register
    from ecrlan.register.terminal import Terminal
    from tests.faults.stage import Stage
    from tests.faults.world import Life

OTHER_TERMINAL_ID = "37105099"
OTHER_ADDRESS = "192.168.1.51"
SECOND_NAME = "till-2"
MACHINES = ("the till's machine", "another machine")
ROUND = 30.0
"""Seconds between two looks of a person at what the register says."""
PERSON = "M. Rossi"


class Player:
    """Plays the incidents of a schedule on its stage. `happened`: when each kind happened first, by its name in the tables."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.world = stage.world
        self.plan = stage.incidents
        self.happened: dict[str, float] = {}
        self.machine = MACHINES[0]
        self.removed_until = 0.0
        self.hand_use_known = False
        self.paid_when_set: int | None = None
        """How many payments of ours the terminal had when its clock was set."""
        self.units: dict[str, TerminalHost] = {"first": stage.world.host}
        self._before_start: list[Callable[[], None]] = []
        self._copies: dict[str, Path] = {}
        self._doubts: dict[str, float] = {}
        """When a person first saw what must be accepted."""

    def begin(self) -> None:
        """Put everything on the agenda."""
        if self.plan is None:
            return
        self.world.most_turns *= 5
        for incident in self.plan.each:
            self.world.at(max(incident.at, 0.0), self._happen, incident)
        self.world.at(ROUND, self._round)
        if self.plan.clock:
            self.stage.terminal_error += self.plan.clock
            self.note("clock: the terminal's wrong from the start")
        if self.plan.start is not None:
            self.note("clock: the October night")

    def note(self, label: str) -> None:
        """Count that a kind happened."""
        self.happened.setdefault(label, self.world.now)

    @contextlib.contextmanager
    def on_their_machine(self) -> Iterator[None]:
        """Have the journal take the schedule's machine for its own."""
        known = ecrlan.journal.epoch.machine_identity
        if self.plan is not None:
            ecrlan.journal.epoch.machine_identity = lambda: self.machine
        try:
            yield
        finally:
            ecrlan.journal.epoch.machine_identity = known

    def prepare_start(self) -> None:
        """Do, while no process lives, what was to be done before the next one starts."""
        waiting, self._before_start = self._before_start, []
        for act in waiting:
            act()
        self.world.keeps_log = False

    def notes_of_manners(self) -> None:
        """Count the manners that showed."""
        if self.plan is None:
            return
        for host in self.units.values():
            for name in host.terminal.manners.shown:
                self.happened.setdefault(f"manner: {name}", self._since(name))
        if any(truth.late for truth in self.stage.witness.truth.values()):  # also where its line was gone, and nothing was sent
            self.happened.setdefault("manner: approval_after_refusal", self._since("approval_after_refusal"))

    def _since(self, name: str) -> float:
        return min((incident.at for incident in self.plan.each if incident.what == "manner" and incident.name == name), default=0.0)

    def _happen(self, incident: Incident) -> None:
        act: dict[str, Callable[[Incident], None]] = {
            "manner": lambda it: self.world.host.terminal.manners.set(it.name),
            "no manner": lambda it: self.world.host.terminal.manners.clear(it.name),
            "swap": self._swap,
            "TID in the settings": self._name_terminal,
            "copy": self._copy,
            "restore": self._restore,
            "cut log": self._cut_log,
            "other machine": lambda _: self._at_restart(self._to_other_machine),
            "rename": lambda _: self._at_restart(self._rename),
            "move": lambda _: self._at_restart(self._move),
            "remove": self._remove,
            "restart": lambda _: self._at_restart(lambda: None),
            "pay": self._pay,
            "pay anew": self._pay_anew,
            "refuse by hand": self._refuse_by_hand,
            "terminal clock": self._set_terminal_clock,
            "register clock": self._set_register_clock,
            "stale copy": self._send_stale_copy,
            "settle": self._settle,
        }
        act[incident.what](incident)

    # --- another terminal -----------------------------------------------------------------------------------------------------------

    def _swap(self, incident: Incident) -> None:
        old = self.world.host
        if incident.name not in self.units and incident.name != "back":
            self.units[incident.name] = self._make_unit(incident)
        new = self.units["first" if incident.name == "back" else incident.name]
        if new is old:
            return
        during = " during an open operation" if self.stage.disk.open else ""
        self.note(f"terminal: {incident.name}{during if incident.name != 'back' else ''}")
        dials, old.dials = old.dials, 0.0
        old.unplug(stays_on=bool(incident.value))
        self.world.host = new
        new.plug_in(dials)

    def _make_unit(self, incident: Incident) -> TerminalHost:
        """Make a unit that has another TID, or the same and STANs of its own. Where its TID tells it apart, others may just have paid."""
        first, plan = self.world.host.terminal, self.stage.plan
        other = incident.name == "other TID"
        stan = (first.payments.stan, 0, 41)[int(self.world.random.random() * 3)]
        terminal = EmulatedTerminal(
            OTHER_TERMINAL_ID if other else first.terminal_id,
            clock=self.stage.terminal_clock,
            first_stan=stan if other else 0,
            **{**plan.behaviour, "manners": first.manners.names},
        )
        terminal.faults = first.faults
        nameless = any(each.name == "identified_by_zero" for each in self.plan.each)
        before = self.stage.terminal_error
        self.stage.terminal_error -= 5 * HOUR if nameless or not other else 0.0
        for _ in range(incident.count):
            _pay_by_extended_purchase(terminal, incident.amount)
        self.stage.terminal_error = before
        host = TerminalHost(self.world, terminal)
        self.stage.witness.watch(host)
        return host

    def _name_terminal(self, _: Incident) -> None:
        def name() -> None:
            self.stage.options["terminal_id"] = self.world.host.terminal.terminal_id
            self.note("TID: changed in the settings")

        self._at_restart(name)

    # --- the journal ----------------------------------------------------------------------------------------------------------------

    def _copy(self, incident: Incident) -> None:
        target = self.stage.path.with_name("copy.db")
        life = self.world.life
        if incident.name != "backup":
            copy_journal(self.stage.path, target, incident.name)
            self._copies[incident.name] = target
        elif life is not None:
            life.call(self._back_up, life, target)

    def _back_up(self, life: Life, target: Path) -> None:
        life.journal.backup(target)
        self._copies["backup"] = target

    def _restore(self, incident: Incident) -> None:
        def restore() -> None:
            source = self._copies.get(incident.name)
            if source is not None:
                self.note(f"journal: restored from {incident.name}")
                restore_journal(source, self.stage.path, incident.name, in_place=bool(incident.value))
                self._journal_changed()

        self._at_restart(restore)

    def _cut_log(self, incident: Incident) -> None:
        def cut() -> None:
            self.note(f"journal: log {incident.name}")
            cut_log(self.stage.path, incident.name)
            self._journal_changed()

        self.world.keeps_log = self.world.life is not None
        self._at_restart(cut)

    def _to_other_machine(self) -> None:
        self.machine = MACHINES[1]
        self.stage.disk.in_doubt = True
        self.note("journal: on another machine")

    def _journal_changed(self) -> None:
        """Compare what the file has now with what it had."""
        stage = self.stage
        old, new = stage.disk, read_disk(stage.path)
        lost = bool(old.references - new.references or old.answers - new.answers or old.strays - new.strays)
        lost = lost or any(new.outcomes.get(reference) != outcome for reference, outcome in old.outcomes.items())
        old.in_doubt = old.in_doubt or lost
        old.references, old.answers, old.strays = new.references, new.answers, new.strays
        old.outcomes, old.open = new.outcomes, new.open
        if lost:
            self.note("journal: less in it than before")
        stage.witness.journal_restored(new.references)
        self.world.restored += 1
        stage.told = [(ask, told) for ask, told in stage.told if told.outcome and new.outcomes.get(ask.reference) == told.outcome.outcome]

    # --- the settings ---------------------------------------------------------------------------------------------------------------

    def _at_restart(self, act: Callable[[], None]) -> None:
        """Do `act` while no process lives: the one that does is ended."""
        self._before_start.append(act)
        self.stage.end_process("a restart", 5.0)

    def _rename(self) -> None:
        self.note("name: changed")
        self.stage.name = "kiosk"

    def _move(self) -> None:
        self.note("address: changed")
        self.world.addresses = [OTHER_ADDRESS]

    def _remove(self, incident: Incident) -> None:
        def remove() -> None:
            self.removed_until = self.world.now + incident.value
            self.note("terminal: removed from the settings and back")
            self.world.at(self.removed_until, self._at_restart, lambda: None)

        self._at_restart(remove)

    def add_second_name(self, register: Register, settings: Any) -> None:
        """Add another name for the same terminal; it is to be refused where that can be seen."""
        if self.plan is None or not self.plan.second_name:
            return
        address = settings.address if self.plan.second_name == "same place" else OTHER_ADDRESS
        if address not in self.world.addresses:
            self.world.addresses.append(address)
        try:
            register.add(type(settings)(**{**_values(settings), "name": SECOND_NAME, "address": address}))
        except EcrlanError:
            self.note(f"two names: {self.plan.second_name}, refused when added")
        else:
            self.note(f"two names: {self.plan.second_name}, added")

    # --- people ---------------------------------------------------------------------------------------------------------------------

    def _pay(self, incident: Incident) -> None:
        terminal = self.world.host.terminal
        if not terminal.idle or (incident.name == "by hand, found out" and not self.hand_use_known):
            return
        if incident.name == "hours later" and self.paid_when_set == len(terminal.ledger.asked):
            return  # no result of ours told the register of the new time
        self.note(f"payment: {incident.name}{', in a row' if incident.count > 1 else ''}")
        for _ in range(incident.count):
            _pay_by_extended_purchase(terminal, incident.amount)

    def _pay_anew(self, incident: Incident) -> None:
        terminal = self.world.host.terminal
        if terminal.idle and 0 < terminal.payments.stan < 999_999:
            self.note("payment: by hand, STANs anew")
            terminal.payments.stan = 0
            _pay_by_extended_purchase(terminal, incident.amount)

    def _refuse_by_hand(self, _: Incident) -> None:
        if self.world.host.terminal.idle:
            self.note("payment: refused by hand")
            self.world.host.terminal.decline_by_hand(self.world.now)

    def _settle(self, _: Incident) -> None:
        self.note("person: settles at once")
        self.stage.person_looks(0.0)

    def _round(self) -> None:
        """Have a person look at what the register says, and accept it after a while."""
        self.world.at(self.world.now + ROUND, self._round)
        life, register = self.world.life, self.stage.ready
        if life is None or not life.alive or register is None:
            return
        if register.journal.doubt is not None and self._patient("journal: never accepted", "journal"):
            self.note("journal: accepted")
            life.call(self._accept_journal, register)
        for terminal in register.terminals.values():
            self.hand_use_known = self.hand_use_known or terminal.memory.used_by_hand
            foreign = terminal.memory.foreign_terminal_id
            if foreign == self.world.host.terminal.terminal_id and self._patient("TID: never accepted", f"{terminal.name} {foreign}"):
                self.note("TID: accepted")
                life.call(self._accept_terminal_id, terminal)

    def _patient(self, never: str, what: str) -> bool:
        if self.plan.patience is None:
            self.note(never)
            return False
        return self.world.now - self._doubts.setdefault(what, self.world.now) >= self.plan.patience

    def _accept_journal(self, register: Register) -> None:
        if register.journal.doubt is not None:
            register.journal.accept(PERSON, "the backup is from this morning", now=register.clock())
            self.stage.disk.in_doubt = False

    def _accept_terminal_id(self, terminal: Terminal) -> None:
        terminal.accept_terminal_id(PERSON)

    # --- clocks, the line -----------------------------------------------------------------------------------------------------------

    def _set_terminal_clock(self, incident: Incident) -> None:
        self.note("clock: the terminal's set")
        self.paid_when_set = len(self.world.host.terminal.ledger.asked)
        self.stage.terminal_error += incident.value

    def _set_register_clock(self, incident: Incident) -> None:
        self.note("clock: the register's set")
        self.stage.register_error += incident.value

    def _send_stale_copy(self, incident: Incident) -> None:
        """Send the last result once more on the line on which a payment is at work; a NAK may follow."""
        host = self.world.host
        terminal = host.terminal
        witness, work, disk = self.stage.witness, terminal._work, self.stage.disk
        last = witness.refusal if incident.name == "an older refusal" else terminal.last_result
        if host.line is None or last is None or work is None or work.request.code not in "PXpS":
            return
        if mask_message(terminal._answers.told(last)).hex() not in disk.answers | disk.strays:
            return  # the register never saw it: a copy of it would be two lies at once
        self.note(f"stale copy: {incident.name}")
        host.line.far_write(build_frame(terminal._answers.told(last)))
        if incident.name == "and a NAK":
            self.world.at(self.world.now + 0.2, host.line.far_write, build_nak())


def _pay_by_extended_purchase(terminal: EmulatedTerminal, amount: int) -> None:
    """Pay as another register does: the result has the form of our own `X`, with the amount."""
    extended = "X" in terminal.commands
    request = ExtendedPurchaseRequest(amount=amount) if extended else PurchaseRequest(amount=amount)
    answers = terminal._answers
    answers.save(terminal.payments.perform(request, answers.time(), scenario=APPROVED, by_hand=True))


def _values(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__slots__}
