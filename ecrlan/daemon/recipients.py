"""Where callbacks and alarms may go: never, unless a setting names it, to the daemon itself, a terminal or a link-local address.

A till's program could otherwise have the daemon ask what only this machine can reach: a cloud's metadata at 169.254.169.254, its own HTTP
API, a terminal's port. Other addresses of loopback and of the local network stay: tills live there. An address is looked at when it is
given, and again when a post is sent: then it is the address that the host's name has at that moment, and the connection goes to that very
address, so that a name cannot be one thing when it is looked at and another when it is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable

import httpx

from ecrlan.daemon.posts import check_url, make_client, make_transport, port_of
from ecrlan.errors import InvalidValueError, Why, in_english, nested

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host's name. Raises `OSError` where it has none."""
Terminals = Callable[[], Iterable[tuple[str, str, int]]]
"""Returns name, address (or host's name) and port of every terminal."""

WAY_OUT = "unless daemon.callback_hosts names it"


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of `host`, the preferred one first. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Recipients:
    """Says to which addresses is posted, and makes the client that keeps to it.

    `hosts` are those of the setting `daemon.callback_hosts`, each with or without port. `own_ports` are the TCP ports on which the daemon
    listens; whoever opens one adds it.
    """

    def __init__(self, hosts: Collection[str] = (), *, terminals: Terminals = tuple, resolver: Resolve = resolve) -> None:
        self.hosts = tuple(hosts)
        self.own_ports: set[int] = set()
        self._named = {each.lower().replace("[", "").replace("]", "") for each in hosts}
        self._terminals = terminals
        self._resolver = resolver

    def check(self, place: str, url: str, *, any_host: bool = False) -> str:
        """Return `url` where it may be posted to, as far as can be told without looking up a name.

        `any_host`: the hosts that the setting lists are no limit. Raises `InvalidValueError`, which never shows a password.
        """
        check_url(place, url, () if any_host else self.hosts)
        parsed = httpx.URL(url)
        host, port = parsed.host.lower(), port_of(parsed)
        for address in _written(host):
            reason = self.refusal(address, port)
            if reason is not None:
                raise InvalidValueError(place, f"{host}:{port}", ("allowed_recipient", {"address": nested(reason)}))
        for name, terminal, _ in self._terminals():
            if terminal.lower() == host and _address(host) is None and not self._is_named(host, port):
                raise InvalidValueError(
                    place, f"{host}:{port}", ("allowed_recipient", {"address": nested(("of_terminal", {"terminal": name}))})
                )
        return url

    def refusal(self, text: str, port: int) -> Why | None:
        """Return what an IP address is, to which nothing is posted, as a code with values; None where it may be."""
        address = _address(text)
        if address is None or self._is_named(str(address), port):
            return None
        if address.is_link_local:
            return ("link_local", {})
        own = _is_own(address)
        if own and port in self.own_ports:
            return ("own_address", {})
        for name, terminal, terminal_port in self._terminals():
            # On this machine, where an emulator may run beside us, only its port is the terminal.
            if (port == terminal_port and _is_own(_address(terminal))) if own else _address(terminal) == address:
                return ("of_terminal", {"terminal": name})
        return None

    def client(self) -> httpx.AsyncClient:
        """Return a client that connects to the addresses that were looked at, and follows no redirect."""
        return make_client(_LookedAt(self))

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host` to which may be posted. Raises `OSError` where it has none, or none of these."""
        found = await self._resolver(host, port)
        reasons = {address: self.refusal(address, port) for address in found}
        of_terminals: set[Address | None] = set()
        for _, terminal, _ in self._terminals():
            if _address(terminal) is None and not self._is_named(host.lower(), port):  # a terminal that is known by a name
                of_terminals |= {_address(each) for each in await self._quietly_resolved(terminal, port)}
        for address in found:
            if _address(address) in of_terminals and not _is_own(_address(address)):
                reasons[address] = reasons[address] or ("of_a_terminal", {})
        allowed = [address for address in found if reasons[address] is None]
        if not allowed:
            told = ", ".join(f"{address} is {in_english(reason)}" for address, reason in reasons.items() if reason is not None)
            raise OSError(f"the address is refused: {told} ({WAY_OUT})" if told else "the name has no address")
        return allowed

    async def _quietly_resolved(self, host: str, port: int) -> list[str]:
        try:
            return await self._resolver(host, port)
        except OSError:
            return []

    def _is_named(self, host: str, port: int) -> bool:
        """Tell whether the setting names this very address; a host alone names none of the daemon's own ports."""
        return f"{host}:{port}" in self._named or (host in self._named and port not in self.own_ports)


class _LookedAt(httpx.AsyncBaseTransport):
    """Sends each request to an address that was looked at; the host's name stays that of the URL, for Host and for TLS."""

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients
        self._inner = make_transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        try:
            addresses = await self._recipients.addresses(host, port_of(request.url))
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        lost: httpx.ConnectError | None = None
        for address in addresses:
            tried = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(tried)
            except httpx.ConnectError as error:
                lost = error
        raise lost if lost is not None else httpx.ConnectError("the name has no address", request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _address(text: str) -> Address | None:
    """Return an IP address as one; None for a name. An IPv4 address in IPv6's clothes is the IPv4 address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _written(host: str) -> list[str]:
    """Return the addresses that `host` says without any look-up: also in the old ways of writing IPv4, 2852039166 or 0xa9fea9fe."""
    if host == "localhost" or host.endswith(".localhost"):
        return ["127.0.0.1", "::1"]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(each[4][0]) for each in found]


def _is_own(address: Address | None) -> bool:
    """Tell whether an address leads to this machine: only its own can be bound."""
    if address is None:
        return False
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if isinstance(address, ipaddress.IPv6Address) else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return not address.is_multicast
