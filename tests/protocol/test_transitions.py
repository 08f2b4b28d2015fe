"""The table of an exchange: every state and input has its place, and only what has ended has an ending."""

from __future__ import annotations

from ecrlan.protocol.transitions import EXCHANGE_TRANSITIONS, OPEN_STATES, ExchangeInput, ExchangeState


def test_every_state_and_input_is_in_the_table() -> None:
    assert {state for state, _ in EXCHANGE_TRANSITIONS} == set(ExchangeState) - {ExchangeState.ENDED}
    assert {happened for _, happened in EXCHANGE_TRANSITIONS} == set(ExchangeInput)


def test_only_ended_has_an_ending() -> None:
    for state, ending in EXCHANGE_TRANSITIONS.values():
        assert (state is ExchangeState.ENDED) == (ending is not None)


def test_whatever_is_open_ends_with_its_time_or_its_line() -> None:
    for state in OPEN_STATES:
        for happened in (ExchangeInput.TIME_OVER, ExchangeInput.LINE_LOST):
            assert EXCHANGE_TRANSITIONS[state, happened][0] is ExchangeState.ENDED
