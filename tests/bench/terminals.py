"""Many minimal terminals in a process of their own, on a port each: a line's terminal is the one that its requests address.

`python -m tests.bench.terminals THINK_SECONDS COUNT` prints the ports it listens on as JSON. A payment is ACKed at once; three progress
messages and an approval follow within `THINK_SECONDS`. For each line of its standard input it prints what was charged since the line
before, as JSON: `[[TID, cents, STAN, seconds from the request's arrival to the result's departure], ...]`. It ends when its standard
input ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from datetime import datetime
from zoneinfo import ZoneInfo

from ecrlan.model import ROME, StatusResponse
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import build_frame, build_progress
from tests.bench.responder import ACK, RESULT

PROGRESS = tuple(build_progress(text) for text in ("INSERIRE CARTA", "DIGITARE PIN", "ATTENDERE"))
PAYMENTS = b"PX"
AMOUNT = slice(23, 31)
"""Where a purchase has its cents."""

Charge = tuple[str, int, str, float]
charged: list[Charge] = []


class TerminalLine(asyncio.BufferedProtocol):
    """One line; requests are answered as they come."""

    stan = 0
    """Of all terminals."""

    def __init__(self, think_seconds: float) -> None:
        self.think_seconds = think_seconds
        self.loop = asyncio.get_running_loop()
        self.buffer = memoryview(bytearray(4096))
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        now = self.loop.time()
        data = self.pending + bytes(self.buffer[:nbytes])
        while len(data) >= len(ACK):
            if data[0] == ACK[0]:
                data = data[len(ACK) :]
                continue
            end = data.find(b"\x03", 1)
            if end < 0 or len(data) < end + 2:
                break
            self.request(data[1:end], now)
            data = data[end + 2 :]
        self.pending = data

    def request(self, message: bytes, now: float) -> None:
        self.transport.write(ACK)
        terminal_id, code = message[:8], message[9]
        if code == ord("s"):
            self.transport.write(build_frame(build_response(status(terminal_id.decode()))))
        elif code in PAYMENTS:
            self.think(0, terminal_id, int(message[AMOUNT]), now)
        else:
            self.approve(terminal_id, None, now)

    def think(self, shown: int, terminal_id: bytes, amount: int, asked_at: float) -> None:
        """Show one progress message after the other, then approve."""
        if shown == len(PROGRESS):
            self.approve(terminal_id, amount, asked_at)
            return
        self.transport.write(PROGRESS[shown])
        due = asked_at + self.think_seconds * (shown + 1) / len(PROGRESS)
        self.loop.call_at(due, self.think, shown + 1, terminal_id, amount, asked_at)

    def approve(self, terminal_id: bytes, amount: int | None, asked_at: float) -> None:
        TerminalLine.stan = TerminalLine.stan % 999_999 + 1
        self.transport.write(build_frame(RESULT[1:-1] % (terminal_id, TerminalLine.stan)))
        if amount is not None:
            charged.append((terminal_id.decode(), amount, f"{TerminalLine.stan:06}", self.loop.time() - asked_at))


def status(terminal_id: str) -> StatusResponse:
    return StatusResponse(terminal_id=terminal_id, terminal_time=datetime.now(ZoneInfo(ROME)), terminal_status=2, software_release="BENCH")


def report() -> None:
    print(json.dumps(charged), flush=True)
    charged.clear()


def listen_to_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Report at each line. For a thread: pipes cannot be polled everywhere."""
    for _ in sys.stdin:
        loop.call_soon_threadsafe(report)
    loop.call_soon_threadsafe(ended.set)


async def main(think_seconds: float, count: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: TerminalLine(think_seconds), "127.0.0.1", 0) for _ in range(count)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    ended = asyncio.Event()
    threading.Thread(target=listen_to_input, args=(loop, ended), daemon=True).start()
    await ended.wait()
    for server in servers:
        server.close()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), int(sys.argv[2])))
