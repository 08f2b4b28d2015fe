"""The shapes of answers, for the OpenAPI document only: what is served is never checked against them at run time."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ecrlan.daemon.http.errors import MEANINGS
from ecrlan.model import Kind, State

_OPERATION: dict[str, Any] = {
    "reference": "sale-4711",
    "kind": "purchase",
    "terminal": "till-1",
    "amount": 650,
    "state": "finished",
    "outcome": "approved",
    "result": {
        "result": "00",
        "pan": "…1234",
        "entry_mode": "CLI",
        "authorization_code": "123456",
        "host_time": "2026-11-23T18:44:00+01:00",
        "card_type": "debit",
        "acquirer_id": "00000000034",
        "stan": "000042",
        "online_id": "000099",
        "action_code": "000",
        "amount": 650,
    },
    "receipt": ["BAR CENTRALE", "EUR 6,50"],
    "evidence": None,
    "created_time": "2026-11-23T17:43:31.120000+00:00",
    "finished_time": "2026-11-23T17:44:02.007000+00:00",
}
_TERMINAL: dict[str, Any] = {
    "name": "till-1",
    "address": "192.168.1.50",
    "port": 8081,
    "link": "auto",
    "state": "idle",
    "reachable": True,
    "line": {"opened_by": "terminal"},
    "terminal_id": "37105051",
    "foreign_terminal_id": None,
    "software_release": "SYSEMV  204",
    "terminal_status": 2,
    "status_word": None,
    "status_text": "operative",
    "clock_difference_seconds": 12,
    "host_clock_seconds": 3,
    "used_by_hand": False,
    "last_seen_time": "2026-11-23T17:44:02+00:00",
    "supports": {"extended_purchase": True, "last_result": True},
    "holder": None,
    "queue_length": 0,
    "queue_limit": 50,
    "problem": None,
    "unresolved": [],
}
_ERROR: dict[str, Any] = {
    "error": {
        "code": "terminal_busy",
        "message": "terminal till-1 is in use by sale-4711",
        "sent": "no",
        "holder": "sale-4711",
        "since": "2026-11-23T17:43:31+00:00",
        "waiting": 0,
    }
}
_STORY: dict[str, Any] = {
    "reference": "sale-4711",
    "title": "purchase 6.50 EUR",
    "facts": [["evidence", "the terminal's last result is unchanged"], ["terminal", "till-1"], ["reference", "sale-4711"]],
    "steps": [["23/11/2026 18:43:31", "purchase 6.50 EUR"], ["23/11/2026 18:43:31", "sent to the terminal (P)"]],
    "look_at": ["Do not repeat it before this is settled."],
    "answers": {"approved": "The money moved.", "not_performed": "No money moved."},
}
_ALARM: dict[str, Any] = {
    "id": "3f0c9a1b2d4e",
    "name": "unresolved",
    "terminal": "till-1",
    "reference": "sale-4711",
    "text": "the terminal's last result is unchanged (STAN 000041): probably not performed",
    "text_code": "unchanged",
    "text_values": {"stan": "000041"},
    "time": "2026-11-23T17:49:02+00:00",
    "active": True,
}


class Shape(BaseModel):
    """An answer's object."""

    model_config = ConfigDict(extra="allow")


class Failure(Shape):
    """What went wrong."""

    code: str = Field(description="A word for programs.", examples=["terminal_busy"])
    message: str = Field(description="For people.")
    sent: Literal["no", "unknown"] = Field(description="Whether anything may have reached the terminal.")


class ErrorDocument(Shape):
    """The one error shape."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_ERROR]})

    error: Failure


class ResolutionShape(Shape):
    """How a person settled it."""

    by: str
    note: str
    time: str


class OperationDocument(Shape):
    """An operation."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_OPERATION]})

    reference: str
    kind: Kind
    terminal: str
    amount: int | None = Field(description="Cents.")
    state: State
    outcome: Literal["approved", "declined", "not_performed", "unresolved", "done"] | None = Field(description="Null until it is known.")
    reason: str | None = Field(None, description="Of declined and not_performed, in the language that was asked for.")
    reason_code: str | None = Field(None, description="What `reason` says, as a code.")
    reason_values: dict[str, Any] | None = Field(None, description="The values of that code.")
    result: dict[str, Any] | None = Field(description="The terminal's answer, by the names of its fields.")
    receipt: list[str]
    evidence: str | None = Field(description="What is known of a lost answer, in the language that was asked for.")
    evidence_code: str | None = Field(None, description="What `evidence` says, as a code.")
    evidence_values: dict[str, Any] | None = Field(None, description="The values of that code.")
    created_time: str
    finished_time: str | None
    resolution: ResolutionShape | None = None


class Line(Shape):
    """A terminal's line."""

    opened_by: Literal["register", "terminal"]


class Supports(Shape):
    """What a terminal can do, as far as known."""

    extended_purchase: bool | None
    last_result: bool


class Holder(Shape):
    """The operation that holds a terminal."""

    reference: str
    since: str


class TerminalDocument(Shape):
    """A terminal."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_TERMINAL]})

    name: str
    address: str
    port: int
    link: Literal["auto", "listen", "dial"]
    state: Literal["idle", "busy", "recovering", "blocked", "foreign"]
    reachable: bool | None
    line: Line | None
    terminal_id: str | None
    foreign_terminal_id: str | None
    software_release: str | None
    terminal_status: int | None
    status_word: str | None
    status_text: str | None
    clock_difference_seconds: int | None
    host_clock_seconds: int | None = Field(description="By how much its results' times are ahead of our clock; null: not learned.")
    used_by_hand: bool = Field(description="Found to be used by hand, or by another register, though the settings say that it is not.")
    last_seen_time: str | None
    supports: Supports
    holder: Holder | None
    queue_length: int
    queue_limit: int
    problem: str | None = Field(description="Why its status could not be had, where it was asked in vain.")
    problem_code: str | None = Field(None, description="What `problem` says, as a code.")
    problem_values: dict[str, Any] | None = Field(None, description="The values of that code.")
    unresolved: list[str]


class TerminalList(Shape):
    """All terminals."""

    terminals: list[TerminalDocument]


class OperationList(Shape):
    """A page of operations, newest first."""

    operations: list[OperationDocument]
    next: str | None = Field(description="Give it as `before` for the page behind this one.")


class ReceiptLine(Shape):
    """A line as it is printed."""

    text: str
    bold: bool
    double_height: bool
    double_width: bool
    compressed: bool


class ReceiptLines(Shape):
    """A receipt with its styles."""

    lines: list[ReceiptLine]


class Story(Shape):
    """What happened to an operation, for people; `look_at` and `answers` where it is unresolved."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_STORY]})

    reference: str
    title: str = Field(description="Kind and amount in words.")
    facts: list[list[str]] = Field(description="Names and values.")
    steps: list[list[str]] = Field(description="Times (Europe/Rome) and what happened, oldest first.")
    look_at: list[str] = Field(description="What to look at on the terminal, in this order.")
    answers: dict[str, str] | None = Field(description="What `approved` and `not_performed` mean here.")


class OrderField(Shape):
    """What a field of an order takes."""

    name: str
    type: Literal["boolean", "integer", "number", "text", "choice", "pairs", "mapping"]
    required: bool
    seldom: bool = Field(description="People seldom need it: forms show it further down.")
    default: Any
    help: str
    unit: Literal["cents", "seconds"] | None = None
    least: float | None = None
    most: float | None = None
    shortest: int | None = None
    longest: int | None = Field(None, description="Characters of a text, items of a list.")
    pattern: str | None = Field(None, description="A regular expression that the whole text matches.")
    choices: list[str] | None = None
    suggestions: list[str] | None = None


class OrderDocument(Shape):
    """What an order takes, and what is true of its kind."""

    kind: Kind
    about: str
    moves_money: bool
    asks_first: bool = Field(description="It ends something for good: people are asked before.")
    targets: list[Kind] = Field(description="The kinds of operations that its `target` may be.")
    fields: list[OrderField]


class OrderList(Shape):
    """Every order."""

    orders: list[OrderDocument]


class AlarmDocument(Shape):
    """An alarm."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_ALARM]})

    id: str
    name: str
    terminal: str | None
    reference: str | None
    text: str = Field(description="In the language that was asked for.")
    text_code: str | None = Field(None, description="What `text` says, as a code.")
    text_values: dict[str, Any] | None = Field(None, description="The values of that code.")
    time: str
    active: bool


class AlarmList(Shape):
    """The active alarms."""

    alarms: list[AlarmDocument]


class Listening(Shape):
    """Where terminals dial in."""

    address: str
    port: int


class RegisterDocument(Shape):
    """The register itself."""

    version: str
    cash_register_id: str
    listen: Listening | None
    addresses: list[str]
    journal: str = Field(description="`ok`, `failed: …` or `doubtful: …`.")
    demo: bool
    started_time: str
    role: Literal["operate", "read"]


class JournalDoubt(Shape):
    """Why a journal may not hold all that was done."""

    code: Literal["backup", "no_epoch_file", "moved_machine", "copied", "older", "other_epoch_file", "cut"]
    text: str


class JournalAccepted(Shape):
    """Who said last that a journal in doubt may be used."""

    by: str
    note: str
    time: str


class JournalDocument(Shape):
    """The journal."""

    file: str | None
    epoch: int = Field(description="How often it was opened.")
    failed: str | None
    doubt: JournalDoubt | None = Field(description="While there is one, no money is moved.")
    accepted: JournalAccepted | None


class Health(Shape):
    """A sign of life."""

    status: Literal["ok", "failing"]
    version: str
    problem: Literal["journal_failed", "journal_doubtful"] | None = Field(None, description="Why nothing can be sold.")


class Waiting(Shape):
    """A change that waits until its terminal is free."""

    terminal: str
    reason: str


class Reloaded(Shape):
    """What a reload did."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: list[str]
    waiting: list[Waiting]
    restart_needed: list[str] = Field(description="Settings that count only after a restart.")


class RoleDocument(Shape):
    """What the session allows."""

    role: Literal["operate", "read"]


class Screen(Shape):
    """The emulated terminal's screen."""

    lines: list[str]
    state: Literal["idle", "card", "pin", "host", "off"]
    ledger_total: int = Field(description="Cents that customers have really paid.")


_WORDS: dict[int, str] = {200: "Done", 202: "Under way; it ends with an outcome", 204: "Done; there is nothing to tell"}


def answers(*errors: int, ok: type[Shape] | None = None, accepted: type[Shape] | None = None) -> dict[int | str, dict[str, Any]]:
    """Return what a route may answer: its own shape, the errors named, and those that every route shares."""
    shared = (400, 401, 403, 405, 429, 500)
    told: dict[int | str, dict[str, Any]] = {}
    if ok is not None:
        told[200] = {"model": ok, "description": _WORDS[200]}
    if accepted is not None:
        told[202] = {
            "model": accepted,
            "description": _WORDS[202],
            "headers": {"Location": {"description": "Where the operation is.", "schema": {"type": "string"}}},
        }
    for status in sorted({*shared, *errors}):
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorDocument"}}}
        told[status] = {"description": MEANINGS[status], "content": content}
    return told


def takes(schema: dict[str, Any], examples: dict[str, dict[str, Any]] | None = None, *, required: bool = True) -> dict[str, Any]:
    """Return the OpenAPI part that describes a JSON body which the route reads by itself."""
    content: dict[str, Any] = {"schema": schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"requestBody": {"required": required, "content": {"application/json": content}}}
