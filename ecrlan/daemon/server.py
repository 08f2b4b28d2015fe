"""The daemon as a process: sockets, signals, the note beside the journal, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import importlib.util
import ipaddress
import json
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import structlog
import uvicorn

import ecrlan
from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.demo import THINK_SECONDS
from ecrlan.daemon.demo_note import remove_demo_note, write_demo_note
from ecrlan.daemon.http.app import create_app
from ecrlan.daemon.http.protocol import REQUEST_SECONDS, limited
from ecrlan.daemon.http.security import BODY_SECONDS, MOST_STREAMS
from ecrlan.daemon.notify import Notifier
from ecrlan.daemon.tokens import write_private
from ecrlan.errors import EcrlanError, InvalidValueError, ListenError
from ecrlan.logger import trace_of
from ecrlan.setting_values import split_address
from ecrlan.settings import Settings

log = structlog.get_logger(__name__)

SPARE_LINES = 64
"""Lines beyond requests and streams: kept ones, and those that are refused."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; TLS 1.3 has its own, and older ones are not spoken."""
MOST_FILES = 65_536
LAST_ANSWERS_SECONDS = 2
"""How long answers may take to leave when the daemon stops."""


class _Uvicorn(uvicorn.Server):
    """uvicorn without hands on the signals, and with a sign that it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: they are ours."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.serving.set()


class _LogBridge(logging.Handler):
    """Takes what uvicorn has to say into our log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record: its words and where it came from, never a request's content."""
        error = record.exc_info[1] if record.exc_info else None
        told = log.error if record.levelno >= logging.ERROR else log.warning
        told("http.problem", problem=record.getMessage().strip(), trace=trace_of(error) if error is not None else None)


class Server:
    """HTTP for an open daemon: `async with Server(daemon, "127.0.0.1:8017") as server: ... server.url`.

    Raises `ListenError` where the address cannot be had, `InvalidValueError` where it reaches beyond loopback without TLS, or certificate
    or key are none. `body_seconds` and `request_seconds` limit how slow a request may be.
    """

    def __init__(
        self,
        daemon: Daemon,
        http: str | None = None,
        *,
        body_seconds: float = BODY_SECONDS,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self.daemon = daemon
        self.url = ""
        self._http = http or daemon.settings.daemon.http
        self._body_seconds = body_seconds
        self._request_seconds = request_seconds
        self._uvicorn: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    @property
    def note(self) -> Path:
        """The file by which the command line finds the daemon."""
        return self.daemon.journal_file.with_name(self.daemon.journal_file.name + ".daemon")

    async def open(self) -> None:
        """Listen."""
        options = self.daemon.settings.daemon
        host, port = split_address("daemon.http", self._http, lowest_port=0)
        certificate, key = _tls_files(self.daemon.settings)
        sockets = await bind(host, port)
        try:
            if certificate is None:
                _check_loopback(self._http, sockets)
            port = sockets[0].getsockname()[1]
            self.daemon.recipients.own_ports.add(port)
            shown = f"[{host}]" if ":" in host else host
            self.url = f"{'http' if certificate is None else 'https'}://{shown}:{port}"
            app = create_app(self.daemon, own_hosts(host, port, options.hosts), body_seconds=self._body_seconds)
            lines = options.requests_at_once + MOST_STREAMS + SPARE_LINES
            config = uvicorn.Config(
                app,
                http=limited(lines, self._request_seconds),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
                ssl_ciphers=CIPHERS,
                ssl_certfile=certificate,
                ssl_keyfile=key,
                ssl_keyfile_password="none",  # noqa: S106  # an encrypted key is refused: OpenSSL would ask for its password
            )
            _load(config)
        except BaseException:
            for each in sockets:
                each.close()
            raise
        _bridge_log()
        self._uvicorn = _Uvicorn(config)
        self._task = asyncio.create_task(self._uvicorn.serve(sockets), name="http")
        await self._uvicorn.serving.wait()
        self._write_note(certificate)
        log.info("daemon.started", url=self.url, version=ecrlan.__version__, journal=str(self.daemon.journal_file))

    async def close(self) -> None:
        """Stop to listen; answers that are being written get a moment."""
        self.note.unlink(missing_ok=True)
        if self.daemon.demo is not None:
            remove_demo_note(self.daemon.demo.settings_file)
        if self._uvicorn is not None and self._task is not None:
            self._uvicorn.should_exit = True
            await self._task

    def hurry(self) -> None:
        """Wait for no answer any more."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = self._uvicorn.force_exit = True

    def _write_note(self, certificate: Path | None) -> None:
        note: dict[str, Any] = {"url": self.url, "pid": os.getpid(), "version": ecrlan.__version__}
        if certificate is not None:
            note["certificate"] = str(certificate)
        write_private(self.note, json.dumps(note))
        if self.daemon.demo is not None:
            write_demo_note(self.daemon.demo.settings_file, self.url)


async def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets bound to every address of `host`, all with the same port (0: a free one). Raises `ListenError`."""
    loop = asyncio.get_running_loop()
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            each = socket.socket(family, kind, protocol)
            bound.append(each)
            if os.name == "posix":
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            elif sys.platform == "win32":
                each.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if port == 0 and len(bound) > 1:
                address = (address[0], bound[0].getsockname()[1], *address[2:])  # noqa: PLW2901  # the same port as the first
            each.bind(address)
            each.setblocking(False)
    except OSError as error:
        for each in bound:
            each.close()
        raise ListenError(host, port, error.strerror or str(error), "daemon.http") from error
    return bound


def own_hosts(host: str, port: int, more: list[str]) -> set[str]:
    """Return the Host headers by which the daemon may be reached: its address, this machine's own names, and `more`; with the port."""
    names = {host, "localhost", "127.0.0.1", "::1", *more}
    bracketed = {f"[{name}]" if ":" in name else name.lower() for name in names}
    usual = bracketed if port in (80, 443) else set()
    return {f"{name}:{port}" for name in bracketed} | usual


def _check_loopback(http: str, sockets: list[socket.socket]) -> None:
    """Refuse to serve other machines without TLS: the token would pass the network as it is."""
    for each in sockets:
        if not ipaddress.ip_address(each.getsockname()[0].partition("%")[0]).is_loopback:
            raise InvalidValueError("daemon.http", http, ("allowed_own_machine", {"example": "127.0.0.1:8017"}))


def _tls_files(settings: Settings) -> tuple[Path | None, Path | None]:
    """Return certificate and key, or neither. Raises `InvalidValueError`."""
    options = settings.daemon
    if bool(options.certificate) != bool(options.key):
        missing = "key" if options.certificate else "certificate"
        raise InvalidValueError(f"daemon.{missing}", "", ("allowed_pem_pair", {}))
    if not options.certificate:
        return None, None
    certificate, key = settings.beside(options.certificate), settings.beside(options.key)
    for place, file in (("daemon.certificate", certificate), ("daemon.key", key)):
        try:
            file.open("rb").close()
        except OSError as error:
            raise InvalidValueError(place, str(file), ("allowed_pem_file", {"problem": error.strerror})) from None
    return certificate, key


def _load(config: uvicorn.Config) -> None:
    try:
        config.load()
    except ssl.SSLError as error:
        raise InvalidValueError(
            "daemon.certificate", str(config.ssl_certfile), ("allowed_certificate_and_key", {"problem": str(error)})
        ) from None


def _bridge_log() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = False
        logger.setLevel(logging.WARNING)
        if name == "uvicorn.error":
            logger.addHandler(_LogBridge())


# --- the process --------------------------------------------------------------------------------------------------------------------

Announce = Callable[[Server], None]


def run(settings: Settings, *, demo: bool, http: str | None, announce: Announce, think_seconds: float = THINK_SECONDS) -> None:
    """Serve until SIGTERM or Ctrl-C, then end in order. `http` overrides the setting; `announce` is called once it serves.

    `think_seconds` is how long a payment on the demo's terminal takes. Raises `EcrlanError` where it cannot begin. uvloop is used where
    it is installed.
    """
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop  # noqa: PLC0415 - only where it is installed

        factory = uvloop.new_event_loop
    _allow_many_files()
    gc.freeze()  # modules stay as they are: a full collection, which stops everything, takes a third less
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(settings, demo=demo, http=http, announce=announce, think_seconds=think_seconds))


def _allow_many_files() -> None:
    """Raise the process' own limit of open files: each line is one, and 1,024 are usual. Windows has no limit."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not there on Windows

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
        if resource.RLIM_INFINITY != soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def serve(settings: Settings, *, demo: bool, http: str | None, announce: Announce, think_seconds: float = THINK_SECONDS) -> None:
    """As `run`, on the running loop; signals are taken where it is the main thread's."""
    async with Daemon(settings, demo=demo, think_seconds=think_seconds) as daemon:
        notifier = Notifier(lambda: daemon.journal_failure is None)
        await notifier.open()
        try:
            async with Server(daemon, http) as server:
                life = Life(daemon, server, notifier)
                with life.signals():
                    notifier.ready(f"serving {len(daemon.register.terminals)} terminals at {server.url}")
                    announce(server)
                    await life.last()
        finally:
            await notifier.close()


class Life:
    """Waits for signals and does what they say: reload, stop, stop at once."""

    def __init__(self, daemon: Daemon, server: Server, notifier: Notifier) -> None:
        self.daemon = daemon
        self.server = server
        self.notifier = notifier
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._reloads: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Stop in order; called again: at once."""
        if self._stopping.is_set():
            self._at_once.set()
            self.daemon.hurried = True
            self.server.hurry()
        self._stopping.set()

    async def reload(self) -> None:
        """Read the settings again; what is wrong with them is logged, and nothing is changed then."""
        self.notifier.reloading()
        try:
            await self.daemon.reload()
        except EcrlanError as error:
            log.error("settings.refused", problem=str(error))  # noqa: TRY400  # a traceback tells nothing more
        self.notifier.ready()

    def _begin_reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def last(self) -> None:
        """Return when the daemon was told to stop and has: no new operations, streams ended, exchanges finished or left to recovery."""
        await self._stopping.wait()
        seconds = self.daemon.settings.daemon.stop_timeout
        log.info("daemon.stopping", running=len(self.daemon.register.running()), seconds=seconds)
        self.notifier.stopping()
        draining = asyncio.create_task(self.daemon.drain(seconds))
        hurrying = asyncio.create_task(self._at_once.wait())
        await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, hurrying):
            task.cancel()
        await asyncio.gather(draining, hurrying, return_exceptions=True)
        left = [operation.reference for operation in self.daemon.register.running()]
        log.info("daemon.stopped", left_to_recovery=left)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Take the process' signals while it lasts."""
        loop = asyncio.get_running_loop()
        wanted: dict[str, Callable[[], None]] = {
            "SIGTERM": self.stop,
            "SIGINT": self.stop,
            "SIGBREAK": self.stop,
            "SIGHUP": self._begin_reload,
        }
        taken: list[Callable[[], Any]] = []
        for name, act in wanted.items():
            number: int | None = getattr(signal, name, None)
            if number is None:
                continue
            try:
                loop.add_signal_handler(number, act)
                taken.append(functools.partial(loop.remove_signal_handler, number))
            except NotImplementedError:  # Windows
                taken.append(_take_signal(number, functools.partial(loop.call_soon_threadsafe, act)))
            except (ValueError, RuntimeError):  # not the main thread: whoever runs us there stops us otherwise
                break
        try:
            yield
        finally:
            for give_back in taken:
                give_back()


def _take_signal(number: int, act: Callable[[], object]) -> Callable[[], object]:
    """Have `act` called on a signal where the event loop takes none; return what undoes it."""

    def handle(_number: int, _frame: object) -> None:
        act()

    return functools.partial(signal.signal, number, signal.signal(number, handle))
