"""The journal's SQLite file: opened with care, and written row by row."""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from ecrlan.errors import JournalError, UnknownReferenceError
from ecrlan.journal.files import COMPANIONS, beside, make_private, open_private
from ecrlan.journal.log import log_damage
from ecrlan.journal.migrations import APPLICATION_ID, VERSION, file_version, migrate
from ecrlan.journal.rows import ReferenceTakenError, event_values, operation_values
from ecrlan.model.rows import Event, NewOperation

Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]
BUSY_SECONDS = 5.0
MAGIC = b"SQLite format 3\x00"
MEMORY = ":memory:"

TABLE_COLUMNS = {
    "operations": 9,
    "events of operations": 5,
    "events": 4,
}
"""What rows are written to, each with the number of its values."""
MOST_ROWS = 64
"""Rows of one statement: 9 values each stay far below SQLite's limits."""

Values = tuple[str, tuple[Any, ...]]
"""A row on its way: what it is written to, and its values."""


def connect(path: Path | None, mode: Literal["ro", "rw", "rwc"]) -> sqlite3.Connection:
    """Return a connection with explicit transactions, for any one thread at a time; path None is a journal in memory."""
    name = MEMORY if path is None else f"{path.as_uri()}?mode={mode}"
    connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=path is not None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open somebody's journal to read it. Raises `JournalError` where there is none or it is damaged or newer.

    An older journal is read from a copy in memory that is brought to this version; the file itself is its owner's to migrate.
    """
    if not _has_content(path):
        raise JournalError(("journal_missing", {"path": str(path)}))
    try:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(contextlib.closing(connect(path, "ro")))
            _check_kind(connection, path)
            if file_version(connection) < VERSION:
                memory = stack.enter_context(contextlib.closing(connect(None, "rw")))
                connection.backup(memory)
                migrate(memory)
                connection.close()
                connection = memory
            connection.execute("PRAGMA query_only = ON")
            stack.pop_all()
            return connection
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error


def open_for_writing(path: Path | None, synchronous: str) -> sqlite3.Connection:
    """Open the journal, making it where there is none, and bring it to this version. The caller owns it.

    Raises `JournalError` for a missing folder, a damaged file, another program's, a newer version's, or one that cannot be written; such a
    file keeps its bytes.
    """
    if synchronous not in ("OFF", "NORMAL", "FULL", "EXTRA"):
        raise ValueError(f"synchronous={synchronous!r}")
    if path is not None:
        check_file(path)
    connection = None
    try:
        if path is not None:
            _make_files_private(path)
        connection = connect(path, "rwc")
        if path is not None:
            _use_log(connection, path)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        migrate(connection)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error | OSError):
            raise JournalError(("journal_not_writable", {"path": str(path or MEMORY), "problem": str(error)})) from error
        raise
    return connection


def note_opening(connection: sqlite3.Connection) -> None:
    """Write who opened the journal, and when; shows at once that it can be written."""
    opened = f"process {os.getpid()} on {platform.node()} at {datetime.now(UTC).isoformat(timespec='seconds')}"
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('opened', :opened)", {"opened": opened})


def check_file(path: Path) -> None:
    """Raise `JournalError` where the file is not a sound journal of this version or an older one; nothing is written to it.

    The check uses a read-only connection: an ordinary one would copy the log into the file when it is closed.
    """
    if not _has_content(path):
        log = beside(path, "-wal")
        if log.exists() and log.stat().st_size:
            raise JournalError(("journal_gone", {"path": str(path), "log": log.name}))
        return
    if not os.access(path, os.W_OK):
        raise JournalError(("journal_read_only", {"path": str(path)}))
    interrupted = beside(path, "-journal").exists()  # its creation was cut short: only a writing connection can clean up
    try:
        with contextlib.closing(connect(path, "rw" if interrupted else "ro")) as connection:
            _check_kind(connection, path)
            findings = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
            damage = log_damage(beside(path, "-wal"), beside(path, "-shm"))
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    except OSError as error:
        raise JournalError(("journal_log_unreadable", {"path": f"{path}-wal", "problem": error.strerror})) from error
    if damage is not None:
        raise JournalError(("journal_log_damaged", {"path": f"{path}-wal", "problem": damage}))
    if findings != ["ok"]:
        raise JournalError(("journal_damaged", {"path": str(path), "problem": "; ".join(findings)}))


def values_of(rows: Sequence[NewOperation | Event]) -> list[Values]:
    """Return what is written for the rows, in their order. Raises `InvalidValueError`."""
    made: list[Values] = []
    for row in rows:
        if isinstance(row, NewOperation):
            made.append(("operations", operation_values(row)))
        elif row.reference is None:
            made.append(("events", event_values(row)[:-1]))
        else:
            made.append(("events of operations", event_values(row)))
    return made


def insert(connection: sqlite3.Connection, rows: Sequence[Values], most: int = MOST_ROWS) -> None:
    """Write the rows within the caller's transaction, in their order, operations before all events.

    Up to `most` rows go in one statement: a statement costs more than a row, and hands the interpreter from thread to thread twice.
    Raises `ReferenceTakenError`, `UnknownReferenceError` (they name the right row only if each has a statement of its own),
    `sqlite3.Error`.
    """
    operations = [row for row in rows if row[0] == "operations"]
    events = [row for row in rows if row[0] != "operations"]
    for table, group in (*_runs(operations), *_runs(events)):
        for start in range(0, len(group), most):
            _insert_rows(connection, table, group[start : start + most])


def _runs(rows: list[Values]) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Yield rows of one table that follow each other."""
    for table, run in itertools.groupby(rows, key=itemgetter(0)):
        yield table, [values for _, values in run]


def _insert_rows(connection: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    try:
        changed = connection.execute(_statement(table, len(rows)), list(itertools.chain.from_iterable(rows))).rowcount
    except sqlite3.IntegrityError as error:
        if table == "operations":
            raise ReferenceTakenError(rows[0][0]) from error
        raise
    if changed != len(rows):
        raise UnknownReferenceError(rows[0][-1])


@lru_cache(maxsize=3 * MOST_ROWS)
def _statement(table: str, count: int) -> str:
    """Return the statement that writes `count` rows."""
    values = ", ".join([f"({', '.join('?' * TABLE_COLUMNS[table])})"] * count)
    if table == "operations":
        columns = "reference, kind, terminal, terminal_id, address, amount, parameters, parameters_hash, created_time"
        return f"INSERT INTO operations ({columns}) VALUES {values}"  # noqa: S608  # our own names
    if table == "events":
        return f"INSERT INTO events (terminal, time, name, data) VALUES {values}"  # noqa: S608
    # the rows in the outer loop (CROSS JOIN keeps it so): they get their numbers in their order
    return f"""INSERT INTO events (operation, terminal, time, name, data)
        WITH made (terminal, time, name, data, reference) AS (VALUES {values})
        SELECT operations.id, made.terminal, made.time, made.name, made.data
        FROM made CROSS JOIN operations ON operations.reference = made.reference"""  # noqa: S608


def _make_files_private(path: Path) -> None:
    """Let nobody but the owner of the files read them; SQLite gives a new log the permissions of its database."""
    if not path.exists():
        os.close(open_private(path))
    make_private(beside(path, ending) for ending in COMPANIONS)


def _use_log(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise JournalError(("journal_without_log", {"path": str(path), "mode": mode}))
    empty_log(connection)  # what a power cut tore is gone before new commits follow it


def empty_log(connection: sqlite3.Connection) -> None:
    """Copy the log into the file, and begin it anew."""
    connection.execute("PRAGMA busy_timeout = 0")  # a reader may hold the log: then it stays
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def _has_content(path: Path) -> bool:
    try:
        if path.is_dir():
            raise JournalError(("journal_is_folder", {"path": str(path)}))
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise JournalError(("journal_unreadable", {"path": str(path), "problem": error.strerror})) from error
    if start and start != MAGIC:
        raise JournalError(("no_journal", {"path": str(path)}))
    return bool(start)


def _check_kind(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (application or tables):
        raise JournalError(("database_of_another", {"path": str(path)}))
    version = file_version(connection)
    if version > VERSION:
        raise JournalError(("journal_newer", {"path": str(path), "version": version, "known": VERSION}))


def _unreadable(path: Path, error: sqlite3.Error) -> JournalError:
    damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    values = {"path": str(path), "problem": str(error)}
    return JournalError(("journal_damaged", values) if damaged else ("journal_unreadable", values))
