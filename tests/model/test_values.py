"""What a field takes, as its declaration says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model.values import Takes, check_fields, fields_of


class Grade(IntEnum):
    LOW = 0
    HIGH = 2


class Word(str, Enum):
    ONE = "one"
    TWO = "two"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One field of each sort."""

    plain: int = 0
    whole: Annotated[int, Takes(least=1, most=9)]
    cents: Annotated[int, Takes(unit="cents", least=1, most=99_999_999)] = 1
    seconds: Annotated[float, Takes(unit="seconds", least=0.1, most=3600)] = 1.0
    free: Annotated[float, Takes(allowed="any number")] = 1.0
    text: Annotated[str, Takes(longest=4)] = ""
    name: Annotated[str | None, Takes(shortest=1, longest=4)] = None
    digits: Annotated[str, Takes(pattern="[0-9]{2}", allowed="exactly 2 digits")] = "00"
    flag: Annotated[bool, Takes()] = False
    choice: Annotated[Literal[1, 2, 3], Takes()] = 1
    grade: Annotated[Grade, Takes()] = Grade.LOW
    word: Annotated[Word, Takes()] = Word.ONE
    pairs: Annotated[Sequence[tuple[int, str]], Takes(longest=2)] = ()
    mapping: Annotated[Mapping[str, str], Takes(longest=1)] = field(default_factory=dict)


DECLARED = {declared.name: declared for declared in fields_of(Sample)}


def test_what_is_declared() -> None:
    assert list(DECLARED) == [name for name in Sample.__slots__ if name != "plain"]
    assert [name for name, declared in DECLARED.items() if declared.required] == ["whole"]
    assert [name for name, declared in DECLARED.items() if declared.optional] == ["name"]
    assert (DECLARED["name"].type, DECLARED["choice"].choices, DECLARED["mapping"].default) == (str, (1, 2, 3), {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("whole", "whole numbers from 1 to 9"),
        ("cents", "whole cents from 1 to 99999999"),
        ("seconds", "seconds from 0.1 to 3600"),
        ("free", "any number"),
        ("text", "at most 4 characters"),
        ("name", "1 to 4 characters"),
        ("digits", "exactly 2 digits"),
        ("flag", "true or false"),
        ("choice", "1, 2 or 3"),
        ("grade", "0 to 2"),
        ("word", "one, two"),
        ("pairs", "at most 2 items"),
    ],
)
def test_what_is_taken_is_said_in_words(name: str, words: str) -> None:
    assert DECLARED[name].allowed == words


FITTING: dict[str, tuple[list[Any], list[Any]]] = {
    "whole": ([1, 9], [0, 10, 1.0, True, "1", None]),
    "seconds": ([0.1, 1, 3600], [0, 0.05, 3601, float("nan"), float("inf"), True, "1"]),
    "free": ([-1, 1e9], [float("nan"), "1"]),
    "text": (["", "abcd"], ["abcde", 1, None]),
    "name": (["a", None], ["", "abcde"]),
    "digits": (["07"], ["7", "007", "07\n", "\u0660\u0667", 7]),
    "flag": ([True, False], [0, 1, "true", None]),
    "choice": ([1, 3], [0, 4, "1", True]),
    "grade": ([Grade.HIGH, 2], [1, 3, True, "2"]),
    "word": ([Word.TWO], ["two", 2]),
    "pairs": ([(), [(1, "a")], ((1, "a"), (2, "b"))], [((1, "a"),) * 3, 5]),
    "mapping": ([{}, {"a": "b"}], [{"a": "b", "c": "d"}, []]),
}


@pytest.mark.parametrize("name", FITTING)
def test_what_fits_and_what_does_not(name: str) -> None:
    fitting, others = FITTING[name]
    assert [value for value in fitting if not DECLARED[name].fits(value)] == []
    assert [value for value in others if DECLARED[name].fits(value)] == []


def test_an_object_is_refused_by_the_first_field_that_does_not_fit() -> None:
    check_fields(Sample(whole=1))
    with pytest.raises(InvalidValueError, match=r"^here\.digits: '7' is not allowed; allowed: exactly 2 digits"):
        check_fields(Sample(whole=1, digits="7"), "here.")
