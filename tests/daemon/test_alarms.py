"""Alarms: raised once, ended by what ends them, told to a command and a webhook that nobody waits for."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ecrlan.daemon import alarms as module
from ecrlan.daemon.alarms import COMMAND_SECONDS, NOTICES_AT_ONCE, Alarms, UnknownAlarmError
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.errors import InvalidValueError, RegisterError
from ecrlan.journal import Event, Journal
from ecrlan.model import Approved, Code, Evidence, Unresolved, verbatim
from ecrlan.register import Alarm, OperationChanged, Register
from tests.daemon.receiver import Receiver
from tests.scripted import TID, ScriptedTerminal
from tests.virtual import VirtualLoop, run


def prose(text: str) -> Evidence:
    return verbatim(Code.PROSE, text)


@dataclass
class Hub:
    """Keeps what is published."""

    told: list[tuple[str, dict[str, Any], str | None]] = field(default_factory=list)

    def publish(self, kind: str, data: dict[str, Any], terminal: str | None = None) -> None:
        self.told.append((kind, data, terminal))


@dataclass
class Command:
    """A command that takes `seconds`, or does not start."""

    seconds: float = 0.0
    problem: Exception | None = None
    calls: list[tuple[list[str], str, dict[str, Any]]] = field(default_factory=list)
    killed: int = 0
    running: int = 0
    most_running: int = 0

    async def __call__(self, arguments: list[str], environment: dict[str, str]) -> Running:
        if self.problem is not None:
            raise self.problem
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        return Running(self, arguments, environment)


@dataclass
class Running:
    command: Command
    arguments: list[str]
    environment: dict[str, str]
    returncode: int | None = None

    async def communicate(self, input: bytes | None = None) -> tuple[bytes, bytes]:  # noqa: A002
        self.command.calls.append((self.arguments, self.environment["ECRLAN_ALARM"], json.loads(input or b"")))
        await asyncio.sleep(self.command.seconds)
        self.end(0)
        return b"", b""

    async def wait(self) -> int:
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        self.command.killed += 1
        self.end(-9)

    def end(self, code: int) -> None:
        self.returncode = code
        self.command.running -= 1


@asynccontextmanager
async def opened(loop: VirtualLoop, journal: Journal | None = None, **options: Any) -> AsyncIterator[tuple[Register, Alarms, Hub]]:
    hub = Hub()
    async with Register(journal, clock=loop.clock) as register:
        alarms = Alarms(register, hub, loop.clock, **options)
        await alarms.open()
        yield register, alarms, hub
        await alarms.close()


def names(alarms: Alarms) -> list[tuple[str, str | None, str | None]]:
    return [(alarm["name"], alarm["terminal"], alarm["reference"]) for alarm in alarms.active]


def test_an_alarm_as_it_is_told() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop) as (register, alarms, hub):
            register.publisher.tell(Alarm("till-1", "hand_use", prose("it was used by hand")))
            register.publisher.flush()
            (alarm,) = alarms.active
            assert alarm == {
                "id": alarm["id"],
                "name": "hand_use",
                "terminal": "till-1",
                "reference": None,
                "text": "it was used by hand",
                "text_code": "prose",
                "text_values": {"text": "it was used by hand"},
                "time": "2026-11-23T17:44:00+00:00",
                "active": True,
            }
            assert hub.told == [("alarm", alarm, "till-1")]
            ended = alarms.dismiss(alarm["id"])
            assert ended == {**alarm, "active": False}
            assert hub.told[1:] == [("alarm", ended, "till-1")]
            assert not alarms.active
            with pytest.raises(UnknownAlarmError) as caught:
                alarms.dismiss(alarm["id"])
            assert caught.value.code == "not_found"

    run(main)


def test_the_same_is_raised_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        command = Command()
        async with opened(loop, command="beep", spawn=command) as (register, alarms, hub):
            for text in ("one", "one", "two"):
                register.publisher.tell(Alarm("till-1", "journal_failed", prose(text), f"sale-{text}"))
            register.publisher.tell(Alarm("till-2", "journal_failed", prose("two"), "sale-9"))
            register.publisher.flush()
            for reference in ("sale-1", "sale-1", "sale-2"):
                register.publisher.tell(Alarm("till-1", "result_after_refusal", prose("late"), reference))
                register.publisher.flush()
            for terminal in ("till-1", "till-2", "till-2"):
                register.publisher.tell(Alarm(terminal, "terminal_id_changed", prose("another"), "sale-3"))
                register.publisher.flush()
            await asyncio.sleep(1)
            assert [name for name, _, _ in names(alarms)] == ["journal_failed"] + ["result_after_refusal"] * 2 + ["terminal_id_changed"] * 2
            assert alarms.active[0]["text"] == "two"
            assert len(hub.told) == 6, "five beginnings, and one new text"
            assert len(command.calls) == 5

    run(main)


@pytest.mark.parametrize("removed", [False, True])
def test_an_unresolved_operation_has_one_until_it_is_settled(tmp_path: Path, *, removed: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        emulated = EmulatedTerminal(clock=loop.clock)
        async with EmulatorServer(emulated) as server:
            with Journal(tmp_path / "till.db", inline=True) as journal:
                async with opened(loop, journal) as (register, alarms, hub):
                    terminal = register.dial("till-1", "127.0.0.1", server.port)
                    await terminal.purchase(100, reference="fine")
                    await terminal.purchase(90_09, reference="odd")
                    assert names(alarms) == [("unresolved", "till-1", "odd")]
                    assert alarms.unresolved == 1
                    with pytest.raises(RegisterError, match="ends when it is settled"):
                        alarms.dismiss(alarms.active[0]["id"])
                async with opened(loop, journal) as (register, alarms, hub):
                    assert names(alarms) == [("unresolved", "till-1", "odd")]
                    assert "09" in alarms.active[0]["text"]
                    if not removed:
                        register.dial("till-1", "127.0.0.1", server.port)
                        await asyncio.sleep(600)
                        assert len(hub.told) == 1
                    await register.resolve("odd", "not_performed", by="Anna", note="nothing there")
                    await asyncio.sleep(1)
                    assert not alarms.active
                    assert [data["active"] for _, data, _ in hub.told] == [True, False]
                async with opened(loop, journal) as (_, alarms, _):
                    assert not alarms.active

    run(main)


def test_an_operation_that_was_recovered_ends_its_alarm() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop) as (register, alarms, _):
            emulated = EmulatedTerminal(clock=loop.clock, late_seconds=200.0)
            async with EmulatorServer(emulated) as server:
                terminal = register.dial("till-1", "127.0.0.1", server.port, last_result_supported=False)
                emulated.faults.set("late_result", 1)
                assert isinstance((await terminal.purchase(650, reference="late")).outcome, Unresolved)
                assert names(alarms) == [("unresolved", "till-1", "late")]
                await asyncio.sleep(60)
                assert isinstance(register.operation("late").outcome, Approved)
                assert not alarms.active

    run(main)


@pytest.mark.parametrize("accepted", [True, False], ids=["it is accepted", "the right one answers again"])
def test_another_terminal_id_until(*, accepted: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        scripted = ScriptedTerminal(loop.clock)
        async with scripted.listening() as port, opened(loop) as (register, alarms, _):
            terminal = register.dial("till-1", "127.0.0.1", port)
            await terminal.status()
            scripted.tid = "11112222"
            await terminal.status()
            assert [name for name, _, _ in names(alarms)] == ["terminal_id_changed"]
            if accepted:
                terminal.accept_terminal_id("Anna")
            else:
                scripted.tid = TID
                await terminal.status()
            register.publisher.flush()
            assert not alarms.active

    run(main)


def test_an_outcome_ends_it_at_once_whatever_the_journal_does() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop) as (register, alarms, _):
            for reference in ("odd", "other"):
                register.publisher.tell(Alarm("till-1", "unresolved", prose("?"), reference))
                register.publisher.flush()
            operation = await register.dial("till-1", "127.0.0.1", 8081).status()
            register.publisher.tell(OperationChanged("till-1", replace(operation, reference="odd")))
            register.publisher.tell(
                OperationChanged("till-1", replace(operation, reference="other", outcome=Unresolved(evidence=prose("?"))))
            )
            register.publisher.flush()
            assert names(alarms) == [("unresolved", "till-1", "other")]

    run(main)


class FailingJournal(Journal):
    """Says that it has failed."""

    problem: str | None = None

    @property
    def failed(self) -> str | None:
        return self.problem


def test_a_journal_that_fails_while_nobody_pays() -> None:
    async def main(loop: VirtualLoop) -> None:
        with FailingJournal(None, inline=True) as journal:
            async with opened(loop, journal) as (_, alarms, _):
                await asyncio.sleep(10)
                assert not alarms.active
                journal.problem = "disk I/O error"
                await asyncio.sleep(10)
                assert names(alarms) == [("journal_failed", None, None)]
                assert alarms.active[0]["text"] == "disk I/O error"
            async with opened(loop, journal) as (_, alarms, _):
                await asyncio.sleep(0)
                assert names(alarms) == [("journal_failed", None, None)]

    run(main)


def test_each_operation_has_its_own_alarm_of_a_late_approval() -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop) as (register, alarms, _):
            for reference in ("sale-1", "sale-1", "sale-2"):
                register.publisher.tell(Alarm("till-1", "approved_after_refusal", prose("declined, but …"), reference))
                register.publisher.flush()
            assert names(alarms) == [("approved_after_refusal", "till-1", "sale-1"), ("approved_after_refusal", "till-1", "sale-2")]

    run(main)


@pytest.mark.parametrize(("offset", "lasts"), [(-172_800, True), (3, False), (None, False)])
def test_a_wrong_host_time_is_told_until_it_is_right_or_not_known_any_more(offset: int | None, lasts: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with opened(loop) as (register, alarms, _):
            register.publisher.tell(Alarm("till-1", "host_time_wrong", prose("2 days behind"), None))
            register.publisher.flush()
            row = Event(name="clock", time=loop.clock(), reference=None, terminal="till-1", data={"identity": "1", "offset": offset})
            register.write([row], durable=False)
            register.publisher.flush()
            assert bool(alarms.active) is lasts

    run(main)


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_ALARMS", 3)

    async def main(loop: VirtualLoop) -> None:
        async with opened(loop) as (register, alarms, _):
            for number in range(5):
                register.publisher.tell(Alarm("till-1", "unresolved", prose("?"), f"sale-{number}"))
                register.publisher.tell(Alarm("till-1", "result_after_refusal", prose("late"), f"sale-{number}"))
                register.publisher.flush()
            assert alarms.unresolved == 5
            assert [reference for name, _, reference in names(alarms) if name != "unresolved"] == ["sale-2", "sale-3", "sale-4"]

    run(main)


def test_the_command_gets_the_alarm() -> None:
    async def main(loop: VirtualLoop) -> None:
        command = Command()
        async with opened(loop, command="/opt/notify 'two words' $HOME;", spawn=command) as (_, alarms, _):
            alarm = alarms.raise_("hand_use", prose("text"), "till-1")
            await asyncio.sleep(1)
            assert command.calls == [(["/opt/notify", "two words", "$HOME;"], "hand_use", alarm)]
            alarms.dismiss(alarm["id"])
            await asyncio.sleep(1)
            assert len(command.calls) == 1, "an end is not told to the command"

    run(main)


def test_a_command_that_takes_too_long_is_killed() -> None:
    async def main(loop: VirtualLoop) -> None:
        command = Command(seconds=COMMAND_SECONDS + 1)
        async with opened(loop, command="slow", spawn=command) as (_, alarms, _):
            alarms.raise_("hand_use", prose("text"), "till-1")
            await asyncio.sleep(COMMAND_SECONDS - 1)
            assert (command.running, command.killed) == (1, 0)
            await asyncio.sleep(2)
            assert (command.running, command.killed) == (0, 1)
            alarms.raise_("hand_use", prose("text"), "till-2")
            await asyncio.sleep(1)
            assert command.running == 1
        assert (command.running, command.killed) == (0, 2), "nothing outlives the daemon"

    run(main)


def test_few_commands_at_once_and_not_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_NOTICES", 10)

    async def main(loop: VirtualLoop) -> None:
        command = Command(seconds=1.0)
        async with opened(loop, command="slow", spawn=command) as (_, alarms, hub):
            for number in range(15):
                alarms.raise_("hand_use", prose("text"), f"till-{number}")
            assert len(hub.told) == 15
            await asyncio.sleep(60)
            assert len(command.calls) == 10
            assert command.most_running == NOTICES_AT_ONCE
            alarms.raise_("hand_use", prose("text"), "later")
            await asyncio.sleep(60)
            assert len(command.calls) == 11

    run(main)


@pytest.mark.parametrize("problem", [FileNotFoundError(2, "No file"), PermissionError(13, "Permission denied"), ValueError("null byte")])
def test_a_command_that_cannot_be_started_harms_nobody(problem: Exception) -> None:
    async def main(loop: VirtualLoop) -> None:
        command = Command(problem=problem)
        async with opened(loop, command="missing", spawn=command) as (_, alarms, _):
            for number in range(3):
                alarms.raise_("hand_use", prose("text"), f"till-{number}")
            await asyncio.sleep(1)
            assert alarms.count == 3
            assert alarms._notices == 0

    run(main)


async def test_a_real_command(tmp_path: Path) -> None:
    target = tmp_path / "alarm.json"
    code = (
        "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(os.environ['ECRLAN_ALARM'] + sys.stdin.read()); print('x' * 999999)"
    )
    async with Register() as register:
        alarms = Alarms(register, Hub(), command=f'"{sys.executable}" -c "{code}" "{target}"')
        await alarms.open()
        alarm = alarms.raise_("hand_use", prose("perché?"), "till-1")
        await asyncio.gather(*alarms._tasks)
        await alarms.close()
    assert target.read_text() == f"hand_use{json.dumps(alarm, ensure_ascii=False)}\n"


async def test_a_real_command_that_reads_nothing_and_fails() -> None:
    async with Register() as register:
        alarms = Alarms(register, Hub(), command=f'"{sys.executable}" -c "raise SystemExit(3)"')
        await alarms.open()
        alarms.raise_("hand_use", prose("x" * 1_000_000), "till-1")
        await asyncio.gather(*alarms._tasks)
        await alarms.close()
    assert not alarms._tasks


async def test_a_real_command_is_killed_at_the_end() -> None:
    async with Register() as register:
        alarms = Alarms(register, Hub(), command=f'"{sys.executable}" -c "import time; time.sleep(600)"')
        await alarms.open()
        started = asyncio.get_running_loop().create_future()
        spawn = alarms._spawn

        async def remembered(arguments: list[str], environment: dict[str, str]) -> module.Process:
            started.set_result(await spawn(arguments, environment))
            return started.result()

        alarms._spawn = remembered
        alarms.raise_("hand_use", prose("text"), "till-1")
        process = await started
        await alarms.close()
    assert process.returncode is not None


def test_the_webhook_gets_the_alarm_and_three_tries() -> None:
    async def main(loop: VirtualLoop) -> None:
        receiver = Receiver(answers=[500, None, 200])
        async with opened(loop, webhook="http://office.example/alarm", client_factory=receiver.client) as (_, alarms, _):
            alarm = alarms.raise_("hand_use", prose("text"), "till-1")
            await asyncio.sleep(60)
            assert [body for _, _, body in receiver.posts] == [alarm] * 3
            alarms.raise_("hand_use", prose("text"), "till-2")
            await asyncio.sleep(60)
            assert len(receiver.posts) == 4
            receiver.default = 500
            alarms.raise_("hand_use", prose("text"), "till-3")
            await asyncio.sleep(600)
            assert len(receiver.posts) == 7

    run(main)


@pytest.mark.parametrize("settings", [{"webhook": "ftp://x/"}, {"webhook": "http://u:p@x/"}, {"command": "unclosed 'quote"}])
def test_settings_that_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match=r"daemon\.alarm_"):
        Alarms(Register(), Hub(), **settings)  # type: ignore[arg-type]


def test_backslashes_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "name", "nt")
    split = module.split_command('"C:\\Program Files\\beep.exe" /v C:\\sounds\\a.wav')
    monkeypatch.undo()
    assert split == ["C:\\Program Files\\beep.exe", "/v", "C:\\sounds\\a.wav"]
