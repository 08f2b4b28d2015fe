"""The tokens that open the HTTP API: two files beside the journal, which only their owner can read."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import structlog

from ecrlan.errors import InvalidValueError

log = structlog.get_logger(__name__)

Role = Literal["operate", "read"]
"""`read` may look; `operate` may do everything."""

PRIVATE = 0o600
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,256}\Z")
_SUFFIXES: dict[Role, str] = {"operate": ".token", "read": ".read-token"}


def token_file(journal: Path, role: Role) -> Path:
    """Return where the token of `role` stands: `till.db.token`, `till.db.read-token`."""
    return journal.with_name(journal.name + _SUFFIXES[role])


def read_token(file: Path) -> str:
    """Return the token that `file` holds. Raises `InvalidValueError`; `FileNotFoundError` where there is no such file yet."""
    try:
        text = file.read_bytes()[:1000].decode("ascii").strip()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError):
        text = ""
    if not _TOKEN.match(text):
        raise InvalidValueError("token file", str(file), ("allowed_token_file", {}))
    return text


def write_private(file: Path, text: str) -> None:
    """Write `file` whole or not at all, readable by its owner only (Windows: as its folder is). Raises `OSError`."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    new.replace(file)


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """Both tokens."""

    operate: str
    read: str

    @classmethod
    def load(cls, journal: Path) -> Self:
        """Read both tokens from beside `journal`; make what is missing. Raises `InvalidValueError`."""
        return cls(operate=_load(token_file(journal, "operate")), read=_load(token_file(journal, "read")))

    def role_of(self, token: str) -> Role | None:
        """Return what `token` allows, None for a wrong one; in the same time whatever it is."""
        given = token.encode("utf-8", "surrogateescape")
        may_operate = hmac.compare_digest(given, self.operate.encode())
        may_read = hmac.compare_digest(given, self.read.encode())
        return "operate" if may_operate else "read" if may_read else None


def _load(file: Path) -> str:
    try:
        token = read_token(file)
    except FileNotFoundError:
        token = secrets.token_urlsafe(32)
        try:
            write_private(file, token + "\n")
        except OSError as error:
            raise InvalidValueError("token file", str(file), ("allowed_writable_file", {"problem": error.strerror})) from error
        log.info("token.made", file=str(file))
        return token
    if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        log.warning("token.exposed", file=str(file), hint="others could read it: it is private now; delete it to get a new one")
        file.chmod(PRIVATE)
    return token
