"""An unresolved operation, settled by a named person in the browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.daemon.console.conftest import Till, Visit


def test_an_unresolved_purchase_is_settled(till: Till, visit: Visit) -> None:
    till.do(lambda house: house.emulated.faults.set("drop_after_ack"))
    visit.begin("purchase", "6.50")
    visit.verdict("unresolved")
    page = visit.page
    expect(page.locator("[data-key=nav-desk] .badge")).to_have_text("1")
    visit.go("desk")
    page.locator(".case").click()
    expect(page.locator(".look li")).not_to_have_count(0)
    visit.key("answer-not_performed")
    expect(page.get_by_role("alert").filter(has_text="name")).to_be_visible()
    page.locator("#desk-by").fill("Anna")
    page.locator("#desk-note").fill("not on the terminal's list")
    visit.key("answer-not_performed")
    visit.key("record")
    assert "Anna" in visit.verdict("not_performed")
    expect(page.locator("[data-key=nav-desk] .badge")).to_have_count(0)
    till.do(lambda house: setattr(house.emulated, "think_seconds", 2.2))  # a person with a card: sooner it is not believed
    visit.begin("purchase", "7.00")
    visit.verdict("approved")
    assert till.charged() == [700]


def test_the_desk_speaks_italian(till: Till, visit: Visit) -> None:
    till.do(lambda house: house.emulated.faults.set("drop_after_ack"))
    visit.begin("purchase", "6.50")
    visit.verdict("unresolved")
    visit.key("language")
    visit.go("desk")
    visit.page.locator(".case").click()
    expect(visit.page.locator(".look")).to_contain_text("pagamento")
