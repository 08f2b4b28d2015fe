"""Which messages the emulated terminal takes for a request to it; it answers others with a NAK."""

from __future__ import annotations

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.errors import MalformedMessageError
from ecrlan.model import ANY_TERMINAL, CaptureRequest, LastResultRequest, PrintingRequest, ReprintRequest, Request
from ecrlan.wire.codec import parse_request

_PRINTABLE = bytes(range(0x20, 0x7F))
_CONTROLS = {b"U": b"\x1b", b"K": b"\t\r\n"}
"""Control characters that a request may have: `U` closes its contents with 0x1B, XML may have lines."""


def is_plain_text(message: bytes) -> bool:
    """Tell whether a request is 7-bit printable ASCII (exchange.md §2), but for the control characters that belong to its code."""
    return not message.translate(None, _PRINTABLE + _CONTROLS.get(message[9:10], b""))


def admit(message: bytes, terminal_id: str, behaviour: Behaviour, *, nothing_saved: bool) -> Request | None:
    """Return the request that `message` is; None where the terminal does not know such a request, or is not the one addressed."""
    if not is_plain_text(message):
        return None
    try:
        request = parse_request(message)
    except MalformedMessageError:
        return None
    if request.terminal_id not in (ANY_TERMINAL, terminal_id) or request.code not in behaviour.commands:
        return None
    if isinstance(request, CaptureRequest) and request.length != behaviour.capture_length:
        return None
    if isinstance(request, PrintingRequest) and request.enabled not in behaviour.printing_modes:
        return None
    if isinstance(request, ReprintRequest) and request.to_ecr not in behaviour.printing_modes:
        return None
    if isinstance(request, LastResultRequest) and nothing_saved and behaviour.refuse_empty_last_result:
        return None
    return request
