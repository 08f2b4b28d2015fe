"""`ecrlan emulate`: a payment terminal on a socket, and its ledger as a table."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from ecrlan.cli.decode import print_frame_line
from ecrlan.cli.exits import Exit
from ecrlan.cli.output import console, language_option, print_rows, show_amount
from ecrlan.emulator import FAULTS, EmulatedTerminal, EmulatorDialer, EmulatorServer, Faults, Manners
from ecrlan.emulator.manners import DEFAULT_MANNERS, MANNER_KINDS
from ecrlan.emulator.scenarios import PROGRESS, describe
from ecrlan.settings import split_address
from ecrlan.wire.dissect import dissect
from ecrlan.wire.frames import FrameReader
from ecrlan.wire.lrc import LrcReading

if TYPE_CHECKING:
    from rich.console import Console

    from ecrlan.emulator import Charge, Ledger
    from ecrlan.emulator.socket import Direction
    from ecrlan.texts import Language

DEFAULT_LISTEN = "127.0.0.1:8081"


@click.command()
@click.option("--listen", metavar="HOST:PORT", help=f"Where the register dials; port 0 takes a free one; default {DEFAULT_LISTEN}.")
@click.option("--dial", metavar="HOST:PORT", help="Dial a register that listens, again and again, instead.")
@click.option("--terminal-id", default="37105051", show_default=True, metavar="TID", help="Its TID, 8 digits.")
@click.option("--faults", default="", metavar="NAME[=COUNT],…", help="What goes wrong, such as late_result=2,split.")
@click.option(
    "--manner",
    "manners",
    multiple=True,
    metavar="NAME",
    default=DEFAULT_MANNERS,
    show_default=True,
    help="What it does as real firmware does, such as e74; may be given several times, and replaces the default.",
)
@click.option("--think", default=2.0, show_default=True, type=click.FloatRange(0, 600), metavar="SECONDS", help="How long a payment takes.")
@click.option("--late", default=200.0, show_default=True, type=click.FloatRange(0, 3600), metavar="SECONDS", help="What late faults wait.")
@click.option("--lrc", type=click.Choice([reading.value for reading in LrcReading]), default="standard", show_default=True, help="Reading.")
@click.option(
    "--capture-length", type=click.Choice(["176", "180"]), default="176", show_default=True, help="Of the capture request; PAX: 180."
)
@click.option("--scenario", "--scenarios", "scenarios", is_flag=True, help="List which amounts do what, and all faults, and exit.")
@click.option("--manners", "list_manners", is_flag=True, help="List all manners, and exit.")
@language_option
def emulate(
    *,
    listen: str | None,
    dial: str | None,
    terminal_id: str,
    faults: str,
    manners: tuple[str, ...],
    think: float,
    late: float,
    lrc: str,
    capture_length: str,
    scenarios: bool,
    list_manners: bool,
    language: Language,
) -> Exit:
    """Be a payment terminal on a socket and print what happens; Ctrl-C ends it and prints its ledger.

    It keeps count of what it really charged, approves every amount but those of --scenario, and fails as --faults says.
    --manner makes it behave as real terminals were seen to.
    """
    screen = console()
    if scenarios:
        screen.print("[bold]Amounts that do not simply pay[/]")
        screen.print(escape(describe()))
        screen.print("\n[bold]Faults[/], each as often as its count says")
        for name, text in FAULTS.items():
            screen.print(f"{name:22} {escape(text)}")
        return Exit.DONE
    if list_manners:
        print_rows(screen, [(name, kind.italian if language == "it" else kind.english) for name, kind in MANNER_KINDS.items()])
        return Exit.DONE
    if listen is not None and dial is not None:
        raise click.UsageError("--listen and --dial exclude each other")
    terminal = EmulatedTerminal(
        terminal_id,
        clock=lambda: datetime.now(UTC),
        faults=Faults.parse(faults),
        manners=Manners(*manners),
        think_seconds=think,
        progress=PROGRESS,
        late_seconds=late,
        recovery_seconds=2.0,
        reading=LrcReading(lrc),
        capture_length=int(capture_length),
        printing_modes=(0, 1, 2, 3) if capture_length == "180" else (0, 1),
    )
    witness = Witness(screen, terminal)
    emulated: EmulatorDialer | EmulatorServer
    if dial is not None:
        host, port = split_address("--dial", dial)
        emulated = EmulatorDialer(terminal, host, port, redial_seconds=0.5, on_frames=witness.show)
    else:
        host, port = split_address("--listen", DEFAULT_LISTEN if listen is None else listen, lowest_port=0)
        emulated = EmulatorServer(terminal, host, port, on_frames=witness.show)
    asyncio.run(_serve(emulated, screen))
    screen.print("\n[bold]ledger[/]: what was really charged")
    screen.print(ledger_table(terminal.ledger))
    return Exit.DONE


async def _serve(emulated: EmulatorDialer | EmulatorServer, screen: Console) -> None:
    """Run the terminal until Ctrl-C or SIGTERM."""
    stopped = asyncio.Event()
    with suppress(NotImplementedError):  # Windows has no signal handlers in its loop
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    with suppress(asyncio.CancelledError):
        async with emulated:
            how = "dials" if isinstance(emulated, EmulatorDialer) else "listens at"
            screen.print(f"terminal {emulated.terminal.terminal_id} {how} {emulated.host}:{emulated.port}; Ctrl-C ends it")
            await stopped.wait()


class Witness:
    """Prints each frame as the register sees it, and each entry of the ledger."""

    def __init__(self, screen: Console, terminal: EmulatedTerminal) -> None:
        self._screen = screen
        self._terminal = terminal
        self._entries = 0

    def show(self, direction: Direction, raw: bytes) -> None:
        """Print a frame, behind what the terminal has charged by then."""
        for entry in list(self._terminal.ledger)[self._entries :]:
            self._screen.print(f" [bold yellow]=[/] [yellow]{charge_text(entry)}: {show_amount(entry.amount)} EUR, STAN {entry.stan}[/]")
            self._entries += 1
        reader = FrameReader(self._terminal.reading)
        way = "request" if direction == ">" else "response"
        for shown in dissect([*reader.feed(raw), *reader.finish()], way):
            print_frame_line(self._screen, shown, way)


def charge_text(entry: Charge) -> str:
    """Say what an entry did: `void of 1`, `purchase (reversed)`."""
    note = f" of {entry.voids}" if entry.voids else " (reversed)" if entry.voided else ""
    return f"{entry.kind.value.replace('_', ' ')}{note}{', by hand' if entry.by_hand else ''}"


def ledger_table(ledger: Ledger) -> Table:
    """Return what was really charged, with the sum that customers pay."""
    table = Table("", "what", "amount", "STAN", "request", "customer pays", box=None, header_style="bold", padding=(0, 2, 0, 1))
    for column in (2, 5):
        table.columns[column].justify = "right"
    for entry in ledger:
        pays = f"{'-' if entry.effect < 0 else ''}{show_amount(abs(entry.effect))}"
        table.add_row(str(entry.number), charge_text(entry), show_amount(entry.amount), entry.stan, entry.code, pays)
    net = ledger.net_total()
    table.add_row("", "[bold]in all[/]", "", "", "", f"[bold]{'-' if net < 0 else ''}{show_amount(abs(net))}[/]")
    return table
