"""Which message answers which request (exchange.md §3 and §4, messages.md).

A result carries nothing that names its request. What can be compared is compared: code, exact length, amount. TID and STAN are the
exchange's to check.
"""

from __future__ import annotations

from ecrlan.model import (
    PaymentResult,
    PurchaseRequest,
    Request,
    Response,
)

ANSWERS: dict[str, frozenset[tuple[str, int]]] = {
    "P": frozenset({("E", 71), ("V", 117)}),
    "X": frozenset({("E", 92), ("V", 117), ("E", 71)}),
    "p": frozenset({("e", 106)}),
    "S": frozenset({("E", 84)}),
    "i": frozenset({("i", 75)}),
    "c": frozenset({("c", 71), ("c", 74), ("v", 109)}),
    "H": frozenset({("E", 71)}),
}
"""The forms (code, length in bytes) that answer a payment request."""

ONLY_AFTER_ACK: dict[str, frozenset[tuple[str, int]]] = {"X": frozenset({("E", 71), ("V", 117)})}
"""Forms that are taken live after the request's ACK and never in recovery (exchange.md §4)."""

CUT_LENGTHS = frozenset({71, 74})
"""Lengths of an `E` that `tolerate_lengths` accepts in place of a longer one (messages.md)."""

SAME_LETTER = frozenset("sCTK")
"""Requests that are answered by a message of their own code."""


def answer_problem(request: Request, response: Response, *, acknowledged: bool, tolerate_lengths: bool = False) -> str | None:
    """Say why `response` is not the answer to `request`, or None where code, length and amount are the request's."""
    code = request.code
    if code in SAME_LETTER:
        return None if response.code == code else f"{response.code} does not answer {code}"
    if not isinstance(response, PaymentResult):
        return f"{response.code} does not answer {code}"
    if code == "G":
        return None
    form = (response.code, response.length)
    allowed = form in ANSWERS.get(code, frozenset())
    guarded = form in ONLY_AFTER_ACK.get(code, frozenset())
    if not allowed and tolerate_lengths and response.code == "E" and response.length in CUT_LENGTHS and code in "PXSH":
        allowed = guarded = True
    if not allowed:
        return f"{response.code} of {response.length} bytes does not answer {code}"
    if guarded and not acknowledged:
        return f"{response.code} of {response.length} bytes answers {code} only after its ACK"
    return amount_problem(request, response)


def amount_problem(request: Request, result: PaymentResult) -> str | None:
    """Say that an approval is for another amount; None where it agrees or where the message has none (`E` of P, S, H; `i`, `c`)."""
    if not isinstance(request, PurchaseRequest):
        return None
    if result.approved and result.amount is not None and result.amount != request.amount:
        return f"amount {result.amount} instead of {request.amount} cents"
    return None
