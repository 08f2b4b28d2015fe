"""`ecrlan decode`, `ecrlan layouts`: bytes or a capture file explained field by field, and the tables by which that is done."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from ecrlan.cli.output import console, print_json, print_rows, show_amount
from ecrlan.errors import InvalidValueError
from ecrlan.net.capture import parse_capture
from ecrlan.protocol import states_as_mermaid
from ecrlan.wire.dissect import describe_layouts, dissect_conversation
from ecrlan.wire.frames import FrameReader, NoiseFrame
from ecrlan.wire.lrc import LrcReading
from ecrlan.wire.mask import clean_text
from ecrlan.wire.tables import tables_as_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

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
SIGNS = {"request": ">", "response": "<", None: "-"}
_SIGN_STYLES = {"request": "bold cyan", "response": "bold green", None: "bold"}
_AMOUNTS = frozenset({"amount", "terminal_total", "host_total"})
_TELLING_ZEROS = _AMOUNTS | {"terminal_status", "enabled", "to_ecr"}
"""Fields whose 0 is a value like others."""
_LINE_INDENT = 10
_ROW = 32
"""Bytes in a row of a frame's hexadecimal digits."""
_AROUND_RECEIPT = 13
"""Bytes of a receipt's frame that are not its text: STX, header, ETX and LRC."""


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


def frame_direction(shown: dict[str, Any], direction: str | None) -> str | None:
    """Return who sent a dissected frame, where it or `direction` tells."""
    told: str | None = shown["message"]["direction"] if shown["message"] else None
    return direction or told


def frame_size(shown: dict[str, Any]) -> int:
    """Return the frame's length in bytes."""
    return len(shown["hex"]) // 2


def frame_title(shown: dict[str, Any]) -> str:
    """Name a dissected frame: its message's code and name, or its kind."""
    message = shown["message"]
    if message is None:
        return {"application": "message that fits no table", "noise": "noise: no frame"}.get(shown["frame"], str(shown["frame"]).upper())
    return f"{message['code']} {message['name']}" if message["code"] else str(message["name"])


def lrc_text(shown: dict[str, Any]) -> str:
    """Say in words what the LRC of a dissected frame is like; '' where it is right or there is none."""
    lrc = shown["lrc"]
    if lrc in (None, "", "ok"):
        return ""
    if str(lrc).startswith("reading:"):
        return f"LRC fits reading {str(lrc).removeprefix('reading:')}"
    return "LRC is wrong"


def print_frame_line(screen: Console, shown: dict[str, Any], direction: str | None) -> None:
    """Print a dissected frame as one paragraph: sign, length, code and name, fields as name=value."""
    way = frame_direction(shown, direction)
    head = Text.assemble((f" {SIGNS[way]} ", _SIGN_STYLES[way]), (f"{frame_size(shown):4}   ", "dim"))
    body = Text(frame_title(shown), style="bold" if shown["message"] and shown["message"]["code"] else "dim")
    for name, value in _fields(shown):
        body.append("  ")
        body.append(f"{name}=", style="dim not bold")
        body.append(value, style="not bold")
    for problem in filter(None, (lrc_text(shown), shown["error"])):
        body.append(f"  {clean_text(problem)}", style="bold red")
    for place, line in enumerate(body.wrap(screen, max(screen.width - _LINE_INDENT, 20))):
        line.rstrip()
        screen.print(Text.assemble(head if place == 0 else " " * _LINE_INDENT, line))


def _fields(shown: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the fields worth a line: what is empty, or zero where it only says that it was not used, is left out."""
    message = shown["message"]
    if message is None:
        return []
    fields = []
    for name, value in message["fields"].items():
        if name == "terminal_status_name" or (not value and (value is None or name not in _TELLING_ZEROS)):
            continue
        text = field_text(name, value)
        if name == "receipt_text" and message["code"] == "S":
            text = f"{frame_size(shown) - _AROUND_RECEIPT} bytes"
        elif name == "terminal_status":
            text = f"{text} {message['fields'].get('terminal_status_name') or ''}".strip()
        fields.append((name, text))
    return fields


def unexpected_texts(shown: dict[str, Any]) -> list[str]:
    """Say which reserved runs and constants hold something else than the table says."""
    return [
        f"position {place['position']}: {place['found']!r} in place of {place['expected']!r}"
        for place in shown["message"].get("unexpected", [])
    ]


def field_text(name: str, value: object) -> str:
    """Return a field's value for people; amounts as euros beside the cents."""
    if value is None:
        return "not readable"
    if name in _AMOUNTS and isinstance(value, int):
        return show_amount(value)
    if name == "exchange_rate" and isinstance(value, int):
        return f"{value // 10_000}.{value % 10_000:04}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean_text(" / ".join(str(value).splitlines()) if isinstance(value, str) else str(value))


def print_frame(screen: Console, shown: dict[str, Any], direction: str | None) -> None:
    """Print a dissected frame with every field on a line of its own."""
    way = frame_direction(shown, direction)
    title = Text.assemble((f"{SIGNS[way]} ", _SIGN_STYLES[way]), (frame_title(shown), "bold"), (f"  {frame_size(shown)} bytes", "dim"))
    if way:
        title.append(f"  {way}", style="dim")
    if shown["lrc"] == "ok":
        title.append("  LRC ok", style="dim")
    if problem := lrc_text(shown):
        title.append(f"  {problem}", style="bold red")
    screen.print(title)
    for place in range(0, len(shown["hex"]), 2 * _ROW):
        screen.print(Text(_spaced(shown["hex"][place : place + 2 * _ROW]), style="dim"))
    if shown["error"]:
        screen.print(Text(clean_text(shown["error"]), style="bold red"))
    if shown["message"]:
        rows = []
        for name, value in shown["message"]["fields"].items():
            lines = str(value).splitlines() if isinstance(value, str) and "\n" in value else [field_text(name, value)]
            rows += [(name if place == 0 else "", line) for place, line in enumerate(lines)]
        rows += [("unexpected", text) for text in unexpected_texts(shown)]
        print_rows(screen, rows)


def _spaced(digits: str) -> str:
    return " ".join(digits[place : place + 2] for place in range(0, len(digits), 2))


@click.command()
@click.option("--states", is_flag=True, help="Print the transitions of link and exchange as Mermaid state diagrams instead.")
@click.option("--markdown", is_flag=True, help="Print them as they stand in the document on messages.")
def layouts(states: bool, markdown: bool) -> None:
    """Print the tables of all messages: position, length, type and name of every field."""
    click.echo(states_as_mermaid() if states else tables_as_markdown() if markdown else describe_layouts())
