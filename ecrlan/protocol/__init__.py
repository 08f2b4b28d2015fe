"""Time and state, pure: the automata of one frame's delivery and of one exchange, and what recovery can prove."""

from ecrlan.protocol.diagram import states_as_mermaid
from ecrlan.protocol.exchange import Exchange
from ecrlan.protocol.link import Link, LinkState
from ecrlan.protocol.step import Ending, Event, Step, Timing
from ecrlan.protocol.transitions import ExchangeState

__all__ = ["Ending", "Event", "Exchange", "ExchangeState", "Link", "LinkState", "Step", "Timing", "states_as_mermaid"]
