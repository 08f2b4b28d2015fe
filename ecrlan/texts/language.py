"""In which language the user is spoken to."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from ecrlan.texts import LANGUAGES, Language

if TYPE_CHECKING:
    from collections.abc import Mapping

_WINDOWS_ITALIAN = 0x10
"""Primary language of Italian in a Windows language number."""


def choose_language(environ: Mapping[str, str]) -> Language:
    """Return the language of the user's locale: Italian, or English for every other. On Windows the system's where no variable says."""
    named = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    if named:
        return "it" if re.match(r"it(?![a-z])", named, re.IGNORECASE) else "en"
    return _system_language()


def asked_language(header: str) -> Language:
    """Return the language that a client prefers by its `Accept-Language`: Italian, or English for every other and where it says none."""
    found: list[tuple[float, Language]] = []
    for part in header.split(","):
        tag, _, quality = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        weight = _weight(quality)
        if weight > 0 and name in LANGUAGES:
            found.append((weight, "it" if name == "it" else "en"))
    return max(found, key=lambda each: each[0])[1] if found else "en"  # of equal ones the first


def _weight(quality: str) -> float:
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", quality)
    return float(found[1]) if found else 1.0


if sys.platform == "win32":

    def _system_language() -> Language:
        import ctypes  # noqa: PLC0415 - nothing else needs it

        return "it" if ctypes.windll.kernel32.GetUserDefaultUILanguage() & 0x3FF == _WINDOWS_ITALIAN else "en"

else:

    def _system_language() -> Language:
        return "en"
