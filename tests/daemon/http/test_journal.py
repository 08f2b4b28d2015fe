"""A journal in doubt over HTTP: shown everywhere, and accepted by a person."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ecrlan.journal import Journal
from tests.daemon.house import error_of, house

ACCEPTANCE = {"by": "Anna", "note": "compared with the terminal's list"}


@pytest.fixture
def restored(tmp_path: Path) -> Path:
    """A folder whose journal is a backup."""
    with closing(Journal(tmp_path / "original.db", inline=True)) as journal:
        journal.backup(tmp_path / "till.db")
    return tmp_path


async def test_a_journal_in_order(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        told = await till.get("/v1/journal")
        assert told == {"file": str(tmp_path / "till.db"), "epoch": 1, "failed": None, "doubt": None, "accepted": None}
        error_of(await till.post("/v1/journal/accept", **ACCEPTANCE), 409, "refused")  # type: ignore[arg-type]


async def test_a_journal_in_doubt_stops_money_and_is_seen_everywhere(restored: Path) -> None:
    async with house(restored) as till:
        told = await till.get("/v1/journal")
        assert (told["doubt"]["code"], told["accepted"]) == ("backup", None)
        assert "copia di sicurezza" in (await till.get("/v1/journal", lang="it"))["doubt"]["text"]
        error = error_of(await till.begin(20, kind="purchase", amount=650), 409, "journal_doubtful")
        assert "ecrlan journal accept" in error["message"]
        assert (await till.client.post("/v1/terminals/till-1/status")).json()["outcome"] == "done"
        health = await till.client.get("/healthz")
        assert (health.status_code, health.json()["status"], health.json()["problem"]) == (503, "failing", "journal_doubtful")
        assert (await till.get("/v1/register"))["journal"].startswith("doubtful: ")
        assert "ecrlan_alarms_active 1.0" in (await till.client.get("/metrics")).text
        ((alarm),) = (await till.get("/v1/alarms"))["alarms"]
        assert (alarm["name"], alarm["terminal"], alarm["reference"]) == ("journal_doubtful", None, None)
        assert "is a backup" in alarm["text"]
        error_of(await till.client.post(f"/v1/alarms/{alarm['id']}/dismiss"), 409, "refused")
        assert till.daemon.journal_failure is None, "a supervisor that restarts the daemon helps nothing"


async def test_a_person_accepts_it(restored: Path) -> None:
    async with house(restored) as till:
        for wrong in ({}, {"by": "Anna"}, {"note": "x"}, {"by": " ", "note": "x"}, {"by": "Anna", "note": "x" * 201}):
            error_of(await till.post("/v1/journal/accept", **wrong), 422, "invalid_value")  # type: ignore[arg-type]
        till.client.headers["Authorization"] = f"Bearer {till.daemon.tokens.read}"
        error_of(await till.post("/v1/journal/accept", **ACCEPTANCE), 403, "forbidden")  # type: ignore[arg-type]
        till.client.headers["Authorization"] = f"Bearer {till.daemon.tokens.operate}"
        answer = await till.post("/v1/journal/accept", **ACCEPTANCE)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["doubt"]) == (200, None)
        assert answer.json()["accepted"].items() >= ACCEPTANCE.items()
        assert (await till.get("/v1/alarms"))["alarms"] == []
        assert (await till.get("/healthz"))["status"] == "ok"
        assert (await till.get("/v1/register"))["journal"] == "ok"
        assert (await till.begin(20, kind="purchase", amount=650)).json()["outcome"] == "approved"
