from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecrlan.model import (
    CloseSessionRequest,
    ExtendedPurchaseRequest,
    HostTime,
    PaymentResult,
    PreauthorizationRequest,
    PurchaseRequest,
    Request,
    VoidRequest,
)
from ecrlan.protocol.clock import LearnedClock
from ecrlan.protocol.identity import seen_key, vas_key
from ecrlan.protocol.memory import Memory, Refusal, Standing, is_beyond, next_stan, same_result

TID = "37105051"
PLACE = "10.0.0.5:8081"
NOW = datetime(2026, 11, 23, 17, 44, tzinfo=UTC)  # 18:44 in Rome, day 327
APPROVED = PaymentResult(
    terminal_id=TID,
    code="E",
    length=71,
    result="00",
    pan="1234",
    authorization_code="123456",
    host_time=HostTime(327, 18, 40),
    stan="000042",
)
REFUSED = PaymentResult(terminal_id=TID, code="E", length=71, result="01", reason="ABORTED_MANUALLY", stan="000042")
NEXT = replace(APPROVED, stan="000043", authorization_code="222222", host_time=HostTime(327, 18, 43))
ANEW = replace(NEXT, stan="000001")


def make_memory(**options: object) -> Memory:
    return Memory(place=PLACE, terminal_id=TID, **options)  # type: ignore[arg-type]  # each test names its own


def message_of(result: PaymentResult) -> bytes:
    """Return bytes that are equal for equal results."""
    return repr(result).encode()


def after(*results: PaymentResult, **options: object) -> Memory:
    """Return what is known after these results of operations of ours."""
    memory = make_memory(**options)
    for result in results:
        memory.remember(result, message_of(result), is_saved=True)
    return memory


def standing(memory: Memory, result: PaymentResult, now: datetime = NOW) -> Standing:
    return memory.judge_of_now()(result, message_of(result), now)


# --- STANs ---


@pytest.mark.parametrize(("stan", "following"), [("000000", "000001"), ("000041", "000042"), ("999998", "999999"), ("999999", "000001")])
def test_stans_go_on_with_one_after_the_highest(stan: str, following: str) -> None:
    assert next_stan(stan) == following


@pytest.mark.parametrize(
    ("stan", "last", "beyond"),
    [
        ("000042", "000041", True),
        ("000041", "000041", False),
        ("000040", "000041", False),
        ("000001", "999999", True),
        ("999999", "000001", False),
        ("500000", "000001", False),
        ("499999", "000001", True),
    ],
)
def test_beyond_is_less_than_half_the_way_round(stan: str, last: str, beyond: bool) -> None:
    assert is_beyond(stan, last) is beyond


# --- who it is ---


def test_a_terminal_is_its_tid_or_its_place() -> None:
    assert make_memory().identity == TID
    assert Memory(place=PLACE).identity == PLACE
    assert Memory(place=PLACE, terminal_id="00000000").identity == PLACE


def test_00000000_is_nobody_and_never_another_terminal() -> None:
    memory = make_memory()
    assert memory.is_another("11111111")
    assert not memory.is_another(TID)
    assert not memory.is_another("00000000")
    assert not Memory(place=PLACE).is_another("11111111"), "nobody knows yet who it is"


# --- how a result stands to those that were seen ---


def test_a_result_that_nobody_saw_is_new() -> None:
    memory = make_memory()
    assert standing(memory, APPROVED) is Standing.NEW
    assert standing(memory, REFUSED) is Standing.NEW


def test_an_approval_that_was_seen_is_never_new_in_whatever_form() -> None:
    memory = after(APPROVED)
    assert standing(memory, APPROVED) is Standing.SEEN
    assert standing(memory, replace(APPROVED, length=92, amount=650)) is Standing.SEEN


@pytest.mark.parametrize(("result", "expected"), [("01", Standing.REPEATED), ("05", Standing.REPEATED), ("09", Standing.NEW)])
def test_a_refusal_like_an_earlier_one_is_repeated(result: str, expected: Standing) -> None:
    """A code that says neither approved nor refused is taken as it comes: unresolved."""
    refused = replace(REFUSED, result=result)
    assert standing(after(refused), refused) is expected
    assert standing(after(refused), replace(refused, reason="ALTRA")) is Standing.NEW


def test_results_of_nobodys_are_seen_too() -> None:
    memory = make_memory()
    memory.see(APPROVED, b"")
    memory.see(REFUSED, message_of(REFUSED))
    assert standing(memory, APPROVED) is Standing.SEEN
    assert standing(memory, REFUSED) is Standing.REPEATED
    assert memory.was_seen(APPROVED, b"")
    assert not memory.was_seen(NEXT, b"")
    assert not memory.is_known(APPROVED, b"")


def test_what_is_seen_later_does_not_change_a_judgement_of_before() -> None:
    memory = make_memory()
    judge = memory.judge_of_now()
    memory.see(APPROVED, b"")
    memory.see(REFUSED, message_of(REFUSED))
    assert judge(APPROVED, b"", NOW) is Standing.NEW, "this request's own, that came twice"
    assert judge(REFUSED, message_of(REFUSED), NOW) is Standing.NEW
    memory.judge_of_now()
    memory.see(APPROVED, b"")
    assert memory.judge_of_now()(APPROVED, b"", NOW) is Standing.SEEN


def test_what_was_seen_first_stays_seen() -> None:
    memory = make_memory()
    memory.see(APPROVED, b"")
    judge = memory.judge_of_now()
    memory.see(APPROVED, b"")
    assert judge(APPROVED, b"", NOW) is Standing.SEEN


def test_a_refusal_may_carry_any_stan() -> None:
    for stan in ("000000", "000001", APPROVED.stan):
        assert standing(after(APPROVED), replace(REFUSED, stan=stan)) is Standing.NEW


# --- STANs that start anew ---


def test_the_next_stan_is_no_new_series() -> None:
    memory = after(APPROVED)
    assert standing(memory, NEXT) is Standing.NEW
    assert not memory.begins_series(NEXT.stan)
    assert not memory.begins_series("000000")
    assert not make_memory().begins_series(NEXT.stan)


def test_stans_may_start_anew() -> None:
    """A3: 2, 3, 4, then 2, 3, 4 within an hour under one TID."""
    memory = after(APPROVED)
    assert memory.begins_series(ANEW.stan)
    assert standing(memory, ANEW) is Standing.NEW
    assert standing(memory, replace(ANEW, stan=APPROVED.stan)) is Standing.NEW, "the very STAN of the last one"


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({"host_time": HostTime(327, 18, 40)}, Standing.NEW),  # the same minute
        ({"host_time": HostTime(327, 18, 39)}, Standing.OUT_OF_SERIES),
        ({"host_time": None}, Standing.OUT_OF_SERIES),
        ({"authorization_code": "123456"}, Standing.OUT_OF_SERIES),
        ({"authorization_code": None}, Standing.OUT_OF_SERIES),
        ({"authorization_code": None, "length": 84}, Standing.NEW),  # that of a void has none
        ({"host_time": HostTime(366, 18, 45)}, Standing.OUT_OF_SERIES),  # no day of this year
    ],
)
def test_a_new_series_needs_a_later_host_time_and_another_authorization_code(differs: dict[str, object], expected: Standing) -> None:
    assert standing(after(APPROVED), replace(ANEW, **differs)) is expected  # type: ignore[arg-type]  # names from the table


def test_a_new_series_needs_a_clock_that_is_not_contradicted() -> None:
    contradicted = after(APPROVED, clock=LearnedClock(contradicted=True))
    assert standing(contradicted, ANEW) is Standing.OUT_OF_SERIES
    assert standing(contradicted, NEXT) is Standing.NEW, "within the series the clock does not matter"


def test_a_last_approval_without_host_time_proves_nothing_against_a_new_series() -> None:
    assert standing(after(replace(APPROVED, host_time=None)), ANEW) is Standing.NEW


def test_where_only_refusals_are_known_stans_may_be_any() -> None:
    memory = after(REFUSED)
    assert memory.last_stan == REFUSED.stan
    assert not memory.last_approval
    assert standing(memory, ANEW) is Standing.NEW


def test_a_new_series_across_the_turn_of_the_year() -> None:
    memory = after(replace(APPROVED, host_time=HostTime(365, 23, 58)))
    midnight = datetime(2026, 12, 31, 23, 5, tzinfo=UTC)
    assert standing(memory, replace(ANEW, host_time=HostTime(1, 0, 4)), midnight) is Standing.NEW
    assert standing(memory, replace(ANEW, host_time=HostTime(365, 23, 57)), midnight) is Standing.OUT_OF_SERIES


@pytest.mark.parametrize("minute", [10, 31])
def test_in_the_doubled_hour_both_readings_must_show_that_a_new_series_is_later(minute: int) -> None:
    """The last one was at 02:30; 02:10 and 02:31 may each lie before it (exchange.md §5, "The learned clock")."""
    memory = after(replace(APPROVED, host_time=HostTime(298, 2, 30)))
    night = datetime(2026, 10, 25, 1, 35, tzinfo=UTC)
    assert standing(memory, replace(ANEW, host_time=HostTime(298, 2, minute)), night) is Standing.OUT_OF_SERIES
    assert standing(memory, replace(ANEW, host_time=HostTime(298, 3, 1)), night) is Standing.NEW


def test_a_new_series_forgets_the_bare_stans_and_no_result() -> None:
    memory = after(replace(APPROVED, stan="000001"), APPROVED)
    assert memory.stans == {"000001", "000042"}
    again = replace(NEXT, stan="000001")
    assert memory.remember(again, message_of(again), is_saved=True)
    assert memory.stans == {"000001"}
    assert memory.last_stan == "000001"
    assert standing(memory, APPROVED) is Standing.SEEN
    following = replace(NEXT, stan="000002", authorization_code="333333")
    assert standing(memory, following) is Standing.NEW
    assert not memory.remember(following, message_of(following), is_saved=True)


def test_a_refusal_never_begins_a_series() -> None:
    memory = after(APPROVED)
    low = replace(REFUSED, stan="000007")
    assert not memory.remember(low, message_of(low), is_saved=True)
    assert memory.last_stan == APPROVED.stan
    assert memory.stans == {"000042", "000007"}
    high = replace(REFUSED, stan="000043")
    memory.remember(high, message_of(high), is_saved=True)
    assert memory.last_stan == "000043"
    assert memory.last_approval == seen_key(APPROVED, b"")


def test_an_authorization_code_may_hold_any_character() -> None:
    odd = replace(APPROVED, authorization_code="12|4|6")
    memory = after(odd)
    assert standing(memory, ANEW) is Standing.NEW
    assert standing(memory, replace(ANEW, authorization_code="12|4|6")) is Standing.OUT_OF_SERIES


# --- the last result ---


def test_a_result_that_is_saved_becomes_the_baseline() -> None:
    memory = make_memory()
    assert not memory.baseline_is_fresh(PurchaseRequest(amount=1), standalone_use=False)
    memory.remember(APPROVED, b"message", is_saved=True)
    assert (memory.baseline, memory.baseline_message, memory.fresh) == (APPROVED, b"message", True)
    assert memory.is_known(APPROVED, b"message")
    memory.set_stale()
    assert not memory.fresh
    memory.remember(NEXT, b"other", is_saved=False)
    assert memory.baseline == APPROVED, "a card verification is not saved"
    assert not memory.fresh


def test_a_result_without_stan_leaves_the_series_as_it_is() -> None:
    memory = after(APPROVED)
    bare = replace(REFUSED, stan="000000")
    memory.remember(bare, message_of(bare), is_saved=True)
    assert memory.stans == {"000042"}
    assert memory.last_stan == "000042"
    assert memory.baseline == bare


@pytest.mark.parametrize(
    ("options", "standalone_use", "fresh"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"used_by_hand": True}, False, False),
        ({"must_ask": True}, False, False),
    ],
)
def test_a_fresh_baseline_spares_the_question(options: dict[str, object], standalone_use: bool, fresh: bool) -> None:
    assert after(APPROVED, **options).baseline_is_fresh(PurchaseRequest(amount=1), standalone_use=standalone_use) is fresh


def test_what_the_terminal_answers_becomes_the_baseline() -> None:
    memory = make_memory()
    memory.set_baseline(None)
    assert (memory.baseline, memory.fresh) == (None, False)
    memory.set_baseline(APPROVED, b"message")
    assert (memory.baseline, memory.baseline_message, memory.fresh) == (APPROVED, b"message", True)
    assert memory.was_seen(APPROVED, b"message")
    assert not memory.is_known(APPROVED, b"message")


def test_a_last_result_is_somebody_elses_only_where_it_can_be_none_of_ours() -> None:
    assert after(APPROVED).is_foreign(NEXT, b"")
    assert not after(APPROVED).is_foreign(APPROVED, b""), "ours"
    assert not after(APPROVED).is_foreign(replace(REFUSED, stan="000043"), b""), "a refusal"
    assert not make_memory().is_foreign(NEXT, b""), "an empty journal takes it as its baseline"
    assert not after(APPROVED).is_foreign(replace(NEXT, stan="000041"), b""), "from before the first operation of ours"
    assert not after(APPROVED, unseen_operations={"A-1"}).is_foreign(NEXT, b""), "the lost one's, perhaps"
    seen = after(APPROVED)
    seen.see(NEXT, b"")
    assert not seen.is_foreign(NEXT, b""), "known since an earlier answer"


@pytest.mark.parametrize(
    ("baseline", "last_stan", "previous"),
    [
        (None, None, None),
        (None, "000042", "000042"),
        ("000000", None, None),
        ("000000", "000042", "000042"),
        ("000042", None, "000042"),
        ("000042", "000042", "000042"),
        ("000042", "000043", "000043"),  # a card verification came after it
        ("000042", "000041", "000042"),  # a payment by hand came after ours
        ("000001", "999999", "000001"),
        ("999999", "000001", "000001"),
    ],
)
def test_the_stan_before_is_the_later_one_that_is_known(baseline: str | None, last_stan: str | None, previous: str | None) -> None:
    memory = make_memory(last_stan=last_stan)
    if baseline is not None:
        memory.set_baseline(replace(APPROVED, stan=baseline))
    assert memory.previous_stan() == previous


def test_the_journal_tells_what_was_seen() -> None:
    ours, stray = seen_key(APPROVED, b""), seen_key(NEXT, b"")
    memory = make_memory()
    memory.recall([ours], [stray], ["000042"], "000042", ours)
    assert memory.is_known(APPROVED, b"")
    assert not memory.is_known(NEXT, b"")
    assert standing(memory, APPROVED) is standing(memory, NEXT) is Standing.SEEN
    assert memory.stans == {"000042"}
    assert standing(memory, replace(ANEW, authorization_code="123456")) is Standing.OUT_OF_SERIES
    empty = make_memory()
    empty.recall([], [stray], [], None, "")
    assert standing(empty, NEXT) is Standing.SEEN


# --- two answers, one result ---


def test_same_result_looks_at_what_identifies_it() -> None:
    assert same_result(APPROVED, replace(APPROVED, action_code="999", entry_mode="MAG"))
    for differs in (
        {"stan": "000043"},
        {"host_time": HostTime(327, 18, 46)},
        {"terminal_id": "11111111"},
        {"result": "01"},
        {"length": 92},
        {"code": "V"},
        {"amount": 1},
        {"online_id": "000001"},
        {"authorization_code": "999999"},
        {"pan": "9999"},
        {"preauthorization_code": "000000001"},
    ):
        assert not same_result(APPROVED, replace(APPROVED, **differs))  # type: ignore[arg-type]  # names from the table


# --- what it takes ---


@pytest.mark.parametrize(
    ("request_", "acknowledged", "before", "afterwards"),
    [
        (ExtendedPurchaseRequest(amount=1), False, None, None),
        (ExtendedPurchaseRequest(amount=1), True, None, True),
        (ExtendedPurchaseRequest(amount=1), True, False, True),
        (PurchaseRequest(amount=1), True, None, False),
        (PurchaseRequest(amount=1), False, None, None),
        (PurchaseRequest(amount=1), True, True, True),
        (PreauthorizationRequest(amount=1), True, None, None),
        (VoidRequest(), True, None, None),
    ],
)
def test_an_ack_tells_whether_extended_purchases_are_taken(request_, acknowledged, before, afterwards) -> None:
    memory = make_memory(takes_extended=before)
    memory.learn_purchase_code(request_, acknowledged=acknowledged)
    assert memory.takes_extended is afterwards


def test_a_result_that_was_seen_is_unseen_no_more() -> None:
    memory = make_memory()
    memory.unseen, memory.unseen_operations = ("A-1", 10.0), {"A-1", "A-2"}
    memory.forget_unseen("A-2")
    assert (memory.unseen, memory.unseen_operations) == (("A-1", 10.0), {"A-1"})
    memory.forget_unseen("A-1")
    assert (memory.unseen, memory.unseen_operations) == (None, set())


def test_vas_answers_of_ours_are_known_also_after_a_restart() -> None:
    memory = make_memory()
    assert not memory.knows_vas("<ecrres/>")
    memory.remember_vas("<ecrres/>")
    assert memory.knows_vas("<ecrres/>")
    recalled = make_memory()
    recalled.recall([vas_key("<ecrres/>")], [], [], None, "")
    assert recalled.knows_vas("<ecrres/>")


@pytest.mark.parametrize(("stan", "taken"), [("000043", True), ("000042", False), ("000044", False)])
def test_whether_refusals_take_stans_is_learned(stan: str, *, taken: bool) -> None:
    memory = after(APPROVED)
    memory.remember(replace(REFUSED, stan=stan), b"a refusal", is_saved=True)
    assert memory.refusals_take_stans is taken


@pytest.mark.parametrize(("request_", "fresh"), [(PurchaseRequest(amount=1), False), (CloseSessionRequest(), True)])
def test_after_a_refusal_the_last_result_is_asked_for_before_what_it_may_prove(request_: Request, *, fresh: bool) -> None:
    memory = after(REFUSED)
    assert memory.baseline_is_fresh(request_, standalone_use=False)
    memory.last_refusal = Refusal("sale", PurchaseRequest(amount=1), NOW)
    assert memory.baseline_is_fresh(request_, standalone_use=False) is fresh
