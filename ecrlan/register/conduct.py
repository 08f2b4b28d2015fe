"""How one order is performed: line, baseline, printing, exchange, fallback; and how its events become records."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Protocol

import structlog

from ecrlan.errors import ConnectError, JournalError, LineError
from ecrlan.journal import Event as Row
from ecrlan.journal import NewOperation
from ecrlan.model import (
    ANY_TERMINAL,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    LastResultRequest,
    PaymentResult,
    PrintingRequest,
    PurchaseRequest,
    ReprintRequest,
    Request,
    Response,
    State,
    StatusRequest,
    StatusResponse,
    Unresolved,
    VasRequest,
    VerifyCardRequest,
)
from ecrlan.net.line import Line, Sink
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.link import TRANSMISSIONS
from ecrlan.protocol.step import (
    Accepted,
    Answered,
    DataReceived,
    Ending,
    Event,
    PartReceived,
    Progress,
    ReceiptEnded,
    ReceiptReceived,
    Refused,
    Sending,
    Stray,
)
from ecrlan.register.lines import Lines
from ecrlan.register.memory import Memory
from ecrlan.register.options import TerminalSettings
from ecrlan.register.order import Work
from ecrlan.register.outcomes import outcome_of_answer, outcome_of_ending
from ecrlan.register.records import answered_row, created_row, event_row, finished_row, sending_row, stray_row
from ecrlan.wire.mask import clean_text, mask_message, mask_receipt_parts

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What a conductor needs of its terminal."""

    settings: TerminalSettings
    lines: Lines
    memory: Memory

    def clock(self) -> datetime:
        """Return the wall clock, timezone-aware."""

    def write(self, rows: list[NewOperation | Row], *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows to the journal; a future where the caller must wait for the commit."""

    def publish(self, work: Work) -> None:
        """Tell watchers of the operation's new state."""

    def progressed(self, work: Work, text: str) -> None:
        """Tell watchers the terminal's own text."""

    def alarm(self, name: str, text: str, reference: str | None) -> None:
        """Raise an alarm."""

    def watch(self, line: Line) -> None:
        """Show the line's frames to watchers, if there are any."""


class Conductor:
    """Performs one order after the other on a terminal. Its caller holds the terminal's queue."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.settings = host.settings
        self.memory = host.memory
        self.lines = host.lines

    async def perform(self, work: Work) -> None:
        """Perform `work`. Afterwards it is finished, or, where its request may have been performed, recovering."""
        order = work.order
        try:
            if order.money:
                self.lines.give_back(keep=False)  # one that still stood for a late result
                await self._prepare(work)
            if work.outcome is None:
                await self._exchange(work)
        except ConnectError as error:
            work.not_performed(str(error), self.host.clock())
        except LineError as error:
            if work.sent:
                self._lost(work, str(error))
            else:
                work.not_performed(f"the line was lost before anything was sent: {error}", self.host.clock())
        if work.order.journaled and not work.recorded and work.outcome is not None:
            await self._commit([created_row(work), finished_row(work, work.outcome, self.host.clock())], work)

    # --- before the request -----------------------------------------------------------------------------------------------------

    async def _prepare(self, work: Work) -> None:
        """Learn the TID where no settings name it, and the terminal's last result where the journal's knowledge is stale."""
        if self.memory.terminal_id is None:
            exchange = await self.side_exchange(StatusRequest(terminal_id=self.settings.terminal_id))
            if exchange.ending is not Ending.ANSWERED:
                work.not_performed("the terminal did not answer a status request, and nothing was sent", self.host.clock())
                return
        if not self.settings.last_result_supported or self.memory.baseline_is_fresh(standalone_use=self.settings.standalone_use):
            return
        exchange = await self.ask_last_result(work.order.request)
        if exchange.ending is Ending.UNANSWERED:
            work.not_performed("the terminal did not answer when asked for its last result, and nothing was sent", self.host.clock())

    async def ask_last_result(self, request: Request, *, linger: bool = False) -> Exchange:
        """Ask `G`; an answer becomes the baseline. `linger`: leave the line open, a late result may still come on it."""
        number = getattr(request, "cash_register_id", "00000001")
        question = LastResultRequest(terminal_id=self.settings.terminal_id, cash_register_id=number)
        exchange = await self.side_exchange(question, linger=linger)
        answer = exchange.answer
        if isinstance(answer, PaymentResult):
            if self.memory.differs_from_journal(answer):
                self.host.alarm("hand_use", "the terminal's last result is not the journal's: it was used by hand", None)
                self.memory.used_by_hand = True
            self.memory.set_baseline(answer, exchange.answer_message)
        elif exchange.ending is Ending.REFUSED:
            self.memory.set_baseline(None)
        return exchange

    async def side_exchange(self, request: Request, *, linger: bool = False) -> Exchange:
        """Perform an exchange of our own (`s`, `G`, `E`) that belongs to no operation."""
        line = await self.lines.open()
        self.host.watch(line)
        exchange = self._make(request)
        try:
            await line.run(exchange, self._side_sink)
        finally:
            self._after(exchange, line)
            self.lines.give_back(keep=linger)
        return exchange

    def _side_sink(self, events: tuple[Event, ...]) -> asyncio.Future[None] | None:
        rows: list[NewOperation | Row] = []
        durable = False
        for event in events:
            if isinstance(event, Answered):
                self._learn(event.response)
            elif isinstance(event, Stray):
                rows.append(self._stray(event, None))
                durable = durable or bool(event.message)
        return self._write(rows, None, durable=durable)

    async def _printing_line(self) -> Line | None:
        """Return a line on which printing on the register is enabled; None where the terminal refused or did not answer."""
        line = await self.lines.open()
        self.host.watch(line)
        exchange = self._make(PrintingRequest(terminal_id=self.settings.terminal_id, enabled=self.settings.printing_mode))
        await line.run(exchange, self._side_sink)
        if exchange.ending is not Ending.ACKNOWLEDGED:
            self._after(exchange, line)
            self.lines.give_back(keep=False)
            return None
        # a terminal may close right after its ACK of `E`: then the request goes out on a new line
        return line if await line.is_usable() else await self.lines.open()

    # --- the request ------------------------------------------------------------------------------------------------------------

    async def _exchange(self, work: Work) -> None:
        request = self._request(work)
        exchange = await self._run(work, request)
        if exchange is None:
            work.not_performed("the terminal refused to print on the register (E), and nothing was sent", self.host.clock())
            return
        if exchange.ending is Ending.REFUSED and exchange.naks == TRANSMISSIONS and self._may_fall_back(request):
            status = await self._ask_status()
            if status is not None and status.strays:
                self.host.alarm("result_after_refusal", "a result came after its request was refused", work.reference)
                self._lost(work, "something else than the status came after the request was refused (NAK): it may have been performed")
                return
            if status is not None and _is_operative(status):
                plain = _as_plain_purchase(request)
                again = await self._fall_back(work, plain)
                exchange = again or exchange
                request = plain if again else request
        await self._conclude(work, request, exchange)

    def _request(self, work: Work) -> Request:
        request = work.order.request
        if isinstance(request, ExtendedPurchaseRequest):
            plain = self.settings.purchase_code == "P" or (self.settings.purchase_code == "auto" and self.memory.takes_extended is False)
            return _as_plain_purchase(request) if plain else request
        return request

    def _may_fall_back(self, request: Request) -> bool:
        """Tell whether a refused `X` may mean that the terminal does not know it (exchange.md §4)."""
        return isinstance(request, ExtendedPurchaseRequest) and self.settings.purchase_code == "auto" and not self.memory.takes_extended

    async def _fall_back(self, work: Work, plain: Request) -> Exchange | None:
        """Send `P` in place of a refused `X`; None where it could not be sent: then the refusal is what became of the operation."""
        try:
            return await self._run(work, plain)
        except (LineError, JournalError) as error:  # nothing of `P` was sent
            log.warning("operation.no_fallback", terminal=work.terminal, reference=work.reference, reason=str(error))
            return None

    async def _ask_status(self) -> Exchange | None:
        try:
            return await self.side_exchange(StatusRequest(terminal_id=self.settings.terminal_id))
        except LineError:
            return None

    async def _run(self, work: Work, request: Request) -> Exchange | None:
        prints = self.settings.print_on_register and request.code in "PXSpicH"
        line = await self._printing_line() if prints else await self.lines.open()
        if line is None:
            return None
        self.host.watch(line)
        exchange = self._make(request, work, expects_receipt=prints)
        work.request = request
        work.acknowledged = work.progressed = work.refused = False
        work.baseline, work.baseline_message = self.memory.baseline, self.memory.baseline_message
        before = work.recorded, work.sent
        if _may_save_a_result(request):
            self.memory.set_stale()
        try:
            await line.run(exchange, self._sink(work, exchange))
        except JournalError:
            work.recorded, work.sent = before
            raise
        finally:
            self._after(exchange, line)
            lingers = exchange.ending is Ending.UNANSWERED and work.order.money
            self.lines.give_back(keep=lingers)
        return exchange

    def _make(self, request: Request, work: Work | None = None, *, expects_receipt: bool = False) -> Exchange:
        additional = work.order.additional if work is not None else None
        return Exchange(
            request,
            self.settings.timing(request),
            terminal_id=self.memory.terminal_id,
            reading=self.settings.lrc,
            additional=additional,
            expects_receipt=expects_receipt,
            require_ack=self.memory.unanswered,
            accept_stan=self.memory.is_new_stan,
            last_message=self.memory.baseline_message,
            tolerate_lengths=self.settings.tolerate_lengths,
        )

    def _after(self, exchange: Exchange, line: Line) -> None:
        line.suspect = line.suspect or not exchange.clean
        if exchange.acknowledged and exchange.ending is not Ending.UNANSWERED:
            self.memory.unanswered = False
        elif exchange.ending is Ending.UNANSWERED:
            self.memory.unanswered = True
        if not line.alive and exchange.ending is Ending.UNANSWERED:
            self.lines.disturbed()

    async def _conclude(self, work: Work, request: Request, exchange: Exchange) -> None:
        self.memory.learn_purchase_code(request, acknowledged=exchange.acknowledged)
        if isinstance(exchange.answer, PaymentResult) and exchange.ending is Ending.ANSWERED:
            self._keep_receipt(work)
            return
        reason = exchange.reason
        outcome = outcome_of_ending(work.order.kind, request, exchange, reason)
        if isinstance(outcome, Unresolved) and exchange.answer is None:
            self._lost(work, reason)
            return
        if work.outcome is None:
            work.settle(outcome, self.host.clock())
            if work.recorded:
                await self._commit([finished_row(work, outcome, self.host.clock())], work, durable=work.order.money)
        self._keep_receipt(work)

    def _lost(self, work: Work, reason: str) -> None:
        work.state = State.RECOVERING
        work.ended_at = asyncio.get_running_loop().time()
        work.evidence = reason
        self.memory.set_stale()
        self.host.write([event_row(work, "recovering", self.host.clock(), evidence=reason)], durable=False)
        log.warning("operation.lost", terminal=work.terminal, reference=work.reference, reason=reason)
        self.host.publish(work)

    # --- what happens on the line -----------------------------------------------------------------------------------------------

    def _sink(self, work: Work, exchange: Exchange) -> Sink:
        def sink(events: tuple[Event, ...]) -> asyncio.Future[None] | None:
            rows: list[NewOperation | Row] = []
            durable = False
            for event in events:
                durable = self._take(work, exchange, event, rows) or durable
            if not work.order.journaled:  # a look: only what is not about it is worth a record
                rows = [row for row in rows if row.reference is None]
            committing = self._write(rows, work, durable=durable)
            if any(isinstance(event, Answered) for event in events):
                self._tell_once_written(work, committing, late=any(isinstance(event, Answered) and event.late for event in events))
            return committing

        return sink

    def _tell_once_written(self, work: Work, committing: asyncio.Future[None] | None, *, late: bool) -> None:
        work.committing = committing
        if not late:
            return  # told by whoever performs it
        if committing is None:
            self.host.publish(work)
        else:
            committing.add_done_callback(lambda _: self.host.publish(work))

    def _write(self, rows: list[NewOperation | Row], work: Work | None, *, durable: bool) -> asyncio.Future[None] | None:
        committing = self.host.write(rows, durable=durable) if rows else None
        if committing is not None:
            committing.add_done_callback(lambda future: self._written(work, future))
        return committing

    def _written(self, work: Work | None, committing: asyncio.Future[None]) -> None:
        if not committing.cancelled() and (failure := committing.exception()) is not None:
            if work is not None:
                work.durable = False
            self.host.alarm("journal_failed", str(failure), work.reference if work is not None else None)

    def _take(self, work: Work, exchange: Exchange, event: Event, rows: list[NewOperation | Row]) -> bool:
        """Turn one event into rows and state; True where the bytes must wait for the commit."""
        now = self.host.clock()
        match event:
            case Sending(code=code, transmission=transmission) if code != "U":
                return self._sending(work, code, event.frame[1:-2], transmission, rows)
            case Accepted(code=code) if code != "U":
                work.acknowledged = True
                work.state = State.ACCEPTED if work.outcome is None else work.state
                rows.append(event_row(work, "accepted", now))
                self.host.publish(work)
            case Refused(code=code, transmission=transmission) if code != "U":
                work.refused = True
                rows.append(event_row(work, "refused", now, transmission=transmission))
            case Progress(text=text):
                work.progressed = True
                shown = clean_text(text)
                rows.append(event_row(work, "progress", now, text=shown))
                self.host.progressed(work, shown)
            case Answered():
                self._answered(work, exchange, event, rows)
                return work.order.money
            case PartReceived(message=message):
                rows.append(event_row(work, "part", now, message=mask_message(message).hex()))
                return work.order.money
            case ReceiptReceived(text=text):
                work.receipt += text
            case ReceiptEnded():
                self._keep_receipt(work, rows)
            case DataReceived(data=data):
                work.data = clean_text(data)
                rows.append(event_row(work, "data", now, data=work.data))
            case Stray():
                rows.append(self._stray(event, work))
                return bool(event.message)  # somebody's result: on disk before its ACK
            case _:
                pass
        return False

    def _sending(self, work: Work, code: str, message: bytes, transmission: int, rows: list[NewOperation | Row]) -> bool:
        now = self.host.clock()
        if not work.recorded:
            rows.append(created_row(work))
            work.recorded = work.order.journaled
        rows.append(sending_row(work, code, message, work.baseline_message, transmission, now))
        work.sent = True
        work.sent_time = work.sent_time or now
        if work.outcome is None and work.state is not State.SENDING:
            work.state = State.SENDING
            self.host.publish(work)
        return transmission == 1 and work.order.money

    def _answered(self, work: Work, exchange: Exchange, event: Answered, rows: list[NewOperation | Row]) -> None:
        now = self.host.clock()
        work.answered = True
        rows.append(answered_row(work, event.response, event.message, now, late=event.late))
        outcome = outcome_of_answer(work.order.kind, exchange.request, event.response)
        rows.append(finished_row(work, outcome, now))
        self._learn(event.response)
        if isinstance(event.response, PaymentResult) and exchange.request.code != "G":
            self.memory.remember(event.response, event.message, is_saved=exchange.request.code != "H")
        if event.after_nak:
            self.host.alarm("result_after_refusal", "a result came after its request was refused", work.reference)
        work.settle(outcome, now)

    def _learn(self, response: Response) -> None:
        if self.memory.terminal_id is None and response.terminal_id != ANY_TERMINAL:
            self.memory.terminal_id = response.terminal_id
            row = Row(
                name="pinned",
                time=self.host.clock(),
                reference=None,
                terminal=self.settings.name,
                data={"terminal_id": response.terminal_id},
            )
            self.host.write([row], durable=False)
        if isinstance(response, StatusResponse):
            self.memory.status = response

    def _stray(self, event: Stray, work: Work | None) -> Row:
        """Tell of a message that is not the answer that was asked for, and return its record."""
        reference = work.reference if work is not None else None
        log.warning("message.stray", terminal=self.settings.name, reference=reference, reason=event.reason)
        other = event.response.terminal_id if event.response is not None else None
        if other is not None and self.memory.terminal_id is not None and other != self.memory.terminal_id:
            self.memory.foreign_terminal_id = other
            text = f"the terminal answers as TID {other}, not as {self.memory.terminal_id}: money stops until a person accepts it"
            self.host.alarm("terminal_id_changed", text, reference)
        if event.alarm:
            self.host.alarm("result_after_refusal", event.reason, reference)
        owner = reference if work is not None and work.order.journaled else None
        return stray_row(event, self.settings.name, owner, self.host.clock())

    def _keep_receipt(self, work: Work, rows: list[NewOperation | Row] | None = None) -> None:
        if not work.receipt:
            return
        work.receipt = mask_receipt_parts([work.receipt])[0]
        row = event_row(work, "receipt", self.host.clock(), text=work.receipt.hex())
        if rows is not None:
            rows.append(row)

    async def _commit(self, rows: list[NewOperation | Row], work: Work, *, durable: bool = True) -> None:
        work.recorded = True
        try:
            committing = self.host.write(rows, durable=durable)
            if committing is not None:
                await committing
        except JournalError as error:
            work.durable = False
            self.host.alarm("journal_failed", str(error), work.reference)


def _is_operative(status: Exchange) -> bool:
    return isinstance(status.answer, StatusResponse) and status.answer.operative


def _may_save_a_result(request: Request) -> bool:
    return isinstance(request, VerifyCardRequest | VasRequest | CloseSessionRequest | ReprintRequest) or request.code in "PXSpic"


def _as_plain_purchase(request: Request) -> Request:
    if not isinstance(request, ExtendedPurchaseRequest):
        return request
    return PurchaseRequest(
        terminal_id=request.terminal_id,
        cash_register_id=request.cash_register_id,
        additional_data=request.additional_data,
        amount=request.amount,
        card_present=request.card_present,
        payment_type=request.payment_type,
        receipt_text=request.receipt_text,
    )
