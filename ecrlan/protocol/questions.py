"""What is asked of a terminal before and after operations: `s`, `G` and `E`; what answers tell of it; what comes that nobody asked for.

Pure: its exchanges are actions for the shell (`ecrlan.protocol.actions`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from ecrlan.errors import LineError
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
from ecrlan.model.rows import Event as Row
from ecrlan.model.rows import NewOperation
from ecrlan.protocol.actions import Conduct, Drop, Host, Open, Release, Run, Taken
from ecrlan.protocol.answers import ANSWERS, amount_problem
from ecrlan.protocol.clock import time_doubt
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.live import LiveRules, stan_of
from ecrlan.protocol.memory import Memory, Refusal, Standing
from ecrlan.protocol.records import fact_row, stray_row
from ecrlan.protocol.step import Answered, Ending, Event, Stray
from ecrlan.protocol.work import Work
from ecrlan.texts import words

SET_CLOCK_SECONDS = 30.0
"""Seconds by which the register's clock must jump to count as set."""
UNSEEN_SECONDS = 600.0
"""Seconds after its line's end, at least, for which a lost result may still come on another line: twice the longest payment."""
NO_STATUS = (Code.STATUS_REFUSED, Code.STATUS_ONLY_ACKED, Code.STATUS_NOT_FOUND, Code.STATUS_SILENT)
NO_LAST_RESULT = (Code.LAST_RESULT_REFUSED, Code.LAST_RESULT_ONLY_ACKED, Code.LAST_RESULT_NOT_FOUND, Code.LAST_RESULT_SILENT)
"""What is said where `s`, and `G`, were not answered: the codes that `no_answer` chooses from."""

MOST_STRAYS = 50
"""Messages that are not its answer, and no results, that are kept of one question, and of one operation."""


class Questions:
    """Exchanges that belong to no operation. Its caller holds the terminal's queue."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.settings = host.settings
        self._clock_ahead: float | None = None

    @property
    def memory(self) -> Memory:
        """What is known of the terminal; another one after its TID was accepted."""
        return self.host.memory

    def notice_clock(self) -> None:
        """Notice that the register's clock was set, by comparing it with the time that only goes on."""
        ahead = self.host.clock().timestamp() - self.host.monotonic()
        if self._clock_ahead is not None and abs(ahead - self._clock_ahead) > SET_CLOCK_SECONDS:
            self.host.log("register.clock_set", seconds=round(ahead - self._clock_ahead))
            self.memory.clock.move(ahead - self._clock_ahead)
        self._clock_ahead = ahead

    # --- asking -----------------------------------------------------------------------------------------------------------------

    def ask(self, request: Request, *, linger: bool = False) -> Conduct[Exchange]:
        """Perform an exchange of our own (`s`, `G`). Raises `LineError`. `linger`: leave the line open, a late result may still come."""
        yield Open()
        exchange = Exchange(request, self.settings.timing(request), self.rules(), reading=self.settings.lrc)
        yield self.running(exchange, "keep" if linger else "end")
        if exchange.ending is Ending.ANSWERED:
            self._answered(self.host.monotonic())
        return exchange

    def running(self, exchange: Exchange, release: Release) -> Run:
        """Return the action that performs an exchange of our own."""

        def left() -> Release:
            self.after(exchange)
            return release

        return Run(exchange, partial(self._take, exchange), left)

    def ask_status(self) -> Conduct[Exchange | None]:
        """Ask `s`; None where there is no line."""
        try:
            return (yield from self.ask(StatusRequest(terminal_id=self.settings.terminal_id)))
        except LineError:
            return None

    def ask_last_result(self, request: Request, *, linger: bool = False) -> Conduct[Exchange]:
        """Ask `G`; an answer becomes the baseline. Raises `LineError`."""
        number = getattr(request, "cash_register_id", "00000001")
        question = LastResultRequest(terminal_id=self.settings.terminal_id, cash_register_id=number)
        exchange = yield from self.ask(question, linger=linger)
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

    def enable_printing(self) -> Conduct[bool]:
        """Have receipts sent to the register, on a line that the next exchange may use; False where the terminal did not take that.

        A terminal may close right after its ACK of `E`; and a line on which a frame was repeated carries no money request.
        """
        yield Open(for_money=True)
        request = PrintingRequest(terminal_id=self.settings.terminal_id, enabled=self.settings.printing_mode)
        exchange = Exchange(request, self.settings.timing(request), self.rules(), reading=self.settings.lrc)

        def left() -> Release:
            if exchange.ending is Ending.ACKNOWLEDGED:
                return "keep"
            self.after(exchange)
            return "end"

        yield Run(exchange, partial(self._take, exchange), left)
        if exchange.ending is not Ending.ACKNOWLEDGED:
            return False
        if not exchange.clean:
            yield Drop()
        return True

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

    def after(self, exchange: Exchange) -> None:
        """Note how an exchange left the terminal."""
        if exchange.reason.code is Code.OTHER_LRC:
            self.host.log("terminal.other_lrc", terminal=self.settings.name, reading=exchange.reason.values["reading"], setting="lrc")
        lost = exchange.ending in (Ending.UNANSWERED, Ending.UNREADABLE)
        if exchange.acknowledged and not lost:
            self.memory.unanswered = False
        elif lost:
            self.memory.unanswered = True

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
        self.host.note([fact_row(self.settings.name, "hand_use", memory.identity, self.host.clock(), **data)])
        if self.settings.standalone_use:
            self.host.log("terminal.hand_use", level="info", terminal=self.settings.name, stan=answer.stan)
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
        self.host.note([row])
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
            self.host.note([back])
        if isinstance(response, StatusResponse):
            memory.nameless = response.terminal_id == ANY_TERMINAL
            if memory.clock.release not in (None, response.software_release):
                memory.answers_extended, memory.takes_extended = False, None
            if response.refusing_word != memory.refusing_word:
                memory.refusing_word = response.refusing_word
                row = fact_row(self.settings.name, "refusing_word", memory.identity, self.host.clock(), word=memory.refusing_word)
                self.host.note([row])
            memory.clock.take_status(response, self.host.clock())
            memory.status = response

    def _take(self, exchange: Exchange, events: tuple[Event, ...]) -> Taken:
        rows: list[NewOperation | Row] = []
        durable = False
        for event in events:
            if isinstance(event, Answered):
                self.learn(event.response)
            elif isinstance(event, Stray) and (event.message or exchange.strays <= MOST_STRAYS or self._is_first_of_another(event)):
                rows.append(self.stray(event, None))
                durable = durable or bool(event.message)
        return Taken(rows, durable)

    def _is_first_of_another(self, event: Stray) -> bool:
        """Tell whether a message shows that another terminal answers, and nobody knew: that is noted however much came before."""
        memory, response = self.memory, event.response
        return response is not None and memory.foreign_terminal_id is None and memory.is_another(response.terminal_id)

    # --- what nobody asked for --------------------------------------------------------------------------------------------------

    def stray(self, event: Stray, work: Work | None) -> Row:
        """Tell of a message that is not the answer that was asked for, and return its record."""
        reference = work.reference if work is not None else None
        name, memory, response = self.settings.name, self.memory, event.response
        self.host.log("message.stray", terminal=name, reference=reference, reason=words(event.reason))
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


def no_answer(exchange: Exchange, codes: tuple[Code, Code, Code, Code]) -> Evidence:
    """Say what came in place of an answer, by the `codes` for a NAK, an ACK alone, something else, and nothing at all."""
    refused, only_acked, not_found, silent = codes
    if exchange.reason.code is Code.OTHER_LRC:
        return exchange.reason
    if exchange.ending is Ending.REFUSED:
        return Evidence(refused)
    if exchange.acknowledged:
        return Evidence(only_acked)
    came = exchange.bad_frames or exchange.strays or exchange.unexplained or exchange.progressed or exchange.naks
    return Evidence(not_found if came else silent)
