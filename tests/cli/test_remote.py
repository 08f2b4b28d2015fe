import asyncio
import contextlib
import http.server
import json
import os
import re
import signal
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecrlan import client, daemon_connection, service
from ecrlan.cli import way
from ecrlan.cli.way import running_daemon
from ecrlan.errors import EcrlanError
from ecrlan.journal import Event, Journal, NewOperation
from ecrlan.model import Kind, orders
from ecrlan.settings import Settings

CLI = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ecrlan.cli import main; main()"
SEQUENCE = [
    "status",
    "purchase 6.50 --reference p-1 --receipt-text GRAZIE --payment-type debit --additional-data 5=TEXT",
    "purchase 6,50 --reference p-1 --receipt-text GRAZIE --payment-type debit --additional-data 5=TEXT",
    "purchase 7.50 --reference p-1",
    "void p-1 --reference v-1",
    "void p-1 --reference v-2",
    "purchase 90.02 --reference p-2",
    "preauthorize 200.00 --reference a-1 --card-present",
    "increment a-1 50.00 --reference i-1",
    "capture a-1 260.00 --reference c-1",
    "capture a-1 231.40 --reference c-2",
    "void --stan 77 --reference v-3",
    "void --last --yes --reference v-4",
    "void nothing --reference v-5",
    "void nothing -t till-1 --reference v-6",
    "verify-card --reference h-1",
    "totals --reference t-1",
    "last-result --reference l-1",
    "reprint --reference r-1",
    "reprint --on-terminal --service --reference r-2",
    "vas BPAY_QR --amount 10 --parameter A=B --reference k-1",
    "vas BPAY_INQUIRY --reference k-2",
    "vas BPAY_REFUND --amount 1 --reference k-3",
    "vas PAYPAL_QR --reference k-4",
    "close-session --reference s-1",
    "purchase 6.50 --receipt-text perché --reference p-3",
    "purchase 6.50 --additional-data 5=è --reference p-3",
    "increment 6.50 --preauthorization-code 123 --reference i-2",
    "purchase 6.50 --reference à",
    "purchase 6.50 -t till-9",
    "purchase 90.50 --reference p-4",
    "status --reference s-2",
    "purchase 90.10 --reference odd",
    "purchase 6.50 --reference p-5",
    "reprint --reference r-3",
    "operations",
    "operations list --outcome open",
    "operations show odd --recover --wait 0",
    "operations resolve odd --as approved --by Anna --note seen",
    "operations resolve odd --as approved --by Anna --note seen",
    "operations resolve p-1 --as not-performed --by Anna --note seen",
    "operations resolve nothing --as approved --by Anna --note seen",
    "operations resolve odd --as approved --by Anna --note= ",
    "operations attach odd -t till-1 --by Anna",
    "operations attach nothing -t till-1 --by Anna",
    "operations attach odd -t till-9 --by Anna",
    "operations show odd",
    "operations show p-1 --lang it",
    "purchase 6.50 --reference p-6",
    "operations export --format csv",  # its JSON lines tell each history, in which the daemon needs fewer questions
]
STOOD = datetime.now(UTC)
TIMES = re.compile(
    r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)|\d\d/\d\d/\d\d(\d\d)? +\d\d:\d\d(:\d\d)?|\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
)
REFERENCES = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


CLOCKS = re.compile(r'"clock": (null|\[[^]]*\])')
"""What is known of the terminal's clock: a daemon has asked its status, a command by itself perhaps not."""


def plain(text):
    """Leave out what no two runs have in common: times, references that were made, bytes of times on the wire."""
    return CLOCKS.sub('"clock": CLOCK', REFERENCES.sub("REFERENCE", TIMES.sub("TIME", text)))


def perform(run, line, *more):
    result = run(*line.replace("--note= ", "--note=_").split(), *more)
    return result.exit_code, plain(result.stdout), plain(result.stderr)


# --- the same, whichever way --------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("option", ["--json", None])
def test_every_command_says_the_same_with_a_daemon_as_without(run, shop, serve_process, emulator, another_emulator, home, option):
    def perform_all(terminal):
        terminal.progress = ("INSERIRE [b]CARTA", "DIGITARE PIN")
        terminal.clock = lambda: STOOD  # its minutes stand in frames and receipts
        shown = [perform(run, line, *([option] if option and "export" not in line else [])) for line in SEQUENCE]
        return shown, [(entry.kind, entry.amount) for entry in terminal.ledger]

    direct, charged = perform_all(emulator.terminal)
    for file in home.glob("till.db*"):
        file.unlink()
    shop(port=another_emulator.port)
    serve_process()  # its log is its own
    through, charged_through = perform_all(another_emulator.terminal)
    for line, one, other in zip(SEQUENCE, direct, through, strict=True):
        assert other == one, f"{line}\n{one}\n{other}"
    assert charged_through == charged


# --- is there a daemon? -------------------------------------------------------------------------------------------------------------


def purchase(run_json, reference):
    exit_code, document = run_json("purchase", "6.50", "--reference", reference)
    return exit_code, document.get("outcome", document.get("error"))


def test_what_a_killed_daemon_left_behind_leads_nowhere(run_json, serve_process, emulator):
    daemon = serve_process()
    assert purchase(run_json, "a") == (0, "approved")
    daemon.process.kill()
    daemon.process.wait()
    assert daemon.note.exists()
    assert purchase(run_json, "a") == (0, "approved")
    assert purchase(run_json, "b") == (0, "approved")
    assert len(emulator.terminal.ledger) == 2


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{}",
        "[]",
        "[" * 9000,
        '{"url": 7, "pid": 1}',
        '{"url": "http://127.0.0.1:1", "pid": "x"}',
        '{"url": "http://[", "pid": 1}',
        '{"url": "http://127.0.0.1:99999", "pid": 1}',
        '{"url": "ftp://127.0.0.1:1", "pid": 1}',
        '{"url": "http://127.0.0.1", "pid": 1}',
        '{"url": "http://127.0.0.1:1", "pid": 1}',
        '{"url": "http://127.0.0.1:1", "pid": 1, "certificate": 7}',
        '{"url": "http://no-such-host.invalid:1", "pid": 1}',
    ],
)
def test_a_note_that_leads_nowhere(run_json, shop, home, note):
    (home / "till.db.daemon").write_text(note)
    assert purchase(run_json, "a") == (0, "approved")


class Stranger(http.server.BaseHTTPRequestHandler):
    """Something else that listens where a daemon was: keeps what it was asked."""

    asked: list
    answer: bytes

    def do_GET(self):
        self.asked.append((self.command, self.path, self.headers["Authorization"]))
        body = b'{"status": "ok", "version": "0"}' if self.path == "/healthz" and self.answer else b"<html>hello"
        body = body if self.path == "/healthz" else self.answer
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def stranger(home, shop):
    """Let something else listen where the note leads; with `answer` it says that it is a daemon."""
    servers = []

    def listen(answer=b""):
        handler = type("Handler", (Stranger,), {"asked": [], "answer": answer})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        (home / "till.db.daemon").write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "pid": 1, "version": "0"}))
        (home / "till.db.token").write_text("t" * 40)
        return handler.asked

    yield listen
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_stranger_where_a_daemon_was_gets_no_token(run_json, stranger):
    asked = stranger()
    assert purchase(run_json, "a") == (0, "approved")
    assert asked == [("GET", "/healthz", None)]


@pytest.mark.parametrize("answer", [b"x", b"null", b"{}", b'{"reference": "a"}', b"[" * 100_000])
def test_an_answer_that_is_no_operation_leaves_it_unknown(run_json, stranger, emulator, answer):
    asked = stranger(answer)
    exit_code, error = purchase(run_json, "a")
    assert (exit_code, error["code"], error["sent"]) == (4, "daemon_answer", "unknown")
    assert error["message"].endswith("The purchase may have been sent; what became of it: ecrlan operations show a")
    assert ("POST", "/v1/terminals/till-1/operations?wait=600", "Bearer " + "t" * 40) in asked
    assert len(emulator.terminal.ledger) == 0


def test_json_is_the_daemons_document_as_it_came(run_json, shop, home, stranger):
    document = run_json("purchase", "6.50", "--reference", "a")[1]
    for file in home.glob("till.db*"):
        file.unlink()
    newer = {**document, "later": {"x": 1}, "created_time": document["created_time"].replace("+00:00", "Z")}
    stranger(json.dumps(newer).encode())
    assert run_json("purchase", "6.50", "--reference", "a") == (0, newer)
    stranger(json.dumps({"operations": [newer], "next": None}).encode())
    assert run_json("operations", "list") == (0, [newer])


def test_an_answer_without_end_is_cut_off(run_json, stranger, monkeypatch):
    monkeypatch.setattr(daemon_connection, "LARGEST_ANSWER", 1000)
    stranger(b'"' + b"x" * 2000 + b'"')
    assert "answers with more than 1000 bytes" in purchase(run_json, "a")[1]["message"]


def test_another_owner_of_the_journal_is_no_daemon(run_json, shop, home, monkeypatch):
    monkeypatch.setattr("ecrlan.journal.journal.Journal.__init__.__kwdefaults__", {**Journal.__init__.__kwdefaults__, "owner_wait": 0.1})
    with Journal(home / "till.db"):
        exit_code, error = purchase(run_json, "a")
    assert (exit_code, error["code"]) == (3, "journal_owned")


def test_a_terminal_that_the_settings_do_not_name_is_refused(run, run_json, serve, emulator):
    daemon = serve()
    exit_code, document = run_json("purchase", "6.50", "--address", emulator.address)
    error = document["error"]
    assert (exit_code, error["code"], error["sent"]) == (3, "refused", "no")
    assert f"the daemon at {daemon.url} (process {daemon.pid}) owns the journal" in error["message"]
    assert "ecrlan reload" in error["message"]
    assert "ECRLAN_REGISTER__JOURNAL" in error["message"]
    assert run("status", "--address", emulator.address).exit_code == 3


def test_without_httpx_it_says_what_to_install(run, run_json, serve, monkeypatch):
    serve()
    found = way.importlib.util.find_spec
    monkeypatch.setattr(way.importlib.util, "find_spec", lambda name: None if name == "httpx" else found(name))
    exit_code, document = run_json("purchase", "6.50")
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (2, "usage", "no")
    assert "pip install 'ecrlan[daemon]'" in document["error"]["message"]
    assert run("operations").exit_code == 0  # only reads the journal


@pytest.mark.parametrize(
    ("token", "words"), [(None, "is not there"), ("short", "cannot be used"), ("x" * 40, "does not let this command in")]
)
def test_without_the_right_token_nothing_is_sent(run_json, serve, home, emulator, monkeypatch, token, words):
    monkeypatch.setattr(client, "FOLLOW_SECONDS", 0.1)
    serve()
    file = home / "till.db.token"
    file.unlink()
    if token is not None:
        file.write_text(token)
    exit_code, document = run_json("purchase", "6.50")
    assert (exit_code, document["error"]["sent"]) == (3, "no")
    assert words in document["error"]["message"]
    assert str(file) in document["error"]["message"]
    assert len(emulator.terminal.ledger) == 0


def test_new_terminals_are_known_after_a_reload(run, run_json, shop, serve, another_emulator):
    serve()
    shop(more=f'[terminals.till-2]\naddress = "127.0.0.1"\nport = {another_emulator.port}\nlink = "dial"\n')
    exit_code, document = run_json("status", "-t", "till-2")
    assert (exit_code, document["error"]["code"]) == (2, "unknown_terminal")
    assert "ecrlan reload" in document["error"]["message"]
    assert run("reload").stdout == "settings read anew\n  added  till-2\n"
    assert run("reload").stdout == "settings read anew: no terminal has changed\n"
    assert run_json("status", "-t", "till-2")[1]["outcome"] == "done"
    shop(more='[terminals.till-3]\naddress = "nowhere"\n')
    exit_code, document = run_json("reload")
    assert (exit_code, document["error"]["code"]) == (2, "invalid_value")
    shop()
    assert run_json("reload")[1]["removed"] == ["till-2"]


def test_reset_drops_the_line_but_not_that_of_a_payment(run, run_json, shop, serve, emulator, spawn):
    shop(more="keep_open = true\n")
    serve()
    assert run_json("status")[0] == 0
    exit_code, terminal = run_json("reset", "till-1")
    assert (exit_code, terminal["name"], terminal["line"]) == (0, "till-1", None)
    assert run("reset", "till-1").stdout == "the line to till-1 is dropped; the terminal is idle\n"
    assert run_json("reset", "till-9")[1]["error"]["code"] == "unknown_terminal"
    emulator.terminal.think_seconds = 3600.0
    spawn(CLI, "purchase", "6.50")
    assert emulator.taken.wait(20)
    exit_code, document = run_json("reset", "till-1")
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "refused", "no")


@pytest.mark.parametrize("line", ["reset till-1", "reload", "events"])
def test_what_needs_a_daemon_says_so(run_json, shop, line):
    exit_code, document = run_json(*line.split())
    assert (exit_code, document["error"]["code"]) == (3, "refused")
    assert "no daemon is running for the journal" in document["error"]["message"]


@pytest.mark.parametrize("option", [[], ["--read"]])
def test_token(run, serve, home, option):
    result = run("token", *option)
    assert result.exit_code == 3
    assert "made when the daemon first starts" in result.stderr
    serve()
    assert run("token", *option).stdout == (home / ("till.db.read-token" if option else "till.db.token")).read_text()


def test_the_list_tells_what_waits_in_the_queue(run_json, serve, spawn, emulator):
    emulator.terminal.think_seconds = 3600.0
    serve()
    spawn(CLI, "purchase", "6.50", "--reference", "first")
    assert emulator.taken.wait(20)
    lines_until(spawn(CLI, "purchase", "7.50", "--reference", "second").stderr, "waiting for the terminal")
    listed = run_json("operations", "list", "--outcome", "open", "--terminal", "till-1", "--from", "2026-01-01")[1]
    assert [(each["reference"], each["state"]) for each in listed] == [("second", "queued"), ("first", "accepted")]
    assert [each["reference"] for each in run_json("operations", "list", "--limit", "1")[1]] == ["second"]
    assert run_json("operations", "list", "--outcome", "approved")[1] == []


def test_a_list_of_many_pages(run_json, shop, serve, home, monkeypatch):
    time = datetime(2026, 11, 23, 11, tzinfo=UTC)
    with Journal(home / "till.db") as journal:
        for number in range(7):
            new = NewOperation(reference=f"r{number}", kind=Kind.TOTALS, terminal="till-1", amount=None, parameters={}, created_time=time)
            end = Event(name="finished", time=time, reference=f"r{number}", terminal="till-1", data={"outcome": "done"})
            journal.write([new, end]).result()
    serve()
    monkeypatch.setattr(service, "LONGEST_PAGE", 2)
    for limit in (1, 2, 3, 6, 7, 8):
        listed = run_json("operations", "list", "--limit", str(limit))[1]
        assert [each["reference"] for each in listed] == [f"r{6 - number}" for number in range(min(limit, 7))]


def test_with_tls_the_daemon_is_known_by_its_certificate(run_json, shop, serve, tmp_path):
    files = {name: Path(__file__).parent.parent / "daemon" / name for name in ("loopback.pem", "loopback-key.pem")}
    file = shop()
    text = file.read_text().replace("[daemon]", f"[daemon]\ncertificate = '{files['loopback.pem']}'\nkey = '{files['loopback-key.pem']}'")
    file.write_text(text)
    daemon = serve()
    assert daemon.url.startswith("https://")
    assert purchase(run_json, "a") == (0, "approved")
    daemon.note.write_text(json.dumps(json.loads(daemon.note.read_text()) | {"certificate": str(tmp_path / "other.pem")}))
    exit_code, document = run_json("purchase", "6.50")
    assert (exit_code, document["error"]["code"]) == (2, "invalid_value")


# --- Ctrl-C ---------------------------------------------------------------------------------------------------------------------------


def lines_until(stream, last):
    lines = []
    while not lines or lines[-1] != last:
        line = stream.readline()
        assert line, lines
        lines.append(line.rstrip("\n"))
    return lines


@pytest.mark.skipif(os.name == "nt", reason="a test cannot press Ctrl-C in another console")
def test_progress_is_shown_as_it_comes_and_ctrl_c_says_that_the_payment_goes_on(serve, spawn, run_json, emulator):
    emulator.terminal.think_seconds = 3600.0
    emulator.terminal.progress = ("INSERIRE CARTA",)
    serve()
    process = spawn(CLI, "purchase", "6.50", "--reference", "sale-7")
    taken = ["sent, waiting for the terminal to take it", "the terminal has taken it", "INSERIRE CARTA"]
    assert lines_until(process.stderr, "INSERIRE CARTA") == ["reference sale-7", *taken]
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 4
    assert "the purchase goes on" in stderr
    assert "--reference sale-7" in stderr
    assert stdout == ""
    assert run_json("operations", "show", "sale-7", "--wait", "0")[1]["state"] in ("sending", "accepted")


@pytest.mark.skipif(os.name == "nt", reason="a test cannot press Ctrl-C in another console")
def test_ctrl_c_while_it_waits_for_its_turn_drops_it(serve, spawn, run_json, emulator):
    emulator.terminal.think_seconds = 3600.0
    serve()
    spawn(CLI, "purchase", "6.50", "--reference", "first")
    assert emulator.taken.wait(20)
    process = spawn(CLI, "purchase", "6.50", "--reference", "second")
    assert lines_until(process.stderr, "waiting for the terminal") == ["reference second", "waiting for the terminal"]
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr.strip()) == (3, "interrupted before anything was sent; not performed")
    exit_code, document = run_json("operations", "show", "second")
    assert (exit_code, document["error"]["code"]) == (3, "unknown_reference")


def test_who_does_not_want_to_wait_is_told_who_holds_the_terminal(serve, spawn, run_json, emulator):
    emulator.terminal.think_seconds = 3600.0
    serve()
    spawn(CLI, "purchase", "6.50", "--reference", "first")
    assert emulator.taken.wait(20)
    for command in (["purchase", "6.50"], ["status"]):
        exit_code, document = run_json(*command, "--queue-timeout", "0")
        assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "terminal_busy", "no")
        assert "terminal till-1 is busy: operation first has held it for" in document["error"]["message"]


# --- connections that are lost --------------------------------------------------------------------------------------------------------


IMPATIENT = f"from ecrlan import client; client.LOST_PAUSES = (0.01, 0.01); {CLI}"
TOO_MANY = (
    b"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 67\r\n\r\n"
    b'{"error": {"code": "too_many", "message": "later", "sent": "no"  }}'
)


class Cutter:
    """Stands between the command line and the daemon, and cuts connections when told to."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.swallow = 0
        """So many requests of operations are kept from the daemon, and their connections closed."""
        self.refuse = 0
        """So many questions for an operation are refused, as a daemon does that has too much to do."""
        self.posts = 0
        self._lines = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        daemon.note.write_text(json.dumps({"url": f"http://127.0.0.1:{self.port}", "pid": 1}))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", int(self.daemon.url.rpartition(":")[2])))
            self._lines += [line, other]
            threading.Thread(target=self._pass, args=(line, other, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(other, line, False), daemon=True).start()

    def _pass(self, source, target, asking):
        try:
            while data := source.recv(65536):
                told = data.replace(f"Host: 127.0.0.1:{self.port}".encode(), b"Host: " + self.daemon.url.removeprefix("http://").encode())
                if asking and data.startswith(b"POST"):
                    self.posts += 1
                    if self.swallow:
                        self.swallow -= 1
                        break
                if asking and self.refuse and data.startswith(b"GET /v1/operations/"):
                    self.refuse -= 1
                    source.sendall(TOO_MANY)
                    break
                target.sendall(told)
        except OSError:
            pass
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Cut every connection; new ones are taken."""
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listening.close()
        self.cut()
        for line in self._lines:
            line.close()


@pytest.fixture
def cutter(serve):
    made = Cutter(serve())
    yield made
    made.close()


def test_a_connection_that_is_lost_in_mid_payment_is_taken_up_again(cutter, spawn, emulator):
    emulator.terminal.think_seconds = 1.0
    process = spawn(CLI, "purchase", "6.50", "--reference", "a")
    assert emulator.taken.wait(20)
    cutter.cut()
    stdout, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert stdout.startswith("approved  purchase 6.50 EUR\n")
    assert "IMPORTO EUR" in stdout
    assert (len(emulator.terminal.ledger), cutter.posts) == (1, 1)


@pytest.mark.parametrize(("times", "outcome"), [(2, "approved"), (1000, None)])
def test_a_daemon_that_has_too_much_to_do_proves_nothing_about_what_was_sent(cutter, spawn, emulator, times, outcome):
    emulator.terminal.think_seconds = 1.0
    process = spawn(IMPATIENT.replace("(0.01, 0.01)", "(0.01,) * 5"), "purchase", "6.50", "--reference", "a", "--json")
    assert emulator.taken.wait(20)
    cutter.refuse = times
    cutter.cut()
    stdout, _ = process.communicate(timeout=30)
    document = json.loads(stdout)
    if outcome is None:
        error = document["error"]
        assert (process.returncode, error["code"], error["sent"]) == (4, "daemon_gone", "unknown")
        assert "does not tell (later)" in error["message"]
        assert "ecrlan operations show a" in error["message"]
    else:
        assert (process.returncode, document["outcome"]) == (0, outcome)
    assert cutter.posts == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_request_that_never_arrived_is_made_again_under_its_reference(cutter, run_json, emulator, monkeypatch, times):
    monkeypatch.setattr(client, "LOST_PAUSES", (0.01,) * 5)
    cutter.swallow = times
    assert purchase(run_json, "a") == (0, "approved")
    assert (len(emulator.terminal.ledger), cutter.posts) == (1, times + 1)


def test_a_status_that_is_lost_is_told_and_harms_nobody(cutter, run_json):
    cutter.swallow = 1
    exit_code, document = run_json("status")
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "daemon_lost", "unknown")


@pytest.mark.long
@pytest.mark.parametrize("as_json", [False, True])
def test_a_daemon_that_is_killed_leaves_what_was_sent_unresolved_and_nothing_else(serve_process, spawn, run_json, emulator, as_json):
    emulator.terminal.think_seconds = 3600.0
    daemon = serve_process()
    option = ["--json"] if as_json else []
    first = spawn(IMPATIENT, "purchase", "6.50", "--reference", "first", *option)
    assert emulator.taken.wait(20)
    second = spawn(IMPATIENT, "purchase", "6.50", "--reference", "second", *([] if as_json else option))
    lines_until(second.stderr, "waiting for the terminal")
    daemon.process.kill()
    stdout, stderr = first.communicate(timeout=30)
    assert first.returncode == 4
    told = json.loads(stdout)["error"] if as_json else {"message": stderr, "code": "daemon_gone", "sent": "unknown"}
    assert (told["code"], told["sent"]) == ("daemon_gone", "unknown")
    assert "operations show first" in told["message"]
    _, stderr = second.communicate(timeout=30)
    assert second.returncode == 3
    assert "operation second was not sent: the journal proves it" in stderr
    document = run_json("operations", "show", "first", "--wait", "0")[1]
    assert document["outcome"] is None


def test_a_daemon_that_is_gone_before_the_request_left(run_json, serve_process, monkeypatch):
    monkeypatch.setattr(client, "FOLLOW_SECONDS", 0.1)
    daemon = serve_process()
    found = running_daemon(Settings.load())
    daemon.process.kill()
    daemon.process.wait()
    monkeypatch.setattr("ecrlan.cli.way.running_daemon", lambda settings: found)
    exit_code, document = run_json("purchase", "6.50")
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "daemon_lost", "no")


def test_what_the_journal_proves_is_the_outcome_though_the_daemon_is_gone(run_json, shop, home):
    assert purchase(run_json, "a") == (0, "approved")
    gone = client.Client("http://127.0.0.1:1", "", journal=home / "till.db")
    asked = client._Asked(gone, "till-1", orders.Purchase(amount=650, reference="a"))
    assert asked.from_journal("a").outcome.outcome == "approved"
    with pytest.raises(EcrlanError) as raised:
        asked.from_journal("b")
    assert raised.value.sent == "no"
    with Journal(home / "till.db"), pytest.raises(EcrlanError) as raised:  # its owner may send it yet
        asked.from_journal("b")
    assert raised.value.sent == "unknown"
    (home / "till.db").unlink()
    with pytest.raises(EcrlanError) as raised:
        asked.from_journal("b")
    assert raised.value.sent == "unknown"
    assert not (home / "till.db").exists()


def test_ctrl_c_once_the_outcome_is_known_loses_nothing(run_json, shop):
    document = run_json("purchase", "6.50", "--reference", "a")[1]
    told = {**document, "finished_time": "2999-01-01T00:00:00+00:00"}

    class Answering(client.Client):
        async def call(self, *arguments, **more):
            return told

        async def follow(self, terminal, *, on_open):
            on_open()
            await asyncio.Event().wait()
            yield

    async def interrupted():
        answering = Answering("http://127.0.0.1:1", "")
        order = orders.Purchase(amount=650, reference="a")
        paying = asyncio.create_task(answering.carry_out("till-1", order, watch=lambda _: None))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not paying.done()  # its progress is still awaited
        paying.cancel()
        return await paying

    assert asyncio.run(interrupted()).outcome.outcome == "approved"


# --- show, where the daemon recovers ----------------------------------------------------------------------------------------------------


def test_show_waits_for_the_recovery_of_the_daemon(run, run_json, serve, emulator):
    emulator.terminal.think_seconds = 3600.0
    serve()
    order = orders.Purchase(amount=650, reference="a")
    assert running_daemon(Settings.load()).ask(lambda client: client.begin("till-1", order)).outcome is None
    assert emulator.taken.wait(20)
    result = run("operations", "show", "a", "--wait", "0.1")
    assert result.exit_code == 0
    assert "its outcome is not known yet" in result.stdout.lower()
    document = run_json("operations", "show", "a", "--wait", "0.1")[1]
    assert document["recovery"] == {"ran": True, "problem": None}
