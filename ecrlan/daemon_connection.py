"""The connection to a daemon: requests and the event stream, and what comes back as ecrlan's own errors, operations and events."""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import unquote

from ecrlan.errors import (
    AlreadySentError,
    ClosedError,
    EcrlanError,
    InvalidValueError,
    JournalDoubtError,
    JournalError,
    JournalOwnedError,
    OperationsWithoutTerminalError,
    ReferenceConflictError,
    RegisterError,
    Sent,
    TerminalBlockedError,
    TerminalBusyError,
    UnknownReferenceError,
    UnknownTerminalError,
    Why,
    nested,
)
from ecrlan.model import Operation, Outcome, read_evidence
from ecrlan.model.operations import Known_co
from ecrlan.operation_json import operation_of_json
from ecrlan.register import Alarm, LineChanged, OperationChanged, ProgressShown, TerminalEvent
from ecrlan.texts import Language

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS = 30.0
"""How long an answer may take beyond what the request itself allows to wait."""
LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer; a page of operations with their receipts is far below."""
SILENCE_SECONDS = 60.0
"""A stream without even a comment for so long is lost: the daemon sends one every 15 s."""
RETRY_SECONDS = 1.0
LARGEST_EVENT = 4 * 1024 * 1024
"""Bytes of one event; one with all frames of a receipt is far below."""


class RefusedError(RegisterError):
    """The daemon refuses a request in a way that has no exception of its own. `code`, message and `sent` are the daemon's."""


class DaemonLostError(EcrlanError):
    """The connection to the daemon was not made (`sent` is `no`), or was lost before it answered (`unknown`)."""

    code = "daemon_lost"

    def __init__(self, told: Why | str, sent: Sent) -> None:
        super().__init__(told)
        self.sent: Sent = sent


class DaemonGoneError(DaemonLostError):
    """The daemon is gone, or does not tell of an operation. `sent` is `no` where the journal proves that nothing left for the terminal."""

    code = "daemon_gone"


class DaemonAnswerError(EcrlanError):
    """What answers is not what a daemon answers."""

    code = "daemon_answer"
    sent: Sent = "unknown"


_ERRORS: dict[str, type[EcrlanError]] = {
    error.code: error
    for error in (
        AlreadySentError,
        ClosedError,
        InvalidValueError,
        JournalDoubtError,
        JournalError,
        JournalOwnedError,
        OperationsWithoutTerminalError,
        ReferenceConflictError,
        RegisterError,
        TerminalBlockedError,
        TerminalBusyError,
        UnknownReferenceError,
        UnknownTerminalError,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToldOperation(Operation[Known_co]):
    """An operation as a daemon told it: `to_json` returns the daemon's document as it came."""

    document: dict[str, Any] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the daemon's document."""
        return self.document


def error_of(document: object, status: int, path: str, daemon: Why, token_file: Path | None = None) -> EcrlanError:
    """Return the error that an answer of 400 and more tells of: ecrlan's own, with the daemon's code, message and `sent`.

    `path` is what was asked for; `daemon` says which daemon answered, `token_file` where the token came from. An attribute of the
    error is None where the daemon does not tell its value.
    """
    told = document.get("error") if isinstance(document, dict) else None
    if not isinstance(told, dict) or not isinstance(told.get("code"), str) or not isinstance(told.get("message"), str):
        return DaemonAnswerError(("daemon_answer_unexplained", {"daemon": nested(daemon), "status": status}))
    code, message = told["code"], told["message"]
    why: Why | None = None
    if status in (401, 403):
        values = {"daemon": nested(daemon), "problem": message}
        why = ("daemon_lets_not_in", {**values, "path": str(token_file)}) if token_file is not None else ("client_not_let_in", values)
    if code == "unknown_terminal":
        why = ("unknown_to_daemon", {"problem": message})
    kind = _ERRORS.get(code, RefusedError)
    error = kind.__new__(kind, why or message)  # its constructor would make a message of its own
    error.why, error.code, error.sent = why, code, "no" if told.get("sent") == "no" else "unknown"
    facts = {"holder": told.get("holder"), "waiting": told.get("waiting"), "held_seconds": _seconds_since(told.get("since"))}
    parts = [unquote(part) for part in path.split("/")]
    if parts[1:3] == ["v1", "operations"] and len(parts) > 3:
        facts["reference"] = parts[3]
    elif parts[1:3] == ["v1", "terminals"] and len(parts) > 3:
        facts["terminal"] = facts["name"] = parts[3]
    _, *attributes = inspect.signature(kind.__init__).parameters.values()
    for attribute in attributes:
        if attribute.name not in ("told", "why", "allowed") and attribute.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            setattr(error, attribute.name, facts.get(attribute.name))
    if isinstance(error, InvalidValueError):
        error.allowed_why = message
    return error


def _seconds_since(time: object) -> float | None:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds() if isinstance(time, str) else None
    except (ValueError, TypeError):
        return None


def operation_of(document: object, receipt: bytes | None = None) -> ToldOperation[Outcome | None]:
    """Return the operation that a daemon tells of; `receipt` has the styles of its lines. Raises `DaemonAnswerError`."""
    try:
        operation = operation_of_json(document, receipt)
    except InvalidValueError as error:
        raise DaemonAnswerError(("daemon_operation_unreadable", {"problem": str(error)})) from None
    values = {each.name: getattr(operation, each.name) for each in fields(Operation)}
    return ToldOperation(document=cast("dict[str, Any]", document), **values)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of the stream: its kind (`operation`, `progress`, `frame` …), its JSON object, and its id where it has one."""

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
            data = read_json("\n".join(lines))
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise DaemonAnswerError(("daemon_event_no_json", {"kind": kind}))
        return StreamEvent(kind=kind or "message", data=data, id=number)


class Connection:
    """Requests to a daemon, as `async with Connection(...) as connection`; what its arguments are, `ecrlan.client.Client` says."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        certificate: Path | None = None,
        daemon: Why | None = None,
        token_file: Path | None = None,
        language: Language = "en",
    ) -> None:
        self.url = url.rstrip("/")
        self.daemon: Why = daemon or ("daemon_at_url", {"url": self.url})
        self._token = token
        self._certificate = certificate
        self._token_file = token_file
        self._language = language
        self._http: httpx.AsyncClient

    async def __aenter__(self) -> Self:
        try:
            import httpx  # noqa: PLC0415 - 60 ms that only clients need; from an extra
        except ModuleNotFoundError:
            raise RegisterError(("client_without_httpx", {})) from None

        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self._token}", "Accept-Language": self._language},
            verify=certificate_context(self._certificate) if self.url.startswith("https:") else False,
            trust_env=False,  # a proxy of the environment is none for this
            follow_redirects=False,
            timeout=httpx.Timeout(ANSWER_SECONDS),
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.aclose()

    async def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, wait: float = 0.0, query: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Make one request and return the JSON that answers; the daemon may spend `wait` seconds on waiting for an operation's end.

        For routes that have no method here. Raises as the class says.
        """
        import httpx  # noqa: PLC0415 - is there: the client was entered with it

        parameters = {**(query or {}), **({"wait": f"{wait:g}"} if wait else {})}
        limit = httpx.Timeout(ANSWER_SECONDS, read=wait + ANSWER_SECONDS)
        try:
            async with self._http.stream(method, path, json=body, params=parameters, timeout=limit) as response:
                content = await self._content(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DaemonLostError(("daemon_unreachable", {"daemon": nested(self.daemon), "problem": str(error)}), "no") from None
        except httpx.HTTPError as error:
            values = {"daemon": nested(self.daemon), "problem": str(error) or type(error).__name__}
            raise DaemonLostError(("daemon_lost", values), "unknown") from None
        if response.status_code >= 400:
            raise self._error(response.status_code, path, content)
        return self._json(content)

    async def _document(self, method: str, path: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - those of `call`
        document = await self.call(method, path, **more)
        if not isinstance(document, dict):
            raise DaemonAnswerError(("daemon_without_document", {"daemon": nested(self.daemon)}))
        return document

    async def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for part in response.aiter_bytes():
            content += part
            if len(content) > LARGEST_ANSWER:
                raise DaemonAnswerError(("daemon_answer_too_long", {"daemon": nested(self.daemon), "most": LARGEST_ANSWER}))
        return bytes(content)

    def _json(self, content: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            return read_json(content) if content else None
        except ValueError:
            raise DaemonAnswerError(("daemon_answer_no_json", {"daemon": nested(self.daemon)})) from None

    def _error(self, status: int, path: str, content: bytes) -> EcrlanError:
        return error_of(self._json(content), status, path, self.daemon, self._token_file)

    async def follow(self, terminal: str | None = None, *, on_open: Callable[[], None] = lambda: None) -> AsyncIterator[StreamEvent]:
        """Yield the daemon's events for ever: a lost stream is taken up again, as long as the daemon keeps what was missed.

        `on_open` is called whenever the daemon follows for us: nothing later is missed.
        """
        last_id: str | None = None
        while True:
            async for event in self.stream(terminal, last_id=last_id, on_open=on_open):
                last_id = event.id or last_id
                yield event
            await asyncio.sleep(RETRY_SECONDS)

    async def stream(
        self,
        terminal: str | None = None,
        *,
        frames: bool = False,
        last_id: str | None = None,
        language: Language | None = None,
        on_open: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[StreamEvent]:
        """Yield the daemon's events as they come, behind the one with `last_id`, until the stream ends or is lost, which raises nothing.

        `language` is that of what they say; None for the client's.
        """
        import httpx  # noqa: PLC0415 - is there: the client was entered with it

        query = {"frames": "true" if frames else "false", **({"terminal": terminal} if terminal is not None else {})}
        if language is not None:
            query["lang"] = language
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id is not None else {})}
        reader = EventReader()
        opened = False
        try:
            async with self._http.stream("GET", "/v1/events", params=query, headers=headers, timeout=SILENCE_SECONDS) as response:
                if response.status_code != 200:
                    raise self._error(response.status_code, "/v1/events", await self._content(response))
                async for part in response.aiter_bytes():
                    if not opened:
                        opened = True
                        on_open()
                    for event in reader.feed(part):
                        yield event
        except httpx.HTTPError:
            return


def event_of(told: StreamEvent, terminal: str) -> TerminalEvent | None:
    """Return what the stream tells of a terminal as the event that its register told; None for everything else, and frames."""
    data, text, reference = told.data, told.data.get("text"), told.data.get("reference")
    reference = reference if isinstance(reference, str) else None
    match told.kind:
        case "operation":
            try:
                return OperationChanged(terminal, operation_of(data))
            except DaemonAnswerError:  # from a newer daemon, perhaps; the outcome comes by another way
                return None
        case "progress" if isinstance(text, str):
            return ProgressShown(terminal, reference or "", text)
        case "alarm" if data.get("active") is True and (what := read_evidence(data, "text")) is not None:
            return Alarm(terminal, str(data.get("name")), what, reference)
        case "line":
            return LineChanged(terminal, opened=data.get("opened") is True, opened_by=str(data.get("opened_by")))
        case _:
            return None


def certificate_context(certificate: Path | None) -> ssl.SSLContext:
    """Return a context that takes a daemon's own certificate, whatever name it bears, and no other; None: those of the system.

    Raises `InvalidValueError` where the file cannot be read.
    """
    if certificate is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate itself is known: only its key's holder can use it
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        pem = certificate.read_text("ascii")
        first = pem[pem.index(ssl.PEM_HEADER) : pem.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]
        context.load_verify_locations(cadata=first + "\n")
    except (OSError, ValueError) as error:
        raise InvalidValueError("daemon.certificate", str(certificate), ("allowed_pem_file", {"problem": str(error)})) from None
    return context


def read_json(content: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """Return what JSON says. Raises `ValueError`."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None
