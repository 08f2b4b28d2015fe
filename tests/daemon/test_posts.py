"""One post over a real socket: what is sent, and how little of the answer is taken."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from ecrlan.daemon import posts
from ecrlan.daemon.posts import Answer, check_url, host_of, make_client, post
from ecrlan.errors import InvalidValueError


async def answered(answer: bytes, *, endless: bool = False) -> tuple[Answer, bytes]:
    """Post once to a server that gives `answer`, perhaps without end; return also what it was sent."""
    taken = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.extend(await reader.readuntil(b"\r\n\r\n"))
        taken.extend(await reader.readexactly(int(taken.lower().split(b"content-length: ")[1].split(b"\r\n")[0])))
        writer.write(answer)
        while endless and not writer.is_closing():
            writer.write(b"x" * 65536)
            try:
                await writer.drain()
            except ConnectionError:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, make_client() as client:
        port = server.sockets[0].getsockname()[1]
        result = await post(client, f"http://127.0.0.1:{port}/pb/Zx81?a=1", {"step": "FINAL", "text": "è"})
    return result, bytes(taken)


async def test_what_is_sent() -> None:
    answer, taken = await answered(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert answer == Answer(status=204)
    head, body = taken.split(b"\r\n\r\n")
    assert head.startswith(b"POST /pb/Zx81?a=1 HTTP/1.1\r\n")
    assert b"user-agent: ecrlan/" in head.lower()
    assert b"authorization" not in head.lower()
    assert json.loads(body) == {"step": "FINAL", "text": "è"}


async def test_an_endless_body_is_not_read() -> None:
    answer, _ = await answered(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", endless=True)
    assert answer.delivered


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", 302),
        (b"HTTP/1.1 500 Oops\r\n\r\n", 500),
        (b"no HTTP at all\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", None),
        (b"", None),
    ],
)
async def test_what_is_no_delivery(answer: bytes, status: int | None) -> None:
    result, _ = await answered(answer)
    assert not result.delivered
    assert result.status == status
    assert result.problem


async def test_nobody_there() -> None:
    async with make_client() as client:
        result = await post(client, "http://127.0.0.1:1/", {})
    assert result.status is None
    assert result.problem is not None
    assert result.problem.startswith("ConnectError")


async def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "TRY_SECONDS", 0.0)
    result, _ = await answered(b"HTTP/1.1 200 OK\r\n\r\n")
    assert result.problem == "no answer within 0 s"


async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    answer, _ = await answered(b"HTTP/1.1 200 OK\r\n\r\n")
    assert answer.delivered


def test_hosts_for_logs() -> None:
    assert host_of("https://till.example:8443/secret?key=1") == "till.example"
    assert host_of("http://till.example:port/") == "?"


def test_an_allowed_address_comes_back_as_it_is() -> None:
    for url in ("http://192.168.1.20:8000/cb", "https://till.example/pb/Zx81?till=7#x", "http://[fe80::1]/", "http://" + "a" * 1_993):
        assert check_url("callback_url", url) == url
        assert httpx.URL(url).host


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:65536/", "http://xn--a/", "http://\u0660.example/", "http://[::1", "http://u@till.example/", "//x/"]
)
def test_addresses_that_cannot_be_posted_to(url: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_url("callback_url", url)
    assert caught.value.place == "callback_url"


async def test_a_name_that_cannot_be_looked_up() -> None:
    async with make_client() as client:
        result = await post(client, "http://xn--a/", {})
    assert result.problem is not None
    assert result.status is None
