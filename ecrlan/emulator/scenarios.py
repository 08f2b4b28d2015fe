"""Amounts choose outcomes, as in other sandboxes. Only the exact amounts of the table do; every other amount is approved."""

from __future__ import annotations

from dataclasses import dataclass

from ecrlan.model import CardType, CurrencyExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens to a request of one amount. `text` says it in words.

    `result` is the result code; `reason` and `action_code` go with `01`. `05` is given only where the request said that the card is
    present, otherwise the payment is approved. `exchange` makes the answer a `V` or `v` (DCC) where there is one for the request;
    `rate` and the rest are computed by the terminal. `no_exchange` sends the same form with dcc = 0. `think_seconds` and `progress`
    replace the terminal's own. `hostile_reason` and `hostile_receipt` put control characters and escape sequences into those texts.
    """

    text: str
    result: str = "00"
    reason: str = ""
    action_code: str = "000"
    by_host: bool = True
    exchange: tuple[str, int, int] | None = None
    no_exchange: bool = False
    entry_mode: str | None = None
    card_type: CardType | None = None
    think_seconds: float | None = None
    progress: tuple[str, ...] | None = None
    hostile_reason: bytes = b""
    hostile_receipt: str = ""


APPROVED = Scenario(text="approved")

PROGRESS = ("INSERIRE CARTA", "DIGITARE PIN", "ATTENDERE PREGO")
"""Progress texts as a SmartPOS might show them."""

RED_KEY = Scenario(text="refused: red key pressed", result="01", reason="OPERAZIONE ANNULLATA", action_code="000", by_host=False)

SCENARIOS: dict[int, Scenario] = {
    90_01: Scenario(text="refused by the host", result="01", reason="TRANSAZIONE NEGATA", action_code="100"),
    90_02: Scenario(text="refused: not enough money", result="01", reason="FONDI INSUFFICIENTI", action_code="116"),
    90_03: Scenario(text="refused: card expired", result="01", reason="CARTA SCADUTA", action_code="101"),
    90_04: Scenario(text="refused: wrong PIN", result="01", reason="PIN ERRATO", action_code="117"),
    90_05: Scenario(text="card not present (05) where the request said it is; otherwise approved", result="05", by_host=False),
    90_06: RED_KEY,
    90_07: Scenario(text="refused: nobody showed a card", result="01", reason="TEMPO SCADUTO", action_code="000", by_host=False),
    90_08: Scenario(text="refused: host out of reach", result="01", reason="HOST NON RAGGIUNGIBILE", action_code="911", by_host=False),
    90_09: Scenario(text="unknown tag from the host (09); not charged", result="09"),
    90_10: Scenario(text="result code 42, which is in no table; not charged", result="42"),
    90_11: Scenario(text="refused with a reason of 24 characters", result="01", reason="CARTA NON ABILITATA QUI.", action_code="119"),
    90_20: Scenario(text="paid in US dollars (DCC)", exchange=("USD", 10893, 2)),
    90_21: Scenario(text="paid in yen, which has no decimals (DCC)", exchange=("JPY", 1_623_400, 0)),
    90_22: Scenario(text="paid in Kuwaiti dinars, three decimals (DCC)", exchange=("KWD", 3345, 3)),
    90_23: Scenario(text="DCC form of the answer, but paid in euros (dcc = 0)", no_exchange=True),
    90_30: Scenario(text="takes 3 seconds and shows three progress texts", think_seconds=3.0, progress=PROGRESS),
    90_31: Scenario(text="takes 60 seconds and shows three progress texts", think_seconds=60.0, progress=PROGRESS),
    90_40: Scenario(text="by chip, debit card", entry_mode="ICC", card_type=CardType.DEBIT),
    90_41: Scenario(text="by magnetic stripe, other card", entry_mode="MAG", card_type=CardType.OTHER),
    90_42: Scenario(text="keyed by hand", entry_mode="MAN"),
    90_43: Scenario(text="by contactless stripe", entry_mode="CLM"),
    90_50: Scenario(
        text="refused with escape sequences in the reason", result="01", action_code="100", hostile_reason=b"\x1b[31mROSSO\x07\x1b[2J\x00"
    ),
    90_51: Scenario(text="approved with escape sequences in the receipt", hostile_receipt="\x1b[2J\x07\x1b]0;ROSSO\x08"),
}
"""What exact amounts in cents do, in a purchase, pre-authorization, increment, capture or VAS payment."""


def scenario_of(amount: int | None) -> Scenario:
    """Return what a request of `amount` cents does; `APPROVED` for amounts that are not in the table, and for None."""
    return APPROVED if amount is None else SCENARIOS.get(amount, APPROVED)


def currency_exchange(scenario: Scenario, amount: int) -> CurrencyExchange | None:
    """Return the DCC fields of `amount` euro cents under `scenario`; None where it has none."""
    if scenario.exchange is None:
        return None
    currency, rate, decimals = scenario.exchange
    paid = amount * rate * 10**decimals // 1_000_000  # cents and a rate of four decimals
    return CurrencyExchange(exchange_rate=rate, currency=currency, currency_amount=paid, currency_decimals=decimals)


def describe() -> str:
    """Return the table for people, one line per amount."""
    lines = [f"{amount // 100}.{amount % 100:02}  {scenario.text}" for amount, scenario in sorted(SCENARIOS.items())]
    return "\n".join([*lines, "other  approved"])
