"""Terminals in the browser: how they stand, reset, and who may do what."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from ecrlan.model import Code, Evidence
from tests.daemon.console.conftest import Till, Visit
from tests.daemon.house import House


def test_status_and_reset(visit: Visit) -> None:
    card = visit.page.locator("[data-terminal='till-1']")
    visit.key("till-1-status")
    expect(card).to_contain_text("37105051")
    visit.key("till-1-reset")
    expect(card.locator(".told.good")).to_be_visible()


def test_reset_is_refused_during_a_payment(till: Till, visit: Visit) -> None:
    till.do(lambda house: setattr(house.emulated, "think_seconds", 3600.0))
    visit.begin("purchase", "6.50")
    expect(visit.page.locator(".verdict, .progress, .running").first).to_be_visible()
    visit.go("terminals")
    card = visit.page.locator("[data-terminal='till-1']")
    expect(card.locator(".chip")).to_have_class("chip running")
    visit.key("till-1-reset")
    expect(card.locator(".told.bad")).to_be_visible()
    till.do(lambda house: house.emulator.drop_line())


def test_who_may_only_read_sees_no_buttons(till: Till, visits: Callable[..., Visit]) -> None:
    window = visits(till.url)
    window.log_in(till.house.daemon.tokens.read)
    expect(window.page.locator("[data-terminal='till-1']")).to_be_visible()
    expect(window.page.locator("[data-key='till-1-reset']")).to_have_count(0)


def test_a_wrong_token_is_told(till: Till, visits: Callable[..., Visit]) -> None:
    window = visits(till.url)
    window.page.goto(f"{window.url}/")
    window.page.get_by_label("Token").fill("wrong")
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("alert").filter(has_text="token")).to_be_visible()
    assert {refusal.split()[0] for refusal in window.refusals} == {"401"}


def test_hand_use_is_reset_by_a_named_person(till: Till, visit: Visit) -> None:
    visit.begin("purchase", "1.00")
    visit.verdict("approved")
    visit.go("terminals")
    card = visit.page.locator("[data-terminal='till-1']")
    expect(card.locator("[data-key='till-1-hand_use']")).to_have_count(0)

    def use_by_hand(house: House) -> None:
        terminal = house.daemon.register.terminal("till-1")
        terminal.memory.used_by_hand = True
        terminal.memory.clock.learned = -172_800.0
        terminal.alarm("hand_use", Evidence(Code.USED_BY_HAND, {"stan": "000042"}), None)

    till.do(use_by_hand)
    expect(card).to_contain_text("48 h behind")
    visit.key("till-1-hand_use")
    expect(card).to_contain_text("Your name is needed")
    card.locator("[data-key='till-1-hand_use-by']").fill("Anna")
    visit.key("till-1-hand_use")
    visit.page.locator("#dialog button.primary").click()
    expect(card.locator(".told.good")).to_contain_text("this till's alone")
    expect(visit.page.locator("#banners .alarm")).to_have_count(0)
    assert till.do(lambda house: house.daemon.register.terminal("till-1").memory.used_by_hand) is False
