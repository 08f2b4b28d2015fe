"""Noticing that a journal is old, copied or cut (exchange.md §5, "An old or copied journal").

Beside the journal stands a second file, `NAME.epoch`. It holds which file the journal is (device and number), on which machine, its epoch
(how often it was opened for writing, kept in the journal too) and the mark: the id of the last event that was committed. What does not fit
is a doubt. Commits are synchronized before the mark is written, so that a journal whose last event is behind the mark has lost something;
the mark itself is not synchronized, and behind the journal it means nothing.

An opening counts one up, in the journal first: a kill in between leaves the journal's epoch one higher, which is no doubt.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
import sys
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ecrlan.errors import JournalError
from ecrlan.journal.files import beside, open_private, sync_folder
from ecrlan.journal.rows import time_text
from ecrlan.journal.store import empty_log
from ecrlan.model import Code, Evidence
from ecrlan.model.rows import canonical
from ecrlan.texts import words

log = logging.getLogger(__name__)

DoubtCode = Literal["backup", "no_epoch_file", "moved_machine", "copied", "older", "other_epoch_file", "cut"]
MACHINE_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
WIDTH = 480
"""Bytes of the file, always: it is rewritten in place, and stays within one block of a disk, which is written whole or not at all."""
MARK_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a journal may not hold all that was done: a code, English words, and the values in them."""

    code: DoubtCode
    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    @property
    def evidence(self) -> Evidence:
        """The same as a code of the whole house."""
        return Evidence(Code(f"doubt_{self.code}"), self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the second file says."""

    mark: int
    epoch: int
    device: int
    """For people. It decides nothing: a device's number may change when the machine is started again."""
    inode: int
    machine: str
    """'' where the machine has no identity: then it is not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What the journal itself says."""

    epoch: int
    """0: it was not opened for writing yet, or by versions 1 to 3 only."""
    last: int
    """Id of its last event, also where retention has removed that."""
    highest: int
    """Id of its newest operation, likewise."""
    made: str | None
    """When the backup was made that it is; None where it is none."""
    doubt: Doubt | None
    """The doubt that an earlier opening found and nobody has settled."""
    doubted_operations: int


class Epoch:
    """The epoch of the journal at `path`, which this process owns and `connection` has open; counts this opening.

    `synchronize`: the second file reaches the disk before this returns. Raises `JournalError` where that file cannot be written.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, *, synchronize: bool) -> None:
        self._path = path
        self._file = beside(path, ".epoch")
        self._synchronize = synchronize
        self._descriptor: int | None = None
        self._marked = 0
        note = read_note(path)
        inside = read_inside(connection)
        if note is not None and note.epoch == inside.epoch == 0:
            note = None  # no opening came to its end yet
        self.doubt = inside.doubt or find_doubt(path, note, inside)
        self.doubted_operations = inside.doubted_operations
        """Ids up to this one are of operations from before the last acceptance."""
        self._epoch = max(inside.epoch, note.epoch if note is not None else 0)
        try:
            self._begin(connection, note, inside)
        except BaseException:
            self.close()
            raise

    def mark(self, last: int) -> None:
        """Note the id of the last event that is committed; nothing while a doubt stands."""
        if self._descriptor is None or self.doubt is not None or last <= self._marked:
            return
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, _mark(last))
        except OSError as error:  # a mark that stays behind says nothing, and does no harm
            log.warning("the mark in %s cannot be written: %s", self._file, error.strerror)
            self.close()
        self._marked = last

    def accept(self, connection: sqlite3.Connection, by: str, note: str, now: datetime) -> int:
        """Write that a person settled the doubt, within the caller's transaction; `settle` takes what this returns once it is committed.

        The second file is written first: a kill in between leaves the doubt, and the person is asked again. Raises `JournalError`.
        """
        inside = read_inside(connection)
        if inside.doubt is None:
            raise JournalError(("nothing_in_doubt", {}))
        data = canonical({"by": by, "note": note, "code": inside.doubt.code, "epoch": self._epoch + 1}, "data")
        values = {"time": time_text(now, "now"), "data": data}
        self._write(epoch=self._epoch + 1, mark=inside.last)
        connection.execute("INSERT INTO events (terminal, time, name, data) VALUES ('', :time, 'journal_accepted', :data)", values)
        _set_meta(connection, "epoch", str(self._epoch + 1))
        _set_meta(connection, "doubted_operations", str(inside.highest))
        connection.execute("DELETE FROM meta WHERE name IN ('doubt', 'backup')")
        return inside.highest

    def settle(self, highest: int) -> None:
        """Take the doubt as settled; operations up to the id `highest` are from before."""
        self._epoch += 1
        self.doubted_operations = highest
        self.doubt = None

    def close(self) -> None:
        """Close the second file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _begin(self, connection: sqlite3.Connection, note: Note | None, inside: Inside) -> None:
        if self.doubt is not None:
            # what this opening writes could hide it from the next one; and the second file belongs to another state of the journal
            _set_meta(connection, "doubt", json.dumps(asdict(self.doubt)))
            return
        if note is None:
            self._write(epoch=0, mark=inside.last)  # before the journal has an epoch: from then on, the file's absence is a doubt
        self._epoch = inside.epoch + 1
        _set_meta(connection, "epoch", str(self._epoch))
        empty_log(connection)  # so that a copy without its log has an epoch, too
        self._write(epoch=self._epoch, mark=inside.last)

    def _write(self, *, epoch: int, mark: int) -> None:
        try:
            if self._descriptor is None:
                self._descriptor = open_private(self._file)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, _text(replace(_here(self._path), epoch=epoch, mark=mark)))
            if self._synchronize:
                os.fsync(self._descriptor)
                sync_folder(self._file.parent)
            self._marked = mark
        except OSError as error:
            raise JournalError(("epoch_file_unwritten", {"path": str(self._file), "problem": error.strerror})) from error


def find_doubt(path: Path, note: Note | None, inside: Inside) -> Doubt | None:
    """Tell what does not fit between the journal at `path`, what it says itself, and its second file (None: missing or unreadable)."""
    here = _here(path)
    return (
        _backup_doubt(path, inside)
        or _file_doubt(path, note, inside)
        or (_place_doubt(path, note, here) if note is not None else None)
        or (_content_doubt(path, note, inside) if note is not None else None)
    )


def find_loss(path: Path, note: Note | None, inside: Inside) -> Doubt | None:
    """Tell why a reader of the journal at `path` may miss something. A whole copy, or a backup, is as good to read as its original."""
    if inside.made is not None:
        return None
    if inside.doubt is not None and inside.doubt.code in ("no_epoch_file", "older", "cut"):
        return inside.doubt
    return _file_doubt(path, note, inside) or (_content_doubt(path, note, inside) if note is not None else None)


def _backup_doubt(path: Path, inside: Inside) -> Doubt | None:
    return _doubt("backup", path, made=inside.made) if inside.made is not None else None


def _file_doubt(path: Path, note: Note | None, inside: Inside) -> Doubt | None:
    return _doubt("no_epoch_file", path) if note is None and inside.epoch else None


def _place_doubt(path: Path, note: Note, here: Note) -> Doubt | None:
    if note.machine and here.machine and note.machine != here.machine:
        return _doubt("moved_machine", path)
    # another device alone is none: a file keeps its number for life, but the system may number its devices anew at each start
    return _doubt("copied", path) if note.inode != here.inode else None


def _content_doubt(path: Path, note: Note, inside: Inside) -> Doubt | None:
    if inside.epoch < note.epoch:
        return _doubt("older", path, epoch=inside.epoch, expected=note.epoch)
    if inside.epoch > note.epoch + 1:
        return _doubt("other_epoch_file", path, epoch=inside.epoch, expected=note.epoch)
    return _doubt("cut", path, last=inside.last, expected=note.mark) if inside.last < note.mark else None


def _doubt(code: DoubtCode, path: Path, **values: str | int | None) -> Doubt:
    values |= {"path": str(path), "epoch_file": beside(path, ".epoch").name}
    doubt = Doubt(code, "", values)
    return replace(doubt, text=words(doubt.evidence))


# --- the second file ----------------------------------------------------------------------------------------------------------------


def read_note(path: Path) -> Note | None:
    """Return what the second file of the journal at `path` says; None where it is missing or makes no sense."""
    try:
        mark, text, *_ = beside(path, ".epoch").read_text(encoding="ascii").split("\n")
        values = json.loads(text)
        return Note(
            mark=int(mark),
            epoch=int(values["epoch"]),
            device=int(values["device"]),
            inode=int(values["inode"]),
            machine=str(values["machine"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _here(path: Path) -> Note:
    """Return which file the journal is, and where, as it stands."""
    try:
        status = path.stat()
    except OSError as error:
        raise JournalError(("journal_not_looked_at", {"path": str(path), "problem": error.strerror})) from error
    return Note(mark=0, epoch=0, device=status.st_dev, inode=status.st_ino, machine=machine_identity())


def _mark(last: int) -> bytes:
    return b"%0*d" % (MARK_DIGITS, last)


def _text(note: Note) -> bytes:
    values = {name: value for name, value in asdict(note).items() if name != "mark"}
    return (_mark(note.mark) + b"\n" + json.dumps(values).encode("ascii")).ljust(WIDTH - 1) + b"\n"


def machine_identity() -> str:
    """Return a digest of the machine's identity; '' where it has none. Never its name, which people change."""
    identity = _machine_text().strip().lower()
    if not identity or identity == "uninitialized":  # so it says until the system was started once
        return ""
    return hashlib.sha256(f"ecrlan {identity}".encode()).hexdigest()[:32]


if sys.platform == "win32":
    import winreg

    def _machine_text() -> str:
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography", 0, access) as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0])
        except OSError:
            return ""

else:

    def _machine_text() -> str:
        for file in MACHINE_FILES:
            with contextlib.suppress(OSError, ValueError):
                text = file.read_text(encoding="ascii")
                if text.strip():
                    return text
        return ""


# --- the journal --------------------------------------------------------------------------------------------------------------------


def read_inside(connection: sqlite3.Connection) -> Inside:
    """Return what the journal itself says."""
    meta = dict(connection.execute("SELECT name, value FROM meta"))
    last = dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))
    doubt = json.loads(meta["doubt"]) if "doubt" in meta else None
    return Inside(
        epoch=int(meta.get("epoch", 0)),
        last=int(last.get("events", 0)),
        highest=int(last.get("operations", 0)),
        made=meta.get("backup"),
        doubt=Doubt(**doubt) if doubt is not None else None,
        doubted_operations=int(meta.get("doubted_operations", 0)),
    )


def last_event(connection: sqlite3.Connection) -> int:
    """Return the id of the journal's last event, 0 where there never was one."""
    row: tuple[Any, ...] | None = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(row[0]) if row is not None else 0


def _set_meta(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (:name, :value)", {"name": name, "value": value})
