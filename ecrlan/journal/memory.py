"""The same as a journal where nothing is to be kept: plain memory, no SQLite, nothing survives the process."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecrlan.errors import InvalidValueError, JournalError, UnknownReferenceError
from ecrlan.journal.epoch import Doubt
from ecrlan.journal.journal import Journal
from ecrlan.journal.queries import Filter
from ecrlan.journal.rows import (
    ENDING_NAMES,
    LARGEST_INTEGER,
    OUTCOMES,
    STATE_NAMES,
    UNRESOLVED,
    Known,
    KnownResults,
    PendingCallback,
    ReferenceTakenError,
)
from ecrlan.model import NO_STAN, Kind
from ecrlan.model.rows import Entry, Event, NewOperation, parameters_hash

OF_PREAUTHORIZATIONS = ("preauthorize", "increment", "capture")


@dataclass(slots=True)
class _Kept:
    """An operation, and what happened to it."""

    id: int
    row: NewOperation
    events: list[Event] = field(default_factory=list)
    state: str = "queued"
    outcome: str | None = None
    finished_time: datetime | None = None
    waits_for_callback: bool = False

    @property
    def unsettled(self) -> bool:
        return self.outcome in (None, UNRESOLVED)

    def take(self, event: Event) -> None:
        """Add an event. The first known outcome stands; until there is one, the last event counts."""
        self.events.append(event)
        data = event.data
        if event.name == "callback":
            self.waits_for_callback = True
        elif event.name == "callback_done" and data.get("step") == "FINAL" and data.get("outcome") != UNRESOLVED:
            self.waits_for_callback = False
        elif event.name in STATE_NAMES and self.unsettled:
            ends = event.name in ENDING_NAMES
            self.state = "finished" if ends else event.name
            self.outcome = data["outcome"] if ends else None
            self.finished_time = event.time if ends else None

    def entry(self, *, with_events: bool) -> Entry:
        row = self.row
        return Entry(
            id=self.id,
            reference=row.reference,
            kind=Kind(row.kind),
            terminal=row.terminal,
            amount=row.amount,
            parameters=dict(row.parameters),
            created_time=row.created_time,
            state=self.state,
            outcome=self.outcome,
            finished_time=self.finished_time,
            events=tuple(self.events) if with_events else (),
            terminal_id=row.terminal_id,
            address=row.address,
        )

    def fits(self, wanted: Filter) -> bool:
        row = self.row
        return (
            wanted.terminal in (None, row.terminal)
            and wanted.outcome in (None, self.outcome)
            and (wanted.kind is None or Kind(wanted.kind) is Kind(row.kind))
            and (wanted.since is None or row.created_time >= wanted.since)
            and (wanted.until is None or row.created_time < wanted.until)
            and not (wanted.unfinished and not self.unsettled)
        )


@dataclass(slots=True)
class _Results:
    """The results of one terminal."""

    seen: dict[str, set[str]] = field(default_factory=lambda: {"answered": set(), "stray": set()})
    stans: set[str] = field(default_factory=set)
    """Those of operations of ours since STANs last started anew."""
    last_stan: str | None = None
    last_approval: str = ""
    last_message: str = ""


class MemoryJournal(Journal):
    """A journal in the memory of this process: `write` has it at once, `close` forgets it. Its file is None, and no thread is needed."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._closed = False
        self._operations: dict[str, _Kept] = {}
        self._newest: dict[tuple[str, str], Event] = {}
        """The newest event by terminal and name."""
        self._facts: defaultdict[str, dict[str, Event]] = defaultdict(dict)
        self._results: defaultdict[str, _Results] = defaultdict(_Results)
        self._commits = 0

    # --- what a file would have -------------------------------------------------------------------------------------------------

    @property
    def threaded(self) -> bool:
        """Whether it is written by a thread of its own: never."""
        return False

    @property
    def failed(self) -> str | None:
        """Why it takes nothing more: nothing can fail."""
        return None

    @property
    def doubt(self) -> Doubt | None:
        """Why it may not hold all that was done: nothing was done before it."""
        return None

    @property
    def doubted_operations(self) -> int:
        """Operations from before a doubt: none."""
        return 0

    @property
    def epoch(self) -> int:
        """How often it was opened for writing: it is not counted."""
        return 0

    @property
    def commits(self) -> int:
        """Calls of `write` since it was opened."""
        return self._commits

    def accept(self, by: str, note: str, *, now: datetime) -> None:  # noqa: ARG002  # a journal's signature
        """Raise `JournalError`: nothing about it is ever in doubt."""
        raise JournalError(("nothing_in_doubt", {}))

    def flush(self) -> None:
        """Do nothing: what was written is there."""

    def close(self) -> None:
        """Forget everything; twice does no harm."""
        self._closed = True

    def abandon(self) -> None:
        """Forget everything, as a killed process would."""
        self.close()

    def prune(self, before: datetime) -> int:  # noqa: ARG002  # a journal's signature
        """Remove nothing: it lives no longer than its process."""
        return 0

    def backup(self, target: str | os.PathLike[str]) -> Path:
        """Raise `JournalError`: there is nothing to be kept."""
        raise JournalError(("backup_of_memory", {"path": os.fspath(target)}))

    def backup_daily(self, folder: str | os.PathLike[str], keep: int = 7, *, now: datetime) -> Path | None:  # noqa: ARG002
        """Make no backup."""
        return None

    # --- writing ----------------------------------------------------------------------------------------------------------------

    def write(self, rows: Sequence[NewOperation | Event], *, durable: bool = True) -> Future[None] | None:  # noqa: ARG002
        """Take the rows in their order, all or none. Raises as `Journal.write` does; there is nothing to wait for."""
        if self._closed:
            raise JournalError(("journal_closed", {}))
        operations = [
            row if row.created_time.tzinfo is UTC else replace(row, created_time=_in_utc(row.created_time, "created_time"))
            for row in rows
            if isinstance(row, NewOperation)
        ]
        events = [row if row.time.tzinfo is UTC else replace(row, time=_in_utc(row.time, "time")) for row in rows if isinstance(row, Event)]
        self._check(operations, events)
        self._commits += 1
        for row in operations:
            self._operations[row.reference] = _Kept(len(self._operations) + 1, row)
        for event in events:
            self._take(event)
        return None

    def _check(self, operations: list[NewOperation], events: list[Event]) -> None:
        known = self._operations
        new = set()
        for row in operations:
            if row.amount is not None and not 0 <= row.amount <= LARGEST_INTEGER:
                raise InvalidValueError("amount", row.amount, ("allowed_cents_up_to", {"most": LARGEST_INTEGER}))
            if row.reference in known or row.reference in new:
                raise ReferenceTakenError(row.reference)
            new.add(row.reference)
        for event in events:
            if event.name in ENDING_NAMES and event.data.get("outcome") not in OUTCOMES:
                raise InvalidValueError(
                    f"outcome of {event.name}", event.data.get("outcome"), ("allowed_listed", {"words": list(OUTCOMES)})
                )
            if event.reference is None:
                if event.name in STATE_NAMES:
                    raise InvalidValueError("reference", None, ("allowed_reference_of", {"event": event.name}))
            elif event.reference not in known and event.reference not in new:
                raise UnknownReferenceError(event.reference)

    def _take(self, event: Event) -> None:
        self._newest[event.terminal, event.name] = event
        data, identity = event.data, event.data.get("identity")
        if event.reference is not None:
            self._operations[event.reference].take(event)
        elif identity is not None:
            self._facts[identity][event.name] = event
            if event.name == "stans_anew":
                self._results[identity].stans.clear()
        if event.name in ("answered", "stray") and identity is not None and data.get("seen") is not None:
            self._take_result(self._results[identity], event.name, data)

    @staticmethod
    def _take_result(results: _Results, name: str, data: dict[str, Any]) -> None:
        seen, stan = data["seen"], data.get("stan")
        results.seen[name].add(seen)
        if name == "answered":
            results.last_message = data.get("message") or ""
            results.last_approval = seen if "|" in seen else results.last_approval
            if stan not in (None, NO_STAN):
                results.last_stan = stan
                results.stans.add(stan)

    # --- reading ----------------------------------------------------------------------------------------------------------------

    def find(self, reference: str) -> Entry | None:
        """Return the operation with its history, or None."""
        kept = self._operations.get(reference)
        return kept.entry(with_events=True) if kept is not None else None

    def known(self, reference: str) -> Known | None:
        """Return what is known of a reference, or None."""
        kept = self._operations.get(reference)
        if kept is None:
            return None
        row = kept.row
        return Known(
            reference=reference,
            kind=Kind(row.kind),
            terminal=row.terminal,
            amount=row.amount,
            parameters_hash=row.parameters_hash or parameters_hash(row.parameters),
            outcome=kept.outcome,
            created_time=row.created_time,
            retained=True,
        )

    def entries(
        self,
        *,
        terminal: str | None = None,
        outcome: str | None = None,
        kind: Kind | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        unfinished: bool = False,
        limit: int = 100,
        before_id: int | None = None,
    ) -> list[Entry]:
        """Return operations without their events, newest first; see `JournalReader.entries`."""
        wanted = Filter(terminal=terminal, outcome=outcome, kind=kind, since=since, until=until, unfinished=unfinished)
        wanted.conditions()  # raises where a time has no zone
        found: list[Entry] = []
        for kept in reversed(self._operations.values()):
            if len(found) == limit:
                break
            if (before_id is None or kept.id < before_id) and kept.fits(wanted):
                found.append(kept.entry(with_events=False))
        return found

    def each(
        self,
        *,
        terminal: str | None = None,
        outcome: str | None = None,
        kind: Kind | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        unfinished: bool = False,
    ) -> Iterator[Entry]:
        """Yield operations with their events, oldest first; filters as in `entries`."""
        wanted = Filter(terminal=terminal, outcome=outcome, kind=kind, since=since, until=until, unfinished=unfinished)
        wanted.conditions()  # raises where a time has no zone
        yield from [kept.entry(with_events=True) for kept in self._operations.values() if kept.fits(wanted)]

    def unsettled(self, terminal: str | None = None) -> list[Entry]:
        """Return operations that are not finished or are unresolved, oldest first, with their events; of all terminals for None."""
        return list(self.each(terminal=terminal, unfinished=True))

    def pending_callbacks(self) -> list[PendingCallback]:
        """Return the operations with a callback of whose known outcome nobody was told yet, oldest first."""
        return [_pending(kept) for kept in self._operations.values() if kept.waits_for_callback]

    def latest(self, terminal: str, name: str) -> Event | None:
        """Return the terminal's newest event of this name, or None."""
        return self._newest.get((terminal, name))

    def stans(self, terminal: str, limit: int = 100_000) -> set[str]:
        """Return the STANs of the terminal's newest `limit` "answered" events."""
        found = [
            event.data.get("stan")
            for kept in self._operations.values()
            for event in kept.events
            if event.name == "answered" and event.terminal == terminal
        ]
        return {stan for stan in found[-limit:] if stan is not None}

    def results(self, identity: str) -> KnownResults:
        """Return what is known of the results of the terminal `identity` (its TID; ADDRESS:PORT where that names nobody)."""
        known = self._results.get(identity) or _Results()
        return KnownResults(
            answered=frozenset(known.seen["answered"]),
            strays=frozenset(known.seen["stray"]),
            stans=frozenset(known.stans),
            last_stan=known.last_stan,
            last_approval=known.last_approval,
            last_message=known.last_message,
        )

    def facts(self, identity: str) -> dict[str, Event]:
        """Return, by its name, the newest event of each name that tells of the terminal `identity` and belongs to no operation."""
        return dict(sorted(self._facts.get(identity, {}).items()))

    def of_preauthorization(self, code: str) -> list[Entry]:
        """Return the operations of the pre-authorization with this code, oldest first, with their events."""
        return [
            kept.entry(with_events=True)
            for kept in self._operations.values()
            if kept.row.kind in OF_PREAUTHORIZATIONS and _is_of(kept, code)
        ]


def _is_of(kept: _Kept, code: str) -> bool:
    carried = (event.data.get("preauthorization_code") for event in kept.events if event.name == "answered" and "seen" in event.data)
    return kept.row.parameters.get("preauthorization_code") == code or code in carried


def _pending(kept: _Kept) -> PendingCallback:
    url = next((event.data.get("url") for event in kept.events if event.name == "callback"), None)
    told = [event.data.get("outcome") for event in kept.events if event.name == "callback_done" and event.data.get("step") == "FINAL"]
    return PendingCallback(
        reference=kept.row.reference,
        terminal=kept.row.terminal,
        url=url or "",
        outcome=kept.outcome,
        told=told[-1] if told else None,
    )


def _in_utc(time: datetime, place: str) -> datetime:
    if time.tzinfo is None:
        raise InvalidValueError(place, time, ("allowed_time_with_zone", {}))
    return time.astimezone(UTC)
