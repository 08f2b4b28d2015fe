"""The states of an exchange, what can happen to it, and what follows: one table (exchange.md §3 and §4)."""

from __future__ import annotations

from enum import Enum

from ecrlan.protocol.step import Ending


class ExchangeState(str, Enum):
    """Where the exchange stands."""

    IDLE = "idle"
    REQUESTING = "requesting"
    """The request is written; neither ACK nor final NAK yet."""
    ADDING = "adding"
    """The additional data are written; no ACK yet."""
    AWAITING_RESULT = "awaiting_result"
    HELD = "held"
    """A refusal that equals an earlier one came: the terminal is asked whether a payment is running."""
    RECEIVING_RECEIPT = "receiving_receipt"
    AWAITING_DATA = "awaiting_data"
    ENDED = "ended"


class ExchangeInput(str, Enum):
    """What can happen to an exchange."""

    START = "start"
    TAKEN = "request acknowledged"
    TAKEN_ADD = "request acknowledged, data to add"
    TAKEN_END = "request acknowledged, nothing follows"
    TAKEN_RECEIPT = "request acknowledged, receipt follows"
    NOT_TAKEN = "request refused for good"
    UNHEARD = "silence, request not repeated"
    AT_WORK = "request refused, and yet a sign of life"
    HELD_BACK = "refusal that equals an earlier one"
    NOT_READ = "answer that cannot be read"
    DOUBTED = "approval that may be an earlier request's"
    GIVEN_UP = "silence, request repeated in vain"
    ADDED = "data acknowledged, refused or unheard"
    ANSWERED_END = "result, nothing follows"
    ANSWERED_RECEIPT = "result, receipt follows"
    ANSWERED_DATA = "result, host data follow"
    COMPLETE = "receipt and data complete"
    RECEIPT_DONE = "receipt complete, host data follow"
    TIME_OVER = "time limit over"
    LINE_LOST = "line lost"


_S = ExchangeState
_I = ExchangeInput
OPEN_STATES = (_S.REQUESTING, _S.ADDING, _S.AWAITING_RESULT, _S.HELD)
"""Those in which the result has not come."""

EXCHANGE_TRANSITIONS: dict[tuple[ExchangeState, ExchangeInput], tuple[ExchangeState, Ending | None]] = {
    (_S.IDLE, _I.START): (_S.REQUESTING, None),
    (_S.IDLE, _I.LINE_LOST): (_S.ENDED, Ending.REFUSED),
    (_S.REQUESTING, _I.TAKEN): (_S.AWAITING_RESULT, None),
    (_S.REQUESTING, _I.TAKEN_ADD): (_S.ADDING, None),
    (_S.REQUESTING, _I.TAKEN_END): (_S.ENDED, Ending.ACKNOWLEDGED),
    (_S.REQUESTING, _I.TAKEN_RECEIPT): (_S.RECEIVING_RECEIPT, None),
    (_S.REQUESTING, _I.NOT_TAKEN): (_S.ENDED, Ending.REFUSED),
    (_S.REQUESTING, _I.UNHEARD): (_S.AWAITING_RESULT, None),
    (_S.REQUESTING, _I.AT_WORK): (_S.AWAITING_RESULT, None),
    (_S.REQUESTING, _I.GIVEN_UP): (_S.ENDED, Ending.UNANSWERED),
    (_S.AWAITING_RESULT, _I.NOT_TAKEN): (_S.ENDED, Ending.REFUSED),
    (_S.AWAITING_RESULT, _I.GIVEN_UP): (_S.ENDED, Ending.UNANSWERED),
    (_S.HELD, _I.GIVEN_UP): (_S.ENDED, Ending.UNANSWERED),
    **{(state, _I.HELD_BACK): (_S.HELD, None) for state in OPEN_STATES},
    **{(state, _I.NOT_READ): (_S.ENDED, Ending.UNREADABLE) for state in OPEN_STATES},
    **{(state, _I.DOUBTED): (_S.ENDED, Ending.UNANSWERED) for state in OPEN_STATES},
    (_S.AWAITING_RESULT, _I.TAKEN_ADD): (_S.ADDING, None),
    (_S.ADDING, _I.ADDED): (_S.AWAITING_RESULT, None),
    **{(state, _I.ANSWERED_END): (_S.ENDED, Ending.ANSWERED) for state in OPEN_STATES},
    **{(state, _I.ANSWERED_RECEIPT): (_S.RECEIVING_RECEIPT, None) for state in OPEN_STATES},
    **{(state, _I.ANSWERED_DATA): (_S.AWAITING_DATA, None) for state in OPEN_STATES},
    **{(state, _I.TIME_OVER): (_S.ENDED, Ending.UNANSWERED) for state in OPEN_STATES},
    **{(state, _I.LINE_LOST): (_S.ENDED, Ending.UNANSWERED) for state in OPEN_STATES},
    (_S.RECEIVING_RECEIPT, _I.RECEIPT_DONE): (_S.AWAITING_DATA, None),
    **{
        (state, happened): (_S.ENDED, Ending.ANSWERED)
        for state in (_S.RECEIVING_RECEIPT, _S.AWAITING_DATA)
        for happened in (_I.COMPLETE, _I.TIME_OVER, _I.LINE_LOST)
    },
}
"""Whatever does not stand here changes nothing. After RECEIVING_RECEIPT of a reprint, the ending is ACKNOWLEDGED instead of ANSWERED."""
