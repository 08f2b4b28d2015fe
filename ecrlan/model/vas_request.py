"""What a VAS request says: the XML inside `K` (messages.md, "VAS")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecrlan.errors import InvalidValueError

SERVICES = ("BPAY", "WECHAT", "ALIPAY")
VAS_FUNCTIONS = (
    *(f"{service}_{function}" for service in SERVICES for function in ("QR", "INQUIRY", "REFUND")),
    *("BPAY_TOTAL", "BPAY_CHIUSURA"),
)
READING_FUNCTIONS = frozenset({"INQUIRY", "TOTAL"})
LONGEST_ORDER_ID = 27
_FUNCTION = re.compile(r'<p k="ECRVASID">[A-Z]+_([A-Z]+)</p>')
_NAME = re.compile(r'<p k="ECRVASID">([A-Z_]+)</p>')


def build_vas(service_function: str, *, amount: str | None, order_id: str | None, printer: str, parameters: Mapping[str, str]) -> str:
    """Return the `<ecrreq>` document. `amount` goes through as given: the page does not state its unit."""
    from xml.etree.ElementTree import Element, SubElement, tostring  # noqa: PLC0415 - only VAS needs it

    function = service_function.partition("_")[2]
    if service_function not in VAS_FUNCTIONS:
        raise InvalidValueError("function", service_function, ("allowed_vas_function", {}))
    if function in ("QR", "REFUND") and not amount:
        raise InvalidValueError("amount", amount, ("allowed_amount_for", {"function": function}))
    if function == "REFUND" and not order_id:
        raise InvalidValueError("order_id", order_id, ("allowed_order_for", {"function": function}))
    if order_id is not None and len(order_id) > LONGEST_ORDER_ID:
        raise InvalidValueError("order_id", order_id, ("allowed_at_most_characters", {"most": LONGEST_ORDER_ID}))
    if printer not in ("ECR", "POS"):
        raise InvalidValueError("printer", printer, ("allowed_one_of", {"words": ["ECR", "POS"]}))
    taken = sorted({"ECRVASID", "SUBSMPARAMS", "AMOUNT", "ORDER_ID", "PRINTER"} & {key.upper() for key in parameters})
    if taken:
        raise InvalidValueError("parameters", taken, ("allowed_other_keys", {"keys": ["AMOUNT", "ORDER_ID", "PRINTER"]}))
    root = Element("ecrreq")
    SubElement(root, "p", k="ECRVASID").text = service_function
    inner = SubElement(root, "p", k="SUBSMPARAMS")
    values = {"AMOUNT": amount, "ORDER_ID": order_id, "PRINTER": printer, **parameters}
    for key, value in values.items():
        if value is not None:
            SubElement(inner, "p", k=key).text = value
    return tostring(root, encoding="unicode")


def function_of(xml: str) -> str:
    """Return the function part of ECRVASID, '' where the document has none."""
    found = _FUNCTION.search(xml)
    return found.group(1) if found else ""


def parse_request_name(xml: str) -> str:
    """Return ECRVASID of a request's document, '' where it has none."""
    found = _NAME.search(xml)
    return found.group(1) if found else ""
