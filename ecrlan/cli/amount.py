"""Amounts as people type them: `6.50` or `6,50`, always two decimals."""

from __future__ import annotations

import re
from typing import Any

import click

from ecrlan.errors import InvalidValueError
from ecrlan.model import MAXIMUM_AMOUNT, MINIMUM_AMOUNT

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,5})[.,]([0-9]{2})")
_NUMBER = re.compile(r"-[0-9.,]")


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
