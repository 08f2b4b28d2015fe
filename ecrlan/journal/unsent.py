"""Operations that were not sent because their "sending" could not be committed, whatever a restart finds in the journal.

A commit that failed at the disk's last step may stand in the file all the same. Its caller was told that it failed and sent nothing; the
next opening would take the operation for a sent one. So the references are noted beside the journal (`NAME.unsent`, as well as a failing
disk lets), and the next opening finishes these operations as not performed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ecrlan.journal.files import open_private
from ecrlan.journal.rows import time_text
from ecrlan.model import Code, Evidence
from ecrlan.model.rows import Event, NewOperation, canonical

log = logging.getLogger(__name__)

REASON = Evidence(Code.JOURNAL_NOT_WRITTEN)


def note_unsent(file: Path, calls: Iterable[tuple[Iterable[NewOperation | Event], bool]]) -> None:
    """Note in `file` which operations were not sent. `calls` failed, in their order: each with whether somebody waited for its commit.

    Only the first transmission counts, and only where its commit was waited for: other bytes may have left.
    """
    unsent: dict[str, dict[str, Any]] = {}
    for rows, awaited in calls:
        for row in rows:
            if not isinstance(row, Event) or row.reference is None:
                continue
            if row.name != "sending":
                if row.reference in unsent:
                    unsent[row.reference]["behind"].append(row.name)
            elif awaited and row.data.get("transmission") == 1:
                unsent[row.reference] = {"reference": row.reference, "time": time_text(row.time), "behind": []}
            else:
                unsent.pop(row.reference, None)
    if not unsent:
        return
    try:
        with os.fdopen(open_private(file), "r+b") as stream:
            stream.truncate()
            stream.write(json.dumps(list(unsent.values())).encode("ascii"))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        log.warning("which operations were not sent cannot be noted in %s: %s", file, error.strerror)


def finish_unsent(file: Path, connection: sqlite3.Connection) -> None:
    """Finish the operations noted in `file`, where the journal holds their "sending" and nothing that came later, and remove it."""
    try:
        noted = json.loads(file.read_text(encoding="ascii"))
        entries = [(str(one["reference"]), str(one["time"]), [str(name) for name in one["behind"]]) for one in noted]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        log.warning("%s cannot be read: operations that were not sent may be taken for sent ones", file)
        entries = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for reference, time, behind in entries:
            _finish(connection, reference, time, behind)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    with contextlib.suppress(OSError):
        file.unlink()


def _finish(connection: sqlite3.Connection, reference: str, time: str, behind: list[str]) -> None:
    events = connection.execute(
        """SELECT events.operation, events.terminal, events.time, name, json_extract(data, '$.transmission') FROM events
            JOIN operations ON operations.id = operation WHERE reference = :reference ORDER BY events.id DESC LIMIT :most""",
        {"reference": reference, "most": len(behind) + 1},
    ).fetchall()
    later: list[str] = []
    for operation, terminal, found_time, name, transmission in events:
        if name == "sending":
            if (found_time, transmission) == (time, 1) and later == behind[: len(later)]:
                data = canonical({"outcome": "not_performed", **REASON.fields("reason"), "answer": None}, "data")
                connection.execute(
                    """INSERT INTO events (operation, terminal, time, name, data)
                        VALUES (:operation, :terminal, :time, 'finished', :data)""",
                    {"operation": operation, "terminal": terminal, "time": time, "data": data},
                )
            return
        later.insert(0, name)
