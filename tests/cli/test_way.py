"""Commands beside a running `ecrlan serve --demo`, of a user who has no settings, and of one who has."""

import json
import os
import stat

import pytest

from ecrlan.cli.way import chosen_settings, daemon_file
from ecrlan.daemon.demo_note import demo_note_file, read_demo_note, remove_demo_note, write_demo_note
from ecrlan.settings import data_folder


@pytest.fixture
def demo_process(spawn):
    """A demo that serves, and answers at once; returns its process and its token."""
    process = spawn("from ecrlan.cli import main; main()", "serve", "--demo", "--think", "0", "--http", "127.0.0.1:0", "--no-open")
    lines = [process.stdout.readline() for _ in range(2)]
    assert "serves at" in lines[0], process.communicate()
    return process, lines[1].removeprefix("token: ").strip()


def test_commands_without_settings_go_through_the_demo(demo_process, run, run_json):
    process, token = demo_process
    assert run("token").stdout.strip() == token
    paid = run("purchase", "6.50", "--reference", "a")
    assert (paid.exit_code, paid.stdout.splitlines()[0]) == (0, "approved  purchase 6.50 EUR")
    assert f"the running demo answers (process {process.pid}): its terminal is emulated, and nothing is charged" in paid.stderr
    exit_code, operation = run_json("purchase", "90.02", "-t", "till-1", "--reference", "b")
    assert (exit_code, operation["outcome"], operation["terminal"]) == (1, "declined", "till-1")
    assert {each["reference"] for each in run_json("operations", "list")[1]} >= {"a", "b"}
    assert run_json("operations", "show", "a")[1]["outcome"] == "approved"
    assert run_json("void", "a")[0] == 0
    assert run("reload").exit_code == 0
    assert run("reset", "till-1").exit_code == 0


def test_the_note_is_private_and_goes_with_the_demo(demo_process):
    note = read_demo_note()
    mode = stat.S_IMODE(demo_note_file().stat().st_mode)
    assert (note.pid, os.name == "posix" and mode) == (demo_process[0].pid, os.name == "posix" and 0o600)
    demo_process[0].terminate()
    demo_process[0].communicate(timeout=20)
    assert not data_folder().exists()
    assert not note.config.exists()


def test_a_demo_that_was_killed_is_not_found(demo_process, run):
    demo_process[0].kill()
    demo_process[0].communicate(timeout=20)
    assert read_demo_note() is not None
    assert run("token").exit_code == 3
    assert "no terminal is set up" in run("purchase", "6.50").stderr


def test_nothing_else_that_listens_at_its_address_is_taken_for_it(demo_process, serve, run, monkeypatch):
    monkeypatch.setenv("ECRLAN_CONFIG", "")
    note = read_demo_note()
    with pytest.MonkeyPatch.context() as shop:
        shop.setenv("ECRLAN_CONFIG", str(demo_note_file().parent.parent / "shop.toml"))
        real = serve()
    write_demo_note(note.config, real.url)
    assert chosen_settings(None).file is None
    write_demo_note(note.config, "http://[")
    assert chosen_settings(None).file is None
    demo_note_file().write_text("{")
    assert chosen_settings(None).file is None


def test_the_users_own_settings_win(demo_process, shop, emulator, run_json, monkeypatch):
    assert run_json("purchase", "6.50")[1]["outcome"] == "approved"
    assert emulator.terminal.ledger.charged_total() == 650
    monkeypatch.delenv("ECRLAN_CONFIG")
    assert run_json("purchase", "1.00", "--address", emulator.address)[1]["terminal"] == f"127-0-0-1-{emulator.port}"
    monkeypatch.setenv("ECRLAN_REGISTER__JOURNAL", "own.db")
    assert run_json("purchase", "1.00")[0] == 2
    monkeypatch.delenv("ECRLAN_REGISTER__JOURNAL")
    monkeypatch.setenv("ECRLAN_TERMINALS__TILL_1__ADDRESS", "192.0.2.1")
    assert chosen_settings(None).terminals["till-1"].address == "192.0.2.1"
    assert emulator.terminal.ledger.charged_total() == 750


def test_the_users_own_settings_can_send_a_command_to_the_demo(demo_process, shop, emulator, run_json):
    assert run_json("purchase", "6.50", "--config", str(read_demo_note().config))[1]["outcome"] == "approved"
    assert emulator.terminal.ledger.charged_total() == 0


def test_a_daemon_of_the_usual_journal_wins(demo_process, shop, spawn, monkeypatch):
    monkeypatch.delenv("ECRLAN_CONFIG")
    real = spawn("from ecrlan.cli import main; main()", "serve", "--http", "127.0.0.1:0")
    assert "serves at" in real.stdout.readline()
    assert json.loads(daemon_file(data_folder() / "ecrlan.db").read_text())["pid"] == real.pid
    assert chosen_settings(None).file is None


def test_a_note_of_a_newer_demo_stays(home):
    write_demo_note(home / "first.toml", "http://127.0.0.1:1")
    write_demo_note(home / "second.toml", "http://127.0.0.1:2")
    remove_demo_note(home / "first.toml")
    assert read_demo_note().config == home / "second.toml"
    remove_demo_note(home / "second.toml")
    assert read_demo_note() is None


def test_a_data_folder_that_cannot_be_made_hinders_nobody(home):
    (home / "ecrlan").write_text("a file")
    write_demo_note(home / "first.toml", "http://127.0.0.1:1")
    assert read_demo_note() is None
    remove_demo_note(home / "first.toml")


def test_think_needs_the_demo(run):
    result = run("serve", "--think", "3")
    assert result.exit_code == 2
    assert "--think is for the terminal of --demo" in result.stderr
