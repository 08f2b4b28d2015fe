def test_every_message_has_its_table(run):
    text = run("layouts").stdout
    for name in ("terminal_id", "preauthorization_code", "receipt_text", "software_release", "exchange_rate"):
        assert name in text


def test_states_are_mermaid_diagrams(run):
    assert run("layouts", "--states").stdout.count("stateDiagram-v2") == 2
