"""What recovery can prove from the terminal's last result (exchange.md §5, method and verdicts)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ecrlan.model import NO_STAN, IncrementRequest, PaymentResult, Request
from ecrlan.protocol.answers import ANSWERS, ONLY_AFTER_ACK, amount_problem
from ecrlan.protocol.clock import ClockOffset, time_doubt
from ecrlan.protocol.identity import identity_of
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
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its evidence in words."""

    verdict: Verdict
    evidence: str
    by_clock: bool = False
    """Whether only its host_time speaks against it: then it is worth asking the terminal for its clock."""


def judge(attempt: Attempt, answer: PaymentResult | None, problem: str = "") -> Judgement:
    """Judge the terminal's `answer` to `G`; None where it gave none, for which `problem` says why."""
    hindrance = _hindrance(attempt, answer, problem)
    if hindrance is not None or answer is None or attempt.baseline is None:
        return Judgement(Verdict.UNPROVED, hindrance or problem)
    same_terminal = identity_of(answer.terminal_id, attempt.place) == identity_of(attempt.baseline.terminal_id, attempt.place)
    if not (_is_of(attempt, answer) and same_terminal):
        return Judgement(Verdict.CHANGED, f"TID {answer.terminal_id} answers, and the request was sent to {attempt.identity}")
    if same_result(attempt.baseline, answer):
        return _judge_unchanged(attempt)
    doubt, clock_doubt = _doubt(attempt, attempt.baseline, answer), _clock_doubt(attempt, answer)
    if doubt is not None or clock_doubt is not None:
        changed = f"the terminal's last result changed ({_words(attempt.baseline)} to {_words(answer)})"
        return Judgement(Verdict.CHANGED, f"{changed}, but {doubt or clock_doubt}", by_clock=doubt is None)
    amount = "" if answer.amount is None else f", amount {answer.amount / 100:.2f} as asked"
    return Judgement(Verdict.OURS, f"the terminal's last result changed from {_words(attempt.baseline)} to {_words(answer)}{amount}")


def _hindrance(attempt: Attempt, answer: PaymentResult | None, problem: str) -> str | None:
    if not attempt.request.recoverable:
        return f"a lost answer to {attempt.request.code} is never settled by the last result"
    if attempt.doubt:
        return attempt.doubt
    if attempt.refused:
        return "a transmission was refused (NAK) and another was not: the last result proves nothing"
    if attempt.baseline is None:
        return "the terminal's last result before the request is not known"
    if not _is_of(attempt, attempt.baseline):
        return f"the last result before the request is that of TID {attempt.baseline.terminal_id}"
    if answer is None:
        return problem or "the terminal gave no last result"
    return None


def _is_of(attempt: Attempt, result: PaymentResult) -> bool:
    return attempt.identity is None or identity_of(result.terminal_id, attempt.place) == attempt.identity


def _judge_unchanged(attempt: Attempt) -> Judgement:
    text = f"the terminal's last result is unchanged ({_words(attempt.baseline)})" if attempt.baseline else ""
    quiet = attempt.quiet_seconds >= attempt.longest_payment_time
    if attempt.trust_unchanged_result and quiet and not attempt.acknowledged and not attempt.progressed:
        return Judgement(Verdict.NOT_PERFORMED, f"{text} {attempt.quiet_seconds:.0f} s after the line's end, and the request met no ACK")
    return Judgement(Verdict.UNCHANGED, f"{text}: probably not performed")


def _doubt(attempt: Attempt, baseline: PaymentResult, answer: PaymentResult) -> str | None:
    """Return the first reason why a changed last result may not be ours."""
    request = attempt.request
    form = (answer.code, answer.length)
    if form not in ANSWERS[request.code] - ONLY_AFTER_ACK.get(request.code, frozenset()):
        return f"{answer.code} of {answer.length} bytes is not the answer to {request.code}"
    if answer.result not in ("00", "01", "05"):
        return f"its result code {answer.result} says neither approved nor declined"
    doubt = _doubt_by_stan(attempt, baseline, answer)
    if doubt is not None:
        return doubt
    problem = amount_problem(request, answer)
    if problem is not None:
        return f"its {problem}"
    if attempt.standalone_use:
        return _doubt_by_hand(attempt, answer)
    return None


def _clock_doubt(attempt: Attempt, answer: PaymentResult) -> str | None:
    """Say why its host_time does not show that a result is ours; a refusal may have none."""
    if not answer.approved and answer.host_time is None:
        return None
    latest = attempt.request_time + timedelta(seconds=attempt.answer_time)
    return time_doubt(answer.host_time, attempt.clock, attempt.request_time, latest)


def _doubt_by_stan(attempt: Attempt, baseline: PaymentResult, answer: PaymentResult) -> str | None:
    if answer.stan == NO_STAN:
        return "it has no STAN"
    if answer.stan == baseline.stan:
        return "it carries the STAN from before"
    if answer.stan in attempt.known_stans:
        return f"its STAN {answer.stan} belongs to another operation"
    previous = attempt.previous_stan
    if previous is None and not attempt.standalone_use:
        return None  # the terminal's first payment: STANs may begin anywhere
    previous = previous or NO_STAN
    if previous != NO_STAN and not is_beyond(answer.stan, previous):
        return f"its STAN {answer.stan} is not beyond {previous}: STANs started anew"
    if answer.stan == next_stan(previous):
        return None
    if attempt.standalone_use:
        return "the terminal is used by hand too, and the STAN is not the next one"
    missing = (int(answer.stan) - int(previous)) % HIGHEST_STAN - 1
    if missing <= attempt.unseen_stans and _doubt_by_hand(attempt, answer) is None:
        return None  # requests of ours took them
    return f"STANs are missing between {previous} and {answer.stan}: somebody else may have used the terminal"


def _doubt_by_hand(attempt: Attempt, answer: PaymentResult) -> str | None:
    if not attempt.acknowledged:
        return "the terminal is used by hand too, and our request met no ACK"
    if not answer.approved and answer.host_time is None and not attempt.refusals_take_stans:
        return "the terminal is used by hand too, and a refusal may repeat the STAN of a payment before it"
    request = attempt.request
    asked = None if isinstance(request, IncrementRequest) else getattr(request, "amount", None)
    if asked is None or answer.amount is None or answer.amount != asked:
        return "the terminal is used by hand too, and there is no amount to compare"
    return None


def _words(result: PaymentResult) -> str:
    return f"STAN {result.stan}" if result.stan != NO_STAN else f"{result.code} without STAN"
