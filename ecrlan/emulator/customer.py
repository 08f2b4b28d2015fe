"""The customer in front of an emulated terminal, where a person plays one: shows the card, types the PIN, or presses the red key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ecrlan.emulator.agenda import Agenda, Due
from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.scenarios import PROGRESS, RED_KEY, Scenario
from ecrlan.model import codes_of

Stage = Literal["idle", "card", "pin", "host"]
"""What the terminal waits for: nothing, a card, a PIN, its host."""
Button = Literal["card", "pin", "red"]
BUTTONS: tuple[Button, ...] = ("card", "pin", "red")
CARD_CODES = codes_of(lambda request: request.takes_card)
"""Requests that need a card."""

_TEXTS: dict[Stage, str] = dict(zip(("card", "pin", "host"), PROGRESS, strict=True))
_NEXT: dict[Stage, Stage] = {"card": "pin", "pin": "host"}


class Customer:
    """Goes through the stages of one payment: at the press of a button, or by itself after `patience_seconds`. Pure."""

    def __init__(self, agenda: Agenda, behaviour: Behaviour) -> None:
        self.stage: Stage = "idle"
        self._agenda = agenda
        self._behaviour = behaviour
        self._due: Due | None = None
        self._show: Callable[[str], None] = lambda _: None
        self._finish: Callable[[float, Scenario | None], None] = lambda _, __: None

    def begin(self, now: float, show: Callable[[str], None], finish: Callable[[float, Scenario | None], None]) -> None:
        """Ask for a card. `show` takes the terminal's texts; `finish(now, scenario)` ends it: None for whatever the amount chooses."""
        self._show, self._finish = show, finish
        self._enter("card", now)

    def press(self, button: Button, now: float) -> None:
        """Press a button; one that nothing waits for does nothing."""
        if button == "red" and self.stage in ("card", "pin"):
            self._end(now, RED_KEY)
        elif button == self.stage:
            self._go_on(now)

    def leave(self) -> None:
        """Forget the payment: the terminal restarted."""
        self._agenda.cancel(self._due)
        self.stage = "idle"

    def _enter(self, stage: Stage, now: float) -> None:
        self.stage = stage
        self._show(_TEXTS[stage])
        seconds = self._behaviour.host_seconds if stage == "host" else self._behaviour.patience_seconds
        self._due = self._agenda.add(now + seconds, self._go_on)

    def _go_on(self, now: float) -> None:
        self._agenda.cancel(self._due)
        following = _NEXT.get(self.stage)
        if following is None:
            self._end(now, None)
        else:
            self._enter(following, now)

    def _end(self, now: float, scenario: Scenario | None) -> None:
        self.leave()
        self._finish(now, scenario)
