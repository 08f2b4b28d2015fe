"""How long the emulated terminal works on a request, and the progress texts that it shows meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.firmware import MANY_PROGRESS, PROGRESS_INTERVAL, many_progress
from ecrlan.emulator.scenarios import scenario_of
from ecrlan.model import Request, codes_of

THINKING_CODES = codes_of(lambda request: request.limit in ("payment", "close"))
"""Operations that take `think_seconds` and show progress."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`seconds` from the beginning to the result; `texts`, each with its seconds from the beginning; the `manners` that show in them."""

    seconds: float
    texts: tuple[tuple[float, str], ...] = ()
    manners: tuple[str, ...] = ()


def plan_progress(request: Request, behaviour: Behaviour, *, is_late: bool) -> Progress:
    """Return time and texts of a request, which its amount may choose; `is_late`: it takes `late_seconds`."""
    late = behaviour.late_seconds if is_late else None
    if request.code not in THINKING_CODES:
        return Progress(late or 0.0)
    scenario = scenario_of(getattr(request, "amount", None))
    seconds = behaviour.think_seconds if scenario.think_seconds is None else scenario.think_seconds
    seconds = seconds if late is None else late
    if "many_progress" in behaviour.manners:
        texts = many_progress(refused=scenario.result != "00")
        spread = tuple((PROGRESS_INTERVAL * place, text) for place, text in enumerate(texts))
        return Progress(max(seconds, PROGRESS_INTERVAL * MANY_PROGRESS), spread, ("many_progress",))
    texts = behaviour.progress if scenario.progress is None else scenario.progress
    return Progress(seconds, tuple((seconds * place / len(texts), text) for place, text in enumerate(texts)))
