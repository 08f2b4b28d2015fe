"""The tests run on the event loop that `--loop` names (conftest.py)."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from ecrlan.blocking import _Loop
from tests.loops import same_loop


def package_of(loop: asyncio.AbstractEventLoop) -> str:
    return type(loop).__module__.partition(".")[0]


async def running() -> str:
    return package_of(asyncio.get_running_loop())


async def test_tests_run_on_it(pytestconfig: pytest.Config) -> None:
    assert await running() == pytestconfig.getoption("loop")


def test_commands_run_on_it(pytestconfig: pytest.Config) -> None:
    assert asyncio.run(running()) == pytestconfig.getoption("loop")


def test_the_blocking_register_runs_on_it(pytestconfig: pytest.Config) -> None:
    loop = _Loop()
    try:
        assert loop.call(running()) == pytestconfig.getoption("loop")
    finally:
        loop.close()


def test_a_daemons_process_runs_on_it(pytestconfig: pytest.Config) -> None:
    """The daemon looks for uvloop, and takes it where it finds it (ecrlan/daemon/server.py)."""
    code = same_loop() + "import importlib.util; print('asyncio' if importlib.util.find_spec('uvloop') is None else 'uvloop')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == pytestconfig.getoption("loop")
