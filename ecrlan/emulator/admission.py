"""Which messages the emulated terminal takes for a request to it; it answers others with a NAK."""

from __future__ import annotations

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.errors import MalformedMessageError
from ecrlan.model import ANY_TERMINAL, CaptureRequest, LastResultRequest, PrintingRequest, ReprintRequest, Request
from ecrlan.wire.codec import parse_request


def admit(message: bytes, terminal_id: str, behaviour: Behaviour, *, nothing_saved: bool) -> Request | None:
    """Return the request that `message` is; None where the terminal does not know such a request, or is not the one addressed."""
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
