"""What the operator decides about written answers."""

from __future__ import annotations

from dataclasses import dataclass

from bot.work_gate import IN_FLIGHT_LIMIT


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Defaults and bounds.

    Args:
        channels: names and ids of channels in which every message is answered.
        memory_messages: how many messages of a channel are kept.
        context_messages: how many of them the model sees.
        edit_interval: seconds between two changes of a growing answer.
        queue_pause: seconds between two answers to what has waited.
        hold_limit: seconds that an answer may take to end by itself once a call begins.
    """

    channels: tuple[str, ...] = ()
    memory_messages: int = 200
    context_messages: int = 20
    edit_interval: float = 1.0
    queue_pause: float = 2.0
    hold_limit: float = IN_FLIGHT_LIMIT
