"""What is written in the prompt channel of a call, one thing after the other, behind whoever has something to say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from bot.voice.events import NoticePosted, Watcher
from bot.voice.transport import PromptChannel
from bot.voice.turn import Prompt

_log = logging.getLogger(__name__)


class Notices:
    """Writes in the order in which it is told; :meth:`run` lives as long as the call. Belongs to the event loop."""

    def __init__(self, channel: PromptChannel, watch: Watcher) -> None:
        self._channel = channel
        self._watch = watch
        # Not the coroutines themselves: what waits when the call ends, or was said before it began, is never begun.
        self._waiting: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        """Write something, as an answer to ``prompt`` where there is one."""
        self._watch(NoticePosted(text))
        self._waiting.put_nowait(partial(self._channel.tell, text, prompt))

    async def announce(self, text: str) -> None:
        """Write something at once; returns when people can read it, and raises what the channel raises."""
        await self._channel.tell(text)
        self._watch(NoticePosted(text))

    def acknowledge(self, prompt: Prompt) -> None:
        """Show who wrote a prompt that it was taken."""
        self._waiting.put_nowait(partial(self._channel.acknowledge, prompt))

    async def run(self) -> None:
        """Write until cancelled; what can't be written is logged."""
        while True:
            write = await self._waiting.get()
            try:
                await write()
            except Exception:
                _log.exception("Could not write in the prompt channel")
