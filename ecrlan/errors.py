"""The exception tree. Exceptions carry facts; `sent` says whether anything may have left for the terminal.

EcrlanError
├── InvalidValueError          a value given by the caller: place, value, what is allowed (also a ValueError)
├── WireError
│   └── MalformedMessageError  a message from the peer that fits no table
├── RegisterError              the register refuses: nothing was journaled, nothing was sent
│   ├── TerminalBusyError      the queue's time ran out, or the caller did not want to wait
│   ├── TerminalBlockedError   an unresolved operation stands on the terminal
│   ├── ReferenceConflictError the reference names another operation already
│   ├── UnknownReferenceError  no operation has this reference
│   ├── UnknownTerminalError   no terminal has this name
│   ├── OperationsWithoutTerminalError  operations without a known outcome belong to no terminal of the settings
│   └── JournalError           the journal cannot be opened or written
│       ├── JournalDoubtError  it is a copy, older than it should be, or cut
│       └── JournalOwnedError  another process owns it
└── LineError                  no line to the terminal, or it was lost
├── ConnectError           the line was never made: nothing was sent
└── ListenError            the register's own address cannot be bound
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Sent = Literal["no", "unknown"]
"""Whether a request may have reached the terminal: `no` is certain, `unknown` is everything else."""


Why = tuple[str, Mapping[str, object]]
"""A code of `ecrlan.model.codes` and its values: what `ecrlan.texts` says in words."""


def in_english(told: Why | str) -> str:
    """Return what a code with its values says in English; words as they are."""
    if isinstance(told, str):
        return told
    from ecrlan.model.evidence import evidence_of_why  # noqa: PLC0415 - both stand on this module
    from ecrlan.texts import words  # noqa: PLC0415 - the same

    return words(evidence_of_why(told))


def nested(told: Why | str) -> object:
    """Return a code with its values as it stands among the values of another."""
    return told if isinstance(told, str) else {"code": told[0], "values": told[1]}


class EcrlanError(Exception):
    """Root of every exception that ecrlan raises on purpose. Any other exception is a bug.

    What a person may read is given as a code with values. English words alone are for what only programmers meet, who use the library
    wrongly or work at it: frames that cannot be built, capture files, the emulator's faults.
    """

    code = "error"
    sent: Sent = "no"
    why: Why | None = None
    """What it says as a code with values, for those that are said in other languages too; `ecrlan.model.evidence_of` returns it."""

    def __init__(self, told: Why | str = "") -> None:
        super().__init__(told)
        if not isinstance(told, str):
            self.why = told

    def __str__(self) -> str:
        return in_english(self.why) if self.why is not None and self.args[:1] == (self.why,) else super().__str__()


class InvalidValueError(EcrlanError, ValueError):
    """A value that a caller or a settings file gave is not allowed. Nothing was sent."""

    code = "invalid_value"

    def __init__(self, place: str, value: object, allowed: Why | str) -> None:
        """Name the place, the value as given, and what is allowed there: a code with values, or words of every language."""
        shown = repr(value)
        values = {"place": place, "value": shown if len(shown) <= 80 else shown[:77] + "...", "allowed": nested(allowed)}
        super().__init__(("invalid_value", values))
        self.place = place
        self.value = value
        self.allowed_why = allowed

    @property
    def allowed(self) -> str:
        """What is allowed there, in English."""
        return in_english(self.allowed_why)


class WireError(EcrlanError):
    """Something is wrong with bytes that came from the peer."""

    code = "wire_error"
    sent: Sent = "unknown"


class MalformedMessageError(WireError):
    """A message from the peer fits no table: wrong length, wrong code, or a field that cannot be read."""

    code = "malformed_message"

    def __init__(self, message_code: str, length: int, problem: str, why: Why | None = None) -> None:
        """Keep the message's code letter (or ''), its length in bytes, the problem, and why as code and values; never its bytes."""
        super().__init__(f"message {message_code or '?'} of {length} bytes: {problem}")
        self.message_code = message_code
        self.length = length
        self.problem = problem
        self.problem_why = why


class RegisterError(EcrlanError):
    """The register refuses the call. Nothing was journaled and nothing was sent."""

    code = "refused"


class ClosedError(RegisterError):
    """The register is closed, or being closed: it takes no new operations, and those that wait are dropped. Nothing was sent."""

    code = "closing"

    def __init__(self) -> None:
        super().__init__(("register_closed", {}))


class AlreadySentError(RegisterError):
    """An operation that is to be withdrawn was sent, or has ended."""

    code = "already_sent"
    sent: Sent = "unknown"

    def __init__(self, reference: str, state: str) -> None:
        """Name the operation and say how it stands: its state, or its outcome."""
        super().__init__(("already_sent", {"reference": reference, "state": state}))
        self.reference = reference
        self.state = state


class TerminalBusyError(RegisterError):
    """The operation stood in the terminal's queue until its time ran out. Nothing was sent."""

    code = "terminal_busy"

    def __init__(self, terminal: str, holder: str | None, held_seconds: float, waiting: int = 0) -> None:
        """Name the terminal, the operation that holds it (its reference), for how many seconds, and how many others wait."""
        values = {"terminal": terminal, "holder": holder, "seconds": round(held_seconds), "waiting": waiting}
        super().__init__(("terminal_busy", values))
        self.terminal = terminal
        self.holder = holder
        self.held_seconds = held_seconds
        self.waiting = waiting


class TerminalBlockedError(RegisterError):
    """An unresolved operation stands on the terminal; until it is settled no money moves there."""

    code = "terminal_blocked"

    def __init__(self, terminal: str, reference: str) -> None:
        """Name the terminal and the unresolved operation's reference."""
        super().__init__(("terminal_blocked", {"terminal": terminal, "operation": reference}))
        self.terminal = terminal
        self.reference = reference


class ReferenceConflictError(RegisterError):
    """The reference was used already, for an operation with other parameters."""

    code = "reference_conflict"

    def __init__(self, reference: str, known: str, asked: str) -> None:
        """Show the parameters of the known operation and those asked for now."""
        super().__init__(("reference_conflict", {"reference": reference, "known": known, "asked": asked}))
        self.reference = reference
        self.known = known
        self.asked = asked


class OperationsWithoutTerminalError(RegisterError):
    """Operations without a known outcome belong to no terminal of the settings. Nothing was sent."""

    code = "operations_without_terminal"

    def __init__(self, operations: tuple[tuple[str, str], ...]) -> None:
        """Keep each operation's reference and the name of the terminal that it was begun on."""
        told = ", ".join(f"{reference} (terminal {terminal})" for reference, terminal in operations)
        super().__init__(("operations_without_terminal", {"operations": told}))
        self.operations = operations


class UnknownReferenceError(RegisterError):
    """No operation has this reference."""

    code = "unknown_reference"

    def __init__(self, reference: str) -> None:
        """Keep the reference that was asked for."""
        super().__init__(("unknown_reference", {"reference": reference}))
        self.reference = reference


class UnknownTerminalError(RegisterError):
    """No terminal has this name."""

    code = "unknown_terminal"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Keep the name that was asked for and the names that exist."""
        super().__init__(("unknown_terminal", {"name": name, "known": list(known)}))
        self.name = name
        self.known = known


class JournalError(RegisterError):
    """The journal cannot be opened, read or written."""

    code = "journal_failed"


class JournalDoubtError(JournalError):
    """The journal is a copy, older than it should be, or cut: no money is moved until a person says that it may be."""

    code = "journal_doubtful"

    def __init__(self, doubt: str, why: dict[str, object] | None = None) -> None:
        """Keep what is doubtful, in words; and as the JSON of a code with values."""
        super().__init__(("money_held", {"doubt": why or doubt}))
        self.doubt = doubt


class JournalOwnedError(JournalError):
    """Another process owns the journal, and did not give it up in time. Nothing was written."""

    code = "journal_owned"

    def __init__(self, path: str, owner: Why | str, waited: float, pid: int | None = None) -> None:
        """Name the journal's file, its owner, the seconds waited, and the owner's process where it is known."""
        super().__init__(("journal_owned", {"path": path, "owner": nested(owner), "seconds": waited}))
        self.path = path
        self.owner = in_english(owner)
        self.waited = waited
        self.pid = pid


class LineError(EcrlanError):
    """There is no line to the terminal, or it was lost."""

    code = "line_lost"
    sent: Sent = "unknown"

    def __init__(self, problem: str, why: Why | None = None) -> None:
        """Keep the problem in words, and as a code with values."""
        super().__init__(problem)
        self.why = why


class ConnectError(LineError):
    """The line to the terminal was never made. Nothing was sent."""

    code = "not_connected"
    sent: Sent = "no"

    def __init__(self, address: str, port: int, problem: str, why: Why | None = None) -> None:
        """Name the address, the TCP port and the system's words; or, with `why`, what is known of the cause."""
        told = why or ("not_connected", {"address": address, "port": port, "problem": problem})
        super().__init__(f"no line to {address} port {port}: {problem}", told)
        self.address = address
        self.port = port
        self.problem = problem


_LISTENING = {
    "": ("cannot_listen", ""),
    "register.listen": (
        "cannot_listen_register",
        (
            '; is another program, perhaps another ecrlan, at work there? Setting register.listen: another address, or "" where no '
            "terminal dials in"
        ),
    ),
    "daemon.http": (
        "cannot_listen_http",
        "; is another program, perhaps another ecrlan, at work there? Setting daemon.http: another address",
    ),
}


class ListenError(LineError):
    """The register's own address cannot be bound. Nothing was sent."""

    code = "not_listening"
    sent: Sent = "no"

    def __init__(self, address: str, port: int, problem: str, setting: Literal["", "register.listen", "daemon.http"] = "") -> None:
        """Name the address, the TCP port, the system's words, and the setting that the address comes from ('' for none)."""
        code, way_out = _LISTENING[setting]
        values = {"address": address, "port": port, "problem": problem}
        super().__init__(f"cannot listen on {address} port {port}: {problem}{way_out}", (code, values))
        self.address = address
        self.port = port
        self.problem = problem
