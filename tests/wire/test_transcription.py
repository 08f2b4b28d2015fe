"""Two independent transcriptions of messages.md agree: `tests.transcription` (plain rows) and the tables and codec of `ecrlan.wire`.

Every message of the examples stands here byte by byte, as a person reads it off messages.md; nothing in them is computed.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.model import (
    AdditionalDataRequest,
    AdditionalDataResponse,
    CaptureRequest,
    CloseSessionRequest,
    CloseSessionResponse,
    CurrencyExchange,
    ExtendedPurchaseRequest,
    HostTime,
    IncrementRequest,
    LastResultRequest,
    PaymentResult,
    PaymentType,
    PreauthorizationRequest,
    PrintingRequest,
    PurchaseRequest,
    ReceiptPart,
    ReprintRequest,
    StatusRequest,
    StatusResponse,
    TotalsRequest,
    TotalsResponse,
    VasPart,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.wire import requests, responses
from ecrlan.wire.codec import build_request, build_response, parse_request, parse_response
from ecrlan.wire.frames import AckFrame, ApplicationFrame, FrameReader, build_ack, build_frame, build_nak
from tests.transcription import REQUESTS, RESPONSES, Table, compose, lrc7f


def fields(*parts: bytes) -> bytes:
    """Join the parts of a message, cut here at its fields for the reader's eye only."""
    return b"".join(parts)


TID = "37105051"
TEXT_128 = (
    "Contract code CUST-0001/2026 order no. 000123456789 thank you for your purchase at our shop in Via Roma 1, 00100 Roma (RM), Ita#"
)
BYTES_128 = (
    b"Contract code CUST-0001/2026 order no. 000123456789 thank you for your purchase at our shop in Via Roma 1, 00100 Roma (RM), Ita#"
)
SPACES_128 = (
    b"                                                                                                                                "
)
HELLO_128 = (
    b"                                                                                                                   Contract 0042"
)
CONTENT_100 = b"0REC0TRKABCDEFGHIJKLMNOPQR|0FNZ03|0123456789-0123456789-0123456789-0123456789-0123456789-0123456789*"
CONTENT_30 = b"BTDABCDEFGHIJKLMNOPQR-01234567"
PARTLY = {"terminal_id": TID, "pan": "4242", "entry_mode": "ICC", "host_time": HostTime(212, 21, 22)}
APPROVAL = {**PARTLY, "result": "00", "authorization_code": "A1B2C3"}
REFUSAL = {"terminal_id": TID, "result": "01", "reason": "INSUFFICIENT FUNDS"}
ALWAYS = {"card_type": 2, "acquirer_id": "00000000025", "stan": "000042", "online_id": "000107"}
YEN = CurrencyExchange(exchange_rate=1_234_567, currency="JPY", currency_amount=123_456, currency_decimals=0)
DOLLARS = CurrencyExchange(exchange_rate=10_893, currency="USD", currency_amount=708, currency_decimals=2)
LARGEST = CurrencyExchange(exchange_rate=99_999_999, currency="XYZ", currency_amount=999_999_999_999, currency_decimals=9)

REQUEST_EXAMPLES = [
    ("s", StatusRequest(), fields(b"000000000s")),
    ("s", StatusRequest(terminal_id=TID), fields(b"371050510s")),
    (
        "P",
        PurchaseRequest(amount=1),
        fields(b"000000000P", b"00000001", b"0", b"00", b"0", b"0", b"00000001", SPACES_128, b"00000000"),
    ),
    (
        "P",
        PurchaseRequest(
            terminal_id=TID,
            cash_register_id="12345678",
            additional_data=True,
            card_present=True,
            payment_type=PaymentType.OTHER,
            amount=99_999_999,
            receipt_text=TEXT_128,
        ),
        fields(b"371050510P", b"12345678", b"1", b"00", b"1", b"3", b"99999999", BYTES_128, b"00000000"),
    ),
    (
        "P",
        PurchaseRequest(terminal_id=TID, payment_type=PaymentType.DEBIT, amount=650, receipt_text="Contract 0042"),
        fields(b"371050510P", b"00000001", b"0", b"00", b"0", b"1", b"00000650", HELLO_128, b"00000000"),
    ),
    (
        "X",
        ExtendedPurchaseRequest(terminal_id=TID, card_present=True, payment_type=PaymentType.CREDIT, amount=99_999_999),
        fields(b"371050510X", b"00000001", b"0", b"00", b"1", b"2", b"99999999", SPACES_128, b"00000000"),
    ),
    (
        "X",
        ExtendedPurchaseRequest(additional_data=True, amount=1, receipt_text=TEXT_128),
        fields(b"000000000X", b"00000001", b"1", b"00", b"0", b"0", b"00000001", BYTES_128, b"00000000"),
    ),
    (
        "p",
        PreauthorizationRequest(terminal_id=TID, amount=1, receipt_text="Contract 0042"),
        fields(b"371050510p", b"00000001", b"0", b"00", b"0", b"0", b"00000001", HELLO_128, b"00000000"),
    ),
    (
        "p",
        PreauthorizationRequest(terminal_id=TID, additional_data=True, card_present=True, amount=99_999_999),
        fields(b"371050510p", b"00000001", b"1", b"00", b"1", b"0", b"99999999", SPACES_128, b"00000000"),
    ),
    ("S", VoidRequest(terminal_id=TID), fields(b"371050510S", b"00000001", b"000000", b"0", b"0")),
    (
        "S",
        VoidRequest(terminal_id=TID, cash_register_id="87654321", stan="123456", additional_data=True),
        fields(b"371050510S", b"87654321", b"123456", b"1", b"0"),
    ),
    (
        "i",
        IncrementRequest(terminal_id=TID, amount=1, preauthorization_code="000000007"),
        fields(b"371050510i", b"00000001", b"0", b"0000", b"00000001", SPACES_128, b"000000007", b"00000000"),
    ),
    (
        "i",
        IncrementRequest(
            terminal_id=TID, additional_data=True, amount=99_999_999, preauthorization_code="123456789", receipt_text=TEXT_128
        ),
        fields(b"371050510i", b"00000001", b"1", b"0000", b"99999999", BYTES_128, b"123456789", b"00000000"),
    ),
    (
        "c 176",
        CaptureRequest(terminal_id=TID, amount=99_999_999, preauthorization_code="123456789", receipt_text="Contract 0042"),
        fields(b"371050510c", b"00000001", b"0", b"0000", b"99999999", HELLO_128, b"123456789", b"00000000"),
    ),
    (
        "c 180",
        CaptureRequest(terminal_id=TID, additional_data=True, amount=1, preauthorization_code="987654321", length=180),
        fields(b"371050510c", b"00000001", b"1", b"0000", b"00000001", SPACES_128, b"987654321", b"000000000000"),
    ),
    ("H", VerifyCardRequest(), fields(b"000000000H", b"00000001", b"0", b"00", b"0", b"0", b"0000000000000000")),
    (
        "H",
        VerifyCardRequest(terminal_id=TID, additional_data=True, payment_type=PaymentType.OTHER),
        fields(b"371050510H", b"00000001", b"1", b"00", b"0", b"3", b"0000000000000000"),
    ),
    ("C", CloseSessionRequest(terminal_id=TID), fields(b"371050510C", b"00000001", b"0", b"0000000")),
    (
        "C",
        CloseSessionRequest(terminal_id=TID, cash_register_id="99999999", additional_data=True),
        fields(b"371050510C", b"99999999", b"1", b"0000000"),
    ),
    ("T", TotalsRequest(terminal_id=TID), fields(b"371050510T", b"00000001", b"0", b"0000000")),
    ("T", TotalsRequest(terminal_id=TID, additional_data=True), fields(b"371050510T", b"00000001", b"1", b"0000000")),
    ("G", LastResultRequest(terminal_id=TID), fields(b"371050510G", b"00000001", b"0", b"000")),
    ("G", LastResultRequest(terminal_id=TID, additional_data=True), fields(b"371050510G", b"00000001", b"1", b"000")),
    ("E", PrintingRequest(terminal_id=TID), fields(b"371050510E", b"1")),
    ("E", PrintingRequest(terminal_id=TID, enabled=0), fields(b"371050510E", b"0")),
    ("R", ReprintRequest(terminal_id=TID), fields(b"371050510R", b"1", b"0", b"0000000000")),
    ("R", ReprintRequest(terminal_id=TID, to_ecr=0, ticket_type=1), fields(b"371050510R", b"0", b"1", b"0000000000")),
    (
        "U",
        AdditionalDataRequest(terminal_id=TID, contents=((5, "0REC0TRKCUST-0001|0FNZ03"),)),
        fields(b"371050510U", b"000000", b"00", b"DF8D01  ", b"0", b"5000", b"00000", b"0REC0TRKCUST-0001|0FNZ03\x1b"),
    ),
    (
        "U",
        AdditionalDataRequest(terminal_id=TID, iso_field="62", contents=((1, "BTDCUST-0001"), (5, "0COF0FNZ03"))),
        fields(b"371050510U", b"000000", b"62", b"DF8D01  ", b"0", b"1500", b"00000", b"BTDCUST-0001\x1b0COF0FNZ03\x1b"),
    ),
    (
        "U",
        AdditionalDataRequest(terminal_id=TID, contents=((5, CONTENT_100.decode()),)),
        fields(b"371050510U", b"000000", b"00", b"DF8D01  ", b"0", b"5000", b"00000", CONTENT_100, b"\x1b"),
    ),
    (
        "U",
        AdditionalDataRequest(
            terminal_id=TID,
            payment_type="000009",
            tag_number="ABCDEFGH",
            contents=((1, CONTENT_30.decode()), (2, "x"), (3, "y"), (4, "z")),
        ),
        fields(b"371050510U", b"000009", b"00", b"ABCDEFGH", b"0", b"1234", b"00000", CONTENT_30, b"\x1bx\x1by\x1bz\x1b"),
    ),
    ("K", VasRequest(terminal_id=TID, xml="<ecrreq/>"), fields(b"371050510K", b"00000001", b"000", b"0", b"0009", b"<ecrreq/>")),
    (
        "K",
        VasRequest(terminal_id=TID, cash_register_id="00000002", xml=TEXT_128 * 8),
        fields(
            b"371050510K",
            b"00000002",
            b"000",
            b"0",
            b"1024",
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
        ),
    ),
]

OK = fields(b"00", b"0000000000000004242", b"ICC", b"A1B2C3", b"2122122")
OK_VOID = fields(b"00", b"0000000000000004242", b"ICC", b"000000", b"2122122")
KO = fields(b"01", b"INSUFFICIENT FUNDS      ", b"00000000000")
KO_24 = fields(b"01", b"DO NOT HONOUR, CALL BANK", b"00000000000")
END = fields(b"2", b"00000000025", b"000042", b"000107")
REFUSAL_24 = {**REFUSAL, "reason": "DO NOT HONOUR, CALL BANK"}

RESPONSE_EXAMPLES = [
    (
        "s",
        StatusResponse(
            terminal_id=TID,
            terminal_time=datetime(2026, 7, 31, 21, 22),  # noqa: DTZ001
            terminal_status=2,
            software_release="SYSEMV  204",
        ),
        fields(b"371050510s", b"0000000000", b"3107262122", b"2", b"SYSEMV  204"),
    ),
    (
        "s",
        StatusResponse(
            terminal_id=TID,
            terminal_time=datetime(2000, 1, 1, 0, 0),  # noqa: DTZ001
            terminal_status=6,
            software_release="SYS72031EMV02686ECR01233",
        ),
        fields(b"371050510s", b"0000000000", b"0101000000", b"6", b"SYS72031EMV02686ECR01233"),
    ),
    (
        "s",
        StatusResponse(terminal_id=TID, terminal_time=None, terminal_status=0, software_release=""),
        fields(b"371050510s", b"0000000000", b"0000000000", b"0"),
    ),
    ("E P/H OK", PaymentResult(code="E", length=71, **APPROVAL, **ALWAYS), fields(b"371050510E", OK, END)),
    (
        "E P/H OK",
        PaymentResult(
            code="E",
            length=71,
            terminal_id="99999999",
            result="00",
            pan="0000",
            entry_mode="CLI",
            authorization_code="000001",
            host_time=HostTime(366, 23, 59),
            card_type=3,
            acquirer_id="ABCDEFGHIJK",
            stan="999999",
            online_id="000000",
        ),
        fields(b"999999990E", b"00", b"0000000000000000000", b"CLI", b"000001", b"3662359", b"3", b"ABCDEFGHIJK", b"999999", b"000000"),
    ),
    (
        "E P/H OK",
        PaymentResult(
            code="E",
            length=71,
            terminal_id=TID,
            result="00",
            pan="9999",
            entry_mode="MAG",
            authorization_code="Z",
            host_time=HostTime(1, 0, 0),
            card_type=1,
            acquirer_id="7",
            stan="000001",
            online_id="000001",
        ),
        fields(b"371050510E", b"00", b"0000000000000009999", b"MAG", b"Z     ", b"0010000", b"1", b"7          ", b"000001", b"000001"),
    ),
    ("E P KO", PaymentResult(code="E", length=71, **REFUSAL, **ALWAYS), fields(b"371050510E", KO, END)),
    ("E P KO", PaymentResult(code="E", length=71, **REFUSAL_24, **ALWAYS), fields(b"371050510E", KO_24, END)),
    (
        "E H KO",
        PaymentResult(code="E", length=71, **REFUSAL_24, **ALWAYS, action_code="116"),
        fields(b"371050510E", b"01", b"DO NOT HONOUR, CALL BANK", b"116", b"00000000", END),
    ),
    ("E 74 OK", PaymentResult(code="E", length=74, **APPROVAL, **ALWAYS, action_code="000"), fields(b"371050510E", OK, END, b"000")),
    ("E 74 KO", PaymentResult(code="E", length=74, **REFUSAL, **ALWAYS, action_code="116"), fields(b"371050510E", KO, END, b"116")),
    (
        "E S OK",
        PaymentResult(code="E", length=84, **PARTLY, result="00", **ALWAYS, action_code="400"),
        fields(b"371050510E", OK_VOID, END, b"400", b"0000000000"),
    ),
    (
        "E S KO",
        PaymentResult(code="E", length=84, **REFUSAL_24, **ALWAYS, action_code="914"),
        fields(b"371050510E", KO_24, END, b"914", b"0000000000"),
    ),
    (
        "E X OK",
        PaymentResult(code="E", length=92, **APPROVAL, **ALWAYS, action_code="000", amount=1),
        fields(b"371050510E", OK, END, b"000", b"00000001", b"0000000000"),
    ),
    (
        "E X OK",
        PaymentResult(code="E", length=92, **APPROVAL, **ALWAYS, action_code="999", amount=99_999_999),
        fields(b"371050510E", OK, END, b"999", b"99999999", b"0000000000"),
    ),
    (
        "E X KO",
        PaymentResult(code="E", length=92, **REFUSAL_24, **ALWAYS, action_code="116", amount=650),
        fields(b"371050510E", KO_24, END, b"116", b"00000650", b"0000000000"),
    ),
    (
        "V OK",
        PaymentResult(code="V", length=117, **APPROVAL, **ALWAYS, action_code="000", amount=650, currency_exchange=DOLLARS),
        fields(b"371050510V", OK, END, b"000", b"00000650", b"1", b"00010893", b"USD", b"000000000708", b"2", b"0000000000"),
    ),
    (
        "V OK",
        PaymentResult(code="V", length=117, **APPROVAL, **ALWAYS, action_code="000", amount=99_999_999, currency_exchange=LARGEST),
        fields(b"371050510V", OK, END, b"000", b"99999999", b"1", b"99999999", b"XYZ", b"999999999999", b"9", b"0000000000"),
    ),
    (
        "V KO",
        PaymentResult(code="V", length=117, **REFUSAL, **ALWAYS, action_code="116", amount=99_999_999, currency_exchange=YEN),
        fields(b"371050510V", KO, END, b"116", b"99999999", b"1", b"01234567", b"JPY", b"000000123456", b"0", b"0000000000"),
    ),
    (
        "e OK",
        PaymentResult(code="e", length=106, **APPROVAL, **ALWAYS, amount=99_999_999, preauthorization_code="123456789", action_code="000"),
        fields(
            b"371050510e",
            b"00",
            b"0000000000000004242",
            b"ICC",
            b"A1B2C3",
            b"99999999",
            b"123456789",
            b"000",
            b"2122122",
            b"000",
            END,
            b"000000000000",
        ),
    ),
    (
        "e OK",
        PaymentResult(code="e", length=106, **APPROVAL, **ALWAYS, amount=1, preauthorization_code="000000001", action_code="001"),
        fields(
            b"371050510e",
            b"00",
            b"0000000000000004242",
            b"ICC",
            b"A1B2C3",
            b"00000001",
            b"000000001",
            b"001",
            b"2122122",
            b"000",
            END,
            b"000000000000",
        ),
    ),
    (
        "e KO",
        PaymentResult(code="e", length=106, **REFUSAL_24, **ALWAYS, action_code="116"),
        fields(b"371050510e", b"01", b"DO NOT HONOUR, CALL BANK", b"116", b"0000000000000000000000000000000", END, b"000000000000"),
    ),
    (
        "i",
        PaymentResult(
            code="i",
            length=75,
            **APPROVAL,
            acquirer_id="00000000025",
            stan="000042",
            online_id="000107",
            action_code="000",
        ),
        fields(
            b"371050510i", b"00", b"0000000000000004242", b"ICC", b"00000000025", b"A1B2C3", b"000042", b"000107", b"2122122", b"000", b"00"
        ),
    ),
    (
        "i",
        PaymentResult(
            code="i",
            length=75,
            terminal_id=TID,
            result="01",
            authorization_code="A1B2C3",
            acquirer_id="25",
            stan="999999",
            online_id="000000",
            host_time=HostTime(1, 0, 0),
            action_code="116",
        ),
        fields(
            b"371050510i", b"01", b"0000000000000000000", b"   ", b"25         ", b"A1B2C3", b"999999", b"000000", b"0010000", b"116", b"00"
        ),
    ),
    ("c 71 OK", PaymentResult(code="c", length=71, **APPROVAL, **ALWAYS), fields(b"371050510c", OK, END)),
    ("c 71 KO", PaymentResult(code="c", length=71, **REFUSAL_24, **ALWAYS), fields(b"371050510c", KO_24, END)),
    ("c 74 OK", PaymentResult(code="c", length=74, **APPROVAL, **ALWAYS, action_code="000"), fields(b"371050510c", OK, END, b"000")),
    ("c 74 KO", PaymentResult(code="c", length=74, **REFUSAL, **ALWAYS, action_code="116"), fields(b"371050510c", KO, END, b"116")),
    (
        "v OK",
        PaymentResult(code="v", length=109, **APPROVAL, **ALWAYS, action_code="000", currency_exchange=DOLLARS),
        fields(b"371050510v", OK, END, b"000", b"1", b"00010893", b"USD", b"000000000708", b"2", b"0000000000"),
    ),
    (
        "v KO",
        PaymentResult(code="v", length=109, **REFUSAL_24, **ALWAYS, action_code="116", currency_exchange=YEN),
        fields(b"371050510v", KO_24, END, b"116", b"1", b"01234567", b"JPY", b"000000123456", b"0", b"0000000000"),
    ),
    (
        "C OK",
        CloseSessionResponse(terminal_id=TID, result="00", terminal_total=1, host_total=0),
        fields(b"371050510C", b"00", b"0000000000000001", b"0000000000000000"),
    ),
    (
        "C OK",
        CloseSessionResponse(terminal_id=TID, result="00", terminal_total=123_456, host_total=9_999_999_999_999_999),
        fields(b"371050510C", b"00", b"0000000000123456", b"9999999999999999"),
    ),
    (
        "C KO",
        CloseSessionResponse(terminal_id=TID, result="01", reason="HOST NOT REACHABLE!", action_code="909"),
        fields(b"371050510C", b"01", b"HOST NOT REACHABLE!", b"909", b"0000000000"),
    ),
    (
        "C KO",
        CloseSessionResponse(terminal_id=TID, result="01", reason="NO LINE", action_code="000"),
        fields(b"371050510C", b"01", b"NO LINE            ", b"000", b"0000000000"),
    ),
    ("T", TotalsResponse(terminal_id=TID, result="00", terminal_total=0), fields(b"371050510T", b"00", b"0000000000000000", b"000000")),
    (
        "T",
        TotalsResponse(terminal_id=TID, result="00", terminal_total=9_999_999_999_999_999),
        fields(b"371050510T", b"00", b"9999999999999999", b"000000"),
    ),
    ("U", AdditionalDataResponse(terminal_id=TID, data=""), fields(b"371050510U", b"000000", b"000", b"0000000000")),
    (
        "U",
        AdditionalDataResponse(terminal_id=TID, data="DF8D0105HELLO"),
        fields(b"371050510U", b"000000", b"013", b"DF8D0105HELLO", b"0000000000"),
    ),
    (
        "U",
        AdditionalDataResponse(terminal_id=TID, data=TEXT_128 + TEXT_128[:127]),
        fields(b"371050510U", b"000000", b"255", BYTES_128, BYTES_128[:127], b"0000000000"),
    ),
    ("S", ReceiptPart(terminal_id=TID, receipt_text=b"}"), fields(b"371050510S", b"}")),
    (
        "S",
        ReceiptPart(terminal_id=TID, receipt_text=b"\x7fACQUISTO}}IMPORTO EUR 6,50^~{||}}}}}}\x1b"),
        fields(b"371050510S", b"\x7fACQUISTO}}IMPORTO EUR 6,50^~{||}}}}}}\x1b"),
    ),
    ("S", ReceiptPart(terminal_id=TID, receipt_text=BYTES_128 + BYTES_128[:72]), fields(b"371050510S", BYTES_128, BYTES_128[:72])),
    (
        "K",
        VasPart(terminal_id=TID, more=False, sequence=1, xml="<ecrres/>"),
        fields(b"371050510K", b"0000", b"0", b"001", b"0000", b"0009", b"<ecrres/>"),
    ),
    (
        "K",
        VasPart(terminal_id=TID, more=True, sequence=999, xml=TEXT_128 * 8),
        fields(
            b"371050510K",
            b"0000",
            b"1",
            b"999",
            b"0000",
            b"1024",
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
            BYTES_128,
        ),
    ),
]

# Bytes that a terminal may send and that say the same as (or less than) the object; the emulator need not write them like that.
READ_ONLY_EXAMPLES = [
    (
        "dcc 0: the rest means nothing",
        PaymentResult(code="V", length=117, **APPROVAL, **ALWAYS, action_code="000", amount=1),
        fields(b"371050510V", OK, END, b"000", b"00000001", b"0", b"00010893", b"USD", b"000000000708", b"2", b"0000000000"),
    ),
    (
        "dcc 0, with blanks behind it",
        PaymentResult(code="V", length=117, **APPROVAL, **ALWAYS, action_code="000", amount=99_999_999),
        fields(b"371050510V", OK, END, b"000", b"99999999", b"0", b"        ", b"   ", b"            ", b" ", b"0000000000"),
    ),
    (
        "dcc 0 in v",
        PaymentResult(code="v", length=109, **APPROVAL, **ALWAYS, action_code="000"),
        fields(b"371050510v", OK, END, b"000", b"0", b"00010893", b"USD", b"000000000708", b"2", b"0000000000"),
    ),
    (
        "reserved runs are ignored: void",
        PaymentResult(code="E", length=84, **PARTLY, result="00", **ALWAYS, action_code="400"),
        fields(b"371050510E", b"00", b"0000000000000004242", b"ICC", b"??????", b"2122122", END, b"400", b"abcdefghij"),
    ),
    (
        "reserved runs are ignored: extended result",
        PaymentResult(code="E", length=92, **APPROVAL, **ALWAYS, action_code="000", amount=650),
        fields(b"371050510E", OK, END, b"000", b"00000650", b"XXXXXXXXXX"),
    ),
    (
        "reserved runs are ignored: close session",
        CloseSessionResponse(terminal_id=TID, result="01", reason="NO LINE", action_code="909"),
        fields(b"371050510C", b"01", b"NO LINE            ", b"909", b"9876543210"),
    ),
    (
        "reserved runs are ignored: totals",
        TotalsResponse(terminal_id=TID, result="00", terminal_total=650),
        fields(b"371050510T", b"00", b"0000000000000650", b"999999"),
    ),
    (
        "reserved runs are ignored: pre-authorization",
        PaymentResult(code="e", length=106, **APPROVAL, **ALWAYS, amount=650, preauthorization_code="123456789", action_code="000"),
        fields(
            b"371050510e",
            b"00",
            b"0000000000000004242",
            b"ICC",
            b"A1B2C3",
            b"00000650",
            b"123456789",
            b"000",
            b"2122122",
            b"abc",
            END,
            b"ABCDEFGHIJKL",
        ),
    ),
    (
        "reserved runs are ignored: increment",
        PaymentResult(code="i", length=75, **APPROVAL, acquirer_id="00000000025", stan="000042", online_id="000107", action_code="000"),
        fields(
            b"371050510i", b"00", b"0000000000000004242", b"ICC", b"00000000025", b"A1B2C3", b"000042", b"000107", b"2122122", b"000", b"??"
        ),
    ),
    (
        "reserved runs are ignored: VAS, with the four bytes that nobody described",
        VasPart(terminal_id=TID, more=False, sequence=2, xml="<a/>"),
        fields(b"371050510K", b"wxyz", b"0", b"002", b"9z9z", b"0004", b"<a/>"),
    ),
    (
        "totals longer than 34 keep the rest raw",
        TotalsResponse(terminal_id=TID, result="00", terminal_total=650, extra="0000000000000650"),
        fields(b"371050510T", b"00", b"0000000000000650", b"000000", b"0000000000000650"),
    ),
    (
        "05: positions 13-47 mean nothing",
        PaymentResult(code="E", length=71, terminal_id=TID, result="05", **ALWAYS),
        fields(b"371050510E", b"05", b"CARD NOT PRESENT        ", b"11600000000", END),
    ),
    (
        "09: positions 13-47 mean nothing",
        PaymentResult(code="E", length=92, terminal_id=TID, result="09", **ALWAYS, action_code="000", amount=650),
        fields(b"371050510E", b"09", b"0000000000000004242", b"ICC", b"A1B2C3", b"2122122", END, b"000", b"00000650", b"0000000000"),
    ),
    (
        "an unknown result is reported as it came, and no approval",
        PaymentResult(code="E", length=71, terminal_id=TID, result="42", **ALWAYS),
        fields(b"371050510E", b"42", b"0000000000000004242", b"ICC", b"A1B2C3", b"2122122", END),
    ),
    (
        "i, not 00: 13-34 are not read",
        PaymentResult(
            code="i",
            length=75,
            terminal_id=TID,
            result="05",
            acquirer_id="00000000025",
            authorization_code="A1B2C3",
            stan="000042",
            online_id="000107",
            host_time=HostTime(212, 21, 22),
            action_code="116",
        ),
        fields(
            b"371050510i", b"05", b"0000000000000004242", b"ICC", b"00000000025", b"A1B2C3", b"000042", b"000107", b"2122122", b"116", b"00"
        ),
    ),
    (
        "a longer PAN keeps its last four digits",
        PaymentResult(code="E", length=71, **APPROVAL, **ALWAYS),
        fields(b"371050510E", b"00", b"0004111110000004242", b"ICC", b"A1B2C3", b"2122122", END),
    ),
]

READ_ONLY_REQUESTS = [
    (
        "P",
        PurchaseRequest(terminal_id=TID, amount=650),
        fields(b"371050510P", b"00000001", b"0", b"zz", b"0", b"0", b"00000650", SPACES_128, b"ABCDEFGH"),
    ),
    ("S", VoidRequest(terminal_id=TID), fields(b"371050510S", b"00000001", b"000000", b"0", b"9")),
    ("G", LastResultRequest(terminal_id=TID), fields(b"371050510G", b"00000001", b"0", b"abc")),
    (
        "c 180",
        CaptureRequest(terminal_id=TID, amount=650, preauthorization_code="123456789", length=180),
        fields(b"371050510c", b"00000001", b"0", b"1234", b"00000650", SPACES_128, b"123456789", b"            "),
    ),
    ("K", VasRequest(terminal_id=TID, xml="<a/>"), fields(b"371050510K", b"00000001", b"abc", b"9", b"0004", b"<a/>")),
]

# The LRC of these frames is a byte that also starts or ends a frame, or ends a receipt.
SPACES_126 = (
    b"                                                                                                                              "
)
LRC_REQUESTS = [
    (
        0x01,
        "Ah",
        fields(b"\x02", b"371050510P", b"00000001", b"0", b"00", b"0", b"0", b"00000650", SPACES_126, b"Ah", b"00000000", b"\x03\x01"),
    ),
    (
        0x02,
        "Ak",
        fields(b"\x02", b"371050510P", b"00000001", b"0", b"00", b"0", b"0", b"00000650", SPACES_126, b"Ak", b"00000000", b"\x03\x02"),
    ),
    (
        0x03,
        "Aj",
        fields(b"\x02", b"371050510P", b"00000001", b"0", b"00", b"0", b"0", b"00000650", SPACES_126, b"Aj", b"00000000", b"\x03\x03"),
    ),
    (
        0x04,
        "Am",
        fields(b"\x02", b"371050510P", b"00000001", b"0", b"00", b"0", b"0", b"00000650", SPACES_126, b"Am", b"00000000", b"\x03\x04"),
    ),
    (
        0x06,
        "Ao",
        fields(b"\x02", b"371050510P", b"00000001", b"0", b"00", b"0", b"0", b"00000650", SPACES_126, b"Ao", b"00000000", b"\x03\x06"),
    ),
    (
        0x15,
        "Dy",
        fields(b"\x02", b"371050510P", b"00000001", b"0", b"00", b"0", b"0", b"00000650", SPACES_126, b"Dy", b"00000000", b"\x03\x15"),
    ),
    (
        0x1B,
        "Ar",
        fields(b"\x02", b"371050510P", b"00000001", b"0", b"00", b"0", b"0", b"00000650", SPACES_126, b"Ar", b"00000000", b"\x03\x1b"),
    ),
]
LRC_RESULTS = [
    (
        0x01,
        "12345u",
        fields(
            b"\x02",
            b"371050510E",
            b"00",
            b"0000000000000001234",
            b"ICC",
            b"12345u",
            b"2122122",
            b"2",
            b"00000000001",
            b"000001",
            b"000007",
            b"\x03\x01",
        ),
    ),
    (
        0x02,
        "12345v",
        fields(
            b"\x02",
            b"371050510E",
            b"00",
            b"0000000000000001234",
            b"ICC",
            b"12345v",
            b"2122122",
            b"2",
            b"00000000001",
            b"000001",
            b"000007",
            b"\x03\x02",
        ),
    ),
    (
        0x03,
        "12345w",
        fields(
            b"\x02",
            b"371050510E",
            b"00",
            b"0000000000000001234",
            b"ICC",
            b"12345w",
            b"2122122",
            b"2",
            b"00000000001",
            b"000001",
            b"000007",
            b"\x03\x03",
        ),
    ),
    (
        0x04,
        "12345p",
        fields(
            b"\x02",
            b"371050510E",
            b"00",
            b"0000000000000001234",
            b"ICC",
            b"12345p",
            b"2122122",
            b"2",
            b"00000000001",
            b"000001",
            b"000007",
            b"\x03\x04",
        ),
    ),
    (
        0x06,
        "12345r",
        fields(
            b"\x02",
            b"371050510E",
            b"00",
            b"0000000000000001234",
            b"ICC",
            b"12345r",
            b"2122122",
            b"2",
            b"00000000001",
            b"000001",
            b"000007",
            b"\x03\x06",
        ),
    ),
    (
        0x15,
        "12345a",
        fields(
            b"\x02",
            b"371050510E",
            b"00",
            b"0000000000000001234",
            b"ICC",
            b"12345a",
            b"2122122",
            b"2",
            b"00000000001",
            b"000001",
            b"000007",
            b"\x03\x15",
        ),
    ),
    (
        0x1B,
        "12345o",
        fields(
            b"\x02",
            b"371050510E",
            b"00",
            b"0000000000000001234",
            b"ICC",
            b"12345o",
            b"2122122",
            b"2",
            b"00000000001",
            b"000001",
            b"000007",
            b"\x03\x1b",
        ),
    ),
]
LRC_RELEASES = [
    (0x01, "Ax1", fields(b"\x02", b"371050510s", b"0000000000", b"3107262122", b"2", b"Ax1", b"\x03\x01")),
    (0x02, "Ax2", fields(b"\x02", b"371050510s", b"0000000000", b"3107262122", b"2", b"Ax2", b"\x03\x02")),
    (0x03, "Ax3", fields(b"\x02", b"371050510s", b"0000000000", b"3107262122", b"2", b"Ax3", b"\x03\x03")),
    (0x04, "A4x", fields(b"\x02", b"371050510s", b"0000000000", b"3107262122", b"2", b"A4x", b"\x03\x04")),
    (0x06, "A4z", fields(b"\x02", b"371050510s", b"0000000000", b"3107262122", b"2", b"A4z", b"\x03\x06")),
    (0x15, "Al1", fields(b"\x02", b"371050510s", b"0000000000", b"3107262122", b"2", b"Al1", b"\x03\x15")),
    (0x1B, "Aa2", fields(b"\x02", b"371050510s", b"0000000000", b"3107262122", b"2", b"Aa2", b"\x03\x1b")),
]


def named(examples):
    return [pytest.param(*example, id=f"{number} {example[0]}") for number, example in enumerate(examples)]


def slices(table: Table, message: bytes) -> dict[str, bytes]:
    """Cut `message` at the table's positions; the one row of variable length takes what the others leave."""
    rest = len(message) - sum(row.length or 0 for row in table.rows)
    cut = {}
    start = 0
    for row in table.rows:
        end = start + (rest if row.length is None else row.length)
        if row.name is not None:
            cut[row.name] = message[start:end]
        start = end
    return cut


# --- the transcription by itself -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [*REQUESTS.values(), *RESPONSES.values()], ids=lambda table: f"{table.code} {table.title}")
def test_transcribed_rows_stand_side_by_side_up_to_the_total(table):
    end = 0
    for row in table.rows:
        assert row.position in (end + 1, None)
        end = end + row.length if row.length is not None else None
        if end is None:
            break
    else:
        assert end == table.total


@pytest.mark.parametrize(("key", "typed", "message"), named(REQUEST_EXAMPLES))
def test_request_examples_fit_the_transcription(key, typed, message):
    assert compose(REQUESTS[key], slices(REQUESTS[key], message)) == message


@pytest.mark.parametrize(("key", "typed", "message"), named(RESPONSE_EXAMPLES))
def test_response_examples_fit_the_transcription(key, typed, message):
    assert compose(RESPONSES[key], slices(RESPONSES[key], message)) == message


def test_every_message_and_variant_has_an_example():
    assert {example[0] for example in REQUEST_EXAMPLES} == set(REQUESTS)
    assert {example[0] for example in RESPONSE_EXAMPLES} == set(RESPONSES)


def test_compose_fills_by_type():
    values = {
        "terminal_id": TID,
        "cash_register_id": 1,
        "additional_data": 0,
        "card_present": 0,
        "payment_type": 1,
        "amount": 650,
        "receipt_text": "Contract 0042",
    }
    assert compose(REQUESTS["P"], values) == b"371050510P000000010000100000650" + HELLO_128 + b"00000000"


# --- the tables of ecrlan.wire --------------------------------------------------------------------------------------------------------

WIRE_REQUESTS = {
    "s": requests.STATUS,
    "P": requests.PURCHASE,
    "X": requests.EXTENDED_PURCHASE,
    "p": requests.PREAUTHORIZATION,
    "S": requests.VOID,
    "i": requests.INCREMENT,
    "c 176": requests.CAPTURE,
    "c 180": requests.CAPTURE_180,
    "H": requests.CARD_VERIFICATION,
    "C": requests.CLOSE_SESSION,
    "T": requests.TOTALS,
    "G": requests.LAST_RESULT,
    "E": requests.PRINTING,
    "R": requests.REPRINT,
    "U": requests.ADDITIONAL_DATA,
    "K": requests.VAS,
}
WIRE_RESPONSES = [
    ("s", responses.STATUS),
    ("E P/H OK", responses.PURCHASE.ok),
    ("E P/H OK", responses.CARD_VERIFICATION.ok),
    ("E P KO", responses.PURCHASE.ko),
    ("E H KO", responses.CARD_VERIFICATION.ko),
    ("E 74 OK", responses.RESULT_74.ok),
    ("E 74 KO", responses.RESULT_74.ko),
    ("E S OK", responses.VOID.ok),
    ("E S KO", responses.VOID.ko),
    ("E X OK", responses.EXTENDED_PURCHASE.ok),
    ("E X KO", responses.EXTENDED_PURCHASE.ko),
    ("V OK", responses.PURCHASE_WITH_EXCHANGE.ok),
    ("V KO", responses.PURCHASE_WITH_EXCHANGE.ko),
    ("e OK", responses.PREAUTHORIZATION.ok),
    ("e KO", responses.PREAUTHORIZATION.ko),
    ("i", responses.INCREMENT.ok),
    ("c 71 OK", responses.CAPTURE_71.ok),
    ("c 71 KO", responses.CAPTURE_71.ko),
    ("c 74 OK", responses.CAPTURE.ok),
    ("c 74 KO", responses.CAPTURE.ko),
    ("v OK", responses.CAPTURE_WITH_EXCHANGE.ok),
    ("v KO", responses.CAPTURE_WITH_EXCHANGE.ko),
    ("C OK", responses.CLOSE_SESSION.ok),
    ("C KO", responses.CLOSE_SESSION.ko),
    ("T", responses.TOTALS.ok),
    ("U", next(table for table in responses.RESPONSES if getattr(table, "code", "") == "U")),
    ("S", responses.RECEIPT),
    ("K", responses.VAS),
]
# Tables for a result whose OK fields are not read, and the first position behind them.
WIRE_UNREAD = [
    ("E P/H OK", responses.PURCHASE.other, 48),
    ("E P/H OK", responses.CARD_VERIFICATION.other, 48),
    ("E 74 OK", responses.RESULT_74.other, 48),
    ("E S OK", responses.VOID.other, 48),
    ("E X OK", responses.EXTENDED_PURCHASE.other, 48),
    ("V OK", responses.PURCHASE_WITH_EXCHANGE.other, 48),
    ("e OK", responses.PREAUTHORIZATION.other, 71),
    ("i", responses.INCREMENT.ko, 35),
    ("i", responses.INCREMENT.other, 35),
    ("c 71 OK", responses.CAPTURE_71.other, 48),
    ("c 74 OK", responses.CAPTURE.other, 48),
    ("v OK", responses.CAPTURE_WITH_EXCHANGE.other, 48),
    ("C OK", responses.CLOSE_SESSION.other, 45),
    ("T", responses.TOTALS.ko, 35),
    ("T", responses.TOTALS.other, 35),
]


def plain_type(row) -> str:
    """One word for what the two transcriptions write differently but mean alike; '' where messages.md states no type.

    A single reserved `0` is a constant in ecrlan.wire.
    """
    if row.name in ("tag_map", "terminal_time"):
        return ""
    if row.type == "0…" or (row.type == "=" and row.length == 1 and row.position > 10):
        return "0"
    return row.type


def cells(rows, first: int = 1) -> list[tuple[object, ...]]:
    """Position, length, type and name of the rows from `first` on; `extra` of `T` is no field of messages.md."""
    return [
        (row.position, row.length, plain_type(row), row.name or "")
        for row in rows
        if row.name != "extra" and (row.position is None or row.position >= first)
    ]


def total(layout) -> int | None:
    """Return the layout's total; `T` is 34 *or longer*, which a layout states as a last row of any length."""
    last = layout.rows[-1]
    return last.position - 1 if last.name == "extra" else layout.total


def constants(rows) -> list[str]:
    return [row.note.strip("'") for row in rows if row.type == "="]


@pytest.mark.parametrize("key", list(REQUESTS))
def test_request_tables_agree(key):
    table, layout = REQUESTS[key], WIRE_REQUESTS[key]
    assert cells(layout.rows) == cells(table.rows)
    assert (layout.code, total(layout)) == (table.code, table.total)
    assert constants(layout.rows)[:2] == [row.constant for row in table.rows if row.constant is not None][:2] == ["0", table.code]


@pytest.mark.parametrize(("key", "layout"), WIRE_RESPONSES, ids=lambda value: value if isinstance(value, str) else "")
def test_response_tables_agree(key, layout):
    table = RESPONSES[key]
    assert cells(layout.rows) == cells(table.rows)
    assert (layout.code, total(layout)) == (table.code, table.total)
    assert constants(layout.rows)[:2] == [row.constant for row in table.rows if row.constant is not None][:2] == ["0", table.code]


@pytest.mark.parametrize(("key", "layout", "first"), WIRE_UNREAD, ids=lambda value: value if isinstance(value, str) else "")
def test_tables_of_other_results_skip_what_means_nothing(key, layout, first):
    table = RESPONSES[key]
    skipped = [row for row in layout.rows if 13 <= row.position < first]
    assert not any(row.name for row in skipped)
    assert sum(row.length for row in skipped) == first - 13
    assert cells(layout.rows)[:4] == cells(table.rows)[:4]
    assert cells(layout.rows, first) == cells(table.rows, first)
    assert (layout.code, total(layout)) == (table.code, table.total)


def test_no_table_of_ecrlan_wire_is_left_out():
    compared = {id(layout) for layout in WIRE_REQUESTS.values()}
    assert {id(layout) for layout in requests.REQUESTS} == compared
    compared = {id(layout) for _, layout, *_ in (*WIRE_RESPONSES, *WIRE_UNREAD)}
    single = [table for table in responses.RESPONSES if isinstance(table, responses.Layout)]
    variants = [table for table in responses.RESPONSES if isinstance(table, responses.Variants)]
    single.remove(responses.STATUS_WITH_WORD)
    assert {id(layout) for layout in single} | {
        id(layout) for table in variants for layout in (table.ok, table.ko, table.other)
    } == compared
    assert {key for key, _ in WIRE_RESPONSES} == set(RESPONSES)


def test_the_status_with_a_word_is_a_status_up_to_position_30():
    assert cells(responses.STATUS_WITH_WORD.rows)[:-1] == cells(RESPONSES["s"].rows)[:-2]


# --- the codec -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "typed", "message"), named(REQUEST_EXAMPLES))
def test_requests_are_built_byte_by_byte(key, typed, message):
    assert build_request(typed) == message


@pytest.mark.parametrize(("key", "typed", "message"), named(REQUEST_EXAMPLES))
def test_requests_are_read_back(key, typed, message):
    assert parse_request(message) == typed
    assert type(parse_request(message)) is type(typed)


@pytest.mark.parametrize(("key", "typed", "message"), named(RESPONSE_EXAMPLES))
def test_responses_are_built_byte_by_byte(key, typed, message):
    assert build_response(typed) == message


@pytest.mark.parametrize(("key", "typed", "message"), named(RESPONSE_EXAMPLES))
def test_responses_are_read_back(key, typed, message):
    assert parse_response(message) == typed
    assert type(parse_response(message)) is type(typed)


def test_only_a_refused_verification_has_an_action_code_at_37():
    refusal = {"code": "E", "length": 71, "terminal_id": TID, "result": "01", "reason": "DO NOT HONOUR, CALL BANK", **ALWAYS}
    message = fields(b"371050510E", b"01", b"DO NOT HONOUR, CALL BANK", b"116", b"ABCDEFGH", END)
    zeros = fields(b"371050510E", b"01", b"DO NOT HONOUR, CALL BANK", b"000", b"00000000", END)
    assert parse_response(message, answers="H") == PaymentResult(**refusal, action_code="116")
    assert parse_response(zeros, answers="H") == PaymentResult(**refusal, action_code="000")
    assert parse_response(message, answers="P") == PaymentResult(**refusal)
    assert parse_response(zeros, answers="P") == PaymentResult(**refusal)


FIXED_RESPONSES = [example for example in RESPONSE_EXAMPLES if RESPONSES[example[0]].total is not None]


@pytest.mark.parametrize(("key", "typed", "message"), named(FIXED_RESPONSES))
def test_responses_of_another_length_are_malformed(key, typed, message):
    with pytest.raises(MalformedMessageError):
        parse_response(message[:-1])
    if key != "T":
        with pytest.raises(MalformedMessageError):
            parse_response(message + b"0")


@pytest.mark.parametrize(("key", "typed", "message"), named([e for e in REQUEST_EXAMPLES if REQUESTS[e[0]].total is not None]))
def test_requests_of_another_length_are_malformed(key, typed, message):
    for wrong in (message[:-1], message + b"0"):
        with pytest.raises(MalformedMessageError):
            parse_request(wrong)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(fields(b"371050510K", b"0000", b"0", b"001", b"0000", b"0005", b"<a/>"), id="K says one byte more"),
        pytest.param(fields(b"371050510K", b"0000", b"0", b"001", b"0000", b"0003", b"<a/>"), id="K says one byte less"),
        pytest.param(fields(b"371050510U", b"000000", b"006", b"HELLO", b"0000000000"), id="U says one byte more"),
        pytest.param(fields(b"371050510U", b"000000", b"256", BYTES_128, BYTES_128, b"0000000000"), id="U of 256 bytes"),
        pytest.param(fields(b"371050510K", b"0000", b"0", b"001", b"0000", b"1025", BYTES_128 * 8, b"x"), id="K of 1025 bytes"),
        pytest.param(fields(b"371050510S"), id="S of nothing"),
        pytest.param(fields(b"371050510S", BYTES_128, BYTES_128[:73]), id="S of 201 bytes"),
        pytest.param(fields(b"371050510Z"), id="no such code"),
    ],
)
def test_malformed_responses(message):
    with pytest.raises(MalformedMessageError):
        parse_response(message)


@pytest.mark.parametrize(("why", "typed", "message"), named(READ_ONLY_EXAMPLES))
def test_responses_are_read_where_bytes_mean_nothing(why, typed, message):
    assert parse_response(message) == typed


@pytest.mark.parametrize(("key", "typed", "message"), named(READ_ONLY_REQUESTS))
def test_requests_are_read_whatever_stands_in_reserved_runs(key, typed, message):
    assert parse_request(message) == typed


@pytest.mark.parametrize("amount", [0, -1, 100_000_000, True, 6.5])
def test_no_message_is_made_of_an_amount_outside_1_to_99999999(amount):
    with pytest.raises(InvalidValueError):
        PurchaseRequest(amount=amount)


def test_no_message_is_made_of_a_text_of_129_characters():
    with pytest.raises(InvalidValueError):
        PurchaseRequest(amount=1, receipt_text=TEXT_128 + "x")


# --- frames --------------------------------------------------------------------------------------------------------------------------


def read_one(frame: bytes) -> bytes:
    """Return the message of `frame`, which is followed by an ACK; read whole and byte by byte."""
    whole = FrameReader().feed(frame + b"\x06\x03\x7a")
    assert [type(part) for part in whole] == [ApplicationFrame, AckFrame]
    assert all(part.ok for part in whole)
    reader = FrameReader()
    assert [part for byte in frame + b"\x06\x03\x7a" for part in reader.feed(bytes([byte]))] == whole
    return whole[0].message


@pytest.mark.parametrize(("value", "text", "frame"), LRC_REQUESTS)
def test_requests_whose_lrc_is_a_control_byte(value, text, frame):
    request = PurchaseRequest(terminal_id=TID, amount=650, receipt_text=text)
    assert build_frame(build_request(request)) == frame
    assert lrc7f(frame[:-1]) == frame[-1] == value
    assert parse_request(read_one(frame)) == request


@pytest.mark.parametrize(("value", "code", "frame"), LRC_RESULTS)
def test_results_whose_lrc_is_a_control_byte(value, code, frame):
    result = PaymentResult(
        code="E",
        length=71,
        terminal_id=TID,
        result="00",
        pan="1234",
        entry_mode="ICC",
        authorization_code=code,
        host_time=HostTime(212, 21, 22),
        card_type=2,
        acquirer_id="00000000001",
        stan="000001",
        online_id="000007",
    )
    assert build_frame(build_response(result)) == frame
    assert lrc7f(frame[:-1]) == frame[-1] == value
    assert parse_response(read_one(frame)) == result


@pytest.mark.parametrize(("value", "release", "frame"), LRC_RELEASES)
def test_status_answers_whose_lrc_is_a_control_byte(value, release, frame):
    status = StatusResponse(terminal_id=TID, terminal_time=datetime(2026, 7, 31, 21, 22), terminal_status=2, software_release=release)  # noqa: DTZ001
    assert build_frame(build_response(status)) == frame
    assert lrc7f(frame[:-1]) == frame[-1] == value
    assert parse_response(read_one(frame)) == status


def test_the_published_dialogue():
    request = bytes.fromhex("02 30 30 30 30 30 30 30 30 30 73 03 3D")
    answer = bytes.fromhex(
        "02 33 37 31 30 35 30 35 31 30 73 30 30 30 30 30 30 30 30 30 30 33 31 30 37 32 36 32 31 32 32 32"
        "53 59 53 45 4D 56 20 20 32 30 34 03 38"
    )
    assert build_frame(build_request(StatusRequest())) == request
    assert lrc7f(request[:-1]) == request[-1]
    assert lrc7f(answer[:-1]) == answer[-1]
    assert parse_response(read_one(answer)) == RESPONSE_EXAMPLES[0][1]
    assert build_frame(build_response(RESPONSE_EXAMPLES[0][1])) == answer


def test_control_frames():
    assert build_ack() == b"\x06\x03\x7a" == bytes([0x06, 0x03, lrc7f(b"\x06\x03")])
    assert build_nak() == b"\x15\x03\x69" == bytes([0x15, 0x03, lrc7f(b"\x15\x03")])
