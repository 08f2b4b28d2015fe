"""The daemon about itself."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

import ecrlan
from ecrlan.model import Code, Evidence
from tests.daemon.house import REGISTER, error_of, house


async def test_a_sign_of_life(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        assert await till.get("/healthz") == {"status": "ok", "version": ecrlan.__version__}


async def test_the_register(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        document = await till.get("/v1/register")
        assert document["cash_register_id"] == "00000001"
        assert (document["listen"], document["journal"], document["demo"], document["role"]) == (None, "ok", False, "operate")
        assert all(not address.startswith("127.") for address in document["addresses"])


async def test_looking_up_the_machines_name_delays_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as till:
        found = threading.Event()

        def slow() -> list[str]:
            assert found.wait(20)
            return ["192.168.1.10"]

        monkeypatch.setattr("ecrlan.daemon.daemon.own_addresses", slow)
        asking = asyncio.create_task(till.get("/v1/register"))
        await asyncio.sleep(0)
        assert (await till.begin(20, kind="purchase", amount=650)).json()["outcome"] == "approved"
        found.set()
        assert (await asking)["addresses"] == ["192.168.1.10"]


async def test_metrics(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        await till.begin(20, kind="purchase", amount=650)
        answer = await till.client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert 'ecrlan_operations_total{kind="purchase",outcome="approved",terminal="till-1"} 1.0' in answer.text
        commits = next(line for line in answer.text.splitlines() if line.startswith("ecrlan_journal_commit_seconds_count"))
        assert float(commits.split()[1]) >= 2


async def test_reload(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        daemon = "[daemon]\nhealth_interval = 0\nstop_timeout = 5\n"
        till.write_settings(REGISTER + daemon + till.terminal_settings() + till.terminal_settings("till-2", port=1))
        done = (await till.client.post("/v1/reload")).json()
        assert done == {"added": ["till-2"], "changed": [], "removed": [], "unchanged": ["till-1"], "waiting": [], "restart_needed": []}
        till.write_settings(REGISTER + daemon + "requests_at_once = 9\n" + till.terminal_settings("till-2", queue_length=7))
        done = (await till.client.post("/v1/reload")).json()
        assert (done["changed"], done["removed"], done["restart_needed"]) == (["till-2"], ["till-1"], ["daemon.requests_at_once"])
        assert [each["name"] for each in (await till.get("/v1/terminals"))["terminals"]] == ["till-2"]
        assert (await till.begin(20, terminal="till-2", kind="purchase", amount=650)).json()["outcome"] == "approved"


async def test_wrong_settings_change_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        for wrong in ("nonsense", REGISTER + till.terminal_settings(prot=1), REGISTER + '[daemon]\nhttp = ""\n'):
            till.write_settings(wrong)
            error_of(await till.client.post("/v1/reload"), 422, "invalid_value")
        (tmp_path / "ecrlan.toml").unlink()
        error_of(await till.client.post("/v1/reload"), 422, "invalid_value")
        assert [each["name"] for each in (await till.get("/v1/terminals"))["terminals"]] == ["till-1"]


async def test_alarms(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        raised = till.daemon.alarms.raise_("hand_use", Evidence(Code.USED_BY_HAND, {"stan": "000042"}), "till-1")
        assert await till.get("/v1/alarms") == {"alarms": [raised]}
        answer = await till.client.post(f"/v1/alarms/{raised['id']}/dismiss")
        assert (answer.status_code, answer.json()["active"]) == (200, False)
        assert (await till.get("/v1/alarms"))["alarms"] == []
        error_of(await till.client.post(f"/v1/alarms/{raised['id']}/dismiss"), 404, "not_found")


async def test_without_demo_there_is_no_screen(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        error_of(await till.client.get("/v1/demo/screen"), 404, "not_found")
        error_of(await till.post("/v1/demo/press", button="card"), 404, "not_found")
        error_of(await till.post("/v1/demo/press", button="green"), 422, "invalid_value")
