"""Whatever comes over real sockets is refused or served, nothing stays stuck, and a payment that is under way notices nothing of it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from ecrlan.daemon.http.security import LARGEST_BODY, MOST_STREAMS
from ecrlan.daemon.http.sessions import COOKIE
from tests.daemon.house import house
from tests.daemon.siege import PATIENCE, Answer, Siege, siege

PURCHASE = b'{"kind":"purchase","amount":650}'
EVIL = "http://evil.example"


async def routes(attack: Siege) -> list[tuple[str, str]]:
    document = await attack.till.get("/openapi.json")
    filled = {"{name}": "till-1", "{reference}": "the-payment", "{alarm_id}": "1"}
    found = []
    for path, operations in document["paths"].items():
        filled_path = path
        for key, value in filled.items():
            filled_path = filled_path.replace(key, value)
        assert "{" not in filled_path
        found += [(method.upper(), filled_path) for method in operations]
    assert len(found) > 20
    return found


# --- who ------------------------------------------------------------------------------------------------------------------------------


async def test_every_route_without_and_with_a_wrong_token(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        wrong = ("", "wrong", "x" * 5000, attack.token[:-1], attack.token + "x", f"{attack.token}\x00", "\xff" * 40)
        for method, path in [*await routes(attack), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/nothing")]:
            for token in wrong:
                answer = await attack.send(attack.head(f"{method} {path} HTTP/1.1", "Content-Length: 0", token=token))
                if b"\x00" in token.encode():
                    assert answer.status == 400, (method, path)
                elif (method, path) == ("GET", "/healthz"):
                    assert answer.status == 200
                elif (method, path) == ("POST", "/v1/session"):
                    assert answer.error == "invalid_value"  # there is no body
                else:
                    assert (answer.status, answer.error) == (401, "unauthorized"), (method, path)


async def test_every_route_with_foreign_host_and_origin(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        for method, path in [*await routes(attack), ("GET", "/"), ("GET", "/console/index.html"), ("GET", "/metrics"), ("GET", "/docs")]:
            line = f"{method} {path} HTTP/1.1"
            for host in ("evil.example", "127.0.0.1", f"127.0.0.1.evil.example:{attack.port}", "", "127.0.0.1:1", f"{attack.host}@evil"):
                answer = await attack.send(attack.head(line, "Content-Length: 0", host=host))
                assert (answer.status, answer.error) == (403, "foreign_host"), (line, host)
            if method in ("GET", "HEAD"):
                continue
            for more in (
                f"Origin: {EVIL}",
                "Origin: null",
                "Sec-Fetch-Site: cross-site",
                "Sec-Fetch-Site: same-site",
                f"Origin: https://{attack.host}",
            ):
                answer = await attack.send(attack.head(line, "Content-Length: 0", more))
                assert (answer.status, answer.error) == (403, "foreign_origin"), (line, more)


async def test_who_may_only_read_changes_nothing(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        token = attack.till.daemon.tokens.read
        for method, path in await routes(attack):
            if method != "GET" and path != "/v1/session":
                answer = await attack.send(attack.head(f"{method} {path} HTTP/1.1", "Content-Length: 0", token=token))
                assert (answer.status, answer.error) == (403, "forbidden"), (method, path)


async def test_other_sites_forms(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        login = await attack.till.post("/v1/session", token=attack.token)
        cookie = f"Cookie: {COOKIE}={login.cookies[COOKIE]}"
        attack.till.client.cookies.clear()
        forms = {
            "application/x-www-form-urlencoded": b"kind=purchase&amount=650",
            "multipart/form-data; boundary=x": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
            "text/plain": PURCHASE,
        }
        for kind, body in forms.items():
            for foreign in (f"Origin: {EVIL}", "Origin: null", "Sec-Fetch-Site: cross-site"):
                for path in ("/v1/terminals/till-1/operations", "/v1/terminals/till-1/reset", "/v1/reload", "/v1/session"):
                    answer = await attack.send(attack.post(body, path, f"Content-Type: {kind}", cookie, foreign, token=""))
                    assert (answer.status, answer.error) == (403, "foreign_origin"), (kind, foreign, path)


# --- how much -------------------------------------------------------------------------------------------------------------------------


async def test_over_large_requests(tmp_path: Path) -> None:
    async with siege(tmp_path, body_seconds=0.5) as attack:
        path = "POST /v1/terminals/till-1/operations HTTP/1.1"
        large = b'{"kind":"purchase","amount":650,"receipt_text":"' + b"x" * LARGEST_BODY + b'"}'
        chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
        for raw in (
            attack.post(large),
            attack.head(path, f"Content-Length: {10**18}") + b"{",
            attack.head(path, "Transfer-Encoding: chunked") + chunk * 17 + b"0\r\n\r\n",
            attack.head("POST /v1/session HTTP/1.1", "Content-Length: 2000", token="") + b"x" * 2000,
            attack.head("DELETE /v1/session HTTP/1.1", f"Content-Length: {LARGEST_BODY + 1}"),
        ):
            answer = await attack.send(raw)
            assert (answer.status, answer.error) == (413, "too_large"), raw[:80]
        for raw in (
            attack.head("GET /v1/register HTTP/1.1", f"X-Long: {'x' * 200_000}"),
            attack.head("GET /v1/register HTTP/1.1", *(f"X-{number}: {'x' * 100}" for number in range(3000))),
            attack.head(f"GET /{'x' * 200_000} HTTP/1.1"),
            attack.head(f"GET /v1/operations?before={'9' * 200_000} HTTP/1.1"),
            attack.head(path, f"Content-Length: {'9' * 5000}"),
            attack.head(path, "Transfer-Encoding: chunked") + chunk * 2000,  # 0: the line is closed before all is sent
        ):
            answer = await attack.send(raw)
            assert answer.status in (0, 400, 413), raw[:80]


async def test_slow_and_half_requests(tmp_path: Path) -> None:
    async with siege(tmp_path, body_seconds=0.2, request_seconds=0.2) as attack:
        parts = (
            b"",
            b"G",
            b"GET /v1/register HTT",
            attack.head("GET /v1/register HTTP/1.1")[:-2],
            attack.post(PURCHASE)[:-1],
            attack.head("POST /v1/terminals/till-1/operations HTTP/1.1", "Transfer-Encoding: chunked") + b"5\r\nab",
            attack.head("POST /v1/session HTTP/1.1", "Content-Length: 10", token="") + b"{",
        )
        for answer in await asyncio.gather(*(attack.send(part) for part in parts * 10)):
            assert answer.raw == b"" or (answer.status, answer.error) == (408, "too_slow")

        async def byte_by_byte(raw: bytes) -> None:
            reader, writer = await attack.line()
            waiting = asyncio.create_task(reader.read())
            for byte in raw:
                if waiting.done():
                    break
                writer.write(bytes((byte,)))
                await asyncio.wait({waiting}, timeout=0.02)
            async with asyncio.timeout(PATIENCE):
                with suppress(ConnectionResetError):  # a byte that was on its way when the line was closed resets it, answer and all
                    answer = Answer(await waiting)
                    assert (answer.status, answer.error) == (408, "too_slow")
            writer.close()

        await asyncio.gather(*(byte_by_byte(part * 20) for part in (parts[3], parts[4])))


async def test_who_leaves_in_the_middle(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        whole = [
            attack.head("GET /v1/operations/the-payment?wait=600 HTTP/1.1"),
            attack.post(b"{}"),
            attack.head("GET /v1/events HTTP/1.1"),
        ]
        queued = attack.post(b'{"kind":"purchase","amount":1}', "/v1/terminals/till-1/operations?wait=600")
        for raw in (*whole, queued):
            for length in (1, 40, len(raw) - 1, len(raw)):
                for reset in (False, True):
                    _, writer = await attack.line()
                    writer.write(raw[:length])
                    if reset:  # the line ends with a RST, what was sent may be lost
                        struct_linger = struct.pack("hh" if hasattr(socket, "AF_HYPERV") else "ii", 1, 0)
                        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct_linger)
                    writer.close()
        await attack.till.until(lambda: attack.till.daemon.register.terminal("till-1").queue.length == 0)
        await attack.till.until(lambda: attack.till.daemon.hub.followers == 0)


@pytest.mark.long
async def test_500_at_once(tmp_path: Path) -> None:
    async with siege(tmp_path, daemon_settings="requests_at_once = 60") as attack:
        asked = [
            attack.head("GET /v1/operations/the-payment?wait=0.2 HTTP/1.1"),
            attack.head("GET /v1/terminals HTTP/1.1"),
            attack.post(b'{"kind":"purchase","amount":650,"queue_timeout":0}'),
            attack.post(b"{}"),
            attack.head("GET /v1/operations HTTP/1.1"),
        ]
        answers = await asyncio.gather(*(attack.send(asked[number % len(asked)]) for number in range(500)))
        assert {answer.status for answer in answers} <= {200, 409, 422, 429}
        assert 200 in {answer.status for answer in answers}
        for answer in answers:
            if answer.status != 200:
                assert answer.error in ("terminal_busy", "invalid_value", "too_many")
        assert (await attack.till.get("/healthz"))["status"] == "ok"


# --- what is no HTTP, or hardly -------------------------------------------------------------------------------------------------------


async def test_what_is_no_http(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        twice = attack.head("POST /v1/reload HTTP/1.1", "Content-Length: 0", "Content-Length: 1")
        for raw in (
            b"\x00" * 1000 + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET /healthz\r\n\r\n",
            b"GET /healthz HTTP/9.9\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\n\r\n",
            b"GET /healthz HTTP/1.1\nHost x\n\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n b\r\nX\x00: 1\r\n\r\n",
            b"GE\x00T / HTTP/1.1\r\nHost: a\r\n\r\n",
            attack.head("GET /healthz HTTP/1.1", "X : space"),
            attack.head("GET /heal\x7fthz\x01 HTTP/1.1"),
            attack.head("GET /healthz HTTP/1.1", "X: \x00"),
            attack.head("POST /v1/reload HTTP/1.1", "Content-Length: -1"),
            attack.head("POST /v1/reload HTTP/1.1", "Content-Length: 0x10"),
            attack.head("POST /v1/reload HTTP/1.1", "Transfer-Encoding: gzip"),
            attack.head("POST /v1/reload HTTP/1.1", "Transfer-Encoding: chunked") + b"nothex\r\n\r\n",
            twice,
        ):
            answer = await attack.send(raw)
            assert answer.status in (0, 400, 501), raw[:80]
            if answer.status == 400:
                assert answer.error == "malformed_request", raw[:80]


async def test_http_that_is_used_wrongly(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        for line in (
            "OPTIONS * HTTP/1.1",
            "CONNECT evil.example:443 HTTP/1.1",
            "TRACE /healthz HTTP/1.1",
            "GET http://evil.example/v1/register HTTP/1.1",
        ):
            answer = await attack.send(attack.head(line, "Content-Length: 0"))
            assert answer.status in (400, 404, 405), line
            assert b"evil" not in answer.body
        upgrade = attack.head("GET /v1/events HTTP/1.1", "Upgrade: websocket", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13")
        answer = await attack.send(
            upgrade.replace(b"Connection: close", b"Connection: upgrade, close").replace(b"/v1/events", b"/v1/register")
        )
        assert answer.status == 200
        smuggled = (
            attack.head("POST /v1/reload HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked")
            + b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n"
        )
        answer = await attack.send(smuggled)
        assert answer.raw.count(b"HTTP/1.1 ") == 1
        kept = attack.head("GET /healthz HTTP/1.1").replace(b"Connection: close", b"X: y")
        answer = await attack.send(kept * 300 + attack.head("GET /healthz HTTP/1.1"))
        assert answer.raw.count(b"HTTP/1.1 200") == 301


PATHS_OUT = (
    "../daemon.py",
    "..%2fdaemon.py",
    "%2e%2e/daemon.py",
    "%2e%2e%2f%2e%2e%2fsettings.py",
    "..%5cdaemon.py",
    "..\\daemon.py",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "file:///etc/passwd",
    "C:/Windows/win.ini",
    "C%3a%5cWindows%5cwin.ini",
    "index.html%00.js",
    "index.html/",
    "INDEX.HTML",
    "index.html::$DATA",
    "..;/daemon.py",
    "%c0%ae%c0%ae/daemon.py",
    "....//daemon.py",
    "__init__.py",
    "%",
    "%zz",
    "",
    "x" * 5000,
)


async def test_paths_that_lead_out_of_the_console(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        attack = Siege(till)
        for target in PATHS_OUT:
            answer = await attack.send(attack.head(f"GET /console/{target} HTTP/1.1"))
            assert (answer.status, answer.error) == (404, "not_found"), target
            climbing = await attack.send(attack.head(f"GET /console/../console/{target} HTTP/1.1", token=""))
            assert climbing.status in (401, 404), target


# --- streams --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_followers_that_never_read(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        hub = attack.till.daemon.hub
        lines = [await attack.line() for _ in range(MOST_STREAMS - 1)]
        for reader, writer in lines:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
            writer.write(attack.head("GET /v1/events?frames=true HTTP/1.1"))
            assert reader is not None
        reader, writer = await attack.line()
        writer.write(attack.head("GET /v1/events HTTP/1.1"))
        await attack.till.until(lambda: hub.followers == MOST_STREAMS)
        refused = await attack.send(attack.head("GET /v1/events HTTP/1.1"))
        assert (refused.status, refused.error) == (429, "too_many")
        seen = 0
        text = "x" * 500
        for number in range(20_000):
            hub.publish("progress", {"terminal": "till-1", "reference": "the-payment", "text": text, "time": str(number)}, "till-1")
            if number % 500 == 499:  # the one who reads keeps up
                while seen <= number:
                    async with asyncio.timeout(PATIENCE):
                        received = await reader.readline()
                    assert b"event: gap" not in received
                    seen += received.startswith(b"event: progress")
        assert (await attack.till.get("/healthz"))["status"] == "ok"
        for _, each in [*lines, (reader, writer)]:
            each.transport.abort()
        await attack.till.until(lambda: hub.followers == 0)


async def test_strange_ids_to_resume_from(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        start = attack.till.daemon.hub.start
        for given in (
            "x",
            f"{start}-",
            f"{start}--1",
            f"{start}-{'9' * 40}",
            f"{start}-0x1",
            f"{start}-\xb2",
            "-",
            "a-b-c-1",
            f"{start}-1e3",
        ):
            reader, writer = await attack.line()
            writer.write(attack.head("GET /v1/events HTTP/1.1", f"Last-Event-ID: {given}"))
            async with asyncio.timeout(PATIENCE):
                await reader.readuntil(b"event: gap\n")
            writer.close()
        answer = await attack.send(attack.head("GET /v1/events HTTP/1.1", f"Last-Event-ID: {'1' * 1000}"))
        assert (answer.status, answer.error) == (422, "invalid_value")


# --- values ---------------------------------------------------------------------------------------------------------------------------

BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"purchase"',
    b"{",
    b"{}",
    b"\x00",
    b"\xff\xfe{\x00}\x00",
    b'\xef\xbb\xbf{"kind":"purchase","amount":650}',
    b'{"kind":"purchase","amount":650}}',
    b'{"kind":"purchase"}',
    b'{"kind":["purchase"],"amount":650}',
    b'{"kind":"launder","amount":650}',
    b"[" * 30_000,
    b'{"a":' * 10_000,
    b'{"kind":"purchase","amount":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"kind":"purchase","amount":0}',
    b'{"kind":"purchase","amount":-650}',
    b'{"kind":"purchase","amount":6.5}',
    b'{"kind":"purchase","amount":650.0}',
    b'{"kind":"purchase","amount":1e999}',
    b'{"kind":"purchase","amount":NaN}',
    b'{"kind":"purchase","amount":Infinity}',
    b'{"kind":"purchase","amount":100000000}',
    b'{"kind":"purchase","amount":' + b"9" * 5000 + b"}",
    b'{"kind":"purchase","amount":"650"}',
    b'{"kind":"purchase","amount":true}',
    b'{"kind":"purchase","amount":null}',
    b'{"kind":"purchase","amount":650,"amount_":1}',
    b'{"kind":"purchase","amount":650,"reference":""}',
    b'{"kind":"purchase","amount":650,"reference":"a b"}',
    b'{"kind":"purchase","amount":650,"reference":"a\\u0000"}',
    b'{"kind":"purchase","amount":650,"reference":"a\\n"}',
    b'{"kind":"purchase","amount":650,"reference":"\\u0663"}',
    b'{"kind":"purchase","amount":650,"reference":"../../etc"}',
    b'{"kind":"purchase","amount":650,"reference":"' + b"x" * 65 + b'"}',
    b'{"kind":"purchase","amount":650,"reference":"\\ud800"}',
    b'{"kind":"purchase","amount":650,"reference":"\x80"}',
    b'{"kind":"purchase","amount":650,"receipt_text":"\\u001b[2J\\u0000"}',
    b'{"kind":"purchase","amount":650,"receipt_text":"\\u20ac"}',
    b'{"kind":"purchase","amount":650,"cash_register_id":"\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661"}',
    b'{"kind":"purchase","amount":650,"queue_timeout":-1}',
    b'{"kind":"purchase","amount":650,"queue_timeout":1e400}',
    b'{"kind":"purchase","amount":650,"callback_url":"file:///etc/passwd"}',
    b'{"kind":"purchase","amount":650,"callback_url":"http://"}',
    b'{"kind":"purchase","amount":650,"callback_url":"http://a\\r\\nX: y/"}',
    b'{"kind":"purchase","amount":650,"callback_url":"http://u:p@127.0.0.1/"}',
    b'{"kind":"purchase","amount":650,"callback_url":"http://[::1"}',
    b'{"kind":"purchase","amount":650,"callback_url":"http://xn--a/"}',
    b'{"kind":"purchase","amount":650,"callback_url":"http://127.0.0.1:99999/"}',
    b'{"kind":"purchase","amount":650,"additional_data":[[1,"\\u0000"]]}',
    b'{"kind":"purchase","amount":650,"additional_data":[[1]]}',
    b'{"kind":"purchase","amount":650,"additional_data":' + b"[" + b'[1,"a"],' * 5 + b'[1,"a"]]}',
    b'{"kind":"void","stan":"000000"}',
    b'{"kind":"void","stan":"123456","last":true}',
    b'{"kind":"capture","amount":650}',
    b'{"kind":"vas","function":"\\u0000"}',
    b'{"kind":"vas","function":"<!DOCTYPE x>"}',
    b'{"kind":"vas","function":"BPAY_QR","amount":"6","parameters":{"A":"\\u0000"}}',
    b'{"kind":"vas","function":"BPAY_QR","amount":"6","parameters":{"A":"' + b"x" * 1000 + b'"}}',
]


@pytest.mark.parametrize("wait", ["", "?wait=5"])
async def test_bodies_that_are_no_operation(tmp_path: Path, wait: str) -> None:
    async with siege(tmp_path) as attack:
        for body in BODIES:
            answer = await attack.send(attack.post(body, f"/v1/terminals/till-1/operations{wait}", "Content-Type: application/json"))
            assert (answer.status, answer.error) == (422, "invalid_value"), body[:100]
        for path in ("/v1/session", "/v1/operations/the-payment/resolve", "/v1/terminals/till-1/accept-terminal-id"):
            for body in BODIES[:16]:
                answer = await attack.send(attack.post(body, path))
                assert (answer.status, answer.error) == (422, "invalid_value"), (path, body[:100])


async def test_addresses_and_queries_that_mean_nothing(tmp_path: Path) -> None:
    async with siege(tmp_path) as attack:
        for path, code in (
            ("/v1/operations/%00", "unknown_reference"),
            ("/v1/operations/a%0d%0ab", "unknown_reference"),
            ("/v1/operations/%ff%fe", "unknown_reference"),
            ("/v1/operations/" + "x" * 10_000, "unknown_reference"),
            ("/v1/operations/%1b%5b2J", "unknown_reference"),
            ("/v1/operations/5555444433332222", "unknown_reference"),
            ("/v1/terminals/%00", "unknown_terminal"),
            ("/v1/terminals/..%2f..", "unknown_terminal not_found"),
            ("/v1/terminals/" + "%f0%9f%92%b6" * 500, "unknown_terminal"),
            *(
                (f"/v1/operations/the-payment?wait={wait}", "invalid_value")
                for wait in ("nan", "inf", "-1", "601", "1e9", "0x1", "", "%00", "1_0e9")
            ),
            *((f"/v1/operations?limit={limit}", "invalid_value") for limit in ("0", "-1", "201", "9" * 50, "1.5", "%d9%a3", "x")),
            *((f"/v1/operations?before={before}", "invalid_value") for before in ("-1", "x", "9" * 19, "%d9%a3", "1'--")),
            *(
                (f"/v1/operations?from={time}", "invalid_value")
                for time in ("x", "", "9999", "2026-13-01", "%00", "2026-11-23T25:00", "1e9")
            ),
            *((f"/v1/operations?outcome={name}", "invalid_value") for name in ("x", "'%20or%201=1", "%00")),
            ("/v1/operations?open=maybe", "invalid_value"),
            ("/v1/operations?kind=x", "invalid_value"),
            ("/v1/operations?terminal=" + "x" * 65, "invalid_value"),
            ("/v1/operations/the-payment/receipt?format=../x", "invalid_value"),
            ("/v1/events?terminal=" + "x" * 65, "invalid_value"),
            ("/v1/events?frames=maybe", "invalid_value"),
        ):
            answer = await attack.send(attack.head(f"GET {path} HTTP/1.1"))
            assert answer.error in code.split(), path[:100]
            assert b"5555444433332222" not in answer.body
        for moment in ("0001-01-01", "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00%2b23:59", "2026-11-23T18:44:00"):
            answer = await attack.send(attack.head(f"GET /v1/operations?from={moment}&to={moment} HTTP/1.1"))
            assert answer.status in (200, 422), moment
        answer = await attack.send(attack.head("GET /v1/operations?terminal=%27%3b--%00 HTTP/1.1"))
        assert answer.status == 200
