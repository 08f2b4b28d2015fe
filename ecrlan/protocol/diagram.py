"""The transition tables as Mermaid state diagrams, for `ecrlan layouts --states`."""

from __future__ import annotations

from collections.abc import Iterable

from ecrlan.protocol.link import LINK_TRANSITIONS, LinkState
from ecrlan.protocol.transitions import EXCHANGE_TRANSITIONS, ExchangeState


def link_diagram() -> str:
    """Return the delivery of one frame as a Mermaid diagram."""
    rows = ((source.value, happened.value, target.value) for (source, happened), target in LINK_TRANSITIONS.items())
    return _diagram("link: delivery of one frame", LinkState.IDLE.value, rows, (LinkState.DELIVERED.value, LinkState.REFUSED.value))


def exchange_diagram() -> str:
    """Return one exchange as a Mermaid diagram; what leads to the end carries the ending's name."""
    rows = (
        (source.value, f"{happened.value} / {ending.value}" if ending else happened.value, target.value)
        for (source, happened), (target, ending) in EXCHANGE_TRANSITIONS.items()
    )
    return _diagram("exchange: one request until its answer", ExchangeState.IDLE.value, rows, (ExchangeState.ENDED.value,))


def states_as_mermaid() -> str:
    """Return both diagrams."""
    return f"{link_diagram()}\n{exchange_diagram()}"


def _diagram(title: str, first: str, rows: Iterable[tuple[str, str, str]], last: tuple[str, ...]) -> str:
    lines = ["---", f"title: {title}", "---", "stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {source} --> {target} : {label.replace(':', ' ')}" for source, label, target in rows]
    lines += [f"    {state} --> [*]" for state in last]
    return "\n".join(lines) + "\n"
