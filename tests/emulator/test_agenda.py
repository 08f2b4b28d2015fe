from ecrlan.emulator.agenda import Agenda


def test_runs_in_order_of_time_then_of_adding():
    agenda, done = Agenda(), []
    for at, name in ((3.0, "late"), (1.0, "first"), (2.0, "a"), (2.0, "b")):
        agenda.add(at, lambda now, name=name: done.append((name, now)))
    assert agenda.next_at == 1.0
    agenda.run(2.5)
    assert done == [("first", 2.5), ("a", 2.5), ("b", 2.5)]
    assert agenda.next_at == 3.0


def test_what_is_added_for_now_runs_too_and_what_is_cancelled_does_not():
    agenda, done = Agenda(), []
    agenda.add(1.0, lambda now: agenda.add(now, lambda _: done.append("added")))
    cancelled = agenda.add(1.0, lambda _: done.append("cancelled"))
    agenda.cancel(cancelled)
    agenda.cancel(cancelled)
    agenda.cancel(None)
    agenda.run(1.0)
    assert done == ["added"]
    agenda.add(5.0, lambda _: None)
    agenda.clear()
    assert agenda.next_at is None
