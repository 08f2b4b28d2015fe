import pytest

from ecrlan.emulator.admission import is_plain_text
from ecrlan.model import AdditionalDataRequest, PurchaseRequest, StatusRequest, VasRequest
from ecrlan.wire.codec import build_request
from ecrlan.wire.frames import build_frame

PURCHASE = build_request(PurchaseRequest(amount=650, receipt_text="CAFFE"))


@pytest.mark.parametrize("odd", [b"CAFF\xc8", b"CAF\xc3\xa8", b"CAFF\x00", b"CAFF\x1b", b"CAFF\x7f", b"CAFF\n"])
def test_a_request_with_other_text_than_printable_ascii_is_refused(till, kinds, odd):
    """exchange.md §2: messages are 7-bit ASCII, without control characters."""
    conversation = till()
    assert kinds(conversation.write(build_frame(PURCHASE.replace(b"CAFFE", odd)))) == "-"
    assert len(conversation.terminal.ledger) == 0
    assert kinds(conversation.write(build_frame(PURCHASE))) == "+M"


@pytest.mark.parametrize("place", range(0, len(PURCHASE), 7))
def test_wherever_it_stands(till, kinds, place):
    assert kinds(till().write(build_frame(PURCHASE[:place] + b"\xa0" + PURCHASE[place + 1 :]))) == "-"


def test_what_belongs_to_a_code_is_taken():
    assert is_plain_text(build_request(StatusRequest()))
    assert is_plain_text(build_request(AdditionalDataRequest(contents=((5, "0COF0TRKABC|0FNZ03"),), iso_field="62")))
    vas = build_request(VasRequest(xml="<ecrreq> </ecrreq>"))
    assert is_plain_text(vas.replace(b"> <", b">\r\n\t<"))
    assert not is_plain_text(vas.replace(b"> <", b">\x1b<"))
    assert not is_plain_text(vas.replace(b"> <", b">\xe8<"))
