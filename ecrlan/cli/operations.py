"""The operation commands: one for each order, its options made from the order's fields.

By hand stands what people type otherwise than programs: `[REF] AMOUNT` and `--last`, and the options in `TYPED`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ecrlan.cli.output import Amount, AmountCommand
from ecrlan.cli.perform import Call, confirm_last, on_its_terminal, target_and_amount, warn_above
from ecrlan.errors import InvalidValueError
from ecrlan.model import ORDERS, PaymentType, orders
from ecrlan.model.orders import Contents, Order
from ecrlan.model.values import DeclaredField, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecrlan.cli.exits import Exit

_CONTENT = re.compile(r"([0-9]+)=(.*)", re.DOTALL)
_COMMON = ("reference", "queue_timeout")
"""Fields whose options every command has, in `_common_options`."""


@dataclass(frozen=True, slots=True)
class Typed:
    """How a field is typed: its option, and the value that was meant by what was typed."""

    option: click.Option
    value: Callable[[Any], object] = lambda typed: typed


def parse_contents(contents: tuple[str, ...]) -> Contents:
    """Return additional data as (index, text) pairs."""
    pairs = []
    for content in contents:
        match = _CONTENT.fullmatch(content)
        if match is None or not 1 <= int(match[1]) <= 5:
            raise InvalidValueError("--additional-data", content, ("allowed_content", {}))
        pairs.append((int(match[1]), match[2]))
    return tuple(pairs)


def parse_parameters(parameters: tuple[str, ...]) -> Mapping[str, str]:
    """Return what was typed as KEY=VALUE."""
    pairs = [parameter.partition("=") for parameter in parameters]
    for parameter, (key, equals, _) in zip(parameters, pairs, strict=True):
        if not key or not equals:
            raise InvalidValueError("--parameter", parameter, ("allowed_parameter", {}))
    return {key: value for key, _, value in pairs}


def parse_stan(stan: str | None) -> str | None:
    """Return a STAN with its leading zeros."""
    if stan is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", stan) or not int(stan):
        raise InvalidValueError("--stan", stan, ("allowed_stan", {}))
    return stan.zfill(6)


def _option(*names: str, **more: Any) -> click.Option:  # noqa: ANN401 - click's
    return click.Option(names, **more)


TYPED: dict[str, Callable[[], Typed]] = {
    "additional_data": lambda: Typed(
        _option(
            *("--additional-data", "additional_data"),
            multiple=True,
            metavar="INDEX=TEXT",
            help="Additional data for the host, such as 5=TEXT; up to four times.",
        ),
        parse_contents,
    ),
    "preauthorization_code": lambda: Typed(
        _option(
            "--preauthorization-code",
            metavar="CODE",
            help="Instead of REF: the pre-authorization's code, 9 digits, which its result tells.",
        )
    ),
    "stan": lambda: Typed(
        _option("--stan", metavar="N", help="The STAN of the payment to reverse: it must be the terminal's last."), parse_stan
    ),
    "last": lambda: Typed(_option("--last", is_flag=True, help="Reverse whichever payment was the terminal's last, after a question.")),
    "to_ecr": lambda: Typed(
        _option(*("--on-terminal", "to_ecr"), is_flag=True, help="Print on the terminal instead of sending the receipt to the register."),
        lambda on_terminal: not on_terminal,
    ),
    "ticket_type": lambda: Typed(
        _option("--service", "ticket_type", is_flag=True, help="The service receipt instead of the financial one."), int
    ),
    "printer": lambda: Typed(
        _option(
            *("--print-on", "printer"),
            type=click.Choice(["terminal", "register"]),
            default="terminal",
            show_default=True,
            help="Who prints.",
        ),
        lambda place: "POS" if place == "terminal" else "ECR",
    ),
    "order_id": lambda: Typed(_option("--order-id", metavar="ID", help="The order, for a refund; at most 27 characters.")),
    "parameters": lambda: Typed(
        _option(*("--parameter", "parameters"), multiple=True, metavar="KEY=VALUE", help="A further parameter; as often as needed."),
        parse_parameters,
    ),
}
"""Fields that people type otherwise than programs write them."""

ABOUT: dict[type[Order], str] = {
    orders.Status: "Ask the terminal how it is: identity, state, clock, software release.",
    orders.Purchase: "Take a card payment of AMOUNT euros: 6.50 or 6,50.",
    orders.Void: """Reverse the terminal's last payment: the operation REF, the one with a STAN, or whichever it is.

    REF is the payment's reference. Refused where it is not the terminal's last payment as far as the journal knows. Without -t the
    terminal is the one of that operation.
    """,
    orders.Preauthorize: "Reserve AMOUNT euros on a card. The result's pre-authorization code is what increment and capture need.",
    orders.Increment: """Add AMOUNT euros to what the pre-authorization REF has reserved.

    REF is the reference of the pre-authorization; --preauthorization-code names one that the journal does not know. Without -t the
    terminal is the one of REF.
    """,
    orders.Capture: """Charge AMOUNT euros, the final sum, of what the pre-authorization REF has reserved.

    REF is the reference of the pre-authorization; --preauthorization-code names one that the journal does not know. Without -t the
    terminal is the one of REF. More than was authorized, increments included, is sent after a warning.
    """,
    orders.LastResult: "Ask for the terminal's last saved result. It names no request: it may be another customer's.",
    orders.Vas: """Perform a FUNCTION of another payment method.

    SERVICE_FUNCTION, such as BPAY_QR: services BPAY, WECHAT, ALIPAY; functions QR, INQUIRY, REFUND, and for BPAY TOTAL and CHIUSURA.
    """,
}
"""Help of commands about which there is more to say than their orders do."""


def command_name(order: type[Order]) -> str:
    """Return the name of an order's command."""
    return order.kind.value.replace("_", "-")


def command(name: str) -> click.Command | None:
    """Return the command of an operation; None where there is none of this name."""
    order = next((each for each in ORDERS if command_name(each) == name), None)
    return None if order is None else _command(order)


def _command(order: type[Order]) -> click.Command:
    fields = sorted(
        (declared for declared in fields_of(order) if declared.name not in (*_COMMON, "target")),
        key=lambda declared: declared.name == "cash_register_id",  # seldom wanted: behind all others
    )
    typed = {declared.name: _typed(declared) for declared in fields if not declared.required}
    arguments: list[click.Parameter] = []
    if issubclass(order, orders.FollowingOrder):
        arguments = [click.Argument(["words"], metavar="[REF] AMOUNT", nargs=-1)]
    elif issubclass(order, orders.Void):
        arguments = [click.Argument(["target"], metavar="[REF]", required=False)]
    else:
        arguments = [_argument(declared) for declared in fields if declared.required]
    options: list[click.Parameter] = [each.option for each in typed.values()]
    if issubclass(order, orders.Void):
        options.append(_option("--yes", is_flag=True, help="With --last: do not ask; needed with --json and where no person answers."))

    def perform(**given: Any) -> Exit:  # noqa: ANN401 - what the options are
        names = ("terminal", "address", "config", "reference", "as_json", "verbose")
        call = Call(kind=order.kind, **{name: given.pop(name) for name in names})
        values = {name: each.value(given.pop(name)) for name, each in typed.items()}
        return _perform(order, call, {**given, **values})

    kind = AmountCommand if any(declared.takes.unit == "cents" for declared in fields) else click.Command
    return kind(
        command_name(order), callback=perform, params=[*arguments, *options, *_common_options()], help=ABOUT.get(order, order.__doc__)
    )


def _perform(order: type[Order], call: Call, values: dict[str, Any]) -> Exit:
    """Make the order of what was typed, and have it carried out."""
    if issubclass(order, orders.FollowingOrder):
        target, amount = target_and_amount(values.pop("words"), values["preauthorization_code"])
        values |= {"target": target, "amount": amount}
    elif issubclass(order, orders.Void):
        if (values["target"] is not None) + (values["stan"] is not None) + values["last"] != 1:
            raise click.UsageError(
                "say either --stan N (the payment's STAN), REF (the payment's reference) or --last (whichever payment was the last)"
            )
        asked = values["last"] and not values.pop("yes")
        values.pop("yes", None)
        if asked:
            confirm_last(call)
    if values.get("target") is not None:
        call = on_its_terminal(call, values["target"])
    made = order(**values)
    if isinstance(made, orders.Capture) and made.target is not None:
        target, amount = made.target, made.amount
        return call.run(made, before=lambda settings, terminal: warn_above(settings, terminal, target, amount))
    return call.run(made)


def _argument(declared: DeclaredField) -> click.Argument:
    if declared.takes.unit == "cents":
        return click.Argument([declared.name], type=Amount())
    return click.Argument([declared.name])


def _typed(declared: DeclaredField) -> Typed:
    """Return how an option is typed: as `TYPED` says, or as its declaration has it."""
    if declared.name in TYPED:
        return TYPED[declared.name]()
    takes, name = declared.takes, f"--{declared.name.replace('_', '-')}"
    about: dict[str, Any] = {"help": takes.help}
    if declared.type is PaymentType:
        words = [member.name.lower() for member in PaymentType]
        option = _option(name, type=click.Choice(words), default=declared.default.name.lower(), show_default=True, **about)
        return Typed(option, lambda word: PaymentType[word.upper()])
    if declared.type is bool:
        return Typed(_option(name, is_flag=True, **about))
    if declared.choices:
        return Typed(_option(name, type=click.Choice([str(each) for each in declared.choices]), default=declared.default, **about))
    if declared.type is int:
        return Typed(_option(name, type=int, default=declared.default, metavar="N", **about))
    if declared.takes.longest is not None and declared.default == "":
        about["help"] = f"{takes.help.rstrip('.')}; at most {takes.longest} characters."
    return Typed(_option(name, default=declared.default, metavar="DIGITS" if takes.pattern.startswith("[0-9]") else "TEXT", **about))


def _common_options() -> list[click.Parameter]:
    """Return the options that all operations have."""
    waits = next(declared.takes for declared in fields_of(Order) if declared.name == "queue_timeout")
    seconds = click.FloatRange(waits.least, waits.most)
    return [
        _option("-t", "--terminal", metavar="NAME", help="The terminal's name in the settings; default: the only one."),
        _option("--address", metavar="HOST[:PORT]", help="A terminal that no settings file knows; port 8081 unless given."),
        _option("--reference", help="Your name for the operation, 1 to 64 of A-Z a-z 0-9 . _ -; default: one is made."),
        _option("--queue-timeout", type=seconds, metavar="SECONDS", help="How long to wait for the terminal."),
        _option("--config", metavar="FILE", help="The settings file."),
        _option("--json", "as_json", is_flag=True, help="Print nothing but the result, as JSON."),
        _option("-v", "--verbose", count=True, help="Log to standard error; twice for more."),
    ]
