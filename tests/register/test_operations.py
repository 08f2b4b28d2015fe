"""Every operation over real TCP, however the line came to be and however the bytes are cut."""

from __future__ import annotations

from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorDialer, EmulatorServer
from ecrlan.model import Approved, Declined, Done, Kind, Operation, PaymentResult, StatusResponse, TotalsResponse
from ecrlan.register import Register, Terminal
from ecrlan.register.register import local_clock


def approved(operation: Operation) -> PaymentResult:
    assert isinstance(operation.outcome, Approved), operation
    assert operation.outcome.result is not None
    return operation.outcome.result


async def perform_everything(terminal: Terminal, emulated: EmulatedTerminal, *, receipts: bool) -> None:
    status = await terminal.status()
    assert isinstance(status.outcome, Done)
    assert isinstance(status.outcome.response, StatusResponse)
    assert status.outcome.response.terminal_id == emulated.terminal_id

    purchase = await terminal.purchase(650, reference="sale-1", receipt_text="GRAZIE")
    assert approved(purchase).amount == 650
    assert (b"6,50" in purchase.receipt) == receipts
    assert purchase.receipt.endswith(b"\x7d\x1b") == receipts

    void = await terminal.void(stan=approved(purchase).stan)
    assert approved(void).stan != approved(purchase).stan

    opened = approved(await terminal.preauthorize(20000))
    code = opened.preauthorization_code
    assert code is not None
    approved(await terminal.increment(2000, preauthorization_code=code))
    approved(await terminal.increment(1000, preauthorization_code=code))
    too_much = await terminal.capture(23001, preauthorization_code=code)
    assert isinstance(too_much.outcome, Declined)
    approved(await terminal.capture(23000, preauthorization_code=code))

    approved(await terminal.verify_card())
    token = await terminal.purchase(700, additional_data=[(1, "BTD123"), (5, "0COF0FNZ03")], iso_field="62")
    approved(token)
    assert token.data

    emulated.vas_parts = 3
    emulated.faults.clear()
    paid = await terminal.vas("BPAY_QR", amount="10", parameters={"NOTE": "x" * 400})
    assert isinstance(paid.outcome, Approved)
    assert paid.outcome.answer is not None
    assert paid.outcome.answer["RESPID"] == "0"

    totals = await terminal.totals()
    assert isinstance(totals.outcome, Done)
    assert isinstance(totals.outcome.response, TotalsResponse)
    assert totals.outcome.response.terminal_total == 23000 + 700
    reprint = await terminal.reprint(to_ecr=True)
    assert isinstance(reprint.outcome, Done)
    assert b"7,00" in reprint.receipt
    assert isinstance((await terminal.close_session()).outcome, Done)
    last = await terminal.last_result()
    assert isinstance(last.outcome, Done)
    assert emulated.ledger.net_total() == 23000 + 700 + 10
    assert last.kind is Kind.LAST_RESULT


def options(delivery: str, *, receipts: bool, keep_open: bool) -> dict[str, Any]:
    return {"print_on_register": receipts, "keep_open": keep_open, "standalone_use": delivery == "whole"}


@pytest.mark.parametrize("receipts", [False, True], ids=["terminal prints", "register prints"])
@pytest.mark.parametrize("delivery", ["whole", "split", "glued"])
@pytest.mark.parametrize("link", ["dial", "listen", "auto", "kept"])
async def test_every_operation(link: str, delivery: str, receipts: bool) -> None:
    emulated = EmulatedTerminal(clock=local_clock, progress=("INSERIRE CARTA",))
    if delivery != "whole":
        emulated.faults.set(delivery, 1000)
    settings = options(delivery, receipts=receipts, keep_open=link == "kept")
    if link in ("dial", "kept"):
        async with EmulatorServer(emulated) as server, Register() as register:
            await perform_everything(register.dial("till-1", "127.0.0.1", server.port, **settings), emulated, receipts=receipts)
        return
    async with Register(listen="127.0.0.1:0") as register:
        assert register.listener is not None
        terminal = register.listen("till-1", "127.0.0.1", **settings)
        async with EmulatorDialer(emulated, "127.0.0.1", register.listener.port, redial_seconds=0.001):
            await perform_everything(terminal, emulated, receipts=receipts)


@pytest.mark.parametrize(
    ("cents", "currency"), [(90_20, "USD"), (90_21, "JPY"), (90_22, "KWD"), (90_23, None)], ids=["dollars", "yen", "dinars", "euros"]
)
async def test_currency_exchange(cents: int, currency: str | None) -> None:
    emulated = EmulatedTerminal(clock=local_clock)
    async with EmulatorServer(emulated) as server, Register() as register:
        result = approved(await register.dial("till-1", "127.0.0.1", server.port).purchase(cents))
        assert result.code == "V"
        assert result.amount == cents
        assert (result.currency_exchange.currency if result.currency_exchange else None) == currency
