"""The daemon's event stream as the command line follows it: server-sent events, resumed where the connection was lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecrlan.cli.remote import DaemonAnswerError, refusal

if TYPE_CHECKING:
    from ecrlan.cli.remote import DaemonClient
    from ecrlan.texts import Language

LARGEST_EVENT = 4 * 1024 * 1024
"""Bytes of one event; one with all frames of a receipt is far below."""
SILENCE_SECONDS = 60.0
"""A stream without even a comment for so long is lost: the daemon sends one every 15 s."""
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: its kind (`operation`, `progress`, `frame` …), its JSON object, and its id where it has one."""

    kind: str
    data: dict[str, Any]
    id: str | None = None


@dataclass(slots=True)
class EventReader:
    """Bytes in, events out (WHATWG, "Server-sent events"). Comments and `retry` are left out. Raises `DaemonAnswerError`."""

    _rest: bytearray = field(default_factory=bytearray)
    _kind: str = ""
    _id: str | None = None
    _lines: list[str] = field(default_factory=list)

    def feed(self, part: bytes) -> list[StreamEvent]:
        """Return the events that are complete with `part`."""
        self._rest += part
        *lines, rest = bytes(self._rest).split(b"\n")  # and at nothing else: JSON may hold every other line end there is
        self._rest = bytearray(rest)
        found = [event for event in map(self._line, lines) if event is not None]
        if len(self._rest) + sum(map(len, self._lines)) > LARGEST_EVENT:
            raise DaemonAnswerError(("daemon_event_too_long", {"most": LARGEST_EVENT}))
        return found

    def _line(self, raw: bytes) -> StreamEvent | None:
        name, _, value = raw.removesuffix(b"\r").decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if raw in (b"", b"\r"):
            return self._end()
        if name == "data":
            self._lines.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _end(self) -> StreamEvent | None:
        kind, lines, number = self._kind, self._lines, self._id
        self._kind, self._lines, self._id = "", [], None
        if not lines:
            return None
        try:
            data = json.loads("\n".join(lines))
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise DaemonAnswerError(("daemon_event_no_json", {"kind": kind}))
        return StreamEvent(kind=kind or "message", data=data, id=number)


async def follow(
    client: DaemonClient,
    *,
    terminal: str | None = None,
    frames: bool = False,
    last_id: str | None = None,
    language: Language | None = None,
    on_open: Callable[[], None] = lambda: None,
) -> AsyncIterator[StreamEvent]:
    """Yield events until the stream ends or is lost; `on_open` is called once the daemon follows for us: nothing later is missed.

    `language` is that of what the events say; None for the client's.

    Raises `RefusedError`, `DaemonAnswerError`; a lost connection just ends it.
    """
    import httpx  # noqa: PLC0415 - is there: the client was made with it

    query = {"frames": "true" if frames else "false", **({"terminal": terminal} if terminal is not None else {})}
    if language is not None:
        query["lang"] = language
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id is not None else {})}
    reader = EventReader()
    opened = False
    try:
        async with client.http.stream("GET", "/v1/events", params=query, headers=headers, timeout=SILENCE_SECONDS) as response:
            if response.status_code != 200:
                raise refusal(client.daemon, response.status_code, _document(await client.content(response)))
            async for part in response.aiter_bytes():
                if not opened:
                    opened = True
                    on_open()
                for event in reader.feed(part):
                    yield event
    except httpx.HTTPError:
        return


def _document(content: bytes) -> object:
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document


async def follow_on(
    client: DaemonClient, *, terminal: str | None = None, frames: bool = False, on_open: Callable[[], None] = lambda: None
) -> AsyncIterator[StreamEvent]:
    """Yield events for ever: a lost stream is taken up again where it ended, as long as the daemon keeps what was missed."""
    last_id: str | None = None
    while True:
        async for event in follow(client, terminal=terminal, frames=frames, last_id=last_id, on_open=on_open):
            last_id = event.id or last_id
            yield event
        await asyncio.sleep(RETRY_SECONDS)
