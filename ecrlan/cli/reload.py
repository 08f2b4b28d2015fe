"""`ecrlan reload`: have the daemon read its settings anew."""

from __future__ import annotations

import click
from rich.text import Text

from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.exits import Exit
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.output import console, print_json, print_rows
from ecrlan.cli.remote import ask, needed_daemon
from ecrlan.wire.mask import clean_text


@click.command()
@click.option("--config", metavar="FILE", help="The settings file by which the daemon is found; it reads its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reload(*, config: str | None, as_json: bool) -> Exit:
    """Have the running daemon read its settings file anew: terminals are added, changed and removed without a restart.

    A terminal that is in use is changed as soon as it is free. Where the file is wrong nothing is changed, and the exit code is 2.
    """
    configure_logging(0, shown_to_people=False)
    daemon = needed_daemon(chosen_settings(config), ("nothing_to_reload", {}))
    done = ask(daemon, "POST", "/v1/reload")
    if as_json:
        print_json(done)
        return Exit.DONE
    told = done if isinstance(done, dict) else {}
    rows = [(name, clean_text(", ".join(map(str, told[name])))) for name in ("added", "changed", "removed") if told.get(name)]
    rows += [("waits", clean_text(f"{item.get('terminal')}: {item.get('reason')}")) for item in told.get("waiting") or []]
    if told.get("restart_needed"):
        rows.append(("only after a restart", clean_text(", ".join(map(str, told["restart_needed"])))))
    screen = console()
    screen.print(Text("settings read anew" if rows else "settings read anew: no terminal has changed"))
    print_rows(screen, rows)
    return Exit.DONE
