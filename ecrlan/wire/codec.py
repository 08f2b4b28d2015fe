"""Model <-> message. The only caller of the tables, but for the dissector."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.model import (
    OPERATIVE_WORDS,
    REQUEST_TYPES,
    AdditionalDataRequest,
    AdditionalDataResponse,
    CaptureRequest,
    CloseSessionResponse,
    CurrencyExchange,
    PaymentResult,
    PaymentType,
    ReceiptPart,
    Request,
    Response,
    StatusResponse,
    TotalsResponse,
    VasPart,
    VasRequest,
)
from ecrlan.wire import requests, responses
from ecrlan.wire.cards import mask_cards

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecrlan.wire.layout import Layout

HEADER_LENGTH: Final = 10
_STATUS_PLACE: Final = 30
"""Where `s` has its digit, or its word begins; from 0."""
_ANY_INDEX: Final = 5

_REQUESTS: Final[dict[str, tuple[Layout, type[Request]]]] = {
    request.code: (next(table for table in requests.REQUESTS if table.code == request.code), request) for request in REQUEST_TYPES
}
_OTHER_RESPONSES: Final[dict[bytes, Layout | responses.Variants]] = {
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
    if isinstance(request, AdditionalDataRequest):
        fields = {name: getattr(request, name) for name in layout.names}
        return layout.build(fields | {"contents": tuple(text for _, text in request.contents)})
    if isinstance(request, VasRequest):
        fields = {"terminal_id": request.terminal_id, "cash_register_id": request.cash_register_id, "xml": request.xml}
        return layout.build(fields | {"xml_length": len(request.xml)})
    if isinstance(request, CaptureRequest) and request.length == requests.CAPTURE_180.total:
        layout = requests.CAPTURE_180
    return layout.build_from(request)


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
        raise MalformedMessageError(code, len(message), "no request has this code", ("unknown_message", {}))
    layout = _REQUESTS[code][0]
    return requests.CAPTURE_180 if layout is requests.CAPTURE and len(message) == requests.CAPTURE_180.total else layout


def _payment_type(value: int) -> PaymentType:
    try:
        return PaymentType(value)
    except ValueError:
        raise InvalidValueError("payment_type", value, "0 to 3") from None


def _indexed(tag_map: str, contents: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Give each content its index: that of the tag map; where that names none, 5 for a long text and the lowest free one for others.

    What the map's digits mean is a guess (messages.md), so a map that names no index, as `*` does, must not make the message unreadable.
    """
    named = [int(mark) if mark.isdigit() else 0 for mark in tag_map[: len(contents)]]
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
        return layout.build_from(response)
    if isinstance(response, StatusResponse):
        return _build_status(response)
    if isinstance(response, AdditionalDataResponse):
        fields: dict[str, Any] = {"terminal_id": response.terminal_id, "length": len(response.data), "data": response.data}
        return responses.ADDITIONAL_DATA.build(fields)
    if isinstance(response, ReceiptPart):
        return responses.RECEIPT.build_from(response)
    if isinstance(response, VasPart):
        fields = {name: getattr(response, name) for name in ("terminal_id", "more", "sequence", "xml")}
        return responses.VAS.build(fields | {"xml_length": len(response.xml)})
    raise InvalidValueError("response", type(response).__name__, "a response of ecrlan.model")


def _build_status(status: StatusResponse) -> bytes:
    if status.status_word is None:
        return responses.STATUS.build_from(status)
    if not status.status_word or status.status_word[0].isdigit():
        raise InvalidValueError("status_word", status.status_word, "a word that begins with no digit")
    fields = {"terminal_id": status.terminal_id, "terminal_time": status.terminal_time}
    return responses.STATUS_WITH_WORD.build(fields | {"status_text": status.status_word + status.software_release})


def _build_payment_result(result: PaymentResult) -> bytes:
    variants = responses.PAYMENT_RESULTS.get((result.code.encode("ascii", "replace"), result.length))
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

    `tolerate_lengths` accepts payment results (`E V e i c v`) of lengths that no table has: such a message is read as the longest form of
    its letter that fits into it, and the bytes behind that form are ignored (`E` of 77 bytes as one of 74, of 300 as one of 92, none of
    70). A length that a table has is always read by that table. `PaymentResult.length` is the message's real length.

    `answers` is the code of the request in flight, if known: a refused `E` of 71 bytes has an `action_code` in answer to `H`, and zeros
    there in answer to `P`; where it is not known, zeros mean none. A refusal whose STAN is blank has `000000`. `online_id` is '' where it
    cannot be read, other fields of no weight are None. Card numbers in texts are cut to their last four digits; a receipt's text is as
    it came, for one number may be split over several parts: see `mask_receipt`.
    """
    layout = response_layout(message, tolerate_lengths=tolerate_lengths, answers=answers or "H")
    fields = read_fields(layout, message)
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
    if code == b"s":
        digit = message[_STATUS_PLACE : _STATUS_PLACE + 1].isdigit() or len(message) <= _STATUS_PLACE
        return responses.STATUS if digit else responses.STATUS_WITH_WORD
    other = _OTHER_RESPONSES.get(code)
    if other is not None:
        return other.of(message[10:12]) if isinstance(other, responses.Variants) else other
    variants = responses.PAYMENT_RESULTS.get((code, len(message)))
    if variants is None:
        length = form_length(code.decode("latin-1"), len(message))
        if length is None or not tolerate_lengths:
            raise _wrong_length(message, tolerable=length is not None)
        variants = responses.PAYMENT_RESULTS[code, length]
    if answers == "H" and variants is responses.PURCHASE:
        variants = responses.CARD_VERIFICATION
    return variants.of(message[10:12])


def form_length(code: str, length: int) -> int | None:
    """Return the length in bytes of the form as which a result of `length` is read with `tolerate_lengths`, None if it is too short.

    A length that a table has is its own. `code` is the letter of a payment result (`E V e i c v`); None for others.
    """
    return max((known for letter, known in responses.PAYMENT_RESULTS if letter.decode() == code and known <= length), default=None)


def _wrong_length(message: bytes, *, tolerable: bool) -> MalformedMessageError:
    """Say which lengths a result has; none where its code is not known."""
    lengths = sorted(length for known, length in responses.PAYMENT_RESULTS if known == message[9:10])
    if not lengths:
        return MalformedMessageError(_code(message), len(message), "no response has this code", ("unknown_message", {}))
    *others, last = map(str, lengths)
    allowed = f"{', '.join(others)} or {last}" if others else last
    problem = f"a result takes {allowed} bytes" + (" (see tolerate_lengths)" if tolerable else "")
    why = "lengths_tolerable" if tolerable else "lengths"
    return MalformedMessageError(_code(message), len(message), problem, (why, {"lengths": lengths}))


def read_fields(layout: Layout, message: bytes) -> dict[str, Any]:
    """Return the fields of a response by name, as the model has them, card numbers in texts masked.

    Bytes behind the table's end are ignored where the layout was chosen with `tolerate_lengths`. Raises `MalformedMessageError`.
    """
    longer = layout.total is not None and len(message) > layout.total and (message[9:10], layout.total) in responses.PAYMENT_RESULTS
    try:
        fields = layout.parse(message[: layout.total] if longer else message)
    except MalformedMessageError as error:
        raise MalformedMessageError(error.message_code, len(message), error.problem, error.problem_why) from error
    if layout is responses.STATUS_WITH_WORD:
        word, release = _split_status(fields.pop("status_text"))
        fields |= {"terminal_status": None, "status_word": word and mask_cards(word), "software_release": mask_cards(release)}
        return fields
    for name in layout.long_names:
        value = fields[name]
        if isinstance(value, str):
            fields[name] = mask_cards(value)
    return fields


def _split_status(text: str) -> tuple[str | None, str]:
    """Return the word that stands in place of the status digit, None for none, and the release behind it (exchange.md §8)."""
    known = next((len(word) for word in OPERATIVE_WORDS if text.upper().startswith(word)), None)
    end = known if known is not None else next((place for place, letter in enumerate(text) if letter.isdigit()), len(text))
    return text[:end].strip() or None, text[end:].strip()


def find_layout(message: bytes, direction: str | None = None, *, tolerate_lengths: bool = False) -> Layout | None:
    """Return the table that `message` belongs to by its code and length, None if there is none.

    Also the tables of messages that ecrlan only names. With `tolerate_lengths` the message may be longer than the table of a result.
    `direction` is "request" or "response" where it is known. Where it is not, and one letter is both, the lengths tell them apart, but
    for `S` of 26 bytes, `U` and `K`: those are requests if they look like what a register sends.
    """
    code = message[9:10]
    if direction in {None, "request"}:
        with suppress(MalformedMessageError):
            layout = requests.NAMED_ONLY.get(code.decode("latin-1")) or request_layout(message)
            if layout.shortest <= len(message) <= layout.longest and (direction or _looks_like_request(layout, message)):
                return layout
    if direction in {None, "response"}:
        with suppress(MalformedMessageError):
            layout = responses.NAMED_ONLY.get(code) or response_layout(message, tolerate_lengths=tolerate_lengths)
            if layout.shortest <= len(message) and (len(message) <= layout.longest or (tolerate_lengths and layout.total is not None)):
                return layout
    return None


def _looks_like_request(layout: Layout, message: bytes) -> bool:
    if layout is requests.VOID:
        return message[HEADER_LENGTH:].isdigit() and message[24:25] in {b"0", b"1"} and message.endswith(b"0")
    if layout is requests.ADDITIONAL_DATA:
        return message.endswith(b"\x1b")
    if layout is requests.REFUND:
        return len(message) != responses.REFUND.shortest
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
