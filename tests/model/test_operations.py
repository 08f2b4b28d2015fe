"""Operations as calls return them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ecrlan.model import Approved, Code, Evidence, Kind, NotPerformed, Operation, State, Unresolved, with_outcome
from ecrlan.operation_json import operation_as_json

OPERATION: Operation = Operation(
    reference="sale-1",
    kind=Kind.PURCHASE,
    terminal="till-1",
    amount=650,
    state=State.FINISHED,
    outcome=Approved(),
    created_time=datetime(2026, 11, 23, 18, 44, tzinfo=UTC),
)


def test_an_operation_as_json_is_the_document_of_every_surface() -> None:
    assert OPERATION.to_json() == operation_as_json(OPERATION)


def test_what_a_call_returns_has_an_outcome() -> None:
    for outcome in (Approved(), NotPerformed(reason=Evidence(Code.CANCELLED)), Unresolved(evidence=Evidence(Code.TIME_OVER))):
        operation = replace(OPERATION, outcome=outcome)
        assert with_outcome(operation) is operation
    under_way = replace(OPERATION, state=State.RECOVERING, outcome=None, evidence=Evidence(Code.LINE_LOST))
    assert with_outcome(under_way).outcome == Unresolved(evidence=Evidence(Code.LINE_LOST))
    assert with_outcome(under_way).state is State.RECOVERING
    assert with_outcome(replace(under_way, evidence=None)).outcome == Unresolved(evidence=Evidence(Code.OUTCOME_UNKNOWN))
