"""Errors as answers; those of the framework are in test_app.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from ecrlan.daemon.http.errors import LONGEST_MESSAGE, STATUSES, Refusal, answer, error_document
from ecrlan.errors import ConnectError, EcrlanError, JournalError, RegisterError, TerminalBusyError, UnknownTerminalError

NOW = datetime(2026, 11, 23, 17, 44, 30, tzinfo=UTC)


def told(error: EcrlanError) -> tuple[int, dict[str, Any]]:
    response = answer(error, NOW)
    return response.status_code, json.loads(bytes(response.body))["error"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RegisterError("no"), 409, "refused"),
        (JournalError("no"), 503, "journal_failed"),
        (UnknownTerminalError("till-9", ["till-1"]), 404, "unknown_terminal"),
        (Refusal("too_many", "no"), 429, "too_many"),
    ],
)
def test_every_error_has_its_status(error: EcrlanError, status: int, code: str) -> None:
    found, document = told(error)
    assert (found, document["code"], document["sent"]) == (status, code, "no")
    assert STATUSES[code] == status


@pytest.mark.parametrize(("holder", "reference"), [("sale-1", "sale-1"), ("recovery of sale-1", "sale-1"), (None, None)])
def test_who_holds_the_terminal_is_an_operation(holder: str | None, reference: str | None) -> None:
    _, document = told(TerminalBusyError("till-1", holder, 90.0, 2))
    assert (document["holder"], document["since"], document["waiting"]) == (reference, "2026-11-23T17:43:00+00:00", 2)


def test_an_error_that_no_route_should_let_through_is_ours() -> None:
    with capture_logs() as logs:
        status, document = told(ConnectError("5555444433332222", 8081, "refused"))
    assert (status, document["code"]) == (500, "internal")
    assert "5555444433332222" not in str(document) + str(logs)


def test_a_message_is_cleaned_masked_and_short() -> None:
    message = error_document("refused", "card 5555\x0044443333\u202e2222\x1b[2J\n" + "x" * 1000)["error"]["message"]
    assert message.startswith("card 0000000000002222[2Jxxx")
    assert message.isprintable()
    assert len(message) == LONGEST_MESSAGE


@pytest.mark.parametrize("before", range(LONGEST_MESSAGE - 20, LONGEST_MESSAGE))
def test_a_card_number_that_is_cut_is_masked_all_the_same(before: int) -> None:
    message = error_document("refused", " " * before + "5555444433332222" + " " * 100)["error"]["message"]
    assert "5" not in message
