"""`ecrlan reset --hand-use`; dropping a line has its tests in test_remote.py."""

import pytest

from ecrlan.journal import Journal


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
