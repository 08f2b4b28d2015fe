"""Evidence as JSON and back, old words included."""

from __future__ import annotations

import json
import pickle

import pytest

from ecrlan.errors import LineError, MalformedMessageError, RegisterError
from ecrlan.model import Code, Evidence, evidence_of, read_evidence, verbatim
from ecrlan.model.evidence import problem_of

NESTED = Evidence(Code.NOT_ASKED, {"cause": Evidence(Code.NOT_CONNECTED, {"address": "10.0.0.1", "port": 8081, "problem": "x"})})


@pytest.mark.parametrize(
    "evidence", [NESTED, Evidence(Code.LINE_LOST), Evidence(Code.UNCHANGED, {"stan": None}), verbatim(Code.NOTE, "=2")]
)
def test_evidence_comes_back_from_json(evidence: Evidence) -> None:
    data = json.loads(json.dumps(evidence.fields("reason")))
    assert set(data) == {"reason_code", "reason_values"}
    assert read_evidence(data, "reason") == evidence
    assert read_evidence(data, "evidence") is None
    assert pickle.loads(pickle.dumps(evidence)) == evidence  # noqa: S301  # our own
    assert hash(evidence) == hash(read_evidence(data, "reason"))


def test_words_of_an_earlier_release_stay_as_they_are() -> None:
    assert read_evidence({"reason": "refused 3 times (NAK)"}, "reason") == verbatim(Code.PROSE, "refused 3 times (NAK)")
    assert read_evidence({"reason": None}, "reason") is None
    assert read_evidence({"reason": ""}, "reason") is None


def test_a_code_of_a_later_release_is_told_by_the_words_beside_it_or_by_itself() -> None:
    later = {"reason_code": "of_tomorrow", "reason_values": {"x": 1}}
    assert read_evidence(later | {"reason": "something new"}, "reason") == verbatim(Code.PROSE, "something new")
    assert read_evidence(later, "reason") == verbatim(Code.PROSE, "of_tomorrow")
    inner = {"reason_code": "not_asked", "reason_values": {"cause": {"code": "of_tomorrow", "values": {}}}}
    assert read_evidence(inner, "reason") == Evidence(Code.NOT_ASKED, {"cause": verbatim(Code.PROSE, "of_tomorrow")})


def test_it_is_readable_without_words() -> None:
    assert str(verbatim(Code.TERMINAL_WORDS, "NEGATA")) == "NEGATA"
    assert str(Evidence(Code.LINE_LOST)) == "line_lost"
    assert str(Evidence(Code.STAN_OF_ANOTHER, {"stan": "000001"})) == "stan_of_another(stan=000001)"


def test_evidence_of_exceptions() -> None:
    assert evidence_of(LineError("the line is closed", ("line_closed", {}))) == Evidence(Code.LINE_CLOSED)
    assert evidence_of(RegisterError("no")) == verbatim(Code.PROSE, "no")
    malformed = MalformedMessageError("E", 77, "takes 71 bytes", ("lengths", {"lengths": [71]}))
    assert problem_of(malformed) == Evidence(Code.LENGTHS, {"lengths": [71]})
    assert problem_of(MalformedMessageError("E", 77, "odd")) == verbatim(Code.PROSE, "odd")
    assert evidence_of(malformed) == Evidence(
        Code.UNREADABLE, {"letter": "E", "length": 77, "problem": Evidence(Code.LENGTHS, {"lengths": [71]})}
    )
