import os
import stat

import pytest

from ecrlan.journal import Journal
from ecrlan.journal.files import COMPANIONS, make_private
from tests.journal.samples import START, operation, purchase

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


def modes(folder):
    return {str(file.relative_to(folder)): stat.S_IMODE(file.stat().st_mode) for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_nobody_else_reads_a_journals_files(path, tmp_path, umask):
    (tmp_path / "backups").mkdir(mode=0o700)
    (tmp_path / "backups").chmod(0o700)
    with Journal(path, owner_wait=0) as journal:
        journal.write(purchase("r")).result()
        journal.backup_daily(tmp_path / "backups", now=START)
        found = modes(tmp_path)
    assert set(found) >= {
        "till.db",
        "till.db-wal",
        "till.db-shm",
        "till.db.owner",
        "till.db.reserve",
        "till.db.epoch",
        "backups/till-2026-11-23.db",
    }
    assert set(found.values()) == {0o600}


def test_files_that_everybody_could_read_are_closed_to_them(path, tmp_path):
    with Journal(path, owner_wait=0) as journal:
        journal.write(purchase("r")).result()
        first = journal.backup_daily(tmp_path / "backups", now=START)
        for file in (path, *tmp_path.glob("till.db*"), first):
            file.chmod(0o644)
        copies = {file.name: file.read_bytes() for file in tmp_path.glob("till.db*")}
    path.with_name("till.db-wal").write_bytes(copies["till.db-wal"])  # as a killed process leaves it
    path.with_name("till.db-wal").chmod(0o644)
    with Journal(path, owner_wait=0) as journal:
        assert set(modes(tmp_path).values()) == {0o600, 0o644}
        journal.backup_daily(tmp_path / "backups", now=operation("x", minutes=24 * 60).created_time)
        assert set(modes(tmp_path).values()) == {0o600}


def test_what_is_not_there_stays_so(path, tmp_path):
    make_private(path.with_name(path.name + ending) for ending in COMPANIONS)
    assert list(tmp_path.iterdir()) == []
