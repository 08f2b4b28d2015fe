"""Delivery of one frame: ACK, NAK, silence, transmissions (exchange.md §3 and §4)."""

from __future__ import annotations

from enum import Enum

TRANSMISSIONS = 3
NAKS_WITHOUT_A_GOOD_FRAME = 3
"""How many bad stretches in a row are answered with a NAK: as many as a terminal repeats a message."""


class LinkState(str, Enum):
    """Where the delivery stands."""

    IDLE = "idle"
    WAITING = "waiting"
    """Written; neither ACK nor NAK yet."""
    PAUSING = "pausing"
    """Refused with a NAK; the same frame goes out again after a pause."""
    UNHEARD = "unheard"
    """Silence, and the frame is not sent again: its fate is unknown, an ACK may still come."""
    STOPPED = "stopped"
    """Refused with a NAK, and yet the terminal is at work: the frame is not sent again."""
    DELIVERED = "delivered"
    REFUSED = "refused"


class LinkInput(str, Enum):
    """What can happen to a delivery. `more` and `last` say whether a transmission is left."""

    START = "start"
    ACK = "ack"
    NAK_MORE = "nak, transmissions left"
    NAK_LAST = "nak, last transmission"
    NAK_AT_WORK = "nak after a sign of life"
    NAK_LATE = "late nak of the only transmission"
    LIFE = "sign of life"
    SILENCE_REPEATED = "silence, repeatable and transmissions left"
    SILENCE_FINAL = "silence, never repeated or last transmission"
    PAUSE_OVER = "pause over"


LINK_TRANSITIONS: dict[tuple[LinkState, LinkInput], LinkState] = {
    (LinkState.IDLE, LinkInput.START): LinkState.WAITING,
    (LinkState.WAITING, LinkInput.ACK): LinkState.DELIVERED,
    (LinkState.WAITING, LinkInput.NAK_MORE): LinkState.PAUSING,
    (LinkState.WAITING, LinkInput.NAK_LAST): LinkState.REFUSED,
    (LinkState.WAITING, LinkInput.SILENCE_REPEATED): LinkState.WAITING,
    (LinkState.WAITING, LinkInput.SILENCE_FINAL): LinkState.UNHEARD,
    (LinkState.PAUSING, LinkInput.PAUSE_OVER): LinkState.WAITING,
    (LinkState.PAUSING, LinkInput.ACK): LinkState.DELIVERED,
    (LinkState.WAITING, LinkInput.NAK_AT_WORK): LinkState.STOPPED,
    (LinkState.PAUSING, LinkInput.LIFE): LinkState.STOPPED,
    (LinkState.STOPPED, LinkInput.ACK): LinkState.DELIVERED,
    (LinkState.UNHEARD, LinkInput.ACK): LinkState.DELIVERED,
    (LinkState.UNHEARD, LinkInput.NAK_LATE): LinkState.REFUSED,
}
"""Whatever does not stand here changes nothing. Entering WAITING writes the frame."""


class Link:
    """One frame's delivery. `repeatable` frames are sent again on silence too; the others on a NAK only."""

    def __init__(self, *, repeatable: bool, ack_timeout: float, nak_pause: float) -> None:
        self.state = LinkState.IDLE
        self.repeatable = repeatable
        self.ack_timeout = ack_timeout
        self.nak_pause = nak_pause
        self.transmissions = 0
        self.naks = 0
        self.at_work = False
        self.wake_at: float | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether a valid ACK came."""
        return self.state is LinkState.DELIVERED

    @property
    def refused(self) -> bool:
        """Whether every transmission was answered with a valid NAK: proof that the frame was not taken (exchange.md §4)."""
        return self.state is LinkState.REFUSED and self.naks == self.transmissions

    def start(self) -> bool:
        """Begin; True: write the frame now."""
        return self._take(LinkInput.START)

    @property
    def gave_up(self) -> bool:
        """Whether the last transmission was refused."""
        return self.state is LinkState.REFUSED

    @property
    def unheard(self) -> bool:
        """Whether the frame met silence and is not sent again."""
        return self.state is LinkState.UNHEARD

    @property
    def outstanding(self) -> bool:
        """Whether a transmission was made that the terminal may still take or has taken."""
        return self.state not in (LinkState.IDLE, LinkState.PAUSING, LinkState.STOPPED, LinkState.REFUSED)

    @property
    def stopped(self) -> bool:
        """Whether the frame was refused and is not sent again, because the terminal is at work all the same."""
        return self.state is LinkState.STOPPED

    @property
    def pausing_after_nak(self) -> bool:
        """Whether every transmission so far was refused and none is under way."""
        return self.state is LinkState.PAUSING and self.naks == self.transmissions

    def written(self, now: float) -> bool:
        """Start the wait for the ACK: the frame's bytes were written at `now`. False where the wait runs already."""
        if self.state is not LinkState.WAITING or self.wake_at is not None:
            return False
        self.wake_at = now + self.ack_timeout
        return True

    def ack(self) -> bool:
        """Take a valid ACK; False where it changes nothing."""
        before = self.state
        self._take(LinkInput.ACK)
        return self.state is not before

    def nak(self, now: float) -> bool:
        """Take a valid NAK; False where it proves nothing (after an ACK, while the pause runs, after silence but for the late one below).

        A NAK that comes after the wait for an ACK is over refuses the frame only if it was transmitted once (exchange.md §4).
        """
        if self.state is LinkState.UNHEARD and self.transmissions == 1 and not self.at_work:
            self.naks += 1
            self._take(LinkInput.NAK_LATE)
            return True
        if self.state is not LinkState.WAITING:
            return False
        self.naks += 1
        if self.at_work:
            self._take(LinkInput.NAK_AT_WORK)
            return True
        last = self.transmissions == TRANSMISSIONS
        self._take(LinkInput.NAK_LAST if last else LinkInput.NAK_MORE)
        if not last:
            self.wake_at = now + self.nak_pause
        return True

    def sign_of_life(self) -> None:
        """Take note that the terminal seems to be at work on the frame: from then on a NAK proves nothing, and it is not sent again.

        A repeatable frame does no harm twice: nothing changes.
        """
        if not self.repeatable:
            self.at_work = True
            self._take(LinkInput.LIFE)

    def wake(self, now: float) -> bool:
        """Tell that `now` is here; True: write the frame again."""
        if self.wake_at is None or now < self.wake_at:
            return False
        if self.state is LinkState.PAUSING:
            return self._take(LinkInput.PAUSE_OVER)
        again = self.repeatable and self.transmissions < TRANSMISSIONS
        return self._take(LinkInput.SILENCE_REPEATED if again else LinkInput.SILENCE_FINAL)

    def _take(self, happened: LinkInput) -> bool:
        following = LINK_TRANSITIONS.get((self.state, happened))
        if following is None:
            return False
        self.state = following
        self.wake_at = None
        if following is LinkState.WAITING:
            self.transmissions += 1
            return True
        return False


class BadStretches:
    """Tells which bytes that are no valid frame are answered with a NAK: once per stretch, and not for ever."""

    def __init__(self) -> None:
        self._open = False
        self._naks = 0

    def good_frame(self) -> None:
        """Take note of a valid frame: it ends a stretch."""
        self._open = False
        self._naks = 0

    def take(self, *, whole: bool) -> bool:
        """Tell whether to answer with a NAK. `whole`: a frame with a wrong LRC, which ends its stretch itself, and no noise."""
        answered = not self._open and self._naks < NAKS_WITHOUT_A_GOOD_FRAME
        self._open = not whole
        self._naks += answered
        return answered
