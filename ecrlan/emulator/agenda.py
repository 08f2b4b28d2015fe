"""What an emulated terminal will do later: callbacks with the moment at which they are due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """One thing to do at `at` (seconds of the terminal's `now`); `order` keeps things that are due together in their order."""

    at: float
    order: int
    act: Callable[[float], None]


class Agenda:
    """Things to do, by time."""

    def __init__(self) -> None:
        self._dues: list[Due] = []
        self._order = 0

    @property
    def next_at(self) -> float | None:
        """When the next thing is due; None for nothing."""
        return min((due.at for due in self._dues), default=None)

    def add(self, at: float, act: Callable[[float], None]) -> Due:
        """Do `act(now)` at `at`; the result can be given to `cancel`."""
        self._order += 1
        due = Due(at, self._order, act)
        self._dues.append(due)
        return due

    def cancel(self, due: Due | None) -> None:
        """Forget a thing; one that is done, and None, are nothing."""
        if due in self._dues:
            self._dues.remove(due)

    def clear(self) -> None:
        """Forget everything."""
        self._dues.clear()

    def run(self, now: float) -> None:
        """Do what is due at `now`, in the order of time; what that adds for `now` or earlier is done, too."""
        while ready := [due for due in self._dues if due.at <= now]:
            due = min(ready, key=lambda each: (each.at, each.order))
            self._dues.remove(due)
            due.act(now)
