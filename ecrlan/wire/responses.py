"""Terminal → register: one table per message and variant (messages.md, "Responses").

A payment result has three variants by its `result`: OK (`00`), KO (`01`), and any other value, where positions 13-47 mean nothing.
Which one a message is, `codec` decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecrlan.wire.fields import (
    Blank,
    BlankDigits,
    Code,
    Constant,
    Counted,
    Digits,
    Flag,
    HostTimeText,
    Meaningless,
    Number,
    OptionalText,
    Pan,
    PresentNumber,
    Reserved,
    Rest,
    RestBytes,
    TerminalTime,
    Text,
)
from ecrlan.wire.layout import LONGEST_MESSAGE, Layout, layout

if TYPE_CHECKING:
    from ecrlan.wire.layout import Row

OK: Final = "OK"
KO: Final = "KO"
OTHER: Final = "other"

_CARD_TYPE = "1 debit, 2 credit, 3 other"
_HOST_TIME = "DDDhhmm, DDD = day of the year; the year is not sent"
_ENTRY_MODE = "ICC chip, MAG stripe, MAN keyed, CLM contactless stripe, CLI contactless chip"
_RATE = "4 decimals"


@dataclass(frozen=True, slots=True)
class Variants:
    """The three tables of one payment result: by `result` 00, 01, and any other."""

    ok: Layout
    ko: Layout
    other: Layout

    def of(self, result: bytes) -> Layout:
        """Return the table for the two bytes at position 11."""
        if result == b"00":
            return self.ok
        return self.ko if result == b"01" else self.other


def _begin(code: str) -> tuple[Row, ...]:
    return (
        (1, "terminal_id" / Digits(8)),
        (9, Constant("0")),
        (10, Code(code)),
        (11, "result" / Digits(2) * "00 OK, 01 KO, 05 card not present, 09 unknown tag from the host"),
    )


def _card(stan: Digits) -> tuple[Row, ...]:
    return (
        (48, "card_type" / PresentNumber(1) * _CARD_TYPE),
        (49, "acquirer_id" / OptionalText(11)),
        (60, "stan" / stan),
        (66, "online_id" / Digits(6, optional=True)),
    )


def _approved_stan() -> Digits:
    return Digits(6)


def _refused_stan() -> Digits:
    return BlankDigits(6)  # blank where it was refused before the host was asked


def _result(code: str, title: str, total: int, *tail: Row, refused: tuple[Row, ...] = ()) -> Variants:
    """Make `E`, `V`, `c` and `v`: the same to position 71, then the tail; `refused` where a refusal has another one."""
    authorization: Row = (35, Reserved(6)) if total == 84 else (35, "authorization_code" / OptionalText(6))
    return Variants(
        layout(
            title,
            total,
            *_begin(code),
            (13, "pan" / Pan(19) * "truncated"),
            (32, "entry_mode" / OptionalText(3) * _ENTRY_MODE),
            authorization,
            (41, "host_time" / HostTimeText() * _HOST_TIME),
            *_card(_approved_stan()),
            *tail,
            variant=OK,
        ),
        layout(
            title,
            total,
            *_begin(code),
            (13, "reason" / Text(24) * "why it was refused"),
            (37, Reserved(11)),
            *_card(_refused_stan()),
            *(refused or tail),
            variant=KO,
        ),
        layout(title, total, *_begin(code), (13, Meaningless(35)), *_card(_refused_stan()), *(refused or tail), variant=OTHER),
    )


PURCHASE: Final = _result("E", "purchase result", 71)
CARD_VERIFICATION: Final = Variants(
    PURCHASE.ok,
    layout(
        "card verification result",
        71,
        *_begin("E"),
        (13, "reason" / Text(24) * "why it was refused"),
        (37, "action_code" / Digits(3, optional=True)),
        (40, Reserved(8)),
        *_card(_refused_stan()),
        variant=KO,
    ),
    PURCHASE.other,
)
"""`E` for `H`: as `E` for `P`, but for the KO's action code."""
RESULT_74: Final = _result("E", "purchase or card verification result", 74, (72, "action_code" / Digits(3, optional=True)))
"""`E` for `P` and `H` as some terminals send it: with an action code at the end."""
VOID: Final = _result("E", "void result", 84, (72, "action_code" / Digits(3, optional=True)), (75, Reserved(10)))


def _extended_tail(amount: Number) -> tuple[Row, ...]:
    return (
        (72, "action_code" / Digits(3, optional=True)),
        (75, "amount" / amount * "cents, as the host received it"),
        (83, Reserved(10)),
    )


def _exchange_tail(amount: Number) -> tuple[Row, ...]:
    return (
        (72, "action_code" / Digits(3, optional=True)),
        (75, "amount" / amount * "cents"),
        (83, "dcc" / Flag(optional=True) * "1 = paid in another currency; if 0 the rest means nothing"),
        (84, "exchange_rate" / Number(8, optional=True) * _RATE),
        (92, "currency" / OptionalText(3)),
        (95, "currency_amount" / Number(12, optional=True)),
        (107, "currency_decimals" / Number(1, optional=True)),
        (108, Reserved(10)),
    )


EXTENDED_PURCHASE: Final = _result(
    "E", "extended purchase result", 92, *_extended_tail(Number(8)), refused=_extended_tail(Number(8, optional=True))
)
PURCHASE_WITH_EXCHANGE: Final = _result(
    "V",
    "purchase result with currency exchange",
    117,
    *_exchange_tail(Number(8)),
    refused=_exchange_tail(Number(8, optional=True)),
)
CAPTURE: Final = _result("c", "capture result", 74, (72, "action_code" / Digits(3, optional=True)))
CAPTURE_71: Final = _result("c", "capture result", 71)
CAPTURE_WITH_EXCHANGE: Final = _result(
    "v",
    "capture result with currency exchange",
    109,
    (72, "action_code" / Digits(3, optional=True)),
    (75, "dcc" / Flag(optional=True) * "1 = paid in another currency; if 0 the rest means nothing"),
    (76, "exchange_rate" / Number(8, optional=True) * _RATE),
    (84, "currency" / OptionalText(3)),
    (87, "currency_amount" / Number(12, optional=True)),
    (99, "currency_decimals" / Number(1, optional=True)),
    (100, Reserved(10)),
)


def _preauthorization_card(stan: Digits) -> tuple[Row, ...]:
    return (
        (71, "card_type" / PresentNumber(1) * _CARD_TYPE),
        (72, "acquirer_id" / OptionalText(11)),
        (83, "stan" / stan),
        (89, "online_id" / Digits(6, optional=True)),
        (95, Reserved(12)),
    )


PREAUTHORIZATION: Final = Variants(
    layout(
        "pre-authorization result",
        106,
        *_begin("e"),
        (13, "pan" / Pan(19) * "truncated"),
        (32, "entry_mode" / OptionalText(3) * _ENTRY_MODE),
        (35, "authorization_code" / OptionalText(6)),
        (41, "amount" / Number(8) * "cents, authorized by the host"),
        (49, "preauthorization_code" / Digits(9)),
        (58, "action_code" / Digits(3, optional=True)),
        (61, "host_time" / HostTimeText() * _HOST_TIME),
        (68, Reserved(3)),
        *_preauthorization_card(_approved_stan()),
        variant=OK,
    ),
    layout(
        "pre-authorization result",
        106,
        *_begin("e"),
        (13, "reason" / Text(24) * "why it was refused"),
        (37, "action_code" / Digits(3, optional=True)),
        (40, Reserved(31)),
        *_preauthorization_card(_refused_stan()),
        variant=KO,
    ),
    layout("pre-authorization result", 106, *_begin("e"), (13, Meaningless(58)), *_preauthorization_card(_refused_stan()), variant=OTHER),
)


def _increment(variant: str, stan: Digits, *card: Row) -> Layout:
    return layout(
        "incremental authorization result",
        75,
        *_begin("i"),
        *card,
        (35, "acquirer_id" / OptionalText(11)),
        (46, "authorization_code" / OptionalText(6)),
        (52, "stan" / stan),
        (58, "online_id" / Digits(6, optional=True)),
        (64, "host_time" / HostTimeText() * _HOST_TIME),
        (71, "action_code" / Digits(3, optional=True)),
        (74, Reserved(2)),
        variant=variant,
    )


INCREMENT: Final = Variants(
    _increment(OK, _approved_stan(), (13, "pan" / Pan(19) * "truncated"), (32, "entry_mode" / OptionalText(3) * _ENTRY_MODE)),
    _increment(KO, _refused_stan(), (13, Meaningless(19)), (32, Blank(3))),
    _increment(OTHER, _refused_stan(), (13, Meaningless(19)), (32, Blank(3))),
)
"""Its own layout, without a reason: whatever the result, the fields from 35 on are there; 13-34 are read only where it is `00`."""

CLOSE_SESSION: Final = Variants(
    layout(
        "close session result",
        44,
        *_begin("C"),
        (13, "terminal_total" / Number(16) * "cents"),
        (29, "host_total" / Number(16) * "cents"),
        variant=OK,
    ),
    layout(
        "close session result",
        44,
        *_begin("C"),
        (13, "reason" / Text(19) * "why it was refused"),
        (32, "action_code" / Digits(3, optional=True)),
        (35, Reserved(10)),
        variant=KO,
    ),
    layout("close session result", 44, *_begin("C"), (13, Meaningless(32)), variant=OTHER),
)


def _totals(variant: str, row: Row) -> Layout:
    extra = "extra" / Rest(0, LONGEST_MESSAGE - 34) * "behind position 34, as it came"
    return layout("totals result", None, *_begin("T"), row, (29, Reserved(6)), (35, extra), variant=variant)


TOTALS: Final = Variants(
    _totals(OK, (13, "terminal_total" / Number(16) * "cents")),
    _totals(KO, (13, Meaningless(16))),
    _totals(OTHER, (13, Meaningless(16))),
)
STATUS: Final = layout(
    "status",
    None,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("s")),
    (11, Reserved(10)),
    (21, "terminal_time" / TerminalTime() * "DDMMYYhhmm"),
    (31, "terminal_status" / Number(1) * "0 to 6, 2 = operative"),
    (32, "software_release" / Rest(0, 225, filled=True) * "free text"),
)
STATUS_WITH_WORD: Final = layout(
    "status",
    None,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("s")),
    (11, Reserved(10)),
    (21, "terminal_time" / TerminalTime() * "DDMMYYhhmm"),
    (31, "status_text" / Rest(1, 226, filled=True) * "a word that begins with no digit, then the software release"),
    variant="word",
)
"""`s` of terminals that send a word in place of the digit (exchange.md §8)."""
ADDITIONAL_DATA: Final = layout(
    "additional data from the host",
    None,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("U")),
    (11, Reserved(6)),
    (17, "length" / Number(3) * "of the data"),
    (20, "data" / Counted("length", 255)),
    (None, Reserved(10)),
)
RECEIPT: Final = layout(
    "receipt",
    None,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("S")),
    (11, "receipt_text" / RestBytes(1, 200) * "with control characters"),
)
VAS: Final = layout(
    "VAS response",
    None,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("K")),
    (11, Reserved(4)),
    (15, "more" / Flag() * "1 = another message follows"),
    (16, "sequence" / Number(3) * "from 001"),
    (19, Reserved(4)),
    (23, "xml_length" / Number(4)),
    (27, "xml" / Counted("xml_length", 1024, xml=True) * "at most 1024 bytes"),
)

EXTENDED_STATUS: Final = layout(
    "extended status",
    225,
    (1, "terminal_id" / Digits(8)),
    (9, Constant("0")),
    (10, Code("t")),
    (11, Reserved(10)),
    (21, "terminal_time" / TerminalTime() * "DDMMYYhhmm"),
    (31, "part_number" / Text(33)),
    (64, "serial_number" / Text(18)),
    (82, "software_release" / Text(80)),
    (162, "ip_address" / Text(12)),
    (174, "gateway" / Text(12)),
    (186, Blank(2)),
    (188, "contract" / Text(13)),
    (201, "merchant" / Text(24)),
    (225, "terminal_status" / Number(1, optional=True) * "0 to 6, 2 = operative"),
)


def _unread(code: str, title: str, total: int | None) -> Layout:
    longest = LONGEST_MESSAGE - 10
    content = "content" / (Rest(0, longest) if total is None else Rest(total - 10, total - 10)) * "not described"
    begin = ((1, "terminal_id" / Digits(8)), (9, Constant("0")), (10, Code(code)))
    return layout(title, None, *begin, (11, content), variant="PAX")


REFUND: Final = _unread("A", "refund result", 58)
DLL: Final = _unread("D", "DLL result", None)
RETROACTIVE_REVERSAL: Final = _unread("Q", "retroactive reversal result", None)

PAYMENT_RESULTS: Final = {
    (b"E", 71): PURCHASE,
    (b"E", 74): RESULT_74,
    (b"E", 84): VOID,
    (b"E", 92): EXTENDED_PURCHASE,
    (b"V", 117): PURCHASE_WITH_EXCHANGE,
    (b"e", 106): PREAUTHORIZATION,
    (b"i", 75): INCREMENT,
    (b"c", 74): CAPTURE,
    (b"c", 71): CAPTURE_71,
    (b"v", 109): CAPTURE_WITH_EXCHANGE,
}
"""Payment results by code and length in bytes (messages.md: anything longer or shorter is malformed, unless it is tolerated)."""

RESPONSES: Final[tuple[Layout | Variants, ...]] = (
    STATUS,
    STATUS_WITH_WORD,
    PURCHASE,
    CARD_VERIFICATION,
    RESULT_74,
    VOID,
    EXTENDED_PURCHASE,
    PURCHASE_WITH_EXCHANGE,
    PREAUTHORIZATION,
    INCREMENT,
    CAPTURE,
    CAPTURE_71,
    CAPTURE_WITH_EXCHANGE,
    CLOSE_SESSION,
    TOTALS,
    ADDITIONAL_DATA,
    RECEIPT,
    VAS,
)
"""Every table of this module, in the page's order."""

NAMED_ONLY: Final = {b"t": EXTENDED_STATUS, b"A": REFUND, b"D": DLL, b"Q": RETROACTIVE_REVERSAL}
"""Tables of answers to requests that ecrlan never sends, by code: for `ecrlan decode` (messages.md "PAX only", exchange.md §8)."""
