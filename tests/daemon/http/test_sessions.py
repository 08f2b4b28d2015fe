"""Sessions: bounded, and over after twelve idle hours."""

from __future__ import annotations

import pytest

from ecrlan.daemon.http import sessions as module
from ecrlan.daemon.http.sessions import IDLE_SECONDS, Sessions


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_lives_as_long_as_it_is_used() -> None:
    time = Time()
    sessions = Sessions(time)
    first, second = sessions.begin("operate"), sessions.begin("read")
    assert first != second
    assert len(first) >= 43
    for _ in range(3):
        time.now += IDLE_SECONDS
        assert sessions.role_of(first) == "operate"
    assert sessions.role_of(second) is None
    time.now += IDLE_SECONDS + 1
    assert sessions.role_of(first) is None
    assert len(sessions) == 0


def test_it_ends() -> None:
    sessions = Sessions(Time())
    session = sessions.begin("operate")
    sessions.end(session)
    sessions.end("another")
    assert sessions.role_of(session) is None


def test_of_too_many_the_idlest_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SESSIONS", 2)
    sessions = Sessions(Time())
    first, second = sessions.begin("operate"), sessions.begin("operate")
    sessions.role_of(first)
    third = sessions.begin("operate")
    assert [sessions.role_of(each) for each in (first, second, third)] == ["operate", None, "operate"]
