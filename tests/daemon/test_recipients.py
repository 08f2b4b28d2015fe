"""Where posts may go: by the address as it is written, and by the one that a name has when a post is sent."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.posts import post
from ecrlan.daemon.recipients import Recipients, resolve
from ecrlan.errors import InvalidValueError
from ecrlan.settings import Settings
from tests.daemon.house import error_of, house

TERMINALS = (("till-1", "192.168.1.50", 8081), ("till-2", "127.0.0.1", 8082), ("till-3", "pos.example", 8081))
FOLDER = Path(__file__).parent


def recipients(*hosts: str, names: dict[str, list[str]] | None = None) -> Recipients:
    async def looked_up(host: str, port: int) -> list[str]:
        return await resolve(host, port) if names is None else names[host]

    made = Recipients(hosts, terminals=lambda: TERMINALS, resolver=looked_up)
    made.own_ports |= {8017}
    return made


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://169.254.0.1:9000/", "link-local"),
        ("http://[fe80::1]/", "link-local"),
        ("http://[::ffff:169.254.169.254]/", "link-local"),
        ("http://2852039166/", "link-local"),
        ("http://0xa9fea9fe/", "link-local"),
        ("http://127.0.0.1:8017/v1/reload", "the daemon's own"),
        ("http://127.9.9.9:8017/", "the daemon's own"),
        ("http://0.0.0.0:8017/", "the daemon's own"),
        ("http://[::1]:8017/", "the daemon's own"),
        ("http://[::]:8017/", "the daemon's own"),
        ("http://[::ffff:127.0.0.1]:8017/", "the daemon's own"),
        ("http://localhost:8017/", "the daemon's own"),
        ("http://till.localhost:8017/", "the daemon's own"),
        ("http://192.168.1.50:8081/", "that of terminal till-1"),
        ("http://192.168.1.50/", "that of terminal till-1"),
        ("http://127.0.0.1:8082/", "that of terminal till-2"),
        ("http://localhost:8082/", "that of terminal till-2"),
        ("http://POS.example:9/", "that of terminal till-3"),
    ],
)
def test_what_is_refused_when_it_is_given(url: str, reason: str) -> None:
    for place, any_host in (("callback_url", False), ("daemon.alarm_webhook", True)):
        with pytest.raises(InvalidValueError, match=reason) as caught:
            recipients().check(place, url, any_host=any_host)
        assert caught.value.place == place
        assert "unless daemon.callback_hosts names it" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/paid",
        "http://localhost:9000/paid",
        "http://[::1]:9000/",
        "http://192.168.1.20/",
        "http://10.0.0.7:8017/",
        "http://172.16.0.1/",
        "https://till.example/paid",
        "http://[fd00::1]/",
    ],
)
def test_tills_live_on_loopback_and_in_private_networks(url: str) -> None:
    assert recipients().check("callback_url", url) == url


@pytest.mark.parametrize(
    ("host", "url", "allowed"),
    [
        ("169.254.10.1", "http://169.254.10.1:9000/", True),
        ("169.254.10.1:9000", "http://169.254.10.1:9000/", True),
        ("169.254.10.1:9001", "http://169.254.10.1:9000/", False),
        ("fe80::1", "http://[fe80::1]/", True),
        ("[fe80::1]:80", "http://[fe80::1]/", True),
        ("192.168.1.50", "http://192.168.1.50:9000/", True),
        ("pos.example", "http://pos.example/", True),
        ("127.0.0.1", "http://127.0.0.1:9000/", True),
        ("127.0.0.1", "http://127.0.0.1:8017/", False),
        ("127.0.0.1:8017", "http://127.0.0.1:8017/", True),
    ],
)
def test_what_the_setting_names_is_allowed(host: str, url: str, *, allowed: bool) -> None:
    if allowed:
        assert recipients(host).check("callback_url", url) == url
    else:
        with pytest.raises(InvalidValueError, match="callback_url"):
            recipients(host).check("callback_url", url)


async def test_a_name_is_what_it_is_when_a_post_is_sent() -> None:
    names = {
        "cloud.example": ["169.254.169.254"],
        "self.example": ["127.0.0.1"],
        "pos.example": ["192.168.1.51"],
        "alias.example": ["192.168.1.51"],
        "till.example": ["fe80::1%eth0", "192.168.1.20"],
        "nobody.example": [],
    }
    looked = recipients(names=names)
    for host, port, reason in (
        ("cloud.example", 80, "169.254.169.254 is a link-local one"),
        ("self.example", 8017, "127.0.0.1 is the daemon's own"),
        ("self.example", 8082, "127.0.0.1 is that of terminal till-2"),
        ("alias.example", 9000, "192.168.1.51 is that of a terminal"),
        ("nobody.example", 80, "the name has no address"),
    ):
        with pytest.raises(OSError, match=reason):
            await looked.addresses(host, port)
    assert await looked.addresses("self.example", 9000) == ["127.0.0.1"]
    assert await looked.addresses("till.example", 80) == ["192.168.1.20"]
    named = recipients("cloud.example", "169.254.169.254", names=names)
    assert await named.addresses("cloud.example", 80) == ["169.254.169.254"]
    with pytest.raises(OSError, match="link-local"):  # a name in the setting does not name whatever address it has
        await recipients("cloud.example", names=names).addresses("cloud.example", 80)


async def test_a_terminal_whose_name_cannot_be_looked_up_hinders_no_post() -> None:
    async def looked_up(host: str, _port: int) -> list[str]:
        if host == "pos.example":
            raise OSError("no such name")
        return ["192.168.1.20"]

    assert await Recipients(terminals=lambda: TERMINALS, resolver=looked_up).addresses("till.example", 80) == ["192.168.1.20"]


@asynccontextmanager
async def receiver(answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n", **tls: ssl.SSLContext) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on loopback; gives its port and the heads that it was sent."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, **tls) as server:
        yield server.sockets[0].getsockname()[1], heads


async def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]  # another one at the second question: nobody asks twice for one post

    async def rebinding(_host: str, _port: int) -> list[str]:
        return answers.pop(0)

    async with receiver() as (port, heads), Recipients(resolver=rebinding).client() as client:
        url = f"http://till.example:{port}/paid"
        assert (await post(client, url, {})).status == 204
        assert f"Host: till.example:{port}".encode() in heads[0]
        second = await post(client, url, {})
        assert (second.status, "169.254.169.254 is a link-local one" in (second.problem or "")) == (None, True)
    assert (len(heads), answers) == (1, [])


async def test_the_next_address_is_tried_where_nobody_listens() -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["::1", "127.0.0.1"]

    async with receiver() as (port, _), Recipients(resolver=both).client() as client:
        assert (await post(client, f"http://till.example:{port}/", {})).status == 204
    async with Recipients(resolver=both).client() as client:
        assert "ConnectError" in ((await post(client, "http://till.example:1/", {})).problem or "")


async def test_a_redirect_is_not_followed_wherever_it_leads() -> None:
    async with receiver(b"HTTP/1.1 307 Temporary\r\nLocation: http://169.254.169.254/\r\n\r\n") as (port, heads):
        async with Recipients().client() as client:
            answer = await post(client, f"http://127.0.0.1:{port}/", {})
        assert (answer.status, answer.delivered, len(heads)) == (307, False, 1)


async def test_certificates_are_those_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(FOLDER / "loopback.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(FOLDER / "loopback.pem", FOLDER / "loopback-key.pem")

    async def loopback(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async with receiver(ssl=tls) as (port, _), Recipients(resolver=loopback).client() as client:
        assert (await post(client, f"https://localhost:{port}/", {})).status == 204
        assert "CERTIFICATE_VERIFY_FAILED" in ((await post(client, f"https://till.example:{port}/", {})).problem or "")


async def test_the_daemon_refuses_itself_and_its_terminals_by_422(tmp_path: Path) -> None:
    async with house(tmp_path, sockets=True) as till:
        assert till.server is not None
        for url, reason in (
            ("http://169.254.169.254/", "link-local"),
            (f"{till.server.url}/v1/reload", "the daemon's own"),
            (f"http://127.0.0.1:{till.emulator.port}/", "that of terminal till-1"),
        ):
            error = error_of(await till.begin(kind="purchase", amount=650, callback_url=url), 422, "invalid_value")
            assert error["message"].startswith("callback_url: ")
            assert reason in error["message"]
        assert till.emulated.ledger.charged_total() == 0


@pytest.mark.parametrize("target", ["http://169.254.169.254/", "http://127.0.0.1:8082/", "http://192.0.2.50/", "http://127.0.0.1:8017/"])
def test_an_alarm_is_not_posted_there_either(tmp_path: Path, target: str) -> None:
    file = tmp_path / "ecrlan.toml"
    file.write_text(
        '[register]\njournal = "till.db"\nlisten = "127.0.0.1:8082"\n'
        f'[daemon]\nalarm_webhook = "{target}"\n[terminals.till-1]\naddress = "192.0.2.50"\n'
    )
    with pytest.raises(InvalidValueError, match=r"daemon\.alarm_webhook: .* unless daemon\.callback_hosts names it"):
        Daemon(Settings.load(file, {}))


def test_the_setting_takes_hosts_with_and_without_port(tmp_path: Path) -> None:
    file = tmp_path / "ecrlan.toml"
    hosts = ["till.example", "office.example:8443", "192.168.1.20", "127.0.0.1:8017", "::1", "[fe80::1]:80"]
    file.write_text(f'[register]\njournal = "till.db"\n[daemon]\ncallback_hosts = {json.dumps(hosts)}\n')
    daemon = Daemon(Settings.load(file, {}))
    assert daemon.recipients.check("callback_url", "http://127.0.0.1:8017/")
    assert daemon.recipients.check("callback_url", "http://[fe80::1]/")
    with pytest.raises(InvalidValueError, match="callback_url"):
        daemon.recipients.check("callback_url", "http://office.example/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://till.example/",
        "file:///etc/passwd",
        "till.example/cb",
        "http://",
        "//till.example/",
        "http://user:secret@till.example/",
        "http://secret@till.example/",
        "javascript:alert(1)",
        "http://till.example/\n",
        "http://till.example/" + "a" * 2_000,
        "",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="callback_url") as caught:
        recipients().check("callback_url", url)
    assert "secret" not in str(caught.value)


def test_hosts_can_be_limited() -> None:
    limited = recipients("till.example", "office.example:8443", "[::1]:80")
    for allowed in ("http://TILL.example/a", "https://till.example:99/", "https://office.example:8443/", "http://[::1]/"):
        limited.check("callback_url", allowed)
    for refused in ("http://till.example.evil/", "https://office.example/", "http://127.0.0.1/", "http://till.example@evil/"):
        with pytest.raises(InvalidValueError):
            limited.check("callback_url", refused)


async def test_a_refused_address_begins_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as till:
        error_of(
            await till.begin(kind="purchase", amount=650, reference="sale-1", callback_url="http://u:p@till.example/"), 422, "invalid_value"
        )
        error_of(await till.client.get("/v1/operations/sale-1"), 404, "unknown_reference")
        assert till.emulated.ledger.charged_total() == 0
