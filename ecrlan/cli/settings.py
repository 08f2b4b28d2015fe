"""`ecrlan settings`: every setting with its value and origin."""

from __future__ import annotations

import json

import click
from rich.markup import escape
from rich.table import Table

from ecrlan.cli.output import console
from ecrlan.settings import Declaration, Settings, all_declarations, default_file


@click.command()
@click.option("--config", metavar="FILE", help="The settings file; default: ECRLAN_CONFIG, or ecrlan.toml in the user's config folder.")
@click.option("--all", "every", is_flag=True, help="Explain every setting that there is, with default, range and variable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def settings(config: str | None, every: bool, as_json: bool) -> None:
    """Print every setting with its value and origin.

    Each setting has an environment variable, which wins over the file: ECRLAN_REGISTER__JOURNAL, ECRLAN_TERMINALS__TILL_1__PORT. The
    terminal's name is written in capitals with _ for every other character: TILL_1 is the file's till-1; where the file has none, the
    variables make one, ECRLAN_TERMINALS__TILL_1__ADDRESS first of all.
    """
    if every:
        _print_declarations(all_declarations(), as_json=as_json)
        return
    loaded = Settings.load(config)
    if as_json:
        values = [
            {"key": row.declaration.key, "value": row.value, "origin": row.origin, "variable": row.declaration.variable}
            for row in loaded.values()
        ]
        click.echo(json.dumps({"file": str(loaded.file) if loaded.file else None, "settings": values}, indent=2))
        return
    table = Table("setting", "value", "origin", box=None, header_style="bold", pad_edge=False)
    for row in loaded.values():
        origin = row.declaration.variable if row.origin == "environment" else row.origin
        style = "dim" if row.origin == "default" else ""
        table.add_row(row.declaration.key, escape(toml_value(row.value)), origin, style=style)
    console().print(f"settings file: {escape(str(loaded.file)) if loaded.file else f'none; it would be {escape(str(default_file()))}'}\n")
    console().print(table)
    console().print("\nWhat each means, and what is allowed: ecrlan settings --all")
    if not loaded.terminals:
        console().print('\nNo terminal is set up. Add one to the file: \\[terminals.till-1] with address = "192.168.1.50"')


def _print_declarations(declarations: list[Declaration], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "key": item.key,
                "variable": item.variable,
                "default": item.default,
                "required": item.default is None,
                "allowed": item.allowed,
                "description": item.description,
            }
            for item in declarations
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for item in declarations:
        default = "must be given" if item.default is None else f"default {toml_value(item.default)}"
        console().print(f"[bold]{item.key}[/]  {escape(default)}; {escape(item.allowed)}", highlight=False)
        console().print(f"    {escape(item.description)}", highlight=False)
        console().print(f"    {item.variable}\n", style="dim", highlight=False)


def toml_value(value: object) -> str:
    """Return a value as it stands in the settings file."""
    return json.dumps(value, ensure_ascii=False)
