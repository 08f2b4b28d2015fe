"""Polls: only idle terminals, spread and few at once, rarer where nobody answers; told when something is another than before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ecrlan.daemon.documents import terminal_as_json
from ecrlan.daemon.health import LONGEST_PAUSE, POLLS_AT_ONCE, Condition, Health, clock_difference
from ecrlan.emulator import EmulatedTerminal, EmulatorDialer, EmulatorServer
from ecrlan.journal import Journal
from ecrlan.model import Approved, Code, Evidence, NotPerformed, Operation
from ecrlan.operation_json import in_language
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import Register
from ecrlan.texts import words
from ecrlan.wire.lrc import LrcReading
from tests.virtual import Stream, VirtualLoop, run


@asynccontextmanager
async def opened(
    loop: VirtualLoop, journal: Journal | None = None, interval: float = 60.0
) -> AsyncIterator[tuple[Register, Health, list[tuple[float, str]]]]:
    """A register with health, and when `changed` was told of whom."""
    told: list[tuple[float, str]] = []
    async with Register(journal, clock=loop.clock) as register:
        health = Health(register, loop.clock, interval, changed=lambda name: told.append((loop.time(), name)))
        await health.open()
        yield register, health, told
        await health.close()


def asked(loop: VirtualLoop, code: bytes) -> list[float]:
    """When requests of this code were written."""
    return [time for time, stream, data in loop.network.written if stream.side == "dialled" and data[:1] == b"\x02" and data[10:11] == code]


def test_a_terminal_is_polled_every_interval_and_told_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, opened(loop) as (register, health, told):
            assert health.condition("till-1") == Condition()
            register.dial("till-1", "127.0.0.1", server.port)
            await asyncio.sleep(300)
            assert health.condition("till-1") == Condition(
                reachable=True, terminal_status=2, software_release="SYSEMV  204", clock_difference_seconds=0, terminal_id="37105051"
            )
            assert health.reachable("till-1") is True
            times = asked(loop, b"s")
            assert [later - before for before, later in pairwise(times)] == pytest.approx([60.0] * 4, abs=0.6)
            assert len(told) == 1

    run(main)


def test_what_is_a_change() -> None:
    async def main(loop: VirtualLoop) -> None:
        ahead = timedelta()
        emulated = EmulatedTerminal(clock=lambda: loop.clock() + ahead)
        async with EmulatorServer(emulated) as server, opened(loop) as (register, health, told):
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            await asyncio.sleep(10)
            assert len(told) == 1
            emulated.terminal_status = 5
            await asyncio.sleep(60)
            assert health.condition("till-1").terminal_status == 5
            assert len(told) == 2
            emulated.software_release = "SYSEMV  205"
            await asyncio.sleep(60)
            assert health.condition("till-1").software_release == "SYSEMV  205"
            assert len(told) == 3
            await terminal.purchase(650)
            await asyncio.sleep(60)
            assert health.condition("till-1").takes_extended is True
            assert len(told) == 4
            ahead = timedelta(minutes=61)
            await asyncio.sleep(60)
            assert health.condition("till-1").clock_difference_seconds == pytest.approx(3660, abs=60)
            assert len(told) == 5
            await asyncio.sleep(600)
            assert len(told) == 5

    run(main)


def test_a_difference_that_wavers_is_no_change() -> None:
    async def main(loop: VirtualLoop) -> None:
        ahead = timedelta(seconds=25)
        emulated = EmulatedTerminal(clock=lambda: loop.clock() + ahead)
        async with EmulatorServer(emulated) as server, opened(loop, interval=47.0) as (register, health, told):
            register.dial("till-1", "127.0.0.1", server.port)
            seen = set()
            for _ in range(40):
                await asyncio.sleep(47)
                seen.add(health.condition("till-1").clock_difference_seconds)
            assert len(seen) > 1, "terminals tell whole minutes"
            assert len(told) == 1

    run(main)


def test_never_during_an_operation_and_soon_after() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=150.0)
        async with EmulatorServer(emulated) as server, opened(loop) as (register, _, _):
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            await asyncio.sleep(10)
            before = len(asked(loop, b"s"))
            assert isinstance((await terminal.purchase(650)).outcome, Approved)
            assert len(asked(loop, b"s")) == before
            assert loop.time() == pytest.approx(160.0)
            await asyncio.sleep(7)
            assert len(asked(loop, b"s")) == before + 1

    run(main)


def test_a_payment_in_the_middle_of_a_poll_is_not_turned_away() -> None:
    async def main(loop: VirtualLoop) -> None:
        def slow(stream: Stream, data: bytes) -> float:
            return 2.0 if stream.side == "listened" and data[10:11] == b"s" else 0.0

        loop.network.on_write = slow
        async with EmulatorServer(EmulatedTerminal(clock=loop.clock)) as server, opened(loop) as (register, _, _):
            terminal = register.dial("till-1", "127.0.0.1", server.port, terminal_id="37105051")
            await asyncio.sleep(1)
            assert asked(loop, b"s")
            assert terminal.queue.holder is not None
            assert isinstance((await terminal.purchase(650, queue_timeout=0)).outcome, Approved)

    run(main)


def test_rarer_where_nobody_answers_and_at_once_when_somebody_does() -> None:
    async def main(loop: VirtualLoop) -> None:
        tried: list[float] = []
        async with opened(loop) as (register, health, told):
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            poll = terminal.poll

            async def noted() -> object:
                tried.append(loop.time())
                return await poll()

            terminal.poll = noted  # type: ignore[method-assign,assignment]
            await asyncio.sleep(1500)
            pauses = [later - before for before, later in pairwise(tried)]
            assert pauses[:4] == pytest.approx([60.0, 120.0, 240.0, LONGEST_PAUSE], abs=1.0)
            assert max(pauses) <= LONGEST_PAUSE + 1
            assert health.reachable("till-1") is False
            assert len(told) == 1
            async with EmulatorServer(EmulatedTerminal(clock=loop.clock), port=8081):
                await terminal.status()
                await asyncio.sleep(1)
                assert health.reachable("till-1") is True, "an operation has reached it"
                await asyncio.sleep(LONGEST_PAUSE)
                assert health.condition("till-1").terminal_status == 2
                tried.clear()
                await asyncio.sleep(300)
                assert len(tried) == 5

    run(main)


def test_a_terminal_that_dials_in_again_is_asked_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        told: list[str] = []
        loop.network.address = "127.0.0.2"
        async with Register(clock=loop.clock, listen="127.0.0.1:8082") as register:
            health = Health(register, loop.clock, 60.0, changed=told.append)
            await health.open()
            register.listen("till-1", "127.0.0.2")
            await asyncio.sleep(1000)
            assert health.reachable("till-1") is False
            async with EmulatorDialer(EmulatedTerminal(clock=loop.clock), "127.0.0.1", 8082):
                await asyncio.sleep(2)
                assert health.reachable("till-1") is True
            await health.close()

    run(main)


def test_a_terminal_that_refuses_the_question_is_reachable() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        emulated.faults.set("busy", 1000)
        async with EmulatorServer(emulated) as server, opened(loop) as (register, health, _):
            register.dial("till-1", "127.0.0.1", server.port)
            await asyncio.sleep(10)
            assert health.reachable("till-1") is True
            assert health.condition("till-1").terminal_status is None

    run(main)


def test_many_terminals_are_spread_and_few_are_asked_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        begun: list[float] = []
        running = most = 0
        async with Register(clock=loop.clock) as lonely:
            unanswered = await lonely.dial("till-1", "127.0.0.1", 8081).status()
        async with opened(loop) as (register, _, _):
            for number in range(600):
                terminal = register.dial(f"till-{number}", "127.0.0.1", 10_000 + number)

                async def poll() -> Operation:
                    nonlocal running, most
                    begun.append(loop.time())
                    running += 1
                    most = max(most, running)
                    await asyncio.sleep(0.3)
                    running -= 1
                    return unanswered

                terminal.poll = poll  # type: ignore[method-assign]
            await asyncio.sleep(59.9)
            assert most == POLLS_AT_ONCE
            assert 590 <= len(begun) <= 600
            for second in range(60):
                assert sum(second <= time < second + 1 for time in begun) <= POLLS_AT_ONCE * 4

    run(main)


def test_terminals_come_and_go() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with AsyncExitStack() as servers, opened(loop) as (register, health, told):
            for name in ("till-1", "till-2", "till-3"):
                server = await servers.enter_async_context(EmulatorServer(EmulatedTerminal(clock=loop.clock)))
                register.dial(name, "127.0.0.1", server.port)
            await asyncio.sleep(5)
            assert sorted(name for _, name in told) == ["till-1", "till-2", "till-3"]
            assert all(time < 3 for time, _ in told), "a few terminals are known soon"
            settings = register.remove("till-1")
            await asyncio.sleep(5)
            assert health.reachable("till-1") is None
            register.add(settings)
            await asyncio.sleep(5)
            assert health.reachable("till-1") is True

    run(main)


def test_what_was_learnt_is_remembered(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, commands="sPSpicHCTGERUK")
        async with EmulatorServer(emulated) as server:
            with Journal(tmp_path / "till.db", inline=True) as journal:
                async with opened(loop, journal) as (register, health, _):
                    terminal = register.dial("till-1", "127.0.0.1", server.port)
                    await terminal.purchase(650)
                    await asyncio.sleep(120)
                    assert health.condition("till-1").takes_extended is False
                rows = journal.latest("till-1", "condition")
                assert rows is not None
                async with opened(loop, journal) as (register, health, _):
                    register.dial("till-1", "127.0.0.1", server.port, last_result_supported=False)
                    await asyncio.sleep(120)
                    assert health.condition("till-1").takes_extended is False
                    assert health.condition("till-1").last_result is False
                    assert journal.latest("till-1", "condition") == rows, "nothing new, nothing written"

    run(main)


def test_never_with_interval_0() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with EmulatorServer(EmulatedTerminal(clock=loop.clock)) as server, opened(loop, interval=0.0) as (register, health, told):
            register.dial("till-1", "127.0.0.1", server.port)
            await asyncio.sleep(600)
            assert not loop.network.written
            assert not told
            assert health.reachable("till-1") is None

    run(main)


@pytest.mark.parametrize(
    ("shown", "now", "difference"),
    [
        ("12:00", "12:00:00", 0),
        ("12:00", "12:00:59", 0),
        ("12:00", "12:01:00", 0),
        ("12:00", "12:01:30", -30),
        ("12:00", "11:59:30", 30),
        ("12:00", "10:59:30", 3630),
        ("12:00", "13:01:30", -3630),
    ],
)
def test_clock_difference(shown: str, now: str, difference: int) -> None:
    for day in ("2026-07-15", "2026-01-15"):  # summer and winter
        terminal_time = datetime.fromisoformat(f"{day}T{shown}")
        ours = datetime.fromisoformat(f"{day}T{now}").replace(tzinfo=ZoneInfo("Europe/Rome")).astimezone(UTC)
        assert clock_difference(terminal_time, ours) == difference
    assert clock_difference(None, datetime.now(UTC)) is None


def test_a_terminal_with_another_lrc_reading_is_not_shown_as_ready() -> None:
    """Faults D2: it answers, and nothing can be read; the card, the operation and its journal name the setting."""

    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, reading=LrcReading.PAYLOAD)
        async with EmulatorServer(emulated) as server, opened(loop) as (register, health, _):
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            await asyncio.sleep(60)
            other = Evidence(Code.OTHER_LRC, {"reading": "payload"})
            assert (health.reachable("till-1"), health.condition("till-1").problem) == (False, other)
            document = terminal_as_json(terminal, loop.clock(), health.condition("till-1"))
            assert (document["problem"], document["problem_code"]) == (words(other), "other_lrc")
            assert in_language(document, "it")["problem"] == words(other, "it")
            refused = (await terminal.purchase(650, reference="sale")).outcome
            assert refused == NotPerformed(reason=Evidence(Code.NOTHING_SENT, {"cause": other}))
            assert await told_by_journal(register, "sale") == refused
            await asyncio.sleep(600)
            assert health.reachable("till-1") is False, "what came for the purchase is no answer either"
        async with EmulatorServer(emulated) as server, opened(loop) as (register, health, _):
            register.dial("till-1", "127.0.0.1", server.port, lrc=LrcReading.PAYLOAD)
            await asyncio.sleep(60)
            assert (health.reachable("till-1"), health.condition("till-1").problem) == (True, None)

    run(main)


async def told_by_journal(register: Register, reference: str) -> object:
    entry = register.journal.find(reference)
    assert entry is not None
    return operation_of_entry(entry).outcome
