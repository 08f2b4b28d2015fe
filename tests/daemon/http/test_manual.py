"""The documents: what is served, in which language, and that every link in them leads somewhere."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from ecrlan.daemon.http import manual
from ecrlan.errors import InvalidValueError, RegisterError
from ecrlan.model import (
    Approved,
    Code,
    Declined,
    Evidence,
    Kind,
    NotPerformed,
    Operation,
    Resolution,
    State,
    Unresolved,
    verbatim,
)
from ecrlan.operation_json import operation_as_json
from tests.daemon.house import house

ROOT = Path(__file__).parents[3]
NAMES = sorted(manual.names())
LINK = re.compile(r"\]\(([^)]*)\)")


async def test_the_index_leads_to_every_document_and_to_the_api_reference(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        index = (await till.client.get("/docs")).text
        for name in manual.DOCUMENTS:
            assert f'href="/docs/{name}"' in index
            assert f"<title>{manual.title_of(name)} · ecrlan</title>" in (await till.client.get(f"/docs/{name}")).text
        assert index.count('href="/docs/api"') == 2
        assert '<main id="reference"></main>' in (await till.client.get("/docs/api")).text


async def test_the_index_is_in_the_readers_language_and_a_document_in_its_own(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        for accepted, title in (
            ("it-IT,it;q=0.9,en;q=0.8", "I documenti di ecrlan"),
            ("de-DE,it;q=0.9", "I documenti di ecrlan"),
            ("en-GB,it;q=0.9", "Documents of ecrlan"),
            ("de", "Documents of ecrlan"),
            ("", "Documents of ecrlan"),
        ):
            assert f">{title}</h1>" in (await till.client.get("/docs", headers={"Accept-Language": accepted})).text
        english = (await till.client.get("/docs/payments", headers={"Accept-Language": "it"})).text
        assert '<html lang="en">' in english
        assert 'href="/docs/payments.it" hreflang="it" lang="it">Italiano</a>' in english
        italian = (await till.client.get("/docs/payments.it")).text
        assert '<html lang="it">' in italian
        assert 'href="/docs/payments" hreflang="en" lang="en">English</a>' in italian
        assert 'href="/docs/glossary.it"' in italian
        assert '<a href="/docs/exchange" lang="en">' in italian
        assert "Italiano" not in (await till.client.get("/docs/exchange")).text


async def test_a_browser_keeps_a_page_that_has_not_changed(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        tag = (await till.client.get("/docs/glossary")).headers["etag"]
        assert (await till.client.get("/docs/glossary", headers={"If-None-Match": tag})).status_code == 304


def test_what_people_at_the_till_read_is_there_in_italian() -> None:
    assert {name for name in NAMES if name.endswith(".it")} == {"index.it", "payments.it", "glossary.it"}
    assert {*manual.DOCUMENTS, "api"} == {name for name in NAMES if not name.endswith(".it")}


@pytest.mark.parametrize("name", ["payments", "glossary"])
def test_both_languages_have_the_same_sections_and_rows(name: str) -> None:
    def shape(text: str) -> list[tuple[str, int]]:
        return [(part[0], part.count("\n|")) for part in re.split(r"^(?=#)", text, flags=re.MULTILINE)[1:]]

    def codes(text: str) -> list[str]:
        return re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE)

    english, italian = manual.source(name), manual.source(f"{name}.it")
    assert shape(english) == shape(italian)
    assert codes(english) == codes(italian)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_to_something_that_is_there(name: str) -> None:
    """In the repository, where they are files, and in the daemon, where they are pages."""
    for link in LINK.findall(manual.source(name)):
        target, _, part = link.partition("#")
        if target.startswith("../"):
            assert (ROOT / target.removeprefix("../../../")).is_file(), link
            anchors = {manual.anchor(line.lstrip("# ")) for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()}
        else:
            assert not target or target.endswith(".md"), link
            linked = target.removesuffix(".md") or name
            assert linked in NAMES, link
            assert manual.address(link).partition("#")[0] in {"", *manual.paths()}
            anchors = manual.render(linked).anchors
        assert not part or part in anchors, link


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_sound_html(name: str) -> None:
    page = manual.page(name).content.decode()
    assert [mark for mark, count in Counter(re.findall(r' id="([^"]*)"', page)).items() if count > 1] == []
    for tag in ("table", "thead", "tbody", "tr", "td", "th", "ul", "li", "div", "p", "pre", "code", "a", "main", "nav"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag
    assert page.count("<h1") == 1
    assert manual.source(name).startswith("# ")


def test_html_in_a_document_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# T <b>\n\n<script>x</script> [a](javascript:x)\n\n```text\n</pre><i>\n```\n\n| <u> | `<s>` |\n|---|---|\n| a | b |\n"
    monkeypatch.setattr(manual, "source", lambda _: text)
    html = manual.render.__wrapped__("any").html
    for tag in ("<b>", "<script>", "<i>", "<u>", "<s>", 'href="javascript'):
        assert tag not in html
    assert "&lt;/pre&gt;&lt;i&gt;" in html


def section(name: str, title: str) -> str:
    return re.split(rf"^#+ {title}$", manual.source(name), flags=re.MULTILINE)[1].split("\n#")[0]


def first_column(name: str, title: str) -> set[str]:
    """The codes that stand in the first column of a section's table."""
    return {code for row in re.findall(r"^\| (`[^|]*)\|", section(name, title), re.MULTILINE) for code in re.findall(r"`(\w+)`", row)}


def test_every_refusal_of_the_register_has_a_row() -> None:
    def kinds(error: type[RegisterError]) -> set[type[RegisterError]]:
        return {error, *(kind for each in error.__subclasses__() if each.__module__ == "ecrlan.errors" for kind in kinds(each))}

    told = first_column("payments", "Refused before anything was sent")
    assert told == {kind.code for kind in kinds(RegisterError)} | {InvalidValueError.code}


def test_every_alarm_has_a_row() -> None:
    texts = files("ecrlan.daemon").joinpath("console", "texts.js").read_text(encoding="utf-8")
    assert first_column("payments", "Alarms") == set(re.findall(r'^ *"alarm\.(\w+)":', texts, re.MULTILINE))


def test_every_outcome_of_money_has_a_row() -> None:
    assert first_column("payments", "How a payment ends") == {kind.outcome for kind in (Approved, Declined, NotPerformed, Unresolved)}


def test_every_key_of_an_operation_has_a_row() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    resolved = Resolution(by="Ada", note="seen", time=now)
    outcomes = (Approved(answer={"ORDER_ID": "1"}), Declined(reason=verbatim(Code.TERMINAL_WORDS, "refused")))
    keys = set[str]()
    for outcome in outcomes:
        operation = Operation(
            reference="a",
            kind=Kind.VAS,
            terminal="till-1",
            amount=1,
            state=State.FINISHED,
            outcome=outcome,
            created_time=now,
            data="x",
            evidence=Evidence(Code.NO_BASELINE),
            durable=False,
            resolution=resolved,
        )
        keys |= operation_as_json(operation).keys()
    assert first_column("interfaces", "JSON") == keys
