"""Bodies other than an operation's, and how any body is read: from JSON in one go, checked strictly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Header, Query
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.types import Receive

from ecrlan.daemon.http.errors import Refusal
from ecrlan.daemon.http.order_bodies import REFERENCES, Body, order_definitions
from ecrlan.daemon.http.schemas import ErrorDocument
from ecrlan.texts import Language
from ecrlan.texts.language import asked_language
from ecrlan.wire.mask import mask_text

Result = TypeVar("Result")

Masked = AfterValidator(mask_text)
"""What a person wrote is kept for ever, and shown: card numbers in it are masked."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", description="The person who says so."), Masked]
Note = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", description="Why: what was looked at."), Masked]


def _spoken(
    lang: Annotated[Language | None, Query(description="The language of texts; before `Accept-Language`.")] = None,
    accept_language: Annotated[str, Header(max_length=1000, description="The language of texts: Italian, or English.")] = "",
) -> Language:
    return lang or asked_language(accept_language)


Spoken = Annotated[Language, Depends(_spoken)]
"""The language that a request asks for, English by default."""


class Login(Body):
    """A token, for a session."""

    token: Annotated[str, Field(max_length=256)]


class Acceptance(Body):
    """Who accepts the TID that answered."""

    by: Name


class HandUseReset(Body):
    """Who says that a terminal is not used by hand any more."""

    by: Name


class Attachment(Body):
    """To which terminal an operation without a known outcome is given."""

    terminal: Annotated[str, Field(min_length=1, max_length=64, description="The terminal's name in the settings.")]
    by: Name


class JournalAcceptance(Body):
    """Who says that a journal in doubt may be used."""

    by: Name
    note: Note


class Verdict(Body):
    """How an unresolved operation is settled."""

    outcome: Literal["approved", "not_performed"]
    by: Name
    note: Note


class Press(Body):
    """A button of the emulated terminal."""

    button: Literal["card", "pin", "red", "plug"]


LOGIN = TypeAdapter(Login)
ACCEPTANCE = TypeAdapter(Acceptance)
HAND_USE_RESET = TypeAdapter(HandUseReset)
ATTACHMENT = TypeAdapter(Attachment)
JOURNAL_ACCEPTANCE = TypeAdapter(JournalAcceptance)
VERDICT = TypeAdapter(Verdict)
PRESS = TypeAdapter(Press)


async def read(request: Request, adapter: TypeAdapter[Any]) -> Any:  # noqa: ANN401  # the adapter's type
    """Return the request's body as `adapter` has it.

    Raises pydantic's `ValidationError`, or `Refusal` where a key stands twice in it; both are answered with 422.
    """
    body = await request.body()
    with suppress(ValueError, RecursionError):  # pydantic says what is wrong
        json.loads(body, object_pairs_hook=_refuse_twice)
    return adapter.validate_json(body)


def _refuse_twice(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object with a key twice: each reader takes another of the two values."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise Refusal("invalid_value", ("key_twice", {"key": key}))
        seen.add(key)


async def left(receive: Receive) -> None:
    """Return when the client has left; what it still sends goes nowhere."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_left(request: Request, call: Coroutine[Any, Any, Result]) -> Result | None:
    """Return what `call` returns; None where the client leaves before: then the call is cancelled. Raises what it raises."""
    loop = asyncio.get_running_loop()
    calling, leaving = loop.create_task(call), loop.create_task(left(request.receive))
    try:
        await asyncio.wait({calling, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not calling.done():
            calling.cancel()
    return calling.result() if calling.done() else None


def schema_of(model: type[Body]) -> dict[str, Any]:
    """Return the reference to a body's schema in the OpenAPI document."""
    return {"$ref": REFERENCES.format(model=model.__name__)}


def definitions() -> dict[str, Any]:
    """Return the schemas of all bodies, and of errors, for the OpenAPI document's components."""
    models: tuple[type[BaseModel], ...] = (Login, Acceptance, HandUseReset, Attachment, JournalAcceptance, Verdict, Press, ErrorDocument)
    _, rest = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCES)
    return {**order_definitions(), **rest["$defs"]}
