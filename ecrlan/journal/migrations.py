"""The journal's schema, as the steps from one version to the next. A step that was released is never edited."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ecrlan.errors import MalformedMessageError
from ecrlan.model import PaymentResult
from ecrlan.protocol.identity import identity_of, seen_key
from ecrlan.wire import parse_response

APPLICATION_ID = 0x45435231
"""`ECR1`: marks the SQLite file as a journal of ecrlan."""

Step = str | Callable[[sqlite3.Connection], None]
"""A statement, or what is done in Python."""

# The first known outcome stands, for `unresolved` is the only outcome that can ever change; until there is one, the last event counts.
_VERSION_1 = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE operations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        reference TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        terminal TEXT NOT NULL,
        terminal_id TEXT NOT NULL,
        amount INTEGER,
        parameters TEXT NOT NULL,
        parameters_hash TEXT NOT NULL,
        created_time TEXT NOT NULL)""",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        operation INTEGER REFERENCES operations (id),
        terminal TEXT NOT NULL,
        time TEXT NOT NULL,
        name TEXT NOT NULL,
        data TEXT NOT NULL)""",
    """CREATE TABLE reference_hashes (
        reference TEXT PRIMARY KEY,
        parameters_hash TEXT NOT NULL,
        kind TEXT NOT NULL,
        terminal TEXT NOT NULL,
        amount INTEGER,
        outcome TEXT,
        created_time TEXT NOT NULL)""",
    "CREATE INDEX operations_of_terminal ON operations (terminal)",
    "CREATE INDEX events_of_operation ON events (operation)",
    "CREATE INDEX events_of_terminal ON events (terminal, name)",
    """CREATE VIEW operation_states AS
        SELECT operations.*,
            CASE WHEN events.name IS NULL THEN 'queued' WHEN events.name IN ('finished', 'resolved') THEN 'finished'
                ELSE events.name END AS state,
            CASE WHEN events.name IN ('finished', 'resolved') THEN json_extract(events.data, '$.outcome') END AS outcome,
            CASE WHEN events.name IN ('finished', 'resolved') THEN events.time END AS finished_time
        FROM operations LEFT JOIN events ON events.id = coalesce(
            (SELECT min(id) FROM events WHERE operation = operations.id AND name IN ('finished', 'resolved')
                AND json_extract(data, '$.outcome') <> 'unresolved'),
            (SELECT max(id) FROM events WHERE operation = operations.id
                AND name IN ('sending', 'accepted', 'recovering', 'finished', 'resolved')))""",
    *(
        f"""CREATE TRIGGER {table}_not_updated BEFORE UPDATE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} are never changed'); END"""
        for table in ("operations", "events", "reference_hashes")
    ),
    *(
        f"""CREATE TRIGGER {table}_not_deleted BEFORE DELETE ON {table} WHEN NOT EXISTS (SELECT 1 FROM meta WHERE name = 'retention')
            BEGIN SELECT RAISE(ABORT, '{table} are never deleted but by retention'); END"""  # noqa: S608  # our own names
        for table in ("operations", "events")
    ),
    """CREATE TRIGGER reference_hashes_not_deleted BEFORE DELETE ON reference_hashes
        BEGIN SELECT RAISE(ABORT, 'references are never deleted'); END""",
    """CREATE TRIGGER references_used_once BEFORE INSERT ON operations
        WHEN EXISTS (SELECT 1 FROM reference_hashes WHERE reference = NEW.reference)
        BEGIN SELECT RAISE(ABORT, 'reference taken'); END""",
)

# Which operations still have no known outcome: found at once however long the journal is, and kept from retention by the file itself.
_VERSION_2 = (
    "CREATE TABLE unsettled (operation INTEGER PRIMARY KEY REFERENCES operations (id), terminal TEXT NOT NULL)",
    """INSERT INTO unsettled SELECT id, terminal FROM operation_states WHERE state <> 'finished' OR outcome = 'unresolved'""",
    """CREATE TRIGGER operations_begin_unsettled AFTER INSERT ON operations
        BEGIN INSERT INTO unsettled VALUES (NEW.id, NEW.terminal); END""",
    """CREATE TRIGGER events_settle AFTER INSERT ON events
        WHEN NEW.name IN ('finished', 'resolved') AND json_extract(NEW.data, '$.outcome') <> 'unresolved'
        BEGIN DELETE FROM unsettled WHERE operation = NEW.operation; END""",
    """CREATE TRIGGER unsettled_operations_stay BEFORE DELETE ON operations WHEN OLD.id IN (SELECT operation FROM unsettled)
        BEGIN SELECT RAISE(ABORT, 'unsettled operations are never deleted'); END""",
    """CREATE TRIGGER unsettled_events_stay BEFORE DELETE ON events WHEN OLD.operation IN (SELECT operation FROM unsettled)
        BEGIN SELECT RAISE(ABORT, 'events of unsettled operations are never deleted'); END""",
)

# Which operations have somebody who waits to be told of their outcome: found at once, and kept from retention until that is done.
_VERSION_3 = (
    "CREATE TABLE open_callbacks (operation INTEGER PRIMARY KEY REFERENCES operations (id))",
    """CREATE TRIGGER callbacks_begin AFTER INSERT ON events WHEN NEW.name = 'callback' AND NEW.operation IS NOT NULL
        BEGIN INSERT OR IGNORE INTO open_callbacks VALUES (NEW.operation); END""",
    """CREATE TRIGGER callbacks_end AFTER INSERT ON events
        WHEN NEW.name = 'callback_done' AND json_extract(NEW.data, '$.step') = 'FINAL'
            AND json_extract(NEW.data, '$.outcome') <> 'unresolved'
        BEGIN DELETE FROM open_callbacks WHERE operation = NEW.operation; END""",
)


def _fill_results(connection: sqlite3.Connection) -> None:
    """Enter the results of earlier versions, which kept neither who answered nor a text to know copies by.

    Where the answer's TID is 00000000 its terminal is not known any more: such a row has the identity ''.
    """
    rows = connection.execute(
        """SELECT id, name, json_extract(data, '$.message') FROM events
            WHERE name IN ('answered', 'stray') AND json_extract(data, '$.message') IS NOT NULL"""
    )
    for event, name, text in rows:
        try:
            message = bytes.fromhex(text)
            result = parse_response(message, tolerate_lengths=True)
        except (ValueError, MalformedMessageError):
            continue
        if isinstance(result, PaymentResult):
            values = {
                "event": event,
                "identity": identity_of(result.terminal_id, ""),
                "name": name,
                "stan": result.stan,
                "seen": seen_key(result, message),
                "code": result.preauthorization_code,
            }
            connection.execute("INSERT INTO results VALUES (:event, :identity, :name, :stan, :seen, :code)", values)


# Results and facts belong to a terminal's identity (its TID, or its address where it names none), whatever settings call it, and are kept
# for ever: a copy of a result must be known as one however old it is. `facts` holds the newest event of each identity and name.
_CODE = "json_extract(parameters, '$.preauthorization_code')"
_VERSION_4: tuple[Step, ...] = (
    "ALTER TABLE operations ADD COLUMN address TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE results (
        event INTEGER PRIMARY KEY,
        identity TEXT NOT NULL,
        name TEXT NOT NULL,
        stan TEXT,
        seen TEXT NOT NULL,
        preauthorization_code TEXT)""",
    "CREATE INDEX results_of_identity ON results (identity)",
    "CREATE INDEX results_of_preauthorization ON results (preauthorization_code) WHERE preauthorization_code IS NOT NULL",
    f"CREATE INDEX operations_of_preauthorization ON operations ({_CODE}) WHERE {_CODE} IS NOT NULL",
    """CREATE TABLE facts (
        identity TEXT NOT NULL,
        name TEXT NOT NULL,
        event INTEGER NOT NULL,
        terminal TEXT NOT NULL,
        time TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (identity, name)) WITHOUT ROWID""",
    _fill_results,
    """CREATE TRIGGER results_are_kept AFTER INSERT ON events
        WHEN NEW.name IN ('answered', 'stray') AND json_extract(NEW.data, '$.identity') IS NOT NULL
            AND json_extract(NEW.data, '$.seen') IS NOT NULL
        BEGIN INSERT INTO results VALUES (NEW.id, json_extract(NEW.data, '$.identity'), NEW.name, json_extract(NEW.data, '$.stan'),
            json_extract(NEW.data, '$.seen'), json_extract(NEW.data, '$.preauthorization_code')); END""",
    """CREATE TRIGGER facts_are_kept AFTER INSERT ON events
        WHEN NEW.operation IS NULL AND json_extract(NEW.data, '$.identity') IS NOT NULL
        BEGIN INSERT OR REPLACE INTO facts VALUES (json_extract(NEW.data, '$.identity'), NEW.name, NEW.id, NEW.terminal, NEW.time,
            NEW.data); END""",
    *(
        f"""CREATE TRIGGER {table}_not_deleted BEFORE DELETE ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} are never deleted'); END"""
        for table in ("results", "facts")
    ),
    """CREATE TRIGGER results_not_updated BEFORE UPDATE ON results BEGIN SELECT RAISE(ABORT, 'results are never changed'); END""",
)

# Lists of a rare outcome, however long the journal is.
_VERSION_5 = (
    """CREATE INDEX events_of_outcome ON events (json_extract(data, '$.outcome'), operation)
        WHERE name IN ('finished', 'resolved')""",
)

MIGRATIONS: tuple[tuple[Step, ...], ...] = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5)
VERSION = len(MIGRATIONS)
"""The schema's version that this ecrlan writes; the file keeps its own in `PRAGMA user_version`."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema to `VERSION`, each step in a transaction of its own: stopped anywhere, the next start goes on from there."""
    for version in range(file_version(connection), VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for step in MIGRATIONS[version]:
                if isinstance(step, str):
                    connection.execute(step)
                else:
                    step(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def file_version(connection: sqlite3.Connection) -> int:
    """Return the schema's version of an open file; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
