"""What a benchmark prints: medians, their spread, ratios, beside the aims."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

HEADER = ("measured", "median", "quartiles", "ratio", "quartiles", "aim", "")


@dataclass
class Series:
    """One measure, a sample per round. `aim` is for the ratio where there is one, otherwise for the median; `at_least` turns it round."""

    name: str
    unit: str = "µs"
    against: Series | None = None
    aim: float | None = None
    at_least: bool = False
    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return self.median / self.against.median if self.against else 0.0

    @property
    def met(self) -> bool:
        value = self.ratio if self.against else self.median
        return self.aim is None or (value >= self.aim if self.at_least else value <= self.aim)

    def cells(self) -> tuple[str, ...]:
        median = f"{number(self.median)} {self.unit}".strip()
        ratio = ratios = aim = met = ""
        if self.against:
            ratio = f"{self.ratio:.2f}"
            ratios = spread([one / other for one, other in zip(self.samples, self.against.samples, strict=False)])
        if self.aim is not None:
            aim = f"{'>=' if self.at_least else '<='} {number(self.aim)}{'' if self.against else ' ' + self.unit}".strip()
            met = "met" if self.met else "missed"
        return self.name, median, spread(self.samples), ratio, ratios, aim, met


def number(value: float) -> str:
    return f"{value:.4g}" if value < 1000 else f"{value:,.0f}"


def spread(samples: list[float]) -> str:
    """The first and third quartile."""
    if len(samples) < 2:
        return ""
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return f"{number(first)} .. {number(third)}"


def render(title: str, series: Iterable[Series], note: str) -> str:
    rows = [HEADER, *(one.cells() for one in series)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, "", lines[0], "-" * len(lines[0]), *lines[1:], "", note])
