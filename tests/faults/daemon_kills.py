"""Daemons that are killed at random moments while operations started over HTTP are under way.

A house is one daemon (`ecrlan serve`, a process of its own) on one journal, with two terminals that are emulated in this process, each
with the lane of `tests.faults.kills` that asks and compares, and a listener that is called back. `python -m tests.faults.daemon_kills
KILLS SEED` is a longer run.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random
from typing import Any, Self

import httpx

from ecrlan.emulator import EmulatorServer
from ecrlan.journal import Entry
from tests.daemon.process import DaemonProcess, free_port
from tests.faults.kills import PATIENCE, Asked, Conversation, Figures, Lane, WrongError, table
from tests.faults.till import OPTIONS

HOUSES = 2
WAIT = 20
"""Seconds that one request waits for an operation's end."""
RETRY_SECONDS = 0.02
"""Between two attempts to reach a daemon that is still starting."""
NOTE = "seen in the ledger"


class Listener:
    """Takes callbacks on a port of its own, whichever daemon sends them. `async with Listener() as listener`."""

    def __init__(self) -> None:
        self.told: dict[str, list[str]] = {}
        """The outcomes of the FINALs, by reference, in their order."""
        self.url = ""
        self._lines: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/told"
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._server.close()
        for line in self._lines:
            line.close()
        await asyncio.gather(*(task for task in self._lines.values() if task is not None))

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines[writer] = asyncio.current_task()
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # its daemon was killed, or has ended
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
                length = next(int(line.partition(b":")[2]) for line in head if line.startswith(b"content-length:"))
                document = json.loads(await reader.readexactly(length))
                operation = document["operation"]
                if document["step"] == "FINAL":
                    self.told.setdefault(operation["reference"], []).append(operation["outcome"])
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    def check(self, asked: Iterable[Asked]) -> None:
        """Compare what was told last with what the callers were told. Raises `WrongError`."""
        wrong = [f"{one.reference}: {one.told}, and called back: {self.told.get(one.reference)}" for one in asked if self._differs(one)]
        if wrong:
            raise WrongError("\n".join(wrong))

    def _differs(self, one: Asked) -> bool:
        return is_called_back(one.reference) and (self.told.get(one.reference) or [None])[-1] != one.told


def is_called_back(reference: str) -> bool:
    """Tell whether callbacks are asked for: of two operations in three, each time that one is asked."""
    return int(reference.rpartition("-")[2]) % 3 > 0


class KilledError(Exception):
    """The daemon was killed: its answer never comes."""


class Caller(Conversation):
    """A program that uses one terminal of a daemon over HTTP, and asks again whatever it was not told."""

    def __init__(self, daemon: DaemonProcess, terminal: str, asked: dict[str, Asked], random: Random, callback_url: str) -> None:
        super().__init__()
        self.daemon = daemon
        self.callback_url = callback_url
        self.terminal = terminal
        self.killed = False
        self._asked = asked
        self._random = random
        self._problem = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = httpx.AsyncClient(base_url=daemon.base, timeout=PATIENCE, trust_env=False)
        self._begin(self._until_ready())

    @property
    def ended(self) -> str:
        return self._problem or ("was killed" if self.killed else "")

    def send(self, command: str) -> None:
        kind, reference, value = command.split(":")
        if kind == "resolve":
            body: dict[str, Any] = {"outcome": value, "by": "the test", "note": NOTE}
            self._begin(self._ask(reference, f"/v1/operations/{reference}/resolve", body))
            return
        body = {"kind": kind, "reference": reference, **({"stan": value} if kind == "void" else {"amount": int(value)})}
        if is_called_back(reference):
            body["callback_url"] = self.callback_url
        wait = self._random.choice((0, 0.005, WAIT, WAIT))
        self._begin(self._ask(reference, f"/v1/terminals/{self.terminal}/operations?wait={wait}", body))

    async def check_lookups(self) -> None:
        """Compare what the daemon's other routes say with what was told. Raises `WrongError`."""
        for one in self._asked.values():
            answer = await self._request("GET", f"/v1/operations/{one.reference}")
            if answer.json().get("outcome") != one.told:
                raise WrongError(f"{one.reference}: told {one.told}, and looked up: {answer.text}")
        listed: list[str] = []
        place = f"/v1/operations?terminal={self.terminal}&limit=7"
        page = (await self._request("GET", place)).json()
        listed += [each["reference"] for each in page["operations"]]
        while page["next"] is not None:
            page = (await self._request("GET", f"{place}&before={page['next']}")).json()
            listed += [each["reference"] for each in page["operations"]]
        if sorted(listed) != sorted(self._asked):
            raise WrongError(f"asked for {sorted(self._asked)}, and listed are {sorted(listed)}")

    async def close(self) -> None:
        """Let requests end: those to a killed daemon fail by themselves. Raises `WrongError` where an answer was wrong."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._tasks, return_exceptions=True)  # cancelling one that connects would leave its socket open
        await self._client.aclose()
        if self._problem:
            raise WrongError(self._problem)

    # --- requests ---------------------------------------------------------------------------------------------------------------

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, KilledError):
            self._problem = self._problem or f"{type(error).__name__}: {error}"
        self._changed.set()

    async def _until_ready(self) -> None:
        try:
            await self._request("GET", "/healthz")
        finally:
            self.ready.set()

    async def _ask(self, reference: str, path: str, body: dict[str, Any]) -> None:
        """Post, and wait for the outcome as a till would: by long polls."""
        answer = await self._request("POST", path, body)
        if answer.status_code >= 400:
            error = answer.json()["error"]
            if error["sent"] != "no" or answer.status_code == 500:
                raise WrongError(f"{reference}: {answer.status_code} {error}\n{self.daemon.log[-5000:]}")
            self._asked[reference].told, self._asked[reference].problem = "refused", error["message"]
            return
        while answer.json()["outcome"] is None:
            answer = await self._request("GET", f"/v1/operations/{reference}?wait={WAIT}")
            if answer.status_code != 200:
                raise WrongError(f"{reference} was promised, and then: {answer.status_code} {answer.text}")
        self._asked[reference].told = answer.json()["outcome"]

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Make a request; a daemon that is starting is tried until it listens. A killed one never answers."""
        while not self.killed:
            try:
                headers = self.daemon.headers if path != "/healthz" else {}
                return await self._client.request(method, path, json=body, headers=headers)
            except (httpx.ConnectError, FileNotFoundError):  # not listening yet; then the tokens may not be made yet, either
                if not self.daemon.running and not self.killed:
                    raise WrongError(f"the daemon ended by itself ({self.daemon.process.returncode}):\n{self.daemon.log[-2000:]}") from None
                await asyncio.sleep(RETRY_SECONDS)
            except httpx.TransportError as error:
                if not self.killed:
                    raise WrongError(f"{method} {path}: {error!r} from a daemon that lives") from None
        raise KilledError


class TerminalLane(Lane):
    """One terminal of a house."""

    start_seconds = 1.5
    think_seconds = 0.02
    request_seconds = 0.04
    asked_seconds = 0.08
    result_share = 0.4
    result_seconds = 0.006

    def entries(self) -> dict[str, Entry]:
        return {reference: entry for reference, entry in super().entries().items() if entry.terminal == self.name}


class House:
    """One daemon after the other on one journal, with a terminal that is trusted and one that is not."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.lanes = [
            TerminalLane(f"{name}-{trust}", folder, trust=trust == "trusted", terminal_id=terminal_id)
            for trust, terminal_id in (("doubted", "37105051"), ("trusted", "37105052"))
        ]
        self._random = Random(name)
        self._settings: dict[str, dict[str, Any]] = {}
        self._port = free_port()
        self._listener = Listener()

    async def run(self, kills: int) -> None:
        """Kill `kills` daemons, then let one finish everything. Raises `WrongError`."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._listener)
            for lane in self.lanes:
                server = await stack.enter_async_context(EmulatorServer(lane.terminal, on_frames=lane.frame))
                options = {**OPTIONS, "trust_unchanged_result": lane.trust}
                self._settings[lane.name] = {"address": "127.0.0.1", "port": server.port, "link": "dial", **options}
            for _ in range(kills):
                await self._round()
            await self._last_round()

    async def _start(self) -> tuple[DaemonProcess, list[Caller]]:
        daemon = await DaemonProcess.start(self.folder, self._settings, port=self._port)
        return daemon, [Caller(daemon, lane.name, lane.asked, self._random, self._listener.url) for lane in self.lanes]

    async def _round(self) -> None:
        """Kill a daemon at the moment of whichever lane comes first; the other is wherever it is."""
        daemon, callers = await self._start()
        moments = [asyncio.create_task(lane.until_the_moment(caller)) for lane, caller in zip(self.lanes, callers, strict=True)]
        try:
            await asyncio.wait(moments, return_when=asyncio.FIRST_COMPLETED)
            first = next(number for number, moment in enumerate(moments) if moment.done())
        finally:
            for moment in moments:
                moment.cancel()
            ends = await asyncio.gather(*moments, return_exceptions=True)
            for caller in callers:
                caller.killed = True
            await daemon.kill()
            for caller in callers:
                await caller.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end
        self.lanes[first].figures.kills += 1
        for lane in self.lanes:
            lane.terminal.faults.clear()
            lane.check(count=lane is self.lanes[first])

    async def _last_round(self) -> None:
        daemon, callers = await self._start()
        async with daemon:
            await asyncio.gather(*(lane.finish(caller) for lane, caller in zip(self.lanes, callers, strict=True)))
            for caller in callers:
                await caller.check_lookups()
                await caller.close()
            if code := await daemon.stop():
                raise WrongError(f"the last daemon ended with {code}:\n{daemon.log[-2000:]}")
        for lane in self.lanes:
            self._listener.check(lane.asked.values())
            await lane.sum_up()


async def run_houses(kills: int, seed: int, folder: Path) -> dict[str, Figures]:
    """Kill `kills` daemons, and return the figures by setting. Raises `WrongError` with the seed in the lanes' names."""
    houses = [House(f"seed{seed}-house{number}", folder / f"house{number}") for number in range(HOUSES)]
    shares = [kills // HOUSES + (number < kills % HOUSES) for number in range(HOUSES)]
    for house in houses:
        house.folder.mkdir()
    await asyncio.gather(*(house.run(share) for house, share in zip(houses, shares, strict=True)))
    rows: dict[str, Figures] = {}
    for lane in (lane for house in houses for lane in house.lanes):
        rows.setdefault("yes" if lane.trust else "no", Figures()).add(lane.figures)
    return rows


if __name__ == "__main__":
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        print(table(asyncio.run(run_houses(int(sys.argv[1]), int(sys.argv[2]), Path(made)))))
    print(f"{time.monotonic() - began:.0f} s")
