"""Demo mode as a new user meets it: the customer's keys beside the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.server import Server
from ecrlan.settings import Settings
from tests.daemon.console.conftest import Visit
from tests.threads import in_thread

THINK_SECONDS = 20.0
"""Time enough for the test to press a button."""


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """The address and the token of a demo whose terminal starts again sooner, and is given up sooner."""
    monkeypatch.setattr("ecrlan.daemon.demo.REBOOT_SECONDS", 0.5)
    monkeypatch.setattr("ecrlan.daemon.demo.SPARE_SECONDS", 1.0 - THINK_SECONDS)
    settings = Settings.load(None, {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)})

    @asynccontextmanager
    async def serve() -> AsyncIterator[Server]:
        async with Daemon(settings, demo=True, think_seconds=THINK_SECONDS) as daemon, Server(daemon, "127.0.0.1:0") as server:
            yield server
            server.hurry()

    with in_thread(serve) as (server, _):
        yield server.url, server.daemon.tokens.operate


@pytest.mark.long
def test_the_customer_pays_declines_and_pulls_the_plug(demo: tuple[str, str], visits: Callable[..., Visit]) -> None:
    window = visits(demo[0])
    window.log_in(demo[1])
    device = window.page.locator("#device")
    window.begin("purchase", "6.50")
    expect(device).to_contain_text("INSERIRE CARTA")
    window.key("device-card")
    expect(device).to_contain_text("DIGITARE PIN")
    window.key("device-pin")
    window.verdict("approved")
    expect(device).to_contain_text("Really charged: 6.50 €")
    window.begin("purchase", "7.50")
    expect(device).to_contain_text("INSERIRE CARTA")
    window.key("device-red")
    window.verdict("declined")
    window.begin("purchase", "8.50")
    expect(device).to_contain_text("INSERIRE CARTA")
    window.key("device-plug")
    window.verdict("unresolved")
    expect(device).to_contain_text("Really charged: 6.50 €")
