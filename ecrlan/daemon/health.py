"""Looks after terminals while nobody needs them: whether they answer, with which status and release, and whether their clock is right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from ecrlan.errors import JournalError, RegisterError
from ecrlan.journal import Event as Row
from ecrlan.model import ROME, Code, Done, Evidence, NotPerformed, StatusResponse
from ecrlan.register import LineChanged, Register, Terminal, TerminalEvent
from ecrlan.register.register import local_clock

log = structlog.get_logger(__name__)

POLLS_AT_ONCE = 4
LOOK_PERIOD = 0.5
"""Seconds between two looks at which terminals are due."""
FIRST_SPREAD = 0.25
"""Seconds from one terminal's first poll to the next one's, where they all fit into the interval."""
BUSY_PAUSE = 5.0
"""Seconds after which a terminal is tried again that was in use."""
LONGEST_PAUSE = 300.0
"""Seconds between two polls of a terminal that does not answer, at most (unless the interval itself is longer)."""
CLOCK_TOLERANCE = 60
"""Seconds by which a clock difference may waver without being a change: terminals tell whole minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is known of a terminal's health; None: not known (yet)."""

    reachable: bool | None = None
    terminal_status: int | None = None
    status_word: str | None = None
    """A word that the terminal sends in place of the digit `terminal_status`."""
    software_release: str | None = None
    clock_difference_seconds: int | None = None
    """By how much its clock is ahead of ours (negative: behind); 0 where the minutes agree."""
    takes_extended: bool | None = None
    """Whether it takes the extended purchase (`X`), as far as purchases have shown, in this run or an earlier one."""
    last_result: bool = True
    """Whether it can be asked for its last result (`G`), by its settings."""
    terminal_id: str | None = None
    foreign_terminal_id: str | None = None
    problem: Evidence | None = None
    """What came in place of an answer to its status, where that was asked in vain."""


@dataclass(slots=True)
class _Watched:
    condition: Condition
    terminal: Terminal
    due: float
    told_difference: int | None = None
    checked_at: float = 0.0
    failures: int = 0
    polling: bool = False


class Health:
    """Polls each terminal of `register` every `interval` seconds (0: never) while it is idle, a few at once, spread over the interval.

    `changed` is told the name of a terminal whose condition is another than before. `clock` returns timezone-aware wall clock.
    """

    def __init__(
        self,
        register: Register,
        clock: Callable[[], datetime] = local_clock,
        interval: float = 60.0,
        *,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.register = register
        self.interval = interval
        self._clock = clock
        self._changed = changed
        self._watched: dict[str, _Watched] = {}
        self._slots = asyncio.Semaphore(POLLS_AT_ONCE)
        self._polls: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._end_observing: Callable[[], None] | None = None

    async def open(self) -> None:
        """Begin to poll the register, which is open; terminals that are added later are taken up."""
        if self.interval > 0:
            self._end_observing = self.register.observe(self._observe)
            self._looking = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End it; a poll under way is given up."""
        if self._end_observing is not None:
            self._end_observing()
        tasks = [*self._polls, *([self._looking] if self._looking is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def condition(self, name: str) -> Condition:
        """Return what is known of the terminal called `name`."""
        watched = self._watched.get(name)
        return watched.condition if watched is not None else Condition()

    def reachable(self, name: str) -> bool | None:
        """Tell whether the terminal answered when it was last asked, or since; None: not asked yet."""
        return self.condition(name).reachable

    # --- whose turn it is -------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(min(LOOK_PERIOD, self.interval))

    async def _look(self) -> None:
        await self._take_up()
        now = asyncio.get_running_loop().time()
        for watched in self._watched.values():
            seen = watched.terminal.last_seen_at
            waits = watched.condition.reachable is False and not _is_deaf(watched.condition.problem)
            if waits and seen is not None and seen > watched.checked_at:
                self._reached(watched)  # an operation has reached it meanwhile
            if watched.due <= now and not watched.polling:
                watched.polling = True
                task = asyncio.get_running_loop().create_task(self._poll(watched))
                self._polls.add(task)
                task.add_done_callback(self._polls.discard)

    async def _take_up(self) -> None:
        terminals = self.register.terminals
        for name in [name for name, watched in self._watched.items() if terminals.get(name) is not watched.terminal]:
            del self._watched[name]
        new = [terminal for name, terminal in terminals.items() if name not in self._watched]
        if not new:
            return
        step = min(FIRST_SPREAD, self.interval / len(new))
        try:
            remembered = await self.register.read(self._remembered, new)
        except JournalError:
            remembered = {}
        now = asyncio.get_running_loop().time()
        for number, terminal in enumerate(new):
            data = remembered.get(terminal.name, {})
            condition = Condition(
                software_release=data.get("software_release"),
                takes_extended=data.get("takes_extended"),
                last_result=terminal.settings.last_result_supported,
            )
            self._watched[terminal.name] = _Watched(condition, terminal, due=now + number * step)

    def _remembered(self, terminals: list[Terminal]) -> dict[str, dict[str, Any]]:
        """Return what an earlier run has learnt of the terminals, by their names. Reads the journal."""
        rows = {each.name: self.register.journal.latest(each.name, "condition") for each in terminals}
        return {name: row.data for name, row in rows.items() if row is not None}

    def _observe(self, event: TerminalEvent) -> None:
        """Ask a terminal that did not answer as soon as it dials in."""
        if isinstance(event, LineChanged) and event.opened and event.opened_by == "terminal":
            watched = self._watched.get(event.terminal)
            if watched is not None and watched.condition.reachable is False:
                watched.due = 0.0

    # --- one poll ---------------------------------------------------------------------------------------------------------------

    async def _poll(self, watched: _Watched) -> None:
        loop = asyncio.get_running_loop()
        terminal = watched.terminal
        pause = self.interval
        try:
            async with self._slots:
                begun_at = loop.time()
                try:
                    operation = await terminal.poll()
                except RegisterError as error:  # somebody was faster, or the register closes
                    log.debug("terminal.not_polled", terminal=terminal.name, problem=str(error))
                    operation = None
            if operation is None:
                pause = min(self.interval, BUSY_PAUSE)
                return
            watched.checked_at = loop.time()
            seen = terminal.last_seen_at is not None and terminal.last_seen_at >= begun_at
            response = operation.outcome.response if isinstance(operation.outcome, Done) else None
            problem = operation.outcome.reason if isinstance(operation.outcome, NotPerformed) else None
            if isinstance(response, StatusResponse) or (seen and not _is_deaf(problem)):
                self._reached(watched, response if isinstance(response, StatusResponse) else None)
            else:
                watched.failures += 1
                pause = min(self.interval * 2 ** min(watched.failures - 1, 20), max(self.interval, LONGEST_PAUSE))
                self._update(watched, replace(watched.condition, reachable=False, problem=problem))
        finally:
            watched.due = loop.time() + pause
            watched.polling = False

    def _reached(self, watched: _Watched, response: StatusResponse | None = None) -> None:
        watched.failures = 0
        memory = watched.terminal.memory
        condition = replace(
            watched.condition,
            reachable=True,
            problem=None,
            takes_extended=watched.condition.takes_extended if memory.takes_extended is None else memory.takes_extended,
            terminal_id=memory.terminal_id,
            foreign_terminal_id=memory.foreign_terminal_id,
        )
        if response is not None:
            condition = replace(
                condition,
                terminal_status=int(response.terminal_status) if response.terminal_status is not None else None,
                status_word=response.status_word,
                software_release=response.software_release,
                clock_difference_seconds=clock_difference(response.terminal_time, self._clock()),
            )
        self._update(watched, condition)

    def _update(self, watched: _Watched, condition: Condition) -> None:
        before, watched.condition = watched.condition, condition
        changes = {
            name: (old, new)
            for name in Condition.__dataclass_fields__
            if name != "clock_difference_seconds" and (old := getattr(before, name)) != (new := getattr(condition, name))
        }
        told, difference = watched.told_difference, condition.clock_difference_seconds
        if difference != told and (difference is None or told is None or abs(difference - told) > CLOCK_TOLERANCE):
            changes["clock_difference_seconds"] = (told, difference)
            watched.told_difference = difference
        if not changes:
            return
        shown = {name: new for name, (_, new) in changes.items()}
        log.info("terminal.changed", terminal=watched.terminal.name, before={name: old for name, (old, _) in changes.items()}, **shown)
        if changes.keys() & {"software_release", "takes_extended"}:
            self._remember(watched)
        self._changed(watched.terminal.name)

    def _remember(self, watched: _Watched) -> None:
        condition = watched.condition
        data = {"software_release": condition.software_release, "takes_extended": condition.takes_extended}
        row = Row(name="condition", time=self._clock(), reference=None, terminal=watched.terminal.name, data=data)
        self.register.write([row], durable=False)


def _is_deaf(problem: Evidence | None) -> bool:
    """Tell whether the terminal answers, but by another LRC reading: then nothing that comes from it can be read."""
    return problem is not None and problem.code is Code.OTHER_LRC


def clock_difference(terminal_time: datetime | None, now: datetime) -> int | None:
    """Return by how many seconds a terminal's clock is surely ahead (negative: behind); 0 where the minutes agree.

    `terminal_time` is naive, Europe/Rome, in whole minutes; None where it was no date. `now` is timezone-aware.
    """
    if terminal_time is None:
        return None
    local = now.astimezone(ZoneInfo(ROME)).replace(tzinfo=None)
    if terminal_time > local:
        return round((terminal_time - local).total_seconds())
    end = terminal_time + timedelta(minutes=1)
    return round((end - local).total_seconds()) if end <= local else 0
