"""Where an unexpected exception came from: lines of code, never values, for tokens and card data are among those."""

from __future__ import annotations

import traceback

MOST_PLACES = 12


def trace_of(error: BaseException) -> list[str]:
    """Return the innermost places that `error` went through, outermost first, and its type."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_PLACES:]
    return [*(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames), type(error).__name__]
