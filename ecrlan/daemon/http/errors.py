"""One shape for every error: `{"error": {"code", "message", "sent"}}` (interfaces.md, "Errors")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from ecrlan.daemon.documents import RECOVERY
from ecrlan.errors import EcrlanError, Sent, TerminalBusyError, Why
from ecrlan.model import Code, Evidence, Kind, evidence_of
from ecrlan.texts import Language, words
from ecrlan.texts.language import asked_language
from ecrlan.wire.mask import mask_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

log = structlog.get_logger(__name__)

STATUSES: dict[str, int] = {
    "malformed_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "foreign_host": 403,
    "foreign_origin": 403,
    "not_found": 404,
    "unknown_reference": 404,
    "unknown_terminal": 404,
    "method_not_allowed": 405,
    "too_slow": 408,
    "terminal_busy": 409,
    "terminal_blocked": 409,
    "already_sent": 409,
    "reference_conflict": 409,
    "refused": 409,
    "journal_doubtful": 409,
    "operations_without_terminal": 409,
    "too_large": 413,
    "invalid_value": 422,
    "too_many": 429,
    "internal": 500,
    "journal_failed": 503,
    "journal_owned": 503,
    "closing": 503,
}
"""The HTTP status of every error's code."""
MEANINGS: dict[int, str] = {
    400: "What came is no HTTP request",
    401: "No token, or a wrong one",
    403: "The token only allows to read, or the request comes from a foreign host or page",
    404: "There is no such terminal, operation, alarm or page",
    405: "Not with this method",
    408: "The request did not arrive in time",
    409: "The terminal is busy or blocked, the reference stands for something else, or the state does not allow it; nothing was sent",
    413: "The request's body is too large",
    422: "A value is not allowed; nothing was sent",
    429: "Too many requests at once; nothing was sent",
    500: "An error of ecrlan itself",
    503: "The journal has failed, or the daemon is being stopped; nothing was sent",
}
_COMPLAINTS: Mapping[str, Code] = {
    "card_number": Code.FIELD_CARD_NUMBER,
    "extra_forbidden": Code.FIELD_UNKNOWN,
    "greater_than_equal": Code.FIELD_TOO_SMALL,
    "int_type": Code.FIELD_NO_NUMBER,
    "less_than_equal": Code.FIELD_TOO_LARGE,
    "literal_error": Code.FIELD_NONE_OF,
    "missing": Code.FIELD_MISSING,
    "string_pattern_mismatch": Code.FIELD_OTHER_FORM,
    "string_type": Code.FIELD_NO_TEXT,
}
"""What pydantic complains of, by its names for it."""
KINDS = frozenset(kind.value for kind in Kind)
LONGEST_MESSAGE = 500


class Refusal(EcrlanError):  # noqa: N818  # the word of the house: the register refuses, too
    """A request that is refused before it reaches a terminal; `code` is one of `STATUSES`. Nothing was sent."""

    def __init__(self, code: str, told: Why | str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(told)
        self.code = code
        self.headers = dict(headers or {})


def error_document(code: str, message: str, sent: Sent = "no", **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON values
    """Return an error as JSON; its message is cleaned and masked, for it may repeat what the client sent."""
    return {"error": {"code": code, "message": _shown(message), "sent": sent, **more}}


def _shown(message: str) -> str:
    """Return a message fit for a screen; masked before it is cut, for half a card number is none to the mask."""
    printable = "".join(filter(str.isprintable, message[: 4 * LONGEST_MESSAGE]))
    masked = mask_text(printable)
    return masked if len(masked) <= LONGEST_MESSAGE else masked[: LONGEST_MESSAGE - 1] + "…"


def refusal_of(error: ValidationError | RequestValidationError) -> Refusal:
    """Turn pydantic's first complaint into ours."""
    details: Sequence[ErrorDetails] = error.errors()
    first = details[0]
    parts = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    if len(parts) > 1 and parts[0] in KINDS:  # pydantic names the kind whose body it took it for
        del parts[0]
    place = ".".join(parts) or "body"
    if parts[-1:] == ["amount"] and (cents := _cents(first.get("input"))) is not None:
        given = first["input"]
        return Refusal("invalid_value", ("amount_in_cents", {"given": str(given), "cents": cents}))
    code = _COMPLAINTS.get(first["type"], Code.FIELD_REFUSED)
    known = {"place": place, "problem": first["msg"], **first.get("ctx", {})}
    told_why: Why = code.value, {name: known[name] for name in code.places}
    return Refusal("invalid_value", told_why)


def _cents(given: object) -> int | None:
    """Return the cents of an amount that was given in euros, as 19.99 or "19.99"; None for what is none."""
    found = re.fullmatch(r"([0-9]{1,9})[.,]([0-9]{1,2})", str(given)) if isinstance(given, float | str) else None
    return int(found[1]) * 100 + int(found[2].ljust(2, "0")) if found is not None else None


def add_handlers(app: FastAPI, clock: Callable[[], datetime], routes: Sequence[BaseRoute]) -> None:
    """Have every error of `app` answered in our shape; `routes` are all that it has."""

    async def known(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, EcrlanError)  # noqa: S101 - it is registered for these
        return answer(error, clock(), spoken(request))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ValidationError | RequestValidationError)  # noqa: S101 - the same
        return answer(refusal_of(error), clock(), spoken(request))

    async def starlettes(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - the same
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "malformed_request")
        told_why: Why | str = {"not_found": ("nothing_here", {}), "method_not_allowed": ("other_method", {})}.get(code, error.detail)
        headers = dict(error.headers or {})
        if code == "method_not_allowed":
            headers["Allow"] = ", ".join(allowed_methods(routes, request))
        return answer(Refusal(code, told_why, headers), clock(), spoken(request))

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        route = getattr(request.scope.get("route"), "path", None)  # the path itself may hold anything
        log.error("request.failed", method=request.method, route=route, error=type(error).__name__)
        told = words(Evidence(Code.INTERNAL_ERROR), spoken(request))
        return JSONResponse(error_document("internal", told, "unknown"), 500)

    app.add_exception_handler(EcrlanError, known)
    app.add_exception_handler(ValidationError, invalid)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, starlettes)
    app.add_exception_handler(Exception, unknown)


def allowed_methods(routes: Sequence[BaseRoute], request: Request) -> list[str]:
    """Return every method that the request's path takes; Starlette names those of the first route only."""
    fitting = [route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in fitting for method in route.methods or ()}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def spoken(request: Request) -> Language:
    """Return the language that a request asks for: by `?lang=`, or by its `Accept-Language`; English by default."""
    named = request.query_params.get("lang")
    return "it" if named == "it" else "en" if named == "en" else asked_language(request.headers.get("accept-language", ""))


def answer(error: EcrlanError, now: datetime, language: Language = "en") -> JSONResponse:
    """Return the response that tells of `error`, in `language` where its words are known in it."""
    more: dict[str, Any] = {}
    if isinstance(error, TerminalBusyError):
        since = now - timedelta(seconds=error.held_seconds)
        holder = error.holder.removeprefix(RECOVERY) if error.holder is not None else None
        more = {"holder": holder, "since": since.isoformat(timespec="seconds"), "waiting": error.waiting}
    status = STATUSES.get(error.code)
    if status is None:  # an error that no route should let through
        log.error("request.failed", error=error.code, message=_shown(str(error)))
        return JSONResponse(error_document("internal", str(error), error.sent), 500)
    headers = error.headers if isinstance(error, Refusal) else {}
    return JSONResponse(error_document(error.code, words(evidence_of(error), language), error.sent, **more), status, headers)
