"""The one text of parameters, and its hash: what tells for ever whether two orders are the same."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model.rows import canonical, parameters_hash, text_hash


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "{}"),
        ({"b": 1, "a": ["è", None]}, '{"a":["\\u00e8",null],"b":1}'),
        ({"x": {"d": True, "c": 1.5}}, '{"x":{"c":1.5,"d":true}}'),
    ],
    ids=["none", "sorted, ASCII, no spaces", "inside, too"],
)
def test_values_have_one_text(values: dict[str, Any], text: str) -> None:
    assert canonical(values, "parameters") == text


def endless() -> dict[str, Any]:
    values: dict[str, Any] = {}
    values["x"] = values
    return values


@pytest.mark.parametrize(
    "values", [{"x": object()}, {"x": float("nan")}, {"x": b"raw"}, endless()], ids=["object", "no number", "bytes", "endless"]
)
def test_what_is_not_json_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match=r"here: .* allowed: JSON values"):
        canonical(values, "here")


def test_equal_parameters_hash_alike_whatever_their_order() -> None:
    assert parameters_hash({"b": 1, "a": ["è", None]}) == parameters_hash({"a": ["è", None], "b": 1})
    assert parameters_hash({"amount": 650}) != parameters_hash({"amount": 651})


def test_the_hash_never_changes_between_releases() -> None:
    assert parameters_hash({"amount": 650, "code": "P"}) == hashlib.sha256(b'{"amount":650,"code":"P"}').hexdigest()
    assert text_hash("{}") == hashlib.sha256(b"{}").hexdigest()
