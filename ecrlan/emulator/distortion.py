"""What faults do to the bytes of a result. The result that is saved for `G` stays as it was."""

from __future__ import annotations

from dataclasses import replace

from ecrlan.model import MAXIMUM_AMOUNT, PaymentResult, Response

NOISE = b"\x00\xffRUMORE\x03\x04\x7f"
"""Bytes that belong to no frame and begin none."""
WRONG_LRC = 0x55
"""XORed to a right LRC: fits no reading (they differ by 1, 2 and 3)."""
NO_DATA_AFTER = frozenset({"result_before_ack", "ack_after_result_only", "charge_after_nak"})
"""Faults by which no `U` can come before the result."""
OTHER_TID = "99999999"
"""What `wrong_tid` puts in place of the terminal's own TID."""
REASON = slice(12, 36)
"""Where a KO result has its reason, counted from 0."""


def spoil_lrc(frame: bytes) -> bytes:
    """Return the frame with an LRC that fits no reading."""
    return frame[:-1] + bytes((frame[-1] ^ WRONG_LRC,))


def distort_ack(ack: bytes, nak: bytes, faults: frozenset[str]) -> tuple[bytes, bytes | None]:
    """Return what is sent where a request's ACK belongs, and the ACK that is held back for later, None where it is not."""
    if faults & {"result_before_ack", "ack_after_result_only"}:
        return b"", ack
    if "charge_after_nak" in faults:
        return nak, None
    if "bad_ack_lrc" in faults:
        return spoil_lrc(ack), None
    return b"" if "no_ack" in faults else ack, None


def distort_response(response: Response, faults: frozenset[str]) -> Response:
    """Return the response as `wrong_amount`, `wrong_tid` and `wrong_code` make it."""
    if isinstance(response, PaymentResult):
        if "wrong_amount" in faults and response.amount is not None:
            response = replace(response, amount=response.amount + (1 if response.amount < MAXIMUM_AMOUNT else -1))
        if "wrong_code" in faults:
            code, length = ("E", 71) if response.code == "c" else ("c", 74)
            response = replace(response, code=code, length=length, action_code=None if length == 71 else response.action_code)
    if "wrong_tid" in faults:
        response = replace(response, terminal_id="99999998" if response.terminal_id == OTHER_TID else OTHER_TID)
    return response


def distort_message(message: bytes, faults: frozenset[str]) -> bytes:
    """Return the message as `malformed_result` makes it."""
    return message[:-1] if "malformed_result" in faults else message


def hostile(message: bytes, reason: bytes) -> bytes:
    """Put bytes that no table allows where the message has its reason."""
    return message[: REASON.start] + reason.ljust(24)[:24] + message[REASON.stop :] if reason else message
