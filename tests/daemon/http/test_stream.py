"""The event stream over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from ecrlan.emulator import EmulatedTerminal
from ecrlan.register.register import local_clock
from tests.daemon.house import House, error_of, house


class Stream:
    """Reads events of a stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self.lines = lines
        self.last_id = ""

    async def next(self, *kinds: str) -> tuple[str, Any]:
        """Return the next event of one of these kinds."""
        kind = ""
        async with asyncio.timeout(20):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_id = value
                elif name == "event":
                    kind = value
                elif name == "data" and (kind in kinds or not kinds):
                    return kind, json.loads(value)
        raise EOFError


@asynccontextmanager
async def following(till: House, headers: dict[str, str] | None = None, **parameters: Any) -> AsyncIterator[Stream]:
    async with till.client.stream("GET", "/v1/events", params=parameters, headers=headers or {}, timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        await till.until(lambda: till.daemon.hub.followers)
        yield Stream(answer.aiter_lines())


async def test_a_purchase_is_followed(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, progress=("INSERIRE CARTA",))
    async with house(tmp_path, sockets=True, emulated=emulated) as till, following(till) as stream:
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        states = []
        while "finished" not in states:
            _, operation = await stream.next("operation")
            states.append(operation["state"])
        assert states[0] == "sending"
        assert operation == await till.get("/v1/operations/sale-1")
        _, terminal = await stream.next("terminal")
        assert terminal["name"] == "till-1"


async def test_it_goes_on_where_it_was_left(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        async with following(till) as stream:
            await till.begin(20, kind="purchase", amount=650, reference="sale-1")
            await stream.next("operation")
        await till.begin(20, kind="purchase", amount=700, reference="sale-2")
        for options in ({"headers": {"Last-Event-ID": stream.last_id}}, {"last_event_id": stream.last_id}):
            async with following(till, **options) as again:  # type: ignore[arg-type]
                found = set()
                while len(found) < 2:
                    found.add((await again.next("operation"))[1]["reference"])
                assert found == {"sale-1", "sale-2"}
        async with following(till, {"Last-Event-ID": "00000000-1"}) as lost:
            assert await lost.next() == ("gap", {"missed": True})


async def test_frames_are_decoded_for_those_who_want_them(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till, following(till, frames="true", terminal="till-1") as stream:
        await till.begin(20, kind="purchase", amount=650)
        told = set()
        while not told >= {(">", "X"), ("<", "E")}:
            _, frame = await stream.next("frame")
            told |= {(frame["direction"], each["message"]["code"]) for each in frame["frames"] if each["message"]}


async def test_one_terminals_events(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till, following(till, terminal="till-2") as stream:
        await till.begin(20, kind="purchase", amount=650)
        till.daemon.hub.publish("gap", {"missed": True})
        assert (await stream.next())[0] == "gap"


async def test_whoever_leaves_is_forgotten(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        async with following(till, frames="true"):
            assert till.daemon.register.publisher.frames_observed
        await till.until(lambda: not till.daemon.hub.followers)
        assert not till.daemon.register.publisher.frames_observed


async def test_a_client_that_reads_nothing_delays_nobody(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        port = int(till.server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        head = f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {till.daemon.tokens.operate}\r\n\r\n"
        writer.write(head.encode())
        await till.until(lambda: till.daemon.hub.followers)
        await asyncio.sleep(0)
        for number in range(30_000):
            till.daemon.hub.publish("progress", {"number": number, "text": "x" * 1000})
            if number % 1000 == 0:
                await asyncio.sleep(0)
        assert (await till.begin(20, kind="purchase", amount=650)).json()["outcome"] == "approved"
        (follower,) = till.daemon.hub._followers
        assert len(follower.waiting) <= 2000
        writer.close()
        await till.until(lambda: not till.daemon.hub.followers)
        del reader


async def test_stopping_ends_it(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till, following(till) as stream:
        till.daemon.hub.close()
        try:
            await stream.next("none")
        except EOFError:
            return
        raise AssertionError


async def test_wrong_questions(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        error_of(await till.client.get("/v1/events?frames=perhaps"), 422, "invalid_value")
        error_of(await till.client.get("/v1/events", headers={"Last-Event-ID": "x" * 65}), 422, "invalid_value")
        stranger = httpx.AsyncClient(base_url=till.client.base_url, trust_env=False)
        async with stranger:
            error_of(await stranger.get("/v1/events"), 401, "unauthorized")
