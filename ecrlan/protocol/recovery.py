"""What recovery can prove from the terminal's last result (exchange.md §5, method and verdicts)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ecrlan.model import NO_STAN, Code, Evidence, IncrementRequest, PaymentResult, Request
from ecrlan.protocol.answers import ANSWERS, ONLY_AFTER_ACK, amount_problem
from ecrlan.protocol.clock import ClockOffset, time_doubt
from ecrlan.protocol.identity import identity_of
from ecrlan.protocol.live import stan_of
from ecrlan.protocol.memory import HIGHEST_STAN, is_beyond, next_stan, same_result


class Verdict(str, Enum):
    """What is proved."""

    OURS = "ours"
    """The answer is the result of our request."""
    NOT_PERFORMED = "not_performed"
    """Our request left no result and cannot leave one any more."""
    UNPROVED = "unproved"
    """Nothing can be said from this answer; another time there may be one."""
    CHANGED = "changed"
    """The last result is another one and not provably ours: asking again proves nothing more."""
    UNCHANGED = "unchanged"
    """The last result is still the one from before: probably not performed, not proved. Asking again later may change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the journal knows of a request whose result was lost.

    `identity` is who it was sent to, a TID or (00000000 names nobody) a place, None where that is not known; `place` is where the
    terminal stands that is asked now. `baseline` is the terminal's last result before the request, None where it is not known;
    `previous_stan` the STAN after which the request's own must come, `unseen_stans` how many requests of ours in between may have taken
    one, `refusals_take_stans` whether this terminal's refusals carry STANs of their own, `known_stans` those of this series' operations.
    `clock` is what host_time may be compared by, None: by nothing. `answer_time` is how many seconds after `request_time` its result can
    be made at the latest. `refused`: a transmission was answered with a NAK. `doubt`: why nothing that the terminal says can prove it.
    `quiet_seconds` is the time since the line's end, by a monotonic clock, counted anew after a restart. No other exchange that may save
    a result ran since the baseline: while the request is open its terminal takes none.
    """

    request: Request
    request_time: datetime
    identity: str | None
    place: str
    baseline: PaymentResult | None
    previous_stan: str | None
    unseen_stans: int
    refusals_take_stans: bool
    known_stans: frozenset[str]
    clock: ClockOffset | None
    answer_time: float
    acknowledged: bool
    progressed: bool
    refused: bool
    standalone_use: bool
    trust_unchanged_result: bool
    longest_payment_time: float
    quiet_seconds: float
    doubt: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its evidence."""

    verdict: Verdict
    evidence: Evidence
    by_clock: bool = False
    """Whether only its host_time speaks against it: then it is worth asking the terminal for its clock."""


def judge(attempt: Attempt, answer: PaymentResult | None, problem: Evidence | None = None) -> Judgement:
    """Judge the terminal's `answer` to `G`; None where it gave none, for which `problem` says why."""
    hindrance = _hindrance(attempt, answer, problem)
    if hindrance is not None or answer is None or attempt.baseline is None:
        return Judgement(Verdict.UNPROVED, hindrance or Evidence(Code.NO_LAST_RESULT))
    same_terminal = identity_of(answer.terminal_id, attempt.place) == identity_of(attempt.baseline.terminal_id, attempt.place)
    if not (_is_of(attempt, answer) and same_terminal):
        return Judgement(Verdict.CHANGED, Evidence(Code.ANOTHER_ANSWERS, {"terminal_id": answer.terminal_id, "identity": attempt.identity}))
    if same_result(attempt.baseline, answer):
        return _judge_unchanged(attempt)
    changed = {"before": stan_of(attempt.baseline), "after": stan_of(answer)}
    doubt, clock_doubt = _doubt(attempt, attempt.baseline, answer), _clock_doubt(attempt, answer)
    if doubt is not None or clock_doubt is not None:
        values = {**changed, "doubt": doubt or clock_doubt}
        return Judgement(Verdict.CHANGED, Evidence(Code.CHANGED_NOT_OURS, values), by_clock=doubt is None)
    if answer.amount is None:
        return Judgement(Verdict.OURS, Evidence(Code.CHANGED_TO_OURS, changed))
    return Judgement(Verdict.OURS, Evidence(Code.CHANGED_TO_OURS_BY_AMOUNT, {**changed, "amount": answer.amount}))


def _hindrance(attempt: Attempt, answer: PaymentResult | None, problem: Evidence | None) -> Evidence | None:
    if not attempt.request.recoverable:
        return Evidence(Code.NEVER_SETTLED, {"request": attempt.request.code})
    if attempt.doubt is not None:
        return attempt.doubt
    if attempt.refused:
        return Evidence(Code.NAK_AND_SILENCE)
    if attempt.baseline is None:
        return Evidence(Code.NO_BASELINE)
    if not _is_of(attempt, attempt.baseline):
        return Evidence(Code.BASELINE_OF_ANOTHER, {"terminal_id": attempt.baseline.terminal_id})
    if answer is None:
        return problem or Evidence(Code.NO_LAST_RESULT)
    return None


def _is_of(attempt: Attempt, result: PaymentResult) -> bool:
    return attempt.identity is None or identity_of(result.terminal_id, attempt.place) == attempt.identity


def _judge_unchanged(attempt: Attempt) -> Judgement:
    stan = stan_of(attempt.baseline) if attempt.baseline is not None else None
    quiet = attempt.quiet_seconds >= attempt.longest_payment_time
    if attempt.trust_unchanged_result and quiet and not attempt.acknowledged and not attempt.progressed:
        values = {"stan": stan, "seconds": round(attempt.quiet_seconds)}
        return Judgement(Verdict.NOT_PERFORMED, Evidence(Code.UNCHANGED_NO_ACK, values))
    return Judgement(Verdict.UNCHANGED, Evidence(Code.UNCHANGED, {"stan": stan}))


def _doubt(attempt: Attempt, baseline: PaymentResult, answer: PaymentResult) -> Evidence | None:
    """Return the first reason why a changed last result may not be ours."""
    request = attempt.request
    form = (answer.code, answer.length)
    if form not in ANSWERS[request.code] - ONLY_AFTER_ACK.get(request.code, frozenset()):
        return Evidence(Code.OTHER_FORM, {"letter": answer.code, "length": answer.length, "request": request.code})
    if answer.result not in ("00", "01", "05"):
        return Evidence(Code.RESULT_SAYS_NEITHER, {"result": answer.result})
    doubt = _doubt_by_stan(attempt, baseline, answer)
    if doubt is not None:
        return doubt
    problem = amount_problem(request, answer)
    if problem is not None:
        return problem
    if attempt.standalone_use:
        return _doubt_by_hand(attempt, answer)
    return None


def _clock_doubt(attempt: Attempt, answer: PaymentResult) -> Evidence | None:
    """Say why its host_time does not show that a result is ours; a refusal may have none."""
    if not answer.approved and answer.host_time is None:
        return None
    latest = attempt.request_time + timedelta(seconds=attempt.answer_time)
    return time_doubt(answer.host_time, attempt.clock, attempt.request_time, latest)


def _doubt_by_stan(attempt: Attempt, baseline: PaymentResult, answer: PaymentResult) -> Evidence | None:
    if answer.stan == NO_STAN:
        return Evidence(Code.NO_STAN)
    if answer.stan == baseline.stan:
        return Evidence(Code.STAN_FROM_BEFORE)
    if answer.stan in attempt.known_stans:
        return Evidence(Code.STAN_OF_ANOTHER, {"stan": answer.stan})
    previous = attempt.previous_stan
    if previous is None and not attempt.standalone_use:
        return None  # the terminal's first payment: STANs may begin anywhere
    previous = previous or NO_STAN
    if previous != NO_STAN and not is_beyond(answer.stan, previous):
        return Evidence(Code.STANS_ANEW, {"stan": answer.stan, "previous": previous})
    if answer.stan == next_stan(previous):
        return None
    if attempt.standalone_use:
        return Evidence(Code.BY_HAND_STAN_NOT_NEXT)
    missing = (int(answer.stan) - int(previous)) % HIGHEST_STAN - 1
    if missing <= attempt.unseen_stans and _doubt_by_hand(attempt, answer) is None:
        return None  # requests of ours took them
    return Evidence(Code.STANS_MISSING, {"stan": answer.stan, "previous": previous})


def _doubt_by_hand(attempt: Attempt, answer: PaymentResult) -> Evidence | None:
    if not attempt.acknowledged:
        return Evidence(Code.BY_HAND_NO_ACK)
    if not answer.approved and answer.host_time is None and not attempt.refusals_take_stans:
        return Evidence(Code.BY_HAND_REFUSAL)
    request = attempt.request
    asked = None if isinstance(request, IncrementRequest) else getattr(request, "amount", None)
    if asked is None or answer.amount is None or answer.amount != asked:
        return Evidence(Code.BY_HAND_NO_AMOUNT)
    return None
