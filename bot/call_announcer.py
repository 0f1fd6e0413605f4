"""Says something to a person in the call that they are in, once the floor is free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from bot.reminders.reminders import Words
from bot.voice.call import Call
from bot.voice.turn import Outcome, Prompt, PromptKind

LIMIT = 90.0
"""Seconds from the request until the whole text must have been said. After that, the rest is given up."""


class CallAnnouncer:
    """Says texts to people in calls over any transport (:class:`~bot.reminders.reminders.Announcer`).

    Args:
        calls: returns the active calls.
        limit: seconds until the whole text must have been said.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        calls: Callable[[], Sequence[Call[Any]]],
        *,
        limit: float = LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._limit = limit
        self._clock = clock

    async def say(self, person: int, server: int, words: Words, private: int | None = None) -> bool:
        """Say something to a person, after the prompts that wait. Cancelling ends it.

        Args:
            person: the user id.
            server: id of the Discord server whose people may hear it; 0 for the page, 1 for the telephone.
            words: makes the text in the language of the call.
            private: id of the only channel whose people may hear it. Then it is said only in a call whose prompts are
                typed there.

        Returns:
            False if the person does not hear a call of this server or channel now, if somebody interrupted the words,
            or if they could not be said in time.
        """
        heard = (call for call in self._calls() if call.server == server and _is_heard(call, person, private))
        call = next(heard, None)
        if call is None:
            return False
        handle = call.say(Prompt("", words(call.language), self._clock(), kind=PromptKind.RECITE, told_to=person))
        try:
            async with asyncio.timeout(self._limit):
                # If the voice fails, the words are written, but that pings nobody. So only spoken words count.
                return await handle.played is Outcome.SPOKEN
        except TimeoutError:
            return False
        finally:
            handle.interrupt()


def _is_heard(call: Call[Any], person: int, private: int | None) -> bool:
    """Whether a person hears the bot in a call. Prompts of the call must be typed in ``private``, if that is given."""
    return bool(call.volume) and call.transport.people.hears(person) and private in (None, call.transport.prompts.id)
