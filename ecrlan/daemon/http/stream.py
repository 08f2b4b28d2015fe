"""The event stream (server-sent events): what happens, as it happens, resumable by Last-Event-ID."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http.bodies import Spoken, left
from ecrlan.daemon.http.schemas import answers

MEDIA_TYPE = "text/event-stream"
_EXAMPLE = 'id: 1a2b3c4d-17\nevent: progress\ndata: {"terminal":"till-1","reference":"sale-4711","text":"INSERIRE CARTA"}\n\n'


class EventStream(Response):
    """Sends what an iterator yields until it ends or the client leaves."""

    media_type = MEDIA_TYPE

    def __init__(self, texts: AsyncIterator[bytes]) -> None:
        super().__init__()
        self.texts = texts
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # as every response
        """Send it."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not sending.done():
                sending.cancel()
                await asyncio.wait({sending})
        if not sending.cancelled():
            await sending

    async def _send(self, send: Send) -> None:
        async with aclosing(self.texts) as texts:  # type: ignore[type-var]  # the hub's iterator is a generator
            async for text in texts:
                await send({"type": "http.response.body", "body": text, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def make_router(daemon: Daemon) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["events"])
    told: dict[int | str, dict[str, Any]] = answers(422)
    told[200] = {
        "description": "An endless stream of operation, progress, line, terminal, alarm, frame, gap and (in demo mode) screen events",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }

    @router.get("/v1/events", responses=told, response_model=None, status_code=200, response_class=EventStream)
    async def events(
        language: Spoken,
        *,
        frames: Annotated[bool, Query(description="Every frame as well, decoded.")] = False,
        terminal: Annotated[str | None, Query(max_length=64, description="Only what concerns this terminal.")] = None,
        last_event_id: Annotated[str | None, Query(max_length=64, description="As the header.")] = None,
        header_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64, description="Go on behind this event.")] = None,
    ) -> Response:
        """Follow what happens. `gap` means: something was missed, load everything anew."""
        return EventStream(daemon.hub.follow(header_id or last_event_id or None, frames=frames, terminal=terminal, language=language))

    return router
