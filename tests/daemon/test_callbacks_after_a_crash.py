"""What a crash, or a lost result, left untold is told later, as the journal has it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ecrlan.daemon import callbacks as module
from ecrlan.daemon.callbacks import Callbacks
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import JournalError
from ecrlan.journal import Entry, Event, Journal, NewOperation
from ecrlan.model import Kind, Operation, TotalsRequest
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import Register
from ecrlan.wire.codec import build_request
from tests.daemon.receiver import URL, Receiver, daemon, paid, pending, settle, till
from tests.journal.samples import event, operation, purchase
from tests.virtual import VirtualLoop, run


def test_a_final_that_a_crash_left_is_told_at_the_next_start(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        deaf, receiver = Receiver(default=None), Receiver()
        async with EmulatorServer(emulated) as server:
            journal = Journal(tmp_path / "till.db", inline=True)
            async with AsyncExitStack() as stack:
                register = await stack.enter_async_context(Register(journal, clock=loop.clock))
                callbacks = Callbacks(register, deaf.client, loop.clock)
                await callbacks.open()
                terminal = register.dial("till-1", "127.0.0.1", server.port)
                await paid(terminal, 650, "sale-1")
                await settle()
                journal.abandon()  # killed
                await callbacks.close(0)
            for _ in range(2):
                with Journal(tmp_path / "till.db", inline=True) as journal:
                    async with daemon(loop, receiver, journal) as (register, _):
                        register.dial("till-1", "127.0.0.1", server.port)
                        await settle()
            assert receiver.steps == ["FINAL"]
            assert receiver.posts[0][2]["operation"]["result"]["stan"] == "000001"
            assert len(emulated.ledger) == 1

    run(main)


def test_recovered_after_a_crash(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=20.0)
        before, receiver = Receiver(), Receiver()
        async with EmulatorServer(emulated) as server:
            journal = Journal(tmp_path / "till.db", inline=True)
            async with daemon(loop, before, journal) as (register, _):
                terminal = register.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
                await terminal.purchase(100)
                paying = asyncio.create_task(paid(terminal, 650, "sale-1"))
                await asyncio.sleep(5)
                assert before.steps == ["RECEIVED"]
                journal.flush()
                journal.abandon()
                paying.cancel()
                with suppress(asyncio.CancelledError):
                    await paying
            with Journal(tmp_path / "till.db", inline=True) as journal:
                async with daemon(loop, receiver, journal) as (register, _):
                    register.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
                    await asyncio.sleep(600)
                    assert register.operation("sale-1").outcome is not None
            assert receiver.steps == ["FINAL"]
            assert receiver.outcomes == ["approved"]

    run(main)


def test_what_is_settled_as_its_terminal_is_added_after_a_crash(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        message = build_request(TotalsRequest()).hex()
        with Journal(tmp_path / "till.db", inline=True) as journal:
            journal.write([operation("sums", kind=Kind.TOTALS), event("sums", "callback", url=URL)])
            journal.write([event("sums", "sending", code="T", transmission=1, message=message)])
            async with daemon(loop, receiver, journal) as (register, _):
                register.dial("till-1", "127.0.0.1", 8081)
                await settle()
                assert receiver.steps == ["FINAL"]
                assert receiver.outcomes == ["not_performed"]
                assert not pending(register)

    run(main)


@pytest.mark.parametrize("restart", ["none", "removed", "between", "without the terminal"])
def test_an_unresolved_one_is_told_again_when_it_is_settled(tmp_path: Path, restart: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        receiver = Receiver()
        async with EmulatorServer(emulated) as server:
            with Journal(tmp_path / "till.db", inline=True) as journal:
                async with daemon(loop, receiver, journal) as (register, _):
                    terminal = register.dial("till-1", "127.0.0.1", server.port)
                    await paid(terminal, 90_09, "odd")
                    await settle()
                    assert receiver.steps == ["RECEIVED", "FINAL"]
                    assert pending(register) == [("odd", "unresolved", "unresolved")]
                    if restart == "removed":
                        register.remove("till-1")
                    if restart in ("none", "removed"):
                        await register.resolve("odd", "approved", by="Anna", note="seen on the slip")
                        await settle()
                        assert receiver.steps == ["RECEIVED", "FINAL", "FINAL"]
            with Journal(tmp_path / "till.db", inline=True) as journal:
                async with daemon(loop, receiver, journal) as (register, _):
                    if restart != "without the terminal":
                        register.dial("till-1", "127.0.0.1", server.port)
                    await settle()
                    if restart in ("between", "without the terminal"):
                        assert receiver.steps == ["RECEIVED", "FINAL"], "unresolved is not told twice"
                        await register.resolve("odd", "approved", by="Anna", note="seen on the slip")
                        await settle()
                    assert receiver.steps == ["RECEIVED", "FINAL", "FINAL"]
                    assert receiver.outcomes[1:] == ["unresolved", "approved"]
                    assert receiver.posts[-1][2]["operation"]["resolution"]["by"] == "Anna"
                    assert not pending(register)

    run(main)


class RefusingJournal(Journal):
    """Refuses a person's word, as a full disk would."""

    refuses = True

    def write(self, rows: Sequence[NewOperation | Event], *, durable: bool = True) -> Future[None] | None:
        if self.refuses and any(isinstance(row, Event) and row.name == "resolved" for row in rows):
            raise JournalError("no room")
        return super().write(rows, durable=durable)


def test_what_is_not_on_disk_is_not_told(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        with RefusingJournal(tmp_path / "till.db", inline=True) as journal:
            rows = purchase("odd", "unresolved")
            journal.write([*rows, event("odd", "callback", url=URL)])
            async with daemon(loop, receiver, journal) as (register, _):
                await settle()
                with pytest.raises(JournalError):
                    await register.resolve("odd", "approved", by="Anna", note="seen")
                await settle()
                assert receiver.outcomes == ["unresolved"]
                journal.refuses = False
                await register.resolve("odd", "not_performed", by="Anna", note="seen")
                await settle()
                assert receiver.outcomes == ["unresolved", "not_performed"]

    run(main)


def test_a_late_result_is_told_as_the_journal_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []

    def noted(entry: Entry) -> Operation:
        read.append(entry.outcome)
        return operation_of_entry(entry)

    monkeypatch.setattr(module, "operation_of_entry", noted)

    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver, late_seconds=200.0) as (first, callbacks, emulated):
            terminal = callbacks.register.change(replace(first.settings, last_result_supported=False))
            await paid(terminal, 650, "prompt")
            await settle()
            assert not read, "what comes in time is told without a look at the disk"
            emulated.faults.set("late_result", 1)
            await paid(terminal, 650, "late")
            await asyncio.sleep(60)
            assert receiver.outcomes[-2:] == ["unresolved", "approved"]
            assert read == ["unresolved", "approved"]

    run(main)
