"""One request's way to the terminal: transmissions, ACK, NAK, silence, and how an exchange ends (exchange.md §3 and §4)."""

from __future__ import annotations

from ecrlan.model import AdditionalDataRequest, Code, Evidence, Request, Response
from ecrlan.protocol.held import HeldRefusal
from ecrlan.protocol.link import BadStretches, Link
from ecrlan.protocol.step import BadFrame, Ended, Ending, Event, Refused, Sending, Step, Timing
from ecrlan.protocol.transitions import EXCHANGE_TRANSITIONS, ExchangeInput, ExchangeState
from ecrlan.wire.codec import build_request
from ecrlan.wire.frames import AckFrame, Frame, NakFrame, NoiseFrame, build_frame, build_nak
from ecrlan.wire.lrc import LrcReading

OTHER_READING = "reading:"
"""How `BadFrame.lrc` begins where the frame fits another LRC reading."""


class Delivery:
    """The side of an exchange that brings the request, and the `U` that follows it, to the terminal."""

    def __init__(self, request: Request, timing: Timing, *, reading: LrcReading, additional: AdditionalDataRequest | None) -> None:
        self.request = request
        self.timing = timing
        self.state = ExchangeState.IDLE
        self.ending: Ending | None = None
        self.reason = Evidence(Code.ANSWERED)
        """How it ended; says nothing before."""
        self.answer: Response | None = None
        self.held: HeldRefusal | None = None
        self.unexplained = 0
        """Acknowledgements and refusals that came and answer nothing."""
        self.deadline = 0.0
        self._written = False
        self._wrote_more = False
        """Whether anything but the request was written on this line since its last transmission."""
        self._acknowledged_at = 0.0
        self._reading = reading
        self._frame = build_frame(build_request(request), reading)
        self._additional = additional
        self._link = Link(repeatable=not request.silent, ack_timeout=timing.ack, nak_pause=timing.nak_pause)
        self._adding = Link(repeatable=False, ack_timeout=timing.ack, nak_pause=timing.nak_pause)
        self._additional_frame = build_frame(build_request(additional), reading) if additional is not None else b""
        self._total_deadline = 0.0
        self._bad_stretches = BadStretches()
        self.bad_frames = 0
        """How much came that is no valid frame."""
        self._other_reading = ""
        """The LRC reading that the last frame would fit which did not fit ours."""

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

    @property
    def acknowledged(self) -> bool:
        """Whether the request was properly ACKed."""
        return self._link.acknowledged

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
        self.bad_frames += 1
        if event.lrc.startswith(OTHER_READING):
            self._other_reading = event.lrc.removeprefix(OTHER_READING)
        if isinstance(frame, AckFrame | NakFrame):
            return self._step([event], [])
        answered = self._bad_stretches.take(whole=not isinstance(frame, NoiseFrame))
        return self._step([event], [build_nak(self._reading)] if answered else [])

    def _refused(self, now: float) -> Step:
        if self.state is ExchangeState.ADDING:
            if not self._adding.nak(now):
                return self._step([], [])
            if self._adding.refused:
                self._take(ExchangeInput.ADDED)
            return self._step([Refused("U", self._adding.transmissions)], [])
        if self.state is ExchangeState.HELD and self.held is not None and self.held.asking:
            self.held.busy(now)
            return self._step([], [])
        waits = self.state in (ExchangeState.REQUESTING, ExchangeState.AWAITING_RESULT)
        other = not self._link.repeatable and self._wrote_more  # it may answer something else that we wrote (exchange.md §3)
        if not waits or other or not self._link.nak(now):
            self.unexplained += 1
            return self._step([], [])
        event = Refused(self.request.code, self._link.transmissions)
        if self._link.refused:
            return self._end(ExchangeInput.NOT_TAKEN, self._naks(Code.REFUSED), [event])
        if self._link.stopped:
            self._take(ExchangeInput.AT_WORK)
        if self._link.gave_up:
            return self._end(ExchangeInput.GIVEN_UP, Evidence(Code.REFUSED_THEN_SILENCE), [event])
        return self._step([event], [])

    def _add(self) -> Step:
        return self._step([Sending("U", self._additional_frame, self._adding.transmissions)], [self._additional_frame])

    def _sign_of_life(self) -> None:
        """Note that the terminal is at work: after a NAK a financial request is then not sent again, and may have been taken."""
        if not self._written:
            return
        pausing = self._link.pausing_after_nak
        self._link.sign_of_life()
        if pausing and self._link.stopped:
            self._take(ExchangeInput.AT_WORK)

    def _naks(self, code: Code) -> Evidence:
        return Evidence(code, {"times": self._link.naks})

    def _silence(self) -> Evidence:
        return Evidence(Code.NOT_ANSWERED, {"transmissions": self._link.transmissions})

    def _unread_frames(self) -> Evidence | None:
        """Return that the terminal answered by another LRC reading, where all that came was of that kind."""
        return Evidence(Code.OTHER_LRC, {"reading": self._other_reading}) if self._other_reading else None

    def _unheard(self) -> Step:
        if self._link.repeatable:
            return self._end(ExchangeInput.GIVEN_UP, self._unread_frames() or self._silence(), [])
        self._take(ExchangeInput.UNHEARD)
        return self._step([], [])

    # --- steps and endings ------------------------------------------------------------------------------------------------------

    def _set_deadlines(self, now: float) -> None:
        self.deadline = now + self.timing.result
        self._total_deadline = now + max(self.timing.total, self.timing.result)

    def _end(self, happened: ExchangeInput, reason: Evidence, events: list[Event], send: list[bytes] | None = None) -> Step:
        self._take(happened)
        if self.ending is Ending.ANSWERED and self.answer is None:
            self.ending = Ending.ACKNOWLEDGED
        if self.ending is Ending.ANSWERED:
            reason = Evidence(Code.ANSWERED)
        self.reason = reason
        ended = [Ended(self.ending, reason)] if self.ending is not None else []
        return self._step([*events, *ended], send or [])

    def _take(self, happened: ExchangeInput) -> None:
        following = EXCHANGE_TRANSITIONS.get((self.state, happened))
        if following is not None:
            self.state, self.ending = following

    def _step(self, events: list[Event], send: list[bytes]) -> Step:
        if send:
            self._wrote_more = send[0] != self._frame
        return Step(tuple(events), tuple(send), self._wake_at())

    def _wake_at(self) -> float | None:
        if not self.open:
            return None
        if self.state is ExchangeState.HELD and self.held is not None:
            return min(self.deadline, self.held.ask_at) if self.acknowledged else self.deadline
        link = {ExchangeState.REQUESTING: self._link, ExchangeState.ADDING: self._adding}.get(self.state)
        return self.deadline if link is None or link.wake_at is None else min(self.deadline, link.wake_at)
