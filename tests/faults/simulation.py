"""Money under every fault at once, as schedules that follow from a seed: register, journal, network and terminal in one world.

    python -m tests.faults.simulation --seeds 0:20000 --processes 2

runs the corpus of past failures first, then the seeds, and prints what was left unresolved, and why. One seed in three has incidents
(`incidents`): what they met is told apart. A schedule that shows a wrong outcome raises `WrongError` with its seed.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import structlog

from tests.faults.schedule import Past, Settings, settings_of
from tests.faults.stage import Stage
from tests.faults.table import Report, Table
from tests.faults.world import WrongError

CORPUS = Path(__file__).with_name("corpus.txt")
CHUNK = 250


def simulate(seed: int, settings: Settings | None = None) -> Report:
    """Play the schedule of `seed` and compare every outcome with the terminal's ledger. Raises `WrongError` with the seed."""
    settings = settings or settings_of(seed)
    with tempfile.TemporaryDirectory(prefix="ecrlan-", dir=_folder()) as folder:
        try:
            return Stage(seed, settings, Path(folder)).play()
        except WrongError as error:
            raise WrongError(f"seed {seed}: {error}") from None
        except Exception as error:
            raise WrongError(f"seed {seed}: {type(error).__name__}: {error}") from error


def corpus() -> list[int]:
    """Return the seeds of past failures; one with a `+` stands for a schedule with everything that is drawn today."""
    words = [line.split()[0] for line in CORPUS.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [int(word) if word.startswith("+") else Past(word) for word in words]


@contextmanager
def silence() -> Iterator[None]:
    """Keep logs quiet: thousands of lost lines are what the simulation is for."""
    before, disabled = structlog.get_config(), logging.root.manager.disable
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.disable(disabled)


def _folder() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112  # a real file, without a disk's wear


def run_seeds(seeds: list[int]) -> tuple[Table, list[str]]:
    """Play many schedules; return their table and what was found wrong."""
    table, wrong = Table(), []
    with silence():
        for seed in seeds:
            try:
                table.add(simulate(seed))
            except WrongError as error:
                wrong.append(str(error))
    return table, wrong


def run_range(seeds: list[int], processes: int) -> tuple[Table, list[str]]:
    """Like `run_seeds`, on several processes."""
    if processes == 1:
        return run_seeds(seeds)
    table, wrong = Table(), []
    with ProcessPoolExecutor(processes) as pool:
        for part, found in pool.map(run_seeds, [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]):
            table.merge(part)
            wrong += found
    return table, wrong


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0:1000", help="FROM:TO, TO exclusive")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    start, _, end = options.seeds.partition(":")
    began = time.perf_counter()
    seeds = [*corpus(), *range(int(start), int(end or int(start) + 1))]
    table, wrong = run_range(seeds, options.processes)
    print(table.text())
    print(f"{len(seeds)} schedules, {len(wrong)} wrong, {time.perf_counter() - began:.0f} s")
    for text in wrong[:50]:
        print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
