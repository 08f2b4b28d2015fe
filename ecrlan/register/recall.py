"""What the journal tells of a terminal: when it is added, when its TID is learned, and when a person accepts another TID.

Everything belongs to a TID, or where that names nobody to a place (ADDRESS:PORT), never to a name in the settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ecrlan.journal import Entry, Event, JournalReader, NewOperation
from ecrlan.journal.rows import ENDING_NAMES, UNRESOLVED
from ecrlan.model import ANY_TERMINAL, SHARED_FORMS
from ecrlan.protocol.clock import LearnedClock
from ecrlan.protocol.memory import Memory, Refusal
from ecrlan.protocol.options import TerminalSettings
from ecrlan.protocol.records import sent_request

RECALLED_OPERATIONS = 20
"""How many of the newest operations are looked at for such whose results were never seen."""
LEAVE_OPEN = ("recovering", "attached")
"""Events after which an operation concerns another terminal, or a terminal again."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """What the journal tells of some terminals. It holds as long as no row is written that `is_outdated` or `changes_unsettled` names."""

    memories: dict[str, Memory]
    """By the terminals' names."""
    unsettled: Sequence[Entry]
    """All operations of the journal without a known outcome."""


def recollect(journal: JournalReader, wanted: Iterable[TerminalSettings], now: float, terminal_id: str | None = None) -> Recollection:
    """Return what the journal tells of the terminals, at `now` (monotonic seconds).

    `terminal_id` stands in place of the TID of settings and journal.
    """
    return Recollection({each.name: recall_terminal(journal, each, now, terminal_id) for each in wanted}, journal.unsettled())


def is_outdated(memory: Memory, name: str, rows: Iterable[NewOperation | Event]) -> bool:
    """Tell whether any of the rows, written since, may tell more of the terminal `name` than `memory` has."""
    mine = {memory.place, memory.identity}
    return any(
        row.terminal == name
        or (row.address in mine or row.terminal_id in mine if isinstance(row, NewOperation) else row.data.get("identity") in mine)
        for row in rows
    )


def changes_unsettled(unsettled: Iterable[Entry], rows: Iterable[NewOperation | Event]) -> bool:
    """Tell whether any of the rows, written since, tells of one of these operations, or leaves another one open."""
    known = {entry.reference for entry in unsettled}
    return any(
        isinstance(row, Event) and row.reference is not None and (row.reference in known or row.name in LEAVE_OPEN or _is_unresolved(row))
        for row in rows
    )


def _is_unresolved(row: Event) -> bool:
    return bool(row.name in ENDING_NAMES and row.data["outcome"] == UNRESOLVED)


def recall_terminal(journal: JournalReader, settings: TerminalSettings, now: float, terminal_id: str | None = None) -> Memory:
    """Return what is known of the terminal that the settings name, at `now` (monotonic seconds), or of the one with this TID there."""
    memory = Memory(place=settings.place)
    if terminal_id is not None or settings.terminal_id != ANY_TERMINAL:
        memory.terminal_id = terminal_id or settings.terminal_id
    else:
        pinned = journal.facts(settings.place).get("pinned") or journal.latest(settings.name, "pinned")
        memory.terminal_id = pinned.data["terminal_id"] if pinned is not None else None
    recall_identity(journal, settings, memory, now)
    return memory


def recall_identity(journal: JournalReader, settings: TerminalSettings, memory: Memory, now: float) -> None:
    """Fill in what belongs to the terminal's identity."""
    known = journal.results(memory.identity)
    memory.recall(known.answered, known.strays, known.stans, known.last_stan, known.last_approval)
    facts = journal.facts(memory.identity)
    if (clock := facts.get("clock")) is not None:
        memory.clock = LearnedClock(
            release=clock.data["release"], learned=clock.data["offset"], contradicted=clock.data["offset"] is None, status=None
        )
    extended = facts.get("answers_extended")
    if extended is not None:  # true of the release that it was seen with: another one told by `s` ends it
        memory.answers_extended, memory.clock.release = True, memory.clock.release or extended.data["release"]
    word = facts.get("refusing_word")
    memory.refusing_word = word.data["word"] if word is not None else None
    used, reset = facts.get("hand_use"), facts.get("hand_use_reset")
    memory.used_by_hand = used is not None and not used.data["expected"] and (reset is None or reset.time < used.time)
    _recall_last_operation(journal, settings, memory, now)


def _recall_last_operation(journal: JournalReader, settings: TerminalSettings, memory: Memory, now: float) -> None:
    """Note whether the last operation was refused, or its result never seen: an unknown last result may be its own."""
    newest = True
    for listed in journal.entries(terminal=settings.name, limit=RECALLED_OPERATIONS):
        entry = journal.find(listed.reference)
        sent = sent_request(entry) if entry is not None else None
        if entry is None or sent is None or not sent.request.late_result:
            continue
        if sent.baseline is not None and sent.identity == memory.identity:
            memory.see(sent.baseline, sent.baseline_message)
        names = {event.name for event in entry.events}
        if names.isdisjoint({"answered", "accepted", "recovering", "stray"}) and "refused" in names:
            continue  # every transmission met a NAK: it has no result
        if newest and entry.outcome in ("declined", "not_performed"):
            told: Literal["declined", "not performed"] = "declined" if entry.outcome == "declined" else "not performed"
            memory.last_refusal = Refusal(entry.reference, sent.request, sent.time, told)
        newest = False
        if "answered" in names:
            return
        memory.unanswered = True
        memory.unseen_stans += 1
        memory.unseen_operations.add(entry.reference)
        if sent.request.answers & SHARED_FORMS and memory.unseen is None:
            memory.unseen = entry.reference, now
        if "resolved" in names and memory.lost is None:
            memory.lost, memory.lost_at, memory.must_ask = entry.reference, now, True


def belongs_to(entry: Entry, name: str, memory: Memory) -> bool:
    """Tell whether an operation is this terminal's: attached to its name, sent to its TID or its place, or begun under its name."""
    attached = [event.data["terminal"] for event in entry.events if event.name == "attached"]
    if attached:
        return bool(attached[-1] == name)
    if memory.terminal_id is not None and entry.terminal_id == memory.terminal_id:
        return True
    return entry.address == memory.place or entry.terminal == name
