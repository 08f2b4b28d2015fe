"""RECEIVED, STARTED, FINAL: in order, tried again, over restarts, and never in a payment's way."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ecrlan.daemon import callbacks as module
from ecrlan.daemon.callbacks import Callbacks
from ecrlan.daemon.posts import AT_ONCE, TRY_SECONDS
from ecrlan.errors import ReferenceConflictError, TerminalBusyError
from ecrlan.journal import Event, Journal
from ecrlan.model import Approved, Declined
from ecrlan.register import Register
from ecrlan.story import steps
from tests.daemon.receiver import URL, Receiver, daemon, done, paid, pending, settle, till
from tests.journal.samples import event, purchase
from tests.virtual import VirtualLoop, run


def test_the_steps_of_a_purchase_in_their_order() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver) as (terminal, callbacks, _):
            await paid(terminal, 90_30, "sale-1")
            await settle()
            assert receiver.steps == ["RECEIVED", "STARTED", "FINAL"]
            assert {url for _, url, _ in receiver.posts} == {URL}
            received, started, final = (body["operation"] for _, _, body in receiver.posts)
            assert received["state"] == started["state"] == "accepted"
            assert (final["reference"], final["outcome"], final["amount"]) == ("sale-1", "approved", 90_30)
            assert final["result"]["pan"] == "…4242"
            request = receiver.requests[0]
            assert request.method == "POST"
            assert request.headers["content-type"] == "application/json; charset=utf-8"
            first = {"step": "RECEIVED", "tries": 1, "delivered": True, "status": 200}
            assert done(callbacks.register, "sale-1") == [
                first,
                {**first, "step": "STARTED"},
                {**first, "step": "FINAL", "outcome": "approved"},
            ]
            entry = callbacks.register.journal.find("sale-1")
            assert entry is not None
            assert [(row.terminal, row.data) for row in entry.events if row.name == "callback"] == [("till-1", {"url": URL})]
            assert not pending(callbacks.register)
            assert callbacks.waiting == 0
            assert not callbacks._addressees

    run(main)


def test_started_comes_with_the_result_where_nothing_was_shown() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver) as (terminal, _, _):
            assert isinstance((await paid(terminal, 90_01, "sale-1")).outcome, Declined)
            await settle()
            assert list(zip(receiver.steps, receiver.outcomes, strict=True)) == [
                ("RECEIVED", None),
                ("STARTED", "declined"),
                ("FINAL", "declined"),
            ]

    run(main)


def test_what_never_reached_the_terminal_has_only_an_end() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with daemon(loop, receiver) as (register, _):
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            await paid(terminal, 650, "sale-1")
            await settle()
            assert receiver.steps == ["FINAL"]
            assert receiver.outcomes == ["not_performed"]
            assert not pending(register)

    run(main)


def test_others_are_not_told_of() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver) as (terminal, callbacks, _):
            await terminal.purchase(650, reference="sale-2")
            await terminal.status()
            await settle()
            assert not receiver.posts
            entry = callbacks.register.journal.find("sale-2")
            assert entry is not None
            assert "callback" not in [event.name for event in entry.events]

    run(main)


@pytest.mark.parametrize("default", [None, 500])
def test_a_payment_never_waits_for_its_callbacks(default: int | None) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(default=default)
        async with till(loop, receiver, think_seconds=3.0) as (terminal, callbacks, _):
            for number in range(4):
                assert isinstance((await paid(terminal, 650, f"sale-{number}")).outcome, Approved)
            assert loop.time() == pytest.approx(12.0)
            await asyncio.sleep(120)
            assert [row["delivered"] for row in done(callbacks.register, "sale-3")] == [False] * 3

    run(main)


def test_three_tries_with_growing_pauses_then_it_is_given_up_for_good(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[500, None, 404])
        with Journal(tmp_path / "till.db", inline=True) as journal:
            async with daemon(loop, receiver, journal) as (register, _):
                terminal = register.dial("till-1", "127.0.0.1", 8081)
                await paid(terminal, 650, "sale-1")
                await asyncio.sleep(60)
                assert receiver.steps == ["FINAL"] * 3
                assert receiver.times == [0.0, 1.0, 1.0 + TRY_SECONDS + 25.0]
                assert done(register, "sale-1") == [
                    {"step": "FINAL", "tries": 3, "delivered": False, "status": 404, "outcome": "not_performed", "problem": "status 404"}
                ]
            async with daemon(loop, receiver, journal):
                await asyncio.sleep(60)
                assert len(receiver.posts) == 3

    run(main)


def test_delivered_at_a_later_try() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[503])
        async with daemon(loop, receiver) as (register, _):
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            await paid(terminal, 650, "sale-1")
            await asyncio.sleep(60)
            assert [row["tries"] for row in done(register, "sale-1")] == [2]
            assert receiver.times == [0.0, 1.0]

    run(main)


@pytest.mark.parametrize(("first", "final_at"), [(500, 0.0), (None, TRY_SECONDS)])
def test_a_step_that_fails_is_given_up_once_a_later_one_waits(first: int | None, final_at: float) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[first])
        async with till(loop, receiver) as (terminal, _, _):
            await paid(terminal, 650, "sale-1")
            await asyncio.sleep(60)
            assert receiver.steps == ["RECEIVED", "STARTED", "FINAL"]
            assert receiver.times == [0.0, final_at, final_at]

    run(main)


def test_a_pause_ends_when_a_later_step_comes() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[500, 500])
        async with till(loop, receiver, think_seconds=10.0) as (terminal, callbacks, _):
            await paid(terminal, 650, "sale-1")
            await settle()
            assert receiver.steps == ["RECEIVED", "RECEIVED", "STARTED", "FINAL"]
            assert receiver.times == pytest.approx([0.0, 1.0, 10.0, 10.0], abs=0.01)
            assert [row["delivered"] for row in done(callbacks.register, "sale-1")] == [False, True, True]

    run(main)


def test_the_first_address_of_an_operation_stands() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver, think_seconds=10.0) as (terminal, _, _):
            first = asyncio.create_task(terminal.purchase(100))
            await asyncio.sleep(1)
            queued = asyncio.create_task(paid(terminal, 650, "sale-1"))
            await asyncio.sleep(1)
            again = asyncio.create_task(paid(terminal, 650, "sale-1", "http://other.example/"))
            with pytest.raises(ReferenceConflictError):
                await paid(terminal, 651, "sale-1", "http://other.example/")
            await asyncio.gather(first, queued, again)
            await settle()
            await paid(terminal, 650, "sale-1", "http://other.example/")
            await settle()
            assert receiver.steps == ["RECEIVED", "STARTED", "FINAL"]
            assert {url for _, url, _ in receiver.posts} == {URL}

    run(main)


def test_a_refused_operation_is_forgotten() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver, think_seconds=10.0) as (terminal, _, _):
            first = asyncio.create_task(terminal.purchase(100))
            await asyncio.sleep(1)
            with pytest.raises(TerminalBusyError):
                await paid(terminal, 650, "sale-1", queue_timeout=0)
            await first
            await terminal.purchase(650, reference="sale-1")
            await settle()
            assert not receiver.posts

    run(main)


def test_hosts_are_checked_at_delivery_too(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        with Journal(tmp_path / "till.db", inline=True) as journal:
            journal.write([*purchase("sale-1"), event("sale-1", "callback", url=URL)])
            async with daemon(loop, receiver, journal, hosts=("other.example",)) as (register, _):
                await asyncio.sleep(60)
                assert not receiver.posts
                assert [(row["delivered"], row["status"]) for row in done(register, "sale-1")] == [(False, None)]
                assert not pending(register)

    run(main)


def test_redirects_are_not_followed() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(default=307)
        async with daemon(loop, receiver) as (register, _):
            await paid(register.dial("till-1", "127.0.0.1", 8081), 650, "sale-1")
            await asyncio.sleep(60)
            assert [url for _, url, _ in receiver.posts] == [URL] * 3
            assert [row["delivered"] for row in done(register, "sale-1")] == [False]

    run(main)


def test_few_at_once_and_nobody_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_POSTS", 40)

    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(seconds=1.0)
        with Journal(tmp_path / "till.db", inline=True) as journal:
            for number in range(100):
                journal.write([*purchase(f"sale-{number}"), event(f"sale-{number}", "callback", url=URL)])
            async with daemon(loop, receiver, journal) as (register, callbacks):
                assert callbacks.waiting == 40
                await asyncio.sleep(60)
                assert sorted(body["operation"]["reference"] for _, _, body in receiver.posts) == sorted(f"sale-{n}" for n in range(100))
                assert receiver.most_at_once == AT_ONCE
                assert not pending(register)
                assert not callbacks._addressees

    run(main)


def test_what_is_under_way_at_the_end_gets_a_moment() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(seconds=1.0)
        async with Register(clock=loop.clock) as register:
            callbacks = Callbacks(register, receiver.client, loop.clock)
            await callbacks.open()
            await paid(register.dial("till-1", "127.0.0.1", 8081), 650, "sale-1")
            await callbacks.close()
            assert loop.time() == 1.0
            assert [row["delivered"] for row in done(register, "sale-1")] == [True]

    run(main)


def test_what_comes_after_the_end_is_left_to_the_journal(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        with Journal(tmp_path / "till.db", inline=True) as journal:
            journal.write([*purchase("sale-1", "unresolved"), event("sale-1", "callback", url=URL)])
        async with Register(tmp_path / "till.db", clock=loop.clock) as register:
            callbacks = Callbacks(register, receiver.client, loop.clock)
            await callbacks.open()
            await settle()
            assert len(receiver.posts) == 1
            await callbacks.close()
            with capture_logs() as logs:
                await register.resolve("sale-1", "approved", by="Anna", note="seen")
                await settle()
            assert [each["event"] for each in logs] == ["callback.left"]
            assert len(receiver.posts) == 1
            assert pending(register) == [("sale-1", "approved", "unresolved")]

    run(main)


def test_the_end_does_not_wait_long() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with Register(clock=loop.clock) as register:
            callbacks = Callbacks(register, Receiver(default=500).client, loop.clock)
            await callbacks.open()
            await paid(register.dial("till-1", "127.0.0.1", 8081), 650, "sale-1")
            await callbacks.close(2.0)
            assert loop.time() == 2.0
            assert pending(register) == [("sale-1", "not_performed", None)]

    run(main)


def test_retention_leaves_what_is_still_to_be_told(tmp_path: Path) -> None:
    with Journal(tmp_path / "till.db", inline=True) as journal:
        for reference in ("told", "untold", "plain"):
            journal.write(purchase(reference))
        for reference in ("told", "untold"):
            journal.write([event(reference, "callback", url=URL)])
        journal.write([event("told", "callback_done", step="FINAL", outcome="approved", delivered=False)])
        journal.write([event("untold", "callback_done", step="FINAL", outcome="unresolved", delivered=True)])
        journal.write([event("untold", "callback_done", step="RECEIVED", delivered=True)])
        later = event("told", "x").time + timedelta(days=1)
        assert journal.prune(later) == 2
        assert [entry.reference for entry in journal.entries()] == ["untold"]
        assert [(found.url, found.told) for found in journal.pending_callbacks()] == [(URL, "unresolved")]
        journal.write([Event(name="callback", time=later, reference=None, terminal="till-1", data={})])
        assert len(journal.pending_callbacks()) == 1


def test_the_story_tells_of_callbacks_in_words(tmp_path: Path) -> None:
    with Journal(tmp_path / "till.db", inline=True) as journal:
        journal.write([*purchase("sale-1"), event("sale-1", "callback", url=URL)])
        for delivered in (True, False):
            journal.write([event("sale-1", "callback_done", step="FINAL", tries=3, delivered=delivered, outcome="approved")])
        entry = journal.find("sale-1")
        assert entry is not None
        assert [text for _, text in steps(entry, "en")][-3:] == [
            "whoever asked for it is told how it goes (callback)",
            "callback FINAL: delivered",
            "callback FINAL: not delivered, tries: 3",
        ]
        assert "non consegnato, tentativi: 3" in steps(entry, "it")[-1][1]
        out = io.StringIO()
        for layout in ("jsonl", "csv"):
            assert journal.export_rows(layout, out) == 1
