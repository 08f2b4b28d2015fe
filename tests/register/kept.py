"""Operations as a stopped register leaves them in its journal, and a journal whose disk is as slow as a test wants."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from ecrlan.journal import Event, Journal, NewOperation
from ecrlan.model import Kind, PaymentResult, PurchaseRequest
from ecrlan.protocol.records import answered_row, created_row, sending_row
from ecrlan.protocol.work import Order
from ecrlan.register.running import RunningWork
from ecrlan.wire.codec import build_request, parse_response
from tests.scripted import TID, approval
from tests.virtual import START

PLACE = "127.0.0.1:8081"


def order(reference: str, amount: int = 500) -> Order:
    request = PurchaseRequest(terminal_id=TID, amount=amount)
    return Order(kind=Kind.PURCHASE, request=request, reference=reference)


def sent(reference: str, terminal: str = "till-1", *, answered: bool = False) -> list[NewOperation | Event]:
    """The rows of a purchase that was sent; `answered`: its approval is among them, and its end is not."""
    work = RunningWork(order=order(reference), terminal=terminal, created_time=START, identity=TID)
    rows = [created_row(work, PLACE), sending_row(work, "P", build_request(work.order.request), b"", 1, START)]
    if answered:
        message = approval(6, START)[1:-2]
        response = parse_response(message)
        assert isinstance(response, PaymentResult)
        rows.append(answered_row(work, response, message, TID, START, late=False))
    return rows


class SlowDisk:
    """Holds up whoever looks an operation up in the journal (or does `name` there), in a thread, until it is let go."""

    def __init__(self, journal: Journal, name: str = "find") -> None:
        self.looks = 0
        self._entered = threading.Event()
        self._free = threading.Event()
        self._find: Callable[..., Any] = getattr(journal, name)
        setattr(journal, name, self._look)

    def _look(self, *given: Any) -> Any:
        self.looks += 1
        found = self._find(*given)
        self._entered.set()
        assert self._free.wait(5), "the event loop stands still: nobody lets go"
        return found

    async def reached(self) -> None:
        """Wait until something has been looked up, and is held up on its way back."""
        assert await asyncio.to_thread(self._entered.wait, 5)

    def let_go(self) -> None:
        self._free.set()

    def hold(self) -> None:
        """Hold up whoever comes next, too."""
        self._entered.clear()
        self._free.clear()
