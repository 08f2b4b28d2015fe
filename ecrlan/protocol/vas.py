"""VAS answers: the XML inside `K` (messages.md, "VAS")."""

from __future__ import annotations

from ecrlan.errors import MalformedMessageError
from ecrlan.model import Code, Evidence, Request, VasPart, VasRequest
from ecrlan.model.vas_request import parse_request_name
from ecrlan.wire.cards import mask_cards
from ecrlan.wire.mask import clean_text

_MOST_VALUES = 64


def vas_problem(request: Request, part: VasPart) -> Evidence | None:
    """Say why a whole VAS answer is not `request`'s: it names another function. None where it is, or cannot be read."""
    if not isinstance(request, VasRequest):
        return None
    try:
        named = parse_vas(part.xml).get("ECRVASID")
    except MalformedMessageError:
        return None
    asked = parse_request_name(request.xml)
    if named == asked:
        return None
    if not named:
        return Evidence(Code.VAS_TO_NOTHING, {"asked": asked})
    return Evidence(Code.VAS_TO_ANOTHER, {"named": clean_text(named), "asked": asked})


def parse_vas(xml: str) -> dict[str, str]:
    """Return the keys and texts of an `<ecrres>` document, card numbers masked. Raises `MalformedMessageError`; hostile XML is refused."""
    from defusedxml.common import DefusedXmlException  # noqa: PLC0415  # costs 13 ms that only VAS needs
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415

    try:
        root = fromstring(xml)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise MalformedMessageError(
            "K", len(xml), f"the VAS answer is no safe XML: {error}", ("vas_no_xml", {"problem": str(error)})
        ) from None
    if root.tag != "ecrres":
        raise MalformedMessageError("K", len(xml), "the VAS answer is no <ecrres> document", ("vas_no_document", {}))
    # masked once more: character references are digits only now
    values = {mask_cards(str(node.get("k"))): mask_cards((node.text or "").strip()) for node in root.iter("p") if node.get("k")}
    return dict(list(values.items())[:_MOST_VALUES])
