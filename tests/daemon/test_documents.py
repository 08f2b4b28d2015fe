"""A terminal in words; how it looks over HTTP is in http/test_terminals.py."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from ecrlan.daemon.documents import own_addresses, state_of, status_text, terminal_as_json, time_of
from ecrlan.daemon.health import Condition
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.model import StatusResponse, TerminalStatus
from ecrlan.register import Register
from ecrlan.texts import LANGUAGES, say
from tests.virtual import VirtualLoop, run


def status_of(digit: int | None, word: str | None = None) -> StatusResponse:
    return StatusResponse(terminal_id="1", terminal_time=None, terminal_status=digit, status_word=word, software_release="")


def test_every_status_has_words() -> None:
    for language in LANGUAGES:
        known = [status_text(status_of(int(status)), language) for status in TerminalStatus]
        assert known == [say(language, f"status.{number}") for number in range(7)]
    assert status_text(status_of(9), "en") == "status 9, which no table knows"
    assert status_text(status_of(None, "OPERATIVO"), "en") == "operative"
    assert status_text(status_of(None, "NOTREADY"), "it") == "NOTREADY"
    assert status_text(status_of(None), "en") is None


def test_a_terminal_whose_status_is_a_word() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", 1)
            terminal.memory.status = status_of(None, "NOTREADY")
            document = terminal_as_json(terminal, loop.clock(), Condition())
            assert [document[name] for name in ("terminal_status", "status_word", "status_text")] == [None, "NOTREADY", "NOTREADY"]

    run(main)


def test_moments() -> None:
    assert time_of(datetime(2026, 11, 23, 17, 44, 30, tzinfo=UTC), 90.4) == "2026-11-23T17:42:59+00:00"


def test_the_word_that_matters_most() -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            assert state_of(terminal) == "idle"
            states = set()
            register.observe(lambda _: states.add(state_of(terminal)))
            emulated.faults.set("odd_result")
            await terminal.purchase(650, reference="sale-1")
            assert states >= {"busy", "blocked"}
            assert state_of(terminal) == "blocked"
            document = terminal_as_json(terminal, loop.clock(), Condition())
            assert (document["state"], document["unresolved"], document["holder"]) == ("blocked", ["sale-1"], None)
            terminal.memory.foreign_terminal_id = "99999999"
            assert state_of(terminal) == "foreign"

    run(main)


def test_what_an_earlier_run_knew_is_told_until_it_is_known_anew() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with EmulatorServer(EmulatedTerminal(clock=loop.clock)) as server, Register(clock=loop.clock) as register:
            terminal = register.dial("till-1", "127.0.0.1", server.port)
            earlier = Condition(software_release="OLD  1", takes_extended=False)
            before = terminal_as_json(terminal, loop.clock(), earlier)
            assert (before["software_release"], before["supports"]["extended_purchase"]) == ("OLD  1", False)
            await terminal.purchase(650)
            after = terminal_as_json(terminal, loop.clock(), earlier)
            assert (after["software_release"], after["supports"]["extended_purchase"]) == ("SYSEMV  204", True)

    run(main)


def test_a_machine_without_a_name_or_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", fail)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert own_addresses() == []


def test_addresses_of_loopback_are_nobodys() -> None:
    assert all(not address.startswith(("127.", "0.")) for address in own_addresses())
