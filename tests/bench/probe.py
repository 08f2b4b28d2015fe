"""How long the event loop of a daemon's process stands still: a task in it sleeps 1 ms at a time, and sees how late it is woken."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

SLEEP_SECONDS = 0.001
LOOK_SECONDS = 0.25
"""Between two looks whether it is to begin, and between two notes of what was found."""


def install(folder: str) -> None:
    """Have the daemon that this process is about to serve probed, from the moment at which the file `probe` stands in `folder`."""
    from ecrlan.daemon.server import Life

    last = Life.last

    async def probed(life: Life) -> None:
        probing = asyncio.create_task(_probe(Path(folder)))
        try:
            await last(life)
        finally:
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing

    Life.last = probed  # type: ignore[method-assign]


async def _probe(folder: Path) -> None:
    while not (folder / "probe").exists():  # noqa: ASYNC110  # another process makes it
        await asyncio.sleep(LOOK_SECONDS)
    loop = asyncio.get_running_loop()
    longest, noted_at = 0.0, 0.0
    while True:
        begun = loop.time()
        await asyncio.sleep(SLEEP_SECONDS)
        now = loop.time()
        longest = max(longest, now - begun - SLEEP_SECONDS)
        if now - noted_at > LOOK_SECONDS:
            noted_at = now
            (folder / "longest").write_text(str(longest))


async def begin(folder: Path) -> None:
    """Begin to measure the daemon whose folder this is."""
    await asyncio.to_thread((folder / "probe").touch)
    await asyncio.sleep(4 * LOOK_SECONDS)


async def longest_stop(folder: Path) -> float:
    """Return how many milliseconds its loop has stood still at most."""
    await asyncio.sleep(2 * LOOK_SECONDS)
    return 1e3 * float(await asyncio.to_thread((folder / "longest").read_text))
