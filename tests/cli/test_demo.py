import time

import pytest


@pytest.fixture(scope="module")
def shown():
    from click.testing import CliRunner

    from ecrlan.cli import cli

    begun = time.monotonic()
    result = CliRunner().invoke(cli, ["demo"])
    assert time.monotonic() - begun < 15
    assert result.exit_code == 0, result.output
    return result.stdout


def test_both_ways_and_all_six_operations(shown):
    first, second = shown.split("Part 2:")
    assert "the terminal dials the register" in first
    assert "the register dials the terminal" in second
    for part in (first, second):
        for name in ("status request", "extended purchase request", "void request", "pre-authorization request"):
            assert name in part
        for name in ("incremental authorization request", "capture request"):
            assert name in part
        assert part.count("   approved") == 5
        assert part.count("   done") == 1


def test_frames_are_sent_and_received_with_their_fields(shown):
    lines = shown.splitlines()
    assert " >   13   s status request  terminal_id=00000000" in lines
    assert " <    3   ACK" in lines
    assert any(line.startswith(" <   95   E extended purchase result") for line in lines)
    assert "pan=…4242" in shown


def test_receipt_and_ledger_are_shown(shown):
    assert shown.count("IMPORTO EUR         6,50") == 2
    assert shown.count("the terminal's own ledger") == 2
    assert shown.count("purchase (reversed)") == 2


def test_it_fits_100_columns_and_has_no_colours_when_piped(shown):
    assert max(map(len, shown.splitlines())) <= 100
    assert "\x1b" not in shown
