"""What somebody should look at: kept while it lasts, told to whoever follows, and to a command or a webhook of the user's."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shlex
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import httpx
import structlog

from ecrlan.daemon.posts import PAUSES, post
from ecrlan.daemon.recipients import Recipients
from ecrlan.errors import InvalidValueError, JournalError, RegisterError
from ecrlan.journal import Event as Row
from ecrlan.journal import NewOperation
from ecrlan.journal.reading import read
from ecrlan.journal.rows import ENDING_NAMES, UNRESOLVED
from ecrlan.model import Code, Evidence, Unresolved, read_evidence
from ecrlan.operation_json import told
from ecrlan.protocol.conduct import TOLD_OFFSET
from ecrlan.register import Alarm, OperationChanged, Register, TerminalEvent
from ecrlan.register.register import local_clock
from ecrlan.texts import Language, words

log = structlog.get_logger(__name__)

COMMAND_SECONDS = 30.0
"""How long the alarm command may take; then it is killed."""
KEPT_ALARMS = 1_000
"""Alarms that are kept besides those of unresolved operations; the oldest go first."""
WAITING_NOTICES = 100
"""Commands and webhooks under way or waiting; alarms beyond that are logged and published only."""
NOTICES_AT_ONCE = 4
JOURNAL_PERIOD = 5.0
"""Seconds between two looks whether the journal has failed."""
JOURNAL_FAILED = "journal_failed"
JOURNAL_DOUBTFUL = "journal_doubtful"
OF_THE_JOURNAL = frozenset({JOURNAL_FAILED, JOURNAL_DOUBTFUL})
TERMINAL_ID_CHANGED = "terminal_id_changed"
HAND_USE = "hand_use"
HOST_TIME_WRONG = "host_time_wrong"
PER_OPERATION = frozenset({UNRESOLVED, "result_after_refusal", "approved_after_refusal"})
"""Alarms that each operation has of its own; of the others a terminal has one, and of those of the journal there is one in all."""

Key = tuple[str, str | None, str | None]


class Publisher(Protocol):
    """Where events go."""

    def publish(self, kind: str, data: dict[str, Any], terminal: str | None = None) -> None:
        """Tell an event to whoever follows; never waits."""


class Process(Protocol):
    """What is needed of a started command."""

    async def communicate(self, input: bytes | None = None) -> tuple[bytes, bytes]:  # noqa: A002  # asyncio's own name
        """Hand over the input and wait for the end."""

    async def wait(self) -> int:
        """Wait for the end."""

    def kill(self) -> None:
        """End it. Raises `ProcessLookupError` where it has ended."""

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it runs."""


Spawn = Callable[[list[str], dict[str, str]], Awaitable[Process]]
"""Starts a command with arguments and environment; its input is a pipe. Raises `OSError`, `ValueError`."""


class UnknownAlarmError(RegisterError):
    """No active alarm has this id."""

    code = "not_found"

    def __init__(self, alarm_id: str) -> None:
        """Keep the id that was asked for."""
        super().__init__(("unknown_alarm", {"alarm": alarm_id[:80]}))


@dataclass(slots=True)
class _Kept:
    id: str
    name: str
    terminal: str | None
    reference: str | None
    what: Evidence
    time: datetime
    active: bool = True

    def document(self, language: Language = "en") -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "terminal": self.terminal,
            "reference": self.reference,
            **told("text", self.what, language),
            "time": self.time.isoformat(),
            "active": self.active,
        }


async def start_process(arguments: list[str], environment: dict[str, str]) -> Process:
    """Start a command, without a shell; what it prints is dropped."""
    null = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*arguments, stdin=asyncio.subprocess.PIPE, stdout=null, stderr=null, env=environment)


class Alarms:
    """Follows `register` and keeps its alarms; tells them to `hub` (event `alarm`, when one begins, changes, or ends).

    `command` is started once for each alarm that begins: no shell, the alarm's JSON (its text in English, its code and values beside it)
    on its input, its name in `ECRLAN_ALARM`. `webhook` is posted the same JSON, up to three times, where `recipients` allows it. Neither
    is waited for by anybody. Raises `InvalidValueError` for either that cannot be used.
    """

    def __init__(
        self,
        register: Register,
        hub: Publisher,
        clock: Callable[[], datetime] = local_clock,
        *,
        command: str = "",
        webhook: str = "",
        spawn: Spawn = start_process,
        recipients: Recipients | None = None,
        client_factory: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        self.register = register
        self._hub = hub
        self._clock = clock
        self._command = split_command(command)
        self._recipients = recipients or Recipients()
        self._webhook = self._recipients.check("daemon.alarm_webhook", webhook, any_host=True) if webhook else ""
        self._spawn = spawn
        self._client_factory = client_factory or self._recipients.client
        self._client: httpx.AsyncClient | None = None
        self._kept: dict[Key, _Kept] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._notices = 0
        self._slots = asyncio.Semaphore(NOTICES_AT_ONCE)
        self._watching: asyncio.Task[None] | None = None
        self._end_observing: Callable[[], None] | None = None

    @property
    def active(self) -> list[dict[str, Any]]:
        """The alarms that last, oldest first, in English; see `active_in`."""
        return self.active_in("en")

    def active_in(self, language: Language) -> list[dict[str, Any]]:
        """Return the alarms that last, oldest first: `{"id", "name", "terminal", "reference", "text", "time", "active"}`.

        `text` is in `language`; beside it stand its code and values (`text_code`, `text_values`).
        """
        return [kept.document(language) for kept in self._kept.values()]

    @property
    def unresolved(self) -> int:
        """How many operations are unresolved."""
        return sum(name == UNRESOLVED for name, _, _ in self._kept)

    @property
    def count(self) -> int:
        """How many alarms last."""
        return len(self._kept)

    async def open(self) -> None:
        """Follow the register, which is open; raise an alarm for each unresolved operation of the journal. Raises `JournalError`."""
        if self._webhook:
            self._client = self._client_factory()
        self._end_observing = self.register.observe(self._observe)
        self.register.observe_rows(self._observe_row)
        for entry in await self.register.read(self.register.journal.unsettled):
            if entry.outcome == UNRESOLVED:
                known = (read_evidence(event.data, "evidence") for event in reversed(entry.events) if event.name == "finished")
                self.raise_(UNRESOLVED, next(known, None) or Evidence(Code.OUTCOME_UNKNOWN), entry.terminal, entry.reference)
        self._watching = asyncio.get_running_loop().create_task(self._watch_journal())

    async def close(self) -> None:
        """End it; a command under way is killed."""
        if self._end_observing is not None:
            self._end_observing()
        tasks = [*self._tasks, *([self._watching] if self._watching is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._client is not None:
            await self._client.aclose()

    def raise_(self, name: str, what: Evidence, terminal: str | None = None, reference: str | None = None) -> dict[str, Any]:
        """Raise an alarm and return it. One that lasts already is not raised again; it tells the new `what`."""
        key = _key(name, terminal, reference)
        kept = self._kept.get(key)
        if kept is not None:
            if kept.what != what:
                kept.what = what
                self._publish(kept)
            return kept.document()
        self._make_room()
        kept = self._kept[key] = _Kept(secrets.token_hex(6), name, terminal, reference, what, self._clock())
        self._publish(kept)
        self._notify(kept.document())
        return kept.document()

    def dismiss(self, alarm_id: str) -> dict[str, Any]:
        """End an alarm that somebody has seen, and return it.

        Raises `UnknownAlarmError`, and `RegisterError` for one that ends by something else only: that of an unresolved operation when the
        operation is settled, that of a journal in doubt when a person accepts the journal.
        """
        for key, kept in self._kept.items():
            if kept.id == alarm_id:
                if kept.name == JOURNAL_DOUBTFUL:
                    raise RegisterError(("alarm_of_doubt", {}))
                if kept.name == UNRESOLVED:
                    raise RegisterError(("alarm_of_unresolved", {"reference": kept.reference}))
                return self._end(key, kept)
        raise UnknownAlarmError(alarm_id)

    # --- what happens -----------------------------------------------------------------------------------------------------------

    def _observe(self, event: TerminalEvent) -> None:
        match event:
            case Alarm():
                self.raise_(event.name, event.what, event.terminal, event.reference)
            case OperationChanged(operation=operation):
                if operation.outcome is not None and not isinstance(operation.outcome, Unresolved):
                    self._settled(operation.reference)

    def _observe_row(self, row: NewOperation | Row) -> None:
        if not isinstance(row, Row):
            return
        if row.name == "terminal_id_back" or (row.name == "pinned" and "by" in row.data):
            self._end_if_kept(_key(TERMINAL_ID_CHANGED, row.terminal, None))
        elif row.name == "hand_use_reset":
            self._end_if_kept(_key(HAND_USE, row.terminal, None))
        elif row.name == "clock" and (row.data["offset"] is None or abs(row.data["offset"]) <= TOLD_OFFSET):
            self._end_if_kept(_key(HOST_TIME_WRONG, row.terminal, None))
        elif row.name in ENDING_NAMES and row.data["outcome"] != UNRESOLVED and (UNRESOLVED, None, row.reference) in self._kept:
            self._begin(self._look(str(row.reference)))  # not every settling is told by another event

    def look_at_terminals(self) -> None:
        """Raise what an earlier run has found out about the register's terminals and nobody has settled since."""
        for name, terminal in self.register.terminals.items():
            if terminal.memory.used_by_hand:
                self.raise_(HAND_USE, Evidence(Code.USED_BY_HAND_BEFORE), name)

    async def _look(self, reference: str) -> None:
        """End the alarm of an operation that the journal knows to be settled."""
        with suppress(JournalError):
            entry = await read(self.register.journal.find, reference)
            if entry is not None and entry.outcome not in (None, UNRESOLVED):
                self._settled(reference)

    def _settled(self, reference: str) -> None:
        self._end_if_kept((UNRESOLVED, None, reference))

    async def _watch_journal(self) -> None:
        """Notice a journal that is in doubt, or has failed while nobody paid."""
        while True:
            self.look_at_journal()
            await asyncio.sleep(JOURNAL_PERIOD)

    def look_at_journal(self) -> None:
        """Raise the alarm of a journal that has failed or is in doubt; end the one of a doubt that a person has settled."""
        with suppress(JournalError):
            journal = self.register.journal
            failed = Evidence(Code.JOURNAL_FAILED, {"problem": journal.failed}) if journal.failed is not None else None
            doubt = Evidence(Code.JOURNAL_DOUBTFUL, {"doubt": journal.doubt.evidence}) if journal.doubt is not None else None
            for name, problem in ((JOURNAL_FAILED, failed), (JOURNAL_DOUBTFUL, doubt)):
                kept = _key(name, None, None) in self._kept
                if problem is not None and not kept:
                    log.error("alarm.raised", alarm=name, text=words(problem))
                    self.raise_(name, problem)
                elif problem is None and kept and name == JOURNAL_DOUBTFUL:
                    self._end_if_kept(_key(name, None, None))

    def _end_if_kept(self, key: Key) -> None:
        if key in self._kept:
            self._end(key, self._kept[key])

    def _end(self, key: Key, kept: _Kept) -> dict[str, Any]:
        del self._kept[key]
        kept.active = False
        log.info("alarm.ended", alarm=kept.name, terminal=kept.terminal, reference=kept.reference)
        self._publish(kept)
        return kept.document()

    def _make_room(self) -> None:
        if self.count - self.unresolved >= KEPT_ALARMS:
            key, kept = next((key, kept) for key, kept in self._kept.items() if kept.name != UNRESOLVED)
            self._end(key, kept)

    def _publish(self, kept: _Kept) -> None:
        self._hub.publish("alarm", kept.document(), kept.terminal)

    # --- command and webhook ----------------------------------------------------------------------------------------------------

    def _notify(self, document: dict[str, Any]) -> None:
        for wanted, notice in ((self._command, self._run), (self._webhook, self._post)):
            if not wanted:
                continue
            if self._notices >= WAITING_NOTICES:
                log.error("alarm.not_told", alarm=document["name"], reference=document["reference"], waiting=self._notices)
                continue
            self._notices += 1
            self._begin(self._in_turn(notice, document))

    async def _in_turn(self, notice: Callable[[dict[str, Any]], Coroutine[Any, Any, None]], document: dict[str, Any]) -> None:
        try:
            async with self._slots:
                await notice(document)
        finally:
            self._notices -= 1

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, document: dict[str, Any]) -> None:
        environment = {**os.environ, "ECRLAN_ALARM": document["name"]}
        try:
            process = await self._spawn(self._command, environment)
        except (OSError, ValueError) as error:
            log.error("alarm.command_failed", command=self._command[0], problem=str(error))  # noqa: TRY400  # the cause is the message
            return
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await process.communicate(json.dumps(document, ensure_ascii=False).encode() + b"\n")
        except TimeoutError:
            log.error("alarm.command_failed", command=self._command[0], problem=f"killed after {COMMAND_SECONDS:g} s")  # noqa: TRY400  # the same
        except OSError as error:
            log.warning("alarm.command_failed", command=self._command[0], problem=str(error))
        else:
            if process.returncode:
                log.warning("alarm.command_failed", command=self._command[0], problem=f"exit code {process.returncode}")
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _post(self, document: dict[str, Any]) -> None:
        if self._client is None:
            return
        for pause in (*PAUSES, None):
            answer = await post(self._client, self._webhook, document)
            if answer.delivered:
                return
            if pause is not None:
                await asyncio.sleep(pause)
        log.error("alarm.webhook_failed", alarm=document["name"], problem=answer.problem)


def split_command(command: str) -> list[str]:
    """Return the program and its arguments; a backslash is an ordinary character on Windows. Raises `InvalidValueError`."""
    try:
        if os.name == "nt":
            return [part.strip('"') for part in shlex.split(command, posix=False)]
        return shlex.split(command)
    except ValueError as error:
        raise InvalidValueError("daemon.alarm_command", command, ("allowed_command_line", {"problem": str(error)})) from error


def _key(name: str, terminal: str | None, reference: str | None) -> Key:
    if name in PER_OPERATION:
        return name, None, reference
    return name, None if name in OF_THE_JOURNAL else terminal, None
