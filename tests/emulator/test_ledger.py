from datetime import UTC, datetime

from ecrlan.emulator.ledger import ChargeKind, Ledger

NOON = datetime(2026, 7, 31, 12, tzinfo=UTC)


def test_totals_tell_charged_from_net():
    ledger = Ledger()
    purchase = ledger.write(ChargeKind.PURCHASE, 650, effect=650, stan="000001", time=NOON, code="P")
    ledger.write(ChargeKind.PREAUTHORIZE, 20000, effect=0, stan="000002", time=NOON, code="p", preauthorization_code="700000001")
    capture = ledger.write(ChargeKind.CAPTURE, 15000, effect=15000, stan="000003", time=NOON, code="c")
    void = ledger.write(ChargeKind.VOID, 15000, effect=-15000, stan="000004", time=NOON, code="S", voids=capture)
    assert ledger.charged_total() == 15650
    assert ledger.net_total() == 650
    assert ledger.charges == (purchase, capture)
    assert capture.voided
    assert void.voids == capture.number
    assert [entry.number for entry in ledger] == [1, 2, 3, 4]
    assert len(ledger) == 4
    assert ledger.of_kind(ChargeKind.VOID) == (void,)


def test_asked_leaves_out_payments_by_hand():
    ledger = Ledger()
    ledger.write(ChargeKind.PURCHASE, 1, effect=1, stan="000001", time=NOON, code="P", by_hand=True)
    asked = ledger.write(ChargeKind.PURCHASE, 2, effect=2, stan="000002", time=NOON, code="X")
    assert ledger.asked == (asked,)
