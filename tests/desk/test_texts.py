"""The register's words have their Italian: what judges, ends and refuses, collected from what runs and from the source."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import pytest

from ecrlan.desk.texts import say_evidence
from ecrlan.protocol import answers, clock, exchange, live, recovery
from ecrlan.protocol.recovery import judge
from ecrlan.register import conduct, lines, outcomes, recall, recovering, register, terminal, vas
from tests.protocol.test_recovery import ATTEMPT, TABLE

ENGLISH = re.compile(
    r"\b(the|of|and|not|was|is|its|it|with|without|before|after|answers?|answered|results?|requests?|line|lost|register|refused|another|"
    r"stopped|came|than|from|this|bytes|takes|nothing|sent|once|times|then|time|journal|status|somebody|nobody|may|have|been|instead|more)\b"
)
"""Words that no Italian sentence has."""
MODULES = (answers, clock, exchange, live, recovery, conduct, lines, outcomes, recall, recovering, register, terminal, vas)
SAYING = {
    "_ask_status",
    "_doubt",
    "_doubt_by_hand",
    "_doubt_by_stan",
    "_hindrance",
    "_prepare",
    "_problem",
    "_silence",
    "amount_problem",
    "answer_problem",
    "doubt",
    "judge",
    "time_doubt",
    "vas_problem",
}
"""Functions that return words about a loss, a doubt or a refusal."""
CALLS = {"_end": 1, "_lost": 1, "_stray": 0, "Judgement": 1, "LineError": 0, "Stray": 0, "not_performed": 0}
"""Calls that are given such words, and at which place."""
NAMES = {"FROM_BEFORE", "CARD_NOT_PRESENT", "evidence", "problem", "reason", "text", "what"}
"""Names that such words are given to."""
UNCHANGED = "the terminal's last result is unchanged (STAN 000041)"
TOO_SOON = "an approval came too soon for a person with a card, and the result of operation sale-1 is still unseen"
SAMPLES = (
    *("7", "E", "10.0.0.1:8081", "a status request", "the question for its last result", "the line was lost", ""),
    *("once", "E of 71 bytes", "amount 651 instead of 650 cents", UNCHANGED, TOO_SOON),
)
"""Values for the places of a text; one of them fits."""
BEGINNINGS = {TOO_SOON.replace("sale-1", "{self.lost_before}"), UNCHANGED.replace("STAN 000041", "{_words(attempt.baseline)}")}
"""Texts that are never told by themselves: each is a sample above."""


def words_of(module: ModuleType) -> Iterator[ast.expr]:
    """The texts that a module gives as evidence or reason."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name in SAYING:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        yield from texts_in(inner.value)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments, keywords=keywords):
                place = CALLS.get(name)
                if place is not None and len(arguments) > place:
                    yield from texts_in(arguments[place])
                for keyword in keywords:
                    if keyword.arg in ("reason", "evidence") and name != "alarm":
                        yield from texts_in(keyword.value)
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value) if name in NAMES:
                yield from texts_in(value)


def texts_in(value: ast.expr) -> Iterator[ast.expr]:
    """The texts that an expression can be."""
    match value:
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield value
        case ast.IfExp(body=body, orelse=other):
            yield from texts_in(body)
            yield from texts_in(other)
        case ast.BoolOp(values=values):
            for each in values:
                yield from texts_in(each)
        case ast.Tuple(elts=elements):
            for each in elements:
                yield from texts_in(each)
        case _:
            pass


def told_with(text: ast.expr, samples: tuple[str, ...]) -> str:
    """A text with samples in its places."""
    if isinstance(text, ast.Constant):
        return str(text.value)
    assert isinstance(text, ast.JoinedStr)
    left = iter(samples)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else next(left) for part in text.values)


def places(text: ast.expr) -> int:
    return sum(isinstance(part, ast.FormattedValue) for part in text.values) if isinstance(text, ast.JoinedStr) else 0


def is_sentence(text: ast.expr) -> bool:
    """Whether a text says something in English by itself."""
    return ENGLISH.search(told_with(text, ("",) * places(text))) is not None


COLLECTED = {
    source: text
    for module in MODULES
    for text in words_of(module)
    if is_sentence(text) and (source := ast.unparse(text)).removeprefix("f")[1:-1] not in BEGINNINGS
}
NOT_EVIDENCE = re.compile(
    r"^f?['\"](terminal \{|operation \{|reference \{|the register (is not open|is closing)|no operation has|"
    r"an operation that retention|the terminal's (host times|last result is an approval)|the terminal answers as TID \{response)"
)
"""Refusals of calls and alarms, which are told where they happen and are no evidence."""


def test_every_judgement_has_its_italian() -> None:
    for differs, answer, _, _ in TABLE:
        evidence = judge(replace(ATTEMPT, **differs), answer).evidence  # type: ignore[arg-type]
        if evidence.startswith(("it is from before the journal was restored", "an approval came too soon")):
            continue  # the table's own words
        italian = say_evidence("it", evidence)
        assert italian != evidence
        assert ENGLISH.search(italian) is None, italian


def test_enough_is_collected() -> None:
    assert len(COLLECTED) > 60
    assert any("no result within its time limit" in text for text in COLLECTED)


@pytest.mark.parametrize("source", sorted(source for source in COLLECTED if not NOT_EVIDENCE.match(source)))
def test_every_reason_has_its_italian(source: str) -> None:
    text = COLLECTED[source]
    tried = []
    for samples in itertools.product(SAMPLES, repeat=places(text)):
        told = told_with(text, samples)
        italian = say_evidence("it", told)
        if italian != told and ENGLISH.search(italian) is None:
            return
        tried.append(italian)
        if len(tried) > 5000:
            break
    pytest.fail(f"no Italian for: {source}; for instance {tried[:3]}")


@pytest.mark.parametrize(
    ("evidence", "italian"),
    [
        (
            "the last result cannot be read (E of 77 bytes cannot be read: a result takes 71, 74, 84 or 92 bytes), and nothing was sent",
            "l'ultimo esito non si può leggere (E di 77 byte non leggibile: un esito ha 71, 74, 84 o 92 byte), e non è stato inviato nulla",
        ),
        (
            "no result that can be read: E of 77 bytes cannot be read: a result takes 71 or 92 bytes (see tolerate_lengths)",
            "nessun esito leggibile: E di 77 byte non leggibile: un esito ha 71 o 92 byte (vedi tolerate_lengths)",
        ),
        (
            "the terminal says that it is NON OPERATIVO, and nothing was sent",
            "il terminale dice di essere NON OPERATIVO, e non è stato inviato nulla",
        ),
        (
            "it was sent to TID 12345678, and till-1 is the terminal at 10.0.0.5:8081 now",
            "era per TID 12345678, e till-1 adesso è il terminale all'indirizzo 10.0.0.5:8081: ciò che dice non prova nulla",
        ),
        (
            "the terminal could not be asked: no line to 10.0.0.5 port 8081: no answer within 10 s",
            "il terminale non è raggiungibile: nessun collegamento con 10.0.0.5 porta 8081: nessuna risposta entro 10 s",
        ),
        ("NEGATA", "NEGATA"),
    ],
)
def test_words_within_words_are_translated_too(evidence: str, italian: str) -> None:
    assert say_evidence("it", evidence) == italian
    assert say_evidence("en", evidence) == evidence
