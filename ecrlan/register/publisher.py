"""Tells observers what happens: outside the line's callback, in order, and such that none of them can hurt a payment."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from ecrlan.logger import Logger, trace_of
from ecrlan.model.rows import Event as Row
from ecrlan.model.rows import NewOperation
from ecrlan.register.events import FrameReceived, FrameSent, ProgressShown, TerminalEvent

log = Logger(__name__)

Observer = Callable[[TerminalEvent], None]
RowObserver = Callable[[NewOperation | Row], None]
Told = TypeVar("Told")

WAITING_EVENTS = 65_536
"""What waits to be told. Where more come, frames and progress are dropped: they are not kept, and do not say how it ended."""
EVENTS_AT_ONCE = 256
"""Events told in one turn of the event loop."""
WATCHED_EVENTS = 4096
"""Events that wait for one watcher; a watcher that is slower than that loses the oldest."""


class Publisher:
    """One queue of events and committed rows for their observers: what was committed before an event is told before it.

    Where it is long, frames and progress are dropped; events of operations and rows never are.
    """

    def __init__(self) -> None:
        self._observers: dict[Observer, bool] = {}
        self._row_observers: dict[RowObserver, None] = {}
        self._waiting: deque[TerminalEvent | NewOperation | Row] = deque()
        self._telling = False
        self._dropping = False

    def observe(self, callback: Observer, *, frames: bool = False) -> Callable[[], None]:
        """Have `callback` called with every event, on the loop, soon after it happened; returns what ends it.

        What it raises is logged and hurts nobody. Frames, masked, come with `frames` only (and to everybody while one observer wants them).
        """
        self._observers[callback] = frames

        def end() -> None:
            self._observers.pop(callback, None)

        return end

    def observe_rows(self, callback: RowObserver) -> Callable[[], None]:
        """Have `callback` called with every row, on the loop, soon after it was committed; returns what ends it. Else as `observe`."""
        self._row_observers[callback] = None

        def end() -> None:
            self._row_observers.pop(callback, None)

        return end

    @property
    def observed(self) -> bool:
        """Whether anybody observes events."""
        return bool(self._observers)

    @property
    def frames_observed(self) -> bool:
        """Whether any observer wants frames."""
        return any(self._observers.values())

    def tell(self, event: TerminalEvent) -> None:
        """Have the observers told, in a later turn of the event loop."""
        if not self._observers:
            return
        full = len(self._waiting) >= WAITING_EVENTS
        if full != self._dropping:
            self._dropping = full
            log.warning("events.dropping" if full else "events.flowing", waiting=len(self._waiting))
        if full and isinstance(event, FrameSent | FrameReceived | ProgressShown):
            return
        self._waiting.append(event)
        self._wake()

    def tell_rows(self, rows: Iterable[NewOperation | Row]) -> None:
        """Have the observers of rows told, in a later turn of the event loop: none of them is ever dropped."""
        if self._row_observers:
            self._waiting.extend(rows)
            self._wake()

    def _wake(self) -> None:
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._deliver)

    def flush(self) -> None:
        """Tell all that waits now: the register is being closed."""
        while self._waiting:
            self._tell_all(self._waiting.popleft())

    def _deliver(self) -> None:
        for _ in range(min(len(self._waiting), EVENTS_AT_ONCE)):
            self._tell_all(self._waiting.popleft())
        self._telling = bool(self._waiting)
        if self._telling:
            asyncio.get_running_loop().call_soon(self._deliver)

    def _tell_all(self, told: TerminalEvent | NewOperation | Row) -> None:
        if isinstance(told, NewOperation | Row):
            for row_observer in tuple(self._row_observers):
                guarded(row_observer, told)
        else:
            for observer in tuple(self._observers):
                guarded(observer, told)


class Watchers:
    """Those who watch one terminal, beside the register's observers."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._queues: set[asyncio.Queue[TerminalEvent]] = set()

    @property
    def present(self) -> bool:
        """Whether anybody watches or observes."""
        return bool(self._queues or self._publisher.observed)

    @property
    def want_frames(self) -> bool:
        """Whether frames are to be told: every watcher gets them."""
        return bool(self._queues or self._publisher.frames_observed)

    async def events(self) -> AsyncGenerator[TerminalEvent, None]:
        """Yield what happens from now on. A slow watcher loses the oldest events."""
        queue: asyncio.Queue[TerminalEvent] = asyncio.Queue(WATCHED_EVENTS)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    def tell(self, event: TerminalEvent) -> None:
        """Tell all of them."""
        self._publisher.tell(event)
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            with suppress(asyncio.QueueFull):
                queue.put_nowait(event)


def guarded(observer: Callable[[Told], None], told: Told) -> None:
    """Call an observer: whatever it does wrong, it must not hurt a payment."""
    try:
        observer(told)
    except Exception as error:  # noqa: BLE001  # that is what this is for
        log.error("observer.failed", observer=getattr(observer, "__qualname__", "?"), trace=trace_of(error))  # noqa: TRY400
