"""What a terminal answers (messages.md, "Responses")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from ecrlan.model.requests import NO_STAN

ROME = "Europe/Rome"

RESULT_CODES = frozenset("EVeicv")
"""Response codes of a payment result, which is also what a terminal saves for `G`."""

OPERATIVE_WORDS = ("OPERATIVE", "OPERATIVO")
"""Words in place of the digit `terminal_status` that say "operative" (exchange.md §8)."""


class CardType(IntEnum):
    """`card_type` of results."""

    DEBIT = 1
    CREDIT = 2
    OTHER = 3


class TerminalStatus(IntEnum):
    """`terminal_status` of `s`: the page's examples; other digits are possible and are kept as plain numbers."""

    NOT_CONFIGURED = 0
    NO_DLL = 1
    OPERATIVE = 2
    NOT_ALIGNED = 3
    KEYS_CORRUPTED = 4
    DLL_PENDING = 5
    UPDATE_PENDING = 6


HALF_A_YEAR = timedelta(days=182)


@dataclass(frozen=True, slots=True)
class HostTime:
    """`host_time` `DDDhhmm`: day of the year, hour, minute in Europe/Rome; the year is not sent."""

    day_of_year: int
    hour: int
    minute: int

    def nearest(self, now: datetime) -> datetime:
        """Return the moment with the year that puts it nearest to `now` (timezone-aware), in Europe/Rome (exchange.md §7)."""
        rome = ZoneInfo(ROME)
        year = now.astimezone(rome).year
        moments = []
        for candidate in (year, year - 1, year + 1):
            moment = datetime(candidate, 1, 1, self.hour, self.minute, tzinfo=rome) + timedelta(days=self.day_of_year - 1)
            if moment.year == candidate:
                moments.append(moment)
                if abs(moment.astimezone(UTC) - now.astimezone(UTC)) < HALF_A_YEAR:
                    break  # no other year is nearer
        return min(moments or [now.astimezone(rome)], key=lambda moment: abs(moment.astimezone(UTC) - now.astimezone(UTC)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What every response begins with."""

    terminal_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResponse(Response):
    """`s`. `terminal_time` is the terminal's own clock, naive; None where it is no date.

    `terminal_status` is the digit at position 31. Some terminals send a word there: then it is None, and `status_word` is the word as it
    came (exchange.md §8). Both are None where nothing can be seen there.
    """

    code: str = "s"
    terminal_time: datetime | None
    terminal_status: int | None
    software_release: str
    status_word: str | None = None

    @property
    def operative(self) -> bool:
        """Whether the terminal says that it can work: by the digit 2, or by a word that is known for it."""
        return self.terminal_status == TerminalStatus.OPERATIVE or (self.status_word or "").upper() in OPERATIVE_WORDS

    @property
    def refusing_word(self) -> str | None:
        """A word that does not say "operative": money is refused with it. None for known words, and always for digits."""
        return None if self.operative else self.status_word


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyExchange:
    """The DCC fields of `V` and `v` where `dcc` is 1. `exchange_rate` has 4 decimals: 10893 = 1.0893."""

    exchange_rate: int
    currency: str
    currency_amount: int
    currency_decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentResult(Response):
    """`E`, `V`, `e`, `i`, `c` or `v`: the result of a payment, void, verification or pre-authorization step.

    `length` is the message's length in bytes, which tells the forms of `E` apart (71 or 74 = P or H, 84 = S, 92 = X). `pan` is its last
    four digits. A field is None where the message has none, or where it means nothing with this `result`.
    """

    length: int
    result: str
    pan: str | None = None
    entry_mode: str | None = None
    authorization_code: str | None = None
    host_time: HostTime | None = None
    reason: str | None = None
    action_code: str | None = None
    card_type: int | None = None
    acquirer_id: str | None = None
    stan: str = NO_STAN
    online_id: str = "000000"
    amount: int | None = None
    preauthorization_code: str | None = None
    currency_exchange: CurrencyExchange | None = None

    @property
    def approved(self) -> bool:
        """Whether the result code is `00`. An approval of *what* is for the register to check."""
        return self.result == "00"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSessionResponse(Response):
    """`C`. Totals in cents where OK, `reason` and `action_code` where KO."""

    code: str = "C"
    result: str
    terminal_total: int | None = None
    host_total: int | None = None
    reason: str | None = None
    action_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsResponse(Response):
    """`T`. `extra` is what a longer message holds behind position 34, as it came."""

    code: str = "T"
    result: str
    terminal_total: int | None = None
    extra: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalDataResponse(Response):
    """`U`: additional data from the host."""

    code: str = "U"
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPart(Response):
    """`S`: a part of a receipt, 1 to 200 bytes with control characters."""

    code: str = "S"
    receipt_text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VasPart(Response):
    """`K`: one part of a VAS answer; `sequence` counts from 1, `more` says that another follows."""

    code: str = "K"
    more: bool
    sequence: int
    xml: str
