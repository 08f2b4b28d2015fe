"""The command line: thin commands, each in a module that is imported when it is called."""

from __future__ import annotations

import sys

from ecrlan.cli.group import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command line and leave with its exit code (see `ecrlan.cli.exits`)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a receipt must not fail on a console that knows no box characters
            stream.reconfigure(errors="replace")
    cli.main(prog_name="ecrlan")
