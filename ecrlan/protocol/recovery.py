"""What the journal and a last-result answer together prove about a request whose result was lost (exchange.md §5).

Pure. `judge` never guesses: what is not proved stays `Unresolved`, with what is known in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ecrlan.model import NO_STAN, IncrementRequest, PaymentResult, Request
from ecrlan.protocol.answers import ANSWERS, ONLY_AFTER_ACK, amount_problem

CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far the terminal's clock may lie behind ours when its host_time is compared with the time of the request."""
HIGHEST_STAN = 999_999


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

    `baseline` is the terminal's last result before the request, None where it is not known. `known_stans` are the STANs of the journal's
    operations on this terminal. `refused`: a transmission was answered with a NAK. `quiet_seconds` is the time since the line's end, by
    a monotonic clock, counted anew after a restart. No other exchange that may save a result ran since the baseline: while the request
    is open its terminal takes none.
    """

    request: Request
    request_time: datetime
    baseline: PaymentResult | None
    known_stans: frozenset[str]
    acknowledged: bool
    progressed: bool
    refused: bool
    standalone_use: bool
    trust_unchanged_result: bool
    longest_payment_time: float
    quiet_seconds: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its evidence in words."""

    verdict: Verdict
    evidence: str


def same_result(one: PaymentResult, other: PaymentResult) -> bool:
    """Tell whether two answers are the same saved result: the identity fields agree, compared parsed and not as bytes."""
    return _identity(one) == _identity(other)


def judge(attempt: Attempt, answer: PaymentResult | None, problem: str = "") -> Judgement:
    """Judge the terminal's `answer` to `G`; None where it gave none, for which `problem` says why."""
    hindrance = _hindrance(attempt, answer, problem)
    if hindrance is not None or answer is None or attempt.baseline is None:
        return Judgement(Verdict.UNPROVED, hindrance or problem)
    if same_result(attempt.baseline, answer):
        return _judge_unchanged(attempt)
    doubt = _doubt(attempt, attempt.baseline, answer)
    if doubt is not None:
        return Judgement(
            Verdict.CHANGED, f"the terminal's last result changed ({_words(attempt.baseline)} to {_words(answer)}), but {doubt}"
        )
    amount = "" if answer.amount is None else f", amount {answer.amount / 100:.2f} as asked"
    return Judgement(Verdict.OURS, f"the terminal's last result changed from {_words(attempt.baseline)} to {_words(answer)}{amount}")


def _hindrance(attempt: Attempt, answer: PaymentResult | None, problem: str) -> str | None:
    if attempt.request.code not in ANSWERS or attempt.request.code == "H":
        return f"a lost answer to {attempt.request.code} is never settled by the last result"
    if attempt.refused:
        return "a transmission was refused (NAK) and another was not: the last result proves nothing"
    if attempt.baseline is None:
        return "the terminal's last result before the request is not known"
    if answer is None:
        return problem or "the terminal gave no last result"
    return None


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
    if answer.stan == NO_STAN:
        return "it has no STAN"
    if answer.stan == baseline.stan:
        return "it carries the STAN from before"
    if answer.stan in attempt.known_stans:
        return f"its STAN {answer.stan} belongs to another operation"
    if answer.host_time is not None and answer.host_time.nearest(attempt.request_time) < attempt.request_time - CLOCK_TOLERANCE:
        return "its host time lies before the request"
    problem = amount_problem(request, answer)
    if problem is not None:
        return f"its {problem}"
    if attempt.standalone_use:
        return _doubt_by_hand(attempt, baseline, answer)
    return None


def _doubt_by_hand(attempt: Attempt, baseline: PaymentResult, answer: PaymentResult) -> str | None:
    if not attempt.acknowledged:
        return "the terminal is used by hand too, and our request met no ACK"
    if int(answer.stan) != int(baseline.stan) % HIGHEST_STAN + 1:
        return "the terminal is used by hand too, and the STAN is not the next one"
    request = attempt.request
    asked = None if isinstance(request, IncrementRequest) else getattr(request, "amount", None)
    if asked is None or answer.amount is None or answer.amount != asked:
        return "the terminal is used by hand too, and there is no amount to compare"
    return None


def _identity(result: PaymentResult) -> tuple[object, ...]:
    return (
        result.code,
        result.length,
        result.result,
        result.terminal_id,
        result.stan,
        result.online_id,
        result.host_time,
        result.authorization_code,
        result.amount,
        result.pan,
        result.preauthorization_code,
    )


def _words(result: PaymentResult) -> str:
    return f"STAN {result.stan}" if result.stan != NO_STAN else f"{result.code} without STAN"
