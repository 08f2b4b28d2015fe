"""`layout()`: a checked table of one message.

A table's rows carry redundant positions, so that a person can hold it against the page: a row that is not where it says, or a wrong
total, is refused at import. The tables are construct declarations; `Layout` compiles them at first use (2.5 to 4 times faster) and
checks the total length first, because compiled tables do not. Nothing of construct leaves this package: what goes wrong is
`MalformedMessageError` when parsing and `InvalidValueError` when building.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from construct import ConstructError, Renamed, Struct, Terminated

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.wire.fields import Code, Constant, Counted, Field, FieldError, Unread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from construct import Construct

    Row = tuple[int | None, Construct[Any, Any]]

LONGEST_MESSAGE: Final = 4093
"""What fits into the longest frame."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row as it is printed: 1-based position (None behind a variable length), length in bytes (None: variable), type, name, note."""

    position: int | None
    length: int | None
    type: str
    name: str
    note: str
    field: Field


class Layout:
    """The table of one message or variant: `title`, `variant` (when it applies), `code`, `total` (None: variable), `rows`."""

    def __init__(self, title: str, total: int | None, rows: tuple[Row, ...], variant: str) -> None:
        """Check the table; see `layout`."""
        self.title = title
        self.variant = variant
        self.total = total
        self.rows = tuple(_table_row(position, row) for position, row in rows)
        self.names = tuple(row.name for row in self.rows if row.name)
        self.shortest, self.longest = self._check_rows()
        codes = [row.field.content for row in self.rows if isinstance(row.field, Code)]
        if len(codes) != 1 or len(set(self.names)) != len(self.names):
            raise ValueError(f"{title}: needs one Code and each name once")
        self.code = codes[0].decode("ascii")
        self.count = next((row.field.count for row in self.rows if isinstance(row.field, Counted)), "")
        """The field that holds the length of another one, or ''."""
        self.plain = Struct(*(row for _, row in rows), Terminated)
        self._compiled: Construct[Any, Any] | None = None
        self._names = frozenset(self.names)
        self._letter = codes[0][0]

    @property
    def compiled(self) -> Construct[Any, Any]:
        """The same table, compiled by construct at first use. It checks no lengths: use `parse`."""
        if self._compiled is None:
            self._compiled = self.plain.compile()
        return self._compiled

    def parse(self, message: bytes, *, compiled: bool = True) -> dict[str, Any]:
        """Return the fields by name. Raises `MalformedMessageError` for a wrong length or code, or an unreadable field."""
        length = len(message)
        if not self.shortest <= length <= self.longest:
            allowed = str(self.shortest) if self.shortest == self.longest else f"{self.shortest} to {self.longest}"
            raise MalformedMessageError(self.code, length, f"{self.title} takes {allowed} bytes")
        if message[9] != self._letter:
            raise MalformedMessageError(self.code, length, f"{self.title} has the code {self.code}")
        try:
            fields = dict(((self._compiled or self.compiled) if compiled else self.plain).parse(message))
        except FieldError as error:
            raise MalformedMessageError(self.code, length, self._find_unreadable(message)) from error
        except ConstructError as error:  # only a count that does not fit the rest gets here
            raise MalformedMessageError(self.code, length, f"{self.count} does not fit the message's length") from error
        if self.count and self.shortest + fields[self.count] != length:
            raise MalformedMessageError(self.code, length, f"{self.count} does not fit the message's length")
        fields.pop("_io", None)
        return fields

    def build(self, fields: Mapping[str, Any], *, compiled: bool = True) -> bytes:
        """Return the message. Raises `InvalidValueError` for a missing or unknown name, and for a value that its field does not take."""
        if fields.keys() != self._names:
            odd = sorted(fields.keys() ^ self._names)
            raise InvalidValueError(f"{self.title} fields", odd, f"exactly {', '.join(self.names)}")
        try:
            return bytes(((self._compiled or self.compiled) if compiled else self.plain).build(dict(fields)))
        except FieldError as error:
            refused = (_try_encode(row, fields[row.name]) for row in self.rows if row.name)
            raise next(filter(None, refused)) from error

    def cut(self, message: bytes) -> list[tuple[TableRow, int, int]]:
        """Return each row with where its bytes begin and end in `message`, from 0. Never raises; bytes behind the last row are left out."""
        numbers: dict[str, bytes] = {}
        pieces = []
        start = 0
        for row in self.rows:
            if row.length is not None:
                end = start + row.length
            else:
                count = numbers.get(row.field.count, b"") if isinstance(row.field, Counted) else b""
                end = start + int(count) if count.isdigit() else len(message)
            end = min(end, len(message))
            numbers[row.name] = message[start:end]
            pieces.append((row, start, end))
            start = end
        return pieces

    def _find_unreadable(self, message: bytes) -> str:
        """Name the first field that cannot be read, its position and what is allowed; there must be one."""
        return next(filter(None, (_try_decode(row, place, message) for row, place in zip(self.rows, self._places(), strict=True))))

    def _places(self) -> list[int]:
        """Return where each row begins, from 0; what stands behind a variable length counts as empty."""
        places = [0]
        for row in self.rows[:-1]:
            places.append(places[-1] + (row.length or LONGEST_MESSAGE))
        return places

    def _check_rows(self) -> tuple[int, int]:
        place: int | None = 1
        shortest = longest = 0
        for row in self.rows:
            if row.position != place:
                raise ValueError(
                    f"{self.title}: {row.name or row.type} stands at {row.position}, but the rows before it end before {place}"
                )
            shortest += row.field.length
            longest += row.length if row.length is not None else getattr(row.field, "longest", 0)
            place = place + row.length if place is not None and row.length is not None else None
        if self.total is not None and not self.total == shortest == longest:
            raise ValueError(f"{self.title}: the rows make {shortest} to {longest} bytes, the table says {self.total}")
        return shortest, longest


def layout(title: str, total: int | None, *rows: Row, variant: str = "") -> Layout:
    """Make a table from rows `(position, "name" / Field)`, or `(position, Reserved(n))` without a name; docs on a row become its note.

    `total` is the message's length in bytes, None where it varies. Raises `ValueError` for a row that is not where it says, a wrong
    total, a name that stands there twice, or a missing `Code`.
    """
    return Layout(title, total, rows, variant)


def _table_row(position: int | None, row: Construct[Any, Any]) -> TableRow:
    field = row.subcon if isinstance(row, Renamed) else row
    while isinstance(field, Renamed):
        field = field.subcon
    if not isinstance(field, Field) or (row.name is None) != isinstance(field, Unread):
        raise TypeError(f"row {position}: {row!r} is no named field and no reserved run")
    length = None if field.variable else field.length
    note = repr(field.content.decode("ascii")) if isinstance(field, Constant) else str(row.docs)
    return TableRow(position, length, field.type, row.name or "", note, field)


def _try_encode(row: TableRow, value: object) -> InvalidValueError | None:
    try:
        row.field.encode(value)
    except FieldError as error:
        return InvalidValueError(row.name, value, str(error))
    return None


def _try_decode(row: TableRow, place: int, message: bytes) -> str:
    try:
        row.field.decode(message[place:] if row.length is None else message[place : place + row.length])
    except FieldError as error:
        return f"{row.name} at position {place + 1} is not {error}"
    return ""
