"""The daemon: run it, have it as a service, its token, its settings read anew, a terminal's line and hand use reset."""

from __future__ import annotations

import re
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

import ecrlan
from ecrlan.cli.exits import Exit, configure_logging, pipe_may_close
from ecrlan.cli.output import console, print_json, print_rows
from ecrlan.cli.way import Way, chosen_settings, has_own, need_extra, needed_daemon, running_daemon
from ecrlan.daemon.tokens import read_token, token_file
from ecrlan.daemon.units import own_command, systemd_unit, windows_instructions
from ecrlan.errors import InvalidValueError, RegisterError, nested
from ecrlan.journal import Journal
from ecrlan.protocol.work import said
from ecrlan.settings import Settings, split_address
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from ecrlan.daemon.server import Server
    from ecrlan.daemon.tokens import Role

MOST_THINK_SECONDS = 120
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - told apart, not bound
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}\Z")


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


@click.command()
@click.option("--config", metavar="FILE", help="The settings file by which the daemon is found; it reads its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reload(*, config: str | None, as_json: bool) -> Exit:
    """Have the running daemon read its settings file anew: terminals are added, changed and removed without a restart.

    A terminal that is in use is changed as soon as it is free. Where the file is wrong nothing is changed, and the exit code is 2.
    """
    configure_logging(0, shown_to_people=False)
    done = needed_daemon(chosen_settings(config), ("nothing_to_reload", {})).ask(lambda client: client.reload())
    if as_json:
        print_json(done)
        return Exit.DONE
    rows = [(name, clean_text(", ".join(map(str, done[name])))) for name in ("added", "changed", "removed") if done.get(name)]
    rows += [("waits", clean_text(f"{item.get('terminal')}: {item.get('reason')}")) for item in done.get("waiting") or []]
    if done.get("restart_needed"):
        rows.append(("only after a restart", clean_text(", ".join(map(str, done["restart_needed"])))))
    screen = console()
    screen.print(Text("settings read anew" if rows else "settings read anew: no terminal has changed"))
    print_rows(screen, rows)
    return Exit.DONE


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
    document = daemon.ask(lambda client: client.reset_line(terminal))
    return _tell(document, f"the line to {terminal} is dropped; the terminal is {document.get('state')}", as_json=as_json)


def _reset_hand_use(settings: Settings, name: str, by: str, *, as_json: bool) -> Exit:
    by = said("by", by)
    way = Way.find(settings)
    chosen = None
    if way.daemon is None:
        chosen = settings.terminal_settings(name)
        with Journal.reader(settings.journal):
            pass  # a journal that is not there must not be made
    document = way.ask(lambda service: service.reset_hand_use(name, by=by), chosen)
    return _tell(document, f"terminal {name} is not used by hand any more, says {by}", as_json=as_json)


def _tell(document: dict[str, Any], words: str, *, as_json: bool) -> Exit:
    if as_json:
        print_json(document)
    else:
        console().print(Text(clean_text(words)))
    return Exit.DONE
