"""What the desk says, by name and language; and the register's own words about a loss or a proof, in Italian."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, get_args

from ecrlan.desk.english import ENGLISH
from ecrlan.desk.italian import ITALIAN

if TYPE_CHECKING:
    from ecrlan.journal import Doubt

Language = Literal["en", "it"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

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
    (
        r"something came after the request was refused \(NAK\): it may have been performed",
        "dopo il rifiuto (NAK) della richiesta è arrivato altro: può essere stata eseguita",
    ),
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
        r"a result came \((.*)\) while a person's word about it was written down",
        r"è arrivato un esito (\1) mentre si scriveva la parola di una persona su di esso",
    ),
    (
        r"the terminal is used by hand too, and our request met no ACK",
        "il terminale si usa anche a mano, e la richiesta non ha avuto ACK",
    ),
    (
        r"the terminal is used by hand too, and a refusal may repeat the STAN of a payment before it",
        "il terminale si usa anche a mano, e un rifiuto può ripetere lo STAN di un pagamento precedente",
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
    (r"its host time is no day of this year", "la sua ora non è un giorno di quest'anno"),
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
    (r"refused by the terminal", "rifiutata dal terminale"),
    (r"refused", "rifiutata"),
    (r"answered", "risposta arrivata"),
    (r"answered after its time limit", "risposta arrivata dopo il tempo massimo"),
    (r"no answer to (\d+) transmissions", r"nessuna risposta a \1 invii"),
    (r"the terminal answered with result (\w*)", r"il terminale ha risposto con esito \1"),
    (r"the line was lost before anything was sent: (.*)", r"il collegamento è caduto prima di inviare qualcosa: \1"),
    (r"the line was lost before anything was written", "il collegamento è caduto prima di scrivere qualcosa"),
    (r"the line is closed", "il collegamento è chiuso"),
    (r"cancelled before anything was sent", "annullata prima di inviare qualcosa"),
    (
        r"the register was closed before the terminal was free; nothing was sent",
        "la cassa è stata chiusa prima che il terminale fosse libero; non è stato inviato nulla",
    ),
    (r"the terminal refused to print on the register \(E\)", "il terminale ha rifiutato di stampare sulla cassa (E)"),
    (
        r"something else than the status came after the request was refused \(NAK\): it may have been performed",
        "dopo il rifiuto (NAK) della richiesta è arrivato altro che lo stato: può essere stata eseguita",
    ),
    (
        r"the terminal acknowledged the question for its last result and gave no answer",
        "il terminale ha confermato la domanda sull'ultimo esito e non ha dato risposta",
    ),
    (r"the terminal gave no last result", "il terminale non ha dato l'ultimo esito"),
    (r"the result was lost", "l'esito è andato perso"),
    (r"the terminal opened no line within (\S+) s", r"il terminale non ha aperto un collegamento entro \1 s"),
    (r"no answer within (\S+) s", r"nessuna risposta entro \1 s"),
    (
        r"the register does not listen, and link = listen does not dial",
        "la cassa non attende collegamenti, e con link = listen non ne apre",
    ),
    # what did not belong to it
    (r"TID (\d+) instead of (\d+)", r"TID \1 invece di \2"),
    (r"malformed: (.*)", r"non leggibile: \1"),
    (r"another result after the result", "un altro esito dopo l'esito"),
    (r"a result that was not believed before", "un esito a cui non si era già creduto"),
    (r"another refusal that equals an earlier one", "un altro rifiuto uguale a uno precedente"),
    (r"a refusal that equals an earlier one", "un rifiuto uguale a uno precedente"),
    (r"a status that was not asked for", "uno stato non richiesto"),
    (r"a result after its request was refused \(NAK\)", "un esito dopo il rifiuto (NAK) della richiesta"),
    (r"a result that nobody asked for", "un esito che nessuno ha chiesto"),
    (r"a receipt before the ACK of the request", "uno scontrino prima dell'ACK della richiesta"),
    (r"a receipt of more than (\d+) bytes", r"uno scontrino di più di \1 byte"),
    (r"additional data that were not asked for", "dati aggiuntivi non richiesti"),
    (r"the last result once more, before the ACK of the request", "di nuovo l'ultimo esito, prima dell'ACK della richiesta"),
    (r"STAN (\d+), a result that is known already", r"STAN \1, un esito già noto"),
    (r"(\w) does not answer (\w)", r"\1 non risponde a \2"),
    (r"(\w) of (\d+) bytes does not answer (\w)", r"\1 di \2 byte non risponde a \3"),
    (r"(\w) of (\d+) bytes answers (\w) only after its ACK", r"\1 di \2 byte risponde a \3 solo dopo il suo ACK"),
    (
        r"(\w) of (\d+) bytes does not answer X on this terminal: it may be another request's",
        r"\1 di \2 byte non risponde a X su questo terminale: può essere di un'altra richiesta",
    ),
    (r"before its request was written", "prima che la sua richiesta fosse scritta"),
    (
        r"before the ACK of the request, after an exchange that ended without a result",
        "prima dell'ACK della richiesta, dopo uno scambio finito senza esito",
    ),
    (
        r"STANs would start anew with it, before the ACK of the request",
        "con esso gli STAN ricomincerebbero, prima dell'ACK della richiesta",
    ),
    (
        r"its STAN is not beyond the last one, and nothing shows that STANs started anew",
        "il suo STAN non viene dopo l'ultimo, e nulla mostra che gli STAN siano ricominciati",
    ),
    (r"message (\S+) of (\d+) bytes: (.*)", r"messaggio \1 di \2 byte: \3"),
    (r"no response has this code", "nessuna risposta ha questo codice"),
    (r"a result takes (.*) bytes \(see tolerate_lengths\)", r"un esito ha \1 byte (vedi tolerate_lengths)"),
    (r"a result takes (.*) bytes", r"un esito ha \1 byte"),
    (r"([\d, ]+) or (\d+)", r"\1 o \2"),
    (r"(\w+) does not fit the message's length", r"\1 non corrisponde alla lunghezza del messaggio"),
    (r"two different parts with number (\d+)", r"due parti diverse con il numero \1"),
    (r"part number (\d+); allowed: 1 to (\d+)", r"parte numero \1; ammesse: da 1 a \2"),
    (r"the VAS answer is no <ecrres> document", "la risposta VAS non è un documento <ecrres>"),
    (r"the VAS answer is no safe XML: (.*)", r"la risposta VAS non è XML sicuro: \1"),
    (r"the VAS answer is to nothing, not to (\S*)", r"la risposta VAS non dice a che cosa risponde, e non è per \1"),
    (r"the VAS answer is to (\S*), not to (\S*)", r"la risposta VAS è per \1, non per \2"),
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
