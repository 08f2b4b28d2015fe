"""Writes the line numbers of "One purchase, call by call" into CONTRIBUTING.md anew: `python -m tests.purchase_calls`."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import ecrlan

DOCUMENT = Path(__file__).parent.parent / ".github" / "CONTRIBUTING.md"
PACKAGE = Path(ecrlan.__file__).parent
_CALL = re.compile(r"(?P<path>[a-z_/]+\.py):(?P<line>\d*) (?P<name>[A-Za-z_.]+)(?P<gap>  +)?")


@lru_cache
def _definitions(path: str) -> dict[str, int]:
    """Return the line of each function, and of each class and its methods, by its name (`Class.method`)."""
    found = {}
    for node in ast.parse((PACKAGE / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {node.name: node.lineno} | {f"{node.name}.{each.name}": each.lineno for each in methods}
        for function in ast.walk(node):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(function.name, function.lineno)
    return found


def with_lines(text: str) -> str:
    """Return the document with the numbers of today. Raises `KeyError` for a call that there is not."""

    def numbered(call: re.Match[str]) -> str:
        told = f"{call['path']}:{_definitions(call['path'])[call['name']]} {call['name']}"
        return told if call["gap"] is None else told.ljust(len(call[0]))  # what is said of it stays in its column

    return _CALL.sub(numbered, text)


if __name__ == "__main__":
    DOCUMENT.write_text(with_lines(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
