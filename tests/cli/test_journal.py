"""`ecrlan journal`: a journal in doubt is shown, and accepted by a person."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from ecrlan.cli import journal as module
from ecrlan.journal import Journal

BACKUP = "is a backup, made at"
MADE = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


@pytest.fixture
def restored(shop, home):
    """A journal that is a backup of itself."""
    with Journal(home / "till.db") as journal:
        journal.backup(home / "copy.db")
    for file in home.glob("till.db*"):
        file.unlink()
    shutil.move(home / "copy.db", home / "till.db")


def test_a_journal_without_a_doubt(run, run_json, shop, home):
    with Journal(home / "till.db"):
        pass
    exit_code, document = run_json("journal")
    assert exit_code == 0
    assert document == {"file": str(home / "till.db"), "epoch": 1, "failed": None, "doubt": None, "accepted": None}
    assert "in doubt  nothing" in " ".join(run("journal").stdout.split(" "))
    refused = run("journal", "accept", "--by", "Anna", "--note", "x", "--yes")
    assert (refused.exit_code, "nothing about the journal is in doubt" in refused.stderr) == (3, True)


def test_without_a_journal_none_is_made(run, shop, home):
    assert run("journal").exit_code == 3
    assert not (home / "till.db").exists()


@pytest.mark.parametrize("by_daemon", [False, True])
def test_no_money_is_moved_until_a_person_accepts_it(run, run_json, restored, serve, emulator, by_daemon):
    if by_daemon:
        serve()
    exit_code, document = run_json("journal")
    assert (exit_code, document["doubt"]["code"], document["accepted"]) == (3, "backup", None)
    assert BACKUP in document["doubt"]["text"]
    exit_code, refused = run_json("purchase", "6.50")
    assert (exit_code, refused["error"]["code"], refused["error"]["sent"]) == (3, "journal_doubtful", "no")
    assert "ecrlan journal accept" in refused["error"]["message"]
    assert run_json("status")[0] == 0
    exit_code, accepted = run_json("journal", "accept", "--by", "Anna 4111111111111111", "--note", "compared", "--yes")
    assert (exit_code, accepted["doubt"]) == (0, None)
    assert (accepted["accepted"]["by"], accepted["accepted"]["note"]) == ("Anna 0000000000001111", "compared")
    assert run_json("journal") == (0, accepted)
    assert run_json("purchase", "6.50")[1]["outcome"] == "approved"
    assert emulator.terminal.ledger.net_total() == 650
    again = run("journal", "accept", "--by", "Anna", "--note", "x", "--yes")
    assert (again.exit_code, "nothing about the journal is in doubt" in again.stderr) == (3, True)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", [BACKUP, "may have been performed", "ecrlan journal accept --by NAME"]),
        ("it", ["è una copia di sicurezza, fatta il", "possono essere state eseguite", "ecrlan journal accept --by NOME"]),
    ],
)
def test_what_is_in_doubt_is_told_in_both_languages(run, restored, language, words):
    result = run("journal", "--lang", language)
    assert result.exit_code == 3
    told = " ".join(result.stdout.split())
    assert all(word in told for word in words)
    done = run("journal", "accept", "--by", "Anna", "--note", "compared", "--yes", "--lang", language)
    assert {"en": "the journal may be used, says Anna", "it": "il giornale si può usare, lo dice Anna"}[language] in done.stdout
    assert "Anna," in run("journal", "--lang", language).stdout


@pytest.mark.parametrize(("answer", "exit_code"), [("y", 0), ("n", 3)])
def test_a_person_is_told_of_the_risk_and_asked(run, restored, monkeypatch, answer, exit_code):
    monkeypatch.setattr(module.sys.stdin.__class__, "isatty", lambda _: True, raising=False)
    monkeypatch.setattr(module, "sys", type("Sys", (), {"stdin": type("In", (), {"isatty": staticmethod(lambda: True)})}))
    monkeypatch.setattr(module.click, "confirm", lambda *_, **__: answer == "y")
    result = run("journal", "accept", "--by", "Anna", "--note", "compared")
    assert result.exit_code == exit_code
    assert BACKUP in " ".join(result.stderr.split())
    assert "may have been performed" in " ".join(result.stderr.split())
    assert run("journal").exit_code == exit_code


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_where_nobody_can_be_asked_it_must_be_said(run, restored, more):
    result = run("journal", "accept", "--by", "Anna", "--note", "compared", *more)
    assert result.exit_code == 2
    assert "say --yes" in result.stderr + result.stdout


@pytest.mark.parametrize("by_daemon", [False, True])
@pytest.mark.parametrize(("by", "note", "place"), [(" ", "x", "by"), ("Anna", "", "note"), ("Anna", "x" * 201, "note")])
def test_name_and_note_are_needed(run, restored, serve, by_daemon, by, note, place):
    if by_daemon:
        serve()
    result = run("journal", "accept", "--by", by, "--note", note, "--yes", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["message"].split(":")[0]) == (2, place)
