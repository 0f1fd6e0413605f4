"""Works off what has waited: in order, one at a time, with a pause between two answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import discord

from bot.features.text_chat.waiting import WaitingMessage, WaitingMessages
from bot.work_gate import FeatureHeldError

_log = logging.getLogger(__name__)


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
        while (it := await self._waiting.first()) is not None:
            try:
                await self._answer(it)
            except FeatureHeldError:
                return
            except (discord.DiscordServerError, aiohttp.ClientError, OSError) as error:
                _log.warning("Message %d can't be answered now (%s); trying again", it.message, error)
            except Exception:
                _log.exception("Message %d can't be answered", it.message)
                await self._waiting.remove(it.message)
            await self._pause()
