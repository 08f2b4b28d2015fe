"""One operation as a story: its steps in words, and what a person looks at who has to settle it. Pure; its texts stand in `texts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ecrlan.errors import MalformedMessageError
from ecrlan.model import NO_STAN, ROME, Approved, Declined, Kind, NotPerformed, PaymentResult, Unresolved, VoidRequest, read_evidence
from ecrlan.protocol.records import Sent, parse_saved, sent_request
from ecrlan.texts import Language, euros, say, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecrlan.journal import Entry, Event
    from ecrlan.model import Operation

_HIGHEST_STAN = 999_999
_OWN_ANSWERS = frozenset({Kind.VOID, Kind.PREAUTHORIZE, Kind.INCREMENT, Kind.CLOSE_SESSION})
"""Kinds for which the answers mean something of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a person looks at on the terminal, and what each answer (`approved`, `not-performed`) means."""

    look_at: tuple[str, ...]
    answers: dict[str, str]


def moment(time: datetime, *, seconds: bool = True) -> str:
    """Return a time as people at the till read it: Europe/Rome."""
    local = time.astimezone(ZoneInfo(ROME))
    return f"{local:%d/%m/%Y %H:%M:%S}" if seconds else f"{local:%d/%m/%Y %H:%M}"


def what(kind: Kind, amount: int | None, language: Language) -> str:
    """Return kind and amount in words."""
    told = say(language, f"kind.{kind.value}")
    return f"{told} {euros(amount, language)} EUR" if amount is not None else told


def answered(entry: Entry) -> bool:
    """Tell whether the terminal answered this operation itself: then asking for its last result can prove nothing more."""
    return any(event.name == "answered" for event in entry.events)


def terminal_of(entry: Entry) -> str:
    """Return the terminal that has the operation: the one that a person gave it to last, or the one that it was begun on."""
    given = [str(event.data["terminal"]) for event in entry.events if event.name == "attached"]
    return given[-1] if given else entry.terminal


def steps(entry: Entry, language: Language) -> list[tuple[str, str]]:
    """Return what happened, oldest first, as time and words; what repeats itself is told once."""
    told: list[tuple[str, str, int]] = []
    first = say(language, "step.created", what=what(entry.kind, entry.amount, language))
    for time, text in [(entry.created_time, first), *((event.time, _step(event, language)) for event in entry.events)]:
        if told and told[-1][1] == text:
            told[-1] = (told[-1][0], text, told[-1][2] + 1)
        else:
            told.append((moment(time), text, 1))
    return [(time, say(language, "step.times", text=text, count=count) if count > 1 else text) for time, text, count in told]


def _step(event: Event, language: Language) -> str:
    data = event.data
    match event.name:
        case "sending":
            name = "step.sending" if data.get("transmission", 1) == 1 else "step.again"
            text = say(language, name, code=data.get("code"), transmission=data.get("transmission"))
            baseline = parse_saved(data.get("baseline") or "")
            if isinstance(baseline, PaymentResult) and baseline.stan != NO_STAN and name == "step.sending":
                text += say(language, "step.baseline", stan=baseline.stan)
            return text
        case "answered":
            stan = data.get("stan")
            text = say(language, "step.late" if data.get("late") else "step.answered")
            return text + say(language, "step.stan", stan=stan) if stan else text
        case "recovering":
            evidence = read_evidence(data, "evidence")
            return say(language, "step.recovering", evidence=words(evidence, language) if evidence is not None else "?")
        case "finished":
            why = read_evidence(data, "reason") or read_evidence(data, "evidence")
            text = say(language, "step.finished", outcome=say(language, f"outcome.{data['outcome']}"))
            return f"{text}: {words(why, language)}" if why is not None else text
        case "resolved":
            outcome = say(language, f"outcome.{data['outcome']}")
            return say(language, "step.resolved", by=data.get("by"), outcome=outcome, note=data.get("note"))
        case "accepted" | "refused" | "held" | "receipt" | "callback" | "attached":
            return say(language, f"step.{event.name}", terminal=data.get("terminal"), by=data.get("by"))
        case "approved_after_refusal":
            return _late_truth(event, language)
        case "progress" | "data" | "stray":
            reason = read_evidence(data, "reason")
            told = data.get("text") or data.get("data") or (words(reason, language) if reason is not None else "")
            return say(language, f"step.{event.name}", text=told)
        case "callback_done":
            name = "step.callback_done" if data.get("delivered") else "step.callback_failed"
            return say(language, name, step=data.get("step"), tries=data.get("tries"))
        case _:
            return say(language, "step.other", event=event.name)


def _late_truth(event: Event, language: Language) -> str:
    """Say that an operation was declined, and that the terminal then said approved (exchange.md §5)."""
    amount, stan = event.data.get("amount"), event.data.get("stan")
    if amount is None:
        return say(language, "step.late_truth_alone", stan=stan)
    name = "step.late_truth_not_performed" if event.data.get("told") == "not performed" else "step.late_truth"
    return say(language, name, amount=euros(amount, language), stan=stan)


def facts(operation: Operation, entry: Entry | None, language: Language) -> Iterator[tuple[str, str]]:
    """Yield what is known of the operation now, as name and value; `entry` is what the journal has of it, None for nothing yet."""
    outcome = operation.outcome
    for event in entry.events if entry is not None else ():
        if event.name == "approved_after_refusal":
            yield say(language, "fact.warning"), _late_truth(event, language)
    if isinstance(outcome, Declined | NotPerformed):
        yield say(language, "fact.reason"), words(outcome.reason, language)
    result = outcome.result if isinstance(outcome, Approved | Declined) else None
    if isinstance(result, PaymentResult):
        yield from _result_facts(result, operation.created_time, language)
    if operation.data:
        yield say(language, "fact.data"), operation.data
    if operation.evidence is not None and not (isinstance(outcome, NotPerformed) and outcome.reason == operation.evidence):
        yield say(language, "fact.evidence"), words(operation.evidence, language)
    if operation.resolution is not None:
        done = operation.resolution
        text = say(language, "fact.resolution_text", by=done.by, time=moment(done.time), note=done.note)
        yield say(language, "fact.resolution"), text
    yield say(language, "fact.terminal"), operation.terminal
    yield say(language, "fact.reference"), operation.reference


def _result_facts(result: PaymentResult, created_time: datetime, language: Language) -> Iterator[tuple[str, str]]:
    if result.pan:
        yield say(language, "fact.card"), f"…{result.pan}"
    if result.authorization_code:
        yield say(language, "fact.authorization"), result.authorization_code
    if result.preauthorization_code:
        yield say(language, "fact.preauthorization_code"), result.preauthorization_code
    if result.stan != NO_STAN:
        yield say(language, "fact.stan"), result.stan
    if result.host_time is not None:  # has no year: the one that puts it nearest to the operation
        yield say(language, "fact.host_time"), moment(result.host_time.nearest(created_time), seconds=False)


def advice(entry: Entry, language: Language, *, terminal_id: str | None, totals_command: str) -> Advice:
    """Return what to look at for an unresolved operation; `terminal_id` is the terminal's own, where the journal knows it."""
    sent = _sent(entry)
    request, baseline = (sent.request, sent.baseline) if sent is not None else (None, None)
    time = moment(sent.time if sent is not None else entry.created_time, seconds=False)
    told = what(entry.kind, entry.amount, language)
    look = [say(language, "look.do_nothing")]
    if entry.kind is Kind.CLOSE_SESSION:
        look.append(say(language, "look.close", time=time, command=totals_command))
    else:
        name = "look.vas" if entry.kind is Kind.VAS else "look.journal"
        look.append(say(language, name, what=told, time=time))
        if isinstance(request, VoidRequest) and request.stan != NO_STAN:
            look.append(say(language, "look.void_stan", stan=request.stan))
        if entry.kind is not Kind.VAS:
            look.append(_stan_text(entry, baseline, language))
        look.append(say(language, "look.receipt"))
        look.append(say(language, "look.totals", command=totals_command))
        look.append(say(language, "look.customer"))
    own_id = sent.identity if sent is not None and sent.identity is not None and sent.identity.isdigit() else None
    told_id = own_id or terminal_id
    number = say(language, "look.terminal_id", terminal_id=told_id) if told_id else ""
    look.append(say(language, "look.help", terminal_id=number))
    own = f".{entry.kind.value}" if entry.kind in _OWN_ANSWERS else ""
    answers = {"approved": say(language, f"answer.approved{own}"), "not-performed": say(language, f"answer.not_performed{own}")}
    return Advice(look_at=tuple(look), answers=answers)


def _stan_text(entry: Entry, baseline: PaymentResult | None, language: Language) -> str:
    own = [stan for event in entry.events if event.name == "answered" and (stan := event.data.get("stan")) not in (None, NO_STAN)]
    if own:
        return say(language, "look.own_stan", stan=own[-1])
    if baseline is None or baseline.stan == NO_STAN:
        return say(language, "look.no_stan")
    expected = int(baseline.stan) % _HIGHEST_STAN + 1
    return say(language, "look.stan", before=baseline.stan, expected=f"{expected:06}")


def _sent(entry: Entry) -> Sent | None:
    try:
        return sent_request(entry)
    except MalformedMessageError:  # written by another version: the advice goes without it
        return None


def story_as_json(operation: Operation, entry: Entry | None, language: Language, *, terminal_id: str | None) -> dict[str, Any]:
    """Return the story. `entry` is what the journal has of it, None while it waits; `terminal_id` is the terminal's own, where known."""
    title = what(operation.kind, operation.amount, language)
    begun = [(moment(operation.created_time), say(language, "step.created", what=title))]
    told = None
    if entry is not None and isinstance(operation.outcome, Unresolved):
        told = advice(entry, language, terminal_id=terminal_id, totals_command=f"ecrlan totals -t {terminal_of(entry)}")
    return {
        "reference": operation.reference,
        "title": title,
        "facts": [list(fact) for fact in facts(operation, entry, language)],
        "steps": [list(step) for step in (steps(entry, language) if entry is not None else begun)],
        "look_at": list(told.look_at) if told is not None else [],
        "answers": {answer.replace("-", "_"): text for answer, text in told.answers.items()} if told is not None else None,
    }
