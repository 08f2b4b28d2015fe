"""What follows a lost result: ask the terminal for its last result until that proves something, or time is over (exchange.md §5).

Pure: what is to be done is yielded to the shell (`ecrlan.protocol.actions`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ecrlan.errors import LineError, TerminalBusyError
from ecrlan.model import Code, Evidence, NotPerformed, Outcome, PaymentResult, Request, Unresolved, evidence_of
from ecrlan.model.rows import Event, NewOperation
from ecrlan.protocol.actions import Clear, Commit, Conduct, EnterQueue, Host, LeaveQueue, Wait
from ecrlan.protocol.clock import ClockOffset
from ecrlan.protocol.memory import Memory, Refusal
from ecrlan.protocol.outcomes import outcome_of_answer
from ecrlan.protocol.questions import SET_CLOCK_SECONDS, Questions
from ecrlan.protocol.records import answered_row, beginning_rows, finished_row
from ecrlan.protocol.recovery import Attempt, Judgement, Verdict, judge
from ecrlan.protocol.step import Ending
from ecrlan.protocol.work import Work
from ecrlan.texts import words

LONGEST_PAUSE = 30.0
"""Seconds between two questions for the last result, at most."""
MORE_QUESTIONS = 4
"""How often a terminal that could not be asked at the last moment is asked again: one answer, however late, says more than none."""
CLOCK_QUESTIONS = 2
"""How often `s` is asked for the terminal's clock: a line may be gone after the exchange before."""
TIMER_MARGIN = 0.05
"""Seconds by which the last question comes after the longest payment: timers may ring early by the clock's resolution (Windows: 16 ms)."""


class Recovery:
    """Settles a terminal's operations whose results were lost."""

    def __init__(self, host: Host, questions: Questions) -> None:
        self.host = host
        self.settings = host.settings
        self.questions = questions
        self._silent = 0
        """How many questions in a row met silence."""

    @property
    def memory(self) -> Memory:
        """What is known of the terminal; another one after its TID was accepted."""
        return self.host.memory

    def can_prove(self, work: Work) -> bool:
        """Tell whether asking the terminal can prove anything at all."""
        request = work.request
        if request is None or not request.recoverable or not self.settings.last_result_supported:
            return False
        return work.baseline is not None and not (work.answered or work.refused or self.doubt(work))

    def doubt(self, work: Work) -> Evidence | None:
        """Say why nothing that this terminal tells can prove the operation; None where it can."""
        if work.doubt is not None or work.identity is None or work.identity == self.memory.identity:
            return work.doubt
        if self.memory.terminal_id is None and not self.memory.nameless:
            return None  # nobody knows yet who answers here: the answer's own TID is compared
        values = {"identity": work.identity, "terminal": self.settings.name, "now": self.memory.identity}
        return Evidence(Code.SENT_TO_ANOTHER, values)

    def settle(self, work: Work) -> Conduct[None]:
        """Ask until the outcome is proved, or the longest payment must be over and the terminal has answered since; then leave it."""
        work.recovering = True
        try:
            over_at = work.ended_at + self.settings.longest_payment_time + TIMER_MARGIN
            pause = self.settings.recovery_pause
            evidence = work.evidence or Evidence(Code.RESULT_LOST)
            if work.open and not self.can_prove(work) and not work.answered and work.request is not None:
                evidence = self._judge(work, work.request, self.host.monotonic(), None, None).evidence
            more = MORE_QUESTIONS
            while work.open and self.can_prove(work):
                now = self.host.monotonic()
                left = over_at - now
                yield Wait(now + (min(pause, left) if left > 0 else pause), work)
                if not work.open:
                    break
                judgement = yield from self.ask(work)
                evidence = judgement.evidence if judgement is not None else evidence
                if judgement is not None and judgement.verdict is Verdict.CHANGED:
                    break
                if left <= pause:
                    if more == 0 or (judgement is not None and judgement.verdict is not Verdict.UNPROVED):
                        break
                    more -= 1
                pause = min(pause * 2, LONGEST_PAUSE) or LONGEST_PAUSE
            if work.open:
                yield from self.conclude(work, Unresolved(evidence=evidence), evidence)
        finally:
            work.recovering = False

    def ask(self, work: Work) -> Conduct[Judgement | None]:
        """Ask once, in the terminal's queue, and settle `work` where the answer proves something. None where nobody could be asked."""
        try:
            yield EnterQueue(f"recovery of {work.reference}")
        except TerminalBusyError:
            return None
        judgement = (yield from self.ask_now(work)) if work.open else None
        yield LeaveQueue()
        return judgement

    def ask_now(self, work: Work) -> Conduct[Judgement | None]:
        """As `ask`, for a caller that holds the terminal already."""
        request = work.request
        if request is None or not self.can_prove(work):
            return None
        self.questions.notice_clock()
        asked_at = self.host.monotonic()  # the answer tells of this moment, however late it comes
        try:
            # a late result may still come on the line; but one that stays silent may be dead without our knowing: then a new one is needed
            exchange = yield from self.questions.ask_last_result(request, linger=self._silent == 0)
        except LineError as error:
            return Judgement(Verdict.UNPROVED, Evidence(Code.NOT_ASKED, {"cause": evidence_of(error)}))
        self._silent = self._silent + 1 if exchange.ending is Ending.UNANSWERED else 0
        if not work.open:
            return None
        answer = exchange.answer if exchange.ending is Ending.ANSWERED and isinstance(exchange.answer, PaymentResult) else None
        unreadable = exchange.ending is Ending.UNREADABLE
        problem = Evidence(Code.LAST_RESULT_UNREADABLE if unreadable else Code.NO_LAST_RESULT_FOR, {"cause": exchange.reason})
        if exchange.reason.code in (Code.OTHER_TERMINAL_ID, Code.OTHER_LRC):
            problem = exchange.reason
        judgement = self._judge(work, request, asked_at, answer, problem)
        if answer is not None and self._needs_clock(judgement, answer):
            if not (yield from self._ask_clock()):
                judgement = Judgement(Verdict.UNPROVED, Evidence(Code.CLOCK_NOT_ASKED))
            else:
                judgement = self._judge(work, request, asked_at, answer, problem)
        if not work.open:
            return None
        told = words(judgement.evidence)
        self.host.log("operation.judged", level="info", reference=work.reference, verdict=judgement.verdict.value, evidence=told)
        if judgement.verdict is Verdict.OURS and answer is not None:
            outcome = outcome_of_answer(work.order.kind, request, answer)
            self.memory.remember(answer, exchange.answer_message, is_saved=True)
            self.memory.forget_unseen(work.reference)
            yield from self.conclude(work, outcome, judgement.evidence, (answer, exchange.answer_message))
        elif judgement.verdict is Verdict.NOT_PERFORMED:
            self.memory.last_refusal = Refusal(work.reference, request, work.sent_time or work.created_time, "not performed")
            yield from self.conclude(work, NotPerformed(reason=judgement.evidence), judgement.evidence)
        return judgement

    def _needs_clock(self, judgement: Judgement, answer: PaymentResult) -> bool:
        """Tell whether its clock as it goes now decides whether a last result is believed: what `s` told before may be old."""
        decides = judgement.by_clock or (judgement.verdict is Verdict.OURS and answer.host_time is not None)
        return decides and self.memory.clock.learned is None

    def _ask_clock(self) -> Conduct[bool]:
        """Ask `s`, so that the terminal's clock is compared with ours as both go now; False where it was not answered."""
        yield Clear()  # terminals close a line after an exchange
        for _ in range(CLOCK_QUESTIONS):
            status = yield from self.questions.ask_status()
            if status is not None and status.ending is Ending.ANSWERED:
                return True
        return False

    def conclude(
        self, work: Work, outcome: Outcome, evidence: Evidence, answer: tuple[PaymentResult, bytes] | None = None
    ) -> Conduct[None]:
        """Write the outcome down, then tell it."""
        if isinstance(work.outcome, Unresolved) and isinstance(outcome, Unresolved) and work.evidence == evidence:
            return
        now = self.host.clock()
        rows: list[NewOperation | Event] = [] if work.recorded else beginning_rows(work, self.memory.place)
        if answer is not None:
            rows.append(answered_row(work, *answer, self.memory.identity, now, late=True))
        rows.append(finished_row(work, outcome, now, evidence))
        yield Commit(rows, work)
        if not work.open:
            return
        work.settle(outcome, now, evidence)
        if isinstance(outcome, Unresolved):
            self.host.alarm("unresolved", evidence, work.reference)
        self.host.publish(work)

    def _judge(self, work: Work, request: Request, asked_at: float, answer: PaymentResult | None, problem: Evidence | None) -> Judgement:
        """Judge by the clocks as they were when the request was sent, and as they go now where one of them may have been set since.

        Then both must fit: nobody can tell a clock that was set from a machine that slept, or from a payment that was made hours later.
        """
        sent_time = sent_time_now = work.sent_time or work.created_time
        if work.sent_at is not None:
            by_age = self.host.clock() - timedelta(seconds=self.host.monotonic() - work.sent_at)
            sent_time_now = by_age if abs((by_age - sent_time).total_seconds()) > SET_CLOCK_SECONDS else sent_time
        was_known = work.clock is None or work.clock.known
        if was_known and (work.sent_at is None or sent_time_now != sent_time):
            judgement = judge(self._attempt(work, request, asked_at, sent_time, work.clock), answer, problem)
            if judgement.verdict is not Verdict.OURS:
                return judgement
        return judge(self._attempt(work, request, asked_at, sent_time_now, self.memory.clock.offset), answer, problem)

    def _attempt(self, work: Work, request: Request, asked_at: float, request_time: datetime, clock: ClockOffset | None) -> Attempt:
        return Attempt(
            request=request,
            request_time=request_time,
            identity=work.identity,
            place=self.memory.place,
            baseline=work.baseline,
            previous_stan=work.previous_stan,
            unseen_stans=work.unseen_stans,
            known_stans=frozenset(self.memory.stans),
            clock=clock,
            refusals_take_stans=self.memory.refusals_take_stans,
            answer_time=self.settings.payment_timeout + self.settings.longest_payment_time,
            doubt=self.doubt(work),
            acknowledged=work.acknowledged,
            progressed=work.progressed,
            refused=work.refused,
            standalone_use=self.settings.standalone_use or self.memory.used_by_hand,
            trust_unchanged_result=self.settings.trust_unchanged_result,
            longest_payment_time=self.settings.longest_payment_time,
            quiet_seconds=asked_at - work.ended_at,
        )
