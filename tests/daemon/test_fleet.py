"""Terminals brought up to date while they work."""

from __future__ import annotations

import asyncio

import pytest

from ecrlan.daemon.fleet import CHANGES_AT_A_TIME, Fleet, check
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, OperationsWithoutTerminalError, TerminalBlockedError
from ecrlan.journal import Journal
from ecrlan.model import Unresolved
from ecrlan.register import Register, Terminal, TerminalSettings
from ecrlan.register.register import local_clock
from tests.daemon.house import until


def settings(name: str, address: str = "10.0.0.1", port: int = 8081, **options: object) -> TerminalSettings:
    return TerminalSettings(name=name, address=address, port=port, link="dial", **options)  # type: ignore[arg-type]


def wanted(*terminals: TerminalSettings) -> dict[str, TerminalSettings]:
    return {each.name: each for each in terminals}


async def test_terminals_are_added_changed_and_removed() -> None:
    async with Register() as register:
        fleet = Fleet(register)
        await fleet.open(wanted(settings("a", port=1), settings("b", port=2), settings("c", port=3)))
        b = register.terminal("b")
        done = await fleet.apply(wanted(settings("b", port=2), settings("c", port=9), settings("d", port=1)))
        assert done == {"added": ["d"], "changed": ["c"], "removed": ["a"], "unchanged": ["b"], "waiting": []}
        assert list(register.terminals) == ["b", "c", "d"]
        assert register.terminal("b") is b
        assert register.terminal("c").settings.port == 9


async def test_what_is_in_use_is_changed_once_it_is_free() -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)
    settled: list[int] = []
    async with EmulatorServer(emulated) as server, Register() as register:
        fleet = Fleet(register, lambda: settled.append(1))
        before = settings("a", "127.0.0.1", server.port)
        await fleet.open(wanted(before))
        old = register.terminal("a")
        paying = asyncio.create_task(old.purchase(650, reference="sale-1"))
        await until(lambda: emulated.stage == "card")
        after = settings("a", "127.0.0.1", server.port, queue_length=7)
        done = await fleet.apply(wanted(after))
        assert (done["changed"], [each["terminal"] for each in done["waiting"]]) == ([], ["a"])
        assert "sale-1" in done["waiting"][0]["reason"]
        assert register.terminal("a") is old
        server.press("card")
        server.press("pin")
        assert (await paying).outcome is not None
        await until(lambda: not fleet.waiting)
        assert settled == [1]
        assert register.terminal("a").settings == after
        emulated.attended = False
        await register.terminal("a").purchase(700)
        assert emulated.ledger.net_total() == 1350


async def test_many_are_changed_a_few_at_a_time_as_long_as_no_operation_is_left_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    many = wanted(*(settings(f"till-{number}", port=number + 1) for number in range(CHANGES_AT_A_TIME + 1)))
    last = f"till-{CHANGES_AT_A_TIME}"
    async with Register() as register:
        fleet = Fleet(register)
        turns: list[int] = []
        adding = asyncio.create_task(fleet.apply(many))
        while not adding.done():
            turns.append(len(register.terminals))
            await asyncio.sleep(0)
        assert set(turns) >= {0, CHANGES_AT_A_TIME}, "others get on meanwhile"
        assert (await adding)["added"] == list(many)
        looks = iter([None, OperationsWithoutTerminalError((("lost", "till-1"),))])

        def check_operations(*_: object) -> None:
            if error := next(looks):
                raise error

        monkeypatch.setattr(register, "check_operations", check_operations)
        done = await fleet.apply({})
        assert done["removed"] == [name for name in many if name != last]
        assert [(each["terminal"], "lost" in each["reason"]) for each in done["waiting"]] == [(last, True)]
        assert list(register.terminals) == [last]


async def test_another_reload_replaces_what_waited() -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0)
    async with EmulatorServer(emulated) as server, Register() as register:
        fleet = Fleet(register)
        before = settings("a", "127.0.0.1", server.port)
        await fleet.open(wanted(before))
        paying = asyncio.create_task(register.terminal("a").purchase(650))
        await until(lambda: emulated.stage == "card")
        assert (await fleet.apply({}))["waiting"]
        assert await fleet.apply(wanted(before)) == {"added": [], "changed": [], "removed": [], "unchanged": ["a"], "waiting": []}
        server.press("red")
        await paying
        assert "a" in register.terminals


def test_terminals_that_dial_in_from_one_address_are_refused() -> None:
    def listened(name: str) -> TerminalSettings:
        return TerminalSettings(name=name, address="10.0.0.1", link="listen")

    check(wanted(listened("a"), settings("b", port=9)))
    with pytest.raises(InvalidValueError, match=r"terminals\.b\.address"):
        check(wanted(listened("a"), listened("b")))


async def test_contradictions_change_nothing() -> None:
    async with Register() as register:
        fleet = Fleet(register)
        await fleet.open(wanted(settings("a")))
        twins = [TerminalSettings(name=name, address="10.0.0.9", link="auto") for name in ("b", "c")]
        with pytest.raises(InvalidValueError):
            await fleet.apply(wanted(*twins))
        assert list(register.terminals) == ["a"]


async def lose(terminal: Terminal, emulated: EmulatedTerminal) -> None:
    """Have a purchase of the terminal end unresolved."""
    emulated.faults.set("odd_result")
    operation = await terminal.purchase(650, reference="lost")
    assert isinstance(operation.outcome, Unresolved)


async def test_a_reload_that_leaves_an_unresolved_operation_to_nobody_is_refused() -> None:
    emulated = EmulatedTerminal(clock=local_clock)
    async with EmulatorServer(emulated) as server, Register() as register:
        fleet = Fleet(register)
        before = settings("a", "127.0.0.1", server.port)
        await fleet.open(wanted(before))
        await lose(register.terminal("a"), emulated)
        for others in ({}, wanted(settings("b", port=1))):
            with pytest.raises(OperationsWithoutTerminalError, match=r"lost \(terminal a\)"):
                await fleet.apply(others)
            assert register.terminal("a").settings == before
        await fleet.apply(wanted(settings("b", "127.0.0.1", server.port)))  # another name, the same terminal
        with pytest.raises(TerminalBlockedError, match="lost"):
            await register.terminal("b").purchase(700)


async def test_settings_without_the_terminal_of_an_open_operation_start_nothing() -> None:
    emulated = EmulatedTerminal(clock=local_clock)
    with Journal(None, inline=True) as journal:
        async with EmulatorServer(emulated) as server, Register(journal) as register:
            await lose(register.dial("a", "127.0.0.1", server.port), emulated)
        async with Register(journal) as register:
            with pytest.raises(OperationsWithoutTerminalError, match="lost"):
                await Fleet(register).open(wanted(settings("b", port=1)))
            assert not register.terminals


async def test_what_ends_unresolved_keeps_its_terminal_though_it_is_to_go() -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0, host_seconds=0.0)
    async with EmulatorServer(emulated) as server, Register() as register:
        fleet = Fleet(register)
        await fleet.open(wanted(settings("a", "127.0.0.1", server.port)))
        paying = asyncio.create_task(lose(register.terminal("a"), emulated))
        await until(lambda: emulated.stage == "card")
        assert (await fleet.apply({}))["waiting"]
        server.press("card")
        server.press("pin")
        await paying
        await until(lambda: "lost (terminal a)" in fleet.waiting[0]["reason"])
        assert "a" in register.terminals
        await register.resolve("lost", "approved", by="Anna", note="seen")
        await until(lambda: not register.terminals)


async def test_closed_it_applies_nothing_more() -> None:
    emulated = EmulatedTerminal(clock=local_clock, attended=True, patience_seconds=60.0)
    async with EmulatorServer(emulated) as server, Register() as register:
        fleet = Fleet(register)
        await fleet.open(wanted(settings("a", "127.0.0.1", server.port)))
        paying = asyncio.create_task(register.terminal("a").purchase(650))
        await until(lambda: emulated.stage == "card")
        await fleet.apply({})
        fleet.close()
        server.press("red")
        await paying
        await asyncio.sleep(0)
        assert "a" in register.terminals
