"""Incidents: what befalls a till beyond a single fault. Which of them a schedule has follows from its seed.

An incident is a terminal that is swapped, a journal that is restored, settings that change, people and other registers on the terminal,
clocks that are wrong, firmware with manners of its own. One seed in three has some; the others stay what they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from ecrlan.emulator.manners import DEFAULT_MANNERS, MANNERS
from tests.faults.schedule import SAME_AMOUNT, Ask, Disturbance, Past, Schedule, Settings

EVERY = 3
"""One seed in so many has incidents: those that leave `REST`."""
REST = 1
REFUSED_AMOUNT = 9001
HOURS = (5.0, 9.0, 26.0)
"""After how many hours somebody pays by hand what the till asked for. No clock in the schedules jumps by such an amount."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
JUMPS = (-2 * DAY, -HOUR, -12 * MINUTE, 12 * MINUTE, HOUR, 2 * DAY)
AUTUMN = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
"""20 minutes before the clocks of Rome go from 3:00 back to 2:00."""
LOSING = ("drop_after_ack", "hang", "drop_before_ack", "silent", "drop_after_charge", "no_result", "late_charge", "drop_then_charge")
STANLESS = ("refusal_repeats_stan", "blank_refusal")


KINDS = (
    *(f"manner: {name}" for name in MANNERS),
    "TID: accepted",
    "TID: changed in the settings",
    "TID: never accepted",
    "address: changed",
    "clock: the October night",
    "clock: the register's set",
    "clock: the terminal's set",
    "clock: the terminal's wrong from the start",
    "journal: accepted",
    "journal: less in it than before",
    "journal: log half",
    "journal: log removed",
    "journal: never accepted",
    "journal: on another machine",
    "journal: restored from all files",
    "journal: restored from backup",
    "journal: restored from database alone",
    "name: changed",
    "name: operations attached to a terminal",
    "payment: by another register",
    "payment: by another register, in a row",
    "payment: by hand, STANs anew",
    "payment: by hand, found out",
    "payment: by hand, unexpected",
    "payment: hours later",
    "payment: refused by hand",
    "person: settles at once",
    "stale copy: after the ACK",
    "stale copy: an older refusal",
    "stale copy: and a NAK",
    "stale copy: without an ACK",
    "terminal: back",
    "terminal: other TID",
    "terminal: other TID during an open operation",
    "terminal: removed from the settings and back",
    "terminal: same TID",
    "terminal: same TID during an open operation",
    "two names: other address, added",
    "two names: other address, refused when added",
    "two names: same place, refused when added",
)
"""Every kind of incident that must happen, by its name in the tables."""


@dataclass(slots=True)
class Incident:
    """One incident at `at` (seconds). What `name`, `value`, `amount` and `count` say depends on `what`."""

    what: str
    at: float
    name: str = ""
    value: float = 0.0
    amount: int = SAME_AMOUNT
    count: int = 1
    with_amount: bool = True
    """Of a payment by somebody else: whether its result has the amount (it is an `X`, as the register's own)."""


@dataclass(slots=True)
class Incidents:
    """All incidents of a schedule. `patience`: seconds until a person accepts a TID or a journal, None: never."""

    each: list[Incident] = field(default_factory=list)
    patience: float | None = None
    second_name: str = ""
    """Another name for the terminal: `same place`, `other address`."""
    start: datetime | None = None
    clock: float = 0.0
    """Seconds that the terminal's clock is wrong by from the start."""

    def add(self, what: str, at: float, name: str = "", value: float = 0.0, *, amount: int = SAME_AMOUNT, count: int = 1) -> Incident:
        incident = Incident(what, at, name, value, amount, count)
        self.each.append(incident)
        return incident


def has_incidents(seed: int) -> bool:
    """Tell whether the seed's schedule has incidents."""
    return not isinstance(seed, Past) and seed % EVERY == REST


def draw_incidents(random: Random, settings: Settings, plan: Schedule) -> Incidents:
    """Draw incidents, and shape the orders so that they meet them."""
    incidents = Incidents(patience=random.choice((0.0, 0.0, 100.0, 1000.0, None, None)))
    stories = [
        _manners,
        _swapped,
        _accepted,
        _new_series,
        _restored,
        _restored,
        _cut_log,
        _renamed,
        _two_names,
        _hand_later,
        _contradicted_clock,
        _clocks,
        _stale_copy,
        _stale_copy,
    ]
    stories += [_refused_by_hand] if settings.standalone_use else [_unexpected_hand, _unexpected_hand, _hand_found_out]
    stories += [] if settings.trust_unchanged_result else [_settled_at_once]
    story = random.choice(stories)
    story(random, plan, incidents)
    if random.random() < 0.5 and story not in (_contradicted_clock, _settled_at_once):
        _manners(random, plan, incidents)
    if random.random() < 0.2 and story not in (_hand_later, _contradicted_clock):
        _clocks(random, plan, incidents)
    return incidents


# --- firmware -------------------------------------------------------------------------------------------------------------------------


def _manners(random: Random, plan: Schedule, incidents: Incidents) -> None:
    names = random.sample(sorted(set(MANNERS) - set(DEFAULT_MANNERS)), random.choice((1, 2, 4, 6)))
    if incidents.second_name == "other address" and "identified_by_zero" in names:
        names.remove("identified_by_zero")  # two addresses, and nothing that names the terminal: nobody could know
    if set(names) & {*STANLESS, "approval_after_refusal"}:
        for ask in plan.asks:
            if ask.kind == "purchase" and random.random() < 0.3:
                ask.amount = REFUSED_AMOUNT
    if "approval_after_refusal" in names:
        _nothing_stale(plan)
    if "silent_last_result" in names and not incidents.each:
        plan.history = 0
    for name in names:
        place = random.randrange(len(plan.asks)) if random.random() < 0.4 or name == "not_ready_word" else 0
        at = plan.asks[place].at - 0.5
        incidents.add("manner", at if place else 0.0, name)
        if name == "not_ready_word" or random.random() < 0.2:
            incidents.add("no manner", at + random.choice((50.0, 800.0)), name)
    if random.random() < 0.5:
        incidents.add("no manner", 0.0, *DEFAULT_MANNERS)
    plan.behaviour["stans_in_series"] = random.choice((1, 2, 3, 5))
    plan.behaviour["host_time_behind_hours"] = random.choice((48.0, 48.0, 0.1, 24.0))


def _new_series(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """STANs start anew on their own, after a close session, or with a payment by hand while an operation is lost."""
    incidents.add("manner", 0.0, "stan_anew")
    if random.random() < 0.5:
        return
    _same_coffee(random, plan)
    _by_extended_purchase(plan)
    _has_history(plan)
    ask = random.choice(plan.asks[1:])
    _lose(ask, random.choice(("drop_after_ack", "hang")))
    incidents.add("pay anew", ask.at + 2.0)


# --- another terminal -----------------------------------------------------------------------------------------------------------------


def _swapped(random: Random, plan: Schedule, incidents: Incidents) -> None:
    if random.random() < 0.7:
        _same_coffee(random, plan)
        _by_extended_purchase(plan)
    place = random.randrange(len(plan.asks))
    ask = plan.asks[place]
    at = ask.at - 5.0
    if random.random() < 0.6:
        at = ask.at + random.choice((0.5, 5.0, 5.0, 30.0))
        _lose(ask, random.choice(LOSING))
    incidents.add("swap", at, random.choice(("other TID", "other TID", "same TID")), random.choice((0.0, 0.0, 1.0)))
    incidents.each[-1].count = random.choice((0, 1, 1, 2))
    how = random.choice(("person", "person", "person", "named", "settings"))
    plan.options["terminal_id"] = "00000000" if how == "person" or random.random() < 0.3 else "37105051"
    if how == "settings":
        incidents.add("TID in the settings", at + random.choice((1.0, 60.0, 400.0)))
    if random.random() < 0.4:
        away = random.choice((60.0, 300.0, 1500.0))
        incidents.add("swap", at + away, "back")
        if how == "settings":
            incidents.add("TID in the settings", at + away + 10.0)
    if len(plan.asks) > place + 1 and random.random() < 0.6:  # on the other one, an order is lost as well
        _lose(plan.asks[place + 1], random.choice(LOSING))


def _accepted(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """Another TID answers the question for the last result, a person accepts it at once, and the next order is lost on it."""
    _same_coffee(random, plan, every=100.0)
    _by_extended_purchase(plan)
    _has_history(plan)
    incidents.patience = 0.0
    plan.options["terminal_id"] = "00000000"
    place = random.randrange(1, len(plan.asks) - 1)
    meets, lost = plan.asks[place : place + 2]
    meets.kind, meets.disturbances, meets.cancel = "last_result", [], None
    _lose(lost, random.choice(("drop_after_ack", "hang")))
    incidents.add("swap", meets.at - 8.0, "other TID")


# --- the journal ----------------------------------------------------------------------------------------------------------------------


def _restored(random: Random, plan: Schedule, incidents: Incidents) -> None:
    _by_extended_purchase(plan)
    copied = random.randrange(len(plan.asks) - 1)
    if random.random() < 0.7:
        _same_coffee(random, plan, every=100.0)
        plan.behaviour["think_seconds"] = random.choice((4.0, 20.0))
        first, second = plan.asks[copied : copied + 2]
        first.disturbances = [Disturbance("fault", random.choice(("declined", "declined", "drop_after_charge", "hang")))]
        second.disturbances = []
        incidents.add("manner", 0.0, random.choice(STANLESS))
    form = random.choice(("backup", "database alone", "all files"))
    back_at = plan.asks[random.randrange(copied + 1, len(plan.asks))].at + random.choice((-10.0, 40.0, 90.0))
    incidents.add("copy", plan.asks[copied].at + random.choice((-0.5, 2.0, 2.0, 3.0)), form)
    # all files put back over the old ones, as an image of the whole machine, cannot be noticed (exchange.md §5)
    in_place = random.choice((0.0, 1.0)) if form != "all files" else 0.0
    incidents.add("restore", max(back_at, plan.asks[copied].at + 30.0), form, in_place)
    if random.random() < 0.2:
        incidents.add("other machine", incidents.each[-1].at)
    for ask in plan.asks:
        if random.random() < 0.5:  # somebody asks for the same again
            ask.again.append(max(back_at - ask.at, 0.0) + random.choice((100.0, 600.0, 2000.0)))


def _cut_log(random: Random, plan: Schedule, incidents: Incidents) -> None:
    at = random.choice(plan.asks).at + random.choice((1.0, 40.0, 200.0))
    incidents.add("cut log", at, random.choice(("removed", "removed", "half")))
    for ask in plan.asks:
        if random.random() < 0.5:
            ask.again.append(max(at - ask.at, 0.0) + random.choice((100.0, 600.0)))


# --- the settings ---------------------------------------------------------------------------------------------------------------------


def _renamed(random: Random, plan: Schedule, incidents: Incidents) -> None:
    ask = random.choice(plan.asks[:-1])
    ask.again = []
    for each in plan.asks:
        each.person = each.person and random.random() < 0.5
    if random.random() < 0.7:
        _lose(ask, random.choice(LOSING))
    at = ask.at + random.choice((2.0, 15.0, 15.0, 60.0))
    match random.choice(("renamed", "moved", "both", "both", "removed")):
        case "renamed":
            incidents.add("rename", at)
        case "moved":
            incidents.add("move", at)
        case "both":
            incidents.add("rename", at)
            incidents.add("move", at)
            if random.random() < 0.7:
                incidents.add("manner", 0.0, "identified_by_zero")
                plan.options["terminal_id"] = "00000000"
        case _:
            incidents.add("remove", at, value=random.choice((30.0, 300.0)))


def _two_names(random: Random, plan: Schedule, incidents: Incidents) -> None:
    _same_coffee(random, plan, every=random.choice((0.3, 5.0, 20.0, 100.0)))
    _by_extended_purchase(plan)
    incidents.second_name = random.choice(("same place", "other address"))
    plan.options["link"], plan.dials = "dial", None
    plan.options["terminal_id"] = random.choice(("00000000", "00000000", "37105051"))
    for ask in random.sample(plan.asks, 2):
        _lose(ask, random.choice(LOSING))


# --- people and other registers -------------------------------------------------------------------------------------------------------


def _hand_later(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """An order is lost after its ACK, and hours later somebody pays the same by hand; the terminal's clock may be wrong by just that."""
    _same_coffee(random, plan)
    _by_extended_purchase(plan)
    place = random.randrange(len(plan.asks) - 1)
    seconds = random.choice(HOURS) * HOUR
    if random.random() < 0.4:
        incidents.clock = -seconds
    _lose_for_hours(random, plan, incidents, place, seconds)


def _contradicted_clock(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """The terminal's clock was learned, then it is set; hours later somebody pays by hand what was lost since."""
    _add_asks(plan, 6)
    _same_coffee(random, plan, every=100.0)
    _by_extended_purchase(plan)
    for ask in plan.asks[:4]:
        ask.disturbances, ask.cancel = [], None
    seconds = random.choice(HOURS) * HOUR
    incidents.add("terminal clock", plan.asks[2].at + 50.0, value=-seconds)
    _lose_for_hours(random, plan, incidents, 4, seconds)


def _lose_for_hours(random: Random, plan: Schedule, incidents: Incidents, place: int, seconds: float) -> None:
    ask = plan.asks[place]
    ask.disturbances = [Disturbance("fault", random.choice(("drop_after_ack", "hang")))]
    ask.again = []
    incidents.add("pay", ask.at + seconds, "hours later")
    # a terminal that is said to be the register's alone: what was paid by hand just before a lost order may be taken for it
    rest = 10.0 if plan.options["standalone_use"] else 1500.0
    for later in plan.asks[place + 1 :]:
        later.at += seconds + rest
        later.person = False
    if plan.dials is not None:
        plan.dials = 2.0


def _refused_by_hand(random: Random, plan: Schedule, incidents: Incidents) -> None:
    for ask in random.sample(plan.asks, 2):
        incidents.add("refuse by hand", ask.at + random.choice((-5.0, 1.0, 6.0, 40.0)))


def _unexpected_hand(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """People or another register use a terminal that is said to be the register's alone.

    What is promised then: another amount, or more payments in a row than orders of ours can have taken STANs, are never taken for ours.
    """
    _by_extended_purchase(plan)
    _has_history(plan)
    if random.random() < 0.7:
        _same_coffee(random, plan)
    _nothing_stale(plan)
    for ask in random.sample(plan.asks, 2):
        at = ask.at + random.choice((-20.0, 2.0, 2.0, 5.0))
        if random.random() < 0.6:
            _lose(ask, random.choice(LOSING))
        if random.random() < 0.5:
            incidents.add("pay", at, "by another register", amount=ask.amount, count=len(plan.asks) + 2)
        else:
            incidents.add("pay", at, "by another register", amount=ask.amount + 1)


def _hand_found_out(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """Hand use is found out, the till is started again, and an order is lost before its ACK while somebody pays the same by hand."""
    _same_coffee(random, plan, every=100.0)
    _by_extended_purchase(plan)
    _has_history(plan)
    first, second, third = plan.asks[:3]
    for ask in (first, second):
        ask.disturbances, ask.cancel = [], None
    third.disturbances = [Disturbance("fault", "drop_before_ack")]
    incidents.add("pay", first.at + 50.0, "by hand, unexpected", amount=SAME_AMOUNT + 7)
    incidents.add("restart", first.at + 60.0)
    incidents.add("restart", second.at + 50.0)
    incidents.add("pay", third.at + 1.0, "by hand, found out")


def _settled_at_once(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """A person settles a lost order at once, and its result comes during the next one, sooner than a person with a card could be."""
    _same_coffee(random, plan, every=100.0)
    _by_extended_purchase(plan)
    plan.has_last_result = False
    plan.behaviour |= {
        "commands": plan.behaviour["commands"].replace("G", ""),
        "think_seconds": 4.0,
        "progress": (),
        "late_seconds": 30.0,
        "late_on_any_line": True,
        "recovery_seconds": 0.0,
    }
    plan.options |= {"last_result_supported": False, "payment_timeout": 10.0, "link": "dial", "keep_open": False}
    plan.latency, plan.commit_seconds, plan.dials = 0.0, None, None
    first, second = plan.asks[:2]
    first.disturbances, second.disturbances = [Disturbance("fault", "late_result")], []
    first.cancel = second.cancel = None
    second.at = first.at + 33.0 + random.choice((-0.5, 0.0, 0.5))
    incidents.add("settle", first.at + 17.0)


# --- clocks, the line -----------------------------------------------------------------------------------------------------------------


def _clocks(random: Random, plan: Schedule, incidents: Incidents) -> None:
    what = random.choice(("constant", "terminal", "register", "autumn"))
    if what == "autumn":
        incidents.start = AUTUMN
    elif what == "constant":
        incidents.clock = random.choice((-2 * DAY, DAY, -5 * MINUTE, 5 * MINUTE, -12 * MINUTE, 12 * MINUTE, HOUR))
    else:
        for _ in range(random.choice((1, 1, 2))):
            at = random.choice(plan.asks).at + random.choice((-10.0, 1.0, 10.0))
            incidents.add(f"{what} clock", max(at, 0.0), value=random.choice(JUMPS))


def _stale_copy(random: Random, plan: Schedule, incidents: Incidents) -> None:
    """The last result comes once more while the next payment is at work; a NAK may follow it."""
    _same_coffee(random, plan, every=100.0)
    plan.behaviour["think_seconds"] = random.choice((4.0, 20.0))
    place = random.randrange(2, len(plan.asks))
    ask = plan.asks[place]
    how = random.choice(("after the ACK", "without an ACK", "and a NAK", "and a NAK", "an older refusal"))
    if random.random() < 0.6 or how == "an older refusal":
        incidents.add("manner", 0.0, random.choice(STANLESS))
        refused = place - 2 if how == "an older refusal" else place - 1
        plan.asks[refused].amount, plan.asks[refused].disturbances = REFUSED_AMOUNT, []
    if how != "after the ACK":
        ask.disturbances = [Disturbance("fault", "no_ack")]
    incidents.add("stale copy", ask.at + random.choice((0.5, 1.5, 3.0)), how)


# --- shaping ---------------------------------------------------------------------------------------------------------------------------


def _same_coffee(random: Random, plan: Schedule, every: float | None = None) -> None:
    """Let everybody pay the same, one after the other: only the STANs differ."""
    step = random.choice((100.0, 700.0)) if every is None else every
    for place, ask in enumerate(plan.asks):
        ask.kind, ask.amount, ask.at, ask.queue_timeout = "purchase", SAME_AMOUNT, 1.0 + step * place, None


def _by_extended_purchase(plan: Schedule) -> None:
    """Let the terminal know `X` and `G`, whose results have the amount and can be asked for."""
    plan.behaviour["commands"] = "sPXSpicHCTGERUK"
    plan.options |= {"purchase_code": "auto", "last_result_supported": True}
    plan.has_last_result = True


def _nothing_stale(plan: Schedule) -> None:
    """Have no result sent once more that the register may never have seen: two lies at once."""
    for ask in plan.asks:
        ask.disturbances = [each for each in ask.disturbances if each.name != "stale_result"]


def _has_history(plan: Schedule) -> None:
    """Have a last result from before: after a terminal's very first payment no STAN can be missing."""
    plan.history = max(plan.history, 1)


def _lose(ask: Ask, fault: str) -> None:
    ask.disturbances = [Disturbance("fault", fault)]
    ask.cancel = None


def _add_asks(plan: Schedule, count: int) -> None:
    """Have at least so many orders."""
    for number in range(len(plan.asks) + 1, count + 1):
        plan.asks.append(Ask(number=number, kind="purchase", at=plan.asks[-1].at + 100.0, amount=SAME_AMOUNT, person=False))
