import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import ecrlan
from ecrlan.cli import cli
from ecrlan.emulator import EmulatedTerminal, EmulatorServer


class Emulator:
    """An emulated terminal on a loop of its own, in a thread: the command line brings its own loop."""

    def __init__(self):
        self.terminal = EmulatedTerminal(clock=lambda: datetime.now(UTC))
        self.port = 0
        self.taken = threading.Event()
        """Set when a money request's ACK was sent."""
        self._asked = False
        self._ready = threading.Event()
        self._loop = None
        self._stop = None
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with EmulatorServer(self.terminal, on_frames=self._watch) as server:
            self.port = server.port
            self._ready.set()
            await self._stop.wait()

    def _watch(self, direction, raw):
        self._asked = raw[10:11] in b"PXSpic" if direction == ">" and raw[:1] == b"\x02" else self._asked
        if self._asked and direction == "<":
            self.taken.set()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *error):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user who has no settings and no journal yet."""
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("ECRLAN_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def another_emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def run():
    """Run a command line; the result has `exit_code`, `stdout`, `stderr`."""

    def run(*arguments):
        result = CliRunner().invoke(cli, list(arguments), prog_name="ecrlan")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def run_json(run):
    """Run a command line with --json; returns exit code and document."""

    def run_json(*arguments):
        result = run(*arguments, "--json")
        return result.exit_code, json.loads(result.stdout)

    return run_json


@pytest.fixture
def spawn():
    """Start a Python script that finds the same ecrlan as this test does."""
    running = []

    def spawn(script, *arguments, **options):
        environ = os.environ | {"PYTHONPATH": str(Path(ecrlan.__file__).parent.parent), "PYTHONWARNINGS": "error"}
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        process = subprocess.Popen([sys.executable, "-c", script, *arguments], env=environ, **options)
        running.append(process)
        return process

    yield spawn
    for process in running:
        process.kill()
        process.communicate()


class Serving:
    """A daemon in a process of its own, on a free port of loopback."""

    def __init__(self, process, journal):
        self.process = process
        self.journal = journal
        self.first_line = process.stdout.readline()
        assert "serves at" in self.first_line, process.communicate()
        note = json.loads(journal.with_name(journal.name + ".daemon").read_text())
        self.url, self.pid = note["url"], note["pid"]

    def logged(self, event):
        """Wait until the daemon has logged an event of this name."""
        while f'"event": "{event}"' not in (line := self.process.stderr.readline()):
            assert line, event

    def end(self):
        """Send SIGTERM; return exit code, the rest of what it printed, and the rest of its log."""
        self.process.terminate()
        printed, log = self.process.stdout.read(), self.process.stderr.read()  # communicate() would drop what readline has read ahead
        return self.process.wait(20), printed, log


@pytest.fixture
def shop(home, emulator, monkeypatch):
    """A settings file, found by every command, with the emulated terminal as its only one; returns a function that writes it anew."""
    file = home / "shop.toml"
    monkeypatch.setenv("ECRLAN_CONFIG", str(file))

    def write(more="", port=emulator.port):
        file.write_text(
            '[register]\njournal = "till.db"\nlisten = ""\n[daemon]\nhttp = "127.0.0.1:1"\nhealth_interval = 0.0\n'
            f'[terminals.till-1]\naddress = "127.0.0.1"\nport = {port}\nlink = "dial"\nprint_on_register = true\n'
            f"recovery_pause = 0.1\n{more}"
        )
        return file

    write()
    return write


SERVE = "from ecrlan.cli import main; main()"


@pytest.fixture
def serve(shop, spawn, home):
    """Start the daemon of the shop, and wait until it serves."""

    def serve(*arguments, wrapper=SERVE, journal=home / "till.db", **options):
        return Serving(spawn(wrapper, "serve", "--http", "127.0.0.1:0", *arguments, **options), journal)

    return serve


@pytest.fixture
def free_port():
    """A TCP port of loopback that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
