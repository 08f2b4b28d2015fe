"""What is read from a journal: SQL and the objects made of its rows."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ecrlan.journal.rows import Known, KnownResults, PendingCallback, time_text
from ecrlan.model import NO_STAN, Kind, State
from ecrlan.model.rows import Entry, Event

_ENTRY = """SELECT id, reference, kind, terminal, amount, parameters, created_time, state, outcome, finished_time, terminal_id, address
    FROM operation_states"""
# From the index of outcomes, in its order; whether an outcome is the operation's is said by `operation_states`.
_ENTRY_OF_OUTCOME = _ENTRY.replace(
    "FROM operation_states",
    """FROM (SELECT operation FROM events WHERE name IN ('finished', 'resolved') AND json_extract(data, '$.outcome') = :outcome) AS told
    CROSS JOIN operation_states ON id = told.operation""",
)
_EVENT = "SELECT operation, reference, events.terminal, time, name, data FROM events LEFT JOIN operations ON operations.id = operation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which operations: None allows all; `since` (inclusive) and `until` (exclusive) are about the time of creation."""

    terminal: str | None = None
    outcome: str | None = None
    kind: Kind | str | None = None
    since: datetime | None = None
    until: datetime | None = None
    unfinished: bool = False
    """Only those without a known outcome: not finished, or unresolved."""

    def conditions(self) -> tuple[list[str], dict[str, Any]]:
        """Return SQL conditions and their values by name."""
        wanted = {
            "terminal = :terminal": self.terminal,
            "outcome = :outcome": self.outcome,
            "kind = :kind": Kind(self.kind).value if self.kind is not None else None,
            "created_time >= :since": time_text(self.since, "since") if self.since is not None else None,
            "created_time < :until": time_text(self.until, "until") if self.until is not None else None,
        }
        texts = [text for text, value in wanted.items() if value is not None]
        if self.unfinished:
            texts.append("id IN (SELECT operation FROM unsettled)")
        return texts, {text.rpartition(":")[2]: value for text, value in wanted.items()}


def select_entries(
    connection: sqlite3.Connection, wanted: Filter, *, limit: int, before_id: int | None = None, after_id: int | None = None
) -> list[Entry]:
    """Return operations without their events: newest first, or behind `after_id` oldest first."""
    texts, values = wanted.conditions()
    if before_id is not None:
        texts.append("id < :before_id")
    if after_id is not None:
        texts.append("id > :after_id")
    values |= {"before_id": before_id, "after_id": after_id, "limit": limit}
    where = f" WHERE {' AND '.join(texts)}" if texts else ""
    order = "DESC" if after_id is None else "ASC"
    if wanted.outcome is None:
        statement = f"{_ENTRY}{where} ORDER BY id {order} LIMIT :limit"
    else:
        statement = f"{_ENTRY_OF_OUTCOME}{where} GROUP BY told.operation ORDER BY told.operation {order} LIMIT :limit"
    return [_entry(row) for row in connection.execute(statement, values)]


def select_entry(connection: sqlite3.Connection, reference: str) -> Entry | None:
    """Return one operation with its events."""
    row = connection.execute(f"{_ENTRY} WHERE reference = :reference", {"reference": reference}).fetchone()
    return with_events(connection, [_entry(row)])[0] if row is not None else None


def select_known(connection: sqlite3.Connection, reference: str) -> Known | None:
    """Return what is known of a reference, also of one whose operation retention has removed."""
    row = connection.execute(
        """SELECT kind, terminal, amount, parameters_hash, outcome, created_time, 1 FROM operation_states WHERE reference = :reference
            UNION ALL
            SELECT kind, terminal, amount, parameters_hash, outcome, created_time, 0 FROM reference_hashes WHERE reference = :reference""",
        {"reference": reference},
    ).fetchone()
    if row is None:
        return None
    kind, terminal, amount, digest, outcome, created, retained = row
    return Known(
        reference=reference,
        kind=Kind(kind),
        terminal=terminal,
        amount=amount,
        parameters_hash=digest,
        outcome=outcome,
        created_time=datetime.fromisoformat(created),
        retained=bool(retained),
    )


def select_unsettled(connection: sqlite3.Connection, terminal: str | None) -> list[Entry]:
    """Return the operations without a known outcome, oldest first, with their events; of one terminal or of all."""
    wanted = Filter(terminal=terminal, unfinished=True)
    return with_events(connection, select_entries(connection, wanted, limit=-1, after_id=0))


def select_pending_callbacks(connection: sqlite3.Connection) -> list[PendingCallback]:
    """Return the operations with a "callback" event of whose known outcome no "callback_done" tells yet, oldest first."""
    rows = connection.execute(
        """SELECT reference, terminal,
                (SELECT json_extract(data, '$.url') FROM events WHERE operation = states.id AND name = 'callback' ORDER BY id LIMIT 1),
                outcome,
                (SELECT json_extract(data, '$.outcome') FROM events WHERE operation = states.id AND name = 'callback_done'
                    AND json_extract(data, '$.step') = 'FINAL' ORDER BY id DESC LIMIT 1)
            FROM operation_states AS states WHERE id IN (SELECT operation FROM open_callbacks) ORDER BY id"""
    )
    return [
        PendingCallback(reference=reference, terminal=terminal, url=url or "", outcome=outcome, told=told)
        for reference, terminal, url, outcome, told in rows
    ]


def select_latest(connection: sqlite3.Connection, terminal: str, name: str) -> Event | None:
    """Return the terminal's newest event of this name, with an operation or without."""
    row = connection.execute(
        f"{_EVENT} WHERE events.terminal = :terminal AND name = :name ORDER BY events.id DESC LIMIT 1", {"terminal": terminal, "name": name}
    ).fetchone()
    return _event(row) if row is not None else None


def select_stans(connection: sqlite3.Connection, terminal: str, limit: int) -> set[str]:
    """Return the STANs of the terminal's newest `limit` answers."""
    rows = connection.execute(
        """SELECT DISTINCT stan FROM (SELECT json_extract(data, '$.stan') AS stan FROM events
            WHERE terminal = :terminal AND name = 'answered' ORDER BY id DESC LIMIT :limit) WHERE stan IS NOT NULL""",
        {"terminal": terminal, "limit": limit},
    )
    return {row[0] for row in rows}


def select_results(connection: sqlite3.Connection, identity: str) -> KnownResults:
    """Return what is known of the results of the terminal `identity`.

    A terminal that is known by its address has a part in the results of versions 1 to 3 that named nobody (`''`): they may be its own.
    """
    values = {"identity": identity, "also": identity if _is_terminal_id(identity) else ""}
    anew = connection.execute("SELECT event FROM facts WHERE identity = :identity AND name = 'stans_anew'", values).fetchone()
    found: defaultdict[str, set[str]] = defaultdict(set)
    stans: set[str] = set()
    newest = last_stan = None
    last_approval = ""
    for event, name, stan, seen in connection.execute(
        "SELECT event, name, stan, seen FROM results WHERE identity IN (:identity, :also) ORDER BY event", values
    ):
        found[name].add(seen)
        if name == "answered":
            newest = event
            if "|" in seen:
                last_approval = seen
            if stan not in (None, NO_STAN):
                last_stan = stan
                if anew is None or event > anew[0]:
                    stans.add(stan)
    message = connection.execute("SELECT json_extract(data, '$.message') FROM events WHERE id = :id", {"id": newest}).fetchone()
    return KnownResults(
        answered=frozenset(found["answered"]),
        strays=frozenset(found["stray"]),
        stans=frozenset(stans),
        last_stan=last_stan,
        last_approval=last_approval,
        last_message=(message[0] or "") if message is not None else "",
    )


def _is_terminal_id(identity: str) -> bool:
    return len(identity) == 8 and identity.isdigit()


def select_facts(connection: sqlite3.Connection, identity: str) -> dict[str, Event]:
    """Return the newest event of each name that tells of the terminal `identity` and belongs to no operation."""
    rows = connection.execute(
        "SELECT NULL, NULL, terminal, time, name, data FROM facts WHERE identity = :identity ORDER BY name", {"identity": identity}
    )
    events = [_event(row) for row in rows]
    return {event.name: event for event in events}


def select_of_preauthorization(connection: sqlite3.Connection, code: str) -> list[Entry]:
    """Return the pre-authorizations whose result carries `code`, and the increments and captures that name it, oldest first."""
    rows = connection.execute(
        f"""{_ENTRY} WHERE id IN (
                SELECT operation FROM results JOIN events ON events.id = event
                    WHERE results.name = 'answered' AND preauthorization_code = :code
                UNION SELECT id FROM operations WHERE json_extract(parameters, '$.preauthorization_code') = :code)
            AND kind IN ('preauthorize', 'increment', 'capture') ORDER BY id""",  # noqa: S608  # our own names
        {"code": code},
    )
    return with_events(connection, [_entry(row) for row in rows])


def with_events(connection: sqlite3.Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with their histories, oldest event first."""
    found = list(entries)
    events: defaultdict[int, list[Event]] = defaultdict(list)
    for start in range(0, len(found), 500):
        ids = json.dumps([entry.id for entry in found[start : start + 500]])
        of_them = f"{_EVENT} WHERE operation IN (SELECT value FROM json_each(:ids)) ORDER BY events.id"  # noqa: S608  # our own names
        for row in connection.execute(of_them, {"ids": ids}):
            events[row[0]].append(_event(row))
    return [replace(entry, events=tuple(events[entry.id])) for entry in found]


def prune_operations(connection: sqlite3.Connection, before: str, limit: int) -> int:
    """Remove up to `limit` settled operations created before `before` (`time_text`), keeping their references. Return how many.

    One whose outcome somebody still has to be told (`open_callbacks`) stays.

    Within the caller's transaction. The file's triggers allow it only while `meta` says that retention is at work.
    """
    rows = connection.execute(
        """SELECT id FROM operations WHERE created_time < :before AND id NOT IN (SELECT operation FROM unsettled)
            AND id NOT IN (SELECT operation FROM open_callbacks) ORDER BY id LIMIT :limit""",
        {"before": before, "limit": limit},
    )
    found = [{"id": row[0]} for row in rows]
    connection.execute("INSERT INTO meta VALUES ('retention', :before)", {"before": before})
    connection.executemany(
        """INSERT INTO reference_hashes (reference, parameters_hash, kind, terminal, amount, outcome, created_time)
            SELECT reference, parameters_hash, kind, terminal, amount, outcome, created_time FROM operation_states WHERE id = :id""",
        found,
    )
    connection.executemany("DELETE FROM events WHERE operation = :id", found)
    connection.executemany("DELETE FROM operations WHERE id = :id", found)
    connection.execute("DELETE FROM meta WHERE name = 'retention'")
    return len(found)


def prune_terminal_events(connection: sqlite3.Connection, before: str, limit: int) -> int:
    """Remove up to `limit` events without an operation from before `before`, never the newest of a terminal and name. Return how many."""
    connection.execute("INSERT INTO meta VALUES ('retention', :before)", {"before": before})
    removed = connection.execute(
        """DELETE FROM events WHERE id IN (SELECT id FROM events WHERE operation IS NULL AND time < :before AND id NOT IN
            (SELECT max(id) FROM events WHERE operation IS NULL GROUP BY terminal, name) LIMIT :limit)""",
        {"before": before, "limit": limit},
    ).rowcount
    connection.execute("DELETE FROM meta WHERE name = 'retention'")
    return removed


def _entry(row: tuple[Any, ...]) -> Entry:
    number, reference, kind, terminal, amount, parameters, created, state, outcome, finished, terminal_id, address = row
    return Entry(
        id=number,
        reference=reference,
        kind=Kind(kind),
        terminal=terminal,
        amount=amount,
        parameters=json.loads(parameters),
        created_time=datetime.fromisoformat(created),
        state=State(state).value,
        outcome=outcome,
        finished_time=datetime.fromisoformat(finished) if finished is not None else None,
        terminal_id=terminal_id,
        address=address,
    )


def _event(row: tuple[Any, ...]) -> Event:
    _, reference, terminal, time, name, data = row
    return Event(name=name, time=datetime.fromisoformat(time), reference=reference, terminal=terminal, data=json.loads(data))
