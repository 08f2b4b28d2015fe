"""Every frame and message as construct declares it.

`declared` turns a table of `requests` or `responses` into a construct `Struct`; the frames have theirs here. They say what the bytes are,
and `tests/wire` holds the codec that runs (`layout`, `frames`) equal to them, for whole, cut, lengthened and damaged messages. Nothing
that runs imports this module: construct takes 50 ms to import, and five times as long as the codec to read or build a message.

Here construct's errors and containers stay what they are; the codec's are `MalformedMessageError`, `InvalidValueError` and dicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from construct import (
    Adapter,
    Byte,
    Bytes,
    Checksum,
    Const,
    Default,
    GreedyBytes,
    NullTerminated,
    RawCopy,
    Struct,
    Terminated,
    ValidationError,
    this,
)

from ecrlan.wire.fields import Code, Counted, Field, FieldError, Rest, Unread
from ecrlan.wire.lrc import lrc

if TYPE_CHECKING:
    from construct import Construct

    from ecrlan.wire.layout import Layout, TableRow

    Declaration = Construct[Any, Any]
    Base = Adapter[bytes, bytes, Any, Any]
else:
    Base = Adapter


class Read(Base):
    """Bytes of a message as the value of their field; what the field refuses is construct's `ValidationError`, with the field's words."""

    def __init__(self, subcon: Declaration, field: Field) -> None:
        """Take how the bytes are found, and the field."""
        super().__init__(subcon)
        self.field = field

    def _decode(self, obj: bytes, context: object, path: str) -> object:  # noqa: ARG002 - construct's signature
        try:
            return self.field.decode(obj)
        except FieldError as error:
            raise ValidationError(str(error), path=path) from error

    def _encode(self, obj: object, context: object, path: str) -> bytes:  # noqa: ARG002 - construct's signature
        try:
            return self.field.encode(obj)
        except FieldError as error:
            raise ValidationError(str(error), path=path) from error


class Bounded(Base):
    """Bytes to the end of the message, `shortest` to `longest` of them."""

    def __init__(self, shortest: int, longest: int) -> None:
        """Take the bounds."""
        super().__init__(GreedyBytes)
        self.shortest = shortest
        self.longest = longest

    def _decode(self, obj: bytes, context: object, path: str) -> bytes:  # noqa: ARG002 - construct's signature
        if not self.shortest <= len(obj) <= self.longest:
            raise ValidationError(f"{self.shortest} to {self.longest} bytes", path=path)
        return obj

    def _encode(self, obj: bytes, context: object, path: str) -> bytes:
        return self._decode(obj, context, path)


def declared(layout: Layout) -> Declaration:
    """Return the construct `Struct` of a table: its rows in their order, and nothing behind them."""
    return Struct(*map(_declared_row, layout.rows), Terminated)


def _declared_row(row: TableRow) -> Declaration:
    field = row.field
    if isinstance(field, Code):
        return Const(field.content)
    if isinstance(field, Unread):
        return Default(Bytes(field.length), field.content)
    size: Declaration = Bytes(field.length)
    if isinstance(field, Rest):
        size = Bounded(field.length, field.longest)
    elif isinstance(field, Counted):
        size = Bytes(this[field.count])
    return row.name / Read(size, field)


# --- frames ---------------------------------------------------------------------------------------------------------------------------


def _checked(*rows: Declaration) -> Declaration:
    """Return a frame whose last byte is the standard LRC of the others."""
    return Struct("checked" / RawCopy(Struct(*rows)), "lrc" / Checksum(Byte, lrc, this.checked.data), Terminated)


APPLICATION_FRAME: Final = _checked(Const(b"\x02"), "message" / NullTerminated(GreedyBytes, term=b"\x03"))
"""STX · message · ETX · LRC."""
ACK_FRAME: Final = _checked(Const(b"\x06\x03"))
"""ACK · ETX · LRC."""
NAK_FRAME: Final = _checked(Const(b"\x15\x03"))
"""NAK · ETX · LRC."""
PROGRESS_FRAME: Final = Struct(Const(b"\x01"), "text" / NullTerminated(GreedyBytes, term=b"\x04"), Terminated)
"""SOH · text · EOT, without LRC."""
