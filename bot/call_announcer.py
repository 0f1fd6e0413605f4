"""Says something to a person in the current call, once the floor is free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bot.reminders.reminders import Words
from bot.voice.call import Call
from bot.voice.turn import Outcome, Prompt, PromptKind

LIMIT = 90.0
"""Seconds from the request until all of it must have been said. After that, it is given up."""


class CallAnnouncer:
    """The :class:`~bot.reminders.reminders.Announcer` of the current call, over any transport.

    Args:
        active: returns the active call; ``None`` if there is none.
        limit: seconds until all of it must have been said.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        active: Callable[[], Call[Any] | None],
        *,
        limit: float = LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._active = active
        self._limit = limit
        self._clock = clock

    async def say(self, person: int, server: int, words: Words, private: int | None = None) -> bool:
        """Say something to a person, after the prompts that wait. Cancelling ends it.

        Args:
            person: the user id.
            server: id of the Discord server whose people may hear it; 0 outside Discord.
            words: makes the text in the language of the call.
            private: id of the channel whose people alone may hear it: it is said if prompts are typed there.

        Returns:
            False if the person does not hear a call of this server or channel now, or if somebody interrupted it, or
            if it could not be said in time.
        """
        call = self._active()
        if call is None or call.server != server or not call.volume or not call.transport.people.hears(person):
            return False
        if private is not None and call.transport.prompts.id != private:
            return False
        handle = call.say(Prompt("", words(call.language), self._clock(), kind=PromptKind.RECITE))
        try:
            async with asyncio.timeout(self._limit):
                # Words that were written because the voice failed ping nobody.
                return await handle.played is Outcome.SPOKEN
        except TimeoutError:
            return False
        finally:
            handle.interrupt()
