"""Writes the files of captures/: `python -m tests.record_captures`. tests/test_captures.py checks that they are what this writes.

The clock, the network and the emulated terminal are deterministic, so the same code writes the same files.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.model import Approved, Done, Operation
from ecrlan.net.capture import CaptureWriter
from ecrlan.register import Register, Terminal
from tests.vectors import ACK, STATUS_REQUEST, STATUS_RESPONSE
from tests.virtual import VirtualLoop, run

FOLDER = Path(__file__).resolve().parent.parent / "captures"
ANSWER_SECONDS = 0.02
"""What the terminal's bytes need; the register's arrive at once."""
THINK_SECONDS = 3.0
PROGRESS = ("INSERIRE CARTA", "DIGITARE PIN", "ATTENDERE PREGO")

Preparation = Callable[[Terminal], Awaitable[str]]
Order = Callable[[Terminal, str], Awaitable[Operation]]


async def no_preparation(terminal: Terminal) -> str:
    return ""


async def paid(terminal: Terminal) -> str:
    """Leave a payment behind and return its STAN."""
    outcome = (await terminal.purchase(650)).outcome
    assert isinstance(outcome, Approved)
    assert outcome.stan is not None
    return outcome.stan


async def reserved(terminal: Terminal) -> str:
    """Leave a pre-authorization behind and return its code."""
    outcome = (await terminal.preauthorize(20000)).outcome
    assert isinstance(outcome, Approved)
    assert outcome.result is not None
    assert outcome.result.preauthorization_code is not None
    return outcome.result.preauthorization_code


DIALOGUES: dict[str, tuple[str, Preparation, Order]] = {
    "status": ("Status.", no_preparation, lambda terminal, _: terminal.status()),
    "purchase": (
        "Purchase of 6.50: last result (G), receipts to the register (E), purchase (X) with progress texts, receipt (S).",
        no_preparation,
        lambda terminal, _: terminal.purchase(650, receipt_text="GRAZIE E ARRIVEDERCI"),
    ),
    "void": (
        "Void of a payment of 6.50 by its STAN: last result (G), receipts to the register (E), void (S), receipt (S).",
        paid,
        lambda terminal, stan: terminal.void(stan=stan),
    ),
    "preauthorize": (
        "Pre-authorization of 200.00: last result (G), receipts to the register (E), pre-authorization (p), receipt (S).",
        no_preparation,
        lambda terminal, _: terminal.preauthorize(20000),
    ),
    "increment": (
        "Increment of 50.00 on a pre-authorization of 200.00: last result (G), receipts to the register (E), increment (i), receipt (S).",
        reserved,
        lambda terminal, code: terminal.increment(5000, preauthorization_code=code),
    ),
    "capture": (
        "Capture of 123.45 from a pre-authorization of 200.00: last result (G), receipts to the register (E), capture (c), receipt (S).",
        reserved,
        lambda terminal, code: terminal.capture(12345, preauthorization_code=code),
    ),
}


def record_emulator(name: str) -> str:
    """Perform one operation with the emulated terminal and return its capture file."""
    title, prepare, perform = DIALOGUES[name]
    text = io.StringIO()

    async def main(loop: VirtualLoop) -> None:
        loop.network.on_write = lambda stream, data: ANSWER_SECONDS if stream.side == "listened" else 0.0
        emulated = EmulatedTerminal(clock=loop.clock, think_seconds=THINK_SECONDS)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            options = {} if name == "status" else {"terminal_id": emulated.terminal_id, "print_on_register": True}
            terminal = register.dial("till-1", "127.0.0.1", server.port, **options)
            prepared = await prepare(terminal)
            emulated.progress = PROGRESS if name == "purchase" else ()
            with CaptureWriter(text, loop.clock, title=f"{title}\nThe terminal is ecrlan's emulator.") as writer:
                server.on_frames = writer
                operation = await perform(terminal, prepared)
            assert isinstance(operation.outcome, Approved | Done), operation
            assert operation.receipt.endswith(b"\x7d\x1b") == (name != "status")

    run(main)
    return text.getvalue()


def record_smartpos() -> str:
    """Return the capture file of the dialogue that was published from a SmartPOS."""
    text = io.StringIO()
    time = datetime(2026, 7, 31, 19, 22, tzinfo=UTC)
    title = (
        "Status of a real SmartPOS, TID 37105051, as published (bytes only: the times are the terminal's own clock).\n"
        "The ACK came in the same read as the result; the register's last ACK was not published."
    )
    with CaptureWriter(text, lambda: time, title=title) as writer:
        writer(">", STATUS_REQUEST)
        writer("<", ACK)
        writer("<", STATUS_RESPONSE)
    return text.getvalue()


RECORDERS: dict[str, Callable[[], str]] = {
    "smartpos-status.txt": record_smartpos,
    **{f"emulator-{name}.txt": lambda name=name: record_emulator(name) for name in DIALOGUES},  # type: ignore[misc]
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, record in RECORDERS.items():
        (FOLDER / name).write_text(record(), encoding="utf-8", newline="\n")
        print(FOLDER / name)


if __name__ == "__main__":
    main()
