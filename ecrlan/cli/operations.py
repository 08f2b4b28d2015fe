"""The operation commands: what each takes, and the call it makes."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import click

from ecrlan.cli.amount import Amount, AmountCommand
from ecrlan.cli.exits import Exit
from ecrlan.cli.session import Call
from ecrlan.cli.targets import confirm_last, on_its_terminal, target_and_amount, warn_above
from ecrlan.errors import InvalidValueError
from ecrlan.model import Kind, PaymentType

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecrlan.model import Operation
    from ecrlan.register import Terminal

_CONTENT = re.compile(r"([0-9]+)=(.*)", re.DOTALL)


def operation(kind: Kind) -> Callable[[Callable[..., Exit]], Callable[..., Exit]]:
    """Give a command the options that all operations have; its function gets them as a `Call`."""

    def decorate(function: Callable[..., Exit]) -> Callable[..., Exit]:
        @click.option("-t", "--terminal", metavar="NAME", help="The terminal's name in the settings; default: the only one.")
        @click.option("--address", metavar="HOST[:PORT]", help="A terminal that no settings file knows; port 8081 unless given.")
        @click.option("--reference", help="Your name for the operation, 1 to 64 of A-Z a-z 0-9 . _ -; default: one is made.")
        @click.option("--queue-timeout", type=click.FloatRange(0, 3600), metavar="SECONDS", help="How long to wait for the terminal.")
        @click.option("--config", metavar="FILE", help="The settings file.")
        @click.option("--json", "as_json", is_flag=True, help="Print nothing but the result, as JSON.")
        @click.option("-v", "--verbose", count=True, help="Log to standard error; twice for more.")
        @functools.wraps(function)
        def command(
            *,
            terminal: str | None,
            address: str | None,
            reference: str | None,
            config: str | None,
            as_json: bool,
            verbose: int,
            **own: Any,  # noqa: ANN401 - each command's own
        ) -> Exit:
            call = Call(kind=kind, terminal=terminal, address=address, config=config, reference=reference, as_json=as_json, verbose=verbose)
            return function(call, **own)

        return command

    return decorate


def payment_options(function: Callable[..., Exit]) -> Callable[..., Exit]:
    """Options of whatever begins with a card."""
    for option in (
        click.option(
            "--additional-data",
            "contents",
            multiple=True,
            metavar="INDEX=TEXT",
            help="Additional data for the host, such as 5=TEXT; up to four times.",
        ),
        click.option("--card-present", is_flag=True, help="The card is in the terminal already."),
        click.option(
            "--payment-type",
            type=click.Choice([member.name.lower() for member in PaymentType]),
            default="automatic",
            show_default=True,
            help="Which card to take.",
        ),
        receipt_text_option,
    ):
        function = option(function)
    return function


receipt_text_option = click.option(
    "--receipt-text", default="", metavar="TEXT", help="Printed at the receipt's foot; at most 128 characters."
)
code_option = click.option(
    "--preauthorization-code", metavar="CODE", help="Instead of REF: the pre-authorization's code, 9 digits, which its result tells."
)


def card_options(*, payment_type: str, contents: tuple[str, ...], **plain: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on
    """Return what was typed for `payment_options` as the terminal's calls take it."""
    return {"payment_type": PaymentType[payment_type.upper()], "additional_data": parse_contents(contents), **plain}


def parse_contents(contents: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Return additional data as (index, text) pairs."""
    pairs = []
    for content in contents:
        match = _CONTENT.fullmatch(content)
        if match is None or not 1 <= int(match[1]) <= 5:
            raise InvalidValueError("--additional-data", content, "INDEX=TEXT, INDEX 1 to 5")
        pairs.append((int(match[1]), match[2]))
    return tuple(pairs)


@click.command()
@operation(Kind.STATUS)
def status(call: Call, *, queue_timeout: float | None) -> Exit:
    """Ask the terminal how it is: identity, state, clock, software release."""
    return call.run(lambda terminal, reference: terminal.status(reference=reference, queue_timeout=queue_timeout))


@click.command(cls=AmountCommand)
@click.argument("amount", type=Amount())
@payment_options
@operation(Kind.PURCHASE)
def purchase(call: Call, *, amount: int, **typed: Any) -> Exit:  # noqa: ANN401 - `payment_options`
    """Take a card payment of AMOUNT euros: 6.50 or 6,50."""
    options = card_options(**typed)
    return call.run(lambda terminal, reference: terminal.purchase(amount, reference=reference, **options))


@click.command()
@click.argument("target", metavar="[REF]", required=False)
@click.option("--stan", metavar="N", help="The STAN of the payment to reverse: it must be the terminal's last.")
@click.option("--last", is_flag=True, help="Reverse whichever payment was the terminal's last, after a question.")
@click.option("--yes", is_flag=True, help="With --last: do not ask; needed with --json and where no person answers.")
@operation(Kind.VOID)
def void(call: Call, *, target: str | None, stan: str | None, last: bool, yes: bool, queue_timeout: float | None) -> Exit:
    """Reverse the terminal's last payment: the operation REF, the one with a STAN, or whichever it is.

    REF is the payment's reference. Refused where it is not the terminal's last payment as far as the journal knows. Without -t the
    terminal is the one of that operation.
    """
    if (target is not None) + (stan is not None) + last != 1:
        raise click.UsageError(
            "say either --stan N (the payment's STAN), REF (the payment's reference) or --last (whichever payment was the last)"
        )
    if stan is not None:
        if not re.fullmatch(r"[0-9]{1,6}", stan) or not int(stan):
            raise InvalidValueError("--stan", stan, "1 to 6 digits, not 0")
        stan = stan.zfill(6)
    if target is not None:
        call = on_its_terminal(call, target)
    if last and not yes:
        confirm_last(call)
    return call.run(
        lambda terminal, reference: terminal.void(target=target, stan=stan, last=last, reference=reference, queue_timeout=queue_timeout)
    )


@click.command(cls=AmountCommand)
@click.argument("amount", type=Amount())
@payment_options
@operation(Kind.PREAUTHORIZE)
def preauthorize(call: Call, *, amount: int, **typed: Any) -> Exit:  # noqa: ANN401 - `payment_options`
    """Reserve AMOUNT euros on a card. The result's pre-authorization code is what increment and capture need."""
    options = card_options(**typed)
    return call.run(lambda terminal, reference: terminal.preauthorize(amount, reference=reference, **options))


@click.command(cls=AmountCommand)
@click.argument("words", metavar="[REF] AMOUNT", nargs=-1)
@code_option
@receipt_text_option
@operation(Kind.INCREMENT)
def increment(
    call: Call, *, words: tuple[str, ...], preauthorization_code: str | None, receipt_text: str, queue_timeout: float | None
) -> Exit:
    """Add AMOUNT euros to what the pre-authorization REF has reserved.

    REF is the reference of the pre-authorization; --preauthorization-code names one that the journal does not know. Without -t the
    terminal is the one of REF.
    """
    target, amount = target_and_amount(words, preauthorization_code)
    if target is not None:
        call = on_its_terminal(call, target)
    return call.run(
        lambda terminal, reference: terminal.increment(
            amount,
            target=target,
            preauthorization_code=preauthorization_code,
            receipt_text=receipt_text,
            reference=reference,
            queue_timeout=queue_timeout,
        )
    )


@click.command(cls=AmountCommand)
@click.argument("words", metavar="[REF] AMOUNT", nargs=-1)
@code_option
@receipt_text_option
@operation(Kind.CAPTURE)
def capture(
    call: Call, *, words: tuple[str, ...], preauthorization_code: str | None, receipt_text: str, queue_timeout: float | None
) -> Exit:
    """Charge AMOUNT euros, the final sum, of what the pre-authorization REF has reserved.

    REF is the reference of the pre-authorization; --preauthorization-code names one that the journal does not know. Without -t the
    terminal is the one of REF. More than was authorized, increments included, is sent after a warning.
    """
    target, amount = target_and_amount(words, preauthorization_code)
    if target is not None:
        call = on_its_terminal(call, target)

    async def start(terminal: Terminal, reference: str | None) -> Operation:
        if target is not None:
            warn_above(terminal, target, amount)
        return await terminal.capture(
            amount,
            target=target,
            preauthorization_code=preauthorization_code,
            receipt_text=receipt_text,
            reference=reference,
            queue_timeout=queue_timeout,
        )

    return call.run(start)


@click.command()
@operation(Kind.VERIFY_CARD)
def verify_card(call: Call, *, queue_timeout: float | None) -> Exit:
    """Check a card without charging it."""
    return call.run(lambda terminal, reference: terminal.verify_card(reference=reference, queue_timeout=queue_timeout))


@click.command()
@operation(Kind.TOTALS)
def totals(call: Call, *, queue_timeout: float | None) -> Exit:
    """Ask for the terminal's totals."""
    return call.run(lambda terminal, reference: terminal.totals(reference=reference, queue_timeout=queue_timeout))


@click.command()
@operation(Kind.CLOSE_SESSION)
def close_session(call: Call, *, queue_timeout: float | None) -> Exit:
    """Close the accounting session with the host."""
    return call.run(lambda terminal, reference: terminal.close_session(reference=reference, queue_timeout=queue_timeout))


@click.command()
@operation(Kind.LAST_RESULT)
def last_result(call: Call, *, queue_timeout: float | None) -> Exit:
    """Ask for the terminal's last saved result. It names no request: it may be another customer's."""
    return call.run(lambda terminal, reference: terminal.last_result(reference=reference, queue_timeout=queue_timeout))


@click.command()
@click.option("--on-terminal", is_flag=True, help="Print on the terminal instead of sending the receipt to the register.")
@click.option("--service", is_flag=True, help="The service receipt instead of the financial one.")
@operation(Kind.REPRINT)
def reprint(call: Call, *, on_terminal: bool, service: bool, queue_timeout: float | None) -> Exit:
    """Print the last receipt again."""
    return call.run(
        lambda terminal, reference: terminal.reprint(
            to_ecr=not on_terminal, ticket_type=int(service), reference=reference, queue_timeout=queue_timeout
        )
    )


@click.command()
@click.argument("function")
@click.option("--amount", metavar="TEXT", help="The amount, passed on as given: the protocol does not state its unit.")
@click.option("--order-id", metavar="ID", help="The order, for a refund; at most 27 characters.")
@click.option("--print-on", type=click.Choice(["terminal", "register"]), default="terminal", show_default=True, help="Who prints.")
@click.option("--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="A further parameter; as often as needed.")
@operation(Kind.VAS)
def vas(
    call: Call,
    *,
    function: str,
    amount: str | None,
    order_id: str | None,
    print_on: str,
    parameters: tuple[str, ...],
    queue_timeout: float | None,
) -> Exit:
    """Perform a FUNCTION of another payment method.

    SERVICE_FUNCTION, such as BPAY_QR: services BPAY, WECHAT, ALIPAY; functions QR, INQUIRY, REFUND, and for BPAY TOTAL and CHIUSURA.
    """
    pairs = [parameter.partition("=") for parameter in parameters]
    for parameter, (key, equals, _) in zip(parameters, pairs, strict=True):
        if not key or not equals:
            raise InvalidValueError("--parameter", parameter, "KEY=VALUE")
    return call.run(
        lambda terminal, reference: terminal.vas(
            function,
            amount=amount,
            order_id=order_id,
            printer="POS" if print_on == "terminal" else "ECR",
            parameters={key: value for key, _, value in pairs},
            reference=reference,
            queue_timeout=queue_timeout,
        )
    )
