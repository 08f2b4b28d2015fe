"""What is posted to other programs, callbacks and alarms: the address is checked, the time is limited, the answer's body is not read."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx

from ecrlan import __version__
from ecrlan.errors import InvalidValueError

LONGEST_URL = 2_000
"""Characters of an address."""
HIGHEST_PORT = 65_535
TRY_SECONDS = 5.0
"""For one try, from connecting to the answer's status line."""
AT_ONCE = 16
"""Posts under way at once, of each of those who post."""
PAUSES = (1.0, 25.0)
"""Seconds between three tries: a short one for a hiccup, a long one for a server that is being restarted."""
HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"ecrlan/{__version__}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one try ended: with the answer's status, or with a problem in words."""

    status: int | None = None
    problem: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: any 2xx. A redirect is not followed, and is none."""
        return self.status is not None and 200 <= self.status < 300


def make_transport() -> httpx.AsyncHTTPTransport:
    """Return what connects: certificates are checked against the system's (`SSL_CERT_FILE` included)."""
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(verify=ssl.create_default_context(), trust_env=False, limits=limits)


def make_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a client that follows no redirect and takes nothing (proxies, `.netrc`) from the environment."""
    return httpx.AsyncClient(
        transport=make_transport() if transport is None else transport, trust_env=False, follow_redirects=False, timeout=TRY_SECONDS
    )


def check_url(place: str, url: str, hosts: Collection[str] = ()) -> str:
    """Return `url` if it may be posted to. `hosts` limits the hosts ("till.example", or "till.example:8443"); empty allows all.

    Raises `InvalidValueError`, which never shows a password.
    """
    if not isinstance(url, str) or len(url) > LONGEST_URL:
        raise InvalidValueError(place, url, ("allowed_url_length", {"most": LONGEST_URL}))
    try:
        parsed = httpx.URL(url)
        host = parsed.host.lower()  # reads punycode, which may be none
    except (httpx.InvalidURL, ValueError):
        raise InvalidValueError(place, "an address that cannot be read", ("allowed_url", {})) from None
    port = port_of(parsed)
    if parsed.userinfo or parsed.scheme not in ("http", "https") or not host or port > HIGHEST_PORT:
        raise InvalidValueError(place, f"{parsed.scheme}://{host}:{port}", ("allowed_url", {}))
    names = {host, f"{host}:{port}"}
    if hosts and names.isdisjoint(each.lower().replace("[", "").replace("]", "") for each in hosts):
        raise InvalidValueError(place, host, ("allowed_named_hosts", {"hosts": sorted(hosts)}))
    return url


def port_of(url: httpx.URL) -> int:
    """Return an address's port; where it names none, that of its scheme."""
    return url.port or (443 if url.scheme == "https" else 80)


def host_of(url: str) -> str:
    """Return an address's host, for logs: the rest may hold a secret."""
    try:
        return httpx.URL(url).host
    except (httpx.InvalidURL, ValueError):
        return "?"


async def post(client: httpx.AsyncClient, url: str, document: dict[str, Any]) -> Answer:
    """Post a JSON document once. Never raises for what the network or the receiver does."""
    body = json.dumps(document, ensure_ascii=False).encode()
    try:
        async with asyncio.timeout(TRY_SECONDS), client.stream("POST", url, content=body, headers=HEADERS) as response:
            status = response.status_code
    except TimeoutError:
        return Answer(problem=f"no answer within {TRY_SECONDS:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:  # ValueError: names that cannot be encoded
        return Answer(problem=f"{type(error).__name__}: {error}"[:200])
    return Answer(status=status, problem=None if 200 <= status < 300 else f"status {status}")
