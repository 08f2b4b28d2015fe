"""A till that asks a daemon, as a type checker sees it: the same operations, with the same outcomes."""

from __future__ import annotations

from typing import assert_never, assert_type

import ecrlan
from ecrlan import Approved, Declined, NotPerformed, Unresolved
from ecrlan.cli.remote_terminal import RemoteTerminal
from ecrlan.model import orders


async def sell(terminal: RemoteTerminal, cents: int) -> str:
    operation = await terminal.purchase(cents, reference="sale-1", receipt_text="Grazie")
    assert_type(operation, ecrlan.MoneyOperation)
    match operation.outcome:
        case Approved(stan=stan):
            return f"paid, {stan}"
        case Declined(reason=reason) | NotPerformed(reason=reason):
            return ecrlan.words(reason)
        case Unresolved():
            return "settle it by hand"
        case never:
            assert_never(never)


async def order(terminal: RemoteTerminal | ecrlan.Terminal) -> None:
    operation = await terminal.carry_out(orders.Purchase(amount=650, reference="sale-1"))
    assert_type(operation, ecrlan.Operation[ecrlan.Outcome])
