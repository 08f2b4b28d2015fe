"""An emulated PosConnector terminal: a pure state machine, its faults, manners and scenarios, and sockets to run it on."""

from __future__ import annotations

from ecrlan.emulator.delivery import Actions
from ecrlan.emulator.faults import FAULTS, Faults
from ecrlan.emulator.ledger import Charge, ChargeKind, Ledger
from ecrlan.emulator.manners import MANNERS, Manners
from ecrlan.emulator.scenarios import SCENARIOS, Scenario
from ecrlan.emulator.socket import EmulatorDialer, EmulatorServer
from ecrlan.emulator.terminal import EmulatedTerminal

__all__ = [
    "FAULTS",
    "MANNERS",
    "SCENARIOS",
    "Actions",
    "Charge",
    "ChargeKind",
    "EmulatedTerminal",
    "EmulatorDialer",
    "EmulatorServer",
    "Faults",
    "Ledger",
    "Manners",
    "Scenario",
]
