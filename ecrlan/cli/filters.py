"""Which operations are meant: the filters that `ecrlan operations list` and `export` share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

import click

from ecrlan.cli.exits import Exit
from ecrlan.errors import InvalidValueError
from ecrlan.model import ROME, Kind

OUTCOMES = ("approved", "declined", "not-performed", "unresolved", "done", "open")


class Word(click.Choice[str]):
    """One of some words, with `-` or `_` between their parts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's
        """Return the word as it stands in the list."""
        return super().convert(str(value).replace("_", "-"), param, ctx)


class Filters(TypedDict):
    """What `Journal.entries`, `each` and `export_rows` filter by."""

    terminal: str | None
    outcome: str | None
    kind: str | None
    since: datetime | None
    until: datetime | None
    unfinished: bool


def parse_time(place: str, text: str, *, end: bool = False) -> datetime:
    """Return a date or an ISO 8601 time as UTC; Europe/Rome where it names no zone. A date is its first moment, with `end` its last.

    Raises `InvalidValueError`, which names `place`.
    """
    rome = ZoneInfo(ROME)
    try:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            told = datetime.fromisoformat(text)
        else:
            told = datetime.combine(day + timedelta(days=1) if end else day, time(), rome)
        return (told if told.tzinfo is not None else told.replace(tzinfo=rome)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValueError(place, text, ("allowed_date_or_time", {})) from None


def filter_options(function: Callable[..., Exit]) -> Callable[..., Exit]:
    """Options of whatever goes over many operations."""
    kinds = [kind.value.replace("_", "-") for kind in Kind]
    for option in (
        click.option("--config", metavar="FILE", help="The settings file."),
        click.option("--to", "until", metavar="TIME", help="Begun before TIME; a date's whole day is included."),
        click.option("--from", "since", metavar="TIME", help="Begun at TIME or later: 2026-11-23, or 2026-11-23T18:44; Europe/Rome."),
        click.option("--kind", type=Word(kinds), help="Only this kind of operation."),
        click.option("-t", "--terminal", metavar="NAME", help="Only those of this terminal."),
        click.option("--outcome", type=Word(OUTCOMES), help="Only those that ended so; open: not ended yet, or unresolved."),
    ):
        function = option(function)
    return function


def parse_filters(*, outcome: str | None, terminal: str | None, kind: str | None, since: str | None, until: str | None) -> Filters:
    """Return the journal's filters for what was typed."""
    return Filters(
        terminal=terminal,
        outcome=outcome.replace("-", "_") if outcome not in (None, "open") else None,
        kind=kind.replace("-", "_") if kind is not None else None,
        since=parse_time("--from", since) if since is not None else None,
        until=parse_time("--to", until, end=True) if until is not None else None,
        unfinished=outcome == "open",
    )
