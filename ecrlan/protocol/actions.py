"""What a conduct has its shell do, and what it needs of its terminal (architecture.md, rule 1).

A conduct is a generator: it yields one action after the other, and goes on once the shell has carried it out. What an action raises is
raised where it was yielded. It knows neither sockets nor disks, and time is what its host tells.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from ecrlan.model import Evidence
from ecrlan.model.rows import Event as Row
from ecrlan.model.rows import NewOperation
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.memory import Memory
from ecrlan.protocol.options import TerminalSettings
from ecrlan.protocol.step import Event
from ecrlan.protocol.work import Order, Work

Release = Literal["end", "keep"] | float
"""What becomes of a line after an exchange. `end`: our side is closed, and the next use waits until the terminal has closed its own.
`keep`: it stays open for a late result, or for the next exchange. Seconds: it stays open that long for what may follow."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is to be written of an exchange's events before their bytes go out."""

    rows: list[NewOperation | Row]
    durable: bool
    """Whether the bytes must wait until the rows are on disk."""
    answered: bool = False
    """Whether the operation's answer is among them: until they are on disk nobody is told its outcome."""
    publish: bool = False
    """Whether observers are told of the operation once they are written."""


@dataclass(frozen=True, slots=True)
class Open:
    """Have a line. Raises `ConnectError`: nothing was sent. `for_money`: one on which nothing strange was met."""

    for_money: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Perform an exchange on the line. Raises `LineError`; and `JournalError` where its first rows were not written: nothing was sent.

    `take` turns its events into rows, `left` is called once it is over, however, and tells what becomes of the line.
    """

    exchange: Exchange
    take: Callable[[tuple[Event, ...]], Taken]
    left: Callable[[], Release]
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """End what lingers on the terminal's line. `close`: also a line that stands for a late result."""

    close: bool = True


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the terminal's line at once."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Write rows of the operation, and wait until they are on disk. Where they cannot be, `work.durable` tells, and an alarm."""

    rows: list[NewOperation | Row]
    work: Work
    durable: bool = True


@dataclass(frozen=True, slots=True)
class Take:
    """Take an ended exchange's events, as if they came on its line, and wait until they are on disk."""

    run: Run
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Recheck:
    """Look again whether the order may be sent. Raises `RegisterError`: nothing was sent."""

    order: Order


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until a moment (monotonic seconds), but not beyond the one when `work` is settled."""

    until: float
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Wait for the terminal, as `name`. Raises `TerminalBusyError`."""

    name: str


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """Give the terminal back."""


Action = Open | Run | Clear | Drop | Commit | Take | Recheck | Wait | EnterQueue | LeaveQueue
Result = TypeVar("Result")
Conduct = Generator[Action, None, Result]
"""A conduct on its way; it returns what it found."""


class Host(Protocol):
    """The terminal of a conduct. What it does here waits for nothing."""

    settings: TerminalSettings
    memory: Memory

    def clock(self) -> datetime:
        """Return the wall clock, timezone-aware."""

    def monotonic(self) -> float:
        """Return the seconds that only go on."""

    def note(self, rows: list[NewOperation | Row]) -> None:
        """Write rows for which nothing waits."""

    def publish(self, work: Work) -> None:
        """Tell observers of the operation's state."""

    def progressed(self, work: Work, text: str) -> None:
        """Tell observers the terminal's own text."""

    def alarm(self, name: str, what: Evidence, reference: str | None) -> None:
        """Raise an alarm."""

    def log(self, event: str, *, level: Literal["info", "warning"] = "warning", **values: object) -> None:
        """Log what happened."""

    def pin(self, terminal_id: str) -> None:
        """Take the TID that the terminal told for its own; `memory` is what is known of it then."""

    def open_references(self) -> set[str]:
        """Return the references of the operations that are open on the terminal."""
