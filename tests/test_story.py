"""What is told of an operation from its rows; the command line's and the console's tests show it whole."""

from __future__ import annotations

import pytest

from ecrlan.journal import Entry, Event, Journal
from ecrlan.model import Code, Evidence, NotPerformed, Unresolved, verbatim
from ecrlan.operation_json import operation_as_json
from ecrlan.protocol.records import operation_of_entry
from ecrlan.story import facts, steps, story_as_json, terminal_of
from ecrlan.texts import Language, words
from tests.journal.samples import START, event, operation, purchase


def told(*rows: Event) -> Entry:
    with Journal(None, inline=True) as journal:
        journal.write([operation("sale-1"), *rows])
        entry = journal.find("sale-1")
    assert entry is not None
    return entry


def given(terminal: str) -> Event:
    return Event(name="attached", time=START, reference="sale-1", terminal="till-1", data={"terminal": terminal, "by": "Anna"})


def last_step(entry: Entry, language: Language) -> str:
    return steps(entry, language)[-1][1]


@pytest.mark.parametrize(
    ("row", "english", "italian"),
    [
        (
            event("sale-1", "approved_after_refusal", stan="000006", amount=5),
            "declined, but then the terminal said approved: 0.05 EUR, STAN 000006; the customer may have paid",
            "rifiutata, ma poi il terminale ha detto approvata: 0,05 EUR, STAN 000006; il cliente può aver pagato",
        ),
        (
            event("sale-1", "approved_after_refusal", stan="000006", amount=None),
            "declined, but then the terminal said approved, STAN 000006; the customer may have paid",
            "rifiutata, ma poi il terminale ha detto approvata, STAN 000006; il cliente può aver pagato",
        ),
        (
            event("sale-1", "held", code="E", message=""),
            "a refusal like an earlier one came: the terminal is asked whether a payment is running",
            "è arrivato un rifiuto uguale a uno precedente: si chiede al terminale se un pagamento è in corso",
        ),
        (
            given("till-2"),
            "given to terminal till-2 by Anna",
            "assegnata al terminale till-2 da Anna",
        ),
        (
            event("sale-1", "stray", reason="another result after the result", stan="000006"),
            "an answer that does not belong to it was ignored: another result after the result",
            "ignorata una risposta che non le appartiene: another result after the result",
        ),
        (
            event("sale-1", "stray", **Evidence(Code.KNOWN_RESULT, {"stan": "000006"}).fields("reason")),
            "an answer that does not belong to it was ignored: STAN 000006, a result that is known already",
            "ignorata una risposta che non le appartiene: STAN 000006, un esito già noto",
        ),
        (
            event("sale-1", "resolved", outcome="not_performed", by="Anna", note="not in the list", reason="not in the list"),
            "settled by hand, Anna: not performed; not in the list",
            "decisa a mano, Anna: non eseguita; not in the list",
        ),
    ],
)
def test_each_row_has_its_words(row: Event, english: str, italian: str) -> None:
    entry = told(row)
    assert (last_step(entry, "en"), last_step(entry, "it")) == (english, italian)


def test_a_late_approval_is_a_warning_before_everything_else() -> None:
    declined = event("sale-1", "finished", outcome="declined", reason="NEGATA")
    entry = told(declined, event("sale-1", "approved_after_refusal", stan="000006", amount=5))
    operation = operation_of_entry(entry)
    english, italian = (next(iter(facts(operation, entry, language))) for language in ("en", "it"))  # type: ignore[arg-type]
    assert english == ("warning", "declined, but then the terminal said approved: 0.05 EUR, STAN 000006; the customer may have paid")
    assert italian[0] == "attenzione"
    assert next(iter(facts(operation_of_entry(told(declined)), told(declined), "en"))) == ("reason", "NEGATA")


def test_an_operation_belongs_to_the_terminal_that_it_was_given_to_last() -> None:
    assert terminal_of(told()) == "till-1"
    assert terminal_of(told(given("till-2"), given("till-3"))) == "till-3"


def test_an_operation_that_an_earlier_release_wrote_is_read_in_its_own_words() -> None:
    entry = told(
        event("sale-1", "recovering", evidence="no result within its time limit"),
        event("sale-1", "finished", outcome="unresolved", reason=None, evidence="the line was lost", answer=None),
    )
    assert [text for _, text in steps(entry, "it")[1:]] == [
        "la risposta è andata persa (no result within its time limit): inizia la verifica",
        "esito: esito incerto: the line was lost",
    ]
    operation = operation_of_entry(entry)
    assert operation.outcome == Unresolved(evidence=verbatim(Code.PROSE, "the line was lost"))
    document = operation_as_json(operation, "it")
    assert (document["evidence"], document["evidence_code"]) == ("the line was lost", "prose")
    refused = operation_of_entry(told(event("sale-1", "finished", outcome="not_performed", reason="refused once (NAK)", evidence=None)))
    assert refused.outcome == NotPerformed(reason=verbatim(Code.PROSE, "refused once (NAK)"))


def test_codes_are_said_in_the_language_of_the_reader() -> None:
    evidence = Evidence(Code.UNCHANGED, {"stan": "000041"})
    entry = told(
        event("sale-1", "recovering", **Evidence(Code.TIME_OVER).fields("evidence")),
        event("sale-1", "finished", outcome="unresolved", answer=None, **evidence.fields("evidence")),
    )
    assert [text for _, text in steps(entry, "it")[1:]] == [
        "la risposta è andata persa (nessun esito entro il tempo massimo): inizia la verifica",
        f"esito: esito incerto: {words(evidence, 'it')}",
    ]
    assert operation_of_entry(entry).outcome == Unresolved(evidence=evidence)


@pytest.mark.parametrize(("language", "title"), [("en", "purchase 6.50 EUR"), ("it", "pagamento 6,50 EUR")])
@pytest.mark.parametrize("outcome", ["approved", "unresolved"])
def test_what_is_told(language: Language, title: str, outcome: str) -> None:
    with Journal(None, inline=True) as journal:
        journal.write(purchase("sale-1", outcome))
        entry = journal.find("sale-1")
    assert entry is not None
    story = story_as_json(operation_of_entry(entry), entry, language, terminal_id="37105051")
    assert story.keys() == {"reference", "title", "facts", "steps", "look_at", "answers"}
    assert (story["reference"], story["title"]) == ("sale-1", title)
    assert all(len(pair) == 2 for pair in [*story["facts"], *story["steps"]])
    assert len(story["steps"]) == 5
    if outcome == "approved":
        assert (story["look_at"], story["answers"]) == ([], None)
    else:
        assert any("37105051" in text for text in story["look_at"])
        assert any("ecrlan totals -t till-1" in text for text in story["look_at"])
        assert set(story["answers"]) == {"approved", "not_performed"}


def test_what_waits_has_only_its_beginning() -> None:
    with Journal(None, inline=True) as journal:
        journal.write(purchase("sale-1"))
        entry = journal.find("sale-1")
    assert entry is not None
    story = story_as_json(operation_of_entry(entry), None, "en", terminal_id=None)
    assert len(story["steps"]) == 1
    assert story["answers"] is None
