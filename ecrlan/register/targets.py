"""Operations that refer to an earlier one: what is voided, raised or captured (issue texts: "by operation").

Everything here reads the journal; what is refused raises `RegisterError`, and nothing was sent then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ecrlan.errors import RegisterError, UnknownReferenceError
from ecrlan.journal import Entry, JournalReader
from ecrlan.model import NO_STAN, Approved, Kind, PaymentResult, kinds_of
from ecrlan.protocol.identity import approval_key
from ecrlan.protocol.records import operation_of_entry

VOIDABLE = kinds_of(lambda order: order.voidable)
OPEN_OUTCOMES = (None, "approved", "unresolved")
"""Outcomes of a void, increment or capture that stand in the way of another one of the same target, or count into its total."""


@dataclass(frozen=True, slots=True)
class Preauthorization:
    """An approved pre-authorization: its code, and the cents authorized so far, increments included."""

    reference: str
    code: str
    total: int


def result_of(journal: JournalReader, terminal: str, reference: str, kinds: Iterable[Kind]) -> PaymentResult:
    """Return the result of the approved operation `reference` of this terminal."""
    entry = journal.find(reference)
    if entry is None:
        raise UnknownReferenceError(reference)
    operation = operation_of_entry(entry)
    if operation.terminal != terminal:
        raise RegisterError(("of_another_terminal", {"reference": reference, "terminal": operation.terminal, "asked": terminal}))
    if operation.kind not in kinds:
        allowed = sorted(kind.value for kind in kinds)
        raise RegisterError(("of_another_kind", {"reference": reference, "kind": operation.kind.value, "allowed": allowed}))
    if not isinstance(operation.outcome, Approved) or operation.outcome.result is None:
        told = operation.outcome.outcome if operation.outcome is not None else operation.state.value
        raise RegisterError(("no_approval", {"reference": reference, "outcome": told}))
    return operation.outcome.result


def voidable_stan(journal: JournalReader, terminal: str, reference: str) -> str:
    """Return the STAN by which the operation can be voided. One without a STAN is refused: `S` with 000000 voids whichever was last."""
    stan = result_of(journal, terminal, reference, VOIDABLE).stan
    if stan == NO_STAN:
        raise RegisterError(("void_without_stan", {"reference": reference}))
    return stan


def check_target(journal: JournalReader, terminal: str, kind: Kind, reference: str, identity: str) -> None:
    """Refuse a void, increment or capture of `reference` that must not be sent now. Its caller holds the terminal.

    `identity` is who answers there: a TID, or a place. What another terminal did is not this one's to void or capture.
    """
    target = journal.find(reference)
    answered = [event for event in target.events if event.name == "answered"] if target is not None else []
    known = answered[-1].data.get("identity") if answered else None
    if known is not None and known != identity:
        values = {"reference": reference, "identity": known, "terminal": terminal, "now": identity}
        raise RegisterError(("performed_by_another", values))
    if kind is Kind.VOID:
        _check_void(journal, terminal, reference)
    else:
        preauthorization(journal, terminal, reference)


def _check_void(journal: JournalReader, terminal: str, reference: str) -> None:
    voidable_stan(journal, terminal, reference)
    for entry in _of_target(journal, terminal, reference, Kind.VOID):
        if entry.outcome in OPEN_OUTCOMES:
            values = {"reference": reference, "other": entry.reference, "outcome": entry.outcome or entry.state}
            raise RegisterError(("voided_already", values) if entry.outcome == "approved" else ("being_voided", values))
    last = last_payment(journal, terminal)
    if last is not None and last.reference != reference:
        raise RegisterError(("not_last_payment", {"reference": reference, "last": last.reference}))


def check_last_result(journal: JournalReader, reference: str, last: PaymentResult | None) -> None:
    """Refuse the void of an operation where the terminal's last result is another approval: that one would be voided."""
    target = journal.find(reference)
    outcome = operation_of_entry(target).outcome if target is not None else None
    result = outcome.result if isinstance(outcome, Approved) else None
    if last is None or result is None or not last.approved or approval_key(last) == approval_key(result):
        return
    raise RegisterError(("last_result_is_another", {"reference": reference, "stan": last.stan}))


def last_payment(journal: JournalReader, terminal: str) -> Entry | None:
    """Return the terminal's newest approved operation that moved money, as far as the journal knows."""
    for entry in journal.entries(terminal=terminal, outcome="approved", limit=50):
        if Kind(entry.kind) in VOIDABLE or Kind(entry.kind) is Kind.VOID:
            return entry
    return None


def check_code(journal: JournalReader, code: str, identity: str) -> None:
    """Refuse an increment or capture by a code that is captured (being captured) already, or stands for two open pre-authorizations.

    A pre-authorization is known by its code, whichever way it is asked for; `identity` is the terminal's.
    """
    opened: list[str] = []
    captured: Entry | None = None
    for entry in journal.of_preauthorization(code):
        mine = entry.terminal_id in ("", identity) or entry.address == identity
        if entry.kind is Kind.PREAUTHORIZE and entry.outcome == "approved" and mine:
            opened.append(entry.reference)
            captured = None  # the code is used anew
        elif entry.kind is Kind.CAPTURE and entry.outcome in OPEN_OUTCOMES:
            captured = entry  # whichever terminal did it
            opened = opened[:-1] if mine else opened
    if captured is not None and not opened:
        values = {"preauthorization_code": code, "other": captured.reference, "outcome": captured.outcome or captured.state}
        raise RegisterError(("code_captured_already", values))
    if len(opened) > 1:
        raise RegisterError(("code_of_several", {"preauthorization_code": code, "count": len(opened), "references": opened}))


def preauthorization(journal: JournalReader, terminal: str, reference: str) -> Preauthorization:
    """Return the open pre-authorization `reference`, with its running total. A captured one is refused."""
    result = result_of(journal, terminal, reference, {Kind.PREAUTHORIZE})
    if result.preauthorization_code is None:
        raise RegisterError(("no_preauthorization_code", {"reference": reference}))
    for entry in _of_target(journal, terminal, reference, Kind.CAPTURE):
        if entry.outcome in OPEN_OUTCOMES:
            values = {"reference": reference, "other": entry.reference, "outcome": entry.outcome or entry.state}
            raise RegisterError(("captured_already", values))
    increments = _of_target(journal, terminal, reference, Kind.INCREMENT)
    added = sum(entry.amount or 0 for entry in increments if entry.outcome == "approved")
    return Preauthorization(reference, result.preauthorization_code, (result.amount or 0) + added)


def _of_target(journal: JournalReader, terminal: str, reference: str, kind: Kind) -> list[Entry]:
    target = journal.find(reference)
    since = target.created_time if target is not None else None
    return [entry for entry in journal.each(terminal=terminal, kind=kind, since=since) if entry.parameters.get("target") == reference]
