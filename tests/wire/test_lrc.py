"""The LRC and its readings (exchange.md §2)."""

from __future__ import annotations

from functools import reduce
from operator import xor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecrlan.wire.lrc import LrcReading, fold, lrc, readings_that_fit
from tests.vectors import ACK, NAK, STATUS_REQUEST, STATUS_RESPONSE


@given(st.binary(max_size=300))
@example(bytes(range(256)) * 3 + b"x")
def test_fold_is_the_xor_of_all_bytes(data):
    assert fold(data) == reduce(xor, data, 0)


@pytest.mark.parametrize("frame", [ACK, NAK, STATUS_REQUEST, STATUS_RESPONSE])
def test_published_frames(frame):
    assert lrc(frame[:-1]) == frame[-1]
    assert readings_that_fit(frame)[0] is LrcReading.STANDARD


@pytest.mark.parametrize(
    ("reading", "ack", "nak"),
    [
        (LrcReading.STANDARD, 0x7A, 0x69),
        (LrcReading.PAYLOAD_ETX, 0x7A, 0x69),
        (LrcReading.PAYLOAD, 0x79, 0x6A),
        (LrcReading.STX_PAYLOAD, 0x7B, 0x68),
        (LrcReading.STX_PAYLOAD_ETX, 0x78, 0x6B),
    ],
)
def test_control_frames_in_every_reading(reading, ack, nak):
    assert lrc(b"\x06\x03", reading) == ack
    assert lrc(b"\x15\x03", reading) == nak


@given(st.binary(max_size=100).filter(lambda message: not {2, 3} & set(message)))
def test_application_frames_in_every_reading(message):
    frame = b"\x02" + message + b"\x03"
    payload = reduce(xor, message, 0x7F)
    assert lrc(frame, LrcReading.STANDARD) == lrc(frame, LrcReading.STX_PAYLOAD_ETX) == payload ^ 0x02 ^ 0x03
    assert lrc(frame, LrcReading.PAYLOAD) == payload
    assert lrc(frame, LrcReading.PAYLOAD_ETX) == payload ^ 0x03
    assert lrc(frame, LrcReading.STX_PAYLOAD) == payload ^ 0x02


def test_the_readings_that_fit_are_named():
    frame = STATUS_REQUEST[:-1]
    assert readings_that_fit(frame + b"\x3d") == (LrcReading.STANDARD, LrcReading.STX_PAYLOAD_ETX)
    assert readings_that_fit(frame + b"\x3c") == (LrcReading.PAYLOAD,)
    assert readings_that_fit(frame + b"\x3f") == (LrcReading.PAYLOAD_ETX,)
    assert readings_that_fit(frame + b"\x3e") == (LrcReading.STX_PAYLOAD,)
    assert readings_that_fit(frame + b"\x00") == ()
    assert readings_that_fit(b"") == ()
    assert readings_that_fit(ACK) == (LrcReading.STANDARD, LrcReading.PAYLOAD_ETX)
