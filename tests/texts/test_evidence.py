"""Every code has its words in every language, every place its value, and nothing else says what happened."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import ecrlan
from ecrlan.errors import (
    ConnectError,
    EcrlanError,
    InvalidValueError,
    JournalDoubtError,
    ListenError,
    OperationsWithoutTerminalError,
    ReferenceConflictError,
    RegisterError,
    TerminalBlockedError,
    TerminalBusyError,
    UnknownReferenceError,
    UnknownTerminalError,
)
from ecrlan.model import Code, Evidence, evidence_of
from ecrlan.model.evidence import VERBATIM
from ecrlan.protocol.recovery import judge
from ecrlan.texts import LANGUAGES, TEXTS, Language, words
from ecrlan.texts.evidence import WORDS
from tests.protocol.test_recovery import ATTEMPT, TABLE

SOURCE = Path(ecrlan.__file__).parent
SAMPLES: dict[str, object] = {
    "address": Evidence(Code.LINK_LOCAL),
    "allowed": ["capture", "purchase"],
    "daemon": Evidence(Code.DAEMON_AT, {"url": "http://127.0.0.1:8017", "pid": 7}),
    "hosts": ["a", "b"],
    "keys": ["A", "B"],
    "others": Evidence(Code.ALL_SETTINGS),
    "silence": Evidence(Code.DAEMON_IS_GONE),
    "terminals": ["till-1", "till-2"],
    "owner": Evidence(Code.OWNER_UNKNOWN),
    "amount": 651,
    "asked": 650,
    "cause": Evidence(Code.LINE_LOST),
    "doubt": Evidence(Code.NO_STAN),
    "kind": "totals",
    "known": ["till-1", "till-2"],
    "lengths": [71, 92],
    "outcome": "approved",
    "problem": "disk full",
    "references": ["room-1", "room-2"],
    "seconds": 172800,
    "stan": "000042",
    "state": "accepted",
    "before": "000041",
    "after": None,
    "terminal_id": "12345678",
    "identity": "12345678",
    "now": "10.0.0.5:8081",
    "times": 3,
    "told": "declined",
    "waiting": 2,
    "words": ["ECR", "POS"],
}
SAME_IN_BOTH = VERBATIM | {Code.VAS_RESULT, Code.JOURNAL_FAILED, Code.ALLOWED_LISTED}
"""Codes that say nothing of their own."""


def sample(code: Code) -> Evidence:
    return Evidence(code, {name: SAMPLES.get(name, f"<{name}>") for name in code.places})


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_code_has_its_words() -> None:
    assert set(WORDS) == set(Code)
    assert all(len(texts) == len(LANGUAGES) for texts in WORDS.values())


@pytest.mark.parametrize("code", Code)
def test_each_text_says_every_value_in_both_languages(code: Code) -> None:
    for text in WORDS[code]:
        assert fields(text) == set(code.places)
    english, italian = (words(sample(code), language) for language in LANGUAGES)
    for told in (english, italian):
        assert told
        assert "{" not in told
        assert code.value + "(" not in told, "the values could not be filled in"
    assert (english == italian) is (code in SAME_IN_BOTH)


def test_texts_have_the_same_names_and_places_in_both_languages() -> None:
    english, italian = (TEXTS[language] for language in LANGUAGES)
    assert english.keys() == italian.keys()
    for name, text in english.items():
        assert fields(text) == fields(italian[name]), name


@pytest.mark.parametrize(
    ("evidence", "language", "text"),
    [
        (Evidence(Code.REFUSED, {"times": 1}), "en", "refused once (NAK)"),
        (Evidence(Code.REFUSED, {"times": 3}), "it", "respinta 3 volte (NAK)"),
        (Evidence(Code.OTHER_AMOUNT, {"amount": 123_456, "asked": 5}), "en", "its amount is 1234.56 EUR instead of 0.05 EUR"),
        (Evidence(Code.OTHER_AMOUNT, {"amount": 123_456, "asked": 5}), "it", "il suo importo è di 1234,56 EUR invece di 0,05 EUR"),
        (
            Evidence(
                Code.NOTHING_SENT,
                {
                    "cause": Evidence(
                        Code.LAST_RESULT_UNREADABLE,
                        {
                            "cause": Evidence(
                                Code.UNREADABLE,
                                {
                                    "letter": "E",
                                    "length": 77,
                                    "problem": Evidence(Code.LENGTHS_TOLERABLE, {"lengths": [71, 74, 84, 92]}),
                                },
                            )
                        },
                    )
                },
            ),
            "it",
            (
                "l'ultimo esito non si può leggere (E di 77 byte non leggibile: un messaggio di questo tipo ha 71, 74, 84 o 92 byte "
                "(vedi tolerate_lengths)), e non è stato inviato nulla"
            ),
        ),
        (
            Evidence(Code.SENT_TO_ANOTHER, {"identity": "12345678", "terminal": "till-1", "now": "10.0.0.5:8081"}),
            "en",
            "it was sent to TID 12345678, and till-1 is the terminal at 10.0.0.5:8081 now",
        ),
        (
            Evidence(Code.HOST_TIMES_WRONG, {"seconds": -172_800}),
            "it",
            "le ore dell'host del terminale sono indietro di 2 giorni; la verifica ne tiene conto, ma può vedersi sugli scontrini",
        ),
        (
            Evidence(Code.APPROVED_AFTER_REFUSAL, {"told": "not_performed", "amount": None, "stan": "000006"}),
            "en",
            "not performed, but then the terminal said approved: without an amount, STAN 000006; the customer may have paid",
        ),
        (Evidence(Code.TERMINAL_WORDS, {"text": "FONDI INSUFFICIENTI"}), "en", "FONDI INSUFFICIENTI"),
        (Evidence(Code.LENGTHS, {"lengths": [26]}), "en", "a message of this kind takes 26 bytes"),
        (Evidence(Code.HOST_TIMES_WRONG, {"seconds": 3600}), "en", "the terminal's host times are 1 hour ahead; recovery allows"),
        (Evidence(Code.HOST_TIMES_WRONG, {"seconds": 5}), "en", "the terminal's host times are right; recovery allows"),
        (Evidence(Code.HOST_TIMES_WRONG, {"seconds": 700.0}), "en", "the terminal's host times are 12 minutes ahead; recovery allows"),
    ],
)
def test_words(evidence: Evidence, language: Language, text: str) -> None:
    assert words(evidence, language).startswith(text)


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(Code.STAN_OF_ANOTHER),
        Evidence(Code.LENGTHS, {"lengths": None}),
        Evidence(Code.OTHER_AMOUNT, {"amount": "x", "asked": 1}),
        Evidence(Code.RESULT_WHILE_SETTLED, {"outcome": "unheard of"}),
    ],
)
def test_values_of_another_release_are_shown_as_they_are(evidence: Evidence) -> None:
    assert all(words(evidence, language) == str(evidence) for language in LANGUAGES)
    assert str(evidence).startswith(evidence.code.value)


def test_every_judgement_has_its_words() -> None:
    for differs, answer, _, _ in TABLE:
        evidence = judge(replace(ATTEMPT, **differs), answer).evidence  # type: ignore[arg-type]
        assert words(evidence, "it") != words(evidence)
        assert evidence.code.value + "(" not in words(evidence)


@pytest.mark.parametrize(
    "error",
    [
        TerminalBusyError("till-1", "sale-1", 3.2, 2),
        TerminalBusyError("till-1", None, 3.2),
        TerminalBlockedError("till-1", "sale-1"),
        ReferenceConflictError("sale-1", "amount=1", "amount=2"),
        UnknownReferenceError("sale-1"),
        UnknownTerminalError("till-9", ("till-1", "till-2")),
        UnknownTerminalError("till-9", ()),
        OperationsWithoutTerminalError((("sale-1", "till-1"),)),
        JournalDoubtError("the journal x is a copy: it is not the file that was written last"),
        ConnectError("10.0.0.1", 8081, "no route to host"),
        ListenError("10.0.0.1", 8082, "in use"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_say_the_same_by_their_code(error: EcrlanError) -> None:
    assert words(evidence_of(error)) == str(error)
    assert words(evidence_of(error), "it") != str(error)


def test_an_error_says_what_its_code_says() -> None:
    error = RegisterError(("voided_already", {"reference": "sale", "other": "void-1", "outcome": "approved"}))
    assert str(error) == "operation sale was voided already, by operation void-1 (approved)"
    assert words(evidence_of(error), "it") == "l'operazione sale è già stata stornata, con l'operazione void-1 (approvata)"
    assert str(RegisterError("no")) == words(evidence_of(RegisterError("no")), "it") == "no"
    assert str(RegisterError(("unheard_of", {}))) == "unheard_of"


def test_a_value_that_is_not_allowed_is_told_with_what_is() -> None:
    error = InvalidValueError("backups", -1, ("allowed_range", {"least": 0, "most": 36_500}))
    assert (str(error), error.allowed) == ("backups: -1 is not allowed; allowed: 0 to 36500", "0 to 36500")
    assert words(evidence_of(error), "it") == "backups: -1 non è ammesso; ammesso: da 0 a 36500"
    plain = InvalidValueError("function", "x" * 100, "QR, REFUND")
    assert (str(plain), plain.allowed) == (f"function: '{'x' * 76}... is not allowed; allowed: QR, REFUND", "QR, REFUND")
    assert words(evidence_of(plain), "it") == f"function: '{'x' * 76}... non è ammesso; ammesso: QR, REFUND"


# --- what the source makes --------------------------------------------------------------------------------------------------------


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py")) if path.parent.name != "texts"}


def made() -> Iterator[tuple[Path, int, list[Code], ast.expr | None, ast.Module]]:
    """Each place that makes evidence, or gives an exception its code: the codes that it may have, and its values."""
    by_value = {code.value: code for code in Code}
    for path, tree in trees().items():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id="Evidence"), args=[code, *values]):
                    names = [inner.attr for inner in ast.walk(code) if isinstance(inner, ast.Attribute) and inner.attr in Code.__members__]
                    yield path, node.lineno, [Code[name] for name in names], values[0] if values else None, tree
                case ast.Tuple(elts=[ast.Constant(value=str(word)), (ast.Dict() | ast.Name(id="values")) as values]) if word in by_value:
                    yield path, node.lineno, [by_value[word]], values, tree
                case _:
                    pass


def keys_of(values: ast.expr | None, tree: ast.Module) -> list[set[str]]:
    """The names that values may have; of a name whatever is assigned to it in its module."""
    match values:
        case None:
            return [set()]
        case ast.Dict(keys=keys, values=parts):
            found: list[set[str]] = [set()]
            for key, part in zip(keys, parts, strict=True):
                more = keys_of(part, tree) if key is None else [{key.value}] if isinstance(key, ast.Constant) else []
                found = [one | other for one in found for other in more]
            return found
        case ast.Name(id=name):
            return [
                each
                for node in ast.walk(tree)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else [])
                if isinstance(target, ast.Name) and target.id == name and isinstance(node.value, ast.Dict)  # type: ignore[attr-defined]
                for each in keys_of(node.value, tree)  # type: ignore[attr-defined]
            ]
        case _:
            return []


GENERIC = {("model", "evidence.py"), ("journal", "epoch.py")}
"""Makes evidence of what it is given."""


def test_whoever_makes_evidence_gives_each_value() -> None:
    places = [each for each in made() if (each[0].parent.name, each[0].name) not in GENERIC]
    assert len(places) > 100
    for path, line, codes, values, tree in places:
        if codes:
            assert set(codes[0].places) in keys_of(values, tree), f"{path}:{line}"
        for code in codes:
            assert set(code.places) == set(codes[0].places), f"{path}:{line}"


ROOMS = {"blocking", "cli", "daemon", "journal", "model", "protocol", "register", "setting_values", "settings"}
"""Where refusals are raised that people meet: at the till, when it is installed, while a till's program is written."""
TOLD_AT = {"RegisterError": 0, "JournalError": 0, "InvalidValueError": 2, "Refusal": 1} | dict.fromkeys(
    ["DaemonAnswerError", "DaemonGoneError", "DaemonLostError"], 0
)


def is_coded(told: ast.expr) -> bool:
    """Whether it is a code with values; one that was chosen elsewhere is called `…_why`."""
    match told:
        case ast.IfExp(body=body, orelse=other):
            return is_coded(body) and is_coded(other)
        case ast.Tuple(elts=[ast.Constant(value=str(word)), _]):
            return word in {code.value for code in Code}
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            return name.endswith("_why")
        case _:
            return False


def test_what_people_meet_has_a_code() -> None:
    found = 0
    for path, tree in trees().items():
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room not in ROOMS:
            continue
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id=name), args=args) if name in TOLD_AT and (name != "Refusal" or room == "daemon"):
                    found += 1
                    assert is_coded(args[TOLD_AT[name]]), f"{path}:{node.lineno}"
                case _:
                    pass
    assert found > 150


def test_no_code_is_left_over() -> None:
    used = {inner.attr for tree in trees().values() for inner in ast.walk(tree) if isinstance(inner, ast.Attribute)}
    named = {code.name for _, _, codes, _, _ in made() for code in codes}
    chosen = {
        node.value
        for path, tree in trees().items()
        if path.name in ("errors.py", "codec.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
    }
    left = {code.name for code in Code if code.value not in chosen} - used - named
    assert not {name for name in left if not name.startswith("DOUBT_")}, "`journal.epoch` has doubts by their names"
