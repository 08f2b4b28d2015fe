"""In which language the user is spoken to."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from ecrlan.desk.texts import Language

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


if sys.platform == "win32":

    def _system_language() -> Language:
        import ctypes  # noqa: PLC0415 - nothing else needs it

        return "it" if ctypes.windll.kernel32.GetUserDefaultUILanguage() & 0x3FF == _WINDOWS_ITALIAN else "en"

else:

    def _system_language() -> Language:
        return "en"
