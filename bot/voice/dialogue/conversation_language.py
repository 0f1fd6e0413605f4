"""Detects the language of a conversation, to tell the speech server the likely language of the next reply."""

from __future__ import annotations

import asyncio

from bot.voice.turn import Prompt
from languages.guess import LanguageGuesser
from languages.names import LANGUAGES


class ConversationLanguage:
    """The language of one call's conversation. Use it only on the event loop.

    The language is detected in each prompt and in each answer. A text that the bot only reads aloud, without
    asking the model, counts too. If the language of a prompt is uncertain, the usual language of its author is used.

    Args:
        usual: the language, as Whisper's code, until another one is detected; ``None`` if nobody knows.
    """

    def __init__(self, usual: str | None = None) -> None:
        self._guesser = LanguageGuesser(LANGUAGES.values())
        self._loaded = False
        self._language = usual

    @property
    def current(self) -> str | None:
        """The last known language, as Whisper's code; ``None`` before there is one."""
        return self._language

    def expect(self, language: str | None) -> None:
        """Take ``language`` (Whisper's code) for the current one until one is detected. ``None`` changes nothing."""
        self._language = language or self._language

    async def load(self) -> None:
        """Load the language detection, in a thread. Until it is loaded, only people's usual languages are used."""
        await asyncio.to_thread(self._guesser.load)
        self._loaded = True

    def heard(self, reply: str) -> None:
        """Detect the language of an answer. ``reply`` is the part of the answer that people heard."""
        if self._loaded and (language := self._guesser.sure_of(reply)):
            self._language = language

    def of(self, prompt: Prompt) -> str | None:
        """The likely language of the answer to a prompt, as Whisper's code; ``None`` if it is unknown.

        The language of the prompt's text counts first, then its author's usual language, then the last known language.
        """
        written = self._guesser.sure_of(prompt.text) if self._loaded else None
        self._language = written or prompt.language or self._language
        return self._language
