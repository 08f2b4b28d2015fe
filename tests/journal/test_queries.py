from datetime import timedelta

import pytest

from ecrlan.errors import InvalidValueError, JournalError
from ecrlan.journal import Journal, ReferenceTakenError, parameters_hash
from ecrlan.model import Kind
from tests.journal.samples import START, event, operation, purchase


def references(entries):
    return [entry.reference for entry in entries]


def test_an_operation_comes_back_as_it_was_written(inline):
    rows = purchase("sale-4711")
    inline.write(rows)
    entry = inline.find("sale-4711")
    assert (entry.kind, entry.terminal, entry.amount, entry.parameters) == (Kind.PURCHASE, "till-1", 650, rows[0].parameters)
    assert (entry.created_time, entry.state, entry.outcome, entry.finished_time) == (START, "finished", "approved", START)
    assert list(entry.events) == rows[1:]
    assert inline.find("sale-4712") is None


@pytest.mark.parametrize(
    ("names", "state", "outcome"),
    [
        ([], "queued", None),
        (["sending"], "sending", None),
        (["sending", "accepted", "progress"], "accepted", None),
        (["sending", "accepted", "recovering"], "recovering", None),
        (["sending", "answered"], "sending", None),
        (["sending", "finished unresolved"], "finished", "unresolved"),
        (["sending", "finished unresolved", "recovering"], "recovering", None),
        (["sending", "finished unresolved", "resolved approved"], "finished", "approved"),
        (["sending", "finished unresolved", "finished not_performed"], "finished", "not_performed"),
        (["sending", "finished declined", "receipt"], "finished", "declined"),
        # the first known outcome stands, whatever is written later
        (["sending", "finished approved", "finished declined"], "finished", "approved"),
        (["sending", "finished approved", "recovering", "finished unresolved"], "finished", "approved"),
        (["sending", "finished done"], "finished", "done"),
    ],
)
def test_state_and_outcome_follow_from_the_events(inline, names, state, outcome):
    rows = [operation("r")]
    for name in names:
        name, _, ending = name.partition(" ")  # noqa: PLW2901
        rows.append(event("r", name, **({"outcome": ending} if ending else {})))
    inline.write(rows)
    entry = inline.find("r")
    assert (entry.state, entry.outcome) == (state, outcome)
    assert (entry.finished_time is not None) == (state == "finished")
    known = outcome is not None and outcome != "unresolved"
    if names[-1:] != ["recovering"] or outcome:
        assert references(inline.unsettled("till-1")) == ([] if known else ["r"])
    assert inline.known("r").outcome == outcome


def test_lists_are_newest_first_and_go_on_by_page(inline):
    inline.write([operation(f"r{number}", minutes=number) for number in range(7)])
    first = inline.entries(limit=3)
    assert references(first) == ["r6", "r5", "r4"]
    assert all(entry.events == () for entry in first)
    assert references(inline.entries(limit=3, before_id=first[-1].id)) == ["r3", "r2", "r1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"terminal": "till-2"}, ["void"]),
        ({"outcome": "declined"}, ["no"]),
        ({"outcome": "unresolved"}, ["who-knows"]),
        ({"kind": Kind.VOID}, ["void"]),
        ({"kind": "void"}, ["void"]),
        ({"since": START + timedelta(minutes=2)}, ["void", "who-knows"]),
        ({"until": START + timedelta(minutes=2)}, ["no", "yes"]),
        ({"since": START + timedelta(minutes=1), "until": START + timedelta(minutes=3)}, ["who-knows", "no"]),
        ({"unfinished": True}, ["void", "who-knows"]),
        ({"unfinished": True, "terminal": "till-1"}, ["who-knows"]),
        ({"terminal": "till-3"}, []),
    ],
)
def test_filters(inline, wanted, found):
    inline.write(purchase("yes"))
    inline.write(purchase("no", "declined", minutes=1))
    inline.write(purchase("who-knows", "unresolved", minutes=2))
    inline.write([operation("void", "till-2", minutes=3, kind=Kind.VOID, amount=None, code="S")])
    assert references(inline.entries(**wanted)) == found
    each = list(inline.each(**wanted))
    assert references(each) == found[::-1]
    assert all(entry.events for entry in each if entry.reference != "void")


def test_each_goes_through_more_than_one_page(inline, monkeypatch):
    monkeypatch.setattr("ecrlan.journal.reader.PAGE", 3)
    inline.write([operation(f"r{number}") for number in range(10)])
    assert references(inline.each()) == [f"r{number}" for number in range(10)]


def test_the_latest_event_of_a_name_wins_with_or_without_operation(inline):
    assert inline.latest("till-1", "baseline") is None
    inline.write([event(None, "baseline", stan="000001"), event(None, "baseline", "till-2", stan="000009")])
    inline.write([event(None, "baseline", stan="000002")])
    inline.write(purchase("r", stan="000003"))
    assert inline.latest("till-1", "baseline").data == {"stan": "000002"}
    answered = inline.latest("till-1", "answered")
    assert (answered.reference, answered.data["stan"]) == ("r", "000003")


def test_stans_of_one_terminal(inline):
    inline.write([*purchase("a", stan="000001"), *purchase("b", stan="000002"), *purchase("c", terminal="till-2", stan="000009")])
    inline.write(purchase("d", "declined", stan=None))
    assert inline.stans("till-1") == {"000001", "000002"}
    assert inline.stans("till-1", limit=2) == {"000002"}
    assert inline.stans("till-3") == set()


def test_unsettled_come_with_their_history_oldest_first(inline):
    inline.write([*purchase("done"), *purchase("lost", "unresolved"), operation("new"), operation("other", "till-2")])
    assert references(inline.unsettled("till-1")) == ["lost", "new"]
    assert references(inline.unsettled()) == ["lost", "new", "other"]
    assert inline.unsettled("till-1")[0].events[0].name == "sending"


# --- retention ---------------------------------------------------------------------------------------------------------------------


def test_retention_keeps_references_and_whatever_is_unsettled(inline, monkeypatch):
    monkeypatch.setattr("ecrlan.journal.journal.PRUNE_ROWS", 3)
    for number in range(10):
        inline.write(purchase(f"old-{number}", minutes=number))
    inline.write(purchase("lost", "unresolved", minutes=1))
    inline.write([operation("sent", minutes=1), event("sent", "sending", minutes=1)])
    inline.write([event(None, "baseline", minutes=number, stan=f"{number:06}") for number in range(10)])
    inline.write(purchase("young", minutes=60))
    assert inline.prune(START + timedelta(minutes=30)) == 10
    assert inline.prune(START + timedelta(minutes=30)) == 0
    assert references(inline.entries()) == ["young", "sent", "lost"]
    assert [one.name for one in inline.find("lost").events] == ["sending", "accepted", "answered", "finished"]
    assert inline.latest("till-1", "baseline").data == {"stan": "000009"}
    left = inline._writing.execute("SELECT count(*) FROM events WHERE operation IS NULL").fetchone()
    assert left == (1,)
    assert inline._writing.execute("SELECT name FROM meta ORDER BY name").fetchall() == [("epoch",), ("opened",)]
    known = inline.known("old-3")
    assert (known.kind, known.terminal, known.amount, known.outcome, known.retained) == (Kind.PURCHASE, "till-1", 650, "approved", False)
    assert known.parameters_hash == parameters_hash({"code": "P", "amount": 650})
    assert known.created_time == START + timedelta(minutes=3)
    with pytest.raises(ReferenceTakenError):
        inline.write([operation("old-3")])


def test_what_was_settled_late_goes_with_the_next_retention(inline):
    inline.write(purchase("lost", "unresolved"))
    cut = START + timedelta(days=1)
    assert inline.prune(cut) == 0
    inline.write([event("lost", "resolved", outcome="not_performed", by="Anna", note="no receipt")])
    assert inline.prune(cut) == 1
    assert inline.known("lost").outcome == "not_performed"


def test_retention_beside_the_writer(journal):
    for number in range(5):
        journal.write(purchase(f"r{number}", minutes=number)).result()
    assert journal.prune(START + timedelta(minutes=3)) == 3
    assert references(journal.entries()) == ["r4", "r3"]


def test_known_and_retained(inline):
    inline.write([operation("r", x=1)])
    known = inline.known("r")
    assert (known.retained, known.outcome, known.parameters_hash) == (True, None, parameters_hash({"x": 1}))
    assert inline.known("s") is None


def test_times_need_zones_in_filters_and_retention(inline):
    naive = START.replace(tzinfo=None)
    for use in (lambda: inline.entries(since=naive), lambda: inline.prune(naive)):
        with pytest.raises(InvalidValueError, match="time zone"):
            use()


# --- readers beside an owner -------------------------------------------------------------------------------------------------------


def test_readers_need_no_ownership(path, other_process):
    owner = other_process(
        """
        from ecrlan.journal import Journal
        from tests.journal.samples import purchase
        journal = Journal(sys.argv[1])
        for line in sys.stdin:
            journal.write(purchase(line.strip())).result()
            print("written", flush=True)
        """,
        path,
    )

    def write(reference):
        owner.stdin.write(f"{reference}\n")
        owner.stdin.flush()
        assert owner.stdout.readline() == "written\n"

    write("a")
    with Journal.reader(path) as reader:
        assert references(reader.entries()) == ["a"]
        write("b")
        assert reader.find("b").outcome == "approved"
        assert reader.known("b").retained
        with pytest.raises(JournalError, match=f"process {owner.pid} "):
            Journal(path, owner_wait=0)
        owner.kill()
        owner.wait()
        assert references(reader.entries()) == ["b", "a"]


def test_a_reader_cannot_write(path, inline):
    inline.write([operation("r")])
    with Journal.reader(path) as reader, pytest.raises(JournalError, match="readonly"), reader._read() as connection:
        connection.execute("DELETE FROM meta")


def test_in_memory_with_and_without_a_thread():
    for inline in (True, False):
        with Journal(None, inline=inline) as journal:
            written = journal.write(purchase("r"))
            assert (written is None) == inline
            journal.flush()
            assert journal.find("r").outcome == "approved"


def test_everything_acknowledged_outlives_a_kill(path, other_process):
    killed = other_process(
        """
        from ecrlan.journal import Journal
        from tests.journal.samples import purchase
        journal = Journal(sys.argv[1])
        for number in range(100_000):
            journal.write(purchase(f"r{number}")).result()
            print(number, flush=True)
        """,
        path,
    )
    acknowledged = [int(killed.stdout.readline()) for _ in range(25)]
    killed.kill()
    acknowledged += [int(line) for line in killed.stdout.read().split("\n")[:-1] if line]
    with Journal(path, owner_wait=0) as journal:
        found = set(references(journal.entries(limit=100_000)))
    assert found >= {f"r{number}" for number in acknowledged}
    assert len(found) - len(acknowledged) in (0, 1)
