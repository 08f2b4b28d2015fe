"""A commit that fails at its last step may stand in the file all the same: nothing was sent, and the next opening says so."""

import json
import sqlite3

import pytest

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from tests.journal.samples import event, operation, purchase


def begin(reference, **data):
    return [operation(reference), event(reference, "sending", **({"message": "50", "transmission": 1} | data))]


@pytest.fixture
def failing(path, monkeypatch):
    """A journal whose next commit fails though its bytes are written."""
    with Journal(path, owner_wait=0, inline=True) as journal:
        transact = journal._writer._transact

        def fail(calls):
            transact(calls)
            raise sqlite3.OperationalError("disk I/O error")

        def break_disk():
            monkeypatch.setattr(journal._writer, "_transact", fail)
            return journal

        journal.break_disk = break_disk
        yield journal


def unsent(path):
    return path.with_name("till.db.unsent")


def fails(journal, rows):
    with pytest.raises(JournalError, match="disk I/O error"):
        journal.write(rows)
    journal.close()


def test_what_was_not_sent_is_finished_at_the_next_opening(failing, path):
    failing.write(begin("sent"))
    failing.break_disk()
    fails(failing, [*begin("unsent", message="51"), event("unsent", "callback", url="http://127.0.0.1:9/")])
    with Journal.reader(path) as reader:
        assert reader.find("unsent").state == "sending"  # the bytes survived
    with Journal(path, owner_wait=0, inline=True) as journal:
        entry = journal.find("unsent")
        assert (entry.state, entry.outcome) == ("finished", "not_performed")
        assert entry.events[-1].data["reason_code"] == "journal_not_written"
        assert [one.reference for one in journal.unsettled()] == ["sent"]
    assert not unsent(path).exists()


def test_a_second_request_of_an_operation_counts_alike(failing, path):
    failing.write([*begin("r"), event("r", "refused")])
    failing.break_disk()
    fails(failing, [event("r", "sending", minutes=1, message="51", transmission=1)])
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("r").outcome == "not_performed"


@pytest.mark.parametrize("data", [{"transmission": 2}, {}])
def test_what_may_have_been_sent_before_stays_open(failing, path, data):
    failing.write(begin("r"))
    failing.break_disk()
    fails(failing, [event("r", "sending", message="50", **data)])
    assert not unsent(path).exists()
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("r").state == "sending"


def test_a_record_that_nobody_waited_for_proves_nothing(failing, path):
    failing.write([operation("r")])
    failing.write([event("r", "sending", transmission=1)], durable=False)
    failing.break_disk()
    fails(failing, [operation("another")])
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("r").state == "sending"


def test_a_later_record_of_the_operation_proves_that_it_was_sent(failing, path):
    failing.break_disk()
    fails(failing, begin("r"))
    kept = unsent(path).read_bytes()
    unsent(path).unlink()
    with Journal(path, owner_wait=0, inline=True) as journal:
        journal.write([event("r", "accepted")])
    unsent(path).write_bytes(kept)
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("r").state == "accepted"


def test_another_sending_than_the_noted_one_stays_open(failing, path):
    failing.write(begin("r"))
    failing.close()
    unsent(path).write_text(json.dumps([{"reference": "r", "time": "2026-11-23T17:45:00.000000+00:00", "behind": []}]))
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("r").state == "sending"


def test_rows_that_did_not_survive_need_no_end(path, caplog):
    def fail():
        raise sqlite3.OperationalError("disk I/O error")

    with Journal(path, owner_wait=0, inline=True) as journal:
        journal._writer._commit_delay = fail
        with pytest.raises(JournalError):
            journal.write(begin("r"))
    assert unsent(path).exists()
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("r") is None
    assert not unsent(path).exists()


def test_a_note_that_cannot_be_written_changes_nothing(failing, path, caplog):
    unsent(path).mkdir()
    failing.break_disk()
    fails(failing, begin("r"))
    assert "cannot be noted" in caplog.text
    unsent(path).rmdir()


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff", b'[{"reference": "sent"}]'])
def test_a_note_that_makes_no_sense_is_told_and_dropped(path, data, caplog):
    with Journal(path, owner_wait=0, inline=True) as journal:
        journal.write(begin("sent"))
    unsent(path).write_bytes(data)
    with Journal(path, owner_wait=0) as journal:
        assert journal.find("sent").state == "sending"
    assert "cannot be read" in caplog.text
    assert not unsent(path).exists()


def test_an_end_that_was_written_before_a_kill_is_not_written_twice(failing, path, monkeypatch):
    failing.break_disk()
    fails(failing, begin("r"))
    monkeypatch.undo()
    kept = unsent(path).read_bytes()
    Journal(path, owner_wait=0).close()
    unsent(path).write_bytes(kept)
    with Journal(path, owner_wait=0) as journal:
        assert [one.name for one in journal.find("r").events] == ["sending", "finished"]


def test_an_abandoned_journal_notes_nothing(path):
    journal = Journal(path, owner_wait=0, inline=True)
    journal.write(purchase("a"), durable=False)
    journal.abandon()
    assert not unsent(path).exists()
