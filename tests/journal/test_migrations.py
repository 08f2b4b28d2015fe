import hashlib
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from ecrlan.journal.migrations import APPLICATION_ID, MIGRATIONS, VERSION, file_version, migrate
from ecrlan.model import Code, Unresolved, verbatim
from ecrlan.operation_json import operation_as_json
from ecrlan.protocol.records import operation_of_entry
from ecrlan.story import steps
from tests.journal.samples import event, operation, purchase

UNSETTLED = ["old-queued", "old-sending", "old-unresolved"]


def written_by(version, path):
    """Make the journal that an earlier version wrote."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript((Path(__file__).parent / f"version_{version}.sql").read_text(encoding="utf-8"))
    return path


@pytest.fixture
def old(path):
    return written_by(1, path)


@pytest.fixture
def recent(path):
    return written_by(3, path)


def schema(connection):
    return list(connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name"))


def test_an_older_journal_opens_with_all_it_held(old):
    with Journal(old, owner_wait=0) as journal:
        assert file_version(journal._writing) == VERSION
        outcomes = {entry.reference: (entry.state, entry.outcome) for entry in journal.entries()}
        assert outcomes == {
            "old-approved": ("finished", "approved"),
            "old-declined": ("finished", "declined"),
            "old-queued": ("queued", None),
            "old-sending": ("sending", None),
            "old-unresolved": ("finished", "unresolved"),
            "old-resolved": ("finished", "approved"),
        }
        assert [entry.reference for entry in journal.unsettled("till-1")] == UNSETTLED
        assert journal.stans("till-1") == {"000042", "000043"}
        assert journal.latest("till-1", "baseline").data == {"stan": "000041"}
        journal.write([event("old-sending", "finished", outcome="approved")]).result()
        journal.write(purchase("new")).result()
        assert [entry.reference for entry in journal.unsettled()] == ["old-queued", "old-unresolved"]


@pytest.mark.parametrize("version", [1, 3])
def test_a_migrated_schema_is_that_of_a_new_journal(version, path, tmp_path):
    with Journal(written_by(version, path)) as journal, Journal(tmp_path / "new.db") as new:
        assert schema(journal._writing) == schema(new._writing)


TID = "12345678"


def check_what_version_3_held(journal):
    assert {entry.reference: (entry.state, entry.outcome) for entry in journal.entries()} == {
        "approved": ("finished", "approved"),
        "declined": ("finished", "declined"),
        "unresolved": ("finished", "unresolved"),
        "recovering": ("recovering", None),
        "resolved": ("finished", "approved"),
        "opened": ("finished", "approved"),
        "captured": ("finished", "approved"),
        "nameless": ("finished", "approved"),
        "totals": ("finished", "done"),
        "damaged": ("accepted", None),
    }
    assert [entry.reference for entry in journal.unsettled()] == ["unresolved", "recovering", "damaged"]
    assert {(entry.terminal_id, entry.address) for entry in journal.entries()} == {("", "")}
    assert journal.known("pruned").outcome == "approved"
    assert [(one.reference, one.outcome, one.told) for one in journal.pending_callbacks()] == [("damaged", None, None)]
    assert journal.latest("till-1", "pinned").data == {"terminal_id": TID}
    known = journal.results(TID)
    refused = hashlib.sha256(bytes.fromhex(journal.find("declined").events[2].data["message"])).hexdigest()[:32]
    assert known.answered == {"000041|123456|3271844|1234", refused, "000044|123456|3271844|1234", "000045|123456|3271844|1234"}
    assert known.strays == {"000043|654321|3271844|1234"}
    assert known.stans == {"000041", "000042", "000044", "000045"}
    assert known.last_stan == "000045"
    assert known.last_message == journal.find("captured").events[2].data["message"]
    assert journal.facts(TID) == {}
    assert [entry.reference for entry in journal.of_preauthorization("000000123")] == ["opened", "captured"]


def test_the_results_of_version_3_are_known_for_ever(recent):
    with Journal(recent, owner_wait=0) as journal:
        check_what_version_3_held(journal)
        journal.prune(datetime(2030, 1, 1, tzinfo=UTC))
        assert journal.results(TID).stans == {"000041", "000042", "000044", "000045"}
        answered = event("recovering", "answered", stan="000046", identity=TID, seen="new", message="45")
        journal.write([answered, event(None, "pinned", identity=TID)]).result()
        assert journal.results(TID).last_stan == "000046"
        assert list(journal.facts(TID)) == ["pinned"]


def test_a_result_that_named_nobody_may_be_that_of_any_terminal_known_by_its_address(recent):
    with Journal(recent, owner_wait=0) as journal:
        assert journal.results("10.0.0.5:8081").stans == {"000005"}
        assert "000005" not in journal.results("87654321").stans


def test_a_reader_reads_version_3_as_its_owner_would(recent):
    before = recent.read_bytes()
    with Journal.reader(recent) as reader:
        check_what_version_3_held(reader)
    assert recent.read_bytes() == before


def test_a_migration_of_results_that_was_cut_short_goes_on(recent, monkeypatch):
    def fail(_):
        raise sqlite3.OperationalError("disk I/O error")

    place = next(number for number, step in enumerate(MIGRATIONS[3]) if callable(step)) + 1
    with monkeypatch.context() as patch:
        cut = (*MIGRATIONS[3][:place], fail)
        patch.setattr("ecrlan.journal.migrations.MIGRATIONS", (*MIGRATIONS[:3], cut))
        with pytest.raises(JournalError, match="disk I/O error"):
            Journal(recent, owner_wait=0)
    with closing(sqlite3.connect(recent)) as connection:
        assert file_version(connection) == 3
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchone()
    with Journal(recent, owner_wait=0) as journal:
        check_what_version_3_held(journal)


def test_a_reader_reads_an_older_journal_and_leaves_it_alone(old):
    before = old.read_bytes()
    with Journal.reader(old) as reader:
        assert [entry.reference for entry in reader.unsettled()] == UNSETTLED
        assert reader.find("old-resolved").events[-1].data["by"] == "Anna"
    assert old.read_bytes() == before


def test_a_newer_journal_is_refused_and_untouched(path):
    with Journal(path, inline=True) as journal:
        journal.write(purchase("r"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    for opening in (Journal, Journal.reader):
        with pytest.raises(JournalError, match=rf"newer ecrlan \(version {VERSION + 1}; this one knows {VERSION}\)"):
            opening(path)
    assert path.read_bytes() == before


def test_a_migration_cut_short_leaves_the_version_before(monkeypatch):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr("ecrlan.journal.migrations.MIGRATIONS", (MIGRATIONS[0], (*MIGRATIONS[1][:-1], "CREATE nonsense")))
            with pytest.raises(sqlite3.OperationalError, match="nonsense"):
                migrate(connection)
        assert file_version(connection) == 1
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'unsettled'").fetchone()
        migrate(connection)
        assert file_version(connection) == VERSION
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = '{}'",
        "UPDATE operations SET amount = 1",
        "UPDATE reference_hashes SET outcome = 'approved'",
        "DELETE FROM events",
        "DELETE FROM operations",
        "DELETE FROM reference_hashes",
    ],
)
def test_what_was_written_stays(inline, statement):
    inline.write(purchase("a"))
    inline.write(purchase("b", minutes=9))
    inline.prune(operation("x", minutes=5).created_time)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        inline._writing.execute(statement)
    assert inline.find("b").outcome == "approved"
    assert inline.known("a").outcome == "approved"


@pytest.mark.parametrize("table", ["events", "operations"])
def test_not_even_retention_deletes_the_unsettled(inline, table):
    inline.write([operation("open"), event("open", "sending")])
    inline._writing.execute("BEGIN")
    inline._writing.execute("INSERT INTO meta VALUES ('retention', 'now')")
    with pytest.raises(sqlite3.IntegrityError, match="unsettled"):
        inline._writing.execute(f"DELETE FROM {table}")  # noqa: S608
    inline._writing.execute("ROLLBACK")


def test_words_that_an_earlier_release_wrote_are_told_as_they_stand(recent):
    with Journal(recent, owner_wait=0) as journal:
        told = {entry.reference: operation_of_entry(journal.find(entry.reference)) for entry in journal.entries()}
        assert told["declined"].outcome.reason == verbatim(Code.PROSE, "NEGATA")
        assert told["unresolved"].outcome == Unresolved(evidence=verbatim(Code.PROSE, "no answer"))
        assert told["recovering"].evidence == verbatim(Code.PROSE, "the result was lost")
        document = operation_as_json(told["unresolved"], "it")
        assert (document["evidence"], document["evidence_code"]) == ("no answer", "prose")
        english, italian = ([text for _, text in steps(journal.find("unresolved"), language)] for language in ("en", "it"))
        assert english[-1] == "outcome: unresolved: no answer"
        assert italian[-1] == "esito: esito incerto: no answer"
        stream = io.StringIO()
        journal.export_rows("jsonl", stream)
        events = [event for line in stream.getvalue().splitlines() for event in json.loads(line)["events"]]
        assert {"answer": "result", "evidence": None, "outcome": "declined", "reason": "NEGATA"} in [event["data"] for event in events]
