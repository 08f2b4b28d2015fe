"""An operation as JSON: one shape for the command line, HTTP, callbacks and exports (product.md, "JSON"). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecrlan.model import (
    Approved,
    CardType,
    CloseSessionResponse,
    Declined,
    Done,
    NotPerformed,
    PaymentResult,
    Response,
    StatusResponse,
    TotalsResponse,
    Unresolved,
    VasPart,
)
from ecrlan.wire.receipt import parse_receipt, render_text

if TYPE_CHECKING:
    from datetime import datetime

    from ecrlan.model import Operation


def operation_as_json(operation: Operation, now: datetime) -> dict[str, Any]:
    """Return what `json.dumps` takes. `now` (timezone-aware) gives `host_time` its year; amounts are cents, times ISO 8601.

    `reason` stands beside `outcome` where there is one; `answer`, `data`, `durable` and `resolution` only where they say something.
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
        document["reason"] = outcome.reason
    response = outcome.result if isinstance(outcome, Approved | Declined) else outcome.response if isinstance(outcome, Done) else None
    document["result"] = response_as_json(response, now) if response is not None else None
    document["receipt"] = receipt_lines(operation.receipt)
    document["evidence"] = operation.evidence or (outcome.evidence if isinstance(outcome, Unresolved) else None)
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


def receipt_lines(receipt: bytes) -> list[str]:
    """Return a receipt as lines of plain text; none where there is no receipt."""
    return render_text(parse_receipt(receipt)) if receipt else []


def response_as_json(response: Response, now: datetime) -> dict[str, Any]:
    """Return a response's fields under the names of messages.md; None where the message has none."""
    match response:
        case PaymentResult():
            return _payment_result(response, now)
        case StatusResponse():
            return {
                "terminal_id": response.terminal_id,
                "terminal_time": response.terminal_time.isoformat() if response.terminal_time else None,
                "terminal_status": int(response.terminal_status),
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


def _payment_result(result: PaymentResult, now: datetime) -> dict[str, Any]:
    card_types = {member.value: member.name.lower() for member in CardType}
    document: dict[str, Any] = {
        "result": result.result,
        "pan": f"…{result.pan}" if result.pan else None,
        "entry_mode": result.entry_mode,
        "authorization_code": result.authorization_code,
        "host_time": result.host_time.nearest(now).isoformat() if result.host_time else None,
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
