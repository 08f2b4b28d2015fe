"""One exchange, fed with bytes, and the messages that its tests are made of."""

from __future__ import annotations

from dataclasses import replace

from ecrlan.model import (
    AdditionalDataRequest,
    ExtendedPurchaseRequest,
    HostTime,
    PaymentResult,
    PurchaseRequest,
    ReceiptPart,
    Request,
    Response,
    StatusResponse,
)
from ecrlan.protocol.exchange import Exchange, Timing
from ecrlan.protocol.live import LiveRules
from ecrlan.protocol.memory import Standing
from ecrlan.protocol.step import Ending, Event, Sending, Step
from ecrlan.protocol.transitions import ExchangeState
from ecrlan.wire.codec import build_response
from ecrlan.wire.frames import FrameReader, build_ack, build_frame, build_nak

ACK = build_ack()
NAK = build_nak()
TID = "37105051"
PURCHASE = PurchaseRequest(amount=650)
EXTENDED = ExtendedPurchaseRequest(amount=650)
APPROVED = PaymentResult(
    terminal_id=TID,
    code="E",
    length=71,
    result="00",
    pan="1234",
    entry_mode="CLI",
    authorization_code="123456",
    host_time=HostTime(327, 18, 44),
    card_type=1,
    acquirer_id="00000000034",
    stan="000042",
)
EXTENDED_APPROVED = replace(APPROVED, length=92, amount=650, action_code="000")
OF_A_VOID = replace(APPROVED, length=84, authorization_code=None, action_code="000")
DECLINED = PaymentResult(
    terminal_id=TID, code="E", length=71, result="01", reason="NEGATA", card_type=1, acquirer_id="00000000034", stan="000042"
)
STATUS = StatusResponse(terminal_id=TID, terminal_time=None, terminal_status=2, software_release="X")
ADDITIONAL = AdditionalDataRequest(contents=((5, "0COF"),), iso_field="62")
WITH_DATA = replace(PURCHASE, additional_data=True)
UNREADABLE = b"371050510E00"


def wire(response: Response) -> bytes:
    return build_frame(build_response(response))


def receipt(text: bytes) -> bytes:
    return wire(ReceiptPart(terminal_id=TID, receipt_text=text))


def seen(*known: PaymentResult, standing: Standing = Standing.SEEN) -> dict[str, object]:
    """Return the option by which `known` results stand to those from before the request in that way; all others are new."""
    return {"standing": lambda result, _message: standing if result in known else Standing.NEW}


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


class Driver:
    """Feeds an exchange with bytes and collects what it does. `rules` are those of `LiveRules`."""

    def __init__(
        self,
        request: Request,
        timing: Timing | None = None,
        *,
        additional: AdditionalDataRequest | None = None,
        expects_receipt: bool = False,
        extend_on_progress: bool = True,
        started: bool = True,
        **rules: object,
    ) -> None:
        self.exchange = Exchange(
            request,
            timing or Timing(),
            LiveRules(**rules),  # type: ignore[arg-type]  # each test names its own
            additional=additional,
            expects_receipt=expects_receipt,
            extend_on_progress=extend_on_progress,
        )
        self.reader = FrameReader()
        self.now = 0.0
        self.events: list[Event] = []
        self.sent: list[bytes] = []
        self.wake_at: float | None = None
        if started:
            self.take(self.exchange.start(self.now))

    def take(self, step: Step) -> list[Event]:
        self.events += step.events
        self.sent += step.send
        self.wake_at = step.wake_at
        if step.send and self.exchange.state is not ExchangeState.IDLE:
            after = self.exchange.written(self.now)
            assert not after.events
            assert not after.send
            self.wake_at = after.wake_at
        return list(step.events)

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for frame in self.reader.feed(data):
            events += self.take(self.exchange.frame(frame, self.now))
        return events

    def ring(self) -> list[Event]:
        """Jump to the deadline."""
        assert self.wake_at is not None
        self.now = self.wake_at
        return self.take(self.exchange.wake(self.now))

    def ring_until_over(self) -> None:
        while self.ending is None:
            self.ring()

    def lose(self) -> list[Event]:
        return self.take(self.exchange.lost(self.now))

    @property
    def requests_sent(self) -> int:
        return sum(isinstance(event, Sending) and event.code == self.exchange.request.code for event in self.events)

    @property
    def ending(self) -> Ending | None:
        return self.exchange.ending
