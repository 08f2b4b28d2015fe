"""Types of settings: what a value may be, and how that is said to people."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ecrlan.errors import InvalidValueError

HIGHEST_PORT = 65_535

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?\Z")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Metadata of a setting's type: what is allowed, in words."""

    text: str


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
    allowed = "HOST:PORT" if default_port is None else "HOST or HOST:PORT"
    allowed += f", HOST an IP address or a host name, PORT {lowest_port} to {HIGHEST_PORT}"
    if match is None:
        raise InvalidValueError(place, text, allowed)
    host = match["six"] or match["host"]
    port = default_port if match["port"] is None else int(match["port"])
    if port is None or not lowest_port <= port <= HIGHEST_PORT:
        raise InvalidValueError(place, text, allowed)
    try:
        return check_host(host), port
    except ValueError:
        raise InvalidValueError(place, text, allowed) from None


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


OwnAddress = Annotated[str, AfterValidator(_check_own_address), Allowed(f"HOST:PORT, PORT 1 to {HIGHEST_PORT}")]
ListenAddress = Annotated[str, AfterValidator(_check_listen), Allowed(f'HOST:PORT, PORT 1 to {HIGHEST_PORT}, or "" to never listen')]
Host = Annotated[str, AfterValidator(check_host), Allowed('an IP address, or with link = "dial" a host name')]
EightDigits = Annotated[str, Field(pattern=r"^[0-9]{8}$"), Allowed("exactly 8 digits, in quotes")]
CallbackHosts = Annotated[
    list[Annotated[str, AfterValidator(_check_callback_host)]],
    Allowed("a list of host names and IP addresses, each with or without :PORT"),
]
HostNames = Annotated[list[Annotated[str, AfterValidator(check_host)]], Allowed("a list of host names and IP addresses")]
WebHook = Annotated[str, AfterValidator(_check_webhook), Allowed('an http or https URL, or "" for none')]
Pause = Annotated[float, Field(ge=0.0, le=3600.0, allow_inf_nan=False)]
