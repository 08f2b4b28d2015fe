"""`ecrlan token`: what opens the daemon's HTTP API and console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.exits import Exit
from ecrlan.daemon.tokens import read_token, token_file
from ecrlan.errors import RegisterError

if TYPE_CHECKING:
    from ecrlan.daemon.tokens import Role


@click.command()
@click.option("--read", "only_read", is_flag=True, help="The token that may look, and do nothing.")
@click.option("--config", metavar="FILE", help="The settings file.")
def token(*, only_read: bool, config: str | None) -> Exit:
    """Print the daemon's token, for the console and for programs: `Authorization: Bearer TOKEN`.

    It stands in a file beside the journal, made when the daemon first starts. To have another: delete the file, restart the daemon.
    """
    role: Role = "read" if only_read else "operate"
    file = token_file(chosen_settings(config).journal, role)
    try:
        click.echo(read_token(file))
    except FileNotFoundError:
        raise RegisterError(("no_token_yet", {"path": str(file)})) from None
    return Exit.DONE
