"""What schedules left unresolved, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ecrlan.model import Code, Evidence
from ecrlan.texts import words
from tests.faults.schedule import BOTH, MIX, STORM, Settings

ANOTHER_TERMINAL = "another terminal answers now"
NAK = "NAK, then silence, a loss or a result: `G` is not asked"
NEITHER = "the answer came, its code (09, 42) says neither"
BY_HAND = "hand use: no ACK, STAN not the next, or no amount"
NO_OWN_STAN = "`G` has a result without a STAN of its own"
NOT_REACHABLE = "terminal not reachable until the time for questions was over"
NO_ANSWER = "`G` refused (NAK) or not answered until that time was over"
CLASSES: dict[Code, str] = {
    Code.NEVER_SETTLED: "K, C: `G` tells of neither",
    Code.OTHER_FORM: "`G` has a result of another form (DCC), or another operation's",
    Code.RESULT_SAYS_NEITHER: NEITHER,
    Code.ANSWER_SAYS_NEITHER: NEITHER,
    Code.RESULT_UNKNOWN: NEITHER,
    Code.NAK_AND_SILENCE: NAK,
    Code.WORKED_AFTER_REFUSAL: NAK,
    Code.MORE_THAN_STATUS: NAK,
    Code.RESULT_AFTER_REFUSAL: NAK,
    Code.BY_HAND_STAN_NOT_NEXT: BY_HAND,
    Code.BY_HAND_NO_ACK: BY_HAND,
    Code.BY_HAND_REFUSAL: BY_HAND,
    Code.BY_HAND_NO_AMOUNT: BY_HAND,
    Code.UNCHANGED: "`G` is unchanged, but a setting or an ACK forbids to trust it",
    Code.NO_BASELINE: "no last result known from before: `G` refused, or unknown",
    Code.STAN_OF_ANOTHER: "`G` has an older operation's result",
    Code.HOST_TIME_BEFORE: "`G` has a result from before the request, by the clocks",
    Code.NOT_ASKED: NOT_REACHABLE,
    Code.CLOCK_NOT_ASKED: NOT_REACHABLE,
    Code.NO_LAST_RESULT: NO_ANSWER,
    Code.NO_LAST_RESULT_FOR: NO_ANSWER,
    Code.TIME_OVER: "no result within its time limit, and `G` cannot tell",
    Code.FROM_BEFORE: "the operation is from before the journal was restored or copied",
    Code.OTHER_TERMINAL_ID: ANOTHER_TERMINAL,
    Code.SENT_TO_ANOTHER: ANOTHER_TERMINAL,
    Code.ANOTHER_ANSWERS: ANOTHER_TERMINAL,
    Code.BASELINE_OF_ANOTHER: "the last result from before is of another TID, or of 00000000",
    Code.STANS_MISSING: "STANs are missing in between: perhaps somebody else's",
    Code.HOST_TIME_AFTER: "`G` has a result from after the request's time, by the clocks",
    Code.CLOCK_CONTRADICTED: "the terminal's clock contradicts what was known of it",
    Code.STANS_ANEW: "STANs started anew",
    Code.STAN_FROM_BEFORE: NO_OWN_STAN,
    Code.NO_STAN: NO_OWN_STAN,
    Code.OTHER_AMOUNT: "`G` has a result of another amount",
    Code.TOO_SOON: "an approval came too soon after a lost request",
}
"""The evidence's code, and why there was no proof."""
LETTERS = "ABCD"


@dataclass(slots=True)
class Left:
    """One money operation: what disturbed it, and why it was left unresolved (None: it was not)."""

    kind: str
    disturbances: list[str]
    unresolved: Evidence | None
    kinds: list[str] = field(default_factory=list)
    """Kinds of incidents that happened before it ended."""


@dataclass(slots=True)
class Report:
    """What came of one schedule."""

    settings: Settings
    storm: bool
    has_last_result: bool
    kills: int
    has_incidents: bool = False
    operations: list[Left] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """Kinds of incidents that happened."""
    counts: Counter[str] = field(default_factory=Counter)
    """What was seen besides outcomes."""


def class_of(evidence: Evidence) -> str:
    """Return why there was no proof: of a last result that changed, the doubt about it; of others the code itself."""
    doubt = evidence.values.get("doubt")
    code = doubt.code if isinstance(doubt, Evidence) else evidence.code
    return CLASSES.get(code, words(evidence))


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
        self.with_incidents = 0
        """Schedules with incidents: none of them is in the counters above, so that those can be compared with what they always were."""
        self.operations_met: Counter[Settings] = Counter()
        self.left_met: Counter[Settings] = Counter()
        self.kinds: Counter[str] = Counter()
        """Kinds of incidents, by the schedules in which they happened."""
        self.operations_of_kind: Counter[str] = Counter()
        self.left_of_kind: Counter[tuple[str, str]] = Counter()
        self.seen: Counter[str] = Counter()

    def add(self, report: Report) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.kills += report.kills
        if report.has_incidents:
            self._add_incidents(report)
            return
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

    def _add_incidents(self, report: Report) -> None:
        self.with_incidents += 1
        self.kinds.update(report.kinds)
        self.seen.update(report.counts)
        for each in report.operations:
            self.operations_met[report.settings] += 1
            self.left_met[report.settings] += each.unresolved is not None
            for kind in each.kinds:
                self.operations_of_kind[kind] += 1
                if each.unresolved is not None:
                    self.left_of_kind[kind, class_of(each.unresolved)] += 1

    def merge(self, other: Table) -> None:
        """Add another table's sums."""
        self.schedules += other.schedules
        self.with_incidents += other.with_incidents
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
            f"{self.schedules:,} schedules, {self.money_operations:,} money operations, {self.kills:,} kills.",
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
            "",
            f"The above without the {self.with_incidents:,} schedules with incidents. In those was left unresolved:",
            "",
            *_table(("terminals", "operations"), self._met()),
            "",
            "Incidents: schedules in which they happened, operations that met them, left unresolved (by reason):",
            "",
            *_table(("", "schedules", "met", "left", "by reason"), self._kinds()),
            "",
            *(f"{number}: {reason}" for number, reason in enumerate(self._reasons_met(), 1)),
            "",
            *(f"{what}: {count:,}" for what, count in sorted(self.seen.items())),
        ]
        return "\n".join(lines)

    @property
    def money_operations(self) -> int:
        """How many operations that move money there were in all."""
        return sum(self.operations.values()) + sum(self.without_last_result.values()) + sum(self.operations_met.values())

    def _met(self) -> Iterator[tuple[str, ...]]:
        for letter, each in zip(LETTERS, BOTH, strict=True):
            yield (f"{letter}: {each}", _percent(self.left_met[each], self.operations_met[each]))

    def _reasons_met(self) -> list[str]:
        sums = Counter[str]()
        for (_, reason), count in self.left_of_kind.items():
            sums[reason] += count
        return [reason for reason, _ in sums.most_common()]

    def _kinds(self) -> Iterator[tuple[str, ...]]:
        reasons = self._reasons_met()
        for kind in sorted(self.kinds):
            left = [(number, self.left_of_kind[kind, reason]) for number, reason in enumerate(reasons, 1)]
            most = sorted((each for each in left if each[1]), key=lambda each: -each[1])[:3]
            told = ", ".join(f"{number}: {count}" for number, count in most)
            every = (self.kinds[kind], self.operations_of_kind[kind], sum(count for _, count in left))
            yield (kind, *map(str, every), told)

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
