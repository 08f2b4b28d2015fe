"""How an emulated terminal behaves: everything that may be set, also while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecrlan.emulator.faults import EVERY_CODE
from ecrlan.emulator.manners import DEFAULT_MANNERS, Manners
from ecrlan.errors import InvalidValueError
from ecrlan.model import CardType, check_digits, check_text

MOST_VAS_PARTS = 3


@dataclass(kw_only=True, eq=False)
class Behaviour:
    """Settings of an emulated terminal. Seconds are those of the `now` that it is given; amounts are cents."""

    manners: Manners = field(default_factory=lambda: Manners(*DEFAULT_MANNERS))
    """What it does otherwise than the pages; plain names are taken, too, and replace the default."""
    stans_in_series: int = 5
    """How many STANs the manner `stan_anew` gives before it starts again from 1, at least 1."""
    host_time_behind_hours: float = 48.0
    """How far the manner `host_time_behind` puts host_time back."""
    late_approval_seconds: float = 2.0
    """Time from the register's ACK of a refusal to the approval of the manner `approval_after_refusal`."""
    worded_release: str = "01.00.14_B2827_2827"
    """Release behind the word of the manners `worded_status` and `not_ready_word`."""
    think_seconds: float = 0.0
    """Time from the request (and its `U`) to the result; 0 = at once, in the same `Actions` as the ACK."""
    progress: tuple[str, ...] = ()
    """Progress texts shown during that time, evenly spread, at most 20 characters each."""
    attended: bool = False
    """Whether a person plays the customer (`EmulatedTerminal.press`): what needs a card waits for card and PIN, whatever its amount."""
    patience_seconds: float = 6.0
    """Time after which an attended terminal goes on by itself at each step."""
    host_seconds: float = 1.0
    """Time that its host takes then."""
    late_seconds: float = 200.0
    """Of the faults `late_result`, `late_charge` and `drop_then_charge`."""
    late_on_any_line: bool = False
    """Whether a late result is sent on whatever line is open by then, not only on that of its request."""
    reboot_seconds: float = 30.0
    """Time for which a restarting terminal closes every line at once."""
    recovery_seconds: float = 0.0
    """Time for which requests are refused after a line was lost in mid-operation (a real one needs about 2 s)."""
    close_after_exchange_seconds: float | None = None
    """When the terminal closes the line after an operation; None = it leaves that to the register."""
    ack_timeout: float = 5.0
    """Silence after which a message is sent again, three transmissions in all."""
    additional_data_timeout: float = 5.0
    """Silence after which an announced `U` is given up."""
    commands: str = EVERY_CODE
    """Codes of the requests that the terminal knows; others are refused with a NAK."""
    printing_modes: tuple[int, ...] = (0, 1)
    """Modes of `E` and `R` that it knows; PAX: 0 to 3."""
    capture_length: int = 176
    """Length of the capture request that it takes: 176, PAX 180."""
    capture_result_length: int = 74
    """Length of its capture result: 74, or 71 without action code."""
    save_verification: bool = False
    """Whether the result of `H` is saved for `G`, too."""
    refuse_empty_last_result: bool = False
    """Whether `G` is refused with a NAK while nothing is saved; otherwise it is answered with a KO result and STAN 000000."""
    terminal_status: int = 2
    software_release: str = "SYSEMV  204"
    merchant: tuple[str, ...] = ("BAR CENTRALE", "VIA ROMA 1", "20121 MILANO")
    """Head of the receipts, at most 24 characters a line."""
    card: str = "4242"
    """Last four digits of the card that customers use."""
    card_type: CardType = CardType.CREDIT
    entry_mode: str = "CLI"
    acquirer_id: str = "00000000034"
    foreign_amount: int | None = None
    """What the fault `foreign_use` charges by hand; None = the amount asked by the request (10.00 where it has none)."""
    host_data: str | None = None
    """What the host returns as additional data; None = a token made from the online_id."""
    host_data_first: bool = False
    """Whether those data come before the receipt."""
    receipt_part_size: int = 200
    """Bytes of a receipt in one `S` message, 1 to 200."""
    vas_parts: int = 1
    """Into how many `K` messages a VAS answer is cut, 1 to 3; more where 1024 bytes a message ask for it."""

    def __post_init__(self) -> None:
        """Refuse what cannot be built into a message."""
        if not isinstance(self.manners, Manners):
            self.manners = Manners(*self.manners)
        if self.stans_in_series < 1:
            raise InvalidValueError("stans_in_series", self.stans_in_series, "at least 1")
        check_text("worded_release", self.worded_release, 200)
        check_digits("card", self.card, 4)
        check_text("acquirer_id", self.acquirer_id, 11)
        for text in self.progress:
            check_text("progress", text, 20)
        for line in self.merchant:
            check_text("merchant", line, 24)
        if set(self.commands) - set(EVERY_CODE):
            raise InvalidValueError("commands", self.commands, f"letters of {EVERY_CODE}")
        if self.capture_length not in (176, 180):
            raise InvalidValueError("capture_length", self.capture_length, "176 or 180")
        if self.capture_result_length not in (71, 74):
            raise InvalidValueError("capture_result_length", self.capture_result_length, "71 or 74")
        if not 1 <= self.vas_parts <= MOST_VAS_PARTS:
            raise InvalidValueError("vas_parts", self.vas_parts, f"1 to {MOST_VAS_PARTS}")
        if not 1 <= self.receipt_part_size <= 200:
            raise InvalidValueError("receipt_part_size", self.receipt_part_size, "1 to 200")
