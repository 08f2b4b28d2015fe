"""What the daemon needs of the register: observers, promises, company in the journal, draining, changing terminals, polls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import (
    ClosedError,
    InvalidValueError,
    JournalError,
    OperationsWithoutTerminalError,
    RegisterError,
    TerminalBlockedError,
    TerminalBusyError,
    UnknownReferenceError,
    UnknownTerminalError,
)
from ecrlan.journal import Event, Journal, NewOperation
from ecrlan.model import Approved, Done, NotPerformed, State, Unresolved, orders
from ecrlan.register import (
    Alarm,
    FrameReceived,
    FrameSent,
    LineChanged,
    OperationChanged,
    ProgressShown,
    Register,
    Terminal,
    TerminalSettings,
)
from ecrlan.texts import words
from tests.virtual import VirtualLoop, run


@asynccontextmanager
async def till(
    loop: VirtualLoop, journal: Journal | None = None, **behaviour: object
) -> AsyncIterator[tuple[Register, Terminal, EmulatedTerminal]]:
    emulated = EmulatedTerminal(clock=loop.clock, **({"think_seconds": 10.0} | behaviour))  # type: ignore[arg-type]
    async with EmulatorServer(emulated) as server, Register(journal, clock=loop.clock) as register:
        yield register, register.dial("till-1", "127.0.0.1", server.port), emulated


# --- observers --------------------------------------------------------------------------------------------------------------------


def test_observers_are_told_of_every_terminal_until_they_end() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop, progress=("INSERIRE CARTA",)) as (register, terminal, _):
            events: list[object] = []
            assert not register.publisher.observed
            end = register.observe(events.append)
            assert register.publisher.observed
            await terminal.purchase(650, reference="sale-1")
            kinds = {type(event) for event in events}
            assert kinds == {OperationChanged, ProgressShown, LineChanged}
            last = [event for event in events if isinstance(event, OperationChanged)][-1]
            assert isinstance(last.operation.outcome, Approved)
            end()
            end()
            events.clear()
            await terminal.purchase(650)
            assert events == []
            assert not register.publisher.observed

    run(main)


def test_frames_come_while_an_observer_wants_them() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop, think_seconds=0.0) as (register, terminal, _):
            plain: list[object] = []
            framed: list[object] = []
            register.observe(plain.append)
            await terminal.status()
            assert not any(isinstance(event, FrameSent) for event in plain)
            end = register.observe(framed.append, frames=True)
            assert register.publisher.frames_observed
            await terminal.purchase(650)
            assert {FrameSent, FrameReceived} <= {type(event) for event in framed}
            assert b"4242" in b"".join(event.raw for event in framed if isinstance(event, FrameReceived))
            end()
            assert not register.publisher.frames_observed

    run(main)


def test_alarms_reach_observers() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, emulated):
            alarms: list[Alarm] = []
            register.observe(lambda event: alarms.append(event) if isinstance(event, Alarm) else None)
            emulated.faults.set("drop_after_ack")
            operation = await terminal.purchase(650, reference="sale-1")
            assert isinstance(operation.outcome, Unresolved)
            assert [(alarm.name, alarm.terminal, alarm.reference) for alarm in alarms] == [("unresolved", "till-1", "sale-1")]

    run(main)


def test_an_observer_may_end_itself_and_others_while_it_is_told() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, _):
            told: list[str] = []
            ends = []

            def first(_: object) -> None:
                told.append("first")
                for end in ends:
                    end()

            ends += [register.observe(first), register.observe(lambda _: told.append("second"))]
            await terminal.purchase(650)
            assert told == ["first", "second"]

    run(main)


def test_whom_the_steps_are_told_to_is_committed_with_the_operation(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        with closing(Journal(tmp_path / "till.db", inline=True)) as journal:
            async with till(loop, journal) as (register, terminal, _):
                rows: list[NewOperation | Event] = []
                register.observe_rows(rows.append)
                for url in ("http://x/", "http://y/"):  # the second finds the operation of the first
                    await (await terminal.begin(orders.Purchase(amount=650, reference="sale-1"), callback_url=url)).ended()
                await terminal.purchase(650, reference="sale-2")
                names = [row.name if isinstance(row, Event) else "new" for row in rows if row.reference == "sale-1"]
                assert names[:3] == ["new", "callback", "sending"]
                assert "answered" in names
                for reference, urls in (("sale-1", [{"url": "http://x/"}]), ("sale-2", [])):
                    entry = journal.find(reference)
                    assert entry is not None
                    assert [event.data for event in entry.events if event.name == "callback"] == urls

    run(main)


def test_commits_are_timed(tmp_path: Path) -> None:
    async def main() -> None:
        seconds: list[float] = []
        async with Register(tmp_path / "till.db", on_commit=seconds.append) as register:
            register.dial("till-1", "127.0.0.1", 1)
            await register.terminal("till-1").purchase(650)
        assert seconds
        assert all(each >= 0 for each in seconds)

    asyncio.run(main())


# --- what runs, and promises ------------------------------------------------------------------------------------------------------


def test_what_waits_and_runs_is_listed_in_order_and_polls_are_not() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, _):
            tasks = [asyncio.create_task(terminal.purchase(amount, reference=f"sale-{amount}")) for amount in (100, 200)]
            await asyncio.sleep(1)
            assert [(each.reference, each.state) for each in register.running()] == [
                ("sale-100", State.ACCEPTED),
                ("sale-200", State.QUEUED),
            ]
            await asyncio.gather(*tasks)
            await asyncio.sleep(0)
            assert register.running() == []
            polling = asyncio.create_task(terminal.poll())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert register.running() == []
            await polling

    run(main)


def test_what_was_promised_is_written_down_even_if_it_is_refused() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, emulated):
            first = asyncio.create_task(terminal.purchase(100, reference="first"))
            await asyncio.sleep(1)
            second = await terminal.begin(orders.Purchase(amount=200, reference="second", queue_timeout=5))
            third = asyncio.create_task(terminal.purchase(300, reference="third", queue_timeout=5))
            await asyncio.sleep(1)
            second.promise()
            operation = await second.ended()
            assert isinstance(operation.outcome, NotPerformed)
            assert "first" in words(operation.outcome.reason)
            assert register.operation("second") == operation
            assert await terminal.purchase(200, reference="second") == operation
            with pytest.raises(TerminalBusyError):
                await third
            with pytest.raises(UnknownReferenceError):
                register.operation("third")
            await first
            assert len(emulated.ledger) == 1

    run(main)


def test_what_is_blocked_after_a_promise_is_not_performed() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (_, terminal, emulated):
            emulated.faults.set("drop_after_ack")
            await terminal.purchase(100, reference="lost")
            blocked = await terminal.begin(orders.Purchase(amount=200, reference="second"))
            blocked.promise()
            operation = await blocked.ended()
            assert isinstance(operation.outcome, NotPerformed)
            assert "lost" in words(operation.outcome.reason)
            with pytest.raises(TerminalBlockedError):
                await terminal.purchase(200, reference="third")

    run(main)


# --- draining ---------------------------------------------------------------------------------------------------------------------


def test_draining_takes_nothing_new_drops_what_waits_and_lets_the_rest_end() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, emulated):
            first = asyncio.create_task(terminal.purchase(100, reference="first"))
            await asyncio.sleep(1)
            second = asyncio.create_task(terminal.purchase(200, reference="second"))
            third = await terminal.begin(orders.Purchase(amount=300, reference="third"))
            await asyncio.sleep(1)
            third.promise()
            draining = asyncio.create_task(register.drain(60))
            await asyncio.sleep(0)
            with pytest.raises(RegisterError, match="being closed"):
                await terminal.purchase(400)
            await draining
            assert loop.time() == pytest.approx(10.0, abs=0.5)
            assert isinstance((await first).outcome, Approved)
            with pytest.raises(ClosedError):
                await second
            assert isinstance((await third.ended()).outcome, NotPerformed)
            assert [entry.amount for entry in emulated.ledger] == [100]

    run(main)


def test_draining_ends_when_its_time_is_over_and_waits_for_no_recovery() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, emulated):
            slow = asyncio.create_task(terminal.purchase(100, reference="slow"))
            await asyncio.sleep(1)
            await register.drain(3)
            assert loop.time() == pytest.approx(4.0)
            assert not slow.done()
            await slow
        async with till(loop) as (register, terminal, emulated):
            emulated.faults.set("drop_after_ack")
            lost = asyncio.create_task(terminal.purchase(100, reference="lost"))
            await asyncio.sleep(1)
            begun = loop.time()
            await register.drain(60)
            assert loop.time() - begun < 1
            assert register.operation("lost").state is State.RECOVERING
            lost.cancel()

    run(main)


# --- changing terminals -----------------------------------------------------------------------------------------------------------


def test_a_terminal_is_removed_and_changed_only_while_it_is_free() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, _):
            paying = asyncio.create_task(terminal.purchase(100, reference="first"))
            await asyncio.sleep(1)
            other = TerminalSettings(name="till-1", address="127.0.0.1", port=terminal.settings.port, link="dial", queue_length=7)
            for change in (lambda: register.remove("till-1"), lambda: register.change(other)):
                with pytest.raises(TerminalBusyError, match="first"):
                    change()
            assert register.terminal("till-1") is terminal
            await paying
            changed = register.change(other)
            assert (register.terminal("till-1"), changed.settings) == (changed, other)
            with pytest.raises(RegisterError, match="get it again"):
                await terminal.purchase(200)
            assert isinstance((await changed.purchase(200)).outcome, Approved)
            assert register.remove("till-1") == other
            with pytest.raises(UnknownTerminalError):
                register.terminal("till-1")
            with pytest.raises(UnknownTerminalError):
                register.remove("till-1")

    run(main)


def test_a_change_that_is_refused_leaves_the_old_terminal() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, _):
            register.listen("till-2", "10.0.0.2")
            with pytest.raises(InvalidValueError, match="no other listened terminal"):
                register.change(TerminalSettings(name="till-1", address="10.0.0.2", link="listen"))
            assert register.terminal("till-1") is terminal
            assert isinstance((await terminal.purchase(200)).outcome, Approved)

    run(main)


def test_a_change_for_which_the_journal_cannot_be_read_leaves_the_old_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object) -> None:
        raise JournalError("disk gone")

    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, _):
            with monkeypatch.context() as patch:
                patch.setattr("ecrlan.register.register.recall_terminal", unreadable)
                with pytest.raises(JournalError, match="disk gone"):
                    register.change(terminal.settings)
            assert register.terminal("till-1") is terminal
            assert isinstance((await terminal.purchase(200)).outcome, Approved)

    run(main)


def test_a_recovering_terminal_is_not_removed_and_an_unresolved_one_blocks_again() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, emulated):
            emulated.faults.set("drop_after_ack")
            losing = asyncio.create_task(terminal.purchase(100, reference="lost"))
            await asyncio.sleep(1)
            with pytest.raises(TerminalBusyError, match="lost"):
                register.remove("till-1")
            assert isinstance((await losing).outcome, Unresolved)
            settings = register.remove("till-1")
            again = register.add(settings)
            with pytest.raises(TerminalBlockedError, match="lost"):
                await again.purchase(200)
            await register.resolve("lost", "not_performed", by="Anna", note="nothing there")
            assert isinstance((await again.purchase(200)).outcome, Approved)

    run(main)


def test_wanted_terminals_must_have_every_open_operation() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, emulated):
            at_work = asyncio.create_task(terminal.purchase(100, reference="sale-1"))
            await asyncio.sleep(1)
            register.check_operations([])  # what is under way is no concern
            await at_work
            emulated.faults.set("drop_after_ack")
            await terminal.purchase(100, reference="lost")
            register.check_operations([replace(terminal.settings, queue_length=7)])
            register.check_operations([replace(terminal.settings, name="bar")])  # the same place
            register.check_operations([replace(terminal.settings, name="bar", port=1, terminal_id="37105051")])  # the same TID
            elsewhere = replace(terminal.settings, name="bar", port=1)
            for wanted in ([], [elsewhere]):
                with pytest.raises(OperationsWithoutTerminalError) as caught:
                    register.check_operations(wanted)
                assert caught.value.operations == (("lost", "till-1"),)
            register.add(elsewhere)
            await register.attach("lost", "bar", by="Anna")
            register.check_operations([elsewhere])

    run(main)


# --- the queue and polls ----------------------------------------------------------------------------------------------------------


def test_the_queue_is_bounded_and_tells_its_length() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, queue_length=2)
            tasks = [asyncio.create_task(terminal.purchase(100, reference=f"sale-{number}")) for number in range(3)]
            await asyncio.sleep(1)
            queue = terminal.queue
            assert (queue.holder, queue.length, queue.limit) == ("sale-0", 2, 2)
            assert loop.time() - queue.held_since == pytest.approx(1.0)
            with pytest.raises(TerminalBusyError) as caught:
                await terminal.purchase(100)
            assert (caught.value.holder, caught.value.waiting) == ("sale-0", 2)
            await asyncio.gather(*tasks)
            assert (queue.holder, queue.length) == (None, 0)

    run(main)


def test_a_poll_waits_for_nobody() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (register, terminal, _):
            polled = await terminal.poll()
            assert polled is not None
            assert isinstance(polled.outcome, Done)
            with pytest.raises(UnknownReferenceError):
                register.operation(polled.reference)
            paying = asyncio.create_task(terminal.purchase(100))
            await asyncio.sleep(1)
            assert await terminal.poll() is None
            await paying

    run(main)


def test_nobody_is_turned_away_for_a_poll() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop, think_seconds=0.0) as (_, terminal, emulated):
            await terminal.purchase(50)
            emulated.faults.set("silent", codes="s")
            polling = asyncio.create_task(terminal.poll())
            await asyncio.sleep(1)
            assert terminal.queue.holder is not None
            impatient = await terminal.purchase(100, queue_timeout=0)
            assert isinstance(impatient.outcome, Approved)
            assert await polling is not None

    run(main)


def test_no_poll_while_an_operation_is_recovered() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with till(loop) as (_, terminal, emulated):
            emulated.faults.set("drop_after_ack")
            losing = asyncio.create_task(terminal.purchase(100))
            await asyncio.sleep(1)
            assert await terminal.poll() is None
            await losing

    run(main)


# --- settling by hand -------------------------------------------------------------------------------------------------------------


def test_settling_an_operation_of_a_terminal_that_is_not_there_is_told(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        with closing(Journal(tmp_path / "till.db", inline=True)) as journal:
            async with till(loop, journal) as (register, terminal, emulated):
                emulated.faults.set("drop_after_ack")
                await terminal.purchase(100, reference="lost")
                register.remove("till-1")
                events: list[object] = []
                register.observe(events.append)
                settled = await register.resolve("lost", "not_performed", by="Anna", note="nothing there")
                await asyncio.sleep(0)  # observers are told in a turn of their own
                assert events == [OperationChanged("till-1", settled)]

    run(main)


def test_what_a_crash_left_answered_is_finished_and_told(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        with closing(Journal(tmp_path / "till.db", inline=True)) as journal:
            async with till(loop, journal) as (register, terminal, _):
                await terminal.purchase(100, reference="first")
                entry = journal.find("first")
                assert entry is not None
                rows = [
                    NewOperation(
                        reference="crashed",
                        kind=entry.kind,
                        terminal="till-1",
                        amount=100,
                        parameters=entry.parameters,
                        created_time=entry.created_time,
                    ),
                    *(replace(row, reference="crashed") for row in entry.events if row.name != "finished"),
                ]
                journal.write(rows)
                settings = register.remove("till-1")
                events: list[object] = []
                register.observe(events.append)
                register.add(settings)
                await asyncio.sleep(0)
                told = [event.operation for event in events if isinstance(event, OperationChanged)]
                assert [(operation.reference, operation.state) for operation in told] == [("crashed", State.FINISHED)]
                assert isinstance(told[0].outcome, Approved)

    run(main)
