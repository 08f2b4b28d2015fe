import re
import signal
import sys

import pytest

from ecrlan.emulator import FAULTS
from ecrlan.emulator.manners import MANNER_KINDS

SCRIPT = "from ecrlan.cli import main; main()"


def test_amounts_and_faults_are_listed(run):
    text = run("emulate", "--scenario").stdout
    assert "90.01  refused by the host" in text
    assert all(name in text for name in FAULTS)


@pytest.mark.parametrize(("language", "words"), [("en", "the line is closed as soon as"), ("it", "la linea viene chiusa appena")])
def test_manners_are_listed_in_the_user_s_language(run, language, words):
    text = run("emulate", "--manners", "--lang", language).stdout
    assert [line.split()[0] for line in text.splitlines() if line.strip() and line[2] != " "] == list(MANNER_KINDS)
    assert words in " ".join(text.split())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--listen 127.0.0.1:1 --dial 127.0.0.1:2", "exclude each other"),
        ("--listen 8081", "--listen: '8081' is not allowed"),
        ("--dial x:0", "--dial: 'x:0' is not allowed"),
        ("--terminal-id 1234567", "terminal_id: '1234567' is not allowed; allowed: exactly 8 digits"),
        ("--faults nonsense", "fault: 'nonsense' is not allowed"),
        ("--faults split=-1", "count of fault split: '-1' is not allowed"),
        ("--manner polite", "manner: 'polite' is not allowed; allowed: approval_after_refusal, blank_refusal"),
        ("--manner e74 --manner polite", "manner: 'polite' is not allowed"),
        ("--lrc odd", "odd"),
    ],
)
def test_bad_input(run, line, message):
    result = run("emulate", *line.split())
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_taken_port_is_3(run, emulator):
    result = run("emulate", "--listen", emulator.address)
    assert result.exit_code == 3
    assert f"cannot listen on 127.0.0.1 port {emulator.port}" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_session_is_printed_with_frames_and_ledger(run, spawn):
    process = spawn(SCRIPT, "emulate", "--listen", "127.0.0.1:0", "--think", "0", "--terminal-id", "12345678", "--faults", "nak=1")
    first = process.stdout.readline()
    port = re.search(r"terminal 12345678 listens at 127\.0\.0\.1:(\d+)", first)[1]
    assert run("purchase", "6.50", "--address", f"127.0.0.1:{port}").exit_code == 0
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (0, "")
    assert " <    3   NAK" in stdout
    assert "X extended purchase request" in stdout
    assert " = purchase: 6.50 EUR, STAN 000001" in stdout
    assert "in all" in stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_manners_show_on_the_line(run, spawn):
    manners = ("--manner", "many_progress", "--manner", "pan_forms")
    process = spawn(SCRIPT, "emulate", "--listen", "127.0.0.1:0", "--think", "0", *manners)
    port = re.search(r"listens at 127\.0\.0\.1:(\d+)", process.stdout.readline())[1]
    assert run("purchase", "6.50", "--address", f"127.0.0.1:{port}").exit_code == 0
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (0, "")
    assert stdout.count(" <   22   ") == 24
    assert "entry_mode=CLE" in stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_it_dials_a_register(run, spawn, home):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as register:
        process = spawn(SCRIPT, "emulate", "--dial", f"127.0.0.1:{register.getsockname()[1]}")
        register.settimeout(20)
        line, _ = register.accept()
        line.close()
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (0, "")
    assert "terminal 37105051 dials 127.0.0.1" in stdout
