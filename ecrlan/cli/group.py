"""The group of all commands: imports a command when it is called, and turns every ending into an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

import ecrlan
from ecrlan.cli.exits import Exit, exit_of_error, pipe_may_close, print_error, reader_left
from ecrlan.errors import EcrlanError, InvalidValueError, nested

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("ecrlan.cli.demo", "Watch a register and an emulated terminal talk, frame by frame."),
    "operations": ("ecrlan.cli.desk", "Look up operations, settle unresolved ones by hand, export."),
    "journal": ("ecrlan.cli.journal", "Show whether the journal can be believed, and accept one that is in doubt."),
    "serve": ("ecrlan.cli.serve", "Run the daemon: HTTP API, events and console for any number of tills."),
    "events": ("ecrlan.cli.events", "Follow what the daemon tells, as it happens."),
    "reset": ("ecrlan.cli.serve", "Drop the daemon's line to a terminal, or say that it is not used by hand any more."),
    "reload": ("ecrlan.cli.serve", "Have the daemon read its settings anew."),
    "token": ("ecrlan.cli.serve", "Print the token of the daemon's API and console."),
    "service": ("ecrlan.cli.serve", "Print what makes the daemon a service of systemd or Windows."),
    "emulate": ("ecrlan.cli.emulate", "Be a payment terminal on a socket, for tests."),
    "decode": ("ecrlan.cli.decode", "Explain bytes or a capture file, field by field."),
    "layouts": ("ecrlan.cli.decode", "Print the tables of all messages."),
    "settings": ("ecrlan.cli.settings", "Print every setting with its value and origin."),
}
"""Each command with its module and its line of help, but for those of operations, which are made from their orders.

The command's function has the command's name, `-` as `_`.
"""
FIRST = "demo"
"""Stands in front of the operations."""
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


def command_lines() -> dict[str, str]:
    """Return every command with its line of help, in the order in which people meet them."""
    from ecrlan.model import ORDERS  # noqa: PLC0415 - only where commands are listed

    operations = {order.kind.value.replace("_", "-"): (order.__doc__ or "").partition(":")[0].rstrip(".") + "." for order in ORDERS}
    others = {name: text for name, (_, text) in COMMANDS.items()}
    return {FIRST: others[FIRST], **operations, **others}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the commands in the order in which people meet them."""
        return list(command_lines())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command."""
        if cmd_name not in COMMANDS:
            command: click.Command | None = importlib.import_module("ecrlan.cli.operations").command(cmd_name)
            return command
        found = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)  # noqa: S101 - the table above is ours
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(command_lines().items()))

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *further: Any, **options: Any) -> NoReturn:  # noqa: ANN401 - click's
        """Run a command and exit with its code. Errors are printed once, here: as JSON where `--json` was given."""
        if "_ECRLAN_COMPLETE" in os.environ:
            super().main(args, prog_name, *further, **options)
        given = list(sys.argv[1:] if args is None else args)
        code: object = Exit.DONE
        with pipe_may_close():
            code = self._run(given, prog_name or "ecrlan")
        sys.exit(int(code) if isinstance(code, int) else 0)

    def _run(self, given: list[str], name: str) -> object:
        # Not click's own main: that one leaves with 1, which means declined here, when nobody reads its output.
        code: object
        try:
            with self.make_context(name, list(given)) as context:
                code = self.invoke(context)
        except click.exceptions.Exit as ending:
            code = ending.exit_code
        except EcrlanError as error:
            code = report(error.code, _words_of(error, given), error.sent, exit_of_error(error), given)
        except click.UsageError as error:
            code = _report_usage(error, given)
        except click.ClickException as error:
            code = report("usage", error.format_message(), "no", Exit.USAGE, given)
        except (click.Abort, KeyboardInterrupt):
            code = report("interrupted", "interrupted; nothing was sent", "no", Exit.NOT_PERFORMED, given)
        except Exception as error:  # any other exception is a bug
            if reader_left(error):
                raise
            code = _report_bug(error, given)
        return code


def _words_of(error: EcrlanError, given: Sequence[str]) -> str:
    """Return what an error says: for programs in English, for people in their language where it is known in that."""
    if "--json" in given or error.why is None:
        return str(error)
    from ecrlan.model import evidence_of  # noqa: PLC0415 - costs time that most commands do not need
    from ecrlan.texts import words  # noqa: PLC0415 - the same
    from ecrlan.texts.language import choose_language  # noqa: PLC0415 - the same

    return words(evidence_of(error), choose_language(os.environ))


def report(code: str, message: str, sent: str, ending: Exit, given: Sequence[str]) -> Exit:
    """Print an error for people, or as JSON where the arguments `given` ask for it. Returns the exit code."""
    print_error(code, message, sent, as_json="--json" in given)
    return ending


def _report_usage(error: click.UsageError, given: Sequence[str]) -> Exit:
    if error.ctx is not None and "--json" not in given:
        with pipe_may_close():
            click.echo(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help'.\n", err=True)
    return report("usage", error.format_message(), "no", Exit.USAGE, given)


def _report_bug(error: Exception, given: Sequence[str]) -> Exit:
    # The traceback names lines of code, never values: messages and settings stay out of bug reports.
    import traceback  # noqa: PLC0415 - only where something went wrong

    places = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-6:]]
    message = f"an error of ecrlan itself, please report it: {type(error).__name__}: {error}"
    if "--json" not in given:
        with pipe_may_close():
            click.echo("\n".join(places), err=True)
    return report("internal", message, "unknown", Exit.INTERNAL, given)


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ecrlan.__version__, prog_name="ecrlan", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Drive Italian payment terminals (ECR-LAN, ECR17) from a till.

    Exit codes: 0 approved or done, 1 declined, 2 usage, 3 not performed or refused, 4 unresolved, 70 an error of ecrlan itself.
    """
    if ctx.invoked_subcommand is None:
        welcome()


def welcome() -> None:
    """Print what to do next, which depends on whether there is a settings file."""
    from ecrlan.settings import default_file, find_file  # noqa: PLC0415 - costs time that other commands spend themselves

    try:
        file = find_file(None, os.environ)
    except InvalidValueError as error:
        raise InvalidValueError(error.place, error.value, ("allowed_or_command", {"allowed": nested(error.allowed_why)})) from None
    click.echo((_WITH_FILE if file else _WITHOUT_FILE).format(file=file or default_file()), nl=False)
