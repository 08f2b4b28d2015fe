"""`ecrlan events`: follow what the daemon tells, as it happens."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from rich.text import Text

from ecrlan.cli.decode import print_frame_line
from ecrlan.cli.exits import Exit, configure_logging
from ecrlan.cli.output import console, outcome_style
from ecrlan.cli.way import chosen_settings, needed_daemon, running_daemon
from ecrlan.daemon_connection import RETRY_SECONDS
from ecrlan.model import ROME
from ecrlan.texts import LANGUAGES, TEXTS, Language, euros, say
from ecrlan.texts.language import choose_language
from ecrlan.wire.mask import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from ecrlan.cli.way import RunningDaemon
    from ecrlan.client import StreamEvent
    from ecrlan.settings import Settings


@click.command()
@click.option("-t", "--terminal", metavar="NAME", help="Only what concerns this terminal.")
@click.option("--frames", is_flag=True, help="Every frame as well, decoded.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), help="Language; default: the locale's, English for JSON.")
@click.option("--config", metavar="FILE", help="The settings file.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line: event, id, data. So it is anyhow where no person reads.")
def events(*, terminal: str | None, frames: bool, language: Language | None, config: str | None, as_json: bool) -> Exit:
    """Follow the running daemon: operations, the terminals' own texts, lines, alarms, and with --frames every frame.

    Where the connection is lost, or the daemon is started anew, it goes on behind the last event, or says `gap` where some were missed.
    Ctrl-C ends it.
    """
    configure_logging(0, shown_to_people=False)
    settings = chosen_settings(config)
    if terminal is not None:
        settings.terminal_settings(terminal)
    daemon = needed_daemon(settings, ("nothing_to_follow", {}))
    as_json = as_json or not sys.stdout.isatty()
    spoken = language or ("en" if as_json else choose_language(os.environ))
    show = _print_json if as_json else EventLines(console(), spoken).show
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(settings, daemon, terminal, show, frames=frames, language=spoken))
    return Exit.DONE


async def _follow(
    settings: Settings,
    daemon: RunningDaemon,
    terminal: str | None,
    show: Callable[[StreamEvent], None],
    *,
    frames: bool,
    language: Language,
) -> None:
    last_id: str | None = None
    found: RunningDaemon | None = daemon
    waiting = False
    while True:
        if found is not None:  # perhaps one that is being stopped: it ends every stream at once
            waiting = False
            async with found.client() as client:
                async for event in client.stream(terminal, frames=frames, last_id=last_id, language=language):
                    last_id = event.id or last_id
                    show(event)
        elif not waiting:
            waiting = True
            click.echo(say(language, "event.daemon_lost"), err=True)
        await asyncio.sleep(RETRY_SECONDS)
        found = await asyncio.to_thread(running_daemon, settings)  # a daemon that was started anew may have another address


def _print_json(event: StreamEvent) -> None:
    click.echo(json.dumps({"event": event.kind, "id": event.id, "data": event.data}))


class EventLines:
    """Prints events for people: a line each, and one for each frame."""

    def __init__(self, screen: Console, language: Language = "en") -> None:
        self._screen = screen
        self._language = language

    def show(self, event: StreamEvent) -> None:
        """Print one event; of a kind that is not known, its JSON."""
        data = event.data
        if event.kind == "frame" and isinstance(data.get("frames"), list):
            self._print(data, Text("frames" if len(data["frames"]) > 1 else "frame", style="dim"))
            for frame in data["frames"]:
                print_frame_line(self._screen, frame, "request" if data.get("direction") == ">" else "response")
            return
        self._print(data, _words(event, self._language))

    def _print(self, data: dict[str, Any], words: Text) -> None:
        terminal = clean_text(str(data.get("terminal") or data.get("name") or ""))
        self._screen.print(Text.assemble((f"{_time(data):%H:%M:%S}  ", "dim"), f"{terminal:12}  ", words), soft_wrap=True)


def _time(data: dict[str, Any]) -> datetime:
    """Return when it happened, as far as the event tells; else now."""
    told = data.get("time") or data.get("finished_time")
    try:
        time = datetime.fromisoformat(told) if isinstance(told, str) else datetime.now(UTC)
    except ValueError:
        time = datetime.now(UTC)
    return time.astimezone(ZoneInfo(ROME))


def _name(group: str, word: object, language: Language) -> str:
    """Return what a word of the JSON is called: in English itself."""
    plain = str(word).replace("_", " ")
    return plain if language == "en" else TEXTS[language].get(f"{group}.{word}", plain)


def _words(event: StreamEvent, language: Language) -> Text:
    data = event.data
    match event.kind:
        case "operation":
            word = str(data.get("outcome") or data.get("state"))
            amount = data.get("amount")
            told = _name("kind", data.get("kind"), language) + (f" {euros(amount, language)} EUR" if isinstance(amount, int) else "")
            why = data.get("reason") or (data.get("evidence") if word == "unresolved" else None)
            text = f"  {told}  {data.get('reference')}" + (f"  {why}" if why else "")
            style = outcome_style(word, under_way="bold")
            return Text.assemble((clean_text(_name("outcome", word, language)), style), clean_text(text))
        case "progress":
            return Text(clean_text(str(data.get("text"))))
        case "line":
            by = _name("opener", data.get("opened_by"), language)
            told = say(language, "event.line_opened", by=by) if data.get("opened") else say(language, "event.line_closed")
            return Text(clean_text(told), style="dim")
        case "alarm":
            active = data.get("active")
            head = (f"{say(language, 'way.alarm')} ", "bold red") if active else (f"{say(language, 'event.alarm_ended')} ", "dim")
            return Text.assemble(head, clean_text(f"{data.get('text')}"))
        case "terminal":
            state = data.get("state")
            facts = [state and _name("terminal", state, language), data.get("status_text"), data.get("software_release")]
            return Text(clean_text(", ".join(str(fact) for fact in facts if fact)), style="dim")
        case "gap":
            return Text(say(language, "event.gap"), style="bold yellow")
        case "screen":
            return Text(clean_text(" / ".join(map(str, data.get("lines") or []))), style="dim")
        case _:
            return Text(clean_text(f"{event.kind} {json.dumps(data)}"), style="dim")
