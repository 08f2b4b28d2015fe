from dataclasses import replace

import pytest

from ecrlan.model import HostTime, PaymentResult
from ecrlan.protocol.identity import approval_key, approval_of_key, identity_of, seen_key, vas_key

PLACE = "10.0.0.5:8081"
APPROVAL = PaymentResult(
    terminal_id="12345678",
    code="E",
    length=71,
    result="00",
    pan="1234",
    authorization_code="123456",
    host_time=HostTime(7, 9, 5),
    stan="000042",
)
REFUSAL = PaymentResult(terminal_id="12345678", code="E", length=71, result="01", reason="NEGATA")


@pytest.mark.parametrize(("terminal_id", "identity"), [("12345678", "12345678"), ("00000000", PLACE), ("", PLACE), (None, PLACE)])
def test_a_terminal_is_its_tid_or_its_place(terminal_id, identity):
    assert identity_of(terminal_id, PLACE) == identity


def test_an_approval_is_known_in_whatever_form_it_comes():
    assert seen_key(APPROVAL, b"one form") == seen_key(replace(APPROVAL, length=92, amount=650), b"another") == "000042|123456|0070905|1234"
    assert seen_key(replace(APPROVAL, authorization_code=None, host_time=None, pan=None), b"") == "000042|||"


def test_a_refusal_is_known_by_its_whole_message():
    assert seen_key(REFUSAL, b"one message") == seen_key(replace(REFUSAL, stan="000001"), b"one message")
    assert seen_key(REFUSAL, b"one message") != seen_key(REFUSAL, b"another")
    assert len(seen_key(REFUSAL, b"one message")) == 32


def test_a_vas_answer_is_known_by_its_whole_document():
    assert vas_key("<ecrres/>") == vas_key("<ecrres/>") != vas_key("<ecrres></ecrres>")
    assert len(vas_key("<ecrres/>")) == 32
    assert "|" not in vas_key("<ecrres/>")


@pytest.mark.parametrize(
    ("authorization_code", "host_time"), [("123456", HostTime(7, 9, 5)), ("A|B|C|", HostTime(366, 23, 59)), (None, None), ("123456", None)]
)
def test_code_and_time_of_an_approval_are_read_from_what_it_is_known_by(authorization_code, host_time):
    key = approval_key(replace(APPROVAL, authorization_code=authorization_code, host_time=host_time))
    assert approval_of_key(key) == (authorization_code or "", host_time)
