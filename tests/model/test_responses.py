"""What the answers say of themselves."""

from __future__ import annotations

import pytest

from ecrlan.model import StatusResponse, TerminalStatus


def status(digit: int | None = None, word: str | None = None) -> StatusResponse:
    return StatusResponse(terminal_id="37105051", terminal_time=None, terminal_status=digit, status_word=word, software_release="")


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_informs_and_never_refuses(digit: int) -> None:
    assert status(digit).operative is (digit == TerminalStatus.OPERATIVE)
    assert status(digit).refusing_word is None


@pytest.mark.parametrize("word", ["OPERATIVE", "OPERATIVO", "operative"])
def test_known_words_say_operative(word: str) -> None:
    assert status(word=word).operative
    assert status(word=word).refusing_word is None


@pytest.mark.parametrize("word", ["NON OPERATIVO", "NOTREADY", "OPERATIV"])
def test_other_words_refuse(word: str) -> None:
    assert not status(word=word).operative
    assert status(word=word).refusing_word == word


def test_a_status_that_tells_nothing_does_not_refuse() -> None:
    assert not status().operative
    assert status().refusing_word is None
