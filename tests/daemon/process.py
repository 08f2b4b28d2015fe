"""`ecrlan serve` in a process of its own, on a settings file, to be asked over HTTP and to be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from ecrlan.daemon.tokens import token_file
from tests.loops import same_loop

TREE = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds in which a daemon must answer after its start."""
LOOK_SECONDS = 0.02
"""Between two looks whether it answers already."""
Table = Mapping[str, Any]


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_settings(file: Path, *, register: Table, daemon: Table, terminals: Mapping[str, Table]) -> None:
    """Write a settings file. JSON's texts, numbers, booleans and lists are TOML's, too."""
    tables: dict[str, Table] = {"register": register, "daemon": daemon, **{f"terminals.{name}": each for name, each in terminals.items()}}
    file.write_text("".join(f"[{name}]\n{''.join(_lines(table))}\n" for name, table in tables.items()), "utf-8")


def _lines(table: Table) -> list[str]:
    return [f"{key} = {json.dumps(value)}\n" for key, value in table.items()]


class DaemonProcess:
    """One daemon process. `async with await DaemonProcess.start(...) as daemon` ends it, whatever state it is in."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, port: int) -> None:
        self.process = process
        self.folder = folder
        self.port = port

    @classmethod
    async def start(
        cls,
        folder: Path,
        terminals: Mapping[str, Table],
        *,
        port: int | None = None,
        daemon: Table | None = None,
        python: Sequence[str] = (),
        first: str = "",
    ) -> Self:
        """Start one on `folder`'s journal. What it logs goes to `folder`/log.

        `python` are further arguments of the interpreter, `first` is Python that runs before the daemon.
        """
        port = port or free_port()
        config = folder / "ecrlan.toml"
        write_settings(
            config,
            register={"journal": "till.db", "listen": "", "backups": 0},
            daemon={"http": f"127.0.0.1:{port}", "health_interval": 0.0, **(daemon or {})},
            terminals=terminals,
        )
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ECRLAN_")}
        program = f"{same_loop()}{first}from ecrlan.cli import main; main()"
        with (folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *python, "-c", program, "serve", "--config", str(config)),
                cwd=TREE,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return cls(process, folder, port)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.kill()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return token_file(self.folder / "till.db", "operate").read_text("ascii").strip()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    async def ready(self) -> None:
        """Wait until it answers. AssertionError with the end of its log where it ends instead, or takes too long."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await self._answers():
                    assert self.running, f"the daemon ended with {self.process.returncode}:\n{self.log[-3000:]}"
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"the daemon does not answer after {PATIENCE:g} s:\n{self.log[-3000:]}") from None

    async def _answers(self) -> bool:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n".encode())
                return (await reader.readexactly(12)).startswith(b"HTTP/1.1 200")
            finally:
                writer.close()
        return False

    async def kill(self) -> None:
        """Kill it as a power cut would; nothing happens where it has ended already."""
        if self.running:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to stop, and return its exit code. Windows: it is killed."""
        if sys.platform == "win32":
            await self.kill()
        elif self.running:
            self.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                await self.process.wait()
        return self.process.returncode or 0
