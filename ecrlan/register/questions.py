"""What the register asks for itself before and after operations: `s`, `G` and `E`; and what comes that nobody asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from ecrlan.errors import LineError
from ecrlan.journal import Event as Row
from ecrlan.journal import NewOperation
from ecrlan.logger import Logger
from ecrlan.model import (
    ANY_TERMINAL,
    Code,
    Evidence,
    LastResultRequest,
    PaymentResult,
    PrintingRequest,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
)
from ecrlan.net.line import Line
from ecrlan.protocol.answers import ANSWERS, amount_problem
from ecrlan.protocol.clock import time_doubt
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.live import LiveRules, stan_of
from ecrlan.protocol.memory import Memory, Refusal, Standing
from ecrlan.protocol.step import Answered, Ending, Event, Stray
from ecrlan.register.lines import Lines
from ecrlan.register.options import TerminalSettings
from ecrlan.register.order import Order, Work
from ecrlan.register.records import fact_row, stray_row
from ecrlan.texts import words

log = Logger(__name__)

SET_CLOCK_SECONDS = 30.0
"""Seconds by which the register's clock must jump to count as set."""
UNSEEN_SECONDS = 600.0
"""Seconds after its line's end, at least, for which a lost result may still come on another line: twice the longest payment."""


class Host(Protocol):
    """What questions and operations need of their terminal."""

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

    def alarm(self, name: str, what: Evidence, reference: str | None) -> None:
        """Raise an alarm."""

    def watch(self, line: Line) -> None:
        """Show the line's frames to watchers, if there are any."""

    def pin(self, terminal_id: str) -> None:
        """Take the TID that the terminal told for its own."""

    async def check_again(self, order: Order) -> None:
        """Refuse money by what the questions just before it told. Raises `RegisterError`."""

    def open_references(self) -> set[str]:
        """Return the references of the operations that are open on the terminal."""


class Questions:
    """Exchanges that belong to no operation. Its caller holds the terminal's queue."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.settings = host.settings
        self.lines = host.lines
        self._clock_ahead: float | None = None

    @property
    def memory(self) -> Memory:
        """What is known of the terminal; another one after its TID was accepted."""
        return self.host.memory

    def notice_clock(self) -> None:
        """Notice that the register's clock was set, by comparing it with the time that only goes on."""
        ahead = self.host.clock().timestamp() - asyncio.get_running_loop().time()
        if self._clock_ahead is not None and abs(ahead - self._clock_ahead) > SET_CLOCK_SECONDS:
            log.warning("register.clock_set", seconds=round(ahead - self._clock_ahead))
            self.memory.clock.move(ahead - self._clock_ahead)
        self._clock_ahead = ahead

    # --- asking -----------------------------------------------------------------------------------------------------------------

    async def ask(self, request: Request, *, linger: bool = False) -> Exchange:
        """Perform an exchange of our own (`s`, `G`). Raises `LineError`. `linger`: leave the line open, a late result may still come."""
        line = await self.lines.open()
        self.host.watch(line)
        exchange = Exchange(request, self.settings.timing(request), self.rules(), reading=self.settings.lrc)
        try:
            await line.run(exchange, self._sink)
        finally:
            self.after(exchange, line)
            if linger:
                self.lines.give_back(keep=True)
            else:
                self.lines.end()
        if exchange.ending is Ending.ANSWERED:
            self._answered(asyncio.get_running_loop().time())
        return exchange

    async def ask_status(self) -> Exchange | None:
        """Ask `s`; None where there is no line."""
        try:
            return await self.ask(StatusRequest(terminal_id=self.settings.terminal_id))
        except LineError:
            return None

    async def ask_last_result(self, request: Request, *, linger: bool = False) -> Exchange:
        """Ask `G`; an answer becomes the baseline. Raises `LineError`."""
        number = getattr(request, "cash_register_id", "00000001")
        question = LastResultRequest(terminal_id=self.settings.terminal_id, cash_register_id=number)
        exchange = await self.ask(question, linger=linger)
        answer = exchange.answer
        if isinstance(answer, PaymentResult):
            self.take_last_result(answer, exchange.answer_message)
        elif exchange.ending is Ending.REFUSED or exchange.acknowledged:
            self.memory.set_baseline(None)
        return exchange

    def take_last_result(self, answer: PaymentResult, message: bytes) -> None:
        """Take what `G` was answered, whoever asked: it becomes the baseline, and tells of what nobody knows."""
        self._compare(answer, message)
        self.memory.set_baseline(answer, message)
        self.memory.unseen_operations &= self.host.open_references()

    async def printing_line(self) -> Line | None:
        """Return a line on which printing on the register is enabled; None where the terminal refused or did not answer."""
        line = await self.lines.open(fit_for_money=True)
        self.host.watch(line)
        request = PrintingRequest(terminal_id=self.settings.terminal_id, enabled=self.settings.printing_mode)
        exchange = Exchange(request, self.settings.timing(request), self.rules(), reading=self.settings.lrc)
        await line.run(exchange, self._sink)
        if exchange.ending is not Ending.ACKNOWLEDGED:
            self.after(exchange, line)
            self.lines.end()
            return None
        if exchange.clean and await line.is_usable():
            return line
        # a terminal may close right after its ACK of `E`; and a line on which a frame was repeated carries no money request
        self.lines.drop()
        return await self.lines.open(fit_for_money=True)

    def rules(
        self,
        *,
        accept_short: bool = True,
        lost_before: str | None = None,
        belongs: Callable[[Response], Evidence | None] = lambda _: None,
    ) -> LiveRules:
        """Return what must hold of an answer that comes now; see `LiveRules`."""
        memory = self.memory
        judge = memory.judge_of_now()

        def standing(result: PaymentResult, message: bytes) -> Standing:
            return judge(result, message, self.host.clock())

        return LiveRules(
            terminal_id=memory.terminal_id,
            standing=standing,
            begins_series=memory.begins_series,
            require_ack=memory.unanswered,
            accept_short=accept_short,
            lost_before=lost_before,
            belongs=belongs,
            last_message=memory.baseline_message,
            tolerate_lengths=self.settings.tolerate_lengths,
        )

    def after(self, exchange: Exchange, line: Line) -> None:
        """Note how an exchange left line and terminal."""
        line.suspect = line.suspect or not exchange.clean
        if exchange.reason.code is Code.OTHER_LRC:
            log.warning("terminal.other_lrc", terminal=self.settings.name, reading=exchange.reason.values["reading"], setting="lrc")
        lost = exchange.ending in (Ending.UNANSWERED, Ending.UNREADABLE)
        if exchange.acknowledged and not lost:
            self.memory.unanswered = False
        elif lost:
            self.memory.unanswered = True
        if not line.alive and exchange.ending is Ending.UNANSWERED and exchange.held is None:
            self.lines.disturbed()

    def _answered(self, now: float) -> None:
        """Note that the terminal answered a question: no payment is running on it."""
        self.memory.must_ask = False
        unseen = self.memory.unseen
        if unseen is not None and now - unseen[1] > max(UNSEEN_SECONDS, self.settings.longest_payment_time):
            self.memory.unseen = None

    # --- what an answer tells ---------------------------------------------------------------------------------------------------

    def _compare(self, answer: PaymentResult, message: bytes) -> None:
        """Tell of a last result that nobody knows: ours after a refusal, or somebody else's."""
        memory = self.memory
        if not answer.approved or memory.was_seen(answer, message):
            return
        if self._follows_refusal(answer):
            return
        if not memory.is_foreign(answer, message) or memory.used_by_hand:
            return
        data = {"stan": answer.stan, "amount": answer.amount, "expected": self.settings.standalone_use}
        self.host.write([fact_row(self.settings.name, "hand_use", memory.identity, self.host.clock(), **data)], durable=False)
        if self.settings.standalone_use:
            log.info("terminal.hand_use", terminal=self.settings.name, stan=answer.stan)
            return
        memory.used_by_hand = True
        self.host.alarm("hand_use", Evidence(Code.USED_BY_HAND, {"stan": stan_of(answer)}), None)

    def _follows_refusal(self, answer: PaymentResult) -> bool:
        """Raise the alarm where an approval can be that of the operation that was refused last (exchange.md §5, "Late truth")."""
        refusal = self.memory.last_refusal
        if (
            refusal is None
            or self.memory.unseen_operations - {refusal.reference}
            or (answer.code, answer.length) not in ANSWERS.get(refusal.request.code, frozenset())
        ):
            return False
        if amount_problem(refusal.request, answer) is not None:
            return False
        latest = refusal.time + timedelta(seconds=self.settings.payment_timeout + self.settings.longest_payment_time)
        if time_doubt(answer.host_time, self.memory.clock.offset, refusal.time, latest) is not None:
            return False
        self.memory.last_refusal = None
        self.alarm_after_refusal(refusal, answer)
        return True

    def alarm_after_refusal(self, refusal: Refusal, answer: PaymentResult) -> None:
        """Raise the alarm that an operation was refused, and then approved: the customer may have paid."""
        amount = answer.amount if answer.amount is not None else getattr(refusal.request, "amount", None)
        values = {"told": refusal.told.replace(" ", "_"), "amount": amount, "stan": stan_of(answer)}
        row = Row(
            name="approved_after_refusal",
            time=self.host.clock(),
            reference=refusal.reference,
            terminal=self.settings.name,
            data={"stan": answer.stan, "amount": amount, "told": refusal.told},
        )
        self.host.write([row], durable=False)
        self.host.alarm("approved_after_refusal", Evidence(Code.APPROVED_AFTER_REFUSAL, values), refusal.reference)

    def learn(self, response: Response) -> None:
        """Take what every response tells: the TID; and what `s` tells."""
        memory = self.memory
        if memory.terminal_id is None and response.terminal_id != ANY_TERMINAL:
            self.host.pin(response.terminal_id)
            memory = self.memory
        if response.terminal_id == memory.terminal_id and memory.foreign_terminal_id is not None:
            memory.foreign_terminal_id = None
            back = fact_row(self.settings.name, "terminal_id_back", memory.identity, self.host.clock(), terminal_id=response.terminal_id)
            self.host.write([back], durable=False)
        if isinstance(response, StatusResponse):
            memory.nameless = response.terminal_id == ANY_TERMINAL
            if memory.clock.release not in (None, response.software_release):
                memory.answers_extended, memory.takes_extended = False, None
            if response.refusing_word != memory.refusing_word:
                memory.refusing_word = response.refusing_word
                row = fact_row(self.settings.name, "refusing_word", memory.identity, self.host.clock(), word=memory.refusing_word)
                self.host.write([row], durable=False)
            memory.clock.take_status(response, self.host.clock())
            memory.status = response

    def _sink(self, events: tuple[Event, ...]) -> asyncio.Future[None] | None:
        rows: list[NewOperation | Row] = []
        durable = False
        for event in events:
            if isinstance(event, Answered):
                self.learn(event.response)
            elif isinstance(event, Stray):
                rows.append(self.stray(event, None))
                durable = durable or bool(event.message)
        return self.commit(rows, None, durable=durable)

    # --- what nobody asked for --------------------------------------------------------------------------------------------------

    def stray(self, event: Stray, work: Work | None) -> Row:
        """Tell of a message that is not the answer that was asked for, and return its record."""
        reference = work.reference if work is not None else None
        name, memory, response = self.settings.name, self.memory, event.response
        log.warning("message.stray", terminal=name, reference=reference, reason=words(event.reason))
        if response is not None and memory.is_another(response.terminal_id):
            memory.foreign_terminal_id = response.terminal_id
            values = {"terminal_id": response.terminal_id, "expected": memory.terminal_id}
            self.host.alarm("terminal_id_changed", Evidence(Code.MONEY_STOPS, values), reference)
        elif isinstance(response, PaymentResult):
            memory.see(response, event.message)
            memory.set_stale()
        if event.after_refusal and work is not None and work.request is not None and isinstance(response, PaymentResult):
            memory.last_refusal = None
            self.alarm_after_refusal(Refusal(work.reference, work.request, work.created_time), response)
        elif event.alarm:
            self.host.alarm("result_after_refusal", event.reason, reference)
        owner = reference if work is not None and work.order.journaled else None
        return stray_row(event, name, owner, memory.place, self.host.clock())

    def commit(self, rows: list[NewOperation | Row], work: Work | None, *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows, if there are any; where that fails, the alarm is raised."""
        committing = self.host.write(rows, durable=durable) if rows else None
        if committing is not None:
            committing.add_done_callback(lambda future: self._written(work, future))
        return committing

    def _written(self, work: Work | None, committing: asyncio.Future[None]) -> None:
        if not committing.cancelled() and (failure := committing.exception()) is not None:
            if work is not None:
                work.durable = False
            told = Evidence(Code.JOURNAL_FAILED, {"problem": str(failure)})
            self.host.alarm("journal_failed", told, work.reference if work is not None else None)
