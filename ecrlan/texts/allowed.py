"""What is allowed in place of a value that is not, in English and in Italian; how it is written is said in `ecrlan.texts.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ecrlan.model.evidence import Code

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
        "a static IP address (a host name with link = dial only)",
        "un indirizzo IP statico (un nome host solo con link = dial)",
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
