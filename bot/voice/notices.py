"""What is written in the prompt channel of a call, one thing after the other, behind whoever has something to say."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable

from bot.voice.events import Told, Watcher
from bot.voice.transport import PromptChannel
from bot.voice.turn import Prompt

_log = logging.getLogger(__name__)


class Notices:
    """Writes in the order in which it is told; :meth:`run` lives as long as the call. Belongs to the event loop."""

    def __init__(self, channel: PromptChannel, watch: Watcher) -> None:
        self._channel = channel
        self._watch = watch
        self._waiting: asyncio.Queue[Awaitable[None]] = asyncio.Queue()

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        """Write something, as an answer to ``prompt`` where there is one."""
        self._watch(Told(text))
        self._waiting.put_nowait(self._channel.tell(text, prompt))

    def acknowledge(self, prompt: Prompt) -> None:
        """Show who wrote a prompt that it was taken."""
        self._waiting.put_nowait(self._channel.acknowledge(prompt))

    async def run(self) -> None:
        """Write until cancelled; what can't be written is logged."""
        try:
            while True:
                notice = await self._waiting.get()
                try:
                    await notice
                except Exception:
                    _log.exception("Could not write in the prompt channel")
        finally:
            while not self._waiting.empty():
                notice = self._waiting.get_nowait()
                if inspect.iscoroutine(notice):
                    notice.close()
