"""What an event loop is stopped by: the CPU time of each of its callbacks, and a journal that is long enough to show it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecrlan.journal import Journal

FIRST_STAN = 30_000
"""That of the operation that is copied is the next one; the copies' are below it."""


class Stops:
    """The callbacks of this thread's loop that took long: milliseconds of CPU, and what was called. Not counted: garbage collection.

    CPU time, since a machine that others use stops a process wherever it likes.
    """

    def __init__(self, at_least: float) -> None:
        self.found: list[tuple[float, str]] = []
        self.count = 0
        self._at_least = at_least
        self._collecting = 0.0
        self._collected = 0.0

    @contextlib.contextmanager
    def watched(self) -> Iterator[Stops]:
        """Measure while it lasts, every loop of asyncio's own (uvloop's callbacks are no Python)."""
        run = asyncio.Handle._run

        def measured(handle: Any) -> None:
            collected, begun = self._collected, time.thread_time()
            run(handle)
            took = 1e3 * (time.thread_time() - begun - (self._collected - collected))
            self.count += 1
            if took >= self._at_least:
                self.found.append((round(took, 1), repr(handle)))

        asyncio.Handle._run = measured  # type: ignore[method-assign]
        gc.callbacks.append(self._collect)
        try:
            yield self
        finally:
            gc.callbacks.remove(self._collect)
            asyncio.Handle._run = run  # type: ignore[method-assign]

    def _collect(self, phase: str, _: object) -> None:
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self._collected += time.thread_time() - self._collecting


def lengthen(file: Path, reference: str, count: int) -> None:
    """Copy an operation of a closed journal `count` times: references made-1 and so on, and STANs of their own."""
    with Journal(file, synchronous="OFF") as journal:
        found = journal.find(reference)
        assert found is not None
        stan = f"{FIRST_STAN + 1:06}"
        values = {"reference": reference, "count": count, "stan": stan, "hex": stan.encode().hex()}

        def copy(connection: Any) -> int:
            connection.execute(
                """INSERT INTO operations
                    (reference, kind, terminal, terminal_id, address, amount, parameters, parameters_hash, created_time)
                    WITH RECURSIVE made (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM made WHERE n < :count)
                    SELECT 'made-' || n, kind, terminal, terminal_id, address, amount, parameters, parameters_hash, created_time
                    FROM made CROSS JOIN operations WHERE reference = :reference""",
                values,
            )
            connection.execute(
                """INSERT INTO events (operation, terminal, time, name, data)
                    SELECT made.id, events.terminal, events.time, events.name,
                        replace(replace(events.data, :hex, hex(printf('%06d', made.id))), :stan, printf('%06d', made.id))
                    FROM operations AS made CROSS JOIN events JOIN operations AS first ON first.id = events.operation
                    WHERE made.reference LIKE 'made-%' AND first.reference = :reference ORDER BY made.id, events.id""",
                values,
            )
            return count

        journal._run(copy)
