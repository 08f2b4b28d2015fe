"""What a person's word lifts and what it leaves: a lost request's doubt, accepted TIDs, two names for one terminal (exchange.md §3, §5)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, RegisterError, TerminalBlockedError
from ecrlan.model import Approved, Declined, NotPerformed, Unresolved, evidence_of
from ecrlan.register import Register, Terminal, TerminalSettings
from ecrlan.texts import words
from tests.register.kept import SlowDisk
from tests.scripted import ACK, CLOSE, NAK, TID, ScriptedTerminal, Step, Till, approval, preauthorization, refusal, till
from tests.virtual import VirtualLoop, run

ALONE: dict[str, Any] = {"standalone_use": False}
Scene = Callable[[VirtualLoop, ScriptedTerminal, Till], Awaitable[None]]


# --- after a lost request -----------------------------------------------------------------------------------------------------------


def after_a_loss(scene: Scene, folder: Path | None = None, *, restart: bool = False, **options: Any) -> None:
    """Run `scene` after a purchase of 5.00 was lost (ACKed, then nothing) and a person has settled it as not performed."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        code = options.get("purchase_code", "X")
        terminal.saved = approval(5, loop.clock(), form=92 if code == "X" else 71)
        async with terminal.listening() as port:
            async with till(loop, port, folder, **options) as desk:
                terminal.on(code, [ACK, 4.0, CLOSE])
                assert isinstance((await desk.terminal.purchase(500, reference="lost")).outcome, Unresolved)
                await desk.register.resolve("lost", "not_performed", by="Anna", note="nothing on the terminal's list")
                desk.alarms.clear()
                if not restart:
                    await scene(loop, terminal, desk)
            if restart:
                async with till(loop, port, folder, **options) as desk:
                    await scene(loop, terminal, desk)

    run(main)


MANNERS_OF_TERMINALS = pytest.mark.parametrize(
    "options", [{}, ALONE, ALONE | {"keep_open": True}, ALONE | {"last_result_supported": False}]
)


@MANNERS_OF_TERMINALS
@pytest.mark.parametrize("restart", [False, True])
def test_money_goes_out_only_once_a_question_was_answered_on_a_new_line(options: dict[str, Any], *, restart: bool, tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        lines_before = len(terminal.lines)
        sent = len(terminal.requests)
        terminal.on("G", [])
        terminal.on("s", [])
        refused = await desk.terminal.purchase(500, reference="silent")
        assert isinstance(refused.outcome, NotPerformed)
        assert "did not answer" in words(refused.outcome.reason)
        terminal.on("G", [NAK])
        terminal.on("s", [NAK])
        assert isinstance((await desk.terminal.purchase(500, reference="refused")).outcome, NotPerformed)
        assert "X" not in terminal.codes()[sent:]
        terminal.on("G", lambda _: [ACK, terminal.saved])
        terminal.on("s", lambda _: [ACK, terminal.status()])
        terminal.on("X", terminal.sells(6, 500))
        assert isinstance((await desk.terminal.purchase(500, reference="next")).outcome, Approved)
        later = terminal.requests[sent:]
        asked = next(place for place, (_, code, line) in enumerate(later) if code in "Gs" and line > lines_before)
        assert asked < [code for _, code, _ in later].index("X")

    after_a_loss(scene, tmp_path, restart=restart, **options)


def paid(form: int, terminal: ScriptedTerminal, loop: VirtualLoop) -> Step:
    if form == 106:
        return lambda: preauthorization(6, loop.clock())
    return terminal.approves(6, 500, form=form)


@pytest.mark.parametrize(
    ("code", "form", "settings"),
    [("X", 92, {}), ("X", 92, {"print_on_register": True}), ("P", 71, {"purchase_code": "P"}), ("p", 106, {}), ("S", 84, {})],
)
@pytest.mark.parametrize(("steps", "believed"), [("before the ACK", False), (0.0, False), (1.9, False), (2.1, True)])
@pytest.mark.parametrize("restart", [False, True])
def test_an_approval_that_comes_too_soon_may_be_the_lost_ones(
    code: str, form: int, settings: dict[str, Any], steps: str | float, *, believed: bool, restart: bool, tmp_path: Path
) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        answer = paid(form, terminal, loop)
        terminal.on(code, [answer, ACK] if isinstance(steps, str) else [ACK, steps, answer])
        ask = {
            "p": lambda: desk.terminal.preauthorize(500, reference="next"),
            "S": lambda: desk.terminal.void(last=True, reference="next"),
        }.get(code, lambda: desk.terminal.purchase(500, reference="next"))
        outcome = (await ask()).outcome
        assert isinstance(outcome, Approved) is believed
        if believed:
            return
        assert isinstance(outcome, Unresolved)
        assert "operation lost is still unseen" in words(outcome.evidence)
        assert [(alarm.name, alarm.reference) for alarm in desk.alarms] == [("unresolved", "next")]
        assert desk.row("stray").data["doubted"] is True

    after_a_loss(scene, tmp_path, restart=restart, **ALONE, **settings)


def test_what_was_doubted_is_never_proved_later(tmp_path: Path) -> None:
    """Not by the next question, and not after a restart: `G` shows an approval that fits both."""

    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, terminal.approves(6, 500)])
        assert isinstance((await desk.terminal.purchase(500, reference="next")).outcome, Unresolved)
        with pytest.raises(TerminalBlockedError, match="next"):
            await desk.terminal.purchase(700)

    async def after_a_restart(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(6, loop.clock())
        async with terminal.listening() as port, till(loop, port, tmp_path, **ALONE) as desk:
            await asyncio.sleep(600)
            outcome = desk.register.operation("next").outcome
            assert isinstance(outcome, Unresolved)
            assert "operation lost is still unseen" in words(outcome.evidence)

    after_a_loss(scene, tmp_path, **ALONE)
    run(after_a_restart)


def test_a_refusal_that_comes_soon_is_a_refusal() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, refusal("000006", "KO")])
        assert isinstance((await desk.terminal.purchase(500)).outcome, Declined)

    after_a_loss(scene, **ALONE)


def test_an_answer_that_a_person_had_to_read_was_not_lost(tmp_path: Path) -> None:
    """Its own result was seen, so the next approval cannot be it, however soon it comes."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, till(loop, port, tmp_path, **ALONE) as desk:
            terminal.on("X", [ACK, refusal("000006", "KO", code="42")])
            assert isinstance((await desk.terminal.purchase(500, reference="odd")).outcome, Unresolved)
            await desk.register.resolve("odd", "not_performed", by="Anna", note="not on the terminal's list")
            terminal.on("X", [ACK, terminal.approves(7, 500)])
            assert isinstance((await desk.terminal.purchase(500, reference="next")).outcome, Approved)

    run(main)


@pytest.mark.parametrize(
    ("verdict", "result", "alarm"),
    [
        ("not_performed", "approval", "approved_after_refusal"),
        ("not_performed", "refusal", None),
        ("approved", "refusal", "result_after_refusal"),
        ("approved", "approval", None),
    ],
)
def test_a_result_that_says_otherwise_than_a_person_is_told(verdict: Any, result: str, alarm: str | None) -> None:
    """It comes on the line that stood for it, while the next sale asks there for the last result. A person's word stands all the same."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, till(loop, port, **ALONE) as desk:
            terminal.on("X", [ACK])
            assert isinstance((await desk.terminal.purchase(500, reference="lost")).outcome, Unresolved)
            desk.alarms.clear()
            terminal.on("G", [4.0, ACK, lambda: terminal.saved or b""])
            asking = asyncio.create_task(desk.terminal.purchase(700, reference="next"))
            await asyncio.sleep(1)
            settled = await desk.register.resolve("lost", verdict, by="Anna", note="seen")
            await asyncio.sleep(1)
            answer = terminal.approves(6, 500) if result == "approval" else refusal("000006", "KO")
            terminal.lines[-1].send(answer() if callable(answer) else answer)
            terminal.on("X", terminal.sells(7, 700))
            await asking
            desk.register.publisher.flush()
            about = [each.name for each in desk.alarms if each.reference == "lost"]
            assert about == ([] if alarm is None else [alarm])
            assert desk.register.operation("lost").outcome == settled.outcome

    run(main)


def test_the_doubt_ends_when_the_lost_result_cannot_come_any_more() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        await asyncio.sleep(700)
        terminal.on("X", terminal.sells(6, 500, seconds=1.0))
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    after_a_loss(scene, **ALONE)


def test_the_doubt_ends_with_the_next_approval() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", terminal.sells(6, 500), terminal.sells(7, 500, seconds=1.0))
        for _ in range(2):
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    after_a_loss(scene, **ALONE)


# --- B6, B2: names and TIDs ---------------------------------------------------------------------------------------------------------


def test_two_names_for_one_terminal_are_refused_with_the_way_out() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with Register(clock=loop.clock) as register:
            register.dial("till-1", "127.0.0.1", 8081, terminal_id=TID)
            with pytest.raises(InvalidValueError, match="till-1 has them: one terminal takes one name"):
                register.dial("till-2", "127.0.0.1", 8081)
            with pytest.raises(InvalidValueError, match="till-1 has it: one terminal takes one name"):
                register.dial("till-2", "127.0.0.1", 8082, terminal_id=TID)
            register.dial("till-2", "127.0.0.1", 8082)
            with pytest.raises(InvalidValueError, match="one terminal takes one name"):
                register.change(TerminalSettings(name="till-2", address="127.0.0.1", port=8081))

    run(main)


def test_two_names_whose_terminals_tell_one_tid_sell_nothing() -> None:
    async def main(loop: VirtualLoop) -> None:
        first, second = (EmulatedTerminal(clock=loop.clock) for _ in range(2))
        async with EmulatorServer(first) as one, EmulatorServer(second) as two, Register(clock=loop.clock) as register:
            terminals = register.dial("till-1", "127.0.0.1", one.port), register.dial("till-2", "127.0.0.1", two.port)
            assert isinstance((await terminals[0].purchase(500)).outcome, Approved), "nobody knows yet"
            await terminals[1].status()
            for terminal in terminals:
                with pytest.raises(RegisterError, match=r"till-\d and till-\d are one terminal, TID 37105051"):
                    await terminal.purchase(500)
                await terminal.status()
            register.remove("till-2")
            assert isinstance((await terminals[0].purchase(500)).outcome, Approved)
        assert [len(first.ledger), len(second.ledger)] == [2, 0]

    run(main)


def test_a_second_name_that_learns_the_tid_just_before_its_first_sale_does_not_sell() -> None:
    async def main(loop: VirtualLoop) -> None:
        first, second = (EmulatedTerminal(clock=loop.clock) for _ in range(2))
        async with EmulatorServer(first) as one, EmulatorServer(second) as two, Register(clock=loop.clock) as register:
            await register.dial("till-1", "127.0.0.1", one.port).purchase(500)
            terminal = register.dial("till-2", "127.0.0.1", two.port)
            with pytest.raises(RegisterError, match="till-2 and till-1 are one terminal, TID 37105051"):
                await terminal.purchase(500)
            assert len(second.ledger) == 0

    run(main)


@pytest.mark.parametrize("named", [True, False], ids=["TID in the settings", "TID pinned"])
@pytest.mark.parametrize("options", [{}, {"print_on_register": True}, {"keep_open": True}, {"standalone_use": False}])
def test_another_terminal_that_is_noticed_just_before_a_sale_gets_no_money(options: dict[str, Any], *, named: bool, tmp_path: Path) -> None:
    """The terminal was replaced while the register was closed: the question for the last result is what it answers first."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        settings = options | ({"terminal_id": TID} if named else {})
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path, **settings) as desk:
                terminal.on("X", terminal.sells(6, 500))
                assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            terminal.tid, terminal.saved = "11112222", approval(6, loop.clock(), tid="11112222")
            terminal.on("X", terminal.sells(7, 500))
            async with till(loop, port, tmp_path, **settings) as desk:
                desk.terminal.memory.set_stale()
                try:
                    told = (await desk.terminal.purchase(500, reference="sale")).outcome
                except RegisterError as error:
                    told = NotPerformed(reason=evidence_of(error))
                assert isinstance(told, NotPerformed)
                assert re.search(f"answer.* as TID 11112222, not .*{TID}", words(told.reason))
                assert desk.alarm_names() == ["terminal_id_changed"]
                assert "sending" not in desk.row_names("sale")
        assert terminal.charges == [500]

    run(main)


def test_terminals_that_were_exchanged_sell_once_both_are_accepted() -> None:
    async def main(loop: VirtualLoop) -> None:
        first, second = EmulatedTerminal(clock=loop.clock), EmulatedTerminal("11112222", clock=loop.clock)
        async with Register(clock=loop.clock) as register:
            async with EmulatorServer(first) as one, EmulatorServer(second) as two:
                ports = one.port, two.port
                terminals = [register.dial(f"till-{number}", "127.0.0.1", port) for number, port in enumerate(ports, 1)]
                for terminal in terminals:
                    assert isinstance((await terminal.purchase(500)).outcome, Approved)
            async with EmulatorServer(second, port=ports[0]), EmulatorServer(first, port=ports[1]):
                for terminal in terminals:
                    assert isinstance((await terminal.status()).outcome, NotPerformed)
                terminals[0].accept_terminal_id("Anna")
                for terminal in terminals:
                    with pytest.raises(RegisterError):
                        await terminal.purchase(500)
                terminals[1].accept_terminal_id("Anna")
                for terminal in terminals:
                    assert isinstance((await terminal.purchase(500)).outcome, Approved)
        assert [len(first.ledger), len(second.ledger)] == [2, 2]

    run(main)


async def test_what_happens_while_an_acceptance_reads_the_journal_counts(tmp_path: Path) -> None:
    async with Register(tmp_path / "till.db", backups=0) as register:
        terminal = register.dial("till-1", "127.0.0.1", 1)
        terminal.memory.terminal_id, terminal.memory.foreign_terminal_id = TID, "11112222"
        disk = SlowDisk(register.journal, "unsettled")
        accepting = asyncio.create_task(terminal.accept_terminal_id_awaited("Anna"))
        await disk.reached()
        place = terminal.queue.enter("sale", 0)
        disk.let_go()
        with pytest.raises(RegisterError, match="sale"):
            await accepting
        assert terminal.memory.terminal_id == TID
        place.leave()
        disk.hold()
        accepting = asyncio.create_task(terminal.accept_terminal_id_awaited("Anna"))
        await disk.reached()
        terminal.memory.foreign_terminal_id = "33334444"
        disk.let_go()
        await accepting
        assert (terminal.memory.terminal_id, disk.looks) == ("33334444", 3)


async def accepted_at_once(terminal: Terminal) -> None:
    terminal.accept_terminal_id("Anna")


async def accepted_awaited(terminal: Terminal) -> None:
    await terminal.accept_terminal_id_awaited("Anna")


@pytest.mark.parametrize("accepted", [accepted_at_once, accepted_awaited])
def test_accepting_is_written_down(tmp_path: Path, accepted: Callable[[Terminal], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path, **ALONE) as desk:
                terminal.on("X", terminal.sells(6, 500))
                await desk.terminal.purchase(500)
                await accepted(desk.terminal)
                assert desk.row_names().count("pinned") == 1, "nothing to accept"
                terminal.tid = "11112222"
                await desk.terminal.status()
                await accepted(desk.terminal)
            async with till(loop, port, tmp_path, **ALONE) as desk:
                assert desk.terminal.memory.terminal_id == "11112222"
                terminal.on("X", terminal.sells(1, 500))
                terminal.saved = None
                assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
                terminal.tid = TID
                await desk.terminal.status()
                with pytest.raises(RegisterError, match="a person must accept it"):
                    await desk.terminal.purchase(500)
                await accepted(desk.terminal)
                terminal.on("X", terminal.sells(6, 500, authorization="AGAIN"), terminal.sells(7, 500))
                terminal.saved = approval(6, loop.clock())
                assert isinstance((await desk.terminal.purchase(500)).outcome, Approved), "its own STANs and results are known again"

    run(main)
