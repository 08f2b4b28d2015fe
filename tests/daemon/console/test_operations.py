"""Operations in a real browser, against the emulated terminal's ledger."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from ecrlan.model import ORDERS
from ecrlan.model.values import fields_of
from tests.daemon.console.conftest import Till, Visit


def test_a_purchase_with_its_frames_and_receipt(till: Till, visit: Visit) -> None:
    visit.begin("purchase", "6,50")
    told = visit.verdict("approved")
    assert "Purchase 6.50 €" in told
    assert till.charged() == [650]
    expect(visit.page.locator(".receipt")).to_contain_text("ACQUISTO")
    visit.page.get_by_text("Frames of this operation").click()
    frames = visit.page.locator("details", has_text="Frames of this operation")
    expect(frames).to_contain_text("extended purchase result")
    expect(frames).to_contain_text("authorization_code")
    expect(frames).not_to_contain_text(re.compile(r"[0-9]{13}"))
    assert visit.refusals == []


def test_amounts_that_are_none(till: Till, visit: Visit) -> None:
    for amount in ("6", "6.5", "0,00", "-1.00", "1000000.00", "6.505", "abc", ""):
        visit.begin("purchase", amount)
        expect(visit.page.locator("#new-amount-problem")).not_to_be_empty()
        visit.go("terminals")
    assert till.charged() == []


def test_two_clicks_are_one_purchase(till: Till, visit: Visit) -> None:
    visit.go("new")
    visit.page.locator("#new-amount").fill("6.50")
    visit.page.locator("[data-key=send]").dblclick()
    visit.verdict("approved")
    visit.page.reload()
    visit.verdict("approved")
    visit.page.go_back()
    assert till.charged() == [650]


def test_a_declined_purchase(till: Till, visit: Visit) -> None:
    till.do(lambda house: house.emulated.faults.set("declined"))
    visit.begin("purchase", "6.50")
    visit.verdict("declined")
    assert till.charged() == []


def test_a_purchase_is_voided(till: Till, visit: Visit) -> None:
    visit.begin("purchase", "6.50")
    visit.verdict("approved")
    visit.begin("void")
    assert "Void" in visit.verdict("approved")
    assert till.do(lambda house: house.emulated.ledger.net_total()) == 0


def test_a_preauthorization_is_increased_and_captured(till: Till, visit: Visit) -> None:
    visit.begin("preauthorize", "50.00")
    visit.verdict("approved")
    visit.begin("increment", "20.00")
    visit.verdict("approved")
    visit.begin("capture", "60.00")
    visit.verdict("approved")
    visit.go("operations")
    rows = visit.page.locator("tbody tr, .row")
    expect(visit.page.locator("#content")).to_contain_text("Capture")
    expect(visit.page.locator("#content")).to_contain_text("Increment")
    assert rows.count() >= 0
    assert till.do(lambda house: house.emulated.ledger.net_total()) == 6000


def test_what_the_daemon_refuses_is_told(till: Till, visit: Visit) -> None:
    till.do(lambda house: house.emulated.faults.set("drop_after_ack"))
    visit.begin("purchase", "6.50")
    visit.verdict("unresolved")
    visit.begin("purchase", "7.00")
    visit.verdict("not_performed")  # the terminal is asked first, and what it says leaves the first one open
    expect(visit.page.locator("#content")).to_contain_text("unresolved")
    assert visit.refusals == []
    assert till.charged() == []


def test_the_list_is_filtered(till: Till, visit: Visit) -> None:
    visit.begin("purchase", "6.50")
    visit.verdict("approved")
    till.do(lambda house: house.emulated.faults.set("declined"))
    visit.begin("purchase", "7.50")
    visit.verdict("declined")
    visit.go("operations")
    content = visit.page.locator("#content")
    expect(content).to_contain_text("6.50")
    expect(content).to_contain_text("7.50")
    visit.page.get_by_label("Outcome").select_option("declined")
    expect(content).not_to_contain_text("6.50")
    expect(content).to_contain_text("7.50")


def test_every_form_has_the_fields_that_its_order_declares(visit: Visit) -> None:
    by_hand = {"reference": "reference", "queue_timeout": "impatient", "additional_data": "additional_data-1"}
    for order in ORDERS:
        visit.go(f"new?kind={order.kind.value}")
        form = visit.page.locator("form.operation-form")
        for declared in fields_of(order):
            name = by_hand.get(declared.name, declared.name)
            if name == "last":  # a way to name the payment, chosen in the list of payments
                expect(form.locator("#new-target option[value=':last']")).to_be_attached()
            else:
                expect(form.locator(f"#new-{name}")).to_be_attached()


def test_fields_that_are_seldom_needed_are_sent(till: Till, visit: Visit) -> None:
    visit.go("new?kind=purchase")
    page = visit.page
    page.locator("details.more summary").click()
    page.locator("#new-receipt_text").fill("città")
    page.locator("#new-cash_register_id").fill("1234")
    page.locator("#new-amount").fill("6.50")
    page.locator("[data-key=send]").click()
    expect(page.locator("[aria-invalid]")).to_have_count(1)
    page.locator("#new-receipt_text").fill("Grazie")
    page.locator("[data-key=send]").click()
    expect(page.locator("#new-cash_register_id-problem")).to_contain_text("8")
    page.locator("#new-cash_register_id").fill("00000007")
    page.locator("#new-payment_type").select_option("debit")
    page.locator("#new-card_present").check()
    page.locator("#new-additional_data-1").fill("TEXT")
    page.locator("[data-key=send]").click()
    visit.verdict("approved")
    parameters = till.do(lambda house: house.daemon.register.journal.entries(limit=1)[0].parameters)
    told = {"payment_type": 1, "card_present": True, "receipt_text": "Grazie", "cash_register_id": "00000007"}
    assert {name: parameters[name] for name in told} == told
    assert parameters["additional_data"] == [[1, "TEXT"]]


def test_a_reprint_and_an_inquiry(till: Till, visit: Visit) -> None:
    visit.begin("purchase", "6.50")
    visit.verdict("approved")
    visit.go("new?kind=reprint")
    visit.page.locator("#new-to_ecr").select_option("false")
    visit.page.locator("#new-ticket_type").select_option("1")
    visit.page.locator("[data-key=send]").click()
    visit.verdict("done")
    entry = till.do(lambda house: house.daemon.register.journal.entries(limit=1)[0])
    assert (entry.parameters["to_ecr"], entry.parameters["ticket_type"]) == (0, 1)
    visit.go("new?kind=vas")
    visit.page.locator("#new-function").select_option("BPAY_TOTAL")
    visit.page.locator("[data-key=send]").click()
    visit.verdict("done")
