"""What people read: consoles, operations, receipts. JSON is made by `ecrlan.operation_json`."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from ecrlan.cli.amount import show_amount
from ecrlan.errors import MalformedMessageError
from ecrlan.model import (
    Approved,
    CardType,
    CloseSessionResponse,
    Declined,
    Done,
    NotPerformed,
    PaymentResult,
    Response,
    StatusResponse,
    TerminalStatus,
    TotalsResponse,
    Unresolved,
    VasPart,
)
from ecrlan.operation_json import operation_as_json
from ecrlan.register.vas import parse_vas
from ecrlan.wire.mask import clean_text
from ecrlan.wire.receipt import parse_receipt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ecrlan.model import Operation

PIPED_WIDTH = 100
"""Columns where there is no terminal that tells its width."""

_OUTCOME_STYLES = {
    "approved": "bold green",
    "done": "bold green",
    "declined": "bold yellow",
    "not_performed": "bold yellow",
    "unresolved": "bold red",
}
_TERMINAL_STATUS = {
    TerminalStatus.NOT_CONFIGURED: "not configured",
    TerminalStatus.NO_DLL: "configured, first DLL missing",
    TerminalStatus.OPERATIVE: "operative",
    TerminalStatus.NOT_ALIGNED: "not aligned, first DLL requested",
    TerminalStatus.KEYS_CORRUPTED: "keys corrupted, first DLL requested",
    TerminalStatus.DLL_PENDING: "DLL requested by the host is pending",
    TerminalStatus.UPDATE_PENDING: "software update pending",
}
_ENTRY_MODES = {"ICC": "chip", "MAG": "stripe", "MAN": "keyed", "CLM": "contactless stripe", "CLI": "contactless chip"}


class Screen(Console):
    """A rich console that leaves the exit code alone when nobody reads any more: rich's own would leave with 1, declined."""

    def on_broken_pipe(self) -> None:
        """Let `pipe_may_close` deal with it."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console for this moment's standard output (or error); colours and width follow what is at the other end."""
    made = Screen(stderr=stderr, highlight=False, emoji=False)
    return made if made.is_terminal else Screen(stderr=stderr, highlight=False, emoji=False, width=PIPED_WIDTH)


def cleaned(text: object) -> str:
    """Return a text that came from outside, fit for the screen: no control characters, no markup."""
    return escape(clean_text(str(text)))


def print_operation(operation: Operation, *, as_json: bool) -> None:
    """Print an operation that ended, for programs or for people."""
    if as_json:
        print_json(operation_as_json(operation))
        return
    screen = console()
    outcome = operation.outcome
    amount = f" {show_amount(operation.amount)} EUR" if operation.amount is not None else ""
    screen.print(f"{outcome_text(operation)}  {operation.kind.value.replace('_', ' ')}{amount}")
    print_rows(screen, list(operation_rows(operation)))
    if operation.receipt:
        screen.print(receipt_panel(operation.receipt))
    if isinstance(outcome, Unresolved) or outcome is None:
        screen.print(
            "\n[bold red]Nobody can say yet whether money moved.[/] What to look at before anything is charged, and how to settle it: "
            f"`ecrlan operations show {operation.reference}`"
        )


def print_rows(screen: Console, rows: list[tuple[str, str]]) -> None:
    """Print names and values in two columns; values are cleaned, and long ones wrap in their column."""
    indent = max((len(name) for name, _ in rows), default=0) + 4
    for name, value in rows:
        lines = Text(clean_text(str(value))).wrap(screen, max(screen.width - indent, 20))
        for place, line in enumerate(lines or [Text()]):
            line.rstrip()
            screen.print(Text.assemble((f"  {name if place == 0 else '':{indent - 2}}", "dim"), line))


def outcome_text(operation: Operation) -> str:
    """Return the outcome's word, or the state where there is none yet, as markup."""
    word = outcome_word(operation)
    return f"[{outcome_style(word)}]{word.replace('_', ' ')}[/]"


def outcome_word(operation: Operation) -> str:
    """Return the outcome's word, or the state's where there is none yet."""
    return operation.outcome.outcome if operation.outcome is not None else operation.state.value


def outcome_style(word: str, *, under_way: str = "bold red") -> str:
    """Return an outcome's style; a state, which is no outcome, has that of `under_way`."""
    return _OUTCOME_STYLES.get(word, under_way)


def print_json(document: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Print one JSON document, in ASCII: it survives every console's character set."""
    click.echo(json.dumps(document, indent=2))


def operation_rows(operation: Operation) -> Iterable[tuple[str, str]]:
    """Return what is to be told about an operation, as name and value."""
    outcome = operation.outcome
    match outcome:
        case Declined(reason=reason) | NotPerformed(reason=reason):
            yield "reason", reason
        case Unresolved(evidence=evidence):
            yield "evidence", evidence
    response = outcome.result if isinstance(outcome, Approved | Declined) else outcome.response if isinstance(outcome, Done) else None
    if response is not None:
        yield from response_rows(response, operation.created_time)
    if isinstance(outcome, Approved | Declined) and outcome.answer:
        yield from outcome.answer.items()
    if operation.data:
        yield "host data", operation.data
    if operation.evidence and not isinstance(outcome, Unresolved):
        yield "evidence", operation.evidence
    yield "terminal", operation.terminal
    yield "reference", operation.reference
    if not operation.durable:
        yield "warning", "not written to the journal"


def response_rows(response: Response, time: datetime) -> Iterable[tuple[str, str]]:
    """Return a response's fields as people call them; `time` (timezone-aware), when it was asked for, gives `host_time` its year."""
    match response:
        case StatusResponse():
            yield "terminal id", response.terminal_id
            yield "status", _status_text(response)
            yield "clock", response.terminal_time.strftime("%d/%m/%Y %H:%M") if response.terminal_time else "not readable"
            yield "release", response.software_release
        case PaymentResult():
            yield from _payment_rows(response, time)
        case CloseSessionResponse() | TotalsResponse():
            yield "result", response.result
            if response.terminal_total is not None:
                yield "terminal total", f"{show_amount(response.terminal_total)} EUR"
            if isinstance(response, CloseSessionResponse) and response.host_total is not None:
                yield "host total", f"{show_amount(response.host_total)} EUR"
        case VasPart():
            with suppress(MalformedMessageError):
                yield from parse_vas(response.xml).items()


def _status_text(response: StatusResponse) -> str:
    """Return the status as people call it, and beside it what the terminal sent; a word that is not known as it came."""
    if response.refusing_word is not None:
        return f"{response.refusing_word} (the terminal's own word: no payment is taken)"
    if response.terminal_status is None:
        known = _TERMINAL_STATUS[TerminalStatus.OPERATIVE] if response.operative else "unknown"
        return f"{known} ({response.status_word})" if response.status_word else known
    texts = {status.value: text for status, text in _TERMINAL_STATUS.items()}
    return f"{texts.get(response.terminal_status, 'unknown')} ({int(response.terminal_status)})"


def _payment_rows(result: PaymentResult, time: datetime) -> Iterable[tuple[str, str]]:
    if not result.approved:
        yield "result", result.result
    card_types = {member.value: member.name.lower() for member in CardType}
    entry = _ENTRY_MODES.get(result.entry_mode or "", result.entry_mode or "")
    card = [card_types.get(result.card_type or 0, ""), f"…{result.pan}" if result.pan else "", f"({entry})" if entry else ""]
    if any(card):
        yield "card", " ".join(part for part in card if part)
    if result.amount is not None:
        yield "amount", f"{show_amount(result.amount)} EUR"
    if result.currency_exchange is not None:
        exchange = result.currency_exchange
        units, decimals = exchange.currency_amount, exchange.currency_decimals
        paid = f"{units // 10**decimals}.{units % 10**decimals:0{decimals}d}" if decimals else str(units)
        yield "paid in", f"{exchange.currency} {paid} at {exchange.exchange_rate / 10_000:.4f}"
    if result.authorization_code:
        yield "authorization", result.authorization_code
    if result.preauthorization_code:
        yield "pre-authorization code", result.preauthorization_code
    yield "STAN", result.stan
    if result.host_time is not None:
        yield "host time", result.host_time.nearest(time).strftime("%d/%m/%Y %H:%M")
    if result.action_code:
        yield "action code", result.action_code


def receipt_panel(receipt: bytes, title: str = "receipt") -> Panel:
    """Return the receipt in a box, as it would be printed."""
    lines = Text("\n").join(
        Text(clean_text(line.text), style="bold" if line.style.bold or line.style.double_height else "") for line in parse_receipt(receipt)
    )
    return Panel(lines, title=title, box=box.ROUNDED, expand=False, padding=(0, 2))
