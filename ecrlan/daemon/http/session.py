"""Routes of a browser's session: the token is typed once, and a cookie stands for it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ecrlan.daemon.daemon import Daemon
from ecrlan.daemon.http.bodies import LOGIN, Login, read, schema_of
from ecrlan.daemon.http.errors import Refusal
from ecrlan.daemon.http.schemas import RoleDocument, answers, takes
from ecrlan.daemon.http.sessions import COOKIE, Sessions

COOKIE_SECONDS = 400 * 24 * 3600
"""How long browsers may keep the cookie, which says nothing about the session: that ends when it was idle for long."""


def make_router(daemon: Daemon, sessions: Sessions) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["session"])
    told = answers(408, 413, 422)
    told[204] = {"description": "The cookie is set"}

    @router.post(
        "/v1/session",
        responses=told,
        status_code=204,
        openapi_extra=takes(schema_of(Login), {"login": {"token": "…"}}) | {"security": []},
        response_model=None,
    )
    async def begin(request: Request) -> Response:
        """Begin a session: the answer sets the cookie."""
        login: Login = await read(request, LOGIN)
        role = daemon.tokens.role_of(login.token)
        if role is None:
            raise Refusal("unauthorized", ("wrong_token", {}))
        if request.state.session is not None:  # whoever set that cookie
            sessions.end(request.state.session)
        response = Response(status_code=204)
        response.set_cookie(
            COOKIE,
            sessions.begin(role),
            max_age=COOKIE_SECONDS,
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    @router.get("/v1/session", responses=answers(ok=RoleDocument), response_model=None)
    async def show(request: Request) -> Response:
        """Return what the token or the session allows."""
        return JSONResponse({"role": request.state.role})

    ended = answers(408, 413)
    ended[204] = {"description": "The session is over"}

    @router.delete("/v1/session", responses=ended, status_code=204, response_model=None)
    async def end(request: Request) -> Response:
        """End the session."""
        if request.state.session is not None:
            sessions.end(request.state.session)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    return router
