"""What stands in the journal before which byte, and a fallback that fails, on a loop with its own time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import JournalError
from ecrlan.journal import Event, Journal, NewOperation
from ecrlan.model import Approved, NotPerformed, Operation, State
from ecrlan.protocol.conduct import MOST_PROGRESS
from ecrlan.protocol.questions import MOST_STRAYS
from ecrlan.register import Alarm, OperationChanged, Register, Terminal
from ecrlan.texts import words
from tests.scripted import ACK, ScriptedTerminal, approval, receipt, status, till
from tests.virtual import Stream, VirtualLoop, run

Rows = Sequence[NewOperation | Event]


class SlowJournal(Journal):
    """A journal whose commits take a second; `refuses` says for which rows it fails."""

    def __init__(self, path: Path, loop: VirtualLoop) -> None:
        self.loop = loop
        self.refuses: Callable[[NewOperation | Event], bool] = lambda row: False
        self.committed: list[tuple[float, Event]] = []
        super().__init__(path, inline=True)

    def write(self, rows: Rows, *, durable: bool = True) -> Future[None] | None:
        if any(map(self.refuses, rows)):
            raise JournalError("the disk is full")
        super().write(rows, durable=durable)
        if not durable:
            return None
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        self.loop.call_later(1.0, self._done, rows, future)
        return future

    def _done(self, rows: Rows, future: Future[None]) -> None:
        self.committed += [(self.loop.time(), row) for row in rows if isinstance(row, Event)]
        future.set_result(None)


Scene = Callable[[VirtualLoop, SlowJournal, EmulatedTerminal, Terminal], Awaitable[None]]


def play(folder: Path, scene: Scene, behaviour: dict[str, Any] | None = None, **options: Any) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, **(behaviour or {}))
        emulated.charge_by_hand(650, 0.0)
        with closing(SlowJournal(folder / "till.db", loop)) as journal:
            async with EmulatorServer(emulated) as server, Register(journal, clock=loop.clock) as register:
                await scene(loop, journal, emulated, register.dial("till-1", "127.0.0.1", server.port, **options))

    run(main)


async def ask_printing(terminal: Terminal) -> Operation:
    return await terminal.purchase(650)


async def ask_status(terminal: Terminal) -> Operation:
    return await terminal.status()


async def ask_totals(terminal: Terminal) -> Operation:
    return await terminal.totals(reference="totals")


STRAYS = [("E", ask_printing), ("s", ask_status), ("s", ask_printing), ("T", ask_totals)]
"""The code of the request before whose ACK the last result comes once more, and what asks it."""


@pytest.mark.parametrize(("code", "ask"), STRAYS)
def test_a_stray_result_is_on_disk_before_its_ack(code: str, ask: Callable[[Terminal], Awaitable[Operation]], tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        emulated.faults.set("stale_result", 1, codes=code)
        await ask(terminal)
        ((committed, stray),) = [(at, row) for at, row in journal.committed if row.name == "stray"]
        assert emulated.last_result is not None
        assert bytes.fromhex(stray.data["message"])[:11] == b"37105051" + b"0E0"
        sent = [(at, data) for at, stream, data in loop.network.written if stream.side == "dialled"]
        asked = next(place for place, (_, data) in enumerate(sent) if data[10:11] == code.encode())
        assert committed <= next(at for at, data in sent[asked:] if data == ACK)

    play(tmp_path, scene, print_on_register=True)


def test_a_stray_result_that_cannot_be_written_down_is_not_acknowledged(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        alarms: list[Alarm] = []
        terminal._ledger.publisher.observe(lambda event: alarms.append(event) if isinstance(event, Alarm) else None)
        journal.refuses = lambda row: isinstance(row, Event) and row.name == "stray"
        emulated.faults.set("stale_result", 1, codes="s")
        await terminal.status()
        acks = [data for _, stream, data in loop.network.written if stream.side == "dialled" and data == ACK]
        assert len(acks) == 1, "that of the status"
        assert [alarm.name for alarm in alarms] == ["journal_failed"]

    play(tmp_path, scene)


def test_a_request_that_is_not_on_disk_is_not_told_as_sent(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        states: list[State] = []
        terminal._ledger.publisher.observe(
            lambda event: states.append(event.operation.state) if isinstance(event, OperationChanged) else None
        )
        journal.refuses = lambda row: isinstance(row, Event) and row.name == "sending" and row.data.get("code") == "X"
        with pytest.raises(JournalError):
            await terminal.purchase(650, reference="sale")
        terminal._ledger.publisher.flush()
        assert State.SENDING not in states
        assert len(emulated.ledger) == 1, "the payment by hand"

    play(tmp_path, scene)


def test_each_part_of_a_vas_answer_is_on_disk_before_its_ack(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        operation = await terminal.vas("BPAY_QR", amount="10", reference="qr")
        assert isinstance(operation.outcome, Approved)
        written = [at for at, row in journal.committed if row.name in ("part", "answered")]
        assert len(written) == 3
        sent = [(at, data) for at, stream, data in loop.network.written if stream.side == "dialled"]
        begun = next(at for at, data in sent if data[10:11] == b"K")
        acks = [at for at, data in sent if data == ACK and at > begun]
        assert all(row <= ack for row, ack in zip(written, acks, strict=True))

    play(tmp_path, scene, {"vas_parts": 3})


@pytest.mark.parametrize("how", ["journal", "connection"])
def test_a_fallback_that_cannot_be_sent_leaves_the_refusal(how: str, tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        def on_write(stream: Stream, data: bytes) -> float | None:
            if how == "connection" and stream.side == "dialled" and data[10:11] == b"s":
                loop.network.refuse = True  # the status after the refusal is the last thing that gets through
            return 0.0

        await terminal.status()
        loop.network.on_write = on_write
        if how == "journal":
            journal.refuses = lambda row: isinstance(row, Event) and row.data.get("code") == "P"
        operation = await terminal.purchase(650, reference="sale")
        assert isinstance(operation.outcome, NotPerformed)
        assert "refused 3 times" in words(operation.outcome.reason)
        assert len(emulated.ledger) == 1
        (entry,) = journal.each()
        assert [event.name for event in entry.events] == ["sending", "refused", "sending", "refused", "sending", "refused", "finished"]
        loop.network.refuse, loop.network.on_write = False, None
        journal.refuses = lambda row: False
        assert isinstance((await terminal.purchase(650, reference="next")).outcome, Approved)

    play(tmp_path, scene, {"commands": "sPGE"}, standalone_use=False)


def test_a_journal_that_fails_at_the_fallback_is_told(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        del loop, emulated
        failing = False

        def refuses(row: NewOperation | Event) -> bool:
            nonlocal failing
            failing = failing or (isinstance(row, Event) and row.data.get("code") == "P")
            return failing

        journal.refuses = refuses
        operation = await terminal.purchase(650, reference="sale")
        assert isinstance(operation.outcome, NotPerformed)
        assert not operation.durable

    play(tmp_path, scene, {"commands": "sPGE"}, standalone_use=False)


def test_a_silent_line_is_given_up_for_a_new_one(tmp_path: Path) -> None:
    """The terminal's answers are lost on a line that looks alive: the questions for the last result must not all go there."""

    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        del journal
        dead: list[Stream] = []

        def on_write(stream: Stream, data: bytes) -> float | None:
            if stream.side == "dialled" and data[10:11] == b"X":
                dead.append(stream.other)
            return 100_000.0 if stream in dead else 0.0

        loop.network.on_write = on_write
        operation = await terminal.purchase(650, reference="sale")
        assert isinstance(operation.outcome, Approved)
        assert operation.outcome.stan == list(emulated.ledger)[-1].stan
        assert len(emulated.ledger) == 2

    play(tmp_path, scene, standalone_use=False)


@pytest.mark.parametrize(("away", "proved"), [(370.0, True), (3000.0, False)])
def test_a_terminal_that_is_away_at_the_last_moment_is_asked_again(away: float, proved: bool, tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        del journal

        def on_write(stream: Stream, data: bytes) -> float | None:
            del stream
            if data[10:11] != b"X":
                return 0.0
            loop.network.refuse = True
            loop.call_later(away, setattr, loop.network, "refuse", False)
            return None

        loop.network.on_write = on_write
        operation = await terminal.purchase(650, reference="sale")
        assert isinstance(operation.outcome, NotPerformed) is proved
        assert len(emulated.ledger) == 1

    play(tmp_path, scene, standalone_use=False, trust_unchanged_result=True)


def test_a_late_result_is_told_once_it_is_on_disk(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, journal: SlowJournal, emulated: EmulatedTerminal, terminal: Terminal) -> None:
        told: list[tuple[float, Operation]] = []

        def observe(event: object) -> None:
            if isinstance(event, OperationChanged):
                told.append((loop.time(), event.operation))

        terminal._ledger.publisher.observe(observe)
        emulated.faults.set("late_result", 1)
        operation = await terminal.purchase(650, reference="sale")
        returned = loop.time()
        assert isinstance(operation.outcome, Approved)
        answered = next(at for at, row in journal.committed if row.name == "answered")
        finished = [at for at, known in told if known.outcome is not None]
        assert finished
        assert answered <= min(*finished, returned)
        ((late, _),) = [(at, row) for at, row in journal.committed if row.name == "answered" and row.data.get("late")]
        assert not [at for at, stream, data in loop.network.written if stream.side == "dialled" and data[10:11] == b"G" and at > 180], late

    play(tmp_path, scene, {"late_seconds": 181.0}, standalone_use=False)


def test_of_a_flood_of_progress_and_strays_only_so_much_is_kept() -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        progress = b"\x01" + b"ATTESA CARTA".rjust(20) + b"\x04"
        flood = [progress] * 300 + [receipt("LINE OF NOBODY", tid="99999999")] * 100
        terminal.on("X", [ACK, *flood, 3.0, terminal.approves(6, 500)])
        async with terminal.listening() as port, till(loop, port) as desk:
            operation = await desk.terminal.purchase(500, reference="sale-1")
            assert isinstance(operation.outcome, Approved)
            names = desk.row_names("sale-1")
            assert names.count("progress") == MOST_PROGRESS
            assert names.count("stray") <= MOST_STRAYS
            assert desk.alarm_names().count("flood") == 1

    run(main)


def test_of_a_flood_after_a_question_only_so_much_is_kept_but_who_else_answers_is_told() -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        unasked = [status(loop.clock())] * (2 * MOST_STRAYS)
        terminal.on("G", [ACK, *unasked, *[receipt("ANOTHER'S", tid="99999999")] * 3, 3.0, terminal.saved])
        async with terminal.listening() as port, till(loop, port) as desk:
            terminal.on("X", terminal.sells(6, 500))
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
            assert desk.row_names().count("stray") == MOST_STRAYS + 1
            assert desk.alarm_names().count("terminal_id_changed") == 1

    run(main)
