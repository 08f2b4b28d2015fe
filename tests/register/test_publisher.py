"""Who is told what happens: observers of the register, watchers of one terminal; none of them is waited for."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

import ecrlan.register.publisher as module
from ecrlan.register.events import FrameSent, LineChanged, ProgressShown, TerminalEvent
from ecrlan.register.publisher import Publisher, Watchers

PROGRESS = ProgressShown("till-1", "sale", "INSERT CARD")
LOST = LineChanged("till-1", opened=False, opened_by="register")


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_observers_are_told_in_order_in_a_later_turn_until_they_end_it() -> None:
    publisher = Publisher()
    told: list[TerminalEvent] = []
    publisher.tell(PROGRESS)
    end = publisher.observe(told.append, frames=True)
    assert publisher.observed
    assert publisher.frames_observed
    publisher.tell(PROGRESS)
    publisher.tell(LOST)
    assert told == []
    await turns()
    assert told == [PROGRESS, LOST]
    end()
    assert not publisher.observed
    publisher.tell(LOST)
    await turns()
    assert told == [PROGRESS, LOST]


async def test_where_too_much_waits_what_says_how_it_ended_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_EVENTS", 2)
    publisher = Publisher()
    told: list[TerminalEvent] = []
    publisher.observe(told.append)
    with capture_logs() as logs:
        for event in (PROGRESS, PROGRESS, PROGRESS, FrameSent("till-1", b"x"), LOST):
            publisher.tell(event)
        publisher.flush()
        publisher.tell(PROGRESS)
    assert told == [PROGRESS, PROGRESS, LOST]
    assert [each["event"] for each in logs] == ["events.dropping", "events.flowing"]


async def test_a_slow_watcher_loses_the_oldest_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCHED_EVENTS", 2)
    watchers = Watchers(Publisher())
    assert not watchers.present
    assert not watchers.want_frames
    events = watchers.events()
    first = asyncio.ensure_future(anext(events))
    await turns()
    assert watchers.present
    assert watchers.want_frames, "a watcher is shown every frame"
    watchers.tell(LOST)
    assert await first is LOST
    for event in (LOST, PROGRESS, LOST):
        watchers.tell(event)
    assert [await anext(events), await anext(events)] == [PROGRESS, LOST]
    await events.aclose()
    assert not watchers.present


async def test_watchers_and_observers_are_told_the_same() -> None:
    publisher = Publisher()
    told: list[TerminalEvent] = []
    publisher.observe(told.append)
    watchers = Watchers(publisher)
    assert watchers.present
    assert not watchers.want_frames
    watchers.tell(PROGRESS)
    await turns()
    assert told == [PROGRESS]
