"""What the register must know of a terminal, and of itself: plain values, checked where they are made."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ecrlan.errors import InvalidValueError
from ecrlan.model import ANY_TERMINAL, Request, check_digits, check_tag_map
from ecrlan.protocol.step import Timing
from ecrlan.wire.lrc import LrcReading

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_SECONDS = (
    "connect_timeout",
    "ack_timeout",
    "payment_timeout",
    "close_timeout",
    "status_timeout",
    "other_timeout",
    "recovery_pause",
    "longest_payment_time",
    "queue_timeout",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSettings:
    """One terminal, with its quirks (exchange.md §6). Times are seconds. Raises `InvalidValueError` where a value is not allowed."""

    name: str
    address: str
    port: int = 8081
    link: Literal["auto", "listen", "dial"] = "auto"
    terminal_id: str = ANY_TERMINAL
    lrc: LrcReading = LrcReading.STANDARD
    keep_open: bool = False
    trust_unchanged_result: bool = False
    tolerate_lengths: bool = False
    longest_payment_time: float = 300.0
    recovery_pause: float = 3.0
    queue_timeout: float = 300.0
    queue_length: int = 50
    purchase_code: Literal["auto", "X", "P"] = "auto"
    print_on_register: bool = False
    printing_mode: int = 1
    standalone_use: bool = True
    last_result_supported: bool = True
    capture_length: int = 176
    tag_map: str = ""
    connect_timeout: float = 10.0
    ack_timeout: float = 5.0
    payment_timeout: float = 180.0
    close_timeout: float = 180.0
    status_timeout: float = 10.0
    other_timeout: float = 60.0

    def __post_init__(self) -> None:
        """Check every value."""
        if not _NAME.match(self.name):
            raise InvalidValueError("terminal name", self.name, "1 to 64 of A-Z a-z 0-9 _ -, beginning with a letter or digit")
        self._check_address()
        if not 1 <= self.port <= 65535:
            raise InvalidValueError(f"terminals.{self.name}.port", self.port, "1 to 65535")
        for key, allowed in (("link", ("auto", "listen", "dial")), ("purchase_code", ("auto", "X", "P")), ("capture_length", (176, 180))):
            if getattr(self, key) not in allowed:
                raise InvalidValueError(f"terminals.{self.name}.{key}", getattr(self, key), ", ".join(map(str, allowed)))
        check_digits(f"terminals.{self.name}.terminal_id", self.terminal_id, 8)
        if self.printing_mode not in (1, 2, 3):
            raise InvalidValueError(f"terminals.{self.name}.printing_mode", self.printing_mode, "1, 2 or 3")
        if self.tag_map:
            check_tag_map(f"terminals.{self.name}.tag_map", self.tag_map)
        if not 0 <= self.queue_length <= 10_000:
            raise InvalidValueError(f"terminals.{self.name}.queue_length", self.queue_length, "0 to 10000")
        for key in _SECONDS:
            if not 0 <= getattr(self, key) <= 86_400:
                raise InvalidValueError(f"terminals.{self.name}.{key}", getattr(self, key), "0 to 86400 seconds")

    def _check_address(self) -> None:
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            if self.link != "dial":
                place = f"terminals.{self.name}.address"
                raise InvalidValueError(place, self.address, "a static IP address (a host name with link = dial only)") from None
            if not self.address:
                raise InvalidValueError(f"terminals.{self.name}.address", self.address, "an IP address or a host name") from None

    @property
    def place(self) -> str:
        """Where the terminal stands: ADDRESS:PORT."""
        return f"{self.address}:{self.port}"

    def timing(self, request: Request) -> Timing:
        """Return the time limits of an exchange with `request` (exchange.md §3)."""
        result: float = getattr(self, f"{request.limit}_timeout")
        return Timing(ack=self.ack_timeout, result=result)


def check_apart(settings: TerminalSettings, other: TerminalSettings) -> None:
    """Refuse (`InvalidValueError`) a terminal that is `other` under a second name: two queues would use one terminal at once."""
    place = f"terminals.{settings.name}"
    same_address = _comparable(settings.address) == _comparable(other.address)
    if same_address and settings.link != "dial" and other.link != "dial":
        allowed = (
            f"an address that no other listened terminal has; {other.name} has it: one terminal takes one name, and two at one address are "
            'told apart by their ports with link = "dial"'
        )
        raise InvalidValueError(f"{place}.address", settings.address, allowed)
    if same_address and settings.port == other.port:
        allowed = f"an address and port that no other terminal has; {other.name} has them: one terminal takes one name"
        raise InvalidValueError(f"{place}.address", settings.place, allowed)
    if settings.terminal_id == other.terminal_id != ANY_TERMINAL:
        allowed = f"a TID that no other terminal has; {other.name} has it: one terminal takes one name"
        raise InvalidValueError(f"{place}.terminal_id", settings.terminal_id, allowed)


@lru_cache(maxsize=4096)  # each is compared with every other
def _comparable(address: str) -> str:
    """Return an address so that two ways to write it are equal; a host name's capitals and its last dot mean nothing."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address.lower().removesuffix(".")
