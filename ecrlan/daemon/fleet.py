"""The terminals as the settings have them: added at the start, and brought up to date while the daemon runs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from ecrlan.errors import InvalidValueError, JournalError, OperationsWithoutTerminalError, TerminalBusyError
from ecrlan.protocol.options import check_apart
from ecrlan.register import OperationChanged, Register, TerminalEvent, TerminalSettings
from ecrlan.register.recall import Recollection

log = structlog.get_logger(__name__)

CHANGES_AT_A_TIME = 10
"""Terminals that are changed before others' payments get on."""


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
        self._changing = asyncio.Lock()
        """Held while terminals are brought up to date."""
        self._settling: asyncio.Task[None] | None = None
        self._end_observing = register.observe(self._observe)

    @property
    def waiting(self) -> list[dict[str, str]]:
        """The terminals whose change waits, and for what."""
        return [{"terminal": name, "reason": change.reason} for name, change in self._waiting.items()]

    async def open(self, wanted: Mapping[str, TerminalSettings]) -> None:
        """Add the terminals. Raises `InvalidValueError`, `JournalError`, `OperationsWithoutTerminalError`."""
        check(wanted)
        with self.register.recollecting(list(wanted.values())) as latest:
            told = await latest()
        self.register.check_operations(wanted.values(), told)
        for settings in wanted.values():
            self.register.add(settings, told)

    def close(self) -> None:
        """Apply nothing more."""
        self._end_observing()
        self._waiting.clear()
        if self._settling is not None:
            self._settling.cancel()

    async def apply(self, wanted: Mapping[str, TerminalSettings]) -> dict[str, Any]:
        """Bring the terminals up to date and return the names: added, changed, removed, unchanged, and what waits.

        Raises `InvalidValueError` where the settings contradict each other, `OperationsWithoutTerminalError` where they leave operations
        without a known outcome to no terminal; then nothing was changed.
        """
        await asyncio.to_thread(check, wanted)  # each with every other: many take their time
        async with self._changing:
            known, differing = dict(self.register.terminals), self._differing(wanted.values())
            with self.register.recollecting(differing) as latest:
                told = await latest()
                self.register.check_operations(wanted.values(), told)
                self._wanted = tuple(wanted.values())
                gone = [name for name in known if name not in wanted]
                self._waiting = {name: _Change(None, "") for name in gone} | {each.name: _Change(each, "") for each in differing}
                changed = await self._change_waiting(told, latest)
        done: dict[str, list[str]] = {
            "added": [name for name in changed if name not in known],
            "changed": [name for name in changed if name in known and name in wanted],
            "removed": [name for name in changed if name not in wanted],
            "unchanged": [name for name in wanted if name in known and known[name].settings == wanted[name]],
        }
        log.info("terminals.reloaded", **{key: value for key, value in done.items() if value and key != "unchanged"})
        return {**done, "waiting": self.waiting}

    async def _settle(self) -> None:
        """Apply what waits as far as it can be."""
        async with self._changing:
            try:
                with self.register.recollecting(self._differing(self._wanted)) as latest:
                    try:
                        told = await latest()
                    finally:
                        self._settling = None  # what happens from now on is looked at anew
                    changed = await self._change_waiting(told, latest) if self._may_change(told) else []
            except JournalError as error:
                log.error("terminals.not_settled", problem=str(error))  # noqa: TRY400  # the cause is the message
                return
        if changed:
            log.info("terminals.settled", terminals=changed)
            self._on_settled()

    def _differing(self, wanted: Iterable[TerminalSettings]) -> list[TerminalSettings]:
        """Return those that are to be added or changed."""
        terminals = self.register.terminals
        return [each for each in wanted if each.name not in terminals or terminals[each.name].settings != each]

    def _may_change(self, told: Recollection) -> bool:
        """Tell whether no operation would be left to nobody; else what waits says which."""
        try:
            self.register.check_operations(self._wanted, told)
        except OperationsWithoutTerminalError as error:  # what ran on a terminal that is to go came to no known outcome
            self._waiting = {name: _Change(change.settings, str(error)) for name, change in self._waiting.items()}
            return False
        return True

    async def _change_waiting(self, told: Recollection, latest: Callable[[], Awaitable[Recollection]]) -> list[str]:
        """Change what waits, a few terminals at a time, and return what could be changed."""
        names, done = list(self._waiting), []
        for start in range(0, len(names), CHANGES_AT_A_TIME):
            if start:
                await asyncio.sleep(0)  # others' payments
                told = await latest()
                if not self._may_change(told):
                    break
            some = names[start : start + CHANGES_AT_A_TIME]
            done += [name for name in some if name in self._waiting and self._change(name, self._waiting[name].settings, told)]
        return done

    def _change(self, name: str, settings: TerminalSettings | None, told: Recollection) -> bool:
        self._waiting.pop(name, None)
        try:
            if settings is None:
                self.register.remove(name)
            elif name in self.register.terminals:
                self.register.change(settings, told)
            else:
                self.register.add(settings, told)
        except (TerminalBusyError, InvalidValueError) as error:  # the address of one that is still to go, too
            self._waiting[name] = _Change(settings, str(error))
            return False
        return True

    def _observe(self, event: TerminalEvent) -> None:
        if self._waiting and self._settling is None and isinstance(event, OperationChanged):
            self._settling = asyncio.get_running_loop().create_task(self._settle())


def check(wanted: Mapping[str, TerminalSettings]) -> None:
    """Refuse (`InvalidValueError`) two names for one terminal."""
    for settings, other in itertools.combinations(wanted.values(), 2):
        check_apart(other, settings)
