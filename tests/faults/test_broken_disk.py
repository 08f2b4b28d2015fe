"""The journal's disk fills up, fails, is read-only or is taken away, and the clock is set back: money stays right, or nothing is sent."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from ecrlan.model import Approved, Done, NotPerformed, Unresolved
from ecrlan.register import Alarm, Register, Terminal
from ecrlan.texts import words as said
from tests.virtual import VirtualLoop, run

FINANCIAL = b"XPSpic"
OPTIONS: dict[str, Any] = {"standalone_use": False}


@dataclass
class Scene:
    """A terminal, a register on a journal whose commits can be made to fail, and what was written to the network."""

    loop: VirtualLoop
    path: Path
    emulated: EmulatedTerminal
    port: int
    broken: bool = False
    alarms: list[Alarm] = field(default_factory=list)
    marked: int = 0

    def before_commit(self) -> None:
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")

    @asynccontextmanager
    async def till(self, clock: Callable[[], datetime] | None = None, **options: Any) -> AsyncIterator[tuple[Register, Terminal]]:
        """A register process, from its start to its end."""
        with closing(Journal(self.path, inline=True, commit_delay=self.before_commit)) as journal:
            async with Register(journal, clock=clock or self.loop.clock) as register:
                terminal = register.dial("till-1", "127.0.0.1", self.port, **{**OPTIONS, **options})
                watching = asyncio.create_task(self._watch(terminal))
                yield register, terminal
                watching.cancel()

    async def _watch(self, terminal: Terminal) -> None:
        async for event in terminal.events():
            if isinstance(event, Alarm):
                self.alarms.append(event)

    async def until(self, reached: Callable[[], Any]) -> None:
        """Let the loop's own time pass until it is so: nothing waits in earnest."""
        for _ in range(100_000):
            if reached():
                return
            await asyncio.sleep(0.125)
        raise AssertionError("it never came to that")

    async def begun(self) -> None:
        """Wait until the terminal is at work on the request."""
        await self.until(lambda: self.requests() and not self.emulated.idle)

    def mark(self) -> None:
        """From here on `requests` and `acknowledgements` count."""
        self.marked = len(self.loop.network.written)

    def _sent(self) -> list[bytes]:
        return [data for _, stream, data in self.loop.network.written[self.marked :] if stream.side == "dialled"]

    def requests(self) -> list[bytes]:
        """The financial requests that the register has written."""
        return [data[10:11] for data in self._sent() if data[:1] == b"\x02" and data[10:11] in FINANCIAL]

    def acknowledgements(self) -> list[bytes]:
        """The ACKs that the register has written."""
        return [data for data in self._sent() if data[:1] == b"\x06"]


def play(folder: Path, act: Callable[[Scene], Any], **behaviour: Any) -> None:
    """Run `act` with a terminal whose payments take five seconds, in the virtual loop's own time."""

    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(**{"clock": loop.clock, "think_seconds": 5.0, **behaviour})
        async with EmulatorServer(emulated) as server:
            await act(Scene(loop, folder / "data" / "till.db", emulated, server.port))

    (folder / "data").mkdir()
    run(main)


async def refuses_money(scene: Scene, register: Register, terminal: Terminal, words: str) -> None:
    """No request that moves money leaves, whichever it is; looking goes on."""
    scene.mark()
    code = "123456789"
    for work in (
        terminal.purchase(700, reference="next"),
        terminal.preauthorize(700),
        terminal.increment(700, preauthorization_code=code),
        terminal.capture(700, preauthorization_code=code),
        terminal.void(last=True),
        terminal.close_session(),
    ):
        with pytest.raises(JournalError, match=words):
            await work
    assert scene.requests() == []
    assert isinstance((await terminal.status()).outcome, Done)


# --- a disk that fails ----------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_written_down_is_not_sent(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        async with scene.till() as (register, terminal):
            await terminal.purchase(100, reference="before")
            scene.mark()
            scene.broken = True
            with pytest.raises(JournalError, match="disk I/O error"):
                await terminal.purchase(650, reference="sale-1")
            assert scene.requests() == []
            scene.broken = False
            await refuses_money(scene, register, terminal, "the journal has failed")
        assert [entry.amount for entry in scene.emulated.ledger] == [100]
        async with scene.till() as (_, terminal):
            assert isinstance((await terminal.purchase(650, reference="sale-1")).outcome, Approved)
        assert [entry.amount for entry in scene.emulated.ledger] == [100, 650]

    play(tmp_path, act)


@pytest.mark.parametrize("fault", [None, "declined"])
def test_a_result_that_cannot_be_written_down_is_told_and_not_acknowledged(tmp_path: Path, fault: str | None) -> None:
    async def act(scene: Scene) -> None:
        if fault:
            scene.emulated.faults.set(fault)
        async with scene.till() as (register, terminal):
            work = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
            await scene.begun()
            scene.mark()
            scene.broken = True
            operation = await work
            assert operation.outcome is not None
            assert operation.outcome.outcome == (fault or "approved")
            assert not operation.durable
            assert scene.acknowledgements() == []
            assert ("journal_failed", "sale-1") in [(alarm.name, alarm.reference) for alarm in scene.alarms]
            await refuses_money(scene, register, terminal, "the journal has failed")
        scene.broken = False
        async with scene.till() as (register, terminal):
            await asyncio.sleep(400)
            settled = register.operation("sale-1")
            assert settled.outcome is not None
            assert settled.outcome.outcome == (fault or "approved")
            assert settled.durable
            await terminal.purchase(700, reference="after")
        assert [entry.amount for entry in scene.emulated.ledger] == ([700] if fault else [650, 700])

    play(tmp_path, act)


def test_a_lost_result_on_a_failed_disk_stays_open_until_the_restart(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        scene.emulated.faults.set("drop_after_charge")
        async with scene.till() as (register, terminal):
            work = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
            await scene.begun()
            scene.broken = True
            operation = await work
            assert isinstance(operation.outcome, Approved)
            assert not operation.durable
            assert scene.alarms
            await refuses_money(scene, register, terminal, "the journal has failed")
        scene.broken = False
        async with scene.till() as (register, _):
            await asyncio.sleep(400)
            assert isinstance(register.operation("sale-1").outcome, Approved)
        assert len(scene.emulated.ledger) == 1

    play(tmp_path, act)


# --- a directory that is gone, a file that is read-only -------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not remove open files")
@pytest.mark.parametrize("gone", ["folder", "file", "log"])
def test_a_journal_that_is_gone_before_the_request(tmp_path: Path, gone: str) -> None:
    async def act(scene: Scene) -> None:
        async with scene.till() as (register, terminal):
            await terminal.purchase(100, reference="before")
            scene.mark()
            remove(scene.path, gone)
            with pytest.raises(JournalError, match="deleted or replaced"):
                await terminal.purchase(650, reference="sale-1")
            assert scene.requests() == []
            await refuses_money(scene, register, terminal, "deleted or replaced")
        assert len(scene.emulated.ledger) == 1

    play(tmp_path, act)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not remove open files")
@pytest.mark.parametrize("gone", ["folder", "file", "log"])
def test_a_journal_that_is_gone_between_request_and_result(tmp_path: Path, gone: str) -> None:
    async def act(scene: Scene) -> None:
        async with scene.till() as (register, terminal):
            work = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
            await scene.begun()
            scene.mark()
            remove(scene.path, gone)
            operation = await work
            assert isinstance(operation.outcome, Approved)
            assert not operation.durable
            assert scene.acknowledgements() == []
            assert "journal_failed" in [alarm.name for alarm in scene.alarms]
            await refuses_money(scene, register, terminal, "deleted or replaced")
        if gone == "folder":
            scene.mark()
            with pytest.raises(JournalError):
                async with scene.till():
                    pass
            assert scene.requests() == []

    play(tmp_path, act)


def remove(path: Path, what: str) -> None:
    if what == "folder":
        shutil.rmtree(path.parent)
    else:
        path.with_name("till.db" if what == "file" else "till.db-wal").unlink()


# --- the clock ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.parametrize("fault", [None, "silent"])
def test_a_clock_that_is_set_between_start_and_recovery(tmp_path: Path, fault: str | None, hours: int) -> None:
    """The register dies with its request on its way, and starts again an hour earlier (or later) by its clock.

    It cannot know which clock was set: a payment made an hour later, by a terminal that is an hour behind, would look the same.
    """

    async def act(scene: Scene) -> None:
        loop = scene.loop
        async with scene.till() as (_, terminal):
            await terminal.purchase(100, reference="before")
            if fault:
                scene.emulated.faults.set(fault)
            scene.mark()
            work = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
            await scene.until(scene.requests)
        with suppress(asyncio.CancelledError):
            await work

        def set_clock() -> datetime:
            return loop.clock() + timedelta(hours=hours)

        started = loop.time()
        async with scene.till(set_clock, trust_unchanged_result=True) as (register, terminal):
            await scene.until(lambda: register.operation("sale-1").outcome)
            operation = register.operation("sale-1")
            waited = loop.time() - started
            assert isinstance(operation.outcome, NotPerformed if fault else Unresolved), operation.outcome
            # an hour by the wall clock is no hour: the longest payment is waited for by the monotonic one
            assert waited >= 300 if fault else waited < 60
            if not fault:
                await register.resolve("sale-1", "approved", by="Anna", note="it is on the terminal's list")
            assert isinstance((await terminal.purchase(700, reference="after")).outcome, Approved)
            assert register.operation("after").created_time < loop.clock() if hours < 0 else True
        assert [entry.amount for entry in scene.emulated.ledger] == ([100, 700] if fault else [100, 650, 700])

    play(tmp_path, act)


def test_a_clock_that_is_set_back_in_mid_exchange(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        back = timedelta()

        def clock() -> datetime:
            return scene.loop.clock() - back

        async with scene.till(clock) as (register, terminal):
            for number, fault in enumerate((None, "drop_after_charge")):
                if fault:
                    scene.emulated.faults.set(fault)
                scene.mark()
                work = asyncio.create_task(terminal.purchase(650 + number, reference=f"sale-{number}"))
                await scene.begun()
                back += timedelta(hours=1)
                operation = await work
                assert isinstance(operation.outcome, Approved)
                assert operation == register.operation(f"sale-{number}") or fault
        assert [entry.amount for entry in scene.emulated.ledger] == [650, 651]

    play(tmp_path, act)


@pytest.mark.parametrize("known", [True, False])
def test_a_terminal_whose_clock_is_set_back(tmp_path: Path, known: bool) -> None:
    """Its clock is asked in recovery and allowed for; where that does not tell of it, a person is asked, although the money moved."""
    back = timedelta()

    async def act(scene: Scene) -> None:
        nonlocal back
        scene.emulated.clock = lambda: scene.loop.clock() - back
        async with scene.till() as (_, terminal):
            await terminal.purchase(100, reference="before")
            back = timedelta(hours=1)
            if not known:
                scene.emulated.manners.set("host_time_behind")
            scene.emulated.faults.set("drop_after_charge")
            operation = await terminal.purchase(650, reference="sale-1")
            if known:
                assert isinstance(operation.outcome, Approved)
                assert operation.outcome.stan == scene.emulated.ledger.entries[-1].stan
            else:
                assert isinstance(operation.outcome, Unresolved)
                assert "its host time lies before the request" in said(operation.outcome.evidence)

    play(tmp_path, act)
