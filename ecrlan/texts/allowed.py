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
    Code.ALLOWED_CHARACTERS: ("{least} to {most} characters", "da {least} a {most} caratteri"),
    Code.ALLOWED_LISTEN: ("ADDRESS:PORT, such as {example}", "INDIRIZZO:PORTA, per esempio {example}"),
    Code.ALLOWED_TERMINAL_NAME: (
        "1 to 64 of A-Z a-z 0-9 _ -, beginning with a letter or digit",
        "da 1 a 64 fra A-Z a-z 0-9 _ -, cominciando con una lettera o una cifra",
    ),
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
