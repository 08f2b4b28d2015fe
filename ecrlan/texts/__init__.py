"""Every word that people read, in English and Italian. What a code says stands in `evidence`, the rest in `english` and `italian`."""

from ecrlan.texts.wording import LANGUAGES, TEXTS, Language, euros, say, words

__all__ = ["LANGUAGES", "TEXTS", "Language", "euros", "say", "words"]
