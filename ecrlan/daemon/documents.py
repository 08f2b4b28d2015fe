"""What the daemon tells about itself and its terminals, as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from datetime import datetime, timedelta
from typing import Any

from ecrlan.daemon.health import Condition
from ecrlan.model import StatusResponse, TerminalStatus, Unresolved
from ecrlan.operation_json import told
from ecrlan.register import Terminal
from ecrlan.texts import TEXTS, Language, say

POLL = "poll-"
"""How the reference of a look of our own begins (`Terminal.poll`)."""
RECOVERY = "recovery of "
"""How a terminal's holder begins while its last result is asked for an operation."""


def terminal_as_json(terminal: Terminal, now: datetime, condition: Condition, language: Language = "en") -> dict[str, Any]:
    """Return one terminal, its texts in `language`.

    `now` is timezone-aware wall clock; `condition` is what its health poll knows, or an earlier run knew.
    """
    memory, settings, queue = terminal.memory, terminal.settings, terminal.queue
    loop = asyncio.get_running_loop()
    status = memory.status
    seen = terminal.last_seen_at
    holder = holder_of(terminal)
    return {
        "name": terminal.name,
        "address": settings.address,
        "port": settings.port,
        "link": settings.link,
        "state": state_of(terminal),
        "reachable": condition.reachable,
        "line": line_of(terminal),
        "terminal_id": memory.terminal_id,
        "foreign_terminal_id": memory.foreign_terminal_id,
        "software_release": status.software_release if status is not None else condition.software_release,
        "terminal_status": int(status.terminal_status) if status is not None and status.terminal_status is not None else None,
        "status_word": status.status_word if status is not None else None,
        "status_text": status_text(status, language) if status is not None else None,
        "clock_difference_seconds": condition.clock_difference_seconds,
        "host_clock_seconds": round(memory.clock.learned) if memory.clock.learned is not None else None,
        "used_by_hand": memory.used_by_hand,
        "last_seen_time": time_of(now, loop.time() - seen) if seen is not None else None,
        "supports": {
            "extended_purchase": condition.takes_extended if memory.takes_extended is None else memory.takes_extended,
            "last_result": settings.last_result_supported,
        },
        "holder": {"reference": holder, "since": time_of(now, loop.time() - queue.held_since)} if holder is not None else None,
        "queue_length": queue.length,
        "queue_limit": queue.limit,
        **(told("problem", condition.problem, language) if condition.problem is not None else {"problem": None}),
        "unresolved": [work.reference for work in terminal.open_works.values() if isinstance(work.outcome, Unresolved)],
    }


def state_of(terminal: Terminal) -> str:
    """Return the one word that matters most: foreign, blocked, recovering, busy, idle."""
    works = terminal.open_works.values()
    if terminal.memory.foreign_terminal_id is not None:
        return "foreign"
    if any(isinstance(work.outcome, Unresolved) for work in works):
        return "blocked"
    if works:
        return "recovering"
    return "busy" if holder_of(terminal) is not None else "idle"


def holder_of(terminal: Terminal) -> str | None:
    """Return the operation that holds the terminal, or for which it is asked; None for nobody, and for a look of our own."""
    holder = terminal.queue.holder
    return None if holder is None or holder.startswith(POLL) else holder.removeprefix(RECOVERY)


def line_of(terminal: Terminal) -> dict[str, str] | None:
    """Return who opened the terminal's line; None where no line stands."""
    line = terminal.lines.current
    listener = terminal.listener
    if line is None and terminal.settings.link != "dial" and listener is not None:
        line = listener.take(terminal.settings.address)
    return {"opened_by": line.opened_by} if line is not None else None


def status_text(status: StatusResponse, language: Language) -> str | None:
    """Return a terminal's status in words: a word of its own as it came, unless it says "operative"; None where it told none."""
    if status.operative:
        return say(language, f"status.{TerminalStatus.OPERATIVE.value}")
    if status.terminal_status is None:
        return status.status_word
    number = int(status.terminal_status)
    name = f"status.{number}"
    return say(language, name) if name in TEXTS[language] else say(language, "status.unknown", status=number)


def time_of(now: datetime, seconds_ago: float) -> str:
    """Return a moment of the monotonic clock as ISO time."""
    return (now - timedelta(seconds=seconds_ago)).isoformat(timespec="seconds")


def own_addresses() -> list[str]:
    """Return this machine's IPv4 addresses in the local network, the one towards other networks first. Sends nothing."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: only the routing table is asked
            found.append(probe.getsockname()[0])
        except OSError:
            pass
    with contextlib.suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_STREAM)]
    return [address for address in dict.fromkeys(found) if not address.startswith("127.") and address != "0.0.0.0"]  # noqa: S104 - no bind
