"""Terminals over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ecrlan.emulator import EmulatedTerminal
from ecrlan.register.register import local_clock
from tests.daemon.house import error_of, house


async def test_how_a_terminal_is(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        fresh = await till.get("/v1/terminals/till-1")
        assert fresh == {
            "name": "till-1",
            "address": "127.0.0.1",
            "port": till.emulator.port,
            "link": "dial",
            "state": "idle",
            "reachable": None,
            "line": None,
            "terminal_id": None,
            "foreign_terminal_id": None,
            "software_release": None,
            "terminal_status": None,
            "status_word": None,
            "status_text": None,
            "clock_difference_seconds": None,
            "host_clock_seconds": None,
            "used_by_hand": False,
            "last_seen_time": None,
            "supports": {"extended_purchase": None, "last_result": True},
            "holder": None,
            "queue_length": 0,
            "queue_limit": 50,
            "problem": None,
            "unresolved": [],
        }
        asked = await till.client.post("/v1/terminals/till-1/status")
        assert (asked.status_code, asked.json()["outcome"]) == (200, "done")
        assert asked.json()["result"]["software_release"] == "SYSEMV  204"
        await till.begin(20, kind="purchase", amount=650)
        used = await till.get("/v1/terminals/till-1")
        assert (used["terminal_id"], used["software_release"], used["status_text"]) == ("37105051", "SYSEMV  204", "operative")
        assert used["supports"]["extended_purchase"] is True
        assert used["last_seen_time"] is not None
        assert await till.get("/v1/terminals") == {"terminals": [used]}


async def test_a_status_of_an_unreachable_terminal(tmp_path: Path) -> None:
    async with house(tmp_path, terminals='[terminals.till-1]\naddress = "127.0.0.1"\nport = 1\nlink = "dial"\n') as till:
        answer = await till.client.post("/v1/terminals/till-1/status")
        assert (answer.status_code, answer.json()["outcome"]) == (200, "not_performed")


async def test_health_is_part_of_it(tmp_path: Path) -> None:
    async with house(tmp_path, daemon_settings="") as till:
        await till.daemon.health.close()
        till.daemon.health.interval = 60.0
        await till.daemon.health.open()
        await till.until(lambda: till.daemon.health.reachable("till-1"))
        terminal = await till.get("/v1/terminals/till-1")
        assert terminal["reachable"] is True
        assert abs(terminal["clock_difference_seconds"]) <= 1


async def test_reset_drops_the_line_but_never_during_an_operation(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)
    async with house(tmp_path, emulated=emulated, keep_open="true") as till:
        paying = asyncio.create_task(till.begin(20, kind="purchase", amount=650))
        await till.until(lambda: emulated.stage == "card")
        error_of(await till.client.post("/v1/terminals/till-1/reset"), 409, "refused")
        await till.pay()
        assert (await paying).json()["outcome"] == "approved"
        assert (await till.get("/v1/terminals/till-1"))["line"] == {"opened_by": "register"}
        answer = await till.client.post("/v1/terminals/till-1/reset")
        assert (answer.status_code, answer.json()["line"]) == (200, None)


async def test_another_tid_is_accepted_by_name(tmp_path: Path) -> None:
    async with house(tmp_path, status_timeout=0.5) as till:
        error_of(await till.post("/v1/terminals/till-1/accept-terminal-id", by="Anna"), 409, "refused")
        await till.begin(20, kind="purchase", amount=100)
        till.emulated.faults.set("wrong_tid", codes="s")
        await till.client.post("/v1/terminals/till-1/status")
        terminal = await till.get("/v1/terminals/till-1")
        assert (terminal["state"], terminal["foreign_terminal_id"]) == ("foreign", "99999999")
        assert [each["name"] for each in (await till.get("/v1/alarms"))["alarms"]] == ["terminal_id_changed"]
        error_of(await till.begin(20, kind="purchase", amount=200), 409, "refused")
        for wrong in ({}, {"by": ""}, {"by": 1}):
            error_of(await till.post("/v1/terminals/till-1/accept-terminal-id", **wrong), 422, "invalid_value")  # type: ignore[arg-type]
        accepted = await till.post("/v1/terminals/till-1/accept-terminal-id", by="Anna")
        assert (accepted.json()["terminal_id"], accepted.json()["state"]) == ("99999999", "idle")
        assert (await till.get("/v1/alarms"))["alarms"] == []


async def test_hand_use_is_told_until_a_person_says_that_it_has_ended(tmp_path: Path) -> None:
    async with house(tmp_path, standalone_use="false") as till:
        reset = "/v1/terminals/till-1/hand-use/reset"
        error_of(await till.post(reset, by="Anna"), 409, "refused")
        await till.begin(20, kind="purchase", amount=100)
        await till.begin(20, kind="verify_card")  # the last result is asked for anew after it
        till.emulated.charge_by_hand(200, 0.0)
        await till.begin(20, kind="purchase", amount=300)
        assert (await till.get("/v1/terminals/till-1"))["used_by_hand"] is True
        ((alarm),) = (await till.get("/v1/alarms"))["alarms"]
        assert (alarm["name"], alarm["terminal"]) == ("hand_use", "till-1")
    async with house(tmp_path, standalone_use="false", emulated=till.emulated) as till:  # a restart
        assert (await till.get("/v1/terminals/till-1"))["used_by_hand"] is True
        assert [each["name"] for each in (await till.get("/v1/alarms"))["alarms"]] == ["hand_use"]
        for wrong in ({}, {"by": ""}):
            error_of(await till.post(reset, **wrong), 422, "invalid_value")  # type: ignore[arg-type]
        answer = await till.post(reset, by="Anna 4111111111111111")
        assert (answer.status_code, answer.json()["used_by_hand"]) == (200, False)
        assert (await till.get("/v1/alarms"))["alarms"] == []
        row = till.daemon.register.journal.latest("till-1", "hand_use_reset")
        assert row is not None
        assert row.data["by"] == "Anna 0000000000001111"
        error_of(await till.post(reset, by="Anna"), 409, "refused")


async def test_the_clock_that_its_results_tell_is_learned_from_three(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, manners=("host_time_behind",))
    async with house(tmp_path, emulated=emulated) as till:
        for amount in (100, 200, 300):
            assert (await till.get("/v1/terminals/till-1"))["host_clock_seconds"] is None
            assert (await till.begin(20, kind="purchase", amount=amount)).json()["outcome"] == "approved"
        assert abs((await till.get("/v1/terminals/till-1"))["host_clock_seconds"] + 2 * 86_400) < 120
        ((alarm),) = (await till.get("/v1/alarms"))["alarms"]
        assert (alarm["name"], alarm["terminal"]) == ("host_time_wrong", "till-1")
        assert "2 days behind" in alarm["text"]


async def test_unknown_terminals(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        for method, path in (("GET", ""), ("POST", "/status"), ("POST", "/reset")):
            error = error_of(await till.client.request(method, f"/v1/terminals/till-9{path}"), 404, "unknown_terminal")
            assert "till-1" in error["message"]
        for path in ("accept-terminal-id", "hand-use/reset"):
            error_of(await till.post(f"/v1/terminals/till-9/{path}", by="Anna"), 404, "unknown_terminal")
        error_of(await till.begin(terminal="till-9", kind="status"), 404, "unknown_terminal")


async def test_a_blocked_terminal_says_so(tmp_path: Path) -> None:
    async with house(tmp_path, longest_payment_time=0.1) as till:
        till.emulated.faults.set("drop_after_ack")
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
        terminal = await till.get("/v1/terminals/till-1")
        assert (terminal["state"], terminal["unresolved"]) == ("blocked", ["sale-1"])


async def test_a_recovering_terminal_says_so(tmp_path: Path) -> None:
    async with house(tmp_path, longest_payment_time=60, recovery_pause=30) as till:
        till.emulated.faults.set("drop_after_ack")
        await till.begin(kind="purchase", amount=650, reference="sale-1")
        recovering = till.daemon.register.terminal("till-1").open_works
        await till.until(lambda: "sale-1" in recovering)
        assert (await till.get("/v1/terminals/till-1"))["state"] == "recovering"
