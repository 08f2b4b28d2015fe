import pytest

from ecrlan.emulator.ledger import ChargeKind
from ecrlan.model import (
    CaptureRequest,
    CardType,
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    HostTime,
    IncrementRequest,
    PaymentType,
    PreauthorizationRequest,
    PurchaseRequest,
    TotalsRequest,
    VerifyCardRequest,
    VoidRequest,
)


def test_purchase(till):
    conversation = till()
    result = conversation.result(PurchaseRequest(amount=650))
    assert (result.code, result.length, result.result) == ("E", 71, "00")
    assert (result.stan, result.online_id, result.pan, result.entry_mode) == ("000001", "000001", "4242", "CLI")
    assert result.host_time == HostTime(212, 21, 22)
    assert result.acquirer_id == "00000000034"
    (entry,) = conversation.terminal.ledger
    assert (entry.kind, entry.amount, entry.effect, entry.stan, entry.code, entry.by_hand) == (
        ChargeKind.PURCHASE, 650, 650, "000001", "P", False
    )  # fmt: skip


def test_extended_purchase_tells_amount_and_action_code(till):
    result = till().result(ExtendedPurchaseRequest(amount=99_999_999))
    assert (result.code, result.length, result.amount, result.action_code) == ("E", 92, 99_999_999, "000")


def test_every_operation_counts_a_stan_and_only_the_host_s_an_online_id(till):
    conversation = till(first_stan=999_998, first_online_id=41)
    assert conversation.result(PurchaseRequest(amount=1)).stan == "999999"
    declined = conversation.result(PurchaseRequest(amount=9001))
    assert (declined.stan, declined.online_id) == ("000001", "000043")
    local = conversation.result(VoidRequest(stan="123456"))
    assert (local.stan, local.online_id) == ("000002", "000000")
    assert conversation.terminal.stan == "000002"
    assert conversation.terminal.online_id == "000043"


@pytest.mark.parametrize(("asked", "given"), [(PaymentType.DEBIT, CardType.DEBIT), (PaymentType.AUTOMATIC, CardType.CREDIT)])
def test_card_type_is_what_was_asked(till, asked, given):
    assert till().result(PurchaseRequest(amount=1, payment_type=asked)).card_type == given
    assert till().result(VerifyCardRequest(payment_type=asked)).card_type == given


def test_refusal_has_reason_and_charges_nothing(till):
    conversation = till()
    result = conversation.result(ExtendedPurchaseRequest(amount=9002))
    assert (result.result, result.reason, result.action_code) == ("01", "FONDI INSUFFICIENTI", "116")
    assert len(conversation.terminal.ledger) == 0
    assert conversation.terminal.paper == []


class TestVoid:
    def test_reverses_the_last_payment_once(self, till):
        conversation = till()
        conversation.result(PurchaseRequest(amount=650))
        result = conversation.result(VoidRequest())
        assert (result.code, result.length, result.result, result.stan) == ("E", 84, "00", "000002")
        ledger = conversation.terminal.ledger
        assert [entry.kind for entry in ledger] == [ChargeKind.PURCHASE, ChargeKind.VOID]
        assert ledger.entries[0].voided
        assert (ledger.charged_total(), ledger.net_total()) == (650, 0)
        assert conversation.result(VoidRequest()).reason == "GIA' STORNATA"
        assert conversation.result(VoidRequest(stan="000001")).reason == "GIA' STORNATA"
        assert len(ledger) == 2

    def test_checks_the_stan(self, till):
        conversation = till()
        conversation.result(PurchaseRequest(amount=650))
        conversation.result(PurchaseRequest(amount=700))
        assert conversation.result(VoidRequest(stan="000001")).reason == "STAN ERRATO"
        assert conversation.result(VoidRequest(stan="000002")).approved
        assert conversation.terminal.ledger.net_total() == 650

    def test_a_refused_payment_is_not_the_last_one(self, till):
        conversation = till()
        conversation.result(PurchaseRequest(amount=650))
        conversation.result(PurchaseRequest(amount=9001))
        assert conversation.result(VoidRequest(stan="000001")).approved

    def test_of_nothing(self, till):
        conversation = till()
        assert conversation.result(VoidRequest()).reason == "NESSUNA TRANSAZIONE"
        conversation.result(PurchaseRequest(amount=650))
        conversation.perform(CloseSessionRequest())
        assert conversation.result(VoidRequest()).reason == "NESSUNA TRANSAZIONE"

    def test_of_preauthorization_steps(self, till):
        conversation = till()
        code = conversation.result(PreauthorizationRequest(amount=10_000)).preauthorization_code
        conversation.result(IncrementRequest(amount=5000, preauthorization_code=code))
        assert conversation.result(VoidRequest()).approved
        assert conversation.terminal.preauthorizations[code].authorized == 10_000
        conversation.result(CaptureRequest(amount=9000, preauthorization_code=code))
        assert conversation.result(VoidRequest()).approved
        assert conversation.terminal.ledger.net_total() == 0
        assert not conversation.terminal.preauthorizations[code].open
        other = conversation.result(PreauthorizationRequest(amount=10_000)).preauthorization_code
        assert conversation.result(VoidRequest()).approved
        assert not conversation.terminal.preauthorizations[other].open


class TestPreauthorization:
    def test_two_increments_and_capture(self, till):
        conversation = till()
        result = conversation.result(PreauthorizationRequest(amount=20_000))
        assert (result.code, result.length, result.amount) == ("e", 106, 20_000)
        code = result.preauthorization_code
        assert len(code) == 9
        for amount in (5000, 2500):
            increment = conversation.result(IncrementRequest(amount=amount, preauthorization_code=code))
            assert (increment.code, increment.length, increment.result) == ("i", 75, "00")
        held = conversation.terminal.preauthorizations[code]
        assert (held.authorized, held.open, held.captured) == (27_500, True, None)
        assert conversation.terminal.ledger.net_total() == 0
        capture = conversation.result(CaptureRequest(amount=27_500, preauthorization_code=code))
        assert (capture.code, capture.length, capture.result, capture.action_code) == ("c", 74, "00", "000")
        assert (held.open, held.captured) == (False, 27_500)
        ledger = conversation.terminal.ledger
        assert (ledger.net_total(), len(ledger.charges)) == (27_500, 1)
        assert {entry.preauthorization_code for entry in ledger} == {code}

    def test_capture_above_the_sum_is_refused(self, till):
        conversation = till()
        code = conversation.result(PreauthorizationRequest(amount=20_000)).preauthorization_code
        refused = conversation.result(CaptureRequest(amount=20_001, preauthorization_code=code))
        assert (refused.result, refused.reason) == ("01", "IMPORTO SUPERIORE")
        assert conversation.result(CaptureRequest(amount=20_000, preauthorization_code=code)).approved

    def test_unknown_and_closed_codes_are_refused(self, till):
        conversation = till()
        assert conversation.result(CaptureRequest(amount=1, preauthorization_code="123456789")).reason == "PREAUT. SCONOSCIUTA"
        assert conversation.result(IncrementRequest(amount=1, preauthorization_code="123456789")).result == "01"
        code = conversation.result(PreauthorizationRequest(amount=100)).preauthorization_code
        conversation.result(CaptureRequest(amount=50, preauthorization_code=code))
        assert conversation.result(CaptureRequest(amount=50, preauthorization_code=code)).reason == "PREAUT. GIA' CHIUSA"
        assert conversation.result(IncrementRequest(amount=1, preauthorization_code=code)).result == "01"
        assert conversation.terminal.ledger.net_total() == 50

    def test_the_sum_stays_within_what_an_amount_can_be(self, till):
        conversation = till()
        code = conversation.result(PreauthorizationRequest(amount=99_999_999)).preauthorization_code
        assert conversation.result(IncrementRequest(amount=1, preauthorization_code=code)).result == "01"

    def test_capture_without_action_code(self, till):
        conversation = till(capture_result_length=71)
        code = conversation.result(PreauthorizationRequest(amount=100)).preauthorization_code
        assert conversation.result(CaptureRequest(amount=100, preauthorization_code=code)).length == 71


def test_currency_exchange_by_amount(till):
    conversation = till()
    result = conversation.result(PurchaseRequest(amount=9020))
    assert (result.code, result.length, result.amount, result.currency_exchange.currency) == ("V", 117, 9020, "USD")
    unused = conversation.result(ExtendedPurchaseRequest(amount=9023))
    assert (unused.code, unused.currency_exchange) == ("V", None)
    code = conversation.result(PreauthorizationRequest(amount=9020)).preauthorization_code
    capture = conversation.result(CaptureRequest(amount=9020, preauthorization_code=code))
    assert (capture.code, capture.length, capture.currency_exchange.currency_amount) == ("v", 109, 9825)


def test_card_verification_moves_nothing(till):
    conversation = till()
    result = conversation.result(VerifyCardRequest())
    assert (result.code, result.length, result.result) == ("E", 71, "00")
    assert len(conversation.terminal.ledger) == 0


def test_totals_since_the_last_closing(till):
    conversation = till()
    conversation.result(PurchaseRequest(amount=650))
    conversation.result(PurchaseRequest(amount=350))
    conversation.result(VoidRequest())
    conversation.result(PreauthorizationRequest(amount=10_000))
    assert conversation.perform(TotalsRequest())[0].terminal_total == 650
    (closed,) = conversation.perform(CloseSessionRequest())
    assert (closed.result, closed.terminal_total, closed.host_total) == ("00", 650, 650)
    assert conversation.perform(TotalsRequest())[0].terminal_total == 0
    assert [entry.amount for entry in conversation.terminal.ledger.of_kind(ChargeKind.CLOSE_SESSION)] == [650]
    conversation.result(PurchaseRequest(amount=5))
    assert conversation.perform(CloseSessionRequest())[0].terminal_total == 5


def test_refused_closing_changes_nothing(till):
    conversation = till()
    conversation.result(PurchaseRequest(amount=650))
    conversation.terminal.faults.set("declined", 2)
    (refused,) = conversation.perform(CloseSessionRequest())
    assert (refused.result, refused.reason, refused.action_code) == ("01", "TRANSAZIONE NEGATA", "100")
    assert conversation.perform(TotalsRequest())[0].result == "01"
    assert conversation.perform(TotalsRequest())[0].terminal_total == 650
