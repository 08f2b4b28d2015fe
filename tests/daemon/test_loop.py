"""What the daemon leaves the event loop alone with: no statement of SQLite, and no wait for the journal's writer."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

import ecrlan
from ecrlan.daemon.health import Health
from ecrlan.daemon.recipients import Recipients
from ecrlan.emulator import EmulatedTerminal
from ecrlan.journal.files import beside
from ecrlan.journal.writer import Writer
from ecrlan.model import Code, Evidence
from ecrlan.register.register import local_clock
from tests.daemon import house as houses
from tests.daemon.house import House, house
from tests.daemon.receiver import Receiver

MAY = {("register/terminal.py", "pin")}
"""The first answer of a terminal whose TID nobody knew: what is known of that TID is read before the next answer is judged."""
PACKAGE = f"{Path(ecrlan.__file__).parent}/"
CALLBACK = "http://till.example/paid"
OPTIONS: dict[str, Any] = {
    "longest_payment_time": 0.1,
    "recovery_pause": 0.05,
    "status_timeout": 0.5,
    "print_on_register": "true",
    "standalone_use": "false",
}
STATEMENTS = ("execute", "executemany", "executescript", "cursor", "commit", "rollback", "backup", "close")


class Uses(list[str]):
    """Who used SQLite, or waited for the journal's writer, on the thread of the test, which is the loop's."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = threading.get_ident()

    def note(self, what: str) -> None:
        if threading.get_ident() != self.loop:
            return
        callers = list(_callers())
        if MAY.isdisjoint(callers):
            self.append(f"{what}: " + " < ".join(f"{file}:{name}" for file, name in callers[:8]))


def _callers() -> Iterator[tuple[str, str]]:
    """Yield the functions of ecrlan that are being called, the innermost first: file in the package, and name."""
    frame = sys._getframe(2)
    while frame is not None:
        _, inside, file = frame.f_code.co_filename.partition(PACKAGE)
        if inside:
            yield file, frame.f_code.co_name
        frame = frame.f_back  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """Where all callbacks go; it does not answer yet."""
    receiver = Receiver(default=None)
    monkeypatch.setattr(Recipients, "client", lambda _: receiver.client())
    return receiver


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> Uses:
    """Watch every connection that is made from now on."""
    uses = Uses()

    def watched(name: str) -> Any:
        def call(self: Any, *given: Any, **named: Any) -> Any:
            uses.note(name)
            return getattr(sqlite3.Connection, name)(self, *given, **named)

        return call

    connection = type("Watched", (sqlite3.Connection,), {name: watched(name) for name in STATEMENTS})
    connect, run, stop = sqlite3.connect, Writer.run, Writer.stop
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, factory=connection, **named))
    monkeypatch.setattr(Writer, "run", lambda *given: (uses.note("Writer.run"), run(*given))[1])
    monkeypatch.setattr(Writer, "stop", lambda *given, **named: (uses.note("Writer.stop"), stop(*given, **named))[1])
    monkeypatch.setattr(houses, "REGISTER", houses.REGISTER + "retention_days = 1\n")
    monkeypatch.setattr("ecrlan.protocol.exchange.SOONEST_APPROVAL", 0.0)  # the emulated customer has the card in hand
    return uses


def test_a_use_on_this_thread_is_seen(uses: Uses) -> None:
    connection = sqlite3.connect(":memory:")
    thread = threading.Thread(target=lambda: sqlite3.connect(":memory:").execute("SELECT 1"))
    thread.start()
    thread.join()
    assert uses == []
    connection.execute("SELECT 1")
    assert len(uses) == 1
    assert uses[0].startswith("execute: ")


async def test_nothing_that_the_daemon_does_uses_sqlite_on_the_loop(tmp_path: Path, uses: Uses, receiver: Receiver) -> None:
    emulated = EmulatedTerminal(clock=local_clock)
    await leave_behind(tmp_path, emulated)
    assert uses == []
    receiver.default = 200
    settings = 'callback_hosts = ["till.example"]'
    async with house(tmp_path, emulated=emulated, sockets=True, daemon_settings=settings, **OPTIONS) as till:
        await till.until(lambda: till.daemon.register.terminal("till-1").open_works["lost"].outcome)
        await decide(till)
        await pay(till)
        await look(till)
        await reload(till)
        await accept(till)
        assert {"operation", "alarm", "terminal"} <= till.daemon.metrics._event_children.keys()
        assert "odd" in {body["operation"]["reference"] for _, _, body in receiver.posts}
    assert uses == []


async def leave_behind(folder: Path, emulated: EmulatedTerminal) -> None:
    """Leave an operation open, one unresolved, a callback that nobody was told, and alarms."""
    settings = 'callback_hosts = ["till.example"]'
    async with house(folder, emulated=emulated, daemon_settings=settings, longest_payment_time=0.1) as till:
        emulated.faults.set("odd_result")
        odd = await till.begin(20, kind="purchase", amount=650, reference="odd", callback_url=CALLBACK)
        assert odd.json()["outcome"] == "unresolved"
        till.daemon.hurried = True
    async with house(folder, emulated=emulated, daemon_settings=settings, longest_payment_time=60, recovery_pause=30) as till:
        works = till.daemon.register.terminal("till-1").open_works
        await till.post("/v1/operations/odd/resolve", outcome="not_performed", by="Anna", note="no charge")
        emulated.faults.set("drop_after_ack")
        await till.begin(kind="purchase", amount=650, reference="lost")
        await till.until(lambda: "lost" in works)
        till.daemon.hurried = True


async def decide(till: House) -> None:
    """Have persons decide: what became of an operation, and whose another one is."""
    await till.post("/v1/operations/lost/resolve", outcome="not_performed", by="Anna", note="no charge")
    till.emulated.faults.set("odd_result")
    odd = await till.begin(20, kind="purchase", amount=650, reference="odd-2")
    assert odd.json()["outcome"] == "unresolved"
    till.write_settings(houses.REGISTER + till.terminal_settings("till-1", **OPTIONS) + till.terminal_settings("till-2", port=1))
    assert (await till.client.post("/v1/reload")).json()["added"] == ["till-2"]
    for terminal in ("till-2", "till-1"):
        answer = await till.post("/v1/operations/odd-2/attach", terminal=terminal, by="Anna")
        assert answer.status_code == 200, answer.text
    answer = await till.post("/v1/operations/odd-2/resolve", outcome="approved", by="Anna", note="charged")
    assert answer.json()["outcome"] == "approved"


async def pay(till: House) -> None:
    """Carry out each kind of operation, by reference where that can be, and withdraw one."""
    orders: list[dict[str, Any]] = [
        {"kind": "purchase", "amount": 700, "reference": "sale", "callback_url": CALLBACK},
        {"kind": "void", "target": "sale", "reference": "void"},
        {"kind": "preauthorize", "amount": 1000, "reference": "room"},
        {"kind": "increment", "amount": 500, "target": "room", "reference": "more"},
        {"kind": "capture", "amount": 1200, "target": "room", "reference": "left"},
        {"kind": "verify_card", "reference": "card"},
        {"kind": "totals", "reference": "totals"},
        {"kind": "last_result", "reference": "last"},
        {"kind": "reprint", "reference": "again"},
        {"kind": "status", "reference": "status"},
        {"kind": "close_session", "reference": "close"},
    ]
    for order in orders:
        answer = await till.begin(20, **order)
        assert answer.json().get("outcome") in ("approved", "done"), answer.text
    assert (await till.begin(20, **orders[0])).json()["outcome"] == "approved", "the same once more"
    assert (await till.begin(20, **orders[0] | {"amount": 1})).status_code == 409
    till.emulated.attended, till.emulated.patience_seconds, till.emulated.host_seconds = True, 60.0, 0.0
    await till.begin(kind="purchase", amount=100, reference="first")
    await till.begin(kind="purchase", amount=200, reference="second")
    withdrawn = await till.client.delete("/v1/operations/second")
    assert withdrawn.json()["outcome"] == "not_performed", withdrawn.text
    await till.pay()
    assert (await till.ended("first"))["outcome"] == "approved"
    till.emulated.attended = False


async def look(till: House) -> None:
    """Ask for everything that can be asked for, and follow the events."""
    for filters in (
        {},
        {"outcome": "approved", "limit": 2},
        {"kind": "purchase", "terminal": "till-1"},
        {"from": "2026-01-01"},
        {"open": 1},
    ):
        await till.get("/v1/operations", **filters)
    first = await till.get("/v1/operations", limit=1)
    await till.get("/v1/operations", before=first["next"])
    for path in ("", "/story", "/receipt", "/receipt?format=lines"):
        assert (await till.client.get(f"/v1/operations/sale{path}")).status_code == 200
    for path in ("terminals", "terminals/till-1", "alarms", "journal", "register", "orders"):
        await till.get(f"/v1/{path}")
    for path in ("/metrics", "/healthz", "/openapi.json", "/docs"):
        assert (await till.client.get(path, follow_redirects=True)).status_code == 200, path
    assert (await till.client.post("/v1/terminals/till-1/status")).json()["outcome"] == "done"
    assert (await till.client.post("/v1/terminals/till-1/reset")).status_code == 200
    headers = {"Last-Event-ID": f"{till.daemon.hub.start}-1"}
    for query in ("", "?frames=true&lang=it"):
        async with till.client.stream("GET", f"/v1/events{query}", headers=headers) as answer, aclosing(answer.aiter_lines()) as lines:
            async for line in lines:
                if line.startswith("event: operation"):
                    break
    health = Health(till.daemon.register, interval=60.0)
    await health.open()
    await till.until(lambda: health.reachable("till-1"))
    await health.close()


async def accept(till: House) -> None:
    """Have persons accept: another TID, the end of a use by hand, and what an alarm tells."""
    till.emulated.faults.set("wrong_tid", codes="s")
    await till.client.post("/v1/terminals/till-1/status")
    (alarm,) = (await till.get("/v1/alarms"))["alarms"]
    assert alarm["name"] == "terminal_id_changed"
    accepted = await till.post("/v1/terminals/till-1/accept-terminal-id", by="Anna")
    assert accepted.json()["terminal_id"] == "99999999"
    till.daemon.register.terminal("till-1").memory.used_by_hand = True
    assert (await till.post("/v1/terminals/till-1/hand-use/reset", by="Anna")).status_code == 200
    raised = till.daemon.alarms.raise_("flood", Evidence(Code.FLOODED, {"frames": 200}), "till-1")
    assert (await till.client.post(f"/v1/alarms/{raised['id']}/dismiss")).status_code == 200


async def reload(till: House) -> None:
    """Change a terminal, one of them while it is in use, and take another one out."""
    till.emulated.attended = True
    await till.begin(kind="purchase", amount=300, reference="third")
    await till.until(lambda: till.emulated.stage == "card")
    till.write_settings(houses.REGISTER + till.terminal_settings("till-1", **OPTIONS, queue_length=7))
    done = (await till.client.post("/v1/reload")).json()
    assert (done["removed"], [each["terminal"] for each in done["waiting"]]) == (["till-2"], ["till-1"])
    await till.pay()
    await till.until(lambda: till.daemon.register.terminal("till-1").settings.queue_length == 7)
    till.emulated.attended = False


async def test_nor_does_it_where_a_person_accepts_a_journal_in_doubt(tmp_path: Path, uses: Uses) -> None:
    emulated = EmulatedTerminal(clock=local_clock)
    await leave_behind(tmp_path, emulated)
    beside(tmp_path / "till.db", ".epoch").unlink()
    async with house(tmp_path, emulated=emulated, longest_payment_time=0.1, recovery_pause=0.05) as till:
        assert till.daemon.journal_doubt is not None
        works = till.daemon.register.terminal("till-1").open_works
        assert works["lost"].doubt is not None
        answer = await till.post("/v1/journal/accept", by="Anna", note="compared")
        assert answer.status_code == 200, answer.text
        till.daemon.hurried = True  # nobody answers callbacks here
    assert uses == []
