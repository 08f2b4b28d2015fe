from datetime import UTC, datetime, timedelta, timezone

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.journal import Event
from ecrlan.journal.rows import event_values, operation_values, time_text
from tests.journal.samples import START, event, operation


def test_times_are_texts_in_utc_that_sort():
    rome = timezone(timedelta(hours=1))
    assert time_text(datetime(2026, 11, 23, 18, 44, tzinfo=rome)) == time_text(START) == "2026-11-23T17:44:00.000000+00:00"
    assert time_text(START) < time_text(START + timedelta(microseconds=1))


def test_times_without_a_zone_are_refused():
    with pytest.raises(InvalidValueError, match="time zone"):
        time_text(datetime(2026, 11, 23, 18, 44, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize("parameters", [{"x": object()}, {"x": float("nan")}, {"x": b"raw"}])
def test_what_is_not_json_is_refused(parameters):
    with pytest.raises(InvalidValueError, match="JSON"):
        operation_values(operation("r", **parameters))


@pytest.mark.parametrize("amount", [-1, 2**63])
def test_amounts_beyond_the_file_are_refused(amount):
    with pytest.raises(InvalidValueError, match="cents"):
        operation_values(operation("r", amount=amount, x=1))


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\nb"])
def test_unprintable_names_are_refused(text):
    with pytest.raises(InvalidValueError, match="printable"):
        operation_values(operation(text))


@pytest.mark.parametrize("name", ["finished", "resolved"])
def test_an_end_needs_an_outcome(name):
    with pytest.raises(InvalidValueError, match="outcome"):
        event_values(event("r", name))
    with pytest.raises(InvalidValueError, match="outcome"):
        event_values(event("r", name, outcome="maybe"))


def test_a_state_belongs_to_an_operation():
    with pytest.raises(InvalidValueError, match="reference"):
        event_values(Event(name="sending", time=START, reference=None, terminal="till-1"))
