"""Every page in light and dark, at a desk's and at a till's size; ECRLAN_SCREENSHOTS names the folder that keeps the pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from ecrlan.daemon.http import manual
from tests.daemon.console.conftest import Till, Visit

SIZES = ((1280, 800), (800, 600))
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
Show = Callable[[tuple[int, int], Theme], tuple[Visit, Callable[[str], None]]]
PAGES = ("terminals", "new", "operations", "desk", "frames", "setup")


@pytest.fixture
def shown(tmp_path: Path, till: Till, visits: Callable[..., Visit]) -> Show:
    """Open a window of a size and theme; returns it and what takes a picture of it."""
    folder = Path(os.environ.get("ECRLAN_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def show(size: tuple[int, int], theme: Theme) -> tuple[Visit, Callable[[str], None]]:
        window = visits(till.url, viewport={"width": size[0], "height": size[1]}, color_scheme=theme)

        def take(name: str) -> None:
            check_layout(window.page)
            window.page.screenshot(path=folder / f"{name}-{theme}-{size[0]}.png")

        return window, take

    return show


def check_layout(page: Page) -> None:
    """Nothing stands beyond the window's right edge, and every control has a name."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    nameless = "button, a, input:not([type=hidden]), select, textarea"
    unnamed = page.evaluate(
        """(wanted) => [...document.querySelectorAll(wanted)].filter((control) => control.checkVisibility()
            && !(control.textContent.trim() || control.ariaLabel || control.title || control.labels?.length))
            .map((control) => control.outerHTML)""",
        nameless,
    )
    assert unnamed == []


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_pages(size: tuple[int, int], theme: Theme, till: Till, shown: Callable[..., tuple[Visit, Callable[[str], None]]]) -> None:
    window, take = shown(size, theme)
    window.page.goto(f"{window.url}/")
    window.page.get_by_label("Token").wait_for()
    take("login")
    window.log_in(till.token)
    for name in (*PAGES, "journal"):
        window.go(name)
        expect(window.page.locator(f".page-{name}")).to_be_visible()
        take(name)
    window.begin("purchase", "6.50")
    window.verdict("approved")
    take("approved")
    window.page.get_by_role("link", name="Details").click()
    expect(window.page.locator(".page-operation")).to_contain_text("…4242")
    take("operation")
    till.do(lambda house: house.emulated.faults.set("drop_after_ack"))
    window.begin("purchase", "12.00")
    window.verdict("unresolved")
    take("unresolved")
    window.key("desk")
    expect(window.page.locator(".look li").first).to_be_visible()
    take("desk-case")
    window.page.goto(f"{window.url}/docs/api")
    expect(window.page.locator("body")).to_contain_text("/v1/terminals/{name}/operations")
    take("docs-api")
    for name in sorted(manual.names() - {"api"}):
        window.page.goto(f"{window.url}/docs/{name}")
        expect(window.page.locator("h1")).to_have_text(manual.title_of(name))
        take(f"docs-{name}")


@pytest.mark.parametrize("document", ["/docs", "/docs/payments.it", "/docs/api"])
def test_the_documentation_leads_to_the_sign_in_form_and_back(till: Till, visits: Callable[..., Visit], document: str) -> None:
    page = visits(till.url).page
    page.goto(f"{till.url}{document}#contents")
    page.get_by_label("Token").fill(till.token)
    page.keyboard.press("Enter")
    expect(page.locator("#contents .home").first).to_be_visible()
    assert page.url == f"{till.url}{document}#contents"
    page.goto(f"{till.url}/?next=https://elsewhere.example/")
    expect(page.locator(".page-terminals")).to_be_visible()
    assert page.url.startswith(till.url)


def test_from_the_help_to_the_documents_to_the_api_reference(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("?")
    page.get_by_role("link", name="Documents and API").click()
    page.locator("main").get_by_role("link", name="API reference").click()
    expect(page.locator("#reference")).to_contain_text("/v1/terminals/{name}/operations")
    page.get_by_role("link", name="Documents").click()
    page.get_by_role("link", name="Italiano").click()
    page.locator("main").get_by_role("link", name="Che cosa può succedere a un pagamento").click()
    expect(page.locator("h1")).to_have_text("Che cosa può succedere a un pagamento")
    page.get_by_role("link", name="Cinque regole per la cassa").click()
    expect(page.get_by_role("heading", name="Cinque regole per la cassa")).to_be_in_viewport()


def test_every_page_is_reached_by_keyboard(visit: Visit) -> None:
    page = visit.page
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.key ?? ''"))
    assert {f"nav-{name}" for name in PAGES} <= reached


def test_a_payment_by_keyboard(till: Till, visit: Visit) -> None:
    visit.go("new")
    expect(visit.page.locator("#new-amount")).to_be_focused()
    visit.page.keyboard.type("6,50")
    visit.page.keyboard.press("Enter")
    visit.verdict("approved")
    assert till.charged() == [650]


def test_texts_of_terminals_are_only_text(till: Till, visit: Visit) -> None:
    till.do(lambda house: setattr(house.emulated, "progress", ("<img src=x>",)))
    till.do(lambda house: setattr(house.emulated, "think_seconds", 2.0))
    visit.begin("purchase", "6.50")
    expect(visit.page.locator("#content")).to_contain_text("<img src=x>")
    visit.verdict("approved")
    assert visit.page.locator("#content img").count() == 0
