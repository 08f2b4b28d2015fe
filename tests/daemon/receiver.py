"""A receiver of posts for tests: it notes what comes and answers as it is told, in memory."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Receiver:
    """`answers`: statuses of the next answers, None for silence; `default` afterwards. `posts`: (loop time, url, body)."""

    answers: list[int | None] = field(default_factory=list)
    default: int | None = 200
    seconds: float = 0.0
    """How long each answer takes."""
    posts: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    closed: int = 0

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._take), trust_env=False)

    async def _take(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.posts.append((asyncio.get_running_loop().time(), str(request.url), json.loads(request.content)))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            status = self.answers.pop(0) if self.answers else self.default
            if status is None:
                await asyncio.get_running_loop().create_future()
            if self.seconds:
                await asyncio.sleep(self.seconds)
            return httpx.Response(status or 0, headers={"Location": "http://127.0.0.1:9/other"})
        finally:
            self.at_once -= 1

    @property
    def steps(self) -> list[str]:
        return [body["step"] for _, _, body in self.posts]

    @property
    def outcomes(self) -> list[str | None]:
        return [body["operation"]["outcome"] for _, _, body in self.posts]

    @property
    def times(self) -> list[float]:
        return [time for time, _, _ in self.posts]
