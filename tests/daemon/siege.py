"""A daemon over sockets with a payment under way, and whoever sends it what he likes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecrlan.emulator import EmulatedTerminal
from ecrlan.register.register import local_clock
from tests.daemon.house import House, house

PATIENCE = 30.0
"""Seconds after which something counts as stuck."""


@dataclass
class Answer:
    """What came back on a line: the first answer, and everything."""

    raw: bytes

    @property
    def status(self) -> int:
        return int(self.raw[9:12]) if self.raw.startswith(b"HTTP/1.1 ") else 0

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def error(self) -> str:
        """The error's code, where its shape is right."""
        error = json.loads(self.body)["error"]
        assert error["sent"] == "no", error
        assert error["message"].isprintable(), error
        assert len(error["message"]) <= 500, error
        return str(error["code"])


@dataclass
class Siege:
    """A daemon over sockets, with a payment under way."""

    till: House
    frames: list[str] = field(default_factory=list)
    """What the terminal saw and sent, its progress aside: direction and first byte."""

    def __post_init__(self) -> None:
        assert self.till.server is not None
        self.host = self.till.server.url.removeprefix("http://")
        self.port = int(self.host.rpartition(":")[2])
        self.token = self.till.daemon.tokens.operate

    def saw(self, direction: str, raw: bytes) -> None:
        if raw[:1] != b"\x01":
            self.frames.append(f"{direction}{raw[:1].hex()}")

    def head(self, line: str, *more: str, host: str | None = None, token: str | None = None) -> bytes:
        """Return a request's head; `token` '' sends none."""
        token = self.token if token is None else token
        given = [f"Authorization: Bearer {token}"] if token else []
        return "\r\n".join((line, f"Host: {self.host if host is None else host}", *given, "Connection: close", *more, "", "")).encode(
            "latin-1"
        )

    def post(self, body: bytes, path: str = "/v1/terminals/till-1/operations", *more: str, **options: Any) -> bytes:
        return self.head(f"POST {path} HTTP/1.1", f"Content-Length: {len(body)}", *more, **options) + body

    async def line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, raw: bytes) -> Answer:
        """Send bytes on a line of their own and return all that comes until the daemon closes it."""
        reader, writer = await self.line()
        try:
            writer.write(raw)
            async with asyncio.timeout(PATIENCE):
                return Answer(await reader.read())
        except ConnectionResetError:  # it was closed before everything was sent
            return Answer(b"")
        finally:
            writer.close()

    @property
    def lines(self) -> int:
        """How many lines the daemon holds."""
        assert self.till.server is not None
        server = self.till.server._uvicorn
        assert server is not None
        return len(server.server_state.connections)


@asynccontextmanager
async def siege(folder: Path, **options: Any) -> AsyncIterator[Siege]:
    """Let happen what will while a customer stands at the terminal; then the customer pays, and all must be as without it."""
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=600.0, host_seconds=0.0, progress=("ATTENDERE",))
    async with house(folder, sockets=True, emulated=emulated, standalone_use="false", **options) as till:
        attack = Siege(till)
        till.emulator.on_frames = attack.saw
        paying = asyncio.create_task(till.begin(600, kind="purchase", amount=650, reference="the-payment"))
        await till.until(lambda: till.emulated.stage == "card")
        before = list(attack.frames)
        yield attack
        assert attack.frames == before  # nothing reached the terminal
        till.emulator.press("card")
        till.emulator.press("pin")
        answer = await paying
        assert (answer.status_code, answer.json()["outcome"]) == (200, "approved")
        after = attack.frames[len(before) :]
        assert after == ["<02", ">06"]  # its result once, acknowledged once
        await till.until(lambda: till.daemon.register.running() == [])  # what a client that left had begun is dropped when that is noticed
        assert till.emulated.ledger.net_total() == 650
        await till.client.aclose()
        await till.until(lambda: attack.lines == 0)
