"""The terminals as the settings have them: added at the start, and brought up to date while the daemon runs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from ecrlan.errors import InvalidValueError, OperationsWithoutTerminalError, TerminalBusyError
from ecrlan.protocol.options import check_apart
from ecrlan.register import OperationChanged, Register, TerminalEvent, TerminalSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Change:
    """A change that waits for its terminal; `settings` None takes it out."""

    settings: TerminalSettings | None
    reason: str


class Fleet:
    """Keeps the register's terminals as they are wanted; what is in use is changed once it is free."""

    def __init__(self, register: Register, on_settled: Callable[[], None] = lambda: None) -> None:
        """Take the register; `on_settled` is called when something that waited was done."""
        self.register = register
        self._on_settled = on_settled
        self._wanted: tuple[TerminalSettings, ...] = ()
        self._waiting: dict[str, _Change] = {}
        self._looking = False
        self._end_observing = register.observe(self._observe)

    @property
    def waiting(self) -> list[dict[str, str]]:
        """The terminals whose change waits, and for what."""
        return [{"terminal": name, "reason": change.reason} for name, change in self._waiting.items()]

    def open(self, wanted: Mapping[str, TerminalSettings]) -> None:
        """Add the terminals. Raises `InvalidValueError`, `JournalError`, `OperationsWithoutTerminalError`."""
        check(wanted)
        self.register.check_operations(wanted.values())
        for settings in wanted.values():
            self.register.add(settings)

    def close(self) -> None:
        """Apply nothing more."""
        self._end_observing()
        self._waiting.clear()

    def apply(self, wanted: Mapping[str, TerminalSettings]) -> dict[str, Any]:
        """Bring the terminals up to date and return the names: added, changed, removed, unchanged, and what waits.

        Raises `InvalidValueError` where the settings contradict each other, `OperationsWithoutTerminalError` where they leave operations
        without a known outcome to no terminal; then nothing was changed.
        """
        check(wanted)
        self.register.check_operations(wanted.values())
        self._wanted = tuple(wanted.values())
        self._waiting.clear()
        done: dict[str, list[str]] = {"added": [], "changed": [], "removed": [], "unchanged": []}
        for name in [name for name in self.register.terminals if name not in wanted]:
            if self._change(name, None):
                done["removed"].append(name)
        for name, settings in wanted.items():
            known = self.register.terminals.get(name)
            if known is not None and known.settings == settings:
                done["unchanged"].append(name)
            elif self._change(name, settings):
                done["added" if known is None else "changed"].append(name)
        log.info("terminals.reloaded", **{key: value for key, value in done.items() if value and key != "unchanged"})
        return {**done, "waiting": self.waiting}

    def settle(self) -> bool:
        """Apply what waits as far as it can be; True where anything was changed."""
        self._looking = False
        try:
            self.register.check_operations(self._wanted)
        except OperationsWithoutTerminalError as error:  # what ran on a terminal that is to go came to no known outcome
            self._waiting = {name: _Change(change.settings, str(error)) for name, change in self._waiting.items()}
            return False
        done = [name for name, change in list(self._waiting.items()) if self._change(name, change.settings)]
        if done:
            log.info("terminals.settled", terminals=done)
            self._on_settled()
        return bool(done)

    def _change(self, name: str, settings: TerminalSettings | None) -> bool:
        self._waiting.pop(name, None)
        try:
            if settings is None:
                self.register.remove(name)
            elif name in self.register.terminals:
                self.register.change(settings)
            else:
                self.register.add(settings)
        except (TerminalBusyError, InvalidValueError) as error:  # the address of one that is still to go, too
            self._waiting[name] = _Change(settings, str(error))
            return False
        return True

    def _observe(self, event: TerminalEvent) -> None:
        if self._waiting and not self._looking and isinstance(event, OperationChanged):
            self._looking = True
            asyncio.get_running_loop().call_soon(self.settle)


def check(wanted: Mapping[str, TerminalSettings]) -> None:
    """Refuse (`InvalidValueError`) two names for one terminal."""
    for settings, other in itertools.combinations(wanted.values(), 2):
        check_apart(other, settings)
