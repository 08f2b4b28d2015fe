"""The note of a running demo, in the user's data folder: by it the commands of a user who has no settings find the demo."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from ecrlan.daemon.tokens import write_private
from ecrlan.settings import data_folder

log = structlog.get_logger(__name__)

LARGEST_NOTE = 10_000
"""Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoNote:
    """What a demo tells of itself."""

    pid: int
    url: str
    """Where it serves, without a path."""
    config: Path
    """Its settings file, which names its journal and its terminal."""


def demo_note_file() -> Path:
    """Return where the note stands. There is one: of several demos it is that of the newest."""
    return data_folder() / "demo.json"


def write_demo_note(config: Path, url: str) -> None:
    """Leave the note; it can be read by its owner only. Where it cannot be written, commands do not find the demo, which is logged."""
    file = demo_note_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(file, json.dumps({"pid": os.getpid(), "url": url, "config": str(config)}))
    except OSError as error:
        log.warning("demo.note_not_written", file=str(file), problem=error.strerror)


def remove_demo_note(config: Path) -> None:
    """Remove the note of the demo with this settings file, and the data folder where nothing else is in it."""
    note = read_demo_note()
    if note is not None and note.config == config:
        with suppress(OSError):
            demo_note_file().unlink(missing_ok=True)
            demo_note_file().parent.rmdir()


def read_demo_note() -> DemoNote | None:
    """Return the note; None where there is none, or one that cannot be read. A demo that was killed has left its own behind."""
    try:
        with demo_note_file().open("rb") as stream:
            note = json.loads(stream.read(LARGEST_NOTE))
        return DemoNote(pid=int(note["pid"]), url=str(note["url"]), config=Path(note["config"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
