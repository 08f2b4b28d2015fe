"""A till that asks a daemon, as a type checker sees it: the same operations, with the same outcomes, and the verbs of a service."""

from __future__ import annotations

import asyncio
from typing import assert_never, assert_type

import ecrlan
from ecrlan import Approved, Declined, NotPerformed, Unresolved
from ecrlan.client import Client, ClientTerminal, DaemonLostError
from ecrlan.model import orders
from ecrlan.service import LocalService, Service


async def sell(terminal: ClientTerminal, cents: int) -> str:
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


async def order(terminal: ClientTerminal | ecrlan.Terminal) -> None:
    operation = await terminal.carry_out(orders.Purchase(amount=650, reference="sale-1"))
    assert_type(operation, ecrlan.Operation[ecrlan.Outcome])


async def settle(service: Service) -> None:
    """Through a daemon or on a register of this process: the same verbs."""
    begun = await service.begin("till-1", orders.Void(last=True, reference="void-1"), wait=60)
    assert_type(begun, ecrlan.Operation)
    if begun.outcome is None:
        print((await service.show("void-1", wait=60)).to_json())
    await service.resolve("void-1", "not_performed", by="Anna", note="not in the terminal's list")
    async for event in service.events("till-1"):
        assert_type(event, ecrlan.TerminalEvent)


async def main() -> None:
    async with Client("http://127.0.0.1:8017", "token") as client, ecrlan.Register("till.db") as register:
        terminal = client.terminal("till-1")
        try:
            print(await sell(terminal, 650))
        except ecrlan.TerminalBusyError as error:
            print(error.sent)
        except DaemonLostError as error:
            print(error.code, error.sent)
        task = asyncio.create_task(terminal.totals())
        assert_type(await task, ecrlan.Operation[ecrlan.Outcome])
        await settle(client)
        await settle(LocalService(register))
        async for told in client.stream(frames=True):
            print(told.kind, told.data)
