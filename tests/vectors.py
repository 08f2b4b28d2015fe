"""Byte vectors of the public pages, and the one helper that feeds a reader in every way TCP may cut the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ecrlan.wire.frames import Frame, FrameReader, NoiseFrame

ACK = bytes.fromhex("06037A")
NAK = bytes.fromhex("150369")
STATUS_REQUEST = bytes.fromhex("0230303030303030303073033D")
STATUS_RESPONSE = bytes.fromhex("0233373130353035313073303030303030303030303331303732363231323232535953454D5620203230340338")
"""The dialogue published from a SmartPOS, TID 37105051 (exchange.md §2)."""

NOISE = b"\x00zz\x03\x04\xff~"
"""Bytes that begin no frame."""

Reading = tuple[list[Frame], bytes, bytes]
"""The frames without the noise, the noise joined, and what is pending."""


def read(reader: FrameReader, pieces: Iterable[bytes]) -> Reading:
    frames: list[Frame] = []
    for piece in pieces:
        frames += reader.feed(piece)
        assert len(reader.pending) <= max(reader.limit, 65)
    kept = [frame for frame in frames if not isinstance(frame, NoiseFrame)]
    noise = b"".join(frame.raw for frame in frames if isinstance(frame, NoiseFrame))
    total = sum(len(frame.raw) for frame in frames) + len(reader.pending)
    assert total > 0 or not frames
    return kept, noise, reader.pending


def one_by_one(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def feed_all_ways(reader_factory: Callable[[], FrameReader], data: bytes) -> Reading:
    """Feed `data` whole, byte by byte, cut at every place, and with noise behind it, and return what every way must agree on.

    Noise behind is fed only where nothing is pending, because it would belong to the pending frame otherwise.
    """
    expected = read(reader_factory(), [data])
    assert read(reader_factory(), one_by_one(data)) == expected
    for place in range(len(data) + 1):
        assert read(reader_factory(), [data[:place], data[place:]]) == expected, place
    if not expected[2]:
        assert read(reader_factory(), [data + NOISE]) == (expected[0], expected[1] + NOISE, b"")
        assert read(reader_factory(), [NOISE + data]) == (expected[0], NOISE + expected[1], b"")
    return expected
