"""What people read: consoles, amounts, operations, receipts. JSON is an operation's own (`to_json`): a daemon's as it came."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.model import (
    MAXIMUM_AMOUNT,
    MINIMUM_AMOUNT,
    ROME,
    Approved,
    CardType,
    CloseSessionResponse,
    Code,
    Declined,
    Done,
    Evidence,
    NotPerformed,
    PaymentResult,
    Response,
    StatusResponse,
    TerminalStatus,
    TotalsResponse,
    Unresolved,
    VasPart,
)
from ecrlan.protocol.clock import seconds_between
from ecrlan.protocol.vas import parse_vas
from ecrlan.texts import LANGUAGES, TEXTS, Language, euros, say, words
from ecrlan.texts.language import choose_language
from ecrlan.wire.mask import clean_text
from ecrlan.wire.receipt import parse_receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ecrlan.model import Operation

Command = TypeVar("Command", bound="Callable[..., object]")

TOLD_CLOCK_SECONDS = 600.0
"""Seconds by which a terminal's clock is wrong before somebody is told."""
PIPED_WIDTH = 100
"""Columns where there is no terminal that tells its width."""

_OUTCOME_STYLES = {
    "approved": "bold green",
    "done": "bold green",
    "declined": "bold yellow",
    "not_performed": "bold yellow",
    "unresolved": "bold red",
}
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,5})[.,]([0-9]{2})")
_NUMBER = re.compile(r"-[0-9.,]")


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
    """Print an operation that ended, for programs or, in the user's language, for people."""
    if as_json:
        print_json(operation.to_json())
        return
    screen, language = console(), choose_language(os.environ)
    outcome = operation.outcome
    amount = f" {euros(operation.amount, language)} EUR" if operation.amount is not None else ""
    screen.print(f"{outcome_text(operation, language)}  {say(language, f'kind.{operation.kind.value}')}{amount}")
    print_rows(screen, list(operation_rows(operation, language)))
    if operation.receipt:
        screen.print(receipt_panel(operation.receipt, say(language, "head.receipt")))
    if isinstance(outcome, Unresolved) or outcome is None:
        look = say(language, "row.unresolved_look", reference=operation.reference)
        screen.print(f"\n[bold red]{say(language, 'row.unresolved')}[/] {look}")


def print_rows(screen: Console, rows: list[tuple[str, str]]) -> None:
    """Print names and values in two columns; values are cleaned, and long ones wrap in their column."""
    indent = max((len(name) for name, _ in rows), default=0) + 4
    for name, value in rows:
        lines = Text(clean_text(str(value))).wrap(screen, max(screen.width - indent, 20))
        for place, line in enumerate(lines or [Text()]):
            line.rstrip()
            screen.print(Text.assemble((f"  {name if place == 0 else '':{indent - 2}}", "dim"), line))


def outcome_text(operation: Operation, language: Language = "en") -> str:
    """Return the outcome's word, or the state where there is none yet, as markup."""
    word = outcome_word(operation)
    return f"[{outcome_style(word)}]{say(language, f'outcome.{word}')}[/]"


def outcome_word(operation: Operation) -> str:
    """Return the outcome's word, or the state's where there is none yet."""
    return operation.outcome.outcome if operation.outcome is not None else operation.state.value


def outcome_style(word: str, *, under_way: str = "bold red") -> str:
    """Return an outcome's style; a state, which is no outcome, has that of `under_way`."""
    return _OUTCOME_STYLES.get(word, under_way)


def print_json(document: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Print one JSON document, in ASCII: it survives every console's character set."""
    click.echo(json.dumps(document, indent=2))


def operation_rows(operation: Operation, language: Language) -> Iterable[tuple[str, str]]:
    """Return what is to be told about an operation, as name and value."""
    outcome = operation.outcome
    match outcome:
        case Declined(reason=reason) | NotPerformed(reason=reason):
            yield say(language, "fact.reason"), words(reason, language)
        case Unresolved(evidence=evidence):
            yield say(language, "fact.evidence"), words(evidence, language)
    response = outcome.result if isinstance(outcome, Approved | Declined) else outcome.response if isinstance(outcome, Done) else None
    if response is not None:
        yield from response_rows(response, operation.created_time, language)
    if isinstance(outcome, Approved | Declined) and outcome.answer:
        yield from outcome.answer.items()
    if operation.data:
        yield say(language, "fact.data"), operation.data
    if operation.evidence is not None and not isinstance(outcome, Unresolved):
        yield say(language, "fact.evidence"), words(operation.evidence, language)
    yield say(language, "fact.terminal"), operation.terminal
    yield say(language, "fact.reference"), operation.reference
    if not operation.durable:
        yield say(language, "fact.warning"), say(language, "row.not_durable")


def response_rows(response: Response, time: datetime, language: Language = "en") -> Iterable[tuple[str, str]]:
    """Return a response's fields as people call them; `time` (timezone-aware), when it was asked for, gives `host_time` its year."""
    match response:
        case StatusResponse():
            yield say(language, "row.terminal_id"), response.terminal_id
            yield say(language, "row.status"), _status_text(response, language)
            yield say(language, "row.clock"), _clock_text(response, time, language)
            yield say(language, "row.release"), response.software_release
        case PaymentResult():
            yield from _payment_rows(response, time, language)
        case CloseSessionResponse() | TotalsResponse():
            yield say(language, "row.result"), response.result
            if response.terminal_total is not None:
                yield say(language, "row.terminal_total"), f"{euros(response.terminal_total, language)} EUR"
            if isinstance(response, CloseSessionResponse) and response.host_total is not None:
                yield say(language, "row.host_total"), f"{euros(response.host_total, language)} EUR"
        case VasPart():
            with suppress(MalformedMessageError):
                yield from parse_vas(response.xml).items()


def _clock_text(response: StatusResponse, now: datetime, language: Language) -> str:
    """Return the terminal's clock, and by how much it is wrong where that is more than some minutes."""
    if response.terminal_time is None:
        return say(language, "row.clock_unreadable")
    clock = response.terminal_time.strftime("%d/%m/%Y %H:%M")
    seconds = seconds_between(response.terminal_time.replace(tzinfo=ZoneInfo(ROME)), now)
    if abs(seconds) <= TOLD_CLOCK_SECONDS:
        return clock
    return f"{clock}: {words(Evidence(Code.CLOCK_WRONG, {'seconds': round(seconds)}), language)}"


def _status_text(response: StatusResponse, language: Language) -> str:
    """Return the status as people call it, and beside it what the terminal sent; a word that is not known as it came."""
    if response.refusing_word is not None:
        return say(language, "status.own_word", word=response.refusing_word)
    if response.terminal_status is None:
        known = say(language, f"status.{TerminalStatus.OPERATIVE.value}" if response.operative else "status.none")
        return f"{known} ({response.status_word})" if response.status_word else known
    number = int(response.terminal_status)
    name = f"status.{number}"
    return f"{say(language, name if name in TEXTS[language] else 'status.none')} ({number})"


def _payment_rows(result: PaymentResult, time: datetime, language: Language) -> Iterable[tuple[str, str]]:
    if not result.approved:
        yield say(language, "row.result"), result.result
    card_types = {member.value: say(language, f"card_type.{member.name.lower()}") for member in CardType}
    mode = f"entry_mode.{result.entry_mode}"
    entry = say(language, mode) if mode in TEXTS[language] else result.entry_mode or ""
    card = [card_types.get(result.card_type or 0, ""), f"…{result.pan}" if result.pan else "", f"({entry})" if entry else ""]
    if any(card):
        yield say(language, "fact.card"), " ".join(part for part in card if part)
    if result.amount is not None:
        yield say(language, "row.amount"), f"{euros(result.amount, language)} EUR"
    if result.currency_exchange is not None:
        exchange = result.currency_exchange
        units, decimals = exchange.currency_amount, exchange.currency_decimals
        paid = f"{units // 10**decimals}.{units % 10**decimals:0{decimals}d}" if decimals else str(units)
        rate = f"{exchange.exchange_rate / 10_000:.4f}"
        yield say(language, "row.paid_in"), say(language, "row.paid_in_text", currency=exchange.currency, amount=paid, rate=rate)
    if result.authorization_code:
        yield say(language, "fact.authorization"), result.authorization_code
    if result.preauthorization_code:
        yield say(language, "fact.preauthorization_code"), result.preauthorization_code
    yield say(language, "fact.stan"), result.stan
    if result.host_time is not None:
        yield say(language, "fact.host_time"), result.host_time.nearest(time).strftime("%d/%m/%Y %H:%M")
    if result.action_code:
        yield say(language, "row.action_code"), result.action_code


def receipt_panel(receipt: bytes, title: str = "receipt") -> Panel:
    """Return the receipt in a box, as it would be printed."""
    lines = Text("\n").join(
        Text(clean_text(line.text), style="bold" if line.style.bold or line.style.double_height else "") for line in parse_receipt(receipt)
    )
    return Panel(lines, title=title, box=box.ROUNDED, expand=False, padding=(0, 2))


def language_option(function: Command) -> Command:
    """`--lang`, by default that of the locale."""
    return click.option(
        "--lang",
        "language",
        type=click.Choice(LANGUAGES),
        default=lambda: choose_language(os.environ),
        help="Language; default: the locale's.",
    )(function)


def parse_amount(text: str, place: str = "amount") -> int:
    """Return the cents of `text`; InvalidValueError for anything but euros and two decimals within the protocol's bounds."""
    match = _AMOUNT.fullmatch(text)
    cents = int(match[1] + match[2]) if match else 0
    if not MINIMUM_AMOUNT <= cents <= MAXIMUM_AMOUNT:
        raise InvalidValueError(place, text, ("allowed_amount", {}))
    return cents


def show_amount(cents: int) -> str:
    """Return cents as people read them: `6.50`."""
    return f"{cents // 100}.{cents % 100:02d}"


class Amount(click.ParamType[int]):
    """An amount on the command line, as whole cents."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401, ARG002 - click's
        """Parse what was typed."""
        return value if isinstance(value, int) else parse_amount(str(value))


class AmountCommand(click.Command):
    """A command that takes an amount: `-1` is a wrong amount and not an unknown option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, but name the amount where a number was taken for an option."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            number = next((text for text in given if _NUMBER.match(text)), None)
            if number is None or not _NUMBER.match(error.option_name):
                raise
            raise InvalidValueError("amount", number, ("allowed_amount", {})) from None
