"""What is counted, under the names that dashboards use."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ecrlan.daemon.metrics import Metrics
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.register import OperationChanged, Register, Terminal
from tests.virtual import VirtualLoop, run


@dataclass
class Counts:
    count: int = 0
    unresolved: int = 0


@asynccontextmanager
async def opened(loop: VirtualLoop, emulated: EmulatedTerminal, **options: object) -> AsyncIterator[tuple[Terminal, Metrics]]:
    async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
        metrics = Metrics(register, monotonic=loop.time, **options)  # type: ignore[arg-type]
        await metrics.open()
        yield register.dial("till-1", "127.0.0.1", server.port), metrics
        await metrics.close()


def read(metrics: Metrics) -> dict[str, float]:
    """The samples, as `name{label,…}`."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        sample.name + (f"{{{','.join(sample.labels.values())}}}" if sample.labels else ""): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_name_is_there() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop, EmulatedTerminal(clock=loop.clock), reachable=lambda _: True) as (terminal, metrics):
            await terminal.purchase(650)
            metrics.delivered("operation")
            text = metrics.render().decode()
            for name, kind in {
                "ecrlan_operations_total": "counter",
                "ecrlan_ack_seconds": "histogram",
                "ecrlan_result_seconds": "histogram",
                "ecrlan_unresolved": "gauge",
                "ecrlan_retransmissions_total": "counter",
                "ecrlan_naks_total": "counter",
                "ecrlan_lines_lost_total": "counter",
                "ecrlan_queue_length": "gauge",
                "ecrlan_journal_commit_seconds": "histogram",
                "ecrlan_events_total": "counter",
                "ecrlan_alarms_active": "gauge",
                "ecrlan_terminal_reachable": "gauge",
            }.items():
                assert f"# TYPE {name} {kind}\n" in text
            assert 'ecrlan_operations_total{kind="purchase",outcome="approved",terminal="till-1"} 1.0\n' in text
            assert 'ecrlan_queue_length{terminal="till-1"} 0.0\n' in text
            assert 'ecrlan_events_total{kind="operation"} 1.0\n' in text

    run(main)


def test_operations_and_their_times() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop, EmulatedTerminal(clock=loop.clock, think_seconds=7.0)) as (terminal, metrics):
            loop.network.on_write = lambda stream, data: 0.02 if data[:1] == b"\x06" and stream.side == "listened" else 0.0
            await terminal.status()
            await terminal.poll()
            for amount in (650, 651, 90_01):
                await terminal.purchase(amount)
            await terminal.totals()
            found = read(metrics)
            assert found["ecrlan_operations_total{purchase,approved,till-1}"] == 2
            assert found["ecrlan_operations_total{purchase,declined,till-1}"] == 1
            assert found["ecrlan_operations_total{status,done,till-1}"] == 1, "polls are none"
            assert found["ecrlan_ack_seconds_count"] == 4
            assert found["ecrlan_ack_seconds_sum"] == pytest.approx(0.08, abs=0.001)
            assert found["ecrlan_result_seconds_count"] == 4
            assert found["ecrlan_result_seconds_sum"] == pytest.approx(21.0, abs=0.2)
            assert found["ecrlan_result_seconds_bucket{10.0}"] == 4
            assert found["ecrlan_result_seconds_bucket{5.0}"] == 1
            assert not metrics._sent
            assert not metrics._due

    run(main)


def test_naks_and_retransmissions() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with opened(loop, emulated) as (terminal, metrics):
            await terminal.purchase(100)
            emulated.faults.set("nak", 1)
            await terminal.purchase(650)
            found = read(metrics)
            assert (found["ecrlan_naks_total"], found["ecrlan_retransmissions_total"]) == (1, 1)
            assert found["ecrlan_operations_total{purchase,approved,till-1}"] == 2
            emulated.faults.set("nak", 3)
            await terminal.purchase(650)
            found = read(metrics)
            assert (found["ecrlan_naks_total"], found["ecrlan_retransmissions_total"]) == (4, 3)
            assert found["ecrlan_operations_total{purchase,not_performed,till-1}"] == 1
            assert found["ecrlan_lines_lost_total"] == 0

    run(main)


@pytest.mark.parametrize(
    ("fault", "lost"), [("drop_before_ack", 1), ("drop_after_charge", 1), ("cut_result", 1), ("silent", 0), ("close_after_result", 0)]
)
def test_lines_are_lost_while_a_result_is_due(fault: str, lost: int) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with opened(loop, emulated) as (terminal, metrics):
            await terminal.purchase(100)
            await terminal.status()
            emulated.faults.set(fault, 1)
            await terminal.purchase(650)
            assert read(metrics)["ecrlan_lines_lost_total"] == lost

    run(main)


def test_an_operation_that_is_recovered_is_counted_as_both() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock, late_seconds=200.0)
        async with opened(loop, emulated) as (first, metrics):
            terminal = metrics.register.change(replace(first.settings, last_result_supported=False))
            emulated.faults.set("late_result", 1)
            await terminal.purchase(650)
            await asyncio.sleep(60)
            found = read(metrics)
            assert found["ecrlan_operations_total{purchase,unresolved,till-1}"] == 1
            assert found["ecrlan_operations_total{purchase,approved,till-1}"] == 1
            assert found["ecrlan_result_seconds_count"] == 0, "a late answer is no measure of the terminal"

    run(main)


def test_an_outcome_that_is_told_twice_counts_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop, EmulatedTerminal(clock=loop.clock)) as (terminal, metrics):
            operation = await terminal.purchase(650)
            metrics.register.publisher.tell(OperationChanged("till-1", operation))
            assert read(metrics)["ecrlan_operations_total{purchase,approved,till-1}"] == 1
            for _ in range(3):
                await terminal.purchase(650, reference="again")
            assert read(metrics)["ecrlan_operations_total{purchase,approved,till-1}"] == 2

    run(main)


def test_levels_are_those_of_the_moment() -> None:
    async def main(loop: VirtualLoop) -> None:
        alarms = Counts(count=3, unresolved=2)
        reachable: dict[str, bool] = {}
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=10.0)
        async with opened(loop, emulated, alarms=alarms, reachable=reachable.get) as (terminal, metrics):
            waiting = [asyncio.create_task(terminal.purchase(amount)) for amount in (100, 200, 300)]
            await asyncio.sleep(1)
            found = read(metrics)
            assert (found["ecrlan_alarms_active"], found["ecrlan_unresolved"]) == (3, 2)
            assert found["ecrlan_queue_length{till-1}"] == 2
            assert "ecrlan_terminal_reachable{till-1}" not in found
            await asyncio.gather(*waiting)
            alarms.unresolved = 0
            reachable["till-1"] = False
            found = read(metrics)
            assert (found["ecrlan_queue_length{till-1}"], found["ecrlan_unresolved"]) == (0, 0)
            assert found["ecrlan_terminal_reachable{till-1}"] == 0
            reachable["till-1"] = True
            assert read(metrics)["ecrlan_terminal_reachable{till-1}"] == 1
            metrics.register.remove("till-1")
            assert "ecrlan_queue_length{till-1}" not in read(metrics)

    run(main)


def test_commits_come_from_another_thread() -> None:
    metrics = Metrics(Register())
    threads = [threading.Thread(target=lambda: [metrics.committed(0.003) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(metrics)
    assert found["ecrlan_journal_commit_seconds_count"] == 4000
    assert found["ecrlan_journal_commit_seconds_bucket{0.005}"] == 4000
    assert found["ecrlan_journal_commit_seconds_bucket{0.0025}"] == 0


async def test_commits_of_a_real_journal(tmp_path) -> None:  # type: ignore[no-untyped-def]
    metrics: Metrics | None = None

    def committed(seconds: float) -> None:
        if metrics is not None:
            metrics.committed(seconds)

    async with Register(tmp_path / "till.db", backups=0, on_commit=committed) as register:
        metrics = Metrics(register)
        await metrics.open()
        await register.dial("till-1", "127.0.0.1", 1).purchase(650)
    assert read(metrics)["ecrlan_journal_commit_seconds_count"] >= 1
    assert read(metrics)["ecrlan_operations_total{purchase,not_performed,till-1}"] == 1


def test_two_daemons_in_a_process_count_apart() -> None:
    one, other = Metrics(Register()), Metrics(Register())
    one.delivered("alarm", 3)
    assert read(one)["ecrlan_events_total{alarm}"] == 3
    assert "ecrlan_events_total{alarm}" not in read(other)
