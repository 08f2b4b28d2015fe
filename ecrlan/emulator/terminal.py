"""The emulated PosConnector terminal: a pure state machine on bytes and time.

Its shell feeds it `connected`, `received`, `lost` and `wake`, each with `now` in monotonic seconds, and carries out the `Actions` that
come back. What it did with money stands in `ledger`. Lines and delivery are here; what a request does is in `payments` and `vas`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from ecrlan.emulator.admission import admit
from ecrlan.emulator.agenda import Agenda
from ecrlan.emulator.answers import Answers
from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.customer import BUTTONS, CARD_CODES, Button, Customer
from ecrlan.emulator.delivery import Actions, Delivery, Outgoing, Output
from ecrlan.emulator.distortion import NO_DATA_AFTER, NOISE, distort_ack
from ecrlan.emulator.faults import Faults
from ecrlan.emulator.late_approvals import LateApprovals, Refusal
from ecrlan.emulator.ledger import Charge, Ledger
from ecrlan.emulator.payments import LATE_APPROVAL, REFUSED, Payments, Preauthorization
from ecrlan.emulator.progress import plan_progress
from ecrlan.emulator.scenarios import APPROVED, Scenario
from ecrlan.emulator.vas import VasDesk
from ecrlan.errors import InvalidValueError
from ecrlan.model import ROME, AdditionalDataRequest, PrintingRequest, ReprintRequest, Request, check_digits
from ecrlan.wire.frames import AckFrame, ApplicationFrame, Frame, FrameReader, NakFrame, build_ack, build_frame, build_nak, build_progress
from ecrlan.wire.lrc import LrcReading

FOREIGN_AMOUNT = 10_00


@dataclass(slots=True, eq=False)
class _Work:
    """The request at work. `held_ack` waits for the result; `awaits_data`: its `U` has not come yet; `refused`: its result is a KO."""

    request: Request
    faults: frozenset[str]
    line: int
    held_ack: bytes | None = None
    awaits_data: bool = False
    data: AdditionalDataRequest | None = None
    refused: bool = False


@dataclass(kw_only=True, eq=False)
class EmulatedTerminal(Behaviour):
    """A terminal that serves one line at a time. Everything that `Behaviour` names is a keyword, and may be set while it runs.

    `clock` tells the terminal's time of day (aware, or naive Europe/Rome); `reading` is the LRC reading that it speaks; `first_stan` and
    `first_online_id` (0 to 999,999) and `first_preauthorization` (0 to 999,000,000) are the last ones used before. Nothing is shared:
    another terminal, with numbers and ledger of its own, may take this one's place. Raises `InvalidValueError` for wrong values.

    `ledger`: what it did. `faults`: what will go wrong. `last_result`: the message that `G` replays, None before the first.
    `printing`: the mode that `E` set, 0 = own printer. `paper`: receipts that it printed itself. `additional_data`: every `U` it took.
    """

    terminal_id: str = field(default="37105051", kw_only=False)
    clock: Callable[[], datetime]
    reading: LrcReading = LrcReading.STANDARD
    faults: Faults = field(default_factory=Faults)
    first_stan: int = 0
    first_online_id: int = 0
    first_preauthorization: int = 700_000_000
    ledger: Ledger = field(default_factory=Ledger, init=False)
    printing: int = field(default=0, init=False)
    additional_data: list[AdditionalDataRequest] = field(default_factory=list, init=False)
    paper: list[bytes] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Check the values and start with nothing done."""
        super().__post_init__()
        check_digits("terminal_id", self.terminal_id, 8)
        self.payments = Payments(self.terminal_id, self, self.ledger)
        self.payments.begin_after(self.first_stan, self.first_online_id, self.first_preauthorization)
        self.vas_desk = VasDesk(self.terminal_id, self, self.ledger)
        self._answers = Answers(self, self.payments, self.vas_desk, self._time)
        self._agenda = Agenda()
        self._customer = Customer(self._agenda, self)
        self._late_approvals = LateApprovals(self._agenda, self, self._approve_late)
        self._reader = FrameReader(self.reading)
        self._open = False
        self._line = 0
        self._unready_until = float("-inf")
        self._rebooting_until = float("-inf")
        self._work: _Work | None = None
        self._output = Output()
        self._delivery = Delivery(
            write=self._write,
            over=self._delivered,
            agenda=self._agenda,
            behaviour=self,
            faults=lambda: self.faults,
            reading=self.reading,
        )
        self._close = False

    # --- what can be looked at ------------------------------------------------------------------------------------------------------

    @property
    def stan(self) -> str:
        """The STAN used last, six digits."""
        return f"{self.payments.stan:06}"

    @property
    def online_id(self) -> str:
        """The online_id used last, six digits."""
        return f"{self.payments.online_id:06}"

    @property
    def preauthorizations(self) -> dict[str, Preauthorization]:
        """Pre-authorizations by their code, closed ones included."""
        return self.payments.preauthorizations

    @property
    def last_result(self) -> bytes | None:
        """The saved result message that `G` replays."""
        return self._answers.last_result

    @property
    def last_receipt(self) -> bytes | None:
        """The receipt that `R` prints again."""
        return self._answers.last_receipt

    @property
    def idle(self) -> bool:
        """Whether nothing is at work and nothing waits for the register's ACK."""
        return self._work is None and self._delivery.idle

    @property
    def line_open(self) -> bool:
        """Whether a line is open."""
        return self._open

    @property
    def line_may_be_replaced(self) -> bool:
        """Whether a new line may take the open one's place: one conversation at a time (exchange.md §1)."""
        return not self._open or (self._work is None and (self._delivery.idle or "naks_after_missing_ack" not in self.manners))

    @property
    def stage(self) -> str:
        """What an attended terminal waits for: `card`, `pin`, `host`; `idle` for nothing."""
        return self._customer.stage

    def rebooting(self, now: float) -> bool:
        """Tell whether the terminal restarts and takes no line."""
        return now < self._rebooting_until

    # --- what can happen ------------------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> Actions:
        """Take a line that was opened, by either side. A terminal that restarts closes it at once."""
        self._forget_line()
        self._line += 1
        self._open = True
        self._reader = FrameReader(self.reading)
        if now < self._rebooting_until:
            self._drop()
        return self._actions(now)

    def received(self, data: bytes, now: float) -> Actions:
        """Take bytes from the register."""
        for frame in self._reader.feed(data):
            if not self._open:
                break
            self._frame(frame, now)
        return self._actions(now)

    def lost(self, now: float) -> Actions:
        """Take note that the line is gone. What is at work goes on: closing a line ends no payment (exchange.md §1)."""
        if self._open and not self.idle:
            self._unready_until = max(self._unready_until, now + self.recovery_seconds)
        self._forget_line()
        return self._actions(now)

    def wake(self, now: float) -> Actions:
        """Do what is due at `now`; nothing if called early."""
        self._agenda.run(now)
        return self._actions(now)

    def charge_by_hand(self, amount: int, now: float) -> Charge:
        """Take a payment by hand of `amount` cents at the terminal itself. It counts a STAN and is the last result afterwards."""
        del now  # takes no time
        entry = self._answers.perform_by_hand(amount, APPROVED)
        if entry is None:  # approved always
            raise AssertionError
        return entry

    def decline_by_hand(self, now: float) -> None:
        """Refuse a payment by hand at the terminal itself. Nothing is charged; the refusal is the last result afterwards."""
        del now  # takes no time
        self._answers.perform_by_hand(FOREIGN_AMOUNT, REFUSED)

    def press(self, button: Button, now: float) -> Actions:
        """Press a button of an attended terminal; one that nothing waits for does nothing. The red key cancels the payment (KO)."""
        if button not in BUTTONS:
            raise InvalidValueError("button", button, ", ".join(BUTTONS))
        self._customer.press(button, now)
        return self._actions(now)

    def reboot(self, now: float) -> Actions:
        """Restart: the line is closed, a payment at work is given up uncharged; STAN, last result and ledger stay."""
        self._restart(now)
        return self._actions(now)

    # --- frames ---------------------------------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame, now: float) -> None:
        if isinstance(frame, ApplicationFrame):
            if frame.ok:
                self._message(frame.message, now)
            else:
                self._write(build_nak(self.reading))
        elif frame.ok and isinstance(frame, AckFrame):
            self._delivery.acknowledged(now)
        elif frame.ok and isinstance(frame, NakFrame):
            self._delivery.refused(now)

    def _message(self, message: bytes, now: float) -> None:
        request = admit(message, self.terminal_id, self, nothing_saved=self.last_result is None)
        if request is None:
            self._write(build_nak(self.reading))
            return
        if isinstance(request, AdditionalDataRequest):
            self._additional(request, now)
            return
        if self._work is None and not self._delivery.idle:
            self._ack_is_missing(now)
        if not self.idle or now < self._unready_until:
            self._write(build_nak(self.reading))
        else:
            refusal = self.faults.take_refusing(request.code)
            if refusal is None:
                self._accept(request, now)
            else:
                self._refuse(refusal, request, now)

    def _ack_is_missing(self, now: float) -> None:
        """Meet a request while a message waits for its ACK: refuse it, or let it stand for the ACK."""
        if "naks_after_missing_ack" in self.manners:
            self.manners.show(("naks_after_missing_ack",))
        else:
            self._delivery.forget()
            self._late_approvals.acknowledged(now)

    def _refuse(self, fault: str, request: Request, now: float) -> None:
        if fault in ("busy", "nak"):
            self._write(build_nak(self.reading))
        elif fault == "drop_before_ack":
            self._drop()
        elif fault == "foreign_use":
            amount = self.foreign_amount or getattr(request, "amount", None) or FOREIGN_AMOUNT
            self.charge_by_hand(amount, now)
            self._drop()

    # --- a request at work ----------------------------------------------------------------------------------------------------------

    def _accept(self, request: Request, now: float) -> None:
        faults = self.faults.take_all(request.code)
        work = self._work = _Work(request, faults, self._line)
        self._output.split = "split" in faults
        self._delivery.duplicate = "duplicate_result" in faults
        announces_data = bool(getattr(request, "additional_data", False)) and request.code != "G"
        if "glued" in faults and not announces_data:
            self._output.glue()
        if "stale_result" in faults and self.last_result is not None:
            self._write(build_frame(self._answers.told(self.last_result), self.reading))
        if "noise" in faults:
            self._write(NOISE)
        sent, work.held_ack = distort_ack(build_ack(self.reading), build_nak(self.reading), faults)
        self._write(sent)
        work.awaits_data = announces_data and not faults & NO_DATA_AFTER
        if self._stops_after_ack(work, now):
            return
        if work.awaits_data:
            self._agenda.add(now + self.additional_data_timeout, lambda then: self._data_given_up(work, then))
        else:
            self._begin(work, now)

    def _stops_after_ack(self, work: _Work, now: float) -> bool:
        """Carry out the faults by which nothing follows the ACK on this line; True where the request is not performed."""
        if "reboot" in work.faults:
            self._restart(now)
            return True
        if "drop_after_ack" in work.faults or "hang" in work.faults:
            self._work = None
            if "drop_after_ack" in work.faults:
                self._drop()
            return True
        if "drop_then_charge" in work.faults:
            work.awaits_data = False
            self._drop()
        return False

    def _additional(self, request: AdditionalDataRequest, now: float) -> None:
        work = self._work
        if work is None or not work.awaits_data:
            self._write(build_nak(self.reading))
            return
        refusal = self.faults.take_refusing("U")
        if refusal is not None:
            self._refuse(refusal, request, now)
            return
        faults = self.faults.take_all("U")
        work.awaits_data = False
        work.data = request
        self.additional_data.append(request)
        if "glued" in work.faults:
            self._output.glue()
        self._write(distort_ack(build_ack(self.reading), build_nak(self.reading), faults & {"no_ack", "bad_ack_lrc"})[0])
        self._begin(work, now)

    def _data_given_up(self, work: _Work, now: float) -> None:
        if work is self._work and work.awaits_data:
            work.awaits_data = False
            self._begin(work, now)

    def _begin(self, work: _Work, now: float) -> None:
        """Show progress and perform the request, at once or after its time."""
        code = work.request.code
        is_late = bool(work.faults & {"late_charge", "drop_then_charge"})
        if self.attended and code in CARD_CODES and not is_late:
            self._customer.begin(now, lambda text: self._show(work, text, (), now), lambda then, chosen: self._perform(work, then, chosen))
            return
        progress = plan_progress(work.request, self, is_late=is_late)
        for place, (seconds, text) in enumerate(progress.texts):
            self._after(seconds, partial(self._show, work, text, () if place else progress.manners), now)
        self._after(progress.seconds, lambda then: self._perform(work, then), now)

    def _show(self, work: _Work, text: str, manners: tuple[str, ...], now: float) -> None:
        del now  # takes no time
        if work is self._work and self._on_line(work.line):
            self._write(build_progress(text))
            self.manners.show(manners)

    def _perform(self, work: _Work, now: float, scenario: Scenario | None = None) -> None:
        if work is not self._work:  # given up since
            return
        request = work.request
        answer = self._answers.perform(request, work.faults, work.data, scenario)
        to_register = self._prints_to_register(request)
        self._work = None
        if request.code == "E" and isinstance(request, PrintingRequest):
            self.printing = request.enabled
            if "close_after_enable" in work.faults:
                self._drop()
        if request.prints:
            self.printing = 0
        if answer.receipt and not to_register:
            self.paper.append(answer.receipt)
        work.refused = answer.refused
        messages = self._answers.in_order(answer, request, work.faults, to_register=to_register)
        if work.faults & {"drop_after_charge", "no_result"}:
            if "drop_after_charge" in work.faults:
                self._drop()
            self._note_refusal(work)
            self._late_approvals.acknowledged(now)
        elif "late_result" in work.faults:
            self._agenda.add(now + self.late_seconds, lambda then: self._deliver_late(work, messages, then))
        else:
            self._deliver(messages, work, now)

    def _prints_to_register(self, request: Request) -> bool:
        return bool(request.to_ecr if isinstance(request, ReprintRequest) else self.printing)

    def _note_refusal(self, work: _Work) -> None:
        if work.refused:
            self._late_approvals.refused(work.request, work.line)

    def _approve_late(self, refusal: Refusal, now: float) -> None:
        """Approve what was refused before, and send it if its line still stands."""
        answer = self._answers.perform(refusal.request, frozenset(), None, LATE_APPROVAL)
        if answer.receipt:
            self.paper.append(answer.receipt)
        if self._on_line(refusal.line):
            self._send_now(self._answers.in_order(answer, refusal.request, frozenset(), to_register=False), now)

    # --- delivery -------------------------------------------------------------------------------------------------------------------

    def _deliver(self, messages: list[Outgoing], work: _Work, now: float) -> None:
        self._note_refusal(work)
        if not self._on_line(work.line):
            return
        if "cut_result" in work.faults and messages:
            frame = build_frame(messages[0].message, self.reading)
            self._write(frame[: len(frame) // 2])
            self._drop()
            return
        if "noise" in work.faults and messages:
            self._write(NOISE)
        self._delivery.start(messages, now)
        if work.held_ack is not None:
            if "ack_after_result_only" in work.faults and messages:
                self._delivery.late_ack = work.held_ack
            else:
                self._write(work.held_ack)
        if "close_after_result" in work.faults:
            self._drop()
        if self._delivery.idle:
            self._exchange_over(now)

    def _deliver_late(self, work: _Work, messages: list[Outgoing], now: float) -> None:
        if self.idle:
            self._deliver(messages, work, now)
            return
        self._note_refusal(work)
        if self._on_line(work.line):
            self._send_now(messages, now)

    def _send_now(self, messages: list[Outgoing], now: float) -> None:
        """Send results as soon as they are there; in the middle of another operation nobody waits for their ACK."""
        if self.idle:
            self._delivery.start(messages, now)
            return
        for each in messages:
            if each.is_result:
                self._write(build_frame(each.message, self.reading))
                self.manners.show(each.manners)

    def _delivered(self, now: float) -> None:
        """Take note that nothing waits for an ACK any more."""
        self._late_approvals.acknowledged(now)
        if "closes_on_idle" in self.manners and self._open:
            self.manners.show(("closes_on_idle",))
            self._drop()
        else:
            self._exchange_over(now)

    def _exchange_over(self, now: float) -> None:
        if self.close_after_exchange_seconds is not None and self._open:
            line = self._line
            self._after(self.close_after_exchange_seconds, lambda _: self._hang_up(line), now)

    def _hang_up(self, line: int) -> None:
        if self._open and line == self._line and self.idle:
            self._drop()

    # --- line, time, bytes ----------------------------------------------------------------------------------------------------------

    def _on_line(self, line: int) -> bool:
        return self._open and (line == self._line or self.late_on_any_line)

    def _restart(self, now: float) -> None:
        self._work = None
        self._customer.leave()
        self._late_approvals.forget()
        self._agenda.clear()
        self.printing = 0
        self._rebooting_until = now + self.reboot_seconds
        if self._open:
            self._drop()

    def _drop(self) -> None:
        """Close the line, behind what was written so far."""
        self._output.flush()
        self._close = self._close or self._open
        self._forget_line()

    def _forget_line(self) -> None:
        self._open = False
        self._delivery.forget()
        self._output.forget_glued()

    def _after(self, seconds: float, act: Callable[[float], None], now: float) -> None:
        if seconds > 0:
            self._agenda.add(now + seconds, act)
        else:
            act(now)

    def _write(self, data: bytes) -> None:
        if self._open and data:
            self._output.write(data)

    def _actions(self, now: float) -> Actions:
        self._late_approvals.check_lines(self._on_line, now)
        if self._work is None:
            self._output.flush()
        actions = Actions(self._output.take(), self._close, self._agenda.next_at)
        self._close = False
        return actions

    def _time(self) -> datetime:
        """Return the terminal's clock as it shows it: naive, Europe/Rome."""
        time = self.clock()
        return time if time.tzinfo is None else time.astimezone(ZoneInfo(ROME)).replace(tzinfo=None)
