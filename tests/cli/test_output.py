"""What people read of an answer."""

from datetime import UTC, datetime

import pytest

from ecrlan.cli.output import response_rows
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
