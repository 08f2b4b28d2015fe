"""A running daemon's service over HTTP, for tills: the verbs of `ecrlan.service`, with the same operations and errors.

It needs httpx: `pip install 'ecrlan[client]'`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import quote

from ecrlan.daemon_connection import (
    Connection,
    DaemonAnswerError,
    DaemonGoneError,
    DaemonLostError,
    RefusedError,
    StreamEvent,
    ToldOperation,
    event_of,
    operation_of,
)
from ecrlan.errors import EcrlanError, RegisterError, Why, nested
from ecrlan.journal import Doubt
from ecrlan.journal.queries import Filter
from ecrlan.logger import Logger
from ecrlan.model import Kind, MoneyOperation, Operation, Outcome, State, with_outcome
from ecrlan.model.orders import Known, Order
from ecrlan.operation_json import order_as_json, receipt_of_lines
from ecrlan.protocol.work import said
from ecrlan.register import Alarm, OperationChanged, ProgressShown, TerminalEvent
from ecrlan.register.surface import Operations
from ecrlan.service import Page, Watch, find_proof
from ecrlan.texts import Language, words

log = Logger(__name__)

__all__ = [
    "Client",
    "ClientTerminal",
    "DaemonAnswerError",
    "DaemonGoneError",
    "DaemonLostError",
    "RefusedError",
    "StreamEvent",
    "ToldOperation",
]

LONGEST_WAIT = 600
"""Seconds that the daemon waits for an operation's end in one request."""
LATE_TRUTH = "approved_after_refusal"
"""The alarm that is told also where it is an earlier operation's: the customer may have paid."""
FOLLOW_SECONDS = 3.0
"""How long an operation waits for its progress to be followed; it is not worth more."""
SHOWN_SECONDS = 2.0
"""How long a finished operation waits for the last of its progress, which comes on another connection."""
LOST_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0, 2.0, 3.0)
"""Seconds between attempts to reach the daemon again, which its supervisor may be starting anew; then it counts as gone."""
DROP_PAUSE = 0.05
DROP_LOOKS = 40
_GONE: Why = ("daemon_is_gone", {})
_ANY = Known(preauthorization_code="0" * 9)
"""Stands for what only the daemon knows, where an order's values are checked as its request checks them."""


class Client(Connection):
    """A daemon: `async with Client("http://127.0.0.1:8017", token) as client`, then `await client.terminal("till-1").purchase(650)`.

    `token` is what `ecrlan token` prints. `certificate` is the daemon's own, where it serves HTTPS with one that nobody else vouches for.
    `journal` is the daemon's journal where it can be read here: it proves outcomes when the daemon is gone. With `styles`, receipts have
    the styles of their lines, for which the daemon is asked once more. What it says in words is in `language`. `daemon`, a code with
    values, names it in messages, and `token_file` is named where the token is refused.

    A lost connection loses nothing: an operation is asked for again by its reference, which is the same operation, and is never sent under
    another. Errors of the daemon are raised as ecrlan's own, with its `code`, message and `sent`; what it does not tell of them is None.
    Every verb raises `DaemonLostError` where the daemon cannot be reached or does not answer, and `DaemonAnswerError` for what no daemon
    answers: `sent` says whether anything may have left.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        certificate: Path | None = None,
        journal: Path | None = None,
        styles: bool = False,
        daemon: Why | None = None,
        token_file: Path | None = None,
        language: Language = "en",
    ) -> None:
        super().__init__(url, token, certificate=certificate, daemon=daemon, token_file=token_file, language=language)
        self.journal_file = journal
        self.styles = styles
        self._leaving: dict[str, asyncio.Task[bool]] = {}
        """What was cancelled, by its reference: the tasks that find out whether it may have been sent."""

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._leaving.values():
            task.cancel()
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)
        await super().__aexit__(kind, error, trace)

    def terminal(self, name: str) -> ClientTerminal:
        """Return the daemon's terminal called `name`. Nothing is asked yet: one that is not known is refused by its first operation."""
        return ClientTerminal(self, name)

    # --- operations -------------------------------------------------------------------------------------------------------------

    async def begin(self, terminal: str, order: Order, *, wait: float = 0.0, callback_url: str | None = None) -> Operation:
        """As `ecrlan.service.Service.begin`. A connection that is lost here is not taken up again: ask with `show`."""
        body = order_as_json(order) | ({} if callback_url is None else {"callback_url": callback_url})
        return operation_of(await self.call("POST", f"{_terminal(terminal)}/operations", body=body, wait=wait))

    async def carry_out(self, terminal: str, order: Order, *, watch: Watch | None = None) -> Operation[Outcome]:
        """As `ecrlan.service.Service.carry_out`; `watch` is told what concerns this operation.

        Values are checked here as a register checks them. `DaemonGoneError`: the daemon is gone, and the journal, if it can be read here,
        proves no outcome; `sent` is `no` where it proves that nothing was sent.
        """
        order.check()
        order.request(_ANY)
        order.additional_request(_ANY)
        reference = order.reference
        if reference is None and (order.kind is not Kind.STATUS or order.queue_timeout is not None):
            reference = str(uuid.uuid4())  # as the register would: but by it, it is found again
        asked = _Asked(self, terminal, replace(order, reference=reference))
        try:
            if watch is None:
                return with_outcome(await asked.ended())
            async with _Watcher(self, terminal, order.kind, reference, watch) as watcher:
                operation = await asked.ended()
                await watcher.shown(operation)
                return with_outcome(operation)
        except asyncio.CancelledError:
            self._leaving[reference or str(uuid.uuid4())] = asyncio.create_task(asked.left())
            raise

    async def was_sent(self, reference: str) -> bool:
        """As `ecrlan.service.Service.was_sent`; what still waits for its terminal is dropped by then."""
        leaving = self._leaving.pop(reference, None)
        return leaving is not None and await leaving

    async def show(self, reference: str, *, wait: float = 0.0) -> Operation:
        """As `ecrlan.service.Service.show`; the daemon waits 600 seconds at most."""
        return operation_of(await self.call("GET", _operation(reference), wait=min(wait, LONGEST_WAIT)))

    async def withdraw(self, reference: str) -> Operation:
        """As `ecrlan.service.Service.withdraw`."""
        return operation_of(await self.call("DELETE", _operation(reference)))

    async def resolve(self, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
        """As `ecrlan.service.Service.resolve`."""
        body = {"outcome": outcome, "by": said("by", by), "note": said("note", note)}
        return operation_of(await self.call("POST", f"{_operation(reference)}/resolve", body=body))

    async def attach(self, reference: str, terminal: str, *, by: str) -> Operation:
        """As `ecrlan.service.Service.attach`."""
        body = {"terminal": terminal, "by": said("by", by)}
        return operation_of(await self.call("POST", f"{_operation(reference)}/attach", body=body))

    async def recover(self, reference: str, seconds: float) -> bool:
        """As `ecrlan.service.Service.recover`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if (await self.show(reference)).state is State.FINISHED:
            return False
        while (left := until - loop.time()) > 0 and (await self.show(reference, wait=left)).state is not State.FINISHED:
            pass
        return True

    # --- records ----------------------------------------------------------------------------------------------------------------

    @property
    def incomplete(self) -> Doubt | None:
        """As `ecrlan.service.Records.incomplete`: a daemon knows all that is in its journal."""
        return None

    async def page(self, wanted: Filter, *, limit: int = 50, before: str | None = None) -> Page:
        """As `ecrlan.service.Records.page`."""
        times = {"from": wanted.since, "to": wanted.until}
        query: dict[str, Any] = {"terminal": wanted.terminal, "outcome": wanted.outcome, "limit": str(limit), "before": before}
        query["kind"] = Kind(wanted.kind).value if wanted.kind is not None else None
        query |= {name: time.isoformat() if time is not None else None for name, time in times.items()}
        query["open"] = "true" if wanted.unfinished else None
        page = await self.call("GET", "/v1/operations", query={name: value for name, value in query.items() if value is not None})
        if not isinstance(page, dict) or not isinstance(page.get("operations"), list):
            raise DaemonAnswerError(("daemon_without_page", {"daemon": nested(self.daemon)}))
        following = page.get("next")
        return Page([operation_of(document) for document in page["operations"]], str(following) if following is not None else None)

    async def journal(self, language: Language = "en") -> dict[str, Any]:
        """As `ecrlan.service.Records.journal`."""
        return await self._document("GET", "/v1/journal", query={"lang": language})

    async def accept_journal(self, *, by: str, note: str, language: Language = "en") -> dict[str, Any]:
        """As `ecrlan.service.Service.accept_journal`."""
        body = {"by": said("by", by), "note": said("note", note)}
        return await self._document("POST", "/v1/journal/accept", body=body, query={"lang": language})

    # --- terminals --------------------------------------------------------------------------------------------------------------

    async def terminals(self) -> list[dict[str, Any]]:
        """As `ecrlan.service.Service.terminals`."""
        told = (await self._document("GET", "/v1/terminals")).get("terminals")
        if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
            raise DaemonAnswerError(("daemon_without_document", {"daemon": nested(self.daemon)}))
        return told

    async def accept_terminal_id(self, terminal: str, *, by: str) -> dict[str, Any]:
        """As `ecrlan.service.Service.accept_terminal_id`."""
        return await self._document("POST", f"{_terminal(terminal)}/accept-terminal-id", body={"by": said("by", by)})

    async def reset_hand_use(self, terminal: str, *, by: str) -> dict[str, Any]:
        """As `ecrlan.service.Service.reset_hand_use`."""
        return await self._document("POST", f"{_terminal(terminal)}/hand-use/reset", body={"by": said("by", by)})

    async def reset_line(self, terminal: str) -> dict[str, Any]:
        """As `ecrlan.service.Service.reset_line`."""
        return await self._document("POST", f"{_terminal(terminal)}/reset")

    async def reload(self) -> dict[str, Any]:
        """Have the daemon read its settings anew; returns what was done. Raises `InvalidValueError`, `OperationsWithoutTerminalError`."""
        return await self._document("POST", "/v1/reload")

    # --- events -----------------------------------------------------------------------------------------------------------------

    async def events(self, terminal: str) -> AsyncIterator[TerminalEvent]:
        """As `ecrlan.service.Service.events`, without frames; a lost connection is taken up again where it ended."""
        async for told in self.follow(terminal):
            event = event_of(told, terminal)
            if event is not None:
                yield event


class ClientTerminal(Operations[Coroutine[Any, Any, MoneyOperation], Coroutine[Any, Any, Operation[Outcome]]]):
    """A terminal that a daemon drives, with the operations of `Operations`; what they raise besides, `Client` says."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client

    async def _money(self, order: Order) -> MoneyOperation:
        return cast("MoneyOperation", await self.carry_out(order))

    async def carry_out(self, order: Order) -> Operation[Outcome]:
        """Have an order carried out by the daemon, as `Operations` says."""
        return await self._client.carry_out(self.name, order)

    def events(self) -> AsyncIterator[TerminalEvent]:
        """As `Client.events`."""
        return self._client.events(self.name)


class _Asked:
    """One order that the daemon is asked for, until its outcome is known: again and again by its reference, and never under another."""

    def __init__(self, client: Client, terminal: str, order: Order) -> None:
        self.client = client
        self.reference = order.reference
        self._path = f"{_terminal(terminal)}/operations"
        self._status = f"{_terminal(terminal)}/status"
        self._body = order_as_json(order)
        self._request: asyncio.Task[Any] | None = None

    async def ended(self) -> Operation:
        """Return the operation with its outcome, however long that takes."""
        if self.reference is None:  # a status that is worth no record
            return operation_of(await self._held("POST", self._status, None))
        try:
            operation = await self._posted()
        except (DaemonLostError, RegisterError) as error:
            if error.sent == "no":
                raise
            operation = await self._again(self.reference, error)
        while operation.state is not State.FINISHED:
            await asyncio.sleep(LOST_PAUSES[0])  # a daemon that is being stopped lets nobody wait
            operation = await self._again(self.reference, None)
        return operation

    async def left(self) -> bool:
        """Tell, once the caller has left, whether the operation may have left for the terminal; one that still waits there is dropped.

        The request is held open until the daemon has the operation: what it does not know only then is certainly not on its way.
        """
        try:
            return self._request is not None and self.reference is not None and await self._is_sent(self._request, self.reference)
        finally:
            await self._drop()

    async def _is_sent(self, request: asyncio.Task[Any], reference: str) -> bool:
        dropping = False
        for _ in range(DROP_LOOKS):
            under_way = not request.done()
            try:
                operation = await self.client.show(reference)
            except RegisterError as refused:
                if refused.code != "unknown_reference":
                    return True
                if dropping or not under_way:
                    return False
            except EcrlanError:
                return True
            else:
                if operation.state is not State.QUEUED:
                    return True
                dropping = True
                await self._drop()
            await asyncio.sleep(DROP_PAUSE)
        return True

    async def _drop(self) -> None:
        """Let go of a request that is still under way: the daemon drops what waits in the queue, and nothing else."""
        if self._request is not None:
            self._request.cancel()
            await asyncio.gather(self._request, return_exceptions=True)

    async def _posted(self) -> Operation:
        return await self._styled(await self._held("POST", self._path, self._body))

    async def _held(self, method: str, path: str, body: dict[str, Any] | None) -> Any:  # noqa: ANN401 - JSON
        """Make a request that a cancelled caller does not cut off at once: what became of it has to be known first (`left`)."""
        self._request = asyncio.create_task(self.client.call(method, path, body=body, wait=LONGEST_WAIT))
        return await asyncio.shield(self._request)

    async def _again(self, reference: str, problem: EcrlanError | None) -> Operation:
        """Ask for the operation by its reference until the daemon tells of it, or is gone; one that it has not got is posted again."""
        silence = _GONE
        for pause in LOST_PAUSES:
            try:
                return await self._styled(await self._held("GET", _operation(reference), None))
            except RegisterError as refused:
                if refused.code != "unknown_reference":  # too busy, or another token by now: it says nothing about the operation
                    silence = ("daemon_does_not_tell", {"problem": str(refused)})
                    await asyncio.sleep(pause)
                    continue
                if isinstance(problem, RegisterError):  # it failed before it had begun
                    raise problem from None
            except DaemonLostError:
                silence = _GONE
                await asyncio.sleep(pause)
                continue
            try:  # the same reference is the same operation: whatever became of the first request, it is performed once
                return await self._posted()
            except DaemonLostError:
                await asyncio.sleep(pause)
        return await asyncio.to_thread(self.from_journal, reference, silence)

    def from_journal(self, reference: str, silence: Why = _GONE) -> Operation:
        """Return the operation with the outcome that the journal proves. Raises `DaemonGoneError` where it proves none."""
        journal, daemon = self.client.journal_file, self.client.daemon
        operation, unsent = find_proof(journal, reference) if journal is not None else (None, False)
        if operation is not None:
            return operation
        values = {"daemon": nested(daemon), "silence": nested(silence), "reference": reference}
        if unsent:
            raise DaemonGoneError(("daemon_gone_unsent", values), "no")
        raise DaemonGoneError(("daemon_gone", values), "unknown")

    async def _styled(self, document: object) -> Operation:
        operation = operation_of(document)
        if not (self.client.styles and operation.receipt and operation.state is State.FINISHED):
            return operation
        try:
            told = await self.client.call("GET", f"{_operation(operation.reference)}/receipt", query={"format": "lines"})
            return operation_of(document, receipt_of_lines(told.get("lines") if isinstance(told, dict) else None))
        except EcrlanError:  # without styles, then
            return operation


class _Watcher:
    """Follows the daemon's stream while an operation is carried out, and tells what concerns it."""

    def __init__(self, client: Client, terminal: str, kind: Kind, reference: str | None, watch: Watch) -> None:
        self._client = client
        self._terminal = terminal
        self._kind = kind
        self._reference = reference
        self._watch = watch
        self._begun = datetime.now(UTC)
        self._following = asyncio.Event()
        self._shown = asyncio.Event()
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow())
        try:
            await _bounded(self._following, FOLLOW_SECONDS)
        except BaseException:
            self._task.cancel()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)  # whatever it was, the outcome counts

    async def shown(self, operation: Operation) -> None:
        """Wait until the end of an operation that was begun here is told; what is known from before is not told any more."""
        if operation.finished_time is not None and operation.finished_time >= self._begun:
            with suppress(asyncio.CancelledError):  # cancelled now: the outcome is known, and is returned
                await _bounded(self._shown, SHOWN_SECONDS)

    async def _follow(self) -> None:
        alarms: set[tuple[object, object]] = set()
        async for told in self._client.follow(self._terminal, on_open=self._following.set):
            event = event_of(told, self._terminal)
            if event is None or not self._concerns(event):
                continue
            if isinstance(event, Alarm):
                text = words(event.what)
                if (told.data.get("id"), text) in alarms:
                    continue
                alarms.add((told.data.get("id"), text))
                log.error("alarm.raised", alarm=event.name, terminal=self._terminal, reference=event.reference, text=text)
            self._watch(event)
            if isinstance(event, OperationChanged) and event.operation.state is State.FINISHED:
                self._shown.set()

    def _concerns(self, event: TerminalEvent) -> bool:
        match event:
            case OperationChanged(operation=operation):
                return operation.reference == self._reference or (self._reference is None and operation.kind is self._kind)
            case ProgressShown(reference=reference):
                return reference in ("", self._reference)
            case Alarm(name=name, reference=reference):
                return reference in (None, self._reference) or name == LATE_TRUTH
            case _:
                return False


async def _bounded(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _operation(reference: str) -> str:
    return f"/v1/operations/{quote(reference, safe='')}"


def _terminal(name: str) -> str:
    return f"/v1/terminals/{quote(name, safe='')}"
