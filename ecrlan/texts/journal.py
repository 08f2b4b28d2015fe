"""Why the journal cannot be opened, read or written, in English and in Italian; how it is written is said in `ecrlan.texts.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecrlan.model.codes import Code

JOURNAL: Final[Mapping[Code, tuple[str, str]]] = {
    Code.JOURNAL_OWNED: (
        "the journal {path} is owned by {owner}; waited {seconds} s for it",
        "il giornale {path} è di {owner}; atteso per {seconds} s",
    ),
    Code.OWNER_PROCESS: ("process {pid} on {host} since {since}", "processo {pid} su {host} dal {since}"),
    Code.OWNER_UNKNOWN: ("another process", "un altro processo"),
    Code.JOURNAL_LOCK_UNOPENED: (
        "the journal's lock {path} cannot be opened: {problem}",
        "il blocco del giornale {path} non si può aprire: {problem}",
    ),
    Code.JOURNAL_LOCK_UNWRITTEN: (
        "the journal's lock {path} cannot be written: {problem}",
        "il blocco del giornale {path} non si può scrivere: {problem}",
    ),
    Code.JOURNAL_FOLDER_MISSING: ("the journal's folder {path} does not exist", "la cartella del giornale {path} non esiste"),
    Code.JOURNAL_FOLDER_CLOSED: (
        "the journal's folder {path} cannot be entered: {problem}",
        "nella cartella del giornale {path} non si può entrare: {problem}",
    ),
    Code.JOURNAL_FOLDER_UNMADE: (
        "the journal's folder {path} cannot be made: {problem}",
        "la cartella del giornale {path} non si può creare: {problem}",
    ),
    Code.JOURNAL_MISSING: ("there is no journal at {path}", "in {path} non c'è nessun giornale"),
    Code.JOURNAL_GONE: (
        "the journal {path} is gone or empty, but its log {log} is not: put the file back, or move the log away",
        "il giornale {path} è sparito o vuoto, ma il suo log {log} no: rimetti il file, o sposta via il log",
    ),
    Code.JOURNAL_FILE_GONE: (
        "{path} was deleted or replaced while it was written",
        "{path} è stato cancellato o sostituito mentre veniva scritto",
    ),
    Code.JOURNAL_IS_FOLDER: ("the journal {path} is a folder", "il giornale {path} è una cartella"),
    Code.JOURNAL_READ_ONLY: ("the journal {path} is read-only", "il giornale {path} è di sola lettura"),
    Code.JOURNAL_NOT_WRITABLE: (
        "the journal {path} cannot be opened for writing: {problem}",
        "il giornale {path} non si può aprire in scrittura: {problem}",
    ),
    Code.JOURNAL_NOT_LOOKED_AT: (
        "the journal {path} cannot be looked at: {problem}",
        "il giornale {path} non si può esaminare: {problem}",
    ),
    Code.JOURNAL_UNREADABLE: ("the journal {path} cannot be read: {problem}", "il giornale {path} non si può leggere: {problem}"),
    Code.JOURNAL_NOT_READ: ("the journal cannot be read: {problem}", "il giornale non si può leggere: {problem}"),
    Code.JOURNAL_DAMAGED: (
        "the journal {path} is damaged and was left as it is: {problem}",
        "il giornale {path} è danneggiato ed è stato lasciato com'è: {problem}",
    ),
    Code.JOURNAL_LOG_UNREADABLE: (
        "the journal's log {path} cannot be read: {problem}",
        "il log del giornale {path} non si può leggere: {problem}",
    ),
    Code.JOURNAL_LOG_DAMAGED: (
        "the journal's log {path} is damaged and was left as it is: {problem}",
        "il log del giornale {path} è danneggiato ed è stato lasciato com'è: {problem}",
    ),
    Code.JOURNAL_WITHOUT_LOG: (
        "the journal {path} cannot use a write-ahead log here (it uses {mode}): keep it on a local disk",
        "il giornale {path} qui non può usare un log (WAL; usa {mode}): va tenuto su un disco locale",
    ),
    Code.NO_JOURNAL: (
        "{path} is not a journal of ecrlan (no SQLite file); it was left as it is",
        "{path} non è un giornale di ecrlan (non è un file SQLite); è stato lasciato com'è",
    ),
    Code.DATABASE_OF_ANOTHER: (
        "{path} is another program's database, not a journal of ecrlan; it was left as it is",
        "{path} è il database di un altro programma, non un giornale di ecrlan; è stato lasciato com'è",
    ),
    Code.JOURNAL_NEWER: (
        "the journal {path} was written by a newer ecrlan (version {version}; this one knows {known}): update ecrlan",
        "il giornale {path} è di un ecrlan più recente (versione {version}; questo conosce la {known}): aggiorna ecrlan",
    ),
    Code.JOURNAL_CLOSED: ("the journal is closed", "il giornale è chiuso"),
    Code.JOURNAL_HAS_FAILED: ("the journal has failed: {problem}", "il giornale ha un guasto: {problem}"),
    Code.JOURNAL_REFUSES: ("the journal refuses this: {problem}", "il giornale non lo accetta: {problem}"),
    Code.DISK_FULL: (
        "the disk is too full for the records of a new operation; nothing was written",
        "il disco è troppo pieno per le registrazioni di una nuova operazione; non è stato scritto nulla",
    ),
    Code.EPOCH_FILE_UNWRITTEN: (
        "the file {path} beside the journal cannot be written: {problem}",
        "il file {path} accanto al giornale non si può scrivere: {problem}",
    ),
    Code.BACKUP_EXISTS: (
        "the backup {path} exists already; it was left as it is",
        "la copia di sicurezza {path} esiste già; è stata lasciata com'è",
    ),
    Code.BACKUP_OF_MEMORY: (
        "a journal in memory has no backup: {path} was not written",
        "un giornale in memoria non ha copie di sicurezza: {path} non è stato scritto",
    ),
    Code.BACKUP_DAMAGED: (
        "the backup of the journal is damaged and was dropped: {problem}",
        "la copia di sicurezza del giornale è danneggiata ed è stata eliminata: {problem}",
    ),
    Code.BACKUP_FAILED: (
        "the journal cannot be backed up to {path}: {problem}",
        "non si può fare la copia di sicurezza del giornale in {path}: {problem}",
    ),
    Code.BACKUPS_NOT_KEPT: (
        "the journal's backups in {path} cannot be kept: {problem}",
        "non si possono tenere le copie di sicurezza del giornale in {path}: {problem}",
    ),
}
