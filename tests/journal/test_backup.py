import threading
from datetime import timedelta

import pytest

import ecrlan.journal.backup
import ecrlan.journal.reader
from ecrlan.errors import InvalidValueError, JournalError
from ecrlan.journal import Journal
from tests.journal.samples import START, operation, purchase


@pytest.mark.parametrize("pages", [1, 256])
def test_a_backup_made_while_writing_is_whole(journal, tmp_path, monkeypatch, pages):
    monkeypatch.setattr(ecrlan.journal.backup, "PAGES_AT_A_TIME", pages)
    stop = threading.Event()
    written = threading.Semaphore(0)

    def write():
        number = 0
        while not stop.is_set():
            journal.write(purchase(f"r{number}")).result()
            number += 1
            written.release()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(3):
            for _ in range(5):
                assert written.acquire(timeout=20)
            journal.backup(tmp_path / f"copy-{number}.db")
    finally:
        stop.set()
        thread.join()
    for number in range(3):
        with Journal(tmp_path / f"copy-{number}.db") as copy:
            entries = copy.entries(limit=100_000)
            assert len(entries) >= 5 * (number + 1)
            assert {entry.outcome for entry in entries} == {"approved"}
            copy.write([operation("goes-on")]).result()


def test_a_backup_holds_what_was_written_before_it(journal, tmp_path):
    journal.write([operation("rides")], durable=False)
    copy = journal.backup(tmp_path / "copy.db")
    assert sorted(file.name for file in tmp_path.iterdir() if file.name.startswith("copy")) == ["copy.db"]
    with Journal.reader(copy) as reader:
        assert reader.find("rides")


def test_readers_and_journals_in_memory_are_backed_up(path, tmp_path):
    with Journal(None) as memory:
        memory.write(purchase("r"))
        memory.backup(path)
    with Journal.reader(path) as reader:
        again = reader.backup(tmp_path / "again.db")
    with Journal.reader(again) as reader:
        assert reader.find("r").outcome == "approved"


def test_nothing_is_overwritten(journal, path, tmp_path):
    for target in (path, path.with_name("till.db.owner")):
        with pytest.raises(JournalError, match="exists already"):
            journal.backup(target)
    with pytest.raises(JournalError, match="cannot be backed up"):
        journal.backup(tmp_path / "gone" / "copy.db")
    journal.flush()


def test_daily_backups_keep_the_last_seven(journal, tmp_path):
    folder = tmp_path / "backups"
    for day in range(10):
        now = START + timedelta(days=day)
        made = journal.backup_daily(folder, now=now)
        assert made == folder / f"till-{now:%Y-%m-%d}.db"
        assert journal.backup_daily(folder, now=now + timedelta(hours=1)) is None
    (folder / "till-old.db").touch()
    names = sorted(file.name for file in folder.iterdir())
    assert names == [*(f"till-2026-11-{day}.db" for day in range(26, 31)), "till-2026-12-01.db", "till-2026-12-02.db", "till-old.db"]


def test_the_backup_of_the_day_is_made_anew_where_something_was_committed(journal, tmp_path):
    made = journal.backup_daily(tmp_path / "backups", now=START)
    journal.write(purchase("sale-1")).result()
    assert journal.backup_daily(tmp_path / "backups", now=START + timedelta(hours=1)) == made
    assert journal.backup_daily(tmp_path / "backups", now=START + timedelta(hours=2)) is None
    with Journal.reader(made) as copy:
        assert copy.find("sale-1") is not None
    assert [file.name for file in made.parent.iterdir()] == [made.name]


def test_a_backup_holds_up_neither_readers_nor_the_writer(journal, tmp_path, monkeypatch):
    seen = []

    def copying(source, target, *, replace):
        journal.write(purchase("sale-1")).result(timeout=20)
        seen.append(in_thread(lambda: journal.find("sale-1")))

    monkeypatch.setattr(ecrlan.journal.reader, "back_up", copying)
    journal.backup(tmp_path / "copy.db")
    assert seen[0] is not None


def in_thread(look):
    found = []
    thread = threading.Thread(target=lambda: found.append(look()))
    thread.start()
    thread.join(timeout=20)
    return found[0] if found else None


def test_a_clock_set_back_never_drops_the_backup_just_made(journal, tmp_path):
    for day in (5, 6, 7, 1):
        made = journal.backup_daily(tmp_path / "backups", 2, now=START + timedelta(days=day))
    assert made.exists()
    assert sorted(file.name for file in made.parent.iterdir()) == ["till-2026-11-24.db", "till-2026-11-30.db"]


def test_backups_need_a_place_and_a_number(journal, tmp_path):
    with pytest.raises(InvalidValueError, match="at least 1"):
        journal.backup_daily(tmp_path, 0, now=START)
    with pytest.raises(JournalError, match="cannot be kept"):
        journal.backup_daily(tmp_path / "gone" / "backups", now=START)
