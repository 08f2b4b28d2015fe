"""What the register knows of a terminal between operations. Rebuilt from the journal at start-up; it belongs to a TID, not to a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal

from ecrlan.model import ANY_TERMINAL, NO_STAN, ExtendedPurchaseRequest, PaymentResult, PurchaseRequest, Request, StatusResponse
from ecrlan.protocol.answers import ANSWERS
from ecrlan.protocol.clock import LearnedClock, readings
from ecrlan.protocol.identity import approval_of_key, identity_of, seen_key, vas_key

HIGHEST_STAN = 999_999
VOID_FORM = ("E", 84)
REFUSALS = ("01", "05")
"""Result codes that say that nothing was charged."""


class Standing(str, Enum):
    """How a result stands to those that were seen before a request."""

    NEW = "new"
    SEEN = "seen"
    """A copy of an approval that was seen before: never the answer."""
    OUT_OF_SERIES = "out of series"
    """An approval whose STAN is not beyond the last one, and nothing shows that STANs started anew: not believed."""
    REPEATED = "repeated"
    """A refusal that equals an earlier one: a stale copy, or this request's own."""


def next_stan(stan: str) -> str:
    """Return the STAN that follows: 000001 after 999999."""
    return f"{int(stan) % HIGHEST_STAN + 1:06}"


def is_beyond(stan: str, last: str) -> bool:
    """Tell whether a STAN comes after `last` in its series, which goes on with 1 after 999999: less than half the way round."""
    return 0 < (int(stan) - int(last)) % HIGHEST_STAN < HIGHEST_STAN // 2


def same_result(one: PaymentResult, other: PaymentResult) -> bool:
    """Tell whether two answers are the same saved result: the identity fields agree, compared parsed and not as bytes."""
    return _fields(one) == _fields(other)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operation of ours that ended without a charge, as far as was told: its reference, its request, and when that was sent."""

    reference: str
    request: Request
    time: datetime
    told: Literal["declined", "not performed"] = "declined"


@dataclass(slots=True, kw_only=True)
class Memory:
    """Facts about one terminal. `place` is its ADDRESS:PORT."""

    place: str = ""
    terminal_id: str | None = None
    """Its true TID: from the settings, or pinned at the first answer. None: not known, or it names itself 00000000."""
    nameless: bool = False
    """Whether it answered with TID 00000000, which names nobody: then its place is its identity."""
    foreign_terminal_id: str | None = None
    """Another TID that answered: money stops until a person accepts it."""
    baseline: PaymentResult | None = None
    """Its last result as far as known."""
    baseline_message: bytes = b""
    """The same as it came."""
    fresh: bool = False
    """Whether nothing can have changed the last result since."""
    unseen_operations: set[str] = field(default_factory=set)
    """References of operations that were sent and whose results have not been seen: an unknown approval may be one of theirs."""
    last_refusal: Refusal | None = None
    """The operation that was refused last: an approval may follow it all the same."""
    used_by_hand: bool = False
    """Whether the terminal was found to be used by hand, or by another register, though the settings say that it is not."""
    unanswered: bool = False
    """An exchange ended without a result, and none was properly ACKed since."""
    unseen: tuple[str, float] | None = None
    """The `H`, `P` or `X` that ended without its result: its reference, and when (monotonic seconds). A short result may be its own."""
    lost: str | None = None
    """The lost operation that a person settled: its own result is still unseen (exchange.md §3, "After a lost request")."""
    lost_at: float = 0.0
    """When its line ended, monotonic seconds."""
    must_ask: bool = False
    """A person settled a lost operation, and the terminal has answered no question on a new line since."""
    takes_extended: bool | None = None
    """Whether it takes `X`; None: not known."""
    answers_extended: bool = False
    """Whether this TID and release answered `X` by the extended result (92 bytes)."""
    last_stan: str | None = None
    """The STAN of the last result of an operation of ours."""
    refusals_take_stans: bool = False
    """Whether a refusal of this TID was seen to carry the next STAN; others repeat the last one."""
    unseen_stans: int = 0
    """Requests of ours that may have taken a STAN since the last result of ours that was seen."""
    stans: set[str] = field(default_factory=set)
    """STANs of the operations of this series."""
    last_approval: str = ""
    """What the last approval of an operation of ours is known by (`seen_key`), '' where there is none."""
    clock: LearnedClock = field(default_factory=LearnedClock)
    status: StatusResponse | None = None
    refusing_word: str | None = None
    """The word, other than operative, with which it answered the last status request: money waits until it says another."""
    _seen: dict[str, int] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _count: int = 0

    @property
    def identity(self) -> str:
        """Who the terminal is: its TID, or its place."""
        return identity_of(self.terminal_id, self.place)

    def is_another(self, terminal_id: str) -> bool:
        """Tell whether a TID is that of another terminal; 00000000 is nobody's."""
        return terminal_id != ANY_TERMINAL and self.terminal_id is not None and terminal_id != self.terminal_id

    # --- results that were seen -------------------------------------------------------------------------------------------------------

    def recall(
        self, answered: Iterable[str], strays: Iterable[str], stans: Iterable[str], last_stan: str | None, last_approval: str
    ) -> None:
        """Take from the journal which results of this terminal were seen."""
        self._seen = dict.fromkeys((*strays, *answered), 0)
        self._known = set(answered)
        self.stans = set(stans)
        self.last_stan = last_stan
        self.last_approval = last_approval

    def see(self, result: PaymentResult, message: bytes) -> None:
        """Note a result that came, whoever's it is."""
        self._count += 1
        self._seen.setdefault(seen_key(result, message), self._count)

    def knows_vas(self, xml: str) -> bool:
        """Tell whether a VAS answer is that of an earlier operation of ours."""
        return vas_key(xml) in self._known

    def remember_vas(self, xml: str) -> None:
        """Take the answer of a VAS operation of ours."""
        self._known.add(vas_key(xml))

    def is_known(self, result: PaymentResult, message: bytes) -> bool:
        """Tell whether a result is that of an operation of ours."""
        return seen_key(result, message) in self._known

    def judge_of_now(self) -> Callable[[PaymentResult, bytes, datetime], Standing]:
        """Return what tells how a result stands to those seen until now; results that are seen later do not change it."""
        until = self._count

        def judge(result: PaymentResult, message: bytes, now: datetime) -> Standing:
            seen = self._seen.get(seen_key(result, message), until + 1) <= until
            if not result.approved:
                return Standing.REPEATED if seen and result.result in REFUSALS else Standing.NEW
            if seen:
                return Standing.SEEN
            return Standing.NEW if self._fits_series(result, now) else Standing.OUT_OF_SERIES

        return judge

    def _fits_series(self, result: PaymentResult, now: datetime) -> bool:
        """Tell whether an approval can come after the last one: by its STAN, or as the first of STANs that started anew."""
        return not self.begins_series(result.stan) or self._may_begin_series(result, now)

    def begins_series(self, stan: str) -> bool:
        """Tell whether an approval's STAN is not beyond the last one."""
        return stan != NO_STAN and self.last_stan is not None and not is_beyond(stan, self.last_stan)

    def _may_begin_series(self, result: PaymentResult, now: datetime) -> bool:
        """Tell whether host_time and authorization code show a new payment, though its STAN was used or passed before."""
        if not self.last_approval:
            return True
        authorization_code, host_time = approval_of_key(self.last_approval)
        is_void = (result.code, result.length) == VOID_FORM  # which has no authorization code
        if not is_void and result.authorization_code in (None, authorization_code):
            return False
        if result.host_time is None or self.clock.offset is None:
            return False
        moments, last = readings(result.host_time, now), readings(host_time, now) if host_time is not None else ()
        return bool(moments) and (not last or min(moments) >= max(last))

    # --- the last result --------------------------------------------------------------------------------------------------------------

    def baseline_is_fresh(self, request: Request, *, standalone_use: bool) -> bool:
        """Tell whether the baseline can be used without asking `G` (exchange.md §5). After a refusal an approval may have come unseen."""
        alone = not standalone_use and not self.used_by_hand
        refused = self.last_refusal is not None and request.code in ANSWERS
        return self.fresh and alone and not self.must_ask and not refused

    def is_foreign(self, answer: PaymentResult, message: bytes) -> bool:
        """Tell whether the last result is a newer approval that nobody knows, and that can be no unseen operation of ours."""
        unknown = answer.approved and not self.unseen_operations and not self.was_seen(answer, message)
        previous = self.previous_stan()
        return unknown and previous is not None and is_beyond(answer.stan, previous)

    def was_seen(self, result: PaymentResult, message: bytes) -> bool:
        """Tell whether a result, or a copy of it, was seen before, whoever's it is."""
        return seen_key(result, message) in self._seen

    def set_baseline(self, answer: PaymentResult | None, message: bytes = b"") -> None:
        """Take what `G` answered (None: it has none) as the last result."""
        self.baseline, self.baseline_message = answer, message
        self.fresh = answer is not None
        if answer is not None:
            self.see(answer, message)

    def set_stale(self) -> None:
        """Something begins, or was lost, that may leave a new last result."""
        self.fresh = False

    def forget_unseen(self, reference: str) -> None:
        """Take note that the result of an operation was seen."""
        self.unseen_operations.discard(reference)
        if self.unseen is not None and self.unseen[0] == reference:
            self.unseen = None

    def previous_stan(self) -> str | None:
        """Return the STAN after which the next operation's comes: the baseline's, or that of a later result of ours; None: not known."""
        known = self.baseline.stan if self.baseline is not None and self.baseline.stan != NO_STAN else None
        if known is None or self.last_stan is None:
            return known or self.last_stan
        return self.last_stan if is_beyond(self.last_stan, known) else known

    def remember(self, result: PaymentResult, message: bytes, *, is_saved: bool) -> bool:
        """Take the result of an operation of ours; it is the terminal's last one now where terminals save its kind.

        Returns whether STANs started anew with it.
        """
        self.unseen_stans = 0
        previous = self.previous_stan()
        if not result.approved and previous is not None and result.stan == next_stan(previous):
            self.refusals_take_stans = True
        anew = result.approved and self.begins_series(result.stan)
        if anew:
            self.stans.clear()
        self.see(result, message)
        self._known.add(seen_key(result, message))
        if result.stan != NO_STAN:
            self.stans.add(result.stan)
            if result.approved or self.last_stan is None or is_beyond(result.stan, self.last_stan):
                self.last_stan = result.stan
        if result.approved:
            self.last_approval = seen_key(result, message)
        if is_saved:
            self.baseline, self.baseline_message = result, message
            self.fresh = True
        return anew

    # --- what it takes ----------------------------------------------------------------------------------------------------------------

    def learn_purchase_code(self, request: Request, *, acknowledged: bool) -> None:
        """Remember whether `X` is taken: yes once it was ACKed, no once `P` was ACKed in its place."""
        if not acknowledged:
            return
        if isinstance(request, ExtendedPurchaseRequest):
            self.takes_extended = True
        elif isinstance(request, PurchaseRequest) and request.code == "P" and self.takes_extended is None:
            self.takes_extended = False


def _fields(result: PaymentResult) -> tuple[object, ...]:
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
