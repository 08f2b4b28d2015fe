"""What whoever began an operation holds: its end, also where the register is closed under it, or it is withdrawn."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ecrlan.errors import AlreadySentError, ClosedError, ReferenceConflictError, TerminalBusyError, UnknownReferenceError
from ecrlan.journal import Journal
from ecrlan.model import Approved, Code, Evidence, NotPerformed, State, Unresolved, orders
from ecrlan.register import Register
from tests.scripted import ACK, ScriptedTerminal, approval, till
from tests.virtual import VirtualLoop, run


def stage(scene: Any, folder: Path | None = None, **options: Any) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, till(loop, port, folder, **options) as desk:
            await scene(loop, terminal, desk)

    run(main)


def test_who_waits_when_the_register_is_closed_gets_the_operation_as_it_stands() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Any) -> None:
        terminal.on("X", [ACK, 60.0])
        sent = asyncio.create_task(desk.terminal.purchase(500, reference="sent"))
        await asyncio.sleep(1)
        waiting = asyncio.create_task(desk.terminal.purchase(600, reference="waiting"))
        await asyncio.sleep(1)
        await desk.register.close()
        operation = await sent
        assert isinstance(operation.outcome, Unresolved)
        assert operation.reference == "sent"
        with pytest.raises(ClosedError):
            await waiting
        assert terminal.codes().count("X") == 1

    stage(scene)


def test_who_waits_for_a_recovery_when_the_register_is_closed_gets_the_operation_too(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("X", [ACK, 60.0])
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path) as desk:
                sent = asyncio.create_task(desk.terminal.purchase(500, reference="sale-1"))
                await asyncio.sleep(1)
                await desk.register.close()
                await sent
            terminal.on("G", [60.0])
            async with till(loop, port, tmp_path) as desk:
                again = asyncio.create_task(desk.terminal.purchase(500, reference="sale-1"))
                await asyncio.sleep(1)
                assert not again.done()
                await desk.register.close()
                assert isinstance((await again).outcome, Unresolved)

    run(main)


def test_a_cancelled_caller_stays_cancelled() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Any) -> None:
        terminal.on("X", terminal.sells(6, 500))
        caller = asyncio.create_task(desk.terminal.purchase(500, reference="sale-1"))
        await asyncio.sleep(1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await asyncio.sleep(10)
        assert isinstance(desk.register.operation("sale-1").outcome, Approved), "it was sent, and went on"

    stage(scene)


def test_an_observer_that_raises_hurts_no_payment() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Any) -> None:
        terminal.on("X", terminal.sells(6, 500))
        after: list[object] = []

        def broken(_: object) -> None:
            raise ValueError("4012888888881881")

        desk.register.observe(broken, frames=True)
        desk.register.observe_rows(broken)
        desk.register.observe(after.append)
        with capture_logs() as logs:
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            await asyncio.sleep(0)
        assert after
        failures = [each for each in logs if each["event"] == "observer.failed"]
        assert {each["trace"][-1] for each in failures} == {"ValueError"}
        assert "4012888888881881" not in str(failures)
        assert len(terminal.lines) == len(terminal.requests), "no line was lost"

    stage(scene)


@pytest.mark.parametrize("promised", [False, True])
def test_a_waiting_operation_is_withdrawn(tmp_path: Path, *, promised: bool) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Any) -> None:
        terminal.on("X", terminal.sells(6, 500))
        first = asyncio.create_task(desk.terminal.purchase(500, reference="first"))
        await asyncio.sleep(1)
        running = await desk.terminal.begin(orders.Purchase(amount=600, reference="second"))
        second = asyncio.create_task(running.ended())
        await asyncio.sleep(1)
        if promised:
            running.promise()
        withdrawn, again = await asyncio.gather(desk.register.withdraw("second"), desk.register.withdraw("second"))
        assert again == withdrawn
        assert withdrawn.outcome == NotPerformed(reason=Evidence(Code.WITHDRAWN))
        assert await second == withdrawn
        assert await desk.register.withdraw("second") == desk.register.operation("second")
        assert (await desk.terminal.purchase(600, reference="second")).outcome == withdrawn.outcome, "its reference stays used"
        with pytest.raises(AlreadySentError, match="accepted"):
            await desk.register.withdraw("first")
        assert isinstance((await first).outcome, Approved)
        with pytest.raises(AlreadySentError, match="approved"):
            await desk.register.withdraw("first")
        with pytest.raises(UnknownReferenceError):
            await desk.register.withdraw("third")
        assert terminal.charges == [500]

    stage(scene, tmp_path)


def test_an_operation_is_withdrawn_while_the_terminal_is_questioned_before_it() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Any) -> None:
        terminal.on("G", [5.0, ACK])
        sale = asyncio.create_task(desk.terminal.purchase(500, reference="sale-1"))
        await asyncio.sleep(1)
        assert desk.register.operation("sale-1").state is State.QUEUED
        assert isinstance((await desk.register.withdraw("sale-1")).outcome, NotPerformed)
        assert isinstance((await sale).outcome, NotPerformed)
        await asyncio.sleep(60)
        assert "X" not in terminal.codes()

    stage(scene)


def test_admission_is_known_before_anything_is_awaited_from_the_terminal() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Any) -> None:
        terminal.on("X", [ACK, 60.0, terminal.approves(6, 500)])
        first = asyncio.create_task(desk.terminal.purchase(500, reference="first"))
        await asyncio.sleep(1)
        started = loop.time()
        with pytest.raises(ReferenceConflictError):
            await desk.terminal.purchase(501, reference="first")
        with pytest.raises(TerminalBusyError):
            await desk.terminal.purchase(500, reference="second", queue_timeout=0)
        assert loop.time() == started
        await first

    stage(scene)


def test_two_who_ask_with_one_reference_get_one_operation(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Any) -> None:
        terminal.on("X", terminal.sells(6, 500))
        operations = await asyncio.gather(*(desk.terminal.purchase(500, reference="sale-1") for _ in range(5)))
        assert len({operation.created_time for operation in operations}) == 1
        assert terminal.charges == [500]

    stage(scene, tmp_path)


async def test_a_reference_is_looked_up_in_a_thread_and_by_one_at_a_time(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "till.db")) as journal:
        async with Register(journal) as register:
            terminal = register.dial("till-1", "127.0.0.1", 1, connect_timeout=1)
            operations = await asyncio.gather(*(terminal.purchase(500, reference="sale-1") for _ in range(5)))
            assert len({operation.created_time for operation in operations}) == 1
            assert isinstance(operations[0].outcome, NotPerformed)
