"""Each fault of the emulator, on each operation that moves money: the outcome is right against the ledger, or unresolved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ecrlan.emulator import FAULTS, EmulatedTerminal, EmulatorServer
from ecrlan.model import Approved, Declined, Done, NotPerformed, Operation, Unresolved
from ecrlan.register import Register, Terminal
from tests.virtual import VirtualLoop, run

Order = Callable[[Terminal, str], Awaitable[Operation]]

ORDERS: dict[str, Order] = {
    "purchase": lambda terminal, code: terminal.purchase(650),
    "void": lambda terminal, code: terminal.void(last=True),
    "preauthorize": lambda terminal, code: terminal.preauthorize(20000),
    "increment": lambda terminal, code: terminal.increment(5000, preauthorization_code=code),
    "capture": lambda terminal, code: terminal.capture(12345, preauthorization_code=code),
    "close_session": lambda terminal, code: terminal.close_session(),
    "vas": lambda terminal, code: terminal.vas("BPAY_QR", amount="10"),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "trusting": {"standalone_use": False, "trust_unchanged_result": True},
    "kept line": {"keep_open": True, "standalone_use": False},
    "plain purchase": {"purchase_code": "P", "standalone_use": False},
    "receipt here": {"print_on_register": True},
}
LONGEST = 1200.0
"""Seconds of injected time: the result's limit, the longest payment, and every question for the last result."""


async def prepare(terminal: Terminal, emulated: EmulatedTerminal) -> str:
    """Leave a pre-authorization and a last payment behind; return the pre-authorization's code."""
    opened = (await terminal.preauthorize(30000)).outcome
    assert isinstance(opened, Approved)
    assert opened.result is not None
    paid = (await terminal.purchase(1000)).outcome
    assert isinstance(paid, Approved)
    assert len(emulated.ledger) == 2
    return opened.result.preauthorization_code or ""


def check(operation: Operation, before: int, emulated: EmulatedTerminal) -> None:
    new = [entry for entry in list(emulated.ledger)[before:] if not entry.by_hand]
    assert len(new) <= 1, f"performed twice: {new}"
    match operation.outcome:
        case Approved() | Done():
            assert len(new) == 1, f"approved, and nothing in the ledger: {operation}"
            assert operation.amount is None or new[0].amount == operation.amount
        case Declined() | NotPerformed():
            assert not new, f"{operation.outcome}, and yet {new}"
        case Unresolved():
            pass
        case None:
            pytest.fail("no outcome")


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_outcome_is_right_or_unresolved(fault: str, order: str, settings: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            # where somebody pays by hand, the settings must say so: nothing else could tell whose payment it was
            options = SETTINGS[settings] | ({"standalone_use": True} if fault == "foreign_use" else {})
            terminal = register.dial("till-1", "127.0.0.1", server.port, **options)
            code = await prepare(terminal, emulated)
            before = len(emulated.ledger)
            started = loop.time()
            emulated.faults.set(fault, 2 if fault == "bad_lrc" else 1)
            operation = await ORDERS[order](terminal, code)
            assert loop.time() - started <= LONGEST
            check(operation, before, emulated)
            server.wake()

    run(main)


@pytest.mark.parametrize("keep_open", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_customer_never_gets_the_result(fault: str, keep_open: bool) -> None:
    """Two purchases of the same amount, the first one disturbed, the second one waiting or refused: one result each."""

    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, late_on_any_line=True, late_seconds=185.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            by_hand = fault == "foreign_use"
            terminal = register.dial("till-1", "127.0.0.1", server.port, keep_open=keep_open, standalone_use=by_hand)
            await prepare(terminal, emulated)
            before = len(emulated.ledger)
            emulated.faults.set(fault, 1)
            first = await terminal.purchase(650, reference="first")
            try:
                second = await terminal.purchase(650, reference="second")
            except Exception as error:  # noqa: BLE001  # any refusal will do, as long as nothing is sent
                assert getattr(error, "sent", None) == "no"  # noqa: PT017
                second = None
            approved = [operation for operation in (first, second) if operation and isinstance(operation.outcome, Approved)]
            asked = [entry for entry in list(emulated.ledger)[before:] if not entry.by_hand]
            stans = {operation.outcome.stan for operation in approved if isinstance(operation.outcome, Approved)}
            assert len(stans) == len(approved)
            assert stans <= {entry.stan for entry in asked}
            if second is not None:
                assert len(asked) <= 2
                assert isinstance(first.outcome, Unresolved) is False

    run(main)
