"""An operation as JSON, and back: one shape for the command line, HTTP, callbacks and exports (interfaces.md, "JSON"). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ecrlan.errors import InvalidValueError
from ecrlan.model import (
    Approved,
    CardType,
    CloseSessionResponse,
    Code,
    CurrencyExchange,
    Declined,
    Done,
    HostTime,
    Kind,
    NotPerformed,
    Operation,
    PaymentResult,
    PaymentType,
    Resolution,
    Response,
    State,
    StatusResponse,
    TotalsResponse,
    Unresolved,
    VasPart,
    read_evidence,
    verbatim,
)
from ecrlan.model.orders import Order
from ecrlan.model.values import fields_of
from ecrlan.texts import Language, words
from ecrlan.wire.receipt import STANDARD_WIDTH, ReceiptLine, ReceiptStyle, build_receipt, parse_receipt, render_text

if TYPE_CHECKING:
    from ecrlan.model import Evidence, Outcome

T = TypeVar("T")
TOLD = ("reason", "evidence", "text", "problem")
"""Names under which documents have words of a code."""


def operation_as_json(operation: Operation, language: Language = "en") -> dict[str, Any]:
    """Return what `json.dumps` takes; amounts are cents, times ISO 8601. `host_time` gets the year that puts it nearest to `created_time`.

    `reason` and `evidence` are words in `language`; beside them stand their code and its values (`reason_code`, `reason_values`).
    `reason` stands there where there is one; `answer`, `data`, `durable` and `resolution` only where they say something.
    """
    outcome = operation.outcome
    document: dict[str, Any] = {
        "reference": operation.reference,
        "kind": operation.kind.value,
        "terminal": operation.terminal,
        "amount": operation.amount,
        "state": operation.state.value,
        "outcome": outcome.outcome if outcome is not None else None,
    }
    if isinstance(outcome, Declined | NotPerformed):
        document |= told("reason", outcome.reason, language)
    response = outcome.result if isinstance(outcome, Approved | Declined) else outcome.response if isinstance(outcome, Done) else None
    document["result"] = response_as_json(response, operation.created_time) if response is not None else None
    document["receipt"] = receipt_lines(operation.receipt)
    evidence = operation.evidence or (outcome.evidence if isinstance(outcome, Unresolved) else None)
    document |= told("evidence", evidence, language) if evidence is not None else {"evidence": None}
    document["created_time"] = operation.created_time.isoformat()
    document["finished_time"] = operation.finished_time.isoformat() if operation.finished_time else None
    if isinstance(outcome, Approved | Declined) and outcome.answer is not None:
        document["answer"] = dict(outcome.answer)
    if operation.data is not None:
        document["data"] = operation.data
    if not operation.durable:
        document["durable"] = False
    if operation.resolution is not None:
        resolution = operation.resolution
        document["resolution"] = {"by": resolution.by, "note": resolution.note, "time": resolution.time.isoformat()}
    return document


def order_as_json(order: Order) -> dict[str, Any]:
    """Return the body that asks the HTTP API for an order: its kind, and every field that says something."""
    document: dict[str, Any] = {"kind": order.kind.value}
    for declared in fields_of(type(order)):
        value = getattr(order, declared.name)
        if isinstance(value, PaymentType):
            document[declared.name] = value.name.lower()
        elif isinstance(value, tuple | list):
            document[declared.name] = [list(pair) for pair in value]
        elif value is not None:
            document[declared.name] = dict(value) if isinstance(value, Mapping) else value
    return document


def told(name: str, evidence: Evidence, language: Language = "en") -> dict[str, Any]:
    """Return evidence under `name` in words, and beside it `NAME_code` and `NAME_values`."""
    return {name: words(evidence, language), **evidence.fields(name)}


def in_language(document: dict[str, Any], language: Language) -> dict[str, Any]:
    """Return a document of this house with every text that a code stands beside (see `told`) in `language`."""
    known = ((name, read_evidence(document, name)) for name in TOLD if f"{name}_code" in document)
    changed = {name: words(evidence, language) for name, evidence in known if evidence is not None}
    return document | changed


def receipt_lines(receipt: bytes) -> list[str]:
    """Return a receipt as lines of plain text; none where there is no receipt."""
    return render_text(parse_receipt(receipt)) if receipt else []


def response_as_json(response: Response, time: datetime) -> dict[str, Any]:
    """Return a response's fields under the names of messages.md; None where the message has none.

    `time` (timezone-aware), when it was asked for, gives `host_time` its year.
    """
    match response:
        case PaymentResult():
            return _payment_result(response, time)
        case StatusResponse():
            return {
                "terminal_id": response.terminal_id,
                "terminal_time": response.terminal_time.isoformat() if response.terminal_time else None,
                "terminal_status": int(response.terminal_status) if response.terminal_status is not None else None,
                "status_word": response.status_word,
                "software_release": response.software_release,
            }
        case CloseSessionResponse():
            return {
                "result": response.result,
                "terminal_total": response.terminal_total,
                "host_total": response.host_total,
                "reason": response.reason,
                "action_code": response.action_code,
            }
        case TotalsResponse():
            return {"result": response.result, "terminal_total": response.terminal_total, "extra": response.extra}
        case VasPart():
            return {"xml": response.xml}
        case _:
            return {"terminal_id": response.terminal_id, "code": response.code}


def _payment_result(result: PaymentResult, time: datetime) -> dict[str, Any]:
    card_types = {member.value: member.name.lower() for member in CardType}
    document: dict[str, Any] = {
        "result": result.result,
        "pan": f"…{result.pan}" if result.pan else None,
        "entry_mode": result.entry_mode,
        "authorization_code": result.authorization_code,
        "host_time": result.host_time.nearest(time).isoformat() if result.host_time else None,
        "card_type": card_types.get(result.card_type or 0),
        "acquirer_id": result.acquirer_id,
        "stan": result.stan,
        "online_id": result.online_id,
        "action_code": result.action_code,
        "amount": result.amount,
    }
    if result.reason is not None:
        document["reason"] = result.reason
    if result.preauthorization_code is not None:
        document["preauthorization_code"] = result.preauthorization_code
    if result.currency_exchange is not None:
        exchange = result.currency_exchange
        document["currency_exchange"] = {
            "exchange_rate": exchange.exchange_rate,
            "currency": exchange.currency,
            "currency_amount": exchange.currency_amount,
            "currency_decimals": exchange.currency_decimals,
        }
    return document


# --- and back ---------------------------------------------------------------------------------------------------------------------


def operation_of_json(document: object, receipt: bytes | None = None) -> Operation:
    """Return the operation that a document of `operation_as_json` tells of; the same document can be made of it again.

    What the document does not tell is left out: the message's own TID, code and length, and the styles of the receipt unless its bytes
    are given as `receipt`. Keys that are not known are ignored. Raises `InvalidValueError`, which names the key, for what fits no
    operation: the document may come from anywhere.
    """
    values = Values("operation", document)
    return Operation(
        reference=values.get("reference", str),
        kind=Kind(values.word("kind", [kind.value for kind in Kind])),
        terminal=values.get("terminal", str),
        amount=values.maybe("amount", int),
        state=State(values.word("state", [state.value for state in State])),
        outcome=_outcome(values),
        created_time=values.time("created_time"),
        finished_time=values.time("finished_time") if values.maybe("finished_time", str) is not None else None,
        receipt=_receipt(values) if receipt is None else receipt,
        data=values.maybe("data", str),
        evidence=values.evidence("evidence"),
        durable=values.maybe("durable", bool) is not False,
        resolution=_resolution(values),
    )


class Values:
    """A JSON object whose values are checked as they are taken; `place` says where it stands. Raises `InvalidValueError`."""

    def __init__(self, place: str, document: object) -> None:
        if not isinstance(document, dict):
            raise InvalidValueError(place, document, "a JSON object")
        self.place = place
        self.document: Mapping[str, object] = document

    def maybe(self, key: str, kind: type[T]) -> T | None:
        """Return the value; None where it is null or missing."""
        value = self.document.get(key)
        if value is None or (isinstance(value, kind) and not (isinstance(value, bool) and kind is int)):
            return value
        raise InvalidValueError(f"{self.place}.{key}", value, f"a JSON value of type {kind.__name__}")

    def get(self, key: str, kind: type[T]) -> T:
        """Return the value, which must be there."""
        value = self.maybe(key, kind)
        if value is None:
            raise InvalidValueError(f"{self.place}.{key}", None, f"a JSON value of type {kind.__name__}")
        return value

    def word(self, key: str, allowed: list[str]) -> str:
        """Return one of the `allowed` words."""
        value = self.get(key, str)
        if value not in allowed:
            raise InvalidValueError(f"{self.place}.{key}", value, ", ".join(allowed))
        return value

    def time(self, key: str) -> datetime:
        """Return a time, timezone-aware."""
        text = self.get(key, str)
        time = _parse_time(text)
        if time is None or time.tzinfo is None:
            raise InvalidValueError(f"{self.place}.{key}", text, "an ISO 8601 time with its time zone")
        return time

    def evidence(self, key: str) -> Evidence | None:
        """Return the evidence whose words stand under `key`; None where it is null or missing."""
        self.maybe(key, str)
        return read_evidence(self.document, key)

    def needed_evidence(self, key: str) -> Evidence:
        """Return the evidence whose words stand under `key`, which must be there."""
        return self.evidence(key) or verbatim(Code.PROSE, self.get(key, str))

    def inner(self, key: str) -> Values | None:
        """Return the object under `key`; None where it is null or missing."""
        return Values(f"{self.place}.{key}", self.document[key]) if self.document.get(key) is not None else None

    def texts(self, key: str) -> dict[str, str] | None:
        """Return an object whose values are texts; None where it is null or missing."""
        inner = self.inner(key)
        return None if inner is None else {name: inner.get(name, str) for name in inner.document}


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _outcome(values: Values) -> Outcome | None:
    if values.maybe("outcome", str) is None:
        return None
    result, answer = _response(values), values.texts("answer")
    match values.word("outcome", [kind.outcome for kind in (Approved, Declined, NotPerformed, Unresolved, Done)]):
        case "approved":
            paid = result if isinstance(result, PaymentResult) else None
            if paid is None:
                return Approved(answer=answer)
            return Approved(stan=paid.stan, authorization_code=paid.authorization_code, pan=paid.pan, result=paid, answer=answer)
        case "declined":
            kept = result if isinstance(result, PaymentResult | CloseSessionResponse) else None
            return Declined(reason=values.needed_evidence("reason"), result=kept, answer=answer)
        case "not_performed":
            return NotPerformed(reason=values.needed_evidence("reason"))
        case "unresolved":
            return Unresolved(evidence=values.evidence("evidence") or verbatim(Code.PROSE, ""))
        case _:
            return Done(response=result)


def _response(values: Values) -> Response | None:
    """Return the response: which it is, is told by the keys that only one has."""
    result = values.inner("result")
    if result is None:
        return None
    if "stan" in result.document:
        return _payment_response(result)
    if "software_release" in result.document:
        clock = result.maybe("terminal_time", str)
        return StatusResponse(
            terminal_id=result.get("terminal_id", str),
            terminal_time=_parse_time(clock) if clock is not None else None,
            terminal_status=result.maybe("terminal_status", int),
            status_word=result.maybe("status_word", str),
            software_release=result.get("software_release", str),
        )
    if "host_total" in result.document:
        return CloseSessionResponse(
            terminal_id="",
            result=result.get("result", str),
            terminal_total=result.maybe("terminal_total", int),
            host_total=result.maybe("host_total", int),
            reason=result.maybe("reason", str),
            action_code=result.maybe("action_code", str),
        )
    if "extra" in result.document:
        total = result.maybe("terminal_total", int)
        return TotalsResponse(terminal_id="", result=result.get("result", str), terminal_total=total, extra=result.get("extra", str))
    if "xml" in result.document:
        return VasPart(terminal_id="", more=False, sequence=1, xml=result.get("xml", str))
    return Response(terminal_id=result.get("terminal_id", str), code=result.get("code", str))


def _payment_response(result: Values) -> PaymentResult:
    card_types = {member.name.lower(): member.value for member in CardType}
    host_time = result.time("host_time") if result.maybe("host_time", str) is not None else None  # is in Europe/Rome
    pan = result.maybe("pan", str)
    exchange = result.inner("currency_exchange")
    return PaymentResult(
        terminal_id="",
        code="",
        length=0,
        result=result.get("result", str),
        pan=pan.removeprefix("…") if pan is not None else None,
        entry_mode=result.maybe("entry_mode", str),
        authorization_code=result.maybe("authorization_code", str),
        host_time=HostTime(host_time.timetuple().tm_yday, host_time.hour, host_time.minute) if host_time is not None else None,
        reason=result.maybe("reason", str),
        action_code=result.maybe("action_code", str),
        card_type=card_types.get(result.maybe("card_type", str) or ""),
        acquirer_id=result.maybe("acquirer_id", str),
        stan=result.get("stan", str),
        online_id=result.get("online_id", str),
        amount=result.maybe("amount", int),
        preauthorization_code=result.maybe("preauthorization_code", str),
        currency_exchange=None
        if exchange is None
        else CurrencyExchange(
            exchange_rate=exchange.get("exchange_rate", int),
            currency=exchange.get("currency", str),
            currency_amount=exchange.get("currency_amount", int),
            currency_decimals=exchange.get("currency_decimals", int),
        ),
    )


def _resolution(values: Values) -> Resolution | None:
    told = values.inner("resolution")
    return None if told is None else Resolution(by=told.get("by", str), note=told.get("note", str), time=told.time("time"))


def _receipt(values: Values) -> bytes:
    lines = values.maybe("receipt", list) or []
    if not all(isinstance(line, str) for line in lines):
        raise InvalidValueError("operation.receipt", lines, "lines of text")
    compressed = ReceiptStyle(compressed=True)
    return build_receipt([ReceiptLine(line, compressed) if len(line) > STANDARD_WIDTH else line for line in lines]) if lines else b""


def receipt_of_lines(document: object) -> bytes:
    """Return the bytes of a receipt whose lines are told with their styles, as objects with `text`, `bold`, `double_height` and so on.

    Raises `InvalidValueError` for what fits no receipt.
    """
    if not isinstance(document, list):
        raise InvalidValueError("receipt lines", document, "a list")
    lines = []
    for entry in document:
        values = Values("receipt line", entry)
        style = {name: values.maybe(name, bool) or False for name in ("bold", "double_height", "double_width", "compressed")}
        lines.append(ReceiptLine(values.get("text", str), ReceiptStyle(**style)))
    return build_receipt(lines) if lines else b""
