"""The command line: thin commands, each in a module that is imported when it is called."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import ecrlan

if TYPE_CHECKING:
    import click

    from ecrlan.cli.group import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line and leave with its exit code (see `ecrlan.cli.exits`)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a receipt must not fail on a console that knows no box characters
            stream.reconfigure(errors="replace")
    if sys.argv[1:] == ["--version"] and _version_is_told():
        return
    __getattr__("cli").main(prog_name="ecrlan")


def _version_is_told() -> bool:
    """Print the version as `--version` of the group does, without it: importing click takes twice as long as starting Python."""
    try:
        sys.stdout.write(f"ecrlan {ecrlan.__version__}\n")
        sys.stdout.flush()
    except OSError:  # nobody reads: the group knows what to do then
        return False
    return True


def __getattr__(name: str) -> click.Group:
    """Import the group of all commands at its first use."""
    if name != "cli":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ecrlan.cli.group import cli  # noqa: PLC0415 - the reason for this function

    return cli
