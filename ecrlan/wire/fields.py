"""The field types that message tables are made of, by their letter in messages.md.

`N` `Digits`, `BlankDigits`, `Marks`, `Number`, `PresentNumber`, `Flag`, `Pan` · `A` `Text`, `OptionalText`, `HostTimeText`,
`TerminalTime` · `AR` `RightText` · `=` `Constant`, `Code` · `0…` `Reserved`, `Meaningless` ·
`V` `Rest`, `RestBytes`, `Counted` (also `A` of variable length).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ecrlan.model import HostTime

PRINTABLE: Final = bytes(byte if 0x20 <= byte <= 0x7E else 0x3F for byte in range(256))
"""Translates what is not printable ASCII to `?`."""
_XML = bytes(0x20 if byte in b"\t\r\n" else PRINTABLE[byte] for byte in range(256))


class FieldError(ValueError):
    """A field's bytes cannot be read, or its value cannot be written; the text says what is allowed."""


class Named:
    """A field with its name, and a note for readers: `"name" / Field() * "note"`, as construct writes it."""

    def __init__(self, name: str, field: Field, note: str = "") -> None:
        """Take what `/` and `*` join."""
        self.name = name
        self.field = field
        self.note = note

    def __mul__(self, note: str) -> Named:
        """Add the note."""
        return Named(self.name, self.field, note)


class Field:
    """One field: `length` bytes, read by `decode` and written by `encode`, both of which raise `FieldError`.

    `optional` fields never fail when read: what is unreadable becomes None, so that one odd byte does not lose the whole message.
    """

    type = ""
    variable = False
    """Whether its length varies."""

    def __init__(self, length: int, *, optional: bool = False) -> None:
        """Take the length in bytes; for fields of variable length, the shortest."""
        self.length = length
        self.optional = optional

    def __rtruediv__(self, name: str) -> Named:
        """Give the field a name: `"name" / Field()`."""
        return Named(name, self)

    def decode(self, data: bytes) -> object:
        """Read exactly `length` bytes."""
        raise NotImplementedError

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - each field type says what it takes
        """Write the value as exactly `length` bytes."""
        raise NotImplementedError

    def source_to_read(self, text: str, decoded: str) -> str:  # noqa: ARG002 - what a quicker form is made of
        """Return the Python expression that reads the field in the codec (`layout`), with the same result as `decode`.

        `text` is an expression for the field's text, in which what is not printable ASCII is `?`; `decoded` one that calls `decode`.
        Types that most messages have say how to do it without that call, as far as the bytes are what they should be.
        """
        return decoded

    def source_to_write(self, value: str, encoded: str) -> str:
        """Return the Python expression that writes the field, with the same result as `encode`, which it calls as `encoded(value)`."""
        return f"{encoded}({value})"


class Unread(Field):
    """A field whose content nobody reads: no name, no value."""

    def __init__(self, content: bytes) -> None:
        """Take the bytes that are written."""
        super().__init__(len(content))
        self.content = content

    def decode(self, data: bytes) -> object:
        """Ignore the bytes."""

    def encode(self, value: object) -> bytes:  # noqa: ARG002 - there is no value
        """Write the content."""
        return self.content


class Reserved(Unread):
    """`0…`: a run of zeros, written as zeros and ignored when read: real firmware puts other things there."""

    type = "0…"

    def __init__(self, length: int) -> None:
        """Take the run's length in bytes."""
        super().__init__(b"0" * length)


class Meaningless(Reserved):
    """`0…`: fields of another variant, which mean nothing with this result; written as zeros and ignored when read."""


class Blank(Unread):
    """`A`: a text that this variant does not read; written as spaces."""

    type = "A"

    def __init__(self, length: int) -> None:
        """Take the text's length in bytes."""
        super().__init__(b" " * length)


class Constant(Unread):
    """`=`: fixed content, ignored when read."""

    type = "="

    def __init__(self, content: str) -> None:
        """Take the content."""
        super().__init__(content.encode("ascii"))


class Code(Constant):
    """`=`: the message's code letter. `Layout.parse` checks it."""


class Digits(Field):
    """`N`: exactly `length` digits, kept as a string. Optional: None where they are none, written as zeros."""

    type = "N"

    def decode(self, data: bytes) -> str | None:
        """Return the digits."""
        if data.isdigit():
            return data.decode("ascii")
        if self.optional:
            return None
        raise FieldError(f"{self.length} digits")

    def encode(self, value: str | None) -> bytes:
        """Check and write the digits."""
        if isinstance(value, str) and len(value) == self.length and value.isascii() and value.isdigit():
            return value.encode("ascii")
        if not value and self.optional:
            return b"0" * self.length
        raise FieldError(f"{self.length} digits")

    def source_to_read(self, text: str, decoded: str) -> str:
        """Take digits as they are."""
        return f"piece if (piece := {text}).isdigit() else {decoded}"

    def source_to_write(self, value: str, encoded: str) -> str:
        """Take as many digits as they are."""
        known = f"type(value := {value}) is str and len(value) == {self.length} and value.isascii() and value.isdigit()"
        return f"value.encode() if {known} else {encoded}(value)"


class BlankDigits(Digits):
    """`N` as `Digits`, where a blank field reads as zeros."""

    def decode(self, data: bytes) -> str | None:
        """Return the digits, zeros for spaces."""
        return super().decode(data if data.strip(b" ") else b"0" * self.length)


class Marks(Field):
    """`N`: exactly `length` characters of 0 to 9 and `*`, kept as a string."""

    type = "N"

    def decode(self, data: bytes) -> str:
        """Return the characters."""
        if data.replace(b"*", b"0").isdigit():
            return data.decode("ascii")
        raise FieldError(f"{self.length} digits or *")

    def encode(self, value: str) -> bytes:
        """Check and write the characters."""
        data = value.encode("ascii", "replace") if isinstance(value, str) else b""
        if len(data) != self.length or not data.replace(b"*", b"0").isdigit():
            raise FieldError(f"{self.length} digits or *")
        return data


class Number(Field):
    """`N`: a whole number of at most `length` digits. Optional: None where it is unreadable, written as zeros."""

    type = "N"

    def __init__(self, length: int, *, optional: bool = False) -> None:
        """Take the length in bytes."""
        super().__init__(length, optional=optional)
        self._limit = 10**length
        self._form = b"%%0%dd" % length

    def decode(self, data: bytes) -> int | None:
        """Return the number."""
        if data.isdigit():
            return int(data)
        if self.optional:
            return None
        raise FieldError(f"{self.length} digits")

    def encode(self, value: int | None) -> bytes:
        """Check and write the number, filled with zeros on the left."""
        if value is None and self.optional:
            return b"0" * self.length
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < self._limit:
            raise FieldError(f"a whole number of at most {self.length} digits")
        return self._form % value

    def source_to_read(self, text: str, decoded: str) -> str:
        """Take digits as a number."""
        return f"int(piece) if (piece := {text}).isdigit() else {decoded}"


class PresentNumber(Number):
    """`N`: an optional number for which 0 means that there is none."""

    def __init__(self, length: int) -> None:
        """Take the length in bytes."""
        super().__init__(length, optional=True)

    def decode(self, data: bytes) -> int | None:
        """Return the number, None for 0 and for what is none."""
        return (int(data) or None) if data.isdigit() else None

    def source_to_read(self, text: str, decoded: str) -> str:
        """Take digits as a number, but for 0."""
        return f"({super().source_to_read(text, decoded)}) or None"


class Flag(Field):
    """`N`: one digit, 1 = yes, 0 = no. Optional: what is neither is no."""

    type = "N"

    def __init__(self, *, optional: bool = False) -> None:
        """Take one byte."""
        super().__init__(1, optional=optional)

    def decode(self, data: bytes) -> bool:
        """Return whether it is 1."""
        if data not in {b"0", b"1"} and not self.optional:
            raise FieldError("0 or 1")
        return data == b"1"

    def encode(self, value: object) -> bytes:
        """Write 1 for True."""
        if not isinstance(value, bool):
            raise FieldError("True or False")
        return b"1" if value else b"0"

    def source_to_write(self, value: str, encoded: str) -> str:
        """Take True and False as digits."""
        return f"b'1' if (value := {value}) is True else b'0' if value is False else {encoded}(value)"


class Text(Field):
    """`A`: printable ASCII, filled with spaces on the right. Other bytes read as `?`."""

    type = "A"

    def decode(self, data: bytes) -> str | None:
        """Return the text without its fill."""
        return data.translate(PRINTABLE).decode("ascii").rstrip(" ")

    def encode(self, value: str | None) -> bytes:
        """Check and write the text."""
        return check_printable(value, self.length).ljust(self.length)

    def source_to_read(self, text: str, decoded: str) -> str:  # noqa: ARG002 - there is text in any bytes
        """Take off the fill."""
        return f'{text}.rstrip(" ")'


class OptionalText(Text):
    """`A` as `Text`, where a blank field means None."""

    def decode(self, data: bytes) -> str | None:
        """Return the text without its fill, None if nothing is left."""
        return data.translate(PRINTABLE).decode("ascii").rstrip(" ") or None

    def encode(self, value: str | None) -> bytes:
        """Check and write the text, None as spaces."""
        return check_printable(value or "", self.length).ljust(self.length)

    def source_to_read(self, text: str, decoded: str) -> str:
        """Take off the fill; nothing left is None."""
        return f"{super().source_to_read(text, decoded)} or None"


class RightText(Field):
    """`AR`: printable ASCII, filled with spaces on the left."""

    type = "AR"

    def decode(self, data: bytes) -> str:
        """Return the text without its fill."""
        return data.translate(PRINTABLE).decode("ascii").lstrip(" ")

    def encode(self, value: str) -> bytes:
        """Check and write the text."""
        return check_printable(value, self.length).rjust(self.length)


class Pan(Field):
    """`N`: the truncated PAN. Only its last four digits are ever read (exchange.md §7); None where there are none."""

    type = "N"

    def decode(self, data: bytes) -> str | None:
        """Return the last four digits; None if they are no digits."""
        last = data[-4:]
        return last.decode("ascii") if last.isdigit() else None

    def encode(self, value: str | None) -> bytes:
        """Write the last four digits, filled with zeros on the left."""
        if value is None:
            return b"0" * self.length
        if not (isinstance(value, str) and len(value) == 4 and value.isascii() and value.isdigit()):
            raise FieldError("the last four digits, or None")
        return value.encode("ascii").rjust(self.length, b"0")

    def source_to_read(self, text: str, decoded: str) -> str:
        """Take the last four if they are digits."""
        return f"piece if (piece := {text}[-4:]).isdigit() else {decoded}"


class HostTimeText(Field):
    """`A`: `DDDhhmm`. None where it is no day and time."""

    type = "A"

    def __init__(self) -> None:
        """Take seven bytes."""
        super().__init__(7, optional=True)

    def decode(self, data: bytes) -> HostTime | None:
        """Return the day of the year, hour and minute."""
        if not data.isdigit():
            return None
        number = int(data)
        day, hour, minute = number // 10000, number // 100 % 100, number % 100
        return HostTime(day, hour, minute) if 1 <= day <= 366 and hour <= 23 and minute <= 59 else None

    def encode(self, value: HostTime | None) -> bytes:
        """Write day, hour and minute, None as zeros."""
        if value is None:
            return b"0000000"
        if not (1 <= value.day_of_year <= 366 and 0 <= value.hour <= 23 and 0 <= value.minute <= 59):
            raise FieldError("day 1 to 366, hour 0 to 23, minute 0 to 59")
        return b"%03d%02d%02d" % (value.day_of_year, value.hour, value.minute)


class TerminalTime(Field):
    """`DDMMYYhhmm`, the terminal's own clock; the century is 20. None where it is no date."""

    type = "A"

    def __init__(self) -> None:
        """Take ten bytes."""
        super().__init__(10, optional=True)

    def decode(self, data: bytes) -> datetime | None:
        """Return the naive date and time."""
        if not data.isdigit():
            return None
        day, month, year, hour, minute = (int(data[place : place + 2]) for place in range(0, 10, 2))
        try:
            return datetime(2000 + year, month, day, hour, minute)  # noqa: DTZ001 - the terminal's clock has no zone
        except ValueError:
            return None

    def encode(self, value: datetime | None) -> bytes:
        """Write the date and time, None as zeros."""
        if value is None:
            return b"0000000000"
        if not 2000 <= value.year <= 2099:
            raise FieldError("a date from 2000 to 2099")
        return b"%02d%02d%02d%02d%02d" % (value.day, value.month, value.year % 100, value.hour, value.minute)


class Rest(Field):
    """`V`: everything to the end, `shortest` to `longest` bytes of text."""

    type = "V"
    variable = True

    def __init__(self, shortest: int, longest: int, *, filled: bool = False) -> None:
        """Take the bounds in bytes; `filled` makes it `A`, with spaces on the right that are taken off."""
        super().__init__(shortest)
        if filled:
            self.type = "A"
        self.longest = longest
        self.filled = filled

    def decode(self, data: bytes) -> object:
        """Return the text."""
        text = data.translate(PRINTABLE).decode("ascii")
        return text.rstrip(" ") if self.filled else text

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - text here, other things in classes below
        """Check and write the text."""
        data = check_printable(value, self.longest)
        if len(data) < self.length:
            raise FieldError(f"at least {self.length} characters")
        return data


class RestBytes(Rest):
    """`V`: everything to the end, as it came."""

    def decode(self, data: bytes) -> object:
        """Return the bytes."""
        return data

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - bytes
        """Check the length and for STX and ETX, which would cut the frame."""
        if not isinstance(value, bytes) or not self.length <= len(value) <= self.longest or b"\x02" in value or b"\x03" in value:
            raise FieldError(f"{self.length} to {self.longest} bytes without STX and ETX")
        return value


class Counted(Field):
    """`A`: as many bytes as the number field `count` says, at most `longest`; XML (`V`): line ends and tabs read as spaces."""

    variable = True

    def __init__(self, count: str, longest: int, *, xml: bool = False) -> None:
        """Take the number field's name and the greatest length in bytes."""
        super().__init__(0)
        self.type = "V" if xml else "A"
        self.count = count
        self.longest = longest
        self.table = _XML if xml else PRINTABLE

    def decode(self, data: bytes) -> object:
        """Return the text."""
        if len(data) > self.longest:
            raise FieldError(f"at most {self.longest} characters")
        return data.translate(self.table).decode("ascii")

    def encode(self, value: str) -> bytes:
        """Check and write the text."""
        return check_printable(value, self.longest)


def check_printable(value: object, longest: int) -> bytes:
    """Return the text as bytes, if it is printable ASCII of at most `longest` characters; else raise `FieldError`."""
    if isinstance(value, str) and len(value) <= longest and value.isascii() and value.isprintable():
        return value.encode("ascii")
    raise FieldError(f"at most {longest} printable ASCII characters")
