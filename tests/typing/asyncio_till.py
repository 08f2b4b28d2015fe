"""A till with asyncio, as a type checker sees it: every outcome of a payment is dealt with, and nothing needs a cast."""

from __future__ import annotations

import asyncio
from typing import assert_never, assert_type

import ecrlan
from ecrlan import Approved, Declined, Done, NotPerformed, Unresolved


async def sell(terminal: ecrlan.Terminal, cents: int) -> str:
    operation = await terminal.purchase(cents, reference="sale-1", payment_type=ecrlan.PaymentType.DEBIT)
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


async def follow(terminal: ecrlan.Terminal) -> None:
    async for event in terminal.events():
        match event:
            case ecrlan.ProgressShown(text=text):
                print(text)
            case ecrlan.Alarm(what=what):
                print(ecrlan.words(what, "it"))
            case ecrlan.OperationChanged(operation=operation):
                assert_type(operation, ecrlan.Operation)
                print(operation.outcome or operation.state)
            case ecrlan.FrameSent(raw=raw) | ecrlan.FrameReceived(raw=raw):
                print(raw.hex())
            case ecrlan.LineChanged(opened=opened):
                print(opened)
            case never:
                assert_never(never)


async def main() -> None:
    async with ecrlan.Register("till.db", listen="192.168.1.10:8082") as register:
        terminal = register.dial("till-1", "192.168.1.50", keep_open=True, ack_timeout=2.0)
        other = register.listen("till-2", "192.168.1.51", purchase_code="P")
        first, second = await asyncio.gather(sell(terminal, 650), sell(other, 100))
        print(first, second)
        task = asyncio.create_task(terminal.void(last=True))
        voided = await task
        assert_type(voided, ecrlan.MoneyOperation)
        for operation in (
            await terminal.preauthorize(20_000),
            await terminal.increment(5_000, target="room-12"),
            await terminal.capture(23_140, preauthorization_code="123456789"),
            await terminal.verify_card(additional_data=[(5, "TEXT")]),
        ):
            assert_type(operation, ecrlan.MoneyOperation)
        status = await terminal.status()
        if isinstance(status.outcome, Done):
            print(status.outcome.response)
        print((await terminal.vas("BPAY_QR", amount="650", printer="ECR")).to_json())
        known = register.operation("sale-1")
        assert_type(known, ecrlan.Operation)
        print(known.outcome is None)
