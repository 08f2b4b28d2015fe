"""The messages with which the emulated terminal answers a request, and what it saves of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.distortion import distort_message, distort_response, hostile
from ecrlan.emulator.payments import REFUSED, UNKNOWN_TAG, Payments
from ecrlan.emulator.scenarios import Scenario
from ecrlan.emulator.vas import VasDesk, cut
from ecrlan.model import (
    AdditionalDataRequest,
    AdditionalDataResponse,
    LastResultRequest,
    PaymentResult,
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
from ecrlan.wire.receipt import build_receipt, split_receipt

ODD_RESULT = "42"
NOTHING_RETURNED = "00"
HAVE_REASON = frozenset("Eec")
"""Codes of the results that tell why they refuse."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Messages (between STX and ETX) by kind; `receipt` is the whole receipt's bytes."""

    results: tuple[bytes, ...] = ()
    receipt: bytes | None = None
    data: tuple[bytes, ...] = ()


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

    def save(self, result: Response, *, hostile_reason: bytes = b"") -> None:
        """Save a payment's result for `G`."""
        self.last_result = hostile(build_response(result), hostile_reason)
        self.last_data = None

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
            return Answer(receipt=self.last_receipt)
        if isinstance(request, VasRequest):
            return self._vas(request, faults)
        if request.code in "EU":
            return Answer()
        return self._pay(request, faults, data, scenario)

    def receipt_parts(self, receipt: bytes | None, faults: frozenset[str]) -> list[bytes]:
        """Return the `S` messages of a receipt."""
        if receipt is None or "receipt_lost" in faults:
            return []
        text = receipt[: -len(b"\x7d\x1b")] if "receipt_cut" in faults else receipt
        parts = split_receipt(text, self.behaviour.receipt_part_size)
        return [build_response(ReceiptPart(terminal_id=self.payments.terminal_id, receipt_text=part)) for part in parts]

    def _pay(self, request: Request, faults: frozenset[str], data: AdditionalDataRequest | None, chosen: Scenario | None) -> Answer:
        performance = self.payments.perform(request, self.time(), scenario=_override(faults) or chosen)
        result, scenario = performance.result, performance.scenario
        if "odd_result" in faults and getattr(result, "result", "") == "00":
            result = _odd(result)
        has_reason = isinstance(result, PaymentResult) and result.code in HAVE_REASON
        reason = scenario.hostile_reason if has_reason else b""
        saved = isinstance(result, PaymentResult) and (self.behaviour.save_verification or not isinstance(request, VerifyCardRequest))
        if saved:
            self.save(result, hostile_reason=reason)
        host_data = self._host_data(data) if performance.entry is not None or isinstance(request, VerifyCardRequest) else None
        if saved:
            self.last_data = host_data
        receipt = None
        if performance.slip is not None:
            hostile_text = scenario.hostile_receipt.encode("ascii")
            title = b"TRANSAZIONE ESEGUITA"
            receipt = self.last_receipt = build_receipt(performance.slip).replace(title, title + hostile_text)
        message = distort_message(hostile(build_response(distort_response(result, faults)), reason), faults)
        return Answer((message,), receipt, () if host_data is None else (host_data,))

    def _host_data(self, data: AdditionalDataRequest | None) -> bytes | None:
        if data is None or data.iso_field == NOTHING_RETURNED:
            return None
        text = self.behaviour.host_data
        if text is None:
            text = f"{data.iso_field}TOKEN{self.payments.online_id:06}"
        return build_response(AdditionalDataResponse(terminal_id=self.payments.terminal_id, data=text))

    def _status(self, faults: frozenset[str]) -> Answer:
        status = StatusResponse(
            terminal_id=self.payments.terminal_id,
            terminal_time=self.time(),
            terminal_status=self.behaviour.terminal_status,
            software_release=self.behaviour.software_release,
        )
        return Answer((distort_message(build_response(distort_response(status, faults)), faults),))

    def _replay(self, request: LastResultRequest, faults: frozenset[str]) -> Answer:
        message = self.last_result or build_response(self.payments.nothing_saved())
        if "wrong_tid" in faults:
            message = b"99999999" + message[8:]
        data = self.last_data if request.additional_data else None
        return Answer((distort_message(message, faults),), data=() if data is None else (data,))

    def _vas(self, request: VasRequest, faults: frozenset[str]) -> Answer:
        refusal = REFUSED if "declined" in faults else None
        pieces = cut(self.vas_desk.answer(request.xml, self.time(), refusal=refusal), self.behaviour.vas_parts)
        messages = []
        for number, piece in enumerate(pieces, 1):
            part = VasPart(terminal_id=self.payments.terminal_id, more=number < len(pieces), sequence=number, xml=piece)
            messages.append(distort_message(build_response(distort_response(part, faults)), faults))
        return Answer(tuple(messages))


def _override(faults: frozenset[str]) -> Scenario | None:
    if "declined" in faults:
        return REFUSED
    return UNKNOWN_TAG if "unknown_result" in faults else None


def _odd(result: Response) -> Response:
    return replace(result, result=ODD_RESULT)  # type: ignore[call-arg]  # only results that have a result code get here
