"""One process owns a journal: an operating system's lock on a file beside it, which dies with the process however it ends."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ecrlan.errors import JournalError, JournalOwnedError, Why
from ecrlan.journal.files import open_private

POLL_SECONDS = 0.05
LOCKED_BYTE = 1 << 30
"""Windows locks bytes, and locked ones cannot be read: lock one far behind the text that names the owner."""


class OwnerLock:
    """Owns `path` (the lock file, which stays) from construction to `release`.

    Waits up to `wait` seconds for another owner; then raises `JournalOwnedError` naming its process, host and since when. Tests inject
    `clock` and `sleep`.
    """

    def __init__(
        self, path: Path, *, wait: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._path = path
        try:
            self._descriptor: int | None = open_private(path)
        except OSError as error:
            raise JournalError(("journal_lock_unopened", {"path": str(path), "problem": error.strerror})) from error
        try:
            self._acquire(self._descriptor, wait, clock, sleep)
            self._write({"pid": os.getpid(), "host": platform.node(), "since": datetime.now(UTC).isoformat(timespec="seconds")})
        except OSError as error:
            self._close()
            raise JournalError(("journal_lock_unwritten", {"path": str(path), "problem": error.strerror})) from error
        except BaseException:
            self._close()
            raise

    def release(self) -> None:
        """Give the journal up. The file stays: deleting it could split the lock between two files."""
        if self._descriptor is not None:
            try:
                os.ftruncate(self._descriptor, 0)
            finally:
                self._close()

    def _acquire(self, descriptor: int, wait: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        until = clock() + wait
        while not _try_lock(descriptor):
            left = until - clock()
            if left <= 0:
                owner, pid = self._owner()
                raise JournalOwnedError(str(self._path.with_suffix("")), owner, wait, pid)
            sleep(min(POLL_SECONDS, left))

    def _owner(self) -> tuple[Why, int | None]:
        """Return the owner, and its process where the file tells."""
        try:
            owner = json.loads(self._path.read_text(encoding="utf-8"))
            return ("owner_process", {"pid": int(owner["pid"]), "host": owner["host"], "since": owner["since"]}), int(owner["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return ("owner_unknown", {}), None

    def _write(self, owner: dict[str, object]) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, json.dumps(owner).encode())

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:  # flock, not lockf: two journals in one process exclude each other too; a forked child without exec keeps it, which is safe
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
