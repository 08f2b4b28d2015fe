"""The XML inside `K`: what it says, and whose answer it is."""

from __future__ import annotations

import pytest

from ecrlan.errors import MalformedMessageError
from ecrlan.model import Code, Evidence, Request, VasPart, VasRequest
from ecrlan.model.evidence import problem_of
from ecrlan.protocol.vas import parse_vas, vas_problem
from tests.protocol.driver import PURCHASE, TID

PAY = VasRequest(xml='<ecrreq><p k="ECRVASID">BPAY_QR</p></ecrreq>')


def document(**values: str) -> str:
    return "<ecrres>" + "".join(f'<p k="{key}">{text}</p>' for key, text in values.items()) + "</ecrres>"


def part(xml: str) -> VasPart:
    return VasPart(terminal_id=TID, more=False, sequence=1, xml=xml)


CARDS = '<ecrres><p k="A">4012&#56;88888881881</p><p k="B">4012&#10;8888 8888&#45;1881</p><p k="ORDER_ID">20261123174400000042</p></ecrres>'
"""However their digits are written."""
SAYS: list[tuple[str, str, dict[str, str]]] = [
    ("values", document(RESPID="0", RESPMSG=" OK "), {"RESPID": "0", "RESPMSG": "OK"}),
    ("none", "<ecrres/>", {}),
    ("what has no key is none", '<ecrres><p k="A"/><p>1</p><p k="">2</p><q k="B">3</q></ecrres>', {"A": ""}),
    ("one in another", '<ecrres><p k="SUB"><p k="INNER">x</p></p></ecrres>', {"SUB": "", "INNER": "x"}),
    ("the last of a key", '<ecrres><p k="A">1</p><p k="A">2</p></ecrres>', {"A": "2"}),
    ("card numbers", CARDS, {"A": "************1881", "B": "****\n**** ****-1881", "ORDER_ID": "20261123174400000042"}),
    ("a card number as a key", document(**{"4111111111111111": "x"}), {"************1111": "x"}),
]


@pytest.mark.parametrize(("name", "xml", "values"), SAYS, ids=[name for name, *_ in SAYS])
def test_what_an_answer_says(name: str, xml: str, values: dict[str, str]) -> None:
    assert parse_vas(xml) == values


def test_only_so_many_values_are_kept() -> None:
    assert list(parse_vas(document(**{f"K{number}": "" for number in range(70)}))) == [f"K{number}" for number in range(64)]


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        ("<ecrres", Code.VAS_NO_XML),
        ("", Code.VAS_NO_XML),
        ('<!DOCTYPE x [<!ENTITY a "b">]><ecrres><p k="A">&a;</p></ecrres>', Code.VAS_NO_XML),
        ('<!DOCTYPE x SYSTEM "http://example.com/x.dtd"><ecrres>&x;</ecrres>', Code.VAS_NO_XML),
        ("<html></html>", Code.VAS_NO_DOCUMENT),
    ],
)
def test_what_is_no_safe_document_is_refused(xml: str, problem: Code) -> None:
    with pytest.raises(MalformedMessageError) as refused:
        parse_vas(xml)
    assert problem_of(refused.value).code is problem
    assert refused.value.length == len(xml)


@pytest.mark.parametrize(
    ("request_", "xml", "problem"),
    [
        (PAY, document(ECRVASID="BPAY_QR"), None),
        (PAY, document(ECRVASID="BPAY_INQUIRY"), Evidence(Code.VAS_TO_ANOTHER, {"named": "BPAY_INQUIRY", "asked": "BPAY_QR"})),
        (PAY, document(ECRVASID="4111111111111111"), Evidence(Code.VAS_TO_ANOTHER, {"named": "************1111", "asked": "BPAY_QR"})),
        (PAY, document(ECRVASID=""), Evidence(Code.VAS_TO_NOTHING, {"asked": "BPAY_QR"})),
        (PAY, document(RESPID="0"), Evidence(Code.VAS_TO_NOTHING, {"asked": "BPAY_QR"})),
        (PAY, "<ecrres", None),
        (VasRequest(xml="<ecrreq/>"), document(ECRVASID="BPAY_QR"), Evidence(Code.VAS_TO_ANOTHER, {"named": "BPAY_QR", "asked": ""})),
        (PURCHASE, document(ECRVASID="BPAY_QR"), None),
    ],
    ids=[
        "its own",
        "another's",
        "no function at all",
        "an empty name",
        "no name",
        "unreadable",
        "asked for nothing",
        "no VAS was asked for",
    ],
)
def test_whose_answer_it_is(request_: Request, xml: str, problem: Evidence | None) -> None:
    assert vas_problem(request_, part(xml)) == problem
