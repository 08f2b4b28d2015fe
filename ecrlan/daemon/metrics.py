"""Counts what happens, for Prometheus. Counting costs microseconds; what can be looked up is looked up when somebody asks."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from ecrlan.daemon.hub import is_poll
from ecrlan.journal import Event as Row
from ecrlan.journal import NewOperation
from ecrlan.model import Kind, Operation
from ecrlan.register import OperationChanged, Register, TerminalEvent

ACK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
RESULT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)
COMMIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
COUNTED_OPERATIONS = 10_000
"""Operations of which it is remembered that they were counted: an outcome may be told twice in a row."""


class AlarmCounts(Protocol):
    """What is needed of the alarms."""

    @property
    def count(self) -> int:
        """How many alarms last."""

    @property
    def unresolved(self) -> int:
        """How many operations are unresolved."""


class Metrics:
    """Follows `register`; `alarms` and `reachable` (of a terminal's name) are asked when the metrics are rendered.

    `monotonic` returns seconds. Give `committed` to the register as `on_commit`.
    """

    def __init__(
        self,
        register: Register,
        *,
        alarms: AlarmCounts | None = None,
        reachable: Callable[[str], bool | None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.register = register
        self.registry = CollectorRegistry()
        self._alarms = alarms
        self._reachable = reachable
        self._monotonic = monotonic
        registry = self.registry
        self._operations = Counter(
            "ecrlan_operations", "Operations by the outcomes they came to", ["terminal", "kind", "outcome"], registry=registry
        )
        self._events = Counter("ecrlan_events", "Events delivered to those who follow the stream", ["kind"], registry=registry)
        self._retransmissions = Counter("ecrlan_retransmissions", "Requests sent again after a NAK", registry=registry)
        self._naks = Counter("ecrlan_naks", "Requests that a terminal refused with a NAK", registry=registry)
        self._lines_lost = Counter("ecrlan_lines_lost", "Lines lost while an operation's result was due", registry=registry)
        self._ack = Histogram(
            "ecrlan_ack_seconds", "From giving a request to the journal to the terminal's ACK", buckets=ACK_BUCKETS, registry=registry
        )
        self._result = Histogram(
            "ecrlan_result_seconds", "From giving a request to the journal to its result", buckets=RESULT_BUCKETS, registry=registry
        )
        self._commit = Histogram("ecrlan_journal_commit_seconds", "The journal's commits", buckets=COMMIT_BUCKETS, registry=registry)
        registry.register(_Levels(self._levels))
        self._operation_children: dict[tuple[str, Kind, str], Counter] = {}
        self._event_children: dict[str, Counter] = {}
        self._counted: OrderedDict[str, str] = OrderedDict()
        self._sent: dict[str, float] = {}
        """When the requests of operations under way left, by reference; those that were lost are measured no more."""
        self._due: dict[str, str] = {}
        """The operation whose result is due, by terminal."""
        self._end_observing: Callable[[], None] | None = None

    async def open(self) -> None:
        """Begin to count."""
        self._end_observing = self.register.observe(self._observe)
        self.register.observe_rows(self._observe_row)

    async def close(self) -> None:
        """Count no more."""
        if self._end_observing is not None:
            self._end_observing()

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def committed(self, seconds: float) -> None:
        """Count a commit of the journal; from any thread."""
        self._commit.observe(seconds)

    def delivered(self, kind: str, count: int = 1) -> None:
        """Count events that were given to a follower of the stream."""
        child = self._event_children.get(kind)
        if child is None:
            child = self._event_children[kind] = self._events.labels(kind)
        child.inc(count)

    # --- what happens -----------------------------------------------------------------------------------------------------------

    def _observe(self, event: TerminalEvent) -> None:
        if isinstance(event, OperationChanged) and event.operation.outcome is not None and not is_poll(event.operation):
            self._count(event.operation)

    def _count(self, operation: Operation) -> None:
        outcome = operation.outcome.outcome if operation.outcome is not None else ""
        if self._counted.get(operation.reference) == outcome:
            return
        self._counted[operation.reference] = outcome
        if len(self._counted) > COUNTED_OPERATIONS:
            self._counted.popitem(last=False)
        key = operation.terminal, operation.kind, outcome
        child = self._operation_children.get(key)
        if child is None:
            child = self._operation_children[key] = self._operations.labels(operation.terminal, operation.kind.value, outcome)
        child.inc()

    def _observe_row(self, row: NewOperation | Row) -> None:
        if isinstance(row, NewOperation) or row.reference is None:
            return
        match row.name:
            case "sending":
                if row.data["transmission"] == 1:
                    self._sent[row.reference] = self._monotonic()
                else:
                    self._retransmissions.inc()
                self._due[row.terminal] = row.reference
            case "accepted":
                self._measure(self._ack, row.reference)
            case "refused":
                self._naks.inc()
                self._over(row)
            case "answered":
                self._measure(self._result, row.reference)
                self._over(row)
            case "recovering" | "finished" | "resolved":
                self._sent.pop(row.reference, None)
                terminal = self.register.terminals.get(row.terminal)
                if self._due.get(row.terminal) == row.reference and terminal is not None and terminal.lines.current is None:
                    self._lines_lost.inc()
                self._over(row)
            case _:
                pass

    def _measure(self, histogram: Histogram, reference: str) -> None:
        sent = self._sent.get(reference)
        if sent is not None:
            histogram.observe(self._monotonic() - sent)

    def _over(self, row: Row) -> None:
        """Note that the operation's result is not due any more: the line may go."""
        if self._due.get(row.terminal) == row.reference:
            del self._due[row.terminal]

    # --- what can be looked up --------------------------------------------------------------------------------------------------

    def _levels(self) -> Iterator[Metric]:
        alarms = self._alarms
        yield GaugeMetricFamily("ecrlan_unresolved", "Operations whose outcome nobody can prove", alarms.unresolved if alarms else 0)
        yield GaugeMetricFamily("ecrlan_alarms_active", "Alarms that last", alarms.count if alarms else 0)
        length = GaugeMetricFamily("ecrlan_queue_length", "Operations that wait for a terminal", labels=["terminal"])
        reachable = GaugeMetricFamily(
            "ecrlan_terminal_reachable", "Whether a terminal answered when it was last asked", labels=["terminal"]
        )
        for name, terminal in self.register.terminals.items():
            length.add_metric([name], terminal.queue.length)
            answered = self._reachable(name)
            if answered is not None:
                reachable.add_metric([name], int(answered))
        yield length
        yield reachable


class _Levels:
    """Gauges that are looked up when they are asked for: a terminal that was removed has none any more."""

    def __init__(self, levels: Callable[[], Iterable[Metric]]) -> None:
        self._levels = levels

    def collect(self) -> Iterable[Metric]:
        """Look them up."""
        return self._levels()

    def describe(self) -> Iterable[Metric]:
        """Name none beforehand."""
        return ()
