import asyncio
import os
import socket
import sys
import uuid

import pytest

from ecrlan.daemon.notify import Notifier

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd is Linux")


@pytest.fixture(params=["file", *(["abstract"] if sys.platform == "linux" else [])])
def systemd(request, tmp_path):
    """A socket as systemd has it, with the name that goes into NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@ecrlan-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0"))
        listening.setblocking(False)
        yield listening, name


def told(listening):
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096).decode())
        except BlockingIOError:
            return messages


class Pauses:
    """Stands in for asyncio.sleep: a pause lasts until `step`."""

    def __init__(self):
        self.asked = []
        self._asking = asyncio.Queue()
        self._turns = asyncio.Queue()

    async def __call__(self, seconds):
        self.asked.append(seconds)
        self._asking.put_nowait(seconds)
        await self._turns.get()

    async def step(self):
        """End the pause, and wait for the next one."""
        await self._asking.get()
        self._turns.put_nowait(None)
        await self.begun()

    async def begun(self):
        self._asking.put_nowait(await self._asking.get())


async def test_ready_reloading_stopping(systemd):
    listening, name = systemd
    notifier = Notifier(lambda: True, environ={"NOTIFY_SOCKET": name}, clock=lambda: 12_345_678)
    notifier.ready()  # nobody is told before it is open
    await notifier.open()
    notifier.ready("3 terminals\nat port 8017")
    notifier.reloading()
    notifier.ready()
    notifier.stopping()
    await notifier.close()
    notifier.stopping()
    assert told(listening) == ["READY=1\nSTATUS=3 terminals at port 8017", "RELOADING=1\nMONOTONIC_USEC=12345", "READY=1", "STOPPING=1"]


async def test_signs_of_life_come_at_half_the_time_and_only_while_healthy(systemd):
    listening, name = systemd
    healthy = True
    pauses = Pauses()
    environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    notifier = Notifier(lambda: healthy, environ=environ, sleep=pauses)
    await notifier.open()
    await pauses.step()
    assert told(listening) == ["WATCHDOG=1", "WATCHDOG=1"]
    healthy = False
    await pauses.step()
    assert told(listening) == []
    healthy = True
    await pauses.step()
    assert told(listening) == ["WATCHDOG=1"]
    assert set(pauses.asked) == {15.0}
    await notifier.close()
    assert told(listening) == []


@pytest.mark.parametrize(
    "more", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "²"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}]
)
async def test_no_signs_of_life_where_none_are_wanted(systemd, more):
    listening, name = systemd
    pauses = Pauses()
    notifier = Notifier(lambda: True, environ={"NOTIFY_SOCKET": name} | more, sleep=pauses)
    await notifier.open()
    await asyncio.sleep(0)
    await notifier.close()
    assert (told(listening), pauses.asked) == ([], [])


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
async def test_where_nobody_listens_nothing_happens(environ):
    notifier = Notifier(lambda: True, environ=environ | {"WATCHDOG_USEC": "1000000"})
    await notifier.open()
    notifier.ready()
    notifier.reloading()
    notifier.stopping()
    await notifier.close()
