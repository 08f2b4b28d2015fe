"""A terminal as embedders see it: `await terminal.purchase(650)`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, cast

from ecrlan.errors import JournalError, MalformedMessageError, RegisterError, TerminalBlockedError
from ecrlan.journal import Event as Row
from ecrlan.journal import NewOperation
from ecrlan.logger import Logger
from ecrlan.model import (
    Code,
    Evidence,
    IncrementRequest,
    Kind,
    MoneyOperation,
    NotPerformed,
    Operation,
    Outcome,
    PaymentResult,
    State,
    StatusRequest,
    Unresolved,
    evidence_of,
    orders,
    with_outcome,
)
from ecrlan.net.line import FRAMES_AT_A_TIME, Direction, Line
from ecrlan.net.listen import Listener
from ecrlan.protocol.actions import Taken
from ecrlan.protocol.conduct import Conductor
from ecrlan.protocol.memory import Memory
from ecrlan.protocol.options import TerminalSettings
from ecrlan.protocol.records import beginning_rows, fact_row, finished_row
from ecrlan.protocol.settling import Recovery
from ecrlan.protocol.step import Stray
from ecrlan.protocol.work import Order, Work, said
from ecrlan.register.events import Alarm, FrameReceived, FrameSent, LineChanged, OperationChanged, ProgressShown, TerminalEvent
from ecrlan.register.ledger import WITHDRAWN, Ledger, Member
from ecrlan.register.lines import Lines
from ecrlan.register.publisher import Watchers
from ecrlan.register.queue import Place, TerminalQueue
from ecrlan.register.recall import Recollection, recall_identity, recollect
from ecrlan.register.running import Running, RunningWork
from ecrlan.register.surface import Operations
from ecrlan.register.targets import check_code, check_last_result, check_target, preauthorization, result_of, voidable_stan
from ecrlan.register.transport import LanTransport
from ecrlan.texts import words
from ecrlan.wire.codec import parse_response
from ecrlan.wire.frames import ApplicationFrame
from ecrlan.wire.mask import mask_lone_frame

log = Logger(__name__)

FLOOD_SILENCE = 600.0
"""Seconds without a flood after which the next one raises an alarm again."""


class Terminal(Operations[Coroutine[Any, Any, MoneyOperation], Coroutine[Any, Any, Operation[Outcome]]]):
    """One terminal. Made by `Register.dial`, `Register.listen` or `Register.add`; its operations are those of `Operations`, awaited."""

    def __init__(self, ledger: Ledger, settings: TerminalSettings, memory: Memory, listener: Listener | None) -> None:
        self._ledger = ledger
        self.settings = settings
        self.member = Member(settings.name, memory)
        """What the ledger knows of it."""
        self.queue = TerminalQueue(settings.name, settings.queue_length)
        self.listener = listener
        self.lines = Lines(settings, lambda: listener, self._make_line)
        self.open_works = self.member.open_works
        """Operations whose outcome is not proved: they block the terminal."""
        self._transport = LanTransport(self, self.lines, self.queue)
        self._conductor = Conductor(self)
        self._recovery = Recovery(self, self._conductor.questions)
        self._watchers = Watchers(ledger.publisher)
        self._told_of_flood_until = 0.0
        self.last_seen_at: float | None = None
        """When its last frame came, monotonic seconds; None: not since the register was opened."""

    @property
    def name(self) -> str:
        """The terminal's name in the settings."""
        return self.settings.name

    @property
    def memory(self) -> Memory:
        """What is known of it; another one once its TID is learned or accepted."""
        return self.member.memory

    @memory.setter
    def memory(self, memory: Memory) -> None:
        self.member.memory = memory

    # --- operations -------------------------------------------------------------------------------------------------------------

    async def _money(self, order: orders.Order) -> MoneyOperation:
        return cast("MoneyOperation", await self.carry_out(order))

    async def carry_out(self, order: orders.Order) -> Operation[Outcome]:
        """Have an order carried out, as `Operations` says."""
        return with_outcome(await (await self.begin(order)).ended())

    async def begin(self, order: orders.Order, *, callback_url: str | None = None) -> Running:
        """Begin an order, or find the operation that stands under its reference, and return at once.

        `callback_url` is written down with a new operation: a daemon tells its steps there.

        Raises as `Operations` says; nothing was sent then. What the terminal says later can still refuse it: `Running.ended` raises that.
        """
        order.check()
        known = await self._known(order)
        given = order.reference
        return await self.start(
            Order(
                kind=order.kind,
                request=order.request(known),
                reference=given or str(uuid.uuid4()),
                additional=order.additional_request(known),
                target=getattr(order, "target", None),
                generated=given is None,
                journaled=given is not None or order.journaled,
                queue_timeout=self.settings.queue_timeout if order.queue_timeout is None else order.queue_timeout,
                callback_url=callback_url,
            )
        )

    async def _known(self, order: orders.Order) -> orders.Known:
        known = orders.Known(
            terminal_id=self._tid,
            cash_register_id=self._ledger.cash_register_id,
            capture_length=self.settings.capture_length,
            printing_mode=self.settings.printing_mode,
            tag_map="" if self.settings.tag_map == "auto" else self.settings.tag_map,
        )
        read, journal = self._ledger.read, self._ledger.journal
        if isinstance(order, orders.Void) and order.target is not None:
            return replace(known, stan=await read(voidable_stan, journal, self.name, order.target))
        if isinstance(order, orders.FollowingOrder) and order.target is not None:
            result = await read(result_of, journal, self.name, order.target, order.targets)
            return replace(known, preauthorization_code=result.preauthorization_code or "")
        return known

    async def poll(self) -> Operation | None:
        """Ask `s` while nobody needs the terminal; None where somebody does. Nobody who wants to take a payment is turned away for it."""
        if self.queue.holder is not None or any(work.recovering for work in self.open_works.values()):
            return None
        order = Order(
            kind=Kind.STATUS,
            request=StatusRequest(terminal_id=self._tid),
            reference=f"poll-{uuid.uuid4()}",
            generated=True,
            journaled=False,
            queue_timeout=0.0,
            background=True,
        )
        return await (await self.start(order)).ended()

    # --- watching ---------------------------------------------------------------------------------------------------------------

    def events(self) -> AsyncIterator[TerminalEvent]:
        """Follow what happens on the terminal, from now on. A slow follower loses the oldest events, never delays the terminal."""
        return self._watchers.events()

    def drop_line(self) -> None:
        """Close the terminal's line at once. Refused (`RegisterError`) while a money operation is under way."""
        if self.queue.holder is not None:
            raise RegisterError(("line_in_use", {"terminal": self.name, "holder": self.queue.holder}))
        self.lines.drop()

    def accept_terminal_id(self, by: str) -> None:
        """Accept the TID that answered in place of the pinned one, in the name of the person `by`.

        Reads the journal at once, on the event loop: no answer may be judged before the terminal's past is known; who can wait takes
        `accept_terminal_id_awaited`. Raises `RegisterError` while the terminal is in use, `InvalidValueError`, `JournalError`.
        """
        accepted = self.memory.foreign_terminal_id
        if accepted is not None:
            by = self._check_acceptance(by)
            told = recollect(self._ledger.journal, [self.settings], asyncio.get_running_loop().time(), accepted)
            self._accept_terminal_id(accepted, by, told)

    async def accept_terminal_id_awaited(self, by: str) -> None:
        """As `accept_terminal_id`, but the journal is read in a thread first; another TID that answers meanwhile is read of, too."""
        while (accepted := self.memory.foreign_terminal_id) is not None:
            self._check_acceptance(by)
            with self._ledger.recollecting([self.settings], accepted) as latest:
                told = await latest()
            if self.memory.foreign_terminal_id == accepted:
                self._accept_terminal_id(accepted, self._check_acceptance(by), told)

    def _check_acceptance(self, by: str) -> str:
        if self.queue.holder is not None:
            raise RegisterError(("terminal_id_in_use", {"terminal": self.name, "holder": self.queue.holder}))
        return said("by", by)

    def _accept_terminal_id(self, accepted: str, by: str, told: Recollection) -> None:
        now = self.clock()
        self.write([fact_row(self.name, "pinned", self.memory.place, now, terminal_id=accepted, by=by)], durable=False)
        self.lines.drop()
        self.memory = told.memories[self.name]
        self.adopt(told)
        self.memory.last_stan = None  # what happened on it while it stood elsewhere is nobody's business here
        for work in self.open_works.values():
            if work.identity == self.memory.identity or not isinstance(work.outcome, Unresolved):
                continue
            evidence = self._recovery.doubt(work) or Evidence(Code.OUTCOME_UNKNOWN)
            outcome = Unresolved(evidence=evidence)
            self.write([finished_row(work, outcome, now, evidence)], durable=False)
            work.settle(outcome, now, evidence)
            self.alarm("unresolved", evidence, work.reference)
            self.publish(work)

    def reset_hand_use(self, by: str) -> None:
        """Say, in the name of the person `by`, that nobody else uses the terminal any more."""
        self.write([fact_row(self.name, "hand_use_reset", self.memory.identity, self.clock(), by=said("by", by))], durable=False)
        self.memory.used_by_hand = False

    # --- an order's way ---------------------------------------------------------------------------------------------------------

    @property
    def _tid(self) -> str:
        return self.settings.terminal_id

    def authorized_total(self, target: str) -> int:
        """Return the cents that pre-authorization `target` has authorized so far, increments included. Raises `RegisterError`.

        Reads the journal at once, on the event loop.
        """
        return preauthorization(self._ledger.journal, self.name, target).total

    async def start(self, order: Order) -> Running:
        """Begin an order, or find what stands under its reference. Refusals that need no terminal are raised here.

        Raises `ReferenceConflictError`, `TerminalBusyError`, `TerminalBlockedError`, `ClosedError`, `JournalError`, `RegisterError`:
        nothing was journaled and nothing was sent. What is refused later, by what the terminal says, is raised by `Running.ended`.
        """
        if order.generated:
            return await self._start_new(order)
        async with self._ledger.claim(order.reference):
            return await self._ledger.known(order, self.member) or await self._start_new(order)

    async def _start_new(self, order: Order) -> Running:
        if order.target is not None:
            await self._ledger.read(self._check_target, order)
        self._ledger.check_member(self.member)
        place = self._enter(order)
        work = RunningWork(order=order, terminal=self.name, created_time=self.clock())
        return self._ledger.run(work, self._carry(work, place), place)

    def _enter(self, order: Order) -> Place:
        """Take an order's place in the queue. Raises as `start` says."""
        place = self.queue.enter(order.reference, order.queue_timeout, background=order.background)
        try:
            if place.has_turn and _is_guarded(order):
                self._check(order)
                for work in self.open_works.values():
                    if work.recovering or not self._recovery.can_prove(work):  # else the terminal is asked first
                        self._check_unblocked(work, order)
        except RegisterError:
            place.leave()
            raise
        return place

    async def _carry(self, work: RunningWork, place: Place) -> None:
        """Perform `work`; what is refused then, though it was promised or is withdrawn, is written down as not performed."""
        try:
            await self._perform(work, place)
        except JournalError:
            raise
        except (RegisterError, asyncio.CancelledError) as error:
            if not work.promised or work.recorded or not (work.order.journaled or work.withdrawn):
                raise
            reason = (
                WITHDRAWN if work.withdrawn else evidence_of(error) if isinstance(error, RegisterError) else Evidence(Code.REGISTER_CLOSED)
            )
            now = self.clock()
            work.not_performed(reason, now)
            if work.order.journaled:
                refused = finished_row(work, NotPerformed(reason=reason), now)
                if committing := self.write([*beginning_rows(work, self.memory.place), refused], durable=True):
                    await committing
            self.publish(work)

    async def _perform(self, work: RunningWork, place: Place) -> None:
        """Perform `work` when it has its turn. Raises `RegisterError` where it is refused; nothing was journaled and nothing was sent."""
        order = work.order
        if not place.has_turn:
            self.publish(work)
        async with place:
            if _is_guarded(order):
                await self._clear_the_way(order)
            if order.target is not None or isinstance(order.request, IncrementRequest):
                await self._ledger.read(self._check_target, order)
            await self._transport.carry_out(self._conductor.perform(work))
            if order.money and work.open:
                self.open_works[work.reference] = work
        if work.state is State.RECOVERING:
            await self._transport.carry_out(self._recovery.settle(work))
        elif order.money and isinstance(work.outcome, Unresolved):
            self.alarm("unresolved", work.outcome.evidence, work.reference)
        self._tidy(work)
        await work.committed()
        self.publish(work)

    def _check_target(self, order: Order) -> None:
        """Refuse what refers to an operation that it must not refer to now. Raises `RegisterError`. Reads the journal."""
        journal, identity = self._ledger.journal, self.memory.identity
        if order.target is not None:
            check_target(journal, self.name, order.kind, order.target, identity)
        if isinstance(order.request, IncrementRequest):
            check_code(journal, order.request.preauthorization_code, identity)

    def _check(self, order: Order) -> None:
        self._ledger.check_journal(money=order.money)
        if order.money:
            self._check_identity()

    def adopt(self, told: Recollection | None = None) -> None:
        """Take up the operations that are its own and have no known outcome, and begin to recover them; see `Ledger.adopt`."""
        self.take_up(self._ledger.adopt(self.member, told))

    def take_up(self, found: Iterable[RunningWork | Operation]) -> None:
        """Begin to recover operations that a crash left open, and tell of those whose outcome stood in the journal."""
        for each in found:
            if isinstance(each, RunningWork):
                self._ledger.spawn(self._recover(each))
            elif self._watchers.present:
                self.tell(OperationChanged(self.name, each))

    async def _recover(self, work: RunningWork) -> None:
        await self._transport.carry_out(self._recovery.settle(work))
        self._tidy(work)

    async def _clear_the_way(self, order: Order) -> None:
        self._check(order)
        for work in list(self.open_works.values()):
            if work.open and not work.recovering:
                await self._transport.carry_out(self._recovery.ask_now(work))
            self._tidy(work)
            self._check_unblocked(work, order)

    async def check_again(self, order: Order) -> None:
        """Refuse money by what the questions just before it told: who answers here, and what is open there. Raises `RegisterError`."""
        self._check_identity()
        for work in self.open_works.values():
            self._check_unblocked(work, order)
        if order.target is not None:
            await self._ledger.read(self._check_target_again, order, order.target)

    def _check_target_again(self, order: Order, target: str) -> None:
        journal = self._ledger.journal
        check_target(journal, self.name, order.kind, target, self.memory.identity)
        if order.kind is Kind.VOID:
            check_last_result(journal, target, self.memory.baseline)

    def _check_unblocked(self, work: Work, order: Order) -> None:
        closes_only = work.order.kind is Kind.CLOSE_SESSION and order.kind is not Kind.CLOSE_SESSION
        if work.open and not closes_only:
            raise TerminalBlockedError(self.name, work.reference)

    def _check_identity(self) -> None:
        """Refuse money where another terminal answered, or another name stands for the same one: two queues would use it at once."""
        mine, found = self.memory.terminal_id, self.memory.foreign_terminal_id
        for other in self._ledger.members.values():
            if mine is not None and other is not self.member and other.memory.terminal_id == mine:
                raise RegisterError(("one_terminal", {"terminal": self.name, "other": other.name, "terminal_id": mine}))
        if found is not None:
            raise RegisterError(("answered_as_another", {"terminal": self.name, "terminal_id": found, "expected": mine}))

    def _tidy(self, work: Work) -> None:
        if not work.open:
            self.open_works.pop(work.reference, None)

    def unblocked(self) -> None:
        """Drop the line, unless it is in use: a person settled an operation, and the terminal is asked anew before the next one."""
        if self.queue.holder is None:
            self.lines.drop()

    # --- what the conductor needs -----------------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        """Return the wall clock."""
        return self._ledger.clock()

    def monotonic(self) -> float:
        """Return the seconds that only go on."""
        return asyncio.get_running_loop().time()

    def write(self, rows: list[NewOperation | Row], *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows to the journal; a future where the caller must wait for the commit."""
        return self._ledger.write(rows, durable=durable)

    def note(self, rows: list[NewOperation | Row]) -> None:
        """Write rows for which nothing waits."""
        self._ledger.write(rows, durable=False)

    def log(self, event: str, *, level: Literal["info", "warning"] = "warning", **values: object) -> None:
        """Log what happened."""
        (log.info if level == "info" else log.warning)(event, **values)

    def publish(self, work: Work) -> None:
        """Tell watchers of the operation's state."""
        if self._watchers.present:
            self.tell(OperationChanged(self.name, work.snapshot()))

    def progressed(self, work: Work, text: str) -> None:
        """Tell watchers the terminal's own text."""
        if self._watchers.present:
            self.tell(ProgressShown(self.name, work.reference, text))

    def alarm(self, name: str, what: Evidence, reference: str | None) -> None:
        """Raise an alarm: log and watchers."""
        log.error("alarm.raised", alarm=name, terminal=self.name, reference=reference, text=words(what))
        self.tell(Alarm(self.name, name, what, reference))

    def pin(self, terminal_id: str) -> None:
        """Take the TID that the terminal told for its own. Reads the journal at once: the next answer is judged by what it tells."""
        self.write([fact_row(self.name, "pinned", self.memory.place, self.clock(), terminal_id=terminal_id)], durable=False)
        known, self.memory = self.memory, Memory(place=self.memory.place, terminal_id=terminal_id)
        recall_identity(self._ledger.journal, self.settings, self.memory, asyncio.get_running_loop().time())
        self.memory.unanswered = known.unanswered
        self.adopt()

    def open_references(self) -> set[str]:
        """Return the references of the operations that are open on the terminal."""
        return {work.reference for work in self.open_works.values() if work.open}

    def watch(self, line: Line) -> None:
        """Show the line's frames to whoever follows."""
        line.observer = self._observe

    def _observe(self, direction: Direction, raw: bytes) -> None:
        if direction == "<":
            self.last_seen_at = asyncio.get_running_loop().time()
        if not self._watchers.want_frames:
            return
        masked = mask_lone_frame(raw, "request" if direction == ">" else "response")
        self.tell(FrameSent(self.name, masked) if direction == ">" else FrameReceived(self.name, masked))

    def tell(self, event: TerminalEvent) -> None:
        """Tell the register's observers and the terminal's own watchers."""
        self._watchers.tell(event)

    def _make_line(self, opened_by: str) -> Line:
        return Line(
            self.settings.lrc,
            opened_by=opened_by,
            on_unasked=self._unasked,
            on_made=lambda line: self.tell(LineChanged(self.name, opened=True, opened_by=line.opened_by)),
            on_lost=lambda line: self.tell(LineChanged(self.name, opened=False, opened_by=line.opened_by)),
            on_flood=self._flooded,
        )

    def _flooded(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._told_of_flood_until:
            self.alarm("flood", Evidence(Code.FLOODED, {"frames": FRAMES_AT_A_TIME}), None)
        self._told_of_flood_until = now + FLOOD_SILENCE

    def _unasked(self, frame: ApplicationFrame) -> asyncio.Future[None] | None:
        """Record a payment's result that nobody asked for; None where it is none, or not this terminal's."""
        try:
            response = parse_response(frame.message, tolerate_lengths=self.settings.tolerate_lengths)
        except MalformedMessageError:
            return None
        if not isinstance(response, PaymentResult) or self.memory.is_another(response.terminal_id):
            return None
        event = Stray(Evidence(Code.RESULT_UNASKED), response, alarm=response.approved, message=frame.message)
        row = self._conductor.questions.stray(event, None)
        committing = self._transport.write(Taken([row], durable=True), None)
        if committing is None:  # a journal in memory has it at once
            committing = asyncio.get_running_loop().create_future()
            committing.set_result(None)
        return committing

    def admit(self) -> Line:
        """Return a line for the terminal that dials in."""
        line = self._make_line("terminal")
        line.observer = self._observe
        return line


def _is_guarded(order: Order) -> bool:
    return order.money or orders.ORDER_OF[order.kind].blocked
