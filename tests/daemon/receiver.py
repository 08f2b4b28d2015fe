"""A receiver of posts for tests: it notes what comes and answers as it is told, in memory; and a till whose callbacks go there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from ecrlan.daemon.callbacks import Callbacks
from ecrlan.daemon.recipients import Recipients
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.journal import Journal
from ecrlan.model import Operation, orders
from ecrlan.register import Register, Terminal
from tests.virtual import VirtualLoop

URL = "http://till.example/pb/Zx81"


@dataclass
class Receiver:
    """`answers`: statuses of the next answers, None for silence; `default` afterwards. `posts`: (loop time, url, body)."""

    answers: list[int | None] = field(default_factory=list)
    default: int | None = 200
    seconds: float = 0.0
    """How long each answer takes."""
    posts: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    closed: int = 0

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._take), trust_env=False)

    async def _take(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.posts.append((asyncio.get_running_loop().time(), str(request.url), json.loads(request.content)))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            status = self.answers.pop(0) if self.answers else self.default
            if status is None:
                await asyncio.get_running_loop().create_future()
            if self.seconds:
                await asyncio.sleep(self.seconds)
            return httpx.Response(status or 0, headers={"Location": "http://127.0.0.1:9/other"})
        finally:
            self.at_once -= 1

    @property
    def steps(self) -> list[str]:
        return [body["step"] for _, _, body in self.posts]

    @property
    def outcomes(self) -> list[str | None]:
        return [body["operation"]["outcome"] for _, _, body in self.posts]

    @property
    def times(self) -> list[float]:
        return [time for time, _, _ in self.posts]


@asynccontextmanager
async def daemon(
    loop: VirtualLoop, receiver: Receiver, journal: Journal | None = None, *, hosts: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Register, Callbacks]]:
    """A register with callbacks; the journal in memory unless one is given."""
    async with Register(journal, clock=loop.clock) as register:
        callbacks = Callbacks(register, receiver.client, loop.clock, recipients=Recipients(hosts))
        await callbacks.open()
        yield register, callbacks
        await callbacks.close()


@asynccontextmanager
async def till(loop: VirtualLoop, receiver: Receiver, **behaviour: object) -> AsyncIterator[tuple[Terminal, Callbacks, EmulatedTerminal]]:
    emulated = EmulatedTerminal(clock=loop.clock, **behaviour)  # type: ignore[arg-type]
    async with EmulatorServer(emulated) as server, daemon(loop, receiver) as (register, callbacks):
        yield register.dial("till-1", "127.0.0.1", server.port), callbacks, emulated


async def paid(terminal: Terminal, amount: int, reference: str, url: str = URL, **more: Any) -> Operation:
    """A purchase whose steps are told to `url`."""
    running = await terminal.begin(orders.Purchase(amount=amount, reference=reference, **more), callback_url=url)
    return await running.ended()


def done(register: Register, reference: str) -> list[dict[str, object]]:
    """What the journal keeps about the ends of deliveries."""
    entry = register.journal.find(reference)
    assert entry is not None
    return [event.data for event in entry.events if event.name == "callback_done"]


def pending(register: Register) -> list[tuple[str, str | None, str | None]]:
    return [(found.reference, found.outcome, found.told) for found in register.journal.pending_callbacks()]


async def settle() -> None:
    """Let tasks come as far as they can without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)
