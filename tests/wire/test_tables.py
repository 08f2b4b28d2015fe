"""The message tables as Markdown, and that the document `messages.md` has them as they are."""

from __future__ import annotations

import re

from ecrlan.wire import tables
from ecrlan.wire.dissect import list_layouts
from ecrlan.wire.tables import SECTIONS, tables_as_markdown
from tests.message_tables import DOCUMENT, with_tables

MARKDOWN = tables_as_markdown()


def section(heading: str) -> list[str]:
    """The lines below a table's heading that begins so."""
    (found,) = re.findall(rf"^### {re.escape(heading)}[^\n]*\n\n(.*?)\n\n", MARKDOWN, re.MULTILINE | re.DOTALL)
    return found.splitlines()


def test_the_document_has_the_tables_as_they_are_generated() -> None:
    """Where this fails: `python -m tests.message_tables`, and look at what changed."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text) == text


def test_a_document_that_differs_is_noticed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text.replace("| 24 | 8 | N | `amount` | cents |", "| 24 | 9 | N | `amount` | cents |")) == text


def test_every_field_of_every_table_is_in_it() -> None:
    for direction, text in zip(SECTIONS.values(), re.split(r"^## ", MARKDOWN, flags=re.MULTILINE)[1:], strict=True):
        for table in list_layouts():
            if table["direction"] == direction:
                assert f"`{table['code']}` {table['title']}" in text
                for row in table["rows"][3:]:
                    assert f"| {row['position'] or ''} | {row['length'] or 'V'} | {row['type']} |" in text
                    assert row["name"] is None or f"`{row['name']}`" in text


def test_requests_of_the_same_fields_share_a_table() -> None:
    assert "### `P` purchase request · `X` extended purchase request · `p` pre-authorization request, 167 bytes" in MARKDOWN
    assert "### `c` capture request (PAX), 180 bytes" in MARKDOWN
    assert section("`s` status request") == ["Nothing follows the first ten bytes."]
    assert section("`S` void request")[:3] == [
        "| pos | len | type | name | content |",
        "|---|---|---|---|---|",
        "| 11 | 8 | N | `cash_register_id` |  |",
    ]


def test_variants_share_a_table_that_says_when() -> None:
    lines = section("`C` close session result")
    assert lines[0] == "| pos | len | type | name | when | content |"
    assert "| 13 | 16 | N | `terminal_total` | OK | cents |" in lines
    assert "| 13 | 19 | A | `reason` | KO | why it was refused |" in lines
    assert "| 13 | 16 | 0… |  | KO, other |  |" in section("`T` totals result")
    assert "| 31 | 1 | N | `terminal_status` | otherwise | 0 to 6, 2 = operative |" in section("`s` status, variable")
    assert section("`U` additional data from the host")[-1] == "|  | 10 | 0… |  |  |"


def test_a_line_in_a_note_breaks_no_table(monkeypatch) -> None:
    row = {"position": 11, "length": 1, "type": "A", "name": "x", "note": "a|b"}
    table = {"code": "z", "title": "a table", "variant": "", "direction": "request", "length": 11, "rows": [row]}
    monkeypatch.setattr(tables, "list_layouts", lambda: [table])
    assert "| 11 | 1 | A | `x` | a\\|b |" in tables_as_markdown()
