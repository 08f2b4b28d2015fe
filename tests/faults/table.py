"""What schedules left unresolved, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.schedule import BOTH, MIX, STORM, Settings

CLASSES = (
    ("is not among the last results", "K or C: no last result tells of them"),
    (" is not the answer to ", "the last result is another form than expected (DCC after X), or another operation's"),
    ("says neither approved nor declined", "the result code says neither (09, 42)"),
    ("which no table knows", "the result code says neither (09, 42)"),
    ("was refused", "NAK after another transmission, or a result after a NAK: it proves nothing"),
    ("refused", "NAK after another transmission, or a result after a NAK: it proves nothing"),
    ("used by hand too", "used by hand: no ACK, no next STAN, or no amount to compare"),
    ("probably not performed", "the last result is unchanged"),
    ("is not known", "the last result before the request was not known"),
    ("belongs to another operation", "the last result is another operation's"),
    ("could not be asked", "the terminal could not be asked"),
    ("gave no last result", "the terminal gave no last result"),
)


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

    def merge(self, other: Table) -> None:
        """Add another table's sums."""
        self.schedules += other.schedules
        self.kills += other.kills
        for name in ("operations", "unresolved", "by_fault", "left_by_fault", "reasons", "mix", "left_of_mix", "without_last_result"):
            getattr(self, name).update(getattr(other, name))

    def share(self, settings: Settings) -> float:
        """Return which share of the mix's operations was left unresolved, on terminals that have `G`."""
        return self.left_of_mix[settings] / max(self.mix[settings], 1)

    def text(self) -> str:
        """Return the table."""
        heads = [str(settings) for settings in BOTH]
        lines = [f"{self.schedules} schedules, {sum(self.operations.values())} money operations, {self.kills} kills", ""]
        lines += ["Left unresolved:", ""]
        lines += _rows([("", *heads)])
        lines += _rows([(f"the mix: {MIX:.0%} of the orders are disturbed", *(_percent(self.left_of_mix[s], self.mix[s]) for s in BOTH))])
        lines += _rows(
            [(f"with the storms: {STORM:.0%} in half of the schedules", *(_percent(self.unresolved[s], self.operations[s]) for s in BOTH))]
        )
        labels = sorted({label for label, _ in self.by_fault})
        lines += _rows([(label, *(_percent(self.left_by_fault[label, s], self.by_fault[label, s]) for s in BOTH)) for label in labels])
        left, all_ = self.without_last_result[True], sum(self.without_last_result.values())
        lines += [f"(a terminal without G, all settings: {_percent(left, all_)})", "", "Why there was no proof (operations):", ""]
        reasons = Counter[str]()
        for (reason, _), count in self.reasons.items():
            reasons[reason] += count
        lines += _rows([(reason, *(str(self.reasons[reason, s]) for s in BOTH)) for reason, _ in reasons.most_common()])
        return "\n".join(lines)


def _percent(left: int, count: int) -> str:
    return f"{100 * left / count:.2f} % of {count}" if count else "-"


def _rows(rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"{row[0]:<60.60} " + " ".join(f"{cell:>27}" for cell in row[1:]) for row in rows]
