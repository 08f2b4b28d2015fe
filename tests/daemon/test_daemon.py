"""The daemon's parts together: opening, closing, restarting, reloading."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.tokens import token_file
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, JournalError, ListenError
from ecrlan.journal import Journal
from ecrlan.model import Approved, Unresolved
from ecrlan.register.register import local_clock
from ecrlan.settings import Settings
from tests.daemon.house import REGISTER, house
from tests.daemon.receiver import Receiver


def settings_in(folder: Path, text: str) -> Settings:
    (folder / "ecrlan.toml").write_text(text, encoding="utf-8")
    return Settings.load(folder / "ecrlan.toml", {})


async def test_it_can_be_opened_again(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, REGISTER)
    tokens = set()
    for _ in range(2):
        async with Daemon(settings) as daemon:
            tokens.add(daemon.tokens.operate)
            assert daemon.journal_failure is None
            assert not daemon.closing
        assert daemon.journal_failure is not None
    assert len(tokens) == 1


async def test_one_journal_has_one_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Journal.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "owner_wait", 0.0)
    settings = settings_in(tmp_path, REGISTER)
    async with Daemon(settings):
        with pytest.raises(JournalError, match="owned by"):
            await Daemon(settings).open()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[terminals.a]\naddress = "10.0.0.1"\n[terminals.b]\naddress = "10.0.0.1"\n', InvalidValueError),
        ("", InvalidValueError),
    ],
    ids=["terminals", "token"],
)
async def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path, text: str, error: type[Exception]) -> None:
    if not text:
        token_file(tmp_path / "till.db", "operate").write_text("short")
    with pytest.raises(error):
        await Daemon(settings_in(tmp_path, REGISTER + text)).open()
    token_file(tmp_path / "till.db", "operate").unlink(missing_ok=True)
    async with Daemon(settings_in(tmp_path, REGISTER)):
        pass


async def test_an_address_that_is_taken(tmp_path: Path) -> None:
    async with EmulatorServer(EmulatedTerminal(clock=local_clock)) as server:
        text = f'[register]\njournal = "till.db"\nlisten = "127.0.0.1:{server.port}"\n'
        with pytest.raises(ListenError):
            await Daemon(settings_in(tmp_path, text)).open()


async def test_the_registers_address_is_told(tmp_path: Path) -> None:
    async with EmulatorServer(EmulatedTerminal(clock=local_clock)) as server:
        port = server.port  # free in a moment
    text = f'[register]\njournal = "till.db"\nlisten = "127.0.0.1:{port}"\ncash_register_id = "00000007"\n'
    async with Daemon(settings_in(tmp_path, text)) as daemon:
        document = daemon.register_document("read")
        assert document["listen"] == {"address": "127.0.0.1", "port": port}
        assert (document["cash_register_id"], document["role"]) == ("00000007", "read")


async def test_a_restart_recovers_and_alarms(tmp_path: Path) -> None:
    async with house(tmp_path, longest_payment_time=60, recovery_pause=30) as till:
        till.emulated.faults.set("drop_after_charge")
        await till.begin(kind="purchase", amount=650, reference="sale-1")
        await till.until(lambda: till.emulated.ledger.net_total() == 650)
        works = till.daemon.register.terminal("till-1").open_works
        await till.until(lambda: "sale-1" in works)
    emulated = till.emulated
    async with house(tmp_path, emulated=emulated) as again:
        ended = await again.ended("sale-1")
        assert ended["outcome"] == "approved"
        answer = await again.begin(20, kind="purchase", amount=650, reference="sale-1")
        assert (answer.status_code, answer.json()) == (200, ended)
        assert emulated.ledger.net_total() == 650


async def test_what_stayed_unresolved_is_an_alarm_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, longest_payment_time=0.1) as till:
        till.emulated.faults.set("drop_after_ack")
        await till.begin(20, kind="purchase", amount=650, reference="sale-1")
    async with house(tmp_path, longest_payment_time=0.1) as again:
        assert [alarm["reference"] for alarm in again.daemon.alarms.active] == ["sale-1"]
        operation = again.daemon.register.operation("sale-1")
        assert isinstance(operation.outcome, Unresolved)


async def test_draining_lets_a_payment_end(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)
    async with house(tmp_path, emulated=emulated) as till:
        paying = asyncio.create_task(till.begin(60, kind="purchase", amount=650, reference="sale-1"))
        await till.until(lambda: emulated.stage == "card")
        draining = asyncio.create_task(till.daemon.drain(60))
        await till.until(lambda: till.daemon.closing)
        refused = await till.begin(kind="purchase", amount=700)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "closing")
        assert (await till.client.post("/v1/terminals/till-1/status")).status_code == 503
        await till.pay()
        await draining
        assert (await paying).json()["outcome"] == "approved"
        assert emulated.ledger.net_total() == 650


async def test_draining_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0)
    async with house(tmp_path, emulated=emulated) as till:
        paying = asyncio.create_task(till.begin(60, kind="purchase", amount=650, reference="sale-1"))
        await till.until(lambda: emulated.stage == "card")
        await till.daemon.drain(0.05)
        answer = await paying
        assert (answer.status_code, answer.json()["state"]) == (202, "accepted")


async def test_callbacks_are_sent_and_refused_hosts_are_not(tmp_path: Path) -> None:
    receiver = Receiver()
    async with house(tmp_path, daemon_settings='callback_hosts = ["till.example"]') as till:
        till.daemon.callbacks._client = receiver.client()
        url = "http://till.example/paid"
        await till.begin(20, kind="purchase", amount=650, reference="sale-1", callback_url=url)
        await till.until(lambda: not till.daemon.callbacks.waiting)
        refused = await till.begin(20, kind="purchase", amount=700, reference="sale-2", callback_url="http://evil.example/")
        assert refused.status_code == 422
        assert isinstance(till.daemon.register.operation("sale-1").outcome, Approved)
        assert till.emulated.ledger.net_total() == 650
        conflict = await till.begin(20, kind="purchase", amount=1, reference="sale-1", callback_url=url)
        assert conflict.status_code == 409


async def test_a_terminals_changes_are_told_once_a_turn(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        told: dict[str, list[object]] = {}
        till.daemon.hub.publish = lambda kind, data, terminal=None: told.setdefault(f"{kind} {terminal}", []).append(data())  # type: ignore[method-assign,operator]
        for _ in range(3):
            till.daemon.terminal_changed("till-1")
        till.daemon.terminal_changed("gone")
        await asyncio.sleep(0)
        assert told == {"terminal till-1": [till.daemon.terminal_document("till-1")], "terminal gone": [None]}
