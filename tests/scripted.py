"""A terminal that is told what to send: for bytes and behaviour that the emulator does not have. Its frames are built here, not by ecrlan.

Each request code has a list of plays, used up one by one; the last one stays. A play is a list of steps, or a function of the request's
message that returns them: bytes are sent, a number is a pause in seconds, `ACK_DUE` waits for the register's ACK, `CLOSE` closes the line,
anything else is called, and what it returns is sent. What was really charged stands in `charges`; it is the truth of a test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ecrlan.journal import Event, Journal
from ecrlan.register import Alarm, Register, Terminal
from tests.virtual import VirtualLoop

TID = "12345678"
ACK = bytes.fromhex("06037A")
NAK = bytes.fromhex("150369")
REFUSAL = bytes.fromhex(
    "0231323334353637383045303141424F525445445F4D414E55414C4C59202020202020202030303030303030303030303220202020202020202020203030303030353030303033340339"
)
"""A refusal of 71 bytes as a real terminal sent it twice: ABORTED_MANUALLY, STAN 000005."""
WORDED_STATUS = bytes.fromhex(
    "023132333435363738307330303030303030303030323731313236313230304F504552415449564530312E30302E31345F42303030305F303030300336"
)
"""A status of 58 bytes with a word at position 31 and the release 01.00.14_B0000_0000."""

LISTENING = 8082
"""Port of a register that terminals dial, in tests with a network in memory."""
CLOSE = object()
ACK_DUE = object()
Step = Any
Play = Sequence[Step] | Callable[[str], Sequence[Step]]


def frame(message: str) -> bytes:
    """STX · message · ETX · LRC."""
    data = b"\x02" + message.encode("latin-1") + b"\x03"
    check = 0x7F
    for byte in data:
        check ^= byte
    return data + bytes((check,))


def progress(text: str) -> bytes:
    return b"\x01" + text.ljust(20).encode() + b"\x04"


def rome(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo("Europe/Rome"))


def status(moment: datetime, *, tid: str = TID, tail: str = "2SYSEMV  204") -> bytes:
    """The answer to `s`; `tail` is the digit or word at position 31, and the release."""
    return frame(f"{tid}0s{'0' * 10}{rome(moment):%d%m%y%H%M}{tail}")


def approval(
    stan: int | str,
    moment: datetime,
    *,
    amount: int = 500,
    form: int = 92,
    tid: str = TID,
    authorization: str | None = None,
    card: str = "1234",
) -> bytes:
    """The approval of a payment: `E` of 71, 74 or 92 (X) or 84 (S) bytes. Only the one of 92 bytes has an amount."""
    number = f"{int(stan):06}"
    host_time = f"{rome(moment):%j%H%M}"
    code = (authorization or f"A{int(stan) % 100_000:05}").ljust(6)
    tail = {71: "", 74: "000", 84: "000" + "0" * 10, 92: f"000{amount:08}" + "0" * 10}[form]
    return frame(f"{tid}0E00{card:0>19}CLI{code}{host_time}200000000034{number}{(int(number) + 100) % 1_000_000:06}{tail}")


def preauthorization(
    stan: int, moment: datetime, *, amount: int = 500, tid: str = TID, code: str = "700000001", authorization: str | None = None
) -> bytes:
    """The approval of a pre-authorization: `e` of 106 bytes."""
    authorized = (authorization or f"A{stan:05}").ljust(6)
    tail = f"200000000034{stan:06}{(stan + 100) % 1_000_000:06}{'0' * 12}"
    return frame(f"{tid}0e00{'1234':0>19}CLI{authorized}{amount:08}{code}000{rome(moment):%j%H%M}000{tail}")


def refusal(stan: str, reason: str, *, form: int = 92, tid: str = TID, blank: bool = False, code: str = "01") -> bytes:
    """The refusal of a payment; `blank`: STAN, acquirer and online_id are blank; `code`: the result's code."""
    tail = {71: "", 74: "000", 84: "000" + "0" * 10, 92: "000" + "0" * 18}[form]
    numbers = " " * 23 if blank else f"00000000034{stan}{stan}"
    return frame(f"{tid}0E{code}{reason:<24}{'0' * 11}0{numbers}{tail}")


def receipt(text: str, *, tid: str = TID) -> bytes:
    return frame(f"{tid}0S{text}")


class ScriptedTerminal:
    """The terminal. `s`, `G`, `E` and `T` have an answer from the start; `saved` is what `G` answers, NAK without it."""

    def __init__(self, clock: Callable[[], datetime], *, tid: str = TID, pace: float = 0.0) -> None:
        self.clock = clock
        self.tid = tid
        self.pace = pace
        """Seconds until its own answers to `s`, `G` and `E`."""
        self.saved: bytes | None = None
        self.charges: list[int] = []
        """Cents, in order."""
        self.requests: list[tuple[float, str, int]] = []
        """When each request came, its code, and the number of its line, from 1."""
        self.acks: list[float] = []
        """When each ACK of the register came."""
        self.naks: list[float] = []
        self.closing_seconds = 0.0
        """Seconds until it closes its side of a line after the register closed its own."""
        self.busy_seconds = 0.0
        """Time that its plays took."""
        self.lines: list[_Line] = []
        self._plays: dict[str, list[Play]] = {
            "s": [lambda _: [ACK, self.pace, self.status()]],
            "G": [lambda _: [ACK, self.pace, self.saved] if self.saved is not None else [NAK]],
            "E": [[self.pace, ACK]],
        }
        self._tasks: set[asyncio.Task[None]] = set()

    def on(self, code: str, *plays: Play) -> None:
        """Answer the next requests with this code by these plays, the last one for good."""
        self._plays[code] = list(plays)

    def charge(self, amount: int) -> Callable[[], None]:
        """A step that takes the customer's money."""
        return lambda: self.charges.append(amount)

    def save(self, result: bytes) -> Callable[[], None]:
        """A step after which `G` answers with `result`."""

        def step() -> None:
            self.saved = result

        return step

    def sells(self, stan: int | str, amount: int, *, seconds: float = 4.0, form: int = 92, **fields: Any) -> Play:
        """A play: ACK, and after `seconds` an approval that is charged and saved."""

        return [ACK, seconds, self.approves(stan, amount, form=form, **fields)]

    def approves(self, stan: int | str, amount: int, *, form: int = 92, sent: bool = True, **fields: Any) -> Callable[[], bytes | None]:
        """A step: an approval that is charged and saved; not `sent`: the register is not told."""

        def step() -> bytes | None:
            result = approval(stan, self.clock(), **({"amount": amount, "form": form, "tid": self.tid} | fields))
            self.charges.append(amount)
            self.saved = result
            return result if sent else None

        return step

    def status(self) -> bytes:
        """Its answer to `s`: operative."""
        return status(self.clock(), tid=self.tid)

    def codes(self) -> str:
        """The codes of the requests so far."""
        return "".join(code for _, code, _ in self.requests)

    @property
    def line(self) -> _Line:
        """The line that was opened last."""
        return self.lines[-1]

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        """Listen on the loopback; gives the port."""
        server = await asyncio.get_running_loop().create_server(lambda: _Line(self), "127.0.0.1", port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.hang_up()

    @asynccontextmanager
    async def dialling(self, port: int) -> AsyncIterator[None]:
        """Dial the register, and again whenever the line is closed."""

        async def keep_dialling() -> None:
            while True:
                await asyncio.get_running_loop().create_connection(lambda: _Line(self), "127.0.0.1", port)
                await self.line.gone.wait()

        task = asyncio.get_running_loop().create_task(keep_dialling())
        try:
            yield
        finally:
            task.cancel()
            self.hang_up()

    def hang_up(self) -> None:
        for line in self.lines:
            line.transport.abort()

    def perform(self, line: _Line, code: str, message: str) -> None:
        """Begin the play of a request."""
        self.requests.append((asyncio.get_running_loop().time(), code, self.lines.index(line) + 1))
        plays = self._plays.get(code)
        if plays is None:
            line.send(NAK)
            return
        play = plays.pop(0) if len(plays) > 1 else plays[0]
        task = asyncio.get_running_loop().create_task(self._play(line, play(message) if callable(play) else play))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, line: _Line, steps: Sequence[Step]) -> None:
        begun = asyncio.get_running_loop().time()
        for step in steps:
            if isinstance(step, bytes):
                line.send(step)
            elif isinstance(step, int | float):
                await asyncio.sleep(step)
            elif step is CLOSE:
                line.transport.close()
            elif step is ACK_DUE:
                line.acknowledged.clear()
                await line.acknowledged.wait()
            else:
                self._call(line, step)
        self.busy_seconds += asyncio.get_running_loop().time() - begun

    def _call(self, line: _Line, step: Callable[[], bytes | None]) -> None:
        sent = step()
        if sent is not None:
            line.send(sent)


class _Line(asyncio.Protocol):
    """One stream to the register."""

    transport: asyncio.Transport

    def __init__(self, terminal: ScriptedTerminal) -> None:
        self.terminal = terminal
        self.acknowledged = asyncio.Event()
        self.gone = asyncio.Event()
        self.opened_at = asyncio.get_running_loop().time()
        self.closed_at: float | None = None
        """When the register, or the terminal, closed it."""
        self._pending = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.terminal.lines.append(self)

    def eof_received(self) -> bool:
        if self.terminal.closing_seconds:
            asyncio.get_running_loop().call_later(self.terminal.closing_seconds, self.transport.close)
        return bool(self.terminal.closing_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed_at = asyncio.get_running_loop().time()
        self.gone.set()

    def send(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= 3:
            end = self._pending.find(b"\x03") + 2
            if end < 2 or len(self._pending) < end:
                return
            raw, self._pending = self._pending[:end], self._pending[end:]
            now = asyncio.get_running_loop().time()
            if raw == ACK:
                self.terminal.acks.append(now)
                self.acknowledged.set()
            elif raw == NAK:
                self.terminal.naks.append(now)
            else:
                message = raw[1:-2].decode("ascii")
                self.terminal.perform(self, message[9], message)


@dataclass
class Till:
    """A register with one terminal, and what it told."""

    loop: VirtualLoop
    register: Register
    terminal: Terminal
    alarms: list[Alarm] = field(default_factory=list)
    told_rows: list[Event] = field(default_factory=list)

    @property
    def rows(self) -> list[Event]:
        """Every event that is in the journal."""
        self.register.publisher.flush()
        return self.told_rows

    def alarm_names(self) -> list[str]:
        return [alarm.name for alarm in self.alarms]

    def row_names(self, reference: str | None = None) -> list[str]:
        """The names of an operation's events, or of the facts about the terminal."""
        return [row.name for row in self.rows if row.reference == reference]

    def row(self, name: str) -> Event:
        """The only event of this name."""
        (found,) = [row for row in self.rows if row.name == name]
        return found


@asynccontextmanager
async def till(
    loop: VirtualLoop,
    port: int | None,
    folder: Path | None = None,
    *,
    clock: Callable[[], datetime] | None = None,
    journal: Journal | None = None,
    **options: Any,
) -> AsyncIterator[Till]:
    """A register with the terminal `till-1`, which listens at `port`; None: it dials in at `LISTENING`.

    The journal is in `folder`; None: in memory.
    """
    path = folder / "till.db" if folder is not None else None
    with closing(journal or Journal(path, inline=True)) as kept:
        async with Register(kept, clock=clock or loop.clock, listen=None if port else f"127.0.0.1:{LISTENING}") as register:
            alarms: list[Alarm] = []
            rows: list[Event] = []
            register.observe(lambda event: alarms.append(event) if isinstance(event, Alarm) else None)
            register.observe_rows(lambda row: rows.append(row) if isinstance(row, Event) else None)
            dial = register.dial if port else register.listen
            where = ("127.0.0.1", port) if port else ("127.0.0.1",)
            yield Till(loop, register, dial("till-1", *where, **options), alarms, rows)
