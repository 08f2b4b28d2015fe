"""A table is checked when it is made, and its compiled and plain forms agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.wire import requests, responses
from ecrlan.wire.fields import Code, Constant, Counted, Digits, Flag, Number, Reserved, Rest, Text
from ecrlan.wire.layout import layout

BEGIN = ((1, "terminal_id" / Digits(8)), (9, Constant("0")), (10, Code("Z")))
FIXED = layout("fixed", 14, *BEGIN, (11, "flag" / Flag()), (12, "text" / Text(2) * "a note"), (14, Reserved(1)))
COUNTED = layout("counted", None, *BEGIN, (11, "n" / Number(2)), (13, "data" / Counted("n", 12)), (None, Reserved(1)))
ALL = [
    each
    for entry in (*requests.REQUESTS, *responses.RESPONSES)
    for each in ((entry.ok, entry.ko, entry.other) if isinstance(entry, responses.Variants) else (entry,))
]


@pytest.mark.parametrize("compiled", [True, False])
def test_build_and_parse(compiled):
    fields = {"terminal_id": "37105051", "flag": True, "text": "ab"}
    assert FIXED.build(fields, compiled=compiled) == b"371050510Z1ab0"
    assert FIXED.parse(b"371050510Z1ab0", compiled=compiled) == fields
    assert FIXED.parse(b"37105051xZ1abx", compiled=compiled) == fields
    fields = {"terminal_id": "37105051", "n": 3, "data": "abc"}
    assert COUNTED.build(fields, compiled=compiled) == b"371050510Z03abc0"
    assert COUNTED.parse(b"371050510Z03abc0", compiled=compiled) == fields


@pytest.mark.parametrize("compiled", [True, False])
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
        (COUNTED, b"371050510Z13abcabcabcabc0", "n does not fit the message's length"),
    ],
)
def test_malformed(table, message, problem, compiled):
    with pytest.raises(MalformedMessageError) as caught:
        table.parse(message, compiled=compiled)
    if message != b"371050510Z13abcabcabcabc0":  # where the count lies, the forms may name either fault
        assert caught.value.problem == problem
    assert caught.value.length == len(message)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"terminal_id": "37105051", "flag": True}, "fixed fields"),
        ({"terminal_id": "37105051", "flag": True, "text": "", "odd": 1}, "fixed fields"),
        ({"terminal_id": "3710505", "flag": True, "text": ""}, "terminal_id"),
        ({"terminal_id": "37105051", "flag": True, "text": "abc"}, "text"),
    ],
)
def test_refused_when_built(fields, place, compiled):
    with pytest.raises(InvalidValueError) as caught:
        FIXED.build(fields, compiled=compiled)
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
    ],
)
def test_a_wrong_table_is_refused_when_it_is_made(rows, total):
    with pytest.raises(ValueError, match="wrong"):
        layout("wrong", total, *rows)


@pytest.mark.parametrize("row", [(11, Flag()), (11, "reserved" / Reserved(1)), (11, "plain" / Code("x"))])
def test_names_belong_to_what_is_read(row):
    with pytest.raises(TypeError, match="row 11"):
        layout("wrong", 11, *BEGIN, row)


def test_a_table_is_compiled_once():
    assert FIXED.compiled is FIXED.compiled


def test_what_a_table_says_of_itself():
    assert (FIXED.title, FIXED.code, FIXED.total, FIXED.names) == ("fixed", "Z", 14, ("terminal_id", "flag", "text"))
    row = FIXED.rows[4]
    assert (row.position, row.length, row.type, row.name, row.note) == (12, 2, "A", "text", "a note")
    assert [row.position for row in COUNTED.rows] == [1, 9, 10, 11, 13, None]
    assert COUNTED.rows[4].length is None


@pytest.mark.parametrize("table", ALL, ids=lambda table: f"{table.code} {table.title} {table.variant}")
@settings(max_examples=20)
@given(data=st.data())
def test_compiled_and_plain_tables_agree_on_any_bytes(table, data):
    body = data.draw(st.text("0123456789 A<\x1b", min_size=max(0, table.shortest - 12), max_size=min(table.longest, 200) - 10))
    message = b"371050510" + table.code.encode() + body.encode()
    if table.total:
        message = message[: table.total].ljust(table.total, b"0")

    def outcome(*, compiled):
        try:
            fields = table.parse(message, compiled=compiled)
        except MalformedMessageError as error:
            return error.message_code, error.length
        again = table.build(fields, compiled=compiled) if "contents" not in fields and "?" not in str(fields) else b""
        return fields, again

    assert outcome(compiled=True) == outcome(compiled=False)
