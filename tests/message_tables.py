"""Writes the message tables into the document `messages.md` anew: `python -m tests.message_tables`."""

from __future__ import annotations

import re
from pathlib import Path

import ecrlan
from ecrlan.wire.tables import SECTIONS, tables_as_markdown

DOCUMENT = Path(ecrlan.__file__).parent / "daemon" / "docs" / "messages.md"
_FIRST, *_, _LAST = SECTIONS
_TABLES = re.compile(rf"^## {_FIRST}\n.*?^## {_LAST}\n.*?(?=^## )", re.MULTILINE | re.DOTALL)


def with_tables(text: str) -> str:
    """Return the document with its two sections as they are generated now."""
    (found,) = _TABLES.finditer(text)
    return text[: found.start()] + tables_as_markdown() + text[found.end() :]


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
