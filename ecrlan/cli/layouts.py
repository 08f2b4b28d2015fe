"""`ecrlan layouts`: the tables of all messages, and the automata's states."""

from __future__ import annotations

import click

from ecrlan.protocol import states_as_mermaid
from ecrlan.wire.dissect import describe_layouts
from ecrlan.wire.tables import tables_as_markdown


@click.command()
@click.option("--states", is_flag=True, help="Print the transitions of link and exchange as Mermaid state diagrams instead.")
@click.option("--markdown", is_flag=True, help="Print them as they stand in the document on messages.")
def layouts(states: bool, markdown: bool) -> None:
    """Print the tables of all messages: position, length, type and name of every field."""
    click.echo(states_as_mermaid() if states else tables_as_markdown() if markdown else describe_layouts())
