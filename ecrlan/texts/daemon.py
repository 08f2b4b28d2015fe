"""Where the daemon is, and why it cannot be asked, in English and in Italian; how it is written is said in `ecrlan.texts.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecrlan.model.codes import Code

DAEMON: Final[Mapping[Code, tuple[str, str]]] = {
    Code.DAEMON_AT: ("the daemon at {url} (process {pid})", "il daemon su {url} (processo {pid})"),
    Code.DAEMON_AT_URL: ("the daemon at {url}", "il daemon su {url}"),
    Code.NO_DAEMON: (
        "no daemon is running for the journal {path}: {problem}",
        "per il giornale {path} non c'è nessun daemon in funzione: {problem}",
    ),
    Code.NO_QUEUE_WITHOUT_DAEMON: (
        "only a daemon has operations that wait: end the command that asked",
        "solo un daemon ha operazioni in attesa: termina il comando che l'ha chiesta",
    ),
    Code.NO_LINE_WITHOUT_DAEMON: (
        "every command opens a line of its own and closes it, so there is none to drop",
        "ogni comando apre un suo collegamento e lo chiude, quindi non ce n'è nessuno da chiudere",
    ),
    Code.NOTHING_TO_RELOAD: (
        "settings are read whenever a command starts",
        "le impostazioni si leggono all'avvio di ogni comando",
    ),
    Code.NOTHING_TO_FOLLOW: ("there is nothing to follow", "non c'è nulla da seguire"),
    Code.NO_TOKEN_YET: (
        "there is no token yet: {path} is made when the daemon first starts (`ecrlan serve`)",
        "non c'è ancora un token: {path} viene creato al primo avvio del daemon (`ecrlan serve`)",
    ),
    Code.JOURNAL_OF_DAEMON: ("{daemon} owns the journal {path} already", "{daemon} ha già il giornale {path}"),
    Code.DAEMON_HAS_ITS_TERMINALS: (
        (
            "{daemon} owns the journal {path}, and drives only the terminals of its settings: write {address} into them "
            "and have them read (`ecrlan reload`), stop the daemon, or name another journal for this command "
            "(ECRLAN_REGISTER__JOURNAL)"
        ),
        (
            "{daemon} ha il giornale {path}, e guida solo i terminali delle sue impostazioni: scrivici {address} e falle "
            "rileggere (`ecrlan reload`), ferma il daemon, oppure indica un altro giornale per questo comando "
            "(ECRLAN_REGISTER__JOURNAL)"
        ),
    ),
    Code.DAEMON_WITHOUT_TOKEN: (
        "{daemon} owns the journal, but its token {path} is not there",
        "{daemon} ha il giornale, ma il suo token {path} non c'è",
    ),
    Code.DAEMON_TOKEN_UNUSABLE: (
        "{daemon} owns the journal, but its token {path} cannot be used: {allowed}",
        "{daemon} ha il giornale, ma il suo token {path} non si può usare: {allowed}",
    ),
    Code.DAEMON_NOTE_UNREADABLE: (
        "a daemon may own the journal {path}, but {note} cannot be read: work as the daemon's user",
        "forse un daemon ha il giornale {path}, ma {note} non si può leggere: lavora come utente del daemon",
    ),
    Code.DAEMON_LETS_NOT_IN: (
        "{daemon} does not let this command in ({problem}); the token is that of {path}",
        "{daemon} non fa entrare questo comando ({problem}); il token è quello di {path}",
    ),
    Code.CLIENT_NOT_LET_IN: ("{daemon} does not let this client in ({problem})", "{daemon} non fa entrare questo client ({problem})"),
    Code.CLIENT_WITHOUT_HTTPX: (
        "ecrlan.client needs httpx, which is not installed: pip install 'ecrlan[client]'",
        "ecrlan.client ha bisogno di httpx, che non è installato: pip install 'ecrlan[client]'",
    ),
    Code.UNKNOWN_TO_DAEMON: (
        "{problem}; if the settings do know it, have the daemon read them: ecrlan reload",
        "{problem}; se le impostazioni lo conoscono, falle rileggere al daemon: ecrlan reload",
    ),
    Code.DAEMON_UNREACHABLE: ("{daemon} does not answer any more: {problem}", "{daemon} non risponde più: {problem}"),
    Code.DAEMON_LOST: (
        "the connection to {daemon} was lost before it answered: {problem}",
        "il collegamento con {daemon} è caduto prima della risposta: {problem}",
    ),
    Code.DAEMON_GONE: (
        (
            "{daemon} {silence}, and nobody can say yet what became of operation {reference}: it may go on at the "
            "terminal. Recovery finds it out as soon as the daemon runs again, or with: ecrlan operations show {reference}"
        ),
        (
            "{daemon} {silence}, e nessuno può ancora dire che ne è stato dell'operazione {reference}: può continuare "
            "sul terminale. Lo si saprà appena il daemon riparte, oppure con: ecrlan operations show {reference}"
        ),
    ),
    Code.DAEMON_GONE_UNSENT: (
        "{daemon} {silence}; operation {reference} was not sent: the journal proves it",
        "{daemon} {silence}; l'operazione {reference} non è stata inviata: lo prova il giornale",
    ),
    Code.DAEMON_IS_GONE: ("is gone", "non c'è più"),
    Code.DAEMON_DOES_NOT_TELL: ("does not tell ({problem})", "non lo dice ({problem})"),
    Code.DAEMON_ASKS: (
        "{daemon} has the terminal asked before its next payment",
        "{daemon} farà chiedere al terminale prima del suo prossimo pagamento",
    ),
    Code.TERMINAL_NOT_NAMED: (
        "the settings do not name terminal {terminal}",
        "le impostazioni non indicano il terminale {terminal}",
    ),
    Code.DAEMON_ANSWER_TOO_LONG: (
        "{daemon} answers with more than {most} bytes",
        "{daemon} risponde con più di {most} byte",
    ),
    Code.DAEMON_ANSWER_NO_JSON: (
        "{daemon} answers with something else than JSON: is it really ecrlan?",
        "{daemon} risponde con qualcosa che non è JSON: è davvero ecrlan?",
    ),
    Code.DAEMON_ANSWER_UNEXPLAINED: (
        "{daemon} answers with status {status} and without saying why",
        "{daemon} risponde con stato {status} e senza dire perché",
    ),
    Code.DAEMON_WITHOUT_DOCUMENT: (
        "{daemon} answers with something else than was asked for",
        "{daemon} risponde con qualcosa di diverso da ciò che è stato chiesto",
    ),
    Code.DAEMON_WITHOUT_PAGE: (
        "{daemon} answers with something else than a page of operations",
        "{daemon} risponde con qualcosa che non è una pagina di operazioni",
    ),
    Code.DAEMON_OPERATION_UNREADABLE: (
        "the daemon tells of an operation that cannot be read: {problem}",
        "il daemon parla di un'operazione che non si può leggere: {problem}",
    ),
    Code.DAEMON_EVENT_TOO_LONG: ("an event of more than {most} bytes", "un evento di più di {most} byte"),
    Code.DAEMON_EVENT_NO_JSON: (
        "an event {kind:quoted} that is no JSON object",
        "un evento {kind:quoted} che non è un oggetto JSON",
    ),
}
