"""Which message answers which request (exchange.md §3 and §4, messages.md).

A result carries nothing that names its request. What can be compared is compared: code, exact length, amount. TID and STAN are the
exchange's to check.
"""

from __future__ import annotations

from ecrlan.model import REQUEST_TYPES, RESULT_CODES, Code, Evidence, Forms, PaymentResult, PurchaseRequest, Request, Response

ANSWERS: dict[str, Forms] = {request.code: request.answers for request in REQUEST_TYPES if request.answers}
"""The forms (code, length in bytes) that answer a payment request."""

ONLY_AFTER_ACK: dict[str, Forms] = {request.code: request.only_after_ack for request in REQUEST_TYPES if request.only_after_ack}
"""Forms that are taken live after the request's ACK and never in recovery (exchange.md §4)."""

EXTENDED_LENGTH = 92
"""Bytes of the extended result; a shorter `E` has no amount."""
OTHER_KINDS = frozenset({("E", 84), ("E", 92), ("v", 109), ("V", 117)})
"""Forms that are one kind's own: `tolerate_lengths` never takes them for another's."""


def may_answer(request: Request, code: str) -> bool:
    """Tell whether a message with this code letter can be the answer to `request`, whatever its form."""
    if request.answered_by_own_code:
        return code == request.code
    if request.code == "G":
        return code in RESULT_CODES
    return any(letter == code for letter, _ in ANSWERS.get(request.code, frozenset()))


def answer_problem(
    request: Request, response: Response, *, acknowledged: bool, tolerate_lengths: bool = False, accept_short: bool = True
) -> Evidence | None:
    """Say why `response` is not the answer to `request`, or None where code, length and amount are the request's.

    `accept_short`: an `E` of 71 or 74 bytes may answer an `X`.
    """
    code = request.code
    if request.answered_by_own_code:
        return None if response.code == code else Evidence(Code.NO_ANSWER_TO, {"letter": response.code, "request": code})
    if not isinstance(response, PaymentResult):
        return Evidence(Code.NO_ANSWER_TO, {"letter": response.code, "request": code})
    if code == "G":
        return None
    form = (response.code, response.length)
    guarded = form in ONLY_AFTER_ACK.get(code, frozenset())
    if form not in ANSWERS.get(code, frozenset()):
        if not (tolerate_lengths and _is_tolerable(code, form)):
            return Evidence(Code.FORM_NO_ANSWER_TO, {"letter": response.code, "length": response.length, "request": code})
        guarded = True
    if guarded and not acknowledged:
        return Evidence(Code.ONLY_AFTER_ACK, {"letter": response.code, "length": response.length, "request": code})
    if code == "X" and response.code == "E" and response.length < EXTENDED_LENGTH and not accept_short:
        return Evidence(Code.SHORT_NO_ANSWER, {"letter": response.code, "length": response.length})
    return amount_problem(request, response)


def _is_tolerable(code: str, form: tuple[str, int]) -> bool:
    """Tell whether a form that is in no table for `code` is its answer, cut short or lengthened: never a form that is another kind's."""
    letters = {letter for letter, _ in ANSWERS.get(code, frozenset())}
    return form[0] in letters and form not in OTHER_KINDS


def amount_problem(request: Request, result: PaymentResult) -> Evidence | None:
    """Say that an approval is for another amount; None where it agrees or where the message has none (`E` of P, S, H; `i`, `c`)."""
    if not isinstance(request, PurchaseRequest):
        return None
    if result.approved and result.amount is not None and result.amount != request.amount:
        return Evidence(Code.OTHER_AMOUNT, {"amount": result.amount, "asked": request.amount})
    return None
