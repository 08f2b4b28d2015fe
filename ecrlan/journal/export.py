"""Operations as JSON lines or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from typing import Any, Literal, TextIO

from ecrlan.errors import InvalidValueError
from ecrlan.journal.rows import ENDING_NAMES
from ecrlan.model import read_evidence
from ecrlan.model.rows import Entry, Event
from ecrlan.texts import words

Layout = Literal["jsonl", "csv"]
COLUMNS = (
    "reference",
    "kind",
    "terminal",
    "amount",
    "state",
    "outcome",
    "created_time",
    "finished_time",
    "stan",
    "reason",
    "evidence",
    "by",
    "note",
)
"""The columns of a CSV export, in their order; `amount` in cents, times ISO 8601."""

Document = Callable[[Entry], dict[str, Any]]


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """Return an operation with its whole history, as the journal keeps it."""
    return {
        "reference": entry.reference,
        "kind": entry.kind.value,
        "terminal": entry.terminal,
        "terminal_id": entry.terminal_id,
        "address": entry.address,
        "amount": entry.amount,
        "state": entry.state,
        "outcome": entry.outcome,
        "created_time": entry.created_time.isoformat(),
        "finished_time": entry.finished_time.isoformat() if entry.finished_time else None,
        "parameters": entry.parameters,
        "events": [{"time": event.time.isoformat(), "name": event.name, "data": _in_words(event)} for event in entry.events],
    }


def write_rows(layout: str, stream: TextIO, entries: Iterable[Entry], document: Document = entry_as_json) -> int:
    """Write one line for each operation and return how many. `layout` is `jsonl` (each `document(entry)`) or `csv` (`COLUMNS`).

    A CSV file's stream is opened with `newline=""`. Texts that a spreadsheet would take for a formula get an apostrophe in front: the
    terminal's words are not ours.
    """
    count = 0
    if layout == "jsonl":
        for entry in entries:
            stream.write(json.dumps(document(entry), ensure_ascii=False) + "\n")
            count += 1
    elif layout == "csv":
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for entry in entries:
            values = _flat(entry)
            writer.writerow([_cell(values.get(column)) for column in COLUMNS])
            count += 1
    else:
        raise InvalidValueError("format", layout, ("allowed_one_of", {"words": ["jsonl", "csv"]}))
    return count


def _flat(entry: Entry) -> dict[str, Any]:
    values = entry_as_json(entry)
    for event in entry.events:
        if event.name == "answered":
            values["stan"] = event.data.get("stan")
        elif event.name in ENDING_NAMES and event.data.get("outcome") == entry.outcome:
            values.update({name: _in_words(event).get(name) for name in ("reason", "evidence", "by", "note")})
    return values


def _in_words(event: Event) -> dict[str, Any]:
    """Return an event's data with what a code says beside it, in English; an outcome tells both reason and evidence, null for none."""
    told: dict[str, Any] = {"reason": None, "evidence": None} if event.name == "finished" else {}
    for name in ("reason", "evidence"):
        known = read_evidence(event.data, name)
        if known is not None:
            told[name] = words(known)
    return {**told, **event.data}


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
