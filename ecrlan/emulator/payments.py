"""What a request does to the emulated terminal's ledger, and which result it gives.

Rules beyond the amounts of `scenarios`: a void reverses the last approved payment or pre-authorization step, once, before the session
is closed, and only if its STAN is that one's or 000000. An increment adds to an open pre-authorization; a capture closes it, for at
most the sum that was authorized. Every financial request takes a STAN, approved or not; only what reached the host takes an online_id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.ledger import Charge, ChargeKind, Ledger
from ecrlan.emulator.scenarios import APPROVED, Scenario, currency_exchange, scenario_of
from ecrlan.emulator.slips import Slip, payment_slip, totals_slip
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
UNKNOWN_TAG: Final = Scenario(text="unknown tag from the host", result="09")
FIRST_PREAUTHORIZATION: Final = 700_000_000


@dataclass(slots=True)
class Preauthorization:
    """A pre-authorization: `authorized` is the sum of its steps in cents, `captured` what was charged when it was closed."""

    code: str
    authorized: int
    open: bool = True
    captured: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What came of a request. `entry` is the ledger's, None where nothing was charged, reversed, authorized or closed."""

    result: Response
    scenario: Scenario
    slip: Slip | None = None
    entry: Charge | None = None


class Payments:
    """STAN and online_id, the session's payments and the open pre-authorizations of one terminal."""

    def __init__(self, terminal_id: str, behaviour: Behaviour, ledger: Ledger) -> None:
        self.terminal_id = terminal_id
        self.behaviour = behaviour
        self.ledger = ledger
        self.stan = 0
        self.online_id = 0
        self.preauthorizations: dict[str, Preauthorization] = {}
        self.last_payment: Charge | None = None
        self._closed_entries = 0

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
        self.stan = self.stan % 999_999 + 1
        if isinstance(request, PurchaseRequest) and chosen.result == "05" and not request.card_present:
            chosen = APPROVED
        problem = self._local_problem(request)
        if problem is not None:
            chosen = Scenario(text=problem, result="01", reason=problem, by_host=False)
        if chosen.by_host:
            self.online_id = self.online_id % 999_999 + 1
        if chosen.result != "00":
            return Performance(result=self._result(request, chosen, time), scenario=chosen)
        return self._approve(request, chosen, time, by_hand=by_hand)

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
            code = str(FIRST_PREAUTHORIZATION + len(self.preauthorizations) + 1)
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
        host_time = HostTime(time.timetuple().tm_yday, time.hour, time.minute)
        authorization_code = f"{self.online_id * 7919 % 1_000_000:06}"
        return PaymentResult(
            terminal_id=self.terminal_id,
            code=code,
            length=length,
            result=scenario.result,
            pan=self.behaviour.card if approved else None,
            entry_mode=(scenario.entry_mode or self.behaviour.entry_mode) if approved else None,
            authorization_code=authorization_code if approved and request.code != "S" else None,
            host_time=host_time if approved or code == "i" else None,
            reason=scenario.reason if scenario.result == "01" else None,
            # an `E` of 71 bytes has an action code only where it refuses an `H`
            action_code=None if length == 71 and (approved or request.code != "H") else scenario.action_code,
            card_type=self._card_type(request, scenario),
            acquirer_id=self.behaviour.acquirer_id,
            stan=f"{self.stan:06}",
            online_id=f"{self.online_id:06}" if scenario.by_host else "000000",
            amount=amount,
            preauthorization_code=preauthorization_code if approved else None,
            currency_exchange=exchange,
        )

    def _card_type(self, request: Request, scenario: Scenario) -> CardType:
        """Return the card's kind: the one that the request asks for, else the scenario's, else the usual one."""
        if isinstance(request, PurchaseRequest | VerifyCardRequest) and request.payment_type is not PaymentType.AUTOMATIC:
            return CardType(int(request.payment_type))
        return scenario.card_type or self.behaviour.card_type
