"""Answers waiting messages: in order, one at a time, with a pause between two answers."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

import aiosqlite

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.features.text_chat.waiting import WaitingMessage, WaitingMessages
from bot.work_gate import FeatureHeldError
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

MAX_FAULTS = 3
"""After this number of unexpected errors a message is given up, so that it does not block the others."""


class Backlog:
    """The task that answers waiting messages. It ends when none is left, or when a call begins.

    Args:
        answer: answers a message and removes it from the queue. Raises ``FeatureHeldError`` during a call.
        give_up: removes from the queue a message that can't be answered, and tells its author.
        pause: waits between two answers.
    """

    def __init__(
        self,
        waiting: WaitingMessages,
        answer: Callable[[WaitingMessage], Awaitable[None]],
        give_up: Callable[[WaitingMessage], Awaitable[None]],
        pause: Callable[[], Awaitable[None]],
    ) -> None:
        self._waiting = waiting
        self._answer = answer
        self._give_up = give_up
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start the task, unless it is running."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answer_all(), name="answer what has waited")

    async def close(self) -> None:
        """Cancel the task. Unanswered messages wait for the bot's next start."""
        if self._task is not None:
            await end_tasks(self._task)

    async def _answer_all(self) -> None:
        faults: Counter[int] = Counter()
        while (entry := await self._first()) is not None:
            try:
                await self._answer(entry)
            except FeatureHeldError:
                return
            except DISCORD_ERRORS as error:
                reason = discord_error_detail(error)
                _log.warning("Message %d can't be answered now (%s); trying again", entry.message, reason)
            except aiosqlite.Error as error:
                # If the message were answered without a record in the database, it would be answered twice.
                if not faults[entry.message]:
                    _log.warning("Message %d waits until the database can be used: %s", entry.message, error)
                faults[entry.message] = 1
            except Exception:
                # The cause is a bug, or the bot is shutting down. A shutdown must not lose the message, so a message is
                # removed only after several errors.
                _log.exception("Message %d can't be answered", entry.message)
                faults[entry.message] += 1
                if faults[entry.message] >= MAX_FAULTS:
                    await self._drop(entry)
            await self._pause()

    async def _drop(self, entry: WaitingMessage) -> None:
        try:
            await self._give_up(entry)
        except Exception:
            # The other messages must not wait because of this failure.
            _log.exception("The author of message %d could not be told that it gets no answer", entry.message)

    async def _first(self) -> WaitingMessage | None:
        try:
            return await self._waiting.first()
        except aiosqlite.Error as error:
            _log.warning("Messages that wait for an answer can't be read: %s", error)
            return None
