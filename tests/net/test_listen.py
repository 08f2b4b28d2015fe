"""The register's own address, over real TCP."""

from __future__ import annotations

import asyncio

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorDialer, EmulatorServer
from ecrlan.errors import InvalidValueError, ListenError
from ecrlan.model import Approved, Declined, NotPerformed
from ecrlan.register import Register, TerminalSettings
from ecrlan.register.register import local_clock
from tests.loops import EVERY_LOOP, LoopFactory, run_on


def port_of(register: Register) -> int:
    assert register.listener is not None
    return register.listener.port


@pytest.mark.parametrize("loop_factory", EVERY_LOOP)
def test_a_terminal_that_dials_in_is_served_on_every_loop(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        async with Register(listen="127.0.0.1:0") as register:
            terminal = register.listen("till-1", "127.0.0.1", keep_open=True, connect_timeout=5.0)
            async with EmulatorDialer(EmulatedTerminal(clock=local_clock), "127.0.0.1", port_of(register)):
                assert isinstance((await terminal.purchase(650)).outcome, Approved)
                assert isinstance((await terminal.purchase(700)).outcome, Approved)
            assert register.strangers == {}

    run_on(loop_factory, main())


@pytest.mark.parametrize("loop_factory", EVERY_LOOP)
def test_a_terminal_that_dials_in_anew_for_each_exchange_is_served_on_every_loop(loop_factory: LoopFactory) -> None:
    """Printing on the register, a refusal, a lost result and its recovery: each on a line that the terminal opened."""

    async def main() -> None:
        emulated = EmulatedTerminal(clock=local_clock)
        async with Register(listen="127.0.0.1:0") as register:
            options = {"connect_timeout": 5.0, "recovery_pause": 0.0, "print_on_register": True, "standalone_use": False}
            terminal = register.listen("till-1", "127.0.0.1", **options)
            async with EmulatorDialer(emulated, "127.0.0.1", port_of(register)):
                assert b"6,50" in (await terminal.purchase(650)).receipt
                assert isinstance((await terminal.purchase(90_01)).outcome, Declined)
                emulated.faults.set("drop_after_charge", 1)
                assert isinstance((await terminal.purchase(700)).outcome, Approved)
            assert register.strangers == {}

    run_on(loop_factory, main())


async def test_strangers_are_closed_at_once_and_reported() -> None:
    async with Register(listen="127.0.0.1:0") as register:
        register.listen("till-1", "127.0.0.9")
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(register))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert register.strangers == {"127.0.0.1": 1}


async def test_port_taken_names_address_and_port() -> None:
    async with Register(listen="127.0.0.1:0") as register:
        taken = port_of(register)
        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1 port {taken}: ") as caught:
            await Register(listen=f"127.0.0.1:{taken}").open()
        assert caught.value.sent == "no"


async def test_two_listened_terminals_need_two_addresses() -> None:
    async with Register(listen="127.0.0.1:0") as register:
        register.listen("till-1", "127.0.0.1")
        with pytest.raises(InvalidValueError, match="no other listened terminal has"):
            register.listen("till-2", "127.0.0.1")


async def test_the_same_terminal_connects_twice() -> None:
    """A terminal that lost power dials in again before its old line is known to be dead: the newest line counts."""
    async with Register(listen="127.0.0.1:0") as register:
        terminal = register.listen("till-1", "127.0.0.1", keep_open=True)
        dead_reader, dead_writer = await asyncio.open_connection("127.0.0.1", port_of(register))
        async with EmulatorDialer(EmulatedTerminal(clock=local_clock), "127.0.0.1", port_of(register)):
            assert await dead_reader.read() == b"", "the older line is closed when the newer one comes"
            assert isinstance((await terminal.purchase(650)).outcome, Approved)
        dead_writer.close()
        await dead_writer.wait_closed()


async def test_a_newer_line_waits_while_the_older_is_in_use() -> None:
    async with Register(listen="127.0.0.1:0") as register:
        terminal = register.listen("till-1", "127.0.0.1", ack_timeout=0.2, status_timeout=0.5, connect_timeout=1.0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(register))
        running = asyncio.create_task(terminal.status())
        assert await reader.read(100)
        async with EmulatorDialer(EmulatedTerminal(clock=local_clock), "127.0.0.1", port_of(register)):
            assert isinstance((await running).outcome, NotPerformed), "the silent old line is not replaced in mid-exchange"
            assert isinstance((await terminal.purchase(650)).outcome, Approved)
        writer.close()
        await writer.wait_closed()


async def test_auto_takes_the_open_line_and_dials_without_one() -> None:
    emulated = EmulatedTerminal(clock=local_clock)
    async with EmulatorServer(emulated) as server, Register(listen="127.0.0.1:0") as register:
        terminal = register.add(TerminalSettings(name="till-1", address="127.0.0.1", port=server.port, standalone_use=False))
        assert isinstance((await terminal.purchase(650)).outcome, Approved)
        other = EmulatedTerminal(clock=local_clock, first_stan=100)
        async with EmulatorDialer(other, "127.0.0.1", port_of(register)):
            assert register.listener is not None
            assert await register.listener.wait("127.0.0.1", 5.0) is not None
            assert isinstance((await terminal.purchase(700)).outcome, Approved)
    assert [len(emulated.ledger), len(other.ledger)] == [1, 1]
