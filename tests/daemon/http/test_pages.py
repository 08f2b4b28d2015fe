"""The console's files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecrlan.daemon.http import manual
from ecrlan.daemon.http.pages import load_pages
from tests.daemon.house import error_of, house


async def test_the_console_is_served_with_its_types_and_kept_by_browsers(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        index = await till.client.get("/")
        assert index.headers["content-type"] == "text/html; charset=utf-8"
        assert index.headers["cache-control"] == "no-cache"
        assert "<html" in index.text
        script = await till.client.get("/console/main.js")
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        known = await till.client.get("/console/main.js", headers={"If-None-Match": script.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")


async def test_the_documentation_needs_a_token_or_a_session_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    paths = (*sorted(manual.paths()), "/openapi.json", "/metrics")
    async with house(tmp_path) as till:
        for path in manual.paths():
            page = await till.client.get(path)
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert "default-src 'none'; script-src 'self'; style-src 'self'" in page.headers["content-security-policy"]
            assert "://" not in page.text.replace("http://www.w3.org/", "").replace(f'href="{manual.PROJECT}', "")
            assert not re.search(r"<script(?! (type=\"module\" )?src=\"/console/)|<style|style=| on[a-z]+=", page.text)
        del till.client.headers["Authorization"]
        for path in paths:
            error_of(await till.client.get(path), 401, "unauthorized")
        await till.post("/v1/session", token=till.daemon.tokens.read)
        for path in paths:
            assert (await till.client.get(path)).status_code == 200


async def test_a_browser_is_led_from_the_documentation_to_the_sign_in_form(tmp_path: Path) -> None:
    page = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    async with house(tmp_path) as till:
        assert (await till.client.get("/docs", headers=page)).status_code == 200
        error_of(await till.client.get("/docs", headers=page | {"Authorization": "Bearer wrong"}), 401, "unauthorized")
        del till.client.headers["Authorization"]
        for path in manual.paths():
            led = await till.client.get(path, headers=page)
            assert (led.status_code, led.headers["location"], led.content) == (303, f"/?next={path}", b"")
            assert led.headers["cache-control"] == "no-store"
            assert (await till.client.get(led.headers["location"], headers=page)).status_code == 200
        for method, path in (
            ("GET", "/openapi.json"),
            ("GET", "/docs/x"),
            ("GET", "/docs/payments%0d%0aSet-Cookie:%20a"),
            ("GET", "/v1/terminals"),
            ("POST", "/docs"),
        ):
            error_of(await till.client.request(method, path, headers=page), 401, "unauthorized")


@pytest.mark.parametrize(
    "path",
    [
        "/console/none.js",
        "/console/docs.html",
        "/console/..%2Fdaemon.py",
        "/console/%2e%2e/daemon.py",
        "/console/",
        "/docs/",
        "/docs/none",
        "/docs/..%2Fdaemon.py",
        "/docs/payments.md",
    ],
)
async def test_nothing_else_is_served(tmp_path: Path, path: str) -> None:
    async with house(tmp_path) as till:
        error_of(await till.client.get(path), 404, "not_found")


def test_only_files_of_known_types_are_pages(tmp_path: Path) -> None:
    for name in ("index.html", "a.js", "b.css", "c.svg", "notes.txt", "d.py", "html"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.js").mkdir()
    pages = load_pages(tmp_path)
    assert sorted(pages) == ["a.js", "b.css", "c.svg", "index.html"]
    assert pages["a.js"].tag != pages["b.css"].tag
