"""What a test needs on a loop of its own, in a thread: a terminal, a daemon."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

Opened = TypeVar("Opened")
PATIENCE = 20.0
"""Seconds in which it must be open."""


@contextmanager
def in_thread(make: Callable[[], AbstractAsyncContextManager[Opened]]) -> Iterator[tuple[Opened, asyncio.AbstractEventLoop]]:
    """Keep what `make` returns open in a thread, for as long as it lasts; returns what was opened, and the thread's loop."""
    opened: Future[tuple[Opened, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def live() -> None:
        end = asyncio.Event()
        try:
            async with make() as made:
                opened.set_result((made, asyncio.get_running_loop(), end))
                await end.wait()
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    made, loop, end = opened.result(PATIENCE)
    try:
        yield made, loop
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
