"""What is known of an operation, why something was refused, and what an alarm tells: a code with values, never a sentence.

`ecrlan.texts` words every code in every language; the journal and JSON keep code and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecrlan.errors import EcrlanError, MalformedMessageError, Why
from ecrlan.model.codes import Code

VERBATIM = frozenset({Code.TERMINAL_WORDS, Code.NOTE, Code.PROSE})
"""Codes whose text is somebody else's: it is shown as it is, in every language."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A code and its values, by name; a value may be an `Evidence` of its own. `ecrlan.words` says it in English or Italian."""

    code: Code
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.code in VERBATIM:
            return str(self.values.get("text", ""))
        told = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.code.value}({told})" if told else self.code.value

    def __hash__(self) -> int:
        return hash(self.code)

    def as_json(self) -> dict[str, Any]:
        """Return code and values as `json.dumps` takes them."""
        return {"code": self.code.value, "values": self.json_values()}

    def json_values(self) -> dict[str, Any]:
        """Return the values as `json.dumps` takes them."""
        return {name: value.as_json() if isinstance(value, Evidence) else value for name, value in self.values.items()}

    def fields(self, name: str) -> dict[str, Any]:
        """Return code and values under two keys of their own: `NAME_code` and `NAME_values`."""
        return {f"{name}_code": self.code.value, f"{name}_values": self.json_values()}


def verbatim(code: Code, text: str) -> Evidence:
    """Return somebody else's text as evidence."""
    return Evidence(code, {"text": text})


def problem_of(error: MalformedMessageError) -> Evidence:
    """Return why a message cannot be read."""
    why = _of_json(*error.problem_why) if error.problem_why is not None else None
    return why if why is not None else verbatim(Code.PROSE, error.problem)


def evidence_of(error: EcrlanError) -> Evidence:
    """Return what an exception says."""
    if isinstance(error, MalformedMessageError):
        return Evidence(Code.UNREADABLE, {"letter": error.message_code or "?", "length": error.length, "problem": problem_of(error)})
    return evidence_of_why(error.why) if error.why is not None else verbatim(Code.PROSE, str(error))


def evidence_of_why(why: Why) -> Evidence:
    """Return a code with its values as evidence; of a code that this release does not know, the code's word."""
    return _of_json(*why) or verbatim(Code.PROSE, why[0])


def read_evidence(data: Mapping[str, Any], name: str) -> Evidence | None:
    """Return the evidence that `fields(name)` has put into `data`; None where there is none.

    Where there are only words under `name`, as earlier releases wrote them, or a code that this release does not know, it is these words.
    """
    found = _of_json(data.get(f"{name}_code"), data.get(f"{name}_values"))
    if found is not None:
        return found
    text = data.get(name) or data.get(f"{name}_code")
    return verbatim(Code.PROSE, text) if isinstance(text, str) else None


def _of_json(code: object, values: object) -> Evidence | None:
    if not isinstance(code, str) or code not in _KNOWN:
        return None
    return Evidence(Code(code), {key: _value(value) for key, value in values.items()} if isinstance(values, Mapping) else {})


def _value(value: object) -> object:
    if not isinstance(value, dict):
        return value
    inner = _of_json(value.get("code"), value.get("values"))
    return inner if inner is not None else verbatim(Code.PROSE, str(value.get("code")))


_KNOWN = frozenset(code.value for code in Code)
