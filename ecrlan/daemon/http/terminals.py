"""Routes of terminals: how they are, and what is done to them by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http.bodies import ACCEPTANCE, HAND_USE_RESET, Acceptance, HandUseReset, Spoken, read, schema_of, unless_left
from ecrlan.daemon.http.operations import GONE
from ecrlan.daemon.http.schemas import OperationDocument, TerminalDocument, TerminalList, answers, takes
from ecrlan.model.orders import Status
from ecrlan.operation_json import operation_as_json

TERMINALS_AT_A_TIME = 100
"""Terminals that are told before others' payments get on."""


def make_router(daemon: Daemon) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["terminals"])

    @router.get("/v1/terminals", responses=answers(422, 503, ok=TerminalList), response_model=None)
    async def listing(language: Spoken) -> Response:
        """Return all terminals."""
        documents: list[dict[str, Any]] = []
        for number, name in enumerate(list(daemon.register.terminals), 1):
            if name in daemon.register.terminals:
                documents.append(daemon.terminal_document(name, language))
            if number % TERMINALS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return await asyncio.to_thread(JSONResponse, {"terminals": documents})

    @router.get("/v1/terminals/{name}", responses=answers(404, 422, 503, ok=TerminalDocument), response_model=None)
    async def show(name: str, language: Spoken) -> Response:
        """Return one terminal."""
        return JSONResponse(daemon.terminal_document(name, language))

    @router.post("/v1/terminals/{name}/status", responses=answers(404, 408, 409, 413, 422, 503, ok=OperationDocument), response_model=None)
    async def status(name: str, request: Request, language: Spoken) -> Response:
        """Ask the terminal how it is, now. It waits for its turn; the outcome is `done` or `not_performed`."""
        operation = await unless_left(request, daemon.service.carry_out(name, Status()))
        return GONE if operation is None else JSONResponse(operation_as_json(operation, language))

    @router.post("/v1/terminals/{name}/reset", responses=answers(404, 408, 409, 413, 503, ok=TerminalDocument), response_model=None)
    async def reset(name: str) -> Response:
        """Drop the terminal's line. Refused while the terminal is in use."""
        await daemon.service.reset_line(name)
        return JSONResponse(daemon.terminal_document(name))

    @router.post(
        "/v1/terminals/{name}/accept-terminal-id",
        responses=answers(404, 408, 409, 413, 422, 503, ok=TerminalDocument),
        openapi_extra=takes(schema_of(Acceptance), {"accept": {"by": "Anna"}}),
        response_model=None,
    )
    async def accept(name: str, request: Request) -> Response:
        """Accept the TID that answered in place of the known one, in a person's name."""
        acceptance: Acceptance = await read(request, ACCEPTANCE)
        await daemon.service.accept_terminal_id(name, by=acceptance.by)
        daemon.terminal_changed(name)
        return JSONResponse(daemon.terminal_document(name))

    @router.post(
        "/v1/terminals/{name}/hand-use/reset",
        responses=answers(404, 408, 409, 413, 422, 503, ok=TerminalDocument),
        openapi_extra=takes(schema_of(HandUseReset), {"reset": {"by": "Anna"}}),
        response_model=None,
    )
    async def reset_hand_use(name: str, request: Request) -> Response:
        """Say, in a person's name, that nobody uses the terminal by hand or from another register any more."""
        said: HandUseReset = await read(request, HAND_USE_RESET)
        await daemon.service.reset_hand_use(name, by=said.by)
        daemon.terminal_changed(name)
        return JSONResponse(daemon.terminal_document(name))

    return router
