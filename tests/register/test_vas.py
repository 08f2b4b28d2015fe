"""VAS functions on a terminal: whose answer counts, and what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import Approved, Declined, Done, NotPerformed, Operation, Unresolved
from ecrlan.register import Terminal
from ecrlan.texts import words
from tests.scripted import ACK, ACK_DUE, TID, ScriptedTerminal, Step, Till, approval, frame, till
from tests.virtual import VirtualLoop, run


def answer(name: str | None, *, more: int = 0, sequence: int = 1, xml: str | None = None, **values: str) -> bytes:
    """A part of an answer to `K`: the whole document, or the piece `xml` of one."""
    named = {} if name is None else {"ECRVASID": name}
    document = xml if xml is not None else build(named | values)
    return frame(f"{TID}0K0000{more}{sequence:03}0000{len(document):04}{document}")


def build(values: dict[str, str]) -> str:
    return "<ecrres>" + "".join(f'<p k="{key}">{text}</p>' for key, text in values.items()) + "</ecrres>"


def pay(steps: list[Step], ask: Callable[[Terminal], Awaitable[Operation]], **options: Any) -> tuple[Operation, Till, ScriptedTerminal]:
    """Perform a VAS function to which the terminal answers by `steps`."""

    async def main(loop: VirtualLoop) -> tuple[Operation, Till, ScriptedTerminal]:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("K", steps)
        async with terminal.listening() as port, till(loop, port, **options) as desk:
            return await ask(desk.terminal), desk, terminal

    return run(main)


async def pay_by_phone(terminal: Terminal) -> Operation:
    return await terminal.vas("BPAY_QR", amount="10", reference="sale")


async def refund(terminal: Terminal) -> Operation:
    return await terminal.vas("BPAY_REFUND", amount="10", order_id="A1", reference="sale")


async def inquire(terminal: Terminal) -> Operation:
    return await terminal.vas("BPAY_INQUIRY", reference="sale")


FOREIGN = ["BPAY_INQUIRY", "BPAY_TOTAL", "BPAY_CHIUSURA", "ALIPAY_REFUND", "WECHAT_QR", "", None]


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("ask", [pay_by_phone, refund])
def test_only_the_answer_to_its_own_function_counts(
    name: str | None, ask: Callable[[Terminal], Awaitable[Operation]], *, in_parts: bool
) -> None:
    whole = build(({} if name is None else {"ECRVASID": name}) | {"RESPID": "0", "ORDER_ID": "A1"})
    parts: list[Step] = [answer(None, xml=whole)]
    if in_parts:
        parts = [answer(None, xml=whole[:40], more=1), ACK_DUE, answer(None, xml=whole[40:], sequence=2)]
    operation, desk, terminal = pay([ACK, 4.0, *parts], ask)
    assert isinstance(operation.outcome, Unresolved), operation.outcome
    assert terminal.codes().count("K") == 1
    assert desk.alarm_names() == ["unresolved"]
    assert any(row.name == "stray" and row.data["reason_code"] in ("vas_to_another", "vas_to_nothing") for row in desk.rows)


def test_its_own_answer_behind_another_functions_counts() -> None:
    steps = [ACK, 4.0, answer("BPAY_INQUIRY", RESPID="0"), ACK_DUE, 2.0, answer("BPAY_QR", RESPID="0", ORDER_ID="B2")]
    operation, _, terminal = pay(steps, pay_by_phone)
    assert isinstance(operation.outcome, Approved)
    assert operation.outcome.answer == {"ECRVASID": "BPAY_QR", "RESPID": "0", "ORDER_ID": "B2"}
    assert len(terminal.acks) >= 2


@pytest.mark.parametrize("values", [{}, {"RESPID": ""}, {"RESPID": " ", "RESPMSG": "OK"}])
@pytest.mark.parametrize("ask", [pay_by_phone, refund])
def test_an_answer_without_respid_says_neither_yes_nor_no(ask: Callable[[Terminal], Awaitable[Operation]], values: dict[str, str]) -> None:
    name = "BPAY_QR" if ask is pay_by_phone else "BPAY_REFUND"
    operation, desk, _ = pay([ACK, 4.0, answer(name, **values)], ask)
    assert isinstance(operation.outcome, Unresolved)
    assert "no RESPID" in words(operation.outcome.evidence)
    assert desk.alarm_names() == ["unresolved"]


def test_a_respid_that_is_not_0_declines() -> None:
    operation, _, _ = pay([ACK, 4.0, answer("BPAY_QR", RESPID="7", RESPMSG="ANNULLATO")], pay_by_phone)
    assert isinstance(operation.outcome, Declined)
    assert words(operation.outcome.reason) == "ANNULLATO"


def test_a_question_that_gets_another_functions_answer_has_none() -> None:
    operation, desk, _ = pay([ACK, 1.0, answer("BPAY_QR", RESPID="0")], inquire)
    assert isinstance(operation.outcome, NotPerformed)
    assert desk.alarms == []
    operation, _, _ = pay([ACK, 1.0, answer("BPAY_INQUIRY", RESPID="0")], inquire)
    assert isinstance(operation.outcome, Done)


@pytest.mark.parametrize("key", ["AMOUNT", "amount", "ORDER_ID", "Printer", "ECRVASID", "SUBSMPARAMS"])
def test_parameters_override_no_argument(key: str) -> None:
    async def ask(terminal: Terminal) -> Operation:
        with pytest.raises(InvalidValueError, match="keys other than AMOUNT, ORDER_ID, PRINTER"):
            await terminal.vas("BPAY_QR", amount="10", parameters={key: "1"})
        return await terminal.vas("BPAY_QR", amount="10", parameters={"CODE": "X"}, reference="sale")

    operation, _, _ = pay([ACK, answer("BPAY_QR", RESPID="0")], ask)
    assert isinstance(operation.outcome, Approved)
