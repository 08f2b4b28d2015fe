import os
import platform

import pytest

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from ecrlan.journal.owner import OwnerLock

OWN = """
    from ecrlan.journal import Journal
    journal = Journal(sys.argv[1])
    print("owned", flush=True)
    sys.stdin.readline()
    journal.close()
    print("closed", flush=True)
    sys.stdin.readline()
"""


class Time:
    """A clock that only `sleep` moves."""

    def __init__(self):
        self.now = 0.0
        self.slept = []
        self.on_sleep = lambda: None

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()


def test_second_process_waits_bounded_and_names_the_owner(path, other_process):
    owner = other_process(OWN, path)
    assert owner.stdout.readline() == "owned\n"
    time = Time()
    with pytest.raises(JournalError) as caught:
        OwnerLock(path.with_name("till.db.owner"), wait=5.0, clock=time.clock, sleep=time.sleep)
    assert sum(time.slept) == pytest.approx(5.0)
    text = str(caught.value)
    assert f"process {owner.pid} on {platform.node()} since 20" in text
    assert str(path) in text
    assert "waited 5 s" in text


def test_ownership_passes_when_the_owner_closes_within_the_wait(path, other_process):
    owner = other_process(OWN, path)
    assert owner.stdout.readline() == "owned\n"
    time = Time()

    def let_go():
        if len(time.slept) == 3:
            owner.stdin.write("\n")
            owner.stdin.flush()
            assert owner.stdout.readline() == "closed\n"

    time.on_sleep = let_go
    lock = OwnerLock(path.with_name("till.db.owner"), wait=5.0, clock=time.clock, sleep=time.sleep)
    assert len(time.slept) == 3
    lock.release()


def test_lock_dies_with_a_killed_process(path, other_process):
    owner = other_process(OWN, path)
    assert owner.stdout.readline() == "owned\n"
    with pytest.raises(JournalError, match=f"process {owner.pid} "):
        Journal(path, owner_wait=0)
    owner.kill()
    owner.wait()
    with Journal(path, owner_wait=0) as journal:
        assert journal.failed is None


def test_one_process_owns_it_once_even_by_another_name(path, journal):
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(JournalError, match=f"process {os.getpid()} "):
        Journal(link, owner_wait=0)


def test_an_unreadable_owner_is_another_process(path, journal):
    path.with_name("till.db.owner").write_text("{", encoding="utf-8")
    with pytest.raises(JournalError, match="another process"):
        Journal(path, owner_wait=0)


def test_a_failed_opening_gives_the_lock_back(path):
    path.write_bytes(b"something else entirely")
    for _ in range(2):
        with pytest.raises(JournalError, match="not a journal"):
            Journal(path, owner_wait=0)


def test_release_twice_does_no_harm(tmp_path):
    lock = OwnerLock(tmp_path / "x.owner", wait=0)
    lock.release()
    lock.release()
