import csv
import functools
import io
import json
import re
import shutil
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ecrlan.journal import Event, Journal, NewOperation
from ecrlan.model import Kind
from ecrlan.protocol.exchange import Timing
from ecrlan.texts.language import choose_language

SCRIPT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ecrlan.cli import main; main()"
NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
EVIDENCE = "the register stopped before an answer came"


@pytest.fixture(autouse=True)
def english(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture
def write_settings(home, monkeypatch):
    """Write a settings file with till-1 at a port, and have it found."""

    def write_settings(port, more=""):
        file = home / "shop.toml"
        file.write_text(
            f'[register]\njournal = "till.db"\n[terminals.till-1]\naddress = "127.0.0.1"\nport = {port}\nlink = "dial"\n'
            f"recovery_pause = 0.1\n{more}"
        )
        monkeypatch.setenv("ECRLAN_CONFIG", str(file))
        return file

    return write_settings


@pytest.fixture
def settings(write_settings, emulator):
    return write_settings(emulator.port)


@pytest.fixture
def journal(write_settings, home):
    """A journal with one operation of each outcome, an hour between them, and the settings that name it."""
    write_settings(1)
    rows = []
    for hours, (reference, kind, amount, outcome, more) in enumerate(
        [
            ("sale-1", Kind.PURCHASE, 6_50, "approved", {}),
            ("sale-2", Kind.PURCHASE, 7_50, "declined", {"reason": "[bold]NEGATA[/]\x1b[2J"}),
            ("void-1", Kind.VOID, None, "not_performed", {"reason": "refused 3 times (NAK)"}),
            ("sale-3", Kind.PURCHASE, 8_50, "unresolved", {"evidence": EVIDENCE}),
            ("night", Kind.CLOSE_SESSION, None, "done", {}),
            ("sale-4", Kind.PURCHASE, 9_50, None, {}),
        ]
    ):
        time = NOON + timedelta(hours=hours)
        terminal = "till-2" if reference == "void-1" else "till-1"
        rows.append(NewOperation(reference=reference, kind=kind, terminal=terminal, amount=amount, parameters={"a": 1}, created_time=time))
        rows.append(Event(name="progress", time=time, reference=reference, terminal=terminal, data={"text": "[x]A\x07"}))
        if outcome is not None:
            rows.append(
                Event(name="finished", time=time, reference=reference, terminal=terminal, data={"outcome": outcome, "reason": None} | more)
            )
    with Journal(home / "till.db") as made:
        made.write(rows).result()
    return home / "till.db"


def references(stdout):
    return [operation["reference"] for operation in json.loads(stdout)]


# --- the list ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", "sale-4 night sale-3 void-1 sale-2 sale-1"),
        ("--limit 2", "sale-4 night"),
        ("--outcome approved", "sale-1"),
        ("--outcome not-performed", "void-1"),
        ("--outcome not_performed", "void-1"),
        ("--outcome open", "sale-4 sale-3"),
        ("--terminal till-2", "void-1"),
        ("--terminal till-9", ""),
        ("--kind close-session", "night"),
        ("--kind purchase --outcome declined", "sale-2"),
        ("--from 2026-11-23 --to 2026-11-23", "sale-4 night sale-3 void-1 sale-2 sale-1"),
        ("--from 2026-11-24", ""),
        ("--to 2026-11-22", ""),
        ("--from 2026-11-23T15:00 --to 2026-11-23T17:00", "night sale-3"),  # Europe/Rome: an hour ahead of UTC
        ("--from 2026-11-23T15:00Z --to 2026-11-23T16:00:00+00:00", "night"),
    ],
)
def test_filters(run, journal, line, found):
    result = run("operations", "list", "--json", *line.split())
    assert result.exit_code == 0
    assert references(result.stdout) == found.split()


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-23T25:00", "0001-01-01T00:00", "9999-12-31T23:59-12:00"])
def test_a_wrong_time(run, run_json, journal, option, text):
    result = run("operations", "list", option, text)
    assert result.exit_code == 2
    assert f"{option}: {text!r} is not allowed; allowed: a date such as 2026-11-23" in result.stderr


@pytest.mark.parametrize("line", ["--outcome paid", "--kind sale", "--limit 0", "--lang fr"])
def test_wrong_words(run, journal, line):
    assert run("operations", "list", *line.split()).exit_code == 2


def test_the_list_for_people(run, journal):
    result = run("operations")
    assert result.exit_code == 0
    heading, *lines = (line.split() for line in result.stdout.splitlines())
    assert heading == ["time", "outcome", "amount", "operation", "terminal", "reference"]
    assert [line[-1] for line in lines] == ["sale-4", "night", "sale-3", "void-1", "sale-2", "sale-1"]
    assert lines[-1] == ["23/11/2026", "12:00", "approved", "6.50", "purchase", "till-1", "sale-1"]
    italian = run("operations", "list", "--lang", "it", "--limit", "4")
    assert "23/11/2026 15:00  esito incerto" in italian.stdout
    assert "8,50" in italian.stdout
    assert "solo le 4 più recenti" in italian.stderr
    assert run("operations", "list", "--terminal", "till-9").stdout == "no operation fits\n"


def test_a_list_as_json_has_the_shape_of_the_product_page(run, journal):
    operation = json.loads(run("operations", "list", "--json", "--outcome", "declined").stdout)[0]
    assert list(operation)[:7] == ["reference", "kind", "terminal", "amount", "state", "outcome", "reason"]
    assert operation["finished_time"] == (NOON + timedelta(hours=1)).isoformat()


# --- what is not there ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["list", "show sale-1", "resolve sale-1 --as approved --by A --note B", "export"])
def test_a_missing_journal_is_3_and_is_not_made(run, write_settings, home, line):
    write_settings(1)
    result = run("operations", *line.split())
    assert result.exit_code == 3
    assert f"there is no journal at {home / 'till.db'}" in result.stderr
    assert not (home / "till.db").exists()


@pytest.mark.parametrize("line", ["show nothing", "resolve nothing --as approved --by A --note B"])
def test_an_unknown_reference_is_3(run_json, journal, line):
    exit_code, document = run_json("operations", *line.split())
    assert (exit_code, document["error"]["code"], document["error"]["sent"]) == (3, "unknown_reference", "no")


def test_what_retention_removed_says_so(run, journal):
    with Journal(journal) as owned:
        assert owned.prune(NOON + timedelta(minutes=1)) == 1
    result = run("operations", "show", "sale-1")
    assert result.exit_code == 3
    assert "retention has removed it; what is kept: purchase 6.50 EUR on terminal till-1, 23/11/2026 12:00:00, approved" in result.stderr


# --- show -------------------------------------------------------------------------------------------------------------------------


def unwrapped(text):
    return " ".join(text.split())


def test_an_approved_purchase_step_by_step(run, emulator, settings):
    emulator.terminal.progress = ("INSERIRE CARTA",)
    for reference in ("sale-1", "sale-2"):
        run("purchase", "6.50", "--reference", reference)
    result = run("operations", "show", "sale-2")
    assert result.exit_code == 0
    text = unwrapped(result.stdout)
    assert text.startswith("approved purchase 6.50 EUR card …4242")
    told = [
        "asked for: purchase 6.50 EUR",
        "sent to the terminal (request X); the terminal's last result until then: STAN 000001",
        "the terminal has taken it (ACK)",
        "the terminal shows: INSERIRE CARTA",
        "the terminal answered, STAN 000002",
        "outcome: approved",
    ]
    places = [text.index(step) for step in told]
    assert places == sorted(places)
    assert "resolve" not in text
    italian = unwrapped(run("operations", "show", "sale-2", "--lang", "it").stdout)
    assert italian.startswith("approvata pagamento 6,50 EUR")
    assert "il terminale l'ha presa in carico (ACK)" in italian


def test_an_unresolved_one_says_what_to_look_at_and_what_the_answers_mean(run, run_json, emulator, settings):
    run("purchase", "6.50")
    assert run("purchase", "90.10", "--reference", "odd").exit_code == 4
    result = run("operations", "show", "odd", "--config", str(settings))
    assert result.exit_code == 0
    text = unwrapped(result.stdout)
    assert "is there a purchase 90.10 EUR at about" in text
    assert "named 000002" in text
    assert "(TID 37105051)" in text
    assert f"ecrlan totals -t till-1 --config {settings}" in text
    assert "--recover" not in text  # its own answer is here: asking again proves nothing
    for answer in ("approved", "not-performed"):
        assert f"ecrlan operations resolve odd --as {answer} --by NAME --note TEXT --config {settings}" in result.stdout
    italian = unwrapped(run("operations", "show", "odd", "--lang", "it").stdout)
    assert "c'è un'operazione «pagamento 90,10 EUR»" in italian
    assert "esito 42: né approvata né rifiutata" in italian
    assert "Che cosa significa ogni risposta" in italian
    exit_code, document = run_json("operations", "show", "odd", "--lang", "it")
    assert (exit_code, document["outcome"], document["state"]) == (0, "unresolved", "finished")
    assert list(document["advice"]["answers"]) == ["approved", "not-performed"]
    assert len(document["advice"]["look_at"]) >= 6
    assert [event["name"] for event in document["events"]][-1] == "finished"


def test_what_recovery_gave_up_tells_which_stan_to_look_for_and_can_be_settled(run, run_json, emulator, settings, spawn, monkeypatch):
    monkeypatch.setattr("ecrlan.protocol.settling.MORE_QUESTIONS", 0)
    monkeypatch.setattr("ecrlan.protocol.options.Timing", functools.partial(Timing, nak_pause=0.05))  # the busy terminal NAKs
    run("purchase", "5.00")
    emulator.terminal.think_seconds = 3600.0
    emulator.taken.clear()
    process = spawn("from ecrlan.cli import main; main()", "purchase", "6.50", "--reference", "sale-7")
    assert emulator.taken.wait(20)
    process.kill()
    process.communicate()
    settings.write_text(settings.read_text() + "longest_payment_time = 0.1\n")
    text = unwrapped(run("operations", "show", "sale-7").stdout)
    assert text.startswith("unresolved purchase 6.50 EUR")
    assert "the last one before was 000001, so that of this operation would be 000002" in text
    assert "ecrlan operations show sale-7 --recover" in text
    exit_code, operation = run_json("operations", "resolve", "sale-7", "--as", "not-performed", "--by", "Anna", "--note", "red key")
    assert (exit_code, operation["outcome"]) == (0, "not_performed")


@pytest.mark.parametrize("reference", ["sale-2", "sale-3", "sale-4", "night", "void-1"])
@pytest.mark.parametrize("language", ["en", "it"])
def test_texts_of_the_terminal_are_cleaned_and_never_markup(run, journal, reference, language):
    result = run("operations", "show", reference, "--lang", language, "--wait", "0")
    assert result.exit_code == 0
    assert "[x]A" in result.stdout
    assert not {character for character in result.stdout if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0} - {"\n"}
    if reference == "sale-2":
        assert "[bold]NEGATA[/]" in result.stdout


def test_each_kind_has_its_own_advice_in_full(run_json, journal):
    rows = []
    for kind in (Kind.VOID, Kind.PREAUTHORIZE, Kind.INCREMENT, Kind.CAPTURE, Kind.CLOSE_SESSION, Kind.VAS):
        made = {"reference": f"x-{kind.value}", "terminal": "till-1"}
        rows.append(NewOperation(**made, kind=kind, amount=None, parameters={}, created_time=NOON))
        rows.append(Event(**made, name="finished", time=NOON, data={"outcome": "unresolved", "evidence": EVIDENCE}))
    with Journal(journal) as owned:
        owned.write(rows).result()
    answers = set()
    for kind in ("void", "preauthorize", "increment", "capture", "close_session", "vas"):
        for language in ("en", "it"):
            told = run_json("operations", "show", f"x-{kind}", "--lang", language)[1]["advice"]
            assert all(len(text) <= 256 for text in [*told["look_at"], *told["answers"].values()])  # more would be cut on the screen
            answers.add(told["answers"]["approved"])
    assert len(answers) == 10  # capture and vas share those of a payment


# --- what is not known yet --------------------------------------------------------------------------------------------------------


def test_an_open_operation_is_not_asked_for_without_waiting(run, run_json, journal):
    result = run("operations", "show", "sale-4", "--wait", "0")
    assert result.exit_code == 0
    text = unwrapped(result.stdout)
    assert "Its outcome is not known yet" in text
    assert "Nobody asked the terminal just now" in text
    assert "ecrlan operations show sale-4 --wait 30" in text
    assert "non è ancora noto" in run("operations", "show", "sale-4", "--wait", "0", "--lang", "it").stdout
    document = run_json("operations", "show", "sale-4", "--wait", "0")[1]
    assert (document["outcome"], document["evidence"]) == (None, None)
    assert "recovery" not in document


def test_an_open_operation_names_who_owns_the_journal(run, run_json, journal, monkeypatch):
    monkeypatch.setattr("ecrlan.cli.desk.OWNER_WAIT", 0.05)
    with Journal(journal):
        result = run("operations", "show", "sale-4")
        document = run_json("operations", "show", "sale-4")[1]
    assert result.exit_code == 0
    assert "recovery runs there: the journal" in unwrapped(result.stdout)
    assert re.search(r"is owned by process \d+ on", unwrapped(result.stdout))
    assert document["recovery"]["ran"] is False
    assert "is owned by process" in document["recovery"]["problem"]


def test_an_open_operation_of_a_terminal_nobody_knows_asks_for_its_address(run, journal):
    with Journal(journal) as owned:
        owned.write(
            [NewOperation(reference="far", kind=Kind.PURCHASE, terminal="10-0-0-9-8081", amount=1, parameters={}, created_time=NOON)]
        ).result()
    text = unwrapped(run("operations", "show", "far").stdout)
    assert "the settings do not name 10-0-0-9-8081" in text
    assert "ecrlan operations show far --address HOST:PORT" in text


def test_a_terminal_that_does_not_answer_leaves_it_open(run, home, emulator, settings, spawn):
    run("purchase", "5.00")
    emulator.terminal.think_seconds = 3600.0
    emulator.taken.clear()
    process = spawn("from ecrlan.cli import main; main()", "purchase", "6.50", "--reference", "sale-7")
    assert emulator.taken.wait(20)
    process.kill()
    process.communicate()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        settings.write_text(re.sub(r"port = \d+", f"port = {taken.getsockname()[1]}", settings.read_text()))
        result = run("operations", "show", "sale-7", "--wait", "0.5")
    assert result.exit_code == 0
    text = unwrapped(result.stdout)
    assert "found no proof so far" in text
    assert "gives up after 300 s" in text
    assert "ecrlan operations show sale-7 --wait 330" in text
    assert "Asking terminal till-1" in unwrapped(result.stderr)
    refused = run("operations", "resolve", "sale-7", "--as", "approved", "--by", "Anna", "--note", "x")
    assert refused.exit_code == 3
    assert "may still be proved" in refused.stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="a test cannot press Ctrl-C in another console")
def test_a_payment_interrupted_by_ctrl_c_is_told_truly_afterwards(run, run_json, spawn, write_settings):
    emulated = spawn("from ecrlan.cli import main; main()", "emulate", "--listen", "127.0.0.1:0", "--think", "1")
    port = int(re.search(r":(\d+);", emulated.stdout.readline())[1])
    write_settings(port, "standalone_use = true\n")
    assert run("purchase", "5.00").exit_code == 0  # a last result from before, which the next one differs from
    till = spawn(SCRIPT, "purchase", "6.50", "--reference", "sale-8")
    while "the terminal has taken it" not in (line := till.stderr.readline()):
        assert line
    till.send_signal(signal.SIGINT)
    assert "goes on" in till.communicate(timeout=30)[1]
    assert till.returncode == 4
    before = run_json("operations", "show", "sale-8", "--wait", "0")[1]
    assert before["outcome"] is None  # nobody knows yet, and nobody says anything else
    result = run("operations", "show", "sale-8")
    assert result.exit_code == 0
    assert result.stdout.startswith("approved  purchase 6.50 EUR")
    assert "the terminal's last result changed from STAN 000001 to STAN 000002, amount 6.50 EUR as asked" in unwrapped(result.stdout)
    assert "its answer was found afterwards, STAN 000002" in unwrapped(result.stdout)
    italian = unwrapped(run("operations", "show", "sale-8", "--lang", "it").stdout)
    assert "l'ultimo esito del terminale è cambiato da STAN 000001 a STAN 000002, importo 6,50 EUR come richiesto" in italian
    emulated.send_signal(signal.SIGTERM)
    ledger = emulated.communicate(timeout=30)[0].rpartition("ledger")[2]
    assert re.search(r"in all\s+11\.50", ledger)


def test_an_unresolved_one_is_asked_for_again_with_recover(run, run_json, emulator, settings, journal, monkeypatch):
    monkeypatch.setattr("ecrlan.cli.desk.OWNER_WAIT", 0.05)
    with Journal(journal):
        finding = run_json("operations", "show", "sale-3", "--recover")[1]["recovery"]
        text = unwrapped(run("operations", "show", "sale-3", "--recover").stdout)
    assert finding["ran"] is False
    assert "is owned by process" in text
    assert run_json("operations", "show", "sale-3", "--recover")[1]["recovery"] == {"ran": True, "problem": None}
    assert "recovery" not in run_json("operations", "show", "sale-3")[1]


# --- resolve ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "outcome"), [("approved", "approved"), ("not-performed", "not_performed")])
def test_a_person_settles_it_and_it_stays_in_the_journal(run, run_json, emulator, settings, answer, outcome):
    run("purchase", "90.10", "--reference", "odd")
    assert run("purchase", "1.00").exit_code == 3
    exit_code, operation = run_json("operations", "resolve", "odd", "--as", answer, "--by", "Anna [b]", "--note", "seen on till 1")
    assert (exit_code, operation["outcome"]) == (0, outcome)
    assert operation["resolution"]["by"] == "Anna [b]"
    text = unwrapped(run("operations", "show", "odd").stdout)
    assert "outcome: unresolved: the terminal answered with result 42" in text
    assert f"settled by hand, Anna [b]: {answer.replace('-', ' ')}; seen on till 1" in text
    assert run("purchase", "1.00").exit_code == 0
    again = run("operations", "resolve", "odd", "--as", answer, "--by", "Anna", "--note", "x")
    assert again.exit_code == 3
    assert "odd is not unresolved: its outcome is" in again.stderr


@pytest.mark.parametrize(("language", "text"), [("en", "sale-3 counts as approved, says Anna"), ("it", "sale-3 vale come approvata")])
def test_a_resolution_is_confirmed_in_words(run, journal, language, text):
    result = run("operations", "resolve", "sale-3", "--as", "approved", "--by", "Anna\x1b", "--note", "seen", "--lang", language)
    assert result.exit_code == 0
    assert text in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sale-3 --as declined --by A --note B", "declined"),
        ("sale-3 --as approved --by A", "--note"),
        ("sale-3 --as approved --note B", "--by"),
        ("sale-3 --by A --note B", "--as"),
        (f"sale-3 --as approved --by A --note {'x' * 201}", "1 to 200 characters"),
    ],
)
def test_a_resolution_needs_all_of_it(run, run_json, journal, line, message):
    result = run("operations", "resolve", *line.split())
    assert result.exit_code == 2
    assert message in result.stderr
    assert run_json("operations", "show", "sale-3")[1]["outcome"] == "unresolved"


@pytest.mark.parametrize("reference", ["sale-1", "sale-2", "void-1", "night"])
def test_a_known_outcome_is_never_settled_by_hand(run_json, journal, reference):
    exit_code, document = run_json("operations", "resolve", reference, "--as", "approved", "--by", "A", "--note", "B")
    assert (exit_code, document["error"]["code"]) == (3, "refused")


# --- export -----------------------------------------------------------------------------------------------------------------------


def test_export_as_json_lines(run, journal):
    lines = [json.loads(line) for line in run("operations", "export", "--kind", "purchase").stdout.splitlines()]
    assert [line["reference"] for line in lines] == ["sale-1", "sale-2", "sale-3", "sale-4"]
    assert lines[0]["outcome"] == "approved"
    assert lines[0]["parameters"] == {"a": 1}
    assert [event["name"] for event in lines[0]["events"]] == ["progress", "finished"]


def test_export_as_csv_to_a_new_file(run, journal, home):
    result = run("operations", "export", "--format", "csv", "--outcome", "open", "--output", "open.csv")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "2 operations written to open.csv\n")
    content = (home / "open.csv").read_bytes().decode()
    assert [row["reference"] for row in csv.DictReader(io.StringIO(content, newline=""))] == ["sale-3", "sale-4"]
    assert content.count("\r\n") == 3
    for wrong in ("open.csv", "missing/open.csv"):
        refused = run("operations", "export", "--output", wrong)
        assert refused.exit_code == 2
        assert f"--output: '{wrong}' is not allowed" in refused.stderr
    assert (home / "open.csv").read_bytes().decode() == content


def test_readers_need_no_ownership(run, journal):
    with Journal(journal):
        assert run("operations", "list").exit_code == 0
        assert run("operations", "show", "sale-1").exit_code == 0
        assert run("operations", "export").exit_code == 0


# --- a journal that lies somewhere, or lacks something ------------------------------------------------------------------------------


LINES = ["list", "show sale-1", "export", "export --format csv"]


@pytest.fixture
def cut(journal, tmp_path):
    """A copy of the journal without its second file and its log."""
    folder = tmp_path / "copies"
    folder.mkdir()
    return shutil.copy(journal, folder / "copy.db")


@pytest.mark.parametrize("line", LINES)
def test_a_journal_that_may_lack_something_is_told(run, cut, line):
    result = run("operations", *line.split(), "--journal", str(cut))
    assert result.exit_code == 3
    assert "Warning, something may be missing here: the file copy.db.epoch beside the journal is missing" in result.stderr
    assert "sale-1" in result.stdout
    italian = run("operations", *line.split(), "--journal", str(cut), "--incomplete", "--lang", "it")
    assert italian.exit_code == 0
    assert "Attenzione, qui può mancare qualcosa: il file copy.db.epoch accanto al giornale manca" in italian.stderr


@pytest.mark.parametrize("line", LINES)
def test_a_backup_is_whole(run, journal, tmp_path, line):
    with Journal.reader(journal) as reader:
        copy = reader.backup(tmp_path / "backup.db")
    result = run("operations", *line.split(), "--journal", str(copy))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == run("operations", *line.split()).stdout
    assert "sale-1" in result.stdout


def test_the_settings_own_journal_is_told_too(run, journal, home):
    (home / "till.db.epoch").unlink()
    result = run("operations", "list")
    assert result.exit_code == 3
    assert "sale-1" in result.stdout
    output = home / "out.csv"
    result = run("operations", "export", "--output", str(output), "--format", "csv")
    assert result.exit_code == 3
    assert "6 operations written" in result.stderr
    assert run("operations", "list", "--incomplete").exit_code == 0


def test_an_operation_that_an_incomplete_journal_does_not_know_may_be_missing(run, cut):
    result = run("operations", "show", "sale-9", "--journal", str(cut), "--incomplete")
    assert result.exit_code == 3
    assert "something may be missing" in result.stderr


@pytest.mark.parametrize("reference", ["sale-3", "sale-4"])
def test_no_terminal_is_asked_about_another_journal(run, run_json, journal, tmp_path, reference):
    with Journal.reader(journal) as reader:
        copy = reader.backup(tmp_path / "backup.db")
    result = run("operations", "show", reference, "--recover", "--journal", str(copy))
    assert result.exit_code == 0
    assert "ecrlan operations" not in result.stdout + result.stderr
    _, document = run_json("operations", "show", reference, "--journal", str(copy))
    assert "advice" not in document
    assert "recovery" not in document


def test_no_terminal_is_asked_where_the_journal_may_lack_something(run_json, journal, home):
    (home / "till.db.epoch").unlink()
    exit_code, document = run_json("operations", "show", "sale-4")
    assert exit_code == 3
    assert "recovery" not in document


# --- the texts --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "it_IT.UTF-8"}, "it"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "it_IT.UTF-8", "LC_MESSAGES": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "de_DE", "LC_ALL": "it_CH"}, "it"),
        ({"LC_ALL": "", "LANG": "it"}, "it"),
        ({"LANG": "ita"}, "en"),
    ],
)
def test_the_locale_chooses_the_language(variables, language):
    assert choose_language(variables) == language


def test_the_locale_is_that_of_the_user(run, journal, monkeypatch):
    monkeypatch.setenv("LANG", "it_IT.UTF-8")
    assert "riferimento" in run("operations", "list").stdout


def test_card_numbers_are_not_kept(run, run_json, shop, home):
    refused = run("purchase", "6.50", "--reference", "4111111111111111")
    assert (refused.exit_code, "--reference: 'a card number' is not allowed" in refused.stderr) == (2, True)
    assert run("purchase", "90.10", "--reference", "odd").exit_code == 4
    settled = run_json(
        "operations", "resolve", "odd", "--as", "not-performed", "--by", "Anna 4111111111111111", "--note", "4012888888881881"
    )
    assert settled[1]["resolution"]["by"] == "Anna 0000000000001111"
    assert not [file for file in home.rglob("*") if file.is_file() and re.search(b"4111111111111111|4012888888881881", file.read_bytes())]


@pytest.fixture
def write(home, monkeypatch):
    """Write settings with one terminal, and have them found."""

    def write(name, port):
        file = home / "shop.toml"
        terminal = f'[terminals.{name}]\naddress = "127.0.0.1"\nport = {port}\nlink = "dial"\nrecovery_pause = 0.1\n'
        file.write_text(f'[register]\njournal = "till.db"\nlisten = ""\n[daemon]\nhttp = "127.0.0.1:1"\n{terminal}')
        monkeypatch.setenv("ECRLAN_CONFIG", str(file))

    return write


@pytest.fixture
def lost(write, run, emulator, free_port):
    """An unresolved purchase `odd` whose terminal is not in the settings any more."""
    write("till-1", emulator.port)
    emulator.terminal.faults.set("odd_result")
    assert run("purchase", "6.50", "--reference", "odd").exit_code == 4
    write("till-2", free_port)


@pytest.mark.parametrize("line", ["purchase 1.00", "verify-card", "reprint", "serve --http 127.0.0.1:0"])
def test_nothing_starts_while_an_open_operation_has_no_terminal(run, lost, line):
    result = run(*line.split())
    assert result.exit_code == 2
    assert "belong to no terminal of the settings: odd (terminal till-1)" in result.stderr
    assert "ecrlan operations attach REFERENCE -t TERMINAL --by NAME" in result.stderr


def test_what_only_looks_is_not_refused(run, lost):
    assert "no line to 127.0.0.1" in run("totals").stdout


def test_an_operation_is_attached_and_blocks_its_new_terminal(run, run_json, lost, write, another_emulator):
    write("till-2", another_emulator.port)
    exit_code, operation = run_json("operations", "attach", "odd", "-t", "till-2", "--by", "Anna 4111111111111111")
    assert (exit_code, operation["reference"], operation["outcome"]) == (0, "odd", "unresolved")
    attached = run_json("operations", "show", "odd")[1]["events"][-1]
    assert (attached["name"], attached["data"]) == ("attached", {"terminal": "till-2", "by": "Anna 0000000000001111"})
    exit_code, document = run_json("purchase", "1.00")
    assert (exit_code, document["error"]["code"]) == (3, "terminal_blocked")
    assert len(another_emulator.terminal.ledger) == 0


@pytest.mark.parametrize(
    ("language", "words"), [("en", "odd belongs to terminal till-2"), ("it", "odd appartiene da ora al terminale till-2")]
)
def test_it_is_said_in_both_languages(run, lost, language, words):
    assert words in run("operations", "attach", "odd", "-t", "till-2", "--by", "Anna", "--lang", language).stdout
    told = run("operations", "show", "odd", "--lang", language, "--wait", "0").stdout
    assert {"en": "given to terminal till-2 by Anna", "it": "assegnata al terminale till-2 da Anna"}[language] in told
    assert "ecrlan totals -t till-2" in told


@pytest.mark.parametrize(
    ("line", "exit_code", "words"),
    [
        ("odd -t till-9 --by Anna", 2, "no terminal is named 'till-9'"),
        ("none -t till-2 --by Anna", 3, "no operation has the reference"),
        ("odd -t till-2 --by _", 2, "by: ' ' is not allowed"),
        ("odd -t till-2", 2, "--by"),
    ],
)
def test_what_cannot_be_attached(run, lost, line, exit_code, words):
    result = run("operations", "attach", *(word.replace("_", " ") for word in line.split()))
    assert result.exit_code == exit_code
    assert words in result.stderr


def test_a_known_outcome_is_not_attached(run, write, emulator):
    write("till-1", emulator.port)
    run("purchase", "6.50", "--reference", "sale-1")
    result = run("operations", "attach", "sale-1", "-t", "till-1", "--by", "Anna")
    assert result.exit_code == 3
    assert "operation sale-1 is approved: it blocks no terminal" in result.stderr
