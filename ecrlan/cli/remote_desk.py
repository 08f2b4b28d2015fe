"""`ecrlan operations` where a daemon runs: it knows what waits in a queue, and what is not written yet."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import click

from ecrlan.cli.remote import DaemonAnswerError, ask, running_daemon
from ecrlan.cli.remote_terminal import operation_of
from ecrlan.errors import EcrlanError, nested
from ecrlan.protocol.work import said

if TYPE_CHECKING:
    from ecrlan.cli.filters import Filters
    from ecrlan.cli.remote import RunningDaemon
    from ecrlan.model import Operation
    from ecrlan.settings import Settings

LONGEST_PAGE = 200


def have_written(settings: Settings, reference: str | None = None) -> bool:
    """Have a running daemon commit what it knows of the operation, or of all: what nobody waits for is written up to half a second later.

    Returns whether one runs. It is no error where it cannot be asked: the journal can be read all the same.
    """
    daemon = running_daemon(settings)
    if daemon is not None:
        with suppress(EcrlanError, click.ClickException):
            ask(daemon, "GET", _path(reference) if reference is not None else "/v1/operations", query={} if reference else {"limit": 1})
    return daemon is not None


def listed(settings: Settings, filters: Filters, limit: int) -> list[Operation] | None:
    """Return the newest `limit` operations that a running daemon knows, queued ones too; None where none runs, or can be asked."""
    daemon = running_daemon(settings)
    if daemon is None:
        return None
    query = {name: filters[name] for name in ("terminal", "outcome", "kind")}
    times = {"from": filters["since"], "to": filters["until"]}
    query |= {name: time.isoformat() if time is not None else None for name, time in times.items()}
    query["open"] = "true" if filters["unfinished"] else None
    try:
        return _pages(daemon, {name: value for name, value in query.items() if value is not None}, limit)
    except (EcrlanError, click.ClickException):
        return None


def resolved(daemon: RunningDaemon, reference: str, outcome: Literal["approved", "not_performed"], *, by: str, note: str) -> Operation:
    """Have the daemon settle an unresolved operation. Raises as `Register.resolve` does."""
    by, note = said("by", by), said("note", note)
    return operation_of(ask(daemon, "POST", f"{_path(reference)}/resolve", {"outcome": outcome, "by": by, "note": note}))


def attached(daemon: RunningDaemon, reference: str, terminal: str, *, by: str) -> Operation:
    """Have the daemon give an operation to a terminal. Raises as `Register.attach` does."""
    by = said("by", by)
    return operation_of(ask(daemon, "POST", f"{_path(reference)}/attach", {"terminal": terminal, "by": by}))


def withdrawn(daemon: RunningDaemon, reference: str) -> Operation:
    """Have the daemon take an operation back that waits for its terminal. Raises as `Register.withdraw` does."""
    return operation_of(ask(daemon, "DELETE", _path(reference)))


def _pages(daemon: RunningDaemon, query: dict[str, str], limit: int) -> list[Operation]:
    found: list[Operation] = []
    before: dict[str, str] = {}
    while len(found) < limit:
        page = ask(daemon, "GET", "/v1/operations", query=query | before | {"limit": str(min(limit - len(found), LONGEST_PAGE))})
        if not isinstance(page, dict) or not isinstance(page.get("operations"), list):
            raise DaemonAnswerError(("daemon_without_page", {"daemon": nested(daemon.why)}))
        found += [operation_of(document) for document in page["operations"]]
        following: Any = page.get("next")
        if following is None or not page["operations"]:
            break
        before = {"before": str(following)}
    return found[:limit]


def _path(reference: str) -> str:
    return f"/v1/operations/{quote(reference, safe='')}"
