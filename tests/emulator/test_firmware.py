"""Bytes as real terminals sent them (exchange.md §8; TID, card, amounts and STAN adapted)."""

from datetime import datetime

import pytest

from ecrlan.emulator.firmware import (
    NOT_READY,
    OPERATIVE,
    build_result,
    build_worded_status,
    many_progress,
    pan_form,
    print_slip,
)
from ecrlan.emulator.manners import Manners
from ecrlan.emulator.slips import bold
from ecrlan.model import HostTime, PaymentResult
from ecrlan.wire.codec import build_response

APPROVAL = PaymentResult(
    terminal_id="12345678",
    code="E",
    length=74,
    result="00",
    pan="1111",
    entry_mode="CLI",
    authorization_code="37708",
    host_time=HostTime(189, 12, 26),
    action_code="000",
    card_type=2,
    acquirer_id="88105100003",
    stan="000002",
    online_id="000038",
)
REFUSAL = PaymentResult(terminal_id="12345678", code="E", length=71, result="01", reason="ABORTED_MANUALLY", stan="000005")


def test_status_with_a_word():
    time = datetime(2025, 7, 23, 15, 34)  # noqa: DTZ001  # a terminal's clock has no zone
    message = build_worded_status("12345678", time, OPERATIVE, "01.00.14_B2827_2827")
    assert message == b"123456780s00000000002307251534OPERATIVE01.00.14_B2827_2827"
    assert len(message) == 58
    assert build_worded_status("12345678", time, NOT_READY, "1")[30:] == b"NON OPERATIVO1"


def test_result_of_74_bytes_with_a_masked_card_number():
    message = build_result(APPROVAL, pan=b"000400000******1111")
    assert message == b"123456780E00000400000******1111CLI37708 1891226288105100003000002000038000"


@pytest.mark.parametrize(("action_code", "told"), [("116", b"116"), (None, b"000")])
def test_result_of_74_bytes_of_a_refusal(action_code, told):
    message = build_result(PaymentResult(terminal_id="12345678", code="E", length=74, result="01", reason="NO", action_code=action_code))
    assert (len(message), message[71:]) == (74, told)


def test_refusal_with_blanks():
    message = build_result(REFUSAL, blank=True)
    assert message == b"123456780E01ABORTED_MANUALLY        00000000000" + b"0" + b" " * 23
    preauthorization = PaymentResult(terminal_id="12345678", code="e", length=106, result="01", reason="NO", stan="000005")
    assert build_result(preauthorization, blank=True)[71:94] == b" " * 23
    increment = PaymentResult(terminal_id="12345678", code="i", length=75, result="01", stan="000005")
    assert build_result(increment, blank=True)[34:63] == b" " * 29


def test_an_approval_keeps_its_numbers_and_a_refusal_has_no_card():
    assert build_result(APPROVAL, blank=True)[59:71] == b"000002000038"
    assert build_result(REFUSAL, pan=b"x" * 19) == build_response(REFUSAL)


def test_card_numbers_in_four_forms():
    forms = [pan_form("1017", number) for number in range(5)]
    assert forms[0] == forms[4] == b"0000000000000001017"
    assert forms[1] == b"000************1017"
    assert forms[2] == b"000438746******1017"
    assert forms[3].isdigit()
    assert len(set(forms)) == 4
    assert {len(form) for form in forms} == {19}


def test_24_progress_texts_right_aligned_and_filled():
    texts = many_progress(refused=False)
    assert (len(texts), {len(text) for text in texts}) == (24, {20})
    assert any(text.startswith(" ") for text in texts)
    assert any(text.endswith(" ") for text in texts)
    assert {text.strip() for text in texts} == {"Attesa carta", "Ripresenta la carta", "Rimuovere carta", "OPERAZIONE IN CORSO"}
    assert many_progress(refused=True)[-1] == "TRANSAZIONE ANNULLAT"


SLIP = ["VISA", "", bold("ACQUISTO"), "x" * 24]


def test_receipt_in_lines():
    text, manners = print_slip(SLIP, Manners("receipt_lines", "receipt_run_on"))
    assert text == (
        b"}VISA                    }                        ~        ACQUISTO        }" + b"x" * 24 + (b"}" + b" " * 24) * 6 + b"\x1b"
    )
    assert manners == {"receipt_lines"}


def test_receipt_that_runs_on():
    text, manners = print_slip(SLIP, Manners("receipt_run_on"))
    assert text == b"VISA                                            \x7f        ACQUISTO        " + b"x" * 24 + b"}}\x1b"
    assert manners == {"receipt_run_on"}


def test_receipt_as_the_pages_have_it():
    text, manners = print_slip(SLIP, Manners())
    assert text == b"VISA}}\x7f        ACQUISTO}" + b"x" * 24 + b"}" * 6 + b"\x1b"
    assert manners == frozenset()
