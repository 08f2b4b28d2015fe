import pytest
from defusedxml.ElementTree import fromstring

from ecrlan.emulator.ledger import ChargeKind
from ecrlan.emulator.vas import VasError, cut, read_amount, read_request
from ecrlan.model import TotalsRequest, VasPart, VasRequest


def document(identity: str, **parameters: str) -> str:
    inner = "".join(f'<p k="{key}">{value}</p>' for key, value in parameters.items())
    return f'<ecrreq><p k="ECRVASID">{identity}</p><p k="SUBSMPARAMS">{inner}</p></ecrreq>'


def ask(conversation, identity: str, **parameters: str) -> dict[str, str]:
    parts = conversation.perform(VasRequest(xml=document(identity, **parameters)))
    assert [(part.sequence, part.more) for part in parts] == [(n, n < len(parts)) for n in range(1, len(parts) + 1)]
    root = fromstring("".join(part.xml for part in parts))
    assert root.tag == "ecrres"
    return {each.get("k"): each.text or "" for each in root}


def test_qr_inquiry_refund(till):
    conversation = till()
    paid = ask(conversation, "WECHAT_QR", AMOUNT="1000")
    assert (paid["ECRVASID"], paid["RESPID"], paid["AMOUNT"]) == ("WECHAT_QR", "0", "1000")
    assert 0 < len(paid["ORDER_ID"]) <= 27
    assert ask(conversation, "WECHAT_INQUIRY")["ORDER_ID"] == paid["ORDER_ID"]
    assert ask(conversation, "WECHAT_REFUND", AMOUNT="4,00", ORDER_ID=paid["ORDER_ID"])["RESPID"] == "0"
    assert ask(conversation, "WECHAT_REFUND", AMOUNT="601", ORDER_ID=paid["ORDER_ID"])["RESPMSG"] == "IMPORTO SUPERIORE"
    assert ask(conversation, "ALIPAY_REFUND", AMOUNT="1", ORDER_ID=paid["ORDER_ID"])["RESPMSG"] == "ORDINE SCONOSCIUTO"
    ledger = conversation.terminal.ledger
    assert [(entry.kind, entry.effect) for entry in ledger] == [(ChargeKind.VAS_PAYMENT, 1000), (ChargeKind.VAS_REFUND, -400)]
    assert ledger.net_total() == 600
    assert {entry.order_id for entry in ledger} == {paid["ORDER_ID"]}


def test_bancomatpay_totals_and_closing(till):
    conversation = till()
    ask(conversation, "BPAY_QR", AMOUNT="500")
    ask(conversation, "BPAY_QR", AMOUNT="250")
    ask(conversation, "ALIPAY_QR", AMOUNT="1")
    for function in ("TOTAL", "CHIUSURA"):
        answer = ask(conversation, f"BPAY_{function}")
        assert (answer["NUM_TR"], answer["TOT_TR"]) == ("2", "750")
    assert ask(conversation, "BPAY_TOTAL")["NUM_TR"] == "0"
    assert len(conversation.terminal.ledger.of_kind(ChargeKind.VAS_CLOSE)) == 1
    assert conversation.perform(TotalsRequest())[0].terminal_total == 0, "card totals know nothing of it"


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_answer_comes_in_parts(till, parts):
    conversation = till(vas_parts=parts)
    messages = conversation.perform(VasRequest(xml=document("BPAY_QR", AMOUNT="500")))
    assert len(messages) == parts
    assert all(isinstance(message, VasPart) for message in messages)


def test_each_part_waits_for_its_ack(till, kinds):
    conversation = till(vas_parts=3)
    assert kinds(conversation.send(VasRequest(xml=document("BPAY_QR", AMOUNT="500")))) == "+M"
    assert kinds(conversation.ack()) == "M"
    assert kinds(conversation.ack()) == "M"
    assert kinds(conversation.ack()) == ""
    assert conversation.terminal.idle


def test_receipt_in_the_answer_where_the_register_prints(till):
    conversation = till()
    parts = conversation.perform(VasRequest(xml=document("BPAY_QR", AMOUNT="500", PRINTER="ECR")))
    xml = "".join(part.xml for part in parts)
    assert '<p k="RECEIPT"><t>' in xml.replace("'", '"')
    assert "<b/><dh/>" in xml
    assert "RECEIPT" not in ask(till(), "BPAY_QR", AMOUNT="500")


@pytest.mark.parametrize(
    ("identity", "parameters", "respid"),
    [
        ("BPAY_QR", {"AMOUNT": "9001"}, "1"),
        ("BPAY_QR", {"AMOUNT": "9009"}, "1"),
        ("BPAY_QR", {"AMOUNT": "0"}, "3"),
        ("BPAY_QR", {"AMOUNT": "-1"}, "3"),
        ("BPAY_QR", {"AMOUNT": "100000000"}, "3"),
        ("BPAY_QR", {}, "3"),
        ("ALIPAY_TOTAL", {}, "4"),
        ("PAYPAL_QR", {"AMOUNT": "1"}, "4"),
        ("BPAY", {"AMOUNT": "1"}, "4"),
        ("BPAY_INQUIRY", {}, "5"),
        ("BPAY_REFUND", {"AMOUNT": "1"}, "6"),
    ],
)
def test_refusals_charge_nothing(till, identity, parameters, respid):
    conversation = till()
    assert ask(conversation, identity, **parameters)["RESPID"] == respid
    assert len(conversation.terminal.ledger) == 0


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<ecrreq>",
        "<other/>",
        "no xml",
        '<!DOCTYPE x [<!ENTITY a "b">]><ecrreq><p k="ECRVASID">&a;</p></ecrreq>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><ecrreq/>',
    ],
)
def test_what_is_no_request_is_refused(till, xml):
    with pytest.raises(VasError):
        read_request(xml + ("" if xml else " "))
    if xml:
        conversation = till()
        (part,) = conversation.perform(VasRequest(xml=xml))
        assert '<p k="RESPID">2</p>' in part.xml


def test_declined_fault(till):
    conversation = till()
    conversation.terminal.faults.set("declined")
    assert ask(conversation, "BPAY_QR", AMOUNT="500")["RESPID"] == "1"
    assert len(conversation.terminal.ledger) == 0


def test_amounts_in_cents_or_euros():
    assert [read_amount(text) for text in ("10", "10.00", "0,01", " 7 ")] == [10, 1000, 1, 7]


def test_cut_stays_below_the_longest_part():
    assert [len(piece) for piece in cut("x" * 2100, 1)] == [1024, 1024, 52]
    assert cut("abc", 3) == ["a", "b", "c"]
