import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrlan.protocol.link import LINK_TRANSITIONS, NAKS_WITHOUT_A_GOOD_FRAME, TRANSMISSIONS, BadStretches, Link, LinkInput, LinkState


def make_link(*, repeatable: bool) -> Link:
    return Link(repeatable=repeatable, ack_timeout=5.0, nak_pause=1.0)


def test_ack_delivers() -> None:
    link = make_link(repeatable=False)
    assert link.start()
    assert link.written(10.0)
    assert link.wake_at == 15.0
    assert link.ack()
    assert link.acknowledged
    assert not link.refused
    assert link.wake_at is None


def test_three_naks_prove_that_nothing_was_taken() -> None:
    link = make_link(repeatable=False)
    link.start()
    for transmission in range(1, TRANSMISSIONS + 1):
        link.written(0.0)
        assert link.transmissions == transmission
        assert link.nak(0.0)
        if transmission < TRANSMISSIONS:
            assert link.pausing_after_nak
            assert not link.outstanding
            assert not link.nak(0.0), "a second NAK for one transmission says nothing new"
            assert not link.wake(0.5), "the pause is not over"
            assert link.wake(1.0)
    assert link.refused
    assert link.gave_up
    assert not link.outstanding


def test_a_sign_of_life_after_a_nak_stops_the_transmissions() -> None:
    link = make_link(repeatable=False)
    link.start()
    link.written(0.0)
    link.nak(0.0)
    link.sign_of_life()
    assert link.stopped
    assert link.wake_at is None
    assert not link.wake(100.0)
    assert not link.refused
    assert not link.gave_up
    assert not link.pausing_after_nak
    assert not link.outstanding
    assert link.ack(), "an ACK is an ACK"
    assert link.acknowledged


@pytest.mark.parametrize("transmission", [1, TRANSMISSIONS])
def test_a_nak_after_a_sign_of_life_proves_nothing(transmission: int) -> None:
    link = make_link(repeatable=False)
    link.start()
    for _ in range(transmission - 1):
        link.nak(0.0)
        link.wake(1.0)
    link.sign_of_life()
    assert link.outstanding
    assert link.nak(0.0)
    assert link.stopped
    assert not link.refused


def test_a_repeatable_frame_is_sent_again_for_all_that() -> None:
    link = make_link(repeatable=True)
    link.start()
    link.nak(0.0)
    link.sign_of_life()
    assert link.wake(1.0)
    assert link.transmissions == 2


def test_silence_is_never_repeated_for_money() -> None:
    link = make_link(repeatable=False)
    link.start()
    link.written(0.0)
    assert not link.wake(5.0)
    assert link.unheard
    assert link.transmissions == 1
    assert link.outstanding
    assert link.ack(), "a late ACK is an ACK"
    assert link.acknowledged
    assert not link.nak(7.0), "a NAK after the ACK proves nothing"


def test_a_late_nak_of_the_only_transmission_refuses() -> None:
    link = make_link(repeatable=False)
    link.start()
    link.written(0.0)
    link.wake(5.0)
    assert link.nak(6.0)
    assert link.refused
    assert link.naks == link.transmissions == 1
    assert link.wake_at is None, "nothing is sent again"
    assert not link.nak(7.0)


def test_a_late_nak_of_a_second_transmission_proves_nothing() -> None:
    link = make_link(repeatable=False)
    link.start()
    link.written(0.0)
    link.nak(0.0)
    link.wake(1.0)
    link.written(1.0)
    link.wake(6.0)
    assert link.unheard
    assert not link.nak(7.0)
    assert link.naks == 1
    assert link.outstanding


def test_a_late_nak_after_a_sign_of_life_proves_nothing() -> None:
    link = make_link(repeatable=False)
    link.start()
    link.written(0.0)
    link.sign_of_life()
    link.wake(5.0)
    assert not link.nak(6.0)
    assert not link.refused
    assert link.ack()


def test_a_late_nak_of_a_repeated_frame_proves_nothing() -> None:
    link = make_link(repeatable=True)
    link.start()
    for moment in (0.0, 5.0, 10.0):
        link.written(moment)
        link.wake(moment + 5.0)
    assert link.unheard
    assert not link.nak(16.0)


def test_silence_is_repeated_for_other_requests() -> None:
    link = make_link(repeatable=True)
    link.start()
    for moment in (0.0, 5.0):
        link.written(moment)
        assert link.wake(moment + 5.0)
    link.written(10.0)
    assert not link.wake(15.0)
    assert link.unheard
    assert link.transmissions == TRANSMISSIONS


def test_a_nak_after_silence_is_no_proof() -> None:
    link = make_link(repeatable=True)
    link.start()
    link.written(0.0)
    assert link.wake(5.0)
    for moment in (5.0, 7.0):
        link.written(moment)
        assert link.nak(moment)
        link.wake(moment + 1.0)
    assert link.gave_up
    assert not link.refused


def test_ack_during_the_pause_delivers() -> None:
    link = make_link(repeatable=False)
    link.start()
    link.written(0.0)
    link.nak(0.0)
    assert link.ack()
    assert not link.wake(1.0)
    assert link.transmissions == 1


def test_written_starts_the_wait_once() -> None:
    link = make_link(repeatable=False)
    assert not link.written(0.0)
    assert not link.wake(0.0)
    link.start()
    assert link.written(0.0)
    assert not link.written(3.0)
    assert link.wake_at == 5.0
    assert not link.start(), "a frame is started once"


@pytest.mark.parametrize("state", list(LinkState))
def test_every_state_is_reached_or_first(state: LinkState) -> None:
    assert state is LinkState.IDLE or state in LINK_TRANSITIONS.values()


@given(st.booleans(), st.lists(st.sampled_from(["ack", "nak", "wake"]), max_size=30))
def test_a_frame_goes_out_again_only_after_a_nak_or_where_repeatable(repeatable: bool, inputs: list[str]) -> None:
    link = make_link(repeatable=repeatable)
    link.start()
    now = 0.0
    link.written(now)
    naks = 0
    for happened in inputs:
        now += 100.0
        before = link.transmissions
        refused_late = link.refused or (link.unheard and before == 1)
        if happened == "ack":
            link.ack()
        elif happened == "nak":
            naks += link.nak(now)
        elif link.wake(now):
            link.written(now)
        assert link.transmissions <= TRANSMISSIONS
        if link.transmissions > before and not repeatable:
            assert naks == before
        if link.refused:
            assert naks == link.transmissions
            assert naks == TRANSMISSIONS or refused_late, "each was refused, or the only one late"


def test_inputs_are_all_used() -> None:
    assert {happened for _, happened in LINK_TRANSITIONS} == set(LinkInput)


def test_one_stretch_of_noise_is_answered_once() -> None:
    stretches = BadStretches()
    assert [stretches.take(whole=False) for _ in range(4)] == [True, False, False, False]
    assert not stretches.take(whole=True), "the frame belongs to the stretch, and ends it"
    assert stretches.take(whole=False)


def test_bad_frames_are_answered_as_often_as_a_terminal_repeats_them() -> None:
    stretches = BadStretches()
    answers = [stretches.take(whole=True) for _ in range(5)]
    assert answers == [True] * NAKS_WITHOUT_A_GOOD_FRAME + [False] * 2
    stretches.good_frame()
    assert stretches.take(whole=True)


def test_a_good_frame_ends_a_stretch() -> None:
    stretches = BadStretches()
    assert stretches.take(whole=False)
    stretches.good_frame()
    assert stretches.take(whole=False)
