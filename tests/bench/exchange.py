"""One purchase: raw asyncio, through `Register`, and the codec alone; and what starting costs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from ecrlan.model import PaymentResult, PurchaseRequest
from ecrlan.register import Register, Terminal
from ecrlan.wire.codec import build_request, parse_response
from ecrlan.wire.frames import ApplicationFrame, FrameReader, build_frame
from tests.bench import by_hand
from tests.bench.peers import OPTIONS, REQUEST, BufferedRawClient, RawClient, connect, responders
from tests.bench.responder import TERMINAL_ID, result
from tests.bench.table import Series, render

READER = FrameReader()
"""As a line has it: one for all its frames."""
LONGEST = 45.0
"""Seconds after which no further round begins."""
STARTS = {
    "python -c pass": "pass",
    "import ecrlan": "import ecrlan",
    "import ecrlan, Register": "import ecrlan; ecrlan.Register",
    "ecrlan --version": "import sys; sys.argv = ['ecrlan', '--version']; from ecrlan.cli import main; main()",
}
STARTS_AIMS = {"import ecrlan, Register": 10.0, "ecrlan --version": 4.0}
"""Times of a Python that does nothing."""


async def purchases(terminal: Terminal, times: int) -> None:
    for _ in range(times):
        operation = await terminal.purchase(650)
        assert operation.outcome is not None
        assert operation.outcome.outcome == "approved", operation


def build(request: PurchaseRequest) -> bytes:
    return build_frame(build_request(request))


def parse(frame: bytes) -> PaymentResult:
    (read,) = READER.feed(frame)
    assert isinstance(read, ApplicationFrame)
    response = parse_response(read.message, answers="P")
    assert isinstance(response, PaymentResult)
    return response


def each(work: Callable[[], object], times: int) -> float:
    """Microseconds of one call."""
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) / times * 1e6


def start(program: str, bytecode: str) -> float:
    """Milliseconds of a fresh process, which keeps its compiled modules in the folder `bytecode`, as an installed package has them."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": bytecode}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL, env=environ)
    return (time.perf_counter() - started) * 1e3


async def measure(rounds: int, count: int, port: int) -> list[Series]:
    raw = Series("raw asyncio Protocol, per purchase")
    buffered = Series("raw BufferedProtocol, per purchase", against=raw)
    register = Series("Register(journal=None), per purchase", against=raw, aim=4)
    building_by_hand = Series("slices by hand: build P and its frame")
    building = Series("codec alone: build P and its frame", against=building_by_hand, aim=2)
    parsing_by_hand = Series("slices by hand: read the frame, parse E")
    parsing = Series("codec alone: read the frame, parse E", against=parsing_by_hand, aim=2)
    nothing = Series("python -c pass", "ms")
    others = [Series(name, "ms", against=nothing, aim=STARTS_AIMS.get(name)) for name in STARTS if name != nothing.name]
    starts = {series.name: series for series in (nothing, *others)}
    clients: list[RawClient] = [await connect(port), await connect(port, BufferedRawClient)]
    frame = result(TERMINAL_ID.encode())
    end = time.monotonic() + LONGEST
    async with contextlib.AsyncExitStack() as stack:
        bytecode = stack.enter_context(tempfile.TemporaryDirectory())
        for program in STARTS.values():
            start(program, bytecode)
        open_register = await stack.enter_async_context(Register())
        terminal = open_register.dial("bench", "127.0.0.1", port, **OPTIONS)
        await purchases(terminal, min(count, 50))
        await clients[0].exchange(min(count, 50))
        for number in range(rounds):
            if number and time.monotonic() > end:
                break
            works = [(raw, clients[0].exchange), (buffered, clients[1].exchange), (register, lambda times: purchases(terminal, times))]
            for series, work in works[number % 3 :] + works[: number % 3]:  # none is always the first
                started = time.perf_counter()
                await work(count)
                series.samples.append((time.perf_counter() - started) / count * 1e6)
            building_by_hand.samples.append(each(lambda: by_hand.build(REQUEST), count))
            building.samples.append(each(lambda: build(REQUEST), count))
            parsing_by_hand.samples.append(each(lambda: by_hand.parse(frame), count))
            parsing.samples.append(each(lambda: parse(frame), count))
            for name, program in STARTS.items():
                if number % 3 == 0:
                    starts[name].samples.append(start(program, bytecode))
    for client in clients:
        client.transport.close()
    return [raw, buffered, register, building_by_hand, building, parsing_by_hand, parsing, *starts.values()]


def run(rounds: int, count: int) -> str:
    with responders(1) as (port,):
        series = asyncio.run(measure(rounds, count, port))
    python = sys.version.split()[0]
    note = f"{len(series[0].samples)} interleaved rounds of {count}; Python {python}; the responder is another process on loopback."
    return render("exchange: one purchase (request, ACK, result, ACK), kept line", series, note)
