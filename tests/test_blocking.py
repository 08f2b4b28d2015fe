from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import ecrlan
from ecrlan import blocking
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.register.register import local_clock
from tests.threads import in_thread


@pytest.fixture
def port() -> Iterator[int]:
    """An emulated terminal in a thread of its own."""
    with in_thread(lambda: EmulatorServer(EmulatedTerminal(clock=local_clock))) as (server, _):
        yield server.port


def public(owner: type) -> set[str]:
    return {name for name in vars(owner) if not name.startswith("_")}


INSIDE_TERMINAL = {
    "admit",
    "adopt",
    "alarm",
    "accept_terminal_id_awaited",
    "begin",
    "check_again",
    "clock",
    "log",
    "monotonic",
    "note",
    "memory",
    "open_references",
    "pin",
    "poll",
    "progressed",
    "publish",
    "start",
    "take_up",
    "unblocked",
    "tell",
    "watch",
    "write",
}
INSIDE_REGISTER = {
    "cash_register_id",
    "find",
    "journal",
    "observe_rows",
    "read",
    "recollecting",
    "write",
}


def test_names_are_the_same() -> None:
    assert public(blocking.Terminal) - {"settings"} == public(ecrlan.Terminal) - INSIDE_TERMINAL
    assert public(blocking.Register) == public(ecrlan.Register) - INSIDE_REGISTER


def test_purchase(port: int) -> None:
    with blocking.Register() as register:
        terminal = register.dial("till-1", "127.0.0.1", port)
        operation = terminal.purchase(650, reference="sale-1")
        assert isinstance(operation.outcome, ecrlan.Approved)
        assert register.operation("sale-1") == operation
        assert register.terminal("till-1").name == terminal.name == terminal.settings.name
        assert register.running() == []
        seen: list[object] = []
        end = register.observe(seen.append)
        assert register.add(register.remove("till-1")).settings == terminal.settings
        terminal = register.change(terminal.settings)
        assert terminal.status().kind is ecrlan.Kind.STATUS
        assert seen
        end()
        events = terminal.events()
        first: list[object] = []
        follower = threading.Thread(target=lambda: first.append(next(events)))
        follower.start()
        while follower.is_alive():
            terminal.status()
            follower.join(0.01)
        assert first
        events.close()
        terminal.drop_line()
        terminal.accept_terminal_id("Anna")
        terminal.reset_hand_use("Anna")
        register.check_operations()
        with pytest.raises(ecrlan.RegisterError):
            register.attach("sale-1", "till-1", by="Anna")
        with pytest.raises(ecrlan.RegisterError, match="nothing about the journal is in doubt"):
            register.accept_journal(by="Anna", note="x")
        with pytest.raises(ecrlan.RegisterError):
            register.resolve("sale-1", "approved", by="Anna", note="x")


def test_not_open() -> None:
    with pytest.raises(ecrlan.RegisterError, match="not open"):
        blocking.Register().dial("till-1", "127.0.0.1")


def test_port_taken_closes_what_was_begun() -> None:
    with blocking.Register(listen="127.0.0.1:0") as register:
        listener = register._register.listener
        assert listener is not None
        with pytest.raises(ecrlan.ListenError), blocking.Register(listen=f"127.0.0.1:{listener.port}"):
            pass
