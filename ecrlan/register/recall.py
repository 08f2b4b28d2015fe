"""What the journal tells of a terminal: when it is added, when its TID is learned, and when a person accepts another TID.

Everything belongs to a TID, or where that names nobody to a place (ADDRESS:PORT), never to a name in the settings.
"""

from __future__ import annotations

from typing import Literal

from ecrlan.journal import Entry, JournalReader
from ecrlan.model import ANY_TERMINAL, SHARED_FORMS
from ecrlan.protocol.clock import LearnedClock
from ecrlan.protocol.memory import Memory, Refusal
from ecrlan.protocol.options import TerminalSettings
from ecrlan.protocol.records import sent_request

RECALLED_OPERATIONS = 20
"""How many of the newest operations are looked at for such whose results were never seen."""


def recall_terminal(journal: JournalReader, settings: TerminalSettings, now: float) -> Memory:
    """Return what is known of the terminal that the settings name, at `now` (monotonic seconds)."""
    memory = Memory(place=settings.place)
    if settings.terminal_id != ANY_TERMINAL:
        memory.terminal_id = settings.terminal_id
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
