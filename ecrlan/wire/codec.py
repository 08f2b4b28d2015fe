"""Model <-> message. The only caller of the tables, but for the dissector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.model import (
    AdditionalDataRequest,
    AdditionalDataResponse,
    CaptureRequest,
    CloseSessionRequest,
    CloseSessionResponse,
    CurrencyExchange,
    ExtendedPurchaseRequest,
    IncrementRequest,
    LastResultRequest,
    PaymentResult,
    PaymentType,
    PreauthorizationRequest,
    PrintingRequest,
    PurchaseRequest,
    ReceiptPart,
    ReprintRequest,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
    TotalsRequest,
    TotalsResponse,
    VasPart,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.wire import requests, responses

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecrlan.wire.layout import Layout

HEADER_LENGTH: Final = 10
_CUT_LENGTH: Final = 74
_ANY_INDEX: Final = 5

_REQUESTS: Final[dict[str, tuple[Layout, type[Request]]]] = {
    "s": (requests.STATUS, StatusRequest),
    "P": (requests.PURCHASE, PurchaseRequest),
    "X": (requests.EXTENDED_PURCHASE, ExtendedPurchaseRequest),
    "p": (requests.PREAUTHORIZATION, PreauthorizationRequest),
    "S": (requests.VOID, VoidRequest),
    "i": (requests.INCREMENT, IncrementRequest),
    "c": (requests.CAPTURE, CaptureRequest),
    "H": (requests.CARD_VERIFICATION, VerifyCardRequest),
    "C": (requests.CLOSE_SESSION, CloseSessionRequest),
    "T": (requests.TOTALS, TotalsRequest),
    "G": (requests.LAST_RESULT, LastResultRequest),
    "E": (requests.PRINTING, PrintingRequest),
    "R": (requests.REPRINT, ReprintRequest),
    "U": (requests.ADDITIONAL_DATA, AdditionalDataRequest),
    "K": (requests.VAS, VasRequest),
}
_OTHER_RESPONSES: Final[dict[bytes, Layout | responses.Variants]] = {
    b"s": responses.STATUS,
    b"U": responses.ADDITIONAL_DATA,
    b"S": responses.RECEIPT,
    b"K": responses.VAS,
    b"C": responses.CLOSE_SESSION,
    b"T": responses.TOTALS,
}
_EXCHANGE_NAMES: Final = ("exchange_rate", "currency", "currency_amount", "currency_decimals")


# --- requests -----------------------------------------------------------------------------------------------------------------------


def build_request(request: Request) -> bytes:
    """Return the message between STX and ETX. Raises `InvalidValueError` for a value that the message cannot hold."""
    layout = _REQUESTS[request.code][0]
    if isinstance(request, CaptureRequest) and request.length == requests.CAPTURE_180.total:
        layout = requests.CAPTURE_180
    fields: dict[str, Any]
    if isinstance(request, AdditionalDataRequest):
        fields = {name: getattr(request, name) for name in layout.names}
        fields["contents"] = tuple(text for _, text in request.contents)
    elif isinstance(request, VasRequest):
        fields = {
            "terminal_id": request.terminal_id,
            "cash_register_id": request.cash_register_id,
            "xml_length": len(request.xml),
            "xml": request.xml,
        }
    else:
        fields = {name: getattr(request, name) for name in layout.names}
    return layout.build(fields)


def parse_request(message: bytes) -> Request:
    """Return the request that `message` (between STX and ETX) is. Raises `MalformedMessageError` if it fits no table."""
    layout = request_layout(message)
    fields = layout.parse(message)
    kind = _REQUESTS[layout.code][1]
    if layout is requests.ADDITIONAL_DATA:
        fields["contents"] = _indexed(fields["tag_map"], fields["contents"])
    elif layout is requests.VAS:
        del fields["xml_length"]
    elif kind is CaptureRequest:
        fields["length"] = len(message)
    try:
        if "payment_type" in fields and layout is not requests.ADDITIONAL_DATA:
            fields["payment_type"] = _payment_type(fields["payment_type"])
        return kind(**fields)
    except InvalidValueError as error:
        raise MalformedMessageError(layout.code, len(message), f"{error.place} is not {error.allowed}") from error


def request_layout(message: bytes) -> Layout:
    """Return the table of a request, chosen by its code and length. Raises `MalformedMessageError` if there is none."""
    code = _code(message)
    if code not in _REQUESTS:
        raise MalformedMessageError(code, len(message), "no request has this code")
    layout = _REQUESTS[code][0]
    return requests.CAPTURE_180 if layout is requests.CAPTURE and len(message) == requests.CAPTURE_180.total else layout


def _payment_type(value: int) -> PaymentType:
    try:
        return PaymentType(value)
    except ValueError:
        raise InvalidValueError("payment_type", value, "0 to 3") from None


def _indexed(tag_map: str, contents: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Give each content its index: that of the tag map; where that names none, 5 for a long text and the lowest free one for others.

    What the map's digits mean is a guess (messages.md), so a map that names no index must not make the message unreadable.
    """
    named = [int(digit) for digit in tag_map[: len(contents)]]
    used: set[int] = set()
    indexes: list[int] = []
    for index in named:
        known = 1 <= index <= _ANY_INDEX and index not in used
        indexes.append(index if known else 0)
        used.add(indexes[-1])
    for place, text in enumerate(contents):
        if not indexes[place]:
            indexes[place] = _ANY_INDEX if len(text) > 30 else next(index for index in range(1, 6) if index not in used)
            used.add(indexes[place])
    return tuple(zip(indexes, contents, strict=True))


# --- responses ----------------------------------------------------------------------------------------------------------------------


def build_response(response: Response) -> bytes:
    """Return the message between STX and ETX. Raises `InvalidValueError` for a value that the message cannot hold.

    A `PaymentResult`'s `code` and `length` choose the table, its `result` the variant. What the table has no field for is not sent.
    """
    if isinstance(response, PaymentResult):
        return _build_payment_result(response)
    if isinstance(response, (CloseSessionResponse, TotalsResponse)):
        variants = responses.CLOSE_SESSION if isinstance(response, CloseSessionResponse) else responses.TOTALS
        layout = variants.of(response.result.encode("ascii", "replace"))
        return layout.build({name: getattr(response, name) for name in layout.names})
    if isinstance(response, StatusResponse):
        return responses.STATUS.build({name: getattr(response, name) for name in responses.STATUS.names})
    if isinstance(response, AdditionalDataResponse):
        fields: dict[str, Any] = {"terminal_id": response.terminal_id, "length": len(response.data), "data": response.data}
        return responses.ADDITIONAL_DATA.build(fields)
    if isinstance(response, ReceiptPart):
        return responses.RECEIPT.build({"terminal_id": response.terminal_id, "receipt_text": response.receipt_text})
    if isinstance(response, VasPart):
        fields = {name: getattr(response, name) for name in ("terminal_id", "more", "sequence", "xml")}
        return responses.VAS.build(fields | {"xml_length": len(response.xml)})
    raise InvalidValueError("response", type(response).__name__, "a response of ecrlan.model")


def _build_payment_result(result: PaymentResult) -> bytes:
    code = result.code.encode("ascii", "replace")
    variants = responses.CUT if (code, result.length) == (b"E", _CUT_LENGTH) else responses.PAYMENT_RESULTS.get((code, result.length))
    if variants is None:
        raise InvalidValueError("length", result.length, f"a length that a result {result.code} can have")
    if variants is responses.PURCHASE and result.action_code is not None:
        variants = responses.CARD_VERIFICATION
    layout = variants.of(result.result.encode("ascii", "replace"))
    exchange = result.currency_exchange
    fields: dict[str, Any] = {}
    for name in layout.names:
        if name == "dcc":
            fields[name] = exchange is not None
        elif name in _EXCHANGE_NAMES:
            fields[name] = getattr(exchange, name) if exchange else None
        else:
            fields[name] = getattr(result, name)
    if "reason" in fields:
        fields["reason"] = result.reason or ""
    return layout.build(fields)


def parse_response(message: bytes, *, tolerate_lengths: bool = False, answers: str = "") -> Response:
    """Return the response that `message` (between STX and ETX) is. Raises `MalformedMessageError` if it fits no table.

    `tolerate_lengths` reads an `E` of 74 bytes as its first 71. `answers` is the code of the request in flight, if known: a refused `E`
    of 71 bytes has an `action_code` in answer to `H`, and zeros there in answer to `P`; where it is not known, zeros mean none.
    `online_id` is '' where it cannot be read, other fields of no weight are None.
    """
    layout = response_layout(message, tolerate_lengths=tolerate_lengths, answers=answers or "H")
    fields = layout.parse(message)
    code = layout.code
    if not answers and layout is responses.CARD_VERIFICATION.ko and fields["action_code"] == "000":
        fields["action_code"] = None
    if (reader := _READERS.get(code)) is not None:
        return reader(fields)
    if fields["online_id"] is None:
        fields["online_id"] = ""
    if "dcc" in fields:
        dcc = fields.pop("dcc")
        values = {name: fields.pop(name) for name in _EXCHANGE_NAMES}
        if dcc and None not in values.values():
            fields["currency_exchange"] = CurrencyExchange(**values)
    return PaymentResult(code=code, length=len(message), **fields)


def response_layout(message: bytes, *, tolerate_lengths: bool = False, answers: str = "") -> Layout:
    """Return the table of a response, chosen by its code, length and result. Raises `MalformedMessageError` if there is none."""
    code = message[9:10]
    variants = responses.PAYMENT_RESULTS.get((code, len(message)))
    if variants:
        if answers == "H" and variants is responses.PURCHASE:
            variants = responses.CARD_VERIFICATION
        return variants.of(message[10:12])
    if code == b"E" and len(message) == _CUT_LENGTH and tolerate_lengths:
        return responses.CUT.of(message[10:12])
    other = _OTHER_RESPONSES.get(code)
    if other is None:
        lengths = sorted(length for known, length in responses.PAYMENT_RESULTS if known == code)
        problem = f"a result takes {' or '.join(map(str, lengths))} bytes" if lengths else "no response has this code"
        raise MalformedMessageError(_code(message), len(message), problem)
    return other.of(message[10:12]) if isinstance(other, responses.Variants) else other


def find_layout(message: bytes, direction: str | None = None) -> Layout | None:
    """Return the table that `message` belongs to by its code and length, None if there is none.

    `direction` is "request" or "response" where it is known. Where it is not, and one letter is both, the lengths tell them apart, but
    for `S` of 26 bytes, `U` and `K`: those are requests if they look like what a register sends.
    """
    if direction in {None, "request"}:
        try:
            layout = request_layout(message)
        except MalformedMessageError:
            pass
        else:
            if layout.shortest <= len(message) <= layout.longest and (direction or _looks_like_request(layout, message)):
                return layout
    if direction in {None, "response"}:
        try:
            layout = response_layout(message, tolerate_lengths=True)
        except MalformedMessageError:
            return None
        if layout.shortest <= len(message) <= layout.longest:
            return layout
    return None


def _looks_like_request(layout: Layout, message: bytes) -> bool:
    if layout is requests.VOID:
        return message[HEADER_LENGTH:].isdigit() and message[24:25] in {b"0", b"1"} and message.endswith(b"0")
    if layout is requests.ADDITIONAL_DATA:
        return message.endswith(b"\x1b")
    return layout is not requests.VAS or b"<ecrreq" in message


def _code(message: bytes) -> str:
    """Return the code letter, '' where there is none that can be printed."""
    code = message[9:10].decode("latin-1")
    return code if code.isascii() and code.isalnum() else ""


R = TypeVar("R", bound=Response)


def _reader(kind: type[R]) -> Callable[[dict[str, Any]], Response]:
    def read(fields: dict[str, Any]) -> Response:
        fields.pop("length", None)
        fields.pop("xml_length", None)
        return kind(**fields)

    return read


_READERS: Final[dict[str, Callable[[dict[str, Any]], Response]]] = {
    "s": _reader(StatusResponse),
    "U": _reader(AdditionalDataResponse),
    "S": _reader(ReceiptPart),
    "K": _reader(VasPart),
    "C": _reader(CloseSessionResponse),
    "T": _reader(TotalsResponse),
}
