"""What keeps the journal's file in order: backups, and retention."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from ecrlan.logger import Logger

log = Logger(__name__)

PERIOD = 3600.0
"""Seconds between two backups of a day."""


class Housekeeping:
    """Makes the day's backup in `folder`, each hour anew, and removes what is old.

    `backups`: how many days' backups are kept, 0: none is made. `retention_days`: after how many days operations go, 0: never.
    """

    def __init__(self, journal: Journal, folder: Path, clock: Callable[[], datetime], *, backups: int, retention_days: int) -> None:
        self._journal = journal
        self._folder = folder
        self._clock = clock
        self._backups = backups
        self._retention_days = retention_days
        self._stopped = False
        self._due = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End it; a backup that is being made is finished first."""
        self._stopped = True
        self._due.set()
        await self._task

    def look_now(self) -> None:
        """Make the day's backup anew, soon: the terminal's session was closed."""
        self._due.set()

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._look)
            except JournalError as error:
                log.exception("journal.housekeeping_failed", problem=str(error))
            if self._stopped:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD):
                    await self._due.wait()
            self._due.clear()
            if self._stopped:
                return

    def _look(self) -> None:
        now = self._clock()
        if self._backups:
            self._journal.backup_daily(self._folder, self._backups, now=now)
        if self._retention_days:
            self._journal.prune(now - timedelta(days=self._retention_days))
