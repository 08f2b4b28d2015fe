"""Frames for people: one line each while they go by, or a table with every field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from ecrlan.cli.amount import show_amount
from ecrlan.cli.output import print_rows
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from rich.console import Console

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
