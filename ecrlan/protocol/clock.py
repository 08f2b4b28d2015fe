"""What a terminal's host_time says, by the clock that it was learned to have (exchange.md §5, "The learned clock").

Offsets are seconds by which the terminal's clock is ahead of the register's (negative: behind).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from ecrlan.model import ROME, Code, Evidence, HostTime, StatusResponse

RESULTS_NEEDED = 3
"""Live results that must agree before an offset is believed."""
AGREEMENT = 120.0
"""Seconds within which they must agree."""
LEARNED_TOLERANCE = 180.0
"""Seconds allowed for a learned offset: the agreement, and the minute that host_time does not tell."""
STATUS_TOLERANCE = 600.0
"""Seconds allowed where the clock of `s` stands in for it, and where nothing is known of it."""


class ClockChange(str, Enum):
    """What a live result did to the learned clock."""

    LEARNED = "learned"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Seconds that the terminal's clock is ahead of ours, and how many seconds it may differ from that.

    Not `known`: neither `s` nor results told it; that both are right is assumed.
    """

    seconds: float
    tolerance: float
    known: bool = True


@dataclass(slots=True)
class LearnedClock:
    """One terminal's clock, for one release of its software."""

    release: str | None = None
    learned: float | None = None
    contradicted: bool = False
    """Whether a result did not fit what was learned: host_time then proves nothing until three agree again."""
    status: float | None = None
    """The offset of the clock that `s` told."""
    _samples: list[float] = field(default_factory=list)

    @property
    def offset(self) -> ClockOffset | None:
        """What host_time may be compared by; None: by nothing, for it was contradicted."""
        if self.learned is not None:
            return ClockOffset(self.learned, LEARNED_TOLERANCE)
        if self.contradicted:
            return None
        return ClockOffset(self.status or 0.0, STATUS_TOLERANCE, known=self.status is not None)

    def move(self, seconds: float) -> None:
        """Take note that the register's own clock was set forward by `seconds` (negative: back), or that it slept.

        What was learned is forgotten; the clock that `s` told stands in for it, as if the register's had been set, until it is told anew.
        """
        self.learned, self.contradicted = None, False
        self._samples.clear()
        self.status = None if self.status is None else self.status - seconds

    def take_status(self, response: StatusResponse, now: datetime) -> None:
        """Note what `s` told at `now` (the register's clock). Another release has a clock of its own to be learned."""
        if self.release not in (None, response.software_release):
            self.learned, self.contradicted = None, False
            self._samples.clear()
        self.release = response.software_release
        time = response.terminal_time
        self.status = None if time is None else _nearest_offset(time.replace(tzinfo=ZoneInfo(ROME)), now)

    def take_result(self, host_time: HostTime | None, now: datetime) -> ClockChange | None:
        """Note the host_time of a live result that came at `now`. Return what that changed, None for nothing."""
        if host_time is None:
            return None
        offsets = self._offsets(host_time, now)
        if self.learned is not None and offsets:
            known = self.learned
            if any(abs(offset - known) <= AGREEMENT for offset in offsets):
                return None
            self.learned, self.contradicted = None, True
            self._samples = []
            return ClockChange.CONTRADICTED
        if len(offsets) != 1:  # a time in the doubled hour teaches nothing
            return None
        self._samples = [*self._samples, *offsets][-RESULTS_NEEDED:]
        if len(self._samples) < RESULTS_NEEDED or max(self._samples) - min(self._samples) > AGREEMENT:
            return None
        self.learned, self.contradicted = sorted(self._samples)[RESULTS_NEEDED // 2], False
        return ClockChange.LEARNED

    def _offsets(self, host_time: HostTime, now: datetime) -> list[float]:
        """Return the offsets that a host_time can mean. Its year is the one nearest to the terminal's clock, where that is known.

        It is by what was learned; by the clock of `s` only where host_time agrees with that, and not with the register's clock: the host
        may have another clock than the terminal.
        """

        def read(ahead: float) -> list[float]:
            return [seconds_between(moment, now) for moment in readings(host_time, now + timedelta(seconds=ahead))]

        if self.learned is not None:
            return read(self.learned)
        offsets = read(0.0)
        if self.status is None or any(abs(offset) <= STATUS_TOLERANCE for offset in offsets):
            return offsets
        by_status = read(self.status)
        return by_status if any(abs(offset - self.status) <= STATUS_TOLERANCE for offset in by_status) else offsets


def readings(host_time: HostTime, near: datetime) -> tuple[datetime, ...]:
    """Return the moments, in UTC, that a host_time can mean: one, or two in the hour that comes twice in the October night.

    The year is the one that puts it nearest to `near`. None at all where it is no day of these years (366).
    """
    local = host_time.nearest(near)
    if local.timetuple().tm_yday != host_time.day_of_year:
        return ()
    moment, other = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    return (moment, other) if moment < other else (moment,)


def seconds_between(moment: datetime, now: datetime) -> float:
    """Return how many seconds `moment` is after `now`, both with their time zones."""
    return (moment.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


def time_doubt(host_time: HostTime | None, offset: ClockOffset | None, earliest: datetime, latest: datetime) -> Evidence | None:
    """Say why a result's host_time does not show that it came between `earliest` and `latest` (the register's clock); None: it does.

    Every moment that it can mean must fit: in the October night's doubled hour it proves nothing but in a window of more than an hour.
    """
    if host_time is None:
        return Evidence(Code.NO_HOST_TIME)
    if offset is None:
        return Evidence(Code.CLOCK_CONTRADICTED)
    tolerance = timedelta(seconds=offset.tolerance)
    ahead = timedelta(seconds=offset.seconds)
    moments = readings(host_time, earliest + ahead)
    if not moments:
        return Evidence(Code.HOST_TIME_NO_DAY)
    for moment in moments:
        if moment < (earliest + ahead - tolerance).astimezone(UTC):
            return Evidence(Code.HOST_TIME_BEFORE)
        if moment > (latest + ahead + tolerance).astimezone(UTC):
            return Evidence(Code.HOST_TIME_AFTER)
    return None


def _nearest_offset(moment: datetime, now: datetime) -> float:
    """Return the smaller offset of the two moments that a time in the doubled hour can mean."""
    return min((seconds_between(moment.replace(fold=fold), now) for fold in (0, 1)), key=abs)
