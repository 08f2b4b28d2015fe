"""The register and its terminals: the async API for embedders. Each name is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecrlan.protocol.options import TerminalSettings
    from ecrlan.register.events import Alarm, FrameReceived, FrameSent, LineChanged, OperationChanged, ProgressShown, TerminalEvent
    from ecrlan.register.register import Register
    from ecrlan.register.terminal import Terminal

__all__ = [
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
]

_HOMES = {
    "Register": "ecrlan.register.register",
    "Terminal": "ecrlan.register.terminal",
    "TerminalSettings": "ecrlan.protocol.options",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'ecrlan.register' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "ecrlan.register.events")), name)
