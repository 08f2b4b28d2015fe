"""`layout()`: a checked table of one message, and the codec that is made from it.

A table's rows carry redundant positions, so that a person can hold it against the page: a row that is not where it says, or a wrong
total, is refused at import. The codec is Python source, one function to read and one to build a message, written from the table and
compiled at its first use: it slices the message at the positions that were checked. `declaration` makes a construct `Struct` from the
same table; the tests hold the codec to what that one builds and parses. What goes wrong is `MalformedMessageError` when parsing and
`InvalidValueError` when building.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from ecrlan.errors import InvalidValueError, MalformedMessageError
from ecrlan.wire.cards import SHORTEST_CARD
from ecrlan.wire.fields import PRINTABLE, Code, Constant, Counted, Field, FieldError, Named, Pan, Unread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = tuple[int | None, Named | Unread]

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
        roomy = [row for row in self.rows if row.name and (row.length or LONGEST_MESSAGE) >= SHORTEST_CARD]
        self.long_names = tuple(row.name for row in roomy if not isinstance(row.field, Pan))
        """The fields whose value has room for a card number."""
        self._names = frozenset(self.names)
        self._letter = codes[0][0]

    def parse(self, message: bytes) -> dict[str, Any]:
        """Return the fields by name. Raises `MalformedMessageError` for a wrong length or code, or an unreadable field."""
        length = len(message)
        if not self.shortest <= length <= self.longest:
            allowed = str(self.shortest) if self.shortest == self.longest else f"{self.shortest} to {self.longest}"
            why = ("length_range", {"shortest": self.shortest, "longest": self.longest})
            raise MalformedMessageError(self.code, length, f"{self.title} takes {allowed} bytes", why)
        if message[9] != self._letter:
            raise MalformedMessageError(self.code, length, f"{self.title} has the code {self.code}", ("unknown_message", {}))
        try:
            fields = self._read(message)
        except FieldError as error:
            problem = self._find_unreadable(message)
            raise MalformedMessageError(self.code, length, problem, ("field_unreadable", {"problem": problem})) from error
        if self.count and self.shortest + fields[self.count] != length:
            raise self._count_problem(length)
        return fields

    def build(self, fields: Mapping[str, Any]) -> bytes:
        """Return the message. Raises `InvalidValueError` for a missing or unknown name, and for a value that its field does not take."""
        if fields.keys() != self._names:
            odd = sorted(fields.keys() ^ self._names)
            raise InvalidValueError(f"{self.title} fields", odd, f"exactly {', '.join(self.names)}")
        return self.build_from(SimpleNamespace(**fields))

    def build_from(self, fields: object) -> bytes:
        """Return the message as `build` does, from an object that has each field as an attribute, and may have others."""
        try:
            return self._write(fields)
        except FieldError as error:
            refused = (_try_encode(row, getattr(fields, row.name)) for row in self.rows if row.name)
            raise next(filter(None, refused)) from error

    @cached_property
    def _read(self) -> Callable[[bytes], dict[str, Any]]:
        """The generated function that reads a message whose length and code were checked. It raises `FieldError`."""
        return _compiled("read", self.source_to_read(), {f"decode_{row.name}": row.field.decode for row in self.rows})

    @cached_property
    def _write(self) -> Callable[[object], bytes]:
        """The generated function that writes the fields. It raises `FieldError`."""
        return _compiled("write", self.source_to_write(), {f"encode_{row.name}": row.field.encode for row in self.rows})

    def source_to_read(self) -> str:
        """Return the source of `read(message)`: a dict with a slice of the message for each named row, in the table's order."""
        lines = ["def read(message):", "    text = message.translate(PRINTABLE).decode('ascii')", "    return {"]
        for row, place in zip(self.rows, self._places(), strict=True):
            if isinstance(row.field, Counted):
                piece = f"[{place}:{place} + count]"
            else:
                piece = f"[{place}:]" if row.length is None else f"[{place}:{place + row.length}]"
            if row.name:
                expression = row.field.source_to_read(f"text{piece}", f"decode_{row.name}(message{piece})")
                lines.append(f"        {row.name!r}: {f'(count := {expression})' if row.name == self.count else expression},")
        return "\n".join([*lines, "    }"])

    def source_to_write(self) -> str:
        """Return the source of `write(fields)`: the message with the constants in it and a place for each named row."""
        form = b"".join(b"%b" if row.name else row.field.encode(None).replace(b"%", b"%%") for row in self.rows)
        values = [row.field.source_to_write(f"fields.{row.name}", f"encode_{row.name}") for row in self.rows if row.name]
        return "\n".join(["def write(fields):", f"    return {form!r} % (", *(f"        {value}," for value in values), "    )"])

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

    def _count_problem(self, length: int) -> MalformedMessageError:
        problem = f"{self.count} does not fit the message's length"
        return MalformedMessageError(self.code, length, problem, ("count_does_not_fit", {"field": self.count}))

    def _find_unreadable(self, message: bytes) -> str:
        """Name the first field that cannot be read, its position and what is allowed; there must be one."""
        return next(filter(None, (_try_decode(row, place, message) for row, place in zip(self.rows, self._places(), strict=True))))

    def _places(self) -> list[int]:
        """Return where each row begins, from 0; what stands behind a variable length begins behind any message."""
        places = [0]
        for row in self.rows[:-1]:
            places.append(places[-1] + (row.length or LONGEST_MESSAGE))
        return places

    def _check_rows(self) -> tuple[int, int]:
        place: int | None = 1
        shortest = longest = 0
        for row in self.rows:
            if place is None and row.name:
                raise ValueError(f"{self.title}: {row.name} stands behind a variable length, where nothing is read")
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


def _table_row(position: int | None, row: Named | Unread) -> TableRow:
    name, field, note = (row.name, row.field, row.note) if isinstance(row, Named) else ("", row, "")
    if isinstance(row, Named) == isinstance(field, Unread):
        raise TypeError(f"row {position}: {name or type(row).__name__} is no named field and no reserved run")
    if isinstance(field, Constant):
        note = repr(field.content.decode("ascii"))
    return TableRow(position, None if field.variable else field.length, field.type, name, note, field)


def _compiled(name: str, source: str, functions: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    namespace: dict[str, Any] = {"PRINTABLE": PRINTABLE} | functions
    exec(compile(source, f"<codec: {name}>", "exec"), namespace)  # noqa: S102 - the source is written from our own tables
    return namespace[name]  # type: ignore[no-any-return]


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
