"""`ecrlan decode`: bytes or a capture file, explained field by field."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecrlan.cli.frames import print_frame
from ecrlan.cli.output import console, print_json
from ecrlan.errors import InvalidValueError
from ecrlan.net.capture import parse_capture
from ecrlan.wire.dissect import dissect_conversation
from ecrlan.wire.frames import FrameReader, NoiseFrame
from ecrlan.wire.lrc import LrcReading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecrlan.wire.frames import Frame

LARGEST_INPUT = 16 * 1024 * 1024
"""Bytes of a file; a day at a till is a few megabytes."""

_DIRECTIONS = {"<": "response", ">": "request"}
_CAPTURE_HEAD = re.compile(r"^[IO] [0-9]", re.MULTILINE)
_DUMP = re.compile(r"([0-9A-Fa-f]{3,8}):?((?:\s+[0-9A-Fa-f]{2}\b)+)(?:\s\s.*)?\Z")
_ARROW = re.compile(r"([<>])\s*((?:[0-9A-Fa-f]{2}\s*)+)(?:\s\s.*)?\Z")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*\Z")

Packet = tuple[bytes, "str | None"]
"""Bytes as they went over the line, and who sent them: "request", "response" or None."""


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="HEX|FILE")
@click.option("--direction", type=click.Choice(["request", "response"]), help="Who sent it, where the bytes do not tell.")
@click.option("--lrc", type=click.Choice([reading.value for reading in LrcReading]), default="standard", show_default=True, help="Reading.")
@click.option("--json", "as_json", is_flag=True, help="Print a list, one object a frame.")
def decode(what: tuple[str, ...], direction: str | None, lrc: str, as_json: bool) -> None:
    """Explain bytes, field by field; card numbers are masked.

    HEX may hold spaces. FILE is a capture file, hexadecimal text, or the bytes themselves; - reads standard input.
    """
    packets = [(data, way or direction) for data, way in read_packets(what)]
    frames = cut_frames(packets, LrcReading(lrc))
    shown = dissect_conversation(frames)
    if as_json:
        print_json(shown)
        return
    screen = console()
    if not shown:
        screen.print("no bytes")
    ways = _joined_ways(frames)
    for item, way in zip(shown, ways, strict=True):
        print_frame(screen, item, way)
        screen.print()


def read_packets(what: tuple[str, ...]) -> list[Packet]:
    """Return the bytes that the arguments mean: a file's, standard input's, or those of hexadecimal digits."""
    if what == ("-",):
        return parse_content(sys.stdin.buffer.read(LARGEST_INPUT + 1), "standard input")
    joined = "".join("".join(what).split())
    if _HEX.match(joined):
        return [(bytes.fromhex(joined), None)]
    path = Path(" ".join(what))
    try:
        if not path.is_file():
            raise InvalidValueError("HEX|FILE", " ".join(what), ("allowed_hex_or_file", {}))
        with path.open("rb") as stream:
            return parse_content(stream.read(LARGEST_INPUT + 1), str(path))
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise InvalidValueError("HEX|FILE", " ".join(what), ("allowed_hex_or_readable_file", {})) from None


def parse_content(content: bytes, place: str) -> list[Packet]:
    """Return the packets of a capture file, of hexadecimal text, or of raw bytes. Raises InvalidValueError with the line."""
    if len(content) > LARGEST_INPUT:
        raise InvalidValueError(place, f"more than {LARGEST_INPUT} bytes", ("allowed_at_most_bytes", {"most": LARGEST_INPUT}))
    if any(byte < 0x20 and byte not in b"\t\r\n" for byte in content):
        return [(content, None)]
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    if _CAPTURE_HEAD.search(text):
        return [(packet.data, _DIRECTIONS[packet.direction]) for packet in parse_capture(text, place)]
    return _parse_hexadecimal(text, place)


def _parse_hexadecimal(text: str, place: str) -> list[Packet]:
    """Return the packets of digits as people write them down: with or without offsets, `>` or `<`, and remarks behind `#`."""
    packets: list[tuple[bytearray, str | None]] = [(bytearray(), None)]
    for number, written in enumerate(text.splitlines(), 1):
        line = written.split("#", 1)[0].strip()
        if match := _ARROW.match(line):
            packets.append((bytearray.fromhex(match[2]), _DIRECTIONS[match[1]]))
        elif match := _DUMP.match(line):
            packets[-1][0].extend(bytes.fromhex(match[2]))
        elif _HEX.match(digits := "".join(line.split())):
            packets[-1][0].extend(bytes.fromhex(digits))
        else:
            raise InvalidValueError(f"{place} line {number}", line, ("allowed_hex_line", {}))
    return [(bytes(data), way) for data, way in packets]


def cut_frames(packets: Iterable[Packet], reading: LrcReading) -> list[tuple[Frame, str | None]]:
    """Cut packets into frames: one stream each way, in the order in which they went by."""
    readers: dict[str | None, FrameReader] = {}
    frames: list[tuple[Frame, str | None]] = []
    for data, way in packets:
        reader = readers.setdefault(way, FrameReader(reading))
        frames += [(frame, way) for frame in reader.feed(data)]
    for way, reader in readers.items():
        frames += [(frame, way) for frame in reader.finish()]
    return frames


def _joined_ways(frames: list[tuple[Frame, str | None]]) -> list[str | None]:
    """Return the direction of each object that the dissector makes: it joins neighbouring noise."""
    ways: list[str | None] = []
    noise = False
    for frame, way in frames:
        is_noise = isinstance(frame, NoiseFrame)
        if not (is_noise and noise and ways[-1] == way):
            ways.append(way)
        noise = is_noise
    return ways
