"""What the journal tells of a terminal: restored journals, names that change, terminals without a name (exchange.md §5)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import (
    InvalidValueError,
    JournalDoubtError,
    OperationsWithoutTerminalError,
    RegisterError,
    TerminalBlockedError,
    UnknownReferenceError,
    UnknownTerminalError,
)
from ecrlan.journal import Journal
from ecrlan.model import Approved, Declined, Done, Unresolved
from ecrlan.register import Register
from ecrlan.texts import words
from tests.scripted import ACK, CLOSE, TID, ScriptedTerminal, approval, frame, refusal, till
from tests.virtual import VirtualLoop, run

ALONE: dict[str, Any] = {"standalone_use": False}


@asynccontextmanager
async def opened(loop: VirtualLoop, folder: Path) -> AsyncIterator[Register]:
    """A register on the journal in `folder`, without terminals."""
    with closing(Journal(folder / "till.db", inline=True)) as journal:
        async with Register(journal, clock=loop.clock) as register:
            yield register


def lost(terminal: ScriptedTerminal) -> None:
    """Have the terminal ACK the next purchase and lose it."""
    terminal.on("X", [ACK, 4.0, CLOSE])


# --- B4: an old or copied journal ---------------------------------------------------------------------------------------------------


def restore_backup(folder: Path, kept: Path) -> Path:
    shutil.copyfile(kept / "backup.db", folder / "till.db")
    for name in ("till.db-wal", "till.db-shm"):
        (folder / name).unlink(missing_ok=True)
    return folder


def restore_older_file(folder: Path, kept: Path) -> Path:
    """The bytes of before, put into the files that stand there."""
    for name in ("till.db", "till.db-wal"):
        (folder / name).write_bytes((kept / name).read_bytes())
    (folder / "till.db-shm").unlink(missing_ok=True)
    return folder


def copy_of_the_folder(folder: Path, kept: Path) -> Path:
    return kept


def without_its_second_file(folder: Path, kept: Path) -> Path:
    restored = restore_older_file(folder, kept)
    (restored / "till.db.epoch").unlink()
    return restored


RESTORED = [restore_backup, restore_older_file, copy_of_the_folder, without_its_second_file]


@pytest.mark.parametrize("restore", RESTORED, ids=lambda restore: restore.__name__)
@pytest.mark.parametrize("standalone_use", [True, False])
def test_a_restored_journal_stops_money_and_proves_nothing_of_before(
    restore: Callable[[Path, Path], Path], *, standalone_use: bool, tmp_path: Path
) -> None:
    """The copy was made while A was in flight; A was declined, B of the same amount approved since: `G` shows B's approval."""
    folder, kept = tmp_path / "shop", tmp_path / "kept"
    folder.mkdir()
    kept.mkdir()
    options = {"standalone_use": standalone_use}

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port:
            async with till(loop, port, folder, **options) as desk:
                terminal.on("X", [ACK, 10.0, refusal("000005", "KO")], terminal.sells(6, 500))
                running = asyncio.create_task(desk.terminal.purchase(500, reference="A"))
                await asyncio.sleep(5)
                journal = desk.register.journal
                journal.flush()
                journal.backup(kept / "backup.db")
                for name in ("till.db", "till.db-wal", "till.db.epoch"):
                    shutil.copy(folder / name, kept / name)
                assert isinstance((await running).outcome, Declined)
                assert isinstance((await desk.terminal.purchase(500, reference="B")).outcome, Approved)
            async with till(loop, port, restore(folder, kept), **options) as desk:
                terminal.on("X", terminal.sells(7, 700))
                await asyncio.sleep(600)
                assert isinstance(desk.register.operation("A").outcome, Unresolved)
                assert isinstance((await desk.terminal.status()).outcome, Done), "looking is allowed"
                for reference in ("B", "C"):
                    with pytest.raises(JournalDoubtError):
                        await desk.terminal.purchase(500, reference=reference)
                with pytest.raises(UnknownReferenceError):
                    desk.register.operation("B")
                await desk.register.accept_journal(by="Anna", note="backup of this morning, B looked up at the terminal")
                with pytest.raises(TerminalBlockedError, match="A"):
                    await desk.terminal.purchase(700)
                outcome = desk.register.operation("A").outcome
                assert isinstance(outcome, Unresolved)
                assert "from before the journal was restored or copied" in words(outcome.evidence)
            assert terminal.charges == [500]
            async with till(loop, port, kept if restore is copy_of_the_folder else folder, **options) as desk:
                await asyncio.sleep(600)
                assert isinstance(desk.register.operation("A").outcome, Unresolved), "nor after a restart"
                await desk.register.resolve("A", "not_performed", by="Anna", note="declined, says its paper")
                terminal.on("X", terminal.sells(7, 700))
                assert isinstance((await desk.terminal.purchase(700, reference="D")).outcome, Approved), "accepted once is enough"
                terminal.on("X", [ACK, 4.0, terminal.approves(8, 650, sent=False), CLOSE])
                assert isinstance((await desk.terminal.purchase(650, reference="E")).outcome, Approved), "what begins now is proved as ever"
        assert terminal.charges == [500, 700, 650]

    run(main)


def test_accepting_a_journal_takes_a_name_and_a_reason(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop, tmp_path) as register:
            for wrong in ({"by": " ", "note": "x"}, {"by": "Anna", "note": ""}, {"by": "A" * 201, "note": "x"}):
                with pytest.raises(InvalidValueError):
                    await register.accept_journal(**wrong)
            with pytest.raises(RegisterError, match="nothing about the journal is in doubt"):
                await register.accept_journal(by="Anna", note="just so")

    run(main)


def test_a_crash_is_no_doubt(tmp_path: Path) -> None:
    """A first start, a sale by hand, a killed register: nothing that needs a person."""

    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        emulated.charge_by_hand(650, 0.0)
        async with EmulatorServer(emulated) as server:
            for number in range(3):
                journal = Journal(tmp_path / "till.db", inline=True)
                async with Register(journal, clock=loop.clock) as register:
                    terminal = register.dial("till-1", "127.0.0.1", server.port)
                    assert isinstance((await terminal.purchase(500)).outcome, Approved)
                    emulated.charge_by_hand(650 + number, loop.time())
                journal.abandon()

    run(main)


# --- B11: names -------------------------------------------------------------------------------------------------------------------------


async def lose(loop: VirtualLoop, terminal: ScriptedTerminal, port: int, folder: Path, **options: Any) -> None:
    """Leave the operation `lost` unresolved on `till-1`."""
    async with till(loop, port, folder, **options) as desk:
        lost(terminal)
        assert isinstance((await desk.terminal.purchase(500, reference="lost")).outcome, Unresolved)
    terminal.on("X", terminal.sells(6, 500))


@pytest.mark.parametrize("named", [True, False], ids=["TID in the settings", "TID pinned"])
@pytest.mark.parametrize("moved", [False, True], ids=["same place", "another place"])
@pytest.mark.parametrize("ask_first", [False, True], ids=["sale first", "status first"])
def test_a_renamed_terminal_stays_blocked(*, named: bool, moved: bool, ask_first: bool, tmp_path: Path) -> None:
    options = ALONE | ({"terminal_id": TID} if named else {})

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port:
            await lose(loop, terminal, port, tmp_path, **options)
        async with terminal.listening(port + 1 if moved else port) as place, opened(loop, tmp_path) as register:
            bar = register.dial("bar", "127.0.0.1", place, **options)
            if ask_first:
                await bar.status()
            for _ in range(2):
                with pytest.raises(TerminalBlockedError, match="lost"):
                    await bar.purchase(500)
                await asyncio.sleep(600)
            await register.resolve("lost", "not_performed", by="Anna", note="looked")
            assert isinstance((await bar.purchase(500)).outcome, Approved)
        assert terminal.charges == [500]

    run(main)


def test_operations_of_a_name_that_is_gone_are_told_until_they_are_attached(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal, other = ScriptedTerminal(loop.clock), ScriptedTerminal(loop.clock, tid="11112222")
        terminal.saved = approval(5, loop.clock())
        other.saved = approval(90, loop.clock(), tid="11112222")
        other.on("X", other.sells(91, 500))
        async with terminal.listening() as port, other.listening() as elsewhere:
            await lose(loop, terminal, port, tmp_path)
            for attached in (False, True):
                async with opened(loop, tmp_path) as register:
                    bar = register.dial("bar", "127.0.0.1", elsewhere)
                    kiosk = register.dial("kiosk", "127.0.0.9", 1)
                    if attached:
                        register.check_operations()
                    else:
                        with pytest.raises(OperationsWithoutTerminalError, match=r"lost \(terminal till-1\).*attach") as caught:
                            register.check_operations()
                        assert caught.value.operations == (("lost", "till-1"),)
                        for reference, name, by, error in (
                            ("lost", "bar", " ", InvalidValueError),
                            ("lost", "till-1", "Anna", UnknownTerminalError),
                            ("nothing", "bar", "Anna", UnknownReferenceError),
                        ):
                            with pytest.raises(error):
                                await register.attach(reference, name, by=by)
                        await register.attach("lost", "kiosk", by="Anna")
                        assert "lost" in kiosk.open_works
                        await register.attach("lost", "bar", by="Bruno")
                        assert "lost" not in kiosk.open_works
                        register.check_operations()
                    with pytest.raises(TerminalBlockedError, match="lost"):
                        await bar.purchase(500)
                    await asyncio.sleep(600)
                    outcome = register.operation("lost").outcome
                    assert isinstance(outcome, Unresolved)
                    if attached:
                        await register.resolve("lost", "not_performed", by="Anna", note="looked")
                        assert isinstance((await bar.purchase(500)).outcome, Approved)
                        with pytest.raises(RegisterError, match="it blocks no terminal"):
                            await register.attach("lost", "kiosk", by="Anna")
            assert (terminal.charges, other.charges) == ([], [500])

    run(main)


def test_an_attached_operation_is_not_proved_by_another_terminal(tmp_path: Path) -> None:
    """The other one's last result would fit: amount, next STAN, time."""

    async def main(loop: VirtualLoop) -> None:
        terminal, other = ScriptedTerminal(loop.clock), ScriptedTerminal(loop.clock, tid="11112222")
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, other.listening() as elsewhere:
            await lose(loop, terminal, port, tmp_path, **ALONE)
            other.saved = approval(6, loop.clock(), tid="11112222")
            async with opened(loop, tmp_path) as register:
                bar = register.dial("bar", "127.0.0.1", elsewhere, **ALONE)
                await bar.status()
                await register.attach("lost", "bar", by="Anna")
                await asyncio.sleep(600)
                with pytest.raises(TerminalBlockedError):
                    await bar.purchase(500)
                outcome = register.operation("lost").outcome
                assert isinstance(outcome, Unresolved)
                assert f"it was sent to TID {TID}, and bar is TID 11112222 now" in words(outcome.evidence)

    run(main)


def test_the_terminal_of_a_name_may_change_its_place(tmp_path: Path) -> None:
    """Same name, same TID, another address: what was lost there is proved there."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port:
            await lose(loop, terminal, port, tmp_path, **ALONE)
            sent = loop.clock()
        terminal.saved = approval(6, sent)
        async with terminal.listening(port + 1) as place, till(loop, place, tmp_path, **ALONE) as desk:
            await asyncio.sleep(60)
            assert isinstance(desk.register.operation("lost").outcome, Approved)

    run(main)


# --- terminals without a name -----------------------------------------------------------------------------------------------------------


def nameless(loop: VirtualLoop, stan: int) -> ScriptedTerminal:
    terminal = ScriptedTerminal(loop.clock, tid="00000000")
    terminal.saved = approval(stan, loop.clock(), tid="00000000")
    return terminal


def test_nameless_terminals_are_told_apart_by_their_places(tmp_path: Path) -> None:
    """Both count the same STANs. What is lost on one is not proved by the other, and stops nothing there; also after a restart."""

    async def main(loop: VirtualLoop) -> None:
        one, two = nameless(loop, 5), nameless(loop, 5)
        async with one.listening() as first, two.listening() as second:
            async with opened(loop, tmp_path) as register:
                here, there = register.dial("one", "127.0.0.1", first, **ALONE), register.dial("two", "127.0.0.1", second, **ALONE)
                for stan in (6, 7):
                    for terminal, scripted in ((here, one), (there, two)):
                        scripted.on("X", scripted.sells(stan, 500, authorization=f"{terminal.name}{stan}"))
                        assert isinstance((await terminal.purchase(500)).outcome, Approved)
                lost(one)
                two.on("X", two.sells(8, 650, authorization="TWO8"))
                running = asyncio.create_task(here.purchase(650, reference="lost"))
                assert isinstance((await there.purchase(650)).outcome, Approved)
                assert isinstance((await running).outcome, Unresolved)
                with pytest.raises(TerminalBlockedError):
                    await here.purchase(500)
            async with opened(loop, tmp_path) as register:
                here, there = register.dial("one", "127.0.0.1", first, **ALONE), register.dial("two", "127.0.0.1", second, **ALONE)
                two.on("X", two.sells(9, 500, authorization="TWO9"))
                assert isinstance((await there.purchase(500)).outcome, Approved)
                with pytest.raises(TerminalBlockedError):
                    await here.purchase(500)
        assert (one.charges, two.charges) == ([500, 500], [500, 500, 650, 500])

    run(main)


def test_a_nameless_terminal_recovers_by_its_place(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = nameless(loop, 5)
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path, **ALONE) as desk:
                terminal.on("X", [ACK, 4.0, terminal.approves(6, 500, sent=False), CLOSE])
                assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
                terminal.on("X", [ACK, 4.0, terminal.approves(7, 500, sent=False)])
                running = asyncio.create_task(desk.terminal.purchase(500, reference="killed"))
                await asyncio.sleep(6)
                running.cancel()
            async with till(loop, port, tmp_path, **ALONE) as desk:
                await asyncio.sleep(60)
                assert isinstance(desk.register.operation("killed").outcome, Approved)
                assert desk.alarms == []

    run(main)


def test_a_nameless_terminal_that_is_renamed_stays_blocked(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = nameless(loop, 5)
        async with terminal.listening() as port:
            await lose(loop, terminal, port, tmp_path, **ALONE)
            async with opened(loop, tmp_path) as register:
                bar = register.dial("bar", "127.0.0.1", port, **ALONE)
                register.check_operations()
                with pytest.raises(TerminalBlockedError, match="lost"):
                    await bar.purchase(500)
        assert terminal.charges == []

    run(main)


@pytest.mark.parametrize("moved", [False, True], ids=["same place", "another place"])
def test_a_nameless_terminal_that_stands_elsewhere_proves_nothing(*, moved: bool, tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = nameless(loop, 5)
        async with terminal.listening() as port:
            await lose(loop, terminal, port, tmp_path, **ALONE)
            sent = loop.clock()
        terminal.saved = approval(6, sent, tid="00000000")
        async with terminal.listening(port + 1 if moved else port) as place, till(loop, place, tmp_path, **ALONE) as desk:
            await asyncio.sleep(600)
            outcome = desk.register.operation("lost").outcome
            assert isinstance(outcome, Unresolved if moved else Approved)

    run(main)


def test_00000000_in_an_answer_is_never_another_terminal() -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        async with terminal.listening() as port, till(loop, port, terminal_id=TID, **ALONE) as desk:
            terminal.on("X", terminal.sells(6, 500), terminal.sells(7, 500, tid="00000000"), terminal.sells(8, 500))
            for _ in range(3):
                assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            assert desk.alarms == []

    run(main)


# --- what was seen is known for ever ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "form"), [("X", 92), ("P", 71), ("P", 74)])
@pytest.mark.parametrize("restart", [False, True])
def test_a_copy_of_an_old_approval_is_never_a_sales_answer(code: str, form: int, *, restart: bool, tmp_path: Path) -> None:
    """In whatever form it comes; STANs started anew since, so that its STAN is the next one now, and every other rule lets it through."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(1, loop.clock(), authorization="OLD")
        moments = []
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path, **ALONE) as desk:
                for number, stan in enumerate((2, 3, 2)):
                    terminal.on("X", terminal.sells(stan, 500, seconds=61.0, authorization=f"C{number}"))
                    assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
                    moments.append(loop.clock())
                terminal.on(code, [ACK, 4.0, approval(3, moments[1], form=form, authorization="C1")])
                if not restart:
                    desk.terminal = desk.register.change(replace(desk.terminal.settings, purchase_code=code))
                    assert isinstance((await desk.terminal.purchase(500)).outcome, Unresolved)
            if restart:
                async with till(loop, port, tmp_path, purchase_code=code, **ALONE) as desk:
                    assert isinstance((await desk.terminal.purchase(500)).outcome, Unresolved)
        assert terminal.charges == [500] * 3

    run(main)


@pytest.mark.parametrize("restart", [False, True])
def test_a_copy_of_the_answer_to_an_earlier_vas_order_is_not_the_next_ones(tmp_path: Path, *, restart: bool) -> None:
    document = '<ecrres><p k="ECRVASID">BPAY_QR</p><p k="RESPID">0</p><p k="ORDER_ID">20261123174400000042</p></ecrres>'
    copy = frame(f"{TID}0K00000001{0:04}{len(document):04}{document}")

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("K", [ACK, 4.0, copy], [ACK, 4.0, copy, 1.0, CLOSE])
        async with terminal.listening() as port:
            async with till(loop, port, tmp_path) as desk:
                first = await desk.terminal.vas("BPAY_QR", amount="500", reference="first")
                assert not isinstance(first.outcome, Unresolved)
                if not restart:
                    second = await desk.terminal.vas("BPAY_QR", amount="500", reference="second")
            if restart:
                async with till(loop, port, tmp_path) as desk:
                    second = await desk.terminal.vas("BPAY_QR", amount="500", reference="second")
        assert isinstance(second.outcome, Unresolved)

    run(main)
