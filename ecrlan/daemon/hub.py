"""What happens, told to everybody who follows the event stream: numbered, kept for a while, and written as text once for all."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from ecrlan.daemon.documents import POLL
from ecrlan.model import Kind, Operation, State
from ecrlan.operation_json import in_language, operation_as_json
from ecrlan.register import Alarm, FrameReceived, FrameSent, LineChanged, OperationChanged, ProgressShown, Register, TerminalEvent
from ecrlan.texts import Language
from ecrlan.wire.dissect import dissect
from ecrlan.wire.frames import FrameReader
from ecrlan.wire.lrc import LrcReading

KEPT_EVENTS = 20_000
"""Events that can still be had by Last-Event-ID."""
WAITING_EVENTS = 2_000
"""Events that wait for one follower; a slower one is told that it missed some."""
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": \n\n"
EVENTS_AT_A_TIME = 10
"""Events whose texts are made and sent in one piece: a payment must not wait until a follower has all that it missed."""
BETWEEN_SECONDS = 0.005
"""Between two such pieces."""
GATHERING_SECONDS = 0.01
"""After a text, before the next: what happens meanwhile goes out in one piece, for a send costs more than an event."""
_CODED = b'_code":"'
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Data = dict[str, Any]


def is_poll(operation: Operation) -> bool:
    """Tell whether it is a look of our own at the terminal (`Terminal.poll`), which nobody asked for."""
    return operation.kind is Kind.STATUS and operation.reference.startswith(POLL)


class Event:
    """One event. Its text is made when the first follower takes it, and by nobody where nobody follows."""

    __slots__ = ("_data", "_text", "kind", "number", "terminal")

    def __init__(self, number: int | None, kind: str, terminal: str | None, data: Data | Callable[[], Data | None]) -> None:
        """Make it. `number` is None for what is never told again (frames); `data` may be a function that makes it, or None."""
        self.number = number
        self.kind = kind
        self.terminal = terminal
        self._data: Data | Callable[[], Data | None] | None = data
        self._text: bytes | None = None

    def text_in(self, start: str, language: Language) -> bytes:
        """As `text`, with what a code says in `language`."""
        text = self.text(start)
        if language == "en" or _CODED not in text:
            return text
        head, _, body = text.partition(b"data: ")
        return head + b"data: " + _to_json(in_language(json.loads(body), language)).encode() + b"\n\n"

    def text(self, start: str) -> bytes:
        """Return it as the stream carries it, in English; `start` is the first part of its id."""
        if self._text is None:
            data = self._data() if callable(self._data) else self._data
            self._data = None
            if data is None:
                self._text = b""
            else:
                name = f"id: {start}-{self.number}\n" if self.number is not None else ""
                body = _to_json(data)  # one line: JSON writes line ends as \n
                self._text = f"{name}event: {self.kind}\ndata: {body}\n\n".encode()
        return self._text


class _Follower:
    """One client's events that wait for it."""

    def __init__(self, terminal: str | None, language: Language, *, frames: bool) -> None:
        self.terminal = terminal
        self.language = language
        self.frames = frames
        self.later: deque[Event] = deque()
        """What came after the event that it has seen last, as it began to follow."""
        self.waiting: deque[Event] = deque()
        self.missed = False
        self.wake: asyncio.Future[None] | None = None

    def concerns(self, event: Event) -> bool:
        return self.terminal is None or event.terminal in (None, self.terminal)

    def offer(self, event: Event) -> None:
        if not self.concerns(event) or (event.kind == "frame" and not self.frames):
            return
        if len(self.waiting) >= WAITING_EVENTS:
            self.waiting.clear()
            self.missed = True
        if not self.missed:
            self.waiting.append(event)
        self.stir()

    def stir(self) -> None:
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(None)


class EventHub:
    """Takes what the register and the daemon tell, and hands it to the followers.

    An event's id is `START-NUMBER`: 8 hexadecimal digits that are another at every start, and its number.
    """

    def __init__(self, clock: Callable[[], datetime], *, kept: int = KEPT_EVENTS, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        """`clock` returns timezone-aware wall clock; `kept` events can be had again; a sign of life comes after `heartbeat` seconds."""
        self.clock = clock
        self.start = secrets.token_hex(4)
        self.published = 0
        """Events so far: the number of the newest one."""
        self.closed = False
        self.on_delivered: Callable[[str], None] | None = None
        """Told the kind of each event that is given to a follower."""
        self.on_change: Callable[[str], None] | None = None
        """Told the name of a terminal of which something changed."""
        self._heartbeat = heartbeat
        self._kept: deque[Event] = deque(maxlen=kept)
        self._followers: set[_Follower] = set()
        self._register: Register | None = None

    @property
    def followers(self) -> int:
        """How many follow now."""
        return len(self._followers)

    def watch(self, register: Register) -> None:
        """Take every event of `register` from now on."""
        self._register = register
        self._watch_frames()

    def close(self) -> None:
        """End every stream, and take no more."""
        self.closed = True
        for follower in self._followers:
            follower.stir()

    def publish(self, kind: str, data: Data | Callable[[], Data | None], terminal: str | None = None) -> None:
        """Tell an event to the followers; `data` is JSON, or a function that makes it if anybody wants it (None: nothing to tell)."""
        self.published += 1
        event = Event(self.published, kind, terminal, data)
        self._kept.append(event)
        for follower in self._followers:
            follower.offer(event)

    async def follow(
        self, last_id: str | None = None, *, frames: bool = False, terminal: str | None = None, language: Language = "en"
    ) -> AsyncIterator[bytes]:
        """Yield the stream's text: what came after `last_id` where that is still known (else a `gap`), then what happens.

        `frames`: every frame as well; `terminal`: only what concerns it, or no terminal at all; `language`: what codes say. A follower
        that is too slow loses what it has not taken, and gets a `gap`. Ends when the hub is closed.
        """
        follower = _Follower(terminal, language, frames=frames)
        begin = self._since(last_id, follower)
        self._followers.add(follower)
        self._watch_frames()
        try:
            yield begin
            while True:
                if text := self._take(follower):
                    yield text
                    await asyncio.sleep(BETWEEN_SECONDS if follower.later or follower.waiting else GATHERING_SECONDS)
                elif self.closed:
                    return
                elif not await self._stirred(follower):
                    yield HEARTBEAT
        finally:
            self._followers.discard(follower)
            self._watch_frames()

    # --- followers --------------------------------------------------------------------------------------------------------------

    def _since(self, last_id: str | None, follower: _Follower) -> bytes:
        """Give the follower what came after `last_id`; return the stream's first text, with the first of it."""
        begin = b"retry: 2000\n\n"
        if last_id is None:
            return begin
        start, _, number = last_id.rpartition("-")
        known = start == self.start and number.isascii() and number.isdigit() and len(number) < 20
        oldest = self._kept[0].number if self._kept else self.published + 1
        if not known or oldest is None or not oldest - 1 <= int(number) <= self.published:
            return begin + self._gap()
        later = itertools.islice(self._kept, int(number) + 1 - oldest, None)
        follower.later.extend(event for event in later if follower.concerns(event))
        return begin + self._texts(follower.later, follower)

    def _gap(self) -> bytes:
        return Event(self.published, "gap", None, {"missed": True}).text(self.start)

    def _take(self, follower: _Follower) -> bytes:
        if follower.later:
            return self._texts(follower.later, follower)
        if follower.missed:
            follower.missed = False
            return self._gap()
        return self._texts(follower.waiting, follower)

    def _texts(self, events: deque[Event], follower: _Follower) -> bytes:
        """Take a few of the events, and return their texts; b"" where nothing is left to tell."""
        text = b""
        while events and not text:
            text = b"".join([self._deliver(events.popleft(), follower) for _ in range(min(EVENTS_AT_A_TIME, len(events)))])
        return text

    def _deliver(self, event: Event, follower: _Follower) -> bytes:
        if self.on_delivered is not None:
            self.on_delivered(event.kind)
        return event.text_in(self.start, follower.language)

    async def _stirred(self, follower: _Follower) -> bool:
        """Wait for something to tell; False where nothing came for a while."""
        follower.wake = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._heartbeat):
                await follower.wake
        return follower.wake.done() and not follower.wake.cancelled()

    # --- the register's events --------------------------------------------------------------------------------------------------

    def _watch_frames(self) -> None:
        """Ask the register for frames while a follower wants them, and only then."""
        if self._register is not None:
            self._register.observe(self._observe, frames=any(follower.frames for follower in self._followers))

    def _observe(self, event: TerminalEvent) -> None:
        match event:
            case OperationChanged():
                self._operation(event)
            case ProgressShown():
                time = self.clock().isoformat()
                data = {"terminal": event.terminal, "reference": event.reference, "text": event.text, "time": time}
                self.publish("progress", data, event.terminal)
            case FrameSent() | FrameReceived():
                self._frame(event)
            case LineChanged():
                time = self.clock().isoformat()
                told = {"terminal": event.terminal, "opened": event.opened, "opened_by": event.opened_by, "time": time}
                self.publish("line", told, event.terminal)
                self._changed(event.terminal)
            case Alarm():
                self._changed(event.terminal)

    def _operation(self, event: OperationChanged) -> None:
        if is_poll(event.operation):
            return
        self.publish("operation", lambda: operation_as_json(event.operation), event.terminal)
        if event.operation.state is not State.ACCEPTED:  # which changes nothing of what a terminal tells
            self._changed(event.terminal)

    def _changed(self, terminal: str) -> None:
        if self.on_change is not None:
            self.on_change(terminal)

    def _frame(self, event: FrameSent | FrameReceived) -> None:
        """Tell a frame to those who want frames; it is not kept."""
        if not any(follower.frames for follower in self._followers):
            return
        sent = isinstance(event, FrameSent)
        time = self.clock().isoformat()
        reading = self._reading(event.terminal)

        def data() -> Data:
            reader = FrameReader(reading)
            frames = dissect([*reader.feed(event.raw), *reader.finish()], "request" if sent else "response")
            return {"terminal": event.terminal, "direction": ">" if sent else "<", "time": time, "frames": frames}

        told = Event(None, "frame", event.terminal, data)
        for follower in self._followers:
            follower.offer(told)

    def _reading(self, terminal: str) -> LrcReading:
        found = self._register.terminals.get(terminal) if self._register is not None else None
        return found.settings.lrc if found is not None else LrcReading.STANDARD
