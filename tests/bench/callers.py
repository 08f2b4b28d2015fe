"""Programs that take payments through a daemon, in a process of their own: raw HTTP/1.1 on kept lines, and one that follows the events.

`python -m tests.bench.callers PORT TOKEN` performs the runs that its standard input asks for, one JSON object a line:
`{"first": NUMBER, "rate": PURCHASES_A_SECOND (0: one after the other), "count": PURCHASES, "terminals": NUMBER}`. It prints one JSON
object a line: `started` (seconds that the run took), `purchases` ([[reference, terminal, cents, outcome, STAN, seconds], ...]) and the
`events` that came meanwhile ({reference: [progress messages, final outcomes]}), `kinds` (events by kind) and `gaps`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from typing import Any

WAIT = 60
LAST_EVENTS_SECONDS = 5.0
"""How long the last events of a run may take."""
_REFERENCE = re.compile(rb'"reference":"([^"]*)"')
_OUTCOME = re.compile(rb'"outcome":"([a-z_]+)"')


class Daemon:
    """The daemon as its clients see it."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.loop = asyncio.get_running_loop()
        self.told: dict[str, list[int]] = {}
        self.kinds: Counter[str] = Counter()
        self.awaited: set[str] = set()
        self.complete = asyncio.Event()

    async def purchase(self, number: int, terminals: int) -> list[Any]:
        """Take a payment; its number chooses terminal and cents."""
        reference, terminal, cents = f"bench-{number}", f"till-{number % terminals}", 1 + number
        body = json.dumps({"kind": "purchase", "amount": cents, "reference": reference}).encode()
        head = f"POST /v1/terminals/{terminal}/operations?wait={WAIT} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n"
        self.told[reference] = [0, 0]
        self.awaited.add(reference)
        line = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        started = self.loop.time()
        line[1].write(head.encode() + body)
        status, document = await read_answer(line[0])
        seconds = self.loop.time() - started
        self.idle.append(line)
        answer = json.loads(document)
        if status != 200:
            return [reference, terminal, cents, f"{status} {document!r}", "", seconds]
        return [reference, terminal, cents, answer["outcome"], (answer["result"] or {}).get("stan"), seconds]

    async def run(self, *, first: int, rate: float, count: int, terminals: int) -> dict[str, Any]:
        """Take payments at a steady rate, whether those before have ended or not."""
        self.kinds.clear()
        started = self.loop.time()
        if rate:
            tasks = []
            for number in range(count):
                await asyncio.sleep(started + number / rate - self.loop.time())
                tasks.append(asyncio.create_task(self.purchase(first + number, terminals)))
            purchases = await asyncio.gather(*tasks)
        else:
            purchases = [await self.purchase(first + number, terminals) for number in range(count)]
        seconds = self.loop.time() - started
        try:
            async with asyncio.timeout(LAST_EVENTS_SECONDS):
                while self.awaited:
                    self.complete.clear()
                    await self.complete.wait()
        except TimeoutError:
            self.awaited.clear()
        told, self.told = self.told, {}
        return {"seconds": seconds, "purchases": purchases, "events": told, "kinds": self.kinds}

    async def follow(self, following: asyncio.Event) -> None:
        """Count the events that come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        writer.write(f"GET /v1/events HTTP/1.1\r\n{self.head}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        rest = b""
        while size := int(await reader.readline(), 16):
            *events, rest = (rest + (await reader.readexactly(size + 2))[:-2]).split(b"\n\n")
            following.set()  # the stream has begun
            for event in events:
                self.take(event)

    def take(self, event: bytes) -> None:
        """Count one event."""
        kind = event[event.find(b"event: ") + 7 : event.find(b"\ndata: ")].decode()
        if not event.startswith(b"id: "):
            return
        self.kinds[kind] += 1
        found = _REFERENCE.search(event) if kind in ("progress", "operation") else None
        told = self.told.get(found[1].decode()) if found is not None else None
        if found is None or told is None:
            return
        if kind == "progress":
            told[0] += 1
        elif _OUTCOME.search(event) is not None:
            told[1] += 1
            self.awaited.discard(found[1].decode())
            if not self.awaited:
                self.complete.set()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head[head.index(b"content-length:") + 15 :].partition(b"\r\n")[0]
    return int(head[9:12]), await reader.readexactly(int(length))


async def main(port: int, token: str) -> None:
    daemon = Daemon(port, token)
    following = asyncio.Event()
    follower = asyncio.create_task(daemon.follow(following))
    await following.wait()
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await daemon.run(**json.loads(line))), flush=True)
    follower.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
