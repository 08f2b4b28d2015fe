"""What schedules left unresolved, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.faults.schedule import BOTH, MIX, STORM, Settings

CLASSES = (
    ("never settled by the last result", "K, C: `G` tells of neither"),
    (" is not the answer to ", "`G` has a result of another form (DCC), or another operation's"),
    ("says neither approved nor declined", "the answer came, its code (09, 42) says neither"),
    ("which no table knows", "the answer came, its code (09, 42) says neither"),
    ("was refused", "NAK, then silence, a loss or a result: `G` is not asked"),
    ("used by hand too", "hand use: no ACK, STAN not the next, or no amount"),
    ("probably not performed", "`G` is unchanged, but a setting or an ACK forbids to trust it"),
    ("is not known", "no last result known from before: `G` refused, or unknown"),
    ("belongs to another operation", "`G` has an older operation's result"),
    ("host time lies before", "`G` has a result from before the request, by the clocks"),
    ("could not be asked", "terminal not reachable until the time for questions was over"),
    ("gave no last result", "`G` refused (NAK) or not answered until that time was over"),
    ("no result within its time limit", "no result within its time limit, and `G` cannot tell"),
)
"""Words of the evidence, and why there was no proof."""
LETTERS = "ABCD"


@dataclass(slots=True)
class Left:
    """One money operation: what disturbed it, and why it was left unresolved (None: it was not)."""

    kind: str
    disturbances: list[str]
    unresolved: str | None


@dataclass(slots=True)
class Report:
    """What came of one schedule."""

    settings: Settings
    storm: bool
    has_last_result: bool
    kills: int
    operations: list[Left] = field(default_factory=list)


def class_of(evidence: str) -> str:
    """Return why there was no proof, without the numbers of one case."""
    for words, reason in CLASSES:
        if words in evidence:
            return reason
    return re.sub(r"[0-9]+", "n", evidence)


class Table:
    """Sums of many reports."""

    def __init__(self) -> None:
        self.schedules = self.kills = 0
        self.operations: Counter[Settings] = Counter()
        self.unresolved: Counter[Settings] = Counter()
        self.by_fault: Counter[tuple[str, Settings]] = Counter()
        self.left_by_fault: Counter[tuple[str, Settings]] = Counter()
        self.reasons: Counter[tuple[str, Settings]] = Counter()
        self.reasons_of_mix: Counter[str] = Counter()
        self.mix: Counter[Settings] = Counter()
        self.left_of_mix: Counter[Settings] = Counter()
        self.without_last_result: Counter[bool] = Counter()

    def add(self, report: Report) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.kills += report.kills
        for each in report.operations:
            left = each.unresolved is not None
            if not report.has_last_result:
                self.without_last_result[left] += 1
                continue
            self.operations[report.settings] += 1
            self.unresolved[report.settings] += left
            if not report.storm:
                self.mix[report.settings] += 1
                self.left_of_mix[report.settings] += left
            for label in each.disturbances or ["undisturbed itself"]:
                self.by_fault[label, report.settings] += 1
                self.left_by_fault[label, report.settings] += left
            if each.unresolved is not None:
                self.reasons[class_of(each.unresolved), report.settings] += 1
                if not report.storm and report.settings == BOTH[0]:
                    self.reasons_of_mix[class_of(each.unresolved)] += 1

    def merge(self, other: Table) -> None:
        """Add another table's sums."""
        self.schedules += other.schedules
        self.kills += other.kills
        for name, counter in vars(self).items():
            if isinstance(counter, Counter):
                counter.update(getattr(other, name))

    def share(self, settings: Settings) -> float:
        """Return which share of the mix's operations was left unresolved, on terminals that have `G`."""
        return self.left_of_mix[settings] / max(self.mix[settings], 1)

    def text(self) -> str:
        """Return the tables as Markdown, at most 100 columns wide."""
        left, all_ = self.without_last_result[True], sum(self.without_last_result.values())
        lines = [
            f"{self.schedules:,} schedules, {sum(self.operations.values()) + all_:,} money operations, {self.kills:,} kills.",
            "",
            f"Left unresolved. Mix: {MIX:.0%} of the orders disturbed; storms, half of the schedules: {STORM:.0%}.",
            "",
            *_table(("terminals", "mix", "mix and storms"), self._settings()),
            "",
            f"Terminals without `G`, all settings: {_percent(left, all_)}.",
            "",
            "Why there was no proof (operations; Mix: those of A that are no storm's):",
            "",
            *_table(("", "Mix", *LETTERS), self._reasons()),
            "",
            "By what went wrong with the order itself (unresolved/all; several may strike one order):",
            "",
            *_table(("", *LETTERS), self._faults()),
        ]
        return "\n".join(lines)

    def _settings(self) -> Iterator[tuple[str, ...]]:
        for letter, each in zip(LETTERS, BOTH, strict=True):
            yield (
                f"{letter}: {each}",
                _percent(self.left_of_mix[each], self.mix[each]),
                _percent(self.unresolved[each], self.operations[each]),
            )

    def _reasons(self) -> Iterator[tuple[str, ...]]:
        sums = Counter[str]()
        for (reason, _), count in self.reasons.items():
            sums[reason] += count
        for reason, _ in sums.most_common():
            yield (reason, *map(str, (self.reasons_of_mix[reason], *(self.reasons[reason, each] for each in BOTH))))

    def _faults(self) -> Iterator[tuple[str, ...]]:
        for label in sorted({label for label, _ in self.by_fault}):
            yield (label, *(f"{self.left_by_fault[label, each]}/{self.by_fault[label, each]}" for each in BOTH))


def _percent(left: int, count: int) -> str:
    return f"{100 * left / count:.2f} % of {count:,}" if count else "-"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    every = [head, *rows]
    widths = [max(3, *(len(row[column]) for row in every)) for column in range(len(head))]
    lines = ["| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + " |" for row in every]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
