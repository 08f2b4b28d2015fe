"""Room for the records of operations under way: a file of real bytes that is given back to a full disk.

Free space that was merely looked at can be gone a moment later. So some is held: a new operation is only written while the file stands;
when the disk is full for the records of operations that were sent already, the file is given up and they are written into its place.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from ecrlan.journal.files import open_private

RESERVE_BYTES = 4 << 20
"""The records that follow "sending" were measured at 80 KB of log where each is committed alone: this is for 50 such operations at
once, and for many more that share their commits."""
PIECE = 1 << 16
RETRY_SECONDS = 1.0


class Reserve:
    """Holds `size` bytes in `path`; size 0 holds nothing and always has room."""

    def __init__(self, path: Path, size: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._size = size
        self._clock = clock
        self._held = size == 0
        self._retry_at = clock()

    def held(self) -> bool:
        """Tell whether the room is there; tries to take it, at most once a second."""
        if not self._held and self._clock() >= self._retry_at:
            self._held = self._take()
            self._retry_at = self._clock() + RETRY_SECONDS
        return self._held

    def release(self) -> bool:
        """Give the room to a full disk. False where there is none to give."""
        try:
            given = self._size > 0 and self._path.stat().st_size > 0
            if given:
                os.truncate(self._path, 0)
        except OSError:
            return False
        if given:
            self._held = False
            self._retry_at = self._clock() + RETRY_SECONDS
        return given

    def _take(self) -> bool:
        try:
            if self._path.exists() and self._path.stat().st_size == self._size:
                return True
            with os.fdopen(open_private(self._path), "r+b") as file:
                file.truncate()
                for start in range(0, self._size, PIECE):
                    file.write(os.urandom(min(PIECE, self._size - start)))  # not zeros: file systems compress those away
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._path.unlink()
            return False
        return True
