"""The emulated terminal's ledger as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from ecrlan.cli.amount import show_amount

if TYPE_CHECKING:
    from ecrlan.emulator import Charge, Ledger


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
