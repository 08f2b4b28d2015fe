"""Calls at the end of the daemon's life, and those that fail in ways nobody foresaw; the rest is in http/test_operations.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from ecrlan.daemon.calls import Calls
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import ClosedError, RegisterError, UnknownReferenceError
from ecrlan.model import Approved, NotPerformed, Operation, State, orders
from ecrlan.register import Register, Terminal
from ecrlan.register.register import local_clock
from tests.daemon.house import until


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def left() -> None:
    return


def purchase(reference: str, amount: int = 650, **more: Any) -> orders.Purchase:
    return orders.Purchase(amount=amount, reference=reference, **more)


def attended() -> EmulatedTerminal:
    return EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)


async def reached_card(emulated: EmulatedTerminal) -> None:
    await until(lambda: emulated.stage == "card")


async def test_closing_takes_nothing_new_and_lets_waiting_clients_go() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        calls = Calls(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        first = asyncio.create_task(calls.begin(terminal, purchase("sale-1"), wait=60, gone=never))
        await reached_card(emulated)
        watching = asyncio.create_task(calls.ended("sale-1", wait=60, gone=never))
        await asyncio.sleep(0)
        calls.closing = True
        with pytest.raises(ClosedError):
            await calls.begin(terminal, purchase("sale-2"), wait=0, gone=never)
        with pytest.raises(ClosedError):
            await calls.look(terminal.status(), never)
        assert not first.done()
        calls.close()
        for answer in await asyncio.gather(first, watching):
            assert answer is not None
            assert answer.state is State.ACCEPTED


async def test_what_is_dropped_from_the_queue_at_the_end_is_told_as_closing() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        calls = Calls(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        first = asyncio.create_task(calls.begin(terminal, purchase("sale-1"), wait=60, gone=never))
        await reached_card(emulated)
        second = asyncio.create_task(calls.begin(terminal, purchase("sale-2"), wait=60, gone=never))
        promised = await calls.begin(terminal, purchase("sale-3"), wait=0, gone=never)
        assert promised is not None
        draining = asyncio.create_task(register.drain(60))
        with pytest.raises(ClosedError):
            await second
        server.press("card")
        server.press("pin")
        await draining
        paid = await first
        assert paid is not None
        assert isinstance(paid.outcome, Approved)
        third = await calls.ended("sale-3", wait=0, gone=never)
        assert third is not None
        assert third.outcome is not None
        assert third.outcome.outcome == "not_performed"
        assert [entry.amount for entry in emulated.ledger] == [650]


async def test_who_looks_for_an_operation_that_is_refused_is_told_so() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        calls = Calls(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        holding = asyncio.create_task(terminal.purchase(100))
        await reached_card(emulated)
        second = asyncio.create_task(calls.begin(terminal, purchase("sale-2", queue_timeout=0.05), wait=60, gone=never))
        await until(lambda: terminal.queue.length)
        with pytest.raises(UnknownReferenceError):
            await calls.ended("sale-2", wait=60, gone=never)
        assert (await asyncio.gather(second, return_exceptions=True))[0] is not None
        server.press("red")
        await holding


async def test_who_leaves_is_answered_nothing() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        calls = Calls(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        holding = asyncio.create_task(terminal.purchase(100, reference="sale-1"))
        await reached_card(emulated)
        assert await calls.begin(terminal, purchase("sale-2"), wait=60, gone=left) is None
        assert await calls.ended("sale-1", wait=60, gone=left) is None
        assert await calls.look(terminal.status(), left) is None
        await until(lambda: not terminal.queue.length)
        server.press("red")
        await holding


async def test_an_error_that_nobody_foresaw_is_logged_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_terminal: Terminal, _work: object, _place: object) -> None:
        raise ZeroDivisionError("5555444433332222")

    monkeypatch.setattr(Terminal, "_perform", broken)
    async with Register() as register:
        calls = Calls(register)
        with capture_logs() as logs:
            with pytest.raises(ZeroDivisionError):
                await calls.begin(register.dial("till-1", "127.0.0.1"), purchase("sale-1"), wait=60, gone=never)
            await asyncio.sleep(0)
    (event,) = [each for each in logs if each["event"] == "operation.failed"]
    assert event["trace"][-1] == "ZeroDivisionError"
    assert "5555444433332222" not in str(event)


@pytest.mark.parametrize("turns", range(16))
async def test_a_refusal_is_told_at_once_or_kept_as_promised(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever moment it comes in: nobody is told that an operation is under way, and then that there is none (found by killed daemons)."""

    async def refused_after_a_while(_terminal: Terminal, _work: object, _place: object) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise RegisterError("somebody was there before")

    monkeypatch.setattr(Terminal, "_perform", refused_after_a_while)
    async with Register() as register:
        calls = Calls(register)
        terminal = register.dial("till-1", "127.0.0.1")
        try:
            promised = await calls.begin(terminal, purchase("sale-1"), wait=0, gone=never)
        except UnknownReferenceError:
            raise
        except RegisterError:
            return
        assert promised is not None
        ended = await calls.ended("sale-1", wait=20, gone=never)
        assert ended is not None
        assert isinstance(ended.outcome, NotPerformed)


async def test_an_end_that_comes_while_the_operation_is_looked_up_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        calls = Calls(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        assert await calls.begin(terminal, purchase("sale-1"), wait=0, gone=never) is not None
        await reached_card(emulated)
        find = register.find

        async def slow(reference: str) -> Operation:
            found = await find(reference)
            if found.state is not State.FINISHED:
                server.press("card")
                server.press("pin")
                await until(lambda: not register.running())
                register.publisher.flush()
            return found

        monkeypatch.setattr(register, "find", slow)
        ended = await asyncio.wait_for(calls.ended("sale-1", wait=60, gone=never), 10)
        assert ended is not None
        assert isinstance(ended.outcome, Approved)
        assert calls._ends == {}
        calls.close()
