"""`ecrlan reset`: drop a terminal's line."""

from __future__ import annotations

from urllib.parse import quote

import click
from rich.text import Text

from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.exits import Exit
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.output import console, print_json
from ecrlan.cli.remote import ask, needed_daemon
from ecrlan.wire.mask import clean_text


@click.command()
@click.argument("terminal")
@click.option("--config", metavar="FILE", help="The settings file.")
@click.option("--json", "as_json", is_flag=True, help="Print the terminal as JSON.")
def reset(*, terminal: str, config: str | None, as_json: bool) -> Exit:
    """Drop the line that the daemon has to TERMINAL; the next operation opens a new one.

    Refused while anything is under way there: a payment that runs cannot be cancelled from the till, only with the terminal's red key.
    """
    configure_logging(0, shown_to_people=False)
    daemon = needed_daemon(chosen_settings(config), "every command opens a line of its own and closes it, so there is none to drop")
    document = ask(daemon, "POST", f"/v1/terminals/{quote(terminal, safe='')}/reset")
    if as_json:
        print_json(document)
        return Exit.DONE
    state = document.get("state") if isinstance(document, dict) else None
    console().print(Text(clean_text(f"the line to {terminal} is dropped; the terminal is {state}")))
    return Exit.DONE
