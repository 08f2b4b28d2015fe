"""What a seed stands for: settings, a terminal's manners, orders, and everything that goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from ecrlan.emulator import FAULTS

FAULT_NAMES = tuple(name for name in FAULTS if name != "foreign_use")
WEATHER_NAMES = (
    "refuse",
    "hang",
    "slow accept",
    "cut up",
    "cut down",
    "cut soon",
    "deaf up",
    "deaf down",
    "crawl up",
    "crawl down",
    "pieces",
    "ghost",
)
KINDS = {
    "purchase": 10,
    "void": 3,
    "preauthorize": 3,
    "increment": 2,
    "capture": 3,
    "close_session": 1,
    "vas": 1,
    "verify_card": 1,
    "totals": 1,
    "status": 1,
    "reprint": 1,
    "last_result": 1,
}
MONEY = frozenset({"purchase", "void", "preauthorize", "increment", "capture", "close_session", "vas"})
SAME_AMOUNT = 650
MIX, STORM = 0.1, 0.35
"""How likely something goes wrong with an order (and again as likely a second thing with the same): half of the schedules each."""
MORE_MIX, MORE_STORM = 0.02, 0.1
"""How likely one of the things of `draw_more` comes on top of that."""
FORGETTING = 0.4
"""How likely a terminal that forgets its last result when it restarts does so, in a storm."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The two settings that decide what can be proved."""

    standalone_use: bool
    trust_unchanged_result: bool

    def __str__(self) -> str:
        used = "by hand too" if self.standalone_use else "register only"
        return f"{used}, unchanged result {'trusted' if self.trust_unchanged_result else 'not trusted'}"


BOTH = tuple(Settings(hand, trust) for hand in (False, True) for trust in (True, False))


def settings_of(seed: int) -> Settings:
    """Return the settings that a seed runs with where none are given."""
    return BOTH[0] if seed % 5 == 4 else BOTH[seed % 5]


@dataclass(slots=True)
class Disturbance:
    """One thing that goes wrong. `what`: fault, weather, kill, reboot, hand, clock, line; `after` seconds, or steps for a kill."""

    what: str
    name: str = ""
    after: float = 0.0
    steps: int = 0
    away: float = 0.0
    """Seconds until the killed process is started again."""

    @property
    def label(self) -> str:
        return f"{self.what}: {self.name}" if self.name else self.what


@dataclass(slots=True)
class Ask:
    """One order, by one caller or several. `number` is also its cash_register_id, by which the terminal tells whose request it is."""

    number: int
    kind: str
    at: float
    amount: int
    person: bool
    """Whether a person looks at what is unresolved before it."""
    again: list[float] = field(default_factory=list)
    """Seconds after which another caller asks for the same reference."""
    cancel: float | None = None
    queue_timeout: float | None = None
    last: bool = True
    vas: str = "BPAY_QR"
    disturbances: list[Disturbance] = field(default_factory=list)

    @property
    def reference(self) -> str:
        return f"sale-{self.number}"


@dataclass(slots=True)
class Schedule:
    """One world's plan."""

    options: dict[str, Any]
    behaviour: dict[str, Any]
    first_stan: int
    history: int
    skew: float
    latency: float
    commit_seconds: float | None
    dials: float | None
    asks: list[Ask]
    late_restart: bool
    has_last_result: bool
    storm: bool
    forgetful: bool = False
    """Whether the terminal does not save a result that it cannot deliver, and forgets its last one when it restarts."""


class Past(int):
    """A seed from before `draw_more`: its schedule is drawn without it."""


def draw(random: Random, settings: Settings) -> Schedule:
    """Draw a plan."""
    one = random.random
    choice = random.choice
    storm = one() < 0.5
    commands = "sPXSpicHCTGERUK"
    if one() < 0.15:
        commands = commands.replace("X", "")
    has_last_result = one() >= 0.03
    if not has_last_result:
        commands = commands.replace("G", "")
    link = choice(("dial", "dial", "auto", "listen"))
    options: dict[str, Any] = {
        "standalone_use": settings.standalone_use,
        "trust_unchanged_result": settings.trust_unchanged_result,
        "purchase_code": choice(("auto", "auto", "P")) if "X" in commands else choice(("auto", "P")),
        "keep_open": one() < 0.3,
        "print_on_register": one() < 0.2,
        "terminal_id": choice(("00000000", "37105051")),
        "last_result_supported": has_last_result or one() < 0.5,
        "payment_timeout": choice((180.0, 180.0, 40.0, 10.0)) if storm else 180.0,
        "link": link,
    }
    think = choice((0.0, 0.0, 0.5, 4.0, 20.0, 70.0))
    behaviour: dict[str, Any] = {
        "think_seconds": think,
        "progress": choice(((), ("INSERIRE CARTA",), ("INSERIRE CARTA", "DIGITARE PIN"))),
        "late_seconds": choice((8.0, 30.0, 100.0, 190.0, 230.0)),
        "late_on_any_line": one() < 0.5,
        "recovery_seconds": choice((0.0, 0.0, 2.0)),
        "reboot_seconds": choice((5.0, 30.0)),
        "close_after_exchange_seconds": choice((None, None, 0.0, 1.0)),
        "ack_timeout": choice((1.0, 5.0, 5.0)),
        "commands": commands,
        "capture_result_length": choice((71, 74)),
        "refuse_empty_last_result": one() < 0.1,
        "vas_parts": choice((1, 2)),
        "receipt_part_size": choice((60, 200)),
    }
    asks, at = [], 1.0
    for number in range(1, random.randint(3, 8) + 1):
        asks.append(_ask(random, number, at, settings, storm=storm))
        at += choice((0.0, 0.3, 20.0, 100.0, 700.0, 700.0, 1500.0))
    return Schedule(
        options=options,
        behaviour=behaviour,
        first_stan=choice((0, 41, 41, 999_997)),
        history=choice((0, 1, 1, 2)),
        skew=random.uniform(-240, 240),
        latency=choice((0.0, 0.0, 0.02, 1.0)),
        commit_seconds=choice((None, None, 0.0, 0.01, 1.5)),
        dials=choice((0.1, 2.0)) if link != "dial" else None,
        asks=asks,
        late_restart=one() < 0.3,
        has_last_result=has_last_result,
        storm=storm,
    )


def draw_more(random: Random, settings: Settings, plan: Schedule) -> None:
    """Draw what later became part of the schedules. With numbers of its own: what was drawn from a seed before stays as it was."""
    plan.forgetful = not settings.trust_unchanged_result and random.random() < 0.3
    if plan.forgetful and plan.storm:  # the same coffee for everybody: only the STANs differ
        for place, ask in enumerate(plan.asks):
            ask.kind, ask.amount, ask.at = "purchase", SAME_AMOUNT, 1.0 + 100.0 * place
    for ask in plan.asks:
        if random.random() < (MORE_STORM if plan.storm else MORE_MIX):
            ask.disturbances.append(_new_disturbance(random, plan))
        if plan.forgetful and plan.storm and random.random() < FORGETTING:
            ask.disturbances.append(Disturbance("fault", "reboot"))


def _new_disturbance(random: Random, plan: Schedule) -> Disturbance:
    what = random.choice(("held", "clock", "line") if plan.dials is not None else ("held", "clock"))
    if what == "held":
        return Disturbance("weather", "held")
    return Disturbance(what, after=random.choice((0.0, 0.1, 1.0, 3.0, 6.0, 30.0, 90.0)))


def _ask(random: Random, number: int, at: float, settings: Settings, *, storm: bool) -> Ask:
    one = random.random
    ask = Ask(
        number=number,
        kind=random.choices(tuple(KINDS), tuple(KINDS.values()))[0],
        at=at,
        amount=random.choices((SAME_AMOUNT, 1000 + number, 9001, 9020), (5, 5, 1, 0.5))[0],
        person=one() < 0.6,
        cancel=random.choice((0.0, 0.1, 5.0, 60.0)) if one() < 0.1 else None,
        queue_timeout=random.choice((0.0, 10.0)) if one() < 0.1 else None,
        last=one() < 0.6,
        vas=random.choice(("BPAY_QR", "ALIPAY_QR", "BPAY_CHIUSURA")),
    )
    if one() < 0.25:
        ask.again = [random.choice((0.0, 0.05, 1.0, 30.0, 400.0, 2000.0)) for _ in range(random.randint(1, 2))]
    while one() < (STORM if storm else MIX):
        ask.disturbances.append(_disturbance(random, settings))
    return ask


def _disturbance(random: Random, settings: Settings) -> Disturbance:
    after = random.choice((0.0, 0.0, 0.1, 1.0, 3.0, 6.0, 30.0, 90.0))
    kinds = ["fault", "fault", "weather", "kill", "kill", "reboot"] + ["hand"] * settings.standalone_use
    what = random.choice(kinds)
    if what == "fault":
        return Disturbance("fault", random.choice(FAULT_NAMES))
    if what == "weather":
        return Disturbance("weather", random.choice(WEATHER_NAMES), random.choice((0.0, 0.0, 0.0, 1.0)))
    if what == "kill":
        return Disturbance("kill", steps=random.randint(1, 45), away=random.choice((0.0, 1.0, 10.0, 60.0, 400.0)))
    return Disturbance(what, after=after)
