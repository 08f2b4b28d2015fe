import pytest

from ecrlan.emulator.faults import EVERY_CODE, FAULT_KINDS, FAULTS, REFUSING_FAULTS, Faults
from ecrlan.errors import InvalidValueError

ASKED_FOR = (
    "no_ack nak busy bad_lrc bad_ack_lrc split glued noise late_result drop_before_ack drop_after_ack drop_after_charge "
    "duplicate_result reboot foreign_use silent wrong_amount wrong_tid result_before_ack ack_after_result_only "
    "close_after_enable receipt_lost unknown_result"
)


def test_every_fault_is_documented_with_what_becomes_of_the_money():
    assert set(ASKED_FOR.split()) <= set(FAULTS)
    assert set(FAULTS) == set(FAULT_KINDS)
    for name, text in FAULTS.items():
        assert "\n" not in text
        assert text.endswith("The request is performed." if FAULT_KINDS[name].performed else "The request is not performed.")
        assert set(FAULT_KINDS[name].codes) <= set(EVERY_CODE)
    assert set(REFUSING_FAULTS) <= {name for name, kind in FAULT_KINDS.items() if not kind.performed}


def test_take_counts_down():
    faults = Faults(no_ack=2)
    assert faults.take("no_ack")
    assert faults.count("no_ack") == 1
    assert faults.take("no_ack", "P")
    assert not faults.take("no_ack")
    assert faults.count("no_ack") == 0


def test_applies_to_operations_only_unless_told_otherwise():
    faults = Faults(no_ack=1)
    assert not any(faults.take("no_ack", code) for code in "sGEU")
    faults.set("no_ack", 1, codes="s")
    assert not faults.take("no_ack", "P")
    assert faults.take("no_ack", "s")


def test_zero_disarms_and_clear_disarms_all():
    faults = Faults(split=1, nak=1)
    faults.set("split", 0)
    assert not faults.take("split")
    faults.clear()
    assert not faults.take("nak")
    assert repr(faults) == "Faults()"


def test_while_one_refuses_the_others_wait():
    faults = Faults(no_ack=1, nak=1, bad_lrc=1)
    assert faults.take_refusing("P") == "nak"
    assert faults.take_refusing("P") is None
    assert faults.take_all("P") == {"no_ack"}
    assert faults.count("bad_lrc") == 1


def test_parse():
    faults = Faults.parse(" late_result=2, split , no_ack@sG=3,busy@U")
    assert repr(faults) == "Faults(late_result@PXSpicHCTRK=2, split@PXSpicHCTRK=1, no_ack@sG=3, busy@U=1)"
    assert repr(Faults.parse("")) == "Faults()"


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("splitt", "fault", "splitt"),
        ("split=-1", "count of fault split", "-1"),
        ("split=", "count of fault split", ""),
        ("split=1.5", "count of fault split", "1.5"),
        ("split=1000001", "count of fault split", 1_000_001),
        ("split@Z", "codes of fault split", "Z"),
        ("split@=1", "codes of fault split", ""),
        ("=1", "fault", ""),
    ],
)
def test_parse_refuses(text, place, value):
    with pytest.raises(InvalidValueError) as caught:
        Faults.parse(text)
    assert (caught.value.place, caught.value.value) == (place, value)
    assert caught.value.allowed


def test_count_is_a_whole_number():
    for count in (True, 1.5, -1):
        with pytest.raises(InvalidValueError):
            Faults().set("split", count)
