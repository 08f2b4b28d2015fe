"""Demo mode: a person plays the customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.demo import Demo
from ecrlan.daemon.http.app import create_app
from ecrlan.register.register import local_clock
from ecrlan.settings import Settings
from tests.daemon.house import HOST, House, error_of


@pytest.fixture
async def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr("ecrlan.daemon.demo.REBOOT_SECONDS", 0.05)
    monkeypatch.setattr("ecrlan.daemon.demo.SPARE_SECONDS", 0.3)
    settings = Settings.load(None, {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path), "ECRLAN_DAEMON__HEALTH_INTERVAL": "0"})
    async with Daemon(settings, demo=True, think_seconds=0.0) as daemon:
        assert daemon.demo is not None
        daemon.demo.terminal.patience_seconds = 60.0
        headers = {"Authorization": f"Bearer {daemon.tokens.operate}"}
        transport = httpx.ASGITransport(create_app(daemon, {HOST}))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=headers) as client:
            yield House(daemon, client, daemon.demo.terminal, daemon.demo._server, tmp_path)
    assert not daemon.journal_file.parent.exists()


async def screen(house: House, state: str) -> dict[str, Any]:
    """Wait until the screen shows this state."""
    await house.until(lambda: house.daemon.demo is not None and house.daemon.demo.screen()["state"] == state)
    shown: dict[str, Any] = await house.get("/v1/demo/screen")
    return shown


async def test_a_customer_pays(demo: House) -> None:
    assert (await screen(demo, "idle"))["lines"][1] == "BENVENUTI"
    await demo.begin(kind="purchase", amount=650, reference="sale-1")
    assert (await screen(demo, "card"))["lines"] == ["INSERIRE CARTA", "EUR 6,50"]
    pressed = (await demo.post("/v1/demo/press", button="card")).json()
    assert (pressed["state"], pressed["lines"][0]) == ("pin", "DIGITARE PIN")
    await demo.post("/v1/demo/press", button="pin")
    operation = await demo.ended("sale-1")
    assert operation["outcome"] == "approved"
    assert any("6,50" in line for line in operation["receipt"])
    shown = await screen(demo, "idle")
    assert (shown["lines"][1], shown["ledger_total"]) == ("TRANSAZIONE ESEGUITA", 650)


async def test_the_red_key(demo: House) -> None:
    await demo.begin(kind="purchase", amount=650, reference="sale-1")
    await screen(demo, "card")
    await demo.post("/v1/demo/press", button="red")
    operation = await demo.ended("sale-1")
    assert (operation["outcome"], operation["reason"]) == ("declined", "OPERAZIONE ANNULLATA")
    assert (await screen(demo, "idle"))["lines"][1] == "OPERAZIONE ANNULLATA"


async def test_the_plug(demo: House) -> None:
    await demo.begin(20, kind="status")
    demo.emulated.patience_seconds = 0.0
    await demo.begin(20, kind="purchase", amount=100)
    demo.emulated.patience_seconds = 60.0
    await demo.begin(kind="purchase", amount=650, reference="sale-1")
    await screen(demo, "card")
    assert (await demo.post("/v1/demo/press", button="plug")).json()["state"] == "off"
    assert (await demo.ended("sale-1"))["outcome"] == "unresolved"
    assert (await screen(demo, "idle"))["ledger_total"] == 100
    settled = await demo.post("/v1/operations/sale-1/resolve", outcome="not_performed", by="Anna", note="plug pulled")
    assert settled.json()["outcome"] == "not_performed"


async def test_the_screen_is_an_event(demo: House) -> None:
    told: list[str] = []
    assert demo.daemon.demo is not None
    demo.daemon.demo.on_screen = lambda shown: told.append(shown["state"])
    demo.emulated.patience_seconds = 0.0
    await demo.begin(20, kind="purchase", amount=650)
    await demo.until(lambda: told[-1:] == ["idle"])
    await demo.post("/v1/demo/press", button="plug")
    await demo.until(lambda: told[-1:] == ["idle"] and "off" in told)


async def test_it_goes_on_by_itself(demo: House) -> None:
    demo.emulated.patience_seconds = 0.01
    answer = await demo.begin(20, kind="purchase", amount=650)
    assert answer.json()["outcome"] == "approved"


async def test_a_payment_takes_as_long_as_it_was_told(tmp_path: Path) -> None:
    def waits(demo: Demo) -> tuple[float, float]:
        terminal = demo.terminal
        return 2 * terminal.patience_seconds + terminal.host_seconds, terminal.patience_seconds

    async with Demo(local_clock) as usual, Demo(local_clock, think_seconds=30.0) as slow:
        assert (waits(usual), waits(slow)) == ((3.0, 1.125), (30.0, 11.25))
        assert (usual.settings.longest_payment_time, slow.settings.longest_payment_time) == (8.0, 35.0)
        assert (slow.settings.name, Settings.load(slow.settings_file, {}).journal) == ("till-1", slow.journal)


async def test_buttons_that_nothing_waits_for_do_nothing(demo: House) -> None:
    for button in ("card", "pin", "red"):
        assert (await demo.post("/v1/demo/press", button=button)).json()["state"] == "idle"
    error_of(await demo.post("/v1/demo/press", button="green"), 422, "invalid_value")


async def test_the_register_says_that_it_is_a_demo(demo: House) -> None:
    assert (await demo.get("/v1/register"))["demo"] is True
    done = (await demo.client.post("/v1/reload")).json()
    assert (done["unchanged"], done["changed"]) == (["till-1"], [])
