from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, UnknownReferenceError
from ecrlan.model import Approved
from ecrlan.register import Register
from ecrlan.register.register import local_clock
from tests.daemon.house import until

DAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


async def spend_a_day(folder: Path, now: datetime, *, backups: int = 7, retention_days: int = 0, purchase: bool = False) -> None:
    async with Register(folder / "till.db", backups=backups, retention_days=retention_days, clock=lambda: now) as register:
        if purchase:
            await register.dial("till-1", "127.0.0.1", 1).purchase(650, reference="sale-1")


async def test_a_backup_a_day_and_the_last_seven(tmp_path: Path) -> None:
    for day in range(9):
        for _ in range(2):
            await spend_a_day(tmp_path, DAY + timedelta(days=day), purchase=day == 0)
    backups = sorted((tmp_path / "backups").iterdir())
    assert len(backups) == 7
    with closing(sqlite3.connect(backups[-1])) as copy:
        assert copy.execute("SELECT reference FROM operations").fetchall() == [("sale-1",)]


async def test_the_backup_of_a_day_is_made_anew_after_the_session_was_closed(tmp_path: Path) -> None:
    async with EmulatorServer(EmulatedTerminal(clock=local_clock)) as server, Register(tmp_path / "till.db", clock=lambda: DAY) as register:
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        assert isinstance((await terminal.purchase(650, reference="sale-1")).outcome, Approved)
        await terminal.close_session()
        await until(lambda: _holding(tmp_path / "backups", "sale-1"))
    assert [backup.name for backup in _holding(tmp_path / "backups", "sale-1")] == ["till-2026-11-23.db"]


def _holding(folder: Path, reference: str) -> list[Path]:
    found = []
    for path in folder.glob("*.db"):
        with closing(sqlite3.connect(path)) as copy:
            if copy.execute("SELECT 1 FROM operations WHERE reference = ?", (reference,)).fetchone():
                found.append(path)
    return found


async def test_no_backup_where_none_is_wanted(tmp_path: Path) -> None:
    await spend_a_day(tmp_path, DAY, backups=0)
    assert not (tmp_path / "backups").exists()


async def test_old_operations_go_and_their_references_stay(tmp_path: Path) -> None:
    await spend_a_day(tmp_path, DAY, purchase=True)
    await spend_a_day(tmp_path, DAY + timedelta(days=40), retention_days=30)
    async with Register(tmp_path / "till.db") as register:
        with pytest.raises(UnknownReferenceError):
            register.operation("sale-1")
        assert register.journal.known("sale-1") is not None


@pytest.mark.parametrize("option", ["backups", "retention_days"])
def test_bad_numbers(option: str) -> None:
    with pytest.raises(InvalidValueError, match=f"{option}: -1 is not allowed; allowed: 0 to 36500"):
        Register(**{option: -1})  # type: ignore[arg-type]
