"""Commits come back to the loop in their order, errors too, and nobody who stopped waiting disturbs them."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from ecrlan.errors import JournalError
from ecrlan.register.commits import Commits


async def test_a_group_comes_back_with_one_wake_up(monkeypatch):
    loop, woken = asyncio.get_running_loop(), []
    wake = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *given: (woken.append(given), wake(*given)))
    commits = Commits()
    futures: list[Future[None]] = [Future() for _ in range(3)]
    waiters = [commits.follow(future) for future in futures]
    waiters[1].cancel()
    for future in futures[:2]:
        future.set_result(None)
    futures[2].set_exception(JournalError("disk gone"))
    await waiters[0]
    with pytest.raises(JournalError, match="disk gone"):
        await waiters[2]
    assert len(woken) == 1
    late: Future[None] = Future()
    late.set_result(None)
    await commits.follow(late)
    assert len(woken) == 2


def test_a_closed_loop_is_left_alone():
    async def follow(future: Future[None]) -> None:
        Commits().follow(future)

    future: Future[None] = Future()
    asyncio.run(follow(future))
    future.set_result(None)
