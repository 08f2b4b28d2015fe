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
