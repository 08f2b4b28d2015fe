"""Copies of a journal, made while it is written."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from ecrlan.errors import JournalError
from ecrlan.journal.files import open_private, sync_folder
from ecrlan.journal.store import connect

PAGES_AT_A_TIME = 256
"""Pages of 4 KiB that are copied in one step; between two, whoever else wants the disk gets it."""
STEP_PAUSE = 0.005
"""Seconds between two steps."""


def back_up(source: sqlite3.Connection, target: Path, *, replace: bool = False) -> None:
    """Copy the journal into a file that holds it whole: a new one, or, with `replace`, in the place of the one that is there.

    One consistent state of the source, whatever is written meanwhile, copied in small steps. The copy says that it is one, is checked,
    and on disk when this returns. Raises `JournalError`; then there is no new file.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        if target.exists() and not replace:
            raise JournalError(("backup_exists", {"path": str(target)}))
        part.unlink(missing_ok=True)
        os.close(open_private(part))
        with contextlib.closing(connect(part, "rwc")) as copy:
            source.execute("BEGIN")
            source.execute("SELECT 1 FROM meta").fetchone()  # from here on this state is read: a step does not begin anew at every commit
            source.backup(copy, pages=PAGES_AT_A_TIME, sleep=STEP_PAUSE)
            source.execute("ROLLBACK")
            made = datetime.now(UTC).isoformat(timespec="seconds")
            copy.execute("INSERT OR IGNORE INTO meta VALUES ('backup', :made)", {"made": made})  # a copy of a copy is as old as the first
            copy.execute("PRAGMA journal_mode = DELETE")  # no log beside it: one file is the whole backup
            findings = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if findings != "ok":
            raise JournalError(("backup_damaged", {"problem": findings}))
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(("backup_failed", {"path": str(target), "problem": str(error)})) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def daily_name(stem: str, now: datetime) -> str:
    """Return the name of the backup of `now`'s day."""
    return f"{stem}-{now:%Y-%m-%d}.db"


def daily_backups(folder: Path, stem: str) -> list[Path]:
    """Return the daily backups in `folder`, oldest first by the dates in their names."""
    pattern = re.compile(re.escape(stem) + r"-\d{4}-\d\d-\d\d\.db")
    return sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))


def drop_old(folder: Path, stem: str, keep: int, newest: Path) -> None:
    """Delete all but the last `keep` daily backups, by the dates in their names; never the one just made, whatever the clock said."""
    others = [path for path in daily_backups(folder, stem) if path != newest]
    for path in others[: max(len(others) - (keep - 1), 0)]:
        path.unlink()
