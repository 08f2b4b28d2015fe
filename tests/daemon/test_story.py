"""The story's document; its words are the desk's (tests/cli/test_desk.py)."""

from __future__ import annotations

import pytest

from ecrlan.daemon.story import story_as_json
from ecrlan.journal import Journal
from ecrlan.protocol.records import operation_of_entry
from ecrlan.texts import Language
from tests.journal.samples import purchase


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
