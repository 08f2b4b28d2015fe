"""Rows: what happened, as it is committed. And what the journal tells of an operation, made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ecrlan.errors import InvalidValueError
from ecrlan.model.orders import Kind

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOperation:
    """The row that begins an operation. `amount` in cents; `created_time` timezone-aware; `parameters` JSON values.

    `terminal_id` is the TID that it is sent to and `address` the terminal's ADDRESS:PORT, each as far as known. They are no parameters:
    the same order at another address is the same operation.
    """

    reference: str
    kind: Kind
    terminal: str
    amount: int | None
    parameters: dict[str, Any]
    created_time: datetime
    parameters_hash: str | None = None
    """`parameters_hash` of what was asked, where `parameters` hold less than that; None: of `parameters`."""
    terminal_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, to an operation or (reference None) to a terminal. `data` holds JSON values: frames as hex, masked by the caller."""

    name: str
    time: datetime
    reference: str | None
    terminal: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One operation with its history, oldest event first; lists leave `events` empty. Times are UTC."""

    id: int
    reference: str
    kind: Kind
    terminal: str
    amount: int | None
    parameters: dict[str, Any]
    created_time: datetime
    state: str
    outcome: str | None
    finished_time: datetime | None = None
    events: tuple[Event, ...] = ()
    terminal_id: str = ""
    address: str = ""
    """Whom and where it is sent to, as far as known; ADDRESS:PORT."""


def canonical(values: Mapping[str, Any], place: str) -> str:
    """Return the one JSON text of `values`: keys sorted, ASCII, no spaces. Raises `InvalidValueError` for what is not JSON."""
    try:
        return _ENCODER.encode(values) if values else "{}"
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError(place, values, ("allowed_json", {})) from error


def parameters_hash(parameters: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of the parameters' canonical text: equal parameters, equal hash, for ever."""
    return text_hash(canonical(parameters, "parameters"))


def text_hash(text: str) -> str:
    """Return the SHA-256 (hex) of a canonical text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()
