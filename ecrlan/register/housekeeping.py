"""What keeps the journal's file in order: a backup a day, and retention."""

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
"""Seconds between two looks at the calendar."""


class Housekeeping:
    """Makes the day's backup in `folder` and keeps the last `backups`; removes what is older than `retention_days` (0: never)."""

    def __init__(self, journal: Journal, folder: Path, clock: Callable[[], datetime], *, backups: int, retention_days: int) -> None:
        self._journal = journal
        self._folder = folder
        self._clock = clock
        self._backups = backups
        self._retention_days = retention_days
        self._stop = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End it; a backup that is being made is finished first."""
        self._stop.set()
        await self._task

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._look)
            except JournalError as error:
                log.exception("journal.housekeeping_failed", problem=str(error))
            if self._stop.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(PERIOD):
                    await self._stop.wait()

    def _look(self) -> None:
        now = self._clock()
        if self._backups:
            self._journal.backup_daily(self._folder, self._backups, now=now)
        if self._retention_days:
            self._journal.prune(now - timedelta(days=self._retention_days))
