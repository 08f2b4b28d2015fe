import json
import os
import sys

import pytest

import ecrlan
from ecrlan.cli import group
from ecrlan.cli.group import COMMANDS


def test_bare_ecrlan_says_what_to_do_next(run, home):
    result = run()
    assert result.exit_code == 0
    assert "ecrlan demo" in result.stdout
    assert "ecrlan.toml" in result.stdout
    file = home / "ecrlan" / "ecrlan.toml"
    if sys.platform not in ("win32", "darwin"):
        file.parent.mkdir()
        file.touch()
        assert f"{file}" in run().stdout


def test_bare_ecrlan_with_a_wrong_variable_names_it(run, monkeypatch):
    monkeypatch.setenv("ECRLAN_CONFIG", "missing.toml")
    result = run()
    assert result.exit_code == 2
    assert "ECRLAN_CONFIG: 'missing.toml'" in result.stderr


def test_help_lists_every_command(run):
    text = run("--help").stdout
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage: ecrlan" in result.stdout
    assert "--help" in result.stdout


def test_unknown_commands_and_missing_arguments_are_usage_errors(run, run_json):
    assert run("pay").exit_code == 2
    assert "No such command 'pay'" in run("pay").stderr
    assert run("purchase").exit_code == 2
    exit_code, document = run_json("purchase")
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (2, "usage", "no")


def test_version(run):
    assert run("--version").stdout == f"ecrlan {ecrlan.__version__}\n"


def test_version_imports_nothing_heavy(spawn):
    heavy = ("pydantic", "rich", "structlog", "construct", "asyncio")
    process = spawn(f"import sys, ecrlan.cli; print([name for name in {heavy} if name in sys.modules])")
    assert process.communicate() == ("[]\n", "")


@pytest.mark.parametrize("json_wanted", [False, True])
def test_an_error_of_ecrlan_itself_is_70(run, monkeypatch, json_wanted):
    monkeypatch.setitem(group.COMMANDS, "layouts", ("ecrlan.cli.nowhere", ""))
    result = run("layouts", *(["--json"] if json_wanted else []))
    assert result.exit_code == 70
    if json_wanted:
        assert json.loads(result.stdout)["error"]["code"] == "internal"
    else:
        assert "please report" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [(["layouts"], 0), (["settings"], 0), (["--help"], 0), (["purchase", "0", "--json"], 2), (["purchase", "0"], 2)],
)
def test_a_reader_that_leaves_changes_no_exit_code(spawn, arguments, exit_code):
    reading, writing = os.pipe()
    os.close(reading)
    process = spawn("from ecrlan.cli import main; main()", *arguments, stdout=writing, stderr=writing)
    os.close(writing)
    assert process.wait() == exit_code
