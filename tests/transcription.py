"""messages.md read a second time, by another reader than the one who wrote `ecrlan.wire`: plain rows, no construct, nothing from ecrlan.

A row is (position, length, type, name, constant), in the document's order. Positions are 1-based and count bytes; a position or a length
of None is one that depends on the content. Types: N digits, A text filled on the right, AR text filled on the left, V variable as it
comes, = a constant, 0 a reserved run of zeros, "" where the document states none. Reserved runs and constants have no name.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    position: int | None
    length: int | None
    type: str
    name: str | None = None
    constant: str | None = None


class Table(NamedTuple):
    code: str
    title: str
    total: int | None
    """Bytes in all; None where the length depends on the content."""
    rows: tuple[Row, ...]


def start(code: str) -> tuple[Row, ...]:
    """Rows of the ten bytes that every message starts with."""
    return (
        Row(1, 8, "N", "terminal_id"),
        Row(9, 1, "=", None, "0"),
        Row(10, 1, "=", None, code),
    )


def table(code: str, title: str, total: int | None, *rows: tuple[object, ...]) -> Table:
    """Put the start before `rows`."""
    return Table(code, title, total, (*start(code), *(Row(*row) for row in rows)))


# --- requests ------------------------------------------------------------------------------------------------------------------------

PURCHASE_ROWS = (
    (11, 8, "N", "cash_register_id"),
    (19, 1, "N", "additional_data"),
    (20, 2, "0"),
    (22, 1, "N", "card_present"),
    (23, 1, "N", "payment_type"),
    (24, 8, "N", "amount"),
    (32, 128, "AR", "receipt_text"),
    (160, 8, "0"),
)

PREAUTHORIZATION_STEP_ROWS = (
    (11, 8, "N", "cash_register_id"),
    (19, 1, "N", "additional_data"),
    (20, 4, "0"),
    (24, 8, "N", "amount"),
    (32, 128, "AR", "receipt_text"),
    (160, 9, "N", "preauthorization_code"),
)

SESSION_ROWS = (
    (11, 8, "N", "cash_register_id"),
    (19, 1, "N", "additional_data"),
    (20, 7, "0"),
)

REQUESTS = {
    "s": table("s", "status", 10),
    "P": table("P", "purchase", 167, *PURCHASE_ROWS),
    "X": table("X", "purchase with extended result", 167, *PURCHASE_ROWS),
    "p": table("p", "pre-authorization", 167, *PURCHASE_ROWS),
    "S": table(
        "S",
        "void",
        26,
        (11, 8, "N", "cash_register_id"),
        (19, 6, "N", "stan"),
        (25, 1, "N", "additional_data"),
        (26, 1, "0"),
    ),
    "i": table("i", "incremental authorization", 176, *PREAUTHORIZATION_STEP_ROWS, (169, 8, "0")),
    "c 176": table("c", "capture", 176, *PREAUTHORIZATION_STEP_ROWS, (169, 8, "0")),
    # exchange.md §6: 12 trailing zeros on PAX
    "c 180": table("c", "capture (PAX)", 180, *PREAUTHORIZATION_STEP_ROWS, (169, 12, "0")),
    "H": table(
        "H",
        "card verification",
        39,
        (11, 8, "N", "cash_register_id"),
        (19, 1, "N", "additional_data"),
        (20, 2, "0"),
        (22, 1, "=", None, "0"),
        (23, 1, "N", "payment_type"),
        (24, 16, "0"),
    ),
    "C": table("C", "close session", 26, *SESSION_ROWS),
    "T": table("T", "terminal totals", 26, *SESSION_ROWS),
    "G": table(
        "G",
        "send last result",
        22,
        (11, 8, "N", "cash_register_id"),
        (19, 1, "N", "additional_data"),
        (20, 3, "0"),
    ),
    "E": table("E", "enable/disable receipt printing on the ECR", 11, (11, 1, "N", "enabled")),
    "R": table(
        "R",
        "reprint receipt",
        22,
        (11, 1, "N", "to_ecr"),
        (12, 1, "N", "ticket_type"),
        (13, 10, "0"),
    ),
    "U": table(
        "U",
        "additional data for the host",
        None,
        (11, 6, "N", "payment_type"),
        (17, 2, "N", "iso_field"),
        (19, 8, "A", "tag_number"),
        (27, 1, "0"),
        (28, 4, "", "tag_map"),
        (32, 5, "0"),
        (37, None, "V", "contents"),
    ),
    "K": table(
        "K",
        "VAS request",
        None,
        (11, 8, "N", "cash_register_id"),
        (19, 3, "0"),
        (22, 1, "0"),
        (23, 4, "N", "xml_length"),
        (27, None, "V", "xml"),
    ),
}

# --- responses -----------------------------------------------------------------------------------------------------------------------

RESULT_OK = (
    (11, 2, "N", "result"),
    (13, 19, "N", "pan"),
    (32, 3, "A", "entry_mode"),
    (35, 6, "A", "authorization_code"),
    (41, 7, "A", "host_time"),
)
RESULT_OK_VOID = (
    (11, 2, "N", "result"),
    (13, 19, "N", "pan"),
    (32, 3, "A", "entry_mode"),
    (35, 6, "0"),
    (41, 7, "A", "host_time"),
)
RESULT_KO = (
    (11, 2, "N", "result"),
    (13, 24, "A", "reason"),
    (37, 11, "0"),
)
RESULT_KO_VERIFICATION = (
    (11, 2, "N", "result"),
    (13, 24, "A", "reason"),
    (37, 3, "N", "action_code"),
    (40, 8, "0"),
)
RESULT_ALWAYS = (
    (48, 1, "N", "card_type"),
    (49, 11, "A", "acquirer_id"),
    (60, 6, "N", "stan"),
    (66, 6, "N", "online_id"),
)
VOID_TAIL = (
    (72, 3, "N", "action_code"),
    (75, 10, "0"),
)
EXTENDED_TAIL = (
    (72, 3, "N", "action_code"),
    (75, 8, "N", "amount"),
    (83, 10, "0"),
)
EXCHANGE_TAIL = (
    (72, 3, "N", "action_code"),
    (75, 8, "N", "amount"),
    (83, 1, "N", "dcc"),
    (84, 8, "N", "exchange_rate"),
    (92, 3, "A", "currency"),
    (95, 12, "N", "currency_amount"),
    (107, 1, "N", "currency_decimals"),
    (108, 10, "0"),
)
CAPTURE_TAIL = ((72, 3, "N", "action_code"),)
CAPTURE_EXCHANGE_TAIL = (
    (72, 3, "N", "action_code"),
    (75, 1, "N", "dcc"),
    (76, 8, "N", "exchange_rate"),
    (84, 3, "A", "currency"),
    (87, 12, "N", "currency_amount"),
    (99, 1, "N", "currency_decimals"),
    (100, 10, "0"),
)
PREAUTHORIZATION_ALWAYS = (
    (71, 1, "N", "card_type"),
    (72, 11, "A", "acquirer_id"),
    (83, 6, "N", "stan"),
    (89, 6, "N", "online_id"),
    (95, 12, "0"),
)

RESPONSES = {
    "s": table(
        "s",
        "status",
        None,
        (11, 10, "0"),
        (21, 10, "", "terminal_time"),
        (31, 1, "N", "terminal_status"),
        (32, None, "A", "software_release"),
    ),
    "E P/H OK": table("E", "result of P or H, OK", 71, *RESULT_OK, *RESULT_ALWAYS),
    "E P KO": table("E", "result of P, KO", 71, *RESULT_KO, *RESULT_ALWAYS),
    "E H KO": table("E", "result of H, KO", 71, *RESULT_KO_VERIFICATION, *RESULT_ALWAYS),
    "E 74 OK": table("E", "result of P or H of 74 bytes, OK", 74, *RESULT_OK, *RESULT_ALWAYS, *CAPTURE_TAIL),
    "E 74 KO": table("E", "result of P or H of 74 bytes, KO", 74, *RESULT_KO, *RESULT_ALWAYS, *CAPTURE_TAIL),
    "E S OK": table("E", "result of S, OK", 84, *RESULT_OK_VOID, *RESULT_ALWAYS, *VOID_TAIL),
    "E S KO": table("E", "result of S, KO", 84, *RESULT_KO, *RESULT_ALWAYS, *VOID_TAIL),
    "E X OK": table("E", "result of X, OK", 92, *RESULT_OK, *RESULT_ALWAYS, *EXTENDED_TAIL),
    "E X KO": table("E", "result of X, KO", 92, *RESULT_KO, *RESULT_ALWAYS, *EXTENDED_TAIL),
    "V OK": table("V", "result with currency exchange, OK", 117, *RESULT_OK, *RESULT_ALWAYS, *EXCHANGE_TAIL),
    "V KO": table("V", "result with currency exchange, KO", 117, *RESULT_KO, *RESULT_ALWAYS, *EXCHANGE_TAIL),
    "e OK": table(
        "e",
        "pre-authorization result, OK",
        106,
        (11, 2, "N", "result"),
        (13, 19, "N", "pan"),
        (32, 3, "A", "entry_mode"),
        (35, 6, "A", "authorization_code"),
        (41, 8, "N", "amount"),
        (49, 9, "N", "preauthorization_code"),
        (58, 3, "N", "action_code"),
        (61, 7, "A", "host_time"),
        (68, 3, "0"),
        *PREAUTHORIZATION_ALWAYS,
    ),
    "e KO": table(
        "e",
        "pre-authorization result, KO",
        106,
        (11, 2, "N", "result"),
        (13, 24, "A", "reason"),
        (37, 3, "N", "action_code"),
        (40, 31, "0"),
        *PREAUTHORIZATION_ALWAYS,
    ),
    "i": table(
        "i",
        "incremental authorization result",
        75,
        (11, 2, "N", "result"),
        (13, 19, "N", "pan"),
        (32, 3, "A", "entry_mode"),
        (35, 11, "A", "acquirer_id"),
        (46, 6, "A", "authorization_code"),
        (52, 6, "N", "stan"),
        (58, 6, "N", "online_id"),
        (64, 7, "A", "host_time"),
        (71, 3, "N", "action_code"),
        (74, 2, "0"),
    ),
    "c 71 OK": table("c", "capture result of 71 bytes, OK", 71, *RESULT_OK, *RESULT_ALWAYS),
    "c 71 KO": table("c", "capture result of 71 bytes, KO", 71, *RESULT_KO, *RESULT_ALWAYS),
    "c 74 OK": table("c", "capture result, OK", 74, *RESULT_OK, *RESULT_ALWAYS, *CAPTURE_TAIL),
    "c 74 KO": table("c", "capture result, KO", 74, *RESULT_KO, *RESULT_ALWAYS, *CAPTURE_TAIL),
    "v OK": table("v", "capture result with currency exchange, OK", 109, *RESULT_OK, *RESULT_ALWAYS, *CAPTURE_EXCHANGE_TAIL),
    "v KO": table("v", "capture result with currency exchange, KO", 109, *RESULT_KO, *RESULT_ALWAYS, *CAPTURE_EXCHANGE_TAIL),
    "C OK": table(
        "C",
        "close-session result, OK",
        44,
        (11, 2, "N", "result"),
        (13, 16, "N", "terminal_total"),
        (29, 16, "N", "host_total"),
    ),
    "C KO": table(
        "C",
        "close-session result, KO",
        44,
        (11, 2, "N", "result"),
        (13, 19, "A", "reason"),
        (32, 3, "N", "action_code"),
        (35, 10, "0"),
    ),
    # 34 or longer: what follows position 34 has no field
    "T": table(
        "T",
        "totals result",
        34,
        (11, 2, "N", "result"),
        (13, 16, "N", "terminal_total"),
        (29, 6, "0"),
    ),
    "U": table(
        "U",
        "additional data from the host",
        None,
        (11, 6, "0"),
        (17, 3, "N", "length"),
        (20, None, "A", "data"),
        (None, 10, "0"),
    ),
    "S": table("S", "receipt", None, (11, None, "V", "receipt_text")),
    "K": table(
        "K",
        "VAS response",
        None,
        (11, 4, "0"),
        (15, 1, "N", "more"),
        (16, 3, "N", "sequence"),
        (19, 4, "0"),
        (23, 4, "N", "xml_length"),
        (27, None, "V", "xml"),
    ),
}


# --- by hand -------------------------------------------------------------------------------------------------------------------------


def fill(row: Row, value: object) -> bytes:
    """Return the bytes of one row; `value` is of no meaning to constants and reserved runs."""
    if row.constant is not None:
        return row.constant.encode("ascii")
    if row.name is None:
        return b"0" * (row.length or 0)
    content = value if isinstance(value, bytes) else str(value).encode("ascii")
    if row.length is None:
        return content
    if len(content) > row.length:
        raise ValueError(f"{row.name} has {len(content)} bytes, at most {row.length}")
    if row.type == "N":
        return content.rjust(row.length, b"0")
    if row.type == "AR":
        return content.rjust(row.length, b" ")
    return content.ljust(row.length, b" ")


def compose(layout: Table, values: dict[str, object]) -> bytes:
    """Build a message row by row; every named row needs a value, and every value a row."""
    message = b""
    unused = dict(values)
    for row in layout.rows:
        if row.position is not None and row.position != len(message) + 1:
            raise ValueError(f"{layout.title}: a row at {row.position} after {len(message)} bytes")
        message += fill(row, unused.pop(row.name) if row.name is not None else None)
    if unused:
        raise ValueError(f"{layout.title}: no rows named {sorted(unused)}")
    if layout.total is not None and len(message) != layout.total:
        raise ValueError(f"{layout.title}: {len(message)} bytes, not {layout.total}")
    return message


def lrc7f(frame_without_lrc: bytes) -> int:
    """Start from 0x7F and XOR every byte, STX (or ACK, NAK) through ETX (exchange.md §2)."""
    value = 0x7F
    for byte in frame_without_lrc:
        value ^= byte
    return value
