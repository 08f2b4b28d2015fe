"""What a terminal tells its watchers while it works."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecrlan.model import Evidence, Operation


@dataclass(frozen=True, slots=True)
class FrameSent:
    """A frame as it was written, masked."""

    terminal: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """A frame as it came, masked; noise too."""

    terminal: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProgressShown:
    """The terminal's own text while an operation runs, cleaned for screens."""

    terminal: str
    reference: str
    text: str


@dataclass(frozen=True, slots=True)
class OperationChanged:
    """An operation has a new state, outcome or receipt."""

    terminal: str
    operation: Operation


@dataclass(frozen=True, slots=True)
class LineChanged:
    """A line was opened or lost."""

    terminal: str
    opened: bool
    opened_by: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Somebody should look. `name` is one of `unresolved`, `result_after_refusal`, `terminal_id_changed`, `journal_failed`, `hand_use`."""

    terminal: str
    name: str
    what: Evidence
    reference: str | None = None


TerminalEvent = FrameSent | FrameReceived | ProgressShown | OperationChanged | LineChanged | Alarm
