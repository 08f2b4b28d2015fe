"""Commands about an earlier operation: which terminal it was on, and what is asked or said before anything is sent."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from ecrlan.cli.amount import parse_amount, show_amount
from ecrlan.cli.chosen_settings import chosen_settings
from ecrlan.cli.logging import configure_logging
from ecrlan.cli.session import choose_terminal
from ecrlan.errors import JournalError, RegisterError, UnknownReferenceError
from ecrlan.journal import Journal
from ecrlan.model import ROME, Kind
from ecrlan.register.targets import VOIDABLE

if TYPE_CHECKING:
    from pathlib import Path

    from ecrlan.cli.session import AnyTerminal, Call
    from ecrlan.journal import Entry

LOOKED_AT = 50
"""Approved operations among which the last payment is looked for."""


def target_and_amount(words: tuple[str, ...], code: str | None) -> tuple[str | None, int]:
    """Return reference (None: `code` names the pre-authorization) and cents of what was typed as `[REF] AMOUNT`."""
    if not words:
        raise click.UsageError("Missing argument 'AMOUNT'.")
    if len(words) != (2 if code is None else 1):
        raise click.UsageError(
            "say either REF AMOUNT (the reference of the pre-authorization, and euros) or AMOUNT --preauthorization-code CODE"
        )
    return (words[0] if code is None else None), parse_amount(words[-1])


def on_its_terminal(call: Call, reference: str) -> Call:
    """Return `call` on the terminal of operation `reference`, unless it names one. Raises `UnknownReferenceError`, `JournalError`."""
    if call.terminal is not None or call.address is not None:
        return call
    configure_logging(call.verbose, shown_to_people=not call.as_json)
    settings = chosen_settings(call.config, address=call.address)
    with Journal.reader(settings.journal) as reader:
        entry = reader.find(reference)
    if entry is None:
        raise UnknownReferenceError(reference)
    if entry.terminal not in settings.terminals:
        raise click.UsageError(
            f"operation {reference} ran on the terminal {entry.terminal}, which the settings do not name: say --address HOST[:PORT]"
        )
    return replace(call, terminal=entry.terminal)


def confirm_last(call: Call) -> None:
    """Ask whether whichever payment was the terminal's last is to be reversed. Raises `RegisterError` unless the answer is yes."""
    if call.as_json or not sys.stdin.isatty():
        raise click.UsageError("--last reverses whichever payment was the terminal's last: where nobody can be asked, say --yes as well")
    configure_logging(call.verbose)
    settings = chosen_settings(call.config, address=call.address)
    name = choose_terminal(settings, call.terminal, call.address).name
    entry = _last_payment(settings.journal, name)
    click.echo(f"This reverses whichever payment was the last on terminal {name}, one made by hand included.", err=True)
    click.echo(f"As far as the journal knows that is: {_words(entry) if entry is not None else 'none that it knows'}", err=True)
    if not click.confirm("Reverse it?", err=True):
        raise RegisterError(("not_confirmed_unsent", {}))


def _last_payment(journal: Path, terminal: str) -> Entry | None:
    try:
        with Journal.reader(journal) as reader:
            entries = reader.entries(terminal=terminal, outcome="approved", limit=LOOKED_AT)
    except JournalError:  # none yet; a damaged one stops the void itself
        return None
    return next((entry for entry in entries if entry.kind in VOIDABLE or entry.kind is Kind.VOID), None)


def _words(entry: Entry) -> str:
    amount = f" {show_amount(entry.amount)} EUR" if entry.amount is not None else ""
    moment = entry.created_time.astimezone(ZoneInfo(ROME))
    return f"{entry.kind.value.replace('_', ' ')}{amount}, {moment:%d/%m/%Y %H:%M}, reference {entry.reference}"


def warn_above(terminal: AnyTerminal, target: str, amount: int) -> None:
    """Say on standard error that a capture of `amount` cents is above what pre-authorization `target` has authorized."""
    try:
        authorized = terminal.authorized_total(target)
    except RegisterError:  # known already, or refused: the capture itself says so
        return
    if amount > authorized:
        click.secho(
            f"Warning: {show_amount(amount)} EUR is above the {show_amount(authorized)} EUR that operation {target} has authorized: "
            "the host may refuse it",
            fg="yellow",
            err=True,
        )
