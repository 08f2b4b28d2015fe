import pytest

from ecrlan.errors import JournalError
from ecrlan.journal import Journal
from ecrlan.journal.log import FRAME, HEADER

FRAME_SIZE = FRAME.size + 4096


@pytest.fixture
def log(path, other_process):
    """The log of ten commits, as a killed process leaves it."""
    with Journal(path):
        pass
    killed = other_process(
        """
        from ecrlan.journal import Journal
        from tests.journal.samples import purchase
        journal = Journal(sys.argv[1])
        for number in range(10):
            journal.write(purchase(f"r{number}")).result()
        print("written", flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert killed.stdout.readline() == "written\n"
    killed.kill()
    killed.wait()
    return path.with_name("till.db-wal")


def commits(log):
    data = log.read_bytes()
    starts = range(HEADER.size, len(data), FRAME_SIZE)
    return [start for start in starts if FRAME.unpack_from(data, start)[1]]


def flip(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def refused(path, log, text):
    before = path.read_bytes(), log.read_bytes()
    with pytest.raises(JournalError, match=text):
        Journal(path, owner_wait=0)
    assert (path.read_bytes(), log.read_bytes()) == before


def test_a_sound_log_is_read(path, log):
    with Journal(path, owner_wait=0) as journal:
        assert len(journal.entries()) == 10


def test_commits_behind_a_damaged_frame_are_not_thrown_away(path, log):
    flip(log, commits(log)[3] + 100)
    refused(path, log, "till.db-wal is damaged and was left as it is: [0-9]+ commits stand behind")


def test_a_damaged_header_hides_no_commits(path, log):
    flip(log, 17)
    refused(path, log, "its header is damaged")


def test_a_torn_last_commit_is_what_a_power_cut_leaves(path, log):
    flip(log, commits(log)[-1] + 100)
    with Journal(path, owner_wait=0) as journal:
        assert [entry.reference for entry in journal.entries()] == [f"r{number}" for number in reversed(range(9))]
        assert len(commits(log)) == 2  # those of opening: nothing torn is left behind them


def test_a_cut_log_is_read_to_its_last_whole_commit(path, log):
    log.write_bytes(log.read_bytes()[: commits(log)[-1] + 100])
    with Journal(path, owner_wait=0) as journal:
        assert len(journal.entries()) == 9


def test_a_reader_that_holds_the_log_does_not_keep_the_owner_out(path, log):
    with Journal.reader(path) as reader:
        reader._reading.execute("BEGIN")
        assert len(reader.entries()) == 10
        with Journal(path, owner_wait=0) as journal:
            journal.flush()
