"""One operation from the command line, and those about an earlier one."""

import os
import sys

import pytest

from ecrlan.emulator import ChargeKind
from ecrlan.journal import Journal

LATE = "declined, but then the terminal said approved: 90.01 EUR, STAN"


@pytest.mark.parametrize("by_daemon", [False, True])
def test_an_approval_after_a_refusal_is_told_by_the_next_payment(run, run_json, shop, serve, emulator, home, by_daemon):
    emulator.terminal.manners.set("approval_after_refusal")
    if by_daemon:
        serve()
    assert run("purchase", "90.01", "--reference", "sale-1").exit_code == 1
    if by_daemon:
        run("reset", "till-1")  # the line would stay open for a late result: this is about the next question
    next_one = run("purchase", "6.50", "--reference", "sale-2")
    assert next_one.exit_code == 0
    assert f"alarm: sale-1: {LATE}" in " ".join(next_one.stderr.split())
    text = " ".join(run("operations", "show", "sale-1").stdout.split())
    assert text.startswith("declined purchase 90.01 EUR warning declined, but then the terminal said approved: 90.01 EUR")
    assert "rifiutata, ma poi il terminale ha detto approvata: 90,01 EUR" in run("operations", "show", "sale-1", "--lang", "it").stdout
    assert "approved_after_refusal" in [event["name"] for event in run_json("operations", "show", "sale-1")[1]["events"]]
    with Journal.reader(home / "till.db") as reader:
        assert reader.find("sale-1").outcome == "declined"


@pytest.mark.parametrize("by_daemon", [False, True])
def test_a_terminal_that_says_that_it_is_not_ready_takes_no_payment(run, run_json, shop, serve, emulator, by_daemon):
    emulator.terminal.manners.set("not_ready_word")
    if by_daemon:
        serve()
    refused = run("purchase", "6.50", "--reference", "sale-1")
    assert refused.exit_code == 3
    assert "the terminal says that it is NON OPERATIVO, and nothing was sent" in refused.stdout
    assert "NON OPERATIVO (the terminal's own word: no payment is taken)" in run("status").stdout
    assert run_json("status")[1]["result"]["status_word"] == "NON OPERATIVO"
    italian = run("operations", "show", "sale-1", "--lang", "it").stdout
    assert "il terminale dice di essere NON OPERATIVO, e non è stato inviato nulla" in " ".join(italian.split())
    assert run_json("operations", "show", "sale-1")[1]["outcome"] == "not_performed"
    emulator.terminal.manners.clear("not_ready_word")
    assert run("purchase", "6.50").exit_code == 0


SCRIPT = "from ecrlan.cli import main; main()"


@pytest.fixture
def settings(home, emulator, monkeypatch):
    """Two terminals, of which the first is the emulated one; found without --config."""
    file = home / "shop.toml"
    file.write_text(
        f'[register]\njournal = "till.db"\n[terminals.till-1]\naddress = "127.0.0.1"\nport = {emulator.port}\nlink = "dial"\n'
        '[terminals.till-2]\naddress = "127.0.0.2"\n'
    )
    monkeypatch.setenv("ECRLAN_CONFIG", str(file))
    return file


def pay(run_json, *arguments):
    exit_code, operation = run_json(*arguments, "-t", "till-1")
    assert exit_code == 0, operation
    return operation


def test_void_by_reference_finds_terminal_and_stan(run_json, emulator, settings):
    pay(run_json, "purchase", "6.50", "--reference", "sale-1")
    exit_code, operation = run_json("void", "sale-1", "--reference", "void-1")
    assert (exit_code, operation["terminal"], operation["outcome"]) == (0, "till-1", "approved")
    assert emulator.terminal.ledger.net_total() == 0
    assert run_json("void", "sale-1", "--reference", "void-1")[1]["result"] == operation["result"]
    exit_code, document = run_json("void", "sale-1")
    assert (exit_code, document["error"]["code"]) == (3, "refused")
    assert "was voided already, by operation void-1" in document["error"]["message"]
    assert len(emulator.terminal.ledger.of_kind(ChargeKind.VOID)) == 1


def test_only_the_last_payment_is_voided(run_json, emulator, settings):
    for reference in ("first", "second"):
        pay(run_json, "purchase", "1.00", "--reference", reference)
    exit_code, document = run_json("void", "first")
    assert exit_code == 3
    assert "that is second" in document["error"]["message"]
    assert emulator.terminal.ledger.net_total() == 2_00


@pytest.mark.parametrize("command", ["void nothing", "increment nothing 5.00", "capture nothing 5.00"])
def test_an_unknown_reference_and_a_missing_journal(run_json, settings, command):
    exit_code, document = run_json(*command.split())
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "journal_failed", "no")
    assert "there is no journal at" in document["error"]["message"]
    pay(run_json, "purchase", "1.00")
    assert run_json(*command.split())[1]["error"]["code"] == "unknown_reference"
    exit_code, document = run_json(*command.split(), "-t", "till-1")
    assert (exit_code, document["error"]["code"]) == (3, "unknown_reference")


def test_an_operation_of_a_terminal_without_settings_needs_its_address(run, emulator):
    assert run("purchase", "6.50", "--address", emulator.address, "--reference", "sale-1").exit_code == 0
    result = run("void", "sale-1")
    assert result.exit_code == 2
    assert "which the settings do not name: say --address" in result.stderr
    assert run("void", "sale-1", "--address", emulator.address).exit_code == 0
    assert emulator.terminal.ledger.net_total() == 0


def test_increment_and_capture_by_reference(run, run_json, emulator, settings):
    pay(run_json, "preauthorize", "200.00", "--reference", "room-12")
    exit_code, operation = run_json("increment", "room-12", "50.00")
    assert (exit_code, operation["terminal"]) == (0, "till-1")
    result = run("capture", "room-12", "250.01", "--reference", "c-1")
    assert result.exit_code == 1  # the emulated terminal declines it: only a warning stands before it, no refusal
    assert "Warning: 250.01 EUR is above the 250.00 EUR that operation room-12 has authorized" in result.stderr
    exit_code, operation = run_json("capture", "room-12", "250.00", "--reference", "c-2")
    assert (exit_code, operation["outcome"]) == (0, "approved")
    assert emulator.terminal.ledger.net_total() == 250_00
    again = run("capture", "room-12", "250.00", "--reference", "c-2")
    assert (again.exit_code, "Warning" in again.stderr) == (0, False)
    exit_code, document = run_json("capture", "room-12", "1.00")
    assert (exit_code, document["error"]["code"]) == (3, "refused")
    assert "captured already, by operation c-2" in document["error"]["message"]


def test_a_capture_within_what_was_authorized_needs_no_warning(run, run_json, settings):
    pay(run_json, "preauthorize", "200.00", "--reference", "room-12")
    result = run("capture", "room-12", "200,00", "--json")
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_warning_comes_with_json_too_and_leaves_standard_output_alone(run, run_json, settings):
    pay(run_json, "preauthorize", "200.00", "--reference", "room-12")
    result = run("capture", "room-12", "231.40", "--json")
    assert result.stderr.startswith("Warning: 231.40 EUR is above the 200.00 EUR")
    assert result.stdout.startswith("{")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("void sale-1 --stan 1", "either --stan N"),
        ("void sale-1 --last", "either --stan N"),
        ("void --last", "say --yes as well"),
        ("void --last --json", "say --yes as well"),
        ("increment", "Missing argument 'AMOUNT'"),
        ("increment room-12", "either REF AMOUNT"),
        ("increment room-12 5.00 --preauthorization-code 123456789", "either REF AMOUNT"),
        ("capture 5.00", "--preauthorization-code"),
        ("capture a b c", "either REF AMOUNT"),
        ("capture room-12 5", "amount: '5' is not allowed"),
        ("capture room-12 -5.00", "amount: '-5.00' is not allowed"),
    ],
)
def test_wrong_usage(run, line, message):
    result = run(*line.split())
    assert result.exit_code == 2
    assert message in result.stdout + result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a test has no console of its own there")
@pytest.mark.parametrize(("answer", "exit_code", "voids"), [("y", 0, 1), ("n", 3, 0), ("\x04", 3, 0)])
def test_a_person_is_asked_before_the_last_payment_is_reversed(run_json, emulator, settings, spawn, answer, exit_code, voids):
    pay(run_json, "purchase", "6.50", "--reference", "sale-1")
    person, screen = os.openpty()
    process = spawn(SCRIPT, "void", "--last", "-t", "till-1", stdin=screen)
    os.close(screen)
    os.write(person, answer.encode() if answer == "\x04" else f"{answer}\n".encode())
    _, stderr = process.communicate(timeout=30)
    os.close(person)
    assert process.returncode == exit_code
    assert "on terminal till-1" in stderr
    assert "purchase 6.50 EUR" in stderr
    assert "reference sale-1" in stderr
    assert len(emulator.terminal.ledger.of_kind(ChargeKind.VOID)) == voids


@pytest.mark.skipif(sys.platform == "win32", reason="a test has no console of its own there")
def test_the_question_says_when_the_journal_knows_no_payment(emulator, settings, spawn):
    person, screen = os.openpty()
    process = spawn(SCRIPT, "void", "--last", "-t", "till-1", stdin=screen)
    os.close(screen)
    os.write(person, b"n\n")
    _, stderr = process.communicate(timeout=30)
    os.close(person)
    assert process.returncode == 3
    assert "none that it knows" in stderr
    assert "not confirmed: nothing was sent" in stderr
