"""One stream and its exchange."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import sys

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import ConnectError, LineError
from ecrlan.model import ExtendedPurchaseRequest, LastResultRequest, PurchaseRequest, StatusRequest
from ecrlan.net.dial import dial
from ecrlan.net.line import BAD_BYTES, BREATH_SECONDS, BUFFER, FRAMES_AT_A_TIME, FRAMES_AT_ONCE, Line
from ecrlan.protocol.exchange import Exchange, Timing
from ecrlan.protocol.step import Answered, Ending, Event, Sending
from ecrlan.wire.frames import ApplicationFrame, build_ack, build_frame, build_nak
from tests.loops import EVERY_LOOP, LoopFactory, run_on
from tests.virtual import BareTransport, VirtualLoop, run


def test_events_are_persisted_before_bytes_are_written() -> None:
    async def main(loop: VirtualLoop) -> None:
        order: list[str] = []
        async with EmulatorServer(EmulatedTerminal(clock=loop.clock)) as server:
            line = await dial("127.0.0.1", server.port, 10.0, Line)
            line.observer = lambda direction, raw: order.append(f"{direction} {raw[:1].hex()}")

            def sink(events: tuple[Event, ...]) -> asyncio.Future[None] | None:
                if not any(isinstance(event, Sending | Answered) for event in events):
                    return None
                committed = loop.create_future()
                loop.call_later(1.0, order.append, "committed")
                loop.call_later(1.0, committed.set_result, None)
                return committed

            exchange = Exchange(PurchaseRequest(amount=650), Timing())
            await line.run(exchange, sink)
        assert exchange.ending is Ending.ANSWERED
        assert order == ["committed", "> 02", "< 06", "< 02", "committed", "> 06"]

    run(main)


def test_what_cannot_be_persisted_is_not_sent() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with EmulatorServer(EmulatedTerminal(clock=loop.clock)) as server:
            line = await dial("127.0.0.1", server.port, 10.0, Line)
            committed = loop.create_future()
            loop.call_later(1.0, committed.set_exception, OSError("disk full"))
            with pytest.raises(OSError, match="disk full"):
                await line.run(Exchange(PurchaseRequest(amount=650), Timing()), lambda events: committed)
            assert not [data for _, stream, data in loop.network.written if stream.side == "dialled"]

    run(main)


def test_dead_line_is_found_by_reading() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with EmulatorServer(EmulatedTerminal(clock=loop.clock)) as server:
            line = await dial("127.0.0.1", server.port, 10.0, Line)
            assert await line.is_usable()
            loop.network.cut()
            assert not await line.is_usable()
            assert not await line.is_usable()
            with pytest.raises(LineError):
                await line.run(Exchange(StatusRequest(), Timing()), lambda events: None)
            assert not loop.network.written

    run(main)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("loop_factory", EVERY_LOOP)
def test_dead_line_is_found_at_once_over_real_tcp(loop_factory: LoopFactory, *, reset: bool) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            line = await dial("127.0.0.1", server.getsockname()[1], 10.0, Line)
            line.keep_alive()
            terminal, _ = server.accept()
            assert await line.is_usable()
            assert line.alive
            if reset:
                terminal.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0))
            terminal.close()
            select.select([line._transport.get_extra_info("socket").fileno()], [], [], 10.0)  # its end has arrived; the loop has not looked
            assert not await line.is_usable()
            assert not line.alive
            with pytest.raises(LineError, match="closed"):
                await line.run(Exchange(PurchaseRequest(amount=650), Timing()), lambda events: pytest.fail("nothing may be journaled"))

    run_on(loop_factory, main())


async def test_nobody_there() -> None:
    with pytest.raises(ConnectError, match=r"no line to 127\.0\.0\.1 port 1: ") as caught:
        await dial("127.0.0.1", 1, 1.0, Line)
    assert caught.value.sent == "no"


async def test_noise_without_end_closes_the_line() -> None:
    sent = 0

    async def hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        try:
            while sent < 100 * BAD_BYTES:
                writer.write(b"\x02" + b"z" * 1023)
                sent += 1024
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(hostile, "127.0.0.1", 0)
    async with server:
        line = await dial("127.0.0.1", server.sockets[0].getsockname()[1], 10.0, Line)
        exchange = Exchange(PurchaseRequest(amount=650), Timing())
        await line.run(exchange, lambda events: None)
        assert exchange.ending is Ending.UNANSWERED
        assert not line.alive
        assert len(line.reader.pending) <= 4096


def test_a_result_that_nobody_asked_for_is_not_acknowledged() -> None:
    """It is on no disk: its ACK would tell the terminal that it is."""

    async def main(loop: VirtualLoop) -> None:
        class Speaker(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                loop.call_later(1.0, transport.write, build_frame(b"371050510E" + b"0" * 61))

        loop.network.listen(Speaker, "127.0.0.1", 8081)
        line = await dial("127.0.0.1", 8081, 10.0, Line)
        await asyncio.sleep(2)
        assert line.alive
        assert [stream.side for _, stream, _ in loop.network.written] == ["listened"]

    run(main)


class Tap(BareTransport):
    """A stream that gives what it has while nobody stops it."""

    paused = False
    _peer = ("127.0.0.1", 8081)

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return False

    def give(self, line: Line, data: bytes) -> int:
        """Return how many bytes were taken."""
        taken = 0
        while taken < len(data) and not self.paused:
            buffer = line.get_buffer(-1)
            size = min(len(buffer), len(data) - taken)
            buffer[:size] = data[taken : taken + size]
            line.buffer_updated(size)
            taken += size
        return taken


@pytest.mark.parametrize("kind", [build_ack(), b"\x01" + b"ATTESA CARTA".rjust(20) + b"\x04", build_frame(b"371050510S" + b"x" * 24)])
def test_of_a_flood_of_frames_only_so_many_are_read_in_a_second(kind: bytes) -> None:
    async def main(loop: VirtualLoop) -> None:
        floods: list[float] = []
        line, tap = Line(on_flood=lambda: floods.append(loop.time())), Tap()
        line.connection_made(tap)  # type: ignore[arg-type]
        flood = kind * 20_000

        async def given() -> int:
            """Give the flood until the line takes no more of it but for a moment."""
            before, taken = len(floods), 0
            while len(floods) == before:
                taken += tap.give(line, flood)
                await asyncio.sleep(BREATH_SECONDS)
            return taken

        taken = await given()
        assert FRAMES_AT_A_TIME < taken / len(kind) <= FRAMES_AT_A_TIME + BUFFER / len(kind) + 1
        assert floods[0] <= FRAMES_AT_A_TIME / FRAMES_AT_ONCE * BREATH_SECONDS
        await asyncio.sleep(0.9 - loop.time())
        assert tap.paused
        await asyncio.sleep(0.2)
        assert not tap.paused
        again = await given()
        assert again <= taken + BUFFER
        assert len(floods) == 2

    run(main)


def test_between_many_frames_others_get_on() -> None:
    async def main(loop: VirtualLoop) -> None:
        line, tap = Line(on_flood=lambda: pytest.fail("no flood")), Tap()
        line.connection_made(tap)  # type: ignore[arg-type]
        kind = build_frame(b"371050510S" + b"x" * 24)
        for _ in range(3):
            taken = tap.give(line, kind * 100)
            assert FRAMES_AT_ONCE < taken / len(kind) <= FRAMES_AT_ONCE + BUFFER / len(kind) + 1
            await asyncio.sleep(BREATH_SECONDS * 0.9)
            assert tap.paused
            await asyncio.sleep(BREATH_SECONDS * 0.2)
            assert not tap.paused

    run(main)


def test_as_many_frames_as_a_terminal_sends_are_read_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        line, tap = Line(on_flood=lambda: pytest.fail("no flood")), Tap()
        line.connection_made(tap)  # type: ignore[arg-type]
        for _ in range(100):
            progress = b"\x01" + b"ATTESA CARTA".rjust(20) + b"\x04"
            assert tap.give(line, progress * 25) == 25 * len(progress)
            await asyncio.sleep(1.0)

    run(main)


# --- what nobody asked for ------------------------------------------------------------------------------------------------------------


class Recorder:
    """Takes messages that nobody asked for; each commit ends when the test says so."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.taken: list[bytes] = []
        self.committing: list[asyncio.Future[None]] = []

    def __call__(self, frame: ApplicationFrame) -> asyncio.Future[None] | None:
        self.taken.append(frame.message)
        if frame.message.startswith(b"00000000"):
            return None
        self.committing.append(self.loop.create_future())
        return self.committing[-1]


async def unasked(loop: VirtualLoop, *sent: bytes) -> tuple[Line, Recorder]:
    """A line on which the terminal sends `sent` before anybody asked."""

    class Speaker(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            for data in sent:
                transport.write(data)

    recorder = Recorder(loop)
    loop.network.listen(Speaker, "127.0.0.1", 8081)
    line = await dial("127.0.0.1", 8081, 10.0, lambda: Line(on_unasked=recorder))
    await asyncio.sleep(1)
    return line, recorder


def acks(loop: VirtualLoop) -> int:
    return sum(data == build_ack() for _, stream, data in loop.network.written if stream.side == "dialled")


RESULT = b"371050510E" + b"0" * 61


@pytest.mark.parametrize("failed", [False, True])
def test_what_nobody_asked_for_is_acknowledged_once_it_is_on_disk(*, failed: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        line, recorder = await unasked(loop, build_frame(RESULT))
        assert recorder.taken == [RESULT]
        assert acks(loop) == 0
        if failed:
            recorder.committing[0].set_exception(OSError("disk full"))
        else:
            recorder.committing[0].set_result(None)
        await asyncio.sleep(1)
        assert acks(loop) == (0 if failed else 1)
        assert line.suspect, "no request that moves money goes out on it"

    run(main)


@pytest.mark.parametrize(
    ("sent", "suspect"),
    [
        ([build_frame(b"000000000E" + b"0" * 61)], True),
        ([build_ack()], True),
        ([build_nak()], True),
        ([build_frame(RESULT)[:-1] + b"\x00"], False),
        ([b"noise"], False),
    ],
    ids=["not taken", "ACK", "NAK", "wrong LRC", "noise"],
)
def test_what_nobody_takes_is_not_acknowledged_and_an_answer_to_nothing_makes_the_line_suspect(sent: list[bytes], *, suspect: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        line, recorder = await unasked(loop, *sent)
        assert recorder.committing == []
        assert acks(loop) == 0
        assert line.suspect is suspect
        assert line.alive

    run(main)


@pytest.mark.parametrize(("strange", "suspect"), [(build_nak(), True), (build_ack(), True), (build_frame(RESULT), True), (None, False)])
def test_what_comes_after_an_exchange_and_answers_nothing_makes_the_line_suspect(strange: bytes | None, *, suspect: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with EmulatorServer(EmulatedTerminal(clock=loop.clock)) as server:
            line = await dial("127.0.0.1", server.port, 10.0, Line)
            exchange = Exchange(StatusRequest(), Timing())
            await line.run(exchange, lambda events: None)
            assert exchange.clean
            assert not line.suspect
            if strange is not None:
                (terminal,) = [stream for stream in loop.network.streams if stream.side == "listened"]
                terminal.write(strange)
            await asyncio.sleep(1)
            assert line.suspect is suspect


def test_an_answer_to_the_last_result_that_comes_twice_is_no_late_result_of_the_lost_request() -> None:
    """It tells of whatever was last: while the next question is open, a copy of it is still no answer to the purchase."""
    sale = b"371050510E000000000000000004242CLI0316763271846200000000034000001000004000000006500000000000"
    status = b"371050510s000000000023112618492SYSEMV  204"

    async def main(loop: VirtualLoop) -> None:
        class Speaker(asyncio.Protocol):
            """Says nothing to a purchase, answers `G`, and repeats that answer in front of the answer to `s`."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                self.transport = transport

            def data_received(self, data: bytes) -> None:
                answers = {b"G": [build_ack(), build_frame(sale)], b"s": [build_frame(sale), build_ack(), build_frame(status)]}
                for frame in answers.get(data[10:11], []):
                    self.transport.write(frame)

        loop.network.listen(Speaker, "127.0.0.1", 8081)
        line = await dial("127.0.0.1", 8081, 10.0, Line)
        purchase = Exchange(ExtendedPurchaseRequest(amount=650), Timing())
        await line.run(purchase, lambda _: None)
        assert purchase.ending is Ending.UNANSWERED
        for question in (LastResultRequest(), StatusRequest()):
            exchange = Exchange(question, Timing())
            await line.run(exchange, lambda _: None)
            assert exchange.ending is Ending.ANSWERED
        assert purchase.answer is None

    run(main)
