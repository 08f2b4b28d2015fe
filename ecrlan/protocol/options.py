"""What the register must know of a terminal, and of itself: plain values, checked where they are made."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, TypedDict

from ecrlan.errors import InvalidValueError
from ecrlan.model import ANY_TERMINAL, Request
from ecrlan.model.values import Takes, check_fields
from ecrlan.protocol.step import Timing
from ecrlan.wire.lrc import LrcReading

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
HIGHEST_PORT = 65_535


def _seconds(text: str, *, least: float = 0.1) -> Takes:
    return Takes(unit="seconds", least=least, most=3600.0, help=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSettings:
    """One terminal, with its quirks (exchange.md §6). Times are seconds. Raises `InvalidValueError` where a value is not allowed.

    This is the one declaration of a terminal's settings: `[terminals.NAME]` of the settings file, its variables and the README's table are
    made from these fields.
    """

    name: str
    address: Annotated[str, Takes(help="The terminal's static address.", allowed=("allowed_dialled_host", {}))]
    port: Annotated[
        int,
        Takes(least=1, most=HIGHEST_PORT, help="The TCP port on which the terminal listens: 8081 is usual on SmartPOS, 10009 on PAX."),
    ] = 8081
    link: Annotated[
        Literal["auto", "listen", "dial"],
        Takes(help="Who opens the line: auto takes the line that the terminal opened, else dials."),
    ] = "auto"
    terminal_id: Annotated[
        str,
        Takes(
            pattern="[0-9]{8}",
            allowed=("allowed_digits", {"count": 8}),
            help="The TID; 00000000 keeps the first one that answers, and takes no money by another until a person accepts it.",
        ),
    ] = ANY_TERMINAL
    lrc: Annotated[LrcReading, Takes(help="The LRC reading; another than standard only where `ecrlan decode` names it.")] = (
        LrcReading.STANDARD
    )
    keep_open: Annotated[bool, Takes(help="Keep the line open between exchanges instead of one connection for each.")] = False
    trust_unchanged_result: Annotated[
        bool, Takes(help="Take an unchanged last result as proof that nothing was charged, after longest_payment_time.")
    ] = False
    tolerate_lengths: Annotated[
        bool, Takes(help="Accept results of lengths that no table has, read as the longest one that fits into them.")
    ] = False
    longest_payment_time: Annotated[float, _seconds("Seconds after which no payment can still be running on the terminal.")] = 300.0
    recovery_pause: Annotated[float, _seconds("Seconds without any frame after a line was lost.", least=0.0)] = 3.0
    queue_timeout: Annotated[float, _seconds("Seconds an operation waits for its turn on the terminal; 0: not at all.", least=0.0)] = 300.0
    queue_length: Annotated[int, Takes(least=0, most=10_000, help="Operations that may wait for the terminal at a time.")] = 50
    purchase_code: Annotated[
        Literal["auto", "X", "P"], Takes(help="The purchase's message: auto uses X, and P on a terminal that does not know X.")
    ] = "auto"
    print_on_register: Annotated[bool, Takes(help="Receipts come to the register instead of the terminal's printer.")] = False
    standalone_use: Annotated[
        bool,
        Takes(help="People or other tills use it, too; if false and seen all the same, it counts as true until a person resets it."),
    ] = True
    last_result_supported: Annotated[bool, Takes(help="The terminal answers G, the request for its last result.")] = True
    capture_length: Annotated[Literal[176, 180], Takes(help="Bytes of a capture request: 176 on Nexi terminals, 180 on PAX.")] = 176
    printing_mode: Annotated[Literal[1, 2, 3], Takes(help="The mode in which receipts come to the register: 1; on PAX also 2 and 3.")] = 1
    tag_map: Annotated[
        str,
        Takes(
            pattern="auto|[0-9*]{4}",
            allowed=("allowed_auto_tag_map", {}),
            help="The tag map of additional data: auto lists the indexes that are sent.",
        ),
    ] = "auto"
    connect_timeout: Annotated[float, _seconds("Seconds until a line to the terminal must be open.")] = 10.0
    ack_timeout: Annotated[float, _seconds("Seconds until a frame must be acknowledged.")] = 5.0
    payment_timeout: Annotated[float, _seconds("Seconds until the result of whatever needs a card or moves money.")] = 180.0
    close_timeout: Annotated[float, _seconds("Seconds until the result of closing the session.")] = 180.0
    status_timeout: Annotated[float, _seconds("Seconds until the answer to a status request.")] = 10.0
    other_timeout: Annotated[float, _seconds("Seconds until the answer to every other request.")] = 60.0

    def __post_init__(self) -> None:
        """Check every value."""
        if not isinstance(self.name, str) or not _NAME.match(self.name):
            raise InvalidValueError("terminal name", self.name, ("allowed_terminal_name", {}))
        check_fields(self, f"terminals.{self.name}.")
        self._check_address()

    def _check_address(self) -> None:
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            if self.link != "dial":
                place = f"terminals.{self.name}.address"
                raise InvalidValueError(place, self.address, ("allowed_static_address", {})) from None
            if not self.address:
                raise InvalidValueError(f"terminals.{self.name}.address", self.address, ("allowed_host", {})) from None

    @property
    def place(self) -> str:
        """Where the terminal stands: ADDRESS:PORT."""
        return f"{self.address}:{self.port}"

    def timing(self, request: Request) -> Timing:
        """Return the time limits of an exchange with `request` (exchange.md §3)."""
        result: float = getattr(self, f"{request.limit}_timeout")
        return Timing(ack=self.ack_timeout, result=result)


class TerminalOptions(TypedDict, total=False):
    """The settings that `Register.dial` and `Register.listen` take by name: those of `TerminalSettings`, for type checkers."""

    terminal_id: str
    lrc: LrcReading
    keep_open: bool
    trust_unchanged_result: bool
    tolerate_lengths: bool
    longest_payment_time: float
    recovery_pause: float
    queue_timeout: float
    queue_length: int
    purchase_code: Literal["auto", "X", "P"]
    print_on_register: bool
    standalone_use: bool
    last_result_supported: bool
    capture_length: Literal[176, 180]
    printing_mode: Literal[1, 2, 3]
    tag_map: str
    connect_timeout: float
    ack_timeout: float
    payment_timeout: float
    close_timeout: float
    status_timeout: float
    other_timeout: float


def check_apart(settings: TerminalSettings, other: TerminalSettings) -> None:
    """Refuse (`InvalidValueError`) a terminal that is `other` under a second name: two queues would use one terminal at once."""
    place = f"terminals.{settings.name}"
    same_address = _comparable(settings.address) == _comparable(other.address)
    if same_address and settings.link != "dial" and other.link != "dial":
        raise InvalidValueError(f"{place}.address", settings.address, ("allowed_unused_address", {"other": other.name}))
    if same_address and settings.port == other.port:
        raise InvalidValueError(f"{place}.address", settings.place, ("allowed_unused_place", {"other": other.name}))
    if settings.terminal_id == other.terminal_id != ANY_TERMINAL:
        raise InvalidValueError(f"{place}.terminal_id", settings.terminal_id, ("allowed_unused_terminal_id", {"other": other.name}))


@lru_cache(maxsize=4096)  # each is compared with every other
def _comparable(address: str) -> str:
    """Return an address so that two ways to write it are equal; a host name's capitals and its last dot mean nothing."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address.lower().removesuffix(".")
