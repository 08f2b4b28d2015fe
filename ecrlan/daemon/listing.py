"""Pages of operations, newest first: what the journal has, and what waits or runs and is not in it yet."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict

from ecrlan.errors import JournalError
from ecrlan.journal import JournalReader
from ecrlan.journal.queries import Filter
from ecrlan.journal.reading import read
from ecrlan.model import Operation, State
from ecrlan.protocol.records import operation_of_entry
from ecrlan.register import Register

UNWRITTEN = (State.QUEUED, State.SENDING)
"""States of operations that may not be in the journal yet."""


async def list_operations(
    register: Register, reader: JournalReader, wanted: Filter, *, limit: int, before: str | None
) -> tuple[list[Operation], str | None]:
    """Return a page of at most `limit` operations, and what to give as `before` for the page behind it (None: there is none).

    The first page (`before` None) begins with those that stand in no journal yet. Raises `JournalError`.
    """
    with suppress(JournalError):  # one that has failed can still be read
        await read(register.journal.flush)  # an end that nobody waits for is written up to half a second later
    operations, following = await read(_page, reader, wanted, limit, before)  # a big journal's answer takes its time
    running = {operation.reference: operation for operation in register.running()}
    written = {operation.reference for operation in operations}
    begun = [each for each in reversed(running.values()) if each.state in UNWRITTEN and each.reference not in written]
    first = [each for each in begun if _matches(each, wanted)] if before is None else []
    return first + [running.get(operation.reference, operation) for operation in operations], following


def _page(reader: JournalReader, wanted: Filter, limit: int, before: str | None) -> tuple[list[Operation], str | None]:
    before_id = int(before) if before is not None else None
    entries = reader.entries(**asdict(wanted), limit=limit + 1, before_id=before_id)
    found = [reader.find(entry.reference) for entry in entries[:limit]]
    following = str(entries[limit - 1].id) if len(entries) > limit else None
    return [operation_of_entry(entry) for entry in found if entry is not None], following


def _matches(operation: Operation, wanted: Filter) -> bool:
    """Tell whether an operation that waits or runs is among those wanted; it has no outcome."""
    return (
        wanted.outcome is None
        and wanted.terminal in (None, operation.terminal)
        and wanted.kind in (None, operation.kind)
        and (wanted.since is None or operation.created_time >= wanted.since)
        and (wanted.until is None or operation.created_time < wanted.until)
    )
