"""Real disks: a file that stops growing, a small disk that fills up, a read-only journal. Each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ecrlan.journal import Journal
from tests.faults.kills import TREE

REAL = """
    import asyncio, json, os, resource, sys
    from datetime import UTC, datetime
    from ecrlan.emulator import EmulatedTerminal, EmulatorServer
    from ecrlan.errors import EcrlanError
    from ecrlan.journal import Journal
    from ecrlan.register import Alarm, Register
    import structlog
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

    path = sys.argv[1]
    seen = []
    on_request = []

    def frame(direction, raw):
        if raw[:1] == b"\\x02":
            seen.append(direction + raw[10:11].decode())
        elif raw[:1] == b"\\x06":
            seen.append(direction + "ACK")
        if direction == ">" and raw[10:11] in b"XP" and raw[:1] == b"\\x02" and on_request:
            on_request.pop()()

    def say(name, value):
        print(json.dumps([name, value]), flush=True)

    async def ask(name, work):
        del seen[:]
        try:
            operation = await work
        except EcrlanError as error:
            say(name, [type(error).__name__, str(error), seen])
        else:
            say(name, [operation.outcome and operation.outcome.outcome, operation.durable, seen])

    async def watch(terminal):
        async for event in terminal.events():
            if isinstance(event, Alarm):
                say("alarm", event.name)

    async def main():
        emulated = EmulatedTerminal(clock=lambda: datetime.now(UTC), think_seconds=0.02)
        async with EmulatorServer(emulated, on_frames=frame) as server:
            await act(emulated, server)
            say("ledger", [entry.amount for entry in emulated.ledger])
"""

LIMITED = """
    def stop_growing():
        size = os.path.getsize(path + "-wal")
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    async def act(emulated, server):
        async with Register(path) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
            watching = asyncio.create_task(watch(terminal))
            await ask("first", terminal.purchase(100, reference="first"))
            on_request.append(stop_growing)
            await ask("cut off", terminal.purchase(650, reference="cut-off"))
            await ask("refused", terminal.purchase(700, reference="refused"))
            await ask("status", terminal.status())
            watching.cancel()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        async with Register(path) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, standalone_use=False, recovery_pause=0.01)
            while register.operation("cut-off").outcome is None:
                await asyncio.sleep(0.01)
            await ask("settled", terminal.purchase(650, reference="cut-off"))
            await ask("after", terminal.purchase(700, reference="refused"))

    asyncio.run(main())
"""

SMALL_DISK = """
    def fill():
        with open(path + ".ballast", "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(512))
            except OSError as error:
                say("filled", error.strerror)

    async def act(emulated, server):
        async with Register(path) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
            watching = asyncio.create_task(watch(terminal))
            await ask("first", terminal.purchase(100, reference="first"))
            on_request.append(fill)
            for number in range(1, 40):  # room in the last pages is used up, then the reserve
                await ask("filling", terminal.purchase(650 + number, reference=f"filling-{number}"))
                if emulated.ledger.entries[-1].amount != 650 + number:
                    break
            await ask("refused", terminal.purchase(700, reference="refused"))
            await ask("status", terminal.status())
            say("failed", register.journal.failed)
            os.unlink(path + ".ballast")
            watching.cancel()
        async with Register(path) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port, standalone_use=False)
            await ask("after", terminal.purchase(700, reference="refused"))

    asyncio.run(main())
"""

READ_ONLY = """
    async def act(emulated, server):
        await asyncio.to_thread(int)  # modules that are imported at first use: the next user may not read them
        if os.geteuid() == 0:
            os.setuid(65534)  # for root nothing is read-only
        try:
            async with Register(path) as register:
                await ask("sent", register.dial("till-1", "127.0.0.1", server.port).purchase(650))
        except EcrlanError as error:
            say("refused", str(error))
        say("lines", server.lines_taken)

    asyncio.run(main())
"""


def real(path: Path, code: str, *under: str) -> list[tuple[str, Any]]:
    """Run a till and its terminal in a process of their own, and return what it says."""
    program = f"import sys; sys.path[:0] = [{str(TREE)!r}]\n{textwrap.dedent(REAL)}{textwrap.dedent(code)}"
    done = subprocess.run([*under, sys.executable, "-c", program, path], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits")
def test_a_file_that_stops_growing_between_request_and_result(tmp_path: Path) -> None:
    said = real(tmp_path / "till.db", LIMITED)
    told = dict(said)
    assert told["first"][:2] == ["approved", True]
    outcome, durable, frames = told["cut off"]
    assert (outcome, durable) == ("approved", False)
    assert ">X" in frames
    assert ">ACK" not in frames[frames.index(">X") :]
    assert told["alarm"] == "journal_failed"
    assert told["refused"][0] == "JournalError"
    assert ">X" not in told["refused"][2]
    assert told["status"][0] == "done"
    assert told["settled"][:2] == ["approved", True]
    assert told["settled"][2] == [], "the same reference is the same operation: nothing is sent"
    assert told["after"][:2] == ["approved", True]
    assert told["ledger"] == [100, 650, 700]


def small_disk(folder: Path) -> tuple[str, ...]:
    """What runs a command with a file system of 6 MiB at `folder`, without being root. Skips where the system does not let us."""
    unshare = shutil.which("unshare")
    command = (unshare or "", "-rm", "sh", "-c", f'mount -t tmpfs -o size=6m tmpfs {folder} && exec "$@"', "sh")
    if unshare is None or subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user name spaces here")
    return command


def test_a_small_disk_that_fills_up_in_mid_exchange(tmp_path: Path) -> None:
    said = real(tmp_path / "till.db", SMALL_DISK, *small_disk(tmp_path))
    told = dict(said)
    filling = [value for name, value in said if name == "filling"]
    assert told["filled"] == "No space left on device"
    # what was sent when the disk filled up is written, in the end into the reserve
    assert all(one[:2] == ["approved", True] for one in filling[:-1])
    assert filling[:-1]
    assert filling[-1][0] == "JournalError"
    assert "too full for the records of a new operation" in filling[-1][1]
    assert told["refused"][0] == "JournalError"
    assert not [frame for one in (filling[-1], told["refused"]) for frame in one[2] if frame == ">X"]
    assert told["status"][0] == "done"
    assert told["failed"] is None
    assert told["after"][:2] == ["approved", True]
    assert told["ledger"] == [100, *range(651, 651 + len(filling) - 1), 700]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o666, 0o555)])
def test_a_read_only_journal_opens_no_line(file_mode: int, folder_mode: int) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name) / "data"
        folder.parent.chmod(0o755)
        folder.mkdir()
        path = folder / "till.db"
        Journal(path).close()
        path.with_name("till.db.owner").unlink()
        path.chmod(file_mode)
        folder.chmod(folder_mode)
        try:
            told = dict(real(path, READ_ONLY))
        finally:
            folder.chmod(0o755)
    assert "sent" not in told
    assert "till.db" in told["refused"]
    assert told["lines"] == 0
    assert told["ledger"] == []
