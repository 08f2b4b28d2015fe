"""What an ended exchange means for its operation. Pure; the last gate before a customer is told "paid"."""

from __future__ import annotations

from ecrlan.errors import MalformedMessageError
from ecrlan.model import (
    MONEY_KINDS,
    Approved,
    CloseSessionResponse,
    Code,
    Declined,
    Done,
    Evidence,
    Kind,
    NotPerformed,
    Outcome,
    PaymentResult,
    Request,
    Response,
    StatusResponse,
    TotalsResponse,
    Unresolved,
    VasPart,
    VasRequest,
    evidence_of,
    verbatim,
)
from ecrlan.model.vas_request import READING_FUNCTIONS, function_of
from ecrlan.protocol.answers import amount_problem
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.step import Ending
from ecrlan.protocol.vas import parse_vas


def moves_money(kind: Kind, request: Request) -> bool:
    """Tell whether the operation can charge, reverse or close something, so that silence leaves it unresolved."""
    if kind is Kind.VAS and isinstance(request, VasRequest):
        return function_of(request.xml) not in READING_FUNCTIONS
    return kind in MONEY_KINDS


def outcome_of_answer(kind: Kind, request: Request, response: Response) -> Outcome:
    """Return the outcome that `response`, which belongs to `request`, gives the operation."""
    if isinstance(response, PaymentResult):
        if kind is Kind.LAST_RESULT:
            return Done(response=response)
        return _of_payment(request, response)
    if isinstance(response, CloseSessionResponse | TotalsResponse) and response.result == "01":
        own = getattr(response, "reason", None)
        return Declined(reason=_own_words(own), result=response if isinstance(response, CloseSessionResponse) else None)
    if isinstance(response, VasPart):
        return _of_vas(request, response)
    if isinstance(response, StatusResponse) or getattr(response, "result", "00") == "00":
        return Done(response=response)
    if kind is Kind.TOTALS:
        return NotPerformed(reason=Evidence(Code.ANSWERED_WITH, {"result": getattr(response, "result", "")}))
    return Unresolved(evidence=Evidence(Code.RESULT_UNKNOWN, {"result": getattr(response, "result", "")}))


def outcome_of_ending(kind: Kind, request: Request, exchange: Exchange, reason: Evidence) -> Outcome:
    """Return the outcome of an exchange that ended as it did; `reason` says how."""
    match exchange.ending:
        case Ending.ANSWERED if exchange.answer is not None:
            return outcome_of_answer(kind, request, exchange.answer)
        case Ending.ACKNOWLEDGED:
            return Done()
        case Ending.REFUSED:
            return NotPerformed(reason=Evidence(Code.NOT_TAKEN, {"cause": reason}))
        case _ if moves_money(kind, request):
            return Unresolved(evidence=reason)
        case _:
            return NotPerformed(reason=reason)


def _of_payment(request: Request, result: PaymentResult) -> Outcome:
    if result.result == "00":
        problem = amount_problem(request, result)
        if problem is not None:
            return Unresolved(evidence=problem)
        return Approved(stan=result.stan, authorization_code=result.authorization_code, pan=result.pan, result=result)
    if result.result == "01":
        return Declined(reason=_own_words(result.reason), result=result)
    if result.result == "05":
        return Declined(reason=Evidence(Code.CARD_NOT_PRESENT), result=result)
    return Unresolved(evidence=Evidence(Code.ANSWER_SAYS_NEITHER, {"result": result.result}))


def _of_vas(request: Request, part: VasPart) -> Outcome:
    try:
        answer = parse_vas(part.xml)
    except MalformedMessageError as error:
        return Unresolved(evidence=evidence_of(error))
    if not answer.get("RESPID"):
        return Unresolved(evidence=Evidence(Code.VAS_WITHOUT_RESULT))
    if answer["RESPID"] != "0":
        told = answer.get("RESPMSG")
        reason = verbatim(Code.TERMINAL_WORDS, told) if told else Evidence(Code.VAS_RESULT, {"result": answer["RESPID"]})
        return Declined(reason=reason, answer=answer)
    if isinstance(request, VasRequest) and function_of(request.xml) in READING_FUNCTIONS:
        return Done(response=part)
    return Approved(answer=answer)


def _own_words(text: str | None) -> Evidence:
    """Return why the terminal refused, in its own words where it gave any."""
    return verbatim(Code.TERMINAL_WORDS, text) if text else Evidence(Code.DECLINED)
