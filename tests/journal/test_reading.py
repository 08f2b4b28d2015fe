"""Looks at the journal from threads of their own; what that is good for is in http/test_operations.py."""

from __future__ import annotations

import threading

import pytest

from ecrlan.errors import JournalError
from ecrlan.journal.reading import read


async def test_it_is_called_in_a_thread() -> None:
    def look(reference: str, *, limit: int) -> tuple[str, int, str]:
        return reference, limit, threading.current_thread().name

    reference, limit, thread = await read(look, "sale-1", limit=3)
    assert (reference, limit) == ("sale-1", 3)
    assert thread.startswith("journal")


async def test_what_goes_wrong_is_told() -> None:
    def look() -> None:
        raise JournalError("the journal cannot be read")

    with pytest.raises(JournalError):
        await read(look)
