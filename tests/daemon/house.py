"""A daemon with an emulated terminal, and clients: in the process, or over real sockets on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http.app import create_app
from ecrlan.daemon.http.security import Guard
from ecrlan.daemon.server import Server
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.register.register import local_clock
from ecrlan.settings import Settings

HOST = "127.0.0.1:8017"


async def until(happened: Callable[[], object]) -> None:
    """Wait for something that comes by itself, one turn of the loop after the other."""
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110  # nothing rings when it happens
            await asyncio.sleep(0)


@dataclass
class House:
    """What a test works with."""

    daemon: Daemon
    client: httpx.AsyncClient
    """Has the token to operate."""
    emulated: EmulatedTerminal
    emulator: EmulatorServer
    folder: Path
    app: Guard | None = None
    server: Server | None = None

    async def post(self, path: str, wait: float | None = None, **body: Any) -> httpx.Response:
        parameters = {} if wait is None else {"wait": wait}
        return await self.client.post(path, json=body, params=parameters, timeout=60)

    async def begin(self, wait: float | None = None, terminal: str = "till-1", **body: Any) -> httpx.Response:
        return await self.post(f"/v1/terminals/{terminal}/operations", wait, **body)

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.client.get(path, params=parameters, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write_settings(self, text: str) -> None:
        (self.folder / "ecrlan.toml").write_text(text, encoding="utf-8")

    def terminal_settings(self, name: str = "till-1", **options: Any) -> str:
        told = {"address": '"127.0.0.1"', "port": self.emulator.port, "link": '"dial"', "recovery_pause": 0, **options}
        return f"[terminals.{name}]\n" + "".join(f"{key} = {value}\n" for key, value in told.items())

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait for something that comes by itself, one turn of the loop after the other."""
        async with asyncio.timeout(20):
            while not happened():  # noqa: ASYNC110  # nothing signals it; a turn of the loop is not time
                await asyncio.sleep(0)

    async def pay(self) -> None:
        """Be the customer of the next payment: show the card, type the PIN."""
        await self.until(lambda: self.emulated.stage == "card")
        self.emulator.press("card")
        self.emulator.press("pin")

    async def ended(self, reference: str, wait: float = 20) -> dict[str, Any]:
        operation: dict[str, Any] = await self.get(f"/v1/operations/{reference}", wait=wait)
        return operation


REGISTER = '[register]\njournal = "till.db"\nlisten = ""\n'


@asynccontextmanager
async def house(
    folder: Path,
    *,
    daemon_settings: str = "",
    listen: str = "",
    sockets: bool = False,
    emulated: EmulatedTerminal | None = None,
    terminals: str | None = None,
    body_seconds: float = 10.0,
    request_seconds: float = 15.0,
    **options: Any,
) -> AsyncIterator[House]:
    """A daemon on a journal in `folder`, with the emulated terminal as `till-1` (`options`) unless `terminals` says otherwise."""
    emulated = emulated or EmulatedTerminal(clock=local_clock)
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(EmulatorServer(emulated))
        built = House(None, None, emulated, emulator, folder)  # type: ignore[arg-type]
        daemon = f"[daemon]\nhealth_interval = 0\nstop_timeout = 5\n{daemon_settings}\n"
        register = REGISTER.replace('""', f'"{listen}"')
        built.write_settings(register + daemon + (built.terminal_settings(**options) if terminals is None else terminals))
        settings = Settings.load(folder / "ecrlan.toml", {})
        built.daemon = await stack.enter_async_context(Daemon(settings))
        headers = {"Authorization": f"Bearer {built.daemon.tokens.operate}"}
        if sockets:
            server = Server(built.daemon, "127.0.0.1:0", body_seconds=body_seconds, request_seconds=request_seconds)
            built.server = await stack.enter_async_context(server)
            client = httpx.AsyncClient(base_url=built.server.url, headers=headers, trust_env=False)
        else:
            built.app = create_app(built.daemon, {HOST}, body_seconds=body_seconds)
            transport = httpx.ASGITransport(built.app)  # type: ignore[arg-type]  # httpx's types of an application are narrower
            client = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=headers)
        built.client = await stack.enter_async_context(client)
        yield built


def error_of(answer: httpx.Response, status: int, code: str, sent: str = "no") -> dict[str, Any]:
    """Return the error of an answer, which must have the one shape."""
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert (error["code"], error["sent"]) == (code, sent), error
    assert error["message"]
    return error
