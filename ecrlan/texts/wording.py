"""Texts with their places filled, and what a code with values says."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from ecrlan.model.evidence import Evidence
from ecrlan.texts.english import ENGLISH
from ecrlan.texts.evidence import WORDS
from ecrlan.texts.italian import ITALIAN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Language = Literal["en", "it"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

TEXTS: Final[dict[Language, dict[str, str]]] = {"en": ENGLISH, "it": ITALIAN}


def say(language: Language, name: str, **values: object) -> str:
    """Return a text with its places filled."""
    return TEXTS[language][name].format(**values)


def words(evidence: Evidence, language: Language = "en") -> str:
    """Return what `evidence` says. Where values are missing or odd, as in another release's journal, it is code and values as they are."""
    try:
        return _FORMATTERS[language].vformat(WORDS[evidence.code][LANGUAGES.index(language)], (), evidence.values)
    except (KeyError, ValueError, TypeError, AttributeError):
        return str(evidence)


def euros(amount: int, language: Language) -> str:
    """Return cents as people write them in `language`."""
    return f"{amount // 100}{',' if language == 'it' else '.'}{amount % 100:02}"


class _Words(Formatter):
    """Fills the places of a code's text in one language; what stands behind a place's colon is explained in `evidence`."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._own = {name.removeprefix("value."): text for name, text in TEXTS[language].items() if name.startswith("value.")}
        self._ways: dict[str, Callable[[Any], str]] = {
            "": lambda value: f"{value:g}" if isinstance(value, float) else str(value),
            "all": lambda value: ", ".join(map(str, value)) or self._own["none"],
            "either": self._either,
            "eur": lambda value: self._own["no_amount"] if value is None else f"{euros(value, language)} EUR",
            "holder": lambda value: self._own["another_exchange"] if value is None else self._own["operation"].format(reference=value),
            "kind": lambda value: TEXTS[language][f"kind.{value}"],
            "kinds": lambda values: ", ".join(TEXTS[language][f"kind.{value}"] for value in values),
            "offset": self._offset,
            "of_eur": lambda value: "" if value is None else f" {euros(value, language)} EUR",
            "ended": lambda value: self._own["no_outcome"] if value is None else TEXTS[language][f"outcome.{value}"],
            "outcome": lambda value: TEXTS[language][f"outcome.{value}"],
            "quoted": repr,
            "result": lambda value: self._own["no_stan"] if value is None else f"STAN {value}",
            "terminal": lambda value: f"TID {value}" if str(value).isdigit() else self._own["terminal_at"].format(place=value),
            "times": lambda value: self._own["once"] if value == 1 else self._own["times"].format(count=value),
            "waiting": lambda value: self._own["waiting"].format(count=value) if value else "",
        }

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401  # whatever a code's value is
        """Return a value as its place wants it."""
        return words(value, self._language) if isinstance(value, Evidence) else self._ways[format_spec](value)

    def _either(self, values: Sequence[object]) -> str:
        *others, last = map(str, values)
        return f"{', '.join(others)} {self._own['or']} {last}" if others else last

    def _offset(self, seconds: float) -> str:
        """Say by how much a clock is wrong: "2 days behind"."""
        minutes = round(abs(seconds) / 60)
        for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
            count = round(minutes / size)
            if minutes >= size:
                return self._own[f"{unit}{'s' if count != 1 else ''}_{'behind' if seconds < 0 else 'ahead'}"].format(count=count)
        return self._own["right"]


_FORMATTERS: Final[dict[Language, _Words]] = {language: _Words(language) for language in LANGUAGES}
