"""Operations as the journal keeps them: what happens becomes rows, and rows become operations again."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from ecrlan.errors import MalformedMessageError
from ecrlan.journal import Entry, Event, NewOperation
from ecrlan.model import (
    Approved,
    CloseSessionResponse,
    Declined,
    Done,
    Kind,
    NotPerformed,
    Operation,
    Outcome,
    PaymentResult,
    Request,
    Resolution,
    Response,
    State,
    Unresolved,
)
from ecrlan.protocol.step import Stray
from ecrlan.register.order import Work
from ecrlan.register.outcomes import outcome_of_answer
from ecrlan.wire.codec import parse_request, parse_response
from ecrlan.wire.mask import mask_message


def created_row(work: Work) -> NewOperation:
    """Return the row that begins the operation."""
    return NewOperation(
        reference=work.reference,
        kind=work.order.kind,
        terminal=work.terminal,
        amount=work.order.amount,
        parameters=work.order.parameters,
        created_time=work.created_time,
    )


def event_row(work: Work, name: str, time: datetime, **data: Any) -> Event:  # noqa: ANN401  # JSON values
    """Return an event of the operation."""
    return Event(name=name, time=time, reference=work.reference, terminal=work.terminal, data=data)


def sending_row(work: Work, code: str, message: bytes, baseline: bytes, transmission: int, time: datetime) -> Event:
    """Return "sending" with the request's exact message and the baseline's, in hex."""
    return event_row(work, "sending", time, code=code, transmission=transmission, message=message.hex(), baseline=_masked(baseline))


def answered_row(work: Work, response: Response, message: bytes, time: datetime, *, late: bool) -> Event:
    """Return "answered" with the answer's message, masked, in hex, and its STAN."""
    stan = response.stan if isinstance(response, PaymentResult) else None
    return event_row(work, "answered", time, code=response.code, stan=stan, message=_masked(message), late=late)


def stray_row(event: Stray, terminal: str, reference: str | None, time: datetime) -> Event:
    """Return "stray": why a message was not taken, its STAN, and a result's message, masked, in hex."""
    data = {"reason": event.reason, "stan": getattr(event.response, "stan", None)}
    if event.message:
        data["message"] = mask_message(event.message).hex()
    return Event(name="stray", time=time, reference=reference, terminal=terminal, data=data)


@lru_cache(maxsize=256)  # an answer is the baseline of its terminal's next request
def _masked(message: bytes) -> str:
    return mask_message(message).hex()


def finished_row(work: Work, outcome: Outcome, time: datetime, evidence: str | None = None) -> Event:
    """Return "finished" with the outcome and its reason or evidence."""
    reason = outcome.reason if isinstance(outcome, Declined | NotPerformed) else None
    known = outcome.evidence if isinstance(outcome, Unresolved) else evidence
    answer = outcome.answer if isinstance(outcome, Approved | Declined) else None
    return event_row(work, "finished", time, outcome=outcome.outcome, reason=reason, evidence=known, answer=answer)


def parse_saved(message: str) -> Response | None:
    """Return the response of a message that the journal keeps in hex; None where there is none or it cannot be read."""
    try:
        return parse_response(bytes.fromhex(message), tolerate_lengths=True) if message else None
    except (ValueError, MalformedMessageError):
        return None


def operation_of_entry(entry: Entry) -> Operation:
    """Return the operation that the journal's entry tells of."""
    outcome: Outcome | None = None
    finished: datetime | None = None
    evidence = data = None
    resolution: Resolution | None = None
    receipt = b""
    answer: Response | None = None
    for event in entry.events:
        known = outcome is not None and not isinstance(outcome, Unresolved)  # only `unresolved` can ever change
        if event.name == "answered" and not known:
            answer = parse_saved(event.data.get("message") or "")
        elif event.name == "receipt":
            receipt += bytes.fromhex(event.data["text"])
        elif event.name == "data":
            data = event.data["data"]
        elif event.name in ("recovering", "finished"):
            evidence = event.data.get("evidence") or evidence
            if event.name == "finished" and not known:
                outcome, finished = outcome_of_record(event.data, answer), event.time
        elif event.name == "resolved" and not known:
            outcome, finished = outcome_of_record(event.data, None), event.time
            resolution = Resolution(by=event.data["by"], note=event.data["note"], time=event.time)
    return Operation(
        reference=entry.reference,
        kind=Kind(entry.kind),
        terminal=entry.terminal,
        amount=entry.amount,
        state=State.FINISHED if outcome is not None else State(entry.state),
        outcome=outcome,
        created_time=entry.created_time,
        finished_time=finished,
        receipt=receipt,
        data=data,
        evidence=evidence,
        resolution=resolution,
    )


def outcome_of_record(data: dict[str, Any], answer: Response | None) -> Outcome:
    """Return the outcome that a "finished" or "resolved" event tells of."""
    reason = data.get("reason") or ""
    result = answer if isinstance(answer, PaymentResult) else None
    match data["outcome"]:
        case "approved":
            return Approved(
                stan=result.stan if result else None,
                authorization_code=result.authorization_code if result else None,
                pan=result.pan if result else None,
                result=result,
                answer=data.get("answer"),
            )
        case "declined":
            kept = answer if isinstance(answer, PaymentResult | CloseSessionResponse) else None
            return Declined(reason=reason, result=kept, answer=data.get("answer"))
        case "not_performed":
            return NotPerformed(reason=reason)
        case "done":
            return Done(response=answer)
        case _:
            return Unresolved(evidence=data.get("evidence") or reason)


def sent_request(entry: Entry) -> tuple[Request, PaymentResult | None, datetime] | None:
    """Return the request that was sent last, the baseline before it and the time; None where nothing was sent."""
    for event in reversed(entry.events):
        if event.name == "sending" and event.data.get("transmission") == 1:
            baseline = parse_saved(event.data.get("baseline") or "")
            request = parse_request(bytes.fromhex(event.data["message"]))
            return request, baseline if isinstance(baseline, PaymentResult) else None, event.time
    return None


def outcome_of_saved_answer(entry: Entry, request: Request) -> Outcome | None:
    """Return the outcome of an entry whose answer is on disk though its end is not; None where there is no answer."""
    for event in reversed(entry.events):
        if event.name == "answered":
            answer = parse_saved(event.data.get("message") or "")
            return outcome_of_answer(Kind(entry.kind), request, answer) if answer is not None else None
    return None
