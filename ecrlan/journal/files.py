"""The files of a journal: their names, and who may read them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from ecrlan.errors import JournalError

PRIVATE = 0o600
"""What POSIX systems let everybody do with a journal's files: its owner reads and writes them, nobody else does anything."""
COMPANIONS = ("", "-wal", "-shm", "-journal", ".owner", ".reserve", ".epoch", ".unsent")
"""Endings of the files that belong to a journal, its own among them."""


def beside(path: Path, ending: str) -> Path:
    """Return the file that goes with a journal under its name and `ending`."""
    return path.with_name(path.name + ending)


def check_folder(folder: Path) -> None:
    """Raise `JournalError` where there is no such folder or it cannot be entered."""
    try:
        found = folder.is_dir()
    except OSError as error:
        raise JournalError(("journal_folder_closed", {"path": str(folder), "problem": error.strerror})) from error
    if not found:
        raise JournalError(("journal_folder_missing", {"path": str(folder)}))


def sync_folder(folder: Path) -> None:
    """Make a new name in the folder survive a power cut, where the system lets folders be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_private(path: Path) -> int:
    """Open a file for reading and writing, made where it is missing, that only its owner may read; return its descriptor. Raises `OSError`.

    Not for a database that a connection may have open: closing any descriptor of a file drops the locks that the process holds on it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), PRIVATE)
    make_private([path])  # whatever the umask made of it
    return descriptor


def make_private(paths: Iterable[Path]) -> None:
    """Take the files that exist from everybody but their owner, where the system has such permissions and this process may."""
    if os.name == "posix":
        for path in paths:
            with contextlib.suppress(OSError):  # not there, or another user's: then it is that user's to do
                path.chmod(PRIVATE)
