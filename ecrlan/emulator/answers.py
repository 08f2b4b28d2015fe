"""The messages with which the emulated terminal answers a request, and what it saves of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.delivery import Outgoing
from ecrlan.emulator.distortion import OTHER_TID, distort_message, distort_response, hostile
from ecrlan.emulator.firmware import NOT_READY, OPERATIVE, build_result, build_worded_status, print_slip
from ecrlan.emulator.ledger import Charge
from ecrlan.emulator.payments import KO, REFUSED, UNKNOWN_TAG, Payments, Performance
from ecrlan.emulator.scenarios import Scenario
from ecrlan.emulator.vas import VasDesk, cut
from ecrlan.model import (
    ANY_TERMINAL,
    AdditionalDataRequest,
    AdditionalDataResponse,
    LastResultRequest,
    PaymentResult,
    PurchaseRequest,
    ReceiptPart,
    ReprintRequest,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
    VasPart,
    VasRequest,
    VerifyCardRequest,
)
from ecrlan.wire.codec import build_response
from ecrlan.wire.receipt import split_receipt

ODD_RESULT = "42"
NOTHING_RETURNED = "00"
MANNERS_OF_APPROVALS = frozenset({"pan_forms", "host_time_behind"})
"""Manners that show only where the result code is `00`."""
HAVE_REASON = frozenset("Eec")
"""Codes of the results that tell why they refuse."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Messages (between STX and ETX) by kind; `receipt` is the whole receipt's bytes. `refused`: the result is a KO.

    `manners` show in the results, `receipt_manners` in the receipt.
    """

    results: tuple[bytes, ...] = ()
    receipt: bytes | None = None
    data: tuple[bytes, ...] = ()
    manners: frozenset[str] = frozenset()
    receipt_manners: frozenset[str] = frozenset()
    refused: bool = False


class Answers:
    """Performs requests and builds what answers them. `time` tells the terminal's clock."""

    def __init__(self, behaviour: Behaviour, payments: Payments, vas_desk: VasDesk, time: Callable[[], datetime]) -> None:
        self.behaviour = behaviour
        self.payments = payments
        self.vas_desk = vas_desk
        self.time = time
        self.last_result: bytes | None = None
        self.last_data: bytes | None = None
        self.last_receipt: bytes | None = None
        self._last_manners: frozenset[str] = frozenset()
        self._last_receipt_manners: frozenset[str] = frozenset()

    def save(self, performance: Performance) -> None:
        """Save a payment's result for `G`."""
        self.last_result = _built(performance, performance.result)
        self.last_data = None
        self._last_manners = performance.manners

    def perform_by_hand(self, amount: int, scenario: Scenario) -> Charge | None:
        """Perform a payment by hand, save its result, and return the ledger's entry; None where nothing was charged."""
        performance = self.payments.perform(PurchaseRequest(amount=amount), self.time(), scenario=scenario, by_hand=True)
        self.save(performance)
        return performance.entry

    def perform(
        self, request: Request, faults: frozenset[str], data: AdditionalDataRequest | None, scenario: Scenario | None = None
    ) -> Answer:
        """Perform a request, `data` being the `U` that came with it, and return what answers it under `faults`.

        `scenario` overrides what a payment's amount would choose; `faults` override both.

        Faults change what is sent, never what is saved; but `declined`, `unknown_result` and `odd_result` are the host's, and saved.
        """
        if isinstance(request, StatusRequest):
            return self._status(faults)
        if isinstance(request, LastResultRequest):
            return self._replay(request, faults)
        if isinstance(request, ReprintRequest):
            return Answer(receipt=self.last_receipt, receipt_manners=self._last_receipt_manners)
        if isinstance(request, VasRequest):
            return self._vas(request, faults)
        if request.code in "EU":
            return Answer()
        return self._pay(request, faults, data, scenario)

    def told(self, message: bytes) -> bytes:
        """Return a message with the TID that the terminal gives itself; that of another terminal stays."""
        own = self.payments.terminal_id.encode("ascii")
        hidden = "identified_by_zero" in self.behaviour.manners and message.startswith(own)
        return ANY_TERMINAL.encode("ascii") + message[len(own) :] if hidden else message

    def in_order(self, answer: Answer, request: Request, faults: frozenset[str], *, to_register: bool) -> list[Outgoing]:
        """Return the messages of an answer in the order in which they are sent."""
        results = [self._outgoing(message, request, answer.manners, is_result=True) for message in answer.results]
        parts = self.receipt_parts(answer.receipt, faults) if to_register else []
        receipt = [self._outgoing(part, request, answer.receipt_manners if place == 0 else ()) for place, part in enumerate(parts)]
        data = [self._outgoing(message, request) for message in answer.data]
        if "receipt_first" in faults:
            return [*receipt, *results, *data]
        return [*results, *data, *receipt] if self.behaviour.host_data_first else [*results, *receipt, *data]

    def _outgoing(self, message: bytes, request: Request, manners: Iterable[str] = (), *, is_result: bool = False) -> Outgoing:
        told = self.told(message)
        shown = frozenset(manners) | (frozenset() if told == message else {"identified_by_zero"})
        return Outgoing(told, request.code, is_result=is_result, manners=shown)

    def receipt_parts(self, receipt: bytes | None, faults: frozenset[str]) -> list[bytes]:
        """Return the `S` messages of a receipt."""
        if receipt is None or "receipt_lost" in faults:
            return []
        text = receipt[: -len(b"\x7d\x1b")] if "receipt_cut" in faults else receipt
        parts = split_receipt(text, self.behaviour.receipt_part_size)
        return [build_response(ReceiptPart(terminal_id=self.payments.terminal_id, receipt_text=part)) for part in parts]

    def _pay(self, request: Request, faults: frozenset[str], data: AdditionalDataRequest | None, chosen: Scenario | None) -> Answer:
        performance = self.payments.perform(request, self.time(), scenario=_override(faults) or chosen)
        result = performance.result
        if "odd_result" in faults and getattr(result, "result", "") == "00":
            result = _odd(result)
            performance = replace(performance, result=result, manners=performance.manners - MANNERS_OF_APPROVALS)
        saved = isinstance(result, PaymentResult) and (self.behaviour.save_verification or not isinstance(request, VerifyCardRequest))
        if saved:
            self.save(performance)
        host_data = self._host_data(data) if performance.entry is not None or isinstance(request, VerifyCardRequest) else None
        if saved:
            self.last_data = host_data
        receipt, receipt_manners = self._print(performance)
        return Answer(
            (distort_message(_built(performance, distort_response(result, faults)), faults),),
            receipt,
            () if host_data is None else (host_data,),
            manners=performance.manners,
            receipt_manners=receipt_manners,
            refused=getattr(result, "result", "") == KO,
        )

    def _print(self, performance: Performance) -> tuple[bytes | None, frozenset[str]]:
        """Return the receipt and the manners that show in it, and keep it for `R`; None where there is none."""
        if performance.slip is None:
            return None, frozenset()
        printed, manners = print_slip(performance.slip, self.behaviour.manners)
        title = b"TRANSAZIONE ESEGUITA"
        self.last_receipt = printed.replace(title, title + performance.scenario.hostile_receipt.encode("ascii"))
        self._last_receipt_manners = manners
        return self.last_receipt, manners

    def _host_data(self, data: AdditionalDataRequest | None) -> bytes | None:
        if data is None or data.iso_field == NOTHING_RETURNED:
            return None
        text = self.behaviour.host_data
        if text is None:
            text = f"{data.iso_field}TOKEN{self.payments.online_id:06}"
        return build_response(AdditionalDataResponse(terminal_id=self.payments.terminal_id, data=text))

    def _status(self, faults: frozenset[str]) -> Answer:
        manners, terminal_id = self.behaviour.manners, self.payments.terminal_id
        word, manner = (NOT_READY, "not_ready_word") if "not_ready_word" in manners else (OPERATIVE, "worded_status")
        if manner in manners:
            if "wrong_tid" in faults:
                terminal_id = OTHER_TID
            worded = build_worded_status(terminal_id, self.time(), word, self.behaviour.worded_release)
            return Answer((distort_message(worded, faults),), manners=frozenset({manner}))
        status = StatusResponse(
            terminal_id=terminal_id,
            terminal_time=self.time(),
            terminal_status=self.behaviour.terminal_status,
            software_release=self.behaviour.software_release,
        )
        return Answer((distort_message(build_response(distort_response(status, faults)), faults),))

    def _replay(self, request: LastResultRequest, faults: frozenset[str]) -> Answer:
        if self.last_result is None and "silent_last_result" in self.behaviour.manners:
            self.behaviour.manners.show(("silent_last_result",))
            return Answer()
        message = self.last_result or build_response(self.payments.nothing_saved())
        if "wrong_tid" in faults:
            message = OTHER_TID.encode("ascii") + message[8:]
        data = self.last_data if request.additional_data else None
        return Answer((distort_message(message, faults),), data=() if data is None else (data,), manners=self._last_manners)

    def _vas(self, request: VasRequest, faults: frozenset[str]) -> Answer:
        refusal = REFUSED if "declined" in faults else None
        pieces = cut(self.vas_desk.answer(request.xml, self.time(), refusal=refusal), self.behaviour.vas_parts)
        messages = []
        for number, piece in enumerate(pieces, 1):
            part = VasPart(terminal_id=self.payments.terminal_id, more=number < len(pieces), sequence=number, xml=piece)
            messages.append(distort_message(build_response(distort_response(part, faults)), faults))
        return Answer(tuple(messages))


def _built(performance: Performance, result: Response) -> bytes:
    """Build the message of a performance's result, or of what a fault made of it."""
    if not isinstance(result, PaymentResult):
        return build_response(result)
    message = build_result(result, pan=performance.pan, blank="blank_refusal" in performance.manners)
    return hostile(message, performance.scenario.hostile_reason) if result.code in HAVE_REASON else message


def _override(faults: frozenset[str]) -> Scenario | None:
    if "declined" in faults:
        return REFUSED
    return UNKNOWN_TAG if "unknown_result" in faults else None


def _odd(result: Response) -> Response:
    return replace(result, result=ODD_RESULT)  # type: ignore[call-arg]  # only results that have a result code get here
