"""A till with threads, as a type checker sees it."""

from __future__ import annotations

from typing import assert_never, assert_type

import ecrlan
from ecrlan import Approved, Declined, NotPerformed, Unresolved, blocking


def sell(terminal: blocking.Terminal, cents: int) -> str:
    operation = terminal.purchase(cents, reference="sale-1", queue_timeout=5)
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


def main() -> None:
    with blocking.Register(journal="till.db") as register:
        terminal = register.dial("till-1", "192.168.1.50", 8081, print_on_register=True)
        print(sell(terminal, 650))
        assert_type(terminal.void(target="sale-1"), ecrlan.MoneyOperation)
        assert_type(terminal.close_session(), ecrlan.Operation[ecrlan.Outcome])
        for event in terminal.events():
            assert_type(event, ecrlan.TerminalEvent)
