"""An operation's story as JSON: what happened in words, and where it is unresolved, what to look at and what each answer means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecrlan.model import Operation, Unresolved
from ecrlan.story import advice, facts, moment, steps, terminal_of, what
from ecrlan.texts import Language, say

if TYPE_CHECKING:
    from ecrlan.journal import Entry


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
