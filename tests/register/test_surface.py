"""The methods of every terminal against the declarations of the operations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import ecrlan
from ecrlan import blocking
from ecrlan.client import ClientTerminal
from ecrlan.model import ORDERS, orders
from ecrlan.model.values import fields_of
from ecrlan.register.surface import Operations

GIVEN: dict[str, Any] = {"amount": 650, "function": "BPAY_QR"}


class Noted(Operations[tuple[str, orders.Order], tuple[str, orders.Order]]):
    """Notes what its methods make of their arguments."""

    def _money(self, order: orders.Order) -> tuple[str, orders.Order]:
        return "money", order

    def carry_out(self, order: orders.Order) -> tuple[str, orders.Order]:
        return "other", order


def method(owner: type, order: type[orders.Order]) -> Callable[..., Any]:
    made: Callable[..., Any] = getattr(owner, order.kind.value)
    return made


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind.value)
def test_a_method_takes_what_its_order_takes(order: type[orders.Order]) -> None:
    taken = inspect.signature(method(Noted, order)).parameters
    declared = {field.name: field for field in fields_of(order)}
    assert set(taken) - {"self"} == set(declared)
    for name, field in declared.items():
        assert (taken[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD) == field.required
        if not field.required:
            assert taken[name].default in (field.default, None)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind.value)
def test_a_method_hands_on_all_its_arguments(order: type[orders.Order]) -> None:
    values = {field.name: GIVEN[field.name] if field.required else f"a {field.name}" for field in fields_of(order)}
    way, made = method(Noted, order)(Noted(), **values)
    assert made == order(**values)
    card = issubclass(order, orders.CardOrder | orders.FollowingOrder | orders.Void)
    assert way == ("money" if card else "other"), "what has four outcomes is typed so"


@pytest.mark.parametrize("owner", [ecrlan.Terminal, blocking.Terminal, ClientTerminal])
def test_every_terminal_has_the_same_methods(owner: type) -> None:
    assert all(method(owner, order) is method(Operations, order) for order in ORDERS)


def test_docstrings_say_what_is_raised_and_whether_anything_was_sent() -> None:
    for order in ORDERS:
        text = " ".join((inspect.getdoc(method(Operations, order)) or "").split())
        assert "Raises" in text
        assert "nothing was sent then" in text or "No money moves" in text


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind.value)
def test_what_is_typed_to_four_outcomes_is_answered_by_a_payment_result(order: type[orders.Order]) -> None:
    """Such an answer is approved, declined or unresolved, never merely done (`outcome_of_answer`)."""
    values = {field.name: GIVEN[field.name] for field in fields_of(order) if field.required}
    known = orders.Known(preauthorization_code="123456789")
    way, made = method(Noted, order)(Noted(), **values)
    if order is orders.Vas:
        made = orders.Vas(function="BPAY_QR", amount="650")
    assert bool(made.request(known).answers) == (way == "money")
