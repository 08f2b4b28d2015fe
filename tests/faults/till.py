"""A till in a process of its own, made to be killed: `python -m tests.faults.till JOURNAL PORT [SYNCHRONOUS [KEY=VALUE...]] [COMMAND...]`.

It performs the commands that it is given, then those of its standard input, one a line, each in a task of its own; words are joined by ':'.

    purchase:REFERENCE:CENTS    preauthorize:REFERENCE:CENTS    void:REFERENCE:STAN
    resolve:REFERENCE:approved|not_performed    status

It prints `ready`, and one line an outcome: `told REFERENCE OUTCOME STAN`, or `refused REFERENCE ERROR` where nothing was journaled and
nothing was sent. The end of its input ends it. `KEY=VALUE` are settings of the terminal (`trust_unchanged_result=1`).
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

import structlog

import ecrlan.protocol.exchange
from ecrlan.errors import EcrlanError
from ecrlan.journal import Journal
from ecrlan.journal.store import Synchronous
from ecrlan.model import Approved, Operation
from ecrlan.register import Register, Terminal

OPTIONS: dict[str, Any] = {
    "standalone_use": False,
    "trust_unchanged_result": False,
    "recovery_pause": 0.05,
    "longest_payment_time": 0.4,
    "queue_timeout": 30.0,
}
"""Short times: the emulated terminal's payments take milliseconds."""
SOONEST_APPROVAL = 0.002
"""The same for what a person with a card needs at least. Set in this process alone."""


@dataclass
class Till:
    """One register with one terminal, and the tasks at work on it."""

    register: Register
    terminal: Terminal
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, command: str) -> None:
        """Begin what the command says."""
        name, *words = command.split(":")
        task = asyncio.create_task(self._tell(words[0] if words else name, self._call(name, *words)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _call(self, name: str, reference: str = "", value: str = "") -> Coroutine[Any, Any, Operation]:
        terminal = self.terminal
        match name:
            case "purchase":
                return terminal.purchase(int(value), reference=reference)
            case "preauthorize":
                return terminal.preauthorize(int(value), reference=reference)
            case "void":
                return terminal.void(stan=value, reference=reference)
            case "resolve" if value in ("approved", "not_performed"):
                return self.register.resolve(reference, cast("Any", value), by="the test", note="seen in the ledger")
            case "status":
                return terminal.status()
        raise AssertionError(f"no command: {name}:{reference}:{value}")

    async def _tell(self, reference: str, work: Coroutine[Any, Any, Operation]) -> None:
        try:
            operation = await work
            while operation.outcome is None:  # what a dead till left open is still being recovered
                await asyncio.sleep(0.01)
                operation = self.register.operation(operation.reference)
        except EcrlanError as error:
            say("refused", reference, type(error).__name__)
            return
        outcome = operation.outcome
        stan = outcome.stan if isinstance(outcome, Approved) else None
        say("told", reference, outcome.outcome, stan or "-")


def say(*words: str) -> None:
    """Print a line, whole or not at all: in one system call."""
    os.write(sys.stdout.fileno(), (" ".join(words) + "\n").encode())


def read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str]) -> None:
    """Hand standard input on, line by line, and '' at its end. For a thread: pipes cannot be polled everywhere."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(lines.put_nowait, line.strip())
    loop.call_soon_threadsafe(lines.put_nowait, "")


async def main(path: str, port: int, synchronous: Synchronous, options: dict[str, Any], commands: list[str]) -> None:
    """Work until the input ends and everything is told."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    for command in commands:
        lines.put_nowait(command)
    threading.Thread(target=read_lines, args=(asyncio.get_running_loop(), lines), daemon=True).start()
    with Journal(path, synchronous=synchronous) as journal:
        async with Register(journal) as register:
            till = Till(register, register.dial("till-1", "127.0.0.1", port, **{**OPTIONS, **options}))
            say("ready")
            while command := await lines.get():
                till.take(command)
            while till.tasks:
                await asyncio.wait(till.tasks)


if __name__ == "__main__":
    ecrlan.protocol.exchange.SOONEST_APPROVAL = SOONEST_APPROVAL
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    path, port, *rest = sys.argv[1:]
    mode = cast("Synchronous", rest.pop(0)) if rest and rest[0].isupper() else "FULL"
    given = {key: bool(int(value)) for key, value in (word.split("=") for word in rest if "=" in word)}
    asyncio.run(main(path, int(port), mode, given, [word for word in rest if "=" not in word]))
