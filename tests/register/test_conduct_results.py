"""What a live result says: repeated refusals, STANs that start anew, other forms, receipts (exchange.md §3, §5, §8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ecrlan.model import Approved, Declined, NotPerformed, Operation, Unresolved
from ecrlan.register import Terminal
from ecrlan.texts import words
from ecrlan.wire.receipt import parse_receipt, render_text
from tests.scripted import (
    ACK,
    ACK_DUE,
    CLOSE,
    NAK,
    REFUSAL,
    TID,
    ScriptedTerminal,
    Step,
    Till,
    approval,
    frame,
    progress,
    receipt,
    refusal,
    till,
)
from tests.virtual import START, VirtualLoop, run

Scene = Callable[[VirtualLoop, ScriptedTerminal, Till], Awaitable[None]]


def play(scene: Scene, folder: Path | None = None, *, last_stan: int = 5, **options: Any) -> None:
    """Run `scene` with a terminal whose last result is an approval with `last_stan`, an hour old."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(last_stan, START.replace(hour=START.hour - 1))
        async with terminal.listening() as port, till(loop, port, folder, **options) as desk:
            await scene(loop, terminal, desk)

    run(main)


# --- A2: two refusals that are equal ------------------------------------------------------------------------------------------------

REPEATED: list[Any] = [
    pytest.param("P", REFUSAL, lambda terminal: terminal.purchase(500), {"purchase_code": "P"}, id="purchase, the bytes of the field"),
    pytest.param("X", refusal("000000", "CARD_SEARCH_TIMEOUT"), lambda terminal: terminal.purchase(500), {}, id="extended, STAN 000000"),
    pytest.param("X", refusal("", "TRANSAZIONE RIFIUTATA", blank=True), lambda terminal: terminal.purchase(500), {}, id="blank STAN"),
    pytest.param(
        "p",
        frame(f"{TID}0e01{'ABORTED_MANUALLY':<24}000{'0' * 31}20000000003400000500000{'5' + '0' * 12}"),
        lambda terminal: terminal.preauthorize(500),
        {},
        id="pre-authorization",
    ),
    pytest.param("S", refusal("000005", "NON TROVATA", form=84), lambda terminal: terminal.void(last=True), {}, id="void"),
    pytest.param("X", refusal("000005", "KO"), lambda terminal: terminal.purchase(500), {"keep_open": True}, id="kept-open line"),
]


@pytest.mark.parametrize("standalone_use", [True, False])
@pytest.mark.parametrize(("code", "raw", "ask", "options"), REPEATED)
def test_two_equal_refusals_in_a_row_are_two_refusals(
    code: str, raw: bytes, ask: Callable[[Terminal], Awaitable[Operation]], options: dict[str, Any], *, standalone_use: bool
) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        answered: list[float] = []
        terminal.on(code, [ACK, 5.0, lambda: answered.append(loop.time()), raw])
        for _ in range(3):
            operation = await ask(desk.terminal)
            assert isinstance(operation.outcome, Declined), operation.outcome
            assert words(operation.outcome.reason) in raw.decode("latin-1")
            assert loop.time() - answered[-1] <= 2.5
        assert len(answered) == 3
        assert terminal.codes().count("s") == 1 + 2, "once for its TID; the second and the third refusal were held"
        assert "held" in desk.row_names(operation.reference)
        assert desk.alarms == []

    play(scene, standalone_use=standalone_use, **options)


def test_a_refusal_that_equals_an_earlier_one_is_held_after_a_restart_too(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(5, loop.clock())
        terminal.on("P", [ACK, 5.0, REFUSAL])
        async with terminal.listening() as port:
            for reference in ("first", "second"):
                async with till(loop, port, tmp_path, purchase_code="P") as desk:
                    operation = await desk.terminal.purchase(500, reference=reference)
                    assert isinstance(operation.outcome, Declined)
                    assert ("held" in desk.row_names(reference)) is (reference == "second")

    run(main)


def test_a_stale_copy_of_a_refusal_does_not_hide_the_approval_behind_it() -> None:
    """The terminal is at work: it shows progress, NAKs `s`, and then approves."""

    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        refused = refusal("000005", "ABORTED_MANUALLY")
        terminal.on("X", [ACK, 5.0, refused], lambda message: [ACK, 0.1, refused, 8.0, *sell(terminal, message)])

        def sell(terminal: ScriptedTerminal, message: str) -> list[Step]:
            return [terminal.charge(500), approval(6, loop.clock())]

        await desk.terminal.purchase(500)
        terminal.on("s", [NAK])
        operation = await desk.terminal.purchase(500, reference="second")
        assert isinstance(operation.outcome, Approved)
        assert operation.outcome.stan == "000006"
        assert terminal.charges == [500]
        asked = [at for at, code, _ in terminal.requests if code == "s"]
        assert all(later - earlier >= 2.0 for earlier, later in pairwise(asked))

    play(scene)


def test_progress_after_a_held_refusal_says_that_a_payment_is_running() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        refused = refusal("000005", "ABORTED_MANUALLY")
        late = [progress("Attesa carta"), 5.0, terminal.charge(500), lambda: approval(6, loop.clock())]
        terminal.on("X", [ACK, 5.0, refused], [ACK, 0.1, refused, 0.5, *late])
        await desk.terminal.purchase(500)
        terminal.on("s", [2.0, NAK])
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert terminal.charges == [500]

    play(scene)


@pytest.mark.parametrize("answers", [[NAK], []], ids=["refused", "met by silence"])
def test_a_held_refusal_is_not_believed_while_the_terminal_says_nothing(answers: list[Step]) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 5.0, refusal("000005", "KO")])
        await desk.terminal.purchase(500)
        terminal.on("s", answers)
        terminal.on("G", [ACK])
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, Unresolved)
        assert desk.alarm_names() == ["unresolved"]

    play(scene, standalone_use=False)


def test_a_held_refusal_without_the_ack_of_its_request_is_never_taken() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 5.0, refusal("000005", "KO")], [5.0, refusal("000005", "KO")])
        await desk.terminal.purchase(500)
        assert isinstance((await desk.terminal.purchase(500)).outcome, Unresolved)

    play(scene, standalone_use=False)


def test_a_held_refusal_whose_line_is_closed_is_asked_for_on_a_new_line() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", [ACK, 5.0, refusal("000005", "KO"), ACK_DUE, CLOSE])
        terminal.saved = refusal("000005", "KO")
        for _ in range(2):
            started = loop.time()
            operation = await desk.terminal.purchase(500)
            assert isinstance(operation.outcome, Declined)
        assert loop.time() - started <= 5.0 + 2.5
        assert desk.alarms == []

    play(scene)


# --- A3: STANs start anew -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standalone_use", [True, False])
def test_stans_that_start_anew_are_approved_and_told(tmp_path: Path, *, standalone_use: bool) -> None:
    """2, 3, 4, then 2, 3, 4, 5; the register is started again before the second 3."""

    async def main(loop: VirtualLoop) -> None:
        terminal = ScriptedTerminal(loop.clock)
        terminal.saved = approval(1, loop.clock(), authorization="OLD")
        stans = [2, 3, 4, 2, 3, 4, 5]
        async with terminal.listening() as port:
            for part in (range(4), range(4, 7)):
                async with till(loop, port, tmp_path, standalone_use=standalone_use) as desk:
                    for number in part:
                        terminal.on("X", terminal.sells(stans[number], 500, seconds=60.0, authorization=f"C{number:05}"))
                        operation = await desk.terminal.purchase(500, reference=f"sale-{number}")
                        assert isinstance(operation.outcome, Approved), number
                        assert operation.outcome.stan == f"{stans[number]:06}"
                    anew = [row.data for row in desk.rows if row.name == "stans_anew"]
                    assert [(row["stan"], row["last"]) for row in anew] == ([("000002", "000004")] if part.start == 0 else [])
                    assert desk.alarms == []
        assert terminal.charges == [500] * 7

    run(main)


@pytest.mark.parametrize("accepted", [False, True], ids=["same TID", "TID that a person accepted"])
def test_a_new_unit_that_counts_from_1_sells_at_once(accepted: bool) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        for stan in range(1, 31):
            terminal.on("X", terminal.sells(stan, 500, authorization=f"C{stan:05}"))
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        if accepted:
            terminal.tid = "11112222"
        terminal.saved = approval(1, loop.clock(), authorization="FITTER", tid=terminal.tid)  # its fitter has tried it
        terminal.on("X", terminal.sells(2, 500, seconds=60.0, authorization="NEW"))
        if accepted:
            assert isinstance((await desk.terminal.status()).outcome, NotPerformed)
            desk.terminal.accept_terminal_id("Anna")
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        assert len(terminal.charges) == 31

    play(scene, last_stan=999_999)


def test_an_approval_that_was_seen_before_never_begins_a_series() -> None:
    """A copy of the first sale's approval, in another form, comes in place of the fourth sale's."""

    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        moment = loop.clock()
        for stan in (6, 7, 8):
            terminal.on("X", terminal.sells(stan, 500))
            assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)
        copy = approval(6, moment, form=71)
        terminal.on("X", [ACK, 4.0, copy])
        terminal.on("P", [ACK, 4.0, copy])
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, Unresolved)
        assert len(terminal.charges) == 3

    play(scene, standalone_use=False)


def test_a_series_that_begins_with_an_old_time_or_a_used_code_is_left_to_a_person() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("X", terminal.sells(6, 500, authorization="AAAAAA"))
        await desk.terminal.purchase(500)
        terminal.on("X", terminal.sells(1, 500, authorization="AAAAAA", card="7777"))
        assert isinstance((await desk.terminal.purchase(500, reference="doubtful")).outcome, Unresolved)
        await desk.register.resolve("doubtful", "approved", by="Anna", note="on the terminal's list")
        terminal.on("X", terminal.sells(2, 500, authorization="BBBBBB"))
        assert isinstance((await desk.terminal.purchase(500)).outcome, Approved)

    play(scene, standalone_use=False)


# --- A4, D5: forms ------------------------------------------------------------------------------------------------------------------

E74 = bytes.fromhex(
    "023132333435363738304530303030302A2A2A2A2A2A2A2A2A2A2A2A31323334434C45313233343520333331313230303238383130353130303030333030303030323030303033383030300363"
)


@pytest.mark.parametrize("last", [1, 5])
def test_a_purchase_answered_by_74_bytes_needs_no_setting(last: int) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        terminal.on("P", [ACK, 4.0, terminal.charge(500), terminal.save(E74), E74])
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, Approved), operation.outcome
        assert operation.outcome.result is not None
        assert (operation.outcome.stan, operation.outcome.result.action_code) == ("000002", "000")
        again = approval(3, loop.clock(), form=74)
        terminal.on("P", [ACK, 4.0, terminal.charge(700), again])
        assert isinstance((await desk.terminal.purchase(700)).outcome, Approved), "74 bytes as the last result stop nothing"
        assert desk.alarms == []

    play(scene, last_stan=last, purchase_code="P")


@pytest.mark.parametrize("form", [71, 74])
def test_a_lost_purchase_is_proved_by_a_last_result_of_71_or_74_bytes(form: int) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        def charged() -> None:
            terminal.charges.append(500)
            terminal.saved = approval(6, loop.clock(), form=form)

        terminal.on("P", [ACK, 4.0, charged, CLOSE])
        operation = await desk.terminal.purchase(500)
        assert isinstance(operation.outcome, Approved)
        assert operation.outcome.stan == "000006"

    play(scene, purchase_code="P", standalone_use=False)


# --- A6, A7: receipts ---------------------------------------------------------------------------------------------------------------

SCHEME = bytes.fromhex(
    "02313233343536373830537D202020202020204D415354455243415244202020202020207D412E494420202020202041303030303030303034313031307D4941442030313130413031323334353637383930313233347D2020202020202020202020202020202020202020202020201B0309"
)
TWO_LINES = bytes.fromhex(
    "02313233343536373830537D5249474120554E4F202020202020202020202020202020207D5249474120445545202020202020202020202020202020207D7D7D7D7D7D1B030E"
)


@pytest.mark.parametrize("link", ["dial", "kept open"])
@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        pytest.param(SCHEME, ["       MASTERCARD", "A.ID      A0000000041010", "IAD 0110A012345678901234"], id="in lines"),
        pytest.param(TWO_LINES, ["RIGA UNO", "RIGA DUE"], id="with feed"),
    ],
)
def test_receipts_are_printed_as_sent_and_end_at_their_end(raw: bytes, lines: list[str], link: str) -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        sent: list[float] = []
        terminal.on(
            "X",
            lambda _: [ACK, 4.0, approval(6, loop.clock()), ACK_DUE, 0.1, raw, lambda: sent.append(loop.time())],
        )
        operation = await desk.terminal.purchase(500, reference="sale")
        assert isinstance(operation.outcome, Approved)
        assert loop.time() - sent[0] <= 0.1
        assert render_text(parse_receipt(operation.receipt)) == lines
        kept = desk.row("receipt").data
        assert render_text(parse_receipt(bytes.fromhex(kept["text"]))) == lines
        assert kept["cut"] == 0

    play(scene, print_on_register=True, keep_open=link == "kept open")


def test_a_part_that_comes_within_half_a_second_of_the_end_is_added() -> None:
    async def scene(loop: VirtualLoop, terminal: ScriptedTerminal, desk: Till) -> None:
        parts = [receipt("}PRIMA PARTE\x1b"), receipt("}SECONDA PARTE}}\x1b")]
        terminal.on("X", lambda _: [ACK, 4.0, approval(6, loop.clock()), ACK_DUE, parts[0], ACK_DUE, 0.3, parts[1]])
        operation = await desk.terminal.purchase(500, reference="sale")
        acknowledged = len(terminal.acks)
        assert b"SECONDA" not in operation.receipt
        await asyncio.sleep(1.0)
        assert len(terminal.acks) == acknowledged + 1
        assert b"SECONDA" in desk.register.operation("sale").receipt

    play(scene, print_on_register=True)
