"""An attended terminal: card, PIN, red key, and patience that ends."""

from __future__ import annotations

from datetime import datetime

import pytest

from ecrlan.emulator import EmulatedTerminal
from ecrlan.emulator.customer import BUTTONS
from ecrlan.errors import InvalidValueError
from ecrlan.model import PaymentResult, PurchaseRequest, Request, StatusRequest, VoidRequest
from ecrlan.wire.codec import build_request, parse_response
from ecrlan.wire.frames import ApplicationFrame, FrameReader, ProgressFrame, build_ack, build_frame


class Counter:
    """A terminal on a line, and what it has sent."""

    def __init__(self, **behaviour: object) -> None:
        self.terminal = EmulatedTerminal(clock=lambda: datetime(2026, 11, 23, 18, 44), attended=True, **behaviour)  # type: ignore[arg-type]  # noqa: DTZ001
        self.sent = b""
        self.wake_at: float | None = None
        self.terminal.connected(0.0)

    def take(self, actions: object) -> None:
        self.sent += b"".join(actions.send)  # type: ignore[attr-defined]
        self.wake_at = actions.wake_at  # type: ignore[attr-defined]

    def ask(self, request: Request, now: float = 0.0) -> None:
        self.take(self.terminal.received(build_frame(build_request(request)), now))

    def press(self, button: str, now: float = 1.0) -> None:
        self.take(self.terminal.press(button, now))  # type: ignore[arg-type]

    def wake(self) -> float:
        assert self.wake_at is not None
        now = self.wake_at
        self.take(self.terminal.wake(now))
        return now

    @property
    def progress(self) -> list[str]:
        return [frame.text for frame in FrameReader().feed(self.sent) if isinstance(frame, ProgressFrame)]

    @property
    def result(self) -> PaymentResult | None:
        messages = [frame.message for frame in FrameReader().feed(self.sent) if isinstance(frame, ApplicationFrame)]
        response = parse_response(messages[0]) if messages else None
        assert response is None or isinstance(response, PaymentResult)
        return response


def test_card_then_pin_then_the_host() -> None:
    counter = Counter()
    counter.ask(PurchaseRequest(amount=650))
    assert (counter.terminal.stage, counter.progress) == ("card", ["INSERIRE CARTA"])
    counter.press("pin")
    assert counter.terminal.stage == "card"
    counter.press("card")
    counter.press("card")
    assert counter.terminal.stage == "pin"
    counter.press("pin")
    assert (counter.terminal.stage, counter.progress) == ("host", ["INSERIRE CARTA", "DIGITARE PIN", "ATTENDERE PREGO"])
    assert counter.result is None
    assert counter.wake() == pytest.approx(2.0)
    assert counter.result is not None
    assert counter.result.approved
    assert (counter.terminal.stage, counter.terminal.ledger.net_total()) == ("idle", 650)


@pytest.mark.parametrize("stage", ["card", "pin"])
def test_the_red_key(stage: str) -> None:
    counter = Counter()
    counter.ask(PurchaseRequest(amount=650))
    if stage == "pin":
        counter.press("card")
    counter.press("red")
    assert counter.result is not None
    assert (counter.result.result, counter.result.reason) == ("01", "OPERAZIONE ANNULLATA")
    assert (counter.terminal.stage, len(counter.terminal.ledger)) == ("idle", 0)
    counter.take(counter.terminal.received(build_ack(), 1.0))
    assert counter.terminal.idle


def test_the_red_key_comes_too_late_for_the_host() -> None:
    counter = Counter()
    counter.ask(PurchaseRequest(amount=650))
    for button in ("card", "pin", "red"):
        counter.press(button)
    assert counter.terminal.stage == "host"
    counter.wake()
    assert counter.terminal.ledger.net_total() == 650


def test_patience_ends() -> None:
    counter = Counter(patience_seconds=6.0, host_seconds=1.0)
    counter.ask(PurchaseRequest(amount=650))
    assert [counter.wake() for _ in range(3)] == [6.0, 12.0, 13.0]
    assert counter.terminal.ledger.net_total() == 650


def test_amounts_still_choose_outcomes() -> None:
    counter = Counter()
    counter.ask(PurchaseRequest(amount=90_02))
    for _ in range(3):
        counter.wake()
    assert counter.result is not None
    assert counter.result.reason == "FONDI INSUFFICIENTI"


def test_a_reboot_forgets_the_customer() -> None:
    counter = Counter(reboot_seconds=4.0)
    counter.ask(PurchaseRequest(amount=650))
    counter.take(counter.terminal.reboot(1.0))
    assert counter.terminal.rebooting(4.9)
    assert not counter.terminal.rebooting(5.0)
    assert (counter.terminal.stage, counter.wake_at) == ("idle", None)
    for button in BUTTONS:
        counter.press(button)
    assert len(counter.terminal.ledger) == 0


def test_a_lost_line_ends_no_payment() -> None:
    counter = Counter()
    counter.ask(PurchaseRequest(amount=650))
    counter.take(counter.terminal.lost(1.0))
    for _ in range(3):
        counter.wake()
    assert counter.terminal.ledger.net_total() == 650


def test_a_void_needs_the_card_and_a_look_needs_nothing() -> None:
    counter = Counter()
    counter.ask(StatusRequest())
    assert counter.terminal.stage == "idle"
    counter.take(counter.terminal.received(build_ack(), 0.0))
    counter.ask(VoidRequest())
    assert counter.terminal.stage == "card"


def test_faults_of_time_come_first() -> None:
    counter = Counter(late_seconds=50.0)
    counter.terminal.faults.set("late_charge")
    counter.ask(PurchaseRequest(amount=650))
    assert (counter.terminal.stage, counter.wake()) == ("idle", 50.0)
    assert counter.terminal.ledger.net_total() == 650


def test_unknown_buttons_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="card, pin, red"):
        Counter().press("green")
