"""structlog for the command line: key-values on standard error; JSON lines where no person reads."""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

import structlog

from ecrlan.cli.exits import pipe_may_close

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""By how often `--verbose` was given."""


class _StandardError:
    """Standard error as the log uses it: a line that nobody reads any more fails nothing of what it tells about."""

    def write(self, text: str) -> None:
        """Write."""
        with pipe_may_close():
            sys.stderr.write(text)

    def flush(self) -> None:
        """Write what is buffered."""
        with pipe_may_close():
            sys.stderr.flush()


def configure_logging(verbose: int, *, shown_to_people: bool = True) -> None:
    """Send log events to standard error: warnings, and more with each `--verbose`.

    Where what matters is `shown_to_people` anyhow, nothing is logged unless `--verbose` asks for it.
    """
    level = logging.CRITICAL if shown_to_people and not verbose else LEVELS[max(0, min(verbose - shown_to_people, len(LEVELS) - 1))]
    readable = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer(colors=readable) if readable else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
    )
