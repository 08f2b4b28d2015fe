"""The event loops that a test of sockets runs on by itself, whatever `--loop` says (conftest.py)."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

Result = TypeVar("Result")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

EVERY_LOOP: list[Any] = [pytest.param(asyncio.SelectorEventLoop, id="asyncio")]
"""Values of `loop_factory`: asyncio's loop, and uvloop's where it is installed."""
if importlib.util.find_spec("uvloop") is not None:
    import uvloop

    EVERY_LOOP.append(pytest.param(uvloop.new_event_loop, id="uvloop"))


def same_loop() -> str:
    """Return Python that keeps a daemon's process from uvloop where this process does not use it: it takes uvloop wherever it is."""
    try:
        loop: object = asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.get_event_loop_policy()
    return "" if type(loop).__module__.startswith("uvloop") else "import sys; sys.modules['uvloop'] = None; "


def run_on(loop_factory: LoopFactory, main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)
