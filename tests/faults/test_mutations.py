"""The simulation sees: one-line sabotages of register, exchange, recovery and journal, each caught within 2,000 schedules.

`sabotages.txt` names a schedule that catches each: it is played first, and the others only where it does not catch it any more.

    python -m tests.faults.test_mutations > tests/faults/sabotages.txt

finds them anew. Where ECRLAN_SABOTAGES is `search`, the schedules are played from the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.incident_sabotages import INCIDENT_SABOTAGES
from tests.faults.incidents import EVERY, REST
from tests.faults.sabotages import SABOTAGES, Patch
from tests.faults.simulation import silence, simulate
from tests.faults.world import WrongError

SCHEDULES = 2000
KNOWN = Path(__file__).with_name("sabotages.txt")
SEARCH = os.environ.get("ECRLAN_SABOTAGES") == "search"
EVERY_SABOTAGE = (*SABOTAGES, *INCIDENT_SABOTAGES)


def known_catches() -> dict[str, int]:
    """Return the schedule that was seen to catch a sabotage, by the sabotage's name."""
    lines = [line.split() for line in KNOWN.read_text("utf-8").splitlines()]
    return {name: int(seed) for name, seed in lines}


def catches(sabotage: Callable[[Patch], None], seed: int) -> bool:
    """Play one schedule with the sabotage, and tell whether a wrong outcome was seen."""
    with Patch.context() as patch, silence():
        sabotage(patch)
        try:
            simulate(seed)
        except WrongError:
            return True
    return False


def first_catch(sabotage: Callable[[Patch], None]) -> int | None:
    """Return the first schedule that catches the sabotage, of those with incidents where it takes one; None where 2,000 do not."""
    seeds = range(REST, EVERY * SCHEDULES, EVERY) if sabotage in INCIDENT_SABOTAGES else range(SCHEDULES)
    return next((seed for seed in seeds if catches(sabotage, seed)), None)


@pytest.mark.long
@pytest.mark.parametrize("sabotage", EVERY_SABOTAGE)
def test_a_sabotage_is_caught(sabotage: Callable[[Patch], None]) -> None:
    known = None if SEARCH else known_catches().get(sabotage.__name__)
    if known is None or not catches(sabotage, known):
        found = first_catch(sabotage)
        print(f"{sabotage.__name__} {found}")
        assert found is not None, f"{sabotage.__name__} was not caught within {SCHEDULES} schedules"


if __name__ == "__main__":
    for each in EVERY_SABOTAGE:
        print(each.__name__, first_catch(each), flush=True)
