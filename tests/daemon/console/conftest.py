"""A browser, and a daemon in a thread of its own with an emulated terminal behind it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

from tests.daemon.house import House, house
from tests.threads import in_thread


class Till:
    """A house in a thread, as a browser's test sees it."""

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop) -> None:
        self.house = house
        self._loop = loop

    def do(self, act: Callable[[House], Any]) -> Any:
        """Do something on the daemon's loop, and return what it returned."""

        async def done() -> Any:
            return act(self.house)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(20)

    @property
    def url(self) -> str:
        assert self.house.server is not None
        return self.house.server.url

    @property
    def token(self) -> str:
        return self.house.daemon.tokens.operate

    def charged(self) -> list[int]:
        """What customers have paid, in cents, one number for each."""
        return [entry.amount for entry in self.do(lambda house: list(house.emulated.ledger))]


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    options = {"longest_payment_time": 0.2, "standalone_use": "false", "print_on_register": "true"}
    with in_thread(lambda: house(tmp_path, sockets=True, **options)) as (opened, loop):
        yield Till(opened, loop)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("ECRLAN_TESTS_NEED_DEBIAN") == "1":
            pytest.fail("chromium is missing, and ECRLAN_TESTS_NEED_DEBIAN=1 asks for it")
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """One browser window on a console; what must never happen there is noted."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.problems: list[str] = []
        self.refusals: list[str] = []
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on("request", lambda request: self._request(request.url))
        self.page.on("response", self._response)

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "the server responded with a status of" not in text:  # refusals are noted below
            self.problems.append(f"{kind}: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:", "blob:")) and url != self.url:
            self.problems.append(f"request to another origin: {url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.refusals.append(f"{response.status} {response.url.removeprefix(self.url)}")

    def log_in(self, token: str) -> None:
        self.page.goto(f"{self.url}/")
        self.page.get_by_label("Token").fill(token)
        self.page.keyboard.press("Enter")
        self.page.locator("nav a").first.wait_for()

    def go(self, place: str) -> None:
        self.page.goto(f"{self.url}/#/{place}")

    def key(self, name: str) -> None:
        """Click what has this key."""
        self.page.locator(f"[data-key='{name}']").click()

    def begin(self, kind: str, amount: str | None = None) -> None:
        self.go("new")
        self.key(f"kind-{kind}")
        if amount is not None:
            self.page.locator("#new-amount").fill(amount)
        self.key("send")

    def verdict(self, outcome: str) -> str:
        """Wait for an outcome, and return what is told with it."""
        found = self.page.locator(f".verdict.{outcome}")
        found.wait_for()
        return found.inner_text()


@pytest.fixture
def visits(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a window: `visits(url, **options of the browser's context)`."""
    opened: list[Visit] = []
    contexts: list[BrowserContext] = []

    def open_window(url: str, **options: Any) -> Visit:
        context = browser.new_context(locale="en-GB", timezone_id="Europe/Rome", **options)
        contexts.append(context)
        opened.append(Visit(context, url))
        return opened[-1]

    yield open_window
    for context in contexts:
        context.close()
    assert [problem for visit in opened for problem in visit.problems] == []


@pytest.fixture
def visit(till: Till, visits: Callable[..., Visit]) -> Visit:
    window = visits(till.url)
    window.log_in(till.token)
    return window
