"""The browser's login."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ecrlan.daemon.http.sessions import COOKIE
from tests.daemon.house import HOST, House, error_of, house


def browser(till: House, scheme: str = "http") -> httpx.AsyncClient:
    assert till.app is not None
    return httpx.AsyncClient(transport=httpx.ASGITransport(till.app), base_url=f"{scheme}://{HOST}")  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["operate", "read"])
async def test_login_and_logout(tmp_path: Path, role: str) -> None:
    async with house(tmp_path) as till, browser(till) as console:
        token = getattr(till.daemon.tokens, role)
        answer = await console.post("/v1/session", json={"token": token}, headers={"Origin": f"http://{HOST}"})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert "Secure" not in cookie
        assert token not in cookie
        assert (await console.get("/v1/session")).json() == {"role": role}
        assert (await console.get("/v1/register")).json()["role"] == role
        assert (await console.delete("/v1/session")).status_code == 204
        error_of(await console.get("/v1/session"), 401, "unauthorized")


async def test_a_login_begins_a_session_of_its_own_and_ends_the_one_before(tmp_path: Path) -> None:
    async with house(tmp_path) as till, browser(till) as console:
        first = (await console.post("/v1/session", json={"token": till.daemon.tokens.read})).cookies[COOKIE]
        second = (await console.post("/v1/session", json={"token": till.daemon.tokens.operate})).cookies[COOKIE]
        assert first != second
        assert (await console.get("/v1/session")).json() == {"role": "operate"}
        console.cookies.clear()
        for known, status in ((first, 401), ("chosen-by-somebody-else", 401), (second, 200)):
            assert (await console.get("/v1/session", headers={"Cookie": f"{COOKIE}={known}"})).status_code == status
        login = await console.post(
            "/v1/session", json={"token": till.daemon.tokens.read}, headers={"Cookie": f"{COOKIE}=chosen-by-somebody-else"}
        )
        assert login.cookies[COOKIE] != "chosen-by-somebody-else"


async def test_over_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    async with house(tmp_path) as till, browser(till, "https") as console:
        answer = await console.post("/v1/session", json={"token": till.daemon.tokens.operate})
        assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("body", ['{"token": "wrong"}', '{"token": ""}'])
async def test_a_wrong_token_is_no_login(tmp_path: Path, body: str) -> None:
    async with house(tmp_path) as till, browser(till) as console:
        answer = await console.post("/v1/session", content=body)
        error_of(answer, 401, "unauthorized")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", ["", "{}", '{"token": 1}', '{"token": "x", "more": 1}', f'{{"token": "{"x" * 300}"}}'])
async def test_what_is_no_login_at_all(tmp_path: Path, body: str) -> None:
    async with house(tmp_path) as till, browser(till) as console:
        error_of(await console.post("/v1/session", content=body), 422, "invalid_value")


async def test_a_token_needs_no_session(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        assert await till.get("/v1/session") == {"role": "operate"}
        assert (await till.client.delete("/v1/session")).status_code == 204
