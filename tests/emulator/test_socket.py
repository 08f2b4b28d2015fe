"""The sockets, on loopback. Nothing here waits for a time; what has to happen is awaited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorDialer, EmulatorServer
from ecrlan.errors import ListenError
from ecrlan.model import PurchaseRequest, StatusRequest
from ecrlan.wire.codec import build_request
from ecrlan.wire.frames import build_ack, build_frame, build_nak

LIMIT = 10.0
PURCHASE = build_frame(build_request(PurchaseRequest(amount=650)))
STATUS = build_frame(build_request(StatusRequest()))
ACK = build_ack()


def make_terminal(**options) -> EmulatedTerminal:
    return EmulatedTerminal(clock=lambda: datetime(2026, 7, 31, 21, 22, tzinfo=UTC), **options)


async def read(reader: asyncio.StreamReader, size: int) -> bytes:
    return await asyncio.wait_for(reader.readexactly(size), LIMIT)


async def closed(reader: asyncio.StreamReader) -> bool:
    """Wait for the line's end, and tell whether nothing came before it."""
    try:
        return await asyncio.wait_for(reader.read(), LIMIT) == b""
    except ConnectionResetError:
        return True


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_server_performs_a_purchase_and_shows_its_frames():
    terminal = make_terminal()
    seen = []
    async with EmulatorServer(terminal, on_frames=lambda direction, raw: seen.append((direction, raw))) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(PURCHASE)
        answer = await read(reader, 3 + 74)
        writer.write(ACK + STATUS)
        await read(reader, 3)
        await hang_up(writer)
    assert answer[:3] == ACK
    assert seen[:4] == [(">", PURCHASE), ("<", ACK), ("<", answer[3:]), (">", ACK)]
    assert terminal.ledger.net_total() == 650


@pytest.mark.parametrize("fault", ["split", "glued"])
async def test_bytes_arrive_whole_however_they_are_sent(fault):
    terminal = make_terminal()
    terminal.faults.set(fault)
    async with EmulatorServer(terminal) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(PURCHASE)
        answer = await read(reader, 3 + 74)
        assert answer[:3] == ACK
        assert answer[4:-2] == terminal.last_result
        await hang_up(writer)


async def test_what_was_written_goes_out_before_the_line_is_closed():
    terminal = make_terminal()
    terminal.faults.set("close_after_result")
    terminal.faults.set("split")
    async with EmulatorServer(terminal) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(PURCHASE)
        assert len(await asyncio.wait_for(reader.read(), LIMIT)) == 3 + 74
        await hang_up(writer)


async def test_second_line_closes_an_idle_one():
    async with EmulatorServer(make_terminal()) as server:
        first, first_writer = await asyncio.open_connection("127.0.0.1", server.port)
        first_writer.write(PURCHASE)
        await read(first, 3 + 74)
        first_writer.write(ACK + PURCHASE[:-1] + b"\x00")
        assert await read(first, 3) == build_nak()  # so the ACK in front of it was taken
        second, second_writer = await asyncio.open_connection("127.0.0.1", server.port)
        second_writer.write(STATUS)
        assert await read(second, 3) == ACK
        assert await closed(first)
        assert (server.lines_taken, server.lines_refused) == (2, 0)
        await hang_up(first_writer)
        await hang_up(second_writer)


async def test_second_line_is_refused_in_mid_payment():
    async with EmulatorServer(make_terminal(think_seconds=3600.0)) as server:
        first, first_writer = await asyncio.open_connection("127.0.0.1", server.port)
        first_writer.write(PURCHASE)
        assert await read(first, 3) == ACK
        second, second_writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await closed(second)
        assert (server.lines_taken, server.lines_refused) == (1, 1)
        first_writer.write(STATUS)
        assert await read(first, 3) == build_nak(), "the first one still stands"
        await hang_up(first_writer)
        await hang_up(second_writer)


async def test_wakes_the_terminal_and_drops_its_line():
    terminal = make_terminal(think_seconds=3600.0)
    async with EmulatorServer(terminal) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(PURCHASE)
        await read(reader, 3)
        assert server._timer is not None
        server.reboot()
        assert await closed(reader)
        assert server._timer is None
        await hang_up(writer)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await closed(reader), "it restarts"
        await hang_up(writer)
    assert len(terminal.ledger) == 0


async def test_thinking_by_the_loop_s_own_clock():
    async with EmulatorServer(make_terminal(think_seconds=0.01, progress=("ATTENDERE",))) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(PURCHASE)
        assert len(await read(reader, 3 + 22 + 74)) == 99
        server.drop_line()
        assert await closed(reader)
        server.drop_line()
        server.wake()
        await hang_up(writer)


async def test_another_terminal_takes_the_place_of_one_at_its_address():
    first, second = make_terminal(first_stan=40), make_terminal(terminal_id="12345678", first_stan=7)
    port = 0
    for terminal in (first, second):
        async with EmulatorServer(terminal, port=port) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(PURCHASE)
            assert (await read(reader, 3 + 74))[4:12] == terminal.terminal_id.encode()
            writer.write(ACK)
            await hang_up(writer)
        port = server.port
    assert [terminal.stan for terminal in (first, second)] == ["000041", "000008"]
    assert [len(terminal.ledger) for terminal in (first, second)] == [1, 1]


async def test_port_taken():
    async with EmulatorServer(make_terminal()) as server:
        with pytest.raises(ListenError) as caught:
            async with EmulatorServer(make_terminal(), port=server.port):
                pass
        assert caught.value.port == server.port
    with pytest.raises(ListenError):
        async with EmulatorServer(make_terminal(), port=70_000):
            pass


async def test_dialer_dials_and_dials_again():
    terminal = make_terminal()
    lines: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    register = await asyncio.start_server(lambda reader, writer: lines.put_nowait((reader, writer)), "127.0.0.1", 0)
    port = register.sockets[0].getsockname()[1]
    async with EmulatorDialer(terminal, "127.0.0.1", port, redial_seconds=0.0) as dialer:
        for number in (1, 2):
            reader, writer = await asyncio.wait_for(lines.get(), LIMIT)
            writer.write(PURCHASE)
            assert (await read(reader, 77))[:3] == ACK
            assert dialer.lines_taken == number
            await hang_up(writer)
        _, writer = await asyncio.wait_for(lines.get(), LIMIT)
    await hang_up(writer)
    register.close()
    assert len(terminal.ledger) == 2


async def test_dialer_waits_for_a_register_that_is_not_there_yet():
    async with EmulatorServer(make_terminal()) as taken:
        port = taken.port
    async with EmulatorDialer(make_terminal(), "127.0.0.1", port, redial_seconds=0.0) as dialer:
        arrived = asyncio.Event()
        writers = []

        def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            arrived.set()

        register = await asyncio.start_server(take, "127.0.0.1", port)
        await asyncio.wait_for(arrived.wait(), LIMIT)
        assert dialer.lines_taken >= 1
    for writer in writers:
        await hang_up(writer)
    register.close()
