import pytest

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.manners import Manners
from ecrlan.emulator.progress import Progress, plan_progress
from ecrlan.model import PurchaseRequest, StatusRequest

PURCHASE = PurchaseRequest(amount=650)


def test_texts_are_spread_over_the_time():
    plan = plan_progress(PURCHASE, Behaviour(think_seconds=4.0, progress=("A", "B")), is_late=False)
    assert plan == Progress(4.0, ((0.0, "A"), (2.0, "B")))


@pytest.mark.parametrize(("is_late", "seconds"), [(False, 0.0), (True, 200.0)])
def test_what_needs_no_thinking(is_late, seconds):
    assert plan_progress(StatusRequest(), Behaviour(think_seconds=4.0), is_late=is_late) == Progress(seconds)


def test_a_late_one_takes_its_own_time():
    assert plan_progress(PURCHASE, Behaviour(late_seconds=9.0, progress=("A",)), is_late=True) == Progress(9.0, ((0.0, "A"),))


def test_amounts_choose_time_and_texts():
    plan = plan_progress(PurchaseRequest(amount=9030), Behaviour(), is_late=False)
    assert (plan.seconds, [seconds for seconds, _ in plan.texts]) == (3.0, [0.0, 1.0, 2.0])


@pytest.mark.parametrize(("think", "seconds"), [(0.0, 0.96), (5.0, 5.0)])
def test_many_texts_take_their_time_too(think, seconds):
    plan = plan_progress(PURCHASE, Behaviour(think_seconds=think, manners=Manners("many_progress")), is_late=False)
    assert plan.seconds == pytest.approx(seconds)
    assert [at for at, _ in plan.texts] == pytest.approx([0.04 * place for place in range(24)])
    assert plan.manners == ("many_progress",)
