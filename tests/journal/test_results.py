"""What belongs to a terminal's identity: its results, facts, and pre-authorizations."""

from datetime import timedelta

import pytest

from ecrlan.journal import Journal, KnownResults
from ecrlan.model import Kind
from tests.journal.samples import START, event, operation, purchase

TID = "12345678"
PLACE = "10.0.0.5:8081"
NOTHING = KnownResults(answered=frozenset(), strays=frozenset(), stans=frozenset(), last_stan=None, last_approval="", last_message="")


def answered(reference, seen, identity=TID, *, minutes=0, stan="000042", message="45", **data):
    return event(reference, "answered", minutes=minutes, identity=identity, seen=seen, stan=stan, message=message, **data)


def approved(reference, seen, identity=TID, *, minutes=0, **data):
    """An operation whose result is known for ever."""
    return [
        operation(reference, minutes=minutes),
        answered(reference, seen, identity, minutes=minutes, **data),
        event(reference, "finished", minutes=minutes, outcome="approved"),
    ]


def anew(identity=TID):
    return event(None, "stans_anew", identity=identity)


def test_a_terminal_and_its_address_come_back(inline):
    row = operation("r")
    named = type(row)(**{name: getattr(row, name) for name in row.__slots__} | {"terminal_id": TID, "address": PLACE})
    inline.write([named, operation("s")])
    assert (inline.find("r").terminal_id, inline.find("r").address) == (TID, PLACE)
    assert inline.find("r").parameters == inline.find("s").parameters
    assert inline.known("r").parameters_hash == inline.known("s").parameters_hash
    assert [(entry.terminal_id, entry.address) for entry in inline.unsettled()] == [(TID, PLACE), ("", "")]


def test_results_belong_to_an_identity_and_not_to_a_name(inline):
    inline.write([*approved("a", "A", stan="000001"), *approved("b", "B", "87654321", stan="000009"), *approved("c", "C", stan="000002")])
    inline.write([event(None, "stray", "renamed", identity=TID, seen="S", stan="000003"), event(None, "stray", stan="000004")])
    inline.write(purchase("without an identity"))
    assert inline.results(TID) == KnownResults(
        answered=frozenset("AC"),
        strays=frozenset("S"),
        stans=frozenset({"000001", "000002"}),
        last_stan="000002",
        last_approval="",
        last_message="45",
    )
    assert inline.results("87654321").last_stan == "000009"
    assert inline.results(PLACE) == NOTHING


def test_the_last_approval_is_the_newest_result_that_has_the_marks_of_one(inline):
    refusal = approved("c", "0123456789abcdef", stan="000003")
    inline.write([*approved("a", "000001|A1|3271844|1234"), *approved("b", "000002|A2|3271845|1234", stan="000002"), *refusal])
    assert inline.results(TID).last_approval == "000002|A2|3271845|1234"


def test_zeros_are_nobodys_stan_and_the_last_message_is_the_newest_results(inline):
    inline.write([*approved("a", "A", stan="000001"), *approved("b", "B", stan="000000", message="4500"), *approved("c", "C", stan=None)])
    known = inline.results(TID)
    assert (known.stans, known.last_stan, known.last_message) == (frozenset({"000001"}), "000001", "45")


def test_a_series_begins_with_the_result_behind_its_event(inline):
    inline.write([*approved("a", "A", stan="000041"), operation("b")])
    inline.write([anew("87654321"), anew(), answered("b", "B", stan="000001")])
    known = inline.results(TID)
    assert (known.answered, known.stans, known.last_stan) == (frozenset("AB"), frozenset({"000001"}), "000001")
    inline.write([anew()])
    assert inline.results(TID).stans == frozenset()
    assert inline.results(TID).last_stan == "000001"


def test_results_and_facts_outlive_retention(inline):
    inline.write(
        [
            *approved("a", "A", stan="000001"),
            event(None, "stray", identity=TID, seen="S"),
            event(None, "pinned", identity=TID, terminal_id=TID),
        ]
    )
    inline.write([event(None, name, minutes=1) for name in ("stray", "pinned")])  # the newest of a name stays for another reason
    before = inline.results(TID)
    assert inline.prune(START + timedelta(days=1)) == 1
    assert inline.find("a") is None
    after = inline.results(TID)
    assert (after.answered, after.strays, after.stans, after.last_stan) == (before.answered, before.strays, before.stans, "000001")
    assert (before.last_message, after.last_message) == ("45", "")
    assert inline.facts(TID)["pinned"].data == {"identity": TID, "terminal_id": TID}
    assert inline._writing.execute("SELECT count(*) FROM events").fetchone() == (2,)


def test_an_older_result_is_not_the_last_one_because_the_last_was_removed(inline):
    inline.write([operation("open"), answered("open", "A", message="41")])
    inline.write(approved("b", "B", message="42"))
    inline.prune(START + timedelta(days=1))
    assert inline.results(TID).last_message == ""


def test_facts_are_the_newest_of_each_name_without_an_operation(inline):
    first = event(None, "clock", identity=TID, seconds=5)
    newest = event(None, "clock", "renamed", minutes=1, identity=TID, seconds=9)
    inline.write([operation("r"), first, newest, event(None, "clock", identity=PLACE, seconds=7), event(None, "condition", state="ready")])
    inline.write([event("r", "clock", identity=TID, seconds=100)])
    assert inline.facts(TID) == {"clock": newest}
    assert inline.facts(PLACE)["clock"].data["seconds"] == 7
    assert inline.facts("87654321") == {}


def test_what_was_written_a_moment_ago_counts(path):
    with Journal(path, ride_seconds=3600) as journal:
        journal.write([operation("r")]).result()
        journal.write([answered("r", "A"), event(None, "pinned", identity=TID)], durable=False)
        assert journal.results(TID).answered == {"A"}
        assert journal.facts(TID)["pinned"]


def preauthorization_rows(code):
    def row(reference, kind, **parameters):
        return operation(reference, kind=kind, x=reference, **parameters)

    return [
        row("other", Kind.PREAUTHORIZE),
        answered("other", "O", preauthorization_code="999999999"),
        row("opened", Kind.PREAUTHORIZE),
        answered("opened", "P", preauthorization_code=code),
        row("raised", Kind.INCREMENT, preauthorization_code=code, target="opened"),
        row("late", Kind.PREAUTHORIZE),
        event("late", "stray", identity=TID, seen="L", preauthorization_code=code),
        row("another", Kind.CAPTURE, preauthorization_code="999999999"),
        row("captured", Kind.CAPTURE, preauthorization_code=code),
    ]


def test_a_preauthorization_is_found_by_its_code(inline):
    inline.write(preauthorization_rows("000000123"))
    found = inline.of_preauthorization("000000123")
    assert [entry.reference for entry in found] == ["opened", "raised", "captured"]
    assert [one.name for one in found[0].events] == ["answered"]
    assert inline.of_preauthorization("000000124") == []


def test_a_preauthorization_is_found_without_going_through_the_journal(inline):
    statements = []
    inline._writing.set_trace_callback(statements.append)
    inline.of_preauthorization("000000123")
    inline._writing.set_trace_callback(None)
    plan = [row[3] for row in inline._writing.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert any("operations_of_preauthorization" in step for step in plan), plan
    assert any("results_of_preauthorization" in step for step in plan), plan
    assert not any(step.startswith("SCAN") for step in plan), plan


@pytest.mark.parametrize("statement", ["DELETE FROM results", "UPDATE results SET stan = ''", "DELETE FROM facts"])
def test_results_and_facts_are_never_taken_away(inline, statement):
    inline.write([*approved("a", "A"), event(None, "pinned", identity=TID)])
    with pytest.raises(Exception, match="never"):
        inline._writing.execute(statement)
