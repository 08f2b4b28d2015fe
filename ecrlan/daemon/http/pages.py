"""The console's files, as they are in the package: no build step, nothing from elsewhere."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ecrlan.daemon.http.errors import Refusal

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
INDEX = "index.html"
DOCS = "docs.html"
API_REFERENCE = "/docs/api"


class Page:
    """One file with its type and a tag that changes with its content."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    def answer(self, request: Request) -> Response:
        """Return it, or 304 where the client has it."""
        headers = {"etag": self.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def load_pages(folder: Traversable | None = None) -> dict[str, Page]:
    """Return the console's files by name."""
    source = folder if folder is not None else files("ecrlan.daemon").joinpath("console")
    pages: dict[str, Page] = {}
    for file in source.iterdir():
        media_type = TYPES.get(PurePosixPath(file.name).suffix)
        if media_type is not None and file.is_file():
            pages[file.name] = Page(file.read_bytes(), media_type)
    return pages


def make_router(folder: Traversable | None = None) -> APIRouter:
    """Return the routes; they are no part of the OpenAPI document. `folder` holds the files (default: the package's)."""
    router = APIRouter(include_in_schema=False)
    pages = load_pages(folder)

    def page(name: str) -> Page:
        found = pages.get(name)
        if found is None:
            raise Refusal("not_found", ("no_page", {}))
        return found

    @router.get("/", response_model=None)
    async def index(request: Request) -> Response:
        return page(INDEX).answer(request)

    @router.get(API_REFERENCE, response_model=None)
    async def reference(request: Request) -> Response:
        return page(DOCS).answer(request)

    @router.get("/console/{name}", response_model=None)
    async def file(name: str, request: Request) -> Response:
        return page("" if name == DOCS else name).answer(request)

    @router.get("/favicon.ico", response_model=None)
    async def icon(request: Request) -> Response:
        return page("favicon.ico" if "favicon.ico" in pages else "icon.svg").answer(request)

    return router
