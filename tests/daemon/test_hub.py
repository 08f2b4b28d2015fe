"""The event stream's text: numbering, resuming, gaps, frames, slow followers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ecrlan.daemon import hub as module
from ecrlan.daemon.hub import HEARTBEAT, EventHub
from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.register import Register
from ecrlan.register.register import local_clock
from tests.virtual import VirtualLoop, run

BEGIN = b"retry: 2000\n\n"


def parse(text: bytes) -> list[tuple[str | None, str, dict[str, Any]]]:
    """Return id, kind and data of each event."""
    events = []
    for block in text.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in lines:
            events.append((lines.get("id"), lines["event"], json.loads(lines["data"])))
    return events


async def begun(stream: AsyncIterator[bytes]) -> bytes:
    return await anext(stream)


async def test_events_are_numbered_and_told_to_everybody() -> None:
    hub = EventHub(local_clock)
    first, second = hub.follow(), hub.follow()
    assert await begun(first) == await begun(second) == BEGIN
    assert hub.followers == 2
    hub.publish("progress", {"text": "è\nx"}, "till-1")
    hub.publish("alarm", {"id": "1"})
    text = await anext(first)
    assert text == await anext(second)
    assert parse(text) == [(f"{hub.start}-1", "progress", {"text": "è\nx"}), (f"{hub.start}-2", "alarm", {"id": "1"})]
    await first.aclose()  # type: ignore[attr-defined]
    assert hub.followers == 1
    await second.aclose()  # type: ignore[attr-defined]


async def test_an_event_is_written_once_for_all_and_never_for_nobody() -> None:
    hub = EventHub(local_clock)
    made = []

    def data() -> dict[str, Any]:
        made.append(1)
        return {"text": "x"}

    hub.publish("progress", data)
    assert not made
    streams = [hub.follow() for _ in range(3)]
    for stream in streams:
        await begun(stream)
    hub.publish("progress", data)
    texts = [await anext(stream) for stream in streams]
    assert len(made) == 1
    assert len(set(texts)) == 1
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]


async def test_delivered_events_are_counted_by_kind() -> None:
    hub = EventHub(local_clock)
    counted: list[str] = []
    hub.on_delivered = counted.append
    stream = hub.follow()
    await begun(stream)
    hub.publish("progress", {})
    hub.publish("alarm", {})
    await anext(stream)
    assert counted == ["progress", "alarm"]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_following_goes_on_behind_an_event() -> None:
    hub = EventHub(local_clock, kept=3)
    for number in range(5):
        hub.publish("progress", {"number": number}, "till-1" if number % 2 else "till-2")

    async def numbers(last_id: str | None, terminal: str | None = None) -> list[Any]:
        stream = hub.follow(last_id, terminal=terminal)
        events = parse(await begun(stream))
        await stream.aclose()  # type: ignore[attr-defined]
        return [data.get("number", kind) for _, kind, data in events]

    assert await numbers(f"{hub.start}-3") == [3, 4]
    assert await numbers(f"{hub.start}-2") == [2, 3, 4]
    assert await numbers(f"{hub.start}-2", "till-1") == [3]
    assert await numbers(f"{hub.start}-5") == []
    assert await numbers(None) == []
    for lost in (f"{hub.start}-1", f"{hub.start}-6", "00000000-3", hub.start, "x", f"{hub.start}-٣", "-" * 60, f"{hub.start}-{'9' * 30}"):
        assert await numbers(lost) == ["gap"], lost


async def test_a_gap_says_where_to_go_on() -> None:
    hub = EventHub(local_clock)
    hub.publish("progress", {})
    stream = hub.follow("old-1")
    assert parse(await begun(stream)) == [(f"{hub.start}-1", "gap", {"missed": True})]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_nothing_is_lost_between_resuming_and_following() -> None:
    hub = EventHub(local_clock)
    hub.publish("progress", {"number": 1})
    stream = hub.follow(f"{hub.start}-0")
    begin = await begun(stream)
    hub.publish("progress", {"number": 2})
    assert [data["number"] for _, _, data in parse(begin + await anext(stream))] == [1, 2]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_slow_follower_gets_a_gap_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_EVENTS", 3)
    hub = EventHub(local_clock)
    slow, quick = hub.follow(), hub.follow()
    await begun(slow)
    await begun(quick)
    for number in range(6):
        hub.publish("progress", {"number": number})
        assert [data["number"] for _, _, data in parse(await anext(quick))] == [number]
    assert parse(await anext(slow)) == [(f"{hub.start}-6", "gap", {"missed": True})]
    hub.publish("progress", {"number": 6})
    assert [data["number"] for _, _, data in parse(await anext(slow))] == [6]
    await slow.aclose()  # type: ignore[attr-defined]
    await quick.aclose()  # type: ignore[attr-defined]


async def test_many_events_are_told_in_pieces_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVENTS_AT_A_TIME", 3)
    hub = EventHub(local_clock)
    for number in range(8):
        hub.publish("progress", {"number": number})
    stream = hub.follow(f"{hub.start}-0")
    pieces = [parse(await anext(stream))]
    for number in range(8, 13):
        hub.publish("progress", {"number": number})
    while len([event for piece in pieces for event in piece]) < 13:
        pieces.append(parse(await anext(stream)))
    assert [len(piece) for piece in pieces] == [3, 3, 2, 3, 2]
    assert [data["number"] for piece in pieces for _, _, data in piece] == list(range(13))
    for _ in range(7):
        hub.publish("terminal", lambda: None)
    hub.publish("progress", {"number": 13})
    assert [data["number"] for _, _, data in parse(await anext(stream))] == [13], "pieces with nothing to tell hold up nothing"
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_follower_of_one_terminal_hears_of_it_and_of_all() -> None:
    hub = EventHub(local_clock)
    stream = hub.follow(terminal="till-1")
    await begun(stream)
    hub.publish("progress", {"number": 1}, "till-2")
    hub.publish("progress", {"number": 2}, "till-1")
    hub.publish("gap", {"number": 3})
    assert [data["number"] for _, _, data in parse(await anext(stream))] == [2, 3]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_what_turns_out_to_be_nothing_is_not_told() -> None:
    hub = EventHub(local_clock)
    stream = hub.follow()
    await begun(stream)
    hub.publish("terminal", lambda: None)
    hub.publish("progress", {})
    assert [kind for _, kind, _ in parse(await anext(stream))] == ["progress"]
    await stream.aclose()  # type: ignore[attr-defined]


def test_a_sign_of_life_comes_where_nothing_happens() -> None:
    async def main(loop: VirtualLoop) -> None:
        hub = EventHub(loop.clock)
        stream = hub.follow()
        await begun(stream)
        for number in (1, 2):
            assert await anext(stream) == HEARTBEAT
            assert loop.now == pytest.approx(15.0 * number)
        await stream.aclose()  # type: ignore[attr-defined]

    run(main)


async def test_closing_ends_every_stream() -> None:
    hub = EventHub(local_clock)
    stream = hub.follow()
    await begun(stream)
    rest = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    hub.publish("progress", {})
    hub.close()
    assert len(parse(await rest)) == 1
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert hub.followers == 0


async def collected(hub: EventHub, stream: AsyncIterator[bytes], until: str) -> list[tuple[str | None, str, dict[str, Any]]]:
    events: list[tuple[str | None, str, dict[str, Any]]] = []
    while not any(kind == until for _, kind, _ in events):
        events += parse(await anext(stream))
    return events


async def test_the_registers_events() -> None:
    emulated = EmulatedTerminal(clock=local_clock, progress=("INSERIRE CARTA",))
    hub = EventHub(local_clock)
    changed: list[str] = []
    hub.on_change = changed.append
    async with EmulatorServer(emulated) as server, Register() as register:
        hub.watch(register)
        terminal = register.dial("till-1", "127.0.0.1", server.port)
        plain, framed = hub.follow(), hub.follow(frames=True)
        await begun(plain)
        assert not register.publisher.frames_observed
        await begun(framed)
        assert register.publisher.frames_observed
        await terminal.purchase(650, reference="sale-1")
        await terminal.poll()
        hub.publish("end", {})
        events = await collected(hub, plain, "end")
        kinds = [kind for _, kind, _ in events]
        assert "frame" not in kinds
        states = [data["state"] for _, kind, data in events if kind == "operation"]
        assert states[0] == "sending"
        assert states[-1] == "finished"
        assert {data["reference"] for _, kind, data in events if kind == "operation"} == {"sale-1"}
        (progress,) = [data for _, kind, data in events if kind == "progress"]
        assert (progress["text"], progress["reference"]) == ("INSERIRE CARTA", "sale-1")
        lines = [(data["opened"], data["opened_by"]) for _, kind, data in events if kind == "line"]
        assert lines[:2] == [(True, "register"), (False, "register")]
        assert set(changed) == {"till-1"}
        frames = [(id_, data) for id_, kind, data in await collected(hub, framed, "end") if kind == "frame"]
        assert {id_ for id_, _ in frames} == {None}
        codes = [(data["direction"], each["message"]["code"]) for _, data in frames for each in data["frames"] if each["message"]]
        assert (">", "X") in codes
        assert ("<", "E") in codes
        result = next(each for _, data in frames for each in data["frames"] if each["message"] and each["message"]["code"] == "E")
        assert result["lrc"] == "ok"
        await framed.aclose()  # type: ignore[attr-defined]
        assert not register.publisher.frames_observed
        await plain.aclose()  # type: ignore[attr-defined]


async def test_frames_are_not_told_again() -> None:
    emulated = EmulatedTerminal(clock=local_clock)
    hub = EventHub(local_clock)
    async with EmulatorServer(emulated) as server, Register() as register:
        hub.watch(register)
        stream = hub.follow(frames=True)
        await begun(stream)
        await register.dial("till-1", "127.0.0.1", server.port).status(reference="look")
        await stream.aclose()  # type: ignore[attr-defined]
        again = hub.follow(f"{hub.start}-0", frames=True)
        kinds = {kind for _, kind, _ in parse(await begun(again))}
        assert kinds == {"line", "operation"}
        await again.aclose()  # type: ignore[attr-defined]


def test_what_happens_soon_after_a_text_goes_out_in_one_piece() -> None:
    async def main(loop: VirtualLoop) -> None:
        hub = EventHub(loop.clock)
        stream = hub.follow()
        await begun(stream)
        hub.publish("progress", {"number": 1})
        assert [data["number"] for _, _, data in parse(await anext(stream))] == [1]
        following = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        hub.publish("progress", {"number": 2})
        await asyncio.sleep(0.005)
        hub.publish("progress", {"number": 3})
        assert [data["number"] for _, _, data in parse(await following)] == [2, 3]
        assert loop.time() < 0.1
        await stream.aclose()  # type: ignore[attr-defined]

    run(main)
