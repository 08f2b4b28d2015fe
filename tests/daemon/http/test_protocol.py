"""HTTP/1.1 over real sockets: what is no HTTP, what is too slow, what is too much."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from ecrlan.daemon.http.protocol import limited
from ecrlan.emulator import EmulatedTerminal
from ecrlan.register.register import local_clock
from tests.daemon.house import House, house


async def line_to(till: House) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    assert till.server is not None
    return await asyncio.open_connection("127.0.0.1", int(till.server.url.rpartition(":")[2]))


def head(till: House, first: str, *more: str) -> bytes:
    assert till.server is not None
    host = till.server.url.removeprefix("http://")
    lines = [first, f"Host: {host}", f"Authorization: Bearer {till.daemon.tokens.operate}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Return status and the error's code of an answer behind which the line is closed."""
    async with asyncio.timeout(20):
        text = await reader.read()
    start, _, body = text.partition(b"\r\n\r\n")
    assert b"content-length: " in start.lower()
    return int(start.split()[1]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "garbage", [b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n\r\n", b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n"]
)
async def test_what_is_no_http(tmp_path: Path, garbage: bytes) -> None:
    async with house(tmp_path, sockets=True) as till:
        reader, writer = await line_to(till)
        writer.write(garbage)
        assert await answer_of(reader) == (400, "malformed_request")
        writer.close()


async def test_a_head_without_end(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        reader, writer = await line_to(till)
        writer.write(b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 100_000)
        assert await answer_of(reader) == (400, "malformed_request")
        writer.close()


async def test_a_slow_head(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True, request_seconds=0.1) as till:
        reader, writer = await line_to(till)
        writer.write(b"GET /healthz HTTP/1.1\r\nHo")
        assert await answer_of(reader) == (408, "too_slow")
        writer.close()


async def test_a_line_on_which_nothing_is_asked(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True, request_seconds=0.1) as till:
        reader, writer = await line_to(till)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("slower", ["guard", "protocol"])
async def test_a_slow_body(tmp_path: Path, slower: str) -> None:
    limits = {"body_seconds": 0.1} if slower == "guard" else {"body_seconds": 60.0, "request_seconds": 0.2}
    async with house(tmp_path, sockets=True, **limits) as till:  # type: ignore[arg-type]
        reader, writer = await line_to(till)
        writer.write(head(till, "POST /v1/reload HTTP/1.1", "Content-Length: 10") + b"{")
        assert await answer_of(reader) == (408, "too_slow")
        writer.close()
        assert (await till.get("/healthz"))["status"] == "ok"


async def test_a_body_that_nobody_waits_for_ends_with_its_line(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True, request_seconds=0.2) as till:
        reader, writer = await line_to(till)
        writer.write(head(till, "GET /healthz HTTP/1.1", "Content-Length: 10") + b"{")
        async with asyncio.timeout(20):
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_one_byte_at_a_time_is_served_where_it_is_quick_enough(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        reader, writer = await line_to(till)
        for byte in head(till, "GET /healthz HTTP/1.1", "Connection: close"):
            writer.write(bytes((byte,)))
            await writer.drain()
        async with asyncio.timeout(20):
            assert b'"status":"ok"' in await reader.read()
        writer.close()


async def test_who_reads_nothing_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecrlan.daemon.http.protocol.UNREAD_SECONDS", 0.1)
    async with house(tmp_path, sockets=True) as till:
        lines = [await line_to(till) for _ in range(2)]
        for reader, writer in lines:
            writer.write(head(till, "GET /v1/events HTTP/1.1"))
            await reader.readuntil(b"retry: 2000")
        (idle, _), (stuck, _) = lines
        await till.until(lambda: till.daemon.hub.followers == 2)
        stuck._transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(20):
            while till.daemon.hub.followers == 2:
                till.daemon.hub.publish("progress", {"text": "x" * 60_000})
                await idle.readuntil(b"event: progress")  # the other one is served
                await idle.readuntil(b"\n\n")
        assert (await till.get("/healthz"))["status"] == "ok"
        for _, writer in lines:
            writer.transport.abort()


async def test_many_requests_on_one_line(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        reader, writer = await line_to(till)
        writer.write(head(till, "GET /healthz HTTP/1.1") * 4 + head(till, "GET /healthz HTTP/1.1", "Connection: close"))
        async with asyncio.timeout(20):
            assert (await reader.read()).count(b'"status":"ok"') == 5
        writer.close()


async def test_a_kept_line_outlives_the_time_for_a_request(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True, request_seconds=0.05, longest_payment_time=0.1) as till:
        await till.get("/healthz")
        till.emulated.faults.set("drop_after_ack")
        lost = await till.begin(20, kind="purchase", amount=650)  # takes longer
        assert lost.json()["outcome"] == "unresolved"


async def is_served(till: House, line: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bool:
    reader, writer = line
    writer.write(head(till, "GET /v1/terminals HTTP/1.1"))
    async with asyncio.timeout(20):
        answer = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answer)
        assert length is not None
        await reader.readexactly(int(length[1]))
    return answer.startswith(b"HTTP/1.1 200")


def few_lines(monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings by which ten lines are the most."""
    monkeypatch.setattr("ecrlan.daemon.server.SPARE_LINES", 2)
    monkeypatch.setattr("ecrlan.daemon.server.MOST_STREAMS", 0)
    return "requests_at_once = 8"


async def test_lines_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path, sockets=True, daemon_settings=few_lines(monkeypatch)) as till:
        lines = [await line_to(till) for _ in range(10)]
        for line in lines:
            assert await is_served(till, line)
        reader, writer = await line_to(till)
        assert await answer_of(reader) == (429, "too_many")
        for _, each in [*lines, (reader, writer)]:
            each.close()
            await each.wait_closed()
        assert (await till.get("/healthz"))["status"] == "ok"


async def test_lines_that_show_no_token_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, and however often they come again: who has a token is served, on a new line and on one that stands."""
    monkeypatch.setattr("ecrlan.daemon.http.protocol.TOKEN_SECONDS", 0.0)
    async with house(tmp_path, sockets=True, daemon_settings=few_lines(monkeypatch)) as till:
        standing = await line_to(till)
        assert await is_served(till, standing)
        idle = [await line_to(till) for _ in range(40)]
        assert await is_served(till, standing)
        late = await line_to(till)
        assert await is_served(till, late)
        for reader, _ in idle[:30]:
            assert await answer_of(reader) == (429, "too_many"), "the oldest go first"
        for _, writer in [*idle, standing, late]:
            writer.transport.abort()


async def test_500_at_once_are_served_or_refused_and_terminals_undisturbed(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)
    async with house(tmp_path, sockets=True, emulated=emulated, daemon_settings="requests_at_once = 100") as till:
        await till.begin(kind="purchase", amount=650, reference="sale-1")

        async def ask(number: int) -> bytes:
            reader, writer = await line_to(till)
            first = f"GET /v1/operations/sale-1?wait={number % 2} HTTP/1.1"
            writer.write(head(till, first, "Connection: close"))
            async with asyncio.timeout(30):
                text = await reader.read()
            writer.close()
            return text.split(b" ", 2)[1]

        asking = [asyncio.create_task(ask(number)) for number in range(500)]
        await till.pay()
        statuses = set(await asyncio.gather(*asking))
        assert statuses <= {b"200", b"429"}
        assert b"200" in statuses
        assert (await till.ended("sale-1"))["outcome"] == "approved"
        assert till.emulated.ledger.net_total() == 650


def test_limits_stand_on_a_class_of_their_own() -> None:
    assert limited(5, 1.0).most_lines == 5
    assert limited(6).most_lines == 6
