"""What is spoken in a call: the language that the next reply is most likely in."""

from __future__ import annotations

import asyncio

from bot.voice.turn import Prompt
from languages.guess import LanguageGuesser
from languages.names import LANGUAGES


class ConversationLanguage:
    """Learns from each prompt and answer; the last one that told its language counts. Belongs to the event loop.

    What is to be recited is a prompt too, and tells its own.
    """

    def __init__(self) -> None:
        self._guesser = LanguageGuesser(LANGUAGES.values())
        self._loaded = False
        self._language: str | None = None

    async def load(self) -> None:
        """Get ready to read prompts, in a thread; until then only what people usually speak is known."""
        await asyncio.to_thread(self._guesser.load)
        self._loaded = True

    def heard(self, reply: str) -> None:
        """Learn from an answer too, as far as it was heard."""
        if self._loaded and (language := self._guesser.sure_of(reply)):
            self._language = language

    def of(self, prompt: Prompt) -> str | None:
        """The language of the answer to this, most likely; ``None`` where nothing tells."""
        written = self._guesser.sure_of(prompt.text) if self._loaded else None
        self._language = written or prompt.language or self._language
        return self._language
