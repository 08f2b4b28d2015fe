"""How long a line stays, whoever opened it, and what comes on it when nobody asked (exchange.md §3, §5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorDialer
from ecrlan.journal import Event
from ecrlan.model import Approved, Declined, Done, Unresolved
from ecrlan.texts import words
from tests.register.test_conduct import SlowJournal
from tests.scripted import ACK, ACK_DUE, CLOSE, LISTENING, NAK, REFUSAL, ScriptedTerminal, Till, approval, receipt, refusal, till
from tests.virtual import VirtualLoop, run

Scene = Callable[[VirtualLoop, ScriptedTerminal, Till], Awaitable[None]]
WAYS = pytest.mark.parametrize("way", ["dial", "listen"])


@asynccontextmanager
async def stage(loop: VirtualLoop, way: str, **options: Any) -> AsyncIterator[tuple[ScriptedTerminal, Till]]:
    """A terminal whose last result is an approval with STAN 000005, and a register that dials it or is dialled."""
    terminal = ScriptedTerminal(loop.clock)
    terminal.saved = approval(5, loop.clock())
    if way == "dial":
        async with terminal.listening() as port, till(loop, port, **options) as desk:
            yield terminal, desk
    else:
        async with till(loop, None, **options) as desk, terminal.dialling(LISTENING):
            yield terminal, desk


def play(way: str, scene: Scene, **options: Any) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with stage(loop, way, **options) as (terminal, desk):
            await scene(loop, terminal, desk)

    run(main)


# --- how long it stays --------------------------------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize(("approved", "seconds"), [(True, 0.5), (False, 10.0)])
def test_after_a_refusal_the_line_stays_for_ten_seconds(way: str, seconds: float, *, approved: bool) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        answer = approval(6, loop.clock()) if approved else refusal("000005", "KO")
        terminal.on("X", [ACK, 4.0, answer])
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved if approved else Declined)
        line, answered = terminal.lines[next(number for _, code, number in terminal.requests if code == "X") - 1], loop.time()
        assert line.closed_at is None
        await asyncio.sleep(60)
        assert line.closed_at == pytest.approx(answered + seconds, abs=0.01)

    play(way, scene)


@pytest.mark.parametrize(("closes_after", "waits"), [(0.2, 0.2), (60.0, 0.5)])
def test_a_new_line_is_opened_when_the_terminal_has_closed_the_one_before(closes_after: float, waits: float) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.closing_seconds = closes_after
        terminal.on("X", terminal.sells(6, 500))
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert terminal.codes() == "sGX"
        _, question, payment = terminal.lines
        assert question.closed_at == pytest.approx(question.opened_at + waits, abs=0.01), "a terminal serves one line at a time"
        assert payment.opened_at >= question.closed_at

    play("dial", scene)


def test_nothing_waits_for_the_end_of_the_last_line() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.closing_seconds = 60.0
        started = loop.time()
        assert isinstance((await desk.terminal.status()).outcome, Done)
        assert loop.time() == pytest.approx(started, abs=0.01)
        await asyncio.sleep(1)
        assert terminal.line.closed_at == pytest.approx(started + 0.5, abs=0.01)

    play("dial", scene)


@WAYS
@pytest.mark.parametrize("asks", ["status", "purchase"])
def test_the_next_request_takes_a_new_line_at_once(way: str, asks: str) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 4.0, refusal("000005", "KO")], terminal.sells(6, 500))
        await desk.terminal.purchase(500)
        await asyncio.sleep(3)
        used, started = terminal.requests[-1][2], loop.time()
        if asks == "status":
            assert isinstance((await desk.terminal.status()).outcome, Done)
        else:
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert terminal.requests[-1][2] > used
        assert terminal.lines[used - 1].closed_at == pytest.approx(started, abs=0.01)

    play(way, scene)


@WAYS
def test_the_terminal_may_close_it_first(way: str) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 4.0, refusal("000005", "KO"), ACK_DUE, 1.0, CLOSE], terminal.sells(6, 500))
        assert isinstance((await desk.terminal.purchase(500)).outcome, Declined)
        await asyncio.sleep(30)
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert desk.alarms == []

    play(way, scene)


@WAYS
def test_a_line_that_is_to_stay_open_stays(way: str) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 4.0, refusal("000005", "KO")], terminal.sells(6, 500))
        for outcome in (Declined, Approved):
            assert isinstance((await desk.terminal.purchase(500)).outcome, outcome)
            await asyncio.sleep(60)
        assert len({line for _, code, line in terminal.requests if code == "X"}) == 1

    play(way, scene, keep_open=True)


def test_a_terminal_that_closes_after_its_ack_of_printing_gets_the_money_request_on_a_new_line() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("E", [ACK, CLOSE])
        terminal.on("X", lambda _: [ACK, 4.0, approval(6, loop.clock()), ACK_DUE, receipt("}GRAZIE}}\x1b")])
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, Approved)
        assert b"GRAZIE" in operation.receipt

    play("dial", scene, print_on_register=True)


# --- the rows where the terminal dials in -------------------------------------------------------------------------------------------


def test_two_equal_refusals_where_the_terminal_dials_in() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("P", [ACK, 5.0, REFUSAL])
        for _ in range(2):
            started = loop.time()
            operation = await desk.terminal.purchase(500)
            assert isinstance(operation.outcome, Declined)
            assert loop.time() - started <= 5.0 + 2.5
        assert desk.alarms == []

    play("listen", scene, purchase_code="P")


def test_an_approval_after_the_refusal_where_the_terminal_dials_in() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 4.0, refusal("000005", "KO"), ACK_DUE, 2.0, terminal.approves(6, 500), ACK_DUE])
        await desk.terminal.purchase(500, reference="sale")
        await asyncio.sleep(5)
        assert [(alarm.name, alarm.reference) for alarm in desk.alarms] == [("approved_after_refusal", "sale")]

    play("listen", scene)


def test_after_a_lost_request_the_terminal_that_dials_in_must_dial_anew() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 4.0, CLOSE], [ACK, terminal.approves(6, 500)])
        assert isinstance((await desk.terminal.purchase(500, reference="lost")).outcome, Unresolved)
        lines = len(terminal.lines)
        await desk.register.resolve("lost", "not_performed", by="Anna", note="looked")
        outcome = (await desk.terminal.purchase(500, reference="next")).outcome
        assert isinstance(outcome, Unresolved)
        assert "operation lost is still unseen" in words(outcome.evidence)
        assert [line > lines for _, code, line in terminal.requests if code == "X"] == [False, True]

    play("listen", scene, standalone_use=False, keep_open=True)


def test_a_nak_that_came_before_any_request_leaves_the_line_to_questions() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        await asyncio.sleep(1)
        terminal.line.send(NAK)
        await asyncio.sleep(1)
        terminal.on("X", terminal.sells(6, 500))
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert [line > 1 for _, code, line in terminal.requests if code == "X"] == [True]

    play("listen", scene, last_result_supported=False, terminal_id="12345678")


@pytest.mark.parametrize("keep_open", [False, True])
def test_recovery_where_the_emulated_terminal_dials_in(*, keep_open: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=4.0)
        async with till(loop, None, standalone_use=False, keep_open=keep_open) as desk, EmulatorDialer(emulated, "127.0.0.1", LISTENING):
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            emulated.faults.set("drop_after_charge", 1)
            assert isinstance((await desk.terminal.purchase(700)).outcome, Approved)
            assert emulated.ledger.charged_total() == 1200

    run(main)


# --- a result with nothing in flight ------------------------------------------------------------------------------------------------


def slow_stage(folder: Path, scene: Callable[[VirtualLoop, ScriptedTerminal, Till, SlowJournal], Awaitable[None]], way: str) -> None:
    """Run `scene` with a journal whose commits take a second."""

    async def main(loop: VirtualLoop) -> None:
        journal = SlowJournal(folder / "till.db", loop)
        async with stage(loop, way, journal=journal, keep_open=True, standalone_use=False) as (terminal, desk):
            await scene(loop, terminal, desk, journal)

    run(main)


@pytest.mark.parametrize(("way", "sold_before"), [("listen", False), ("listen", True), ("dial", True)])
def test_a_result_with_nothing_in_flight_is_acknowledged_once_it_is_on_disk(way: str, tmp_path: Path, *, sold_before: bool) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till, journal: SlowJournal) -> None:
        if sold_before:
            terminal.on("X", terminal.sells(6, 500))
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        await asyncio.sleep(10)
        sent, acknowledged = loop.time(), len(terminal.acks)
        stray = approval(7, loop.clock(), authorization="STRAY")
        terminal.line.send(stray)
        await asyncio.sleep(5)
        ((committed, row),) = [(at, row) for at, row in journal.committed if row.name == "stray"]
        assert row.data["stan"] == "000007"
        assert committed == pytest.approx(sent + 1.0)
        (ack,) = terminal.acks[acknowledged:]
        assert ack >= committed
        assert desk.alarm_names() == ["result_after_refusal"]
        terminal.saved = stray
        asked = terminal.codes().count("G")
        terminal.on("X", terminal.sells(8, 500))
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert terminal.codes().count("G") == asked + 1, "what was known of the last result is stale"

    slow_stage(tmp_path, scene, way)


@pytest.mark.parametrize("way", ["listen", "dial"])
def test_a_result_with_nothing_in_flight_that_cannot_be_written_down_is_not_acknowledged(way: str, tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till, journal: SlowJournal) -> None:
        if way == "dial":
            await desk.terminal.status()
        await asyncio.sleep(1)
        acknowledged = len(terminal.acks)
        journal.refuses = lambda row: isinstance(row, Event) and row.name == "stray"
        terminal.line.send(approval(7, loop.clock()))
        await asyncio.sleep(5)
        assert len(terminal.acks) == acknowledged
        assert "journal_failed" in desk.alarm_names()

    slow_stage(tmp_path, scene, way)


def test_a_refusal_with_nothing_in_flight_is_no_alarm() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        await asyncio.sleep(1)
        terminal.line.send(refusal("000006", "KO"))
        await asyncio.sleep(1)
        assert len(terminal.acks) == 1
        assert desk.row("stray").data["stan"] == "000006"
        assert desk.alarms == []

    play("listen", scene)


def test_another_terminals_result_with_nothing_in_flight_is_not_acknowledged() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        await asyncio.sleep(1)
        terminal.line.send(approval(6, loop.clock(), tid="11112222"))
        await asyncio.sleep(1)
        assert terminal.acks == []

    play("listen", scene, terminal_id="12345678")
