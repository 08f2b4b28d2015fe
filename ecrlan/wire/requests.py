"""Register → terminal: one table per message (messages.md, "Requests")."""

from __future__ import annotations

from typing import Any, Final

from ecrlan.wire.fields import (
    PRINTABLE,
    Code,
    Constant,
    Counted,
    Digits,
    FieldError,
    Flag,
    Marks,
    Number,
    Reserved,
    Rest,
    RightText,
    Text,
    check_printable,
)
from ecrlan.wire.layout import LONGEST_MESSAGE, Layout, layout

MOST_CONTENTS: Final = 4
LONGEST_CONTENT: Final = 100


class Contents(Rest):
    """`V`: one to four texts of 1 to 100 bytes, each closed by 0x1B."""

    def __init__(self) -> None:
        """Take the bounds from the page."""
        super().__init__(2, MOST_CONTENTS * (LONGEST_CONTENT + 1))

    def decode(self, data: bytes) -> tuple[str, ...]:
        """Return the texts."""
        *contents, end = data.split(b"\x1b")
        if end or not 1 <= len(contents) <= MOST_CONTENTS or not all(1 <= len(content) <= LONGEST_CONTENT for content in contents):
            raise FieldError("one to four contents of 1 to 100 bytes, each closed by 0x1B")
        return tuple(content.translate(PRINTABLE).decode("ascii") for content in contents)

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - a tuple of texts
        """Check and write the texts."""
        contents = [check_printable(content, LONGEST_CONTENT) for content in value]
        if not 1 <= len(contents) <= MOST_CONTENTS or not all(contents):
            raise FieldError("one to four contents of 1 to 100 characters")
        return b"".join(content + b"\x1b" for content in contents)


def _purchase(code: str, title: str) -> Layout:
    return layout(
        title,
        167,
        (1, "terminal_id" / Digits(8)),
        (9, Constant("0")),
        (10, Code(code)),
        (11, "cash_register_id" / Digits(8)),
        (19, "additional_data" / Flag() * "1 = a U message follows"),
        (20, Reserved(2)),
        (22, "card_present" / Flag() * "1 = start with the card already in"),
        (23, "payment_type" / Number(1) * "0 automatic, 1 debit only, 2 credit only, 3 other"),
        (24, "amount" / Number(8) * "cents"),
        (32, "receipt_text" / RightText(128) * "printed at the foot of the receipt"),
        (160, Reserved(8)),
    )


def _increment(code: str, title: str, total: int = 176) -> Layout:
    return layout(
        title,
        total,
        (1, "terminal_id" / Digits(8)),
        (9, Constant("0")),
        (10, Code(code)),
        (11, "cash_register_id" / Digits(8)),
        (19, "additional_data" / Flag() * "1 = a U message follows"),
        (20, Reserved(4)),
        (24, "amount" / Number(8) * "cents"),
        (32, "receipt_text" / RightText(128) * "printed at the foot of the receipt"),
        (160, "preauthorization_code" / Digits(9) * "of the original pre-authorization"),
        (169, Reserved(total - 168)),
        variant="" if total == 176 else "PAX",
    )


def _totals(code: str, title: str) -> Layout:
    return layout(
        title,
        26,
        (1, "terminal_id" / Digits(8)),
        (9, Constant("0")),
        (10, Code(code)),
        (11, "cash_register_id" / Digits(8)),
        (19, "additional_data" / Flag() * "1 = a U message follows"),
        (20, Reserved(7)),
    )


STATUS = layout(
    "status request",
    10,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("s")),
)
PURCHASE = _purchase("P", "purchase request")
EXTENDED_PURCHASE = _purchase("X", "extended purchase request")
PREAUTHORIZATION = _purchase("p", "pre-authorization request")
VOID = layout(
    "void request",
    26,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("S")),
    (11, "cash_register_id" / Digits(8)),
    (19, "stan" / Digits(6) * "of the transaction to void; 000000 = no check"),
    (25, "additional_data" / Flag() * "1 = a U message follows"),
    (26, Constant("0")),
)
INCREMENT = _increment("i", "incremental authorization request")
CAPTURE = _increment("c", "capture request")
CAPTURE_180 = _increment("c", "capture request", 180)
CARD_VERIFICATION = layout(
    "card verification request",
    39,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("H")),
    (11, "cash_register_id" / Digits(8)),
    (19, "additional_data" / Flag() * "1 = a U message follows"),
    (20, Reserved(2)),
    (22, Constant("0")),
    (23, "payment_type" / Number(1) * "0 automatic, 1 debit only, 2 credit only, 3 other"),
    (24, Reserved(16)),
)
CLOSE_SESSION = _totals("C", "close session request")
TOTALS = _totals("T", "totals request")
LAST_RESULT = layout(
    "last result request",
    22,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("G")),
    (11, "cash_register_id" / Digits(8)),
    (19, "additional_data" / Flag() * "1 = a U message follows"),
    (20, Reserved(3)),
)
PRINTING = layout(
    "receipt printing request",
    11,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("E")),
    (11, "enabled" / Number(1) * "1 = receipts come to the register, 0 = the terminal prints; 2 and 3 on PAX only"),
)
REPRINT = layout(
    "reprint request",
    22,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("R")),
    (11, "to_ecr" / Number(1) * "1 = to the register, 0 = the terminal prints"),
    (12, "ticket_type" / Number(1) * "0 financial, 1 service receipt"),
    (13, Reserved(10)),
)
ADDITIONAL_DATA = layout(
    "additional data request",
    None,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("U")),
    (11, "payment_type" / Digits(6) * "000000 standard"),
    (17, "iso_field" / Digits(2) * "00 = nothing to be returned; in use: 62"),
    (19, "tag_number" / Text(8) * "in use: DF8D01"),
    (27, Constant("0")),
    (28, "tag_map" / Marks(4) * "the index of each content that follows, 0 = none (a guess); * on PAX"),
    (32, Reserved(5)),
    (37, "contents" / Contents() * "one to four, each 1-100 bytes and closed by 0x1B"),
)
VAS = layout(
    "VAS request",
    None,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("K")),
    (11, "cash_register_id" / Digits(8)),
    (19, Reserved(3)),
    (22, Constant("0")),
    (23, "xml_length" / Number(4)),
    (27, "xml" / Counted("xml_length", 1024, xml=True) * "at most 1024 bytes"),
)

EXTENDED_STATUS = layout(
    "extended status request",
    10,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("t")),
)


def _unread(code: str, title: str) -> Layout:
    content = "content" / Rest(0, LONGEST_MESSAGE - 10) * "not described"
    return layout(title, None, (1, "terminal_id" / Digits(8)), (9, Constant("0")), (10, Code(code)), (11, content), variant="PAX")


REFUND = _unread("A", "refund request")
DLL = _unread("D", "DLL request")
RETROACTIVE_REVERSAL = _unread("Q", "retroactive reversal request")

REQUESTS: Final = (
    STATUS,
    PURCHASE,
    EXTENDED_PURCHASE,
    PREAUTHORIZATION,
    VOID,
    INCREMENT,
    CAPTURE,
    CAPTURE_180,
    CARD_VERIFICATION,
    CLOSE_SESSION,
    TOTALS,
    LAST_RESULT,
    PRINTING,
    REPRINT,
    ADDITIONAL_DATA,
    VAS,
)
"""Every table of this module, in the page's order."""

NAMED_ONLY: Final = {"t": EXTENDED_STATUS, "A": REFUND, "D": DLL, "Q": RETROACTIVE_REVERSAL}
"""Tables of requests that ecrlan never sends, by code: for `ecrlan decode` (messages.md "PAX only", exchange.md §8)."""
