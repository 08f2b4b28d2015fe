"""Why nothing was sent, in English and in Italian; how it is written is said in `ecrlan.texts.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecrlan.model.evidence import Code

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
        "operation {reference} was sent, or has ended, and cannot be withdrawn; only the terminal's red key ends a running payment",
        (
            "l'operazione {reference} è stata inviata, o è finita, e non può essere ritirata; un pagamento in corso si annulla solo con il "
            "tasto rosso del terminale"
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
}
