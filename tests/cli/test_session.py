"""One operation from the command line, where the terminal says more than its answer."""

import pytest

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
