"""Whose NAK is it? What counts as "not taken", and what does not (exchange.md §3 and §4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.model import Approved, NotPerformed, Operation, Unresolved
from ecrlan.register import Terminal
from ecrlan.texts import words
from tests.scripted import ACK, ACK_DUE, CLOSE, NAK, ScriptedTerminal, Step, Till, approval, frame, progress, till
from tests.virtual import START, VirtualLoop, run

Scene = Callable[[VirtualLoop, ScriptedTerminal, Till], Awaitable[None]]
ALONE: dict[str, Any] = {"standalone_use": False, "purchase_code": "X"}
BAD_FRAME = frame("123456780E00")[:-1] + b"\x00"
"""Begins like a frame, and has a wrong LRC: it is answered with a NAK."""


def play(scene: Scene, **options: Any) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, till(loop, port, **(ALONE | options)) as desk:
            await scene(loop, terminal, desk)

    run(main)


def lines_of(terminal: ScriptedTerminal, code: str) -> list[int]:
    return [line for _, each, line in terminal.requests if each == code]


async def buy(terminal: Terminal) -> Operation:
    return await terminal.purchase(500, reference="sale")


async def preauthorize(terminal: Terminal) -> Operation:
    return await terminal.preauthorize(500, reference="sale")


async def void(terminal: Terminal) -> Operation:
    return await terminal.void(last=True, reference="sale")


async def close_session(terminal: Terminal) -> Operation:
    return await terminal.close_session(reference="sale")


async def pay_by_phone(terminal: Terminal) -> Operation:
    return await terminal.vas("BPAY_QR", amount="500", reference="sale")


EVERY_KIND = pytest.mark.parametrize(
    ("code", "ask"), [("X", buy), ("p", preauthorize), ("S", void), ("C", close_session), ("K", pay_by_phone)]
)


# --- D0: a NAK that may answer something else ---------------------------------------------------------------------------------------


@EVERY_KIND
@pytest.mark.parametrize("late", [0.5, 7.0], ids=["in time", "late"])
@pytest.mark.parametrize("steps", [[BAD_FRAME], [approval(5, START)]], ids=["our NAK of noise", "our ACK of a stray"])
def test_a_nak_after_we_wrote_something_else_is_not_the_requests(
    code: str, ask: Callable[[Terminal], Awaitable[Operation]], steps: list[Step], late: float
) -> None:
    """The terminal charges all the same: sent again, it would charge twice."""

    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(code, [*steps, late, terminal.charge(500), NAK])
        outcome = (await ask(desk.terminal)).outcome
        assert isinstance(outcome, Unresolved), outcome
        assert terminal.codes().count(code) == 1
        assert terminal.charges == [500]

    play(scene)


@EVERY_KIND
@pytest.mark.parametrize("sign", [[ACK], [progress("Attesa carta")], [ACK, progress("Attesa carta")]], ids=["ACK", "progress", "both"])
def test_a_nak_after_a_sign_of_work_is_no_refusal(code: str, ask: Callable[[Terminal], Awaitable[Operation]], sign: list[Step]) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(code, [*sign, 0.5, terminal.charge(500), NAK])
        assert isinstance((await ask(desk.terminal)).outcome, Unresolved)
        assert terminal.codes().count(code) == 1

    play(scene)


@pytest.mark.parametrize("answers", [([], [0.1, ACK]), ([NAK], [0.1, ACK]), ([6.0, ACK], [ACK])], ids=["silence", "NAK", "a late ACK"])
@pytest.mark.parametrize("keep_open", [False, True])
def test_after_a_repeated_request_to_print_the_money_goes_on_a_new_line(answers: tuple[list[Step], ...], *, keep_open: bool) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("E", *answers)
        terminal.on("X", terminal.sells(6, 500))
        assert isinstance((await buy(desk.terminal)).outcome, Approved)
        (line,) = lines_of(terminal, "X")
        assert line not in lines_of(terminal, "E")
        assert terminal.charges == [500]

    play(scene, print_on_register=True, keep_open=keep_open)


@pytest.mark.parametrize("unexplained", [[NAK], [ACK], [BAD_FRAME, ACK_DUE, NAK]], ids=["NAK", "ACK", "noise"])
@pytest.mark.parametrize("print_on_register", [False, True])
@pytest.mark.parametrize("pause", [0.0, 30.0], ids=["at once", "later"])
def test_a_kept_line_that_met_an_unexplained_answer_carries_no_money(
    unexplained: list[Step], pause: float, *, print_on_register: bool
) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        strange = [step for step in unexplained if step is not ACK_DUE]
        terminal.on("X", [ACK, 4.0, terminal.approves(6, 500), ACK_DUE, pause, *strange], terminal.sells(7, 500))
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        await asyncio.sleep(60)
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        first, second = lines_of(terminal, "X")
        assert second > first
        assert terminal.charges == [500, 500]

    play(scene, keep_open=True, print_on_register=print_on_register)


def test_a_kept_line_without_anything_strange_is_used_again() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", terminal.sells(6, 500), terminal.sells(7, 500))
        for _ in range(2):
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert len(set(lines_of(terminal, "X"))) == 1

    play(scene, keep_open=True)


def test_a_line_on_which_the_request_was_repeated_carries_no_other() -> None:
    """After a NAK and a second transmission the answer is the request's; the next sale goes out on a new line."""

    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [NAK], terminal.sells(6, 500), terminal.sells(7, 500))
        for _ in range(2):
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        first, repeated, second = lines_of(terminal, "X")
        assert first == repeated < second

    play(scene, keep_open=True)


# --- D1: NAKs that say "not taken" --------------------------------------------------------------------------------------------------


@EVERY_KIND
def test_three_naks_are_not_performed(code: str, ask: Callable[[Terminal], Awaitable[Operation]]) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(code, [0.1, NAK])
        outcome = (await ask(desk.terminal)).outcome
        assert isinstance(outcome, NotPerformed)
        assert "refused 3 times (NAK)" in words(outcome.reason)
        assert terminal.codes().count(code) == 3
        assert desk.row_names("sale").count("refused") == 3
        assert desk.alarms == []

    play(scene)


@EVERY_KIND
def test_a_late_nak_of_the_only_transmission_is_not_performed(code: str, ask: Callable[[Terminal], Awaitable[Operation]]) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(code, [60.0, NAK])
        outcome = (await ask(desk.terminal)).outcome
        assert isinstance(outcome, NotPerformed)
        assert "refused once (NAK)" in words(outcome.reason)
        assert terminal.codes().count(code) == 1, "nothing is sent again"
        assert desk.terminal.open_works == {}

    play(scene)


@EVERY_KIND
def test_a_late_nak_of_a_second_transmission_proves_nothing(code: str, ask: Callable[[Terminal], Awaitable[Operation]]) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(code, [NAK], [terminal.charge(500), 60.0, NAK])
        assert isinstance((await ask(desk.terminal)).outcome, Unresolved)
        assert terminal.codes().count(code) == 2

    play(scene)


@EVERY_KIND
@pytest.mark.parametrize("naks", [1, 2])
def test_a_line_lost_in_the_pause_between_naks_is_not_performed(
    code: str, ask: Callable[[Terminal], Awaitable[Operation]], naks: int
) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(code, *([NAK] for _ in range(naks - 1)), [NAK, 0.5, CLOSE])
        outcome = (await ask(desk.terminal)).outcome
        assert isinstance(outcome, NotPerformed)
        times = "once" if naks == 1 else f"{naks} times"
        assert f"refused {times} (NAK), then the line was lost" in words(outcome.reason)
        assert terminal.codes().count(code) == naks

    play(scene)


@pytest.mark.parametrize("standalone_use", [True, False])
@pytest.mark.parametrize("ask", [buy, preauthorize, void, pay_by_phone])
def test_a_time_limit_in_the_pause_between_naks_is_not_performed(
    ask: Callable[[Terminal], Awaitable[Operation]], *, standalone_use: bool
) -> None:
    """D1 as it was found: `nak=9`, payment_timeout 2.0."""

    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        emulated.faults.set("nak", 9)
        options = {"payment_timeout": 2.0, "standalone_use": standalone_use}
        async with EmulatorServer(emulated) as server, till(loop, server.port, **options) as desk:
            outcome = (await ask(desk.terminal)).outcome
            assert isinstance(outcome, NotPerformed)
            assert "then its time limit was over" in words(outcome.reason)
            assert desk.alarms == []
            emulated.faults.set("nak", 0)
            assert isinstance((await desk.terminal.purchase(700)).outcome, Approved), "nothing is blocked"
        assert emulated.ledger.charged_total() == 700

    run(main)


@pytest.mark.parametrize("then", [[ACK], [progress("ATTENDERE")]], ids=["ACK", "progress"])
def test_a_limit_after_a_nak_and_a_sign_of_work_is_unresolved(then: list[Step]) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [NAK, 0.5, *then, terminal.charge(500)])
        assert isinstance((await buy(desk.terminal)).outcome, Unresolved)
        assert terminal.codes().count("X") == 1

    play(scene, payment_timeout=2.0)


def test_an_operation_that_was_refused_by_naks_is_never_looked_up() -> None:
    """The previous customer's approval is the last result: seen in a shop, it was taken for the refused sale's."""

    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", terminal.sells(6, 500), [NAK])
        await desk.terminal.purchase(500)
        asked = terminal.codes().count("G")
        assert isinstance((await buy(desk.terminal)).outcome, NotPerformed)
        assert terminal.codes().count("G") == asked

    play(scene)


def test_a_result_after_its_request_was_refused_is_recorded_with_an_alarm() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [NAK], [NAK], [NAK, 0.0, terminal.approves(6, 500)])
        outcome = (await buy(desk.terminal)).outcome
        assert not isinstance(outcome, Approved)
        await asyncio.sleep(1)
        assert "result_after_refusal" in desk.alarm_names()

    play(scene, keep_open=True)


@pytest.mark.parametrize(
    "then",
    [ACK, progress("INSERIRE CARTA"), approval(6, START, tid="11112222")],
    ids=["ACK", "progress", "something else"],
)
@pytest.mark.parametrize("code", ["X", "P"])
def test_what_was_refused_and_yet_is_worked_on_is_never_not_performed(code: str, then: bytes) -> None:
    """Three NAKs, and with the last one comes a sign that the terminal takes the money all the same."""

    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(code, [NAK], [NAK], [terminal.charge(500), NAK + then])
        outcome = (await buy(desk.terminal)).outcome
        assert isinstance(outcome, Unresolved)
        assert terminal.charges == [500]
        assert terminal.codes().count(code) == 3
        assert "P" not in terminal.codes() or code == "P"

    play(scene, purchase_code=code)
