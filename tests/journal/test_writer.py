import asyncio
import logging
import os
import re
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from ecrlan.errors import JournalError, UnknownReferenceError
from ecrlan.journal import Journal, ReferenceTakenError
from tests.journal.samples import event, operation, purchase


class Gate:
    """Holds the writer before its COMMIT until it is let through."""

    def __init__(self):
        self.reached = threading.Semaphore(0)
        self.open = threading.Semaphore(0)
        self.passes = False

    def __call__(self):
        if not self.passes:
            self.reached.release()
            assert self.open.acquire(timeout=20)

    def hold(self, journal):
        """Bring the writer to its COMMIT, with a row of its own."""
        future = journal.write([event(None, "held", "gate")])
        assert self.reached.acquire(timeout=20)
        return future

    def let_through(self):
        self.passes = True
        self.open.release()


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def gated(path, gate):
    with Journal(path, owner_wait=0, commit_delay=gate) as journal:
        yield journal
        gate.let_through()


def test_what_waits_is_committed_together(gated, gate):
    held = gate.hold(gated)
    futures = [gated.write(purchase(f"r{number}", terminal=f"till-{number}")) for number in range(64)]
    assert not any(future.done() for future in (held, *futures))
    gate.let_through()
    for future in (held, *futures):
        future.result(timeout=20)
    assert gated.commits == 2
    assert len(gated.entries(limit=100)) == 64


def test_a_call_that_fails_fails_alone(gated, gate):
    gate.hold(gated)
    good = gated.write([operation("a"), event("a", "sending")])
    again = gated.write([operation("b"), event("b", "sending"), operation("a")])
    nobody = gated.write([event("a", "accepted"), event("nobody", "accepted")])
    after = gated.write([operation("c")])
    gate.let_through()
    assert good.result(timeout=20) is None
    assert after.result(timeout=20) is None
    with pytest.raises(ReferenceTakenError, match="reference a is"):
        again.result(timeout=20)
    with pytest.raises(UnknownReferenceError, match="nobody"):
        nobody.result(timeout=20)
    assert gated.failed is None
    assert gated.commits == 2
    assert gated.find("b") is None
    assert gated.find("a").state == "sending"
    assert [entry.reference for entry in gated.entries()] == ["c", "a"]


def test_many_rows_keep_their_order(gated, gate):
    gate.hold(gated)
    names = [f"step-{number}" for number in range(150)]
    first = gated.write([operation("a"), *(event("a", name) for name in names)])
    others = [gated.write([event(None, "baseline", stan=str(number)), event("a", f"late-{number}")]) for number in range(100)]
    gate.let_through()
    for future in (first, *others):
        future.result(timeout=20)
    assert gated.commits == 2
    assert [one.name for one in gated.find("a").events] == [*names, *(f"late-{number}" for number in range(100))]
    assert gated.latest("till-1", "baseline").data == {"stan": "99"}


def test_one_that_is_refused_among_many_names_itself(gated, gate):
    gate.hold(gated)
    futures = {number: gated.write(purchase("r7" if number == 70 else f"r{number}")) for number in range(100)}
    nobody = gated.write([event("r1", "progress"), event("nobody", "progress")])
    gate.let_through()
    with pytest.raises(ReferenceTakenError, match="reference r7 is"):
        futures.pop(70).result(timeout=20)
    with pytest.raises(UnknownReferenceError, match="nobody"):
        nobody.result(timeout=20)
    assert [future.result(timeout=20) for future in futures.values()] == [None] * 99
    assert len(gated.entries(limit=200)) == 99
    assert "progress" not in [one.name for one in gated.find("r1").events]


def test_a_future_is_done_only_after_its_commit(gated, gate, path):
    future = gated.write([operation("r")])
    assert gate.reached.acquire(timeout=20)
    with Journal.reader(path) as reader:
        assert not future.done()
        assert reader.find("r") is None
        gate.let_through()
        future.result(timeout=20)
        assert reader.find("r").state == "queued"


def test_rows_without_a_caller_ride_along_in_their_order(path):
    with Journal(path, ride_seconds=3600) as journal:
        assert journal.write([operation("r"), event("r", "sending")]).result() is None
        before = journal.commits
        assert journal.write([event("r", "accepted")], durable=False) is None
        assert journal.write([event("r", "progress", text="CARTA")], durable=False) is None
        journal.write([event("r", "answered", stan="000042")]).result()
        assert journal.commits == before + 1
        assert [one.name for one in journal.find("r").events] == ["sending", "accepted", "progress", "answered"]


def test_rows_without_a_caller_are_committed_in_time(path):
    committed = threading.Event()
    with Journal(path, ride_seconds=0.0, on_commit=lambda _: committed.set()) as journal:
        journal.write([event(None, "baseline")], durable=False)
        assert committed.wait(timeout=20)
        with Journal.reader(path) as reader:
            assert reader.latest("till-1", "baseline")


def test_close_and_flush_commit_what_rides(path):
    with Journal(path, ride_seconds=3600) as journal:
        journal.write([operation("a")], durable=False)
        journal.flush()
        with Journal.reader(path) as reader:
            assert reader.find("a")
        journal.write([operation("b")], durable=False)
    with Journal.reader(path) as reader:
        assert reader.find("b")


def test_a_riding_row_that_is_refused_is_logged(path, caplog):
    with caplog.at_level(logging.ERROR), Journal(path, ride_seconds=3600) as journal:
        journal.write([event("nobody", "accepted")], durable=False)
        journal.flush()
        assert journal.failed is None
    assert "nobody" in caplog.text


def test_inline_commits_before_it_returns(path):
    threads = threading.active_count()
    with Journal(path, inline=True) as journal:
        journal.write([event(None, "baseline")], durable=False)
        with Journal.reader(path) as reader:
            assert reader.latest("till-1", "baseline") is None
            assert journal.write([operation("r")]) is None
            assert reader.latest("till-1", "baseline")
            assert reader.find("r")
        with pytest.raises(ReferenceTakenError):
            journal.write([operation("r")])
        assert journal.failed is None
        assert threading.active_count() == threads


def test_after_a_failed_commit_nothing_more_is_taken(gated, gate, caplog):
    def fail():
        raise sqlite3.OperationalError("disk I/O error")

    gate.hold(gated)
    caught = gated.write([operation("waits")])
    gated.write([event(None, "rides")], durable=False)
    gated._writer._commit_delay = fail
    gate.let_through()
    for write in (lambda: caught.result(timeout=20), lambda: gated.write([operation("later")]), gated.flush):
        with pytest.raises(JournalError, match="journal has failed: disk I/O error"):
            write()
    with pytest.raises(JournalError):
        gated.write([event(None, "rides")], durable=False)
    assert gated.failed == "disk I/O error"
    assert "takes nothing more" in caplog.text
    assert gated.find("waits") is None
    assert gated.latest("gate", "held")


def test_a_journal_deleted_under_way_fails(path, journal):
    journal.write([operation("a")]).result()
    path.unlink()
    with pytest.raises(JournalError, match=r"till\.db was deleted or replaced"):
        journal.write([operation("b")]).result()
    assert journal.failed


@pytest.mark.parametrize("gone", ["", "-wal"])
def test_a_journal_deleted_from_a_quiet_folder_fails(path, journal, gone):
    journal.write([operation("a")]).result()
    os.utime(path.parent, (1e9, 1e9))  # long ago the last name came or went: the files themselves are not looked at any more
    journal.write([operation("b")]).result()
    journal.write([operation("c")]).result()
    path.with_name(path.name + gone).unlink()
    with pytest.raises(JournalError, match="was deleted or replaced"):
        journal.write([operation("d")]).result()


def test_a_folder_whose_names_just_changed_is_not_believed(path, journal):
    journal.write([operation("a")]).result()
    before = path.parent.stat()
    path.unlink()
    os.utime(path.parent, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a coarse clock has it: the same moment
    with pytest.raises(JournalError, match="was deleted or replaced"):
        journal.write([operation("b")]).result()


def test_a_folder_gone_under_way_fails(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with Journal(folder / "till.db") as journal:
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(JournalError, match="was deleted or replaced"):
            journal.write([operation("b")]).result()


async def test_a_cancelled_wait_cancels_no_write(gated, gate):
    future = gated.write([operation("r")])
    waiting = asyncio.wrap_future(future)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.let_through()
    future.result(timeout=20)
    assert gated.find("r")


def test_reading_waits_only_for_what_it_asks_for(gated, gate):
    gate.hold(gated)
    gated.write([operation("waits", "till-9")])
    assert gated.find("other") is None
    assert gated.known("other") is None
    assert gated.latest("till-1", "answered") is None
    assert gated.unsettled("till-1") == []
    gate.let_through()
    assert gated.find("waits")
    assert [entry.reference for entry in gated.unsettled("till-9")] == ["waits"]


def test_commits_are_counted_and_timed(path):
    seconds = []
    with Journal(path, inline=True, on_commit=seconds.append) as journal:
        for number in range(3):
            journal.write([operation(f"r{number}")])
        assert journal.commits == len(seconds) == 3
        assert all(0 < one < 60 for one in seconds)


def test_a_closed_journal_says_so(path):
    journal = Journal(path)
    journal.close()
    journal.close()
    for use in (lambda: journal.write([operation("r")]), lambda: journal.find("r"), journal.flush):
        with pytest.raises(JournalError, match="closed"):
            use()


def test_an_abandoned_journal_keeps_what_was_committed_and_only_that(path):
    journal = Journal(path, ride_seconds=3600)
    journal.write([operation("a")]).result()
    journal.write([operation("b")], durable=False)
    journal.abandon()
    with Journal(path, owner_wait=0) as again:
        assert [entry.reference for entry in again.entries()] == ["a"]


def test_threads_write_side_by_side(journal):
    def work(name):
        for number in range(20):
            journal.write(purchase(f"{name}-{number}", terminal=name)).result(timeout=20)

    threads = [threading.Thread(target=work, args=(f"till-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.entries(limit=1000)) == 160
    assert journal.commits <= 160


def test_a_row_that_is_no_row_of_a_table_takes_nothing(journal, path):
    with pytest.raises(ValueError, match="JSON"):
        journal.write([operation("r", x=object())])
    journal.flush()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM operations").fetchone() == (0,)


DURABLE = """
    import os
    from ecrlan.journal import Journal
    from tests.journal.samples import purchase
    journal = Journal(sys.argv[1])
    for number in range(5):
        os.write(1, b"begin\\n")
        journal.write(purchase(f"r{number}")).result()
        os.write(1, b"done\\n")
"""


@pytest.mark.debian
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_disk_has_it_before_the_future_is_done(path, other_process):
    program = other_process(DURABLE, path, under=("strace", "-f", "-y", "-e", "trace=write,fdatasync,fsync", "-o", path.with_name("trace")))
    assert program.communicate()[0].count("done") == 5
    calls = r'"(begin|done)|fdatasync(?:\(\d+<[^>]*-wal>| resumed>)\) += (0)'  # one that blocks is shown when it resumes
    order = [mark or "synced" for mark, _ in re.findall(calls, path.with_name("trace").read_text(encoding="utf-8"))]
    assert order[order.index("begin") :] == ["begin", "synced", "done"] * 5
