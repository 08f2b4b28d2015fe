"""Manners of the emulated terminal: what firmware of the field does otherwise than the pages, by name, changeable while it runs.

A manner is no fault: a register must live with all of them (exchange.md §8). They combine with each other and with faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ecrlan.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class MannerKind:
    """What a manner does, in one line of English and one of Italian."""

    english: str
    italian: str


MANNER_KINDS: dict[str, MannerKind] = {
    # status
    "worded_status": MannerKind(
        "the status has a word instead of the digit: OPERATIVE, then the release (58 bytes)",
        "lo stato ha una parola al posto della cifra: OPERATIVE, poi la versione (58 byte)",
    ),
    "not_ready_word": MannerKind(
        "the status has the word NON OPERATIVO instead of the digit",
        "lo stato ha la parola NON OPERATIVO al posto della cifra",
    ),
    # results
    "refusal_repeats_stan": MannerKind(
        "a refusal takes no STAN: it carries the last one again, 000000 before the first; two of a kind are the same bytes",
        "un rifiuto non prende uno STAN: porta di nuovo l'ultimo, 000000 prima del primo; due uguali sono gli stessi byte",
    ),
    "blank_refusal": MannerKind(
        "refusals are given before the host is asked: STAN, acquirer and online_id are blank",
        "i rifiuti vengono prima di chiedere all'host: STAN, acquirer e online_id sono vuoti",
    ),
    "stan_anew": MannerKind(
        "STANs start again from 1 after every 5 of them (`stans_in_series`) and after a close session",
        "gli STAN ripartono da 1 ogni 5 (`stans_in_series`) e dopo una chiusura",
    ),
    "e74": MannerKind(
        "a purchase (P) is answered by an E of 74 bytes, with the action code",
        "un acquisto (P) riceve una E di 74 byte, con l'action code",
    ),
    "pan_forms": MannerKind(
        "the card number comes in four forms in turn, the authorization code has five characters, the entry mode is CLE",
        "il numero di carta ha a turno quattro forme, il codice di autorizzazione cinque caratteri, la modalità è CLE",
    ),
    "host_time_behind": MannerKind(
        "host_time is 48 hours (`host_time_behind_hours`) behind; status and receipts have the right time",
        "host_time è indietro di 48 ore (`host_time_behind_hours`); stato e scontrini hanno l'ora giusta",
    ),
    "identified_by_zero": MannerKind(
        "every answer carries the TID 00000000",
        "ogni risposta porta il TID 00000000",
    ),
    "approval_after_refusal": MannerKind(
        "a refused purchase is approved and charged 2 s (`late_approval_seconds`) after the register's ACK; unsent, if the line is gone",
        "un acquisto rifiutato viene approvato e addebitato 2 s (`late_approval_seconds`) dopo l'ACK; senza invio, se la linea è caduta",
    ),
    # progress and receipts
    "many_progress": MannerKind(
        "24 progress texts, 40 ms apart, right-aligned or filled",
        "24 messaggi di avanzamento, ogni 40 ms, allineati a destra o riempiti",
    ),
    "receipt_lines": MannerKind(
        "receipts: each line is 0x7D or 0x7E and 24 characters, the end is 0x1B alone",
        "scontrini: ogni riga è 0x7D o 0x7E e 24 caratteri, la fine è il solo 0x1B",
    ),
    "receipt_run_on": MannerKind(
        "receipts: lines of 24 characters without new lines, the end is 7D 7D 1B (receipt_lines goes first)",
        "scontrini: righe di 24 caratteri senza a capo, la fine è 7D 7D 1B (receipt_lines ha la precedenza)",
    ),
    # the line
    "silent_last_result": MannerKind(
        "while nothing is saved, the question for the last result (G) gets its ACK and then nothing",
        "finché non c'è nulla di salvato, la richiesta dell'ultimo esito (G) riceve l'ACK e poi nulla",
    ),
    "closes_on_idle": MannerKind(
        "the line is closed as soon as the register has acknowledged the result and what belongs to it",
        "la linea viene chiusa appena la cassa ha confermato l'esito e quanto ne fa parte",
    ),
    "naks_after_missing_ack": MannerKind(
        "while a result waits for its ACK, up to 15 s, requests are refused with a NAK; otherwise a request stands for the ACK",
        "finché un esito aspetta l'ACK, fino a 15 s, le richieste ricevono NAK; altrimenti una richiesta vale come ACK",
    ),
}
"""Every manner, by name."""

MANNERS: dict[str, str] = {name: kind.english for name, kind in MANNER_KINDS.items()}
"""One line per manner, for people."""

DEFAULT_MANNERS = ("naks_after_missing_ack",)
"""What a terminal does that was not told its manners. Whether real ones do so is not known; recorded schedules rest on it."""


class Manners:
    """The manners of one terminal: `name in manners`, `set`, `clear`. `Manners("e74")` has exactly the manners named.

    `shown` counts how often each showed in what was sent: by messages, by payments for progress, by refused requests for NAKs.
    """

    def __init__(self, *names: str) -> None:
        """Begin with some. Raises `InvalidValueError` for an unknown name."""
        self._names: set[str] = set()
        self.shown: Counter[str] = Counter()
        for name in names:
            self.set(name)

    def __repr__(self) -> str:
        return f"Manners({', '.join(map(repr, self.names))})"

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The manners that it has now, in the order of `MANNER_KINDS`."""
        return tuple(name for name in MANNER_KINDS if name in self._names)

    def set(self, name: str) -> None:
        """Take a manner on. Raises `InvalidValueError` for an unknown name."""
        self._names.add(_checked(name))

    def clear(self, name: str | None = None) -> None:
        """Leave a manner off, or all of them. Raises `InvalidValueError` for an unknown name."""
        if name is None:
            self._names.clear()
        else:
            self._names.discard(_checked(name))

    def show(self, names: Iterable[str]) -> None:
        """Count that these showed."""
        self.shown.update(names)


def _checked(name: str) -> str:
    if name not in MANNER_KINDS:
        raise InvalidValueError("manner", name, ", ".join(sorted(MANNER_KINDS)))
    return name
