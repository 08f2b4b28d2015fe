import shutil
import subprocess
import sys
import textwrap

import pytest

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from ecrlan.journal.reserve import Reserve
from tests.journal.conftest import TREE
from tests.journal.samples import event, operation, purchase


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_the_reserve_is_real_bytes_and_is_taken_again_later(tmp_path):
    path, clock = tmp_path / "x.reserve", Clock()
    reserve = Reserve(path, 200_000, clock=clock)
    assert reserve.held()
    assert path.stat().st_size == 200_000
    assert path.stat().st_blocks * 512 >= 200_000
    assert reserve.release()
    assert path.stat().st_size == 0
    assert not reserve.release()
    assert not reserve.held()
    clock.now += 1
    assert reserve.held()
    assert path.stat().st_size == 200_000


def test_no_reserve_always_has_room_and_nothing_to_give(tmp_path):
    reserve = Reserve(tmp_path / "x.reserve", 0)
    assert reserve.held()
    assert not reserve.release()
    assert not list(tmp_path.iterdir())


def test_a_reserve_that_cannot_be_made_is_not_held(tmp_path):
    assert not Reserve(tmp_path / "gone" / "x.reserve", 1).held()
    assert not Reserve(tmp_path / "gone" / "x.reserve", 1).release()


def fill_to_the_last_page(journal):
    """Let the file not grow, and use up what is free in it."""
    pages = journal._writing.execute("PRAGMA page_count").fetchone()[0]
    journal._writing.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_without_reserve_fails_the_journal_and_keeps_what_was_committed(path):
    with Journal(path, inline=True, reserve_bytes=0) as journal:
        journal.write(purchase("before"))
        fill_to_the_last_page(journal)
        with pytest.raises(JournalError, match="full"):
            journal.write([event("before", "receipt", text="00" * 50_000)])
        assert "full" in journal.failed
        with pytest.raises(JournalError, match="has failed"):
            journal.write([operation("after")])
    with Journal(path) as journal:
        assert [one.name for one in journal.find("before").events] == ["sending", "accepted", "answered", "finished"]


def test_a_full_disk_takes_the_records_of_what_was_begun_and_nothing_new(path, monkeypatch, caplog):
    with Journal(path, inline=True) as journal:
        reserve, clock = journal._writer._reserve, Clock()
        journal.write([operation("begun"), event("begun", "sending")])
        fill_to_the_last_page(journal)
        given = reserve.release

        def release():
            journal._writing.execute("PRAGMA max_page_count = 1000000")
            return given()

        monkeypatch.setattr(reserve, "release", release)
        monkeypatch.setattr(reserve, "_clock", clock)
        clock.now = -1e9  # the second until the room is looked for again does not pass
        monkeypatch.setattr(reserve, "_take", lambda: False)
        journal.write([event("begun", "answered", message="00" * 50_000)])
        assert journal.failed is None
        assert "disk is full" in caplog.text
        with pytest.raises(JournalError, match="too full for the records of a new operation"):
            journal.write([operation("new"), event("new", "sending")])
        assert journal.failed is None
        journal.write([event("begun", "finished", outcome="approved")])
        assert journal.find("begun").outcome == "approved"
        assert journal.find("new") is None
        monkeypatch.setattr(reserve, "_take", lambda: True)
        clock.now = 1e9
        journal.write([operation("new")])


LIMITED = """
    import resource
    from ecrlan.errors import JournalError
    from ecrlan.journal import Journal
    from tests.journal.samples import purchase
    journal = Journal(sys.argv[1], reserve_bytes=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    try:
        for number in range(10_000):
            journal.write(purchase(f"r{number}")).result()
            print(number, flush=True)
    except JournalError:
        print("failed:", journal.failed, flush=True)
    journal.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits")
def test_a_file_that_may_not_grow_fails_the_journal_and_loses_nothing(path, other_process):
    output = other_process(LIMITED, path).communicate()[0].split("\n")
    assert output[-2].startswith("failed: ")
    written = len(output) - 2
    assert written > 1
    with Journal(path, owner_wait=0) as journal:
        found = {entry.reference for entry in journal.entries(outcome="approved", limit=10_000)}
    assert found >= {f"r{number}" for number in range(written)}
    assert len(found) <= written + 1


SMALL_DISK = """
    import os
    from ecrlan.errors import JournalError
    from ecrlan.journal import Journal
    from tests.journal.samples import event, operation
    journal = Journal(sys.argv[1], inline=True, reserve_bytes=1 << 20)
    for number in range(8):
        journal.write([operation(f"r{number}"), event(f"r{number}", "sending")])
    ballast = os.open(sys.argv[1] + ".ballast", os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(ballast, bytes(4096))
    except OSError as error:
        print(error.strerror)
    os.close(ballast)
    for number in range(4):
        for reference in range(8):
            journal.write([event(f"r{reference}", "progress", text="x" * 400)])
    try:
        journal.write([operation("new")])
        print("taken")
    except JournalError as error:
        print("refused:", error)
    for reference in range(8):
        journal.write([event(f"r{reference}", "finished", outcome="approved")])
    print(len(journal.entries(outcome="approved")), journal.failed)
    journal.close()
"""


def small_disk_command(tmp_path):
    """What runs Python with a file system of 2 MiB, without being root; None where the system does not let us."""
    unshare = shutil.which("unshare")
    command = [unshare or "", "-rm", "sh", "-c", f'mount -t tmpfs -o size=2m tmpfs {tmp_path} && exec "$@"', "sh"]
    works = unshare and subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    return command if works else None


def test_a_small_disk_that_fills_up_keeps_every_record_of_what_was_begun(tmp_path):
    command = small_disk_command(tmp_path)
    if command is None:
        pytest.skip("no user name spaces here")
    code = f"import sys; sys.path[:0] = [{str(TREE)!r}]\n{textwrap.dedent(SMALL_DISK)}"
    done = subprocess.run([*command, sys.executable, "-c", code, tmp_path / "till.db"], check=False, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "No space left on device",
        "refused: the disk is too full for the records of a new operation; nothing was written",
        "8 None",
    ], done.stderr
