"""Full card numbers in whatever a terminal sends: in no file, event, operation or line of the log (exchange.md §7)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from ecrlan.journal import Journal
from ecrlan.model import Approved, Operation
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import Register, Terminal
from ecrlan.wire.receipt import parse_receipt, render_text
from tests.scripted import ACK, ACK_DUE, TID, ScriptedTerminal, Step, approval, frame, progress, receipt, refusal, status
from tests.virtual import START, VirtualLoop, run

NUMBERS = ("4111111111111111", "4012 8888 8888 1881", "41111111/11111111", "4012  88888888  1881")
ON_PAPER = NUMBERS[:-1]
"""Double blanks join no number on a receipt (exchange.md §8)."""
Ask = Callable[[Terminal], Awaitable[Operation]]


async def buy(terminal: Terminal) -> Operation:
    return await terminal.purchase(500, reference="sale", additional_data=[(5, "X")], iso_field="62")


async def pay_by_phone(terminal: Terminal) -> Operation:
    return await terminal.vas("BPAY_QR", amount="10", reference="sale")


async def close_session(terminal: Terminal) -> Operation:
    return await terminal.close_session(reference="sale")


async def ask_status(terminal: Terminal) -> Operation:
    return await terminal.status(reference="sale")


def shown(number: str) -> bytes:
    return b"\x01" + number.ljust(20).encode() + b"\x04"


def vas(text: str) -> bytes:
    document = f'<ecrres><p k="ECRVASID">BPAY_QR</p><p k="RESPID">0</p><p k="RESPMSG">{text}</p><p k="{text}">x</p></ecrres>'
    return frame(f"{TID}0K00000001{'0' * 4}{len(document):04}{document}")


def from_host(text: str) -> bytes:
    return frame(f"{TID}0U000000{len(text):03}{text}{'0' * 10}")


def pan(number: str) -> bytes:
    """An approval whose PAN is not truncated."""
    digits = "".join(filter(str.isdigit, number))
    return frame(approval(6, START)[1:-2].decode().replace(f"{'1234':0>19}", f"{digits:0>19}"))


PLACES: dict[str, tuple[Ask, str, Callable[[str], list[Step]]]] = {
    "progress": (buy, "X", lambda number: [ACK, ACK, progress(number), 1.0, approval(6, START)]),
    "long progress": (buy, "X", lambda number: [ACK, shown(f"CARTA {number} OK"), 1.0, approval(6, START)]),
    "reason": (buy, "X", lambda number: [ACK, 1.0, refusal("000005", number)]),
    "PAN": (buy, "X", lambda number: [ACK, 1.0, pan(number)]),
    "data from the host": (buy, "X", lambda number: [ACK, 1.0, approval(6, START), ACK_DUE, from_host(f"TOK {number} END")]),
    "receipt": (buy, "X", lambda number: [ACK, 1.0, approval(6, START), ACK_DUE, receipt(f"}}PAN {number}}}FINE}}}}\x1b"), ACK_DUE]),
    "receipt before the result": (buy, "X", lambda number: [ACK, 1.0, receipt(f"}}PAN {number}}}}}\x1b"), ACK_DUE, approval(6, START)]),
    "a result too short": (buy, "X", lambda number: [ACK, 1.0, frame(f"{TID}0E01{number}")]),
    "a message of no kind": (buy, "X", lambda number: [ACK, frame(f"{TID}0Z{number}"), 1.0, approval(6, START)]),
    "noise": (buy, "X", lambda number: [ACK, number.encode(), 1.0, approval(6, START)]),
    "another result": (buy, "X", lambda number: [ACK, 1.0, refusal("000005", "KO"), ACK_DUE, 1.0, pan(number)]),
    "another terminal's": (buy, "X", lambda number: [ACK, 1.0, refusal("000005", number, tid="11112222")]),
    "VAS": (pay_by_phone, "K", lambda number: [ACK, 1.0, vas(number)]),
    "close session": (close_session, "C", lambda number: [ACK, 1.0, frame(f"{TID}0C01{number.replace('  ', ' '):<19}000{'0' * 10}")]),
    "release": (ask_status, "s", lambda number: [ACK, status(START, tail=f"2{number}")]),
    "status word": (ask_status, "s", lambda number: [ACK, status(START, tail=f"CARTA {number}")]),
}


@pytest.mark.parametrize(
    ("place", "number"), [(place, number) for place in PLACES for number in (ON_PAPER if "receipt" in place else NUMBERS)]
)
def test_no_text_of_the_terminal_brings_a_card_number_in(place: str, number: str, tmp_path: Path) -> None:
    ask, code, steps = PLACES[place]
    seen: list[Any] = []

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, START)
        terminal.on("U", [ACK])
        terminal.on(code, steps(number))
        with closing(Journal(tmp_path / "till.db", inline=True)) as journal:
            async with terminal.listening() as port, Register(journal, clock=loop.clock) as register:
                register.observe(lambda event: seen.append((event, getattr(event, "raw", b""), getattr(event, "text", ""))), frames=True)
                till = register.dial("till-1", "127.0.0.1", port, print_on_register=True, payment_timeout=5.0, longest_payment_time=5.0)
                operation = await ask(till)
                await asyncio.sleep(30)
                seen.extend([operation, operation.receipt, register.operation("sale").receipt, till.memory.baseline, till.memory.status])
                entry = journal.find("sale")
                assert entry is not None
                seen.extend([entry, operation_of_entry(entry)])
            journal.backup(tmp_path / "backup.db")

    with structlog.testing.capture_logs() as log:
        run(main)
    forms = {number, "".join(filter(str.isdigit, number))}
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()} | {"seen": repr(seen).encode(), "log": repr(log).encode()}
    found = [
        name
        for name, content in kept.items()
        for form in forms
        if any(each in content for each in (form.encode(), form.encode().hex().encode(), form.encode().hex().upper().encode()))
    ]
    assert found == []


def test_what_no_card_number_is_stays_on_the_receipt() -> None:
    """The schemes prescribe it: AID, IAD, ARQC, TVR, P.IVA and whatever the Luhn check does not pass."""
    lines = [
        "A.ID      A0000000041010",
        "IAD 0110A012345678901234",
        "P.IVA        01234567890",
        "ARQC    4A7E1C857A1F9086",
        "N. 4111111111111112",
    ]

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.on("X", [ACK, 1.0, approval(6, START), ACK_DUE, receipt("}".join([*lines, "PAN 4111111111111111"]) + "}}\x1b")])
        async with terminal.listening() as port, Register(clock=loop.clock) as register:
            till = register.dial("till-1", "127.0.0.1", port, print_on_register=True, last_result_supported=False)
            operation = await till.purchase(500)
            assert isinstance(operation.outcome, Approved)
            assert render_text(parse_receipt(operation.receipt)) == [*lines, "PAN ************1111"]

    run(main)
