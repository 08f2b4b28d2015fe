"""The two tokenization schemes of `U` (messages.md, "`U` additional data")."""

from __future__ import annotations

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.model import AdditionalDataRequest
from ecrlan.wire.codec import build_request
from ecrlan.wire.tokenization import tokenization_contents


@pytest.mark.parametrize(
    ("service", "bank", "tail"),
    [
        ("unscheduled", "other", b"1500" + b"00000" + b"BTDABC-123\x1b" + b"0COF0FNZ03\x1b"),
        ("recurring", "other", b"1500" + b"00000" + b"BTDABC-123\x1b" + b"0REC0FNZ03\x1b"),
        ("unscheduled", "intesa", b"5000" + b"00000" + b"0COF0TRKABC-123|0FNZ03\x1b"),
        ("recurring", "intesa", b"5000" + b"00000" + b"0REC0TRKABC-123|0FNZ03\x1b"),
    ],
)
def test_schemes_byte_by_byte(service, bank, tail):
    made = AdditionalDataRequest(contents=tokenization_contents(service, "ABC-123", bank=bank))
    assert build_request(made) == b"000000000U" + b"00000000" + b"DF8D01  " + b"0" + tail


@pytest.mark.parametrize(
    ("service", "contract", "bank", "place"),
    [
        ("weekly", "A", "other", "service"),
        ("recurring", "A", "acme", "bank"),
        ("recurring", "", "other", "contract_code"),
        ("recurring", "x" * 19, "other", "contract_code"),
        ("recurring", "a|b", "other", "contract_code"),
        ("recurring", "a\x1b", "intesa", "contract_code"),
        ("recurring", "a\n", "intesa", "contract_code"),
    ],
)
def test_what_is_refused(service, contract, bank, place):
    with pytest.raises(InvalidValueError) as caught:
        tokenization_contents(service, contract, bank=bank)
    assert caught.value.place == place
