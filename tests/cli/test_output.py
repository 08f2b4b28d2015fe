"""What people type and read: amounts, answers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan.cli.output import parse_amount, response_rows, show_amount
from ecrlan.errors import InvalidValueError
from ecrlan.model import StatusResponse


@pytest.mark.parametrize(
    ("digit", "word", "told"),
    [
        (2, None, "operative (2)"),
        (0, None, "not configured (0)"),
        (9, None, "unknown (9)"),
        (None, "OPERATIVO", "operative (OPERATIVO)"),
        (None, "NOTREADY", "NOTREADY (the terminal's own word: no payment is taken)"),
        (None, None, "unknown"),
    ],
)
def test_a_status_by_digit_or_word(digit: int | None, word: str | None, told: str) -> None:
    status = StatusResponse(terminal_id="37105051", terminal_time=None, terminal_status=digit, status_word=word, software_release="1.0")
    assert dict(response_rows(status, datetime(2026, 11, 23, tzinfo=UTC)))["status"] == told


@pytest.mark.parametrize(
    ("terminal_time", "told"),
    [
        (datetime(2026, 11, 23, 18, 45), "23/11/2026 18:45"),  # noqa: DTZ001 - the terminal's own clock
        (datetime(2026, 10, 14, 18, 44), "14/10/2026 18:44: 40 days behind; set the terminal's date and time: receipts show them"),  # noqa: DTZ001
        (datetime(2026, 11, 23, 19, 44), "23/11/2026 19:44: 1 hour ahead; set the terminal's"),  # noqa: DTZ001
        (None, "not readable"),
    ],
)
def test_a_clock_that_is_wrong_is_told_with_the_status(terminal_time, told):
    given = {"terminal_time": terminal_time, "terminal_status": 2, "status_word": None}
    status = StatusResponse(terminal_id="37105051", software_release="1.0", **given)
    now = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
    clock = dict(response_rows(status, now))["clock"]
    assert clock == told or (told != "23/11/2026 18:45" and clock.startswith(told))


@pytest.mark.parametrize(
    ("text", "cents"), [("6.50", 650), ("6,50", 650), ("0.01", 1), ("999999.99", 99_999_999), ("10.00", 1000), ("231,40", 23_140)]
)
def test_amounts_have_two_decimals(text, cents):
    assert parse_amount(text) == cents


WRONG = [
    "0",
    "0.00",
    "6",
    "6.5",
    "6.505",
    "-1",
    "-1.00",
    "1e9",
    "1000000.00",
    "1.000,00",
    "1,000.00",
    "+6.50",
    " 6.50",
    "6.50 ",
    "06.50",
    "6.50\n",
]
WRONG += ["", ".50", "6.", "6..50", "٦.50", "NaN", "inf", "6.5O", "0x10.00"]


@pytest.mark.parametrize("text", WRONG)
def test_everything_else_is_refused_with_place_value_and_what_is_allowed(text):
    with pytest.raises(InvalidValueError) as caught:
        parse_amount(text)
    assert (caught.value.place, caught.value.value) == ("amount", text)
    assert "6.50 or 6,50" in caught.value.allowed


@given(st.integers(1, 99_999_999))
def test_what_is_shown_can_be_typed(cents):
    assert parse_amount(show_amount(cents)) == cents


@pytest.mark.parametrize("text", ["0", "6.5", "6.505", "-1", "-6.50", "1e9"])
@pytest.mark.parametrize("command", ["purchase", "preauthorize", "increment", "capture"])
def test_a_wrong_amount_is_a_usage_error_of_every_command(run, run_json, command, text):
    code = ("--preauthorization-code", "700000001") if command in ("increment", "capture") else ()
    result = run(command, text, *code)
    assert result.exit_code == 2
    assert f"amount: '{text}' is not allowed; allowed: 0.01 to 999999.99" in result.stderr
    exit_code, document = run_json(command, text, *code)
    assert exit_code == 2
    assert document["error"]["code"] == "invalid_value"
    assert document["error"]["sent"] == "no"


def test_a_negative_amount_behind_an_option_is_still_named(run):
    assert "'-1,00'" in run("purchase", "--card-present", "-1,00").stderr


def test_an_unknown_option_is_still_unknown(run):
    result = run("purchase", "6.50", "--refrence", "x")
    assert result.exit_code == 2
    assert "--refrence" in result.stderr
