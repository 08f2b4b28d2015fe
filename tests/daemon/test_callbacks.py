"""RECEIVED, STARTED, FINAL: in order, tried again, over restarts, and never in a payment's way."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ecrlan.daemon import callbacks as module
from ecrlan.daemon.callbacks import Callbacks
from ecrlan.daemon.posts import AT_ONCE, TRY_SECONDS
from ecrlan.desk.story import steps
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, JournalError, ReferenceConflictError, TerminalBusyError
from ecrlan.journal import Entry, Event, Journal, NewOperation
from ecrlan.model import Approved, Declined, Kind, Operation, TotalsRequest
from ecrlan.register import Register, Terminal
from ecrlan.register.records import operation_of_entry
from ecrlan.wire.codec import build_request
from tests.daemon.receiver import Receiver
from tests.journal.samples import event, operation, purchase
from tests.virtual import VirtualLoop, run

URL = "http://till.example/pb/Zx81"


@asynccontextmanager
async def daemon(
    loop: VirtualLoop, receiver: Receiver, journal: Journal | None = None, *, hosts: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Register, Callbacks]]:
    """A register with callbacks; the journal in memory unless one is given."""
    async with Register(journal, clock=loop.clock) as register:
        callbacks = Callbacks(register, receiver.client, loop.clock, hosts=hosts)
        await callbacks.open()
        yield register, callbacks
        await callbacks.close()


@asynccontextmanager
async def till(loop: VirtualLoop, receiver: Receiver, **behaviour: object) -> AsyncIterator[tuple[Terminal, Callbacks, EmulatedTerminal]]:
    emulated = EmulatedTerminal(clock=loop.clock, **behaviour)  # type: ignore[arg-type]
    async with EmulatorServer(emulated) as server, daemon(loop, receiver) as (register, callbacks):
        yield register.dial("till-1", "127.0.0.1", server.port), callbacks, emulated


def done(register: Register, reference: str) -> list[dict[str, object]]:
    """What the journal keeps about the ends of deliveries."""
    entry = register.journal.find(reference)
    assert entry is not None
    return [event.data for event in entry.events if event.name == "callback_done"]


def pending(register: Register) -> list[tuple[str, str | None, str | None]]:
    return [(found.reference, found.outcome, found.told) for found in register.journal.pending_callbacks()]


async def settle() -> None:
    """Let tasks come as far as they can without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_the_steps_of_a_purchase_in_their_order() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver) as (terminal, callbacks, _):
            callbacks.wanted("sale-1", URL, "till-1")
            await terminal.purchase(90_30, reference="sale-1")
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
            assert done(terminal.register, "sale-1") == [
                first,
                {**first, "step": "STARTED"},
                {**first, "step": "FINAL", "outcome": "approved"},
            ]
            entry = terminal.register.journal.find("sale-1")
            assert entry is not None
            assert [(row.terminal, row.data) for row in entry.events if row.name == "callback"] == [("till-1", {"url": URL})]
            assert not pending(terminal.register)
            assert callbacks.waiting == 0
            assert not callbacks._addressees

    run(main)


def test_started_comes_with_the_result_where_nothing_was_shown() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver) as (terminal, callbacks, _):
            callbacks.wanted("sale-1", URL)
            assert isinstance((await terminal.purchase(90_01, reference="sale-1")).outcome, Declined)
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
        async with daemon(loop, receiver) as (register, callbacks):
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            callbacks.wanted("sale-1", URL)
            await terminal.purchase(650, reference="sale-1")
            await settle()
            assert receiver.steps == ["FINAL"]
            assert receiver.outcomes == ["not_performed"]
            assert not pending(register)

    run(main)


def test_others_are_not_told_of() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver) as (terminal, callbacks, _):
            callbacks.wanted("sale-1", URL)
            await terminal.purchase(650, reference="sale-2")
            await terminal.status()
            await settle()
            assert not receiver.posts
            entry = terminal.register.journal.find("sale-2")
            assert entry is not None
            assert "callback" not in [event.name for event in entry.events]

    run(main)


@pytest.mark.parametrize("default", [None, 500])
def test_a_payment_never_waits_for_its_callbacks(default: int | None) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(default=default)
        async with till(loop, receiver, think_seconds=3.0) as (terminal, callbacks, _):
            for number in range(4):
                callbacks.wanted(f"sale-{number}", URL)
                assert isinstance((await terminal.purchase(650, reference=f"sale-{number}")).outcome, Approved)
            assert loop.time() == pytest.approx(12.0)
            await asyncio.sleep(120)
            assert [row["delivered"] for row in done(terminal.register, "sale-3")] == [False] * 3

    run(main)


def test_three_tries_with_growing_pauses_then_it_is_given_up_for_good(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[500, None, 404])
        with Journal(tmp_path / "till.db", inline=True) as journal:
            async with daemon(loop, receiver, journal) as (register, callbacks):
                terminal = register.dial("till-1", "127.0.0.1", 8081)
                callbacks.wanted("sale-1", URL)
                await terminal.purchase(650, reference="sale-1")
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
        async with daemon(loop, receiver) as (register, callbacks):
            terminal = register.dial("till-1", "127.0.0.1", 8081)
            callbacks.wanted("sale-1", URL)
            await terminal.purchase(650, reference="sale-1")
            await asyncio.sleep(60)
            assert [row["tries"] for row in done(register, "sale-1")] == [2]
            assert receiver.times == [0.0, 1.0]

    run(main)


@pytest.mark.parametrize(("first", "final_at"), [(500, 0.0), (None, TRY_SECONDS)])
def test_a_step_that_fails_is_given_up_once_a_later_one_waits(first: int | None, final_at: float) -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[first])
        async with till(loop, receiver) as (terminal, callbacks, _):
            callbacks.wanted("sale-1", URL)
            await terminal.purchase(650, reference="sale-1")
            await asyncio.sleep(60)
            assert receiver.steps == ["RECEIVED", "STARTED", "FINAL"]
            assert receiver.times == [0.0, final_at, final_at]

    run(main)


def test_a_pause_ends_when_a_later_step_comes() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[500, 500])
        async with till(loop, receiver, think_seconds=10.0) as (terminal, callbacks, _):
            callbacks.wanted("sale-1", URL)
            await terminal.purchase(650, reference="sale-1")
            await settle()
            assert receiver.steps == ["RECEIVED", "RECEIVED", "STARTED", "FINAL"]
            assert receiver.times == pytest.approx([0.0, 1.0, 10.0, 10.0], abs=0.01)
            assert [row["delivered"] for row in done(terminal.register, "sale-1")] == [False, True, True]

    run(main)


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
                callbacks.wanted("sale-1", URL)
                await terminal.purchase(650, reference="sale-1")
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
            async with daemon(loop, before, journal) as (register, callbacks):
                terminal = register.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
                await terminal.purchase(100)
                callbacks.wanted("sale-1", URL)
                paying = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
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
                async with daemon(loop, receiver, journal) as (register, callbacks):
                    terminal = register.dial("till-1", "127.0.0.1", server.port)
                    callbacks.wanted("odd", URL)
                    await terminal.purchase(90_09, reference="odd")
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
            terminal = first.register.dial("till-2", "127.0.0.1", first.settings.port, last_result_supported=False)
            callbacks.wanted("prompt", URL)
            await terminal.purchase(650, reference="prompt")
            await settle()
            assert not read, "what comes in time is told without a look at the disk"
            emulated.faults.set("late_result", 1)
            callbacks.wanted("late", URL)
            await terminal.purchase(650, reference="late")
            await asyncio.sleep(60)
            assert receiver.outcomes[-2:] == ["unresolved", "approved"]
            assert read == ["unresolved", "approved"]

    run(main)


def test_the_first_address_of_an_operation_stands() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver, think_seconds=10.0) as (terminal, callbacks, _):
            first = asyncio.create_task(terminal.purchase(100))
            await asyncio.sleep(1)
            callbacks.wanted("sale-1", URL)
            queued = asyncio.create_task(terminal.purchase(650, reference="sale-1"))
            await asyncio.sleep(1)
            for amount in (650, 651):  # the same again, and a mistake
                callbacks.wanted("sale-1", "http://other.example/")
                again = asyncio.create_task(terminal.purchase(amount, reference="sale-1"))
                if amount == 651:
                    with pytest.raises(ReferenceConflictError):
                        await again
                    callbacks.forget("sale-1")
            await asyncio.gather(first, queued)
            await settle()
            callbacks.wanted("sale-1", "http://other.example/")
            await terminal.purchase(650, reference="sale-1")
            await settle()
            assert receiver.steps == ["RECEIVED", "STARTED", "FINAL"]
            assert {url for _, url, _ in receiver.posts} == {URL}

    run(main)


def test_a_refused_operation_is_forgotten() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver()
        async with till(loop, receiver, think_seconds=10.0) as (terminal, callbacks, _):
            first = asyncio.create_task(terminal.purchase(100))
            await asyncio.sleep(1)
            callbacks.wanted("sale-1", URL)
            with pytest.raises(TerminalBusyError):
                await terminal.purchase(650, reference="sale-1", queue_timeout=0)
            callbacks.forget("sale-1")
            await first
            await terminal.purchase(650, reference="sale-1")
            await settle()
            assert not receiver.posts

    run(main)


def test_wishes_that_nobody_forgot_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_POSTS", 10)

    async def main(loop: VirtualLoop) -> None:
        async with till(loop, Receiver(), think_seconds=10.0) as (terminal, callbacks, _):
            asyncio.create_task(terminal.purchase(100))  # noqa: RUF006  # it need not end
            await asyncio.sleep(1)
            callbacks.wanted("queued", URL)
            asyncio.create_task(terminal.purchase(650, reference="queued"))  # noqa: RUF006  # the same
            await asyncio.sleep(1)
            for number in range(25):
                callbacks.wanted(f"gone-{number}", URL)
            assert len(callbacks._wanted) <= 10
            assert "queued" in callbacks._wanted

    run(main)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://till.example/",
        "file:///etc/passwd",
        "till.example/cb",
        "http://",
        "//till.example/",
        "http://user:secret@till.example/",
        "http://secret@till.example/",
        "javascript:alert(1)",
        "http://till.example/\n",
        "http://till.example/" + "a" * 2_000,
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with daemon(loop, Receiver()) as (_, callbacks):
            with pytest.raises(InvalidValueError, match="callback_url") as caught:
                callbacks.wanted("sale-1", url)
            assert "secret" not in str(caught.value)
            assert not callbacks._wanted

    run(main)


def test_hosts_can_be_limited() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with daemon(loop, Receiver(), hosts=("till.example", "office.example:8443", "[::1]:80")) as (_, callbacks):
            for allowed in ("http://TILL.example/a", "https://till.example:99/", "https://office.example:8443/", "http://[::1]/"):
                callbacks.wanted("sale-1", allowed)
            for refused in ("http://till.example.evil/", "https://office.example/", "http://127.0.0.1/", "http://till.example@evil/"):
                with pytest.raises(InvalidValueError):
                    callbacks.wanted("sale-2", refused)

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
        async with daemon(loop, receiver) as (register, callbacks):
            callbacks.wanted("sale-1", URL)
            await register.dial("till-1", "127.0.0.1", 8081).purchase(650, reference="sale-1")
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
            callbacks.wanted("sale-1", URL)
            await register.dial("till-1", "127.0.0.1", 8081).purchase(650, reference="sale-1")
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
            callbacks.wanted("sale-1", URL)
            await register.dial("till-1", "127.0.0.1", 8081).purchase(650, reference="sale-1")
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
