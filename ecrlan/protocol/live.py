"""Whether a result that comes live is the answer to the open request (exchange.md §3 and §4). Pure; its truth is a table of tests.

A live result is judged by code, TID, form, amount and by whether it was seen before, never by the order of its STAN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ecrlan.model import ANY_TERMINAL, NO_STAN, Code, Evidence, PaymentResult, Request, Response, VasPart
from ecrlan.protocol.answers import ANSWERS, answer_problem
from ecrlan.protocol.memory import Standing


class Finding(Enum):
    """What a response is to the request."""

    ANSWER = "answer"
    HOLD = "hold"
    """A refusal that equals an earlier one: the answer only if no payment is running."""
    DOUBTFUL = "doubtful"
    """An approval that may be an earlier, lost request's."""
    OLDER = "older"
    """Certainly from before the request: it says nothing about it."""
    OUT_OF_SERIES = "out of series"
    """An approval whose STAN is not beyond the last one, and nothing shows that STANs started anew: only a person can say."""
    STRAY = "stray"
    """Not its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRules:
    """What must hold of an answer, and what was seen before the request.

    `terminal_id` is the TID that answers must carry (00000000 names nobody and fits), None where any will do. `standing` tells how a
    result stands to those seen before the request (`Memory.judge_of_now`), `begins_series` whether an approval with a STAN would be the
    first after STANs started anew, which is believed only after the request's ACK. `belongs` says why a response is not this request's
    answer, for what only its content shows (None: it is). `require_ack`: an exchange before this one ended without a result, so a result
    that comes before our request's ACK is not taken for ours (§5). `lost_before` is the lost operation whose own result is still unseen:
    an approval that comes too soon may be that one's (§3). `accept_short`: an `E` of 71 or 74 bytes may answer an `X` (§4).
    `last_message` is the terminal's last result as it came: repeated before our request's ACK it is not ours.
    """

    terminal_id: str | None = None
    standing: Callable[[PaymentResult, bytes], Standing] = lambda *_: Standing.NEW
    begins_series: Callable[[str], bool] = lambda _: False
    belongs: Callable[[Response], Evidence | None] = lambda _: None
    require_ack: bool = False
    lost_before: str | None = None
    accept_short: bool = True
    last_message: bytes = b""
    tolerate_lengths: bool = False

    def is_of_terminal(self, terminal_id: str) -> bool:
        """Tell whether a response can be this terminal's."""
        return self.terminal_id is None or terminal_id in (self.terminal_id, ANY_TERMINAL)

    def was_seen(self, response: PaymentResult, message: bytes) -> bool:
        """Tell whether an approval was seen before the request."""
        return self.standing(response, message) is Standing.SEEN

    def judge(
        self, request: Request, response: Response, message: bytes, *, acknowledged: bool, written: bool, soon: bool
    ) -> tuple[Finding, Evidence]:
        """Say what `response` (its TID fits) is to `request`, and why. `soon`: the ACK, if there was one, is less than 2 s old."""
        standing = Standing.NEW
        if isinstance(response, PaymentResult) and request.code != "G":
            if message == self.last_message and response.approved and not acknowledged:
                return Finding.OLDER, Evidence(Code.LAST_RESULT_AGAIN)
            standing = self.standing(response, message)
            if standing is Standing.SEEN:
                return Finding.OLDER, Evidence(Code.KNOWN_RESULT, {"stan": stan_of(response)})
        problem = self._problem(request, response, acknowledged=acknowledged, written=written)
        if problem is not None:
            return Finding.STRAY, problem
        if standing is Standing.OUT_OF_SERIES:
            return Finding.OUT_OF_SERIES, Evidence(Code.OUT_OF_SERIES)
        if standing is Standing.REPEATED:
            return Finding.HOLD, Evidence(Code.EQUAL_REFUSAL)
        approved = isinstance(response, PaymentResult) and response.approved and request.code in ANSWERS
        if self.lost_before is not None and (approved or isinstance(response, VasPart)) and (soon or not acknowledged):
            return Finding.DOUBTFUL, Evidence(Code.TOO_SOON, {"operation": self.lost_before})
        return Finding.ANSWER, Evidence(Code.ANSWERED)

    def _problem(self, request: Request, response: Response, *, acknowledged: bool, written: bool) -> Evidence | None:
        problem = answer_problem(
            request,
            response,
            acknowledged=acknowledged,
            tolerate_lengths=self.tolerate_lengths,
            accept_short=self.accept_short,
        )
        if problem is None and not isinstance(response, VasPart):
            problem = self.belongs(response)
        if problem is None and not written:
            return Evidence(Code.BEFORE_WRITTEN)
        if problem is None and self.require_ack and not acknowledged:
            return Evidence(Code.BEFORE_ACK)
        stan = response.stan if isinstance(response, PaymentResult) and response.approved and request.code != "G" else None
        if problem is None and stan is not None and not acknowledged and self.begins_series(stan):
            return Evidence(Code.ANEW_BEFORE_ACK)
        return problem


def stan_of(result: PaymentResult) -> str | None:
    """Return a result's STAN; None where it has none."""
    return result.stan if result.stan != NO_STAN else None
