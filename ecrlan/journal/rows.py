"""The journal's rows as columns, and what it knows of references and results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ecrlan.errors import InvalidValueError, JournalError
from ecrlan.model import Kind
from ecrlan.model.rows import Event, NewOperation, canonical, text_hash

STATE_NAMES = ("sending", "accepted", "recovering", "finished", "resolved")
"""Names of the events that move an operation's state; all others only tell."""
ENDING_NAMES = ("finished", "resolved")
"""Names of the events that carry an outcome, as `data["outcome"]`."""
UNRESOLVED = "unresolved"
OUTCOMES = ("approved", "declined", "not_performed", UNRESOLVED, "done")
LARGEST_INTEGER = 2**63 - 1


class ReferenceTakenError(JournalError):
    """The reference stands in the journal already, perhaps for an operation that retention has removed. Nothing of the call was written."""

    def __init__(self, reference: str) -> None:
        """Keep the reference."""
        super().__init__(f"the reference {reference} is in the journal already")
        self.reference = reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the journal knows of a reference for ever. `retained` False: retention has removed the operation itself."""

    reference: str
    kind: Kind
    terminal: str
    amount: int | None
    parameters_hash: str
    outcome: str | None
    created_time: datetime
    retained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownResults:
    """What the journal knows for ever of one terminal's results (exchange.md §5). `answered` and `strays` hold what copies are known by."""

    answered: frozenset[str]
    """The results of operations of ours."""
    strays: frozenset[str]
    """The results that answered none."""
    stans: frozenset[str]
    """The STANs of operations of ours since STANs last started anew."""
    last_stan: str | None
    """That of the newest result of an operation of ours that has one."""
    last_approval: str
    """By what the newest approval of an operation of ours is known, '' where there is none."""
    last_message: str
    """The newest result of an operation of ours in hex, '' where there is none, or retention has removed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCallback:
    """An operation whose last word was not told to `url` yet. `outcome` is its own, `told` the one that was; None: not yet."""

    reference: str
    terminal: str
    url: str
    outcome: str | None
    told: str | None


def time_text(time: datetime, place: str = "time") -> str:
    """Return ISO 8601 in UTC with microseconds, always of one length, so that texts sort as times do."""
    if time.tzinfo is None:
        raise InvalidValueError(place, time, ("allowed_time_with_zone", {}))
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def operation_values(row: NewOperation) -> tuple[Any, ...]:
    """Return a new operation's columns. Raises `InvalidValueError`."""
    if row.amount is not None and not 0 <= row.amount <= LARGEST_INTEGER:
        raise InvalidValueError("amount", row.amount, ("allowed_cents_up_to", {"most": LARGEST_INTEGER}))
    _check_texts(row.reference, row.terminal, row.terminal_id, row.address)
    text = canonical(row.parameters, "parameters")
    created = time_text(row.created_time, "created_time")
    digest = row.parameters_hash or text_hash(text)
    return row.reference, Kind(row.kind).value, row.terminal, row.terminal_id, row.address, row.amount, text, digest, created


def event_values(row: Event) -> tuple[Any, ...]:
    """Return an event's columns; its operation's reference last. Raises `InvalidValueError`."""
    if row.name in ENDING_NAMES and row.data.get("outcome") not in OUTCOMES:
        raise InvalidValueError(f"outcome of {row.name}", row.data.get("outcome"), ("allowed_listed", {"words": list(OUTCOMES)}))
    if row.reference is None and row.name in STATE_NAMES:
        raise InvalidValueError("reference", None, ("allowed_reference_of", {"event": row.name}))
    _check_texts(row.name, row.terminal, row.reference or "")
    return row.terminal, time_text(row.time), row.name, canonical(row.data, "data"), row.reference


def _check_texts(*texts: str) -> None:
    for text in texts:
        if not text.isprintable():  # lone surrogates and control characters cannot be told apart later
            raise InvalidValueError("text", text, ("allowed_printable", {}))
