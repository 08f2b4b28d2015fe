import csv
import io
import json

import pytest

from ecrlan.errors import InvalidValueError
from ecrlan.journal import Journal
from ecrlan.journal.export import COLUMNS
from ecrlan.model import Code, Evidence
from tests.journal.samples import event, operation, purchase

REFUSED = Evidence(Code.REFUSED, {"times": 3})


@pytest.fixture
def filled(inline):
    inline.write(purchase("a", stan="000041"))
    inline.write(purchase("b", "unresolved", minutes=1, stan=None))
    inline.write([event("b", "resolved", minutes=2, outcome="not_performed", by="Anna", note="=2+3, è chiuso", reason="=2+3, è chiuso")])
    inline.write([operation("c", "till-2", minutes=3, amount=None, code="C")])
    return inline


def test_json_lines_hold_the_whole_history(filled):
    stream = io.StringIO()
    assert filled.export_rows("jsonl", stream) == 3
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["reference"] for line in lines] == ["a", "b", "c"]
    assert lines[1]["outcome"] == "not_performed"
    assert lines[1]["events"][-1] == {
        "time": "2026-11-23T17:46:00+00:00",
        "name": "resolved",
        "data": {"outcome": "not_performed", "by": "Anna", "note": "=2+3, è chiuso", "reason": "=2+3, è chiuso"},
    }
    assert (lines[2]["state"], lines[2]["amount"], lines[2]["finished_time"]) == ("queued", None, None)


def test_json_lines_take_another_shape(filled):
    stream = io.StringIO()
    filled.export_rows("jsonl", stream, terminal="till-1", document=lambda entry: {"is": entry.reference})
    assert stream.getvalue() == '{"is": "a"}\n{"is": "b"}\n'


def test_csv_has_one_row_each_and_no_formulas(filled, tmp_path):
    file = tmp_path / "export.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        assert filled.export_rows("csv", stream) == 3
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["stan"], rows[0]["amount"], rows[0]["outcome"]) == ("000041", "650", "approved")
    assert (rows[1]["by"], rows[1]["note"]) == ("Anna", "'=2+3, è chiuso")
    assert rows[2]["amount"] == ""


def test_filters_apply_and_readers_export(filled, path):
    with Journal.reader(path) as reader:
        stream = io.StringIO()
        assert reader.export_rows("csv", stream, outcome="approved") == 1


def test_another_format_is_refused(filled):
    with pytest.raises(InvalidValueError, match="jsonl or csv"):
        filled.export_rows("xml", io.StringIO())


def test_what_a_code_says_is_told_in_words_beside_it(inline):
    inline.write([operation("a"), event("a", "finished", outcome="not_performed", **REFUSED.fields("reason"))])
    stream = io.StringIO()
    inline.export_rows("jsonl", stream)
    (told,) = json.loads(stream.getvalue())["events"]
    assert told["data"] == {
        "outcome": "not_performed",
        "reason": "refused 3 times (NAK)",
        "reason_code": "refused",
        "reason_values": {"times": 3},
        "evidence": None,
    }
    stream = io.StringIO()
    inline.export_rows("csv", stream)
    assert next(csv.DictReader(stream.getvalue().splitlines()))["reason"] == "refused 3 times (NAK)"
