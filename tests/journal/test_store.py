import os
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from tests.journal.samples import operation, purchase

SIZE_OF_PAGE = 4096


def fill(path, count=300):
    with Journal(path, inline=True, synchronous="OFF", reserve_bytes=0) as journal:
        journal.write([row for number in range(count) for row in purchase(f"r{number}")])


def contents(path):
    """The journal's files; the shared-memory index is no data."""
    names = (path.name, f"{path.name}-wal")
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.name in names and file.is_file()}


def refuse(path, text, *, opening=Journal):
    before = contents(path)
    with pytest.raises(JournalError, match=text):
        opening(path)
    after = contents(path)
    assert all(after[name] == data for name, data in before.items())
    assert not after.get(f"{path.name}-wal") or f"{path.name}-wal" in before


def test_commits_are_full_and_logged(journal):
    pragma = {name: journal._writing.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_damaged_page_is_found_and_the_file_left_alone(path):
    fill(path)
    with path.open("rb+") as file:
        file.seek(6 * SIZE_OF_PAGE)
        file.write(b"\xa5" * (10 * SIZE_OF_PAGE))
    refuse(path, "is damaged and was left as it is")


def test_a_cut_file_is_found_and_left_alone(path):
    fill(path)
    with path.open("rb+") as file:
        file.truncate(10 * SIZE_OF_PAGE)
    refuse(path, "is damaged and was left as it is")
    refuse(path, "damaged", opening=lambda path: Journal.reader(path).find("r299"))


def test_a_damaged_file_keeps_the_log_that_a_kill_left(path, other_process):
    fill(path)
    killed = other_process(
        """
        from ecrlan.journal import Journal
        from tests.journal.samples import purchase
        journal = Journal(sys.argv[1])
        journal.write(purchase("last")).result()
        print("written", flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert killed.stdout.readline() == "written\n"
    killed.kill()
    killed.wait()
    assert path.with_name("till.db-wal").stat().st_size
    sound = path.read_bytes()
    with path.open("rb+") as file:
        file.seek(6 * SIZE_OF_PAGE)
        file.write(b"\xa5" * (10 * SIZE_OF_PAGE))
    refuse(path, "is damaged and was left as it is")
    path.write_bytes(sound)
    with Journal(path) as journal:
        assert journal.find("last").outcome == "approved"


def test_a_log_without_its_journal_is_left_alone(path, tmp_path):
    with Journal(path) as journal:
        journal.write(purchase("r")).result()
        log = shutil.copy(path.with_name("till.db-wal"), tmp_path / "log")
    path.unlink()
    shutil.move(log, path.with_name("till.db-wal"))
    refuse(path, "is gone or empty, but its log till.db-wal is not")
    path.touch()
    refuse(path, "is gone or empty")
    assert not path.read_bytes()


def test_text_is_not_a_journal(path):
    path.write_bytes(b"reference;amount\n")
    refuse(path, "not a journal of ecrlan")
    refuse(path, "not a journal of ecrlan", opening=Journal.reader)


def test_another_programs_database_is_refused(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    refuse(path, "another program's database")
    refuse(path, "another program's database", opening=Journal.reader)


def test_a_folder_is_not_a_journal(path):
    path.mkdir()
    refuse(path, "is a folder")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(JournalError, match=f"folder {tmp_path / 'gone'} does not exist"):
        Journal(tmp_path / "gone" / "till.db")
    assert not (tmp_path / "gone").exists()
    with pytest.raises(JournalError, match="no journal at"):
        Journal.reader(tmp_path / "gone" / "till.db")


@pytest.mark.parametrize("left", [b"", "empty database"])
def test_a_creation_that_was_cut_short_is_finished(path, left):
    if left:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    else:
        path.write_bytes(left)
    with Journal(path, inline=True) as journal:
        journal.write([operation("r")])
        assert journal.find("r").state == "queued"


def test_a_hot_rollback_journal_of_a_cut_creation_is_rolled_back(path, other_process):
    killed = other_process(
        """
        import sqlite3
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA page_size = 1024")
        connection.execute("CREATE TABLE half (made)")
        connection.execute("DROP TABLE half")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE half (made)")
        connection.executemany("INSERT INTO half VALUES (zeroblob(900))", [()] * 50)
        print("half", flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert killed.stdout.readline() == "half\n"
    killed.kill()
    killed.wait()
    assert path.with_name("till.db-journal").stat().st_size
    with Journal(path, inline=True) as journal:
        journal.write([operation("r")])
    with Journal.reader(path) as reader:
        assert reader.find("r")


READ_ONLY = """
    import os
    from ecrlan.errors import JournalError
    from ecrlan.journal import Journal
    if os.geteuid() == 0:
        os.setuid(65534)  # for root nothing is read-only
    try:
        Journal(sys.argv[1])
    except JournalError as error:
        print(error, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "text"),
    [
        (0o444, 0o777, "till.db is read-only"),
        (0o666, 0o555, "lock .* cannot be opened"),
        (0o666, 0o600, "cannot be entered|lock .* cannot be"),
    ],
)
def test_what_is_read_only_is_refused(other_process, file_mode, folder_mode, text):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name) / "data"
        folder.parent.chmod(0o755)
        folder.mkdir()
        path = folder / "till.db"
        fill(path, 1)
        path.with_name("till.db.owner").unlink()
        path.chmod(file_mode)
        folder.chmod(folder_mode)
        output, _ = other_process(READ_ONLY, path).communicate()
        folder.chmod(0o755)
        assert re.search(text, output), output
        with Journal.reader(path) as reader:
            assert reader.find("r0")


def test_a_file_that_another_program_holds_is_named(path, monkeypatch):
    fill(path, 1)
    monkeypatch.setattr("ecrlan.journal.store.BUSY_SECONDS", 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match=r"till\.db cannot be opened for writing: database is locked"):
            Journal(path, owner_wait=0)
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("r0")


def test_a_place_without_a_log_is_refused(path, monkeypatch):
    monkeypatch.setattr("ecrlan.journal.store.connect", lambda path, mode: sqlite3.connect(":memory:"))
    with pytest.raises(JournalError, match="keep it on a local disk"):
        Journal(path)


def test_a_log_that_cannot_be_read_is_named(path, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    fill(path, 1)
    monkeypatch.setattr("ecrlan.journal.store.log_damage", fail)
    refuse(path, "till.db-wal cannot be read: Permission denied")


def test_another_synchronous_is_a_mistake_of_the_program(path):
    with pytest.raises(ValueError, match="synchronous"):
        Journal(path, synchronous="off")
