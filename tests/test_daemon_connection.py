"""What comes from a daemon: its stream cut in any way, its errors as ecrlan's own."""

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ecrlan import errors
from ecrlan.daemon.http.errors import STATUSES
from ecrlan.daemon_connection import DaemonAnswerError, EventReader, RefusedError, StreamEvent, error_of
from ecrlan.errors import EcrlanError, TerminalBusyError
from ecrlan.model import evidence_of
from ecrlan.texts import words


def daemon_errors():
    """Every exception of ecrlan whose code a daemon answers with, by that code."""
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, EcrlanError)]
    return {each.code: each for each in found if each.code in STATUSES}


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


DAEMON = ("daemon_at_url", {"url": "http://127.0.0.1:8017"})
DAEMONS_CODES = {**daemon_errors(), "not_found": RefusedError, "internal": RefusedError}


@pytest.mark.parametrize(("code", "kind"), DAEMONS_CODES.items())
def test_every_code_is_raised_as_ecrlans_own_exception_and_what_is_not_told_is_none(code, kind):
    error = error_of({"error": {"code": code, "message": "in its words", "sent": "no"}}, 409, "/v1/operations/sale%201/attach", DAEMON)
    assert (type(error), error.code, error.sent) == (kind, code, "no")
    assert str(error).startswith("in its words")
    assert "in its words" in words(evidence_of(error), "it")
    for name in inspect.signature(kind.__init__).parameters:
        if name not in ("self", "args", "kwargs", "told", "why"):
            assert getattr(error, name) in (None, "in its words", "sale 1")


def test_a_busy_terminal_says_who_holds_it_and_for_how_long():
    since = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    told = {"code": "terminal_busy", "message": "busy", "sent": "no", "holder": "sale-1", "since": since, "waiting": 2}
    error = error_of({"error": told}, 409, "/v1/terminals/till-1/operations", DAEMON)
    assert isinstance(error, TerminalBusyError)
    assert (error.terminal, error.holder, error.waiting, 29 < error.held_seconds < 40) == ("till-1", "sale-1", 2, True)


@pytest.mark.parametrize("sent", ["unknown", "maybe", None, 7])
def test_whatever_does_not_say_that_nothing_was_sent_may_have_been(sent):
    assert error_of({"error": {"code": "internal", "message": "x", "sent": sent}}, 500, "/", DAEMON).sent == "unknown"


@pytest.mark.parametrize("document", [None, [], {}, {"error": "x"}, {"error": {"code": 7, "message": "x"}}, {"error": {"code": "x"}}])
def test_an_error_without_a_shape_is_none_of_a_daemon(document):
    error = error_of(document, 502, "/", DAEMON)
    assert isinstance(error, DaemonAnswerError)
    assert "the daemon at http://127.0.0.1:8017 answers with status 502" in str(error)


@pytest.mark.parametrize(
    ("file", "told"), [(None, "does not let this client in (no)"), (Path("t"), "does not let this command in (no); the token is that of t")]
)
def test_who_is_not_let_in_is_told_which_token_that_was(file, told):
    error = error_of({"error": {"code": "unauthorized", "message": "no", "sent": "no"}}, 401, "/", DAEMON, file)
    assert str(error) == f"the daemon at http://127.0.0.1:8017 {told}"
