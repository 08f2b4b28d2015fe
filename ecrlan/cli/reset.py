"""`ecrlan reset`: drop a terminal's line, or say that it is not used by hand any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
from rich.text import Text

from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.exits import Exit
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.output import console, print_json
from ecrlan.cli.remote import ask, needed_daemon, running_daemon
from ecrlan.cli.session import journal_file
from ecrlan.errors import RegisterError
from ecrlan.journal import Journal
from ecrlan.protocol.work import said
from ecrlan.register import Register
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from ecrlan.register import TerminalSettings
    from ecrlan.settings import Settings


@click.command()
@click.argument("terminal")
@click.option("--hand-use", is_flag=True, help="Say that nobody uses the terminal by hand, or from another register, any more.")
@click.option("--by", metavar="NAME", help="Who says so, with --hand-use; kept in the journal.")
@click.option("--config", metavar="FILE", help="The settings file.")
@click.option("--json", "as_json", is_flag=True, help="Print the terminal as JSON; with --hand-use and without a daemon, its name.")
def reset(*, terminal: str, hand_use: bool, by: str | None, config: str | None, as_json: bool) -> Exit:
    """Drop the line that the daemon has to TERMINAL; the next operation opens a new one.

    Refused while anything is under way there: a payment that runs cannot be cancelled from the till, only with the terminal's red key.

    With --hand-use the line stays. Where the settings say standalone_use = false, and a payment was found on the terminal that was not the
    register's, the stricter rules of a terminal that is used by hand hold until a person says that this has ended.
    """
    configure_logging(0, shown_to_people=False)
    if hand_use != (by is not None):
        raise click.UsageError("--hand-use and --by NAME belong together")
    settings = chosen_settings(config, quiet=as_json)
    if by is not None:
        return _reset_hand_use(settings, terminal, by, as_json=as_json)
    daemon = needed_daemon(settings, ("no_line_without_daemon", {}))
    document = ask(daemon, "POST", f"/v1/terminals/{quote(terminal, safe='')}/reset")
    state = document.get("state") if isinstance(document, dict) else None
    return _tell(document, f"the line to {terminal} is dropped; the terminal is {state}", as_json=as_json)


def _reset_hand_use(settings: Settings, name: str, by: str, *, as_json: bool) -> Exit:
    by = said("by", by)
    daemon = running_daemon(settings)
    if daemon is not None:
        document = ask(daemon, "POST", f"/v1/terminals/{quote(name, safe='')}/hand-use/reset", {"by": by})
    else:
        asyncio.run(_reset_directly(settings, settings.terminal_settings(name), by))
        document = {"name": name, "used_by_hand": False}
    return _tell(document, f"terminal {name} is not used by hand any more, says {by}", as_json=as_json)


async def _reset_directly(settings: Settings, chosen: TerminalSettings, by: str) -> None:
    with Journal.reader(settings.journal):
        pass  # a journal that is not there must not be made
    async with Register(journal_file(settings), cash_register_id=settings.register_.cash_register_id) as register:
        terminal = register.add(chosen)
        if not terminal.memory.used_by_hand:
            raise RegisterError(("not_used_by_hand", {"terminal": chosen.name}))
        terminal.reset_hand_use(by)
        await asyncio.to_thread(register.journal.flush)


def _tell(document: dict[str, Any], words: str, *, as_json: bool) -> Exit:
    if as_json:
        print_json(document)
    else:
        console().print(Text(clean_text(words)))
    return Exit.DONE
