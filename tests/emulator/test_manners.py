import pytest

from ecrlan.emulator import EmulatedTerminal
from ecrlan.emulator.manners import DEFAULT_MANNERS, MANNER_KINDS, MANNERS, Manners
from ecrlan.errors import InvalidValueError

ASKED_FOR = (
    "worded_status not_ready_word refusal_repeats_stan stan_anew e74 receipt_lines receipt_run_on host_time_behind approval_after_refusal "
    "many_progress blank_refusal pan_forms naks_after_missing_ack identified_by_zero silent_last_result closes_on_idle"
)


def test_every_manner_is_documented_in_one_line_of_each_language():
    assert set(ASKED_FOR.split()) == set(MANNER_KINDS) == set(MANNERS)
    for kind in MANNER_KINDS.values():
        for text in (kind.english, kind.italian):
            assert text
            assert "\n" not in text
            assert len(text) <= 140
        assert kind.english != kind.italian


def test_they_are_set_and_cleared_while_it_runs():
    manners = Manners("stan_anew", "e74")
    assert manners.names == tuple(manners) == ("stan_anew", "e74")
    manners.set("worded_status")
    manners.set("worded_status")
    manners.clear("stan_anew")
    manners.clear("stan_anew")
    assert manners.names == ("worded_status", "e74")
    assert "e74" in manners
    assert "stan_anew" not in manners
    assert repr(manners) == "Manners('worded_status', 'e74')"
    manners.clear()
    assert manners.names == ()


def test_what_showed_is_counted_and_outlives_its_manner():
    manners = Manners("e74")
    manners.show(("e74", "stan_anew"))
    manners.show(("e74",))
    manners.clear()
    assert manners.shown == {"e74": 2, "stan_anew": 1}


@pytest.mark.parametrize("act", [Manners, Manners().set, Manners().clear])
def test_an_unknown_name_is_refused_with_those_that_exist(act):
    with pytest.raises(InvalidValueError) as caught:
        act("polite")
    assert (caught.value.place, caught.value.value) == ("manner", "polite")
    assert set(caught.value.allowed.split(", ")) == set(MANNER_KINDS)


def test_a_terminal_takes_names_or_a_container(till):
    assert EmulatedTerminal(clock=lambda: None).manners.names == DEFAULT_MANNERS
    assert till(manners=("e74",)).terminal.manners.names == ("e74",)
    manners = Manners("e74")
    assert till(manners=manners).terminal.manners is manners
    with pytest.raises(InvalidValueError, match="polite"):
        till(manners=["polite"])


def test_each_terminal_has_its_own(till):
    one, other = till().terminal, till().terminal
    one.manners.set("e74")
    assert "e74" not in other.manners
