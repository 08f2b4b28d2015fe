"""Every manner of firmware (emulator/manners.py), and the fiercest together: a sale, two refusals, a sale, a loss and its recovery."""

from __future__ import annotations

import asyncio

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.emulator.manners import MANNERS
from ecrlan.model import Approved, Declined, NotPerformed
from ecrlan.texts import words
from tests.scripted import Till, till
from tests.virtual import VirtualLoop, run

ALLOWANCE = 0.1
TOGETHER = ("worded_status", "refusal_repeats_stan", "stan_anew", "e74", "pan_forms", "many_progress", "receipt_lines", "closes_on_idle")
ALL = [(name,) for name in MANNERS if name not in ("not_ready_word", "approval_after_refusal", "host_time_behind")]


@pytest.mark.parametrize("standalone_use", [True, False])
@pytest.mark.parametrize("code", ["X", "P"])
@pytest.mark.parametrize("manners", [*ALL, TOGETHER, (*TOGETHER[:-2], "receipt_run_on", "blank_refusal")], ids="+".join)
def test_a_day_on_a_terminal_with_its_manners(manners: tuple[str, ...], code: str, *, standalone_use: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=60.0, manners=manners, stans_in_series=3)
        options = {"purchase_code": code, "standalone_use": standalone_use, "print_on_register": True}
        async with EmulatorServer(emulated) as server, till(loop, server.port, **options) as desk:
            await sell(desk, emulated, 6_50)
            for _ in range(3):
                started = loop.time()
                declined = await desk.terminal.purchase(90_01)
                assert isinstance(declined.outcome, Declined), declined.outcome
                assert loop.time() - started <= first_answer(manners) + 60.0 + 2.5
            for amount in (7_00, 8_00, 9_00, 10_00):
                await sell(desk, emulated, amount)
            assert desk.alarms == []
        assert emulated.ledger.charged_total() == 6_50 + 7_00 + 8_00 + 9_00 + 10_00

    async def sell(desk: Till, emulated: EmulatedTerminal, amount: int) -> None:
        started = desk.loop.time()
        operation = await desk.terminal.purchase(amount)
        assert isinstance(operation.outcome, Approved), operation.outcome
        assert operation.outcome.stan == list(emulated.ledger)[-1].stan
        assert operation.receipt
        assert desk.loop.time() - started <= first_answer(manners) + 60.0 + ALLOWANCE

    run(main)


def first_answer(manners: tuple[str, ...]) -> float:
    """Seconds that the question for the last result takes on a terminal that ACKs it and has nothing to answer."""
    return 60.0 if "silent_last_result" in manners else 0.0


def test_a_terminal_that_says_that_it_is_not_ready_is_charged_nothing() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, manners=("not_ready_word",))
        async with EmulatorServer(emulated) as server, till(loop, server.port) as desk:
            outcome = (await desk.terminal.purchase(650)).outcome
            assert isinstance(outcome, NotPerformed)
            assert "NON OPERATIVO" in words(outcome.reason)
        assert len(emulated.ledger) == 0

    run(main)


@pytest.mark.parametrize("closes", [False, True], ids=["line kept", "line closed"])
@pytest.mark.parametrize("standalone_use", [True, False])
def test_an_approval_after_each_refusal_is_told_each_time(*, closes: bool, standalone_use: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        manners = ("approval_after_refusal", *(("closes_on_idle",) if closes else ()))
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0, manners=manners)
        async with EmulatorServer(emulated) as server, till(loop, server.port, standalone_use=standalone_use) as desk:
            for number in range(2):
                declined = await desk.terminal.purchase(90_01, reference=f"sale-{number}")
                assert isinstance(declined.outcome, Declined)
                await desk.terminal.last_result()
                await asyncio.sleep(5)
                await desk.terminal.last_result()
            told = [(alarm.name, alarm.reference) for alarm in desk.alarms]
            assert told == [("approved_after_refusal", "sale-0"), ("approved_after_refusal", "sale-1")]
            assert all("90.01 EUR" in words(alarm.what) for alarm in desk.alarms)
        assert emulated.ledger.charged_total() == 2 * 90_01

    run(main)
