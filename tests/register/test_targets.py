"""Void, increment and capture by operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, RegisterError, UnknownReferenceError
from ecrlan.model import Approved, Unresolved
from ecrlan.register import Register, Terminal
from tests.virtual import VirtualLoop, run


def on_terminal(scenario: Callable[[Terminal, EmulatedTerminal, Register], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            await scenario(register.dial("till-1", "127.0.0.1", server.port, standalone_use=False), emulated, register)

    run(main)


def test_void_of_the_last_payment_sends_its_stan() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.purchase(100, reference="first")
        await terminal.purchase(200, reference="second")
        with pytest.raises(RegisterError, match="first is not the terminal's last payment, and no other can be voided: that is second"):
            await terminal.void(target="first")
        void = await terminal.void(target="second", reference="void-1")
        assert isinstance(void.outcome, Approved)
        assert emulated.ledger.net_total() == 100
        assert (await terminal.void(target="second", reference="void-1")).outcome == void.outcome
        with pytest.raises(RegisterError, match="was voided already, by operation void-1"):
            await terminal.void(target="second", reference="void-2")

    on_terminal(scenario)


def test_two_voids_at_once_are_one() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.purchase(100, reference="sale")
        results = await asyncio.gather(
            *(terminal.void(target="sale", reference=f"void-{number}") for number in range(3)), return_exceptions=True
        )
        assert [type(result).__name__ for result in results] == ["Operation", "RegisterError", "RegisterError"]
        assert emulated.ledger.net_total() == 0

    on_terminal(scenario)


def test_what_cannot_be_voided() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        with pytest.raises(UnknownReferenceError):
            await terminal.void(target="nothing")
        await terminal.purchase(90_01, reference="declined")
        with pytest.raises(RegisterError, match="no approval of the terminal to refer to: it is declined"):
            await terminal.void(target="declined")
        await terminal.totals(reference="totals")
        with pytest.raises(RegisterError, match="totals is a totals; allowed: capture, increment, preauthorize, purchase"):
            await terminal.void(target="totals")
        with pytest.raises(InvalidValueError):
            await terminal.void(target="sale", last=True)
        other = register.dial("till-2", "127.0.0.1", 1)
        await terminal.purchase(100, reference="sale")
        with pytest.raises(RegisterError, match="belongs to terminal till-1, not till-2"):
            await other.void(target="sale")

    on_terminal(scenario)


def test_preauthorization_by_operation_keeps_its_total() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.preauthorize(20000, reference="room-12")
        for _ in range(2):
            assert isinstance((await terminal.increment(1000, target="room-12")).outcome, Approved)
        assert terminal.authorized_total("room-12") == 22000
        with pytest.raises(InvalidValueError):
            await terminal.capture(1000)
        with pytest.raises(InvalidValueError):
            await terminal.capture(1000, target="room-12", preauthorization_code="123456789")
        assert isinstance((await terminal.capture(22000, target="room-12", reference="bill-12")).outcome, Approved)
        for again in (terminal.capture(1000, target="room-12"), terminal.increment(1000, target="room-12")):
            with pytest.raises(RegisterError, match="room-12 is captured already, by operation bill-12"):
                await again
        assert emulated.ledger.net_total() == 22000

    on_terminal(scenario)


def test_no_capture_while_an_increment_is_unresolved() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.preauthorize(20000, reference="room-12")
        emulated.faults.set("odd_result", 1)
        assert isinstance((await terminal.increment(1000, target="room-12", reference="more")).outcome, Unresolved)
        with pytest.raises(RegisterError, match="outcome of operation more is unresolved"):
            await terminal.capture(20000, target="room-12")

    on_terminal(scenario)
