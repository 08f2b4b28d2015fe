"""Faults of the emulated terminal, by name and count, changeable while it runs.

A fault waits until a request comes whose code it applies to, and is used up once per request (`bad_lrc`: once per transmission). Unless
told otherwise it applies to operations only and leaves alone `E` (printing), `U`, `s` and `G`, which come before and after them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ecrlan.errors import InvalidValueError
from ecrlan.model import ReprintRequest, codes_of

EVERY_CODE = codes_of(lambda _: True)
OPERATION_CODES = codes_of(lambda request: request.prints or request is ReprintRequest)
"""What a fault applies to unless its kind or its setting says otherwise."""
PAYMENT_CODES = codes_of(lambda request: request.answers)
PRINTING_CODES = codes_of(lambda request: request.prints)
LARGEST_COUNT = 1_000_000


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault. `performed`: whether the request it falls on is performed, so that the money moves where it is approved."""

    text: str
    performed: bool
    codes: str = OPERATION_CODES


FAULT_KINDS: dict[str, FaultKind] = {
    # the request and its ACK
    "nak": FaultKind("the request is refused with a NAK", performed=False),
    "busy": FaultKind("somebody uses the terminal: whatever comes is refused with a NAK", performed=False, codes=EVERY_CODE),
    "silent": FaultKind("the request is lost in the terminal: no ACK, no result", performed=False),
    "no_ack": FaultKind("the request's ACK is not sent, the result comes", performed=True),
    "bad_ack_lrc": FaultKind("the request's ACK has a wrong LRC, the result comes", performed=True),
    "result_before_ack": FaultKind("the request's ACK comes right behind the result", performed=True),
    "ack_after_result_only": FaultKind("the request's ACK comes once the register has acknowledged the result", performed=True),
    "charge_after_nak": FaultKind("the request is refused with a NAK and performed all the same; its result comes", performed=True),
    "stale_result": FaultKind("the saved result of the operation before comes once more, in front of the ACK", performed=True),
    # the line
    "drop_before_ack": FaultKind("the line is closed instead of an ACK", performed=False),
    "drop_after_ack": FaultKind("the line is closed after the ACK, the terminal forgets the request", performed=False),
    "drop_then_charge": FaultKind("the line is closed after the ACK, the money moves `late_seconds` later", performed=True),
    "drop_after_charge": FaultKind("the line is closed after ACK and charge, instead of the result", performed=True),
    "cut_result": FaultKind("the line is closed in the middle of the result", performed=True),
    "close_after_result": FaultKind("the line is closed right behind the result, its ACK is not awaited", performed=True),
    "close_after_enable": FaultKind("the line is closed right after the ACK of `E`, which stays in force", performed=True, codes="E"),
    "reboot": FaultKind("the terminal restarts after the ACK and takes no line for `reboot_seconds`", performed=False),
    # the result
    "hang": FaultKind("after the ACK nothing comes any more", performed=False),
    "no_result": FaultKind("the result is saved but not sent", performed=True),
    "late_result": FaultKind("the money moves at once, the result comes `late_seconds` later if its line is still open", performed=True),
    "late_charge": FaultKind("the terminal is busy for `late_seconds`, then the money moves and the result comes", performed=True),
    "bad_lrc": FaultKind("the result is transmitted with a wrong LRC; used up by each transmission", performed=True),
    "duplicate_result": FaultKind("the result is sent again although it was acknowledged", performed=True),
    "malformed_result": FaultKind("the result is one byte short", performed=True),
    "wrong_amount": FaultKind("the result tells one cent more than was charged, where it has an amount", performed=True),
    "wrong_tid": FaultKind("the result has another TID", performed=True),
    "wrong_code": FaultKind("the result comes in the form of another operation's", performed=True, codes=PAYMENT_CODES),
    "declined": FaultKind("the request is refused with a KO result", performed=False, codes=PRINTING_CODES),
    "unknown_result": FaultKind("the result code is 09, unknown tag from the host", performed=False, codes=PAYMENT_CODES + "CT"),
    "odd_result": FaultKind(
        "the result code is 42, which is in no table, although the money moved", performed=True, codes=PAYMENT_CODES + "C"
    ),
    # the receipt
    "receipt_lost": FaultKind("the receipt that was announced never comes", performed=True),
    "receipt_cut": FaultKind("the receipt ends without its end mark", performed=True),
    "receipt_first": FaultKind("the receipt comes before the result", performed=True),
    # the bytes
    "split": FaultKind("each byte of the exchange is sent by itself", performed=True),
    "glued": FaultKind("ACK, progress and result are sent as one piece", performed=True),
    "noise": FaultKind("bytes that belong to no frame come in front of ACK and result", performed=True),
    # other people
    "foreign_use": FaultKind(
        "the request meets silence, somebody pays by hand (`foreign_amount`, or the amount asked), and the line is closed", performed=False
    ),
}
"""Every kind of fault, by name."""

FAULTS: dict[str, str] = {
    name: f"{kind.text}. {'The request is performed.' if kind.performed else 'The request is not performed.'}"
    for name, kind in FAULT_KINDS.items()
}
"""One line per fault, for people: what happens, and whether the request is performed."""

REFUSING_FAULTS = ("busy", "nak", "silent", "drop_before_ack", "foreign_use")
"""Faults by which a request is not taken at all; while one of them applies, no other is used up."""


@dataclass(slots=True)
class _Armed:
    count: int
    codes: str


class Faults:
    """The faults that wait for their request."""

    def __init__(self, **counts: int) -> None:
        """Arm faults by name: `Faults(no_ack=1, split=3)`."""
        self._armed: dict[str, _Armed] = {}
        for name, count in counts.items():
            self.set(name, count)

    def __repr__(self) -> str:
        return f"Faults({', '.join(f'{name}@{armed.codes}={armed.count}' for name, armed in self._armed.items())})"

    def set(self, name: str, count: int = 1, *, codes: str | None = None) -> None:
        """Let fault `name` fall on the next `count` requests whose code is in `codes` (default: the kind's own); 0 disarms it.

        Raises `InvalidValueError` for an unknown name, a count outside 0 to 1,000,000, or a letter that is no request's code.
        """
        if name not in FAULT_KINDS:
            raise InvalidValueError("fault", name, ", ".join(sorted(FAULT_KINDS)))
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= LARGEST_COUNT:
            raise InvalidValueError(f"count of fault {name}", count, f"0 to {LARGEST_COUNT}")
        if codes is not None and (not codes or set(codes) - set(EVERY_CODE)):
            raise InvalidValueError(f"codes of fault {name}", codes, f"letters of {EVERY_CODE}")
        self._armed.pop(name, None)
        if count:
            self._armed[name] = _Armed(count, codes or FAULT_KINDS[name].codes)

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def count(self, name: str) -> int:
        """Return how often fault `name` will still strike."""
        return self._armed[name].count if name in self._armed else 0

    def take(self, name: str, code: str | None = None) -> bool:
        """Use fault `name` once, if it is armed and applies to a request of `code` (None: to whatever it is)."""
        armed = self._armed.get(name)
        if armed is None or (code is not None and code not in armed.codes):
            return False
        armed.count -= 1
        if not armed.count:
            del self._armed[name]
        return True

    def take_refusing(self, code: str) -> str | None:
        """Use the first armed fault by which a request of `code` is not taken at all, and return its name."""
        return next((name for name in REFUSING_FAULTS if self.take(name, code)), None)

    def take_all(self, code: str) -> frozenset[str]:
        """Use every other armed fault that applies to a request of `code` once, and return their names; `bad_lrc` is left alone."""
        return frozenset(name for name in tuple(self._armed) if name not in (*REFUSING_FAULTS, "bad_lrc") and self.take(name, code))

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Read `NAME[@CODES][=COUNT]`, separated by commas: `late_result=2,split,no_ack@sG`. Raises `InvalidValueError`."""
        faults = cls()
        for item in filter(None, (part.strip() for part in text.split(","))):
            left, equals, number = item.partition("=")
            name, at, codes = left.strip().partition("@")
            number = number.strip()
            if equals and not (number.isascii() and number.isdigit()):
                raise InvalidValueError(f"count of fault {name}", number, f"0 to {LARGEST_COUNT}")
            faults.set(name, int(number) if equals else 1, codes=codes if at else None)
        return faults
