"""What a command works with: which settings, and the running daemon of their journal or, where there is none, a register of its own.

`Way.find` decides "daemon or direct", for every command.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import os
import re
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

import click
import structlog

from ecrlan.cli.exits import pipe_may_close
from ecrlan.client import Client
from ecrlan.daemon.demo_note import demo_note_file, read_demo_note
from ecrlan.daemon.tokens import read_token, token_file
from ecrlan.daemon_connection import certificate_context
from ecrlan.errors import EcrlanError, InvalidValueError, JournalError, RegisterError, nested
from ecrlan.journal import Journal
from ecrlan.journal.queries import Filter
from ecrlan.register import Register, TerminalSettings
from ecrlan.service import JournalRecords, LocalService
from ecrlan.settings import Settings, data_folder, split_address
from ecrlan.texts.language import choose_language

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from ecrlan.daemon.demo_note import DemoNote
    from ecrlan.errors import Why
    from ecrlan.service import Records, Service
    from ecrlan.texts import Language

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

INSTALL = "pip install 'ecrlan[daemon]'"
DEFAULT_PORT = 8081
PROBE_SECONDS = 3.0
LARGEST_NOTE = 10_000
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses that are listened on, and how to reach them


@dataclass(frozen=True, slots=True)
class Way:
    """The way to what was or is to be done: through the `daemon` that owns the settings' journal, or None: the command owns it itself."""

    settings: Settings
    daemon: RunningDaemon | None

    @classmethod
    def find(cls, settings: Settings) -> Self:
        """Decide. Raises `RegisterError` where a daemon may be there, and cannot be asked."""
        return cls(settings, running_daemon(settings))

    @asynccontextmanager
    async def service(
        self,
        terminal: TerminalSettings | None = None,
        *,
        listen: bool = True,
        known: Iterable[TerminalSettings] | None = None,
        owner_wait: float | None = None,
        styles: bool = False,
    ) -> AsyncIterator[Service]:
        """Give the service for as long as it is entered.

        Without a daemon that is a register with `terminal`, which may dial in if `listen`; refused while an operation without a known
        outcome belongs to none of the `known` terminals (None: no matter). `owner_wait` are the seconds to wait for another owner of the
        journal. With `styles`, a daemon's receipts have the styles of their lines. Entering raises `EcrlanError`; nothing was sent then.
        """
        if self.daemon is not None:
            async with self.daemon.client(styles=styles) as client:
                yield client
            return
        options = self.settings.register_
        file = journal_file(self.settings)
        async with AsyncExitStack() as parts:
            journal = await asyncio.to_thread(Journal, file, owner_wait=owner_wait) if owner_wait is not None else None
            if journal is not None:
                parts.push_async_callback(asyncio.to_thread, journal.close)
            register = Register(
                journal or file,
                listen=options.listen if listen and terminal is not None and terminal.link == "listen" else None,
                cash_register_id=options.cash_register_id,
                backups=options.backups,
                retention_days=options.retention_days,
            )
            await parts.enter_async_context(register)
            if known is not None:
                register.check_operations(known)
            if terminal is not None:
                register.add(terminal)
            yield LocalService(register)

    def ask(
        self,
        call: Callable[[Service], Awaitable[Result]],
        terminal: TerminalSettings | None = None,
        *,
        listen: bool = False,
        owner_wait: float | None = None,
    ) -> Result:
        """Return what `call` returns when it is given the service; the arguments are those of `service`."""

        async def asked() -> Result:
            async with self.service(terminal, listen=listen, owner_wait=owner_wait) as service:
                return await call(service)

        return asyncio.run(asked())

    def look_up(self, call: Callable[[Records], Awaitable[Result]]) -> Result:
        """Return what `call` returns when it is given the records: the daemon's or, without one, the journal's, whoever owns it."""

        async def looked_up() -> Result:
            if self.daemon is not None:
                async with self.daemon.client() as client:
                    return await call(client)
            with Journal.reader(self.settings.journal) as reader:
                return await call(JournalRecords(reader))

        return asyncio.run(looked_up())

    def have_written(self, reference: str | None = None) -> None:
        """Have a running daemon commit what it knows of the operation, or of all: else that comes up to half a second later.

        It is no error where it cannot be asked: the journal can be read all the same.
        """
        if self.daemon is not None:
            with suppress(EcrlanError, click.ClickException):
                self.ask(lambda service: service.show(reference) if reference is not None else service.page(Filter(), limit=1))


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

    def client(self, *, styles: bool = False) -> Client:
        """Return what makes requests to it. Raises `RegisterError` where there is no token."""
        need_extra("httpx")
        file = token_file(self.journal, "operate")
        return Client(
            *(self.url, self.token()),
            certificate=self.certificate,
            journal=self.journal,
            styles=styles,
            daemon=self.why,
            token_file=file,
            language=_language(),
        )

    def ask(self, call: Callable[[Client], Awaitable[Result]]) -> Result:
        """Return what `call` returns when it is given a client. Raises as `client` does, and what `Client` raises."""

        async def asked() -> Result:
            async with self.client() as client:
                return await call(client)

        return asyncio.run(asked())

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


def _language() -> Language:
    """Return the language in which the daemon is to answer the command that runs: a person's, and English for programs."""
    context = click.get_current_context(silent=True)
    return "en" if context is None or context.params.get("as_json") else choose_language(os.environ)


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
    """Return the version of the daemon that answers at `url`, None for silence or anything else."""
    told = _told_at(url, "/healthz", certificate=certificate)
    return str(told["version"]) if told.get("status") in ("ok", "failing") and "version" in told else None


def _told_at(url: str, path: str, *, certificate: Path | None = None, token: str | None = None) -> dict[str, Any]:
    """Return the JSON object that answers; an empty one for silence or anything else. The standard library is enough."""
    connection: http.client.HTTPConnection | None = None
    context = certificate_context(certificate) if url.startswith("https:") else None
    try:
        address = urlsplit(url)
        host = address.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, address.port, timeout=PROBE_SECONDS, context=context)
            if context is not None
            else http.client.HTTPConnection(host, address.port, timeout=PROBE_SECONDS)
        )
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token is not None else {})
        told = json.loads(connection.getresponse().read(LARGEST_NOTE))
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return {}
    finally:
        if connection is not None:
            connection.close()
    return told if isinstance(told, dict) else {}


# --- settings -----------------------------------------------------------------------------------------------------------------------


def chosen_settings(config: str | None, *, address: str | None = None, quiet: bool = True) -> Settings:
    """Return the settings of a command that was given `--config` and `--address`. Raises `InvalidValueError`.

    A running `ecrlan serve --demo` stands in where the user has set up nothing: no settings file, no journal and no terminal in the
    environment, no `--address`, and no daemon that owns the usual journal. Somebody who has a shop never gets a demo's approval; to reach
    a demo there, name its settings file by `--config`. Unless `quiet`, standard error says that the demo answers.
    """
    settings = Settings.load(config)
    if address is not None or has_own(settings):
        return settings
    note = read_demo_note()
    if note is None or running_daemon(settings) is not None:
        return settings
    try:
        of_demo = Settings.load(note.config)
        token = read_token(token_file(of_demo.journal, "operate"))
    except (FileNotFoundError, InvalidValueError):  # its folder is gone
        token = ""
    if not token or not _is_demo(note, token):
        log.info("demo.note_stale", file=str(demo_note_file()), url=note.url)
        return settings
    if not quiet:
        with pipe_may_close():
            click.echo(f"the running demo answers (process {note.pid}): its terminal is emulated, and nothing is charged", err=True)
    return of_demo


def has_own(settings: Settings) -> bool:
    """Tell whether the user has set up anything that a demo must not stand in for."""
    return settings.file is not None or bool(settings.terminals) or bool(settings.register_.journal)


def _is_demo(note: DemoNote, token: str) -> bool:
    """Tell whether what listens at the note's address is the demo that wrote it: only that one takes the token and has a screen."""
    return "ledger_total" in _told_at(note.url, "/v1/demo/screen", token=token)


def choose_terminal(settings: Settings, name: str | None, address: str | None) -> TerminalSettings:
    """Return the terminal that is meant: the one at `address`, the one called `name`, or the only one."""
    if address is not None:
        if name is not None:
            raise click.UsageError("--terminal and --address exclude each other")
        host, port = split_address("--address", address, DEFAULT_PORT)
        plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{host}-{port}").strip("-")
        return TerminalSettings(name=plain[-64:].strip("-"), address=host, port=port, link="dial")
    if name is not None:
        return settings.terminal_settings(name)
    if len(settings.terminals) == 1:
        return settings.terminal_settings(next(iter(settings.terminals)))
    if settings.terminals:
        raise InvalidValueError("--terminal", None, ("allowed_one_terminal", {"terminals": list(settings.terminals)}))
    raise click.UsageError("no terminal is set up: say --address HOST[:PORT], or write one into the settings file (`ecrlan` tells where)")


def journal_file(settings: Settings) -> str:
    """Return the journal's file; the user's data folder is made where it is missing, no other folder is."""
    path = settings.journal
    if path.parent == data_folder():
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise JournalError(("journal_folder_unmade", {"path": str(path.parent), "problem": error.strerror})) from None
    return os.fspath(path)
