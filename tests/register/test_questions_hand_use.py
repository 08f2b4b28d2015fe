"""Somebody else's payments on the terminal, and an approval that follows a refusal (exchange.md §5: used by hand, late truth)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.model import Approved, Declined, Unresolved
from ecrlan.texts import words
from tests.scripted import ACK, ACK_DUE, CLOSE, ScriptedTerminal, Till, approval, refusal, till
from tests.virtual import VirtualLoop, run

ALONE: dict[str, Any] = {"standalone_use": False}


async def make_stale(desk: Till) -> None:
    """Have the register ask `G` before the next sale: what was known is stale after a card verification."""
    await desk.terminal.verify_card()


@asynccontextmanager
async def emulated(loop: VirtualLoop) -> AsyncIterator[tuple[EmulatedTerminal, int]]:
    terminal = EmulatedTerminal(clock=loop.clock, think_seconds=4.0)
    async with EmulatorServer(terminal) as server:
        yield terminal, server.port


# --- B7, B8: hand use ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standalone_use", [True, False])
def test_a_payment_by_hand_is_an_alarm_only_where_it_was_said_not_to_happen(*, standalone_use: bool, tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with emulated(loop) as (terminal, port):
            async with till(loop, port, tmp_path, standalone_use=standalone_use) as desk:
                await desk.terminal.purchase(500)
                for _ in range(2):
                    await make_stale(desk)
                    terminal.charge_by_hand(700, loop.time())
                    assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
                assert desk.alarm_names() == ([] if standalone_use else ["hand_use"])
                assert desk.row_names().count("hand_use") == (2 if standalone_use else 1)
                assert desk.terminal.memory.used_by_hand is not standalone_use
            async with till(loop, port, tmp_path, standalone_use=standalone_use) as desk:
                assert desk.terminal.memory.used_by_hand is not standalone_use, "written down"
                assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
                assert desk.alarms == []

    run(main)


def test_hand_use_is_reset_by_a_person_and_noticed_anew(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with emulated(loop) as (terminal, port):
            for expected in (["hand_use"], ["hand_use"]):
                async with till(loop, port, tmp_path, **ALONE) as desk:
                    await desk.terminal.purchase(500)
                    await make_stale(desk)
                    terminal.charge_by_hand(700, loop.time())
                    await desk.terminal.purchase(500)
                    assert desk.alarm_names() == expected
                    await asyncio.sleep(1)
                    desk.terminal.reset_hand_use("Anna")
                    assert desk.row("hand_use_reset").data["by"] == "Anna"
                async with till(loop, port, tmp_path, **ALONE) as desk:
                    assert not desk.terminal.memory.used_by_hand

    run(main)


def test_a_refusal_by_hand_is_no_sign_of_hand_use() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with emulated(loop) as (terminal, port), till(loop, port, **ALONE) as desk:
            await desk.terminal.purchase(500)
            await make_stale(desk)
            terminal.decline_by_hand(loop.time())
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            assert desk.alarms == []
            assert not desk.terminal.memory.used_by_hand

    run(main)


def test_a_lost_operation_of_ours_is_no_sign_of_hand_use() -> None:
    """Its own approval may be what `G` shows, once a person has settled it too."""

    async def main(loop: VirtualLoop) -> None:
        async with emulated(loop) as (terminal, port), till(loop, port, **ALONE) as desk:
            await desk.terminal.purchase(500)
            terminal.faults.set("odd_result", 1)  # charged, and the answer says neither yes nor no
            assert isinstance((await desk.terminal.purchase(650, reference="lost")).outcome, Unresolved)
            await desk.register.resolve("lost", "approved", by="Anna", note="on the terminal's list")
            await make_stale(desk)
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            assert "hand_use" not in desk.alarm_names()

    run(main)


def test_once_hand_use_was_seen_the_strict_rules_hold_over_a_restart(tmp_path: Path) -> None:
    """B7: a second register uses the terminal too. After its first payment was seen, none of its payments proves one of ours."""

    async def main(loop: VirtualLoop) -> None:
        async with emulated(loop) as (terminal, port):
            async with till(loop, port, tmp_path, **ALONE) as desk, till(loop, port, **ALONE) as other:
                await desk.terminal.purchase(500)
                await make_stale(desk)
                assert isinstance((await other.terminal.purchase(700)).outcome, Approved)
                await desk.terminal.purchase(500)
                assert desk.alarm_names() == ["hand_use"]
            async with till(loop, port, tmp_path, **ALONE) as desk, till(loop, port, **ALONE) as other:
                terminal.faults.set("drop_before_ack", 1)
                lost = asyncio.create_task(desk.terminal.purchase(650, reference="lost"))
                await asyncio.sleep(1)
                assert isinstance((await other.terminal.purchase(650)).outcome, Approved)
                assert isinstance((await lost).outcome, Unresolved)
            assert terminal.ledger.charged_total() == 500 + 700 + 500 + 650

    run(main)


def test_a_gap_in_the_stans_is_told_and_nothing_is_proved_across_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with emulated(loop) as (terminal, port), till(loop, port, purchase_code="P", **ALONE) as desk:
            await desk.terminal.purchase(500)
            terminal.charge_by_hand(700, loop.time())
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            assert desk.row("stan_gap").data | {"identity": ""} == {"identity": "", "stan": "000003", "last": "000001"}
            assert desk.alarms == [], "the approval's STAN alone says who paid nothing"
            terminal.faults.set("drop_before_ack", 1)
            lost = asyncio.create_task(desk.terminal.purchase(650))
            await asyncio.sleep(1)
            terminal.charge_by_hand(100, loop.time())
            terminal.charge_by_hand(650, loop.time())
            outcome = (await lost).outcome
            assert isinstance(outcome, Unresolved)
            assert "STANs are missing between 000003 and 000005" in words(outcome.evidence)

    run(main)


# --- A9: late truth -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "form", "options"),
    [
        ("X", 92, {}),
        ("X", 92, {"keep_open": True}),
        ("X", 92, {"print_on_register": True, "standalone_use": False}),
        ("P", 71, {"purchase_code": "P"}),
        ("P", 74, {"purchase_code": "P", "standalone_use": False}),
    ],
)
def test_an_approval_on_the_line_after_the_refusal_is_told_with_amount_and_stan(code: str, form: int, options: dict[str, Any]) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        refused = refusal("000005", "TRANSAZIONE NEGATA", form=form)
        late = terminal.approves(6, 5, form=form)
        terminal.on(code, [ACK, 4.0, refused, ACK_DUE, 2.0, late, ACK_DUE], terminal.sells(7, 500, form=form))
        async with terminal.listening() as port, till(loop, port, **options) as desk:
            assert isinstance((await desk.terminal.purchase(5, reference="sale")).outcome, Declined)
            acknowledged = len(terminal.acks)
            await asyncio.sleep(5)
            assert len(terminal.acks) == acknowledged + 1
            (alarm,) = desk.alarms
            assert (alarm.name, alarm.reference) == ("approved_after_refusal", "sale")
            assert words(alarm.what) == "declined, but then the terminal said approved: 0.05 EUR, STAN 000006; the customer may have paid"
            assert desk.row("approved_after_refusal").data == {"stan": "000006", "amount": 5, "told": "declined"}
            assert desk.row("approved_after_refusal").reference == "sale"
            assert isinstance(desk.register.operation("sale").outcome, Declined), "the outcome that was told stays"
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            assert len(desk.alarms) == 1, "told once, though `G` shows it again; and no hand use"
            assert terminal.charges == [5, 500]

    run(main)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("standalone_use", [True, False])
@pytest.mark.parametrize(("code", "form"), [("X", 92), ("P", 71)])
def test_the_next_last_result_shows_the_approval_after_the_refusal(
    code: str, form: int, *, standalone_use: bool, restart: bool, tmp_path: Path
) -> None:
    options = {"standalone_use": standalone_use, "purchase_code": code}

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        unsent = terminal.approves(6, 5, form=form, sent=False)
        terminal.on(code, [ACK, 4.0, refusal("000005", "KO", form=form), ACK_DUE, CLOSE, 2.0, unsent], terminal.sells(7, 500, form=form))
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path, **options) as desk:
                assert isinstance((await desk.terminal.purchase(5, reference="sale")).outcome, Declined)
                await asyncio.sleep(5)
                assert desk.alarms == [], "nobody can know yet"
                if not restart:
                    await asking_sale(desk)
            if restart:
                async with till(loop, port, tmp_path, **options) as desk:
                    await asking_sale(desk)
        assert terminal.charges == [5, 500]

    async def asking_sale(desk: Till) -> None:
        desk.terminal.memory.set_stale()  # as after any lost line
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        (alarm,) = desk.alarms
        assert (alarm.name, alarm.reference) == ("approved_after_refusal", "sale")
        assert words(alarm.what) == "declined, but then the terminal said approved: 0.05 EUR, STAN 000006; the customer may have paid"
        assert not desk.terminal.memory.used_by_hand

    run(main)


@pytest.mark.parametrize(("amount", "hours"), [(6, 0), (5, 5)], ids=["another amount", "hours later"])
def test_what_cannot_be_the_refused_operation_is_somebody_elses(amount: int, hours: int) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("X", [ACK, 4.0, refusal("000005", "KO"), ACK_DUE, CLOSE])
        async with terminal.listening() as port, till(loop, port, **ALONE) as desk:
            await desk.terminal.purchase(5, reference="sale")
            await asyncio.sleep(60 + hours * 3600)
            terminal.saved = approval(6, loop.clock(), amount=amount)
            desk.terminal.memory.set_stale()
            terminal.on("X", terminal.sells(7, 500))
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            assert desk.alarm_names() == ["hand_use"]

    run(main)


def test_a_copy_of_an_older_approval_after_a_refusal_says_nothing() -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        older = approval(5, loop.clock(), amount=5)
        terminal.saved = older
        terminal.on("X", [ACK, 4.0, refusal("000005", "KO"), ACK_DUE, 1.0, older, ACK_DUE])
        async with terminal.listening() as port, till(loop, port) as desk:
            await desk.terminal.purchase(5)
            await asyncio.sleep(3)
            assert len(terminal.acks) >= 3
            assert desk.alarms == []

    run(main)


def test_after_a_refusal_the_last_result_is_asked_for_before_money_goes_out_again() -> None:
    """The refusal was followed by an approval that nobody saw: the customer's second try must not be proved by it."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, till(loop, port, standalone_use=False, purchase_code="X") as desk:
            refused = refusal("000006", "NEGATA")
            terminal.on("X", [ACK, 4.0, terminal.save(refused), refused, ACK_DUE, CLOSE], [ACK, 4.0, CLOSE])
            assert isinstance((await desk.terminal.purchase(500, reference="first")).outcome, Declined)
            terminal.saved = approval(7, loop.clock())
            assert isinstance((await desk.terminal.purchase(500, reference="second")).outcome, Unresolved)
            assert [alarm.reference for alarm in desk.alarms if alarm.name == "approved_after_refusal"] == ["first"]
            assert terminal.codes().count("X") == 2

    run(main)
