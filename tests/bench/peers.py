"""The two ends of what is measured: the responder's process, and raw exchanges with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ecrlan.model import PurchaseRequest
from ecrlan.wire.codec import build_request
from ecrlan.wire.frames import build_frame
from tests.bench.responder import ACK, RESULT_LENGTH, TERMINAL_ID

ANSWER_LENGTH = len(ACK) + RESULT_LENGTH
REQUEST = PurchaseRequest(terminal_id=TERMINAL_ID, cash_register_id="00000001", amount=650)
FRAME = build_frame(build_request(REQUEST))
MOST_FRAMES = 10**9
"""Frames of a terminal that is no flood, however soon they come."""
OPTIONS: dict[str, Any] = {"terminal_id": TERMINAL_ID, "keep_open": True, "standalone_use": False, "purchase_code": "P"}


@contextlib.contextmanager
def responders(count: int) -> Iterator[list[int]]:
    """The ports of terminals that end with this block, or with this process. They pay oftener than any terminal: no flood meanwhile."""
    command = [sys.executable, str(Path(__file__).with_name("responder.py")), str(count)]
    popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with popen as process, patch.multiple("ecrlan.net.line", FRAMES_AT_A_TIME=MOST_FRAMES, FRAMES_AT_ONCE=MOST_FRAMES):
        try:
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            process.communicate()


class RawClient(asyncio.Protocol):
    """What any client on asyncio must pay: the request's bytes, one awaited Future, the ACK's bytes. It looks at no byte."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.received = 0

    def data_received(self, data: bytes) -> None:
        self.count(len(data))

    def count(self, received: int) -> None:
        self.received += received
        if self.received == ANSWER_LENGTH:
            self.received = 0
            self.transport.write(ACK)
            self.answered.set_result(None)

    async def exchange(self, times: int) -> None:
        for _ in range(times):
            self.answered = self.loop.create_future()
            self.transport.write(FRAME)
            await self.answered


class BufferedRawClient(RawClient, asyncio.BufferedProtocol):
    """The same with a small receive buffer of its own, as `Line` has it."""

    buffer = memoryview(bytearray(4096))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.count(nbytes)


async def connect(port: int, kind: type[RawClient] = RawClient) -> RawClient:
    _, client = await asyncio.get_running_loop().create_connection(kind, "127.0.0.1", port)
    return client
