"""Operations over HTTP; what they cost is compared with the emulator's ledger."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime
from pathlib import Path

import pytest

from ecrlan.emulator import EmulatedTerminal
from ecrlan.register.register import local_clock
from tests.daemon.house import error_of, house


def attended(**behaviour: object) -> EmulatedTerminal:
    """A terminal that waits for its customer."""
    return EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0, **behaviour)  # type: ignore[arg-type]


async def test_a_purchase_that_is_waited_for(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        answer = await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        assert answer.status_code == 200
        document = answer.json()
        assert (document["outcome"], document["amount"], document["result"]["pan"]) == ("approved", 650, "…4242")
        assert answer.headers["cache-control"] == "no-store"
        assert await till.get("/v1/operations/sale-1") == document
        assert till.emulated.ledger.net_total() == 650


async def test_a_purchase_that_is_not_waited_for(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended()) as till:
        answer = await till.begin(kind="purchase", amount=650, reference="sale-1")
        assert answer.status_code == 202
        assert answer.headers["location"] == "/v1/operations/sale-1"
        assert answer.json()["outcome"] is None
        await till.until(lambda: till.emulated.stage == "card")
        unfinished = await till.get("/v1/operations/sale-1", wait=0.01)
        assert unfinished["state"] == "accepted"
        waiting = asyncio.create_task(till.ended("sale-1"))
        await asyncio.sleep(0)
        await till.pay()
        assert (await waiting)["outcome"] == "approved"
        assert len(till.emulated.ledger) == 1


async def test_a_wait_that_is_too_short_ends_with_202(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended()) as till:
        answer = await till.begin(0.01, kind="purchase", amount=650, reference="sale-1")
        assert answer.status_code == 202
        await till.pay()
        assert (await till.ended("sale-1"))["outcome"] == "approved"


async def test_the_same_reference_is_the_same_operation(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended()) as till:
        first, second = [asyncio.create_task(till.begin(20, kind="purchase", amount=650, reference="sale-1")) for _ in range(2)]
        third = await till.begin(kind="purchase", amount=650, reference="sale-1")
        assert third.status_code == 202
        await till.pay()
        assert (await first).json() == (await second).json()
        again = await till.begin(kind="purchase", amount=650, reference="sale-1")
        assert again.status_code == 200
        assert again.json() == (await first).json()
        assert len(till.emulated.ledger) == 1


@pytest.mark.parametrize("other", [{"amount": 651}, {"cash_register_id": "00000009"}, {"receipt_text": "X"}])
async def test_other_parameters_are_a_conflict(tmp_path: Path, other: dict[str, object]) -> None:
    async with house(tmp_path) as till:
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        answer = await till.begin(20, **({"kind": "purchase", "amount": 650, "reference": "sale-1"} | other))  # type: ignore[arg-type]
        error_of(answer, 409, "reference_conflict")
        assert len(till.emulated.ledger) == 1


async def test_a_reference_is_made_where_none_is_given(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        made = {(await till.begin(20, kind="purchase", amount=650)).json()["reference"] for _ in range(2)}
        assert len(made) == 2
        status = (await till.begin(20, kind="status")).json()
        assert await till.get(f"/v1/operations/{status['reference']}") == status


async def test_a_decline(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        document = (await till.begin(20, kind="purchase", amount=90_02)).json()
        assert (document["outcome"], document["reason"]) == ("declined", "FONDI INSUFFICIENTI")
        assert not len(till.emulated.ledger)


async def test_every_kind(tmp_path: Path) -> None:
    async with house(tmp_path, print_on_register="true") as till:

        async def done(outcome: str = "approved", **body: object) -> dict[str, object]:
            answer = await till.begin(20, **body)  # type: ignore[arg-type]
            assert answer.status_code == 200, answer.text
            assert answer.json()["outcome"] == outcome, answer.text
            document: dict[str, object] = answer.json()
            return document

        await done("done", kind="status")
        await done(kind="purchase", amount=650, reference="sale", receipt_text="GRAZIE", payment_type="debit", cash_register_id="00000007")
        await done(kind="void", target="sale", reference="void")
        await done(kind="preauthorize", amount=20000, reference="room")
        await done(kind="increment", amount=5000, target="room")
        captured = await done(kind="capture", amount=23140, target="room", reference="end")
        assert captured["amount"] == 23140
        token = await done(kind="purchase", amount=700, additional_data=[[1, "BTD123"], [5, "0COF0FNZ03"]], iso_field="62")
        assert token["data"]
        stan = (await done(kind="purchase", amount=800))["result"]["stan"]  # type: ignore[index]
        await done(kind="void", stan=stan)
        await done(kind="purchase", amount=900)
        await done(kind="void", last=True)
        await done(kind="verify_card")
        await done(kind="vas", function="BPAY_QR", amount="10", printer="ECR", parameters={"NOTE": "x"})
        await done("done", kind="totals")
        await done("done", kind="last_result")
        assert (await done("done", kind="reprint", to_ecr=True, ticket_type=0))["receipt"]
        await done("done", kind="close_session")
        assert till.emulated.ledger.net_total() == 23140 + 700 + 10


async def test_who_does_not_want_to_wait_is_told_who_holds_the_terminal(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended()) as till:
        await till.begin(kind="purchase", amount=650, reference="sale-1")
        error = error_of(await till.begin(kind="purchase", amount=700, queue_timeout=0), 409, "terminal_busy")
        assert (error["holder"], error["waiting"]) == ("sale-1", 0)
        assert abs((datetime.fromisoformat(error["since"]) - local_clock()).total_seconds()) < 60
        error_of(await till.begin(20, kind="purchase", amount=700, queue_timeout=0.01), 409, "terminal_busy")
        await till.pay()
        assert (await till.ended("sale-1"))["outcome"] == "approved"
        assert till.emulated.ledger.net_total() == 650


async def test_the_queue_is_bounded_and_tells_its_length(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended(), queue_length=2) as till:
        for number in range(3):
            assert (await till.begin(kind="purchase", amount=650, reference=f"sale-{number}")).status_code == 202
        error = error_of(await till.begin(kind="purchase", amount=650), 409, "terminal_busy")
        assert error["waiting"] == 2
        terminal = await till.get("/v1/terminals/till-1")
        assert (terminal["state"], terminal["queue_length"], terminal["queue_limit"]) == ("busy", 2, 2)
        assert terminal["holder"]["reference"] == "sale-0"
        listed = await till.get("/v1/operations")
        assert [each["reference"] for each in listed["operations"]] == ["sale-2", "sale-1", "sale-0"]
        assert [each["state"] for each in (await till.get("/v1/operations", terminal="till-1"))["operations"]][:2] == ["queued", "queued"]
        assert (await till.get("/v1/operations", terminal="till-2"))["operations"] == []


async def test_a_promised_operation_that_is_refused_ends_as_not_performed(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended()) as till:
        await till.begin(kind="purchase", amount=650, reference="sale-1")
        answer = await till.begin(kind="purchase", amount=700, reference="sale-2", queue_timeout=0.05)
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        ended = await till.ended("sale-2")
        assert ended["outcome"] == "not_performed"
        assert "sale-1" in ended["reason"]
        again = await till.begin(kind="purchase", amount=700, reference="sale-2", queue_timeout=0.05)
        assert again.json() == ended


async def test_a_client_that_leaves_takes_its_queued_operation_along(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended(), sockets=True) as till:
        await till.begin(kind="purchase", amount=650, reference="sale-1")
        queue = till.daemon.register.terminal("till-1").queue
        leaving = asyncio.create_task(till.begin(60, kind="purchase", amount=700, reference="sale-2"))
        staying = asyncio.create_task(till.begin(60, kind="purchase", amount=800, reference="sale-3"))
        await till.until(lambda: queue.length == 2)
        leaving.cancel()
        await till.until(lambda: queue.length == 1)
        error_of(await till.client.get("/v1/operations/sale-2"), 404, "unknown_reference")
        await till.pay()
        await till.pay()
        assert (await staying).json()["outcome"] == "approved"
        assert [entry.amount for entry in till.emulated.ledger] == [650, 800]


async def test_a_client_that_leaves_does_not_take_along_what_another_was_promised(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended(), sockets=True) as till:
        await till.begin(kind="purchase", amount=650, reference="sale-1")
        assert (await till.begin(kind="purchase", amount=700, reference="sale-2")).status_code == 202
        leaving = asyncio.create_task(till.begin(60, kind="purchase", amount=700, reference="sale-2"))
        await till.until(lambda: till.daemon.register._ledger._running["sale-2"].handle._waiting == 1)
        leaving.cancel()
        await till.until(lambda: till.daemon.register._ledger._running["sale-2"].handle._waiting == 0)
        await till.pay()
        await till.pay()
        assert (await till.ended("sale-2"))["outcome"] == "approved"


async def test_what_waits_is_withdrawn_and_what_was_sent_is_not(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended(), sockets=True) as till:
        await till.begin(kind="purchase", amount=650, reference="sale-1")
        await till.until(lambda: till.emulated.stage == "card")
        waiting = asyncio.create_task(till.begin(60, kind="purchase", amount=700, reference="sale-2"))
        await till.until(lambda: till.daemon.register.terminal("till-1").queue.length == 1)
        withdrawn = await till.client.delete("/v1/operations/sale-2")
        assert withdrawn.status_code == 200
        assert (withdrawn.json()["outcome"], withdrawn.json()["reason_code"]) == ("not_performed", "withdrawn")
        assert (await waiting).json()["outcome"] == "not_performed"
        assert (await till.client.delete("/v1/operations/sale-2")).json() == withdrawn.json()
        error_of(await till.client.delete("/v1/operations/sale-1"), 409, "already_sent", "unknown")
        error_of(await till.client.delete("/v1/operations/sale-3"), 404, "unknown_reference")
        await till.pay()
        assert (await till.ended("sale-1"))["outcome"] == "approved"
        error_of(await till.client.delete("/v1/operations/sale-1"), 409, "already_sent", "unknown")
        assert (await till.begin(20, kind="purchase", amount=700, reference="sale-2")).json()["outcome"] == "not_performed"
        assert till.emulated.ledger.net_total() == 650


async def test_a_client_that_leaves_during_the_payment_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, emulated=attended(), sockets=True) as till:
        leaving = asyncio.create_task(till.begin(60, kind="purchase", amount=650, reference="sale-1"))
        await till.until(lambda: till.emulated.stage == "card")
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await till.pay()
        assert (await till.ended("sale-1"))["outcome"] == "approved"
        assert till.emulated.ledger.net_total() == 650


async def test_an_unresolved_operation_blocks_and_is_settled_by_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecrlan.protocol.exchange.SOONEST_APPROVAL", 0.0)  # the emulated customer has the card in hand
    async with house(tmp_path, longest_payment_time=0.1) as till:
        till.emulated.faults.set("drop_after_ack")
        lost = (await till.begin(20, kind="purchase", amount=650, reference="sale-1")).json()
        assert lost["outcome"] == "unresolved"
        assert (await till.get("/v1/terminals/till-1"))["unresolved"] == ["sale-1"]
        error = error_of(await till.begin(20, kind="purchase", amount=700), 409, "terminal_blocked")
        assert "sale-1" in error["message"]
        assert [each["reference"] for each in (await till.get("/v1/operations", open="true"))["operations"]] == ["sale-1"]
        alarms = (await till.get("/v1/alarms"))["alarms"]
        assert [(each["name"], each["reference"]) for each in alarms] == [("unresolved", "sale-1")]
        error_of(await till.client.post(f"/v1/alarms/{alarms[0]['id']}/dismiss"), 409, "refused")
        verdict = {"outcome": "not_performed", "by": "Anna", "note": "not in the journal"}
        for wrong in ({"outcome": "declined"}, {"by": " "}, {"note": ""}, {"more": 1}):
            error_of(await till.post("/v1/operations/sale-1/resolve", **(verdict | wrong)), 422, "invalid_value")  # type: ignore[arg-type]
        settled = (await till.post("/v1/operations/sale-1/resolve", **verdict)).json()  # type: ignore[arg-type]
        assert (settled["outcome"], settled["resolution"]["by"]) == ("not_performed", "Anna")
        error_of(await till.post("/v1/operations/sale-1/resolve", **verdict), 409, "refused")  # type: ignore[arg-type]
        error_of(await till.post("/v1/operations/none/resolve", **verdict), 404, "unknown_reference")  # type: ignore[arg-type]
        till.daemon.register.publisher.flush()  # requests without a socket let nothing else run
        assert (await till.get("/v1/alarms"))["alarms"] == []
        assert (await till.begin(20, kind="purchase", amount=700)).json()["outcome"] == "approved"
        assert till.emulated.ledger.net_total() == 700


async def test_an_operation_of_a_terminal_that_is_gone_is_settled_and_told(tmp_path: Path) -> None:
    async with house(tmp_path, longest_payment_time=0.1) as till:
        till.emulated.faults.set("drop_after_ack")
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        till.daemon.register.remove("till-1")
        told = []
        till.daemon.hub.publish = lambda kind, data, terminal=None: told.append((kind, data, terminal))  # type: ignore[method-assign]
        await till.post("/v1/operations/sale-1/resolve", outcome="approved", by="Anna", note="seen")
        till.daemon.register.publisher.flush()
        ((data, terminal),) = [(data, terminal) for kind, data, terminal in told if kind == "operation"]
        assert callable(data)
        assert (data()["outcome"], terminal) == ("approved", "till-1")


async def test_an_operation_is_attached_to_a_terminal(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        till.emulated.faults.set("odd_result")
        await till.begin(20, kind="purchase", amount=650, reference="odd")
        till.daemon.register.dial("till-2", "127.0.0.1", 1)
        await till.begin(20, kind="status", reference="known")
        attach = "/v1/operations/{}/attach".format
        for wrong in ({}, {"terminal": "till-2"}, {"by": "Anna"}, {"terminal": "till-2", "by": " "}):
            error_of(await till.post(attach("odd"), **wrong), 422, "invalid_value")  # type: ignore[arg-type]
        error_of(await till.post(attach("none"), terminal="till-2", by="Anna"), 404, "unknown_reference")
        error_of(await till.post(attach("odd"), terminal="till-9", by="Anna"), 404, "unknown_terminal")
        error_of(await till.post(attach("known"), terminal="till-2", by="Anna"), 409, "refused")
        answer = await till.post(attach("odd"), terminal="till-2", by="Anna")
        assert (answer.status_code, answer.json()["outcome"]) == (200, "unresolved")
        assert (await till.get("/v1/terminals/till-1"))["unresolved"] == []
        assert (await till.get("/v1/terminals/till-2"))["unresolved"] == ["odd"]
        steps = (await till.get("/v1/operations/odd/story"))["steps"]
        assert steps[-1][1] == "given to terminal till-2 by Anna"


async def test_a_reload_that_leaves_an_operation_to_nobody_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        till.emulated.faults.set("odd_result")
        await till.begin(20, kind="purchase", amount=650, reference="odd")
        till.write_settings(till.terminal_settings("till-2", port=1))
        error = error_of(await till.client.post("/v1/reload"), 409, "operations_without_terminal")
        assert "odd (terminal till-1)" in error["message"]
        assert [each["name"] for each in (await till.get("/v1/terminals"))["terminals"]] == ["till-1"]


async def test_the_story_of_an_unresolved_operation(tmp_path: Path) -> None:
    async with house(tmp_path, longest_payment_time=0.1) as till:
        till.emulated.faults.set("drop_after_ack")
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        story = await till.get("/v1/operations/sale-1/story")
        assert (story["reference"], story["title"]) == ("sale-1", "purchase 6.50 EUR")
        assert ["terminal", "till-1"] in story["facts"]
        assert story["steps"][0][1].endswith("purchase 6.50 EUR")
        assert any("ecrlan totals -t till-1" in text for text in story["look_at"])
        assert story["answers"].keys() == {"approved", "not_performed"}
        italian = await till.get("/v1/operations/sale-1/story", lang="it")
        assert italian["title"] == "pagamento 6,50 EUR"
        assert len(italian["look_at"]) == len(story["look_at"])
        await till.post("/v1/operations/sale-1/resolve", outcome="approved", by="Anna", note="seen")
        settled = await till.get("/v1/operations/sale-1/story")
        assert (settled["look_at"], settled["answers"]) == ([], None)
        assert "Anna" in settled["steps"][-1][1]


async def test_the_story_of_an_operation_that_waits_and_of_none(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)
    async with house(tmp_path, emulated=emulated) as till:
        await till.begin(kind="purchase", amount=100, reference="sale-1")
        await till.begin(kind="purchase", amount=200, reference="sale-2")
        story = await till.get("/v1/operations/sale-2/story")
        assert (story["title"], len(story["steps"]), story["answers"]) == ("purchase 2.00 EUR", 1, None)
        error_of(await till.client.get("/v1/operations/none/story"), 404, "unknown_reference")
        error_of(await till.client.get("/v1/operations/sale-2/story?lang=de"), 422, "invalid_value")


async def test_operations_are_listed_in_pages_with_filters(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        for number in range(5):
            await till.begin(20, kind="purchase", amount=90_01 if number == 2 else 100 + number, reference=f"sale-{number}")
        await till.begin(20, kind="close_session", reference="close")
        first = await till.get("/v1/operations", limit=2, kind="purchase")
        assert [each["reference"] for each in first["operations"]] == ["sale-4", "sale-3"]
        second = await till.get("/v1/operations", limit=2, kind="purchase", before=first["next"])
        third = await till.get("/v1/operations", limit=2, kind="purchase", before=second["next"])
        assert [each["reference"] for each in second["operations"] + third["operations"]] == ["sale-2", "sale-1", "sale-0"]
        assert third["next"] is None
        declined = await till.get("/v1/operations", outcome="declined")
        assert [each["reason"] for each in declined["operations"]] == ["TRANSAZIONE NEGATA"]
        created = {each["reference"]: each["created_time"] for each in (await till.get("/v1/operations"))["operations"]}
        later = (await till.get("/v1/operations", **{"from": created["sale-4"]}))["operations"]
        assert [each["reference"] for each in later] == ["close", "sale-4"]
        assert len((await till.get("/v1/operations", to=created["sale-4"]))["operations"]) == 4
        assert (await till.get("/v1/operations", **{"from": "2999-01-01"}))["operations"] == []
        for wrong in ({"from": "yesterday"}, {"limit": 0}, {"limit": 201}, {"before": "x"}, {"outcome": "paid"}, {"kind": "refund"}):
            error_of(await till.client.get("/v1/operations", params=wrong), 422, "invalid_value")  # type: ignore[arg-type]


async def test_a_name_server_that_does_not_answer_holds_up_no_look_at_the_journal(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        answered = threading.Event()
        names = [asyncio.get_running_loop().run_in_executor(None, answered.wait, 20) for _ in range(100)]
        assert len((await till.get("/v1/operations"))["operations"]) == 1
        assert (await till.get("/v1/operations/sale-1/story"))["answers"] is None
        assert not any(name.done() for name in names)
        answered.set()
        await asyncio.gather(*names)


async def test_receipts(tmp_path: Path) -> None:
    async with house(tmp_path, print_on_register="true") as till:
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        text = await till.client.get("/v1/operations/sale-1/receipt")
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        assert "IMPORTO EUR         6,50\n" in text.text
        lines = (await till.get("/v1/operations/sale-1/receipt", format="lines"))["lines"]
        assert {tuple(line) for line in lines} == {("text", "bold", "double_height", "double_width", "compressed")}
        assert "BAR CENTRALE" in lines[0]["text"]
        error = error_of(await till.client.get("/v1/operations/sale-1/receipt?format=pdf"), 422, "invalid_value")
        assert "'text' or 'lines'" in error["message"]
        error_of(await till.client.get("/v1/operations/none/receipt"), 404, "unknown_reference")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("", "body"),
        ("[]", "body"),
        ('{"kind": "purchase"', "body"),
        ('{"kind": "purchase", "amount": "650"}', "amount"),
        ('{"kind": "purchase", "amount": 6.5}', "amount"),
        ('{"kind": "purchase", "amount": 0}', "amount"),
        ('{"kind": "purchase", "amount": true}', "amount"),
        ('{"kind": "purchase", "amount": 100000000}', "amount"),
        ('{"kind": "purchase", "amount": 1, "reference": "a b"}', "reference"),
        ('{"kind": "purchase", "amount": 1, "tip": 1}', "tip"),
        ('{"kind": "purchase", "amount": 1, "queue_timeout": -1}', "queue_timeout"),
        ('{"kind": "purchase", "amount": 1, "queue_timeout": 1e999}', "queue_timeout"),
        ('{"kind": "purchase", "amount": 1, "receipt_text": "\\u00e8"}', "receipt_text"),
        ('{"kind": "purchase", "amount": 1, "additional_data": [[6, "x"]]}', "additional_data"),
        ('{"kind": "purchase", "amount": 1, "callback_url": "ftp://x/"}', "callback_url"),
        ('{"kind": "purchase", "amount": 1, "cash_register_id": "1"}', "cash_register_id"),
        ('{"kind": "refund", "amount": 1}', "kind"),
        ('{"kind": "void"}', "stan"),
        ('{"kind": "capture", "amount": 1}', "preauthorization_code"),
        ('{"kind": "vas", "function": "BPAY_TIP"}', "function"),
    ],
)
async def test_wrong_bodies_are_refused_by_name(tmp_path: Path, body: str, place: str) -> None:
    async with house(tmp_path) as till:
        answer = await till.client.post("/v1/terminals/till-1/operations?wait=5", content=body)
        assert place in error_of(answer, 422, "invalid_value")["message"]
        assert not len(till.emulated.ledger)
        assert (await till.get("/v1/operations"))["operations"] == []


async def test_card_numbers_are_masked_in_what_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        answer = await till.client.post("/v1/terminals/5555444433332222/operations", json={"kind": "status"})
        assert "5555444433332222" not in answer.text
        assert "2222" in error_of(answer, 404, "unknown_terminal")["message"]


async def test_a_target_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        await till.begin(20, kind="purchase", amount=100, reference="sale-1")
        await till.begin(20, kind="purchase", amount=200, reference="sale-2")
        error_of(await till.begin(20, kind="void", target="sale-1"), 409, "refused")
        error_of(await till.begin(20, kind="void", target="none"), 404, "unknown_reference")
        assert till.emulated.ledger.net_total() == 300


async def test_a_failed_journal_moves_no_money(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        await till.begin(20, kind="purchase", amount=100)
        (tmp_path / "till.db").rename(tmp_path / "gone.db")
        await till.begin(20, kind="purchase", amount=200)
        error_of(await till.begin(20, kind="purchase", amount=300), 503, "journal_failed")
        health = await till.client.get("/healthz")
        assert (health.status_code, health.json()["status"]) == (503, "failing")
        assert (await till.get("/v1/register"))["journal"].startswith("failed: ")
        assert [alarm["name"] for alarm in (await till.get("/v1/alarms"))["alarms"]] == ["journal_failed"]
        assert till.emulated.ledger.net_total() == 100
