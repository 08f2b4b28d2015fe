"""Operations as the journal keeps them: what happens becomes rows, and rows become operations again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from ecrlan.errors import MalformedMessageError
from ecrlan.model import (
    ANY_TERMINAL,
    NO_STAN,
    Approved,
    CloseSessionResponse,
    Code,
    Declined,
    Done,
    Evidence,
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
    VasPart,
    read_evidence,
    verbatim,
)
from ecrlan.model.rows import Entry, Event, NewOperation, parameters_hash
from ecrlan.protocol.clock import ClockOffset
from ecrlan.protocol.identity import identity_of, seen_key, vas_key
from ecrlan.protocol.outcomes import outcome_of_answer
from ecrlan.protocol.step import Stray
from ecrlan.protocol.work import Work
from ecrlan.wire.codec import parse_request, parse_response
from ecrlan.wire.mask import mask_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The request of an operation that was sent last, and what was known then; see `Work`."""

    request: Request
    time: datetime
    baseline: PaymentResult | None
    baseline_message: bytes
    identity: str | None
    previous_stan: str | None
    unseen_stans: int
    clock: ClockOffset | None
    events: tuple[Event, ...]
    """What happened since."""


def created_row(work: Work, place: str) -> NewOperation:
    """Return the row that begins the operation at the terminal that stands at `place`."""
    identity, asked, kept = work.identity, work.order.parameters, work.order.kept_parameters
    return NewOperation(
        terminal_id=identity if identity is not None and identity != place else "",
        address=place,
        reference=work.reference,
        kind=work.order.kind,
        terminal=work.terminal,
        amount=work.order.amount,
        parameters=kept,
        parameters_hash=None if kept == asked else parameters_hash(asked),  # None: that of what is kept, which is encoded anyway
        created_time=work.created_time,
    )


def beginning_rows(work: Work, place: str) -> list[NewOperation | Event]:
    """Return what begins the operation in the journal: the operation itself, and whom its steps are told to."""
    created: list[NewOperation | Event] = [created_row(work, place)]
    url = work.order.callback_url
    return created if url is None else [*created, event_row(work, "callback", work.created_time, url=url)]


def event_row(work: Work, name: str, time: datetime, **data: Any) -> Event:  # noqa: ANN401  # JSON values
    """Return an event of the operation."""
    return Event(name=name, time=time, reference=work.reference, terminal=work.terminal, data=data)


def recovering_row(work: Work, evidence: Evidence, time: datetime) -> Event:
    """Return "recovering": the answer was lost, and how."""
    return event_row(work, "recovering", time, **evidence.fields("evidence"))


def sending_row(work: Work, code: str, message: bytes, baseline: bytes, transmission: int, time: datetime) -> Event:
    """Return "sending" with the request's message and the baseline's, masked, in hex, and to whom it is sent."""
    return event_row(
        work,
        "sending",
        time,
        code=code,
        transmission=transmission,
        message=mask_message(message, "request").hex(),
        baseline=_masked(baseline),
        to=work.identity,
        previous_stan=work.previous_stan,
        unseen_stans=work.unseen_stans,
        clock=None if work.clock is None else [work.clock.seconds, work.clock.tolerance, work.clock.known],
    )


def answered_row(work: Work, response: Response, message: bytes, identity: str, time: datetime, *, late: bool) -> Event:
    """Return "answered" with the answer's message, masked, in hex; of a payment's result also whose it is and by what it is known."""
    known: dict[str, Any] = {"stan": None}
    if isinstance(response, PaymentResult):
        known = _known_by(response, message, identity)
    elif isinstance(response, VasPart) and "ORDER_ID" in response.xml:
        known = {"stan": None, "identity": identity, "seen": vas_key(response.xml)}
    return event_row(work, "answered", time, code=response.code, message=_masked(message), late=late, **known)


def held_row(work: Work, response: Response, message: bytes, time: datetime) -> Event:
    """Return "held": a refusal that equals an earlier one came, and the terminal is asked whether a payment is running."""
    return event_row(work, "held", time, code=response.code, message=_masked(message))


def stray_row(event: Stray, terminal: str, reference: str | None, place: str, time: datetime) -> Event:
    """Return "stray": why a message was not taken, its STAN, and a result's message, masked, in hex."""
    data: dict[str, Any] = {**event.reason.fields("reason"), "stan": getattr(event.response, "stan", None)}
    if event.message:
        data["message"] = mask_message(event.message).hex()
        data |= {name: True for name in ("doubted", "out_of_series") if getattr(event, name)}
        if isinstance(event.response, PaymentResult):
            data |= _known_by(event.response, event.message, place)
    return Event(name="stray", time=time, reference=reference, terminal=terminal, data=data)


def fact_row(terminal: str, name: str, identity: str, time: datetime, **data: Any) -> Event:  # noqa: ANN401  # JSON values
    """Return a fact about the terminal that `identity` (a TID or a place) is."""
    return Event(name=name, time=time, reference=None, terminal=terminal, data={"identity": identity, **data})


def _known_by(result: PaymentResult, message: bytes, place: str) -> dict[str, Any]:
    """Return whose a result is, and by what a copy of it is known."""
    known = {"stan": result.stan, "identity": identity_of(result.terminal_id, place), "seen": seen_key(result, message)}
    return known | ({"preauthorization_code": result.preauthorization_code} if result.preauthorization_code else {})


@lru_cache(maxsize=256)  # an answer is the baseline of its terminal's next request
def _masked(message: bytes) -> str:
    return mask_message(message).hex()


def finished_row(work: Work, outcome: Outcome, time: datetime, evidence: Evidence | None = None) -> Event:
    """Return "finished" with the outcome and its reason or evidence."""
    reason = outcome.reason if isinstance(outcome, Declined | NotPerformed) else None
    known = outcome.evidence if isinstance(outcome, Unresolved) else evidence
    answer = outcome.answer if isinstance(outcome, Approved | Declined) else None
    told = {**(reason.fields("reason") if reason is not None else {}), **(known.fields("evidence") if known is not None else {})}
    return event_row(work, "finished", time, outcome=outcome.outcome, answer=answer, **told)


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
            evidence = read_evidence(event.data, "evidence") or evidence
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
    reason = read_evidence(data, "reason") or verbatim(Code.PROSE, "")
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
            return Unresolved(evidence=read_evidence(data, "evidence") or reason)


def sent_request(entry: Entry) -> Sent | None:
    """Return the request that was sent last, and what was known then; None where nothing was sent."""
    for place in reversed(range(len(entry.events))):
        event = entry.events[place]
        if event.name != "sending" or event.data.get("transmission") != 1:
            continue
        baseline = parse_saved(event.data.get("baseline") or "")
        request = parse_request(bytes.fromhex(event.data["message"]))
        known = baseline if isinstance(baseline, PaymentResult) else None
        identity = event.data.get("to")
        if identity is None and request.terminal_id != ANY_TERMINAL:  # written by an earlier release
            identity = request.terminal_id
        elif identity is None and known is not None and known.terminal_id != ANY_TERMINAL:
            identity = known.terminal_id
        return Sent(
            request=request,
            time=event.time,
            baseline=known,
            baseline_message=bytes.fromhex(event.data.get("baseline") or ""),
            identity=identity,
            previous_stan=event.data.get("previous_stan") or (known.stan if known is not None and known.stan != NO_STAN else None),
            unseen_stans=event.data.get("unseen_stans", 0),
            clock=ClockOffset(*event.data["clock"]) if event.data.get("clock") else None,
            events=entry.events[place:],
        )
    return None


def outcome_of_saved_answer(entry: Entry, request: Request) -> Outcome | None:
    """Return the outcome of an entry whose answer is on disk though its end is not; None where there is no answer."""
    for event in reversed(entry.events):
        if event.name == "answered":
            answer = parse_saved(event.data.get("message") or "")
            return outcome_of_answer(Kind(entry.kind), request, answer) if answer is not None else None
    return None
