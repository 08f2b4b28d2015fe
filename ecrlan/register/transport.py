"""The shell of a conduct on a LAN terminal: lines, exchanges, timers and commits, as its actions ask for them."""

from __future__ import annotations

import asyncio
from typing import Protocol, TypeVar

from ecrlan.errors import EcrlanError, JournalError
from ecrlan.model import Code, Evidence
from ecrlan.model.rows import Event as Row
from ecrlan.model.rows import NewOperation
from ecrlan.net.line import Line
from ecrlan.protocol.actions import (
    Action,
    Clear,
    Commit,
    Conduct,
    Drop,
    EnterQueue,
    Host,
    LeaveQueue,
    Open,
    Recheck,
    Run,
    Take,
    Taken,
    Wait,
)
from ecrlan.protocol.step import Ending, Event
from ecrlan.protocol.work import Order, Work
from ecrlan.register.lines import Lines
from ecrlan.register.queue import Place, TerminalQueue
from ecrlan.register.running import RunningWork

Result = TypeVar("Result")


class LanHost(Host, Protocol):
    """What the shell needs of its terminal besides."""

    def write(self, rows: list[NewOperation | Row], *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows to the journal; a future where the caller must wait for the commit."""

    def watch(self, line: Line) -> None:
        """Show the line's frames to observers, if there are any."""

    async def check_again(self, order: Order) -> None:
        """Refuse money by what the questions just before it told. Raises `RegisterError`."""


class LanTransport:
    """Carries conducts out on one terminal."""

    def __init__(self, host: LanHost, lines: Lines, queue: TerminalQueue) -> None:
        self.host = host
        self.lines = lines
        self.queue = queue
        self._line: Line | None = None

    async def carry_out(self, conduct: Conduct[Result]) -> Result:
        """Do what a conduct asks for, one action after the other, until it returns. Raises what it raises."""
        place: Place | None = None
        failure: EcrlanError | None = None
        try:
            while True:
                try:
                    action = next(conduct) if failure is None else conduct.throw(failure)
                except StopIteration as end:
                    result: Result = end.value
                    return result
                failure = None
                try:
                    match action:
                        case EnterQueue(name=name):
                            place = self.queue.enter(name, self.host.settings.queue_timeout)
                            await place.__aenter__()
                        case LeaveQueue() if place is not None:
                            place.leave()
                        case _:
                            await self._do(action)
                except EcrlanError as error:
                    failure = error
        finally:
            conduct.close()
            if place is not None:
                place.leave()

    async def _do(self, action: Action) -> None:
        match action:
            case Open(for_money=for_money):
                self._line = await self.lines.open(fit_for_money=for_money)
                self.host.watch(self._line)
            case Run():
                await self._run(action)
            case Clear(close=close):
                await self.lines.end_lingering()
                if close:
                    self.lines.end()
            case Drop():
                self.lines.drop()
            case Commit(rows=rows, work=work, durable=durable):
                await self._commit(rows, work, durable=durable)
            case Take(run=run, events=events):
                self.take(run, events)
                if isinstance(run.work, RunningWork):
                    await run.work.committed()
            case Recheck(order=order):
                await self.host.check_again(order)
            case Wait(until=until, work=work):
                await self._wait(until, work)

    async def _run(self, run: Run) -> None:
        line, exchange = self._line, run.exchange
        if line is None:
            raise AssertionError("an exchange without a line")
        try:
            await line.run(exchange, lambda events: self.take(run, events))
        finally:
            line.suspect = line.suspect or not exchange.clean
            release = run.left()
            if not line.alive and exchange.ending is Ending.UNANSWERED and exchange.held is None:
                self.lines.disturbed()
            if release == "end":
                self.lines.end()
            elif release == "keep":
                self.lines.give_back(keep=True)
            else:
                self.lines.linger(release)

    def take(self, run: Run, events: tuple[Event, ...]) -> asyncio.Future[None] | None:
        """Write the rows of an exchange's events; a future where their bytes must wait for the commit."""
        taken = run.take(events)
        work = run.work
        committing = self.write(taken, work)
        if taken.answered and isinstance(work, RunningWork):
            work.committing = committing
        if taken.publish and work is not None:
            if committing is None:
                self.host.publish(work)
            else:
                committing.add_done_callback(lambda done: self._publish(done, work, answered=taken.answered))
        return committing

    def _publish(self, committing: asyncio.Future[None], work: Work, *, answered: bool) -> None:
        """Tell observers what is on disk; an answer also where it did not get there: the operation says so."""
        if answered or (not committing.cancelled() and committing.exception() is None):
            self.host.publish(work)

    def write(self, taken: Taken, work: Work | None) -> asyncio.Future[None] | None:
        """Write rows, if there are any; where that fails, the alarm is raised."""
        committing = self.host.write(taken.rows, durable=taken.durable) if taken.rows else None
        if committing is not None:
            committing.add_done_callback(lambda future: self._written(work, future))
        return committing

    def _written(self, work: Work | None, committing: asyncio.Future[None]) -> None:
        if not committing.cancelled() and (failure := committing.exception()) is not None:
            self._failed(work, failure)

    def _failed(self, work: Work | None, failure: BaseException) -> None:
        if work is not None:
            work.durable = False
        told = Evidence(Code.JOURNAL_FAILED, {"problem": str(failure)})
        self.host.alarm("journal_failed", told, work.reference if work is not None else None)

    async def _commit(self, rows: list[NewOperation | Row], work: Work, *, durable: bool) -> None:
        try:
            committing = self.host.write(rows, durable=durable)
            if committing is not None:
                await committing
        except JournalError as error:
            self._failed(work, error)

    @staticmethod
    async def _wait(until: float, work: Work | None) -> None:
        seconds = until - asyncio.get_running_loop().time()
        if isinstance(work, RunningWork):
            try:
                async with asyncio.timeout(seconds):
                    await work.settled.wait()
            except TimeoutError:
                return
        else:
            await asyncio.sleep(max(seconds, 0.0))
