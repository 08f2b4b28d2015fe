"""Frames, explained field by field: what `ecrlan decode --json` and `ecrlan layouts` print (interfaces.md). Everything is masked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from ecrlan.errors import MalformedMessageError
from ecrlan.model import CardType, HostTime, TerminalStatus
from ecrlan.wire import requests, responses
from ecrlan.wire.cards import mask_cards
from ecrlan.wire.codec import find_layout, parse_request, read_fields, request_layout, response_layout
from ecrlan.wire.fields import PRINTABLE, Code, Constant, Meaningless, Reserved
from ecrlan.wire.frames import AckFrame, ApplicationFrame, Frame, NakFrame, NoiseFrame, ProgressFrame
from ecrlan.wire.mask import mask_frames
from ecrlan.wire.receipt import parse_receipt, render_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecrlan.wire.layout import Layout

REQUEST: Final = "request"
RESPONSE: Final = "response"
_KINDS: Final[dict[type, str]] = {
    ApplicationFrame: "application",
    ProgressFrame: "progress",
    AckFrame: "ack",
    NakFrame: "nak",
    NoiseFrame: "noise",
}
_CARD_TYPES: Final[dict[object, object]] = {kind.value: kind.name.lower() for kind in CardType}
_STATUSES: Final = {status.value: status.name.lower() for status in TerminalStatus}
_REQUEST_LAYOUTS = frozenset(map(id, (*requests.REQUESTS, *requests.NAMED_ONLY.values())))


def dissect(frames: Iterable[Frame], direction: str | None = None) -> list[dict[str, Any]]:
    """Return one JSON object a frame, as interfaces.md, "Decoded frames" says: frame, hex (masked), lrc, message, error.

    `direction` is "request" or "response" where it is known for all frames. Where one letter is both and nobody says which, the length
    and the content decide. `lrc` is null where a frame has none. The text of a progress frame is the one field of its message, which has
    no code. Neighbouring noise is one object. A message has `unexpected` where a reserved run or a constant holds something else than the
    table says: `position`, `expected`, `found`.
    """
    return dissect_conversation([(frame, direction) for frame in frames])


def dissect_conversation(frames: Iterable[tuple[Frame, str | None]]) -> list[dict[str, Any]]:
    """As `dissect`, for frames that each have their direction."""
    joined: list[tuple[Frame, str | None]] = []
    for frame, direction in frames:
        if isinstance(frame, NoiseFrame) and joined and isinstance(joined[-1][0], NoiseFrame) and joined[-1][1] == direction:
            joined[-1] = (NoiseFrame(joined[-1][0].raw + frame.raw), direction)
        else:
            joined.append((frame, direction))
    masked = mask_frames([frame.raw for frame, _ in joined], [direction for _, direction in joined])
    return [_dissect_frame(frame, raw, direction) for (frame, direction), raw in zip(joined, masked, strict=True)]


def _dissect_frame(frame: Frame, masked: bytes, direction: str | None) -> dict[str, Any]:
    kind = _KINDS[type(frame)]
    shown: dict[str, Any] = {"frame": kind, "hex": masked.hex().upper(), "lrc": frame.lrc or None, "message": None, "error": None}
    if isinstance(frame, ApplicationFrame):
        shown["message"], shown["error"] = _dissect_message(masked[1:-2], direction)
    elif isinstance(frame, ProgressFrame):
        shown["message"] = {"code": None, "name": "progress", "direction": RESPONSE, "fields": {"text": frame.text}}
    return shown


def _dissect_message(message: bytes, direction: str | None) -> tuple[dict[str, Any] | None, str | None]:
    """Return the message's object and None, or None and what is wrong with it."""
    layout = find_layout(message, direction)
    if layout is None:
        return None, _problem(message, direction)
    way = REQUEST if id(layout) in _REQUEST_LAYOUTS else RESPONSE
    try:
        if way == REQUEST and layout.code not in requests.NAMED_ONLY:
            parse_request(message)
        fields = layout.parse(message) if way == REQUEST else read_fields(layout, message)
    except MalformedMessageError as error:
        return None, str(error)
    shown = _object(layout, way, fields)
    if unexpected := _unexpected(layout, message):
        shown["unexpected"] = unexpected
    return shown, None


def _object(layout: Layout, way: str, fields: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in fields.items():
        shown[name] = _shown(name, value)
        if name == "terminal_status" and "status_word" not in fields:
            shown["terminal_status_name"] = _STATUSES.get(value)
    return {"code": layout.code, "name": layout.title, "direction": way, "fields": shown}


def _unexpected(layout: Layout, message: bytes) -> list[dict[str, Any]]:
    """Return the reserved runs and constants that hold something else than the table says."""
    unexpected = []
    for row, start, end in layout.cut(message):
        field = row.field
        if isinstance(field, Reserved | Constant) and not isinstance(field, Code | Meaningless) and message[start:end] != field.content:
            found = mask_cards(message[start:end].translate(PRINTABLE).decode("ascii"))
            unexpected.append({"position": start + 1, "expected": field.content.decode("ascii"), "found": found})
    return unexpected


def _shown(name: str, value: object) -> object:
    """Return a field's value as JSON takes it. `host_time` stays as it is sent, for its year is not known."""
    shown = value
    if name == "pan" and value is not None:
        shown = f"…{value}"
    elif name == "card_type":
        shown = _CARD_TYPES.get(value, value)
    elif isinstance(value, HostTime):
        shown = f"{value.day_of_year:03d}{value.hour:02d}{value.minute:02d}"
    elif isinstance(value, datetime):
        shown = value.isoformat()
    elif isinstance(value, bytes):
        shown = "\n".join(render_text(parse_receipt(value)))
    elif isinstance(value, tuple):
        shown = list(value)
    return shown


def _problem(message: bytes, direction: str | None) -> str:
    """Say why no table fits."""
    problems = []
    for way, find in ((REQUEST, request_layout), (RESPONSE, response_layout)):
        if direction in {None, way}:
            try:
                find(message).parse(message)
            except MalformedMessageError as error:
                problems.append(f"as a {way}: {error.problem}")
    return f"message of {len(message)} bytes fits no table; " + "; ".join(problems)


# --- the tables themselves ------------------------------------------------------------------------------------------------------------


def list_layouts() -> list[dict[str, Any]]:
    """Return every table as JSON takes it: code, title, variant, direction, length in bytes (null: varies) and rows."""
    tables = [_table(layout, REQUEST) for layout in (*requests.REQUESTS, *requests.NAMED_ONLY.values())]
    seen: set[int] = set()
    for entry in (*responses.RESPONSES, *responses.NAMED_ONLY.values()):
        for layout in (entry.ok, entry.ko, entry.other) if isinstance(entry, responses.Variants) else (entry,):
            if id(layout) not in seen:
                seen.add(id(layout))
                tables.append(_table(layout, RESPONSE))
    return tables


def describe_layouts() -> str:
    """Return every table as text: position, length, type and name of each field."""
    lines: list[str] = []
    for table in list_layouts():
        length = "variable length" if table["length"] is None else f"{table['length']} bytes"
        variant = f" ({table['variant']})" if table["variant"] else ""
        lines += [f"{table['code']}  {table['title']}{variant} - {table['direction']}, {length}", "   pos   len  type  name"]
        for row in table["rows"]:
            position = "" if row["position"] is None else row["position"]
            width = "V" if row["length"] is None else row["length"]
            text = f"  {position:>4}  {width:>4}  {row['type']:<4}  {row['name'] or '':<22}  {row['note']}"
            lines.append(text.rstrip())
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def _table(layout: Layout, direction: str) -> dict[str, Any]:
    rows = [
        {"position": row.position, "length": row.length, "type": row.type, "name": row.name or None, "note": row.note}
        for row in layout.rows
    ]
    return {
        "code": layout.code,
        "title": layout.title,
        "variant": layout.variant,
        "direction": direction,
        "length": layout.total,
        "rows": rows,
    }
