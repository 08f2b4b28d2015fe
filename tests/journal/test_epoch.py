"""Old, copied and cut journals are noticed; whatever else ends a register is not taken for one."""

import json
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from ecrlan.errors import InvalidValueError, JournalError, JournalOwnedError
from ecrlan.journal import Journal, epoch
from ecrlan.journal.epoch import MARK_DIGITS, WIDTH, Epoch, machine_identity
from ecrlan.texts import words
from tests.journal.samples import START, event, operation, purchase

WRITE = """
    from ecrlan.journal import Journal
    from tests.journal.samples import purchase
    with Journal(sys.argv[1], reserve_bytes=0) as journal:
        journal.write(purchase("first")).result()
    journal = Journal(sys.argv[1], reserve_bytes=0)
    for number in range(10):
        journal.write(purchase(f"r{number}")).result()
    print("written", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """The machine's identity, wherever the tests run."""
    chosen = {"identity": "one"}
    monkeypatch.setattr("ecrlan.journal.epoch.machine_identity", lambda: chosen["identity"])
    return chosen


def beside(path, ending):
    return path.with_name(path.name + ending)


def opened(path):
    return Journal(path, owner_wait=0, inline=True, reserve_bytes=0)


def write(path, *references):
    with opened(path) as journal:
        assert journal.doubt is None
        for reference in references:
            journal.write(purchase(reference))


def code(path):
    """Open the journal as its owner, and return the code of the doubt."""
    with opened(path) as journal:
        return journal.doubt.code if journal.doubt is not None else None


def loss(path):
    """Open the journal for reading, and return the code of what it may lack."""
    with Journal.reader(path) as reader:
        return reader.incomplete.code if reader.incomplete is not None else None


def save(path):
    """Return the journal's files as they stand."""
    names = ("", "-wal", ".epoch")
    return {name: beside(path, name).read_bytes() for name in names if beside(path, name).exists()}


def put_back(path, saved):
    """Write saved files over those that are there: they keep their numbers."""
    for name, data in saved.items():
        beside(path, name).write_bytes(data)


def change_note(path, **values):
    file = beside(path, ".epoch")
    mark, text, _ = file.read_text().split("\n")
    mark = f"{values.pop('mark', int(mark)):0{MARK_DIGITS}}"
    file.write_text(f"{mark}\n{json.dumps(json.loads(text) | values)}\n")


@pytest.fixture
def killed(path, other_process):
    """A journal whose owner was killed, with its log. The other process knows the machine's true identity, or none."""
    process = other_process(WRITE, path)
    assert process.stdout.readline() == "written\n"
    process.kill()
    process.wait()
    change_note(path, machine="one")
    assert beside(path, "-wal").stat().st_size
    return path


# --- no doubt ----------------------------------------------------------------------------------------------------------------------


def test_a_first_opening_and_any_later_one_is_no_doubt(path):
    for number in range(3):
        write(path, f"r{number}")
        assert loss(path) is None


def test_a_killed_owner_is_no_doubt(killed):
    assert loss(killed) is None
    with opened(killed) as journal:
        assert journal.doubt is None
        assert len(journal.entries()) == 11


def test_a_kill_while_opening_is_no_doubt(path, monkeypatch):
    class Killed(BaseException):
        pass

    def dying(function, calls):
        left = iter(range(calls))

        def call(*arguments, **values):
            if next(left, None) is None:
                raise Killed
            return function(*arguments, **values)

        return call

    for first in (True, False):
        for place in ("Epoch._write", "_set_meta", "_text", "sync_folder"):
            for calls in range(3):
                if first:
                    for file in path.parent.iterdir():
                        file.unlink()
                target = Epoch._write if place == "Epoch._write" else getattr(epoch, place)
                with monkeypatch.context() as patch:
                    patch.setattr(f"ecrlan.journal.epoch.{place}", dying(target, calls))
                    with suppress(Killed):
                        opened(path).close()
                assert loss(path) is None
                write(path, f"{first}-{place}-{calls}")


def test_an_empty_second_file_of_a_first_opening_is_no_doubt(path):
    beside(path, ".epoch").touch()
    assert code(path) is None


def test_a_power_cut_that_loses_the_mark_is_no_doubt(path):
    write(path)
    before = save(path)[".epoch"]
    with opened(path) as journal:
        journal.write(purchase("r"))
    for mark in (0, int(before[:MARK_DIGITS]), 3):
        change_note(path, mark=mark)
        assert loss(path) is None
        assert code(path) is None


def test_a_torn_commit_that_nobody_was_told_of_is_no_doubt(killed):
    log = beside(killed, "-wal")
    with Journal.reader(killed) as reader:
        last = reader._reading.execute("SELECT max(id) FROM events WHERE name = 'finished'").fetchone()[0] - 4
    log.write_bytes(log.read_bytes()[:-100])
    change_note(killed, mark=last)
    assert code(killed) is None


def test_a_migration_is_no_doubt(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript((Path(__file__).parent / "version_3.sql").read_text(encoding="utf-8"))
    assert loss(path) is None
    assert code(path) is None
    assert code(path) is None


def test_a_restart_that_numbers_devices_anew_is_no_doubt(path):
    write(path, "r")
    change_note(path, device=4711)
    assert code(path) is None


def test_a_machine_without_an_identity_is_not_compared(path, machine):
    write(path, "r")
    machine["identity"] = ""
    assert code(path) is None
    machine["identity"] = "another"
    assert code(path) is None


def test_a_second_start_changes_nothing(path):
    with opened(path) as journal:
        journal.write(purchase("r"))
        before = save(path)
        with pytest.raises(JournalOwnedError):
            opened(path)
        assert save(path) == before
        journal.write(purchase("s"))
    assert code(path) is None


def test_retention_is_no_doubt(path):
    write(path, "a", "b")
    with opened(path) as journal:
        journal.prune(START + timedelta(days=1))
        assert journal._writing.execute("SELECT count(*) FROM events").fetchone() == (0,)
    assert loss(path) is None
    assert code(path) is None


def test_a_journal_in_memory_has_no_doubt_and_no_second_file():
    with Journal(None, inline=True) as journal:
        assert (journal.doubt, journal.doubted_operations, journal.incomplete) == (None, 0, None)
        with pytest.raises(JournalError, match="nothing about the journal is in doubt"):
            journal.accept("Anna", "looked", now=START)


# --- doubts ------------------------------------------------------------------------------------------------------------------------


def move(path, *endings):
    """Copy some of the journal's files elsewhere, and return where."""
    folder = path.parent / "elsewhere"
    folder.mkdir()
    for ending in endings:
        shutil.copy2(beside(path, ending), folder)
    return folder / path.name


def test_a_copy_of_all_files_is_a_copy_and_whole(path):
    write(path, "r")
    copy = move(path, "", ".epoch")
    assert loss(copy) is None
    assert code(copy) == "copied"
    assert code(path) is None


def test_another_machine_is_told(path, machine):
    write(path, "r")
    machine["identity"] = "another"
    assert loss(path) is None
    assert code(path) == "moved_machine"


@pytest.mark.parametrize("ending", [(), ("-wal",)])
def test_a_copy_without_its_second_file_is_told(killed, ending):
    copy = move(killed, "", *ending)
    assert loss(copy) == "no_epoch_file"
    assert code(copy) == "no_epoch_file"


def test_a_copy_of_the_very_first_opening_without_its_log_is_told(path):
    with opened(path) as journal:
        journal.write(purchase("r"))
        copy = move(path, "")
        assert loss(copy) == code(copy) == "no_epoch_file"


def test_a_copy_without_its_log_is_told(killed):
    copy = move(killed, "", ".epoch")
    assert loss(copy) == "cut"
    assert code(copy) == "copied"


@pytest.mark.parametrize("left", [None, 0, 0.5])
def test_a_log_that_is_gone_or_cut_after_an_unclean_end_is_told(killed, left):
    log = beside(killed, "-wal")
    if left is None:
        log.unlink()
    else:
        log.write_bytes(log.read_bytes()[: int(log.stat().st_size * left)])
    assert loss(killed) == "cut"
    with opened(killed) as journal:
        assert journal.doubt.code == "cut"
        assert "has lost its end" in str(journal.doubt)
        assert journal.doubt.values["expected"] > journal.doubt.values["last"]


def test_an_older_state_put_back_into_the_same_file_is_told(path):
    write(path, "a")
    before = save(path)[""]
    write(path, "b")
    put_back(path, {"": before})
    assert loss(path) == code(path) == "older"


def test_an_older_state_of_the_same_opening_is_told(path):
    with opened(path) as journal:
        journal.write(purchase("a"))
        saved = save(path)
        journal.write(purchase("b"))
    put_back(path, {name: data for name, data in saved.items() if name != ".epoch"})
    assert loss(path) == code(path) == "cut"


def test_a_journal_that_began_anew_beside_its_old_second_file_is_told(path):
    write(path, "a")
    path.unlink()
    with opened(path) as journal:
        assert journal.doubt.code in ("older", "copied")


def test_a_journal_of_version_3_put_back_is_told(path):
    write(path, "a")
    old = path.with_name("old.db")
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.executescript((Path(__file__).parent / "version_3.sql").read_text(encoding="utf-8"))
    put_back(path, {"": old.read_bytes()})
    assert loss(path) == code(path) == "older"


def test_an_older_second_file_is_told(path):
    write(path, "a")
    before = save(path)[".epoch"]
    write(path, "b")
    write(path, "c")
    put_back(path, {".epoch": before})
    assert loss(path) == code(path) == "other_epoch_file"


@pytest.mark.parametrize("data", [None, b"", b"\0" * WIDTH, b"12\n{}\n", b"\xff", b"1\n[]\n"])
def test_a_second_file_that_is_missing_or_unreadable_is_told(path, data):
    write(path, "a")
    if data is None:
        beside(path, ".epoch").unlink()
    else:
        beside(path, ".epoch").write_bytes(data)
    assert loss(path) == code(path) == "no_epoch_file"


def test_a_backup_put_back_is_told_and_read_as_whole(path, tmp_path):
    with opened(path) as journal:
        journal.write(purchase("a"))
        copy = journal.backup(tmp_path / "copy.db")
    with Journal.reader(copy) as reader:
        assert reader.incomplete is None
        again = reader.backup(tmp_path / "again.db")
    put_back(path, {"": again.read_bytes()})
    assert loss(path) is None
    assert code(path) == "backup"
    assert code(copy) == "backup"


def test_every_doubt_has_its_words(path):
    write(path, "a")
    beside(path, ".epoch").unlink()
    with opened(path) as journal:
        doubt = journal.doubt
    assert doubt.text == words(doubt.evidence)
    assert "till.db.epoch" in doubt.text


# --- while it stands, and after ----------------------------------------------------------------------------------------------------


@pytest.fixture
def doubtful(killed):
    """A journal that lost its log."""
    beside(killed, "-wal").unlink()
    return killed


def test_a_doubt_stands_whatever_is_written_meanwhile(doubtful):
    for number in range(3):
        with opened(doubtful) as journal:
            assert journal.doubt.code == "cut"
            for count in range(9):
                journal.write(purchase(f"new-{number}-{count}"))
            assert journal.doubted_operations == journal.entries()[0].id
    assert loss(doubtful) == "cut"


def test_the_file_that_fits_again_is_no_doubt(killed):
    saved = save(killed)
    beside(killed, "-wal").unlink()
    assert code(killed) == "cut"
    put_back(killed, saved)
    assert code(killed) is None


def test_a_person_settles_it_for_good(doubtful):
    with opened(doubtful) as journal:
        journal.write(purchase("before"))
        highest = journal.find("before").id
        journal.accept("Anna", "looked at the terminal", now=START)
        assert (journal.doubt, journal.doubted_operations) == (None, highest)
        told = journal.latest("", "journal_accepted")
        assert (told.time, told.reference, told.terminal) == (START, None, "")
        assert told.data == {"by": "Anna", "note": "looked at the terminal", "code": "cut", "epoch": 3}
        journal.write(purchase("after"))
        with pytest.raises(JournalError, match="nothing about the journal is in doubt"):
            journal.accept("Anna", "again", now=START)
    for _ in range(2):
        with opened(doubtful) as journal:
            assert (journal.doubt, journal.doubted_operations) == (None, highest)
    assert loss(doubtful) is None


@pytest.mark.parametrize("inline", [True, False])
def test_what_is_settled_is_on_disk(path, tmp_path, inline):
    with opened(path) as journal:
        journal.write(purchase("a"))
        journal.backup(tmp_path / "copy.db")
    journal = Journal(tmp_path / "copy.db", owner_wait=0, inline=inline, ride_seconds=3600)
    journal.accept("Anna", "restored", now=START)
    journal.abandon()
    with opened(tmp_path / "copy.db") as journal:
        assert (journal.doubt, journal.doubted_operations) == (None, 1)
        journal.write(purchase("b"))
        copy = journal.backup(tmp_path / "next.db")
    assert code(copy) == "backup"


def test_a_settled_journal_is_a_later_one_than_any_before(path):
    write(path, "a")
    write(path, "b")
    write(path, "c")
    saved = save(path)
    put_back(path, {".epoch": b""})
    with opened(path) as journal:
        journal.accept("Anna", "the second file was lost", now=START)
    put_back(path, {"": saved[""]})
    assert code(path) == "older"


def test_a_kill_while_it_is_settled_leaves_the_doubt(doubtful, monkeypatch):
    def fail(*_):
        raise JournalError("killed")

    journal = opened(doubtful)
    with monkeypatch.context() as patch:
        patch.setattr("ecrlan.journal.epoch._set_meta", fail)
        with pytest.raises(JournalError, match="killed"):
            journal.accept("Anna", "looked", now=START)
    assert journal.doubt.code == "cut"
    journal.abandon()
    with opened(doubtful) as journal:
        assert journal.doubt.code == "cut"
        journal.accept("Anna", "looked", now=START)
        assert journal.latest("", "journal_accepted").data["by"] == "Anna"
    assert code(doubtful) is None


@pytest.mark.parametrize(("by", "note", "place"), [(" ", "looked", "by"), ("Anna", "", "note")])
def test_somebody_must_say_so(doubtful, by, note, place):
    with opened(doubtful) as journal:
        with pytest.raises(InvalidValueError, match=place):
            journal.accept(by, note, now=START)
        with pytest.raises(InvalidValueError, match="time zone"):
            journal.accept("Anna", "looked", now=START.replace(tzinfo=None))
        assert journal.doubt is not None
        assert journal.failed is None


def test_a_second_file_that_cannot_be_written_is_named(doubtful, path, tmp_path):
    with opened(doubtful) as journal:
        beside(path, ".epoch").unlink()
        beside(path, ".epoch").mkdir()
        with pytest.raises(JournalError, match=r"till\.db\.epoch beside the journal cannot be written"):
            journal.accept("Anna", "looked", now=START)
        assert journal.failed is None
    (tmp_path / "new.db.epoch").mkdir()
    with pytest.raises(JournalError, match=r"new\.db\.epoch beside the journal cannot be written"):
        opened(tmp_path / "new.db")


# --- the mark ----------------------------------------------------------------------------------------------------------------------


def test_the_mark_is_the_last_event_that_was_committed(path):
    def mark():
        return int(beside(path, ".epoch").read_bytes()[:MARK_DIGITS])

    with Journal(path, owner_wait=0, ride_seconds=3600, reserve_bytes=0) as journal:
        assert mark() == 0
        journal.write(purchase("a")).result()
        assert mark() == 4
        journal.write([event("a", "receipt")], durable=False)
        assert mark() == 4
        journal.flush()
        assert mark() == 5
        journal.write([operation("b")]).result()
        assert mark() == 5
    assert beside(path, ".epoch").stat().st_size == WIDTH


def test_a_mark_that_cannot_be_written_stops_nothing(path, caplog):
    with opened(path) as journal:
        os.close(journal._epoch._descriptor)
        journal._epoch._descriptor = os.open(beside(path, ".epoch"), os.O_RDONLY)
        journal.write(purchase("a"))
        journal.write(purchase("b"))
        assert journal.failed is None
    assert caplog.text.count("mark in") == 1
    assert code(path) is None


# --- the machine -------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps it in the registry")
@pytest.mark.parametrize(
    ("texts", "known"),
    [
        ((None, None), False),
        (("", None), False),
        (("uninitialized\n", None), False),
        (("0123456789abcdef\n", None), True),
        ((None, "0123456789ABCDEF"), True),
        (("", "0123456789abcdef\n"), True),
    ],
)
def test_the_machine_is_known_by_its_own_number(tmp_path, monkeypatch, texts, known):
    files = [tmp_path / "etc", tmp_path / "dbus"]
    for file, text in zip(files, texts, strict=True):
        if text is not None:
            file.write_text(text)
    monkeypatch.setattr("ecrlan.journal.epoch.MACHINE_FILES", files)
    identity = machine_identity()
    assert bool(identity) == known
    assert "0123456789abcdef" not in identity
    if known:
        files[0].write_text("0123456789abcdef")
        assert machine_identity() == identity
