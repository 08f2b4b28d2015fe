"""The body of `POST /v1/terminals/{name}/operations`: one shape for each order, made from its declaration."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic_core import PydanticCustomError

from ecrlan.daemon.card_numbers import holds_card_number
from ecrlan.model import MAXIMUM_CONTENT, ORDERS, PaymentType
from ecrlan.model.orders import REFERENCE, Contents, Order
from ecrlan.model.values import DeclaredField, fields_of

LONGEST_URL = 2000
REFERENCES = "#/components/schemas/{model}"


def _no_card_number(text: str | None) -> str | None:
    if text is not None and holds_card_number(text):
        raise PydanticCustomError("card_number", "a card number is not allowed")
    return text


NoCardNumber = AfterValidator(_no_card_number)
Url = Annotated[str, Field(max_length=LONGEST_URL), NoCardNumber]
Content = tuple[
    Annotated[int, Field(ge=1, le=5)], Annotated[str, Field(min_length=1, max_length=MAXIMUM_CONTENT, pattern=r"^[\x20-\x7e]+$")]
]
PaymentTypeName = Literal["automatic", "debit", "credit", "other"]


class Body(BaseModel):
    """A request's body: unknown keys are refused, and values are taken as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OrderBody(Body):
    """What every order takes over HTTP beside its own fields."""

    reference: Annotated[
        str, Field(pattern=f"^{REFERENCE.pattern}$", description=REFERENCE.help, examples=[REFERENCE.example]), NoCardNumber
    ] = Field(default_factory=lambda: str(uuid.uuid4()))
    callback_url: Url | None = Field(
        None, description="Where RECEIVED, STARTED and FINAL are posted.", examples=["http://127.0.0.1:9000/paid"]
    )

    @property
    def order(self) -> Order:
        """The order that the body is."""
        kind: type[Order] = _ORDER_OF_BODY[type(self)]
        values = {declared.name: getattr(self, declared.name) for declared in fields_of(kind)}
        if "payment_type" in values:
            values["payment_type"] = PaymentType[values["payment_type"].upper()]
        return kind(**values)


def _type_of(declared: DeclaredField) -> object:
    """Return the type of a field as pydantic checks it, and JSON Schema says it."""
    takes = declared.takes
    if declared.type is PaymentType:
        return PaymentTypeName
    if declared.type == Contents:
        return Annotated[list[Content], Field(max_length=takes.longest)]
    text: dict[str, Any] = {"min_length": takes.shortest or None, "max_length": takes.longest}
    if declared.type is str:
        kept = (NoCardNumber,) if takes.pattern == REFERENCE.pattern else ()  # it is kept for ever, and shown
        return Annotated[str, Field(pattern=f"^{takes.pattern}$" if takes.pattern else None, **text), *kept]
    if declared.type is int:
        return Annotated[int, Field(ge=takes.least, le=takes.most)]
    if declared.type is float:
        return Annotated[float, Field(ge=takes.least, le=takes.most, allow_inf_nan=False)]
    return Annotated[dict[str, str], Field(**text)] if declared.type == Mapping[str, str] else declared.type


def _default_of(declared: DeclaredField) -> object:
    if declared.required:
        return ...
    default = declared.default
    if isinstance(default, PaymentType):
        return default.name.lower()
    return list(default) if isinstance(default, tuple) else default


def _body_of(order: type[Order]) -> type[OrderBody]:
    fields: dict[str, Any] = {"kind": (Literal[order.kind.value], ...)}
    for declared in fields_of(order):
        if declared.name == "reference":
            continue
        takes = declared.takes
        about: dict[str, Any] = {"description": takes.help or None, "examples": [takes.example] if takes.example is not None else None}
        plain: Any = _type_of(declared)
        fields[declared.name] = (plain | None if declared.optional else plain, Field(_default_of(declared), **about))
    return create_model(order.__name__, __base__=OrderBody, __doc__=order.__doc__, __module__=__name__, **fields)


_BODIES = {order: _body_of(order) for order in ORDERS}
_ORDER_OF_BODY = {body: order for order, body in _BODIES.items()}

_AnyBody: Any = Annotated[Union[tuple(_BODIES.values())], Field(discriminator="kind")]  # noqa: UP007 - as many as there are
ORDER: TypeAdapter[OrderBody] = TypeAdapter(_AnyBody)

EXAMPLES: dict[str, dict[str, Any]] = {
    "purchase": {"kind": "purchase", "amount": 650, "reference": "sale-4711"},
    "purchase, do not wait for the terminal": {"kind": "purchase", "amount": 650, "reference": "sale-4712", "queue_timeout": 0},
    "void": {"kind": "void", "target": "sale-4711", "reference": "void-4711"},
    "pre-authorization": {"kind": "preauthorize", "amount": 20000, "reference": "room-12"},
    "increment": {"kind": "increment", "amount": 5000, "target": "room-12", "reference": "room-12.more"},
    "capture": {"kind": "capture", "amount": 23140, "target": "room-12", "reference": "room-12.end"},
    "close the session": {"kind": "close_session", "reference": "close-2026-11-23"},
    "vas": {"kind": "vas", "function": "BPAY_QR", "amount": "650", "reference": "qr-1"},
}
"""Bodies for the OpenAPI document."""


def order_schema() -> dict[str, Any]:
    """Return the schema of an order's body without its definitions."""
    schema = ORDER.json_schema(ref_template=REFERENCES)
    schema.pop("$defs", None)
    return schema


def order_definitions() -> dict[str, Any]:
    """Return the schemas of all orders' bodies, for the OpenAPI document's components."""
    found: dict[str, Any] = ORDER.json_schema(ref_template=REFERENCES)["$defs"]
    return found


def orders_as_json() -> list[dict[str, Any]]:
    """Return what every order takes, for programs that make forms or commands of it."""
    return [
        {
            "kind": order.kind.value,
            "about": order.__doc__,
            "moves_money": order.money,
            "asks_first": order.asks_first,
            "targets": sorted(kind.value for kind in order.targets),
            "fields": [_field_as_json(declared) for declared in fields_of(order)],
        }
        for order in ORDERS
    ]


def _field_as_json(declared: DeclaredField) -> dict[str, Any]:
    takes = declared.takes
    words = list(get_args(PaymentTypeName)) if declared.type is PaymentType else list(declared.choices)
    kinds = {bool: "boolean", int: "integer", float: "number", str: "text", Contents: "pairs", Mapping[str, str]: "mapping"}
    told = {
        "name": declared.name,
        "type": "choice" if words else kinds[declared.type],
        "required": declared.required,
        "seldom": takes.seldom,
        "default": None if declared.required else _default_of(declared),
        "help": takes.help,
        "unit": takes.unit,
        "least": takes.least,
        "most": takes.most,
        "shortest": takes.shortest or None,
        "longest": takes.longest,
        "pattern": takes.pattern,
        "choices": words,
        "suggestions": list(takes.suggestions),
    }
    return {name: value for name, value in told.items() if value not in ("", None, []) or name in ("default", "help")}
