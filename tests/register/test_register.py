"""Queue, cancellation, references, recovery after a restart, people: on a loop with its own time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import (
    InvalidValueError,
    JournalError,
    ReferenceConflictError,
    RegisterError,
    TerminalBlockedError,
    TerminalBusyError,
    UnknownReferenceError,
    UnknownTerminalError,
)
from ecrlan.journal import Journal
from ecrlan.model import Approved, Code, Declined, Done, NotPerformed, Operation, State, Unresolved, verbatim
from ecrlan.register import Alarm, FrameReceived, FrameSent, OperationChanged, ProgressShown, Register, Terminal, TerminalEvent
from ecrlan.texts import words
from tests.virtual import VirtualLoop, run


@asynccontextmanager
async def opened(folder: Path, loop: VirtualLoop) -> AsyncIterator[Register]:
    """A register on a journal file that commits inline."""
    with closing(Journal(folder / "till.db", inline=True)) as journal:
        async with Register(journal, clock=loop.clock) as register:
            yield register


async def wait_until_sent(loop: VirtualLoop, emulated: EmulatedTerminal) -> None:
    for _ in range(200):
        if not emulated.idle:
            return
        await asyncio.sleep(0)
    raise AssertionError("nothing was sent")


def test_callers_wait_in_order_of_arrival() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            await asyncio.gather(*(terminal.purchase(amount) for amount in (100, 200, 300, 400)))
            assert [entry.amount for entry in emulated.ledger] == [100, 200, 300, 400]
            assert loop.time() == pytest.approx(40.0)

    run(main)


def test_a_caller_need_not_wait() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            first = asyncio.create_task(terminal.purchase(100, reference="first"))
            await asyncio.sleep(1)
            with pytest.raises(TerminalBusyError, match="operation first has held it for 1 s") as caught:
                await terminal.purchase(200, queue_timeout=0)
            assert caught.value.sent == "no"
            with pytest.raises(TerminalBusyError):
                await terminal.purchase(300, queue_timeout=5)
            assert loop.time() == pytest.approx(6.0)
            assert isinstance((await first).outcome, Approved)
            assert len(emulated.ledger) == 1

    run(main)


def test_cancelling_drops_what_is_queued_and_leaves_what_was_sent() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            sent = asyncio.create_task(terminal.purchase(100, reference="sent"))
            await wait_until_sent(loop, emulated)
            queued = asyncio.create_task(terminal.purchase(200, reference="queued"))
            await asyncio.sleep(1)
            for task in (queued, sent):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await asyncio.sleep(60)
            assert isinstance(register.operation("sent").outcome, Approved)
            with pytest.raises(UnknownReferenceError):
                register.operation("queued")
            assert [entry.amount for entry in emulated.ledger] == [100]

    run(main)


def test_same_reference_same_operation() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            both = await asyncio.gather(*(terminal.purchase(650, reference="sale-1") for _ in range(3)))
            again = await terminal.purchase(650, reference="sale-1")
            assert len({operation.outcome.stan for operation in (*both, again) if isinstance(operation.outcome, Approved)}) == 1
            assert len(emulated.ledger) == 1
            with pytest.raises(ReferenceConflictError, match=r"amount=650.*asked for now:.*amount=651"):
                await terminal.purchase(651, reference="sale-1")
            with pytest.raises(ReferenceConflictError):
                await terminal.preauthorize(650, reference="sale-1")
            with pytest.raises(ReferenceConflictError, match=r"cash_register_id=00000001.*asked for now:.*cash_register_id=00000002"):
                await terminal.purchase(650, reference="sale-1", cash_register_id="00000002")
            register.cash_register_id = "00000003"  # an order takes it as it is now
            with pytest.raises(ReferenceConflictError, match=r"asked for now:.*cash_register_id=00000003"):
                await terminal.purchase(650, reference="sale-1")

    run(main)


def test_one_caller_of_two_goes_and_the_other_still_gets_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            before = asyncio.create_task(terminal.purchase(100))
            one = asyncio.create_task(terminal.purchase(200, reference="shared"))
            other = asyncio.create_task(terminal.purchase(200, reference="shared"))
            await asyncio.sleep(1)
            one.cancel()
            assert isinstance((await other).outcome, Approved)
            await before

    run(main)


def test_references_survive_a_restart(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server:
            outcomes = []
            for _ in range(2):
                async with opened(tmp_path, loop) as register:
                    terminal = register.dial("till-1", "127.0.0.1", server.port)
                    outcomes.append((await terminal.purchase(650, reference="sale-1")).outcome)
            assert outcomes[0] == outcomes[1]
            assert len(emulated.ledger) == 1

    run(main)


@pytest.mark.parametrize(("late", "outcome"), [(False, Unresolved), (True, Approved)])
def test_what_was_open_at_a_crash_is_recovered(tmp_path: Path, late: bool, outcome: type) -> None:
    """The register dies with a request on its way; `late`: the terminal goes on and charges."""

    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=5.0)
        async with EmulatorServer(emulated) as server:
            async with opened(tmp_path, loop) as register:
                terminal = register.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
                await terminal.purchase(100)
                task = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
                if not late:
                    emulated.faults.set("silent", 1)
                await asyncio.sleep(1)
            with suppress(asyncio.CancelledError):
                await task
            async with opened(tmp_path, loop) as again:
                terminal = again.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
                with pytest.raises(TerminalBlockedError):
                    await terminal.purchase(650, reference="sale-2")
                await asyncio.sleep(400)
                assert isinstance(again.operation("sale-1").outcome, outcome)
                assert isinstance((await terminal.purchase(650, reference="sale-1")).outcome, outcome)
            assert len(emulated.ledger) == (2 if late else 1)

    run(main)


def test_unresolved_blocks_until_a_person_settles_it(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=3.0)
        async with EmulatorServer(emulated) as server, opened(tmp_path, loop) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            emulated.faults.set("silent", 1)
            lost = await terminal.purchase(650, reference="sale-1")
            assert isinstance(lost.outcome, Unresolved)
            with pytest.raises(TerminalBlockedError, match="sale-1"):
                await terminal.purchase(700)
            assert isinstance((await terminal.status()).outcome, Done)
            for bad in ({"by": "", "note": "x"}, {"by": "x", "note": " "}):
                with pytest.raises(InvalidValueError):
                    await register.resolve("sale-1", "approved", **bad)
            with pytest.raises(InvalidValueError):
                await register.resolve("sale-1", "done", by="Anna", note="x")  # type: ignore[arg-type]
            settled = await register.resolve("sale-1", "not_performed", by="Anna", note="4012 8888 8888 1881 is not on the terminal's list")
            assert isinstance(settled.outcome, NotPerformed)
            assert settled.resolution is not None
            assert settled.resolution.by == "Anna"
            assert settled.resolution.note == "0000 0000 0000 1881 is not on the terminal's list"
            with pytest.raises(RegisterError, match="not unresolved"):
                await register.resolve("sale-1", "approved", by="Anna", note="again")
            assert isinstance((await terminal.purchase(700)).outcome, Approved)

    run(main)


def test_another_terminal_id_stops_money_until_a_person_accepts_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            await terminal.status()
            other = EmulatedTerminal("11112222", clock=loop.clock)
            loop.network.listeners.pop(server.port)
            async with EmulatorServer(other, port=server.port):
                assert isinstance((await terminal.status()).outcome, NotPerformed)
                with pytest.raises(RegisterError, match="11112222, not 37105051"):
                    await terminal.purchase(650)
                terminal.accept_terminal_id("Anna")
                assert isinstance((await terminal.purchase(650)).outcome, Approved)
            assert len(emulated.ledger) == 0

    run(main)


def test_extended_purchase_falls_back_where_the_terminal_does_not_know_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, commands="sPSpicHCTGERUK")
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            first = await terminal.purchase(650)
            assert isinstance(first.outcome, Approved)
            assert first.outcome.result is not None
            assert first.outcome.result.length == 71
            started = loop.time()
            assert isinstance((await terminal.purchase(700)).outcome, Approved)
            assert loop.time() == started, "remembered: no NAK, no pause"

    run(main)


def test_no_line_is_not_performed_and_nothing_was_sent() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            for _ in range(2):
                operation = await terminal.purchase(650, reference="sale-1")
                assert isinstance(operation.outcome, NotPerformed)
                assert "no line to 127.0.0.1 port 8081" in words(operation.outcome.reason)
            loop.network.unreachable = True
            started = loop.time()
            assert isinstance((await terminal.status()).outcome, NotPerformed)
            assert loop.time() - started == 10.0
            listened = register.listen("till-2", "127.0.0.2")
            assert isinstance((await listened.status()).outcome, NotPerformed)

    run(main)


def test_terminal_closes_after_its_ack_of_printing() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, print_on_register=True)
            emulated.faults.set("close_after_enable", 1)
            operation = await terminal.purchase(650)
            assert isinstance(operation.outcome, Approved)
            assert b"6,50" in operation.receipt

    run(main)


def test_terminal_that_does_not_print_here_is_not_charged() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, commands="sPXSpicHCTGRUK")
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, print_on_register=True)
            operation = await terminal.purchase(650)
            assert isinstance(operation.outcome, NotPerformed)
            assert "did not take the request to print" in words(operation.outcome.reason)
            assert len(emulated.ledger) == 0

    run(main)


def test_watchers_see_frames_texts_and_states() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        seen: list[TerminalEvent] = []
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)

            async def watch() -> None:
                async for event in terminal.events():
                    seen.append(event)  # noqa: PERF401  # the watcher is cancelled in mid-iteration

            watcher = asyncio.create_task(watch())
            await asyncio.sleep(0)
            emulated.faults.set("silent", 0)
            await terminal.purchase(90_30, reference="sale-1")
            await asyncio.sleep(0)
            watcher.cancel()
        assert {type(event) for event in seen} >= {FrameSent, FrameReceived, ProgressShown, OperationChanged}
        assert [event.text for event in seen if isinstance(event, ProgressShown)] == ["INSERIRE CARTA", "DIGITARE PIN", "ATTENDERE PREGO"]
        states = [event.operation.state for event in seen if isinstance(event, OperationChanged)]
        assert states == [State.SENDING, State.ACCEPTED, State.FINISHED]

    run(main)


def test_unresolved_raises_an_alarm() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        alarms: list[Alarm] = []
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)

            async def watch() -> None:
                async for event in terminal.events():
                    if isinstance(event, Alarm):
                        alarms.append(event)  # noqa: PERF401  # the watcher is cancelled in mid-iteration

            watcher = asyncio.create_task(watch())
            await asyncio.sleep(0)
            await terminal.purchase(90_09, reference="odd")
            await asyncio.sleep(0)
            watcher.cancel()
        assert [(alarm.name, alarm.reference) for alarm in alarms] == [("unresolved", "odd")]

    run(main)


class FailingJournal(Journal):
    """Stops writing at a chosen durable write."""

    fail_at = -1
    durable_writes = 0

    def write(self, rows, *, durable=True):  # type: ignore[no-untyped-def]
        if durable:
            self.durable_writes += 1
            if self.durable_writes == self.fail_at:
                raise JournalError("the disk is full")
        return super().write(rows, durable=durable)


@pytest.mark.parametrize("fail_at", [1, 2])
def test_journal_that_cannot_be_written(fail_at: int) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        journal = FailingJournal(None, inline=True)
        journal.fail_at = fail_at
        async with EmulatorServer(emulated) as server, Register(journal, clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, keep_open=True)
            if fail_at == 1:
                with pytest.raises(JournalError):
                    await terminal.purchase(650)
                assert len(emulated.ledger) == 0
                assert not any(data[10:11] in (b"X", b"P") for _, stream, data in loop.network.written if stream.side == "dialled")
            else:
                operation = await terminal.purchase(650)
                assert isinstance(operation.outcome, Approved)
                assert operation.durable is False
                acks = [at for at, stream, data in loop.network.written if stream.side == "dialled" and data[:1] == b"\x06"]
                assert len(acks) == 2, "the answers to s and G were acknowledged, the result that is not on disk was not"
        journal.close()

    run(main)


@pytest.mark.parametrize("amount", [0, -1, 6.5, 6.505, 1e9, 100_000_000, True, "650"])
def test_bad_amounts(amount: object) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            for operation in (terminal.purchase, terminal.preauthorize):
                with pytest.raises(InvalidValueError, match=r"amount: .* allowed: whole cents from 1 to 99999999"):
                    await operation(amount)  # type: ignore[arg-type]
            assert not loop.network.written

    run(main)


def test_bad_input_names_place_value_and_what_is_allowed() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            for call, told in (
                (terminal.purchase(1, receipt_text="perché"), "receipt_text: 'perché' is not allowed"),
                (terminal.purchase(1, receipt_text="x" * 129), "receipt_text: "),
                (terminal.purchase(1, reference="a b"), "reference: 'a b' is not allowed"),
                (terminal.purchase(1, payment_type=4), "payment_type: 4 is not allowed; allowed: 0 to 3"),  # type: ignore[arg-type]
                (terminal.void(), "stan: None"),
                (terminal.void(stan="12345"), "stan: '12345'"),
                (terminal.void(stan="000000"), "last=True for whichever"),
                (terminal.increment(1, preauthorization_code="12"), "preauthorization_code: '12'"),
                (terminal.vas("BPAY_PAY"), "function: 'BPAY_PAY'"),
                (terminal.vas("WECHAT_TOTAL"), "function: 'WECHAT_TOTAL'"),
                (terminal.vas("BPAY_QR"), "amount: None"),
                (terminal.vas("BPAY_REFUND", amount="10"), "order_id: None"),
                (terminal.purchase(1, additional_data=[(6, "x")]), "contents index: 6"),
                (terminal.purchase(1, additional_data=[(1, "x" * 31)]), "content 1: "),
            ):
                with pytest.raises(InvalidValueError) as caught:
                    await call
                assert str(caught.value).startswith(told) or told in str(caught.value)
            for options, told in (
                ({"terminal_id": "1234567"}, "terminals.x.terminal_id: '1234567'"),
                ({"port": 0}, "terminals.x.port: 0"),
                ({"ack_timeout": -1.0}, "terminals.x.ack_timeout: -1.0"),
                ({"capture_length": 177}, "terminals.x.capture_length: 177"),
            ):
                with pytest.raises(InvalidValueError, match=told):
                    register.dial("x", "127.0.0.1", **options)
            with pytest.raises(InvalidValueError, match="static IP address"):
                register.listen("x", "terminal.local")
            with pytest.raises(InvalidValueError, match="no other terminal has"):
                register.dial("till-1", "127.0.0.1")
            with pytest.raises(UnknownTerminalError, match="no terminal is named 'till-9'; known: till-1"):
                register.terminal("till-9")
        with pytest.raises(InvalidValueError, match="listen: 'nowhere'"):
            Register(listen="nowhere")
        with pytest.raises(InvalidValueError, match="cash_register_id"):
            Register(cash_register_id="1")

    run(main)


def test_refused_and_declined_have_reasons() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            declined = await terminal.purchase(90_01)
            assert declined.outcome == Declined(reason=verbatim(Code.TERMINAL_WORDS, "TRANSAZIONE NEGATA"), result=declined.outcome.result)  # type: ignore[union-attr]
            absent = await terminal.purchase(90_05, card_present=True)
            assert isinstance(absent.outcome, Declined)
            assert words(absent.outcome.reason) == "card not present"
            emulated.faults.set("busy", 100)
            refused: Operation = await terminal.purchase(650)
            assert isinstance(refused.outcome, NotPerformed)
            assert "not taken the request" in words(refused.outcome.reason)

    run(main)


def test_line_is_not_dropped_under_an_operation() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal: Terminal = register.dial("till-1", "127.0.0.1", server.port, keep_open=True)
            task = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
            await wait_until_sent(loop, emulated)
            with pytest.raises(RegisterError, match="in use by sale-1"):
                terminal.drop_line()
            await task
            assert terminal.lines.current is not None
            terminal.drop_line()
            await asyncio.sleep(0)
            assert terminal.lines.current is None

    run(main)
