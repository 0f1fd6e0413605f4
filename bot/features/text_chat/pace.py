"""How fast written answers come."""

from __future__ import annotations

from dataclasses import dataclass

from bot.work_gate import IN_FLIGHT_LIMIT


@dataclass(frozen=True, slots=True)
class ChatPace:
    """In seconds.

    Args:
        edit_interval: between two changes of a growing answer.
        queue_pause: between two answers to what has waited.
        hold_limit: that an answer may take to end by itself once a call begins.
    """

    edit_interval: float = 1.0
    queue_pause: float = 2.0
    hold_limit: float = IN_FLIGHT_LIMIT


USUAL_PACE = ChatPace()
