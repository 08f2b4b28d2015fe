"""One request until its answer: delivery, progress, result, receipt, host data, deadlines (exchange.md §3 and §4).

A pure automaton. Its shell feeds it `start`, `written`, `frame`, `wake` and `lost`, each with `now` in monotonic seconds, and carries out
the `Step` it returns.
"""

from __future__ import annotations

from dataclasses import replace

from ecrlan.errors import MalformedMessageError
from ecrlan.model import (
    ANY_TERMINAL,
    RESULT_CODES,
    AdditionalDataRequest,
    AdditionalDataResponse,
    Code,
    Evidence,
    PaymentResult,
    PrintingRequest,
    ReceiptPart,
    ReprintRequest,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
    VasPart,
)
from ecrlan.model.evidence import problem_of
from ecrlan.protocol.answers import amount_problem, may_answer
from ecrlan.protocol.delivery import Delivery
from ecrlan.protocol.held import HeldRefusal
from ecrlan.protocol.identity import seen_key
from ecrlan.protocol.live import Finding, LiveRules
from ecrlan.protocol.parts import LONGEST_RECEIPT, Addition, ReceiptParts, VasParts
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
    Sending,
    Step,
    Stray,
    Timing,
)
from ecrlan.protocol.transitions import OPEN_STATES, ExchangeInput, ExchangeState
from ecrlan.wire.codec import build_request, parse_response
from ecrlan.wire.frames import AckFrame, ApplicationFrame, Frame, NakFrame, NoiseFrame, ProgressFrame, build_ack, build_frame
from ecrlan.wire.lrc import LrcReading

ANY_RESULT = RESULT_CODES | {"C", "K"}
"""Codes of the messages that tell what became of a request that moves money."""
SOONEST_APPROVAL = 2.0
"""Seconds from the ACK to an approval that a person with a card needs at least."""


class Exchange(Delivery):
    """One request and everything that belongs to it.

    `rules` say which response is the answer; without a TID of its own they take the request's. `additional` is the `U` that follows the
    request's ACK; `expects_receipt`: printing on the register was enabled.
    """

    def __init__(
        self,
        request: Request,
        timing: Timing,
        rules: LiveRules = LiveRules(),  # noqa: B008  # frozen
        *,
        reading: LrcReading = LrcReading.STANDARD,
        additional: AdditionalDataRequest | None = None,
        expects_receipt: bool = False,
        extend_on_progress: bool = True,
    ) -> None:
        super().__init__(request, timing, reading=reading, additional=additional)
        self.answer_message = b""
        self.strays = 0
        """How many messages came that are not its answer; an answer that cannot be read is none of them."""
        self.progressed = False
        """Whether the terminal showed progress: a payment is running on it."""
        self.refused_at_work = False
        """Whether the request was refused for good, and yet an ACK, progress or a result followed: it may have been performed."""
        named = request.terminal_id if request.terminal_id != ANY_TERMINAL else None
        self._rules = rules if rules.terminal_id else replace(rules, terminal_id=named)
        self._data_due = additional is not None and additional.iso_field != "00"
        self._receipt_due = expects_receipt
        self._extend_on_progress = extend_on_progress
        self._receipt = ReceiptParts()
        self._lost_held = self._held_spoiled = False
        """Whether the line was lost while a refusal was held; whether a result came that is not believed: then neither is the refusal."""
        self._unread: Evidence | None = None
        """An answer that cannot be read, and came before the request's ACK."""
        self._turned_down: set[str] = set()
        """Approvals that came and were not believed: nor are they when they are repeated."""
        self._vas = VasParts()

    # --- what the shell tells ---------------------------------------------------------------------------------------------------

    def frame(self, frame: Frame, now: float) -> Step:
        """Take a frame from the terminal. Frames count after the end too: a late result belongs to this exchange."""
        if isinstance(frame, NoiseFrame) or not frame.ok:
            return self._bad(frame)
        self._bad_stretches.good_frame()
        self._other_reading = ""
        if isinstance(frame, AckFrame | NakFrame) and not self._written:
            return self._step([], [])  # it came before our request left: it is not about it
        if isinstance(frame, AckFrame):
            return self._acknowledged(now)
        if isinstance(frame, NakFrame):
            return self._refused(now)
        if isinstance(frame, ProgressFrame):
            return self._progress(frame.text, now)
        return self._message(frame, now)

    def wake(self, now: float) -> Step:
        """Tell that `now` is here; early and repeated calls do nothing."""
        if self.state is ExchangeState.ENDED or self.state is ExchangeState.IDLE:
            return Step()
        if now >= self.deadline:
            return self._time_over()
        if self.state is ExchangeState.HELD:
            return self._ask_held(now)
        if self.state is ExchangeState.REQUESTING:
            if self._link.pausing_after_nak and self.unexplained and not self._link.repeatable:
                # a line that met an unexplained answer carries no money request (exchange.md §3)
                return self._end(ExchangeInput.NOT_TAKEN, self._naks(Code.REFUSED), [])
            if self._link.wake(now):
                return self._step([Sending(self.request.code, self._frame, self._link.transmissions)], [self._frame])
            if self._link.unheard:
                return self._unheard()
        elif self.state is ExchangeState.ADDING:
            if self._adding.wake(now):
                return self._add()
            if self._adding.unheard:
                self._take(ExchangeInput.ADDED)
        return self._step([], [])

    def lost(self, now: float) -> Step:
        """Tell that the line is gone (end of file, reset, closed by us)."""
        del now
        if self.state is ExchangeState.ENDED:
            return Step()
        self._lost_held = self.state is ExchangeState.HELD
        if self.state is ExchangeState.REQUESTING and not self._written:
            return self._end(ExchangeInput.NOT_TAKEN, Evidence(Code.LINE_LOST_UNWRITTEN), [])
        if self.state is ExchangeState.REQUESTING and self._link.pausing_after_nak:
            return self._end(ExchangeInput.NOT_TAKEN, self._naks(Code.REFUSED_THEN_LOST), [])
        return self._end(ExchangeInput.LINE_LOST, self._unread_frames() or Evidence(Code.LINE_LOST), self._receipt_over(complete=False))

    def take_held(self) -> Step:
        """Take the held refusal for the answer, after the line is gone: the terminal answered `s` on another one."""
        if not self.held_open or self.held is None:
            return Step()
        self.answer, self.answer_message = self.held.response, self.held.message
        self.ending, self.reason = Ending.ANSWERED, Evidence(Code.ANSWERED)
        return Step((Answered(self.answer, self.answer_message),))

    @property
    def held_open(self) -> bool:
        """Whether all that came is the refusal that is held, on a line that is gone: it may still be taken (`take_held`)."""
        return self._lost_held and self.acknowledged and self.answer is None and not self._held_spoiled

    @property
    def clean(self) -> bool:
        """Whether question and answer met without a doubt: nothing repeated, nothing strange, so that nothing late can follow."""
        met = self.ending in (Ending.ANSWERED, Ending.ACKNOWLEDGED)
        once = self._link.transmissions == 1 and self._adding.transmissions <= 1 and (self.held is None or self.held.asked <= 1)
        return met and self.acknowledged and once and self.strays == self.unexplained == 0

    # --- frames -----------------------------------------------------------------------------------------------------------------

    def _acknowledged(self, now: float) -> Step:
        if self.state is ExchangeState.ADDING:
            self._take(ExchangeInput.ADDED)
            return self._step([Accepted("U")], [])
        if not self._link.ack():
            self.refused_at_work = self.refused_at_work or self.ending is Ending.REFUSED
            if not (self.held is not None and self.held.asking):
                self.unexplained += 1
            return self._step([], [])
        self._acknowledged_at = now
        events: list[Event] = [Accepted(self.request.code)]
        if self.state not in (ExchangeState.REQUESTING, ExchangeState.AWAITING_RESULT):
            return self._step(events, [])
        if isinstance(self.request, PrintingRequest | ReprintRequest):
            to_ecr = isinstance(self.request, ReprintRequest) and self.request.to_ecr
            if not to_ecr:
                return self._end(ExchangeInput.TAKEN_END, Evidence(Code.ACKNOWLEDGED), events)
            self._take(ExchangeInput.TAKEN_RECEIPT)
            self._receipt_due = True
            self.deadline = now + self.timing.receipt
            if self._receipt.text:
                events.append(ReceiptReceived(self._receipt.text))
            return self._receipt_progress(events, [])
        if self._additional is not None:
            self._take(ExchangeInput.TAKEN_ADD)
            self._adding.start()
            step = self._add()
            return Step((*events, *step.events), step.send, step.wake_at)
        self._take(ExchangeInput.TAKEN)
        return self._step(events, [])

    def _progress(self, text: str, now: float) -> Step:
        self.progressed = True
        if self.state not in OPEN_STATES:
            self.refused_at_work = self.refused_at_work or self.ending is Ending.REFUSED
            return self._step([], [])
        self._sign_of_life()
        if self.held is not None:
            self.held.busy(now)
        if self._extend_on_progress:
            self.deadline = max(self.deadline, min(now + self.timing.result, self._total_deadline))
        return self._step([Progress(text)], [])

    def _message(self, frame: ApplicationFrame, now: float) -> Step:
        message = frame.message
        try:
            response = parse_response(message, tolerate_lengths=self._rules.tolerate_lengths, answers=self.request.code)
        except MalformedMessageError as error:
            return self._unreadable(error, message, now)
        if not self._rules.is_of_terminal(response.terminal_id):
            return self._of_another(response, message)
        if isinstance(response, ReceiptPart):
            return self._receipt_part(response, now)
        if isinstance(response, AdditionalDataResponse):
            return self._host_data(response, message)
        if self.answer is not None:
            if message == self.answer_message:
                return self._step([], [build_ack(self._reading)])
            if not isinstance(response, VasPart):
                return self._after_answer(response, message)
        if isinstance(response, StatusResponse) and self.state is ExchangeState.HELD:
            return self._status_of_held(now, response, message)
        return self._judge(response, message, now)

    def _of_another(self, response: Response, message: bytes) -> Step:
        """Take a message of another TID: of a question it is the answer all the same, and no payment's result is believed."""
        told = {"terminal_id": response.terminal_id, "expected": self._rules.terminal_id}
        if not (self.open and self._written and self._link.repeatable and may_answer(self.request, response.code)):
            return self._stray(Evidence(Code.STRANGE_TERMINAL_ID, told), response, message)
        self.strays += 1
        reason = Evidence(Code.OTHER_TERMINAL_ID, told)
        stray = Stray(reason, response, message=message if response.code in ANY_RESULT else b"")
        return self._end(ExchangeInput.NOT_READ, reason, [stray], [build_ack(self._reading)])

    def _unreadable(self, error: MalformedMessageError, message: bytes, now: float) -> Step:
        """Take an answer that cannot be read: it is told as that, never as silence (messages.md)."""
        code = message[9:10].decode("latin-1")
        ours = self._rules.is_of_terminal(message[:8].decode("latin-1")) and self._written and self.answer is None
        if self.state is ExchangeState.HELD and code == "s" and ours:
            return self._status_of_held(now, None, message)
        told = {"letter": code, "length": error.length, "problem": problem_of(error)}
        malformed = Evidence(Code.MALFORMED, told)
        due = self.acknowledged or self._link.repeatable
        if not (self.open and ours and due and may_answer(self.request, code)):
            self._unread = Evidence(Code.UNREADABLE, told) if ours else self._unread
            return self._stray(malformed, None, message)
        reason = Evidence(Code.UNREADABLE, told)
        stray = Stray(malformed, message=message if code in ANY_RESULT else b"")
        return self._end(ExchangeInput.NOT_READ, reason, [stray], [build_ack(self._reading)])

    def _after_answer(self, response: Response, message: bytes) -> Step:
        """Take another result after the result. An approval after a refusal says that the customer may have paid (exchange.md §5)."""
        if not isinstance(response, PaymentResult) or self._rules.was_seen(response, message):
            return self._stray(Evidence(Code.ANOTHER_RESULT), response, message)
        refused = isinstance(self.answer, PaymentResult) and not self.answer.approved
        after_refusal = refused and response.approved and amount_problem(self.request, response) is None
        return self._stray(Evidence(Code.ANOTHER_RESULT), response, message, alarm=True, after_refusal=after_refusal)

    def _judge(self, response: Response, message: bytes, now: float) -> Step:
        """Tell whether a response is this request's answer, and take it if it is."""
        if isinstance(response, PaymentResult) and seen_key(response, message) in self._turned_down:
            return self._stray(Evidence(Code.NOT_BELIEVED_BEFORE), response, message, older=True)
        soon = now < self._acknowledged_at + SOONEST_APPROVAL
        finding, reason = self._rules.judge(
            self.request, response, message, acknowledged=self.acknowledged, written=self._written, soon=soon
        )
        if isinstance(response, PaymentResult) and response.approved and finding is not Finding.ANSWER:
            self._turned_down.add(seen_key(response, message))
        match finding:
            case Finding.ANSWER if isinstance(response, VasPart):
                return self._vas_part(response, message, now)
            case Finding.ANSWER:
                return self._take_answer(response, message, now)
            case Finding.HOLD if isinstance(response, PaymentResult) and self.open:
                return self._hold(response, message, now)
            case Finding.DOUBTFUL:
                self.strays += 1
                stray = Stray(reason, response, doubted=True, message=message)
                if not self.open:
                    return self._step([stray], [build_ack(self._reading)])
                return self._end(ExchangeInput.DOUBTED, reason, [stray], [build_ack(self._reading)])
            case _:
                out_of_series = finding is Finding.OUT_OF_SERIES
                return self._stray(reason, response, message, older=finding is Finding.OLDER, out_of_series=out_of_series)

    # --- a refusal that equals an earlier one -------------------------------------------------------------------------------------

    def _hold(self, response: PaymentResult, message: bytes, now: float) -> Step:
        if self.held is not None:
            if message == self.held.message:
                return self._step([], [build_ack(self._reading)])
            return self._stray(Evidence(Code.ANOTHER_EQUAL_REFUSAL), response, message, older=True)
        self.held = HeldRefusal(response, message, now)
        self._take(ExchangeInput.HELD_BACK)
        return self._step([Held(response, message)], [build_ack(self._reading)])

    def _ask_held(self, now: float) -> Step:
        """Ask `s`, but only once the request was ACKed: without its ACK the refusal is never taken."""
        if self.held is None or not self.acknowledged or not self.held.ask(now):
            return self._step([], [])
        return self._step([], [build_frame(build_request(StatusRequest(terminal_id=self.request.terminal_id)), self._reading)])

    def _status_of_held(self, now: float, response: Response | None, message: bytes) -> Step:
        """Take an answer to `s`: no payment is running, so the held refusal is this request's own."""
        if self._held_spoiled:
            return self._step([], [build_ack(self._reading)])
        if self.held is None or not self.held.asking:
            return self._stray(Evidence(Code.STATUS_UNASKED), response, message)
        return self._take_answer(self.held.response, self.held.message, now)

    # --- the answer ---------------------------------------------------------------------------------------------------------------

    def _take_answer(self, response: Response, message: bytes, now: float) -> Step:
        after_nak = self._link.naks > 0 and not self.acknowledged
        if after_nak and not self._link.outstanding:
            # nothing is outstanding: the terminal said "not taken", and yet a result comes
            return self._stray(Evidence(Code.RESULT_AFTER_REFUSAL), response, message, alarm=True, ends=True)
        late = self.state is ExchangeState.ENDED
        self.answer = response
        self.answer_message = message
        events: list[Event] = [Answered(response, message, late=late, after_nak=after_nak)]
        acknowledgement = [build_ack(self._reading)]
        approved = isinstance(response, PaymentResult) and response.approved
        if late:
            self.ending = Ending.ANSWERED
            self.reason = Evidence(Code.ANSWERED_LATE)
            return self._step(events, acknowledgement)
        self.deadline = now + self.timing.receipt
        self._receipt_due = self._receipt_due and approved and not self._receipt.complete
        self._data_due = self._data_due and approved
        if self._receipt.text:
            events.append(ReceiptReceived(self._receipt.text))
            if not self._receipt_due:
                events.append(ReceiptEnded(self._receipt.complete))
        if self._receipt_due:
            self._take(ExchangeInput.ANSWERED_RECEIPT)
        elif self._data_due:
            self._take(ExchangeInput.ANSWERED_DATA)
        else:
            return self._end(ExchangeInput.ANSWERED_END, Evidence(Code.ANSWERED), events, acknowledgement)
        return self._step(events, acknowledgement)

    def _vas_part(self, part: VasPart, message: bytes, now: float) -> Step:
        acknowledgement = [build_ack(self._reading)]
        problem = self._vas.add(part)
        if problem is not None:
            return self._stray(problem, None, message)
        self._sign_of_life()
        whole = self._vas.joined()
        if whole is None:
            return self._step([PartReceived(message)], acknowledgement)
        if self.answer is not None:
            return self._step([], acknowledgement)
        problem = self._rules.belongs(whole)
        if problem is not None:
            self._vas = VasParts()
            return self._stray(problem, part, message)
        return self._take_answer(whole, message, now)

    def _receipt_part(self, part: ReceiptPart, now: float) -> Step:
        acknowledgement = [build_ack(self._reading)]
        if self._rules.require_ack and not self.acknowledged:
            return self._step([Stray(Evidence(Code.RECEIPT_BEFORE_ACK), None)], acknowledgement)
        addition = self._receipt.add(part.receipt_text)
        if addition is Addition.TOO_LONG:
            return self._step([Stray(Evidence(Code.RECEIPT_TOO_LONG, {"length": LONGEST_RECEIPT}), None)], acknowledgement)
        self._sign_of_life()
        if addition is Addition.REPEATED:
            return self._step([], acknowledgement)
        if self.state is not ExchangeState.RECEIVING_RECEIPT:
            # before the result it is kept until the result tells whose it is; after the exchange's end it is still this operation's
            told: list[Event] = [ReceiptReceived(part.receipt_text)] if self.answer is not None else []
            return self._step(told, acknowledgement)
        self.deadline = now + self.timing.receipt
        return self._receipt_progress([ReceiptReceived(part.receipt_text)], acknowledgement)

    def _receipt_progress(self, events: list[Event], send: list[bytes]) -> Step:
        if not self._receipt.complete:
            return self._step(events, send)
        events.append(ReceiptEnded(complete=True))
        if self._data_due:
            self._take(ExchangeInput.RECEIPT_DONE)
            return self._step(events, send)
        return self._end(ExchangeInput.COMPLETE, Evidence(Code.ANSWERED), events, send)

    def _host_data(self, response: AdditionalDataResponse, message: bytes) -> Step:
        acknowledgement = [build_ack(self._reading)]
        if self._additional is None or (self._rules.require_ack and not self.acknowledged):
            return self._stray(Evidence(Code.DATA_UNASKED), response, message)
        self._data_due = False
        events: list[Event] = [DataReceived(response.data)]
        if self.state is ExchangeState.AWAITING_DATA:
            return self._end(ExchangeInput.COMPLETE, Evidence(Code.ANSWERED), events, acknowledgement)
        return self._step(events, acknowledgement)

    def _stray(
        self,
        reason: Evidence,
        response: Response | None,
        message: bytes,
        *,
        alarm: bool = False,
        older: bool = False,
        ends: bool = False,
        after_refusal: bool = False,
        out_of_series: bool = False,
    ) -> Step:
        self.strays += 1
        self.refused_at_work = self.refused_at_work or (self.ending is Ending.REFUSED and not older)
        result = response is None or response.code in ANY_RESULT
        self._held_spoiled = self._held_spoiled or (self.held is not None and result and not older)
        if result and not older:
            pausing = self._link.pausing_after_nak
            self._sign_of_life()
            ends = ends or (pausing and self._link.stopped)
        alarm = alarm or ends or (response is not None and result and self.ending is Ending.REFUSED and not self._link.repeatable)
        kept = message if result else b""
        stray = Stray(reason, response, alarm=alarm, after_refusal=after_refusal, out_of_series=out_of_series, message=kept)
        if ends and self.open:
            reason = Evidence(Code.RESULT_AFTER_REFUSAL)
            return self._end(ExchangeInput.GIVEN_UP, reason, [stray], [build_ack(self._reading)])
        return self._step([stray], [build_ack(self._reading)])

    # --- endings ----------------------------------------------------------------------------------------------------------------

    def _time_over(self) -> Step:
        if self.state is ExchangeState.REQUESTING and self._link.pausing_after_nak:
            return self._end(ExchangeInput.NOT_TAKEN, self._naks(Code.REFUSED_THEN_TIME_OVER), [])
        if self.state is ExchangeState.HELD:
            return self._end(ExchangeInput.TIME_OVER, Evidence(Code.TIME_OVER_HELD), [])
        reason = self._unread_frames() or Evidence(Code.TIME_OVER)
        if self._unread is not None:
            reason = Evidence(Code.TIME_OVER_UNREADABLE, {"cause": self._unread})
        return self._end(ExchangeInput.TIME_OVER, reason, self._receipt_over(complete=False))

    def _receipt_over(self, *, complete: bool) -> list[Event]:
        return [ReceiptEnded(complete)] if self.state is ExchangeState.RECEIVING_RECEIPT else []
