"""The journal in the browser: a doubt is told above every page, and a named person accepts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ecrlan.journal import Journal
from tests.daemon.console.conftest import Till, Visit
from tests.daemon.house import house
from tests.threads import in_thread


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Till]:
    """A till whose journal is a backup."""
    with closing(Journal(tmp_path / "original.db", inline=True)) as journal:
        journal.backup(tmp_path / "till.db")
    with in_thread(lambda: house(tmp_path, sockets=True)) as (opened, loop):
        yield Till(opened, loop)


@pytest.mark.parametrize("language", ["en", "it"])
def test_a_doubt_is_settled_by_a_named_person(restored: Till, visits: Callable[..., Visit], language: str) -> None:
    window = visits(restored.url)
    window.log_in(restored.token)
    if language == "it":
        window.key("language")
    banner = window.page.locator("#banners .alarm")
    expect(banner).to_contain_text({"en": "The journal may not hold all", "it": "Al giornale può mancare"}[language])
    banner.locator("a.button").click()
    expect(window.page.locator(".page-journal")).to_contain_text({"en": "is a backup", "it": "copia di sicurezza"}[language])
    window.key("journal-accept")
    expect(window.page.locator("#journal-by")).to_be_focused()
    window.page.locator("#journal-by").fill("Anna")
    window.page.locator("#journal-note").fill("compared")
    window.key("journal-accept")
    window.page.locator("#dialog button.danger").click()
    expect(window.page.locator(".page-journal form")).to_have_count(0)
    expect(window.page.locator(".page-journal")).to_contain_text("Anna")
    expect(banner).to_have_count(0)
    window.begin("purchase", "6.50")
    window.verdict("approved")


def test_who_may_only_read_sees_the_doubt_and_no_form(restored: Till, visits: Callable[..., Visit]) -> None:
    window = visits(restored.url)
    window.log_in(restored.house.daemon.tokens.read)
    window.go("journal")
    expect(window.page.locator(".page-journal .note")).to_be_visible()
    expect(window.page.locator(".page-journal form")).to_have_count(0)
