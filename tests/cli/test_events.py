import io
import json
import os
import signal

import pytest
from rich.console import Console

from ecrlan.cli.events import EventLines
from ecrlan.client import StreamEvent

CLI = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ecrlan.cli import main; main()"
IMPATIENT = f"from ecrlan.cli import events; events.RETRY_SECONDS = 0.01; {CLI}"


@pytest.fixture
def following(spawn):
    """Follow a daemon with `ecrlan events`; nothing that happens later is missed."""

    def following(*arguments, script=CLI):
        return spawn(script, "events", *arguments)

    return following


def read(process, wanted):
    """Return events until one for which `wanted` is true."""
    found = []
    while not found or not wanted(found[-1]):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        found.append(json.loads(line))
    return found


def is_end(reference):
    return lambda event: event["event"] == "operation" and (event["data"]["reference"], event["data"]["state"]) == (reference, "finished")


def until_followed(process, run_json):
    """Have a terminal asked until the follower tells of it."""
    import threading

    begun = threading.Event()

    def ask():
        number = 0
        while not begun.is_set():
            number += 1
            run_json("status", "--reference", f"begin-{number}")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        read(process, lambda event: event["event"] == "operation")
    finally:
        begun.set()
        asking.join()


def test_json_lines_where_nobody_reads_and_frames_where_they_are_wanted(serve, following, run_json, emulator):
    emulator.terminal.progress = ("INSERIRE CARTA",)
    serve()
    process = following("--frames", "-t", "till-1")
    until_followed(process, run_json)
    assert run_json("purchase", "6.50", "--reference", "a")[0] == 0
    events = read(process, is_end("a"))
    assert all(set(event) == {"event", "id", "data"} for event in events)
    states = [event["data"]["state"] for event in events if event["event"] == "operation" and event["data"]["reference"] == "a"]
    assert states[-3:] == ["sending", "accepted", "finished"]
    frames = [frame for event in events if event["event"] == "frame" for frame in event["data"]["frames"]]
    codes = [frame["message"]["code"] for frame in frames if frame["message"]]
    assert {"X", "E"} <= set(codes)
    assert {"progress", "frame", "line"} <= {event["event"] for event in events}


def test_it_goes_on_when_the_daemon_was_started_anew(following, serve_process, serve, run_json):
    daemon = serve_process()
    process = following(script=IMPATIENT)
    until_followed(process, run_json)
    daemon.process.kill()
    daemon.process.wait()
    assert "the connection to the daemon was lost; waiting for it" in process.stderr.readline()
    serve()
    read(process, lambda event: event["event"] == "gap")
    assert run_json("totals", "--reference", "later")[0] == 0
    read(process, is_end("later"))


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="a test cannot send signals to another console")
def test_a_daemon_that_takes_its_time_to_stop_is_told_of_once(following, spawn, serve_process, serve, run_json, emulator):
    emulator.terminal.think_seconds = 1.0
    daemon = serve_process()
    process = following(script=IMPATIENT)
    until_followed(process, run_json)
    spawn(CLI, "purchase", "6.50")
    assert emulator.taken.wait(20)
    assert daemon.end()[0] == 0  # it ends the streams, and then waits for the payment
    serve()
    read(process, lambda event: event["event"] == "gap")
    process.kill()
    assert process.stderr.read().count("the connection to the daemon was lost") == 1


@pytest.mark.skipif(os.name == "nt", reason="a test cannot press Ctrl-C in another console")
def test_ctrl_c_ends_it(serve, following, run_json):
    serve()
    process = following("--json")
    until_followed(process, run_json)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_a_terminal_that_is_not_known(serve, run):
    serve()
    assert run("events", "-t", "till-9").exit_code == 2


TIME = "2026-11-23T17:44:05+00:00"


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (
            "operation",
            {"terminal": "till-1", "kind": "purchase", "amount": 650, "state": "finished", "outcome": "approved", "reference": "a"},
            "till-1        approved  purchase 6.50 EUR  a",
        ),
        (
            "operation",
            {"terminal": "t", "kind": "close_session", "amount": None, "state": "accepted", "outcome": None, "reference": "b"},
            "accepted  close session  b",
        ),
        ("operation", {"kind": "void", "outcome": "declined", "reason": "[b]NO\x1b[2J", "reference": "c"}, "declined  void  c  [b]NO[2J"),
        ("operation", {"kind": "void", "outcome": "unresolved", "evidence": "silence", "reference": "c"}, "unresolved  void  c  silence"),
        ("progress", {"terminal": "t", "text": "INSERIRE [b]CARTA"}, "INSERIRE [b]CARTA"),
        ("line", {"terminal": "t", "opened": True, "opened_by": "terminal"}, "line opened by the terminal"),
        ("line", {"terminal": "t", "opened": False, "opened_by": "terminal"}, "line closed"),
        ("alarm", {"terminal": "t", "active": True, "text": "look"}, "alarm: look"),
        ("alarm", {"terminal": "t", "active": False, "text": "look"}, "alarm ended: look"),
        ("terminal", {"name": "till-1", "state": "idle", "software_release": "R1"}, "till-1        idle, R1"),
        ("gap", {"missed": True}, "something was missed here"),
        ("screen", {"lines": ["A", "B"]}, "A / B"),
        ("later", {"x": 1}, f'later {{"time": "{TIME}", "x": 1}}'),
        ("operation", {"time": "x", "kind": 7, "amount": "6", "outcome": []}, "None  7  None"),
    ],
)
def test_people_read_a_line_for_each(kind, data, words):
    stream = io.StringIO()
    EventLines(Console(file=stream, width=100, highlight=False)).show(StreamEvent(kind, {"time": TIME} | data))
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.rstrip("\n").endswith(words)
    assert "time" in data or line.startswith("18:44:05  ")


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (
            "operation",
            {"kind": "close_session", "amount": 650, "state": "accepted", "outcome": None, "reference": "b"},
            "presa in carico dal terminale  chiusura contabile 6,50 EUR  b",
        ),
        ("operation", {"kind": 7, "outcome": "unheard_of", "reference": "c"}, "unheard of  7  c"),
        ("line", {"opened": True, "opened_by": "register"}, "collegamento aperto dalla cassa"),
        ("line", {"opened": False, "opened_by": "register"}, "collegamento chiuso"),
        ("alarm", {"active": True, "text": "x"}, "allarme: x"),
        ("alarm", {"active": False, "text": "x"}, "allarme finito: x"),
        ("terminal", {"name": "till-1", "state": "recovering", "status_text": "operativo"}, "in verifica, operativo"),
        ("gap", {"missed": True}, "qui si è perso qualcosa"),
    ],
)
def test_people_read_it_in_italian(kind, data, words):
    stream = io.StringIO()
    EventLines(Console(file=stream, width=100, highlight=False), "it").show(StreamEvent(kind, {"time": TIME} | data))
    assert stream.getvalue().rstrip("\n").endswith(words)


def test_events_are_told_in_the_language_that_is_asked_for(serve, following, run_json):
    serve()
    process = following("--json", "--lang", "it")
    until_followed(process, run_json)
    run_json("purchase", "90.05", "--card-present", "--reference", "absent")
    assert read(process, is_end("absent"))[-1]["data"]["reason"] == "carta non presente"


def test_people_read_frames_field_by_field():
    message = {"code": "s", "name": "status", "direction": "response", "fields": {"terminal_id": "37105051", "software_release": "R"}}
    frame = {"frame": "application", "hex": "00" * 9, "lrc": "ok", "message": message, "error": None}
    stream = io.StringIO()
    EventLines(Console(file=stream, width=100)).show(StreamEvent("frame", {"time": TIME, "direction": "<", "frames": [frame]}))
    assert "< " in stream.getvalue()
    assert "terminal_id=37105051" in stream.getvalue()
