from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ecrlan.model import ROME, Code, Evidence, HostTime, StatusResponse
from ecrlan.protocol.clock import (
    LEARNED_TOLERANCE,
    STATUS_TOLERANCE,
    ClockChange,
    ClockOffset,
    LearnedClock,
    readings,
    seconds_between,
    time_doubt,
)

NOW = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)  # 18:44 in Rome, day 327
MINUTE = timedelta(minutes=1)
TWO_DAYS = timedelta(days=2)
FIRST_HALF_PAST_TWO = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the hour from 02:00 comes twice in Rome on day 298
SECOND_HALF_PAST_TWO = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
BEFORE = Evidence(Code.HOST_TIME_BEFORE)
AFTER = Evidence(Code.HOST_TIME_AFTER)


def host_time(moment: datetime) -> HostTime:
    """Return what a terminal with this clock sends."""
    there = moment.astimezone(ZoneInfo(ROME))
    return HostTime(there.timetuple().tm_yday, there.hour, there.minute)


def status(terminal_time: datetime | None, release: str = "R1") -> StatusResponse:
    return StatusResponse(terminal_id="37105051", terminal_time=terminal_time, terminal_status=2, software_release=release)


def learned(offset: timedelta, now: datetime = NOW) -> LearnedClock:
    clock = LearnedClock()
    changes = [clock.take_result(host_time(now + offset), now) for _ in range(3)]
    assert changes == [None, None, ClockChange.LEARNED]
    return clock


# --- learning ---


def test_nothing_known_is_the_registers_clock_with_ten_minutes() -> None:
    assert LearnedClock().offset == ClockOffset(0.0, STATUS_TOLERANCE, known=False)
    assert STATUS_TOLERANCE == 600.0


def test_the_clock_of_a_status_stands_in_for_it() -> None:
    clock = LearnedClock()
    clock.take_status(status(datetime(2026, 11, 21, 18, 40)), NOW)  # noqa: DTZ001  # a terminal tells no zone
    assert clock.offset == ClockOffset(-TWO_DAYS.total_seconds() - 240.0, STATUS_TOLERANCE)
    clock.take_status(status(None), NOW)
    assert clock.offset == ClockOffset(0.0, STATUS_TOLERANCE, known=False)


def test_a_status_in_the_doubled_hour_is_read_as_the_nearer_moment() -> None:
    clock = LearnedClock()
    for now in (FIRST_HALF_PAST_TWO, SECOND_HALF_PAST_TWO):
        clock.take_status(status(datetime(2026, 10, 25, 2, 31)), now)  # noqa: DTZ001  # a terminal tells no zone
        assert clock.status == 60.0


def test_three_results_that_agree_teach_the_clock() -> None:
    clock = LearnedClock()
    for seconds in (0, 60):
        assert clock.take_result(host_time(NOW - TWO_DAYS + timedelta(seconds=seconds)), NOW) is None
        assert clock.offset == ClockOffset(0.0, STATUS_TOLERANCE, known=False)
    assert clock.take_result(host_time(NOW - TWO_DAYS + 2 * MINUTE), NOW) is ClockChange.LEARNED
    assert clock.offset == ClockOffset(60.0 - TWO_DAYS.total_seconds(), LEARNED_TOLERANCE)
    assert clock.take_result(host_time(NOW - TWO_DAYS), NOW) is None


def test_results_that_do_not_agree_teach_nothing_and_the_last_three_count() -> None:
    clock = LearnedClock()
    for minutes in (0, 10, 12):
        assert clock.take_result(host_time(NOW + minutes * MINUTE), NOW) is None
    assert clock.learned is None
    assert clock.take_result(host_time(NOW + 11 * MINUTE), NOW) is ClockChange.LEARNED
    assert clock.learned == 660.0


def test_a_result_without_host_time_teaches_nothing() -> None:
    clock = learned(TWO_DAYS)
    assert clock.take_result(None, NOW) is None
    assert clock.learned == TWO_DAYS.total_seconds()


@pytest.mark.parametrize("days", [-9_000, -250, 250])
def test_the_year_is_that_of_the_terminals_clock_where_it_is_known(days: int) -> None:
    offset = timedelta(days=days)
    clock = LearnedClock()
    clock.take_status(status((NOW + offset).astimezone(ZoneInfo(ROME)).replace(tzinfo=None)), NOW)
    for _ in range(3):
        clock.take_result(host_time(NOW + offset), NOW)
    assert clock.learned == offset.total_seconds()
    clock.take_status(status(None), NOW)
    later = NOW + timedelta(days=200)
    assert clock.take_result(host_time(later + offset), later) is None
    assert clock.learned == offset.total_seconds()


@pytest.mark.parametrize("days", [-9_000, -365, -250, -100, 250, 365])
def test_host_times_that_are_right_are_right_though_the_terminals_clock_is_not(days: int) -> None:
    clock = LearnedClock()
    clock.take_status(status((NOW + timedelta(days=days)).astimezone(ZoneInfo(ROME)).replace(tzinfo=None)), NOW)
    for _ in range(3):
        clock.take_result(host_time(NOW), NOW)
    assert clock.learned == 0.0


def test_host_times_that_fit_neither_clock_are_nearest_to_the_registers() -> None:
    clock = LearnedClock()
    clock.take_status(status((NOW - timedelta(days=250)).astimezone(ZoneInfo(ROME)).replace(tzinfo=None)), NOW)
    for _ in range(3):
        clock.take_result(host_time(NOW - TWO_DAYS), NOW)
    assert clock.learned == -TWO_DAYS.total_seconds()


def test_a_contradiction_empties_the_clock_until_three_agree_again() -> None:
    clock = learned(-TWO_DAYS)
    assert clock.take_result(host_time(NOW - TWO_DAYS + 3 * MINUTE), NOW) is ClockChange.CONTRADICTED
    assert clock.offset is None
    assert clock.contradicted
    assert clock.take_result(host_time(NOW - TWO_DAYS), NOW) is None
    assert clock.offset is None
    clock.take_status(status(datetime(2026, 11, 23, 18, 44)), NOW)  # noqa: DTZ001  # a terminal tells no zone
    assert clock.offset is None, "the status clock does not stand in for a contradicted one"
    changes = [clock.take_result(host_time(NOW), NOW) for _ in range(3)]
    assert changes[-1] is ClockChange.LEARNED
    assert clock.offset == ClockOffset(0.0, LEARNED_TOLERANCE)
    assert not clock.contradicted


def test_another_release_has_a_clock_of_its_own() -> None:
    clock = learned(-TWO_DAYS)
    clock.take_status(status(None, "R1"), NOW)
    assert clock.learned is not None, "the first release that is told is the one it was learned with"
    clock.take_status(status(None, "R2"), NOW)
    assert clock.learned is None
    assert clock.offset == ClockOffset(0.0, STATUS_TOLERANCE, known=False)
    for _ in range(2):
        assert clock.take_result(host_time(NOW), NOW) is None
    clock.take_status(status(None, "R3"), NOW)
    assert clock.take_result(host_time(NOW), NOW) is None, "samples of the release before do not count"


def test_another_release_lifts_a_contradiction() -> None:
    clock = LearnedClock(release="R1", contradicted=True)
    clock.take_status(status(None, "R1"), NOW)
    assert clock.offset is None
    clock.take_status(status(None, "R2"), NOW)
    assert clock.offset is not None


@pytest.mark.parametrize("now", [FIRST_HALF_PAST_TWO, SECOND_HALF_PAST_TWO])
def test_results_in_the_doubled_hour_contradict_nothing(now: datetime) -> None:
    clock = learned(timedelta(0))
    assert clock.take_result(host_time(now), now) is None
    assert clock.learned == 0.0


@pytest.mark.parametrize("now", [FIRST_HALF_PAST_TWO, SECOND_HALF_PAST_TWO])
def test_results_in_the_doubled_hour_teach_no_hour_that_is_not_there(now: datetime) -> None:
    clock = LearnedClock()
    for _ in range(3):
        clock.take_result(host_time(now), now)
    assert clock.learned in (None, 0.0)


def test_results_around_the_doubled_hour_teach_the_clock_as_it_is() -> None:
    clock = LearnedClock()
    for hours in (-2, -1, 0, 1, 2):
        now = SECOND_HALF_PAST_TWO + timedelta(hours=hours)
        clock.take_result(host_time(now), now)
        assert clock.learned in (None, 0.0)
    assert clock.learned == 0.0


def test_a_result_in_the_doubled_hour_contradicts_where_neither_reading_fits() -> None:
    clock = learned(timedelta(0))
    assert clock.take_result(host_time(FIRST_HALF_PAST_TWO), FIRST_HALF_PAST_TWO + 10 * MINUTE) is ClockChange.CONTRADICTED
    assert clock.offset is None


# --- what a host_time can mean ---


def test_a_host_time_means_one_moment_but_in_the_doubled_hour() -> None:
    assert readings(HostTime(327, 18, 44), NOW) == (NOW,)
    two = readings(HostTime(298, 2, 30), NOW)
    assert [moment.astimezone(UTC) for moment in two] == [FIRST_HALF_PAST_TWO, SECOND_HALF_PAST_TWO]
    assert len(readings(HostTime(298, 1, 59), NOW)) == len(readings(HostTime(298, 3, 0), NOW)) == 1
    assert len(readings(HostTime(88, 2, 30), NOW)) == 1, "an hour that does not exist, in March"


def test_seconds_are_counted_by_the_zones() -> None:
    there = NOW.astimezone(ZoneInfo(ROME))
    assert seconds_between(there, NOW) == 0.0
    assert seconds_between(there + MINUTE, NOW) == 60.0
    assert seconds_between(NOW - MINUTE, there) == -60.0


# --- what it proves ---

EXACT = ClockOffset(0.0, 180.0)
LATEST = NOW + timedelta(seconds=480)


@pytest.mark.parametrize(
    ("minutes", "doubt"), [(-4, BEFORE), (-3, None), (0, None), (8, None), (11, None), (12, AFTER), (300, AFTER), (-300, BEFORE)]
)
def test_a_host_time_proves_within_the_window_and_the_tolerance(minutes: int, doubt: Evidence | None) -> None:
    assert time_doubt(host_time(NOW + minutes * MINUTE), EXACT, NOW, LATEST) == doubt


@pytest.mark.parametrize(("minutes", "doubt"), [(-4, BEFORE), (-3, None), (11, None), (12, AFTER)])
@pytest.mark.parametrize("offset", [-TWO_DAYS, TWO_DAYS, timedelta(days=-400), timedelta(hours=1)])
def test_an_offset_moves_the_window(offset: timedelta, minutes: int, doubt: Evidence | None) -> None:
    clock = ClockOffset(offset.total_seconds(), 180.0)
    assert time_doubt(host_time(NOW + offset + minutes * MINUTE), clock, NOW, LATEST) == doubt


def test_a_right_time_by_a_clock_that_is_known_to_be_wrong_proves_nothing() -> None:
    assert time_doubt(host_time(NOW), ClockOffset(-TWO_DAYS.total_seconds(), 180.0), NOW, LATEST) == AFTER


def test_no_host_time_and_no_clock_prove_nothing() -> None:
    assert time_doubt(None, EXACT, NOW, LATEST) == Evidence(Code.NO_HOST_TIME)
    assert time_doubt(host_time(NOW), None, NOW, LATEST) == Evidence(Code.CLOCK_CONTRADICTED)


@pytest.mark.parametrize(("request_time", "doubt"), [(FIRST_HALF_PAST_TWO, AFTER), (SECOND_HALF_PAST_TWO, BEFORE)])
def test_in_the_doubled_hour_either_reading_may_doubt(request_time: datetime, doubt: Evidence) -> None:
    latest = request_time + timedelta(seconds=480)
    assert time_doubt(host_time(request_time + MINUTE), EXACT, request_time, latest) == doubt


def test_in_the_doubled_hour_both_readings_that_fit_prove() -> None:
    assert time_doubt(HostTime(298, 2, 30), EXACT, FIRST_HALF_PAST_TWO, SECOND_HALF_PAST_TWO) is None


def test_the_turn_of_the_year_lies_within_a_window() -> None:
    midnight = datetime(2026, 12, 31, 22, 58, tzinfo=UTC)  # 23:58 in Rome
    assert time_doubt(HostTime(1, 0, 1), EXACT, midnight, midnight + timedelta(seconds=480)) is None
    assert time_doubt(HostTime(365, 23, 57), EXACT, midnight, midnight + timedelta(seconds=480)) is None


def test_a_register_clock_that_was_set_moves_what_the_status_told_and_forgets_what_was_learned() -> None:
    clock = LearnedClock(learned=0.0)
    clock.move(-3600.0)
    assert clock.offset == ClockOffset(0.0, STATUS_TOLERANCE, known=False)
    clock = LearnedClock(status=60.0, contradicted=True)
    clock.move(-3600.0)
    assert clock.offset == ClockOffset(3660.0, STATUS_TOLERANCE)


def test_a_host_time_that_is_no_day_of_this_year_proves_nothing_and_teaches_nothing() -> None:
    """Day 366 of a year with 365 days is not the first of January."""
    no_day = HostTime(366, 18, 34)
    assert readings(no_day, NOW) == ()
    assert time_doubt(no_day, EXACT, NOW, LATEST) == Evidence(Code.HOST_TIME_NO_DAY)
    clock = LearnedClock()
    for _ in range(4):
        assert clock.take_result(no_day, NOW) is None
    assert clock.learned is None
    assert not clock.contradicted
