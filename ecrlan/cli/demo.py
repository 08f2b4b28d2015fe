"""`ecrlan demo`: a register and an emulated terminal on loopback perform all six operations, frame by frame; then real firmware."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from ecrlan.cli.decode import print_frame_line
from ecrlan.cli.emulate import ledger_table
from ecrlan.cli.exits import Exit, configure_logging
from ecrlan.cli.output import console, outcome_text, receipt_panel, show_amount
from ecrlan.emulator import MANNERS, EmulatedTerminal, EmulatorDialer, EmulatorServer, Ledger, Manners
from ecrlan.model import Approved, Declined, Done, State
from ecrlan.register import FrameReceived, FrameSent, OperationChanged, Register
from ecrlan.texts import words
from ecrlan.wire.dissect import dissect
from ecrlan.wire.frames import FrameReader
from ecrlan.wire.receipt import parse_receipt

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from rich.console import Console

    from ecrlan.model import Operation
    from ecrlan.register import Terminal, TerminalEvent

LOOPBACK = "127.0.0.1"
THINK_SECONDS = 0.3
"""How long the emulated customer takes: enough to see, short enough to wait for."""
PROGRESS = ("INSERIRE CARTA", "ATTENDERE PREGO")
PURCHASE, RESERVED, ADDED = 6_50, 200_00, 50_00
CAPTURED = 231_40
RED_KEY = 90_06
"""An amount at which the emulated customer presses the red key."""
RED_KEY_SECONDS = 0.1
PROGRESS_SHOWN = 2
"""Progress texts in a row that are shown; the others are counted."""
FIRMWARE = ("worded_status", "receipt_lines", "refusal_repeats_stan", "many_progress")
"""The emulator's manners in the part about real firmware."""
PLAYED = FIRMWARE
"""Those of them that the register understands today."""

_WELCOME = """\
[bold]ecrlan demo[/]  A register and an emulated terminal on this machine. Nothing is charged.

 [bold cyan]>[/] the register sends   [bold green]<[/] the terminal answers
   Then come the frame's bytes, its message's code and name, and its fields by name. Reserved
   fields, zeros and blanks are left out; card numbers are masked."""
_BASELINE = """
Before money moves, the register asks for the terminal's last result (G): should an answer get lost,
only the difference proves what happened. E has the receipt sent to the register."""
_FIRMWARE = """
Terminals in the field do some things otherwise than the pages say. This one does, too:"""
_NEXT = """
[bold green]Done.[/] With this terminal, in two windows:  [bold]ecrlan emulate[/]
                                           [bold]ecrlan purchase 6.50 --address 127.0.0.1[/]
With a real one on your network:           [bold]ecrlan status --address 192.168.1.50[/]"""
_FAILED = """
[bold red]The demo did not end as it should.[/] Please report it with this output."""


@click.command()
def demo() -> Exit:
    """Watch a register and an emulated terminal talk, frame by frame.

    All six operations of the SmartPOS pages (status, purchase, void, pre-authorization, incremental, capture) on this machine's
    loopback: first the terminal dials the register, then the register dials the terminal. At last a terminal behaves as real firmware
    does. Nothing is charged, nothing leaves this machine.
    """
    configure_logging(0)
    return asyncio.run(_perform(Stage(console())))


async def _perform(stage: Stage) -> Exit:
    stage.screen.print(_WELCOME)
    emulated = _emulated()
    async with Register(listen=f"{LOOPBACK}:0") as register:
        port = register.listener.port if register.listener else 0
        stage.part(1, f"the terminal dials the register, which listens at {LOOPBACK}:{port}")
        terminal = register.listen("till-1", LOOPBACK, print_on_register=True)
        async with EmulatorDialer(emulated, LOOPBACK, port):
            good = await stage.perform_all(terminal)
    good = stage.show_ledger(emulated.ledger) and good
    emulated = _emulated()
    async with EmulatorServer(emulated, LOOPBACK) as server, Register() as register:
        stage.part(2, f"the register dials the terminal, which listens at {LOOPBACK}:{server.port}")
        good = await stage.perform_all(register.dial("till-1", LOOPBACK, server.port, print_on_register=True)) and good
    good = stage.show_ledger(emulated.ledger) and good
    emulated = _emulated(manners=Manners(*PLAYED))
    async with EmulatorServer(emulated, LOOPBACK) as server, Register() as register:
        stage.part(3, "a terminal that behaves as real firmware does")
        terminal = register.dial("till-1", LOOPBACK, server.port, print_on_register=True)
        good = await stage.perform_with_firmware(terminal, emulated) and good
    stage.screen.print(_NEXT if good else _FAILED)
    return Exit.DONE if good else Exit.INTERNAL


def _emulated(**behaviour: Any) -> EmulatedTerminal:  # noqa: ANN401  # EmulatedTerminal checks them
    return EmulatedTerminal(
        clock=lambda: datetime.now(UTC), think_seconds=THINK_SECONDS, progress=PROGRESS, first_stan=41, first_online_id=98, **behaviour
    )


class Stage:
    """Where the demo is shown."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self._progress = 0

    def part(self, number: int, text: str) -> None:
        """Begin a part."""
        self.screen.print()
        self.screen.rule(f"[bold]Part {number}:[/] {escape(text)}", align="left", characters="=")

    async def perform_all(self, terminal: Terminal) -> bool:
        """Perform the six operations; True where each was approved or done."""
        operations = [await self._perform("status", terminal, terminal.status(reference="demo-status"))]
        self.screen.print(_BASELINE, style="dim")
        starting = terminal.purchase(PURCHASE, reference="demo-purchase")
        operations.append(await self._perform(f"purchase of {show_amount(PURCHASE)} EUR", terminal, starting))
        if operations[-1].receipt:
            self.screen.print(receipt_panel(operations[-1].receipt))
        stan = operations[-1].outcome.stan if isinstance(operations[-1].outcome, Approved) else None
        starting = terminal.void(stan=stan or "000001", reference="demo-void")
        operations.append(await self._perform(f"void of STAN {stan}", terminal, starting))
        starting = terminal.preauthorize(RESERVED, reference="demo-preauthorize")
        operations.append(await self._perform(f"pre-authorization of {show_amount(RESERVED)} EUR", terminal, starting))
        result = operations[-1].outcome.result if isinstance(operations[-1].outcome, Approved) else None
        code = (result.preauthorization_code if result else None) or "000000000"
        starting = terminal.increment(ADDED, preauthorization_code=code, reference="demo-increment")
        operations.append(await self._perform(f"incremental of {show_amount(ADDED)} EUR", terminal, starting))
        starting = terminal.capture(CAPTURED, preauthorization_code=code, reference="demo-capture")
        operations.append(await self._perform(f"capture of {show_amount(CAPTURED)} EUR", terminal, starting))
        return all(isinstance(operation.outcome, Approved | Done) for operation in operations)

    async def perform_with_firmware(self, terminal: Terminal, emulated: EmulatedTerminal) -> bool:
        """Perform a status request, a purchase, and two refusals; True where each ended as it should."""
        self.screen.print(_FIRMWARE, style="dim")
        for name in emulated.manners:
            self.screen.print(f" - {MANNERS[name]}", style="dim", markup=False)
        status = await self._perform("status", terminal, terminal.status(reference="demo-status"))
        starting = terminal.purchase(PURCHASE, reference="demo-purchase")
        purchase = await self._perform(f"purchase of {show_amount(PURCHASE)} EUR", terminal, starting)
        if purchase.receipt:
            self.screen.print(receipt_panel(purchase.receipt, "receipt, as on paper"))
        emulated.manners.clear("many_progress")  # once is enough to see
        emulated.think_seconds = RED_KEY_SECONDS
        refusals, messages = [], []
        for number in (1, 2):
            starting = terminal.purchase(RED_KEY, reference=f"demo-refusal-{number}")
            refusals.append(await self._perform(f"purchase of {show_amount(RED_KEY)} EUR: the red key", terminal, starting))
            messages.append(emulated.last_result or b"")
        if messages[0] and messages[0] == messages[1]:
            self.screen.print(f"   [dim]Both refusals are the same {len(messages[0])} bytes, and each is told as its own.[/]")
        good = isinstance(status.outcome, Done) and isinstance(purchase.outcome, Approved)
        return good and all(isinstance(each.outcome, Declined) for each in refusals) and emulated.ledger.charged_total() == PURCHASE

    async def _perform(self, title: str, terminal: Terminal, starting: Awaitable[Operation]) -> Operation:
        self.screen.print(f"\n[bold]{escape(title)}[/]")
        watching = asyncio.create_task(self._follow(terminal))
        await asyncio.sleep(0)  # the watcher must stand before the first frame
        try:
            operation = await starting
            await watching
        finally:
            watching.cancel()
        receipt = f", receipt of {len(parse_receipt(operation.receipt))} lines" if operation.receipt else ""
        reason = f": {words(operation.outcome.reason)}" if isinstance(operation.outcome, Declined) else ""
        self.screen.print(f"   {outcome_text(operation)}[dim]{escape(reason)}{receipt}[/]")
        return operation

    async def _follow(self, terminal: Terminal) -> None:
        """Show frames until the operation is finished."""
        async for event in terminal.events():
            self._show(event)
            if isinstance(event, OperationChanged) and event.operation.state is State.FINISHED:
                return

    def _show(self, event: TerminalEvent) -> None:
        if isinstance(event, FrameSent | FrameReceived):
            direction = "request" if isinstance(event, FrameSent) else "response"
            reader = FrameReader()
            for shown in dissect([*reader.feed(event.raw), *reader.finish()], direction):
                self._show_frame(shown, direction)

    def _show_frame(self, shown: dict[str, Any], direction: str) -> None:
        """Show a frame; of many progress texts in a row, the first ones and how many more came."""
        if shown["frame"] == "progress":
            self._progress += 1
        elif self._progress:
            if self._progress > PROGRESS_SHOWN:
                self.screen.print(f"          and {self._progress - PROGRESS_SHOWN} more progress texts", style="dim")
            self._progress = 0
        if self._progress <= PROGRESS_SHOWN:
            print_frame_line(self.screen, shown, direction)

    def show_ledger(self, ledger: Ledger) -> bool:
        """Show what the emulated terminal really did; True where that is what the six operations should have done."""
        self.screen.print("\n[bold]the terminal's own ledger[/]: what was really charged")
        self.screen.print(ledger_table(ledger))
        return ledger.net_total() == CAPTURED and ledger.charged_total() == PURCHASE + CAPTURED
