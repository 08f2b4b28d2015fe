"""What a named person says about operations; `operations resolve` has its tests in test_desk.py."""

import pytest


@pytest.fixture
def write(home, monkeypatch):
    """Write settings with one terminal, and have them found."""

    def write(name, port):
        file = home / "shop.toml"
        terminal = f'[terminals.{name}]\naddress = "127.0.0.1"\nport = {port}\nlink = "dial"\nrecovery_pause = 0.1\n'
        file.write_text(f'[register]\njournal = "till.db"\nlisten = ""\n[daemon]\nhttp = "127.0.0.1:1"\n{terminal}')
        monkeypatch.setenv("ECRLAN_CONFIG", str(file))

    return write


@pytest.fixture
def lost(write, run, emulator, free_port):
    """An unresolved purchase `odd` whose terminal is not in the settings any more."""
    write("till-1", emulator.port)
    emulator.terminal.faults.set("odd_result")
    assert run("purchase", "6.50", "--reference", "odd").exit_code == 4
    write("till-2", free_port)


@pytest.mark.parametrize("line", ["purchase 1.00", "verify-card", "reprint", "serve --http 127.0.0.1:0"])
def test_nothing_starts_while_an_open_operation_has_no_terminal(run, lost, line):
    result = run(*line.split())
    assert result.exit_code == 2
    assert "belong to no terminal of the settings: odd (terminal till-1)" in result.stderr
    assert "ecrlan operations attach REFERENCE -t TERMINAL --by NAME" in result.stderr


def test_what_only_looks_is_not_refused(run, lost):
    assert "no line to 127.0.0.1" in run("totals").stdout


def test_an_operation_is_attached_and_blocks_its_new_terminal(run, run_json, lost, write, another_emulator):
    write("till-2", another_emulator.port)
    exit_code, operation = run_json("operations", "attach", "odd", "-t", "till-2", "--by", "Anna 4111111111111111")
    assert (exit_code, operation["reference"], operation["outcome"]) == (0, "odd", "unresolved")
    attached = run_json("operations", "show", "odd")[1]["events"][-1]
    assert (attached["name"], attached["data"]) == ("attached", {"terminal": "till-2", "by": "Anna 0000000000001111"})
    exit_code, document = run_json("purchase", "1.00")
    assert (exit_code, document["error"]["code"]) == (3, "terminal_blocked")
    assert len(another_emulator.terminal.ledger) == 0


@pytest.mark.parametrize(
    ("language", "words"), [("en", "odd belongs to terminal till-2"), ("it", "odd appartiene da ora al terminale till-2")]
)
def test_it_is_said_in_both_languages(run, lost, language, words):
    assert words in run("operations", "attach", "odd", "-t", "till-2", "--by", "Anna", "--lang", language).stdout
    told = run("operations", "show", "odd", "--lang", language, "--wait", "0").stdout
    assert {"en": "given to terminal till-2 by Anna", "it": "assegnata al terminale till-2 da Anna"}[language] in told
    assert "ecrlan totals -t till-2" in told


@pytest.mark.parametrize(
    ("line", "exit_code", "words"),
    [
        ("odd -t till-9 --by Anna", 2, "no terminal is named 'till-9'"),
        ("none -t till-2 --by Anna", 3, "no operation has the reference"),
        ("odd -t till-2 --by _", 2, "by: ' ' is not allowed"),
        ("odd -t till-2", 2, "--by"),
    ],
)
def test_what_cannot_be_attached(run, lost, line, exit_code, words):
    result = run("operations", "attach", *(word.replace("_", " ") for word in line.split()))
    assert result.exit_code == exit_code
    assert words in result.stderr


def test_a_known_outcome_is_not_attached(run, write, emulator):
    write("till-1", emulator.port)
    run("purchase", "6.50", "--reference", "sale-1")
    result = run("operations", "attach", "sale-1", "-t", "till-1", "--by", "Anna")
    assert result.exit_code == 3
    assert "operation sale-1 is approved: it blocks no terminal" in result.stderr
