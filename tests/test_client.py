"""The client against a daemon: the verbs of a service as a register in this process performs them. More in cli/test_remote.py."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import ecrlan
from ecrlan.client import Client, DaemonGoneError, DaemonLostError
from ecrlan.emulator import EmulatedTerminal
from ecrlan.errors import (
    AlreadySentError,
    EcrlanError,
    InvalidValueError,
    ReferenceConflictError,
    RegisterError,
    TerminalBlockedError,
    TerminalBusyError,
    UnknownReferenceError,
    UnknownTerminalError,
)
from ecrlan.journal.queries import Filter
from ecrlan.model import Approved, Kind, NotPerformed, State, Unresolved, orders
from ecrlan.register import LineChanged, OperationChanged, ProgressShown, TerminalEvent
from ecrlan.register.register import local_clock
from ecrlan.service import Service
from tests.daemon.house import House, house


@asynccontextmanager
async def client_of(till: House, **options: Any) -> AsyncIterator[Client]:
    assert till.server is not None
    async with Client(till.server.url, till.daemon.tokens.operate, **options) as client:
        yield client


@asynccontextmanager
async def both(folder: Path, **options: Any) -> AsyncIterator[tuple[House, Client]]:
    async with AsyncExitStack() as stack:
        till = await stack.enter_async_context(house(folder, sockets=True, **options))
        yield till, await stack.enter_async_context(client_of(till))


def purchase(reference: str, amount: int = 650, **more: Any) -> orders.Purchase:
    return orders.Purchase(amount=amount, reference=reference, **more)


def attended() -> EmulatedTerminal:
    return EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)


async def test_a_payment_is_told_as_the_register_tells_it_and_as_json_as_it_came(tmp_path: Path) -> None:
    async with both(tmp_path, print_on_register="true") as (till, _), client_of(till, styles=True) as client:
        operation = await client.terminal("till-1").purchase(650, reference="sale-1")
        assert isinstance(operation.outcome, Approved)
        kept = till.daemon.register.operation("sale-1")
        assert operation.receipt == kept.receipt != b""
        assert operation.to_json() == await till.get("/v1/operations/sale-1")
        again = await client.terminal("till-1").carry_out(purchase("sale-1"))
        assert again == operation
        assert [charge.amount for charge in till.emulated.ledger] == [650]


async def every_verb(service: Service) -> list[object]:
    """What the verbs return, without times and what only a daemon tells."""

    async def refused(call: Any) -> tuple[type, str, str]:
        with pytest.raises(EcrlanError) as raised:
            await call
        assert str(raised.value)
        return type(raised.value), raised.value.code, raised.value.sent

    begun = await service.begin("till-1", purchase("a"), wait=20)
    odd = await service.carry_out("till-1", purchase("odd", 90_10))
    pages = await service.page(Filter(kind="purchase", outcome="approved"), limit=1)
    told: list[object] = [
        (begun.state, type(begun.outcome)),
        type(odd.outcome),
        (await service.show("a")).outcome == begun.outcome,
        [each.reference for each in pages.operations],
        pages.following,
        [each.reference for each in (await service.page(Filter(unfinished=True))).operations],
        await refused(service.begin("till-1", purchase("b"), wait=20)),
        await refused(service.begin("till-1", purchase("a", 7_00))),
        await refused(service.begin("till-9", purchase("b"))),
        await refused(service.show("nothing")),
        await refused(service.withdraw("a")),
        await refused(service.resolve("a", "approved", by="Anna", note="seen")),
        await refused(service.resolve("odd", "approved", by=" ", note="seen")),
        await refused(service.attach("odd", "till-9", by="Anna")),
        await refused(service.accept_journal(by="Anna", note="seen")),
        await refused(service.accept_terminal_id("till-1", by="Anna")),
        await refused(service.reset_hand_use("till-1", by="Anna")),
        (await service.reset_line("till-1"))["name"],
        await service.recover("odd", 0.0),
        (await service.attach("odd", "till-1", by="Anna")).outcome == odd.outcome,
    ]
    settled = await service.resolve("odd", "not_performed", by="Anna", note="red key")
    told += [
        (type(settled.outcome), settled.resolution is not None and settled.resolution.by),
        [each["name"] for each in await service.terminals()],
        (await service.journal())["doubt"],
        type((await service.carry_out("till-1", orders.Status())).outcome),
        service.incomplete,
    ]
    return told


async def test_every_verb_does_the_same_over_http_as_on_the_register(tmp_path: Path) -> None:
    found = []
    for name in ("direct", "client"):
        (tmp_path / name).mkdir()
        async with both(tmp_path / name) as (till, client):
            found.append(await every_verb(client if name == "client" else till.daemon.service))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("ask", "error", "facts"),
    [
        (lambda client: client.show("nothing"), UnknownReferenceError, {"reference": "nothing", "code": "unknown_reference"}),
        (lambda client: client.terminal("till-9").purchase(650), UnknownTerminalError, {"name": "till-9", "known": None}),
        (lambda client: client.terminal("till-1").purchase(0), InvalidValueError, {"place": "amount", "value": 0}),
        (lambda client: client.terminal("till-1").purchase(1, queue_timeout=0), TerminalBusyError, {"holder": "a", "terminal": "till-1"}),
        (lambda client: client.terminal("till-1").purchase(7, reference="a"), ReferenceConflictError, {"sent": "no"}),
        (lambda client: client.withdraw("a"), AlreadySentError, {"reference": "a", "sent": "unknown"}),
        (lambda client: client.call("GET", "/v1/nothing"), RegisterError, {"code": "not_found", "sent": "no"}),
    ],
)
async def test_what_the_daemon_refuses_is_raised_as_ecrlans_own_with_its_facts(
    tmp_path: Path, ask: Any, error: type[EcrlanError], facts: dict[str, object]
) -> None:
    async with both(tmp_path, emulated=attended()) as (till, client):
        await client.begin("till-1", purchase("a"))
        await till.until(lambda: till.emulated.stage == "card")
        with pytest.raises(error) as raised:
            await ask(client)
        assert {name: getattr(raised.value, name) for name in facts} == facts
        if isinstance(raised.value, TerminalBusyError):
            assert 0 <= raised.value.held_seconds < 20
        till.emulator.press("red")
        await client.show("a", wait=20)


async def test_a_blocked_terminal_is_settled_by_a_person_and_sells_again(tmp_path: Path) -> None:
    async with both(tmp_path) as (_, client):
        terminal = client.terminal("till-1")
        assert isinstance((await terminal.purchase(90_10, reference="odd")).outcome, Unresolved)
        with pytest.raises(TerminalBlockedError):
            await terminal.purchase(650)
        with pytest.raises(InvalidValueError):
            await client.resolve("odd", "declined", by="Anna", note="seen")  # type: ignore[arg-type]  # as a program without a checker
        await client.resolve("odd", "approved", by="Anna", note="seen")
        assert isinstance((await terminal.purchase(650)).outcome, Approved)


async def test_a_caller_that_leaves_drops_what_waits_and_nothing_else(tmp_path: Path) -> None:
    async with both(tmp_path, emulated=attended()) as (till, client):
        terminal = client.terminal("till-1")
        first = asyncio.create_task(terminal.purchase(650, reference="first"))
        await till.until(lambda: till.emulated.stage == "card")
        second = asyncio.create_task(terminal.purchase(100, reference="second"))
        queue = till.daemon.register.terminal("till-1").queue
        await till.until(lambda: queue.length == 1)
        for task in (second, first):
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        assert not await client.was_sent("second")
        assert await client.was_sent("first")
        assert not await client.was_sent("never asked for")
        with pytest.raises(UnknownReferenceError):
            await client.show("second")
        till.emulator.press("card")
        till.emulator.press("pin")
        assert isinstance((await client.show("first", wait=20)).outcome, Approved)


async def test_withdrawn_from_the_queue(tmp_path: Path) -> None:
    async with both(tmp_path, emulated=attended()) as (till, client):
        await client.begin("till-1", purchase("first"))
        await till.until(lambda: till.emulated.stage == "card")
        assert (await client.begin("till-1", purchase("second"))).state is State.QUEUED
        assert [each.reference for each in (await client.page(Filter(), limit=1)).operations] == ["second", "first"]
        assert isinstance((await client.withdraw("second")).outcome, NotPerformed)
        till.emulator.press("red")
        await client.show("first", wait=20)


async def test_what_happens_is_told_to_who_watches_and_to_who_follows(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, progress=("INSERIRE CARTA",))
    async with both(tmp_path, emulated=emulated) as (till, client):
        followed: list[TerminalEvent] = []

        async def follow(told: Callable[[TerminalEvent], None]) -> None:
            async for event in client.terminal("till-1").events():
                told(event)

        following = asyncio.create_task(follow(followed.append))
        await till.until(lambda: till.daemon.hub.followers)
        seen: list[TerminalEvent] = []
        await client.carry_out("till-1", purchase("a"), watch=seen.append)
        await client.terminal("till-1").totals(reference="b")
        states = [event.operation.state for event in seen if isinstance(event, OperationChanged)]
        assert states[-3:] == [State.SENDING, State.ACCEPTED, State.FINISHED]
        assert [event.text for event in seen if isinstance(event, ProgressShown)] == ["INSERIRE CARTA"]
        await till.until(lambda: any(isinstance(event, OperationChanged) and event.operation.reference == "b" for event in followed))
        following.cancel()
        assert {OperationChanged, ProgressShown, LineChanged} <= {type(event) for event in followed}
        assert any(isinstance(event, OperationChanged) and event.operation.kind is Kind.PURCHASE for event in followed)


async def test_where_no_daemon_is_nothing_is_sent_and_one_that_is_gone_leaves_it_to_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Client("http://127.0.0.1:1", "x" * 40) as nowhere:
        with pytest.raises(DaemonLostError) as lost:
            await nowhere.terminal("till-1").purchase(650)
        assert (lost.value.code, lost.value.sent) == ("daemon_lost", "no")
    monkeypatch.setattr("ecrlan.client.LOST_PAUSES", (0.0, 0.0))
    async with both(tmp_path, emulated=attended()) as (till, _), client_of(till, journal=tmp_path / "till.db") as client:
        paying = asyncio.create_task(client.terminal("till-1").purchase(650, reference="a"))
        await till.until(lambda: till.emulated.stage == "card")

        async def lost_again(*_arguments: object, **_more: object) -> None:
            raise DaemonLostError("nobody answers", "unknown")

        monkeypatch.setattr(client, "call", lost_again)
        assert till.server is not None
        till.daemon.hurried = True
        till.server.hurry()
        till.daemon.service.close()  # whoever waits is let go, and asks again
        with pytest.raises(DaemonGoneError) as gone:
            await paying
        assert gone.value.sent == "unknown"
        till.emulator.press("red")
        await till.daemon.service.show("a", wait=20)


async def test_without_httpx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(RegisterError, match="pip install 'ecrlan\\[client\\]'"):
        await Client("http://127.0.0.1:1", "x").__aenter__()


def test_it_is_public() -> None:
    assert ecrlan.client.Client is Client
