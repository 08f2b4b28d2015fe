"""Every document that the source and the tests cite is in the package, with the section that is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ecrlan

ROOT = Path(__file__).parent.parent
PACKAGE = Path(ecrlan.__file__).parent
DOCUMENTS = PACKAGE / "daemon" / "docs"
SOURCES = {".py", ".js", ".css", ".html"}
ELSEWHERE = {"README", "CHANGELOG", "CONTRIBUTING", "SECURITY"}
"""Documents outside the package, which are cited as a whole."""
_CITATION = re.compile(r'\b([A-Za-z-]+)\.md\b((?:,? (?:and )?(?:§\d+|"[^"\n]+"|rules? \d+(?: and \d+)?))*)')
_NEW_LINE = re.compile(r"\n\s*(?:#:? )?")


def citations(text: str) -> Iterator[tuple[str, str]]:
    """Each document that a source cites, with the sections that stand behind its name."""
    for found in _CITATION.finditer(_NEW_LINE.sub(" ", text)):
        yield found[1], found[2]


def problem(name: str, sections: str) -> str | None:
    """Say what of a citation is not there."""
    if name in ELSEWHERE:
        return None
    document = DOCUMENTS / f"{name}.md"
    if not document.is_file():
        return f"there is no document {name}.md"
    text = document.read_text(encoding="utf-8")
    for number in re.findall(r"§(\d+)", sections):
        if not re.search(rf"^## {number}\. ", text, re.MULTILINE):
            return f"{name}.md has no §{number}"
    for title in re.findall(r'"([^"]+)"', sections):
        within = re.findall(r"§(\d+)", sections)
        part = re.split(rf"^## {within[-1]}\. ", text, flags=re.MULTILINE)[1].split("\n## ")[0] if within else text
        if not re.search(rf"^#+ {re.escape(title)}$|\*\*{re.escape(title)}[.:]?\*\*", part, re.MULTILINE):
            return f'{name}.md{" §" * bool(within)}{"".join(within[-1:])} has no "{title}"'
    for numbers in re.findall(r"rules? (\d+(?: and \d+)?)", sections):
        rules = text.split("\n## Rules\n")[-1].split("\n## ")[0]
        for number in numbers.split(" and "):
            if not re.search(rf"^{number}\. ", rules, re.MULTILINE):
                return f"{name}.md has no rule {number}"
    return None


def sources() -> list[Path]:
    found = [path for folder in (PACKAGE, ROOT / "tests") for path in sorted(folder.rglob("*")) if path.suffix in SOURCES]
    return [path for path in found if path != Path(__file__)]


def test_every_citation_leads_to_a_section() -> None:
    cited = [(path, name, sections) for path in sources() for name, sections in citations(path.read_text(encoding="utf-8"))]
    assert len(cited) > 90
    assert [f"{path}: {missing}" for path, name, sections in cited if (missing := problem(name, sections))] == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(exchange.md §4)", None),
        ("exchange.md §3 and §4, messages.md.", None),
        ('exchange.md §5, "Late\n    truth"', None),
        ("# as exchange.md\n    # §8 says", None),
        ('messages.md, "Receipts (`S`)"', None),
        ("architecture.md, rules 1 and 2", None),
        ("exchange.md §9", "exchange.md has no §9"),
        ("exchange.md §3 and §12", "exchange.md has no §12"),
        ('exchange.md §4, "Late truth"', 'exchange.md §4 has no "Late truth"'),
        ('messages.md, "Requests of tomorrow"', 'messages.md has no "Requests of tomorrow"'),
        ("architecture.md, rule 6", "architecture.md has no rule 6"),
        ("novel.md §1", "there is no document novel.md"),
    ],
)
def test_a_citation_that_leads_nowhere_is_noticed(text: str, wanted: str | None) -> None:
    assert next(filter(None, (problem(*each) for each in citations(text))), None) == wanted
