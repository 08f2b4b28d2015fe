"""No card number survives masking, and nothing else is lost (exchange.md §7, interfaces.md)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan import model as m
from ecrlan.wire.codec import build_request, build_response, parse_request, parse_response
from ecrlan.wire.dissect import dissect
from ecrlan.wire.frames import FrameReader, build_ack, build_frame, build_progress
from ecrlan.wire.lrc import LrcReading, readings_that_fit
from ecrlan.wire.mask import (
    MaskedReceipt,
    clean_text,
    mask_bytes,
    mask_frame,
    mask_frames,
    mask_lone_frame,
    mask_message,
    mask_receipt,
    mask_receipt_parts,
    mask_text,
)
from ecrlan.wire.receipt import split_receipt

CARD = b"4111111111111111"
MASKED = b"0000000000001111"
CUT = b"************1111"
OK = m.PaymentResult(
    terminal_id="37105051",
    code="V",
    length=117,
    result="00",
    pan="1234",
    entry_mode="CLI",
    authorization_code="123456",
    host_time=m.HostTime(327, 18, 44),
    card_type=1,
    acquirer_id="00000000034",
    stan="000042",
    online_id="000099",
    action_code="000",
    amount=65_000,
    currency_exchange=m.CurrencyExchange(exchange_rate=10893, currency="USD", currency_amount=123_456_789_012, currency_decimals=2),
)
KO = m.PaymentResult(terminal_id="37105051", code="E", length=71, result="01", reason="NEGATO", stan="000043", card_type=2)


def test_runs_of_twelve_digits_keep_their_last_four():
    assert mask_text("PAN 4111111111111111, 12345678901") == "PAN 0000000000001111, 12345678901"
    assert mask_text("123456789012") == "000000009012"


@pytest.mark.parametrize(
    ("shown", "masked"),
    [
        ("CARTA 4111 1111 1111 1234 VISA", "CARTA 0000 0000 0000 1234 VISA"),
        ("4111-1111-1111-1234", "0000-0000-0000-1234"),
        ("4111.1111.1111.1234,00", "0000.0000.0000.1234,00"),
        ("6304 1234 5678 9", "0000 0000 0678 9"),
        ("6304 1234 5678 9012 345", "0000 0000 0000 0002 345"),
        ("6304 1234 5678", "0000 0000 5678"),
        ("3782 822463 12345", "0000 000000 02345"),
        ("3056-930902-5904", "0000-000000-5904"),
        ("0650 4111 1111 1111 1234", "0000 0000 0000 0000 1234"),  # which groups are the card's, nobody knows
        ("4111 1111 1111 1234 6,50", "0000 0000 0000 0234 6,50"),
    ],
)
def test_card_numbers_in_groups_keep_their_last_four(shown, masked):
    assert mask_text(shown) == masked
    assert mask_bytes(shown.encode()) == masked.encode()
    message = build_response(m.ReceiptPart(terminal_id="37105051", receipt_text=shown.encode()))
    assert mask_message(message)[10:] == masked.encode()
    assert mask_text(masked) == masked


@pytest.mark.parametrize(
    "line",
    [
        "23.11.2026 1844 0042",
        "23/11/2026 18:44:30",
        "2026-11-23 18:44",
        "2026-11-23T17:44:00.000042+00:00",
        "ORE 18.44 STAN 000042",
        "STAN 000042 AUT 123456",
        "1.234.567,00 EUR 6,50",
        "6.50 12.00 1234.50 99.99",
        "TML 37105051 ACQ 00034",
        "A.I.I. 00000000034",
        "0650 1200 EUR",
        "4567 123456 12345",
        "CARTA ************1234",
    ],
)
def test_dates_times_and_columns_stay(line):
    assert mask_text(line) == line
    assert mask_bytes(line.encode()) == line.encode()


@given(
    st.text("0123456789", min_size=12, max_size=19),
    st.lists(st.sampled_from(" -."), min_size=4, max_size=4),
    st.text("AZ}=*: /,", max_size=20),
    st.text("AZ}=*: /,", max_size=20),
)
def test_of_no_card_number_in_groups_more_than_four_digits_survive(number, separators, before, after):
    groups = [number[place : place + 4] for place in range(0, len(number), 4)]
    written = groups[0] + "".join(separator + group for separator, group in zip(separators, groups[1:], strict=False))
    text = f"{before}{written}{after}".encode()
    masked = mask_bytes(text)
    assert len(masked) == len(text)
    assert re.sub(rb"[0-9]", b"", masked) == re.sub(rb"[0-9]", b"", text)
    assert re.sub(rb"[^0-9]", b"", masked) == b"0" * (len(number) - 4) + number[-4:].encode()
    assert mask_bytes(masked) == masked
    frame = build_frame(build_response(m.ReceiptPart(terminal_id="37105051", receipt_text=text)))
    (read,) = FrameReader().feed(mask_frame(frame, "response"))
    assert read.ok
    assert read.message[10:] == masked


THIS_TIME = st.datetimes(datetime(1950, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001 - printed without a zone


@given(THIS_TIME, st.integers(0, 99_999_999), st.integers(0, 999_999))
def test_no_line_of_a_receipt_is_taken_for_a_card_number(time, amount, stan):
    euros = f"{amount // 100:,}".replace(",", ".") + f",{amount % 100:02}"
    for line in (f"{time:%d/%m/%Y %H:%M}", f"{time:%d.%m.%Y}  {time:%H.%M.%S}", f"{time:%d-%m-%Y} {time:%H:%M} {euros}", time.isoformat()):
        assert mask_text(f"{line} EUR {euros} STAN {stan:06}") == f"{line} EUR {euros} STAN {stan:06}"


@given(st.text("0123456789", min_size=12, max_size=19), st.sampled_from(" -."), st.data())
def test_a_card_number_in_groups_that_is_split_shows_four_digits_in_each_lone_part(number, separator, data):
    written = separator.join(number[place : place + 4] for place in range(0, len(number), 4)).encode()
    cut = data.draw(st.integers(1, len(written) - 1))
    header = b"371050510S"
    first = mask_lone_frame(build_frame(header + b"PAN " + written[:cut]), "response")[11:-2]
    second = mask_lone_frame(build_frame(header + written[cut:] + b" OK"), "response")[11:-2]
    left = len(re.sub(rb"[^0-9]", b"", written[:cut]))
    assert first == b"PAN " + re.sub(rb"[0-9]", b"0", written[:cut])
    shown = re.sub(rb"[^0-9]", b"", second).decode()
    assert shown == (number[left:] if len(number) - left <= 4 else "0" * (len(number) - left - 4) + number[-4:])
    parts = [b"PAN " + written[:cut], written[cut:] + b" OK"]
    assert b"".join(mask_receipt_parts(parts)) == mask_receipt(b"".join(parts)).text


@pytest.mark.parametrize(
    "request_made",
    [
        m.PurchaseRequest(terminal_id="37105051", cash_register_id="12345678", amount=12_345_678),
        m.VoidRequest(terminal_id="37105051", cash_register_id="12345678", stan="123456"),
        m.CaptureRequest(terminal_id="37105051", cash_register_id="12345678", amount=1, preauthorization_code="123456789", length=180),
        m.LastResultRequest(cash_register_id="12345678"),
        m.VasRequest(cash_register_id="12345678", xml="<ecrreq/>"),
        m.AdditionalDataRequest(contents=((5, "0COF"),), payment_type="123456"),
    ],
)
def test_known_fields_of_requests_stay(request_made):
    message = build_request(request_made)
    assert mask_message(message) == mask_message(message, "request") == message


@pytest.mark.parametrize(
    "response",
    [
        OK,
        replace(OK, code="e", length=106, preauthorization_code="123456789", currency_exchange=None),
        replace(OK, code="i", length=75, amount=None, currency_exchange=None, card_type=None),
        replace(OK, result="01", reason="NEGATO", pan=None, entry_mode=None, authorization_code=None, host_time=None),
        m.CloseSessionResponse(terminal_id="37105051", result="00", terminal_total=1234567890123456, host_total=1234567890123456),
        m.TotalsResponse(terminal_id="37105051", result="00", terminal_total=1234567890123456),
    ],
)
def test_known_fields_of_responses_stay(response):
    message = build_response(response)
    assert mask_message(message) == mask_message(message, "response") == message
    assert parse_response(message) == response


def test_a_pan_is_cut_to_its_last_four():
    message = bytearray(build_response(replace(OK, code="E", length=71, action_code=None)))
    for pan in (b"000" + CARD, b"4111 1111 1111 1111", b"411111******1111000"):
        message[12:31] = pan
        masked = mask_message(bytes(message))
        assert masked[12:31] == re.sub(rb"[0-9]", b"0", pan[:-4]) + pan[-4:]
        assert masked[:12] + masked[31:] == bytes(message[:12] + message[31:])


@pytest.mark.parametrize("code", [b"01", b"05", b"09"])
def test_a_card_number_where_none_belongs(code):
    message = bytearray(build_response(replace(OK, code="E", length=71, action_code=None)))
    message[10:12] = code
    message[12:31] = b"000" + CARD
    assert CARD not in mask_message(bytes(message))
    assert MASKED in mask_message(bytes(message))


@pytest.mark.parametrize(
    ("message", "direction"),
    [
        (build_request(m.PurchaseRequest(amount=1, receipt_text="card " + CARD.decode())), None),
        (build_request(m.AdditionalDataRequest(contents=((1, CARD.decode()),))), None),
        (build_response(m.ReceiptPart(terminal_id="37105051", receipt_text=b"PAN " + CARD)), None),
        (build_response(m.ReceiptPart(terminal_id="37105051", receipt_text=b"4111111111111110")), "response"),
        (b"371050510s" + b"0" * 10 + b"31072621222" + CARD, None),
        (b"371050510E00" + CARD, None),
        (CARD, None),
        (b"371050510G00000001" + b"0" + b"000" + CARD, None),
        (b"371050510E0100000000000000000000000000000000000" + b"0" + b" " * 11 + b"000001   000" + CARD, None),
    ],
)
def test_card_numbers_elsewhere(message, direction):
    masked = mask_message(message, direction)
    assert len(masked) == len(message)
    assert not re.search(rb"41111111", masked)


def test_reserved_runs_are_known_only_as_zeros():
    message = b"371050510H00000001" + b"0" + b"00" + b"0" + b"0" + CARD
    assert mask_message(message) == message[:-16] + MASKED


def test_frames_keep_a_right_lrc_right_and_a_wrong_one_wrong():
    message = build_response(m.ReceiptPart(terminal_id="37105051", receipt_text=b"PAN " + CARD[:-1] + b"2"))
    for reading in LrcReading:
        frame = build_frame(message, reading)
        masked = mask_frame(frame)
        assert masked[15:31] == MASKED[:-1] + b"2"
        assert readings_that_fit(masked) == readings_that_fit(frame)
    bad = frame[:-1] + bytes((frame[-1] ^ 0x40,))
    assert mask_frame(bad)[-1] == mask_frame(frame)[-1] ^ 0x40


def test_other_frames():
    assert mask_frame(build_ack()) == build_ack()
    assert mask_frame(build_progress(CARD.decode())) == build_progress(MASKED.decode())
    assert mask_frame(b"z" + CARD) == b"z" + MASKED
    assert mask_frame(b"\x02z" + CARD) == b"\x02z" + MASKED


def receipt_frames(receipt, size):
    return [build_frame(build_response(m.ReceiptPart(terminal_id="37105051", receipt_text=part))) for part in split_receipt(receipt, size)]


@pytest.mark.parametrize("size", [1, 5, 9, 10, 13, 20, 200])
@pytest.mark.parametrize("twice", [False, True])
def test_a_receipt_in_parts_is_masked_as_one(size, twice):
    receipt = b"PAN " + CARD + b"}" + CARD + b"}}}}}}\x1b"
    parts = split_receipt(receipt, size)
    assert b"".join(mask_receipt_parts(parts)) == receipt.replace(CARD, CUT)
    assert [len(part) for part in mask_receipt_parts(parts)] == [len(part) for part in parts]
    conversation = [(build_frame(build_request(m.ReprintRequest())), "request")]
    for frame in receipt_frames(receipt, size):
        for _ in range(2 if twice and size >= 9 else 1):
            conversation += [(frame, "response"), (build_ack(), "request"), (build_progress("CARTA"), "response")]
    conversation.append((build_frame(b"371050510s"), "request"))
    masked = mask_frames(*zip(*conversation, strict=True))
    assert len(masked) == len(conversation)
    shown = b"".join(raw[11:-2] for (_, way), raw in zip(conversation, masked, strict=True) if way == "response" and raw[0] == 2)
    assert shown.count(b"4") == 0
    if size >= 9 and not twice:
        assert shown == receipt.replace(CARD, CUT)
    for raw in masked:
        (frame,) = FrameReader().feed(raw)
        assert frame.ok


def test_noise_in_pieces_is_masked_as_one():
    frames = [b"z", *(CARD[place : place + 1] for place in range(16)), build_ack(), b"12"]
    directions = ["response"] * 9 + ["request"] + ["response"] * 10
    frames.insert(9, build_ack())
    assert b"".join(mask_frames(frames, directions)) == b"z" + MASKED[:8] + build_ack() + MASKED[8:] + build_ack() + b"12"


@given(st.binary(max_size=80), st.sampled_from([None, "request", "response"]))
def test_any_bytes_keep_their_length(data, direction):
    assert len(mask_frame(data, direction)) == len(data)
    assert mask_frame(mask_frame(data, direction), direction) == mask_frame(data, direction)


def test_texts_for_a_screen():
    assert clean_text("A\x1b[2J\x07\x7f\x9b31mB\u202eC\n") == "A[2J31mBC"
    assert len(clean_text("x" * 1000)) == 256
    assert clean_text("\x00" * 10_000 + "x") == ""
    assert clean_text("è €") == "è €"


def test_a_masked_request_still_reads():
    made = m.VoidRequest(terminal_id="37105051", stan="000042")
    assert parse_request(mask_message(build_request(made))) == made


def test_a_lone_receipt_part_may_hold_a_piece_of_a_card_number() -> None:
    header = b"371050510S"
    for text, shown in (
        (b"PAN 453957876362", b"PAN 000000000000"),
        (b"1486 GRAZIE", b"1486 GRAZIE"),
        (b"63621486 GRAZIE", b"00001486 GRAZIE"),
        (b"IMPORTO 6,50", b"IMPORTO 6,00"),
        (b"A 4539578763621486 B", b"A 0000000000001486 B"),
    ):
        masked = mask_lone_frame(build_frame(header + text), "response")
        assert masked == build_frame(header + shown)
    purchase = build_frame(b"000000000s")
    assert mask_lone_frame(purchase, "request") == purchase
    assert mask_lone_frame(b"\x06\x03\x7a", "response") == b"\x06\x03\x7a"


# --- receipts: only card numbers are cut -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked", "cuts"),
    [
        (b"PAN 4012888888881881}OK", b"PAN ************1881}OK", 1),
        (b"PAN 0004012888888881881", b"PAN 000************1881", 1),
        (b"4012 8888 8888 1881}4222222222222", b"**** **** **** 1881}*********2222", 2),
        (b"4012/8888/8888/1881 4012-8888-8888-1881", b"****/****/****/1881 ****-****-****-1881", 2),
        (b"PAN 40128888}88881881 SCAD", b"PAN ********}****1881 SCAD", 1),
        (b"PAN 40128888\x1b88881881 SCAD", b"PAN ********\x1b****1881 SCAD", 1),
        # a full line of 24 columns goes on in the next one, and its neighbours there are none
        (b"PAN     4012888888881881SCAD            ********", b"PAN     ************1881SCAD            ********", 1),
        (b"PAN             40128888" + b"88881881 SCAD", b"PAN             ********" + b"****1881 SCAD", 1),
        (b"STAN AB 4012888888881881" + b"07/28 12:00", b"STAN AB ************1881" + b"07/28 12:00", 1),
        (b"TRX AB 4222222222222 UN}4222222222222A", b"TRX AB *********2222 UN}4222222222222A", 1),
        (b"}}}}}}\x1b4012888888881881", b"}}}}}}\x1b************1881", 1),
    ],
)
def test_card_numbers_on_a_receipt_are_cut(text, masked, cuts):
    assert mask_receipt(text) == MaskedReceipt(masked, cuts)
    assert mask_receipt(masked) == MaskedReceipt(masked, 0)


@pytest.mark.parametrize(
    "text",
    [
        b"A.ID      A0000000041010",
        b"AID 4012888888881881A",
        b"IAD A4012888888881881",
        b"IAD 0110A0100024A0000000}     00000000000300F00",
        b"ARQC    4222222222222ABC",
        b"TVR           0000008001",
        b"P.IVA     IT 01234567890",
        b"PAN     400000******1111SCAD            ********",
        b"4012888888881882 4012  8888  8888  1881",
        b"1012888888881887 7012888888881885",
        b"23/11/2026 1844 0042}TML 37105051 STAN 000004",
    ],
)
def test_what_the_schemes_prescribe_is_printed_as_sent(text):
    assert mask_receipt(text) == MaskedReceipt(text, 0)


# --- no full card number survives, wherever it stands ----------------------------------------------------------------------------------

BRANDS = [
    "4012888888881881",
    "4222222222222",
    "378282246310005",
    "30569309025904",
    "5555555555554444",
    "6011000990139424",
    "4000000000000000006",
]
TEXT_GAPS = [" ", "  ", "/", "-", ".", "*", "\t", "\x7d", "\x7f", "\x5e"]
PAPER_GAPS = [" ", "/", "-", "\x7d", "\x7f", "\x1b"]


@st.composite
def cards(draw, gaps, *, longest=200):
    """Return a card number as it is written, in one piece or in groups, and its digits."""
    number = draw(st.sampled_from(BRANDS))
    gap = draw(st.sampled_from(gaps))
    size = draw(st.sampled_from([19, 8, 6, 5, 4, 3]))
    written = gap.join(number[place : place + size] for place in range(0, len(number), size))
    return (written if len(written) <= longest else number), number


def holds(shown, number):
    """Return whether the digits of `number` stand in `shown`, whatever else stands between them."""
    return number in re.sub(r"[^0-9]", "", str(shown))


def refused(result, reason):
    message = build_response(result)
    return message[:12] + reason.encode("latin-1").ljust(24) + message[36:]


UNKNOWN = m.PaymentResult(terminal_id="37105051", code="E", length=71, result="05", stan="000001")
PLACES = [
    ("reason", lambda text: refused(KO, text)),
    ("reason", lambda text: refused(replace(KO, length=92, amount=650), text)),
    ("reason", lambda text: refused(replace(KO, code="e", length=106), text)),
    ("software_release", lambda text: b"371050510s" + b"0" * 20 + b"2" + text.encode("latin-1")),
    ("software_release", lambda text: b"371050510s" + b"0" * 20 + b"OPERATIVE" + text.encode("latin-1")),
    ("status_word", lambda text: b"371050510s" + b"0" * 20 + b"NO " + text.encode("latin-1")),
    ("extra", lambda text: b"371050510T00" + b"0" * 22 + text.encode("latin-1")),
    ("data", lambda text: b"371050510U000000%03d" % len(text) + text.encode("latin-1") + b"0" * 10),
    ("xml", lambda text: b"371050510K00000001" + b"0000" + b"%04d" % (len(text) + 7) + b"<a>" + text.encode("latin-1") + b"</a>"),
    ("05", lambda text: build_response(UNKNOWN)[:12] + text.encode("latin-1").ljust(35) + build_response(UNKNOWN)[47:]),
    ("reason", lambda text: b"371050510C01" + text.encode("latin-1").ljust(19) + b"000" + b"0" * 10),
    ("A", lambda text: b"371050510A" + text.encode("latin-1").ljust(48)),
    ("unknown", lambda text: b"371050510Z" + text.encode("latin-1")),
]
REQUEST_PLACES = [
    lambda text: b"371050510P000000010000" + b"000000650" + text.encode("latin-1").rjust(128) + b"0" * 8,
    lambda text: b"371050510c000000010" + b"0000" + b"00000650" + text.encode("latin-1").rjust(128) + b"0" * 17,
    lambda text: b"371050510U00000000DF8D01  0500000000" + text.encode("latin-1") + b"\x1b",
    lambda text: b"371050510K00000001" + b"0000" + b"%04d" % len(text) + text.encode("latin-1"),
    lambda text: b"371050510D" + text.encode("latin-1"),
]


@pytest.mark.parametrize(("place", "made"), PLACES, ids=[f"{place}-{number}" for number, (place, _) in enumerate(PLACES)])
@given(card=cards(TEXT_GAPS, longest=19))
def test_no_text_of_a_response_gives_a_card_number_back(place, made, card):
    written, number = card
    message = made(written)
    frame = build_frame(message)
    if place not in {"A", "unknown"}:
        response = parse_response(message)
        assert not any(holds(value, number) for value in (getattr(response, name) for name in response.__dataclass_fields__))
    for direction in (None, "response"):
        assert not holds(mask_message(message, direction).decode("latin-1"), number)
        assert not holds(mask_frame(frame, direction).decode("latin-1"), number)
        assert not holds(mask_lone_frame(frame, direction).decode("latin-1"), number)
        assert not holds(mask_frames([frame], [direction])[0].decode("latin-1"), number)
        (shown,) = dissect(FrameReader().feed(frame), direction)
        assert not holds(shown["message"], number)
        assert not holds(bytes.fromhex(shown["hex"]).decode("latin-1"), number)


@pytest.mark.parametrize("made", REQUEST_PLACES)
@given(card=cards(TEXT_GAPS))
def test_no_text_of_a_request_is_shown_with_a_card_number(made, card):
    written, number = card
    frame = build_frame(made(written))
    for direction in (None, "request"):
        assert not holds(mask_frame(frame, direction).decode("latin-1"), number)
        (shown,) = dissect(FrameReader().feed(frame), direction)
        assert not holds(shown["message"], number)


@given(cards([" ", "/", "-", "."]), st.sampled_from(["", "CARTA "]))
def test_no_progress_text_holds_a_card_number(card, before):
    written, number = card
    raw = b"\x01" + f"{before}{written}".encode() + b"\x04"
    (frame,) = FrameReader().feed(raw)
    assert not holds(frame.text, number)
    assert not holds(mask_frame(raw).decode(), number)
    assert not holds(dissect([frame]), number)


@given(
    cards(PAPER_GAPS),
    st.sampled_from([b"", b"PAN ", b"x" * 23 + b"}", b"\x7fPAN "]),
    st.sampled_from([b"", b" SCAD 05/28", b"}OK"]),
    st.data(),
)
def test_no_receipt_holds_a_card_number_wherever_it_is_cut(card, before, after, data):
    written, number = card
    receipt = before + written.encode("latin-1") + after + b"}}}}}}\x1b"
    masked = mask_receipt(receipt)
    assert masked.cuts >= 1
    assert not holds(masked.text.decode("latin-1"), number)
    cut = data.draw(st.integers(1, len(receipt) - 1))
    parts = [receipt[:cut], receipt[cut:]]
    assert b"".join(mask_receipt_parts(parts)) == masked.text
    frames = [build_frame(b"371050510S" + part) for part in parts]
    for shown in (mask_frames(frames, ["response"] * 2), [mask_lone_frame(frame, "response") for frame in frames]):
        assert not holds("".join(raw[11:-2].decode("latin-1") for raw in shown), number)


@given(cards(TEXT_GAPS), st.data())
def test_no_vas_document_in_parts_holds_a_card_number(card, data):
    written, number = card
    xml = f"<ecrres><p k='A'>{written}</p></ecrres>"
    cut = data.draw(st.integers(1, len(xml) - 1))
    parts = [
        b"371050510K0000%d%03d0000%04d" % (index == 0, index + 1, len(part)) + part.encode("latin-1")
        for index, part in enumerate((xml[:cut], xml[cut:]))
    ]
    shown = "".join(mask_message(part, "response")[26:].decode("latin-1") for part in parts)
    assert not holds(shown, number)


def test_order_ids_of_vas_stay():
    xml = '<ecrres><p k="ORDER_ID">20261123174400000042</p><p k="X">4012888888881881</p></ecrres>'
    message = build_response(m.VasPart(terminal_id="37105051", more=False, sequence=1, xml=xml))
    assert mask_message(message) == message.replace(b"401288888888", b"000000000000")
    assert parse_response(message).xml == xml.replace("401288888888", "************")


def test_no_run_goes_over_the_border_of_a_field_of_variable_length():
    message = build_response(m.AdditionalDataResponse(terminal_id="37105051", data="0REC0FNZV20"))
    assert message.endswith(b"ZV200000000000")
    assert mask_message(message) == message
    assert mask_message(message, "response") == message
    odd = message[:-1] + b"1"
    assert mask_message(odd)[-12:] == b"000000000001"
    wrong_count = b"371050510U000000xyz" + b"123456789012" + b"0" * 10
    assert mask_message(wrong_count, "response")[19:] == b"0" * 22


def test_a_result_that_is_longer_than_its_table_keeps_its_fields():
    message = build_response(replace(OK, code="E", length=74, action_code="000", currency_exchange=None, amount=None))
    assert mask_message(message + b"000") == message + b"000"
    assert mask_message(message + b" 4012888888881881") == message + b" 0000000000001881"
    # read as one of 84 bytes, whose reserved run holds something else
    assert mask_message(message + b"4012888888881881") == message + b"0000000000001881"
    longer = build_response(replace(OK, code="e", length=106, preauthorization_code="123456789", currency_exchange=None))
    assert mask_message(longer + b"4012888888881881 1") == longer + b"0" * 16 + b" 1"


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        (b"123456780E0141111111/11111111", b"123456780E0000000000/00001111"),
        (b"123456780E014012  88888888  1881", b"123456780E000000  00000000  1881"),
        (b"123456780Z7 4111-1111-1111-1111 9", b"123456780Z0 0000-0000-0000-0111 9"),
        (b"123456780Z12/11/2026 17:44", b"123456780Z12/11/2026 17:44"),
    ],
)
def test_in_a_message_that_fits_no_table_a_card_number_may_follow_on_other_digits(message: bytes, masked: bytes) -> None:
    assert mask_message(message) == masked
