"""The XML inside `K`."""

from __future__ import annotations

from ecrlan.register.vas import parse_vas


def test_no_value_holds_a_card_number_however_its_digits_are_written() -> None:
    xml = (
        '<ecrres><p k="A">4012&#56;88888881881</p><p k="B">4012&#10;8888 8888&#45;1881</p><p k="ORDER_ID">20261123174400000042</p></ecrres>'
    )
    assert parse_vas(xml) == {"A": "************1881", "B": "****\n**** ****-1881", "ORDER_ID": "20261123174400000042"}
