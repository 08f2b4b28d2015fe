"""What a request does to the emulated terminal's ledger, and which result it gives.

Rules beyond the amounts of `scenarios`: a void reverses the last approved payment or pre-authorization step, once, before the session
is closed, and only if its STAN is that one's or 000000. An increment adds to an open pre-authorization; a capture closes it, for at
most the sum that was authorized. Every financial request takes a STAN, approved or not; only what reached the host takes an online_id.
The manners `refusal_repeats_stan`, `blank_refusal` and `stan_anew` change that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.firmware import LONG_E, pan_form
from ecrlan.emulator.ledger import Charge, ChargeKind, Ledger
from ecrlan.emulator.scenarios import APPROVED, Scenario, currency_exchange, scenario_of
from ecrlan.emulator.slips import Slip, payment_slip, totals_slip
from ecrlan.errors import InvalidValueError
from ecrlan.model import (
    MAXIMUM_AMOUNT,
    NO_STAN,
    CaptureRequest,
    CardType,
    CloseSessionRequest,
    CloseSessionResponse,
    CurrencyExchange,
    HostTime,
    IncrementRequest,
    PaymentResult,
    PaymentType,
    PreauthorizationRequest,
    PurchaseRequest,
    Request,
    Response,
    TotalsRequest,
    TotalsResponse,
    VerifyCardRequest,
    VoidRequest,
)

FORMS: Final = {"P": ("E", 71), "X": ("E", 92), "p": ("e", 106), "S": ("E", 84), "i": ("i", 75), "c": ("c", 74), "H": ("E", 71)}
"""The result's code and length in bytes, by the request's code."""
EXCHANGE_FORMS: Final = {"P": ("V", 117), "X": ("V", 117), "c": ("v", 109)}
"""The same with currency exchange (DCC)."""
REFUSED: Final = Scenario(text="refused by the host", result="01", reason="TRANSAZIONE NEGATA", action_code="100")
LATE_APPROVAL: Final = Scenario(text="approved after a refusal")
"""What the manner `approval_after_refusal` does."""
UNKNOWN_TAG: Final = Scenario(text="unknown tag from the host", result="09")
KO: Final = "01"
STANLESS_REFUSALS: Final = ("blank_refusal", "refusal_repeats_stan")
"""Manners whose refusals take no STAN; the first one goes before the other."""
FIRMWARE_ENTRY_MODE: Final = "CLE"


@dataclass(slots=True)
class Preauthorization:
    """A pre-authorization: `authorized` is the sum of its steps in cents, `captured` what was charged when it was closed."""

    code: str
    authorized: int
    open: bool = True
    captured: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What came of a request. `entry` is the ledger's, None where nothing was charged, reversed, authorized or closed.

    `manners` are those that show in the result; `pan` its 19 bytes where they are not as the pages have them.
    """

    result: Response
    scenario: Scenario
    slip: Slip | None = None
    entry: Charge | None = None
    manners: frozenset[str] = frozenset()
    pan: bytes | None = None


class Payments:
    """STAN and online_id, the session's payments and the open pre-authorizations of one terminal."""

    def __init__(self, terminal_id: str, behaviour: Behaviour, ledger: Ledger) -> None:
        self.terminal_id = terminal_id
        self.behaviour = behaviour
        self.ledger = ledger
        self.stan = 0
        self.online_id = 0
        self._first_preauthorization = 0
        self.preauthorizations: dict[str, Preauthorization] = {}
        self.last_payment: Charge | None = None
        self._closed_entries = 0
        self._stans_taken = 0
        self._closed_series = False
        self._approvals = 0

    def begin_after(self, stan: int, online_id: int, preauthorization: int) -> None:
        """Set the numbers that were used last. Raises `InvalidValueError` for one that fits no message."""
        for place, value, largest in (
            ("first_stan", stan, 999_999),
            ("first_online_id", online_id, 999_999),
            ("first_preauthorization", preauthorization, 999_000_000),
        ):
            if not 0 <= value <= largest:
                raise InvalidValueError(place, value, f"0 to {largest}")
        self.stan, self.online_id, self._first_preauthorization = stan, online_id, preauthorization

    # --- what the session amounts to ----------------------------------------------------------------------------------------------

    @property
    def session(self) -> tuple[Charge, ...]:
        """The card payments and voids since the last closing."""
        return tuple(entry for entry in self.ledger.entries[self._closed_entries :] if entry.effect and entry.order_id is None)

    @property
    def session_total(self) -> int:
        """Cents paid by card since the last closing, less what was reversed."""
        return sum(entry.effect for entry in self.session)

    # --- requests -------------------------------------------------------------------------------------------------------------------

    def perform(self, request: Request, time: datetime, *, scenario: Scenario | None = None, by_hand: bool = False) -> Performance:
        """Perform `P X p S i c H C T` at `time` (the terminal's clock). `scenario` overrides what the amount would choose."""
        chosen = scenario or scenario_of(getattr(request, "amount", None))
        if isinstance(request, CloseSessionRequest):
            return self._close_session(chosen, time)
        if isinstance(request, TotalsRequest):
            return self._totals(chosen, time)
        if isinstance(request, PurchaseRequest) and chosen.result == "05" and not request.card_present:
            chosen = APPROVED
        problem = self._local_problem(request)
        if problem is not None:
            chosen = Scenario(text=problem, result="01", reason=problem, by_host=False)
        manners = self._take_numbers(chosen)
        if chosen.result == "00":
            performance = self._approve(request, chosen, time, by_hand=by_hand)
        else:
            performance = Performance(result=self._result(request, chosen, time), scenario=chosen)
        return self._with_manners(performance, manners)

    def _take_numbers(self, scenario: Scenario) -> set[str]:
        """Take the next STAN and online_id as the manners want it, and return the manners that show in them."""
        manners, shown = self.behaviour.manners, set[str]()
        if scenario.result == KO:
            stanless = next((name for name in STANLESS_REFUSALS if name in manners), None)
            if stanless is not None:
                return {stanless}
        if "stan_anew" in manners:
            full = self._stans_taken >= self.behaviour.stans_in_series
            if self.stan and (full or self._closed_series):
                self.stan = self._stans_taken = 0
                shown.add("stan_anew")
        self._closed_series = False
        self.stan = self.stan % 999_999 + 1
        self._stans_taken += 1
        if scenario.by_host:
            self.online_id = self.online_id % 999_999 + 1
        return shown

    def _with_manners(self, performance: Performance, manners: set[str]) -> Performance:
        """Add the manners that show in a finished result."""
        result = performance.result
        if not isinstance(result, PaymentResult):
            return performance
        wanted, pan = self.behaviour.manners, None
        if performance.scenario is LATE_APPROVAL:
            manners.add("approval_after_refusal")
        if result.code == "E" and result.length == LONG_E:
            manners.add("e74")
        if "host_time_behind" in wanted and result.host_time is not None:
            manners.add("host_time_behind")
        if "pan_forms" in wanted and result.approved:
            manners.add("pan_forms")
            pan = pan_form(self.behaviour.card, self._approvals)
            self._approvals += 1
        return replace(performance, manners=frozenset(manners), pan=pan)

    def _local_problem(self, request: Request) -> str | None:
        """Say why the terminal itself refuses a request, without asking the host."""
        if isinstance(request, VoidRequest):
            if self.last_payment is None:
                return "NESSUNA TRANSAZIONE"
            if self.last_payment.voided:
                return "GIA' STORNATA"
            if request.stan not in (NO_STAN, self.last_payment.stan):
                return "STAN ERRATO"
        if isinstance(request, IncrementRequest):
            preauthorization = self.preauthorizations.get(request.preauthorization_code)
            if preauthorization is None:
                return "PREAUT. SCONOSCIUTA"
            if not preauthorization.open:
                return "PREAUT. GIA' CHIUSA"
            if isinstance(request, CaptureRequest):
                return "IMPORTO SUPERIORE" if request.amount > preauthorization.authorized else None
            return "IMPORTO SUPERIORE" if preauthorization.authorized + request.amount > MAXIMUM_AMOUNT else None
        return None

    def _approve(self, request: Request, scenario: Scenario, time: datetime, *, by_hand: bool) -> Performance:
        amount: int | None = getattr(request, "amount", None)
        code: str | None = getattr(request, "preauthorization_code", None)
        entry: Charge | None = None
        if isinstance(request, VoidRequest):
            entry = self._void(time)
            amount = entry.amount
        elif isinstance(request, PreauthorizationRequest):
            code = f"{self._first_preauthorization + len(self.preauthorizations) + 1:09}"
            self.preauthorizations[code] = Preauthorization(code, request.amount)
            entry = self._write(ChargeKind.PREAUTHORIZE, request, time, moves=False, preauthorization=code)
        elif isinstance(request, CaptureRequest):
            preauthorization = self.preauthorizations[request.preauthorization_code]
            preauthorization.open, preauthorization.captured = False, request.amount
            entry = self._write(ChargeKind.CAPTURE, request, time, moves=True, preauthorization=code)
        elif isinstance(request, IncrementRequest):
            self.preauthorizations[request.preauthorization_code].authorized += request.amount
            entry = self._write(ChargeKind.INCREMENT, request, time, moves=False, preauthorization=code)
        elif isinstance(request, PurchaseRequest):
            entry = self._write(ChargeKind.PURCHASE, request, time, moves=True)
            entry.by_hand = by_hand
        if entry is not None and entry.kind is not ChargeKind.VOID:
            self.last_payment = entry
        exchange = currency_exchange(scenario, amount) if amount is not None and request.code in EXCHANGE_FORMS else None
        result = self._result(request, scenario, time, amount=amount, preauthorization_code=code, exchange=exchange)
        slip = payment_slip(
            request.code,
            result,
            merchant=self.behaviour.merchant,
            time=time,
            amount=amount,
            receipt_text=getattr(request, "receipt_text", ""),
            chip="receipt_lines" in self.behaviour.manners or "receipt_run_on" in self.behaviour.manners,
        )
        return Performance(result=result, scenario=scenario, slip=slip, entry=entry)

    def _write(self, kind: ChargeKind, request: Request, time: datetime, *, moves: bool, preauthorization: str | None = None) -> Charge:
        amount: int = getattr(request, "amount", 0)
        return self.ledger.write(
            kind,
            amount,
            effect=amount if moves else 0,
            stan=f"{self.stan:06}",
            time=time,
            code=request.code,
            preauthorization_code=preauthorization,
        )

    def _void(self, time: datetime) -> Charge:
        """Reverse the last payment, and what it did to a pre-authorization; a captured one stays closed."""
        voided = self.last_payment
        if voided is None:  # _local_problem saw to it
            raise AssertionError
        if voided.preauthorization_code is not None:
            preauthorization = self.preauthorizations[voided.preauthorization_code]
            if voided.kind is ChargeKind.PREAUTHORIZE:
                preauthorization.open = False
            elif voided.kind is ChargeKind.INCREMENT:
                preauthorization.authorized -= voided.amount
        return self.ledger.write(
            ChargeKind.VOID,
            voided.amount,
            effect=-voided.effect,
            stan=f"{self.stan:06}",
            time=time,
            code="S",
            preauthorization_code=voided.preauthorization_code,
            voids=voided,
        )

    def _close_session(self, scenario: Scenario, time: datetime) -> Performance:
        if scenario.result != "00":
            reason, action_code = scenario.reason[:19], scenario.action_code
            refusal = CloseSessionResponse(terminal_id=self.terminal_id, result=scenario.result, reason=reason, action_code=action_code)
            return Performance(result=refusal, scenario=scenario)
        total, slip = self.session_total, self._totals_slip(time, closing=True)
        entry = self.ledger.write(ChargeKind.CLOSE_SESSION, total, effect=0, stan=NO_STAN, time=time, code="C")
        self._closed_entries = len(self.ledger)
        self.last_payment = None
        self._closed_series = True
        result = CloseSessionResponse(terminal_id=self.terminal_id, result="00", terminal_total=total, host_total=total)
        return Performance(result=result, scenario=scenario, slip=slip, entry=entry)

    def _totals(self, scenario: Scenario, time: datetime) -> Performance:
        approved = scenario.result == "00"
        total = self.session_total if approved else None
        result = TotalsResponse(terminal_id=self.terminal_id, result=scenario.result, terminal_total=total)
        return Performance(result=result, scenario=scenario, slip=self._totals_slip(time, closing=False) if approved else None)

    def _totals_slip(self, time: datetime, *, closing: bool) -> Slip:
        merchant, total, count = self.behaviour.merchant, self.session_total, len(self.session)
        return totals_slip(self.terminal_id, merchant=merchant, time=time, total=total, count=count, closing=closing)

    # --- results --------------------------------------------------------------------------------------------------------------------

    def nothing_saved(self) -> PaymentResult:
        """Return the answer to `G` of a terminal that has saved no result yet."""
        reason = "NESSUNA OPERAZIONE"
        return PaymentResult(terminal_id=self.terminal_id, code="E", length=71, result="01", reason=reason, card_type=CardType.OTHER)

    def _result(
        self,
        request: Request,
        scenario: Scenario,
        time: datetime,
        *,
        amount: int | None = None,
        preauthorization_code: str | None = None,
        exchange: CurrencyExchange | None = None,
    ) -> PaymentResult:
        code, length = FORMS[request.code]
        if code == "c":
            length = self.behaviour.capture_result_length
        approved = scenario.result == "00"
        if approved and (scenario.exchange or scenario.no_exchange):
            code, length = EXCHANGE_FORMS.get(request.code, (code, length))
        if not approved:
            amount = getattr(request, "amount", None) if code == "E" else None
        manners = self.behaviour.manners
        stanless = scenario.result == KO and any(name in manners for name in STANLESS_REFUSALS)
        if code == "E" and request.code == "P" and "e74" in manners:
            length = LONG_E
        if "host_time_behind" in manners:
            time -= timedelta(hours=self.behaviour.host_time_behind_hours)
        host_time = HostTime(time.timetuple().tm_yday, time.hour, time.minute)
        digits = 5 if "pan_forms" in manners else 6
        authorization_code = f"{self.online_id * 7919 % 10**digits:0{digits}}"
        entry_mode = FIRMWARE_ENTRY_MODE if "pan_forms" in manners else self.behaviour.entry_mode
        return PaymentResult(
            terminal_id=self.terminal_id,
            code=code,
            length=length,
            result=scenario.result,
            pan=self.behaviour.card if approved else None,
            entry_mode=(scenario.entry_mode or entry_mode) if approved else None,
            authorization_code=authorization_code if approved and request.code != "S" else None,
            host_time=host_time if approved or (code == "i" and not stanless) else None,
            reason=scenario.reason if scenario.result == "01" else None,
            # an `E` of 71 bytes has an action code only where it refuses an `H`
            action_code=None if length == 71 and (approved or request.code != "H") else scenario.action_code,
            card_type=None if stanless else self._card_type(request, scenario),
            acquirer_id=None if stanless else self.behaviour.acquirer_id,
            stan=f"{self.stan:06}",
            online_id=f"{self.online_id:06}" if scenario.by_host and not stanless else "000000",
            amount=amount,
            preauthorization_code=preauthorization_code if approved else None,
            currency_exchange=exchange,
        )

    def _card_type(self, request: Request, scenario: Scenario) -> CardType:
        """Return the card's kind: the one that the request asks for, else the scenario's, else the usual one."""
        if isinstance(request, PurchaseRequest | VerifyCardRequest) and request.payment_type is not PaymentType.AUTOMATIC:
            return CardType(int(request.payment_type))
        return scenario.card_type or self.behaviour.card_type
