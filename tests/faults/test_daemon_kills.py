"""The daemon is killed at random moments while operations started over HTTP are under way; the same references are asked again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.faults.daemon_kills import run_houses
from tests.faults.kills import table

KILLS = int(os.environ.get("ECRLAN_DAEMON_KILLS", "6"))
SEED = int(os.environ.get("ECRLAN_KILLS_SEED", "1"))


@pytest.mark.long
def test_killed_daemons_lose_double_and_invent_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asyncio.run(run_houses(KILLS, SEED, tmp_path))
    with capsys.disabled():
        print(f"\nReal kills of the daemon, seed {SEED}\n{table(rows)}")
    assert sum(figures.kills for figures in rows.values()) == KILLS
    assert not any(figures.wrong for figures in rows.values())
    assert {"no", "yes"} == set(rows)
