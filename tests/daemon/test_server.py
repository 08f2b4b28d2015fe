"""The process: sockets, TLS, signals, the note by which the command line finds it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import ssl
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

import ecrlan
from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.notify import Notifier
from ecrlan.daemon.server import Life, Server, bind, own_hosts, run
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, JournalError, ListenError
from ecrlan.register.register import local_clock
from ecrlan.settings import Settings
from tests.daemon.house import REGISTER, house, until
from tests.loops import same_loop

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
TLS = f'certificate = "{(HERE / "loopback.pem").as_posix()}"\nkey = "{(HERE / "loopback-key.pem").as_posix()}"\n'


def settings_in(folder: Path, daemon: str = "", terminals: str = "") -> Settings:
    (folder / "ecrlan.toml").write_text(f"{REGISTER}[daemon]\nhealth_interval = 0\n{daemon}\n{terminals}", encoding="utf-8")
    return Settings.load(folder / "ecrlan.toml", {})


# --- sockets and TLS --------------------------------------------------------------------------------------------------------------


async def test_the_note(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        note = tmp_path / "till.db.daemon"
        assert json.loads(note.read_text()) == {"url": till.server.url, "pid": os.getpid(), "version": ecrlan.__version__}
        assert os.name != "posix" or stat.S_IMODE(note.stat().st_mode) == 0o600
    assert not note.exists()


async def test_tls(tmp_path: Path) -> None:
    async with Daemon(settings_in(tmp_path, TLS)) as daemon, Server(daemon, "127.0.0.1:0") as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert json.loads(server.note.read_text())["certificate"] == str(HERE / "loopback.pem")
        context = ssl.create_default_context(cafile=str(HERE / "loopback.pem"))
        async with httpx.AsyncClient(verify=context, base_url=server.url, trust_env=False) as client:
            assert (await client.get("/healthz")).json()["status"] == "ok"
            login = await client.post("/v1/session", json={"token": daemon.tokens.operate}, headers={"Origin": server.url})
            assert "Secure" in login.headers["set-cookie"]


@pytest.mark.parametrize("http", ["0.0.0.0:0", "[::]:0"])
async def test_beyond_loopback_only_with_tls(tmp_path: Path, http: str) -> None:
    async with Daemon(settings_in(tmp_path)) as daemon:
        with pytest.raises(InvalidValueError, match=r"daemon\.certificate and daemon\.key"):
            await Server(daemon, http).open()
        assert not (tmp_path / "till.db.daemon").exists()
    async with Daemon(settings_in(tmp_path, TLS)) as daemon, Server(daemon, http) as server:
        assert server.url.startswith("https://")


@pytest.mark.parametrize(
    ("daemon", "place"),
    [
        (TLS.splitlines()[0], "daemon.key"),
        (TLS.splitlines()[1], "daemon.certificate"),
        ('certificate = "none.pem"\nkey = "none.pem"', "daemon.certificate"),
        (TLS.splitlines()[0] + '\nkey = "none.pem"', "daemon.key"),
        ('certificate = "ecrlan.toml"\nkey = "ecrlan.toml"', "daemon.certificate"),
        (f'{TLS.splitlines()[0]}\nkey = "{(HERE / "encrypted-key.pem").as_posix()}"', "daemon.certificate"),
    ],
    ids=["no key", "no certificate", "missing", "missing key", "no PEM", "encrypted key"],
)
async def test_a_certificate_that_is_none(tmp_path: Path, daemon: str, place: str) -> None:
    async with Daemon(settings_in(tmp_path, daemon)) as opened:
        with pytest.raises(InvalidValueError) as caught:
            await Server(opened, "127.0.0.1:0").open()
        assert caught.value.place == place


async def test_tls_with_old_clients(tmp_path: Path) -> None:
    """TLS 1.2 only with ciphers that stand, and nothing older."""
    async with Daemon(settings_in(tmp_path, TLS)) as daemon, Server(daemon, "127.0.0.1:0") as server:
        context = ssl.create_default_context(cafile=str(HERE / "loopback.pem"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        port = int(server.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        name, version, _ = writer.get_extra_info("cipher")
        assert (name.startswith("ECDHE-"), "GCM" in name or "CHACHA20" in name, version) == (True, True, "TLSv1.2")
        writer.close()
        context.set_ciphers("ECDHE+AES+SHA")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def test_an_address_that_is_taken_or_none(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        with pytest.raises(ListenError):
            await Server(till.daemon, till.server.url.removeprefix("http://")).open()
        with pytest.raises(ListenError):
            await Server(till.daemon, "192.0.2.1:8017").open()
        with pytest.raises(InvalidValueError):
            await Server(till.daemon, "8017").open()


async def test_every_address_of_a_name_gets_the_same_port() -> None:
    bound = await bind("localhost", 0)
    assert len({each.getsockname()[1] for each in bound}) == 1
    for each in bound:
        each.close()


def test_the_names_by_which_it_is_reached() -> None:
    assert own_hosts("127.0.0.1", 8017, ["Till.lan"]) == {"127.0.0.1:8017", "localhost:8017", "[::1]:8017", "till.lan:8017"}
    assert {"till.lan", "till.lan:443"} <= own_hosts("0.0.0.0", 443, ["till.lan"])  # noqa: S104


async def test_further_hosts_come_from_the_settings(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True, daemon_settings='hosts = ["till.lan"]') as till:
        assert till.server is not None
        port = till.server.url.rpartition(":")[2]
        assert (await till.client.get("/healthz", headers={"Host": f"till.lan:{port}"})).status_code == 200
        assert (await till.client.get("/healthz", headers={"Host": f"till.wan:{port}"})).status_code == 403


async def test_what_uvicorn_says_is_logged_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("5555444433332222")

    monkeypatch.setattr("ecrlan.daemon.http.security.session_of", broken)
    async with house(tmp_path, sockets=True) as till:
        with capture_logs() as logs:
            answer = await till.client.get("/v1/terminals")
        assert answer.status_code == 500
        (event,) = [each for each in logs if each["event"] == "http.problem"]
        assert event["trace"][-1] == "ZeroDivisionError"
        assert "5555444433332222" not in str(logs)
        assert till.daemon.tokens.operate not in str(logs)


# --- life and death ---------------------------------------------------------------------------------------------------------------


async def test_signals_where_the_loop_takes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""

    def refuse(*_: object) -> None:
        raise NotImplementedError

    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
        former = signal.getsignal(signal.SIGTERM)
        life = Life(till.daemon, till.server, Notifier(lambda: True, environ={}))
        with life.signals():
            signal.raise_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                await life.last()
        assert signal.getsignal(signal.SIGTERM) is former
        assert till.daemon.closing


async def test_without_the_main_thread_there_are_no_signals(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        life = Life(till.daemon, till.server, Notifier(lambda: True, environ={}))

        async def elsewhere() -> None:
            with life.signals():
                life.stop()

        await asyncio.to_thread(asyncio.run, elsewhere())


async def test_reloading_at_a_signal(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        life = Life(till.daemon, till.server, Notifier(lambda: True, environ={}))
        till.write_settings(REGISTER + till.terminal_settings("till-2"))
        await life.reload()
        assert list(till.daemon.register.terminals) == ["till-2"]
        till.write_settings("nonsense")
        with capture_logs() as logs:
            await life.reload()
        assert [each["event"] for each in logs] == ["settings.refused"]
        assert list(till.daemon.register.terminals) == ["till-2"]


async def test_a_reload_that_the_journal_does_not_allow_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing() -> None:
        raise JournalError("the disk is full")

    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        told: list[str] = []
        notifier = Notifier(lambda: True, environ={})
        monkeypatch.setattr(notifier, "ready", lambda: told.append("ready"))
        monkeypatch.setattr(till.daemon, "reload", failing)
        await Life(till.daemon, till.server, notifier).reload()
        assert told == ["ready"]


@pytest.mark.parametrize("there", [True, False])
def test_uvloop_is_used_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    made: list[str] = []
    urls: list[str] = []
    found = importlib.util.find_spec

    def new_event_loop() -> asyncio.AbstractEventLoop:
        made.append("uvloop")
        return asyncio.new_event_loop()

    def announce(server: Server) -> None:
        urls.append(server.url)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setitem(sys.modules, "uvloop", SimpleNamespace(new_event_loop=new_event_loop))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: there or None if name == "uvloop" else found(name, *more))
    run(settings_in(tmp_path), demo=False, http="127.0.0.1:0", announce=announce)
    assert len(urls) == 1
    assert made == (["uvloop"] if there else [])


def test_a_process_may_open_many_files(tmp_path: Path) -> None:
    if sys.platform == "win32":
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    within: list[int] = []

    def announce(_: Server) -> None:
        within.append(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        signal.raise_signal(signal.SIGTERM)

    try:
        run(settings_in(tmp_path), demo=False, http="127.0.0.1:0", announce=announce)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert within == [65_536 if before[1] == resource.RLIM_INFINITY else min(before[1], 65_536)]


@asynccontextmanager
async def process(
    folder: Path, emulated: EmulatedTerminal, **options: Any
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient, EmulatorServer]]:
    """A daemon in a process of its own."""
    async with EmulatorServer(emulated) as emulator:
        terminal = f'[terminals.till-1]\naddress = "127.0.0.1"\nport = {emulator.port}\nlink = "dial"\n'
        settings_in(folder, "stop_timeout = 20\n" + options.get("daemon", ""), terminal)
        code = same_loop() + (
            "import sys; from ecrlan.settings import Settings; from ecrlan.daemon.server import run; "
            "run(Settings.load(sys.argv[1], {}), demo=False, http='127.0.0.1:0', announce=lambda server: print(server.url, flush=True))"
        )
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(folder / "ecrlan.toml"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        assert started.stdout is not None
        url = ""
        async with asyncio.timeout(30):
            while not url.startswith("http"):
                line = await started.stdout.readline()
                assert line, "the daemon ended"
                url = line.decode().strip()
        token = (folder / "till.db.token").read_text().strip()
        try:
            async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30) as client:
                yield started, client, emulator
        finally:
            if started.returncode is None:
                started.kill()
            await started.communicate()


async def reached(emulated: EmulatedTerminal, stage: str) -> None:
    await until(lambda: emulated.stage == stage)


def attended() -> EmulatedTerminal:
    return EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)


async def closing(client: httpx.AsyncClient) -> None:
    """Wait until the daemon takes nothing new."""
    async with asyncio.timeout(20):
        while (
            await client.post("/v1/terminals/till-1/operations", json={"kind": "purchase", "amount": 1, "queue_timeout": 0})
        ).status_code != 503:
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_a_stop_lets_the_payment_end(tmp_path: Path, number: signal.Signals) -> None:
    emulated = attended()
    async with process(tmp_path, emulated) as (daemon, client, emulator):
        body = {"kind": "purchase", "amount": 650, "reference": "sale-1"}
        paying = asyncio.create_task(client.post("/v1/terminals/till-1/operations?wait=60", json=body))
        await reached(emulated, "card")
        daemon.send_signal(number)
        await closing(client)
        emulator.press("card")
        emulator.press("pin")
        assert (await paying).json()["outcome"] == "approved"
        async with asyncio.timeout(20):
            assert await daemon.wait() == 0
        assert emulated.ledger.net_total() == 650
        assert not (tmp_path / "till.db.daemon").exists()


async def test_a_second_signal_stops_at_once_and_the_payment_is_recovered(tmp_path: Path) -> None:
    emulated = attended()
    async with process(tmp_path, emulated) as (daemon, client, _):
        body = {"kind": "purchase", "amount": 650, "reference": "sale-1"}
        paying = asyncio.create_task(client.post("/v1/terminals/till-1/operations?wait=60", json=body))
        await reached(emulated, "card")
        daemon.send_signal(signal.SIGTERM)
        await closing(client)
        daemon.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await daemon.wait() == 0
        await asyncio.gather(paying, return_exceptions=True)
    async with house(tmp_path, emulated=emulated) as till:
        operation = till.daemon.register.operation("sale-1")
        assert operation.state.value == "recovering"


async def test_sighup_reloads(tmp_path: Path) -> None:
    async with process(tmp_path, attended()) as (daemon, client, _):
        settings_in(tmp_path, "", '[terminals.till-9]\naddress = "127.0.0.1"\nlink = "dial"\n')
        daemon.send_signal(signal.SIGHUP)
        async with asyncio.timeout(20):
            while [each["name"] for each in (await client.get("/v1/terminals")).json()["terminals"]] != ["till-9"]:
                pass
        daemon.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await daemon.wait() == 0
