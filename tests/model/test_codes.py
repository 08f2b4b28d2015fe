"""Codes: words that journals and JSON hold for ever, and the names of their values."""

from __future__ import annotations

import json
import pickle

import pytest

from ecrlan.model.codes import Code


def test_a_code_is_its_word() -> None:
    assert Code.LINE_LOST == "line_lost"
    assert Code("line_lost") is Code.LINE_LOST
    assert json.dumps({"code": Code.LINE_LOST}) == '{"code": "line_lost"}'
    assert pickle.loads(pickle.dumps(Code.UNCHANGED)) is Code.UNCHANGED  # noqa: S301  # our own


@pytest.mark.parametrize(
    ("code", "places"),
    [(Code.LINE_LOST, ()), (Code.PROSE, ("text",)), (Code.UNREADABLE, ("letter", "length", "problem"))],
)
def test_a_code_names_its_values(code: Code, places: tuple[str, ...]) -> None:
    assert code.places == places


def test_no_word_stands_for_two_codes_and_no_name_for_two_values() -> None:
    assert len(Code) == len(Code.__members__), "a second name for a word would be an alias"
    assert [code for code in Code if code.value != code.name.lower()] == []
    assert [code for code in Code if len(set(code.places)) != len(code.places) or not all(map(str.isidentifier, code.places))] == []
