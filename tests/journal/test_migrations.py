import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from ecrlan.journal.migrations import APPLICATION_ID, MIGRATIONS, VERSION, file_version, migrate
from tests.journal.samples import event, operation, purchase

UNSETTLED = ["old-queued", "old-sending", "old-unresolved"]


@pytest.fixture
def old(path):
    """A journal that version 1 wrote."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript((Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8"))
    return path


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


def test_a_migrated_schema_is_that_of_a_new_journal(old, tmp_path):
    with Journal(old) as journal, Journal(tmp_path / "new.db") as new:
        assert schema(journal._writing) == schema(new._writing)


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
