"""Every operation, declared once: what it takes, and what is true of it.

`Terminal`'s methods, the bodies and the document of the HTTP API, the commands and the console's forms are made from these classes, or
checked against them. An order is plain values; `check` refuses those that do not fit (`InvalidValueError`), and `request` makes the message
to the terminal.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, ClassVar, Literal

from ecrlan.errors import InvalidValueError
from ecrlan.model.requests import (
    ANY_TERMINAL,
    MAXIMUM_AMOUNT,
    MAXIMUM_CONTENTS,
    MAXIMUM_RECEIPT_TEXT,
    MINIMUM_AMOUNT,
    NO_STAN,
    AdditionalDataRequest,
    CaptureRequest,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    IncrementRequest,
    LastResultRequest,
    PaymentType,
    PreauthorizationRequest,
    ReprintRequest,
    Request,
    StatusRequest,
    TotalsRequest,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.model.values import DeclaredField, Takes, check_fields, fields_of
from ecrlan.model.vas_request import LONGEST_ORDER_ID, VAS_FUNCTIONS, build_vas


class Kind(str, Enum):
    """What an operation does; the same words in Python, JSON, CLI and HTTP."""

    STATUS = "status"
    PURCHASE = "purchase"
    VOID = "void"
    PREAUTHORIZE = "preauthorize"
    INCREMENT = "increment"
    CAPTURE = "capture"
    VERIFY_CARD = "verify_card"
    TOTALS = "totals"
    CLOSE_SESSION = "close_session"
    LAST_RESULT = "last_result"
    REPRINT = "reprint"
    VAS = "vas"


REFERENCE = Takes(
    pattern="[A-Za-z0-9._-]{1,64}",
    allowed=("allowed_reference", {}),
    help="Your name for the operation, unique for ever: the same reference is the same operation, however often it is posted.",
    example="sale-4711",
    seldom=True,
)


def _target(text: str) -> Takes:
    return Takes(pattern=REFERENCE.pattern, allowed=REFERENCE.allowed, example=REFERENCE.example, help=text)


def _digits(count: int, text: str, *, seldom: bool = False) -> Takes:
    return Takes(pattern=f"[0-9]{{{count}}}", allowed=("allowed_digits", {"count": count}), help=text, seldom=seldom)


Amount = Annotated[int, Takes(unit="cents", least=MINIMUM_AMOUNT, most=MAXIMUM_AMOUNT, help="Whole cents.", example=650)]
ReceiptText = Annotated[
    str,
    Takes(
        longest=MAXIMUM_RECEIPT_TEXT,
        pattern=r"[\x20-\x7e]*",
        allowed=("allowed_ascii", {"most": MAXIMUM_RECEIPT_TEXT}),
        help="Printed at the receipt's foot.",
        seldom=True,
    ),
]
Contents = Sequence[tuple[int, str]]
"""Additional data for the host: (index 1 to 5, text) pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a request says that its order does not: what the terminal and its register are, and what the target's result was."""

    terminal_id: str = ANY_TERMINAL
    cash_register_id: str = "00000001"
    capture_length: int = 176
    printing_mode: int = 1
    tag_map: str = ""
    stan: str = NO_STAN
    preauthorization_code: str = ""


# --- what orders have in common -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What every operation takes, and the facts of its kind."""

    kind: ClassVar[Kind]
    money: ClassVar[bool] = False
    """It can charge, reverse or close something: never sent again on silence (exchange.md §4), and it can end unresolved."""
    journaled: ClassVar[bool] = True
    """It stands in the journal even where the caller gave no reference."""
    blocked: ClassVar[bool] = False
    """Refused while another operation is unresolved although it moves no money: it would change the last result that recovery compares."""
    voidable: ClassVar[bool] = False
    """`void` may name it."""
    targets: ClassVar[frozenset[Kind]] = frozenset()
    """The kinds of operations that its `target` may be."""
    asks_first: ClassVar[bool] = False
    """It ends something for good: where people order it with one press, they are asked before."""

    reference: Annotated[str | None, REFERENCE] = None
    queue_timeout: Annotated[
        float | None,
        Takes(
            unit="seconds",
            least=0,
            most=3600,
            help="Seconds to wait for the terminal; 0: not at all, 409 `terminal_busy`. Default: the terminal's setting.",
            seldom=True,
        ),
    ] = None

    def check(self) -> None:
        """Refuse values that do not fit. Raises `InvalidValueError`."""
        check_fields(self)

    @abstractmethod
    def request(self, known: Known) -> Request:
        """Return the message to the terminal. Raises `InvalidValueError`."""

    def additional_request(self, known: Known) -> AdditionalDataRequest | None:  # noqa: ARG002 - of those that take additional data
        """Return the message with additional data that is announced by the request; None where there is none."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOrder(Order):
    """An operation whose request names the cash register."""

    cash_register_id: Annotated[str | None, _digits(8, "The till that asks, 8 digits. Default: the register's setting.", seldom=True)] = (
        None
    )

    def register_id(self, known: Known) -> str:
        """Return the cash register that the request names."""
        return self.cash_register_id or known.cash_register_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOrder(RegisterOrder):
    """An operation that begins with a card."""

    payment_type: Annotated[PaymentType, Takes(help="Which card to take.", seldom=True)] = PaymentType.AUTOMATIC
    additional_data: Annotated[Contents, Takes(longest=MAXIMUM_CONTENTS, help="[index, text] pairs for the host.", seldom=True)] = ()
    iso_field: Annotated[str, _digits(2, "Which field the host shall return; 00: none.", seldom=True)] = "00"

    def additional_request(self, known: Known) -> AdditionalDataRequest | None:
        """Return the message with additional data; None where there is none."""
        if not self.additional_data:
            return None
        return AdditionalDataRequest(
            terminal_id=known.terminal_id,
            contents=tuple((index, text) for index, text in self.additional_data),
            iso_field=self.iso_field,
            tag_map=known.tag_map,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPayment(CardOrder):
    """An operation that takes an amount from a card."""

    amount: Amount
    receipt_text: ReceiptText = ""
    card_present: Annotated[bool, Takes(help="The card is in the terminal already.", seldom=True)] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowingOrder(RegisterOrder):
    """What follows a pre-authorization: it is named by `target` or by its code."""

    targets: ClassVar[frozenset[Kind]] = frozenset({Kind.PREAUTHORIZE})
    amount: Amount
    target: Annotated[str | None, _target("The reference of the pre-authorization.")] = None
    preauthorization_code: Annotated[str | None, _digits(9, "Instead of `target`.")] = None
    receipt_text: ReceiptText = ""

    def check(self) -> None:
        """Refuse values that do not fit, and none or two names for the pre-authorization."""
        check_fields(self)
        if (self.target is None) == (self.preauthorization_code is None):
            raise InvalidValueError("preauthorization_code", self.preauthorization_code, ("allowed_one_target", {}))


# --- the operations -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase(CardPayment):
    """Take a card payment."""

    kind: ClassVar[Kind] = Kind.PURCHASE
    money: ClassVar[bool] = True
    voidable: ClassVar[bool] = True

    def request(self, known: Known) -> Request:
        """Return `X`; a terminal that does not know it gets `P`."""
        return ExtendedPurchaseRequest(
            terminal_id=known.terminal_id,
            cash_register_id=self.register_id(known),
            amount=self.amount,
            receipt_text=self.receipt_text,
            payment_type=self.payment_type,
            card_present=self.card_present,
            additional_data=bool(self.additional_data),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preauthorize(CardPayment):
    """Reserve an amount on a card."""

    kind: ClassVar[Kind] = Kind.PREAUTHORIZE
    money: ClassVar[bool] = True
    voidable: ClassVar[bool] = True

    def request(self, known: Known) -> Request:
        """Return `p`."""
        return PreauthorizationRequest(
            terminal_id=known.terminal_id,
            cash_register_id=self.register_id(known),
            amount=self.amount,
            receipt_text=self.receipt_text,
            payment_type=self.payment_type,
            card_present=self.card_present,
            additional_data=bool(self.additional_data),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment(FollowingOrder):
    """Add to a reserved amount."""

    kind: ClassVar[Kind] = Kind.INCREMENT
    money: ClassVar[bool] = True
    voidable: ClassVar[bool] = True

    def request(self, known: Known) -> Request:
        """Return `i`."""
        return IncrementRequest(
            terminal_id=known.terminal_id,
            cash_register_id=self.register_id(known),
            amount=self.amount,
            preauthorization_code=self.preauthorization_code or known.preauthorization_code,
            receipt_text=self.receipt_text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(FollowingOrder):
    """Charge a reserved amount."""

    kind: ClassVar[Kind] = Kind.CAPTURE
    money: ClassVar[bool] = True
    voidable: ClassVar[bool] = True

    def request(self, known: Known) -> Request:
        """Return `c`."""
        return CaptureRequest(
            terminal_id=known.terminal_id,
            cash_register_id=self.register_id(known),
            amount=self.amount,
            preauthorization_code=self.preauthorization_code or known.preauthorization_code,
            receipt_text=self.receipt_text,
            length=known.capture_length,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Void(RegisterOrder):
    """Reverse the terminal's last payment: name it by `target` or `stan`, or say `last` for whichever it is."""

    kind: ClassVar[Kind] = Kind.VOID
    money: ClassVar[bool] = True
    targets: ClassVar[frozenset[Kind]] = frozenset(order.kind for order in (Purchase, Preauthorize, Increment, Capture) if order.voidable)
    target: Annotated[str | None, _target("The reference of the payment.")] = None
    stan: Annotated[str | None, _digits(6, "The payment's STAN.")] = None
    last: Annotated[bool, Takes(help="Whichever payment was the last.")] = False

    def check(self) -> None:
        """Refuse values that do not fit, and none or two ways to name the payment."""
        if (self.target is not None) + (self.stan is not None) + self.last != 1 or self.stan == NO_STAN:
            raise InvalidValueError("stan", self.stan, ("allowed_void_target", {}))
        check_fields(self)

    def request(self, known: Known) -> Request:
        """Return `S`."""
        return VoidRequest(terminal_id=known.terminal_id, cash_register_id=self.register_id(known), stan=self.stan or known.stan)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCard(CardOrder):
    """Verify a card without charging it."""

    kind: ClassVar[Kind] = Kind.VERIFY_CARD
    blocked: ClassVar[bool] = True

    def request(self, known: Known) -> Request:
        """Return `H`."""
        return VerifyCardRequest(
            terminal_id=known.terminal_id,
            cash_register_id=self.register_id(known),
            payment_type=self.payment_type,
            additional_data=bool(self.additional_data),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(RegisterOrder):
    """Ask the terminal's totals."""

    kind: ClassVar[Kind] = Kind.TOTALS

    def request(self, known: Known) -> Request:
        """Return `T`."""
        return TotalsRequest(terminal_id=known.terminal_id, cash_register_id=self.register_id(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession(RegisterOrder):
    """Close the session with the host."""

    kind: ClassVar[Kind] = Kind.CLOSE_SESSION
    money: ClassVar[bool] = True
    asks_first: ClassVar[bool] = True

    def request(self, known: Known) -> Request:
        """Return `C`."""
        return CloseSessionRequest(terminal_id=known.terminal_id, cash_register_id=self.register_id(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class LastResult(RegisterOrder):
    """Ask for the last saved result. It says nothing about whose it is."""

    kind: ClassVar[Kind] = Kind.LAST_RESULT
    journaled: ClassVar[bool] = False

    def request(self, known: Known) -> Request:
        """Return `G`."""
        return LastResultRequest(terminal_id=known.terminal_id, cash_register_id=self.register_id(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Order):
    """Ask how the terminal is."""

    kind: ClassVar[Kind] = Kind.STATUS
    journaled: ClassVar[bool] = False

    def request(self, known: Known) -> Request:
        """Return `s`."""
        return StatusRequest(terminal_id=known.terminal_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reprint(Order):
    """Have the last receipt printed again."""

    kind: ClassVar[Kind] = Kind.REPRINT
    blocked: ClassVar[bool] = True
    to_ecr: Annotated[bool, Takes(help="To the register; else on the terminal.")] = True
    ticket_type: Annotated[
        int, Takes(least=0, most=1, help="0: the financial receipt, 1: the service receipt.", allowed=("allowed_one_of", {"words": [0, 1]}))
    ] = 0

    def request(self, known: Known) -> Request:
        """Return `R`."""
        to_ecr = known.printing_mode if self.to_ecr else 0
        return ReprintRequest(terminal_id=known.terminal_id, to_ecr=to_ecr, ticket_type=self.ticket_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vas(RegisterOrder):
    """Perform a function of another payment method, such as BPAY_QR."""

    kind: ClassVar[Kind] = Kind.VAS
    money: ClassVar[bool] = True
    function: Annotated[
        str, Takes(shortest=1, longest=40, allowed=("allowed_vas_function", {}), example="BPAY_QR", suggestions=VAS_FUNCTIONS)
    ]
    amount: Annotated[str | None, Takes(longest=20, help="Passed on as given: the protocol does not state its unit.")] = None
    order_id: Annotated[str | None, Takes(longest=LONGEST_ORDER_ID)] = None
    printer: Annotated[Literal["POS", "ECR"], Takes(help="Who prints: the terminal (POS) or the register (ECR).", seldom=True)] = "POS"
    parameters: Annotated[Mapping[str, str], Takes(longest=20, allowed=("allowed_parameters", {"most": 20}), seldom=True)] = field(
        default_factory=dict
    )

    def request(self, known: Known) -> Request:
        """Return `K` with its document."""
        xml = build_vas(self.function, amount=self.amount, order_id=self.order_id, printer=self.printer, parameters=self.parameters)
        return VasRequest(terminal_id=known.terminal_id, cash_register_id=self.register_id(known), xml=xml)


ORDERS: tuple[type[Order], ...] = (
    Purchase,
    Void,
    Preauthorize,
    Increment,
    Capture,
    VerifyCard,
    Totals,
    LastResult,
    Status,
    Reprint,
    Vas,
    CloseSession,
)
"""Every operation, in the order in which people meet them."""


def kinds_of(fact: Callable[[type[Order]], object]) -> frozenset[Kind]:
    """Return the kinds of the orders of which `fact` is true."""
    return frozenset(order.kind for order in ORDERS if fact(order))


ORDER_OF: Mapping[Kind, type[Order]] = {order.kind: order for order in ORDERS}
MONEY_KINDS = kinds_of(lambda order: order.money)
"""Operations whose request is never sent again on silence (exchange.md §4) and that can end unresolved; some VAS functions only read."""


def check_reference(reference: str) -> None:
    """Refuse anything but 1 to 64 of `A-Za-z0-9._-`."""
    if not _REFERENCE.fits(reference) or reference is None:
        raise InvalidValueError("reference", reference, _REFERENCE.allowed_why)


_REFERENCE: DeclaredField = fields_of(Order)[0]
