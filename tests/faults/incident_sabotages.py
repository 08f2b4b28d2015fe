"""One-line sabotages of the rules on identity, series of STANs, clocks, held refusals and journals, which take an incident to be caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

import ecrlan.protocol.recovery
import ecrlan.register.ledger
import ecrlan.register.recall
import ecrlan.register.register
from ecrlan.errors import JournalError
from ecrlan.model import PaymentResult
from ecrlan.protocol.clock import STATUS_TOLERANCE, ClockChange, ClockOffset, LearnedClock
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.memory import Memory, Standing, is_beyond
from ecrlan.protocol.questions import Questions
from ecrlan.protocol.settling import Recovery
from ecrlan.register.ledger import Ledger
from ecrlan.register.terminal import Terminal

Patch = pytest.MonkeyPatch


def forget_the_terminal_id_in_recovery(patch: Patch) -> None:
    patch.setattr(ecrlan.protocol.recovery, "_is_of", lambda *_: True)
    patch.setattr(ecrlan.protocol.recovery, "identity_of", lambda *_: "")
    patch.setattr(Recovery, "doubt", lambda _, work: work.doubt)


def keep_the_baseline_over_an_accepted_terminal(patch: Patch) -> None:
    patch.setattr(ecrlan.protocol.recovery, "_is_of", lambda *_: True)
    patch.setattr(ecrlan.protocol.recovery, "identity_of", lambda *_: "")
    accept = Terminal.accept_terminal_id

    def sabotaged(self: Terminal, by: str) -> None:
        known = self.memory
        accept(self, by)
        if self.memory is not known:
            self.memory.baseline, self.memory.baseline_message, self.memory.fresh = known.baseline, known.baseline_message, True

    patch.setattr(Terminal, "accept_terminal_id", sabotaged)


def forget_the_open_operations_of_another_name(patch: Patch) -> None:
    patch.setattr(ecrlan.register.ledger, "belongs_to", lambda entry, name, _: entry.terminal == name)
    patch.setattr(Ledger, "check_operations", lambda *_: None)


def allow_any_later_host_time(patch: Patch) -> None:
    doubt = ecrlan.protocol.recovery.time_doubt

    def sabotaged(host_time: Any, offset: Any, earliest: datetime, latest: datetime) -> str | None:
        return doubt(host_time, offset, earliest, latest + timedelta(days=100))

    patch.setattr(ecrlan.protocol.recovery, "time_doubt", sabotaged)


def ignore_the_clocks_offset(patch: Patch) -> None:
    patch.setattr(LearnedClock, "offset", property(lambda _: ClockOffset(0.0, STATUS_TOLERANCE)))


def believe_a_contradicted_clock(patch: Patch) -> None:
    take = LearnedClock.take_result

    def sabotaged(self: LearnedClock, *result: Any) -> ClockChange | None:
        learned = self.learned
        change = take(self, *result)
        if change is ClockChange.CONTRADICTED:
            self.learned, self.contradicted = learned, False
        return change

    patch.setattr(LearnedClock, "take_result", sabotaged)


def believe_a_new_series_in_recovery(patch: Patch) -> None:
    doubt = ecrlan.protocol.recovery._doubt_by_stan

    def sabotaged(attempt: Any, baseline: Any, answer: PaymentResult) -> str | None:
        anew = attempt.previous_stan is not None and not is_beyond(answer.stan, attempt.previous_stan)
        return None if anew else doubt(attempt, baseline, answer)

    patch.setattr(ecrlan.protocol.recovery, "_doubt_by_stan", sabotaged)


def _take_for_new(patch: Patch, standing: Standing) -> None:
    judge_of_now = Memory.judge_of_now

    def sabotaged(self: Memory) -> Callable[..., Standing]:
        judge = judge_of_now(self)

        def judged(*result: Any) -> Standing:
            found = judge(*result)
            return Standing.NEW if found is standing else found

        return judged

    patch.setattr(Memory, "judge_of_now", sabotaged)


def take_a_seen_approval_again(patch: Patch) -> None:
    _take_for_new(patch, Standing.SEEN)


def take_a_repeated_refusal_without_asking(patch: Patch) -> None:
    _take_for_new(patch, Standing.REPEATED)


def take_a_repeated_refusal_before_the_ack(patch: Patch) -> None:
    hold = Exchange._hold

    def sabotaged(self: Exchange, response: PaymentResult, message: bytes, now: float) -> Any:
        return hold(self, response, message, now) if self.acknowledged else self._take_answer(response, message, now)

    patch.setattr(Exchange, "_hold", sabotaged)


def ignore_the_journals_doubt(patch: Patch) -> None:
    def sabotaged(self: Ledger, *, money: bool) -> None:
        if self.journal.failed:
            raise JournalError(self.journal.failed)

    patch.setattr(Ledger, "check_journal", sabotaged)


def prove_operations_from_before_the_journal(patch: Patch) -> None:
    resume = ecrlan.register.ledger.resume
    patch.setattr(ecrlan.register.ledger, "resume", lambda *entry, **known: resume(*entry, **(known | {"from_before": False})))


def forget_hand_use_at_restart(patch: Patch) -> None:
    recall = ecrlan.register.recall.recall_identity

    def sabotaged(journal: Any, settings: Any, memory: Memory, now: float) -> None:
        recall(journal, settings, memory, now)
        memory.used_by_hand = False

    patch.setattr(ecrlan.register.recall, "recall_identity", sabotaged)


def ignore_missing_stans(patch: Patch) -> None:
    doubt = ecrlan.protocol.recovery._doubt_by_stan

    def sabotaged(*attempt: Any) -> str | None:
        found = doubt(*attempt)
        return None if found is not None and found.startswith("STANs are missing") else found

    patch.setattr(ecrlan.protocol.recovery, "_doubt_by_stan", sabotaged)


def allow_two_names(patch: Patch) -> None:
    patch.setattr(ecrlan.register.register, "check_apart", lambda *_: None)
    patch.setattr(Terminal, "_check_identity", lambda _: None)


def count_every_nak(patch: Patch) -> None:
    refused = Exchange._refused

    def sabotaged(self: Exchange, now: float) -> Any:
        self._wrote_more = False
        return refused(self, now)

    patch.setattr(Exchange, "_refused", sabotaged)


def believe_an_approval_that_comes_too_soon(patch: Patch) -> None:
    rules = Questions.rules
    patch.setattr(Questions, "rules", lambda self, **options: replace(rules(self, **options), lost_before=None))


INCIDENT_SABOTAGES: tuple[Callable[[Patch], None], ...] = (
    forget_the_terminal_id_in_recovery,
    keep_the_baseline_over_an_accepted_terminal,
    forget_the_open_operations_of_another_name,
    allow_any_later_host_time,
    ignore_the_clocks_offset,
    believe_a_contradicted_clock,
    believe_a_new_series_in_recovery,
    take_a_seen_approval_again,
    take_a_repeated_refusal_without_asking,
    take_a_repeated_refusal_before_the_ack,
    ignore_the_journals_doubt,
    prove_operations_from_before_the_journal,
    forget_hand_use_at_restart,
    ignore_missing_stans,
    allow_two_names,
    count_every_nak,
    believe_an_approval_that_comes_too_soon,
)
