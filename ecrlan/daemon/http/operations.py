"""Routes of operations: begin one, wait for it, look them up, settle what is unresolved."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http.bodies import ATTACHMENT, VERDICT, Attachment, Spoken, Verdict, read, schema_of, unless_left
from ecrlan.daemon.http.errors import Refusal
from ecrlan.daemon.http.order_bodies import EXAMPLES, ORDER, OrderBody, order_schema, orders_as_json
from ecrlan.daemon.http.schemas import OperationDocument, OperationList, OrderList, ReceiptLines, Story, answers, takes
from ecrlan.journal.queries import Filter
from ecrlan.journal.reading import read as look_up
from ecrlan.model import Kind, Operation, State
from ecrlan.operation_json import operation_as_json
from ecrlan.story import story_as_json
from ecrlan.texts import Language
from ecrlan.wire.receipt import parse_receipt, render_text

LONGEST_WAIT = 600.0
MOST_LISTED = 200

Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="Seconds to wait for the end.")]
OutcomeName = Literal["approved", "declined", "not_performed", "unresolved", "done"]
_TIME: Any = {"json_schema_extra": {"format": "date-time"}, "max_length": 64}
GONE = Response(status_code=499)
"""Goes nowhere: the client has left."""


def make_router(daemon: Daemon) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["operations"])

    def told(operation: Operation | None, language: Language) -> Response:
        if operation is None:
            return GONE
        document = operation_as_json(operation, language)
        if operation.state is State.FINISHED:
            return JSONResponse(document)
        return JSONResponse(document, 202, {"Location": f"/v1/operations/{operation.reference}"})

    @router.post(
        "/v1/terminals/{name}/operations",
        responses=answers(404, 408, 409, 413, 422, 503, ok=OperationDocument, accepted=OperationDocument),
        openapi_extra=takes(order_schema(), EXAMPLES),
        response_model=None,
    )
    async def begin(name: str, request: Request, language: Spoken, wait: Wait = 0.0) -> Response:
        """Begin an operation, or find it again: the same reference with the same parameters is the same operation.

        200: it finished within `wait`. 202: it is under way, and will end with an outcome, even if that is `not_performed`.
        """
        body: OrderBody = await read(request, ORDER)
        if body.callback_url is not None:
            daemon.recipients.check("callback_url", body.callback_url)
        begun = daemon.service.begin(name, body.order, wait=wait, callback_url=body.callback_url)
        return told(await unless_left(request, begun) if wait else await begun, language)

    @router.get("/v1/orders", responses=answers(ok=OrderList), response_model=None)
    async def declared() -> Response:
        """Return every order with its fields: what forms and commands are made from."""
        return JSONResponse({"orders": orders_as_json()})

    @router.get(
        "/v1/operations/{reference}",
        responses=answers(404, 422, 503, ok=OperationDocument, accepted=None),
        response_model=None,
    )
    async def show(reference: str, request: Request, language: Spoken, wait: Wait = 0.0) -> Response:
        """Return an operation; with `wait` once it has ended, or as it is by then."""
        shown = daemon.service.show(reference, wait=wait)
        operation = await unless_left(request, shown) if wait else await shown
        return GONE if operation is None else JSONResponse(operation_as_json(operation, language))

    @router.get("/v1/operations", responses=answers(422, 503, ok=OperationList), response_model=None)
    async def listing(
        language: Spoken,
        outcome: OutcomeName | None = None,
        terminal: Annotated[str | None, Query(max_length=64)] = None,
        kind: Kind | None = None,
        since: Annotated[str | None, Query(alias="from", description="ISO 8601: a time, or a date; included.", **_TIME)] = None,
        until: Annotated[str | None, Query(alias="to", description="ISO 8601: a time, or a date; not included.", **_TIME)] = None,
        *,
        only_open: Annotated[bool, Query(alias="open", description="Only what is not finished, or unresolved.")] = False,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
        before: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")] = None,
    ) -> Response:
        """Return operations, newest first; on the first page also those that wait for their terminal."""
        wanted = Filter(
            outcome=outcome, terminal=terminal, kind=kind, since=_time("from", since), until=_time("to", until), unfinished=only_open
        )
        page = await daemon.service.page(wanted, limit=limit, before=before)
        return await look_up(  # many take their time
            lambda: JSONResponse({"operations": [operation_as_json(each, language) for each in page.operations], "next": page.following})
        )

    _add_decisions(router, daemon)
    receipt_answers = answers(404, 422, 503, ok=ReceiptLines)
    receipt_answers[200]["content"] = {"text/plain": {"schema": {"type": "string"}}}

    @router.get("/v1/operations/{reference}/receipt", responses=receipt_answers, response_model=None)
    async def receipt(reference: str, form: Annotated[Literal["text", "lines"], Query(alias="format")] = "text") -> Response:
        """Return the receipt: as plain text, or as lines with their styles. Empty where none came to the register."""
        lines = parse_receipt((await daemon.register.find(reference)).receipt)
        if form == "text":
            return PlainTextResponse("".join(f"{line}\n" for line in render_text(lines)))
        return JSONResponse({"lines": [{"text": line.text, **_style(line.style)} for line in lines]})

    @router.get("/v1/operations/{reference}/story", responses=answers(404, 422, 503, ok=Story), response_model=None)
    async def story(reference: str, language: Spoken) -> Response:
        """Tell what happened, in words; of an unresolved operation also what to look at, and what each answer means."""
        operation = await daemon.register.find(reference)
        journal = daemon.register.journal
        entry = await look_up(journal.find, reference)
        pinned = await look_up(journal.latest, operation.terminal, "pinned")
        terminal_id = pinned.data.get("terminal_id") if pinned is not None else None
        return JSONResponse(story_as_json(operation, entry, language, terminal_id=terminal_id))

    return router


def _add_decisions(router: APIRouter, daemon: Daemon) -> None:
    """Add what is decided about an operation: it is taken back before it was sent, or settled by a named person."""

    @router.delete("/v1/operations/{reference}", responses=answers(404, 409, 422, 503, ok=OperationDocument), response_model=None)
    async def withdraw(reference: str, language: Spoken) -> Response:
        """Take an operation back that still waits for its terminal: it ends as `not_performed`, and its reference stays used.

        409 `already_sent` once it was sent: only the terminal's red key ends a running payment.
        """
        return JSONResponse(operation_as_json(await daemon.service.withdraw(reference), language))

    @router.post(
        "/v1/operations/{reference}/resolve",
        responses=answers(404, 408, 409, 413, 422, 503, ok=OperationDocument),
        openapi_extra=takes(schema_of(Verdict), {"charged": {"outcome": "approved", "by": "Anna", "note": "on the terminal's journal"}}),
        response_model=None,
    )
    async def resolve(reference: str, request: Request, language: Spoken) -> Response:
        """Settle an unresolved operation in a person's name. It is recorded, and can never be changed again."""
        verdict: Verdict = await read(request, VERDICT)
        operation = await daemon.service.resolve(reference, verdict.outcome, by=verdict.by, note=verdict.note)
        return JSONResponse(operation_as_json(operation, language))

    @router.post(
        "/v1/operations/{reference}/attach",
        responses=answers(404, 408, 409, 413, 422, 503, ok=OperationDocument),
        openapi_extra=takes(schema_of(Attachment), {"renamed": {"terminal": "till-2", "by": "Anna"}}),
        response_model=None,
    )
    async def attach(reference: str, request: Request, language: Spoken) -> Response:
        """Give an operation without a known outcome to a terminal, in a person's name; from now on it blocks that one."""
        attachment: Attachment = await read(request, ATTACHMENT)
        operation = await daemon.service.attach(reference, attachment.terminal, by=attachment.by)
        for name in daemon.register.terminals:
            daemon.terminal_changed(name)
        return JSONResponse(operation_as_json(operation, language))


def _style(style: Any) -> dict[str, bool]:  # noqa: ANN401  # wire.receipt's ReceiptStyle
    return {name: getattr(style, name) for name in ("bold", "double_height", "double_width", "compressed")}


def _time(place: str, text: str | None) -> datetime | None:
    """Return a moment; one without time zone is this machine's."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        raise Refusal("invalid_value", ("no_time", {"place": place, "text": text})) from None
