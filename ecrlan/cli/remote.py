"""The running daemon as the command line sees it: whether there is one, and requests to it. `running_daemon` decides "daemon or direct"."""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, urlsplit

import click
import structlog

from ecrlan.daemon.tokens import read_token, token_file
from ecrlan.errors import EcrlanError, InvalidValueError, RegisterError, Why, nested
from ecrlan.texts.language import choose_language

if TYPE_CHECKING:
    from types import TracebackType

    import httpx

    from ecrlan.errors import Sent
    from ecrlan.settings import Settings
    from ecrlan.texts import Language

log = structlog.get_logger(__name__)

INSTALL = "pip install 'ecrlan[daemon]'"
PROBE_SECONDS = 3.0
ANSWER_SECONDS = 30.0
"""How long an answer may take beyond what the request itself allows to wait."""
LONGEST_WAIT = 600
"""Seconds that the daemon waits for an operation's end in one request."""
LARGEST_NOTE = 10_000
LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer; a page of operations with their receipts is far below."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses that are listened on, and how to reach them


class RefusedError(RegisterError):
    """The daemon refuses the request, in its own words. `code` and `sent` are the daemon's."""

    def __init__(self, code: str, told: Why | str, sent: Sent) -> None:
        EcrlanError.__init__(self, told)  # not that of `InvalidValueError`: place and value stand in the message
        self.code = code
        self.sent: Sent = sent


class RefusedValueError(RefusedError, InvalidValueError):
    """The daemon refuses a value or its settings, or knows no such terminal: what was typed is wrong."""


class DaemonLostError(EcrlanError):
    """The connection to the daemon was not made (`sent` is `no`), or was lost before it answered (`unknown`)."""

    code = "daemon_lost"

    def __init__(self, told: Why | str, sent: Sent) -> None:
        super().__init__(told)
        self.sent: Sent = sent


class DaemonAnswerError(EcrlanError):
    """What answers is not what a daemon answers."""

    code = "daemon_answer"
    sent: Sent = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDaemon:
    """A daemon that owns the journal of the settings, and answers."""

    url: str
    """Without a path: `http://127.0.0.1:8017`."""
    pid: int
    version: str
    journal: Path
    certificate: Path | None = None

    @property
    def why(self) -> Why:
        """How people are told of it."""
        return "daemon_at", {"url": self.url, "pid": self.pid}

    def token(self) -> str:
        """Return the token that lets commands in. Raises `RegisterError`."""
        file = token_file(self.journal, "operate")
        try:
            return read_token(file)
        except FileNotFoundError:
            raise RegisterError(("daemon_without_token", {"daemon": nested(self.why), "path": str(file)})) from None
        except InvalidValueError as error:
            raise RegisterError(
                ("daemon_token_unusable", {"daemon": nested(self.why), "path": str(file), "allowed": nested(error.allowed_why)})
            ) from None


def daemon_file(journal: Path) -> Path:
    """Return where a running daemon says how to reach it, beside its journal."""
    return journal.with_name(journal.name + ".daemon")


def running_daemon(settings: Settings) -> RunningDaemon | None:
    """Return the daemon that owns the settings' journal, None where none answers: then a command owns the journal itself.

    A file that a killed daemon left behind leads nowhere, or to something else that listens there now, which gets no token and no request
    but `GET /healthz`. Should a daemon be there and not answer, the journal's lock has the last word.
    """
    file = daemon_file(settings.journal)
    try:
        with file.open("rb") as stream:
            note = json.loads(stream.read(LARGEST_NOTE))
        address, pid = urlsplit(note["url"]), int(note["pid"])
        host, port = address.hostname, address.port
        certificate = Path(note["certificate"]) if note.get("certificate") else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise RegisterError(("daemon_note_unreadable", {"path": str(settings.journal), "note": str(file)})) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        log.warning("daemon.note_unreadable", file=str(file))
        return None
    if address.scheme not in ("http", "https") or not host or port is None:
        log.warning("daemon.note_unreadable", file=str(file))
        return None
    url = _reachable(address, host, port)
    version = _probe(url, certificate)
    if version is None:
        log.info("daemon.note_stale", file=str(file), url=url)
        return None
    return RunningDaemon(url=url, pid=pid, version=version, journal=settings.journal, certificate=certificate)


def needed_daemon(settings: Settings, why: Why) -> RunningDaemon:
    """Return the running daemon. Raises `RegisterError` where there is none; `why` says what is to be known then."""
    daemon = running_daemon(settings)
    if daemon is None:
        raise RegisterError(("no_daemon", {"path": str(settings.journal), "problem": nested(why)}))
    return daemon


def need_extra(*modules: str) -> None:
    """Say what to install where one of the `modules` of the extra `daemon` is missing."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(f"this needs {', '.join(missing)}, which is not installed: {INSTALL}")


def _reachable(address: SplitResult, host: str, port: int) -> str:
    host = _EVERYWHERE.get(host, host)
    return f"{address.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _probe(url: str, certificate: Path | None) -> str | None:
    """Return the version of the daemon that answers at `url`, None for silence or anything else. The standard library is enough."""
    address = urlsplit(url)
    host = address.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, address.port, timeout=PROBE_SECONDS, context=_tls(certificate))
        if address.scheme == "https"
        else http.client.HTTPConnection(host, address.port, timeout=PROBE_SECONDS)
    )
    try:
        connection.request("GET", "/healthz")
        document = json.loads(connection.getresponse().read(LARGEST_NOTE))
        return str(document["version"]) if document["status"] in ("ok", "failing") else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, RecursionError):
        return None
    finally:
        connection.close()


def _tls(certificate: Path | None) -> ssl.SSLContext:
    """Return a context that takes the daemon's own certificate and, where the settings name it, no other; whatever name it bears."""
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


# --- requests ---------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class DaemonClient:
    """Requests to a running daemon, as `async with DaemonClient(daemon) as client`."""

    daemon: RunningDaemon
    http: httpx.AsyncClient = field(init=False, repr=False)

    async def __aenter__(self) -> Self:
        need_extra("httpx")
        import httpx  # noqa: PLC0415 - 60 ms that only commands with a daemon need; from the extra daemon

        secure = self.daemon.url.startswith("https:")
        self.http = httpx.AsyncClient(
            base_url=self.daemon.url,
            headers={"Authorization": f"Bearer {self.daemon.token()}", "Accept-Language": _language()},
            verify=_tls(self.daemon.certificate) if secure else False,
            trust_env=False,  # a proxy of the environment is none for this
            follow_redirects=False,
            timeout=httpx.Timeout(ANSWER_SECONDS),
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.http.aclose()

    async def get(self, path: str, *, wait: float = 0, **query: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON at `path`. Raises as `call` does."""
        return await self.call("GET", path, wait=wait, query=query)

    async def post(self, path: str, body: dict[str, Any] | None = None, *, wait: float = 0) -> Any:  # noqa: ANN401 - JSON
        """Post JSON and return the JSON that comes back. Raises as `call` does."""
        return await self.call("POST", path, body=body, wait=wait)

    async def call(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, wait: float = 0, query: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON that answers; `wait` seconds at most are spent by the daemon waiting for an operation's end.

        Raises `RefusedError` where the daemon refuses, `DaemonLostError`, `DaemonAnswerError`.
        """
        import httpx  # noqa: PLC0415 - is there: the client was made with it

        parameters = {**(query or {}), **({"wait": f"{wait:g}"} if wait else {})}
        limit = httpx.Timeout(ANSWER_SECONDS, read=wait + ANSWER_SECONDS)
        try:
            async with self.http.stream(method, path, json=body, params=parameters, timeout=limit) as response:
                content = await self.content(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DaemonLostError(("daemon_unreachable", {"daemon": nested(self.daemon.why), "problem": str(error)}), "no") from None
        except httpx.HTTPError as error:
            values = {"daemon": nested(self.daemon.why), "problem": str(error) or type(error).__name__}
            raise DaemonLostError(("daemon_lost", values), "unknown") from None
        document = _json(self.daemon, content) if content else None
        if response.status_code >= 400:
            raise refusal(self.daemon, response.status_code, document)
        return document

    async def content(self, response: httpx.Response) -> bytes:
        """Return an answer's body. Raises `DaemonAnswerError` where it is too long."""
        content = bytearray()
        async for part in response.aiter_bytes():
            content += part
            if len(content) > LARGEST_ANSWER:
                raise DaemonAnswerError(("daemon_answer_too_long", {"daemon": nested(self.daemon.why), "most": LARGEST_ANSWER}))
        return bytes(content)


def _language() -> Language:
    """Return the language in which the daemon is to answer the command that runs: a person's, and English for programs."""
    context = click.get_current_context(silent=True)
    return "en" if context is None or context.params.get("as_json") else choose_language(os.environ)


def _json(daemon: RunningDaemon, content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise DaemonAnswerError(("daemon_answer_no_json", {"daemon": nested(daemon.why)})) from None


def refusal(daemon: RunningDaemon, status: int, document: object) -> EcrlanError:
    """Return the error that an answer of 400 and more tells of, with code, words and exit code of the direct way."""
    told = document.get("error") if isinstance(document, dict) else None
    if not isinstance(told, dict) or not isinstance(told.get("code"), str) or not isinstance(told.get("message"), str):
        return DaemonAnswerError(("daemon_answer_unexplained", {"daemon": nested(daemon.why), "status": status}))
    code, message = told["code"], told["message"]
    sent: Sent = "no" if told.get("sent") == "no" else "unknown"
    told_why: Why | str = message
    if status in (401, 403):
        file = token_file(daemon.journal, "operate")
        told_why = ("daemon_lets_not_in", {"daemon": nested(daemon.why), "problem": message, "path": str(file)})
    if code == "unknown_terminal":
        told_why = ("unknown_to_daemon", {"problem": message})
    wrong = code in ("invalid_value", "unknown_terminal", "operations_without_terminal")
    return RefusedValueError(code, told_why, sent) if wrong else RefusedError(code, told_why, sent)


def ask(daemon: RunningDaemon, method: str, path: str, body: dict[str, Any] | None = None, *, query: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Make one request, from a command that needs no more. Raises as `DaemonClient.call` does."""

    async def asked() -> Any:  # noqa: ANN401 - JSON
        async with DaemonClient(daemon) as client:
            return await client.call(method, path, body=body, query=query)

    return asyncio.run(asked())
