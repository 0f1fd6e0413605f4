"""Works off what has waited: in order, one at a time, with a pause between two answers."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp
import discord

from bot.features.text_chat.waiting import WaitingMessage, WaitingMessages
from bot.work_gate import FeatureHeldError

_log = logging.getLogger(__name__)

MAX_FAULTS = 3
"""So often a message may make us stumble before it is given up, so that the others get their turn."""


class Backlog:
    """The task that answers waiting messages, while there are any.

    Args:
        answer: answers one and takes it out of the queue; raises ``FeatureHeldError`` where that must not be now.
        pause: waits between two answers.
    """

    def __init__(
        self,
        waiting: WaitingMessages,
        answer: Callable[[WaitingMessage], Awaitable[None]],
        pause: Callable[[], Awaitable[None]],
    ) -> None:
        self._waiting = waiting
        self._answer = answer
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Work it off, unless that goes on already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work_off(), name="answer what has waited")

    async def close(self) -> None:
        """Stop at once; what is not answered yet waits for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work_off(self) -> None:
        faults: Counter[int] = Counter()
        while (it := await self._waiting.first()) is not None:
            try:
                await self._answer(it)
            except FeatureHeldError:
                return
            except (discord.DiscordServerError, aiohttp.ClientError, OSError) as error:
                _log.warning("Message %d can't be answered now (%s); trying again", it.message, error)
            except Exception:
                # A fault of ours; it may be the end of the process that is showing, and nothing is to be lost by that.
                _log.exception("Message %d can't be answered", it.message)
                faults[it.message] += 1
                if faults[it.message] == MAX_FAULTS:
                    await self._waiting.remove(it.message)
            await self._pause()
