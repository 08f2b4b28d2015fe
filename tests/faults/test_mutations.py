"""The simulation sees: one-line sabotages of register, exchange, recovery and journal, each caught within 2,000 schedules.

`sabotages.txt` names a schedule that catches each: it is played first, and the others only where it does not catch it any more.

    python -m tests.faults.test_mutations > tests/faults/sabotages.txt

finds them anew. Where ECRLAN_SABOTAGES is `search`, as in .ci/run, the schedules are played from the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ecrlan.protocol.answers
import ecrlan.protocol.recovery
import ecrlan.register.conduct
import ecrlan.register.outcomes
import ecrlan.register.recovering
from ecrlan.journal import NewOperation
from ecrlan.model import Approved
from ecrlan.net.line import Line
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.link import Link
from ecrlan.protocol.recovery import Judgement, Verdict
from ecrlan.protocol.step import Answered, Sending
from ecrlan.protocol.transitions import ExchangeInput
from ecrlan.register.conduct import Conductor
from ecrlan.register.memory import Memory
from ecrlan.register.recovering import Recovery
from ecrlan.register.register import Register
from ecrlan.register.terminal import Terminal
from tests.faults.simulation import silence, simulate
from tests.faults.world import WrongError

SCHEDULES = 2000
KNOWN = Path(__file__).with_name("sabotages.txt")
SEARCH = os.environ.get("ECRLAN_SABOTAGES") == "search"

Patch = pytest.MonkeyPatch


def acknowledge_before_commit(patch: Patch) -> None:
    handle = Line._handle

    def sabotaged(self: Line, step: Any, sink: Any) -> None:
        if any(isinstance(event, Answered) for event in step.events):
            self._write(step.send)
            step = replace(step, send=())
        handle(self, step, sink)

    patch.setattr(Line, "_handle", sabotaged)


def send_before_commit(patch: Patch) -> None:
    handle = Line._handle

    def sabotaged(self: Line, step: Any, sink: Any) -> None:
        if any(isinstance(event, Sending) for event in step.events):
            self._write(step.send)
            step = replace(step, send=())
        handle(self, step, sink)

    patch.setattr(Line, "_handle", sabotaged)


def write_nothing_before_the_request(patch: Patch) -> None:
    write = Register.write
    patch.setattr(
        Register, "write", lambda self, rows, durable: write(self, rows, durable=durable and not isinstance(rows[0], NewOperation))
    )


def ignore_the_baseline(patch: Patch) -> None:
    patch.setattr(ecrlan.protocol.recovery, "same_result", lambda *_: False)
    patch.setattr(ecrlan.protocol.recovery, "_doubt", lambda *_: None)


def retransmit_on_silence(patch: Patch) -> None:
    make = Link.__init__
    patch.setattr(Link, "__init__", lambda self, **limits: make(self, **(limits | {"repeatable": True})))


def hand_on_a_late_answer(patch: Patch) -> None:
    patch.setattr(Memory, "is_new_stan", lambda *_: True)


def skip_the_lock(patch: Patch) -> None:
    async def sabotaged(self: Terminal, order: Any) -> None:
        self.open_works.clear()

    patch.setattr(Terminal, "_clear_the_way", sabotaged)


def skip_the_terminal_id(patch: Patch) -> None:
    make = Exchange.__init__

    def sabotaged(self: Exchange, *request: Any, **options: Any) -> None:
        make(self, *request, **options)
        self._terminal_id = None

    patch.setattr(Exchange, "__init__", sabotaged)


def skip_the_amount(patch: Patch) -> None:
    patch.setattr(ecrlan.protocol.answers, "amount_problem", lambda *_: None)
    patch.setattr(ecrlan.protocol.recovery, "amount_problem", lambda *_: None)
    patch.setattr(ecrlan.register.outcomes, "amount_problem", lambda *_: None)


def take_a_nak_after_silence_as_proof(patch: Patch) -> None:
    patch.setattr(Exchange, "_unheard", lambda self: self._end(ExchangeInput.NOT_TAKEN, "silence", []))


def ignore_the_reference(patch: Patch) -> None:
    async def sabotaged(*_: Any) -> None:
        return None

    patch.setattr(Register, "known_operation", sabotaged)


def believe_the_last_result(patch: Patch) -> None:
    patch.setattr(
        ecrlan.register.recovering,
        "judge",
        lambda _, answer, __: Judgement(Verdict.OURS if answer is not None else Verdict.UNPROVED, "it is the last result"),
    )


def take_a_lost_line_for_nothing_sent(patch: Patch) -> None:
    patch.setattr(Conductor, "_lost", lambda self, work, reason: work.not_performed(reason, self.host.clock()))


def forget_the_ack_in_recovery(patch: Patch) -> None:
    attempt = Recovery._attempt
    patch.setattr(Recovery, "_attempt", lambda self, *work: replace(attempt(self, *work), standalone_use=False))


def forget_known_stans_in_recovery(patch: Patch) -> None:
    attempt = Recovery._attempt
    patch.setattr(Recovery, "_attempt", lambda self, *work: replace(attempt(self, *work), known_stans=frozenset()))


def take_unchanged_for_proof_at_once(patch: Patch) -> None:
    attempt = Recovery._attempt
    patch.setattr(Recovery, "_attempt", lambda self, *work: replace(attempt(self, *work), longest_payment_time=0.0))


def take_unchanged_for_proof_untrusted(patch: Patch) -> None:
    attempt = Recovery._attempt
    patch.setattr(Recovery, "_attempt", lambda self, *work: replace(attempt(self, *work), trust_unchanged_result=True))


def retransmit_at_a_sign_of_life(patch: Patch) -> None:
    patch.setattr(Link, "sign_of_life", lambda _: None)


def acknowledge_strays_before_commit(patch: Patch) -> None:
    write = Register.write

    def sabotaged(self: Register, rows: Any, durable: bool) -> Any:
        return write(self, rows, durable=durable and rows[0].name != "stray" if not isinstance(rows[0], NewOperation) else durable)

    patch.setattr(Register, "write", sabotaged)


def never_recover_at_start(patch: Patch) -> None:
    patch.setattr(Register, "_take_up", lambda *_: None)


def take_every_result_code_for_approved(patch: Patch) -> None:
    patch.setattr(
        ecrlan.register.outcomes,
        "_of_payment",
        lambda _, result: Approved(stan=result.stan, authorization_code="", pan=result.pan, result=result),
    )


SABOTAGES: tuple[Callable[[Patch], None], ...] = (
    acknowledge_before_commit,
    send_before_commit,
    write_nothing_before_the_request,
    ignore_the_baseline,
    retransmit_on_silence,
    hand_on_a_late_answer,
    skip_the_lock,
    skip_the_terminal_id,
    skip_the_amount,
    take_a_nak_after_silence_as_proof,
    ignore_the_reference,
    believe_the_last_result,
    take_a_lost_line_for_nothing_sent,
    forget_the_ack_in_recovery,
    forget_known_stans_in_recovery,
    take_unchanged_for_proof_at_once,
    take_unchanged_for_proof_untrusted,
    retransmit_at_a_sign_of_life,
    acknowledge_strays_before_commit,
    never_recover_at_start,
    take_every_result_code_for_approved,
)


def known_catches() -> dict[str, int]:
    """Return the schedule that was seen to catch a sabotage, by the sabotage's name."""
    lines = [line.split() for line in KNOWN.read_text("utf-8").splitlines()]
    return {name: int(seed) for name, seed in lines}


def catches(sabotage: Callable[[Patch], None], seed: int) -> bool:
    """Play one schedule with the sabotage, and tell whether a wrong outcome was seen."""
    with Patch.context() as patch, silence():
        sabotage(patch)
        try:
            simulate(seed)
        except WrongError:
            return True
    return False


def first_catch(sabotage: Callable[[Patch], None]) -> int | None:
    """Return the first schedule that catches the sabotage; None where 2,000 do not."""
    return next((seed for seed in range(SCHEDULES) if catches(sabotage, seed)), None)


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_sabotage_is_caught(sabotage: Callable[[Patch], None]) -> None:
    known = None if SEARCH else known_catches().get(sabotage.__name__)
    if known is None or not catches(sabotage, known):
        found = first_catch(sabotage)
        print(f"{sabotage.__name__} {found}")
        assert found is not None, f"{sabotage.__name__} was not caught within {SCHEDULES} schedules"


if __name__ == "__main__":
    for each in SABOTAGES:
        print(each.__name__, first_catch(each), flush=True)
