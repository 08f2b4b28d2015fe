"""Reading a journal, one's own or another process's."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Self, TextIO

from ecrlan.errors import JournalError
from ecrlan.journal import queries
from ecrlan.journal.backup import back_up
from ecrlan.journal.epoch import Doubt, find_doubt, find_loss, read_inside, read_note
from ecrlan.journal.export import Document, Layout, entry_as_json, write_rows
from ecrlan.journal.queries import Filter
from ecrlan.journal.rows import Known, KnownResults, PendingCallback
from ecrlan.journal.store import connect, open_for_reading
from ecrlan.model import Kind
from ecrlan.model.rows import Entry, Event, NewOperation

PAGE = 500


class JournalReader:
    """A journal open for reading, without owning it; sees what its owner has committed. Safe to use from any thread.

    Every method raises `JournalError` where the file cannot be read.
    """

    incomplete: Doubt | None = None
    """Why a journal that was opened for reading may lack something: it is older than its second file says, cut, or a copy without that file
    or without its log. A backup, and any other whole copy, lacks nothing."""

    _doubt: Doubt | None = None

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the journal at `path`. Raises `JournalError` where there is none, or it is damaged or newer than this ecrlan."""
        self.path: Path | None = resolved(path)
        note = read_note(self.path)  # before the journal, which may be written meanwhile: then it is ahead of its second file
        self._reading = open_for_reading(self.path)
        self._reading_lock = threading.RLock()
        self._closed = False
        with self._read() as connection:
            inside = read_inside(connection)
        note = note or read_note(self.path)  # it may have been made in between
        self.incomplete = find_loss(self.path, note, inside)
        self._doubt = inside.doubt or find_doubt(self.path, note, inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; twice does no harm."""
        self._closed = True
        with self._reading_lock:
            self._reading.close()

    @property
    def doubt(self) -> Doubt | None:
        """Why this journal may not hold all that was done, as far as it was known when it was opened; None: nothing is in doubt."""
        return self._doubt

    @property
    def epoch(self) -> int:
        """How often the journal was opened for writing; what a person accepted counts, too. 0: never since there are epochs."""
        with self._read() as connection:
            return read_inside(connection).epoch

    def find(self, reference: str) -> Entry | None:
        """Return the operation with its history, or None."""
        self._settle(lambda row: row.reference == reference)
        with self._read() as connection:
            return queries.select_entry(connection, reference)

    def known(self, reference: str) -> Known | None:
        """Return what is known of a reference for ever, or None; also where retention has removed the operation."""
        self._settle(lambda row: row.reference == reference)
        with self._read() as connection:
            return queries.select_known(connection, reference)

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
        """Return operations without their events, newest first; `before_id` goes on behind the last `Entry.id` of the page before.

        `since` (inclusive) and `until` (exclusive) are about `created_time`; `unfinished`: not finished, or unresolved.
        """
        wanted = Filter(terminal=terminal, outcome=outcome, kind=kind, since=since, until=until, unfinished=unfinished)
        self._settle(lambda _: True)
        with self._read() as connection:
            return queries.select_entries(connection, wanted, limit=limit, before_id=before_id)

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
        """Yield operations with their events, oldest first, however many there are. Filters as in `entries`."""
        wanted = Filter(terminal=terminal, outcome=outcome, kind=kind, since=since, until=until, unfinished=unfinished)
        self._settle(lambda _: True)
        last = 0
        while True:
            with self._read() as connection:
                page = queries.with_events(connection, queries.select_entries(connection, wanted, limit=PAGE, after_id=last))
            if not page:
                return
            yield from page
            last = page[-1].id

    def unsettled(self, terminal: str | None = None) -> list[Entry]:
        """Return operations that are not finished or are unresolved, oldest first, with their events; of all terminals for None."""
        self._settle(lambda row: terminal in (None, row.terminal))
        with self._read() as connection:
            return queries.select_unsettled(connection, terminal)

    def pending_callbacks(self) -> list[PendingCallback]:
        """Return the operations with a callback of whose known outcome nobody was told yet, oldest first."""
        self._settle(lambda _: True)
        with self._read() as connection:
            return queries.select_pending_callbacks(connection)

    def latest(self, terminal: str, name: str) -> Event | None:
        """Return the terminal's newest event of this name, or None."""
        self._settle(lambda row: row.terminal == terminal)
        with self._read() as connection:
            return queries.select_latest(connection, terminal, name)

    def stans(self, terminal: str, limit: int = 100_000) -> set[str]:
        """Return the STANs of the terminal's newest `limit` "answered" events."""
        self._settle(lambda row: row.terminal == terminal)
        with self._read() as connection:
            return queries.select_stans(connection, terminal, limit)

    def results(self, identity: str) -> KnownResults:
        """Return what is known for ever of the results of the terminal `identity` (its TID; ADDRESS:PORT where that names nobody)."""
        self._settle(lambda row: isinstance(row, Event) and row.data.get("identity") == identity)
        with self._read() as connection:
            return queries.select_results(connection, identity)

    def facts(self, identity: str) -> dict[str, Event]:
        """Return, by its name, the newest event of each name that tells of the terminal `identity` and belongs to no operation."""
        self._settle(lambda row: isinstance(row, Event) and row.data.get("identity") == identity)
        with self._read() as connection:
            return queries.select_facts(connection, identity)

    def of_preauthorization(self, code: str) -> list[Entry]:
        """Return the operations of the pre-authorization with this code, oldest first, with their events.

        Those are the pre-authorizations whose result carries it, on whatever terminal, and the increments and captures sent with it.
        """
        self._settle(lambda _: True)
        with self._read() as connection:
            return queries.select_of_preauthorization(connection, code)

    def export_rows(
        self,
        layout: Layout,
        stream: TextIO,
        *,
        document: Document = entry_as_json,
        terminal: str | None = None,
        outcome: str | None = None,
        kind: Kind | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        unfinished: bool = False,
    ) -> int:
        """Write operations to `stream`, oldest first, as `jsonl` or `csv`, and return how many. Filters as in `entries`.

        `document` makes a JSON line's object of an entry. Open a CSV file with `newline=""`.
        """
        found = self.each(terminal=terminal, outcome=outcome, kind=kind, since=since, until=until, unfinished=unfinished)
        return write_rows(layout, stream, found, document)

    def backup(self, target: str | os.PathLike[str]) -> Path:
        """Copy the journal, while it is written, into the new file `target` and return its path. Raises `JournalError`."""
        return self._back_up(resolved(target), replace=False)

    def _back_up(self, target: Path, *, replace: bool) -> Path:
        self._settle(lambda _: True)
        if self.path is None:
            with self._read() as connection:
                back_up(connection, target, replace=replace)
        else:  # a connection of its own: who reads the journal meanwhile waits for nothing
            with contextlib.closing(connect(self.path, "ro")) as connection:
                back_up(connection, target, replace=replace)
        return target

    def _settle(self, concerned: Callable[[NewOperation | Event], bool]) -> None:
        """Give an owner the occasion to commit what is asked for; a mere reader has nothing to commit."""

    @contextlib.contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        with self._reading_lock:
            if self._closed:
                raise JournalError(("journal_closed", {}))
            try:
                yield self._reading
            except sqlite3.Error as error:
                raise JournalError(("journal_not_read", {"problem": str(error)})) from error


def resolved(path: str | os.PathLike[str]) -> Path:
    """Return the one absolute path of a file, so that nobody owns it twice by two names."""
    return Path(os.path.realpath(path))
