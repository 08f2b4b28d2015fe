"""Full card numbers in whatever comes by HTTP: nowhere on disk, in an answer, the event stream, the log, a callback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import structlog

from ecrlan.daemon.card_numbers import holds_card_number, refuse_card_number
from ecrlan.emulator.scenarios import SCENARIOS, Scenario
from ecrlan.errors import InvalidValueError
from tests.daemon.house import House, error_of, house

NUMBERS = ("4111111111111111", "4012888888881881", "4012 8888 8888 1881", "4111-1111-1111-1111")


@pytest.mark.parametrize(
    "text",
    [
        *NUMBERS,
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "3782-822463-10005",
        "30569309025904",
        "3530111333300000",
        "6011111111111117",
        "sale-4111111111111111",
        "sale.4111-1111-1111-1111.b",
        "41111111.11111111",
        "http://till.example/paid/4012%208888%208888%201881?a=1",
        "http://till.example/paid?card=4111111111111111",
    ],
)
def test_a_card_number_is_found(text: str) -> None:
    assert holds_card_number(text)
    with pytest.raises(InvalidValueError, match=r"callback_url: 'a card number' is not allowed") as caught:
        refuse_card_number("callback_url", text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "sale-4711",
        "4111111111111112",  # the check digit is another
        "41111111111111111111",  # too long
        "a4111111111111111",
        "4222-1111-1111",
        "4b4f6a1e-4111-4111-8111-111111111111",
        "http://127.0.0.1:8000/paid?id=20261127201449",
    ],
)
def test_names_that_tills_use_hold_none(text: str) -> None:
    assert not holds_card_number(text)
    assert refuse_card_number("reference", text) == text


def test_names_made_of_the_time_hold_none() -> None:
    names = [f"20261127{second:06}{till:02}" for second in range(1000) for till in range(10)]
    names += [f"20261127-201449-{counter:04}" for counter in range(1000)]
    assert not [name for name in names if holds_card_number(name)]


@dataclass
class Witness:
    """Keeps everything that leaves the daemon, and knows where it writes."""

    till: House
    told: list[str] = field(default_factory=list)
    logged: list[Any] = field(default_factory=list)
    posted: bytearray = field(default_factory=bytearray)
    callback_url: str = ""

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request, of which an answer of every kind but 500 may come."""
        answer = await self.till.client.request(method, path, timeout=60, **options)
        self.told.append(f"{answer.headers} {answer.text}")
        assert answer.status_code != 500, answer.text
        return answer

    async def begin(self, wait: float = 20, **body: Any) -> httpx.Response:
        return await self.ask("POST", "/v1/terminals/till-1/operations", params={"wait": wait}, json=body)

    async def look_everywhere(self) -> None:
        """Ask for all that can be asked for."""
        listed = (await self.ask("GET", "/v1/operations", params={"limit": 200})).json()["operations"]
        for reference in [operation["reference"] for operation in listed]:
            for place in ("", "/receipt", "/story", "/story?lang=it"):
                await self.ask("GET", f"/v1/operations/{reference}{place}")
        for path in ("/v1/terminals", "/v1/terminals/till-1", "/v1/alarms", "/v1/register", "/metrics", "/healthz"):
            await self.ask("GET", path)

    def places(self, number: str) -> list[str]:
        """Where the number stands: as text, or as the hexadecimal text of a message."""
        forms = {number, number.replace(" ", "").replace("-", ""), quote(number)}
        wanted = [text.encode() for form in forms for text in (form, form.encode().hex())]
        files = [file for file in self.till.folder.rglob("*") if file.is_file()]
        seen = {str(file.relative_to(self.till.folder)): file.read_bytes() for file in files}
        seen |= {"answers and events": "\n".join(self.told).encode(), "log": repr(self.logged).encode(), "callbacks": bytes(self.posted)}
        return [place for place, content in seen.items() if any(each in content for each in wanted)]


@pytest.fixture
async def witness(tmp_path: Path) -> AsyncIterator[Witness]:
    async with house(tmp_path, print_on_register="true", standalone_use="false", longest_payment_time=0.2) as till:
        seen = Witness(till)

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            seen.posted.extend(head + await reader.readexactly(length))
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            writer.close()

        async def follow() -> None:
            async for text in till.daemon.hub.follow(frames=True):
                seen.told.append(text.decode())

        following = asyncio.create_task(follow())
        async with await asyncio.start_server(take, "127.0.0.1", 0) as receiver:
            seen.callback_url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/paid"
            with structlog.testing.capture_logs() as seen.logged:
                yield seen
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def nowhere(seen: Witness, *numbers: str) -> AsyncIterator[None]:
    """What is done within leaves these numbers nowhere."""
    yield
    await seen.look_everywhere()
    assert {number: seen.places(number) for number in numbers} == {number: [] for number in numbers}


@pytest.mark.long
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "name",
    [
        "reference",
        "target",
        "stan",
        "preauthorization_code",
        "callback_url",
        "cash_register_id",
        "iso_field",
        "payment_type",
        "card_present",
        "queue_timeout",
        "amount",
        "kind",
        "unknown",
        "printer",
        "function",
    ],
)
async def test_a_field_that_cannot_hold_one(witness: Witness, name: str, number: str) -> None:
    kind = {"target": "void", "stan": "void", "preauthorization_code": "capture", "printer": "vas", "function": "vas"}.get(name, "purchase")
    body: dict[str, Any] = {"kind": kind, "amount": "1" if kind == "vas" else 650} | ({"function": "BPAY_QR"} if kind == "vas" else {})
    if kind == "void":
        del body["amount"]
    async with nowhere(witness, number):
        value = f"{witness.callback_url}/{number}" if name == "callback_url" else number
        error_of(await witness.begin(**{**body, name: value}), 422, "invalid_value")
        error_of(await witness.begin(**body, **{f"x{number}": 1, number: number}), 422, "invalid_value")
    assert witness.till.emulated.ledger.charged_total() == 0


@pytest.mark.long
@pytest.mark.parametrize("number", NUMBERS)
async def test_requests_that_are_wrong_as_a_whole(witness: Witness, number: str) -> None:
    digits = int(number.replace(" ", "").replace("-", ""))
    path = "/v1/terminals/till-1/operations"
    async with nowhere(witness, number):
        cut, bad, no_text = f'{{"kind": "purchase", "amount": {number}', f'{{"{number}": }}', f"\udcff{number}"
        for content in (cut, bad, no_text, number, json.dumps([number])):
            await witness.ask("POST", path, content=content.encode("utf-8", "surrogateescape"))
        error_of(await witness.begin(kind="purchase", amount=digits), 422, "invalid_value")
        error_of(await witness.ask("POST", f"/v1/terminals/{number}/operations", json={"kind": "status"}), 404, "unknown_terminal")
        for name in ("", "/status", "/reset", "/accept-terminal-id"):
            method = "POST" if name else "GET"
            body = {"json": {"by": "Anna"}} if "accept" in name else {}
            error_of(await witness.ask(method, f"/v1/terminals/{number}{name}", **body), 404, "unknown_terminal")
        for place in ("", "/receipt", "/story"):
            error_of(await witness.ask("GET", f"/v1/operations/{number}{place}"), 404, "unknown_reference")
        await witness.ask("POST", f"/v1/alarms/{number}/dismiss")
        await witness.ask("GET", f"/{number}")
        await witness.ask("GET", f"/console/{number}.js")
        await witness.ask("POST", "/v1/session", json={"token": number})
        await witness.ask("POST", "/v1/demo/press", json={"button": number})
        names = ("outcome", "terminal", "kind", "from", "to", "open", "limit", "before", "lang", "wait", "format", "search", number)
        for name in names:
            await witness.ask("GET", "/v1/operations", params={name: number})
            await witness.ask("POST", path, params={name: number}, json={"kind": "status"})
        for header in ("Host", "Origin", "Authorization", "Cookie", "Last-Event-ID", "User-Agent", "Content-Type", "Accept", "X-Any"):
            await witness.ask("GET", "/v1/operations", headers={header: number})
            await witness.ask("POST", path, headers={header: number}, json={"kind": "status"})


@pytest.mark.parametrize("number", NUMBERS)
async def test_what_a_person_writes_is_masked(witness: Witness, number: str) -> None:
    async with nowhere(witness, number):
        assert (await witness.begin(kind="purchase", amount=90_10, reference="odd")).json()["outcome"] == "unresolved"
        body = {"outcome": "not_performed", "by": f"Anna {number}", "note": f"card {number}, seen"}
        settled = (await witness.ask("POST", "/v1/operations/odd/resolve", json=body)).json()
    assert settled["resolution"]["by"].endswith(number[-4:])
    assert settled["resolution"]["note"].endswith(f"{number[-4:]}, seen")


async def test_a_payment_with_a_callback_tells_no_number_either(witness: Witness) -> None:
    async with nowhere(witness, *NUMBERS):
        paid = await witness.begin(kind="purchase", amount=650, reference="sale-seen", callback_url=witness.callback_url)
        assert paid.json()["outcome"] == "approved"
        await witness.till.until(lambda: b"FINAL" in witness.posted)
    assert {"till.db-wal", "answers and events", "callbacks"} <= set(witness.places("sale-seen"))  # so a number would be found, too


# --- what register and journal keep -------------------------------------------------------------------------------------------------


PIECE = "4111111111111111"
SAME_WHEN_MASKED = "4111111111121111"
TO_THE_TERMINAL: dict[str, dict[str, Any]] = {
    "receipt_text": {"kind": "purchase", "amount": 650, "receipt_text": "CARTA NUMBER"},
    "receipt_text of a pre-authorization": {"kind": "preauthorize", "amount": 650, "receipt_text": "NUMBER"},
    "additional_data": {"kind": "purchase", "amount": 650, "additional_data": [[1, "NUMBER"]]},
    "vas parameter": {"kind": "vas", "function": "BPAY_QR", "amount": "650", "parameters": {"NOTE": "NUMBER"}},
    "vas order_id": {"kind": "vas", "function": "BPAY_QR", "amount": "650", "order_id": "NUMBER"},
}


def with_number(body: dict[str, Any], number: str) -> dict[str, Any]:
    """The body with this number for the word NUMBER."""
    filled: dict[str, Any] = json.loads(json.dumps(body).replace("NUMBER", number))
    return filled


@pytest.mark.parametrize("number", [PIECE, "4012 8888 8888 1881"])
@pytest.mark.parametrize("name", TO_THE_TERMINAL)
async def test_a_text_for_the_terminal_arrives_as_given_and_is_kept_masked(witness: Witness, name: str, number: str) -> None:
    sent = bytearray()
    witness.till.emulator.on_frames = lambda direction, raw: sent.extend(raw if direction == ">" else b"")
    async with nowhere(witness, number):
        body = with_number(TO_THE_TERMINAL[name], number)
        first = await witness.begin(**body, reference="a", callback_url=witness.callback_url)
        assert first.json()["outcome"] == "approved"
        assert number.encode() in sent
        again = await witness.begin(**body, reference="a")
        assert (again.status_code, again.json()["outcome"]) == (200, "approved")
        await witness.till.until(lambda: b"FINAL" in witness.posted)


@pytest.mark.parametrize("name", TO_THE_TERMINAL)
async def test_texts_that_are_the_same_when_masked_are_not_the_same_operation(witness: Witness, name: str) -> None:
    async with nowhere(witness, PIECE, SAME_WHEN_MASKED):
        await witness.begin(**with_number(TO_THE_TERMINAL[name], PIECE), reference="a")
        other = await witness.begin(**with_number(TO_THE_TERMINAL[name], SAME_WHEN_MASKED), reference="a")
        error_of(other, 409, "reference_conflict")
    assert witness.till.emulated.ledger.charged_total() <= 650


@pytest.mark.parametrize("number", [PIECE, "4012 8888 8888 1881"])
async def test_texts_of_the_terminal_are_masked(witness: Witness, monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    emulated = witness.till.emulated
    emulated.software_release = number.replace(" ", "")
    emulated.host_data = number
    emulated.merchant = ("BAR CENTRALE", number)
    emulated.progress = (number,)
    emulated.think_seconds = 0.05
    refused = Scenario(text="refused", result="01", reason=f"NO {number}", action_code="100")
    monkeypatch.setitem(SCENARIOS, 1234, refused)
    async with nowhere(witness, number):
        await witness.begin(kind="status", reference="status")
        paid = await witness.begin(
            kind="purchase", amount=650, iso_field="62", additional_data=[[1, "A"]], callback_url=witness.callback_url
        )
        assert (paid.json()["outcome"], paid.json()["data"][-4:]) == ("approved", number[-4:])
        declined = await witness.begin(kind="purchase", amount=1234, callback_url=witness.callback_url)
        assert (declined.json()["outcome"], declined.json()["reason"][-4:]) == ("declined", number[-4:])
        await witness.till.until(lambda: witness.posted.count(b"FINAL") == 2)
