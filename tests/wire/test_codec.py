"""Model <-> message: every message built and parsed, boundary values, and what a message may not be."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan import model as m
from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.wire import requests, responses
from ecrlan.wire.codec import build_request, build_response, find_layout, form_length, parse_request, parse_response
from ecrlan.wire.frames import FrameReader, build_frame
from tests.vectors import STATUS_RESPONSE, feed_all_ways


def digits(length):
    return st.text("0123456789", min_size=length, max_size=length)


def text(longest, shortest=0):
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=shortest, max_size=longest)


amounts = st.one_of(st.sampled_from([1, 99_999_999]), st.integers(1, 99_999_999))
left = text(128).map(lambda value: value.lstrip(" "))
tids = digits(8)
types = st.sampled_from(m.PaymentType)
register = {"terminal_id": tids, "cash_register_id": digits(8), "additional_data": st.booleans()}
purchase = register | {"amount": amounts, "card_present": st.booleans(), "payment_type": types, "receipt_text": left}
increment = register | {"amount": amounts, "preauthorization_code": digits(9), "receipt_text": left}
contents = st.lists(st.tuples(st.integers(1, 5), text(25, 1)), min_size=1, max_size=4, unique_by=lambda pair: pair[0]).map(tuple)
additional = {
    "terminal_id": tids,
    "contents": contents,
    "payment_type": digits(6),
    "iso_field": digits(2),
    "tag_number": text(8).map(lambda value: value.rstrip(" ")),
}
REQUESTS = st.one_of(
    st.builds(m.StatusRequest, terminal_id=tids),
    st.builds(m.PurchaseRequest, **purchase),
    st.builds(m.ExtendedPurchaseRequest, **purchase),
    st.builds(m.PreauthorizationRequest, **purchase),
    st.builds(m.VoidRequest, **register, stan=digits(6)),
    st.builds(m.IncrementRequest, **increment),
    st.builds(m.CaptureRequest, **increment, length=st.sampled_from([176, 180])),
    st.builds(m.VerifyCardRequest, **register, payment_type=types),
    st.builds(m.CloseSessionRequest, **register),
    st.builds(m.TotalsRequest, **register),
    st.builds(m.LastResultRequest, **register),
    st.builds(m.PrintingRequest, terminal_id=tids, enabled=st.integers(0, 3)),
    st.builds(m.ReprintRequest, terminal_id=tids, to_ecr=st.integers(0, 3), ticket_type=st.integers(0, 1)),
    st.builds(m.AdditionalDataRequest, **additional),
    st.builds(m.VasRequest, terminal_id=tids, cash_register_id=digits(8), xml=text(1024)),
)


def filled(longest):
    return text(longest, 1).map(lambda value: value.rstrip(" ") or None)


host_times = st.none() | st.builds(m.HostTime, st.integers(1, 366), st.integers(0, 23), st.integers(0, 59))
card = {
    "terminal_id": tids,
    "card_type": st.none() | st.integers(1, 9),
    "acquirer_id": filled(11),
    "stan": digits(6),
    "online_id": digits(6),
}
approval = {"result": st.just("00"), "pan": digits(4), "entry_mode": filled(3), "authorization_code": filled(6), "host_time": host_times}
refusal = {"result": st.just("01"), "reason": text(24).map(lambda value: value.rstrip(" "))}
unknown = {"result": digits(2).filter(lambda result: result not in {"00", "01"})}
action = {"action_code": digits(3)}
exchange = {
    "currency_exchange": st.none()
    | st.builds(
        m.CurrencyExchange,
        exchange_rate=st.integers(0, 99_999_999),
        currency=filled(3).filter(bool),
        currency_amount=st.integers(0, 10**12 - 1),
        currency_decimals=st.integers(0, 9),
    )
}
whole_amount = {"amount": st.integers(0, 99_999_999)}


def results(code, length, ok, *, ko=None, every=None):
    every = card | (every or {}) | {"code": st.just(code), "length": st.just(length)}
    return st.one_of(
        st.builds(m.PaymentResult, **(every | approval | ok)),
        st.builds(m.PaymentResult, **(every | refusal | (ko or {}))),
        st.builds(m.PaymentResult, **(every | unknown)),
    )


def increments():
    every = {**card, **action, "code": st.just("i"), "length": st.just(75), "authorization_code": filled(6), "host_time": host_times}
    refused = every | {"result": digits(2).filter(lambda result: result != "00")}
    return st.builds(m.PaymentResult, **(every | approval)) | st.builds(m.PaymentResult, **refused)


no_code = {"authorization_code": st.none()}
verification_refusal = {"action_code": digits(3).filter(lambda code: code != "000")}
preauthorization = {**whole_amount, **action, "preauthorization_code": digits(9)}
clocks = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001 - no zone
    lambda clock: clock.replace(second=0, microsecond=0)
)
totals = st.integers(0, 10**16 - 1)
RESPONSES = st.one_of(
    results("E", 71, {}),
    results("E", 71, {}, ko=verification_refusal),
    results("E", 74, {}, every=action),
    results("E", 84, no_code, every=action),
    results("E", 92, {}, every=action | whole_amount),
    results("V", 117, {}, every=action | whole_amount | exchange),
    results("e", 106, preauthorization, ko=action),
    increments().map(lambda result: replace(result, card_type=None)),
    results("c", 71, {}),
    results("c", 74, {}, every=action),
    results("v", 109, {}, every=action | exchange),
    st.builds(
        m.StatusResponse,
        terminal_id=tids,
        terminal_time=clocks,
        terminal_status=st.integers(0, 9),
        software_release=text(60).map(lambda value: value.rstrip(" ")),
    ),
    st.builds(
        m.StatusResponse,
        terminal_id=tids,
        terminal_time=clocks,
        terminal_status=st.none(),
        status_word=st.sampled_from(["OPERATIVE", "OPERATIVO", "NON OPERATIVO", "NOTREADY"]),
        software_release=text(60).map(lambda value: "1" + value.rstrip(" ")),
    ),
    st.builds(m.CloseSessionResponse, terminal_id=tids, result=st.just("00"), terminal_total=totals, host_total=totals),
    st.builds(m.CloseSessionResponse, terminal_id=tids, result=st.just("01"), reason=filled(19).map(lambda v: v or ""), **action),
    st.builds(m.CloseSessionResponse, terminal_id=tids, **unknown),
    st.builds(m.TotalsResponse, terminal_id=tids, result=st.just("00"), terminal_total=totals, extra=text(20)),
    st.builds(m.TotalsResponse, terminal_id=tids, result=digits(2).filter(lambda result: result != "00")),
    st.builds(m.AdditionalDataResponse, terminal_id=tids, data=text(255)),
    st.builds(
        m.ReceiptPart,
        terminal_id=tids,
        receipt_text=st.binary(min_size=1, max_size=200).filter(lambda data: not {2, 3} & set(data)),
    ),
    st.builds(m.VasPart, terminal_id=tids, more=st.booleans(), sequence=st.integers(0, 999), xml=text(1024)),
)
OK = m.PaymentResult(
    terminal_id="37105051",
    code="E",
    length=71,
    result="00",
    pan="1234",
    entry_mode="CLI",
    authorization_code="A1B2C3",
    host_time=m.HostTime(327, 18, 44),
    card_type=m.CardType.DEBIT,
    acquirer_id="00000000034",
    stan="000042",
    online_id="000099",
)
KO = m.PaymentResult(terminal_id="37105051", code="E", length=71, result="01", reason="CARTA NON ABILITATA", stan="000043", card_type=2)


WORDED = bytes.fromhex(
    "323132333435363738307330303030303030303030303330373235313533344F504552415449564530312E30302E31345F42323832375F32383237"
)[1:]
"""The status of a real terminal (exchange.md §8)."""
WORD = m.StatusResponse(
    terminal_id="12345678",
    terminal_time=datetime(2025, 7, 3, 15, 34),  # noqa: DTZ001 - the terminal's clock has no zone
    terminal_status=None,
    status_word="OPERATIVE",
    software_release="01.00.14_B2827_2827",
)


@given(REQUESTS)
def test_every_request_comes_back_as_it_was_built(request_made):
    message = build_request(request_made)
    assert parse_request(message) == request_made
    layout = find_layout(message, "request")
    assert layout is not None
    assert layout.code == request_made.code
    assert layout.total in {None, len(message)}
    assert [frame.message for frame in FrameReader().feed(build_frame(message))] == [message]


@given(RESPONSES)
def test_every_response_comes_back_as_it_was_built(response):
    message = build_response(response)
    assert parse_response(message) == response
    layout = find_layout(message, "response")
    assert layout is not None
    assert layout.code == response.code


bodies = st.text("0123456789 \x1b", max_size=190).map(str.encode)
near_messages = st.builds(lambda code, body: b"371050510" + code.encode() + body, st.sampled_from("EVeicvCTUSKsPXpHGR"), bodies)


@given(st.binary(max_size=200) | near_messages)
def test_nothing_but_malformed_comes_of_any_bytes(message):
    for parse in (parse_request, parse_response):
        try:
            parse(message)
        except MalformedMessageError as error:
            assert error.length == len(message)  # noqa: PT017 - most bytes are malformed
    for direction in (None, "request", "response"):
        find_layout(message, direction)


@given(RESPONSES.filter(lambda response: response.code not in "sTS"), st.data())
def test_a_message_that_was_cut_is_malformed_or_another_length(response, data):
    message = build_response(response)
    cut = message[: data.draw(st.integers(0, len(message) - 1))]
    try:
        shorter = parse_response(cut)
    except MalformedMessageError:
        return
    assert (response.code, response.length, shorter.length) in {("c", 74, 71), ("E", 74, 71), ("E", 84, 71), ("E", 84, 74)} | {
        ("E", 92, length) for length in (71, 74, 84)
    }


# --- byte-exact examples and boundaries ---------------------------------------------------------------------------------------------------


def test_the_published_status():
    (frame,) = feed_all_ways(FrameReader, STATUS_RESPONSE)[0]
    status = parse_response(frame.message)
    assert status == m.StatusResponse(
        terminal_id="37105051",
        terminal_time=datetime(2026, 7, 31, 21, 22),  # noqa: DTZ001 - the terminal's clock has no zone
        terminal_status=m.TerminalStatus.OPERATIVE,
        software_release="SYSEMV  204",
    )
    assert build_frame(build_response(status)) == STATUS_RESPONSE
    assert parse_response(b"371050510s0000000000xxxxxxxxxx2SYS72031EMV02686ECR01233  ").software_release == "SYS72031EMV02686ECR01233"


def test_the_status_with_a_word_of_a_real_terminal():
    assert len(WORDED) == 58
    assert parse_response(WORDED) == WORD
    assert build_response(WORD) == WORDED
    assert WORD.operative
    assert WORD.refusing_word is None


@pytest.mark.parametrize(
    ("text", "word", "release", "operative"),
    [
        (b"OPERATIVO", "OPERATIVO", "", True),
        (b"OPERATIVE  1.2  ", "OPERATIVE", "1.2", True),
        (b"OPERATIVEB2827", "OPERATIVE", "B2827", True),
        (b"Operativo1", "Operativo", "1", True),
        (b"NON OPERATIVO01.00", "NON OPERATIVO", "01.00", False),
        (b" NOTREADY ", "NOTREADY", "", False),
        (b"NOT\x1b[2JREADY", "NOT?[", "2JREADY", False),
        (b"BUSY 4111111111111111", "BUSY", "************1111", False),
    ],
)
def test_words_of_other_terminals(text, word, release, operative):
    status = parse_response(b"123456780s" + b"0" * 10 + b"0307251534" + text)
    assert (status.status_word, status.software_release, status.terminal_status) == (word, release, None)
    assert status.operative is operative
    assert status.refusing_word == (None if operative else word)


def test_a_status_that_says_nothing_and_digits_refuse_nothing():
    blank = parse_response(b"123456780s" + b"0" * 10 + b"0307251534   ")
    assert (blank.terminal_status, blank.status_word, blank.operative, blank.refusing_word) == (None, None, False, None)
    for digit in range(10):
        status = parse_response(b"123456780s" + b"0" * 10 + b"0307251534%dOPERATIVE" % digit)
        assert (status.terminal_status, status.status_word) == (digit, None)
        assert (status.operative, status.refusing_word) == (digit == 2, None)


def test_refusals_with_blank_fields_are_refusals():
    for length, letter in ((71, "E"), (74, "E"), (84, "E"), (92, "E"), (117, "V"), (74, "c"), (71, "c"), (109, "v")):
        for code in (b"01", b"05"):
            made = replace(OK, code=letter, length=length, result="01", reason="NEGATO", amount=650, action_code="000")
            message = bytearray(build_response(made))
            message[10:12] = code
            message[47:] = b" " * (len(message) - 47)
            result = parse_response(bytes(message))
            assert (result.stan, result.acquirer_id, result.online_id, result.card_type) == ("000000", None, "", None)
            assert (result.amount, result.action_code) == (None, None)
            message[10:12] = b"00"
            with pytest.raises(MalformedMessageError, match="stan at position 60 is not 6 digits"):
                parse_response(bytes(message))
    for made, place in ((replace(OK, code="e", length=106), 82), (replace(OK, code="i", length=75), 51)):
        message = bytearray(build_response(replace(made, result="01")))
        message[place : place + 6] = b" " * 6
        assert parse_response(bytes(message)).stan == "000000"
        message = bytearray(build_response(replace(made, amount=650, preauthorization_code="000000001")))
        message[place : place + 6] = b" " * 6
        with pytest.raises(MalformedMessageError, match="stan"):
            parse_response(bytes(message))


@pytest.mark.parametrize("pan", [b"0" * 15 + b"4242", b"000" + b"*" * 12 + b"1017", b"000438746******9993", b"4" * 19])
def test_pans_as_real_terminals_send_them(pan):
    message = bytearray(build_response(OK))
    message[12:31] = pan
    assert parse_response(bytes(message)).pan == pan[-4:].decode()


@pytest.mark.parametrize(("amount", "digits_sent"), [(1, b"00000001"), (99_999_999, b"99999999")])
@pytest.mark.parametrize("note", ["", "x" * 128, " in  ner"])
def test_a_purchase_byte_by_byte(amount, digits_sent, note):
    made = m.PurchaseRequest(terminal_id="37105051", cash_register_id="00000007", amount=amount, receipt_text=note, card_present=True)
    expected = b"371050510P" + b"00000007" + b"0" + b"00" + b"1" + b"0" + digits_sent + note.rjust(128).encode() + b"00000000"
    assert build_request(made) == expected
    assert len(expected) == 167
    assert parse_request(expected).receipt_text == note.lstrip(" ")


def test_an_approval_byte_by_byte():
    message = b"371050510E000000000000000001234CLIA1B2C33271844100000000034000042000099"
    assert build_response(OK) == message
    assert parse_response(message) == OK


@pytest.mark.parametrize("reason", ["", "x" * 24])
def test_a_refusal_byte_by_byte(reason):
    result = replace(KO, reason=reason)
    message = b"371050510E01" + reason.ljust(24).encode() + b"0" * 11 + b"2" + b" " * 11 + b"000043" + b"000000"
    assert build_response(result) == message
    assert parse_response(message) == result
    assert build_response(replace(KO, reason=None))[12:36] == b" " * 24


def test_the_action_code_of_a_refused_verification():
    message = build_response(replace(KO, action_code="116"))
    assert parse_response(message).action_code == "116"
    assert parse_response(message, answers="H").action_code == "116"
    assert parse_response(message, answers="P").action_code is None
    message = build_response(KO)
    assert parse_response(message).action_code is None
    assert parse_response(message, answers="H").action_code == "000"


@pytest.mark.parametrize("code", ["05", "09", "02", "99"])
@pytest.mark.parametrize(("letter", "length"), [("E", 71), ("E", 84), ("E", 92), ("V", 117), ("c", 71), ("c", 74), ("v", 109), ("e", 106)])
def test_other_results_read_nothing_up_to_47(code, letter, length):
    made = replace(OK, code=letter, length=length, amount=650, preauthorization_code="000000001")
    message = bytearray(build_response(made))
    message[10:12] = code.encode()
    result = parse_response(bytes(message))
    assert not result.approved
    assert (result.result, result.stan, result.acquirer_id) == (code, "000042", "00000000034")
    assert (result.pan, result.reason, result.authorization_code, result.host_time, result.entry_mode) == (None,) * 5


def test_a_void_has_no_authorization_code():
    message = bytearray(build_response(replace(OK, length=84, action_code="000")))
    message[34:40] = b"ABCDEF"
    assert parse_response(bytes(message)).authorization_code is None


@pytest.mark.parametrize(("letter", "length", "place"), [("V", 117, 82), ("v", 109, 74)])
def test_the_currency_exchange_flag(letter, length, place):
    exchanged = m.CurrencyExchange(exchange_rate=10893, currency="USD", currency_amount=70_805, currency_decimals=2)
    result = replace(OK, code=letter, length=length, action_code="000", currency_exchange=exchanged)
    message = bytearray(build_response(replace(result, amount=65_000)))
    assert bytes(message[place : place + 25]) == b"1" + b"00010893" + b"USD" + b"000000070805" + b"2"
    assert parse_response(bytes(message)).currency_exchange == exchanged
    for flag in (b"0", b" "):
        message[place : place + 1] = flag
        assert parse_response(bytes(message)).currency_exchange is None
    message[place : place + 9] = b"1ABCDEFGH"
    assert parse_response(bytes(message)).currency_exchange is None


def test_an_exchange_whose_rate_is_unreadable_is_none():
    result = replace(OK, code="v", length=109, action_code="000")
    assert build_response(result)[74:99] == b"0" + b"00000000" + b"   " + b"000000000000" + b"0"


def test_one_odd_byte_does_not_lose_the_message():
    message = bytearray(build_response(replace(OK, length=92, action_code="000", amount=650)))
    for place in (31, 34, 40, 47, 48, 65, 71):
        message[place] = 0xE8
    result = parse_response(bytes(message))
    assert result == replace(
        OK,
        length=92,
        amount=650,
        entry_mode="?LI",
        authorization_code="?1B2C3",
        host_time=None,
        card_type=None,
        acquirer_id="?0000000034",
        online_id="",
    )


@pytest.mark.parametrize(("place", "name"), [(0, "terminal_id"), (11, "result"), (59, "stan"), (74, "amount")])
def test_what_must_be_digits(place, name):
    message = bytearray(build_response(replace(OK, length=92, action_code="000", amount=650)))
    message[place] = 0x20
    with pytest.raises(MalformedMessageError, match=name):
        parse_response(bytes(message))


def test_reserved_runs_are_ignored_when_read():
    message = bytearray(build_response(replace(OK, length=92, action_code="000", amount=650)))
    message[8:9] = b"7"
    message[82:92] = b"abcdefghij"
    assert parse_response(bytes(message)).amount == 650
    assert parse_request(b"0000000090PX"[:9] + b"s").terminal_id == "00000000"


def test_an_e_of_74_bytes_needs_no_setting():
    result = replace(OK, length=74, action_code="000")
    message = build_response(result)
    assert message == build_response(OK) + b"000"
    for answers in ("", "P", "H", "X", "G"):
        assert parse_response(message, answers=answers) == result
    refusal = replace(KO, length=74, action_code="116")
    assert parse_response(build_response(refusal), answers="P") == refusal


ALL_LENGTHS = {"E": (71, 74, 84, 92), "V": (117,), "e": (106,), "i": (75,), "c": (71, 74), "v": (109,)}


@pytest.mark.parametrize("letter", ALL_LENGTHS)
@pytest.mark.parametrize("result", ["00", "01", "05"])
def test_tolerated_lengths_are_read_as_the_longest_form_that_fits(letter, result):
    for form, following in itertools.pairwise((*ALL_LENGTHS[letter], 140)):
        made = replace(OK, code=letter, length=form, amount=650, preauthorization_code="000000001", action_code="123", result=result)
        message = build_response(made)
        exact = parse_response(message)
        for length in range(form + 1, following):
            longer = message.ljust(length, b"x")
            assert parse_response(longer, tolerate_lengths=True) == replace(exact, length=length)
            with pytest.raises(MalformedMessageError, match=f"of {length} bytes: a result takes .* bytes .see tolerate_lengths.$"):
                parse_response(longer)
    with pytest.raises(MalformedMessageError, match=r"a result takes .* bytes$"):
        parse_response(b"371050510" + letter.encode() + result.encode() + b"0" * (ALL_LENGTHS[letter][0] - 13), tolerate_lengths=True)


def test_the_form_of_a_length():
    assert [form_length("E", length) for length in (70, 71, 73, 74, 83, 84, 91, 92, 300)] == [None, 71, 71, 74, 74, 84, 84, 92, 92]
    assert (form_length("v", 109), form_length("s", 100), form_length("\xe8", 100)) == (109, None, None)


def test_a_tolerated_length_whose_field_is_unreadable_tells_the_real_length():
    message = build_response(replace(OK, length=74, action_code="000"))[:59] + b"x" * 18
    with pytest.raises(MalformedMessageError, match="message E of 77 bytes: stan"):
        parse_response(message, tolerate_lengths=True)


def test_totals_keep_what_is_longer():
    assert (
        build_response(m.TotalsResponse(terminal_id="37105051", result="00", terminal_total=650)) == b"371050510T000000000000000650000000"
    )
    longer = b"371050510T000000000000000650000000" + b"\x1b rest "
    assert parse_response(longer).extra == "? rest "


def test_additional_data_byte_by_byte():
    made = m.AdditionalDataRequest(terminal_id="37105051", contents=((1, "BTDabc"), (5, "0COF0FNZ03")), iso_field="62")
    message = b"371050510U" + b"000000" + b"62" + b"DF8D01  " + b"0" + b"1500" + b"00000" + b"BTDabc\x1b0COF0FNZ03\x1b"
    assert build_request(made) == message
    assert parse_request(message) == made
    assert build_response(m.AdditionalDataResponse(terminal_id="37105051", data="abc")) == b"371050510U000000003abc0000000000"


@pytest.mark.parametrize(
    ("tag_map", "texts", "indexes"),
    [
        ("0000", ["a"], [1]),
        ("0000", ["x" * 31], [5]),
        ("5000", ["a"], [5]),
        ("0500", ["a", "b"], [1, 5]),
        ("1100", ["a", "b"], [1, 2]),
        ("9000", ["a"], [1]),
        ("2100", ["a", "b", "c"], [2, 1, 3]),
        ("5***", ["a"], [5]),
        ("5*00", ["a"], [5]),
        ("****", ["a", "b"], [1, 2]),
    ],
)
def test_a_tag_map_that_names_no_index(tag_map, texts, indexes):
    message = b"371050510U00000000DF8D01  0" + tag_map.encode() + b"00000" + "".join(text + "\x1b" for text in texts).encode()
    made = parse_request(message)
    assert made.contents == tuple(zip(indexes, texts, strict=True))
    assert build_request(made) == message


def test_vas_byte_by_byte():
    made = m.VasRequest(terminal_id="37105051", xml="<ecrreq></ecrreq>")
    assert build_request(made) == b"371050510K00000001" + b"000" + b"0" + b"0017<ecrreq></ecrreq>"
    part = m.VasPart(terminal_id="37105051", more=True, sequence=1, xml="<ecrres>")
    assert build_response(part) == b"371050510K0000" + b"1" + b"001" + b"0000" + b"0008<ecrres>"


# --- refused ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"", "no request has this code"),
        (b"371050510", "no request has this code"),
        (b"371050510Z", "no request has this code"),
        (b"371050510\x1b", "no request has this code"),
        (b"371050510s0", "takes 10 bytes"),
        (b"371050510P" + b"0" * 157, "amount"),
        (b"371050510P" + b"0" * 12 + b"900000650" + b" " * 128 + b"0" * 8, "payment_type"),
        (b"371050510E9", "enabled"),
        (b"371050510R09" + b"0" * 10, "ticket_type"),
        (b"371050510K00000001" + b"0000" + b"0009<a>", "xml_length"),
        (b"371050510K00000001" + b"0000" + b"xxxx<a>", "xml_length"),
        (b"371050510U00000000DF8D01  0" + b"5000" + b"00000abc", "contents"),
        (b"371050510U00000000DF8D01  0" + b"1000" + b"00000" + b"x" * 31 + b"\x1b", "content 1"),
        (b"371050510U00000000DF8D01  0" + b"0000" + b"00000" + (b"x" * 31 + b"\x1b") * 2, "contents is not each index once"),
    ],
)
def test_malformed_requests(message, problem):
    with pytest.raises(MalformedMessageError, match=problem):
        parse_request(message)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"", "no response has this code"),
        (b"371050510Z", "no response has this code"),
        (b"371050510P" + b"0" * 157, "no response has this code"),
        (b"371050510E00", "a result takes 71, 74, 84 or 92 bytes$"),
        (b"371050510E" + b"0" * 67, "E of 77 bytes: a result takes 71, 74, 84 or 92 bytes .see tolerate_lengths.$"),
        (b"371050510e00", "a result takes 106 bytes$"),
        (b"371050510c00", "a result takes 71 or 74 bytes"),
        (b"371050510s", "status takes 31 to 256 bytes"),
        (b"371050510s" + b"0" * 20, "status takes 31 to 256 bytes"),
        (b"371050510s" + b"0" * 247, "status takes 31 to 256 bytes"),
        (b"371050510s" + b"0" * 20 + b"A" * 227, "status takes 31 to 256 bytes"),
        (b"371050510S", "receipt takes 11 to 210 bytes"),
        (b"371050510S" + b"x" * 201, "receipt takes 11 to 210 bytes"),
        (b"371050510C00", "close session result takes 44 bytes"),
        (b"371050510T00", "totals result takes 34 to"),
        (b"371050510U000000256" + b"x" * 255 + b"0" * 10, "data"),
        (b"371050510U000000003abcd" + b"0" * 10, "length"),
        (b"371050510K00002001" + b"0000" + b"0000", "more"),
    ],
)
def test_malformed_responses(message, problem):
    with pytest.raises(MalformedMessageError, match=problem) as caught:
        parse_response(message)
    assert "371050510" not in str(caught.value)


@pytest.mark.parametrize(
    ("response", "place"),
    [
        (replace(OK, length=72), "length"),
        (m.StatusResponse(terminal_id="37105051", terminal_time=None, terminal_status=None, software_release=""), "terminal_status"),
        (replace(WORD, status_word="2 OPERATIVE"), "status_word"),
        (replace(WORD, status_word=""), "status_word"),
        (replace(WORD, status_word="O" * 227), "status_text"),
        (replace(OK, code="Z"), "length"),
        (replace(OK, stan="42"), "stan"),
        (replace(OK, pan="4111111111111111"), "pan"),
        (replace(OK, length=92, amount=None), "amount"),
        (replace(OK, length=92, amount=10**8), "amount"),
        (replace(OK, result="0é"), "result"),
        (replace(KO, reason="x" * 25), "reason"),
        (m.Response(terminal_id="37105051", code="E"), "response"),
        (m.ReceiptPart(terminal_id="37105051", receipt_text=b""), "receipt_text"),
        (m.VasPart(terminal_id="37105051", more=True, sequence=1000, xml=""), "sequence"),
        (m.CloseSessionResponse(terminal_id="37105051", result="00", terminal_total=-1, host_total=0), "terminal_total"),
    ],
)
def test_responses_that_cannot_be_built(response, place):
    with pytest.raises(InvalidValueError) as caught:
        build_response(response)
    assert caught.value.place == place


# --- which table a message belongs to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "request_layout", "response_layout"),
    [
        (b"371050510S" + b"0000000100004200", requests.VOID, responses.RECEIPT),
        (b"371050510U00000000DF8D01  0500000000abc\x1b", requests.ADDITIONAL_DATA, responses.ADDITIONAL_DATA),
        (b"371050510K000000010000" + b"0010<ecrreq/> ", requests.VAS, responses.VAS),
        (b"000000000s", requests.STATUS, None),
        (b"371050510E1", requests.PRINTING, None),
        (build_request(m.CaptureRequest(amount=1, preauthorization_code="000000001", length=180)), requests.CAPTURE_180, None),
        (b"371050510Z", None, None),
        (b"000000000t", requests.EXTENDED_STATUS, None),
        (b"000000000A" + b"0" * 10, requests.REFUND, None),
        (b"000000000D", requests.DLL, responses.DLL),
        (b"000000000Q1", requests.RETROACTIVE_REVERSAL, responses.RETROACTIVE_REVERSAL),
    ],
)
def test_which_table_by_direction(message, request_layout, response_layout):
    assert find_layout(message, "request") is request_layout
    assert find_layout(message, "response") is response_layout
    assert find_layout(message) is request_layout


@pytest.mark.parametrize(
    ("message", "layout"),
    [
        (b"371050510S" + b"TOTALE EUR 06,50", responses.RECEIPT),
        (b"371050510S" + b"4111111111111111", responses.RECEIPT),
        (b"371050510S" + b"TOTALE", responses.RECEIPT),
        (build_response(m.AdditionalDataResponse(terminal_id="37105051", data="x" * 30)), responses.ADDITIONAL_DATA),
        (build_response(m.VasPart(terminal_id="37105051", more=False, sequence=1, xml="<ecrres/>")), responses.VAS),
        (build_response(OK), responses.PURCHASE.ok),
        (build_response(KO), responses.PURCHASE.ko),
        (build_response(replace(OK, length=74)), responses.RESULT_74.ok),
        (WORDED, responses.STATUS_WITH_WORD),
        (b"371050510t" + b"0" * 215, responses.EXTENDED_STATUS),
        (b"371050510A" + b"0" * 48, responses.REFUND),
        (STATUS_RESPONSE[1:-2], responses.STATUS),
    ],
)
def test_which_table_a_response_has_without_direction(message, layout):
    assert find_layout(message) is layout
