"""Exit codes: what a till's program reads first."""

from __future__ import annotations

import errno
import json
import os
import sys
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from ecrlan.errors import EcrlanError, InvalidValueError, OperationsWithoutTerminalError, UnknownTerminalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecrlan.model import Operation


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
