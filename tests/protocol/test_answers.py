from __future__ import annotations

import pytest

from ecrlan.model import (
    CaptureRequest,
    CloseSessionRequest,
    CloseSessionResponse,
    Code,
    Evidence,
    ExtendedPurchaseRequest,
    IncrementRequest,
    LastResultRequest,
    PaymentResult,
    PreauthorizationRequest,
    PrintingRequest,
    PurchaseRequest,
    ReceiptPart,
    Request,
    Response,
    StatusRequest,
    StatusResponse,
    TotalsRequest,
    TotalsResponse,
    VasPart,
    VasRequest,
    VerifyCardRequest,
    VoidRequest,
)
from ecrlan.protocol.answers import ANSWERS, ONLY_AFTER_ACK, amount_problem, answer_problem, may_answer

TID = "37105051"
P = PurchaseRequest(amount=650)
X = ExtendedPurchaseRequest(amount=650)
S = VoidRequest()
H = VerifyCardRequest()
PREAUTHORIZATION = PreauthorizationRequest(amount=650)
INCREMENT = IncrementRequest(amount=650, preauthorization_code="000000001")
CAPTURE = CaptureRequest(amount=650, preauthorization_code="000000001")
STATUS = StatusResponse(terminal_id=TID, terminal_time=None, terminal_status=2, software_release="X")
FORMS = [
    ("E", 71),
    ("E", 74),
    ("E", 84),
    ("E", 92),
    ("V", 117),
    ("e", 106),
    ("i", 75),
    ("c", 71),
    ("c", 74),
    ("v", 109),
]

OTHER_AMOUNT = Evidence(Code.OTHER_AMOUNT, {"amount": 651, "asked": 650})


def of_form(code: Code, form: tuple[str, int], asked: Request) -> Evidence:
    return Evidence(code, {"letter": form[0], "length": form[1], "request": asked.code})


def result(code: str, length: int, amount: int | None = None, *, approved: bool = True) -> PaymentResult:
    return PaymentResult(terminal_id=TID, code=code, length=length, result="00" if approved else "01", amount=amount)


@pytest.mark.parametrize(
    ("request_", "answers"),
    [
        (P, {("E", 71), ("E", 74), ("E", 92), ("V", 117)}),
        (X, {("E", 71), ("E", 74), ("E", 92), ("V", 117)}),
        (S, {("E", 84)}),
        (H, {("E", 71), ("E", 74)}),
        (PREAUTHORIZATION, {("e", 106)}),
        (INCREMENT, {("i", 75)}),
        (CAPTURE, {("c", 71), ("c", 74), ("v", 109)}),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_each_form_answers_the_requests_that_it_is_made_for(
    request_: Request, answers: set[tuple[str, int]], form: tuple[str, int]
) -> None:
    problem = answer_problem(request_, result(*form), acknowledged=True)
    expected = None if form in answers else of_form(Code.FORM_NO_ANSWER_TO, form, request_)
    assert problem == expected


def test_an_extended_result_answers_a_plain_purchase_with_its_amount_compared() -> None:
    """exchange.md §4 and §8: 71, 74 and 92 are right live; never 92 in recovery."""
    assert answer_problem(P, result("E", 92, 650), acknowledged=True) is None
    assert answer_problem(P, result("E", 92, 651), acknowledged=True) == OTHER_AMOUNT


@pytest.mark.parametrize(("request_", "form"), [(X, ("E", 71)), (X, ("E", 74)), (X, ("V", 117)), (P, ("E", 92))])
def test_some_forms_are_answers_only_after_the_ack(request_: Request, form: tuple[str, int]) -> None:
    assert form in ONLY_AFTER_ACK[request_.code], "and never in recovery"
    assert answer_problem(request_, result(*form), acknowledged=True) is None
    early = answer_problem(request_, result(*form), acknowledged=False)
    assert early == of_form(Code.ONLY_AFTER_ACK, form, request_)


@pytest.mark.parametrize(("request_", "form"), [(X, ("E", 92)), (P, ("E", 71)), (P, ("E", 74)), (P, ("V", 117)), (S, ("E", 84))])
def test_the_others_answer_without_it_too(request_: Request, form: tuple[str, int]) -> None:
    assert answer_problem(request_, result(*form), acknowledged=False) is None


@pytest.mark.parametrize("length", [71, 74])
@pytest.mark.parametrize("tolerate_lengths", [False, True])
def test_a_short_result_is_no_answer_where_it_may_be_another_requests(length: int, tolerate_lengths: bool) -> None:
    """exchange.md §4: only if the terminal never answered `X` by 92, and no earlier `H`, `P` or `X` is without its seen result."""
    problem = answer_problem(X, result("E", length), acknowledged=True, accept_short=False, tolerate_lengths=tolerate_lengths)
    assert problem == Evidence(Code.SHORT_NO_ANSWER, {"letter": "E", "length": length})
    assert answer_problem(P, result("E", length), acknowledged=True, accept_short=False) is None
    assert answer_problem(X, result("E", 92, 650), acknowledged=True, accept_short=False) is None


@pytest.mark.parametrize(
    ("request_", "form", "tolerated"),
    [
        (S, ("E", 71), True),
        (S, ("E", 74), True),
        (S, ("E", 92), False),
        (P, ("E", 84), False),
        (H, ("E", 84), False),
        (H, ("E", 92), False),
        (X, ("E", 84), False),
        (P, ("e", 106), False),
        (PREAUTHORIZATION, ("e", 100), True),
        (CAPTURE, ("v", 109), True),
        (CAPTURE, ("c", 75), True),
        (INCREMENT, ("c", 74), False),
        (PREAUTHORIZATION, ("V", 117), False),
    ],
)
def test_tolerated_lengths_are_never_another_kinds(request_: Request, form: tuple[str, int], tolerated: bool) -> None:
    problem = answer_problem(request_, result(*form), acknowledged=True, tolerate_lengths=True)
    assert problem == (None if tolerated else of_form(Code.FORM_NO_ANSWER_TO, form, request_))
    if tolerated and form not in ANSWERS[request_.code]:
        early = answer_problem(request_, result(*form), acknowledged=False, tolerate_lengths=True)
        assert early == of_form(Code.ONLY_AFTER_ACK, form, request_)


@pytest.mark.parametrize(
    ("request_", "right", "wrong"),
    [
        (StatusRequest(), STATUS, TotalsResponse(terminal_id=TID, result="00")),
        (CloseSessionRequest(), CloseSessionResponse(terminal_id=TID, result="00"), result("c", 74)),
        (TotalsRequest(), TotalsResponse(terminal_id=TID, result="00"), STATUS),
        (VasRequest(xml="<ecrreq/>"), VasPart(terminal_id=TID, more=False, sequence=1, xml="<ecrres/>"), result("E", 71)),
        (LastResultRequest(), result("E", 71), STATUS),
        (LastResultRequest(), result("e", 106, 1), VasPart(terminal_id=TID, more=False, sequence=1, xml="<ecrres/>")),
        (P, result("E", 71), STATUS),
        (P, result("E", 71), ReceiptPart(terminal_id=TID, receipt_text=b"}")),
    ],
)
def test_other_requests_are_answered_by_their_own_message(request_: Request, right: Response, wrong: Response) -> None:
    assert answer_problem(request_, right, acknowledged=True) is None
    assert answer_problem(request_, wrong, acknowledged=True) == Evidence(
        Code.NO_ANSWER_TO, {"letter": wrong.code, "request": request_.code}
    )


@pytest.mark.parametrize(
    ("request_", "letters"),
    [
        (P, "EV"),
        (X, "EV"),
        (S, "E"),
        (H, "E"),
        (PREAUTHORIZATION, "e"),
        (INCREMENT, "i"),
        (CAPTURE, "cv"),
        (LastResultRequest(), "EVeicv"),
        (StatusRequest(), "s"),
        (CloseSessionRequest(), "C"),
        (TotalsRequest(), "T"),
        (VasRequest(xml="<ecrreq/>"), "K"),
        (PrintingRequest(), ""),
    ],
)
def test_letters_that_may_answer_whatever_their_form(request_: Request, letters: str) -> None:
    assert "".join(letter for letter in "EVeicvsCTKSU" if may_answer(request_, letter)) == letters


def test_amounts_are_compared_where_an_approval_has_one() -> None:
    assert amount_problem(X, result("E", 92, 650)) is None
    assert amount_problem(X, result("E", 92, 651)) == OTHER_AMOUNT
    assert amount_problem(X, result("V", 117, 651)) == OTHER_AMOUNT
    assert amount_problem(PREAUTHORIZATION, result("e", 106, 651)) == OTHER_AMOUNT
    assert amount_problem(X, result("E", 71)) is None, "it has none"
    assert amount_problem(X, result("E", 92, 0, approved=False)) is None, "nothing was charged"
    assert amount_problem(S, result("E", 84)) is None
    assert answer_problem(X, result("E", 92, 651), acknowledged=True) == OTHER_AMOUNT
