"""The cash register's side of ECR-LAN. The public names; each is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecrlan import blocking, client
    from ecrlan.errors import (
        ConnectError,
        EcrlanError,
        InvalidValueError,
        JournalDoubtError,
        JournalError,
        JournalOwnedError,
        LineError,
        ListenError,
        OperationsWithoutTerminalError,
        ReferenceConflictError,
        RegisterError,
        TerminalBlockedError,
        TerminalBusyError,
        UnknownReferenceError,
        UnknownTerminalError,
    )
    from ecrlan.model import (
        Approved,
        CardType,
        Declined,
        Done,
        Evidence,
        Kind,
        MoneyOperation,
        MoneyOutcome,
        NotPerformed,
        Operation,
        Outcome,
        PaymentResult,
        PaymentType,
        Resolution,
        State,
        StatusResponse,
        Unresolved,
    )
    from ecrlan.register import (
        Alarm,
        FrameReceived,
        FrameSent,
        LineChanged,
        OperationChanged,
        ProgressShown,
        Register,
        Terminal,
        TerminalEvent,
        TerminalSettings,
    )
    from ecrlan.texts import words
    from ecrlan.wire.lrc import LrcReading
    from ecrlan.wire.tokenization import tokenization_contents

__version__ = "0.1.0"

_HOMES = {
    "ecrlan.errors": (
        "ConnectError",
        "EcrlanError",
        "InvalidValueError",
        "JournalDoubtError",
        "JournalError",
        "JournalOwnedError",
        "LineError",
        "ListenError",
        "OperationsWithoutTerminalError",
        "ReferenceConflictError",
        "RegisterError",
        "TerminalBlockedError",
        "TerminalBusyError",
        "UnknownReferenceError",
        "UnknownTerminalError",
    ),
    "ecrlan.model": (
        "Approved",
        "CardType",
        "Declined",
        "Done",
        "Evidence",
        "Kind",
        "MoneyOperation",
        "MoneyOutcome",
        "NotPerformed",
        "Operation",
        "Outcome",
        "PaymentResult",
        "PaymentType",
        "Resolution",
        "State",
        "StatusResponse",
        "Unresolved",
    ),
    "ecrlan.register": (
        "Alarm",
        "FrameReceived",
        "FrameSent",
        "LineChanged",
        "OperationChanged",
        "ProgressShown",
        "Register",
        "Terminal",
        "TerminalEvent",
        "TerminalSettings",
    ),
    "ecrlan.texts": ("words",),
    "ecrlan.wire.lrc": ("LrcReading",),
    "ecrlan.wire.tokenization": ("tokenization_contents",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Alarm",
    "Approved",
    "CardType",
    "ConnectError",
    "Declined",
    "Done",
    "EcrlanError",
    "Evidence",
    "FrameReceived",
    "FrameSent",
    "InvalidValueError",
    "JournalDoubtError",
    "JournalError",
    "JournalOwnedError",
    "Kind",
    "LineChanged",
    "LineError",
    "ListenError",
    "LrcReading",
    "MoneyOperation",
    "MoneyOutcome",
    "NotPerformed",
    "Operation",
    "OperationChanged",
    "OperationsWithoutTerminalError",
    "Outcome",
    "PaymentResult",
    "PaymentType",
    "ProgressShown",
    "ReferenceConflictError",
    "Register",
    "RegisterError",
    "Resolution",
    "State",
    "StatusResponse",
    "Terminal",
    "TerminalBlockedError",
    "TerminalBusyError",
    "TerminalEvent",
    "TerminalSettings",
    "UnknownReferenceError",
    "UnknownTerminalError",
    "Unresolved",
    "__version__",
    "blocking",
    "client",
    "tokenization_contents",
    "words",
]


def __getattr__(name: str) -> object:
    if name in ("blocking", "client"):
        return import_module(f"ecrlan.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'ecrlan' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
