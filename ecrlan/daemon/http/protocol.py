"""uvicorn's HTTP/1.1, with limits of time and number, and its own errors in our shape."""

from __future__ import annotations

import asyncio
import json
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ecrlan.daemon.http.errors import STATUSES, error_document

REQUEST_SECONDS = 15.0
"""How long a request may take to arrive, head and body, and a line may stand without one."""

TOKEN_SECONDS = 0.5
"""How long a new line may stand without a token before it can be ended to make room for another."""

UNREAD_SECONDS = 60.0
"""How long a client may leave what it is told unread; then its line is dropped."""


class HttpProtocol(H11Protocol):
    """One client's line. `most_lines`, `request_seconds` and `strangers` are set on a subclass (`limited`).

    Where too many lines stand, the oldest of those that have shown no token, and are not being served, makes room for the new one.
    """

    most_lines = 1_000
    request_seconds = REQUEST_SECONDS
    strangers: ClassVar[dict[HttpProtocol, float]] = {}
    """The lines of which no request with a role was seen yet, oldest first, and when each was made."""
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take the line, or refuse it where too many stand."""
        super().connection_made(transport)
        if len(self.connections) > self.most_lines and not self._make_room():
            self._refuse("too_many", f"{self.most_lines} lines stand; that is the most")
        else:
            self.strangers[self] = self.loop.time()
            self._watch()

    def _make_room(self) -> bool:
        """End the oldest line that had its time to show a token and did not, and that waits for nothing; False where there is none."""
        latest = self.loop.time() - TOKEN_SECONDS
        for line, made_at in list(self.strangers.items()):
            if made_at > latest:
                return False
            served = line.cycle is not None and not line.cycle.response_complete
            if line.scope is not None and line.scope["state"].get("role") is not None:
                del self.strangers[line]
            elif not served:
                del self.strangers[line]
                line._refuse("too_many", f"{self.most_lines} lines stand, and this one has shown no token")  # noqa: SLF001  # its own kind
                return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the line."""
        self._unwatch()
        self._stop_unread()
        self.strangers.pop(self, None)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note that the client does not read; it has its time for that, too."""
        super().pause_writing()
        self._stop_unread()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the client has read."""
        self._stop_unread()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take bytes; whoever sends a request one byte at a time gets so long and no longer."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._unwatch()
        elif self._deadline is None:
            self._watch()

    def on_response_complete(self) -> None:
        """Go on to the next request, which has its own time."""
        super().on_response_complete()
        if not self.transport.is_closing() and self._deadline is None and self.conn.their_state is h11.SEND_BODY:
            self._watch()  # the answer came before the whole body: what is left of it has its time, too

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request."""
        self._refuse("malformed_request", msg)

    def _watch(self) -> None:
        self._deadline = self.loop.call_later(self.request_seconds, self._too_slow)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self.transport.close()  # nothing was asked
        elif not self.transport.is_closing():
            self._refuse("too_slow", f"the request did not arrive within {self.request_seconds:g} s")

    def _refuse(self, code: str, message: str) -> None:
        """Answer by ourselves where no answer has begun, and close the line."""
        self._unwatch()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and (self.cycle is None or not self.cycle.response_started):
            body = json.dumps(error_document(code, message)).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                (b"connection", b"close"),
            ]
            response = h11.Response(status_code=STATUSES[code], headers=headers, reason=b"")
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            if self.cycle is not None:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
        self.transport.close()


def limited(most_lines: int, request_seconds: float = REQUEST_SECONDS) -> type[HttpProtocol]:
    """Return the protocol with its limits."""
    own = {"most_lines": most_lines, "request_seconds": request_seconds, "strangers": {}}
    return type("LimitedHttpProtocol", (HttpProtocol,), own)
