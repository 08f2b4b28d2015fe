"""Routes of the daemon itself: sign of life, register, alarms, reload, metrics, and the emulated terminal of demo mode."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

import ecrlan
from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http.bodies import PRESS, Press, Spoken, read, schema_of
from ecrlan.daemon.http.errors import Refusal
from ecrlan.daemon.http.schemas import AlarmDocument, AlarmList, Health, RegisterDocument, Reloaded, Screen, answers, takes
from ecrlan.operation_json import in_language


def make_router(daemon: Daemon) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["daemon"])
    healthy = answers(503, ok=Health)
    healthy[503] = {"model": Health, "description": "The journal has failed, or is in doubt"}

    @router.get("/healthz", responses=healthy, response_model=None, openapi_extra={"security": []})
    async def health() -> Response:
        """Tell that the daemon lives, and whether its journal lets anything be sold. Needs no token."""
        problem = daemon.journal_problem
        if problem is None:
            return JSONResponse({"status": "ok", "version": ecrlan.__version__})
        return JSONResponse({"status": "failing", "version": ecrlan.__version__, "problem": problem}, 503)

    @router.get("/v1/register", responses=answers(503, ok=RegisterDocument), response_model=None)
    async def register(request: Request) -> Response:
        """Return the register's version, addresses and journal, and what the token allows."""
        return JSONResponse(await asyncio.to_thread(daemon.register_document, request.state.role))

    @router.get("/v1/alarms", responses=answers(422, ok=AlarmList), response_model=None)
    async def alarms(language: Spoken) -> Response:
        """Return the alarms that last, oldest first."""
        return JSONResponse({"alarms": daemon.alarms.active_in(language)})

    @router.post("/v1/alarms/{alarm_id}/dismiss", responses=answers(404, 408, 409, 413, 422, ok=AlarmDocument), response_model=None)
    async def dismiss(alarm_id: str, language: Spoken) -> Response:
        """End an alarm that somebody has seen. That of an unresolved operation ends only when the operation is settled."""
        return JSONResponse(in_language(daemon.alarms.dismiss(alarm_id), language))

    metrics_answers = answers()
    metrics_answers[200] = {"description": "Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}}

    @router.get("/metrics", responses=metrics_answers, response_model=None, response_class=Response)
    async def metrics() -> Response:
        """Return the metrics for Prometheus."""
        return Response(daemon.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    @router.post("/v1/reload", responses=answers(408, 409, 413, 422, 503, ok=Reloaded), response_model=None)
    async def reload() -> Response:
        """Read the settings again and bring the terminals up to date; what is in use follows once it is free."""
        return JSONResponse(await daemon.reload())

    @router.get("/v1/demo/screen", responses=answers(404, ok=Screen), response_model=None)
    async def screen() -> Response:
        """Return the emulated terminal's screen (demo mode only)."""
        if daemon.demo is None:
            raise Refusal("not_found", ("no_demo", {}))
        return JSONResponse(daemon.demo.screen())

    @router.post(
        "/v1/demo/press",
        responses=answers(404, 408, 413, 422, ok=Screen),
        openapi_extra=takes(schema_of(Press), {"card": {"button": "card"}}),
        response_model=None,
    )
    async def press(request: Request) -> Response:
        """Press a button of the emulated terminal (demo mode only)."""
        pressed: Press = await read(request, PRESS)
        if daemon.demo is None:
            raise Refusal("not_found", ("no_demo", {}))
        return JSONResponse(daemon.demo.press(pressed.button))

    return router
