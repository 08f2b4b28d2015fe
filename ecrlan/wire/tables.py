"""The message tables as Markdown: two sections of the document `messages.md`, which are written by nobody else.

What several tables share is told once: the ten bytes that every message begins with are left out, requests of the same fields stand in
one table, and so do the variants of one result.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from ecrlan.wire.codec import HEADER_LENGTH
from ecrlan.wire.dissect import list_layouts

SECTIONS: Final = {"Requests": "request", "Responses": "response"}
"""The sections and the direction of their messages."""

OTHERWISE: Final = "otherwise"
"""When a row is there that stands in a table without a variant's name, beside others that have one."""

Table = dict[str, Any]


def tables_as_markdown() -> str:
    """Return the sections "Requests" and "Responses", each with a table for every message; it ends with a new line."""
    lines: list[str] = []
    for section, direction in SECTIONS.items():
        lines += [f"## {section}", ""]
        tables = [table for table in list_layouts() if table["direction"] == direction]
        for _, same_fields in groupby(_merge_variants(tables), key=_fields):
            lines += [*_markdown(list(same_fields)), ""]
    return "\n".join(lines)


def _merge_variants(tables: list[Table]) -> list[Table]:
    """Join the variants of one message to one table, whose rows say when they are there."""
    merged = []
    for _, group in groupby(tables, key=lambda table: (table["code"], table["title"], table["length"])):
        variants = list(group)
        names = [table["variant"] or OTHERWISE for table in variants]
        rows: dict[tuple[Any, ...], Table] = {}
        for table in variants:
            for row in table["rows"]:
                key = (row["position"] or 0, row["length"], row["type"], row["name"], row["note"])
                rows.setdefault(key, row | {"when": []})["when"].append(table["variant"] or OTHERWISE)
        for row in rows.values():
            row["when"] = "always" if row["when"] == names else ", ".join(row["when"])
        merged.append(variants[0] | {"variant": variants[0]["variant"] if len(names) == 1 else "", "rows": _in_order(list(rows.values()))})
    return merged


def _in_order(rows: list[Table]) -> list[Table]:
    """Sort the rows by their position; what stands behind a field of variable length comes last."""
    return sorted(rows, key=lambda row: (row["position"] is None, row["position"] or 0))


def _fields(table: Table) -> list[tuple[Any, ...]]:
    """Return what two tables must have in common to be told as one."""
    shown = ("position", "length", "type", "name", "when", "note")
    return [(table["length"], table["variant"]), *(tuple(row[key] for key in shown) for row in _rows(table))]


def _rows(table: Table) -> list[Table]:
    return [row for row in table["rows"] if row["position"] is None or row["position"] > HEADER_LENGTH]


def _markdown(tables: list[Table]) -> list[str]:
    first = tables[0]
    variant = f" ({first['variant']})" if first["variant"] else ""
    length = "variable length" if first["length"] is None else f"{first['length']} bytes"
    lines = ["### " + " · ".join(f"`{table['code']}` {table['title']}" for table in tables) + f"{variant}, {length}", ""]
    rows = _rows(first)
    if not rows:
        return [*lines, "Nothing follows the first ten bytes."]
    several = any(row["when"] != "always" for row in rows)
    lines += ["| pos | len | type | name |" + (" when |" if several else "") + " content |", "|---|---|---|---|" + "---|" * (1 + several)]
    for row in rows:
        name = f"`{row['name']}`" if row["name"] else ""
        cells = [row["position"] or "", row["length"] or "V", row["type"], name, *([row["when"]] if several else []), row["note"]]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return lines
