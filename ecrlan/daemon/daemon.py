"""The daemon's parts, put together: register, terminals, events, and whoever attends to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import structlog

from ecrlan.daemon.alarms import Alarms
from ecrlan.daemon.callbacks import Callbacks
from ecrlan.daemon.demo import THINK_SECONDS, Demo
from ecrlan.daemon.documents import own_addresses, terminal_as_json
from ecrlan.daemon.fleet import Fleet
from ecrlan.daemon.health import Health
from ecrlan.daemon.hub import EventHub
from ecrlan.daemon.metrics import Metrics
from ecrlan.daemon.recipients import Recipients
from ecrlan.daemon.tokens import Tokens
from ecrlan.errors import JournalError
from ecrlan.journal import JournalReader
from ecrlan.register import Register, TerminalSettings
from ecrlan.register.register import local_clock
from ecrlan.service import LocalService
from ecrlan.settings import Settings, data_folder, split_address
from ecrlan.texts import Language

log = structlog.get_logger(__name__)


class Daemon:
    """Everything but the sockets of HTTP. `async with Daemon(settings) as daemon`.

    `config` is the settings file that `reload` reads again (default: the one that `settings` came from); `clock` returns timezone-aware
    wall clock; with `demo`, journal and terminal are temporary ones, whatever the settings say, and a payment takes `think_seconds` where
    nobody presses the terminal's buttons.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        config: str | Path | None = None,
        clock: Callable[[], datetime] = local_clock,
        demo: bool = False,
        think_seconds: float = THINK_SECONDS,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.started_time = clock()
        self.hurried = False
        """Whether `close` waits for nothing."""
        self.hub = EventHub(clock)
        self.demo = Demo(clock, think_seconds=think_seconds, on_screen=self._screen_changed) if demo else None
        self.journal_file = self.demo.journal if self.demo is not None else settings.journal
        listen = "" if demo else settings.register_.listen
        self.register = Register(
            self.journal_file,
            listen=listen or None,
            must_listen=not settings.terminals or any(section.link != "dial" for section in settings.terminals.values()),
            cash_register_id=settings.register_.cash_register_id,
            backups=0 if demo else settings.register_.backups,
            retention_days=settings.register_.retention_days,
            clock=clock,
            on_commit=lambda seconds: self.metrics.committed(seconds),  # noqa: PLW0108  # they follow the register, which is made first
        )
        options = settings.daemon
        self.service = LocalService(self.register)
        self.fleet = Fleet(self.register, self._terminals_differ)
        self.recipients = Recipients(options.callback_hosts, terminals=self._terminal_addresses)
        self.recipients.own_ports |= {split_address("address", each, 0)[1] for each in (options.http, listen) if each}
        self.alarms = Alarms(
            self.register, self.hub, clock, command=options.alarm_command, webhook=options.alarm_webhook, recipients=self.recipients
        )
        self.callbacks = Callbacks(self.register, clock=clock, recipients=self.recipients)
        self.health = Health(self.register, clock, options.health_interval, changed=self.terminal_changed)
        self.metrics = Metrics(self.register, alarms=self.alarms, reachable=self.health.reachable)
        self.hub.on_delivered = self.metrics.delivered
        self.hub.on_change = self.terminal_changed
        self.tokens: Tokens
        self._config = config if config is not None else settings.file
        self._listen = split_address("register.listen", listen)[0] if listen else ""
        self._changed: set[str] = set()
        self._parts = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    # --- life -------------------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open journal and addresses, and begin to recover what a crash left open. Raises `EcrlanError`; then nothing is left open."""
        async with AsyncExitStack() as parts:
            if self.demo is not None:
                await parts.enter_async_context(self.demo)
            _make_data_folder(self.journal_file)
            await self.register.open()
            parts.push_async_callback(self.register.close)
            self.tokens = Tokens.load(self.journal_file)  # behind the journal's lock: no other daemon makes them at the same time
            reader = await asyncio.to_thread(JournalReader, self.journal_file)  # for questions that may take their time
            parts.push_async_callback(asyncio.to_thread, reader.close)
            self.service.reader = reader
            for part in (self.metrics, self.alarms):  # before the terminals: what is recovered concerns them
                await part.open()
                parts.push_async_callback(part.close)
            await self.callbacks.open()
            parts.push_async_callback(lambda: self.callbacks.close(0.0) if self.hurried else self.callbacks.close())
            self.hub.watch(self.register)
            parts.callback(self.hub.close)
            parts.callback(self.service.close)
            await self.fleet.open(self._wanted(self.settings))
            parts.callback(self.fleet.close)
            self.alarms.look_at_terminals()
            await self.health.open()
            parts.push_async_callback(self.health.close)
            self._parts = parts.pop_all()

    async def close(self) -> None:
        """Close everything; what is under way is left to recovery."""
        await self._parts.aclose()

    async def drain(self, seconds: float) -> None:
        """Take no new operations, end the streams, and give running exchanges `seconds` to end."""
        self.service.closing = True
        self.hub.close()
        self.fleet.close()
        await self.health.close()
        await self.register.drain(seconds)
        self.service.close()

    async def reload(self) -> dict[str, Any]:
        """Read the settings again and bring the terminals up to date; return what was done, and which settings need a restart.

        Raises `InvalidValueError`, `OperationsWithoutTerminalError`; then nothing was changed.
        """
        if self.demo is not None:
            done = await self.fleet.apply(self._wanted(self.settings))
            return {**done, "restart_needed": []}
        wanted, restart = await asyncio.to_thread(self._read_settings)
        done = await self.fleet.apply(wanted)
        if done["added"] or done["changed"] or done["removed"]:
            self._terminals_differ()
        if restart:
            log.warning("settings.restart_needed", keys=restart)
        return {**done, "restart_needed": restart}

    def _read_settings(self) -> tuple[dict[str, TerminalSettings], list[str]]:
        """Return the terminals of the settings as they are written now, and which settings need a restart."""
        settings = Settings.load(self._config)
        old = {row.declaration.key: row.value for row in self.settings.values()}
        restart = [
            row.declaration.key
            for row in settings.values()
            if not row.declaration.key.startswith("terminals.") and old[row.declaration.key] != row.value
        ]
        return self._wanted(settings), restart

    # --- what can be looked at --------------------------------------------------------------------------------------------------

    @property
    def closing(self) -> bool:
        """Whether no new operations are taken."""
        return self.service.closing

    @property
    def journal_failure(self) -> str | None:
        """Why the journal takes nothing more; None while it does."""
        try:
            return self.register.journal.failed
        except JournalError as error:
            return str(error)

    @property
    def journal_doubt(self) -> str | None:
        """Why the journal may not hold all that was done, in words; None where nothing is in doubt."""
        try:
            doubt = self.register.journal.doubt
        except JournalError:
            return None
        return doubt.text if doubt is not None else None

    @property
    def journal_problem(self) -> Literal["journal_failed", "journal_doubtful"] | None:
        """Why the journal lets no money be moved; None where it does."""
        if self.journal_failure is not None:
            return "journal_failed"
        return "journal_doubtful" if self.journal_doubt is not None else None

    async def accept_journal(self, *, by: str, note: str) -> None:
        """As `Register.accept_journal`; the alarm ends with it."""
        await self.register.accept_journal(by=by, note=note)
        self.alarms.look_at_journal()

    def register_document(self, role: str) -> dict[str, Any]:
        """Return what `GET /v1/register` tells to a client of this role. It looks up this machine's name, which may take long."""
        from ecrlan import __version__  # noqa: PLC0415 - the package's own name

        failed, doubt = self.journal_failure, self.journal_doubt
        listener = self.register.listener
        return {
            "version": __version__,
            "cash_register_id": self.register.cash_register_id,
            "listen": {"address": self._listen, "port": listener.port} if listener is not None else None,
            "addresses": own_addresses(),
            "journal": f"failed: {failed}" if failed else f"doubtful: {doubt}" if doubt else "ok",
            "demo": self.demo is not None,
            "started_time": self.started_time.isoformat(timespec="seconds"),
            "role": role,
        }

    def terminal_document(self, name: str, language: Language = "en") -> dict[str, Any]:
        """Return a terminal as JSON, its texts in `language`. Raises `UnknownTerminalError`."""
        return terminal_as_json(self.register.terminal(name), self.clock(), self.health.condition(name), language)

    def terminal_changed(self, name: str) -> None:
        """Tell of a terminal, once for all that changes in one turn of the loop."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._tell_terminals)
        self._changed.add(name)

    # --- within -----------------------------------------------------------------------------------------------------------------

    def _terminal_addresses(self) -> list[tuple[str, str, int]]:
        """Return name, address and port of the terminals; of those of the settings, too, for before they are added."""
        known = {name: (name, each.address, each.port) for name, each in self.settings.terminals.items()}
        known |= {name: (name, each.settings.address, each.settings.port) for name, each in self.register.terminals.items()}
        return list(known.values())

    def _screen_changed(self, screen: dict[str, Any]) -> None:
        """Tell what the demo's terminal shows."""
        self.hub.publish("screen", screen)

    def _wanted(self, settings: Settings) -> dict[str, TerminalSettings]:
        if self.demo is not None:
            return {self.demo.settings.name: self.demo.settings}
        return {name: settings.terminal_settings(name) for name in settings.terminals}

    def _terminals_differ(self) -> None:
        """Have whoever follows ask for the terminals anew."""
        self.hub.publish("gap", {"missed": True})

    def _tell_terminals(self) -> None:
        names, self._changed = self._changed, set()
        for name in names:
            self.hub.publish("terminal", lambda name=name: self._known_terminal(name), name)  # type: ignore[misc]

    def _known_terminal(self, name: str) -> dict[str, Any] | None:
        return self.terminal_document(name) if name in self.register.terminals else None


def _make_data_folder(journal: Path) -> None:
    """Make the user's data folder where the journal stands there; no other folder is made."""
    if journal.parent == data_folder():
        try:
            journal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise JournalError(("journal_folder_unmade", {"path": str(journal.parent), "problem": error.strerror})) from None
