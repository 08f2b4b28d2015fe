"""What a shell does for a conduct, without sockets, disks or an event loop: its time jumps, and its terminal does what a test says.

A play is what comes after one transmission of a request: bytes come, a number is a pause in seconds, `LOST` takes the line down, anything
else is called. Each code has a list of plays, used up one by one; the last one stays. A code without one meets silence.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from ecrlan.errors import EcrlanError, JournalError
from ecrlan.model import ROME, Code, Evidence, ExtendedPurchaseRequest, HostTime, Kind, NotPerformed, PaymentResult, Request, StatusResponse
from ecrlan.model.rows import Event as Row
from ecrlan.model.rows import NewOperation
from ecrlan.protocol.actions import Action, Clear, Commit, Conduct, Drop, EnterQueue, LeaveQueue, Open, Recheck, Run, Take, Wait
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.memory import Memory
from ecrlan.protocol.options import TerminalSettings
from ecrlan.protocol.step import Sending, Step
from ecrlan.protocol.work import Order, Work
from ecrlan.wire.frames import FrameReader
from tests.protocol.driver import ACK, DECLINED, EXTENDED_APPROVED, STATUS, TID, wire

Result = TypeVar("Result")
Play = Sequence[Any]
START = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)
LOST = object()
ADDRESS = "192.168.1.50"
PLACE = f"{ADDRESS}:8081"


# --- messages and orders --------------------------------------------------------------------------------------------------------------


def host_time(minutes: float = 0.0) -> HostTime:
    """The host_time of so many minutes after `START`."""
    moment = (START + timedelta(minutes=minutes)).astimezone(ZoneInfo(ROME))
    return HostTime(moment.timetuple().tm_yday, moment.hour, moment.minute)


def approval(stan: int, minutes: float = 0.0, *, form: int = 92, **fields: Any) -> PaymentResult:
    """An approval of 6.50 EUR: of 92 bytes, or of 71, which have no amount."""
    short: dict[str, Any] = {} if form == 92 else {"amount": None, "action_code": None}
    known: dict[str, Any] = {"stan": f"{stan:06}", "authorization_code": f"A{stan:05}", "host_time": host_time(minutes), "length": form}
    return replace(EXTENDED_APPROVED, **(known | short | fields))


def refusal(reason: str = "NEGATA", *, stan: int = 5, form: int = 92) -> PaymentResult:
    """A refusal; it repeats the STAN of the payment before."""
    extended: dict[str, Any] = {"amount": 0, "action_code": "000"} if form == 92 else {}
    return replace(DECLINED, reason=reason, stan=f"{stan:06}", length=form, **extended)


def answers(*results: PaymentResult | StatusResponse, after: float = 0.0) -> Play:
    """A play: the request is acknowledged, and answered `after` so many seconds."""
    return [ACK, after, *map(wire, results)]


def make_work(request: Request | None = None, *, kind: Kind = Kind.PURCHASE, **order: Any) -> Work:
    """An order that begins now; a purchase of 6.50 EUR where it is not said."""
    made = Order(kind=kind, request=request or ExtendedPurchaseRequest(terminal_id=TID, amount=650), reference="sale", **order)
    return Work(order=made, terminal="till-1", created_time=START)


# --- the terminal's side of a conduct -------------------------------------------------------------------------------------------------


class FakeHost:
    """Keeps what a conduct writes and tells."""

    def __init__(self, **settings: Any) -> None:
        self.settings = TerminalSettings(name="till-1", address=ADDRESS, **settings)
        self.memory = Memory(place=PLACE, terminal_id=TID)
        self.now = 0.0
        self.ahead = 0.0
        """Seconds by which the register's clock was set forward."""
        self.rows: list[NewOperation | Row] = []
        self.alarms: list[tuple[str, Evidence, str | None]] = []
        self.logged: list[str] = []
        self.published: list[str] = []
        """The states, or outcomes, that observers were told."""
        self.shown: list[str] = []
        self.open: set[str] = set()

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.now + self.ahead)

    def monotonic(self) -> float:
        return self.now

    def note(self, rows: list[NewOperation | Row]) -> None:
        self.rows += rows

    def publish(self, work: Work) -> None:
        self.published.append(work.outcome.outcome if work.outcome is not None else work.state.value)

    def progressed(self, work: Work, text: str) -> None:
        self.shown.append(text)

    def alarm(self, name: str, what: Evidence, reference: str | None) -> None:
        self.alarms.append((name, what, reference))

    def log(self, event: str, *, level: str = "warning", **values: object) -> None:
        self.logged.append(event)

    def pin(self, terminal_id: str) -> None:
        self.memory = Memory(place=PLACE, terminal_id=terminal_id)

    def open_references(self) -> set[str]:
        return self.open


@dataclass
class FakeLine:
    """A line: what runs on it, and until when it stands."""

    run: Run | None = None
    stands: bool = True
    lingers_until: float | None = None
    suspect: bool = False
    """Whether something strange was met on it: no money goes out there."""
    wake_at: float | None = None
    reader: FrameReader = field(default_factory=FrameReader)


class Shell:
    """Carries a conduct out, and keeps what it did, in words.

    `meets` says what an action meets: `shell.meets["open", 2] = ConnectError(...)` is raised by the second one that is called so, and a
    function is called in place of an error. `refuses` says which rows the journal does not take.
    """

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.actions: list[str] = []
        self.requests = ""
        """The codes of the requests that were transmitted."""
        self.exchanges: list[Exchange] = []
        self.plays: dict[str, list[Play]] = {"s": [answers(STATUS)], "E": [[ACK]], "G": [answers(approval(5, -60))]}
        self.meets: dict[tuple[str, int], EcrlanError | Callable[[], object]] = {}
        self.refuses: Callable[[NewOperation | Row], bool] = lambda _: False
        self.unacknowledged = 0
        """How often something was not acknowledged, because it could not be written."""
        self._line: FakeLine | None = None
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._count = count()
        self._named: Counter[str] = Counter()

    def on(self, code: str, *plays: Play) -> None:
        """Answer the next requests with this code by these plays, the last one for good."""
        self.plays[code] = list(plays)

    def at(self, seconds: float, happens: Callable[[], object]) -> None:
        """Have something happen in so many seconds."""
        heapq.heappush(self._agenda, (self.host.now + seconds, next(self._count), happens))

    def carry_out(self, conduct: Conduct[Result]) -> Result:
        """Do what a conduct asks for, one action after the other; what an action raises is raised where it was yielded."""
        failure: EcrlanError | None = None
        while True:
            try:
                action = next(conduct) if failure is None else conduct.throw(failure)
            except StopIteration as end:
                result: Result = end.value
                return result
            failure = None
            try:
                self._begin(action)
                self._do(action)
            except EcrlanError as error:
                failure = error

    def pass_time(self, seconds: float, work: Work | None = None) -> None:
        """Let time go by; with `work`, until it is settled."""
        until = self.host.now + seconds
        while (work is None or work.open) and self._agenda and self._agenda[0][0] <= until:
            self._happen()
        if work is None or work.open:
            self.host.now = max(self.host.now, until)

    def names(self) -> list[str]:
        """The names of the rows in the order in which they were written."""
        return [row.name if isinstance(row, Row) else "created" for row in self.host.rows]

    def rows(self, name: str) -> list[Row]:
        """The rows of this name."""
        return [row for row in self.host.rows if isinstance(row, Row) and row.name == name]

    def row(self, name: str) -> Row:
        """The only row of this name."""
        (found,) = self.rows(name)
        return found

    def alarms(self) -> list[str]:
        """The names of the alarms."""
        return [name for name, _, _ in self.host.alarms]

    def waits(self) -> list[float]:
        """The seconds of all waits."""
        return [float(action.removeprefix("wait ")) for action in self.actions if action.startswith("wait ")]

    def _begin(self, action: Action) -> None:
        match action:
            case Open(for_money=for_money):
                name = "open for money" if for_money else "open"
            case Clear(close=close):
                name = "clear" if close else "clear what lingers"
            case Run(exchange=exchange):
                name = f"run {exchange.request.code}"
            case Wait(until=until):
                name = f"wait {round(until - self.host.now, 6):g}"
            case Commit(rows=rows):
                name = "commit " + " ".join(row.name if isinstance(row, Row) else "created" for row in rows)
            case EnterQueue():
                name = "enter queue"
            case LeaveQueue():
                name = "leave queue"
            case _:
                name = type(action).__name__.lower()
        self.actions.append(name)
        self._named[name] += 1
        met = self.meets.get((name, self._named[name]))
        if isinstance(met, EcrlanError):
            raise met
        if met is not None:
            met()

    def _do(self, action: Action) -> None:
        match action:
            case Open(for_money=for_money):
                self._open(for_money=for_money)
            case Run():
                self._run(action)
            case Clear(close=close):
                if self._line is not None and (close or self._line.lingers_until is not None):
                    self._close()
            case Drop():
                self._close()
            case Commit(rows=rows, work=work, durable=durable):
                self._write(rows, work, durable=durable)
            case Take(run=run, events=events):
                self._take(run, Step(events))
            case Wait(until=until, work=work):
                self.pass_time(until - self.host.now, work)
            case Recheck() | EnterQueue() | LeaveQueue():
                pass

    # --- lines ----------------------------------------------------------------------------------------------------------------------

    def _open(self, *, for_money: bool) -> None:
        """A line that was kept serves once more; one that only lingers is closed first, once what is on its way has come."""
        line = self._line
        if line is not None and line.lingers_until is not None:
            self.pass_time(0.0)
        if line is None or not line.stands or line.lingers_until is not None or (for_money and line.suspect):
            self._close()
            self._line = FakeLine()

    def _close(self) -> None:
        if self._line is not None:
            self._line.stands = False
        self._line = None

    def _run(self, run: Run) -> None:
        line = self._line
        assert line is not None, "an exchange without a line"
        line.run = run
        self.exchanges.append(run.exchange)
        try:
            self._take(run, run.exchange.start(self.host.now), line)
            while run.exchange.ending is None:
                self._next(line)
        finally:
            line.suspect = line.suspect or not run.exchange.clean
            release = run.left()
            self.actions.append(f"{self.actions.pop()}, {release}")
            if release != "keep":
                line.lingers_until = self.host.now + (0.0 if release == "end" else release)

    def _next(self, line: FakeLine) -> None:
        """What comes first: something that was to happen, or the exchange's timer."""
        assert line.run is not None
        if self._agenda and (line.wake_at is None or self._agenda[0][0] <= line.wake_at):
            self._happen()
            return
        assert line.wake_at is not None, "everything waits, and nothing will ever happen"
        self.host.now = max(self.host.now, line.wake_at)
        self._take(line.run, line.run.exchange.wake(self.host.now), line)

    def _happen(self) -> None:
        at, _, happens = heapq.heappop(self._agenda)
        self.host.now = max(self.host.now, at)
        happens()

    def _take(self, run: Run, step: Step, line: FakeLine | None = None) -> None:
        """First the rows, then observers are told, then the bytes go out: not before what must be on disk is there."""
        written = True
        if step.events:
            taken = run.take(step.events)
            written = self._write(taken.rows, run.work, durable=taken.durable)
            if not written and any(isinstance(event, Sending) for event in step.events):
                raise JournalError("the disk is full")
            if taken.publish and run.work is not None:
                self.host.publish(run.work)
        if line is None:
            return
        line.wake_at = step.wake_at
        if not written:
            self.unacknowledged += bool(step.send)
        elif step.send:
            for frame in step.send:
                self._transmit(line, frame)
            line.wake_at = run.exchange.written(self.host.now).wake_at

    def _write(self, rows: list[NewOperation | Row], work: Work | None, *, durable: bool) -> bool:
        """False where what must be on disk is not."""
        if not any(map(self.refuses, rows)):
            self.host.rows += rows
            return True
        if not durable:
            return True
        if work is not None:
            work.durable = False
        self.host.alarm("journal_failed", Evidence(Code.JOURNAL_FAILED, {"problem": "the disk is full"}), work.reference if work else None)
        return False

    # --- the terminal ---------------------------------------------------------------------------------------------------------------

    def _transmit(self, line: FakeLine, frame: bytes) -> None:
        """What comes after a request was written; acknowledgements are followed by nothing."""
        if frame[0] != 0x02:
            return
        code = chr(frame[10])
        self.requests += code
        plays = self.plays.get(code, [[]])
        seconds = 0.0
        for step in plays.pop(0) if len(plays) > 1 else plays[0]:
            if isinstance(step, int | float):
                seconds += step
            else:
                self.at(seconds, self._step(line, step))

    def _step(self, line: FakeLine, step: Any) -> Callable[[], None]:
        def happens() -> None:
            if line.lingers_until is not None and self.host.now > line.lingers_until:
                line.stands = False
            if not isinstance(step, bytes) and step is not LOST:
                step()
            elif line.stands and line.run is not None:
                run = line.run
                if step is LOST:
                    line.stands = False
                    self._take(run, run.exchange.lost(self.host.now), line)
                else:
                    for frame in line.reader.feed(step):
                        self._take(run, run.exchange.frame(frame, self.host.now), line)

        return happens


def named(name: str) -> Callable[[NewOperation | Row], bool]:
    """Tells whether a row has this name."""
    return lambda row: isinstance(row, Row) and row.name == name


def proved_wrong(work: Work) -> Callable[[], None]:
    """What settles an operation while its terminal is asked: a person's word."""
    return lambda: work.settle(NotPerformed(reason=Evidence(Code.NOTE, {"text": "nothing there"})), START)
