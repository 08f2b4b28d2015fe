"""Rows for the journal's tests."""

from datetime import UTC, datetime, timedelta

from ecrlan.journal import Event, NewOperation
from ecrlan.model import Kind

START = datetime(2026, 11, 23, 17, 44, 0, tzinfo=UTC)


def operation(reference, terminal="till-1", *, minutes=0, kind=Kind.PURCHASE, amount=650, **parameters):
    created = START + timedelta(minutes=minutes)
    chosen = parameters or {"code": "P", "amount": amount}
    return NewOperation(reference=reference, kind=kind, terminal=terminal, amount=amount, parameters=chosen, created_time=created)


def event(reference, name, terminal="till-1", *, minutes=0, **data):
    return Event(name=name, time=START + timedelta(minutes=minutes), reference=reference, terminal=terminal, data=data)


def purchase(reference, outcome="approved", terminal="till-1", *, minutes=0, stan="000042"):
    """A whole purchase's rows."""
    return [
        operation(reference, terminal, minutes=minutes),
        event(reference, "sending", terminal, minutes=minutes, message="50", transmission=1),
        event(reference, "accepted", terminal, minutes=minutes),
        event(reference, "answered", terminal, minutes=minutes, message="45", stan=stan),
        event(reference, "finished", terminal, minutes=minutes, outcome=outcome, reason=None),
    ]
