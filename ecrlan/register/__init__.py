"""The register and its terminals: the async API for embedders."""

from ecrlan.register.events import Alarm, FrameReceived, FrameSent, LineChanged, OperationChanged, ProgressShown, TerminalEvent
from ecrlan.register.options import TerminalSettings
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
