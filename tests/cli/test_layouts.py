import re


def test_every_message_has_its_table(run):
    text = run("layouts").stdout
    for name in ("terminal_id", "preauthorization_code", "receipt_text", "software_release", "exchange_rate"):
        assert name in text


def test_types_are_those_of_the_protocol(run):
    rows = [line.split() for line in run("layouts").stdout.splitlines()]
    types = {(row[3], row[2]) for row in rows if len(row) > 3 and re.fullmatch(r"\d+", row[0])}
    assert {("software_release", "A"), ("data", "A"), ("contents", "V"), ("xml", "V"), ("amount", "N")} <= types
    assert not {("software_release", "V"), ("data", "V")} & types


def test_states_are_mermaid_diagrams(run):
    assert run("layouts", "--states").stdout.count("stateDiagram-v2") == 2


def test_tables_as_markdown(run):
    text = run("layouts", "--markdown").stdout
    assert "### `C` close session request" in text
    assert "| 24 | 8 | N | `amount` | cents |" in text
