"""Routes of the journal: whether it can be believed, and a person's word that it may be used."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http.bodies import JOURNAL_ACCEPTANCE, JournalAcceptance, Spoken, read, schema_of
from ecrlan.daemon.http.schemas import JournalDocument, answers, takes


def make_router(daemon: Daemon) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["daemon"])

    @router.get("/v1/journal", responses=answers(422, 503, ok=JournalDocument), response_model=None)
    async def show(language: Spoken) -> Response:
        """Return the journal's file and epoch, and why it is in doubt. While it is, no money is moved."""
        return JSONResponse(await daemon.service.journal(language))

    @router.post(
        "/v1/journal/accept",
        responses=answers(408, 409, 413, 422, 503, ok=JournalDocument),
        openapi_extra=takes(schema_of(JournalAcceptance), {"restored": {"by": "Anna", "note": "compared with the terminal's list"}}),
        response_model=None,
    )
    async def accept(request: Request, language: Spoken) -> Response:
        """Say, in a person's name, that a journal in doubt may be used. References that it does not know may have been performed."""
        acceptance: JournalAcceptance = await read(request, JOURNAL_ACCEPTANCE)
        await daemon.accept_journal(by=acceptance.by, note=acceptance.note)
        return JSONResponse(await daemon.service.journal(language))

    return router
