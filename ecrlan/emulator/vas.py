"""The emulated terminal's other payment methods: BancomatPay, WeChat, Alipay (messages.md, "VAS")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ecrlan.emulator.behaviour import Behaviour
from ecrlan.emulator.ledger import ChargeKind, Ledger
from ecrlan.emulator.scenarios import Scenario, scenario_of
from ecrlan.emulator.slips import Slip, euros, pair, vas_slip
from ecrlan.model import MAXIMUM_AMOUNT, MAXIMUM_XML
from ecrlan.wire.receipt import ReceiptLine

SERVICES = ("BPAY", "WECHAT", "ALIPAY")
FUNCTIONS = ("QR", "INQUIRY", "REFUND", "TOTAL", "CHIUSURA")
BPAY_ONLY = ("TOTAL", "CHIUSURA")
_CENTS = re.compile(r"[0-9]{1,8}\Z", re.ASCII)
_EUROS = re.compile(r"([0-9]{1,6})[.,]([0-9]{2})\Z", re.ASCII)


@dataclass(slots=True)
class VasOrder:
    """One payment by a service. Amounts in cents."""

    order_id: str
    service: str
    amount: int
    refunded: int = 0
    closed: bool = False


class VasError(Exception):
    """A VAS request that is refused: RESPID and RESPMSG."""

    def __init__(self, response_id: int, text: str) -> None:
        super().__init__(text)
        self.response_id = response_id
        self.text = text


def read_amount(text: str | None) -> int:
    """Read AMOUNT, whose unit no page states: digits alone are cents here, two decimals make it euros. Raises `VasError`."""
    text = (text or "").strip()
    if match := _EUROS.match(text):
        amount = int(match[1]) * 100 + int(match[2])
    elif _CENTS.match(text):
        amount = int(text)
    else:
        raise VasError(3, "IMPORTO ERRATO")
    if not 1 <= amount <= MAXIMUM_AMOUNT:
        raise VasError(3, "IMPORTO ERRATO")
    return amount


def read_request(xml: str) -> tuple[str, dict[str, str]]:
    """Return ECRVASID and the parameters under SUBSMPARAMS. Raises `VasError` for what is no `<ecrreq>`."""
    try:
        root = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise VasError(2, "XML ERRATO") from error
    if root.tag != "ecrreq":
        raise VasError(2, "XML ERRATO")
    identity = ""
    parameters: dict[str, str] = {}
    for outer in root.findall("p"):
        if outer.get("k") == "ECRVASID":
            identity = (outer.text or "").strip()
        elif outer.get("k") == "SUBSMPARAMS":
            parameters = {inner.get("k", ""): (inner.text or "").strip() for inner in outer.findall("p")}
    return identity, parameters


def read_identity(identity: str) -> tuple[str, str]:
    """Return service and function of an ECRVASID. Raises `VasError` for one that does not exist."""
    service, _, function = identity.partition("_")
    if service not in SERVICES or function not in FUNCTIONS or (function in BPAY_ONLY and service != "BPAY"):
        raise VasError(4, "SERVIZIO SCONOSCIUTO")
    return service, function


def as_xml(values: dict[str, str], receipt: Slip) -> str:
    """Build `<ecrres>`; receipt lines go into RECEIPT as `<t>` and `<lf/>` (where they go is a guess: no page says it)."""
    fields = "".join(f'<p k="{key}">{escape(value)}</p>' for key, value in values.items())
    if receipt:
        fields += f'<p k="RECEIPT">{"".join(map(_line_as_xml, receipt))}</p>'
    return f"<ecrres>{fields}</ecrres>"


def _line_as_xml(line: str | ReceiptLine) -> str:
    if isinstance(line, ReceiptLine):
        return f"<b/><dh/><t>{escape(line.text)}</t><n/><lf/>"
    return f"<t>{escape(line)}</t><lf/>" if line else "<lf/>"


def cut(xml: str, parts: int) -> list[str]:
    """Cut an answer into `parts` pieces of about the same size; into more where a piece would exceed 1024 bytes."""
    size = min(-(-len(xml) // parts), MAXIMUM_XML)
    return [xml[start : start + size] for start in range(0, len(xml), size)]


class VasDesk:
    """Orders and their totals. Writes into the terminal's ledger."""

    def __init__(self, terminal_id: str, behaviour: Behaviour, ledger: Ledger) -> None:
        self.terminal_id = terminal_id
        self.behaviour = behaviour
        self.ledger = ledger
        self.orders: dict[str, VasOrder] = {}
        self.last: dict[str, dict[str, str]] = {}

    def answer(self, xml: str, time: datetime, *, refusal: Scenario | None = None) -> str:
        """Perform a request and return the answer's XML. `refusal` refuses it whatever it asks."""
        identity = ""
        try:
            identity, parameters = read_request(xml)
            service, function = read_identity(identity)
            if refusal is not None:
                return as_xml({"ECRVASID": identity, "RESPID": "1", "RESPMSG": refusal.reason}, [])
            values, title, lines = self._perform(service, function, parameters, time)
        except VasError as error:
            return as_xml({"ECRVASID": identity, "RESPID": str(error.response_id), "RESPMSG": error.text}, [])
        receipt: Slip = []
        if parameters.get("PRINTER") == "ECR":
            merchant = self.behaviour.merchant
            receipt = vas_slip(service, title, merchant=merchant, time=time, terminal_id=self.terminal_id, lines=lines)
        return as_xml({"ECRVASID": identity, "RESPID": "0", "RESPMSG": "OK", **values}, receipt)

    def _perform(self, service: str, function: str, parameters: dict[str, str], time: datetime) -> tuple[dict[str, str], str, list[str]]:
        """Return the answer's own fields, the receipt's title and its lines."""
        if function == "QR":
            return self._pay(service, read_amount(parameters.get("AMOUNT")), time)
        if function == "REFUND":
            return self._refund(service, read_amount(parameters.get("AMOUNT")), parameters.get("ORDER_ID", ""), time)
        if function == "INQUIRY":
            if service not in self.last:
                raise VasError(5, "NESSUNA OPERAZIONE")
            return self.last[service], "ULTIMA OPERAZIONE", [pair(key, value) for key, value in self.last[service].items()]
        orders = [order for order in self.orders.values() if order.service == service and not order.closed]
        total = sum(order.amount - order.refunded for order in orders)
        values = {"NUM_TR": str(len(orders)), "TOT_TR": str(total)}
        lines = [pair("OPERAZIONI", str(len(orders))), pair("TOTALE EUR", euros(total))]
        if function == "TOTAL":
            return values, "TOTALI", lines
        for order in orders:
            order.closed = True
        self.ledger.write(ChargeKind.VAS_CLOSE, total, effect=0, stan="000000", time=time, code="K")
        return values, "CHIUSURA", lines

    def _pay(self, service: str, amount: int, time: datetime) -> tuple[dict[str, str], str, list[str]]:
        scenario = scenario_of(amount)
        if scenario.result not in {"00", "05"}:
            raise VasError(1, scenario.reason or "ESITO SCONOSCIUTO")
        order = VasOrder(f"{service}{self.terminal_id}{len(self.orders) + 1:09}", service, amount)
        self.orders[order.order_id] = order
        self.ledger.write(ChargeKind.VAS_PAYMENT, amount, effect=amount, stan="000000", time=time, code="K", order_id=order.order_id)
        self.last[service] = {"ORDER_ID": order.order_id, "AMOUNT": str(amount)}
        return self.last[service], "PAGAMENTO", [order.order_id, pair("IMPORTO EUR", euros(amount))]

    def _refund(self, service: str, amount: int, order_id: str, time: datetime) -> tuple[dict[str, str], str, list[str]]:
        order = self.orders.get(order_id)
        if order is None or order.service != service:
            raise VasError(6, "ORDINE SCONOSCIUTO")
        if amount > order.amount - order.refunded:
            raise VasError(7, "IMPORTO SUPERIORE")
        order.refunded += amount
        self.ledger.write(ChargeKind.VAS_REFUND, amount, effect=-amount, stan="000000", time=time, code="K", order_id=order_id)
        self.last[service] = {"ORDER_ID": order_id, "AMOUNT": str(amount)}
        return self.last[service], "RIMBORSO", [order_id, pair("IMPORTO EUR", euros(amount))]
