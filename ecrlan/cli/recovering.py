"""Finding out, before an operation is shown, what became of it: wait for the daemon, or own the journal and have the terminal asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ecrlan.cli.remote import LONGEST_WAIT, DaemonClient, running_daemon
from ecrlan.cli.remote_terminal import operation_of
from ecrlan.cli.session import choose_terminal, journal_file
from ecrlan.errors import EcrlanError, JournalError, JournalOwnedError, ListenError
from ecrlan.journal import Journal
from ecrlan.model import Code, Evidence, State, evidence_of
from ecrlan.model.evidence import evidence_of_why
from ecrlan.register import Register, TerminalSettings

if TYPE_CHECKING:
    from ecrlan.cli.remote import RunningDaemon
    from ecrlan.register.running import RunningWork
    from ecrlan.settings import Settings

OWNER_WAIT = 1.0
"""Seconds to wait for another owner of the journal, such as a command that is just ending."""
LOOK_AGAIN = 0.1
"""Seconds between two looks whether recovery has ended without a proof, which nothing signals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether the terminal was asked, and where not, why. `longest` is after how many seconds recovery gives up."""

    hindrance: Literal["", "owned", "hindered", "no_terminal"] = ""
    problem: Evidence | None = None
    longest: float = 0.0


def terminal_of_operation(settings: Settings, name: str, address: str | None) -> TerminalSettings | None:
    """Return where the terminal called `name` is, by the settings or by its address; None where neither knows it."""
    if address is not None:
        chosen = choose_terminal(settings, None, address)
        return chosen if chosen.name == name else None
    return settings.terminal_settings(name) if name in settings.terminals else None


def find_out(settings: Settings, chosen: TerminalSettings, reference: str, seconds: float) -> Finding:
    """Let recovery run for the operation, `seconds` at most: the daemon's, or our own. Ctrl-C ends the waiting, and nothing else."""
    daemon = running_daemon(settings)
    try:
        if daemon is not None:
            return asyncio.run(_wait_for(daemon, chosen, reference, seconds))
        return asyncio.run(_find_out(settings, chosen, reference, seconds))
    except KeyboardInterrupt:
        return Finding(longest=chosen.longest_payment_time)


async def _find_out(settings: Settings, chosen: TerminalSettings, reference: str, seconds: float) -> Finding:
    try:
        journal = await asyncio.to_thread(Journal, journal_file(settings), owner_wait=OWNER_WAIT)
    except JournalOwnedError as error:
        return Finding(hindrance="owned", problem=evidence_of(error))
    except JournalError as error:
        return Finding(hindrance="hindered", problem=evidence_of(error))
    try:
        register = Register(
            journal,
            listen=settings.register_.listen if chosen.link == "listen" else None,
            cash_register_id=settings.register_.cash_register_id,
        )
        async with register:
            terminal = register.add(chosen)
            await asyncio.sleep(0)  # recovery begins
            work = terminal.open_works.get(reference)
            if work is not None:
                await _until_recovered(work, seconds)
    except ListenError as error:
        return Finding(hindrance="hindered", problem=evidence_of(error))
    finally:
        await asyncio.to_thread(journal.close)
    return Finding(longest=chosen.longest_payment_time)


async def _wait_for(daemon: RunningDaemon, chosen: TerminalSettings, reference: str, seconds: float) -> Finding:
    """Wait for the daemon's recovery, which runs by itself."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    path = f"/v1/operations/{reference}"
    try:
        async with DaemonClient(daemon) as client:
            if operation_of(await client.get(path)).state is State.FINISHED:  # unresolved: only the next payment has it asked for again
                return Finding(hindrance="owned", problem=Evidence(Code.DAEMON_ASKS, {"daemon": evidence_of_why(daemon.why)}))
            while (left := until - loop.time()) > 0:
                if operation_of(await client.get(path, wait=min(left, LONGEST_WAIT))).state is State.FINISHED:
                    break
    except EcrlanError as error:
        return Finding(hindrance="hindered", problem=evidence_of(error))
    return Finding(longest=chosen.longest_payment_time)


async def _until_recovered(work: RunningWork, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while work.recovering and (left := until - loop.time()) > 0:
        try:
            async with asyncio.timeout(min(LOOK_AGAIN, left)):
                await work.settled.wait()
        except TimeoutError:
            continue
        return
