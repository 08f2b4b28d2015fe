"""A terminal's settings: declared once, the same in Python, in the file and for type checkers."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import CloseSessionRequest, Request, StatusRequest, TotalsRequest, VerifyCardRequest
from ecrlan.model.values import fields_of
from ecrlan.protocol.options import TerminalOptions, TerminalSettings, check_apart
from ecrlan.settings import TerminalSection
from tests.protocol.driver import PURCHASE

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


@pytest.mark.parametrize(
    ("address", "link", "allowed"),
    [
        ("192.168.1.50", "auto", True),
        ("::1", "listen", True),
        ("pos.shop.lan", "dial", True),
        ("pos.shop.lan", "auto", False),
        ("pos.shop.lan", "listen", False),
        ("", "auto", False),
        ("", "dial", False),
    ],
)
def test_only_a_terminal_that_is_dialled_may_have_a_host_name(address: str, link: Any, *, allowed: bool) -> None:
    if allowed:
        assert TerminalSettings(name="till-1", address=address, link=link).place == f"{address}:8081"
        return
    with pytest.raises(InvalidValueError, match=r"terminals\.till-1\.address: .* host name"):
        TerminalSettings(name="till-1", address=address, link=link)


@pytest.mark.parametrize(
    ("request_", "result"),
    [(PURCHASE, 1.0), (CloseSessionRequest(), 2.0), (StatusRequest(), 3.0), (TotalsRequest(), 4.0), (VerifyCardRequest(), 1.0)],
)
def test_each_request_has_its_time_limit(request_: Request, result: float) -> None:
    limits = {"payment_timeout": 1.0, "close_timeout": 2.0, "status_timeout": 3.0, "other_timeout": 4.0, "ack_timeout": 0.5}
    timing = TerminalSettings(**NAMED, **limits).timing(request_)
    assert (timing.result, timing.ack) == (result, 0.5)


BESIDE = TerminalSettings(name="till-2", address="192.168.1.50", port=8081, terminal_id="11111111")
APART: list[tuple[str, dict[str, Any], dict[str, Any], str | None]] = [
    ("another address", {"address": "192.168.1.51"}, {}, None),
    ("both listened at one address", {}, {}, "address"),
    ("the same, the port is told apart by nobody", {"port": 8082}, {}, "address"),
    ("both listened, one address in two writings", {"address": "::1", "port": 8082}, {"address": "0:0:0:0:0:0:0:1"}, "address"),
    ("one of them is dialled, at another port", {"port": 8082, "link": "dial"}, {}, None),
    ("both dialled at one port", {"link": "dial"}, {"link": "dial"}, "address"),
    ("both dialled at two ports", {"link": "dial", "port": 8082}, {"link": "dial"}, None),
    ("one dialled at the other's port", {"link": "dial"}, {}, "address"),
    ("host names, capitals and a dot", {"address": "POS.shop.", "link": "dial"}, {"address": "pos.shop", "link": "dial"}, "address"),
    ("other host names", {"address": "pos1.shop", "link": "dial"}, {"address": "pos2.shop", "link": "dial"}, None),
    ("one TID", {"address": "192.168.1.51", "terminal_id": "11111111"}, {}, "terminal_id"),
    ("no TID", {"address": "192.168.1.51"}, {"terminal_id": "00000000"}, None),
]


@pytest.mark.parametrize(("name", "mine", "others", "place"), APART, ids=[name for name, *_ in APART])
def test_one_terminal_takes_one_name(name: str, mine: dict[str, Any], others: dict[str, Any], place: str | None) -> None:
    settings, other = TerminalSettings(**(NAMED | mine)), replace(BESIDE, **others)
    if place is None:
        check_apart(settings, other)
        return
    with pytest.raises(InvalidValueError, match="till-2 has") as refused:
        check_apart(settings, other)
    assert refused.value.place == f"terminals.till-1.{place}"
