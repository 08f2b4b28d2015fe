"""A terminal of the running daemon, with the calls of `ecrlan.register.Terminal` that commands make."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import structlog

from ecrlan.cli.remote import LONGEST_WAIT, DaemonAnswerError, DaemonClient, DaemonLostError, RefusedError
from ecrlan.cli.stream import follow_on
from ecrlan.errors import EcrlanError, InvalidValueError, JournalError, Why, nested
from ecrlan.journal import Journal
from ecrlan.model import Kind, MoneyOperation, Operation, Outcome, State, read_evidence, with_outcome
from ecrlan.model.orders import Known, Order, RegisterOrder
from ecrlan.operation_json import operation_of_json, order_as_json, receipt_of_lines
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import Alarm, OperationChanged, ProgressShown
from ecrlan.register.surface import Operations
from ecrlan.register.targets import preauthorization
from ecrlan.texts import words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ecrlan.cli.remote import RunningDaemon
    from ecrlan.cli.stream import StreamEvent
    from ecrlan.errors import Sent
    from ecrlan.register import TerminalEvent
    from ecrlan.settings import Settings

log = structlog.get_logger(__name__)

LATE_TRUTH = "approved_after_refusal"
"""The alarm that is shown also where it is an earlier operation's: the customer may have paid."""
FOLLOW_SECONDS = 3.0
"""How long an operation waits for its progress to be followed; it is not worth more."""
SHOWN_SECONDS = 2.0
"""How long a finished operation waits for the last of its progress, which comes on another connection."""
LOST_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0, 2.0, 3.0)
"""Seconds between attempts to reach the daemon again, which its supervisor may be starting anew; then it counts as gone."""
DROP_PAUSE = 0.05
DROP_LOOKS = 40
_ANY = Known(preauthorization_code="0" * 9)
"""Stands for what only the daemon knows, where an order's values are checked as its request checks them."""

_GONE: Why = ("daemon_is_gone", {})


class DaemonGoneError(EcrlanError):
    """The daemon is gone, or does not tell of an operation. `sent` is `no` where the journal proves that nothing left for the terminal."""

    code = "daemon_gone"

    def __init__(self, told: Why | str, sent: Sent) -> None:
        super().__init__(told)
        self.sent: Sent = sent


class RemoteTerminal(Operations[Coroutine[Any, Any, MoneyOperation], Coroutine[Any, Any, Operation[Outcome]]]):
    """A terminal that a daemon drives, with the operations of `Operations`.

    Values are checked here as the direct way checks them, so that the words are the same. A lost connection loses nothing: the operation
    is asked for again by its reference, which is the same operation. `styles`: receipts come with the styles of their lines.
    """

    def __init__(self, client: DaemonClient, settings: Settings, name: str, *, styles: bool) -> None:
        self.name = name
        self._client = client
        self._settings = settings
        self._styles = styles
        self._kind: Kind | None = None
        self._reference: str | None = None
        self._following = asyncio.Event()
        self._shown = asyncio.Event()
        self._request: asyncio.Task[Any] | None = None

    async def close(self) -> None:
        """Let go of a request that is still under way: the daemon drops what waits in the queue, and nothing else."""
        if self._request is not None:
            self._request.cancel()
            await asyncio.gather(self._request, return_exceptions=True)

    # --- operations -------------------------------------------------------------------------------------------------------------

    async def _money(self, order: Order) -> MoneyOperation:
        return cast("MoneyOperation", await self.carry_out(order))

    async def carry_out(self, order: Order) -> Operation[Outcome]:
        """Have an order carried out by the daemon, as `Operations` says."""
        order.check()
        order.request(_ANY)
        order.additional_request(_ANY)
        reference = order.reference
        if reference is None and (order.kind is not Kind.STATUS or order.queue_timeout is not None):
            reference = str(uuid.uuid4())  # as the register would: but by it, it is found again
        named = replace(order, reference=reference)
        if isinstance(named, RegisterOrder) and named.cash_register_id is None:
            named = replace(named, cash_register_id=self._settings.register_.cash_register_id)
        self._kind, self._reference = order.kind, reference
        asked = datetime.now(UTC)
        await _bounded(self._following, FOLLOW_SECONDS)
        operation = await self._ended(order_as_json(named), reference)
        if operation.finished_time is not None and operation.finished_time >= asked:  # else it is known from before: nothing to be shown
            with suppress(asyncio.CancelledError):  # Ctrl-C now: the outcome is known, and is told
                await _bounded(self._shown, SHOWN_SECONDS)
        return with_outcome(operation)

    def authorized_total(self, target: str) -> int:
        """As `Terminal.authorized_total`; the journal can be read whoever owns it."""
        with Journal.reader(self._settings.journal) as reader:
            return preauthorization(reader, self.name, target).total

    async def events(self) -> AsyncIterator[TerminalEvent]:
        """Yield what happens to the operation that is performed here, as `Terminal.events` does. Never ends by itself."""
        alarms: set[tuple[object, object]] = set()
        async for told in follow_on(self._client, terminal=self.name, on_open=self._following.set):
            event = self._event(told)
            if event is None:
                continue
            if isinstance(event, Alarm):
                text = words(event.what)
                if (told.data.get("id"), text) in alarms:
                    continue
                alarms.add((told.data.get("id"), text))
                log.error("alarm.raised", alarm=event.name, terminal=self.name, reference=event.reference, text=text)
            yield event
            if isinstance(event, OperationChanged) and event.operation.state is State.FINISHED:
                self._shown.set()  # our follower has dealt with it: it asked for the next one

    def _event(self, told: StreamEvent) -> TerminalEvent | None:
        try:
            if told.kind == "operation":
                operation = operation_of_json(told.data)
                own = operation.reference == self._reference or (self._reference is None and operation.kind is self._kind)
                return OperationChanged(self.name, operation) if own else None
        except InvalidValueError:  # from a newer daemon, perhaps; the outcome comes by another way
            return None
        reference, text = told.data.get("reference"), told.data.get("text")
        what = read_evidence(told.data, "text")
        if told.kind == "alarm" and told.data.get("name") == LATE_TRUTH and isinstance(reference, str) and what is not None:
            return Alarm(self.name, LATE_TRUTH, what, reference) if told.data.get("active") is True else None
        if not isinstance(text, str) or reference not in (None, self._reference):
            return None
        if told.kind == "progress":
            return ProgressShown(self.name, self._reference or "", text)
        if told.kind == "alarm" and told.data.get("active") is True and what is not None:
            return Alarm(self.name, str(told.data.get("name")), what, self._reference if reference is not None else None)
        return None

    # --- an operation's way -----------------------------------------------------------------------------------------------------

    async def _ended(self, body: dict[str, Any], reference: str | None) -> Operation:
        """Return the operation with its outcome, however long that takes."""
        if reference is None:  # a status that is worth no record
            return operation_of(await self._held("POST", f"/v1/terminals/{self.name}/status", None))
        path = f"/v1/terminals/{self.name}/operations"
        try:
            operation = await self._operation(await self._held("POST", path, body))
        except (DaemonLostError, RefusedError) as error:
            if error.sent == "no":
                raise
            operation = await self._again(path, body, reference, error)
        while operation.state is not State.FINISHED:
            await asyncio.sleep(LOST_PAUSES[0])  # a daemon that is being stopped lets nobody wait
            operation = await self._again(path, body, reference, None)
        return operation

    async def _held(self, method: str, path: str, body: dict[str, Any] | None) -> Any:  # noqa: ANN401 - JSON
        """Make a request that Ctrl-C does not cut off at once: what became of it has to be known first (`was_sent`)."""
        self._request = asyncio.create_task(self._client.call(method, path, body=body, wait=LONGEST_WAIT))
        return await asyncio.shield(self._request)

    async def _again(self, path: str, body: dict[str, Any], reference: str, problem: EcrlanError | None) -> Operation:
        """Ask for the operation by its reference until the daemon tells of it, or is gone; one that it has not got is posted again."""
        silence = _GONE
        for pause in LOST_PAUSES:
            try:
                return await self._operation(await self._held("GET", f"/v1/operations/{reference}", None))
            except RefusedError as refused:
                if refused.code != "unknown_reference":  # too busy, or another token by now: it says nothing about the operation
                    silence = ("daemon_does_not_tell", {"problem": str(refused)})
                    await asyncio.sleep(pause)
                    continue
                if isinstance(problem, RefusedError):  # it failed before it had begun
                    raise problem from None
            except DaemonLostError:
                silence = _GONE
                await asyncio.sleep(pause)
                continue
            try:  # the same reference is the same operation: whatever became of the first request, it is performed once
                return await self._operation(await self._held("POST", path, body))
            except DaemonLostError:
                await asyncio.sleep(pause)
        return await asyncio.to_thread(self._from_journal, reference, silence)

    def _from_journal(self, reference: str, silence: Why = _GONE) -> Operation:
        """Return the operation with the outcome that the journal proves. Raises `DaemonGoneError` where it proves none."""
        daemon = self._client.daemon
        unsent = False
        try:
            with Journal.reader(daemon.journal) as reader:
                entry = reader.find(reference)
            if entry is None:
                with Journal(daemon.journal, owner_wait=0) as journal:  # nobody owns it any more: what is not in it was never sent
                    entry = journal.find(reference)
                unsent = entry is None
        except JournalError:
            entry = None
        operation = operation_of_entry(entry) if entry is not None else None
        if operation is not None and operation.outcome is not None:
            return operation
        values = {"daemon": nested(daemon.why), "silence": nested(silence), "reference": reference}
        if unsent:
            raise DaemonGoneError(("daemon_gone_unsent", values), "no")
        raise DaemonGoneError(("daemon_gone", values), "unknown")

    async def was_sent(self, reference: str | None) -> bool:
        """Tell, after Ctrl-C, whether the operation may have left for the terminal; one that still waits there is dropped.

        The request is held open until the daemon has the operation: what it does not know only then is certainly not on its way.
        """
        if self._request is None or reference is None:
            return False
        dropping = False
        for _ in range(DROP_LOOKS):
            under_way = not self._request.done()
            try:
                operation = operation_of(await self._client.get(f"/v1/operations/{reference}"))
            except RefusedError as refused:
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
                await self.close()
            await asyncio.sleep(DROP_PAUSE)
        return True

    async def _operation(self, document: object) -> Operation:
        operation = operation_of(document)
        if not (self._styles and operation.receipt and operation.state is State.FINISHED):
            return operation
        try:
            told = await self._client.get(f"/v1/operations/{operation.reference}/receipt", format="lines")
            return operation_of_json(document, receipt_of_lines(told.get("lines") if isinstance(told, dict) else None))
        except EcrlanError:  # printed without styles, then
            return operation


class RemoteWay:
    """The way to the terminal `name` through the running daemon; see `ecrlan.cli.session.Way`."""

    def __init__(self, daemon: RunningDaemon, settings: Settings, name: str, *, styles: bool) -> None:
        self._client = DaemonClient(daemon)
        self._terminal = RemoteTerminal(self._client, settings, name, styles=styles)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[RemoteTerminal]:
        """Connect, and let go of everything in the end. Raises `RegisterError` where there is no token."""
        async with self._client:
            try:
                yield self._terminal
            finally:
                await self._terminal.close()

    async def was_sent(self, reference: str | None) -> bool:
        """Tell whether the operation may have left for the terminal, once its call was cancelled."""
        return await self._terminal.was_sent(reference)


def operation_of(document: object) -> Operation:
    """Return the operation that the daemon tells of. Raises `DaemonAnswerError`."""
    try:
        return operation_of_json(document)
    except InvalidValueError as error:
        raise DaemonAnswerError(("daemon_operation_unreadable", {"problem": str(error)})) from None


async def _bounded(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
