import pytest

from ecrlan.emulator.scenarios import APPROVED, SCENARIOS, currency_exchange, describe, scenario_of
from ecrlan.model import PreauthorizationRequest, PurchaseRequest


def test_only_exact_amounts_choose():
    assert scenario_of(9001).result == "01"
    for amount in (None, 1, 101, 650, 20_000, 23_140, 9000, 9099, 19_001, 99_999_999):
        assert scenario_of(amount) is APPROVED


def test_describe_has_a_line_for_each():
    lines = describe().splitlines()
    assert len(lines) == len(SCENARIOS) + 1
    assert lines[0] == "90.01  refused by the host"


def test_currency_exchange_counts_in_the_currency_s_own_decimals():
    assert currency_exchange(SCENARIOS[9020], 9020).currency_amount == 9825  # 90.20 EUR at 1.0893 = 98.25 USD
    assert currency_exchange(SCENARIOS[9021], 9021).currency_amount == 14_644  # at 162.34, no decimals
    assert currency_exchange(SCENARIOS[9022], 9022).currency_amount == 30_178  # at 0.3345 = 30.178 KWD
    assert currency_exchange(APPROVED, 1) is None


@pytest.mark.parametrize("amount", sorted(SCENARIOS))
@pytest.mark.parametrize("kind", [PurchaseRequest, PreauthorizationRequest])
def test_each_can_be_played(till, amount, kind):
    conversation = till()
    conversation.send(kind(amount=amount))
    conversation.pass_time(61)
    scenario = SCENARIOS[amount]
    charged = scenario.result in {"00", "05"}
    assert len(conversation.terminal.ledger) == (1 if charged else 0)
    message = conversation.terminal.last_result
    assert message is not None
    assert message[10:12].decode() == ("00" if charged else scenario.result)


def test_card_not_present(till):
    conversation = till()
    assert conversation.result(PurchaseRequest(amount=9005, card_present=True)).result == "05"
    assert conversation.result(PurchaseRequest(amount=9005)).result == "00"
    assert conversation.terminal.ledger.net_total() == 9005


def test_hostile_reason_stands_in_the_message_raw(till):
    conversation = till()
    conversation.send(PurchaseRequest(amount=9050))
    assert b"\x1b[31mROSSO\x07" in conversation.terminal.last_result


def test_hostile_receipt_does_not_end_early(till):
    conversation = till()
    conversation.perform(PurchaseRequest(amount=9051))
    (paper,) = conversation.terminal.paper
    assert b"\x1b[2J" in paper
    assert paper.index(b"\x7d\x1b") == len(paper) - 2


def test_progress_comes_spread_over_the_time(till, kinds):
    conversation = till()
    assert kinds(conversation.send(PurchaseRequest(amount=9030))) == "+."
    assert kinds(conversation.pass_time(1.5)) == "."
    assert kinds(conversation.pass_time(1.4)) == "."
    assert kinds(conversation.pass_time(0.2)) == "M"
