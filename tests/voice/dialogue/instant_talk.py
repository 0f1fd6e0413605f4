"""A conversation in which sound is played in no time: prompts go in, and each reply is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.llm.history import History
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.events import CallEvent, ReplyEnded
from bot.voice.notices import Notices
from bot.voice.ports import Responder
from bot.voice.turn import Prompt
from tests.timing import LIMIT
from tests.voice.doubles import InstantPlayback, RecordingSpeech, UnreadPromptChannel


class InstantTalk:
    """The conversation. ``parts`` are further arguments of :class:`Conversation`."""

    def __init__(self, responder: Responder, speech: RecordingSpeech, **parts: Any) -> None:
        self._ended: asyncio.Queue[ReplyEnded] = asyncio.Queue()
        playback = InstantPlayback()
        self.conversation = Conversation(
            Dialogue(DialogueTexts),
            responder,
            History(),
            speech,
            playback,
            Notices(UnreadPromptChannel(), self._watch),
            watch=self._watch,
            **parts,
        )
        playback.conversation = self.conversation

    def _watch(self, event: CallEvent) -> None:
        if isinstance(event, ReplyEnded):
            self._ended.put_nowait(event)

    async def answer(self, prompt: Prompt) -> ReplyEnded:
        """Say something, and wait until its reply has ended."""
        self.conversation.prompt(prompt)
        return await self.ended()

    async def ended(self) -> ReplyEnded:
        """Wait until the next reply has ended."""
        return await self._ended.get()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hold the conversation while the block runs."""
        running = asyncio.create_task(self.conversation.run())
        try:
            async with asyncio.timeout(LIMIT):
                await asyncio.sleep(0)
                yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
