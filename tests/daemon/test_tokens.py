"""The token files: made once, private, checked."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ecrlan.daemon.tokens import Tokens, read_token, token_file, write_private
from ecrlan.errors import InvalidValueError

posix = os.name == "posix"


def test_tokens_are_made_once(tmp_path: Path) -> None:
    journal = tmp_path / "till.db"
    made = Tokens.load(journal)
    assert made == Tokens.load(journal)
    assert made.operate != made.read
    assert len(made.operate) >= 43
    assert {file.name for file in tmp_path.iterdir()} == {"till.db.token", "till.db.read-token"}
    assert read_token(token_file(journal, "operate")) == made.operate
    assert read_token(token_file(journal, "read")) == made.read


def test_only_their_owner_reads_them(tmp_path: Path) -> None:
    Tokens.load(tmp_path / "till.db")
    for file in tmp_path.iterdir():
        assert not posix or stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_exposed_file_is_made_private(tmp_path: Path) -> None:
    made = Tokens.load(tmp_path / "till.db")
    file = token_file(tmp_path / "till.db", "operate")
    file.chmod(0o644)
    assert Tokens.load(tmp_path / "till.db") == made
    assert not posix or stat.S_IMODE(file.stat().st_mode) == 0o600


def test_roles(tmp_path: Path) -> None:
    tokens = Tokens.load(tmp_path / "till.db")
    assert tokens.role_of(tokens.operate) == "operate"
    assert tokens.role_of(tokens.read) == "read"
    for wrong in ("", tokens.operate[:-1], tokens.operate + "x", "è", "\udc80"):
        assert tokens.role_of(wrong) is None
    assert tokens.operate not in repr(tokens)


@pytest.mark.parametrize("content", ["", "short", "x" * 31, "a b" * 20, "è" * 40, "x" * 300])
def test_a_file_that_holds_no_token_is_refused(tmp_path: Path, content: str) -> None:
    file = token_file(tmp_path / "till.db", "read")
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidValueError, match="delete it for a new one"):
        Tokens.load(tmp_path / "till.db")


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="written"):
        Tokens.load(tmp_path / "none" / "till.db")


def test_private_files_are_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "note"
    (tmp_path / "note.new").write_text("left behind by a crash")
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text() == "two"
    assert [each.name for each in tmp_path.iterdir()] == ["note"]
    assert not posix or stat.S_IMODE(file.stat().st_mode) == 0o600
