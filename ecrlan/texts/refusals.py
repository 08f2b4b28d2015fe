"""Why nothing was sent, in English and in Italian; how it is written is said in `ecrlan.texts.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecrlan.model.codes import Code

REFUSALS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.NOTHING_SENT: ("{cause}, and nothing was sent", "{cause}, e non è stato inviato nulla"),
    Code.STATUS_UNREADABLE: ("the status cannot be read ({cause})", "lo stato non si può leggere ({cause})"),
    Code.STATUS_REFUSED: ("the terminal refused a status request (NAK)", "il terminale ha respinto la richiesta di stato (NAK)"),
    Code.STATUS_ONLY_ACKED: (
        "the terminal acknowledged a status request and gave no answer",
        "il terminale ha confermato la richiesta di stato e non ha dato risposta",
    ),
    Code.STATUS_NOT_FOUND: (
        "something came from the terminal, but no answer to a status request",
        "dal terminale è arrivato qualcosa, ma nessuna risposta alla richiesta di stato",
    ),
    Code.STATUS_SILENT: ("the terminal did not answer a status request", "il terminale non ha risposto alla richiesta di stato"),
    Code.LAST_RESULT_REFUSED: (
        "the terminal refused the question for its last result (NAK)",
        "il terminale ha respinto la domanda sull'ultimo esito (NAK)",
    ),
    Code.LAST_RESULT_ONLY_ACKED: (
        "the terminal acknowledged the question for its last result and gave no answer",
        "il terminale ha confermato la domanda sull'ultimo esito e non ha dato risposta",
    ),
    Code.LAST_RESULT_NOT_FOUND: (
        "something came from the terminal, but no answer to the question for its last result",
        "dal terminale è arrivato qualcosa, ma nessuna risposta alla domanda sull'ultimo esito",
    ),
    Code.LAST_RESULT_SILENT: (
        "the terminal did not answer the question for its last result (if it never does: last_result_supported = false)",
        "il terminale non ha risposto alla domanda sull'ultimo esito (se non risponde mai: last_result_supported = false)",
    ),
    Code.TERMINAL_IS: ("the terminal says that it is {word}", "il terminale dice di essere {word}"),
    Code.PRINTING_REFUSED: (
        "the terminal did not take the request to print on the register (E)",
        "il terminale non ha accettato di stampare sulla cassa (E)",
    ),
    Code.JOURNAL_NOT_WRITTEN: (
        "the journal could not be written, so nothing was sent",
        "il giornale non si è potuto scrivere, quindi non è stato inviato nulla",
    ),
    Code.NOT_CONNECTED: ("no line to {address} port {port}: {problem}", "nessun collegamento con {address} porta {port}: {problem}"),
    Code.CONNECTION_REFUSED: (
        "no line to {address} port {port}: nothing listens there; is PosConnector open on its idle screen, is the port right?",
        (
            "nessun collegamento con {address} porta {port}: lì nessuno è in ascolto; PosConnector è aperto sulla schermata iniziale, la "
            "porta è giusta?"
        ),
    ),
    Code.CONNECTION_SILENT: (
        "no line to {address} port {port}: no answer within {seconds} s; is the terminal switched on and in this network?",
        "nessun collegamento con {address} porta {port}: nessuna risposta entro {seconds} s; il terminale è acceso e in questa rete?",
    ),
    Code.NOT_DIALLED_IN: (
        "no line to {address} port {port}: the terminal opened no line within {seconds} s; is this register's address set on it?",
        (
            "nessun collegamento con {address} porta {port}: il terminale non ha aperto un collegamento entro {seconds} s; è impostato su "
            "di esso l'indirizzo di questa cassa?"
        ),
    ),
    Code.NOT_LISTENING: (
        "no line to {address} port {port}: the register does not listen (register.listen), and link = listen does not dial",
        (
            "nessun collegamento con {address} porta {port}: la cassa non attende collegamenti (register.listen), e con link = listen non "
            "ne apre"
        ),
    ),
    Code.LINE_CLOSED: ("the line is closed", "il collegamento è chiuso"),
    Code.CANCELLED: ("cancelled before anything was sent", "annullata prima di inviare qualcosa"),
    Code.LOST_BEFORE_SENDING: (
        "the line was lost before anything was sent: {cause}",
        "il collegamento è caduto prima di inviare qualcosa: {cause}",
    ),
    Code.REGISTER_CLOSED: (
        "the register is being closed, or was; nothing was sent",
        "la cassa si sta chiudendo, o è stata chiusa; non è stato inviato nulla",
    ),
    Code.WITHDRAWN: ("it was withdrawn before it was sent", "è stata ritirata prima dell'invio"),
    Code.ALREADY_SENT: (
        (
            "operation {reference} was sent, or has ended ({state}), and cannot be withdrawn; "
            "only the terminal's red key ends a running payment"
        ),
        (
            "l'operazione {reference} è stata inviata, o è finita ({state:outcome}), e non può essere ritirata; un pagamento in corso si "
            "annulla solo con il tasto rosso del terminale"
        ),
    ),
    Code.REFERENCE_CONFLICT: (
        "reference {reference} is known with other parameters: it stands for {known}; asked for now: {asked}",
        "il riferimento {reference} è già noto con altri parametri: indica {known}; chiesto adesso: {asked}",
    ),
    Code.UNKNOWN_REFERENCE: (
        "no operation has the reference {reference:quoted}",
        "nessuna operazione ha il riferimento {reference:quoted}",
    ),
    Code.UNKNOWN_TERMINAL: (
        "no terminal is named {name:quoted}; known: {known:all}",
        "nessun terminale si chiama {name:quoted}; noti: {known:all}",
    ),
    Code.OPERATIONS_WITHOUT_TERMINAL: (
        (
            "operations without a known outcome belong to no terminal of the settings: {operations}; give the terminal its name or address "
            "back, or attach them: `ecrlan operations attach REFERENCE -t TERMINAL --by NAME`"
        ),
        (
            "operazioni senza esito noto non appartengono a nessun terminale delle impostazioni: {operations}; ridai al terminale il suo "
            "nome o indirizzo, oppure assegnale: `ecrlan operations attach REFERENCE -t TERMINAL --by NAME`"
        ),
    ),
    Code.CANNOT_LISTEN: ("cannot listen on {address} port {port}: {problem}", "non si può ascoltare su {address} porta {port}: {problem}"),
    Code.CANNOT_LISTEN_REGISTER: (
        (
            "cannot listen on {address} port {port}: {problem}; is another program, perhaps another ecrlan, at work there? "
            'Setting register.listen: another address, or "" where no terminal dials in'
        ),
        (
            "non si può ascoltare su {address} porta {port}: {problem}; c'è già un altro programma, forse un altro ecrlan? "
            'Impostazione register.listen: un altro indirizzo, o "" dove nessun terminale si collega da sé'
        ),
    ),
    Code.CANNOT_LISTEN_HTTP: (
        (
            "cannot listen on {address} port {port}: {problem}; is another program, perhaps another ecrlan, at work there? "
            "Setting daemon.http: another address"
        ),
        (
            "non si può ascoltare su {address} porta {port}: {problem}; c'è già un altro programma, forse un altro ecrlan? "
            "Impostazione daemon.http: un altro indirizzo"
        ),
    ),
    Code.AMOUNT_IN_CENTS: (
        "amount: whole cents are wanted: {given} EUR is {cents}",
        "amount: servono centesimi interi: {given} EUR sono {cents}",
    ),
    Code.KEY_TWICE: ("{key}: it stands twice in one JSON object", "{key}: sta due volte in un oggetto JSON"),
    Code.MONEY_HELD: (
        (
            "no money is moved: {doubt}. Operations that this journal does not know may have been performed; "
            "once you have looked: `ecrlan journal accept --by NAME --note TEXT`"
        ),
        (
            "niente pagamenti: {doubt}. Operazioni che questo giornale non conosce possono essere state eseguite; "
            "dopo aver controllato: `ecrlan journal accept --by NAME --note TEXT`"
        ),
    ),
    Code.TERMINAL_BUSY: (
        "terminal {terminal} is busy: {holder:holder} has held it for {seconds} s{waiting:waiting}",
        "il terminale {terminal} è occupato: {holder:holder} lo tiene da {seconds} s{waiting:waiting}",
    ),
    Code.TERMINAL_BLOCKED: (
        (
            "terminal {terminal} is blocked: the outcome of operation {operation} is unresolved; "
            "settle it first: `ecrlan operations show {operation}`"
        ),
        (
            "il terminale {terminal} è bloccato: l'esito dell'operazione {operation} è incerto; prima va chiarito: "
            "`ecrlan operations show {operation}`"
        ),
    ),
    Code.REGISTER_NOT_OPEN: (
        "the register is not open: use it as `{way}`",
        "la cassa non è aperta: si usa con `{way}`",
    ),
    Code.TERMINAL_REPLACED: (
        "terminal {terminal} was removed or reconfigured; get it again with register.terminal({terminal:quoted})",
        "il terminale {terminal} è stato tolto o riconfigurato; va preso di nuovo con register.terminal({terminal:quoted})",
    ),
    Code.BEING_SETTLED: (
        "operation {reference} is being settled by somebody else at this moment",
        "in questo momento qualcun altro sta chiarendo l'operazione {reference}",
    ),
    Code.NOT_UNRESOLVED: (
        "operation {reference} is not unresolved: its outcome is {outcome}",
        "l'operazione {reference} non è incerta ({outcome:outcome})",
    ),
    Code.BLOCKS_NO_TERMINAL: (
        "operation {reference} is {outcome}: it blocks no terminal",
        "l'operazione {reference} non blocca nessun terminale ({outcome:outcome})",
    ),
    Code.NOTHING_IN_DOUBT: ("nothing about the journal is in doubt", "sul giornale non c'è nessun dubbio"),
    Code.NO_MONEY_WITHOUT_JOURNAL: (
        "the journal has failed, and without it no money is moved: {problem}",
        "il giornale ha un guasto, e senza di esso niente pagamenti: {problem}",
    ),
    Code.LINE_IN_USE: (
        "terminal {terminal} is in use by {holder}: its line is not dropped",
        "il terminale {terminal} è usato da {holder}: il suo collegamento non viene chiuso",
    ),
    Code.TERMINAL_ID_IN_USE: (
        "terminal {terminal} is in use by {holder}: its TID is not accepted now",
        "il terminale {terminal} è usato da {holder}: il suo TID adesso non si può accettare",
    ),
    Code.ONE_TERMINAL: (
        (
            "terminals {terminal} and {other} are one terminal, TID {terminal_id}: "
            "take one of the two names out of the settings, or accept its TID where they were exchanged"
        ),
        (
            "i terminali {terminal} e {other} sono un solo terminale, TID {terminal_id}: togli uno dei due nomi dalle impostazioni, "
            "oppure accetta il suo TID se sono stati scambiati"
        ),
    ),
    Code.ANSWERED_AS_ANOTHER: (
        "terminal {terminal} answered as TID {terminal_id}, not {expected}; a person must accept it",
        "il terminale {terminal} ha risposto come TID {terminal_id}, non {expected}; una persona deve accettarlo",
    ),
    Code.OPERATION_REMOVED: (
        (
            "operation {reference} is no longer in the journal, retention has removed it; what is kept: "
            "{kind:kind}{amount:of_eur} on terminal {terminal}, {time}, {outcome:ended}"
        ),
        (
            "l'operazione {reference} non è più nel giornale, è stata tolta alla scadenza; resta: "
            "{kind:kind}{amount:of_eur} sul terminale {terminal}, {time}, {outcome:ended}"
        ),
    ),
    Code.MAY_BE_PROVED: (
        (
            "the outcome of operation {reference} is not known yet, and may still be proved: `ecrlan operations show "
            "{reference}` has the terminal asked; only what stays unresolved then is settled by hand"
        ),
        (
            "l'esito dell'operazione {reference} non è ancora noto, e può ancora essere provato: `ecrlan operations show "
            "{reference}` fa chiedere al terminale; solo ciò che poi resta incerto si chiarisce a mano"
        ),
    ),
    Code.NOT_CONFIRMED_UNSENT: ("not confirmed: nothing was sent", "non confermato: non è stato inviato nulla"),
    Code.NOT_CONFIRMED_UNCHANGED: ("not confirmed: nothing was changed", "non confermato: non è cambiato nulla"),
    Code.REGISTER_ENDED: ("the register is closed", "la cassa è chiusa"),
    Code.ALARM_OF_DOUBT: (
        "the journal is in doubt: the alarm ends when a person accepts it (`ecrlan journal accept`)",
        "sul giornale c'è un dubbio: l'allarme finisce quando una persona lo accetta (`ecrlan journal accept`)",
    ),
    Code.ALARM_OF_UNRESOLVED: (
        "operation {reference} is unresolved: the alarm ends when it is settled",
        "l'operazione {reference} è incerta: l'allarme finisce quando viene chiarita",
    ),
    Code.UNKNOWN_ALARM: (
        "no alarm has the id {alarm:quoted}; perhaps it has ended",
        "nessun allarme ha l'id {alarm:quoted}; forse è finito",
    ),
    Code.NO_OTHER_TERMINAL_ID: (
        "terminal {terminal} has answered with no other TID: there is nothing to accept",
        "il terminale {terminal} non ha risposto con un altro TID: non c'è nulla da accettare",
    ),
    Code.NOT_USED_BY_HAND: (
        "terminal {terminal} was not found to be used by hand: there is nothing to reset",
        "non risulta che il terminale {terminal} si usi a mano: non c'è nulla da azzerare",
    ),
    # why an HTTP request is refused
    Code.INTERNAL_ERROR: ("an error of ecrlan itself; the log tells more", "un errore di ecrlan stesso; il log dice di più"),
    Code.NOTHING_HERE: ("there is nothing at this address", "a questo indirizzo non c'è nulla"),
    Code.OTHER_METHOD: ("not with this method", "non con questo metodo"),
    Code.NO_PAGE: ("there is no such page", "questa pagina non esiste"),
    Code.NO_DOCUMENT: ("there is no such document", "questo documento non esiste"),
    Code.NO_DEMO: ("the daemon does not run in demo mode", "il daemon non è in modalità demo"),
    Code.TOKEN_NEEDED: ("a token is needed: `ecrlan token` prints it", "serve un token: `ecrlan token` lo mostra"),
    Code.TOKEN_READS_ONLY: ("this token allows to read only", "questo token permette solo di leggere"),
    Code.WRONG_TOKEN: ("that is not the token: `ecrlan token` prints it", "non è il token: `ecrlan token` lo mostra"),
    Code.FOREIGN_HOST: (
        "the daemon is not reached as {host:quoted}; allowed: {allowed:all} (setting daemon.hosts)",
        "il daemon non si raggiunge come {host:quoted}; ammessi: {allowed:all} (impostazione daemon.hosts)",
    ),
    Code.FOREIGN_PAGE: ("the request comes from another site's page", "la richiesta viene dalla pagina di un altro sito"),
    Code.HEADER_TWICE: ("more than one header {name}", "più di una intestazione {name}"),
    Code.HTTP_VERSION: ("HTTP/1.0 and HTTP/1.1 are spoken here", "qui si parlano HTTP/1.0 e HTTP/1.1"),
    Code.TOO_MANY_STREAMS: (
        "{count} event streams are open; that is the most",
        "sono aperti {count} flussi di eventi: di più non si può",
    ),
    Code.TOO_MANY_REQUESTS: (
        "{count} requests are being served; that is the most (setting daemon.requests_at_once)",
        "{count} richieste sono in corso: di più non si può (impostazione daemon.requests_at_once)",
    ),
    Code.BODY_TOO_LARGE: ("a body of more than {most} bytes", "un corpo di più di {most} byte"),
    Code.BODY_TOO_SLOW: ("the body did not arrive within {seconds} s", "il corpo non è arrivato entro {seconds} s"),
    Code.NO_TIME: (
        "{place}: {text:quoted} is no ISO 8601 time such as 2026-11-23 or 2026-11-23T18:44:00+01:00",
        "{place}: {text:quoted} non è un'ora ISO 8601, come 2026-11-23 o 2026-11-23T18:44:00+01:00",
    ),
    Code.FIELD_REFUSED: ("{place}: {problem}", "{place}: valore non ammesso ({problem})"),
    Code.FIELD_MISSING: ("{place}: Field required", "{place}: manca"),
    Code.FIELD_UNKNOWN: ("{place}: Extra inputs are not permitted", "{place}: qui non esiste"),
    Code.FIELD_NO_NUMBER: ("{place}: Input should be a valid integer", "{place}: serve un numero intero"),
    Code.FIELD_NO_TEXT: ("{place}: Input should be a valid string", "{place}: serve un testo"),
    Code.FIELD_TOO_SMALL: ("{place}: Input should be greater than or equal to {ge}", "{place}: deve essere almeno {ge}"),
    Code.FIELD_TOO_LARGE: ("{place}: Input should be less than or equal to {le}", "{place}: deve essere al massimo {le}"),
    Code.FIELD_NONE_OF: ("{place}: Input should be {expected}", "{place}: ammessi: {expected}"),
    Code.FIELD_OTHER_FORM: ("{place}: String should match pattern '{pattern}'", "{place}: il testo deve avere la forma '{pattern}'"),
    Code.FIELD_CARD_NUMBER: (
        "{place}: a card number is not allowed; allowed: anything that is no full card number, which must not be kept",
        "{place}: un numero di carta non è ammesso; ammesso: tutto ciò che non è un numero di carta intero, che non va conservato",
    ),
    # why an operation cannot be voided, increased or captured
    Code.OF_ANOTHER_TERMINAL: (
        "operation {reference} belongs to terminal {terminal}, not {asked}",
        "l'operazione {reference} è del terminale {terminal}, non di {asked}",
    ),
    Code.OF_ANOTHER_KIND: (
        "operation {reference} is a {kind}; allowed: {allowed:all}",
        "l'operazione {reference} è di tipo {kind:kind}; ammessi: {allowed:kinds}",
    ),
    Code.NO_APPROVAL: (
        "operation {reference} has no approval of the terminal to refer to: it is {outcome}",
        "l'operazione {reference} non ha un'approvazione del terminale a cui riferirsi ({outcome:outcome})",
    ),
    Code.VOID_WITHOUT_STAN: (
        "operation {reference} has no STAN, so it cannot be voided by its reference: whichever was last would be",
        "l'operazione {reference} non ha STAN, quindi non si può stornare con il suo riferimento: si stornerebbe l'ultima, quale che sia",
    ),
    Code.PERFORMED_BY_ANOTHER: (
        "operation {reference} was performed by the terminal {identity}, and {terminal} is {now} now",
        "l'operazione {reference} è stata eseguita da {identity:terminal}, e {terminal} adesso è {now:terminal}",
    ),
    Code.VOIDED_ALREADY: (
        "operation {reference} was voided already, by operation {other} ({outcome})",
        "l'operazione {reference} è già stata stornata, con l'operazione {other} ({outcome:outcome})",
    ),
    Code.BEING_VOIDED: (
        "operation {reference} is being voided already, by operation {other} ({outcome})",
        "lo storno dell'operazione {reference} è già in corso, con l'operazione {other} ({outcome:outcome})",
    ),
    Code.NOT_LAST_PAYMENT: (
        "operation {reference} is not the terminal's last payment, and no other can be voided: that is {last}",
        "l'operazione {reference} non è l'ultimo pagamento del terminale, e si storna solo l'ultimo: è {last}",
    ),
    Code.LAST_RESULT_IS_ANOTHER: (
        "operation {reference} is not the terminal's last payment: its last result is an approval with STAN {stan}",
        "l'operazione {reference} non è l'ultimo pagamento del terminale: il suo ultimo esito è un'approvazione con STAN {stan}",
    ),
    Code.CAPTURED_ALREADY: (
        "operation {reference} is captured already, by operation {other} ({outcome})",
        "l'operazione {reference} è già stata chiusa, o lo sarà, con l'operazione {other} ({outcome:outcome})",
    ),
    Code.CODE_CAPTURED_ALREADY: (
        "pre-authorization {preauthorization_code} is captured already, by operation {other} ({outcome})",
        "la preautorizzazione {preauthorization_code} è già stata chiusa, o lo sarà, con l'operazione {other} ({outcome:outcome})",
    ),
    Code.CODE_OF_SEVERAL: (
        "pre-authorization code {preauthorization_code} stands for {count} open operations: {references:all}; none was sent",
        (
            "il codice di preautorizzazione {preauthorization_code} indica {count} operazioni aperte: {references:all}; "
            "non è stato inviato nulla"
        ),
    ),
    Code.NO_PREAUTHORIZATION_CODE: (
        "operation {reference} has no pre-authorization code",
        "l'operazione {reference} non ha un codice di preautorizzazione",
    ),
}
