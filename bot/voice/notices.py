"""Notices: lines about the call that are written into the prompt channel in order, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from bot.voice.events import NoticePosted, Watcher
from bot.voice.transport import PromptChannel
from bot.voice.turn import Prompt

_log = logging.getLogger(__name__)

MAX_WAITING = 100
"""Maximum number of notices that wait to be written. Discord lets a bot write about one a second."""


class Notices:
    """A queue of notices. :meth:`run` writes them during the whole call. Use it only on the event loop.

    While too many wait, new ones are dropped, and the log says so.

    Args:
        channel: the prompt channel, where the notices are written.
        watch: receives an event for each notice.
    """

    def __init__(self, channel: PromptChannel, watch: Watcher) -> None:
        self._channel = channel
        self._watch = watch
        # The queue has functions, not coroutines, because Python warns about coroutines that are never awaited. Notices
        # that still wait when the call ends are never written.
        self._waiting: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(MAX_WAITING)
        self._full = False

    def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        """Queue a notice, as an answer to ``prompt`` if there is one, and to the authors of ``others``."""
        if self._queue(partial(self._channel.tell, text, prompt, others)):
            self._watch(NoticePosted(text))

    async def announce(self, text: str) -> None:
        """Write a notice at once. Returns when people can read it. Errors of the channel are raised."""
        await self._channel.tell(text)
        self._watch(NoticePosted(text))

    def acknowledge(self, prompt: Prompt) -> None:
        """Queue an acknowledgement, which shows the author of a prompt that the bot has accepted it."""
        self._queue(partial(self._channel.acknowledge, prompt))

    def _queue(self, write: Callable[[], Awaitable[None]]) -> bool:
        """Queue a function that writes. Returns False if it was dropped."""
        if self._waiting.full():
            if not self._full:
                _log.warning("%d notices wait to be written, so new ones are dropped", MAX_WAITING)
            self._full = True
            return False
        self._full = False
        self._waiting.put_nowait(write)
        return True

    async def wait_written(self) -> None:
        """Wait until all notices that are queued now are written, while :meth:`run` writes them."""
        await self._waiting.join()

    async def run(self) -> None:
        """Write queued notices until cancelled. Errors are logged."""
        while True:
            write = await self._waiting.get()
            try:
                await write()
            except Exception:
                _log.exception("Could not write in the prompt channel")
            finally:
                self._waiting.task_done()
