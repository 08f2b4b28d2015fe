"""What the register asks a terminal (messages.md, "Requests"). A request checks its values when it is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Literal

from ecrlan.errors import InvalidValueError

MINIMUM_AMOUNT = 1
MAXIMUM_AMOUNT = 99_999_999
ANY_TERMINAL = "00000000"
"""The TID that addresses whatever terminal answers."""
NO_STAN = "000000"
MAXIMUM_RECEIPT_TEXT = 128
MAXIMUM_XML = 1024
MAXIMUM_CONTENTS = 4
MAXIMUM_CONTENT = 100
MAXIMUM_SHORT_CONTENT = 30

_ASCII = re.compile(r"[\x20-\x7e]*\Z")
_TAG_MAP = re.compile(r"[0-9*]{4}\Z")


def check_digits(place: str, value: str, length: int) -> None:
    """Refuse anything but exactly `length` ASCII digits."""
    if not (isinstance(value, str) and len(value) == length and value.isascii() and value.isdigit()):
        raise InvalidValueError(place, value, ("allowed_digits", {"count": length}))


def check_tag_map(place: str, value: str) -> None:
    """Refuse anything but four characters of 0 to 9 and `*`, which is seen on PAX (messages.md, "`U` additional data")."""
    if not (isinstance(value, str) and _TAG_MAP.match(value)):
        raise InvalidValueError(place, value, ("allowed_tag_map", {}))


def check_amount(amount: int, place: str = "amount") -> None:
    """Refuse anything but whole cents from 1 to 99,999,999 (exchange.md §7)."""
    if isinstance(amount, bool) or not isinstance(amount, int) or not MINIMUM_AMOUNT <= amount <= MAXIMUM_AMOUNT:
        raise InvalidValueError(place, amount, ("allowed_cents", {"least": MINIMUM_AMOUNT, "most": MAXIMUM_AMOUNT}))


def check_text(place: str, value: str, longest: int) -> None:
    """Refuse texts that are too long, not 7-bit ASCII, or hold control characters (exchange.md §2)."""
    if not isinstance(value, str) or len(value) > longest or not _ASCII.match(value):
        raise InvalidValueError(place, value, ("allowed_ascii", {"most": longest}))


def check_payment_type(value: int) -> None:
    """Refuse anything but 0 to 3."""
    check_choice("payment_type", value, 3)


def check_choice(place: str, value: int, highest: int) -> None:
    """Refuse anything but a whole number from 0 to `highest`."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise InvalidValueError(place, value, ("allowed_range", {"least": 0, "most": highest}))


class PaymentType(IntEnum):
    """`payment_type` of P, X, p and H."""

    AUTOMATIC = 0
    DEBIT = 1
    CREDIT = 2
    OTHER = 3


Forms = frozenset[tuple[str, int]]
"""Forms of a result: its code, and its length in bytes."""
Limit = Literal["payment", "close", "status", "other"]
"""Which of a terminal's time limits a request's answer has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every request begins with, and the facts of its kind: everything else that is said about codes follows from them."""

    code: ClassVar[str]
    limit: ClassVar[Limit] = "other"
    silent: ClassVar[bool] = False
    """Never repeated on silence (exchange.md §4)."""
    answers: ClassVar[Forms] = frozenset()
    """The forms of the payment result that answers it; none: something else does."""
    only_after_ack: ClassVar[Forms] = frozenset()
    """Those of them that are taken live after the request's ACK and never in recovery (exchange.md §4)."""
    answered_by_own_code: ClassVar[bool] = False
    """The answer is a message of the request's own code."""
    recoverable: ClassVar[bool] = False
    """After a loss the terminal's last result can prove what became of it."""
    late_result: ClassVar[bool] = False
    """It has a result of its own, which may come late."""
    may_save_result: ClassVar[bool] = False
    """Afterwards the terminal's last result may be another one than before."""
    receipt_on_register: ClassVar[bool] = False
    """Its receipt comes to the register where `E` asked for that."""
    prints: ClassVar[bool] = False
    """The terminal makes a slip for it: a person in front of it notices that it is at work."""
    takes_card: ClassVar[bool] = False
    """The customer has to show a card."""
    terminal_id: str = ANY_TERMINAL

    def __post_init__(self) -> None:
        """Check the TID."""
        check_digits("terminal_id", self.terminal_id, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest(Request):
    """`s`."""

    code: ClassVar[str] = "s"
    limit: ClassVar[Limit] = "status"
    answered_by_own_code: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRequest(Request):
    """A request that names the cash register and may announce a `U`: fields 11-18 and `additional_data`."""

    cash_register_id: str = "00000001"
    additional_data: bool = False

    def __post_init__(self) -> None:
        """Check the cash register's number."""
        Request.__post_init__(self)
        check_digits("cash_register_id", self.cash_register_id, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseRequest(RegisterRequest):
    """`P`: purchase. `amount` in cents; `receipt_text` is printed at the receipt's foot."""

    code: ClassVar[str] = "P"
    recoverable: ClassVar[bool] = True
    limit: ClassVar[Limit] = "payment"
    silent: ClassVar[bool] = True
    late_result: ClassVar[bool] = True
    may_save_result: ClassVar[bool] = True
    receipt_on_register: ClassVar[bool] = True
    prints: ClassVar[bool] = True
    takes_card: ClassVar[bool] = True
    answers: ClassVar[Forms] = frozenset({("E", 71), ("E", 74), ("E", 92), ("V", 117)})
    only_after_ack: ClassVar[Forms] = frozenset({("E", 92)})
    amount: int
    card_present: bool = False
    payment_type: PaymentType = PaymentType.AUTOMATIC
    receipt_text: str = ""

    def __post_init__(self) -> None:
        """Check amount, payment type and text."""
        RegisterRequest.__post_init__(self)
        check_amount(self.amount)
        check_payment_type(self.payment_type)
        check_text("receipt_text", self.receipt_text, MAXIMUM_RECEIPT_TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedPurchaseRequest(PurchaseRequest):
    """`X`: purchase with extended result."""

    code: ClassVar[str] = "X"
    only_after_ack: ClassVar[Forms] = frozenset({("E", 71), ("E", 74), ("V", 117)})


@dataclass(frozen=True, slots=True, kw_only=True)
class PreauthorizationRequest(PurchaseRequest):
    """`p`: pre-authorization."""

    code: ClassVar[str] = "p"
    answers: ClassVar[Forms] = frozenset({("e", 106)})
    only_after_ack: ClassVar[Forms] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidRequest(RegisterRequest):
    """`S`: reversal of the last transaction. `stan` `000000` = no check."""

    code: ClassVar[str] = "S"
    recoverable: ClassVar[bool] = True
    limit: ClassVar[Limit] = "payment"
    silent: ClassVar[bool] = True
    late_result: ClassVar[bool] = True
    may_save_result: ClassVar[bool] = True
    receipt_on_register: ClassVar[bool] = True
    prints: ClassVar[bool] = True
    takes_card: ClassVar[bool] = True
    answers: ClassVar[Forms] = frozenset({("E", 84)})
    stan: str = NO_STAN

    def __post_init__(self) -> None:
        """Check the STAN."""
        RegisterRequest.__post_init__(self)
        check_digits("stan", self.stan, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementRequest(RegisterRequest):
    """`i`: incremental authorization of an open pre-authorization. `amount` in cents, to be added."""

    code: ClassVar[str] = "i"
    recoverable: ClassVar[bool] = True
    limit: ClassVar[Limit] = "payment"
    silent: ClassVar[bool] = True
    late_result: ClassVar[bool] = True
    may_save_result: ClassVar[bool] = True
    receipt_on_register: ClassVar[bool] = True
    prints: ClassVar[bool] = True
    answers: ClassVar[Forms] = frozenset({("i", 75)})
    amount: int
    preauthorization_code: str
    receipt_text: str = ""

    def __post_init__(self) -> None:
        """Check amount, code and text."""
        RegisterRequest.__post_init__(self)
        check_amount(self.amount)
        check_digits("preauthorization_code", self.preauthorization_code, 9)
        check_text("receipt_text", self.receipt_text, MAXIMUM_RECEIPT_TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest(IncrementRequest):
    """`c`: pre-authorization closure. `amount` in cents is the final amount; `length` is 176 (Nexi) or 180 (PAX)."""

    code: ClassVar[str] = "c"
    answers: ClassVar[Forms] = frozenset({("c", 71), ("c", 74), ("v", 109)})
    length: int = 176

    def __post_init__(self) -> None:
        """Check the length that the terminal wants."""
        IncrementRequest.__post_init__(self)
        if self.length not in (176, 180):
            raise InvalidValueError("capture_length", self.length, ("allowed_one_of", {"words": [176, 180]}))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCardRequest(RegisterRequest):
    """`H`: card verification."""

    code: ClassVar[str] = "H"
    limit: ClassVar[Limit] = "payment"
    late_result: ClassVar[bool] = True
    may_save_result: ClassVar[bool] = True
    receipt_on_register: ClassVar[bool] = True
    prints: ClassVar[bool] = True
    takes_card: ClassVar[bool] = True
    answers: ClassVar[Forms] = frozenset({("E", 71), ("E", 74)})
    payment_type: PaymentType = PaymentType.AUTOMATIC

    def __post_init__(self) -> None:
        """Check the payment type."""
        RegisterRequest.__post_init__(self)
        check_payment_type(self.payment_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSessionRequest(RegisterRequest):
    """`C`."""

    code: ClassVar[str] = "C"
    limit: ClassVar[Limit] = "close"
    silent: ClassVar[bool] = True
    answered_by_own_code: ClassVar[bool] = True
    may_save_result: ClassVar[bool] = True
    prints: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsRequest(RegisterRequest):
    """`T`."""

    code: ClassVar[str] = "T"
    answered_by_own_code: ClassVar[bool] = True
    prints: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LastResultRequest(RegisterRequest):
    """`G`."""

    code: ClassVar[str] = "G"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintingRequest(Request):
    """`E`: who prints. `enabled` 1 = receipts come to the register, 0 = the terminal prints; 2 and 3 on PAX only."""

    code: ClassVar[str] = "E"
    enabled: int = 1

    def __post_init__(self) -> None:
        """Check the mode."""
        Request.__post_init__(self)
        check_choice("enabled", self.enabled, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReprintRequest(Request):
    """`R`. `to_ecr` as `PrintingRequest.enabled`; `ticket_type` 0 financial, 1 service receipt."""

    code: ClassVar[str] = "R"
    may_save_result: ClassVar[bool] = True
    to_ecr: int = 1
    ticket_type: int = 0

    def __post_init__(self) -> None:
        """Check both digits."""
        Request.__post_init__(self)
        check_choice("to_ecr", self.to_ecr, 3)
        check_choice("ticket_type", self.ticket_type, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalDataRequest(Request):
    """`U`: additional data for the host (messages.md, "`U` additional data").

    `contents` are (index 1-5, text) pairs in the order they are sent: at most four, 100 characters in all, index 1-4 at most 30 each.
    `iso_field` `00` = nothing to be returned. `tag_map` is made from the indexes unless given: digits or `*` (which it takes is a guess).
    """

    code: ClassVar[str] = "U"
    silent: ClassVar[bool] = True
    contents: tuple[tuple[int, str], ...]
    payment_type: str = "000000"
    iso_field: str = "00"
    tag_number: str = "DF8D01"
    tag_map: str = ""

    def __post_init__(self) -> None:
        """Check the fields, their number and their lengths, and fill in `tag_map`."""
        Request.__post_init__(self)
        check_digits("payment_type", self.payment_type, 6)
        check_digits("iso_field", self.iso_field, 2)
        check_text("tag_number", self.tag_number, 8)
        if not 1 <= len(self.contents) <= MAXIMUM_CONTENTS:
            raise InvalidValueError("contents", len(self.contents), ("allowed_contents", {}))
        for index, text in self.contents:
            if index not in range(1, 6):
                raise InvalidValueError("contents index", index, ("allowed_range", {"least": 1, "most": 5}))
            check_text(f"content {index}", text, MAXIMUM_CONTENT if index == MAXIMUM_CONTENTS + 1 else MAXIMUM_SHORT_CONTENT)
            if not text:
                raise InvalidValueError(f"content {index}", text, ("allowed_one_character", {}))
        if len({index for index, _ in self.contents}) != len(self.contents):
            raise InvalidValueError("contents", [index for index, _ in self.contents], ("allowed_each_once", {}))
        if sum(len(text) for _, text in self.contents) > MAXIMUM_CONTENT:
            raise InvalidValueError(
                "contents", sum(len(text) for _, text in self.contents), ("allowed_characters_in_all", {"most": MAXIMUM_CONTENT})
            )
        if not self.tag_map:
            object.__setattr__(self, "tag_map", "".join(str(index) for index, _ in self.contents).ljust(4, "0"))
        check_tag_map("tag_map", self.tag_map)


@dataclass(frozen=True, slots=True, kw_only=True)
class VasRequest(Request):
    """`K`: other payment methods. `xml` is the `<ecrreq>` document, at most 1024 bytes."""

    code: ClassVar[str] = "K"
    limit: ClassVar[Limit] = "payment"
    silent: ClassVar[bool] = True
    answered_by_own_code: ClassVar[bool] = True
    late_result: ClassVar[bool] = True
    may_save_result: ClassVar[bool] = True
    prints: ClassVar[bool] = True
    xml: str
    cash_register_id: str = "00000001"

    def __post_init__(self) -> None:
        """Check the register's number and the document's size; its content is the caller's."""
        Request.__post_init__(self)
        check_digits("cash_register_id", self.cash_register_id, 8)
        check_text("xml", self.xml, MAXIMUM_XML)


REQUEST_TYPES: tuple[type[Request], ...] = (
    StatusRequest,
    PurchaseRequest,
    ExtendedPurchaseRequest,
    VoidRequest,
    PreauthorizationRequest,
    IncrementRequest,
    CaptureRequest,
    VerifyCardRequest,
    CloseSessionRequest,
    TotalsRequest,
    LastResultRequest,
    PrintingRequest,
    ReprintRequest,
    AdditionalDataRequest,
    VasRequest,
)
"""Every request, in the order in which letters are shown."""


def codes_of(fact: Callable[[type[Request]], object]) -> str:
    """Return the code letters of the requests of which `fact` is true."""
    return "".join(request.code for request in REQUEST_TYPES if fact(request))


SHARED_FORMS: Forms = frozenset(
    form for request in REQUEST_TYPES for form in request.answers if sum(form in other.answers for other in REQUEST_TYPES) > 1
)
"""Forms that answer requests of several kinds: such a result does not say whose it is."""
