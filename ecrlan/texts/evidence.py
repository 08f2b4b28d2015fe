"""What each code of `ecrlan.model.codes` says, in English and in Italian: the same places in both.

A place names a value of the code, and behind a colon how it is written: `eur` and `of_eur` cents as euros, `times` how often, `result` a
result by its STAN, `terminal` a terminal by its TID or where it stands, `holder` who has it, `either` and `all` a list, `offset` seconds by
which a clock is wrong, `outcome`, `ended`, `kind` and `kinds` their words. A value that is evidence itself is said in the same language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecrlan.model.codes import Code
from ecrlan.texts.allowed import ALLOWED
from ecrlan.texts.daemon import DAEMON
from ecrlan.texts.journal import JOURNAL
from ecrlan.texts.refusals import REFUSALS

WORDS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.TERMINAL_WORDS: ("{text}", "{text}"),
    Code.NOTE: ("{text}", "{text}"),
    Code.PROSE: ("{text}", "{text}"),
    # what the last result proves
    Code.NEVER_SETTLED: (
        "a lost answer to {request} is never settled by the last result",
        "una risposta persa a {request} non si chiarisce con l'ultimo esito",
    ),
    Code.NAK_AND_SILENCE: (
        "a transmission was refused (NAK), and later the answer was lost: the last result proves nothing",
        "un invio è stato respinto (NAK), e poi la risposta è andata persa: l'ultimo esito non prova nulla",
    ),
    Code.NO_BASELINE: (
        "the terminal's last result before the request is not known",
        "l'ultimo esito del terminale prima della richiesta non è noto",
    ),
    Code.BASELINE_OF_ANOTHER: (
        "the last result before the request is that of TID {terminal_id}",
        "l'ultimo esito prima della richiesta è del TID {terminal_id}",
    ),
    Code.NO_LAST_RESULT: ("the terminal gave no last result", "il terminale non ha dato l'ultimo esito"),
    Code.NO_LAST_RESULT_FOR: ("the terminal gave no last result ({cause})", "il terminale non ha dato l'ultimo esito ({cause})"),
    Code.LAST_RESULT_UNREADABLE: ("the last result cannot be read ({cause})", "l'ultimo esito non si può leggere ({cause})"),
    Code.NOT_ASKED: ("the terminal could not be asked: {cause}", "non si è potuto chiedere al terminale: {cause}"),
    Code.CLOCK_NOT_ASKED: (
        "the terminal's last result changed, and its clock could not be asked",
        "l'ultimo esito del terminale è cambiato, e non si è potuto chiedere il suo orologio",
    ),
    Code.ANOTHER_ANSWERS: (
        "TID {terminal_id} answers, and the request was sent to {identity:terminal}",
        "risponde il TID {terminal_id}, e la richiesta era per {identity:terminal}",
    ),
    Code.SENT_TO_ANOTHER: (
        "it was sent to {identity:terminal}, and {terminal} is {now:terminal} now",
        "era per {identity:terminal}, e {terminal} adesso è {now:terminal}: ciò che dice non prova nulla",
    ),
    Code.FROM_BEFORE: (
        "it is from before the journal was restored or copied: what the terminal says now proves nothing about it",
        "è di prima che il giornale fosse ripristinato o copiato: ciò che il terminale dice adesso non prova nulla",
    ),
    Code.UNCHANGED: (
        "the terminal's last result is unchanged ({stan:result}): probably not performed",
        "l'ultimo esito del terminale è rimasto lo stesso ({stan:result}): probabilmente non eseguita",
    ),
    Code.UNCHANGED_NO_ACK: (
        "the terminal's last result is unchanged ({stan:result}) {seconds} s after the line's end, and the request met no ACK",
        (
            "l'ultimo esito del terminale è rimasto lo stesso ({stan:result}) {seconds} s dopo la fine del collegamento, e la richiesta "
            "non ha avuto ACK"
        ),
    ),
    Code.CHANGED_TO_OURS: (
        "the terminal's last result changed from {before:result} to {after:result}",
        "l'ultimo esito del terminale è cambiato da {before:result} a {after:result}",
    ),
    Code.CHANGED_TO_OURS_BY_AMOUNT: (
        "the terminal's last result changed from {before:result} to {after:result}, amount {amount:eur} as asked",
        "l'ultimo esito del terminale è cambiato da {before:result} a {after:result}, importo {amount:eur} come richiesto",
    ),
    Code.CHANGED_NOT_OURS: (
        "the terminal's last result changed ({before:result} to {after:result}), but {doubt}",
        "l'ultimo esito del terminale è cambiato (da {before:result} a {after:result}), ma non è certo che sia questo: {doubt}",
    ),
    # why a changed last result may not be ours
    Code.OTHER_FORM: (
        "{letter} of {length} bytes is not the answer to {request}",
        "{letter} di {length} byte non è la risposta a {request}",
    ),
    Code.RESULT_SAYS_NEITHER: (
        "its result code {result} says neither approved nor declined",
        "il suo esito {result} non dice né approvata né rifiutata",
    ),
    Code.NO_STAN: ("it has no STAN", "non ha STAN"),
    Code.STAN_FROM_BEFORE: ("it carries the STAN from before", "ha lo STAN di prima"),
    Code.STAN_OF_ANOTHER: ("its STAN {stan} belongs to another operation", "il suo STAN {stan} è di un'altra operazione"),
    Code.STANS_ANEW: (
        "its STAN {stan} is not beyond {previous}: STANs started anew",
        "il suo STAN {stan} non viene dopo {previous}: gli STAN sono ricominciati",
    ),
    Code.STANS_MISSING: (
        "STANs are missing between {previous} and {stan}: somebody else may have used the terminal",
        "mancano STAN tra {previous} e {stan}: qualcun altro può aver usato il terminale",
    ),
    Code.BY_HAND_STAN_NOT_NEXT: (
        "the terminal is used by hand too, and the STAN is not the next one",
        "il terminale si usa anche a mano, e lo STAN non è il successivo",
    ),
    Code.BY_HAND_NO_ACK: (
        "the terminal is used by hand too, and our request met no ACK",
        "il terminale si usa anche a mano, e la nostra richiesta non ha avuto ACK",
    ),
    Code.BY_HAND_REFUSAL: (
        "the terminal is used by hand too, and a refusal may repeat the STAN of a payment before it",
        "il terminale si usa anche a mano, e un rifiuto può ripetere lo STAN di un pagamento precedente",
    ),
    Code.BY_HAND_NO_AMOUNT: (
        "the terminal is used by hand too, and there is no amount to compare",
        "il terminale si usa anche a mano, e non c'è un importo da confrontare",
    ),
    Code.OTHER_AMOUNT: (
        "its amount is {amount:eur} instead of {asked:eur}",
        "il suo importo è di {amount:eur} invece di {asked:eur}",
    ),
    Code.NO_HOST_TIME: ("it has no host time", "non ha ora dell'host"),
    Code.CLOCK_CONTRADICTED: (
        "the terminal's clock contradicts what was known of it",
        "l'orologio del terminale contraddice quello che se ne sapeva",
    ),
    Code.HOST_TIME_NO_DAY: ("its host time is no day of this year", "la sua ora non è un giorno di quest'anno"),
    Code.HOST_TIME_BEFORE: ("its host time lies before the request", "la sua ora è precedente alla richiesta"),
    Code.HOST_TIME_AFTER: (
        "its host time lies after the time in which the request can have been performed",
        "la sua ora è successiva al tempo in cui la richiesta può essere stata eseguita",
    ),
    # how an exchange ended
    Code.ANSWERED: ("answered", "risposta arrivata"),
    Code.ANSWERED_LATE: ("answered after its time limit", "risposta arrivata dopo il tempo massimo"),
    Code.ACKNOWLEDGED: ("acknowledged", "confermata"),
    Code.REFUSED: ("refused {times:times} (NAK)", "respinta {times:times} (NAK)"),
    Code.REFUSED_THEN_LOST: (
        "refused {times:times} (NAK), then the line was lost",
        "respinta {times:times} (NAK), poi il collegamento è caduto",
    ),
    Code.REFUSED_THEN_TIME_OVER: (
        "refused {times:times} (NAK), then its time limit was over",
        "respinta {times:times} (NAK), poi il tempo massimo è finito",
    ),
    Code.REFUSED_THEN_SILENCE: (
        "refused (NAK), but another transmission met silence",
        "respinta (NAK), ma un altro invio è rimasto senza risposta",
    ),
    Code.RESULT_AFTER_REFUSAL: (
        "a result came after its request was refused (NAK)",
        "è arrivato un esito dopo il rifiuto (NAK) della richiesta",
    ),
    Code.NOT_ANSWERED: ("no answer to {transmissions} transmissions", "nessuna risposta a {transmissions} invii"),
    Code.LINE_LOST: ("the line was lost", "il collegamento è caduto"),
    Code.LINE_LOST_UNWRITTEN: (
        "the line was lost before anything was written",
        "il collegamento è caduto prima di scrivere qualcosa",
    ),
    Code.TIME_OVER: ("no result within its time limit", "nessun esito entro il tempo massimo"),
    Code.TIME_OVER_UNREADABLE: ("no result that can be read: {cause}", "nessun esito leggibile: {cause}"),
    Code.TIME_OVER_HELD: (
        "a refusal like an earlier one came, and the terminal did not say that no payment is running",
        "è arrivato un rifiuto uguale a uno precedente, e il terminale non ha detto che nessun pagamento è in corso",
    ),
    Code.OTHER_LRC: (
        'the terminal answers, but computes its check byte (LRC) in another way: set lrc = "{reading}" for it',
        'il terminale risponde, ma calcola il byte di controllo (LRC) in un altro modo: imposta per esso lrc = "{reading}"',
    ),
    Code.UNREADABLE: (
        "{letter} of {length} bytes cannot be read: {problem}",
        "{letter} di {length} byte non leggibile: {problem}",
    ),
    Code.OTHER_TERMINAL_ID: (
        "the terminal answers as TID {terminal_id}, not as {expected}",
        "il terminale risponde come TID {terminal_id}, non come {expected}",
    ),
    # why a message cannot be read
    Code.UNKNOWN_MESSAGE: ("no message has this code", "nessun messaggio ha questo codice"),
    Code.LENGTHS: ("a message of this kind takes {lengths:either} bytes", "un messaggio di questo tipo ha {lengths:either} byte"),
    Code.LENGTHS_TOLERABLE: (
        "a message of this kind takes {lengths:either} bytes (see tolerate_lengths)",
        "un messaggio di questo tipo ha {lengths:either} byte (vedi tolerate_lengths)",
    ),
    Code.LENGTH_RANGE: (
        "a message of this kind takes {shortest} to {longest} bytes",
        "un messaggio di questo tipo ha da {shortest} a {longest} byte",
    ),
    Code.FIELD_UNREADABLE: (
        "{problem}",
        "un campo non si può leggere: {problem}",
    ),
    Code.COUNT_DOES_NOT_FIT: ("{field} does not fit the message's length", "{field} non corrisponde alla lunghezza del messaggio"),
    Code.VAS_NO_XML: ("the VAS answer is no safe XML: {problem}", "la risposta VAS non è XML sicuro: {problem}"),
    Code.VAS_NO_DOCUMENT: ("the VAS answer is no <ecrres> document", "la risposta VAS non è un documento <ecrres>"),
    # what is not the answer
    Code.NO_ANSWER_TO: ("{letter} does not answer {request}", "{letter} non risponde a {request}"),
    Code.FORM_NO_ANSWER_TO: (
        "{letter} of {length} bytes does not answer {request}",
        "{letter} di {length} byte non risponde a {request}",
    ),
    Code.ONLY_AFTER_ACK: (
        "{letter} of {length} bytes answers {request} only after its ACK",
        "{letter} di {length} byte risponde a {request} solo dopo il suo ACK",
    ),
    Code.SHORT_NO_ANSWER: (
        "{letter} of {length} bytes does not answer X on this terminal: it may be another request's",
        "{letter} di {length} byte non risponde a X su questo terminale: può essere di un'altra richiesta",
    ),
    Code.LAST_RESULT_AGAIN: (
        "the last result once more, before the ACK of the request",
        "di nuovo l'ultimo esito, prima dell'ACK della richiesta",
    ),
    Code.KNOWN_RESULT: ("{stan:result}, a result that is known already", "{stan:result}, un esito già noto"),
    Code.KNOWN_VAS: ("a VAS answer that is known already", "una risposta VAS già nota"),
    Code.OUT_OF_SERIES: (
        "its STAN is not beyond the last one, and nothing shows that STANs started anew",
        "il suo STAN non viene dopo l'ultimo, e nulla mostra che gli STAN siano ricominciati",
    ),
    Code.EQUAL_REFUSAL: ("a refusal that equals an earlier one", "un rifiuto uguale a uno precedente"),
    Code.ANOTHER_EQUAL_REFUSAL: ("another refusal that equals an earlier one", "un altro rifiuto uguale a uno precedente"),
    Code.TOO_SOON: (
        "an approval came too soon for a person with a card, and the result of operation {operation} is still unseen: it may be either's",
        (
            "un'approvazione è arrivata troppo presto, e l'esito dell'operazione {operation} non si è ancora visto: può essere dell'una o "
            "dell'altra"
        ),
    ),
    Code.BEFORE_WRITTEN: ("before its request was written", "prima che la sua richiesta fosse scritta"),
    Code.BEFORE_ACK: (
        "before the ACK of the request, after an exchange that ended without a result",
        "prima dell'ACK della richiesta, dopo uno scambio finito senza esito",
    ),
    Code.ANEW_BEFORE_ACK: (
        "STANs would start anew with it, before the ACK of the request",
        "con esso gli STAN ricomincerebbero, prima dell'ACK della richiesta",
    ),
    Code.STRANGE_TERMINAL_ID: ("TID {terminal_id} instead of {expected}", "TID {terminal_id} invece di {expected}"),
    Code.MALFORMED: (
        "malformed: message {letter} of {length} bytes: {problem}",
        "non leggibile: messaggio {letter} di {length} byte: {problem}",
    ),
    Code.ANOTHER_RESULT: ("another result after the result", "un altro esito dopo l'esito"),
    Code.NOT_BELIEVED_BEFORE: ("a result that was not believed before", "un esito a cui non si era già creduto"),
    Code.STATUS_UNASKED: ("a status that was not asked for", "uno stato non richiesto"),
    Code.RESULT_UNASKED: ("a result that nobody asked for", "un esito che nessuno ha chiesto"),
    Code.DATA_UNASKED: ("additional data that were not asked for", "dati aggiuntivi non richiesti"),
    Code.RECEIPT_BEFORE_ACK: ("a receipt before the ACK of the request", "uno scontrino prima dell'ACK della richiesta"),
    Code.RECEIPT_TOO_LONG: ("a receipt of more than {length} bytes", "uno scontrino di più di {length} byte"),
    Code.PARTS_DIFFER: ("malformed: two different parts with number {number}", "non leggibile: due parti diverse con il numero {number}"),
    Code.PART_NUMBER: (
        "malformed: part number {number}; allowed: 1 to {most}",
        "non leggibile: parte numero {number}; ammesse: da 1 a {most}",
    ),
    Code.VAS_TO_ANOTHER: ("the VAS answer is to {named}, not to {asked}", "la risposta VAS è per {named}, non per {asked}"),
    Code.VAS_TO_NOTHING: (
        "the VAS answer does not say to what, and was expected to {asked}",
        "la risposta VAS non dice a che cosa risponde, e doveva essere per {asked}",
    ),
    **REFUSALS,
    **ALLOWED,
    **JOURNAL,
    **DAEMON,
    # what became of an operation
    Code.DECLINED: ("refused by the terminal", "rifiutata dal terminale"),
    Code.CARD_NOT_PRESENT: ("card not present", "carta non presente"),
    Code.RESULT_UNKNOWN: (
        "the terminal answered with result {result}, which no table knows",
        "esito {result}, che nessuna tabella conosce",
    ),
    Code.ANSWER_SAYS_NEITHER: (
        "the terminal answered with result {result}, which says neither approved nor declined",
        "esito {result}: né approvata né rifiutata",
    ),
    Code.ANSWERED_WITH: ("the terminal answered with result {result}", "il terminale ha risposto con esito {result}"),
    Code.NOT_TAKEN: ("the terminal has not taken the request: {cause}", "il terminale non ha preso in carico la richiesta: {cause}"),
    Code.WORKED_AFTER_REFUSAL: (
        "something came after the request was refused (NAK): it may have been performed",
        "dopo il rifiuto (NAK) della richiesta è arrivato altro: può essere stata eseguita",
    ),
    Code.MORE_THAN_STATUS: (
        "something else than the status came after the request was refused (NAK): it may have been performed",
        "dopo il rifiuto (NAK) della richiesta è arrivato altro che lo stato: può essere stata eseguita",
    ),
    Code.RESULT_LOST: ("the result was lost", "l'esito è andato perso"),
    Code.LEFT_OPEN: (
        "the register was closed while it was under way; its recovery goes on when the register is opened again",
        "la cassa è stata chiusa mentre era in corso; il recupero continua quando la cassa viene riaperta",
    ),
    Code.REGISTER_STOPPED: ("the register stopped before an answer came", "la cassa si è fermata prima della risposta"),
    Code.VAS_WITHOUT_RESULT: (
        "the VAS answer has no RESPID, which says whether it was performed",
        "la risposta VAS non ha RESPID, che dice se è stata eseguita",
    ),
    Code.VAS_RESULT: ("RESPID {result}", "RESPID {result}"),
    # alarms
    Code.RESULT_OF_REFUSED: ("a result came after its request was refused", "è arrivato un esito dopo il rifiuto della richiesta"),
    Code.RESULT_WHILE_SETTLED: (
        "a result came ({outcome:outcome}) while a person's word about it was written down",
        "è arrivato un esito ({outcome:outcome}) mentre si scriveva la parola di una persona su di esso",
    ),
    Code.RESULT_AFTER_OUTCOME: (
        "a result came ({outcome:outcome}) once the operation had its outcome: {told:outcome}",
        "è arrivato un esito ({outcome:outcome}) quando l'operazione aveva già il suo: {told:outcome}",
    ),
    Code.APPROVED_AFTER_REFUSAL: (
        "{told:outcome}, but then the terminal said approved: {amount:eur}, {stan:result}; the customer may have paid",
        "{told:outcome}, ma poi il terminale ha detto approvata: {amount:eur}, {stan:result}; il cliente può aver pagato",
    ),
    Code.USED_BY_HAND: (
        "the terminal's last result is an approval that is not the register's ({stan:result}): it is used by hand, too",
        "l'ultimo esito del terminale è un'approvazione che non è della cassa ({stan:result}): si usa anche a mano",
    ),
    Code.USED_BY_HAND_BEFORE: (
        "the terminal was found to be used by hand, too",
        "si è visto che il terminale si usa anche a mano",
    ),
    Code.MONEY_STOPS: (
        "the terminal answers as TID {terminal_id}, not as {expected}: money stops until a person accepts it",
        "il terminale risponde come TID {terminal_id}, non come {expected}: niente pagamenti finché una persona non lo accetta",
    ),
    Code.HOST_TIMES_WRONG: (
        "the terminal's host times are {seconds:offset}; recovery allows for it, but receipts may show it",
        "le ore dell'host del terminale sono {seconds:offset}; la verifica ne tiene conto, ma può vedersi sugli scontrini",
    ),
    Code.CLOCK_WRONG: (
        "{seconds:offset}; set the terminal's date and time: receipts show them, and recovery compares them",
        "{seconds:offset}; imposta data e ora del terminale: compaiono sugli scontrini, e la verifica le confronta",
    ),
    Code.FLOODED: (
        "more than {frames} frames a second came on its line: they are read slowly, so that no other terminal waits",
        "sulla sua linea sono arrivati più di {frames} frame al secondo: si leggono piano, così nessun altro terminale aspetta",
    ),
    Code.JOURNAL_FAILED: ("{problem}", "{problem}"),
    Code.JOURNAL_DOUBTFUL: (
        "{doubt}: no money is moved until a person accepts the journal",
        "{doubt}: niente pagamenti finché una persona non accetta il giornale",
    ),
    Code.OUTCOME_UNKNOWN: ("its outcome is not known", "il suo esito non è noto"),
    # why a journal is in doubt
    Code.DOUBT_BACKUP: (
        "the journal {path} is a backup, made at {made}: what happened since then is not in it",
        "il giornale {path} è una copia di sicurezza, fatta il {made}: quello che è successo dopo non c'è",
    ),
    Code.DOUBT_NO_EPOCH_FILE: (
        "the file {epoch_file} beside the journal is missing or cannot be read: the journal may be an old copy",
        "il file {epoch_file} accanto al giornale manca o non si legge: il giornale può essere una vecchia copia",
    ),
    Code.DOUBT_MOVED_MACHINE: (
        "the journal {path} was written on another machine before",
        "il giornale {path} è stato scritto prima su un altro computer",
    ),
    Code.DOUBT_COPIED: (
        "the journal {path} is a copy: it is not the file that was written last",
        "il giornale {path} è una copia: non è il file scritto per ultimo",
    ),
    Code.DOUBT_OLDER: (
        "the journal {path} is older than the file {epoch_file} beside it: opened {epoch} times, not {expected}",
        "il giornale {path} è più vecchio del file {epoch_file} accanto: aperto {epoch} volte, non {expected}",
    ),
    Code.DOUBT_OTHER_EPOCH_FILE: (
        "the file {epoch_file} beside the journal belongs to an older state of it: {expected} openings, not {epoch}",
        "il file {epoch_file} accanto al giornale è di un suo stato più vecchio: {expected} aperture, non {epoch}",
    ),
    Code.DOUBT_CUT: (
        "the journal {path} has lost its end: its last event is number {last}, not {expected}; is its log (-wal) gone?",
        "al giornale {path} manca la fine: l'ultimo evento è il numero {last}, non il {expected}; manca il suo log (-wal)?",
    ),
}
