"""The tests run on the event loop that `--loop` names (conftest.py)."""

from __future__ import annotations

import asyncio

import pytest

from ecrlan.blocking import _Loop


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
