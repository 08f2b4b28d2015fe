"""The OpenAPI document, and errors that no route foresaw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from ecrlan.daemon.http.errors import MEANINGS, STATUSES
from ecrlan.daemon.http.order_bodies import EXAMPLES, ORDER
from ecrlan.register import Register
from tests.daemon.house import HOST, error_of, house

ROUTES = {
    ("get", "/healthz"),
    ("get", "/metrics"),
    ("get", "/v1/alarms"),
    ("post", "/v1/alarms/{alarm_id}/dismiss"),
    ("post", "/v1/demo/press"),
    ("get", "/v1/demo/screen"),
    ("get", "/v1/events"),
    ("get", "/v1/operations"),
    ("get", "/v1/operations/{reference}"),
    ("get", "/v1/operations/{reference}/receipt"),
    ("post", "/v1/operations/{reference}/resolve"),
    ("get", "/v1/operations/{reference}/story"),
    ("get", "/v1/register"),
    ("post", "/v1/reload"),
    ("delete", "/v1/session"),
    ("get", "/v1/session"),
    ("post", "/v1/session"),
    ("get", "/v1/terminals"),
    ("get", "/v1/terminals/{name}"),
    ("post", "/v1/terminals/{name}/accept-terminal-id"),
    ("post", "/v1/terminals/{name}/operations"),
    ("post", "/v1/terminals/{name}/reset"),
    ("post", "/v1/terminals/{name}/status"),
}


async def test_the_document_tells_every_route_with_its_errors(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        document = await till.get("/openapi.json")
        routes = {(method, path): route for path, methods in document["paths"].items() for method, route in methods.items()}
        assert routes.keys() >= ROUTES
        for (method, path), route in routes.items():
            assert route["summary"] or route["description"]
            assert {"400", "401", "403", "405", "429", "500"} <= route["responses"].keys(), (method, path)
            if method == "post":
                assert {"408", "413"} <= route["responses"].keys(), path
            for status, answer in route["responses"].items():
                if int(status) >= 400 and path != "/healthz":
                    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorDocument"}
        begin = routes["post", "/v1/terminals/{name}/operations"]
        assert "Location" in begin["responses"]["202"]["headers"]
        content = begin["requestBody"]["content"]["application/json"]
        assert content["examples"]["purchase"]["value"]["amount"] == 650
        assert len(content["schema"]["oneOf"]) == 12
        assert routes["get", "/healthz"]["security"] == []
        assert document["security"] == [{"token": []}, {"session": []}]


async def test_every_reference_in_the_document_leads_somewhere(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        document = await till.get("/openapi.json")

        def references(part: Any) -> set[str]:
            if isinstance(part, dict):
                own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
                return own.union(*(references(value) for value in part.values()))
            return set().union(*(references(value) for value in part)) if isinstance(part, list) else set()

        for reference in references(document):
            found = document
            for name in reference.removeprefix("#/").split("/"):
                found = found[name]


def test_examples_are_right() -> None:
    for example in EXAMPLES.values():
        assert ORDER.validate_python(example).reference == example["reference"]


def test_every_status_has_a_meaning() -> None:
    assert set(STATUSES.values()) == set(MEANINGS)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"), [("GET", "/nothing", 404, "not_found"), ("PUT", "/v1/operations", 405, "method_not_allowed")]
)
async def test_the_frameworks_own_errors_have_our_shape(tmp_path: Path, method: str, path: str, status: int, code: str) -> None:
    async with house(tmp_path) as till:
        answer = await till.client.request(method, path)
        error_of(answer, status, code)
        if status == 405:
            assert answer.headers["allow"] == "GET, HEAD"


async def test_an_error_of_our_own_is_told_as_such_and_logged_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_register: Register, _reference: str) -> None:
        raise ZeroDivisionError("5555444433332222")

    async with house(tmp_path) as till:
        assert till.app is not None
        monkeypatch.setattr(Register, "find", broken)
        transport = httpx.ASGITransport(till.app, raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=till.client.headers) as asking:
            with capture_logs() as logs:
                answer = await asking.get("/v1/operations/x")
            error = error_of(answer, 500, "internal", "unknown")
            assert "5555444433332222" not in str(error) + str(logs)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert [each["error"] for each in logs if each["event"] == "request.failed"] == ["ZeroDivisionError"]
