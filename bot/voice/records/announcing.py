"""Announces a recording or notes aloud. Neither begins before people have heard the announcement."""

from __future__ import annotations

from collections.abc import Callable

from bot.voice.prompt_handles import PromptHandle
from bot.voice.turn import Outcome

MAX_ANNOUNCEMENTS = 3
"""Maximum number of attempts to announce something. An attempt fails if people interrupt the announcement."""
HEARD = (Outcome.SPOKEN, Outcome.WRITTEN)
"""The outcomes of an announcement after which people know what was announced."""


async def announce_until_heard(recite: Callable[[str], PromptHandle], spoken: str) -> Outcome:
    """Speak an announcement, and speak it again if it was interrupted: :data:`MAX_ANNOUNCEMENTS` times at most.

    Returns how the last attempt ended. If that is one of :data:`HEARD`, people know what was announced.
    """
    outcome = Outcome.INTERRUPTED
    for _ in range(MAX_ANNOUNCEMENTS):
        outcome = await recite(spoken).played
        if outcome is not Outcome.INTERRUPTED:
            break
    return outcome
