"""What the register asks for itself: status with a word, a last result that cannot be read or is not there (exchange.md §5, §8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ecrlan.model import Approved, Code, Done, Evidence, NotPerformed, Operation, StatusResponse, Unresolved
from ecrlan.register import Terminal
from ecrlan.texts import words
from tests.scripted import ACK, CLOSE, NAK, TID, WORDED_STATUS, ScriptedTerminal, Step, Till, approval, frame, progress, status, till
from tests.virtual import VirtualLoop, run

Scene = Callable[[VirtualLoop, ScriptedTerminal, Till], Awaitable[None]]

UNREADABLE = frame(f"{TID}0E00{'0' * 65}")
"""An `E` of 77 bytes, which is in no table."""


def play(scene: Scene, folder: Path | None = None, **options: Any) -> None:
    """Run `scene` with a terminal whose last result is an approval with STAN 000005."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("X", terminal.sells(6, 500), terminal.sells(7, 500), terminal.sells(8, 500))
        async with terminal.listening() as port, till(loop, port, folder, **options) as desk:
            await scene(loop, terminal, desk)

    run(main)


# --- A1: the status -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"print_on_register": True}, {"keep_open": True}, {"last_result_supported": False}])
def test_a_status_with_a_word_is_a_status(options: dict[str, Any]) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("s", [ACK, 0.6, WORDED_STATUS])
        operation = await desk.terminal.status()
        assert isinstance(operation.outcome, Done)
        told = operation.outcome.response
        assert isinstance(told, StatusResponse)
        assert (told.operative, told.status_word, told.software_release) == (True, "OPERATIVE", "01.00.14_B0000_0000")
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    play(scene, **options)


@pytest.mark.parametrize("word", ["NON OPERATIVO", "NOTREADY", "SOSPESO"])
def test_money_is_refused_with_a_word_that_is_not_known_and_asked_anew_each_time(word: str) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("s", lambda _: [ACK, status(loop.clock(), tail=f"{word}01.00.14")])
        operation = await desk.terminal.status()
        assert isinstance(operation.outcome, Done)
        assert isinstance(operation.outcome.response, StatusResponse)
        assert (operation.outcome.response.status_word or "").startswith(word)
        for money in (desk.terminal.purchase(500), desk.terminal.preauthorize(500), desk.terminal.void(last=True)):
            asked = terminal.codes().count("s")
            refused = await money
            assert isinstance(refused.outcome, NotPerformed)
            assert f"the terminal says that it is {word}" in words(refused.outcome.reason)
            assert terminal.codes().count("s") == asked + 1
        assert not set("XpS") & set(terminal.codes())
        terminal.on("s", [ACK, WORDED_STATUS])
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    play(scene)


def test_a_status_digit_informs_and_refuses_nothing() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("s", lambda _: [ACK, status(loop.clock(), tail="5SYSEMV  204")])
        assert isinstance((await desk.terminal.status()).outcome, Done)
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    play(scene)


def test_a_status_that_cannot_be_read_is_not_told_as_silence() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("s", [ACK, frame(f"{TID}0s0000000000")])
        for operation in (await desk.terminal.status(), await desk.terminal.purchase(500)):
            assert isinstance(operation.outcome, NotPerformed)
            assert "cannot be read" in words(operation.outcome.reason)
            assert "not answer" not in words(operation.outcome.reason)
        assert loop.time() < 1.0

    play(scene)


# --- A5: the last result ------------------------------------------------------------------------------------------------------------


async def ask_last_result(terminal: Terminal) -> Operation:
    return await terminal.last_result()


async def buy(terminal: Terminal) -> Operation:
    return await terminal.purchase(500)


@pytest.mark.parametrize("steps", [[ACK, UNREADABLE], [UNREADABLE], [UNREADABLE, ACK]], ids=["after the ACK", "no ACK", "before the ACK"])
@pytest.mark.parametrize("ask", [ask_last_result, buy])
def test_a_last_result_that_cannot_be_read_is_told_as_that_at_once(
    ask: Callable[[Terminal], Awaitable[Operation]], steps: list[Step]
) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("G", steps)
        operation = await ask(desk.terminal)
        assert isinstance(operation.outcome, NotPerformed)
        assert "E of 77 bytes cannot be read" in words(operation.outcome.reason)
        assert "see tolerate_lengths" in words(operation.outcome.reason)
        assert loop.time() < 1.0
        assert "X" not in terminal.codes()

    play(scene)


def test_tolerated_lengths_let_it_be_read() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.saved = frame(approval(5, loop.clock(), form=74)[1:-2].decode() + "000")
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    play(scene, tolerate_lengths=True)


def test_after_a_loss_a_last_result_that_cannot_be_read_leaves_the_operation_unresolved() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 4.0, terminal.charge(500), lambda: terminal.on("G", [ACK, UNREADABLE]), CLOSE])
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, Unresolved)
        assert "the last result cannot be read (E of 77 bytes" in words(operation.outcome.evidence)

    play(scene, standalone_use=False)


# --- C7: a terminal that has nothing to answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "seconds"), [([ACK], 60.0), ([NAK], 2.0)], ids=["ACK and nothing", "NAK"])
def test_a_new_terminal_without_a_last_result_takes_its_first_payment(steps: list[Step], seconds: float) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("G", steps)
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, Approved)
        assert loop.time() <= seconds + 4.0 + 0.1
        assert terminal.charges == [500]

    play(scene, terminal_id=TID, other_timeout=60.0)


@pytest.mark.parametrize(
    ("question", "said", "code"),
    [
        ("G", [b"\x02garbled\x03\x00"], Code.LAST_RESULT_NOT_FOUND),
        ("G", [ACK[:-1] + b"\x01"], Code.LAST_RESULT_NOT_FOUND),
        ("G", [], Code.LAST_RESULT_SILENT),
        ("s", [progress("OCCUPATO")], Code.STATUS_NOT_FOUND),
        ("s", [ACK], Code.STATUS_ONLY_ACKED),
        ("s", [NAK], Code.STATUS_REFUSED),
        ("s", [], Code.STATUS_SILENT),
    ],
)
def test_silence_is_told_only_where_nothing_came(question: str, said: list[Step], code: Code) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on(question, said)
        operation = await desk.terminal.purchase(500)
        assert operation.outcome == NotPerformed(reason=Evidence(Code.NOTHING_SENT, {"cause": Evidence(code)}))
        assert ("did not answer" in words(operation.outcome.reason)) is (said == [])
        assert terminal.charges == []

    play(scene, **({"terminal_id": TID} if question == "G" else {}))


def test_a_terminal_that_is_silent_takes_none_and_its_silence_is_told() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("G", [])
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, NotPerformed)
        assert "did not answer the question for its last result" in words(operation.outcome.reason)
        assert terminal.charges == []

    play(scene, terminal_id=TID)


# --- C13: a terminal without a name -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standalone_use", [True, False])
def test_a_terminal_that_names_itself_00000000_is_asked_for_its_status_once(*, standalone_use: bool, tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock, tid="00000000")
        terminal.saved = approval(5, loop.clock(), tid="00000000")
        terminal.on("X", *(terminal.sells(stan, 500) for stan in range(6, 12)))
        async with terminal.listening() as port:
            for starts in (1, 2):
                async with till(loop, port, tmp_path, standalone_use=standalone_use) as desk:
                    for _ in range(3):
                        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
                    assert terminal.codes().count("s") <= starts
                    assert desk.alarms == []
        assert terminal.charges == [500] * 6

    run(main)


# --- a stray result -----------------------------------------------------------------------------------------------------------------


def test_a_status_asked_between_two_sales_takes_no_result_for_its_answer() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        await desk.terminal.purchase(500)
        late = approval(7, loop.clock(), authorization="LATE")
        terminal.on("s", lambda _: [late, ACK, status(loop.clock())])
        assert isinstance((await desk.terminal.status()).outcome, Done)
        stray = desk.row("stray")
        assert (stray.reference, stray.data["stan"]) == (None, "000007")
        terminal.on("X", [ACK, late])
        assert isinstance((await desk.terminal.purchase(500)).outcome, Unresolved), "a copy of what was seen is nobody's answer"

    play(scene)
