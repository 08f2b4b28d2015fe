"""Loggers that import structlog at their first use."""

from __future__ import annotations

import subprocess
import sys

import structlog
from structlog.testing import capture_logs

from ecrlan.logger import Logger, load


def test_what_is_logged():
    log = Logger("somewhere")
    with capture_logs() as logged:
        log.warning("line.lost", terminal="pos-1")
        log.info("line.open")
    assert logged == [
        {"event": "line.lost", "terminal": "pos-1", "log_level": "warning"},
        {"event": "line.open", "log_level": "info"},
    ]


def test_structlog_is_loaded():
    assert load() is structlog


def test_a_register_is_named_without_structlog_and_construct_and_opened_with_structlog():
    code = """
import sys, asyncio, ecrlan
register = ecrlan.Register()
print([name for name in ("structlog", "construct", "pydantic", "rich") if name in sys.modules])
asyncio.run(register.open())
print([name for name in ("structlog", "construct", "pydantic") if name in sys.modules])
"""
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ended.stdout.splitlines() == ["[]", "['structlog']"]
