"""Which settings a command works with: the user's own, or those of a running demo where the user has none."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import structlog

from ecrlan.cli.exits import pipe_may_close
from ecrlan.cli.remote import LARGEST_NOTE, PROBE_SECONDS, running_daemon
from ecrlan.daemon.demo_note import demo_note_file, read_demo_note
from ecrlan.daemon.tokens import read_token, token_file
from ecrlan.errors import InvalidValueError
from ecrlan.settings import Settings

if TYPE_CHECKING:
    from ecrlan.daemon.demo_note import DemoNote

log = structlog.get_logger(__name__)


def chosen_settings(config: str | None, *, address: str | None = None, quiet: bool = True) -> Settings:
    """Return the settings of a command that was given `--config` and `--address`. Raises `InvalidValueError`.

    A running `ecrlan serve --demo` stands in where the user has set up nothing: no settings file, no journal and no terminal in the
    environment, no `--address`, and no daemon that owns the usual journal. Somebody who has a shop never gets a demo's approval; to reach
    a demo there, name its settings file by `--config`. Unless `quiet`, standard error says that the demo answers.
    """
    settings = Settings.load(config)
    if address is not None or has_own(settings):
        return settings
    note = read_demo_note()
    if note is None or running_daemon(settings) is not None:
        return settings
    try:
        of_demo = Settings.load(note.config)
        token = read_token(token_file(of_demo.journal, "operate"))
    except (FileNotFoundError, InvalidValueError):  # its folder is gone
        token = ""
    if not token or not _is_demo(note, token):
        log.info("demo.note_stale", file=str(demo_note_file()), url=note.url)
        return settings
    if not quiet:
        with pipe_may_close():
            click.echo(f"the running demo answers (process {note.pid}): its terminal is emulated, and nothing is charged", err=True)
    return of_demo


def has_own(settings: Settings) -> bool:
    """Tell whether the user has set up anything that a demo must not stand in for."""
    return settings.file is not None or bool(settings.terminals) or bool(settings.register_.journal)


def _is_demo(note: DemoNote, token: str) -> bool:
    """Tell whether what listens at the note's address is the demo that wrote it: only that one takes the token and has a screen."""
    connection: http.client.HTTPConnection | None = None
    try:
        address = urlsplit(note.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PROBE_SECONDS)
        connection.request("GET", "/v1/demo/screen", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status == http.client.OK and "ledger_total" in json.loads(answer.read(LARGEST_NOTE))
    except (OSError, http.client.HTTPException, ValueError, TypeError, RecursionError):
        return False
    finally:
        if connection is not None:
            connection.close()
