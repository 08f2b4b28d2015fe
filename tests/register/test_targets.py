"""Void, increment and capture by operation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, RegisterError, UnknownReferenceError
from ecrlan.model import Approved, Unresolved
from ecrlan.register import Register, Terminal
from tests.scripted import ACK, ScriptedTerminal, approval, preauthorization, till
from tests.virtual import VirtualLoop, run


def on_terminal(scenario: Callable[[Terminal, EmulatedTerminal, Register], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            await scenario(register.dial("till-1", "127.0.0.1", server.port, standalone_use=False), emulated, register)

    run(main)


def test_void_of_the_last_payment_sends_its_stan() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.purchase(100, reference="first")
        await terminal.purchase(200, reference="second")
        with pytest.raises(RegisterError, match="first is not the terminal's last payment, and no other can be voided: that is second"):
            await terminal.void(target="first")
        void = await terminal.void(target="second", reference="void-1")
        assert isinstance(void.outcome, Approved)
        assert emulated.ledger.net_total() == 100
        assert (await terminal.void(target="second", reference="void-1")).outcome == void.outcome
        with pytest.raises(RegisterError, match="was voided already, by operation void-1"):
            await terminal.void(target="second", reference="void-2")

    on_terminal(scenario)


def test_two_voids_at_once_are_one() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.purchase(100, reference="sale")
        results = await asyncio.gather(
            *(terminal.void(target="sale", reference=f"void-{number}") for number in range(3)), return_exceptions=True
        )
        assert [type(result).__name__ for result in results] == ["Operation", "RegisterError", "RegisterError"]
        assert emulated.ledger.net_total() == 0

    on_terminal(scenario)


def test_what_cannot_be_voided() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        with pytest.raises(UnknownReferenceError):
            await terminal.void(target="nothing")
        await terminal.purchase(90_01, reference="declined")
        with pytest.raises(RegisterError, match="no approval of the terminal to refer to: it is declined"):
            await terminal.void(target="declined")
        await terminal.totals(reference="totals")
        with pytest.raises(RegisterError, match="totals is a totals; allowed: capture, increment, preauthorize, purchase"):
            await terminal.void(target="totals")
        with pytest.raises(InvalidValueError):
            await terminal.void(target="sale", last=True)
        other = register.dial("till-2", "127.0.0.1", 1)
        await terminal.purchase(100, reference="sale")
        with pytest.raises(RegisterError, match="belongs to terminal till-1, not till-2"):
            await other.void(target="sale")

    on_terminal(scenario)


def test_preauthorization_by_operation_keeps_its_total() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.preauthorize(20000, reference="room-12")
        for _ in range(2):
            assert isinstance((await terminal.increment(1000, target="room-12")).outcome, Approved)
        assert terminal.authorized_total("room-12") == 22000
        with pytest.raises(InvalidValueError):
            await terminal.capture(1000)
        with pytest.raises(InvalidValueError):
            await terminal.capture(1000, target="room-12", preauthorization_code="123456789")
        assert isinstance((await terminal.capture(22000, target="room-12", reference="bill-12")).outcome, Approved)
        for again in (terminal.capture(1000, target="room-12"), terminal.increment(1000, target="room-12")):
            with pytest.raises(RegisterError, match="room-12 is captured already, by operation bill-12"):
                await again
        assert emulated.ledger.net_total() == 22000

    on_terminal(scenario)


def test_no_capture_while_an_increment_is_unresolved() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.preauthorize(20000, reference="room-12")
        emulated.faults.set("odd_result", 1)
        assert isinstance((await terminal.increment(1000, target="room-12", reference="more")).outcome, Unresolved)
        with pytest.raises(RegisterError, match="outcome of operation more is unresolved"):
            await terminal.capture(20000, target="room-12")

    on_terminal(scenario)


# --- B10: a void by reference needs a STAN ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["purchase", "preauthorize"])
def test_an_approval_without_stan_is_never_voided_by_its_reference(form: str) -> None:
    """`S` with 000000 voids whichever payment was last: somebody else's, who paid by hand since."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.on("X", terminal.sells("000000", 500))
        terminal.on("p", lambda _: [ACK, preauthorization(0, loop.clock())])
        terminal.on("S", lambda _: [ACK, approval(7, loop.clock(), form=84)])
        async with terminal.listening() as port, till(loop, port, last_result_supported=False) as desk:
            sale = await getattr(desk.terminal, form)(500, reference="sale")
            assert isinstance(sale.outcome, Approved)
            with pytest.raises(RegisterError, match="operation sale has no STAN, so it cannot be voided by its reference"):
                await desk.terminal.void(target="sale", reference="void")
            assert "S" not in terminal.codes()
            with pytest.raises(UnknownReferenceError):
                desk.register.operation("void")
            with pytest.raises(InvalidValueError):
                await desk.terminal.void(stan="000000")
            assert isinstance((await desk.terminal.void(last=True)).outcome, Approved), "a person may say: whichever was last"

    run(main)


# --- B12: a pre-authorization is its code -------------------------------------------------------------------------------------------

Ask = Callable[[Terminal, str], Awaitable[object]]


async def by_code(terminal: Terminal, code: str) -> object:
    return await terminal.capture(500, preauthorization_code=code)


async def by_reference(terminal: Terminal, code: str) -> object:
    return await terminal.capture(500, target="room")


async def code_of(register: Register, reference: str) -> str:
    outcome = register.operation(reference).outcome
    assert isinstance(outcome, Approved)
    assert outcome.result is not None
    return outcome.result.preauthorization_code or ""


@pytest.mark.parametrize(("first", "second"), [(by_code, by_reference), (by_reference, by_code), (by_code, by_code)])
def test_what_is_captured_is_refused_whichever_way_it_is_asked_for(first: Ask, second: Ask) -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.preauthorize(500, reference="room")
        code = await code_of(register, "room")
        await first(terminal, code)
        for ask in (first, second):
            with pytest.raises(RegisterError, match="captured already"):
                await ask(terminal, code)
        with pytest.raises(RegisterError, match="captured already"):
            await terminal.increment(100, preauthorization_code=code)
        assert emulated.ledger.charged_total() == 500

    on_terminal(scenario)


def test_a_capture_whose_outcome_is_not_known_stands_in_the_way_of_another_by_code() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.preauthorize(500, reference="room")
        code = await code_of(register, "room")
        emulated.faults.set("odd_result", 1)
        assert isinstance((await terminal.capture(500, preauthorization_code=code, reference="bill")).outcome, Unresolved)
        for ask in (by_code, by_reference):
            with pytest.raises(RegisterError):
                await ask(terminal, code)
        await register.resolve("bill", "approved", by="Anna", note="on its paper")
        for ask in (by_code, by_reference):
            with pytest.raises(RegisterError, match="captured already, by operation bill"):
                await ask(terminal, code)

    on_terminal(scenario)


def test_a_capture_that_was_declined_or_not_taken_may_be_asked_again() -> None:
    async def scenario(terminal: Terminal, emulated: EmulatedTerminal, register: Register) -> None:
        await terminal.preauthorize(500, reference="room")
        code = await code_of(register, "room")
        for fault, ask in (("declined", by_code), ("nak", by_reference)):
            emulated.faults.set(fault, 3, codes="c")
            await ask(terminal, code)
            emulated.faults.set(fault, 0, codes="c")
        await by_code(terminal, code)
        assert emulated.ledger.charged_total() == 500

    on_terminal(scenario)


def test_a_code_that_two_open_preauthorizations_have_is_refused(tmp_path: Path) -> None:
    """By code nobody knows which; also after a restart. Once one of the two is captured by its reference, the code is clear."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        numbers = iter(range(6, 20))
        terminal.on("p", lambda _: [ACK, preauthorization(next(numbers), loop.clock())])
        async with terminal.listening() as port:
            for reference in ("room-1", "room-2"):
                async with till(loop, port, tmp_path, last_result_supported=False) as desk:
                    assert isinstance((await desk.terminal.preauthorize(500, reference=reference)).outcome, Approved)
            async with till(loop, port, tmp_path, last_result_supported=False) as desk:
                for ask in (desk.terminal.capture, desk.terminal.increment):
                    with pytest.raises(RegisterError, match="stands for 2 open operations: room-1, room-2; none was sent"):
                        await ask(500, preauthorization_code="700000001")
                assert not set("ci") & set(terminal.codes())

    run(main)


def test_two_terminals_may_have_given_the_same_code() -> None:
    async def main(loop: VirtualLoop) -> None:
        first, second = EmulatedTerminal(clock=loop.clock), EmulatedTerminal("11112222", clock=loop.clock)
        async with EmulatorServer(first) as one, EmulatorServer(second) as two, Register(clock=loop.clock) as register:
            terminals = [register.dial(f"till-{port}", "127.0.0.1", port) for port in (one.port, two.port)]
            for terminal in terminals:
                await terminal.preauthorize(500, reference=terminal.name)
            codes = {await code_of(register, terminal.name) for terminal in terminals}
            assert len(codes) == 1
            for terminal in terminals:
                assert isinstance((await terminal.capture(500, preauthorization_code=min(codes))).outcome, Approved)

    run(main)


def test_what_another_terminal_did_is_not_voided_at_this_ones_place() -> None:
    """The terminal was swapped, and a person accepted the new one: its last payment is not the operation's."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        async with terminal.listening() as port, till(loop, port, purchase_code="X", standalone_use=False) as desk:
            terminal.on("X", terminal.sells(6, 500))
            assert isinstance((await desk.terminal.purchase(500, reference="sale")).outcome, Approved)
            terminal.tid = "11112222"
            terminal.saved = approval(90, loop.clock(), tid="11112222")
            await desk.terminal.status()
            with pytest.raises(RegisterError, match="a person must accept it"):
                await desk.terminal.void(target="sale")
            desk.terminal.accept_terminal_id("Anna")
            with pytest.raises(RegisterError, match="sale was performed by the terminal 12345678, and till-1 is 11112222 now"):
                await desk.terminal.void(target="sale")
            assert "S" not in terminal.codes()

    run(main)


def test_a_payment_by_hand_stands_in_the_way_of_a_void_by_operation() -> None:
    """`S` voids the terminal's last payment, whatever the operation: `G` shows that another came after it."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        async with terminal.listening() as port, till(loop, port, purchase_code="X") as desk:
            terminal.on("X", terminal.sells(6, 500))
            await desk.terminal.purchase(500, reference="sale")
            terminal.saved = approval(7, loop.clock(), amount=900)
            with pytest.raises(RegisterError, match="its last result is an approval with STAN 000007"):
                await desk.terminal.void(target="sale")
            assert "S" not in terminal.codes()

    run(main)
