"""FrameReader cuts the stream (exchange.md §2); every vector is fed in every way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan.errors import InvalidValueError
from ecrlan.wire.frames import (
    FRAME_LIMIT,
    AckFrame,
    ApplicationFrame,
    FrameReader,
    NakFrame,
    NoiseFrame,
    ProgressFrame,
    build_ack,
    build_frame,
    build_nak,
    build_progress,
)
from ecrlan.wire.lrc import LrcReading
from tests.vectors import ACK, NAK, NOISE, STATUS_REQUEST, STATUS_RESPONSE, feed_all_ways, one_by_one, read

PROGRESS = b"\x01   INSERIRE CARTA   \x04"
STATUS_MESSAGE = STATUS_RESPONSE[1:-2]


def small():
    return FrameReader(limit=16)


def test_the_smartpos_dialogue_byte_by_byte():
    assert build_frame(b"000000000s") == STATUS_REQUEST
    assert build_ack() == ACK
    assert build_nak() == NAK
    frames, noise, pending = feed_all_ways(FrameReader, ACK + STATUS_RESPONSE)
    assert frames == [AckFrame(ACK, "ok"), ApplicationFrame(STATUS_RESPONSE, "ok", STATUS_MESSAGE)]
    assert all(frame.ok for frame in frames)
    assert (noise, pending) == (b"", b"")


def test_doubled_and_behind_noise():
    one = feed_all_ways(FrameReader, ACK + STATUS_RESPONSE)[0]
    frames, noise, _ = feed_all_ways(FrameReader, NOISE + ACK + STATUS_RESPONSE + NOISE + ACK + STATUS_RESPONSE)
    assert frames == one + one
    assert noise == NOISE + NOISE


def test_everything_glued():
    data = NAK + ACK + PROGRESS + STATUS_RESPONSE + PROGRESS
    frames, noise, _ = feed_all_ways(FrameReader, data)
    assert [type(frame) for frame in frames] == [NakFrame, AckFrame, ProgressFrame, ApplicationFrame, ProgressFrame]
    assert b"".join(frame.raw for frame in frames) == data
    assert noise == b""


@pytest.mark.parametrize("value", [0x01, 0x02, 0x03, 0x04, 0x06, 0x15, 0x1B])
def test_the_lrc_byte_is_never_a_start(value):
    message = b"371050510S" + bytes((0x20 + (value & 0x0F), 0x40))
    frame = build_frame(message)
    message = message[:-1] + bytes((message[-1] ^ frame[-1] ^ value,))
    frame = build_frame(message)
    assert frame[-1] == value
    frames, noise, pending = feed_all_ways(FrameReader, frame + ACK + frame)
    assert frames == [ApplicationFrame(frame, "ok", message), AckFrame(ACK, "ok"), ApplicationFrame(frame, "ok", message)]
    assert (noise, pending) == (b"", b"")


@pytest.mark.parametrize("reading", list(LrcReading))
def test_a_frame_of_another_reading_is_named_and_not_ok(reading):
    frame = build_frame(b"000000000s", reading)
    for other in LrcReading:
        fits = build_frame(b"000000000s", other) == frame
        (read_frame,) = FrameReader(other).feed(frame)
        assert read_frame.ok == fits
        assert read_frame.lrc == ("ok" if fits else f"reading:{'standard' if reading is LrcReading.STX_PAYLOAD_ETX else reading.value}")
        (ack,) = FrameReader(other).feed(build_ack(reading))
        assert ack.ok == (build_ack(reading) == build_ack(other))
        assert ack.lrc == "ok" or ack.lrc.startswith("reading:")
        (nak,) = FrameReader(other).feed(build_nak(reading))
        assert nak.ok == ack.ok


def test_a_wrong_lrc_is_bad():
    bad = STATUS_RESPONSE[:-1] + b"\x00"
    frames, _, _ = feed_all_ways(FrameReader, bad + b"\x06\x03\x00" + b"\x15\x03\x00")
    assert [frame.lrc for frame in frames] == ["bad", "bad", "bad"]
    assert not any(frame.ok for frame in frames)


def test_control_bytes_without_etx_are_noise_one_by_one():
    frames, noise, pending = feed_all_ways(FrameReader, b"\x06\x15\x06\x06\x03\x7a\x15x")
    assert frames == [AckFrame(ACK, "ok")]
    assert (noise, pending) == (b"\x06\x15\x06\x15x", b"")


@pytest.mark.parametrize("start", [b"\x01", b"\x01text", b"\x02", b"\x02text", b"\x02text\x03", b"\x06", b"\x06\x03", b"\x15", b"\x15\x03"])
def test_an_unfinished_frame_is_pending_and_noise_at_the_end(start):
    frames, noise, pending = feed_all_ways(FrameReader, ACK + start)
    assert frames == [AckFrame(ACK, "ok")]
    assert (noise, pending) == (b"", start)
    reader = FrameReader()
    assert reader.feed(start) == []
    assert reader.finish() == [NoiseFrame(start)]
    assert not reader.finish()
    assert reader.feed(ACK) == [AckFrame(ACK, "ok")]


def test_noise_is_never_ok():
    (noise,) = FrameReader().feed(b"zz")
    assert noise == NoiseFrame(b"zz")
    assert not noise.ok


def test_a_second_stx_cuts_the_first_frame_short():
    frames, noise, _ = feed_all_ways(FrameReader, b"\x0237105" + STATUS_RESPONSE)
    assert frames == [ApplicationFrame(STATUS_RESPONSE, "ok", STATUS_MESSAGE)]
    assert noise == b"\x0237105"


def test_an_stx_as_lrc_is_no_second_stx():
    frames, noise, pending = feed_all_ways(FrameReader, b"\x02a\x03\x02b\x03\x00")
    assert [frame.raw for frame in frames] == [b"\x02a\x03\x02"]
    assert (noise, pending) == (b"b\x03\x00", b"")


@pytest.mark.parametrize(
    ("data", "texts", "noise"),
    [
        (PROGRESS, ["INSERIRE CARTA"], b""),
        (b"\x01A\x04", ["A"], b""),
        (b"\x01" + b"x" * 64 + b"\x04", ["x" * 64], b""),
        (b"\x01" + b"x" * 65 + b"\x04", [], b"\x01" + b"x" * 65 + b"\x04"),
        (b"\x01\x04", [], b"\x01\x04"),
        (b"\x01AB\x01CD\x04", ["CD"], b"\x01AB"),
        (b"\x01A\x1b[2J\x7f\xe8\x04", [], b"\x01A\x1b[2J\x7f\xe8\x04"),
        (b"\x01A\x7f\xe8\x04", ["A??"], b""),
        (b"\x01AB" + ACK, [], b"\x01AB"),
    ],
)
def test_progress(data, texts, noise):
    frames, read_noise, _ = feed_all_ways(FrameReader, data)
    assert [frame.text for frame in frames if isinstance(frame, ProgressFrame)] == texts
    assert all(frame.ok for frame in frames)
    assert read_noise == noise


def test_a_built_progress_frame():
    assert build_progress("ATTENDERE") == b"\x01ATTENDERE           \x04"
    for text in ("x" * 21, "è", "\x1b"):
        with pytest.raises(InvalidValueError, match="progress text"):
            build_progress(text)


def test_a_frame_of_exactly_the_limit_is_a_frame():
    frame = build_frame(b"x" * 13)
    frames, noise, _ = feed_all_ways(small, frame + ACK)
    assert [each.raw for each in frames] == [frame, ACK]
    assert noise == b""


def test_a_frame_over_the_limit_is_noise_up_to_the_limit():
    frames, noise, _ = feed_all_ways(small, b"\x02" + b"x" * 15 + ACK)
    assert [each.raw for each in frames] == [ACK]
    assert noise == b"\x02" + b"x" * 15
    frames, noise, _ = feed_all_ways(small, build_frame(b"x" * 14) + ACK)
    assert [each.raw for each in frames] == [ACK]
    frames, noise, _ = feed_all_ways(small, b"\x02" + b"x" * 14 + b"\x02y\x03\x04")
    assert [each.raw for each in frames] == [b"\x02y\x03\x04"]
    assert noise == b"\x02" + b"x" * 14


def test_the_default_limit():
    reader = FrameReader()
    assert reader.feed(b"\x02" + b"0" * (FRAME_LIMIT - 2)) == []
    (noise,) = reader.feed(b"0")
    assert len(noise.raw) == FRAME_LIMIT
    assert reader.pending == b""
    assert len(build_frame(b"0" * (FRAME_LIMIT - 3))) == FRAME_LIMIT


def test_values_that_are_refused():
    for message in (b"\x02", b"a\x03", b"0" * (FRAME_LIMIT - 2)):
        with pytest.raises(InvalidValueError, match="message"):
            build_frame(message)
    with pytest.raises(InvalidValueError, match="limit"):
        FrameReader(limit=7)
    with pytest.raises(ValueError, match="odd"):
        FrameReader("odd")


hostile = st.lists(
    st.one_of(
        st.sampled_from([ACK, NAK, PROGRESS, STATUS_RESPONSE, build_frame(b""), b"\x01", b"\x02", b"\x03", b"\x04", b"\x06", b"\x15"]),
        st.binary(max_size=20),
        st.text("0A\x01\x02\x03\x04\x06\x15", max_size=12).map(str.encode),
    ),
    max_size=8,
).map(b"".join)


@given(hostile)
def test_how_the_bytes_are_cut_changes_nothing(data):
    feed_all_ways(FrameReader, data)
    feed_all_ways(lambda: FrameReader(limit=9), data)


@given(hostile, st.lists(st.integers(0, 160), max_size=6))
def test_every_byte_comes_out_once(data, cuts):
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = FrameReader(limit=32)
    frames = [frame for start, end in pairwise(places) for frame in reader.feed(data[start:end])]
    assert b"".join(frame.raw for frame in frames) + reader.pending == data
    frames += reader.finish()
    assert b"".join(frame.raw for frame in frames) == data


@given(st.binary(max_size=60).filter(lambda message: not {2, 3} & set(message)), st.sampled_from(LrcReading))
def test_what_is_built_is_read(message, reading):
    frame = build_frame(message, reading)
    frames, noise, _ = feed_all_ways(lambda: FrameReader(reading), NOISE + frame)
    assert frames == [ApplicationFrame(frame, "ok", message)]
    assert noise == NOISE


@pytest.mark.parametrize("unit", [b"\x02", b"\x01", b"\x06", b"\x01" + b"x" * 64, b"\x02\x03", b"\x15\x03", b"z", b"\x02x"])
def test_noise_without_end_stays_bounded(unit):
    data = unit * (40_000 // len(unit))
    reader = FrameReader()
    whole = read(reader, [data])
    assert len(reader.pending) <= FRAME_LIMIT
    assert read(FrameReader(), one_by_one(data)) == whole
