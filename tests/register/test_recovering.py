"""What the last result proves after a loss: whose it is, when it was made, by which clock (exchange.md §5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import RegisterError, TerminalBlockedError
from ecrlan.model import Approved, NotPerformed, Unresolved
from ecrlan.texts import words as said
from tests.scripted import ACK, CLOSE, NAK, TID, ScriptedTerminal, Step, Till, approval, preauthorization, status, till
from tests.virtual import START, VirtualLoop, run

OTHER = "11112222"
ALONE: dict[str, Any] = {"standalone_use": False}


def lost(*steps: Step) -> list[Step]:
    """A play: the request is ACKed, something happens, and the line goes down."""
    return [ACK, 4.0, *steps, CLOSE]


async def stays_unresolved(desk: Till, reference: str, words: str) -> None:
    """The operation is unresolved for the reason that contains `words`, and blocks the terminal."""
    with pytest.raises(TerminalBlockedError, match=reference):
        await desk.terminal.purchase(700)
    outcome = desk.register.operation(reference).outcome
    assert isinstance(outcome, Unresolved)
    assert words in said(outcome.evidence)


# --- B1, B2: another terminal answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False], ids=["TID in the settings", "TID pinned"])
@pytest.mark.parametrize(("code", "form"), [("X", 92), ("P", 71)])
def test_a_terminal_that_was_replaced_over_a_restart_proves_nothing(code: str, form: int, *, named: bool, tmp_path: Path) -> None:
    """The new one's last result is somebody else's payment of the same amount, with the next STAN, at the right time."""
    options = {"purchase_code": code} | ALONE

    async def main(loop: VirtualLoop) -> None:
        old, new = ScriptedTerminal(loop.clock), ScriptedTerminal(loop.clock, tid=OTHER)
        old.saved = approval(5, loop.clock(), form=form)
        old.on(code, lost())
        async with old.listening() as port:
            named_old, named_new = ({"terminal_id": TID}, {"terminal_id": OTHER}) if named else ({}, {})
            async with till(loop, port, tmp_path, **options, **named_old) as desk:
                await desk.terminal.status()
                task = asyncio.create_task(desk.terminal.purchase(500, reference="lost"))
                await asyncio.sleep(6)
                task.cancel()
            old.hang_up()
        async with new.listening(port):
            new.saved = approval(6, loop.clock(), form=form, tid=OTHER)
            async with till(loop, port, tmp_path, **options, **named_new) as desk:
                await asyncio.sleep(1200)
                if named:
                    await stays_unresolved(desk, "lost", f"it was sent to TID {TID}, and till-1 is TID {OTHER} now")
                else:
                    assert isinstance(desk.register.operation("lost").outcome, Unresolved)
                    with pytest.raises(RegisterError, match="a person must accept it"):
                        await desk.terminal.purchase(700)
                assert "unresolved" in desk.alarm_names()
        assert old.charges == new.charges == []

    run(main)


def test_a_terminal_that_is_swapped_while_a_result_is_lost_proves_nothing() -> None:
    """Live, in mid-recovery: the answer to `G` carries another TID."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        swap = [lambda: setattr(terminal, "tid", OTHER), lambda: setattr(terminal, "saved", approval(6, loop.clock(), tid=OTHER))]
        terminal.on("X", [ACK, 4.0, *(lambda step=step: step() for step in swap), CLOSE])
        async with terminal.listening() as port, till(loop, port, **ALONE) as desk:
            outcome = (await desk.terminal.purchase(500, reference="lost")).outcome
            assert isinstance(outcome, Unresolved)
            assert "terminal_id_changed" in desk.alarm_names()
            with pytest.raises(RegisterError, match=f"answered as TID {OTHER}, not {TID}"):
                await desk.terminal.purchase(700)
            desk.terminal.accept_terminal_id("Anna")
            await stays_unresolved(desk, "lost", f"it was sent to TID {TID}, and till-1 is TID {OTHER} now")
            assert desk.alarms[-1].name == "unresolved", "the person is told that it is left to them"
            assert desk.alarms[-1].reference == "lost"

    run(main)


@pytest.mark.parametrize("asks", [False, True])
def test_a_terminal_that_the_settings_replace_while_the_register_runs_proves_nothing(*, asks: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("X", lost())
        async with terminal.listening() as port, till(loop, port, terminal_id=TID, **ALONE) as desk:
            assert isinstance((await desk.terminal.purchase(500, reference="lost")).outcome, Unresolved)
            terminal.tid, terminal.saved = OTHER, approval(6, loop.clock(), tid=OTHER)
            desk.terminal = desk.register.change(replace(desk.terminal.settings, terminal_id=OTHER))
            if asks:
                await desk.terminal.last_result()
            await asyncio.sleep(600)
            await stays_unresolved(desk, "lost", f"it was sent to TID {TID}, and till-1 is TID {OTHER} now")
            await desk.register.resolve("lost", "not_performed", by="Anna", note="its paper says so")
            terminal.on("X", terminal.sells(7, 500))
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    run(main)


def test_a_live_answer_of_another_terminal_is_never_the_answer() -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("X", lambda _: [ACK, 4.0, terminal.approves(6, 500, tid=OTHER), CLOSE])
        async with terminal.listening() as port, till(loop, port, **ALONE) as desk:
            assert isinstance((await desk.terminal.purchase(500, reference="lost")).outcome, Unresolved)
            assert "terminal_id_changed" in desk.alarm_names()
            with pytest.raises(RegisterError, match="a person must accept it"):
                await desk.terminal.purchase(500)
        assert terminal.charges == [500]

    run(main)


def test_accepting_another_terminal_makes_what_was_known_stale() -> None:
    """No operation is open. A technician has paid 5.00 on the new one; the first sale there is lost before it arrives."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("X", terminal.sells(6, 500), [CLOSE])
        async with terminal.listening() as port, till(loop, port, **ALONE) as desk:
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            terminal.tid, terminal.saved = OTHER, approval(7, loop.clock(), tid=OTHER)
            assert isinstance((await desk.terminal.status()).outcome, NotPerformed)
            desk.terminal.accept_terminal_id("Anna")
            assert desk.row_names().count("pinned") == 2
            outcome = (await desk.terminal.purchase(500)).outcome
            assert isinstance(outcome, Unresolved)
            assert "the terminal's last result is unchanged (STAN 000007)" in said(outcome.evidence)
            assert "hand_use" not in desk.alarm_names(), "what was paid on it elsewhere is nobody's business here"

    run(main)


# --- B3: when it was made -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "learned", "ours"),
    [
        (5, False, True),
        (17, False, True),
        (20, False, False),
        (300, False, False),
        (10, True, True),
        (13, True, False),
        (24 * 60, True, False),
    ],
)
@pytest.mark.parametrize("restart", [False, True])
def test_a_payment_made_after_the_longest_time_proves_nothing(
    minutes: int, learned: bool, ours: bool, *, restart: bool, tmp_path: Path
) -> None:
    """180 s for the payment, 300 s for the longest, and the clock's tolerance: 10 minutes, 3 once the clock is learned. All defaults."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        sales = 3 if learned else 0
        terminal.on("X", *(terminal.sells(6 + number, 100) for number in range(sales)), lost(), terminal.sells(90, 700))
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path) as desk:
                for _ in range(sales):
                    assert isinstance((await desk.terminal.purchase(100)).outcome, Approved)
                sent = loop.clock()
                assert isinstance((await desk.terminal.purchase(650, reference="lost")).outcome, Unresolved)
                later = sent + timedelta(minutes=minutes)
                terminal.saved = approval(6 + sales, later, amount=650)
                await asyncio.sleep(max(0.0, (later - loop.clock()).total_seconds()))
                if not restart:
                    await check(desk, "")
            if restart:
                async with till(loop, port, tmp_path) as desk:
                    await asyncio.sleep(400)
                    await check(desk, "host time lies after the time in which the request can have been performed")

    async def check(desk: Till, words: str) -> None:
        if not ours:
            await stays_unresolved(desk, "lost", words)
            return
        assert isinstance((await desk.terminal.purchase(700)).outcome, Approved), "the next sale asks `G` first, and the way is clear"
        outcome = desk.register.operation("lost").outcome
        assert isinstance(outcome, Approved)
        assert outcome.stan == f"{6 + 3 * learned:06}"

    run(main)


FORMS = {"P": 71, "S": 84}


@pytest.mark.parametrize("code", ["P", "p", "S"])
def test_other_kinds_of_payment_have_the_same_window(code: str, tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock(), form=71)
        terminal.on(code, lost())
        async with terminal.listening() as port, till(loop, port, tmp_path, purchase_code="P", **ALONE) as desk:
            ask: dict[str, Callable[[], Any]] = {
                "P": lambda: desk.terminal.purchase(650, reference="lost"),
                "p": lambda: desk.terminal.preauthorize(650, reference="lost"),
                "S": lambda: desk.terminal.void(last=True, reference="lost"),
            }
            assert isinstance((await ask[code]()).outcome, Unresolved)
            await asyncio.sleep(3600)
            late = preauthorization(6, loop.clock(), amount=650) if code == "p" else approval(6, loop.clock(), form=FORMS[code])
            terminal.saved = late
            await stays_unresolved(desk, "lost", "")
        async with terminal.listening(port), till(loop, port, tmp_path, purchase_code="P", **ALONE) as desk:
            await asyncio.sleep(400)
            await stays_unresolved(desk, "lost", "host time lies after")

    run(main)


# --- A8, C7: clocks -----------------------------------------------------------------------------------------------------------------


def test_a_terminal_two_days_behind_is_learned_told_and_allowed_for(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=4.0, manners=("host_time_behind",))
        async with EmulatorServer(emulated) as server:
            async with till(loop, server.port, tmp_path, **ALONE) as desk:
                for _ in range(3):
                    assert isinstance((await desk.terminal.purchase(100)).outcome, Approved)
                (alarm,) = desk.alarms
                assert alarm.name == "host_time_wrong"
                assert "2 days behind" in said(alarm.what)
                assert desk.row("clock").data["offset"] == pytest.approx(-2 * 86400, abs=120)
                emulated.faults.set("drop_after_charge", 1)
                assert isinstance((await desk.terminal.purchase(650)).outcome, Approved)
            async with till(loop, server.port, tmp_path, **ALONE) as desk:
                emulated.faults.set("drop_after_charge", 1)
                assert isinstance((await desk.terminal.purchase(650)).outcome, Approved), "known after a restart"
                assert desk.alarms == [], "told once"
                emulated.manners.clear()
                assert isinstance((await desk.terminal.purchase(100)).outcome, Approved), "live, clocks refuse nothing"
                assert desk.rows[-1].data is not None
                assert [row.data["offset"] for row in desk.rows if row.name == "clock"] == [None]
                emulated.faults.set("drop_after_charge", 1)
                outcome = (await desk.terminal.purchase(650, reference="doubtful")).outcome
                assert isinstance(outcome, Unresolved)
                assert "the terminal's clock contradicts what was known of it" in said(outcome.evidence)
            assert emulated.ledger.charged_total() == 3 * 100 + 650 + 650 + 100 + 650

    run(main)


def test_before_it_is_learned_a_time_two_days_behind_proves_nothing() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=4.0, manners=("host_time_behind",))
        async with EmulatorServer(emulated) as server, till(loop, server.port, **ALONE) as desk:
            await desk.terminal.purchase(100)
            emulated.faults.set("drop_after_charge", 1)
            outcome = (await desk.terminal.purchase(650)).outcome
            assert isinstance(outcome, Unresolved)
            assert "host time lies before the request" in said(outcome.evidence)

    run(main)


@pytest.mark.parametrize("minutes", [-40, -11, 11, 40])
def test_a_register_whose_clock_is_wrong_recovers_by_the_status_clock(minutes: int) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=4.0)

        def clock() -> datetime:
            return loop.clock() + timedelta(minutes=minutes)

        async with EmulatorServer(emulated) as server, till(loop, server.port, clock=clock, **ALONE) as desk:
            await desk.terminal.purchase(100)
            emulated.faults.set("drop_after_charge", 1)
            assert isinstance((await desk.terminal.purchase(650)).outcome, Approved)

    run(main)


@pytest.mark.parametrize("set_right", [False, True])
def test_a_clock_that_is_set_right_between_request_and_answer_does_no_harm(*, set_right: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=4.0)
        wrong = timedelta(minutes=11)

        def clock() -> datetime:
            return loop.clock() + wrong

        async with EmulatorServer(emulated) as server, till(loop, server.port, clock=clock, **ALONE) as desk:
            await desk.terminal.purchase(100)
            emulated.faults.set("drop_after_charge", 1)
            task = asyncio.create_task(desk.terminal.purchase(650))
            await asyncio.sleep(2)
            wrong = timedelta(0) if set_right else timedelta(minutes=-30)
            assert isinstance((await task).outcome, Approved)

    run(main)


OCTOBER = datetime(2026, 10, 25, 0, 20, tzinfo=UTC)
"""02:20 in Rome, for the first time that night; an hour later it is 02:20 again."""


@pytest.mark.parametrize("hours", [0, 1])
@pytest.mark.parametrize(("limits", "proved"), [({}, False), ({"payment_timeout": 3600.0, "longest_payment_time": 3600.0}, True)])
def test_in_the_doubled_hour_both_readings_must_fit(hours: int, limits: dict[str, float], *, proved: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        def clock() -> datetime:
            return loop.clock() - START + OCTOBER + timedelta(hours=hours)

        emulated = EmulatedTerminal(clock=clock, think_seconds=4.0, first_stan=10)
        async with EmulatorServer(emulated) as server, till(loop, server.port, clock=clock, **ALONE, **limits) as desk:
            for _ in range(3):
                assert isinstance((await desk.terminal.purchase(100)).outcome, Approved), "live, the hour does no harm"
            emulated.faults.set("drop_after_charge", 1)
            outcome = (await desk.terminal.purchase(650)).outcome
            assert isinstance(outcome, Approved) is (proved and not hours)

    run(main)


def test_a_register_killed_after_the_fallback_to_p_still_recovers_the_p(tmp_path: Path) -> None:
    """The NAKs are those of `X`; they say nothing of `P`."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock(), form=71)
        terminal.on("X", [NAK])
        terminal.on("P", [ACK, 4.0, terminal.approves(6, 650, form=71, sent=False)])
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path, **ALONE) as desk:
                task = asyncio.create_task(desk.terminal.purchase(650, reference="sale"))
                await asyncio.sleep(8)
                assert "P" in terminal.codes()
                task.cancel()
            async with till(loop, port, tmp_path, **ALONE) as desk:
                await asyncio.sleep(60)
                outcome = desk.register.operation("sale").outcome
                assert isinstance(outcome, Approved), outcome
                assert outcome.stan == "000006"
        assert terminal.charges == [650]

    run(main)


def test_the_status_of_a_terminal_that_is_hours_wrong_lets_recovery_go_on() -> None:
    """Its own clock is three hours ahead, host_time too: the status clock tells it."""

    async def main(loop: VirtualLoop) -> None:
        ahead = timedelta(hours=3)
        terminal = ScriptedTerminal(lambda: loop.clock() + ahead)
        terminal.saved = approval(5, loop.clock() + ahead)
        terminal.on("s", lambda _: [ACK, status(loop.clock() + ahead)])
        terminal.on("X", lost(terminal.approves(6, 650, sent=False)))
        async with terminal.listening() as port, till(loop, port, **ALONE) as desk:
            assert isinstance((await desk.terminal.purchase(650)).outcome, Approved)

    run(main)


@pytest.mark.parametrize("hours", [5, -5])
def test_a_machine_that_slept_or_was_set_needs_both_readings_of_its_clock(hours: int) -> None:
    """A payment by hand, made hours after the loss, is at the right time by the clock as it goes now, and not by the clock of then."""

    async def main(loop: VirtualLoop) -> None:
        ahead = timedelta(0)
        terminal = ScriptedTerminal(lambda: loop.clock() + ahead)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, till(loop, port, clock=lambda: loop.clock() + ahead, purchase_code="X") as desk:
            terminal.on("X", lost())
            task = asyncio.create_task(desk.terminal.purchase(500, reference="lost"))
            await asyncio.sleep(10)
            ahead = timedelta(hours=hours)
            terminal.saved = approval(6, loop.clock() + ahead)
            assert isinstance((await task).outcome, Unresolved)

    run(main)


@pytest.mark.parametrize("was_set", [False, True], ids=["wrong from the start", "set after the request"])
@pytest.mark.parametrize("restart", [False, True])
def test_a_payment_hours_later_by_a_clock_that_is_as_many_hours_behind_proves_nothing(
    tmp_path: Path, *, was_set: bool, restart: bool
) -> None:
    """Its host_time is that of the lost request; `s` shows that the terminal's clock is wrong."""

    async def main(loop: VirtualLoop) -> None:
        behind = timedelta(0) if was_set else timedelta(hours=5)
        terminal = ScriptedTerminal(lambda: loop.clock() - behind)
        terminal.saved = approval(5, terminal.clock())
        terminal.on("X", lost())
        options = ALONE | {"purchase_code": "X", "terminal_id": TID}
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path, **options) as desk:
                if was_set:
                    await desk.terminal.status()
                outcome = (await desk.terminal.purchase(500, reference="lost")).outcome
                assert isinstance(outcome, Unresolved)
                behind = timedelta(hours=5)
                await asyncio.sleep(5 * 3600 - 600)
                terminal.saved = approval(6, desk.row("sending").time)
                if not restart:
                    await stays_unresolved(desk, "lost", "")
            if restart:
                async with till(loop, port, tmp_path, **options) as desk:
                    await stays_unresolved(desk, "lost", "")

    run(main)
