"""What an automaton hands to its shell: events to persist and publish, bytes to write, and when to be woken.

The shell handles a step in this order: persist the events, publish them, write the bytes, call `written` where bytes were written, and
set its one timer to `wake_at` (architecture.md, rules 1 and 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ecrlan.model import Evidence, Response


class Ending(str, Enum):
    """How an exchange ended."""

    ANSWERED = "answered"
    """A result that belongs to the request came."""
    ACKNOWLEDGED = "acknowledged"
    """The request (`E`, `R`) ends with its ACK, and that came."""
    REFUSED = "refused"
    """Every transmission was answered with a valid NAK: the terminal has not taken the request."""
    UNREADABLE = "unreadable"
    """An answer came that cannot be read: the request may or may not have been performed."""
    UNANSWERED = "unanswered"
    """Anything else: the request may or may not have been performed."""


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


@dataclass(frozen=True, slots=True)
class Sending:
    """A request's frame is about to be written; `transmission` counts from 1."""

    code: str
    frame: bytes = field(repr=False)
    transmission: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The terminal acknowledged the request."""

    code: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The terminal answered a transmission with a NAK."""

    code: str
    transmission: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The terminal's own text, such as "INSERIRE CARTA"."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of this request. `late`: after its exchange had ended. `after_nak`: the request was refused before: an alarm."""

    response: Response
    message: bytes = field(repr=False)
    late: bool = False
    after_nak: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A refusal that equals an earlier one came; whether it is this request's own is asked by `s` (exchange.md §3)."""

    response: Response
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PartReceived:
    """A part of an answer that is not whole yet."""

    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReceiptReceived:
    """Another part of the receipt."""

    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReceiptEnded:
    """The receipt's end mark came (`complete`), or the wait for it was over."""

    complete: bool


@dataclass(frozen=True, slots=True)
class DataReceived:
    """Additional data from the host."""

    data: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A message that is not the answer to this request, and is acknowledged. `response` is None where it could not be read."""

    reason: Evidence
    response: Response | None = None
    alarm: bool = False
    after_refusal: bool = False
    """An approval after the refusal that was this request's answer: the customer may have paid."""
    out_of_series: bool = False
    """An approval that is not believed for its STAN alone: a person's "approved" begins the series with it."""
    doubted: bool = False
    """An approval that may be this request's, or an earlier lost one's: nothing that the terminal says later proves whose it is."""
    message: bytes = field(default=b"", repr=False)
    """As it came; empty where it is no result."""


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Bytes that are no valid frame; `lrc` tells a frame with another LRC reading (`reading:payload-etx`) from a broken one."""

    lrc: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The exchange is over."""

    ending: Ending
    reason: Evidence


Event = (
    Sending
    | Accepted
    | Refused
    | Progress
    | Answered
    | Held
    | PartReceived
    | ReceiptReceived
    | ReceiptEnded
    | DataReceived
    | Stray
    | BadFrame
    | Ended
)


@dataclass(frozen=True, slots=True)
class Step:
    """Everything the shell must do. `wake_at` is monotonic seconds, None for no timer."""

    events: tuple[Event, ...] = ()
    send: tuple[bytes, ...] = ()
    wake_at: float | None = None
