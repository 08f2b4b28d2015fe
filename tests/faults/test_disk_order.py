"""What the system saw: fdatasync of the journal's log returned before the request's first byte was written, and before the result's ACK.

A SIGKILL cannot show that, for the system keeps what a dead process wrote. strace is the witness.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.wire.frames import ApplicationFrame, FrameReader, build_ack
from ecrlan.wire.lrc import lrc
from ecrlan.wire.mask import mask_message
from tests.faults.kills import PATIENCE, TREE

CALLS = "fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg,read,recvfrom,recvmsg"
FINANCIAL = b"XPSpic"
RESULTS = b"EVeicv"
COMMANDS = ("purchase:one:10001", "preauthorize:two:10002", "purchase:three:9001", "purchase:four:10004")
"""The third is declined: its result must be on disk as well."""

_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<number>\d+)<(?P<file>(?:->|[^<>])*)(?:<[^>]*>)?>(?P<rest>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_RETURNED = re.compile(r"= (-?\d+)[^=]*$")


@dataclass(slots=True)
class Call:
    """One system call: the lines of the trace at which it began and returned, its file or stream, its bytes."""

    name: str
    file: str
    began: int
    returned: int
    data: bytes

    @property
    def syncs_log(self) -> bool:
        return self.name in ("fdatasync", "fsync") and self.file.endswith("-wal")

    @property
    def writes_log(self) -> bool:
        return self.name.startswith(("pwrite", "write")) and self.file.endswith("-wal")


def calls_of(lines: Iterable[str]) -> list[Call]:
    """Return the successful calls of `strace -f -yy -xx`, in the order in which they began."""
    calls = []
    open_calls: dict[str, tuple[str, str, int, str]] = {}
    for number, line in enumerate(lines):
        matched = _LINE.match(line)
        if matched is None:
            continue
        thread, rest = matched["thread"], matched["rest"]
        if resumed := _RESUMED.match(rest):
            if thread not in open_calls:
                continue
            name, file, began, text = open_calls.pop(thread)
            text += resumed["rest"]
        elif call := _CALL.match(rest):
            name, file, began, text = call["name"], _unescaped(call["file"]), number, call["rest"]
            if "<unfinished ...>" in text:
                open_calls[thread] = (name, file, began, text.replace("<unfinished ...>", ""))
                continue
        else:
            continue
        returned = _RETURNED.search(text)
        if returned is None or int(returned[1]) < 0:
            continue
        data = b"".join(bytes.fromhex(piece.replace("\\x", "")) for piece in _BYTES.findall(text))
        calls.append(Call(name, file, began, number, data))
    return sorted(calls, key=lambda call: call.began)


def _unescaped(file: str) -> str:
    return bytes.fromhex(file.replace("\\x", "")).decode() if file.startswith("\\x") else file


@dataclass(slots=True)
class Finding:
    """One request or one ACK, and what stood on disk when its first byte was written (None: everything that must)."""

    what: str
    violation: str | None


def findings(calls: list[Call]) -> Iterator[Finding]:
    """Look at every financial request that was written, and at every ACK of its result. An answer to `G` is nobody's result yet."""
    asked: dict[str, bytes] = {}
    results: dict[str, list[bytes]] = {}
    readers: dict[tuple[str, bool], FrameReader] = {}
    for call in calls:
        if not call.file.startswith("TCP"):
            continue
        received = call.name in ("read", "recvfrom", "recvmsg")
        waiting = results.setdefault(call.file, [])
        for frame in readers.setdefault((call.file, received), FrameReader()).feed(call.data):
            if isinstance(frame, ApplicationFrame):
                code = frame.message[9:10]
                if received and asked.get(call.file, b"G") in FINANCIAL and code in RESULTS:
                    waiting.append(frame.message)
                elif not received:
                    asked[call.file] = code
                    if code in FINANCIAL:
                        yield Finding(f"request {code.decode()}", _violation(calls, call, frame.message))
            elif not received and frame.raw == build_ack() and waiting:
                message = waiting.pop(0)
                yield Finding(f"ACK of {message[9:10].decode()}", _violation(calls, call, message))


def _violation(calls: list[Call], sent: Call, message: bytes) -> str | None:
    """Say what is missing before `sent`: the write of the message's record to the log, and behind it a sync that returned."""
    record = mask_message(message).hex().encode()
    written = next((call for call in calls if call.writes_log and record in call.data), None)
    if written is None or written.returned >= sent.began:
        return "its record was not written before"
    if not any(call.syncs_log and call.began > written.returned and call.returned < sent.began for call in calls):
        return "its record was written before, and no sync of the log returned in between"
    return None


# --- the real thing -------------------------------------------------------------------------------------------------------------------


def strace() -> str:
    """Return strace's path; skip where there is none, fail where there must be one."""
    found = shutil.which("strace") if sys.platform == "linux" else None
    if found is not None and subprocess.run([found, "-f", "-o", os.devnull, "true"], check=False, capture_output=True).returncode:
        found = None  # a container may forbid it
    if found is None:
        if os.environ.get("ECRLAN_TESTS_NEED_DEBIAN") == "1":
            pytest.fail("strace is missing or forbidden, and ECRLAN_TESTS_NEED_DEBIAN=1 asks for it")
        pytest.skip("no strace here, or it may not trace")
    return found


async def traced(folder: Path, synchronous: str, command: str) -> list[Call]:
    """Let a till do its work on a new journal under strace, and return its system calls."""
    terminal = EmulatedTerminal(clock=lambda: datetime.now(UTC), think_seconds=0.002, progress=("ATTENDERE",))
    async with EmulatorServer(terminal) as server:
        process = await asyncio.create_subprocess_exec(
            *(command, "-f", "-yy", "-xx", "-s", "20000", "-e", f"trace={CALLS}", "-o", str(folder / "trace.txt")),
            *(sys.executable, "-m", "tests.faults.till", str(folder / "till.db"), str(server.port), synchronous, *COMMANDS),
            cwd=TREE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate(b"")
    assert process.returncode == 0, output
    told = {line.split()[1]: line.split()[2] for line in output.decode().splitlines() if line.startswith("told")}
    assert told == {"one": "approved", "two": "approved", "three": "declined", "four": "approved"}
    assert len(terminal.ledger) == 3
    with (folder / "trace.txt").open() as lines:
        return calls_of(lines)


WANTED = ["request X", "ACK of E", "request p", "ACK of e", "request X", "ACK of E", "request X", "ACK of E"]


@pytest.mark.debian
def test_disk_comes_before_wire(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = asyncio.run(traced(tmp_path, "FULL", strace()))
    found = list(findings(calls))
    with capsys.disabled():
        print(f"\nOrder on disk: {len(calls)} system calls, {sum(call.syncs_log for call in calls)} syncs of the log")
        print("\n".join(f"  {finding.what}: {finding.violation or 'on disk before'}" for finding in found))
    assert [finding.what for finding in found] == WANTED
    assert [finding for finding in found if finding.violation] == []


@pytest.mark.debian
@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_the_witness_sees_a_journal_that_does_not_wait_for_the_disk(tmp_path: Path, synchronous: str) -> None:
    found = list(findings(asyncio.run(traced(tmp_path, synchronous, strace()))))
    assert [finding.what for finding in found] == WANTED
    assert all(finding.violation and "no sync" in finding.violation for finding in found), found


# --- the reading of a trace, without strace -------------------------------------------------------------------------------------------

MESSAGE = b"371050510X" + b"0" * 157
RECORD = MESSAGE.hex().encode()
WRITE = '7 pwrite64(5</till.db-wal>, "{record}", 334, 0) = 334'
SYNC = "7 fdatasync(5</till.db-wal>) = 0"
SEND = '8 sendto(9<TCP:[a->b]>, "{frame}", 170, 0, NULL, 0) = 170'


def trace(*lines: str) -> list[str]:
    """Lines of a trace with the request's record and its frame put in."""
    frame = b"\x02" + MESSAGE + b"\x03"
    raw = frame + bytes((lrc(frame),))
    texts = {"record": RECORD, "frame": raw}
    return [line.format(**{name: "".join(f"\\x{byte:02x}" for byte in text) for name, text in texts.items()}) for line in lines]


@pytest.mark.parametrize(
    ("lines", "violation"),
    [
        ((WRITE, SYNC, SEND), None),
        ((WRITE, "7 fdatasync(5</till.db-wal> <unfinished ...>", "7 <... fdatasync resumed>) = 0", SEND), None),
        ((WRITE, "7 fdatasync(5</till.db-wal> <unfinished ...>", SEND, "7 <... fdatasync resumed>) = 0"), "no sync"),
        ((WRITE, SEND, SYNC), "no sync"),
        ((SYNC, WRITE, SEND), "no sync"),
        ((WRITE, "7 fdatasync(5</till.db>) = 0", SEND), "no sync"),
        ((WRITE, "7 fdatasync(5</till.db-wal>) = -1 EIO (Input/output error)", SEND), "no sync"),
        ((SEND, WRITE, SYNC), "not written before"),
        ((SYNC, SEND), "not written before"),
    ],
)
def test_the_reading_of_a_trace(lines: tuple[str, ...], violation: str | None) -> None:
    found = list(findings(calls_of(trace(*lines))))
    assert [finding.what for finding in found] == ["request X"]
    assert violation in found[0].violation if violation and found[0].violation else found[0].violation == violation
