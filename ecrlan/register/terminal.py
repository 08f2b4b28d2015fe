"""A terminal as embedders see it: `await terminal.purchase(650)`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from ecrlan.errors import InvalidValueError, MalformedMessageError, RegisterError, TerminalBlockedError
from ecrlan.journal import Entry, NewOperation
from ecrlan.journal import Event as Row
from ecrlan.logger import Logger
from ecrlan.model import (
    NO_STAN,
    AdditionalDataRequest,
    CaptureRequest,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    IncrementRequest,
    Kind,
    LastResultRequest,
    Operation,
    PaymentResult,
    PaymentType,
    PreauthorizationRequest,
    ReprintRequest,
    Request,
    State,
    StatusRequest,
    TotalsRequest,
    Unresolved,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
    check_reference,
)
from ecrlan.net.line import FRAMES_AT_A_TIME, Direction, Line
from ecrlan.protocol.memory import Memory, Refusal
from ecrlan.protocol.step import Stray
from ecrlan.register.conduct import Conductor
from ecrlan.register.events import Alarm, FrameReceived, FrameSent, LineChanged, OperationChanged, ProgressShown, TerminalEvent
from ecrlan.register.lines import Lines
from ecrlan.register.options import TerminalSettings
from ecrlan.register.order import UNJOURNALED, Order, Work, said
from ecrlan.register.queue import TerminalQueue
from ecrlan.register.recall import recall_identity
from ecrlan.register.records import fact_row, finished_row, parse_saved
from ecrlan.register.recovering import Recovery
from ecrlan.register.targets import check_code, check_last_result, check_target, preauthorization, result_of, voidable_stan
from ecrlan.register.vas import build_vas
from ecrlan.wire.codec import parse_response
from ecrlan.wire.frames import ApplicationFrame
from ecrlan.wire.mask import mask_lone_frame

if TYPE_CHECKING:
    from ecrlan.register.register import Register

log = Logger(__name__)

WATCHED_EVENTS = 4096
"""Events that wait for one watcher; a watcher that is slower than that loses the oldest."""
FLOOD_SILENCE = 600.0
"""Seconds without a flood after which the next one raises an alarm again."""
BLOCKED_WHILE_UNRESOLVED = frozenset({Kind.VERIFY_CARD, Kind.REPRINT})
"""Moves no money, but would change the last result that recovery compares."""

Contents = Sequence[tuple[int, str]]


class Terminal:
    """One terminal. Made by `Register.dial`, `Register.listen` or `Register.add`.

    Every operation returns an `Operation` whose outcome says what is proved. An exception (`EcrlanError`) means that nothing was
    journaled and nothing was sent. Amounts are whole cents, 1 to 99,999,999. `reference` is 1 to 64 of `A-Za-z0-9._-`: the same
    reference with the same parameters is the same operation, however often it is asked for; with others `ReferenceConflictError`.
    `queue_timeout` is how many seconds the operation may wait for its turn (0: not at all, `TerminalBusyError`). Cancelling the
    call drops an operation that still waits; one that was sent goes on, and its outcome stands in the journal.
    """

    def __init__(self, register: Register, settings: TerminalSettings, memory: Memory) -> None:
        self.register = register
        self.settings = settings
        self.memory = memory
        self.queue = TerminalQueue(settings.name, settings.queue_length)
        self.lines = Lines(settings, lambda: register.listener, self._make_line)
        self.open_works: dict[str, Work] = {}
        """Operations whose outcome is not proved: they block the terminal."""
        self._conductor = Conductor(self)
        self._recovery = Recovery(self._conductor, self.queue)
        self._watchers: set[asyncio.Queue[TerminalEvent]] = set()
        self._told_of_flood_until = 0.0
        self.last_seen_at: float | None = None
        """When its last frame came, monotonic seconds; None: not since the register was opened."""

    @property
    def name(self) -> str:
        """The terminal's name in the settings."""
        return self.settings.name

    # --- operations -------------------------------------------------------------------------------------------------------------

    async def status(self, *, reference: str | None = None, queue_timeout: float | None = None) -> Operation:
        """Ask `s`: `Done(response=StatusResponse)`, or `NotPerformed` where the terminal does not answer."""
        return await self._submit(Kind.STATUS, StatusRequest(terminal_id=self._tid), reference, queue_timeout)

    async def poll(self) -> Operation | None:
        """Ask `s` while nobody needs the terminal; None where somebody does. Nobody who wants to take a payment is turned away for it."""
        if self.queue.holder is not None or any(work.recovering for work in self.open_works.values()):
            return None
        order = Order(
            kind=Kind.STATUS,
            request=StatusRequest(terminal_id=self._tid),
            reference=f"poll-{uuid.uuid4()}",
            journaled=False,
            queue_timeout=0.0,
            background=True,
        )
        return await self.register.start(self, order)

    async def purchase(
        self,
        amount: int,
        *,
        reference: str | None = None,
        receipt_text: str = "",
        payment_type: PaymentType = PaymentType.AUTOMATIC,
        card_present: bool = False,
        additional_data: Contents = (),
        iso_field: str = "00",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Operation:
        """Take a payment of `amount` cents (`X`, or `P` where the terminal does not know it)."""
        request = ExtendedPurchaseRequest(
            terminal_id=self._tid,
            cash_register_id=cash_register_id or self.register.cash_register_id,
            amount=amount,
            receipt_text=receipt_text,
            payment_type=payment_type,
            card_present=card_present,
            additional_data=bool(additional_data),
        )
        return await self._submit(Kind.PURCHASE, request, reference, queue_timeout, self._additional(additional_data, iso_field))

    async def preauthorize(
        self,
        amount: int,
        *,
        reference: str | None = None,
        receipt_text: str = "",
        payment_type: PaymentType = PaymentType.AUTOMATIC,
        card_present: bool = False,
        additional_data: Contents = (),
        iso_field: str = "00",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Operation:
        """Reserve `amount` cents on a card (`p`); the result's `preauthorization_code` is what `increment` and `capture` need."""
        request = PreauthorizationRequest(
            terminal_id=self._tid,
            cash_register_id=cash_register_id or self.register.cash_register_id,
            amount=amount,
            receipt_text=receipt_text,
            payment_type=payment_type,
            card_present=card_present,
            additional_data=bool(additional_data),
        )
        return await self._submit(Kind.PREAUTHORIZE, request, reference, queue_timeout, self._additional(additional_data, iso_field))

    async def increment(
        self,
        amount: int,
        *,
        target: str | None = None,
        preauthorization_code: str | None = None,
        reference: str | None = None,
        receipt_text: str = "",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Operation:
        """Add `amount` cents to an open pre-authorization (`i`): that of operation `target`, or the one with `preauthorization_code`."""
        request = IncrementRequest(
            terminal_id=self._tid,
            cash_register_id=cash_register_id or self.register.cash_register_id,
            amount=amount,
            preauthorization_code=self._preauthorization_code(target, preauthorization_code),
            receipt_text=receipt_text,
        )
        return await self._submit(Kind.INCREMENT, request, reference, queue_timeout, target=target)

    async def capture(
        self,
        amount: int,
        *,
        target: str | None = None,
        preauthorization_code: str | None = None,
        reference: str | None = None,
        receipt_text: str = "",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Operation:
        """Close a pre-authorization with the final `amount` in cents (`c`): that of operation `target`, or the one with its code."""
        request = CaptureRequest(
            terminal_id=self._tid,
            cash_register_id=cash_register_id or self.register.cash_register_id,
            amount=amount,
            preauthorization_code=self._preauthorization_code(target, preauthorization_code),
            receipt_text=receipt_text,
            length=self.settings.capture_length,
        )
        return await self._submit(Kind.CAPTURE, request, reference, queue_timeout, target=target)

    async def void(
        self,
        *,
        target: str | None = None,
        stan: str | None = None,
        last: bool = False,
        reference: str | None = None,
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Operation:
        """Reverse the terminal's last transaction (`S`): that of operation `target`, the one with `stan`, or, with `last`, whichever it is.

        `target` is refused (`RegisterError`) where it is not the terminal's last payment as far as known, or is (being) voided already.
        """
        if (target is not None) + (stan is not None) + last != 1 or stan == NO_STAN:
            raise InvalidValueError("stan", stan, "one of: the operation's reference, its STAN, or last=True for whichever was the last")
        if target is not None:
            stan = voidable_stan(self.register.journal, self.name, target)
        request = VoidRequest(
            terminal_id=self._tid,
            cash_register_id=cash_register_id or self.register.cash_register_id,
            stan=NO_STAN if stan is None else stan,
        )
        return await self._submit(Kind.VOID, request, reference, queue_timeout, target=target)

    async def verify_card(
        self,
        *,
        payment_type: PaymentType = PaymentType.AUTOMATIC,
        reference: str | None = None,
        additional_data: Contents = (),
        iso_field: str = "00",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Operation:
        """Verify a card without charging it (`H`)."""
        request = VerifyCardRequest(
            terminal_id=self._tid,
            cash_register_id=cash_register_id or self.register.cash_register_id,
            payment_type=payment_type,
            additional_data=bool(additional_data),
        )
        return await self._submit(Kind.VERIFY_CARD, request, reference, queue_timeout, self._additional(additional_data, iso_field))

    async def totals(
        self, *, reference: str | None = None, cash_register_id: str | None = None, queue_timeout: float | None = None
    ) -> Operation:
        """Ask the terminal's totals (`T`)."""
        request = TotalsRequest(terminal_id=self._tid, cash_register_id=cash_register_id or self.register.cash_register_id)
        return await self._submit(Kind.TOTALS, request, reference, queue_timeout)

    async def close_session(
        self, *, reference: str | None = None, cash_register_id: str | None = None, queue_timeout: float | None = None
    ) -> Operation:
        """Close the session with the host (`C`)."""
        request = CloseSessionRequest(terminal_id=self._tid, cash_register_id=cash_register_id or self.register.cash_register_id)
        return await self._submit(Kind.CLOSE_SESSION, request, reference, queue_timeout)

    async def last_result(
        self, *, reference: str | None = None, cash_register_id: str | None = None, queue_timeout: float | None = None
    ) -> Operation:
        """Ask for the last saved result (`G`). It says nothing about whose it is: never take it for an approval."""
        request = LastResultRequest(terminal_id=self._tid, cash_register_id=cash_register_id or self.register.cash_register_id)
        return await self._submit(Kind.LAST_RESULT, request, reference, queue_timeout)

    async def reprint(
        self, *, to_ecr: bool = True, ticket_type: int = 0, reference: str | None = None, queue_timeout: float | None = None
    ) -> Operation:
        """Have the last receipt printed again (`R`), on the register (`to_ecr`) or on the terminal."""
        mode = self.settings.printing_mode if to_ecr else 0
        request = ReprintRequest(terminal_id=self._tid, to_ecr=mode, ticket_type=ticket_type)
        return await self._submit(Kind.REPRINT, request, reference, queue_timeout)

    async def vas(
        self,
        function: str,
        *,
        amount: str | None = None,
        order_id: str | None = None,
        printer: str = "POS",
        parameters: Mapping[str, str] | None = None,
        reference: str | None = None,
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Operation:
        """Perform a VAS function such as `BPAY_QR` (`K`). `amount` goes through as given: the pages do not state its unit."""
        request = VasRequest(
            terminal_id=self._tid,
            cash_register_id=cash_register_id or self.register.cash_register_id,
            xml=build_vas(function, amount=amount, order_id=order_id, printer=printer, parameters=parameters or {}),
        )
        return await self._submit(Kind.VAS, request, reference, queue_timeout)

    # --- watching ---------------------------------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[TerminalEvent]:
        """Follow what happens on the terminal, from now on. A slow follower loses the oldest events, never delays the terminal."""
        watcher: asyncio.Queue[TerminalEvent] = asyncio.Queue(WATCHED_EVENTS)
        self._watchers.add(watcher)
        try:
            while True:
                yield await watcher.get()
        finally:
            self._watchers.discard(watcher)

    def drop_line(self) -> None:
        """Close the terminal's line at once. Refused (`RegisterError`) while a money operation is under way."""
        if self.queue.holder is not None:
            raise RegisterError(f"terminal {self.name} is in use by {self.queue.holder}: its line is not dropped")
        self.lines.drop()

    def accept_terminal_id(self, by: str) -> None:
        """Accept the TID that answered in place of the pinned one, in the name of the person `by`."""
        accepted = self.memory.foreign_terminal_id
        if accepted is None:
            return
        if self.queue.holder is not None:
            raise RegisterError(f"terminal {self.name} is in use by {self.queue.holder}: its TID is not accepted now")
        now = self.clock()
        self.write([fact_row(self.name, "pinned", self.memory.place, now, terminal_id=accepted, by=said("by", by))], durable=False)
        self.lines.drop()
        self.memory = Memory(place=self.memory.place, terminal_id=accepted)
        recall_identity(self.register.journal, self.settings, self.memory, asyncio.get_running_loop().time())
        self.register.adopt(self)
        self.memory.last_stan = None  # what happened on it while it stood elsewhere is nobody's business here
        for work in self.open_works.values():
            if work.identity == self.memory.identity or not isinstance(work.outcome, Unresolved):
                continue
            evidence = self._recovery.doubt(work)
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

    def _additional(self, contents: Contents, iso_field: str) -> AdditionalDataRequest | None:
        if not contents:
            return None
        return AdditionalDataRequest(
            terminal_id=self._tid,
            contents=tuple((index, text) for index, text in contents),
            iso_field=iso_field,
            tag_map=self.settings.tag_map,
        )

    def _preauthorization_code(self, target: str | None, code: str | None) -> str:
        if (target is None) == (code is None):
            raise InvalidValueError("preauthorization_code", code, "either the operation's reference or its pre-authorization code")
        if target is None:
            return code or ""
        result = result_of(self.register.journal, self.name, target, {Kind.PREAUTHORIZE})
        return result.preauthorization_code or ""

    def authorized_total(self, target: str) -> int:
        """Return the cents that pre-authorization `target` has authorized so far, increments included. Raises `RegisterError`."""
        return preauthorization(self.register.journal, self.name, target).total

    async def _submit(
        self,
        kind: Kind,
        request: Request,
        reference: str | None,
        queue_timeout: float | None,
        additional: AdditionalDataRequest | None = None,
        target: str | None = None,
    ) -> Operation:
        if reference is not None:
            check_reference(reference)
        order = Order(
            kind=kind,
            request=request,
            reference=reference or str(uuid.uuid4()),
            additional=additional,
            target=target,
            journaled=reference is not None or kind not in UNJOURNALED,
            queue_timeout=self.settings.queue_timeout if queue_timeout is None else queue_timeout,
        )
        if reference is not None:
            known = await self.register.known_operation(order, self.name)
            if known is not None:
                return known
        return await self.register.start(self, order)

    async def perform(self, work: Work) -> None:
        """Perform `work` in its turn. Raises `RegisterError` where it is refused; nothing was journaled and nothing was sent then."""
        order = work.order
        if self.queue.holder is not None and not order.background:
            self.publish(work)
        async with self.queue.place(order.reference, order.queue_timeout, background=order.background):
            if order.money or order.kind in BLOCKED_WHILE_UNRESOLVED:
                await self._clear_the_way(order)
            if order.target is not None:
                check_target(self.register.journal, self.name, order.kind, order.target, self.memory.identity)
            if isinstance(order.request, IncrementRequest):
                check_code(self.register.journal, order.request.preauthorization_code, self.memory.identity)
            await self._conductor.perform(work)
            if order.money and work.open:
                self.open_works[work.reference] = work
        if work.state is State.RECOVERING:
            await self._recovery.settle(work)
        elif order.money and isinstance(work.outcome, Unresolved):
            self.alarm("unresolved", work.outcome.evidence, work.reference)
        self._tidy(work)
        await work.committed()
        self.publish(work)

    async def recover(self, work: Work) -> None:
        """Settle what a crash left open."""
        self.open_works[work.reference] = work
        await self._recovery.settle(work)
        self._tidy(work)

    async def _clear_the_way(self, order: Order) -> None:
        self.register.check_journal(money=order.money)
        if order.money:
            self._check_identity()
        for work in list(self.open_works.values()):
            if work.open and not work.recovering:
                await self._recovery.ask_now(work)
            self._tidy(work)
            self._check_unblocked(work, order)

    def check_again(self, order: Order) -> None:
        """Refuse money by what the questions just before it told: who answers here, and what is open there. Raises `RegisterError`."""
        self._check_identity()
        for work in self.open_works.values():
            self._check_unblocked(work, order)
        if order.target is not None:
            check_target(self.register.journal, self.name, order.kind, order.target, self.memory.identity)
        if order.target is not None and order.kind is Kind.VOID:
            check_last_result(self.register.journal, order.target, self.memory.baseline)

    def _check_unblocked(self, work: Work, order: Order) -> None:
        closes_only = work.order.kind is Kind.CLOSE_SESSION and order.kind is not Kind.CLOSE_SESSION
        if work.open and not closes_only:
            raise TerminalBlockedError(self.name, work.reference)

    def _check_identity(self) -> None:
        """Refuse money where another terminal answered, or another name stands for the same one: two queues would use it at once."""
        mine, found = self.memory.terminal_id, self.memory.foreign_terminal_id
        for other in self.register.terminals.values():
            if mine is not None and other is not self and other.memory.terminal_id == mine:
                raise RegisterError(
                    f"terminals {self.name} and {other.name} are one terminal, TID {mine}: "
                    "take one of the two names out of the settings, or accept its TID where they were exchanged"
                )
        if found is not None:
            raise RegisterError(f"terminal {self.name} answered as TID {found}, not {mine}; a person must accept it")

    def _tidy(self, work: Work) -> None:
        if not work.open:
            self.open_works.pop(work.reference, None)

    def settled_by_person(self, work: Work, *, performed: bool) -> None:
        """Note that a person settled a lost operation: that lifts the block, not the doubt (exchange.md §3)."""
        self.open_works.pop(work.reference, None)
        self.memory.set_stale()
        if work.request is not None and work.request.late_result:
            self.memory.lost, self.memory.lost_at, self.memory.must_ask = work.reference, work.ended_at, True
            if not performed:
                self.memory.last_refusal = Refusal(work.reference, work.request, work.sent_time or work.created_time, "not performed")
        if self.queue.holder is None:
            self.lines.drop()

    def begin_series(self, entry: Entry | None) -> None:
        """Begin a series of STANs with the approval that was not believed for its STAN, and that a person vouched for."""
        for event in entry.events if entry is not None else ():
            result = parse_saved(event.data.get("message") or "") if event.data.get("out_of_series") else None
            if isinstance(result, PaymentResult):
                data = {"stan": result.stan, "last": self.memory.previous_stan()}
                self.write([fact_row(self.name, "stans_anew", self.memory.identity, self.clock(), **data)], durable=False)
                self.memory.remember(result, bytes.fromhex(event.data["message"]), is_saved=False)

    # --- what the conductor needs -----------------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        """Return the wall clock."""
        return self.register.clock()

    def write(self, rows: list[NewOperation | Row], *, durable: bool) -> asyncio.Future[None] | None:
        """Write rows to the journal."""
        return self.register.write(rows, durable=durable)

    def publish(self, work: Work) -> None:
        """Tell watchers of the operation's state."""
        if self._followed:
            self.tell(OperationChanged(self.name, work.snapshot()))

    def progressed(self, work: Work, text: str) -> None:
        """Tell watchers the terminal's own text."""
        if self._followed:
            self.tell(ProgressShown(self.name, work.reference, text))

    def alarm(self, name: str, text: str, reference: str | None) -> None:
        """Raise an alarm: log and watchers."""
        log.error("alarm.raised", alarm=name, terminal=self.name, reference=reference, text=text)
        self.tell(Alarm(self.name, name, text, reference))

    def pin(self, terminal_id: str) -> None:
        """Take the TID that the terminal told for its own."""
        self.write([fact_row(self.name, "pinned", self.memory.place, self.clock(), terminal_id=terminal_id)], durable=False)
        known, self.memory = self.memory, Memory(place=self.memory.place, terminal_id=terminal_id)
        recall_identity(self.register.journal, self.settings, self.memory, asyncio.get_running_loop().time())
        self.memory.unanswered = known.unanswered
        self.register.adopt(self)

    def open_references(self) -> set[str]:
        """Return the references of the operations that are open on the terminal."""
        return {work.reference for work in self.open_works.values() if work.open}

    def watch(self, line: Line) -> None:
        """Show the line's frames to whoever follows."""
        line.observer = self._observe

    def _observe(self, direction: Direction, raw: bytes) -> None:
        if direction == "<":
            self.last_seen_at = asyncio.get_running_loop().time()
        if not self._watchers and not self.register.frames_observed:
            return
        masked = mask_lone_frame(raw, "request" if direction == ">" else "response")
        self.tell(FrameSent(self.name, masked) if direction == ">" else FrameReceived(self.name, masked))

    @property
    def _followed(self) -> bool:
        return bool(self._watchers or self.register.observed)

    def tell(self, event: TerminalEvent) -> None:
        """Tell the register's observers and the terminal's own watchers."""
        self.register.tell(event)
        for watcher in self._watchers:
            if watcher.full():
                watcher.get_nowait()
            with suppress(asyncio.QueueFull):
                watcher.put_nowait(event)

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
            text = f"more than {FRAMES_AT_A_TIME} frames a second came on its line: they are read slowly, so that no other terminal waits"
            self.alarm("flood", text, None)
        self._told_of_flood_until = now + FLOOD_SILENCE

    def _unasked(self, frame: ApplicationFrame) -> asyncio.Future[None] | None:
        """Record a payment's result that nobody asked for; None where it is none, or not this terminal's."""
        try:
            response = parse_response(frame.message, tolerate_lengths=self.settings.tolerate_lengths)
        except MalformedMessageError:
            return None
        if not isinstance(response, PaymentResult) or self.memory.is_another(response.terminal_id):
            return None
        event = Stray("a result that nobody asked for", response, alarm=response.approved, message=frame.message)
        questions = self._conductor.questions
        committing = questions.commit([questions.stray(event, None)], None, durable=True)
        if committing is None:  # a journal in memory has it at once
            committing = asyncio.get_running_loop().create_future()
            committing.set_result(None)
        return committing

    def admit(self) -> Line:
        """Return a line for the terminal that dials in."""
        line = self._make_line("terminal")
        line.observer = self._observe
        return line
