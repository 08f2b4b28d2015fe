"""The package's documents as pages: Markdown from `ecrlan/daemon/docs`, rendered when it is first asked for, with nothing from elsewhere.

A document is a file in English and, where people at the till read it, a second one in Italian, with `.it` behind its name. Links between
documents are links between their pages; a link that leads out of the folder is one to the project's own page.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markdown_it import MarkdownIt

from ecrlan.daemon.http.errors import Refusal
from ecrlan.daemon.http.pages import API_REFERENCE, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

PLACE: Final = "/docs"
INDEX: Final = "index"
DOCUMENTS: Final = (INDEX, "payments", "glossary", "interfaces", "exchange", "messages", "architecture")
"""The documents in the order in which they are listed."""
ITALIAN: Final = ".it"
PROJECT: Final = "https://github.com/ecrlan/ecrlan/blob/main/"
_OUT: Final = "../../../"
_WORDS: Final = {
    "": {"lang": "en", "list": "Documents", "skip": "Skip to the content", "console": "ecrlan console", "api": "API reference"},
    ITALIAN: {
        "lang": "it",
        "list": "Documenti",
        "skip": "Vai al contenuto",
        "console": "Console ecrlan",
        "api": "Riferimento dell'API",
    },
}
_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' "
    "fill='%230b5cad'/%3E%3Cpath d='M4 5h8v2H4zm0 4h5v2H4z' fill='%23fff'/%3E%3C/svg%3E"
)


@dataclass(frozen=True, slots=True)
class Document:
    """A rendered document: its sections as (anchor, text), every anchor in it, and its HTML."""

    sections: tuple[tuple[str, str], ...]
    anchors: frozenset[str]
    html: str


@cache
def names() -> frozenset[str]:
    """Return the documents' names, those in Italian with `.it`."""
    found = (file.name for file in files("ecrlan.daemon").joinpath("docs").iterdir())
    return frozenset(name.removesuffix(".md") for name in found if name.endswith(".md"))


@cache
def paths() -> frozenset[str]:
    """Return the paths of all pages of the manual, the API reference among them."""
    return frozenset({PLACE, API_REFERENCE, *(f"{PLACE}/{name}" for name in names())})


def source(name: str) -> str:
    """Return a document's Markdown."""
    return files("ecrlan.daemon").joinpath("docs", f"{name}.md").read_text(encoding="utf-8")


def title_of(name: str) -> str:
    """Return a document's title, which is its first line."""
    return source(name).partition("\n")[0].removeprefix("# ")


def anchor(text: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def address(link: str) -> str:
    """Return where a document's link leads in the daemon."""
    target, mark, part = link.partition("#")
    if target.startswith(_OUT):
        return f"{PROJECT}{target.removeprefix(_OUT)}{mark}{part}"
    return f"{PLACE}/{target.removesuffix('.md')}{mark}{part}" if target.endswith(".md") else link


def preferred(accepted: str) -> str:
    """Return the ending of the language that comes first in an Accept-Language header: Italian, or English where it names neither."""
    wanted = (part.split(";")[0].strip().lower().split("-")[0] for part in accepted.split(","))
    return ITALIAN if next((language for language in wanted if language in {"it", "en"}), "en") == "it" else ""


@cache
def render(name: str) -> Document:
    """Return a document as HTML. Whatever is HTML in the Markdown is shown as text."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", _table_close)
    markdown.add_render_rule("fence", _fence)
    tokens = markdown.parse(source(name))
    anchors, sections = set[str](), []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            text = "".join(child.content for child in tokens[place + 1].children or ())
            token.attrSet("id", anchor(text))
            anchors.add(anchor(text))
            if token.tag == "h2":
                sections.append((anchor(text), text))
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", address(str(child.attrGet("href"))))
    return Document(tuple(sections), frozenset(anchors), markdown.renderer.render(tokens, markdown.options, {}))


@cache
def page(name: str) -> Page:
    """Return a document's page, with the list of all and the sections of this one beside it."""
    language = ITALIAN if name.endswith(ITALIAN) else ""
    words, document = _WORDS[language], render(name)
    listed = [_entry(each, language, name) for each in DOCUMENTS]
    listed.insert(1, f'<li><a href="{API_REFERENCE}" hreflang="en">{escape(words["api"])}</a></li>')
    other = name.removesuffix(ITALIAN) if language else name + ITALIAN
    switch = f'<a class="language" href="{PLACE}/{other}" hreflang="en" lang="en">English</a>'
    if not language:
        switch = f'<a class="language" href="{PLACE}/{other}" hreflang="it" lang="it">Italiano</a>'
    lines = [
        "<!doctype html>",
        f'<html lang="{words["lang"]}">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title_of(name))} · ecrlan</title>",
        f'<link rel="icon" href="{_ICON}">',
        '<script src="/console/theme.js"></script>',
        '<link rel="stylesheet" href="/console/theme.css">',
        '<link rel="stylesheet" href="/console/docs.css">',
        '<link rel="stylesheet" href="/console/manual.css">',
        "</head>",
        "<body>",
        f'<a class="skip" href="#reference">{words["skip"]}</a>',
        f'<nav id="contents" aria-label="{words["list"]}">',
        f'<a class="home" href="/">{words["console"]}</a>',
        switch if other in names() else "",
        "<ul>",
        *listed,
        "</ul>",
        "</nav>",
        '<main id="reference" tabindex="-1">',
        document.html,
        "</main>",
        "</body>",
        "</html>",
    ]
    return Page("\n".join(filter(None, lines)).encode(), "text/html; charset=utf-8")


def make_router() -> APIRouter:
    """Return the routes of the documents; they are no part of the OpenAPI document."""
    router = APIRouter(include_in_schema=False)

    @router.get(PLACE, response_model=None)
    async def index(request: Request) -> Response:
        name = INDEX + preferred(request.headers.get("accept-language", ""))
        return (await asyncio.to_thread(page, name)).answer(request)

    @router.get(PLACE + "/{name}", response_model=None)
    async def document(name: str, request: Request) -> Response:
        if name not in names():
            raise Refusal("not_found", ("no_document", {}))
        return (await asyncio.to_thread(page, name)).answer(request)

    return router


def _entry(name: str, language: str, shown: str) -> str:
    """Return the list's line of a document, in the page's language where there is one; that of the page itself with its sections."""
    translated = name + language if name + language in names() else name
    foreign = ' lang="en"' if language and translated == name else ""
    current = ' aria-current="page"' if translated == shown else ""
    link = f'<a href="{PLACE}/{translated}"{current}{foreign}>{escape(title_of(translated))}</a>'
    if not current or not render(shown).sections or name == INDEX:
        return f"<li>{link}</li>"
    sections = "".join(f'<li><a href="#{mark}">{escape(text)}</a></li>' for mark, text in render(shown).sections)
    return f"<li>{link}<ul>{sections}</ul></li>"


def _table_open(_renderer: RendererHTML, tokens: Sequence[Token], place: int, _options: OptionsDict, _env: EnvType) -> str:
    """Begin a table that can be moved sideways in a narrow window, by keyboard too; its name is the heading above it."""
    heading = next(place for place in range(place, -1, -1) if tokens[place].type == "heading_open")
    name = "".join(child.content for child in tokens[heading + 1].children or ())
    return f'<div class="table" tabindex="0" role="group" aria-label="{escape(name)}"><table>\n'


def _table_close(_renderer: RendererHTML, _tokens: Sequence[Token], _place: int, _options: OptionsDict, _env: EnvType) -> str:
    return "</table></div>\n"


def _fence(_renderer: RendererHTML, tokens: Sequence[Token], place: int, _options: OptionsDict, _env: EnvType) -> str:
    return f'<pre tabindex="0">{escape(tokens[place].content)}</pre>\n'
