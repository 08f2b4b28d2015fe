"""The daemon from the command line; dropping a line and `reload` have their tests in test_remote.py."""

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import ecrlan
from ecrlan.daemon.units import own_command, stop_seconds, systemd_unit
from ecrlan.journal import Journal
from ecrlan.settings import Settings

pytestmark = pytest.mark.long

CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ecrlan.cli import main; main()"
unix_only = pytest.mark.skipif(os.name == "nt", reason="a test cannot send signals to another console")


@pytest.fixture
def printed(run, shop, monkeypatch):
    """Let `ecrlan serve` end as soon as it serves; returns what it prints."""

    async def end_at_once(_):
        pass

    def printed():
        result = run("serve", "--http", "127.0.0.1:0")
        assert result.exit_code == 0
        return result.stdout

    monkeypatch.setattr("ecrlan.daemon.server.Life.last", end_at_once)
    return printed


def test_it_says_how_to_come_to_it_and_logs_json(serve_process, home, run):
    daemon = serve_process()
    assert daemon.first_line == f"ecrlan {ecrlan.__version__} serves at {daemon.url}/  (console; API: {daemon.url}/docs)\n"
    with urllib.request.urlopen(f"{daemon.url}/healthz", timeout=10) as answer:  # noqa: S310 - our own address
        assert json.load(answer)["status"] == "ok"
    exit_code, printed, log = daemon.end()
    assert printed.splitlines() == [
        f"token: {home / 'till.db.token'}  (`ecrlan token` prints it)",
        "PosConnector: register.listen is empty: no terminal dials in, each must listen itself",
        "Ctrl-C ends it",
    ]
    assert exit_code == 0
    assert {"daemon.started", "daemon.stopping", "daemon.stopped"} <= {json.loads(line)["event"] for line in log.splitlines()}
    assert not home.joinpath("till.db.daemon").exists()


@pytest.mark.parametrize(("listen", "address"), [("127.0.0.1", "address 127.0.0.1"), ("0.0.0.0", r"address \S+( or \S+)*")])  # noqa: S104 - listed
def test_it_says_what_to_type_into_posconnector(shop, printed, free_port, listen, address):
    file = shop()
    file.write_text(file.read_text().replace('listen = ""', f'listen = "{listen}:{free_port}"'))
    text = printed()
    assert re.search(f"^PosConnector: {address}, port {free_port}$", text, re.MULTILINE), text


def test_without_terminals_it_says_what_to_write(shop, printed):
    file = shop()
    file.write_text(file.read_text().partition("[terminals")[0])
    assert "no terminal is set up" in printed()


def test_the_demo_needs_no_settings_and_leaves_nothing(home, spawn):
    process = spawn("from ecrlan.cli import main; main()", "serve", "--demo", "--http", "127.0.0.1:0", "--no-open")
    lines = [process.stdout.readline() for _ in range(7)]
    url = re.search(r"http://127\.0\.0\.1:\d+", lines[0])[0]
    token = lines[1].removeprefix("token: ").strip()
    assert "terminal till-1: emulated" in lines[2]
    assert "ends after 3 s (--think SECONDS). 90.02 is refused" in lines[3]
    assert lines[4].endswith(f" {url}/#token={token}\n")
    assert lines[5] == "Commands beside it go through it: ecrlan purchase 6.50\n"
    request = urllib.request.Request(f"{url}/v1/demo/screen", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own address
        assert json.load(answer)["state"] == "idle"
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert list(home.iterdir()) == []


def test_a_browser_is_opened_where_it_is_asked_for(spawn, home):
    script = "import webbrowser; webbrowser.open = lambda page: print(page, flush=True); from ecrlan.cli import main; main()"
    process = spawn(script, "serve", "--demo", "--http", "127.0.0.1:0", "--open")
    lines = [process.stdout.readline() for _ in range(8)]
    url, token = lines[0].split()[4], lines[1].removeprefix("token: ")
    assert f"{url}#token={token}" in lines


@unix_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_may_finish_when_it_is_stopped(serve_process, spawn, emulator, number):
    emulator.terminal.think_seconds = 1.0
    daemon = serve_process(wrapper=CTRL_C)
    paying = spawn(CTRL_C, "purchase", "6.50", "--reference", "a", "--json")
    assert emulator.taken.wait(20)
    daemon.process.send_signal(number)
    stdout, _ = paying.communicate(timeout=20)
    assert (paying.returncode, json.loads(stdout)["outcome"]) == (0, "approved")
    _, log = daemon.process.communicate(timeout=20)
    assert (daemon.process.returncode, "Traceback" in log) == (0, False)
    assert emulator.terminal.ledger.charged_total() == 650


@unix_only
def test_a_second_signal_ends_it_at_once_and_recovery_has_the_rest(serve_process, spawn, emulator, run_json):
    emulator.terminal.think_seconds = 3600.0
    daemon = serve_process()
    paying = spawn(f"from ecrlan import client; client.LOST_PAUSES = (0.01,); {CTRL_C}", "purchase", "6.50", "--reference", "a")
    assert emulator.taken.wait(20)
    daemon.process.terminate()
    daemon.logged("daemon.stopping")
    daemon.process.terminate()
    assert daemon.process.wait(20) == 0
    paying.communicate(timeout=20)
    assert paying.returncode == 4
    assert run_json("operations", "show", "a", "--wait", "0")[1]["outcome"] is None


def test_two_daemons_of_one_journal(serve, run):
    first = serve()
    result = run("serve", "--http", "127.0.0.1:0")
    assert result.exit_code == 3
    assert f"the daemon at {first.url} (process {first.pid}) owns the journal" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["--http", "8017"], 2, "--http: '8017' is not allowed"),
        (["--http", "0.0.0.0:0"], 2, "daemon.certificate and daemon.key"),
        (["--http", "192.0.2.1:8017"], 3, "cannot listen on 192.0.2.1 port 8017"),
        (["--config", "missing.toml"], 2, "--config: 'missing.toml'"),
    ],
)
def test_what_cannot_begin_says_why(run, shop, arguments, exit_code, words):
    result = run("serve", *arguments)
    assert result.exit_code == exit_code
    assert words in result.stderr


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "httpx", "prometheus_client"])
def test_without_the_extra_it_says_what_to_install(run, shop, monkeypatch, missing):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))
    result = run("serve")
    assert result.exit_code == 2
    assert f"this needs {missing}, which is not installed: pip install 'ecrlan[daemon]'" in result.stderr


@unix_only
def test_sighup_has_the_settings_read_anew(shop, serve_process, run_json, another_emulator):
    daemon = serve_process()
    shop(more=f'[terminals.till-2]\naddress = "127.0.0.1"\nport = {another_emulator.port}\nlink = "dial"\n')
    daemon.process.send_signal(signal.SIGHUP)
    daemon.logged("terminals.reloaded")
    assert run_json("status", "-t", "till-2")[1]["outcome"] == "done"


@unix_only
def test_systemd_is_told_of_its_life(shop, serve_process, home):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(home / "notify"))
        systemd.settimeout(20)
        os.environ["NOTIFY_SOCKET"] = str(home / "notify")
        try:
            daemon = serve_process()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        assert systemd.recv(1000).startswith(b"READY=1\nSTATUS=serving 1 terminals at http://127.0.0.1:")
        daemon.process.send_signal(signal.SIGHUP)
        assert systemd.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert systemd.recv(1000) == b"READY=1"
        assert daemon.end()[0] == 0
        assert systemd.recv(1000) == b"STOPPING=1"


def values(unit, key):
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]


@pytest.fixture
def unit(run, shop):
    def unit(*arguments):
        result = run("service", "systemd", *arguments)
        assert result.exit_code == 0
        return result.stdout

    return unit


def test_the_unit_runs_the_daemon_with_these_settings(unit, home):
    text = unit()
    assert values(text, "ExecStart") == [f"{own_command()[0]}{' -m ecrlan' if len(own_command()) > 1 else ''} serve"]
    assert Path(values(text, "ExecStart")[0].split()[0]).is_file()
    assert values(text, "Environment") == [f"ECRLAN_CONFIG={home}/shop.toml"]
    assert values(text, "Type") == ["notify"]
    assert values(text, "Restart") == ["on-failure"]
    assert int(values(text, "WatchdogSec")[0]) >= 10
    assert values(text, "StateDirectory") == ["ecrlan"]
    assert values(text, "ReadWritePaths") == [f"-{home}"]
    assert values(text, "User") == ["ecrlan"]
    assert values(unit("--user", "till"), "User") == ["till"]


@pytest.mark.parametrize(
    ("more", "daemon", "seconds"),
    [
        ("", "", 330),
        ("longest_payment_time = 420.5\n", "", 451),
        ("close_timeout = 500.0\n", "", 530),
        ("payment_timeout = 600.0\n", "", 630),
        ("", "stop_timeout = 700.0\n", 730),
    ],
)
def test_a_stop_may_take_longer_than_the_longest_payment(unit, shop, more, daemon, seconds):
    file = shop(more=more)
    file.write_text(file.read_text().replace("[daemon]\n", f"[daemon]\n{daemon}"))
    assert values(unit(), "TimeoutStopSec") == [str(seconds)]
    assert stop_seconds(Settings.load()) == seconds


def test_without_a_journal_in_the_settings_it_stands_in_the_state_directory(unit, shop):
    file = shop()
    file.write_text(file.read_text().replace('journal = "till.db"\n', ""))
    text = unit()
    assert values(text, "Environment")[1] == "ECRLAN_REGISTER__JOURNAL=/var/lib/ecrlan/ecrlan.db"
    assert values(text, "ReadWritePaths") == []
    assert "# The settings file names no journal." in text
    assert '#   journal = "/var/lib/ecrlan/ecrlan.db"\n' in text


def test_a_journal_of_the_environment_is_the_units_too(unit, shop, monkeypatch):
    monkeypatch.setenv("ECRLAN_REGISTER__JOURNAL", "/srv/till/a b.db")
    text = unit()
    assert values(text, "Environment")[1] == '"ECRLAN_REGISTER__JOURNAL=/srv/till/a b.db"'
    assert values(text, "ReadWritePaths") == ["-/srv/till"]


@pytest.mark.skipif(os.name == "nt", reason="paths of Linux")
@pytest.mark.parametrize(("folder", "homes"), [("/home/anna", "read-only"), ("/srv/till", "yes"), ("/var/lib/ecrlan", "yes")])
def test_homes_are_hidden_where_nothing_is_needed_of_them(shop, folder, homes):
    file = shop()
    file.write_text(file.read_text().replace('"till.db"', f'"{folder}/till.db"'))
    text = systemd_unit(Settings.load(), command=["/opt/ecrlan/bin/ecrlan"])
    assert values(text, "ProtectHome") == [homes]
    assert values(text, "ReadWritePaths") == ([] if folder == "/var/lib/ecrlan" else [f"-{folder}"])


def test_what_means_something_to_systemd_is_quoted(shop):
    text = systemd_unit(Settings.load(), command=['/opt/a b/50%/$x"\\ecrlan'])
    assert values(text, "ExecStart") == ['"/opt/a b/50%%/$$x\\"\\\\ecrlan" serve']


@pytest.mark.parametrize("user", ["", "Anna", "a b", "-x", "a\nb", "a" * 32])
def test_a_wrong_user(run, shop, user):
    result = run("service", "systemd", "--user", user)
    assert result.exit_code == 2
    assert "--user: " in result.stderr


@pytest.mark.debian
@pytest.mark.parametrize("journal", [None, "/srv/till/a b.db", "/home/anna/till.db"])
def test_systemd_takes_the_unit(shop, tmp_path, journal):
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("ECRLAN_TESTS_NEED_DEBIAN") == "1":
            pytest.fail("systemd-analyze is not installed: apt-get install systemd")
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    file = shop()
    line = f'journal = "{journal}"\n' if journal else ""
    file.write_text(file.read_text().replace('journal = "till.db"\n', line))
    unit = tmp_path / "ecrlan-test.service"
    unit.write_text(systemd_unit(Settings.load(), command=[sys.executable, "-m", "ecrlan"], user="root"))
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "ecrlan-test" in line]) == (0, [])


def test_windows_gets_a_task_that_is_not_ended_after_three_days(run, shop, home):
    result = run("service", "windows")
    assert result.exit_code == 0
    for words in (
        "New-ScheduledTaskTrigger -AtStartup",
        "-ExecutionTimeLimit ([TimeSpan]::Zero)",
        f"'{own_command()[0]}'",
        f'serve --config "{home / "shop.toml"}"',
        "Ctrl-Break",
        "Stop-ScheduledTask -TaskName ecrlan",
        f"(Get-Content '{home / 'till.db'}.daemon' | ConvertFrom-Json).pid",
        "ecrlan reload",
    ):
        assert words in result.stdout


@pytest.fixture
def used_by_hand(shop, run, emulator):
    """A shop whose terminal was found to be used by hand."""
    shop(more="standalone_use = false\n")
    assert run("purchase", "1.00").exit_code == 0
    emulator.terminal.charge_by_hand(200, 0.0)
    assert run("purchase", "3.00").exit_code == 0


@pytest.mark.parametrize("by_daemon", [False, True])
def test_a_person_says_that_it_has_ended(run, run_json, used_by_hand, serve, home, by_daemon):
    if by_daemon:
        serve()
    exit_code, document = run_json("reset", "till-1", "--hand-use", "--by", "Anna 4111111111111111")
    assert (exit_code, document["name"], document["used_by_hand"]) == (0, "till-1", False)
    again = run("reset", "till-1", "--hand-use", "--by", "Anna")
    assert again.exit_code == 3
    assert "was not found to be used by hand" in again.stderr
    with Journal.reader(home / "till.db") as reader:
        assert reader.latest("till-1", "hand_use_reset").data["by"] == "Anna 0000000000001111"


def test_it_is_said_for_people(run, used_by_hand):
    assert run("reset", "till-1", "--hand-use", "--by", "Anna").stdout == "terminal till-1 is not used by hand any more, says Anna\n"


@pytest.mark.parametrize("by_daemon", [False, True])
@pytest.mark.parametrize(
    ("line", "exit_code", "words"),
    [
        ("till-1 --hand-use", 2, "--hand-use and --by NAME belong together"),
        ("till-1 --by Anna", 2, "--hand-use and --by NAME belong together"),
        ("till-1 --hand-use --by _", 2, "by: ' ' is not allowed"),
        ("till-9 --hand-use --by Anna", 2, "no terminal is named 'till-9'"),
    ],
)
def test_what_is_refused(run, used_by_hand, serve, line, exit_code, words, by_daemon):
    if by_daemon:
        serve()
    result = run("reset", *(word.replace("_", " ") for word in line.split()))
    assert result.exit_code == exit_code
    assert words in result.stderr


def test_without_a_journal_none_is_made(run, shop, home):
    assert run("reset", "till-1", "--hand-use", "--by", "Anna").exit_code == 3
    assert not (home / "till.db").exists()
