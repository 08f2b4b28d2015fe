"""What the desk says, in English and Italian. Each text has the same name and the same places in both languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from ecrlan.journal import Doubt

Language = Literal["en", "it"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

ENGLISH = {
    # names and outcomes
    "kind.status": "status",
    "kind.purchase": "purchase",
    "kind.void": "void",
    "kind.preauthorize": "pre-authorization",
    "kind.increment": "increment",
    "kind.capture": "capture",
    "kind.verify_card": "card verification",
    "kind.totals": "totals",
    "kind.close_session": "closing of the session",
    "kind.last_result": "last result",
    "kind.reprint": "reprint",
    "kind.vas": "other payment method",
    "outcome.approved": "approved",
    "outcome.declined": "declined",
    "outcome.not_performed": "not performed",
    "outcome.unresolved": "unresolved",
    "outcome.done": "done",
    "outcome.queued": "queued",
    "outcome.sending": "sent",
    "outcome.accepted": "taken by the terminal",
    "outcome.recovering": "being recovered",
    # the list
    "column.time": "time",
    "column.outcome": "outcome",
    "column.amount": "amount",
    "column.kind": "operation",
    "column.terminal": "terminal",
    "column.reference": "reference",
    "list.none": "no operation fits",
    "list.more": "only the newest {count}: --limit shows more",
    "list.incomplete": "Warning, something may be missing here: {problem}.",
    "doubt.backup": "the journal {path} is a backup, made at {made}: what happened since then is not in it",
    "doubt.no_epoch_file": "the file {epoch_file} beside the journal is missing or cannot be read: the journal may be an old copy",
    "doubt.moved_machine": "the journal {path} was written on another machine before",
    "doubt.copied": "the journal {path} is a copy: it is not the file that was written last",
    "doubt.older": "the journal {path} is older than the file {epoch_file} beside it: opened {epoch} times, not {expected}",
    "doubt.other_epoch_file": "the file {epoch_file} beside the journal belongs to an older state of it: {expected} openings, not {epoch}",
    "doubt.cut": "the journal {path} has lost its end: its last event is number {last}, not {expected}; is its log (-wal) gone?",
    "journal.file": "journal",
    "journal.epoch": "epoch",
    "journal.doubt": "in doubt",
    "journal.no_doubt": "nothing",
    "journal.accepted": "accepted by",
    "journal.risk": "Until a person accepts it, no money is moved. Operations that this journal does not know, because they were asked for "
    "since the copy was made, may have been performed; asked for again by the same reference, they would be performed a second time. "
    "Compare the terminal's own list with `ecrlan operations list` first.",
    "journal.command": "Once you have looked: ecrlan journal accept --by NAME --note TEXT",
    "journal.ask": "Use this journal from now on?",
    "journal.done": "Recorded: the journal may be used, says {by}. What the terminal says proves nothing about operations from before.",
    # facts
    "fact.reference": "reference",
    "fact.terminal": "terminal",
    "fact.reason": "reason",
    "fact.evidence": "evidence",
    "fact.stan": "STAN",
    "fact.card": "card",
    "fact.authorization": "authorization",
    "fact.preauthorization_code": "pre-authorization code",
    "fact.host_time": "host time",
    "fact.data": "host data",
    "fact.resolution": "settled by",
    "fact.resolution_text": "{by}, {time}: {note}",
    # what happened
    "head.steps": "What happened",
    "head.receipt": "receipt",
    "step.created": "asked for: {what}",
    "step.sending": "sent to the terminal (request {code})",
    "step.again": "sent again because it was refused (request {code}, transmission {transmission})",
    "step.baseline": "; the terminal's last result until then: STAN {stan}",
    "step.accepted": "the terminal has taken it (ACK)",
    "step.refused": "the terminal has not taken it (NAK)",
    "step.progress": "the terminal shows: {text}",
    "step.answered": "the terminal answered",
    "step.late": "its answer was found afterwards",
    "step.stan": ", STAN {stan}",
    "step.recovering": "the answer was lost ({evidence}): recovery begins",
    "step.finished": "outcome: {outcome}",
    "step.resolved": "settled by hand, {by}: {outcome}; {note}",
    "step.attached": "given to terminal {terminal} by {by}",
    "step.receipt": "the receipt came",
    "step.data": "data from the host: {text}",
    "step.stray": "an answer that does not belong to it was ignored: {text}",
    "step.callback": "whoever asked for it is told how it goes (callback)",
    "step.callback_done": "callback {step}: delivered",
    "step.callback_failed": "callback {step}: not delivered, tries: {tries}",
    "step.other": "{event}",
    "step.times": "{text} ({count} times)",
    # not known yet
    "open.asking": "Asking terminal {terminal} what became of it, up to {seconds:.0f} s (Ctrl-C stops waiting)",
    "open.head": "Its outcome is not known yet: it may still be running on the terminal, or it was interrupted.",
    "open.waiting": "Recovery asked the terminal, and found no proof so far. It gives up after {longest:.0f} s, and only then can a person "
    "settle it. To wait for that: {command}",
    "open.not_asked": "Nobody asked the terminal just now. Recovery runs with this command (--wait SECONDS), and with whatever keeps the "
    "journal open, such as the daemon: {command}",
    "open.hindered": "The terminal was not asked just now: {problem}",
    "open.owned": "The terminal was not asked just now, because another process has the journal; recovery runs there: {problem}",
    "open.no_terminal": "The terminal was not asked just now: the settings do not name {terminal}. Say where it is: {command}",
    "again.command": "To ask the terminal once more: {command}",
    # what to look at
    "head.look": "What to look at on terminal {terminal}",
    "look.do_nothing": "Do not repeat it before this is settled.",
    "look.journal": "The terminal's menu of last operations (journal): is there a {what} at about {time}? Its clock may differ by some "
    "minutes.",
    "look.stan": "The STAN there: the last one before was {before}, so that of this operation would be {expected}. Another number, or a "
    "payment made by hand in between, is another operation.",
    "look.own_stan": "The STAN there: the terminal's answer to this operation named {stan}.",
    "look.no_stan": "The STAN there: the one before is not known, so go by time and amount.",
    "look.void_stan": "It was to reverse the payment with STAN {stan}: does the terminal show that one as reversed?",
    "look.receipt": "The paper: did the terminal print a receipt for it, approved or declined? Its menu prints the last one again.",
    "look.totals": "The totals, which move no money: {command}",
    "look.close": "Its totals: are they zero, or does the last closing stand there at about {time}? {command}",
    "look.vas": "The payment method's own list of the day, on the terminal or in its portal: is there {what} at about {time}?",
    "look.customer": "A message on the customer's phone is a hint and no proof.",
    "look.help": "In doubt call the terminal's service desk with the terminal's number{terminal_id}, date, time and amount.",
    "look.terminal_id": " (TID {terminal_id})",
    # what each answer means
    "head.answers": "What each answer means",
    "answer.approved": "The terminal shows it as approved. The money moved: do not charge again.",
    "answer.not_performed": "The terminal does not show it, or shows it as declined. No money moved: it may be charged anew, with a new "
    "reference. If this answer is wrong, the customer pays twice.",
    "answer.approved.void": "The terminal shows the payment as reversed. The customer gets the money back.",
    "answer.not_performed.void": "The terminal shows no reversal. The payment stands, and may be reversed anew.",
    "answer.approved.preauthorize": "The terminal shows it as approved. The amount is reserved on the card.",
    "answer.not_performed.preauthorize": "The terminal does not show it, or shows it as declined. Nothing is reserved, and it may be asked "
    "for anew.",
    "answer.approved.increment": "The terminal shows it as approved. The amount is reserved on top.",
    "answer.not_performed.increment": "The terminal does not show it, or shows it as declined. Nothing was added, and it may be asked for "
    "anew.",
    "answer.approved.close_session": "The session was closed.",
    "answer.not_performed.close_session": "The session is still open, and may be closed anew.",
    "answer.leave": "Who cannot tell leaves it unresolved: the terminal then takes no further payment from this register.",
    "resolved.done": "Recorded: {reference} counts as {outcome}, says {by}.",
    "attached.done": "Recorded: {reference} belongs to terminal {terminal} from now on, says {by}.",
}

ITALIAN = {
    "kind.status": "stato",
    "kind.purchase": "pagamento",
    "kind.void": "storno",
    "kind.preauthorize": "preautorizzazione",
    "kind.increment": "integrazione",
    "kind.capture": "chiusura preautorizzazione",
    "kind.verify_card": "verifica carta",
    "kind.totals": "totali",
    "kind.close_session": "chiusura contabile",
    "kind.last_result": "ultimo esito",
    "kind.reprint": "ristampa",
    "kind.vas": "altro metodo di pagamento",
    "outcome.approved": "approvata",
    "outcome.declined": "rifiutata",
    "outcome.not_performed": "non eseguita",
    "outcome.unresolved": "esito incerto",
    "outcome.done": "fatto",
    "outcome.queued": "in coda",
    "outcome.sending": "inviata",
    "outcome.accepted": "presa in carico dal terminale",
    "outcome.recovering": "in verifica",
    "column.time": "ora",
    "column.outcome": "esito",
    "column.amount": "importo",
    "column.kind": "operazione",
    "column.terminal": "terminale",
    "column.reference": "riferimento",
    "list.none": "nessuna operazione corrisponde",
    "list.more": "solo le {count} più recenti: --limit ne mostra altre",
    "list.incomplete": "Attenzione, qui può mancare qualcosa: {problem}.",
    "doubt.backup": "il giornale {path} è una copia di sicurezza, fatta il {made}: quello che è successo dopo non c'è",
    "doubt.no_epoch_file": "il file {epoch_file} accanto al giornale manca o non si legge: il giornale può essere una vecchia copia",
    "doubt.moved_machine": "il giornale {path} è stato scritto prima su un altro computer",
    "doubt.copied": "il giornale {path} è una copia: non è il file scritto per ultimo",
    "doubt.older": "il giornale {path} è più vecchio del file {epoch_file} accanto: aperto {epoch} volte, non {expected}",
    "doubt.other_epoch_file": "il file {epoch_file} accanto al giornale è di un suo stato più vecchio: {expected} aperture, non {epoch}",
    "doubt.cut": "al giornale {path} manca la fine: l'ultimo evento è il numero {last}, non il {expected}; manca il suo log (-wal)?",
    "journal.file": "giornale",
    "journal.epoch": "epoca",
    "journal.doubt": "in dubbio",
    "journal.no_doubt": "nulla",
    "journal.accepted": "accettato da",
    "journal.risk": "Finché una persona non lo accetta, non si muove denaro. Operazioni che questo giornale non conosce, perché chieste "
    "dopo che la copia è stata fatta, possono essere state eseguite; chieste di nuovo con lo stesso riferimento sarebbero eseguite una "
    "seconda volta. Prima confrontare l'elenco del terminale con `ecrlan operations list`.",
    "journal.command": "Dopo aver guardato: ecrlan journal accept --by NOME --note TESTO",
    "journal.ask": "Usare questo giornale da ora in poi?",
    "journal.done": "Registrato: il giornale si può usare, lo dice {by}. Ciò che dice il terminale non prova nulla sulle operazioni di "
    "prima.",
    "fact.reference": "riferimento",
    "fact.terminal": "terminale",
    "fact.reason": "motivo",
    "fact.evidence": "prova",
    "fact.stan": "STAN",
    "fact.card": "carta",
    "fact.authorization": "autorizzazione",
    "fact.preauthorization_code": "codice preautorizzazione",
    "fact.host_time": "ora dell'host",
    "fact.data": "dati dell'host",
    "fact.resolution": "deciso da",
    "fact.resolution_text": "{by}, {time}: {note}",
    "head.steps": "Che cosa è successo",
    "head.receipt": "scontrino",
    "step.created": "richiesta: {what}",
    "step.sending": "inviata al terminale (richiesta {code})",
    "step.again": "inviata di nuovo perché respinta (richiesta {code}, invio {transmission})",
    "step.baseline": "; ultimo esito del terminale fino ad allora: STAN {stan}",
    "step.accepted": "il terminale l'ha presa in carico (ACK)",
    "step.refused": "il terminale non l'ha presa in carico (NAK)",
    "step.progress": "il terminale mostra: {text}",
    "step.answered": "il terminale ha risposto",
    "step.late": "la sua risposta è stata trovata in seguito",
    "step.stan": ", STAN {stan}",
    "step.recovering": "la risposta è andata persa ({evidence}): inizia la verifica",
    "step.finished": "esito: {outcome}",
    "step.resolved": "decisa a mano, {by}: {outcome}; {note}",
    "step.attached": "assegnata al terminale {terminal} da {by}",
    "step.receipt": "è arrivato lo scontrino",
    "step.data": "dati dall'host: {text}",
    "step.stray": "ignorata una risposta che non le appartiene: {text}",
    "step.callback": "chi l'ha chiesta viene avvisato di come va (callback)",
    "step.callback_done": "callback {step}: consegnato",
    "step.callback_failed": "callback {step}: non consegnato, tentativi: {tries}",
    "step.other": "{event}",
    "step.times": "{text} ({count} volte)",
    "open.asking": "Chiedo al terminale {terminal} com'è finita, al massimo {seconds:.0f} s (Ctrl-C smette di aspettare)",
    "open.head": "L'esito non è ancora noto: può essere ancora in corso sul terminale, oppure è stata interrotta.",
    "open.waiting": "La verifica ha interrogato il terminale senza trovare finora una prova. Rinuncia dopo {longest:.0f} s, e solo allora "
    "può decidere una persona. Per attendere: {command}",
    "open.not_asked": "Il terminale non è stato interrogato adesso. La verifica si fa con questo comando (--wait SECONDI), e con chi tiene "
    "aperto il giornale, come il daemon: {command}",
    "open.hindered": "Il terminale non è stato interrogato adesso: {problem}",
    "open.owned": "Il terminale non è stato interrogato adesso, perché il giornale è di un altro processo; la verifica si fa lì: {problem}",
    "open.no_terminal": "Il terminale non è stato interrogato adesso: le impostazioni non conoscono {terminal}. Indicare dove si trova: "
    "{command}",
    "again.command": "Per interrogare ancora il terminale: {command}",
    "head.look": "Che cosa guardare sul terminale {terminal}",
    "look.do_nothing": "Non ripeterla prima di aver chiarito.",
    "look.journal": "Il menu delle ultime operazioni del terminale (giornale): c'è un'operazione «{what}» verso il {time}? Il suo orologio "
    "può differire di qualche minuto.",
    "look.stan": "Lo STAN che vi si legge: l'ultimo prima era {before}, quindi quello di questa operazione sarebbe {expected}. Un altro "
    "numero, o un pagamento fatto a mano nel frattempo, è un'altra operazione.",
    "look.own_stan": "Lo STAN che vi si legge: la risposta del terminale a questa operazione indicava {stan}.",
    "look.no_stan": "Lo STAN che vi si legge: quello prima non è noto, quindi valgono ora e importo.",
    "look.void_stan": "Doveva stornare il pagamento con STAN {stan}: il terminale lo mostra come stornato?",
    "look.receipt": "La carta: il terminale ha stampato uno scontrino, approvato o rifiutato? Il suo menu ristampa l'ultimo.",
    "look.totals": "I totali, che non muovono denaro: {command}",
    "look.close": "I totali: sono a zero, o vi si legge l'ultima chiusura verso il {time}? {command}",
    "look.vas": "L'elenco del giorno di quel metodo di pagamento, sul terminale o nel suo portale: c'è «{what}» verso il {time}?",
    "look.customer": "Un messaggio sul telefono del cliente è un indizio, non una prova.",
    "look.help": "Nel dubbio chiamare l'assistenza del terminale, con il numero del terminale{terminal_id}, data, ora e importo.",
    "look.terminal_id": " (TID {terminal_id})",
    "head.answers": "Che cosa significa ogni risposta",
    "answer.approved": "Il terminale la mostra come approvata. Il denaro è stato addebitato: non addebitare di nuovo.",
    "answer.not_performed": "Il terminale non la mostra, o la mostra come rifiutata. Nessun addebito: si può ripetere, con un nuovo "
    "riferimento. Se questa risposta è sbagliata, il cliente paga due volte.",
    "answer.approved.void": "Il terminale mostra il pagamento come stornato. Il cliente riavrà il denaro.",
    "answer.not_performed.void": "Il terminale non mostra lo storno. Il pagamento resta valido, e si può stornare di nuovo.",
    "answer.approved.preauthorize": "Il terminale la mostra come approvata. L'importo è bloccato sulla carta.",
    "answer.not_performed.preauthorize": "Il terminale non la mostra, o la mostra come rifiutata. Nulla è bloccato, e si può chiedere di "
    "nuovo.",
    "answer.approved.increment": "Il terminale la mostra come approvata. Anche questo importo è bloccato.",
    "answer.not_performed.increment": "Il terminale non la mostra, o la mostra come rifiutata. Nulla è stato aggiunto, e si può chiedere "
    "di nuovo.",
    "answer.approved.close_session": "La chiusura è avvenuta.",
    "answer.not_performed.close_session": "La chiusura non è avvenuta, e si può ripetere.",
    "answer.leave": "Chi non può dirlo la lascia incerta: il terminale intanto non accetta altri pagamenti da questa cassa.",
    "resolved.done": "Registrato: {reference} vale come {outcome}, lo dice {by}.",
    "attached.done": "Registrato: {reference} appartiene da ora al terminale {terminal}, lo dice {by}.",
}

TEXTS: dict[Language, dict[str, str]] = {"en": ENGLISH, "it": ITALIAN}

_EVIDENCE = [
    (r"the register stopped before an answer came", "la cassa si è fermata prima della risposta"),
    (
        r"a transmission was refused \(NAK\), and the register stopped before an answer came",
        "un invio è stato respinto (NAK), e la cassa si è fermata prima della risposta",
    ),
    (r"no result within its time limit", "nessun esito entro il tempo massimo"),
    (r"no result that can be read: (.*)", r"nessun esito leggibile: \1"),
    (r"the line was lost", "il collegamento è caduto"),
    (r"refused \(NAK\), but another transmission met silence", "respinta (NAK), ma un altro invio è rimasto senza risposta"),
    (r"a result came after its request was refused \(NAK\)", "è arrivato un esito dopo il rifiuto (NAK) della richiesta"),
    (r"the terminal answered with result (\w+), which says neither approved nor declined", r"esito \1: né approvata né rifiutata"),
    (r"the terminal answered with result (\w+), which no table knows", r"esito \1, che nessuna tabella conosce"),
    (r"the terminal could not be asked: (.*)", r"il terminale non è raggiungibile: \1"),
    (r"the terminal gave no last result \((.*)\)", r"il terminale non ha dato l'ultimo esito (\1)"),
    (
        r"the terminal's last result changed from (.*) to (.*), amount ([0-9.]+) as asked",
        r"l'ultimo esito del terminale è cambiato da \1 a \2, importo \3 come richiesto",
    ),
    (r"the terminal's last result changed from (.*) to (.*)", r"l'ultimo esito del terminale è cambiato da \1 a \2"),
    (
        r"the terminal's last result changed \((.*) to (.*)\), but (.*)",
        r"l'ultimo esito del terminale è cambiato (da \1 a \2), ma non è certo che sia questo [\3]",
    ),
    (
        r"the terminal's last result is unchanged \((.*)\): probably not performed",
        r"l'ultimo esito del terminale è rimasto lo stesso (\1): probabilmente non eseguita",
    ),
    (
        r"the terminal's last result is unchanged \((.*)\) (\d+) s after the line's end, and the request met no ACK",
        r"l'ultimo esito del terminale è rimasto lo stesso (\1) \2 s dopo la fine del collegamento, e la richiesta non ha avuto ACK",
    ),
    (r"the terminal's last result before the request is not known", "l'ultimo esito del terminale prima della richiesta non è noto"),
    (r"the last result before the request is that of TID (\d+)", r"l'ultimo esito prima della richiesta è del TID \1"),
    (r"TID (\d+) answers, and the request was sent to (.*)", r"risponde il TID \1, e la richiesta era per \2"),
    (r"it was sent to (.*), and (.*) is (.*) now", r"era per \1, e \2 adesso è \3: ciò che dice non prova nulla"),
    (r"the terminal at (\S+)", r"il terminale all'indirizzo \1"),
    (
        r"it is from before the journal was restored or copied: what the terminal says now proves nothing about it",
        "è di prima che il registro delle operazioni fosse ripristinato o copiato: ciò che il terminale dice adesso non prova nulla",
    ),
    (r"the last result cannot be read \((.*)\)", r"l'ultimo esito non si può leggere (\1)"),
    (r"(\w) of (\d+) bytes cannot be read: (.*)", r"\1 di \2 byte non leggibile: \3"),
    (
        r"a refusal like an earlier one came, and the terminal did not say that no payment is running",
        "è arrivato un rifiuto uguale a uno precedente, e il terminale non ha detto che nessun pagamento è in corso",
    ),
    (
        r"an approval came too soon for a person with a card, and the result of operation (\S+) is still unseen: it may be either's",
        r"un'approvazione è arrivata troppo presto, e l'esito dell'operazione \1 non si è ancora visto: può essere dell'una o dell'altra",
    ),
    (
        r"the terminal is used by hand too, and our request met no ACK",
        "il terminale si usa anche a mano, e la richiesta non ha avuto ACK",
    ),
    (
        r"the terminal is used by hand too, and the STAN is not the next one",
        "il terminale si usa anche a mano, e lo STAN non è il successivo",
    ),
    (
        r"the terminal is used by hand too, and there is no amount to compare",
        "il terminale si usa anche a mano, e non c'è un importo da confrontare",
    ),
    (
        r"STANs are missing between (\d+) and (\d+): somebody else may have used the terminal",
        r"mancano STAN tra \1 e \2: qualcun altro può aver usato il terminale",
    ),
    (r"its STAN (\d+) is not beyond (\d+): STANs started anew", r"il suo STAN \1 non viene dopo \2: gli STAN sono ricominciati"),
    (r"its STAN (\d+) belongs to another operation", r"il suo STAN \1 è di un'altra operazione"),
    (r"it has no STAN", "non ha STAN"),
    (r"it carries the STAN from before", "ha lo STAN di prima"),
    (r"(\w) without STAN", r"\1 senza STAN"),
    (r"its result code (\w+) says neither approved nor declined", r"il suo esito \1 non dice né approvata né rifiutata"),
    (r"(\w) of (\d+) bytes is not the answer to (\w)", r"\1 di \2 byte non è la risposta a \3"),
    (r"its amount (\d+) instead of (\d+) cents", r"il suo importo è di \1 centesimi invece di \2"),
    (r"amount (\d+) instead of (\d+) cents", r"importo di \1 centesimi invece di \2"),
    (
        r"the terminal's last result changed, and its clock could not be asked",
        "l'ultimo esito del terminale è cambiato, e non si è potuto chiedere il suo orologio",
    ),
    (r"it has no host time", "non ha ora dell'host"),
    (
        r"the terminal's clock contradicts what was known of it",
        "l'orologio del terminale contraddice quello che se ne sapeva",
    ),
    (r"its host time lies before the request", "la sua ora è precedente alla richiesta"),
    (
        r"its host time lies after the time in which the request can have been performed",
        "la sua ora è successiva al tempo in cui la richiesta può essere stata eseguita",
    ),
    (r"the terminal answers as TID (\d+), not as (\d+)", r"il terminale risponde come TID \1, non come \2"),
    (r"the terminal says that it is (.*), and nothing was sent", r"il terminale dice di essere \1, e non è stato inviato nulla"),
    (r"(.*), and nothing was sent", r"\1, e non è stato inviato nulla"),
    (r"the status cannot be read \((.*)\)", r"lo stato non si può leggere (\1)"),
    (r"the terminal refused a status request \(NAK\)", "il terminale ha respinto la richiesta di stato (NAK)"),
    (r"the terminal refused the question for its last result \(NAK\)", "il terminale ha respinto la domanda sull'ultimo esito (NAK)"),
    (r"the terminal did not answer a status request", "il terminale non ha risposto alla richiesta di stato"),
    (r"the terminal did not answer the question for its last result", "il terminale non ha risposto alla domanda sull'ultimo esito"),
    (
        r"the terminal acknowledged a status request and gave no answer",
        "il terminale ha confermato la richiesta di stato e non ha dato risposta",
    ),
    (r"refused once \(NAK\)", "respinta una volta (NAK)"),
    (r"refused (\d+) times \(NAK\), then the line was lost", r"respinta \1 volte (NAK), poi il collegamento è caduto"),
    (r"refused (\d+) times \(NAK\), then its time limit was over", r"respinta \1 volte (NAK), poi il tempo massimo è finito"),
    (
        r"the journal could not be written, so nothing was sent",
        "il registro delle operazioni non si è potuto scrivere, quindi non è stato inviato nulla",
    ),
    (
        r"the VAS answer has no RESPID, which says whether it was performed",
        "la risposta VAS non ha RESPID, che dice se è stata eseguita",
    ),
    (r"a lost answer to (\w) is never settled by the last result", r"una risposta persa a \1 non si chiarisce con l'ultimo esito"),
    (
        r"a transmission was refused \(NAK\) and another was not: the last result proves nothing",
        "un invio è stato respinto (NAK) e un altro no: l'ultimo esito non prova nulla",
    ),
    (r"no line to (\S+) port (\d+): (.*)", r"nessun collegamento con \1 porta \2: \3"),
    (r"the terminal has not taken the request: (.*)", r"il terminale non ha preso in carico la richiesta: \1"),
    (r"refused (\d+) times \(NAK\)", r"respinta \1 volte (NAK)"),
    (r"card not present", "carta non presente"),
]
"""The register's own words and their Italian; what has none stays as it is, for it is a fact all the same."""


def say(language: Language, name: str, **values: object) -> str:
    """Return a text with its places filled."""
    return TEXTS[language][name].format(**values)


def say_doubt(language: Language, doubt: Doubt) -> str:
    """Return in `language` why a journal may not hold all that was done."""
    return say(language, f"doubt.{doubt.code}", **doubt.values)


def say_evidence(language: Language, evidence: str) -> str:
    """Return the register's words about a loss or a proof in `language`."""
    if language == "it":
        for pattern, italian in _EVIDENCE:
            match = re.fullmatch(pattern, evidence, re.DOTALL)
            if match is not None:
                return _fill(italian, [say_evidence(language, part) for part in match.groups()])
    return evidence


def _fill(template: str, parts: list[str]) -> str:
    """Put the parts into the numbered places of a text."""
    return re.sub(r"\\(\d)", lambda place: parts[int(place[1]) - 1], template)
