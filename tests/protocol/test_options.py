"""A terminal's settings: declared once, the same in Python, in the file and for type checkers."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model.values import fields_of
from ecrlan.protocol.options import TerminalOptions, TerminalSettings
from ecrlan.settings import TerminalSection

NAMED: dict[str, Any] = {"name": "till-1", "address": "192.168.1.50"}
IN_THE_CALL = {"name", "address", "port", "link"}


def plain(hint: object) -> object:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def test_type_checkers_see_the_settings_as_they_are_declared() -> None:
    declared = {name: plain(hint) for name, hint in get_type_hints(TerminalSettings, include_extras=True).items()}
    assert get_type_hints(TerminalOptions) == {name: kind for name, kind in declared.items() if name not in IN_THE_CALL}


def test_the_file_has_the_same_settings_with_the_same_defaults() -> None:
    made = TerminalSettings(**NAMED)
    section = TerminalSection.model_validate({"address": made.address})
    for declared in fields_of(TerminalSettings):
        assert getattr(section, declared.name) == getattr(made, declared.name)
        assert declared.takes.help
    assert {declared.name for declared in fields_of(TerminalSettings)} == set(TerminalSection.model_fields)
    assert {field.name for field in fields(TerminalSettings) if field.default is MISSING} == {"name", "address"}


WRONG: list[tuple[str, Any]] = [
    ("port", 0),
    ("port", 65_536),
    ("link", "both"),
    ("terminal_id", "1234"),
    ("lrc", "nonsense"),
    ("keep_open", 1),
    ("longest_payment_time", 0),
    ("ack_timeout", 0),
    ("ack_timeout", float("inf")),
    ("payment_timeout", 7200),
    ("recovery_pause", -1),
    ("queue_length", 10_001),
    ("queue_length", True),
    ("capture_length", 177),
    ("printing_mode", 0),
    ("tag_map", "50000"),
    ("tag_map", ""),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_the_file_refuses_python_refuses_too(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        TerminalSection.model_validate({"address": "192.168.1.50", name: value})
    with pytest.raises(InvalidValueError, match=rf"terminals\.till-1\.{name}: "):
        TerminalSettings(**NAMED, **{name: value})


@pytest.mark.parametrize("name", ["", "-a", "a b", "a" * 65, None])
def test_names_that_cannot_stand_in_a_journal_are_refused(name: Any) -> None:
    with pytest.raises(InvalidValueError, match="terminal name"):
        TerminalSettings(name=name, address="192.168.1.50")
