"""How a command ends: exit codes, what a till's program reads first; and what it logs to standard error."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, TextIO, cast

import click

from ecrlan.errors import EcrlanError, InvalidValueError, OperationsWithoutTerminalError, UnknownTerminalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecrlan.model import Operation

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""By how often `--verbose` was given."""


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    """Approved, or done."""
    DECLINED = 1
    USAGE = 2
    NOT_PERFORMED = 3
    """Not performed, or refused: no money moved."""
    UNRESOLVED = 4
    """Nobody can say yet whether money moved."""
    INTERNAL = 70
    """An error of ecrlan itself."""


_OUTCOMES = {
    "approved": Exit.DONE,
    "done": Exit.DONE,
    "declined": Exit.DECLINED,
    "not_performed": Exit.NOT_PERFORMED,
    "unresolved": Exit.UNRESOLVED,
}


def exit_of_operation(operation: Operation) -> Exit:
    """Return the exit code of an operation; one without an outcome yet is unresolved."""
    return _OUTCOMES[operation.outcome.outcome] if operation.outcome is not None else Exit.UNRESOLVED


def exit_of_error(error: EcrlanError) -> Exit:
    """Return the exit code of an exception that ecrlan raised on purpose."""
    if isinstance(error, InvalidValueError | OperationsWithoutTerminalError | UnknownTerminalError):
        return Exit.USAGE
    return Exit.NOT_PERFORMED if error.sent == "no" else Exit.UNRESOLVED


def print_error(code: str, message: str, sent: str, *, as_json: bool, head: str = "Error: ") -> None:
    """Print an error in the one shape of all errors (interfaces.md, "Errors"), or for people on standard error behind `head`."""
    with pipe_may_close():
        if as_json:
            click.echo(json.dumps({"error": {"code": code, "message": message, "sent": sent}}))
        else:
            click.secho(f"{head}{message}", fg="red", err=True)


def reader_left(error: BaseException, platform: str = sys.platform) -> bool:
    """Tell whether `error` says that nobody reads our output any more.

    Windows says so by EINVAL (22); an error about a file, which may have that number too, names its file, and one of a socket has another.
    """
    if isinstance(error, BrokenPipeError):
        return True
    return platform == "win32" and isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None


@contextmanager
def pipe_may_close() -> Iterator[None]:
    """Print on, though nobody may read any more (`ecrlan … | head`): the exit code counts, whoever has left."""
    try:
        yield
    except OSError as error:
        if not reader_left(error):
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError as unwritten:  # what is still buffered must not fail at exit
                if not reader_left(unwritten):
                    raise
                os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


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
    import structlog  # noqa: PLC0415 - not where the group of commands is imported

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
