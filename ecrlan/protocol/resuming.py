"""An operation that was under way when the register stopped, as its rows tell it (architecture.md, rule 1). Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from ecrlan.model import Code, Evidence, Kind, NotPerformed, State, Unresolved, read_evidence
from ecrlan.model.rows import Entry
from ecrlan.model.rows import Event as Row
from ecrlan.protocol.records import Sent, finished_row, operation_of_entry, outcome_of_saved_answer, recovering_row
from ecrlan.protocol.work import Order, Work

STOPPED = Evidence(Code.REGISTER_STOPPED)
Resumed = TypeVar("Resumed", bound=Work)


def resume(
    make: Callable[..., Resumed], entry: Entry, sent: Sent, terminal: str, *, from_before: bool, now: float, time: datetime
) -> tuple[Resumed, list[Row]]:
    """Return the operation, made by `make` as `Work` is, and the rows to be written about it.

    Where its own answer is on disk, or it cannot have moved money, it is finished; else it is open, to be settled from `now` on (monotonic
    seconds). One that was left unresolved stays that. `from_before`: from before a restored journal, so that nothing proves it any more.
    """
    work = _as_sent(make, entry, sent, terminal)
    work.ended_at = now
    if from_before:
        work.doubt = Evidence(Code.FROM_BEFORE)
    for event in sent.events:
        if event.name == "stray" and event.data.get("doubted"):
            work.doubt = read_evidence(event.data, "reason")
    saved = outcome_of_saved_answer(entry, sent.request)
    work.answered = saved is not None
    if saved is None and not work.order.money:
        saved = NotPerformed(reason=STOPPED)
    if saved is not None and not isinstance(saved, Unresolved):
        work.settle(saved, time)
        return work, [finished_row(work, saved, time)]
    if entry.outcome == "unresolved":
        known = operation_of_entry(entry)
        work.outcome, work.state, work.evidence = known.outcome, State.FINISHED, known.evidence
        return work, []
    work.state, work.evidence = State.RECOVERING, STOPPED
    return work, [recovering_row(work, STOPPED, time)]


def _as_sent(make: Callable[..., Resumed], entry: Entry, sent: Sent, terminal: str) -> Resumed:
    order = Order(kind=Kind(entry.kind), request=sent.request, reference=entry.reference)
    work = make(order=order, terminal=terminal, created_time=entry.created_time)
    work.recorded = work.sent = True
    work.request, work.sent_time = sent.request, sent.time
    work.baseline, work.baseline_message = sent.baseline, sent.baseline_message
    work.identity, work.previous_stan, work.unseen_stans, work.clock = sent.identity, sent.previous_stan, sent.unseen_stans, sent.clock
    names = {event.name for event in sent.events}
    work.acknowledged, work.progressed, work.refused = "accepted" in names, "progress" in names, "refused" in names
    return work
