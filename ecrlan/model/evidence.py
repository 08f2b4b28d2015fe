"""What is known of an operation, why something was refused, and what an alarm tells: a code with values, never a sentence.

`ecrlan.texts` words every code in every language; the journal and JSON keep code and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from ecrlan.errors import EcrlanError, MalformedMessageError, Why


class Code(str, Enum):
    """Every code, with the names of its values. A code that was released keeps its meaning: journals hold it for ever."""

    places: tuple[str, ...]
    """The names of its values. Amounts are cents, lengths bytes, `stan` None where a result has none."""

    def __new__(cls, word: str, *places: str) -> Self:
        """Make the code `word`, whose values are called `places`."""
        made = str.__new__(cls, word)
        made._value_ = word
        made.places = places
        return made

    # texts of others, as they are
    TERMINAL_WORDS = "terminal_words", "text"
    """The terminal's or the host's own words."""
    NOTE = "note", "text"
    """What a person wrote who settled it."""
    PROSE = "prose", "text"
    """English words: of a journal that an earlier release wrote, or of an error that has no code of its own."""

    # what the last result proves (recovery)
    NEVER_SETTLED = "never_settled", "request"
    NAK_AND_SILENCE = "nak_and_silence"
    NO_BASELINE = "no_baseline"
    BASELINE_OF_ANOTHER = "baseline_of_another", "terminal_id"
    NO_LAST_RESULT = "no_last_result"
    NO_LAST_RESULT_FOR = "no_last_result_for", "cause"
    LAST_RESULT_UNREADABLE = "last_result_unreadable", "cause"
    NOT_ASKED = "not_asked", "cause"
    CLOCK_NOT_ASKED = "clock_not_asked"
    ANOTHER_ANSWERS = "another_answers", "terminal_id", "identity"
    SENT_TO_ANOTHER = "sent_to_another", "identity", "terminal", "now"
    FROM_BEFORE = "from_before"
    UNCHANGED = "unchanged", "stan"
    UNCHANGED_NO_ACK = "unchanged_no_ack", "stan", "seconds"
    CHANGED_TO_OURS = "changed_to_ours", "before", "after"
    CHANGED_TO_OURS_BY_AMOUNT = "changed_to_ours_by_amount", "before", "after", "amount"
    CHANGED_NOT_OURS = "changed_not_ours", "before", "after", "doubt"

    # why a changed last result may not be ours
    OTHER_FORM = "other_form", "letter", "length", "request"
    RESULT_SAYS_NEITHER = "result_says_neither", "result"
    NO_STAN = "no_stan"
    STAN_FROM_BEFORE = "stan_from_before"
    STAN_OF_ANOTHER = "stan_of_another", "stan"
    STANS_ANEW = "stans_anew", "stan", "previous"
    STANS_MISSING = "stans_missing", "stan", "previous"
    BY_HAND_STAN_NOT_NEXT = "by_hand_stan_not_next"
    BY_HAND_NO_ACK = "by_hand_no_ack"
    BY_HAND_REFUSAL = "by_hand_refusal"
    BY_HAND_NO_AMOUNT = "by_hand_no_amount"
    OTHER_AMOUNT = "other_amount", "amount", "asked"
    NO_HOST_TIME = "no_host_time"
    CLOCK_CONTRADICTED = "clock_contradicted"
    HOST_TIME_NO_DAY = "host_time_no_day"
    HOST_TIME_BEFORE = "host_time_before"
    HOST_TIME_AFTER = "host_time_after"

    # how an exchange ended
    ANSWERED = "answered"
    ANSWERED_LATE = "answered_late"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused", "times"
    REFUSED_THEN_LOST = "refused_then_lost", "times"
    REFUSED_THEN_TIME_OVER = "refused_then_time_over", "times"
    REFUSED_THEN_SILENCE = "refused_then_silence"
    RESULT_AFTER_REFUSAL = "result_after_refusal"
    NOT_ANSWERED = "not_answered", "transmissions"
    LINE_LOST = "line_lost"
    LINE_LOST_UNWRITTEN = "line_lost_unwritten"
    TIME_OVER = "time_over"
    TIME_OVER_UNREADABLE = "time_over_unreadable", "cause"
    TIME_OVER_HELD = "time_over_held"
    OTHER_LRC = "other_lrc", "reading"
    UNREADABLE = "unreadable", "letter", "length", "problem"
    OTHER_TERMINAL_ID = "other_terminal_id", "terminal_id", "expected"

    # why a message cannot be read
    UNKNOWN_MESSAGE = "unknown_message"
    LENGTHS = "lengths", "lengths"
    LENGTHS_TOLERABLE = "lengths_tolerable", "lengths"
    LENGTH_RANGE = "length_range", "shortest", "longest"
    FIELD_UNREADABLE = "field_unreadable", "problem"
    COUNT_DOES_NOT_FIT = "count_does_not_fit", "field"
    VAS_NO_XML = "vas_no_xml", "problem"
    VAS_NO_DOCUMENT = "vas_no_document"

    # what is not the answer
    NO_ANSWER_TO = "no_answer_to", "letter", "request"
    FORM_NO_ANSWER_TO = "form_no_answer_to", "letter", "length", "request"
    ONLY_AFTER_ACK = "only_after_ack", "letter", "length", "request"
    SHORT_NO_ANSWER = "short_no_answer", "letter", "length"
    LAST_RESULT_AGAIN = "last_result_again"
    KNOWN_RESULT = "known_result", "stan"
    KNOWN_VAS = "known_vas"
    OUT_OF_SERIES = "out_of_series"
    EQUAL_REFUSAL = "equal_refusal"
    ANOTHER_EQUAL_REFUSAL = "another_equal_refusal"
    TOO_SOON = "too_soon", "operation"
    BEFORE_WRITTEN = "before_written"
    BEFORE_ACK = "before_ack"
    ANEW_BEFORE_ACK = "anew_before_ack"
    STRANGE_TERMINAL_ID = "strange_terminal_id", "terminal_id", "expected"
    MALFORMED = "malformed", "letter", "length", "problem"
    ANOTHER_RESULT = "another_result"
    NOT_BELIEVED_BEFORE = "not_believed_before"
    STATUS_UNASKED = "status_unasked"
    RESULT_UNASKED = "result_unasked"
    DATA_UNASKED = "data_unasked"
    RECEIPT_BEFORE_ACK = "receipt_before_ack"
    RECEIPT_TOO_LONG = "receipt_too_long", "length"
    PARTS_DIFFER = "parts_differ", "number"
    PART_NUMBER = "part_number", "number", "most"
    VAS_TO_ANOTHER = "vas_to_another", "named", "asked"
    VAS_TO_NOTHING = "vas_to_nothing", "asked"

    # why nothing was sent
    NOTHING_SENT = "nothing_sent", "cause"
    STATUS_UNREADABLE = "status_unreadable", "cause"
    STATUS_REFUSED = "status_refused"
    STATUS_ONLY_ACKED = "status_only_acked"
    STATUS_NOT_FOUND = "status_not_found"
    STATUS_SILENT = "status_silent"
    LAST_RESULT_REFUSED = "last_result_refused"
    LAST_RESULT_ONLY_ACKED = "last_result_only_acked"
    LAST_RESULT_NOT_FOUND = "last_result_not_found"
    LAST_RESULT_SILENT = "last_result_silent"
    TERMINAL_IS = "terminal_is", "word"
    PRINTING_REFUSED = "printing_refused"
    JOURNAL_NOT_WRITTEN = "journal_not_written"
    NOT_CONNECTED = "not_connected", "address", "port", "problem"
    CONNECTION_REFUSED = "connection_refused", "address", "port"
    CONNECTION_SILENT = "connection_silent", "address", "port", "seconds"
    NOT_DIALLED_IN = "not_dialled_in", "address", "port", "seconds"
    NOT_LISTENING = "not_listening", "address", "port"
    LINE_CLOSED = "line_closed"
    CANCELLED = "cancelled"
    LOST_BEFORE_SENDING = "lost_before_sending", "cause"
    REGISTER_CLOSED = "register_closed"
    WITHDRAWN = "withdrawn"
    ALREADY_SENT = "already_sent", "reference", "state"
    REFERENCE_CONFLICT = "reference_conflict", "reference", "known", "asked"
    UNKNOWN_REFERENCE = "unknown_reference", "reference"
    UNKNOWN_TERMINAL = "unknown_terminal", "name", "known"
    OPERATIONS_WITHOUT_TERMINAL = "operations_without_terminal", "operations"
    CANNOT_LISTEN = "cannot_listen", "address", "port", "problem"
    CANNOT_LISTEN_REGISTER = "cannot_listen_register", "address", "port", "problem"
    CANNOT_LISTEN_HTTP = "cannot_listen_http", "address", "port", "problem"
    AMOUNT_IN_CENTS = "amount_in_cents", "given", "cents"
    KEY_TWICE = "key_twice", "key"
    MONEY_HELD = "money_held", "doubt"
    TERMINAL_BUSY = "terminal_busy", "terminal", "holder", "seconds", "waiting"
    TERMINAL_BLOCKED = "terminal_blocked", "terminal", "operation"
    REGISTER_NOT_OPEN = "register_not_open", "way"
    TERMINAL_REPLACED = "terminal_replaced", "terminal"
    BEING_SETTLED = "being_settled", "reference"
    NOT_UNRESOLVED = "not_unresolved", "reference", "outcome"
    BLOCKS_NO_TERMINAL = "blocks_no_terminal", "reference", "outcome"
    NOTHING_IN_DOUBT = "nothing_in_doubt"
    NO_MONEY_WITHOUT_JOURNAL = "no_money_without_journal", "problem"
    LINE_IN_USE = "line_in_use", "terminal", "holder"
    TERMINAL_ID_IN_USE = "terminal_id_in_use", "terminal", "holder"
    ONE_TERMINAL = "one_terminal", "terminal", "other", "terminal_id"
    ANSWERED_AS_ANOTHER = "answered_as_another", "terminal", "terminal_id", "expected"

    # why an operation cannot be voided, increased or captured
    OF_ANOTHER_TERMINAL = "of_another_terminal", "reference", "terminal", "asked"
    OF_ANOTHER_KIND = "of_another_kind", "reference", "kind", "allowed"
    NO_APPROVAL = "no_approval", "reference", "outcome"
    VOID_WITHOUT_STAN = "void_without_stan", "reference"
    PERFORMED_BY_ANOTHER = "performed_by_another", "reference", "identity", "terminal", "now"
    VOIDED_ALREADY = "voided_already", "reference", "other", "outcome"
    BEING_VOIDED = "being_voided", "reference", "other", "outcome"
    NOT_LAST_PAYMENT = "not_last_payment", "reference", "last"
    LAST_RESULT_IS_ANOTHER = "last_result_is_another", "reference", "stan"
    CAPTURED_ALREADY = "captured_already", "reference", "other", "outcome"
    CODE_CAPTURED_ALREADY = "code_captured_already", "preauthorization_code", "other", "outcome"
    CODE_OF_SEVERAL = "code_of_several", "preauthorization_code", "count", "references"
    NO_PREAUTHORIZATION_CODE = "no_preauthorization_code", "reference"
    ALARM_OF_DOUBT = "alarm_of_doubt"
    ALARM_OF_UNRESOLVED = "alarm_of_unresolved", "reference"
    UNKNOWN_ALARM = "unknown_alarm", "alarm"
    NO_OTHER_TERMINAL_ID = "no_other_terminal_id", "terminal"
    NOT_USED_BY_HAND = "not_used_by_hand", "terminal"

    # why an HTTP request is refused
    INTERNAL_ERROR = "internal_error"
    NOTHING_HERE = "nothing_here"
    OTHER_METHOD = "other_method"
    NO_PAGE = "no_page"
    NO_DOCUMENT = "no_document"
    NO_DEMO = "no_demo"
    TOKEN_NEEDED = "token_needed"  # noqa: S105 - a code's word
    TOKEN_READS_ONLY = "token_reads_only"  # noqa: S105 - the same
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - the same
    FOREIGN_HOST = "foreign_host", "host", "allowed"
    FOREIGN_PAGE = "foreign_page"
    HEADER_TWICE = "header_twice", "name"
    HTTP_VERSION = "http_version"
    TOO_MANY_STREAMS = "too_many_streams", "count"
    TOO_MANY_REQUESTS = "too_many_requests", "count"
    BODY_TOO_LARGE = "body_too_large", "most"
    BODY_TOO_SLOW = "body_too_slow", "seconds"
    NO_TIME = "no_time", "place", "text"
    FIELD_REFUSED = "field_refused", "place", "problem"
    FIELD_MISSING = "field_missing", "place"
    FIELD_UNKNOWN = "field_unknown", "place"
    FIELD_NO_NUMBER = "field_no_number", "place"
    FIELD_NO_TEXT = "field_no_text", "place"
    FIELD_TOO_SMALL = "field_too_small", "place", "ge"
    FIELD_TOO_LARGE = "field_too_large", "place", "le"
    FIELD_NONE_OF = "field_none_of", "place", "expected"
    FIELD_OTHER_FORM = "field_other_form", "place", "pattern"
    FIELD_CARD_NUMBER = "field_card_number", "place"

    # why the journal cannot be opened, read or written
    JOURNAL_OWNED = "journal_owned", "path", "owner", "seconds"
    OWNER_PROCESS = "owner_process", "pid", "host", "since"
    OWNER_UNKNOWN = "owner_unknown"
    JOURNAL_LOCK_UNOPENED = "journal_lock_unopened", "path", "problem"
    JOURNAL_LOCK_UNWRITTEN = "journal_lock_unwritten", "path", "problem"
    JOURNAL_FOLDER_MISSING = "journal_folder_missing", "path"
    JOURNAL_FOLDER_CLOSED = "journal_folder_closed", "path", "problem"
    JOURNAL_FOLDER_UNMADE = "journal_folder_unmade", "path", "problem"
    JOURNAL_MISSING = "journal_missing", "path"
    JOURNAL_GONE = "journal_gone", "path", "log"
    JOURNAL_FILE_GONE = "journal_file_gone", "path"
    JOURNAL_IS_FOLDER = "journal_is_folder", "path"
    JOURNAL_READ_ONLY = "journal_read_only", "path"
    JOURNAL_NOT_WRITABLE = "journal_not_writable", "path", "problem"
    JOURNAL_NOT_LOOKED_AT = "journal_not_looked_at", "path", "problem"
    JOURNAL_UNREADABLE = "journal_unreadable", "path", "problem"
    JOURNAL_NOT_READ = "journal_not_read", "problem"
    JOURNAL_DAMAGED = "journal_damaged", "path", "problem"
    JOURNAL_LOG_UNREADABLE = "journal_log_unreadable", "path", "problem"
    JOURNAL_LOG_DAMAGED = "journal_log_damaged", "path", "problem"
    JOURNAL_WITHOUT_LOG = "journal_without_log", "path", "mode"
    NO_JOURNAL = "no_journal", "path"
    DATABASE_OF_ANOTHER = "database_of_another", "path"
    JOURNAL_NEWER = "journal_newer", "path", "version", "known"
    JOURNAL_CLOSED = "journal_closed"
    JOURNAL_HAS_FAILED = "journal_has_failed", "problem"
    JOURNAL_REFUSES = "journal_refuses", "problem"
    DISK_FULL = "disk_full"
    EPOCH_FILE_UNWRITTEN = "epoch_file_unwritten", "path", "problem"
    BACKUP_EXISTS = "backup_exists", "path"
    BACKUP_DAMAGED = "backup_damaged", "problem"
    BACKUP_FAILED = "backup_failed", "path", "problem"
    BACKUPS_NOT_KEPT = "backups_not_kept", "path", "problem"

    # a value that is not allowed, and what is allowed
    INVALID_VALUE = "invalid_value", "place", "value", "allowed"
    ALLOWED_RANGE = "allowed_range", "least", "most"
    ALLOWED_ONE_OF = "allowed_one_of", "words"
    ALLOWED_LISTED = "allowed_listed", "words"
    ALLOWED_AT_LEAST = "allowed_at_least", "least"
    ALLOWED_CENTS_UP_TO = "allowed_cents_up_to", "most"
    ALLOWED_NOT_EMPTY = "allowed_not_empty"
    ALLOWED_PRINTABLE = "allowed_printable"
    ALLOWED_JSON = "allowed_json"
    ALLOWED_TIME_WITH_ZONE = "allowed_time_with_zone"
    ALLOWED_REFERENCE_OF = "allowed_reference_of", "event"
    ALLOWED_CHARACTERS = "allowed_characters", "least", "most"
    ALLOWED_LISTEN = "allowed_listen", "example"
    ALLOWED_TERMINAL_NAME = "allowed_terminal_name"
    ALLOWED_NO_CARD_NUMBER = "allowed_no_card_number"
    ALLOWED_TOKEN_FILE = "allowed_token_file"  # noqa: S105 - a code's word
    ALLOWED_WRITABLE_FILE = "allowed_writable_file", "problem"
    ALLOWED_PEM_FILE = "allowed_pem_file", "problem"
    ALLOWED_PEM_PAIR = "allowed_pem_pair"
    ALLOWED_CERTIFICATE_AND_KEY = "allowed_certificate_and_key", "problem"
    ALLOWED_OWN_MACHINE = "allowed_own_machine", "example"
    ALLOWED_COMMAND_LINE = "allowed_command_line", "problem"
    ALLOWED_URL = "allowed_url"
    ALLOWED_URL_LENGTH = "allowed_url_length", "most"
    ALLOWED_NAMED_HOSTS = "allowed_named_hosts", "hosts"
    ALLOWED_RECIPIENT = "allowed_recipient", "address"
    LINK_LOCAL = "link_local"
    OWN_ADDRESS = "own_address"
    OF_TERMINAL = "of_terminal", "terminal"
    OF_A_TERMINAL = "of_a_terminal"
    ALLOWED_UNUSED_NAME = "allowed_unused_name"
    ALLOWED_STATIC_ADDRESS = "allowed_static_address"
    ALLOWED_HOST = "allowed_host"
    ALLOWED_UNUSED_ADDRESS = "allowed_unused_address", "other"
    ALLOWED_UNUSED_PLACE = "allowed_unused_place", "other"
    ALLOWED_UNUSED_TERMINAL_ID = "allowed_unused_terminal_id", "other"

    # what became of an operation
    DECLINED = "declined"
    CARD_NOT_PRESENT = "card_not_present"
    RESULT_UNKNOWN = "result_unknown", "result"
    ANSWER_SAYS_NEITHER = "answer_says_neither", "result"
    ANSWERED_WITH = "answered_with", "result"
    NOT_TAKEN = "not_taken", "cause"
    WORKED_AFTER_REFUSAL = "worked_after_refusal"
    MORE_THAN_STATUS = "more_than_status"
    RESULT_LOST = "result_lost"
    LEFT_OPEN = "left_open"
    REGISTER_STOPPED = "register_stopped"
    VAS_WITHOUT_RESULT = "vas_without_result"
    VAS_RESULT = "vas_result", "result"

    # alarms
    RESULT_OF_REFUSED = "result_of_refused"
    RESULT_WHILE_SETTLED = "result_while_settled", "outcome"
    APPROVED_AFTER_REFUSAL = "approved_after_refusal", "told", "amount", "stan"
    USED_BY_HAND = "used_by_hand", "stan"
    USED_BY_HAND_BEFORE = "used_by_hand_before"
    MONEY_STOPS = "money_stops", "terminal_id", "expected"
    HOST_TIMES_WRONG = "host_times_wrong", "seconds"
    CLOCK_WRONG = "clock_wrong", "seconds"
    FLOODED = "flooded", "frames"
    JOURNAL_FAILED = "journal_failed", "problem"
    JOURNAL_DOUBTFUL = "journal_doubtful", "doubt"
    OUTCOME_UNKNOWN = "outcome_unknown"

    # why a journal is in doubt
    DOUBT_BACKUP = "doubt_backup", "path", "made"
    DOUBT_NO_EPOCH_FILE = "doubt_no_epoch_file", "epoch_file"
    DOUBT_MOVED_MACHINE = "doubt_moved_machine", "path"
    DOUBT_COPIED = "doubt_copied", "path"
    DOUBT_OLDER = "doubt_older", "path", "epoch_file", "epoch", "expected"
    DOUBT_OTHER_EPOCH_FILE = "doubt_other_epoch_file", "epoch_file", "epoch", "expected"
    DOUBT_CUT = "doubt_cut", "path", "last", "expected"


VERBATIM = frozenset({Code.TERMINAL_WORDS, Code.NOTE, Code.PROSE})
"""Codes whose text is somebody else's: it is shown as it is, in every language."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A code and its values, by name; a value may be an `Evidence` of its own. `ecrlan.words` says it in English or Italian."""

    code: Code
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.code in VERBATIM:
            return str(self.values.get("text", ""))
        told = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.code.value}({told})" if told else self.code.value

    def __hash__(self) -> int:
        return hash(self.code)

    def as_json(self) -> dict[str, Any]:
        """Return code and values as `json.dumps` takes them."""
        return {"code": self.code.value, "values": self.json_values()}

    def json_values(self) -> dict[str, Any]:
        """Return the values as `json.dumps` takes them."""
        return {name: value.as_json() if isinstance(value, Evidence) else value for name, value in self.values.items()}

    def fields(self, name: str) -> dict[str, Any]:
        """Return code and values under two keys of their own: `NAME_code` and `NAME_values`."""
        return {f"{name}_code": self.code.value, f"{name}_values": self.json_values()}


def verbatim(code: Code, text: str) -> Evidence:
    """Return somebody else's text as evidence."""
    return Evidence(code, {"text": text})


def problem_of(error: MalformedMessageError) -> Evidence:
    """Return why a message cannot be read."""
    why = _of_json(*error.problem_why) if error.problem_why is not None else None
    return why if why is not None else verbatim(Code.PROSE, error.problem)


def evidence_of(error: EcrlanError) -> Evidence:
    """Return what an exception says."""
    if isinstance(error, MalformedMessageError):
        return Evidence(Code.UNREADABLE, {"letter": error.message_code or "?", "length": error.length, "problem": problem_of(error)})
    return evidence_of_why(error.why) if error.why is not None else verbatim(Code.PROSE, str(error))


def evidence_of_why(why: Why) -> Evidence:
    """Return a code with its values as evidence; of a code that this release does not know, the code's word."""
    return _of_json(*why) or verbatim(Code.PROSE, why[0])


def read_evidence(data: Mapping[str, Any], name: str) -> Evidence | None:
    """Return the evidence that `fields(name)` has put into `data`; None where there is none.

    Where there are only words under `name`, as earlier releases wrote them, or a code that this release does not know, it is these words.
    """
    found = _of_json(data.get(f"{name}_code"), data.get(f"{name}_values"))
    if found is not None:
        return found
    text = data.get(name) or data.get(f"{name}_code")
    return verbatim(Code.PROSE, text) if isinstance(text, str) else None


def _of_json(code: object, values: object) -> Evidence | None:
    if not isinstance(code, str) or code not in _KNOWN:
        return None
    return Evidence(Code(code), {key: _value(value) for key, value in values.items()} if isinstance(values, Mapping) else {})


def _value(value: object) -> object:
    if not isinstance(value, dict):
        return value
    inner = _of_json(value.get("code"), value.get("values"))
    return inner if inner is not None else verbatim(Code.PROSE, str(value.get("code")))


_KNOWN = frozenset(code.value for code in Code)
