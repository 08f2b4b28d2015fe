"""`ecrlan service`: how the daemon becomes a service of the operating system."""

from __future__ import annotations

import re

import click

from ecrlan.cli.exits import Exit
from ecrlan.daemon.units import own_command, systemd_unit, windows_instructions
from ecrlan.errors import InvalidValueError
from ecrlan.settings import Settings

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}\Z")


@click.group()
def service() -> None:
    """Print what makes the daemon a service: started with the machine, watched, and stopped in order."""


@service.command()
@click.option("--config", metavar="FILE", help="The settings file that the service shall have; default: the one that is found now.")
@click.option("--user", default="ecrlan", show_default=True, metavar="NAME", help="The system's user as whom it runs.")
def systemd(*, config: str | None, user: str) -> Exit:
    """Print a unit for systemd; its first lines say how to install it.

    systemd learns when the daemon is ready, restarts it when it hangs or crashes, and when stopping it waits longer than the longest
    payment of the settings.
    """
    if not _USER.match(user):
        raise InvalidValueError("--user", user, ("allowed_user", {}))
    click.echo(systemd_unit(Settings.load(config), command=own_command(), user=user), nl=False)
    return Exit.DONE


@service.command()
@click.option("--config", metavar="FILE", help="The settings file that the task shall have; default: the one that is found now.")
def windows(*, config: str | None) -> Exit:
    """Print how to run the daemon in the background of Windows with the Task Scheduler."""
    click.echo(windows_instructions(Settings.load(config), command=own_command()), nl=False)
    return Exit.DONE
