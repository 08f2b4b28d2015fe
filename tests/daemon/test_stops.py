"""Nothing that the daemon does stops its loop for more than 20 ms, while one terminal is paid at and others ask for everything."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal
from ecrlan.operation_json import operation_as_json
from ecrlan.register.register import local_clock
from tests.daemon.house import House, house
from tests.daemon.slowness import FIRST_STAN, Stops, lengthen
from tests.speed import slowness

MOST_MS = 20.0
OPERATIONS = 20_000
TERMINALS = 300
"""Beside the one that is paid at; nobody answers there."""
PAGES = ("/metrics", "/healthz", "/openapi.json", "/v1/orders", "/v1/register", "/v1/terminals", "/v1/terminals/till-1", "/v1/alarms")
LOOKS = (
    *PAGES,
    "/v1/journal",
    "/v1/operations/made-5",
    "/v1/operations/made-5/story?lang=it",
    "/v1/operations/made-5/receipt",
    "/docs",
    "/",
)
LISTS = ("", "&outcome=approved&before=5000", "&lang=it", "&terminal=nobody", "&open=true", "&from=2026-01-01")


def test_a_stop_is_found() -> None:
    def busy() -> None:
        sum(range(3_000_000))

    async def main() -> None:
        asyncio.get_running_loop().call_soon(busy)
        await asyncio.sleep(0.01)

    with Stops(MOST_MS).watched() as stops, asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())
    assert [("busy" in what) for _, what in stops.found] == [True]


@pytest.mark.long
def test_no_callback_takes_more_than_20_ms(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:  # whatever the others run on: uvloop's callbacks are no Python
        runner.run(busy_day(tmp_path))


async def busy_day(folder: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, first_stan=FIRST_STAN)
    async with house(folder, emulated=emulated, print_on_register="true") as till:
        assert (await till.begin(20, kind="purchase", amount=650, reference="sale")).json()["outcome"] == "approved"
    await asyncio.to_thread(lengthen, folder / "till.db", "sale", OPERATIONS)
    async with house(folder, emulated=emulated, print_on_register="true", sockets=True) as till:
        for path in LOOKS:  # what is imported when it is first used
            if path != "/openapi.json":
                await look(till, path)
        with Stops(MOST_MS * slowness()).watched() as stops:
            paying = asyncio.create_task(pay(till))
            for path in (*LOOKS, *(f"/v1/operations?limit=200{filters}" for filters in LISTS)):
                await look(till, path)
            housekeeping = till.daemon.register._ledger.housekeeping
            assert housekeeping is not None
            housekeeping.look_now()
            await asyncio.to_thread(till.daemon.register.journal.export_rows, "jsonl", io.StringIO(), until=None)
            await reload(till)
            for path in LOOKS:
                await look(till, path)
            await follow(till)
            paying.cancel()
            await asyncio.gather(paying, return_exceptions=True)
        assert stops.found == []
        assert stops.count > 5_000
    assert list((folder / "backups").iterdir())


async def look(till: House, path: str) -> None:
    answer = await till.client.get(path, timeout=60, follow_redirects=True)
    assert answer.status_code == 200, (path, answer.text)


async def pay(till: House) -> None:
    number = 0
    while True:
        number += 1
        answer = await till.begin(20, kind="purchase", amount=100, reference=f"new-{number}")
        assert answer.json()["outcome"] == "approved", answer.text
        if number % 5 == 0:
            answer = await till.begin(20, kind="void", target=f"new-{number}", reference=f"void-{number}")
            assert answer.json()["outcome"] == "approved", answer.text


async def reload(till: House) -> None:
    """Add all the terminals, change them, and take them out again."""
    before = (till.folder / "ecrlan.toml").read_text()
    many = "".join(f'[terminals.more-{n}]\naddress = "10.0.{n // 200}.{n % 200 + 1}"\nlink = "dial"\n' for n in range(TERMINALS))
    for settings, done in (
        (before + many, "added"),
        (before + many.replace("link", "queue_length = 3\nlink"), "changed"),
        (before, "removed"),
    ):
        till.write_settings(settings)
        answer = await till.client.post("/v1/reload", timeout=60)
        assert len(answer.json()[done]) == TERMINALS, answer.text
        if done == "changed":
            await look(till, "/v1/terminals")
            await look(till, "/metrics")


async def follow(till: House) -> None:
    """Ask for all events that are kept."""
    hub, operation = till.daemon.hub, await till.daemon.register.find("made-7")
    for _ in range(5_000):
        hub.publish("operation", lambda: operation_as_json(operation), "till-1")
    for language in ("en", "it"):
        headers: dict[str, Any] = {"Last-Event-ID": f"{hub.start}-{hub.published - 5_000}"}
        told = 0
        async with till.client.stream("GET", f"/v1/events?lang={language}", headers=headers, timeout=60) as answer:
            async for piece in answer.aiter_bytes():
                told += piece.count(b"event: operation")
                if told >= 5_000:
                    break
