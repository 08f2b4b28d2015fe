"""Who is let in, with how much, and how fast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ecrlan.daemon.http import security
from ecrlan.daemon.http.security import Guard, is_open, session_of
from ecrlan.daemon.http.sessions import Sessions
from ecrlan.daemon.tokens import Tokens
from tests.daemon.house import HOST, error_of, house, until

TOKENS = Tokens(operate="o" * 43, read="r" * 43)
OPERATE = {"Authorization": f"Bearer {TOKENS.operate}"}
READ = {"Authorization": f"Bearer {TOKENS.read}"}
ROUTES = ("/v1/terminals", "/v1/register", "/v1/operations", "/v1/events", "/v1/alarms", "/metrics", "/openapi.json", "/docs", "/nothing")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the size of the body and the role."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{len(body)} {scope['state']['role']}".encode()})


def guard(app: Any = echo, **options: Any) -> Guard:
    return Guard(app, tokens=TOKENS, sessions=Sessions(lambda: 0.0), hosts={HOST, "till.lan:8017"}, **options)


def client(app: Guard, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}", headers=headers)  # type: ignore[arg-type]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKENS.operate}"},
        {"Cookie": "ecrlan_session=x"},
    ],
    ids=["none", "wrong", "empty", "scheme", "session"],
)
async def test_nothing_without_a_token(route: str, headers: dict[str, str]) -> None:
    async with client(guard()) as asking:
        for method in ("GET", "POST", "DELETE"):
            answer = await asking.request(method, route, headers=headers)
            error_of(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "open_"),
    [
        ("GET", "/healthz", True),
        ("GET", "/", True),
        ("GET", "/console/main.js", True),
        ("POST", "/v1/session", True),
        ("GET", "/v1/session", False),
        ("POST", "/healthz", False),
        ("POST", "/console/main.js", False),
        ("GET", "/console", False),
        ("GET", "/v1/session/", False),
    ],
)
def test_what_needs_no_token(method: str, path: str, open_: bool) -> None:
    assert is_open(method, path) is open_


async def test_roles() -> None:
    async with client(guard()) as asking:
        assert (await asking.get("/v1/terminals", headers=READ)).text == "0 read"
        assert (await asking.get("/v1/terminals", headers=OPERATE)).text == "0 operate"
        assert (await asking.post("/v1/reload", headers=OPERATE, content=b"abc")).text == "3 operate"
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            error_of(await asking.request(method, "/v1/reload", headers=READ), 403, "forbidden")
        assert (await asking.delete("/v1/session", headers=READ)).status_code == 200


async def test_a_wrong_token_is_not_made_good_by_a_session() -> None:
    app = guard()
    session = app.sessions.begin("operate")
    async with client(app, Cookie=f"ecrlan_session={session}") as asking:
        assert (await asking.get("/v1/terminals")).text == "0 operate"
        error_of(await asking.get("/v1/terminals", headers={"Authorization": "Bearer wrong"}), 401, "unauthorized")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8017", "127.0.0.1", "127.0.0.1:80", "", "127.0.0.1:8017.evil", "è:8017"])
async def test_foreign_hosts(host: str) -> None:
    async with client(guard()) as asking:
        for path in ("/v1/terminals", "/healthz", "/", "/v1/events"):
            error_of(
                await asking.get(
                    path, headers=[(b"Host", host.encode("latin-1")), *[(b"Authorization", OPERATE["Authorization"].encode())]]
                ),
                403,
                "foreign_host",
            )


async def test_own_hosts_in_any_case() -> None:
    async with client(guard()) as asking:
        assert (await asking.get("/v1/terminals", headers=OPERATE | {"Host": "TILL.lan:8017"})).status_code == 200


async def test_two_host_headers_are_refused() -> None:
    async with client(guard()) as asking:
        headers = [("Host", HOST), ("Host", "evil"), ("Authorization", OPERATE["Authorization"])]
        error_of(await asking.get("/v1/terminals", headers=headers), 403, "foreign_host")
        twice = [("Authorization", OPERATE["Authorization"])] * 2
        error_of(await asking.get("/v1/terminals", headers=twice), 400, "malformed_request")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{HOST}"},
        {"Origin": "http://127.0.0.1:8018"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_sites_pages(headers: dict[str, str]) -> None:
    app = guard()
    async with client(app, Cookie=f"ecrlan_session={app.sessions.begin('operate')}") as asking:
        error_of(await asking.post("/v1/reload", headers=headers), 403, "foreign_origin")
        error_of(await asking.post("/v1/session", headers=headers), 403, "foreign_origin")
        assert (await asking.get("/v1/terminals", headers=headers)).status_code == 200


async def test_our_own_page() -> None:
    async with client(guard(), **OPERATE) as asking:
        for headers in ({"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
            assert (await asking.post("/v1/reload", headers=headers)).status_code == 200


async def test_headers_of_every_answer() -> None:
    async with client(guard()) as asking:
        for answer in (await asking.get("/v1/terminals", headers=OPERATE), await asking.get("/v1/terminals"), await asking.get("/")):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
        assert (await asking.get("/v1/terminals", headers=OPERATE)).headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


# --- bodies -----------------------------------------------------------------------------------------------------------------------


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_bodies_of_every_size() -> None:
    async with client(guard(), **OPERATE) as asking:
        assert (await asking.post("/v1/reload", content=b"x" * 65536)).text == "65536 operate"
        error = error_of(await asking.post("/v1/reload", content=b"x" * 65537), 413, "too_large")
        assert "65536" in error["message"]
        chunked = await asking.post("/v1/reload", content=pieces(b"x" * 60000, b"x" * 6000))
        error_of(chunked, 413, "too_large")
        assert chunked.headers["connection"] == "close"
        assert (await asking.post("/v1/reload", content=pieces(b"x" * 100, b"y" * 100))).text == "200 operate"
        for length in ("-1", "1e3", "", "9" * 30):
            error_of(await asking.post("/v1/reload", headers={"Content-Length": length}, content=b""), 413, "too_large")


async def test_without_a_token_a_body_is_short() -> None:
    async with client(guard()) as asking:
        assert (await asking.post("/v1/session", content=b"x" * 1024)).text == "1024 None"
        error_of(await asking.post("/v1/session", content=b"x" * 1025), 413, "too_large")


async def test_a_large_body_is_read_to_its_end_and_a_huge_one_is_not() -> None:
    taken = 0

    async def much(megabytes: int) -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(megabytes * 16):
            taken += 65536
            yield b"x" * 65536

    async with client(guard(), **OPERATE) as asking:
        error_of(await asking.post("/v1/reload", content=much(1)), 413, "too_large")
        assert taken == 1024 * 1024
        taken = 0
        error_of(await asking.post("/v1/reload", content=much(100)), 413, "too_large")
        assert taken < 2 * 1024 * 1024


async def test_a_slow_body_is_cut() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.get_running_loop().create_future()

    app = guard(body_seconds=0.05)
    async with client(app, **OPERATE) as asking:
        answer = await asking.post("/v1/reload", content=slow())
        error_of(answer, 408, "too_slow")
        assert answer.headers["connection"] == "close"
        assert app.requests == 0


async def test_who_leaves_while_sending_reaches_the_application_as_gone() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        raise AssertionError

    headers = [(b"host", HOST.encode()), (b"authorization", OPERATE["Authorization"].encode())]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/reload", "scheme": "http", "headers": headers}
    await guard(app)(scope, receive, send)
    assert seen == [{"type": "http.disconnect"}]


# --- numbers ----------------------------------------------------------------------------------------------------------------------


async def test_requests_at_once_are_bounded() -> None:
    release = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/v1/slow":
            await release.wait()
        await echo(scope, receive, send)

    guarded = guard(app, requests_at_once=2)
    async with client(guarded, **OPERATE) as asking:
        slow = [asyncio.create_task(asking.get("/v1/slow")) for _ in range(2)]
        await until(lambda: guarded.requests == 2)
        error_of(await asking.get("/v1/terminals"), 429, "too_many")
        assert (await asking.get("/healthz")).status_code == 200
        release.set()
        assert [answer.status_code for answer in await asyncio.gather(*slow)] == [200, 200]
        assert (await asking.get("/v1/terminals")).status_code == 200
        assert guarded.requests == 0


async def test_streams_are_bounded_apart_from_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MOST_STREAMS", 1)
    release = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/v1/events":
            await release.wait()
        await echo(scope, receive, send)

    guarded = guard(app, requests_at_once=1)
    async with client(guarded, **OPERATE) as asking:
        stream = asyncio.create_task(asking.get("/v1/events"))
        await until(lambda: guarded.streams == 1)
        error_of(await asking.get("/v1/events"), 429, "too_many")
        assert (await asking.get("/v1/terminals")).status_code == 200
        release.set()
        assert (await stream).status_code == 200
        assert guarded.streams == 0


async def test_what_is_no_http_is_closed() -> None:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> None:
        raise AssertionError

    await guard()({"type": "websocket", "path": "/"}, receive, send)  # type: ignore[arg-type]
    await guard()({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    ("cookie", "session"),
    [
        (b"", None),
        (b"ecrlan_session=abc", "abc"),
        (b"a=b; ecrlan_session=abc; c=d", "abc"),
        (b"ecrlan_sessions=abc", None),
        (b'\xff=\xff; {"json": 1}; ecrlan_session=abc', "abc"),
        (b"[]=[]; ;;=;", None),
    ],
)
def test_cookies(cookie: bytes, session: str | None) -> None:
    assert session_of({b"cookie": cookie} if cookie else {}) == session


async def test_the_whole_daemon_is_behind_it(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        assert till.app is not None
        transport = httpx.ASGITransport(till.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as stranger:
            for route in ROUTES:
                error_of(await stranger.get(route), 401, "unauthorized")
            assert (await stranger.get("/healthz")).json()["status"] == "ok"
            error_of(await stranger.post("/v1/terminals/till-1/operations", json={"kind": "purchase", "amount": 1}), 401, "unauthorized")
            reading = {"Authorization": f"Bearer {till.daemon.tokens.read}"}
            assert (await stranger.get("/v1/terminals", headers=reading)).status_code == 200
            refused = await stranger.post("/v1/terminals/till-1/operations", json={"kind": "purchase", "amount": 1}, headers=reading)
            error_of(refused, 403, "forbidden")
        assert not len(till.emulated.ledger)
