"""What a person decides about an operation without a known outcome: how it ended, or which terminal it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from ecrlan.errors import InvalidValueError, RegisterError, UnknownReferenceError
from ecrlan.journal import Entry
from ecrlan.journal import Event as Row
from ecrlan.model import Approved, Code, NotPerformed, Operation, PaymentResult, Resolution, Unresolved, verbatim
from ecrlan.protocol.memory import Refusal
from ecrlan.protocol.records import fact_row, operation_of_entry, parse_saved
from ecrlan.protocol.work import said
from ecrlan.register.ledger import Ledger, Member
from ecrlan.register.running import RunningWork


class Decisions:
    """Writes decisions down, each operation's one after the other, and then has the ledger follow them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._deciding: set[str] = set()
        """References about which a decision is being written down."""

    async def resolve(self, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> list[Member]:
        """See `Register.resolve`. Returns the terminals that it blocked."""
        by, note = said("by", by), said("note", note)
        if outcome not in ("approved", "not_performed"):
            raise InvalidValueError("as", outcome, ("allowed_one_of", {"words": ["approved", "not_performed"]}))
        with self._alone(reference):
            known, entry, held = await self._as_it_stands(reference)
            if not isinstance(known.outcome, Unresolved):
                told = known.outcome.outcome if known.outcome else "open"
                raise RegisterError(("not_unresolved", {"reference": reference, "outcome": told}))
            now = self._ledger.clock()
            data = {"outcome": outcome, "by": by, "note": note, **verbatim(Code.NOTE, note).fields("reason")}
            row = Row(name="resolved", time=now, reference=reference, terminal=known.terminal, data=data)
            if held is not None:
                held.being_settled = True
            try:
                if committing := self._ledger.write([row], durable=True):
                    await committing
            finally:
                if held is not None:
                    held.being_settled = False
            holders = [member for member in self._ledger.members.values() if reference in member.open_works]
            for member in holders:
                work = member.open_works.pop(reference)
                self._note_settled(member, work, performed=outcome == "approved")
                if outcome == "approved":
                    self._begin_series(member, entry)
                work.resolution = Resolution(by=by, note=note, time=now)
                work.settle(Approved() if outcome == "approved" else NotPerformed(reason=verbatim(Code.NOTE, note)), now)
        return holders

    async def attach(self, reference: str, target: Member, *, by: str) -> list[RunningWork | Operation]:
        """See `Register.attach`. Returns what the terminal takes up newly, as `Ledger.adopt` does."""
        by = said("by", by)
        with self._alone(reference):
            known, entry, held = await self._as_it_stands(reference)
            if known.outcome is not None and not isinstance(known.outcome, Unresolved):
                raise RegisterError(("blocks_no_terminal", {"reference": reference, "outcome": known.outcome.outcome}))
            data = {"terminal": target.name, "by": by}
            row = Row(name="attached", time=self._ledger.clock(), reference=reference, terminal=known.terminal, data=data)
            if committing := self._ledger.write([row], durable=True):
                await committing
            holders = [member for member in self._ledger.members.values() if reference in member.open_works]
            found = self._ledger.take_up(target, entry) if entry is not None and (held is None or held.open) else None
            for other in holders:
                if other is not target and reference in target.open_works:
                    del other.open_works[reference]
        return [] if found is None else [found]

    @contextmanager
    def _alone(self, reference: str) -> Iterator[None]:
        if reference in self._deciding:
            raise RegisterError(("being_settled", {"reference": reference}))
        self._deciding.add(reference)
        try:
            yield
        finally:
            self._deciding.discard(reference)

    async def _as_it_stands(self, reference: str) -> tuple[Operation, Entry | None, RunningWork | None]:
        """Return an operation, what the journal has of it, and the open one that is shared, even if it was settled while that was read."""
        before = self._ledger.shared_work(reference)
        entry = await self._ledger.read(self._ledger.journal.find, reference)
        held = self._ledger.shared_work(reference) or before
        if held is not None and (entry is None or not held.open):
            return held.snapshot(), entry, held
        if entry is None:
            raise UnknownReferenceError(reference)
        return operation_of_entry(entry), entry, held

    def _note_settled(self, member: Member, work: RunningWork, *, performed: bool) -> None:
        """Note that a person settled an operation: that lifts the block, and not the doubt where its result was lost (exchange.md §3)."""
        memory = member.memory
        memory.set_stale()
        if work.request is not None and work.request.late_result and not work.answered:
            memory.lost, memory.lost_at, memory.must_ask = work.reference, work.ended_at, True
            if not performed:
                memory.last_refusal = Refusal(work.reference, work.request, work.sent_time or work.created_time, "not performed")

    def _begin_series(self, member: Member, entry: Entry | None) -> None:
        """Begin a series of STANs with the approval that was not believed for its STAN, and that a person vouched for."""
        for event in entry.events if entry is not None else ():
            result = parse_saved(event.data.get("message") or "") if event.data.get("out_of_series") else None
            if isinstance(result, PaymentResult):
                data = {"stan": result.stan, "last": member.memory.previous_stan()}
                self._ledger.write(
                    [fact_row(member.name, "stans_anew", member.memory.identity, self._ledger.clock(), **data)], durable=False
                )
                member.memory.remember(result, bytes.fromhex(event.data["message"]), is_saved=False)
