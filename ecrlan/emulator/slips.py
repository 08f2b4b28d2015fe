"""What the emulated terminal prints: receipts of 24 columns, as lines of text."""

from __future__ import annotations

from datetime import datetime

from ecrlan.model import CardType, PaymentResult
from ecrlan.wire.receipt import ReceiptLine, ReceiptStyle

Slip = list[str | ReceiptLine]
"""Lines as `wire.receipt.build_receipt` takes them."""

COLUMNS = 24
DASHES = "-" * COLUMNS
CARD_NAMES = {CardType.DEBIT: "PAGOBANCOMAT", CardType.CREDIT: "CARTA DI CREDITO", CardType.OTHER: "ALTRA CARTA"}
TITLES = {
    "P": "ACQUISTO",
    "X": "ACQUISTO",
    "p": "PREAUTORIZZAZIONE",
    "S": "STORNO",
    "i": "INTEGRAZIONE PREAUT.",
    "c": "CHIUSURA PREAUT.",
    "H": "VERIFICA CARTA",
}
"""Head of the receipt by the request's code."""
BOLD = ReceiptStyle(bold=True, double_height=True)
CHIP_LINES = (("A.ID", "A0000000041010"), ("TVR", "0000008001"), ("ARQC", "0123456789ABCDEF"), ("IAD", "0110A0420300000000"))
"""Numbers that the card schemes prescribe; none is a card number."""
NOT_PRINTABLE = str.maketrans("^{|}~", "     ")
"""Characters of a receipt_text that control the printer."""


def euros(amount: int) -> str:
    """Write cents as an Italian receipt does: 123456 → `1.234,56`."""
    whole = f"{amount // 100:,}".replace(",", ".")
    return f"{whole},{amount % 100:02}"


def pair(left: str, right: str) -> str:
    """Put one text at the line's left end and one at its right end; what does not fit is cut off the left one."""
    return f"{left[: COLUMNS - len(right) - 1]:<{COLUMNS - len(right)}}{right}"


def centred(text: str) -> str:
    """Put a text in the middle of its line."""
    return text[:COLUMNS].center(COLUMNS).rstrip()


def bold(text: str) -> ReceiptLine:
    """Put a bold text of double height in the middle of its line."""
    return ReceiptLine(centred(text), BOLD)


def _head(merchant: tuple[str, ...], title: str, time: datetime, terminal_id: str) -> Slip:
    return [
        *(centred(line) for line in merchant),
        "",
        bold(title),
        "",
        pair(f"{time:%d/%m/%y}", f"{time:%H:%M}"),
        pair("TML", terminal_id),
    ]


def payment_slip(
    code: str,
    result: PaymentResult,
    *,
    merchant: tuple[str, ...],
    time: datetime,
    amount: int | None,
    receipt_text: str = "",
    chip: bool = False,
) -> Slip:
    """Return the lines of an approved operation's receipt; `receipt_text` stands at its foot, `chip` adds what the card's chip says."""
    card = CardType(result.card_type) if result.card_type in CARD_NAMES else CardType.OTHER
    lines = _head(merchant, TITLES[code], time, result.terminal_id)
    lines += [pair("STAN", result.stan), pair("AIIC", result.acquirer_id or ""), pair("OPER.", result.online_id)]
    lines += [CARD_NAMES[card], pair("PAN", f"************{result.pan}"), pair("MOD.", result.entry_mode or "")]
    if result.authorization_code:
        lines.append(pair("AUT.", result.authorization_code))
    if chip:
        lines += [pair(name, value) for name, value in CHIP_LINES]
    if result.preauthorization_code:
        lines.append(pair("COD.PREAUT.", result.preauthorization_code))
    if amount is not None:
        lines += [DASHES, pair("IMPORTO EUR", euros(amount))]
    if result.currency_exchange is not None:
        exchange = result.currency_exchange
        paid = exchange.currency_amount / 10**exchange.currency_decimals
        lines.append(pair(f"PAGATO {exchange.currency}", f"{paid:.{exchange.currency_decimals}f}"))
        lines.append(pair("CAMBIO", f"{exchange.exchange_rate / 10_000:.4f}"))
    lines += [DASHES, bold("STORNO ESEGUITO" if code == "S" else "TRANSAZIONE ESEGUITA")]
    foot = receipt_text.translate(NOT_PRINTABLE).strip()
    lines += [foot[start : start + COLUMNS] for start in range(0, len(foot), COLUMNS)]
    return [*lines, "", centred("ARRIVEDERCI E GRAZIE")]


def totals_slip(terminal_id: str, *, merchant: tuple[str, ...], time: datetime, total: int, count: int, closing: bool) -> Slip:
    """Return the lines of a totals receipt, or of a session's closing."""
    lines = _head(merchant, "CHIUSURA CONTABILE" if closing else "TOTALI LOCALI", time, terminal_id)
    lines += [DASHES, pair("OPERAZIONI", str(count)), pair("TOTALE EUR", euros(total)), DASHES]
    return [*lines, bold("CHIUSURA ESEGUITA" if closing else "FINE TOTALI")]


def vas_slip(service: str, title: str, *, merchant: tuple[str, ...], time: datetime, terminal_id: str, lines: list[str]) -> Slip:
    """Return the lines of a VAS receipt: head, the given lines, foot."""
    return [*_head(merchant, f"{service} {title}", time, terminal_id), DASHES, *lines, DASHES, bold("TRANSAZIONE ESEGUITA")]
