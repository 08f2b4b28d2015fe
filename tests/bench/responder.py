"""Minimal terminals in a process of their own: ACK and an approval to every request, each with a new STAN. Only the standard library.

`responder.py COUNT` listens on that many ports, prints them, and ends when its standard input ends. A terminal answers with the TID that
it is addressed by.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

TERMINAL_ID = "37105051"
ACK = b"\x06\x03\x7a"
PAN = b"4999".rjust(19, b"0")
HOST_TIME = datetime.now(ZoneInfo("Europe/Rome")).strftime("%j%H%M").encode()
RESULT = b"\x02%b0E00" + PAN + b"ICC123456" + HOST_TIME + b"20000000" + b"0001%06d000001\x03"
RESULT_LENGTH = 74


class Responder(asyncio.BufferedProtocol):
    stan = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.pending = b""
        self.buffer = memoryview(bytearray(4096))
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = self.pending + bytes(self.buffer[:nbytes])
        while len(data) >= 3:
            if data[0] == 6:
                data = data[3:]
                continue
            end = data.find(b"\x03", 1)
            if end < 0 or len(data) < end + 2:
                break
            terminal_id = data[1:9]
            data = data[end + 2 :]
            self.transport.write(ACK)
            self.transport.write(result(terminal_id))
        self.pending = data


def result(terminal_id: bytes) -> bytes:
    Responder.stan = Responder.stan % 999_999 + 1
    frame = RESULT % (terminal_id, Responder.stan)
    lrc = 0x7F
    for byte in frame:
        lrc ^= byte
    return frame + bytes((lrc,))


async def main(count: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Responder, "127.0.0.1", 0) for _ in range(count)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for server in servers:
        server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
