"""The request tables' own field type."""

from __future__ import annotations

import pytest

from ecrlan.wire import requests
from ecrlan.wire.fields import FieldError


def test_contents_are_closed_by_escape():
    field = requests.Contents()
    assert field.encode(("ab", "c")) == b"ab\x1bc\x1b"
    assert field.decode(b"ab\x1bc\x1b") == ("ab", "c")
    assert field.decode(b"a\xe8\x1b") == ("a?",)


@pytest.mark.parametrize("data", [b"ab", b"\x1b", b"a\x1b\x1b", b"a\x1b" * 5, b"a" * 101 + b"\x1b", b"a\x1bb"])
def test_contents_that_cannot_be_read(data):
    with pytest.raises(FieldError):
        requests.Contents().decode(data)


@pytest.mark.parametrize("value", [(), ("",), ("a",) * 5, ("a" * 101,), ("\x1b",), ("è",)])
def test_contents_that_cannot_be_written(value):
    with pytest.raises(FieldError):
        requests.Contents().encode(value)


def test_lengths_as_on_the_page():
    lengths = {layout.code: layout.total for layout in requests.REQUESTS if layout is not requests.CAPTURE_180}
    fixed = {"s": 10, "P": 167, "X": 167, "p": 167, "S": 26, "i": 176, "c": 176, "H": 39, "C": 26, "T": 26, "G": 22, "E": 11, "R": 22}
    assert lengths == fixed | {"U": None, "K": None}
