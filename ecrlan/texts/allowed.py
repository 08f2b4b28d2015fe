"""What is allowed in place of a value that is not, in English and in Italian; how it is written is said in `ecrlan.texts.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecrlan.model.codes import Code

ALLOWED: Final[Mapping[Code, tuple[str, str]]] = {
    Code.INVALID_VALUE: (
        "{place}: {value} is not allowed; allowed: {allowed}",
        "{place}: {value} non è ammesso; ammesso: {allowed}",
    ),
    Code.ALLOWED_RANGE: ("{least} to {most}", "da {least} a {most}"),
    Code.ALLOWED_ONE_OF: ("{words:either}", "{words:either}"),
    Code.ALLOWED_LISTED: ("{words:all}", "{words:all}"),
    Code.ALLOWED_AT_LEAST: ("at least {least}", "almeno {least}"),
    Code.ALLOWED_CENTS_UP_TO: ("whole cents up to {most}", "centesimi interi fino a {most}"),
    Code.ALLOWED_NOT_EMPTY: ("not empty", "non vuoto"),
    Code.ALLOWED_PRINTABLE: ("printable characters", "caratteri stampabili"),
    Code.ALLOWED_JSON: ("JSON values", "valori JSON"),
    Code.ALLOWED_TIME_WITH_ZONE: ("a time with its time zone", "un'ora con il suo fuso orario"),
    Code.ALLOWED_REFERENCE_OF: ("an operation's, for {event}", "quello di un'operazione, per {event}"),
    Code.ALLOWED_CHARACTERS: ("{least} to {most} characters", "da {least} a {most} caratteri"),
    Code.ALLOWED_LISTEN: ("ADDRESS:PORT, such as {example}", "INDIRIZZO:PORTA, per esempio {example}"),
    Code.ALLOWED_TERMINAL_NAME: (
        "1 to 64 of A-Z a-z 0-9 _ -, beginning with a letter or digit",
        "da 1 a 64 fra A-Z a-z 0-9 _ -, cominciando con una lettera o una cifra",
    ),
    Code.ALLOWED_DIGITS: ("exactly {count} digits", "esattamente {count} cifre"),
    Code.ALLOWED_TAG_MAP: ("exactly 4 digits or *", "esattamente 4 cifre o *"),
    Code.ALLOWED_AUTO_TAG_MAP: ('"auto" or exactly 4 digits or *', '"auto" o esattamente 4 cifre o *'),
    Code.ALLOWED_REFERENCE: ("1 to 64 of A-Z a-z 0-9 . _ -", "da 1 a 64 fra A-Z a-z 0-9 . _ -"),
    Code.ALLOWED_AMOUNT: (
        "0.01 to 999999.99, always with two decimals: 6.50 or 6,50",
        "da 0,01 a 999999,99, sempre con due decimali: 6,50 o 6.50",
    ),
    Code.ALLOWED_CENTS: ("whole cents from {least} to {most}", "centesimi interi da {least} a {most}"),
    Code.ALLOWED_SECONDS: ("seconds from {least} to {most}", "secondi da {least} a {most}"),
    Code.ALLOWED_NUMBERS: ("numbers from {least} to {most}", "numeri da {least} a {most}"),
    Code.ALLOWED_WHOLE_NUMBERS: ("whole numbers from {least} to {most}", "numeri interi da {least} a {most}"),
    Code.ALLOWED_ASCII: (
        "at most {most} printable ASCII characters",
        "al massimo {most} caratteri ASCII stampabili",
    ),
    Code.ALLOWED_AT_MOST_CHARACTERS: ("at most {most} characters", "al massimo {most} caratteri"),
    Code.ALLOWED_AT_MOST_ITEMS: ("at most {most} items", "al massimo {most} elementi"),
    Code.ALLOWED_AT_MOST_BYTES: ("at most {most} bytes", "al massimo {most} byte"),
    Code.ALLOWED_CHARACTERS_IN_ALL: ("at most {most} characters in all", "al massimo {most} caratteri in tutto"),
    Code.ALLOWED_ONE_CHARACTER: ("at least one character", "almeno un carattere"),
    Code.ALLOWED_CONTENTS: ("one to four contents", "da uno a quattro contenuti"),
    Code.ALLOWED_EACH_ONCE: ("each index once", "ogni indice una volta sola"),
    Code.ALLOWED_CONTENT: ("INDEX=TEXT, INDEX 1 to 5", "INDICE=TESTO, INDICE da 1 a 5"),
    Code.ALLOWED_PARAMETER: ("KEY=VALUE", "CHIAVE=VALORE"),
    Code.ALLOWED_PARAMETERS: ("at most {most} parameters", "al massimo {most} parametri"),
    Code.ALLOWED_OTHER_KEYS: (
        "keys other than {keys:all}, which have arguments of their own",
        "chiavi diverse da {keys:all}, che hanno argomenti propri",
    ),
    Code.ALLOWED_VAS_FUNCTION: (
        "SERVICE_FUNCTION of BPAY, WECHAT, ALIPAY and QR, INQUIRY, REFUND; BPAY_TOTAL, BPAY_CHIUSURA",
        "SERVIZIO_FUNZIONE fra BPAY, WECHAT, ALIPAY e QR, INQUIRY, REFUND; BPAY_TOTAL, BPAY_CHIUSURA",
    ),
    Code.ALLOWED_AMOUNT_FOR: ("an amount, for {function}", "un importo, per {function}"),
    Code.ALLOWED_ORDER_FOR: ("the order's id, for {function}", "l'id dell'ordine, per {function}"),
    Code.ALLOWED_ONE_TARGET: (
        "either the operation's reference or its pre-authorization code",
        "o il riferimento dell'operazione o il suo codice di preautorizzazione",
    ),
    Code.ALLOWED_VOID_TARGET: (
        "one of: the operation's reference, its STAN, or last=True for whichever was the last",
        "uno fra: il riferimento dell'operazione, il suo STAN, oppure last=True per l'ultima, quale che sia",
    ),
    Code.ALLOWED_STAN: ("1 to 6 digits, not 0", "da 1 a 6 cifre, non 0"),
    Code.ALLOWED_ONE_TERMINAL: (
        "one of {terminals:all}: there is more than one terminal",
        "uno fra {terminals:all}: c'è più di un terminale",
    ),
    Code.ALLOWED_DATE_OR_TIME: (
        "a date such as 2026-11-23 or a time such as 2026-11-23T18:44 (Europe/Rome unless it names its zone)",
        "una data come 2026-11-23 o un'ora come 2026-11-23T18:44 (Europe/Rome se non ne indica un altro)",
    ),
    Code.ALLOWED_HEX_OR_FILE: (
        "hexadecimal digits, two for each byte, or the name of a file",
        "cifre esadecimali, due per byte, o il nome di un file",
    ),
    Code.ALLOWED_HEX_OR_READABLE_FILE: (
        "hexadecimal digits, two for each byte, or the name of a file that can be read",
        "cifre esadecimali, due per byte, o il nome di un file che si può leggere",
    ),
    Code.ALLOWED_HEX_LINE: (
        "hexadecimal digits, > or < in front of them, # in front of a remark",
        "cifre esadecimali, precedute da > o <, o # davanti a un commento",
    ),
    Code.ALLOWED_NEW_FILE: (
        "the name of a file that does not exist yet",
        "il nome di un file che non esiste ancora",
    ),
    Code.ALLOWED_READABLE_FILE: ("a file that can be read ({problem})", "un file che si può leggere ({problem})"),
    Code.ALLOWED_USER: (
        "1 to 31 of a-z 0-9 _ -, beginning with a letter or _",
        "da 1 a 31 fra a-z 0-9 _ -, cominciando con una lettera o _",
    ),
    Code.ALLOWED_SETTINGS_FILE: (
        "the name of a settings file that exists",
        "il nome di un file di impostazioni che esiste",
    ),
    Code.ALLOWED_OR_COMMAND: (
        "{allowed}; `ecrlan --help` lists the commands",
        "{allowed}; `ecrlan --help` elenca i comandi",
    ),
    Code.ALLOWED_UTF8: ("text in UTF-8", "testo in UTF-8"),
    Code.ALLOWED_TOML: ("TOML, but: {problem}", "TOML, ma: {problem}"),
    Code.ALLOWED_TABLE: ("a table", "una tabella"),
    Code.ALLOWED_TEXT: ("text", "testo"),
    Code.ALLOWED_IN_QUOTES: ("{allowed}, in quotes", "{allowed}, fra virgolette"),
    Code.ALLOWED_NO_DEFAULT: ("{allowed}; it has no default", "{allowed}; non c'è un valore predefinito"),
    Code.ALLOWED_KNOWN_NAMES: ("known names only ({others})", "solo nomi noti ({others})"),
    Code.ALLOWED_NEAR_NAME: (
        "known names only, perhaps {near} ({others})",
        "solo nomi noti, forse {near} ({others})",
    ),
    Code.ALLOWED_TWO_UNDERSCORES: (
        "the name {name}, with two underscores between section and setting",
        "il nome {name}, con due trattini bassi fra sezione e impostazione",
    ),
    Code.ALLOWED_TERMINAL_NAMES: (
        "names of 1 to 64 of A-Z a-z 0-9 _ -, beginning with a letter or digit",
        "nomi di 1-64 fra A-Z a-z 0-9 _ -, che cominciano con una lettera o una cifra",
    ),
    Code.ALLOWED_OTHER_NAMES: (
        "names that differ in more than case and punctuation from {other:quoted}",
        "nomi che differiscono da {other:quoted} non solo per maiuscole e punteggiatura",
    ),
    Code.ALLOWED_OWN_ADDRESS: ("HOST:PORT, PORT 1 to {most}", "HOST:PORTA, PORTA da 1 a {most}"),
    Code.ALLOWED_LISTEN_ADDRESS: (
        'HOST:PORT, PORT 1 to {most}, or "" to never listen',
        'HOST:PORTA, PORTA da 1 a {most}, o "" per non attendere mai collegamenti',
    ),
    Code.ALLOWED_HOST_AND_PORT: (
        "HOST:PORT, HOST an IP address or a host name, PORT {least} to {most}",
        "HOST:PORTA, HOST un indirizzo IP o un nome host, PORTA da {least} a {most}",
    ),
    Code.ALLOWED_HOST_OR_PORT: (
        "HOST or HOST:PORT, HOST an IP address or a host name, PORT {least} to {most}",
        "HOST o HOST:PORTA, HOST un indirizzo IP o un nome host, PORTA da {least} a {most}",
    ),
    Code.ALLOWED_DIALLED_HOST: (
        'an IP address, or with link = "dial" a host name',
        'un indirizzo IP, o con link = "dial" un nome host',
    ),
    Code.ALLOWED_HOSTS: ("a list of host names and IP addresses", "un elenco di nomi host e indirizzi IP"),
    Code.ALLOWED_HOSTS_AND_PORTS: (
        "a list of host names and IP addresses, each with or without :PORT",
        "un elenco di nomi host e indirizzi IP, ciascuno con o senza :PORTA",
    ),
    Code.ALLOWED_WEB_HOOK: ('an http or https URL, or "" for none', 'un URL http o https, o "" per nessuno'),
    Code.ALL_SETTINGS: ("`ecrlan settings --all` lists them", "`ecrlan settings --all` li elenca"),
    Code.ALLOWED_NO_CARD_NUMBER: (
        "anything that is no full card number, which must not be kept",
        "tutto ciò che non è un numero di carta intero, che non va conservato",
    ),
    Code.ALLOWED_TOKEN_FILE: (
        "a readable file with one token, 32 to 256 of A-Z a-z 0-9 _ -; delete it for a new one",
        "un file leggibile con un token, da 32 a 256 fra A-Z a-z 0-9 _ -; per averne uno nuovo va cancellato",
    ),
    Code.ALLOWED_WRITABLE_FILE: ("a file that can be written ({problem})", "un file che si può scrivere ({problem})"),
    Code.ALLOWED_PEM_FILE: ("a PEM file that can be read ({problem})", "un file PEM che si può leggere ({problem})"),
    Code.ALLOWED_PEM_PAIR: ("a PEM file: certificate and key belong together", "un file PEM: certificato e chiave vanno insieme"),
    Code.ALLOWED_CERTIFICATE_AND_KEY: (
        "a certificate and its key, in PEM ({problem})",
        "un certificato e la sua chiave, in PEM ({problem})",
    ),
    Code.ALLOWED_OWN_MACHINE: (
        "an address of this machine only ({example}), or TLS: set daemon.certificate and daemon.key",
        "un indirizzo solo di questo computer ({example}), oppure TLS: imposta daemon.certificate e daemon.key",
    ),
    Code.ALLOWED_COMMAND_LINE: ("a command line ({problem})", "una riga di comando ({problem})"),
    Code.ALLOWED_URL: (
        "http://HOST… or https://HOST…, without user and password",
        "http://HOST… o https://HOST…, senza utente e password",
    ),
    Code.ALLOWED_URL_LENGTH: ("an address of at most {most} characters", "un indirizzo di {most} caratteri al massimo"),
    Code.ALLOWED_NAMED_HOSTS: (
        "one of the hosts that the settings name: {hosts:all}",
        "uno degli host indicati nelle impostazioni: {hosts:all}",
    ),
    Code.ALLOWED_RECIPIENT: (
        "an address that is not {address}, unless daemon.callback_hosts names it",
        "un indirizzo che non sia {address}, a meno che daemon.callback_hosts lo indichi",
    ),
    Code.LINK_LOCAL: ("a link-local one", "link-local"),
    Code.OWN_ADDRESS: ("the daemon's own", "quello del daemon stesso"),
    Code.OF_TERMINAL: ("that of terminal {terminal}", "quello del terminale {terminal}"),
    Code.OF_A_TERMINAL: ("that of a terminal", "quello di un terminale"),
    Code.ALLOWED_UNUSED_NAME: ("a name that no other terminal has", "un nome che nessun altro terminale ha"),
    Code.ALLOWED_STATIC_ADDRESS: (
        'a static IP address (a host name with link = "dial" only)',
        'un indirizzo IP statico (un nome host solo con link = "dial")',
    ),
    Code.ALLOWED_HOST: ("an IP address or a host name", "un indirizzo IP o un nome host"),
    Code.ALLOWED_UNUSED_ADDRESS: (
        (
            "an address that no other listened terminal has; {other} has it: one terminal takes one name, and two at one address are "
            'told apart by their ports with link = "dial"'
        ),
        (
            "un indirizzo che non ha nessun altro terminale che si collega da sé; lo ha {other}: a un terminale basta un nome, e due allo "
            'stesso indirizzo si distinguono dalle porte con link = "dial"'
        ),
    ),
    Code.ALLOWED_UNUSED_PLACE: (
        "an address and port that no other terminal has; {other} has them: one terminal takes one name",
        "indirizzo e porta che nessun altro terminale ha; li ha {other}: a un terminale basta un nome",
    ),
    Code.ALLOWED_UNUSED_TERMINAL_ID: (
        "a TID that no other terminal has; {other} has it: one terminal takes one name",
        "un TID che nessun altro terminale ha; lo ha {other}: a un terminale basta un nome",
    ),
}
