"""Looking something up in the journal without holding up the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Found = TypeVar("Found")

_threads = ThreadPoolExecutor(4, thread_name_prefix="journal")
"""Threads of their own: the loop's may all wait for a name server that does not answer (callbacks, webhooks)."""


async def read(look: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
    """Return what `look` finds, called in a thread. Raises what it raises."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: look(*given, **named))
