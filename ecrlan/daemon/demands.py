"""What a client may ask of a terminal: one body for each kind of operation, and the call that it makes."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ecrlan.daemon.card_numbers import ALLOWED, holds_card_number
from ecrlan.model import MAXIMUM_AMOUNT, MAXIMUM_RECEIPT_TEXT, MINIMUM_AMOUNT, Operation, PaymentType
from ecrlan.register import Terminal

LONGEST_URL = 2000


def _no_card_number(text: str | None) -> str | None:
    if text is not None and holds_card_number(text):
        raise PydanticCustomError("card_number", "a card number is not allowed; allowed: {allowed}", {"allowed": ALLOWED})
    return text


NoCardNumber = AfterValidator(_no_card_number)

Cents = Annotated[int, Field(ge=MINIMUM_AMOUNT, le=MAXIMUM_AMOUNT, description="Whole cents.", examples=[650])]
Reference = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Your name for the operation, unique for ever: the same reference is the same operation, however often it is posted.",
        examples=["sale-4711"],
    ),
    NoCardNumber,
]
Target = Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["sale-4711"]), NoCardNumber]
PreauthorizationCode = Annotated[str | None, Field(pattern=r"^[0-9]{9}$", description="Instead of `target`.")]
ReceiptText = Annotated[
    str, Field(max_length=MAXIMUM_RECEIPT_TEXT, pattern=r"^[\x20-\x7e]*$", description="Printed at the receipt's foot.")
]
Content = tuple[Annotated[int, Field(ge=1, le=5)], Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\x20-\x7e]+$")]]
Card = Annotated[Literal["automatic", "debit", "credit", "other"], Field(description="Which card to take.")]


class Body(BaseModel):
    """A request's body: unknown keys are refused, and values are taken as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Demand(Body, ABC):
    """What every operation may be told."""

    reference: Reference = Field(default_factory=lambda: str(uuid.uuid4()))
    queue_timeout: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] | None = Field(
        None, description="Seconds to wait for the terminal; 0: not at all, 409 `terminal_busy`. Default: the terminal's setting."
    )
    callback_url: Annotated[str, Field(max_length=LONGEST_URL), NoCardNumber] | None = Field(
        None, description="Where RECEIVED, STARTED and FINAL are posted.", examples=["http://127.0.0.1:9000/paid"]
    )

    @property
    def common(self) -> dict[str, Any]:
        """The keywords that every call takes."""
        return {"reference": self.reference, "queue_timeout": self.queue_timeout}

    @abstractmethod
    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin the operation on `terminal`. Raises as `Terminal`'s methods do; then nothing was sent."""


class RegisterDemand(Demand):
    """An operation whose request names the cash register."""

    cash_register_id: Annotated[str, Field(pattern=r"^[0-9]{8}$")] | None = Field(
        None, description="The till that asks, 8 digits. Default: the register's setting."
    )

    @property
    def common(self) -> dict[str, Any]:
        """The keywords that every call takes."""
        return {"reference": self.reference, "queue_timeout": self.queue_timeout, "cash_register_id": self.cash_register_id}


class CardDemand(RegisterDemand):
    """An operation that begins with a card."""

    payment_type: Card = "automatic"
    additional_data: Annotated[list[Content], Field(max_length=4)] = Field([], description="[index, text] pairs for the host.")
    iso_field: Annotated[str, Field(pattern=r"^[0-9]{2}$")] = Field("00", description="Which field the host shall return; 00: none.")

    @property
    def common(self) -> dict[str, Any]:
        """The keywords that every call takes."""
        return super().common | {
            "payment_type": PaymentType[self.payment_type.upper()],
            "additional_data": self.additional_data,
            "iso_field": self.iso_field,
        }


class Payment(CardDemand):
    """An operation that takes an amount from a card."""

    amount: Cents
    receipt_text: ReceiptText = ""
    card_present: bool = Field(default=False, description="The card is in the terminal already.")

    @property
    def common(self) -> dict[str, Any]:
        """The keywords that every call takes."""
        return super().common | {"receipt_text": self.receipt_text, "card_present": self.card_present}


class Purchase(Payment):
    """Take a card payment."""

    kind: Literal["purchase"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.purchase(self.amount, **self.common)


class Preauthorize(Payment):
    """Reserve an amount on a card."""

    kind: Literal["preauthorize"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.preauthorize(self.amount, **self.common)


class _Following(RegisterDemand):
    """What follows a pre-authorization."""

    amount: Cents
    target: Target = Field(None, description="The reference of the pre-authorization.")
    preauthorization_code: PreauthorizationCode = None
    receipt_text: ReceiptText = ""

    @property
    def common(self) -> dict[str, Any]:
        """The keywords that every call takes."""
        own = {"target": self.target, "preauthorization_code": self.preauthorization_code, "receipt_text": self.receipt_text}
        return super().common | own


class Increment(_Following):
    """Add to a reserved amount."""

    kind: Literal["increment"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.increment(self.amount, **self.common)


class Capture(_Following):
    """Charge a reserved amount."""

    kind: Literal["capture"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.capture(self.amount, **self.common)


class Void(RegisterDemand):
    """Reverse the terminal's last payment: name it by `target` or `stan`, or say `last` for whichever it is."""

    kind: Literal["void"]
    target: Target = Field(None, description="The reference of the payment.")
    stan: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = Field(None, description="The payment's STAN.")
    last: bool = Field(default=False, description="Whichever payment was the last.")

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.void(target=self.target, stan=self.stan, last=self.last, **self.common)


class VerifyCard(CardDemand):
    """Verify a card without charging it."""

    kind: Literal["verify_card"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.verify_card(**self.common)


class Totals(RegisterDemand):
    """Ask the terminal's totals."""

    kind: Literal["totals"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.totals(**self.common)


class CloseSession(RegisterDemand):
    """Close the session with the host."""

    kind: Literal["close_session"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.close_session(**self.common)


class LastResult(RegisterDemand):
    """Ask for the last saved result. It says nothing about whose it is."""

    kind: Literal["last_result"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.last_result(**self.common)


class Status(Demand):
    """Ask how the terminal is."""

    kind: Literal["status"]

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.status(**self.common)


class Reprint(Demand):
    """Have the last receipt printed again."""

    kind: Literal["reprint"]
    to_ecr: bool = Field(default=True, description="To the register; else on the terminal.")
    ticket_type: Annotated[int, Field(ge=0, le=1)] = Field(0, description="0: the financial receipt, 1: the service receipt.")

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.reprint(to_ecr=self.to_ecr, ticket_type=self.ticket_type, **self.common)


class Vas(RegisterDemand):
    """Perform a function of another payment method, such as BPAY_QR."""

    kind: Literal["vas"]
    function: Annotated[str, Field(min_length=1, max_length=40)] = Field(examples=["BPAY_QR"])
    amount: Annotated[str, Field(max_length=20)] | None = Field(
        None, description="Passed on as given: the protocol does not state its unit."
    )
    order_id: Annotated[str, Field(max_length=27)] | None = None
    printer: Literal["POS", "ECR"] = Field("POS", description="Who prints: the terminal (POS) or the register (ECR).")
    parameters: Annotated[dict[str, str], Field(max_length=20)] = {}

    def call(self, terminal: Terminal) -> Awaitable[Operation]:
        """Begin it."""
        return terminal.vas(
            self.function, amount=self.amount, order_id=self.order_id, printer=self.printer, parameters=self.parameters, **self.common
        )


AnyDemand = Annotated[
    Purchase | Preauthorize | Increment | Capture | Void | VerifyCard | Totals | CloseSession | LastResult | Status | Reprint | Vas,
    Field(discriminator="kind"),
]

EXAMPLES: dict[str, dict[str, Any]] = {
    "purchase": {"kind": "purchase", "amount": 650, "reference": "sale-4711"},
    "purchase, do not wait for the terminal": {"kind": "purchase", "amount": 650, "reference": "sale-4712", "queue_timeout": 0},
    "void": {"kind": "void", "target": "sale-4711", "reference": "void-4711"},
    "pre-authorization": {"kind": "preauthorize", "amount": 20000, "reference": "room-12"},
    "increment": {"kind": "increment", "amount": 5000, "target": "room-12", "reference": "room-12.more"},
    "capture": {"kind": "capture", "amount": 23140, "target": "room-12", "reference": "room-12.end"},
    "close the session": {"kind": "close_session", "reference": "close-2026-11-23"},
    "vas": {"kind": "vas", "function": "BPAY_QR", "amount": "650", "reference": "qr-1"},
}
"""Bodies for the OpenAPI document."""
