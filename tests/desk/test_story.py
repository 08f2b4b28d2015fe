"""What is told of an operation from its rows; the command line's and the console's tests show it whole."""

from __future__ import annotations

import pytest

from ecrlan.desk.story import facts, steps, terminal_of
from ecrlan.desk.texts import Language
from ecrlan.journal import Entry, Event, Journal
from ecrlan.register.records import operation_of_entry
from tests.journal.samples import START, event, operation


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
            "ignorata una risposta che non le appartiene: un altro esito dopo l'esito",
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
