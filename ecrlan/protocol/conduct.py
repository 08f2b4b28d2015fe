"""The life of one operation on a LAN terminal: look, baseline, printing, exchange, fallback; and how its events become rows.

Pure: what is to be done is yielded to the shell (`ecrlan.protocol.actions`). What follows a lost result is `ecrlan.protocol.settling`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Literal, TypeGuard

from ecrlan.errors import ConnectError, JournalError, LineError
from ecrlan.model import (
    NO_STAN,
    SHARED_FORMS,
    Code,
    Declined,
    Evidence,
    ExtendedPurchaseRequest,
    NotPerformed,
    Outcome,
    PaymentResult,
    PurchaseRequest,
    Request,
    Response,
    State,
    StatusRequest,
    StatusResponse,
    Unresolved,
    VasPart,
    evidence_of,
)
from ecrlan.model.rows import Event as Row
from ecrlan.model.rows import NewOperation
from ecrlan.protocol.actions import Clear, Commit, Conduct, Drop, Host, Open, Recheck, Release, Run, Take, Taken, Wait
from ecrlan.protocol.answers import ANSWERS
from ecrlan.protocol.clock import ClockChange
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.link import TRANSMISSIONS
from ecrlan.protocol.memory import Memory, Refusal, Standing, next_stan
from ecrlan.protocol.outcomes import outcome_of_answer, outcome_of_ending
from ecrlan.protocol.questions import MOST_STRAYS, NO_LAST_RESULT, NO_STATUS, UNSEEN_SECONDS, Questions, no_answer
from ecrlan.protocol.records import answered_row, beginning_rows, event_row, fact_row, finished_row, held_row, recovering_row, sending_row
from ecrlan.protocol.step import (
    Accepted,
    Answered,
    DataReceived,
    Ending,
    Event,
    Held,
    PartReceived,
    Progress,
    ReceiptEnded,
    ReceiptReceived,
    Refused,
    Sending,
    Stray,
)
from ecrlan.protocol.transitions import ExchangeState
from ecrlan.protocol.vas import vas_problem
from ecrlan.protocol.work import Work
from ecrlan.texts import words
from ecrlan.wire.mask import clean_text, mask_message, mask_receipt

LATE_TRUTH_SECONDS = 10.0
"""Seconds for which the line stays open after a refusal: an approval may follow it (exchange.md §5)."""
MOST_PROGRESS = 200
"""Progress texts of one operation that are kept and told: a payment shows some 24."""
TOLD_OFFSET = 600.0
"""Seconds by which host times differ from the register's clock before somebody is told."""
LATE_RECEIPT_SECONDS = 0.5
"""Seconds for which it stays open after a receipt's end: a 0x1B may have been no end (exchange.md §8)."""


class Conductor:
    """Performs one order after the other on a terminal. Its caller holds the terminal's queue."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.settings = host.settings
        self.questions = Questions(host)

    @property
    def memory(self) -> Memory:
        """What is known of the terminal; another one after its TID was accepted."""
        return self.host.memory

    def perform(self, work: Work) -> Conduct[None]:
        """Perform `work`. Afterwards it is finished, or, where its request may have been performed, recovering.

        Raises `RegisterError` where the questions before it show that money must not go there; nothing was sent then.
        """
        order = work.order
        try:
            self.questions.notice_clock()
            yield Clear(close=order.money)
            if order.money:
                problem = yield from self._prepare(work)
                if problem is None:
                    yield Recheck(order)
                else:
                    work.not_performed(Evidence(Code.NOTHING_SENT, {"cause": problem}), self.host.clock())
            if work.outcome is None:
                yield from self._exchange(work)
        except ConnectError as error:
            work.not_performed(evidence_of(error), self.host.clock())
        except LineError as error:
            if work.sent:
                self._lost(work, evidence_of(error))
            else:
                work.not_performed(Evidence(Code.LOST_BEFORE_SENDING, {"cause": evidence_of(error)}), self.host.clock())
        if work.order.journaled and not work.recorded and work.outcome is not None:
            work.recorded = True
            ended = finished_row(work, work.outcome, self.host.clock())
            yield Commit([*beginning_rows(work, self.memory.place), ended], work)

    # --- before the request -----------------------------------------------------------------------------------------------------

    def _prepare(self, work: Work) -> Conduct[Evidence | None]:
        """Learn the TID where nothing names it, and the last result where the journal's knowledge is stale; say why money must wait."""
        memory = self.memory
        if memory.must_ask:
            yield Drop()  # the question must go out on a line that was opened after a person's word
        if memory.refusing_word is not None or (memory.terminal_id is None and not memory.nameless):
            problem = yield from self._ask_status()
            if problem is not None:
                return problem
        if not self.settings.last_result_supported or self.memory.baseline_is_fresh(
            work.order.request, standalone_use=self.settings.standalone_use
        ):
            return (yield from self._ask_status()) if self.memory.must_ask else None
        exchange = yield from self.questions.ask_last_result(work.order.request)
        if self.memory.foreign_terminal_id is not None:
            return exchange.reason
        if exchange.ending is Ending.UNREADABLE:
            return Evidence(Code.LAST_RESULT_UNREADABLE, {"cause": exchange.reason})
        if exchange.ending is Ending.UNANSWERED and not exchange.acknowledged:
            return no_answer(exchange, NO_LAST_RESULT)
        return (yield from self._ask_status()) if self.memory.must_ask else None

    def _ask_status(self) -> Conduct[Evidence | None]:
        exchange = yield from self.questions.ask(StatusRequest(terminal_id=self.settings.terminal_id))
        if not isinstance(exchange.answer, StatusResponse):
            if self.memory.foreign_terminal_id is not None:
                return exchange.reason
            if exchange.ending is Ending.UNREADABLE:
                return Evidence(Code.STATUS_UNREADABLE, {"cause": exchange.reason})
            return no_answer(exchange, NO_STATUS)
        word = exchange.answer.refusing_word
        return None if word is None else Evidence(Code.TERMINAL_IS, {"word": word})

    # --- the request ------------------------------------------------------------------------------------------------------------

    def _exchange(self, work: Work) -> Conduct[None]:
        request = self._request(work)
        run = yield from self._run(work, request)
        if run is None:
            work.not_performed(Evidence(Code.NOTHING_SENT, {"cause": Evidence(Code.PRINTING_REFUSED)}), self.host.clock())
            return
        exchange = run.exchange
        if exchange.held_open:
            yield from self._ask_whether_idle(work, run)
        if exchange.refused_at_work and work.order.money:
            self._lost(work, Evidence(Code.WORKED_AFTER_REFUSAL))
            return
        if exchange.ending is Ending.REFUSED and exchange.naks == TRANSMISSIONS and self._may_fall_back(request):
            status = yield from self.questions.ask_status()
            if exchange.refused_at_work or (status is not None and (status.strays or status.progressed)):
                self.host.alarm("result_after_refusal", Evidence(Code.RESULT_OF_REFUSED), work.reference)
                self._lost(work, Evidence(Code.MORE_THAN_STATUS))
                return
            if status is not None and isinstance(status.answer, StatusResponse) and status.answer.operative:
                plain = _as_plain_purchase(request)
                again = yield from self._fall_back(work, plain)
                if again is not None:
                    exchange, request = again.exchange, plain
        yield from self._conclude(work, request, exchange)

    def _request(self, work: Work) -> Request:
        request = work.order.request
        if isinstance(request, ExtendedPurchaseRequest):
            plain = self.settings.purchase_code == "P" or (self.settings.purchase_code == "auto" and self.memory.takes_extended is False)
            return _as_plain_purchase(request) if plain else request
        return request

    def _may_fall_back(self, request: Request) -> TypeGuard[ExtendedPurchaseRequest]:
        """Tell whether a refused `X` may mean that the terminal does not know it (exchange.md §4)."""
        return isinstance(request, ExtendedPurchaseRequest) and self.settings.purchase_code == "auto" and not self.memory.takes_extended

    def _fall_back(self, work: Work, plain: Request) -> Conduct[Run | None]:
        """Send `P` in place of a refused `X`; None where it could not be sent: then the refusal is what became of the operation."""
        try:
            return (yield from self._run(work, plain))
        except (LineError, JournalError) as error:  # nothing of `P` was sent
            self.host.log("operation.no_fallback", terminal=work.terminal, reference=work.reference, reason=str(error))
            return None

    def _ask_whether_idle(self, work: Work, run: Run) -> Conduct[None]:
        """Take a held refusal once the terminal says, on new lines, that no payment is running; its own line is lost (exchange.md §3)."""
        exchange = run.exchange
        held = exchange.held
        while held is not None and work.outcome is None and exchange.held_open:
            if held.ask_at >= exchange.deadline:
                return
            yield Wait(held.ask_at)
            held.ask(max(self.host.monotonic(), held.ask_at))
            status = yield from self.questions.ask_status()
            if status is None or status.strays or status.ending not in (Ending.ANSWERED, Ending.UNREADABLE):
                continue
            if (yield from self._has_new_approval(work)):
                return
            yield Take(run, exchange.take_held().events)

    def _has_new_approval(self, work: Work) -> Conduct[bool]:
        """Tell whether the last result is an approval that nobody knows: then a refusal that came on a lost line is not believed."""
        if not self.settings.last_result_supported:
            return False
        judge = self.memory.judge_of_now()
        try:
            exchange = yield from self.questions.ask_last_result(work.order.request)
        except LineError:
            return True
        answer = exchange.answer
        if not isinstance(answer, PaymentResult) or not answer.approved:
            return False
        return judge(answer, exchange.answer_message, self.host.clock()) is not Standing.SEEN

    def _run(self, work: Work, request: Request) -> Conduct[Run | None]:
        prints = self.settings.print_on_register and request.receipt_on_register
        if prints and not (yield from self.questions.enable_printing()):
            return None
        yield Open(for_money=True)
        memory = self.memory
        exchange = self._make(request, work, expects_receipt=prints)
        work.request = request
        work.acknowledged = work.progressed = work.refused = False
        work.baseline, work.baseline_message = memory.baseline, memory.baseline_message
        work.identity, work.previous_stan = memory.identity, memory.previous_stan()
        work.unseen_stans, work.clock = memory.unseen_stans, memory.clock.offset
        before = work.recorded, work.sent, memory.unseen_stans
        if request.may_save_result:
            memory.set_stale()
        run = Run(exchange, lambda events: self._taken(work, exchange, events), lambda: self._left(work, exchange), work)
        try:
            yield run
        except JournalError:
            work.recorded, work.sent, memory.unseen_stans = before
            memory.unseen_operations.discard(work.reference)
            raise
        return run

    def _left(self, work: Work, exchange: Exchange) -> Release:
        self.questions.after(exchange)
        if exchange.ending is Ending.REFUSED and work.sent and exchange.request.code in ANSWERS:
            self.memory.unseen_stans -= 1
            refusal = Refusal(work.reference, exchange.request, work.sent_time or self.host.clock(), "not performed")
            self.memory.last_refusal = self.memory.last_refusal or refusal
        lost = exchange.ending in (Ending.UNANSWERED, Ending.UNREADABLE)
        if lost and exchange.request.answers & SHARED_FORMS:
            self.memory.unseen = work.reference, self.host.monotonic()
        answer = exchange.answer
        if isinstance(answer, PaymentResult) and exchange.request.code in ANSWERS:
            if answer.approved:
                self.memory.lost = None
            return LATE_RECEIPT_SECONDS if answer.approved else LATE_TRUTH_SECONDS
        return "keep" if lost and work.order.money else "end"

    def _make(self, request: Request, work: Work, *, expects_receipt: bool) -> Exchange:
        memory = self.memory

        def belongs(response: Response) -> Evidence | None:
            if not isinstance(response, VasPart):
                return None
            if "ORDER_ID" in response.xml and memory.knows_vas(response.xml):
                return Evidence(Code.KNOWN_VAS)
            return vas_problem(request, response)

        longest = max(UNSEEN_SECONDS, self.settings.longest_payment_time)
        still_unseen = self.host.monotonic() - memory.lost_at < longest
        rules = self.questions.rules(
            accept_short=not memory.answers_extended and memory.unseen is None,
            lost_before=memory.lost if still_unseen else None,
            belongs=belongs,
        )
        return Exchange(
            request,
            self.settings.timing(request),
            rules,
            reading=self.settings.lrc,
            additional=work.order.additional,
            expects_receipt=expects_receipt,
        )

    def _conclude(self, work: Work, request: Request, exchange: Exchange) -> Conduct[None]:
        self.memory.learn_purchase_code(request, acknowledged=exchange.acknowledged)
        if isinstance(exchange.answer, PaymentResult) and exchange.ending is Ending.ANSWERED:
            return
        reason = exchange.reason
        outcome = outcome_of_ending(work.order.kind, request, exchange, reason)
        if isinstance(outcome, Unresolved) and exchange.answer is None:
            self._lost(work, reason)
            return
        if work.outcome is None:
            work.settle(outcome, self.host.clock())
            if work.recorded:
                yield Commit([finished_row(work, outcome, self.host.clock())], work, durable=work.order.money)

    def _lost(self, work: Work, reason: Evidence) -> None:
        work.state = State.RECOVERING
        work.ended_at = self.host.monotonic()
        work.evidence = reason
        self.memory.set_stale()
        self.host.note([recovering_row(work, reason, self.host.clock())])
        self.host.log("operation.lost", terminal=work.terminal, reference=work.reference, reason=words(reason))
        self.host.publish(work)

    # --- what happens on the line -----------------------------------------------------------------------------------------------

    def _taken(self, work: Work, exchange: Exchange, events: tuple[Event, ...]) -> Taken:
        rows: list[NewOperation | Row] = []
        durable = False
        before = work.state
        for event in events:
            durable = self._take(work, exchange, event, rows) or durable
        if not work.order.journaled:  # a look: only what is not about it is worth a record
            rows = [row for row in rows if row.reference is None]
        answered = [event for event in events if isinstance(event, Answered)]
        # its own outcome is told by whoever performs it
        publish = any(event.late for event in answered) or (work.outcome is None and work.state is not before)
        return Taken(rows, durable, answered=bool(answered), publish=publish)

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
            case Refused(code=code, transmission=transmission) if code != "U":
                work.refused = True
                rows.append(event_row(work, "refused", now, transmission=transmission))
            case Progress() if work.progress_kept >= MOST_PROGRESS:
                pass
            case Progress(text=text):
                work.progressed = True
                work.progress_kept += 1
                shown = clean_text(text)
                rows.append(event_row(work, "progress", now, text=shown))
                self.host.progressed(work, shown)
            case Answered():
                self._answered(work, exchange, event, rows)
                return work.order.money
            case Held(response=response, message=message):
                rows.append(held_row(work, response, message, now))
                return True
            case PartReceived(message=message):
                rows.append(event_row(work, "part", now, message=mask_message(message).hex()))
                return work.order.money
            case ReceiptReceived(text=text):
                self._add_to_receipt(work, exchange, text, rows)
            case ReceiptEnded():
                self._keep_receipt(work, rows)
            case DataReceived(data=data):
                work.data = clean_text(data)
                rows.append(event_row(work, "data", now, data=work.data))
            case Stray(message=b"") if work.strays >= MOST_STRAYS:
                pass
            case Stray():
                work.strays += 1
                work.doubt = event.reason if event.doubted else work.doubt
                rows.append(self.questions.stray(event, work))
                return bool(event.message)  # somebody's result: on disk before its ACK
            case _:
                pass
        return False

    def _sending(self, work: Work, code: str, message: bytes, transmission: int, rows: list[NewOperation | Row]) -> bool:
        now = self.host.clock()
        if not work.recorded:
            rows += beginning_rows(work, self.memory.place)
            work.recorded = work.order.journaled
        rows.append(sending_row(work, code, message, work.baseline_message, transmission, now))
        work.sent = True
        work.sent_time = work.sent_time or now
        work.sent_at = self.host.monotonic() if work.sent_at is None else work.sent_at
        if code in ANSWERS:
            self.memory.unseen_operations.add(work.reference)
            self.memory.unseen_stans += transmission == 1
        if work.outcome is None and work.state is not State.SENDING:
            work.state = State.SENDING
        return transmission == 1 and work.order.money

    def _answered(self, work: Work, exchange: Exchange, event: Answered, rows: list[NewOperation | Row]) -> None:
        now = self.host.clock()
        work.answered = True
        self.questions.learn(event.response)
        outcome = outcome_of_answer(work.order.kind, exchange.request, event.response)
        if isinstance(event.response, PaymentResult) and exchange.request.code == "G":
            self.questions.take_last_result(event.response, event.message)
        elif isinstance(event.response, PaymentResult):
            rows += self._learn_result(work, exchange.request, event.response, event)
        rows.append(answered_row(work, event.response, event.message, self.memory.identity, now, late=event.late))
        if isinstance(event.response, VasPart) and "ORDER_ID" in event.response.xml:
            self.memory.remember_vas(event.response.xml)
        if work.being_settled:
            told = Evidence(Code.RESULT_WHILE_SETTLED, {"outcome": outcome.outcome})
            self.host.alarm("result_after_refusal", told, work.reference)
            return
        if not work.open:
            self._compare(work, exchange.request, event.response, outcome)
        rows.append(finished_row(work, outcome, now))
        if event.after_nak:
            self.host.alarm("result_after_refusal", Evidence(Code.RESULT_OF_REFUSED), work.reference)
        work.settle(outcome, now)

    def _compare(self, work: Work, request: Request, response: Response, outcome: Outcome) -> None:
        """Raise the alarm where its own result says otherwise than the outcome that a person, or the last result, had given it."""
        known = work.outcome
        nothing_charged = isinstance(known, Declined | NotPerformed)
        if known is None or type(known) is type(outcome) or (nothing_charged and isinstance(outcome, Declined)):
            return
        if isinstance(response, PaymentResult) and response.approved and nothing_charged:
            told: Literal["declined", "not performed"] = "declined" if isinstance(known, Declined) else "not performed"
            self.questions.alarm_after_refusal(Refusal(work.reference, request, work.sent_time or work.created_time, told), response)
        else:
            values = {"outcome": outcome.outcome, "told": known.outcome}
            self.host.alarm("result_after_refusal", Evidence(Code.RESULT_AFTER_OUTCOME, values), work.reference)

    def _learn_result(self, work: Work, request: Request, result: PaymentResult, event: Answered) -> list[Row]:
        """Take what the result of an operation tells of its terminal; return the facts that are worth a record."""
        memory, now = self.memory, self.host.clock()
        rows: list[Row] = []

        def note(name: str, **data: Any) -> None:  # noqa: ANN401  # JSON values
            rows.append(fact_row(self.settings.name, name, memory.identity, now, **data))

        previous = memory.previous_stan()
        if memory.remember(result, event.message, is_saved=request.code != "H"):
            note("stans_anew", stan=result.stan, last=previous)
        elif previous is not None and not self.settings.standalone_use and result.stan not in (NO_STAN, previous, next_stan(previous)):
            note("stan_gap", stan=result.stan, last=previous)
        memory.forget_unseen(work.reference)
        memory.last_refusal = None if result.approved else Refusal(work.reference, request, work.sent_time or now)
        if request.code == "X" and result.length == 92 and not memory.answers_extended:
            memory.answers_extended = True
            fact = fact_row(self.settings.name, "answers_extended", memory.identity, now, release=memory.clock.release)
            rows.append(fact)  # nothing that anybody need be told in the log
        if result.approved and not event.late:
            self._learn_clock(result, note)
        return rows

    def _learn_clock(self, result: PaymentResult, note: Callable[..., None]) -> None:
        clock = self.memory.clock
        match clock.take_result(result.host_time, self.host.clock()):
            case ClockChange.LEARNED if clock.learned is not None:
                note("clock", offset=round(clock.learned), release=clock.release)
                if abs(clock.learned) > TOLD_OFFSET:
                    self.host.alarm("host_time_wrong", Evidence(Code.HOST_TIMES_WRONG, {"seconds": round(clock.learned)}), None)
            case ClockChange.CONTRADICTED:
                note("clock", offset=None, release=clock.release)
            case _:
                pass

    def _add_to_receipt(self, work: Work, exchange: Exchange, text: bytes, rows: list[NewOperation | Row]) -> None:
        """Take a part. Where no other is due the receipt is kept: it is whole, or its 0x1B was no end, or nobody had asked for it."""
        work.receipt += text
        if exchange.state is not ExchangeState.RECEIVING_RECEIPT:
            self._keep_receipt(work, rows)

    def _keep_receipt(self, work: Work, rows: list[NewOperation | Row]) -> None:
        """Mask what came of the receipt, and record what of it is not yet: no card number stays in memory either."""
        masked = mask_receipt(work.receipt)
        text = masked.text[work.receipt_kept :]
        work.receipt, work.receipt_kept = masked.text, len(masked.text)
        if text:
            rows.append(event_row(work, "receipt", self.host.clock(), text=text.hex(), cut=masked.cuts))


def _as_plain_purchase(request: ExtendedPurchaseRequest) -> PurchaseRequest:
    return PurchaseRequest(**{each.name: getattr(request, each.name) for each in fields(PurchaseRequest)})
