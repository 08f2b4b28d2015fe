"""Field types: what is read, what is written, what is refused."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan.model import HostTime
from ecrlan.wire.fields import (
    PRINTABLE,
    Blank,
    BlankDigits,
    Constant,
    Counted,
    Digits,
    Field,
    FieldError,
    Flag,
    HostTimeText,
    Marks,
    Number,
    OptionalText,
    Pan,
    PresentNumber,
    Reserved,
    Rest,
    RestBytes,
    RightText,
    TerminalTime,
    Text,
)

READ_WITHOUT_A_CALL = [
    Digits(3),
    Digits(3, optional=True),
    BlankDigits(3),
    Number(3),
    Number(3, optional=True),
    PresentNumber(1),
    Text(3),
    OptionalText(3),
    Pan(6),
]
READ_BY_A_CALL = [Marks(2), Flag(), RightText(3), HostTimeText(), TerminalTime(), RestBytes(1, 3), Counted("n", 3)]
CLOCK = datetime(2026, 7, 31, 21, 22)  # noqa: DTZ001 - the terminal's clock has no zone


@pytest.mark.parametrize(
    ("field", "data", "value"),
    [
        (Digits(6), b"000042", "000042"),
        (Digits(3, optional=True), b"116", "116"),
        (BlankDigits(6), b"000042", "000042"),
        (Marks(4), b"5*00", "5*00"),
        (Number(8), b"00000001", 1),
        (Number(8), b"99999999", 99_999_999),
        (Number(8, optional=True), b"00000000", 0),
        (PresentNumber(1), b"2", 2),
        (Flag(), b"0", False),
        (Flag(), b"1", True),
        (Text(5), b"ab   ", "ab"),
        (Text(2), b"  ", ""),
        (OptionalText(5), b" ab  ", " ab"),
        (OptionalText(2), b"  ", None),
        (RightText(5), b"  a b", "a b"),
        (RightText(3), b"   ", ""),
        (Pan(19), b"0000000000000001234", "1234"),
        (HostTimeText(), b"3271844", HostTime(327, 18, 44)),
        (HostTimeText(), b"3662359", HostTime(366, 23, 59)),
        (HostTimeText(), b"0000000", None),
        (TerminalTime(), b"3107262122", CLOCK),
        (TerminalTime(), b"0000000000", None),
        (Rest(0, 5), b"ab ", "ab "),
        (Rest(0, 5, filled=True), b"ab", "ab"),
        (RestBytes(1, 3), b"\x7d\x1b", b"\x7d\x1b"),
        (Counted("n", 3), b"abc", "abc"),
        (Reserved(3), b"000", None),
        (Blank(3), b"   ", None),
        (Constant("0"), b"0", None),
    ],
)
def test_read_and_written(field, data, value):
    assert field.decode(data) == value
    assert field.encode(value) == data


@pytest.mark.parametrize(
    ("field", "data", "value"),
    [
        (Digits(3, optional=True), b"1 6", None),
        (Number(3, optional=True), b"   ", None),
        (BlankDigits(6), b"      ", "000000"),
        (PresentNumber(1), b"0", None),
        (PresentNumber(1), b" ", None),
        (Flag(optional=True), b"7", False),
        (Text(4), b"\x1b\xe8\x7fA", "???A"),
        (OptionalText(3), b"\x00\x00\x00", "???"),
        (RightText(3), b"\x07 a", "? a"),
        (Pan(19), b"**** **** **** 1234", "1234"),
        (Pan(19), b"4111111111111111111", "1111"),
        (Pan(19), b"                   ", None),
        (Pan(19), b"0000000000000000000", "0000"),
        (HostTimeText(), b"3671844", None),
        (HostTimeText(), b"3272444", None),
        (HostTimeText(), b"3271860", None),
        (HostTimeText(), b"   1844", None),
        (TerminalTime(), b"3102262122", None),
        (TerminalTime(), b"          ", None),
        (Rest(0, 5, filled=True), b"a\x1b  ", "a?"),
        (Counted("n", 9), b"a\n", "a?"),
        (Counted("n", 9, xml=True), b"<a>\r\n\t\x00", "<a>   ?"),
        (Reserved(3), b"abc", None),
    ],
)
def test_read_from_odd_bytes(field, data, value):
    assert field.decode(data) == value


@pytest.mark.parametrize(
    ("field", "data"),
    [
        (Digits(2), b"0 "),
        (BlankDigits(2), b"0 "),
        (Marks(2), b"5 "),
        (Number(2), b"-1"),
        (Number(2), "²".encode()),
        (Flag(), b"2"),
        (Counted("n", 2), b"abc"),
    ],
)
def test_unreadable(field, data):
    with pytest.raises(FieldError):
        field.decode(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Digits(2), "1"),
        (Digits(2), "1²"),
        (Digits(2), None),
        (Digits(2), 12),
        (Marks(4), "5**"),
        (Marks(4), "5*é0"),
        (Marks(4), 5000),
        (Number(2), 100),
        (Number(2), -1),
        (Number(2), True),
        (Number(2), None),
        (Number(2), "12"),
        (Flag(), 1),
        (Text(2), "abc"),
        (Text(2), "è"),
        (Text(2), "\x1b"),
        (Text(2), None),
        (RightText(2), "abc"),
        (Pan(19), "41111111"),
        (Pan(19), "12 4"),
        (HostTimeText(), HostTime(0, 0, 0)),
        (HostTimeText(), HostTime(1, 24, 0)),
        (HostTimeText(), HostTime(1, 0, 60)),
        (TerminalTime(), CLOCK.replace(year=1999)),
        (TerminalTime(), CLOCK.replace(year=2100)),
        (Rest(1, 2), ""),
        (Rest(1, 2), "abc"),
        (RestBytes(1, 3), b""),
        (RestBytes(1, 3), b"abcd"),
        (RestBytes(1, 3), b"a\x02"),
        (RestBytes(1, 3), b"a\x03"),
        (RestBytes(1, 3), "a"),
        (Counted("n", 2), "abc"),
    ],
)
def test_refused(field, value):
    with pytest.raises(FieldError):
        field.encode(value)


@pytest.mark.parametrize(
    ("field", "data"),
    [(Digits(2, optional=True), b"00"), (Number(2, optional=True), b"00"), (Pan(5), b"00000"), (OptionalText(2), b"  ")],
)
def test_none_is_written_as_fill(field, data):
    assert field.encode(None) == data


@pytest.mark.parametrize("field", [*READ_WITHOUT_A_CALL, *READ_BY_A_CALL], ids=lambda field: type(field).__name__)
@given(data=st.data())
def test_its_source_reads_what_it_reads(field, data):
    piece = bytes(data.draw(st.lists(st.sampled_from(b"0123456789 A*\x1b\xe8"), min_size=field.length, max_size=field.length)))

    def outcome(read):
        try:
            return read()
        except FieldError as error:
            return str(error)

    names = {"field": field, "data": piece, "text": piece.translate(PRINTABLE).decode("ascii")}
    by_source = outcome(lambda: eval(field.source_to_read("text", "field.decode(data)"), names))  # noqa: S307 - as the codec does
    assert by_source == outcome(lambda: field.decode(piece))


@pytest.mark.parametrize(
    "field", [Digits(3), Digits(3, optional=True), BlankDigits(3), Flag(), Text(3)], ids=lambda field: type(field).__name__
)
@pytest.mark.parametrize("value", ["042", "42", "4²2", "", "abc", None, True, False, 0, 1, 42, b"042", ()])
def test_its_source_writes_what_it_writes(field, value):
    def outcome(write):
        try:
            return write()
        except FieldError as error:
            return str(error)

    names = {"field": field, "given": value}
    by_source = outcome(lambda: eval(field.source_to_write("given", "field.encode"), names))  # noqa: S307 - as the codec does
    assert by_source == outcome(lambda: field.encode(value))


def test_which_types_are_read_without_a_call():
    assert all(field.source_to_read("text", "decode()") != "decode()" for field in READ_WITHOUT_A_CALL)
    assert all(field.source_to_read("text", "decode()") == "decode()" for field in READ_BY_A_CALL)


def test_the_base_has_no_reading_of_its_own():
    with pytest.raises(NotImplementedError):
        Field(1).decode(b"0")
    with pytest.raises(NotImplementedError):
        Field(1).encode("0")


def test_a_field_takes_a_name_and_a_note_as_construct_writes_them():
    flag = Flag()
    named = "flag" / flag
    assert (named.name, named.field, named.note) == ("flag", flag, "")
    noted = named * "a note"
    assert (noted.name, noted.field, noted.note) == ("flag", flag, "a note")
