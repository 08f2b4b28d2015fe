"""The codec that runs reads and writes what construct reads and writes: every table, and frames; whole, cut, lengthened and damaged."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache

import pytest
from construct import ConstructError, ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.model import HostTime
from ecrlan.wire import declaration, fields, requests, responses
from ecrlan.wire.declaration import declared
from ecrlan.wire.frames import (
    AckFrame,
    ApplicationFrame,
    FrameReader,
    NakFrame,
    ProgressFrame,
    build_ack,
    build_frame,
    build_nak,
    build_progress,
)

TABLES = list(
    {
        id(table): table
        for entry in (*requests.REQUESTS, *requests.NAMED_ONLY.values(), *responses.RESPONSES, *responses.NAMED_ONLY.values())
        for table in ((entry.ok, entry.ko, entry.other) if isinstance(entry, responses.Variants) else (entry,))
    }.values()
)
EXAMPLES = settings().max_examples // 6
construct_of = cache(declared)
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.code} {table.title} {table.variant} {table.total}")


def digits(length):
    return st.text("0123456789", min_size=length, max_size=length)


def text(longest, shortest=0):
    some = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=shortest, max_size=min(longest, shortest + 60))
    return some | st.just("x" * longest)


VALUES = {
    fields.Flag: lambda field: st.booleans(),
    fields.Marks: lambda field: st.text("0123456789*", min_size=field.length, max_size=field.length),
    fields.Number: lambda field: st.integers(0, 10**field.length - 1),
    fields.Digits: lambda field: digits(field.length),
    fields.Pan: lambda field: st.none() | digits(4),
    fields.HostTimeText: lambda field: st.none() | st.builds(HostTime, st.integers(1, 366), st.integers(0, 23), st.integers(0, 59)),
    fields.TerminalTime: lambda field: st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - no zone
    fields.Text: lambda field: text(field.length),
    fields.RightText: lambda field: text(field.length),
    fields.Counted: lambda field: text(field.longest),
    requests.Contents: lambda field: st.lists(text(100, 1), min_size=1, max_size=4),
    fields.RestBytes: lambda field: st.binary(min_size=field.length, max_size=field.longest).map(without_stx_and_etx),
    fields.Rest: lambda field: text(field.longest, field.length),
}
"""What each field type takes; a type stands before those that it is made from."""
odd_values = st.none() | st.integers() | st.booleans() | st.text(max_size=300) | st.binary(max_size=20) | st.just(())


def without_stx_and_etx(data):
    return data.replace(b"\x02", b"2").replace(b"\x03", b"3")


@cache
def values_of(table):
    """Fields that can be built."""

    def with_count(drawn):
        counted = [row for row in table.rows if isinstance(row.field, fields.Counted)]
        return drawn | {row.field.count: len(drawn[row.name]) for row in counted}

    named = [row for row in table.rows if row.name]
    makers = {row.name: next(make for kind, make in VALUES.items() if isinstance(row.field, kind)) for row in named}
    return st.fixed_dictionaries({row.name: makers[row.name](row.field) for row in named}).map(with_count)


@cache
def damaged(table):
    """Messages that were cut, lengthened, changed in a few bytes, or none of these."""

    def damage(drawn, changes, cut, longer, beyond):
        message = bytearray(table.build(drawn))
        for place, byte in changes:
            message[place % len(message)] = byte
        if cut is not None:
            return bytes(message[: cut % len(message)])
        return bytes(message) + b"0" * (longer if beyond is None else table.longest - len(message) + beyond)

    return st.builds(
        damage,
        values_of(table),
        st.lists(st.tuples(st.integers(0, 400), st.sampled_from(b" 0129*\x1b\xe8") | st.integers(0, 255)), max_size=3),
        st.none() | st.integers(0, 400),
        st.integers(0, 12),
        st.none() | st.integers(0, 1),
    )


def read_by_codec(table, message):
    try:
        return table.parse(message)
    except MalformedMessageError as error:
        assert (error.message_code, error.length) == (table.code, len(message))  # noqa: PT017 - whatever is malformed
        return error.problem


def read_by_construct(table, message):
    try:
        return {name: value for name, value in construct_of(table).parse(message).items() if name != "_io"}
    except ConstructError as error:
        return error


@every_table
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_construct_builds(table, data):
    given_fields = data.draw(values_of(table))
    message = table.build(given_fields)
    assert construct_of(table).build(given_fields) == message
    read = table.parse(message)
    assert isinstance(read, dict)
    assert list(read) == list(table.names)
    assert read == read_by_construct(table, message)


@every_table
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_construct_refuses_to_build(table, data):
    given_fields = data.draw(values_of(table))
    alone = [row.name for row in table.rows if row.name not in {"", table.count} and not isinstance(row.field, fields.Counted)]
    given_fields |= {data.draw(st.sampled_from(alone)): data.draw(odd_values)}

    def outcome(build):
        try:
            return build(given_fields)
        except InvalidValueError as error:
            return error.place, error.allowed
        except ValidationError as error:
            return re.search(r" -> (\w+)\n(.*)", str(error)).groups()
        except (AttributeError, TypeError) as error:
            return type(error)

    assert outcome(table.build) == outcome(construct_of(table).build)


@every_table
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_construct_reads(table, data):
    message = data.draw(damaged(table))
    read, reference = read_by_codec(table, message), read_by_construct(table, message)
    if isinstance(reference, dict):
        assert read == reference
    elif len(message) < table.shortest or len(message) > table.longest:
        assert read == f"{table.title} takes {' to '.join(dict.fromkeys([str(table.shortest), str(table.longest)]))} bytes"
    elif message[9:10] != table.code.encode():
        assert read == f"{table.title} has the code {table.code}"
    elif isinstance(reference, ValidationError):
        name, allowed = re.search(r" -> (\w+)\n(.*)", str(reference)).groups()
        (position,) = [row.position for row in table.rows if row.name == name]
        assert read == f"{name} at position {position} is not {allowed}"
    else:
        (row,) = [row for row in table.rows if isinstance(row.field, fields.Counted)]
        too_long = f"{row.name} at position {row.position} is not at most {row.field.longest} characters"
        assert read in {f"{table.count} does not fit the message's length", too_long}


# --- frames ---------------------------------------------------------------------------------------------------------------------------

messages = st.binary(max_size=300).map(without_stx_and_etx)


@given(messages)
def test_application_frames(message):
    frame = build_frame(message)
    assert declaration.APPLICATION_FRAME.build({"checked": {"value": {"message": message}}}) == frame
    assert declaration.APPLICATION_FRAME.parse(frame).checked.value.message == message
    assert FrameReader().feed(frame) == [ApplicationFrame(frame, "ok", message)]


@given(messages, st.data())
def test_damaged_application_frames(message, data):
    frame = bytearray(build_frame(message))
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    raw = bytes(frame[: data.draw(st.just(len(frame)) | st.integers(0, len(frame)))])
    try:
        read = declaration.APPLICATION_FRAME.parse(raw).checked.value.message
    except ConstructError:
        assert not any(frame.raw == raw and frame.ok for frame in FrameReader().feed(raw))
    else:
        cut_short = b"\x02" in read  # our reader begins anew there
        assert FrameReader().feed(raw) == [ApplicationFrame(raw, "ok", read)] or cut_short


@pytest.mark.parametrize(
    ("declared_frame", "build", "kind"),
    [(declaration.ACK_FRAME, build_ack, AckFrame), (declaration.NAK_FRAME, build_nak, NakFrame)],
)
def test_control_frames(declared_frame, build, kind):
    assert declared_frame.build({"checked": {"value": {}}}) == build()
    for lrc in range(256):
        raw = build()[:2] + bytes((lrc,))
        (frame,) = FrameReader().feed(raw)
        assert type(frame) is kind
        try:
            declared_frame.parse(raw)
        except ConstructError:
            assert not frame.ok
        else:
            assert frame.ok


@given(text(20, 1).filter(lambda shown: shown.strip()))
def test_progress_frames(shown):
    frame = build_progress(shown)
    assert declaration.PROGRESS_FRAME.build({"text": shown.ljust(20).encode()}) == frame
    assert declaration.PROGRESS_FRAME.parse(frame).text == shown.ljust(20).encode()
    (read,) = FrameReader().feed(frame)
    assert isinstance(read, ProgressFrame)
    assert read.raw == frame
