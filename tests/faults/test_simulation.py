"""The simulation: a share of its schedules here, all of them where ECRLAN_SCHEDULES says so."""

from __future__ import annotations

import os

import pytest

from tests.faults.incidents import EVERY, KINDS, REST
from tests.faults.schedule import BOTH
from tests.faults.simulation import corpus, run_range, run_seeds, simulate
from tests.faults.table import CLASSES
from tests.faults.truth import Witness
from tests.faults.world import WrongError

SCHEDULES = int(os.environ.get("ECRLAN_SCHEDULES", "120"))
WITH_INCIDENTS = 300
"""Schedules with incidents in which every kind of them must happen."""
PARTS = 4
"""Tests side by side with `-n auto`."""
AIM = 0.02


def test_past_failures_stay_mended() -> None:
    _, wrong = run_seeds(corpus())
    assert not wrong


@pytest.mark.parametrize("part", range(PARTS))
def test_no_outcome_is_ever_wrong(part: int) -> None:
    size = SCHEDULES // PARTS
    table, wrong = run_seeds(list(range(part * size, (part + 1) * size)))
    print(table.text())
    assert not wrong
    assert table.schedules == size
    assert table.kills > size / 4
    assert {reason for reason, _ in table.reasons} <= set(CLASSES.values()), "each class says why there was no proof"
    assert all(len(line) <= 100 for line in table.text().splitlines())
    if table.mix[BOTH[0]] > 1000:
        assert table.share(BOTH[0]) < AIM + 0.005, "a needless unresolved outcome is a fault of the design"


@pytest.mark.long
def test_every_kind_of_incident_happens() -> None:
    table, wrong = run_seeds(list(range(REST, EVERY * WITH_INCIDENTS, EVERY)))
    assert not wrong
    assert table.with_incidents == table.schedules == WITH_INCIDENTS
    assert [kind for kind in KINDS if not table.kinds[kind]] == []
    assert set(table.kinds) <= set(KINDS)
    assert all(len(line) <= 100 for line in table.text().splitlines())
    assert {reason for _, reason in table.left_of_kind} <= set(CLASSES.values()), "each class says why there was no proof"


def test_a_schedule_follows_from_its_seed() -> None:
    tables = [run_seeds([7, 8, 9])[0] for _ in range(2)]
    assert tables[0].text() == tables[1].text()


def test_processes_add_up() -> None:
    alone, _ = run_seeds([1, 2, 3])
    both, _ = run_range([1, 2, 3], 2)
    assert alone.text() == both.text()


def test_a_wrong_outcome_tells_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Witness, "faults_of", lambda *_: ["sabotage"])
    with pytest.raises(WrongError, match=r"seed 4: .*sabotage"):
        simulate(4)
