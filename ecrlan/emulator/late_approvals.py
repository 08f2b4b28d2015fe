"""Refusals that the emulated terminal takes back: an approval follows (manner `approval_after_refusal`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ecrlan.emulator.agenda import Agenda, Due
from ecrlan.emulator.behaviour import Behaviour
from ecrlan.model import Request

CODES = frozenset("PX")
"""Requests whose refusal is taken back."""


@dataclass(slots=True, eq=False)
class Refusal:
    """A refused request, and the line it came on. `due`: when the approval follows, None until the register has the refusal."""

    request: Request
    line: int
    due: Due | None = None


class LateApprovals:
    """The refusals that will be taken back. `approve(refusal, now)` performs the approval and sends it if its line still stands."""

    def __init__(self, agenda: Agenda, behaviour: Behaviour, approve: Callable[[Refusal, float], None]) -> None:
        self._agenda = agenda
        self._behaviour = behaviour
        self._approve = approve
        self._waiting: list[Refusal] = []

    def refused(self, request: Request, line: int) -> None:
        """Take note that a request was refused."""
        if request.code in CODES and "approval_after_refusal" in self._behaviour.manners:
            self._waiting.append(Refusal(request, line))

    def acknowledged(self, now: float) -> None:
        """Take note that the register has what it was sent: the approval follows `late_approval_seconds` later."""
        for refusal in self._waiting:
            if refusal.due is None:
                refusal.due = self._agenda.add(now + self._behaviour.late_approval_seconds, partial(self._take_back, refusal))

    def check_lines(self, stands: Callable[[int], bool], now: float) -> None:
        """Approve at once what was refused on a line that is gone."""
        for refusal in tuple(self._waiting):
            if not stands(refusal.line):
                self._agenda.cancel(refusal.due)
                self._take_back(refusal, now)

    def forget(self) -> None:
        """Forget them: the terminal restarted."""
        for refusal in self._waiting:
            self._agenda.cancel(refusal.due)
        self._waiting.clear()

    def _take_back(self, refusal: Refusal, now: float) -> None:
        self._waiting.remove(refusal)
        self._approve(refusal, now)
