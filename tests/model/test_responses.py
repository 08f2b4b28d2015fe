"""What the answers say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ecrlan.model import HostTime, PaymentResult, StatusResponse, TerminalStatus


def status(digit: int | None = None, word: str | None = None) -> StatusResponse:
    return StatusResponse(terminal_id="37105051", terminal_time=None, terminal_status=digit, status_word=word, software_release="")


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_informs_and_never_refuses(digit: int) -> None:
    assert status(digit).operative is (digit == TerminalStatus.OPERATIVE)
    assert status(digit).refusing_word is None


@pytest.mark.parametrize("word", ["OPERATIVE", "OPERATIVO", "operative"])
def test_known_words_say_operative(word: str) -> None:
    assert status(word=word).operative
    assert status(word=word).refusing_word is None


@pytest.mark.parametrize("word", ["NON OPERATIVO", "NOTREADY", "OPERATIV"])
def test_other_words_refuse(word: str) -> None:
    assert not status(word=word).operative
    assert status(word=word).refusing_word == word


def test_a_status_that_tells_nothing_does_not_refuse() -> None:
    assert not status().operative
    assert status().refusing_word is None


def utc(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host_time", "now", "meant"),
    [
        (HostTime(327, 18, 44), utc(2026, 11, 23), "2026-11-23 18:44+01:00"),
        (HostTime(182, 10, 0), utc(2026, 7, 1), "2026-07-01 10:00+02:00"),
        (HostTime(365, 23, 59), utc(2027, 1, 1, 0), "2026-12-31 23:59+01:00"),
        (HostTime(1, 0, 1), utc(2026, 12, 31, 23), "2027-01-01 00:01+01:00"),
        (HostTime(366, 8, 0), utc(2026, 1, 2), "2026-01-02 13:00+01:00"),
        (HostTime(366, 8, 0), utc(2028, 12, 31), "2028-12-31 08:00+01:00"),
    ],
    ids=["today", "in summer", "last year", "next year", "no day of these years: now", "a leap year"],
)
def test_the_year_of_a_host_time_is_the_nearest(host_time: HostTime, now: datetime, meant: str) -> None:
    assert host_time.nearest(now).isoformat(" ", "minutes") == meant


@pytest.mark.parametrize(("result", "approved"), [("00", True), ("01", False), ("05", False), ("", False), ("000", False)])
def test_only_the_code_00_approves(result: str, *, approved: bool) -> None:
    assert PaymentResult(terminal_id="37105051", code="E", length=71, result=result).approved is approved
