"""Loggers for parts that are imported at every start: structlog, which takes ten times as long to import as Python to start, comes later.

It is imported by `load`, which a register calls before it opens a line, or else when something is logged for the first time.
"""

from __future__ import annotations

import traceback
from importlib import import_module
from typing import Any, Final

MOST_PLACES: Final = 12


class Logger:
    """What `structlog.get_logger(name)` returns, from its first use on."""

    def __init__(self, name: str) -> None:
        """Take the name of the module that logs."""
        self._name = name

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - structlog's own, which says the same
        """Return structlog's method; not kept, for structlog may be configured at any time."""
        return getattr(load().get_logger(self._name), method)


def load() -> Any:  # noqa: ANN401 - a module, whose functions structlog does not type either
    """Import structlog, if it is not yet, and return it."""
    return import_module("structlog")


def trace_of(error: BaseException) -> list[str]:
    """Return the innermost places that `error` went through, outermost first, and its type: lines of code, never values.

    For tokens and card data are among those.
    """
    frames = traceback.extract_tb(error.__traceback__)[-MOST_PLACES:]
    return [*(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames), type(error).__name__]
