from ecrlan.emulator.slips import euros, pair
from ecrlan.model import ExtendedPurchaseRequest, IncrementRequest, PreauthorizationRequest, PurchaseRequest, TotalsRequest, VoidRequest
from ecrlan.wire.receipt import parse_receipt, render_text


def printed(conversation) -> list[str]:
    return render_text(parse_receipt(conversation.terminal.paper[-1]))


def test_euros_as_in_italy():
    assert [euros(amount) for amount in (1, 650, 123_456, 99_999_999)] == ["0,01", "6,50", "1.234,56", "999.999,99"]


def test_pair_fills_the_line():
    assert pair("STAN", "000042") == "STAN              000042"
    assert len(pair("A" * 40, "B")) == 24


def test_purchase(till):
    conversation = till()
    conversation.perform(PurchaseRequest(amount=123_456, receipt_text="contratto {7} " + "x" * 100))
    lines = printed(conversation)
    assert [line.strip() for line in lines[:5]] == ["BAR CENTRALE", "VIA ROMA 1", "20121 MILANO", "", "ACQUISTO"]
    for line in (
        "31/07/26           21:22",
        "TML             37105051",
        "STAN              000001",
        "PAN     ************4242",
        "IMPORTO EUR     1.234,56",
        "  TRANSAZIONE ESEGUITA",
        "contratto  7  xxxxxxxxxx",
    ):
        assert line in lines
    assert all(len(line) <= 24 for line in lines)


def test_outcome_is_bold(till):
    conversation = till()
    conversation.perform(PurchaseRequest(amount=1))
    bold = [line.text.strip() for line in parse_receipt(conversation.terminal.paper[-1]) if line.style.bold]
    assert bold == ["ACQUISTO", "TRANSAZIONE ESEGUITA"]


def test_other_operations(till):
    conversation = till()
    conversation.perform(ExtendedPurchaseRequest(amount=9020))
    assert "PAGATO USD         98.25" in printed(conversation)
    conversation.perform(VoidRequest())
    assert any("STORNO ESEGUITO" in line for line in printed(conversation))
    assert not any(line.startswith("AUT.") for line in printed(conversation))
    code = conversation.result(PreauthorizationRequest(amount=100)).preauthorization_code
    assert f"COD.PREAUT.    {code}" in printed(conversation)
    conversation.perform(IncrementRequest(amount=100, preauthorization_code=code))
    assert any("INTEGRAZIONE" in line for line in printed(conversation))
    conversation.perform(TotalsRequest())
    assert "TOTALE EUR          0,00" in printed(conversation)
