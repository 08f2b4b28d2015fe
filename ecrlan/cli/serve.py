"""`ecrlan serve`: the daemon, which owns journal and terminals and serves tills, programs and people."""

from __future__ import annotations

import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

import click

import ecrlan
from ecrlan.cli.chosen_settings import has_own
from ecrlan.cli.exits import Exit, pipe_may_close
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.remote import need_extra, running_daemon
from ecrlan.daemon.tokens import token_file
from ecrlan.errors import RegisterError, nested
from ecrlan.settings import Settings, split_address

if TYPE_CHECKING:
    from ecrlan.daemon.server import Server

MOST_THINK_SECONDS = 120
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - told apart, not bound


@click.command()
@click.option("--demo", is_flag=True, help="Without settings: an emulated terminal, a temporary journal. Nothing is charged.")
@click.option(
    "--think",
    type=click.FloatRange(0, MOST_THINK_SECONDS),
    metavar="SECONDS",
    help="How long a payment takes on the demo's terminal; default: 3.",
)
@click.option("--http", metavar="HOST:PORT", help="Where console and HTTP API listen, instead of the setting; port 0: a free one.")
@click.option("--config", metavar="FILE", help="The settings file.")
@click.option("--open/--no-open", "open_console", default=None, help="Open the console in a browser; default: with --demo, at a screen.")
@click.option("-v", "--verbose", count=True, help="Log more to standard error.")
def serve(*, demo: bool, think: float | None, http: str | None, config: str | None, open_console: bool | None, verbose: int) -> Exit:
    """Run the daemon: HTTP API, event stream and console, for any number of tills.

    It owns the journal and the terminals of the settings; the other commands go through it while it runs. SIGTERM and Ctrl-C end it in
    order: no new operations, and running ones get the time of daemon.stop_timeout; a second one ends it at once. SIGHUP, or `ecrlan
    reload`, has it read terminals anew. The log goes to standard error, as JSON lines where that is no screen.

    While a demo runs, commands without --config go through it, where the user has no settings, no daemon and names no --address.
    """
    if think is not None and not demo:
        raise click.UsageError("--think is for the terminal of --demo")
    need_extra("fastapi", "uvicorn", "httpx", "prometheus_client")
    from ecrlan.daemon.demo import THINK_SECONDS  # noqa: PLC0415 - brings the emulator, which only this command needs
    from ecrlan.daemon.server import run  # noqa: PLC0415 - needs the extra daemon

    at_demo_screen = demo and sys.stderr.isatty()  # who looks at a demo wants to read how to come in, not the log
    configure_logging(verbose + (not at_demo_screen), shown_to_people=False)
    settings = Settings.load(config)
    if http is not None:
        split_address("--http", http, lowest_port=0)
    if not demo and (other := running_daemon(settings)) is not None:
        raise RegisterError(("journal_of_daemon", {"daemon": nested(other.why), "path": str(settings.journal)}))
    wanted = demo and sys.stdout.isatty() if open_console is None else open_console
    run(
        settings,
        demo=demo,
        http=http,
        announce=lambda server: _announce(server, settings, open_console=wanted),
        think_seconds=THINK_SECONDS if think is None else think,
    )
    return Exit.DONE


def _announce(server: Server, settings: Settings, *, open_console: bool) -> None:
    """Tell people how to come to it."""
    daemon = server.daemon
    lines = [f"ecrlan {ecrlan.__version__} serves at {server.url}/  (console; API: {server.url}/docs)"]
    if daemon.demo is not None:  # its token's file is as temporary as its journal
        lines.append(f"token: {daemon.tokens.operate}")
        lines.append(f"terminal {daemon.demo.settings.name}: emulated; its screen and buttons stand in the console. Nothing is charged.")
        lines.append(
            f"Where nobody presses a button, it goes on by itself and ends after {daemon.demo.think_seconds:g} s (--think SECONDS). "
            "90.02 is refused; all amounts that are not simply approved: ecrlan emulate --scenarios"
        )
        lines.append(f"console, signed in: {_signed_in(server)}")
        if has_own(settings):
            lines.append(f"Commands use your own settings; to send one to the demo: --config {daemon.demo.settings_file}")
        else:
            lines.append("Commands beside it go through it: ecrlan purchase 6.50")
    else:
        lines.append(f"token: {token_file(daemon.journal_file, 'operate')}  (`ecrlan token` prints it)")
        lines.append(f"PosConnector: {_register_address(server, settings)}")
        if not settings.terminals:
            lines.append(
                'no terminal is set up: write [terminals.till-1] with address = "192.168.1.50" into the settings, then: ecrlan reload'
            )
    lines.append("Ctrl-C ends it")
    with pipe_may_close():
        click.echo("\n".join(lines))
        sys.stdout.flush()
    if open_console:
        threading.Thread(target=webbrowser.open, args=(_signed_in(server),), daemon=True).start()  # some make the caller wait


def _signed_in(server: Server) -> str:
    """Return the console's address with the token: the part behind # is never sent."""
    return f"{server.url}/#token={server.daemon.tokens.operate}"


def _register_address(server: Server, settings: Settings) -> str:
    """Return the address and port to be typed into PosConnector, as far as we know them."""
    document = server.daemon.register_document("operate")
    listen = document["listen"]
    if listen is None:
        return "register.listen is empty: no terminal dials in, each must listen itself"
    configured = split_address("register.listen", settings.register_.listen)[0]
    addresses = document["addresses"] if configured in _EVERYWHERE else [configured]
    return f"address {' or '.join(addresses) or 'of this machine'}, port {listen['port']}"
