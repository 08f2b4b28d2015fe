"""What the terminals did for each order, and whether the journal tells the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ecrlan.emulator.ledger import Charge
from ecrlan.emulator.payments import LATE_APPROVAL
from ecrlan.journal import Entry
from ecrlan.model import (
    ANY_TERMINAL,
    Approved,
    Code,
    Declined,
    Done,
    Evidence,
    NotPerformed,
    Operation,
    Outcome,
    Unresolved,
    read_evidence,
    verbatim,
)
from ecrlan.protocol.records import operation_of_entry
from ecrlan.wire.mask import mask_message
from tests.faults.disk import Disk
from tests.faults.network import TerminalHost
from tests.faults.schedule import MONEY, Ask

_OLDER = {Code.KNOWN_RESULT.value, Code.KNOWN_VAS.value, Code.LAST_RESULT_AGAIN.value}
"""Why a stray is certainly not the answer."""


@dataclass(slots=True)
class Truth:
    """What the terminals did for one order's requests. `late`: entries of approvals that followed a refusal."""

    entries: list[Charge] = field(default_factory=list)
    terminal_ids: set[str] = field(default_factory=set)
    late: list[Charge] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)
    requests: int = 0

    def add(self, other: Truth) -> None:
        """Add what was done elsewhere or before."""
        self.entries += other.entries
        self.late += other.late
        self.terminal_ids |= other.terminal_ids
        self.faults |= other.faults
        self.requests += other.requests


class Witness:
    """Sees every terminal perform, and every result that the register acknowledges.

    A restored journal does not know every reference: what was done for those stands in `forgotten`, since they may be asked for again.
    """

    def __init__(self, disk: Disk, *, forgetful: bool) -> None:
        self.disk = disk
        self.forgetful = forgetful
        self.truth: defaultdict[int, Truth] = defaultdict(Truth)
        self.forgotten: defaultdict[int, Truth] = defaultdict(Truth)
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.refusal: bytes | None = None
        """The last refusal, as its terminal saved it."""
        self._meant: dict[bytes, int] = {}
        """Whose result a message is."""
        self._requests: dict[int, tuple[object, int]] = {}
        """How many journals were restored before a request was taken, by the request's identity (it is kept alive)."""
        self._kept: list[set[str]] = []
        """The references that each restored journal has."""

    def watch(self, host: TerminalHost) -> None:
        """Note which order's request led to which entry on this terminal."""
        terminal = host.terminal
        answers, restart, accept = terminal._answers, terminal._restart, terminal._accept
        perform, save = answers.perform, answers.save
        saved: list[bytes | None] = []

        def watched_accept(request: Any, now: float) -> None:
            since = len(self._kept) if host.read_from is None else host.read_from
            self._requests[id(request)] = (request, since)
            accept(request, now)

        def watched_perform(request: Any, faults: frozenset[str], *more: Any) -> Any:
            before, known = len(terminal.ledger), answers.last_result
            answer = perform(request, faults, *more)
            number = int(getattr(request, "cash_register_id", "0"))
            if request.code in "PXSpicCK" and answer.results:
                truth = self._truth_of(request, number)
                entries = terminal.ledger.entries[before:]
                truth.requests += 1
                truth.faults |= faults
                truth.entries += entries
                truth.terminal_ids |= {terminal.terminal_id} if entries else set()
                self.refusal = answer.results[0] if answer.refused else self.refusal
                if LATE_APPROVAL in more:
                    truth.late += entries
                for message in answer.results:
                    self._meant[message] = self._meant[answers.told(message)] = number
                if self.forgetful and host.line is None:
                    answers.last_result = known
            return answer

        def watched_save(result: Any, **hostile: Any) -> None:
            saved.append(answers.last_result)
            save(result, **hostile)

        def watched_restart(now: float) -> None:
            restart(now)
            older = saved.pop() if saved and self.forgetful else None
            if older is not None and mask_message(older).hex() in self.disk.answers:
                answers.last_result = older

        answers.perform = watched_perform  # type: ignore[method-assign]
        answers.save = watched_save  # type: ignore[method-assign]
        terminal._accept = watched_accept  # type: ignore[method-assign]
        terminal._restart = watched_restart  # type: ignore[method-assign]

    def journal_restored(self, references: Iterable[str]) -> None:
        """Take note that the journal in use has only these references from now on."""
        kept = set(references)
        self._kept.append(kept)
        for number in [number for number in self.truth if f"sale-{number}" not in kept]:
            self.forgotten[number].add(self.truth.pop(number))

    def _truth_of(self, request: object, number: int) -> Truth:
        _, since = self._requests.get(id(request), (None, len(self._kept)))
        known = all(f"sale-{number}" in kept for kept in self._kept[since:])
        return self.truth[number] if known else self.forgotten[number]

    def acknowledged(self, message: bytes, asked: bytes) -> None:
        """Check that a result which the register acknowledges is on disk. What answers `G`, to all appearance, the terminal still has."""
        kept = mask_message(message).hex()
        if message in self._meant and asked != b"G" and kept not in self.disk.answers and kept not in self.disk.strays:
            self.wrong.append(f"sale-{self._meant[message]}: its result was acknowledged, and is not on disk")

    # --- the comparison -----------------------------------------------------------------------------------------------------------

    def charges_without_operation(self, asks: Iterable[Ask]) -> list[str]:
        """Return what was done for orders that nobody gave."""
        known = {ask.number for ask in asks}
        return [f"a charge without an operation: {truth.entries}" for number, truth in self.truth.items() if number not in known]

    def faults_of(self, ask: Ask, entry: Entry | None) -> list[str]:
        """Return what is wrong with the order's entry in the journal."""
        truth = self.truth[ask.number] if ask.number in self.truth else Truth()
        if ask.number in self.forgotten and self.forgotten[ask.number].entries and truth.entries:
            self.counts["journal: charged again, for the accepted one did not know it"] += 1
        done = truth.entries
        if ask.kind not in MONEY:
            return [f"{ask.kind} charged: {done}"] if done else []
        where = f"{ask.reference} ({ask.kind})"
        if entry is None:
            return [f"{where}: a charge without an operation: {done}"] if done else []
        outcome = operation_of_entry(entry).outcome
        lied = "charge_after_nak" in truth.faults
        if lied and isinstance(outcome, NotPerformed) and not _signs_of_life(entry, "finished"):
            return []  # the terminal said that it has not taken what it did, and nothing else: nobody could know
        if len(done) > 1:
            if not lied or _signs_of_life(entry, "sending"):
                return [f"{where}: two charges under one reference: {done}"]
            done = [each for each in done if not isinstance(outcome, Approved) or each.stan == outcome.stan]
        if isinstance(outcome, Declined) and done and done == truth.late:
            alarmed = any(event.name == "approved_after_refusal" for event in entry.events)
            self.counts[f"declined, then approved: {'told' if alarmed else 'not told'}"] += 1
            return []
        problem = _problem_of(ask, outcome, done, truth.terminal_ids)
        return [f"{where}: {problem}"] if problem is not None else []


def _problem_of(ask: Ask, outcome: Outcome | None, done: list[Charge], terminal_ids: set[str]) -> str | None:
    match outcome:
        case None:
            return "left without an outcome"
        case Approved() if not done:
            return f"wrong Approved, the terminal did nothing: {outcome}"
        case Approved(stan=stan) if stan is not None and stan != done[0].stan:
            return f"wrong Approved, STAN {stan} instead of {done[0].stan}"
        case Approved(result=result) if result is not None and result.terminal_id not in terminal_ids | {ANY_TERMINAL}:
            return f"wrong Approved, by another terminal: {result}"
        case Approved(result=result) if result is not None and ask.kind == "purchase" and result.amount not in (None, ask.amount):
            return f"wrong Approved, for {result.amount} instead of {ask.amount} cents"
        case Declined() | NotPerformed() if done:
            return f"wrong {outcome}, the terminal did {done}"
        case Done() if ask.kind == "close_session" and not done:
            return "wrong Done, the terminal did nothing"
        case _:
            return None


def why_unresolved(entry: Entry) -> Evidence | None:
    """Return why an operation was left unresolved; None: it was not."""
    for event in reversed(entry.events):
        if event.name == "finished" and event.data["outcome"] == "unresolved":
            return read_evidence(event.data, "evidence") or verbatim(Code.PROSE, "no evidence")
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
    return any(event.name == "progress" or (event.name == "stray" and event.data["reason_code"] not in _OLDER) for event in told)


def told_otherwise(ask: Ask, told: Operation, final: Operation | None) -> list[str]:
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
