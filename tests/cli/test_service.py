import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecrlan.daemon.units import own_command, stop_seconds, systemd_unit
from ecrlan.settings import Settings


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
