"""Sessions of browsers: a random id in a cookie, known in memory only, for the role that a token gave once."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable

from ecrlan.daemon.tokens import Role

COOKIE = "ecrlan_session"
IDLE_SECONDS = 12 * 3600.0
MOST_SESSIONS = 1_000


class Sessions:
    """The sessions of this start, the one used last at the end. `now` returns monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sessions: OrderedDict[str, tuple[Role, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, role: Role) -> str:
        """Return a new session's id; of too many the one that was idle longest ends."""
        while len(self._sessions) >= MOST_SESSIONS:
            self._sessions.popitem(last=False)
        session = secrets.token_urlsafe(32)
        self._sessions[session] = role, self._now()
        return session

    def role_of(self, session: str) -> Role | None:
        """Return what a session allows, and keep it alive; None where there is none, or none any more."""
        found = self._sessions.pop(session, None)
        if found is None or self._now() - found[1] > IDLE_SECONDS:
            return None
        self._sessions[session] = found[0], self._now()
        return found[0]

    def end(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(session, None)
