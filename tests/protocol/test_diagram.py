"""The transition tables as Mermaid diagrams: every line of the tables, and nothing else."""

from __future__ import annotations

from ecrlan.protocol.diagram import exchange_diagram, link_diagram, states_as_mermaid
from ecrlan.protocol.link import LINK_TRANSITIONS
from ecrlan.protocol.transitions import EXCHANGE_TRANSITIONS


def test_a_delivery() -> None:
    lines = link_diagram().splitlines()
    assert lines[:5] == ["---", "title: link: delivery of one frame", "---", "stateDiagram-v2", "    [*] --> idle"]
    assert lines[5:-2] == [
        f"    {source.value} --> {target.value} : {happened.value}" for (source, happened), target in LINK_TRANSITIONS.items()
    ]
    assert lines[-2:] == ["    delivered --> [*]", "    refused --> [*]"]


def test_an_exchange_names_its_endings() -> None:
    lines = exchange_diagram().splitlines()
    assert lines[4] == "    [*] --> idle"
    assert len(lines) == 5 + len(EXCHANGE_TRANSITIONS) + 1
    assert "    requesting --> awaiting_result : request acknowledged" in lines
    assert "    requesting --> ended : request refused for good / refused" in lines
    assert lines[-1] == "    ended --> [*]"


def test_both() -> None:
    assert states_as_mermaid() == f"{link_diagram()}\n{exchange_diagram()}"
