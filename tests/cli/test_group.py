import errno
import json
import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

import ecrlan
from ecrlan.cli import group
from ecrlan.cli.exits import Exit, pipe_may_close, reader_left
from ecrlan.cli.group import command_lines
from ecrlan.cli.perform import Call
from ecrlan.client import DaemonLostError
from ecrlan.model import Kind


def test_bare_ecrlan_says_what_to_do_next(run, home):
    result = run()
    assert result.exit_code == 0
    assert "ecrlan demo" in result.stdout
    assert "ecrlan.toml" in result.stdout
    file = home / "ecrlan" / "ecrlan.toml"
    if sys.platform not in ("win32", "darwin"):
        file.parent.mkdir()
        file.touch()
        assert f"{file}" in run().stdout


def test_bare_ecrlan_with_a_wrong_variable_names_it(run, monkeypatch):
    monkeypatch.setenv("ECRLAN_CONFIG", "missing.toml")
    result = run()
    assert result.exit_code == 2
    assert "ECRLAN_CONFIG: 'missing.toml'" in result.stderr


def test_help_lists_every_command(run):
    text = run("--help").stdout
    assert all(command in text for command in command_lines())


@pytest.mark.parametrize("command", command_lines())
def test_every_command_has_help(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage: ecrlan" in result.stdout
    assert "--help" in result.stdout


def test_unknown_commands_and_missing_arguments_are_usage_errors(run, run_json):
    assert run("pay").exit_code == 2
    assert "No such command 'pay'" in run("pay").stderr
    assert run("purchase").exit_code == 2
    exit_code, document = run_json("purchase")
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (2, "usage", "no")


def test_version(run):
    assert run("--version").stdout == f"ecrlan {ecrlan.__version__}\n"


def test_version_imports_nothing_heavy(spawn):
    heavy = ("click", "pydantic", "rich", "structlog", "construct", "asyncio")
    process = spawn(
        f"import sys; from ecrlan.cli import main; main(); print([name for name in {heavy} if name in sys.modules])", "--version"
    )
    assert process.communicate() == (f"ecrlan {ecrlan.__version__}\n[]\n", "")


def test_the_group_imports_nothing_heavy(spawn):
    heavy = ("pydantic", "rich", "structlog", "construct", "asyncio")
    process = spawn(f"import sys; from ecrlan.cli import cli; print([name for name in {heavy} if name in sys.modules])")
    assert process.communicate() == ("[]\n", "")


def test_the_package_has_no_other_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ecrlan.cli.nothing  # noqa: B018 - the access is the test


@pytest.mark.parametrize("json_wanted", [False, True])
def test_an_error_of_ecrlan_itself_is_70(run, monkeypatch, json_wanted):
    monkeypatch.setitem(group.COMMANDS, "layouts", ("ecrlan.cli.nowhere", ""))
    result = run("layouts", *(["--json"] if json_wanted else []))
    assert result.exit_code == 70
    if json_wanted:
        assert json.loads(result.stdout)["error"]["code"] == "internal"
    else:
        assert "please report" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["layouts"], 0),
        (["settings"], 0),
        (["--help"], 0),
        (["--version"], 0),
        (["purchase", "0", "--json"], 2),
        (["purchase", "0"], 2),
    ],
)
def test_a_reader_that_leaves_changes_no_exit_code(spawn, arguments, exit_code):
    reading, writing = os.pipe()
    os.close(reading)
    process = spawn("from ecrlan.cli import main; main()", *arguments, stdout=writing, stderr=writing)
    os.close(writing)
    assert process.wait() == exit_code


WINDOWS = """
import errno, os, sys
from ecrlan.cli import exits
exits.reader_left.__defaults__ = ("win32",)
left = {left!r}

class Unread:
    \"\"\"A pipe without a reader, as Windows shows it.\"\"\"
    def __init__(self, stream):
        self.stream = stream
    def write(self, text):
        if text:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return 0
    def flush(self):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    def __getattr__(self, name):
        return getattr(self.stream, name)

for name in left:
    setattr(sys, name, Unread(getattr(sys, name)))
import atexit
atexit.register(lambda: [setattr(sys, name, getattr(sys, name).stream) for name in left])
from ecrlan.cli import main
main()
"""


@pytest.mark.long
@pytest.mark.parametrize("left", [["stdout"], ["stderr"], ["stdout", "stderr"]])
@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["purchase", "6.50", "--reference", "a", "-vv"], 0),
        (["purchase", "6.50", "--reference", "a", "--json"], 0),
        (["purchase", "90.02", "--reference", "a"], 1),
        (["purchase", "0"], 2),
        (["void", "nothing"], 3),
        (["layouts"], 0),
    ],
)
def test_a_reader_that_leaves_on_windows_changes_no_exit_code(shop, spawn, arguments, exit_code, left):
    process = spawn(WINDOWS.format(left=left), *arguments)
    assert process.wait(30) == exit_code


def test_who_reads_the_log_may_leave_while_an_operation_runs(shop, spawn):
    reading, writing = os.pipe()
    os.close(reading)
    process = spawn("from ecrlan.cli import main; main()", "purchase", "6.50", "--reference", "a", "--json", "-vv", stderr=writing)
    os.close(writing)
    assert json.loads(process.communicate(timeout=30)[0])["outcome"] == "approved"
    assert process.returncode == 0


def test_only_a_lost_reader_is_one():
    refused = OSError(errno.EINVAL, "Invalid argument")
    assert reader_left(BrokenPipeError())
    assert reader_left(BrokenPipeError(), "win32")
    assert reader_left(refused, "win32")
    assert not reader_left(refused, "linux")
    assert not reader_left(OSError(errno.EINVAL, "Invalid argument", "till.db"), "win32")
    assert not reader_left(OSError(errno.ENOSPC, "No space left on device"), "win32")
    assert not reader_left(ValueError(), "win32")


def test_another_error_of_a_stream_is_told(monkeypatch):
    with pytest.raises(OSError, match="No space"), pipe_may_close():
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(OSError, match="No space"), pipe_may_close():
        raise BrokenPipeError


class Full:
    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_purchase_whose_reader_left_unseen_is_never_told_as_declined(run, shop, monkeypatch):
    def leave(*_arguments, **_options):
        raise BrokenPipeError

    monkeypatch.setattr("ecrlan.cli.perform.Progress.__enter__", leave)
    assert run("purchase", "6.50").exit_code == 4
    assert run("status").exit_code == 3


def test_operations_and_errors_are_told_in_the_users_language(run, run_json, shop, monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "it_IT.UTF-8")
    told = run("purchase", "6.50", "--reference", "sale-1").stdout
    assert told.startswith("approvata  pagamento 6,50 EUR")
    assert "riferimento" in told
    unknown = run("operations", "show", "sale-9")
    assert "nessuna operazione ha il riferimento 'sale-9'" in unknown.stderr
    exit_code, document = run_json("operations", "show", "sale-9")
    assert (exit_code, document["error"]["message"]) == (unknown.exit_code, "no operation has the reference 'sale-9'")
    _, status = run_json("status")
    assert status["outcome"] == "done"
    assert "operativo" in run("status").stdout


@pytest.mark.parametrize("daemon", [False, True])
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("purchase 6.5", "amount: '6.5' non è ammesso; ammesso: da 0,01 a 999999,99, sempre con due decimali: 6,50 o 6.50"),
        ("purchase 6.50 --reference a/b", "reference: 'a/b' non è ammesso; ammesso: da 1 a 64 fra A-Z a-z 0-9 . _ -"),
        ("void --reference v --stan 0", "--stan: '0' non è ammesso; ammesso: da 1 a 6 cifre, non 0"),
        ("status -t till-9", "nessun terminale si chiama 'till-9'"),
        ("operations list --from never", "--from: 'never' non è ammesso; ammesso: una data come 2026-11-23 o un'ora"),
        ("operations resolve x --as approved --by= --note seen", "by: '' non è ammesso; ammesso: da 1 a "),
        ("operations export --output .", "--output: '.' non è ammesso; ammesso: "),
        ("journal accept --by Anna --note seen --yes", "sul giornale non c'è nessun dubbio"),
        ("reset till-1 --hand-use --by Anna", "non risulta che il terminale till-1 si usi a mano: non c'è nulla da azzerare"),
        ("status --config nowhere.toml", "--config: 'nowhere.toml' non è ammesso; ammesso: il nome di un file di impostazioni che esiste"),
    ],
)
def test_refusals_are_told_in_italian(run, run_json, shop, serve, monkeypatch, command, told, daemon):
    if daemon:
        serve()
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "it_IT.UTF-8")
    run("purchase", "1.00")
    result = run(*command.split())
    assert f"Error: {told}" in result.stderr
    exit_code, document = run_json(*command.split())
    assert exit_code == result.exit_code
    assert told not in document["error"]["message"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("[terminals.till-1]\naddress = '10.0.0.1'\nadress = 7\n", "solo nomi noti, forse address ("),
        ("[terminals.till-1]\n", 'un indirizzo IP, o con link = "dial" un nome host; non c\'è un valore predefinito'),
        ("[register]\nlisten = 7\n", 'HOST:PORTA, PORTA da 1 a 65535, o "" per non attendere mai collegamenti'),
        ("[daemon]\nstop_timeout = -1\n", "secondi da 0 a 3600"),
        ("terminals = 7\n", "una tabella"),
        ("[register\n", "TOML, ma: "),
    ],
)
def test_settings_are_refused_in_italian(run, home, monkeypatch, settings, told):
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")
    (home / "odd.toml").write_text(settings, encoding="utf-8")
    assert f" non è ammesso; ammesso: {told}" in run("status", "--config", "odd.toml").stderr


def test_a_command_that_needs_a_daemon_says_so_in_italian(run, shop, monkeypatch):
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")
    told = run("events").stderr
    assert told.startswith("Error: per il giornale ")
    assert "non c'è nessun daemon in funzione: non c'è nulla da seguire" in told


def test_who_stops_a_command_reads_in_italian_what_that_did_not_end(monkeypatch, capsys):
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")
    call = Call(kind=Kind.PURCHASE, terminal=None, address=None, config=None, reference=None, as_json=False, verbose=0)
    assert call._interrupted("sale-1", sent=True) is Exit.UNRESOLVED
    told = capsys.readouterr().err
    assert "interrotto, ma l'operazione (pagamento) continua: solo il tasto rosso sul terminale può fermarla" in told
    assert "ecrlan operations show sale-1" in told
    assert call._interrupted("sale-1", sent=False) is Exit.NOT_PERFORMED
    assert "interrotto prima di inviare qualcosa; non eseguita" in capsys.readouterr().err
    lost = DaemonLostError(("daemon_lost", {"daemon": "daemon", "problem": "gone"}), "unknown")
    assert call._doubtful(lost, "sale-1") is Exit.UNRESOLVED
    told = capsys.readouterr().err
    assert "il collegamento con daemon è caduto prima della risposta: gone. L'operazione (pagamento) può essere stata inviata" in told
    assert replace(call, as_json=True)._interrupted("sale-1", sent=False) is Exit.NOT_PERFORMED
    assert "interrupted before anything was sent; not performed" in capsys.readouterr().out  # for programs


def test_a_void_of_the_last_payment_is_asked_about_in_italian(run, shop, monkeypatch):
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")
    run("purchase", "6.50", "--reference", "sale-1")
    monkeypatch.setattr("ecrlan.cli.perform.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    result = run("void", "--last")
    assert "Così si storna l'ultimo pagamento del terminale till-1, quale che sia, anche se fatto a mano." in result.stderr
    assert "Per quanto ne sa il giornale è: pagamento 6,50 EUR, " in result.stderr
    assert "riferimento sale-1" in result.stderr
    assert "Stornarlo?" in result.stderr


def test_a_capture_above_what_was_authorized_is_warned_of_in_italian(run, shop, monkeypatch):
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")
    run("preauthorize", "200.00", "--reference", "room-12")
    told = run("capture", "room-12", "250.01").stderr
    assert "Attenzione: 250,01 EUR superano i 200,00 EUR autorizzati dall'operazione room-12" in told
