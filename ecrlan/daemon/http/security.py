"""Who is let in, and with how much: the outermost layer, before any route (pure ASGI)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from starlette.requests import Request

from ecrlan.daemon.http import manual
from ecrlan.daemon.http.errors import STATUSES, Refusal, error_document, spoken
from ecrlan.daemon.http.sessions import COOKIE, Sessions
from ecrlan.daemon.tokens import Role, Tokens
from ecrlan.model import evidence_of
from ecrlan.texts import Language, words

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 64 * 1024
LARGEST_LOGIN = 1024
"""Bytes of a body that comes without a token."""
MOST_READ = 1024 * 1024
"""Bytes of a too large body that are read to its end, so that the client sees the answer; of a larger one the line is closed at once."""
BODY_SECONDS = 10.0
"""How long a request's body may take to arrive."""
MOST_STREAMS = 64
"""Event streams at a time."""
STREAM = "/v1/events"
SESSION = "/v1/session"
HEALTH = "/healthz"
CONSOLE = "/console/"
SIGN_IN = "/?next="
"""The console's sign-in form, which leads back to the page of the manual that was asked for."""
READING = ("GET", "HEAD")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NO_STORE = (b"cache-control", b"no-store")


class Guard:
    """Lets in who may come in. `hosts` are the names (with port, in lower case) by which the daemon is reached."""

    def __init__(
        self,
        app: App,
        *,
        tokens: Tokens,
        sessions: Sessions,
        hosts: Iterable[str],
        requests_at_once: int = 512,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self.app = app
        self.tokens = tokens
        self.sessions = sessions
        self.hosts = frozenset(hosts)
        self.requests_at_once = requests_at_once
        self.body_seconds = body_seconds
        self.requests = 0
        """Requests that are being served, streams left out."""
        self.streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        headed = _with_headers(send, scope["path"])
        try:
            request = self._look(scope)
            if scope["path"] == HEALTH:
                await self.app(scope, receive, headed)
            elif scope["path"] == STREAM:
                await self._stream(scope, receive, headed)
            else:
                await self._serve(scope, receive, headed, known=request)
        except Refusal as refusal:
            if refusal.code == "unauthorized" and _is_browser_at_manual(scope):
                await _redirect(SIGN_IN + scope["path"], headed)
            else:
                await _refuse(refusal, spoken(Request(scope)), headed)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.streams >= MOST_STREAMS:
            raise Refusal("too_many", ("too_many_streams", {"count": self.streams}))
        self.streams += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.streams -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send, *, known: bool) -> None:
        if self.requests >= self.requests_at_once:
            raise Refusal("too_many", ("too_many_requests", {"count": self.requests}))
        self.requests += 1
        try:
            if scope["method"] not in READING:
                receive = await self._body(scope, receive, LARGEST_BODY if known else LARGEST_LOGIN)
            await self.app(scope, receive, send)
        finally:
            self.requests -= 1

    # --- who ------------------------------------------------------------------------------------------------------------------------

    def _look(self, scope: Scope) -> bool:
        """Look at a request's head; True where it has a role, which stands in `scope["state"]`. Raises `Refusal`."""
        if scope["http_version"] not in ("1.0", "1.1"):
            raise Refusal("malformed_request", ("http_version", {}), {"connection": "close"})
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in headers and name in (b"host", b"authorization", b"origin"):
                raise Refusal(
                    "foreign_host" if name == b"host" else "malformed_request", ("header_twice", {"name": name.decode("latin-1")})
                )
            headers[name] = value if name not in headers else headers[name] + (b"; " if name == b"cookie" else b", ") + value
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self.hosts:
            raise Refusal("foreign_host", ("foreign_host", {"host": host, "allowed": sorted(self.hosts)}))
        reading = scope["method"] in READING
        if not reading:
            self._check_origin(headers, f"{scope['scheme']}://{host}")
        session = session_of(headers)
        role = self._role(headers, session)
        scope.setdefault("state", {}).update(role=role, session=session)
        if role is None:
            if not is_open(scope["method"], scope["path"]):
                raise Refusal("unauthorized", ("token_needed", {}), {"www-authenticate": "Bearer"})
        elif role == "read" and not reading and scope["path"] != SESSION:
            raise Refusal("forbidden", ("token_reads_only", {}))
        return role is not None

    def _role(self, headers: dict[bytes, bytes], session: str | None) -> Role | None:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme:
            return self.tokens.role_of(token.strip()) if scheme.lower() == "bearer" else None
        return self.sessions.role_of(session) if session is not None else None

    @staticmethod
    def _check_origin(headers: dict[bytes, bytes], own: str) -> None:
        """Refuse what another site's page sends with the browser's cookie."""
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site", b"same-origin")
        if (origin is not None and origin.decode("latin-1").lower() != own) or site not in (b"same-origin", b"none"):
            raise Refusal("foreign_origin", ("foreign_page", {}))

    # --- how much -------------------------------------------------------------------------------------------------------------------

    async def _body(self, scope: Scope, receive: Receive, largest: int) -> Receive:
        """Read the whole body and return what gives it to the application. Raises `Refusal`, with which the line is closed."""
        closing = {"connection": "close"}
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        too_large = Refusal("too_large", ("body_too_large", {"most": largest}), closing)
        if len(length) > len(str(MOST_READ)) or not length.isdigit() or int(length) > MOST_READ:
            raise too_large
        body, size, more = bytearray(), 0, True
        try:
            async with asyncio.timeout(self.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return receive
                    size += len(message.get("body", b""))
                    if size > MOST_READ:
                        raise too_large
                    if size <= largest:
                        body += message.get("body", b"")
                    more = message.get("more_body", False)
        except TimeoutError:
            if int(length) > largest:
                raise too_large from None
            raise Refusal("too_slow", ("body_too_slow", {"seconds": self.body_seconds}), closing) from None
        if size > largest:
            raise too_large
        first: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def replay() -> Message:
            nonlocal first
            if first is not None:
                message, first = first, None
                return message
            return await receive()

        return replay


def is_open(method: str, path: str) -> bool:
    """Tell whether a request needs no token: a sign of life, the login, and the console's files, which hold no data."""
    if method in READING:
        return path in (HEALTH, "/", "/favicon.ico") or path.startswith(CONSOLE)
    return method == "POST" and path == SESSION


def _is_browser_at_manual(scope: Scope) -> bool:
    """Tell whether a person's browser asks for a page of the manual: it wants a page that there is, and sends no token."""
    headers = dict(scope["headers"])
    return (
        scope["method"] in READING
        and scope["path"] in manual.paths()
        and b"authorization" not in headers
        and b"text/html" in headers.get(b"accept", b"")
    )


def session_of(headers: dict[bytes, bytes]) -> str | None:
    """Return the session's id of the request's cookies, whatever cookies others have set on this host."""
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def _with_headers(send: Send, path: str) -> Send:
    """Return a `send` that adds the headers of every answer."""
    stored = path.startswith(CONSOLE) or path == "/"

    async def headed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS, *(() if stored else (NO_STORE,))]
        await send(message)

    return headed


async def _redirect(place: str, send: Send) -> None:
    headers = [(b"location", place.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(refusal: Refusal, language: Language, send: Send) -> None:
    body = json.dumps(error_document(refusal.code, words(evidence_of(refusal), language))).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    await send({"type": "http.response.start", "status": STATUSES[refusal.code], "headers": headers})
    await send({"type": "http.response.body", "body": body})
