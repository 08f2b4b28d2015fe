import json
import signal
import socket
import sys
import uuid

import pytest

from ecrlan.cli import operations
from ecrlan.emulator import ChargeKind
from ecrlan.model import ORDERS
from ecrlan.model.values import fields_of

OPERATION_KEYS = [
    "reference",
    "kind",
    "terminal",
    "amount",
    "state",
    "outcome",
    "result",
    "receipt",
    "evidence",
    "created_time",
    "finished_time",
]
RESULT_KEYS = ["result", "pan", "entry_mode", "authorization_code", "host_time", "card_type", "acquirer_id", "stan", "online_id"]
RESULT_KEYS += ["action_code", "amount"]


@pytest.fixture
def settings(home, emulator):
    """A settings file with two terminals; the first is the emulated one."""
    file = home / "shop.toml"
    file.write_text(
        f'[register]\njournal = "till.db"\n[terminals.till-1]\naddress = "127.0.0.1"\nport = {emulator.port}\nlink = "dial"\n'
        'print_on_register = true\n[terminals.till-2]\naddress = "127.0.0.2"\n'
    )
    return str(file)


def test_a_purchase_as_json_has_the_shape_of_the_product_page(run_json, emulator):
    exit_code, operation = run_json("purchase", "6,50", "--address", emulator.address, "--reference", "sale-4711")
    assert exit_code == 0
    assert list(operation) == OPERATION_KEYS
    assert list(operation["result"]) == RESULT_KEYS
    assert (operation["reference"], operation["kind"], operation["amount"]) == ("sale-4711", "purchase", 650)
    assert (operation["state"], operation["outcome"], operation["evidence"]) == ("finished", "approved", None)
    assert operation["result"]["pan"] == "…4242"
    assert operation["result"]["card_type"] == "credit"
    assert operation["result"]["amount"] == 650
    assert operation["result"]["host_time"].endswith(("+01:00", "+02:00"))
    assert emulator.terminal.ledger.charged_total() == 650


def test_the_same_reference_is_charged_once(run_json, emulator):
    first = run_json("purchase", "6.50", "--address", emulator.address, "--reference", "sale-1")
    assert run_json("purchase", "6.50", "--address", emulator.address, "--reference", "sale-1")[1]["result"] == first[1]["result"]
    exit_code, document = run_json("purchase", "7.50", "--address", emulator.address, "--reference", "sale-1")
    assert (exit_code, document["error"]["code"]) == (3, "reference_conflict")
    assert len(emulator.terminal.ledger) == 1


def test_all_operations(run_json, emulator, settings):
    where = ("-t", "till-1", "--config", settings)
    outcomes = {}

    def perform(*arguments):
        exit_code, operation = run_json(*arguments, *where)
        assert exit_code == 0, operation
        outcomes[operation["kind"]] = operation["outcome"]
        return operation

    assert perform("status")["result"]["software_release"] == "SYSEMV  204"
    purchase = perform("purchase", "6.50", "--receipt-text", "GRAZIE", "--payment-type", "debit", "--additional-data", "5=TEXT")
    assert any("6,50" in line for line in purchase["receipt"])
    perform("void", "--stan", purchase["result"]["stan"].lstrip("0"))
    perform("purchase", "1.00")
    perform("void", "--last", "--yes")
    code = perform("preauthorize", "200.00", "--card-present")["result"]["preauthorization_code"]
    perform("increment", "50.00", "--preauthorization-code", code)
    perform("capture", "231.40", "--preauthorization-code", code)
    perform("verify-card")
    assert perform("totals")["result"]["terminal_total"] == 23140
    assert perform("last-result")["result"]["result"] == "00"
    assert perform("reprint")["receipt"]
    perform("reprint", "--on-terminal", "--service")
    assert perform("vas", "BPAY_QR", "--amount", "10", "--parameter", "A=B")["answer"]["RESPID"] == "0"
    assert "RESPID" in perform("vas", "BPAY_INQUIRY")["result"]["xml"]
    perform("close-session")
    assert len(outcomes) == 12
    assert emulator.terminal.additional_data[0].contents == ((5, "TEXT"),)
    assert len(emulator.terminal.ledger.of_kind(ChargeKind.VOID)) == 2


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "purchase 6.50",
        "void --last --yes",
        "preauthorize 9.00",
        "verify-card",
        "totals",
        "last-result",
        "close-session",
        "vas BPAY_TOTAL",
    ],
)
def test_people_read_outcome_and_reference(run, emulator, command):
    result = run(*command.split(), "--address", emulator.address, "--reference", "r-1")
    assert result.stdout.split()[0] in ("approved", "done", "declined")
    assert "r-1" in result.stdout
    assert not any(line.endswith(" ") for line in result.stdout.splitlines())


def test_the_receipt_is_printed_in_a_box(run, settings):
    result = run("purchase", "6.50", "-t", "till-1", "--config", settings, "--reference", "sale-1")
    assert " receipt " in result.stdout
    assert "IMPORTO EUR" in result.stdout
    for language, title in (("en", "receipt"), ("it", "scontrino")):
        shown = run("operations", "show", "sale-1", "--config", settings, "--lang", language).stdout
        assert f" {title} ─" in shown


def test_a_reference_is_made_and_shown_before_sending(run, emulator):
    result = run("purchase", "6.50", "--address", emulator.address)
    first, *progress = result.stderr.splitlines()
    assert first.startswith("reference ")
    assert uuid.UUID(first.removeprefix("reference "))
    assert first.removeprefix("reference ") in result.stdout
    assert "the terminal has taken it" in progress


def test_progress_comes_line_by_line_when_piped_and_not_at_all_with_json(run, emulator):
    emulator.terminal.progress = ("INSERIRE CARTA", "DIGITARE PIN")
    assert {"INSERIRE CARTA", "DIGITARE PIN"} <= set(run("purchase", "6.50", "--address", emulator.address).stderr.splitlines())
    assert run("purchase", "6.50", "--address", emulator.address, "--json").stderr == ""


def test_a_person_at_a_screen_sees_a_spinner(run, emulator, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    emulator.terminal.progress = ("[b]INSERIRE CARTA",)
    result = run("purchase", "6.50", "--address", emulator.address)
    assert result.exit_code == 0
    assert "\x1b[1;32mapproved" in result.stdout


def test_logs_go_to_standard_error_when_asked_for(run, emulator):
    result = run("purchase", "90.10", "--address", emulator.address, "--json")
    assert json.loads(result.stderr.splitlines()[0])["event"] == "alarm.raised"
    assert json.loads(result.stdout)["outcome"] == "unresolved"


# --- exit codes -------------------------------------------------------------------------------------------------------------------


def test_declined_is_1(run, run_json, emulator):
    exit_code, operation = run_json("purchase", "90.02", "--address", emulator.address)
    assert (exit_code, operation["outcome"], operation["reason"]) == (1, "declined", "FONDI INSUFFICIENTI")
    assert "FONDI INSUFFICIENTI" in run("purchase", "90.02", "--address", emulator.address).stdout


def test_not_performed_is_3(run_json):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        exit_code, operation = run_json("purchase", "6.50", "--address", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (exit_code, operation["outcome"]) == (3, "not_performed")
    assert "no line to 127.0.0.1" in operation["reason"]


def test_unresolved_is_4_and_blocks_the_terminal(run, run_json, emulator):
    result = run("purchase", "90.10", "--address", emulator.address, "--reference", "odd")
    assert result.exit_code == 4
    assert "Nobody can say yet whether money moved" in result.stdout
    assert "alarm" in result.stderr
    exit_code, document = run_json("purchase", "6.50", "--address", emulator.address)
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "terminal_blocked", "no")
    assert "odd" in document["error"]["message"]


def test_a_taken_port_is_3(run_json, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = home / "x.toml"
        file.write_text(f'[register]\nlisten = "127.0.0.1:{port}"\n[terminals.t]\naddress = "127.0.0.1"\nlink = "listen"\n')
        exit_code, document = run_json("status", "--config", str(file))
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "not_listening", "no")
    assert f"127.0.0.1 port {port}" in document["error"]["message"]


def test_a_journal_that_cannot_be_opened_is_3(run_json, home):
    file = home / "x.toml"
    file.write_text('[register]\njournal = "missing/till.db"\n[terminals.t]\naddress = "127.0.0.1"\n')
    exit_code, document = run_json("purchase", "6.50", "--config", str(file))
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "journal_failed", "no")


# --- bad input, which is 2 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "place", "value", "allowed"),
    [
        ("purchase 6.50 --reference à", "reference", "à", "A-Z a-z 0-9"),
        ("purchase 6.50 --receipt-text perché", "receipt_text", "perché", "printable ASCII"),
        (f"purchase 6.50 --receipt-text {'x' * 129}", "receipt_text", "x" * 70, "at most 128"),
        ("purchase 6.50 --additional-data 6=X", "--additional-data", "6=X", "INDEX 1 to 5"),
        ("purchase 6.50 --additional-data X", "--additional-data", "X", "INDEX=TEXT"),
        ("purchase 6.50 --additional-data 5=è", "content 5", "è", "printable ASCII"),
        (f"purchase 6.50 --additional-data 1={'x' * 31}", "content 1", "xxx", "at most 30"),
        ("increment 6.50 --preauthorization-code 123", "preauthorization_code", "123", "exactly 9 digits"),
        ("capture 6.50 --preauthorization-code 12345678é", "preauthorization_code", "12345678é", "exactly 9 digits"),
        ("void --stan 0", "--stan", "0", "1 to 6 digits"),
        ("void --stan 1234567", "--stan", "1234567", "1 to 6 digits"),
        ("void --stan -1", "--stan", "-1", "1 to 6 digits"),
        ("vas PAYPAL_QR", "function", "PAYPAL_QR", "BPAY, WECHAT, ALIPAY"),
        ("vas BPAY_REFUND --amount 1", "order_id", "None", "order"),
        ("vas BPAY_QR --amount 1 --parameter =x", "--parameter", "=x", "KEY=VALUE"),
    ],
)
def test_bad_input_names_place_value_and_what_is_allowed(run, run_json, emulator, line, place, value, allowed):
    result = run(*line.split(), "--address", emulator.address)
    assert result.exit_code == 2
    assert f"{place}: " in result.stderr
    assert value in result.stderr
    assert allowed in result.stderr
    exit_code, document = run_json(*line.split(), "--address", emulator.address)
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (2, "invalid_value", "no")
    assert len(emulator.terminal.ledger) == 0


@pytest.mark.parametrize("address", ["", ":8081", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x", "caffè", "1.2.3", "a b"])
def test_a_wrong_address(run, address):
    result = run("status", "--address", address)
    assert result.exit_code == 2
    assert f"--address: {address!r} is not allowed; allowed: HOST or HOST:PORT" in result.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("void", "either --stan N"),
        ("void --stan 1 --last", "either --stan N"),
        ("status", "no terminal is set up"),
        ("status -t till-1 --address 127.0.0.1", "exclude each other"),
        ("purchase 6.50 --payment-type cash", "cash"),
        ("purchase 6.50 --queue-timeout -1 --address 127.0.0.1", "-1"),
        ("increment 6.50", "--preauthorization-code"),
        ("purchase 6.50 7.50", "unexpected extra argument"),
    ],
)
def test_usage_errors(run, line, message):
    result = run(*line.split())
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_unknown_terminal_and_none_of_several(run, settings):
    result = run("status", "-t", "till-9", "--config", settings)
    assert result.exit_code == 2
    assert "no terminal is named 'till-9'; known: till-1, till-2" in result.stderr
    result = run("status", "--config", settings)
    assert result.exit_code == 2
    assert "one of till-1, till-2" in result.stderr


def test_the_only_terminal_is_meant(run_json, home, emulator):
    file = home / "x.toml"
    file.write_text(f'[terminals.only]\naddress = "127.0.0.1"\nlink = "dial"\nport = {emulator.port}\n')
    assert run_json("status", "--config", str(file))[1]["terminal"] == "only"


def test_wrong_settings_stop_every_operation(run, home):
    file = home / "x.toml"
    file.write_text('[terminals.t]\naddress = "127.0.0.1"\nport = "x"\n')
    result = run("purchase", "6.50", "--config", str(file))
    assert result.exit_code == 2
    assert "x.toml: terminals.t.port: 'x' is not allowed; allowed: whole numbers from 1 to 65535" in result.stderr


# --- hostile terminals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["90.50", "90.51"])
def test_no_control_character_of_the_terminal_reaches_the_screen(run, settings, amount):
    result = run("purchase", amount, "-t", "till-1", "--config", settings)
    assert not {character for character in result.stdout + result.stderr if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0} - {"\n"}


def test_markup_of_the_terminal_is_not_obeyed(run, emulator):
    emulator.terminal.progress = ("[bold]A[/] [/x]",)
    emulator.terminal.software_release = "[red]R[/red]"
    assert "[bold]A[/] [/x]" in run("purchase", "6.50", "--address", emulator.address).stderr
    assert "[red]R[/red]" in run("status", "--address", emulator.address).stdout


def test_noise_without_end_ends(run_json, spawn):
    script = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    line, _ = server.accept()
    try:
        while True:
            line.sendall(b"\\x02" + b"A" * 5000)
    except OSError:
        line.close()
"""
    port = int(spawn(script).stdout.readline())
    exit_code, operation = run_json("status", "--address", f"127.0.0.1:{port}")
    assert (exit_code, operation["outcome"]) == (3, "not_performed")


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="a test cannot press Ctrl-C in another console")
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_during_a_payment_says_that_it_goes_on(emulator, spawn, as_json):
    emulator.terminal.think_seconds = 3600.0
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ecrlan.cli import main; main()"
    arguments = ["purchase", "6.50", "--address", emulator.address, "--reference", "sale-7", *(["--json"] if as_json else ["-vv"])]
    emulator.taken.clear()
    process = spawn(script, *arguments)
    assert emulator.taken.wait(20)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 4
    text = json.loads(stdout)["error"]["message"] if as_json else stderr
    assert "the purchase goes on" in text
    assert "--reference sale-7" in text
    if as_json:
        assert json.loads(stdout)["error"]["sent"] == "unknown"


@pytest.mark.skipif(sys.platform == "win32", reason="a test cannot press Ctrl-C in another console")
def test_the_same_command_again_tells_what_became_of_it(run_json, emulator, home, spawn):
    file = home / "x.toml"
    terminal = (
        f'[terminals.t]\naddress = "127.0.0.1"\nlink = "dial"\nport = {emulator.port}\nstandalone_use = false\nrecovery_pause = 0.0\n'
    )
    file.write_text(f'[register]\njournal = "till.db"\n{terminal}')
    assert run_json("purchase", "5.00", "--config", str(file))[0] == 0
    emulator.terminal.faults.set("no_result")
    emulator.taken.clear()
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ecrlan.cli import main; main()"
    process = spawn(script, "purchase", "6.50", "--config", str(file), "--reference", "sale-8")
    assert emulator.taken.wait(20)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 4
    exit_code, operation = run_json("purchase", "6.50", "--config", str(file), "--reference", "sale-8")
    assert (exit_code, operation["outcome"]) == (0, "approved")
    assert operation["evidence"]
    assert emulator.terminal.ledger.charged_total() == 11_50


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind.value)
def test_a_command_takes_what_its_order_takes(order):
    taken = {parameter.name for parameter in operations.command(operations.command_name(order)).params}
    declared = {declared.name for declared in fields_of(order)}
    expected = declared | {"terminal", "address", "config", "as_json", "verbose"} | ({"yes"} if "last" in declared else set())
    if "words" in taken:  # [REF] AMOUNT
        expected = expected - {"target", "amount"} | {"words"}
    assert taken == expected


def test_a_card_is_verified_with_all_that_it_takes(run_json, emulator):
    options = ("--payment-type", "credit", "--additional-data", "1=A", "--iso-field", "47", "--cash-register-id", "00000007")
    exit_code, operation = run_json("verify-card", *options, "--address", emulator.address)
    assert (exit_code, operation["outcome"]) == (0, "approved")
    assert (emulator.terminal.additional_data[0].contents, emulator.terminal.additional_data[0].iso_field) == (((1, "A"),), "47")
