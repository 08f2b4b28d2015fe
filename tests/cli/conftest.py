import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

import ecrlan
from ecrlan.cli import cli
from ecrlan.daemon import daemon
from ecrlan.daemon.server import Server
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.settings import Settings
from tests.daemon.process import free_port as find_free_port
from tests.loops import same_loop
from tests.threads import in_thread


class Emulator:
    """An emulated terminal on a loop of its own, in a thread: the command line brings its own loop."""

    def __init__(self):
        self.terminal = EmulatedTerminal(clock=lambda: datetime.now(UTC))
        self.port = 0
        self.taken = threading.Event()
        """Set when a money request's ACK was sent."""
        self._asked = False

    @contextmanager
    def serving(self):
        with in_thread(lambda: EmulatorServer(self.terminal, on_frames=self._watch)) as (server, _):
            self.port = server.port
            yield self

    def _watch(self, direction, raw):
        self._asked = raw[10:11] in b"PXSpic" if direction == ">" and raw[:1] == b"\x02" else self._asked
        if self._asked and direction == "<":
            self.taken.set()

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
    yield tmp_path
    structlog.reset_defaults()  # commands set the log up for themselves, and other tests look at it


@pytest.fixture(autouse=True)
def log():
    """What a command does to the log ends with its test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def emulator():
    with Emulator().serving() as running:
        yield running


@pytest.fixture
def another_emulator():
    with Emulator().serving() as running:
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
        process = subprocess.Popen([sys.executable, "-c", same_loop() + script, *arguments], env=environ, **options)
        running.append(process)
        return process

    yield spawn
    for process in running:
        process.kill()
        process.communicate()


class Daemon:
    """Where a daemon is, as its note says, and its journal."""

    def __init__(self, journal):
        self.journal = journal
        self.note = journal.with_name(journal.name + ".daemon")
        told = json.loads(self.note.read_text())
        self.url, self.pid = told["url"], told["pid"]


class DaemonProcess(Daemon):
    """A daemon in a process of its own, on a free port of loopback: to be killed, signalled, and read."""

    def __init__(self, process, journal):
        self.process = process
        self.first_line = process.stdout.readline()
        assert "serves at" in self.first_line, process.communicate()
        super().__init__(journal)

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


@asynccontextmanager
async def open_daemon():
    async with daemon.Daemon(Settings.load()) as opened, Server(opened, "127.0.0.1:0") as server:
        yield opened
        opened.hurried = True
        server.hurry()


@pytest.fixture
def serve(shop, home):
    """Have the daemon of the shop serve from a thread of this process: it starts sooner than a process."""
    with ExitStack() as running:

        def serve():
            running.enter_context(in_thread(open_daemon))
            return Daemon(home / "till.db")

        yield serve


SERVE = "from ecrlan.cli import main; main()"


@pytest.fixture
def serve_process(shop, spawn, home):
    """Start the daemon of the shop in a process of its own, and wait until it serves."""

    def serve_process(*arguments, wrapper=SERVE, **options):
        return DaemonProcess(spawn(wrapper, "serve", "--http", "127.0.0.1:0", *arguments, **options), home / "till.db")

    return serve_process


@pytest.fixture
def free_port():
    """A TCP port of loopback that nobody listens on just now."""
    return find_free_port()
