"""Types of settings: what a value may be, and how that is said to people."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ecrlan.errors import InvalidValueError, Why, nested

HIGHEST_PORT = 65_535

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?\Z")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Metadata of a setting's type: what is allowed, as a code with values."""

    why: Why


def is_ip_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check_host(text: str) -> str:
    """Return `text` if it is an IP address or a host name; ValueError if not. Digits and dots alone are never a host name."""
    if is_ip_address(text) or (_HOST_NAME.match(text) and not re.fullmatch(r"[0-9.]+", text)):
        return text
    raise ValueError("neither an IP address nor a host name")


def split_address(place: str, text: str, default_port: int | None = None, *, lowest_port: int = 1) -> tuple[str, int]:
    """Return host and TCP port of `HOST:PORT` (IPv6: `[HOST]:PORT`; the port may be missing where there is a default).

    `lowest_port` 0 allows 0, which takes a free port where one listens.

    Raises InvalidValueError, which names `place`.
    """
    match = re.fullmatch(r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\[\]:]*))(?::(?P<port>[0-9]{1,5}))?", text, re.ASCII)
    values = {"least": lowest_port, "most": HIGHEST_PORT}
    allowed_why: Why = ("allowed_host_and_port", values) if default_port is None else ("allowed_host_or_port", values)
    if match is None:
        raise InvalidValueError(place, text, allowed_why)
    host = match["six"] or match["host"]
    port = default_port if match["port"] is None else int(match["port"])
    if port is None or not lowest_port <= port <= HIGHEST_PORT:
        raise InvalidValueError(place, text, allowed_why)
    try:
        return check_host(host), port
    except ValueError:
        raise InvalidValueError(place, text, allowed_why) from None


def _check_own_address(text: str) -> str:
    split_address("address", text)
    return text


def _check_listen(text: str) -> str:
    return text and _check_own_address(text)


def _check_callback_host(text: str) -> str:
    if not is_ip_address(text):
        split_address("address", text, HIGHEST_PORT)
    return text


def _check_webhook(text: str) -> str:
    return text and check_url(text)


def check_url(text: str) -> str:
    """Return `text` if it is an http or https URL with a host and without a login; ValueError if not."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or not text.isprintable() or " " in text:
        raise ValueError("no http or https URL")
    if parts.port == 0:  # reading it raises ValueError where it is no port
        raise ValueError("port 0")
    return text


OwnAddress = Annotated[str, AfterValidator(_check_own_address), Allowed(("allowed_own_address", {"most": HIGHEST_PORT}))]
ListenAddress = Annotated[str, AfterValidator(_check_listen), Allowed(("allowed_listen_address", {"most": HIGHEST_PORT}))]
Host = Annotated[str, AfterValidator(check_host), Allowed(("allowed_dialled_host", {}))]
EightDigits = Annotated[
    str, Field(pattern=r"^[0-9]{8}$"), Allowed(("allowed_in_quotes", {"allowed": nested(("allowed_digits", {"count": 8}))}))
]
CallbackHosts = Annotated[
    list[Annotated[str, AfterValidator(_check_callback_host)]],
    Allowed(("allowed_hosts_and_ports", {})),
]
HostNames = Annotated[list[Annotated[str, AfterValidator(check_host)]], Allowed(("allowed_hosts", {}))]
WebHook = Annotated[str, AfterValidator(_check_webhook), Allowed(("allowed_web_hook", {}))]
Pause = Annotated[float, Field(ge=0.0, le=3600.0, allow_inf_nan=False)]
