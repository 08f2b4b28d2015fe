"""What survives a power cut: operations and everything that happened to them, in one SQLite file (architecture.md, "Journal")."""

from ecrlan.journal.epoch import Doubt
from ecrlan.journal.journal import Journal
from ecrlan.journal.reader import JournalReader
from ecrlan.journal.rows import Known, KnownResults, PendingCallback, ReferenceTakenError
from ecrlan.model.rows import Entry, Event, NewOperation, parameters_hash

__all__ = [
    "Doubt",
    "Entry",
    "Event",
    "Journal",
    "JournalReader",
    "Known",
    "KnownResults",
    "NewOperation",
    "PendingCallback",
    "ReferenceTakenError",
    "parameters_hash",
]
