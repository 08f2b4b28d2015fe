from ecrlan.emulator.agenda import Agenda
from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.late_approvals import LateApprovals
from ecrlan.emulator.manners import Manners
from ecrlan.model import PreauthorizationRequest, PurchaseRequest

PURCHASE = PurchaseRequest(amount=650)


class Scene:
    def __init__(self, *manners: str) -> None:
        self.agenda = Agenda()
        self.approved: list[tuple[float, int]] = []
        self.late = LateApprovals(
            self.agenda, Behaviour(manners=Manners(*manners)), lambda refusal, now: self.approved.append((now, refusal.line))
        )


def test_an_approval_follows_once_the_refusal_was_acknowledged():
    scene = Scene("approval_after_refusal")
    scene.late.refused(PURCHASE, 1)
    assert scene.agenda.next_at is None
    scene.late.acknowledged(10.0)
    scene.late.acknowledged(11.0)
    scene.agenda.run(12.0)
    scene.agenda.run(99.0)
    assert scene.approved == [(12.0, 1)]


def test_at_once_where_the_line_is_gone():
    scene = Scene("approval_after_refusal")
    scene.late.refused(PURCHASE, 1)
    scene.late.acknowledged(10.0)
    scene.late.refused(PURCHASE, 2)
    scene.late.check_lines(lambda line: line == 3, 10.5)
    assert scene.approved == [(10.5, 1), (10.5, 2)]
    assert scene.agenda.next_at is None


def test_nothing_follows_without_the_manner_or_after_another_request_or_a_restart():
    for scene, request in ((Scene(), PURCHASE), (Scene("approval_after_refusal"), PreauthorizationRequest(amount=1))):
        scene.late.refused(request, 1)
        scene.late.check_lines(lambda _: False, 1.0)
        assert scene.approved == []
    scene = Scene("approval_after_refusal")
    scene.late.refused(PURCHASE, 1)
    scene.late.forget()
    scene.late.check_lines(lambda _: False, 1.0)
    assert scene.approved == []
