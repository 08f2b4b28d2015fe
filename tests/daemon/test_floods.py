"""A terminal that floods its line, in whatever way, delays another terminal's purchase by at most 100 ms."""

from __future__ import annotations

import asyncio
import gc
import socket
import statistics
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from ecrlan.wire.frames import build_progress
from tests.daemon.house import House, house
from tests.scripted import ACK, NAK, approval, frame, receipt
from tests.speed import slowness

MOST_MS = 100.0
FLOOD_SECONDS = 2.2
"""Two of the periods in which a line takes only so many frames."""
PURCHASES = 15
TID = "11112222"
OTHER = "99999999"
RESULT = approval(6, datetime(2026, 11, 23, 17, 44, tzinfo=UTC), tid=TID)

FLOODS = {
    "progress": build_progress("ATTESA CARTA"),
    "receipt parts": receipt("A LINE OF A RECEIPT", tid=TID),
    "another's receipt parts": receipt("A LINE OF NOBODY", tid=OTHER),
    "ACKs": ACK,
    "NAKs": NAK,
    "noise": b"\xff\x00U",
    "results": RESULT,
    "another's results": approval(6, datetime(2026, 11, 23, 17, 44, tzinfo=UTC), tid=OTHER),
    "damaged results": RESULT[:-1] + bytes([RESULT[-1] ^ 1]),
    "no message": frame("?" * 90),
}


class Flooder(threading.Thread):
    """A terminal that takes every line, acknowledges the first request on it, and then sends `flood` as fast as the line takes it."""

    def __init__(self, flood: bytes) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        """Bytes of the flood."""
        self._flood = flood * (16_384 // len(flood))
        self._server = socket.create_server(("127.0.0.1", 0))
        self._line: socket.socket | None = None
        self.port: int = self._server.getsockname()[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # which wakes who waits for a line; on Windows closing does
        self._server.close()
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)
        self.join(10)
        assert not self.is_alive()

    def run(self) -> None:
        while True:
            try:
                self._line, _ = self._server.accept()
            except OSError:
                return
            with self._line, suppress(OSError):
                if self._line.recv(4096):
                    self._line.sendall(ACK)
                while True:
                    self._line.sendall(self._flood)
                    self.sent += len(self._flood)


@pytest.fixture
def collected() -> Any:
    """Garbage is collected before and after, and not while something is measured."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.long
@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_of_one_terminal_delays_anothers_purchase_by_100_ms_at_most(tmp_path: Path, collected: None, kind: str) -> None:
    with Flooder(FLOODS[kind]) as flooder:
        async with house(tmp_path, sockets=True) as till:
            options = {"port": flooder.port, "terminal_id": f'"{TID}"', "recovery_pause": 0.05, "ack_timeout": 1, "keep_open": "true"}
            text = (tmp_path / "ecrlan.toml").read_text()
            till.write_settings(text + till.terminal_settings("till-2", **options))
            assert (await till.client.post("/v1/reload")).json()["added"] == ["till-2"]
            following = asyncio.create_task(follow(till))
            await purchase(till)
            alone = [await purchase(till) for _ in range(PURCHASES)]
            flooded = asyncio.create_task(till.begin(60, "till-2", kind="purchase", amount=650, reference="flooded"))
            await till.until(lambda: flooder.sent)
            loop, beside = asyncio.get_running_loop(), []
            until = loop.time() + FLOOD_SECONDS
            while loop.time() < until or len(beside) < PURCHASES:
                beside.append(await purchase(till))
            for task in (flooded, following):
                task.cancel()
            await asyncio.gather(flooded, following, return_exceptions=True)
            assert flooder.sent > 50_000, "it is a flood"
            assert max(beside) - statistics.median(alone) <= MOST_MS * slowness()
            till.daemon.hurried = True


async def purchase(till: House) -> float:
    """Return the milliseconds of CPU that the loop has used between a purchase's request and its outcome, whatever for.

    By that it was delayed at most: CPU time, since a machine that others use lets it wait for other reasons.
    """
    begun = time.thread_time()
    answer = await till.begin(20, kind="purchase", amount=100, reference=str(uuid.uuid4()))
    took = 1e3 * (time.thread_time() - begun)
    assert answer.json().get("outcome") == "approved", answer.text
    return took


async def follow(till: House) -> None:
    """Follow everything, each frame included."""
    texts: AsyncIterator[bytes] = till.daemon.hub.follow(frames=True)
    async with aclosing(texts):  # type: ignore[type-var]  # the hub's iterator is a generator
        async for _ in texts:
            pass
