"""What the register knows of a terminal between operations. Rebuilt from the journal at start-up."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecrlan.model import NO_STAN, ExtendedPurchaseRequest, PaymentResult, PurchaseRequest, Request, StatusResponse
from ecrlan.protocol.recovery import same_result


@dataclass(slots=True)
class Memory:
    """Facts about one terminal."""

    terminal_id: str | None = None
    """Its true TID: from the settings, or pinned at the first answer."""
    foreign_terminal_id: str | None = None
    """Another TID that answered: money stops until a person accepts it."""
    baseline: PaymentResult | None = None
    """Its last result as far as known."""
    baseline_message: bytes = b""
    """The same as it came."""
    journal_result: PaymentResult | None = None
    """The last result that the journal itself produced."""
    fresh: bool = False
    """Whether nothing can have changed the last result since."""
    fresh_of_journal: bool = False
    """Whether every operation since the journal's last result is settled and none can have left another."""
    used_by_hand: bool = False
    unanswered: bool = False
    """An exchange ended without a result, and none was properly ACKed since."""
    takes_extended: bool | None = None
    """Whether it takes `X`; None: not known."""
    stans: set[str] = field(default_factory=set)
    status: StatusResponse | None = None

    def baseline_is_fresh(self, *, standalone_use: bool) -> bool:
        """Tell whether the baseline can be used without asking `G` (exchange.md §5)."""
        return self.fresh and not standalone_use and not self.used_by_hand

    def is_new_stan(self, stan: str) -> bool:
        """Tell whether a result with this STAN can be a new one: no operation of ours has it, nor the last result that is known."""
        return stan == NO_STAN or (stan not in self.stans and (self.baseline is None or stan != self.baseline.stan))

    def differs_from_journal(self, answer: PaymentResult) -> bool:
        """Tell whether somebody else must have used the terminal since the journal's last result."""
        return self.journal_result is not None and self.fresh_of_journal and not same_result(self.journal_result, answer)

    def set_baseline(self, answer: PaymentResult | None, message: bytes = b"") -> None:
        """Take what `G` answered (None: it has none) as the last result."""
        self.baseline, self.baseline_message = answer, message
        self.fresh = answer is not None

    def set_stale(self) -> None:
        """Something begins, or was lost, that may leave a new last result."""
        self.fresh = False
        self.fresh_of_journal = False

    def remember(self, result: PaymentResult, message: bytes, *, is_saved: bool) -> None:
        """Take the result of an operation of ours; it is the terminal's last one now where terminals save its kind."""
        if result.stan != NO_STAN:
            self.stans.add(result.stan)
        if not is_saved:
            return
        self.baseline = self.journal_result = result
        self.baseline_message = message
        self.fresh = self.fresh_of_journal = True

    def learn_purchase_code(self, request: Request, *, acknowledged: bool) -> None:
        """Remember whether `X` is taken: yes once it was ACKed, no once `P` was ACKed in its place."""
        if not acknowledged:
            return
        if isinstance(request, ExtendedPurchaseRequest):
            self.takes_extended = True
        elif isinstance(request, PurchaseRequest) and request.code == "P" and self.takes_extended is None:
            self.takes_extended = False
