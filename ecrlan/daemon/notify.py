"""What systemd is told: ready, reloading, stopping, still alive (sd_notify(3)). Does nothing where nobody listens, as on Windows."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

log = structlog.get_logger(__name__)

SOCKET_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"
WATCHDOG_PROCESS_VARIABLE = "WATCHDOG_PID"
MICROSECONDS = 1_000_000


class Notifier:
    """Tells systemd how the daemon is, in datagrams to the socket that NOTIFY_SOCKET names.

    `server` uses it so: `open()` first of all; `ready()` once HTTP listens and the journal is open; `reloading()` before settings are read
    anew and `ready()` after, whether they were good or not; `stopping()` when SIGTERM came; `close()` last. While it is open and the unit
    has WatchdogSec, a sign of life is sent at half that time by a task on the loop, and only while `healthy()` says so (the journal has not
    failed): a loop that hangs or a failed journal has systemd kill and restart the daemon, which is the one remedy left. `sleep` and
    `clock` (monotonic nanoseconds) are injected by tests. Nothing here raises: what cannot be told is logged.
    """

    def __init__(
        self,
        healthy: Callable[[], bool],
        *,
        environ: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        environ = os.environ if environ is None else environ
        self._healthy = healthy
        self._sleep = sleep
        self._clock = clock
        self._address = _address(environ.get(SOCKET_VARIABLE, ""))
        self._pause = _watchdog_pause(environ)
        self._socket: socket.socket | None = None
        self._watchdog: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin: take the socket, and give signs of life where they are wanted."""
        if self._address is None:
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        if self._pause is not None:
            self._watchdog = asyncio.create_task(self._live(self._pause))

    async def close(self) -> None:
        """End: no more signs of life."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            await asyncio.gather(self._watchdog, return_exceptions=True)
            self._watchdog = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ready(self, status: str = "") -> None:
        """Say that the daemon serves; `status` (one line) is what `systemctl status` shows."""
        self._tell("READY=1", *([f"STATUS={' '.join(status.split())}"] if status else []))

    def reloading(self) -> None:
        """Say that settings are being read anew; `ready` says that it is done."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={self._clock() // 1000}")

    def stopping(self) -> None:
        """Say that the daemon is ending."""
        self._tell("STOPPING=1")

    async def _live(self, pause: float) -> None:
        while True:
            if self._healthy():
                self._tell("WATCHDOG=1")
            await self._sleep(pause)

    def _tell(self, *lines: str) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("systemd.not_told", message=lines[0], error=error.strerror)


def _address(named: str) -> str | None:
    """Return the socket's address as the system calls take it: @ begins an abstract name. None where there is none that we can use."""
    if not hasattr(socket, "AF_UNIX") or not named.startswith(("/", "@")):
        return None
    return "\0" + named[1:] if named.startswith("@") else named


def _watchdog_pause(environ: Mapping[str, str]) -> float | None:
    """Return the seconds between two signs of life, half of what is allowed; None where none are wanted, or another process is meant."""
    text, process = environ.get(WATCHDOG_VARIABLE, ""), environ.get(WATCHDOG_PROCESS_VARIABLE, "")
    if not text.isascii() or not text.isdigit() or int(text) == 0 or process not in ("", str(os.getpid())):
        return None
    return int(text) / MICROSECONDS / 2
