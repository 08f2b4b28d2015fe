"""What a field takes: declared once beside the field, for Python, the settings file, HTTP, the command line and the console alike.

A field is declared as `amount: Annotated[int, Takes(unit="cents", least=1, most=99_999_999, help="Whole cents.")]`. `fields_of` reads
the declarations of a dataclass; `check_fields` refuses values that do not fit them.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from enum import Enum, IntEnum
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from ecrlan.errors import InvalidValueError, Why, in_english

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """What a field takes. `help` is one line for people; `allowed` says what is taken, where the rest does not say it well."""

    help: str = ""
    unit: str = ""
    """What a number counts: `cents`, `seconds`."""
    least: float | None = None
    most: float | None = None
    shortest: int = 0
    longest: int | None = None
    """Characters of a text, items of a list."""
    pattern: str = ""
    """A regular expression that the whole text matches."""
    allowed: Why | str = ""
    example: object = None
    suggestions: tuple[str, ...] = ()
    """Texts that are offered to people, where there are some."""
    seldom: bool = False
    """People seldom need it: forms show it further down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredField:
    """A field of a dataclass as it is declared. `type` is without `None`, which `optional` tells."""

    name: str
    type: Any
    takes: Takes
    optional: bool
    required: bool
    default: Any
    choices: tuple[Any, ...]
    """The only values that are taken; empty where it is no choice."""
    pattern: re.Pattern[str] | None

    @property
    def allowed(self) -> str:
        """What is taken, in English."""
        return in_english(self.allowed_why)

    @property
    def allowed_why(self) -> Why | str:
        """What is taken, as a code with values."""
        takes = self.takes
        if takes.allowed:
            return takes.allowed
        if self.choices:
            return "allowed_one_of", {"words": list(self.choices)}
        if self.type is bool:
            return "allowed_one_of", {"words": ["true", "false"]}
        if isinstance(self.type, type) and issubclass(self.type, Enum):
            members = [each.value for each in self.type]
            if issubclass(self.type, int):
                return "allowed_range", {"least": members[0], "most": members[-1]}
            return "allowed_listed", {"words": members}
        if takes.least is not None and takes.most is not None:
            values = {"least": takes.least, "most": takes.most}
            if self.type is int:
                return ("allowed_cents", values) if takes.unit == "cents" else ("allowed_whole_numbers", values)
            return ("allowed_seconds", values) if takes.unit == "seconds" else ("allowed_numbers", values)
        if self.type is not str:
            return "allowed_at_most_items", {"most": takes.longest}
        if takes.shortest:
            return "allowed_characters", {"least": takes.shortest, "most": takes.longest}
        return "allowed_at_most_characters", {"most": takes.longest}

    def fits(self, value: object) -> bool:
        """Tell whether the field takes `value`."""
        if value is None:
            return self.optional
        if self.type is str:
            return isinstance(value, str) and self._right_length(value) and (self.pattern is None or bool(self.pattern.fullmatch(value)))
        if self.choices:
            return value in self.choices and type(value) in {type(choice) for choice in self.choices}
        if self.type is bool:
            return isinstance(value, bool)
        if isinstance(self.type, type) and issubclass(self.type, IntEnum):
            return isinstance(value, int) and not isinstance(value, bool) and value in {each.value for each in self.type}
        if self.type in (int, float):
            numbers = (int,) if self.type is int else (int, float)
            return isinstance(value, numbers) and not isinstance(value, bool) and self._in_range(value)
        if isinstance(self.type, type):
            return isinstance(value, self.type)
        return isinstance(value, get_origin(self.type)) and self._right_length(value)  # a list or a mapping

    def _in_range(self, value: float) -> bool:
        least, most = self.takes.least, self.takes.most
        return math.isfinite(value) and (least is None or least <= value) and (most is None or value <= most)

    def _right_length(self, value: Sequence[object] | Mapping[object, object]) -> bool:
        return self.takes.shortest <= len(value) and (self.takes.longest is None or len(value) <= self.takes.longest)


_FIELDS: dict[type, tuple[DeclaredField, ...]] = {}


def fields_of(owner: type) -> tuple[DeclaredField, ...]:
    """Return the declared fields of a dataclass, in the order of declaration; those without `Takes` are left out."""
    found = _FIELDS.get(owner)
    if found is None:
        hints = get_type_hints(owner, include_extras=True)
        declared = [(item, hints[item.name], _takes(hints[item.name])) for item in dataclasses.fields(owner)]
        found = _FIELDS[owner] = tuple(_declared(item, hint, takes) for item, hint, takes in declared if takes is not None)
    return found


def check_fields(owner: Any, place: str = "") -> None:  # noqa: ANN401 - any dataclass
    """Refuse (`InvalidValueError`) an object one of whose fields does not fit its declaration; `place` stands before the field's name."""
    for declared in fields_of(owner.__class__):
        value = getattr(owner, declared.name)
        if value is not declared.default and not declared.fits(value):
            raise InvalidValueError(f"{place}{declared.name}", value, declared.allowed_why)


def _takes(hint: object) -> Takes | None:
    metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((item for item in metadata if isinstance(item, Takes)), None)


def _declared(item: dataclasses.Field[Any], hint: object, takes: Takes) -> DeclaredField:
    inner = get_args(hint)[0]
    optional = NoneType in get_args(inner)
    kind = next(each for each in get_args(inner) if each is not NoneType) if optional else inner
    factory = item.default_factory
    return DeclaredField(
        name=item.name,
        type=kind,
        takes=takes,
        optional=optional,
        required=item.default is MISSING and factory is MISSING,
        default=item.default if factory is MISSING else factory(),
        choices=get_args(kind) if get_origin(kind) is Literal else (),
        pattern=re.compile(takes.pattern) if takes.pattern else None,
    )
