"""One-line sabotages of register, exchange, recovery and journal that any schedule may catch.

That the STAN of another operation proves nothing is not among them: a STAN must also be the next one, so no schedule needs the rule.
tests/protocol/test_recovery.py has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import ecrlan.protocol.answers
import ecrlan.protocol.conduct
import ecrlan.protocol.outcomes
import ecrlan.protocol.recovery
import ecrlan.protocol.settling
from ecrlan.journal import NewOperation
from ecrlan.model import Approved, Code, Evidence
from ecrlan.net.line import Line
from ecrlan.protocol.conduct import Conductor
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.link import Link
from ecrlan.protocol.live import LiveRules
from ecrlan.protocol.memory import Memory, Standing
from ecrlan.protocol.recovery import Judgement, Verdict
from ecrlan.protocol.settling import Recovery
from ecrlan.protocol.step import Answered, Sending
from ecrlan.protocol.transitions import ExchangeInput
from ecrlan.register.ledger import Ledger
from ecrlan.register.terminal import Terminal

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
    write = Ledger.write
    patch.setattr(Ledger, "write", lambda self, rows, durable: write(self, rows, durable=durable and not isinstance(rows[0], NewOperation)))


def ignore_the_baseline(patch: Patch) -> None:
    patch.setattr(ecrlan.protocol.recovery, "same_result", lambda *_: False)
    patch.setattr(ecrlan.protocol.recovery, "_doubt", lambda *_: None)


def retransmit_on_silence(patch: Patch) -> None:
    make = Link.__init__
    patch.setattr(Link, "__init__", lambda self, **limits: make(self, **(limits | {"repeatable": True})))


def hand_on_a_late_answer(patch: Patch) -> None:
    patch.setattr(Memory, "judge_of_now", lambda _: lambda *_: Standing.NEW)


def skip_the_lock(patch: Patch) -> None:
    async def sabotaged(self: Terminal, order: Any) -> None:
        self.open_works.clear()

    patch.setattr(Terminal, "_clear_the_way", sabotaged)


def skip_the_terminal_id(patch: Patch) -> None:
    patch.setattr(LiveRules, "is_of_terminal", lambda *_: True)


def skip_the_amount(patch: Patch) -> None:
    patch.setattr(ecrlan.protocol.answers, "amount_problem", lambda *_: None)
    patch.setattr(ecrlan.protocol.recovery, "amount_problem", lambda *_: None)
    patch.setattr(ecrlan.protocol.outcomes, "amount_problem", lambda *_: None)


def take_a_nak_after_silence_as_proof(patch: Patch) -> None:
    patch.setattr(Exchange, "_unheard", lambda self: self._end(ExchangeInput.NOT_TAKEN, Evidence(Code.REFUSED_THEN_SILENCE), []))


def ignore_the_reference(patch: Patch) -> None:
    async def sabotaged(*_: Any) -> None:
        return None

    patch.setattr(Ledger, "known", sabotaged)


def believe_the_last_result(patch: Patch) -> None:
    patch.setattr(
        ecrlan.protocol.settling,
        "judge",
        lambda _, answer, __: Judgement(Verdict.OURS if answer is not None else Verdict.UNPROVED, Evidence(Code.NO_BASELINE)),
    )


def take_a_lost_line_for_nothing_sent(patch: Patch) -> None:
    patch.setattr(Conductor, "_lost", lambda self, work, reason: work.not_performed(reason, self.host.clock()))


def forget_the_ack_in_recovery(patch: Patch) -> None:
    attempt = Recovery._attempt
    patch.setattr(Recovery, "_attempt", lambda self, *work: replace(attempt(self, *work), standalone_use=False))


def take_unchanged_for_proof_at_once(patch: Patch) -> None:
    attempt = Recovery._attempt
    patch.setattr(Recovery, "_attempt", lambda self, *work: replace(attempt(self, *work), longest_payment_time=0.0))


def take_unchanged_for_proof_untrusted(patch: Patch) -> None:
    attempt = Recovery._attempt
    patch.setattr(Recovery, "_attempt", lambda self, *work: replace(attempt(self, *work), trust_unchanged_result=True))


def retransmit_at_a_sign_of_life(patch: Patch) -> None:
    patch.setattr(Link, "sign_of_life", lambda _: None)


def acknowledge_strays_before_commit(patch: Patch) -> None:
    write = Ledger.write

    def sabotaged(self: Ledger, rows: Any, durable: bool) -> Any:
        return write(self, rows, durable=durable and rows[0].name != "stray" if not isinstance(rows[0], NewOperation) else durable)

    patch.setattr(Ledger, "write", sabotaged)


def never_recover_at_start(patch: Patch) -> None:
    patch.setattr(Ledger, "take_up", lambda *_: None)


def take_every_result_code_for_approved(patch: Patch) -> None:
    patch.setattr(
        ecrlan.protocol.outcomes,
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
    take_unchanged_for_proof_at_once,
    take_unchanged_for_proof_untrusted,
    retransmit_at_a_sign_of_life,
    acknowledge_strays_before_commit,
    never_recover_at_start,
    take_every_result_code_for_approved,
)
