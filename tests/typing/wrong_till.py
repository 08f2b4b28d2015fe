"""What a type checker must find: each line with `expect` is wrong in the way that it says."""

from __future__ import annotations

from typing import assert_never

import ecrlan
from ecrlan import Approved, Declined, NotPerformed, blocking
from ecrlan.client import Client, ClientTerminal
from ecrlan.model import orders


async def with_asyncio(register: ecrlan.Register, terminal: ecrlan.Terminal) -> None:
    register.dial("a", "b", 1, nonsense=3)  # expect: nonsense
    register.dial("a", "b", keep_open="yes")  # expect: keep_open
    register.listen("a", "b", lik="dial")  # expect: lik
    await terminal.purchase("six")  # expect: "int"
    await terminal.purchase(650, refrence="sale-1")  # expect: refrence
    await terminal.vas("BPAY_QR", printer="LPT1")  # expect: LPT1
    operation = await terminal.purchase(650)
    match operation.outcome:
        case Approved() | Declined() | NotPerformed():
            pass
        case never:
            assert_never(never)  # expect: Unresolved


def with_threads(register: blocking.Register, terminal: blocking.Terminal) -> None:
    register.dial("a", "b", 1, nonsense=3)  # expect: nonsense
    register.listen("a", "b", port="x")  # expect: port
    terminal.purchase("six")  # expect: "int"
    terminal.void(targt="sale-1")  # expect: targt
    match terminal.purchase(650).outcome:
        case Approved():
            pass
        case never:
            assert_never(never)  # expect: Declined


async def through_the_daemon(client: Client, terminal: ClientTerminal) -> None:
    await client.begin("till-1", 650)  # expect: Order
    await client.resolve("sale-1", "declined", by="Anna", note="x")  # expect: declined
    await terminal.purchase(6.50)  # expect: "int"
    match (await terminal.preauthorize(650)).outcome:
        case Approved() | Declined():
            pass
        case never:
            assert_never(never)  # expect: Unresolved
    await terminal.totals(amount=1)  # expect: amount
    orders.Purchase(amount=650, nonsense=3)  # expect: nonsense
