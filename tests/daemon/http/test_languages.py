"""What codes say, in the language that a client asks for; refusals name cause, setting and next step."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from ecrlan.daemon.alarms import HAND_USE
from ecrlan.daemon.http.errors import STATUSES
from ecrlan.model import Code, Evidence
from tests.daemon.house import error_of, house

OPERATIONS = "/v1/terminals/till-1/operations"
ITALIAN = {"Accept-Language": "it-IT,it;q=0.9,en;q=0.5"}


async def test_an_operation_is_told_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        await till.begin(20, kind="purchase", amount=9_005, reference="absent", card_present=True)
        english = await till.get("/v1/operations/absent")
        italian = (await till.client.get("/v1/operations/absent", headers=ITALIAN)).json()
        assert (english["reason"], italian["reason"]) == ("card not present", "carta non presente")
        assert english["reason_code"] == italian["reason_code"] == "card_not_present"
        assert english["reason_values"] == {}
        assert await till.get("/v1/operations/absent", lang="it") == italian
        assert (await till.client.get("/v1/operations/absent?lang=en", headers=ITALIAN)).json() == english
        listed = await till.get("/v1/operations", lang="it")
        assert listed["operations"] == [italian]
        assert ["motivo", "carta non presente"] in (await till.client.get("/v1/operations/absent/story", headers=ITALIAN)).json()["facts"]
        assert (await till.client.get("/v1/operations/absent?lang=de")).status_code == 422


async def test_alarms_and_events_are_told_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        raised = till.daemon.alarms.raise_(HAND_USE, Evidence(Code.USED_BY_HAND, {"stan": "000042"}), "till-1")
        assert (raised["text_code"], raised["text_values"]) == ("used_by_hand", {"stan": "000042"})
        assert (await till.get("/v1/alarms"))["alarms"] == [raised]
        (italian,) = (await till.get("/v1/alarms", lang="it"))["alarms"]
        assert italian["text"] == "l'ultimo esito del terminale è un'approvazione che non è della cassa (STAN 000042): si usa anche a mano"
        start = f"{till.daemon.hub.start}-0"
        for language, told in (("en", raised), ("it", italian)):
            stream = till.daemon.hub.follow(start, language=language)  # type: ignore[arg-type]
            text = (await anext(stream)).decode()
            await stream.aclose()  # type: ignore[attr-defined]
            events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
            assert told in events
        ended = await till.client.post(f"/v1/alarms/{raised['id']}/dismiss", headers=ITALIAN)
        assert ended.json() == italian | {"active": False}


async def test_refusals_are_told_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        assert error_of(await till.client.get("/v1/terminals/till-9"), 404, "unknown_terminal")["message"].startswith(
            "no terminal is named"
        )
        error = error_of(await till.client.get("/v1/terminals/till-9", headers=ITALIAN), 404, "unknown_terminal")
        assert error["message"] == "nessun terminale si chiama 'till-9'; noti: till-1"
        error = error_of(await till.client.get("/v1/operations/x?lang=it"), 404, "unknown_reference")
        assert error["message"] == "nessuna operazione ha il riferimento 'x'"


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "told"),
    [
        ("GET", "/v1/nothing", None, "not_found", "a questo indirizzo non c'è nulla"),
        ("DELETE", "/v1/terminals", None, "method_not_allowed", "non con questo metodo"),
        ("GET", "/docs/nothing", None, "not_found", "questo documento non esiste"),
        ("GET", "/v1/operations?from=yesterday", None, "invalid_value", "from: 'yesterday' non è un'ora ISO 8601, come 2026-11-23"),
        ("POST", "/v1/session", {"token": "x" * 40}, "unauthorized", "non è il token: `ecrlan token` lo mostra"),
        (
            "POST",
            "/v1/terminals/till-1/accept-terminal-id",
            {"by": "Anna"},
            "refused",
            "il terminale till-1 non ha risposto con un altro TID",
        ),
        ("POST", "/v1/alarms/7/dismiss", None, "not_found", "nessun allarme ha l'id '7'; forse è finito"),
        ("POST", "/v1/journal/accept", {"by": "Anna", "note": "x"}, "refused", "sul giornale non c'è nessun dubbio"),
        ("POST", OPERATIONS, {"kind": "purchase"}, "invalid_value", "amount: manca"),
        ("POST", OPERATIONS, {"kind": "purchase", "amount": 0}, "invalid_value", "amount: deve essere almeno 1"),
        ("POST", OPERATIONS, {"kind": "purchase", "amount": 10**9}, "invalid_value", "amount: deve essere al massimo 99999999"),
        ("POST", OPERATIONS, {"kind": "purchase", "amount": True}, "invalid_value", "amount: serve un numero intero"),
        ("POST", OPERATIONS, {"kind": "totals", "later": 1}, "invalid_value", "later: qui non esiste"),
        (
            "POST",
            OPERATIONS,
            {"kind": "totals", "reference": "a b"},
            "invalid_value",
            "reference: il testo deve avere la forma '^[A-Za-z0-9",
        ),
        ("POST", OPERATIONS, {"kind": "totals", "reference": "5555444433332226"}, "invalid_value", "reference: un numero di carta non è"),
        ("POST", OPERATIONS, {"kind": "void"}, "invalid_value", "stan: None non è ammesso; ammesso: uno fra: il riferimento"),
        (
            "POST",
            OPERATIONS,
            {"kind": "totals", "callback_url": "http://169.254.169.254/x"},
            "invalid_value",
            "callback_url: '169.254.169.254:80' non è ammesso; ammesso: un indirizzo che non sia link-local, a meno che",
        ),
    ],
)
async def test_each_refusal_is_told_in_italian(tmp_path: Path, method: str, path: str, body: object, code: str, told: str) -> None:
    async with house(tmp_path) as till:
        answer = await till.client.request(method, path, json=body, headers=ITALIAN)
        error = error_of(answer, STATUSES[code], code)
        assert error["message"].startswith(told)
        english = error_of(await till.client.request(method, path, json=body), STATUSES[code], code)
        assert english["message"] != error["message"]
        assert english | {"message": ""} == error | {"message": ""}


async def test_who_is_not_let_in_is_told_so_in_italian(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        headers = ITALIAN | {"Authorization": "Bearer wrong"}
        error = error_of(await till.client.get("/v1/terminals", headers=headers), 401, "unauthorized")
        assert error["message"] == "serve un token: `ecrlan token` lo mostra"
        error = error_of(await till.client.get("/v1/terminals?lang=it", headers={"Host": "till.example"}), 403, "foreign_host")
        assert error["message"].startswith("il daemon non si raggiunge come 'till.example'; ammessi: ")


async def test_a_refusal_of_the_register_is_told_in_italian(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        await till.begin(20, kind="purchase", amount=650, reference="first")
        await till.begin(20, kind="purchase", amount=700, reference="second")
        answer = await till.client.post(OPERATIONS, json={"kind": "void", "target": "first"}, headers=ITALIAN)
        error = error_of(answer, 409, "refused")
        assert error["message"] == "l'operazione first non è l'ultimo pagamento del terminale, e si storna solo l'ultimo: è second"


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (19.99, "amount: whole cents are wanted: 19.99 EUR is 1999"),
        (0.5, "amount: whole cents are wanted: 0.5 EUR is 50"),
        ("19,9", "amount: whole cents are wanted: 19,9 EUR is 1990"),
        (19.999, "amount: "),
        ("x", "amount: "),
    ],
)
async def test_an_amount_in_euros_is_told_as_cents(tmp_path: Path, amount: object, told: str) -> None:
    async with house(tmp_path) as till:
        error = error_of(await till.begin(20, kind="purchase", amount=amount), 422, "invalid_value")
        assert error["message"].startswith(told)
        assert (error["message"] == told) is (told != "amount: ")


@pytest.mark.parametrize(
    "body",
    [
        '{"kind": "purchase", "amount": 650, "amount": 65000}',
        '{"kind": "purchase", "amount": 650, "reference": "a", "reference": "b"}',
        '{"kind": "vas", "function": "BPAY_QR", "parameters": {"A": "1", "A": "2"}}',
    ],
)
async def test_a_key_that_stands_twice_is_refused(tmp_path: Path, body: str) -> None:
    async with house(tmp_path) as till:
        path, headers = "/v1/terminals/till-1/operations", {"Content-Type": "application/json"}
        error = error_of(await till.client.post(path, content=body, headers=headers), 422, "invalid_value")
        assert "stands twice in one JSON object" in error["message"]
        error = error_of(await till.client.post(path, content=body, headers=headers | ITALIAN), 422, "invalid_value")
        assert "sta due volte in un oggetto JSON" in error["message"]
        assert (await till.get("/v1/operations"))["operations"] == []


async def test_head_is_answered_where_get_is(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        for path in ("/healthz", "/v1/terminals", "/v1/register", "/", "/openapi.json"):
            got, head = await till.client.get(path), await till.client.head(path)
            assert (head.status_code, head.content) == (got.status_code, b"")
            assert head.headers["content-type"] == got.headers["content-type"]
            if "content-length" in got.headers and path != "/v1/terminals":
                assert head.headers["content-length"] == got.headers["content-length"]
        assert (await till.client.head("/v1/operations/x")).status_code == 404
        assert (await till.client.head("/v1/reload")).status_code == 405
        async with asyncio.timeout(10):  # the stream never ends by itself
            head = await till.client.head("/v1/events")
        assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "text/event-stream; charset=utf-8")
        await till.until(lambda: till.daemon.hub.followers == 0)


@pytest.mark.parametrize("link", ["dial", "auto", "listen"])
async def test_a_register_that_only_dials_starts_though_its_port_is_taken(tmp_path: Path, link: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        if link != "dial":
            with pytest.raises(Exception, match=r"Setting register\.listen: another address, or \"\""):
                async with house(tmp_path, listen=listen, link=f'"{link}"'):
                    pass
            return
        async with house(tmp_path, listen=listen, link=f'"{link}"') as till:
            assert (await till.get("/v1/register"))["listen"] is None
            assert (await till.begin(20, kind="purchase", amount=650)).json()["outcome"] == "approved"
