"""A refusal that equals an earlier one byte for byte, until the terminal has said whether a payment is running (exchange.md §3).

It may be a stale copy of the earlier one, or this request's own: two customers press the red key. It is acknowledged and held; then `s`
is asked. An answer says that no payment is running, and the refusal is this request's own. A NAK, progress or silence says that one may be.
"""

from __future__ import annotations

from ecrlan.model import PaymentResult

HELD_SECONDS = 1.0
"""Seconds from the refusal to the question."""
ASK_AGAIN_SECONDS = 3.0
"""Seconds until it is asked again, after a NAK, progress or silence."""


class HeldRefusal:
    """The refusal, its message, and when the terminal is asked. Times are monotonic seconds."""

    def __init__(self, response: PaymentResult, message: bytes, now: float) -> None:
        self.response = response
        self.message = message
        self.ask_at = now + HELD_SECONDS
        self.asked = 0
        """How often it was asked."""
        self.asking = False
        """Whether an answer is due."""

    def ask(self, now: float) -> bool:
        """Tell that `now` is here; True: ask `s` now."""
        if now < self.ask_at:
            return False
        self.asking = True
        self.asked += 1
        self.ask_at = now + ASK_AGAIN_SECONDS
        return True

    def busy(self, now: float) -> None:
        """Take note that a payment may be running."""
        self.asking = False
        self.ask_at = now + ASK_AGAIN_SECONDS
