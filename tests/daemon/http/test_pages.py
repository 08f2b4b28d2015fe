"""The console's files."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    async with house(tmp_path) as till:
        page = await till.client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "://" not in page.text.replace("http://www.w3.org/", "")
        del till.client.headers["Authorization"]
        for path in ("/docs", "/openapi.json", "/metrics"):
            error_of(await till.client.get(path), 401, "unauthorized")
        await till.post("/v1/session", token=till.daemon.tokens.read)
        for path in ("/docs", "/openapi.json", "/metrics"):
            assert (await till.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/console/none.js", "/console/docs.html", "/console/..%2Fdaemon.py", "/console/%2e%2e/daemon.py", "/console/"]
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
