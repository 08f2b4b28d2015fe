"""What the simulation knows to be in the journal's file, and what happens to that file: copies, restored copies, a log that is gone."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ecrlan.journal import Event, Journal, NewOperation

MONEY_CODES = frozenset("PXSpicCK")
FORMS = {"backup": ("",), "database alone": ("",), "all files": ("", "-wal", ".epoch", ".unsent")}
"""Which files each form of a copy has."""


@dataclass
class Disk:
    """The contents of the journal's file, and what they must never show."""

    references: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    """Messages (hex, masked) that were committed as answers, or parts of them, or held refusals."""
    strays: set[str] = field(default_factory=set)
    """Messages (hex, masked) that were committed as strays."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """The known outcomes, by reference."""
    open: dict[str, str] = field(default_factory=dict)
    """References of operations that were sent and have no known outcome, with the request's code."""
    in_doubt: bool = False
    """Whether the file has lost something, or went elsewhere, and nobody has accepted it."""
    problems: list[str] = field(default_factory=list)

    def note(self, row: NewOperation | Event, *, durable: bool) -> None:
        """Take note of a row that was written."""
        if isinstance(row, NewOperation):
            if durable:
                self.references.add(row.reference)
            return
        reference = row.reference
        if row.name == "stray" and durable and "message" in row.data:
            self.strays.add(row.data["message"])
        elif row.name in ("answered", "part", "held") and durable:
            self.answers.add(row.data["message"])
        elif reference is None:
            return
        elif row.name == "sending" and row.data.get("transmission") == 1 and row.data["code"] in MONEY_CODES:
            self._sending(reference, row.data["code"])
        elif row.name in ("finished", "resolved") and row.data["outcome"] != "unresolved":
            if durable:
                self.outcomes.setdefault(reference, row.data["outcome"])
            self.open.pop(reference, None)

    def _sending(self, reference: str, code: str) -> None:
        """Check that nothing forbids to move money now."""
        blocking = [other for other, its in self.open.items() if other != reference and (its != "C" or code == "C")]
        if blocking:
            self.problems.append(f"{reference} was sent while {', '.join(blocking)} had no known outcome")
        if self.in_doubt:
            self.problems.append(f"{reference} was sent while nobody had accepted the journal")
        self.open[reference] = code


def read_disk(path: Path) -> Disk:
    """Return what the file at `path` holds, with its log. The file itself is left as it is."""
    disk = Disk()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / path.name
        for ending in ("", "-wal"):
            if beside(path, ending).exists():
                shutil.copyfile(beside(path, ending), beside(copy, ending))
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            disk.references = {row[0] for row in connection.execute("SELECT reference FROM operations")}
            events = "SELECT reference, events.terminal, time, name, data FROM events LEFT JOIN operations ON operations.id = operation"
            for reference, terminal, time, name, data in connection.execute(f"{events} ORDER BY events.id"):
                row = Event(name=name, time=datetime.fromisoformat(time), reference=reference, terminal=terminal, data=json.loads(data))
                disk.note(row, durable=True)
    disk.problems.clear()
    return disk


def beside(path: Path, ending: str) -> Path:
    """Return the file that goes with a journal under its name and `ending`."""
    return path.with_name(path.name + ending)


def copy_journal(path: Path, target: Path, form: str) -> None:
    """Copy the journal's files as they stand, as a person would with a file manager."""
    for ending in FORMS[form]:
        if beside(path, ending).exists():
            shutil.copyfile(beside(path, ending), beside(target, ending))


def restore_journal(source: Path, path: Path, form: str, *, in_place: bool) -> None:
    """Put a copy's files in the place of the journal's. `in_place`: the database is overwritten, and stays the same file."""
    for ending in ("-wal", "-shm"):
        beside(path, ending).unlink(missing_ok=True)
    for ending in FORMS[form]:
        if not beside(source, ending).exists():
            continue
        if not (in_place and ending == ""):
            beside(path, ending).unlink(missing_ok=True)
        shutil.copyfile(beside(source, ending), beside(path, ending))


def cut_log(path: Path, how: str) -> None:
    """Remove the journal's log, or its second half."""
    log = beside(path, "-wal")
    if not log.exists():
        return
    if how == "removed":
        log.unlink()
    else:
        with log.open("rb+") as file:
            file.truncate(log.stat().st_size // 2)


@contextlib.contextmanager
def left_behind(journal: Journal) -> Iterator[None]:
    """Leave the files as a killed process does: closing the last connection would copy the log into the database."""
    path = journal.path
    if path is None:
        raise AssertionError
    files = [file for file in (path, beside(path, "-wal")) if file.exists()]
    kept = {file: file.read_bytes() for file in files}
    yield
    for file, content in kept.items():
        file.write_bytes(content)
    beside(path, "-shm").unlink(missing_ok=True)
