"""The HTTP application: every route, its OpenAPI document, and the guard in front."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from importlib.resources.abc import Traversable
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import ecrlan
from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http import journal, manual, operations, overview, pages, session, stream, terminals
from ecrlan.daemon.http.bodies import definitions
from ecrlan.daemon.http.errors import add_handlers
from ecrlan.daemon.http.security import BODY_SECONDS, Guard
from ecrlan.daemon.http.sessions import COOKIE, Sessions

DESCRIPTION = """The cash register's side of ECR-LAN over HTTP. Amounts are whole cents, times ISO 8601 with their time zone.

`reference` is the idempotency key: post again whenever you are not sure. Every error is `{"error": {"code", "message", "sent"}}`; `sent`
is `no` where it is certain that nothing reached the terminal.

Texts (`reason`, `evidence`, `text`, `problem`, `message`) are in English, or in Italian with `Accept-Language: it` or `?lang=it`. What
programs go by stands beside them as a code with values: `reason_code`, `reason_values`."""


def create_app(daemon: Daemon, hosts: Iterable[str], *, body_seconds: float = BODY_SECONDS, console: Traversable | None = None) -> Guard:
    """Return the application of an open daemon. `hosts`: the names with port by which it is reached, in lower case."""
    app = FastAPI(
        title="ecrlan",
        version=ecrlan.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    sessions = Sessions(time.monotonic)
    routers = (
        operations.make_router(daemon),
        terminals.make_router(daemon),
        stream.make_router(daemon),
        session.make_router(daemon, sessions),
        overview.make_router(daemon),
        journal.make_router(daemon),
        pages.make_router(console),
        manual.make_router(),
    )
    for router in routers:
        app.include_router(router)
    add_handlers(app, daemon.clock, [route for router in routers for route in router.routes])
    documents: list[bytes] = []
    making = asyncio.Lock()

    @app.get("/openapi.json", include_in_schema=False, response_model=None)
    async def openapi() -> Response:
        async with making:
            if not documents:
                documents.append(await asyncio.to_thread(lambda: bytes(JSONResponse(openapi_document(app)).body)))
        return Response(documents[0], media_type="application/json")

    return Guard(
        HeadAsGet(app),
        tokens=daemon.tokens,
        sessions=sessions,
        hosts=hosts,
        requests_at_once=daemon.settings.daemon.requests_at_once,
        body_seconds=body_seconds,
    )


class HeadAsGet:
    """Answers HEAD as GET, without the body; what never ends (the event stream) ends with its head."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        told = asyncio.Event()

        async def take() -> Message:
            arriving = asyncio.ensure_future(receive())
            ending = asyncio.ensure_future(told.wait())
            await asyncio.wait({arriving, ending}, return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            if arriving.done():
                return arriving.result()
            arriving.cancel()
            return {"type": "http.disconnect"}

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif not told.is_set():
                told.set()
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self.app({**scope, "method": "GET"}, take, tell)


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: FastAPI's, with the bodies that the routes read by themselves, and how to log in."""
    document: dict[str, Any] = app.openapi()
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(definitions())
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own shape, which is never answered
        schemas.pop(name, None)
    for methods in document["paths"].values():
        for route in methods.values():
            if "HTTPValidationError" in str(route["responses"].get("422")):
                del route["responses"]["422"]
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "`ecrlan token` prints it."},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by POST /v1/session."},
    }
    document["security"] = [{"token": []}, {"session": []}]
    return document
