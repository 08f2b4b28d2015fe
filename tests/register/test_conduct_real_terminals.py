"""Sales on a terminal that sends what real ones sent: captures/ingenico-*.txt, with TID, amount, time and STAN adapted, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from ecrlan.journal import Journal
from ecrlan.model import Approved, Declined, Done, StatusResponse
from ecrlan.net.capture import read_capture
from ecrlan.protocol.records import operation_of_entry
from ecrlan.texts import words
from ecrlan.wire.receipt import parse_receipt, render_text
from tests.record_captures import FOLDER
from tests.scripted import ACK, ACK_DUE, ScriptedTerminal, Step, frame, progress, rome, till
from tests.test_captures import COLUMNS, LINES
from tests.virtual import VirtualLoop, run

TID = "87654321"
ALLOWANCE = 0.1
"""Seconds that a sale may take longer than the terminal itself."""
TEXTS = ("        Attesa carta", "Rimuovere carta     ", "OPERAZIONE IN CORSO ")


def sent_by_terminal(name: str, code: str) -> list[str]:
    """The messages with this code that the terminal sent in a capture."""
    frames = [packet.data for packet in read_capture(FOLDER / f"ingenico-{name}.txt") if packet.direction == "<"]
    return [raw[1:-2].decode("ascii") for raw in frames if raw[:1] == b"\x02" and raw[10:11] == code.encode()]


def adapted_status(name: str, moment: datetime) -> bytes:
    message = sent_by_terminal(name, "s")[0]
    return frame(f"{TID}{message[8:20]}{rome(moment):%d%m%y%H%M}{message[30:]}")


def adapted_result(message: str, stan: int, amount: int, moment: datetime) -> bytes:
    tail = message[65:] if len(message) < 92 else f"{message[65:74]}{amount:08}{message[82:]}"
    return frame(f"{TID}{message[8:40]}{rome(moment):%j%H%M}{message[47:59]}{stan:06}{tail}")


def adapted_text(text: str, stan: int, amount: int, moment: datetime) -> str:
    """A receipt's text with other numbers of the same width."""
    local = rome(moment)
    euro = f"{amount / 100:.2f}".replace(".", ",")
    for old, new in (
        ("TML 12345678", f"TML {TID}"),
        ("STAN 000004", f"STAN {stan:06}"),
        ("STAN 000003", f"STAN {stan:06}"),
        ("Data 08/07/25", f"Data {local:%d/%m/%y}"),
        ("Ora 11:21", f"Ora {local:%H:%M}"),
        ("Ora 12:28", f"Ora {local:%H:%M}"),
        ("0,05".rjust(len(euro)), euro),
    ):
        text = text.replace(old, new)
    return text


def adapted_receipt(name: str, stan: int, amount: int, moment: datetime) -> list[bytes]:
    """The receipt's parts, cut where the terminal cut them."""
    parts = [message[10:] for message in sent_by_terminal(name, "S")]
    text = adapted_text("".join(parts), stan, amount, moment)
    cut = []
    for part in parts:
        cut.append(frame(f"{TID}0S{text[: len(part)]}"))
        text = text[len(part) :]
    return cut


def sale(terminal: ScriptedTerminal, result: str, paper: str, stan: int, amount: int) -> list[Step]:
    """What the terminal does from the request to its receipt's end, at the pace of the traces (exchange.md §8)."""
    answer = adapted_result(result, stan, amount, terminal.clock())
    steps: list[Step] = [0.2, ACK, 1.0, *(step for text in TEXTS for step in (0.04, progress(text))), 10.0]
    steps += [terminal.charge(amount), terminal.save(answer), answer, ACK_DUE]
    for part in adapted_receipt(paper, stan, amount, terminal.clock()):
        steps += [0.1, part, ACK_DUE]
    return steps


FIRMWARE = [
    pytest.param("X", ("receipt-lines", "receipt-lines"), LINES, "status-word", id="X, receipt in lines"),
    pytest.param("X", ("receipt-columns", "receipt-columns"), COLUMNS, "status-word", id="X, receipt in columns"),
    pytest.param("P", ("purchase-74", "receipt-columns"), COLUMNS, "status-word", id="P answered by 74 bytes, receipt in columns"),
    pytest.param("P", ("purchase-71", "receipt-lines"), LINES, "status-word", id="P answered by 71 bytes, receipt in lines"),
]


@pytest.mark.parametrize("standalone_use", [True, False])
@pytest.mark.parametrize(("code", "files", "paper", "word"), FIRMWARE)
def test_status_and_two_purchases_as_fast_as_the_terminal(
    code: str, files: Sequence[str], paper: list[str], word: str, *, standalone_use: bool, tmp_path: Path
) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock, tid=TID, pace=0.1)
        result, receipt = files
        (answer,) = sent_by_terminal(result, "E")
        terminal.on("s", lambda _: [0.1, ACK, 0.6, adapted_status(word, loop.clock())])
        terminal.saved = adapted_result(sent_by_terminal("purchase-71", "E")[0], 3, 0, loop.clock())
        terminal.on(code, lambda _: sale(terminal, answer, receipt, 4, 5), lambda _: sale(terminal, answer, receipt, 5, 9_95))
        options = {"print_on_register": True, "purchase_code": code, "standalone_use": standalone_use}
        async with terminal.listening() as port, till(loop, port, tmp_path, **options) as desk:
            status = await desk.terminal.status()
            assert isinstance(status.outcome, Done)
            assert isinstance(status.outcome.response, StatusResponse)
            assert (status.outcome.response.operative, status.outcome.response.software_release) == (True, "01.00.14_B2807_2807")
            for stan, amount in ((4, 5), (5, 9_95)):
                started, busy = loop.time(), terminal.busy_seconds
                moment = loop.clock()
                operation = await desk.terminal.purchase(amount, reference=f"sale-{stan}")
                assert isinstance(operation.outcome, Approved)
                assert operation.outcome.stan == f"{stan:06}"
                assert loop.time() - started <= terminal.busy_seconds - busy + ALLOWANCE
                expected = [adapted_text(line, stan, amount, moment) for line in paper]
                assert render_text(parse_receipt(operation.receipt)) == expected
            assert terminal.charges == [5, 9_95]
            assert desk.alarms == []
        with Journal.reader(tmp_path / "till.db") as journal:
            kept = [render_text(parse_receipt(operation_of_entry(entry).receipt)) for entry in journal.each()]
            assert [lines[-1] for lines in kept] == [paper[-1]] * 2
            assert [len(lines) for lines in kept] == [len(paper)] * 2

    run(main)


@pytest.mark.parametrize("print_on_register", [False, True])
def test_two_customers_press_the_red_key(*, print_on_register: bool) -> None:
    """N1 twice: the second refusal equals the first byte for byte, and says no less."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock, tid=TID, pace=0.1)
        first, second = sent_by_terminal("refusal", "E")
        assert first == second
        refused = frame(TID + first[8:])
        terminal.saved = adapted_result(sent_by_terminal("purchase-71", "E")[0], 5, 0, loop.clock())
        terminal.on("s", lambda _: [0.1, ACK, 0.6, adapted_status("status-word", loop.clock())])
        terminal.on("P", [0.2, ACK, 6.0, refused])
        options = {"print_on_register": print_on_register, "purchase_code": "P"}
        async with terminal.listening() as port, till(loop, port, **options) as desk:
            await desk.terminal.status()
            for _ in range(2):
                started, busy = loop.time(), terminal.busy_seconds
                operation = await desk.terminal.purchase(5)
                assert isinstance(operation.outcome, Declined)
                assert words(operation.outcome.reason) == "ABORTED_MANUALLY"
                assert loop.time() - started <= terminal.busy_seconds - busy + 2.0
            assert terminal.codes().count("P") == 2
            assert desk.alarms == []

    run(main)
