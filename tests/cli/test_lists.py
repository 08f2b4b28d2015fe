from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click
import pytest

from ecrlan.cli.lists import Word, parse_filters, parse_time
from ecrlan.errors import InvalidValueError

NOTHING = {"outcome": None, "terminal": None, "kind": None, "since": None, "until": None}


def test_a_date_lasts_as_long_as_its_day():
    assert parse_time("--to", "2026-10-25", end=True) - parse_time("--from", "2026-10-25") == timedelta(hours=25)
    with pytest.raises(InvalidValueError):
        parse_time("--to", "9999-12-31", end=True)


@pytest.mark.parametrize(
    ("text", "hour"), [("2026-11-23T18:44", 17), ("2026-07-23T18:44", 16), ("2026-11-23T18:44Z", 18), ("2026-11-23T18:44-05:00", 23)]
)
def test_a_time_without_zone_is_that_of_rome(text, hour):
    told = parse_time("--from", text, end=True)
    assert (told.hour, told.minute, told.utcoffset()) == (hour, 44, timedelta(0))


def test_what_was_typed_becomes_the_journals_filters():
    typed = {"outcome": "not-performed", "terminal": "till-1", "kind": "close-session", "since": "2026-11-23", "until": "2026-11-23"}
    assert asdict(parse_filters(**typed)) == {
        "terminal": "till-1",
        "outcome": "not_performed",
        "kind": "close_session",
        "since": datetime(2026, 11, 22, 23, tzinfo=UTC),
        "until": datetime(2026, 11, 23, 23, tzinfo=UTC),
        "unfinished": False,
    }
    assert asdict(parse_filters(**NOTHING | {"outcome": "open"})) == {**NOTHING, "unfinished": True}


@pytest.mark.parametrize("text", ["last-result", "last_result"])
def test_words_are_joined_either_way(text):
    assert Word(["last-result"]).convert(text, None, None) == "last-result"
    with pytest.raises(click.UsageError):
        Word(["last-result"]).convert("result", None, None)
