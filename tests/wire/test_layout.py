"""A table is checked when it is made, and the codec is what its rows say."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.wire.fields import Code, Constant, Counted, Digits, Flag, Number, Reserved, Rest, Text
from ecrlan.wire.layout import layout

BEGIN = ((1, "terminal_id" / Digits(8)), (9, Constant("0")), (10, Code("Z")))
FIXED = layout("fixed", 14, *BEGIN, (11, "flag" / Flag()), (12, "text" / Text(2) * "a note"), (14, Reserved(1)))
COUNTED = layout("counted", None, *BEGIN, (11, "n" / Number(2)), (13, "data" / Counted("n", 12)), (None, Reserved(1)))


def test_build_and_parse():
    fields = {"terminal_id": "37105051", "flag": True, "text": "ab"}
    assert FIXED.build(fields) == b"371050510Z1ab0"
    assert FIXED.parse(b"371050510Z1ab0") == fields
    assert FIXED.parse(b"37105051xZ1abx") == fields
    fields = {"terminal_id": "37105051", "n": 3, "data": "abc"}
    assert COUNTED.build(fields) == b"371050510Z03abc0"
    assert COUNTED.parse(b"371050510Z03abc0") == fields


@pytest.mark.parametrize(
    ("table", "message", "problem"),
    [
        (FIXED, b"371050510Z1ab", "fixed takes 14 bytes"),
        (FIXED, b"371050510Z1ab00", "fixed takes 14 bytes"),
        (FIXED, b"", "fixed takes 14 bytes"),
        (FIXED, b"371050510Y1ab0", "fixed has the code Z"),
        (FIXED, b"3710505 0Z1ab0", "terminal_id at position 1 is not 8 digits"),
        (FIXED, b"371050510Z2ab0", "flag at position 11 is not 0 or 1"),
        (COUNTED, b"371050510Z03abc", "n does not fit the message's length"),
        (COUNTED, b"371050510Z03abc00", "n does not fit the message's length"),
        (COUNTED, b"371050510Z03ab", "n does not fit the message's length"),
        (COUNTED, b"371050510Z", "counted takes 13 to 25 bytes"),
        (COUNTED, b"371050510ZxxABC0", "n at position 11 is not 2 digits"),
        (COUNTED, b"371050510Z13abcabcabcabc0", "data at position 13 is not at most 12 characters"),
        (COUNTED, b"371050510Z99abc", "n does not fit the message's length"),
    ],
)
def test_malformed(table, message, problem):
    with pytest.raises(MalformedMessageError) as caught:
        table.parse(message)
    assert caught.value.problem == problem
    assert caught.value.length == len(message)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"terminal_id": "37105051", "flag": True}, "fixed fields"),
        ({"terminal_id": "37105051", "flag": True, "text": "", "odd": 1}, "fixed fields"),
        ({"terminal_id": "3710505", "flag": True, "text": ""}, "terminal_id"),
        ({"terminal_id": "37105051", "flag": True, "text": "abc"}, "text"),
    ],
)
def test_refused_when_built(fields, place):
    with pytest.raises(InvalidValueError) as caught:
        FIXED.build(fields)
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        ((*BEGIN, (12, "flag" / Flag())), 11),
        ((*BEGIN, (11, "flag" / Flag())), 12),
        ((*BEGIN, (11, "rest" / Rest(0, 5))), 10),
        ((BEGIN[0], BEGIN[1]), 9),
        ((*BEGIN, (11, Code("Y"))), 11),
        ((*BEGIN, (11, "terminal_id" / Flag())), 11),
        ((*BEGIN, (11, "n" / Number(1)), (12, "data" / Counted("n", 5)), (13, Reserved(1))), None),
        ((*BEGIN, (11, "n" / Number(1)), (12, "data" / Counted("n", 5)), (None, "flag" / Flag())), None),
    ],
)
def test_a_wrong_table_is_refused_when_it_is_made(rows, total):
    with pytest.raises(ValueError, match="wrong"):
        layout("wrong", total, *rows)


@pytest.mark.parametrize("row", [(11, Flag()), (11, "reserved" / Reserved(1)), (11, "plain" / Code("x"))])
def test_names_belong_to_what_is_read(row):
    with pytest.raises(TypeError, match="row 11"):
        layout("wrong", 11, *BEGIN, row)


def test_the_codec_that_is_made():
    assert FIXED.source_to_read().splitlines() == [
        "def read(message):",
        "    text = message.translate(PRINTABLE).decode('ascii')",
        "    return {",
        "        'terminal_id': piece if (piece := text[0:8]).isdigit() else decode_terminal_id(message[0:8]),",
        "        'flag': decode_flag(message[10:11]),",
        """        'text': text[11:13].rstrip(" "),""",
        "    }",
    ]
    known = "len(value) == 8 and value.isascii() and value.isdigit()"
    assert FIXED.source_to_write().splitlines() == [
        "def write(fields):",
        "    return b'%b0Z%b%b0' % (",
        f"        value.encode() if type(value := fields.terminal_id) is str and {known} else encode_terminal_id(value),",
        "        b'1' if (value := fields.flag) is True else b'0' if value is False else encode_flag(value),",
        "        encode_text(fields.text),",
        "    )",
    ]
    assert "(count := int(piece) if (piece := text[10:12]).isdigit() else decode_n(message[10:12]))" in COUNTED.source_to_read()
    assert "decode_data(message[12:12 + count])" in COUNTED.source_to_read()


def test_it_is_made_once():
    assert FIXED._read is FIXED._read
    assert FIXED._write is FIXED._write


def test_what_is_built_from_an_object_with_more_attributes():
    assert FIXED.build_from(SimpleNamespace(terminal_id="37105051", flag=False, text="", more=1)) == b"371050510Z0  0"
    with pytest.raises(InvalidValueError, match="flag: 2 is not allowed; allowed: True or False"):
        FIXED.build_from(SimpleNamespace(terminal_id="37105051", flag=2, text=""))


def test_a_percent_sign_among_the_constants():
    table = layout("percent", 11, *BEGIN[:1], (9, Constant("%")), (10, Code("Z")), (11, Reserved(1)))
    assert table.build({"terminal_id": "37105051"}) == b"37105051%Z0"


@pytest.mark.parametrize("name", ["text", "message", "piece", "value", "count", "fields"])
def test_a_field_may_have_any_name(name):
    table = layout("named", 12, *BEGIN, (11, name / Digits(2, optional=True)))
    assert table.parse(b"371050510Z42") == {"terminal_id": "37105051", name: "42"}
    assert table.parse(b"371050510Z4x") == {"terminal_id": "37105051", name: None}
    assert table.build({"terminal_id": "37105051", name: "42"}) == b"371050510Z42"


def test_what_a_table_says_of_itself():
    assert (FIXED.title, FIXED.code, FIXED.total, FIXED.names) == ("fixed", "Z", 14, ("terminal_id", "flag", "text"))
    row = FIXED.rows[4]
    assert (row.position, row.length, row.type, row.name, row.note) == (12, 2, "A", "text", "a note")
    assert [row.position for row in COUNTED.rows] == [1, 9, 10, 11, 13, None]
    assert COUNTED.rows[4].length is None


@pytest.mark.parametrize(
    ("table", "message", "pieces"),
    [
        (FIXED, b"371050510Z1ab0", [b"37105051", b"0", b"Z", b"1", b"ab", b"0"]),
        (FIXED, b"371050510Z1ab0 and more", [b"37105051", b"0", b"Z", b"1", b"ab", b"0"]),
        (FIXED, b"371050510Z1a", [b"37105051", b"0", b"Z", b"1", b"a", b""]),
        (FIXED, b"", [b""] * 6),
        (COUNTED, b"371050510Z03abc0", [b"37105051", b"0", b"Z", b"03", b"abc", b"0"]),
        (COUNTED, b"371050510Z09abc0", [b"37105051", b"0", b"Z", b"09", b"abc0", b""]),
        (COUNTED, b"371050510Zxxabc0", [b"37105051", b"0", b"Z", b"xx", b"abc0", b""]),
    ],
    ids=["whole", "longer", "cut", "empty", "counted", "a count that is too high", "a count that is none"],
)
def test_any_message_is_cut_into_the_rows_of_its_table(table, message, pieces):
    cut = table.cut(message)
    assert [message[start:end] for _, start, end in cut] == pieces
    assert [row for row, _, _ in cut] == list(table.rows)
