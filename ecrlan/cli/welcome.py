"""What a bare `ecrlan` says: what to do next."""

from __future__ import annotations

import os

import click

from ecrlan.errors import InvalidValueError, nested
from ecrlan.settings import default_file, find_file

_WITHOUT_FILE = """\
ecrlan drives Italian payment terminals (ECR-LAN, ECR17) from a till.

No terminal at hand?       ecrlan demo             (in a browser: ecrlan serve --demo)
A terminal on the network: ecrlan status --address 192.168.1.50
                           ecrlan purchase 6.50 --address 192.168.1.50
To keep its address, write {file}:

    [terminals.till-1]
    address = "192.168.1.50"

Every setting: ecrlan settings --all      Every command: ecrlan --help
"""

_WITH_FILE = """\
ecrlan drives Italian payment terminals (ECR-LAN, ECR17) from a till.

Settings file:             {file}
How is the terminal?       ecrlan status
Take a payment:            ecrlan purchase 6.50
Several tills, or HTTP:    ecrlan serve
See it work without one:   ecrlan demo

Every setting: ecrlan settings      Every command: ecrlan --help
"""


def welcome() -> None:
    """Print what to do next, which depends on whether there is a settings file."""
    try:
        file = find_file(None, os.environ)
    except InvalidValueError as error:
        raise InvalidValueError(error.place, error.value, ("allowed_or_command", {"allowed": nested(error.allowed_why)})) from None
    click.echo((_WITH_FILE if file else _WITHOUT_FILE).format(file=file or default_file()), nl=False)
