"""The codec that a person would write for two messages only: slices, no checks but the LRC, which is the same. The real one's measure."""

from __future__ import annotations

from ecrlan.model import HostTime, PaymentResult, PurchaseRequest
from ecrlan.wire.lrc import fold

PURCHASE = "%s0%s%s%d00%d%d%08d%128s00000000\x03"


def build(request: PurchaseRequest) -> bytes:
    """The frame of a `P` or an `X`."""
    message = PURCHASE % (
        request.terminal_id,
        request.code,
        request.cash_register_id,
        request.additional_data,
        request.card_present,
        request.payment_type,
        request.amount,
        request.receipt_text,
    )
    data = message.encode("ascii")
    return b"\x02%b%c" % (data, fold(data) ^ 0x7F ^ 0x02)


def parse(frame: bytes) -> PaymentResult:
    """The approval that an `E` of 71 bytes is."""
    if frame[0] != 0x02 or frame[-2] != 0x03 or fold(frame) != 0x7F:
        raise ValueError("no frame")
    text = frame[1:-2].decode("ascii")
    return PaymentResult(
        terminal_id=text[0:8],
        code=text[9],
        length=len(text),
        result=text[10:12],
        pan=text[27:31],
        entry_mode=text[31:34].rstrip(),
        authorization_code=text[34:40].rstrip(),
        host_time=HostTime(int(text[40:43]), int(text[43:45]), int(text[45:47])),
        card_type=int(text[47]),
        acquirer_id=text[48:59].rstrip(),
        stan=text[59:65],
        online_id=text[65:71],
    )
