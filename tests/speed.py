"""How slow this machine is: limits of CPU time are those of a machine on which they were set."""

from __future__ import annotations

import time

ADDITIONS = 300_000
REFERENCE_MS = 10.2
"""Milliseconds that so many additions in a loop took there (two cores of a small virtual machine)."""


def slowness() -> float:
    """Return how many times longer Python takes here; 1.0 on a machine that is as quick, or quicker."""
    return max(1.0, min(_additions() for _ in range(9)) / REFERENCE_MS)


def _additions() -> float:
    begun, total = time.thread_time(), 0
    for number in range(ADDITIONS):
        total += number
    return 1e3 * (time.thread_time() - begun)
