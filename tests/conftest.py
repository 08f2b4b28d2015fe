"""Which event loop the tests run on: `--loop asyncio` (the default) or `--loop uvloop`, where the extra `fast` or `tests` is installed."""

from __future__ import annotations

import asyncio
import importlib.util

import pytest

LOOPS = ("asyncio", "uvloop")
LONG_FIXTURES = frozenset({"browser", "serve_process", "demo_process"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--loop", choices=LOOPS, default="asyncio", help="event loop of every test, but for those with a loop of their own")


def pytest_configure(config: pytest.Config) -> None:
    """Set the policy that makes every loop: pytest-asyncio's, that of `asyncio.run` in a command, and those of threads."""
    if config.getoption("loop") == "uvloop":
        if importlib.util.find_spec("uvloop") is None:
            raise pytest.UsageError("--loop uvloop: uvloop is not installed (extra `fast`)")
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as long what starts a browser, or a daemon in a process of its own."""
    for item in items:
        if LONG_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.long)


def pytest_report_header(config: pytest.Config) -> str:
    return f"event loop: {config.getoption('loop')}"
