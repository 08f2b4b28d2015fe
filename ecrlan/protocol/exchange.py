"""One request until its answer: delivery, progress, result, receipt, host data, deadlines (exchange.md §3 and §4).

A pure automaton. Its shell feeds it `start`, `written`, `frame`, `wake` and `lost`, each with `now` in monotonic seconds, and carries out
the `Step` it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ecrlan.errors import MalformedMessageError
from ecrlan.model import (
    ANY_TERMINAL,
    RESULT_CODES,
    SILENT_CODES,
    AdditionalDataRequest,
    AdditionalDataResponse,
    PaymentResult,
    PrintingRequest,
    ReceiptPart,
    ReprintRequest,
    Request,
    Response,
    VasPart,
)
from ecrlan.protocol.answers import answer_problem
from ecrlan.protocol.link import Link
from ecrlan.protocol.step import (
    Accepted,
    Answered,
    BadFrame,
    DataReceived,
    Ended,
    Ending,
    Event,
    PartReceived,
    Progress,
    ReceiptEnded,
    ReceiptReceived,
    Refused,
    Sending,
    Step,
    Stray,
)
from ecrlan.protocol.transitions import EXCHANGE_TRANSITIONS, OPEN_STATES, ExchangeInput, ExchangeState
from ecrlan.protocol.vas import VasParts
from ecrlan.wire.codec import build_request, parse_response
from ecrlan.wire.frames import AckFrame, ApplicationFrame, Frame, NakFrame, NoiseFrame, ProgressFrame, build_ack, build_frame, build_nak
from ecrlan.wire.lrc import LrcReading
from ecrlan.wire.receipt import is_complete

NAKS_WITHOUT_A_GOOD_FRAME = 3
"""How many bad stretches in a row are answered with a NAK: as many as a terminal repeats a message."""
LONGEST_RECEIPT = 16_384
"""Bytes of one receipt that are kept; a terminal that sends more is not believed."""
ANY_RESULT = RESULT_CODES | {"C", "K"}
"""Codes of the messages that tell what became of a request that moves money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Time limits of one exchange, in seconds (exchange.md §3)."""

    ack: float = 5.0
    result: float = 180.0
    receipt: float = 5.0
    """Silence after which a receipt is given up."""
    nak_pause: float = 1.0
    total: float = 300.0
    """Progress extends the result's limit, but never beyond this."""


class Exchange:
    """One request and everything that belongs to it.

    `accept_stan` tells whether a STAN can be a new result's (False: the journal knows it already). `require_ack`: an exchange before
    this one ended without a result, so a result that comes before our request's ACK is not taken for ours (exchange.md §5).
    `last_message` is the terminal's last result as it came: repeated before our request's ACK it is not ours.
    `terminal_id` is the TID that answers must carry, None where any will do. `additional` is the `U` that follows the request's ACK;
    `expects_receipt`: printing on the register was enabled.
    """

    def __init__(
        self,
        request: Request,
        timing: Timing,
        *,
        terminal_id: str | None = None,
        reading: LrcReading = LrcReading.STANDARD,
        additional: AdditionalDataRequest | None = None,
        expects_receipt: bool = False,
        require_ack: bool = False,
        accept_stan: Callable[[str], bool] | None = None,
        last_message: bytes = b"",
        tolerate_lengths: bool = False,
        extend_on_progress: bool = True,
    ) -> None:
        self.request = request
        self.timing = timing
        self.state = ExchangeState.IDLE
        self.ending: Ending | None = None
        self.reason = ""
        self.answer: Response | None = None
        self.strays = 0
        self._written = False
        self._terminal_id = terminal_id or (request.terminal_id if request.terminal_id != ANY_TERMINAL else None)
        self._reading = reading
        self._frame = build_frame(build_request(request), reading)
        self._additional = additional
        self._data_due = additional is not None and additional.iso_field != "00"
        self._receipt_due = expects_receipt
        self._require_ack = require_ack
        self._accept_stan = accept_stan
        self._last_message = last_message
        self._tolerate_lengths = tolerate_lengths
        self._extend_on_progress = extend_on_progress
        self._link = Link(repeatable=request.code not in SILENT_CODES, ack_timeout=timing.ack, nak_pause=timing.nak_pause)
        self._adding = Link(repeatable=False, ack_timeout=timing.ack, nak_pause=timing.nak_pause)
        self._additional_frame = build_frame(build_request(additional), reading) if additional is not None else b""
        self.answer_message = b""
        self._receipt = b""
        self._last_part = b""
        self._vas = VasParts()
        self._deadline = 0.0
        self._total_deadline = 0.0
        self._bad_stretch = False
        self._naks_sent = 0

    # --- what the shell tells ---------------------------------------------------------------------------------------------------

    def start(self, now: float) -> Step:
        """Begin: the step holds `Sending` and the request's frame; of a financial request the event must be on disk before the bytes go."""
        self._take(ExchangeInput.START)
        self._set_deadlines(now)
        self._link.start()
        return self._step([Sending(self.request.code, self._frame, 1)], [self._frame])

    def written(self, now: float) -> Step:
        """Tell that the last step's bytes were written at `now`: the waits start here."""
        self._written = self._written or self._link.transmissions > 0
        if self.state is ExchangeState.REQUESTING:
            if self._link.written(now) and self._link.transmissions == 1:
                self._set_deadlines(now)
        elif self.state is ExchangeState.ADDING:
            self._adding.written(now)
        return self._step([], [])

    def frame(self, frame: Frame, now: float) -> Step:
        """Take a frame from the terminal. Frames count after the end too: a late result belongs to this exchange."""
        if isinstance(frame, NoiseFrame) or not frame.ok:
            return self._bad(frame)
        self._bad_stretch = False
        self._naks_sent = 0
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
        if now >= self._deadline:
            return self._time_over()
        if self.state is ExchangeState.REQUESTING:
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
        if self.state is ExchangeState.REQUESTING and not self._written:
            return self._end(ExchangeInput.NOT_TAKEN, "the line was lost before anything was written", [])
        if self.state is ExchangeState.REQUESTING and self._link.pausing_after_nak:
            return self._end(ExchangeInput.NOT_TAKEN, f"refused {self._link.naks} times (NAK), then the line was lost", [])
        return self._end(ExchangeInput.LINE_LOST, "the line was lost", self._receipt_over(complete=False))

    def _set_deadlines(self, now: float) -> None:
        self._deadline = now + self.timing.result
        self._total_deadline = now + max(self.timing.total, self.timing.result)

    @property
    def acknowledged(self) -> bool:
        """Whether the request was properly ACKed."""
        return self._link.acknowledged

    @property
    def clean(self) -> bool:
        """Whether question and answer met without a doubt: nothing repeated, nothing strange, so that nothing late can follow."""
        met = self.ending in (Ending.ANSWERED, Ending.ACKNOWLEDGED)
        return met and self.acknowledged and self._link.transmissions == 1 and self._adding.transmissions <= 1 and self.strays == 0

    @property
    def naks(self) -> int:
        """How many transmissions were refused."""
        return self._link.naks

    @property
    def open(self) -> bool:
        """Whether anything is still expected."""
        return self.state not in (ExchangeState.IDLE, ExchangeState.ENDED)

    # --- frames -----------------------------------------------------------------------------------------------------------------

    def _bad(self, frame: Frame) -> Step:
        event = BadFrame(frame.lrc or "noise")
        if isinstance(frame, AckFrame | NakFrame):
            return self._step([event], [])
        answer = not self._bad_stretch and self._naks_sent < NAKS_WITHOUT_A_GOOD_FRAME
        # a stretch of noise ends with a good frame; a whole frame with a bad LRC ends its stretch itself
        self._bad_stretch = isinstance(frame, NoiseFrame)
        if not answer:
            return self._step([event], [])
        self._naks_sent += 1
        return self._step([event], [build_nak(self._reading)])

    def _acknowledged(self, now: float) -> Step:
        if self.state is ExchangeState.ADDING:
            self._take(ExchangeInput.ADDED)
            return self._step([Accepted("U")], [])
        if not self._link.ack():
            return self._step([], [])
        events: list[Event] = [Accepted(self.request.code)]
        if self.state not in (ExchangeState.REQUESTING, ExchangeState.AWAITING_RESULT):
            return self._step(events, [])
        if isinstance(self.request, PrintingRequest | ReprintRequest):
            to_ecr = isinstance(self.request, ReprintRequest) and self.request.to_ecr
            if not to_ecr:
                return self._end(ExchangeInput.TAKEN_END, "acknowledged", events)
            self._take(ExchangeInput.TAKEN_RECEIPT)
            self._receipt_due = True
            self._deadline = now + self.timing.receipt
            if self._receipt:
                events.append(ReceiptReceived(self._receipt))
            return self._receipt_progress(events, [])
        if self._additional is not None:
            self._take(ExchangeInput.TAKEN_ADD)
            self._adding.start()
            step = self._add()
            return Step((*events, *step.events), step.send, step.wake_at)
        self._take(ExchangeInput.TAKEN)
        return self._step(events, [])

    def _add(self) -> Step:
        return self._step([Sending("U", self._additional_frame, self._adding.transmissions)], [self._additional_frame])

    def _refused(self, now: float) -> Step:
        if self.state is ExchangeState.ADDING:
            if not self._adding.nak(now):
                return self._step([], [])
            if self._adding.refused:
                self._take(ExchangeInput.ADDED)
            return self._step([Refused("U", self._adding.transmissions)], [])
        if self.state is not ExchangeState.REQUESTING or not self._link.nak(now):
            return self._step([], [])
        event = Refused(self.request.code, self._link.transmissions)
        if self._link.refused:
            return self._end(ExchangeInput.NOT_TAKEN, f"refused {self._link.naks} times (NAK)", [event])
        if self._link.stopped:
            self._take(ExchangeInput.AT_WORK)
        if self._link.gave_up:
            return self._end(ExchangeInput.GIVEN_UP, "refused (NAK), but another transmission met silence", [event])
        return self._step([event], [])

    def _progress(self, text: str, now: float) -> Step:
        if self.state not in OPEN_STATES:
            return self._step([], [])
        self._sign_of_life()
        if self._extend_on_progress:
            self._deadline = max(self._deadline, min(now + self.timing.result, self._total_deadline))
        return self._step([Progress(text)], [])

    def _message(self, frame: ApplicationFrame, now: float) -> Step:
        acknowledgement = [build_ack(self._reading)]
        try:
            response = parse_response(frame.message, tolerate_lengths=self._tolerate_lengths, answers=self.request.code)
        except MalformedMessageError as error:
            return self._stray(f"malformed: {error}", None, frame.message)
        if self._terminal_id is not None and response.terminal_id != self._terminal_id:
            return self._stray(f"TID {response.terminal_id} instead of {self._terminal_id}", response, frame.message)
        if isinstance(response, ReceiptPart):
            return self._receipt_part(response, now)
        if isinstance(response, AdditionalDataResponse):
            return self._host_data(response, frame.message)
        if self.answer is not None:
            if frame.message == self.answer_message:
                return self._step([], acknowledgement)
            if not isinstance(response, VasPart):
                told = "another result after the result"
                return self._stray(told, response, frame.message, alarm=isinstance(response, PaymentResult))
        older = self._is_older(response, frame.message)
        problem = answer_problem(self.request, response, acknowledged=self.acknowledged, tolerate_lengths=self._tolerate_lengths)
        if problem is None and not self._written:
            problem = "before its request was written"
        if problem is None and self._require_ack and not self.acknowledged:
            problem = "before the ACK of the request, after an exchange that ended without a result"
        if problem is not None or older is not None:
            return self._stray(problem or older or "", response, frame.message, older=older is not None)
        if isinstance(response, VasPart):
            return self._vas_part(response, frame.message, now)
        return self._take_answer(response, frame.message, now)

    def _is_older(self, response: Response, message: bytes) -> str | None:
        """Say why a result is one from before the request, None where nothing shows that."""
        if not isinstance(response, PaymentResult) or self.request.code == "G":
            return None
        if message == self._last_message and not self.acknowledged:
            return "the last result once more, before the ACK of the request"
        if self._accept_stan is not None and not self._accept_stan(response.stan):
            return f"STAN {response.stan} is known already"
        return None

    def _take_answer(self, response: Response, message: bytes, now: float) -> Step:
        after_nak = self._link.naks > 0 and not self.acknowledged
        if after_nak and not self._link.outstanding:
            # nothing is outstanding: the terminal said "not taken", and yet a result comes
            return self._stray("a result after its request was refused (NAK)", response, message, alarm=True, ends=True)
        late = self.state is ExchangeState.ENDED
        self.answer = response
        self.answer_message = message
        events: list[Event] = [Answered(response, message, late=late, after_nak=after_nak)]
        acknowledgement = [build_ack(self._reading)]
        approved = isinstance(response, PaymentResult) and response.approved
        if late:
            self.ending = Ending.ANSWERED
            self.reason = "answered after its time limit"
            return self._step(events, acknowledgement)
        self._deadline = now + self.timing.receipt
        self._receipt_due = self._receipt_due and approved and not is_complete(self._receipt)
        self._data_due = self._data_due and approved
        if self._receipt:
            events.append(ReceiptReceived(self._receipt))
        if self._receipt_due:
            self._take(ExchangeInput.ANSWERED_RECEIPT)
        elif self._data_due:
            self._take(ExchangeInput.ANSWERED_DATA)
        else:
            return self._end(ExchangeInput.ANSWERED_END, "answered", events, acknowledgement)
        return self._step(events, acknowledgement)

    def _vas_part(self, part: VasPart, message: bytes, now: float) -> Step:
        acknowledgement = [build_ack(self._reading)]
        problem = self._vas.add(part)
        if problem is not None:
            return self._stray(f"malformed: {problem}", None, message)
        self._sign_of_life()
        whole = self._vas.joined()
        if whole is None:
            return self._step([PartReceived(message)], acknowledgement)
        if self.answer is not None:
            return self._step([], acknowledgement)
        return self._take_answer(whole, message, now)

    def _receipt_part(self, part: ReceiptPart, now: float) -> Step:
        acknowledgement = [build_ack(self._reading)]
        if self._require_ack and not self.acknowledged:
            return self._step([Stray("a receipt before the ACK of the request", None)], acknowledgement)
        if len(self._receipt) + len(part.receipt_text) > LONGEST_RECEIPT:
            return self._step([Stray(f"a receipt of more than {LONGEST_RECEIPT} bytes", None)], acknowledgement)
        self._sign_of_life()
        if part.receipt_text == self._last_part:
            return self._step([], acknowledgement)  # sent again because our ACK was lost
        self._last_part = part.receipt_text
        self._receipt += part.receipt_text
        if self.state is not ExchangeState.RECEIVING_RECEIPT:
            # before the result it is kept until the result tells whose it is; after the exchange's end it is still this operation's
            told: list[Event] = [ReceiptReceived(part.receipt_text)] if self.answer is not None else []
            return self._step(told, acknowledgement)
        self._deadline = now + self.timing.receipt
        return self._receipt_progress([ReceiptReceived(part.receipt_text)], acknowledgement)

    def _receipt_progress(self, events: list[Event], send: list[bytes]) -> Step:
        if not is_complete(self._receipt):
            return self._step(events, send)
        events.append(ReceiptEnded(complete=True))
        if self._data_due:
            self._take(ExchangeInput.RECEIPT_DONE)
            return self._step(events, send)
        return self._end(ExchangeInput.COMPLETE, "answered", events, send)

    def _host_data(self, response: AdditionalDataResponse, message: bytes) -> Step:
        acknowledgement = [build_ack(self._reading)]
        if self._additional is None or (self._require_ack and not self.acknowledged):
            return self._stray("additional data that were not asked for", response, message)
        self._data_due = False
        events: list[Event] = [DataReceived(response.data)]
        if self.state is ExchangeState.AWAITING_DATA:
            return self._end(ExchangeInput.COMPLETE, "answered", events, acknowledgement)
        return self._step(events, acknowledgement)

    def _stray(
        self, reason: str, response: Response | None, message: bytes, *, alarm: bool = False, older: bool = False, ends: bool = False
    ) -> Step:
        self.strays += 1
        result = response is None or response.code in ANY_RESULT
        if result and not older:
            pausing = self._link.pausing_after_nak
            self._sign_of_life()
            ends = ends or (pausing and self._link.stopped)
        alarm = alarm or ends or (response is not None and result and self.ending is Ending.REFUSED and not self._link.repeatable)
        stray = Stray(reason, response, alarm, message if result else b"")
        if ends and self.open:
            reason = "a result came after its request was refused (NAK)"
            return self._end(ExchangeInput.GIVEN_UP, reason, [stray], [build_ack(self._reading)])
        return self._step([stray], [build_ack(self._reading)])

    def _sign_of_life(self) -> None:
        """Note that the terminal is at work: after a NAK a financial request is then not sent again, and may have been taken."""
        if not self._written:
            return
        pausing = self._link.pausing_after_nak
        self._link.sign_of_life()
        if pausing and self._link.stopped:
            self._take(ExchangeInput.AT_WORK)

    # --- endings ----------------------------------------------------------------------------------------------------------------

    def _unheard(self) -> Step:
        if self._link.repeatable:
            return self._end(ExchangeInput.GIVEN_UP, f"no answer to {self._link.transmissions} transmissions", [])
        self._take(ExchangeInput.UNHEARD)
        return self._step([], [])

    def _time_over(self) -> Step:
        return self._end(ExchangeInput.TIME_OVER, "no result within its time limit", self._receipt_over(complete=False))

    def _receipt_over(self, *, complete: bool) -> list[Event]:
        return [ReceiptEnded(complete)] if self.state is ExchangeState.RECEIVING_RECEIPT else []

    def _end(self, happened: ExchangeInput, reason: str, events: list[Event], send: list[bytes] | None = None) -> Step:
        self._take(happened)
        if self.ending is Ending.ANSWERED and self.answer is None:
            self.ending = Ending.ACKNOWLEDGED
        if self.ending is Ending.ANSWERED:
            reason = "answered"
        self.reason = reason
        ended = [Ended(self.ending, reason)] if self.ending is not None else []
        return self._step([*events, *ended], send or [])

    def _take(self, happened: ExchangeInput) -> None:
        following = EXCHANGE_TRANSITIONS.get((self.state, happened))
        if following is not None:
            self.state, self.ending = following

    def _step(self, events: list[Event], send: list[bytes]) -> Step:
        return Step(tuple(events), tuple(send), self._wake_at())

    def _wake_at(self) -> float | None:
        if not self.open:
            return None
        link = {ExchangeState.REQUESTING: self._link, ExchangeState.ADDING: self._adding}.get(self.state)
        return self._deadline if link is None or link.wake_at is None else min(self._deadline, link.wake_at)
