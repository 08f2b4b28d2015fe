"""The journal of the process that owns it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from pathlib import Path

from ecrlan.errors import InvalidValueError, JournalError
from ecrlan.journal import queries
from ecrlan.journal.backup import daily_backups, daily_name, drop_old
from ecrlan.journal.epoch import Doubt, Epoch, read_inside
from ecrlan.journal.files import beside, check_folder, make_private
from ecrlan.journal.owner import OwnerLock
from ecrlan.journal.reader import JournalReader, resolved
from ecrlan.journal.reserve import RESERVE_BYTES, Reserve
from ecrlan.journal.rows import time_text
from ecrlan.journal.store import Synchronous, connect, note_opening, open_for_writing, values_of
from ecrlan.journal.unsent import finish_unsent, note_unsent
from ecrlan.journal.writer import Call, Kept, Promise, Writer
from ecrlan.model.rows import Event, NewOperation

RIDE_SECONDS = 0.5
"""How long rows without a waiting caller may stay uncommitted."""
SETTLED_NS = 5_000_000_000
"""Age of a folder's last change after which another one cannot bear the same time: file systems count in up to 2 seconds."""
PRUNE_ROWS = 200
"""Rows that retention removes in one commit, so that payments do not wait for it."""


class Journal(JournalReader):
    """The journal at `path`, owned by this process until `close`; None is one in memory.

    `owner_wait` seconds are spent waiting for another owner. `inline` commits on the calling thread instead of a writer's.
    `reserve_bytes` are held on disk (beside the journal, `.reserve`) for the records of operations under way. `commit_delay` is called
    before every COMMIT; `on_commit` afterwards, with the commit's seconds, on the writing thread. `synchronous` is SQLite's; less than
    FULL is for simulations.

    Raises `JournalOwnedError` (by which process, where, since when), `JournalError`: folder missing, read-only, damaged, no journal, newer.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        *,
        synchronous: Synchronous = "FULL",
        inline: bool = False,
        owner_wait: float = 5.0,
        commit_delay: Callable[[], None] | None = None,
        on_commit: Callable[[float], None] | None = None,
        ride_seconds: float = RIDE_SECONDS,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self.path = None if path is None else resolved(path)
        self._closed = False
        self._backed_up: tuple[Path, int] | None = None
        """The day's backup, and how many commits were made before it."""
        self._owner: OwnerLock | None = None
        if self.path is not None:
            check_folder(self.path.parent)
            self._owner = OwnerLock(beside(self.path, ".owner"), wait=owner_wait)
        with contextlib.ExitStack() as stack:
            if self._owner is not None:
                stack.callback(self._owner.release)
            self._writing = open_for_writing(self.path, synchronous)
            stack.callback(self._writing.close)
            self._epoch = self._take_up(synchronize=synchronous != "OFF")
            if self._epoch is not None:
                stack.callback(self._epoch.close)
            lock = threading.RLock()
            if self.path is None or inline:
                self._reading, self._reading_lock = self._writing, lock
            else:
                self._reading, self._reading_lock = _second_connection(self.path), threading.RLock()
                stack.callback(self._reading.close)
            self._writer = Writer(
                self._writing,
                lock,
                inline=inline,
                reserve=Reserve(beside(self.path, ".reserve") if self.path else Path(), reserve_bytes if self.path else 0),
                still_there=_Witness(self.path).missing,
                mark=self._epoch.mark if self._epoch is not None else lambda _: None,
                failing=self._note_unsent,
                commit_delay=commit_delay,
                on_commit=on_commit,
                ride_seconds=ride_seconds,
            )
            stack.pop_all()

    @staticmethod
    def reader(path: str | os.PathLike[str]) -> JournalReader:
        """Open somebody's journal for reading, without owning it. Raises `JournalError`."""
        return JournalReader(path)

    @property
    def threaded(self) -> bool:
        """Whether it is written by a thread of its own: then it is read in threads, too, where nothing may be held up."""
        return self._writer.threaded

    @property
    def failed(self) -> str | None:
        """Why the journal takes nothing more, or None. It stays failed until it is opened anew."""
        return self._writer.failed

    @property
    def doubt(self) -> Doubt | None:
        """Why this journal may not hold all that was done (exchange.md §5, "An old or copied journal"), or None.

        Known from opening on, and kept over restarts, until `accept`. Meanwhile it is written as ever: only money must not move.
        """
        return self._epoch.doubt if self._epoch is not None else None

    @property
    def doubted_operations(self) -> int:
        """Operations with an `Entry.id` up to this one are from before a doubt was settled; 0: none. While one stands, that is all."""
        if self._epoch is None:
            return 0
        if self._epoch.doubt is None:
            return self._epoch.doubted_operations
        with self._read() as connection:
            return read_inside(connection).highest

    def accept(self, by: str, note: str, *, now: datetime) -> None:
        """Settle the doubt in a person's name: the event "journal_accepted", which belongs to no terminal, is on disk when this returns.

        Raises `InvalidValueError` for an empty name or note, `JournalError` where there is no doubt, or it cannot be written.
        """
        for place, text in (("by", by), ("note", note)):
            if not text.strip():
                raise InvalidValueError(place, text, ("allowed_not_empty", {}))
        epoch = self._epoch
        if epoch is None or epoch.doubt is None:
            raise JournalError(("nothing_in_doubt", {}))
        epoch.settle(self._run(lambda connection: epoch.accept(connection, by, note, now)))

    @property
    def commits(self) -> int:
        """Commits since it was opened."""
        return self._writer.commits

    def write(self, rows: Sequence[NewOperation | Event], *, durable: bool = True) -> Future[None] | None:
        """Write the rows in their order, all or none; calls are applied in their order too.

        `durable`: inline, returns None after the commit; otherwise a future that is done once COMMIT has returned (cancelling it changes
        nothing). Not `durable`: returns None, and the rows ride along with the next commit, after `ride_seconds` at the latest (inline:
        with the next write, `flush` or `close`); one that is refused then is logged.

        Raises, here or through the future: `InvalidValueError` (here, nothing taken), `ReferenceTakenError`, `UnknownReferenceError` (an
        event of no operation), `JournalError` (no room for a new operation; or the journal has failed, now or before: see `failed`).
        """
        if not durable:
            self._submit(rows, None)
            return None
        if self._writer.threaded:
            future: Future[None] = Future()
            future.set_running_or_notify_cancel()  # a caller that stops waiting cancels nothing
            self._submit(rows, future)
            return future
        kept = Kept()
        self._submit(rows, kept)
        if kept.error is not None:
            raise kept.error
        return None

    def flush(self) -> None:
        """Return once everything written so far is on disk. Raises `JournalError`."""
        self._writer.flush()

    def close(self) -> None:
        """Commit what waits, close the file and give it up; twice does no harm. Where the journal fails at this, `failed` says so."""
        self._end(commit=True)

    def abandon(self) -> None:
        """Drop what waits and let go of the file, as a killed process would: for simulations."""
        self._end(commit=False)

    def prune(self, before: datetime) -> int:
        """Remove operations created before `before` with their events, and return how many operations.

        Never one that is unfinished or unresolved, or has an open callback; references stay for ever (`known`). Raises `JournalError`.
        """
        text = time_text(before, "before")
        removed = 0
        while count := self._run(partial(queries.prune_operations, before=text, limit=PRUNE_ROWS)):
            removed += count
        while self._run(partial(queries.prune_terminal_events, before=text, limit=PRUNE_ROWS)):
            pass
        return removed

    def backup_daily(self, folder: str | os.PathLike[str], keep: int = 7, *, now: datetime) -> Path | None:
        """Make the backup of `now`'s day in `folder` (made where missing), in place of an earlier one; keep those of the last `keep` days.

        Returns the file, or None where nothing was committed since the day's last one was made. Raises `JournalError`.
        """
        if keep < 1:
            raise InvalidValueError("keep", keep, ("allowed_at_least", {"least": 1}))
        stem = self.path.stem if self.path is not None else "journal"
        target = resolved(folder) / daily_name(stem, now)
        commits = self.commits
        if self._backed_up == (target, commits) and target.exists():
            return None
        try:
            target.parent.mkdir(exist_ok=True)
            self._back_up(target, replace=True)
            make_private(daily_backups(target.parent, stem))  # earlier versions let everybody read them
            drop_old(target.parent, stem, keep, target)
        except OSError as error:
            raise JournalError(("backups_not_kept", {"path": str(target.parent), "problem": error.strerror})) from error
        self._backed_up = target, commits
        return target

    def _take_up(self, *, synchronize: bool) -> Epoch | None:
        """Count this opening, and finish what a failed commit before it left open."""
        try:
            epoch = None
            if self.path is not None:
                finish_unsent(beside(self.path, ".unsent"), self._writing)
                epoch = Epoch(self.path, self._writing, synchronize=synchronize)
            note_opening(self._writing)
        except sqlite3.Error as error:
            raise JournalError(("journal_not_writable", {"path": str(self.path), "problem": str(error)})) from error
        return epoch

    def _note_unsent(self, calls: Sequence[Call]) -> None:
        if self.path is not None:
            note_unsent(beside(self.path, ".unsent"), [(call.rows, call.promise is not None) for call in calls])

    def _run(self, change: Callable[[sqlite3.Connection], int]) -> int:
        count: int = self._writer.run(change)
        return count

    def _submit(self, rows: Sequence[NewOperation | Event], promise: Promise | None) -> None:
        self._writer.submit(Call(tuple(rows), values_of(rows), promise=promise))

    def _settle(self, concerned: Callable[[NewOperation | Event], bool]) -> None:
        if any(concerned(row) for call in self._writer.waiting() for row in call.rows):
            self.flush()

    def _end(self, *, commit: bool) -> None:
        if self._closed:
            return
        self._writer.stop(commit=commit)
        super().close()
        self._writing.close()  # last: the last connection copies the log into the file
        if self._epoch is not None:
            self._epoch.close()
        if self._owner is not None:
            self._owner.release()


class _Witness:
    """Remembers which files are written, for a deleted or replaced journal takes writes without a word.

    Asked after every commit, so it looks at the folder first: where no name came or went in it, the files are still there. Asking a
    file itself for its times makes the next write to it dearer (Linux 6.13 and later take a finer time then, one more block to sync).
    """

    def __init__(self, path: Path | None) -> None:
        files = (path, beside(path, "-wal")) if path is not None else ()
        self._files = [(str(file), _identity(str(file))) for file in files]
        self._folder = str(path.parent) if path is not None else ""
        self._unchanged: tuple[int, int, int] | None = None
        """The folder as it was when the files were found in it, if that was long after its last change."""

    def missing(self) -> str | None:
        """Name a file that is no longer the one that was opened; None where there is none."""
        folder = _identity(self._folder) if self._folder else None
        if folder is not None and folder == self._unchanged:
            return None
        self._unchanged = None
        for file, identity in self._files:
            found = _identity(file)
            if found is None or identity is None or found[:2] != identity[:2]:
                return file
        if folder is not None and time.time_ns() - folder[2] > SETTLED_NS:
            self._unchanged = folder
        return None


def _identity(path: str) -> tuple[int, int, int] | None:
    """Return device, number and time of the last change, in ns; None where there is nothing."""
    try:
        status = os.stat(path)  # noqa: PTH116  # half the cost of Path.stat, and this is done after every commit
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _second_connection(path: Path) -> sqlite3.Connection:
    try:
        connection = connect(path, "rw")
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise JournalError(("journal_unreadable", {"path": str(path), "problem": str(error)})) from error
    return connection
