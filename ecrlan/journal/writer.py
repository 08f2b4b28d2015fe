"""The one writer: calls wait in a list, and everything that waits is committed together."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from ecrlan.errors import EcrlanError, JournalError
from ecrlan.journal.epoch import last_event
from ecrlan.journal.reserve import Reserve
from ecrlan.journal.store import MOST_ROWS, Values, insert
from ecrlan.model.rows import Event, NewOperation

log = logging.getLogger(__name__)

Row = NewOperation | Event


class Promise(Protocol):
    """What a call's end is told to, on the writing thread; a `concurrent.futures.Future` is one."""

    def done(self) -> bool:
        """Tell whether it was told already."""

    def set_result(self, result: Any) -> None:  # noqa: ANN401  # whatever the change returned
        """Take the result: the change is committed."""

    def set_exception(self, exception: BaseException | None) -> None:
        """Take the error: nothing of the call was written, or the journal has failed."""


@dataclass(slots=True, eq=False)
class Call:
    """One caller's rows, or a change that is no row: all of it or nothing. Without a promise it rides along with the next commit."""

    rows: tuple[Row, ...] = ()
    values: Sequence[Values] = ()
    """What is written for the rows."""
    change: Callable[[sqlite3.Connection], Any] | None = None
    promise: Promise | None = None
    error: Exception | None = None
    result: Any = None

    @property
    def begins(self) -> bool:
        """Whether an operation begins here, for which room must be held."""
        return any(isinstance(row, NewOperation) for row in self.rows)


@dataclass(slots=True, eq=False)
class Kept:
    """The promise of a caller that commits on its own thread."""

    error: BaseException | None = None
    told: bool = False

    def done(self) -> bool:
        """Tell whether the call has ended."""
        return self.told

    def set_result(self, result: object) -> None:  # noqa: ARG002  # nobody asks for it
        """Take the good end."""
        self.told = True

    def set_exception(self, exception: BaseException | None) -> None:
        """Take the bad end."""
        self.error, self.told = exception, True


class Writer:
    """Applies calls in their order, on a thread of its own or (`inline`) on the caller's.

    `lock` is held while the connection is in use. `still_there` names a file that is no longer there (None: all are): a system lets an open
    file's name be deleted, and commits would go on into nowhere. `mark` is told the id of the last event after each commit, `failing` the
    calls that are told that they failed, before they are.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: threading.RLock,
        *,
        inline: bool,
        reserve: Reserve,
        still_there: Callable[[], str | None],
        mark: Callable[[int], None],
        failing: Callable[[Sequence[Call]], None],
        commit_delay: Callable[[], None] | None,
        on_commit: Callable[[float], None] | None,
        ride_seconds: float,
    ) -> None:
        self.failed: str | None = None
        self.commits = 0
        self.on_commit = on_commit
        self._connection = connection
        self._lock = lock
        self._reserve = reserve
        self._still_there = still_there
        self._mark = mark
        self._failing = failing
        self._commit_delay = commit_delay
        self._ride_seconds = ride_seconds
        self._changed = threading.Condition()
        self._waiting: list[Call] = []
        self._urgent = False
        self._ride_until = 0.0
        self._stopping = False
        self._thread: threading.Thread | None = None
        if not inline:
            self._thread = threading.Thread(target=self._run, name="ecrlan-journal", daemon=True)
            self._thread.start()

    # --- callers ----------------------------------------------------------------------------------------------------------------

    def submit(self, call: Call) -> None:
        """Take a call. Inline its promise has been kept on return. Raises `JournalError` where the journal has failed."""
        promise = call.promise
        with self._changed:
            self._check()
            if promise is not None:
                self._urgent = True
            elif not self._waiting:
                self._ride_until = time.monotonic() + self._ride_seconds
            self._waiting.append(call)
            if self._thread is not None and (promise is not None or len(self._waiting) == 1):
                self._changed.notify()
        if self._thread is None and promise is not None:
            with self._lock:
                self._commit_waiting()

    def waiting(self) -> list[Call]:
        """Return what is not known to be committed."""
        with self._changed:
            return list(self._waiting)

    def flush(self) -> None:
        """Return once everything taken so far is committed. Raises `JournalError`."""
        self.run(lambda _: None)

    def run(self, change: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401  # whatever the change returns
        """Return what `change` returns, once it is committed. Raises what it raises, and `JournalError`."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self.submit(Call(change=change, promise=future))
        return future.result()

    def stop(self, *, commit: bool) -> None:
        """Commit what waits (or drop it), and end the thread."""
        with self._changed:
            self._stopping = True
            if not commit:
                self.failed = self.failed or "the journal was abandoned"
                self._drop(self.failed)
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        elif commit and self.failed is None:
            with self._lock:
                self._commit_waiting()

    @property
    def threaded(self) -> bool:
        """Tell whether commits happen on a thread of their own."""
        return self._thread is not None

    # --- the writer -------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._urgent or self._stopping):
                    left = self._ride_until - time.monotonic() if self._waiting else None
                    if left is not None and left <= 0:
                        break
                    self._changed.wait(left)
                if self._stopping and not self._waiting:
                    return
            with self._lock:
                self._commit_waiting()

    def _commit_waiting(self) -> None:
        with self._changed:
            calls = list(self._waiting)
            self._urgent = False
        if not calls:
            return
        started = time.perf_counter()
        try:
            last = self._transact_within_room(calls)
            self._check_files()
            self._mark(last)
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing more may be written, and every caller must hear of it
            self._fail(error)
            return
        seconds = time.perf_counter() - started
        with self._changed:
            del self._waiting[: len(calls)]
            self._ride_until = time.monotonic() + self._ride_seconds
        self.commits += 1
        for call in calls:
            _answer(call)
        if self.on_commit is not None:
            self.on_commit(seconds)

    def _transact_within_room(self, calls: Sequence[Call]) -> int:
        try:
            return self._transact(calls)
        except sqlite3.Error as error:
            full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
            if not (full and self._reserve.release()):
                raise
            log.warning("the disk is full: the journal goes on in its reserve, and takes no new operations")
            return self._transact(calls)

    def _transact(self, calls: Sequence[Call]) -> int:
        """Commit the calls and return the id of the last event."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            if not self._apply(calls, MOST_ROWS):  # rare: then once more, and each call can be undone alone
                execute("ROLLBACK")
                execute("BEGIN IMMEDIATE")
                for call in calls:
                    self._apply_alone(call)
            last = last_event(self._connection)
            if self._commit_delay is not None:
                self._commit_delay()
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    execute("ROLLBACK")
            raise
        return last

    def _apply(self, calls: Sequence[Call], most: int) -> bool:
        """Apply the calls, up to `most` rows in a statement; False where one is refused: then what was done must be undone."""
        try:
            rows: list[Values] = []
            for call in calls:
                call.error = call.result = None
                if call.begins and not self._reserve.held():
                    raise JournalError(("disk_full", {}))
                rows.extend(call.values)
                if call.change is not None:
                    insert(self._connection, rows, most)
                    rows.clear()
                    call.result = call.change(self._connection)
            insert(self._connection, rows, most)
        except (sqlite3.IntegrityError, EcrlanError) as error:
            calls[-1].error = error if isinstance(error, EcrlanError) else JournalError(("journal_refuses", {"problem": str(error)}))
            return False
        return True

    def _apply_alone(self, call: Call) -> None:
        self._connection.execute("SAVEPOINT one")
        if not self._apply([call], 1):
            self._connection.execute("ROLLBACK TO one")
        self._connection.execute("RELEASE one")

    def _check_files(self) -> None:
        gone = self._still_there()
        if gone is not None:
            raise JournalError(("journal_file_gone", {"path": gone}))

    def _check(self) -> None:
        if self.failed is not None:
            raise JournalError(("journal_has_failed", {"problem": self.failed}))
        if self._stopping:
            raise JournalError(("journal_closed", {}))

    def _fail(self, error: Exception) -> None:
        log.error("the journal has failed and takes nothing more: %s", error)
        with self._changed:
            self.failed = str(error) or type(error).__name__
            self._urgent = False
            self._failing(self._waiting)
            self._drop(self.failed)

    def _drop(self, reason: str) -> None:
        for call in self._waiting:
            if call.promise is not None and not call.promise.done():
                call.promise.set_exception(JournalError(("journal_has_failed", {"problem": reason})))
        self._waiting.clear()


def _answer(call: Call) -> None:
    if call.promise is None or call.promise.done():
        if call.error is not None:
            log.error("a record was refused: %s (%s)", call.error, ", ".join(type(row).__name__ for row in call.rows))
    elif call.error is not None:
        call.promise.set_exception(call.error)
    else:
        call.promise.set_result(call.result)
