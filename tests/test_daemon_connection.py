"""What comes from a daemon: its stream cut in any way, its errors as ecrlan's own."""

import pytest

from ecrlan.daemon_connection import EventReader, StreamEvent
from ecrlan.errors import EcrlanError


def test_events_are_read_however_they_are_cut():
    text = (
        ': \n\nretry: 2000\n\nid: 1-1\nevent: progress\ndata: {"text": "A\u2028B",\r\ndata:"terminal":"t"}\n\n'
        "event: x\n\ndata: {}\n\nid: a\0b\ndata: {}\n\n"
    ).encode()
    wanted = [StreamEvent("progress", {"text": "A\u2028B", "terminal": "t"}, "1-1"), StreamEvent("message", {}), StreamEvent("message", {})]
    for size in range(1, len(text) + 1):
        reader = EventReader()
        found = [event for place in range(0, len(text), size) for event in reader.feed(text[place : place + size])]
        assert found == wanted


@pytest.mark.parametrize("text", [b"data: x\n\n", b"data: []\n\n", b"data: " + b"[" * 100_000 + b"\n\n"])
def test_an_event_that_is_no_json_object_is_refused(text):
    with pytest.raises(EcrlanError):
        EventReader().feed(text)


@pytest.mark.parametrize("line", [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_event_without_end_is_refused(monkeypatch, line):
    monkeypatch.setattr("ecrlan.daemon_connection.LARGEST_EVENT", 100_000)
    reader = EventReader()
    with pytest.raises(EcrlanError, match="an event of more than"):
        reader.feed(line * 200)
