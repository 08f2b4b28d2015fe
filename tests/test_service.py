"""The verbs on a register: at the end of a daemon's life, where callers leave, and failures that nobody foresaw.

The rest is shown over HTTP (daemon/http/test_operations.py) and by commands (cli/test_remote.py).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import ClosedError, RegisterError, UnknownReferenceError
from ecrlan.journal.queries import Filter
from ecrlan.model import Approved, NotPerformed, Operation, State, orders
from ecrlan.register import OperationChanged, ProgressShown, Register, Terminal, TerminalEvent
from ecrlan.register.register import local_clock
from ecrlan.service import LocalService, newest
from tests.daemon.house import until


def purchase(reference: str, amount: int = 650, **more: Any) -> orders.Purchase:
    return orders.Purchase(amount=amount, reference=reference, **more)


def attended() -> EmulatedTerminal:
    return EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)


async def reached_card(emulated: EmulatedTerminal) -> None:
    await until(lambda: emulated.stage == "card")


async def test_closing_takes_nothing_new_and_lets_waiting_clients_go() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        register.dial("till-1", "127.0.0.1", server.port)
        first = asyncio.create_task(service.begin("till-1", purchase("sale-1"), wait=60))
        await reached_card(emulated)
        watching = asyncio.create_task(service.show("sale-1", wait=60))
        await asyncio.sleep(0)
        service.closing = True
        with pytest.raises(ClosedError):
            await service.begin("till-1", purchase("sale-2"), wait=0)
        with pytest.raises(ClosedError):
            await service.carry_out("till-1", orders.Status())
        assert not first.done()
        service.close()
        for answer in await asyncio.gather(first, watching):
            assert answer.state is State.ACCEPTED


async def test_what_is_dropped_from_the_queue_at_the_end_is_told_as_closing() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        register.dial("till-1", "127.0.0.1", server.port)
        first = asyncio.create_task(service.begin("till-1", purchase("sale-1"), wait=60))
        await reached_card(emulated)
        second = asyncio.create_task(service.begin("till-1", purchase("sale-2"), wait=60))
        await service.begin("till-1", purchase("sale-3"), wait=0)
        draining = asyncio.create_task(register.drain(60))
        with pytest.raises(ClosedError):
            await second
        server.press("card")
        server.press("pin")
        await draining
        paid = await first
        assert isinstance(paid.outcome, Approved)
        third = await service.show("sale-3", wait=0)
        assert third.outcome is not None
        assert third.outcome.outcome == "not_performed"
        assert [entry.amount for entry in emulated.ledger] == [650]


async def test_who_looks_for_an_operation_that_is_refused_is_told_so() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        holding = asyncio.create_task(terminal.purchase(100))
        await reached_card(emulated)
        second = asyncio.create_task(service.begin("till-1", purchase("sale-2", queue_timeout=0.05), wait=60))
        await until(lambda: terminal.queue.length)
        with pytest.raises(UnknownReferenceError):
            await service.show("sale-2", wait=60)
        assert (await asyncio.gather(second, return_exceptions=True))[0] is not None
        server.press("red")
        await holding


async def test_what_waits_for_a_caller_that_leaves_is_dropped() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        holding = asyncio.create_task(terminal.purchase(100, reference="sale-1"))
        await reached_card(emulated)
        for leaving in (
            service.begin("till-1", purchase("sale-2"), wait=60),
            service.carry_out("till-1", purchase("sale-3")),
            service.carry_out("till-1", orders.Status()),
        ):
            call = asyncio.create_task(leaving)  # type: ignore[arg-type]  # of one result or another
            await until(lambda: terminal.queue.length == 1)
            call.cancel()
            await asyncio.wait([call])
            assert not await service.was_sent("sale-2")
            assert not await service.was_sent("sale-3")
            await until(lambda: not terminal.queue.length)
        watching = asyncio.create_task(service.show("sale-1", wait=60))
        await asyncio.sleep(0)
        watching.cancel()
        await asyncio.wait([watching])
        assert await service.was_sent("sale-1")
        server.press("red")
        await holding


async def test_what_was_sent_goes_on_though_its_caller_leaves() -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        register.dial("till-1", "127.0.0.1", server.port)
        call = asyncio.create_task(service.carry_out("till-1", purchase("sale-1")))
        await reached_card(emulated)
        call.cancel()
        await asyncio.wait([call])
        assert call.cancelled()
        assert await service.was_sent("sale-1")
        server.press("card")
        server.press("pin")
        assert isinstance((await service.show("sale-1", wait=60)).outcome, Approved)


async def test_who_watches_is_told_all_that_happens_until_the_outcome() -> None:
    emulated = EmulatedTerminal(clock=local_clock, progress=("INSERIRE CARTA",))
    seen: list[TerminalEvent] = []
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        register.dial("till-1", "127.0.0.1", server.port)
        operation = await service.carry_out("till-1", purchase("sale-1"), watch=seen.append)
        told = [event.operation.state for event in seen if isinstance(event, OperationChanged)]
        assert told[-3:] == [State.SENDING, State.ACCEPTED, State.FINISHED]
        assert [event.text for event in seen if isinstance(event, ProgressShown)] == ["INSERIRE CARTA"]
        count = len(seen)
        assert await service.carry_out("till-1", purchase("sale-1"), watch=seen.append) == operation
        await register.terminal("till-1").status()
        assert len(seen) == count, "nobody watches any more"


async def test_pages_of_operations_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecrlan.service.LONGEST_PAGE", 2)
    emulated = EmulatedTerminal(clock=local_clock)
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        for number in range(5):
            await terminal.totals(reference=f"t-{number}")
        for limit in (1, 2, 3, 5, 9):
            found = await newest(service, Filter(kind="totals"), limit)
            assert [each.reference for each in found] == [f"t-{4 - number}" for number in range(min(limit, 5))]
        assert await newest(service, Filter(kind="purchase"), 9) == []


async def test_an_error_that_nobody_foresaw_is_logged_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_terminal: Terminal, _work: object, _place: object) -> None:
        raise ZeroDivisionError("5555444433332222")

    monkeypatch.setattr(Terminal, "_perform", broken)
    async with Register() as register:
        service = LocalService(register)
        register.dial("till-1", "127.0.0.1")
        with capture_logs() as logs:
            with pytest.raises(ZeroDivisionError):
                await service.begin("till-1", purchase("sale-1"), wait=60)
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
        service = LocalService(register)
        register.dial("till-1", "127.0.0.1")
        try:
            await service.begin("till-1", purchase("sale-1"), wait=0)
        except UnknownReferenceError:
            raise
        except RegisterError:
            return
        ended = await service.show("sale-1", wait=20)
        assert isinstance(ended.outcome, NotPerformed)


async def test_an_end_that_comes_while_the_operation_is_looked_up_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    emulated = attended()
    async with EmulatorServer(emulated) as server, Register() as register:
        service = LocalService(register)
        register.dial("till-1", "127.0.0.1", server.port)
        await service.begin("till-1", purchase("sale-1"))
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
        ended = await asyncio.wait_for(service.show("sale-1", wait=60), 10)
        assert isinstance(ended.outcome, Approved)
        assert service._ends == {}
        service.close()
